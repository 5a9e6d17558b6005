"""Media with Chromium, Firefox and libwebrtc in Node: encoded frames in and out, without a codec on our side."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, cast

import pytest
import pytest_asyncio

from rtc_asyncio import (
    EncodedFrameTrack,
    RTCInboundRtpStreamStats,
    RTCOutboundRtpStreamStats,
    RTCPeerConnection,
    RTCRtpReceiver,
    RTCRtpTransceiver,
)

from .remote import Call, Program, Remote
from .remote_media import counters, equip

pytestmark = pytest.mark.asyncio(loop_scope="session")

either_offers = pytest.mark.parametrize("offerer", ["ours", "theirs"])

PROGRAMS: Final = {"chromium", "firefox", "wrtc"}
"""Those that have cameras, if only synthetic ones."""


@pytest_asyncio.fixture(loop_scope="session")
async def call(program: Program) -> AsyncIterator[Call]:
    """A connection without codecs on our side, one that plays on theirs."""
    if program.name not in PROGRAMS:
        pytest.skip(f"{program.name} has no codecs")
    conversation = Call(RTCPeerConnection(codecs=None), await Remote.create(program))
    await equip(conversation.theirs)
    yield conversation
    await conversation.close()


class Echo:
    """Sends back what is received, encoded as it came, one track for each of theirs."""

    def __init__(self, pc: RTCPeerConnection) -> None:
        self._pc = pc
        self._tasks: list[asyncio.Task[None]] = []
        self.frames = {"audio": 0, "video": 0}
        self.tracks: dict[str, EncodedFrameTrack] = {}
        pc.ontrack = lambda event: self._begin(event.transceiver)

    def send(self, kind: str) -> EncodedFrameTrack:
        """Add the track that frames of a kind are sent back on."""
        track = self.tracks[kind] = EncodedFrameTrack("audio" if kind == "audio" else "video")
        self._pc.addTrack(track)
        return track

    def close(self) -> None:
        """Stop."""
        for task in self._tasks:
            task.cancel()

    def _begin(self, transceiver: RTCRtpTransceiver) -> None:
        receiver = transceiver.receiver
        track = self.tracks.get(receiver.kind) or self.send(receiver.kind)
        track.on_key_frame_request = lambda: receiver.requestKeyFrame()
        self._tasks.append(asyncio.ensure_future(self._pass_on(receiver, track)))

    async def _pass_on(self, receiver: RTCRtpReceiver, track: EncodedFrameTrack) -> None:
        async for frame in receiver.frames():
            self.frames[receiver.kind] += 1
            await track.put(frame)


async def eventually(condition: Callable[[], Awaitable[bool]], seconds: float = 20) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.1)


async def grown(call: Call, *keys: str, by: int = 20) -> None:
    """Wait until figures of their statistics have grown."""
    before = await counters(call.theirs)

    async def enough() -> bool:
        now = await counters(call.theirs)
        return all(cast("float", now.get(key, 0)) >= cast("float", before.get(key, 0)) + by for key in keys)

    try:
        await eventually(enough)
    except TimeoutError:
        raise AssertionError(f"{keys} did not grow: {await counters(call.theirs)}") from None


async def connect(call: Call, offerer: str, *, audio: bool = True, video: bool = True) -> Echo:
    """Let them send what they capture, and send it back."""
    echo = Echo(call.ours)
    await call.theirs.run("await peer.capture(argument.wish);", wish={"audio": audio, "video": video})
    if offerer == "ours":
        for kind, wanted in (("audio", audio), ("video", video)):
            if wanted:
                echo.send(kind)
    await call.connect(offerer=offerer)
    return echo


@either_offers
async def test_sound_and_pictures_come_back_encoded_as_they_went(call: Call, offerer: str) -> None:
    echo = await connect(call, offerer)
    await grown(call, "inbound-rtp video framesDecoded", "inbound-rtp audio packetsReceived")
    echo.close()

    report = await call.ours.getStats()
    inbound = {each.kind: each for each in report.values() if isinstance(each, RTCInboundRtpStreamStats)}
    outbound = {each.kind: each for each in report.values() if isinstance(each, RTCOutboundRtpStreamStats)}
    assert inbound["video"].framesReceived is not None
    assert inbound["video"].framesReceived >= 20
    assert outbound["video"].framesSent is not None
    assert outbound["video"].framesSent >= 20
    assert all(each.packetsLost == 0 for each in inbound.values())
    assert echo.frames["audio"] >= 20
