"""Which sections of an offer are accepted, and how they are bundled (RFC 8829 section 5.3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from rtc_peer.agreement import Agreement
from rtc_peer.configuration import BundlePolicy
from rtc_peer.media_content import MediaContent
from rtc_peer.offer import unused_mid
from rtc_peer.section import BundleGroups, MediaSection, RemoteDescription, RemoteSection, find_data_section
from rtc_peer.wishes import Wishes

if TYPE_CHECKING:
    from rtc_peer.numbers import Numbers


def plan_answer(
    offer: RemoteDescription,
    sections: Sequence[MediaSection],
    wishes: Wishes,
    numbers: Numbers,
    agreements: Mapping[int, Agreement],
    *,
    bundle_policy: BundlePolicy,
    new_transport_id: Callable[[], int],
) -> tuple[tuple[MediaSection, ...], BundleGroups]:
    """Decide on the sections of an answer: as many as were offered, in their order.

    Args:
        offer: The remote offer.
        sections: The sections of the session so far; accepted ones keep their transport.
        wishes: What is wanted; the transceivers are associated with the sections of the offer.
        numbers: Gives identifiers to header extensions that are offered without one.
        agreements: In force, by transport id.
        bundle_policy: Ours.
        new_transport_id: Gives out keys for transports of new sections.

    Returns:
        Sections and BUNDLE groups of the answer.
    """
    # [rfc3264:8/5]
    continued = continue_sections(offer, sections)
    contents = _contents(offer, continued, wishes, numbers)
    bundling = _Bundling(offer, continued, bundle_policy, wishes, agreements)
    accepted = bundling.accept(_usable(offer, sections, contents))
    groups = bundling.groups(accepted)
    planned: list[MediaSection] = []
    transports: dict[str, int] = {}
    for section in (_associated(each, wishes) for each in continued):
        # [rfc8829:5.3.1/2] [rfc8829:5.3.1/5]
        if section.index not in accepted:
            planned.append(section.as_rejected())
            continue
        # [rfc8829:5.3.1/6] [rfc8829:5.3.1/25] [rfc8829:5.3.1/15]
        group = next((group for group in groups if section.mid in group), (section.mid,))
        if group[0] not in transports:
            found = bundling.transport_before(group, set(transports.values()))
            transports[group[0]] = new_transport_id() if found is None else found
        key, media = transports[group[0]], contents.get(section.index)
        planned.append(replace(section, rejected=False, transport_id=key, media=media))
    # [rfc8829:5.3.1/28] [rfc8829:5.3.1/29] Without a group in the offer there is none in the answer.
    return tuple(planned), groups


def continue_sections(offer: RemoteDescription, sections: Sequence[MediaSection]) -> list[MediaSection]:
    """Return a section for each one that is offered: the one of the session that it continues, or a new one."""
    mids = [section.mid for section in offer.sections if section.mid is not None]
    taken = [*mids, *(section.mid for section in sections)]
    continued: list[MediaSection] = []
    for remote in offer.sections:
        before = sections[remote.index] if remote.index < len(sections) else None
        section = _matching(remote, before) or _new(remote, unused_mid(continued, taken))
        if not section.mid_signalled and section.mid in mids:
            # The peer names another section now by what we called this one.
            section = replace(section, mid=unused_mid(continued, taken))
        continued.append(section)
    return continued


def _associated(section: MediaSection, wishes: Wishes) -> MediaSection:
    wish = None if section.is_data else wishes.of_section(section.index)
    return replace(section, transceiver_id=None if wish is None else wish.transceiver_id)


def _contents(
    offer: RemoteDescription, continued: Sequence[MediaSection], wishes: Wishes, numbers: Numbers
) -> dict[int, MediaContent]:
    """Return what can be answered about media, by the index of the section."""
    found: dict[int, MediaContent] = {}
    for remote, section in zip(offer.sections, continued, strict=True):
        wish = wishes.of_section(remote.index)
        if remote.media is None or not remote.is_usable_media or wish is None:
            continue
        from rtc_peer.media_answer import answered_content

        content = answered_content(wish, remote.media, remote.description, section.media, numbers)
        if content is not None:
            found[remote.index] = content
    return found


def _usable(offer: RemoteDescription, sections: Sequence[MediaSection], contents: dict[int, MediaContent]) -> list[int]:
    """Return the indexes of what could be accepted; of data sections the one in use, else all: one will be chosen."""
    current = find_data_section(sections)
    data = [each.index for each in offer.sections if each.is_usable_data]
    if current is not None and current.index in data:
        data = [current.index]
    return sorted([*contents, *data])


class _Bundling:
    """Which usable sections may stand, by our policy and by the groups of the offer.

    Args:
        offer: The remote offer.
        sections: One for each that is offered.
        policy: Ours.
        wishes: What is wanted.
        agreements: In force, by transport id.
    """

    def __init__(
        self,
        offer: RemoteDescription,
        sections: Sequence[MediaSection],
        policy: BundlePolicy,
        wishes: Wishes,
        agreements: Mapping[int, Agreement],
    ) -> None:
        self._agreements = agreements
        self._offer = offer
        self._sections = sections
        self._policy = policy
        self._wishes = wishes

    def accept(self, usable: Sequence[int]) -> set[int]:
        """Return the indexes of the sections to accept."""
        allowed = [index for index in usable if self._is_allowed(index, usable)]
        wanted = {index for index in allowed if not self._is_stopping(index)}
        # [rfc9143:7.3.3/1] The tag of a bundle in use cannot be rejected while others need it: it rests until we offer.
        resting = [index for index in allowed if index not in wanted and self._carries(index)]
        accepted = self._without_lost_bundles(wanted.union(resting))
        return self._without_lost_bundles(self._with_one_data_section(accepted))

    def _is_allowed(self, index: int, usable: Sequence[int]) -> bool:
        """Whether the bundle policy lets a section stand."""
        sections = self._offer.sections
        if self._policy is BundlePolicy.MAX_COMPAT:
            return True
        if self._policy is BundlePolicy.MAX_BUNDLE:
            first = next(each.index for each in sections if not each.rejected)
        else:
            first = next(each for each in usable if sections[each].media_type == sections[index].media_type)
        return index == first or sections[first].mid in self._offer.group_of(sections[index].mid)

    def _is_stopping(self, index: int) -> bool:
        wish = self._wishes.of_section(index)
        return wish is not None and wish.stopping and self._offer.sections[index].media is not None

    def _carries(self, index: int) -> bool:
        """Whether a section is the tag of a bundle in use that has other members."""
        mid = self._offer.sections[index].mid
        group = self._offer.group_of(mid)
        members = [each.index for each in self._offer.sections if each.mid in group and each.index != index]
        in_use = self._sections[index].agreed is not None and not self._sections[index].rejected
        return bool(group) and group[0] == mid and in_use and any(self._could_stand(each) for each in members)

    def _could_stand(self, index: int) -> bool:
        return self._offer.sections[index].is_usable and not self._is_stopping(index)

    def _without_lost_bundles(self, accepted: set[int]) -> set[int]:
        """Leave out the sections of bundles that have no tag any more."""
        lost: set[int] = set()
        for group in self._offer.bundle_groups:
            members = [each for each in self._offer.sections if each.mid in group]
            tag = self._tag(group, accepted)
            if tag is None:
                lost |= {each.index for each in members if each.port == 0}
            # [rfc8829:5.3.1/5] [rfc9143:7.3/3] In a bundle that exists the tag stays what it is.
            elif tag != group[0] and self._is_in_use(group[0]) and self._is_offered(group[0]):
                lost |= {each.index for each in members}
        return accepted - lost

    def _tag(self, group: Sequence[str], accepted: set[int]) -> str | None:
        """Return the first accepted section of a group that has a port of its own."""
        # [rfc9143:7.3/5] [rfc9143:7.3.1/1] [rfc9143:7.3.1/2] [rfc9143:7.3.1/4]
        ports = {each.mid: each.port for each in self._offer.sections if each.index in accepted}
        return next((mid for mid in group if ports.get(mid, 0) != 0), None)

    def _is_in_use(self, mid: str) -> bool:
        return any(each.mid == mid and each.transport_id is not None and not each.rejected for each in self._sections)

    def _is_offered(self, mid: str) -> bool:
        return any(each.mid == mid and not each.rejected for each in self._offer.sections)

    def _with_one_data_section(self, accepted: set[int]) -> set[int]:
        data = [index for index in sorted(accepted) if self._offer.sections[index].is_usable_data]
        return accepted - set(data[1:])

    def groups(self, accepted: set[int]) -> BundleGroups:
        """Return the BUNDLE groups to answer with, the tag first."""
        alive = {self._offer.sections[index].mid for index in accepted}
        found: list[tuple[str, ...]] = []
        for group in self._offer.bundle_groups:
            tag = self._tag(group, accepted)
            if tag is not None:
                # [rfc9143:7.3/1] [rfc9143:7.3/2] [rfc5888:9.2/2]
                found.append((tag, *(mid for mid in group if mid in alive and mid != tag)))
        return tuple(found)

    def transport_before(self, group: Sequence[str], taken: set[int]) -> int | None:
        """Return the transport that a group has had so far, in the order of its members."""
        # [rfc9143:1.2/1]
        ids = {each.mid: each.transport_id for each in self._sections}
        found = next((ids[mid] for mid in group if ids.get(mid) is not None and ids[mid] not in taken), None)
        is_new = found is not None and ids.get(group[0]) is None and self._begins_anew(group[0], found)
        return None if is_new else found

    def _begins_anew(self, tag: str, transport_id: int) -> bool:
        """Whether a bundle that is tagged by a new section leaves its transport for that of the section.

        Chromium does so, without a ``tls-id`` that would tell.
        """
        offered = next(each.transport for each in self._offer.sections if each.mid == tag)
        agreed = self._agreements.get(transport_id)
        if offered is None or agreed is None or offered.credentials == agreed.remote.credentials:
            return False
        return offered.tls_id is None or offered.tls_id != agreed.remote.tls_id


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
