"""Serial number arithmetic with 32 bits (TSNs, message identifiers, requests) and 16 bits (stream sequence numbers).

Numbers wrap around, so "greater" means less than half the circle ahead. At exactly half the circle neither of two numbers is
greater. See :rfc:`1982` and :rfc:`9260#section-1.6`.
"""

from typing import Final

MASK_32: Final = 0xFFFF_FFFF
MASK_16: Final = 0xFFFF

_HALF_32: Final = 0x8000_0000
_HALF_16: Final = 0x8000


def add_32(number: int, increment: int) -> int:
    """Step forward, or back by a negative increment, on the circle of 32 bits."""
    # [rfc9260:1.6/1] [rfc9260:1.6/4]
    return (number + increment) & MASK_32


def distance_32(start: int, end: int) -> int:
    """How many steps lead forward from ``start`` to ``end``, 0 to 2**32 - 1."""
    return (end - start) & MASK_32


def greater_32(left: int, right: int) -> bool:
    """Whether ``left`` is ahead of ``right`` by less than half the circle."""
    # [rfc9260:1.6/2]
    return 0 < (left - right) & MASK_32 < _HALF_32


def greater_or_equal_32(left: int, right: int) -> bool:
    """Whether ``left`` is ``right`` or ahead of it by less than half the circle."""
    # [rfc9260:1.6/2]
    return (left - right) & MASK_32 < _HALF_32


def add_16(number: int, increment: int) -> int:
    """Step forward, or back by a negative increment, on the circle of 16 bits."""
    return (number + increment) & MASK_16


def distance_16(start: int, end: int) -> int:
    """How many steps lead forward from ``start`` to ``end``, 0 to 65,535."""
    return (end - start) & MASK_16


def greater_16(left: int, right: int) -> bool:
    """Whether ``left`` is ahead of ``right`` by less than half the circle."""
    # [rfc9260:1.6/5]
    return 0 < (left - right) & MASK_16 < _HALF_16


def greater_or_equal_16(left: int, right: int) -> bool:
    """Whether ``left`` is ``right`` or ahead of it by less than half the circle."""
    # [rfc9260:1.6/5]
    return (left - right) & MASK_16 < _HALF_16
