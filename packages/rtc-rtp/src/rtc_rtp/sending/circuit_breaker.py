"""When to stop sending because the path, or the peer, is in no state to be sent to. See :rfc:`8083#section-4`."""

from collections import deque
from enum import Enum
from math import ceil, sqrt
from typing import Final

from rtc_rtp.rtcp import ReportBlock

MIN_REPORT_INTERVAL: Final = 5.0
"""Tmin, seconds: what is reckoned with for a peer that reports seldom."""

TIMEOUT_INTERVALS: Final = 3
STALLED_REPORTS: Final = 5
"""k: reports without progress that show a path that is broken."""

FAIRNESS: Final = 10.0
"""How many times as much as TCP would is too much."""

FRAME_INTERVAL: Final = 1 / 30
"""Tf, seconds, as most video has it."""

MAX_REPORTS: Final = 64


class BreakReason(Enum):
    """Why a stream is held back."""

    RTCP_TIMEOUT = "rtcp_timeout"
    """The peer reports nothing."""

    MEDIA_TIMEOUT = "media_timeout"
    """The peer reports that nothing arrives."""

    CONGESTION = "congestion"
    """So much is lost that TCP would send a tenth at most."""


# [rfc8083:8/1] [rfc8834:7.1/1] [rfc8834:7.2/2] [rfc8834:7.2/3]
class CircuitBreaker:
    """Watches the reports on one stream."""

    __slots__ = (
        "_highest",
        "_intervals",
        "_reported_at",
        "_sent_count",
        "_sent_size",
        "_silent_since",
        "_stalled",
        "reason",
    )

    def __init__(self) -> None:
        self.reason: BreakReason | None = None
        """Why nothing may be sent; ``None`` as long as it may."""

        self._intervals: deque[tuple[float, float]] = deque(maxlen=MAX_REPORTS)
        """Fraction lost and seconds of the latest report intervals."""

        self._reported_at: float | None = None
        self._highest = -1
        self._stalled = 0
        self._sent_count = 0
        self._sent_size = 0
        self._silent_since: float | None = None

    def report(
        self, block: ReportBlock, now: float, *, sent_count: int, sent_size: int, round_trip_time: float
    ) -> None:
        """Take a report on the stream; feedback without one says nothing here.

        Args:
            block: Of the peer.
            now: Seconds.
            sent_count: Packets sent so far.
            sent_size: Bytes sent so far.
            round_trip_time: Seconds.
        """
        # [rfc8083:5/1] [rfc8083:5/2] [rfc8083:5/3]
        before, self._reported_at = self._reported_at, now
        self._silent_since = None
        new_packets, new_bytes = sent_count - self._sent_count, sent_size - self._sent_size
        self._sent_count, self._sent_size = sent_count, sent_size
        if before is None or now <= before:
            self._highest = block.highest_sequence_number
            return
        interval = now - before
        self._watch_arrival(block.highest_sequence_number, new_packets, interval, round_trip_time)
        # [rfc8083:4.3/3]
        self._intervals.append((block.fraction_lost / 256, interval))
        if new_packets and interval / new_packets <= max(interval, round_trip_time):
            self._watch_congestion(new_bytes / new_packets, new_bytes / interval, interval, round_trip_time)

    def hear(self) -> None:
        """Note that the peer reports again, if only that it gets nothing: the way back works."""
        # [rfc8083:4.5/1]
        if self.reason is BreakReason.RTCP_TIMEOUT:
            self.reason = None
            self._silent_since = None

    def _watch_arrival(self, highest: int, new_packets: int, interval: float, round_trip_time: float) -> None:
        # [rfc8083:4.2/2] [rfc8083:4.2/5]
        if highest > self._highest:
            self._stalled = 0
        elif new_packets:
            self._stalled += 1
            # [rfc8083:4.2/1] [rfc8083:4.2/3] [rfc8083:4.2/4]
            limit = ceil(STALLED_REPORTS * max(FRAME_INTERVAL, round_trip_time, interval) / interval)
            if self._stalled >= limit:
                self.reason = BreakReason.MEDIA_TIMEOUT
        self._highest = highest

    def _watch_congestion(self, packet_size: float, rate: float, interval: float, round_trip_time: float) -> None:
        """Compare with what TCP would send, as :rfc:`8083#section-4.3` estimates it."""
        # [rfc8083:4.3/4] [rfc8083:4.3/5] The interval is that which the reports keep.
        reaction = max(10 * FRAME_INTERVAL, 10 * round_trip_time, 3 * interval)
        count = ceil(min(reaction, max(15.0, 3 * MIN_REPORT_INTERVAL)) / interval)
        recent = list(self._intervals)[-count:]
        if len(recent) < count:
            return
        loss = sum([fraction * length for fraction, length in recent]) / sum([length for _, length in recent])
        if loss > 0 and round_trip_time > 0:
            # [rfc8083:3/1] [rfc8083:3/2] [rfc8083:3/3] [rfc8083:4.3/2]
            fair_rate = packet_size / (round_trip_time * sqrt(2 * loss / 3))
            # [rfc8083:4.3/1] [rfc8083:4.3/6]
            if rate > FAIRNESS * fair_rate:
                self.reason = BreakReason.CONGESTION

    def watch_silence(self, now: float, *, is_sending: bool, heard_at: float, interval: float) -> None:
        """Look whether the peer reports at all.

        Args:
            now: Seconds.
            is_sending: Whether something was sent of late.
            heard_at: When it last reported on any stream.
            interval: Td, seconds between its reports.
        """
        if not is_sending:
            self._silent_since = None
            return
        if self._silent_since is None:
            self._silent_since = now
        since = max(self._silent_since, heard_at)
        # [rfc8083:4.1/1] [rfc8083:4.1/4]
        if now - since > TIMEOUT_INTERVALS * max(MIN_REPORT_INTERVAL, interval):
            self.reason = BreakReason.RTCP_TIMEOUT
