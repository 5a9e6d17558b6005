"""Whole video frames in decoding order, out of packets in any order."""

from collections import deque
from collections.abc import Mapping
from operator import attrgetter
from typing import Final

from rtc_rtp.errors import ParseError
from rtc_rtp.frame import EncodedFrame
from rtc_rtp.packet import RtpPacket
from rtc_rtp.parameters import JitterSettings
from rtc_rtp.payload import PayloadFormat
from rtc_rtp.receiving.playout_clock import MediaClock
from rtc_rtp.sequence import TIMESTAMP_BITS, SequenceUnwrapper
from rtc_rtp.stats import InboundStats

MAX_PACKETS: Final = 2048
"""Packets that wait for others; when more come, nothing of what waits is of use."""

REORDERING_LIMIT: Final = 0.1
"""Seconds to wait for a packet that nobody asks for again."""

REPAIR_LIMIT: Final = 1.0
"""Seconds to wait for a packet that is asked for again."""

REMEMBERED_FRAMES: Final = 64
MAX_READY: Final = 300
"""Whole frames that wait for their time: ten seconds of usual ones."""

VIDEO_CLOCK_RATE: Final = 90_000
"""RTP ticks per second of all video formats."""

_NEVER: Final = float("inf")
_payload: Final = attrgetter("payload")


class VideoBuffer:
    """The frames of one stream.

    Frames leave in order. A gap holds up those behind it until it is filled or there is no hope; then decoding goes on
    at the next frame that needs nothing of what was lost: a key frame, or one whose dependencies are all known.
    """

    __slots__ = (
        "_blocked_at",
        "_delivered_ids",
        "_formats",
        "_key_frame_hints",
        "_may_begin",
        "_next",
        "_packets",
        "_ready",
        "_scanned",
        "_stats",
        "_timestamps",
        "can_repair",
        "is_intact",
        "playout",
        "wants_key_frame",
    )

    def __init__(
        self, formats: Mapping[int, PayloadFormat], stats: InboundStats, settings: JitterSettings, *, can_repair: bool
    ) -> None:
        self._formats = formats
        self._stats = stats
        self._timestamps = SequenceUnwrapper(bits=TIMESTAMP_BITS)
        self._ready: deque[tuple[EncodedFrame, RtpPacket, RtpPacket, float]] = deque()
        """Frames that are whole but, by somebody's wish, not due."""

        self.playout = MediaClock(minimum=settings.target_delay or 0.0, maximum=settings.maximum_delay)
        self._packets: dict[int, tuple[RtpPacket, float]] = {}
        self._next: int | None = None
        """Extended sequence number that the next frame begins with."""

        self._scanned = 0
        """Up to here the packets of the next frame are there."""

        self._blocked_at: float | None = None
        """Since when something behind the gap waits."""

        self._may_begin = False
        """Whether something came that may begin a frame, since there was nothing to begin with."""

        self._key_frame_hints: list[int] = []
        """Packets that look like the beginning of a key frame, while one is waited for."""

        self._delivered_ids: deque[int] = deque(maxlen=REMEMBERED_FRAMES)
        self.can_repair = can_repair
        """Whether packets that are missing are asked for."""

        self.is_intact = False
        """Whether the decoder has everything that the next frame may need."""

        self.wants_key_frame = False
        """Whether only a key frame helps; the stream asks for it."""

    def insert(self, number: int, packet: RtpPacket, now: float, *, is_repair: bool = False) -> None:  # noqa: ARG002
        """Take a packet that is no duplicate; by which way it came does not matter to pictures."""
        if self._next is not None and number < self._next:
            self._stats.packets_discarded += 1
            return
        if len(self._packets) >= MAX_PACKETS:
            self._give_up_all()
        self._packets[number] = (packet, now)
        if not self.is_intact and packet.payload:
            format_ = self._format(packet)
            self._may_begin = self._may_begin or format_.starts_frame(packet.payload)
            if format_.starts_keyframe(packet.payload):
                self._key_frame_hints.append(number)

    def take(self, now: float) -> list[tuple[EncodedFrame, RtpPacket, RtpPacket]]:
        """Return the frames that are whole and due, in order, each with its first and its last packet."""
        packets = self._packets
        while packets:
            if self._next is None and not self._begin():
                break
            end = self._end_of_frame()
            if end is not None:
                self._join(end, now)
            elif not self._skip(now):
                break
        if not packets:
            self._blocked_at = None
        frames: list[tuple[EncodedFrame, RtpPacket, RtpPacket]] = []
        ready, stats = self._ready, self._stats
        if not ready:
            return frames
        wished = self.playout.wished
        while ready and (not wished or self._due_at(ready[0]) <= now):
            frame, first, last, _ = ready.popleft()
            stats.jitter_buffer_delay += now - (frame.received_at or now)
            stats.jitter_buffer_target_delay += wished
            stats.jitter_buffer_emitted_count += 1
            frames.append((frame, first, last))
        return frames

    def _begin(self) -> bool:
        """Find where to begin, if something new may be that; tell whether it was found."""
        may_begin, self._may_begin = self._may_begin, False
        if may_begin and self._seek(0):
            return True
        self.wants_key_frame = True
        return False

    def _due_at(self, ready: tuple[EncodedFrame, RtpPacket, RtpPacket, float]) -> float:
        # Pictures are shown as soon as they can be, unless somebody wants them later.
        wished = self.playout.wished
        return ready[3] + self.playout.base + wished if wished else 0.0

    @property
    def deadline(self) -> float:
        """When a frame is due, or waiting for the packet in the gap is over."""
        due_at = self._due_at(self._ready[0]) if self._ready else _NEVER
        return due_at if self._blocked_at is None else min(due_at, self._blocked_at + self._patience)

    @property
    def next_number(self) -> int | None:
        """Extended sequence number before which nothing is wanted any more."""
        return self._next

    @property
    def _patience(self) -> float:
        return REPAIR_LIMIT if self.can_repair else REORDERING_LIMIT

    def give_up(self, numbers: list[int], now: float) -> None:
        """Hear that packets will not come."""
        if self._blocked_at is not None and self._scanned in numbers:
            self._blocked_at = now - self._patience

    def _end_of_frame(self) -> int | None:
        """Return the number of the last packet of the next frame if all of it is there."""
        packets, first, number = self._packets, self._next, self._scanned
        timestamp = packets[first][0].timestamp if first is not None and first < number else None
        while number in packets:
            packet, _ = packets[number]
            if packet.payload:
                if packet.timestamp != timestamp:
                    if timestamp is not None:
                        # The marker is missing, but another frame begins.
                        return number - 1
                    timestamp = packet.timestamp
                if packet.marker:
                    # All formats of video mark the last packet of a frame.
                    return number
            elif timestamp is None:
                # Mere padding has a number as well, but belongs to no frame.
                del packets[number]
                self._next = number + 1
            number += 1
        self._scanned = number
        return None

    def _format(self, packet: RtpPacket) -> PayloadFormat:
        return self._formats[packet.payload_type]

    def _join(self, end: int, now: float) -> None:
        """Join the packets up to `end`, and keep the frame if it can be decoded."""
        first = self._next if self._next is not None else end
        carriers: tuple[RtpPacket, ...]
        arrivals: tuple[float, ...]
        carriers, arrivals = zip(*map(self._packets.pop, range(first, end + 1)), strict=True)
        self._next = self._scanned = end + 1
        self._blocked_at = None
        packets = list(filter(_payload, carriers))  # without padding
        stats = self._stats
        try:
            frame = self._formats[packets[0].payload_type].assemble(packets)
        except ParseError:
            stats.frames_dropped += 1
            self._forget_hints(end)
            self._break()
            return
        if not self.is_intact:
            if not self._is_decodable(frame):
                stats.frames_dropped += 1
                self._forget_hints(end)
                self.wants_key_frame = True
                return
            self.is_intact = True
            self.wants_key_frame = False
            self._key_frame_hints.clear()
        metadata = frame.metadata
        if metadata is not None and metadata.frame_id is not None:
            self._delivered_ids.append(metadata.frame_id)
        stats.frames_received += 1
        if frame.keyframe:
            stats.key_frames_received += 1
        frame.received_at = latest = max(arrivals)
        if end > first:
            stats.frames_assembled_from_multiple_packets += 1
            stats.total_assembly_time += latest - min(arrivals)
        media_time = self._timestamps.unwrap(frame.timestamp) / VIDEO_CLOCK_RATE
        if self.playout.arrive(media_time, frame.timestamp, now):
            # What waits has no time on the new timeline: it leaves before what comes.
            self._ready = deque([(waits, head, tail, media_time) for waits, head, tail, _ in self._ready])
        ready = self._ready
        if len(ready) >= MAX_READY:
            ready.popleft()
        ready.append((frame, packets[0], packets[-1], media_time))

    def _forget_hints(self, end: int) -> None:
        self._key_frame_hints = [number for number in self._key_frame_hints if number > end]

    def _is_decodable(self, frame: EncodedFrame) -> bool:
        """Whether a frame behind a gap needs nothing that was lost in it."""
        if frame.keyframe:
            self._delivered_ids.clear()
            return True
        metadata = frame.metadata
        if metadata is None or metadata.dependencies is None or not self._delivered_ids:
            return False
        return bool(metadata.dependencies) and all(each in self._delivered_ids for each in metadata.dependencies)

    def _skip(self, now: float) -> bool:
        """The next frame is not whole: wait, or pass over it; tell whether it was passed over."""
        # All that waits is of the next frame, which goes on: there is nothing behind it yet.
        if self._next is None or len(self._packets) == self._scanned - self._next:
            self._blocked_at = None
            return False
        if self._leap():
            return True
        if self._blocked_at is None:
            self._blocked_at = now
        if now < self._blocked_at + self._patience and (self.is_intact or not self._has_later_key_frame()):
            return False
        self._blocked_at = None
        self._break()
        self._stats.frames_dropped += 1
        return self._seek(self._scanned + 1, broken=self._head_timestamp())

    def _leap(self) -> bool:
        """Leave out a gap between two pictures that follow each other: what was lost there is padding, or parity."""
        if not self.is_intact or self._scanned != self._next or not self._delivered_ids:
            return False
        ahead = min((each for each, (packet, _) in self._packets.items() if packet.payload), default=None)
        if ahead is None:
            return False
        packet = self._packets[ahead][0]
        if not self._format(packet).follows(packet.payload, self._delivered_ids[-1]):
            return False
        for padding in [each for each in self._packets if each < ahead]:
            del self._packets[padding]
        self._next = self._scanned = ahead
        self._blocked_at = None
        return True

    def _break(self) -> None:
        if self.is_intact:
            self.is_intact = False
            self._key_frame_hints = [
                number
                for number, (packet, _) in self._packets.items()
                if packet.payload and self._format(packet).starts_keyframe(packet.payload)
            ]
        self.wants_key_frame = True

    def _head_timestamp(self) -> int | None:
        """The RTP timestamp of the frame that is not whole, if its first packet is there."""
        head = None if self._next is None else self._packets.get(self._next)
        return None if head is None else head[0].timestamp

    def _has_later_key_frame(self) -> bool:
        broken = self._head_timestamp()
        return any(
            number > self._scanned
            and self._packets[number][0].timestamp != broken
            and self._begins_frame(self._first_of(number))
            for number in self._key_frame_hints
        )

    def _first_of(self, number: int) -> int:
        """Return the first packet of what is there of a packet's frame, without a gap."""
        packets = self._packets
        timestamp = packets[number][0].timestamp
        while (before := packets.get(number - 1)) is not None and before[0].timestamp == timestamp:
            number -= 1
        return number

    def _seek(self, start: int, broken: int | None = None) -> bool:
        """Go to the first packet from `start` on that begins a frame, a key frame if there is one; drop those before.

        Args:
            start: Extended sequence number.
            broken: RTP timestamp of a frame that is given up, all of it.
        """
        packets = self._packets
        numbers = sorted(number for number in packets if number >= start and packets[number][0].timestamp != broken)
        beginnings = [number for number in numbers if self._begins_frame(number)]
        if not beginnings:
            if start:
                self._discard_before(max(numbers, default=start - 1) + 1)
            self.wants_key_frame = True
            return False
        key = next((number for number in beginnings if self._begins_key_frame(number)), None)
        self._discard_before(beginnings[0] if key is None else key)
        return True

    def _begins_frame(self, number: int) -> bool:
        packet = self._packets[number][0]
        if not packet.payload or not self._format(packet).starts_frame(packet.payload):
            return False
        # Some formats can only say that a frame may begin here: what is before it knows better.
        before = self._packets.get(number - 1)
        return before is None or before[0].timestamp != packet.timestamp or before[0].marker

    def _begins_key_frame(self, number: int) -> bool:
        if not self._begins_frame(number):
            return False
        # H.264 and H.265 may put what stands before a picture into packets of its own, of which the first tells nothing.
        timestamp = self._packets[number][0].timestamp
        while (entry := self._packets.get(number)) is not None and entry[0].timestamp == timestamp:
            if self._format(entry[0]).starts_keyframe(entry[0].payload):
                return True
            number += 1
        return False

    def _discard_before(self, number: int) -> None:
        old = [each for each in self._packets if each < number]
        for each in old:
            del self._packets[each]
        self._key_frame_hints = [each for each in self._key_frame_hints if each >= number]
        self._stats.packets_discarded += len(old)
        self._next = self._scanned = number

    def _give_up_all(self) -> None:
        self._stats.packets_discarded += len(self._packets)
        self._packets.clear()
        self._key_frame_hints.clear()
        self._may_begin = False
        self._next = None
        self._blocked_at = None
        self._scanned = 0
        self._break()
