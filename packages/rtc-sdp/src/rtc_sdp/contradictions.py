"""Restrictions of a ``rid`` that leave nothing which could be sent, given the codecs it is for.

All bounds of a ``rid`` are upper ones, and so are most of ``fmtp``: of two the lower one holds, and they cannot contradict each other.
What remains are codecs that know one rate alone, sizes that ``imageattr`` demands, and bounds that allow nothing.

See :rfc:`8851#section-6.4` and :rfc:`8851#section-8`.
"""

from __future__ import annotations

import re
from typing import Final, TypeAlias

from rtc_sdp.errors import ParseError
from rtc_sdp.formats import rtpmaps
from rtc_sdp.media import MediaDescription
from rtc_sdp.rtp import ALL_FORMATS, ImageAttr, RtpMap
from rtc_sdp.simulcast import Rid, RidDirection

PICTURE_RESTRICTIONS: Final = frozenset({"max-bpp", "max-fps", "max-fs", "max-height", "max-pps", "max-width"})
"""Those that mean nothing where there is no picture."""

NUMERIC_RESTRICTIONS: Final = PICTURE_RESTRICTIONS | {"max-br"}

LEAST_BITS_PER_PIXEL: Final = 0.0001
"""The range of ``max-bpp`` (:rfc:`8851#section-5`)."""
MOST_BITS_PER_PIXEL: Final = 48.0

FIXED_BITRATES_BPS: Final = {"pcmu": 64_000, "pcma": 64_000, "g722": 64_000}
"""What those codecs take whatever one does, bits per second of payload (:rfc:`3551#section-4.5`)."""

MAX_SIZES: Final = 16
"""Sets of sizes that ``imageattr`` may name for one direction; where there are more, nobody looks at them: it would be done for each ``rid``."""

_Capacity: TypeAlias = tuple[int, tuple[tuple[int, int], ...]]
"""Of a format: bits per second that it always takes, and the least sizes of its pictures, nothing if any will do."""

_NUMBER: Final = re.compile(r"[0-9]{1,10}(\.[0-9]{1,4})?", re.ASCII)
_RANGE_START: Final = re.compile(r"\[?([0-9]{1,6})", re.ASCII)


def number(text: str | None) -> float | None:
    """Return the number that a restriction writes; None if it is none."""
    return float(text or "") if _NUMBER.fullmatch(text or "") is not None else None


class Capacities:
    """What the formats of one section can be, read once for all its ``rid`` lines.

    Raises:
        ParseError: An ``rtpmap`` is malformed.
    """

    __slots__ = ("_formats", "_has_pictures")

    def __init__(self, media: MediaDescription) -> None:
        known = rtpmaps(media)
        self._has_pictures = media.media_type != "audio"
        self._formats: dict[RidDirection, dict[str, _Capacity]] = {}
        for direction in RidDirection:
            sizes = _least_sizes(media, direction)
            self._formats[direction] = {
                fmt: (_fixed_bitrate(known.get(fmt)), (*sizes.get(ALL_FORMATS, ()), *sizes.get(fmt, ())))
                for fmt in media.formats
            }

    def contradict(self, rid: Rid) -> bool:
        """Whether nothing can be sent as a ``rid`` of the section wants it: by one of the formats that it names, or by any at all."""
        bounds = {name: value for name, value in rid.restrictions if name in NUMERIC_RESTRICTIONS and value is not None}
        if not bounds:
            return False
        values = {name: number(value) for name, value in bounds.items()}
        least = {"max-bpp": LEAST_BITS_PER_PIXEL}
        if any(value is None or value <= 0 or value < least.get(name, 0) for name, value in values.items()):
            return True
        if (values.get("max-bpp") or 0) > MOST_BITS_PER_PIXEL:
            return True
        if not self._has_pictures and not PICTURE_RESTRICTIONS.isdisjoint(values):
            return True
        limits = {name: value for name, value in values.items() if value is not None}
        formats = self._formats[rid.direction]
        if rid.formats:
            return not all(_fits(formats[fmt], limits) for fmt in rid.formats)
        # A section may name very many formats, which are of few kinds.
        return not any(_fits(each, limits) for each in set(formats.values()))


def _fixed_bitrate(rtpmap: RtpMap | None) -> int:
    return 0 if rtpmap is None else FIXED_BITRATES_BPS.get(rtpmap.encoding.lower(), 0)


def _fits(capacity: _Capacity, limits: dict[str, float]) -> bool:
    bitrate_bps, sizes = capacity
    if bitrate_bps > limits.get("max-br", float("inf")):
        return False
    return not sizes or any(
        width <= limits.get("max-width", width)
        and height <= limits.get("max-height", height)
        and width * height <= limits.get("max-fs", width * height)
        for width, height in sizes
    )


def _least_sizes(media: MediaDescription, direction: RidDirection) -> dict[str, list[tuple[int, int]]]:
    """Return the smallest width and height of every set of sizes that ``imageattr`` names, by format; nothing if any size will do."""
    try:
        lines = media.get_all(ImageAttr)
    except ParseError:
        return {}
    found: dict[str, list[tuple[int, int]]] = {}
    for line in lines:
        keyword = ""
        for text in line.sizes.split():
            if text in ("send", "recv"):
                keyword = text
            elif keyword == direction.value and (size := _least(text)) is not None:
                found.setdefault(line.format, []).append(size)
    return found if sum(map(len, found.values())) <= MAX_SIZES else {}


def _least(text: str) -> tuple[int, int] | None:
    """Return the smallest size of ``[x=...,y=...]``."""
    match = re.fullmatch(r"\[x=(\[[^]]*\]|[0-9]+),y=(\[[^]]*\]|[0-9]+)(?:,.*)?\]", text)
    starts = [_RANGE_START.match(each) for each in match.groups()] if match is not None else []
    width, height = starts if len(starts) == 2 else (None, None)
    return None if width is None or height is None else (int(width[1]), int(height[1]))
