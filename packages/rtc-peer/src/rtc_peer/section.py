"""Media sections: what an ``m=`` section stands for, apart from the text that says so.

The reader produces `RemoteSection`; negotiation turns it, or the wish for a data channel, into `MediaSection`, which
is what offers and answers are written from. Both are immutable: a rollback puts the old ones back.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeAlias

from rtc_ice import Credentials
from rtc_peer.dataclass import dataclass
from rtc_peer.media_content import MediaContent
from rtc_sdp import WEBRTC_DATACHANNEL, Fingerprint, MediaDescription, Role

if TYPE_CHECKING:
    from rtc_sdp import Extmap

TRICKLE: Final = "trickle"
ICE2: Final = "ice2"
RENOMINATION: Final = "renomination"
"""Nominations are numbered, and the last one holds (draft-thatcher-ice-renomination)."""
"""ICE options that we announce, and look for."""

APPLICATION: Final = "application"
# [rfc8829:5.1.2/2] [rfc8829:5.2.1/42] [rfc8841:12.2/5]
DATA_PROTOCOL: Final = "UDP/DTLS/SCTP"
"""What our own offers say, whatever an older peer wrote before."""

# [rfc8829:5.1.2/7]
DATA_PROTOCOLS: Final = frozenset({"UDP/DTLS/SCTP", "TCP/DTLS/SCTP", "DTLS/SCTP"})
"""Profiles of data sections that are accepted; the last is what old peers write."""

BundleGroups: TypeAlias = tuple[tuple[str, ...], ...]
"""Mids of each BUNDLE group; the first of a group is its tag."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportParameters:
    """What a description says about one transport."""

    credentials: Credentials
    """User fragment and password; a change of either is an ICE restart."""
    ice_lite: bool = False
    renomination: bool = False
    """Whether the peer has that ICE option; of ours, descriptions tell once for all."""
    fingerprints: tuple[Fingerprint, ...]
    """Of all certificates that the writer may use; never empty."""
    role: Role
    """What the writer says about its part in the DTLS handshake; never ``HOLDCONN``."""
    tls_id: str | None = None

    def same_association(self, other: TransportParameters) -> bool:
        """Whether both ask for the same DTLS association (RFC 8842 section 3.1)."""
        # [rfc8842:4/5]
        return set(self.fingerprints) == set(other.fingerprints) and self.tls_id == other.tls_id


@dataclass(frozen=True, slots=True, kw_only=True)
class DataParameters:
    """What a description says about the SCTP association in a data section."""

    sctp_port: int
    """0 if there shall be no association."""
    max_message_size: int | None
    """Bytes of the longest message that the writer of the description can receive; None for any length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteSection:
    """One section of a remote description, checked, with what it inherits from bundling and the session level."""

    index: int
    mid: str | None
    media_type: str
    protocol: str
    formats: tuple[str, ...]
    port: int
    bundle_only: bool = False
    transport: TransportParameters | None = None
    """None in rejected sections, and in those that lack what WebRTC demands."""
    data: DataParameters | None = None
    """None in sections that are not for data channels."""
    media: MediaContent | None = None
    """None in sections that are not for audio or video."""
    description: MediaDescription
    """The section itself. Candidates that come later are added to it."""
    transport_index: int
    """Index of the section that the transport is described in: its own, or that of its BUNDLE tag."""

    @property
    def rejected(self) -> bool:
        """Port zero, and not because of bundle-only."""
        return self.port == 0 and not self.bundle_only

    @property
    def is_usable_data(self) -> bool:
        """Whether data channels can run in it."""
        return not self.rejected and self.data is not None and self.transport is not None

    @property
    def is_usable_media(self) -> bool:
        """Whether audio or video can run in it."""
        return not self.rejected and self.media is not None and self.transport is not None

    @property
    def is_usable(self) -> bool:
        """Whether anything that we know can run in it."""
        return self.is_usable_data or self.is_usable_media


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteDescription:
    """A remote offer or answer, checked."""

    sections: tuple[RemoteSection, ...]
    bundle_groups: BundleGroups = ()
    lip_sync: tuple[tuple[str, ...], ...] = ()
    """Mids of the sections that are played in step."""
    ice_options: frozenset[str] = frozenset()
    """Extensions of ICE that the peer understands."""

    @property
    def trickle(self) -> bool:
        """Whether the peer can take candidates that follow later."""
        return TRICKLE in self.ice_options

    @property
    def has_media(self) -> bool:
        """Whether there are sections of audio or video that we can read."""
        return any(section.media is not None for section in self.sections)

    @property
    def ssrcs(self) -> frozenset[int]:
        """All SSRCs that it signals, those of repair streams included."""
        sources = (source for section in self.sections if section.media is not None for source in section.media.sources)
        found = {ssrc for each in sources for ssrc in (each.ssrc, each.rtx_ssrc, each.fec_ssrc)}
        return frozenset(each for each in found if each is not None)

    def tag_of(self, index: int) -> RemoteSection:
        """Return the section whose transport counts for a section: the tag of its BUNDLE group, else itself."""
        section = self.sections[index]
        group = self.group_of(section.mid)
        return next((each for each in self.sections if group and each.mid == group[0]), section)

    def group_of(self, mid: str | None) -> tuple[str, ...]:
        """Return the BUNDLE group that a section is in; empty if it is in none."""
        return next((group for group in self.bundle_groups if mid in group), ())


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreedMedia:
    """The two sides of a section of audio or video that are in force."""

    local: MediaContent
    remote: MediaContent
    offered: tuple[Extmap, ...] = ()
    """The header extensions of the offer, whoever made it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaSection:
    """One section of the session as negotiated or proposed.

    Index, mid and kind stay for its life; a rejected one may be recycled, which makes it another section.
    """

    index: int
    mid: str
    mid_signalled: bool = True
    """False if the peer gave none; ours is then for the API alone and is not written."""
    media_type: str = APPLICATION
    protocol: str = DATA_PROTOCOL
    # [rfc8829:5.2.1/43]
    formats: tuple[str, ...] = (WEBRTC_DATACHANNEL,)
    rejected: bool = False
    transport_id: int | None = None
    """Key of the transport; None in rejected sections. Sections that are bundled share one."""
    bundle_only: bool = False
    """Offered for its bundle alone; it has no transport before the answer."""
    transceiver_id: int | None = None
    """Key of the transceiver; None in data sections, and in those that never had one."""
    media: MediaContent | None = None
    """What we say in it; None in data sections, and in rejected ones."""
    agreed: AgreedMedia | None = None
    """What is in force, while a later offer may be under way."""

    def as_rejected(self) -> MediaSection:
        """Return it with port zero: neither transport nor content is left."""
        return replace(self, rejected=True, bundle_only=False, transport_id=None, media=None, agreed=None)

    @property
    def is_data(self) -> bool:
        """Whether it is of the kind that carries data channels."""
        return self.media_type == APPLICATION and self.protocol in DATA_PROTOCOLS


def find_data_section(sections: Iterable[MediaSection]) -> MediaSection | None:
    """Return the section that carries the data channels, if there is one that is not rejected."""
    return next((each for each in sections if each.is_data and not each.rejected), None)
