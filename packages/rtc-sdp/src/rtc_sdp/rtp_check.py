"""Rules of RTP sections: payload types, RTCP, sources, extensions, simulcast.

See :rfc:`8866#section-8.2.3`, :rfc:`5576`, :rfc:`8858`, :rfc:`8285`, :rfc:`8851`, :rfc:`8853`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from rtc_sdp.bundle import Bundles
from rtc_sdp.dtls import TlsId
from rtc_sdp.errors import ParseError, Problem
from rtc_sdp.formats import FIRST_DYNAMIC_PAYLOAD_TYPE, rtpmaps
from rtc_sdp.media import MediaDescription
from rtc_sdp.msid import usable_msids
from rtc_sdp.restrictions import usable_rids
from rtc_sdp.rtcp import Rtcp, RtcpMux, RtcpMuxOnly
from rtc_sdp.rtp import ENCRYPTED_EXTENSION, Extmap, Fmtp
from rtc_sdp.session import SessionDescription
from rtc_sdp.simulcast import Rid, Simulcast
from rtc_sdp.source import CNAME, Ssrc, SsrcGroup

EXTENSION_IDS: Final = (range(1, 256), range(4096, 4352))
"""What can stand in packets, and what an offer may use where it asks for more than that (:rfc:`8285#section-7`)."""


def check_rtp(description: SessionDescription, bundles: Bundles) -> Iterator[Problem]:
    """Check every RTP section that is not rejected."""
    for index, media in enumerate(description.media):
        if not media.is_rtp or bundles.is_rejected(media):
            continue
        yield from _check_formats(media, index)
        yield from _check_rtcp(description, media, index)
        yield from _check_sources(media, index)
        yield from _check_streams(media, index)
        yield from _check_extensions(description.effective_all(media, Extmap), index)
        # [rfc6904:4/1]
        if not media.is_srtp and any(extmap.encrypted for extmap in media.get_all(Extmap)):
            yield Problem("an encrypted header extension without SRTP", "RFC 6904 section 4", index)
    # [rfc6904:4/2]
    if any(extmap.encrypted for extmap in description.get_all(Extmap)) and not any(
        media.is_srtp for media in description.media
    ):
        yield Problem("an encrypted header extension without SRTP", "RFC 6904 section 4")
    # [rfc8285:5/10]
    if description.has(Extmap) and any(media.has(Extmap) for media in description.media):
        yield Problem("extmap at both levels", "RFC 8285 section 5")


def _check_formats(media: MediaDescription, index: int) -> Iterator[Problem]:
    explained = rtpmaps(media)
    for fmt in media.formats:
        # [rfc8866:8.2.3/3]
        if not (fmt.isascii() and fmt.isdigit() and len(fmt) <= 3 and int(fmt) <= 127):
            yield Problem(f"format {fmt} is not a payload type", "RFC 8866 section 8.2.3", index)
        # [rfc8866:8.2.3/4] [rfc8866:5.14/4]
        elif int(fmt) >= FIRST_DYNAMIC_PAYLOAD_TYPE and fmt not in explained:
            yield Problem(f"payload type {fmt} without an rtpmap", "RFC 8866 section 8.2.3", index)


def _check_rtcp(description: SessionDescription, media: MediaDescription, index: int) -> Iterator[Problem]:
    if not media.has(RtcpMuxOnly):
        return
    # [rfc8858:4.2/2] [rfc8858:4.5/2]
    if not media.has(RtcpMux):
        yield Problem("rtcp-mux-only without rtcp-mux", "RFC 8858 section 4.2", index)
    rtcp = media.get(Rtcp)
    own = description.connection_of(media)
    # [rfc8858:4.2/3]
    if rtcp is not None and (rtcp.port != media.port or rtcp.connection not in (None, own)):
        yield Problem("rtcp elsewhere than RTP, yet rtcp-mux-only", "RFC 8858 section 4.2", index)


def _check_extensions(extensions: list[Extmap], index: int) -> Iterator[Problem]:
    # [rfc8285:5/3]
    if len({extmap.id for extmap in extensions}) != len(extensions):
        yield Problem("an extension identifier comes twice", "RFC 8285 section 5", index)
    # [rfc8285:5/6]
    if len({(extmap.name, extmap.attributes) for extmap in extensions}) != len(extensions):
        yield Problem("a header extension comes twice", "RFC 8285 section 5", index)
    for extmap in extensions:
        # [rfc8285:5/2]
        if not any(extmap.id in identifiers for identifiers in EXTENSION_IDS):
            yield Problem(f"{extmap.id} identifies no extension", "RFC 8285 section 5", index)
        # [rfc6904:4/4]
        if extmap.uri == ENCRYPTED_EXTENSION:
            yield Problem("encryption of no header extension, or of itself", "RFC 6904 section 4", index)


def _check_sources(media: MediaDescription, index: int) -> Iterator[Problem]:
    sources = media.get_all(Ssrc)
    cnames = Counter(source.ssrc for source in sources if source.attribute.name == CNAME)
    described = {source.ssrc for source in sources}
    for ssrc in sorted(described):
        # [rfc5576:4.1/1] [rfc5576:6.1/3] [rfc5576:6.1/4]
        if cnames[ssrc] != 1:
            yield Problem(f"source {ssrc} has {cnames[ssrc]} cname", "RFC 5576 section 6.1", index)
    for group in media.get_all(SsrcGroup):
        # [rfc5576:4.2/3]
        if not described.issuperset(group.ssrcs):
            yield Problem(f"group {group.semantics} of sources without ssrc", "RFC 5576 section 4.2", index)
    for source in sources:
        fmt = (source.attribute.value or "").partition(" ")[0]
        # [rfc5576:6.3/1]
        if source.attribute.name == Fmtp.NAME and fmt not in media.formats:
            yield Problem(
                f"fmtp of source {source.ssrc} for format {fmt}, which the section lacks", "RFC 5576 section 6.3", index
            )
        # [rfc8858:3/1] [rfc8842:4/6]
        if source.attribute.name in (RtcpMuxOnly.NAME, TlsId.NAME):
            yield Problem(f"{source.attribute.name} as an attribute of a source", "RFC 8858 section 3", index)


def _check_streams(media: MediaDescription, index: int) -> Iterator[Problem]:
    # [rfc8830:2/1]
    if len({msid.appdata for msid in usable_msids(media)}) > 1:
        yield Problem("msid of different tracks", "RFC 8830 section 2", index)
    rids = usable_rids(media)
    for attribute in media.get_all(Rid.NAME):
        name = (attribute.value or "").partition(" ")[0]
        # [rfc8851:4/4] [rfc8851:6.1/3]
        if name not in rids or rids[name].serialize() != attribute.value:
            yield Problem(f"rid {name} is malformed, comes twice or names other formats", "RFC 8851 section 4", index)
    try:
        simulcast = media.get(Simulcast)
    except ParseError as error:
        yield Problem(f"a={error.reason}", "RFC 8853 section 5.1", index)
        return
    if simulcast is None:
        return
    names = [form.rid for streams in (simulcast.send, simulcast.recv) for stream in streams for form in stream]
    # [rfc8853:5.2/11]
    if len(set(names)) != len(names):
        yield Problem("a rid comes twice in simulcast", "RFC 8853 section 5.2", index)
    for streams, direction in ((simulcast.send, "send"), (simulcast.recv, "recv")):
        for form in (form for stream in streams for form in stream):
            # [rfc8853:5.2/4] [rfc8853:5.2/5]
            if form.rid not in rids or rids[form.rid].direction.value != direction:
                yield Problem(f"simulcast: no rid {form.rid} to {direction}", "RFC 8853 section 5.2", index)
