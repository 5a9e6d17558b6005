"""The queue in front of the wire: packets leave at the pace of the bandwidth estimate, or at once."""

from collections.abc import Iterable
from typing import Final

from rtc_rtp.congestion.bandwidth_estimator import BandwidthConfig, BandwidthEstimator
from rtc_rtp.congestion.pacer import PacedPacket, Pacer, PacerConfig, PacketPriority
from rtc_rtp.congestion.sent_packets import SentPacket, stream_key
from rtc_rtp.context import Context
from rtc_rtp.errors import BufferFullError
from rtc_rtp.events import TargetBitrateChanged
from rtc_rtp.extensions.time import ABS_SEND_TIME
from rtc_rtp.rtcp import CongestionControlFeedback, TransportFeedback
from rtc_rtp.sending.allocation import allocate
from rtc_rtp.sending.outgoing import Outgoing
from rtc_rtp.sending.sender import Sender
from rtc_rtp.sending.stream import SendStream

LOWER_LAYERS: Final = 38
"""Bytes that SRTP, UDP and IPv4 add to every packet; the path carries them too."""

PROOF_AGE: Final = 2.0
"""Seconds for which feedback by packet tells how the path is."""

PROVEN_LOSS: Final = 0.1
"""Part of the packets that may be lost on a path that carries what it is given."""

NEWS: Final = 0.02
"""Part by which the target has to change to be told."""

NEWS_INTERVAL: Final = 0.05
"""Seconds between two changes that are told, but for falls."""

REPAIR_TIME: Final = 0.5
"""Seconds that may wait in the queue when packets are sent again. After a path has become narrow they would fill it with the past."""

_NEVER: Final = float("inf")


class Departures:
    """Packets that wait, and what is known of the path.

    Without feedback of the peer that tells what became of packets there is no pace, and everything leaves at once.
    """

    __slots__ = (
        "_context",
        "_counts_all",
        "_estimator",
        "_feedback_at",
        "_pacer",
        "_padding_stream",
        "_queue",
        "_queued_size",
        "_send_buffer_size",
        "_told_at",
        "_told_bps",
        "_transport_sequence_number",
    )

    def __init__(self, context: Context) -> None:
        self._context = context
        self._queue: list[PacedPacket[Outgoing]] = []
        """What waits where there is no pace: until the next flush."""

        self._queued_size = 0
        self._send_buffer_size = context.options.send_buffer_size
        self._transport_sequence_number = 0
        """Of the next packet; it does not wrap, what is sent of it does."""

        self._estimator: BandwidthEstimator | None = None
        self._pacer: Pacer[Outgoing] | None = None
        self._padding_stream: SendStream | None = None
        self._counts_all = False
        self._told_bps = 0.0
        self._told_at = -_NEVER
        self._feedback_at = -_NEVER
        """When the latest feedback by packet came."""

    def configure(self, senders: Iterable[Sender]) -> None:
        """Take what was negotiated: feedback of the peer is what there can be a pace by."""
        context, options = self._context, self._context.options
        senders = list(senders)
        feedback = {kind for sender in senders for codec in sender.parameters.codecs for kind in codec.feedback}
        # Feedback by streams knows every packet by its own number.
        self._counts_all = "ack ccfb" in feedback
        streams = [stream for sender in senders for stream in sender.streams.values()]
        self._padding_stream = next((each for each in streams if each.can_pad and each.encoding.active), None)
        has_feedback = not feedback.isdisjoint({"transport-cc", "goog-remb", "ack ccfb"})
        if not (options.congestion_control and has_feedback) or self._estimator is not None:
            self._told_bps = 0.0
            return
        config = BandwidthConfig(
            start_bitrate_bps=options.start_bitrate_bps,
            min_bitrate_bps=options.min_bitrate_bps,
            max_bitrate_bps=options.max_bitrate_bps,
        )
        self._estimator = BandwidthEstimator(now=context.now, config=config, trace=context.trace)
        if options.pacing:
            self._pacer = Pacer(
                now=context.now,
                pacing_bitrate_bps=self._estimator.pacing_bitrate_bps,
                config=PacerConfig(max_queue_size=2 * options.send_buffer_size, max_queue_length=1 << 20),
            )

    # --- packets ---

    @property
    def room(self) -> int:
        """Bytes that may be queued."""
        queued = self._queued_size if self._pacer is None else self._pacer.queued_bytes
        return self._send_buffer_size - queued

    @property
    def repair_room(self) -> int:
        """Bytes that may be queued to be sent again: no more than what the application sends, and nothing that would come too late."""
        if self._pacer is None or self._estimator is None:
            return self.room
        in_time = int(self._estimator.pacing_bitrate_bps * REPAIR_TIME / 8)
        return min(self.room, in_time - self._pacer.queued_bytes_of(PacketPriority.RETRANSMISSION))

    def check_room(self, size: int) -> None:
        """Look whether so many bytes may be queued.

        Raises:
            BufferFullError: They may not.
        """
        room = self.room
        if size > room:
            raise BufferFullError(f"there is room for {max(room, 0)} bytes, not for {size}")

    def add(self, outgoing: Outgoing) -> None:
        """Queue packets that leave together as far as the pace allows, all or none.

        Raises:
            BufferFullError: Twice the room is taken already, as by what nobody drains.
        """
        headers = LOWER_LAYERS + outgoing.stream.header_length
        paced = [
            PacedPacket(outgoing, headers + len(packet.payload) + packet.padding_length) for packet in outgoing.packets
        ]
        if self._pacer is None:
            self._queue += paced
            self._queued_size += sum([each.size for each in paced])
        else:
            # [rfc4588:7/1] [rfc4588:7/2] [rfc4588:7/3] Out of one budget: what is sent again takes from what is new.
            # [rfc5104:4.3.1.2/3] [rfc5104:5/1] Whatever asked for it, a packet leaves at the pace of the estimate.
            self._pacer.enqueue_all(paced, outgoing.priority, self._context.now)

    def clear(self) -> None:
        """Forget everything."""
        self._queue.clear()
        if self._pacer is not None:
            self._pacer.clear()

    def take(self) -> list[bytes]:
        """Return the packets that leave now, counted."""
        context = self._context
        if self._pacer is not None:
            leaving = self._pacer.packets_to_send(context.now)
        else:
            leaving, self._queue, self._queued_size = self._queue, [], 0
        if not leaving:
            return []
        send_time = ABS_SEND_TIME.serialize(context.wall_time(context.now))
        datagrams: list[bytes] = []
        sent: list[SentPacket] = []
        end = 0
        while end < len(leaving):
            begin, outgoing = end, leaving[end].packet
            end += 1
            if outgoing is None:
                outgoing = self._padding(leaving[begin].size)
            else:
                while end < len(leaving) and leaving[end].packet is outgoing:
                    end += 1
            if outgoing is not None:
                datagrams += self._depart(outgoing, leaving[begin:end], send_time, sent)
        if sent and self._estimator is not None:
            self._estimator.packets_sent(sent, context.now)
        context.stats.packets_sent += len(datagrams)
        return datagrams

    def _depart(
        self, outgoing: Outgoing, run: list[PacedPacket[Outgoing]], send_time: bytes, sent: list[SentPacket]
    ) -> list[bytes]:
        """Return the bytes of packets that were queued together and leave together; note what there will be feedback of."""
        stream, number, counts_all = outgoing.stream, self._transport_sequence_number, self._counts_all
        packets = outgoing.take(len(run))
        datagrams = stream.depart(outgoing, packets, number, send_time)
        # What is repeated to the bit has the number that it had, and tells nothing of now.
        is_stale = outgoing.is_retransmission and packets[0].ssrc == stream.ssrc
        if is_stale or not (stream.is_numbered or counts_all):
            return datagrams
        now = self._context.now
        for data, packet, paced in zip(datagrams, packets, run, strict=False):
            key = stream_key(packet.ssrc, packet.sequence_number) if counts_all else None
            sent.append(SentPacket(number, len(data) + LOWER_LAYERS, now, paced.probe_id, key))
            number += 1
        self._transport_sequence_number = number
        return datagrams

    def _padding(self, size: int) -> Outgoing | None:
        """Return something to fill the path with, about so many bytes, if there is a stream to carry it."""
        return None if self._padding_stream is None else self._padding_stream.pad(size)

    # --- what the peer tells ---

    def feedback_received(self, feedback: TransportFeedback | CongestionControlFeedback) -> None:
        """Learn what became of packets."""
        self._context.stats.ccfb_messages_received += isinstance(feedback, CongestionControlFeedback)
        if self._estimator is not None:
            # [rfc8834:6/1] [rfc8834:7/1] [rfc8834:7.1/2]
            self._estimator.feedback_received(feedback, self._context.now)
            self._feedback_at = self._context.now

    @property
    def has_proof(self) -> bool:
        """Whether fresh feedback by packet shows that the path carries what it is given."""
        return (
            self._estimator is not None
            and self._context.now <= self._feedback_at + PROOF_AGE
            and self._estimator.loss <= PROVEN_LOSS
        )

    def maximum_received(self, bitrate_bps: int) -> None:
        """Obey the estimate of a receiver (REMB)."""
        if self._estimator is not None and bitrate_bps > 0:
            self._estimator.remb_received(bitrate_bps, self._context.now)

    def bounds_changed(self, senders: Iterable[Sender]) -> None:
        """Tell the shares anew: the peer, or the circuit breaker, bounds a stream."""
        target = (
            self._context.options.max_bitrate_bps if self._estimator is None else self._estimator.target_bitrate_bps
        )
        self._tell(target, list(senders))

    def loss_reported(self, fraction_lost: float, packet_count: int, round_trip_time: float | None) -> None:
        """Learn from a receiver report."""
        if self._estimator is not None:
            if round_trip_time is not None:
                self._estimator.round_trip_time_measured(round_trip_time)
            if packet_count > 0:
                self._estimator.loss_reported(fraction_lost, packet_count, self._context.now)

    # --- time ---

    def progress(self, senders: Iterable[Sender]) -> None:
        """Do what is due, and tell how much may be sent if that changed."""
        estimator, context = self._estimator, self._context
        if estimator is None:
            return
        timeout = estimator.next_timeout()
        if timeout is not None and timeout <= context.now:
            estimator.handle_timeout(context.now)
        if self._pacer is not None:
            for probe in estimator.probes():
                self._pacer.probe(probe, context.now)
            self._pacer.set_rates(
                pacing_bitrate_bps=estimator.pacing_bitrate_bps, padding_bitrate_bps=0.0, now=context.now
            )
        target = estimator.target_bitrate_bps
        context.stats.target_bitrate_bps = int(target)
        if self._is_news(target):
            self._told_bps = target
            self._told_at = context.now
            self._tell(target, list(senders))

    def _is_news(self, target: float) -> bool:
        if abs(target - self._told_bps) <= NEWS * self._told_bps:
            return False
        return target < self._told_bps or self._context.now >= self._told_at + NEWS_INTERVAL

    def _tell(self, target: float, senders: list[Sender]) -> None:
        shares = allocate(target, senders)
        if not shares:
            return
        by_sender = {sender.id: sender for sender in senders}
        for share in shares:
            by_sender[share.sender_id].streams[share.rid].stats.target_bitrate_bps = share.bitrate_bps
        self._context.events.append(TargetBitrateChanged(int(target), tuple(shares)))

    def deadline(self) -> float:
        """When there is more to do."""
        estimated_at = None if self._estimator is None else self._estimator.next_timeout()
        paced_at = None if self._pacer is None else self._pacer.next_timeout()
        if estimated_at is None or (paced_at is not None and paced_at < estimated_at):
            return _NEVER if paced_at is None else paced_at
        return estimated_at
