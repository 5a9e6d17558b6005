"""How an encoder keeps to a bit rate that changes while it runs, and how often it is worth to open it anew for that.

Most of libav's encoders cannot change their rate: they have to be opened again, and begin with a key frame, which is large. So small
changes are only remembered, and what is too much meanwhile is made up for by leaving pictures out.
"""

import math
from typing import Final

REOPEN_BELOW: Final = 0.85
"""Of the rate that the encoder runs at: a target below is followed at once ..."""
REOPEN_ABOVE: Final = 1.25
"""... and one above ..."""
REOPEN_UP_AFTER: Final = 4.0
"""... after so many seconds since it was opened last: the estimate climbs in many small steps."""
REOPEN_DOWN_AFTER: Final = 0.5
"""Seconds: a falling estimate falls in steps too."""
DEBT_SECONDS: Final = 1.0
"""Pictures are left out while more than this time's worth of bits is owed to the target rate."""
LOWEST_BITRATE_BPS: Final = 10_000
"""Below this no encoder makes anything of use."""


class RateKeeper:
    """Compares what an encoder makes with what it should, in the time of the pictures."""

    def __init__(self, target_bps: int) -> None:
        self.target_bps = max(target_bps, LOWEST_BITRATE_BPS)
        self._opened_bps = self.target_bps
        self._opened_at = 0.0
        self._debt_bits = 0.0
        self._paid_until = 0.0

    def aim(self, bitrate_bps: int) -> None:
        """Take another target."""
        self.target_bps = max(bitrate_bps, LOWEST_BITRATE_BPS)

    def opened(self, now: float) -> None:
        """The encoder was opened with the target rate."""
        self._opened_bps = self.target_bps
        self._opened_at = now
        self._debt_bits = 0.0
        self._paid_until = now

    def wants_new_encoder(self, now: float, *, keyframe: bool) -> bool:
        """Tell whether the encoder should be opened with the target rate.

        Args:
            now: Seconds in the time of the pictures.
            keyframe: Whether a key frame is due in any case, so that opening costs nothing.
        """
        if self.target_bps == self._opened_bps:
            return False
        ratio = self.target_bps / self._opened_bps
        if keyframe:
            return not 0.95 <= ratio <= 1.05
        age = now - self._opened_at
        return (ratio < REOPEN_BELOW and age >= REOPEN_DOWN_AFTER) or (ratio > REOPEN_ABOVE and age >= REOPEN_UP_AFTER)

    def must_skip(self, now: float) -> bool:
        """Tell whether the next picture has to be left out for the rate's sake."""
        if now > self._paid_until:
            self._debt_bits = max(0.0, self._debt_bits - (now - self._paid_until) * self.target_bps)
            self._paid_until = now
        return self._debt_bits > DEBT_SECONDS * self.target_bps

    def encoded(self, length: int) -> None:
        """The encoder made so many bytes."""
        self._debt_bits += length * 8


class FramerateLimit:
    """Chooses the pictures that are kept where a source makes more than are allowed."""

    def __init__(self) -> None:
        self._due: float | None = None

    def keeps(self, now: float, framerate: float | None) -> bool:
        """Tell whether a picture is kept.

        Args:
            now: Its time, seconds.
            framerate: The most that are allowed; None for all.
        """
        if framerate is None:
            return True
        interval = 1 / framerate
        if self._due is None or abs(now - self._due) > 10 * interval:
            self._due = now
        # Clocks of sources tremble: one that is a fifth too early counts as in time.
        if now < self._due - interval / 5:
            return False
        self._due = max(self._due + interval, now)
        return True


class FramerateEstimate:
    """How many pictures a second a source makes, from their times."""

    def __init__(self, framerate: float) -> None:
        self.framerate = framerate
        self._last = -math.inf

    def seen(self, now: float) -> None:
        """A picture came, of this time in seconds."""
        interval = now - self._last
        self._last = now
        if 0.002 < interval < 1.0:
            self.framerate += (1 / interval - self.framerate) * 0.1
