"""ServerHello, and the HelloVerifyRequest that may come before it.

    ServerHello          version (2) | random (32) | session_id<0..32> | cipher_suite (2) | compression (1) | extensions
    HelloVerifyRequest   version (2) | cookie<0..255>

See :rfc:`5246#section-7.4.1.3` and :rfc:`6347#section-4.2.1`.
"""

from typing import ClassVar, Self

from .dataclass import dataclass
from .extensions import Extensions
from .handshake import HandshakeType
from .presentation import Reader, vector
from .version import Version


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerHello:
    """What the server chose."""

    message_type: ClassVar[HandshakeType] = HandshakeType.SERVER_HELLO

    server_version: int
    random: bytes
    cipher_suite: int
    extensions: Extensions
    session_id: bytes = b""
    compression_method: int = 0

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Parse the body of the message.

        Raises:
            ParseError: A length is wrong.
        """
        reader = Reader(body, "server_hello")
        return cls(
            server_version=reader.number(2),
            random=reader.take(32),
            session_id=reader.vector(1, 0, 32),
            cipher_suite=reader.number(2),
            compression_method=reader.number(1),
            extensions=Extensions.parse(reader),
        )

    def __bytes__(self) -> bytes:
        return (
            self.server_version.to_bytes(2, "big")
            + self.random
            + vector(1, self.session_id)
            + self.cipher_suite.to_bytes(2, "big")
            + self.compression_method.to_bytes(1, "big")
            + bytes(self.extensions)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class HelloVerifyRequest:
    """The server wants to see its cookie again before it does any work."""

    message_type: ClassVar[HandshakeType] = HandshakeType.HELLO_VERIFY_REQUEST

    cookie: bytes
    # The version says nothing about what will be negotiated: always DTLS 1.0 from us, ignored from others.
    # [rfc6347:4.2.1/5]
    server_version: int = Version.DTLS_1_0

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Parse the body of the message.

        Raises:
            ParseError: A length is wrong.
        """
        reader = Reader(body, "hello_verify_request")
        # [rfc6347:4.3.2/2] [rfc6347:4.2.1/6] [rfc6347:4.2.1/7]
        message = cls(server_version=reader.number(2), cookie=reader.vector(1))
        reader.finish()
        return message

    def __bytes__(self) -> bytes:
        return self.server_version.to_bytes(2, "big") + vector(1, self.cookie)
