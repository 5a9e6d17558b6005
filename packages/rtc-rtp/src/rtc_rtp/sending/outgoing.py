"""What waits to leave: packets of one stream that were queued together, and what has to be known of them until then."""

from collections.abc import Sequence
from typing import Protocol

from rtc_rtp.congestion.pacer import PacketPriority
from rtc_rtp.packet import RtpPacket


class Origin(Protocol):
    """The stream that packets belong to, as far as it matters when they leave."""

    ssrc: int
    header_length: int
    """Bytes of a header without sources, at most."""
    is_numbered: bool
    """Whether its packets carry their number among all of the transport."""

    def depart(
        self, outgoing: "Outgoing", packets: Sequence[RtpPacket], transport_sequence_number: int, send_time: bytes
    ) -> list[bytes]:
        """Return the bytes of packets that leave now, and count them; without those that must not leave any more."""
        ...


class Outgoing:
    """Packets under one SSRC that wait to leave, in their order, such as those of a frame."""

    __slots__ = ("_departed_count", "is_key_frame", "is_retransmission", "packets", "priority", "queued_at", "stream")

    def __init__(
        self,
        stream: Origin,
        packets: Sequence[RtpPacket],
        queued_at: float,
        priority: PacketPriority,
        *,
        is_key_frame: bool = False,
        is_retransmission: bool = False,
    ) -> None:
        self.stream = stream
        self.packets = packets
        self.queued_at = queued_at
        self.priority = priority
        self.is_key_frame = is_key_frame
        self.is_retransmission = is_retransmission
        self._departed_count = 0

    def take(self, count: int) -> Sequence[RtpPacket]:
        """Return the next so many packets: they leave."""
        first = self._departed_count
        self._departed_count = end = first + count
        return self.packets[first:end]
