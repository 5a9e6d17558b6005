"""Sending no faster than the path carries: a queue by priority, and a budget that fills with time."""

import enum
from collections import deque
from collections.abc import Sequence
from typing import Final, Generic, TypeVar

from rtc_rtp.congestion.probe import Probe
from rtc_rtp.dataclass import dataclass
from rtc_rtp.errors import BufferFullError

MAX_QUEUE_TIME: Final = 2.0
"""Seconds that a packet shall wait at most: a longer queue is sent faster."""
BURST: Final = 0.005
"""Seconds whose budget may be spent at once, so that timers need not be exact."""
SLOW_BURST: Final = 0.02
"""The same where that is little: pictures of a slow stream leave whole, and nobody wakes up for their second packet."""
SLOW_BURST_SIZE: Final = 4000
"""Bytes that are little."""
PROBE_BURST: Final = 0.002
"""The same within a probe."""
MIN_BURST_COUNT: Final = 5
"""Bursts of a probe, at least: where timers are late it takes longer, for two moments make no rate."""
MAX_PROBE_DELAY: Final = 0.025
"""Seconds that a probe makes up for when a timer is late."""
PROBE_TIMEOUT: Final = 1.0
"""Seconds after which a probe that could not be sent is given up."""
MAX_PROBE_COUNT: Final = 8
PADDING_SIZE: Final = 224
"""Bytes of padding that are asked for at a time; what one packet of nothing else carries."""
MAX_DEBT: Final = 0.5
"""Seconds of sending that may be owed at most, as after a probe."""
_TICK: Final = 1e-6
"""Seconds that are no time: clocks are floats."""
_NO_LIMIT: Final = float("inf")

P = TypeVar("P")


class PacketPriority(enum.IntEnum):
    """What leaves before what."""

    AUDIO = 0
    """Leaves at once."""
    RETRANSMISSION = 1
    VIDEO = 2
    FEC = 3
    PADDING = 4


@dataclass(slots=True, frozen=True, kw_only=True)
class PacerConfig:
    """Bounds of the queue."""

    max_queue_size: int = 4_000_000
    """Bytes that may wait."""
    max_queue_length: int = 10_000
    """Packets that may wait."""


@dataclass(slots=True)
class PacedPacket(Generic[P]):
    """Something to send now."""

    packet: P | None
    """What was queued; None asks for padding of `size` bytes, or about as much, if there is a stream to carry it."""
    size: int
    """Bytes."""
    probe_id: int | None = None
    """The probe that it belongs to, for `BandwidthEstimator.packet_sent`."""


class _ActiveProbe:
    """A probe that is being sent, or waits for its turn."""

    __slots__ = ("bursts", "count", "probe", "sent", "started_at", "wanted_at")

    def __init__(self, probe: Probe, now: float) -> None:
        self.probe = probe
        self.wanted_at = now
        self.started_at: float | None = None
        self.sent = 0
        self.count = 0
        self.bursts = 0

    def next_at(self) -> float:
        """When the probe may go on."""
        if self.started_at is None:
            return self.wanted_at
        return self.started_at + 8 * self.sent / self.probe.bitrate_bps


class Pacer(Generic[P]):
    """Holds packets back until it is their turn.

    Audio leaves at once; then come retransmissions, video, error correction and padding, as the budget allows. Call
    `enqueue`, then `packets_to_send` after every call and whenever `next_timeout` has come.
    """

    def __init__(self, *, now: float, pacing_bitrate_bps: float, config: PacerConfig | None = None) -> None:
        """Make the pacer of a transport.

        Args:
            now: Seconds.
            pacing_bitrate_bps: How fast to send, see `BandwidthEstimator.pacing_bitrate_bps`.
            config: Bounds of the queue.

        Raises:
            ValueError: The rate is not positive.
        """
        config = config or PacerConfig()
        self._max_queued_bytes = config.max_queue_size
        self._max_queued_count = config.max_queue_length
        self._queues: tuple[deque[PacedPacket[P]], ...] = tuple([deque() for _ in PacketPriority])
        self._audio = self._queues[PacketPriority.AUDIO]
        self.queued_bytes = 0
        """Bytes that wait."""
        self.queued_count = 0
        """Packets that wait."""
        self._debt = 0.0  # bytes that were sent ahead of their time
        self._padding_debt = 0.0
        self._now = now
        self._padding_bps = 0.0
        self._pacing_bps = 0.0
        self._probes: deque[_ActiveProbe] = deque()
        self._has_sent = False
        self.set_rates(pacing_bitrate_bps=pacing_bitrate_bps, padding_bitrate_bps=0.0, now=now)

    def queued_bytes_of(self, priority: PacketPriority) -> int:
        """Bytes that wait with one priority."""
        return sum([paced.size for paced in self._queues[priority]])

    @property
    def queue_time(self) -> float:
        """Seconds until all that waits has left, at the rate of now."""
        return 8 * (self.queued_bytes + self._debt) / self._pacing_bps

    def set_rates(self, *, pacing_bitrate_bps: float, padding_bitrate_bps: float, now: float) -> None:
        """Change the rates.

        Args:
            pacing_bitrate_bps: How fast to send, positive.
            padding_bitrate_bps: How fast to send at least, with padding if there is nothing else; 0 for no padding.
            now: Seconds.

        Raises:
            ValueError: A rate is negative, or there is none to send at.
        """
        if not pacing_bitrate_bps > 0 or not padding_bitrate_bps >= 0:
            raise ValueError(f"no pace: {pacing_bitrate_bps} bit/s, padding at {padding_bitrate_bps} bit/s")
        self._advance(now)
        self._pacing_bps = pacing_bitrate_bps
        self._padding_bps = padding_bitrate_bps

    def enqueue(self, packet: P, size: int, priority: PacketPriority, now: float) -> None:
        """Queue a packet; call `packets_to_send` next.

        Args:
            packet: Whatever the caller wants back.
            size: Its bytes on the wire.
            priority: When it leaves.
            now: Seconds.

        Raises:
            BufferFullError: So much waits already that the packet was not taken.
        """
        self.enqueue_all((PacedPacket(packet, size),), priority, now)

    def enqueue_all(self, packets: Sequence[PacedPacket[P]], priority: PacketPriority, now: float) -> None:
        """Queue packets that came together, all or none: the fast path of `enqueue`.

        Args:
            packets: What they are, each with its bytes on the wire.
            priority: When they leave.
            now: Seconds.

        Raises:
            BufferFullError: So much waits already that they were not taken.
        """
        if now > self._now:
            self._advance(now)
        queued_bytes = self.queued_bytes
        for paced in packets:
            queued_bytes += paced.size
        queued_count = self.queued_count + len(packets)
        if queued_bytes > self._max_queued_bytes or queued_count > self._max_queued_count:
            raise BufferFullError(f"{self.queued_count} packets of {self.queued_bytes} bytes wait already")
        self._queues[priority].extend(packets)
        self.queued_bytes = queued_bytes
        self.queued_count = queued_count

    def probe(self, probe: Probe, now: float) -> None:
        """Send what waits, or padding, at the rate of a probe; it begins when there was something to send before."""
        self._advance(now)
        if len(self._probes) == MAX_PROBE_COUNT:
            self._probes.popleft()
        self._probes.append(_ActiveProbe(probe, self._now))

    def clear(self) -> None:
        """Forget all that waits."""
        for queue in self._queues:
            queue.clear()
        self.queued_bytes = self.queued_count = 0
        self._probes.clear()

    def next_timeout(self) -> float | None:
        """Return when `packets_to_send` has something; None if nothing waits."""
        if not (self.queued_count or self._probes or self._padding_bps):
            return None
        if self._audio:
            return self._now
        if self._probes and self._is_probing:
            return max(self._probes[0].next_at(), self._now)
        due = []
        if self.queued_count:
            due.append(self._now + max(8 * self._debt / self._rate(), 0.0))
        elif self._padding_bps and self._has_sent:
            wait = max(self._padding_debt / self._padding_bps, self._debt / self._pacing_bps)
            due.append(self._now + max(8 * wait, 0.0))
        if self._probes and self._has_sent:
            due.append(max(self._probes[0].next_at(), self._now))
        return min(due, default=None)

    def packets_to_send(self, now: float) -> list[PacedPacket[P]]:
        """Return what may leave now, in order."""
        if not (self.queued_count or self._probes or self._padding_bps):
            return []
        if now > self._now:
            self._advance(now)
        leaving: list[PacedPacket[P]] = []
        if self._audio:
            self._take(leaving, _NO_LIMIT, (self._audio,))
        if self._probes:
            self._send_probe(leaving)
        if leaving:
            # Neither of these asks whether it may.
            self._debt = min(self._debt, self._rate() * MAX_DEBT / 8 + leaving[-1].size)
        if self._probes and self._is_probing:
            pass  # What waits leaves as part of the probe: beside it, it would be in its way.
        elif self.queued_count:
            rate = self._rate()
            if 8 * self._debt <= rate * _TICK:
                budget = max(rate * BURST / 8, min(rate * SLOW_BURST / 8, SLOW_BURST_SIZE), 1.0)
                self._take(leaving, budget - self._debt, self._queues)
        elif self._padding_bps and self._has_sent:
            self._pad(leaving)
        if leaving and self._padding_bps:
            self._padding_debt = min(self._padding_debt, self._padding_bps * MAX_DEBT / 8 + leaving[-1].size)
        return leaving

    def _send_probe(self, leaving: list[PacedPacket[P]]) -> None:
        """Go on with the probe whose turn it is."""
        while self._probes:
            active = self._probes[0]
            if active.started_at is None and self._now - active.wanted_at > PROBE_TIMEOUT:
                self._probes.popleft()
                continue
            if not (self._has_sent or self.queued_count) or active.next_at() > self._now + _TICK:
                return
            if active.started_at is None:
                active.started_at = self._now
            probe = active.probe
            # Timers are late: what is due leaves now, to keep the rate. Of a probe that was held up for long not all must.
            late = self._now - active.next_at()
            active.started_at += max(late - MAX_PROBE_DELAY, 0.0)
            passed = self._now - active.started_at
            burst = max(probe.bitrate_bps * (passed + PROBE_BURST) / 8, active.sent + 1.0)
            active.bursts += 1
            begin = len(leaving)
            active.sent += self._take(leaving, burst - active.sent, self._queues)
            while active.sent < burst:
                leaving.append(self._padding())
                active.sent += PADDING_SIZE
            for paced in leaving[begin:]:
                paced.probe_id = probe.probe_id
            active.count += len(leaving) - begin
            if active.sent < probe.size or active.count < probe.packet_count or active.bursts < MIN_BURST_COUNT:
                return
            self._probes.popleft()
            if self._probes:
                # The next one begins when the debts of this one are paid in time.
                self._probes[0].wanted_at = max(self._probes[0].wanted_at, active.next_at())

    @property
    def _is_probing(self) -> bool:
        """Whether the probe whose turn it is has begun."""
        return self._probes[0].started_at is not None

    def _pad(self, leaving: list[PacedPacket[P]]) -> None:
        is_due = 8 * self._debt <= self._rate() * _TICK
        if is_due and 8 * self._padding_debt <= self._padding_bps * _TICK:
            budget = self._padding_bps * BURST / 8
            while self._padding_debt < max(budget, 1.0):
                leaving.append(self._padding())

    def _padding(self) -> PacedPacket[P]:
        """Ask for what one packet of nothing else carries, so that what is asked for is what comes."""
        self._debt += PADDING_SIZE
        if self._padding_bps:
            self._padding_debt += PADDING_SIZE
        return PacedPacket(None, PADDING_SIZE)

    def _take(self, leaving: list[PacedPacket[P]], limit: float, queues: tuple[deque[PacedPacket[P]], ...]) -> int:
        """Let what waits leave, the highest priority first, until that is as many bytes as the limit; return how many it is."""
        before, taken = len(leaving), 0
        for queue in queues:
            while queue and taken < limit:
                paced = queue.popleft()
                taken += paced.size
                leaving.append(paced)
        if count := len(leaving) - before:
            self.queued_bytes -= taken
            self.queued_count -= count
            self._has_sent = True
            self._debt += taken
            if self._padding_bps:
                self._padding_debt += taken
        return taken

    def _rate(self) -> float:
        """Return how fast to send: faster than told if the queue would take too long."""
        return max(self._pacing_bps, 8 * self.queued_bytes / MAX_QUEUE_TIME)

    def _advance(self, now: float) -> None:
        """Let debts be paid by the time that has passed, if any has."""
        passed = now - self._now
        if passed <= 0:
            return
        self._now = now
        if self._debt:
            self._debt = max(self._debt - passed * self._rate() / 8, 0.0)
        if self._padding_debt and self._padding_bps:
            self._padding_debt = max(self._padding_debt - passed * self._padding_bps / 8, 0.0)
