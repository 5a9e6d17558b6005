"""How the bit rate follows what the delay says: up by factors far from the limit, by steps near it, down by a factor.

See draft-ietf-rmcat-gcc-02, section 5.5.
"""

import enum
from typing import Final

from rtc_rtp.congestion.overuse import BandwidthUsage

BETA: Final = 0.85
"""What remains of the throughput after overuse."""
INCREASE_PER_SECOND: Final = 1.08
THROUGHPUT_HEADROOM: Final = 1.5
"""The rate may be so many times what has been seen to arrive, not more."""
HEADROOM_BPS: Final = 10_000.0
MIN_STEP_BPS: Final = 1_000.0
RESPONSE_TIME: Final = 0.1
"""Seconds that feedback and detector take on top of the round trip."""
FRAMES_PER_SECOND: Final = 30.0
PACKET_BITS: Final = 8 * 1200.0
MIN_LINEAR_STEP_BPS: Final = 4_000.0
CAPACITY_SMOOTHING: Final = 0.05
CAPACITY_DEVIATIONS: Final = 3.0
MIN_BACKOFF_INTERVAL: Final = 0.01
MAX_BACKOFF_INTERVAL: Final = 0.2
DEFAULT_ROUND_TRIP_TIME: Final = 0.2


class LinkCapacity:
    """What the path carried whenever it was overused, and how much that varied."""

    def __init__(self) -> None:
        self.bitrate_bps: float | None = None
        """None if it was never overused, or has changed since."""
        self._variance = 0.4

    def overused(self, throughput_bps: float) -> None:
        """Take in what arrived while the path was overused."""
        sample = throughput_bps / 1000
        if self.bitrate_bps is None:
            self.bitrate_bps = throughput_bps
        known = (1 - CAPACITY_SMOOTHING) * self.bitrate_bps / 1000 + CAPACITY_SMOOTHING * sample
        self.bitrate_bps = 1000 * known
        norm = max(known, 1.0)
        error = known - sample
        variance = (1 - CAPACITY_SMOOTHING) * self._variance + CAPACITY_SMOOTHING * error * error / norm
        self._variance = min(max(variance, 0.4), 2.5)

    def forget(self) -> None:
        """Learn anew: the path is another."""
        self.bitrate_bps = None

    def is_above(self, throughput_bps: float) -> bool:
        """Whether less arrives than the path's capacity can explain."""
        return self.bitrate_bps is not None and throughput_bps < self.bitrate_bps - self._spread()

    def is_below(self, throughput_bps: float) -> bool:
        """Whether more arrives than the path's capacity can explain."""
        return self.bitrate_bps is not None and throughput_bps > self.bitrate_bps + self._spread()

    def _spread(self) -> float:
        known = (self.bitrate_bps or 0.0) / 1000
        return 1000 * CAPACITY_DEVIATIONS * float((self._variance * known) ** 0.5)


class _State(enum.Enum):
    HOLD = enum.auto()
    INCREASE = enum.auto()


class AimdRateControl:
    """Additive increase, multiplicative decrease."""

    def __init__(self, *, start_bitrate_bps: float, min_bitrate_bps: float, max_bitrate_bps: float) -> None:
        self.bitrate_bps = start_bitrate_bps
        """Where the delay allows to go."""
        self.round_trip_time = DEFAULT_ROUND_TRIP_TIME
        """Seconds; whoever knows it better writes it here."""
        self._min_bitrate_bps = min_bitrate_bps
        self._max_bitrate_bps = max_bitrate_bps
        self._capacity = LinkCapacity()
        self._state = _State.HOLD
        self._changed_at: float | None = None
        self._decreased_at: float | None = None

    @property
    def is_near_limit(self) -> bool:
        """Whether the path's capacity is known, so that the rate goes up by small steps."""
        return self._capacity.bitrate_bps is not None

    def set_range(self, min_bitrate_bps: float, max_bitrate_bps: float) -> None:
        """Bound the rate from now on, in bits per second."""
        self._min_bitrate_bps = min_bitrate_bps
        self._max_bitrate_bps = max_bitrate_bps
        self.bitrate_bps = self._clamp(self.bitrate_bps)

    def set_bitrate(self, bitrate_bps: float, now: float) -> None:
        """Go to a rate that is known to be right, as from a probe."""
        self.bitrate_bps = self._clamp(bitrate_bps)
        self._changed_at = now

    def may_decrease(self, throughput_bps: float | None, now: float) -> bool:
        """Whether the last decrease has had time to show, or was far from enough."""
        interval = min(max(self.round_trip_time, MIN_BACKOFF_INTERVAL), MAX_BACKOFF_INTERVAL)
        if self._decreased_at is None or now - self._decreased_at >= interval:
            return True
        return throughput_bps is not None and throughput_bps < 0.5 * self.bitrate_bps

    def update(self, usage: BandwidthUsage, throughput_bps: float | None, now: float, *, in_alr: bool) -> None:
        """Follow what the delay says.

        Args:
            usage: What it says.
            throughput_bps: What arrives, as far as known.
            now: Seconds.
            in_alr: Whether the application sends less than it may, so that nothing can be learned about more.
        """
        match usage:
            case BandwidthUsage.OVERUSING:
                self._decrease(throughput_bps, now)
            case BandwidthUsage.UNDERUSING:
                # The queue empties: what arrives now is more than the path carries.
                self._state = _State.HOLD
            case BandwidthUsage.NORMAL if self._state is _State.HOLD:
                self._state = _State.INCREASE
                self._changed_at = now
            case BandwidthUsage.NORMAL:
                self._increase(throughput_bps, now, in_alr=in_alr)

    def _increase(self, throughput_bps: float | None, now: float, *, in_alr: bool) -> None:
        passed = 0.0 if self._changed_at is None else min(now - self._changed_at, 1.0)
        self._changed_at = now
        if throughput_bps is not None and self._capacity.is_below(throughput_bps):
            self._capacity.forget()
        # Without load there is nothing to be seen of a limit: probes are for that.
        if in_alr and self.is_near_limit:
            return
        if self.is_near_limit:
            grown = self.bitrate_bps + self._linear_step() * passed
        else:
            grown = self.bitrate_bps + max(self.bitrate_bps * (INCREASE_PER_SECOND**passed - 1), MIN_STEP_BPS * passed)
        if throughput_bps is not None:
            grown = min(grown, THROUGHPUT_HEADROOM * throughput_bps + HEADROOM_BPS)
        self.bitrate_bps = self._clamp(max(grown, self.bitrate_bps))

    def _linear_step(self) -> float:
        """Return the bits per second per second by which to grow near the limit: a packet per response time."""
        frame_bits = self.bitrate_bps / FRAMES_PER_SECOND
        packets = max(-(-frame_bits // PACKET_BITS), 1.0)
        return max(frame_bits / packets / (self.round_trip_time + RESPONSE_TIME), MIN_LINEAR_STEP_BPS)

    def _decrease(self, throughput_bps: float | None, now: float) -> None:
        throughput = self.bitrate_bps if throughput_bps is None else throughput_bps
        decreased = BETA * throughput
        capacity = self._capacity
        if decreased > self.bitrate_bps and capacity.bitrate_bps is not None:
            decreased = BETA * capacity.bitrate_bps
        if capacity.is_above(throughput):
            capacity.forget()
        capacity.overused(throughput)
        self.bitrate_bps = self._clamp(min(decreased, self.bitrate_bps))
        self._state = _State.HOLD
        self._changed_at = now
        self._decreased_at = now

    def _clamp(self, bitrate_bps: float) -> float:
        return min(max(bitrate_bps, self._min_bitrate_bps), self._max_bitrate_bps)
