"""Reading what a section of audio or video says (RFC 8829 section 5.8.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from rtc_peer.capabilities import RTX, MediaKind
from rtc_peer.errors import DescriptionError
from rtc_peer.media_content import MediaContent, Source
from rtc_peer.numbers import RTCP_PAYLOAD_TYPES
from rtc_peer.rtcp_terms import read_rtcp_terms
from rtc_peer.section import RemoteDescription, RemoteSection
from rtc_rtp.parameters import RtpCodec
from rtc_sdp import (
    NO_STREAM,
    Bandwidth,
    Cryptex,
    Extmap,
    ExtmapAllowMixed,
    Fmtp,
    ImageAttr,
    MaxPtime,
    MediaDescription,
    Mid,
    Ptime,
    Rtcp,
    RtcpFb,
    RtcpMux,
    RtcpMuxOnly,
    RtcpRsize,
    SessionDescription,
    Ssrc,
    SsrcGroup,
    format_parameters,
    rtpmaps,
    usable_msids,
    usable_rids,
    usable_simulcast,
)

MAX_SOURCES: Final = 64
"""SSRCs of one section that are kept; further ones are found when their packets arrive."""
MAX_EXTENSION_ID: Final = 255
"""The highest identifier that packets can carry; higher ones in an offer ask for one."""
MAX_MID_LENGTH: Final = 255
"""Bytes of a mid that the header extension of packets can carry (:rfc:`8285#section-4.3`)."""
FIRST_REQUESTED_ID: Final = 4096
"""From here on the identifier of an offer stands for a wish to have one (:rfc:`8285#section-5`)."""

_RTCP_SHARE: Final = 0.95
_HEADERS_BPS: Final = 50 * 40 * 8
"""50 packets a second with headers of 40 bytes."""


def read_media(
    document: SessionDescription, media: MediaDescription, kind: MediaKind, transport: MediaDescription
) -> MediaContent:
    """Return what a section says.

    Args:
        document: The description.
        media: A section of it, of audio or video.
        kind: Which of them.
        transport: The section whose transport attributes count for it.

    Raises:
        ParseError: An attribute does not follow its grammar.
        DescriptionError: The section contradicts itself.
    """
    # [rfc8829:5.8.2/9] What is not used must be well formed all the same.
    media.get(Rtcp)
    media.get_all(ImageAttr)
    mux, mux_only = _either(media, transport, RtcpMux), _either(media, transport, RtcpMuxOnly)
    # [rfc8829:5.8.3/7] [rfc8829:5.8.3/8] [rfc8829:5.8.3/9] [rfc8829:5.11/5] [rfc5761:5.1.1/4] [rfc8834:4.5/2]
    # [rfc8858:4.4/2] [rfc8858:5.2/1]
    if not mux:
        raise DescriptionError("a section does not multiplex RTCP, which has no port of its own here")
    mid = media.get(Mid)
    if mid is not None and len(mid.tag) > MAX_MID_LENGTH:
        raise DescriptionError(f"a mid of {len(mid.tag)} bytes is longer than {MAX_MID_LENGTH}: no packet can bear it")
    sources, ssrc_streams = _sources(media)
    streams, track_id = _streams(media)
    ptime, maxptime = media.get(Ptime), media.get(MaxPtime)
    return MediaContent(
        kind=kind,
        direction=document.direction_of(media),
        codecs=_codecs(media),
        extensions=_extensions(document, media),
        allow_mixed=document.effective(media, ExtmapAllowMixed) is not None,
        # [rfc9335:4/6]
        cryptex=any(document.effective(each, Cryptex) is not None for each in (media, transport)),
        streams=ssrc_streams if streams is None else streams,
        track_id=track_id,
        sources=sources,
        # [rfc8829:5.8.3/6]
        rids=tuple(usable_rids(media).values()),
        simulcast=usable_simulcast(media),
        rtcp_mux_only=mux_only,
        reduced_size=_either(media, transport, RtcpRsize),
        rtcp=read_rtcp_terms(document, media),
        ptime_ms=None if ptime is None else int(ptime.packet_ms),
        maxptime_ms=None if maxptime is None else int(maxptime.packet_ms),
        max_bitrate_bps=_max_bitrate(media.bandwidths),
    )


def with_common_headers(
    sections: tuple[RemoteSection, ...], groups: Sequence[Sequence[str]]
) -> tuple[RemoteSection, ...]:
    """Return sections whose bundles agree on what is encrypted of headers: the packets do not tell whose they are before.

    Raises:
        DescriptionError: A header extension is encrypted in one section of a bundle, and in the clear in another.
    """
    found = list(sections)
    for group in groups:
        members = [(each.index, each.media) for each in sections if each.media is not None and each.mid in group]
        encrypted: dict[int, bool] = {}
        for extension in (each for _, media in members for each in media.extensions):
            meant = encrypted.setdefault(extension.id, extension.encrypted)
            if meant is not extension.encrypted and extension.id < FIRST_REQUESTED_ID:
                raise DescriptionError(f"header extension {extension.id} is encrypted in a part of its bundle")
        # [rfc9335:4/1]
        if not all(media.cryptex for _, media in members):
            for index, media in members:
                found[index] = replace(found[index], media=replace(media, cryptex=False))
    return tuple(found)


def check_cryptex(remote: RemoteDescription) -> None:
    """Check that a peer can receive packets whose header extensions are encrypted as a whole, in all sections of media.

    Raises:
        DescriptionError: It does not say so.

    See section 4.4.1.5 of webrtc-pc, as WebRTC Extensions amends it.
    """
    for section in remote.sections:
        if section.media is not None and not section.media.cryptex:
            raise DescriptionError(f"section {section.index} is without cryptex, which the configuration requires")


def _either(
    media: MediaDescription, transport: MediaDescription, kind: type[RtcpMux | RtcpMuxOnly | RtcpRsize]
) -> bool:
    return media.has(kind) or transport.has(kind)


def _codecs(media: MediaDescription) -> tuple[RtpCodec, ...]:
    """Return the formats of the m-line that something explains, each with the format that retransmits it."""
    named, texts, feedback = rtpmaps(media), format_parameters(media), media.get_all(RtcpFb)
    found: dict[str, RtpCodec] = {}
    retransmissions: dict[str, int] = {}
    for fmt, rtpmap in named.items():
        # [rfc5761:5.1.1/3] [rfc5761:4/2] Packets of these formats could not be told from RTCP.
        if rtpmap.payload_type in RTCP_PAYLOAD_TYPES:
            continue
        parameters = Fmtp(fmt, texts[fmt]).to_dict() if fmt in texts else {}
        if rtpmap.encoding.lower() == RTX:
            # [rfc8829:5.10/7]
            apt = parameters.get("apt")
            if apt is None or apt not in media.formats:
                raise DescriptionError(f"rtx format {fmt} retransmits {apt}, which the section does not have")
            retransmissions.setdefault(apt, rtpmap.payload_type)
            continue
        found[fmt] = RtpCodec(
            payload_type=int(fmt),
            mime_type=f"{media.media_type}/{rtpmap.encoding}",
            clock_rate=rtpmap.clock_rate,
            channels=rtpmap.channel_count,
            parameters=parameters,
            feedback=frozenset(f"{each.kind} {each.parameters}".rstrip() for each in feedback if each.applies_to(fmt)),
        )
    return tuple(replace(codec, rtx_payload_type=retransmissions.get(fmt)) for fmt, codec in found.items())


def _extensions(document: SessionDescription, media: MediaDescription) -> tuple[Extmap, ...]:
    found: dict[str, Extmap] = {}
    taken: set[int] = set()
    # [rfc6904:4/3] Those of the session level, too: all sections of media have SRTP, and no others are asked.
    for each in document.effective_all(media, Extmap):
        wished = each.id >= FIRST_REQUESTED_ID
        # [rfc9335:5/1]
        usable = wished or (0 < each.id <= MAX_EXTENSION_ID and each.id not in taken)
        if each.name in found or not usable:
            continue
        taken.add(each.id)
        found[each.name] = each
    return tuple(found.values())


def _streams(media: MediaDescription) -> tuple[tuple[str, ...] | None, str | None]:
    """Return what ``a=msid`` says: the streams (None without any such line) and the track."""
    lines = usable_msids(media)
    if not lines:
        return None, None
    streams = tuple(dict.fromkeys(each.id for each in lines if each.id != NO_STREAM))
    return streams, lines[0].appdata


def _sources(media: MediaDescription) -> tuple[tuple[Source, ...], tuple[str, ...] | None]:
    """Return the SSRCs with what repairs them, and the streams that older descriptions name beside them."""
    cnames: dict[int, str | None] = {}
    streams: dict[str, None] = {}
    has_msid = False
    for line in media.get_all(Ssrc):
        if line.ssrc not in cnames and len(cnames) >= MAX_SOURCES:
            continue
        cnames.setdefault(line.ssrc, None)
        value = line.attribute.value or ""
        if line.attribute.name == "cname":
            cnames[line.ssrc] = value
        elif line.attribute.name == "msid" and value:
            has_msid = True
            stream = value.split(" ")[0]
            if stream != NO_STREAM:
                streams.setdefault(stream)
    groups = media.get_all(SsrcGroup)
    rtx = {each.ssrcs[0]: each.ssrcs[1] for each in groups if each.semantics == "FID" and len(each.ssrcs) == 2}
    fec = {each.ssrcs[0]: each.ssrcs[1] for each in groups if each.semantics == "FEC-FR" and len(each.ssrcs) == 2}
    repairing = {*rtx.values(), *fec.values()}
    simulcast = [ssrc for each in groups if each.semantics == "SIM" for ssrc in each.ssrcs]
    order = dict.fromkeys([*(ssrc for ssrc in simulcast if ssrc in cnames), *cnames])
    sources = [
        Source(ssrc=ssrc, cname=cnames[ssrc], rtx_ssrc=rtx.get(ssrc), fec_ssrc=fec.get(ssrc))
        for ssrc in order
        if ssrc not in repairing
    ]
    return tuple(sources), tuple(streams) if has_msid else None


def _max_bitrate(bandwidths: Sequence[Bandwidth]) -> int | None:
    """Return the bound on what we may send, in bits per second of RTP."""
    limits = {each.bwtype: each.value for each in reversed(bandwidths)}
    # [rfc8829:5.10/10]
    if "TIAS" in limits:
        return limits["TIAS"]
    if "AS" in limits:
        return max(0, int(limits["AS"] * 1000 * _RTCP_SHARE) - _HEADERS_BPS)
    return None
