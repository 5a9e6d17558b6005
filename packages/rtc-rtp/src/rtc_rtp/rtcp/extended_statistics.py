"""Blocks that sum up: statistics of a stream and of a call (:rfc:`3611#section-4.6`, :rfc:`3611#section-4.7`)."""

from struct import Struct
from typing import ClassVar, Final, Self

from rtc_rtp.dataclass import dataclass
from rtc_rtp.errors import ParseError
from rtc_rtp.rtcp.extended_block import ExtendedBlock
from rtc_rtp.rtcp.packet import pack

IPV4_TTL: Final = 1
IPV6_HOP_LIMIT: Final = 2
UNAVAILABLE: Final = 127
"""Of levels, factors and scores: not known."""

_SUMMARY: Final = Struct("!IHHIIIIIIBBBB")
_LOSS_FLAG: Final = 0x80
_DUPLICATE_FLAG: Final = 0x40
_JITTER_FLAG: Final = 0x20
# [rfc3611:4.7/3] [rfc3611:4.7.6/3]
_VOIP: Final = Struct("!IBBBBHHHHbbBBBBBBBxHHH")


@dataclass(slots=True)
class Spread:
    """Least, greatest, mean and standard deviation of something."""

    minimum: int
    maximum: int
    mean: int
    deviation: int


@dataclass(slots=True)
class StatisticsSummary(ExtendedBlock):
    """What became of the packets from one sequence number up to another, in sums.

    ::

        L D J ToH, 2 bits, 0 0 0 (in the header)
        SSRC of the source
        begin_seq | end_seq
        lost | duplicates | jitter: min, max, mean, dev, 32 bits each | TTL or hop limit: the same, 8 bits each

    See :rfc:`3611#section-4.6`.
    """

    BLOCK_TYPE: ClassVar[int] = 6

    ssrc: int
    begin_sequence_number: int
    """The first that the block is about, 16 bits."""
    end_sequence_number: int
    """The one after the last, 16 bits."""
    packets_lost: int | None = None
    """None, here and below: not reported."""
    duplicate_packets: int | None = None
    jitter: Spread | None = None
    """Of the relative transit time, in units of the RTP timestamp."""
    hops: Spread | None = None
    """Of TTL or hop limit."""
    hops_kind: int = IPV4_TTL
    """`IPV4_TTL` or `IPV6_HOP_LIMIT`."""

    @classmethod
    def from_content(cls, specific: int, content: bytes, /) -> Self:
        """Parse the sums; `ParseError` if what is not reported is not zero."""
        if len(content) != _SUMMARY.size:
            raise ParseError(f"a summary has {_SUMMARY.size} bytes, not {len(content)}")
        ssrc, begin, end, lost, duplicates, *spreads = _SUMMARY.unpack(content)
        jitter, hops = Spread(*spreads[:4]), Spread(*spreads[4:])
        hops_kind = specific >> 3 & 3
        nothing = Spread(0, 0, 0, 0)
        # [rfc3611:4.6/2] [rfc3611:4.6/3]
        contradictory = (
            (lost and not specific & _LOSS_FLAG)
            or (duplicates and not specific & _DUPLICATE_FLAG)
            or (jitter != nothing and not specific & _JITTER_FLAG)
            or (hops != nothing and not hops_kind)
            or hops_kind > IPV6_HOP_LIMIT
        )
        if contradictory:
            raise ParseError("a summary has values that it says it does not report")
        return cls(
            ssrc,
            begin,
            end,
            lost if specific & _LOSS_FLAG else None,
            duplicates if specific & _DUPLICATE_FLAG else None,
            jitter if specific & _JITTER_FLAG else None,
            hops if hops_kind else None,
            hops_kind or IPV4_TTL,
        )

    def _content(self) -> tuple[int, bytes]:
        if self.hops_kind not in {IPV4_TTL, IPV6_HOP_LIMIT}:
            raise ValueError(f"hops are told as TTL or hop limit, not as {self.hops_kind}")
        # [rfc3611:4.6/4]
        specific = (
            (_LOSS_FLAG if self.packets_lost is not None else 0)
            | (_DUPLICATE_FLAG if self.duplicate_packets is not None else 0)
            | (_JITTER_FLAG if self.jitter is not None else 0)
            | (self.hops_kind << 3 if self.hops is not None else 0)
        )
        # [rfc3611:4.6/1]
        jitter, hops = self.jitter or Spread(0, 0, 0, 0), self.hops or Spread(0, 0, 0, 0)
        content = pack(
            _SUMMARY,
            self.ssrc,
            self.begin_sequence_number,
            self.end_sequence_number,
            self.packets_lost or 0,
            self.duplicate_packets or 0,
            jitter.minimum,
            jitter.maximum,
            jitter.mean,
            jitter.deviation,
            hops.minimum,
            hops.maximum,
            hops.mean,
            hops.deviation,
        )
        return specific, content


@dataclass(slots=True)
class VoipMetrics(ExtendedBlock):
    """How a call sounds: losses in bursts and gaps, delays, levels, scores, jitter buffer.

    See :rfc:`3611#section-4.7`.
    """

    BLOCK_TYPE: ClassVar[int] = 7

    ssrc: int
    loss_rate: int = 0
    """Of 256, as all rates and densities here."""
    discard_rate: int = 0
    burst_density: int = 0
    gap_density: int = 0
    burst_duration_ms: int = 0
    gap_duration_ms: int = 0
    round_trip_delay_ms: int = 0
    # [rfc3611:4.7.3/3]
    end_system_delay_ms: int = 0
    # [rfc3611:4.7/2]
    signal_level: int = UNAVAILABLE
    """dBm0, with sign; `UNAVAILABLE`."""
    noise_level: int = UNAVAILABLE
    """dBm0, with sign; `UNAVAILABLE`."""
    residual_echo_return_loss: int = UNAVAILABLE
    """dB; `UNAVAILABLE`."""
    # [rfc3611:4.7.2/1]
    gmin: int = 16
    """Packets that must be received in a row for a burst to end."""
    r_factor: int = UNAVAILABLE
    """0 to 100; `UNAVAILABLE`."""
    external_r_factor: int = UNAVAILABLE
    mos_listening_quality: int = UNAVAILABLE
    """Ten times the score: 10 to 50; `UNAVAILABLE`."""
    mos_conversational_quality: int = UNAVAILABLE
    receiver_configuration: int = 0
    """Loss concealment, adaptivity and rate of the jitter buffer: 2, 2 and 4 bits."""
    jitter_buffer_nominal_ms: int = 0
    jitter_buffer_maximum_ms: int = 0
    jitter_buffer_absolute_maximum_ms: int = 0

    @classmethod
    def from_content(cls, _specific: int, content: bytes, /) -> Self:
        """Parse the metrics; `ParseError` if they are too many or too few."""
        if len(content) != _VOIP.size:
            raise ParseError(f"the metrics of a call have {_VOIP.size} bytes, not {len(content)}")
        return cls(*_VOIP.unpack(content))

    def _content(self) -> tuple[int, bytes]:
        # [rfc3611:4.7/1]
        return 0, pack(
            _VOIP,
            self.ssrc,
            self.loss_rate,
            self.discard_rate,
            self.burst_density,
            self.gap_density,
            self.burst_duration_ms,
            self.gap_duration_ms,
            self.round_trip_delay_ms,
            self.end_system_delay_ms,
            self.signal_level,
            self.noise_level,
            self.residual_echo_return_loss,
            self.gmin,
            self.r_factor,
            self.external_r_factor,
            self.mos_listening_quality,
            self.mos_conversational_quality,
            self.receiver_configuration,
            self.jitter_buffer_nominal_ms,
            self.jitter_buffer_maximum_ms,
            self.jitter_buffer_absolute_maximum_ms,
        )
