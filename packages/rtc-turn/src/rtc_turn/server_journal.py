"""What all parts of one server share: the time, the counters, and the trace."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from rtc_turn.server_config import TurnServerStats

Trace: TypeAlias = Callable[[float, str, Mapping[str, object]], None]


class ServerJournal:
    """The time and the counters of one server."""

    __slots__ = ("_trace", "now", "stats")

    def __init__(self, trace: Trace | None) -> None:
        self._trace = trace
        self.now = float("-inf")
        """The latest time that the caller has told, in seconds."""
        self.stats = TurnServerStats()

    def advance(self, now: float) -> None:
        """Take note of the time, which does not go back."""
        if now > self.now:
            self.now = now

    def count(self, code: int) -> None:
        """Count a response by its error code; 0 for success."""
        self.stats.responses[code] = self.stats.responses.get(code, 0) + 1

    def drop(self, reason: str, count: int = 1) -> None:
        """Count what came to nothing."""
        self.stats.dropped[reason] = self.stats.dropped.get(reason, 0) + count
        if self._trace is not None:
            self._trace(self.now, "turn:dropped", {"reason": reason, "count": count})
