"""The messages about certificates in DTLS 1.3.

    CertificateRequest    context<0..255> | extensions<2..>
    Certificate           context<0..255> | entries<0..2^24-1>, each certificate<1..2^24-1> | extensions<0..>

CertificateVerify has the shape of DTLS 1.2, but signs something else: `signed_content`. See :rfc:`8446#section-4.3.2`,
:rfc:`8446#section-4.4.2` and :rfc:`8446#section-4.4.3`.
"""

from typing import ClassVar, Self

from .alert import AlertDescription
from .certificate_messages import MAX_CHAIN_COUNT
from .dataclass import dataclass
from .errors import ParseError, ProtocolError
from .extensions import Extensions, ExtensionType, encode_code_points, parse_code_points
from .extensions13 import check_answers, check_places
from .handshake import HandshakeType
from .presentation import Reader, vector


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateRequest13:
    """The server wants the client to show a certificate."""

    message_type: ClassVar[HandshakeType] = HandshakeType.CERTIFICATE_REQUEST

    signature_algorithms: tuple[int, ...]
    context: bytes = b""

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Parse the body of the message. Extensions that we do not know are ignored.

        Raises:
            ParseError: A length is wrong.
            ProtocolError: There are no signature algorithms, or an extension that has no place here.
        """
        reader = Reader(body, "certificate_request")
        context = reader.vector(1)
        extensions = Extensions.parse_required(reader)
        check_places(extensions, "certificate_request")
        data = extensions.find(ExtensionType.SIGNATURE_ALGORITHMS)
        # [rfc8446:4.3.2/2]
        if data is None:
            raise ProtocolError(
                AlertDescription.MISSING_EXTENSION,
                "the server asks for a certificate, but not for any signature algorithm",
                "RFC 8446 section 4.3.2",
            )
        return cls(context=context, signature_algorithms=parse_code_points(data, "signature_algorithms"))

    def __bytes__(self) -> bytes:
        # [rfc8446:4.3.2/2]
        algorithms = encode_code_points(self.signature_algorithms)
        return vector(1, self.context) + Extensions(((ExtensionType.SIGNATURE_ALGORITHMS, algorithms),)).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateMessage13:
    """A chain of certificates as raw DER; empty from a client that has none."""

    message_type: ClassVar[HandshakeType] = HandshakeType.CERTIFICATE

    chain: tuple[bytes, ...]
    context: bytes = b""

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Parse the body of the message. The certificates themselves are not looked at.

        Raises:
            ParseError: A length is wrong, a certificate is empty, or there are absurdly many.
            ProtocolError: An entry has an extension, none of which we asked for.
        """
        reader = Reader(body, "certificate")
        context = reader.vector(1)
        entries = Reader(reader.vector(3), "certificate")
        reader.finish()
        chain = []
        while entries.left:
            chain.append(entries.vector(3, 1))
            extensions = Reader(vector(2, entries.vector(2)), "certificate")
            # [rfc8446:4.4.2/3]
            check_answers(Extensions.parse_required(extensions), "certificate", Extensions())
        if len(chain) > MAX_CHAIN_COUNT:
            raise ParseError(f"certificate: a chain of {len(chain)}")
        return cls(chain=tuple(chain), context=context)

    def __bytes__(self) -> bytes:
        entries = b"".join(vector(3, certificate) + b"\0\0" for certificate in self.chain)
        return vector(1, self.context) + vector(3, entries)


def signed_content(*, by_client: bool, transcript_hash: bytes) -> bytes:
    """What the sender of a CertificateVerify signs."""
    who = b"client" if by_client else b"server"
    # [rfc8446:4.4.3/1]
    return b" " * 64 + b"TLS 1.3, " + who + b" CertificateVerify\0" + transcript_hash
