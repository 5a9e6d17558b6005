"""Reading a remote description: syntax, then meaning, then what it says to us (RFC 8829 sections 5.8 and 5.6).

Nothing here changes any state: a description that fails is as if it had never been set.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rtc_ice import Credentials
from rtc_peer.capabilities import MediaKind
from rtc_peer.errors import DescriptionError, DescriptionSyntaxError
from rtc_peer.lip_sync import LIP_SYNC
from rtc_peer.media_content import MEDIA_PROTOCOLS, MediaContent
from rtc_peer.section import (
    RENOMINATION,
    BundleGroups,
    DataParameters,
    MediaSection,
    RemoteDescription,
    RemoteSection,
    TransportParameters,
)
from rtc_sdp import (
    BUNDLE,
    BundleOnly,
    Fingerprint,
    Group,
    IceLite,
    IceMismatch,
    IceOptions,
    IcePwd,
    IceUfrag,
    MediaDescription,
    Mid,
    ParseError,
    Role,
    TlsId,
    is_data_section,
    max_message_size_of,
    sctp_port_of,
)
from rtc_sdp import SessionDescription as SdpDocument
from rtc_sdp import Setup as SetupAttribute

MAX_SECTIONS: Final = 256
"""A description with more media sections is refused."""

MAX_FINGERPRINTS: Final = 64
"""A section with more fingerprints is refused: they may stand at the session level, and are read for each section."""


def parse(text: str) -> SdpDocument:
    """Parse the text of a description.

    Raises:
        DescriptionSyntaxError: It is not well-formed SDP; the error tells the line.
    """
    try:
        # [rfc8829:5.6/4] [rfc8829:5.8/1] [rfc8829:5.8.1/1] [rfc8829:5.8.1/2] [rfc8829:5.8.1/3] [rfc8829:5.8.1/4]
        # [rfc8829:5.8.1/5] [rfc8829:5.8.2/1] [rfc8829:5.8.2/2] [rfc8829:5.8.2/3] [rfc8829:5.8.2/6] [rfc8829:5.8.2/7]
        # [rfc8829:5.8.2/8] [rfc8829:5.8.1/6] [rfc8829:5.8.2/4] [rfc8829:5.10/3] [rfc8829:5.10/10]
        # What is not known is kept as text and ignored: [rfc8829:5.8.1/8] [rfc8829:5.8.1/9] [rfc8829:5.8.2/14]
        # [rfc8829:5.8.2/15] [rfc8829:5.2.1/53]
        return SdpDocument.parse(text)
    except ParseError as error:
        raise DescriptionSyntaxError(str(error), error.line) from error


def read(document: SdpDocument, *, is_answer: bool) -> RemoteDescription:
    """Check what a parsed description means, and return what it says.

    Args:
        document: What `parse` returned.
        is_answer: It is an answer, provisional or not.

    Raises:
        DescriptionSyntaxError: An attribute does not follow its grammar.
        DescriptionError: The description contradicts itself, or lacks what WebRTC demands.
    """
    try:
        # [rfc8829:5.8.3/12] [rfc8829:5.10/2] [rfc8829:5.10/4]
        return _read(document, is_answer=is_answer)
    except ParseError as error:
        raise DescriptionSyntaxError(str(error), error.line) from error


def _read(document: SdpDocument, *, is_answer: bool) -> RemoteDescription:
    if len(document.media) > MAX_SECTIONS:
        raise DescriptionError(f"{len(document.media)} media sections are more than {MAX_SECTIONS}")
    # [rfc8829:5.8.1/7]
    mids = _mids(document)
    groups = _bundle_groups(document, mids)
    reader = _SectionReader(document, groups, is_answer=is_answer)
    sections = tuple(reader.read(index, media) for index, media in enumerate(document.media))
    if any(section.media is not None for section in sections):
        from rtc_peer.media_reading import with_common_headers

        sections = with_common_headers(sections, groups)
    return RemoteDescription(
        sections=sections,
        bundle_groups=groups,
        # [rfc5888:9.2/1]
        lip_sync=tuple(each.tags for each in document.get_all(Group) if each.semantics == LIP_SYNC),
        ice_options=_ice_options(document),
    )


def _mids(document: SdpDocument) -> dict[str, int]:
    mids: dict[str, int] = {}
    for index, media in enumerate(document.media):
        mid = media.get(Mid)
        if mid is None:
            continue
        if mid.tag in mids:
            raise DescriptionError(f"sections {mids[mid.tag]} and {index} have the same mid {mid.tag!r}")
        mids[mid.tag] = index
    return mids


def _bundle_groups(document: SdpDocument, mids: dict[str, int]) -> tuple[tuple[str, ...], ...]:
    groups = tuple(group.tags for group in document.get_all(Group) if group.semantics == BUNDLE and group.tags)
    seen: set[str] = set()
    for tag in (tag for group in groups for tag in group):
        if tag not in mids:
            raise DescriptionError(f"a BUNDLE group names the mid {tag!r}, which no section has")
        if tag in seen:
            raise DescriptionError(f"the mid {tag!r} is named twice in BUNDLE groups")
        seen.add(tag)
    return groups


def _ice_options(document: SdpDocument) -> frozenset[str]:
    # [rfc8829:3.5.5/1] [rfc8829:5.1.1/5] A peer that announces neither option speaks the older ICE.
    found = [document.get(IceOptions), *(media.get(IceOptions) for media in document.media)]
    return frozenset(option for each in found if each is not None for option in each.options)


class _SectionReader:
    """Reads sections; a bundled one takes its transport from the section that its group is tagged by."""

    def __init__(self, document: SdpDocument, groups: tuple[tuple[str, ...], ...], *, is_answer: bool) -> None:
        self._document = document
        self._groups = groups
        self._is_answer = is_answer

    def read(self, index: int, media: MediaDescription) -> RemoteSection:
        mid = media.get(Mid)
        tag = None if mid is None else mid.tag
        # [rfc9143:6/1] An answer says no by port zero, whatever stands beside it.
        bundle_only = media.has(BundleOnly) and bool(self._group_of(tag)) and not self._is_answer
        alive = media.port != 0 or bundle_only
        is_data, kind = is_data_section(media) and alive, self._media_kind(media) if alive else None
        source = self._transport_source(media, tag)
        return RemoteSection(
            index=index,
            mid=tag,
            media_type=media.media_type,
            protocol=media.protocol,
            # [rfc8829:5.8.2/11]
            formats=media.formats,
            port=media.port,
            bundle_only=bundle_only,
            transport=self._transport(index, source) if is_data or kind is not None else None,
            data=self._data(index, media) if is_data else None,
            media=None if kind is None else self._media(media, kind, source),
            description=media,
            transport_index=self._index_of(source),
        )

    def _media(self, media: MediaDescription, kind: MediaKind, source: MediaDescription) -> MediaContent:
        from rtc_peer.media_reading import read_media

        return read_media(self._document, media, kind, source)

    def _media_kind(self, media: MediaDescription) -> MediaKind | None:
        """Return what kind of media we can exchange in a section; None if none."""
        # [rfc8829:5.1.2/3] [rfc8829:5.1.2/4]
        if media.protocol not in MEDIA_PROTOCOLS:
            return None
        # [rfc8829:5.1.2/6] An old profile may mean DTLS as well, but plain RTP is not for us.
        if "TLS/" not in media.protocol and self._document.effective(media, Fingerprint) is None:
            return None
        return "audio" if media.media_type == "audio" else "video" if media.media_type == "video" else None

    def _transport_source(self, media: MediaDescription, tag: str | None) -> MediaDescription:
        """Return the section whose transport attributes count: that of the BUNDLE tag; in an offer its own, if it has any."""
        # [rfc9143:7.4/2]
        group = self._group_of(tag)
        if not group:
            return media
        # Chromium writes ICE credentials into bundled sections of its answers, and no fingerprint.
        if not self._is_answer and media.has(IceUfrag):
            return media
        return self._document.by_mid(group[0]) or media

    def _group_of(self, tag: str | None) -> tuple[str, ...]:
        return next((group for group in self._groups if tag in group), ())

    def _index_of(self, media: MediaDescription) -> int:
        return next(index for index, each in enumerate(self._document.media) if each is media)

    def _transport(self, index: int, media: MediaDescription) -> TransportParameters:
        document = self._document
        # [rfc8839:5.3/1] [rfc8839:4.2.5/3] [rfc8839:4.3.3/1] [rfc8839:4.3.3/2] There is no other way to go on.
        if media.has(IceMismatch):
            raise DescriptionError(
                f"section {index} says that its addresses mismatch, so that the peer does without ICE"
            )
        # [rfc8829:5.8.2/5] [rfc8829:5.2.1/50] Each of these may stand at the session level instead.
        ufrag = document.effective(media, IceUfrag)
        password = document.effective(media, IcePwd)
        # [rfc8829:5.1.1/2] [rfc8829:5.8.3/1] [rfc8839:4.4.3.1/5] What is refused leaves the session as it is.
        if ufrag is None or password is None:
            raise DescriptionError(f"section {index} has no ICE credentials")
        fingerprints = tuple(document.effective_all(media, Fingerprint))
        # [rfc8829:5.8.3/5]
        if not fingerprints:
            raise DescriptionError(f"section {index} has no certificate fingerprint")
        if len(fingerprints) > MAX_FINGERPRINTS:
            raise DescriptionError(
                f"{len(fingerprints)} fingerprints of section {index} are more than {MAX_FINGERPRINTS}"
            )
        if not any(each.is_usable for each in fingerprints):
            raise DescriptionError(f"section {index} has no fingerprint of a hash function that can be trusted")
        tls_id = document.effective(media, TlsId)
        return TransportParameters(
            # [rfc8829:5.8.3/2]
            credentials=Credentials(ufrag.ufrag, password.password),
            ice_lite=document.has(IceLite),
            renomination=RENOMINATION in _ice_options(document),
            fingerprints=fingerprints,
            role=self._role(index, media),
            tls_id=None if tls_id is None else tls_id.tls_id,
        )

    def _role(self, index: int, media: MediaDescription) -> Role:
        setup = self._document.effective(media, SetupAttribute)
        # Without the attribute the offerer is active and the answerer passive (RFC 4145 section 4).
        role = setup.role if setup is not None else Role.PASSIVE if self._is_answer else Role.ACTIVE
        # [rfc8829:5.8.3/4]
        if role is Role.HOLDCONN:
            raise DescriptionError(f"section {index} holds its connection back, which DTLS does not know")
        if role is Role.ACTPASS and self._is_answer:
            raise DescriptionError(f"section {index} of the answer leaves the DTLS role open")
        return role

    @staticmethod
    def _data(index: int, media: MediaDescription) -> DataParameters:
        # [rfc8829:5.8.2/10]
        port = sctp_port_of(media)
        # [rfc8829:5.8.2/12]
        if port is None:
            raise DescriptionError(f"data section {index} has no SCTP port")
        # [rfc8829:5.8.2/13]
        return DataParameters(sctp_port=port, max_message_size=max_message_size_of(media))


def check_against_offer(sections: Sequence[MediaSection], answer: RemoteDescription, groups: BundleGroups) -> None:
    """Check that a remote answer fits our offer.

    Args:
        sections: The sections of the offer.
        answer: What `read` returned.
        groups: The BUNDLE groups of the offer.

    Raises:
        DescriptionError: It does not fit.

    See :rfc:`8829#section-5.8.3` and :rfc:`9143#section-7.4`.
    """
    # [rfc8829:5.8.3/10]
    if len(answer.sections) != len(sections):
        raise DescriptionError(f"{len(answer.sections)} sections answer {len(sections)}")
    for ours, theirs in zip(sections, answer.sections, strict=True):
        # [rfc8829:5.8.3/11]
        if (theirs.media_type, theirs.protocol) != (ours.media_type, ours.protocol):
            raise DescriptionError(
                f"section {ours.index} is {theirs.media_type} {theirs.protocol}, "
                f"but {ours.media_type} {ours.protocol} was offered"
            )
        if theirs.mid is not None and theirs.mid != ours.mid:
            raise DescriptionError(f"section {ours.index} has the mid {theirs.mid!r}, but {ours.mid!r} was offered")
        if ours.rejected and not theirs.rejected:
            raise DescriptionError(f"section {ours.index} is accepted, but was not offered")
        _check_answered_media(ours, theirs, answer)
    # [rfc9143:7.4/3] [rfc5888:9.4/1] There may be none.
    for group in answer.bundle_groups:
        # A group may shrink, but neither grow nor mix.
        if not any(set(group) <= set(offered) for offered in groups):
            raise DescriptionError(f"the BUNDLE group {' '.join(group)} was not offered")
        # [rfc9143:7.3.1/1]
        if any(each.bundle_only and each.mid == group[0] for each in sections):
            raise DescriptionError(f"the BUNDLE group {' '.join(group)} is tagged by a section without a transport")


def _check_answered_media(ours: MediaSection, theirs: RemoteSection, answer: RemoteDescription) -> None:
    if ours.bundle_only and not theirs.rejected and not answer.group_of(ours.mid):
        raise DescriptionError(f"section {ours.index} was offered for its bundle, but is accepted without one")
    if ours.media is None or theirs.media is None or theirs.rejected:
        return
    from rtc_peer.codec_matching import find_match, without_unmatched

    for codec in theirs.media.codecs:
        offered = find_match(codec, ours.media.codecs)
        # [rfc8829:5.11/4]
        if offered is not None and not codec.feedback <= offered.feedback:
            extra = ", ".join(sorted(codec.feedback - offered.feedback))
            raise DescriptionError(f"section {ours.index} answers with feedback that was not offered: {extra}")
    # [rfc3264:6.1/18]
    if not without_unmatched(ours.media, theirs.media).codecs:
        raise DescriptionError(f"section {ours.index} is accepted with none of the formats that were offered")


def check_against_session(sections: Sequence[MediaSection], description: RemoteDescription) -> None:
    """Check that a later remote description keeps the sections of the session.

    Raises:
        DescriptionError: Sections are missing, or one became another without being rejected first.

    See :rfc:`3264#section-8`.
    """
    if len(description.sections) < len(sections):
        raise DescriptionError(f"the session has {len(sections)} sections, the offer only {len(description.sections)}")
    for ours, theirs in zip(sections, description.sections, strict=False):
        if ours.rejected:
            continue
        if theirs.media_type != ours.media_type:
            raise DescriptionError(f"section {ours.index} turned from {ours.media_type} into {theirs.media_type}")
        if ours.mid_signalled and theirs.mid is not None and theirs.mid != ours.mid:
            raise DescriptionError(f"the mid of section {ours.index} turned from {ours.mid!r} into {theirs.mid!r}")
