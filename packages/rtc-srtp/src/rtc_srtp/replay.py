"""Which packets there were: the index that a sequence number stands for, and the replay list.

Numbers are those of `transform`: they contain the SSRC, so that there is one window for each source, and no two share a number.

See :rfc:`3711#section-3.3.1` and :rfc:`3711#section-3.3.2`.
"""

from typing import Final

SEQUENCE_NUMBERS: Final = 1 << 16
_HALF: Final = SEQUENCE_NUMBERS >> 1
INDEX_BITS: Final = 48
"""How far the SSRC stands to the left in a number."""


def roll_over_counter(number: int) -> int:
    """Return the roll-over counter (ROC) in a number."""
    return number >> 16 & 0xFFFF_FFFF


class ReplayWindow:
    """The newest packet of a source, and which of those before it there were."""

    __slots__ = ("_all", "_size", "newest", "seen")

    def __init__(self, newest: int, size: int) -> None:
        self.newest = newest
        """The highest number so far. Its lower 48 bits are the roll-over counter and s_l."""
        self.seen = 0
        """Bit n stands for the packet n before the newest."""
        self._size = size
        self._all = (1 << size) - 1

    def locate(self, sequence_number: int) -> int:
        """Return the number that a packet with this sequence number most probably has: the closest to the newest."""
        newest = self.newest
        # [rfc3711:3.3.1/5]
        ahead = sequence_number - newest & 0xFFFF
        if ahead < _HALF:
            return newest + ahead
        if ahead == _HALF and not newest & _HALF:
            return newest + ahead
        number = newest + ahead - SEQUENCE_NUMBERS
        # Nothing was sent before the first roll-over counter: there the closest that can be is ahead.
        return number if number >> INDEX_BITS == newest >> INDEX_BITS else newest + ahead

    def is_new(self, number: int) -> bool:
        """Whether this packet is ahead of the window, or in it and has not been there."""
        behind = self.newest - number
        # [rfc3711:3.3.2/4]
        return behind < 0 or not self._size or (behind < self._size and not self.seen >> behind & 1)

    def add(self, number: int) -> None:
        """Remember a packet, and move on if it is the newest. Only after it has been authenticated."""
        ahead = number - self.newest
        # [rfc3711:3.3.2/5] [rfc3711:3.3.1/6]
        if ahead > 0:
            self.seen = (self.seen << ahead | 1) & self._all if ahead < self._size else 1
            self.newest = number
        elif self._size:
            self.seen |= 1 << -ahead
