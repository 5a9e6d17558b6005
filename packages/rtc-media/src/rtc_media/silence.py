"""Discontinuous transmission: when nobody speaks, nearly nothing is sent (:rfc:`7587#section-3.1.3`, :rfc:`3389`).

libav does not offer libopus' own. What is here looks at how loud each frame is, and works for every codec.
"""

import enum
from typing import Final

THRESHOLD: Final = 60
"""-dBov: what is quieter is silence at any time."""
ABOVE_NOISE: Final = 6
"""dB: what is not louder than the noise of the room by so much is silence too ..."""
LOUDEST_NOISE: Final = 45
"""... if that noise is no louder than this, -dBov."""
HANGOVER: Final = 0.2
"""Seconds of silence that are still sent, so that words do not lose their ends."""
REFRESH_INTERVAL: Final = 0.4
"""Seconds between the frames that are sent of a silence, so that receivers know what it sounds like."""
NOISE_RISES: Final = 1.0
"""dB per second: how fast the floor follows a noise that grows."""


class Verdict(enum.Enum):
    """What is to become of a frame."""

    SEND = enum.auto()
    DESCRIBE = enum.auto()
    """It stands for the silence around it."""
    LEAVE_OUT = enum.auto()


class SilenceDetector:
    """Decides for each frame of a stream whether it has to be sent."""

    def __init__(self) -> None:
        self._floor = float(LOUDEST_NOISE)
        self._silent_for = 0.0
        self._described_ago = 0.0

    @property
    def silent(self) -> bool:
        """Whether the last frame was no speech."""
        return self._silent_for > 0

    def judge(self, level: int, duration: float) -> Verdict:
        """Decide about the next frame.

        Args:
            level: Its loudness, 0 to 127 -dBov.
            duration: Seconds.
        """
        # Levels count downwards: the quieter of the two is the larger number.
        self._floor = max(float(level), self._floor - NOISE_RISES * duration, float(LOUDEST_NOISE))
        if level < min(THRESHOLD, self._floor - ABOVE_NOISE):
            self._silent_for = 0.0
            return Verdict.SEND
        hangover = HANGOVER - duration / 2  # sums of durations are not exact
        was_in_hangover = self._silent_for < hangover
        self._silent_for += duration
        if self._silent_for < hangover:
            return Verdict.SEND
        self._described_ago += duration
        if was_in_hangover or self._described_ago >= REFRESH_INTERVAL - duration / 2:
            self._described_ago = 0.0
            return Verdict.DESCRIBE
        return Verdict.LEAVE_OUT
