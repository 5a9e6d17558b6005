"""Payload formats: how each codec's frames travel in RTP packets.

`payload_format` finds the one for a media type; a module per format holds the rest.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Final

from rtc_rtp.payload.format import PayloadFormat
from rtc_rtp.payload.fragments import MIN_PAYLOAD_LENGTH

__all__ = ["MIN_PAYLOAD_LENGTH", "PAYLOAD_FORMATS", "PayloadFormat", "payload_format"]

_DEFINED_IN: Final = {
    "audio/cn": ("comfort_noise", "ComfortNoiseFormat"),
    "audio/g722": ("g722", "G722Format"),
    "audio/l16": ("l16", "L16Format"),
    "audio/opus": ("opus", "OpusFormat"),
    "audio/pcma": ("g711", "PcmaFormat"),
    "audio/pcmu": ("g711", "PcmuFormat"),
    "video/av1": ("av1", "Av1Format"),
    "video/h264": ("h264", "H264Format"),
    "video/h265": ("h265", "H265Format"),
    "video/vp8": ("vp8", "Vp8Format"),
    "video/vp9": ("vp9", "Vp9Format"),
}

PAYLOAD_FORMATS: Final = frozenset(_DEFINED_IN)
"""The media types that `payload_format` knows, in lower case."""


def payload_format(mime_type: str, parameters: Mapping[str, str]) -> PayloadFormat | None:
    """Make the payload format of a codec, for one stream in one direction.

    Args:
        mime_type: Media type as in SDP, such as "video/VP8"; case does not matter.
        parameters: The codec's negotiated format parameters (a=fmtp), names in lower case.

    Returns:
        None if the format is not known here.

    Raises:
        ValueError: A parameter has a value that the format does not allow.
    """
    found = _DEFINED_IN.get(mime_type.lower())
    if found is None:
        return None
    module, name = found
    make: Callable[[Mapping[str, str]], PayloadFormat] = getattr(import_module(f"{__name__}.{module}"), name)
    return make(parameters)
