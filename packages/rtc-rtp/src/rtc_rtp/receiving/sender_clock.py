"""What a sender's reports say about its clock. See :rfc:`3550#section-6.4.1`."""

from rtc_rtp.ntp import ntp_to_wall_clock
from rtc_rtp.rtcp import SenderReport


class SenderClock:
    """Maps RTP timestamps of one stream to the sender's wall clock, which its other streams share."""

    __slots__ = ("ntp_timestamp", "reported_at", "rtp_timestamp")

    def __init__(self) -> None:
        self.ntp_timestamp = 0
        """Of the latest report, 64 bits; 0 before the first."""

        self.rtp_timestamp = 0
        self.reported_at: float | None = None
        """When that report came, seconds of the session's clock."""

    def report(self, report: SenderReport, now: float) -> None:
        """Take a sender report."""
        self.ntp_timestamp = report.ntp_timestamp
        self.rtp_timestamp = report.rtp_timestamp
        self.reported_at = now

    def capture_time(self, timestamp: int, clock_rate: int) -> float | None:
        """Return seconds since 1970 by the sender's clock; ``None`` before the first report."""
        if not self.ntp_timestamp:
            return None
        ticks = (timestamp - self.rtp_timestamp + 0x8000_0000 & 0xFFFF_FFFF) - 0x8000_0000
        return ntp_to_wall_clock(self.ntp_timestamp) + ticks / clock_rate
