"""The messages about certificates.

    Certificate           opaque certificate<1..2^24-1> in a list<0..2^24-1>, the sender's own first
    CertificateRequest    certificate_types<1..> | signature_algorithms<2..> | certificate_authorities<0..>
    CertificateVerify     signature_algorithm (2) | signature<0..2^16-1>

See :rfc:`5246#section-7.4.2`, :rfc:`5246#section-7.4.4` and :rfc:`5246#section-7.4.8`.
"""

from enum import IntEnum
from typing import ClassVar, Final, Self

from .dataclass import dataclass
from .errors import ParseError
from .handshake import HandshakeType
from .presentation import Reader, numbers, vector, vectors

MAX_CHAIN_COUNT: Final = 16
"""Certificates in one chain; WebRTC sends one."""


class ClientCertificateType(IntEnum):
    """The kinds of key a server asks for."""

    RSA_SIGN = 1
    ECDSA_SIGN = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateMessage:
    """A chain of certificates as raw DER; empty from a client that has none."""

    message_type: ClassVar[HandshakeType] = HandshakeType.CERTIFICATE

    chain: tuple[bytes, ...]

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Parse the body of the message. The certificates themselves are not looked at.

        Raises:
            ParseError: A length is wrong, a certificate is empty, or there are absurdly many.
        """
        reader = Reader(body, "certificate")
        chain = reader.vectors(3, 3, item_floor=1)
        reader.finish()
        if len(chain) > MAX_CHAIN_COUNT:
            raise ParseError(f"certificate: a chain of {len(chain)}")
        return cls(chain=chain)

    def __bytes__(self) -> bytes:
        # [rfc5246:7.4.2/3]
        return vectors(3, 3, self.chain)


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateRequest:
    """The server wants the client to show a certificate."""

    message_type: ClassVar[HandshakeType] = HandshakeType.CERTIFICATE_REQUEST

    certificate_types: tuple[int, ...]
    signature_algorithms: tuple[int, ...]
    certificate_authorities: tuple[bytes, ...] = ()

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Parse the body of the message.

        Raises:
            ParseError: A length is wrong.
        """
        reader = Reader(body, "certificate_request")
        message = cls(
            certificate_types=reader.numbers(1, 1),
            signature_algorithms=reader.numbers(2, 2),
            # [rfc5246:A.6/1]
            certificate_authorities=reader.vectors(2, 2, item_floor=1),
        )
        reader.finish()
        return message

    def __bytes__(self) -> bytes:
        return (
            numbers(1, 1, self.certificate_types)
            + numbers(2, 2, self.signature_algorithms)
            + vectors(2, 2, self.certificate_authorities)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateVerify:
    """The client's proof that it holds the key of its certificate."""

    message_type: ClassVar[HandshakeType] = HandshakeType.CERTIFICATE_VERIFY

    signature_algorithm: int
    signature: bytes

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Parse the body of the message.

        Raises:
            ParseError: A length is wrong.
        """
        reader = Reader(body, "certificate_verify")
        message = cls(signature_algorithm=reader.number(2), signature=reader.vector(2))
        reader.finish()
        return message

    def __bytes__(self) -> bytes:
        return self.signature_algorithm.to_bytes(2, "big") + vector(2, self.signature)
