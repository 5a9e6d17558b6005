"""What sessions do upon the commands of RFC 5104."""

from dataclasses import replace

import pytest
from tests.rtp.session.party import VIDEO_SSRC, VP8, Party, video_receiver, video_sender, vp8_frame
from tests.support.network import Link

from rtc_rtp import (
    FullIntraRequest,
    Goodbye,
    IntraRequest,
    KeyFrameRequested,
    MaximumBitrate,
    PictureLossIndication,
    ReceiverReport,
    RtcpPacket,
    SenderReport,
    TargetBitrateChanged,
    TemporalSpatialTradeOffNotification,
    TemporalSpatialTradeOffRequest,
    TemporaryMaximumBitrate,
    TemporaryMaximumBitrateNotification,
    TradeOff,
    parse_compound,
)

OTHER = 0xBAD
"""An SSRC that is nobody's."""


def _give(party: Party, packet: RtcpPacket) -> None:
    party.left.receive_datagram(packet.serialize(), party.network.now)
    party.network.flush()


def _bound(party: Party, requester: int, bitrate_bps: int, overhead: int = 40) -> None:
    _give(party, TemporaryMaximumBitrate(requester, 0, [MaximumBitrate(VIDEO_SSRC, bitrate_bps, overhead)]))


def _ask(party: Party, requester: int, number: int, index: int = 31, ssrc: int = VIDEO_SSRC) -> None:
    _give(party, TemporalSpatialTradeOffRequest(requester, 0, [TradeOff(ssrc, number, index)]))


def _share(party: Party) -> int:
    return party.here.of(TargetBitrateChanged)[-1].shares[0].bitrate_bps


def _packets(party: Party, side: int = 0) -> list[RtcpPacket]:
    return [packet for data in party.rtcp(side) for packet in parse_compound(data)]


def _answers(party: Party) -> list[list[tuple[int, int]]]:
    """Requesters and sequence numbers of every notification of a trade-off."""
    found = [each for each in _packets(party) if isinstance(each, TemporalSpatialTradeOffNotification)]
    return [[(each.ssrc, each.sequence_number) for each in packet.trade_offs] for packet in found]


def _await_report(party: Party) -> None:
    """Go on until the left side has just reported."""
    before = len(party.rtcp(0))
    for _ in range(300):
        if len(party.rtcp(0)) > before:
            return
        party.network.advance(0.01)
    raise AssertionError("no report")


# --- bounds ---


@pytest.mark.spec("rfc5104:4.2.1.2/6", "rfc5104:4.2.1.2/7")
def test_a_bound_with_many_headers_counts_as_soon_as_payloads_are_small() -> None:
    party = Party()
    party.connect_video()
    party.send_video(60, length=100)
    _bound(party, 8, 350_000, 0)
    _bound(party, 9, 400_000, 100)
    small = _share(party)
    party.send_video(150, first=60, length=1000)

    size = 103 + 1
    assert small == pytest.approx(400_000 * size / (size + 100), rel=0.1)
    # A little more than 1000 bytes to a packet: less goes to headers, so the other bound is the tighter one.
    assert _share(party) == 350_000
    notification = [each for each in _packets(party) if isinstance(each, TemporaryMaximumBitrateNotification)][-1]
    assert notification.bounds == [MaximumBitrate(8, 350_000, 0), MaximumBitrate(9, 400_000, 100)]


@pytest.mark.spec("rfc5104:4.2.1.2/8", "rfc5104:4.2.1.2/9")
@pytest.mark.parametrize("is_lifted", [True, False])
def test_more_is_sent_only_after_everybody_could_have_objected(is_lifted: bool) -> None:
    party = Party(link=Link(delay=0.1), back=Link(delay=0.1))
    party.connect_video()
    party.send_video(120)
    _bound(party, 8, 200_000, 0)
    assert _share(party) == 200_000

    party.here.events.clear()
    if is_lifted:
        _give(party, Goodbye((8,)))
    else:
        _bound(party, 8, 400_000, 0)
    party.network.advance(2 * 0.2 + 0.5 - 0.05)
    assert {event.shares[0].bitrate_bps for event in party.here.of(TargetBitrateChanged)} == {200_000}

    party.network.advance(0.15)
    assert (_share(party) > 400_000) if is_lifted else (_share(party) == 400_000)


@pytest.mark.spec("rfc5104:4.2.1.2/11", "rfc5104:4.2.2.2/6", "rfc5104:4.2.2.2/7")
def test_a_bound_ends_when_its_owner_is_silent_for_too_long() -> None:
    party = Party()
    party.connect_video()
    party.send_video(60)
    _bound(party, 8, 200_000)
    _bound(party, 9, 100_000)
    party.send_video(30 * 20, first=60)
    _bound(party, 9, 100_000)
    party.send_video(30 * 10, first=660)
    assert [each.ssrc for each in _last_bounds(party)] == [9]

    party.send_video(30 * 30, first=960)
    assert _last_bounds(party) == []
    assert _share(party) > 200_000


def _last_bounds(party: Party) -> list[MaximumBitrate]:
    return [each for each in _packets(party) if isinstance(each, TemporaryMaximumBitrateNotification)][-1].bounds


@pytest.mark.spec("rfc5104:4.2.2.3/2")
def test_bounds_are_confirmed_before_the_next_report() -> None:
    party = Party()
    party.connect_video()
    party.send_video(90)
    _await_report(party)
    before = len(party.rtcp(0))
    party.network.advance(0.3)
    assert len(party.rtcp(0)) == before

    _bound(party, 8, 200_000)
    party.network.advance(0.005)

    answers = [each for data in party.rtcp(0)[before:] for each in parse_compound(data)]
    assert any(isinstance(each, TemporaryMaximumBitrateNotification) for each in answers)


# --- key frames ---


def _paced() -> Party:
    party = Party(link=Link(delay=0.02, bandwidth_bps=2_000_000))
    codec = replace(VP8, feedback=frozenset({"nack", "ccm fir", "transport-cc"}))
    party.left.add_sender("v", video_sender(codecs=(codec,)))
    party.right.add_receiver("v", video_receiver(codecs=(codec,)))
    return party


@pytest.mark.spec("rfc5104:4.3.1.2/2")
def test_an_intra_request_brings_a_key_frame() -> None:
    party = Party()
    party.connect_video()
    party.send_video(30)
    assert sum(frame.keyframe for frame in party.received()) == 1
    party.here.events.clear()

    _give(party, FullIntraRequest(8, 0, [IntraRequest(VIDEO_SSRC, 7)]))
    assert [type(event) for event in party.here.events if isinstance(event, KeyFrameRequested)] == [KeyFrameRequested]
    party.send_video(2, first=30)

    assert sum(frame.keyframe for frame in party.received()) == 2


@pytest.mark.spec("rfc5104:4.3.1.2/3", "rfc5104:5/1")
def test_the_key_frame_of_an_intra_request_leaves_at_the_pace_of_the_path() -> None:
    party = _paced()
    party.send_video(60)
    target = party.here.of(TargetBitrateChanged)[-1].bitrate_bps
    length = int(target / 8)
    _give(party, FullIntraRequest(8, 0, [IntraRequest(VIDEO_SSRC, 7)]))
    before = len(party.rtp())
    party.left.send_frame("v", vp8_frame(60, key=True, length=length))
    party.network.flush()
    at_once = sum(len(packet.payload) for packet in party.rtp()[before:])
    party.network.advance(2.0)
    in_the_end = sum(len(packet.payload) for packet in party.rtp()[before:])

    assert at_once < length / 4
    assert in_the_end >= length


@pytest.mark.spec("rfc5104:5/1")
def test_a_bound_above_the_estimate_raises_nothing() -> None:
    party = _paced()
    party.send_video(60)
    _bound(party, 8, 1_000_000_000)
    event = party.here.of(TargetBitrateChanged)[-1]

    assert event.shares[0].bitrate_bps <= event.bitrate_bps < 10_000_000


@pytest.mark.spec("rfc5104:4.3.1.2/5")
def test_an_intra_request_is_sent_only_without_a_picture_to_go_on_from_and_without_a_milder_word() -> None:
    kinds = {}
    for feedback in ({"ccm fir"}, {"ccm fir", "nack pli"}):
        for first in (0, 1):
            party = Party()
            codec = replace(VP8, feedback=frozenset(feedback))
            party.left.add_sender("v", video_sender(codecs=(codec,)))
            party.right.add_receiver("v", video_receiver(codecs=(codec,)))
            party.send_video(30, first=first)
            asked = {type(each) for each in _packets(party, 1)}
            kinds[len(feedback), first] = asked & {FullIntraRequest, PictureLossIndication}

    assert kinds == {
        (1, 0): set(),
        (1, 1): {FullIntraRequest},
        (2, 0): set(),
        (2, 1): {PictureLossIndication},
    }


# --- trade-offs ---


@pytest.mark.spec(
    "rfc5104:4.3.2.2/2", "rfc5104:4.3.3.2/1", "rfc5104:4.3.3.2/2", "rfc5104:4.3.3.2/5", "rfc5104:4.3.3.3/1"
)
def test_trade_offs_are_answered_with_the_next_report_by_the_one_that_is_kept() -> None:
    party = Party()
    party.connect_video()
    party.send_video(90)
    _await_report(party)
    _ask(party, 8, 3, index=31)
    _ask(party, 9, 200, index=0)
    party.network.advance(0.3)
    assert _answers(party) == []

    party.network.advance(2.0)
    assert _answers(party) == [[(8, 3), (9, 200)]]
    packets = next(
        packets
        for packets in map(parse_compound, party.rtcp(0))
        if any(isinstance(each, TemporalSpatialTradeOffNotification) for each in packets)
    )
    assert isinstance(packets[0], SenderReport | ReceiverReport)
    answer = next(each for each in packets if isinstance(each, TemporalSpatialTradeOffNotification))
    assert answer.sender_ssrc == VIDEO_SSRC
    assert {each.index for each in answer.trade_offs} == {15}


@pytest.mark.spec("rfc5104:4.3.3.2/3")
def test_a_trade_off_that_is_asked_for_again_is_answered_again() -> None:
    party = Party()
    party.connect_video()
    party.send_video(30)
    for _ in range(2):
        _ask(party, 8, 3)
        party.network.advance(3.0)

    assert _answers(party) == [[(8, 3)], [(8, 3)]]


@pytest.mark.spec("rfc5104:4.3.3.2/4")
@pytest.mark.parametrize(("numbers", "highest"), [((3, 4), 4), ((4, 3), 4), ((254, 255, 1), 1), ((1, 255), 1)])
def test_the_latest_of_several_trade_offs_is_answered(numbers: tuple[int, ...], highest: int) -> None:
    party = Party()
    party.connect_video()
    party.send_video(30)
    for number in numbers:
        _ask(party, 8, number)
    party.network.advance(3.0)

    assert _answers(party) == [[(8, highest)]]


def test_trade_offs_of_who_left_or_of_nobody_are_not_answered() -> None:
    party = Party()
    party.connect_video()
    party.send_video(30)
    _ask(party, 8, 1)
    _ask(party, 9, 1, ssrc=OTHER)
    _give(party, Goodbye((8,)))
    party.network.advance(3.0)

    assert _answers(party) == []
    assert party.left.stats.dropped == {"feedback_for_unknown_source": 1}


def test_of_too_many_trade_offs_the_oldest_are_forgotten() -> None:
    party = Party()
    party.connect_video()
    party.send_video(30)
    for requester in range(1000):
        party.left.receive_datagram(
            TemporalSpatialTradeOffRequest(requester, 0, [TradeOff(VIDEO_SSRC, 0, 0)]).serialize(), party.network.now
        )
    party.network.flush()
    party.network.advance(3.0)

    assert _answers(party) == [[(requester, 0) for requester in range(936, 1000)]]
