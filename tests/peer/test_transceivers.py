"""Transceivers: commands, associations, and when negotiation is needed (RFC 8829 section 4.2, webrtc-pc sections 4.7.3 and 5)."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.peer.descriptions import describe, vector
from tests.peer.pair import make_peer
from tests.peer.talk import Talk, negotiated, of, section, sections

from rtc_peer import (
    ArgumentError,
    MediaOptions,
    ModificationError,
    NegotiationNeeded,
    OperationError,
    PeerConnection,
    PeerOptions,
    RtpTransceiver,
    SdpType,
    SessionDescription,
    StateError,
    TransceiverStopped,
)
from rtc_rtp.parameters import SendEncoding
from rtc_sdp import Direction, Mid, Msid

ROLLBACK = SessionDescription(SdpType.ROLLBACK)


# --- commands ---


@pytest.mark.spec("rfc8829:4.1.4/1")
@pytest.mark.parametrize("kind", ["", "application", "Audio"])
def test_a_transceiver_is_for_audio_or_video(kind: str) -> None:
    peer = make_peer()

    with pytest.raises(ArgumentError):
        peer.add_transceiver(kind)

    assert peer.transceivers == ()
    assert not peer.negotiation_needed


@pytest.mark.parametrize("name", ["", "a b", "x" * 65, "ü", "a,b"])
def test_names_of_tracks_and_streams_fit_into_descriptions(name: str) -> None:
    peer = make_peer()

    with pytest.raises(ArgumentError):
        peer.add_track("audio", name)
    with pytest.raises(ArgumentError):
        peer.add_transceiver("audio", stream_ids=[name])

    assert peer.transceivers == ()


@pytest.mark.parametrize(
    "encodings",
    [
        [SendEncoding(ssrc=0, rid="a"), SendEncoding(ssrc=0, rid="a")],
        [SendEncoding(ssrc=0, rid="a"), SendEncoding(ssrc=0)],
        [SendEncoding(ssrc=0, rid="a b"), SendEncoding(ssrc=0, rid="c")],
        [SendEncoding(ssrc=0, scale_resolution_down_by=0.5)],
        [SendEncoding(ssrc=0, max_framerate=-1.0)],
        [SendEncoding(ssrc=0, max_bitrate_bps=-1)],
    ],
)
def test_encodings_are_checked(encodings: list[SendEncoding]) -> None:
    peer = make_peer()

    with pytest.raises(ArgumentError):
        peer.add_transceiver("video", encodings=encodings)

    assert peer.transceivers == ()


def test_audio_has_one_encoding() -> None:
    with pytest.raises(ArgumentError):
        make_peer().add_transceiver("audio", encodings=[SendEncoding(ssrc=0), SendEncoding(ssrc=0)])


def test_transceivers_are_bounded() -> None:
    peer = make_peer(options=PeerOptions(media=MediaOptions(max_transceivers=2)))
    peer.add_transceiver("audio")
    peer.add_track("audio", "voice")
    peer.add_transceiver("audio")

    with pytest.raises(OperationError):
        peer.add_transceiver("audio")


COMMANDS: dict[str, Callable[[PeerConnection, RtpTransceiver], object]] = {
    "add_transceiver": lambda peer, _: peer.add_transceiver("audio"),
    "add_track": lambda peer, _: peer.add_track("audio", "other"),
    "remove_track": lambda peer, transceiver: peer.remove_track(transceiver.sender),
    "stop": lambda _, transceiver: transceiver.stop(),
    "direction": lambda _, transceiver: setattr(transceiver, "direction", Direction.INACTIVE),
    "set_streams": lambda _, transceiver: transceiver.sender.set_streams(["s"]),
    "set_encodings": lambda _, transceiver: transceiver.sender.set_encodings(transceiver.sender.encodings),
    "set_codec_preferences": lambda _, transceiver: transceiver.set_codec_preferences(()),
    "set_header_extensions": lambda _, transceiver: transceiver.set_header_extensions(transceiver.header_extensions),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_closed_connection_takes_no_commands(name: str) -> None:
    peer = make_peer()
    transceiver = peer.add_transceiver("audio", track_id="voice")
    peer.close(0.0)

    with pytest.raises(StateError):
        COMMANDS[name](peer, transceiver)

    assert peer.transceivers == (transceiver,)
    assert transceiver.direction is Direction.SENDRECV


@pytest.mark.parametrize("name", ["direction", "set_encodings"])
def test_a_stopped_transceiver_cannot_be_changed(name: str) -> None:
    peer = make_peer()
    transceiver = peer.add_transceiver("audio")
    transceiver.stop()
    transceiver.stop()

    with pytest.raises(StateError):
        COMMANDS[name](peer, transceiver)


# --- add_track and remove_track ---


def test_a_track_takes_a_transceiver_that_has_never_sent() -> None:
    peer = make_peer()
    receiving = peer.add_transceiver("audio", direction=Direction.RECVONLY)
    idle = peer.add_transceiver("audio", direction=Direction.INACTIVE)
    peer.add_transceiver("video", direction=Direction.RECVONLY)

    first = peer.add_track("audio", "one", ["s"])
    second = peer.add_track("audio", "two")
    third = peer.add_track("audio", "three")

    assert first is receiving.sender
    assert first.stream_ids == ("s",)
    assert receiving.direction is Direction.SENDRECV
    assert second is idle.sender
    assert idle.direction is Direction.SENDONLY
    assert third.transceiver not in (receiving, idle)
    assert len(peer.transceivers) == 4


def test_a_track_takes_no_transceiver_that_has_sent() -> None:
    talk = Talk()
    sender = talk.left.add_track("audio", "voice")
    talk.negotiate()
    talk.left.remove_track(sender)

    assert talk.left.add_track("audio", "other") is not sender


def test_a_track_is_sent_once() -> None:
    peer = make_peer()
    peer.add_track("audio", "voice")

    with pytest.raises(ArgumentError):
        peer.add_track("audio", "voice")

    assert len(peer.transceivers) == 1


def test_a_track_that_is_removed_is_no_longer_offered() -> None:
    talk = Talk()
    sender = talk.left.add_track("audio", "voice", ["s"])
    talk.negotiate()
    of(talk.left, NegotiationNeeded)

    talk.left.remove_track(sender)
    talk.left.remove_track(sender)

    assert sender.track_id is None
    assert len(of(talk.left, NegotiationNeeded)) == 1
    assert section(talk.left.create_offer()).direction is Direction.RECVONLY


def test_a_sender_is_removed_from_its_own_connection_alone() -> None:
    sender = make_peer("one").add_track("audio", "voice")

    with pytest.raises(ArgumentError):
        make_peer("other").remove_track(sender)

    assert sender.track_id == "voice"


# --- association ---


def test_tracks_wait_for_sections_of_the_peer_and_transceivers_do_not() -> None:
    talk = Talk()
    talk.left.add_transceiver("audio")
    own = talk.right.add_transceiver("audio")
    added = talk.right.add_track("audio", "voice").transceiver
    assert added is own, "it has never sent"
    other = talk.right.add_transceiver("audio")

    talk.negotiate()

    assert added.mid == "0"
    assert added.current_direction is Direction.SENDRECV
    assert other.mid is None
    assert talk.right.negotiation_needed


def test_a_transceiver_that_was_not_added_for_a_track_gets_a_section_by_our_own_offer() -> None:
    talk = Talk()
    talk.left.add_transceiver("audio")
    own = talk.right.add_transceiver("audio")

    talk.negotiate()
    made = [each for each in talk.right.transceivers if each is not own]
    assert own.mid is None
    assert [(each.mid, each.direction) for each in made] == [("0", Direction.RECVONLY)]
    talk.negotiate(talk.right)

    assert own.mid == "1"
    assert [each.mid for each in talk.left.transceivers] == ["0", "1"]


def test_a_section_that_the_peer_only_sends_takes_no_track_of_ours() -> None:
    talk = Talk()
    talk.left.add_transceiver("audio", direction=Direction.SENDONLY)
    sender = talk.right.add_track("audio", "voice")

    talk.negotiate()

    assert sender.transceiver.mid is None
    assert [each.direction for each in talk.right.transceivers] == [Direction.SENDRECV, Direction.RECVONLY]


def test_mids_are_proposed_by_an_offer_and_given_when_it_is_set() -> None:
    peer = make_peer()
    transceiver = peer.add_transceiver("audio")

    offer = peer.create_offer()
    assert transceiver.mid is None
    peer.set_local_description(offer, 0.0)

    assert transceiver.mid == "0"


def test_a_section_without_a_mid_gets_a_name_for_its_transceiver_alone() -> None:
    peer = make_peer()
    offer = vector("chromium-156-offer-call").sdp
    bare = "".join(line for line in offer.splitlines(True) if not line.startswith(("a=mid", "a=group", "a=extmap")))

    peer.set_remote_description(SessionDescription(SdpType.OFFER, bare), 0.0)
    mids = [each.mid for each in peer.transceivers]
    peer.set_local_description(None, 0.0)

    assert None not in mids
    assert len(set(mids)) == 2
    assert [each.mid for each in peer.transceivers] == mids
    assert not any(media.has(Mid) for media in sections(peer.local_description))


# --- directions ---


@pytest.mark.spec("rfc3264:6.1/3", "rfc3264:6.1/4", "rfc3264:6.1/5")
@pytest.mark.parametrize("offered", list(Direction))
@pytest.mark.parametrize("wanted", list(Direction))
def test_directions_are_intersected(offered: Direction, wanted: Direction) -> None:
    talk = Talk()
    transceiver = talk.left.add_transceiver("audio", direction=offered)
    talk.offer()
    other = talk.right.transceivers[0]
    other.direction = wanted

    talk.answer()

    expected = Direction.of(sends=offered.sends and wanted.receives, receives=offered.receives and wanted.sends)
    assert transceiver.current_direction is expected
    assert other.current_direction is expected.reversed
    media = {each.mid: each for each in talk.left.negotiated_media}
    assert (media["0"].sends, media["0"].receives) == (expected.sends, expected.receives)


@pytest.mark.spec("rfc3264:8.4/1")
def test_a_call_is_held_and_resumed() -> None:
    talk = Talk()
    ours = talk.left.add_track("audio", "voice").transceiver
    theirs = talk.right.add_track("audio", "voice").transceiver
    talk.negotiate()

    ours.direction = Direction.SENDONLY
    talk.negotiate()
    held = ours.current_direction, theirs.current_direction, theirs.direction
    ours.direction = Direction.SENDRECV
    talk.negotiate()

    assert held == (Direction.SENDONLY, Direction.RECVONLY, Direction.SENDRECV)
    assert ours.current_direction is Direction.SENDRECV


def test_what_the_peer_does_not_take_is_not_asked_for_again() -> None:
    talk = Talk()
    talk.left.add_transceiver("audio")

    talk.negotiate()

    assert talk.left.transceivers[0].current_direction is Direction.SENDONLY
    assert talk.left.transceivers[0].direction is Direction.SENDRECV
    assert not talk.left.negotiation_needed
    assert not talk.right.negotiation_needed


# --- negotiation needed ---


CHANGES: dict[str, Callable[[PeerConnection], object]] = {
    "a transceiver": lambda peer: peer.add_transceiver("audio"),
    "a track": lambda peer: peer.add_track("audio", "other"),
    "a direction": lambda peer: setattr(peer.transceivers[0], "direction", Direction.RECVONLY),
    "streams": lambda peer: peer.transceivers[0].sender.set_streams(["other"]),
    "an end": lambda peer: peer.transceivers[0].stop(),
    "a track less": lambda peer: peer.remove_track(peer.transceivers[0].sender),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_needs_one_negotiation(name: str) -> None:
    talk = Talk()
    talk.left.add_track("audio", "voice", ["s"])
    talk.right.add_track("audio", "voice", ["s"])
    talk.negotiate()
    of(talk.left, NegotiationNeeded)

    CHANGES[name](talk.left)
    told = len(of(talk.left, NegotiationNeeded))
    needed = talk.left.negotiation_needed
    talk.negotiate()

    assert (told, needed) == (1, True)
    assert not talk.left.negotiation_needed
    assert of(talk.left, NegotiationNeeded) == []


def test_what_needs_no_negotiation() -> None:
    talk = Talk()
    sender = talk.left.add_track("audio", "voice", ["s"])
    talk.right.add_track("audio", "voice", ["s"])
    talk.negotiate()
    of(talk.left, NegotiationNeeded)

    sender.track_id = "replaced"
    sender.set_streams(["s"])
    sender.set_encodings([replace(sender.encodings[0], max_bitrate_bps=1000)])
    talk.left.transceivers[0].receiver.jitter_buffer_target_ms = 50
    talk.left.transceivers[0].direction = Direction.SENDRECV

    assert not talk.left.negotiation_needed
    assert of(talk.left, NegotiationNeeded) == []


def test_a_change_under_negotiation_is_told_afterwards() -> None:
    talk = Talk()
    talk.left.add_track("audio", "voice")
    talk.offer()
    of(talk.left, NegotiationNeeded)

    talk.left.add_track("video", "camera")
    early = of(talk.left, NegotiationNeeded)
    talk.answer()

    assert early == []
    assert len(of(talk.left, NegotiationNeeded)) == 1


# --- stopping ---


@pytest.mark.spec("rfc8829:5.2.2/6")
def test_a_stopped_transceiver_is_offered_with_port_zero_and_then_let_go() -> None:
    talk = Talk()
    for kind in ("audio", "video"):
        talk.left.add_track(kind, kind)
    talk.negotiate()
    first = talk.left.transceivers[0]

    first.stop()
    stopped_here = negotiated(talk.left).keys()
    talk.negotiate()

    assert stopped_here == {"1"}
    media = sections(talk.left.local_description)
    assert [each.port for each in media] == [0, 9]
    assert not media[0].has(Msid)
    assert (first.stopped, first.current_direction) == (True, None)
    assert [each.mid for each in talk.left.transceivers] == ["1"]
    assert [each.mid for each in talk.right.transceivers] == ["1"]
    assert len(of(talk.right, TransceiverStopped)) == 1
    assert of(talk.left, TransceiverStopped) == []


@pytest.mark.spec("rfc8829:5.2.2/5")
def test_a_transceiver_that_is_stopped_before_it_has_a_section_leaves_no_trace() -> None:
    peer = make_peer()
    transceiver = peer.add_transceiver("audio")
    offer = peer.create_offer()

    transceiver.stop()

    assert peer.transceivers == ()
    assert not peer.negotiation_needed
    assert sections(offer) != []
    assert sections(peer.create_offer()) == []


def test_the_answerer_stops_by_rejecting() -> None:
    talk = Talk()
    talk.left.add_track("audio", "a")
    talk.left.add_track("video", "v")
    talk.offer()

    talk.right.transceivers[1].stop()
    talk.answer()

    assert [each.port for each in sections(talk.right.local_description)] == [9, 0]
    assert [each.kind for each in talk.left.transceivers] == ["audio"]
    assert len(of(talk.left, TransceiverStopped)) == 1
    assert not talk.right.negotiation_needed


@pytest.mark.spec("rfc9143:7.3.3/1", "rfc9143:7.3/3")
def test_the_tag_of_a_bundle_in_use_is_stopped_by_an_offer_of_ours() -> None:
    talk = Talk()
    talk.left.add_track("audio", "a")
    talk.left.add_track("video", "v")
    talk.negotiate()

    talk.right.transceivers[0].stop()
    talk.negotiate()
    answered = sections(talk.right.local_description)
    assert talk.right.negotiation_needed
    talk.negotiate(talk.right)

    assert [each.port for each in answered] == [9, 9]
    assert answered[0].direction is Direction.INACTIVE
    assert [each.mid for each in talk.left.transceivers] == ["1"]
    assert [each.mid for each in talk.right.transceivers] == ["1"]
    assert not talk.right.negotiation_needed
    assert [each.id for each in talk.left.transports] == [0]


@pytest.mark.spec("rfc8829:5.2.2/4")
def test_a_rejected_section_is_used_again_under_another_name() -> None:
    talk = Talk()
    talk.left.add_track("audio", "a")
    talk.left.add_track("video", "v")
    talk.negotiate()
    talk.left.transceivers[1].stop()
    talk.negotiate()

    fresh = talk.left.add_transceiver("audio")
    talk.negotiate()

    assert [(str(each.get(Mid)), each.media_type, each.port) for each in sections(talk.left.local_description)] == [
        ("0", "audio", 9),
        ("2", "audio", 9),
    ]
    assert fresh.mid == "2"
    assert [each.mid for each in talk.right.transceivers] == ["0", "2"]


def test_a_section_is_not_used_again_before_both_have_let_it_go() -> None:
    talk = Talk()
    talk.left.add_track("audio", "a")
    talk.left.add_track("video", "v")
    talk.negotiate()
    talk.left.transceivers[1].stop()
    talk.left.add_transceiver("video")

    talk.negotiate()

    assert [each.port for each in sections(talk.left.local_description)] == [9, 0, 9]


# --- rollback ---


@pytest.mark.spec("rfc8829:5.7/3")
def test_a_rollback_takes_the_sections_back() -> None:
    peer = make_peer()
    transceiver = peer.add_transceiver("audio")
    peer.set_local_description(None, 0.0)

    peer.set_local_description(ROLLBACK, 0.0)

    assert transceiver.mid is None
    assert peer.transceivers == (transceiver,)
    assert peer.negotiation_needed


@pytest.mark.spec("rfc8829:5.7/4", "rfc8829:5.7/5")
def test_a_rollback_removes_what_the_offer_of_the_peer_made_unless_a_track_was_added() -> None:
    talk = Talk()
    talk.left.add_transceiver("audio")
    talk.left.add_transceiver("video")
    talk.offer()
    made = talk.right.transceivers
    talk.right.add_track("video", "camera")

    talk.right.set_remote_description(ROLLBACK, 0.0)

    assert [each.stopped for each in made] == [True, False]
    assert talk.right.transceivers == made[1:]
    assert made[1].mid is None
    assert of(talk.right, TransceiverStopped) == []


def test_transceivers_keep_what_the_application_changed_through_a_rollback() -> None:
    peer = make_peer()
    transceiver = peer.add_transceiver("audio")
    peer.set_local_description(None, 0.0)
    transceiver.direction = Direction.SENDONLY
    transceiver.sender.set_streams(["other"])

    peer.set_local_description(ROLLBACK, 0.0)

    assert transceiver.direction is Direction.SENDONLY
    assert transceiver.sender.stream_ids == ("other",)


def test_offers_that_collide_find_their_tracks_a_section() -> None:
    talk = Talk()
    ours = talk.left.add_track("audio", "ours").transceiver
    theirs = talk.right.add_track("audio", "theirs").transceiver
    talk.left.set_local_description(None, 0.0)

    talk.negotiate(talk.right)

    assert (ours.mid, theirs.mid) == ("0", "0")
    assert ours.current_direction is Direction.SENDRECV
    assert not talk.left.negotiation_needed


# --- settings without negotiation ---


def test_encodings_change_at_once_and_only_where_they_may() -> None:
    talk = Talk()
    sender = talk.left.add_track("video", "camera")
    talk.negotiate()
    (encoding,) = sender.encodings

    sender.set_encodings([replace(encoding, max_bitrate_bps=50_000, active=False)])
    with pytest.raises(ModificationError):
        sender.set_encodings([replace(encoding, ssrc=1)])
    with pytest.raises(ModificationError):
        sender.set_encodings([])

    assert sender.parameters is not None
    assert [(each.max_bitrate_bps, each.active) for each in sender.parameters.encodings] == [(50_000, False)]
    assert talk.left.next_timeout() == 0.0


def test_a_receiver_says_what_it_delivers_and_how_long_it_waits() -> None:
    talk = Talk()
    talk.left.add_track("audio", "voice")
    talk.negotiate()
    receiver = talk.right.transceivers[0].receiver

    receiver.jitter_buffer_target_ms = 150
    receiver.deliver = "packets"
    with pytest.raises(ArgumentError):
        receiver.jitter_buffer_target_ms = 5000

    assert receiver.parameters is not None
    assert receiver.parameters.deliver == "packets"
    assert receiver.parameters.jitter.target_delay == 0.15
    assert receiver.jitter_buffer_target_ms == 150


def test_an_empty_offer_makes_no_transceivers() -> None:
    peer = make_peer()

    peer.set_remote_description(describe(), 0.0)
    peer.set_local_description(None, 0.0)

    assert (peer.transceivers, peer.senders, peer.receivers) == ((), (), ())
    assert peer.negotiated_media == ()
    assert sections(peer.local_description) == []
