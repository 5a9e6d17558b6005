"""What receiver reports say where there is no feedback by packet (draft-ietf-rmcat-gcc-02, section 6)."""

from typing import Final

LOW_LOSS: Final = 0.02
"""With less than this lost, the rate goes up."""
HIGH_LOSS: Final = 0.10
"""With more than this lost, it goes down."""
INCREASE: Final = 1.08
INCREASE_INTERVAL: Final = 1.0
"""Seconds between increases."""
STEP_BPS: Final = 1_000.0
DECREASE_INTERVAL: Final = 0.3
"""Seconds between decreases, beside the round trip."""
MIN_PACKET_COUNT: Final = 20
"""Reports about fewer packets are added up before they count."""


class ReportedLoss:
    """Steers a rate by the loss that reports tell of."""

    def __init__(self, *, start_bitrate_bps: float) -> None:
        self.bitrate_bps = start_bitrate_bps
        """Where the loss allows to go."""
        self.loss = 0.0
        """Share of packets in the last report that counted, 0 to 1."""
        self._lost = 0.0
        self._expected = 0
        self._increased_at: float | None = None
        self._decreased_at: float | None = None

    def take_report(self, fraction_lost: float, packet_count: int, now: float, *, round_trip_time: float) -> None:
        """Take in a report.

        Args:
            fraction_lost: Share of packets lost since the report before, 0 to 1.
            packet_count: Packets expected since then.
            now: Seconds.
            round_trip_time: Seconds.
        """
        self._lost += fraction_lost * packet_count
        self._expected += packet_count
        if self._expected < MIN_PACKET_COUNT:
            return
        self.loss = self._lost / self._expected
        self._lost, self._expected = 0.0, 0
        if self.loss <= LOW_LOSS:
            if self._increased_at is None or now - self._increased_at >= INCREASE_INTERVAL:
                self._increased_at = now
                self.bitrate_bps = self.bitrate_bps * INCREASE + STEP_BPS
        elif self.loss > HIGH_LOSS:
            interval = DECREASE_INTERVAL + round_trip_time
            if self._decreased_at is None or now - self._decreased_at >= interval:
                self._decreased_at = now
                self.bitrate_bps *= 1 - 0.5 * self.loss
