"""Which codecs mean the same, whatever their numbers (RFC 3264 section 6.1)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from rtc_peer.capabilities import SUPPLEMENTARY, CodecCapability
from rtc_peer.media_content import MediaContent
from rtc_rtp.parameters import RtpCodec
from rtc_rtp.payload.matching import parameters_match


def codec_name(codec: CodecCapability | RtpCodec) -> str:
    """Return the name of a format in lower case, such as ``vp8``."""
    return codec.mime_type.partition("/")[2].lower()


def is_supplementary(codec: RtpCodec) -> bool:
    """Whether a format only accompanies media."""
    return codec_name(codec) in SUPPLEMENTARY


def same_codec(ours: CodecCapability | RtpCodec, theirs: RtpCodec) -> bool:
    """Whether both mean the same format, whatever its number."""
    if (ours.mime_type.lower(), ours.clock_rate, ours.channels) != (
        theirs.mime_type.lower(),
        theirs.clock_rate,
        theirs.channels,
    ):
        return False
    # The parameters of the others name payload types, or events that are ignored where they are not known.
    return codec_name(ours) in SUPPLEMENTARY or parameters_match(ours.mime_type, ours.parameters, theirs.parameters)


def find_match(codec: RtpCodec, among: Iterable[RtpCodec]) -> RtpCodec | None:
    """Return the first codec that means the same."""
    return next((each for each in among if same_codec(each, codec)), None)


def without_unmatched(offer: MediaContent, answer: MediaContent) -> MediaContent:
    """Return our offer as the peer's answer left it: fewer formats, in the answer's order, and fewer extensions."""
    codecs: list[RtpCodec] = []
    for codec in answer.codecs:
        ours = find_match(codec, offer.codecs)
        if ours is not None and ours.payload_type not in [each.payload_type for each in codecs]:
            rtx = ours.rtx_payload_type if codec.rtx_payload_type is not None else None
            codecs.append(replace(ours, feedback=ours.feedback & codec.feedback, rtx_payload_type=rtx))
    names = {each.name for each in answer.extensions}
    return replace(
        offer,
        codecs=tuple(codecs),
        extensions=tuple(each for each in offer.extensions if each.name in names),
        reduced_size=offer.reduced_size and answer.reduced_size,
    )
