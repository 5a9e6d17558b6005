"""BUNDLE: several media sections on one transport.

Within a group the transport attributes (ICE, DTLS, RTCP multiplexing ...) of one section, the *tagged* one, count for
all. Which attributes those are, RFC 8859 says for each: the categories TRANSPORT and IDENTICAL.

See :rfc:`9143#section-7`.
"""

from __future__ import annotations

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


def bundle_groups(description: SessionDescription) -> list[Group]:
    """Return the BUNDLE groups of a description, in order."""
    return [group for group in description.get_all(Group) if group.semantics == BUNDLE]


def bundle_group_of(description: SessionDescription, media: MediaDescription) -> Group | None:
    """Return the BUNDLE group that a media section is in, None if it stands alone."""
    mid = media.get(Mid)
    if mid is None:
        return None
    return next((group for group in bundle_groups(description) if mid.tag in group.tags), None)


def tagged_section(description: SessionDescription, group: Group) -> MediaDescription | None:
    """Return the section whose transport attributes count for a whole group: the one named first.

    In an initial offer this is only the offerer's suggestion. None if there is no such section, or the group is empty.
    """
    # [rfc9143:7.2/5]
    return description.by_mid(group.tags[0]) if group.tags else None


def select_tagged(offer: SessionDescription, group: Group, accepted: set[str] | frozenset[str]) -> str | None:
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
        # [rfc9143:7.3.1/1] [rfc9143:7.3.1/2] [rfc9143:7.3.1/3]
        if tag in accepted and tag in sections and sections[tag].port != 0:
            return tag
    # [rfc9143:7.3.1/4]
    return None


def answer_group(offer: SessionDescription, group: Group, accepted: set[str] | frozenset[str]) -> Group | None:
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
    rest = [tag for tag in group.tags if tag in accepted and tag != tagged]
    return Group(BUNDLE, (tagged, *rest))


def transport_section(description: SessionDescription, media: MediaDescription) -> MediaDescription:
    """Return the section whose transport attributes count for ``media``: the tagged one of its group, or itself.

    Raises:
        ParseError: A ``mid`` or ``group`` is malformed.
    """
    group = bundle_group_of(description, media)
    if group is None:
        return media
    # [rfc9143:7.1.3/2]
    return tagged_section(description, group) or media


def transport_value(description: SessionDescription, media: MediaDescription, kind: type[T]) -> T | None:
    """Return the transport attribute that counts for a section: from the tagged section, then from the session level.

    Where an initial offer gives a section its own value (it may end up outside the group), that one is passed over.
    """
    return description.effective(transport_section(description, media), kind)


def is_bundle_only(media: MediaDescription) -> bool:
    """Whether a section exists only within its bundle: port 0 and marked ``bundle-only``."""
    return media.port == 0 and media.has(BundleOnly)
