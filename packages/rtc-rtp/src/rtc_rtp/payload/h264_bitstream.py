"""As much of the H.264 bitstream as a payload format needs: types of NAL units, and the size of pictures from the SPS."""

from typing import Final

from rtc_rtp.bits import BitReader
from rtc_rtp.payload.nal_units import without_emulation_prevention

SLICE: Final = 1
PARTITION_A: Final = 2
IDR: Final = 5
SEI: Final = 6
SPS: Final = 7
PPS: Final = 8
ACCESS_UNIT_DELIMITER: Final = 9
LAST_SINGLE: Final = 23
"""Types 1 to 23 are NAL units of H.264 itself, those above are RTP's."""

_WITH_CHROMA: Final = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
_MAX_COUNT: Final = 255


def picture_size(sps: bytes) -> tuple[int, int]:
    """Return width and height in pixels of the pictures of a sequence parameter set.

    Args:
        sps: The NAL unit, its header included.

    Raises:
        ParseError: It is cut off.

    See H.264, section 7.3.2.1.1.
    """
    bits = BitReader(without_emulation_prevention(sps[1:]))
    profile = bits.read(8)
    bits.skip(16)
    bits.read_unsigned()
    chroma_format = 1
    if profile in _WITH_CHROMA:
        chroma_format = bits.read_unsigned()
        _skip_sample_formats(bits, chroma_format)
    bits.read_unsigned()  # log2_max_frame_num
    order_type = bits.read_unsigned()
    if order_type == 0:
        bits.read_unsigned()
    elif order_type == 1:
        bits.skip(1)
        bits.read_signed()
        bits.read_signed()
        for _ in range(min(bits.read_unsigned(), _MAX_COUNT)):
            bits.read_signed()
    bits.read_unsigned()  # max_num_ref_frames
    bits.skip(1)
    width = 16 * (bits.read_unsigned() + 1)
    rows = bits.read_unsigned() + 1
    frames_only = bits.read(1)
    if not frames_only:
        bits.skip(1)
    height = 16 * rows * (2 - frames_only)
    bits.skip(1)
    if bits.read_flag():
        horizontal = 2 if chroma_format in (1, 2) else 1
        vertical = (2 if chroma_format == 1 else 1) * (2 - frames_only)
        width -= horizontal * (bits.read_unsigned() + bits.read_unsigned())
        height -= vertical * (bits.read_unsigned() + bits.read_unsigned())
    return max(width, 0), max(height, 0)


def _skip_sample_formats(bits: BitReader, chroma_format: int) -> None:
    if chroma_format == 3:
        bits.skip(1)
    bits.read_unsigned()
    bits.read_unsigned()
    bits.skip(1)
    if not bits.read_flag():
        return
    for i in range(8 if chroma_format != 3 else 12):
        if bits.read_flag():
            _skip_scaling_list(bits, 16 if i < 6 else 64)


def _skip_scaling_list(bits: BitReader, length: int) -> None:
    last = following = 8
    for _ in range(length):
        if following:
            following = (last + bits.read_signed()) % 256
        last = following or last


def begins_picture(first_bytes: bytes) -> bool:
    """Tell whether a NAL unit can be the first of an access unit: a slice of macroblock 0, or what stands before slices.

    Args:
        first_bytes: The header of the NAL unit and the byte behind it, or more.
    """
    kind = first_bytes[0] & 0x1F
    if kind in (SLICE, PARTITION_A, IDR):
        # first_mb_in_slice is the first Exp-Golomb number: 0 is written as a single 1.
        return len(first_bytes) > 1 and bool(first_bytes[1] & 0x80)
    return SEI <= kind <= ACCESS_UNIT_DELIMITER
