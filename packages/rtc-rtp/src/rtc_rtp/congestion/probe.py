"""Probing: sending a little faster for a moment to learn whether the path carries more."""

from typing import Final

from rtc_rtp.congestion.sent_packets import SentPacket
from rtc_rtp.dataclass import dataclass

DURATION: Final = 0.015
"""Seconds that a probe takes."""
MIN_PACKET_COUNT: Final = 5
INITIAL_FACTORS: Final = (3.0, 6.0)
"""The first probes, times the bit rate at the start."""
FURTHER_FACTOR: Final = 2.0
"""The next probe after one that went well, times what it found."""
FURTHER_THRESHOLD: Final = 0.7
"""A probe went well if it found so much of what it tried, and no limit."""
ALR_INTERVAL: Final = 5.0
"""Seconds between probes while the application is the limit."""
ALR_FACTOR: Final = 2.0
MAX_WAIT: Final = 1.0
"""Seconds for which the result of a probe is waited for."""
MAX_START_COUNT: Final = 4
"""How often the first probes are sent, should none of them say anything: their packets may be lost."""
DROP_THRESHOLD: Final = 0.66
"""A rate that falls below so much of what it was has dropped."""
RECOVERY_FACTOR: Final = 0.85
"""A probe after a drop tries so much of what was before."""
DROP_MEMORY: Final = 5.0
"""Seconds for which a drop is remembered."""

RECEIVED_SHARE: Final = 0.8
"""Of a probe that must have arrived before it says something."""
MAX_RATIO: Final = 2.0
"""Arriving so much faster than sent is the work of a queue on the way."""
SATURATED_RATIO: Final = 0.9
"""A probe that arrives slower than this times its rate has found the limit."""
SATURATED_SHARE: Final = 0.95
MAX_INTERVAL: Final = 1.0
MAX_CLUSTER_COUNT: Final = 16


@dataclass(slots=True, frozen=True)
class Probe:
    """A wish to send some packets at a rate; hand it to `Pacer.probe`."""

    probe_id: int
    """Goes with each packet of the probe, up to `BandwidthEstimator.packet_sent`."""
    bitrate_bps: float
    """How fast to send."""
    size: int
    """Bytes to send, at least."""
    packet_count: int = MIN_PACKET_COUNT
    """Packets to send, at least."""


@dataclass(slots=True, frozen=True)
class ProbeFinding:
    """What a probe found."""

    bitrate_bps: float
    """The path carries so much, at least."""
    is_limit: bool
    """Whether it carries no more: the packets arrived slower than they were sent."""


class _Cluster:
    """What is known of the packets of one probe."""

    __slots__ = ("arrived", "count", "first_arrival", "first_sent", "last_arrival", "last_sent", "probe", "sizes")

    def __init__(self, probe: Probe) -> None:
        self.probe = probe
        self.count = 0
        self.arrived = 0
        self.first_sent = self.last_sent = 0.0
        self.first_arrival = self.last_arrival = 0.0
        self.sizes = (0, 0)  # of the packet that was sent last, and of the one that arrived first

    def packet_arrived(self, packet: SentPacket, received_at: float) -> None:
        size_last_sent, size_first_arrived = self.sizes
        if not self.count or packet.sent_at < self.first_sent:
            self.first_sent = packet.sent_at
        if not self.count or packet.sent_at > self.last_sent:
            self.last_sent = packet.sent_at
            size_last_sent = packet.size
        if not self.count or received_at < self.first_arrival:
            self.first_arrival = received_at
            size_first_arrived = packet.size
        if not self.count or received_at > self.last_arrival:
            self.last_arrival = received_at
        self.sizes = (size_last_sent, size_first_arrived)
        self.count += 1
        self.arrived += packet.size

    def finding(self) -> "ProbeFinding | None":
        """Return what the probe found; None if it says nothing yet, or is contradictory."""
        probe = self.probe
        if self.count < RECEIVED_SHARE * probe.packet_count or self.arrived < RECEIVED_SHARE * probe.size:
            return None
        sending = self.last_sent - self.first_sent
        arriving = self.last_arrival - self.first_arrival
        if not (0 < sending <= MAX_INTERVAL and 0 < arriving <= MAX_INTERVAL):
            return None
        sent_bps = 8 * (self.arrived - self.sizes[0]) / sending
        arrived_bps = 8 * (self.arrived - self.sizes[1]) / arriving
        if arrived_bps > MAX_RATIO * sent_bps:
            return None
        if arrived_bps < SATURATED_RATIO * sent_bps:
            return ProbeFinding(SATURATED_SHARE * arrived_bps, is_limit=True)
        return ProbeFinding(min(sent_bps, arrived_bps), is_limit=False)


class ProbeResults:
    """Measures how fast the packets of probes arrive."""

    def __init__(self) -> None:
        self._clusters: dict[int, _Cluster] = {}

    def started(self, probe: Probe) -> None:
        """Expect the packets of a probe."""
        self._clusters[probe.probe_id] = _Cluster(probe)
        if len(self._clusters) > MAX_CLUSTER_COUNT:
            del self._clusters[next(iter(self._clusters))]

    def packet_arrived(self, packet: SentPacket) -> ProbeFinding | None:
        """Take in a packet of a probe; return what the probe found, as soon as it has."""
        cluster = None if packet.probe_id is None else self._clusters.get(packet.probe_id)
        if cluster is None or packet.received_at is None:
            return None
        cluster.packet_arrived(packet, packet.received_at)
        return cluster.finding()


class ProbeController:
    """Decides when to probe, and how fast: at the start, while probes go well, and while the application is the limit."""

    def __init__(self, *, max_bitrate_bps: float) -> None:
        self._max_bitrate_bps = max_bitrate_bps
        self._next_id = 0
        self._wanted: list[Probe] = []
        self._waiting_until: float | None = None
        self._starts_left = MAX_START_COUNT
        self._continue_above_bps = 0.0
        self._last_probe_at: float | None = None
        self._before_drop_bps = 0.0
        self._dropped_at: float | None = None

    def drain(self) -> list[Probe]:
        """Return and forget the probes that are wanted now."""
        wanted, self._wanted = self._wanted, []
        return wanted

    def set_max_bitrate(self, max_bitrate_bps: float) -> None:
        """Bound probes from now on, in bits per second."""
        self._max_bitrate_bps = max_bitrate_bps

    def start(self, start_bitrate_bps: float, now: float) -> None:
        """Ask for the first probes: nothing is known of the path."""
        self._starts_left -= 1
        self._probe([factor * start_bitrate_bps for factor in INITIAL_FACTORS], now)

    def probe_found(self, finding: ProbeFinding, now: float) -> None:
        """Take in what a probe found; ask for another if it found most of what it tried."""
        self._starts_left = 0
        if self._waiting_until is None or now > self._waiting_until:
            return
        if finding.bitrate_bps > self._continue_above_bps and not finding.is_limit:
            self._probe([FURTHER_FACTOR * finding.bitrate_bps], now)

    def bitrate_changed(self, before_bps: float, after_bps: float, now: float) -> None:
        """Take note of a rate that drops: it may have been for a moment."""
        if after_bps < DROP_THRESHOLD * before_bps:
            if self._dropped_at is None or now - self._dropped_at >= DROP_MEMORY:
                self._before_drop_bps = before_bps
            self._dropped_at = now

    def recovered(self, now: float) -> None:
        """Ask, after a drop, whether the path has come back."""
        if self._dropped_at is not None and now - self._dropped_at < DROP_MEMORY:
            self._dropped_at = None
            self._probe([RECOVERY_FACTOR * self._before_drop_bps], now)

    def next_timeout(self, *, alr_since: float | None) -> float | None:
        """Return when to probe again, for the first probes said nothing, or the application is the limit; or None.

        Args:
            alr_since: When the application became the limit.
        """
        if 0 < self._starts_left < MAX_START_COUNT and self._waiting_until is not None:
            return self._waiting_until
        if alr_since is None:
            return None
        last = alr_since if self._last_probe_at is None else max(alr_since, self._last_probe_at)
        return last + ALR_INTERVAL

    def handle_timeout(self, bitrate_bps: float, now: float, *, alr_since: float | None) -> None:
        """Probe if it is time.

        Args:
            bitrate_bps: What may be sent now.
            now: Seconds.
            alr_since: When the application became the limit; None if it is not.
        """
        due = self.next_timeout(alr_since=alr_since)
        if due is None or now < due:
            return
        if self._starts_left:
            self.start(bitrate_bps, now)
        else:
            self._probe([ALR_FACTOR * bitrate_bps], now)

    def _probe(self, bitrates_bps: list[float], now: float) -> None:
        self._last_probe_at = now
        reachable = [rate for rate in bitrates_bps if rate <= self._max_bitrate_bps]
        if len(reachable) < len(bitrates_bps):
            reachable.append(self._max_bitrate_bps)
            self._continue_above_bps = float("inf")  # there is nothing beyond
        else:
            self._continue_above_bps = FURTHER_THRESHOLD * reachable[-1]
        self._waiting_until = now + MAX_WAIT
        for bitrate_bps in reachable:
            self._next_id += 1
            self._wanted.append(Probe(self._next_id, bitrate_bps, int(bitrate_bps * DURATION / 8)))
        del self._wanted[:-MAX_CLUSTER_COUNT]
