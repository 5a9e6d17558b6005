"""Which sections of an offer are accepted, and how they are bundled (RFC 8829 section 5.3)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from rtc_peer.configuration import BundlePolicy
from rtc_peer.offer import unused_mid
from rtc_peer.section import BundleGroups, MediaSection, RemoteDescription, RemoteSection, find_data_section


def plan_answer(
    offer: RemoteDescription,
    sections: Sequence[MediaSection],
    *,
    bundle_policy: BundlePolicy,
    new_transport_id: Callable[[], int],
) -> tuple[tuple[MediaSection, ...], BundleGroups]:
    """Decide on the sections of an answer: as many as were offered, in their order.

    Args:
        offer: The remote offer.
        sections: The sections of the session so far; accepted ones keep their transport.
        bundle_policy: Ours.
        new_transport_id: Gives out keys for transports of new sections.

    Returns:
        Sections and BUNDLE groups of the answer.
    """
    current = find_data_section(sections)
    accepted = _choose(offer, None if current is None else current.index, bundle_policy)
    mids = [section.mid for section in offer.sections if section.mid is not None]
    taken = [*mids, *(section.mid for section in sections)]
    planned: list[MediaSection] = []
    for remote in offer.sections:
        before = sections[remote.index] if remote.index < len(sections) else None
        section = _matching(remote, before) or _new(remote, unused_mid(planned, taken))
        if not section.mid_signalled and section.mid in mids:
            # The peer names another section now by what we called this one.
            section = replace(section, mid=unused_mid(planned, taken))
        # [rfc8829:5.3.1/2] [rfc8829:5.3.1/5]
        if remote.index != accepted:
            section = replace(section, rejected=True, transport_id=None)
        # [rfc8829:5.3.1/6] [rfc8829:5.3.1/25]
        elif section.transport_id is None:
            section = replace(section, rejected=False, transport_id=new_transport_id())
        planned.append(section)
    alive = {section.mid for section in planned if not section.rejected and section.mid_signalled}
    # [rfc8829:5.3.1/28] [rfc8829:5.3.1/29] Without a group in the offer there is none in the answer.
    groups = (tuple(mid for mid in group if mid in alive) for group in offer.bundle_groups)
    return tuple(planned), tuple(group for group in groups if group)


def _choose(offer: RemoteDescription, current: int | None, policy: BundlePolicy) -> int | None:
    """Return the index of the section to accept: the current one, else the first that data channels can run in."""
    usable = [each.index for each in offer.sections if each.is_usable_data and _may_stand(offer, each, policy)]
    return current if current in usable else next(iter(usable), None)


def _may_stand(offer: RemoteDescription, remote: RemoteSection, policy: BundlePolicy) -> bool:
    """Whether bundling lets this section be accepted while all sections of other kinds are rejected."""
    # [rfc9143:7.3/5] [rfc9143:7.3.1/4] A bundle-only section has no transport of its own. It cannot become the tag of its group (RFC 9143 section
    # 7.3.1), and who is the tag gets rejected.
    if remote.port == 0:
        return False
    if policy is BundlePolicy.MAX_BUNDLE and remote.index > 0:
        return offer.sections[0].mid in offer.group_of(remote.mid)
    return True


def _matching(remote: RemoteSection, before: MediaSection | None) -> MediaSection | None:
    """Return the section of the session that the offer continues, as the offer writes it now."""
    if before is None or before.media_type != remote.media_type:
        return None
    if remote.mid is None:
        return replace(before, protocol=remote.protocol, formats=remote.formats)
    if before.mid_signalled and remote.mid != before.mid:
        return None
    return replace(before, mid=remote.mid, mid_signalled=True, protocol=remote.protocol, formats=remote.formats)


def _new(remote: RemoteSection, mid: str) -> MediaSection:
    return MediaSection(
        index=remote.index,
        # [rfc8829:5.3.1/16]
        mid=mid if remote.mid is None else remote.mid,
        mid_signalled=remote.mid is not None,
        media_type=remote.media_type,
        # [rfc8829:5.1.2/5] [rfc8829:5.3.1/8] [rfc8829:5.3.1/26]
        protocol=remote.protocol,
        formats=remote.formats,
    )
