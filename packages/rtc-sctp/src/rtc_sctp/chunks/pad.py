"""PAD: a chunk that makes a packet longer, to probe the path. See :rfc:`4820#section-3`."""

from typing import ClassVar, Self

from rtc_sctp.dataclass import dataclass

from .chunk import CHUNK_HEADER, KnownChunk, encode_chunk


@dataclass(slots=True)
class PadChunk(KnownChunk):
    """Zeros that the receiver throws away."""

    TYPE: ClassVar[int] = 132

    length: int
    """Bytes of the whole chunk, 4 to 65,535."""

    @classmethod
    def parse(cls, _flags: int, value: bytes, /) -> Self:
        """Read flags and value; any will do."""
        return cls(CHUNK_HEADER.size + len(value))

    def serialize(self) -> bytes:
        """Write the chunk with its header, padded to four bytes.

        Raises:
            ValueError: `length` is below 4 or above 65,535.
        """
        if self.length < CHUNK_HEADER.size:
            raise ValueError(f"a chunk is at least 4 bytes, not {self.length}")
        return encode_chunk(self.TYPE, 0, bytes(self.length - CHUNK_HEADER.size))
