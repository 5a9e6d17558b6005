"""As much of the H.265 bitstream as a payload format needs: types of NAL units, and the size of pictures from the SPS."""

from typing import Final

from rtc_rtp.bits import BitReader
from rtc_rtp.payload.nal_units import without_emulation_prevention

HEADER_LENGTH: Final = 2
LAST_SLICE: Final = 31
"""Types 0 to 31 are slice segments."""
FIRST_IRAP: Final = 16
LAST_IRAP: Final = 23
"""Types 16 to 23 are of pictures at which decoding may start."""
VPS: Final = 32
SPS: Final = 33
PPS: Final = 34
ACCESS_UNIT_DELIMITER: Final = 35
PREFIX_SEI: Final = 39
LAST_SINGLE: Final = 47
"""Types 0 to 47 are NAL units of H.265 itself, those above are RTP's."""

_BEFORE_SLICES: Final = frozenset({VPS, SPS, PPS, ACCESS_UNIT_DELIMITER, PREFIX_SEI})
_PROFILE_BITS: Final = 88
_LEVEL_BITS: Final = 8


def unit_type(unit: bytes) -> int:
    """Return the type of a NAL unit."""
    return unit[0] >> 1 & 0x3F


def temporal_id(unit: bytes) -> int:
    """Return the temporal layer of a NAL unit, 0 the lowest."""
    return max((unit[1] & 7) - 1, 0)


def begins_picture(first_bytes: bytes) -> bool:
    """Tell whether a NAL unit can be the first of an access unit: a first slice segment, or what stands before slices.

    Args:
        first_bytes: The header of the NAL unit and the byte behind it, or more.
    """
    kind = unit_type(first_bytes)
    if kind <= LAST_SLICE:
        # first_slice_segment_in_pic_flag is the first bit.
        return len(first_bytes) > HEADER_LENGTH and bool(first_bytes[HEADER_LENGTH] & 0x80)
    return kind in _BEFORE_SLICES


def picture_size(sps: bytes) -> tuple[int, int]:
    """Return width and height in pixels of the pictures of a sequence parameter set.

    Args:
        sps: The NAL unit, its header included.

    Raises:
        ParseError: It is cut off.

    See H.265, section 7.3.2.2.1.
    """
    bits = BitReader(without_emulation_prevention(sps[HEADER_LENGTH:]))
    bits.skip(4)
    sub_layers = bits.read(3)
    bits.skip(1)
    _skip_profile_tier_level(bits, sub_layers)
    bits.read_unsigned()  # sps_seq_parameter_set_id
    chroma_format = bits.read_unsigned()
    if chroma_format == 3:
        bits.skip(1)
    width, height = bits.read_unsigned(), bits.read_unsigned()
    if bits.read_flag():
        horizontal = 2 if chroma_format in (1, 2) else 1
        vertical = 2 if chroma_format == 1 else 1
        width -= horizontal * (bits.read_unsigned() + bits.read_unsigned())
        height -= vertical * (bits.read_unsigned() + bits.read_unsigned())
    return max(width, 0), max(height, 0)


def _skip_profile_tier_level(bits: BitReader, sub_layers: int) -> None:
    bits.skip(_PROFILE_BITS + _LEVEL_BITS)
    if not sub_layers:
        return
    present = [(bits.read_flag(), bits.read_flag()) for _ in range(sub_layers)]
    bits.skip(2 * (8 - sub_layers))
    for has_profile, has_level in present:
        bits.skip(_PROFILE_BITS * has_profile + _LEVEL_BITS * has_level)
