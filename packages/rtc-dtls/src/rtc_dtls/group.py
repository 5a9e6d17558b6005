"""Groups for the ephemeral key exchange: X25519, P-256, P-384. X25519MLKEM768 is made of one of them in `hybrid.py`.

Private keys are kept as bytes, so that a handshake can be copied and pickled; they come from the caller's `rng` alone.
See :rfc:`8422#section-5.10` and :rfc:`7748`.
"""

from collections.abc import Callable
from enum import IntEnum
from typing import Final, Self

from cryptography.hazmat.primitives.asymmetric import ec, x25519

from .alert import AlertDescription
from .dataclass import dataclass
from .errors import ProtocolError


class GroupId(IntEnum):
    """The groups in `GROUPS`, by their code points."""

    SECP256R1 = 23
    SECP384R1 = 24
    X25519 = 29
    X25519MLKEM768 = 0x11EC


@dataclass(frozen=True, slots=True, kw_only=True)
class NistCurve:
    """What we need to know of a curve in short Weierstrass form."""

    curve: ec.EllipticCurve
    coordinate_length: int
    order: int


NIST_CURVES: Final[dict[int, NistCurve]] = {
    GroupId.SECP256R1: NistCurve(
        curve=ec.SECP256R1(),
        coordinate_length=32,
        order=0xFFFFFFFF_00000000_FFFFFFFF_FFFFFFFF_BCE6FAAD_A7179E84_F3B9CAC2_FC632551,
    ),
    GroupId.SECP384R1: NistCurve(
        curve=ec.SECP384R1(),
        coordinate_length=48,
        order=0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFF_C7634D81_F4372DDF_581A0DB2_48B0A77A_ECEC196A_CCC52973,
    ),
}

# [rfc8446:9.1/4]
ECDHE_GROUPS: Final[tuple[int, ...]] = (GroupId.X25519, GroupId.SECP256R1, GroupId.SECP384R1)
"""The groups that DTLS 1.2 has as well."""


def _has_ml_kem() -> bool:
    """Whether the library and the OpenSSL it was built with have ML-KEM: cryptography 47 and later as they come."""
    try:
        from cryptography.hazmat.backends.openssl.backend import backend

        return backend.mlkem_supported()
    except (ImportError, AttributeError):
        return False


GROUPS: Final[tuple[int, ...]] = (*((GroupId.X25519MLKEM768,) if _has_ml_kem() else ()), *ECDHE_GROUPS)
"""Every group we speak here, in our order of preference."""


class EphemeralKey:
    """A key pair for one handshake, in one of `ECDHE_GROUPS`."""

    __slots__ = ("_key", "_private", "group", "public")

    def __init__(self, group: int, private: bytes) -> None:
        """Take a private key: 32 bytes for X25519, a scalar for the others."""
        self.group = group
        self._private = private
        self._load()
        public = self._key.public_key()
        self.public = public.public_bytes_raw() if isinstance(public, x25519.X25519PublicKey) else encode_point(public)
        """As on the wire: 32 bytes of u, or an uncompressed point."""

    def __getstate__(self) -> tuple[int, bytes, bytes]:
        return self.group, self._private, self.public

    def __setstate__(self, state: tuple[int, bytes, bytes]) -> None:
        self.group, self._private, self.public = state
        self._load()

    def _load(self) -> None:
        """Make the library's object, which can neither be copied nor pickled."""
        self._key: x25519.X25519PrivateKey | ec.EllipticCurvePrivateKey
        if self.group == GroupId.X25519:
            self._key = x25519.X25519PrivateKey.from_private_bytes(self._private)
        else:
            scalar = int.from_bytes(self._private, "big")
            self._key = ec.derive_private_key(scalar, NIST_CURVES[self.group].curve)

    @classmethod
    def generate(cls, group: int, rng: Callable[[int], bytes]) -> Self:
        """Make a fresh pair.

        Args:
            group: One of `ECDHE_GROUPS`.
            rng: Source of secret randomness.
        """
        if group == GroupId.X25519:
            return cls(group, rng(32))
        curve = NIST_CURVES[group]
        return cls(group, random_scalar(curve, rng).to_bytes(curve.coordinate_length, "big"))

    def exchange(self, peer_public: bytes) -> bytes:
        """Return the shared secret.

        Raises:
            ProtocolError: The peer's value is not a valid public key of the group, or the result is all zero.
        """
        key = self._key
        try:
            if isinstance(key, x25519.X25519PrivateKey):
                # [rfc8422:5.10/2] [rfc8422:5.11/3] The library refuses the all-zero result of a low-order point.
                return key.exchange(x25519.X25519PublicKey.from_public_bytes(peer_public))
            # [rfc8422:5.10/1]
            return key.exchange(ec.ECDH(), load_point(NIST_CURVES[self.group], peer_public))
        except ValueError as error:
            raise ProtocolError(
                AlertDescription.ILLEGAL_PARAMETER,
                f"the peer's key share is no valid element of group {self.group}",
                "RFC 8422 section 5.11",
            ) from error


def group_of(key: ec.EllipticCurvePrivateKey | ec.EllipticCurvePublicKey) -> GroupId:
    """Return the group that a key of P-256 or P-384 belongs to."""
    return GroupId.SECP256R1 if isinstance(key.curve, ec.SECP256R1) else GroupId.SECP384R1


def encode_point(key: ec.EllipticCurvePublicKey) -> bytes:
    """Return the uncompressed point."""
    numbers = key.public_numbers()
    length = (key.key_size + 7) // 8
    return b"\x04" + numbers.x.to_bytes(length, "big") + numbers.y.to_bytes(length, "big")


def load_point(curve: NistCurve, point: bytes) -> ec.EllipticCurvePublicKey:
    """Load an uncompressed point and check that it is on the curve.

    Raises:
        ValueError: It is neither.
    """
    # The library takes compressed points as well, which nobody may send: :rfc:`8422#section-5.4.1`.
    # [rfc8422:5.11/1]
    if len(point) != 1 + 2 * curve.coordinate_length or point[0] != 4:
        raise ValueError("not an uncompressed point of this curve")
    # [rfc8422:5.11/2]
    return ec.EllipticCurvePublicKey.from_encoded_point(curve.curve, point)


def random_scalar(curve: NistCurve, rng: Callable[[int], bytes]) -> int:
    """Draw a private scalar; the 64 surplus bits make the bias of the reduction negligible."""
    return int.from_bytes(rng(curve.coordinate_length + 8), "big") % (curve.order - 1) + 1
