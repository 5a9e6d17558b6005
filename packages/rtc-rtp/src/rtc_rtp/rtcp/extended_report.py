"""Extended reports (:rfc:`3611#section-2`), and the blocks by which receivers learn their round-trip time."""

from collections.abc import Mapping
from dataclasses import field
from struct import Struct
from types import MappingProxyType
from typing import ClassVar, Final, Self

from rtc_rtp.dataclass import dataclass
from rtc_rtp.errors import ParseError
from rtc_rtp.rtcp.extended_block import BLOCK_HEADER, ExtendedBlock, UnknownBlock
from rtc_rtp.rtcp.extended_statistics import StatisticsSummary, VoipMetrics
from rtc_rtp.rtcp.extended_trace import DuplicateTrace, LossTrace, ReceiptTimes
from rtc_rtp.rtcp.packet import RtcpPacket, pack

EXTENDED_REPORT: Final = 207

_SSRC: Final = Struct("!I")
_NTP: Final = Struct("!Q")
_DELAY: Final = Struct("!III")
DELAY_SIZE: Final = _DELAY.size
"""Bytes that one receiver takes in a `DelaySinceReceiverReport`."""


@dataclass(slots=True)
class ReceiverReferenceTime(ExtendedBlock):
    """When the report was sent, so that others can answer with `DelaySinceReceiverReport` (RRTR).

    See :rfc:`3611#section-4.4`.
    """

    BLOCK_TYPE: ClassVar[int] = 4

    ntp_timestamp: int
    """64 bits, see `ntp_timestamp`."""

    @classmethod
    def from_content(cls, _specific: int, content: bytes, /) -> Self:
        """Parse the time; `ParseError` if it has not 64 bits."""
        if len(content) != _NTP.size:
            raise ParseError(f"a reference time has {_NTP.size} bytes, not {len(content)}")
        return cls(_NTP.unpack(content)[0])

    def _content(self) -> tuple[int, bytes]:
        # [rfc3611:4.4/1]
        return 0, pack(_NTP, self.ntp_timestamp)


@dataclass(slots=True)
class ReceiverDelay:
    """What one receiver needs to compute its round-trip time.

    ::

        SSRC of the receiver
        last RR
        delay since last RR
    """

    ssrc: int
    """The receiver whose `ReceiverReferenceTime` it was."""
    last_rr: int
    """The middle 32 bits of its NTP timestamp; 0 if there was none."""
    delay_since_last_rr: int
    """From its arrival to this report's departure, in units of 1/65,536 second."""


@dataclass(slots=True)
class DelaySinceReceiverReport(ExtendedBlock):
    """Answers to the reference times of receivers (DLRR).

    See :rfc:`3611#section-4.5`.
    """

    BLOCK_TYPE: ClassVar[int] = 5

    receivers: list[ReceiverDelay] = field(default_factory=list)

    @classmethod
    def from_content(cls, _specific: int, content: bytes, /) -> Self:
        """Parse the answers; `ParseError` if the last one is cut."""
        if len(content) % _DELAY.size:
            raise ParseError(f"{len(content)} bytes are not a number of delays")
        offsets = range(0, len(content), _DELAY.size)
        return cls([ReceiverDelay(*_DELAY.unpack_from(content, at)) for at in offsets])

    def _content(self) -> tuple[int, bytes]:
        blocks = [pack(_DELAY, each.ssrc, each.last_rr, each.delay_since_last_rr) for each in self.receivers]
        # [rfc3611:4.5/1]
        return 0, b"".join(blocks)


BLOCK_TYPES: Final[Mapping[int, type[ExtendedBlock]]] = MappingProxyType(
    {
        kind.BLOCK_TYPE: kind
        for kind in (
            LossTrace,
            DuplicateTrace,
            ReceiptTimes,
            ReceiverReferenceTime,
            DelaySinceReceiverReport,
            StatisticsSummary,
            VoipMetrics,
        )
    }
)
"""Blocks by type."""


@dataclass(slots=True)
class ExtendedReport(RtcpPacket):
    """Blocks of any kind and number.

    See :rfc:`3611#section-2`.
    """

    PACKET_TYPE: ClassVar[int] = EXTENDED_REPORT

    ssrc: int
    """Who reports."""
    blocks: list[ExtendedBlock] = field(default_factory=list)
    """Those of types that we do not know, or that contradict themselves, are `UnknownBlock`."""

    @classmethod
    def _parse_body(cls, _count: int, body: bytes, /) -> Self:
        if len(body) < _SSRC.size:
            raise ParseError("an extended report without an SSRC")
        report = cls(_SSRC.unpack_from(body)[0])
        at = _SSRC.size
        while at < len(body):
            if at + BLOCK_HEADER.size > len(body):
                raise ParseError("an extended report ends in the header of a block")
            block_type, specific, words = BLOCK_HEADER.unpack_from(body, at)
            at += BLOCK_HEADER.size
            content = body[at : at + 4 * words]
            if len(content) != 4 * words:
                raise ParseError(f"a block of {4 * words} bytes does not fit {len(content)}")
            at += 4 * words
            report.blocks.append(_parse_block(block_type, specific, content))
        return report

    def _body(self) -> tuple[int, bytes]:
        # [rfc3611:2/1]
        return 0, pack(_SSRC, self.ssrc) + b"".join([block.serialize() for block in self.blocks])


def _parse_block(block_type: int, specific: int, content: bytes) -> ExtendedBlock:
    kind = BLOCK_TYPES.get(block_type)
    if kind is not None:
        try:
            return kind.from_content(specific, content)
        except ParseError:
            # A block knows its length: what is wrong with it need not cost the others.
            pass
    # [rfc3611:3/1] A type that is not known is skipped over.
    return UnknownBlock(block_type, specific, content)
