"""Two sessions exchange frames."""

import pytest
from tests.rtp.session.party import Party
from tests.support.network import Link


def test_video_arrives_whole_and_in_order() -> None:
    party = Party()
    party.connect_video()

    party.send_video(30)
    party.network.advance(1.0)

    assert [frame.data for frame in party.received()] == [frame.data for frame in party.frames_sent]


def test_audio_arrives_in_order() -> None:
    party = Party()
    party.connect_audio()

    party.send_audio(50)
    party.network.advance(1.0)

    assert [frame.data for frame in party.received("a")] == [frame.data for frame in party.frames_sent]


def test_audio_and_video_share_a_session() -> None:
    party = Party()
    party.connect_video()
    party.connect_audio()
    party.route()

    party.send_video(10)
    party.send_audio(10)
    party.network.advance(1.0)

    assert (len(party.received("v")), len(party.received("a"))) == (10, 10)


@pytest.mark.spec("rfc8834:6.1/1", "rfc8834:6.1/2")
def test_lost_packets_are_sent_again_and_every_frame_arrives() -> None:
    party = Party(link=Link(delay=0.02, loss=0.05), back=Link(delay=0.02))
    party.connect_video()

    party.send_video(150)
    party.network.advance(2.0)

    assert [frame.data for frame in party.received()] == [frame.data for frame in party.frames_sent]
    assert party.right.receiver_stats("v")[0].retransmitted_packets_received > 10


def test_a_hopeless_loss_is_answered_with_a_key_frame() -> None:
    party = Party()
    party.connect_video()
    party.send_video(10)
    party.network.run(timeout=0.1)
    link = party.network.nodes[0].hosts
    next(iter(link.values())).up = False
    party.send_video(60, first=10, answer=False)
    next(iter(link.values())).up = True

    party.send_video(60, first=70)
    party.network.advance(1.0)

    assert party.received()[-1].data == party.frames_sent[-1].data
    assert party.left.sender_stats("v")[None].pli_count > 0
