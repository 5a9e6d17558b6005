"""Offers that are replaced or taken back, and transceivers that end meanwhile (sections 4.4.1.5 and 5.4 of webrtc-pc)."""

import math
from dataclasses import replace

import pytest
from tests.peer.call import AUDIO, call, frame, frames, transceiver
from tests.peer.descriptions import describe, section
from tests.peer.media_sections import media_section
from tests.peer.pair import WALL_CLOCK, make_peer
from tests.peer.talk import Talk, negotiated, of, sections
from tests.support.rng import SeededRng

from rtc_peer import (
    ArgumentError,
    PeerConnection,
    SdpType,
    SessionDescription,
    TrackAdded,
    TrackRemoved,
    TransceiverStopped,
)
from rtc_rtp.parameters import SendEncoding
from rtc_sdp import Direction

ROLLBACK = SessionDescription(SdpType.ROLLBACK)
OFFER = SessionDescription(SdpType.OFFER)


def _text(peer: PeerConnection) -> SessionDescription:
    assert peer.local_description is not None
    return peer.local_description


# --- offers that replace others ---


def test_an_offer_that_replaces_another_may_have_other_sections() -> None:
    talk = Talk()
    sound = talk.left.add_transceiver("audio", stream_ids=["s"])
    talk.offer()
    talk.left.set_local_description(ROLLBACK, 0.0)
    sound.stop()
    talk.left.add_transceiver("video", stream_ids=["t"])
    talk.right.events()

    talk.negotiate()

    assert [each.kind for each in talk.right.transceivers] == ["video"]
    assert [each.kind for each in negotiated(talk.right).values()] == ["video"]
    assert sections(talk.left.current_remote_description)[0].port != 0


def test_an_offer_that_replaces_another_leaves_what_it_does_not_change() -> None:
    talk = Talk()
    talk.left.add_transceiver("audio", stream_ids=["s"])
    talk.offer()
    (before,) = talk.right.transceivers
    before.direction = Direction.SENDRECV
    talk.left.add_transceiver("video")
    talk.right.events()

    talk.negotiate()

    assert talk.right.transceivers[0] is before
    assert before.current_direction is Direction.SENDRECV
    assert [each.transceiver.kind for each in of(talk.right, TrackAdded)] == ["video"]


def test_a_track_finds_its_section_in_the_offer_that_replaces_another() -> None:
    talk = Talk()
    sender = talk.right.add_track("video", "picture")
    sound = talk.left.add_transceiver("audio")
    talk.offer()
    talk.left.set_local_description(ROLLBACK, 0.0)
    sound.stop()
    talk.left.add_transceiver("video")

    talk.negotiate()

    assert [each.sender for each in talk.right.transceivers] == [sender]
    assert sender.transceiver.mid == "0"


# --- rollback ---


def test_a_rollback_keeps_the_settings_of_encodings_that_had_names_before() -> None:
    peer = make_peer()
    video = peer.add_transceiver("video", encodings=[SendEncoding(ssrc=0, rid=rid) for rid in "ab"])
    peer.set_local_description(OFFER, 0.0)
    off = [replace(each, active=False) for each in video.sender.encodings]
    video.sender.set_encodings(off)

    peer.set_local_description(ROLLBACK, 0.0)

    assert list(video.sender.encodings) == off


@pytest.mark.parametrize("by_peer", [True, False], ids=["by the peer", "by the application"])
def test_a_rollback_brings_no_track_back_that_has_ended(by_peer: bool) -> None:
    talk = Talk()
    sent = talk.left.add_transceiver("audio", stream_ids=["s"])
    talk.negotiate()
    (received,) = talk.right.transceivers
    if by_peer:
        sent.stop()
    talk.offer()
    if not by_peer:
        received.stop()
    talk.right.events()

    talk.right.set_remote_description(ROLLBACK, 0.0)

    assert received.stopping
    assert of(talk.right, TrackAdded) == []


def test_a_section_that_an_offer_rejects_ends_at_once_and_for_good() -> None:
    talk = Talk()
    sent = talk.left.add_transceiver("audio", stream_ids=["s"])
    talk.negotiate()
    (received,) = talk.right.transceivers
    talk.right.events()
    sent.stop()

    talk.offer()
    assert [each.transceiver for each in of(talk.right, TransceiverStopped)] == [received]
    talk.right.set_remote_description(ROLLBACK, 0.0)

    assert received.stopped
    assert talk.right.negotiated_media == ()
    # What is left of it is to be said: our own offer rejects the section.
    assert talk.right.negotiation_needed
    talk.right.set_local_description(OFFER, 0.0)
    assert [each.port for each in sections(talk.right.local_description)] == [0]


# --- transceivers that end ---


def test_the_track_of_a_transceiver_that_was_stopped_is_not_announced_again() -> None:
    talk = Talk()
    talk.left.add_transceiver("audio", stream_ids=["s"])
    talk.negotiate()
    (received,) = talk.right.transceivers
    talk.right.events()
    received.stop()

    talk.offer()

    assert of(talk.right, TrackAdded) == []


def test_a_track_leaves_its_streams_when_the_peer_has_let_its_section_go() -> None:
    talk = Talk()
    talk.left.add_transceiver("audio", stream_ids=["s"])
    talk.negotiate()
    (received,) = talk.right.transceivers
    received.stop()
    talk.right.events()

    talk.negotiate(talk.right)

    assert [(each.transceiver, each.stream_ids) for each in of(talk.right, TrackRemoved)] == [(received, ("s",))]


def test_a_track_takes_a_transceiver_again_that_was_promised_but_never_sent() -> None:
    peer = make_peer()
    peer.add_transceiver("audio")
    sender = peer.add_track("audio", "one")
    peer.remove_track(sender)

    assert peer.add_track("audio", "two") is sender
    assert len(peer.transceivers) == 1


# --- media while an offer is under way ---


def test_a_hold_that_is_only_offered_or_taken_back_loses_nothing() -> None:
    it = call([AUDIO])
    talking = transceiver(it.left, AUDIO)
    it.talk(2, kinds=[AUDIO])
    talking.direction = Direction.SENDONLY
    it.offer()

    it.talk(3, start=2, kinds=[AUDIO])
    it.left.machine.set_local_description(ROLLBACK, it.now)
    it.talk(3, start=5, kinds=[AUDIO])

    assert frames(it.left, AUDIO) == [frame(AUDIO, number).data for number in range(8)]


# --- what cannot be ---


def test_the_peer_cannot_ask_for_several_encodings_of_sound() -> None:
    peer = make_peer()
    offer = describe(
        section(
            "rtcp-mux",
            "rtpmap:111 opus/48000/2",
            "sendrecv",
            "rid:a recv",
            "rid:b recv",
            "simulcast:recv a;b",
            media="audio",
            protocol="UDP/TLS/RTP/SAVPF",
            fmt="111",
        )
    )
    sender = peer.add_track("audio", "voice")

    peer.set_remote_description(offer, 0.0)
    peer.set_local_description(None, 0.0)

    assert len(sender.encodings) == 1


@pytest.mark.parametrize(
    "encoding",
    [SendEncoding(ssrc=0, scale_resolution_down_by=math.nan), SendEncoding(ssrc=0, max_framerate=math.nan)],
    ids=["scale", "rate"],
)
def test_what_is_no_number_is_no_setting(encoding: SendEncoding) -> None:
    peer = make_peer()

    with pytest.raises(ArgumentError):
        peer.add_transceiver("video", encodings=[encoding])


# --- SSRCs ---


@pytest.mark.spec("rfc5576:5/3", "rfc5576:5/9", "rfc5576:5/10", "rfc5576:8/2")
def test_no_ssrc_is_drawn_that_anybody_has_had() -> None:
    drawn: list[int] = []
    rng = SeededRng("numbers")
    peer = PeerConnection(
        rng=lambda length: drawn.pop(0).to_bytes(4, "big") if drawn and length == 4 else rng(length),
        wall_clock=WALL_CLOCK,
    )
    theirs = media_section("ssrc:7 cname:x", "rtpmap:111 opus/48000/2", fmt="111", mid="0")
    for version, lines in ((1, theirs), (2, [line for line in theirs if "ssrc" not in line])):
        peer.set_remote_description(describe(lines, version=version), 0.0)
        peer.set_local_description(None, 0.0)
    drawn += [8]
    former = peer.add_transceiver("audio")
    former.stop()
    peer.set_local_description(None, 0.0)

    drawn += [0, 7, 8, 9]
    fresh = peer.add_transceiver("audio")

    assert former.sender.encodings[0].ssrc == 8
    assert fresh.sender.encodings[0].ssrc == 9
    assert drawn == []


@pytest.mark.spec("rfc5576:5/6")
@pytest.mark.spec("rfc8834:4.8/5")
def test_an_ssrc_that_the_peer_has_signalled_is_given_up() -> None:
    talk = Talk()
    sender = talk.left.add_track("audio", "voice")
    ssrc = sender.encodings[0].ssrc
    talk.left.set_local_description(OFFER, 0.0)
    talk.right.add_track("audio", "other")
    talk.right.set_remote_description(_text(talk.left), 0.0)
    talk.right.set_local_description(None, 0.0)
    answer = _text(talk.right)
    theirs = str(talk.right.senders[0].encodings[0].ssrc)
    assert theirs in answer.sdp

    talk.left.set_remote_description(SessionDescription(SdpType.ANSWER, answer.sdp.replace(theirs, str(ssrc))), 0.0)

    assert sender.encodings[0].ssrc != ssrc
    assert sender.parameters is not None
    assert sender.parameters.encodings[0].ssrc == sender.encodings[0].ssrc
