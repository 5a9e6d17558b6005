"""What the numbers of a picture mean as colours (libwebrtc's extension, with the code points of ITU-T H.273)."""

from struct import Struct
from struct import error as struct_error
from typing import Final

from rtc_rtp.dataclass import dataclass
from rtc_rtp.errors import ParseError
from rtc_rtp.header_extension import HeaderExtension

_CODES: Final = Struct("!BBBB")
_HDR: Final = Struct("!HHHHHHHHHHHH")


@dataclass(slots=True)
class HdrMetadata:
    """Of the display on which the content was mastered, and of the content; 16 bits each, as on the wire."""

    luminance_max: int
    """Candela per square metre."""
    luminance_min: int
    """Units of 1/10,000 candela per square metre."""
    primaries: tuple[int, int, int, int, int, int, int, int]
    """x and y of red, green, blue and white, in units of 1/50,000."""
    max_content_light_level: int
    """Candela per square metre."""
    max_frame_average_light_level: int
    """Candela per square metre."""


@dataclass(slots=True)
class ColorSpace:
    """What the numbers of a picture mean.

    ::

        primaries | transfer | matrix | 0 0, range, horizontal siting, vertical siting: two bits each
        metadata for a high dynamic range, 24 bytes (optional)
    """

    primaries: int
    """ColourPrimaries of H.273, 8 bits."""
    transfer: int
    """TransferCharacteristics, 8 bits."""
    matrix: int
    """MatrixCoefficients, 8 bits."""
    range: int = 0
    """0 not known, 1 limited, 2 full, 3 derived."""
    horizontal_siting: int = 0
    """Of chroma samples: 0 not known, 1 collocated, 2 half."""
    vertical_siting: int = 0
    hdr: HdrMetadata | None = None


def parse_color_space(data: bytes) -> ColorSpace:
    """Parse a colour space.

    Raises:
        ParseError: It has neither 4 bytes nor 28.
    """
    if len(data) not in {_CODES.size, _CODES.size + _HDR.size}:
        raise ParseError(f"a color space has {_CODES.size} or {_CODES.size + _HDR.size} bytes, not {len(data)}")
    primaries, transfer, matrix, packed = _CODES.unpack_from(data)
    space = ColorSpace(primaries, transfer, matrix, packed >> 4 & 3, packed >> 2 & 3, packed & 3)
    if len(data) > _CODES.size:
        brightest, darkest, *chromaticities, content, average = _HDR.unpack_from(data, _CODES.size)
        red_x, red_y, green_x, green_y, blue_x, blue_y, white_x, white_y = chromaticities
        corners = (red_x, red_y, green_x, green_y, blue_x, blue_y, white_x, white_y)
        space.hdr = HdrMetadata(brightest, darkest, corners, content, average)
    return space


def serialize_color_space(value: ColorSpace) -> bytes:
    """Return the bytes of a colour space.

    Raises:
        ValueError: A field is out of its range.
    """
    if not all(0 <= field <= 3 for field in (value.range, value.horizontal_siting, value.vertical_siting)):
        raise ValueError(f"{value}: range and siting have two bits")
    packed = value.range << 4 | value.horizontal_siting << 2 | value.vertical_siting
    hdr = value.hdr
    try:
        data = _CODES.pack(value.primaries, value.transfer, value.matrix, packed)
        if hdr is not None:
            levels = (hdr.max_content_light_level, hdr.max_frame_average_light_level)
            data += _HDR.pack(hdr.luminance_max, hdr.luminance_min, *hdr.primaries, *levels)
    except struct_error as error:
        raise ValueError(f"a field of a color space is out of range: {error}") from None
    return data


COLOR_SPACE: Final = HeaderExtension(
    "http://www.webrtc.org/experiments/rtp-hdrext/color-space",
    parse=parse_color_space,
    serialize=serialize_color_space,
)
"""What the numbers of the picture mean: `ColorSpace`."""
