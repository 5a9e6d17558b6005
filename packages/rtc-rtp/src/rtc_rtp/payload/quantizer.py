"""How coarsely a picture is quantized, read off its header: statistics sum it up to tell how good pictures are.

See :rfc:`6386#section-9` and section 6.2 of the VP9 bitstream specification.
"""

import re
from collections.abc import Callable
from typing import Final

from rtc_rtp.bits import BitReader
from rtc_rtp.errors import ParseError

_VP8_START: Final = {True: 10, False: 3}
"""Where the compressed header begins: behind the frame tag, and in a key frame behind start code and size."""
LONGEST_HEADER: Final = 36
"""Bytes, of which as many as are looked at: the index of VP8 ends 186 bits behind where the compressed header begins, at most, which is byte 10."""


_VP8_HEADER: Final = re.compile(
    r"""
    (?: 0 | 1 (?:                                         # whether there is segmentation; whether its map and data are new
        00
        | 01 . (?: 0 | 1.{8} ){4} (?: 0 | 1.{7} ){4}      # absolute or not; quantizers and loop filters, those that are told
        | 10 (?: 0 | 1.{8} ){3}
        | 11 . (?: 0 | 1.{8} ){4} (?: 0 | 1.{7} ){4} (?: 0 | 1.{8} ){3}
    ))
    . .{6} .{3}                                           # loop filter: kind, level, sharpness
    (?: 0 | 10 | 11 (?: 0 | 1.{7} ){8} )                  # its adjustments, if there are any, and new ones
    .{2}                                                  # partitions
    ( .{7} )
    """,
    re.VERBOSE,
)
"""The compressed header of VP8, up to the index, bit by bit (:rfc:`6386#section-19.2`)."""


def quantizer_index(mime_type: str, data: bytes) -> int | None:
    """Return the index of a picture's quantizer; None where it is not known how to find it.

    Args:
        mime_type: Of the codec: VP8, whose indices are 0 to 127, and VP9, whose are 0 to 255, are known.
        data: The encoded picture.
    """
    find = _FINDERS.get(mime_type.lower())
    if find is None:
        return None
    try:
        return find(data[:LONGEST_HEADER])
    except ParseError:
        return None


def _vp8(data: bytes) -> int:
    if len(data) < 3:
        raise ParseError("a frame of VP8 has a tag of 3 bytes")
    is_key_frame = not data[0] & 1
    bits = _equally_likely_bits(data[_VP8_START[is_key_frame] :])
    found = _VP8_HEADER.match(bits, 2 if is_key_frame else 0)  # a key frame begins with colour space and clamping
    if found is None:
        raise ParseError("the header ends too early")
    return int(found[1], 2)


def _equally_likely_bits(data: bytes) -> str:
    """Return the bits that an arithmetic coder wrote, if all are as likely as not (:rfc:`6386#section-7`).

    A bit tells in which half of a range a value lies. The range of the first has 255 parts, of which the lower 128 mean 0. Whichever it is,
    its parts are halved evenly from then on: with all that was written taken as one number, the other bits are one division.
    """
    count = 8 * (len(data) - 1)
    if count <= 0:
        raise ParseError("the header ends too early")
    value = int.from_bytes(data, "big")
    lower = 128 << count
    first, others = (1, (value - lower) // 127) if value >= lower else (0, value // 128)
    if others >> count:
        raise ParseError("no coder writes what is beyond the range")
    return f"{first << count | others:0{count + 1}b}"


def _vp9(data: bytes) -> int:
    bits = BitReader(data)
    bits.skip(2)  # the frame marker
    profile = bits.read(1) | bits.read(1) << 1
    if profile == 3:
        bits.skip(1)
    if bits.read_flag():
        raise ParseError("a frame that was sent before is shown: it is not encoded anew")
    is_key_frame = not bits.read_flag()
    is_shown, is_resilient = bits.read_flag(), bits.read_flag()
    if is_key_frame:
        bits.skip(24)  # the sync code
        _skip_colour(bits, profile)
        bits.skip(32)
        _skip_render_size(bits)
    elif not is_shown and bits.read_flag():  # intra only
        _skip_intra_only(bits, profile, is_resilient=is_resilient)
    else:
        _skip_references(bits, is_resilient=is_resilient)
    if not is_resilient:
        bits.skip(2)  # contexts: refreshed, in parallel
    bits.skip(2)  # which context
    bits.skip(6 + 3)  # loop filter: level, sharpness
    if bits.read_flag() and bits.read_flag():  # adjustments, and new ones
        for _ in range(6):
            if bits.read_flag():
                bits.skip(7)
    return bits.read(8)


def _skip_intra_only(bits: BitReader, profile: int, *, is_resilient: bool) -> None:
    if not is_resilient:
        bits.skip(2)  # reset of contexts
    bits.skip(24)  # the sync code
    if profile > 0:
        _skip_colour(bits, profile)
    bits.skip(8 + 32)  # what it refreshes, and its size
    _skip_render_size(bits)


def _skip_references(bits: BitReader, *, is_resilient: bool) -> None:
    if not is_resilient:
        bits.skip(2)  # reset of contexts
    bits.skip(8 + 3 * 4)  # what it refreshes, and what it refers to
    if not (bits.read_flag() or bits.read_flag() or bits.read_flag()):  # whose size it has
        bits.skip(32)
    _skip_render_size(bits)
    bits.skip(1)  # precision of motion vectors
    if not bits.read_flag():  # whether the filter of motion is switched
        bits.skip(2)


def _skip_colour(bits: BitReader, profile: int) -> None:
    if profile >= 2:
        bits.skip(1)
    if bits.read(3) != 7:  # not sRGB
        bits.skip(1)
        if profile & 1:
            bits.skip(3)
    elif profile & 1:
        bits.skip(1)


def _skip_render_size(bits: BitReader) -> None:
    if bits.read_flag():
        bits.skip(32)


_FINDERS: Final[dict[str, Callable[[bytes], int]]] = {"video/vp8": _vp8, "video/vp9": _vp9}
