"""Numbers that wrap: sequence numbers and timestamps (:rfc:`3550#section-5.1`, compared as :rfc:`1982` does)."""

from typing import Final

SEQUENCE_BITS: Final = 16
"""Width of an RTP sequence number and of a transport-wide one."""
TIMESTAMP_BITS: Final = 32
"""Width of an RTP timestamp."""


def sequence_difference(later: int, earlier: int, *, bits: int = SEQUENCE_BITS) -> int:
    """Return how far `later` is ahead of `earlier`, modulo wrapping: negative if it is behind.

    Two numbers half the circle apart have no order; the result is then the negative half.

    Args:
        later: A number of `bits` bits.
        earlier: Another one.
        bits: Width, `TIMESTAMP_BITS` for timestamps.

    See :rfc:`1982#section-3.2`.
    """
    half = 1 << (bits - 1)
    return ((later - earlier + half) & ((1 << bits) - 1)) - half


def sequence_is_newer(candidate: int, reference: int, *, bits: int = SEQUENCE_BITS) -> bool:
    """Tell whether `candidate` comes after `reference`, modulo wrapping."""
    return 0 < (candidate - reference) & ((1 << bits) - 1) < 1 << (bits - 1)


class SequenceUnwrapper:
    """Extend numbers that wrap to numbers that only grow.

    The first number is taken as it is; each later one becomes the value nearest to the highest seen. A number from before
    the first wrap may so become negative. See :rfc:`3550#appendix-A.1`.
    """

    __slots__ = ("_half", "_mask", "highest")

    def __init__(self, *, bits: int = SEQUENCE_BITS) -> None:
        self._half = 1 << (bits - 1)
        self._mask = (1 << bits) - 1
        self.highest: int | None = None
        """The highest extended number so far; None before the first."""

    def unwrap(self, number: int) -> int:
        """Return the extended number, and remember it if it is the highest.

        Args:
            number: 0 to 65,535, or as many bits as the unwrapper was made for.
        """
        highest = self.highest
        if highest is None:
            self.highest = number
            return number
        ahead = number - highest & self._mask
        # [rfc3611:4.1/9]
        if ahead < self._half:
            self.highest = extended = highest + ahead
            return extended
        return highest + ahead - self._mask - 1

    def peek(self, number: int) -> int:
        """Return what `unwrap` would, and remember nothing."""
        highest = self.highest
        if highest is None:
            return number
        ahead = number - highest & self._mask
        return highest + ahead if ahead < self._half else highest + ahead - self._mask - 1
