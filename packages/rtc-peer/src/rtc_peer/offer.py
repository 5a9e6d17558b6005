"""Which sections an offer has, and how they are bundled (RFC 8829 section 5.2)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from rtc_peer.configuration import BundlePolicy
from rtc_peer.media_content import MEDIA_PROTOCOL
from rtc_peer.section import APPLICATION, DATA_PROTOCOL, BundleGroups, MediaSection, find_data_section
from rtc_peer.wishes import MediaWish, Wishes
from rtc_sdp import WEBRTC_DATACHANNEL

if TYPE_CHECKING:
    from rtc_peer.numbers import Numbers


def plan_offer(
    sections: Sequence[MediaSection],
    groups: BundleGroups,
    stable: Sequence[MediaSection],
    wishes: Wishes,
    numbers: Numbers,
    *,
    bundle_policy: BundlePolicy,
    new_transport_id: Callable[[], int],
) -> tuple[tuple[MediaSection, ...], BundleGroups]:
    """Decide on the sections of an offer.

    Args:
        sections: The sections of the session so far, those of a pending offer included.
        groups: The BUNDLE groups of them.
        stable: The sections that were agreed upon last.
        wishes: What is wanted.
        numbers: Gives payload types and identifiers of header extensions, and remembers them.
        bundle_policy: How to treat peers that do not bundle.
        new_transport_id: Gives out keys for transports of new sections.

    Returns:
        Sections and BUNDLE groups of the offer.
    """
    # [rfc8829:4.1.8/1] [rfc8829:5.2.2/1] [rfc8829:5.2.2/6]
    planned = [_continued(section, wishes, numbers) for section in sections]
    free = _free_places(planned, stable)
    known = {section.mid for section in sections if not section.rejected}
    # [rfc8829:4.1.8/2] [rfc8829:5.2.1/22] Media come first.
    for wish in wishes.unassociated:
        _add(planned, free, _new_media(wish, unused_mid(planned, first=numbers.next_mid), numbers))
    # [rfc8829:5.2.1/41]
    if wishes.data and find_data_section(planned) is None:
        _add(planned, free, MediaSection(index=0, mid=unused_mid(planned, first=numbers.next_mid)))
    joined = _plan_groups(planned, known, groups)
    placer = _TransportPlacer(planned, joined, {section.mid for section in stable if not section.rejected})
    return placer.place(bundle_policy, new_transport_id), joined


def unused_mid(sections: Collection[MediaSection], taken: Collection[str] = (), *, first: int = 0) -> str:
    """Return a mid for a new section: a number that no section is named by.

    It tells nothing about anybody, and is one byte long for the first ten sections.

    Args:
        sections: Those that there are.
        taken: Further names.
        first: The number to begin with.
    """
    names = {section.mid for section in sections} | set(taken)
    # [rfc8829:5.2.1/28] [rfc8829:5.2.1/29] [rfc9143:15.2/1] [rfc9143:17/1]
    return next(mid for mid in map(str, range(first, first + len(names) + 1)) if mid not in names)


def _free_places(planned: Sequence[MediaSection], stable: Sequence[MediaSection]) -> list[int]:
    """Return the indexes of rejected sections that new ones may take: those that both sides have let go."""
    gone = [section.index for section in stable if section.rejected and planned[section.index].rejected]
    alive = [section.index for section in stable if not planned[section.index].rejected]
    # [rfc8829:5.2.2/4] Chromium takes the first section for the tag of its bundle, and begins another transport for a new
    # one: what stands before the sections in use stays free.
    return [index for index in gone if not alive or index > alive[0]]


def _continued(section: MediaSection, wishes: Wishes, numbers: Numbers) -> MediaSection:
    """Return a section as the next offer has it."""
    if section.rejected:
        return section
    if section.is_data:
        # [rfc8829:5.1.2/8]
        return replace(section, protocol=DATA_PROTOCOL, formats=(WEBRTC_DATACHANNEL,))
    wish = wishes.of_section(section.index)
    # [rfc8829:5.2.2/6]
    if wish is None or wish.stopping:
        return section.as_rejected()
    from rtc_peer.media_offer import offered_content

    agreed = None if section.agreed is None else section.agreed.local
    return replace(section, protocol=MEDIA_PROTOCOL, media=offered_content(wish, agreed, section.media, numbers))


def _new_media(wish: MediaWish, mid: str, numbers: Numbers) -> MediaSection:
    from rtc_peer.media_offer import offered_content

    return MediaSection(
        index=0,
        mid=mid,
        media_type=wish.kind,
        # [rfc8829:5.1.2/1] [rfc8829:5.2.1/21]
        protocol=MEDIA_PROTOCOL,
        formats=(),
        transceiver_id=wish.transceiver_id,
        media=offered_content(wish, None, None, numbers),
    )


def _add(sections: list[MediaSection], free: list[int], section: MediaSection) -> None:
    """Put a new section into the place of the first rejected one that suits, else at the end."""
    # [rfc8829:5.2.2/4] Firefox refuses media in the place of data, and data in the place of media.
    suitable = (index for index in free if (sections[index].media_type == APPLICATION) is section.is_data)
    index = next(suitable, len(sections))
    if index in free:
        free.remove(index)
    sections[index : index + 1] = [replace(section, index=index)]


def _plan_groups(planned: Sequence[MediaSection], known: set[str], groups: BundleGroups) -> BundleGroups:
    """Keep those who were bundled together, and add who is new to the first group."""
    alive = [section.mid for section in planned if not section.rejected]
    kept = [[mid for mid in group if mid in alive] for group in groups]
    kept = [group for group in kept if group]
    # [rfc8829:5.2.1/47] [rfc8829:5.2.2/32] [rfc9143:7.2/2]
    fresh = [mid for mid in alive if mid not in known]
    if kept:
        kept[0].extend(fresh)
    else:
        kept.append(fresh)
    # In the order of the sections, as browsers write them: Chromium cannot answer otherwise once a section was recycled.
    return tuple(tuple(mid for mid in alive if mid in group) for group in kept if group)


class _TransportPlacer:
    """Gives the new sections of an offer a transport: that of their bundle, one of their own, or none before the answer.

    Args:
        planned: All sections.
        groups: The BUNDLE groups of the offer.
        agreed: Mids of the sections that were agreed upon.
    """

    def __init__(self, planned: list[MediaSection], groups: BundleGroups, agreed: set[str]) -> None:
        self._planned = planned
        self._groups = groups
        self._agreed = agreed

    def place(self, policy: BundlePolicy, new_transport_id: Callable[[], int]) -> tuple[MediaSection, ...]:
        """Return the sections with their transports."""
        for index, section in enumerate(self._planned):
            if section.rejected or section.transport_id is not None or section.bundle_only:
                continue
            shared = self._transport_of_bundle(section)
            if shared is not None:
                # [rfc9143:7.5/1] The peer bundles, as it has shown.
                placed = replace(section, transport_id=shared)
            # [rfc8829:5.2.1/15] [rfc8829:5.2.1/16] [rfc8829:5.2.1/19] [rfc9143:7.2/3] [rfc9143:7.2/1] [rfc9143:7.1.3/3]
            # [rfc9143:10/1] [rfc8834:4.4/1]
            elif self._needs_bundle(section, policy):
                placed = replace(section, bundle_only=True)
            else:
                placed = replace(section, transport_id=new_transport_id())
            self._planned[index] = placed
        return tuple(self._planned)

    def _transport_of_bundle(self, section: MediaSection) -> int | None:
        """Return the transport of the negotiated bundle that a section joins."""
        group = next((group for group in self._groups if section.mid in group), ())
        members = (each for each in self._planned if each.mid in group and each.mid in self._agreed)
        return next((each.transport_id for each in members if each.transport_id is not None), None)

    def _needs_bundle(self, section: MediaSection, policy: BundlePolicy) -> bool:
        """Whether a peer that does not bundle has to do without a section."""
        group = next((group for group in self._groups if section.mid in group), ())
        # [rfc9143:7.2.1/1] The tag is never for the bundle alone.
        before = [each for each in self._planned[: section.index] if each.mid in group and not each.rejected]
        match policy:
            case BundlePolicy.MAX_BUNDLE:
                return bool(before)
            case BundlePolicy.BALANCED:
                return any(each.media_type == section.media_type for each in before)
            case BundlePolicy.MAX_COMPAT:
                return False
