"""ClientHello, with the cookie that DTLS adds. See :rfc:`6347#section-4.2.1` and :rfc:`5246#section-7.4.1.2`.

version (2) | random (32) | session_id<0..32> | cookie<0..255> | cipher_suites<2..> | compression<1..> | extensions
"""

from typing import ClassVar, Self

from .dataclass import dataclass
from .extensions import Extensions
from .handshake import HandshakeType
from .presentation import Reader, numbers, vector


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientHello:
    """What the client offers."""

    message_type: ClassVar[HandshakeType] = HandshakeType.CLIENT_HELLO

    client_version: int
    random: bytes
    cipher_suites: tuple[int, ...]
    extensions: Extensions
    # [rfc9147:5.3/4]
    session_id: bytes = b""
    # [rfc6347:4.2.1/4] [rfc9147:5.3/2]
    cookie: bytes = b""
    # [rfc5246:7.4.1.2/9]
    compression_methods: tuple[int, ...] = (0,)

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Parse the body of the message.

        Raises:
            ParseError: A length is wrong.
        """
        reader = Reader(body, "client_hello")
        return cls(
            client_version=reader.number(2),
            random=reader.take(32),
            session_id=reader.vector(1, 0, 32),
            # [rfc6347:4.3.2/1]
            cookie=reader.vector(1),
            cipher_suites=reader.numbers(2, 2),
            compression_methods=reader.numbers(1, 1),
            extensions=Extensions.parse(reader),
        )

    def __bytes__(self) -> bytes:
        return self._head() + vector(1, self.cookie) + self._tail()

    def without_cookie(self) -> bytes:
        """Everything a cookie is bound to, the cookie itself left out."""
        return self._head() + self._tail()

    def _head(self) -> bytes:
        return self.client_version.to_bytes(2, "big") + self.random + vector(1, self.session_id)

    def _tail(self) -> bytes:
        return numbers(2, 2, self.cipher_suites) + numbers(1, 1, self.compression_methods) + bytes(self.extensions)
