"""Whether an offer keeps the rules, alone and against what was said before.

See :rfc:`3264#section-5` and :rfc:`3264#section-8`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rtc_sdp.attribute_check import malformed_attributes, uses_dtls
from rtc_sdp.bundle import BUNDLE_ATTRIBUTES, Bundles
from rtc_sdp.dtls import Role, Setup
from rtc_sdp.errors import DescriptionError, Problem
from rtc_sdp.formats import FIRST_DYNAMIC_PAYLOAD_TYPE, rtpmaps
from rtc_sdp.grouping import Mid
from rtc_sdp.ice import IceLite, IceOptions, IcePacing, IcePwd, IceUfrag
from rtc_sdp.media import MediaDescription
from rtc_sdp.session import SessionDescription

MAX_SIGNED_64: Final = 2**63 - 1
MAX_INITIAL_VERSION: Final = 2**62 - 2


def check_offer(
    offer: SessionDescription,
    previous: SessionDescription | None = None,
    *,
    opposite: SessionDescription | None = None,
    received: bool = False,
) -> None:
    """Check an offer against the rules of offers; call `check_description` for those of any description.

    Args:
        offer: The offer.
        previous: The last description, offer or answer, from the same side in this session; None for its first.
        opposite: The last one from the other side. Sections that it rejects are free for something else.
        received: Leave out what a receiver has to tolerate: a ``setup`` other than ``actpass``, transport attributes in
            bundle-only sections.

    Raises:
        DescriptionError: With all problems. If attributes are malformed, only those.
    """
    problems = malformed_attributes(offer)
    if not problems:
        bundles = Bundles(offer)
        problems = list(_check_origin(offer, previous))
        # [rfc8842:5.3/8]
        if not received:
            problems += _check_setup(offer, bundles)
        if not received and previous is None:
            problems += _check_bundle_only(offer, bundles)
        if previous is not None:
            problems += check_continuation(offer, previous, opposite)
    if problems:
        raise DescriptionError(problems)


def _check_origin(offer: SessionDescription, previous: SessionDescription | None) -> Iterator[Problem]:
    origin = offer.origin
    # [rfc3264:5/2]
    if origin.sess_version > MAX_SIGNED_64 or len(origin.sess_id) > 19 or int(origin.sess_id) > MAX_SIGNED_64:
        yield Problem("session id or version beyond 63 bits", "RFC 3264 section 5")
    # [rfc3264:5/3]
    if previous is None and origin.sess_version > MAX_INITIAL_VERSION:
        yield Problem("the first version is not below 2^62 - 1", "RFC 3264 section 5")


def _check_setup(offer: SessionDescription, bundles: Bundles) -> Iterator[Problem]:
    for index, media in enumerate(offer.media):
        if not uses_dtls(media) or bundles.is_rejected(media):
            continue
        setup = bundles.transport(media, Setup)
        # [rfc8842:5.2/1] [rfc8842:5.5/1]
        if setup is not None and setup.role is not Role.ACTPASS:
            yield Problem(f"an offer says setup:actpass, not {setup.role.value}", "RFC 8842 section 5.2", index)


def _check_bundle_only(offer: SessionDescription, bundles: Bundles) -> Iterator[Problem]:
    for index, media in enumerate(offer.media):
        if not bundles.is_bundle_only(media):
            continue
        for name in sorted(BUNDLE_ATTRIBUTES):
            # [rfc9143:7.1.3/2]
            if media.has(name):
                yield Problem(f"{name} in a bundle-only section", "RFC 9143 section 7.1.3", index)


def check_continuation(
    current: SessionDescription, previous: SessionDescription, opposite: SessionDescription | None
) -> Iterator[Problem]:
    """Yield what is wrong with a description as the successor of another from the same side."""
    yield from _check_version(current, previous)
    # [rfc3264:8/6] [rfc3264:8/7] [rfc3264:8/8]
    if len(current.media) < len(previous.media):
        yield Problem("fewer media sections than before", "RFC 3264 section 8")
    yield from _check_session_ice(current, previous)
    before, after = Bundles(previous), Bundles(current)
    freed = set() if opposite is None else _rejected_sections(opposite)
    yield from _check_groups_kept(after, before)
    for index, (new, old) in enumerate(zip(current.media, previous.media, strict=False)):
        # A rejected section is a free slot: what comes into it next is not bound by what was there.
        if before.is_rejected(old) or index in freed:
            continue
        # [rfc3264:8.1/1] [rfc5888:9.1/2]
        if not after.is_rejected(new) and old.has(Mid) and new.get(Mid) != old.get(Mid):
            yield Problem("another mid than before, though the section was in use", "RFC 5888 section 9.1", index)
        yield from _check_payload_types(new, old, index)
        yield from _check_ice_restart(current, previous, new, old, index)


def _rejected_sections(description: SessionDescription) -> set[int]:
    bundles = Bundles(description)
    return {index for index, media in enumerate(description.media) if bundles.is_rejected(media)}


def _check_version(current: SessionDescription, previous: SessionDescription) -> Iterator[Problem]:
    new, old = current.origin, previous.origin
    # [rfc3264:8/1]
    if not new.same_session(old):
        yield Problem("another origin than before", "RFC 3264 section 8")
    elif new.sess_version == old.sess_version:
        # [rfc3264:8/3] [rfc3264:8/4]
        if current != previous:
            yield Problem("changed without counting up the version", "RFC 3264 section 8")
    # [rfc3264:8/2]
    elif new.sess_version != old.sess_version + 1:
        yield Problem("the version does not count up by one", "RFC 3264 section 8")


def _check_payload_types(new: MediaDescription, old: MediaDescription, index: int) -> Iterator[Problem]:
    if not (new.is_rtp and old.is_rtp) or new.media_type != old.media_type:
        return
    before = rtpmaps(old)
    for fmt, rtpmap in rtpmaps(new).items():
        # [rfc3264:8.3.2/1]
        if (
            rtpmap.payload_type >= FIRST_DYNAMIC_PAYLOAD_TYPE
            and fmt in before
            and not rtpmap.same_encoding(before[fmt])
        ):
            yield Problem(f"payload type {fmt} now means another codec", "RFC 3264 section 8.3.2", index)


def _successors(before: Bundles, after: Bundles) -> dict[str, tuple[str, ...]]:
    """Return, for every bundled tag, the tags of the group that its old group has become.

    An old group lives on in the new one that has the first of its sections which are still bundled.
    """
    now = {tag: group.tags for group in after.groups for tag in group.tags}
    became: dict[str, tuple[str, ...]] = {}
    for group in before.groups:
        successor = next((now[tag] for tag in group.tags if tag in now), ())
        became.update(dict.fromkeys(group.tags, successor))
    return became


def _check_groups_kept(after: Bundles, before: Bundles) -> Iterator[Problem]:
    became = _successors(before, after)
    for group in after.groups:
        for tag in group.tags:
            # [rfc9143:7.5.2/3]
            if tag in became and became[tag] is not group.tags:
                yield Problem(f"{tag} moved from one BUNDLE group to another at once", "RFC 9143 section 7.5.2")


def _check_session_ice(current: SessionDescription, previous: SessionDescription) -> Iterator[Problem]:
    changed = [kind.NAME for kind in (IceOptions, IcePacing, IceLite) if current.get(kind) != previous.get(kind)]
    same = [
        current.effective(new, IceUfrag) == previous.effective(old, IceUfrag)
        for new, old in zip(current.media, previous.media, strict=False)
        if new.port != 0 and current.effective(new, IceUfrag) is not None
    ]
    # [rfc8839:4.4.1.1.1/4]
    if changed and same and all(same):
        yield Problem(f"{', '.join(changed)} changed without an ICE restart", "RFC 8839 section 4.4.1.1.1")


def _check_ice_restart(
    current: SessionDescription,
    previous: SessionDescription,
    new: MediaDescription,
    old: MediaDescription,
    index: int,
) -> Iterator[Problem]:
    ufrags = current.effective(new, IceUfrag), previous.effective(old, IceUfrag)
    passwords = current.effective(new, IcePwd), previous.effective(old, IcePwd)
    if None in ufrags or None in passwords:
        return
    # [rfc8839:4.4.1.1.1/2]
    if (ufrags[0] == ufrags[1]) != (passwords[0] == passwords[1]):
        yield Problem("only one of ice-ufrag and ice-pwd changed", "RFC 8839 section 4.4.1.1.1", index)
