"""What happened, for those who look: counters of what was dropped, and the owner's trace."""

from collections.abc import Callable, Mapping

from .stats import DtlsStats

Trace = Callable[[float, str, Mapping[str, object]], None]
"""Called with the time in seconds, a name such as ``dtls:alert_received``, and details that JSON can hold."""


class Journal:
    """Counts and traces on behalf of every layer of one connection, and keeps its time."""

    __slots__ = ("_trace", "now", "stats")

    def __init__(self, trace: Trace | None) -> None:
        self._trace = trace
        self.now = float("-inf")
        """The latest time the owner told."""
        self.stats = DtlsStats()

    def advance(self, now: float) -> None:
        """Let time go on; it never goes back."""
        if now > self.now:
            self.now = now

    def drop(self, reason: str, count: int = 1) -> None:
        """Count something that was thrown away."""
        # [rfc6347:4.1.2.1/4] [rfc6347:4.1.2.7/2]
        self.stats.drop(reason, count)
        if self._trace is not None:
            self._trace(self.now, "dtls:dropped", {"reason": reason, "count": count})

    @property
    def is_traced(self) -> bool:
        """Whether somebody wants to know: make no details for nobody."""
        return self._trace is not None

    def trace(self, name: str, **details: object) -> None:
        """Tell something that is worth knowing."""
        if self._trace is not None:
            self._trace(self.now, f"dtls:{name}", details)
