"""Which fingerprints count, and whether a certificate matches them."""

import hashlib

import pytest
from rtc_peer.fingerprint import PREFERENCE, fingerprint_of, matches, usable
from rtc_sdp import Fingerprint

CERTIFICATE = b"0\x82 the bytes of a certificate, whatever they are"
OTHER = CERTIFICATE + b"!"


@pytest.mark.parametrize("algorithm", PREFERENCE)
def test_a_certificate_matches_its_own_fingerprint(algorithm: str) -> None:
    assert matches(CERTIFICATE, [fingerprint_of(CERTIFICATE, algorithm)])
    assert not matches(OTHER, [fingerprint_of(CERTIFICATE, algorithm)])


def test_no_fingerprint_accepts_nothing() -> None:
    assert not matches(CERTIFICATE, [])


def test_one_of_several_certificates_is_enough() -> None:
    assert matches(CERTIFICATE, [fingerprint_of(OTHER), fingerprint_of(CERTIFICATE)])


def test_only_the_best_hash_function_counts() -> None:
    weak, strong = fingerprint_of(CERTIFICATE, "sha-1"), fingerprint_of(OTHER, "sha-256")

    assert usable([weak, strong]) == (strong,)
    assert not matches(CERTIFICATE, [weak, strong])
    assert matches(OTHER, [weak, strong])


def test_a_wrong_fingerprint_of_a_weaker_function_does_no_harm() -> None:
    assert matches(CERTIFICATE, [fingerprint_of(OTHER, "sha-1"), fingerprint_of(CERTIFICATE, "sha-512")])


def test_broken_and_unknown_hash_functions_vouch_for_nothing() -> None:
    md5 = Fingerprint("md5", hashlib.md5(CERTIFICATE, usedforsecurity=False).digest())
    unknown = Fingerprint("sha-4096", b"\x01\x02")

    assert usable([md5, unknown]) == ()
    assert not matches(CERTIFICATE, [md5, unknown])


def test_hashing_with_an_unknown_function_is_refused() -> None:
    with pytest.raises(ValueError, match="sha-4096"):
        fingerprint_of(CERTIFICATE, "sha-4096")
