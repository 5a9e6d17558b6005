"""From the time of a track to RTP timestamps that never jump, whatever track comes next (:rfc:`3550#section-5.1`)."""

import os
from typing import Final

_WRAP: Final = 1 << 32


class Timeline:
    """The timestamps of one RTP stream."""

    def __init__(self) -> None:
        # [rfc3550:5.1/10] The first timestamp is random.
        self._offset = int.from_bytes(os.urandom(4), "big")
        self._origin: object = None
        self._clock_rate = 0
        self._last = 0
        self._last_at: float | None = None

    def timestamp(self, ticks: int, now: float, *, clock_rate: int, origin: object) -> int:
        """Return the RTP timestamp of a frame.

        Args:
            ticks: When it is to be presented, in ticks of the codec's clock, from any zero.
            now: Seconds of any monotonic clock; tells how far apart the frames of two origins are.
            clock_rate: Ticks per second.
            origin: What the zero belongs to: where it changes, the timestamps go on as time does.
        """
        if origin != self._origin or clock_rate != self._clock_rate:
            if self._last_at is not None:
                elapsed = max(round((now - self._last_at) * clock_rate), 1)
                self._offset = self._last + elapsed - ticks
            self._origin, self._clock_rate = origin, clock_rate
        self._last = (ticks + self._offset) % _WRAP
        self._last_at = now
        return self._last
