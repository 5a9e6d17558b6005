"""How much a server says to addresses of which it does not know whether they asked.

Over datagrams anybody can ask in another's name, and a challenge is longer than the request that it answers. So each host
has an allowance for answers to requests that prove nothing; what exceeds it is not sent. A request with a valid nonce has
seen an earlier answer and proves that somebody is there: it fills the allowance up again. Clients repeat what is not
answered, and come through with the next refill.
"""

from typing import Final
from zlib import crc32

from rtc_stun import Address, pack_host

PLACES: Final = 1024
"""Hosts are spread over as many allowances, whatever their number; a few share one."""
_IPV6_PREFIX_LENGTH: Final = 8
"""Bytes of an IPv6 address that tell one site from another; who has one address there has them all."""


class Allowances:
    """Allowances of all hosts, in constant space.

    Args:
        burst: Bytes that an allowance holds.
        rate: Bytes that it gains in a second.
    """

    __slots__ = ("_burst", "_filled_at", "_left", "_rate")

    def __init__(self, burst: int, rate: int) -> None:
        self._burst = float(burst)
        self._rate = rate
        self._left = [self._burst] * PLACES
        self._filled_at = [0.0] * PLACES

    def take(self, address: Address, length: int, now: float) -> bool:
        """Whether as many bytes may be sent now; they count if they may."""
        place = _place(address)
        left = min(self._burst, self._left[place] + max(0.0, now - self._filled_at[place]) * self._rate)
        self._filled_at[place] = now
        may = left >= length
        self._left[place] = left - length if may else left
        return may

    def prove(self, address: Address) -> None:
        """Somebody is there, and has asked."""
        self._left[_place(address)] = self._burst


def _place(address: Address) -> int:
    return crc32(pack_host(address.host)[:_IPV6_PREFIX_LENGTH]) % PLACES
