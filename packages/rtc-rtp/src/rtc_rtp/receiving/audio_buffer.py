"""Audio frames in order and in their time, out of packets in any order and at any."""

from collections.abc import Mapping
from heapq import heappop, heappush
from typing import ClassVar, Final

from rtc_rtp.errors import ParseError
from rtc_rtp.frame import EncodedFrame
from rtc_rtp.packet import RtpPacket
from rtc_rtp.parameters import JitterSettings
from rtc_rtp.payload import PayloadFormat
from rtc_rtp.receiving.playout_clock import PlayoutClock
from rtc_rtp.sequence import TIMESTAMP_BITS, SequenceUnwrapper
from rtc_rtp.stats import InboundStats

MAX_PACKETS: Final = 500
"""Packets that wait for their time: ten seconds of usual ones."""

_NEVER: Final = float("inf")


class AudioBuffer:
    """The frames of one stream; each packet is one.

    A frame leaves when its time has come. What has not come by the time of the one behind it is lost: the receiver sees
    the gap in sequence numbers and conceals it. A gap in timestamps alone is silence that was not sent (DTX).
    """

    __slots__ = (
        "_clock_rate",
        "_formats",
        "_last",
        "_numbers",
        "_origin",
        "_packets",
        "_stats",
        "_timestamps",
        "playout",
    )

    wants_key_frame: ClassVar = False
    """As `VideoBuffer.wants_key_frame`: sound needs none."""

    def __init__(
        self, formats: Mapping[int, PayloadFormat], stats: InboundStats, settings: JitterSettings, clock_rate: int
    ) -> None:
        self._formats = formats
        self._stats = stats
        self._clock_rate = clock_rate
        self._origin = 0.0
        """Media time of RTP timestamp 0, seconds."""

        self._timestamps = SequenceUnwrapper(bits=TIMESTAMP_BITS)
        self._packets: dict[int, tuple[RtpPacket, float, float]] = {}
        self._numbers: list[int] = []
        self._last: int | None = None
        self.playout = PlayoutClock(minimum=settings.target_delay or 0.0, maximum=settings.maximum_delay)

    def change_clock_rate(self, clock_rate: int, timestamp: int, now: float) -> None:
        """Go on with another clock from a packet on: its timestamp belongs to the time that has passed.

        See :rfc:`7160#section-4.2`.
        """
        playout = self.playout
        self._clock_rate = clock_rate
        self._timestamps = SequenceUnwrapper(bits=TIMESTAMP_BITS)
        if playout.media_time is not None:
            self._origin = playout.media_time + now - playout.arrived_at - timestamp / clock_rate

    def insert(self, number: int, packet: RtpPacket, now: float, *, is_repair: bool = False) -> None:
        """Take a packet that is no duplicate; one that was repaired says nothing of the path."""
        media_time = self._timestamps.unwrap(packet.timestamp) / self._clock_rate + self._origin
        if not is_repair and self.playout.arrive(media_time, packet.timestamp, now):
            # What waits has no time on the new timeline: it leaves before what comes.
            self._packets = {each: (waits, media_time, at) for each, (waits, _, at) in self._packets.items()}
        if self._last is not None and number <= self._last:
            self._stats.packets_discarded += 1
            return
        if len(self._packets) >= MAX_PACKETS:
            self._packets.pop(heappop(self._numbers))
            self._stats.packets_discarded += 1
        self._packets[number] = (packet, media_time, now)
        heappush(self._numbers, number)

    def take(self, now: float) -> list[tuple[EncodedFrame, RtpPacket, RtpPacket]]:
        """Return the frames whose time has come, each with its first and its last packet, which are the same."""
        frames: list[tuple[EncodedFrame, RtpPacket, RtpPacket]] = []
        numbers = self._numbers
        while numbers and self.playout.due_at(self._packets[numbers[0]][1]) <= now:
            number = heappop(numbers)
            packet, _, arrived_at = self._packets.pop(number)
            if self._last is not None and number > self._last + 1:
                self._stats.concealed_packets += number - self._last - 1
                self._stats.concealment_events += 1
            self._last = number
            if not packet.payload:
                continue
            format_ = self._formats[packet.payload_type]
            try:
                frame = format_.assemble([packet])
            except ParseError:
                self._stats.frames_dropped += 1
                continue
            frame.received_at = arrived_at
            self._count(now - arrived_at, format_.duration(packet.payload) or 0)
            frames.append((frame, packet, packet))
        return frames

    def _count(self, waited: float, ticks: int) -> None:
        """A frame leaves: each of its samples has waited as long as it."""
        stats, playout = self._stats, self.playout
        stats.frames_received += 1
        stats.jitter_buffer_emitted_count += ticks
        stats.jitter_buffer_delay += waited * ticks
        stats.jitter_buffer_target_delay += playout.delay * ticks
        stats.jitter_buffer_minimum_delay += min(playout.maximum, playout.measured) * ticks

    @property
    def deadline(self) -> float:
        """When the next frame is due."""
        return self.playout.due_at(self._packets[self._numbers[0]][1]) if self._numbers else _NEVER

    @property
    def next_number(self) -> int | None:
        """Extended sequence number before which nothing is wanted any more."""
        return None if self._last is None else self._last + 1
