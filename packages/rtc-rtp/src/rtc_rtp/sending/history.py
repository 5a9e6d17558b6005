"""Packets that were sent and may be asked for again. See :rfc:`4588#section-7` and :rfc:`4585#section-6.2.1`."""

from collections import deque
from typing import Final

from rtc_rtp.packet import RtpPacket

MAX_COUNT: Final = 16_384
"""Beyond half of the sequence numbers, one would stand for two packets."""

LOOK_INTERVAL: Final = 0.1
"""Seconds between two looks for packets that are too old. Nobody finds those in any case: they only take room."""


class SentPacket:
    """One packet that left."""

    __slots__ = ("data", "packet", "resent_at", "resent_count", "sent_at", "size")

    def __init__(self, packet: RtpPacket, data: bytes | None, size: int, sent_at: float) -> None:
        self.packet = packet
        self.data = data
        """What was on the wire, before SRTP; ``None`` if it is never needed again to the bit."""

        self.size = size

        self.sent_at = sent_at
        self.resent_at = sent_at
        self.resent_count = 0


class History:
    """The latest packets of one stream, as far as time and room allow."""

    __slots__ = ("_look_at", "_packets", "_sequence_numbers", "_size", "max_duration", "max_size")

    def __init__(self, max_duration: float, max_size: int) -> None:
        self.max_duration = max_duration
        """Seconds."""

        self.max_size = max_size
        """Bytes."""

        self._packets: dict[int, SentPacket] = {}
        self._sequence_numbers: deque[int] = deque()
        self._size = 0
        self._look_at = float("-inf")

    def add(self, packet: RtpPacket, data: bytes | None, size: int, now: float) -> None:
        """Keep a packet that leaves now; old ones make room.

        Args:
            packet: What leaves.
            data: Its bytes, if they are to be sent again as they are.
            size: How many these are.
            now: Seconds.
        """
        number = packet.sequence_number
        packets = self._packets
        if number in packets:
            self._size -= packets[number].size
        else:
            self._sequence_numbers.append(number)
        packets[number] = SentPacket(packet, data, size, now)
        self._size += size
        if now >= self._look_at or self._size > self.max_size or len(packets) > MAX_COUNT:
            self._make_room(now)

    def _make_room(self, now: float) -> None:
        """Forget the oldest packets, as far as they are too old or too many."""
        self._look_at = now + LOOK_INTERVAL
        packets, order = self._packets, self._sequence_numbers
        expired = now - self.max_duration
        while len(order) > 1:
            oldest = packets[order[0]]
            if oldest.sent_at >= expired and self._size <= self.max_size and len(order) <= MAX_COUNT:
                return
            del packets[order.popleft()]
            self._size -= oldest.size

    def find(self, sequence_number: int, now: float) -> SentPacket | None:
        """Return the packet of a sequence number if it is still there and not too old."""
        # [rfc4585:6.2.1/3] Time alone makes packets go; nothing that the peer leaves unsaid does.
        found = self._packets.get(sequence_number)
        return None if found is None or found.sent_at < now - self.max_duration else found

    def latest(self) -> SentPacket | None:
        """Return the packet that left last."""
        return self._packets[self._sequence_numbers[-1]] if self._sequence_numbers else None
