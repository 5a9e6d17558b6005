"""When feedback leaves, and in what (RFC 4585 section 3, RFC 5506), and what answers what."""

from dataclasses import replace
from itertools import pairwise

import pytest
from tests.rtp.session.party import (
    AUDIO_SSRC,
    VIDEO_SSRC,
    VP8,
    Party,
    audio_receiver,
    audio_sender,
    opus_frame,
    video_receiver,
    video_sender,
)
from tests.support.network import Link

from rtc_rtp import (
    GenericNack,
    Goodbye,
    MaximumBitrate,
    PictureLossIndication,
    ReceiverReport,
    RtcpPacket,
    RtpPacket,
    SenderReport,
    SourceDescription,
    TargetBitrateChanged,
    TemporaryMaximumBitrate,
    TemporaryMaximumBitrateNotification,
    parse_compound,
)
from rtc_rtp.reporting.schedule import Due, RtcpSchedule
from rtc_stun import Datagram


def _half() -> float:
    return 0.5


def _schedule(report_interval: float = 1.0) -> RtcpSchedule:
    """Intervals of 100 bytes times two members by 1000 bytes a second, about 0.164 seconds."""
    schedule = RtcpSchedule(bandwidth_bps=8 * 1000 / 0.05 / 0.75, report_interval=report_interval)
    schedule.membership.members = 2
    schedule.start(0.0, _half)
    return schedule


INTERVAL = 100 * 2 / 1000 / 1.218_281_828


def test_the_interval_is_that_of_rfc_3550() -> None:
    assert _schedule().deadline(has_feedback=False) == pytest.approx(INTERVAL)


@pytest.mark.spec("rfc4585:3.4/3", "rfc4585:3.5.1/1", "rfc4585:3.5.2/3", "rfc4585:3.5.2/7", "rfc4585:3.5.2/9")
def test_early_feedback_is_allowed_at_first_and_leaves_at_once() -> None:
    schedule = _schedule()

    assert schedule.deadline(has_feedback=True) <= 0.01
    assert schedule.advance(0.01, _half, has_feedback=True) is Due.FEEDBACK


@pytest.mark.spec(
    "rfc4585:3.4/4", "rfc4585:3.5/1", "rfc4585:3.5.2/8", "rfc4585:3.5.2/12", "rfc4585:3.5.2/13", "rfc4585:3.5.3/4"
)
def test_after_early_feedback_the_next_waits_for_the_regular_slot_which_moves() -> None:
    schedule = _schedule()
    schedule.advance(INTERVAL, _half, has_feedback=False)
    schedule.advance(INTERVAL + 0.01, _half, has_feedback=True)

    assert schedule.advance(INTERVAL + 0.02, _half, has_feedback=True) is Due.NOTHING
    assert schedule.deadline(has_feedback=True) == pytest.approx(3 * INTERVAL)
    assert schedule.advance(3 * INTERVAL + 0.001, _half, has_feedback=True) is Due.FEEDBACK
    assert schedule.advance(3 * INTERVAL + 0.002, _half, has_feedback=True) is Due.FEEDBACK


@pytest.mark.spec("rfc4585:3.5.2/5", "rfc4585:3.5.2/6")
def test_feedback_that_comes_with_the_regular_packet_is_no_early_one() -> None:
    schedule = _schedule()

    assert schedule.advance(INTERVAL + 0.001, _half, has_feedback=True) is Due.REPORT
    assert schedule.advance(INTERVAL + 0.002, _half, has_feedback=True) is Due.FEEDBACK


@pytest.mark.spec("rfc4585:3.5.3/1", "rfc4585:3.5.3/3", "rfc4585:3.5.3/4")
def test_regular_packets_keep_an_interval_of_their_own() -> None:
    schedule = _schedule(report_interval=1.0)
    sent = []
    for tick in range(1, 4000):
        now = tick / 1000
        if schedule.advance(now, _half, has_feedback=False) is Due.REPORT:
            sent.append(now)

    assert sent[0] == pytest.approx(INTERVAL, abs=0.002)
    assert all(1.0 <= later - earlier <= 1.0 + INTERVAL for earlier, later in pairwise(sent))


@pytest.mark.spec("rfc4585:3.5.3/2")
def test_without_one_they_follow_rfc_3550_with_no_minimum() -> None:
    schedule = _schedule(report_interval=0.0)
    sent = [
        tick / 1000 for tick in range(1, 2000) if schedule.advance(tick / 1000, _half, has_feedback=False) is Due.REPORT
    ]

    assert sent == [pytest.approx(INTERVAL * number, abs=0.02) for number in range(1, len(sent) + 1)]


@pytest.mark.spec("rfc4585:3.5.4/2")
def test_every_packet_counts_in_the_average() -> None:
    schedule = _schedule()
    for _ in range(200):
        schedule.count(972)
    schedule.advance(INTERVAL, _half, has_feedback=False)

    assert schedule.deadline(has_feedback=True) < 1.0
    schedule.advance(5.0, _half, has_feedback=False)
    schedule.advance(5.1, _half, has_feedback=True)
    assert schedule.deadline(has_feedback=True) - 5.0 == pytest.approx(20 * INTERVAL, rel=0.01)


# --- in sessions ---


def _datagrams(party: Party, side: int) -> list[list[RtcpPacket]]:
    return [parse_compound(data) for data in party.rtcp(side)]


@pytest.mark.spec(
    "rfc4585:3.1/3", "rfc4585:3.1/4", "rfc4585:3.1/5", "rfc4585:3.1/6", "rfc4585:3.1/7", "rfc5506:4/5", "rfc5506:4.1/1"
)
def test_feedback_comes_behind_one_report_and_one_description() -> None:
    party = Party(link=Link(delay=0.02, loss=0.2))
    party.connect_video()
    party.right.add_receiver("v", video_receiver(reduced_size=False))
    party.send_video(60)

    early = [packets for packets in _datagrams(party, 1) if any(isinstance(each, GenericNack) for each in packets)]
    regular = [
        packets for packets in _datagrams(party, 1) if isinstance(packets[0], ReceiverReport) and packets[0].blocks
    ]
    assert len(early) > 10
    assert regular
    for packets in early + regular:
        assert isinstance(packets[0], ReceiverReport)
        assert isinstance(packets[1], SourceDescription)
        assert len(packets[1].chunks) == 1
        assert not any(isinstance(each, ReceiverReport | SenderReport | SourceDescription) for each in packets[2:])


def _requests(party: Party, since: int) -> tuple[int, int]:
    """Count the compound and the reduced datagrams of the right side that ask for packets."""
    asking = [
        data for data in party.rtcp(1)[since:] if any(isinstance(each, GenericNack) for each in parse_compound(data))
    ]
    compound = sum(data[1] in (200, 201) for data in asking)
    return compound, len(asking) - compound


@pytest.mark.spec("rfc5506:4.2.1/2", "rfc5506:4.2.1/3")
@pytest.mark.parametrize("is_dropped", [True, False])
def test_where_reduced_packets_vanish_requests_go_back_to_compound_ones(is_dropped: bool) -> None:
    party = Party(link=Link(delay=0.02, loss=0.1), back=Link(delay=0.02))
    party.connect_video()
    log = party.sent[1]

    def tap(_: float, datagram: Datagram) -> bool:
        log.append(datagram.data)
        return datagram.data[1] in (200, 201) or not is_dropped

    party.there.tap = tap
    party.send_video(300, answer=False)
    before = len(party.rtcp(1))
    party.send_video(200, first=300, answer=False)
    compound, reduced = _requests(party, before)

    assert compound + reduced > 20
    assert (reduced == 0) is is_dropped
    assert party.right.receiver_stats("v")[0].retransmitted_packets_received > 0


@pytest.mark.spec("rfc5506:4/1", "rfc5506:4/2", "rfc5506:4/3", "rfc5506:4/4", "rfc5506:4/5", "rfc5506:4.1/1")
def test_reduced_packets_are_additional_to_compound_ones() -> None:
    party = Party(link=Link(delay=0.02, loss=0.2))
    party.connect_video()
    party.send_video(150)

    kinds = [isinstance(packets[0], ReceiverReport) for packets in _datagrams(party, 1)]
    assert kinds[0]
    assert kinds.count(True) >= 4
    assert kinds.count(False) > 10
    assert all(
        not isinstance(each, ReceiverReport | SenderReport)
        for packets in _datagrams(party, 1)
        if not isinstance(packets[0], ReceiverReport)
        for each in packets
    )


@pytest.mark.spec("rfc4585:3.5.2/1", "rfc4585:3.5.2/2")
def test_what_comes_up_meanwhile_is_told_in_one_message() -> None:
    party = Party()
    party.right.add_receiver("v", video_receiver())
    for number in (10, 11):
        party.right.receive_datagram(bytes(RtpPacket(96, number, 3000, 5, b"\x10\0\0")), 0.0)
    for number in (20, 30, 40):
        party.right.receive_datagram(bytes(RtpPacket(96, number, 3000, 5, b"\0more")), 0.0)

    nacks = [
        each
        for data in party.right.datagrams_to_send(0.0)
        for each in parse_compound(data)
        if isinstance(each, GenericNack)
    ]

    assert [nack.sequence_numbers for nack in nacks] == [[number for number in range(12, 40) if number not in {20, 30}]]


@pytest.mark.spec("rfc4585:4.2/9", "rfc4585:4.2/12", "rfc4585:6.3.1.1/2")
@pytest.mark.parametrize("feedback", [frozenset[str](), frozenset({"nack"}), frozenset({"nack pli"})])
def test_only_feedback_that_was_agreed_on_is_sent(feedback: frozenset[str]) -> None:
    party = Party(link=Link(delay=0.02, loss=0.3))
    codec = replace(VP8, feedback=feedback)
    party.left.add_sender("v", video_sender(codecs=(codec,)))
    party.right.add_receiver("v", video_receiver(codecs=(codec,)))
    party.send_video(60)
    party.right.request_key_frame("v")
    party.network.advance(0.2)

    kinds = {type(each) for packets in _datagrams(party, 1) for each in packets}
    assert (GenericNack in kinds) == ("nack" in feedback)
    assert (PictureLossIndication in kinds) == ("nack pli" in feedback)


@pytest.mark.spec("rfc4585:4.2/8")
def test_feedback_that_was_agreed_on_is_given() -> None:
    party = Party(link=Link(delay=0.02, loss=0.3))
    party.connect_video()
    party.send_video(60)
    party.right.request_key_frame("v")
    party.network.advance(0.2)

    kinds = {type(each) for packets in _datagrams(party, 1) for each in packets}
    assert {GenericNack, PictureLossIndication} <= kinds


@pytest.mark.spec("rfc4585:6.2.1/3")
def test_what_a_nack_does_not_name_may_be_asked_for_later() -> None:
    party = Party()
    party.connect_video()
    party.send_video(2)
    numbers = [packet.sequence_number for packet in party.rtp()]
    now = party.network.now

    party.left.receive_datagram(GenericNack(1, VIDEO_SSRC, [numbers[-1]]).serialize(), now)
    party.left.receive_datagram(GenericNack(1, VIDEO_SSRC, [numbers[0]]).serialize(), now + 0.05)
    repeated = [RtpPacket.parse(data) for data in party.left.datagrams_to_send(now + 0.05) if not 200 <= data[1] <= 206]

    assert [int.from_bytes(packet.payload[:2], "big") for packet in repeated] == [numbers[-1], numbers[0]]


# --- answers ---


def _notifications(party: Party) -> list[TemporaryMaximumBitrateNotification]:
    packets = [each for packets in _datagrams(party, 0) for each in packets]
    return [each for each in packets if isinstance(each, TemporaryMaximumBitrateNotification)]


@pytest.mark.spec(
    "rfc5104:4.2.1.2/6",
    "rfc5104:4.2.1.2/7",
    "rfc5104:4.2.1.2/10",
    "rfc5104:4.2.2.2/2",
    "rfc5104:4.2.2.2/3",
    "rfc5104:4.2.2.2/4",
    "rfc5104:4.2.2.2/5",
    "rfc5104:4.2.2.3/1",
)
def test_bounds_are_obeyed_and_confirmed_by_one_message() -> None:
    party = Party()
    party.connect_video()
    for requester, bitrate in ((8, 400_000), (9, 200_000), (8, 400_000)):
        request = TemporaryMaximumBitrate(requester, 0, [MaximumBitrate(VIDEO_SSRC, bitrate, 40)])
        party.left.receive_datagram(request.serialize(), 0.0)
    party.network.flush()

    assert _notifications(party) == [
        TemporaryMaximumBitrateNotification(VIDEO_SSRC, 0, [MaximumBitrate(9, 200_000, 40)])
    ]
    assert party.here.of(TargetBitrateChanged)[-1].shares[0].bitrate_bps == 200_000 * 160 // (160 + 40)


@pytest.mark.spec("rfc5104:4.2.1.2/11", "rfc5104:4.2.2.2/6", "rfc5104:4.2.2.2/7")
def test_a_bound_ends_with_who_set_it() -> None:
    party = Party()
    party.connect_video()
    for requester, bitrate in ((8, 400_000), (9, 200_000)):
        request = TemporaryMaximumBitrate(requester, 0, [MaximumBitrate(VIDEO_SSRC, bitrate, 40)])
        party.left.receive_datagram(request.serialize(), 0.0)
    party.network.advance(1.0)
    party.left.receive_datagram(Goodbye((9,)).serialize(), 1.0)
    party.network.advance(1.0)
    party.left.receive_datagram(Goodbye((8,)).serialize(), 2.0)
    party.network.advance(1.0)

    assert [notification.bounds for notification in _notifications(party)] == [
        [MaximumBitrate(9, 200_000, 40)],
        [MaximumBitrate(8, 400_000, 40)],
        [],
    ]


@pytest.mark.spec("rfc5104:4.3.1.1/2", "rfc5104:4.3.1.1/3", "rfc5104:4.3.1.3/1")
def test_an_intra_request_is_repeated_as_the_same_command_until_a_key_frame_comes() -> None:
    party = Party(back=Link(delay=0.02))
    codec = replace(VP8, feedback=frozenset({"ccm fir"}))
    party.left.add_sender("v", video_sender(codecs=(codec,)))
    party.right.add_receiver("v", video_receiver(codecs=(codec,)))
    party.send_video(60, first=1, answer=False)
    party.send_video(5, first=0)
    party.right.request_key_frame("v")
    party.network.advance(0.2)

    commands = [
        request.sequence_number
        for packets in _datagrams(party, 1)
        for each in packets
        for request in getattr(each, "requests", [])
    ]
    assert len(commands) > 3
    assert set(commands[:-1]) == {commands[0]}
    assert commands[-1] == commands[0] + 1


def test_who_only_receives_learns_the_round_trip_time_from_extended_reports() -> None:
    party = Party(link=Link(delay=0.07), back=Link(delay=0.03))
    party.left.add_sender("a", audio_sender())
    party.right.add_receiver("a", audio_receiver())

    for number in range(200):
        party.left.send_frame("a", opus_frame(number))
        party.network.flush()
        party.network.advance(0.02)

    assert party.right.stats.round_trip_time == pytest.approx(0.1, abs=0.005)
    assert party.right.stats.dropped == {}
    assert AUDIO_SSRC in party.left._outbound.by_ssrc
