"""Which TSNs have arrived. See :rfc:`9260#section-6.2` and 6.7."""

from bisect import bisect_right
from typing import Final

from .serial import MASK_32

MAX_GAP_OFFSET: Final = 0xFFFF
"""Gap blocks cannot name a TSN further ahead of the cumulative one."""


class TsnTracker:
    """The cumulative TSN and what arrived beyond it.

    TSNs are kept as plain integers that do not wrap: the one on the wire is the lower 32 bits.
    """

    __slots__ = ("_ends", "_starts", "cumulative", "duplicates")

    def __init__(self, initial_tsn: int) -> None:
        # [rfc9260:5.1/21] One turn ahead, so that no TSN on the wire lies below zero.
        self.cumulative = initial_tsn + MASK_32
        """The last TSN received in sequence, not wrapped."""

        self._starts: list[int] = []
        self._ends: list[int] = []
        self.duplicates: list[int] = []
        """TSNs, as on the wire, that arrived again since the last SACK."""

    @property
    def has_gaps(self) -> bool:
        """Whether anything arrived beyond a TSN that is missing."""
        return bool(self._starts)

    @property
    def cumulative_tsn(self) -> int:
        """The last TSN received in sequence, as on the wire."""
        return self.cumulative & MASK_32

    @property
    def highest(self) -> int:
        """The highest TSN received, not wrapped."""
        return self._ends[-1] if self._ends else self.cumulative

    def unwrap(self, tsn: int) -> int:
        """The number that does not wrap for a TSN on the wire; at or below ``cumulative`` for old ones."""
        # [rfc9260:1.6/1] [rfc9260:1.6/2]
        offset = (tsn - self.cumulative) & MASK_32
        return self.cumulative + (offset if offset < 0x8000_0000 else offset - MASK_32 - 1)

    def has(self, number: int) -> bool:
        """Whether a TSN arrived."""
        if number <= self.cumulative:
            return True
        place = bisect_right(self._starts, number) - 1
        return place >= 0 and number <= self._ends[place]

    def add(self, number: int) -> None:
        """Note the arrival of a TSN that `has` does not know."""
        starts, ends = self._starts, self._ends
        if number == self.cumulative + 1:
            self.cumulative = number
            self._absorb()
            return
        place = bisect_right(starts, number)
        joins_left = place > 0 and ends[place - 1] == number - 1
        joins_right = place < len(starts) and starts[place] == number + 1
        if joins_left and joins_right:
            ends[place - 1] = ends.pop(place)
            del starts[place]
        elif joins_left:
            ends[place - 1] = number
        elif joins_right:
            starts[place] = number
        else:
            starts.insert(place, number)
            ends.insert(place, number)

    def skip_to(self, number: int) -> None:
        """Consider everything up to a TSN received: the peer will not send it."""
        # [rfc3758:3.2/2] [rfc3758:3.6/2] [rfc3758:3.6/3]
        self.cumulative = number
        self._absorb()

    def _absorb(self) -> None:
        """Move over the blocks that the cumulative TSN has reached."""
        count = 0
        for start, end in zip(self._starts, self._ends, strict=True):
            if start > self.cumulative + 1:
                break
            self.cumulative = max(self.cumulative, end)
            count += 1
        if count:
            del self._starts[:count]
            del self._ends[:count]

    def gaps(self, limit: int) -> tuple[tuple[int, int], ...]:
        """The lowest blocks beyond the cumulative TSN, as offsets from it, at most ``limit`` of them."""
        # [rfc9260:3.3.4/2] [rfc9260:6.2/16] [rfc9260:6.7/6] [rfc9260:6.7/7]
        base = self.cumulative
        return tuple(
            [(start - base, end - base) for start, end in zip(self._starts[:limit], self._ends[:limit], strict=True)]
        )
