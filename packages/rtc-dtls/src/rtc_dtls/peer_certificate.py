"""The peer's public key, cut out of its certificate.

WebRTC trusts a certificate because its hash was signalled, and only its key matters: names, dates, extensions and the
signature on it are not looked at (:rfc:`8827#section-6.5`). So odd certificates (no version, negative serial numbers,
broken names, bad dates) work, and no X.509 library has to be imported.

    Certificate ── tbsCertificate ── [0] version? | serial | algorithm | issuer | validity | subject | key info | ...
                                                                             key info ── algorithm | BIT STRING

See :rfc:`5280#section-4.1`.
"""

from typing import Final

from .alert import AlertDescription
from .der import INTEGER, OBJECT_IDENTIFIER, SEQUENCE, VERSION, DerReader
from .errors import ProtocolError
from .public_key_info import load_public_key
from .signature import PrivateKey, fits_13, verify

_SIGNATURE_HASHES: Final = {
    # ecdsa-with-SHA224 and its successors, sha224WithRSAEncryption and its relatives: :rfc:`5758#section-3.2`.
    **{
        bytes.fromhex("2a8648ce3d0403") + bytes((1 + at,)): name
        for at, name in enumerate(("sha-224", "sha-256", "sha-384", "sha-512"))
    },
    **{
        bytes.fromhex("2a864886f70d0101") + bytes((number,)): name
        for number, name in ((14, "sha-224"), (11, "sha-256"), (12, "sha-384"), (13, "sha-512"))
    },
}


class PeerKey:
    """The public key in a certificate of the peer."""

    __slots__ = ("_key", "certificate", "group")

    def __init__(self, certificate: bytes) -> None:
        """Take a certificate.

        Args:
            certificate: Raw DER as received.

        Raises:
            ProtocolError: It cannot be read (bad_certificate), or its key is of another kind (unsupported_certificate).
        """
        self.certificate = certificate
        self._load()

    def __getstate__(self) -> bytes:
        return self.certificate

    def __setstate__(self, certificate: bytes) -> None:
        self.certificate = certificate
        self._load()

    def _load(self) -> None:
        """Make the library's object, which can neither be copied nor pickled."""
        try:
            self._key, self.group = load_public_key(_subject_public_key(self.certificate))
        except ValueError as error:
            raise ProtocolError(
                AlertDescription.BAD_CERTIFICATE, f"the certificate cannot be read: {error}", "RFC 5280 section 4.1"
            ) from error

    def belongs_to(self, key: PrivateKey) -> bool:
        """Whether this is the public part of a private key."""
        return key.public_key() == self._key

    def verify(self, scheme: int, signature: bytes, message: bytes, section: str) -> None:
        """Check a signature; returning means it is good. See `signature.verify`."""
        verify(self._key, scheme, signature, message, section)

    def verify_13(self, scheme: int, signature: bytes, message: bytes) -> None:
        """Check the signature of a CertificateVerify of DTLS 1.3; returning means it is good.

        Raises:
            ProtocolError: The scheme is none of this version or does not fit the key, or the signature is wrong.
        """
        section = "RFC 8446 section 4.4.3"
        # [rfc8446:4.4.3/3] [rfc8446:4.2.3/2]
        if not fits_13(self._key, scheme):
            raise ProtocolError(
                AlertDescription.ILLEGAL_PARAMETER,
                f"signature scheme {scheme:#06x} was not offered or does not fit the key",
                section,
            )
        # [rfc8446:4.4.3/4]
        self.verify(scheme, signature, message, section)


def signature_hash(certificate: bytes) -> str | None:
    """Tell which hash function a certificate is signed with, by its name in SDP; None if it has none, or an unknown one.

    Raises:
        ValueError: It cannot be read.
    """
    outer = DerReader(DerReader(certificate).element(SEQUENCE))
    outer.element(SEQUENCE)
    kind = DerReader(outer.element(SEQUENCE)).element(OBJECT_IDENTIFIER)
    return _SIGNATURE_HASHES.get(kind)


def _subject_public_key(certificate: bytes) -> bytes:
    to_be_signed = DerReader(DerReader(DerReader(certificate).element(SEQUENCE)).element(SEQUENCE))
    if to_be_signed.peek() == VERSION:
        to_be_signed.element(VERSION)
    to_be_signed.element(INTEGER)
    for _algorithm_issuer_validity_subject in range(4):
        to_be_signed.element(SEQUENCE)
    return to_be_signed.element(SEQUENCE)
