"""Tracks that keep their own time: bases for sources that compute what they send."""

import asyncio
from fractions import Fraction
from typing import Final

from .codecs import CodecFactory, installed_codecs
from .errors import MediaStreamError, NotSupportedError
from .tracks import MediaFrame, MediaKind, MediaStreamTrack

VIDEO_CLOCK_RATE: Final = 90_000
VIDEO_TIME_BASE: Final = Fraction(1, VIDEO_CLOCK_RATE)
DEFAULT_FRAMERATE: Final = 30
AUDIO_SAMPLE_RATE: Final = 8000
AUDIO_FRAME_DURATION: Final = 0.020
"""Seconds."""


class _PacedTrack(MediaStreamTrack):
    """Waits until its next frame is due."""

    clock_rate: int
    """Ticks per second of the timestamps."""

    def __init__(self, kind: MediaKind | None = None, *, id: str | None = None, label: str = "") -> None:
        super().__init__(kind, id=id, label=label)
        self._started_at: float | None = None
        self._ticks = 0

    async def _next(self, ticks: int) -> int:
        """Wait until a frame that lasts so many ticks is due, and return when it begins."""
        if self._ended:
            raise MediaStreamError("the track has ended")
        if self._started_at is None:
            self._started_at = asyncio.get_running_loop().time()
            return 0
        self._ticks += ticks
        await _sleep_until(self._started_at + self._ticks / self.clock_rate)
        return self._ticks


class VideoStreamTrack(_PacedTrack):
    """A track of video that computes its pictures; by itself it shows black. Override `recv`, and begin it with `next_timestamp`."""

    kind: MediaKind = "video"
    clock_rate = VIDEO_CLOCK_RATE
    framerate: float = DEFAULT_FRAMERATE
    """Pictures per second."""

    async def next_timestamp(self) -> tuple[int, Fraction]:
        """Wait until the next picture is due.

        Returns:
            Its `pts` and `time_base`.

        Raises:
            MediaStreamError: The track has ended.
        """
        return await self._next(round(self.clock_rate / self.framerate)), VIDEO_TIME_BASE

    async def recv(self) -> MediaFrame:
        """Take a black picture.

        Raises:
            MediaStreamError: The track has ended.
            NotSupportedError: No codec package is installed.
        """
        pts, time_base = await self.next_timestamp()
        return _codecs().blank_video(640, 480, pts, time_base)


class AudioStreamTrack(_PacedTrack):
    """A track of audio that computes its samples; by itself it is silent. Override `recv`, and begin it with `next_timestamp`."""

    kind: MediaKind = "audio"
    clock_rate = AUDIO_SAMPLE_RATE
    frame_duration: float = AUDIO_FRAME_DURATION
    """Seconds that each frame lasts."""

    async def next_timestamp(self) -> tuple[int, Fraction]:
        """Wait until the next frame is due.

        Returns:
            Its `pts` and `time_base`.

        Raises:
            MediaStreamError: The track has ended.
        """
        return await self._next(round(self.clock_rate * self.frame_duration)), Fraction(1, self.clock_rate)

    async def recv(self) -> MediaFrame:
        """Take silence.

        Raises:
            MediaStreamError: The track has ended.
            NotSupportedError: No codec package is installed.
        """
        pts, time_base = await self.next_timestamp()
        return _codecs().blank_audio(self.clock_rate, round(self.clock_rate * self.frame_duration), pts, time_base)


async def _sleep_until(due: float) -> None:
    """Wait until a moment of the event loop's clock: `asyncio.sleep`, which takes a distance, takes twice the steps."""
    loop = asyncio.get_running_loop()
    woken: asyncio.Future[None] = loop.create_future()
    timer = loop.call_at(due, _wake, woken)
    try:
        await woken
    except asyncio.CancelledError:
        timer.cancel()
        raise


def _wake(sleeper: "asyncio.Future[None]") -> None:
    if not sleeper.done():
        sleeper.set_result(None)


def _codecs() -> CodecFactory:
    factory = installed_codecs()
    if factory is None:
        raise NotSupportedError("raw media needs a codec package, such as rtc-media")
    return factory
