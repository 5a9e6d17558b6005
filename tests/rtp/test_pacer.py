"""The pacer: order, pace, padding, probes, bounds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.effort import examples

from rtc_rtp import BufferFullError, PacedPacket, Pacer, PacerConfig, PacketPriority, Probe


def _drain(pacer: Pacer[str], until: float) -> list[tuple[float, PacedPacket[str]]]:
    """Let time pass as a caller would."""
    left: list[tuple[float, PacedPacket[str]]] = []
    now = 0.0
    while now <= until:
        left += [(now, paced) for paced in pacer.packets_to_send(now)]
        due = pacer.next_timeout()
        if due is None:
            break
        assert due > now, "still due after it was drained"
        now = due
    return left


def test_packets_leave_at_the_pace() -> None:
    pacer: Pacer[str] = Pacer(now=0.0, pacing_bitrate_bps=800_000)
    for number in range(100):
        pacer.enqueue(str(number), 1000, PacketPriority.VIDEO, 0.0)
    assert pacer.queue_time == pytest.approx(1.0)

    left = _drain(pacer, 10.0)

    assert [paced.packet for _, paced in left] == [str(number) for number in range(100)]
    for at, paced in left:
        assert paced.packet is not None
        assert at == pytest.approx(int(paced.packet) * 0.01, abs=0.02)


def test_what_is_more_urgent_leaves_first() -> None:
    pacer: Pacer[str] = Pacer(now=0.0, pacing_bitrate_bps=100_000)
    for priority in reversed(PacketPriority):
        pacer.enqueue(priority.name, 1000, priority, 0.0)

    left = _drain(pacer, 10.0)

    assert [paced.packet for _, paced in left] == [priority.name for priority in PacketPriority]
    assert left[0][0] == left[-1][0] - left[-1][0] == 0.0


def test_audio_does_not_wait() -> None:
    pacer: Pacer[str] = Pacer(now=0.0, pacing_bitrate_bps=10_000)
    pacer.enqueue("video", 10_000, PacketPriority.VIDEO, 0.0)
    pacer.packets_to_send(0.0)
    for number in range(10):
        pacer.enqueue(f"audio {number}", 100, PacketPriority.AUDIO, 0.1)
    assert pacer.next_timeout() == 0.1

    assert len(pacer.packets_to_send(0.1)) == 10


def test_a_long_queue_is_sent_faster() -> None:
    pacer: Pacer[str] = Pacer(now=0.0, pacing_bitrate_bps=100_000)
    for number in range(1000):
        pacer.enqueue(str(number), 1000, PacketPriority.VIDEO, 0.0)

    left = _drain(pacer, 60.0)

    # By the rate alone it would take 80 seconds.
    assert len(left) == 1000
    assert left[500][0] < 2.0


def test_the_queue_is_bounded() -> None:
    pacer: Pacer[str] = Pacer(
        now=0.0, pacing_bitrate_bps=1e6, config=PacerConfig(max_queue_size=3000, max_queue_length=5)
    )
    for _ in range(3):
        pacer.enqueue("", 1000, PacketPriority.VIDEO, 0.0)
    with pytest.raises(BufferFullError):
        pacer.enqueue("", 1, PacketPriority.AUDIO, 0.0)
    assert pacer.queued_bytes == 3000
    pacer.clear()
    for _ in range(5):
        pacer.enqueue("", 1, PacketPriority.VIDEO, 0.0)
    with pytest.raises(BufferFullError):
        pacer.enqueue("", 1, PacketPriority.VIDEO, 0.0)

    assert pacer.queued_count == 5


def test_a_probe_is_sent_at_its_rate() -> None:
    pacer: Pacer[str] = Pacer(now=0.0, pacing_bitrate_bps=100_000)
    pacer.enqueue("first", 100, PacketPriority.AUDIO, 0.0)
    pacer.packets_to_send(0.0)
    for number in range(30):
        pacer.enqueue(str(number), 1000, PacketPriority.VIDEO, 0.0)
    pacer.probe(Probe(7, 4_000_000, 7500), 0.0)

    probed = [(at, paced) for at, paced in _drain(pacer, 3.0) if paced.probe_id == 7]
    duration = probed[-1][0] - probed[0][0]
    sent = sum(paced.size for _, paced in probed[:-1])

    assert 7500 <= sent + 1000 <= 9500
    assert 8 * sent / duration == pytest.approx(4_000_000, rel=0.2)


@pytest.mark.parametrize("tick", [0.001, 0.004, 0.01, 0.02])
def test_a_probe_keeps_its_rate_where_timers_are_late(tick: float) -> None:
    pacer: Pacer[str] = Pacer(now=0.0, pacing_bitrate_bps=100_000)
    pacer.enqueue("first", 100, PacketPriority.AUDIO, 0.0)
    pacer.packets_to_send(0.0)
    pacer.probe(Probe(7, 2_000_000, 3750), 0.0)
    probed = [
        (turn * tick, paced.size)
        for turn in range(100)
        for paced in pacer.packets_to_send(turn * tick)
        if paced.probe_id
    ]
    duration = probed[-1][0] - probed[0][0]
    last_burst = sum(size for at, size in probed if at == probed[-1][0])

    assert 8 * (sum(size for _, size in probed) - last_burst) / duration == pytest.approx(2_000_000, rel=0.3)


def test_a_probe_without_media_is_padding_after_something_was_sent() -> None:
    pacer: Pacer[str] = Pacer(now=0.0, pacing_bitrate_bps=100_000)
    pacer.probe(Probe(1, 1_000_000, 2000), 0.0)
    assert pacer.packets_to_send(0.0) == []
    assert pacer.next_timeout() is None
    pacer.enqueue("first", 100, PacketPriority.AUDIO, 0.1)

    left = _drain(pacer, 1.0)
    padding = [paced for _, paced in left if paced.packet is None]

    assert {paced.probe_id for paced in padding} == {1}
    assert 2000 <= sum(paced.size for paced in padding) + 100 < 3000


def test_a_probe_that_waited_too_long_is_given_up() -> None:
    pacer: Pacer[str] = Pacer(now=0.0, pacing_bitrate_bps=100_000)
    pacer.probe(Probe(1, 1_000_000, 2000), 0.0)
    pacer.enqueue("first", 100, PacketPriority.AUDIO, 5.0)

    assert [paced.packet for paced in pacer.packets_to_send(5.0)] == ["first"]
    assert pacer.next_timeout() is None


def test_padding_fills_what_media_leaves() -> None:
    pacer: Pacer[str] = Pacer(now=0.0, pacing_bitrate_bps=1_000_000)
    pacer.set_rates(pacing_bitrate_bps=1_000_000, padding_bitrate_bps=100_000, now=0.0)
    pacer.enqueue("first", 100, PacketPriority.VIDEO, 0.0)

    left = _drain(pacer, 2.0)
    size = sum(paced.size for _, paced in left)

    assert 8 * size / 2.0 == pytest.approx(100_000, rel=0.1)


def test_what_a_probe_sent_owes_nothing_to_padding_that_is_wanted_later() -> None:
    pacer: Pacer[str] = Pacer(now=0.0, pacing_bitrate_bps=1_000_000)
    pacer.enqueue("first", 100, PacketPriority.AUDIO, 0.0)
    pacer.probe(Probe(1, 2_000_000, 20_000), 0.0)
    _drain(pacer, 1.0)
    pacer.set_rates(pacing_bitrate_bps=1_000_000, padding_bitrate_bps=100_000, now=2.0)

    due = pacer.next_timeout()
    assert due is not None
    assert due < 2.1


def test_packets_that_come_together_are_queued_all_or_none() -> None:
    pacer: Pacer[str] = Pacer(now=0.0, pacing_bitrate_bps=1e6, config=PacerConfig(max_queue_size=2500))
    pacer.enqueue_all([PacedPacket("a", 1000), PacedPacket("b", 1000)], PacketPriority.VIDEO, 0.0)

    with pytest.raises(BufferFullError):
        pacer.enqueue_all([PacedPacket("c", 400), PacedPacket("d", 400)], PacketPriority.AUDIO, 0.0)

    assert (pacer.queued_bytes, pacer.queued_count) == (2000, 2)
    assert [paced.packet for _, paced in _drain(pacer, 1.0)] == ["a", "b"]


def test_packets_of_no_bytes_leave_the_count_of_the_queue() -> None:
    pacer: Pacer[str] = Pacer(now=0.0, pacing_bitrate_bps=1_000_000)
    pacer.enqueue("first", 0, PacketPriority.VIDEO, 0.0)

    assert [paced.packet for paced in pacer.packets_to_send(0.0)] == ["first"]
    assert pacer.queued_count == 0
    assert pacer.next_timeout() is None


@pytest.mark.parametrize(("pacing", "padding"), [(0.0, 0.0), (-1.0, 0.0), (1.0, -1.0), (float("nan"), 0.0)])
def test_no_pace_is_refused(pacing: float, padding: float) -> None:
    pacer: Pacer[str] = Pacer(now=0.0, pacing_bitrate_bps=1e6)
    with pytest.raises(ValueError, match="pace"):
        pacer.set_rates(pacing_bitrate_bps=pacing, padding_bitrate_bps=padding, now=0.0)
    with pytest.raises(ValueError, match="pace"):
        Pacer(now=0.0, pacing_bitrate_bps=0.0)


@examples(50)
@given(
    st.floats(0, 1e9),
    st.floats(1e4, 1e8),
    st.lists(st.tuples(st.integers(1, 1500), st.sampled_from(PacketPriority), st.floats(0, 0.1)), max_size=40),
)
def test_every_packet_leaves_and_nothing_spins(
    start: float, rate: float, packets: list[tuple[int, PacketPriority, float]]
) -> None:
    pacer: Pacer[int] = Pacer(now=start, pacing_bitrate_bps=rate)
    now = start
    left = 0
    for number, (size, priority, pause) in enumerate(packets):
        now += pause
        pacer.enqueue(number, size, priority, now)
        left += len(pacer.packets_to_send(now))
    turns = 0
    while (due := pacer.next_timeout()) is not None:
        assert due > now
        now = due
        left += len(pacer.packets_to_send(now))
        turns += 1

    assert left == len(packets)
    assert turns <= len(packets)


def test_while_a_probe_is_sent_nothing_but_sound_leaves_beside_it() -> None:
    pacer: Pacer[str] = Pacer(now=0.0, pacing_bitrate_bps=10_000_000)
    pacer.probe(Probe(7, 1_000_000, 2500), 0.0)
    for number in range(10):
        pacer.enqueue(f"video {number}", 1000, PacketPriority.VIDEO, 0.0)
    left: list[tuple[float, PacedPacket[str]]] = []
    now = 0.0
    while now < 0.1 and (pacer.queued_count or not left):
        left += [(now, paced) for paced in pacer.packets_to_send(now)]
        now = pacer.next_timeout() or 1.0

    ids = [paced.probe_id for _, paced in left]
    ended = max(at for at, paced in left if paced.probe_id == 7)
    assert ids == sorted(ids, key=lambda probe_id: probe_id is None)  # first the probe, then the others
    assert ids.count(7) >= 5
    assert 0.02 < ended < 0.05
