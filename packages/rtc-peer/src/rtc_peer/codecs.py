"""Which codecs an offer and an answer name (RFC 3264 section 6.1, RFC 8829 sections 5.2.1 and 5.3.1)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from rtc_peer.capabilities import ARRIVAL_FEEDBACK, CONGESTION_CONTROL_FEEDBACK, RED, RTX, CodecCapability
from rtc_peer.codec_matching import codec_name, is_supplementary, same_codec
from rtc_rtp.parameters import RtpCodec
from rtc_rtp.payload.matching import answer_parameters

if TYPE_CHECKING:
    from rtc_peer.numbers import Numbers


def offered_codecs(
    capabilities: Sequence[CodecCapability], agreed: Sequence[RtpCodec], numbers: Numbers, *, keep_order: bool
) -> tuple[RtpCodec, ...]:
    """Return the codecs of an offer.

    Args:
        capabilities: What may be offered, in order of preference.
        agreed: What the section has agreed upon, in the order of the latest answer.
        numbers: Gives payload types, and remembers them.
        keep_order: Whether the order of the latest answer goes before that of the capabilities.
    """
    retransmits = any(each.name == RTX for each in capabilities)
    wanted = [each for each in capabilities if each.name != RTX]
    # [rfc8829:5.2.2/21] [rfc8829:5.2.2/22] [rfc8829:5.2.2/23] [rfc8829:5.2.1/22]
    if keep_order:
        places = {id(each): _place(each, agreed) for each in wanted}
        wanted.sort(key=lambda each: places[id(each)])
    codecs: list[RtpCodec] = []
    for capability in wanted:
        known = next((each for each in agreed if same_codec(capability, each)), None)
        number = numbers.payload_type(capability) if known is None else known.payload_type
        if number is None or number in [each.payload_type for each in codecs]:
            continue
        codec = RtpCodec(
            payload_type=number,
            mime_type=capability.mime_type,
            clock_rate=capability.clock_rate,
            channels=capability.channels,
            parameters=capability.parameters,
            # [rfc8829:5.2.2/25]
            feedback=frozenset(capability.feedback) if known is None else known.feedback,
        )
        if retransmits and not capability.is_supplementary:
            rtx = None if known is None else known.rtx_payload_type
            codec = replace(codec, rtx_payload_type=rtx or numbers.rtx_payload_type(codec))
        codecs.append(codec)
    return _with_wildcards(_with_redundancy(codecs))


def _place(capability: CodecCapability, agreed: Sequence[RtpCodec]) -> int:
    return next((index for index, each in enumerate(agreed) if same_codec(capability, each)), len(agreed))


def _with_redundancy(codecs: Sequence[RtpCodec]) -> Iterable[RtpCodec]:
    """Let redundancy of audio name the codec that it repeats, and leave it out where there is none (RFC 2198 section 5)."""
    for codec in codecs:
        if codec_name(codec) != RED or not codec.mime_type.startswith("audio/"):
            yield codec
            continue
        repeated = next((each for each in codecs if not is_supplementary(each) and _same_clock(each, codec)), None)
        if repeated is not None:
            yield replace(codec, parameters={f"{repeated.payload_type}/{repeated.payload_type}": ""})


def _same_clock(one: RtpCodec, other: RtpCodec) -> bool:
    return (one.clock_rate, one.channels) == (other.clock_rate, other.channels)


def answered_codecs(
    capabilities: Sequence[CodecCapability], offered: Sequence[RtpCodec], *, keep_order: bool
) -> tuple[RtpCodec, ...]:
    """Return the codecs of an answer, under the payload types of the offer; none if no media could flow.

    Args:
        capabilities: What may be answered, in order of preference.
        offered: The codecs of the offer.
        keep_order: Whether the order of the offer goes before that of the capabilities.
    """
    retransmits = any(each.name == RTX for each in capabilities)
    pairs: list[tuple[int, int, RtpCodec]] = []
    # [rfc8829:5.10/6] [rfc8829:5.3.1/10]
    for place, theirs in enumerate(offered):
        rank, ours = next(
            ((rank, each) for rank, each in enumerate(capabilities) if same_codec(each, theirs)), (0, None)
        )
        if ours is not None:
            pairs.append((rank, place, _answered(ours, theirs, retransmits=retransmits)))
    if not keep_order:
        # [rfc8829:5.3.1/9]
        pairs.sort(key=lambda pair: pair[:2])
    codecs = [codec for _, _, codec in pairs]
    kept = {str(codec.payload_type) for codec in codecs}
    codecs = [codec for codec in codecs if _redundancy_stands(codec, kept)]
    # [rfc8829:5.3.1/12] [rfc8854:5.2/3]
    return _with_wildcards(codecs) if any(not is_supplementary(codec) for codec in codecs) else ()


def _answered(ours: CodecCapability, theirs: RtpCodec, *, retransmits: bool) -> RtpCodec:
    is_redundancy = codec_name(theirs) == RED
    return replace(
        theirs,
        parameters=theirs.parameters
        if is_redundancy
        # [rfc3264:6.1/16]
        else answer_parameters(ours.mime_type, ours.parameters, theirs.parameters),
        feedback=_answered_feedback(ours.feedback, theirs.feedback),
        # [rfc8829:5.10/8]
        rtx_payload_type=theirs.rtx_payload_type if retransmits else None,
    )


def _answered_feedback(ours: Sequence[str], theirs: frozenset[str]) -> frozenset[str]:
    # [rfc4585:4.2/7] [rfc4585:4.2/10] [rfc4585:4.2/11] [rfc5104:7.2/1] [rfc5104:7.2/2]
    shared = theirs & frozenset(ours)
    # [rfc8888:6/2] [rfc8888:6/3] By our own order, so that the choice stays.
    return shared.difference([each for each in ours if each in shared & ARRIVAL_FEEDBACK][1:])


def _with_wildcards(codecs: Iterable[RtpCodec]) -> tuple[RtpCodec, ...]:
    """Let feedback that counts for all formats count for all of them, whichever wants it."""
    codecs = tuple(codecs)
    # [rfc8888:6/1]
    if not any(CONGESTION_CONTROL_FEEDBACK in codec.feedback for codec in codecs):
        return codecs
    return tuple(replace(codec, feedback=codec.feedback | {CONGESTION_CONTROL_FEEDBACK}) for codec in codecs)


def _redundancy_stands(codec: RtpCodec, kept: set[str]) -> bool:
    """Whether all that redundancy of audio repeats was answered as well."""
    if codec_name(codec) != RED:
        return True
    return all(number in kept for each in codec.parameters for number in each.split("/"))
