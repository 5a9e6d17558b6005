"""The small chunks: heartbeats, errors, shutdown, cookies. See :rfc:`9260#section-3.3.5` and those that follow."""

import struct
from typing import ClassVar, Final, Self

from rtc_sctp.causes import Cause, parse_causes
from rtc_sctp.dataclass import dataclass
from rtc_sctp.errors import ParseError
from rtc_sctp.parameters import HeartbeatInfo
from rtc_sctp.tlv import join_tlvs, split_tlvs

from .chunk import BareChunk, KnownChunk, encode_chunk

FLAG_REFLECTED_TAG: Final = 0x01
"""T: the verification tag is the receiver's own, reflected, because the sender has no association."""

_UINT32: Final = struct.Struct("!L")


@dataclass(slots=True)
class HeartbeatChunk(KnownChunk):
    """Is the peer still there? See :rfc:`9260#section-3.3.5`."""

    TYPE: ClassVar[int] = 4

    info: bytes
    """Comes back unchanged in the HEARTBEAT ACK."""

    @classmethod
    def parse(cls, _flags: int, value: bytes, /) -> Self:
        """Read flags and value.

        Raises:
            ParseError: It is not a Heartbeat Info parameter.
        """
        return cls(_heartbeat_info(value))

    def serialize(self) -> bytes:
        """Write the chunk with its header, padded to four bytes."""
        return encode_chunk(self.TYPE, 0, join_tlvs([HeartbeatInfo(self.info).serialize()]))


@dataclass(slots=True)
class HeartbeatAckChunk(KnownChunk):
    """Yes, it is. See :rfc:`9260#section-3.3.6`."""

    TYPE: ClassVar[int] = 5

    info: bytes
    """What the HEARTBEAT brought."""

    @classmethod
    def parse(cls, _flags: int, value: bytes, /) -> Self:
        """Read flags and value.

        Raises:
            ParseError: It is not a Heartbeat Info parameter.
        """
        return cls(_heartbeat_info(value))

    def serialize(self) -> bytes:
        """Write the chunk with its header, padded to four bytes."""
        # [rfc9260:3.3.6/2]
        return encode_chunk(self.TYPE, 0, join_tlvs([HeartbeatInfo(self.info).serialize()]))


@dataclass(slots=True)
class AbortChunk(KnownChunk):
    """The association ends at once. See :rfc:`9260#section-3.3.7`."""

    TYPE: ClassVar[int] = 6

    causes: tuple[Cause, ...] = ()
    flags: int = 0
    """`FLAG_REFLECTED_TAG` or 0."""

    @classmethod
    def parse(cls, flags: int, value: bytes, /) -> Self:
        """Read flags and value.

        Raises:
            ParseError: A cause is malformed.
        """
        # [rfc9260:3.3.7/3]
        return cls(parse_causes(value), flags & FLAG_REFLECTED_TAG)

    def serialize(self) -> bytes:
        """Write the chunk with its header.

        Raises:
            ValueError: The causes are longer than 65,531 bytes.
        """
        # [rfc9260:3.3.7/5]
        return encode_chunk(self.TYPE, self.flags, join_tlvs([cause.serialize() for cause in self.causes]))


@dataclass(slots=True)
class ShutdownChunk(KnownChunk):
    """The sender has nothing more to send. See :rfc:`9260#section-3.3.8`."""

    TYPE: ClassVar[int] = 7

    cumulative_tsn: int
    """All data up to and including this TSN has arrived; of what lies beyond it says nothing."""

    @classmethod
    def parse(cls, _flags: int, value: bytes, /) -> Self:
        """Read flags and value.

        Raises:
            ParseError: It is not four bytes.
        """
        if len(value) != _UINT32.size:
            raise ParseError(f"SHUTDOWN with a value of {len(value)} bytes")
        return cls(*_UINT32.unpack(value))

    def serialize(self) -> bytes:
        """Write the chunk with its header."""
        return encode_chunk(self.TYPE, 0, _UINT32.pack(self.cumulative_tsn))


@dataclass(slots=True)
class ShutdownAckChunk(BareChunk):
    """Neither has the other side. See :rfc:`9260#section-3.3.9`."""

    TYPE: ClassVar[int] = 8


@dataclass(slots=True)
class ErrorChunk(KnownChunk):
    """Something was wrong, but the association goes on. See :rfc:`9260#section-3.3.10`."""

    TYPE: ClassVar[int] = 9

    causes: tuple[Cause, ...]
    """At least one."""

    @classmethod
    def parse(cls, _flags: int, value: bytes, /) -> Self:
        """Read flags and value.

        Raises:
            ParseError: A cause is malformed, or there is none.
        """
        causes = parse_causes(value)
        if not causes:
            raise ParseError("ERROR without a cause")
        return cls(causes)

    def serialize(self) -> bytes:
        """Write the chunk with its header.

        Raises:
            ValueError: The causes are longer than 65,531 bytes.
        """
        return encode_chunk(self.TYPE, 0, join_tlvs([cause.serialize() for cause in self.causes]))


@dataclass(slots=True)
class CookieEchoChunk(KnownChunk):
    """The cookie of the INIT ACK comes back. See :rfc:`9260#section-3.3.11`."""

    TYPE: ClassVar[int] = 10

    cookie: bytes
    """The value of the State Cookie parameter, unchanged."""

    @classmethod
    def parse(cls, _flags: int, value: bytes, /) -> Self:
        """Read flags and value; any will do."""
        return cls(value)

    def serialize(self) -> bytes:
        """Write the chunk with its header, padded to four bytes.

        Raises:
            ValueError: The cookie is longer than 65,531 bytes.
        """
        # [rfc9260:3.3.11/2]
        return encode_chunk(self.TYPE, 0, self.cookie)


@dataclass(slots=True)
class CookieAckChunk(BareChunk):
    """The cookie was good: the association stands. See :rfc:`9260#section-3.3.12`."""

    TYPE: ClassVar[int] = 11


@dataclass(slots=True)
class ShutdownCompleteChunk(KnownChunk):
    """The end of an orderly shutdown. See :rfc:`9260#section-3.3.13`."""

    TYPE: ClassVar[int] = 14

    flags: int = 0
    """`FLAG_REFLECTED_TAG` or 0."""

    @classmethod
    def parse(cls, flags: int, value: bytes, /) -> Self:
        """Read flags and value.

        Raises:
            ParseError: There is a value.
        """
        if value:
            raise ParseError(f"SHUTDOWN COMPLETE has no value, yet {len(value)} bytes came")
        return cls(flags & FLAG_REFLECTED_TAG)

    def serialize(self) -> bytes:
        """Write the chunk."""
        # [rfc9260:3.3.13/2]
        return encode_chunk(self.TYPE, self.flags, b"")


def _heartbeat_info(value: bytes) -> bytes:
    for type_, info in split_tlvs(value):
        if type_ == HeartbeatInfo.TYPE:
            return info
        break
    raise ParseError("a heartbeat starts with Heartbeat Info")
