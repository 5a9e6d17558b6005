"""Sending DTMF: what is to be dialled becomes telephone events in their time (:rfc:`4733#section-2.5.1`).

The pauses and durations are those of `RTCDTMFSender` in webrtc-pc, section 9.
"""

from collections import deque
from collections.abc import Set as AbstractSet
from typing import Final

from rtc_rtp.dataclass import dataclass
from rtc_rtp.telephone_event import DTMF_CODES, DTMF_TONES, MAX_DURATION, MAX_VOLUME, TelephoneEvent

MIN_TONE_DURATION: Final = 0.04
MAX_TONE_DURATION: Final = 6.0
DEFAULT_TONE_DURATION: Final = 0.1
MIN_TONE_GAP: Final = 0.03
DEFAULT_TONE_GAP: Final = 0.07
PAUSE: Final = ","
PAUSE_DURATION: Final = 2.0
MAX_TONES: Final = 4096
"""How many tones may wait to be sent."""
FINAL_REPORTS: Final = 3
"""How often the last report of an event is sent, should some be lost."""

_TIMESTAMPS: Final = 1 << 32


@dataclass(slots=True)
class TonePacket:
    """An RTP packet to be sent in the audio stream, in its numbering, with the payload type of telephone-event."""

    payload: bytes
    timestamp: int
    """The instant at which the event, or this segment of it, began."""
    marker: bool


@dataclass(slots=True)
class ToneChanged:
    """A tone began to be sent, or a pause; or all are done."""

    tone: str
    """One of `DTMF_TONES`, ``,`` for a pause, or nothing: all tones are done."""


@dataclass(slots=True)
class _Idle:
    """Nothing to send."""


@dataclass(slots=True)
class _Pausing:
    """Silent before the next tone."""

    until: float


@dataclass(slots=True)
class _Playing:
    """An event goes on and is reported every interval."""

    code: int
    began_at: float
    timestamp: int
    ends_at: float
    gap: float
    report_at: float
    reported: bool = False
    segment: int = 0


@dataclass(slots=True)
class _Ending:
    """The event is over; its last report is repeated, and the gap passes."""

    packet: TonePacket
    repeats_left: int
    repeat_at: float
    until: float


_State = _Idle | _Pausing | _Playing | _Ending


class ToneSender:
    """Sends tones one after the other in an audio stream.

    Tell it the stream's clock with `synchronize`, what to dial with `send_tones`; then, as with every machine, drain
    `packets_to_send` and `events`, and call `handle_timeout` when `next_timeout` says so. While `sending` is true no audio
    should be sent.
    """

    def __init__(
        self,
        *,
        now: float,
        clock_rate: int = 8000,
        stream_clock_rate: int | None = None,
        timestamp: int = 0,
        interval: float = 0.02,
        volume: int = 10,
        events: AbstractSet[int] = DTMF_CODES,
    ) -> None:
        """Begin with nothing to send.

        Args:
            now: Seconds of the caller's monotonic clock.
            clock_rate: Of the negotiated telephone-event: that of durations.
            stream_clock_rate: Of the audio beside it, and so of timestamps; None: the same. Firefox has no telephone-event
                but of 8000 Hz, and sends and takes it beside Opus of 48,000.
            timestamp: The audio stream's RTP timestamp at `now`.
            interval: Seconds between two reports of an event; that between packets of audio is natural.
            volume: Power of the tones, dBm0 without its sign.
            events: Codes that the other side can take; without a list from it, the digits.
        """
        if not 0 <= volume <= MAX_VOLUME:
            raise ValueError(f"a volume is 0 to {MAX_VOLUME}, not {volume}")
        if interval <= 0 or clock_rate <= 0:
            raise ValueError("interval and clock rate are positive")
        self._clock_rate = clock_rate
        self._stream_clock_rate = stream_clock_rate or clock_rate
        self._interval = interval
        self._volume = volume
        self._codes = frozenset(events)
        self._now = now
        self._synchronized = (timestamp, now)
        self._tones = ""
        self._duration = DEFAULT_TONE_DURATION
        self._gap = DEFAULT_TONE_GAP
        self._state: _State = _Idle()
        self._packets: deque[TonePacket] = deque()
        self._events: deque[ToneChanged] = deque()

    @property
    def tones_left(self) -> str:
        """The tones that have not begun yet."""
        return self._tones

    @property
    def sending(self) -> bool:
        """Whether an event goes on: audio gives way to it."""
        return isinstance(self._state, _Playing)

    def synchronize(self, timestamp: int, now: float) -> None:
        """Tell which RTP timestamp audio captured at `now` has. Events use the same clock.

        An event that has begun keeps its timestamp.
        """
        # [rfc4733:2.1/1] [rfc4733:2.5.1.2/1]
        self._synchronized = (timestamp, now)

    def can_send(self, tone: str) -> bool:
        """Tell whether a tone is one that the other side takes; pauses always are."""
        # [rfc4733:2.5.1.1/2] [rfc4733:2.5.1.1/3] [rfc4733:9.2/1]
        return tone == PAUSE or (len(tone) == 1 and tone in DTMF_TONES and DTMF_TONES.index(tone) in self._codes)

    def send_tones(
        self, tones: str, now: float, *, duration: float = DEFAULT_TONE_DURATION, gap: float = DEFAULT_TONE_GAP
    ) -> None:
        """Dial, instead of what has not begun yet; drain `packets_to_send` and `events` then.

        Args:
            tones: Digits, letters A to D in either case, ``*``, ``#``, and ``,`` for a pause of two seconds. Nothing
                ends the dialling after the tone that is being sent.
            now: Seconds, the caller's clock.
            duration: Of each tone, seconds; taken for the nearest of 0.04 to 6.
            gap: Between tones, seconds; at least 0.03.

        Raises:
            ValueError: There is a tone among them that does not exist or that the other side does not take, or they are
                too many.
        """
        tones = tones.upper()
        if len(tones) > MAX_TONES:
            raise ValueError(f"no more than {MAX_TONES} tones can wait")
        for tone in tones:
            if not self.can_send(tone):
                raise ValueError(f"{tone!r} cannot be sent")
        self._advance(now)
        self._tones = tones
        self._duration = min(max(duration, MIN_TONE_DURATION), MAX_TONE_DURATION)
        self._gap = max(gap, MIN_TONE_GAP)
        if isinstance(self._state, _Idle) and tones:
            self._next_tone(self._now)

    def handle_timeout(self, now: float) -> None:
        """Go on to `now`; call at or after `next_timeout`."""
        self._advance(now)

    def next_timeout(self) -> float | None:
        """Return when to call `handle_timeout`, or at once if something waits to be drained; None if nothing is due."""
        if self._packets or self._events:
            return self._now
        match self._state:
            case _Idle():
                return None
            case _Pausing(until=until):
                return until
            case _Playing(report_at=report_at, ends_at=ends_at):
                return min(report_at, ends_at)
            case _Ending(repeats_left=0, until=until):
                return until
            case _Ending(repeat_at=repeat_at, until=until):
                return min(repeat_at, until)

    def packets_to_send(self, now: float) -> list[TonePacket]:
        """Return the packets that are due, in order, and forget them."""
        self._advance(now)
        packets = list(self._packets)
        self._packets.clear()
        return packets

    def events(self) -> list[ToneChanged]:
        """Return what happened since the last call, and forget it."""
        events = list(self._events)
        self._events.clear()
        return events

    def _advance(self, now: float) -> None:
        """Do all that is due, each step at its own time, so that lateness does not add up."""
        self._now = max(self._now, now)
        stepping = True
        while stepping:
            stepping = self._step()

    def _step(self) -> bool:
        """Do one thing that is due; return whether there was one."""
        now = self._now
        match self._state:
            case _Playing(ends_at=ends_at) as playing if now >= ends_at:
                self._end(playing)
            case _Playing(report_at=report_at) as playing if now >= report_at:
                self._report(playing, now, end=False)
                # [rfc4733:2.5.1.2/7] [rfc4733:2.5.1.2/8]
                playing.report_at = self._report_at(now, playing.ends_at)
            case _Ending(repeats_left=1 | 2, repeat_at=repeat_at) as ending if now >= min(repeat_at, ending.until):
                # [rfc4733:2.5.1.4/1] Repeated at the interval of reports, but before the next tone.
                self._packets.append(ending.packet)
                ending.repeats_left -= 1
                ending.repeat_at += self._interval
            case _Ending(until=until) | _Pausing(until=until) if now >= until:
                self._next_tone(until)
            case _:
                return False
        return True

    def _next_tone(self, at: float) -> None:
        tone, self._tones = self._tones[:1], self._tones[1:]
        self._events.append(ToneChanged(tone))
        if not tone:
            self._state = _Idle()
        elif tone == PAUSE:
            self._state = _Pausing(at + PAUSE_DURATION)
        else:
            timestamp, synchronized_at = self._synchronized
            # [rfc4733:2.5.1.2/1] The clock of the audio.
            timestamp = (timestamp + round((at - synchronized_at) * self._stream_clock_rate)) % _TIMESTAMPS
            code = DTMF_TONES.index(tone)
            ends_at = at + self._duration
            # [rfc4733:2.3.5/1] [rfc4733:2.5.1.2/2] A report tells how long the event has lasted, so the first comes after one interval.
            self._state = _Playing(code, at, timestamp, ends_at, self._gap, self._report_at(at, ends_at))

    def _report_at(self, last: float, ends_at: float) -> float:
        """Return when the next report is due; never shortly before the final one."""
        due = last + self._interval
        return due if due < ends_at - self._interval / 4 else ends_at

    def _end(self, playing: _Playing) -> None:
        # [rfc4733:2.5.1.2/5] [rfc4733:2.5.1.3/6]
        packet = self._report(playing, playing.ends_at, end=True)
        # [rfc4733:2.5.1.4/1] [rfc4733:2.5.1.4/4] The final report goes out three times, the same each time.
        repeated = TonePacket(packet.payload, packet.timestamp, marker=False)
        repeat_at = playing.ends_at + self._interval
        self._state = _Ending(repeated, FINAL_REPORTS - 1, repeat_at, playing.ends_at + playing.gap)

    def _report(self, playing: _Playing, at: float, *, end: bool) -> TonePacket:
        """Queue the report of how long the event has lasted; of each segment that has become full, too."""
        # [rfc4733:2.5.2.2/2]
        ticks = max(round((at - playing.began_at) * self._clock_rate), 1)
        while ticks - playing.segment * MAX_DURATION > MAX_DURATION:
            # [rfc4733:2.5.1.3/1] [rfc4733:2.5.1.3/2] A full segment is no end.
            full = self._queue(playing, MAX_DURATION, end=False)
            # [rfc4733:2.5.1.4/1] Repeated as every last report of a segment is.
            self._packets.extend([TonePacket(full.payload, full.timestamp, marker=False)] * (FINAL_REPORTS - 1))
            # [rfc4733:2.5.1.3/3] [rfc4733:2.5.1.3/5] The next begins where it ended.
            playing.segment += 1
        return self._queue(playing, ticks - playing.segment * MAX_DURATION, end=end)

    def _queue(self, playing: _Playing, duration: int, *, end: bool) -> TonePacket:
        payload = TelephoneEvent(playing.code, end, self._volume, duration).serialize()
        # [rfc4733:2.5.1.2/3] The timestamp stays while the duration grows.
        elapsed = playing.segment * MAX_DURATION * self._stream_clock_rate // self._clock_rate
        timestamp = (playing.timestamp + elapsed) % _TIMESTAMPS
        # [rfc4733:2.5.1.2/4] [rfc4733:2.5.1.2/6] [rfc4733:2.5.1.3/4] Only the very first is marked.
        packet = TonePacket(payload, timestamp, marker=not playing.reported)
        playing.reported = True
        self._packets.append(packet)
        return packet
