"""Which sections an offer has, and how they are bundled (RFC 8829 section 5.2)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from rtc_peer.section import DATA_PROTOCOL, BundleGroups, MediaSection, find_data_section
from rtc_sdp import WEBRTC_DATACHANNEL


def plan_offer(
    sections: Sequence[MediaSection],
    groups: BundleGroups,
    *,
    wants_data: bool,
    new_transport_id: Callable[[], int],
) -> tuple[tuple[MediaSection, ...], BundleGroups]:
    """Decide on the sections of an offer.

    Args:
        sections: The sections of the session so far.
        groups: The BUNDLE groups agreed upon so far.
        wants_data: Whether a data channel exists or is wished for.
        new_transport_id: Gives out keys for transports of new sections.

    Returns:
        Sections and BUNDLE groups of the offer.
    """
    # [rfc8829:4.1.8/1] [rfc8829:5.2.2/1] [rfc8829:5.2.2/6]
    planned = [_modernised(section) for section in sections]
    # [rfc8829:5.2.1/41] [rfc8829:4.1.8/2]
    if wants_data and find_data_section(planned) is None:
        _add(planned, MediaSection(index=0, mid=unused_mid(planned), transport_id=new_transport_id()))
    return tuple(planned), _plan_groups(planned, sections, groups)


def unused_mid(sections: Collection[MediaSection], taken: Collection[str] = ()) -> str:
    """Return a mid for a new section: the smallest number that no section is named by.

    It tells nothing about anybody, and is one byte long for the first ten sections.
    """
    names = {section.mid for section in sections} | set(taken)
    # [rfc8829:5.2.1/28] [rfc8829:5.2.1/29] [rfc9143:15.2/1] [rfc9143:17/1]
    return next(mid for mid in map(str, range(len(names) + 1)) if mid not in names)


def _modernised(section: MediaSection) -> MediaSection:
    # [rfc8829:5.1.2/8]
    if section.is_data and not section.rejected:
        return replace(section, protocol=DATA_PROTOCOL, formats=(WEBRTC_DATACHANNEL,))
    return section


def _add(sections: list[MediaSection], section: MediaSection) -> None:
    """Put a new section into the place of the first rejected one, else at the end."""
    # [rfc8829:5.2.2/4]
    index = next((each.index for each in sections if each.rejected), len(sections))
    sections[index : index + 1] = [replace(section, index=index)]


def _plan_groups(planned: Sequence[MediaSection], before: Sequence[MediaSection], groups: BundleGroups) -> BundleGroups:
    """Keep those who were bundled together, and add who is new to the first group."""
    alive = [section.mid for section in planned if not section.rejected]
    known = {section.mid for section in before if not section.rejected}
    kept = [[mid for mid in group if mid in alive] for group in groups]
    # [rfc8829:5.2.1/47] [rfc8829:5.2.2/32] [rfc9143:7.2/2]
    fresh = [mid for mid in alive if mid not in known]
    if kept:
        kept[0].extend(fresh)
    else:
        kept.append(fresh)
    return tuple(tuple(group) for group in kept if group)
