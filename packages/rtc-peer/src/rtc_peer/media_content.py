"""What a section of audio or video says in one description, ours or the peer's, apart from the text that says so.

`rtc_peer.media_reading` makes it of the peer's text, `rtc_peer.media_offer` and `rtc_peer.media_answer` of what the
application wants; `rtc_peer.media_writing` makes text of it, `rtc_peer.media_agreement` what the transports are told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rtc_peer.capabilities import MediaKind
from rtc_peer.dataclass import dataclass
from rtc_peer.rtcp_terms import RtcpTerms

if TYPE_CHECKING:
    from rtc_rtp.parameters import RtpCodec
    from rtc_sdp import Direction, Extmap, Rid, RidDirection, Simulcast

# [rfc8829:5.1.2/1] [rfc8829:5.2.1/21] [rfc8834:4.2/1] [rfc8834:10/1]
# [rfc4585:3.7.2/1] [rfc4585:4.2/3]
MEDIA_PROTOCOL: Final = "UDP/TLS/RTP/SAVPF"
"""What our own offers say."""

# [rfc8829:5.1.2/4] The profile is taken for a habit of the writer: a fingerprint is what tells of DTLS.
MEDIA_PROTOCOLS: Final = frozenset(
    {
        "RTP/AVP",
        "RTP/AVPF",
        "RTP/SAVP",
        "RTP/SAVPF",
        "TCP/DTLS/RTP/SAVP",
        "TCP/DTLS/RTP/SAVPF",
        "UDP/TLS/RTP/SAVP",
        "UDP/TLS/RTP/SAVPF",
    }
)
"""Profiles of media sections that are accepted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """An SSRC that a description announces, with those that repair its stream (RFC 5576)."""

    ssrc: int
    cname: str | None = None
    rtx_ssrc: int | None = None
    fec_ssrc: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaContent:
    """What one section says about media, as its writer sees it."""

    kind: MediaKind
    direction: Direction
    codecs: tuple[RtpCodec, ...] = ()
    """In the order of the m-line. Retransmission is said by each codec's ``rtx_payload_type``."""
    extensions: tuple[Extmap, ...] = ()
    allow_mixed: bool = False
    """Whether one- and two-byte header extensions may share a stream."""
    cryptex: bool = False
    """Whether the writer can receive packets whose header extensions are encrypted as a whole (:rfc:`9335`)."""
    streams: tuple[str, ...] | None = None
    """Identifiers of the MediaStreams that the writer's track is in; None if it does not say."""
    track_id: str | None = None
    sources: tuple[Source, ...] = ()
    """In the order of the encodings, where several are told."""
    rids: tuple[Rid, ...] = ()
    simulcast: Simulcast | None = None
    rtcp_mux_only: bool = False
    reduced_size: bool = True
    rtcp: RtcpTerms = RtcpTerms()  # frozen
    ptime_ms: int | None = None
    maxptime_ms: int | None = None
    max_bitrate_bps: int | None = None
    """Bits per second of RTP that the writer wants to receive at most; None for no limit."""

    def rid_names(self, direction: RidDirection, *, alternatives: bool = False) -> tuple[str, ...]:
        """Return the encodings that exist side by side in one direction.

        Args:
            direction: As the writer sees it.
            alternatives: Whether to return all forms that each may take, and not only the first of them.
        """
        named = [each.rid for each in self.rids if each.direction is direction]
        if self.simulcast is None:
            # A single restricted stream may be named without simulcast; several may not.
            return tuple(named) if len(named) == 1 else ()
        streams = self.simulcast.send if direction.value == "send" else self.simulcast.recv
        # [rfc8853:5.5/4]
        chosen = (forms if alternatives else forms[:1] for forms in streams)
        return tuple(dict.fromkeys(form.rid for forms in chosen for form in forms))
