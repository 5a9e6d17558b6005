"""What all parts of a connection write into: the time, the counters and the trace."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from rtc_peer.stats import PeerStats

Trace: TypeAlias = Callable[[float, str, Mapping[str, object]], None]
"""Called with the time in seconds, a name such as ``peer:dropped``, and data that JSON can hold."""


class Journal:
    """The counters and the trace of one connection.

    Args:
        trace: Takes structured records; the machines below write to it as well.
        now: Present time in seconds.
        time_of_day: The same moment in seconds since 1970.
    """

    __slots__ = ("_began_at", "now", "stats", "trace")

    def __init__(self, *, trace: Trace | None, now: float, time_of_day: float = 0.0) -> None:
        self.trace = trace
        self._began_at = time_of_day - now
        self.now = now
        """The latest time that the caller told; it does not go back."""
        self.stats = PeerStats()

    def advance(self, now: float) -> float:
        """Take note of the time, and return what counts as the present."""
        if now > self.now:
            self.now = now
        return self.now

    def time_of_day(self, now: float) -> float:
        """Return a moment in seconds since 1970, as RTCP tells it to the peer."""
        return self._began_at + now

    def drop(self, reason: str, count: int = 1) -> None:
        """Count datagrams that were not handed to any protocol."""
        dropped = self.stats.dropped
        dropped[reason] = dropped.get(reason, 0) + count
        self.write("peer:dropped", {"reason": reason, "count": count})

    def write(self, name: str, details: Mapping[str, object]) -> None:
        """Write a record, if anybody reads."""
        if self.trace is not None:
            self.trace(self.now, name, details)
