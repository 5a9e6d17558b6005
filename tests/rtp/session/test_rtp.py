"""The rules of RTP and RTCP between two sessions: numbers, sources, intervals, conflicts."""

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.rtp.session.party import (
    AUDIO_SSRC,
    OPUS,
    Party,
    audio_receiver,
    audio_sender,
    opus_frame,
    video_sender,
)
from tests.support.effort import examples
from tests.support.network import Link
from tests.support.rng import SeededRng

from rtc_rtp import (
    ApplicationDefined,
    DescriptionItem,
    DescriptionType,
    EncodedFrame,
    Goodbye,
    ReceiverReport,
    RtcpPacket,
    RtpCodec,
    RtpPacket,
    RtpSession,
    SenderReport,
    SessionOptions,
    SourceAssociation,
    SourceConflict,
    SourceDescription,
    StreamDiscovered,
    is_rtcp,
    parse_compound,
    serialize_compound,
)
from rtc_rtp.receiving.reception import Reception
from rtc_rtp.reporting.composition import compose, with_blocks
from rtc_rtp.reporting.participants import Participants
from rtc_rtp.reporting.schedule import UDP_OVERHEAD, Due, RtcpSchedule
from rtc_rtp.round_trip_time import round_trip_time
from rtc_rtp.rtcp import ReportBlock, UnknownPacket

PCMU = RtpCodec(payload_type=0, mime_type="audio/PCMU", clock_rate=8000)


def session(seed: str = "session", options: SessionOptions | None = None) -> RtpSession:
    return RtpSession(now=0.0, rng=SeededRng(seed), ntp_time=1e9, options=options)


def reports(party: Party, side: int) -> list[SenderReport | ReceiverReport]:
    packets = [packet for data in party.rtcp(side) for packet in parse_compound(data)]
    return [packet for packet in packets if isinstance(packet, SenderReport | ReceiverReport)]


# --- data packets ---


@pytest.mark.spec("rfc3550:3/2")
def test_two_streams_cannot_share_an_ssrc() -> None:
    machine = session()
    machine.add_sender("a", audio_sender(7))

    for parameters in (audio_sender(7), video_sender(6), video_sender(7)):
        with pytest.raises(ValueError, match="belongs to sender"):
            machine.add_sender("b", parameters)


@pytest.mark.spec("rfc3550:5.1/8", "rfc3550:5.1/10")
def test_numbers_begin_at_random() -> None:
    starts = set()
    for seed in range(8):
        party = Party(seed=seed)
        party.connect_audio()
        party.send_audio(1)
        starts.add((party.rtp()[0].sequence_number, party.rtp()[0].timestamp))

    assert len({number for number, _ in starts}) == 8
    assert len({timestamp for _, timestamp in starts}) == 8


@pytest.mark.spec("rfc3550:5.1/16")
def test_sequence_numbers_grow_by_one() -> None:
    party = Party()
    party.connect_audio()
    party.connect_video()
    party.route()
    party.send_video(20)
    party.send_audio(20)

    by_ssrc: dict[int, list[int]] = {}
    for packet in party.rtp():
        by_ssrc.setdefault(packet.ssrc, []).append(packet.sequence_number)
    assert len(by_ssrc) == 2
    assert all((after - before) & 0xFFFF == 1 for numbers in by_ssrc.values() for before, after in pairwise(numbers))


@pytest.mark.spec("rfc8834:4.3/4", "rfc3550:5.1/5")
def test_a_stream_may_change_its_payload_type() -> None:
    party = Party()
    party.left.add_sender("a", audio_sender(codecs=(OPUS, PCMU)))
    party.right.add_receiver("a", audio_receiver(codecs=(OPUS, PCMU)))
    for number in range(20):
        frame = opus_frame(number)
        if number % 4 > 1:
            frame = EncodedFrame(bytes(160), number * 160, mime_type="audio/PCMU")
        party.left.send_frame("a", frame)
        party.network.flush()
        party.network.advance(0.02)

    assert {packet.payload_type for packet in party.rtp()} == {0, 111}
    assert len({packet.ssrc for packet in party.rtp()}) == 1
    assert {frame.payload_type for frame in party.received("a")} == {0, 111}


@pytest.mark.spec("rfc3550:5.1/7")
def test_unknown_payload_types_are_ignored() -> None:
    machine = session()
    machine.add_receiver("a", audio_receiver())
    known = [RtpPacket(111, number, 960 * number, 5, b"\x78x").serialize() for number in range(4)]

    machine.receive_datagrams([RtpPacket(99, 0, 0, 6, b"x").serialize()] * 3, 0.1)
    machine.receive_datagrams([*known[:2], RtpPacket(99, 2, 0, 5, b"x").serialize(), *known[2:]], 0.2)

    assert machine.stats.dropped == {"unknown_payload_type": 4}
    assert [event.ssrc for event in machine.events() if isinstance(event, StreamDiscovered)] == [5]
    assert machine.receiver_stats("a")[0].packets_received == 4


# --- validity of sources ---


@pytest.mark.spec("rfc3550:6.2.1/2", "rfc3550:A.1/2", "rfc3550:A.1/3")
def test_a_source_is_valid_after_two_packets_in_a_row_and_its_first_packet_is_kept() -> None:
    machine = session()
    machine.add_receiver("a", audio_receiver())

    def receive(*numbers: int) -> list[str]:
        machine.receive_datagrams([RtpPacket(111, n, 960 * n, 5, b"\x78x").serialize() for n in numbers], 0.1)
        return [type(event).__name__ for event in machine.events()]

    assert receive(10) == []
    assert receive(500) == []
    assert receive(40_000) == []
    events = receive(40_001)
    machine.handle_timeout(1.0)
    events += [type(event).__name__ for event in machine.events()]
    assert events == ["StreamDiscovered", "FrameReceived", "FrameReceived"]


@pytest.mark.spec("rfc3550:A.1/2")
def test_a_jump_is_a_restart_only_when_the_next_packet_confirms_it() -> None:
    reception = Reception(100, clock_rate=8000, probation=0)
    first = [reception.accept(number) for number in (100, 101, 30_000, 102)]
    restarted = [reception.accept(number) for number in (30_000, 30_001, 30_002)]

    assert first == [0x1_0000 + 100, 0x1_0000 + 101, None, 0x1_0000 + 102]
    assert restarted[0] is None
    assert restarted[1:] == [0x1_0000 + 30_001, 0x1_0000 + 30_002]
    assert reception.restarts == 1


# --- reports ---


@given(
    st.lists(
        st.tuples(st.integers(0, 2000), st.integers(0, 5000)),
        min_size=1,
        max_size=60,
    )
)
@pytest.mark.spec("rfc3550:6.4.1/7", "rfc3550:6.4.1/8")
def test_the_jitter_is_that_of_the_formula(packets: list[tuple[int, int]]) -> None:
    """Arrival by arrival, as section 6.4.1 has it, in milliseconds of a clock of 1 kHz."""
    reception = Reception(0, clock_rate=1000, probation=0)
    timestamp, arrival = 0, 0
    jitter, transit = 0.0, None
    for later, delay in packets:
        timestamp += later
        arrival += delay
        reception.time(timestamp & 0xFFFF_FFFF, arrival / 1000)
        if transit is not None:
            jitter += (abs(arrival - timestamp - transit) - jitter) / 16
        transit = arrival - timestamp

    assert reception.jitter == pytest.approx(jitter, abs=1e-6)


@given(
    st.integers(0, 0xFFFF),
    st.lists(
        st.tuples(st.sampled_from([1, 1, 1, 1, 0, 2, 3, -1, 5000]), st.integers(0, 2), st.integers(0, 2)), max_size=60
    ),
    st.integers(0, 2),
)
def test_a_packet_in_its_turn_counts_as_any_other(
    first: int, packets: list[tuple[int, int, int]], probation: int
) -> None:
    quick, thorough = (Reception(first, clock_rate=1000, probation=probation) for _ in range(2))
    number, timestamp, arrival = first, 0, 0.0
    for step, later, delay in packets:
        number, timestamp, arrival = (number + step) & 0xFFFF, timestamp + later, arrival + delay
        thought = quick.follow(number, timestamp, arrival)
        if thought is None:
            thought = quick.accept(number)
            quick.time(timestamp, arrival)
        expected = thorough.accept(number)
        thorough.time(timestamp, arrival)

        assert thought == expected
        assert (quick.highest, quick.received, quick.lost) == (thorough.highest, thorough.received, thorough.lost)
        assert quick.jitter == thorough.jitter


@pytest.mark.spec("rfc3550:6.4.1/9", "rfc3550:6.4.1/10")
def test_losses_are_told_as_a_part_of_the_interval_and_as_a_sum() -> None:
    reception = Reception(0, clock_rate=8000, probation=0)
    for number in (0, 1, 4, 5):
        reception.accept(number)
    assert (reception.take_fraction_lost(), reception.lost) == (256 * 2 // 6, 2)

    for number in (2, 3, 3, 6):  # late, and once more: more came than were expected
        reception.accept(number)
    assert (reception.take_fraction_lost(), reception.lost) == (0, -1)
    assert ReportBlock.parse(ReportBlock(1, packets_lost=reception.lost).serialize()).packets_lost == -1


@pytest.mark.spec("rfc3550:6.4.1/11", "rfc3550:6.4.1/12", "rfc3550:6.4.1/13")
def test_a_report_block_tells_the_cycles_and_echoes_the_last_sender_report() -> None:
    machine = session()
    machine.add_receiver("a", audio_receiver())
    for number in range(0xFFFA, 0x1_0005):
        machine.receive_datagram(RtpPacket(111, number & 0xFFFF, 0, 5, b"\x78x").serialize(), 1.0)
    sender_report = SenderReport(5, 0x1111_2222_3333_4444, 0, 1, 1)
    machine.receive_datagram(serialize_compound([sender_report, SourceDescription.of(5, [(1, "x")])]), 2.0)
    blocks: list[ReportBlock] = []
    now = 2.0
    while not blocks:
        now += 0.25
        machine.handle_timeout(now)
        for data in machine.datagrams_to_send(now):
            blocks += [each for each in parse_compound(data)[0].blocks if each.last_sr]  # type: ignore[attr-defined]

    assert blocks[0].highest_sequence_number == 0x1_0004
    assert blocks[0].last_sr == 0x2222_3333
    assert blocks[0].delay_since_last_sr / 65_536 == pytest.approx(now - 2.0, abs=0.001)
    assert round_trip_time(0x2222_3333 + 3 * 65_536, 0x2222_3333, 2 * 65_536) == 1.0


@pytest.mark.spec(
    "rfc3550:6.4.1/5", "rfc3550:6.4.1/6", "rfc3550:8.2/2", "rfc3550:8.2/14", "rfc3550:8/1", "rfc3550:5.1/12"
)
def test_with_a_new_ssrc_everything_is_counted_anew() -> None:
    party = Party()
    party.connect_audio()
    party.send_audio(100)
    old = party.right.receiver_stats("a")[0]
    assert old.packets_received == 100
    intruder = RtpPacket(111, 9, 9, AUDIO_SSRC, b"\x78x").serialize()

    party.left.receive_datagram(intruder, party.network.now)
    party.left.datagrams_to_send(party.network.now)
    party.send_audio(50, first=100)
    party.network.advance(1.5)

    conflict = party.here.of(SourceConflict)[0]
    streams = {stats.ssrc: stats for stats in party.right.receiver_stats("a")}
    assert streams[conflict.new_ssrc].packets_received == 50
    assert party.left.sender_stats("a")[None].packets_sent == 50
    counts = [report.packet_count for report in reports(party, 0) if isinstance(report, SenderReport)]
    assert max(counts) <= 100
    assert counts[-1] <= 50


@pytest.mark.spec("rfc5576:5/1")
@pytest.mark.spec("rfc3550:8.2/1", "rfc3550:8.2/2", "rfc3550:8.2/5", "rfc3550:8.2/14")
@pytest.mark.parametrize("kind", ["data", "control"])
def test_a_conflict_is_found_by_data_and_by_control_and_ends_in_bye(kind: str) -> None:
    party = Party()
    party.connect_audio()
    party.send_audio(5)
    intruder = RtpPacket(111, 9, 9, AUDIO_SSRC, b"\x78x").serialize()
    if kind == "control":
        intruder = serialize_compound([ReceiverReport(AUDIO_SSRC), SourceDescription.of(AUDIO_SSRC, [(1, "x")])])

    party.left.receive_datagram(intruder, party.network.now)
    sent = party.left.datagrams_to_send(party.network.now)

    goodbyes = [
        packet for data in sent if is_rtcp(data) for packet in parse_compound(data) if isinstance(packet, Goodbye)
    ]
    events = [event for event in party.left.events() if isinstance(event, SourceConflict)]
    assert [goodbye.ssrcs for goodbye in goodbyes] == [(AUDIO_SSRC,)]
    assert events[0].old_ssrc == AUDIO_SSRC != events[0].new_ssrc
    party.left.send_frame("a", opus_frame(6))
    after = [RtpPacket.parse(data) for data in party.left.datagrams_to_send(party.network.now) if not is_rtcp(data)]
    assert {packet.ssrc for packet in after} == {events[0].new_ssrc}


@pytest.mark.spec("rfc5576:5/3", "rfc5576:5/9")
@pytest.mark.spec("rfc3550:8.2/11", "rfc3550:8.2/12")
def test_a_new_ssrc_is_one_that_nobody_has() -> None:
    script: list[bytes] = []
    rng = SeededRng("numbers")
    machine = RtpSession(
        now=0.0, rng=lambda length: script.pop(0) if script and length == 4 else rng(length), ntp_time=1e9
    )
    machine.add_sender("a", audio_sender(AUDIO_SSRC))
    machine.add_sender("b", audio_sender(77))
    machine.add_receiver("a", audio_receiver(ssrcs={55: SourceAssociation(rtx_ssrc=56, fec_ssrc=57)}))
    machine.receive_datagrams([RtpPacket(111, number, 0, 88, b"\x78x").serialize() for number in range(3)], 0.1)
    script += [number.to_bytes(4, "big") for number in (0, AUDIO_SSRC, 77, 88, 55, 56, 57, 99, 99, AUDIO_SSRC, 100)]

    for ssrc in (AUDIO_SSRC, 99):
        machine.receive_datagram(RtpPacket(111, 9, 9, ssrc, b"\x78x").serialize(), 0.2)

    assert [event.new_ssrc for event in machine.events() if isinstance(event, SourceConflict)] == [99, 100]


@pytest.mark.spec("rfc5576:5/4")
def test_a_source_that_is_only_signalled_is_not_counted_and_not_reported() -> None:
    party = Party()
    party.left.add_sender("a", audio_sender())
    party.right.add_receiver("a", audio_receiver(ssrcs={5: SourceAssociation(), AUDIO_SSRC: SourceAssociation()}))

    party.send_audio(400)

    assert {block.ssrc for report in reports(party, 1) for block in report.blocks} == {AUDIO_SSRC}
    assert party.right._control._schedule.membership.members == 2


# --- compound packets ---


@example(senders=13, blocks=26, extra=1, size=1200)
@given(
    senders=st.integers(0, 70),
    blocks=st.integers(0, 100),
    extra=st.integers(0, 30),
    size=st.sampled_from([400, 1200]),
)
@examples(40)
@pytest.mark.spec(
    "rfc3550:6.1/3", "rfc3550:6.1/4", "rfc3550:6.1/7", "rfc3550:6.1/8", "rfc3550:6.1/9", "rfc3550:6.1/18", "rfc3550:6.1/19",
    "rfc3550:6.4/1", "rfc3550:6.4.2/1", "rfc3550:6.5.1/1",
)  # fmt: skip
def test_everything_is_told_in_compound_packets(senders: int, blocks: int, extra: int, size: int) -> None:
    told = [ReportBlock(1000 + number) for number in range(blocks)]
    ours: list[SenderReport | ReceiverReport] = [SenderReport(1 + number, 0, 0, 0, 0) for number in range(senders)]
    rest: list[RtcpPacket] = [UnknownPacket(210, 0, bytes(4 * number)) for number in range(extra)]

    def name(ssrc: int) -> list[DescriptionItem]:
        return [DescriptionItem(DescriptionType.CNAME, f"name {ssrc}".encode())]

    datagrams = compose(with_blocks(ours or [ReceiverReport(1)], told), rest, name, size)

    parsed = [parse_compound(data, reduced_size=False) for data in datagrams]
    packets = [packet for each in parsed for packet in each]
    for each in parsed:
        named = {
            chunk.ssrc: chunk for packet in each if isinstance(packet, SourceDescription) for chunk in packet.chunks
        }
        reporting = {packet.ssrc for packet in each if isinstance(packet, SenderReport | ReceiverReport)}
        assert len(each) >= 2
        assert reporting == set(named)
        assert all(chunk.get(DescriptionType.CNAME) == f"name {ssrc}" for ssrc, chunk in named.items())
    heard = [packet for packet in packets if isinstance(packet, SenderReport | ReceiverReport)]
    assert Counter(block.ssrc for report in heard for block in report.blocks) == Counter(block.ssrc for block in told)
    assert sum(isinstance(packet, UnknownPacket) for packet in packets) == extra
    assert all(len(data) <= max(size, 28 + 31 * 24 + 64) for data in datagrams)


@pytest.mark.spec("rfc3550:6.1/11", "rfc3550:6.1/13", "rfc3550:6.1/20", "rfc3550:6.7/1", "rfc3550:A.2/1")
def test_rtcp_of_any_kind_and_order_is_taken_apart_and_what_is_unknown_does_no_harm() -> None:
    machine = session()
    machine.add_receiver("a", audio_receiver())
    machine.receive_datagrams([RtpPacket(111, number, 0, 5, b"\x78x").serialize() for number in range(3)], 0.1)
    unknown = [
        UnknownPacket(210, 3, b"what"),
        ApplicationDefined(1, 5, b"noth", b"ing!"),
        UnknownPacket(210, 3, b"what"),
    ]
    description = SourceDescription.of(5, [(DescriptionType.CNAME, "somebody")])
    packets = [ReceiverReport(5), *unknown, SenderReport(5, 1 << 32, 0, 9, 99), description, ReceiverReport(6)]

    machine.receive_datagram(serialize_compound(packets), 0.2)

    assert machine.stats.dropped == {"unknown_rtcp": 3}
    assert machine.receiver_stats("a")[0].cname == "somebody"
    assert machine.receiver_stats("a")[0].remote.packets_sent == 9
    machine.receive_datagram(serialize_compound(packets) + b"\x80", 0.3)
    assert machine.stats.dropped == {"unknown_rtcp": 3, "malformed_rtcp": 1}


@pytest.mark.spec("rfc3550:6.1/12", "rfc3550:6.3.7/3")
def test_bye_leaves_at_once_and_is_the_last_of_its_ssrc() -> None:
    party = Party()
    party.left.add_sender("b", audio_sender(9))
    party.connect_audio()
    party.left.send_frame("b", opus_frame(0))
    party.send_audio(60)

    party.left.remove_sender("a")
    datagrams = party.left.datagrams_to_send(party.network.now)
    packets = [packet for data in datagrams for packet in parse_compound(data)]
    party.left.send_frame("b", opus_frame(1))
    for _ in range(100):
        party.network.flush()
        party.network.advance(0.05)

    assert isinstance(packets[-1], Goodbye)
    assert packets[-1].ssrcs == (AUDIO_SSRC,)
    later = [each for data in party.rtcp(0)[-5:] for each in parse_compound(data)]
    assert all(getattr(each, "ssrc", None) != AUDIO_SSRC for each in later)


@pytest.mark.spec("rfc3550:6.5.1/2", "rfc3550:6.5.1/3", "rfc3550:6.5.1/5", "rfc3550:6.5.1/9")
def test_canonical_names_are_random_constant_and_can_be_set() -> None:
    names = {session(str(seed)).cname for seed in range(20)}
    machine = session("0")
    before = machine.cname
    machine.add_sender("a", audio_sender())
    machine.handle_timeout(5.0)
    machine.datagrams_to_send(5.0)

    assert len(names) == 20
    assert all(len(name) == 16 for name in names)
    assert machine.cname == before
    assert RtpSession(now=0.0, rng=SeededRng("0"), ntp_time=0.0, cname="mine").cname == "mine"


# --- intervals ---


@pytest.mark.spec(
    "rfc3550:6.2/4", "rfc3550:6.2/5", "rfc3550:6.2/6", "rfc3550:6.3.1/2", "rfc3550:6.3.1/3", "rfc3550:6.3.2/1"
)
@pytest.mark.parametrize(
    ("members", "senders", "we_sent", "sharing", "part"),
    [
        (1, 0, False, 1, 0.75),
        (2, 1, True, 2, 1.0),
        (10, 2, True, 2, 0.25),
        (10, 2, False, 8, 0.75),
        (10, 5, False, 10, 1.0),
    ],
)
def test_the_interval_follows_from_members_and_bandwidth(
    members: int, senders: int, we_sent: bool, sharing: int, part: float
) -> None:
    """Twenty kilobits a second: 125 bytes of RTCP a second, of which packets take the 100 that are assumed."""
    intervals = []
    for chance in (0.0, 0.5, 0.999_999):
        schedule = RtcpSchedule(bandwidth_bps=20_000, report_interval=0.0)
        schedule.membership.members, schedule.membership.senders = members, senders
        schedule.membership.we_sent = we_sent
        schedule.start(0.0, lambda chance=chance: chance)  # type: ignore[misc]
        intervals.append(schedule.deadline(has_feedback=False))

    calculated = 100 * sharing / (125 * part) / (2.718_281_828 - 1.5)
    assert intervals == pytest.approx([0.5 * calculated, calculated, 1.5 * calculated], rel=1e-4)


@pytest.mark.spec("rfc3550:6.3.3/1")
def test_the_average_size_moves_by_a_sixteenth() -> None:
    schedule = RtcpSchedule(bandwidth_bps=20_000, report_interval=0.0)
    schedule.membership.members = 1

    schedule.count(1000)
    schedule.start(0.0, lambda: 0.5)

    average = 100 + (1000 + UDP_OVERHEAD - 100) / 16
    assert schedule.deadline(has_feedback=False) == pytest.approx(average / (125 * 0.75) / (2.718_281_828 - 1.5))


@pytest.mark.spec("rfc3550:6.3.6/1")
def test_when_the_timer_expires_and_there_are_more_members_it_waits_on() -> None:
    schedule = RtcpSchedule(bandwidth_bps=20_000, report_interval=0.0)
    schedule.start(0.0, lambda: 0.5)
    first = schedule.deadline(has_feedback=False)
    schedule.membership.members = 20

    assert schedule.advance(first, lambda: 0.5, has_feedback=False) is Due.NOTHING
    later = schedule.deadline(has_feedback=False)
    assert later == pytest.approx(20 * first)
    assert schedule.advance(later, lambda: 0.5, has_feedback=False) is Due.REPORT


@pytest.mark.spec(
    "rfc8834:8/1", "rfc3550:6/2", "rfc3550:6.1/2", "rfc3550:6.1/14", "rfc3550:6.2/11", "rfc3550:6.2/12", "rfc3550:6.3/3"
)
def test_both_ends_report_once_in_an_interval_that_varies() -> None:
    party = Party(link=Link(delay=0.02))
    party.connect_audio()
    times: tuple[list[float], list[float]] = ([], [])
    for node, log in zip(party.nodes, times, strict=True):
        node.tap = lambda now, datagram, log=log: (is_rtcp(datagram.data) and log.append(now)) or True
    party.send_audio(1500)

    for log in times:
        gaps = [after - before for before, after in pairwise(log[2:])]
        assert len(log) > 20
        assert min(gaps) > 0.4
        assert max(gaps) < 1.7
        assert len({round(gap, 2) for gap in gaps}) > 8


@pytest.mark.spec("rfc3550:6.2/1")
def test_the_interval_follows_the_session_bandwidth() -> None:
    timeouts = []
    for options in (SessionOptions(), SessionOptions(session_bandwidth_bps=2000)):
        machine = session(options=options)
        for number in range(20):
            machine.add_sender(number, audio_sender(100 + number))
        machine.datagrams_to_send(0.0)
        timeouts.append(machine.next_timeout())

    assert timeouts[0] is not None
    assert timeouts[1] == pytest.approx(1000 * timeouts[0])


# --- participants ---


@pytest.mark.spec("rfc3550:6.2.1/1", "rfc3550:6.2.1/3", "rfc3550:6.2.1/5")
def test_the_table_of_participants() -> None:
    table = Participants(3)
    for ssrc in (1, 2, 3):
        assert table.hear(ssrc, float(ssrc)) is not None

    assert table.hear(4, 4.0) is None
    table.leave(1)
    table.expire(3.0)
    assert set(table.ssrcs()) == {3}


@pytest.mark.spec("rfc3550:6.3.8/1")
def test_who_sent_in_the_last_two_intervals_is_a_sender() -> None:
    party = Party()
    party.connect_audio()
    party.send_audio(100)
    for host in party.here.hosts.values():
        assert host.up
    for _ in range(100):
        party.network.advance(0.1)

    kinds = [type(report).__name__ for report in reports(party, 0)]
    assert kinds[0] == "SenderReport"
    assert kinds[-1] == "ReceiverReport"
    assert kinds == sorted(kinds, reverse=True)  # first all of one kind, then all of the other
