"""What all RTCP packets have in common: the header, padding, and what is unknown (:rfc:`3550#section-6.4`)."""

import struct
from struct import Struct
from typing import ClassVar, Final, Self

from rtc_rtp.dataclass import dataclass
from rtc_rtp.errors import ParseError

HEADER_LENGTH: Final = 4
MAX_COUNT: Final = 31

_HEADER: Final = Struct("!BBH")
_VERSION: Final = 0x80
_PADDING: Final = 0x20
_COUNT: Final = 0x1F


class RtcpPacket:
    """An RTCP packet of some kind.

    ::

        V=2 P  count  | packet type  | length in words, minus 1
        -------------------------------------------------------
                            body

    "Count" is what the packet type makes of it: a number of blocks, a subtype, a format of feedback.

    See :rfc:`3550#section-6.1`.
    """

    __slots__ = ()

    PACKET_TYPE: ClassVar[int]
    PADDED_BY_BYTES: ClassVar[bool] = False
    """Whether padding may be other than a multiple of four bytes, against :rfc:`3550#section-6.4.1`."""

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Parse one packet of this kind.

        Args:
            data: The packet and nothing else; `parse_compound` takes a datagram apart.

        Raises:
            ParseError: It is of another kind, or malformed.
        """
        packet_type, count, body, end = split(data, 0)
        if end != len(data):
            raise ParseError(f"{len(data) - end} bytes follow the packet")
        return cls.from_body(packet_type, count, body)

    @classmethod
    def from_body(cls, packet_type: int, count: int, body: bytes) -> Self:
        """Parse what follows the header.

        Raises:
            ParseError: It is of another kind, or malformed.
        """
        if packet_type != cls.PACKET_TYPE:
            raise ParseError(f"packet type {packet_type} is not {cls.PACKET_TYPE}")
        if len(body) & 3 and not cls.PADDED_BY_BYTES:
            raise ParseError(f"without its padding the packet is a multiple of 4 bytes, not {len(body)}")
        return cls._parse_body(count, body)

    @classmethod
    def _parse_body(cls, count: int, body: bytes, /) -> Self:
        """Parse the body, free of padding; each kind of packet has its own."""
        raise ParseError(f"{cls.__name__} does not know what {len(body)} bytes and a count of {count} mean")

    def _body(self) -> tuple[int, bytes]:
        """Return count and body; the latter is padded if it is not a multiple of four bytes."""
        return 0, b""

    def serialize(self) -> bytes:
        """Return the bytes of the packet.

        Raises:
            ValueError: A field is out of its range.
        """
        count, body = self._body()
        if not 0 <= count <= MAX_COUNT:
            raise ValueError(f"an RTCP packet counts to {MAX_COUNT}, not {count}")
        first = _VERSION | count
        # [rfc3550:6.1/1]
        padding_length = -len(body) & 3
        if padding_length:
            first |= _PADDING
            body += bytes(padding_length - 1) + bytes((padding_length,))
        if len(body) > 0x3FFFC:
            raise ValueError(f"an RTCP packet has at most {0x3FFFC} bytes behind its header, not {len(body)}")
        return _HEADER.pack(first, self._packet_type(), len(body) >> 2) + body

    def __bytes__(self) -> bytes:
        return self.serialize()

    def _packet_type(self) -> int:
        return self.PACKET_TYPE


def split(data: bytes, at: int) -> tuple[int, int, bytes, int]:
    """Return packet type, count and body, without padding, of the packet at an offset, and where it ends.

    Raises:
        ParseError: Not version 2, shorter than its length says, or more padding than packet.

    See :rfc:`3550#appendix-A.2`.
    """
    if at + HEADER_LENGTH > len(data):
        raise ParseError(f"an RTCP packet has at least {HEADER_LENGTH} bytes, not {len(data) - at}")
    first, packet_type, words = _HEADER.unpack_from(data, at)
    # [rfc3550:A.2/1]
    if first & 0xC0 != _VERSION:
        raise ParseError(f"version {first >> 6} is not RTCP")
    start = at + HEADER_LENGTH
    end = start + 4 * words
    if end > len(data):
        raise ParseError(f"an RTCP packet ends at {end} bytes of {len(data)}")
    body = data[start:end]
    if first & _PADDING:
        # Transport-wide feedback is padded by single bytes and anywhere in a datagram, whatever RFC 3550 says of both.
        if not body or not 0 < body[-1] <= len(body):
            raise ParseError(f"padding does not fit {len(body)} bytes")
        body = body[: -body[-1]]
    return packet_type, first & _COUNT, body, end


@dataclass(slots=True)
class UnknownPacket(RtcpPacket):
    """A packet of a type that we do not know, kept as data."""

    packet_type: int
    """8 bits."""
    count: int
    """5 bits, whatever they mean."""
    body: bytes
    """What follows the header, without padding."""

    @classmethod
    def from_body(cls, packet_type: int, count: int, body: bytes) -> Self:
        """Keep everything."""
        return cls(packet_type, count, body)

    def _packet_type(self) -> int:
        if not 0 <= self.packet_type <= 0xFF:
            raise ValueError(f"a packet type has 8 bits, not {self.packet_type}")
        return self.packet_type

    def _body(self) -> tuple[int, bytes]:
        return self.count, self.body


def pack(layout: Struct, *values: int | bytes) -> bytes:
    """Pack fields.

    Raises:
        ValueError: One of them is out of range; `struct.error` does not cross the package's border.
    """
    try:
        return layout.pack(*values)
    except struct.error as error:
        raise ValueError(f"a field of an RTCP packet is out of range: {error}") from None
