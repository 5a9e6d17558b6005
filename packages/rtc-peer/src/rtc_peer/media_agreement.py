"""What two descriptions of a section of audio or video agree upon, for the transports (RFC 8829 sections 5.9 to 5.11).

What we send goes by the peer's numbers, in the peer's order of preference; what we receive goes by our own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeVar

from rtc_peer.capabilities import AUDIO_LEVEL_EXTENSION, FLEXFEC, RED, TELEPHONE_EVENT, ULPFEC
from rtc_peer.codec_matching import codec_name, find_match, is_supplementary
from rtc_peer.media_content import MediaContent
from rtc_peer.media_reading import FIRST_REQUESTED_ID
from rtc_peer.negotiated import NegotiatedMedia
from rtc_peer.rtcp_terms import agreed_reports, agreed_rtcp
from rtc_peer.section import AgreedMedia, MediaSection
from rtc_rtp.header_extension import ExtensionMap
from rtc_rtp.parameters import (
    PictureRestrictions,
    ReceiveParameters,
    RtpCodec,
    SendEncoding,
    SendParameters,
    SourceAssociation,
)
from rtc_sdp import Direction, Extmap, Rid, RidDirection

if TYPE_CHECKING:
    from rtc_peer.transceiver import RtpTransceiver

N = TypeVar("N", int, float)

_COMFORT_NOISE: Final = "cn"
_MAX_DIGITS: Final = 10
"""Of a restriction; longer ones restrict nothing."""
USUAL_PTIME_MS: Final = 20
"""Length of a packet of sound if nobody says another. See :rfc:`3551#section-4.2`."""


def negotiated_media(
    section: MediaSection,
    transceiver: RtpTransceiver,
    *,
    cname: str,
    offering: bool,
    played_with: str | None,
    requires_cryptex: bool,
) -> NegotiatedMedia | None:
    """Return what the transports are told of a section; None if there is nothing to tell yet, or any more.

    Args:
        section: A section of audio or video.
        transceiver: Its transceiver.
        cname: Names us in RTCP.
        offering: Whether our offer is under way: what it says may arrive.
        played_with: Name of what descriptions say it is played in step with; None if its stream has to tell.
        requires_cryptex: Whether header extensions have to be encrypted as a whole.
    """
    content = section.media
    # [rfc3264:6/6]
    if content is None or section.transport_id is None or transceiver.stopping:
        return None
    current = transceiver.current_direction or Direction.INACTIVE
    # [rfc8829:4.1.11/1] [rfc3264:5.1/16] [rfc3264:5.1/17] [rfc3264:6.1/19] [rfc3264:6.1/20]
    # An offer that ends receiving ends it by its answer.
    receives = current.receives or (offering and content.direction.receives)
    return NegotiatedMedia(
        transceiver_id=transceiver.id,
        mid=section.mid,
        kind=transceiver.kind,
        transport_id=section.transport_id,
        sends=current.sends and section.agreed is not None,
        receives=receives,
        send=None if section.agreed is None else _send_parameters(section, section.agreed, transceiver, cname),
        rtcp=None if section.agreed is None else agreed_rtcp(section.agreed.local.rtcp, section.agreed.remote.rtcp),
        receive=_receive_parameters(section, content, section.agreed, transceiver, played_with) if receives else None,
        cryptex=section.agreed is not None and section.agreed.local.cryptex and section.agreed.remote.cryptex,
        accepts_cryptex=content.cryptex or (section.agreed is not None and section.agreed.local.cryptex),
        requires_cryptex=requires_cryptex,
        refused_extension_ids=_refused(section.agreed),
    )


def _send_parameters(
    section: MediaSection, agreed: AgreedMedia, transceiver: RtpTransceiver, cname: str
) -> SendParameters | None:
    local, remote = agreed.local, agreed.remote
    # [rfc8829:5.10/6] [rfc8829:5.10/8] [rfc3264:6.1/24] [rfc3264:6.1/25] [rfc3264:6.1/26] [rfc3264:5.1/8] [rfc3264:6.1/14]
    # [rfc3264:7/1] [rfc3264:7/2] [rfc3264:8.3.2/2] [rfc8834:4.3/1]
    shared = tuple(
        replace(
            theirs,
            # [rfc5104:7.2/3]
            feedback=theirs.feedback & ours.feedback,
            rtx_payload_type=theirs.rtx_payload_type if ours.rtx_payload_type is not None else None,
        )
        for theirs in remote.codecs
        if (ours := find_match(theirs, local.codecs)) is not None
    )
    # [rfc8866:5.14/3]
    codecs = _media_codecs(shared)
    if not codecs:
        return None
    return SendParameters(
        mid=section.mid,
        kind=transceiver.kind,
        cname=cname,
        codecs=codecs,
        encodings=_encodings(transceiver.sender.encodings, remote, shared),
        header_extensions=_extension_map(remote, local),
        # [rfc8834:4.6/4]
        reduced_size=local.reduced_size and remote.reduced_size,
        telephone_event_payload_types=_by_clock_rate(shared, TELEPHONE_EVENT),
        red_payload_type=_payload_type(shared, RED),
        ulpfec_payload_type=_payload_type(shared, ULPFEC),
        flexfec_payload_type=_payload_type(shared, FLEXFEC),
    )


def _receive_parameters(
    section: MediaSection,
    content: MediaContent,
    agreed: AgreedMedia | None,
    transceiver: RtpTransceiver,
    played_with: str | None,
) -> ReceiveParameters:
    if agreed is not None and not content.direction.receives:
        content = agreed.local
    # [rfc8829:4.1.11/1] [rfc3264:8.3.3/3] [rfc3264:6.1/21] While an offer is under way, what was agreed upon before may
    # arrive as well.
    codecs = {} if agreed is None else {each.payload_type: each for each in agreed.local.codecs}
    codecs |= {each.payload_type: each for each in content.codecs if each.payload_type not in codecs}
    shared = tuple(codecs.values())
    receiver = transceiver.receiver
    return ReceiveParameters(
        mid=section.mid,
        kind=transceiver.kind,
        codecs=_media_codecs(shared),
        header_extensions=_extension_map(content, None if agreed is None else agreed.remote),
        rids=_rids(content, agreed),
        ssrcs={}
        if agreed is None
        else {
            each.ssrc: SourceAssociation(rtx_ssrc=each.rtx_ssrc, fec_ssrc=each.fec_ssrc, cname=each.cname)
            for each in agreed.remote.sources
        },
        reduced_size=content.reduced_size,
        voice_activity=_voice_activity(content) and (agreed is None or _voice_activity(agreed.remote)),
        jitter=receiver.jitter,
        deliver=receiver.deliver,
        extended_reports=None if agreed is None else agreed_reports(agreed.remote.rtcp),
        synchronization_group=played_with or next(iter(receiver.remote_stream_ids), None),
        telephone_event_payload_types=_by_clock_rate(shared, TELEPHONE_EVENT),
        red_payload_type=_payload_type(shared, RED),
        ulpfec_payload_type=_payload_type(shared, ULPFEC),
        flexfec_payload_type=_payload_type(shared, FLEXFEC),
    )


def _rids(content: MediaContent, agreed: AgreedMedia | None) -> tuple[str, ...]:
    if agreed is None:
        return ()
    sent = {each.rid for each in agreed.remote.rids if each.direction is RidDirection.SEND}
    # [rfc8853:5.3.2/5] [rfc8853:5.3.3/2] [rfc8853:5.3.1/2]
    return tuple(rid for rid in content.rid_names(RidDirection.RECV, alternatives=True) if rid in sent)


def _voice_activity(content: MediaContent) -> bool:
    return not any(
        each.uri == AUDIO_LEVEL_EXTENSION and "vad=off" in each.attributes.split() for each in content.extensions
    )


def _media_codecs(codecs: Iterable[RtpCodec]) -> tuple[RtpCodec, ...]:
    """Return the formats that carry media, comfort noise behind them."""
    chosen = [each for each in codecs if not is_supplementary(each)]
    return (*chosen, *(each for each in codecs if codec_name(each) == _COMFORT_NOISE and chosen))


def _payload_type(codecs: Iterable[RtpCodec], name: str) -> int | None:
    return next((each.payload_type for each in codecs if codec_name(each) == name), None)


def _by_clock_rate(codecs: Iterable[RtpCodec], name: str) -> dict[int, int]:
    found: dict[int, int] = {}
    for each in codecs:
        if codec_name(each) == name:
            found.setdefault(each.clock_rate, each.payload_type)
    return found


def _extension_map(written: MediaContent, other: MediaContent | None) -> ExtensionMap:
    """Return the header extensions that who receives them names and the other side knows, by the numbers of the receiver."""
    chosen = _in_use(written, other)
    return ExtensionMap(
        {number: each.uri for number, each in chosen.items()},
        allow_mixed=written.allow_mixed and (other is None or other.allow_mixed),
        encrypted=[number for number, each in chosen.items() if each.encrypted],
    )


def _in_use(written: MediaContent, other: MediaContent | None) -> dict[int, Extmap]:
    """Return the lines that count, by identifier: for each header extension one, the encrypted one if there are both."""
    known = None
    if other is not None:
        known = {each.name: each.id for each in other.extensions if (each.direction or Direction.SENDRECV).sends}
    by_uri: dict[str, tuple[int, Extmap]] = {}
    for each in written.extensions:
        if (known is not None and each.name not in known) or not (each.direction or Direction.SENDRECV).receives:
            continue
        # Who only asked for a number got it in the answer.
        number = known.get(each.name, 0) if known is not None and each.id >= FIRST_REQUESTED_ID else each.id
        # [rfc6904:4.1/4] Who has answered with both has one of them.
        if 0 < number < FIRST_REQUESTED_ID and (each.encrypted or each.uri not in by_uri):
            by_uri[each.uri] = number, each
    found: dict[int, Extmap] = {}
    for number, each in by_uri.values():
        found.setdefault(number, each)
    return found


def _refused(agreed: AgreedMedia | None) -> frozenset[int]:
    """Return the identifiers that we gave to what is encrypted by another, for its form in the clear."""
    if agreed is None:
        return frozenset()
    encrypted = {each.uri for each in _in_use(agreed.local, agreed.remote).values() if each.encrypted}
    return frozenset(each.id for each in agreed.offered if each.uri in encrypted and not each.encrypted)


def _encodings(
    encodings: tuple[SendEncoding, ...], remote: MediaContent, codecs: tuple[RtpCodec, ...]
) -> tuple[SendEncoding, ...]:
    """Return the encodings as far as what was negotiated lets them: formats, repair streams, rates, length of packets."""
    # [rfc9143:7.1.2/1] [rfc3264:8.3.4/1]
    limit_bps = remote.max_bitrate_bps
    # [rfc8834:7.1/3] [rfc3264:6.1/23] [rfc3264:7/3]
    numbers = [each.payload_type for each in codecs]
    repaired = any(each.rtx_payload_type is not None for each in codecs)
    has_fec = _payload_type(codecs, FLEXFEC) is not None
    weights = [each.scale_resolution_down_by**-2 if each.active else 0.0 for each in encodings]
    total = sum(weights) or 1.0
    rids = {each.rid: each for each in remote.rids if each.direction is RidDirection.RECV}
    restricted = {each: dict(rid.restrictions) for each, rid in rids.items()}
    return tuple(
        replace(
            each,
            rtx_ssrc=each.rtx_ssrc if repaired else None,
            fec_ssrc=each.fec_ssrc if has_fec else None,
            payload_type=_payload_type_of(each, rids.get(each.rid or ""), numbers),
            max_bitrate_bps=_least(
                each.max_bitrate_bps,
                None if limit_bps is None else int(limit_bps * weight / total),
                # [rfc8851:5/2]
                _restriction(restricted.get(each.rid or ""), "max-br"),
            ),
            # [rfc8851:5/1]
            max_framerate=_least(each.max_framerate, _restriction(restricted.get(each.rid or ""), "max-fps")),
            restrictions=_picture_restrictions(restricted.get(each.rid or "")),
            # [rfc3264:6.1/22] [rfc3264:7/3]
            packet_time_ms=_packet_time_ms(each.packet_time_ms or remote.ptime_ms, remote.maxptime_ms),
        )
        for each, weight in zip(encodings, weights, strict=True)
    )


def _packet_time_ms(wished: int | None, most: int | None) -> int | None:
    if wished is None and (most is None or most >= USUAL_PTIME_MS):
        return None
    return _least(wished, most)


def _payload_type_of(encoding: SendEncoding, rid: Rid | None, numbers: Sequence[int]) -> int | None:
    """Return the format of an encoding: the one that the application chose, else one of those that the peer names for it."""
    allowed = [each for each in numbers if rid is None or not rid.formats or str(each) in rid.formats]
    if encoding.payload_type in allowed:
        return encoding.payload_type
    return allowed[0] if allowed and rid is not None and rid.formats else None


def _picture_restrictions(restrictions: dict[str, str | None] | None) -> PictureRestrictions | None:
    """Return what the peer lets pictures be; None if it does not say."""
    found = PictureRestrictions(
        max_width=_restriction(restrictions, "max-width"),
        max_height=_restriction(restrictions, "max-height"),
        max_pixels=_restriction(restrictions, "max-fs"),
        # [rfc8851:5/3]
        max_pixels_per_second=_restriction(restrictions, "max-pps"),
        max_bits_per_pixel=_fraction((restrictions or {}).get("max-bpp") or ""),
    )
    return None if found == PictureRestrictions() else found


def _restriction(restrictions: dict[str, str | None] | None, name: str) -> int | None:
    """Return the number that the peer restricts an encoding to; None if there is none, or it is none."""
    value = (restrictions or {}).get(name) or ""
    return int(value) if value.isascii() and value.isdecimal() and len(value) <= _MAX_DIGITS else None


def _fraction(text: str) -> float | None:
    whole, _, fraction = text.partition(".")
    digits = whole + fraction
    is_number = digits.isascii() and digits.isdecimal() and whole and len(digits) <= _MAX_DIGITS
    return float(text) if is_number else None


def _least(*limits: N | None) -> N | None:
    return min((each for each in limits if each is not None), default=None)
