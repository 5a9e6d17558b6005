"""Recorders and the memory of the sender: together they tell what arrived when, whatever the network does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.effort import examples

from rtc_rtp import (
    CongestionControlFeedback,
    CongestionFeedbackRecorder,
    SentPacket,
    SentPackets,
    TransportFeedback,
    TransportFeedbackRecorder,
    ntp_timestamp,
)
from rtc_rtp.congestion.congestion_feedback_recorder import arrival_offset


def _exchange(start: int, arrivals: list[tuple[int, float]], count: int, clock: float) -> dict[int, float | None]:
    """Send `count` packets, have some arrive, return what feedback makes of them: by index, the arrival."""
    memory, recorder = SentPackets(), TransportFeedbackRecorder(sender_ssrc=1)
    indices = {}
    for index in range(count):
        memory.packet_sent((start + index) & 0xFFFF, 1000 + index, 0.001 * index)
        indices[1000 + index] = index
    found: dict[int, float | None] = {}
    for index, at in sorted(arrivals, key=lambda pair: pair[1]):
        recorder.packet_received((start + index) & 0xFFFF, clock + at)
        due = recorder.next_timeout()
        if due is not None and due <= clock + at:
            for feedback in recorder.feedback(clock + at):
                for packet in memory.results(TransportFeedback.parse(feedback.serialize())):
                    found[indices[packet.size]] = packet.received_at
    for feedback in recorder.feedback(clock + 100):
        for packet in memory.results(TransportFeedback.parse(feedback.serialize())):
            found[indices[packet.size]] = packet.received_at
    return found


@examples(60)
@given(
    st.integers(0, 0xFFFF),
    st.lists(st.floats(0, 20), min_size=1, max_size=60),
    st.floats(0, 1e7),
)
def test_feedback_tells_every_arrival_once_and_in_time(start: int, times: list[float], clock: float) -> None:
    # Arrivals up to 0.4 s late of their order, as the recorder remembers half a second.
    order = [(index, round(0.05 * index + at / 50, 3)) for index, at in enumerate(times)]
    found = _exchange(start, order, len(times), clock)

    assert sorted(found) == list(range(len(times)))
    received = [found[index] for index, _ in order]
    base = received[0]
    assert base is not None
    for (_, at), time in zip(order, received, strict=True):
        assert time is not None
        assert time - base == pytest.approx(at - order[0][1], abs=0.0006)


def test_losses_are_told_when_the_next_feedback_does_not_know_better() -> None:
    memory, recorder = SentPackets(), TransportFeedbackRecorder(sender_ssrc=1)
    for number in range(10):
        memory.packet_sent(number, 100 + number, 0.0)
    assert memory.in_flight_bytes == 1045
    for number in (0, 1, 3, 5):
        recorder.packet_received(number, 1.0)
    (first,) = recorder.feedback(1.1)
    assert [packet.received_at is None for packet in memory.results(first)] == [False] * 4
    assert memory.in_flight_bytes == 106 + 107 + 108 + 109
    recorder.packet_received(4, 1.15)  # overtaken
    recorder.packet_received(6, 1.15)
    (second,) = recorder.feedback(1.2)

    assert second.base_sequence_number == 4
    assert {packet.size: packet.received_at for packet in memory.results(second)} == {102: None, 104: 1.15, 106: 1.15}
    assert memory.in_flight_bytes == 107 + 108 + 109


def test_a_late_packet_has_the_feedback_tell_of_what_came_after_it_again() -> None:
    recorder = TransportFeedbackRecorder(sender_ssrc=1)
    for number in (10, 12, 13):
        recorder.packet_received(number, 1.0)
    recorder.feedback(1.1)
    recorder.packet_received(11, 1.2)

    (feedback,) = recorder.feedback(1.3)

    assert feedback.base_sequence_number == 11
    assert feedback.deltas[0] is not None


def test_feedback_is_due_when_something_arrived() -> None:
    recorder = TransportFeedbackRecorder(sender_ssrc=1)
    assert recorder.next_timeout() is None
    assert recorder.feedback(0.0) == []
    recorder.packet_received(1, 5.0)
    due = recorder.next_timeout()
    assert due is not None
    assert 5.0 < due <= 5.25
    assert len(recorder.feedback(due)) == 1

    assert recorder.next_timeout() is None


def test_feedback_waits_a_little_for_what_has_to_be_done_anyway() -> None:
    recorder = TransportFeedbackRecorder(sender_ssrc=1)
    recorder.packet_received(1, 1.0)
    recorder.feedback(1.1)
    recorder.packet_received(2, 1.11)

    assert recorder.ready_at == pytest.approx(1.2)
    assert recorder.next_timeout() == pytest.approx(1.24)

    for number in range(3, 30):  # as many as a probe has
        recorder.packet_received(number, 1.12)

    assert recorder.ready_at == pytest.approx(1.15)


@given(
    st.integers(0, 0xFFFF),
    st.lists(st.lists(st.sampled_from([1, 1, 1, 1, 2, -1, 0, 300]), min_size=1, max_size=20), max_size=12),
)
def test_packets_that_come_together_are_told_as_those_that_come_one_by_one(start: int, bursts: list[list[int]]) -> None:
    together, one_by_one = (TransportFeedbackRecorder(sender_ssrc=1) for _ in range(2))
    number, now = start, 0.0
    for burst in bursts:
        now += 0.03
        numbers = [number := (number + step) & 0xFFFF for step in burst]
        together.packets_received(numbers, now, media_ssrc=2, size=1200 * len(numbers))
        for each in numbers:
            one_by_one.packet_received(each, now, media_ssrc=2)
        assert together.next_timeout() == one_by_one.next_timeout()
        if together.ready_at <= now:
            assert together.feedback(now) == one_by_one.feedback(now)

    assert together.feedback(now + 1) == one_by_one.feedback(now + 1)


def test_feedback_costs_no_more_than_its_share() -> None:
    def intervals(bitrate_bps: float) -> float:
        recorder = TransportFeedbackRecorder(sender_ssrc=1)
        last, interval, now = 0.0, 0.0, 0.0
        for number in range(400):
            now += 8 * 1000 / bitrate_bps
            recorder.packet_received(number & 0xFFFF, now, size=1000)
            if recorder.ready_at <= now:
                recorder.feedback(now)
                last, interval = now, now - last
        return interval

    assert intervals(10e6) == pytest.approx(0.05, abs=0.01)
    assert intervals(40e3) == pytest.approx(0.25, abs=0.2)


def test_feedback_count_and_numbers_wrap() -> None:
    recorder = TransportFeedbackRecorder(sender_ssrc=1)
    counts = []
    for turn in range(300):
        recorder.packet_received((65_400 + turn) & 0xFFFF, float(turn))
        (feedback,) = recorder.feedback(turn + 0.5)
        counts.append(feedback.feedback_packet_count)
        assert feedback.base_sequence_number == (65_400 + turn) & 0xFFFF

    assert counts == [turn & 0xFF for turn in range(300)]


def test_a_pause_longer_than_a_delta_splits_feedback() -> None:
    recorder = TransportFeedbackRecorder(sender_ssrc=1)
    recorder.packet_received(1, 0.0)
    recorder.packet_received(2, 30.0)

    assert [feedback.base_sequence_number for feedback in recorder.feedback(30.1)] == [1, 2]


@given(st.lists(st.integers(0, 0xFFFF), max_size=300))
def test_no_numbers_make_the_recorder_grow(numbers: list[int]) -> None:
    recorder = TransportFeedbackRecorder(sender_ssrc=1)
    for turn, number in enumerate(numbers):
        recorder.packet_received(number, turn * 0.001)
    feedback = recorder.feedback(1.0)

    assert sum(len(each.deltas) for each in feedback) <= 8192
    for each in feedback:
        assert TransportFeedback.parse(each.serialize()) == each


def test_packets_that_left_together_are_remembered_as_each_alone() -> None:
    together, alone = SentPackets(), SentPackets()
    for first in (65_533, 65_537):
        numbers = range(first, first + 4)
        together.packets_sent([SentPacket(number, 100, float(first), None, None) for number in numbers], float(first))
        for number in numbers:
            alone.packet_sent(number & 0xFFFF, 100, float(first))
    feedback = TransportFeedback(1, 2, 65_535, 0, 0, [4, None, 4, None, 4, 4])

    told = [[(packet.sent_at, packet.received_at) for packet in each.results(feedback)] for each in (together, alone)]

    assert told[0] == told[1]
    assert len(told[0]) == 4
    assert together.in_flight_bytes == alone.in_flight_bytes == 200


def test_the_memory_of_the_sender_is_bounded() -> None:
    memory = SentPackets()
    for number in range(40_000):
        memory.packet_sent(number & 0xFFFF, 10, number * 1e-5, ssrc=1, sequence_number=number & 0xFFFF)
    assert len(memory) <= 16_384 + 64
    assert memory.in_flight_bytes == 10 * len(memory)

    memory.expire(100.0)

    assert len(memory) == memory.in_flight_bytes == len(memory._by_stream) == 0


class TestStreams:
    """RFC 8888: feedback by stream."""

    def _feedback(self, recorder: CongestionFeedbackRecorder, now: float) -> list[CongestionControlFeedback]:
        built = recorder.feedback(now, ntp_timestamp=ntp_timestamp(now))
        return [CongestionControlFeedback.parse(each.serialize()) for each in built]

    @pytest.mark.spec("rfc8888:3.1/11")
    def test_feedback_is_frequent_enough_to_fit_a_datagram(self) -> None:
        recorder = CongestionFeedbackRecorder(sender_ssrc=9)
        sizes, now = [], 0.0
        for number in range(4000):  # ten megabits per second
            now += 0.001
            recorder.packet_received(1, number, now)
            due = recorder.next_timeout()
            if due is not None and due <= now:
                sizes += [len(each.serialize()) for each in self._feedback(recorder, now)]

        assert len(sizes) > 35
        assert max(sizes) < 1200

    def test_arrivals_come_back(self) -> None:
        memory, recorder = SentPackets(), CongestionFeedbackRecorder(sender_ssrc=9)
        for index in range(20):
            memory.packet_sent(index, 100, 0.01 * index, ssrc=7, sequence_number=(65_530 + index) & 0xFFFF)
            if index % 5 != 4:
                recorder.packet_received(7, (65_530 + index) & 0xFFFF, 1.0 + 0.01 * index)
        (feedback,) = self._feedback(recorder, 1.3)
        results = memory.results(feedback)
        times = [packet.received_at for packet in results if packet.received_at is not None]

        assert len(times) == 16
        assert times[-1] - times[0] == pytest.approx(0.18, abs=0.001)
        assert memory.in_flight_bytes == 100  # the last one was never told of

    @pytest.mark.spec("rfc8888:3.1/6")
    def test_every_active_stream_has_a_block(self) -> None:
        recorder = CongestionFeedbackRecorder(sender_ssrc=9)
        recorder.packet_received(3, 1, 0.0)
        recorder.packet_received(2, 5, 0.0)
        (feedback,) = self._feedback(recorder, 0.1)
        assert [stream.ssrc for stream in feedback.streams] == [2, 3]
        recorder.packet_received(3, 2, 0.2)

        (feedback,) = self._feedback(recorder, 0.3)

        assert [(stream.ssrc, stream.begin_sequence_number) for stream in feedback.streams] == [(3, 2)]

    @pytest.mark.spec("rfc8888:3.1/7")
    def test_what_was_told_is_told_again_where_reports_overlap(self) -> None:
        recorder = CongestionFeedbackRecorder(sender_ssrc=9)
        recorder.packet_received(1, 10, 0.0)
        recorder.packet_received(1, 12, 0.0)
        self._feedback(recorder, 0.1)
        recorder.packet_received(1, 11, 0.2)
        (feedback,) = self._feedback(recorder, 0.3)

        (stream,) = feedback.streams
        assert stream.begin_sequence_number == 11
        assert [metric is not None for metric in stream.metrics] == [True, True]

    @pytest.mark.spec("rfc8888:3.1/9", "rfc8888:3.1/10")
    def test_of_copies_the_first_arrival_counts_and_any_mark(self) -> None:
        recorder = CongestionFeedbackRecorder(sender_ssrc=9)
        recorder.packet_received(1, 10, 0.0, ecn=2)
        recorder.packet_received(1, 10, 0.5, ecn=3)
        recorder.packet_received(1, 10, 0.6, ecn=1)
        recorder.packet_received(1, 11, 0.5, ecn=2)
        recorder.packet_received(1, 11, 0.6, ecn=1)
        (feedback,) = self._feedback(recorder, 1.0)

        (stream,) = feedback.streams
        first, second = stream.metrics
        assert first is not None
        assert second is not None
        assert (first.arrival_offset, first.ecn) == (1024, 3)
        assert (second.arrival_offset, second.ecn) == (512, 2)

    @pytest.mark.spec("rfc8888:3.1/4", "rfc8888:3.1/5")
    def test_times_that_cannot_be_told(self) -> None:
        assert arrival_offset(0.5) == 512
        assert arrival_offset(8189 / 1024) == 0x1FFD
        assert arrival_offset(8190 / 1024) == arrival_offset(1e6) == 0x1FFE
        assert arrival_offset(-0.001) == 0x1FFF

    @pytest.mark.spec("rfc8888:3.1/8")
    def test_feedback_fits_a_datagram(self) -> None:
        recorder = CongestionFeedbackRecorder(sender_ssrc=9)
        for ssrc in range(40):
            for number in range(0, 900, 7):
                recorder.packet_received(ssrc, number, 0.0)
        built = self._feedback(recorder, 0.1)

        assert max(len(each.serialize()) for each in built) <= 1100
        assert sum(len(stream.metrics) for each in built for stream in each.streams) == 40 * 897

    def test_streams_are_bounded(self) -> None:
        recorder = CongestionFeedbackRecorder(sender_ssrc=9)
        for ssrc in range(1000):
            for number in (0, 30_000, 1, 40_000):
                recorder.packet_received(ssrc, number, 0.0)

        assert len(recorder._streams) == 64
        built = self._feedback(recorder, 0.1)
        assert max(len(stream.metrics) for each in built for stream in each.streams) <= 1024
