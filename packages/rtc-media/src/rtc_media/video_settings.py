"""How each of libav's video encoders is told to work in real time: one picture in, one picture out, at a constant bit rate.

The names are those of FFmpeg's documentation of codecs. Common to all: no picture is held back, a picture of type I becomes a key
frame that decoding may start with, and no key frames come by themselves (a receiver asks for the one it needs).
"""

import os
from collections.abc import Callable, Mapping
from typing import Final

from rtc_media.dataclass import dataclass
from rtc_media.limits import h264_profile_level
from rtc_rtp.payload.h264_profile import H264Profile

LARGEST_SLICE: Final = 1000
"""Bytes of a NAL unit of H.264 that has to fit into one packet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """What is to be encoded."""

    width: int
    height: int
    bitrate_bps: int
    parameters: Mapping[str, str]
    """Format parameters of the decoder."""
    temporal_layers: int
    """1 to 3."""
    screen: bool
    """Whether it shows text and other things that people draw, rather than what a camera sees."""

    @property
    def pixel_count(self) -> int:
        """Of one picture."""
        return self.width * self.height


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoEncoderKind:
    """One of libav's encoders."""

    options: Callable[[Stream], dict[str, str]]
    changes_bitrate: bool = False
    """Whether the rate can be changed while it runs; others have to be opened anew, which costs a key frame."""
    has_temporal_layers: bool = False
    efficiency: float = 1.0
    """How much more picture it makes of a bit than VP8 does."""
    smallest: int = 2
    """Pixels of the shorter side that it still takes."""


def _constant(stream: Stream, seconds: float) -> dict[str, str]:
    """A rate that stays what it is, measured over so many seconds."""
    rate = str(stream.bitrate_bps)
    return {"minrate": rate, "maxrate": rate, "bufsize": str(int(stream.bitrate_bps * seconds))}


def _vpx(stream: Stream) -> dict[str, str]:
    return _constant(stream, 1.0) | {
        "deadline": "realtime",
        "lag-in-frames": "0",
        "auto-alt-ref": "0",
        "rc_init_occupancy": str(int(stream.bitrate_bps * 0.8)),
        "undershoot-pct": "100",
        "overshoot-pct": "15",
        "max-intra-rate": "900",
        "qmin": "2",
        "qmax": "56",
    }


def _vp8(stream: Stream) -> dict[str, str]:
    options = _vpx(stream) | {
        # The faster the larger. Negative: exactly so; positive: as the processor allows, which makes results hard to repeat.
        "cpu-used": "-4" if stream.pixel_count <= 320 * 240 else "-6" if stream.pixel_count <= 640 * 480 else "-8",
        "static-thresh": "1",
        "screen-content-mode": "1" if stream.screen else "0",
    }
    if stream.temporal_layers > 1:
        options["ts-parameters"] = _temporal_layers(stream)
        options["error-resilient"] = "1"
    return options


def _vp9(stream: Stream) -> dict[str, str]:
    options = _vpx(stream) | {
        "cpu-used": "7" if stream.pixel_count <= 640 * 480 else "8",
        "row-mt": "1",
        "tile-columns": "1" if stream.width >= 512 else "0",
        "aq-mode": "3",  # refresh a part of the picture after the other
        "tune-content": "screen" if stream.screen else "default",
    }
    if stream.temporal_layers > 1:
        options["ts-parameters"] = _temporal_layers(stream)
        options["error-resilient"] = "1"
    return options


def _temporal_layers(stream: Stream) -> str:
    """Shares of the rate as in libwebrtc: 60 and 40, or 40, 20 and 40 per cent."""
    kilobits = stream.bitrate_bps // 1000
    shares, decimators, layers = {
        2: ((0.6, 1.0), "2,1", "0,1"),
        3: ((0.4, 0.6, 1.0), "4,2,1", "0,2,1,2"),
    }[stream.temporal_layers]
    rates = ",".join(str(int(kilobits * share)) for share in shares)
    count = stream.temporal_layers
    return (
        f"ts_number_layers={count}:ts_target_bitrate={rates}:ts_rate_decimator={decimators}"
        f":ts_periodicity={layers.count(',') + 1}:ts_layer_id={layers}:ts_layering_mode={count}"
    )


_PROFILES: Final = {
    H264Profile.MAIN: "main",
    H264Profile.HIGH: "high",
    # These forbid interlacing and B pictures, which low delay never uses.
    H264Profile.CONSTRAINED_HIGH: "high",
    H264Profile.PROGRESSIVE_HIGH: "high",
}
"""What libx264 calls the richest profile that both it and such a decoder know, where it is not Baseline."""


def _x264(stream: Stream) -> dict[str, str]:
    return _constant(stream, 0.5) | {
        "preset": "veryfast" if stream.pixel_count <= 640 * 480 else "superfast",
        "tune": "zerolatency",
        "profile": _PROFILES.get(h264_profile_level(stream.parameters).profile, "baseline"),
        "forced-idr": "1",
        # [rfc7742:6.2/6] Parameter sets go in-band, before each IDR picture: so it is without AV_CODEC_FLAG_GLOBAL_HEADER.
        "x264-params": "scenecut=0:repeat-headers=1:annexb=1" + _slices(stream),
    }


def _slices(stream: Stream) -> str:
    """Packets of mode 0 hold whole NAL units and cannot cut them, so the encoder has to. See :rfc:`6184#section-6.2`."""
    mode = stream.parameters.get("packetization-mode", "0")
    return f":slice-max-size={LARGEST_SLICE}" if mode == "0" else ""


def _openh264(stream: Stream) -> dict[str, str]:
    return {"rc_mode": "bitrate", "allow_skip_frames": "0", "profile": "constrained_baseline"} | _constant(stream, 1.0)


def _x265(stream: Stream) -> dict[str, str]:
    return _constant(stream, 0.5) | {
        "preset": "ultrafast",
        "tune": "zerolatency",
        "forced-idr": "1",
        "x265-params": "log-level=none:repeat-headers=1:scenecut=0:info=0",
    }


def _svt(stream: Stream) -> dict[str, str]:
    # It talks on standard error unless told otherwise, by this variable alone.
    os.environ.setdefault("SVT_LOG", "0")
    return {
        "preset": "9" if stream.pixel_count <= 640 * 480 else "10",
        "svtav1-params": f"rtc=1:pred-struct=1:rc=2:lookahead=0:lp=1:scm={1 if stream.screen else 0}",
    }


def _libaom(stream: Stream) -> dict[str, str]:
    return _constant(stream, 1.0) | {
        "usage": "realtime",
        "cpu-used": "9",
        "lag-in-frames": "0",
        "row-mt": "1",
        "aq-mode": "3",
        "enable-cdef": "1",
    }


VIDEO_ENCODERS: Final[dict[str, VideoEncoderKind]] = {
    "libvpx": VideoEncoderKind(options=_vp8, has_temporal_layers=True),
    "libvpx-vp9": VideoEncoderKind(options=_vp9, efficiency=1.4, has_temporal_layers=True),
    "libx264": VideoEncoderKind(options=_x264, changes_bitrate=True),
    "libopenh264": VideoEncoderKind(options=_openh264, smallest=16),
    "libx265": VideoEncoderKind(options=_x265, efficiency=1.4, smallest=16),
    "libsvtav1": VideoEncoderKind(options=_svt, efficiency=1.7, smallest=64),
    "libaom-av1": VideoEncoderKind(options=_libaom, efficiency=1.7, smallest=16),
}
"""By libav's names."""


def thread_count(pixel_count: int) -> int:
    """Return how many threads encode a picture.

    They wait for each other at every row of blocks: where other work wants the processor too, that costs far more than it gains. So one
    third of the cores is used, and small pictures are done before a second thread has begun.
    """
    wanted = 1 if pixel_count < 640 * 480 else 2 if pixel_count < 1280 * 720 else 4 if pixel_count < 1920 * 1080 else 8
    return max(1, min(wanted, (os.cpu_count() or 1) // 3))
