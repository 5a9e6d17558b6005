"""Writing descriptions: sections and transports in, SDP out (RFC 8829 sections 5.2 and 5.3).

Offers and answers differ in what is decided before (`rtc_peer.offer`, `rtc_peer.answer`); they are written alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from rtc_ice import Candidate as IceCandidate
from rtc_peer.conclusion import transport_sections
from rtc_peer.dataclass import dataclass
from rtc_peer.lip_sync import LIP_SYNC
from rtc_peer.media_content import MediaContent
from rtc_peer.section import DATA_PROTOCOL, BundleGroups, DataParameters, MediaSection, TransportParameters
from rtc_sdp import (
    BUNDLE,
    DISCARD_PORT,
    WEBRTC_DATACHANNEL,
    BundleOnly,
    Candidate,
    Connection,
    Direction,
    EndOfCandidates,
    Group,
    IceLite,
    IceOptions,
    IcePwd,
    IceUfrag,
    MaxMessageSize,
    MediaDescription,
    Mid,
    Origin,
    SctpMap,
    SctpPort,
    Setup,
    TlsId,
)
from rtc_sdp import SessionDescription as SdpDocument

NO_ADDRESS: Final = Connection("0.0.0.0")  # noqa: S104 - written, never bound
"""What stands where an address belongs, until one is known."""

NO_FORMATS: Final = ("0",)
"""The format of a rejected section that never had any: the grammar wants one."""

_DEFAULT_ORDER: Final = ("relay", "srflx", "host")
"""Types of candidates in the order of how likely an old peer reaches them (RFC 8839 section 4.2.1.2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenTransport:
    """A transport as our description shows it."""

    parameters: TransportParameters
    candidates: tuple[IceCandidate, ...] = ()
    gathering_complete: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DescriptionPlan:
    """All that has been decided about a description that is to be written."""

    origin: Origin
    sections: Sequence[MediaSection]
    groups: BundleGroups
    transports: Mapping[int, WrittenTransport]
    """By the transport id of the sections."""
    data: DataParameters
    ice_options: tuple[str, ...]
    lip_sync: tuple[tuple[str, ...], ...] = ()
    """Mids of the sections that are played in step."""


def write(plan: DescriptionPlan) -> SdpDocument:
    """Write a description.

    See :rfc:`8829#section-5.2.1`.
    """
    # [rfc8829:5.2.1/1] [rfc8829:5.2.1/2] [rfc8829:5.2.1/7] [rfc8829:5.2.1/8] [rfc8829:5.2.1/9] [rfc8829:5.2.1/10]
    # [rfc8829:5.2.1/11] [rfc8829:5.2.1/12] [rfc8829:5.2.2/3] [rfc8829:5.3.2/3]
    document = SdpDocument(plan.origin)
    for group in plan.groups:
        # [rfc8829:5.2.1/46]
        document.add(Group(BUNDLE, group))
    for mids in plan.lip_sync:
        # [rfc8829:5.2.1/48]
        document.add(Group(LIP_SYNC, mids))
    if plan.ice_options:
        # [rfc8829:5.2.1/13] [rfc8839:4.2.1.5/1]
        document.add(IceOptions(plan.ice_options))
    if any(each.parameters.ice_lite for each in plan.transports.values()):
        # [rfc8839:4.2.1.4/1] [rfc8839:4.2.1.4/2]
        document.add(IceLite())
    hidden = [each.media.cryptex for each in plan.sections if each.media is not None]
    # [rfc9335:4/1] For all sections at once where it counts for all of them, as Chromium does.
    if hidden and all(hidden):
        from rtc_peer.media_writing import write_cryptex

        write_cryptex(document)
    for section in plan.sections:
        document.media.append(_write_section(section, plan, hidden=any(hidden) and not all(hidden)))
    return document


def _write_section(section: MediaSection, plan: DescriptionPlan, *, hidden: bool) -> MediaDescription:
    transport = None if section.transport_id is None else plan.transports[section.transport_id]
    default = None if transport is None else _default_candidate(transport.candidates)
    # [rfc8829:5.2.1/20] [rfc8829:5.2.2/9] [rfc8829:5.2.2/10] [rfc8829:5.3.1/7] [rfc8829:5.3.2/4] [rfc8829:5.2.2/6]
    # [rfc8829:5.2.1/19] [rfc3264:6.1/9]
    port = 0 if section.rejected or section.bundle_only else DISCARD_PORT if default is None else default.address.port
    # [rfc8829:5.2.1/18] [rfc8829:5.3.1/8]
    formats = section.formats if section.media is None else _media_formats(section.media)
    media = MediaDescription(section.media_type, port, section.protocol, formats or NO_FORMATS)
    # [rfc8829:5.2.1/24] [rfc8829:5.2.1/25] [rfc8829:5.3.1/13] [rfc8829:5.3.1/14] [rfc8839:4.4.1.1.1/1]
    media.connections = (NO_ADDRESS if default is None else _connection(default),)
    if section.mid_signalled:
        # [rfc8829:5.2.1/27] [rfc8829:5.2.1/44] [rfc8829:5.2.2/11] [rfc8829:5.3.1/16]
        media.add(Mid(section.mid))
    # [rfc8839:4.4.1.1.2/2]
    if section.rejected:
        if not section.is_data:
            media.direction = Direction.INACTIVE
        return media
    # [rfc8829:5.2.2/30] [rfc8829:5.3.1/30] Only sections that were never answered exist for their bundle alone.
    if section.bundle_only:
        media.add(BundleOnly())
    tagged = transport is not None and _shows_transport(section, plan)
    # [rfc8829:5.2.1/16] [rfc8829:5.2.1/26] [rfc8829:5.2.1/39] [rfc8829:5.2.2/13] [rfc8829:5.2.2/31] [rfc8829:5.3.2/6]
    # [rfc9143:7.1.3/2] [rfc9143:7.1.3/5]
    # RFC 9143 section 7.1.3 lets the tag alone carry these. Browsers repeat them, and count on it: Firefox refuses offers
    # without, and crashes over answers; Chromium takes the section for one without encryption; GStreamer refuses it.
    # [rfc9143:11/1]
    shown = transport or _transport_of_tag(section, plan)
    if shown is not None:
        # [rfc8839:4.2.1.6/1]
        _write_parameters(media, shown.parameters)
    if transport is not None and tagged:
        _write_candidates(media, transport)
    _write_rtcp(media, section, plan, tagged=tagged)
    sharing = (each.media for each in plan.sections if each.transport_id == section.transport_id)
    # [rfc9335:4/1] Data sections too, where they share a transport with media.
    if hidden and any(each is not None and each.cryptex for each in sharing):
        from rtc_peer.media_writing import write_cryptex

        write_cryptex(media)
    # [rfc9143:7.1.3/1]
    if section.media is not None:
        from rtc_peer.media_writing import write_media

        write_media(media, section.media)
    if section.is_data:
        _write_data(media, section, plan.data)
    return media


def _transport_of_tag(section: MediaSection, plan: DescriptionPlan) -> WrittenTransport | None:
    """Return the transport that a section will share if its bundle is accepted."""
    tag = next((group[0] for group in plan.groups if section.mid in group), None)
    key = next((each.transport_id for each in plan.sections if each.mid == tag), None)
    return None if key is None else plan.transports[key]


def _media_formats(content: MediaContent) -> tuple[str, ...]:
    from rtc_peer.media_writing import formats_of

    return formats_of(content)


def _shows_transport(section: MediaSection, plan: DescriptionPlan) -> bool:
    """Whether a section carries the candidates of its transport: alone of those that share it."""
    # [rfc8829:5.2.2/18] [rfc8829:5.3.2/13] [rfc8829:5.3.1/15]
    return section.index in transport_sections(plan.sections, plan.groups).values()


def _write_rtcp(media: MediaDescription, section: MediaSection, plan: DescriptionPlan, *, tagged: bool) -> None:
    """Say how RTCP travels: in every section of media, and in a data section whose transport some of them share."""
    own = section.media
    sharing = (each.media for each in plan.sections if tagged and each.transport_id == section.transport_id)
    content = own or next((each for each in sharing if each is not None), None)
    if content is None:
        return
    from rtc_sdp import Rtcp, RtcpMux, RtcpMuxOnly, RtcpRsize

    # [rfc8829:5.2.2/26] [rfc8829:5.2.2/28]
    # [rfc8858:4.2/1] [rfc8858:5.3/2]
    if content.rtcp_mux_only and tagged:
        media.add(Rtcp(DISCARD_PORT, NO_ADDRESS))
        media.add(RtcpMuxOnly())
    # [rfc8834:4.5/3] [rfc8834:4.5/4] [rfc8834:4.6/3] [rfc8834:10/3] [rfc9143:9.3.1.2/1] [rfc9143:9.3.1.4/1]
    # [rfc8829:5.2.2/27] [rfc8829:5.3.2/9] [rfc5761:5.1.1/1] [rfc5761:5.1.1/2] [rfc5761:5.1.3/3]
    # [rfc8858:4.5/4]
    # Chromium refuses a bundled section without it, though that of the tag counts for all.
    media.add(RtcpMux())
    # [rfc8829:5.2.2/29] [rfc8834:4.6/2] [rfc5506:5/2]
    if content.reduced_size:
        media.add(RtcpRsize())


def _write_parameters(media: MediaDescription, parameters: TransportParameters) -> None:
    # [rfc8839:4.3.1/2] [rfc8829:5.1.1/1] [rfc8829:5.2.1/15] [rfc8829:5.2.1/49] [rfc8829:5.3.1/21]
    media.add(IceUfrag(parameters.credentials.ufrag))
    media.add(IcePwd(parameters.credentials.password))
    # [rfc8829:5.2.1/17] [rfc8827:6.5/6]
    for fingerprint in parameters.fingerprints:
        media.add(fingerprint)
    media.add(Setup(parameters.role))
    # [rfc8842:4/4]
    if parameters.tls_id is not None:
        media.add(TlsId(parameters.tls_id))


def _write_candidates(media: MediaDescription, transport: WrittenTransport) -> None:
    # [rfc8839:4.4.1.2.1/1] [rfc8839:4.4.1.3/1] [rfc8834:10/2]
    # [rfc8829:5.2.2/16] [rfc8829:5.3.2/11] [rfc8839:4.3.1/1] [rfc8839:4.3.2/1]
    for candidate in transport.candidates:
        media.add(Candidate(candidate_value(candidate)))
    # [rfc8829:5.2.2/17] [rfc8829:5.3.2/12]
    if transport.gathering_complete:
        media.add(EndOfCandidates())


def _write_data(media: MediaDescription, section: MediaSection, data: DataParameters) -> None:
    if section.protocol != DATA_PROTOCOL and WEBRTC_DATACHANNEL not in section.formats:
        # A peer that writes the form of the old drafts may read no other.
        media.add(SctpMap(data.sctp_port))
    # [rfc8829:5.2.1/44] [rfc8829:5.3.1/27]
    media.add(SctpPort(data.sctp_port))
    # [rfc8829:5.2.1/45]
    media.add(MaxMessageSize(data.max_message_size or 0))
    # [rfc8864:6.1/2] [rfc8864:6.6.1/1] And no word of the channels themselves.


def candidate_value(candidate: IceCandidate) -> str:
    """Return a candidate as its attribute writes it, without ``candidate:`` in front."""
    return str(candidate).removeprefix("candidate:")


def _default_candidate(candidates: Sequence[IceCandidate]) -> IceCandidate | None:
    """Return the candidate to name in the m-line for a peer that does not look further."""
    # [rfc6544:4.3/1] [rfc6544:4.3/2] [rfc8839:4.3.2/6] [rfc8839:4.4.1.2.1/2] [rfc8839:4.4.1.3/5] [rfc8841:12.2/3]
    usable = [each for each in candidates if each.is_usable and each.transport == "udp"]
    for kind in _DEFAULT_ORDER:
        found = next((each for each in usable if each.type == kind), None)
        if found is not None:
            return found
    return None


def _connection(candidate: IceCandidate) -> Connection:
    return Connection(candidate.address.host, "IP6" if candidate.address.is_ipv6 else "IP4")
