"""The State Cookie: sealed, opened, forged, stale."""

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sctp.strategies import cookie_contents
from tests.support.rng import SeededRng

from rtc_sctp import (
    COOKIE_LIFE,
    KEY_LIFE,
    MAXIMUM_LIFE,
    CookieContents,
    CookieError,
    CookieJar,
    ForgedCookieError,
    StaleCookieError,
)

CONTENTS = CookieContents(
    source_port=5000,
    destination_port=5001,
    local_tag=1,
    peer_tag=2,
    local_initial_tsn=3,
    peer_initial_tsn=4,
    peer_a_rwnd=5,
    outbound_streams=6,
    inbound_streams=7,
    peer_extensions=(130, 192, 64, 194),
)


@pytest.fixture
def jar() -> CookieJar:
    return CookieJar(SeededRng(1))


@given(cookie_contents, st.floats(0, 1e9), st.floats(0, COOKIE_LIFE / 2))
@pytest.mark.spec("rfc9260:3.3.3.1.1/1", "rfc9260:5.1.3/2")
def test_what_goes_in_comes_out(contents: CookieContents, now: float, later: float) -> None:
    jar = CookieJar(SeededRng(1))

    assert jar.open(jar.seal(contents, now), now + later) == contents


@pytest.mark.spec("rfc9260:5.1.3/1", "rfc9260:5.1.3/3", "rfc9260:5.1.5/2", "rfc9260:3.3.3.1.1/1")
def test_a_changed_cookie_is_forged(jar: CookieJar) -> None:
    cookie = jar.seal(CONTENTS, 0.0)

    for bit in range(8 * len(cookie)):
        changed = bytearray(cookie)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(ForgedCookieError):
            jar.open(bytes(changed), 0.0)


@given(st.binary(max_size=150))
@pytest.mark.spec("rfc9260:5.1.5/2")
def test_any_bytes_are_forged(cookie: bytes) -> None:
    with pytest.raises(ForgedCookieError):
        CookieJar(SeededRng(1)).open(cookie, 0.0)


@given(st.integers(0, 85))
def test_a_cut_cookie_is_forged(length: int) -> None:
    jar = CookieJar(SeededRng(1))

    with pytest.raises(ForgedCookieError):
        jar.open(jar.seal(CONTENTS, 0.0)[:length], 0.0)


@pytest.mark.spec("rfc9260:5.1.3/4", "rfc9260:14.1/1")
def test_each_jar_has_a_key_of_its_own_from_its_source_of_randomness() -> None:
    cookie = CookieJar(SeededRng(1)).seal(CONTENTS, 0.0)

    assert CookieJar(SeededRng(1)).open(cookie, 0.0) == CONTENTS
    with pytest.raises(ForgedCookieError):
        CookieJar(SeededRng(2)).open(cookie, 0.0)


@pytest.mark.spec("rfc9260:5.1.5/4")
def test_an_old_cookie_is_stale_and_tells_by_how_much(jar: CookieJar) -> None:
    cookie = jar.seal(CONTENTS, 100.0)

    assert jar.open(cookie, 100.0 + COOKIE_LIFE) == CONTENTS
    with pytest.raises(StaleCookieError) as caught:
        jar.open(cookie, 100.0 + COOKIE_LIFE + 0.25)
    assert caught.value.staleness == pytest.approx(0.25)
    assert caught.value.contents == CONTENTS


def test_a_forged_cookie_is_never_called_stale(jar: CookieJar) -> None:
    cookie = jar.seal(CONTENTS, 0.0)

    with pytest.raises(ForgedCookieError):
        jar.open(cookie[:-1] + b"\0\0", 1e6)


def test_a_cookie_lives_longer_on_request_but_not_for_ever(jar: CookieJar) -> None:
    longer = jar.seal(CONTENTS, 0.0, added_lifetime=10.0)
    forever = jar.seal(CONTENTS, 0.0, added_lifetime=1e9)

    assert jar.open(longer, COOKIE_LIFE + 10.0) == CONTENTS
    assert jar.open(forever, MAXIMUM_LIFE) == CONTENTS
    with pytest.raises(StaleCookieError):
        jar.open(forever, MAXIMUM_LIFE + 0.001)


@pytest.mark.spec("rfc9260:5.1.3/5", "rfc9260:5.1.5/1")
def test_the_key_changes_with_time_and_the_one_before_still_opens(jar: CookieJar) -> None:
    first = jar.seal(CONTENTS, 0.0)
    last_under_the_first_key = jar.seal(CONTENTS, KEY_LIFE - 1.0)
    second = jar.seal(CONTENTS, KEY_LIFE)

    assert jar.open(last_under_the_first_key, KEY_LIFE + 1.0) == CONTENTS
    assert jar.open(second, KEY_LIFE + 1.0) == CONTENTS
    jar.seal(CONTENTS, 2 * KEY_LIFE)
    with pytest.raises(ForgedCookieError):
        jar.open(first, 2 * KEY_LIFE)


@pytest.mark.spec("rfc9260:5.1.3/7", "rfc9260:3.3.11/3")
def test_a_cookie_is_small(jar: CookieJar) -> None:
    assert len(jar.seal(CONTENTS, 0.0)) < 100


@pytest.mark.spec("rfc9260:5.1.3/6")
def test_a_cookie_does_not_give_the_key_away() -> None:
    key = SeededRng(1)(32)

    cookie = CookieJar(SeededRng(1)).seal(CONTENTS, 0.0)

    assert not any(key[start : start + 4] in cookie for start in range(29))


def test_a_jar_is_plain_data(jar: CookieJar) -> None:
    cookie = jar.seal(CONTENTS, 0.0)

    for copied in (copy.deepcopy(jar), pickle.loads(pickle.dumps(jar))):
        assert copied.open(cookie, 0.0) == CONTENTS
        assert copied.seal(CONTENTS, KEY_LIFE) == copy.deepcopy(jar).seal(CONTENTS, KEY_LIFE)


@pytest.mark.parametrize("error", [StaleCookieError(CONTENTS, 1.5), ForgedCookieError("no")])
def test_errors_are_plain_data(error: CookieError) -> None:
    copied = pickle.loads(pickle.dumps(error))

    assert type(copied) is type(error)
    assert str(copied) == str(error)
