"""The packet, read and written whole: common header and chunks. See :rfc:`9260#section-3` and :rfc:`9653`.

::

     0               1               2               3
    +-------------------------------+-------------------------------+
    |          source port          |       destination port        |
    +-------------------------------+-------------------------------+
    |                       verification tag                        |
    +---------------------------------------------------------------+
    |     CRC32c of the packet, least significant byte first        |
    +---------------------------------------------------------------+
    |                  chunks, each padded to four                  |
    +---------------------------------------------------------------+
"""

import struct
from typing import Final, Self

from .checksum import crc32c
from .chunks import PARTIAL_CHUNK, Chunk, parse_chunk
from .dataclass import dataclass
from .errors import ChecksumError, ParseError

PACKET_HEADER_LENGTH: Final = 12

_HEADER: Final = struct.Struct("!HHLL")
_PREFIX: Final = struct.Struct("!HHL")
_CHUNK_HEADER: Final = struct.Struct("!BBH")
_CHECKSUM_OFFSET: Final = _PREFIX.size
_ZERO_CHECKSUM: Final = b"\0\0\0\0"


@dataclass(slots=True)
class Packet:
    """A whole packet with all its chunks, for tools and tests; the association reads chunk by chunk."""

    source_port: int
    destination_port: int
    verification_tag: int
    checksum: int
    """What the packet carried, as a number; not verified."""
    chunks: tuple[Chunk, ...]

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read header and chunks; call `verify_checksum` as well.

        Raises:
            ParseError: Header or chunk is malformed or cut off.
        """
        source_port, destination_port, verification_tag, checksum = parse_header(data)
        chunks = tuple([parse_chunk(*chunk) for chunk in split_chunks(data)])
        return cls(source_port, destination_port, verification_tag, checksum, chunks)

    def serialize(self) -> bytes:
        """Write the packet with the checksum it names, be it right or wrong; see `seal`.

        Raises:
            ValueError: A chunk is longer than 65,535 bytes.
        """
        prefix = _PREFIX.pack(self.source_port, self.destination_port, self.verification_tag)
        checksum = self.checksum.to_bytes(4, "little")
        return b"".join([prefix, checksum, *[chunk.serialize() for chunk in self.chunks]])

    def seal(self) -> bytes:
        """Write the packet with its right checksum, and note that.

        Raises:
            ValueError: A chunk is longer than 65,535 bytes.
        """
        # [rfc9260:6.8/1] [rfc9260:6.8/2]
        self.checksum = 0
        self.checksum = crc32c(self.serialize())
        return self.serialize()


def parse_header(data: bytes) -> tuple[int, int, int, int]:
    """Read source port, destination port, verification tag and checksum.

    Raises:
        ParseError: There are less than twelve bytes, or a port is 0.
    """
    try:
        source_port, destination_port, verification_tag, _ = _HEADER.unpack_from(data)
    except struct.error:
        raise ParseError(f"a packet has at least {_HEADER.size} bytes, not {len(data)}") from None
    # [rfc9260:3.1/1] [rfc9260:3.1/2]
    if not source_port or not destination_port:
        raise ParseError(f"port 0: from {source_port} to {destination_port}")
    checksum = int.from_bytes(data[_CHECKSUM_OFFSET:PACKET_HEADER_LENGTH], "little")
    return source_port, destination_port, verification_tag, checksum


def split_chunks(data: bytes) -> list[tuple[int, int, bytes]]:
    """Cut a packet into type, flags and value of each chunk, for `parse_chunk`.

    Where the rest of the packet is not a whole chunk, it comes last under the type `PARTIAL_CHUNK`, which `parse_chunk` refuses:
    the chunks in front of it are good.
    """
    chunks: list[tuple[int, int, bytes]] = []
    position = PACKET_HEADER_LENGTH
    end = len(data)
    while position < end:
        if end - position < _CHUNK_HEADER.size:
            chunks.append((PARTIAL_CHUNK, 0, data[position:]))
            break
        type_, flags, length = _CHUNK_HEADER.unpack_from(data, position)
        stop = position + length
        # [rfc9260:6.10/7]
        if length < _CHUNK_HEADER.size or stop > end:
            chunks.append((PARTIAL_CHUNK, 0, data[position:]))
            break
        chunks.append((type_, flags, data[position + 4 : stop]))
        # [rfc9260:3.2/7]
        position = (stop + 3) & ~3
    return chunks


def verify_checksum(data: bytes, *, zero_acceptable: bool = False) -> None:
    """Check the CRC32c of a packet that `parse_header` accepts.

    Args:
        data: The whole packet.
        zero_acceptable: A checksum of 0 will do, because the layer below checks integrity and we told the peer so.

    Raises:
        ChecksumError: The checksum is wrong.

    See :rfc:`9260#section-6.8` and :rfc:`9653#section-5.3`.
    """
    checksum = data[_CHECKSUM_OFFSET:PACKET_HEADER_LENGTH]
    if zero_acceptable and checksum == _ZERO_CHECKSUM:
        return
    # [rfc9260:6.8/4]
    if not is_intact(data):
        raise ChecksumError(f"the checksum is not {checksum.hex()}")


def is_intact(data: bytes) -> bool:
    """Whether a packet of at least twelve bytes has the right CRC32c."""
    # [rfc9260:6.8/2] [rfc9260:6.8/3]
    expected = crc32c(data[:_CHECKSUM_OFFSET] + _ZERO_CHECKSUM + data[PACKET_HEADER_LENGTH:])
    return expected.to_bytes(4, "little") == data[_CHECKSUM_OFFSET:PACKET_HEADER_LENGTH]
