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
    """The newest packet of a source, and which of those before it there were.

    ::

        ... 1 1 0 1 1 0 0 | 1 1 1 1 1 1 1 |
             seen         | run    newest |

    Packets that come in order make the run longer, and cost nothing else. After a gap a new run begins.
    """

    __slots__ = ("_all", "_run", "_seen", "_size", "expected", "floor", "newest")

    def __init__(self, newest: int, size: int, floor: int = 0) -> None:
        self.floor = floor
        """The lowest number that this window knows of: those below may have been there before."""
        self.newest = newest
        """The highest number so far, which there was. Its lower 48 bits are the roll-over counter and s_l."""
        self.expected = (newest & 0xFFFF) + 1
        """The sequence number that comes next if all goes well; no sequence number at all where it rolls over."""
        self._run = newest
        self._seen = 0
        """Bit n stands for the packet n + 1 before the run."""
        self._size = size
        self._all = (1 << size) - 1

    def locate(self, sequence_number: int) -> int:
        """Return the number that a packet with this sequence number most probably has: the closest to the newest.

        It may be one that belongs to the next SSRC: then this one has no index left.
        """
        newest = self.newest
        # [rfc3711:3.3.1/6]
        ahead = sequence_number - newest & 0xFFFF
        if ahead < _HALF or (ahead == _HALF and not newest & _HALF):
            return newest + ahead
        number = newest + ahead - SEQUENCE_NUMBERS
        # Nothing was sent before the first roll-over counter: there the closest that can be is ahead.
        return number if number >> INDEX_BITS == newest >> INDEX_BITS else newest + ahead

    def is_new(self, number: int) -> bool:
        """Whether this packet is ahead of the window, or in it and has not been there."""
        # [rfc3711:3.3.2/4]
        if number > self.newest or not self._size:
            return True
        if number >= self._run or number < self.floor or self.newest - number >= self._size:
            return False
        return not self._seen >> (self._run - 1 - number) & 1

    def add(self, number: int) -> None:
        """Remember a packet, and move on if it is the newest. Only after it has been authenticated."""
        # [rfc3711:3.3.2/5] [rfc3711:3.3.1/7]
        gap = number - self.newest - 1
        if gap < 0:
            if number < self._run:
                self._seen |= 1 << (self._run - 1 - number) & self._all
            return
        if gap:
            length = min(self.newest - self._run + 1, self._size)
            run = self._seen << length | (1 << length) - 1
            self._seen = run << gap & self._all if gap < self._size else 0
            self._run = number
        self.newest = number
        self.expected = (number & 0xFFFF) + 1
