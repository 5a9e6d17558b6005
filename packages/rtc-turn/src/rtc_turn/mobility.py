"""Tickets: with one, an allocation follows its client to another address (:rfc:`8016`).

A ticket is a random handle. It holds nothing that could be read, and only the server that gave it out knows what it means.
It is written in letters, for there are clients that take it for a string and send back what comes before a zero.
"""

from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Final, NamedTuple

TICKET_ENTROPY: Final = 24
"""Random bytes in a ticket, which is a third longer."""
TICKET_MEMORY: Final = 30.0
"""Seconds for which a ticket is known after its end, to tell a repeated request by."""


class Ticket(NamedTuple):
    """What a ticket means."""

    number: int
    """That of the allocation."""
    is_current: bool
    """Whether it is the one that counts; another may only belong to a repeated request."""


class Tickets:
    """The tickets of all allocations.

    Args:
        rng: Cryptographic randomness.
    """

    __slots__ = ("_by_value", "_current", "_ended", "_rng")

    def __init__(self, rng: Callable[[int], bytes]) -> None:
        self._rng = rng
        self._by_value: dict[bytes, int] = {}
        self._current: dict[int, bytes] = {}
        self._ended: dict[bytes, tuple[int, float]] = {}

    def issue(self, number: int, now: float) -> bytes:
        """Give an allocation a ticket, and let the one that it had come to its end."""
        self.end(number, now)
        # [rfc8016:5/2] [rfc8016:3.2.2/4]
        value = urlsafe_b64encode(self._rng(TICKET_ENTROPY))
        self._by_value[value] = number
        self._current[number] = value
        return value

    def find(self, value: bytes, now: float) -> Ticket | None:
        """Return what a ticket means, if it is known (still)."""
        number = self._by_value.get(value)
        if number is not None:
            return Ticket(number, is_current=True)
        number, until = self._ended.get(value, (-1, 0.0))
        return Ticket(number, is_current=False) if until > now else None

    def end(self, number: int, now: float) -> None:
        """The allocation, or its ticket, has ended."""
        value = self._current.pop(number, None)
        if value is not None:
            del self._by_value[value]
            self._ended[value] = number, now + TICKET_MEMORY
        # The oldest are first.
        while self._ended and self._ended[oldest := next(iter(self._ended))][1] <= now:
            del self._ended[oldest]
