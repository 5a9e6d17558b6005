"""Sequence numbers, losses and jitter of one source (RFC 3550, appendix A)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtc_rtp.receiving.losses import MAX_MISSING, MAX_REQUESTS, Losses
from rtc_rtp.receiving.reception import MAX_DROPOUT, MAX_MISORDER, Reception


def _reception(first: int = 100, probation: int = 0) -> Reception:
    reception = Reception(first, clock_rate=90_000, probation=probation)
    reception.accept(first)
    return reception


def test_a_source_is_valid_after_two_packets_in_a_row() -> None:
    reception = _reception(100, probation=2)
    assert reception.probation == 1

    reception.accept(500)
    assert reception.probation == 1

    reception.accept(501)
    assert reception.probation == 0
    assert (reception.expected, reception.received) == (2, 2)


def test_numbers_wrap() -> None:
    reception = _reception(65_534)

    numbers = [reception.accept(number) for number in (65_535, 0, 1)]

    assert numbers == [0x1_0000 + 65_535, 0x2_0000, 0x2_0001]
    assert reception.lost == 0


def test_a_packet_that_is_late_has_its_own_number() -> None:
    reception = _reception(100)
    reception.accept(103)

    assert reception.accept(101) == 0x1_0000 + 101
    assert reception.highest == 0x1_0000 + 103
    assert reception.lost == 1


def test_a_jump_is_believed_the_second_time() -> None:
    reception = _reception(100)

    assert reception.accept(100 + MAX_DROPOUT) is None
    assert reception.reason == "sequence_number_jumped"
    assert reception.accept(101 + MAX_DROPOUT) is not None
    assert (reception.restarts, reception.expected, reception.received) == (1, 1, 1)


@pytest.mark.parametrize(("ahead", "accepted"), [(MAX_DROPOUT - 1, True), (MAX_DROPOUT, False)])
def test_the_limit_of_a_gap(ahead: int, accepted: bool) -> None:
    assert (_reception(100).accept(100 + ahead) is not None) == accepted


@pytest.mark.parametrize(("behind", "accepted"), [(MAX_MISORDER - 1, True), (MAX_MISORDER + 1, False)])
def test_the_limit_of_lateness(behind: int, accepted: bool) -> None:
    assert (_reception(1000).accept(1000 - behind) is not None) == accepted


def test_fraction_lost_is_of_the_time_since_the_last_report() -> None:
    reception = _reception(0)
    for number in range(2, 10, 2):
        reception.accept(number)

    assert reception.take_fraction_lost() == 4 * 256 // 9
    for number in range(9, 19):
        reception.accept(number)
    assert reception.take_fraction_lost() == 0
    assert reception.take_fraction_lost() == 0


def test_more_packets_than_expected_are_a_negative_loss() -> None:
    reception = _reception(10)
    for number in (9, 8):
        reception.accept(number)

    assert reception.lost == -2
    assert reception.take_fraction_lost() == 0


def test_steady_packets_have_no_jitter() -> None:
    reception = _reception()
    for number in range(100):
        reception.time(3000 * number & 0xFFFF_FFFF, 5.0 + number / 30)

    assert reception.jitter == pytest.approx(0, abs=1)


def test_jitter_converges_to_the_mean_difference() -> None:
    reception = _reception()
    for number in range(400):
        reception.time(0xFFFF_0000 + 3000 * number & 0xFFFF_FFFF, number / 30 + 0.01 * (number % 2))

    assert reception.jitter == pytest.approx(900, rel=0.01)


@given(st.lists(st.integers(0, 0xFFFF), max_size=200))
def test_no_numbers_do_harm(numbers: list[int]) -> None:
    reception = _reception(7, probation=2)
    for number in numbers:
        extended = reception.accept(number)
        assert extended is None or extended & 0xFFFF == number
        assert 0 <= reception.take_fraction_lost() <= 255
        assert -0x80_0000 <= reception.lost <= 0x7F_FFFF


# --- what is asked for ---


def test_a_gap_is_asked_for_at_once_and_then_every_round_trip() -> None:
    losses = Losses()
    losses.open_gap(10, 12, 1.0)

    assert losses.take_due(1.0, 0.1) == ([10, 11], [])
    assert losses.take_due(1.05, 0.1) == ([], [])
    assert losses.deadline == pytest.approx(1.1)
    assert losses.take_due(1.1, 0.1) == ([10, 11], [])


def test_what_was_asked_for_often_enough_is_given_up() -> None:
    losses = Losses()
    losses.open_gap(10, 11, 0.0)
    asked = [losses.take_due(float(turn), 0.1) for turn in range(MAX_REQUESTS + 1)]

    assert asked == [([10], [])] * MAX_REQUESTS + [([], [10])]
    assert losses.missing == {}


def test_a_path_that_reorders_is_given_time() -> None:
    losses = Losses()
    losses.open_gap(10, 11, 1.0)
    losses.close_gap(10, 1.01)

    losses.open_gap(20, 21, 2.0)

    assert losses.take_due(2.0, 0.1) == ([], [])
    assert losses.deadline == pytest.approx(2.0125)


def test_a_long_gap_is_bounded() -> None:
    losses = Losses()

    given_up = losses.open_gap(0, MAX_MISSING + 500, 0.0)
    more = losses.open_gap(MAX_MISSING + 501, MAX_MISSING + 511, 0.0)

    assert given_up == list(range(500))
    assert more == list(range(500, 510))
    assert len(losses.missing) == MAX_MISSING


def test_what_nobody_wants_any_more_is_not_asked_for() -> None:
    losses = Losses()
    losses.open_gap(0, 10, 0.0)

    losses.forget_before(10)

    assert losses.take_due(1.0, 0.1) == ([], [])
    assert losses.deadline == float("inf")
