"""What loss says of the path: how much of it comes from sending too much, and how much would be there anyway.

For some candidates of the bandwidth the likelihood of the losses that were seen is computed, under a model with two
parameters: the bandwidth that loss leaves, and the loss that is inherent. The best candidate wins. After libwebrtc's second
loss-based estimator; what draft-ietf-rmcat-gcc-02, section 6, describes is in `loss_report`.
"""

from collections import deque
from math import log
from typing import Final

from rtc_rtp.congestion.sent_packets import SentPacket

OBSERVATION_LENGTH: Final = 0.25
"""Seconds of sending that make an observation."""
WINDOW: Final = 15
"""Observations that count."""
AGEING: Final = 0.9
"""Weight of an observation, times that of the one after it."""
MIN_OBSERVATION_COUNT: Final = 3
CANDIDATE_FACTORS: Final = (1.02, 1.0, 0.95)
MIN_INHERENT_LOSS: Final = 1e-3
INHERENT_LOSS_OFFSET: Final = 0.05
"""Inherent loss that any path may have; slow ones may have more."""
INHERENT_LOSS_BALANCE_BPS: Final = 100_000.0
NEWTON_STEP: Final = 0.75
BIAS_FACTOR: Final = 0.0002
"""How much more likely a larger bandwidth is than a smaller one, per kilobit per second, if losses are the same."""
LOG_BIAS_FACTOR: Final = 0.02
BIAS_LOSS_THRESHOLD: Final = 0.15
"""The bias turns round where more than this is lost."""
BIAS_SMOOTHING: Final = 0.002
INSTANT_LOSS_OFFSET: Final = 0.05
INSTANT_BALANCE_BPS: Final = 75_000.0
"""Where more than the offset is lost, the bandwidth is at most this, divided by what is lost beyond."""
RAMP_FACTOR: Final = 1.3
"""How far the bandwidth may rise within a window after a decrease."""
RAMP_WINDOW: Final = 0.3
_MIN_PROBABILITY: Final = 1e-6


class _Observation:
    """What was sent in some quarter of a second, and how much of it was lost."""

    __slots__ = ("bitrate_bps", "bytes", "count", "lost")

    def __init__(self, count: int, lost: int, size: int, seconds: float) -> None:
        self.count = count
        self.lost = lost
        self.bytes = size
        self.bitrate_bps = 8 * size / seconds


class LossBasedEstimator:
    """Finds the bandwidth that explains what was lost."""

    def __init__(self, *, min_bitrate_bps: float) -> None:
        self.bitrate_bps: float | None = None
        """Where the loss allows to go; None as long as it sets no limit."""
        self.average_loss = 0.0
        """Share of packets that were lost lately, 0 to 1."""
        self._min_bitrate_bps = min_bitrate_bps
        self._inherent_loss = 0.01
        self._observations: deque[_Observation] = deque(maxlen=WINDOW)
        self._count = self._lost = self._bytes = 0
        self._started_at: float | None = None
        self._last_sent_at = 0.0
        self._ramp_from_bps = float("inf")
        self._ramp_at = 0.0

    def take_results(self, results: list[SentPacket], *, delay_based_bps: float, throughput_bps: float | None) -> None:
        """Take in what became of some packets.

        Args:
            results: What `SentPackets.results` returned, in the order in which they were sent, at least one.
            delay_based_bps: Where the delay allows to go.
            throughput_bps: What arrives, as far as known.
        """
        lost = size = 0
        for packet in results:
            lost += packet.received_at is None
            size += packet.size
        self._count += len(results)
        self._lost += lost
        self._bytes += size
        if self._started_at is None:
            self._started_at = results[0].sent_at
        self._last_sent_at = max(self._last_sent_at, results[-1].sent_at)
        seconds = self._last_sent_at - self._started_at
        if seconds < OBSERVATION_LENGTH:
            return
        self._observations.append(_Observation(self._count, self._lost, self._bytes, seconds))
        self._count = self._lost = self._bytes = 0
        self._started_at = self._last_sent_at
        self._average()
        if len(self._observations) >= MIN_OBSERVATION_COUNT:
            self._estimate(delay_based_bps, throughput_bps)

    def _average(self) -> None:
        lost = count = 0.0
        for observation in self._observations:
            lost = AGEING * lost + observation.lost
            count = AGEING * count + observation.count
        self.average_loss = lost / count if count else 0.0

    def _estimate(self, delay_based_bps: float, throughput_bps: float | None) -> None:
        current = min(self.bitrate_bps if self.bitrate_bps is not None else delay_based_bps, delay_based_bps)
        if not self.average_loss:
            # What follows would find the same: without loss the largest bandwidth and the least loss explain most.
            self._inherent_loss = MIN_INHERENT_LOSS
            self._settle(delay_based_bps, current, delay_based_bps)
            return
        self._settle(
            min(self._most_likely(current, delay_based_bps, throughput_bps), self._instant_bound()),
            current,
            delay_based_bps,
        )

    def _most_likely(self, current: float, delay_based_bps: float, throughput_bps: float | None) -> float:
        """Return the bandwidth that explains the observations best, and take over the inherent loss that it was found with."""
        candidates = {factor * current: self._inherent_loss for factor in CANDIDATE_FACTORS}
        if throughput_bps is not None:
            candidates[throughput_bps] = self._inherent_loss
        candidates[delay_based_bps] = self._inherent_loss
        best_bps, best_loss, best_objective = current, self._inherent_loss, float("-inf")
        for bandwidth, inherent_loss in sorted(candidates.items()):
            if bandwidth > delay_based_bps or bandwidth < self._min_bitrate_bps:
                continue
            fitted = self._fit_inherent_loss(bandwidth, inherent_loss)
            objective = self._objective(bandwidth, fitted)
            if objective > best_objective:
                best_bps, best_loss, best_objective = bandwidth, fitted, objective
        # More is lost than the path loses by itself: no reason to go up.
        if best_bps > current and best_loss < self.average_loss:
            best_bps = current
        self._inherent_loss = best_loss
        return best_bps

    def _settle(self, best_bps: float, current: float, delay_based_bps: float) -> None:
        """Go to a bandwidth, and up only in steps after having gone down."""
        now = self._last_sent_at
        if best_bps < current:
            self._ramp_from_bps, self._ramp_at = best_bps, now
        elif best_bps > self._ramp_from_bps * RAMP_FACTOR:
            best_bps = self._ramp_from_bps * RAMP_FACTOR
        if now - self._ramp_at >= RAMP_WINDOW:
            self._ramp_from_bps, self._ramp_at = best_bps, now
        best_bps = max(best_bps, self._min_bitrate_bps)
        if best_bps >= delay_based_bps:
            self.bitrate_bps = None
            self._ramp_from_bps = float("inf")
        else:
            self.bitrate_bps = best_bps

    def _instant_bound(self) -> float:
        beyond = self.average_loss - INSTANT_LOSS_OFFSET
        return INSTANT_BALANCE_BPS / beyond if beyond > 0 else float("inf")

    def _fit_inherent_loss(self, bandwidth: float, inherent_loss: float) -> float:
        """Return the inherent loss that explains more, one step of Newton's away, within what is possible."""
        most = min(INHERENT_LOSS_OFFSET + INHERENT_LOSS_BALANCE_BPS / max(bandwidth, 1.0), 1.0)
        inherent_loss = min(max(inherent_loss, MIN_INHERENT_LOSS), most)
        first = second = 0.0
        weight = 1.0
        for observation in reversed(self._observations):
            probability = _loss_probability(inherent_loss, bandwidth, observation.bitrate_bps)
            lost, arrived = observation.lost, observation.count - observation.lost
            first += weight * (lost / probability - arrived / (1 - probability))
            second -= weight * (lost / probability**2 + arrived / (1 - probability) ** 2)
            weight *= AGEING
        if second:
            inherent_loss -= NEWTON_STEP * first / second
        return min(max(inherent_loss, MIN_INHERENT_LOSS), most)

    def _objective(self, bandwidth: float, inherent_loss: float) -> float:
        """Return how likely the observations are, with some bias for a large bandwidth."""
        kbps = bandwidth / 1000
        bias = BIAS_FACTOR * kbps + LOG_BIAS_FACTOR * log(1 + kbps)
        distance = BIAS_LOSS_THRESHOLD - self.average_loss
        bias *= distance / (BIAS_SMOOTHING + abs(distance))
        total = 0.0
        weight = 1.0
        for observation in reversed(self._observations):
            probability = _loss_probability(inherent_loss, bandwidth, observation.bitrate_bps)
            lost, arrived = observation.lost, observation.count - observation.lost
            total += weight * (lost * log(probability) + arrived * log(1 - probability) + bias * observation.count)
            weight *= AGEING
        return total


def _loss_probability(inherent_loss: float, bandwidth: float, bitrate_bps: float) -> float:
    """Return the share that is lost: what is inherent, and of the rest what the bandwidth does not take."""
    probability = inherent_loss
    if bitrate_bps > bandwidth:
        probability += (1 - inherent_loss) * (bitrate_bps - bandwidth) / bitrate_bps
    return min(max(probability, _MIN_PROBABILITY), 1 - _MIN_PROBABILITY)
