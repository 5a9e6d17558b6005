"""How large and how fast a picture may be: what the peer's format parameters say it can decode.

Levels of H.264 (ITU-T H.264, Table A-1), of H.265 (ITU-T H.265, Tables A.8 and A.9) and of AV1 (its specification, Annex A.3), and the
parameters max-fs and max-fr of VP8 and VP9. All in macroblocks, 16 by 16 pixels, whatever the codec calls its own.
"""

import math
from collections.abc import Mapping
from typing import Final

from rtc_media.dataclass import dataclass
from rtc_rtp.payload.h264_profile import LEVEL_1B, H264ProfileLevel


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureLimits:
    """What a decoder can take; None where it does not say."""

    max_macroblocks: float | None = None
    """Of one picture."""
    max_macroblocks_per_second: float | None = None
    max_framerate: float | None = None
    """Frames per second."""
    max_bitrate_bps: int | None = None

    def fit(self, width: int, height: int, scale_down_by: float = 1.0) -> tuple[int, int]:
        """Return the largest size, both even, of the same shape that is allowed.

        Args:
            width: Of the source, pixels.
            height: Of the source, pixels.
            scale_down_by: Divide both by this first.
        """
        scale = max(scale_down_by, 1.0)
        while True:
            fitted = _even(width / scale), _even(height / scale)
            # [rfc7742:6.1/2] [rfc7742:6.2/5] A peer is never sent more than it said it can take.
            if self.max_macroblocks is None or _allowed(*fitted, self.max_macroblocks) or max(fitted) <= _SMALLEST:
                return fitted
            scale = max(scale * 1.02, math.sqrt(width * height / (self.max_macroblocks * 256)))

    @property
    def bounds_framerate(self) -> bool:
        """Whether `framerate` may return a number."""
        return self.max_framerate is not None or self.max_macroblocks_per_second is not None

    def framerate(self, width: int, height: int) -> float | None:
        """Return the most frames per second that are allowed of pictures of this size; None: as many as there are."""
        rates = []
        if self.max_framerate is not None:
            rates.append(self.max_framerate)
        if self.max_macroblocks_per_second is not None:
            rates.append(self.max_macroblocks_per_second / macroblocks(width, height))
        return min(rates, default=None)


_SMALLEST: Final = 16
"""Pixels; below this nobody is helped by making pictures smaller."""


def macroblocks(width: int, height: int) -> int:
    """Return how many macroblocks cover a picture."""
    return -(-width // 16) * -(-height // 16)


def picture_limits(mime_type: str, parameters: Mapping[str, str]) -> PictureLimits:
    """Read the limits out of the format parameters with which a peer described its decoder.

    What cannot be read limits nothing.
    """
    match mime_type.lower():
        case "video/vp8" | "video/vp9":
            # [rfc7742:6.1/2] VP9 has the same two parameters.
            return PictureLimits(
                max_macroblocks=_number(parameters, "max-fs"), max_framerate=_number(parameters, "max-fr")
            )
        case "video/h264":
            return _h264_limits(parameters)
        case "video/h265":
            # [rfc7798:7.1/2] level-id is thirty times the level; 93 (level 3.1) if it is not there.
            return _H265_LEVELS.get(int(_number(parameters, "level-id") or 93), PictureLimits())
        case "video/av1":
            # level-idx counts levels, four to each major number; 5 (level 3.1) if it is not there.
            index = _number(parameters, "level-idx")
            return _AV1_LEVELS.get(5 if index is None else int(index), PictureLimits())
        case _:
            return PictureLimits()


# --- H.264 ---

DEFAULT_PROFILE_LEVEL_ID: Final = "42e01f"
"""Constrained Baseline, level 3.1: what is taken for granted of a peer that says nothing.

:rfc:`6184#section-8.1` would take Baseline at level 1, pictures of 176 by 144; those who leave the parameter out never mean that.
"""

_H264_LEVELS: Final = {
    10: (1485, 99, 64),
    LEVEL_1B: (1485, 99, 128),
    11: (3000, 396, 192),
    12: (6000, 396, 384),
    13: (11_880, 396, 768),
    20: (11_880, 396, 2000),
    21: (19_800, 792, 4000),
    22: (20_250, 1620, 4000),
    30: (40_500, 1620, 10_000),
    31: (108_000, 3600, 14_000),
    32: (216_000, 5120, 20_000),
    40: (245_760, 8192, 20_000),
    41: (245_760, 8192, 50_000),
    42: (522_240, 8704, 50_000),
    50: (589_824, 22_080, 135_000),
    51: (983_040, 36_864, 240_000),
    52: (2_073_600, 36_864, 240_000),
}
"""Ten times the level: MaxMBPS (macroblocks a second), MaxFS (macroblocks), MaxBR (1000 bit/s in Baseline and Main)."""


def h264_profile_level(parameters: Mapping[str, str]) -> H264ProfileLevel:
    """Return profile and level of a decoder; what is taken for granted if it says nothing that can be read."""
    try:
        # [rfc7742:6.2/4]
        return H264ProfileLevel.parse(parameters.get("profile-level-id", DEFAULT_PROFILE_LEVEL_ID))
    except ValueError:
        return H264ProfileLevel.parse(DEFAULT_PROFILE_LEVEL_ID)


def _h264_limits(parameters: Mapping[str, str]) -> PictureLimits:
    per_second, size, bitrate = _H264_LEVELS.get(h264_profile_level(parameters).level, _H264_LEVELS[31])
    # [rfc7742:6.2/5] What a peer can do beyond its level.
    return PictureLimits(
        max_macroblocks=max(size, _number(parameters, "max-fs") or 0),
        max_macroblocks_per_second=max(per_second, _number(parameters, "max-mbps") or 0),
        max_bitrate_bps=int(max(bitrate, _number(parameters, "max-br") or 0)) * 1000,
    )


# --- H.265 and AV1 ---


def _luma(samples: int, per_second: int, kilobits: int) -> PictureLimits:
    return PictureLimits(
        max_macroblocks=samples / 256, max_macroblocks_per_second=per_second / 256, max_bitrate_bps=kilobits * 1000
    )


_H265_LEVELS: Final = {
    30: _luma(36_864, 552_960, 128),
    60: _luma(122_880, 3_686_400, 1500),
    63: _luma(245_760, 7_372_800, 3000),
    90: _luma(552_960, 16_588_800, 6000),
    93: _luma(983_040, 33_177_600, 10_000),
    120: _luma(2_228_224, 66_846_720, 12_000),
    123: _luma(2_228_224, 133_693_440, 20_000),
    150: _luma(8_912_896, 267_386_880, 25_000),
    153: _luma(8_912_896, 534_773_760, 40_000),
    156: _luma(8_912_896, 1_069_547_520, 60_000),
    180: _luma(35_651_584, 1_069_547_520, 60_000),
    183: _luma(35_651_584, 2_139_095_040, 120_000),
    186: _luma(35_651_584, 4_278_190_080, 240_000),
}
"""MaxLumaPs, MaxLumaSr and MaxBR of the Main tier."""

_AV1_LEVELS: Final = {
    0: _luma(147_456, 4_423_680, 1500),
    1: _luma(278_784, 8_363_520, 3000),
    4: _luma(665_856, 19_975_680, 6000),
    5: _luma(1_065_024, 31_950_720, 10_000),
    8: _luma(2_359_296, 70_778_880, 12_000),
    9: _luma(2_359_296, 141_557_760, 20_000),
    12: _luma(8_912_896, 267_386_880, 30_000),
    13: _luma(8_912_896, 534_773_760, 40_000),
    14: _luma(8_912_896, 1_069_547_520, 60_000),
    15: _luma(8_912_896, 1_069_547_520, 60_000),
    16: _luma(35_651_584, 1_069_547_520, 60_000),
    17: _luma(35_651_584, 2_139_095_040, 100_000),
    18: _luma(35_651_584, 4_278_190_080, 160_000),
    19: _luma(35_651_584, 4_278_190_080, 160_000),
}
"""MaxPicSize, MaxDisplayRate and MainMbps."""


def _number(parameters: Mapping[str, str], name: str) -> float | None:
    text = parameters.get(name)
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 < value < math.inf or (name == "level-idx" and value == 0) else None


def _even(pixels: float) -> int:
    return max(2, int(pixels + 0.5) & ~1)


def _allowed(width: int, height: int, most: float) -> bool:
    # Levels also bound each side, so that no picture is a thin strip: eight times as long as a square at most, squared.
    longest = math.sqrt(most * 8) * 16
    return macroblocks(width, height) <= most and max(width, height) <= longest
