"""Frames from RTP packets that come in order, for those who have no jitter buffer behind them: recorders of raw packets."""

from rtc_media.errors import MediaError
from rtc_rtp import EncodedFrame, ParseError, RtpCodec, RtpPacket, payload_format


class FrameAssembler:
    """Joins the packets of one stream into frames. Of a frame that is not whole nothing remains.

    Args:
        codec: What the packets carry.

    Raises:
        MediaError: There is no payload format for it.
    """

    def __init__(self, codec: RtpCodec) -> None:
        found = payload_format(codec.mime_type, codec.parameters)
        if found is None:
            raise MediaError(f"there is no payload format for {codec.mime_type}")
        self._format = found
        self._codec = codec
        self._packets: list[RtpPacket] = []
        self._broken = False
        self.lost_frames = 0
        """How many frames were not whole, or not what they should be."""

    def add(self, packet: RtpPacket) -> EncodedFrame | None:
        """Add the next packet, and return the frame that it completes."""
        packets = self._packets
        if packets and packets[0].timestamp != packet.timestamp:
            self.lost_frames += 1
            packets.clear()
        if not packets:
            self._broken = not self._format.starts_frame(packet.payload)
        elif packet.sequence_number != (packets[-1].sequence_number + 1) & 0xFFFF:
            self._broken = True
        packets.append(packet)
        if not self._format.ends_frame(packet):
            return None
        complete, self._packets = packets, []
        if self._broken:
            self.lost_frames += 1
            return None
        try:
            frame = self._format.assemble(complete)
        except ParseError:
            self.lost_frames += 1
            return None
        frame.mime_type = self._codec.mime_type
        return frame
