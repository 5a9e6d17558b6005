"""What tests of sending share: tracks that end, and an outlet that keeps what it is given."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace

from rtc_asyncio import MediaStreamError, MediaStreamTrack, RawFrame
from rtc_asyncio.frame_queue import FrameQueue, FrameReader
from rtc_asyncio.tracks import MediaFrame, MediaKind
from rtc_peer import ArgumentError
from rtc_rtp import BufferFullError, EncodedFrame, RtpCodec, RtpPacket, SendEncoding, SendParameters

from .fake_codec import Picture, Sound

VP8 = RtpCodec(payload_type=96, mime_type="video/VP8", clock_rate=90_000)
H264 = RtpCodec(payload_type=102, mime_type="video/H264", clock_rate=90_000)
PLAIN = SendParameters(kind="video", codecs=(VP8, H264), encodings=(SendEncoding(ssrc=1),))
OPUS = RtpCodec(payload_type=111, mime_type="audio/opus", clock_rate=48_000, channels=2)
SPOKEN = SendParameters(kind="audio", codecs=(OPUS,), encodings=(SendEncoding(ssrc=1),))
SIMULCAST = replace(
    PLAIN,
    encodings=(
        SendEncoding(ssrc=1, rid="q", scale_resolution_down_by=2.0, max_bitrate_bps=100_000),
        SendEncoding(ssrc=2, rid="f"),
        SendEncoding(ssrc=3, rid="x", active=False),
    ),
)


class Recorder:
    """Keeps what is sent."""

    def __init__(self, parameters: SendParameters | None = PLAIN) -> None:
        self.parameters = parameters
        self.frames: list[tuple[EncodedFrame, str | None]] = []
        self.packets: list[RtpPacket] = []
        self.full = False
        self.strict = False

    def send_frame(self, frame: EncodedFrame, rid: str | None) -> None:
        if self.full:
            raise BufferFullError("full")
        if self.strict:
            raise ArgumentError("not of this format")
        self.frames.append((frame, rid))

    def send_packets(self, packets: Sequence[RtpPacket], track: MediaStreamTrack) -> None:
        self.packets += packets

    def wake(self) -> None:
        pass

    def flush(self) -> None:
        pass

    def scale_for(self, frame: RawFrame, encoding: SendEncoding) -> float:
        return encoding.scale_resolution_down_by


class Pictures(MediaStreamTrack):
    """A list of pictures, then the end; or silence for ever."""

    kind: MediaKind = "video"

    def __init__(self, pictures: Iterator[Picture] | list[Picture], *, ends: bool = True) -> None:
        super().__init__()
        self._pictures = iter(pictures)
        self._ends = ends

    async def recv(self) -> Picture:
        await asyncio.sleep(0)
        for picture in self._pictures:
            return picture
        if not self._ends:
            await asyncio.Event().wait()
        raise MediaStreamError("no more")


class Fed(MediaStreamTrack):
    """Pictures as they are put into a queue."""

    kind: MediaKind = "video"

    def __init__(self, queue: "asyncio.Queue[Picture]") -> None:
        super().__init__()
        self._queue = queue

    async def recv(self) -> Picture:
        return await self._queue.get()


class Pushed(MediaStreamTrack):
    """Pictures that come whether or not somebody is ready for them; for one reader."""

    kind: MediaKind = "video"
    queue: FrameQueue[MediaFrame]

    async def recv(self) -> Picture:
        raise NotImplementedError

    def subscribe(self, limit: int = 1) -> FrameReader[MediaFrame]:
        self.queue = FrameQueue(limit)
        return self.queue


class Sounds(MediaStreamTrack):
    """So many pieces of sound, then nothing."""

    kind: MediaKind = "audio"

    def __init__(self, count: int) -> None:
        super().__init__()
        self._left = iter(range(count))

    async def recv(self) -> Sound:
        await asyncio.sleep(0)
        for number in self._left:
            return Sound(number, 960 * number)
        await asyncio.Event().wait()
        raise MediaStreamError("no more")


def pictures(count: int) -> list[Picture]:
    return [Picture(number, 3000 * number) for number in range(1, count + 1)]


async def until(condition: object) -> None:
    assert callable(condition)
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.001)
