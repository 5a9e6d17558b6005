"""Tracks that need neither camera nor file: a tone, silence, a test card. They keep real time, as all tracks do."""

import math
from array import array
from typing import ClassVar, Final

from av import AudioFrame, VideoFrame

from rtc_asyncio import AudioStreamTrack, VideoStreamTrack
from rtc_media.sound import FULL_SCALE, sound_frame
from rtc_media.test_card import TestCardPainter

SAMPLE_RATE: Final = 48_000


class ToneTrack(AudioStreamTrack):
    """A sine.

    Args:
        frequency: Hz, whole, up to half of 48,000.
        level_dbov: How loud: its root mean square against the loudest there is, dBov; -3 is the loudest sine.
        channels: 1 or 2.
    """

    clock_rate = SAMPLE_RATE

    def __init__(self, frequency: int = 440, *, level_dbov: float = -20.0, channels: int = 1) -> None:
        if not 0 < frequency <= SAMPLE_RATE // 2:
            raise ValueError(f"a tone is between 1 and {SAMPLE_RATE // 2} Hz, not {frequency}")
        super().__init__(label=f"{frequency} Hz")
        self.channels = channels
        peak = min(FULL_SCALE - 1, FULL_SCALE * math.sqrt(2) * 10 ** (level_dbov / 20))
        turn = math.tau * frequency / SAMPLE_RATE
        wave = [round(peak * math.sin(turn * i)) for i in range(SAMPLE_RATE)]
        # After one second every whole frequency begins again: what is played is this second, over and over.
        self._second = array("h", [sample for sample in wave for _ in range(channels)]).tobytes()

    async def recv(self) -> AudioFrame:
        """Take the next 20 ms.

        Raises:
            MediaStreamError: The track has ended.
        """
        pts, _ = await self.next_timestamp()
        width = 2 * self.channels
        length = round(self.clock_rate * self.frame_duration) * width
        begins = pts * width % len(self._second)
        data = self._second[begins : begins + length]
        return sound_frame(data + self._second[: length - len(data)], SAMPLE_RATE, self.channels, pts)


class SilenceTrack(AudioStreamTrack):
    """Nothing to hear, in 48 kHz."""

    clock_rate = SAMPLE_RATE

    async def recv(self) -> AudioFrame:
        """Take the next 20 ms.

        Raises:
            MediaStreamError: The track has ended.
        """
        pts, _ = await self.next_timestamp()
        return sound_frame(bytes(2 * round(self.clock_rate * self.frame_duration)), SAMPLE_RATE, 1, pts)


class TestCardTrack(VideoStreamTrack):
    """A test card with a clock, and a number that `read_picture_number` reads off what arrives.

    Args:
        width: Pixels, even.
        height: Pixels, even.
        framerate: Pictures per second.
    """

    __test__: ClassVar = False  # "Test" begins the name of what pytest takes for a test

    def __init__(self, width: int = 640, height: int = 480, framerate: float = 30) -> None:
        super().__init__(label="test card")
        self.framerate = framerate
        self._painter = TestCardPainter(width, height)
        self._number = 0

    def getSettings(self) -> dict[str, object]:  # noqa: N802 - the Web's name
        """Width, height and frame rate."""
        return {"width": self._painter.width, "height": self._painter.height, "frameRate": self.framerate}

    async def recv(self) -> VideoFrame:
        """Take the next picture.

        Raises:
            MediaStreamError: The track has ended.
        """
        pts, time_base = await self.next_timestamp()
        frame = self._painter.paint(self._number, float(pts * time_base))
        self._number += 1
        frame.pts, frame.time_base = pts, time_base
        return frame
