"""Settings of a connection that the W3C's configuration does not have."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Final

from rtc_datachannel import MAX_PACKET_SIZE, DataChannelConfig
from rtc_dtls import DtlsConfig
from rtc_ice import IceConfig
from rtc_peer.capabilities import MediaOptions
from rtc_peer.dataclass import dataclass
from rtc_peer.errors import ArgumentError
from rtc_sctp import AssociationConfig

if TYPE_CHECKING:
    from rtc_rtp import SessionOptions

WEBRTC_ASSOCIATION: Final = AssociationConfig(
    max_packet_size=MAX_PACKET_SIZE,
    rto_initial=0.5,
    rto_min=0.4,
    rto_max=5.0,
    max_init_retransmissions=None,
    association_max_retransmissions=None,
)
"""How browsers time SCTP: the recommendations of :rfc:`9260` are for several paths of unknown kind. Here there is one, and
ICE's consent tells when it is lost, so SCTP never gives up by itself and comes back soon after an outage."""
WEBRTC_HANDSHAKE: Final = DtlsConfig(max_timeout=3.0, max_transmissions=60)
"""Here too ICE knows the path: what was lost on it is sent again soon, and for three minutes before the handshake fails."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerOptions:
    """The settings of the layers below, for those who need others than WebRTC's."""

    ice: IceConfig = field(default_factory=IceConfig)
    """Of every ICE agent. STUN servers come from `Configuration`; those named here are asked as well."""
    # [rfc8835:3.5/3] Interleaving is the association's option `message_interleaving`.
    data: DataChannelConfig = field(default_factory=lambda: DataChannelConfig(association=WEBRTC_ASSOCIATION))
    """Of the data channels. Its ``max_message_size`` is announced to the peer."""
    dtls: DtlsConfig = WEBRTC_HANDSHAKE
    """Of every handshake. Certificate and fingerprints come from the connection and the descriptions; where no SRTP profiles
    or application protocols are named, those of WebRTC are used."""

    media: MediaOptions = field(default_factory=MediaOptions)
    """What is negotiated for audio and video."""
    rtp: SessionOptions | None = None
    """Of the RTP session of every transport that carries media; None for those of WebRTC, and packets that fit the MTU of
    ``dtls``."""

    def __post_init__(self) -> None:
        """Check the settings.

        Raises:
            ArgumentError: Those of DTLS name a certificate or fingerprints, or let clients stay unknown.
        """
        if self.dtls.certificate is not None or self.dtls.remote_fingerprints is not None:
            raise ArgumentError("certificates belong into the configuration, fingerprints into descriptions")
        if not self.dtls.require_client_certificate:
            raise ArgumentError("without the client's certificate nobody knows who it is")
