"""Whether a queue grows on the path: groups of packets, the trend of their delay, an adaptive threshold.

After Carlucci et al., "Analysis and Design of the Google Congestion Control for Web Real-time Communication", 2016,
and draft-ietf-rmcat-gcc-02, section 5.
"""

import enum
from collections import deque
from collections.abc import Iterable
from itertools import repeat
from operator import mul, sub
from typing import Final

from rtc_rtp.congestion.sent_packets import Arrival

GROUP_LENGTH: Final = 0.005
"""Packets sent within so many seconds are one group."""
BURST_INTERVAL: Final = 0.005
"""Groups that arrive within so many seconds were held back together, as Wi-Fi does."""
MAX_BURST: Final = 0.1
"""Seconds that a burst may last."""
MAX_ARRIVAL_GAP: Final = 3.0
"""Seconds; after a longer one the receiver's clock is taken for a new one."""
WINDOW: Final = 20
"""Groups over which the trend is taken."""
SMOOTHING: Final = 0.9
THRESHOLD_GAIN: Final = 4.0
MAX_DELTA_COUNT: Final = 60
INITIAL_THRESHOLD: Final = 12.5
MIN_THRESHOLD: Final = 6.0
MAX_THRESHOLD: Final = 600.0
GAIN_UP: Final = 0.0087
"""How fast the threshold follows a trend above it, per millisecond."""
GAIN_DOWN: Final = 0.0012
"""How fast it follows one below. It must be much slower than the other: a transfer that fills the queue by and by, as TCP does,
is then soon taken for given, and does not starve us. (libwebrtc has it the other way round, and is starved.)"""
MAX_ADAPT_OFFSET: Final = 15.0
"""A trend farther above the threshold is a spike, which the threshold does not follow."""
OVERUSE_TIME_MS: Final = 10.0
"""Milliseconds for which the trend must be above the threshold."""


class BandwidthUsage(enum.Enum):
    """What the delay says of the path."""

    NORMAL = enum.auto()
    OVERUSING = enum.auto()
    """A queue grows."""
    UNDERUSING = enum.auto()
    """A queue empties."""


class _Group:
    """Packets that left together."""

    __slots__ = ("complete_at", "first_arrival", "first_sent_at", "sent_at")

    def __init__(self, sent_at: float, arrival: float) -> None:
        self.first_sent_at = sent_at
        self.sent_at = sent_at
        self.first_arrival = arrival
        self.complete_at = arrival


class InterArrival:
    """Puts packets into groups and measures from group to group."""

    def __init__(self) -> None:
        self._current: _Group | None = None
        self._previous: _Group | None = None

    def packets_arrived(self, arrivals: Iterable[Arrival]) -> list[tuple[float, float, float]]:
        """Take in packets that arrived, in the order in which they were sent.

        Returns:
            For each two groups in a row that are known now: seconds between them at the sender and at the receiver, and when the
            packet came that ended the second, for a group is known when another begins.
        """
        known: list[tuple[float, float, float]] = []
        current = self._current
        for received_at, packet in arrivals:
            if packet.probe_id is not None:
                # Too fast by intention: the queue that a probe builds is no sign of overuse, and neither is what has to wait for it.
                current = self._previous = None
                continue
            sent_at = packet.sent_at
            if current is None:
                current = _Group(sent_at, received_at)
                continue
            passed = sent_at - current.first_sent_at
            if passed < 0:
                continue  # sent before: out of order
            if passed <= GROUP_LENGTH or (
                received_at - current.complete_at <= BURST_INTERVAL and _is_held_back(current, sent_at, received_at)
            ):
                if sent_at > current.sent_at:
                    current.sent_at = sent_at
                if received_at > current.complete_at:
                    current.complete_at = received_at
                continue
            previous, self._previous = self._previous, current
            if previous is not None:
                arrival_delta = current.complete_at - previous.complete_at
                if 0 <= arrival_delta <= MAX_ARRIVAL_GAP:
                    known.append((current.sent_at - previous.sent_at, arrival_delta, received_at))
                else:
                    # Reordered groups, or a clock that jumped: begin anew.
                    self._previous = None
            current = _Group(sent_at, received_at)
        self._current = current
        return known


def _is_held_back(group: _Group, sent_at: float, received_at: float) -> bool:
    """Tell whether a packet that arrives right after a group, and left some time after it, waited somewhere together with it."""
    propagation_delta = received_at - group.complete_at - (sent_at - group.sent_at)
    return propagation_delta < 0 and received_at - group.first_arrival < MAX_BURST


class TrendlineEstimator:
    """Fits a line through the delay of the latest groups and compares its slope with a threshold that adapts."""

    def __init__(self) -> None:
        self.usage = BandwidthUsage.NORMAL
        """What the delay says now."""
        self._arrivals_ms: deque[float] = deque(maxlen=WINDOW)
        self._delays_ms: deque[float] = deque(maxlen=WINDOW)
        """Of the groups in `_arrivals_ms`, smoothed."""
        self._delta_count = 0
        self._first_arrival: float | None = None
        self._accumulated_ms = 0.0
        self._smoothed_ms = 0.0
        self._threshold = INITIAL_THRESHOLD
        self._last_adapted_at: float | None = None
        self._trend = 0.0
        self._over_threshold_ms: float | None = None
        self._over_threshold_count = 0

    def group_arrived(self, send_delta: float, arrival_delta: float, arrival: float) -> BandwidthUsage:
        """Take in a group; return what the delay says now.

        Args:
            send_delta: Seconds since the group before, at the sender.
            arrival_delta: The same at the receiver.
            arrival: Seconds of the receiver's clock.
        """
        if self._first_arrival is None:
            self._first_arrival = arrival
        if self._delta_count < MAX_DELTA_COUNT:
            self._delta_count += 1
        self._accumulated_ms += 1000 * (arrival_delta - send_delta)
        self._smoothed_ms = SMOOTHING * self._smoothed_ms + (1 - SMOOTHING) * self._accumulated_ms
        self._arrivals_ms.append(1000 * (arrival - self._first_arrival))
        self._delays_ms.append(self._smoothed_ms)
        trend = self._trend
        if len(self._arrivals_ms) == WINDOW:
            trend = self._slope() or trend
        self._detect(trend, 1000 * send_delta, arrival)
        return self.usage

    def _slope(self) -> float | None:
        """Return the slope of the line with the least squares; None if all groups arrived at once."""
        arrivals = self._arrivals_ms
        mean = sum(arrivals) / len(arrivals)
        offsets = list(map(sub, arrivals, repeat(mean)))
        denominator = sum(map(mul, offsets, offsets))
        # The mean of the delays need not be taken off: the offsets are nothing in sum.
        return sum(map(mul, offsets, self._delays_ms)) / denominator if denominator else None

    def _detect(self, trend: float, send_delta_ms: float, arrival: float) -> None:
        if self._delta_count < 2:
            self.usage = BandwidthUsage.NORMAL
            return
        modified = self._delta_count * trend * THRESHOLD_GAIN
        if modified > self._threshold:
            if self._over_threshold_ms is None:
                self._over_threshold_ms = send_delta_ms / 2
            else:
                self._over_threshold_ms += send_delta_ms
            self._over_threshold_count += 1
            lasting = self._over_threshold_ms > OVERUSE_TIME_MS and self._over_threshold_count > 1
            if lasting and trend >= self._trend:
                self._over_threshold_ms = 0.0
                self._over_threshold_count = 0
                self.usage = BandwidthUsage.OVERUSING
        else:
            self._over_threshold_ms = None
            self._over_threshold_count = 0
            # Not the threshold that adapts: a queue that empties is left to do so, however long it took to fill.
            underusing = modified < -MIN_THRESHOLD
            self.usage = BandwidthUsage.UNDERUSING if underusing else BandwidthUsage.NORMAL
        self._trend = trend
        self._adapt(modified, arrival)

    def _adapt(self, modified_trend: float, arrival: float) -> None:
        """Have the threshold follow the trend, so that others who fill the queue do not starve us."""
        # [rfc4585:7/1]
        last = arrival if self._last_adapted_at is None else self._last_adapted_at
        self._last_adapted_at = arrival
        distance = abs(modified_trend) - self._threshold
        if distance > MAX_ADAPT_OFFSET:
            return
        gain = GAIN_DOWN if distance < 0 else GAIN_UP
        passed_ms = min(max(1000 * (arrival - last), 0.0), 100.0)
        self._threshold = min(max(self._threshold + gain * distance * passed_ms, MIN_THRESHOLD), MAX_THRESHOLD)
