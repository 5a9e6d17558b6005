"""Whether the transport of an answer fits its offer: bundles, ICE, DTLS, RTCP, SCTP.

See :rfc:`9143#section-7.3`, :rfc:`8839#section-4.3.2`, :rfc:`8842#section-5.3`, :rfc:`8858#section-4.3`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rtc_sdp.attribute_check import uses_dtls
from rtc_sdp.bundle import Bundles
from rtc_sdp.dtls import Role, Setup, TlsId
from rtc_sdp.errors import Problem
from rtc_sdp.grouping import BundleOnly, Group
from rtc_sdp.ice import Candidate, IcePwd, IceUfrag, RemoteCandidates
from rtc_sdp.media import MediaDescription
from rtc_sdp.rtcp import Rtcp, RtcpMux, RtcpMuxOnly
from rtc_sdp.sctp import SCTP_PROTOCOLS, sctp_port_of
from rtc_sdp.session import SessionDescription

MAX_GROUPS: Final = 32
"""Groups of a description that are compared one by one; nobody needs more."""

ANSWER_ROLES: Final = {
    Role.ACTPASS: (Role.ACTIVE, Role.PASSIVE),
    Role.ACTIVE: (Role.PASSIVE,),
    Role.PASSIVE: (Role.ACTIVE,),
    Role.HOLDCONN: (Role.HOLDCONN,),
}
"""Which roles may answer which (:rfc:`4145#section-4.1`)."""


def check_bundled_answer(
    offer: SessionDescription, answer: SessionDescription, ours: Bundles, theirs: Bundles
) -> Iterator[Problem]:
    """Check that the groups of an answer are groups of the offer, or parts of them."""
    answered_groups = answer.get_all(Group)
    offered_groups = [(group.semantics, frozenset(group.tags)) for group in offer.get_all(Group)]
    if max(len(answered_groups), len(offered_groups)) > MAX_GROUPS:
        yield Problem(f"more than {MAX_GROUPS} groups", "a limit of this implementation")
        return
    for group in answered_groups:
        # [rfc5888:9.2/3] [rfc5888:9.2/6] [rfc9143:7.3/1] [rfc9143:7.4/1]
        if not any(group.semantics == semantics and tags.issuperset(group.tags) for semantics, tags in offered_groups):
            yield Problem(f"group {group} was not offered", "RFC 9143 section 7.3")
    for index, (offered, answered) in enumerate(zip(offer.media, answer.media, strict=True)):
        # [rfc9143:7.3.2/1]
        if ours.is_bundle_only(offered) and answered.port != 0 and theirs.group_of(answered) is None:
            yield Problem("bundle-only, yet accepted outside the bundle", "RFC 9143 section 7.3.2", index)
        # [rfc9143:7.3.2/3] [rfc9143:7.3.3/3]
        if answered.has(BundleOnly) and theirs.group_of(answered) is None:
            yield Problem("bundle-only outside a bundle", "RFC 9143 section 7.3.3", index)


def check_written_answer(answer: SessionDescription) -> Iterator[Problem]:
    """Check what only the writer of an answer has to heed."""
    bundles = Bundles(answer)
    for index, media in enumerate(answer.media):
        # [rfc9143:9.3.1.2/3]
        if media.has(Rtcp) and bundles.group_of(media) is not None:
            yield Problem("rtcp in a bundled section", "RFC 9143 section 9.3.1.2", index)


def check_transport_answer(
    offer: SessionDescription, answer: SessionDescription, ours: Bundles, theirs: Bundles, index: int
) -> Iterator[Problem]:
    """Check the transport of an accepted section."""
    offered, answered = offer.media[index], answer.media[index]
    # [rfc8839:4.4.2/1]
    if answered.has(RemoteCandidates):
        yield Problem("remote-candidates in an answer", "RFC 8839 section 4.4.2", index)
    # [rfc8839:4.3.2/7] [rfc8839:4.3.2/8]
    if ours.transport(offered, IceUfrag) is None and _uses_ice(answer, answered):
        yield Problem("ICE, though the offer has none", "RFC 8839 section 4.3.2", index)
    if uses_dtls(answered):
        yield from _check_dtls(ours, theirs, offered, answered, index)
    if answered.is_rtp:
        yield from _check_rtcp(ours, theirs, offered, answered, index)
    # [rfc8841:10.3/5]
    if offered.protocol in SCTP_PROTOCOLS and sctp_port_of(offered) == 0 and sctp_port_of(answered) != 0:
        yield Problem("SCTP port 0 answered by another", "RFC 8841 section 10.3", index)


def _uses_ice(description: SessionDescription, media: MediaDescription) -> bool:
    return media.has(Candidate) or any(description.effective(media, kind) is not None for kind in (IceUfrag, IcePwd))


def _check_dtls(
    ours: Bundles, theirs: Bundles, offered: MediaDescription, answered: MediaDescription, index: int
) -> Iterator[Problem]:
    asked, got = ours.transport(offered, Setup), theirs.transport(answered, Setup)
    # [rfc8842:5.3/1]
    if asked is not None and got is not None and got.role not in ANSWER_ROLES[asked.role]:
        yield Problem(f"setup:{asked.role.value} answered by {got.role.value}", "RFC 8842 section 5.3", index)
    # [rfc8842:5.3/6]
    if ours.transport(offered, TlsId) is None and theirs.transport(answered, TlsId) is not None:
        yield Problem("tls-id, though the offer has none", "RFC 8842 section 5.3", index)


def _check_rtcp(
    ours: Bundles, theirs: Bundles, offered: MediaDescription, answered: MediaDescription, index: int
) -> Iterator[Problem]:
    asked, got = ours.transport_section(offered), theirs.transport_section(answered)
    # [rfc8858:4.3/2]
    if answered.has(RtcpMuxOnly):
        yield Problem("rtcp-mux-only in an answer", "RFC 8858 section 4.3", index)
    # [rfc8858:4.3/1] [rfc9143:9.3/2]
    if (offered.has(RtcpMuxOnly) or asked.has(RtcpMuxOnly)) and not (answered.has(RtcpMux) or got.has(RtcpMux)):
        yield Problem("rtcp-mux-only answered without rtcp-mux", "RFC 8858 section 4.3", index)
    if answered.has(RtcpMux) and not (offered.has(RtcpMux) or asked.has(RtcpMux)):
        yield Problem("rtcp-mux, though it was not offered", "RFC 5761 section 5.1.1", index)
