"""How much may be sent: the least of what delay, loss and the receiver allow (draft-ietf-rmcat-gcc-02)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from rtc_rtp.congestion.aimd import AimdRateControl
from rtc_rtp.congestion.alr import ApplicationLimitedRegion
from rtc_rtp.congestion.loss_based import LossBasedEstimator
from rtc_rtp.congestion.loss_report import ReportedLoss
from rtc_rtp.congestion.overuse import BandwidthUsage, InterArrival, TrendlineEstimator
from rtc_rtp.congestion.probe import Probe, ProbeController, ProbeFinding, ProbeResults
from rtc_rtp.congestion.sent_packets import SentPacket, SentPackets
from rtc_rtp.congestion.throughput import AcknowledgedBitrate
from rtc_rtp.dataclass import dataclass
from rtc_rtp.rtcp.congestion_control import CongestionControlFeedback
from rtc_rtp.rtcp.transport_feedback import TransportFeedback

PACING_FACTOR: Final = 2.5
"""Frames leave so much faster than the target, so that a large one does not wait for long."""
STREAM_TIMEOUT: Final = 2.0
"""Seconds; arrivals farther apart say nothing about each other."""
FEEDBACK_TIMEOUT: Final = 1.0
"""Seconds without feedback, with packets under way, after which the rate is halved, and again."""
UNANSWERED_TIME: Final = 0.5
"""Seconds of sending that must have gone unanswered by then: of a pause after one feedback that was lost nobody would tell."""
TIMEOUT_FACTOR: Final = 0.5
INITIAL_ROUND_TRIP_TIME: Final = 0.2

Trace = Callable[[float, str, Mapping[str, object]], None]


@dataclass(slots=True, frozen=True, kw_only=True)
class BandwidthConfig:
    """Bounds of the estimate, in bits per second."""

    start_bitrate_bps: float = 300_000.0
    """Before anything is known."""
    min_bitrate_bps: float = 30_000.0
    """Sent in any case."""
    max_bitrate_bps: float = 100_000_000.0
    probing: bool = True
    """Whether to send a little more now and then to learn whether the path carries it."""

    def __post_init__(self) -> None:
        if not 0 < self.min_bitrate_bps <= self.start_bitrate_bps <= self.max_bitrate_bps:
            raise ValueError(f"{self}: not minimum, start, maximum")


class BandwidthEstimator:
    """Estimates what the path carries, from what became of the packets that were sent.

    Tell it of every packet (`packet_sent`) and every feedback (`feedback_received`, and `remb_received`, `loss_reported`
    of peers that have no better); then read `target_bitrate_bps`, hand `probes()` to the pacer, and call
    `handle_timeout` when `next_timeout` has come.
    """

    def __init__(self, *, now: float, config: BandwidthConfig | None = None, trace: Trace | None = None) -> None:
        """Make the estimator of a transport.

        Args:
            now: Seconds.
            config: Bounds.
            trace: Called with the time, ``gcc:...`` and data whenever the target changes.
        """
        self._config = config = config or BandwidthConfig()
        self._trace = trace
        self._now = now
        self._sent = SentPackets()
        self._throughput = AcknowledgedBitrate()
        self._inter_arrival = InterArrival()
        self._trendline = TrendlineEstimator()
        self._aimd = AimdRateControl(
            start_bitrate_bps=config.start_bitrate_bps,
            min_bitrate_bps=config.min_bitrate_bps,
            max_bitrate_bps=config.max_bitrate_bps,
        )
        self._loss = LossBasedEstimator(min_bitrate_bps=config.min_bitrate_bps)
        self._reported_loss: ReportedLoss | None = None
        self._alr = ApplicationLimitedRegion()
        self._probes = ProbeController(max_bitrate_bps=config.max_bitrate_bps)
        self._probe_results = ProbeResults()
        self._remb_bps: float | None = None
        self._target_bps = config.start_bitrate_bps
        self._round_trip_time = INITIAL_ROUND_TRIP_TIME
        self._last_arrival: float | None = None
        self._has_feedback = False
        self._waiting_since: float | None = None  # for feedback, with packets under way
        self._last_sent_at = now
        self._started = False
        self._is_starved = False  # of feedback
        self._timeout: float | None = None

    @property
    def target_bitrate_bps(self) -> float:
        """What all media together may take, bits per second."""
        return self._target_bps

    @property
    def pacing_bitrate_bps(self) -> float:
        """How fast a `Pacer` may send."""
        return self._target_bps * PACING_FACTOR

    @property
    def throughput_bps(self) -> float | None:
        """What arrives, bits per second; None as long as that is not known."""
        return self._throughput.bitrate_bps

    @property
    def loss(self) -> float:
        """Share of packets that were lost lately, 0 to 1."""
        if self._reported_loss is not None and not self._has_feedback:
            return self._reported_loss.loss
        return self._loss.average_loss

    @property
    def round_trip_time(self) -> float:
        """Seconds, as far as known."""
        return self._round_trip_time

    @property
    def in_flight_bytes(self) -> int:
        """Bytes under way."""
        return self._sent.in_flight_bytes

    @property
    def is_application_limited(self) -> bool:
        """Whether the application sends so little that the path is not tested."""
        return self._alr.started_at is not None

    def set_range(self, *, min_bitrate_bps: float, max_bitrate_bps: float, now: float) -> None:
        """Bound the target from now on.

        Args:
            min_bitrate_bps: Sent in any case.
            max_bitrate_bps: No more than this, as when no stream needs more.
            now: Seconds.

        Raises:
            ValueError: They are not in order.
        """
        start = min(max(self._config.start_bitrate_bps, min_bitrate_bps), max_bitrate_bps)
        self._config = BandwidthConfig(
            start_bitrate_bps=start,
            min_bitrate_bps=min_bitrate_bps,
            max_bitrate_bps=max_bitrate_bps,
            probing=self._config.probing,
        )
        self._aimd.set_range(min_bitrate_bps, max_bitrate_bps)
        self._probes.set_max_bitrate(max_bitrate_bps)
        self._update_target(self._advance(now))

    def packet_sent(
        self,
        transport_sequence_number: int,
        size: int,
        now: float,
        *,
        ssrc: int | None = None,
        sequence_number: int = 0,
        probe_id: int | None = None,
    ) -> None:
        """Take note of a packet; see `SentPackets.packet_sent`."""
        packet = self._sent.numbered(
            transport_sequence_number, size, now, ssrc=ssrc, sequence_number=sequence_number, probe_id=probe_id
        )
        self.packets_sent((packet,), now)

    def packets_sent(self, packets: Sequence[SentPacket], now: float) -> None:
        """Take note of packets that left together, at least one: the fast path of `packet_sent`.

        Args:
            packets: Their numbers go on from packet to packet, and do not wrap.
            now: Seconds.
        """
        now = self._advance(now)
        if not self._started:
            self._started = True
            if self._config.probing:
                self._probes.start(self._target_bps, now)
        self._sent.packets_sent(packets, now)
        self._last_sent_at = now
        size = 0
        for packet in packets:
            size += packet.size
        alr_since = self._alr.started_at
        self._alr.bytes_sent(size, self._target_bps, now)
        if self._waiting_since is None:
            self._waiting_since = now
            self._set_timeout()
        elif self._alr.started_at != alr_since:
            self._set_timeout()

    def feedback_received(self, feedback: TransportFeedback | CongestionControlFeedback, now: float) -> None:
        """Take in feedback by packet, transport-wide or by stream.

        See :rfc:`8888` and draft-holmer-rmcat-transport-wide-cc-extensions-01.
        """
        now = self._advance(now)
        results = self._sent.results(feedback)
        if not results:
            return
        self._has_feedback = True
        self._waiting_since = now if self._sent.is_waiting else None
        usage_before = self._trendline.usage
        if self._sent.has_gap:
            self._throughput.skip()
        finding = self._take_arrivals(results, now)
        throughput = self._throughput.bitrate_bps
        self._follow_delay(throughput, finding, now)
        self._loss.take_results(results, delay_based_bps=self._aimd.bitrate_bps, throughput_bps=throughput)
        self._update_target(now)
        if self._config.probing and self._is_back(usage_before):
            self._probes.recovered(now)
        self._is_starved = False
        self._set_timeout()

    def _is_back(self, usage_before: BandwidthUsage) -> bool:
        """Whether a rate that dropped may have dropped for a moment only, and nothing but a probe will tell soon."""
        if self._is_starved:
            return True
        ended = usage_before is not BandwidthUsage.NORMAL and self._trendline.usage is BandwidthUsage.NORMAL
        return ended and self._alr.started_at is not None

    def _take_arrivals(self, results: list[SentPacket], now: float) -> ProbeFinding | None:
        """Feed what arrived to those who measure it; return what a probe found."""
        arrivals = [(received_at, packet) for packet in results if (received_at := packet.received_at) is not None]
        if not arrivals:
            return None
        first_at, last_at = arrivals[0][0], arrivals[-1][0]
        if self._last_arrival is not None and abs(first_at - self._last_arrival) > STREAM_TIMEOUT:
            self._inter_arrival = InterArrival()
            self._trendline = TrendlineEstimator()
        self._last_arrival = last_at
        self._throughput.packets_arrived(arrivals, in_alr=self._alr.started_at is not None)
        for send_delta, arrival_delta, arrival in self._inter_arrival.packets_arrived(arrivals):
            self._trendline.group_arrived(send_delta, arrival_delta, arrival)
        self._take_round_trip(now - arrivals[-1][1].sent_at)
        for _, packet in arrivals:
            if packet.probe_id is not None:
                self._probe_results.packet_arrived(packet)
        return self._probe_results.finding()

    def _take_round_trip(self, seconds: float) -> None:
        self._round_trip_time += (seconds - self._round_trip_time) / 8
        self._aimd.round_trip_time = self._round_trip_time

    def _follow_delay(self, throughput: float | None, finding: ProbeFinding | None, now: float) -> None:
        before = self._aimd.bitrate_bps
        usage = self._trendline.usage
        if usage is BandwidthUsage.OVERUSING:
            if self._aimd.may_decrease(throughput, now):
                self._aimd.update(usage, throughput, now, in_alr=False)
                self._probes.bitrate_changed(before, self._aimd.bitrate_bps, now)
            return
        if finding is not None:
            # What the path carries at most is known then, also if less was thought to be carried before.
            if finding.is_limit or finding.bitrate_bps > self._aimd.bitrate_bps:
                self._aimd.set_bitrate(finding.bitrate_bps, now)
                self._throughput.expect_change()
            if self._config.probing:
                self._probes.probe_found(finding, now)
        self._aimd.update(usage, throughput, now, in_alr=self._alr.started_at is not None)

    def round_trip_time_measured(self, seconds: float) -> None:
        """Take in a round-trip time, as from a receiver report."""
        if seconds >= 0:
            self._take_round_trip(seconds)

    def remb_received(self, bitrate_bps: float, now: float) -> None:
        """Obey the receiver's estimate; it holds until the next one."""
        self._remb_bps = bitrate_bps
        self._update_target(self._advance(now))

    def loss_reported(self, fraction_lost: float, packet_count: int, now: float) -> None:
        """Take in the loss of a receiver report; it counts as long as there is no feedback by packet.

        Args:
            fraction_lost: Share of packets lost since the report before, 0 to 1.
            packet_count: Packets expected since then.
            now: Seconds.
        """
        now = self._advance(now)
        if self._has_feedback:
            return
        if self._reported_loss is None:
            self._reported_loss = ReportedLoss(start_bitrate_bps=self._target_bps)
        # The peer answers: what was waited for is not feedback by packet.
        self._waiting_since = None
        self._reported_loss.bitrate_bps = min(self._reported_loss.bitrate_bps, self._config.max_bitrate_bps)
        self._reported_loss.take_report(fraction_lost, packet_count, now, round_trip_time=self._round_trip_time)
        self._update_target(now)
        self._set_timeout()

    def probes(self) -> list[Probe]:
        """Return and forget the probes that the pacer shall send now."""
        wanted = self._probes.drain()
        for probe in wanted:
            self._probe_results.started(probe)
        return wanted

    def next_timeout(self) -> float | None:
        """Return when `handle_timeout` is due; None if nothing is waited for."""
        return self._timeout

    def _set_timeout(self) -> None:
        """See anew what is waited for, after something of it changed."""
        if not self._has_feedback:
            return
        self._timeout = None if self._waiting_since is None else self._waiting_since + FEEDBACK_TIMEOUT
        if self._config.probing:
            probe_at = self._probes.next_timeout(alr_since=self._alr.started_at)
            if probe_at is not None and (self._timeout is None or probe_at < self._timeout):
                self._timeout = probe_at

    def handle_timeout(self, now: float) -> None:
        """Act on feedback that does not come, and on an application that leaves the path untested."""
        now = self._advance(now)
        self._sent.expire(now)
        if self._has_feedback and self._waiting_since is not None and now >= self._waiting_since + FEEDBACK_TIMEOUT:
            unanswered = self._last_sent_at - self._waiting_since
            self._waiting_since = None  # until something is sent that can be answered
            # [rfc8888:5/1] One that is lost changes nothing: the next one tells of what it told.
            if unanswered >= UNANSWERED_TIME:
                self._starve(now)
        if self._config.probing and self._has_feedback:
            self._probes.handle_timeout(self._target_bps, now, alr_since=self._alr.started_at)
        self._set_timeout()

    def _starve(self, now: float) -> None:
        """Give way: several feedbacks in a row are missing, and the path may have failed."""
        # [rfc8888:5/2]
        self._is_starved = True
        before = self._aimd.bitrate_bps
        self._aimd.set_bitrate(TIMEOUT_FACTOR * min(before, self._target_bps), now)
        self._probes.bitrate_changed(before, self._aimd.bitrate_bps, now)
        self._update_target(now)

    def _update_target(self, now: float) -> None:
        allowed = [self._aimd.bitrate_bps] if self._has_feedback or self._reported_loss is None else []
        if self._has_feedback and self._loss.bitrate_bps is not None:
            allowed.append(self._loss.bitrate_bps)
        if not self._has_feedback and self._reported_loss is not None:
            allowed.append(self._reported_loss.bitrate_bps)
        if self._remb_bps is not None:
            # Where the receiver alone estimates, it leads; else it only limits.
            allowed = [*allowed, self._remb_bps] if self._has_feedback or self._reported_loss else [self._remb_bps]
        target = min(max(min(allowed), self._config.min_bitrate_bps), self._config.max_bitrate_bps)
        if target != self._target_bps and self._trace is not None:
            data = {
                "target_bps": round(target),
                "delay_based_bps": round(self._aimd.bitrate_bps),
                "loss": self.loss,
                "usage": self._trendline.usage.name,
            }
            self._trace(now, "gcc:target_changed", data)
        self._target_bps = target

    def _advance(self, now: float) -> float:
        """Return the time, which does not go back."""
        if now > self._now:
            self._now = now
        return self._now
