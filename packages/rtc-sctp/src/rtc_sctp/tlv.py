"""Type, length, value: the form that parameters and error causes share.

::

     0               1               2               3
    +-------------------------------+-------------------------------+
    |             type              |   length of header and value  |
    +-------------------------------+-------------------------------+
    |  value, then up to three zero bytes that the length leaves out |
    +---------------------------------------------------------------+

See :rfc:`9260#section-3.2.1`.
"""

import struct
from collections.abc import Iterator, Sequence
from typing import Final

from .errors import ParseError

PADDING: Final = (b"", b"\0\0\0", b"\0\0", b"\0")
"""What fills a length up to a multiple of four, by the length modulo four."""

MAX_VALUE_LENGTH: Final = 0xFFFF - 4
"""Longest value in bytes: the length field has 16 bits and counts the header."""

_HEADER: Final = struct.Struct("!HH")


def encode_tlv(type_: int, value: bytes) -> bytes:
    """Write one, padded.

    Raises:
        ValueError: The value is longer than 65,531 bytes.
    """
    length = _HEADER.size + len(value)
    if length > 0xFFFF:
        raise ValueError(f"a value is at most {MAX_VALUE_LENGTH} bytes, not {len(value)}")
    # [rfc9260:3.2.1/1] [rfc9260:3.2.1/2]
    return _HEADER.pack(type_, length) + value + PADDING[length & 3]


def join_tlvs(encoded: Sequence[bytes]) -> bytes:
    """Put encoded ones behind each other as a chunk's value: the padding of the last is the chunk's own.

    See :rfc:`9260#section-3.2`.
    """
    if not encoded:
        return b""
    _, length = _HEADER.unpack_from(encoded[-1])
    return b"".join(encoded[:-1]) + encoded[-1][:length]


def split_tlvs(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield type and value one after the other; what the caller does not ask for is not looked at.

    The padding of the last one may be missing, since the length of the enclosing chunk need not count it.

    Raises:
        ParseError: A length is below four or leads beyond the end.
    """
    position = 0
    end = len(data)
    while position < end:
        if end - position < _HEADER.size:
            raise ParseError(f"{end - position} bytes are too short for a type and a length")
        type_, length = _HEADER.unpack_from(data, position)
        if not _HEADER.size <= length <= end - position:
            raise ParseError(f"length {length} of type {type_} does not fit into {end - position} bytes")
        yield type_, data[position + _HEADER.size : position + length]
        # [rfc9260:3.2.1/3]
        position += (length + 3) & ~3
