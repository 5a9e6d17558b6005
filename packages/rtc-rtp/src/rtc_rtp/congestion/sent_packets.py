"""The sender's memory of packets, and what feedback says became of them."""

from operator import attrgetter
from typing import Final

from rtc_rtp.rtcp.congestion_control import (
    MAX_ARRIVAL_OFFSET,
    OFFSETS_PER_SECOND,
    CongestionControlFeedback,
)
from rtc_rtp.rtcp.transport_feedback import REFERENCE_TICKS, TICKS_PER_SECOND, TransportFeedback
from rtc_rtp.sequence import SequenceUnwrapper

MAX_PACKET_COUNT: Final = 16384
"""About as many packets wait for feedback; a quarter of what their numbers can tell apart."""
MAX_AGE: Final = 10.0
"""Seconds after which nobody waits for feedback any more."""


_EXPIRE_MASK: Final = 63
"""Old packets are looked for once in so many, plus one."""
_sent_at: Final = attrgetter("sent_at")


class SentPacket:
    """A packet that was sent, and what became of it."""

    __slots__ = ("in_flight", "number", "probe_id", "received_at", "sent_at", "size", "stream_key")

    def __init__(self, number: int, size: int, sent_at: float, probe_id: int | None, stream_key: int | None) -> None:
        self.number = number
        """Transport-wide, extended."""
        self.size = size
        """Bytes on the wire."""
        self.sent_at = sent_at
        """Seconds of our clock."""
        self.probe_id = probe_id
        """Number of the probe that it belongs to; None for most."""
        self.received_at: float | None = None
        """Seconds of the receiver's clock; None if it was lost as far as the feedback knows."""
        self.in_flight = True
        """Whether no feedback has spoken of it yet."""
        self.stream_key = stream_key


class SentPackets:
    """Remembers packets until feedback tells their fate; of either kind, by transport-wide or by stream's number."""

    def __init__(self) -> None:
        self._packets: dict[int, SentPacket] = {}
        self._numbers = SequenceUnwrapper()
        self._by_stream: dict[int, int] = {}
        self._reference_time = SequenceUnwrapper(bits=24)
        self._report_timestamp = SequenceUnwrapper(bits=32)
        self._suspects: list[int] = []
        self._told: int | None = None
        self.has_gap = False
        """Whether the last feedback does not go on where the one before ended: some of it was lost."""
        self.in_flight_bytes = 0
        """Bytes of packets of which no feedback has spoken yet."""

    def __len__(self) -> int:
        return len(self._packets)

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
        """Remember a packet.

        Args:
            transport_sequence_number: 16 bits; one more than the packet's before. Count them also where the packet does
                not carry the number.
            size: Bytes on the wire, with the headers of RTP, SRTP, UDP and IP as far as you know them.
            now: Seconds.
            ssrc: Its stream, where feedback goes by streams (:rfc:`8888`).
            sequence_number: Its number in the stream.
            probe_id: The probe that it belongs to.
        """
        number = self._numbers.unwrap(transport_sequence_number)
        key = None if ssrc is None else ssrc << 16 | sequence_number
        if number in self._packets:
            self._take(number)
        self._packets[number] = SentPacket(number, size, now, probe_id, key)
        self.in_flight_bytes += size
        if key is not None:
            self._by_stream[key] = number
        if not number & _EXPIRE_MASK:
            self.expire(now)

    def expire(self, now: float) -> None:
        """Forget packets that are too old or too many."""
        packets = self._packets
        while packets:
            number = next(iter(packets))
            if len(packets) <= MAX_PACKET_COUNT and packets[number].sent_at > now - MAX_AGE:
                return
            self._take(number)

    def _take(self, number: int) -> SentPacket | None:
        """Return and forget a packet; None if there is none of this number."""
        packet = self._packets.pop(number, None)
        if packet is None:
            return None
        if packet.in_flight:
            packet.in_flight = False
            self.in_flight_bytes -= packet.size
        if packet.stream_key is not None:
            self._by_stream.pop(packet.stream_key, None)
        return packet

    def results(self, feedback: TransportFeedback | CongestionControlFeedback) -> list[SentPacket]:
        """Return the packets that arrived or were lost, as far as this feedback is the first to tell, as they were sent.

        What one feedback misses has until the next one to arrive, for packets overtake each other. Should a packet that
        was called lost arrive after all, it comes again.
        """
        suspects, self._suspects = self._suspects, []
        if isinstance(feedback, TransportFeedback):
            found = self._transport_results(feedback)
        else:
            found = self._stream_results(feedback)
        self._find_gap(found)
        found += [self._packets[number] for number in suspects if number in self._packets]
        found.sort(key=_sent_at)
        return found

    def _find_gap(self, found: list[SentPacket]) -> None:
        """See whether there are packets between this feedback and the one before of which nothing was told."""
        self.has_gap = False
        if not found:
            return
        numbers = [packet.number for packet in found]
        if self._told is not None:
            for number in range(self._told + 1, min(*numbers, self._told + MAX_PACKET_COUNT)):
                packet = self._packets.get(number)
                if packet is not None and packet.in_flight:
                    self.has_gap = True
                    packet.in_flight = False
                    self.in_flight_bytes -= packet.size
        self._told = max(numbers) if self._told is None else max(self._told, *numbers)

    def _transport_results(self, feedback: TransportFeedback) -> list[SentPacket]:
        reference = self._reference_time.unwrap(feedback.reference_time & 0xFF_FFFF) * REFERENCE_TICKS
        ticks = reference
        found: list[SentPacket] = []
        oldest, newest = next(iter(self._packets), 0), self._numbers.highest or 0
        number = self._numbers.peek(feedback.base_sequence_number)
        # Feedback of some bytes can speak of very many packets: of those that were never sent nobody needs to hear.
        for delta in feedback.deltas[: max(newest + 1 - number, 0)]:
            if delta is not None:
                ticks += delta
                packet = self._take(number)
                if packet is not None:
                    packet.received_at = ticks / TICKS_PER_SECOND
                    found.append(packet)
            elif number >= oldest:
                self._missed(number)
            number += 1
        return found

    def _stream_results(self, feedback: CongestionControlFeedback) -> list[SentPacket]:
        reported_at = self._report_timestamp.unwrap(feedback.report_timestamp) / 65536
        found: list[SentPacket] = []
        for stream in feedback.streams:
            for index, metric in enumerate(stream.metrics):
                key = stream.ssrc << 16 | stream.begin_sequence_number + index & 0xFFFF
                number = self._by_stream.get(key)
                if number is None:
                    continue
                if metric is None:
                    self._missed(number)
                    continue
                packet = self._take(number)
                # Beyond this offset it arrived, but who knows when.
                if packet is not None and metric.arrival_offset <= MAX_ARRIVAL_OFFSET:
                    packet.received_at = reported_at - metric.arrival_offset / OFFSETS_PER_SECOND
                    found.append(packet)
        return found

    def _missed(self, number: int) -> None:
        packet = self._packets.get(number)
        if packet is not None and packet.in_flight:
            packet.in_flight = False
            self.in_flight_bytes -= packet.size
            self._suspects.append(number)
