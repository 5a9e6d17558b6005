"""What the peer lets pictures of an encoding be: how large, how many, of how many bits (RFC 8851 section 5).

This is worked out before an encoder sees a picture, so that it holds for the encoders of every codec package; what the format parameters
of the peer say comes on top, and is the encoder's business.
"""

import math
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from .dataclass import dataclass
from .tracks import picture_size

if TYPE_CHECKING:
    from rtc_rtp import PictureRestrictions, SendEncoding

    from .tracks import RawFrame

STEP: Final = 1.005
"""By how much pictures are made smaller until they fit."""
SMALLEST: Final = 2
"""Pixels of a side below which nothing gets smaller."""


@dataclass(frozen=True, slots=True)
class Restricted:
    """An encoding as the peer lets it be for pictures of one size."""

    encoding: "SendEncoding"
    """With the frame rate that fits."""
    scale: float
    """By what width and height are divided."""
    max_frame_bits: float | None
    """Bits of a picture on average; None for any number."""


def restricted(encoding: "SendEncoding", frame: "RawFrame", scale: float) -> Restricted:
    """Return what an encoding may be for pictures like this one.

    Args:
        encoding: As it was negotiated.
        frame: Of the track, upright or turned.
        scale: By what the application wants width and height to be divided.
    """
    size = picture_size(frame)
    if encoding.restrictions is None or size is None:
        return Restricted(encoding, scale, None)
    width, height = size
    # A picture that lies on its side is encoded upright.
    if getattr(frame, "rotation", 0) % 180:
        width, height = height, width
    return _restricted(encoding, encoding.restrictions, width, height, scale)


@lru_cache(maxsize=32)
def _restricted(
    encoding: "SendEncoding", limits: "PictureRestrictions", width: int, height: int, scale: float
) -> Restricted:
    scale = fitting_scale(limits, width, height, scale)
    pixels = math.prod(_encoded_size(width, height, scale))
    framerate = encoding.max_framerate
    if limits.max_pixels_per_second is not None:
        # [rfc8851:5/3]
        most = limits.max_pixels_per_second / pixels
        framerate = most if framerate is None else min(framerate, most)
    bits = None if limits.max_bits_per_pixel is None else limits.max_bits_per_pixel * pixels
    return Restricted(replace(encoding, max_framerate=framerate), scale, bits)


def fitting_scale(limits: "PictureRestrictions", width: int, height: int, scale: float) -> float:
    """Return by what to divide width and height so that they keep to the limits; the given scale or more."""
    bounds = ((limits.max_width, width), (limits.max_height, height))
    needed = [side / limit for limit, side in bounds if limit]
    if limits.max_pixels:
        needed.append(math.sqrt(width * height / limits.max_pixels))
    scale = max(scale, 1.0, *needed)
    while not _fits(limits, *(size := _encoded_size(width, height, scale))) and max(size) > SMALLEST:
        scale *= STEP
    return scale


def _fits(limits: "PictureRestrictions", width: int, height: int) -> bool:
    return (
        (limits.max_width is None or width <= limits.max_width)
        and (limits.max_height is None or height <= limits.max_height)
        and (limits.max_pixels is None or width * height <= limits.max_pixels)
    )


def _encoded_size(width: int, height: int, scale: float) -> tuple[int, int]:
    """Return the largest size that an encoder may make of a picture: to even numbers it may round up."""
    return _even(width / scale), _even(height / scale)


def _even(pixels: float) -> int:
    # A hair above a whole number is a matter of division, not of size.
    return max(SMALLEST, 2 * math.ceil((pixels - 1e-6) / 2))
