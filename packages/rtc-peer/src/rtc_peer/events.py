"""What a peer connection tells its owner, as facts in the past tense.

Events of data channels are those of `rtc_datachannel`, wrapped in nothing.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from rtc_peer.dataclass import dataclass
from rtc_peer.state import (
    ConnectionState,
    DtlsTransportState,
    IceGatheringState,
    IceTransportState,
    SctpTransportState,
    SignalingState,
)
from rtc_stun import CloseTransport, OpenTransport

NO_RESPONSE: Final = 701
"""Error code for a server that could not be reached (webrtc-pc section 4.8.3)."""


@dataclass(slots=True)
class SignalingStateChanged:
    """An offer, an answer or a rollback was applied, or the connection closed."""

    state: SignalingState


@dataclass(slots=True)
class NegotiationNeeded:
    """Something was changed that the peer must agree to: create an offer when nothing else is under way.

    Check `PeerConnection.negotiation_needed` before acting on it: what happened since may have settled it.
    """


@dataclass(slots=True)
class GatheringWanted:
    """A transport needs local addresses: answer with `PeerConnection.add_local_address` for each socket that was opened.

    Report the end by `PeerConnection.end_of_local_addresses`. Sockets of earlier requests of the same transport may be
    kept, and must be for as long as the transport lives.
    """

    transport_id: int


@dataclass(slots=True)
class TransportClosed:
    """A transport is no longer in use: the sockets that were opened for it may be closed."""

    transport_id: int


@dataclass(slots=True)
class HostResolutionWanted:
    """A name is to be resolved: answer with `PeerConnection.host_resolved`, with no address if it has none."""

    host: str
    """A domain name, of a STUN server or (ending in ``.local``) of a candidate that hides its address."""


@dataclass(slots=True)
class IceCandidateFound:
    """A local candidate was found, or a generation of them ended: to be sent to the peer."""

    candidate: str
    """What to signal, ``candidate:`` included; empty when this generation of candidates is complete."""
    sdp_mid: str
    sdp_m_line_index: int
    username_fragment: str
    url: str | None = None
    """The server that the candidate came from."""
    relay_protocol: str | None = None
    """How the server of a relayed candidate is reached: ``udp``, ``tcp`` or ``tls``."""


@dataclass(slots=True)
class IceCandidateFailed:
    """A STUN or TURN server could not be used."""

    url: str
    error_code: int
    """The code of the server's answer, 300 to 699; 701 if none came."""
    error_text: str
    address: str | None = None
    """Our own address towards the server, if a candidate has told it already."""
    port: int | None = None


@dataclass(slots=True)
class IceGatheringStateChanged:
    """The gathering of the whole connection changed its state."""

    state: IceGatheringState


@dataclass(slots=True)
class IceConnectionStateChanged:
    """The sum of all ICE transports changed its state."""

    state: IceTransportState


@dataclass(slots=True)
class ConnectionStateChanged:
    """The connection as a whole changed its state."""

    state: ConnectionState


@dataclass(slots=True)
class IceTransportStateChanged:
    """One ICE transport changed its state."""

    transport_id: int
    state: IceTransportState


@dataclass(slots=True)
class IceTransportGatheringStateChanged:
    """The gathering of one ICE transport changed its state."""

    transport_id: int
    state: IceGatheringState


@dataclass(slots=True)
class CandidatePairChanged:
    """A candidate pair appeared, took a step, was nominated or disappeared; told with `rtc_ice.IceConfig.report_pairs`."""

    transport_id: int
    number: int
    """Names the pair until the next ICE restart."""
    local: str
    """Our candidate."""
    remote: str
    """The peer's candidate."""
    state: str | None
    """``frozen``, ``waiting``, ``in-progress``, ``succeeded`` or ``failed``; None if the pair is gone."""
    nominated: bool


@dataclass(slots=True)
class SelectedCandidatePairChanged:
    """A transport sends over another pair of candidates from now on."""

    transport_id: int
    local_candidate: str
    """As an attribute writes it, ``candidate:`` included."""
    remote_candidate: str


@dataclass(slots=True)
class DtlsTransportStateChanged:
    """One DTLS transport changed its state."""

    transport_id: int
    state: DtlsTransportState


@dataclass(slots=True)
class DtlsTransportFailed:
    """A DTLS transport came to a fatal error; its state is failed from now on."""

    transport_id: int
    error_detail: str
    """``fingerprint-failure`` or ``dtls-failure``, as ``RTCErrorDetailType`` in webrtc-pc."""
    reason: str
    """One sentence for a person."""
    sent_alert: int | None = None
    received_alert: int | None = None


@dataclass(slots=True)
class SctpTransportStateChanged:
    """The transport of the data channels changed its state."""

    state: SctpTransportState


@dataclass(slots=True)
class WarningIssued:
    """Something that the application asked for is not done, and the rest goes on without it."""

    text: str


@dataclass(slots=True)
class ConnectionClosed:
    """The connection was closed by this side; terminal."""


DtlsTransportEvent: TypeAlias = DtlsTransportFailed | DtlsTransportStateChanged

IceTransportEvent: TypeAlias = (
    HostResolutionWanted
    | IceCandidateFailed
    | IceCandidateFound
    | IceTransportGatheringStateChanged
    | IceTransportStateChanged
    | CandidatePairChanged
    | SelectedCandidatePairChanged
    | OpenTransport
    | CloseTransport
)
"""Wishes for streams carry the agent's own numbers."""
