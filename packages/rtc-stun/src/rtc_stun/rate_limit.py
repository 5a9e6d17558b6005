"""How often one host may ask for what costs others something."""

from rtc_stun.dataclass import dataclass


@dataclass(slots=True)
class _Allowance:
    left: float
    at: float


class RateLimit:
    """An allowance for each host, renewed steadily; who has not been seen for longest is forgotten first.

    Args:
        rate: How much of it comes back a second.
        burst: How much there is at most.
        max_hosts: How many hosts are remembered.
    """

    __slots__ = ("_allowances", "_burst", "_max_hosts", "_rate")

    def __init__(self, *, rate: float, burst: float, max_hosts: int = 4096) -> None:
        self._rate = rate
        self._burst = burst
        self._max_hosts = max_hosts
        self._allowances: dict[str, _Allowance] = {}

    def admits(self, host: str, now: float) -> bool:
        """Take one from the host's allowance; tell whether there was one left."""
        allowance = self._allowances.pop(host, None) or _Allowance(self._burst, now)
        self._allowances[host] = allowance
        if len(self._allowances) > self._max_hosts:
            del self._allowances[next(iter(self._allowances))]
        allowance.left = min(self._burst, allowance.left + (now - allowance.at) * self._rate)
        allowance.at = now
        if allowance.left < 1.0:
            return False
        allowance.left -= 1.0
        return True
