"""Congestion control: slow start, avoidance, fast retransmit, idle paths. See :rfc:`9260#section-7`."""

from itertools import pairwise

import pytest
from tests.sctp.scripted import Script, pick

from rtc_sctp import AssociationConfig, DataChunk

CONFIG = AssociationConfig(heartbeat_interval=None)
UNLIMITED_BURST = AssociationConfig(heartbeat_interval=None, max_burst=1000)
PMDCS = 1188
"""Bytes of chunks in a packet of 1200 bytes."""


@pytest.fixture
def script() -> Script:
    return Script(CONFIG).establish()


def cwnd(script: Script) -> int:
    return script.association.stats.congestion_window


def ssthresh(script: Script) -> int:
    return script.association.stats.slow_start_threshold


def grow(script: Script, window: int) -> None:
    """Send and acknowledge, packet by packet, until the congestion window is so large or little larger."""
    script.queue(*[bytes(1100)] * 8)
    flight = script.sent_data()
    for _ in range(2000):
        if cwnd(script) < window:
            script.queue(*[bytes(1100)] * 2)
        elif not flight:
            return
        flight += pick(DataChunk, script.answer(script.sack(flight.pop(0).tsn)))
    raise AssertionError("the window does not grow")


def send_in_flight(script: Script, count: int) -> list[DataChunk]:
    """Have so many packets in flight; they are acknowledged by no one yet."""
    script.queue(*[bytes(1100)] * count)
    sent = script.sent_data()
    assert len(sent) == count
    return sent


def lose_first(script: Script, count: int, reports: int = 3) -> tuple[list[DataChunk], list[DataChunk]]:
    """Send ``count`` chunks, report the first as missing; what was sent, and what came in answer to the reports."""
    sent = send_in_flight(script, count)
    answers = [
        chunk
        for end in range(2, 2 + reports)
        for chunk in pick(DataChunk, script.answer(script.sack(gaps=((2, end),))))
    ]
    return sent, answers


# Slow start.


@pytest.mark.parametrize(
    ("size", "expected"), [(1200, 4404), (300, 4 * 288), (3000, 2 * 2988)], ids=["middle", "small", "large"]
)
@pytest.mark.spec("rfc9260:7.2.1/1")
def test_the_first_window(size: int, expected: int) -> None:
    script = Script(AssociationConfig(max_packet_size=size, heartbeat_interval=None)).establish()

    assert cwnd(script) == expected


@pytest.mark.spec("rfc9260:7.2.1/3")
def test_the_first_threshold_is_out_of_reach(script: Script) -> None:
    assert ssthresh(script) >= 1 << 30


@pytest.mark.spec("rfc9260:7.2.1/5", "rfc9260:7.2.1/7", "rfc9260:7.2/1")
def test_a_full_window_grows_by_no_more_than_what_was_acknowledged(script: Script) -> None:
    before = cwnd(script)
    script.queue(*[bytes(1100)] * 10)
    sent = script.sent_data()

    script.answer(script.sack(sent[0].tsn))
    assert cwnd(script) == before + len(sent[0].serialize())
    script.answer(script.sack(sent[-1].tsn))

    assert before < cwnd(script) <= before + sum(len(chunk.serialize()) for chunk in sent)


@pytest.mark.spec("rfc9260:7.2.1/6", "rfc9260:7.2/2")
def test_a_window_that_is_not_full_does_not_grow(script: Script) -> None:
    before = cwnd(script)
    for _ in range(10):
        script.queue(bytes(1000))
        script.finish()

    assert cwnd(script) == before


@pytest.mark.spec("rfc9260:7.2.1/6")
def test_without_progress_of_the_cumulative_tsn_the_window_does_not_grow(script: Script) -> None:
    before = cwnd(script)
    script.queue(*[bytes(1100)] * 10)
    script.sent_data()

    script.answer(script.sack(gaps=((2, 2),)))

    assert cwnd(script) == before


@pytest.mark.spec("rfc9260:7.2/4")
def test_headers_and_padding_count(script: Script) -> None:
    script.queue(bytes(1101))
    script.sent_data()

    assert script.association.stats.flight_size == 16 + 1104


# Losses.


@pytest.mark.spec("rfc9260:7.2.4/2", "rfc9260:6.7/5")
def test_two_missing_reports_are_not_enough(script: Script) -> None:
    grow(script, 10 * PMDCS)
    before = cwnd(script)

    _, answers = lose_first(script, 5, reports=2)

    assert answers == []
    assert cwnd(script) == before


@pytest.mark.spec("rfc9260:7.2.4/2", "rfc9260:7.2.4/5", "rfc9260:7.2.3/1", "rfc9260:6.7/5")
def test_the_third_missing_report_halves_the_window_and_resends_at_once(script: Script) -> None:
    grow(script, 16 * PMDCS)
    before = cwnd(script)

    sent, answers = lose_first(script, 5)

    assert answers == [sent[0]]
    assert ssthresh(script) == max(before // 2, 4 * PMDCS)
    assert cwnd(script) == ssthresh(script)


@pytest.mark.spec("rfc9260:7.2.3/1")
def test_the_window_is_never_halved_below_four_packets(script: Script) -> None:
    lose_first(script, 4)

    assert ssthresh(script) == 4 * PMDCS


@pytest.mark.spec("rfc9260:7.2.4/4")
def test_fast_retransmit_sends_one_packet_whatever_the_window_says() -> None:
    script = Script(UNLIMITED_BURST).establish()
    grow(script, 16 * PMDCS)
    script.queue(*[bytes(1100)] * 60)
    sent = script.sent_data()
    assert script.association.stats.flight_size >= cwnd(script)
    # The first three are lost.
    script.answer(script.sack(gaps=((4, 4),)))
    script.answer(script.sack(gaps=((4, 5),)))

    again = pick(DataChunk, script.answer(script.sack(gaps=((4, 6),))))

    assert script.association.stats.flight_size > cwnd(script)
    assert again == sent[:1]
    assert script.sent_data() == []
    assert pick(DataChunk, script.answer(script.sack(gaps=((4, 7),)))) == []


@pytest.mark.spec("rfc9260:7.2.4/3")
def test_only_reports_beyond_which_something_new_was_acknowledged_count(script: Script) -> None:
    grow(script, 16 * PMDCS)
    sent = send_in_flight(script, 5)
    # The same SACK again acknowledges nothing new; and a block below a missing chunk says nothing about it.
    answers = [pick(DataChunk, script.answer(script.sack(gaps=((2, 2),)))) for _ in range(5)]
    answers.append(pick(DataChunk, script.answer(script.sack(gaps=((2, 2), (4, 4))))))

    assert answers == [[]] * 6
    again = pick(DataChunk, script.answer(script.sack(gaps=((2, 2), (4, 5)))))
    assert [chunk.tsn for chunk in again] == [sent[0].tsn]


@pytest.mark.spec("rfc9260:7.2.4/6", "rfc9260:7.2.1/5")
def test_within_fast_recovery_a_further_loss_does_not_shrink_the_window_again(script: Script) -> None:
    grow(script, 16 * PMDCS)
    sent = send_in_flight(script, 5)
    for end in (2, 3, 4):
        script.answer(script.sack(gaps=((2, end),)))
    after_first = (cwnd(script), ssthresh(script))
    # New data behind, then the second is missing as well (the peer reneges): still the same recovery.
    script.queue(*[bytes(1100)] * 3)
    script.chunks()
    for end in (5, 6, 7):
        script.answer(script.sack(sent[0].tsn, gaps=((2, end),)))

    assert (cwnd(script), ssthresh(script)) == after_first


@pytest.mark.spec("rfc9260:7.2.4/7")
def test_growth_comes_before_the_reduction() -> None:
    script = Script(CONFIG).establish()
    script.queue(*[bytes(1100)] * 20)
    sent = script.sent_data()
    script.send(script.sack(sent[0].tsn))
    sent += script.sent_data()
    window = cwnd(script)
    assert script.association.stats.flight_size >= window
    # The second is lost. The third report acknowledges the first of those in flight as well.
    script.send(script.sack(gaps=((3, 3),)))
    script.send(script.sack(gaps=((3, 4),)))
    script.send(script.sack(sent[1].tsn, gaps=((2, 4),)))

    grown = window + len(sent[1].serialize())
    assert ssthresh(script) in {max(size // 2, 4 * PMDCS) for size in (grown, window + 2 * len(sent[1].serialize()))}


@pytest.mark.spec("rfc9260:7.2.3/2", "rfc9260:7.2.1/2")
def test_a_timeout_begins_anew_with_one_packet(script: Script) -> None:
    grow(script, 16 * PMDCS)
    before = cwnd(script)
    send_in_flight(script, 4)

    packets = script.wait(1.5)

    assert len(packets) == 1
    assert ssthresh(script) == max(before // 2, 4 * PMDCS)
    assert cwnd(script) <= PMDCS
    assert script.sent_data() == []


@pytest.mark.spec("rfc9260:7.2.1/2")
def test_after_a_timeout_one_packet_is_in_flight_however_small_it_is(script: Script) -> None:
    script.queue(*[bytes(700)] * 5)
    sent = script.sent_data()

    (first,) = script.wait(1.5)

    assert pick(DataChunk, first.chunks) == sent[:1]
    script.queue(b"new")
    assert script.sent_data() == []
    assert pick(DataChunk, script.answer(script.sack(sent[0].tsn)))[:1] == sent[1:2]


# Congestion avoidance.


def in_avoidance(script: Script) -> None:
    """Get over the threshold: a loss, then recovery from it."""
    grow(script, 16 * PMDCS)
    lose_first(script, 5)
    script.finish()
    script.queue(*[bytes(1100)] * 2)
    script.finish()
    script.send(script.sack(script.association_tsn + script.association.stats.messages_sent - 1))
    script.chunks()


@pytest.mark.spec("rfc9260:7.2.2/1", "rfc9260:7.2.2/2", "rfc9260:7.2.2/3")
def test_in_avoidance_a_full_window_grows_by_one_packet_in_a_round_trip() -> None:
    script = Script(UNLIMITED_BURST).establish()
    in_avoidance(script)
    # One over the threshold, so that this is avoidance and not the end of slow start.
    grow(script, ssthresh(script) + 1)
    windows = []
    script.queue(*[bytes(1100)] * 1000)
    flight = script.sent_data()
    for _ in range(12):
        windows.append(cwnd(script))
        last = flight[-1]
        later: list[DataChunk] = []
        for chunk in flight:
            later += pick(DataChunk, script.answer(script.sack(chunk.tsn)))
        assert later[-1].tsn != last.tsn
        flight = later

    steps = [later - earlier for earlier, later in pairwise(windows[2:])]
    assert all(0 <= step <= PMDCS for step in steps)
    assert sum(steps) >= PMDCS * (len(steps) - 3)


# An idle path.


@pytest.mark.spec("rfc9260:7.2.1/10", "rfc9260:7.2.1/11", "rfc9260:7.1/1")
def test_an_idle_window_halves_with_each_timeout_and_leaves_a_threshold(script: Script) -> None:
    grow(script, 40 * PMDCS)
    before = cwnd(script)
    script.now += 1.5
    script.queue(b"x")
    script.finish()

    assert cwnd(script) == pytest.approx(before // 2, abs=1)
    assert ssthresh(script) == before


@pytest.mark.spec("rfc9260:7.2.1/10", "rfc9260:7.2.2/4")
def test_an_idle_window_never_falls_below_four_packets(script: Script) -> None:
    in_avoidance(script)
    script.now += 1000.0
    script.queue(b"x")
    script.finish()

    assert cwnd(script) == 4 * PMDCS


@pytest.mark.spec("rfc9260:7.2.1/10", "rfc9260:7.2.1/11")
def test_an_idle_window_shrinks_just_as_much_while_the_peer_sends_all_the_time(script: Script) -> None:
    grow(script, 40 * PMDCS)
    before = cwnd(script)
    for _ in range(50):
        script.now += 0.1
        script.answer(script.data(b"to us"))

    assert cwnd(script) == 4 * PMDCS
    assert ssthresh(script) == before


# Another path.


@pytest.mark.spec("rfc9260:7.2.5/1", "rfc9260:7.2.5.2/1", "rfc8261:6.1/6")
def test_on_another_path_everything_begins_anew(script: Script) -> None:
    first = (cwnd(script), ssthresh(script))
    grow(script, 16 * PMDCS)
    script.wait(0.3)
    lose_first(script, 5)
    script.send(script.sack(script.association_tsn + script.association.stats.messages_sent - 1))
    assert (cwnd(script), ssthresh(script)) != first

    script.association.path_changed(script.now)

    assert (cwnd(script), ssthresh(script)) == first
    assert script.association.stats.smoothed_round_trip_time is None
    assert script.association.stats.retransmission_timeout == CONFIG.rto_initial
    script.queue(b"goes on")
    assert [chunk.payload for chunk in script.sent_data()] == [b"goes on"]


def test_a_path_that_changes_before_the_set_up_or_after_the_end_means_nothing() -> None:
    script = Script(CONFIG)
    script.association.path_changed(0.0)
    script.establish()
    script.association.abort(0.0)
    script.chunks()

    script.association.path_changed(0.0)

    assert script.chunks() == []
    assert script.association.next_timeout() is None
