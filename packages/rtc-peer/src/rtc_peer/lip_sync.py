"""Which sections are played in step: LS groups (RFC 5888 section 7, RFC 8829 sections 5.2.1 and 5.3.1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

from rtc_peer.section import MediaSection

LIP_SYNC: Final = "LS"
"""The semantics of such a group."""

LipSync: TypeAlias = tuple[tuple[str, ...], ...]
"""Mids of each group."""


def lip_sync_of(sections: Sequence[MediaSection], agreed: LipSync) -> LipSync:
    """Return the groups of an offer: the sections whose tracks share a stream, and those of the latest answer.

    Args:
        sections: Of the offer.
        agreed: The groups of the latest answer.
    """
    alive = [section.mid for section in sections if not section.rejected]
    members: dict[str, list[str]] = {}
    for section in sections:
        for stream in _streams(section):
            members.setdefault(stream, []).append(section.mid)
    found = [set(group) & set(alive) for group in agreed]
    for mids in members.values():
        grown = next((group for group in found if group & set(mids)), None)
        if grown is None:
            found.append(set(mids))
        else:
            grown |= set(mids)
    # [rfc8829:5.2.1/48] [rfc8829:5.2.2/33]
    return tuple(dict.fromkeys(tuple(mid for mid in alive if mid in group) for group in found if len(group) > 1))


def answered_lip_sync(sections: Sequence[MediaSection], offered: LipSync) -> LipSync:
    """Return the groups of an answer: of those that were offered the members that share a stream with us, or have none."""
    known = {section.mid: section for section in sections if not section.rejected and section.media is not None}
    found = []
    for group in offered:
        members = [known[mid] for mid in group if mid in known]
        streams = [set(_streams(each)) for each in members]
        shared = set[str]().union(*(one & other for at, one in enumerate(streams) for other in streams[at + 1 :]))
        mids = tuple(each.mid for each, own in zip(members, streams, strict=True) if not own or own & shared)
        # [rfc8829:5.3.1/3] [rfc8829:5.3.1/4] [rfc5888:9.2/2]
        if len(mids) > 1:
            found.append(mids)
    return tuple(found)


def played_with(mid: str, agreed: LipSync) -> str | None:
    """Return the name of what a section is played in step with; None if no group of the latest answer has it."""
    # [rfc5888:7/1]
    return next((" ".join((LIP_SYNC, *group)) for group in agreed if mid in group), None)


def _streams(section: MediaSection) -> tuple[str, ...]:
    return () if section.media is None or section.media.streams is None else section.media.streams
