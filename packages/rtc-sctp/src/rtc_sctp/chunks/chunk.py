"""What a chunk is.

::

     0               1               2               3
    +---------------+---------------+-------------------------------+
    |     type      |     flags     |   length of header and value  |
    +---------------+---------------+-------------------------------+
    |  value, then up to three zero bytes that the length leaves out |
    +---------------------------------------------------------------+

See :rfc:`9260#section-3.2`.
"""

import struct
from abc import ABC, abstractmethod
from typing import ClassVar, Final, Self

from rtc_sctp.dataclass import dataclass
from rtc_sctp.errors import ParseError
from rtc_sctp.tlv import PADDING

CHUNK_HEADER: Final = struct.Struct("!BBH")

_SKIP_BIT: Final = 0x80
_REPORT_BIT: Final = 0x40


class Chunk(ABC):
    """One chunk of a packet."""

    __slots__ = ()

    @abstractmethod
    def serialize(self) -> bytes:
        """Write the chunk with its header, padded to four bytes.

        Raises:
            ValueError: The chunk is longer than 65,535 bytes.
        """


class KnownChunk(Chunk):
    """A chunk whose type has a class of its own."""

    __slots__ = ()

    TYPE: ClassVar[int]

    @classmethod
    @abstractmethod
    def parse(cls, flags: int, value: bytes, /) -> Self:
        """Read flags and value, without header and padding.

        Raises:
            ParseError: The value is not what the type calls for.
        """


class BareChunk(KnownChunk):
    """A chunk that says all by its type."""

    __slots__ = ()

    @classmethod
    def parse(cls, _flags: int, value: bytes, /) -> Self:
        """Read flags and value.

        Raises:
            ParseError: There is a value.
        """
        if value:
            raise ParseError(f"chunk type {cls.TYPE} has no value, yet {len(value)} bytes came")
        return cls()

    def serialize(self) -> bytes:
        """Write the chunk."""
        return CHUNK_HEADER.pack(self.TYPE, 0, CHUNK_HEADER.size)


@dataclass(slots=True)
class UnknownChunk(Chunk):
    """A chunk of any other type; the two high bits of the type say what to do with it."""

    type: int
    flags: int
    value: bytes

    @property
    def skip(self) -> bool:
        """Whether processing goes on with the next chunk; otherwise the rest of the packet is discarded."""
        # [rfc9260:3.2/1] [rfc9260:3.2/2]
        return bool(self.type & _SKIP_BIT)

    @property
    def report(self) -> bool:
        """Whether the sender wants to be told that the chunk was not understood."""
        # [rfc9260:3.2/3]
        return bool(self.type & _REPORT_BIT)

    def serialize(self) -> bytes:
        """Write the chunk with its header, padded to four bytes."""
        return encode_chunk(self.type, self.flags, self.value)


def encode_chunk(type_: int, flags: int, value: bytes) -> bytes:
    """Write a chunk, padded.

    Raises:
        ValueError: The chunk is longer than 65,535 bytes.
    """
    length = CHUNK_HEADER.size + len(value)
    if length > 0xFFFF:
        raise ValueError(f"a chunk is at most 65535 bytes, not {length}")
    # [rfc9260:3.2/4] [rfc9260:3.2/5] [rfc9260:3.2/6] [rfc9260:3/2]
    return CHUNK_HEADER.pack(type_, flags, length) + value + PADDING[length & 3]
