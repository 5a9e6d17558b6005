"""Packing chunks into packets. See :rfc:`9260#section-6.10`."""

import struct
from typing import Final

from .checksum import crc32c

COMMON_HEADER_LENGTH: Final = 12

_PORTS_AND_TAG: Final = struct.Struct("!HHL")
_CHECKSUM: Final = struct.Struct("<L")
_NO_CHECKSUM: Final = bytes(4)


def seal_packet(source_port: int, destination_port: int, tag: int, chunks: bytes) -> bytes:
    """One packet with its checksum, whatever was agreed with the peer."""
    return _with_checksum(_PORTS_AND_TAG.pack(source_port, destination_port, tag), chunks)


def _with_checksum(head: bytes, chunks: bytes) -> bytes:
    # [rfc9260:6.8/1] [rfc9260:6.8/2]
    return head + _CHECKSUM.pack(crc32c(head + _NO_CHECKSUM + chunks)) + chunks


class Bundle:
    """Packets of one association under construction; chunks go in whole and in the order in which they must arrive."""

    __slots__ = ("_chunks", "_head", "_length", "_zero_checksum", "capacity", "packets")

    def __init__(self, head: bytes, *, max_packet_size: int, zero_checksum: bool) -> None:
        self._head = head + _NO_CHECKSUM if zero_checksum else head
        self._zero_checksum = zero_checksum
        self.capacity = max_packet_size - COMMON_HEADER_LENGTH
        """Bytes of chunks that a packet takes."""

        self._chunks: list[bytes] = []
        self._length = 0
        self.packets: list[bytes] = []

    @property
    def room(self) -> int:
        """Bytes that the packet under construction still takes."""
        return self.capacity - self._length

    @property
    def is_empty(self) -> bool:
        """Whether the packet under construction has no chunk yet."""
        return self._length == 0

    def add(self, chunk: bytes) -> None:
        """Put a chunk into this packet if it fits, else into the next."""
        # [rfc9260:6.10/1] [rfc9260:6.10/5]
        length = len(chunk)
        if self._length + length > self.capacity:
            self.finish_packet()
        self._chunks.append(chunk)
        self._length += length

    def add_full(self, chunks: list[bytes]) -> None:
        """Put chunks of which no two fit together into a packet each."""
        self.finish_packet()
        head = self._head
        if self._zero_checksum:
            self.packets += [head + chunk for chunk in chunks]
        else:
            self.packets += [_with_checksum(head, chunk) for chunk in chunks]

    def finish_packet(self) -> None:
        """Close the packet under construction, if it holds anything."""
        if self._length == 0:
            return
        chunks = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        head = self._head
        if self._zero_checksum:
            self.packets.append(head + chunks)
        else:
            self.packets.append(_with_checksum(head, chunks))
        self._chunks = []
        self._length = 0


def packet_head(source_port: int, destination_port: int, tag: int) -> bytes:
    """What every packet of an association begins with: ports and verification tag."""
    # [rfc9260:3.1/3] [rfc9260:8.5/1]
    return _PORTS_AND_TAG.pack(source_port, destination_port, tag)
