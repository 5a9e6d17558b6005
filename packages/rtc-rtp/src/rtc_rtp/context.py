"""What the parts of a session share: settings, the clock's last value, and where output gathers."""

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from typing import Protocol, TypeAlias

from rtc_rtp.events import Event
from rtc_rtp.options import SessionOptions
from rtc_rtp.round_trip_time import RoundTripTime
from rtc_rtp.rtcp import RtcpPacket
from rtc_rtp.stats import SessionStats

Trace: TypeAlias = Callable[[float, str, Mapping[str, object]], None]
"""Called with the time in seconds, a name such as ``rtp:packet_dropped``, and data that JSON can hold."""


class Waiting(Protocol):
    """A stream that has something to do later."""

    ssrc: int

    def progress(self, now: float) -> float:
        """Hand on what is due; return when there is more to do."""
        ...

    def feedback_deadline(self) -> float:
        """When there is feedback to send."""
        ...

    @property
    def is_ambiguous(self) -> bool:
        """Whether a retransmission could be taken for one of another stream."""
        ...

    def outstanding(self) -> list[int]:
        """The sequence numbers that were asked for and have not come."""
        ...

    def take_feedback(self, reporter_ssrc: int, taken: AbstractSet[int]) -> list[RtcpPacket]:
        """Return the feedback of now, without requests for the sequence numbers that are taken."""
        ...


class Context:
    """One per session; every part of it holds a reference."""

    __slots__ = (
        "_wall_offset",
        "answers",
        "dirty",
        "events",
        "has_given_up",
        "has_new_clock",
        "has_new_stream",
        "is_stirred",
        "key_frame_at",
        "now",
        "options",
        "rng",
        "round_trip_time",
        "stats",
        "trace",
        "waiting",
    )

    def __init__(
        self, *, now: float, rng: Callable[[int], bytes], ntp_time: float, options: SessionOptions, trace: Trace | None
    ) -> None:
        self.options = options
        self.rng = rng
        self.trace = trace
        self.now = now
        """The latest time that was passed in."""

        self._wall_offset = ntp_time - now
        self.events: list[Event] = []
        self.stats = SessionStats()
        self.round_trip_time = RoundTripTime()
        self.waiting: dict[int, Waiting] = {}
        """Streams by SSRC that have frames, losses or requests pending; the others cost nothing."""

        self.answers: list[tuple[int, int]] = []
        """SSRC and sequence number of what came since the last flush that the peer was asked for; -1 for a key frame."""

        self.has_given_up = False
        """Whether packets were given up while feedback was made, so that pictures behind them may go on."""

        self.has_new_stream = False
        """Whether a stream sent its first packet since the last flush: who plays it in step waits for a report."""

        self.has_new_clock = False
        """Whether a packet told of its sender's clock, so that what is played in step can be brought in line."""

        self.key_frame_at = float("-inf")
        """When a key frame was sent last: whoever begins with it wants to hear what belongs to it."""

        self.dirty = False
        """Whether something happened since the last flush, so that there may be something to send."""

        self.is_stirred = True
        """Whether that was more than media to send: what RTCP has to say, and when, may be another."""

    def wall_time(self, at: float) -> float:
        """Return seconds since 1970 for a time of the session's clock."""
        return at + self._wall_offset

    def session_time(self, wall_time: float) -> float:
        """Return the time of the session's clock for seconds since 1970."""
        return wall_time - self._wall_offset

    def wait_for(self, stream: Waiting) -> None:
        """Look after a stream at the end of this call and whenever it is due."""
        self.waiting[stream.ssrc] = stream

    def drop(self, reason: str) -> None:
        """Count and trace something of the peer's that is not taken."""
        dropped = self.stats.dropped
        dropped[reason] = dropped.get(reason, 0) + 1
        self.record("packet_dropped", reason=reason)

    def record(self, name: str, **data: object) -> None:
        """Trace something that happens now and then; not for every packet."""
        if self.trace is not None:
            self.trace(self.now, f"rtp:{name}", data)

    def random_16(self) -> int:
        """Return a random number of 16 bits."""
        return int.from_bytes(self.rng(2), "big")

    def random_32(self) -> int:
        """Return a random number of 32 bits."""
        return int.from_bytes(self.rng(4), "big")

    def random_fraction(self) -> float:
        """Return a random number from 0 to below 1."""
        return int.from_bytes(self.rng(4), "big") / 4_294_967_296
