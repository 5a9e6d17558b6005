"""The retransmission timeout and what is remembered of it (:rfc:`8489#section-6.2.1`, :rfc:`6298`)."""

import math
from typing import Final

from rtc_stun.dataclass import dataclass

CACHE_LIFETIME: Final = 600.0
"""Seconds after which the estimate for an unused server is worth nothing."""

MAX_SERVERS: Final = 256
"""Servers that a cache remembers; the one unused for longest makes room."""

_GRANULARITY: Final = 0.001
_DEVIATIONS: Final = 4


@dataclass(slots=True)
class _Estimate:
    """Smoothed round-trip time and its variation, in seconds, as in :rfc:`6298#section-2`."""

    used_at: float
    smoothed: float | None = None
    variation: float = 0.0

    def add(self, rtt: float) -> None:
        if self.smoothed is None:
            self.smoothed = rtt
            self.variation = rtt / 2
        else:
            self.variation += (abs(self.smoothed - rtt) - self.variation) / 4
            self.smoothed += (rtt - self.smoothed) / 8


class RtoCache:
    """The RTO of each server, by IP address. Share one among clients that want to learn from each other."""

    def __init__(self, *, initial_rto: float = 0.5, minimum_rto: float = 0.5) -> None:
        """Start with no estimate.

        Args:
            initial_rto: Seconds for an unknown server. Less than 0.5 only in networks of known capacity.
            minimum_rto: Seconds that no estimate undercuts.
        """
        if not (initial_rto > 0 and minimum_rto > 0):
            raise ValueError("a retransmission timeout is positive")
        # [rfc8489:6.2.1/2] [rfc8489:6.2.1/3] The defaults; a usage with its own pacing, such as ICE, may set less.
        self._initial_rto = initial_rto
        self._minimum_rto = minimum_rto
        self._estimates: dict[str, _Estimate] = {}

    def rto(self, host: str, now: float) -> float:
        """Return the seconds to wait before the first retransmission to a server."""
        estimate = self._estimates.get(host)
        # [rfc8489:6.2.1/9]
        if estimate is None or estimate.smoothed is None or now - estimate.used_at > CACHE_LIFETIME:
            return self._initial_rto
        rto = estimate.smoothed + max(_GRANULARITY, _DEVIATIONS * estimate.variation)
        # [rfc8489:6.2.1/4] [rfc8489:6.2.1/5] Whole milliseconds, not whole seconds as in TCP.
        return max(self._minimum_rto, math.ceil(rto / _GRANULARITY - 1e-6) * _GRANULARITY)

    def completed(self, host: str, now: float, rtt: float | None) -> None:
        """Note that a transaction has ended.

        Args:
            host: IP literal of the server.
            now: Seconds.
            rtt: Its round-trip time in seconds; None if the request was repeated or never answered: nobody knows.
        """
        # [rfc8489:6.2.1/8] Popped and put back: the dict is ordered by last use.
        estimate = self._estimates.pop(host, None)
        if estimate is None or now - estimate.used_at > CACHE_LIFETIME:
            estimate = _Estimate(now)
        estimate.used_at = now
        # [rfc8489:6.2.1/6] [rfc8489:6.2.1/7]
        if rtt is not None:
            estimate.add(rtt)
        self._estimates[host] = estimate
        if len(self._estimates) > MAX_SERVERS:
            del self._estimates[next(iter(self._estimates))]
