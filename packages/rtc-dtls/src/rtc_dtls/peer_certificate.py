"""The peer's public key, cut out of its certificate.

WebRTC trusts a certificate because its hash was signalled, and only its key matters: names, dates, extensions and the
signature on it are not looked at (:rfc:`8827#section-6.5`). So odd certificates (no version, negative serial numbers,
broken names, bad dates) work, and no X.509 library has to be imported.

    Certificate ── tbsCertificate ── [0] version? | serial | algorithm | issuer | validity | subject | key info | ...
                                                                             key info ── algorithm | BIT STRING

See :rfc:`5280#section-4.1`.
"""

from typing import Final

from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from .alert import AlertDescription
from .errors import ProtocolError
from .group import NIST_CURVES, GroupId, load_point
from .signature import PrivateKey, PublicKey, fits_13, verify

_SEQUENCE: Final = 0x30
_INTEGER: Final = 0x02
_BIT_STRING: Final = 0x03
_OBJECT_IDENTIFIER: Final = 0x06
_VERSION: Final = 0xA0

_EC_PUBLIC_KEY: Final = bytes.fromhex("2a8648ce3d0201")
_ED25519: Final = bytes.fromhex("2b6570")
_RSA_ENCRYPTION: Final = bytes.fromhex("2a864886f70d010101")
_CURVES: Final = {
    bytes.fromhex("2a8648ce3d030107"): GroupId.SECP256R1,
    bytes.fromhex("2b81040022"): GroupId.SECP384R1,
}

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

MIN_RSA_BITS: Final = 1024
MAX_RSA_BITS: Final = 8192
"""Verifying with longer keys costs a server too much for what a stranger may ask of it."""


class _Der:
    """Reads one level of DER elements."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def peek(self) -> int:
        """Return the next tag, 0 at the end."""
        return self._data[self._at] if self._at < len(self._data) else 0

    def element(self, tag: int) -> bytes:
        """Return the content of the next element.

        Raises:
            ValueError: It has another tag, or its length is wrong.
        """
        data, at = self._data, self._at
        if at + 2 > len(data) or data[at] != tag:
            raise ValueError(f"no element {tag:#04x} at {at}")
        length = data[at + 1]
        at += 2
        if length >= 0x80:
            size = length - 0x80
            if not 1 <= size <= 3 or at + size > len(data):
                raise ValueError("a length that DER does not have")
            length = int.from_bytes(data[at : at + size], "big")
            at += size
        if at + length > len(data):
            raise ValueError(f"an element of {length} bytes, {len(data) - at} left")
        self._at = at + length
        return data[at : self._at]


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
            self._key, self.group = _load_key(*_subject_public_key(self.certificate))
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
    outer = _Der(_Der(certificate).element(_SEQUENCE))
    outer.element(_SEQUENCE)
    kind = _Der(outer.element(_SEQUENCE)).element(_OBJECT_IDENTIFIER)
    return _SIGNATURE_HASHES.get(kind)


def _subject_public_key(certificate: bytes) -> tuple[_Der, bytes]:
    to_be_signed = _Der(_Der(_Der(certificate).element(_SEQUENCE)).element(_SEQUENCE))
    if to_be_signed.peek() == _VERSION:
        to_be_signed.element(_VERSION)
    to_be_signed.element(_INTEGER)
    for _algorithm_issuer_validity_subject in range(4):
        to_be_signed.element(_SEQUENCE)
    info = _Der(to_be_signed.element(_SEQUENCE))
    algorithm = _Der(info.element(_SEQUENCE))
    bits = info.element(_BIT_STRING)
    if bits[:1] != b"\x00":
        raise ValueError("the key is no whole number of bytes")
    return algorithm, bits[1:]


def _load_key(algorithm: _Der, key: bytes) -> tuple[PublicKey, int | None]:
    kind = algorithm.element(_OBJECT_IDENTIFIER)
    # [rfc8422:3.1/1] [rfc8422:5.6/1]
    if kind == _EC_PUBLIC_KEY:
        group = _CURVES.get(algorithm.element(_OBJECT_IDENTIFIER))
        if group is not None:
            return load_point(NIST_CURVES[group], key), group
    elif kind == _ED25519:
        return ed25519.Ed25519PublicKey.from_public_bytes(key), None
    elif kind == _RSA_ENCRYPTION:
        numbers = _Der(_Der(key).element(_SEQUENCE))
        modulus = int.from_bytes(numbers.element(_INTEGER), "big")
        exponent = int.from_bytes(numbers.element(_INTEGER), "big")
        if MIN_RSA_BITS <= modulus.bit_length() <= MAX_RSA_BITS and exponent < 2**33:
            return rsa.RSAPublicNumbers(exponent, modulus).public_key(), None
    raise ProtocolError(
        AlertDescription.UNSUPPORTED_CERTIFICATE,
        "the certificate's key is neither P-256, P-384, Ed25519 nor RSA of 1024 to 8192 bits",
        "RFC 8827 section 6.5",
    )
