"""How long to wait for an acknowledgement. See :rfc:`9260#section-6.3.1`."""

from typing import Final

_ALPHA: Final = 1 / 8
"""RTO.Alpha."""

_BETA: Final = 1 / 4
"""RTO.Beta."""

_GRANULARITY: Final = 0.001
"""Clock granularity in seconds; keeps a steady path from an RTO without any margin."""


class RtoEstimator:
    """Keeps the retransmission timeout from round-trip measurements; all in seconds."""

    __slots__ = ("_initial", "_maximum", "_minimum", "_variation", "is_backed_off", "rto", "smoothed")

    def __init__(self, *, initial: float, minimum: float, maximum: float) -> None:
        self._minimum = minimum
        self._maximum = maximum
        self._initial = min(initial, maximum)
        self._variation = 0.0
        self.rto = self._initial
        self.smoothed: float | None = None
        """SRTT; ``None`` before the first measurement."""

        self.is_backed_off = False
        """Whether it was doubled since the last measurement."""

    def reset(self) -> None:
        """Forget every measurement: the path or the peer is another one."""
        self._variation = 0.0
        self.rto = self._initial
        self.smoothed = None
        self.is_backed_off = False

    def measure(self, round_trip: float) -> None:
        """Take one measurement; it ends any backoff."""
        if self.smoothed is None:
            self.smoothed = round_trip
            self._variation = round_trip / 2
        else:
            self._variation += _BETA * (abs(self.smoothed - round_trip) - self._variation)
            self.smoothed += _ALPHA * (round_trip - self.smoothed)
        self.is_backed_off = False
        rto = self.smoothed + max(4 * self._variation, _GRANULARITY)
        self.rto = min(max(rto, self._minimum), self._maximum)

    def back_off(self) -> None:
        """Double the timeout: it expired."""
        self.rto = min(self.rto * 2, self._maximum)
        self.is_backed_off = True
