"""What sessions report, and when."""

from itertools import pairwise

import pytest
from tests.rtp.session.party import (
    AUDIO_SSRC,
    RTX_SSRC,
    VIDEO_SSRC,
    WALL_CLOCK,
    Party,
    audio_receiver,
    audio_sender,
    opus_frame,
    video_receiver,
)
from tests.support.network import Link

from rtc_rtp import (
    DescriptionType,
    EndReason,
    Goodbye,
    ReceiverReport,
    ReportBlock,
    RtcpPacket,
    SenderReport,
    SourceDescription,
    StreamEnded,
    ntp_to_wall_clock,
    parse_compound,
)


def _packets(party: Party, side: int) -> list[RtcpPacket]:
    return [packet for data in party.rtcp(side) for packet in parse_compound(data)]


def _blocks(party: Party, side: int) -> list[ReportBlock]:
    reports = [each for each in _packets(party, side) if isinstance(each, SenderReport | ReceiverReport)]
    return [block for report in reports for block in report.blocks]


@pytest.mark.spec("rfc3550:6.4.1/4")
def test_a_sender_report_ties_the_stream_to_the_wall_clock() -> None:
    party = Party()
    party.connect_audio()
    party.send_audio(150)

    report = next(each for each in reversed(_packets(party, 0)) if isinstance(each, SenderReport))
    sent = party.rtp()
    elapsed = ntp_to_wall_clock(report.ntp_timestamp) - WALL_CLOCK
    ticks = (report.rtp_timestamp - sent[0].timestamp) & 0xFFFF_FFFF

    assert ticks / 48_000 == pytest.approx(elapsed, abs=0.021)
    assert report.ssrc == AUDIO_SSRC
    assert report.octet_count == report.packet_count * 81


def test_a_sender_report_goes_by_the_capture_time_of_the_last_frame_whoever_told_the_time_before() -> None:
    party = Party()
    party.connect_audio()
    party.left.send_frame("a", opus_frame(0), now=0.0)
    party.network.flush()
    party.network.advance(0.5)
    frame = opus_frame(10)  # of 0.2 s
    frame.capture_time = WALL_CLOCK + 0.2
    party.left.send_frame("a", frame)
    party.network.flush()
    party.network.advance(2.0)

    report = next(each for each in reversed(_packets(party, 0)) if isinstance(each, SenderReport))
    elapsed = ntp_to_wall_clock(report.ntp_timestamp) - WALL_CLOCK
    ticks = (report.rtp_timestamp - party.rtp()[0].timestamp) & 0xFFFF_FFFF

    assert elapsed > 0.5
    assert ticks / 48_000 == pytest.approx(elapsed, abs=0.001)


def test_a_receiver_report_tells_what_was_lost() -> None:
    party = Party(link=Link(delay=0.02, loss=0.2))
    party.connect_audio()
    party.send_audio(500)
    party.network.advance(2.0)

    remote = party.left.sender_stats("a")[None].remote

    assert remote.packets_lost == party.right.receiver_stats("a")[0].packets_lost
    assert remote.packets_lost == pytest.approx(len(party.rtp()) - len(party.received("a")), abs=2)
    assert 50 < remote.packets_lost < 150
    assert any(block.fraction_lost > 25 for block in _blocks(party, 1))


@pytest.mark.spec("rfc3550:6.4.1/13")
def test_both_ends_learn_the_round_trip_time() -> None:
    party = Party(link=Link(delay=0.07), back=Link(delay=0.03))
    party.connect_audio()
    party.right.add_sender("a", audio_sender(AUDIO_SSRC + 1))
    party.left.add_receiver("a", audio_receiver())
    for number in range(200):
        party.right.send_frame("a", opus_frame(number))
        party.send_audio(1, first=number)

    for session in party.sessions:
        assert session.stats.round_trip_time == pytest.approx(0.1, abs=0.005)
    assert party.left.sender_stats("a")[None].remote.round_trip_time_measurements > 1


def test_reports_leave_at_random_intervals_of_half_to_one_and_a_half() -> None:
    party = Party()
    party.connect_audio()
    times: list[float] = []
    record = party.here.tap
    assert record is not None

    def tap(now: float, datagram: object) -> bool:
        if isinstance(parse_compound(datagram.data)[0], SenderReport):  # type: ignore[attr-defined]
            times.append(now)
        return True

    party.here.tap = lambda now, datagram: tap(now, datagram) if 200 <= datagram.data[1] <= 206 else True
    party.send_audio(2000)

    gaps = [later - earlier for earlier, later in pairwise(times[1:])]
    assert all(0.45 < gap < 1.6 for gap in gaps)
    assert 0.9 < sum(gaps) / len(gaps) < 1.15
    assert len({round(gap, 2) for gap in gaps}) > 10


def test_every_compound_packet_begins_with_a_report_and_gives_the_canonical_name() -> None:
    party = Party()
    party.connect_audio()
    party.send_audio(200)

    for side, session in enumerate(party.sessions):
        for data in party.rtcp(side):
            packets = parse_compound(data, reduced_size=False)
            description = packets[1]
            assert isinstance(description, SourceDescription)
            assert description.chunks[0].get(DescriptionType.CNAME) == session.cname
    assert party.left.cname != party.right.cname
    assert party.right.receiver_stats("a")[0].cname == party.left.cname


@pytest.mark.spec("rfc8834:4.6/1")
def test_feedback_leaves_without_a_report_only_if_both_sides_want_it() -> None:
    short, long = Party(link=Link(delay=0.02, loss=0.1)), Party(link=Link(delay=0.02, loss=0.1))
    short.connect_video()
    long.connect_video()
    long.right.add_receiver("v", video_receiver(reduced_size=False))
    for party in (short, long):
        party.send_video(60)

    assert any(not isinstance(parse_compound(data)[0], ReceiverReport) for data in short.rtcp(1))
    for data in long.rtcp(1):
        parse_compound(data, reduced_size=False)


@pytest.mark.spec("rfc4588:6.1/1")
def test_closing_says_goodbye_for_all_that_was_used() -> None:
    link = Link(delay=0.02, loss=0.1)
    party = Party(link=link)
    party.connect_video()
    party.send_video(60)
    link.loss = 0.0

    party.left.close(party.network.now)
    party.network.advance(0.1)

    goodbye = parse_compound(party.rtcp(0)[-1])[-1]
    assert isinstance(goodbye, Goodbye)
    assert set(goodbye.ssrcs) == {VIDEO_SSRC, RTX_SSRC}
    assert party.there.of(StreamEnded) == [StreamEnded("v", VIDEO_SSRC, None, EndReason.BYE)]
    assert party.left.closed


@pytest.mark.spec("rfc3550:6.3.7/4")
def test_a_session_that_never_sent_anything_says_nothing() -> None:
    party = Party()

    party.left.close(0.0)
    party.network.advance(1.0)

    assert party.sent == [[], []]


def test_removing_a_sender_ends_its_stream_at_the_other_end() -> None:
    party = Party()
    party.connect_audio()
    party.send_audio(5)

    party.left.remove_sender("a")
    party.network.advance(0.1)

    assert [event.reason for event in party.there.of(StreamEnded)] == [EndReason.BYE]


@pytest.mark.spec("rfc8834:4.1/8", "rfc3550:6.2/19", "rfc3550:6.2.1/5", "rfc3550:6.3.5/1")
def test_a_stream_of_which_nothing_is_heard_ends() -> None:
    party = Party()
    party.connect_audio()
    party.send_audio(5)
    for host in party.here.hosts.values():
        host.up = False

    party.network.advance(24.0)
    early = party.there.of(StreamEnded)
    party.network.advance(4.0)

    assert early == []
    assert [event.reason for event in party.there.of(StreamEnded)] == [EndReason.TIMEOUT]


def test_many_streams_are_reported_in_datagrams_that_fit() -> None:
    party = Party()
    for number in range(60):
        party.left.add_sender(number, audio_sender(1000 + number))
    party.right.add_receiver("a", audio_receiver())
    for step in range(100):
        for number in range(60):
            party.left.send_frame(number, opus_frame(step))
        party.network.flush()
        party.network.advance(0.02)
    party.network.advance(1.0)

    assert max(len(data) for data in party.rtcp(0) + party.rtcp(1)) <= 1200
    assert {block.ssrc for block in _blocks(party, 1)} == set(range(1000, 1060))
    assert {each.ssrc for each in _packets(party, 0) if isinstance(each, SenderReport)} == set(range(1000, 1060))
