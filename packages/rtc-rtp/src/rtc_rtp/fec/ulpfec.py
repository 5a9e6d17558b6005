"""ULPFEC (:rfc:`5109#section-7.3`), one level of protection that covers whole packets, as browsers send it inside RED."""

from struct import Struct
from typing import Final

from rtc_rtp.errors import ParseError
from rtc_rtp.fec.parity import Parity
from rtc_rtp.fec.scheme import Protection

_HEADER: Final = Struct("!BBHIHH")
_LONG_MASK: Final = 0x40
_EXTENSION: Final = 0x80
_FLAGS: Final = 0x3F
_SHORT_BITS: Final = 16
_LONG_BITS: Final = 48


class _Ulpfec:
    """The format.

    ::

        E L P X CC | M PT recovery | sequence number base
             timestamp recovery
        length recovery            | protection length
        mask 16 or 48 (L)
        parity of what follows the fixed header, protection length bytes

    Bit i of the mask, from the left, stands for the packet with sequence number base + i.
    """

    max_packets: Final = _LONG_BITS
    max_header_length: Final = _HEADER.size + _LONG_BITS // 8

    def parse(self, payload: bytes) -> Protection:
        """Parse a FEC packet's payload (behind the RED header). Further levels are left out; see `FecScheme.parse`."""
        if len(payload) < _HEADER.size:
            raise ParseError("a ULPFEC packet is cut off")
        first, second, base, timestamp, length, data_length = _HEADER.unpack_from(payload)
        # [rfc5109:7.3/2] E is for formats to come.
        if first & _EXTENSION:
            raise ParseError("a ULPFEC packet with an unknown extension")
        bits = _LONG_BITS if first & _LONG_MASK else _SHORT_BITS
        data_at = _HEADER.size + bits // 8
        mask = int.from_bytes(payload[_HEADER.size : data_at], "big")
        if not mask or len(payload) < data_at + data_length:
            raise ParseError("a ULPFEC packet that protects nothing, or is cut off")
        numbers = tuple([(base + i) & 0xFFFF for i in range(bits) if mask >> (bits - 1 - i) & 1])
        data = int.from_bytes(payload[data_at : data_at + data_length], "big")
        return Protection(None, numbers, Parity(first & _FLAGS, second, length, timestamp, data, data_length))

    def serialize(self, protection: Protection) -> bytes:
        """Return a FEC packet's payload; see `FecScheme.serialize`."""
        # [rfc5109:7.3/4] The base is the lowest sequence number, with regard to its wrapping around.
        base = protection.sequence_numbers[0]
        offsets = [(number - base) & 0xFFFF for number in protection.sequence_numbers]
        if max(offsets) >= _LONG_BITS:
            raise ValueError(f"ULPFEC reaches over {_LONG_BITS} packets, not {max(offsets) + 1}")
        long = max(offsets) >= _SHORT_BITS
        bits = _LONG_BITS if long else _SHORT_BITS
        mask = sum([1 << (bits - 1 - offset) for offset in offsets])
        parity = protection.parity
        # [rfc5109:7.3/1] [rfc5109:7.3/3] [rfc5109:13/1] One level; E is 0, L tells how long the mask is.
        header = _HEADER.pack(
            parity.flags | _LONG_MASK * long,
            parity.marker_and_type,
            base,
            parity.timestamp,
            parity.length,
            parity.data_length,
        )
        return header + mask.to_bytes(bits // 8, "big") + parity.data_bytes()


ULPFEC: Final = _Ulpfec()
"""ULPFEC, to be sent inside RED in the stream that it protects."""
