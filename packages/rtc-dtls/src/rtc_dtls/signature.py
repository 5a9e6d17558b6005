"""Signature schemes, and signing and verifying with them. See :rfc:`5246#section-4.7` and :rfc:`8446#section-4.2.3`.

In DTLS 1.2 an ECDSA scheme names only the hash: it goes with any curve. SHA-1 and MD5 are not here. Ed25519 hashes by itself.
"""

from enum import IntEnum
from typing import Final, Literal

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from .alert import AlertDescription
from .cipher_suite import Authentication
from .errors import ProtocolError

PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey
PublicKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey

KeyType = Literal["ecdsa", "ed25519", "rsa"]
"""The kind of key in a certificate."""


class SignatureScheme(IntEnum):
    """The schemes we sign and verify with."""

    RSA_PKCS1_SHA256 = 0x0401
    RSA_PKCS1_SHA384 = 0x0501
    RSA_PKCS1_SHA512 = 0x0601
    ECDSA_SHA256 = 0x0403
    ECDSA_SHA384 = 0x0503
    ECDSA_SHA512 = 0x0603
    RSA_PSS_RSAE_SHA256 = 0x0804
    RSA_PSS_RSAE_SHA384 = 0x0805
    RSA_PSS_RSAE_SHA512 = 0x0806
    ED25519 = 0x0807


_HASHES: Final[dict[int, hashes.SHA256 | hashes.SHA384 | hashes.SHA512]] = {
    SignatureScheme.RSA_PKCS1_SHA256: hashes.SHA256(),
    SignatureScheme.RSA_PKCS1_SHA384: hashes.SHA384(),
    SignatureScheme.RSA_PKCS1_SHA512: hashes.SHA512(),
    SignatureScheme.ECDSA_SHA256: hashes.SHA256(),
    SignatureScheme.ECDSA_SHA384: hashes.SHA384(),
    SignatureScheme.ECDSA_SHA512: hashes.SHA512(),
    SignatureScheme.RSA_PSS_RSAE_SHA256: hashes.SHA256(),
    SignatureScheme.RSA_PSS_RSAE_SHA384: hashes.SHA384(),
    SignatureScheme.RSA_PSS_RSAE_SHA512: hashes.SHA512(),
}

# [rfc5246:7.4.1.4.1/1] [rfc5246:7.4.3/7] [rfc5246:7.4.8/4] [rfc8422:5.10/4]
SIGNATURE_SCHEMES: Final[tuple[int, ...]] = (
    SignatureScheme.ECDSA_SHA256,
    SignatureScheme.ECDSA_SHA384,
    SignatureScheme.ECDSA_SHA512,
    SignatureScheme.ED25519,
    # PKCS#1 before PSS: its signatures are deterministic, and every peer of DTLS 1.2 has it.
    SignatureScheme.RSA_PKCS1_SHA256,
    SignatureScheme.RSA_PKCS1_SHA384,
    SignatureScheme.RSA_PKCS1_SHA512,
    SignatureScheme.RSA_PSS_RSAE_SHA256,
    SignatureScheme.RSA_PSS_RSAE_SHA384,
    SignatureScheme.RSA_PSS_RSAE_SHA512,
)
"""Every scheme we speak, in our order of preference."""

# [rfc8446:4.2.3/2] [rfc8446:9.1/3]
SIGNATURE_SCHEMES_13: Final[tuple[int, ...]] = tuple(
    scheme for scheme in SIGNATURE_SCHEMES if scheme >> 8 not in (0x04, 0x05, 0x06) or scheme & 0xFF != 0x01
)
"""Those of them that may sign in DTLS 1.3: there is no PKCS#1 but in certificates."""

_CURVES_13: Final[dict[int, str]] = {
    SignatureScheme.ECDSA_SHA256: "secp256r1",
    SignatureScheme.ECDSA_SHA384: "secp384r1",
    SignatureScheme.ECDSA_SHA512: "secp521r1",
}
"""In DTLS 1.3 an ECDSA scheme is of one curve."""


def scheme_key_type(scheme: int) -> KeyType:
    """Tell which kind of key a scheme of `SIGNATURE_SCHEMES` needs."""
    # [rfc8422:5.9/3]
    if scheme == SignatureScheme.ED25519:
        return "ed25519"
    return "ecdsa" if scheme & 0xFF == 0x03 else "rsa"


def authentication(key_type: KeyType) -> Authentication:
    """Tell which cipher suites of DTLS 1.2 a kind of key goes with. See :rfc:`8422#section-2`."""
    return "rsa" if key_type == "rsa" else "ecdsa"


def key_type_of(key: PrivateKey | PublicKey) -> KeyType:
    """Tell what kind a key is of."""
    match key:
        case ec.EllipticCurvePrivateKey() | ec.EllipticCurvePublicKey():
            return "ecdsa"
        case ed25519.Ed25519PrivateKey() | ed25519.Ed25519PublicKey():
            return "ed25519"
        case _:
            return "rsa"


def choose_scheme(key_type: KeyType, offered: tuple[int, ...]) -> int | None:
    """Pick the scheme to sign with: our first that fits the key and that the peer offered, or None."""
    for scheme in SIGNATURE_SCHEMES:
        if scheme in offered and scheme_key_type(scheme) == key_type:
            return scheme
    return None


def choose_scheme_13(key: PrivateKey, offered: tuple[int, ...]) -> int | None:
    """Pick the scheme to sign with in DTLS 1.3, or None."""
    for scheme in SIGNATURE_SCHEMES_13:
        if scheme in offered and fits_13(key, scheme):
            return scheme
    return None


def fits_13(key: PrivateKey | PublicKey, scheme: int) -> bool:
    """Whether a scheme may be used in DTLS 1.3, and with this key. See :rfc:`8446#section-4.2.3`."""
    # [rfc8446:4.4.3/3]
    if scheme not in SIGNATURE_SCHEMES_13 or scheme_key_type(scheme) != key_type_of(key):
        return False
    if isinstance(key, ec.EllipticCurvePrivateKey | ec.EllipticCurvePublicKey):
        return key.curve.name == _CURVES_13[scheme]
    return True


def sign(key: PrivateKey, scheme: int, message: bytes) -> bytes:
    """Sign. All but PSS, which the library salts, give the same bytes for the same input."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        # [rfc8422:5.10/5] [rfc8422:5.10/7]
        return key.sign(message)
    chosen_hash = _HASHES[scheme]
    if isinstance(key, ec.EllipticCurvePrivateKey):
        try:
            return key.sign(message, ec.ECDSA(chosen_hash, deterministic_signing=True))
        except UnsupportedAlgorithm:
            # OpenSSL before 3.2 cannot do it; random nonces are as safe, only not reproducible.
            return key.sign(message, ec.ECDSA(chosen_hash))
    return key.sign(message, _rsa_padding(scheme), chosen_hash)


def verify(key: PublicKey, scheme: int, signature: bytes, message: bytes, section: str) -> None:
    """Check a signature; returning means it is good.

    Args:
        key: The key of the peer's certificate.
        scheme: As the peer named it; must be one of those we offered.
        signature: As received.
        message: What must have been signed.
        section: The rule to name in the error.

    Raises:
        ProtocolError: The scheme was not offered or does not fit the key (illegal_parameter), or the signature is
            wrong (decrypt_error).
    """
    key_type = key_type_of(key)
    # [rfc5246:7.4.3/6] [rfc5246:7.4.3/8] [rfc5246:7.4.8/3] [rfc8422:5.9/4]
    if scheme not in SIGNATURE_SCHEMES or scheme_key_type(scheme) != key_type:
        raise ProtocolError(
            AlertDescription.ILLEGAL_PARAMETER,
            f"signature scheme {scheme:#06x} was not offered or does not fit the {key_type} key",
            section,
        )
    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, message, ec.ECDSA(_HASHES[scheme]))
        elif isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature, message)
        else:
            key.verify(signature, message, _rsa_padding(scheme), _HASHES[scheme])
    # A ValueError says that the key is too short for the scheme.
    except (InvalidSignature, ValueError) as error:
        raise ProtocolError(AlertDescription.DECRYPT_ERROR, "the signature is wrong", section) from error


def _rsa_padding(scheme: int) -> padding.PKCS1v15 | padding.PSS:
    """See :rfc:`8446#section-4.2.3`: the salt is as long as the hash."""
    if scheme >> 8 == 0x08:
        return padding.PSS(mgf=padding.MGF1(_HASHES[scheme]), salt_length=_HASHES[scheme].digest_size)
    # [rfc5246:4.7/1]
    return padding.PKCS1v15()
