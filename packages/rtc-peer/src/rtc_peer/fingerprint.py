"""Fingerprints of certificates: which ones count, and how they are compared (RFC 8122).

A description may hold several fingerprints: of one certificate under several hash functions, or of several
certificates of which one will be used. The rule that is safe for both: of the hash functions that the peer used and we
know, take the best; the certificate must match one of the fingerprints made with it. What was made with another
function does not count, be it right or wrong.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection, Iterable
from typing import Final

from rtc_sdp import Fingerprint

PREFERENCE: Final = ("sha-512", "sha-384", "sha-256", "sha-224", "sha-1")
"""Hash functions that we check with, the best first. MD2 and MD5 are left out, as RFC 8122 section 5 demands."""

_HASHES: Final = {
    "sha-512": hashlib.sha512,
    "sha-384": hashlib.sha384,
    "sha-256": hashlib.sha256,
    "sha-224": hashlib.sha224,
    "sha-1": hashlib.sha1,
}


def fingerprint_of(certificate_der: bytes, algorithm: str = "sha-256") -> Fingerprint:
    """Hash a certificate.

    Args:
        certificate_der: The certificate in DER, exactly as it is sent in the handshake.
        algorithm: One of `PREFERENCE`.

    Raises:
        ValueError: The hash function is not one of those.

    See :rfc:`8122#section-5`.
    """
    if algorithm not in _HASHES:
        raise ValueError(f"hash function {algorithm!r} is not one of {', '.join(PREFERENCE)}")
    return Fingerprint(algorithm, _HASHES[algorithm](certificate_der).digest())


def usable(fingerprints: Iterable[Fingerprint]) -> tuple[Fingerprint, ...]:
    """Return the fingerprints that count: those made with the best hash function that we know.

    Returns:
        Nothing if we know none of the functions: then no certificate can be accepted.

    See :rfc:`8122#section-5.1`.
    """
    offered = tuple(fingerprints)
    for algorithm in PREFERENCE:
        chosen = tuple(each for each in offered if each.algorithm == algorithm)
        if chosen:
            return chosen
    return ()


def matches(certificate_der: bytes, fingerprints: Collection[Fingerprint]) -> bool:
    """Whether a certificate is one of those that the fingerprints vouch for.

    Args:
        certificate_der: What the peer sent in the handshake, byte for byte.
        fingerprints: All fingerprints of the description; which of them count is decided here.
    """
    return any(
        hmac.compare_digest(fingerprint_of(certificate_der, each.algorithm).digest, each.digest)
        for each in usable(fingerprints)
    )
