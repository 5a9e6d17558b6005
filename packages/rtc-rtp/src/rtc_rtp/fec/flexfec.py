"""FlexFEC with a flexible mask, as of draft-ietf-payload-flexible-fec-scheme-03, which browsers speak.

:rfc:`8627` is what became of it; its header is another one.
"""

from struct import Struct
from typing import Final

from rtc_rtp.errors import ParseError
from rtc_rtp.fec.parity import Parity
from rtc_rtp.fec.scheme import Protection

_HEADER: Final = Struct("!BBHIB3xIH")
_RETRANSMISSION: Final = 0x80
_FIXED_MASK: Final = 0x40
_FLAGS: Final = 0x3F
_MASK_WORDS: Final = ((2, 15), (4, 31), (8, 63))
"""Length in bytes and mask bits of each word; the first bit of each (k) says that it is the last."""
_MAX_BITS: Final = 109


class _Flexfec:
    """The format.

    ::

        R F P X CC | M PT recovery | length recovery
             timestamp recovery
        SSRC count |        reserved
                   SSRC
        sequence number base       | k mask 0-14
        k mask 15-45                               (if k before is 0)
        k mask 46-108                              (if k before is 0)
        parity of what follows the fixed header, up to the end
    """

    max_packets: Final = _MAX_BITS
    max_header_length: Final = _HEADER.size + 14

    def parse(self, payload: bytes) -> Protection:
        """Parse a FEC packet's payload; see `FecScheme.parse`."""
        if len(payload) < _HEADER.size:
            raise ParseError("a FlexFEC packet is cut off")
        first, second, length, timestamp, ssrc_count, ssrc, base = _HEADER.unpack_from(payload)
        if first & (_RETRANSMISSION | _FIXED_MASK) or ssrc_count != 1:
            raise ParseError("FlexFEC of several streams, with a fixed mask, or a retransmission")
        at = _HEADER.size
        offset = 0
        numbers: list[int] = []
        for word_length, bits in _MASK_WORDS:
            word = int.from_bytes(payload[at : at + word_length], "big")
            at += word_length
            numbers += [(base + offset + i) & 0xFFFF for i in range(bits) if word >> (bits - 1 - i) & 1]
            offset += bits
            if word >> bits:
                break
        else:
            raise ParseError("a FlexFEC mask does not end")
        if at > len(payload) or not numbers:
            raise ParseError("a FlexFEC packet that protects nothing, or is cut off")
        data = int.from_bytes(payload[at:], "big")
        parity = Parity(first & _FLAGS, second, length, timestamp, data, len(payload) - at)
        return Protection(ssrc, tuple(numbers), parity)

    def serialize(self, protection: Protection) -> bytes:
        """Return a FEC packet's payload; see `FecScheme.serialize`. ``protection.ssrc`` must be set."""
        if protection.ssrc is None:
            raise ValueError("FlexFEC names the stream that it protects")
        base = protection.sequence_numbers[0]
        offsets = [(number - base) & 0xFFFF for number in protection.sequence_numbers]
        if max(offsets) >= _MAX_BITS:
            raise ValueError(f"FlexFEC reaches over {_MAX_BITS} packets, not {max(offsets) + 1}")
        mask = b""
        begin = 0
        for word_length, bits in _MASK_WORDS:
            end = begin + bits
            word = sum([1 << (end - 1 - offset) for offset in offsets if begin <= offset < end])
            is_last = max(offsets) < end
            mask += (word | is_last << bits).to_bytes(word_length, "big")
            if is_last:
                break
            begin = end
        parity = protection.parity
        header = _HEADER.pack(
            parity.flags,
            parity.marker_and_type,
            parity.length,
            parity.timestamp,
            1,
            protection.ssrc,
            base,
        )
        return header + mask + parity.data_bytes()


FLEXFEC: Final = _Flexfec()
"""FlexFEC draft 03, to be sent as a stream of its own (a=ssrc-group:FEC-FR)."""
