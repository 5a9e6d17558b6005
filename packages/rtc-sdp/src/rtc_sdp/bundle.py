"""BUNDLE: several media sections on one transport.

Within a group the transport attributes (ICE, DTLS, RTCP multiplexing ...) of one section, the *tagged* one, count for
all. Which attributes those are, RFC 8859 says for each: the categories TRANSPORT and IDENTICAL.

See :rfc:`9143#section-7`.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Final, TypeVar

from rtc_sdp.attribute import TypedAttribute
from rtc_sdp.grouping import BUNDLE, BundleOnly, Group, Mid
from rtc_sdp.media import MediaDescription
from rtc_sdp.session import SessionDescription

T = TypeVar("T", bound=TypedAttribute)

BUNDLE_ATTRIBUTES: Final = frozenset(
    {
        # TRANSPORT
        "candidate",
        "crypto",
        "end-of-candidates",
        "fingerprint",
        "ice-mismatch",
        "ice-options",
        "ice-pwd",
        "ice-ufrag",
        "remote-candidates",
        "rtcp",
        "setup",
        "tls-id",
        # IDENTICAL
        "rtcp-mux",
        "rtcp-mux-only",
        "rtcp-rsize",
    }
)
"""Names of the attributes that are taken from the tagged section (:rfc:`8859#section-5`)."""


class Bundles:
    """The BUNDLE groups of a description, and which section lends its transport to which.

    A snapshot: build it again after sections, ``mid`` or ``group`` have changed.

    Args:
        description: An offer or an answer. In an initial offer the tagged section is only a suggestion.

    Raises:
        ParseError: A ``mid`` or ``group`` is malformed.
    """

    __slots__ = ("_description", "_group_by_tag", "_sections", "groups")

    groups: tuple[Group, ...]
    """The groups that count, in order."""

    def __init__(self, description: SessionDescription) -> None:
        self._description = description
        self._sections = description.media_by_mid()
        # [rfc5888:6/2] A rejected section without a mid does not spoil the groups: some stacks write it so.
        complete = all(media.port == 0 or media.has(Mid) for media in description.media)
        self.groups = tuple(
            group
            for group in (description.get_all(Group) if complete else ())
            # [rfc5888:6/3]
            if group.semantics == BUNDLE and all(tag in self._sections for tag in group.tags)
        )
        self._group_by_tag: dict[str, Group] = {}
        for group in self.groups:
            for tag in group.tags:
                self._group_by_tag.setdefault(tag, group)

    def group_of(self, media: MediaDescription) -> Group | None:
        """Return the group that a section is in, None if it stands alone."""
        mid = media.get(Mid)
        return None if mid is None else self._group_by_tag.get(mid.tag)

    def tagged(self, group: Group) -> MediaDescription | None:
        """Return the section whose transport attributes count for a whole group; None if the group is empty."""
        # [rfc9143:7.2/3]
        return self._sections[group.tags[0]] if group.tags else None

    def transport_section(self, media: MediaDescription) -> MediaDescription:
        """Return the section whose transport attributes count for ``media``: the tagged one of its group, or itself."""
        group = self.group_of(media)
        # [rfc9143:7.1.3/4]
        return media if group is None else self.tagged(group) or media

    def transport(self, media: MediaDescription, kind: type[T]) -> T | None:
        """Return the transport attribute that counts for a section: from the tagged one, then from the session level.

        Where an initial offer gives a section its own value (it may end up outside the group), that is passed over.

        Raises:
            ParseError: The value does not follow the grammar.
        """
        return self._description.effective(self.transport_section(media), kind)

    def is_bundle_only(self, media: MediaDescription) -> bool:
        """Whether a section is offered for its bundle alone: within a group, with port 0 and ``bundle-only``."""
        # [rfc9143:6/1]
        return media.port == 0 and media.has(BundleOnly) and self.group_of(media) is not None

    def is_rejected(self, media: MediaDescription) -> bool:
        """Whether a section is off: port 0, but not ``bundle-only``."""
        # [rfc3264:6/7] [rfc3264:5.1/4] [rfc9143:7.5.3/1]
        return media.port == 0 and not self.is_bundle_only(media)


def select_tagged(offer: SessionDescription, group: Group, accepted: AbstractSet[str]) -> str | None:
    """Return the tag of the section that an answer makes the tagged one.

    Args:
        offer: The offer with the group.
        group: The group to answer.
        accepted: Tags of the sections that the answer keeps within the group.

    Returns:
        The first tag of the group whose section is kept and has a port of its own; None if the answer cannot have
        this group.

    See :rfc:`9143#section-7.3.1`.
    """
    sections = offer.media_by_mid()
    for tag in group.tags:
        # [rfc9143:7.3.1/1] [rfc9143:7.3.1/2]
        if tag in accepted and tag in sections and sections[tag].port != 0:
            return tag
    # [rfc9143:7.3.1/3]
    return None


def answer_group(offer: SessionDescription, group: Group, accepted: AbstractSet[str]) -> Group | None:
    """Return the BUNDLE group to answer with, the tagged section first and the others in the offer's order.

    Args:
        offer: The offer with the group.
        group: The group to answer.
        accepted: Tags of the sections that the answer keeps within the group.

    Returns:
        None if there can be no such group; every section of it then stands alone or is rejected.
    """
    tagged = select_tagged(offer, group, accepted)
    if tagged is None:
        return None
    # [rfc9143:7.3/1] [rfc9143:7.3/2]
    rest = [tag for tag in group.tags if tag in accepted and tag != tagged]
    return Group(BUNDLE, (tagged, *rest))
