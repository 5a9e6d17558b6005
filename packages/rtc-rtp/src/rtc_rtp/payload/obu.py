"""Open bitstream units of AV1: their headers, LEB128 lengths, and what the sequence and frame headers say first.

See the AV1 bitstream specification, sections 4.10.5 (leb128), 5.3 (OBU header), 5.5 (sequence header) and 5.9 (frame header).
"""

from typing import Final

from rtc_rtp.bits import BitReader
from rtc_rtp.errors import ParseError

SEQUENCE_HEADER: Final = 1
TEMPORAL_DELIMITER: Final = 2
FRAME_HEADER: Final = 3
METADATA: Final = 5
FRAME: Final = 6
TILE_LIST: Final = 8
PADDING: Final = 15

HAS_SIZE: Final = 0x02
_HAS_EXTENSION: Final = 0x04
_MAX_LEB128_LENGTH: Final = 5
_SHOW_EXISTING: Final = 0x80
_FRAME_TYPE: Final = 0x60
_KEY_FRAME: Final = 0x00
_MAX_LEVEL_WITHOUT_TIER: Final = 7


def write_leb128(number: int) -> bytes:
    """Return a number in groups of 7 bits, the lowest first, each but the last with the high bit set."""
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def read_leb128(data: bytes, at: int) -> tuple[int, int]:
    """Return the number at an offset and the offset behind it.

    Raises:
        ParseError: It is cut off, or does not fit in 35 bits.
    """
    number = 0
    for i, byte in enumerate(data[at : at + _MAX_LEB128_LENGTH]):
        number |= (byte & 0x7F) << 7 * i
        if byte < 0x80:
            return number, at + i + 1
    raise ParseError("an AV1 length is cut off or too long")


def obu_type(obu: bytes) -> int:
    """Return the type of an OBU, which is not empty."""
    return obu[0] >> 3 & 0x0F


def obu_header_length(obu: bytes) -> int:
    """Return 2 if there is an extension, with the layers, and 1 if not."""
    return 2 if obu[0] & _HAS_EXTENSION else 1


def obu_layers(obu: bytes) -> tuple[int, int] | None:
    """Return temporal and spatial layer; None if the OBU does not say."""
    if not obu[0] & _HAS_EXTENSION or len(obu) < 2:
        return None
    return obu[1] >> 5, obu[1] >> 3 & 3


def split_obus(data: bytes) -> list[bytes]:
    """Take a temporal unit apart: each OBU without its size field.

    Raises:
        ParseError: An OBU is longer than the data, or its header is none.
    """
    obus = []
    at = 0
    while at < len(data):
        header = data[at]
        if header & 0x80:
            raise ParseError("not an AV1 OBU: the forbidden bit is set")
        payload_at = at + (2 if header & _HAS_EXTENSION else 1)
        if header & HAS_SIZE:
            size, begin = read_leb128(data, payload_at)
            end = begin + size
        else:
            begin, end = payload_at, len(data)
        if end > len(data) or begin > len(data):
            raise ParseError("an AV1 OBU is longer than what there is")
        obus.append(bytes([header & ~HAS_SIZE]) + data[at + 1 : payload_at] + data[begin:end])
        at = end
    return obus


def sized_obu(obu: bytes) -> bytes:
    """Return an OBU with a size field, from one without."""
    header_length = obu_header_length(obu)
    size = write_leb128(len(obu) - header_length)
    return b"".join([bytes([obu[0] | HAS_SIZE]), obu[1:header_length], size, obu[header_length:]])


def is_key_frame(obu: bytes) -> bool:
    """Tell whether a frame or frame header OBU begins a key frame."""
    at = obu_header_length(obu)
    return len(obu) > at and not obu[at] & _SHOW_EXISTING and obu[at] & _FRAME_TYPE == _KEY_FRAME


def sequence_size(obu: bytes) -> tuple[int, int]:
    """Return the largest width and height in pixels by a sequence header OBU.

    Raises:
        ParseError: It is cut off.
    """
    bits = BitReader(obu[obu_header_length(obu) :])
    bits.skip(4)  # seq_profile, still_picture
    reduced = bits.read_flag()
    if reduced:
        bits.skip(5)
    else:
        _skip_operating_points(bits)
    width_length = bits.read(4) + 1
    height_length = bits.read(4) + 1
    return bits.read(width_length) + 1, bits.read(height_length) + 1


def _skip_operating_points(bits: BitReader) -> None:
    delay_length = 0
    if bits.read_flag():  # timing_info
        bits.skip(64)
        if bits.read_flag():
            bits.read_unsigned()
        if bits.read_flag():  # decoder_model_info
            delay_length = bits.read(5) + 1
            bits.skip(32 + 10)
    has_display_delay = bits.read_flag()
    for _ in range(bits.read(5) + 1):
        bits.skip(12)
        if bits.read(5) > _MAX_LEVEL_WITHOUT_TIER:
            bits.skip(1)
        if delay_length and bits.read_flag():
            bits.skip(2 * delay_length + 1)
        if has_display_delay and bits.read_flag():
            bits.skip(4)
