"""The client until the version is chosen: its hellos, and what a server may say before it chooses.

Client                                     Server

ClientHello              ───────────────►
◄───────────────  HelloVerifyRequest (1.2) or HelloRetryRequest (1.3), if it wants
ClientHello, again       ───────────────►
◄───────────────  ServerHello ... from here on `client12` or `client13` goes on
"""

from typing import Final

from .alert import AlertDescription
from .cipher_suite13 import CIPHER_SUITES_13, CipherSuite13
from .client_hello import ClientHello
from .client_offer import make_client_hello
from .context import HandshakeContext, unexpected
from .engine import Engine
from .errors import ProtocolError
from .extensions import Extensions, ExtensionType
from .extensions13 import check_answers, encode_cookie, parse_cookie, parse_selected_version
from .handshake import HandshakeMessage, HandshakeType, tls_message
from .hello_retry import RETRY_RANDOM
from .key_share import KeyPair, encode_client_shares, generate_key_pair, parse_selected_group
from .server_hello import HelloVerifyRequest, ServerHello
from .transcript import Transcript
from .version import Version

MAX_HELLO_VERIFY_REQUESTS: Final = 5
"""Cookies of DTLS 1.2 a client returns before it gives up: servers change secrets, but not that often."""


class ClientNegotiation:
    """The client until the ServerHello."""

    outcome: Final = None
    """Nothing is settled before the engine of a version has taken over."""

    __slots__ = ("_context", "_hello", "_hello_message", "_key_pairs", "_requests", "_retried", "_retry_transcript")

    def __init__(self, context: HandshakeContext) -> None:
        config = context.config
        self._context = context
        self._requests = 0
        is_13 = Version.DTLS_1_3 in config.spoken_versions
        groups = config.offered_key_shares if is_13 else ()
        self._key_pairs: tuple[KeyPair, ...] = tuple(generate_key_pair(group, context.rng) for group in groups)
        self._hello = make_client_hello(config, self._key_pairs, context.rng)
        self._hello_message: HandshakeMessage | None = None
        """The last hello as it was sent."""
        self._retried: int | None = None
        """The cipher suite of the HelloRetryRequest, once there was one."""
        self._retry_transcript = b""
        """What stands before the last hello in the transcript of DTLS 1.3."""

    def start(self) -> None:
        """Send the first ClientHello."""
        self._send_hello()

    def receive(self, message: HandshakeMessage) -> Engine | None:
        """Take a message and return the engine of the version that the server chose, once it did.

        Raises:
            ParseError: The message is malformed.
            ProtocolError: The server may not answer so.
        """
        if message.message_type == HandshakeType.HELLO_VERIFY_REQUEST:
            # [rfc9147:5.2/5] [rfc6347:4.2.1/20] [rfc6347:5/2] [rfc6347:4.2.1/23]
            self._return_cookie(HelloVerifyRequest.parse(message.body))
            return None
        if message.message_type != HandshakeType.SERVER_HELLO:
            raise unexpected(message, self)
        server_hello = ServerHello.parse(message.body)
        if self._version(server_hello) == Version.DTLS_1_2:
            from .client12 import Client12

            return Client12(self._context, self._transcript12(message), self._hello, server_hello)
        if server_hello.random == RETRY_RANDOM:
            self._retry(message, server_hello)
            return None
        # [rfc8446:4.1.4/3]
        if self._retried is not None and server_hello.cipher_suite != self._retried:
            raise _illegal("the server changed its mind about the cipher suite", "RFC 8446 section 4.1.4")
        from .client13 import Client13

        transcript = Transcript()
        transcript.add(self._retry_transcript + self._sent().without_dtls_fields() + message.without_dtls_fields())
        suite = _accept(self._context, self._hello, server_hello)
        return Client13(self._context, transcript, self._hello, self._key_pairs, server_hello, suite)

    def _version(self, server_hello: ServerHello) -> Version:
        """Return the version that the server chose. See :rfc:`8446#section-4.2.1`."""
        # To a client of 1.2 alone the extension is one that it did not send, which is found out there.
        is_13 = Version.DTLS_1_3 in self._context.config.spoken_versions
        data = server_hello.extensions.find(ExtensionType.SUPPORTED_VERSIONS) if is_13 else None
        # [rfc8446:4.2.1/3]
        chosen = server_hello.server_version if data is None else parse_selected_version(data)
        # [rfc5246:E.1/1] [rfc5288:4/4] [rfc8446:4.2.1/4]
        if chosen not in self._context.config.spoken_versions or (chosen == Version.DTLS_1_3) != (data is not None):
            alert = AlertDescription.PROTOCOL_VERSION if data is None else AlertDescription.ILLEGAL_PARAMETER
            raise ProtocolError(
                alert, f"the server chose version {chosen:#06x}, which was not offered", "RFC 8446 section 4.2.1"
            )
        if self._retried is not None and chosen != Version.DTLS_1_3:
            raise _illegal("the server changed its mind about the version", "RFC 8446 section 4.1.4")
        return Version(chosen)

    def _transcript12(self, message: HandshakeMessage) -> Transcript:
        # [rfc6347:4.2.1/21] [rfc6347:4.2.6/3]
        # Neither a HelloVerifyRequest nor the hello before it is part of the transcript.
        # [rfc6347:4.2.6/1] [rfc6347:4.2.6/2]
        transcript = Transcript()
        transcript.add(bytes(self._sent()) + bytes(message))
        return transcript

    def _return_cookie(self, request: HelloVerifyRequest) -> None:
        """Say the same again with the cookie: same random, same offers. See :rfc:`6347#section-4.2.1`."""
        self._requests += 1
        if self._requests > MAX_HELLO_VERIFY_REQUESTS:
            raise ProtocolError(
                AlertDescription.HANDSHAKE_FAILURE,
                "the server wants one cookie after the other",
                "RFC 6347 section 4.2.1",
            )
        if Version.DTLS_1_2 not in self._context.config.spoken_versions or self._retried is not None:
            raise ProtocolError(
                AlertDescription.UNEXPECTED_MESSAGE, "a HelloVerifyRequest in DTLS 1.3", "RFC 9147 section 5.1"
            )
        # [rfc6347:4.2.1/2] [rfc6347:4.2.1/8]
        self._say_again(self._hello.extensions, cookie=request.cookie)

    def _retry(self, message: HandshakeMessage, request: ServerHello) -> None:
        """Send what the server asks for. See :rfc:`8446#section-4.1.4`."""
        section = "RFC 8446 section 4.1.4"
        # [rfc9147:5.1/6] [rfc8446:4.1.4/2]
        if self._retried is not None:
            raise ProtocolError(AlertDescription.UNEXPECTED_MESSAGE, "a second HelloRetryRequest", section)
        suite = _accept(self._context, self._hello, request)
        check_answers(request.extensions, "hello_retry_request", self._hello.extensions)
        cookie = request.extensions.find(ExtensionType.COOKIE)
        key_share = request.extensions.find(ExtensionType.KEY_SHARE)
        # [rfc8446:4.1.4/1]
        if cookie is None and key_share is None:
            raise _illegal("a HelloRetryRequest that changes nothing", section)
        changed: dict[int, bytes] = {}
        if key_share is not None:
            group = parse_selected_group(key_share)
            # [rfc8446:4.2.8/6]
            if group not in self._context.config.groups or group in (pair.group for pair in self._key_pairs):
                raise _illegal(f"a HelloRetryRequest for group {group}", "RFC 8446 section 4.2.8")
            # [rfc8446:4.2.8/7]
            self._key_pairs = (generate_key_pair(group, self._context.rng),)
            changed[ExtensionType.KEY_SHARE] = encode_client_shares(self._key_pairs)
        if cookie is not None:
            # [rfc8446:4.2.2/1] [rfc9147:5.1/1]
            changed[ExtensionType.COOKIE] = encode_cookie(parse_cookie(cookie))
        self._retried = request.cipher_suite
        first = Transcript()
        first.add(self._sent().without_dtls_fields())
        # [rfc8446:4.4.1/1] [rfc9147:5.1/4]
        message_hash = tls_message(HandshakeType.MESSAGE_HASH, first.digest(suite.hash_name))
        self._retry_transcript = message_hash + message.without_dtls_fields()
        # [rfc8446:4.1.2/1]
        self._say_again(Extensions({**dict(self._hello.extensions.items), **changed}.items()))

    def _say_again(self, extensions: Extensions, cookie: bytes = b"") -> None:
        hello = self._hello
        self._hello = ClientHello(
            client_version=hello.client_version,
            random=hello.random,
            cipher_suites=hello.cipher_suites,
            extensions=extensions,
            cookie=cookie,
        )
        self._send_hello()

    def _send_hello(self) -> None:
        self._hello_message = self._context.layer.compose(self._hello)
        self._context.layer.send_flight()

    def _sent(self) -> HandshakeMessage:
        if self._hello_message is None:
            raise TypeError("nothing can be received before the first hello")
        return self._hello_message


def _accept(context: HandshakeContext, hello: ClientHello, server_hello: ServerHello) -> CipherSuite13:
    """Check what a ServerHello and a HelloRetryRequest have in common, and return the suite.

    Raises:
        ProtocolError: The server chose what was not offered.
    """
    section = "RFC 8446 section 4.1.3"
    # A server that wanted a cookie of DTLS 1.2 cannot go on in 1.3.
    if hello.cookie or server_hello.server_version != Version.DTLS_1_2:
        raise ProtocolError(AlertDescription.ILLEGAL_PARAMETER, "two versions in one handshake", section)
    # [rfc8446:4.1.3/2] [rfc9147:5/1]
    if server_hello.session_id != hello.session_id:
        raise ProtocolError(AlertDescription.ILLEGAL_PARAMETER, "the server has another session id", section)
    # [rfc8446:4.1.3/6]
    if server_hello.cipher_suite not in context.config.cipher_suites_13:
        raise ProtocolError(
            AlertDescription.ILLEGAL_PARAMETER,
            f"the server chose cipher suite {server_hello.cipher_suite:#06x}, which was not offered",
            section,
        )
    if server_hello.compression_method != 0:
        raise ProtocolError(AlertDescription.ILLEGAL_PARAMETER, "the server chose compression", section)
    return CIPHER_SUITES_13[server_hello.cipher_suite]


def _illegal(message: str, section: str) -> ProtocolError:
    return ProtocolError(AlertDescription.ILLEGAL_PARAMETER, message, section)
