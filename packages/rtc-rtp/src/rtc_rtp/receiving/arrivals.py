"""What the sender's congestion control has to know: when each packet of the transport arrived."""

from collections.abc import Iterable, Sequence
from struct import Struct
from typing import Final

from rtc_rtp.congestion.congestion_feedback_recorder import CongestionFeedbackRecorder
from rtc_rtp.congestion.transport_feedback_recorder import GRACE, TransportFeedbackRecorder
from rtc_rtp.context import Context
from rtc_rtp.extensions.transport_sequence_number import TRANSPORT_SEQUENCE_NUMBER
from rtc_rtp.ntp import ntp_timestamp
from rtc_rtp.packet import RtpPacket
from rtc_rtp.parameters import ReceiveParameters
from rtc_rtp.rtcp import RtcpPacket

_NUMBER: Final = Struct("!H")
_NEVER: Final = float("inf")


class Arrivals:
    """Notes arrivals where the peer wants to hear of them, transport-wide or by streams (:rfc:`8888`)."""

    __slots__ = ("_by_stream", "_context", "_identifier", "_transport_wide", "deadline", "is_noting", "ready_at")

    def __init__(self, context: Context) -> None:
        self._context = context
        self._identifier = 0
        self._transport_wide: TransportFeedbackRecorder | None = None
        self._by_stream: CongestionFeedbackRecorder | None = None
        self.is_noting = False
        """Whether `note` has to be called at all."""

        self.ready_at = _NEVER
        """When there is feedback that may leave together with something else."""

        self.deadline = _NEVER
        """When there is feedback to send."""

    def configure(self, receivers: Iterable[ReceiveParameters]) -> None:
        """Take what was negotiated. Identifiers of extensions are the same in all sections of a transport."""
        identifier, by_stream = None, False
        for parameters in receivers:
            feedback = {kind for codec in parameters.codecs for kind in codec.feedback}
            if "transport-cc" in feedback:
                identifier = identifier or parameters.header_extensions.id_of(TRANSPORT_SEQUENCE_NUMBER)
            by_stream |= "ack ccfb" in feedback
        if identifier is None:
            self._transport_wide = None
        else:
            self._identifier = identifier
            self._transport_wide = self._transport_wide or TransportFeedbackRecorder(sender_ssrc=0)
        self._by_stream = (self._by_stream or CongestionFeedbackRecorder(sender_ssrc=0)) if by_stream else None
        self.is_noting = self._transport_wide is not None or self._by_stream is not None
        self._look_ahead()

    def note(self, packets: Sequence[RtpPacket], size: int, now: float) -> None:
        """Note that packets of so many bytes arrived together."""
        if self._transport_wide is not None:
            identifier, ssrc = self._identifier, 0
            numbers: list[int] = []
            for packet in packets:
                value = packet.extension(identifier)
                if value is not None and len(value) >= _NUMBER.size:
                    numbers += _NUMBER.unpack_from(value)
                    ssrc = packet.ssrc
            if numbers:
                self._transport_wide.packets_received(numbers, now, media_ssrc=ssrc, size=size)
        if self._by_stream is not None:
            for packet in packets:
                self._by_stream.packet_received(packet.ssrc, packet.sequence_number, now)
        self._look_ahead()

    def _look_ahead(self) -> None:
        """See when there is feedback."""
        wide, by_stream = self._transport_wide, self._by_stream
        self.ready_at = _NEVER if wide is None else wide.ready_at
        self.deadline = self.ready_at + GRACE
        if by_stream is not None and (due_at := by_stream.next_timeout()) is not None:
            self.ready_at = min(self.ready_at, due_at)
            self.deadline = min(self.deadline, due_at)

    def take_feedback(self, reporter_ssrc: int) -> list[RtcpPacket]:
        """Return the feedback of now."""
        now = self._context.now
        packets: list[RtcpPacket] = []
        # [rfc8834:7.2/1]
        wide, by_stream = self._transport_wide, self._by_stream
        if wide is not None and wide.ready_at <= now:
            wide.sender_ssrc = reporter_ssrc
            packets += wide.feedback(now)
        if by_stream is not None and (due_at := by_stream.next_timeout()) is not None and due_at <= now:
            by_stream.sender_ssrc = reporter_ssrc
            feedback = by_stream.feedback(now, ntp_timestamp=ntp_timestamp(self._context.wall_time(now)))
            self._context.stats.ccfb_messages_sent += len(feedback)
            packets += feedback
        self._look_ahead()
        return packets
