"""What the bounds of several receivers leave (RFC 5104, section 3.5.4.2)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.effort import examples

from rtc_rtp import MaximumBitrate
from rtc_rtp.sending.bounds import FIRST_PAYLOAD_SIZE, MAX_REQUESTERS, Bounds, bounding_set

A = MaximumBitrate(1, 35_000, 40)
B = MaximumBitrate(2, 40_000, 60)

BOUNDS = st.lists(
    st.builds(MaximumBitrate, st.integers(1, 100), st.integers(0, 100_000), st.integers(0, 60)),
    min_size=1,
    max_size=8,
)


def _allowed(bounds: list[MaximumBitrate], packet_rate: float) -> float:
    return max(0.0, min(bound.bitrate_bps - 8 * packet_rate * bound.overhead for bound in bounds))


def test_both_bounds_of_the_example_count() -> None:
    assert bounding_set([B, A]) == [A, B]
    assert _allowed([A, B], 20) == 28_600
    assert _allowed([A, B], 31.25) == pytest.approx(_allowed([A], 31.25)) == pytest.approx(_allowed([B], 31.25))


@pytest.mark.parametrize(
    "outside",
    [
        pytest.param(MaximumBitrate(3, 36_000, 40), id="parallel"),
        pytest.param(MaximumBitrate(3, 36_000, 30), id="flatter and higher"),
        pytest.param(MaximumBitrate(3, 80_000, 61), id="beyond the last corner"),
        pytest.param(MaximumBitrate(3, 39_999, 50), id="beyond a corner"),
    ],
)
def test_a_bound_outside_the_region_does_not_count(outside: MaximumBitrate) -> None:
    assert bounding_set([outside, A, B]) == [A, B]


def test_a_bound_that_cuts_a_corner_off_takes_its_place() -> None:
    middle = MaximumBitrate(3, 37_000, 50)

    assert bounding_set([A, B, middle]) == [A, middle, B]
    assert bounding_set([A, MaximumBitrate(2, 36_000, 60), MaximumBitrate(3, 35_900, 41)]) == [
        A,
        MaximumBitrate(2, 36_000, 60),
    ]


@pytest.mark.spec("rfc5104:4.2.1.2/7", "rfc5104:4.2.2.2/4")
@given(BOUNDS, st.floats(0, 1000))
@examples(100)
def test_the_bounding_set_allows_what_all_bounds_allow(bounds: list[MaximumBitrate], packet_rate: float) -> None:
    chosen = bounding_set(bounds)

    assert _allowed(chosen, packet_rate) == pytest.approx(_allowed(bounds, packet_rate), abs=1e-6)
    assert [bound.overhead for bound in chosen] == sorted({bound.overhead for bound in chosen})


@pytest.mark.spec("rfc5104:4.2.1.2/7")
@given(BOUNDS, st.integers(1, 1400))
@examples(100)
def test_payloads_and_headers_together_stay_below_every_bound(bounds: list[MaximumBitrate], size: int) -> None:
    ours = Bounds()
    for requester, bound in enumerate(bounds):
        ours.set(requester, bound, 0.0, 0.0)
    ours.measure(10, 10 * size)
    bitrate = ours.bitrate_bps

    assert bitrate is not None
    packet_rate = bitrate / 8 / size
    assert bitrate == pytest.approx(_allowed(bounds, packet_rate), rel=1e-6, abs=1e-3)


@pytest.mark.spec("rfc5104:4.2.1.2/8", "rfc5104:4.2.1.2/9")
def test_a_bound_that_is_raised_or_lifted_holds_for_a_while() -> None:
    bounds = Bounds()
    bounds.set(1, MaximumBitrate(9, 100_000, 0), 0.0, 1.0)
    assert bounds.bitrate_bps == 100_000

    bounds.set(1, MaximumBitrate(9, 300_000, 0), 2.0, 3.0)
    bounds.let_go(2.9)
    assert (bounds.bitrate_bps, bounds.loose_at()) == (100_000, 3.0)
    bounds.let_go(3.0)
    assert (bounds.bitrate_bps, bounds.loose_at()) == (300_000, float("inf"))

    bounds.set(1, MaximumBitrate(9, 50_000, 0), 4.0, 5.0)
    assert bounds.bitrate_bps == 50_000
    assert bounds.forget(1, 6.0, 7.0)
    bounds.let_go(6.9)
    assert bounds.bitrate_bps == 50_000
    bounds.let_go(7.0)
    assert bounds.bitrate_bps is None


def test_fewer_headers_loosen_a_bound_too() -> None:
    bounds = Bounds()
    bounds.set(1, MaximumBitrate(1, 100_000, FIRST_PAYLOAD_SIZE), 0.0, 1.0)
    bounds.set(1, MaximumBitrate(1, 100_000, 0), 0.0, 1.0)

    assert bounds.bitrate_bps == 50_000


def test_who_changes_its_mind_often_keeps_no_more_than_a_few_bounds_and_the_tightest() -> None:
    bounds = Bounds()
    for number in range(10 * MAX_REQUESTERS):
        bounds.set(1, MaximumBitrate(1, 1000 + number, 0), 0.0, 1.0 + number)

    assert len(bounds._loosened) == MAX_REQUESTERS
    assert bounds.bitrate_bps == 1000


def test_among_too_many_receivers_those_that_bound_are_kept() -> None:
    bounds = Bounds()
    for requester in range(10 * MAX_REQUESTERS):
        bounds.set(requester, MaximumBitrate(requester, 1_000_000 - requester, 40), 0.0, 0.0)

    assert len(bounds._bounds) <= MAX_REQUESTERS
    last = 10 * MAX_REQUESTERS - 1
    assert bounds.bounding_set() == [MaximumBitrate(last, 1_000_000 - last, 40)]
