"""Probing: sending a little faster for a moment to learn whether the path carries more."""

from itertools import accumulate, combinations
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
SPAN_SHARE: Final = 0.5
"""Of the time that a probe took: two packets that are farther apart are what it is measured by, if they are alike."""
ALIKE: Final = 0.125
"""The sizes of two packets are alike if they differ by so much of what was sent between them."""
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

    __slots__ = ("arrived", "packets", "probe")

    def __init__(self, probe: Probe) -> None:
        self.probe = probe
        self.packets: list[tuple[float, float, int]] = []
        """When each was sent, when it arrived, and its bytes."""
        self.arrived = 0

    def packet_arrived(self, packet: SentPacket, received_at: float) -> None:
        self.packets.append((packet.sent_at, received_at, packet.size))
        self.arrived += packet.size

    def finding(self) -> ProbeFinding | None:
        """Return what the probe found; None if it says nothing yet, or is contradictory."""
        probe = self.probe
        if len(self.packets) < RECEIVED_SHARE * probe.packet_count or self.arrived < RECEIVED_SHARE * probe.size:
            return None
        sending, sent, arriving, arrived = self._measure()
        if not (0 < sending <= MAX_INTERVAL and 0 < arriving <= MAX_INTERVAL):
            return None
        sent_bps = 8 * sent / sending
        arrived_bps = 8 * arrived / arriving
        if arrived_bps > MAX_RATIO * sent_bps:
            return None
        # Where the ends are of different sizes, the doubt is the path's: at worst another probe finds the limit.
        if 8 * max(sent, arrived) / arriving < SATURATED_RATIO * sent_bps:
            return ProbeFinding(SATURATED_SHARE * arrived_bps, is_limit=True)
        return ProbeFinding(min(sent_bps, arrived_bps), is_limit=False)

    def _measure(self) -> tuple[float, int, float, int]:
        """Return how long sending took and of how many bytes, and the same of arriving.

        Between two packets the time at the sender is that of the first one's bytes, for it says when the next may leave, and the time at
        the receiver, on a path that is full, that of the second one's, which have to arrive. So both are to be of about one size: a
        picture's packet before much that is small would look as if the path were slow. And both are to be the first of those that
        left together: the others wait for it, on a fast path too.
        """
        packets = sorted(self.packets)
        firsts = [i for i, packet in enumerate(packets) if not i or packet[0] != packets[i - 1][0]]
        before = [0, *accumulate([size for _, _, size in packets])]
        chosen, span = (0, firsts[-1]), SPAN_SHARE * (packets[-1][0] - packets[0][0])
        for i, j in combinations(firsts, 2):
            difference = abs(packets[i][2] - packets[j][2])
            passed = packets[j][0] - packets[i][0]
            if passed > span and difference <= ALIKE * (before[j] - before[i]):
                chosen, span = (i, j), passed
        first, last = chosen
        measured = packets[first : last + 1]
        arrivals = [arrival for _, arrival, _ in measured]
        begin = min(range(len(arrivals)), key=arrivals.__getitem__)
        total = before[last + 1] - before[first]
        sending, arriving = measured[-1][0] - measured[0][0], max(arrivals) - arrivals[begin]
        return sending, total - measured[-1][2], arriving, total - measured[begin][2]


class ProbeResults:
    """Measures how fast the packets of probes arrive."""

    def __init__(self) -> None:
        self._clusters: dict[int, _Cluster] = {}
        self._touched: dict[int, None] = {}

    def started(self, probe: Probe) -> None:
        """Expect the packets of a probe."""
        self._clusters[probe.probe_id] = _Cluster(probe)
        if len(self._clusters) > MAX_CLUSTER_COUNT:
            del self._clusters[next(iter(self._clusters))]

    def packet_arrived(self, packet: SentPacket) -> None:
        """Take in a packet of a probe."""
        cluster = None if packet.probe_id is None else self._clusters.get(packet.probe_id)
        if cluster is not None and packet.received_at is not None:
            cluster.packet_arrived(packet, packet.received_at)
            self._touched[cluster.probe.probe_id] = None

    def finding(self) -> ProbeFinding | None:
        """Return what the latest probe found of those whose packets were taken in since the last call; None if it has found nothing."""
        touched, self._touched = self._touched, {}
        found = None
        for probe_id in sorted(touched):
            cluster = self._clusters.get(probe_id)
            found = (cluster and cluster.finding()) or found
        return found


class ProbeController:
    """Decides when to probe, and how fast: at the start, while probes go well, and while the application is the limit."""

    def __init__(self, *, max_bitrate_bps: float) -> None:
        self._max_bitrate_bps = max_bitrate_bps
        self._next_id = 0
        self._wanted: list[Probe] = []
        self._waiting_until: float | None = None
        self._starts_left = MAX_START_COUNT
        self._continue_above_bps = 0.0
        self._last_probe_at = float("-inf")
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
        if self._starts_left and self._starts_left < MAX_START_COUNT and self._waiting_until is not None:
            return self._waiting_until
        return None if alr_since is None else max(alr_since, self._last_probe_at) + ALR_INTERVAL

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
