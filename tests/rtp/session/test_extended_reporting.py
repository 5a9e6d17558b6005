"""Extended reports that the peer asked for, and no others (RFC 3611 sections 4 and 5)."""

from dataclasses import replace
from typing import TypeVar

import pytest
from tests.rtp.session.party import (
    AUDIO_SSRC,
    Party,
    audio_receiver,
    audio_sender,
    opus_frame,
    video_receiver,
    video_sender,
)
from tests.support.network import Link

from rtc_rtp import (
    DelaySinceReceiverReport,
    DuplicateTrace,
    ExtendedBlock,
    ExtendedReport,
    ExtendedReports,
    JitterSettings,
    LossTrace,
    ReceiptTimes,
    ReceiverReferenceTime,
    ReceiverReport,
    RtcpParameters,
    RtpPacket,
    SenderReport,
    SessionOptions,
    StatisticsSummary,
    VoipMetrics,
    parse_compound,
    serialize_compound,
)
from rtc_rtp.receiving.bursts import Bursts
from rtc_rtp.receiving.call_quality import CallQuality
from rtc_rtp.receiving.observation import MAX_RUNS, MAX_SPAN, Observation
from rtc_rtp.receiving.playout_clock import PlayoutClock
from rtc_rtp.reporting.control import MAX_TOLD

B = TypeVar("B", bound=ExtendedBlock)
EVERYTHING = ExtendedReports(
    loss_trace_size=400,
    duplicate_trace_size=400,
    receipt_times_size=400,
    statistics=frozenset({"loss", "dup", "jitt"}),
)


def _blocks(party: Party, side: int, kind: type[B]) -> list[B]:
    packets = [packet for data in party.rtcp(side) for packet in parse_compound(data)]
    reports = [packet for packet in packets if isinstance(packet, ExtendedReport)]
    return [block for report in reports for block in report.blocks if type(block) is kind]


def _all_blocks(party: Party, side: int) -> list[ExtendedBlock]:
    packets = [packet for data in party.rtcp(side) for packet in parse_compound(data)]
    return [block for packet in packets if isinstance(packet, ExtendedReport) for block in packet.blocks]


def _talk(wanted: ExtendedReports | None, *, loss: float = 0.0, count: int = 200) -> Party:
    """Let sound flow; the receiver reports what is wanted."""
    party = Party(link=Link(delay=0.02, loss=loss), back=Link(delay=0.02))
    party.left.add_sender("a", audio_sender())
    party.right.add_receiver("a", audio_receiver(extended_reports=wanted))
    party.send_audio(count)
    return party


# --- what the peer wants to know of its streams ---


def test_very_many_streams_with_large_gaps_are_told_of_in_turns() -> None:
    party = Party()
    party.right.add_receiver("a", audio_receiver(extended_reports=EVERYTHING))
    for ssrc in range(1, 21):
        for number in (1, 2500, 5000, 7500):
            packet = RtpPacket(111, number, 960 * number, ssrc, b"x", extensions={4: b"0"})
            party.right.receive_datagram(packet.serialize(), party.network.now)
    told: list[int] = []
    reports: list[int] = []
    for _ in range(200):
        party.network.flush()
        party.network.advance(0.1)
        traces = _blocks(party, 1, LossTrace)[len(told) :]
        if traces:
            told += [trace.ssrc for trace in traces]
            reports.append(sum(trace.end_sequence_number - trace.begin_sequence_number for trace in traces))

    assert sorted(told) == list(range(1, 21))
    assert max(reports) <= MAX_TOLD + MAX_SPAN


@pytest.mark.spec("rfc3611:5.2/1", "rfc8834:8/2")
def test_losses_are_told_packet_by_packet() -> None:
    party = _talk(ExtendedReports(loss_trace_size=400), loss=0.1)
    first = party.rtp()[0].sequence_number

    traces = _blocks(party, 1, LossTrace)
    told = [pair for trace in traces for pair in zip(trace.sequence_numbers, trace.flags, strict=True)]
    assert {trace.ssrc for trace in traces} == {AUDIO_SSRC}
    # From the first packet that came to the last that a report could tell of, each once.
    assert [number for number, _ in told] == [told[0][0] + index & 0xFFFF for index in range(len(told))]
    assert told[0][0] - first < 3
    assert len(told) > 100
    lost = sum(not flag for _, flag in told)
    assert 0.02 < lost / len(told) < 0.25
    assert lost == pytest.approx(party.right.receiver_stats("a")[0].packets_lost, abs=6)


@pytest.mark.spec("rfc3611:5.1/2")
def test_nothing_is_told_that_was_not_asked_for() -> None:
    party = _talk(ExtendedReports(statistics=frozenset({"loss"})), loss=0.1)

    assert {type(block) for block in _all_blocks(party, 1)} == {StatisticsSummary, ReceiverReferenceTime}
    for summary in _blocks(party, 1, StatisticsSummary):
        assert summary.packets_lost is not None
        assert (summary.duplicate_packets, summary.jitter, summary.hops) == (None, None, None)


@pytest.mark.spec("rfc3611:5.1/2")
def test_without_a_wish_there_are_no_blocks_about_streams() -> None:
    party = _talk(None)

    assert {type(block) for block in _all_blocks(party, 1)} == {ReceiverReferenceTime}


@pytest.mark.spec("rfc3611:5.1/2")
def test_who_sees_the_wish_withdrawn_stops() -> None:
    party = _talk(EVERYTHING)
    party.right.add_receiver("a", audio_receiver())
    before = len(_blocks(party, 1, LossTrace))
    party.send_audio(200, first=200)

    assert before
    assert len(_blocks(party, 1, LossTrace)) == before


@pytest.mark.spec("rfc3611:5.2/1")
def test_a_summary_counts_what_the_traces_tell() -> None:
    party = Party(link=Link(delay=0.02, loss=0.1, duplication=0.1, jitter=0.01), back=Link(delay=0.02))
    party.left.add_sender("a", audio_sender())
    party.right.add_receiver("a", audio_receiver(extended_reports=EVERYTHING))
    party.send_audio(300)

    summaries = _blocks(party, 1, StatisticsSummary)
    traces, copies = _blocks(party, 1, LossTrace), _blocks(party, 1, DuplicateTrace)
    assert [each.packets_lost for each in summaries] == [each.flags.count(False) for each in traces]
    assert sum(each.duplicate_packets or 0 for each in summaries) > 5
    assert [bool(each.duplicate_packets) for each in summaries] == [False in each.flags for each in copies]
    jitter = [each.jitter for each in summaries if each.jitter is not None]
    assert all(each.minimum <= each.mean <= each.maximum for each in jitter)
    # Ten milliseconds at 48 kHz.
    assert 0 < max(each.maximum for each in jitter) <= 2 * 480


@pytest.mark.spec("rfc3611:4.3/1", "rfc3611:4.3/2", "rfc3611:4.3/4", "rfc3611:4.3/5")
def test_times_are_of_packets_that_came_and_of_the_first_copy() -> None:
    observation = Observation(offset=77)
    for number, at in ((10, 1.0), (11, 1.02), (11, 1.5), (13, 1.06), (14, 1.08)):
        observation.note(number, 960 * number, at, 48_000)

    blocks = [
        each
        for each in observation.take_blocks(5, 48_000, ExtendedReports(receipt_times_size=400))
        if isinstance(each, ReceiptTimes)
    ]
    assert [(each.begin_sequence_number, each.end_sequence_number) for each in blocks] == [(10, 12), (13, 15)]
    assert [each.times for each in blocks] == [[48_077, 49_037], [50_957, 51_917]]
    assert [ReceiptTimes.from_content(0, each.serialize()[4:]) for each in blocks] == blocks


@pytest.mark.spec("rfc3611:4.1/7")
def test_the_first_packet_of_a_source_is_told_of() -> None:
    observation = Observation(offset=0)
    observation.note(500, 0, 0.0, 48_000)

    (trace,) = observation.take_blocks(5, 48_000, ExtendedReports(loss_trace_size=400))
    assert isinstance(trace, LossTrace)
    assert (trace.sequence_numbers, trace.flags) == ([500], [True])


@pytest.mark.spec("rfc3611:7/1", "rfc3611:5.1/8")
@pytest.mark.parametrize("size", [16, 24, 40, 100, 400])
def test_blocks_are_thinned_to_the_size_that_was_wanted(size: int) -> None:
    observation = Observation(offset=0)
    for number in range(3000):
        if number * 7 % 11 % 3:
            observation.note(number, number, number / 50, 48_000)
    wanted = ExtendedReports(loss_trace_size=size, duplicate_trace_size=size, receipt_times_size=size)
    blocks = observation.take_blocks(5, 48_000, wanted)

    kinds = [type(each) for each in blocks]
    assert kinds.count(LossTrace) == kinds.count(DuplicateTrace) == 1
    assert kinds.count(ReceiptTimes) <= MAX_RUNS
    assert max(len(each.serialize()) for each in blocks) <= size


@pytest.mark.spec("rfc3611:7/1")
def test_the_times_of_many_runs_fit_into_one_packet_together() -> None:
    observation = Observation(offset=0)
    for number in range(2000):
        if number % 250:
            observation.note(number, number, number / 50, 48_000)
    blocks = observation.take_blocks(5, 48_000, ExtendedReports(receipt_times_size=400), 1000)

    assert 2 <= len(blocks) < 8
    assert sum(len(each.serialize()) for each in blocks) <= 1000
    ends = [each.end_sequence_number for each in blocks if isinstance(each, ReceiptTimes)]
    assert ends == sorted(ends)
    assert ends[-1] == 2000


@pytest.mark.spec("rfc3611:7/1")
def test_no_size_is_too_small_to_be_kept_to() -> None:
    observation = Observation(offset=0)
    observation.note(0, 0, 0.0, 48_000)

    assert observation.take_blocks(5, 48_000, ExtendedReports(loss_trace_size=11)) == []


def test_memory_is_bounded_and_the_latest_packets_are_kept() -> None:
    observation = Observation(offset=0)
    for number in range(4 * MAX_SPAN):
        observation.note(number, number, number / 1000, 48_000)
    (trace,) = observation.take_blocks(5, 48_000, ExtendedReports(loss_trace_size=4000))

    assert isinstance(trace, LossTrace)
    assert trace.end_sequence_number == 4 * MAX_SPAN
    assert MAX_SPAN // 2 <= len(trace.flags) <= MAX_SPAN
    assert all(trace.flags)


def test_late_packets_and_restarts_confuse_nobody() -> None:
    observation = Observation(offset=0)
    wanted = ExtendedReports(statistics=frozenset({"loss", "dup"}))
    observation.note(100, 0, 0.0, 48_000)
    observation.note(102, 0, 0.0, 48_000)
    (first,) = observation.take_blocks(5, 48_000, wanted)
    observation.note(101, 0, 0.1, 48_000)
    nothing = observation.take_blocks(5, 48_000, wanted)
    observation.note(60_000, 0, 0.2, 48_000)
    (again,) = observation.take_blocks(5, 48_000, wanted)

    assert isinstance(first, StatisticsSummary)
    assert isinstance(again, StatisticsSummary)
    assert (first.begin_sequence_number, first.end_sequence_number, first.packets_lost) == (100, 103, 1)
    assert nothing == []
    assert (again.begin_sequence_number, again.packets_lost) == (60_000, 0)


@pytest.mark.spec("rfc3611:7/1")
def test_no_block_is_longer_than_a_packet() -> None:
    party = Party(options=SessionOptions(max_packet_size=300), link=Link(delay=0.02, loss=0.3))
    party.left.add_sender("a", audio_sender())
    wanted = ExtendedReports(loss_trace_size=5000, receipt_times_size=5000)
    party.right.add_receiver("a", audio_receiver(extended_reports=wanted))
    party.send_audio(300)

    assert _blocks(party, 1, LossTrace)
    assert _blocks(party, 1, ReceiptTimes)
    assert max(len(data) for data in party.rtcp(1)) <= 300


# --- how a call goes ---


def _count(pattern: str) -> Bursts:
    bursts = Bursts()
    for each in pattern:
        bursts.count(is_good=each == "1")
    return bursts


@pytest.mark.spec("rfc3611:4.7.2/1", "rfc3611:4.7.2/2", "rfc3611:4.7.2/3", "rfc3611:4.7.6/1")
def test_the_example_of_the_rfc_has_the_values_that_it_says() -> None:
    pattern = "11110111111111111111111X111X1011110111111111111111111X111111111"
    quality = CallQuality()
    for number, each in enumerate(pattern):
        quality.note(number, 80 * number, 8000)  # ten milliseconds each
        quality.count(came=each != "0", was_discarded=each == "X")
    metrics = quality.metrics(5, None, None)

    # The RFC draws 63 packets and counts 64, and rounds.
    assert (metrics.loss_rate, metrics.discard_rate) == (12, 12)
    assert metrics.burst_density == pytest.approx(84, abs=1)
    assert metrics.gap_density == pytest.approx(10, abs=1)
    assert metrics.burst_duration_ms == 120
    assert metrics.gap_duration_ms == pytest.approx(520, abs=10)
    assert metrics.gmin == 16


@pytest.mark.spec("rfc3611:4.7.2/2", "rfc3611:4.7.2/4")
@pytest.mark.parametrize(
    ("pattern", "densities", "lengths"),
    [
        ("", (0.0, 0.0), (0.0, 0.0)),
        ("1" * 50, (0.0, 0.0), (0.0, 50.0)),
        ("1" * 20 + "0" + "1" * 20, (0.0, 1 / 41), (0.0, 41.0)),
        # Fifteen good ones in between are not enough, sixteen are.
        ("0" + "1" * 15 + "0", (2 / 17, 0.0), (17.0, 0.0)),
        ("0" + "1" * 16 + "0", (0.0, 2 / 18), (0.0, 18.0)),
        ("0" * 4, (1.0, 0.0), (4.0, 0.0)),
        ("00" + "1" * 30 + "0000", (1.0, 0.0), (3.0, 15.0)),
    ],
)
def test_bursts_are_told_from_gaps(pattern: str, densities: tuple[float, float], lengths: tuple[float, float]) -> None:
    bursts = _count(pattern)

    assert bursts.densities() == pytest.approx(densities)
    assert bursts.lengths() == pytest.approx(lengths)


@pytest.mark.spec("rfc3611:4.7.1/1", "rfc3611:4.7/2", "rfc3611:4.7.5/2", "rfc3611:4.7.3/3")
def test_what_nobody_knows_is_told_as_that() -> None:
    metrics = CallQuality().metrics(5, None, None)

    assert metrics == VoipMetrics(5)
    assert (metrics.loss_rate, metrics.discard_rate, metrics.burst_density, metrics.gap_density) == (0, 0, 0, 0)
    assert {metrics.signal_level, metrics.r_factor, metrics.mos_listening_quality} == {127}
    assert (metrics.round_trip_delay_ms, metrics.end_system_delay_ms) == (0, 0)


@pytest.mark.spec(
    "rfc3611:4.7.1/1",
    "rfc3611:4.7.3/1",
    "rfc3611:4.7.3/2",
    "rfc3611:4.7.6/1",
    "rfc3611:4.7.6/2",
    "rfc3611:4.7.7/1",
    "rfc3611:4.7.7/2",
    "rfc3611:4.7.7/4",
    "rfc3611:5.2/1",
)
def test_a_call_is_told_as_it_went() -> None:
    party = Party(link=Link(delay=0.03, loss=0.15, jitter=0.02), back=Link(delay=0.03))
    party.left.add_sender("a", audio_sender())
    jitter = JitterSettings(target_delay=0.08, maximum_delay=1.5)
    party.right.add_receiver("a", audio_receiver(extended_reports=ExtendedReports(voip_metrics=True), jitter=jitter))
    party.send_audio(500)

    metrics = _blocks(party, 1, VoipMetrics)
    last, stats = metrics[-1], party.right.receiver_stats("a")[0]
    assert len(metrics) > 3
    assert last.loss_rate / 256 == pytest.approx(stats.packets_lost / 500, abs=0.02)
    assert last.round_trip_delay_ms == pytest.approx(70, abs=15)
    assert last.burst_duration_ms > 0
    assert last.receiver_configuration == 0x30
    assert last.jitter_buffer_nominal_ms == last.end_system_delay_ms == pytest.approx(80, abs=15)
    assert last.jitter_buffer_maximum_ms == last.jitter_buffer_absolute_maximum_ms == 1500
    assert {each.gmin for each in metrics} == {16}


@pytest.mark.spec("rfc3611:4.7.7/3")
def test_a_buffer_beyond_all_measure_has_the_most_that_can_be_told() -> None:
    metrics = CallQuality().metrics(5, 100.0, PlayoutClock(minimum=0.0, maximum=1000.0))

    assert metrics.jitter_buffer_absolute_maximum_ms == 65_535
    assert metrics.round_trip_delay_ms == 65_535


@pytest.mark.spec("rfc3611:4.7.1/2")
def test_what_comes_too_late_to_be_played_is_discarded_and_what_is_repaired_is_not_lost() -> None:
    observation = Observation(offset=0)
    for number in (0, 1, 3, 5):
        observation.note(number, 960 * number, number / 50, 48_000)
        observation.note_delivery(number, was_repaired=False, was_discarded=number == 3)
    observation.note_delivery(4, was_repaired=True, was_discarded=False)
    wanted = ExtendedReports(loss_trace_size=400, voip_metrics=True)
    (trace,) = observation.take_blocks(5, 48_000, wanted)
    metrics = observation.take_metrics(5, None, None)

    # Of six one was lost and one discarded; the network lost two.
    assert isinstance(trace, LossTrace)
    assert trace.flags.count(False) == 2
    assert (metrics.loss_rate, metrics.discard_rate) == (256 // 6, 256 // 6)


def test_pictures_have_no_metrics_of_calls() -> None:
    party = Party()
    party.left.add_sender("v", video_sender())
    party.right.add_receiver("v", video_receiver(extended_reports=ExtendedReports(voip_metrics=True)))
    party.send_video(60)

    assert party.rtcp(1)
    assert _blocks(party, 1, VoipMetrics) == []


# --- the round trip of those who only receive ---


@pytest.mark.spec("rfc3611:5.1/2", "rfc8834:8/2")
def test_reference_times_are_sent_only_where_the_peer_takes_them() -> None:
    party = Party()
    party.connect_audio()
    party.right.set_rtcp(RtcpParameters(sends_reference_times=False))
    party.send_audio(200)

    assert _all_blocks(party, 1) == []
    assert _all_blocks(party, 0) == []


@pytest.mark.spec("rfc3611:5.2/2")
@pytest.mark.parametrize(("mode", "answered"), [("all", True), ("sender", True), ("none", False)])
def test_who_sends_answers_as_agreed(mode: str, answered: bool) -> None:
    party = Party()
    party.connect_audio()
    party.left.set_rtcp(replace(RtcpParameters(), answers_reference_times=mode))  # type: ignore[arg-type]
    party.send_audio(200)

    assert bool(_blocks(party, 1, ReceiverReferenceTime))
    assert bool(_blocks(party, 0, DelaySinceReceiverReport)) is answered
    assert (party.right.stats.round_trip_time is not None) is answered


def test_statistics_of_the_sender_have_the_round_trip_that_its_answers_show() -> None:
    party = Party(link=Link(delay=0.07), back=Link(delay=0.03))
    party.connect_audio()
    party.send_audio(200)
    remote = party.right.receiver_stats("a")[0].remote
    measured = remote.round_trip_time_measurements
    party.left.set_rtcp(RtcpParameters(answers_reference_times="none"))
    party.send_audio(100, first=200)

    # What the latest report does not tell is not told on.
    assert measured > 1
    assert remote.round_trip_time is None
    assert remote.total_round_trip_time / measured == pytest.approx(0.1, abs=0.005)
    assert party.right.stats.round_trip_time == pytest.approx(0.1, abs=0.005)


def test_the_latest_answer_is_told() -> None:
    party = _talk(None)

    remote = party.right.receiver_stats("a")[0].remote
    assert remote.round_trip_time == pytest.approx(0.04, abs=0.005)


def _asked(party: Party, ssrcs: range) -> None:
    """Let the left end hear reference times of many receivers."""
    reports = [ExtendedReport(ssrc, [ReceiverReferenceTime(0xABCD << 32)]) for ssrc in ssrcs]
    datagram = serialize_compound([ReceiverReport(ssrcs[0]), *reports], reduced_size=True)
    party.left.receive_datagram(datagram, party.network.now)
    party.network.flush()


@pytest.mark.spec("rfc3611:5.1/7")
@pytest.mark.parametrize(("mode", "answered"), [("all", True), ("sender", False), ("none", False)])
def test_who_only_receives_leaves_answers_to_senders_if_they_alone_shall(mode: str, answered: bool) -> None:
    party = Party()
    party.left.add_receiver("a", audio_receiver())
    party.left.set_rtcp(replace(RtcpParameters(), answers_reference_times=mode))  # type: ignore[arg-type]
    _asked(party, range(1, 2))
    party.network.advance(3.0)

    packets = [packet for data in party.rtcp(0) for packet in parse_compound(data)]
    assert not any(isinstance(packet, SenderReport) for packet in packets)
    assert bool(_blocks(party, 0, DelaySinceReceiverReport)) is answered


@pytest.mark.spec("rfc3611:5.1/8", "rfc3611:5.1/9", "rfc3611:7/1")
@pytest.mark.parametrize(("max_size", "count"), [(28, 2), (39, 2), (40, 3), (None, 10), (15, 0)])
def test_answers_keep_to_the_size_and_take_turns(max_size: int | None, count: int) -> None:
    party = Party()
    party.left.add_receiver("a", audio_receiver())
    party.left.set_rtcp(RtcpParameters(max_delays_size=max_size))
    for _ in range(12):
        _asked(party, range(1, 11))
        party.network.advance(1.2)

    blocks = _blocks(party, 0, DelaySinceReceiverReport)
    assert {len(block.receivers) for block in blocks[1:4]} == ({count} if count else set())
    assert all(max_size is None or len(block.serialize()) <= max_size for block in blocks)
    turns = [each.ssrc for block in blocks for each in block.receivers][:10]
    assert turns == list(range(1, 11)) if count else turns == []


def test_the_numbers_of_a_stream_go_on_over_its_end() -> None:
    party = Party()
    party.left.add_sender("a", audio_sender())
    party.right.add_receiver("a", audio_receiver(extended_reports=ExtendedReports(loss_trace_size=400)))
    for number in range(100):
        party.left.send_frame("a", opus_frame(number))
        party.network.flush()
        party.network.advance(0.02)

    assert _blocks(party, 1, LossTrace)
    assert party.left.stats.dropped == {}
