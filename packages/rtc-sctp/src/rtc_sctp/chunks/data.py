"""DATA and I-DATA: the chunks that carry messages. See :rfc:`9260#section-3.3.1` and :rfc:`8260#section-2.1`."""

import struct
from typing import ClassVar, Final, Self

from rtc_sctp.dataclass import dataclass
from rtc_sctp.errors import ParseError
from rtc_sctp.tlv import PADDING

from .chunk import KnownChunk

FLAG_ENDING: Final = 0x01
"""E: the last fragment of a message."""
FLAG_BEGINNING: Final = 0x02
"""B: the first fragment of a message."""
FLAG_UNORDERED: Final = 0x04
"""U: the message is delivered as soon as it is complete."""
FLAG_IMMEDIATE: Final = 0x08
"""I: the receiver should not delay the SACK. See :rfc:`7053`."""

DATA_HEADER_LENGTH: Final = 16
"""Bytes of a DATA chunk in front of the user data."""
I_DATA_HEADER_LENGTH: Final = 20
"""Bytes of an I-DATA chunk in front of the user data."""

_FLAGS: Final = FLAG_ENDING | FLAG_BEGINNING | FLAG_UNORDERED | FLAG_IMMEDIATE
_DATA: Final = struct.Struct("!BBHLHHL")
_DATA_VALUE: Final = struct.Struct("!LHHL")
_I_DATA: Final = struct.Struct("!BBHLHHLL")
_I_DATA_VALUE: Final = struct.Struct("!LHHLL")


@dataclass(slots=True)
class DataChunk(KnownChunk):
    """A message or a fragment of one.

    ::

         0               1               2               3
        +---------------+-------+-+-+-+-+-------------------------------+
        |    type 0     |   0   |I|U|B|E|      length 16 + payload      |
        +---------------+-------+-+-+-+-+-------------------------------+
        |                              TSN                              |
        +-------------------------------+-------------------------------+
        |       stream identifier       |    stream sequence number     |
        +-------------------------------+-------------------------------+
        |                  payload protocol identifier                  |
        +---------------------------------------------------------------+
        |                   payload, padded to four                     |
        +---------------------------------------------------------------+

    See :rfc:`9260#section-3.3.1`.
    """

    TYPE: ClassVar[int] = 0

    tsn: int
    stream_id: int
    stream_sequence: int
    """Counts the ordered messages of a stream; without meaning if `unordered`."""
    ppid: int
    payload: bytes
    """At least one byte."""
    flags: int

    @property
    def beginning(self) -> bool:
        """Whether this is the first fragment."""
        return bool(self.flags & FLAG_BEGINNING)

    @property
    def ending(self) -> bool:
        """Whether this is the last fragment."""
        return bool(self.flags & FLAG_ENDING)

    @property
    def unordered(self) -> bool:
        """Whether the message may overtake others of its stream."""
        return bool(self.flags & FLAG_UNORDERED)

    @property
    def immediate(self) -> bool:
        """Whether the sender wants its SACK at once."""
        return bool(self.flags & FLAG_IMMEDIATE)

    @classmethod
    def parse(cls, flags: int, value: bytes, /) -> Self:
        """Read flags and value; flags that have no meaning are cleared.

        Raises:
            ParseError: The value is shorter than its fixed fields, or there is no payload.
        """
        if len(value) <= _DATA_VALUE.size:
            raise ParseError(f"DATA with a value of {len(value)} bytes")
        # [rfc9260:3.3.1/1]
        tsn, stream_id, stream_sequence, ppid = _DATA_VALUE.unpack_from(value)
        return cls(tsn, stream_id, stream_sequence, ppid, value[_DATA_VALUE.size :], flags & _FLAGS)

    def serialize(self) -> bytes:
        """Write the chunk with its header, padded to four bytes.

        Raises:
            ValueError: The chunk is longer than 65,535 bytes.
        """
        payload = self.payload
        # [rfc9260:3.3.1/9]
        length = DATA_HEADER_LENGTH + len(payload)
        if length > 0xFFFF:
            raise ValueError(f"a chunk is at most 65535 bytes, not {length}")
        # [rfc9260:3.3.1/1] [rfc9260:3.3.1/7]
        head = _DATA.pack(0, self.flags, length, self.tsn, self.stream_id, self.stream_sequence, self.ppid)
        # [rfc9260:3.3.1/8] [rfc9260:3.3.1/10]
        return head + payload + PADDING[length & 3]


@dataclass(slots=True)
class IDataChunk(KnownChunk):
    """A message or a fragment of one that may interleave with others.

    ::

         0               1               2               3
        +---------------+-------+-+-+-+-+-------------------------------+
        |    type 64    |   0   |I|U|B|E|      length 20 + payload      |
        +---------------+-------+-+-+-+-+-------------------------------+
        |                              TSN                              |
        +-------------------------------+-------------------------------+
        |       stream identifier       |               0               |
        +-------------------------------+-------------------------------+
        |                      message identifier                       |
        +---------------------------------------------------------------+
        |  B: payload protocol identifier; else fragment sequence number |
        +---------------------------------------------------------------+
        |                   payload, padded to four                     |
        +---------------------------------------------------------------+

    See :rfc:`8260#section-2.1`.
    """

    TYPE: ClassVar[int] = 64

    tsn: int
    stream_id: int
    message_id: int
    """Counts the messages of a stream, ordered and unordered ones each for themselves."""
    ppid_or_fsn: int
    """The payload protocol identifier in the first fragment; the fragment sequence number, from 1, in the others."""
    payload: bytes
    """At least one byte."""
    flags: int

    @property
    def beginning(self) -> bool:
        """Whether this is the first fragment."""
        return bool(self.flags & FLAG_BEGINNING)

    @property
    def ending(self) -> bool:
        """Whether this is the last fragment."""
        return bool(self.flags & FLAG_ENDING)

    @property
    def unordered(self) -> bool:
        """Whether the message may overtake others of its stream."""
        return bool(self.flags & FLAG_UNORDERED)

    @property
    def immediate(self) -> bool:
        """Whether the sender wants its SACK at once."""
        return bool(self.flags & FLAG_IMMEDIATE)

    @property
    def fragment_sequence(self) -> int:
        """The fragment sequence number, which the first fragment does not spell out."""
        return 0 if self.flags & FLAG_BEGINNING else self.ppid_or_fsn

    @classmethod
    def parse(cls, flags: int, value: bytes, /) -> Self:
        """Read flags and value; flags that have no meaning are cleared.

        Raises:
            ParseError: The value is shorter than its fixed fields, or there is no payload.
        """
        if len(value) <= _I_DATA_VALUE.size:
            raise ParseError(f"I-DATA with a value of {len(value)} bytes")
        # [rfc8260:2.1/3]
        tsn, stream_id, _reserved, message_id, ppid_or_fsn = _I_DATA_VALUE.unpack_from(value)
        # [rfc8260:2.1/1]
        return cls(tsn, stream_id, message_id, ppid_or_fsn, value[_I_DATA_VALUE.size :], flags & _FLAGS)

    def serialize(self) -> bytes:
        """Write the chunk with its header, padded to four bytes.

        Raises:
            ValueError: The chunk is longer than 65,535 bytes.
        """
        payload = self.payload
        length = I_DATA_HEADER_LENGTH + len(payload)
        if length > 0xFFFF:
            raise ValueError(f"a chunk is at most 65535 bytes, not {length}")
        # [rfc8260:2.1/1] [rfc8260:2.1/3]
        head = _I_DATA.pack(
            64, self.flags & _FLAGS, length, self.tsn, self.stream_id, 0, self.message_id, self.ppid_or_fsn
        )
        return head + payload + PADDING[length & 3]
