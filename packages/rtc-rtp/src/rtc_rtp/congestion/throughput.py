"""What arrives at the other end, in bits per second, as its feedback tells it."""

from collections.abc import Iterable
from typing import Final

from rtc_rtp.congestion.sent_packets import Arrival

FIRST_WINDOW: Final = 0.5
"""Seconds over which the first estimate is taken."""
WINDOW: Final = 0.15
"""Seconds of a sample later on."""
MAX_GAP: Final = 0.5
"""Seconds without a packet after which a sample begins anew."""
MIN_BITRATE_BPS: Final = 40_000.0
UNCERTAINTY: Final = 10.0
UNCERTAINTY_IN_ALR: Final = 20.0
DRIFT: Final = 5.0
"""How much the estimate's variance grows with each sample."""


class AcknowledgedBitrate:
    """A running estimate that trusts samples the less, the farther they are from what is known."""

    def __init__(self) -> None:
        self.bitrate_bps: float | None = None
        """Bits per second; None before there were half a second of arrivals."""
        self._variance = 50.0
        self._window_started_at: float | None = None
        self._window_bytes = 0
        self._last_at = 0.0

    def packets_arrived(self, arrivals: Iterable[Arrival], *, in_alr: bool) -> None:
        """Take in packets that arrived.

        Args:
            arrivals: In the order in which they were sent.
            in_alr: Whether the application sends less than it may: samples are then rather too small than too large.
        """
        started, last_at, size = self._window_started_at, self._last_at, self._window_bytes
        for received_at, packet in arrivals:
            if started is None or received_at < started or received_at - last_at > MAX_GAP:
                # The first packet of a window says where it begins; its bytes came before.
                started = last_at = received_at
                size = 0
                continue
            size += packet.size
            if received_at > last_at:
                last_at = received_at
            passed = received_at - started
            if passed >= (FIRST_WINDOW if self.bitrate_bps is None else WINDOW):
                self._take_sample(8 * size / passed, in_alr=in_alr)
                started = received_at
                size = 0
        self._window_started_at, self._last_at, self._window_bytes = started, last_at, size

    def skip(self) -> None:
        """Begin a new sample: what arrived since the last packet is not known."""
        self._window_started_at = None

    def expect_change(self) -> None:
        """Begin a new sample, and trust it more than usual."""
        self._window_started_at = None
        self._variance += 200.0

    def _take_sample(self, sample_bps: float, *, in_alr: bool) -> None:
        known = self.bitrate_bps
        if known is None:
            self.bitrate_bps = max(sample_bps, MIN_BITRATE_BPS)
            return
        scale = UNCERTAINTY_IN_ALR if in_alr and sample_bps < known else UNCERTAINTY
        deviation = scale * abs(known - sample_bps) / known
        sample_variance = deviation * deviation
        variance = self._variance + DRIFT
        total = sample_variance + variance
        self.bitrate_bps = max((sample_variance * known + variance * sample_bps) / total, MIN_BITRATE_BPS)
        self._variance = sample_variance * variance / total
