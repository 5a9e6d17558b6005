"""What comes of feedback, of too much of it, and of none (RFC 4585 sections 4.2, 6.3.1.1 and 8, RFC 5506 section 4.2.2)."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.rtp.session.party import VIDEO_SSRC, VP8, Party, video_receiver, video_sender, vp8_frame
from tests.support.network import Link

from rtc_peer.capabilities import VIDEO_FEEDBACK
from rtc_rtp import (
    FullIntraRequest,
    GenericNack,
    IntraRequest,
    KeyFrameRequested,
    PictureLossIndication,
    ReceiverEstimatedMaximumBitrate,
    ReceiverReport,
    ReportBlock,
    RtpPacket,
    TargetBitrateChanged,
    parse_compound,
)
from rtc_rtp.reporting.control import MAX_REDUCED_SIZE

ALL = frozenset(VIDEO_FEEDBACK)


def _connect(party: Party, feedback: frozenset[str] = ALL) -> None:
    codec = replace(VP8, feedback=feedback)
    party.left.add_sender("v", video_sender(codecs=(codec,)))
    party.right.add_receiver("v", video_receiver(codecs=(codec,)))


def _tell(party: Party, *packets: GenericNack | PictureLossIndication | FullIntraRequest | ReceiverReport) -> None:
    party.left.receive_datagram(b"".join(each.serialize() for each in packets), party.network.now)
    party.network.flush()


def _asked(party: Party) -> int:
    return len(party.here.of(KeyFrameRequested))


def _last_target(party: Party) -> int:
    return party.here.of(TargetBitrateChanged)[-1].bitrate_bps


def _repairs_after_nack(party: Party) -> bool:
    before = len(party.rtp())
    _tell(party, GenericNack(1, VIDEO_SSRC, [party.rtp()[-1].sequence_number]))
    return len(party.rtp()) > before


def _asks_after_pli(party: Party) -> bool:
    _tell(party, PictureLossIndication(1, VIDEO_SSRC))
    return _asked(party) == 1


def _asks_after_fir(party: Party) -> bool:
    _tell(party, FullIntraRequest(1, 0, [IntraRequest(VIDEO_SSRC, 1)]))
    return _asked(party) == 1


def _slows_after_remb(party: Party) -> bool:
    before = _last_target(party)
    request = ReceiverEstimatedMaximumBitrate(1, 0, 100_000, [VIDEO_SSRC])
    party.left.receive_datagram(request.serialize(), party.network.now)
    party.network.advance(0.5)
    return _last_target(party) <= 100_000 < before


def _rises_by_arrivals(party: Party) -> bool:
    before = _last_target(party)
    party.send_video(60, first=1, length=1000)
    return _last_target(party) > before


REACTIONS: dict[str, Callable[[Party], bool]] = {
    "nack": _repairs_after_nack,
    "nack pli": _asks_after_pli,
    "ccm fir": _asks_after_fir,
    "goog-remb": _slows_after_remb,
    "transport-cc": _rises_by_arrivals,
}


@pytest.mark.spec("rfc4585:4.2/13")
@pytest.mark.parametrize("kind", VIDEO_FEEDBACK)
def test_every_kind_that_is_negotiated_has_its_reaction(kind: str) -> None:
    party = Party()
    _connect(party, frozenset({kind}))
    party.left.send_frame("v", vp8_frame(0, key=True))
    party.network.advance(0.3)

    assert REACTIONS[kind](party)


@pytest.mark.spec("rfc4585:4.2/6")
def test_a_receiver_goes_on_where_nobody_heeds_its_requests() -> None:
    party = Party(back=Link(delay=0.02, loss=1.0))
    _connect(party)
    party.send_video(5)
    lost = party.rtp()[-1].sequence_number + 1 & 0xFFFF
    party.here.tap = lambda _, datagram: int.from_bytes(datagram.data[2:4], "big") != lost

    for number in range(5, 60):
        party.left.send_frame("v", vp8_frame(number, key=number == 30))
        party.network.flush()
        party.network.advance(1 / 30)
    party.network.advance(0.5)

    heard = [frame.data for frame in party.received()]
    requests = [each for data in party.rtcp(1) for each in parse_compound(data)]
    assert heard == [vp8_frame(number, key=number in {0, 30}).data for number in (*range(5), *range(30, 60))]
    assert any(isinstance(each, GenericNack) for each in requests)


@pytest.mark.spec("rfc4585:6.3.1.1/1")
def test_key_frames_that_are_asked_for_leave_as_the_path_lets_them() -> None:
    party = Party(link=Link(delay=0.02, bandwidth_bps=5_000_000))
    _connect(party)
    party.send_video(30)
    party.here.events.clear()

    for _ in range(20):
        _tell(party, PictureLossIndication(1, VIDEO_SSRC))
        party.network.advance(0.01)
    before = len(party.rtp())
    party.left.send_frame("v", vp8_frame(100, key=True, length=200_000))
    party.network.flush()

    assert _asked(party) == 1
    assert len(party.rtp()) - before < 30


@pytest.mark.spec("rfc4585:8/1")
def test_a_report_that_cannot_be_true_changes_nothing() -> None:
    party = Party()
    _connect(party)
    party.send_video(30)
    before = replace(party.left.sender_stats("v")[None].remote)
    highest = party.rtp()[-1].sequence_number

    # The echo of a sender report that would have taken half a day.
    _tell(party, ReceiverReport(1, [ReportBlock(VIDEO_SSRC, 255, 1000, highest, 0, last_sr=1, delay_since_last_sr=0)]))

    assert party.left.sender_stats("v")[None].remote == before
    assert party.left.stats.dropped == {"implausible_report": 1}


@pytest.mark.spec("rfc5506:4.2.2/2")
@pytest.mark.parametrize(("losses", "is_reduced"), [(5, True), (70, False)])
def test_much_feedback_leaves_with_a_report(losses: int, is_reduced: bool) -> None:
    party = Party()
    party.right.add_receiver("v", video_receiver())
    party.right.receive_datagram(bytes(RtpPacket(96, 0, 3000, 5, b"\x10\0\0")), 0.0)
    party.network.advance(3.0)
    before = len(party.rtcp(1))

    # Of 18 packets one is lost: each needs an entry of its own.
    for number in range(1, 18 * losses + 1):
        if number % 18:
            party.right.receive_datagram(bytes(RtpPacket(96, number, 3000, 5, b"\0more")), party.network.now)
    party.network.flush()

    told = [parse_compound(data) for data in party.rtcp(1)[before:]]
    nacks = [packets for packets in told if any(isinstance(each, GenericNack) for each in packets)]
    assert nacks
    for packets in nacks:
        size = sum(len(each.serialize()) for each in packets if isinstance(each, GenericNack))
        assert isinstance(packets[0], GenericNack) is is_reduced is (size <= MAX_REDUCED_SIZE)
