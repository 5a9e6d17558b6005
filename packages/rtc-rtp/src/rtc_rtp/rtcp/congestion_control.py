"""Congestion control feedback: which packets of which stream arrived when, and how marked (:rfc:`8888#section-3.1`)."""

from dataclasses import field
from struct import Struct
from typing import ClassVar, Final, Self

from rtc_rtp.dataclass import dataclass
from rtc_rtp.errors import ParseError
from rtc_rtp.rtcp.feedback import TRANSPORT_FEEDBACK
from rtc_rtp.rtcp.packet import RtcpPacket, pack

OFFSETS_PER_SECOND: Final = 1024
MAX_ARRIVAL_OFFSET: Final = 0x1FFD
OVER_RANGE: Final = 0x1FFE
"""Arrived longer ago than `MAX_ARRIVAL_OFFSET`."""
UNAVAILABLE: Final = 0x1FFF
"""Arrived after the report's time, or at a time that is not known."""
MAX_METRIC_COUNT: Final = 16384

_SSRC: Final = Struct("!I")
_STREAM: Final = Struct("!IHH")
_METRIC: Final = Struct("!H")
_RECEIVED: Final = 0x8000


@dataclass(slots=True)
class PacketMetric:
    """How one packet arrived.

    ::

        R | ECN, 2 bits | arrival time offset, 13 bits
    """

    arrival_offset: int
    """How long before the report's time, in units of 1/1024 second; `OVER_RANGE`, `UNAVAILABLE`."""
    ecn: int = 0
    """The mark of the IP header, 2 bits."""


@dataclass(slots=True)
class StreamMetrics:
    """How the packets of one stream arrived.

    ::

        SSRC
        begin_seq | num_reports
        metrics, 16 bits each ... | 0, up to a multiple of four bytes
    """

    ssrc: int
    begin_sequence_number: int
    """Of the first packet, 16 bits."""
    metrics: list[PacketMetric | None] = field(default_factory=list)
    """One for each packet from there, up to 16,384; None for one that did not arrive."""


@dataclass(slots=True)
class CongestionControlFeedback(RtcpPacket):
    """Which packets arrived when.

    See :rfc:`8888#section-3.1`.
    """

    PACKET_TYPE: ClassVar[int] = TRANSPORT_FEEDBACK
    FORMAT: ClassVar[int] = 11

    sender_ssrc: int
    """Who sends the feedback."""
    streams: list[StreamMetrics]
    report_timestamp: int
    """The time from which arrivals are counted back: the middle 32 bits of an NTP timestamp."""

    @classmethod
    def _parse_body(cls, count: int, body: bytes) -> Self:
        if count != cls.FORMAT:
            raise ParseError(f"format {count} of feedback is not {cls.FORMAT}")
        end = len(body) - _SSRC.size
        if end < _SSRC.size or len(body) & 3:
            raise ParseError(f"congestion control feedback of {len(body)} bytes")
        streams = []
        at = _SSRC.size
        while at < end:
            stream, at = _parse_stream(body, at, end)
            streams.append(stream)
        return cls(_SSRC.unpack_from(body)[0], streams, _SSRC.unpack_from(body, end)[0])

    def _body(self) -> tuple[int, bytes]:
        blocks = b"".join([_serialize_stream(stream) for stream in self.streams])
        return self.FORMAT, pack(_SSRC, self.sender_ssrc) + blocks + pack(_SSRC, self.report_timestamp)


def _parse_stream(body: bytes, at: int, end: int) -> tuple[StreamMetrics, int]:
    """Return the report of the stream at an offset, and where the next one starts."""
    if at + _STREAM.size > end:
        raise ParseError("congestion control feedback ends before a stream")
    ssrc, begin, count = _STREAM.unpack_from(body, at)
    at += _STREAM.size
    if count > MAX_METRIC_COUNT or at + 2 * count > end:
        raise ParseError(f"{count} metrics do not fit {end - at} bytes")
    metrics: list[PacketMetric | None] = []
    for offset in range(at, at + 2 * count, 2):
        (word,) = _METRIC.unpack_from(body, offset)
        # [rfc8888:3.1/3] What stands beside a cleared R is not looked at.
        metrics.append(PacketMetric(word & UNAVAILABLE, word >> 13 & 3) if word & _RECEIVED else None)
    return StreamMetrics(ssrc, begin, metrics), at + 2 * (count + (count & 1))


def _serialize_stream(stream: StreamMetrics) -> bytes:
    count = len(stream.metrics)
    # [rfc8888:3.1/2]
    if count > MAX_METRIC_COUNT:
        raise ValueError(f"feedback is about at most {MAX_METRIC_COUNT} packets of a stream, not {count}")
    words = []
    for metric in stream.metrics:
        if metric is None:
            words.append(0)
        elif 0 <= metric.ecn <= 3 and 0 <= metric.arrival_offset <= UNAVAILABLE:
            words.append(_RECEIVED | metric.ecn << 13 | metric.arrival_offset)
        else:
            raise ValueError(f"{metric} does not fit 2 and 13 bits")
    # [rfc8888:3.1/1]
    padding = bytes(2 * (count & 1))
    return pack(_STREAM, stream.ssrc, stream.begin_sequence_number, count) + Struct(f"!{count}H").pack(*words) + padding
