"""FORWARD TSN and I-FORWARD-TSN: data that will never come. See :rfc:`3758#section-3.2` and :rfc:`8260#section-2.3.1`."""

import struct
from typing import ClassVar, Final, Self

from rtc_sctp.dataclass import dataclass
from rtc_sctp.errors import ParseError

from .chunk import KnownChunk, encode_chunk

_UINT32: Final = struct.Struct("!L")
_STREAM: Final = struct.Struct("!HH")
_I_STREAM: Final = struct.Struct("!HHL")

FORWARD_TSN_LENGTH: Final = 8
"""Bytes of a FORWARD TSN or I-FORWARD-TSN that lists no stream."""
FORWARD_TSN_ENTRY_LENGTH: Final = _STREAM.size
"""Bytes of one entry of FORWARD TSN."""
I_FORWARD_TSN_ENTRY_LENGTH: Final = _I_STREAM.size
"""Bytes of one entry of I-FORWARD-TSN."""

_UNORDERED_BIT: Final = 0x0001


@dataclass(slots=True)
class ForwardTsnChunk(KnownChunk):
    """Do not wait any longer for TSNs up to this one.

    ::

         0               1               2               3
        +---------------+---------------+-------------------------------+
        |   type 192    |       0       |         length 8 + 4 N        |
        +---------------+---------------+-------------------------------+
        |                      new cumulative TSN                       |
        +-------------------------------+-------------------------------+
        |       stream identifier       |    stream sequence number     |  N times
        +-------------------------------+-------------------------------+

    See :rfc:`3758#section-3.2`.
    """

    TYPE: ClassVar[int] = 192

    cumulative_tsn: int
    streams: tuple[tuple[int, int], ...] = ()
    """Stream identifier and the highest stream sequence number that was skipped on it; ordered messages only."""

    @classmethod
    def parse(cls, _flags: int, value: bytes, /) -> Self:
        """Read flags and value.

        Raises:
            ParseError: The length is wrong.
        """
        if len(value) < _UINT32.size or (len(value) - _UINT32.size) % _STREAM.size:
            raise ParseError(f"FORWARD TSN with a value of {len(value)} bytes")
        (cumulative_tsn,) = _UINT32.unpack_from(value)
        return cls(cumulative_tsn, tuple(_STREAM.iter_unpack(value[_UINT32.size :])))

    def serialize(self) -> bytes:
        """Write the chunk with its header.

        Raises:
            ValueError: The chunk is longer than 65,535 bytes.
        """
        # [rfc3758:3.2/4]
        streams = [_STREAM.pack(stream_id, sequence) for stream_id, sequence in self.streams]
        return encode_chunk(self.TYPE, 0, _UINT32.pack(self.cumulative_tsn) + b"".join(streams))


@dataclass(slots=True)
class IForwardTsnChunk(KnownChunk):
    """The same where messages interleave.

    ::

         0               1               2               3
        +---------------+---------------+-------------------------------+
        |   type 194    |       0       |         length 8 + 8 N        |
        +---------------+---------------+-------------------------------+
        |                      new cumulative TSN                       |
        +-------------------------------+-----------------------------+-+
        |       stream identifier       |              0              |U|  N times
        +-------------------------------+-----------------------------+-+
        |                      message identifier                       |
        +---------------------------------------------------------------+

    See :rfc:`8260#section-2.3.1`.
    """

    TYPE: ClassVar[int] = 194

    cumulative_tsn: int
    streams: tuple[tuple[int, bool, int], ...] = ()
    """Stream identifier, whether of unordered messages, and the highest message identifier that was skipped."""

    @classmethod
    def parse(cls, _flags: int, value: bytes, /) -> Self:
        """Read flags and value.

        Raises:
            ParseError: The length is wrong.
        """
        if len(value) < _UINT32.size or (len(value) - _UINT32.size) % _I_STREAM.size:
            raise ParseError(f"I-FORWARD-TSN with a value of {len(value)} bytes")
        # [rfc8260:2.3.1/2]
        (cumulative_tsn,) = _UINT32.unpack_from(value)
        # [rfc8260:2.3.1/3]
        streams = [
            (stream_id, bool(bits & _UNORDERED_BIT), message_id)
            for stream_id, bits, message_id in _I_STREAM.iter_unpack(value[_UINT32.size :])
        ]
        return cls(cumulative_tsn, tuple(streams))

    def serialize(self) -> bytes:
        """Write the chunk with its header.

        Raises:
            ValueError: The chunk is longer than 65,535 bytes.
        """
        # [rfc8260:2.3.1/3]
        streams = [
            _I_STREAM.pack(stream_id, _UNORDERED_BIT if unordered else 0, message_id)
            for stream_id, unordered, message_id in self.streams
        ]
        # [rfc8260:2.3.1/2]
        return encode_chunk(self.TYPE, 0, _UINT32.pack(self.cumulative_tsn) + b"".join(streams))
