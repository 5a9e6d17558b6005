"""The sender's memory of packets, and what feedback says became of them."""

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Final, TypeAlias

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


EXPIRY_INTERVAL: Final = 0.5
"""Seconds between two looks for packets that are too old."""

_number: Final[Callable[["SentPacket"], int]] = attrgetter("number")
_sent_at: Final = attrgetter("sent_at")
_size: Final[Callable[["SentPacket"], int]] = attrgetter("size")


class SentPacket:
    """A packet that was sent, and what became of it."""

    __slots__ = ("number", "probe_id", "received_at", "sent_at", "size", "stream_key")

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
        self.stream_key = stream_key
        """What feedback by streams knows it by, see `stream_key`; None where there is none."""


Arrival: TypeAlias = tuple[float, SentPacket]
"""When a packet arrived, in seconds of the receiver's clock, and which one it is."""


def stream_key(ssrc: int, sequence_number: int) -> int:
    """Return what stands for a packet of a stream, where feedback goes by streams (:rfc:`8888`)."""
    return ssrc << 16 | sequence_number


class SentPackets:
    """Remembers packets until feedback tells their fate; of either kind, by transport-wide or by stream's number."""

    def __init__(self) -> None:
        self._in_flight: dict[int, SentPacket] = {}
        """Those of which no feedback has spoken yet, by their number and in its order."""
        self._passed: dict[int, SentPacket] = {}
        """Those that feedback called missing, or did not speak of when it should have: they may have arrived after all."""
        self._numbers = SequenceUnwrapper()
        self._by_stream: dict[int, int] = {}
        self._reference_time = SequenceUnwrapper(bits=24)
        self._report_timestamp = SequenceUnwrapper(bits=32)
        self._suspects: list[int] = []
        self._told: int | None = None
        self._expires_at = float("-inf")
        self.has_gap = False
        """Whether the last feedback does not go on where the one before ended: some of it was lost."""

    def __len__(self) -> int:
        return len(self._in_flight) + len(self._passed)

    @property
    def is_waiting(self) -> bool:
        """Whether there are packets of which no feedback has spoken yet."""
        return bool(self._in_flight)

    @property
    def in_flight_bytes(self) -> int:
        """Bytes of packets of which no feedback has spoken yet."""
        return sum(map(_size, self._in_flight.values()))

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
        packet = self.numbered(
            transport_sequence_number, size, now, ssrc=ssrc, sequence_number=sequence_number, probe_id=probe_id
        )
        self.packets_sent((packet,), now)

    def numbered(
        self,
        transport_sequence_number: int,
        size: int,
        now: float,
        *,
        ssrc: int | None,
        sequence_number: int,
        probe_id: int | None,
    ) -> SentPacket:
        """Return what `packets_sent` remembers of a packet; see `packet_sent`."""
        number = self._numbers.peek(transport_sequence_number)
        self._take(number)  # should it stand for another
        key = None if ssrc is None else stream_key(ssrc, sequence_number)
        return SentPacket(number, size, now, probe_id, key)

    def packets_sent(self, packets: Sequence[SentPacket], now: float) -> None:
        """Remember packets that left together, at least one: the fast path of `packet_sent`.

        Args:
            packets: Their numbers go on from packet to packet, and do not wrap.
            now: Seconds.
        """
        in_flight = self._in_flight
        for packet in packets:
            in_flight[packet.number] = packet
            if packet.stream_key is not None:
                self._by_stream[packet.stream_key] = packet.number
        numbers, last = self._numbers, packets[-1].number
        if numbers.highest is None or last > numbers.highest:
            numbers.highest = last
        if now >= self._expires_at or len(in_flight) > MAX_PACKET_COUNT:
            self.expire(now)

    def expire(self, now: float) -> None:
        """Forget packets that are too old or too many."""
        self._expires_at = now + EXPIRY_INTERVAL
        for packets in (self._passed, self._in_flight):
            while packets:
                packet = next(iter(packets.values()))
                if len(self) <= MAX_PACKET_COUNT and packet.sent_at > now - MAX_AGE:
                    break
                self._take(packet.number)

    def _take(self, number: int) -> SentPacket | None:
        """Return and forget a packet; None if there is none of this number."""
        packet = self._in_flight.pop(number, None) or self._passed.pop(number, None)
        if packet is not None and packet.stream_key is not None:
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
        found += [self._passed[number] for number in suspects if number in self._passed]
        found.sort(key=_sent_at)
        return found

    def _find_gap(self, found: list[SentPacket]) -> None:
        """See whether there are packets between this feedback and the one before of which nothing was told."""
        self.has_gap = False
        if not found:
            return
        first, last = min(found, key=_number).number, max(found, key=_number).number
        if self._told is not None:
            for number in range(self._told + 1, min(first, self._told + MAX_PACKET_COUNT)):
                self.has_gap |= self._pass(number)
            last = max(last, self._told)
        self._told = last

    def _transport_results(self, feedback: TransportFeedback) -> list[SentPacket]:
        ticks = self._reference_time.unwrap(feedback.reference_time & 0xFF_FFFF) * REFERENCE_TICKS
        found: list[SentPacket] = []
        newest = self._numbers.highest or 0
        number = self._numbers.peek(feedback.base_sequence_number)
        # Feedback of some bytes can speak of very many packets: of those that were never sent nobody needs to hear.
        for delta in feedback.deltas[: max(newest + 1 - number, 0)]:
            if delta is not None:
                ticks += delta
                packet = self._take(number)
                if packet is not None:
                    packet.received_at = ticks / TICKS_PER_SECOND
                    found.append(packet)
            elif self._pass(number):
                self._suspects.append(number)
            number += 1
        return found

    def _stream_results(self, feedback: CongestionControlFeedback) -> list[SentPacket]:
        reported_at = self._report_timestamp.unwrap(feedback.report_timestamp) / 65536
        found: list[SentPacket] = []
        for stream in feedback.streams:
            for index, metric in enumerate(stream.metrics):
                key = stream_key(stream.ssrc, stream.begin_sequence_number + index & 0xFFFF)
                number = self._by_stream.get(key)
                if number is None:
                    continue
                if metric is None:
                    if self._pass(number):
                        self._suspects.append(number)
                    continue
                packet = self._take(number)
                # Beyond this offset it arrived, but who knows when.
                if packet is not None and metric.arrival_offset <= MAX_ARRIVAL_OFFSET:
                    packet.received_at = reported_at - metric.arrival_offset / OFFSETS_PER_SECOND
                    found.append(packet)
        return found

    def _pass(self, number: int) -> bool:
        """Wait no more for news of a packet, though it may come; tell whether any was waited for."""
        packet = self._in_flight.pop(number, None)
        if packet is None:
            return False
        self._passed[number] = packet
        return True
