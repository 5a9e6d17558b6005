"""Our certificates: brought by the application, or made for one connection (RFC 8827 section 6.5)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from rtc_dtls import Certificate
from rtc_peer.configuration import Configuration
from rtc_peer.errors import CertificateError
from rtc_sdp import Fingerprint


def choose_certificates(
    configuration: Configuration, rng: Callable[[int], bytes], wall_clock: datetime
) -> tuple[Certificate, ...]:
    """Return the certificates to use: those of the configuration, or one that is made now.

    Args:
        configuration: May bring certificates.
        rng: Source of randomness.
        wall_clock: The time of day.

    Raises:
        CertificateError: One has expired.
    """
    if not configuration.certificates:
        # [rfc8827:6.5/16]
        return (Certificate.generate(rng=rng, wall_clock=wall_clock),)
    # [rfc8827:6.5/17]
    for certificate in configuration.certificates:
        if certificate.expires <= wall_clock:
            raise CertificateError(f"a certificate expired at {certificate.expires}")
    return configuration.certificates


def fingerprints_of(certificates: tuple[Certificate, ...]) -> tuple[Fingerprint, ...]:
    """Return the fingerprints that our descriptions show: of each certificate, with the same hash functions."""
    # [rfc8122:5.1/3]
    algorithms = dict.fromkeys(name for each in certificates for name in each.fingerprint_algorithms)
    made = [certificate.fingerprint(name) for certificate in certificates for name in algorithms]
    return tuple(Fingerprint(each.algorithm, each.digest) for each in made)
