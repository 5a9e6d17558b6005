"""The hellos: what is said before the version is known, and the one place where the version is chosen.

    Client                                     Server

    ClientHello              ───────────────►
                             ◄───────────────  HelloVerifyRequest (if the server wants cookies)
    ClientHello with cookie  ───────────────►
                             ◄───────────────  ServerHello ... from here on `client12` and `server12` go on

The server knows nothing about its peer yet: it drops what is not a ClientHello, as that may be left over from before,
and keeps nothing for a client that has not returned its cookie.
"""

from typing import Final

from .alert import AlertDescription
from .client12 import Client12
from .client_hello import ClientHello
from .context import HandshakeContext, unexpected
from .cookie import is_cookie_valid, make_cookie
from .errors import ProtocolError
from .extensions import (
    NO_RENEGOTIATED_CONNECTION,
    UNCOMPRESSED_POINT,
    Extensions,
    ExtensionType,
    encode_code_points,
    encode_protocol_names,
    parse_supported_versions,
)
from .handshake import HandshakeMessage, HandshakeType
from .record import MAX_SEQUENCE_NUMBER
from .server12 import Server12
from .server_hello import HelloVerifyRequest, ServerHello
from .signature import SIGNATURE_SCHEMES
from .srtp import encode_use_srtp
from .transcript import Transcript
from .version import Version

MAX_HELLO_VERIFY_REQUESTS: Final = 5
"""Cookies a client returns before it gives up: servers change secrets, but not that often."""


HIGHEST_HELLO_NUMBER: Final = MAX_SEQUENCE_NUMBER - 2**16
"""The server goes on from the record number of the hello, so there must be some left: they never run into epoch 1."""


class ClientNegotiation:
    """The client until the ServerHello."""

    __slots__ = ("_context", "_hello", "_requests", "_transcript")

    def __init__(self, context: HandshakeContext) -> None:
        self._context = context
        self._requests = 0
        self._transcript = Transcript()
        self._hello = ClientHello(
            # [rfc5246:7.4.1.2/6] [rfc5246:E.1/6] [rfc5288:4/1]
            client_version=Version.DTLS_1_2,
            # [rfc5246:7.4.1.2/1]
            random=context.rng(32),
            cipher_suites=context.config.cipher_suites,
            extensions=_client_extensions(context),
        )

    def start(self) -> None:
        """Send the first ClientHello."""
        self._send_hello()

    def receive(self, message: HandshakeMessage) -> Client12 | None:
        """Take a message and return the engine of the version that the server chose, once it did.

        Raises:
            ParseError: The message is malformed.
            ProtocolError: The server may not answer so.
        """
        if message.message_type == HandshakeType.HELLO_VERIFY_REQUEST:
            # [rfc6347:4.2.1/20] [rfc6347:5/2] [rfc6347:4.2.1/23]
            self._return_cookie(HelloVerifyRequest.parse(message.body))
            return None
        if message.message_type != HandshakeType.SERVER_HELLO:
            raise unexpected(message, self)
        server_hello = ServerHello.parse(message.body)
        # [rfc5246:E.1/1] [rfc5288:4/4]
        if server_hello.server_version != Version.DTLS_1_2:
            raise ProtocolError(
                AlertDescription.PROTOCOL_VERSION,
                f"the server chose version {server_hello.server_version:#06x}, which was not offered",
                "RFC 5246 section 7.4.1.3",
            )
        self._transcript.add(bytes(message))
        return Client12(self._context, self._transcript, self._hello, server_hello)

    def _return_cookie(self, request: HelloVerifyRequest) -> None:
        """Say the same again with the cookie: same random, same offers. See :rfc:`6347#section-4.2.1`."""
        self._requests += 1
        if self._requests > MAX_HELLO_VERIFY_REQUESTS:
            raise ProtocolError(
                AlertDescription.HANDSHAKE_FAILURE,
                "the server wants one cookie after the other",
                "RFC 6347 section 4.2.1",
            )
        hello = self._hello
        # [rfc6347:4.2.1/2] [rfc6347:4.2.1/8]
        self._hello = ClientHello(
            client_version=hello.client_version,
            random=hello.random,
            cipher_suites=hello.cipher_suites,
            extensions=hello.extensions,
            cookie=request.cookie,
        )
        # [rfc6347:4.2.1/21]
        # Neither the request nor the hello before it is part of the transcript.
        self._transcript.clear()
        self._send_hello()

    def _send_hello(self) -> None:
        self._transcript.add(bytes(self._context.layer.compose(self._hello)))
        self._context.layer.send_flight()


class ServerNegotiation:
    """The server until a ClientHello that it accepts."""

    __slots__ = ("_context",)

    def __init__(self, context: HandshakeContext) -> None:
        self._context = context

    def receive(self, message: HandshakeMessage) -> Server12 | None:
        """Take a message and return the engine of the version that we chose, once there is an acceptable hello.

        Raises:
            ParseError: The message is malformed.
            ProtocolError: There is nothing that both sides speak.
        """
        context = self._context
        if context.layer.received_number > HIGHEST_HELLO_NUMBER:
            context.journal.drop("client_hello_number_too_high")
            return None
        secrets = context.config.cookie_secrets
        hello = ClientHello.parse(message.body)
        # [rfc6347:4.2.1/1] [rfc6347:4.2.1/3] [rfc6347:4.2.1/17]
        if secrets and not is_cookie_valid(secrets, context.peer_address, hello):
            # [rfc6347:4.2.1/22]
            # A wrong cookie is like none. The answer takes over the client's numbers, as we have none of our own.
            request = HelloVerifyRequest(cookie=make_cookie(secrets[0], context.peer_address, hello))
            context.layer.send_once(request, message.message_seq, context.layer.received_number)
            return None
        # [rfc6347:4.2.1/14]
        context.records.set_plaintext_number(context.layer.received_number)
        context.layer.synchronise(message.message_seq)
        _check_version(hello)
        transcript = Transcript()
        transcript.add(bytes(message))
        return Server12(context, transcript, hello)


def _check_version(hello: ClientHello) -> None:
    """Choose DTLS 1.2, the only version so far, if the client has it.

    supported_versions counts alone where it is sent; Firefox lists a TLS version in it, which is nothing to us.
    """
    data = hello.extensions.find(ExtensionType.SUPPORTED_VERSIONS)
    if data is not None:
        offered = Version.DTLS_1_2 in parse_supported_versions(data)
    else:
        # [rfc5246:E.1/2] [rfc5746:3.6/6] [rfc5246:7.4.1.3/5]
        # Newer versions are numerically lower; a client that has a newer one has this, too.
        offered = hello.client_version >> 8 == Version.DTLS_1_2 >> 8 and hello.client_version <= Version.DTLS_1_2
    # [rfc5246:E.1/3]
    if not offered:
        raise ProtocolError(
            AlertDescription.PROTOCOL_VERSION, "the client does not speak DTLS 1.2", "RFC 6347 section 4.2.1"
        )


def _client_extensions(context: HandshakeContext) -> Extensions:
    config = context.config
    items: list[tuple[int, bytes]] = [
        # [rfc7627:5.2/1] [rfc7627:5.1/2] [rfc5246:7.4.1.2/10]
        (ExtensionType.EXTENDED_MASTER_SECRET, b""),
        # [rfc5746:3.4/1] [rfc5746:3.4/2]
        # In place of the signalling cipher suite.
        (ExtensionType.RENEGOTIATION_INFO, NO_RENEGOTIATED_CONNECTION),
        # [rfc8422:4/1] [rfc8422:5.1/1] [rfc8422:5.1.1/1]
        (ExtensionType.SUPPORTED_GROUPS, encode_code_points(config.groups)),
        # [rfc8422:5.1/2] [rfc8422:5.1.2/3]
        (ExtensionType.EC_POINT_FORMATS, UNCOMPRESSED_POINT),
        # [rfc5246:7.4.1.4.1/3]
        (ExtensionType.SIGNATURE_ALGORITHMS, encode_code_points(SIGNATURE_SCHEMES)),
    ]
    if config.srtp_profiles:
        # [rfc5764:4.1.1/1] [rfc5764:4.1/1]
        items.append((ExtensionType.USE_SRTP, encode_use_srtp(config.srtp_profiles)))
    if config.alpn_protocols:
        names = (name.encode() for name in config.alpn_protocols)
        # [rfc7301:3.1/1]
        items.append((ExtensionType.ALPN, encode_protocol_names(names)))
    return Extensions(items)
