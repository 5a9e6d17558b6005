"""The hybrid group X25519MLKEM768: safe as long as one of its two halves is.

    client's share    ML-KEM-768 encapsulation key (1184) || X25519 public key (32)
    server's share    ML-KEM-768 ciphertext (1088)        || X25519 public key (32)
    shared secret     ML-KEM shared secret (32)           || X25519 shared secret (32)

ML-KEM comes first in all three. See draft-ietf-tls-ecdhe-mlkem and, for the order in general, draft-ietf-tls-hybrid-design.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Self

from .alert import AlertDescription
from .errors import ProtocolError
from .group import EphemeralKey, GroupId

if TYPE_CHECKING:
    # Older versions of the library do not have it: then the group is not among `GROUPS`.
    from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey

SEED_LENGTH: Final = 64
ENCAPSULATION_KEY_LENGTH: Final = 1184
CIPHERTEXT_LENGTH: Final = 1088
X25519_LENGTH: Final = 32


class HybridKey:
    """The client's key pair for one handshake."""

    __slots__ = ("_curve", "_key", "_seed", "public")

    group: Final = GroupId.X25519MLKEM768

    def __init__(self, seed: bytes, curve: EphemeralKey) -> None:
        """Take the seed of the ML-KEM half, and the X25519 half."""
        self._seed = seed
        self._curve = curve
        self._key = _load(seed)
        self.public = self._key.public_key().public_bytes_raw() + curve.public
        """The share that goes to the server."""

    def __getstate__(self) -> tuple[bytes, EphemeralKey, bytes]:
        return self._seed, self._curve, self.public

    def __setstate__(self, state: tuple[bytes, EphemeralKey, bytes]) -> None:
        self._seed, self._curve, self.public = state
        self._key = _load(self._seed)  # the library's object can neither be copied nor pickled

    @classmethod
    def generate(cls, rng: Callable[[int], bytes]) -> Self:
        """Make a fresh pair from secret randomness."""
        return cls(rng(SEED_LENGTH), EphemeralKey.generate(GroupId.X25519, rng))

    def exchange(self, peer_public: bytes) -> bytes:
        """Return the shared secret.

        Raises:
            ProtocolError: The server's share is not valid.
        """
        if len(peer_public) != CIPHERTEXT_LENGTH + X25519_LENGTH:
            raise _invalid()
        secret = self._key.decapsulate(peer_public[:CIPHERTEXT_LENGTH])
        return secret + self._curve.exchange(peer_public[CIPHERTEXT_LENGTH:])


def _load(seed: bytes) -> "MLKEM768PrivateKey":
    from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey

    return MLKEM768PrivateKey.from_seed_bytes(seed)


def encapsulate(share: bytes, rng: Callable[[int], bytes]) -> tuple[bytes, bytes]:
    """As server, answer the client's share. The ML-KEM half draws its randomness from the library, which takes no other.

    Returns:
        Our share, and the shared secret.

    Raises:
        ProtocolError: The client's share is not valid.
    """
    from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PublicKey

    if len(share) != ENCAPSULATION_KEY_LENGTH + X25519_LENGTH:
        raise _invalid()
    try:
        # The library refuses keys that are not reduced.
        key = MLKEM768PublicKey.from_public_bytes(share[:ENCAPSULATION_KEY_LENGTH])
    except ValueError as error:
        raise _invalid() from error
    secret, ciphertext = key.encapsulate()
    curve = EphemeralKey.generate(GroupId.X25519, rng)
    return ciphertext + curve.public, secret + curve.exchange(share[ENCAPSULATION_KEY_LENGTH:])


def _invalid() -> ProtocolError:
    return ProtocolError(
        AlertDescription.ILLEGAL_PARAMETER,
        "the peer's key share is no valid element of X25519MLKEM768",
        "draft-ietf-tls-ecdhe-mlkem section 4.1",
    )
