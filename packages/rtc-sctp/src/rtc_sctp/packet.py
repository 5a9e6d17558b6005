"""The packet: common header and chunks. See :rfc:`9260#section-3`, :rfc:`9260#section-6.10` and :rfc:`9653`.

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
from collections.abc import Iterable
from typing import Final, Self

from .chunks import (
    PARTIAL_CHUNK,
    AbortChunk,
    Chunk,
    CookieEchoChunk,
    InitAckChunk,
    InitChunk,
    ShutdownCompleteChunk,
    parse_chunk,
)
from .crc32c import crc32c
from .dataclass import dataclass
from .errors import ChecksumError, ParseError

PACKET_HEADER_LENGTH: Final = 12

_HEADER: Final = struct.Struct("!HHLL")
_PREFIX: Final = struct.Struct("!HHL")
_CHUNK_HEADER: Final = struct.Struct("!BBH")
_CHECKSUM_OFFSET: Final = _PREFIX.size
_ZERO_CHECKSUM: Final = b"\0\0\0\0"

# [rfc9260:3/1] [rfc9260:6.10/8]
_ALONE: Final = frozenset({InitChunk.TYPE, InitAckChunk.TYPE, ShutdownCompleteChunk.TYPE})
# [rfc9260:3.2.2/3]
_BEGINS: Final = _ALONE | {CookieEchoChunk.TYPE}
# [rfc9260:3.3.7/2]
_ENDS: Final = _ALONE | {AbortChunk.TYPE}
# The peer can accept a zero checksum only once it knows the association.
_CHECKSUM_REQUIRED: Final = frozenset({InitChunk.TYPE, InitAckChunk.TYPE, CookieEchoChunk.TYPE})


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
        """Write the packet with the checksum it names, be it right or wrong; `PacketWriter` computes the right one.

        Raises:
            ValueError: A chunk is longer than 65,535 bytes.
        """
        prefix = _PREFIX.pack(self.source_port, self.destination_port, self.verification_tag)
        checksum = self.checksum.to_bytes(4, "little")
        return b"".join([prefix, checksum, *[chunk.serialize() for chunk in self.chunks]])


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
    # [rfc9260:6.8/2] [rfc9260:6.8/4]
    expected = crc32c(data[:_CHECKSUM_OFFSET] + _ZERO_CHECKSUM + data[PACKET_HEADER_LENGTH:])
    if expected.to_bytes(4, "little") != checksum:
        raise ChecksumError(f"the checksum is {checksum.hex()}, not {expected.to_bytes(4, 'little').hex()}")


def is_intact(data: bytes) -> bool:
    """Whether a packet of at least twelve bytes has the right CRC32c."""
    # [rfc9260:6.8/3]
    expected = crc32c(data[:_CHECKSUM_OFFSET] + _ZERO_CHECKSUM + data[PACKET_HEADER_LENGTH:])
    return expected.to_bytes(4, "little") == data[_CHECKSUM_OFFSET:PACKET_HEADER_LENGTH]


class PacketWriter:
    """Bundles serialized chunks into packets.

    Args:
        source_port: Our port, 1 to 65,535.
        destination_port: The peer's port, 1 to 65,535.
        mtu: Longest packet in bytes, common header included; may be assigned anew at any time.

    Raises:
        ValueError: A port or the MTU is out of range.
    """

    __slots__ = ("_prefix", "_tag", "destination_port", "mtu", "source_port")

    def __init__(self, source_port: int, destination_port: int, mtu: int) -> None:
        # [rfc9260:3.1/1] [rfc9260:3.1/2]
        if not (0 < source_port <= 0xFFFF and 0 < destination_port <= 0xFFFF):
            raise ValueError(f"ports are 1 to 65535, not {source_port} and {destination_port}")
        if mtu < PACKET_HEADER_LENGTH + _CHUNK_HEADER.size:
            raise ValueError(f"no chunk fits into an MTU of {mtu} bytes")
        self.source_port = source_port
        self.destination_port = destination_port
        self.mtu = mtu
        self._tag = 0
        self._prefix = _PREFIX.pack(source_port, destination_port, 0)

    def write(self, chunks: Iterable[bytes], verification_tag: int, *, zero_checksum: bool = False) -> list[bytes]:
        """Put chunks into as few packets as their order allows.

        Args:
            chunks: Serialized chunks in the order of sending: control chunks first, then data by TSN. INIT, INIT ACK and
                SHUTDOWN COMPLETE get a packet each; COOKIE ECHO begins a packet and ABORT ends it. A chunk longer than the
                MTU goes alone.
            verification_tag: For all of these packets.
            zero_checksum: Leave the checksum out, because the peer said that it accepts that. Packets that the peer cannot
                yet tie to the association get theirs all the same.
        """
        packets: list[bytes] = []
        bundle: list[bytes] = []
        room = limit = self.mtu - PACKET_HEADER_LENGTH
        closed = False
        for chunk in chunks:
            length = len(chunk)
            # [rfc9260:6.10/1] [rfc9260:6.10/5]
            if bundle and (closed or length > room or chunk[0] in _BEGINS):
                packets.append(self._packet(bundle, verification_tag, zero_checksum=zero_checksum))
                bundle = []
                room = limit
            bundle.append(chunk)
            room -= length
            closed = chunk[0] in _ENDS
        if bundle:
            packets.append(self._packet(bundle, verification_tag, zero_checksum=zero_checksum))
        return packets

    def _packet(self, bundle: list[bytes], verification_tag: int, *, zero_checksum: bool) -> bytes:
        if verification_tag != self._tag:
            self._tag = verification_tag
            self._prefix = _PREFIX.pack(self.source_port, self.destination_port, verification_tag)
        body = b"".join(bundle)
        packet = self._prefix + _ZERO_CHECKSUM + body
        if zero_checksum and body[0] not in _CHECKSUM_REQUIRED:
            return packet
        # [rfc9260:6.8/1] [rfc9260:6.8/2]
        return self._prefix + crc32c(packet).to_bytes(4, "little") + body
