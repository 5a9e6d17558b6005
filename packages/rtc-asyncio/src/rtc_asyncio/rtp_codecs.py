"""Codecs and header extensions between the W3C's dictionaries and those of the machine (WebRTC 1.0, sections 5.2 to 5.4)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from rtc_peer import CodecCapability, HeaderExtensionCapability, MediaOptions
from rtc_rtp import parameters_match
from rtc_sdp import Direction

from .codec_selection import CodecChoice, CodecSelection
from .dictionaries import converted
from .errors import InvalidModificationError
from .rtp_dictionaries import (
    RTCRtpCapabilities,
    RTCRtpCodec,
    RTCRtpCodecParameters,
    RTCRtpHeaderExtensionCapability,
    RTCRtpHeaderExtensionParameters,
    RTCRtpTransceiverDirection,
)

if TYPE_CHECKING:
    from rtc_rtp import ExtensionMap, RtpCodec

    from .tracks import MediaKind

DIRECTIONS: Final[tuple[RTCRtpTransceiverDirection, ...]] = ("sendrecv", "sendonly", "recvonly", "inactive", "stopped")


def capabilities(kind: str, choice: CodecChoice = "installed") -> RTCRtpCapabilities | None:
    """What could be sent and received of a kind; None for another word than "audio" or "video"."""
    found: dict[str, MediaKind] = {"audio": "audio", "video": "video"}
    known = found.get(kind)
    if known is None:
        return None
    options = CodecSelection(choice)
    return RTCRtpCapabilities(
        codecs=[codec_of(each) for each in options.codecs(known)],
        headerExtensions=[extension_of(each) for each in options.header_extensions(known)],
    )


def codec_of(codec: CodecCapability) -> RTCRtpCodec:
    """Give a codec that could be negotiated its W3C form."""
    return RTCRtpCodec(
        mimeType=codec.mime_type,
        clockRate=codec.clock_rate,
        channels=_channels(codec.mime_type, codec.channels),
        sdpFmtpLine=_fmtp(codec.parameters),
    )


def extension_of(extension: HeaderExtensionCapability) -> RTCRtpHeaderExtensionCapability:
    """Give a header extension that could be negotiated its W3C form, where "inactive" is called "stopped"."""
    direction = direction_of(extension.direction.value)
    return RTCRtpHeaderExtensionCapability(
        uri=extension.uri, direction="stopped" if direction == "inactive" else direction
    )


def machine_direction(direction: RTCRtpTransceiverDirection) -> Direction:
    """Return a direction as the machine has it, where "stopped" is "inactive"."""
    return Direction("inactive" if direction == "stopped" else direction)


def direction_of(text: str) -> RTCRtpTransceiverDirection:
    """Return a direction as the W3C has it.

    Raises:
        TypeError: There is no such direction.
    """
    for known in DIRECTIONS:
        if text == known:
            return known
    raise TypeError(f"a direction is one of {', '.join(DIRECTIONS)}, not {text!r}")


def codec_parameters(codecs: "Iterable[RtpCodec]") -> list[RTCRtpCodecParameters]:
    """Give codecs that were negotiated their W3C form, each followed by its retransmission."""
    result = []
    for codec in codecs:
        result.append(
            RTCRtpCodecParameters(
                payloadType=codec.payload_type,
                mimeType=codec.mime_type,
                clockRate=codec.clock_rate,
                channels=_channels(codec.mime_type, codec.channels),
                sdpFmtpLine=_fmtp(codec.parameters),
            )
        )
        if codec.rtx_payload_type is not None:
            result.append(
                RTCRtpCodecParameters(
                    payloadType=codec.rtx_payload_type,
                    mimeType=f"{codec.mime_type.partition('/')[0]}/rtx",
                    clockRate=codec.clock_rate,
                    sdpFmtpLine=f"apt={codec.payload_type}",
                )
            )
    return result


def extension_parameters(extensions: "ExtensionMap") -> list[RTCRtpHeaderExtensionParameters]:
    """Give header extensions that were negotiated their W3C form."""
    return [
        RTCRtpHeaderExtensionParameters(uri=uri, id=number, encrypted=number in extensions.encrypted)
        for number, uri in extensions.items()
    ]


def payload_type_of(wanted: RTCRtpCodec, codecs: "Iterable[RtpCodec]") -> int | None:
    """Find a codec among those negotiated."""
    for parameters in codec_parameters(codecs):
        if codecs_match(wanted, parameters, ignore_asymmetrical_parameters=True):
            return parameters.payloadType
    return None


def preferred_codecs(
    codecs: Sequence[RTCRtpCodec | Mapping[str, object]], kind: "MediaKind", options: MediaOptions
) -> list[CodecCapability]:
    """Find what the application prefers among what can be negotiated, each once.

    Raises:
        InvalidModificationError: One of them cannot be negotiated, or none of them carries media.
    """
    known = options.codecs(kind)
    result: list[CodecCapability] = []
    for given in codecs:
        wanted = converted(RTCRtpCodec, given)
        found = next((each for each in known if codecs_match(wanted, codec_of(each))), None)
        if found is None:
            raise InvalidModificationError(
                f"{wanted.mimeType} with {wanted.sdpFmtpLine!r} is not among the capabilities"
            )
        if found not in result:
            result.append(found)
    if all(each.is_supplementary for each in result):
        raise InvalidModificationError("there is no codec among them that carries media")
    return result


def codecs_match(first: RTCRtpCodec, second: RTCRtpCodec, *, ignore_asymmetrical_parameters: bool = False) -> bool:
    """The "codec dictionary match" of the specification.

    Args:
        first: A codec.
        second: Another.
        ignore_asymmetrical_parameters: Whether parameters that may differ between both directions need not be equal.
    """
    if (
        first.mimeType.lower() != second.mimeType.lower()
        or first.clockRate != second.clockRate
        or first.channels != second.channels
        or (first.sdpFmtpLine is None) != (second.sdpFmtpLine is None)
    ):
        return False
    if first.sdpFmtpLine is None or second.sdpFmtpLine is None:
        return True
    ours, theirs = parsed_fmtp(first.sdpFmtpLine), parsed_fmtp(second.sdpFmtpLine)
    if ours is None or theirs is None:
        return first.sdpFmtpLine == second.sdpFmtpLine
    return parameters_match(first.mimeType, ours, theirs) and (ignore_asymmetrical_parameters or ours == theirs)


def parsed_fmtp(line: str) -> dict[str, str] | None:
    """Take format parameters apart; None if they are not written as `name=value`."""
    parts = [part.strip() for part in line.split(";") if part.strip()]
    if not all("=" in part for part in parts):
        return None
    pairs = [part.partition("=") for part in parts]
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _channels(mime_type: str, channels: int) -> int | None:
    return channels if mime_type.lower().startswith("audio/") else None


def _fmtp(parameters: Mapping[str, str]) -> str | None:
    if not parameters:
        return None
    return ";".join(f"{name}={value}" if value else name for name, value in parameters.items())
