"""Round-trip times out of reports. See :rfc:`3550#section-6.4.1` and :rfc:`3611#section-4.5`."""

from typing import Final

from rtc_rtp.ntp import short_to_seconds

DEFAULT_ROUND_TRIP_TIME: Final = 0.1
"""Seconds to assume before anything was measured."""


def round_trip_time(now: int, last_report: int, delay: int) -> float:
    """Return the seconds between a report and its echo without the time for which the peer held it, never negative.

    Args:
        now: Middle 32 bits of the NTP timestamp of the arrival.
        last_report: LSR or LRR of the echo.
        delay: DLSR or DLRR of the echo.
    """
    # [rfc3550:6.4.1/13]
    units = now - last_report - delay & 0xFFFF_FFFF
    # Rounding on both sides may make an echo seem to come before it was sent.
    return 0.0 if units >= 0x8000_0000 else short_to_seconds(units)


class RoundTripTime:
    """The smoothed round-trip time of the path; reports, extended reports and retransmissions feed it."""

    __slots__ = ("latest", "smoothed")

    def __init__(self) -> None:
        self.latest: float | None = None
        """As a report measured it, seconds."""

        self.smoothed: float | None = None

    def measure(self, seconds: float) -> None:
        """Take a measurement."""
        before = None if self.latest is None else self.smoothed
        self.latest = seconds
        self.smoothed = seconds if before is None else before + (seconds - before) / 8

    def estimate(self, seconds: float) -> None:
        """Take a measurement of what is not made for it, such as a retransmission, as long as there is nothing better."""
        if self.latest is None:
            self.smoothed = seconds if self.smoothed is None else self.smoothed + (seconds - self.smoothed) / 8

    @property
    def assumed(self) -> float:
        """Seconds to reckon with: as measured, or a usual value."""
        return DEFAULT_ROUND_TRIP_TIME if self.smoothed is None else self.smoothed
