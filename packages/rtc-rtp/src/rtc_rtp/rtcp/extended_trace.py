"""Blocks that tell of packets one by one: losses, duplicates, times (:rfc:`3611#section-4.1` to 4.3)."""

from dataclasses import field
from struct import Struct
from typing import ClassVar, Final, Self

from rtc_rtp.dataclass import dataclass
from rtc_rtp.errors import ParseError
from rtc_rtp.rtcp.extended_block import ExtendedBlock
from rtc_rtp.rtcp.packet import pack

MAX_RANGE: Final = 65_533
"""Sequence numbers that a trace may span, before thinning."""
MAX_THINNING: Final = 15

_SPAN: Final = Struct("!IHH")
_CHUNK: Final = Struct("!H")
_TIME: Final = Struct("!I")
_VECTOR: Final = 0x8000
_RUN_OF_ONES: Final = 0x4000
_MAX_RUN: Final = 0x3FFF
_VECTOR_BITS: Final = 15


@dataclass(slots=True)
class PacketTrace(ExtendedBlock):
    """A block about the packets from one sequence number up to another.

    ::

        0 0 0 0 | T, 4 bits (in the header)
        SSRC of the source
        begin_seq | end_seq
    """

    ssrc: int
    """The source."""
    begin_sequence_number: int
    """The first that the block is about, 16 bits."""
    end_sequence_number: int
    """The one after the last, 16 bits."""
    thinning: int = 0
    """Of the packets in between, only those are told of whose number is a multiple of 2 to this power: 0 to 15."""

    @property
    def sequence_numbers(self) -> list[int]:
        """Those that the block tells of, in order."""
        step = 1 << self.thinning
        begin = self.begin_sequence_number
        end = begin + self._span
        return [number & 0xFFFF for number in range(begin + -begin % step, end, step)]

    @property
    def _count(self) -> int:
        step = 1 << self.thinning
        begin = self.begin_sequence_number
        return len(range(begin + -begin % step, begin + self._span, step))

    @property
    def _span(self) -> int:
        return (self.end_sequence_number - self.begin_sequence_number) & 0xFFFF

    def _head(self) -> bytes:
        if not 0 <= self.thinning <= MAX_THINNING:
            raise ValueError(f"a thinning is 0 to {MAX_THINNING}, not {self.thinning}")
        # [rfc3611:4.1/1]
        if self._span > MAX_RANGE:
            raise ValueError(f"a trace spans at most {MAX_RANGE} packets, not {self._span}")
        return pack(_SPAN, self.ssrc, self.begin_sequence_number, self.end_sequence_number)


@dataclass(slots=True)
class LossTrace(PacketTrace):
    """Which packets were received (Loss RLE).

    ::

        0 | R | run length, 14 bits        1 | 15 packets, one bit each        0: nothing, at the end

    See :rfc:`3611#section-4.1`.
    """

    BLOCK_TYPE: ClassVar[int] = 1

    flags: list[bool] = field(default_factory=list)
    """True for each packet of `sequence_numbers` that was received."""

    @classmethod
    def from_content(cls, specific: int, content: bytes, /) -> Self:
        """Parse the trace; `ParseError` if its chunks do not reach its end."""
        # [rfc3611:4.1/6] [rfc3611:4.2/1]
        block = cls(*_parse_span(content), specific & MAX_THINNING)
        block.flags = _parse_chunks(content, block._count)
        return block

    def _content(self) -> tuple[int, bytes]:
        head = self._head()
        if len(self.flags) != self._count:
            raise ValueError(f"{len(self.flags)} flags for {self._count} packets")
        return self.thinning, head + _serialize_chunks(self.flags)


@dataclass(slots=True)
class DuplicateTrace(LossTrace):
    """Which packets came more than once (Duplicate RLE): the same as `LossTrace`, but a flag is False where there were copies.

    See :rfc:`3611#section-4.2`.
    """

    BLOCK_TYPE: ClassVar[int] = 2


@dataclass(slots=True)
class ReceiptTimes(PacketTrace):
    """When packets were received, which all were.

    See :rfc:`3611#section-4.3`.
    """

    BLOCK_TYPE: ClassVar[int] = 3

    times: list[int] = field(default_factory=list)
    """Of each packet of `sequence_numbers`, in units of the source's RTP timestamps, 32 bits."""

    @classmethod
    def from_content(cls, specific: int, content: bytes, /) -> Self:
        """Parse the times; `ParseError` if there is not one for each packet."""
        # [rfc3611:4.3/3]
        block = cls(*_parse_span(content), specific & MAX_THINNING)
        times = range(_SPAN.size, len(content), _TIME.size)
        if len(times) != block._count:
            raise ParseError(f"{len(times)} times for {block._count} packets")
        block.times = [_TIME.unpack_from(content, at)[0] for at in times]
        return block

    def _content(self) -> tuple[int, bytes]:
        head = self._head()
        if len(self.times) != self._count:
            raise ValueError(f"{len(self.times)} times for {self._count} packets")
        return self.thinning, head + b"".join([pack(_TIME, time) for time in self.times])


def _parse_span(content: bytes) -> tuple[int, int, int]:
    if len(content) < _SPAN.size:
        raise ParseError(f"a trace has at least {_SPAN.size} bytes, not {len(content)}")
    ssrc, begin, end = _SPAN.unpack_from(content)
    if (end - begin) & 0xFFFF > MAX_RANGE:
        raise ParseError(f"a trace spans at most {MAX_RANGE} packets")
    return ssrc, begin, end


def _parse_chunks(content: bytes, count: int) -> list[bool]:
    flags: list[bool] = []
    for at in range(_SPAN.size, len(content), _CHUNK.size):
        (chunk,) = _CHUNK.unpack_from(content, at)
        if chunk & _VECTOR:
            flags += [bool(chunk >> shift & 1) for shift in range(_VECTOR_BITS - 1, -1, -1)]
        else:
            flags += [bool(chunk & _RUN_OF_ONES)] * min(chunk & _MAX_RUN, count - len(flags))
        if len(flags) >= count:
            break
    if len(flags) < count:
        raise ParseError(f"chunks tell of {len(flags)} packets of {count}")
    # [rfc3611:4.1/3] What lies behind the end is not looked at.
    return flags[:count]


def _serialize_chunks(flags: list[bool]) -> bytes:
    chunks: list[int] = []
    at = 0
    while at < len(flags):
        stop = at + 1  # [rfc3611:4.1.1/1]
        while stop < len(flags) and stop - at < _MAX_RUN and flags[stop] == flags[at]:
            stop += 1
        if stop - at >= _VECTOR_BITS or stop == len(flags):
            chunks.append((_RUN_OF_ONES if flags[at] else 0) | (stop - at))
            at = stop
        else:
            bits = flags[at : at + _VECTOR_BITS]
            # [rfc3611:4.1/2] Zeros behind the end.
            chunks.append(_VECTOR | sum([1 << _VECTOR_BITS - 1 - index for index, bit in enumerate(bits) if bit]))
            at += _VECTOR_BITS
    # [rfc3611:4.1/4] [rfc3611:4.1/5]
    if len(chunks) & 1:
        chunks.append(0)
    return Struct(f"!{len(chunks)}H").pack(*chunks)
