"""Which packets of a stream are missing, when to ask for them, and when to stop. See :rfc:`4585#section-6.2.1`."""

from collections.abc import Set as AbstractSet
from typing import Final

MAX_MISSING: Final = 1000
"""Gaps beyond this are given up, the oldest first."""

MAX_REQUESTS: Final = 10
"""How often one packet is asked for."""

MIN_REQUEST_INTERVAL: Final = 0.02
MAX_REORDERING_WAIT: Final = 0.04
_NEVER: Final = float("inf")


class Missing:
    """One packet that has not come."""

    __slots__ = ("due_at", "noticed_at", "requested_at", "requests")

    def __init__(self, noticed_at: float, due_at: float) -> None:
        self.noticed_at = noticed_at
        self.due_at = due_at
        """When to ask for it, or again."""

        self.requested_at = 0.0
        self.requests = 0


class Losses:
    """The gaps of one stream by extended sequence number.

    A packet that is late and not among them is a duplicate, or was given up.
    """

    __slots__ = ("_reordering_wait", "deadline", "missing")

    def __init__(self) -> None:
        self.missing: dict[int, Missing] = {}
        self.deadline = _NEVER
        """When the next request is due."""

        self._reordering_wait = 0.0
        """Seconds for which a gap may be mere reordering, as far as this path showed any."""

    def open_gap(self, first: int, end: int, now: float) -> list[int]:
        """Note that packets from `first` to before `end` were overtaken; return those that are given up for them."""
        due_at = now + self._reordering_wait
        missing = self.missing
        for number in range(max(first, end - MAX_MISSING), end):
            missing[number] = Missing(now, due_at)
        self.deadline = min(self.deadline, due_at)
        given_up = list(range(first, max(first, end - MAX_MISSING)))
        if len(missing) > MAX_MISSING:
            excess = sorted(missing)[: len(missing) - MAX_MISSING]
            for number in excess:
                del missing[number]
            given_up += excess
        return given_up

    def close_gap(self, number: int, now: float) -> Missing | None:
        """Take a packet that came late off the list; ``None`` if it was not on it."""
        found = self.missing.pop(number, None)
        if found is not None and not found.requests:
            # It was under way all the time: wait a little longer before the next request.
            self._reordering_wait = min(
                MAX_REORDERING_WAIT, max(self._reordering_wait, 1.25 * (now - found.noticed_at))
            )
        return found

    def take_due(
        self, now: float, round_trip_time: float, taken: AbstractSet[int] = frozenset()
    ) -> tuple[list[int], list[int]]:
        """Return the packets to ask for now, and those that were asked for often enough in vain.

        Args:
            now: Seconds.
            round_trip_time: Seconds, between two requests for the same packet.
            taken: Sequence numbers of 16 bits that must not be asked for yet.
        """
        due: list[int] = []
        given_up: list[int] = []
        deadline = _NEVER
        again_at = now + max(MIN_REQUEST_INTERVAL, round_trip_time)
        for number, entry in self.missing.items():
            if entry.due_at <= now:
                if number & 0xFFFF in taken:
                    entry.due_at = again_at
                # [rfc4585:4.2/6]
                elif entry.requests >= MAX_REQUESTS:
                    given_up.append(number)
                    continue
                else:
                    entry.requests += 1
                    entry.requested_at = now
                    entry.due_at = again_at
                    due.append(number)
            if entry.due_at < deadline:
                deadline = entry.due_at
        for number in given_up:
            del self.missing[number]
        if due:
            self._reordering_wait *= 0.98
        self.deadline = deadline
        return due, given_up

    def forget_before(self, number: int) -> None:
        """Stop waiting for everything before an extended sequence number: nobody wants it any more."""
        old = [each for each in self.missing if each < number]
        for each in old:
            del self.missing[each]
        if not self.missing:
            self.deadline = _NEVER
