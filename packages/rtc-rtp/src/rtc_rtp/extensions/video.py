"""How a picture is to be shown: orientation, delay, kind of content, and times on its way."""

from struct import Struct
from typing import Final

from rtc_rtp.dataclass import dataclass
from rtc_rtp.errors import ParseError
from rtc_rtp.extensions.integer import parse_integer, serialize_integer
from rtc_rtp.header_extension import HeaderExtension

_ROTATIONS: Final = (0, 90, 180, 270)
_CAMERA: Final = 0x08
_FLIP: Final = 0x04
_DELAY_MASK: Final = 0xFFF
_DELAY_UNIT_MS: Final = 10
_TIMING: Final = Struct("!BHHHHHH")


@dataclass(slots=True)
class VideoOrientation:
    """How to turn a picture before it is shown (3GPP TS 26.114, section 7.4.5).

    ::

        0 0 0 0 | C | F | R1 R0
    """

    rotation: int
    """Degrees by which to turn it clockwise: 0, 90, 180 or 270."""
    flip: bool = False
    """Whether to mirror it, left to right, before it is turned: both tell of the picture as it is on its way."""
    back_camera: bool = False
    """Whether the camera looks away from its user."""


def parse_video_orientation(data: bytes) -> VideoOrientation:
    """Parse an orientation.

    Raises:
        ParseError: It is not one byte.
    """
    if len(data) != 1:
        raise ParseError(f"an orientation has 1 byte, not {len(data)}")
    byte = data[0]
    return VideoOrientation(_ROTATIONS[byte & 3], flip=bool(byte & _FLIP), back_camera=bool(byte & _CAMERA))


def serialize_video_orientation(value: VideoOrientation) -> bytes:
    """Return the byte of an orientation.

    Raises:
        ValueError: The rotation is no multiple of 90 degrees.
    """
    if value.rotation not in _ROTATIONS:
        raise ValueError(f"a rotation is one of {_ROTATIONS}, not {value.rotation}")
    flags = (_CAMERA if value.back_camera else 0) | (_FLIP if value.flip else 0)
    return bytes((flags | _ROTATIONS.index(value.rotation),))


VIDEO_ORIENTATION: Final = HeaderExtension(
    "urn:3gpp:video-orientation", parse=parse_video_orientation, serialize=serialize_video_orientation
)
"""How to turn the picture: `VideoOrientation`."""


@dataclass(slots=True)
class PlayoutDelay:
    """Bounds of the time from capture to display, in milliseconds; written in steps of 10."""

    minimum_ms: int
    """0 to 40,950."""
    maximum_ms: int
    """0 to 40,950, not below the minimum. Both 0: show it as soon as you can."""


def parse_playout_delay(data: bytes) -> PlayoutDelay:
    """Parse bounds: twice 12 bits in units of 10 ms.

    Raises:
        ParseError: It is not three bytes, or the minimum is above the maximum.
    """
    if len(data) != 3:
        raise ParseError(f"a playout delay has 3 bytes, not {len(data)}")
    word = int.from_bytes(data, "big")
    delay = PlayoutDelay((word >> 12) * _DELAY_UNIT_MS, (word & _DELAY_MASK) * _DELAY_UNIT_MS)
    if delay.minimum_ms > delay.maximum_ms:
        raise ParseError(f"{delay}: the minimum is above the maximum")
    return delay


def serialize_playout_delay(value: PlayoutDelay) -> bytes:
    """Return the bytes of bounds.

    Raises:
        ValueError: They are out of range, or in the wrong order.
    """
    minimum, maximum = value.minimum_ms // _DELAY_UNIT_MS, value.maximum_ms // _DELAY_UNIT_MS
    if not 0 <= minimum <= maximum <= _DELAY_MASK:
        raise ValueError(f"{value} is not within 0 to {_DELAY_MASK * _DELAY_UNIT_MS} ms")
    return (minimum << 12 | maximum).to_bytes(3, "big")


PLAYOUT_DELAY: Final = HeaderExtension(
    "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay",
    parse=parse_playout_delay,
    serialize=serialize_playout_delay,
)
"""Bounds of the time from capture to display: `PlayoutDelay`."""

UNSPECIFIED_CONTENT: Final = 0
SCREENSHARE_CONTENT: Final = 1

VIDEO_CONTENT_TYPE: Final = HeaderExtension(
    "http://www.webrtc.org/experiments/rtp-hdrext/video-content-type",
    parse=parse_integer(1, "a content type"),
    serialize=serialize_integer(1, "a content type"),
)
"""What the pictures show, 8 bits: `UNSPECIFIED_CONTENT`, `SCREENSHARE_CONTENT`."""

VIDEO_FRAME_TRACKING_ID: Final = HeaderExtension(
    "http://www.webrtc.org/experiments/rtp-hdrext/video-frame-tracking-id",
    parse=parse_integer(2, "a tracking ID"),
    serialize=serialize_integer(2, "a tracking ID"),
)
"""Number of a frame by which measurements find it again, 16 bits."""


@dataclass(slots=True)
class VideoTiming:
    """Milliseconds from the capture of a picture to stations on its way, 16 bits each."""

    flags: int = 0
    """8 bits: 1, sent at regular times; 2, sent because the frame is large."""
    encode_start_ms: int = 0
    encode_finish_ms: int = 0
    packetization_ms: int = 0
    pacer_exit_ms: int = 0
    network_ms: int = 0
    """Left for somebody on the way to fill."""
    network2_ms: int = 0


def parse_video_timing(data: bytes) -> VideoTiming:
    """Parse times: flags and six 16-bit numbers.

    Raises:
        ParseError: It is not 13 bytes.
    """
    if len(data) != _TIMING.size:
        raise ParseError(f"the timing of a video has {_TIMING.size} bytes, not {len(data)}")
    return VideoTiming(*_TIMING.unpack(data))


def serialize_video_timing(value: VideoTiming) -> bytes:
    """Return the bytes of times.

    Raises:
        ValueError: One of them is out of range.
    """
    times = (
        value.encode_start_ms,
        value.encode_finish_ms,
        value.packetization_ms,
        value.pacer_exit_ms,
        value.network_ms,
        value.network2_ms,
    )
    if not 0 <= value.flags <= 0xFF or any(not 0 <= time <= 0xFFFF for time in times):
        raise ValueError(f"{value} does not fit 8 and 16 bits")
    return _TIMING.pack(value.flags, *times)


VIDEO_TIMING: Final = HeaderExtension(
    "http://www.webrtc.org/experiments/rtp-hdrext/video-timing",
    parse=parse_video_timing,
    serialize=serialize_video_timing,
)
"""Times on the way of a picture: `VideoTiming`."""
