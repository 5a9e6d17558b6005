"""Certificate fingerprints as SDP carries them. See :rfc:`8122#section-5`.

sha-256 4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB:...
"""

import hashlib
import hmac
from collections.abc import Iterable
from typing import Final, Self

from .dataclass import dataclass

# [rfc8122:5/2]
_HASHES: Final = {
    "sha-512": "sha512",
    "sha-384": "sha384",
    "sha-256": "sha256",
    "sha-224": "sha224",
    "sha-1": "sha1",
}
"""Names in SDP and in hashlib, strongest first. MD5 and MD2 are forbidden."""

MADE_HASHES: Final = ("sha-224", "sha-256", "sha-384", "sha-512")
"""Hash functions we make fingerprints with; SHA-1 is only checked, for old peers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """The hash of a certificate's DER."""

    algorithm: str
    """Hash function as SDP names it, lower case."""
    digest: bytes

    def __post_init__(self) -> None:
        object.__setattr__(self, "algorithm", self.algorithm.lower())
        name = _HASHES.get(self.algorithm)
        if name is not None and len(self.digest) != hashlib.new(name).digest_size:
            raise ValueError(f"a {self.algorithm} fingerprint has another length than {len(self.digest)} bytes")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse the value of an ``a=fingerprint`` attribute; case does not matter.

        Raises:
            ValueError: There is no hash function, the digits are not hexadecimal pairs, or the length is wrong.
        """
        algorithm, _, digits = text.strip().partition(" ")
        pairs = digits.strip().split(":")
        if not algorithm or any(len(pair) != 2 for pair in pairs):
            raise ValueError("a fingerprint is a hash function and hexadecimal pairs")
        return cls(algorithm=algorithm, digest=bytes.fromhex("".join(pairs)))

    @classmethod
    def of(cls, certificate: bytes, algorithm: str = "sha-256") -> Self:
        """Make the fingerprint of a certificate.

        Raises:
            ValueError: The hash function is unknown, or too weak to be used for new fingerprints.
        """
        if algorithm.lower() not in MADE_HASHES:
            raise ValueError(f"no fingerprints with {algorithm}")
        name = _HASHES[algorithm.lower()]
        return cls(algorithm=algorithm, digest=hashlib.new(name, certificate).digest())

    def __str__(self) -> str:
        # [rfc8122:5/4]
        return f"{self.algorithm} {self.digest.hex(':').upper()}"


def most_preferred(fingerprints: Iterable[Fingerprint]) -> tuple[Fingerprint, ...]:
    """Return those with the strongest hash function of all that we know.

    A certificate has to match one of these; matching a weaker one does not help.

    Raises:
        ValueError: None of the hash functions is known.

    See :rfc:`8122#section-5.1`.
    """
    # [rfc8122:5.1/4]
    given = tuple(fingerprints)
    for name in _HASHES:
        chosen = tuple(fingerprint for fingerprint in given if fingerprint.algorithm == name)
        if chosen:
            return chosen
    raise ValueError("no fingerprint with a hash function that we know")


def matches(certificate: bytes, chosen: Iterable[Fingerprint]) -> bool:
    """Whether a certificate's raw DER has one of these fingerprints."""
    found = False
    for fingerprint in chosen:
        digest = hashlib.new(_HASHES[fingerprint.algorithm], certificate).digest()
        found |= hmac.compare_digest(digest, fingerprint.digest)
    return found
