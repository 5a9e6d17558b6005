"""What waits to leave: a packet, and what has to be known of it until then."""

from typing import Protocol

from rtc_rtp.congestion.pacer import PacketPriority
from rtc_rtp.packet import RtpPacket


class Origin(Protocol):
    """The stream that a packet belongs to, as far as it matters when it leaves."""

    ssrc: int
    header_length: int
    """Bytes of a header without sources, at most."""
    is_numbered: bool
    """Whether its packets carry their number among all of the transport."""

    def depart(self, outgoing: "Outgoing", transport_sequence_number: int, send_time: bytes) -> bytes | None:
        """Return the bytes of a packet that leaves now, and count it; ``None`` if it must not leave any more."""
        ...


class Outgoing:
    """One packet that waits to leave."""

    __slots__ = ("is_key_frame", "is_retransmission", "packet", "priority", "queued_at", "size", "stream")

    def __init__(
        self,
        stream: Origin,
        packet: RtpPacket,
        queued_at: float,
        priority: PacketPriority,
        *,
        is_retransmission: bool = False,
    ) -> None:
        self.stream = stream
        self.packet = packet
        self.queued_at = queued_at
        self.priority = priority
        self.is_retransmission = is_retransmission
        self.is_key_frame = False
        self.size = stream.header_length + len(packet.payload) + packet.padding_length
        """Bytes on the wire, at most."""
