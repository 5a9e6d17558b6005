"""What an answer makes of the sections of its offer: rejected, bundled, agreed upon (RFC 8829 section 5.11)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from rtc_peer.section import AgreedMedia, BundleGroups, MediaSection, RemoteDescription, RemoteSection
from rtc_sdp import MediaDescription, SessionDescription


def transport_ids(sections: Iterable[MediaSection]) -> tuple[int, ...]:
    """Return the transports of sections, each once, in order."""
    return tuple(dict.fromkeys(each.transport_id for each in sections if each.transport_id is not None))


def transport_sections(sections: Sequence[MediaSection], groups: BundleGroups) -> dict[int, int]:
    """Return by transport the index of the section that describes it: the tag of its BUNDLE group, else the first."""
    described: dict[int, int] = {}
    rank = {mid: place for group in groups for place, mid in enumerate(group)}
    for section in sorted(sections, key=lambda each: rank.get(each.mid, 0)):
        if section.transport_id is not None:
            described.setdefault(section.transport_id, section.index)
    return dict(sorted(described.items(), key=lambda item: item[1]))


def conclude(
    sections: Sequence[MediaSection], remote: RemoteDescription, groups: BundleGroups, *, we_offered: bool
) -> tuple[MediaSection, ...]:
    """Return the sections as they are after an answer.

    Args:
        sections: Of our description.
        remote: The peer's.
        groups: The BUNDLE groups of the answer.
        we_offered: Whether the answer is the peer's.
    """
    by_mid = {each.mid: each.transport_id for each in sections}
    concluded = []
    for ours in sections:
        theirs = remote.sections[ours.index]
        if ours.rejected or not theirs.is_usable:
            concluded.append(ours.as_rejected())
            continue
        # [rfc5888:9.2/4]
        group = next((group for group in groups if ours.mid in group), (ours.mid,))
        # [rfc9143:7.3/4] [rfc9143:7.4/1] [rfc8834:4.4/2] [rfc8834:4.4/3] [rfc8835:4.2/5] [rfc8835:4.2/6]
        # The transport of the section that the answer tags its group by is that of all of them.
        section = replace(ours, transport_id=by_mid[group[0]], bundle_only=False)
        concluded.append(_agreed(section, theirs, we_offered=we_offered))
    return tuple(concluded)


def _agreed(ours: MediaSection, theirs: RemoteSection, *, we_offered: bool) -> MediaSection:
    if ours.media is None or theirs.media is None:
        return ours
    from rtc_peer.codec_matching import without_unmatched

    local = without_unmatched(ours.media, theirs.media) if we_offered else ours.media
    offered = ours.media if we_offered else theirs.media
    return replace(ours, media=local, agreed=AgreedMedia(local=local, remote=theirs.media, offered=offered.extensions))


def with_agreed_encodings(answer: RemoteDescription, offer: SessionDescription) -> RemoteDescription:
    """Return the peer's answer without the encodings that it names otherwise than they were offered.

    Args:
        answer: What the peer says.
        offer: Our offer.
    """
    sections = zip(answer.sections, offer.media, strict=True)
    return replace(answer, sections=tuple(_with_agreed_rids(theirs, offered) for theirs, offered in sections))


def _with_agreed_rids(theirs: RemoteSection, offered: MediaDescription) -> RemoteSection:
    content = theirs.media
    if content is None or not content.rids:
        return theirs
    from rtc_sdp import RidDirection, agreed_rids, narrow_simulcast

    # [rfc8851:6.4/1] [rfc8851:6.4/2] [rfc8851:6.4/4] [rfc8851:6.4/5]
    rids = tuple(agreed_rids(offered, theirs.description).values())
    simulcast = content.simulcast and narrow_simulcast(
        content.simulcast,
        send={each.rid for each in rids if each.direction is RidDirection.SEND},
        recv={each.rid for each in rids if each.direction is RidDirection.RECV},
    )
    return replace(theirs, media=replace(content, rids=rids, simulcast=simulcast))
