"""Transport-wide feedback: which packets arrived when (draft-holmer-rmcat-transport-wide-cc-extensions-01)."""

import struct
from collections.abc import Iterator
from dataclasses import field
from struct import Struct
from typing import ClassVar, Final, Self

from rtc_rtp.dataclass import dataclass
from rtc_rtp.errors import ParseError
from rtc_rtp.rtcp.feedback import TRANSPORT_FEEDBACK, Feedback
from rtc_rtp.rtcp.packet import pack

TICKS_PER_SECOND: Final = 4000
"""Arrival times are in units of 250 microseconds."""
REFERENCE_TICKS: Final = 256
"""The reference time is in units of 64 milliseconds."""
MAX_SMALL_DELTA: Final = 0xFF
MIN_LARGE_DELTA: Final = -0x8000
MAX_LARGE_DELTA: Final = 0x7FFF
MAX_STATUS_COUNT: Final = 0xFFFF

_SMALL_DELTAS: Final = frozenset(range(MAX_SMALL_DELTA + 1))
_FIXED: Final = Struct("!HHI")
_CHUNK: Final = Struct("!H")
_LARGE_DELTA: Final = Struct("!h")
_VECTOR: Final = 0x8000
_TWO_BITS: Final = 0x4000
_MAX_RUN: Final = 0x1FFF

_NOT_RECEIVED: Final = 0
_SMALL_DELTA: Final = 1
_LARGE_DELTA_STATUS: Final = 2


@dataclass(slots=True)
class TransportFeedback(Feedback):
    """Which packets of a transport arrived, and when, each by its distance to the one before.

    ::

        base sequence number        | packet status count
        reference time, 24 bits     | feedback packet count, 8 bits
        packet chunks, 16 bits each ...
        receive deltas, 8 or 16 bits each ...

    A chunk is a run, ``0 SS length``, or a vector of 14 statuses of one bit, ``10...``, or of 7 of two bits, ``11...``.

    See draft-holmer-rmcat-transport-wide-cc-extensions-01, section 3.1.
    """

    PACKET_TYPE: ClassVar[int] = TRANSPORT_FEEDBACK
    FORMAT: ClassVar[int] = 15
    PADDED_BY_BYTES: ClassVar[bool] = True

    base_sequence_number: int
    """Transport-wide number of the first packet, 16 bits."""
    reference_time: int
    """Where the deltas start, in units of 64 ms of the receiver's clock: signed, 24 bits."""
    feedback_packet_count: int
    """Number of this feedback, 8 bits: gaps tell what was lost."""
    deltas: list[int | None] = field(default_factory=list)
    """One for each packet from the base: arrival after the one received before it (the first: after the reference time)
    in units of 250 µs, -32,768 to 32,767; None for a packet that did not arrive."""

    def arrivals(self) -> Iterator[tuple[int, int | None]]:
        """Yield sequence number, 16 bits, and arrival, in units of 250 µs of the receiver's clock, of each packet."""
        number = self.base_sequence_number
        ticks = self.reference_time * REFERENCE_TICKS
        for delta in self.deltas:
            if delta is None:
                yield number, None
            else:
                ticks += delta
                yield number, ticks
            number = (number + 1) & 0xFFFF

    @classmethod
    def _parse_fci(cls, sender_ssrc: int, media_ssrc: int, fci: bytes) -> Self:
        if len(fci) < _FIXED.size:
            raise ParseError(f"transport-wide feedback has at least {_FIXED.size} bytes, not {len(fci)}")
        base, count, word = _FIXED.unpack_from(fci)
        if not count:
            raise ParseError("transport-wide feedback about no packet")
        deltas: list[int | None] = []
        at = _FIXED.size + _CHUNK.size
        first_chunk = int.from_bytes(fci[_FIXED.size : at])
        if count <= _MAX_RUN and first_chunk == _SMALL_DELTA << 13 | count and at + count <= len(fci):
            # What nearly all feedback says, as in `_fci`.
            deltas += fci[at : at + count]
        else:
            chunks, at = _split_chunks(fci, count)
            for chunk, length in chunks:
                take = _take_vector if chunk & _VECTOR else _take_run
                at = take(fci, at, chunk, length, deltas)
        reference_time = (word >> 8 ^ 0x80_0000) - 0x80_0000
        return cls(sender_ssrc, media_ssrc, base, reference_time, word & 0xFF, deltas)

    def _fci(self) -> bytes:
        if not 0 < len(self.deltas) <= MAX_STATUS_COUNT:
            raise ValueError(f"feedback is about 1 to {MAX_STATUS_COUNT} packets, not {len(self.deltas)}")
        if not 0 <= self.feedback_packet_count <= 0xFF:
            raise ValueError(f"a feedback packet count has 8 bits, not {self.feedback_packet_count}")
        if not -0x80_0000 <= self.reference_time <= 0x7F_FFFF:
            raise ValueError(f"a reference time has 24 bits with sign, not {self.reference_time}")
        count = len(self.deltas)
        word = (self.reference_time & 0xFF_FFFF) << 8 | self.feedback_packet_count
        fixed = pack(_FIXED, self.base_sequence_number, count, word)
        if count <= _MAX_RUN and _SMALL_DELTAS.issuperset(self.deltas):
            # What nearly all feedback says: every packet came, soon after the one before. That is one run.
            return fixed + struct.pack(f"!H{count}B", _SMALL_DELTA << 13 | count, *self.deltas)
        statuses = []
        deltas = b""
        for delta in self.deltas:
            if delta is None:
                statuses.append(_NOT_RECEIVED)
            elif 0 <= delta <= MAX_SMALL_DELTA:
                statuses.append(_SMALL_DELTA)
                deltas += bytes((delta,))
            elif MIN_LARGE_DELTA <= delta <= MAX_LARGE_DELTA:
                statuses.append(_LARGE_DELTA_STATUS)
                deltas += _LARGE_DELTA.pack(delta)
            else:
                raise ValueError(f"a delta has 16 bits, not {delta}")
        return fixed + _serialize_statuses(statuses) + deltas


def _split_chunks(fci: bytes, count: int) -> tuple[list[tuple[int, int]], int]:
    """Return each chunk with the number of packets that it speaks of, and where the deltas start."""
    chunks: list[tuple[int, int]] = []
    at = _FIXED.size
    while count > 0:
        if at + _CHUNK.size > len(fci):
            raise ParseError(f"chunks for {count} more packets do not fit {len(fci)} bytes")
        (chunk,) = _CHUNK.unpack_from(fci, at)
        at += _CHUNK.size
        if chunk & _VECTOR:
            length = 7 if chunk & _TWO_BITS else 14
        else:
            length = chunk & _MAX_RUN
            if not length:
                raise ParseError("a run of no packets")
        # The last chunk may speak of more packets than there are.
        chunks.append((chunk, min(length, count)))
        count -= length
    return chunks, at


def _take_run(fci: bytes, at: int, chunk: int, length: int, deltas: list[int | None]) -> int:
    """Append the deltas of packets of one status; return where those of the next chunk start."""
    status = chunk >> 13
    if status == _NOT_RECEIVED:
        deltas += [None] * length
        return at
    if status == _SMALL_DELTA and at + length <= len(fci):
        deltas += fci[at : at + length]
        return at + length
    stop = at + 2 * length
    if status != _LARGE_DELTA_STATUS or stop > len(fci):
        raise ParseError(f"packet status {status} has no delta in {len(fci)} bytes")
    deltas += [_LARGE_DELTA.unpack_from(fci, place)[0] for place in range(at, stop, 2)]
    return stop


def _take_vector(fci: bytes, at: int, chunk: int, length: int, deltas: list[int | None]) -> int:
    """Append the deltas of packets whose statuses differ; return where those of the next chunk start."""
    bits = 2 if chunk & _TWO_BITS else 1
    end = len(fci)
    for shift in range(14 - bits, 14 - bits - bits * length, -bits):
        status = chunk >> shift & ((1 << bits) - 1)
        if status == _SMALL_DELTA and at < end:
            deltas.append(fci[at])
            at += 1
        elif status == _NOT_RECEIVED:
            deltas.append(None)
        elif status == _LARGE_DELTA_STATUS and at + 2 <= end:
            deltas.append(_LARGE_DELTA.unpack_from(fci, at)[0])
            at += 2
        else:
            raise ParseError(f"packet status {status} has no delta in {end} bytes")
    return at


def _serialize_statuses(statuses: list[int]) -> bytes:
    """Return the chunks: a run where it says more than a vector would, else the vector that its statuses fit."""
    chunks = b""
    at = 0
    end = len(statuses)
    while at < end:
        status = statuses[at]
        stop = at + 1
        while stop < end and stop - at < _MAX_RUN and statuses[stop] == status:
            stop += 1
        run = stop - at
        seven, fourteen = statuses[at : at + 7], statuses[at : at + 14]
        small = _LARGE_DELTA_STATUS not in fourteen
        if stop == end or run >= (14 if small else 7):
            chunks += _CHUNK.pack(status << 13 | run)
            at += run
        elif small:
            bits = sum([each << shift for each, shift in zip(fourteen, range(13, -1, -1), strict=False)])
            chunks += _CHUNK.pack(_VECTOR | bits)
            at += 14
        else:
            bits = sum([each << shift for each, shift in zip(seven, range(12, -1, -2), strict=False)])
            chunks += _CHUNK.pack(_VECTOR | _TWO_BITS | bits)
            at += 7
    return chunks
