"""When RTCP leaves. See :rfc:`3550#section-6.3` as changed by :rfc:`4585#section-3.5`, for two ends and many SSRCs."""

from collections.abc import Callable
from enum import Enum
from typing import Final, TypeAlias

Random: TypeAlias = Callable[[], float]

# [rfc3550:6.2/4] [rfc3550:6.2/6]
RTCP_FRACTION: Final = 0.05
"""Part of the session bandwidth that RTCP may use."""

# [rfc3550:6.2/5]
SENDER_FRACTION: Final = 0.25
"""Part of that which senders have for themselves, as long as they are few."""

COMPENSATION: Final = 2.718_281_828 - 1.5
"""Makes up for timer reconsideration, which lets intervals grow."""

MAX_INTERVAL: Final = 10.0
"""Seconds between reports beyond which a negotiated bandwidth is taken for a mistake: twice the usual interval.

See :rfc:`8834#section-13`.
"""

UDP_OVERHEAD: Final = 28
"""Bytes of IPv4 and UDP headers, which count as RTCP bandwidth. See :rfc:`3550#section-6.2`."""

# [rfc3550:6.3.2/1]
INITIAL_SIZE: Final = 100.0


class Due(Enum):
    """What may leave now."""

    NOTHING = "nothing"
    FEEDBACK = "feedback"
    """Feedback alone: an early packet, or a regular one of which the rest is not due."""

    REPORT = "report"
    """A full compound packet, with feedback if there is any."""


class Membership:
    """How many take part; RFC 3550's variables of the same names."""

    __slots__ = ("local_ssrcs", "members", "senders", "we_sent")

    def __init__(self) -> None:
        self.members = 1
        """SSRCs of both ends."""

        self.senders = 0
        """Those of them that sent lately."""

        self.we_sent = False
        self.local_ssrcs = 1


class RtcpSchedule:
    """The RTCP timer of one end, which reports for all its SSRCs at once (:rfc:`8108#section-5.3.2`).

    Two ends need no dithering, so feedback leaves at once if the last early packet lies an interval back; otherwise it
    waits for the next regular slot. Slots in which nothing leaves are not waited for: `advance` passes them when it is
    called next.
    """

    __slots__ = (
        "_average_size",
        "_bandwidth",
        "_interval",
        "_last_slot",
        "_may_be_early",
        "_next_slot",
        "_receivers_bps",
        "_regular_at",
        "_reported_at",
        "_senders_bps",
        "membership",
        "report_interval",
    )

    def __init__(self, *, bandwidth_bps: float, report_interval: float) -> None:
        self._bandwidth = RTCP_FRACTION * bandwidth_bps / 8
        self._average_size = INITIAL_SIZE
        self._senders_bps: int | None = None
        self._receivers_bps: int | None = None
        self.report_interval = report_interval
        """T_rr_interval of :rfc:`4585#section-3.4`, seconds."""

        self.membership = Membership()
        # [rfc4585:3.5.1/1]
        self._may_be_early = True
        """``allow_early``."""

        self._last_slot = 0.0
        """``tp``."""

        self._next_slot = 0.0
        """``tn``."""

        self._interval = 0.0
        """``T_rr``."""

        self._reported_at: float | None = None
        """``t_rr_last``."""

        self._regular_at = 0.0

    def start(self, now: float, random: Random) -> None:
        """Begin when the session does."""
        self._last_slot = now
        self._interval = self._draw(random)
        self._next_slot = now + self._interval

    def set_bandwidth(self, bandwidth_bps: float) -> None:
        """Say what the session as a whole uses, in bits per second."""
        self._bandwidth = RTCP_FRACTION * bandwidth_bps / 8

    def share_bandwidth(self, senders_bps: int | None, receivers_bps: int | None) -> None:
        """Say what RTCP may use, in bits per second; None for what is left of its part of the session (:rfc:`3556#section-3`)."""
        self._senders_bps, self._receivers_bps = senders_bps, receivers_bps

    @property
    def is_silenced(self) -> bool:
        """Whether nothing may leave: those who do what this end does have no bandwidth."""
        if self._senders_bps is None and self._receivers_bps is None and self._bandwidth > 0:
            return False
        return self._share()[0] <= 0

    def hasten(self, now: float) -> None:
        """Let the next report come in the next slot: there is a new stream, and who plays it in step waits for it."""
        self._regular_at = min(self._regular_at, now)

    def reconsider_in_reverse(self, now: float, members_before: int) -> None:
        """Let the next slot come sooner because there are fewer members than before; see `membership`."""
        part = self.membership.members / members_before
        if part < 1:
            # [rfc3550:6.3.4/1] [rfc3550:6.3.5/2] [rfc8834:4.1/3]
            self._next_slot = now + part * max(0.0, self._next_slot - now)
            self._last_slot = now - part * (now - self._last_slot)

    def deadline(self, *, has_feedback: bool) -> float:
        """When `advance` would next return something."""
        if has_feedback:
            # [rfc4585:3.4/3] Between two ends nobody has to be waited for: the delay is 0.
            return self._last_slot if self._may_be_early else self._next_slot
        return max(self._next_slot, self._regular_at)

    def advance(self, now: float, random: Random, *, has_feedback: bool) -> Due:
        """Take note of the time; return what must leave now, once.

        Args:
            now: Seconds.
            random: Gives numbers from 0 to below 1.
            has_feedback: Whether there is any to send.
        """
        if now >= self._next_slot:
            # Timer reconsideration: the interval is drawn anew with the members of now.
            # [rfc3550:6.3.6/1] [rfc4585:3.5.3/2]
            self._interval = self._draw(random)
            if self._last_slot + self._interval > now and not has_feedback:
                self._next_slot = self._last_slot + self._interval
                return Due.NOTHING
            # [rfc4585:3.5.2/13]
            self._may_be_early = True
            self._last_slot = now
            self._next_slot = now + self._interval
            # [rfc3550:6.1/14] [rfc3550:6.2/12] [rfc4585:3.5.3/1] [rfc4585:3.5.3/3]
            if self._reported_at is None or now >= self._regular_at:
                self._reported_at = now
                self._regular_at = now + self.report_interval * (0.5 + random())
                return Due.REPORT
            # [rfc4585:3.5.2/6] [rfc4585:3.5.2/8] [rfc4585:3.5.3/4]
            return Due.FEEDBACK if has_feedback else Due.NOTHING
        # [rfc4585:3.5/1] [rfc4585:3.5.2/5] [rfc4585:3.5.2/7] [rfc4585:3.5.2/9]
        if has_feedback and self._may_be_early:
            # [rfc4585:3.4/4] [rfc4585:3.5.2/12] One regular slot is skipped in exchange.
            self._may_be_early = False
            self._last_slot, self._next_slot = self._next_slot, self._last_slot + 2 * self._interval
            self._next_slot = max(self._next_slot, self._last_slot)
            return Due.FEEDBACK
        return Due.NOTHING

    def count(self, size: int, reporting_ssrcs: int = 1) -> None:
        """Update the average with a packet that was sent or received. See :rfc:`8108#section-5.3.1`."""
        # [rfc3550:6.3.3/1] [rfc4585:3.5.4/2]
        share = (size + UDP_OVERHEAD) / max(1, reporting_ssrcs)
        self._average_size += (share - self._average_size) / 16

    def _draw(self, random: Random) -> float:
        """Return an interval: the calculated one of :rfc:`3550#section-6.3.1` with a minimum of 0, randomized."""
        bandwidth, participants = self._share()
        if bandwidth <= 0:
            # The clock ticks on, for what is looked at with each report; `is_silenced` keeps the packets back.
            bandwidth = self._bandwidth
        # [rfc3550:6.3.1/2]
        interval = self._average_size * max(1, participants) / bandwidth
        # [rfc3550:6.3/3] [rfc3550:6.3.1/3]
        return interval * (0.5 + random()) / COMPENSATION

    def _share(self) -> tuple[float, int]:
        """Return the bandwidth of those who do what this end does, bytes per second, and how many they are."""
        senders, receivers = self._bandwidths()
        if self._is_unreasonable(senders + receivers):
            senders, receivers = self._bandwidth * SENDER_FRACTION, self._bandwidth * (1 - SENDER_FRACTION)
        membership = self.membership
        total = senders + receivers
        # [rfc3550:6.2/5] Senders have their part for themselves, unless they are more than it is meant for.
        if total <= 0 or membership.senders * total > membership.members * senders:
            return total, membership.members
        if membership.we_sent:
            return senders, membership.senders
        return receivers, membership.members - membership.senders

    def _bandwidths(self) -> tuple[float, float]:
        """Return those of senders and of receivers, bytes per second."""
        senders_bps, receivers_bps = self._senders_bps, self._receivers_bps
        # [rfc8834:4.1/3] [rfc8834:10/8]
        if senders_bps is None and receivers_bps is None:
            return self._bandwidth * SENDER_FRACTION, self._bandwidth * (1 - SENDER_FRACTION)
        if senders_bps is None:
            senders_bps = max(0, int(self._bandwidth * 8) - (receivers_bps or 0))
        if receivers_bps is None:
            receivers_bps = max(0, int(self._bandwidth * 8) - senders_bps)
        return senders_bps / 8, receivers_bps / 8

    def _is_unreasonable(self, total: float) -> bool:
        """Whether a negotiated bandwidth lets reports come far too seldom, or take more than the media do."""
        if self._senders_bps is None and self._receivers_bps is None:
            return False
        # [rfc8834:13/1] Zero is no mistake.
        too_little = 0 < total < self._average_size * self.membership.members / MAX_INTERVAL
        return too_little or total > self._bandwidth / RTCP_FRACTION

    def timeout_interval(self) -> float:
        """Return Td, of which five without a packet end a participant. See :rfc:`4585#section-3.5.4`."""
        membership = self.membership
        total = sum(self._bandwidths())
        if total <= 0 or self._is_unreasonable(total):
            total = self._bandwidth
        return max(self._average_size * membership.members / total, self.report_interval)
