"""Formats: what they mean, and which of them two descriptions have in common.

See :rfc:`3264#section-6.1` and :rfc:`3551#section-6`.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Final

from rtc_sdp.dataclass import dataclass
from rtc_sdp.media import MediaDescription
from rtc_sdp.rtp import Fmtp, RtpMap

STATIC_PAYLOAD_TYPES: Final = MappingProxyType(
    {
        str(rtpmap.payload_type): rtpmap
        for rtpmap in map(
            RtpMap.parse,
            (
                "0 PCMU/8000",
                "3 GSM/8000",
                "4 G723/8000",
                "5 DVI4/8000",
                "6 DVI4/16000",
                "7 LPC/8000",
                "8 PCMA/8000",
                "9 G722/8000",
                "10 L16/44100/2",
                "11 L16/44100",
                "12 QCELP/8000",
                "13 CN/8000",
                "14 MPA/90000",
                "15 G728/8000",
                "16 DVI4/11025",
                "17 DVI4/22050",
                "18 G729/8000",
                "25 CelB/90000",
                "26 JPEG/90000",
                "28 nv/90000",
                "31 H261/90000",
                "32 MPV/90000",
                "33 MP2T/90000",
                "34 H263/90000",
            ),
        )
    }
)
"""What a format of RTP means where no ``rtpmap`` says otherwise (:rfc:`3551#section-6`)."""

FIRST_DYNAMIC_PAYLOAD_TYPE: Final = 96

SameParameters = Callable[[RtpMap, str, str], bool]
"""Called with an encoding and the ``fmtp`` parameters of both sides; whether they go together."""


def any_parameters(_rtpmap: RtpMap, _ours: str, _theirs: str) -> bool:
    """Take any two sets of parameters to go together."""
    return True


def rtpmaps(media: MediaDescription) -> dict[str, RtpMap]:
    """Return the encodings of an RTP section by format, in the order of preference of its ``m=`` line.

    Formats without an ``rtpmap`` mean what the profile says; those that nothing explains are left out.

    Raises:
        ParseError: An ``rtpmap`` is malformed.
    """
    named = {str(rtpmap.payload_type): rtpmap for rtpmap in reversed(media.get_all(RtpMap))}
    found: dict[str, RtpMap] = {}
    for fmt in media.formats:
        rtpmap = named.get(fmt) or STATIC_PAYLOAD_TYPES.get(fmt)
        if rtpmap is not None:
            found[fmt] = rtpmap
    return found


def format_parameters(media: MediaDescription) -> dict[str, str]:
    """Return the ``fmtp`` parameters of a section by format, as text. Several lines for a format count as one.

    Raises:
        ParseError: An ``fmtp`` is malformed.
    """
    found: dict[str, list[str]] = {}
    for fmtp in media.get_all(Fmtp):
        found.setdefault(fmtp.format, []).append(fmtp.parameters)
    return {fmt: ";".join(parts) for fmt, parts in found.items()}


@dataclass(frozen=True, slots=True)
class FormatMatch:
    """A format that both sides know, under the names that each gives it."""

    offered: str
    supported: str
    rtpmap: RtpMap | None = None
    """The offered encoding; None if the section is not RTP."""


def match_formats(
    offered: MediaDescription, supported: MediaDescription, *, same_parameters: SameParameters = any_parameters
) -> list[FormatMatch]:
    """Return the formats that two sections have in common, in the order of the first.

    RTP formats are the same if name, clock rate and channels are, and ``same_parameters`` agrees; others if they are
    spelled alike.

    Args:
        offered: The section as offered.
        supported: A section that lists what we can do, under payload types of our own.
        same_parameters: Compares ``fmtp`` parameters, which takes knowledge of the codec (H.264 profiles, RTX's
            ``apt`` ...).

    Raises:
        ParseError: An ``rtpmap`` or ``fmtp`` is malformed.

    See :rfc:`3264#section-6.1`.
    """
    if not offered.is_rtp:
        known = frozenset(supported.formats)
        return [FormatMatch(fmt, fmt) for fmt in offered.formats if fmt in known]
    ours: dict[tuple[str, int, int], list[tuple[str, RtpMap]]] = {}
    for fmt, rtpmap in rtpmaps(supported).items():
        ours.setdefault(_encoding_key(rtpmap), []).append((fmt, rtpmap))
    our_parameters, their_parameters = format_parameters(supported), format_parameters(offered)
    matches: list[FormatMatch] = []
    # [rfc3264:6.1/15] [rfc3264:5.1/11]
    for fmt, rtpmap in rtpmaps(offered).items():
        for our_format, _ in ours.get(_encoding_key(rtpmap), ()):
            if same_parameters(rtpmap, our_parameters.get(our_format, ""), their_parameters.get(fmt, "")):
                matches.append(FormatMatch(fmt, our_format, rtpmap))
                break
    return matches


def _encoding_key(rtpmap: RtpMap) -> tuple[str, int, int]:
    return rtpmap.encoding.lower(), rtpmap.clock_rate, rtpmap.channel_count
