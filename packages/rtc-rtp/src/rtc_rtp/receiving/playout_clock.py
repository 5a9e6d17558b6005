"""How long media have to wait so that nearly all of them come in time."""

from bisect import bisect_left, insort
from collections import deque
from typing import Final

REMEMBERED: Final = 250
"""Packets whose delays are remembered: five seconds of audio."""

QUANTILE: Final = 0.96
"""Part of the packets that shall come in time."""

WINDOW: Final = 5.0
"""Seconds after which a fastest packet is forgotten, since clocks drift apart."""

MAX_DECREASE: Final = 0.02
"""Seconds by which the delay sinks at most in a second: faster would be heard."""

RESYNCHRONIZE: Final = 10.0
"""Seconds by which a packet is off that belongs to another timeline."""


class MediaClock:
    """Maps media time to ours, from the arrival of packets: all that pictures need, which are shown when they are whole.

    The fastest packet of late tells when media can come at the earliest; the spread of the others tells how much later
    they must be expected.
    """

    __slots__ = (
        "_delays",
        "_fastest",
        "_fastest_before",
        "_window_end",
        "arrived_at",
        "base",
        "floor",
        "maximum",
        "media_time",
        "minimum",
        "timestamp",
    )

    def __init__(self, *, minimum: float, maximum: float) -> None:
        self.minimum = minimum
        """Seconds that media wait at least, as the application wishes."""

        self.maximum = maximum
        self.floor = 0.0
        """Seconds that media wait at least, for others that are played in step with them."""

        self.media_time: float | None = None
        """Of the latest packet."""

        self.timestamp = 0
        """Of the latest packet, in RTP ticks."""

        self.arrived_at = 0.0
        """When it came, seconds."""

        self._delays: deque[float] = deque(maxlen=REMEMBERED)
        """Seconds behind the fastest packet, of each that came of late."""

        self._reset()

    def _reset(self) -> None:
        self._fastest = float("inf")
        self._fastest_before = float("inf")
        self.base = float("inf")
        """What the fastest packet needed, by two clocks that have nothing in common."""

        self._window_end = float("-inf")
        self._delays.clear()

    def arrive(self, media_time: float, timestamp: int, now: float) -> bool:
        """Learn from a packet that came in its own time; tell whether it is of another timeline than those before.

        Args:
            media_time: Seconds by the sender's clock, of any beginning.
            timestamp: The RTP timestamp that it was made of.
            now: Seconds by ours.
        """
        transit = now - media_time
        self.media_time = media_time
        self.timestamp = timestamp
        self.arrived_at = now
        delays = self._delays
        is_elsewhere = bool(delays) and abs(transit - self.base) > RESYNCHRONIZE
        if is_elsewhere:
            self._reset()
        if now >= self._window_end:
            self._fastest_before, self._fastest = self._fastest, transit
            self._window_end = now + WINDOW
            self.base = min(self._fastest, self._fastest_before)
        elif transit < self._fastest:
            self._fastest = transit
            self.base = min(transit, self._fastest_before)
        delays.append(transit - self.base)
        return is_elsewhere

    @property
    def measured(self) -> float:
        """Seconds behind the fastest packet within which nearly all came."""
        ordered = sorted(self._delays)
        return ordered[int(QUANTILE * len(ordered))] if ordered else 0.0

    @property
    def wished(self) -> float:
        """Seconds behind the fastest packet before which media are not wanted, whenever they come."""
        return min(self.maximum, max(self.minimum, self.floor))


class PlayoutClock(MediaClock):
    """Says of each packet when it is due, so that nearly all are there by then, and the delay changes slowly."""

    __slots__ = ("_changed_at", "_ordered", "delay")

    def __init__(self, *, minimum: float, maximum: float) -> None:
        self._ordered: list[float] = []
        super().__init__(minimum=minimum, maximum=maximum)
        self.delay = minimum
        """Seconds behind the fastest packet at which media are due."""

        self._changed_at = 0.0

    def _reset(self) -> None:
        super()._reset()
        self._ordered.clear()
        self._changed_at = 0.0

    def arrive(self, media_time: float, timestamp: int, now: float) -> bool:
        """Learn from a packet, as `MediaClock.arrive` does, and adapt the delay."""
        forgotten = self._delays[0] if len(self._delays) == REMEMBERED else None
        is_elsewhere = super().arrive(media_time, timestamp, now)
        if forgotten is not None and not is_elsewhere:
            del self._ordered[bisect_left(self._ordered, forgotten)]
        insort(self._ordered, self._delays[-1])
        self._adapt(now)
        return is_elsewhere

    def _adapt(self, now: float) -> None:
        wanted = min(self.maximum, max(self.minimum, self.floor, self.measured))
        if wanted >= self.delay:
            self.delay = wanted
        else:
            self.delay = max(wanted, self.delay - MAX_DECREASE * max(0.0, now - self._changed_at))
        self._changed_at = now

    @property
    def measured(self) -> float:
        """Seconds behind the fastest packet within which nearly all came; kept in order, for every packet asks."""
        ordered = self._ordered
        return ordered[int(QUANTILE * len(ordered))] if ordered else 0.0

    def due_at(self, media_time: float) -> float:
        """When media of this time are due."""
        return media_time + self.base + self.delay
