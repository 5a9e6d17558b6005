"""The present of an agent, its counters, and the owner's trace: what all its parts write to, and none of them reads."""

from collections.abc import Mapping

from rtc_ice.stats import IceStats
from rtc_ice.trace import Trace


class Journal:
    """Counts and traces on behalf of every part of one agent, and keeps its time.

    The parts know it and not the agent, so that an agent that is dropped is gone at once, without a search for circles.
    """

    __slots__ = ("_trace", "now", "stats")

    def __init__(self, trace: Trace | None, now: float) -> None:
        self._trace = trace
        self.now = now
        self.stats = IceStats()

    def advance(self, now: float) -> None:
        """Let time go on; it never goes back."""
        if now > self.now:
            self.now = now

    def count(self, reason: str) -> None:
        """Count something that was thrown away."""
        dropped = self.stats.dropped
        dropped[reason] = dropped.get(reason, 0) + 1
        self.tell("ice:dropped", {"reason": reason})

    def tell(self, name: str, values: Mapping[str, object]) -> None:
        """Tell something that is worth knowing."""
        if self._trace is not None:
            self._trace(self.now, name, values)
