"""Two ends of a video call without a session: what estimator, pacer and recorder do on a simulated network."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from tests.support.network import Link, Network

from rtc_rtp import (
    ABS_SEND_TIME,
    TRANSPORT_SEQUENCE_NUMBER,
    BandwidthConfig,
    BandwidthEstimator,
    BufferFullError,
    CongestionControlFeedback,
    CongestionFeedbackRecorder,
    ExtensionMap,
    PacedPacket,
    Pacer,
    PacketPriority,
    RtpPacket,
    TransportFeedback,
    TransportFeedbackRecorder,
    is_rtcp,
    ntp_timestamp,
    parse_compound,
    serialize_compound,
)

OVERHEAD = 28 + 10
"""Bytes of IP, UDP and SRTP around a packet; the simulated link does not count the first two."""
EXTENSIONS = ExtensionMap({1: TRANSPORT_SEQUENCE_NUMBER, 2: ABS_SEND_TIME})
FeedbackKind = Literal["transport", "stream"]


@dataclass
class Stats:
    dropped: dict[str, int] = field(default_factory=dict)


class Sender:
    """An encoder that makes what the estimator allows, behind a pacer."""

    def __init__(self, now: float, *, config: BandwidthConfig | None = None, source_bps: float = 1e9) -> None:
        self.estimator = BandwidthEstimator(now=now, config=config)
        self.pacer: Pacer[bytes] = Pacer(now=now, pacing_bitrate_bps=self.estimator.pacing_bitrate_bps)
        self.source_bps = source_bps
        self.stats = Stats()
        self.closed = False
        self.starts_at = now
        self.frame_rate = 30.0
        self.history: list[tuple[float, float]] = []
        self.sent_bytes = 0
        self._next_frame_at = now
        self._next_audio_at = now
        self._sequence_number = 0
        self._transport_number = 65_000

    def begin(self, *, sound_at: float, pictures_at: float) -> None:
        self._next_audio_at, self._next_frame_at = sound_at, pictures_at

    def receive_datagram(self, datagram: bytes, now: float) -> None:
        for packet in parse_compound(datagram):
            if isinstance(packet, TransportFeedback | CongestionControlFeedback):
                self.estimator.feedback_received(packet, now)
        self._follow(now)

    def receive_datagrams(self, datagrams: Iterable[bytes], now: float) -> None:
        for datagram in datagrams:
            self.receive_datagram(datagram, now)

    def handle_timeout(self, now: float) -> None:
        self.estimator.handle_timeout(now)
        if now < self.starts_at:
            self._next_audio_at = self._next_frame_at = self.starts_at
        if now >= self._next_audio_at:
            self._next_audio_at += 0.02
            self.pacer.enqueue(b"", 100, PacketPriority.AUDIO, now)
        if now >= self._next_frame_at:
            self._next_frame_at += 1 / self.frame_rate
            size = int(min(self.estimator.target_bitrate_bps, self.source_bps) / self.frame_rate / 8)
            try:
                while size > 0:
                    self.pacer.enqueue(b"", min(size, 1200), PacketPriority.VIDEO, now)
                    size -= 1200
            except BufferFullError:
                self.stats.dropped["frame"] = self.stats.dropped.get("frame", 0) + 1
        self._follow(now)

    def _follow(self, now: float) -> None:
        self.history.append((now, self.estimator.target_bitrate_bps))
        self.pacer.set_rates(pacing_bitrate_bps=self.estimator.pacing_bitrate_bps, padding_bitrate_bps=0.0, now=now)
        for probe in self.estimator.probes():
            self.pacer.probe(probe, now)

    def datagrams_to_send(self, now: float) -> list[bytes]:
        datagrams = [self._packet(paced, now) for paced in self.pacer.packets_to_send(now)]
        self._follow(now)
        if any(probe for probe in self.pacer._probes):
            datagrams += [self._packet(paced, now) for paced in self.pacer.packets_to_send(now)]
        return datagrams

    def _packet(self, paced: PacedPacket[bytes], now: float) -> bytes:
        packet = RtpPacket(96, self._sequence_number, 0, 1, bytes(max(paced.size - OVERHEAD - 24, 0)))
        EXTENSIONS.write(packet.extensions, TRANSPORT_SEQUENCE_NUMBER, self._transport_number)
        data = packet.serialize()
        self.estimator.packet_sent(
            self._transport_number,
            len(data),
            now,
            ssrc=1,
            sequence_number=self._sequence_number,
            probe_id=paced.probe_id,
        )
        self._sequence_number = (self._sequence_number + 1) & 0xFFFF
        self._transport_number = (self._transport_number + 1) & 0xFFFF
        self.sent_bytes += len(data)
        return data

    def events(self) -> Sequence[object]:
        return []

    def next_timeout(self) -> float | None:
        due = [self._next_audio_at, self._next_frame_at, self.estimator.next_timeout(), self.pacer.next_timeout()]
        return min(at for at in due if at is not None)

    def close(self, now: float) -> None:
        self.closed = True


class Receiver:
    """Somebody who tells what arrived."""

    def __init__(self, kind: FeedbackKind = "transport") -> None:
        self.recorder = TransportFeedbackRecorder(sender_ssrc=2)
        self.streams = CongestionFeedbackRecorder(sender_ssrc=2)
        self.kind = kind
        self.stats = Stats()
        self.closed = False
        self.received_bytes = 0
        self.clock_offset = 77_777.7

    def receive_datagram(self, datagram: bytes, now: float) -> None:
        if is_rtcp(datagram):
            return
        packet = RtpPacket.parse(datagram)
        self.received_bytes += len(datagram)
        number = EXTENSIONS.read(packet.extensions, TRANSPORT_SEQUENCE_NUMBER)
        assert number is not None
        at = now + self.clock_offset
        if self.kind == "transport":
            self.recorder.packet_received(number, at, media_ssrc=packet.ssrc, size=len(datagram))
        else:
            self.streams.packet_received(packet.ssrc, packet.sequence_number, at)

    def receive_datagrams(self, datagrams: Iterable[bytes], now: float) -> None:
        for datagram in datagrams:
            self.receive_datagram(datagram, now)

    def handle_timeout(self, now: float) -> None:
        pass

    def datagrams_to_send(self, now: float) -> list[bytes]:
        at = now + self.clock_offset
        due = self.recorder.ready_at if self.kind == "transport" else self.streams.next_timeout()
        if due is None or due - 1e-9 > at:
            return []
        if self.kind == "transport":
            return [serialize_compound([each], reduced_size=True) for each in self.recorder.feedback(at)]
        built = self.streams.feedback(at, ntp_timestamp=ntp_timestamp(at))
        return [serialize_compound([each], reduced_size=True) for each in built]

    def events(self) -> Sequence[object]:
        return []

    def next_timeout(self) -> float | None:
        due = self.recorder.next_timeout() if self.kind == "transport" else self.streams.next_timeout()
        # What was due in the past when subtracting made it so is due; floats must not make it due a little later.
        return None if due is None else due - self.clock_offset - 1e-9

    def close(self, now: float) -> None:
        self.closed = True


class Call:
    """A sender, a receiver and a bottleneck between them."""

    def __init__(
        self,
        *,
        link: Link,
        seed: int = 1,
        kind: FeedbackKind = "transport",
        config: BandwidthConfig | None = None,
        source_bps: float = 1e9,
        phase: int = 0,
    ) -> None:
        """Begin.

        Args:
            link: The way to the receiver; feedback goes as long a way back.
            seed: Of what happens on it.
            kind: Of feedback.
            config: Of the estimator.
            source_bps: What the encoder makes at most.
            phase: Seed of when sound and pictures begin, and of the receiver's clock; 0 for all at once.
        """
        self.link = link
        self.network = Network(seed=seed)
        self.sender = Sender(0.0, config=config, source_bps=source_bps)
        self.receiver = Receiver(kind)
        if phase:
            chance = random.Random(phase)
            self.sender.begin(sound_at=chance.uniform(0, 0.02), pictures_at=chance.uniform(0, 0.033))
            self.receiver.clock_offset = chance.uniform(0, 100_000)
        self.network.join(self.sender, self.receiver, link=link, back=Link(delay=link.delay, loss=link.loss))

    def run(self, seconds: float) -> float:
        """Go on for so long; return the mean target over the last half of it, bits per second."""
        start = self.network.now
        self.network.advance(seconds)
        values = [bps for at, bps in self.sender.history if at > start + seconds / 2]
        return sum(values) / len(values)

    def throughput(self, seconds: float) -> float:
        """Go on for so long; return what arrived, bits per second."""
        before = self.receiver.received_bytes
        self.network.advance(seconds)
        return 8 * (self.receiver.received_bytes - before) / seconds

    def queue_delay(self) -> float:
        """Seconds that a packet sent now waits for the bottleneck."""
        host = next(iter(self.network.nodes[0].hosts.values()))
        return max(host.link_free_at - self.network.now, 0.0)
