"""Rules of groups: tags, and what the sections of a bundle must have in common.

See :rfc:`5888` and :rfc:`9143`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from rtc_sdp.bundle import Bundles
from rtc_sdp.errors import Problem
from rtc_sdp.formats import rtpmaps
from rtc_sdp.grouping import BUNDLE, BundleOnly, Group, Mid
from rtc_sdp.media import MediaDescription
from rtc_sdp.rtcp import RtcpMux
from rtc_sdp.rtp import Cryptex, Extmap
from rtc_sdp.session import SessionDescription

MID_EXTENSION: Final = "urn:ietf:params:rtp-hdrext:sdes:mid"
"""The header extension that tells in each packet which section it belongs to."""


def check_grouping(description: SessionDescription, _bundles: Bundles) -> Iterator[Problem]:
    """Check tags and groups."""
    tags = Counter(mid.tag for mid in (media.get(Mid) for media in description.media) if mid is not None)
    for tag, count in tags.items():
        # [rfc5888:4/1]
        if count > 1:
            yield Problem(f"mid {tag} is used {count} times", "RFC 5888 section 4")
    groups = description.get_all(Group)
    for index, media in enumerate(description.media):
        # [rfc5888:6/1]
        if groups and not media.has(Mid):
            yield Problem("no mid, yet there are groups", "RFC 5888 section 6", index)
    sections = description.media_by_mid()
    bundled: set[str] = set()
    for group in groups:
        for tag in group.tags:
            if tag not in sections:
                yield Problem(f"group names {tag}, which no section has", "RFC 5888 section 6")
            # [rfc5888:9.2/5] [rfc9143:14/1] [rfc9143:7.3.3/3] [rfc9143:7.5.3/2]
            elif sections[tag].port == 0 and not (group.semantics == BUNDLE and sections[tag].has(BundleOnly)):
                yield Problem(f"group names {tag}, which has port 0", "RFC 9143 section 14")
            # [rfc9143:5/1]
            if group.semantics == BUNDLE and tag in bundled:
                yield Problem(f"{tag} is in a BUNDLE group twice", "RFC 9143 section 5")
        if group.semantics == BUNDLE:
            bundled.update(group.tags)


def check_bundles(description: SessionDescription, bundles: Bundles) -> Iterator[Problem]:
    """Check what the sections of each bundle have in common."""
    members: dict[int, list[tuple[int, MediaDescription]]] = {}
    for index, media in enumerate(description.media):
        members.setdefault(id(bundles.group_of(media)), []).append((index, media))
    for group in bundles.groups:
        sections = members.get(id(group), [])
        if not sections:
            continue
        tagged = bundles.tagged(group)
        # [rfc9143:7.2.1/1] [rfc9143:7.5/2]
        if tagged is not None and tagged.has(BundleOnly):
            yield Problem("the tagged section is bundle-only", "RFC 9143 section 7.2.1")
        yield from _check_members(description, bundles, sections)
        yield from _check_common_numbers(description, sections)
        hidden = {description.effective(media, Cryptex) is not None for _, media in sections}
        # [rfc9335:4/1]
        if len(hidden) > 1:
            yield Problem("cryptex in some sections of a bundle", "RFC 9335 section 4", sections[0][0])


def _check_members(
    description: SessionDescription, bundles: Bundles, sections: list[tuple[int, MediaDescription]]
) -> Iterator[Problem]:
    first = sections[0][1]
    first_rtp = next((media for _, media in sections if media.is_rtp), first)
    address = description.connection_of(first)
    for index, media in sections:
        # [rfc9143:7.2/4]
        if media.has(BundleOnly) and media.port != 0:
            yield Problem("bundle-only with a port", "RFC 9143 section 7.2", index)
        # [rfc9143:8/1]
        if media.protocol.split("/")[0] != first.protocol.split("/")[0]:
            yield Problem("a bundle of different transports", "RFC 9143 section 8", index)
        # [rfc9143:7.1.1/1]
        own = description.connection_of(media)
        if own and address and (own.nettype != "IN" or own.addrtype != address.addrtype):
            yield Problem("a bundle of different address types", "RFC 9143 section 7.1.1", index)
        if not media.is_rtp:
            continue
        # [rfc9143:9.1/2]
        if media.protocol != first_rtp.protocol:
            yield Problem("a bundle of different RTP profiles", "RFC 9143 section 9.1", index)
        # [rfc9143:9.1/3]
        if all(extmap.uri != MID_EXTENSION for extmap in description.effective_all(media, Extmap)):
            yield Problem("bundled without the MID header extension", "RFC 9143 section 9.1", index)
        # [rfc9143:9.3/1] [rfc9143:9.3.1.1/1]
        if not (media.has(RtcpMux) or bundles.transport_section(media).has(RtcpMux)):
            yield Problem("bundled without rtcp-mux", "RFC 9143 section 9.3", index)


def _check_common_numbers(
    description: SessionDescription, sections: list[tuple[int, MediaDescription]]
) -> Iterator[Problem]:
    """Check that payload types and extension identifiers mean the same in all sections of a bundle."""
    encodings: dict[str, tuple[str, str, int, int]] = {}
    extensions: dict[int, str] = {}
    for index, media in sections:
        for fmt, rtpmap in rtpmaps(media).items() if media.is_rtp else ():
            encoding = (media.media_type, rtpmap.encoding.lower(), rtpmap.clock_rate, rtpmap.channel_count)
            # [rfc9143:9.1.1/1]
            if encodings.setdefault(fmt, encoding) != encoding:
                yield Problem(f"payload type {fmt} has two meanings in a bundle", "RFC 9143 section 9.1.1", index)
        for extmap in description.effective_all(media, Extmap):
            # [rfc9143:12/1]
            if extensions.setdefault(extmap.id, extmap.name) != extmap.name:
                yield Problem(f"extension {extmap.id} has two meanings in a bundle", "RFC 9143 section 12", index)
