"""When a packet was sent or its content captured: four extensions, each with a clock of its own."""

from struct import Struct
from typing import Final

from rtc_rtp.dataclass import dataclass
from rtc_rtp.errors import ParseError
from rtc_rtp.extensions.integer import parse_integer, serialize_integer
from rtc_rtp.header_extension import HeaderExtension

_TIMESTAMP: Final = Struct("!Q")
_TIMESTAMP_AND_OFFSET: Final = Struct("!Qq")
_SEND_TIME_FRACTION: Final = 1 << 18
_SEND_TIME_MODULUS: Final = 1 << 24

TRANSMISSION_OFFSET: Final = HeaderExtension(
    "urn:ietf:params:rtp-hdrext:toffset",
    parse=parse_integer(3, "a transmission offset", signed=True),
    serialize=serialize_integer(3, "a transmission offset", signed=True),
)
"""How much later than its RTP timestamp says the packet was sent, in ticks, 24 bits with sign (:rfc:`5450`)."""

NTP_64: Final = HeaderExtension(
    "urn:ietf:params:rtp-hdrext:ntp-64",
    parse=parse_integer(8, "an NTP timestamp"),
    serialize=serialize_integer(8, "an NTP timestamp"),
)
"""The instant of the packet's RTP timestamp, a 64-bit NTP timestamp (:rfc:`6051#section-3.3`)."""

NTP_56: Final = HeaderExtension(
    "urn:ietf:params:rtp-hdrext:ntp-56",
    parse=parse_integer(7, "a short NTP timestamp"),
    serialize=serialize_integer(7, "a short NTP timestamp"),
)
"""The same without its highest 8 bits."""


def parse_abs_send_time(data: bytes) -> float:
    """Return the sender's clock when the packet left, in seconds modulo 64.

    Raises:
        ParseError: It has not three bytes.
    """
    if len(data) != 3:
        raise ParseError(f"an absolute send time has 3 bytes, not {len(data)}")
    return int.from_bytes(data, "big") / _SEND_TIME_FRACTION


def serialize_abs_send_time(seconds: float) -> bytes:
    """Return the bytes of a time: seconds of any clock, sent modulo 64 with 18 bits of fraction."""
    return (int(seconds * _SEND_TIME_FRACTION) % _SEND_TIME_MODULUS).to_bytes(3, "big")


ABS_SEND_TIME: Final = HeaderExtension(
    "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
    parse=parse_abs_send_time,
    serialize=serialize_abs_send_time,
)
"""The sender's clock when the packet left, in seconds modulo 64."""


@dataclass(slots=True)
class AbsoluteCaptureTime:
    """When the first sample or the picture was captured, by the clock of who captured it."""

    timestamp: int
    """64-bit NTP timestamp."""
    clock_offset: int | None = None
    """What to add to come to the clock of who sent the packet: 32 bits of seconds with sign, 32 of fraction; None if
    that is not known."""


def parse_abs_capture_time(data: bytes) -> AbsoluteCaptureTime:
    """Parse a capture time: 8 bytes, or 16 with the offset of clocks.

    Raises:
        ParseError: It has neither 8 bytes nor 16.
    """
    if len(data) == _TIMESTAMP.size:
        return AbsoluteCaptureTime(_TIMESTAMP.unpack(data)[0])
    if len(data) != _TIMESTAMP_AND_OFFSET.size:
        raise ParseError(f"an absolute capture time has 8 or 16 bytes, not {len(data)}")
    return AbsoluteCaptureTime(*_TIMESTAMP_AND_OFFSET.unpack(data))


def serialize_abs_capture_time(value: AbsoluteCaptureTime) -> bytes:
    """Return the bytes of a capture time.

    Raises:
        ValueError: A field has more than 64 bits.
    """
    if not 0 <= value.timestamp < 1 << 64 or not -1 << 63 <= (value.clock_offset or 0) < 1 << 63:
        raise ValueError(f"{value} does not fit 64 bits")
    if value.clock_offset is None:
        return _TIMESTAMP.pack(value.timestamp)
    return _TIMESTAMP_AND_OFFSET.pack(value.timestamp, value.clock_offset)


ABS_CAPTURE_TIME: Final = HeaderExtension(
    "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time",
    parse=parse_abs_capture_time,
    serialize=serialize_abs_capture_time,
)
"""When the content was captured: `AbsoluteCaptureTime`."""
