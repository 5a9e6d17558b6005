"""Sender and receiver reports (:rfc:`3550#section-6.4`)."""

from collections.abc import Iterable
from dataclasses import field
from struct import Struct
from typing import ClassVar, Final, Self

from rtc_rtp.dataclass import dataclass
from rtc_rtp.errors import ParseError
from rtc_rtp.rtcp.packet import RtcpPacket, pack

SENDER_REPORT: Final = 200
RECEIVER_REPORT: Final = 201

_BLOCK: Final = Struct("!IIIIII")
_SENDER_INFO: Final = Struct("!IQIII")
_SSRC: Final = Struct("!I")
_MIN_PACKETS_LOST: Final = -(1 << 23)
_MAX_PACKETS_LOST: Final = (1 << 23) - 1


@dataclass(slots=True)
class ReportBlock:
    """What a receiver has to say about one source.

    ::

                          SSRC of the source
        ------------------------------------------------------
        fraction lost |   packets lost, signed, 24 bits
        ------------------------------------------------------
                extended highest sequence number
                     interarrival jitter
                          last SR
                   delay since last SR

    See :rfc:`3550#section-6.4.1`.
    """

    ssrc: int
    """The source that the block is about."""
    fraction_lost: int = 0
    """Packets lost since the report before, of 256 that were expected: 0 to 255."""
    packets_lost: int = 0
    """Since the beginning; negative if there were duplicates, and clamped to 24 bits with sign."""
    highest_sequence_number: int = 0
    """Received so far; the upper 16 bits count the wraps."""
    jitter: int = 0
    """Of the interarrival time, in ticks of the RTP clock."""
    last_sr: int = 0
    """The middle 32 bits of the last sender report's NTP timestamp; 0 if there was none."""
    delay_since_last_sr: int = 0
    """From the arrival of that report to this one's departure, in units of 1/65,536 second."""

    @classmethod
    def parse(cls, data: bytes, at: int = 0) -> Self:
        """Parse the 24 bytes at an offset; the caller knows that they are there."""
        ssrc, lost, highest, jitter, last_sr, delay = _BLOCK.unpack_from(data, at)
        packets_lost = (lost & 0xFF_FFFF ^ 0x80_0000) - 0x80_0000
        return cls(ssrc, lost >> 24, packets_lost, highest, jitter, last_sr, delay)

    def serialize(self) -> bytes:
        """Return the 24 bytes.

        Raises:
            ValueError: A field is out of its range.
        """
        if not 0 <= self.fraction_lost <= 0xFF:
            raise ValueError(f"a fraction lost has 8 bits, not {self.fraction_lost}")
        lost = min(max(self.packets_lost, _MIN_PACKETS_LOST), _MAX_PACKETS_LOST) & 0xFF_FFFF
        return pack(
            _BLOCK,
            self.ssrc,
            self.fraction_lost << 24 | lost,
            self.highest_sequence_number,
            self.jitter,
            self.last_sr,
            self.delay_since_last_sr,
        )


@dataclass(slots=True)
class SenderReport(RtcpPacket):
    """A report of somebody who sends.

    ::

             SSRC of the sender
        -------------------------------
           NTP timestamp, 64 bits
              RTP timestamp
           sender's packet count
           sender's octet count
        -------------------------------
           report blocks, extension

    See :rfc:`3550#section-6.4.1`.
    """

    PACKET_TYPE: ClassVar[int] = SENDER_REPORT

    ssrc: int
    """Of the sender."""
    ntp_timestamp: int
    """When the report was sent: 64 bits, see `ntp_timestamp`. 0 if the sender has no clock."""
    rtp_timestamp: int
    """The same instant on the clock of the stream, 32 bits."""
    packet_count: int
    """Packets sent, modulo 2**32."""
    octet_count: int
    """Bytes of payload in them, modulo 2**32."""
    blocks: list[ReportBlock] = field(default_factory=list)
    """Up to 31."""
    extension: bytes = b""
    """Of a profile; a multiple of four bytes."""

    @classmethod
    def _parse_body(cls, count: int, body: bytes) -> Self:
        if len(body) < _SENDER_INFO.size:
            raise ParseError(f"a sender report has at least {_SENDER_INFO.size} bytes, not {len(body)}")
        ssrc, ntp, rtp, packets, octets = _SENDER_INFO.unpack_from(body)
        blocks, extension = _parse_blocks(count, body, _SENDER_INFO.size)
        return cls(ssrc, ntp, rtp, packets, octets, blocks, extension)

    def _body(self) -> tuple[int, bytes]:
        info = pack(
            _SENDER_INFO, self.ssrc, self.ntp_timestamp, self.rtp_timestamp, self.packet_count, self.octet_count
        )
        return len(self.blocks), info + _serialize_blocks(self.blocks, self.extension)


@dataclass(slots=True)
class ReceiverReport(RtcpPacket):
    """A report of somebody who only receives; empty, it opens a compound packet of somebody who has nothing to report.

    See :rfc:`3550#section-6.4.2`.
    """

    PACKET_TYPE: ClassVar[int] = RECEIVER_REPORT

    ssrc: int
    """Of the one who reports."""
    blocks: list[ReportBlock] = field(default_factory=list)
    """Up to 31."""
    extension: bytes = b""
    """Of a profile; a multiple of four bytes."""

    @classmethod
    def _parse_body(cls, count: int, body: bytes) -> Self:
        if len(body) < _SSRC.size:
            raise ParseError("a receiver report without an SSRC")
        blocks, extension = _parse_blocks(count, body, _SSRC.size)
        return cls(_SSRC.unpack_from(body)[0], blocks, extension)

    def _body(self) -> tuple[int, bytes]:
        return len(self.blocks), pack(_SSRC, self.ssrc) + _serialize_blocks(self.blocks, self.extension)


def _parse_blocks(count: int, body: bytes, at: int) -> tuple[list[ReportBlock], bytes]:
    end = at + count * _BLOCK.size
    if end > len(body):
        raise ParseError(f"{count} report blocks do not fit {len(body) - at} bytes")
    return [ReportBlock.parse(body, offset) for offset in range(at, end, _BLOCK.size)], body[end:]


def _serialize_blocks(blocks: Iterable[ReportBlock], extension: bytes) -> bytes:
    if len(extension) & 3:
        raise ValueError(f"the extension of a report is a multiple of 4 bytes, not {len(extension)}")
    return b"".join([block.serialize() for block in blocks]) + extension
