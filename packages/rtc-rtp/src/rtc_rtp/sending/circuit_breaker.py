"""When to send less, or nothing, because the path or the peer is in no state to be sent to. See :rfc:`8083#section-4`.

::

                 too much            too much again
    all rates ────────────► a tenth ────────────────► nothing
        ▲                      │                         │
        └── step by step ◄─────┘ ◄── resumed, or proved ─┘

What stops a stream for another reason than congestion stops it at once.
"""

from collections import deque
from enum import Enum
from math import ceil, inf, sqrt
from typing import Final

from rtc_rtp.rtcp import ReportBlock

MIN_REPORT_INTERVAL: Final = 5.0
"""Tmin, seconds: what is reckoned with for a peer that reports seldom."""

TIMEOUT_INTERVALS: Final = 3
STALLED_REPORTS: Final = 5
"""k: reports without progress that show a path that is broken."""

FAIRNESS: Final = 10.0
"""How many times as much as TCP would is too much."""

REDUCTION: Final = 10.0
"""Into how many parts the rate falls at first."""

RECOVERY: Final = 1.25
"""Factor of the limit in a second while it is lifted."""

HEADROOM: Final = 0.8
"""Part of what would be too much that is allowed once it was."""

FRAME_INTERVAL: Final = 1 / 30
"""Tf, seconds, as most video has it."""

UNUSABLE_LOSS: Final = 0.5
"""Part of the packets without which nobody can use the others."""

UNUSABLE_ROUND_TRIP_TIME: Final = 10.0
"""Seconds that nobody waits for an answer."""

UNUSABLE_DURATION: Final = 30.0
"""Seconds for which media of no use are sent."""

MIN_SAMPLE: Final = 0.1
"""Seconds of one sample; reports that follow each other faster are taken together."""

MAX_SAMPLES: Final = 256
MAX_BACKOFF: Final = 6
"""How often the pause before another attempt doubles."""


class BreakReason(Enum):
    """Why a stream is held back."""

    RTCP_TIMEOUT = "rtcp_timeout"
    """The peer says nothing."""

    MEDIA_TIMEOUT = "media_timeout"
    """The peer reports that nothing arrives."""

    CONGESTION = "congestion"
    """So much is lost that TCP would send a tenth at most, even at a tenth of the rate."""

    MEDIA_UNUSABLE = "media_unusable"
    """What arrives has been too little, or too late, for long."""


class _Sample:
    """What one report, or a few, tell of the time since the one before."""

    __slots__ = ("lost", "packets", "seconds", "size")

    def __init__(self, fraction_lost: float, seconds: float, packets: int, size: int) -> None:
        self.lost = fraction_lost * seconds
        self.seconds = seconds
        self.packets = packets
        self.size = size


# [rfc8083:8/1] [rfc8834:7.1/1] [rfc8834:7.2/2] [rfc8834:7.2/3]
class CircuitBreaker:
    """Watches the reports on one stream."""

    __slots__ = (
        "_broken_at",
        "_count",
        "_has_proof",
        "_highest",
        "_is_on_trial",
        "_is_resuming",
        "_pause",
        "_reduced_bps",
        "_report_interval",
        "_reported_at",
        "_samples",
        "_sent_count",
        "_sent_size",
        "_silent_since",
        "_stalled",
        "_tripped_bps",
        "_unusable_since",
        "limit_bps",
        "reason",
    )

    def __init__(self, report_interval: float = 1.0) -> None:
        self.reason: BreakReason | None = None
        """Why nothing may be sent; ``None`` as long as it may."""

        self.limit_bps: float | None = None
        """What may be sent at most; ``None`` if it does not matter here."""

        self._report_interval = report_interval
        self._tripped_bps = 0.0
        """The rate that was too much."""

        self._reduced_bps = 0.0
        """What it was reduced to."""
        self._is_on_trial = False
        """Whether it is still to be seen that the reduced rate is not too much."""

        self._broken_at = 0.0
        self._pause = 0.0
        """Seconds that the stream rests at least: as long as it took to see that it must."""

        self._count = 0
        """How often it was stopped."""

        self._has_proof = False
        """Whether packets arrived, by other feedback than reports, when it was stopped."""

        self._is_resuming = False
        """Whether somebody wants it to go on."""

        self._begin()

    def _begin(self) -> None:
        """Forget what was seen."""
        self._samples: deque[_Sample] = deque(maxlen=MAX_SAMPLES)
        self._reported_at: float | None = None
        self._highest = -1
        self._stalled = 0
        self._sent_count = 0
        self._sent_size = 0
        self._silent_since: float | None = None
        self._unusable_since: float | None = None

    # --- what the peer tells ---

    def report(
        self,
        block: ReportBlock,
        now: float,
        *,
        sent_count: int,
        sent_size: int,
        round_trip_time: float,
        has_proof: bool = False,
    ) -> None:
        """Take a report on the stream; feedback without one says nothing here.

        Args:
            block: Of the peer.
            now: Seconds.
            sent_count: Packets sent so far.
            sent_size: Bytes sent so far.
            round_trip_time: Seconds.
            has_proof: Whether fresh feedback by packet shows that the transport carries what it is given.
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
        self._has_proof = has_proof or (self._has_proof and self.reason is not None)
        self._watch_arrival(block.highest_sequence_number, new_packets, interval, round_trip_time, now)
        # [rfc8083:4.3/3]
        self._note(_Sample(block.fraction_lost / 256, interval, new_packets, new_bytes))
        if new_packets:
            self._watch_congestion(interval, round_trip_time, now)
            self._watch_usability(block.fraction_lost / 256, round_trip_time, now)

    def hear(self) -> None:
        """Note that the peer speaks again, if only to say that it gets nothing: the way back works."""
        # [rfc8083:4.5/1]
        if self.reason is BreakReason.RTCP_TIMEOUT:
            self.reason = None
            self._silent_since = None

    # --- what follows ---

    def _break(self, reason: BreakReason, interval: float, now: float) -> None:
        if self.reason is not None:
            return
        self.reason = reason
        self._broken_at = now
        self._is_resuming = False
        # Whoever runs into it again and again tries less and less often.
        self._pause = interval * 2 ** min(self._count, MAX_BACKOFF)
        self._count += 1

    def resume(self) -> None:
        """Let the stream go on, as soon as it has rested for as long as it took to see that it must."""
        self._is_resuming = True

    def progress(self, now: float, *, has_proof: bool) -> None:
        """Let the stream go on if the time has come.

        Without a command it does if packets arrived when it was stopped, or arrive now, whatever reports said.

        Args:
            now: Seconds.
            has_proof: As for `report`.
        """
        if self.reason is None:
            return
        if self.reason is not BreakReason.RTCP_TIMEOUT:
            self._has_proof |= has_proof
        if not (self._is_resuming or self._has_proof):
            return
        # [rfc8083:4.5/1] [rfc8083:4.5/2]
        if now >= self._broken_at + self._pause:
            self.reason = None
            self._is_resuming = self._has_proof = False
            self._is_on_trial = self.limit_bps is not None
            self._begin()

    # --- arrival ---

    def _watch_arrival(
        self, highest: int, new_packets: int, interval: float, round_trip_time: float, now: float
    ) -> None:
        # [rfc8083:4.2/2] [rfc8083:4.2/5]
        if highest > self._highest:
            self._stalled = 0
        elif new_packets:
            self._stalled += 1
            # [rfc8083:4.2/1] [rfc8083:4.2/3] [rfc8083:4.2/4]
            limit = ceil(STALLED_REPORTS * max(FRAME_INTERVAL, round_trip_time, interval) / interval)
            if self._stalled >= limit:
                self._break(BreakReason.MEDIA_TIMEOUT, self._stalled * interval, now)
        self._highest = highest

    # --- congestion ---

    def _note(self, sample: _Sample) -> None:
        samples = self._samples
        if samples and samples[-1].seconds < MIN_SAMPLE:
            last = samples[-1]
            last.lost += sample.lost
            last.seconds += sample.seconds
            last.packets += sample.packets
            last.size += sample.size
        else:
            samples.append(sample)

    def _recent(self, seconds: float) -> _Sample | None:
        """Return the sum of the samples of so many seconds; ``None`` if there are not as many yet."""
        total = _Sample(0.0, 0.0, 0, 0)
        for sample in reversed(self._samples):
            total.lost += sample.lost
            total.seconds += sample.seconds
            total.packets += sample.packets
            total.size += sample.size
            if total.seconds >= seconds:
                return total
        return None

    def _watch_congestion(self, interval: float, round_trip_time: float, now: float) -> None:
        """Compare with what TCP would send, as :rfc:`8083#section-4.3` estimates it."""
        # [rfc8083:4.3/4] [rfc8083:4.3/5] Seconds rather than reports: early ones make intervals as short as they like.
        usual = max(self._report_interval, interval)
        reaction = max(10 * FRAME_INTERVAL, 10 * round_trip_time, 3 * usual)
        reaction = min(reaction, max(15.0, 3 * MIN_REPORT_INTERVAL))
        # A timer is a little early now and then.
        recent = self._recent(reaction - usual / 2)
        if recent is None or not recent.packets:
            return
        loss, rate_bps = recent.lost / recent.seconds, 8 * recent.size / recent.seconds
        fair_bps = inf
        if loss > 0 and round_trip_time > 0:
            # [rfc8083:3/1] [rfc8083:3/2] [rfc8083:3/3] [rfc8083:4.3/2]
            fair_bps = 8 * recent.size / recent.packets / (round_trip_time * sqrt(2 * loss / 3))
        # [rfc8083:4.3/1]
        if rate_bps <= FAIRNESS * fair_bps:
            self._recover(HEADROOM * FAIRNESS * fair_bps, interval)
            return
        if self._is_on_trial:
            # [rfc8083:4.3/6] [rfc8083:4.3/7]
            self._break(BreakReason.CONGESTION, reaction, now)
        else:
            self._tripped_bps = rate_bps
            # A tenth of a very high rate may still be too much.
            self.limit_bps = self._reduced_bps = min(rate_bps / REDUCTION, HEADROOM * FAIRNESS * fair_bps)
            self._is_on_trial = True
        # What comes next is judged by itself.
        self._samples.clear()

    def _recover(self, ceiling_bps: float, seconds: float) -> None:
        """Lift the limit step by step, but not as far as it would be too much again."""
        self._is_on_trial = False
        if self.limit_bps is None:
            return
        raised = self.limit_bps * RECOVERY ** min(seconds, MIN_REPORT_INTERVAL)
        self.limit_bps = min(raised, max(ceiling_bps, self._reduced_bps))
        if self.limit_bps >= 2 * self._tripped_bps:
            self.limit_bps = None

    # --- usability ---

    def _watch_usability(self, fraction_lost: float, round_trip_time: float, now: float) -> None:
        # [rfc8083:4.4/1] [rfc8083:4.4/2]
        if fraction_lost < UNUSABLE_LOSS and round_trip_time < UNUSABLE_ROUND_TRIP_TIME:
            self._unusable_since = None
        elif self._unusable_since is None:
            self._unusable_since = now
        elif now - self._unusable_since >= UNUSABLE_DURATION:
            self._break(BreakReason.MEDIA_UNUSABLE, UNUSABLE_DURATION, now)

    # --- silence ---

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
        timeout = TIMEOUT_INTERVALS * max(MIN_REPORT_INTERVAL, interval)
        if now - since > timeout:
            self._break(BreakReason.RTCP_TIMEOUT, timeout, now)
