"""DTLS in SDP.

::

    a=setup:actpass
    a=fingerprint:sha-256 12:DF:3E:...
    a=tls-id:abc3de65cddef001be82

See :rfc:`8842`, :rfc:`8122`, :rfc:`4145`.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable
from enum import Enum
from typing import ClassVar, Final, Self

from rtc_sdp.attribute import Scope, TypedAttribute
from rtc_sdp.dataclass import dataclass
from rtc_sdp.grammar import in_range, token, words

HASH_LENGTHS: Final = {"sha-1": 20, "sha-224": 28, "sha-256": 32, "sha-384": 48, "sha-512": 64, "md5": 16, "md2": 16}
"""Bytes of the hash functions that RFC 8122 names."""

BROKEN_HASHES: Final = frozenset({"md5", "md2"})
"""Hash functions that verify nothing: a fingerprint made with them does not count."""

_HEX_BYTES: Final = re.compile(r"[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2})*", re.ASCII)
_TLS_ID: Final = re.compile(r"[A-Za-z0-9+/\-_]+", re.ASCII)
_MAX_HASH_LENGTH: Final = 512


class Role(Enum):
    """Who opens the connection."""

    ACTIVE = "active"
    """We do: DTLS client."""
    PASSIVE = "passive"
    """The other does: DTLS server."""
    ACTPASS = "actpass"
    """Either; the answer chooses."""
    HOLDCONN = "holdconn"
    """Nobody yet."""


@dataclass(frozen=True, slots=True)
class Setup(TypedAttribute):
    """``setup``: the part that the writer takes in the DTLS handshake.

    See :rfc:`4145#section-4` and :rfc:`8842#section-5`.
    """

    NAME: ClassVar[str] = "setup"
    SCOPE: ClassVar[Scope] = Scope.DEFAULT

    role: Role

    @classmethod
    def decode(cls, value: str) -> Self:
        """Parse what `serialize` writes."""
        return cls(Role(value))

    def serialize(self) -> str:
        """Return the role."""
        return self.role.value


def preferred_fingerprints(fingerprints: Iterable[Fingerprint]) -> list[Fingerprint]:
    """Return the fingerprints to verify a certificate with: those of the strongest hash function among them.

    The certificate has to match one of them. None at all means that no certificate can be accepted.

    See :rfc:`8122#section-5.1`.
    """
    # [rfc8122:5/2]
    usable = [fingerprint for fingerprint in fingerprints if fingerprint.is_usable]
    # [rfc8122:5.1/4]
    longest = max((HASH_LENGTHS[fingerprint.algorithm] for fingerprint in usable), default=0)
    return [fingerprint for fingerprint in usable if HASH_LENGTHS[fingerprint.algorithm] == longest]


def answer_role(offered: Role, *, prefer: Role = Role.ACTIVE) -> Role:
    """Return the role to answer with.

    Args:
        offered: The role in the offer.
        prefer: What to take if the offer leaves the choice. Active saves a round trip.

    Raises:
        ValueError: ``prefer`` is not active or passive.

    See :rfc:`4145#section-4.1`.
    """
    if prefer not in (Role.ACTIVE, Role.PASSIVE):
        raise ValueError(f"an answer is active or passive, not {prefer.value}")
    # [rfc8842:5.3/8] Older implementations offer a fixed role.
    return {Role.ACTIVE: Role.PASSIVE, Role.PASSIVE: Role.ACTIVE, Role.ACTPASS: prefer}.get(offered, Role.HOLDCONN)


@dataclass(frozen=True, slots=True)
class Fingerprint(TypedAttribute):
    """``fingerprint``: the hash of the certificate that the writer will show.

    See :rfc:`8122#section-5`.
    """

    NAME: ClassVar[str] = "fingerprint"
    SCOPE: ClassVar[Scope] = Scope.DEFAULT
    REPEATABLE: ClassVar[bool] = True

    algorithm: str
    """Name of the hash function in lower case, such as ``sha-256``."""
    digest: bytes

    def __post_init__(self) -> None:
        token(self.algorithm, "hash function")
        if self.algorithm != self.algorithm.lower():
            raise ValueError(f"hash function {self.algorithm!r} is not in lower case")
        in_range(len(self.digest), "length of the hash", low=1, high=_MAX_HASH_LENGTH)
        length = HASH_LENGTHS.get(self.algorithm, len(self.digest))
        if len(self.digest) != length:
            raise ValueError(f"a {self.algorithm} hash is {length} bytes long, got {len(self.digest)}")

    @classmethod
    def decode(cls, value: str) -> Self:
        """Parse what `serialize` writes."""
        algorithm, digest = words(value, 2, 2)
        # The RFC wants upper case; some write lower case, and the bytes are clear in either.
        if _HEX_BYTES.fullmatch(digest) is None:
            raise ValueError("the hash is not a row of bytes in hexadecimal with colons")
        return cls(algorithm.lower(), bytes.fromhex(digest.replace(":", "")))

    def serialize(self) -> str:
        """Return the hash function and the hash in upper-case hexadecimal."""
        # [rfc8122:5/4]
        return f"{self.algorithm} {self.digest.hex(':').upper()}"

    @property
    def is_usable(self) -> bool:
        """Whether the hash function may be used to verify a certificate, and is one we know the length of."""
        # [rfc8122:5/2]
        return self.algorithm in HASH_LENGTHS and self.algorithm not in BROKEN_HASHES


@dataclass(frozen=True, slots=True)
class TlsId(TypedAttribute):
    """``tls-id``: names the DTLS association, 20 to 255 characters; a new one asks for a new association.

    See :rfc:`8842#section-4`.
    """

    NAME: ClassVar[str] = "tls-id"

    tls_id: str

    def __post_init__(self) -> None:
        if _TLS_ID.fullmatch(self.tls_id) is None:
            raise ValueError("tls-id holds other than letters, digits, plus, slash, dash and underscore")
        # [rfc8842:4/1]
        in_range(len(self.tls_id), "length of tls-id", low=20, high=255)

    @classmethod
    def create(cls, rng: Callable[[int], bytes]) -> Self:
        """Return a new identifier of 192 random bits.

        Args:
            rng: Returns that many random bytes, such as ``os.urandom``.
        """
        # [rfc8842:4/3]
        return cls(base64.b64encode(rng(24), b"-_").decode())

    @classmethod
    def decode(cls, value: str) -> Self:
        """Parse what `serialize` writes."""
        return cls(value)

    def serialize(self) -> str:
        """Return the identifier."""
        return self.tls_id
