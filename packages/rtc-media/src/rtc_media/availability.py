"""Which codecs the installed libav can encode and decode: found out by asking it, never assumed.

Builds of FFmpeg differ: PyAV's wheels, Debian's and conda's packages each have other encoders. For every media type there is a list of
libav's names in the order in which we like them.
"""

from functools import cache
from typing import Final, Literal

import av

ENCODERS: Final[dict[str, tuple[str, ...]]] = {
    # [rfc7874:3/2] [rfc7874:3/1] Opus and G.711, and G.722 for those who have nothing better.
    "audio/opus": ("libopus",),
    "audio/g722": ("g722",),
    "audio/pcmu": ("pcm_mulaw",),
    "audio/pcma": ("pcm_alaw",),
    # [rfc7742:5/2] [rfc7742:6.1/1] [rfc7742:6.2/1] [rfc7742:6.2/13] Both of these; their payload formats are in rtc-rtp.
    "video/vp8": ("libvpx",),
    "video/h264": ("libx264", "libopenh264"),
    "video/vp9": ("libvpx-vp9",),
    "video/h265": ("libx265",),
    "video/av1": ("libsvtav1", "libaom-av1"),
}
"""By media type in lower case."""

DECODERS: Final[dict[str, tuple[str, ...]]] = {
    "audio/opus": ("libopus", "opus"),
    "audio/g722": ("g722",),
    "audio/pcmu": ("pcm_mulaw",),
    "audio/pcma": ("pcm_alaw",),
    "video/vp8": ("vp8", "libvpx"),
    "video/vp9": ("vp9", "libvpx-vp9"),
    "video/h264": ("h264", "libopenh264"),
    "video/h265": ("hevc",),
    "video/av1": ("libdav1d", "libaom-av1"),
}
"""By media type in lower case."""


@cache
def encoder_name(mime_type: str) -> str | None:
    """Return libav's name of the encoder for a media type; None if this build has none."""
    return _first_of(ENCODERS.get(mime_type.lower(), ()), "w")


@cache
def decoder_name(mime_type: str) -> str | None:
    """Return libav's name of the decoder for a media type; None if this build has none."""
    return _first_of(DECODERS.get(mime_type.lower(), ()), "r")


def _first_of(names: tuple[str, ...], mode: Literal["r", "w"]) -> str | None:
    for name in names:
        if name in av.codecs_available:
            try:  # one name may stand for the encoder alone, or the decoder
                av.Codec(name, mode)
            except av.codec.codec.UnknownCodecError:
                continue
            return name
    return None
