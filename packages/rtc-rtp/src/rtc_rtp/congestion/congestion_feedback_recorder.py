"""The receiver's part of congestion control feedback (:rfc:`8888`)."""

from typing import Final

from rtc_rtp.ntp import ntp_middle
from rtc_rtp.rtcp.congestion_control import (
    MAX_ARRIVAL_OFFSET,
    OFFSETS_PER_SECOND,
    OVER_RANGE,
    UNAVAILABLE,
    CongestionControlFeedback,
    PacketMetric,
    StreamMetrics,
)
from rtc_rtp.sequence import SequenceUnwrapper

# [rfc8888:3.1/11]
DEFAULT_INTERVAL: Final = 0.1
"""Seconds; :rfc:`8888#section-4` names 50 to 200 ms."""
MAX_STREAM_COUNT: Final = 64
"""Streams that are told of; more of them replace the one that was silent for longest."""
MAX_SPAN: Final = 1024
"""Packets of a stream that are remembered, and so told of at once."""
MAX_METRICS_PER_FEEDBACK: Final = 500
"""So that a feedback fits a datagram."""

ECN_CE: Final = 0b11


class _Stream:
    """What arrived of one stream."""

    __slots__ = ("arrivals", "begin", "has_news", "unwrapper")

    def __init__(self) -> None:
        self.unwrapper = SequenceUnwrapper()
        self.arrivals: dict[int, tuple[float, int]] = {}
        self.begin: int | None = None
        self.has_news = False

    def note(self, sequence_number: int, ecn: int, now: float) -> None:
        number = self.unwrapper.unwrap(sequence_number)
        highest = number if self.unwrapper.highest is None else self.unwrapper.highest
        if number <= highest - MAX_SPAN:
            return
        known = self.arrivals.get(number)
        # [rfc8888:3.1/9] Of copies the first arrival counts; [rfc8888:3.1/10] and a mark of congestion on any of them.
        self.arrivals[number] = (now, ecn) if known is None else (known[0], ecn if ecn == ECN_CE else known[1])
        self.has_news = True
        if self.begin is None or number < self.begin:
            self.begin = number
        self.begin = max(self.begin, highest - MAX_SPAN + 1)
        if len(self.arrivals) > 2 * MAX_SPAN:
            self._forget(highest)

    def metrics(self, now: float) -> tuple[int, list[PacketMetric | None]]:
        """Return the metrics of all numbers since the last time, and the first of these."""
        begin, highest = self.begin or 0, self.unwrapper.highest or 0
        found: list[PacketMetric | None] = []
        for number in range(begin, highest + 1):
            arrival = self.arrivals.get(number)
            found.append(None if arrival is None else PacketMetric(arrival_offset(now - arrival[0]), arrival[1]))
        self.begin = highest + 1
        self.has_news = False
        self._forget(highest)
        return begin, found

    def _forget(self, highest: int) -> None:
        # [rfc8888:3.1/7] What may be told again is still known to have arrived.
        self.arrivals = {number: known for number, known in self.arrivals.items() if number > highest - MAX_SPAN}


class CongestionFeedbackRecorder:
    """Notes when packets of each stream arrived and how they were marked, and builds feedback of it for their sender.

    Call `packet_received` for every packet, and `feedback` when `next_timeout` has come; send what it returns.

    See :rfc:`8888#section-3`.
    """

    def __init__(self, *, sender_ssrc: int, interval: float = DEFAULT_INTERVAL) -> None:
        """Make the recorder of a transport.

        Args:
            sender_ssrc: Any SSRC of ours, to sign feedback with.
            interval: Seconds between feedbacks.
        """
        self.sender_ssrc = sender_ssrc
        """An SSRC of ours that signs feedback."""
        self._interval = interval
        self._streams: dict[int, _Stream] = {}
        self._due_at: float | None = None
        self._last_feedback_at: float | None = None

    def packet_received(self, ssrc: int, sequence_number: int, now: float, *, ecn: int = 0) -> None:
        """Note that a packet arrived.

        Args:
            ssrc: Its stream.
            sequence_number: 16 bits.
            now: Seconds.
            ecn: The mark of its IP header, 2 bits, if that can be had.
        """
        stream = self._streams.pop(ssrc, None)
        if stream is None:
            stream = _Stream()
            if len(self._streams) >= MAX_STREAM_COUNT:
                del self._streams[next(iter(self._streams))]
        self._streams[ssrc] = stream
        stream.note(sequence_number, ecn, now)
        if self._due_at is None and stream.has_news:
            last = self._last_feedback_at
            self._due_at = now + self._interval if last is None else max(now, last + self._interval)

    def next_timeout(self) -> float | None:
        """Return when feedback is due; None if there is nothing to tell."""
        return self._due_at

    def feedback(self, now: float, *, ntp_timestamp: int) -> list[CongestionControlFeedback]:
        """Return feedback of all that arrived since the last time; empty if nothing did. Call it when `next_timeout` has come.

        Args:
            now: Seconds.
            ntp_timestamp: The same instant as a 64-bit NTP timestamp, as sender reports would have it.
        """
        if self._due_at is None:
            return []
        self._due_at = None
        self._last_feedback_at = now
        report_timestamp = ntp_middle(ntp_timestamp)
        blocks: list[StreamMetrics] = []
        # [rfc8888:3.1/6] A block for every stream that is active.
        for ssrc, stream in sorted(self._streams.items()):
            if stream.has_news:
                begin, metrics = stream.metrics(now)
                blocks += [
                    StreamMetrics(ssrc, begin + at & 0xFFFF, metrics[at : at + MAX_METRICS_PER_FEEDBACK])
                    for at in range(0, len(metrics), MAX_METRICS_PER_FEEDBACK)
                ]
        return [
            CongestionControlFeedback(self.sender_ssrc, chosen, report_timestamp) for chosen in _fit_datagrams(blocks)
        ]


def _fit_datagrams(blocks: list[StreamMetrics]) -> list[list[StreamMetrics]]:
    """Distribute blocks over feedbacks that fit a datagram."""
    # [rfc8888:3.1/8]
    groups: list[list[StreamMetrics]] = []
    room = 0
    for block in blocks:
        cost = len(block.metrics) + 4  # the head of a block takes as much as four metrics
        if cost > room:
            groups.append([])
            room = MAX_METRICS_PER_FEEDBACK + 4
        groups[-1].append(block)
        room -= cost
    return groups


def arrival_offset(age: float) -> int:
    """Return the arrival time offset of a packet that came so many seconds before the report's time."""
    # [rfc8888:3.1/5]
    if age < 0:
        return UNAVAILABLE
    units = int(age * OFFSETS_PER_SECOND)
    # [rfc8888:3.1/4]
    return OVER_RANGE if units > MAX_ARRIVAL_OFFSET else units
