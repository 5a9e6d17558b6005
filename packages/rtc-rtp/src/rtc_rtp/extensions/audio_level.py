"""How loud a packet of audio is, for a mixer (:rfc:`6464`) and for those who hear one (:rfc:`6465`)."""

from collections.abc import Sequence
from typing import Final

from rtc_rtp.dataclass import dataclass
from rtc_rtp.errors import ParseError
from rtc_rtp.header_extension import HeaderExtension
from rtc_rtp.packet import MAX_CSRC_COUNT

# [rfc6464:3/1] [rfc6465:4/2]
SILENCE: Final = 127
"""The audio level of digital silence, in -dBov."""

_VOICE_ACTIVITY: Final = 0x80
_LEVEL: Final = 0x7F


@dataclass(slots=True, frozen=True)
class AudioLevel:
    """How loud one packet of audio is, as its sender measured it. See :rfc:`6464#section-3`."""

    level: int
    """-dBov: 0 is the loudest a sample can be, `SILENCE` (127) the most quiet."""
    voice_activity: bool | None = None
    """Whether the packet holds speech; None: the sender does not say."""


def parse_audio_level(data: bytes) -> AudioLevel:
    """Parse the level of a packet: ``V``, voice activity, and seven bits of -dBov.

    Where the peer negotiated ``vad=off``, the voice activity means nothing and is to be ignored.

    Raises:
        ParseError: It is not one byte.

    See :rfc:`6464#section-3`.
    """
    if len(data) != 1:
        raise ParseError(f"an audio level has 1 byte, not {len(data)}")
    return AudioLevel(data[0] & _LEVEL, voice_activity=data[0] >= _VOICE_ACTIVITY)


def serialize_audio_level(value: AudioLevel) -> bytes:
    """Return the byte of a level.

    Raises:
        ValueError: The level is not 0 to 127.
    """
    if not 0 <= value.level <= SILENCE:
        raise ValueError(f"an audio level is 0 to {SILENCE}, not {value.level}")
    # [rfc6464:4/1]
    return bytes((value.level | (_VOICE_ACTIVITY if value.voice_activity else 0),))


def parse_csrc_audio_levels(data: bytes) -> tuple[int, ...]:
    """Parse the levels of the contributing sources, in the order of the packet's CSRCs.

    Raises:
        ParseError: There are more than a packet has sources.

    See :rfc:`6465#section-4`.
    """
    if len(data) > MAX_CSRC_COUNT:
        raise ParseError(f"a packet has at most {MAX_CSRC_COUNT} contributing sources, not {len(data)}")
    return tuple([level & _LEVEL for level in data])


def serialize_csrc_audio_levels(levels: Sequence[int]) -> bytes:
    """Return the bytes of the levels, one for each CSRC of the packet.

    Raises:
        ValueError: There are more than 15, or one is not 0 to 127.
    """
    # [rfc6465:4/1]
    if len(levels) > MAX_CSRC_COUNT:
        raise ValueError(f"a packet has at most {MAX_CSRC_COUNT} contributing sources, not {len(levels)}")
    if any(not 0 <= level <= SILENCE for level in levels):
        raise ValueError(f"an audio level is 0 to {SILENCE}: {levels}")
    return bytes(levels)


AUDIO_LEVEL: Final = HeaderExtension(
    "urn:ietf:params:rtp-hdrext:ssrc-audio-level", parse=parse_audio_level, serialize=serialize_audio_level
)
"""The level of the packet itself: `AudioLevel`."""

CSRC_AUDIO_LEVEL: Final[HeaderExtension[Sequence[int]]] = HeaderExtension(
    "urn:ietf:params:rtp-hdrext:csrc-audio-level",
    parse=parse_csrc_audio_levels,
    serialize=serialize_csrc_audio_levels,
)
"""The level of each contributing source of the packet, in -dBov, 0 to 127."""
