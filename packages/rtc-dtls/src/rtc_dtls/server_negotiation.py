"""The server until a ClientHello that it accepts, and the one place where the version is chosen.

    Client                                     Server

    ClientHello              ───────────────►
                             ◄───────────────  HelloVerifyRequest (1.2, for a cookie)
                                               or HelloRetryRequest (1.3, for a cookie or a share of another group)
    ClientHello, again       ───────────────►
                             ◄───────────────  ServerHello ... from here on `server12` or `server13` goes on

The server knows nothing about its peer yet: it drops what is not a ClientHello, as that may be left over from before, and
keeps nothing between the hellos: a cookie holds what it has to know.
"""

from typing import Final

from .alert import Alert, AlertDescription, AlertLevel
from .client_hello import ClientHello
from .context import HandshakeContext
from .cookie import is_cookie_valid, make_cookie
from .engine import Engine
from .errors import ProtocolError
from .extensions import ExtensionType, parse_supported_versions
from .extensions13 import parse_cookie
from .handshake import HandshakeMessage
from .hello_retry import Retry, open_cookie, unchanging_digest
from .record import MAX_SEQUENCE_NUMBER, ContentType
from .server_choice13 import Choice, choose
from .server_hello import HelloVerifyRequest
from .transcript import Transcript
from .version import Version

HIGHEST_HELLO_NUMBER: Final = MAX_SEQUENCE_NUMBER - 2**16
"""The server goes on from the record number of the hello, so there must be some left: they never run into epoch 1."""

COOKIE_SECRET_LENGTH: Final = 32


class ServerNegotiation:
    """The server until a ClientHello that it accepts."""

    __slots__ = ("_context", "_secret")

    outcome: Final = None
    """Nothing is settled before the engine of a version has taken over."""

    def __init__(self, context: HandshakeContext) -> None:
        self._context = context
        self._secret = b""
        """For the cookies of this connection alone, where the configuration wants none but a share is missing."""

    def receive(self, message: HandshakeMessage) -> Engine | None:
        """Take a message and return the engine of the version that we chose, once there is an acceptable hello.

        Raises:
            ParseError: The message is malformed.
            ProtocolError: There is nothing that both sides speak.
        """
        context = self._context
        if context.layer.received_number > HIGHEST_HELLO_NUMBER:
            context.journal.drop("client_hello_number_too_high")
            return None
        hello = ClientHello.parse(message.body)
        if _choose_version(context, hello) == Version.DTLS_1_3:
            return self._negotiate13(message, hello)
        return self._negotiate12(message, hello)

    def _negotiate12(self, message: HandshakeMessage, hello: ClientHello) -> Engine | None:
        context = self._context
        secrets = context.config.cookie_secrets
        # [rfc6347:4.2.1/1] [rfc6347:4.2.1/3] [rfc6347:4.2.1/17]
        if secrets and not is_cookie_valid(secrets, context.peer_address, hello):
            # [rfc6347:4.2.1/22]
            # A wrong cookie is like none. The answer takes over the client's numbers, as we have none of our own.
            request = HelloVerifyRequest(cookie=make_cookie(secrets[0], context.peer_address, hello))
            context.layer.send_message_once(request, message.message_seq, context.layer.received_number)
            return None
        from .server12 import Server12

        self._accept(message)
        transcript = Transcript()
        # [rfc6347:4.2.6/1] [rfc6347:4.2.6/2]
        transcript.add(bytes(message))
        return Server12(context, transcript, hello)

    def _negotiate13(self, message: HandshakeMessage, hello: ClientHello) -> Engine | None:
        context = self._context
        # [rfc9147:5.2/4]
        choice = choose(context.config, hello)
        data = hello.extensions.find(ExtensionType.COOKIE)
        if data is None:
            # [rfc9147:5.1/2] [rfc8446:4.1.1/3]
            if context.config.cookie_secrets or choice.share is None:
                self._ask_again(message, hello, choice)
                return None
            transcript = Transcript()
        else:
            cookie = parse_cookie(data)
            retry = open_cookie(self._secrets, context.peer_address, cookie)
            if retry is None:
                self._refuse_cookie()
                return None
            choice = _check_second_hello(retry, choice, hello)
            transcript = retry.transcript(cookie)
        if choice.share is None:
            raise _illegal("the share that was asked for is not there")
        from .server13 import Server13

        self._accept(message)
        transcript.add(message.without_dtls_fields())
        return Server13(context, transcript, hello, choice, choice.share)

    def _ask_again(self, message: HandshakeMessage, hello: ClientHello, choice: Choice) -> None:
        context = self._context
        if not self._secrets:
            self._secret = context.rng(COOKIE_SECRET_LENGTH)
        retry = Retry.after(choice.suite, None if choice.share else choice.group, hello, message)
        request = retry.message(retry.cookie(self._secrets[0], context.peer_address))
        # [rfc9147:5.1/3]
        context.layer.send_message_once(request, message.message_seq, context.layer.received_number)

    def _refuse_cookie(self) -> None:
        """Tell the client to start again; with the secrets of an open port we are as if nothing had been said."""
        # [rfc9147:5.1/7]
        if not self._context.config.cookie_secrets:
            raise _illegal("a cookie that is not ours")
        alert = Alert(AlertLevel.FATAL, AlertDescription.ILLEGAL_PARAMETER)
        self._context.journal.drop("client_hello_wrong_cookie")
        self._context.layer.send_once(ContentType.ALERT, bytes(alert), self._context.layer.received_number)

    @property
    def _secrets(self) -> tuple[bytes, ...]:
        return self._context.config.cookie_secrets or ((self._secret,) if self._secret else ())

    def _accept(self, message: HandshakeMessage) -> None:
        """Go on with the client's numbers. Pieces of other hellos are forgotten."""
        # [rfc6347:4.2.1/14]
        self._context.records.set_plaintext_number(self._context.layer.received_number)
        self._context.layer.synchronise(message.message_seq)


def _choose_version(context: HandshakeContext, hello: ClientHello) -> Version:
    """Choose the newest version in common.

    supported_versions counts alone where it is sent; Firefox lists a TLS version in it, which is nothing to us.
    """
    data = hello.extensions.find(ExtensionType.SUPPORTED_VERSIONS)
    # [rfc8446:4.2.1/5] [rfc8446:4.2.1/6]
    if data is not None:
        offered = parse_supported_versions(data)
    else:
        # [rfc5246:E.1/2] [rfc5746:3.6/6] [rfc5246:7.4.1.3/5]
        # Newer versions are numerically lower; a client that has a newer one has 1.2, too.
        has_12 = hello.client_version >> 8 == Version.DTLS_1_2 >> 8 and hello.client_version <= Version.DTLS_1_2
        offered = (Version.DTLS_1_2,) if has_12 else ()
    for version in context.config.spoken_versions:
        if version in offered:
            return version
    # [rfc5246:E.1/3]
    raise ProtocolError(
        AlertDescription.PROTOCOL_VERSION, "the client speaks no version of ours", "RFC 8446 section 4.2.1"
    )


def _check_second_hello(retry: Retry, choice: Choice, hello: ClientHello) -> Choice:
    """Check that the client did what it was asked for and nothing else, and return what follows from it."""
    # [rfc8446:4.1.2/1] [rfc8446:4.1.2/2]
    if unchanging_digest(hello) != retry.unchanging:
        raise _illegal("the second hello differs from the first in more than was asked for")
    if retry.group is not None and choice.group != retry.group:
        raise _illegal("the share that was asked for is not there")
    return Choice(suite=retry.suite, group=choice.group, share=choice.share)


def _illegal(message: str) -> ProtocolError:
    return ProtocolError(AlertDescription.ILLEGAL_PARAMETER, message, "RFC 8446 section 4.1.2")
