"""The part of `RTCPeerConnection` that is for media: what its algorithms say, apart from media that flow."""

import asyncio
from typing import Any

import pytest

from rtc_asyncio import (
    InvalidAccessError,
    InvalidStateError,
    MediaStream,
    MediaStreamError,
    RTCPeerConnection,
    RTCRtpReceiver,
    RTCRtpSender,
    RTCTrackEvent,
)

from .media_tracks import Pair, audio, video
from .party import negotiate


def tracks_of(pc: RTCPeerConnection) -> list[RTCTrackEvent]:
    events: list[RTCTrackEvent] = []
    pc.ontrack = events.append
    return events


# --- addTrack and removeTrack ---


async def test_a_track_makes_a_transceiver_that_sends_and_receives(pair: Pair) -> None:
    track, stream = video(), MediaStream()
    sender = pair[0].addTrack(track, stream)
    transceiver = pair[0].getTransceivers()[0]

    assert (sender.track, sender.transport, sender.dtmf) == (track, None, None)
    assert (transceiver.sender, transceiver.direction, transceiver.currentDirection) == (sender, "sendrecv", None)
    assert transceiver.mid is None
    assert pair[0].getSenders() == [sender]
    assert pair[0].getReceivers() == [transceiver.receiver]
    assert transceiver.receiver.track.kind == "video"
    assert transceiver.receiver.track.muted
    assert transceiver.receiver.track.label == "remote video"


async def test_a_track_is_sent_once(pair: Pair) -> None:
    track = video()
    pair[0].addTrack(track)

    with pytest.raises(InvalidAccessError):
        pair[0].addTrack(track)
    assert len(pair[0].getSenders()) == 1


async def test_a_transceiver_that_never_sent_is_used_for_a_track(pair: Pair) -> None:
    transceiver = pair[0].addTransceiver("video", direction="recvonly")
    sender = pair[0].addTrack(video())
    another = pair[0].addTrack(audio())

    assert transceiver.sender is sender
    assert transceiver.direction == "sendrecv"
    assert another is not sender


async def test_a_removed_track_leaves_a_transceiver_that_may_receive(pair: Pair) -> None:
    track = video()
    sender = pair[0].addTrack(track)
    pair[0].removeTrack(sender)
    pair[0].removeTrack(sender)

    assert sender.track is None
    assert pair[0].getTransceivers()[0].direction == "recvonly"
    assert pair[0].addTrack(track) is not None


async def test_a_sender_of_another_connection_cannot_be_removed(pair: Pair) -> None:
    sender = pair[1].addTrack(video())

    with pytest.raises(InvalidAccessError):
        pair[0].removeTrack(sender)
    assert sender.track is not None


async def test_nothing_is_added_to_a_closed_connection(pair: Pair) -> None:
    sender = pair[0].addTrack(video())
    transceiver = pair[0].addTransceiver("audio")
    await pair[0].close()

    with pytest.raises(InvalidStateError):
        pair[0].addTrack(video())
    with pytest.raises(InvalidStateError):
        pair[0].removeTrack(sender)
    with pytest.raises(InvalidStateError):
        pair[0].addTransceiver("video")
    with pytest.raises(InvalidStateError):
        sender.setStreams()
    with pytest.raises(InvalidStateError):
        await sender.replaceTrack(None)
    with pytest.raises(InvalidStateError):
        transceiver.stop()
    assert (transceiver.direction, transceiver.currentDirection) == ("stopped", "stopped")
    assert pair[0].getSenders() == []


async def test_arguments_are_looked_at_in_the_order_of_the_specification(pair: Pair) -> None:
    """Types first, then whether the connection is closed, then what the encodings say."""
    sender = pair[0].addTrack(video())
    parameters = sender.getParameters()
    await pair[0].close()

    with pytest.raises(TypeError):
        pair[0].addTransceiver("smell")  # type: ignore[arg-type]  # what is refused
    with pytest.raises(InvalidStateError):
        pair[0].addTransceiver("video", sendEncodings=[{"scaleResolutionDownBy": 0.5}])
    with pytest.raises(InvalidStateError):
        await sender.setParameters(parameters)


async def test_what_is_no_track_stream_or_sender_is_a_type_error(pair: Pair) -> None:
    sender = pair[0].addTrack(video())
    wrong: list[Any] = ["x", None, object(), pair[0].getTransceivers()[0]]

    for each in wrong:
        with pytest.raises(TypeError):
            pair[0].addTrack(each)
        with pytest.raises(TypeError):
            pair[0].addTrack(audio(), each)
        with pytest.raises(TypeError):
            pair[0].addTransceiver("audio", streams=[each])
        with pytest.raises(TypeError):
            pair[0].removeTrack(each)
        with pytest.raises(TypeError):
            sender.setStreams(each)
        if each is not None:
            with pytest.raises(TypeError):
                await sender.replaceTrack(each)
    assert pair[0].getSenders() == [sender]


async def test_a_connection_that_never_had_media_has_none_when_closed(pair: Pair) -> None:
    await pair[0].close()

    assert not pair[0].getTransceivers()
    assert not pair[0].getSenders()
    assert not pair[0].getReceivers()


# --- addTransceiver ---


@pytest.mark.parametrize("kind", ["smell", "", None])
async def test_there_are_two_kinds(pair: Pair, kind: object) -> None:
    with pytest.raises(TypeError):
        pair[0].addTransceiver(kind)  # type: ignore[arg-type]  # what is refused
    assert pair[0].getTransceivers() == []


@pytest.mark.parametrize("direction", ["stopped", "both"])
async def test_a_transceiver_begins_with_a_direction(pair: Pair, direction: str) -> None:
    with pytest.raises(TypeError):
        pair[0].addTransceiver("video", {"direction": direction})
    assert pair[0].getTransceivers() == []


async def test_encodings_are_those_asked_for(pair: Pair) -> None:
    rids = [{"rid": "q", "maxBitrate": 100_000}, {"rid": "h", "active": False}, {"rid": "f", "priority": "high"}]
    transceiver = pair[0].addTransceiver("video", {"sendEncodings": rids})
    encodings = transceiver.sender.getParameters().encodings

    assert [each.rid for each in encodings] == ["q", "h", "f"]
    assert [each.scaleResolutionDownBy for each in encodings] == [4.0, 2.0, 1.0]
    assert [each.active for each in encodings] == [True, False, True]
    assert (encodings[0].maxBitrate, encodings[2].priority) == (100_000, "high")


async def test_adding_asks_for_a_negotiation(pair: Pair) -> None:
    asked: list[object] = []
    pair[0].onnegotiationneeded = asked.append
    pair[0].addTransceiver("video")
    pair[0].addTransceiver("audio")
    await asyncio.sleep(0.01)

    assert len(asked) == 1


# --- what the other side sees ---


async def test_the_other_side_gets_a_track_in_the_same_streams(pair: Pair) -> None:
    stream, both = MediaStream(), MediaStream()
    pair[0].addTrack(audio(), stream, both)
    pair[0].addTrack(video(), both)
    events = tracks_of(pair[1])
    plain: list[object] = []
    pair[1].on("track")(plain.append)
    await negotiate(*pair)

    assert [event.track.kind for event in events] == ["audio", "video"]
    assert [[each.id for each in event.streams] for event in events] == [[stream.id, both.id], [both.id]]
    assert events[0].streams[1] is events[1].streams[0]
    assert events[1].streams[0].getTracks() == [event.track for event in events]
    assert plain == [event.track for event in events]
    assert [event.receiver for event in events] == pair[1].getReceivers()
    assert [event.transceiver for event in events] == pair[1].getTransceivers()
    assert [each.direction for each in pair[1].getTransceivers()] == ["recvonly", "recvonly"]
    assert [each.currentDirection for each in pair[0].getTransceivers()] == ["sendonly", "sendonly"]
    assert [each.mid for each in pair[0].getTransceivers()] == [each.mid for each in pair[1].getTransceivers()]


async def test_all_tracks_are_in_their_streams_before_the_first_is_told(pair: Pair) -> None:
    stream = MediaStream()
    for track in (audio(), video()):
        pair[0].addTrack(track, stream)
    seen: list[object] = []

    def told(event: RTCTrackEvent) -> None:
        seen.append((pair[1].signalingState, len(event.streams[0].getTracks())))

    pair[1].ontrack = told
    pair[1].onsignalingstatechange = lambda event: seen.append("signalingstatechange")
    await pair[0].setLocalDescription()
    await pair[1].setRemoteDescription(pair[0].localDescription)

    assert seen == ["signalingstatechange", ("have-remote-offer", 2), ("have-remote-offer", 2)]


async def test_a_description_that_a_handler_sets_brings_its_tracks_too(pair: Pair) -> None:
    pair[0].addTrack(video())
    events = tracks_of(pair[1])
    await pair[0].setLocalDescription()
    offer = pair[0].localDescription

    @pair[1].on("signalingstatechange")
    async def _() -> None:
        if pair[1].signalingState == "stable" and pair[1].currentRemoteDescription is None:
            await pair[1].setRemoteDescription(offer)

    pair[1].addTransceiver("audio")
    await pair[1].setLocalDescription()
    await pair[1].setLocalDescription({"type": "rollback"})
    await asyncio.sleep(0.01)

    assert [event.track.kind for event in events] == ["video"]


async def test_both_sides_send_in_one_section(pair: Pair) -> None:
    pair[0].addTrack(video())
    pair[1].addTrack(video())
    seen = tracks_of(pair[0]), tracks_of(pair[1])
    await negotiate(*pair)

    assert [len(events) for events in seen] == [1, 1]
    assert [each.currentDirection for each in pair[0].getTransceivers()] == ["sendrecv"]
    assert [each.currentDirection for each in pair[1].getTransceivers()] == ["sendrecv"]


async def test_removing_a_track_takes_it_out_of_its_streams(pair: Pair) -> None:
    sender = pair[0].addTrack(video(), MediaStream())
    events = tracks_of(pair[1])
    await negotiate(*pair)
    stream, track = events[0].streams[0], events[0].track
    gone: list[object] = []
    stream.on("removetrack")(gone.append)
    pair[0].removeTrack(sender)
    await negotiate(*pair)

    assert gone == [track]
    assert stream.getTracks() == []
    assert track.muted
    assert track.readyState == "live"
    assert pair[1].getTransceivers()[0].currentDirection == "inactive"


async def test_streams_can_be_changed(pair: Pair) -> None:
    sender = pair[0].addTrack(video(), MediaStream())
    events = tracks_of(pair[1])
    await negotiate(*pair)
    first, another = events[0].streams[0], MediaStream()
    sender.setStreams(another)
    await negotiate(*pair)

    assert first.getTracks() == []
    assert [each.id for each in events[1].streams] == [another.id]
    assert events[1].track is events[0].track


async def test_a_stopped_transceiver_ends_its_tracks_on_both_sides(pair: Pair) -> None:
    pair[0].addTrack(video(), MediaStream())
    events = tracks_of(pair[1])
    await negotiate(*pair)
    ours, theirs = pair[0].getTransceivers()[0], pair[1].getTransceivers()[0]
    told: list[object] = []
    ours.receiver.track.onended = told.append
    events[0].track.onended = told.append
    ours.stop()
    ours.stop()
    assert (ours.direction, ours.currentDirection, ours.stopped) == ("stopped", "sendonly", False)
    with pytest.raises(InvalidStateError):
        ours.direction = "sendonly"
    with pytest.raises(InvalidStateError):
        await ours.sender.replaceTrack(None)
    await negotiate(*pair)

    assert len(told) == 2
    assert (ours.currentDirection, theirs.currentDirection) == ("stopped", "stopped")
    assert pair[0].getTransceivers() == pair[1].getTransceivers() == []


async def test_closing_ends_tracks_without_a_word(pair: Pair) -> None:
    pair[0].addTrack(video())
    events = tracks_of(pair[1])
    await negotiate(*pair)
    track = events[0].track
    told: list[str] = []
    track.onended = lambda event: told.append("web")
    track.on("ended")(lambda: told.append("person"))
    await pair[1].close()

    assert told == ["person"]
    assert track.readyState == "ended"


async def test_a_rollback_takes_away_what_the_offer_brought(pair: Pair) -> None:
    pair[0].addTrack(video())
    events = tracks_of(pair[1])
    await pair[0].setLocalDescription()
    await pair[1].setRemoteDescription(pair[0].localDescription)
    assert len(pair[1].getTransceivers()) == 1
    reading = asyncio.ensure_future(events[0].track.recv())
    await asyncio.sleep(0)
    await pair[1].setRemoteDescription({"type": "rollback"})

    assert pair[1].getTransceivers() == []
    with pytest.raises(MediaStreamError):
        await reading


# --- legacy ---


@pytest.mark.parametrize("kind", ["audio", "video"])
async def test_an_offer_to_receive_adds_a_transceiver_once(pair: Pair, kind: str) -> None:
    option = {f"offerToReceive{kind.capitalize()}": True}
    await pair[0].createOffer(option)
    await pair[0].createOffer(option)

    assert [(each.kind, each.direction) for each in pair[0].getTransceivers()] == [(kind, "recvonly")]
    await pair[0].createOffer({f"offerToReceive{kind.capitalize()}": False})
    assert pair[0].getTransceivers()[0].direction == "inactive"


async def test_capabilities_are_static() -> None:
    assert RTCRtpSender.getCapabilities("video") is not None
    assert RTCRtpReceiver.getCapabilities("nothing") is None
