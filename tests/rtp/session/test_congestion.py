"""Senders keep to what the path carries."""

from dataclasses import replace

import pytest
from tests.rtp.session.party import VP8, Party, video_receiver, video_sender, vp8_frame
from tests.support.network import Link

from rtc_rtp import BitrateShare, SendEncoding, SessionOptions, TargetBitrateChanged

FEEDBACK = {
    "transport-wide": frozenset({"nack", "nack pli", "transport-cc"}),
    "by stream": frozenset({"nack", "nack pli", "ack ccfb"}),
}

MID_ID, REPAIRED_RID_ID = 4, 6
"""Of the header extensions that the parties use."""


def _call(party: Party, feedback: frozenset[str]) -> None:
    codec = replace(VP8, feedback=feedback)
    party.left.add_sender("v", video_sender(codecs=(codec,)))
    party.right.add_receiver("v", video_receiver(codecs=(codec,)))


def _talk(party: Party, seconds: float, first: int = 0) -> int:
    """Send 30 frames a second of what the target allows; return the number of the next frame."""
    for number in range(first, first + int(30 * seconds)):
        targets = party.here.of(TargetBitrateChanged)
        bitrate = targets[-1].shares[0].bitrate_bps if targets else 300_000
        party.left.send_frame("v", vp8_frame(number, key=number == 0, length=int(bitrate / 8 / 30)))
        party.network.flush()
        party.network.advance(1 / 30)
    return first + int(30 * seconds)


def _target(party: Party) -> int:
    return party.here.of(TargetBitrateChanged)[-1].bitrate_bps


@pytest.mark.parametrize("kind", FEEDBACK)
@pytest.mark.spec("rfc8834:6/1", "rfc8834:7/1", "rfc8834:7.1/2", "rfc8834:7.2/1")
def test_the_target_follows_a_bottleneck_down_and_up(kind: str) -> None:
    link = Link(delay=0.03, bandwidth_bps=1_500_000, queue_length=60_000)
    party = Party(link=link, back=Link(delay=0.03))
    _call(party, FEEDBACK[kind])

    number = _talk(party, 15)
    wide = _target(party)
    link.bandwidth_bps = 500_000
    number = _talk(party, 15, number)
    narrow = _target(party)
    link.bandwidth_bps = 1_500_000
    _talk(party, 25, number)

    assert 800_000 < wide < 1_700_000
    assert 250_000 < narrow < 600_000
    assert _target(party) > 800_000


def test_a_free_path_is_found_by_probing_within_two_seconds() -> None:
    party = Party(link=Link(delay=0.02, bandwidth_bps=20_000_000))
    _call(party, FEEDBACK["transport-wide"])

    _talk(party, 2)

    assert _target(party) > 1_000_000


def test_padding_says_where_it_belongs_as_long_as_the_peer_may_not_know_its_source() -> None:
    """Firefox assigns packets by MID alone at first; what it cannot assign it reports as lost."""
    party = Party(link=Link(delay=0.02, bandwidth_bps=20_000_000))
    encodings = (SendEncoding(ssrc=10, rtx_ssrc=11, rid="f"),)
    codec = replace(VP8, feedback=FEEDBACK["transport-wide"])
    party.left.add_sender("v", video_sender(codecs=(codec,), encodings=encodings, mid="7"))
    party.right.add_receiver("v", video_receiver(codecs=(codec,), rids=("f",), mid="7"))

    _talk(party, 1)
    padding = [packet for packet in party.rtp() if packet.ssrc == 11 and not packet.payload]

    assert len(padding) > 20
    assert {(each.extension(MID_ID), each.extension(REPAIRED_RID_ID)) for each in padding[:20]} == {(b"7", b"f")}


def test_packets_leave_at_a_pace() -> None:
    party = Party(link=Link(delay=0.02, bandwidth_bps=5_000_000))
    _call(party, FEEDBACK["transport-wide"])
    _talk(party, 1)
    before = len(party.rtp())

    party.left.send_frame("v", vp8_frame(100, key=True, length=200_000))
    party.network.flush()
    at_once = len(party.rtp()) - before
    party.network.advance(2.0)

    assert at_once < 30
    assert len(party.rtp()) - before > 160


def test_without_feedback_everything_leaves_at_once() -> None:
    party = Party()
    party.connect_video()

    party.left.send_frame("v", vp8_frame(0, key=True, length=200_000))
    party.network.flush()

    assert len(party.rtp()) > 160
    assert party.here.of(TargetBitrateChanged) == []


def test_small_pictures_are_served_before_large_ones() -> None:
    party = Party(options=SessionOptions(start_bitrate_bps=300_000))
    encodings = tuple(
        SendEncoding(ssrc=100 + 2 * index, rid=rid, scale_resolution_down_by=scale)
        for index, (rid, scale) in enumerate([("q", 4.0), ("h", 2.0), ("f", 1.0)])
    )
    codec = replace(VP8, feedback=FEEDBACK["transport-wide"])
    party.left.add_sender("v", video_sender(codecs=(codec,), encodings=encodings))
    party.network.advance(0.1)

    shares = party.here.of(TargetBitrateChanged)[-1].shares

    assert shares == (
        BitrateShare("v", "q", 156_250),
        BitrateShare("v", "h", 0),
        BitrateShare("v", "f", 0),
    )
