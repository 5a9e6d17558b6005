"""How much a server says to addresses of which it does not know whether they asked.

Over datagrams anybody can ask in another's name, and a challenge is longer than the shortest request that it answers. Two
things keep a server from being of use for that:

- Nobody is sent more challenges than he has sent requests, in bytes and headers included. A client whose first request is
  shorter than the challenge repeats it, as it repeats whatever is not answered, and comes through with the second or third.
- Each host has an allowance for all answers to requests that prove nothing; what exceeds it is not sent.

A request with a valid nonce has seen an earlier answer and proves that somebody is there: its host is answered at once for
a while, and its allowance is full again.
"""

from collections import OrderedDict
from typing import Final
from zlib import crc32

from rtc_stun import Address, pack_host

PLACES: Final = 1024
"""Hosts are spread over as many allowances, whatever their number; a few share one."""
_IPV6_PREFIX_LENGTH: Final = 8
"""Bytes of an IPv6 address that tell one site from another; who has one address there has them all."""


HEADER_LENGTH: Final = 28
"""Bytes of IPv4 and UDP that every datagram has, in both directions; IPv6 has more, again in both."""
MAX_CREDITS: Final = 16_384
"""Hosts that something is known about; who was heard least lately is forgotten."""
MAX_CREDIT: Final = 1024
"""Bytes; who has sent more without an answer does not want one."""
PROVEN_TIME: Final = 600.0
"""Seconds for which a host is believed to be there."""


class _Account:
    __slots__ = ("credit", "proven_until")

    def __init__(self, credit: int) -> None:
        self.credit = credit
        self.proven_until = float("-inf")


class Credits:
    """What each host has sent, to be answered at no greater length.

    Args:
        burst: Bytes that a host may be sent beyond that.
    """

    __slots__ = ("_accounts", "_burst")

    def __init__(self, burst: int) -> None:
        self._burst = burst
        self._accounts: OrderedDict[str, _Account] = OrderedDict()

    def exchange(self, address: Address, received: int, answer: int, now: float) -> bool:
        """Take note of a request, and say whether its host may be sent an answer; it counts if it may."""
        account = self._account(address.host)
        if account.proven_until > now:
            return True
        account.credit = min(account.credit + received + HEADER_LENGTH, MAX_CREDIT + self._burst)
        if account.credit < answer + HEADER_LENGTH:
            return False
        account.credit -= answer + HEADER_LENGTH
        return True

    def prove(self, address: Address, now: float) -> None:
        """Somebody is there, and has asked."""
        account = self._account(address.host)
        account.proven_until = now + PROVEN_TIME
        account.credit = self._burst

    def _account(self, host: str) -> _Account:
        account = self._accounts.get(host)
        if account is None:
            account = self._accounts[host] = _Account(self._burst)
            if len(self._accounts) > MAX_CREDITS:
                self._accounts.popitem(last=False)
        else:
            self._accounts.move_to_end(host)
        return account


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
