"""Media between two connections over real sockets: raw with a codec that is none, encoded, and as packets."""

import asyncio
import gc
import threading
import time
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from rtc_asyncio import (
    EncodedFrameTrack,
    MediaStreamError,
    MediaStreamTrack,
    RTCAudioSourceStats,
    RTCInboundRtpStreamStats,
    RTCOutboundRtpStreamStats,
    RTCPeerConnection,
    RTCRtpReceiver,
    RTCVideoSourceStats,
    RtpPacketTrack,
)
from rtc_asyncio.tracks import MediaKind
from rtc_asyncio.udp import UdpSocket
from rtc_rtp import EncodedFrame

from .fake_codec import DELTA_FRAME, KEY_FRAME, FakeCodecs, Picture, Sound
from .party import negotiate

Pair = tuple[RTCPeerConnection, RTCPeerConnection]


class Camera(MediaStreamTrack):
    """Numbers its pictures, one every ten milliseconds."""

    kind: MediaKind = "video"

    def __init__(self, first: int = 0) -> None:
        super().__init__()
        self.number = first

    async def recv(self) -> Picture:
        if self.readyState == "ended":
            raise MediaStreamError("off")
        await asyncio.sleep(0.01)
        self.number += 1
        return Picture(self.number, 900 * self.number)


class Microphone(MediaStreamTrack):
    """Numbers its sounds, one every twenty milliseconds."""

    kind: MediaKind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self.number = 0

    async def recv(self) -> Sound:
        if self.readyState == "ended":
            raise MediaStreamError("off")
        await asyncio.sleep(0.02)
        self.number += 1
        return Sound(self.number, 960 * self.number)


def picture(number: int, *, key: bool) -> EncodedFrame:
    head = KEY_FRAME + b"\x80\x02\xe0\x01" if key else DELTA_FRAME + bytes(4)
    return EncodedFrame(head + number.to_bytes(4, "big") + b"\0", 3000 * number, key, mime_type="video/VP8")


@pytest.fixture
async def coded() -> AsyncIterator[Pair]:
    """Two connections with the codec that is none."""
    left = RTCPeerConnection(hosts=["127.0.0.1"], codecs=FakeCodecs())
    right = RTCPeerConnection(hosts=["127.0.0.1"], codecs=FakeCodecs())
    async with left, right:
        yield left, right
    await settled()


async def settled() -> None:
    """Wait until no task and no thread of the connections is left."""
    async with asyncio.timeout(30):
        while True:
            tasks = [
                each
                for each in asyncio.all_tasks()
                if each is not asyncio.current_task() and "fixture" not in repr(each)
            ]
            threads = [each for each in threading.enumerate() if each.name.startswith("rtc-")]
            if not tasks and not threads:
                return
            await asyncio.sleep(0.01)


async def until(condition: Callable[[], bool] | Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(30):
        while True:
            result = condition()
            if result is True or (isinstance(result, Awaitable) and await result):
                return
            await asyncio.sleep(0.01)


async def connected(pair: Pair) -> RTCRtpReceiver:
    """Negotiate, and give the first receiver of the other side."""
    await negotiate(*pair)
    async with asyncio.timeout(30):
        await asyncio.gather(pair[0].wait_for("connected"), pair[1].wait_for("connected"))
    return pair[1].getReceivers()[0]


async def numbers(track: MediaStreamTrack, count: int) -> list[int]:
    async with asyncio.timeout(30):
        frames = [await track.recv() for _ in range(count)]
    return [frame.number for frame in frames if isinstance(frame, Picture | Sound)]


async def test_pictures_arrive_in_order_and_the_track_is_unmuted(coded: Pair) -> None:
    coded[0].addTrack(Camera())
    receiver = await connected(coded)
    seen = await numbers(receiver.track, 20)

    assert seen == sorted(seen)
    assert not receiver.track.muted
    assert receiver.track.getSettings() == {"width": 640, "height": 480}


async def test_sound_arrives_without_a_gap(coded: Pair) -> None:
    coded[0].addTrack(Microphone())
    receiver = await connected(coded)
    seen = await numbers(receiver.track, 20)

    assert seen == list(range(seen[0], seen[0] + 20))
    source = receiver.getSynchronizationSources()[0]
    assert source.audioLevel == pytest.approx(0.1)
    assert abs(source.timestamp - time.time() * 1000) < 5000
    assert receiver.getContributingSources() == []


async def test_only_codecs_of_the_package_are_negotiated(coded: Pair) -> None:
    coded[0].addTransceiver("video")
    coded[0].addTransceiver("audio")
    await negotiate(*coded)
    sender = coded[0].getSenders()[0]

    assert {each.mimeType for each in sender.getParameters().codecs} == {"video/VP8", "video/rtx"}


async def test_statistics_tell_what_was_encoded_and_decoded(coded: Pair) -> None:
    coded[0].addTrack(Camera())
    coded[0].addTrack(Microphone())
    receiver = await connected(coded)
    await numbers(receiver.track, 20)
    await numbers(coded[1].getReceivers()[1].track, 5)
    ours, theirs = await coded[0].getStats(), await coded[1].getStats()
    sent = {each.kind: each for each in ours.values() if isinstance(each, RTCOutboundRtpStreamStats)}
    received = {each.kind: each for each in theirs.values() if isinstance(each, RTCInboundRtpStreamStats)}

    assert (sent["video"].framesEncoded or 0) >= 20
    assert sent["video"].keyFramesEncoded
    assert isinstance(sent["video"].qpSum, int)
    assert isinstance(received["video"].qpSum, int)
    assert (sent["audio"].qpSum, received["audio"].qpSum) == (None, None)
    assert sent["video"].encoderImplementation == received["video"].decoderImplementation == "fake"
    assert (sent["video"].frameWidth, received["video"].frameHeight) == (640, 480)
    assert (received["video"].framesDecoded or 0) >= 20
    assert received["video"].keyFramesDecoded == 1
    assert received["video"].trackIdentifier == receiver.track.id
    assert (received["audio"].totalSamplesReceived or 0) >= 5 * 960
    assert received["audio"].framesDecoded is None
    assert sent["audio"].framesEncoded is None
    assert (sent["audio"].encodingIndex, sent["audio"].totalEncodedBytesTarget) == (None, None)
    emitted = received["audio"].jitterBufferEmittedCount
    assert emitted
    assert emitted % 960 == 0, "samples, of which a packet has so many"
    source = next(each for each in ours.values() if isinstance(each, RTCAudioSourceStats))
    assert (source.audioLevel, received["audio"].audioLevel) == (0.1, 0.1)
    assert source.totalSamplesDuration
    assert source.totalAudioEnergy == pytest.approx(0.01 * source.totalSamplesDuration)
    assert received["audio"].totalAudioEnergy == pytest.approx(0.01 * (received["audio"].totalSamplesDuration or 0))
    concealed = received["audio"].concealmentEvents or 0
    assert concealed >= 5
    assert (received["audio"].concealedSamples, received["audio"].silentConcealedSamples) == (
        960 * concealed,
        480 * concealed,
    )
    assert received["audio"].removedSamplesForAcceleration == 0
    assert received["video"].concealmentEvents is None
    assert sum((sent["video"].qualityLimitationDurations or {}).values()) > 0
    assert ours[sent["video"].codecId or ""].toJSON()["mimeType"] == "video/VP8"
    assert ours[sent["video"].mediaSourceId or ""].toJSON()["frames"]


async def test_a_lost_picture_is_asked_for_again_as_a_key_frame(coded: Pair) -> None:
    coded[0].addTrack(Camera())
    receiver = await connected(coded)
    await numbers(
        receiver.track, 15
    )  # so long that nobody takes the request for one of those that the first key frame answered
    receiver.requestKeyFrame()

    async def answered() -> bool:
        report = await receiver.getStats()
        return any(
            isinstance(each, RTCInboundRtpStreamStats) and each.keyFramesDecoded == 2 for each in report.values()
        )

    reader = receiver.track.subscribe()
    await until(answered)
    reader.close()


async def test_a_replaced_track_needs_no_negotiation(coded: Pair) -> None:
    sender = coded[0].addTrack(Camera())
    asked: list[object] = []
    receiver = await connected(coded)
    coded[0].onnegotiationneeded = asked.append
    await numbers(receiver.track, 30)
    before = [each for each in (await sender.getStats()).values() if isinstance(each, RTCVideoSourceStats)]
    other_track = Camera(10_000)
    await sender.replaceTrack(other_track)
    after = [each for each in (await sender.getStats()).values() if isinstance(each, RTCVideoSourceStats)]
    assert [(each.trackIdentifier, each.width) for each in after] == [(other_track.id, None)]
    assert (before[0].frames or 0) >= 30
    assert after[0].frames == 0, "another track is another source, and counted from its own beginning"
    assert after[0].id != before[0].id

    async def other() -> bool:
        return (await numbers(receiver.track, 1))[0] > 10_000

    await until(other)
    assert asked == []


async def test_no_track_means_nothing_is_sent_and_a_new_one_goes_on(coded: Pair) -> None:
    sender = coded[0].addTrack(Camera())
    receiver = await connected(coded)
    await numbers(receiver.track, 3)
    await sender.replaceTrack(None)
    reader = receiver.frames()
    await asyncio.sleep(0.1)
    reader.take_all()
    await asyncio.sleep(0.1)
    assert reader.take_all() == []
    await sender.replaceTrack(Camera(500))
    async with asyncio.timeout(30):
        await reader.get()


async def test_a_disabled_track_is_black_on_the_other_side(coded: Pair) -> None:
    camera = Camera()
    coded[0].addTrack(camera)
    receiver = await connected(coded)
    await numbers(receiver.track, 3)
    camera.enabled = False

    async def black() -> bool:
        frame = await receiver.track.recv()
        return isinstance(frame, Picture) and frame.black

    await until(black)


async def test_hold_and_resume(coded: Pair) -> None:
    coded[0].addTrack(Camera())
    receiver = await connected(coded)
    await numbers(receiver.track, 3)
    events: list[str] = []
    receiver.track.onmute = lambda event: events.append("mute")
    receiver.track.onunmute = lambda event: events.append("unmute")
    transceiver = coded[0].getTransceivers()[0]
    transceiver.direction = "inactive"
    await negotiate(*coded)
    await asyncio.sleep(0.1)
    assert events == ["mute"]
    transceiver.direction = "sendonly"
    await negotiate(*coded)
    await until(lambda: events == ["mute", "unmute"])
    assert len(await numbers(receiver.track, 5)) == 5


async def test_simulcast_sends_each_encoding(coded: Pair) -> None:
    coded[0].addTransceiver(Camera(), sendEncodings=[{"rid": "q"}, {"rid": "f"}])
    assert coded[0].localDescription is None
    await coded[0].setLocalDescription()
    assert coded[0].localDescription is not None
    assert "a=simulcast:send q;f" in coded[0].localDescription.sdp
    await coded[1].setRemoteDescription(coded[0].localDescription)
    await coded[1].setLocalDescription()
    assert coded[1].localDescription is not None
    await coded[0].setRemoteDescription(coded[1].localDescription)
    await coded[0].wait_for("connected")
    rids: set[str | None] = set()
    async with asyncio.timeout(30):
        async for frame in coded[1].getReceivers()[0].frames():
            rids.add(frame.rid)
            if rids == {"q", "f"}:
                break
    report = await coded[0].getStats()
    sent = {each.rid: each for each in report.values() if isinstance(each, RTCOutboundRtpStreamStats)}

    assert all(sent[rid].framesEncoded for rid in "qf")


async def test_encoded_frames_need_no_codec(pair: Pair) -> None:
    requests: list[int] = []
    track = EncodedFrameTrack("video", on_key_frame_request=lambda: requests.append(1))
    pair[0].addTrack(track)
    receiver = await connected(pair)
    reader = receiver.frames()
    for number in range(10):
        await track.put(picture(number, key=number == 0))
        await asyncio.sleep(0.005)
    async with asyncio.timeout(30):
        frames = [await reader.get() for _ in range(10)]

    assert [frame.data for frame in frames] == [picture(number, key=number == 0).data for number in range(10)]
    assert [frame.keyframe for frame in frames] == [True] + [False] * 9
    assert {(frames[n + 1].timestamp - frames[n].timestamp) % 2**32 for n in range(9)} == {3000}
    await asyncio.sleep(0.1)  # so long that nobody takes the request for one that the first key frame answered
    requests.clear()
    receiver.requestKeyFrame()
    await until(lambda: requests != [])


async def test_packets_pass_from_one_connection_to_the_next(pair: Pair) -> None:
    async with RTCPeerConnection(hosts=["127.0.0.1"], codecs=None) as last:
        track = EncodedFrameTrack("video")
        pair[0].addTrack(track)
        receiver = await connected(pair)
        forwarded = RtpPacketTrack("video", codecs=receiver.codecs, extension_map=receiver.extension_map)
        async with RTCPeerConnection(hosts=["127.0.0.1"], codecs=None) as forwarder:
            forwarder.addTrack(forwarded)
            await negotiate(forwarder, last)
            await forwarder.wait_for("connected")
            await last.wait_for("connected")
            reader = last.getReceivers()[0].frames()

            async def forward() -> None:
                async for packet in receiver.packets():
                    await forwarded.put(packet)

            forwarding = asyncio.ensure_future(forward())
            await asyncio.sleep(0.05)
            for number in range(10):
                await track.put(picture(number, key=number == 0))
                await asyncio.sleep(0.005)
            async with asyncio.timeout(30):
                frames = [await reader.get() for _ in range(10)]
            forwarding.cancel()

    assert [frame.data for frame in frames] == [picture(number, key=number == 0).data for number in range(10)]


async def test_tones_are_heard(pair: Pair) -> None:
    sender = pair[0].addTrack(EncodedFrameTrack("audio"))
    receiver = await connected(pair)
    dtmf = sender.dtmf
    assert dtmf is not None
    await until(lambda: dtmf.canInsertDTMF)
    played: list[str] = []
    dtmf.on("tonechange")(played.append)
    reader = receiver.tones()
    dtmf.insertDTMF("1#", 50, 30)
    await until(lambda: played == ["1", "#", ""])
    heard = [tone.code for tone in reader.take_all() if tone.ended]

    assert heard == [1, 11]


async def test_one_track_goes_to_several_connections(pair: Pair) -> None:
    async with (
        RTCPeerConnection(hosts=["127.0.0.1"], codecs=None) as second,
        RTCPeerConnection(hosts=["127.0.0.1"], codecs=None) as viewer,
    ):
        track = EncodedFrameTrack("video")
        pair[0].addTrack(track)
        second.addTrack(track)
        receivers = [await connected(pair), await connected((second, viewer))]
        readers = [receiver.frames() for receiver in receivers]
        await track.put(picture(1, key=True))
        async with asyncio.timeout(30):
            frames = [await reader.get() for reader in readers]

    assert [frame.data for frame in frames] == [picture(1, key=True).data] * 2


async def test_stopping_ends_what_the_other_side_reads(coded: Pair) -> None:
    coded[0].addTrack(Camera())
    receiver = await connected(coded)
    reader = receiver.frames()
    await numbers(receiver.track, 3)
    coded[0].getTransceivers()[0].stop()
    await negotiate(*coded)

    async with asyncio.timeout(30):
        async for _ in reader:
            pass
        with pytest.raises(MediaStreamError):
            while True:
                await receiver.track.recv()


async def test_closing_leaves_nothing_behind() -> None:
    left = RTCPeerConnection(hosts=["127.0.0.1"], codecs=FakeCodecs())
    right = RTCPeerConnection(hosts=["127.0.0.1"], codecs=FakeCodecs())
    camera = Camera()
    left.addTrack(camera)
    right.addTrack(Microphone())
    receiver = await connected((left, right))
    reading = asyncio.ensure_future(numbers(receiver.track, 1_000_000))
    await asyncio.sleep(0.1)
    await left.close()
    await right.close()
    with pytest.raises(MediaStreamError):
        await reading
    del receiver, reading
    await settled()

    references = [weakref.ref(left), weakref.ref(right)]
    del left, right
    async with asyncio.timeout(30):
        while any(reference() for reference in references):
            await asyncio.sleep(0.001)
            gc.collect()


@pytest.mark.spec("rfc8835:4.2/1", "rfc8837:5/3")
async def test_packets_are_marked_as_their_sender_asks(coded: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    marks: list[int] = []
    mark = UdpSocket._mark

    def spy(udp: UdpSocket, dscp: int) -> None:
        marks.append(dscp)
        mark(udp, dscp)

    monkeypatch.setattr(UdpSocket, "_mark", spy)
    left, right = coded
    sender = left.addTrack(Camera())
    await negotiate(left, right)
    (receiver,) = right.getReceivers()
    await receiver.track.recv()
    assert marks == []

    for encoding, code in (
        ({"priority": "high"}, 34),
        ({"priority": "high", "networkPriority": "very-low"}, 1),
        ({"priority": "medium", "networkPriority": "low"}, 0),
    ):
        parameters = sender.getParameters()
        for name, value in ({"networkPriority": None} | encoding).items():
            setattr(parameters.encodings[0], name, value)
        await sender.setParameters(parameters)
        async with asyncio.timeout(10):
            while marks[-1:] != [code]:
                await receiver.track.recv()
