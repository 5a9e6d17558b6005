"""Self-signed certificates, written by hand: they are all that WebRTC needs of X.509, and a library for it takes longer to load than a handshake.

    Certificate ─┬─ tbsCertificate ── [0] version 3 | serial | algorithm | issuer | validity | subject | key info
                 ├─ algorithm
                 └─ signature

See :rfc:`5280#section-4.1`.
"""

from datetime import UTC, datetime
from typing import Final

from .der import (
    GENERALIZED_TIME,
    NULL,
    OBJECT_IDENTIFIER,
    SEQUENCE,
    SET,
    UTC_TIME,
    UTF8_STRING,
    VERSION,
    bit_string,
    element,
    integer,
)
from .public_key_info import encode_public_key
from .signature import KeyType, PrivateKey, SignatureScheme, key_type_of, sign

MAX_COMMON_NAME_LENGTH: Final = 64
"""Of its UTF-8. :rfc:`5280#appendix-A.1` means characters, but libraries count bytes."""

_VERSION_3: Final = 2
_COMMON_NAME: Final = bytes.fromhex("550403")

# [rfc5246:7.4.2/6] [rfc5246:7.4.6/5]
_ALGORITHMS: Final[dict[KeyType, tuple[SignatureScheme, bytes]]] = {
    "ecdsa": (SignatureScheme.ECDSA_SHA256, element(OBJECT_IDENTIFIER, bytes.fromhex("2a8648ce3d040302"))),
    "ed25519": (SignatureScheme.ED25519, element(OBJECT_IDENTIFIER, bytes.fromhex("2b6570"))),
    "rsa": (SignatureScheme.RSA_PKCS1_SHA256, element(OBJECT_IDENTIFIER, bytes.fromhex("2a864886f70d01010b")) + NULL),
}
"""What a key of each kind signs with, and how the algorithm is named."""


def self_signed(
    key: PrivateKey, *, serial_number: int, common_name: str, not_before: datetime, not_after: datetime
) -> bytes:
    """Return a certificate as DER.

    Args:
        key: Whose it is, and who signs it.
        serial_number: Positive, and 20 bytes at most (:rfc:`5280#section-4.1.2.2`).
        common_name: Subject and issuer, 1 to 64 bytes of UTF-8.
        not_before: From when on it is valid, with its zone.
        not_after: Until when.

    Raises:
        ValueError: The name is too long or empty, or it would never be valid.
    """
    if not 1 <= len(common_name.encode()) <= MAX_COMMON_NAME_LENGTH:
        raise ValueError(f"a common name has 1 to {MAX_COMMON_NAME_LENGTH} bytes")
    if not_after < not_before:
        raise ValueError("a certificate that ends before it begins")
    scheme, identifier = _ALGORITHMS[key_type_of(key)]
    algorithm = element(SEQUENCE, identifier)
    attribute = element(SEQUENCE, element(OBJECT_IDENTIFIER, _COMMON_NAME), element(UTF8_STRING, common_name.encode()))
    name = element(SEQUENCE, element(SET, attribute))
    to_be_signed = element(
        SEQUENCE,
        element(VERSION, integer(_VERSION_3)),
        integer(serial_number),
        algorithm,
        name,
        element(SEQUENCE, _time(not_before), _time(not_after)),
        name,
        encode_public_key(key.public_key()),
    )
    return element(SEQUENCE, to_be_signed, algorithm, bit_string(sign(key, scheme, to_be_signed)))


def _time(moment: datetime) -> bytes:
    """Write a time of day, with two digits of the year as long as these are clear (:rfc:`5280#section-4.1.2.5`)."""
    utc = moment.astimezone(UTC)
    digits = utc.strftime("%m%d%H%M%SZ")
    if 1950 <= utc.year < 2050:
        return element(UTC_TIME, f"{utc.year % 100:02}{digits}".encode())
    return element(GENERALIZED_TIME, f"{utc.year:04}{digits}".encode())
