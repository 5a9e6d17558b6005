"""What the peer is told by RTCP. See :rfc:`3550#section-6`, :rfc:`4585#section-3` and :rfc:`8108#section-5`."""

from base64 import b64encode
from collections.abc import Iterable, Sequence
from typing import Final

from rtc_rtp.context import Context
from rtc_rtp.inbound import Inbound
from rtc_rtp.ntp import ntp_timestamp
from rtc_rtp.outbound import Outbound
from rtc_rtp.parameters import RtcpParameters
from rtc_rtp.receiving.stream import ReceiveStream
from rtc_rtp.reporting.composition import Report, compose, reduce, with_blocks
from rtc_rtp.reporting.intake import Intake
from rtc_rtp.reporting.reduced_size import ReducedSize
from rtc_rtp.reporting.schedule import Due, RtcpSchedule
from rtc_rtp.rtcp import (
    DescriptionItem,
    DescriptionType,
    Goodbye,
    ReceiverReport,
    ReportBlock,
    RtcpPacket,
    SenderReport,
)
from rtc_rtp.rtcp.description import MAX_ITEM_LENGTH
from rtc_rtp.rtcp.extended_block import ExtendedBlock
from rtc_rtp.rtcp.extended_report import DelaySinceReceiverReport, ExtendedReport, ReceiverReferenceTime
from rtc_rtp.sending.stream import SendStream
from rtc_rtp.stats import OutboundStats

CNAME_LENGTH: Final = 12
"""Random bytes of a canonical name. See :rfc:`7022#section-4.2`."""

# [rfc3550:6.2/19] [rfc8834:4.1/8]
MIN_TIMEOUT_INTERVAL: Final = 5.0
"""Seconds: what :rfc:`3550#section-6.2` recommends between reports, and so a peer without feedback may take."""

# [rfc3550:6.2.1/5]
TIMEOUT_INTERVALS: Final = 5
"""Intervals without a sign of life that end a participant. See :rfc:`3550#section-6.3.5`."""

# [rfc3550:6.3.8/1]
ACTIVE_INTERVALS: Final = 2
"""Intervals for which who sent something counts as a sender. See :rfc:`3550#section-6.3.8`."""

MAX_REDUCED_SIZE: Final = 256
"""Bytes of feedback beyond which a report around it costs little. See :rfc:`5506#section-4.2.2`."""

ROOM_FOR_REPORT: Final = 100
"""Bytes of a compound packet that what comes before an extended report takes at least: an empty report, a description, a header."""

MAX_TOLD: Final = 16_384
"""Sequence numbers that extended reports tell of at a time, of all streams together: a peer can have very many, with large gaps."""

MAX_GOODBYES: Final = 31
_NEVER: Final = float("inf")


class Control:
    """Decides when RTCP leaves, and composes it."""

    __slots__ = (
        "_context",
        "_goodbyes",
        "_has_reported",
        "_inbound",
        "_intake",
        "_is_closing",
        "_measured",
        "_outbound",
        "_parameters",
        "_reduced_size",
        "_schedule",
        "_started",
        "cname",
    )

    def __init__(self, context: Context, inbound: Inbound, outbound: Outbound, cname: str | None) -> None:
        self._context = context
        self._inbound = inbound
        self._outbound = outbound
        # 96 random bits, of this session alone.
        # [rfc3550:6.5.1/2] [rfc3550:6.5.1/3] [rfc3550:6.5.1/5] [rfc3550:6.5.1/9]
        self.cname = b64encode(context.rng(CNAME_LENGTH)).decode() if cname is None else cname
        self._intake = Intake(context, inbound, outbound, context.random_32() or 1)
        options = context.options
        self._schedule = RtcpSchedule(
            bandwidth_bps=options.session_bandwidth_bps, report_interval=options.report_interval
        )
        self._parameters = RtcpParameters()
        self._reduced_size = ReducedSize()
        self._goodbyes: list[int] = []
        self._measured = (context.now, 0)
        """When the bandwidth was measured, and the bytes of both directions until then."""

        self._started = False
        self._is_closing = False
        self._has_reported = False

    def start(self) -> None:
        """Begin to report, now that there is somebody to report for."""
        if not self._started:
            self._started = True
            self._count_members()
            self._schedule.start(self._context.now, self._context.random_fraction)

    def configure(self, parameters: RtcpParameters) -> None:
        """Go by what was agreed upon about RTCP."""
        self._parameters = parameters
        self._schedule.share_bandwidth(parameters.senders_bps, parameters.receivers_bps)
        self._schedule.report_interval = max(self._context.options.report_interval, parameters.report_interval)

    def receive(self, data: bytes) -> None:
        """Take one datagram. Never raises for what it holds."""
        intake = self._intake
        if count := intake.receive(data):
            self._schedule.count(len(data), count)
        if intake.has_lost_members:
            intake.has_lost_members = False
            self._reconsider_in_reverse()
            self._context.is_stirred = True
        elif intake.replies:
            self._context.is_stirred = True

    def say_goodbye(self, ssrcs: Sequence[int]) -> None:
        """Tell the peer that SSRCs are over."""
        self._goodbyes = (self._goodbyes + list(ssrcs))[-MAX_GOODBYES:]

    def close(self) -> None:
        """Tell the peer that all of ours are over, if it ever heard of any."""
        self._is_closing = True
        # [rfc4588:6.1/1]
        used = {ssrc: None for _, stream in self._outbound.by_ssrc.values() for ssrc in stream.used_ssrcs()}
        # Who never sent anything says no goodbye either.
        # [rfc3550:6.3.7/4]
        if self._has_reported:
            used.setdefault(self._reporter_ssrc)
        self.say_goodbye(list(used))

    # --- when ---

    def flush(self) -> list[bytes]:
        """Return the datagrams that leave now."""
        datagrams: list[bytes] = []
        if self._inbound.ended_ssrcs:
            self.say_goodbye(self._inbound.ended_ssrcs)
            self._inbound.ended_ssrcs = []
        if self._goodbyes:
            goodbye = Goodbye(tuple(self._goodbyes))
            self._goodbyes = []
            # [rfc3550:6.1/12] [rfc3550:6.3.7/3]
            datagrams += self._compose([ReceiverReport(self._reporter_ssrc)], [goodbye])
        if self._context.answers:
            answers, self._context.answers = self._context.answers, []
            for ssrc, number in answers:
                self._reduced_size.answered(ssrc, number)
        if self._context.has_new_stream:
            self._context.has_new_stream = False
            self._schedule.hasten(self._context.now)
        # [rfc8866:6.7.1/1] [rfc8866:6.7.4/1]
        if self._started and not self._is_closing:
            datagrams += self._scheduled()
        if datagrams and self._schedule.is_silenced:
            datagrams = []
        for datagram in datagrams:
            self._schedule.count(len(datagram), -(-self._schedule.membership.local_ssrcs // len(datagrams)))
        self._context.stats.rtcp_packets_sent += len(datagrams)
        return datagrams

    def _scheduled(self) -> list[bytes]:
        context = self._context
        now = context.now
        has_feedback = self._has_feedback(now)
        if self._schedule.deadline(has_feedback=has_feedback) > now:
            return []
        self._count_members()
        due = self._schedule.advance(now, context.random_fraction, has_feedback=has_feedback)
        if due is Due.NOTHING:
            return []
        feedback = self._take_feedback()
        may_reduce = due is not Due.REPORT and self._has_reported and self._reduced_size.is_usable
        reduced = reduce(feedback, context.options.max_packet_size) if may_reduce and self._may_reduce else None
        # [rfc5506:4.2.2/2]
        is_reduced = reduced is not None and max(map(len, reduced), default=0) <= MAX_REDUCED_SIZE
        self._reduced_size.sent(feedback, is_reduced=is_reduced)
        context.record("rtcp_sent", report=due is Due.REPORT, feedback=len(feedback))
        # [rfc4585:3.1/6] [rfc4585:3.1/7] [rfc5506:4/1] [rfc5506:4/5] [rfc5506:4.1/1]
        if due is Due.REPORT:
            # [rfc3550:6/2] [rfc3550:6.1/2] [rfc3550:6.2/11] [rfc8834:8/1] [rfc6051:3.3/4]
            self._has_reported = True
            reports = with_blocks(self._reports(), self._blocks())
            # [rfc5104:4.3.3.3/1] Trade-offs are in no hurry.
            others = [*self._extended_reports(reports[0]), *self._intake.trade_offs.take(self._outbound.by_ssrc)]
            datagrams = self._compose(reports, [*others, *feedback])
            # [rfc3550:6.3.5/1]
            self._expire()
            self._measure()
            if context.options.circuit_breaker:
                self._outbound.watch_silence(self._intake.reported_on_at, self._schedule.timeout_interval())
            return datagrams
        # [rfc5506:4/2] [rfc5506:4/3] [rfc5506:4/4] Without a report only if both sides want it so, and have seen one.
        if is_reduced and reduced is not None:
            return reduced
        # [rfc4585:3.1/4] [rfc4585:3.1/5]
        return self._compose(self._reports()[:1], feedback)

    def deadline(self) -> float:
        """When `flush` would next return something that nobody asked for yet."""
        if not self._started:
            return _NEVER
        regular = self._schedule.deadline(has_feedback=False)
        feedback_at = self._feedback_deadline()
        if feedback_at == _NEVER:
            return regular
        return min(regular, max(feedback_at, self._schedule.deadline(has_feedback=True)))

    def _has_feedback(self, now: float) -> bool:
        """Whether there is feedback that may leave."""
        if self._intake.replies or self._inbound.arrivals.ready_at <= now:
            return True
        return any(stream.feedback_deadline() <= now for stream in self._context.waiting.values())

    def _feedback_deadline(self) -> float:
        """When there is feedback that has to leave, even if it has to wake somebody up for it."""
        if self._intake.replies:
            return self._context.now
        deadline = self._inbound.arrivals.deadline
        for stream in self._context.waiting.values():
            deadline = min(deadline, stream.feedback_deadline())
        return deadline

    @property
    def _may_reduce(self) -> bool:
        senders, receivers = self._outbound.senders.values(), self._inbound.receivers.values()
        return all(one.parameters.reduced_size for one in senders) and all(
            one.parameters.reduced_size for one in receivers
        )

    # --- what ---

    def _take_feedback(self) -> list[RtcpPacket]:
        """Return all there is to tell now. What comes up while it waits is told with it."""
        # [rfc4585:3.5.2/1] [rfc4585:3.5.2/2] [rfc4585:3.5.2/3] Messages are made when they leave.
        reporter = self._reporter_ssrc
        waiting = list(self._context.waiting.values())
        packets: list[RtcpPacket] = []
        for stream in waiting:
            # [rfc4588:5.3/2] What comes back of one stream must not be taken for what comes back of another.
            others = (
                [each for each in waiting if each is not stream and each.is_ambiguous] if stream.is_ambiguous else ()
            )
            taken = {number for each in others for number in each.outstanding()}
            packets += stream.take_feedback(reporter, taken)
        # [rfc5104:4.2.2.2/3] [rfc5104:4.2.2.3/1] [rfc5104:4.2.2.3/2]
        replies, self._intake.replies = list(self._intake.replies.values()), {}
        return packets + replies + self._inbound.arrivals.take_feedback(reporter)

    @property
    def _reporter_ssrc(self) -> int:
        """Under which SSRC this end reports on others: the first one of its own that sent anything."""
        for ssrc, (_, stream) in self._outbound.by_ssrc.items():
            if stream.stats.packets_sent:
                return ssrc
        return self._intake.reporter_ssrc

    def _reports(self) -> list[Report]:
        """Return a sender report for every SSRC that sends, or one receiver report."""
        context = self._context
        now = context.now
        oldest = now - ACTIVE_INTERVALS * self._schedule.report_interval
        wall_time = ntp_timestamp(context.wall_time(now))
        reports: list[Report] = []
        for ssrc, (_, stream) in self._outbound.by_ssrc.items():
            is_repair = ssrc != stream.ssrc
            sent_at = stream.repaired_at if is_repair else stream.sent_at
            if sent_at is not None and sent_at >= oldest:
                stats = stream.repair_stats if is_repair else stream.stats
                reports.append(_sender_report(ssrc, stream, stats, wall_time, now))
        return reports or [ReceiverReport(self._reporter_ssrc)]

    def _blocks(self) -> list[ReportBlock]:
        # [rfc5576:5/4] Of streams that have come; others may be signalled.
        blocks = [stream.take_report() for stream in self._inbound.streams.values()]
        return [block for block in blocks if block is not None]

    def _extended_reports(self, first: Report) -> list[RtcpPacket]:
        """Return what the peer wants to know of its streams, and what lets the round trip be measured."""
        # [rfc3611:5.1/2] [rfc3611:5.2/1] [rfc8834:8/2]
        packets: list[RtcpPacket] = []
        most = self._context.options.max_packet_size - ROOM_FOR_REPORT
        for stream in self._observed():
            packets += [ExtendedReport(first.ssrc, [block]) for block in stream.take_extended_blocks(most)]
        blocks = self._round_trip_blocks(first)
        return [*packets, ExtendedReport(first.ssrc, blocks)] if blocks else packets

    def _observed(self) -> list[ReceiveStream]:
        """Return the streams to tell of packet by packet: those that have waited longest, as many as one report can bear."""
        now, room = self._context.now, MAX_TOLD
        observed = [
            (stream.observation, stream)
            for stream in self._inbound.streams.values()
            if isinstance(stream, ReceiveStream) and stream.observation is not None and not stream.observation.is_idle
        ]
        observed.sort(key=lambda each: each[0].told_at)
        chosen: list[ReceiveStream] = []
        for observation, stream in observed:
            if room <= 0:
                break
            room -= observation.span
            observation.told_at = now
            chosen.append(stream)
        return chosen

    def _round_trip_blocks(self, first: Report) -> list[ExtendedBlock]:
        """Return what lets the round trip be measured where there are no sender reports. See :rfc:`3611#section-4.4`."""
        context, agreed = self._context, self._parameters
        blocks: list[ExtendedBlock] = []
        is_sender = isinstance(first, SenderReport)
        if not is_sender and context.options.receiver_reference_time and agreed.sends_reference_times:
            blocks.append(ReceiverReferenceTime(ntp_timestamp(context.wall_time(context.now))))
        # [rfc3611:5.1/7]
        answers = agreed.answers_reference_times == "all" or (agreed.answers_reference_times == "sender" and is_sender)
        # [rfc3611:5.2/2]
        if delays := self._intake.take_delays(agreed.max_delays_size if answers else 0):
            blocks.append(DelaySinceReceiverReport(delays))
        return blocks

    def _compose(self, reports: Iterable[Report], extra: Iterable[RtcpPacket]) -> list[bytes]:
        return compose(reports, extra, self._describe, self._context.options.max_packet_size)

    def _describe(self, ssrc: int) -> list[DescriptionItem]:
        """Return what every compound packet tells of an SSRC of ours: whose it is, and which section it belongs to."""
        found = self._outbound.by_ssrc.get(ssrc)
        if found is None:
            return [DescriptionItem(DescriptionType.CNAME, self.cname.encode()[:MAX_ITEM_LENGTH])]
        # [rfc4588:5.2/1] That of a stream is that of its retransmissions.
        parameters, stream = found[0].parameters, found[1]
        items = [DescriptionItem(DescriptionType.CNAME, (parameters.cname or self.cname).encode()[:MAX_ITEM_LENGTH])]
        # [rfc9143:15/1] [rfc8834:4.1/7] [rfc5576:5/11] [rfc5576:9/1]
        if parameters.mid:
            items.append(DescriptionItem(DescriptionType.MID, parameters.mid.encode()[:MAX_ITEM_LENGTH]))
        # [rfc8853:5.5/2]
        if (rid := stream.encoding.rid) is not None:
            is_own = ssrc == stream.ssrc
            kind = DescriptionType.RTP_STREAM_ID if is_own else DescriptionType.REPAIRED_RTP_STREAM_ID
            items.append(DescriptionItem(kind, rid.encode()[:MAX_ITEM_LENGTH]))
        return items

    def _measure(self) -> None:
        """Let RTCP have its part of what flows, should that be more than was expected."""
        context = self._context
        measured_at, size = self._measured
        now, total = context.now, context.stats.bytes_sent + context.stats.bytes_received
        if now > measured_at:
            flowing = 8 * (total - size) / (now - measured_at)
            self._schedule.set_bandwidth(max(float(context.options.session_bandwidth_bps), flowing))
        self._measured = (now, total)

    # --- who ---

    def _count_members(self) -> None:
        membership = self._schedule.membership
        # [rfc5576:5/4]
        remote = len(self._inbound.streams.keys() | self._intake.participants.ssrcs())
        local = max(1, len(self._outbound.by_ssrc))
        sending = sum([stream.sent_at is not None for _, stream in self._outbound.by_ssrc.values()])
        membership.local_ssrcs = local
        membership.members = local + remote
        membership.senders = sending + len(self._inbound.streams)
        membership.we_sent = sending > 0

    def _reconsider_in_reverse(self) -> None:
        """Somebody is gone: those who stay may speak more often."""
        before = self._schedule.membership.members
        self._count_members()
        self._schedule.reconsider_in_reverse(self._context.now, before)

    def _expire(self) -> None:
        interval = max(MIN_TIMEOUT_INTERVAL, self._schedule.timeout_interval())
        oldest = self._context.now - TIMEOUT_INTERVALS * interval
        self._inbound.expire(oldest)
        self._intake.expire(oldest)
        self._reconsider_in_reverse()
        self._outbound.measure_bounds()


def _sender_report(ssrc: int, stream: SendStream, stats: OutboundStats, wall_time: int, now: float) -> SenderReport:
    # [rfc3550:6.4.1/4] [rfc3550:6.4.1/5]
    packets, octets = stats.packets_sent & 0xFFFF_FFFF, stats.bytes_sent & 0xFFFF_FFFF
    return SenderReport(ssrc, wall_time, stream.rtp_timestamp(now), packets, octets)
