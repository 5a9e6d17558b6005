"""RTCP of a session: what the peer tells, and what it is told. See :rfc:`3550#section-6`."""

from base64 import b64encode
from collections.abc import Sequence
from typing import Final

from rtc_rtp.context import Context
from rtc_rtp.errors import ParseError
from rtc_rtp.events import EndReason
from rtc_rtp.inbound import Inbound
from rtc_rtp.ntp import ntp_middle, ntp_timestamp, ntp_to_wall_clock
from rtc_rtp.outbound import Outbound
from rtc_rtp.receiving.stream import ReceiveStream
from rtc_rtp.reporting.composition import Report, compose, reduce, with_blocks
from rtc_rtp.reporting.measurement import round_trip_time
from rtc_rtp.reporting.participants import Participants
from rtc_rtp.reporting.schedule import Due, RtcpSchedule
from rtc_rtp.rtcp import (
    DescriptionType,
    FullIntraRequest,
    GenericNack,
    Goodbye,
    PictureLossIndication,
    ReceiverReport,
    ReportBlock,
    RtcpPacket,
    SenderReport,
    SourceDescription,
    parse_compound,
)
from rtc_rtp.sending.stream import SendStream
from rtc_rtp.stats import OutboundStats

CNAME_LENGTH: Final = 12
"""Random bytes of a canonical name. See :rfc:`7022#section-4.2`."""

MAX_ROUND_TRIP_TIME: Final = 60.0
"""Seconds beyond which an echo is taken for an error."""

MIN_TIMEOUT_INTERVAL: Final = 5.0
"""Seconds: what :rfc:`3550#section-6.2` recommends between reports, and so a peer without feedback may take."""

TIMEOUT_INTERVALS: Final = 5
"""Intervals without a sign of life that end a participant. See :rfc:`3550#section-6.3.5`."""

MAX_GOODBYES: Final = 31
_NEVER = float("inf")


class Control:
    """The RTCP side of a session."""

    __slots__ = (
        "_context",
        "_goodbyes",
        "_has_reported",
        "_inbound",
        "_outbound",
        "_participants",
        "_reporter_ssrc",
        "_schedule",
        "_started",
        "cname",
    )

    def __init__(self, context: Context, inbound: Inbound, outbound: Outbound, cname: str | None) -> None:
        self._context = context
        self._inbound = inbound
        self._outbound = outbound
        # [rfc7022:4.2/1] 96 random bits for the session alone.
        self.cname = b64encode(context.rng(CNAME_LENGTH)).decode() if cname is None else cname
        self._reporter_ssrc = context.random_32() or 1
        self._participants = Participants(context.options.max_sources)
        options = context.options
        self._schedule = RtcpSchedule(
            bandwidth_bps=options.session_bandwidth_bps,
            report_interval=options.report_interval,
            random=context.random_fraction,
        )
        self._goodbyes: list[int] = []
        self._started = False
        self._has_reported = False

    def start(self) -> None:
        """Begin to report, now that there is somebody to report for."""
        if not self._started:
            self._started = True
            self._schedule.start(self._context.now)

    # --- in ---

    def receive(self, data: bytes) -> None:
        """Take one datagram. Never raises for what it holds."""
        context = self._context
        context.stats.rtcp_packets_received += 1
        try:
            packets = parse_compound(data)
        except ParseError:
            context.drop("malformed_rtcp")
            return
        self._schedule.count(len(data))
        for packet in packets:
            match packet:
                case SenderReport():
                    self._hear(packet.ssrc)
                    self._take_sender_report(packet)
                    self._take_blocks(packet.blocks)
                case ReceiverReport():
                    self._hear(packet.ssrc)
                    self._take_blocks(packet.blocks)
                case SourceDescription():
                    self._take_description(packet)
                case Goodbye():
                    for ssrc in packet.ssrcs:
                        self._participants.leave(ssrc)
                        self._inbound.end(ssrc, EndReason.BYE)
                case _:
                    self._take_feedback(packet)

    def _hear(self, ssrc: int) -> None:
        context = self._context
        if ssrc in self._outbound.by_ssrc or ssrc == self._reporter_ssrc:
            context.drop("source_conflict")
        elif self._participants.hear(ssrc, context.now) is None:
            context.drop("too_many_participants")
        if (stream := self._inbound.streams.get(ssrc)) is not None:
            stream.heard_at = context.now

    def _take_sender_report(self, report: SenderReport) -> None:
        stream = self._inbound.streams.get(report.ssrc)
        if not isinstance(stream, ReceiveStream):
            return
        stream.clock.report(report, self._context.now)
        remote = stream.stats.remote
        remote.reports_sent += 1
        remote.reported_at = self._context.now
        remote.remote_timestamp = ntp_to_wall_clock(report.ntp_timestamp)
        remote.packets_sent = report.packet_count
        remote.bytes_sent = report.octet_count

    def _take_blocks(self, blocks: Sequence[ReportBlock]) -> None:
        for block in blocks:
            found = self._outbound.by_ssrc.get(block.ssrc)
            if found is not None:
                self._take_block(block, found[1])

    def _take_block(self, block: ReportBlock, stream: SendStream) -> None:
        context = self._context
        seconds = None
        if block.last_sr:
            now = ntp_middle(ntp_timestamp(context.wall_time(context.now)))
            seconds = round_trip_time(now, block.last_sr, block.delay_since_last_sr)
            if seconds > MAX_ROUND_TRIP_TIME:
                context.drop("implausible_report")
                return
            context.round_trip_time.measure(seconds)
        if block.ssrc != stream.ssrc:
            stream.is_repair_acknowledged = True
            return
        stream.is_acknowledged = True
        remote = stream.stats.remote
        remote.reports_received += 1
        remote.reported_at = context.now
        remote.packets_lost = block.packets_lost
        remote.fraction_lost = block.fraction_lost / 256
        remote.jitter = block.jitter / stream.codec.clock_rate
        remote.highest_sequence_number = block.highest_sequence_number
        if seconds is not None:
            remote.round_trip_time = seconds
            remote.total_round_trip_time += seconds
            remote.round_trip_time_measurements += 1

    def _take_description(self, packet: SourceDescription) -> None:
        for chunk in packet.chunks:
            name = chunk.get(DescriptionType.CNAME)
            if name is None:
                continue
            if (participant := self._participants.hear(chunk.ssrc, self._context.now)) is not None:
                participant.cname = name
            stream = self._inbound.streams.get(chunk.ssrc)
            if isinstance(stream, ReceiveStream):
                stream.stats.cname = name

    def _take_feedback(self, packet: RtcpPacket) -> None:
        outbound = self._outbound
        is_ours = True
        match packet:
            case GenericNack():
                is_ours = outbound.repeat(packet.media_ssrc, packet.sequence_numbers)
            case PictureLossIndication():
                is_ours = self._take_picture_loss(packet.media_ssrc)
            case FullIntraRequest():
                for request in packet.requests:
                    is_ours &= self._take_intra_request(packet.sender_ssrc, request.ssrc, request.sequence_number)
            case _:
                self._context.drop("unknown_rtcp")
        if not is_ours:
            self._context.drop("feedback_for_unknown_source")

    def _take_picture_loss(self, ssrc: int) -> bool:
        found = self._outbound.by_ssrc.get(ssrc)
        if found is None:
            return False
        found[1].stats.pli_count += 1
        self._outbound.key_frame_requested(ssrc)
        return True

    def _take_intra_request(self, requester: int, ssrc: int, sequence_number: int) -> bool:
        found = self._outbound.by_ssrc.get(ssrc)
        if found is None:
            return False
        stream = found[1]
        stream.stats.fir_count += 1
        if stream.key_frames.is_new_command(requester, sequence_number):
            self._outbound.key_frame_requested(ssrc)
        return True

    # --- out ---

    def say_goodbye(self, ssrcs: Sequence[int]) -> None:
        """Tell the peer that SSRCs are over."""
        self._goodbyes = (self._goodbyes + list(ssrcs))[-MAX_GOODBYES:]

    def close(self) -> None:
        """Tell the peer that all of ours are over, if it ever heard of any."""
        used = [ssrc for _, stream in self._outbound.by_ssrc.values() for ssrc in stream.used_ssrcs()]
        used = list(dict.fromkeys(used))
        # [rfc3550:6.3.7/1] Who never sent anything says no goodbye either.
        if self._has_reported and self._reporter_ssrc not in used:
            used.append(self._reporter_ssrc)
        self._goodbyes = (self._goodbyes + used)[:MAX_GOODBYES]

    def flush(self) -> list[bytes]:
        """Return the datagrams that leave now."""
        datagrams: list[bytes] = []
        if self._goodbyes:
            goodbye = Goodbye(tuple(self._goodbyes))
            self._goodbyes = []
            datagrams += self._compose([ReceiverReport(self._reporter)], [goodbye])
        if self._started and not self._inbound_is_closed():
            datagrams += self._flush_scheduled()
        for datagram in datagrams:
            self._schedule.count(len(datagram), max(1, self._schedule.membership.local_ssrcs))
        self._context.stats.rtcp_packets_sent += len(datagrams)
        return datagrams
