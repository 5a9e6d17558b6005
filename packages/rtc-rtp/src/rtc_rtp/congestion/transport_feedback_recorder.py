"""The receiver's part of transport-wide feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01)."""

from collections.abc import Iterable
from operator import sub
from typing import Final

from rtc_rtp.rtcp.transport_feedback import (
    MAX_LARGE_DELTA,
    MIN_LARGE_DELTA,
    REFERENCE_TICKS,
    TICKS_PER_SECOND,
    TransportFeedback,
)
from rtc_rtp.sequence import sequence_difference

MIN_INTERVAL: Final = 0.05
"""Seconds between feedbacks at high bit rates."""
USUAL_INTERVAL: Final = 0.1
"""Seconds between feedbacks that tell of less than many packets."""
MANY: Final = 10
"""Packets that are worth a feedback before the usual time."""
GRACE: Final = 0.04
"""Seconds for which feedback waits for something that has to be done anyway, such as to take in the next picture."""
MAX_INTERVAL: Final = 0.25
"""Seconds between feedbacks at low bit rates, where they would cost too much."""
FEEDBACK_SHARE: Final = 0.05
"""Of the received bit rate that feedback may take."""
TYPICAL_FEEDBACK_LENGTH: Final = 68
"""Bytes of a feedback on the wire, lower layers included."""
MAX_SPAN: Final = 8192
"""Numbers that one turn of feedback looks back on; a stream that jumps farther has lost what is older."""
MAX_RECEIVED_PER_FEEDBACK: Final = 400
"""So that a feedback fits a datagram."""
BACK_WINDOW: Final = 0.5
"""Seconds for which an arrival is kept at least, to be told again with one that comes late."""

_WRAP: Final = 1 << 24
_NEVER: Final = float("inf")


class TransportFeedbackRecorder:
    """Notes when packets of a transport arrived, and builds feedback of it for their sender.

    Call `packet_received`, or `packets_received`, for every packet with a transport-wide sequence number, and `feedback` when `next_timeout` has
    come, or from `ready_at` on if you are at work anyway; send what it returns. A packet that comes late has the feedback tell of it, and of all that came after it, again.

    See draft-holmer-rmcat-transport-wide-cc-extensions-01, section 3.
    """

    def __init__(self, *, sender_ssrc: int) -> None:
        """Make the recorder of a transport.

        Args:
            sender_ssrc: Any SSRC of ours, to sign feedback with.
        """
        self.sender_ssrc = sender_ssrc
        """An SSRC of ours that signs feedback."""
        self._highest = -1
        """The highest number that arrived, of all that there ever were."""
        self._arrivals: dict[int, int] = {}
        """Of this turn and those before: number and ticks."""
        self._told: dict[int, int] = {}
        """Older ones, all of which were told."""
        self._told_until = -1
        """The last number that may be among them."""
        self._start: int | None = None
        """The first number that the next feedback tells of."""
        self._newest: int | None = None
        """The last number that it tells of; None if nothing has arrived since the one before."""
        self._media_ssrc = 0
        self._feedback_count = 0
        self._last_feedback_at: float | None = None
        self._first_arrival_at = 0.0
        self._bytes_since_feedback = 0
        self._look_at = 0
        """How many arrivals of this turn and before there are when something has to be seen to."""
        self._interval = MIN_INTERVAL
        self._forget_at = 0.0
        """When those that were told are old enough to make room."""
        self.ready_at = _NEVER
        """When there is enough to tell, so that feedback may leave together with something else."""

    def packet_received(self, sequence_number: int, now: float, *, media_ssrc: int = 0, size: int = 1200) -> None:
        """Note that a packet arrived.

        Args:
            sequence_number: Transport-wide, 16 bits.
            now: Seconds.
            media_ssrc: Its SSRC; feedback names one of the sources it is about.
            size: Bytes, to let feedback have its share of the bit rate.
        """
        self.packets_received((sequence_number,), now, media_ssrc=media_ssrc, size=size)

    def packets_received(self, sequence_numbers: Iterable[int], now: float, *, media_ssrc: int, size: int) -> None:
        """Note that packets arrived together: the fast path of `packet_received`.

        Args:
            sequence_numbers: In the order of arrival.
            now: Seconds.
            media_ssrc: That of one of them.
            size: Bytes of all of them.
        """
        self._media_ssrc = media_ssrc
        self._bytes_since_feedback += size
        ticks = int(now * TICKS_PER_SECOND)
        for sequence_number in sequence_numbers:
            number = self._highest + 1
            if sequence_number == number & 0xFFFF and self._newest is not None:
                # The common case: the next one of a turn that has begun.
                self._highest = self._newest = number
            else:
                number = self._place(sequence_number)
                if number in self._arrivals or number in self._told or number <= self._highest - MAX_SPAN:
                    continue  # what counts is the first time, and what is too far behind is not told any more
                self._note(number, now)
            self._arrivals[number] = ticks
        if len(self._arrivals) >= self._look_at:
            self._look()

    def _look(self) -> None:
        """See to it that feedback leaves when there is much to tell, and that arrivals stay within bounds if none is taken."""
        if len(self._arrivals) <= 2 * MAX_SPAN:
            self._set_ready(self._interval)
        else:
            too_old = self._highest - MAX_SPAN
            self._arrivals = {number: ticks for number, ticks in self._arrivals.items() if number > too_old}
        self._look_at = 2 * MAX_SPAN + 1

    def _place(self, sequence_number: int) -> int:
        """Return the number that a sequence number stands for: the first as it is, then the one closest to the highest."""
        if self._start is None:
            return sequence_number
        return self._highest + sequence_difference(sequence_number, self._highest)

    def _note(self, number: int, now: float) -> None:
        """Note a number that begins a turn, or is out of order in it."""
        if self._newest is None:
            self._newest = number
            self._first_arrival_at = now
            self._look_at = len(self._arrivals) + MANY
            self._set_ready(max(self._interval, USUAL_INTERVAL))
        self._newest = max(self._newest, number)
        self._highest = max(self._highest, number)
        self._start = number if self._start is None else min(self._start, number)

    def _set_ready(self, interval: float) -> None:
        first, last = self._first_arrival_at, self._last_feedback_at
        # A sender begins with probes, and waits for what is said of them.
        self.ready_at = first + MIN_INTERVAL if last is None else max(last + interval, first)

    def next_timeout(self) -> float | None:
        """Return when feedback is due; None if there is nothing to tell."""
        return None if self._newest is None else self.ready_at + GRACE

    def feedback(self, now: float) -> list[TransportFeedback]:
        """Return feedback of all that arrived since the last time; empty if nothing did. Call it when `next_timeout` has come."""
        number, newest = self._start, self._newest
        if number is None or newest is None:
            return []
        self._adapt_interval(now)
        arrivals = self._arrivals if number > self._told_until else self._told | self._arrivals
        number = max(number, self._highest - MAX_SPAN + 1)
        built = []
        while number <= newest:
            feedback, number = self._build(arrivals, number, newest)
            built.append(feedback)
        self._newest = None
        self.ready_at = _NEVER
        self._start = self._highest + 1
        self._last_feedback_at = now
        self._bytes_since_feedback = 0
        if now >= self._forget_at or len(self._arrivals) > MAX_SPAN:
            # All have been told; those before them have been kept for long enough, or are too many.
            self._forget_at = now + BACK_WINDOW
            self._told, self._arrivals = self._arrivals, {}
            self._told_until = self._start - 1
        return built

    def _build(self, arrivals: dict[int, int], start: int, newest: int) -> tuple[TransportFeedback, int]:
        """Return one feedback from a number on, and the first number that it did not take in."""
        received = list(filter(arrivals.__contains__, range(start, newest + 1)))
        ticks = [arrivals[number] for number in received[: MAX_RECEIVED_PER_FEEDBACK + 1]]
        reference = ticks[0] // REFERENCE_TICKS
        steps = list(map(sub, ticks, [reference * REFERENCE_TICKS, *ticks]))
        count = MAX_RECEIVED_PER_FEEDBACK
        if min(steps) < MIN_LARGE_DELTA or max(steps) > MAX_LARGE_DELTA:
            unfit = (at for at, step in enumerate(steps) if not MIN_LARGE_DELTA <= step <= MAX_LARGE_DELTA)
            count = min(count, next(unfit))
        end = received[count] if count < len(received) else newest + 1
        deltas = list(map(dict(zip(received[:count], steps, strict=False)).get, range(start, end)))
        feedback = TransportFeedback(
            sender_ssrc=self.sender_ssrc,
            media_ssrc=self._media_ssrc,
            base_sequence_number=start & 0xFFFF,
            reference_time=(reference + _WRAP // 2) % _WRAP - _WRAP // 2,
            feedback_packet_count=self._feedback_count,
            deltas=deltas,
        )
        self._feedback_count = (self._feedback_count + 1) & 0xFF
        return feedback, end

    def _adapt_interval(self, now: float) -> None:
        """Give feedback its share of the bit rate that arrives."""
        if self._last_feedback_at is None or now <= self._last_feedback_at:
            return
        bitrate_bps = 8 * self._bytes_since_feedback / (now - self._last_feedback_at)
        wanted = 8 * TYPICAL_FEEDBACK_LENGTH / max(FEEDBACK_SHARE * bitrate_bps, 1.0)
        self._interval = min(max(wanted, MIN_INTERVAL), MAX_INTERVAL)
