"""What header extensions tell of a frame that came. What is malformed is as good as absent."""

from typing import TypeVar

from rtc_rtp.errors import ParseError
from rtc_rtp.extensions.audio_level import AUDIO_LEVEL, CSRC_AUDIO_LEVEL, AudioLevel
from rtc_rtp.extensions.time import ABS_CAPTURE_TIME, NTP_64
from rtc_rtp.extensions.video import VIDEO_ORIENTATION, VideoOrientation
from rtc_rtp.header_extension import ExtensionMap, HeaderExtension
from rtc_rtp.ntp import ntp_to_wall_clock
from rtc_rtp.packet import RtpPacket
from rtc_rtp.parameters import ReceiveParameters

V = TypeVar("V")


def audio_level(packet: RtpPacket, parameters: ReceiveParameters) -> AudioLevel | None:
    """Return how loud a packet is. See :rfc:`6464`."""
    level = _read(packet, parameters.header_extensions, AUDIO_LEVEL)
    # [rfc6464:3/2] [rfc6464:4/2]
    if level is None or parameters.voice_activity:
        return level
    return AudioLevel(level.level)


def source_levels(packet: RtpPacket, negotiated: ExtensionMap) -> list[int | None]:
    """Return how loud each contributing source of a packet is, in -dBov. See :rfc:`6465`."""
    levels = _read(packet, negotiated, CSRC_AUDIO_LEVEL) or ()
    return [levels[index] if index < len(levels) else None for index in range(len(packet.csrcs))]


def capture_time(packet: RtpPacket, negotiated: ExtensionMap) -> float | None:
    """Return when the frame was captured by the clock of who captured it, in seconds since 1970."""
    found = _read(packet, negotiated, ABS_CAPTURE_TIME)
    return None if found is None else ntp_to_wall_clock(found.timestamp)


def ntp_time(packet: RtpPacket, negotiated: ExtensionMap) -> int | None:
    """Return the sender's clock at the instant of a packet's timestamp, a 64-bit NTP timestamp. See :rfc:`6051#section-3.3`."""
    return _read(packet, negotiated, NTP_64)


def orientation(value: bytes) -> VideoOrientation | None:
    """Return how the picture is to be turned that ends with a packet which says so."""
    return _parse(value, VIDEO_ORIENTATION)


def _read(packet: RtpPacket, negotiated: ExtensionMap, extension: HeaderExtension[V]) -> V | None:
    identifier = negotiated.id_of(extension)
    value = None if identifier is None else packet.extension(identifier)
    return None if value is None else _parse(value, extension)


def _parse(value: bytes, extension: HeaderExtension[V]) -> V | None:
    try:
        return extension.parse(value)
    except ParseError:
        return None
