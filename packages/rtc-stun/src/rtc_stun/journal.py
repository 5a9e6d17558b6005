"""What the parts of a client have to tell, and the time at which they tell it."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from rtc_stun.client_config import ClientStats
from rtc_stun.events import ClientEvent

Trace: TypeAlias = Callable[[float, str, Mapping[str, object]], None]
"""Called with the time in seconds, a name such as ``stun:request_sent``, and data that JSON can hold."""


class Journal:
    """Events, counters and trace of one client; its parts share it."""

    __slots__ = ("_trace", "events", "now", "stats")

    def __init__(self, trace: Trace | None) -> None:
        self._trace = trace
        self.now = float("-inf")
        """The latest time that the caller has told, in seconds."""
        self.stats = ClientStats()
        self.events: list[ClientEvent] = []

    def advance(self, now: float) -> None:
        """Take note of the time, which does not go back."""
        self.now = max(self.now, now)

    def drain(self) -> list[ClientEvent]:
        """Return and forget the events."""
        events, self.events = self.events, []
        return events

    def drop(self, reason: str) -> None:
        """Count something that came to nothing."""
        self.stats.dropped[reason] = self.stats.dropped.get(reason, 0) + 1
        if self._trace is not None:
            self._trace(self.now, "stun:dropped", {"reason": reason})

    @property
    def is_traced(self) -> bool:
        """Whether somebody wants to read records: do not make them for nobody."""
        return self._trace is not None

    def trace(self, name: str, data: Mapping[str, object]) -> None:
        """Write a record."""
        if self._trace is not None:
            self._trace(self.now, name, data)
