"""What the application hears of the peer's tracks (sections 4.4.1.5 and 5.1 of webrtc-pc)."""

import pytest
from tests.peer.pair import Pair
from tests.peer.talk import Talk, negotiated, of

from rtc_peer import (
    PeerConnection,
    SdpType,
    SessionDescription,
    SignalingState,
    SignalingStateChanged,
    TrackAdded,
    TrackMuted,
    TrackRemoved,
    TransceiverStopped,
)
from rtc_sdp import Direction

ROLLBACK = SessionDescription(SdpType.ROLLBACK)


def _told(peer: PeerConnection) -> list[tuple[str, tuple[str, ...]]]:
    """The events about tracks, in short."""
    told = []
    for event in peer.events():
        if isinstance(event, TrackAdded | TrackRemoved):
            told.append((type(event).__name__, event.stream_ids))
        elif isinstance(event, TrackMuted | TransceiverStopped):
            told.append((type(event).__name__, ()))
    return told


def _sending() -> Talk:
    """A call in which the left side sends, and the right side has heard of it."""
    talk = Talk()
    talk.left.add_track("audio", "voice", ["s"])
    talk.negotiate()
    assert _told(talk.right) == [("TrackAdded", ("s",))]
    assert _told(talk.left) == []
    return talk


def test_an_offer_tells_of_a_track_before_it_is_answered() -> None:
    talk = Talk()
    talk.left.add_track("audio", "voice", ["s"])

    talk.offer()

    events = talk.right.events()
    kinds = [type(event) for event in events if isinstance(event, SignalingStateChanged | TrackAdded)]
    assert kinds == [SignalingStateChanged, TrackAdded]
    assert talk.right.transceivers[0].current_direction is None


def test_a_section_that_only_receives_tells_of_no_track() -> None:
    talk = Talk()
    talk.left.add_transceiver("audio", direction=Direction.RECVONLY)

    talk.negotiate()

    assert _told(talk.right) == []


def test_a_track_is_muted_when_it_is_no_longer_sent_and_comes_again() -> None:
    talk = _sending()
    transceiver = talk.left.transceivers[0]

    transceiver.direction = Direction.INACTIVE
    talk.negotiate()
    held = _told(talk.right)
    transceiver.direction = Direction.SENDONLY
    talk.negotiate()

    assert held == [("TrackMuted", ()), ("TrackRemoved", ("s",))]
    assert _told(talk.right) == [("TrackAdded", ("s",))]


def test_our_answer_that_does_not_receive_mutes_the_track() -> None:
    talk = _sending()
    talk.offer()
    talk.right.transceivers[0].direction = Direction.INACTIVE

    talk.answer()

    assert _told(talk.right) == [("TrackMuted", ()), ("TrackRemoved", ("s",))]
    assert not negotiated(talk.right)["0"].receives


def test_a_track_moves_between_streams() -> None:
    talk = _sending()

    talk.left.transceivers[0].sender.set_streams(["t", "u"])
    talk.negotiate()
    moved = _told(talk.right)
    talk.left.transceivers[0].sender.set_streams(["t"])
    talk.negotiate()

    assert moved == [("TrackRemoved", ("s",)), ("TrackAdded", ("t", "u"))]
    assert _told(talk.right) == [("TrackRemoved", ("u",))]


def test_the_same_description_again_tells_nothing() -> None:
    talk = _sending()

    talk.negotiate()
    talk.negotiate(talk.right)

    assert _told(talk.right) == []
    assert _told(talk.left) == []


def test_an_answer_tells_of_the_tracks_of_the_answerer() -> None:
    talk = Talk()
    talk.left.add_transceiver("audio")
    talk.right.add_track("audio", "voice", ["s"])
    talk.offer()
    assert _told(talk.left) == []

    talk.answer()

    assert _told(talk.left) == [("TrackAdded", ("s",))]


def test_a_provisional_answer_lets_media_flow_early() -> None:
    talk = Talk()
    talk.left.add_transceiver("audio")
    talk.right.add_track("audio", "voice", ["s"])
    talk.offer()

    talk.answer(kind=SdpType.PRANSWER)
    early = _told(talk.left)
    flowing = [(each.sends, each.receives) for each in talk.left.negotiated_media]
    talk.answer()

    assert early == [("TrackAdded", ("s",))]
    assert flowing == [(True, True)]
    assert _told(talk.left) == []


def test_a_final_answer_may_take_back_what_the_provisional_one_gave() -> None:
    talk = Talk()
    talk.left.add_transceiver("audio")
    talk.right.add_track("audio", "voice", ["s"])
    talk.offer()
    talk.answer(kind=SdpType.PRANSWER)
    _told(talk.left)

    talk.right.transceivers[0].direction = Direction.RECVONLY
    talk.answer()

    assert _told(talk.left) == [("TrackMuted", ()), ("TrackRemoved", ("s",))]
    assert talk.left.transceivers[0].current_direction is Direction.SENDONLY


def test_a_track_of_an_offer_that_is_rolled_back_goes_again() -> None:
    talk = Talk()
    talk.left.add_track("audio", "voice", ["s"])
    talk.offer()
    _told(talk.right)

    talk.right.set_remote_description(ROLLBACK, 0.0)

    assert _told(talk.right) == [("TrackMuted", ()), ("TrackRemoved", ("s",))]
    assert talk.right.transceivers == ()


def test_a_rollback_brings_streams_back() -> None:
    talk = _sending()
    talk.left.transceivers[0].direction = Direction.INACTIVE
    talk.offer()
    gone = _told(talk.right)

    talk.right.set_remote_description(ROLLBACK, 0.0)

    assert gone == [("TrackMuted", ()), ("TrackRemoved", ("s",))]
    assert _told(talk.right) == [("TrackAdded", ("s",))]
    assert talk.right.transceivers[0].receiver.remote_stream_ids == ("s",)


def test_a_transceiver_that_the_peer_stops_ends_its_track() -> None:
    talk = _sending()
    talk.left.transceivers[0].stop()

    talk.offer()

    assert _told(talk.right) == [("TransceiverStopped", ()), ("TrackMuted", ()), ("TrackRemoved", ("s",))]
    assert talk.right.signaling_state is SignalingState.HAVE_REMOTE_OFFER
    assert negotiated(talk.right) == {}


@pytest.mark.spec("rfc3264:6/6")
def test_nothing_flows_in_a_section_that_was_rejected() -> None:
    talk = _sending()
    talk.left.transceivers[0].stop()

    talk.negotiate()

    assert negotiated(talk.left) == negotiated(talk.right) == {}


@pytest.mark.spec("rfc3264:6.1/19", "rfc3264:6.1/20", "rfc3264:6.1/21")
def test_what_may_arrive_is_known_as_soon_as_it_is_said() -> None:
    talk = Talk()
    talk.left.add_track("audio", "voice")
    talk.offer()
    offered = negotiated(talk.left)["0"]

    talk.right.set_local_description(None, 0.0)
    answered = negotiated(talk.right)["0"]

    assert (offered.sends, offered.receives, offered.send) == (False, True, None)
    assert offered.receive is not None
    assert (answered.sends, answered.receives) == (False, True)


def test_tracks_are_told_on_a_network_as_well() -> None:
    pair = Pair()
    pair.left.machine.add_track("video", "camera", ["s"])
    pair.left.machine.create_data_channel("beside")

    pair.negotiate()

    assert pair.run(pair.talking)
    assert [each.stream_ids for each in pair.right.of(TrackAdded)] == [("s",)]
    assert of(pair.right.machine, TrackAdded) == []
