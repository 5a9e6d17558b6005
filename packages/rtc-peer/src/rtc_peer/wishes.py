"""What the application wants negotiated, as it stands when a description is made.

Negotiation sees wishes alone, never the transceivers: as long as they are equal, a description made of them is accurate.
"""

from __future__ import annotations

from rtc_peer.capabilities import CodecCapability, HeaderExtensionCapability, MediaKind
from rtc_peer.dataclass import dataclass
from rtc_peer.media_content import Source
from rtc_peer.rtcp_terms import RtcpTerms
from rtc_sdp import Direction


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaWish:
    """What is wanted of one transceiver."""

    transceiver_id: int
    kind: MediaKind
    index: int | None
    """Index of the section that it is associated with; None if there is none yet."""
    direction: Direction
    stopping: bool
    codecs: tuple[CodecCapability, ...]
    """In order of preference; what is not here is not wanted."""
    has_preferences: bool
    """Whether the application has chosen codecs and their order."""
    extensions: tuple[HeaderExtensionCapability, ...]
    cryptex: bool
    """Whether header extensions may be encrypted as a whole."""
    streams: tuple[str, ...]
    track_id: str
    source: Source
    """What is announced while there is one encoding without a name."""
    send_rids: tuple[str, ...]
    """Names of the encodings; none if there is a single one without a name."""
    receive_rids: tuple[str, ...]
    """Names of the encodings to ask for."""
    max_encodings: int
    """Most encodings that are received side by side."""
    rtcp: RtcpTerms = RtcpTerms()  # frozen
    """What an offer says about RTCP."""

    @property
    def repairs(self) -> bool:
        """Whether retransmission is wanted."""
        return any(each.name == "rtx" for each in self.codecs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """All that is wanted."""

    data: bool = False
    """Whether there are data channels."""
    media: tuple[MediaWish, ...] = ()
    """In the order in which the transceivers were added."""

    def of_section(self, index: int) -> MediaWish | None:
        """Return the wish of the transceiver that a section is associated with."""
        return next((each for each in self.media if each.index == index), None)

    @property
    def unassociated(self) -> tuple[MediaWish, ...]:
        """Those that still need a section."""
        # [rfc8829:5.2.2/5]
        return tuple(each for each in self.media if each.index is None and not each.stopping)
