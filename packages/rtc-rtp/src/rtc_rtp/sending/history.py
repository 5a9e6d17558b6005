"""Packets that were sent and may be asked for again. See :rfc:`4588#section-7` and :rfc:`4585#section-6.2.1`."""

from typing import Final, TypeAlias

from rtc_rtp.packet import RtpPacket

MAX_COUNT: Final = 16_384
"""Beyond half of the sequence numbers, one would stand for two packets."""

_HALF_COUNT: Final = MAX_COUNT // 2


_Kept: TypeAlias = tuple[RtpPacket, bytes | None, int, float]
"""What a `SentPacket` is made of. Of most packets none is ever made, for nobody asks for them."""


class SentPacket:
    """One packet that left, and was asked for."""

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
    """The latest packets of one stream, as far as time and room allow.

    They are of two generations, so that the old go without a look at each: when the younger has lasted as long as a packet is kept, or
    fills its half of the room, it becomes the older one, and the older one is forgotten.
    """

    __slots__ = ("_begun_at", "_half_size", "_older", "_size", "_younger", "max_duration")

    def __init__(self, max_duration: float, max_size: int) -> None:
        self.max_duration = max_duration
        """Seconds."""

        self._half_size = max_size // 2
        self._older: dict[int, SentPacket | _Kept] = {}
        self._younger: dict[int, SentPacket | _Kept] = {}
        self._size = 0  # of the younger generation
        self._begun_at = float("-inf")

    def add(self, packet: RtpPacket, data: bytes | None, size: int, now: float) -> None:
        """Keep a packet that leaves now; old ones make room.

        Args:
            packet: What leaves.
            data: Its bytes, if they are to be sent again as they are.
            size: How many these are.
            now: Seconds.
        """
        self._size += size
        if (
            now > self._begun_at + self.max_duration
            or self._size > self._half_size
            or len(self._younger) >= _HALF_COUNT
        ):
            self._older, self._younger = self._younger, {}
            self._size = size
            self._begun_at = now
        self._younger[packet.sequence_number] = packet, data, size, now

    def find(self, sequence_number: int, now: float) -> SentPacket | None:
        """Return the packet of a sequence number if it is still there and not too old."""
        # [rfc4585:6.2.1/3] Time alone makes packets go; nothing that the peer leaves unsaid does.
        generation = self._younger if sequence_number in self._younger else self._older
        found = generation.get(sequence_number)
        if isinstance(found, tuple):
            found = generation[sequence_number] = SentPacket(*found)
        return None if found is None or found.sent_at < now - self.max_duration else found

    def latest(self) -> SentPacket | None:
        """Return the packet that left last."""
        number = next(reversed(self._younger), None)
        return None if number is None else self.find(number, float("-inf"))
