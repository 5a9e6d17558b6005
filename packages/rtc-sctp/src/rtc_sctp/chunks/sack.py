"""SACK: what of the data has arrived. See :rfc:`9260#section-3.3.4`."""

import struct
from typing import ClassVar, Final, Self

from rtc_sctp.dataclass import dataclass
from rtc_sctp.errors import ParseError

from .chunk import CHUNK_HEADER, KnownChunk, encode_chunk

SACK_LENGTH: Final = 16
"""Bytes of a SACK that reports neither gaps nor duplicates."""
SACK_ENTRY_LENGTH: Final = 4
"""Bytes of one gap block, or of one duplicate TSN."""

_FIELDS: Final = struct.Struct("!LLHH")
_PLAIN: Final = struct.Struct("!BBHLLHH")


@dataclass(slots=True)
class SackChunk(KnownChunk):
    """Acknowledgement of data, and the room that is left for more.

    ::

         0               1               2               3
        +---------------+---------------+-------------------------------+
        |    type 3     |       0       |     length 16 + 4 (N + M)     |
        +---------------+---------------+-------------------------------+
        |                    cumulative TSN ack                         |
        +---------------------------------------------------------------+
        |         advertised receiver window credit (a_rwnd)            |
        +-------------------------------+-------------------------------+
        |         gap blocks N          |         duplicates M          |
        +-------------------------------+-------------------------------+
        |        start of block 1       |         end of block 1        |  N times
        +-------------------------------+-------------------------------+
        |                        duplicate TSN 1                        |  M times
        +---------------------------------------------------------------+

    See :rfc:`9260#section-3.3.4`.
    """

    TYPE: ClassVar[int] = 3

    cumulative_tsn: int
    """All data up to and including this TSN has arrived."""
    a_rwnd: int
    """Bytes that the sender of the SACK has room for."""
    gaps: tuple[tuple[int, int], ...] = ()
    """First and last of each block that arrived beyond, as offsets from `cumulative_tsn`, 1 to 65,535."""
    duplicates: tuple[int, ...] = ()
    """TSNs that arrived more than once since the last SACK, once for each further arrival."""

    @classmethod
    def parse(cls, _flags: int, value: bytes, /) -> Self:
        """Read flags and value.

        Raises:
            ParseError: The counts do not fit the length, or a block ends before it starts or starts at 0.
        """
        if len(value) < _FIELDS.size:
            raise ParseError(f"SACK with a value of {len(value)} bytes")
        # [rfc9260:3.3.4/1]
        cumulative_tsn, a_rwnd, gap_count, duplicate_count = _FIELDS.unpack_from(value)
        if not gap_count and not duplicate_count and len(value) == _FIELDS.size:
            return cls(cumulative_tsn, a_rwnd)
        gaps_end = _FIELDS.size + SACK_ENTRY_LENGTH * gap_count
        if len(value) != gaps_end + SACK_ENTRY_LENGTH * duplicate_count:
            raise ParseError(f"{gap_count} gap blocks and {duplicate_count} duplicates in {len(value)} bytes")
        # [rfc9260:3.3.4/3]
        bounds = struct.unpack_from(f"!{2 * gap_count}H", value, _FIELDS.size)
        gaps = tuple(zip(bounds[::2], bounds[1::2], strict=True))
        for start, end in gaps:
            if not 0 < start <= end:
                raise ParseError(f"gap block from {start} to {end}")
        return cls(cumulative_tsn, a_rwnd, gaps, struct.unpack_from(f"!{duplicate_count}L", value, gaps_end))

    def serialize(self) -> bytes:
        """Write the chunk with its header.

        Raises:
            ValueError: The chunk is longer than 65,535 bytes.
        """
        gaps = self.gaps
        duplicates = self.duplicates
        # [rfc9260:3.3.4/1]
        if not gaps and not duplicates:
            return _PLAIN.pack(3, 0, SACK_LENGTH, self.cumulative_tsn, self.a_rwnd, 0, 0)
        if CHUNK_HEADER.size + _FIELDS.size + SACK_ENTRY_LENGTH * (len(gaps) + len(duplicates)) > 0xFFFF:
            raise ValueError(f"{len(gaps)} gap blocks and {len(duplicates)} duplicates do not fit into one chunk")
        # [rfc9260:3.3.4/3]
        fields = _FIELDS.pack(self.cumulative_tsn, self.a_rwnd, len(gaps), len(duplicates))
        bounds = [bound for gap in gaps for bound in gap]
        return encode_chunk(3, 0, fields + struct.pack(f"!{len(bounds)}H{len(duplicates)}L", *bounds, *duplicates))
