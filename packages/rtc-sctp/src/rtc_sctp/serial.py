"""Serial number arithmetic with 32 bits: TSNs, message identifiers, numbers of requests.

Numbers wrap around, so one is ahead of another if it lies less than half the circle further on. Stepping is addition and a mask, at
each place. See :rfc:`1982` and :rfc:`9260#section-1.6`.
"""

from typing import Final

MASK_32: Final = 0xFFFF_FFFF
MASK_16: Final = 0xFFFF

_HALF: Final = 0x8000_0000


def greater_or_equal_32(left: int, right: int) -> bool:
    """Whether ``left`` is ``right`` or ahead of it by less than half the circle."""
    # [rfc9260:1.6/2]
    return (left - right) & MASK_32 < _HALF
