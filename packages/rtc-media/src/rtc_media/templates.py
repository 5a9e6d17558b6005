"""What a file has to know of a stream before its first packet, read off that packet by libav itself.

A muxer wants more than a codec's name: H.264's parameter sets, the size of pictures. libav's demuxers find all of this in the bitstream, so
the first key frame is shown to one of them, as a file in memory; its stream then serves as the pattern of the new one.
"""

import struct
from io import BytesIO
from typing import Final

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from rtc_media.errors import MediaError, libav_fails_as
from rtc_rtp import EncodedFrame

_IVF_CODES: Final = {"video/vp8": b"VP80", "video/vp9": b"VP90", "video/av1": b"AV01"}
_RAW_FORMATS: Final = {"video/h264": "h264", "video/h265": "hevc"}
_IVF_HEADER: Final = struct.Struct("<4sHH4sHHIIII")
_IVF_FRAME: Final = struct.Struct("<IQ")
TEMPORAL_DELIMITER: Final = b"\x12\x00"


def stream_template(keyframe: EncodedFrame) -> tuple[InputContainer, VideoStream]:
    """Return a stream like the one that begins with this key frame, and the container that has to live as long.

    Raises:
        MediaError: libav does not see a key frame of the frame's type in it.
    """
    mime_type = (keyframe.mime_type or "").lower()
    if mime_type in _RAW_FORMATS:
        data, name = keyframe.data, _RAW_FORMATS[mime_type]
    elif mime_type in _IVF_CODES:
        data, name = _ivf(_IVF_CODES[mime_type], keyframe), "ivf"
    else:
        raise MediaError(f"files do not hold {keyframe.mime_type or 'frames without a mime_type'}")
    with libav_fails_as(MediaError, f"no key frame of {mime_type}"):
        container = av.open(BytesIO(data), "r", format=name)
        stream = container.streams.video[0]
    if not stream.width:
        raise MediaError(f"no key frame of {mime_type}: libav finds no picture in it")
    return container, stream


def with_temporal_delimiter(data: bytes) -> bytes:
    """Begin a temporal unit of AV1 as files want it (type 2, with a size of 0)."""
    return data if data.startswith(TEMPORAL_DELIMITER) else TEMPORAL_DELIMITER + data


def _ivf(code: bytes, frame: EncodedFrame) -> bytes:
    data = with_temporal_delimiter(frame.data) if code == b"AV01" else frame.data
    metadata = frame.metadata
    width, height = (metadata.width or 0, metadata.height or 0) if metadata is not None else (0, 0)
    header = _IVF_HEADER.pack(b"DKIF", 0, _IVF_HEADER.size, code, width, height, 90_000, 1, 1, 0)
    return header + _IVF_FRAME.pack(len(data), 0) + data
