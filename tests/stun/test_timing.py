"""Retransmission schedule, RTO estimates and timers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtc_stun import Retransmission, RtoCache
from rtc_stun.rto import MAX_SERVERS
from rtc_stun.timers import Timers

SERVER = "198.51.100.1"


def sending_times(schedule: Retransmission) -> tuple[list[float], float]:
    """Run a schedule from 0 and return when the request leaves and when it is given up."""
    now, times = 0.0, []
    while not schedule.expired:
        times.append(now)
        now = schedule.sent(now)
    return times, now


@pytest.mark.spec("rfc8489:6.2.1/1", "rfc8489:6.2.1/10", "rfc8489:6.2.1/11", "rfc8489:6.2.1/12")
def test_schedule_of_the_rfc() -> None:
    assert sending_times(Retransmission(0.5)) == ([0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5], 39.5)


@pytest.mark.spec("rfc8489:6.2.1/10", "rfc8489:6.2.1/12")
def test_counts_and_factors_are_the_callers_choice() -> None:
    times, end = sending_times(Retransmission(0.1, max_requests=2, last_wait_factor=3))

    assert times == [0, 0.1]
    assert end == pytest.approx(0.4)


@pytest.mark.spec("rfc8489:6.2.2/2")
def test_reliable_schedule_sends_once() -> None:
    assert sending_times(Retransmission.reliable()) == ([0], 39.5)
    assert sending_times(Retransmission.reliable(5)) == ([0], 5)


def test_schedule_remembers_the_first_time() -> None:
    schedule = Retransmission(0.5)

    schedule.sent(7.0)
    schedule.sent(7.5)

    assert (schedule.sent_at, schedule.sent_count, schedule.deadline) == (7.0, 2, 8.5)


@pytest.mark.spec("rfc8489:6.2.1/2", "rfc8489:6.2.1/3")
def test_unknown_server_gets_500_ms() -> None:
    assert RtoCache().rto(SERVER, 0) == 0.5


@pytest.mark.parametrize(("initial", "minimum"), [(0, 0.5), (0.5, 0), (-1, 1)])
def test_rto_is_positive(initial: float, minimum: float) -> None:
    with pytest.raises(ValueError, match="positive"):
        RtoCache(initial_rto=initial, minimum_rto=minimum)


@pytest.mark.spec("rfc8489:6.2.1/4", "rfc8489:6.2.1/5", "rfc8489:6.2.1/8")
def test_rto_follows_the_measurements_to_the_millisecond() -> None:
    cache = RtoCache(minimum_rto=0.001)

    cache.completed(SERVER, 0, 0.1234)
    assert cache.rto(SERVER, 1) == pytest.approx(0.371)  # 0.1234 + 4 * 0.0617, rounded up
    cache.completed(SERVER, 1, 0.1234)
    assert cache.rto(SERVER, 2) == pytest.approx(0.309)  # 0.1234 + 4 * 0.046275


def test_rto_does_not_sink_below_the_minimum() -> None:
    cache = RtoCache()
    cache.completed(SERVER, 0, 0.001)

    assert cache.rto(SERVER, 1) == 0.5


def test_variation_is_at_least_one_millisecond() -> None:
    cache = RtoCache(minimum_rto=0.001)
    for now in range(100):
        cache.completed(SERVER, now, 0.01)

    assert cache.rto(SERVER, 100) == pytest.approx(0.011)


@pytest.mark.spec("rfc8489:6.2.1/9")
def test_estimate_is_stale_after_ten_minutes_without_transactions() -> None:
    cache = RtoCache()
    cache.completed(SERVER, 0, 2.0)

    assert cache.rto(SERVER, 600) == 6.0
    assert cache.rto(SERVER, 600.1) == 0.5
    cache.completed(SERVER, 601, 1.0)
    assert cache.rto(SERVER, 602) == 3.0


@pytest.mark.spec("rfc8489:6.2.1/6", "rfc8489:6.2.1/7", "rfc8489:6.2.1/9")
def test_transaction_without_a_measurement_keeps_the_estimate_fresh_and_unchanged() -> None:
    cache = RtoCache()
    cache.completed(SERVER, 0, 2.0)
    cache.completed(SERVER, 500, None)

    assert cache.rto(SERVER, 1000) == 6.0
    cache.completed("192.0.2.1", 0, None)
    assert cache.rto("192.0.2.1", 1) == 0.5


def test_cache_is_bounded_and_forgets_the_server_unused_for_longest() -> None:
    cache = RtoCache()
    cache.completed("first", 0, 2.0)
    cache.completed("second", 0, 2.0)
    cache.completed("first", 1, 2.0)
    for number in range(MAX_SERVERS - 1):
        cache.completed(str(number), 2, 2.0)

    assert cache.rto("second", 3) == 0.5
    assert cache.rto("first", 3) != 0.5


@given(st.lists(st.tuples(st.integers(0, 5), st.one_of(st.none(), st.floats(0, 100))), max_size=300))
def test_timers_agree_with_a_plain_dict(steps: list[tuple[int, float | None]]) -> None:
    timers, model = Timers(), dict[int, float]()
    for key, deadline in steps:
        if deadline is None:
            timers.cancel(key)
            model.pop(key, None)
        else:
            timers.set(key, deadline)
            model[key] = deadline
        assert timers.next() == min(model.values(), default=None)

    due = timers.pop_due(50)
    assert sorted(due) == sorted(key for key, deadline in model.items() if deadline <= 50)
    assert [model[key] for key in due] == sorted(model[key] for key in due)
    assert timers.next() == min((deadline for deadline in model.values() if deadline > 50), default=None)


def test_timers_do_not_hoard_what_is_stale() -> None:
    timers = Timers()
    for step in range(10_000):
        timers.set(0, 1.0)
        timers.set(1, 2.0 + step)

    assert len(timers._heap) < 100
