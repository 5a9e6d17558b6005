"""Restrictions of a ``rid`` that leave nothing which could be sent, given the codecs it is for.

All bounds of a ``rid`` are upper ones, and so are most of ``fmtp``: of two the lower one holds, and they cannot contradict each other.
What remains are codecs that know one rate alone, sizes that ``imageattr`` demands, and bounds that allow nothing.

See :rfc:`8851#section-6.4` and :rfc:`8851#section-8`.
"""

from __future__ import annotations

import re
from typing import Final

from rtc_sdp.errors import ParseError
from rtc_sdp.formats import rtpmaps
from rtc_sdp.media import MediaDescription
from rtc_sdp.rtp import ALL_FORMATS, ImageAttr, RtpMap
from rtc_sdp.simulcast import Rid

PICTURE_RESTRICTIONS: Final = frozenset({"max-bpp", "max-fps", "max-fs", "max-height", "max-pps", "max-width"})
"""Those that mean nothing where there is no picture."""

NUMERIC_RESTRICTIONS: Final = PICTURE_RESTRICTIONS | {"max-br"}

LEAST_BITS_PER_PIXEL: Final = 0.0001
"""The range of ``max-bpp`` (:rfc:`8851#section-5`)."""
MOST_BITS_PER_PIXEL: Final = 48.0

FIXED_BITRATES_BPS: Final = {"pcmu": 64_000, "pcma": 64_000, "g722": 64_000}
"""What those codecs take whatever one does, bits per second of payload (:rfc:`3551#section-4.5`)."""

_NUMBER: Final = re.compile(r"[0-9]{1,10}(\.[0-9]{1,4})?", re.ASCII)
_RANGE_START: Final = re.compile(r"\[?([0-9]{1,6})", re.ASCII)


def number(text: str | None) -> float | None:
    """Return the number that a restriction writes; None if it is none."""
    return float(text or "") if _NUMBER.fullmatch(text or "") is not None else None


def contradicts(rid: Rid, media: MediaDescription) -> bool:
    """Whether nothing can be sent as a ``rid`` of a section wants it: by one of the formats that it names, or by any of the section.

    Raises:
        ParseError: An ``rtpmap`` is malformed.
    """
    bounds = {name: value for name, value in rid.restrictions if name in NUMERIC_RESTRICTIONS and value is not None}
    if not bounds:
        return False
    values = {name: number(value) for name, value in bounds.items()}
    least = {"max-bpp": LEAST_BITS_PER_PIXEL}
    if any(value is None or value <= 0 or value < least.get(name, 0) for name, value in values.items()):
        return True
    if (values.get("max-bpp") or 0) > MOST_BITS_PER_PIXEL:
        return True
    limits = {name: value for name, value in values.items() if value is not None}
    known = rtpmaps(media)
    fits = [_fits(fmt, known.get(fmt), limits, rid, media) for fmt in rid.formats or media.formats]
    return not (all(fits) if rid.formats else any(fits))


def _fits(fmt: str, rtpmap: RtpMap | None, limits: dict[str, float], rid: Rid, media: MediaDescription) -> bool:
    if media.media_type == "audio" and not PICTURE_RESTRICTIONS.isdisjoint(limits):
        return False
    if rtpmap is not None and FIXED_BITRATES_BPS.get(rtpmap.encoding.lower(), 0) > limits.get("max-br", float("inf")):
        return False
    sizes = _least_sizes(fmt, rid.direction.value, media)
    return not sizes or any(
        width <= limits.get("max-width", width)
        and height <= limits.get("max-height", height)
        and width * height <= limits.get("max-fs", width * height)
        for width, height in sizes
    )


def _least_sizes(fmt: str, direction: str, media: MediaDescription) -> list[tuple[int, int]]:
    """Return the smallest width and height of every set of sizes that ``imageattr`` names; nothing if any size will do."""
    try:
        lines = [each for each in media.get_all(ImageAttr) if each.format in (fmt, ALL_FORMATS)]
    except ParseError:
        return []
    found: list[tuple[int, int]] = []
    for line in lines:
        for part in re.split(r"\s+(?=send\b|recv\b)", line.sizes):
            keyword, _, sets = part.partition(" ")
            if keyword == direction:
                found += [size for text in sets.split() if (size := _least(text)) is not None]
    return found


def _least(text: str) -> tuple[int, int] | None:
    """Return the smallest size of ``[x=...,y=...]``."""
    match = re.fullmatch(r"\[x=(\[[^]]*\]|[0-9]+),y=(\[[^]]*\]|[0-9]+)(?:,.*)?\]", text)
    starts = [_RANGE_START.match(each) for each in match.groups()] if match is not None else []
    width, height = starts if len(starts) == 2 else (None, None)
    return None if width is None or height is None else (int(width[1]), int(height[1]))
