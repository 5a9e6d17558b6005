"""Streams that carry what another one lost: retransmissions (:rfc:`4588`) and parity (FlexFEC)."""

from rtc_rtp.context import Context
from rtc_rtp.packet import RtpPacket
from rtc_rtp.receiving.reception import Reception
from rtc_rtp.receiving.stream import ReceiveStream
from rtc_rtp.rtcp import ReportBlock


class RepairStream:
    """The stream that carries retransmissions of another one. See :rfc:`4588`."""

    __slots__ = ("_context", "heard_at", "payload_types", "primary", "reception", "reported_count", "ssrc")

    def __init__(
        self, context: Context, packet: RtpPacket, primary: ReceiveStream, payload_types: dict[int, int]
    ) -> None:
        self._context = context
        self.ssrc = packet.ssrc
        self.primary = primary
        primary.stats.rtx_ssrc = packet.ssrc
        self.payload_types = payload_types
        """From that of the retransmission to that of the original (``apt``)."""

        self.reception = Reception(packet.sequence_number, clock_rate=primary.codec.clock_rate, probation=0)
        self.heard_at = context.now
        self.reported_count = 0

    def receive(self, packet: RtpPacket, size: int) -> None:
        """Unwrap a packet and hand it to the stream it belongs to."""
        context, stats = self._context, self.primary.stats
        payload_type = self.payload_types.get(packet.payload_type)
        if payload_type is None:
            context.drop("unknown_payload_type")
            return
        if self.reception.accept(packet.sequence_number) is None:
            context.drop(self.reception.reason)
            return
        self.heard_at = context.now
        length = len(packet.payload)
        stats.packets_received += 1
        stats.bytes_received += length
        stats.header_bytes_received += size - length
        if length < 2:
            # Padding alone, to measure the path; it carries no original.
            if length:
                context.drop("malformed_retransmission")
            return
        stats.retransmitted_packets_received += 1
        stats.retransmitted_bytes_received += length
        original = RtpPacket(
            payload_type,
            int.from_bytes(packet.payload[:2], "big"),
            packet.timestamp,
            self.primary.ssrc,
            packet.payload[2:],
            marker=packet.marker,
            csrcs=packet.csrcs,
            extensions=packet.extensions,
        )
        self.primary.repair(original)

    def take_report(self) -> ReportBlock | None:
        """Return the report block, if anything came since the last one."""
        report = _report(self.ssrc, self.reception, self.reported_count)
        self.reported_count = self.reception.received
        return report


class FecStream:
    """The stream that carries parity for another one."""

    __slots__ = ("_context", "heard_at", "payload_type", "primary", "reception", "reported_count", "ssrc")

    def __init__(self, context: Context, packet: RtpPacket, primary: ReceiveStream) -> None:
        self._context = context
        self.payload_type: int | None = packet.payload_type
        self.ssrc = packet.ssrc
        self.primary = primary
        primary.stats.fec_ssrc = packet.ssrc
        self.reception = Reception(packet.sequence_number, clock_rate=primary.codec.clock_rate, probation=0)
        self.heard_at = context.now
        self.reported_count = 0

    def receive(self, packet: RtpPacket, size: int) -> None:  # noqa: ARG002  # as every stream
        """Let the parity bring back what it can."""
        context = self._context
        if packet.payload_type != self.payload_type:
            context.drop("unknown_payload_type")
            return
        if self.reception.accept(packet.sequence_number) is None:
            context.drop(self.reception.reason)
            return
        self.heard_at = context.now
        self.primary.correct(packet.payload)

    def take_report(self) -> ReportBlock | None:
        """Return the report block, if anything came since the last one."""
        report = _report(self.ssrc, self.reception, self.reported_count)
        self.reported_count = self.reception.received
        return report


def _report(ssrc: int, reception: Reception, reported_count: int) -> ReportBlock | None:
    """Return a report block on a stream whose packets have no time of their own to measure jitter by."""
    if reception.received == reported_count:
        return None
    fraction = reception.take_fraction_lost()
    return ReportBlock(ssrc, fraction, reception.lost, reception.highest - 0x1_0000 & 0xFFFF_FFFF)
