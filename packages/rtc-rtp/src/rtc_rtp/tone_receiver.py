"""Receiving DTMF: reports that repeat and overtake each other become tones that begin and end (:rfc:`4733#section-2.5.2`)."""

from collections import Counter, deque
from typing import Final

from rtc_rtp.dataclass import dataclass
from rtc_rtp.errors import ParseError
from rtc_rtp.telephone_event import MAX_DURATION, TelephoneEvent, parse_telephone_events

LOST_END_TIMEOUT: Final = 0.15
"""Seconds without a report after which an event is taken to be over: three of the usual 50 ms between two reports."""
MEMORY: Final = 10.0
"""Seconds after its last report for which an event is remembered: copies of it that come later begin nothing. A clock that
was set back, as by another source behind the same stream, must not silence all that follows."""
MAX_EVENTS: Final = 256
"""How many reports may wait to be drained; older ones are dropped and counted."""

_TIMESTAMPS: Final = 1 << 32
_HALF: Final = 1 << 31


@dataclass(slots=True)
class ToneReported:
    """A telephone event began, goes on, or is over."""

    code: int
    """Event code; 0 to 15 are `DTMF_TONES`."""
    timestamp: int
    """RTP timestamp of its beginning; the same in all reports of one event."""
    duration: float
    """Seconds it has lasted up to now."""
    volume: int
    """Power of a tone, dBm0 without its sign; 0 if the sender does not say."""
    ended: bool


@dataclass(slots=True)
class _Tone:
    code: int
    timestamp: int
    segment_timestamp: int
    segment_ticks: int
    earlier_ticks: int
    rate: int
    volume: int
    heard_at: float
    ended: bool = False

    @property
    def duration(self) -> float:
        return (self.earlier_ticks + self.segment_ticks) / self.rate


class ToneReceiver:
    """Follows the telephone events of one stream.

    Hand it every packet with the payload type of telephone-event; drain `events` then, and call `handle_timeout` when
    `next_timeout` says so.
    """

    def __init__(self, *, clock_rate: int = 8000) -> None:
        """Begin with no event.

        Args:
            clock_rate: Of the stream, and so of timestamps.
        """
        self._clock_rate = clock_rate
        self._tone: _Tone | None = None
        self._events: deque[ToneReported] = deque()
        self.dropped: Counter[str] = Counter()
        """How many packets told nothing new or made no sense, by reason."""

    def receive(
        self, payload: bytes, timestamp: int, now: float, *, marker: bool = False, clock_rate: int | None = None
    ) -> None:
        """Take the payload of one packet; never raises for what is in it.

        Args:
            payload: Of an RTP packet.
            timestamp: The packet's.
            now: Seconds, the caller's monotonic clock.
            marker: The packet's: a new event begins.
            clock_rate: Of the packet's payload type, and so of durations; None: that of the stream. Browsers send
                telephone-event of 8000 Hz beside Opus of 48,000.
        """
        rate = clock_rate or self._clock_rate
        try:
            reports = parse_telephone_events(payload)
        except ParseError:
            self.dropped["malformed"] += 1
            return
        for report in reports:
            self._take(report, timestamp, now, rate, marker=marker)
            # [rfc4733:2.5.1.5/1] Events of one packet follow each other.
            lasted = report.duration * self._clock_rate // rate
            timestamp = (timestamp + lasted) % _TIMESTAMPS

    def handle_timeout(self, now: float) -> None:
        """End an event of which nothing is heard any more; call at or after `next_timeout`."""
        timeout = self._lost_at()
        if timeout is not None and now >= timeout:
            self._end()

    def next_timeout(self) -> float | None:
        """Return when to call `handle_timeout`; None if no event goes on."""
        return self._lost_at()

    def events(self) -> list[ToneReported]:
        """Return what was heard since the last call, and forget it."""
        events = list(self._events)
        self._events.clear()
        return events

    def _lost_at(self) -> float | None:
        tone = self._tone
        return None if tone is None or tone.ended else tone.heard_at + LOST_END_TIMEOUT

    def _take(self, report: TelephoneEvent, timestamp: int, now: float, rate: int, *, marker: bool) -> None:
        if not report.duration:
            # [rfc4733:2.3.5/2] Lasting for ever is for states, of which we know none.
            self.dropped["no duration"] += 1
            return
        tone = self._tone
        if tone is not None and now - tone.heard_at > MEMORY:
            self._end()
            tone = None
        if tone is not None:
            ahead = (timestamp - tone.segment_timestamp) % _TIMESTAMPS
            if ahead >= _HALF:
                self.dropped["late"] += 1
                return
            if ahead == 0:
                self._go_on(tone, report, now)
                return
            elapsed = -(-ahead * rate // self._clock_rate)
            if self._is_next_segment(tone, report, elapsed, marker=marker):
                tone.earlier_ticks += elapsed
                tone.segment_timestamp = timestamp
                tone.segment_ticks = 0
                self._go_on(tone, report, now)
                return
            # The next event ends one whose end was lost.
            self._end()
        self._tone = tone = _Tone(report.code, timestamp, timestamp, 0, 0, rate, report.volume, now)
        self._go_on(tone, report, now)

    @staticmethod
    def _is_next_segment(tone: _Tone, report: TelephoneEvent, elapsed: int, *, marker: bool) -> bool:
        # [rfc4733:2.5.2.3/1] No end, no gap, the same event: one that lasts long.
        return (
            not tone.ended and not marker and report.code == tone.code and elapsed in (tone.segment_ticks, MAX_DURATION)
        )

    def _go_on(self, tone: _Tone, report: TelephoneEvent, now: float) -> None:
        # [rfc4733:2.5.2.2/4] [rfc4733:2.5.2.2/5] What is over is not begun again.
        if tone.ended or report.code != tone.code:
            self.dropped["repeated"] += 1
            return
        tone.heard_at = now
        if report.duration <= tone.segment_ticks and not report.end:
            self.dropped["repeated"] += 1
            return
        # [rfc4733:2.5.2.2/6] [rfc4733:2.5.2.2/7] Durations count, not when packets come.
        tone.segment_ticks = max(tone.segment_ticks, report.duration)
        tone.ended = report.end
        self._report(tone)

    def _end(self) -> None:
        tone = self._tone
        if tone is not None and not tone.ended:
            # [rfc4733:2.5.2.2/3] It ends with what it is known to have lasted.
            tone.ended = True
            self._report(tone)

    def _report(self, tone: _Tone) -> None:
        if len(self._events) == MAX_EVENTS:
            self._events.popleft()
            self.dropped["not drained"] += 1
        self._events.append(ToneReported(tone.code, tone.timestamp, tone.duration, tone.volume, tone.ended))
