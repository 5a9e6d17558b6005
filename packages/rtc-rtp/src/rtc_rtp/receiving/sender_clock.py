"""What a sender says about its clock, in reports or in packets. See :rfc:`3550#section-6.4.1` and :rfc:`6051`."""

from rtc_rtp.ntp import ntp_to_wall_clock
from rtc_rtp.rtcp import SenderReport


class SenderClock:
    """Maps RTP timestamps of one stream to the sender's wall clock, which its other streams share."""

    __slots__ = ("_mapping", "ntp_timestamp", "reported_at")

    def __init__(self) -> None:
        self._mapping: tuple[float, int] | None = None
        """Seconds since 1970 and the RTP timestamp of the same instant, the latest that was told."""

        self.ntp_timestamp = 0
        """Of the latest report, 64 bits; 0 before the first."""

        self.reported_at: float | None = None
        """When that report came, seconds of the session's clock."""

    def report(self, report: SenderReport, now: float) -> None:
        """Take a sender report."""
        self.ntp_timestamp = report.ntp_timestamp
        self._mapping = ntp_to_wall_clock(report.ntp_timestamp), report.rtp_timestamp
        self.reported_at = now

    def tell(self, ntp_timestamp: int, rtp_timestamp: int) -> None:
        """Take what a packet of the stream says of itself, as good as a report. See :rfc:`6051#section-3.3`."""
        self._mapping = ntp_to_wall_clock(ntp_timestamp), rtp_timestamp

    def capture_time(self, timestamp: int, clock_rate: int) -> float | None:
        """Return seconds since 1970 by the sender's clock; ``None`` before it told anything."""
        if self._mapping is None:
            return None
        wall_clock, rtp_timestamp = self._mapping
        ticks = (timestamp - rtp_timestamp + 0x8000_0000 & 0xFFFF_FFFF) - 0x8000_0000
        return wall_clock + ticks / clock_rate
