"""RTP packets, and how to tell them from RTCP (:rfc:`3550#section-5.1`, :rfc:`5761#section-4`)."""

import struct
from collections.abc import Mapping
from struct import Struct
from typing import Final, Self

from rtc_rtp.errors import ParseError
from rtc_rtp.header_extension import (
    find_element,
    is_element_profile,
    is_two_byte_profile,
    parse_elements,
    serialize_elements,
)

FIXED_HEADER_LENGTH: Final = 12
MAX_CSRC_COUNT: Final = 15
MAX_PADDING_LENGTH: Final = 255

_FIXED: Final = Struct("!BBHII")
_FIXED_AND_EXTENSION: Final = Struct("!BBHIIHH")
_EXTENSION: Final = Struct("!HH")
_UINT32: Final = Struct("!I")
_EXTENDED_LENGTH: Final = _FIXED_AND_EXTENSION.size
_pack_extended: Final = _FIXED_AND_EXTENSION.pack
_unpack_extended: Final = _FIXED_AND_EXTENSION.unpack_from
_VERSION: Final = 0x80
_PADDING: Final = 0x20
_EXTENDED: Final = 0x10
_CSRC_COUNT: Final = 0x0F
_COMMON: Final = _VERSION | _EXTENDED
"""The first byte of a packet with an extension, and neither sources nor padding."""
_MARKER: Final = 0x80

RTCP_TYPES: Final = frozenset([bytes((packet_type,)) for packet_type in range(192, 224)])
"""What the second byte of a datagram can be if it is RTCP. See :rfc:`5761#section-4`."""


def is_rtcp(data: bytes) -> bool:
    """Tell whether a datagram that is RTP or RTCP is the latter, by its packet type.

    See :rfc:`5761#section-4`.
    """
    # [rfc5761:4/1]
    return data[1:2] in RTCP_TYPES


class RtpPacket:
    """An RTP packet.

    ::

        V=2 P X  CC  | M  PT  |    sequence number
        ------------------------------------------
                        timestamp
        ------------------------------------------
                          SSRC
        ------------------------------------------
                    CC times a CSRC
        ------------------------------------------
         profile (X)  | length of extension in words
              elements of the header extension
        ------------------------------------------
             payload, padding and its length (P)

    The header extension is taken apart when somebody looks at it; a packet that only passes through keeps its bytes.
    The fields are not checked before `serialize`.

    See :rfc:`3550#section-5.1`.
    """

    __slots__ = (
        "_elements",
        "_extension_data",
        "_extension_profile",
        "csrcs",
        "marker",
        "padding_length",
        "payload",
        "payload_type",
        "sequence_number",
        "ssrc",
        "timestamp",
    )

    payload_type: int
    """7 bits."""
    sequence_number: int
    """16 bits."""
    timestamp: int
    """32 bits, in ticks of the payload format's clock."""
    ssrc: int
    """32 bits."""
    payload: bytes
    """Without padding."""
    marker: bool
    csrcs: tuple[int, ...]
    """Up to 15 contributing sources, 32 bits each."""
    padding_length: int
    """Bytes of padding behind the payload, their count included: 0 to 255."""

    def __init__(
        self,
        payload_type: int,
        sequence_number: int,
        timestamp: int,
        ssrc: int,
        payload: bytes = b"",
        *,
        marker: bool = False,
        csrcs: tuple[int, ...] = (),
        extensions: Mapping[int, bytes] | None = None,
        padding_length: int = 0,
    ) -> None:
        self.payload_type = payload_type
        self.sequence_number = sequence_number
        self.timestamp = timestamp
        self.ssrc = ssrc
        self.payload = payload
        self.marker = marker
        self.csrcs = csrcs
        self.padding_length = padding_length
        self._elements: dict[int, bytes] | None = dict(extensions) if extensions else {}
        self._extension_profile = 0
        self._extension_data: bytes | None = None  # the wire's, as long as nobody can have changed the elements

    @property
    def extensions(self) -> dict[int, bytes]:
        """Elements of the header extension by local identifier, in the order of the wire; change it as you like.

        To read one of them `extension` is cheaper: the packet then keeps the bytes it came in. See :rfc:`8285`.
        """
        elements = self._elements
        if elements is not None and self._extension_data is None:
            return elements
        elements = self._parsed_elements()
        if not self._has_foreign_extension():
            self._extension_data = None
        return elements

    @extensions.setter
    def extensions(self, elements: Mapping[int, bytes]) -> None:
        self._elements = dict(elements)
        self._extension_data = None

    def extension(self, identifier: int) -> bytes | None:
        """Return one element of the header extension; None if the packet does not have it."""
        if self._elements is None:
            return find_element(self._extension_profile, self._extension_data or b"", identifier)
        return self._elements.get(identifier)

    def peek_extensions(self) -> Mapping[int, bytes]:
        """Return all elements of the header extension to read, not to change: the packet keeps the bytes it came in."""
        return self._parsed_elements()

    def readdressed(
        self, payload_type: int, sequence_number: int, timestamp: int, ssrc: int, extensions: dict[int, bytes]
    ) -> Self:
        """Return a packet of another stream with the same media, without padding.

        Args:
            payload_type: As `sequence_number`, `timestamp` and `ssrc`, in the other stream.
            sequence_number: 16 bits.
            timestamp: 32 bits.
            ssrc: 32 bits.
            extensions: Elements of its header extension; the packet keeps this dictionary.
        """
        packet: Self = type(self).__new__(type(self))
        packet.payload_type = payload_type
        packet.sequence_number = sequence_number
        packet.timestamp = timestamp
        packet.ssrc = ssrc
        packet.payload = self.payload
        packet.marker = self.marker
        packet.csrcs = self.csrcs
        packet.padding_length = 0
        packet._elements = extensions
        packet._extension_profile = 0
        packet._extension_data = None
        return packet

    def _parsed_elements(self) -> dict[int, bytes]:
        elements = self._elements
        if elements is None:
            elements = self._elements = parse_elements(self._extension_profile, self._extension_data or b"")
        return elements

    def _has_foreign_extension(self) -> bool:
        """Whether there is an extension that does not follow :rfc:`8285`: it is kept until there are elements."""
        return self._extension_data is not None and not is_element_profile(self._extension_profile)

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Parse a packet.

        Args:
            data: A whole datagram, decrypted.

        Raises:
            ParseError: Not version 2, or shorter than its header, extension or padding say.

        See :rfc:`3550#section-5.1`.
        """
        packet: Self = cls.__new__(cls)
        try:
            (
                first, second, packet.sequence_number, packet.timestamp, packet.ssrc, packet._extension_profile, words,
            ) = _unpack_extended(data)  # fmt: skip
        except struct.error:
            first = second = words = 0  # too short for an extension
        if first != _COMMON:
            packet._parse_any(data)
            return packet
        # What nearly all packets of WebRTC look like: an extension, neither sources nor padding.
        end = _EXTENDED_LENGTH + 4 * words
        if end > len(data):
            raise ParseError(f"the header extension ends at {end} bytes of {len(data)}")
        packet.marker = second > 127
        packet.payload_type = second & 127
        packet.csrcs = ()
        packet.padding_length = 0
        packet.payload = data[end:]
        packet._elements = None
        packet._extension_data = data[_EXTENDED_LENGTH:end]
        return packet

    def _parse_any(self, data: bytes) -> None:
        """Parse a packet of any shape."""
        if len(data) < FIXED_HEADER_LENGTH:
            raise ParseError(f"a packet has at least {FIXED_HEADER_LENGTH} bytes, not {len(data)}")
        first, second, self.sequence_number, self.timestamp, self.ssrc = _FIXED.unpack_from(data)
        # [rfc3550:5.1/13] [rfc3550:A.1/1]
        if first & 0xC0 != _VERSION:
            raise ParseError(f"version {first >> 6} is not RTP")
        self.marker = second > 127
        self.payload_type = second & 127
        at = FIXED_HEADER_LENGTH + 4 * (first & _CSRC_COUNT)
        end = len(data)
        if at > end:
            raise ParseError(f"the sources end at {at} bytes of {end}")
        self.csrcs = tuple([_UINT32.unpack_from(data, offset)[0] for offset in range(FIXED_HEADER_LENGTH, at, 4)])
        self._elements = {}
        self._extension_profile = 0
        self._extension_data = None
        if first & _EXTENDED:
            if at + 4 > end:
                raise ParseError("the packet ends before its header extension")
            # [rfc3550:5.1/1] [rfc3550:5.3.1/2]
            self._extension_profile, words = _EXTENSION.unpack_from(data, at)
            start, at = at + 4, at + 4 + 4 * words
            if at > end:
                raise ParseError(f"the header extension ends at {at} bytes of {end}")
            self._elements = None
            self._extension_data = data[start:at]
        self.padding_length = 0
        if first & _PADDING:
            # [rfc3550:5.1/14]
            self.padding_length = data[-1]
            if not 0 < self.padding_length <= end - at:
                raise ParseError(f"{self.padding_length} bytes of padding in {end - at}")
            end -= self.padding_length
        self.payload = data[at:end]

    def serialize(self, *, two_byte: bool = False) -> bytes:
        """Return the bytes of the packet.

        Args:
            two_byte: Give elements of the header extension the two-byte form also where the one-byte form would do,
                for streams that must not mix them. A packet that was parsed keeps the form it had.

        Raises:
            ValueError: A field is out of its range.

        See :rfc:`3550#section-5.1`.
        """
        profile, data, elements = self._extension_profile, self._extension_data, self._elements
        if elements and (data is None or self._has_foreign_extension()):
            if profile and is_two_byte_profile(profile):
                two_byte = True
            profile, data = serialize_elements(elements, two_byte=two_byte)
        return self.serialize_with(profile, data)

    __bytes__ = serialize

    def serialize_with(self, profile: int, data: bytes | None) -> bytes:
        """Return the bytes of the packet with another header extension than its own, of which nothing is left in the packet.

        Args:
            profile: The 16 bits "defined by profile".
            data: What follows their length: whole words, padded; ``None`` for no extension.

        Raises:
            ValueError: A field is out of its range.

        See :rfc:`3550#section-5.3.1`.
        """
        second = self.payload_type
        if second >> 7:
            raise ValueError(f"a payload type is 0 to 127, not {second}")
        if self.marker:
            second |= _MARKER
        if data is None or self.csrcs or self.padding_length:
            return self._serialize_any(second, profile, data)
        # What nearly all packets of WebRTC look like: an extension, neither sources nor padding.
        try:
            return (
                _pack_extended(
                    _COMMON,
                    second,
                    self.sequence_number,
                    self.timestamp,
                    self.ssrc,
                    profile,
                    len(data) >> 2,
                )
                + data
                + self.payload
            )
        except struct.error as error:
            raise ValueError(f"a field of the packet is out of range: {error}") from None

    def _serialize_any(self, second: int, profile: int, data: bytes | None) -> bytes:
        """Return the bytes of a packet of any shape."""
        first = _VERSION
        tail = self.payload
        if self.padding_length:
            first |= _PADDING
            tail += self._padding()
        try:
            sources = b"".join([_UINT32.pack(source) for source in self._checked_csrcs()])
            first |= len(self.csrcs)
            if data is None:
                return _FIXED.pack(first, second, self.sequence_number, self.timestamp, self.ssrc) + sources + tail
            header = _FIXED.pack(first | _EXTENDED, second, self.sequence_number, self.timestamp, self.ssrc)
            # [rfc3550:5.3.1/2]
            return header + sources + _EXTENSION.pack(profile, len(data) >> 2) + data + tail
        except struct.error as error:
            raise ValueError(f"a field of the packet is out of range: {error}") from None

    def _padding(self) -> bytes:
        if not 0 < self.padding_length <= MAX_PADDING_LENGTH:
            raise ValueError(f"padding has 0 to {MAX_PADDING_LENGTH} bytes, not {self.padding_length}")
        return bytes(self.padding_length - 1) + bytes((self.padding_length,))

    def _checked_csrcs(self) -> tuple[int, ...]:
        # [rfc3550:5.1/15]
        if len(self.csrcs) > MAX_CSRC_COUNT:
            raise ValueError(f"a packet names at most {MAX_CSRC_COUNT} contributing sources, not {len(self.csrcs)}")
        return self.csrcs

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RtpPacket):
            return NotImplemented
        return self._key() == other._key()

    __hash__ = None  # type: ignore[assignment] # packets change; mypy wants a method where Python wants None

    def _key(self) -> tuple[object, ...]:
        foreign = self._has_foreign_extension()
        return (
            self.payload_type,
            self.sequence_number,
            self.timestamp,
            self.ssrc,
            self.marker,
            tuple(self.csrcs),
            self._parsed_elements(),
            (self._extension_profile, self._extension_data) if foreign else None,
            self.padding_length,
            self.payload,
        )

    def __repr__(self) -> str:
        return (
            f"RtpPacket(payload_type={self.payload_type}, sequence_number={self.sequence_number},"
            f" timestamp={self.timestamp}, ssrc={self.ssrc:#010x}, marker={self.marker}, csrcs={self.csrcs},"
            f" extensions={self._parsed_elements()}, padding_length={self.padding_length},"
            f" payload=<{len(self.payload)} bytes>)"
        )
