"""What the peer tells by RTCP, and who of it takes part. See :rfc:`3550#section-6`."""

from collections.abc import Sequence
from typing import Final

from rtc_rtp.context import Context
from rtc_rtp.errors import ParseError
from rtc_rtp.events import EndReason, LossChanged
from rtc_rtp.inbound import Inbound
from rtc_rtp.ntp import ntp_middle, ntp_timestamp, ntp_to_wall_clock, seconds_to_short
from rtc_rtp.outbound import Outbound
from rtc_rtp.receiving.stream import ReceiveStream
from rtc_rtp.reporting.participants import Participants
from rtc_rtp.round_trip_time import round_trip_time
from rtc_rtp.rtcp import (
    CongestionControlFeedback,
    DescriptionType,
    FullIntraRequest,
    GenericNack,
    Goodbye,
    MaximumBitrate,
    PictureLossIndication,
    RapidResynchronizationRequest,
    ReceiverEstimatedMaximumBitrate,
    ReceiverReport,
    ReportBlock,
    RtcpPacket,
    SenderReport,
    SourceDescription,
    TemporalSpatialTradeOffRequest,
    TemporaryMaximumBitrate,
    TransportFeedback,
    parse_compound,
)
from rtc_rtp.rtcp.extended_block import BLOCK_HEADER
from rtc_rtp.rtcp.extended_report import (
    DELAY_SIZE,
    DelaySinceReceiverReport,
    ExtendedReport,
    ReceiverDelay,
    ReceiverReferenceTime,
)
from rtc_rtp.sending.sender import Sender
from rtc_rtp.sending.stream import SendStream
from rtc_rtp.sending.trade_offs import TradeOffs

MAX_ROUND_TRIP_TIME: Final = 60.0
"""Seconds beyond which an echo is taken for an error."""

MAX_EXPECTED: Final = 0x8000
"""Packets between two reports beyond which the peer must have begun to count anew."""

MAX_REPLIES: Final = 16
"""Receivers of the peer that are answered in one report."""


class Intake:
    """Reads RTCP and turns it into what streams do."""

    __slots__ = (
        "_context",
        "_inbound",
        "_outbound",
        "_reference_times",
        "has_lost_members",
        "participants",
        "replies",
        "reported_on_at",
        "reporter_ssrc",
        "trade_offs",
    )

    def __init__(self, context: Context, inbound: Inbound, outbound: Outbound, reporter_ssrc: int) -> None:
        self._context = context
        self._inbound = inbound
        self._outbound = outbound
        self.reporter_ssrc = reporter_ssrc
        """Under which this end reports as long as it sends nothing."""

        self.replies: dict[int, RtcpPacket] = {}
        """What the peer's feedback is to be answered with, by our SSRC: the latest answer holds for all before."""

        self.trade_offs = TradeOffs()
        self._reference_times: dict[int, tuple[int, float]] = {}
        """Of the peer's receivers: the middle of the NTP timestamp, and when it came."""

        self.reported_on_at = float("-inf")
        """When the peer last reported on anything of ours."""

        self.has_lost_members = False
        """Whether somebody said goodbye since it was asked last."""

        self.participants = Participants(context.options.max_sources)

    def receive(self, data: bytes) -> int:
        """Take one datagram; return how many SSRCs report in it, at least 1, or 0 if it is not RTCP.

        Never raises for what it holds.
        """
        context = self._context
        context.stats.rtcp_packets_received += 1
        try:
            packets = parse_compound(data)
        except ParseError:
            context.drop("malformed_rtcp")
            return 0
        reporters: set[int] = set()
        for packet in packets:
            match packet:
                case SenderReport():
                    reporters.add(packet.ssrc)
                    self._hear(packet.ssrc)
                    self._take_sender_report(packet)
                    self._take_blocks(packet.blocks)
                    self._outbound.hear()
                # [rfc8866:6.7.3/1]
                case ReceiverReport():
                    reporters.add(packet.ssrc)
                    self._hear(packet.ssrc)
                    self._take_blocks(packet.blocks)
                    self._outbound.hear()
                case SourceDescription():
                    self._take_description(packet)
                case Goodbye():
                    for ssrc in packet.ssrcs:
                        self._leave(ssrc)
                case ExtendedReport():
                    self._take_extended_report(packet)
                case _:
                    self._take_feedback(packet)
        return len(reporters) or 1

    def _hear(self, ssrc: int) -> None:
        context = self._context
        if ssrc in self._outbound.by_ssrc:
            self._inbound.resolve_conflict(ssrc)
        elif ssrc == self.reporter_ssrc:
            context.drop("source_conflict")
            self.reporter_ssrc = context.random_32() or 1
        elif self.participants.hear(ssrc, context.now) is None:
            context.drop("too_many_participants")
        if (stream := self._inbound.streams.get(ssrc)) is not None:
            stream.heard_at = context.now

    def _take_sender_report(self, report: SenderReport) -> None:
        stream = self._inbound.streams.get(report.ssrc)
        if not isinstance(stream, ReceiveStream):
            return
        stream.clock.report(report, self._context.now)
        self._inbound.synchronize()
        remote = stream.stats.remote
        remote.reports_sent += 1
        remote.reported_at = self._context.now
        remote.round_trip_time = None
        remote.remote_timestamp = ntp_to_wall_clock(report.ntp_timestamp)
        remote.packets_sent = report.packet_count
        remote.bytes_sent = report.octet_count

    def _take_blocks(self, blocks: Sequence[ReportBlock]) -> None:
        for block in blocks:
            found = self._outbound.by_ssrc.get(block.ssrc)
            if found is not None:
                self.reported_on_at = self._context.now
                self._take_block(block, *found)

    def _take_block(self, block: ReportBlock, sender: Sender, stream: SendStream) -> None:
        context = self._context
        seconds = None
        if block.last_sr:
            now = ntp_middle(ntp_timestamp(context.wall_time(context.now)))
            seconds = round_trip_time(now, block.last_sr, block.delay_since_last_sr)
            # [rfc4585:8/1]
            if seconds > MAX_ROUND_TRIP_TIME:
                context.drop("implausible_report")
                return
            context.round_trip_time.measure(seconds)
        if block.ssrc != stream.ssrc:
            stream.is_repair_acknowledged = True
            return
        stream.is_acknowledged = True
        if context.options.circuit_breaker:
            stats = stream.stats
            stream.breaker.report(
                block,
                context.now,
                sent_count=stats.packets_sent,
                sent_size=stats.bytes_sent + stats.header_bytes_sent,
                round_trip_time=context.round_trip_time.assumed,
                has_proof=self._outbound.departures.has_proof,
            )
            self._outbound.look_at_breakers()
        remote = stream.stats.remote
        remote.reports_received += 1
        remote.reported_at = context.now
        expected = block.highest_sequence_number - remote.highest_sequence_number
        is_first = remote.reports_received == 1
        if not is_first and 0 < expected < MAX_EXPECTED:
            self._outbound.departures.loss_reported(block.fraction_lost / 256, expected, seconds)
        if (is_first or 0 < expected < MAX_EXPECTED) and stream.loss_level.report(block.fraction_lost / 256):
            context.events.append(LossChanged(sender.id, stream.encoding.rid, stream.loss_level.level))
        remote.packets_lost = block.packets_lost
        # What came is what must have been sent, but for what was lost (RFC 3550 A.3, seen from the other side).
        arrived = block.highest_sequence_number - stream.first_sequence_number + 1 - block.packets_lost
        remote.packets_received = max(0, arrived)
        remote.fraction_lost = block.fraction_lost / 256
        remote.jitter = block.jitter / stream.codec.clock_rate
        remote.highest_sequence_number = block.highest_sequence_number
        if seconds is not None:
            remote.round_trip_time = seconds
            remote.total_round_trip_time += seconds
            remote.round_trip_time_measurements += 1

    def _take_description(self, packet: SourceDescription) -> None:
        for chunk in packet.chunks:
            # [rfc8834:4.1/7] [rfc9143:9.2/2] The rest is taken as usual, whether or not anybody knows the section.
            if (mid := chunk.get(DescriptionType.MID)) is not None:
                self._inbound.describe(chunk.ssrc, mid)
            for kind in (DescriptionType.RTP_STREAM_ID, DescriptionType.REPAIRED_RTP_STREAM_ID):
                # [rfc8853:5.5/2]
                if rid := chunk.get(kind):
                    self._inbound.name(chunk.ssrc, rid)
            name = chunk.get(DescriptionType.CNAME)
            if name is None:
                continue
            # [rfc8834:4.9/4]
            if (participant := self.participants.hear(chunk.ssrc, self._context.now)) is not None:
                participant.cname = name
            stream = self._inbound.streams.get(chunk.ssrc)
            if isinstance(stream, ReceiveStream):
                stream.stats.cname = name

    def _take_feedback(self, packet: RtcpPacket) -> None:
        outbound = self._outbound
        is_ours = True
        # [rfc4585:4.2/13]
        match packet:
            case GenericNack():
                # [rfc8834:6.1/1]
                is_ours = outbound.repeat(packet.media_ssrc, packet.sequence_numbers)
            case TransportFeedback() | CongestionControlFeedback():
                outbound.departures.feedback_received(packet)
            case ReceiverEstimatedMaximumBitrate():
                outbound.departures.maximum_received(packet.bitrate_bps)
            case TemporaryMaximumBitrate():
                for bound in packet.bounds:
                    is_ours &= self._take_bound(packet.sender_ssrc, bound)
            case TemporalSpatialTradeOffRequest():
                is_ours = self._take_trade_offs(packet)
            case RapidResynchronizationRequest():
                is_ours = self._take_resynchronization(packet.media_ssrc)
            case PictureLossIndication():
                is_ours = self._take_picture_loss(packet.media_ssrc)
            case FullIntraRequest():
                for request in packet.requests:
                    is_ours &= self._take_intra_request(packet.sender_ssrc, request.ssrc, request.sequence_number)
            case _:
                # [rfc3550:6.1/20] [rfc3550:6.7/1] [rfc8834:8/3]
                self._context.drop("unknown_rtcp")
                return
        if not is_ours:
            self._context.drop("feedback_for_unknown_source")
            return
        # [rfc8083:5/4] Whoever says anything of ours is there, if it is without a report.
        self.reported_on_at = self._context.now
        outbound.hear()

    def _take_bound(self, requester: int, bound: MaximumBitrate) -> bool:
        # [rfc8834:5.1.6/1]
        answer = self._outbound.bounded(bound.ssrc, requester, bound)
        if answer is None:
            return False
        # [rfc5104:4.2.1.2/10] [rfc5104:4.2.2.2/2] [rfc5104:4.2.2.2/5]
        self.replies[bound.ssrc] = answer
        return True

    def _take_resynchronization(self, ssrc: int) -> bool:
        """Somebody cannot play a stream in step yet: the next report comes in the next slot."""
        # [rfc6051:3.2/3]
        self._context.has_new_stream = True
        return ssrc in self._outbound.by_ssrc

    def _take_trade_offs(self, request: TemporalSpatialTradeOffRequest) -> bool:
        ours = [each for each in request.trade_offs if each.ssrc in self._outbound.by_ssrc]
        for each in ours:
            self.trade_offs.ask(each.ssrc, request.sender_ssrc, each.sequence_number)
        return len(ours) == len(request.trade_offs)

    def _leave(self, ssrc: int) -> None:
        """Take the goodbye of an SSRC."""
        self.participants.leave(ssrc)
        self.has_lost_members = True
        self._reference_times.pop(ssrc, None)
        self._release(ssrc)
        self._inbound.end(ssrc, EndReason.BYE)

    def _release(self, requester: int) -> None:
        """Forget what somebody asked for who is gone."""
        self.trade_offs.forget(requester)
        # [rfc5104:4.2.1.2/11] [rfc5104:4.2.2.2/6] [rfc5104:4.2.2.2/7] A bound ends with who set it.
        for answer in self._outbound.requester_left(requester):
            self.replies[answer.sender_ssrc] = answer

    def expire(self, oldest: float) -> None:
        """Forget those not heard of since a time; call after the streams that arrive were looked at."""
        self.participants.expire(oldest)
        heard = self.participants.ssrcs() | self._inbound.streams.keys()
        for requester in self._outbound.silent_requesters(oldest, heard):
            self._release(requester)

    def _take_extended_report(self, report: ExtendedReport) -> None:
        """Measure the round trip where the peer's reports do not show it. See :rfc:`3611#section-4.4`."""
        context = self._context
        now = ntp_timestamp(context.wall_time(context.now))
        for block in report.blocks:
            if isinstance(block, ReceiverReferenceTime):
                if len(self._reference_times) < MAX_REPLIES or report.ssrc in self._reference_times:
                    self._reference_times[report.ssrc] = (ntp_middle(block.ntp_timestamp), context.now)
            elif isinstance(block, DelaySinceReceiverReport):
                for each in block.receivers:
                    is_ours = each.ssrc == self.reporter_ssrc or each.ssrc in self._outbound.by_ssrc
                    if is_ours and each.last_rr:
                        seconds = round_trip_time(ntp_middle(now), each.last_rr, each.delay_since_last_rr)
                        if seconds <= MAX_ROUND_TRIP_TIME:
                            context.round_trip_time.measure(seconds)
                            if each.delay_since_last_rr:
                                self._note_round_trip(report.ssrc, seconds)

    def _note_round_trip(self, ssrc: int, seconds: float) -> None:
        """Count a measurement with the stream of whoever answered."""
        stream = self._inbound.streams.get(ssrc)
        if isinstance(stream, ReceiveStream):
            remote = stream.stats.remote
            remote.round_trip_time = seconds
            remote.total_round_trip_time += seconds
            remote.round_trip_time_measurements += 1

    def take_delays(self, max_size: int | None) -> list[ReceiverDelay]:
        """Return answers to reference times that came since the last report.

        Args:
            max_size: Bytes of their block at most, None for all; those that find no room have their turn next.
        """
        times = self._reference_times
        room = len(times) if max_size is None else max(0, max_size - BLOCK_HEADER.size) // DELAY_SIZE
        # [rfc3611:5.1/8] [rfc3611:5.1/9] [rfc3611:7/1]
        taken = [(ssrc, times.pop(ssrc)) for ssrc in list(times)[:room]]
        now = self._context.now
        return [ReceiverDelay(ssrc, middle, seconds_to_short(now - at)) for ssrc, (middle, at) in taken]

    def _take_picture_loss(self, ssrc: int) -> bool:
        found = self._outbound.by_ssrc.get(ssrc)
        if found is None:
            return False
        found[1].stats.pli_count += 1
        # [rfc8834:5.1.2/1]
        self._outbound.key_frame_requested(ssrc)
        return True

    def _take_intra_request(self, requester: int, ssrc: int, sequence_number: int) -> bool:
        found = self._outbound.by_ssrc.get(ssrc)
        if found is None:
            return False
        stream = found[1]
        stream.stats.fir_count += 1
        # [rfc8834:5.1.1/1] [rfc5104:4.3.1.2/2]
        if stream.key_frames.is_new_command(requester, sequence_number):
            self._outbound.key_frame_requested(ssrc)
        return True
