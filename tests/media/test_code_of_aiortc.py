"""Programs as they are written for aiortc, with other imports: its server and its client of the examples, shortened."""

import asyncio
import math
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av import VideoFrame

from rtc_asyncio import (
    MediaStreamTrack,
    RTCDataChannel,
    RTCPeerConnection,
    RTCRtpSender,
    RTCSessionDescription,
    VideoStreamTrack,
)
from rtc_asyncio import codecs as codecs_module
from rtc_asyncio.tracks import MediaKind
from rtc_media import LibavCodecs, MediaBlackhole, MediaPlayer, MediaRecorder, MediaRelay, ToneTrack

pcs: set[RTCPeerConnection] = set()
relay = MediaRelay()


class VideoTransformTrack(MediaStreamTrack):
    """Turns pictures upside down."""

    kind: MediaKind = "video"

    def __init__(self, track: MediaStreamTrack) -> None:
        super().__init__()
        self.track = track

    async def recv(self) -> VideoFrame:
        frame: Any = await self.track.recv()
        img = frame.to_ndarray(format="bgr24")[::-1]
        new_frame = VideoFrame.from_ndarray(np.ascontiguousarray(img), format="bgr24")
        new_frame.pts = frame.pts
        new_frame.time_base = frame.time_base
        return new_frame


class FlagVideoStreamTrack(VideoStreamTrack):
    """Red above, blue below."""

    def __init__(self) -> None:
        super().__init__()
        self.counter = 0
        self.image = np.zeros((240, 320, 3), dtype=np.uint8)
        self.image[:120, :, 2] = 255
        self.image[120:, :, 0] = 255

    async def recv(self) -> VideoFrame:
        pts, time_base = await self.next_timestamp()
        frame = VideoFrame.from_ndarray(np.roll(self.image, int(3 * math.sin(self.counter)), 1), format="bgr24")
        frame.pts = pts
        frame.time_base = time_base
        self.counter += 1
        return frame


async def server(params: dict[str, str], file: Path) -> dict[str, str]:
    """What the example does for each offer."""
    offer = RTCSessionDescription(sdp=params["sdp"], type="offer")
    pc = RTCPeerConnection()
    pcs.add(pc)
    recorder = MediaRecorder(str(file))

    @pc.on("datachannel")
    def on_datachannel(channel: RTCDataChannel) -> None:
        @channel.on("message")
        def on_message(message: str | bytes) -> None:
            if isinstance(message, str) and message.startswith("ping"):
                channel.send("pong" + message[4:])

    @pc.on("connectionstatechange")
    async def on_connectionstatechange() -> None:
        if pc.connectionState == "failed":
            await pc.close()
            pcs.discard(pc)

    @pc.on("track")
    def on_track(track: MediaStreamTrack) -> None:
        if track.kind == "audio":
            pc.addTrack(ToneTrack())
            recorder.addTrack(track)
        elif track.kind == "video":
            pc.addTrack(VideoTransformTrack(relay.subscribe(track)))
            recorder.addTrack(relay.subscribe(track))

        @track.on("ended")
        async def on_ended() -> None:
            await recorder.stop()

    await pc.setRemoteDescription(offer)
    await recorder.start()
    answer = await pc.createAnswer()
    await pc.setLocalDescription(answer)
    assert pc.localDescription is not None
    return {"sdp": pc.localDescription.sdp, "type": pc.localDescription.type}


async def test_server_and_client_of_the_examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codecs_module, "installed_codecs", LibavCodecs)
    recording = tmp_path / "call.mp4"
    pc = RTCPeerConnection()
    seen: asyncio.Queue[Any] = asyncio.Queue()
    pongs: asyncio.Queue[str | bytes] = asyncio.Queue()
    sink = MediaBlackhole()
    watching: list[asyncio.Future[None]] = []

    @pc.on("track")
    def on_track(track: MediaStreamTrack) -> None:
        if track.kind == "audio":
            sink.addTrack(track)
        else:
            watching.append(asyncio.ensure_future(watch(track)))

    async def watch(track: MediaStreamTrack) -> None:
        for _ in range(20):
            await seen.put(await track.recv())

    sender = pc.addTrack(FlagVideoStreamTrack())
    pc.addTrack(ToneTrack())
    transceiver = next(t for t in pc.getTransceivers() if t.sender == sender)
    capabilities = RTCRtpSender.getCapabilities("video")
    assert capabilities is not None
    transceiver.setCodecPreferences([codec for codec in capabilities.codecs if codec.mimeType == "video/VP8"])
    channel = pc.createDataChannel("chat")
    channel.on("open")(lambda: channel.send("ping 1"))
    channel.on("message")(pongs.put_nowait)
    await pc.setLocalDescription(await pc.createOffer())
    assert pc.localDescription is not None
    answer = await server({"sdp": pc.localDescription.sdp, "type": pc.localDescription.type}, recording)
    await pc.setRemoteDescription(RTCSessionDescription(sdp=answer["sdp"], type="answer"))
    await sink.start()
    async with asyncio.timeout(30):
        assert await pongs.get() == "pong 1"
        pictures = [await seen.get() for _ in range(20)]
    await sink.stop()
    await pc.close()
    await asyncio.gather(*[each.close() for each in pcs])
    pcs.clear()
    await asyncio.sleep(0.5)

    below = pictures[-1].to_ndarray(format="bgr24")[200, 160]
    assert below[2] > 200 > 50 > below[0], "what was red above is below"
    with av.open(str(recording)) as container:
        assert {stream.type for stream in container.streams} == {"audio", "video"}


async def test_a_player_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codecs_module, "installed_codecs", LibavCodecs)
    file = tmp_path / "film.mp4"
    recorder = MediaRecorder(str(file))
    recorder.addTrack(FlagVideoStreamTrack())
    await recorder.start()
    await asyncio.sleep(1.2)
    await recorder.stop()
    player = MediaPlayer(str(file))
    async with RTCPeerConnection() as left, RTCPeerConnection() as right:
        assert player.video is not None
        left.addTrack(player.video)
        arrived: asyncio.Future[MediaStreamTrack] = asyncio.get_running_loop().create_future()
        right.on("track")(arrived.set_result)
        await left.setLocalDescription(await left.createOffer())
        await right.setRemoteDescription(left.localDescription)
        await right.setLocalDescription(await right.createAnswer())
        await left.setRemoteDescription(right.localDescription)
        track = await arrived
        async with asyncio.timeout(30):
            frame: Any = await track.recv()
    await player.close()

    assert (frame.width, frame.height) == (320, 240)
