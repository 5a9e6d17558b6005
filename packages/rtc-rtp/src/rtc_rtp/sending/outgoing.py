"""What waits to leave: a packet, and what has to be known of it until then."""

from typing import TYPE_CHECKING

from rtc_rtp.congestion.pacer import PacketPriority
from rtc_rtp.packet import RtpPacket

if TYPE_CHECKING:
    from rtc_rtp.sending.stream import SendStream


class Outgoing:
    """One packet that waits to leave."""

    __slots__ = ("is_key_frame", "is_retransmission", "packet", "priority", "queued_at", "size", "stream")

    def __init__(
        self,
        stream: "SendStream",
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
