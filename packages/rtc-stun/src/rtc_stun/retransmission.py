"""When a request is sent again and when it is given up (:rfc:`8489#section-6.2.1`, :rfc:`8489#section-6.2.2`)."""

from typing import Final

MAX_REQUESTS: Final = 7
"""Default for the RFC's Rc."""
LAST_WAIT_FACTOR: Final = 16
"""Default for the RFC's Rm."""
RELIABLE_TIMEOUT: Final = 39.5
"""Default for the RFC's Ti, in seconds."""


class Retransmission:
    """The schedule of one request. Ask `expired` when `deadline` has come; if it has not, send and call `sent`.

    With the defaults a request leaves at 0, 0.5, 1.5, 3.5, 7.5, 15.5 and 31.5 seconds and is given up at 39.5.
    """

    __slots__ = ("_interval", "_last_wait", "_remaining", "deadline", "sent_at", "sent_count")

    def __init__(
        self, rto: float, *, max_requests: int = MAX_REQUESTS, last_wait_factor: float = LAST_WAIT_FACTOR
    ) -> None:
        """Make a schedule for an unreliable transport.

        Args:
            rto: Seconds until the first repetition.
            max_requests: How often the request is sent in all, the RFC's Rc.
            last_wait_factor: How many RTOs to wait after the last time, the RFC's Rm.
        """
        self._interval = rto
        self._remaining = max_requests
        # [rfc8489:6.2.1/11]
        self._last_wait = last_wait_factor * rto
        self.deadline: float | None = None
        """When the next step is due, in seconds; None until it was first sent."""
        self.sent_at = 0.0
        """When it was first sent, in seconds."""
        self.sent_count = 0
        """How often it was sent. A round-trip time may be taken only if once."""

    @classmethod
    def reliable(cls, timeout: float = RELIABLE_TIMEOUT) -> "Retransmission":
        """Make a schedule for a reliable transport: sent once, given up after ``timeout`` seconds."""
        return cls(timeout, max_requests=1, last_wait_factor=1)

    def sent(self, now: float) -> float:
        """Note that the request leaves now, and return the deadline of the next step."""
        if not self.sent_count:
            self.sent_at = now
        self.sent_count += 1
        self._remaining -= 1
        if self._remaining > 0:
            # [rfc8489:6.2.1/1]
            self.deadline = now + self._interval
            self._interval *= 2
        else:
            self.deadline = now + self._last_wait
        return self.deadline

    @property
    def expired(self) -> bool:
        """Whether nothing is left but to give up, once `deadline` has passed."""
        return self._remaining <= 0
