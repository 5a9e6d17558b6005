"""What a direction means for what is offered, for what flows, and for the reports on it (RFC 3264 section 5.1, RFC 8866 section 6.7)."""

import pytest
from tests.peer.call import AUDIO, call, media_of, transceiver
from tests.peer.pair import Pair, Side
from tests.peer.talk import Talk, negotiated, section

from rtc_peer.capabilities import AUDIO_CODECS
from rtc_sdp import Direction


@pytest.mark.spec("rfc3264:5.1/5", "rfc3264:5.1/6", "rfc3264:5.1/7")
@pytest.mark.parametrize("direction", [Direction.SENDONLY, Direction.RECVONLY, Direction.SENDRECV])
def test_an_offer_lists_what_will_be_sent_and_received(direction: Direction) -> None:
    talk = Talk()
    transceiver = talk.left.add_transceiver("audio", direction=direction)
    transceiver.set_codec_preferences([each for each in AUDIO_CODECS if each.name in ("g722", "opus")])
    talk.right.add_track("audio", "voice")

    talk.negotiate()

    offered = [int(fmt) for fmt in section(talk.left.local_description).formats]
    media = negotiated(talk.left)["0"]
    assert len(offered) == 2
    assert (media.sends, media.receives) == (direction.sends, direction.receives)
    if direction.sends:
        assert media.send is not None
        assert [each.payload_type for each in media.send.codecs] == offered
    if direction.receives:
        assert media.receive is not None
        assert [each.payload_type for each in media.receive.codecs] == offered


def _reports(side: Side, seconds: float, pair: Pair) -> tuple[int, int]:
    """How many packets of RTCP, and of RTP, leave a side in some time."""
    stats = media_of(side).session.stats
    before = stats.rtcp_packets_sent, stats.packets_sent
    pair.settle(seconds)
    return stats.rtcp_packets_sent - before[0], stats.packets_sent - before[1]


@pytest.mark.spec("rfc8866:6.7.1/1", "rfc8866:6.7.3/1", "rfc8866:6.7.4/1")
def test_reports_are_sent_and_taken_whatever_the_direction() -> None:
    pair = call([AUDIO])
    here, there = transceiver(pair.left, AUDIO), transceiver(pair.right, AUDIO)
    here.direction, there.direction = Direction.SENDONLY, Direction.RECVONLY
    pair.negotiate()
    for number in range(300):
        pair.send(pair.left, AUDIO, number)
        pair.settle(0.02)
    stats = media_of(pair.left).session.sender_stats(here.id)[None]
    heard = stats.remote.reports_received
    receiving = _reports(pair.right, 20.0, pair)
    here.direction = there.direction = Direction.INACTIVE
    pair.negotiate()
    inactive = [_reports(side, 20.0, pair) for side in pair.sides]

    assert heard > 0
    assert receiving[0] > 1
    assert all(reports > 1 for reports, _ in inactive)
    assert receiving[1] == inactive[0][1] == inactive[1][1] == 0
