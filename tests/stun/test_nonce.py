"""The nonce cookie, and nonces that prove themselves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtc_stun import Address, NonceMint, SecurityFeature, nonce_cookie, security_features

CLIENT = Address("192.0.2.10", 5000)
BOTH = SecurityFeature.PASSWORD_ALGORITHMS | SecurityFeature.USERNAME_ANONYMITY


@pytest.mark.parametrize(
    ("features", "cookie"),
    [
        (SecurityFeature.NONE, b"obMatJos2AAAA"),
        (SecurityFeature.PASSWORD_ALGORITHMS, b"obMatJos2gAAA"),
        (SecurityFeature.USERNAME_ANONYMITY, b"obMatJos2QAAA"),
        (BOTH, b"obMatJos2wAAA"),
    ],
)
@pytest.mark.spec("rfc8489:9.2/1", "rfc8489:9.2/2")
def test_cookie(features: SecurityFeature, cookie: bytes) -> None:
    assert nonce_cookie(features) == cookie
    assert security_features(cookie + b"rest") == features


@pytest.mark.parametrize(
    "nonce",
    [
        b"",
        b"f//499k954d6OL34oL9FSTvy64sA",
        b"obMatJos2",
        b"obMatJos2AAA",
        b"obMatJos2AA=A",
        b"obMatJos2AAA=",
        b"obMatJos2\xff\xff\xff\xff",
        b"xobMatJos2AAAA",
    ],
)
def test_nonce_without_a_cookie_announces_nothing(nonce: bytes) -> None:
    assert security_features(nonce) is None


def test_bits_not_yet_defined_are_kept() -> None:
    features = security_features(b"obMatJos2//////")

    assert features is not None
    assert features == 0xFFFFFF
    assert SecurityFeature.PASSWORD_ALGORITHMS in features


@given(st.binary(max_size=40))
def test_any_nonce_may_come(nonce: bytes) -> None:
    security_features(nonce)
    assert not NonceMint(b"s", BOTH, 600).is_valid(nonce, CLIENT, 0)


def test_nonce_is_valid_for_its_client_and_its_time() -> None:
    mint = NonceMint(b"secret", BOTH, 600)
    nonce = mint.mint(CLIENT, 5)

    assert nonce.startswith(b"obMatJos2wAAA")
    assert len(nonce) < 128
    assert mint.is_valid(nonce, CLIENT, 5)
    assert mint.is_valid(nonce, CLIENT, 605)
    assert not mint.is_valid(nonce, CLIENT, 605.1)
    assert not mint.is_valid(nonce, Address("192.0.2.10", 5001), 6)
    assert not mint.is_valid(nonce, Address("192.0.2.11", 5000), 6)
    assert not NonceMint(b"other", BOTH, 600).is_valid(nonce, CLIENT, 6)
    assert NonceMint(b"secret", BOTH, 600).is_valid(nonce, CLIENT, 6)


def test_nonce_of_a_clock_that_was_ahead_is_stale() -> None:
    nonce = NonceMint(b"secret", BOTH, 600).mint(CLIENT, 1_000_000)

    assert not NonceMint(b"secret", BOTH, 600).is_valid(nonce, CLIENT, 10)


def test_every_changed_byte_makes_a_nonce_invalid() -> None:
    mint = NonceMint(b"secret", BOTH, 600)
    nonce = mint.mint(CLIENT, 5)

    for position in range(len(nonce)):
        changed = bytearray(nonce)
        changed[position] ^= 1
        assert not mint.is_valid(bytes(changed), CLIENT, 6)
    assert not mint.is_valid(nonce[:-1], CLIENT, 6)
    assert not mint.is_valid(nonce + b"0", CLIENT, 6)


@pytest.mark.spec("rfc8489:9.2.4/5")
def test_two_clients_never_get_the_same_nonce() -> None:
    mint = NonceMint(b"secret", BOTH, 600)

    nonces = {mint.mint(Address("192.0.2.10", port), 5) for port in range(1000)}

    assert len(nonces) == 1000
