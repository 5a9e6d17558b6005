"""Public keys as certificates carry them. See :rfc:`5280#section-4.1.2.7`, :rfc:`5480`, :rfc:`8410` and :rfc:`8017`.

SubjectPublicKeyInfo ── algorithm ── kind | curve or NULL or nothing
                    └── BIT STRING ── point, or modulus and exponent
"""

from typing import Final

from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from .alert import AlertDescription
from .der import BIT_STRING, INTEGER, NULL, OBJECT_IDENTIFIER, SEQUENCE, DerReader, bit_string, element, integer
from .errors import ProtocolError
from .group import NIST_CURVES, GroupId, encode_point, group_of, load_point
from .signature import PublicKey

_EC_PUBLIC_KEY: Final = bytes.fromhex("2a8648ce3d0201")
_ED25519: Final = bytes.fromhex("2b6570")
_RSA_ENCRYPTION: Final = bytes.fromhex("2a864886f70d010101")
_CURVES: Final = {
    GroupId.SECP256R1: bytes.fromhex("2a8648ce3d030107"),
    GroupId.SECP384R1: bytes.fromhex("2b81040022"),
}
_GROUPS: Final = {identifier: group for group, identifier in _CURVES.items()}

MIN_RSA_BITS: Final = 1024
MAX_RSA_BITS: Final = 8192
"""Verifying with longer keys costs a server too much for what a stranger may ask of it."""


def load_public_key(info: bytes) -> tuple[PublicKey, int | None]:
    """Return the key in the content of a SubjectPublicKeyInfo, and the group of an ECDSA key.

    Raises:
        ValueError: It cannot be read.
        ProtocolError: The key is of another kind (unsupported_certificate).
    """
    outer = DerReader(info)
    algorithm = DerReader(outer.element(SEQUENCE))
    bits = outer.element(BIT_STRING)
    if bits[:1] != b"\x00":
        raise ValueError("the key is no whole number of bytes")
    key = bits[1:]
    kind = algorithm.element(OBJECT_IDENTIFIER)
    # [rfc8422:3.1/1] [rfc8422:5.6/1]
    if kind == _EC_PUBLIC_KEY:
        group = _GROUPS.get(algorithm.element(OBJECT_IDENTIFIER))
        if group is not None:
            return load_point(NIST_CURVES[group], key), group
    elif kind == _ED25519:
        return ed25519.Ed25519PublicKey.from_public_bytes(key), None
    elif kind == _RSA_ENCRYPTION:
        numbers = DerReader(DerReader(key).element(SEQUENCE))
        modulus = int.from_bytes(numbers.element(INTEGER), "big")
        exponent = int.from_bytes(numbers.element(INTEGER), "big")
        if MIN_RSA_BITS <= modulus.bit_length() <= MAX_RSA_BITS and exponent < 2**33:
            return rsa.RSAPublicNumbers(exponent, modulus).public_key(), None
    raise ProtocolError(
        AlertDescription.UNSUPPORTED_CERTIFICATE,
        "the certificate's key is neither P-256, P-384, Ed25519 nor RSA of 1024 to 8192 bits",
        "RFC 8827 section 6.5",
    )


def encode_public_key(key: PublicKey) -> bytes:
    """Return the SubjectPublicKeyInfo of a key that `load_public_key` takes."""
    if isinstance(key, ed25519.Ed25519PublicKey):
        algorithm = element(OBJECT_IDENTIFIER, _ED25519)
        content = key.public_bytes_raw()
    elif isinstance(key, rsa.RSAPublicKey):
        algorithm = element(OBJECT_IDENTIFIER, _RSA_ENCRYPTION) + NULL
        numbers = key.public_numbers()
        content = element(SEQUENCE, integer(numbers.n), integer(numbers.e))
    else:
        curve = _CURVES[group_of(key)]
        algorithm = element(OBJECT_IDENTIFIER, _EC_PUBLIC_KEY) + element(OBJECT_IDENTIFIER, curve)
        content = encode_point(key)
    return element(SEQUENCE, element(SEQUENCE, algorithm), bit_string(content))
