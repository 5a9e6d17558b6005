"""What a connection counts, in the structure of the W3C's identifiers for statistics (webrtc-stats) under Python names.

`PeerConnection.statistics` returns a list of these. Objects refer to each other by ``id``, as there. ``None`` means
that a value does not exist (yet).
"""

from __future__ import annotations

from typing import ClassVar, Literal, TypeAlias

from rtc_peer.dataclass import dataclass
from rtc_peer.statistics_rtp import (
    CodecStats,
    InboundRtpStats,
    OutboundRtpStats,
    RemoteInboundRtpStats,
    RemoteOutboundRtpStats,
)


@dataclass(slots=True, kw_only=True)
class PeerConnectionStats:
    """The connection as a whole."""

    TYPE: ClassVar[Literal["peer-connection"]] = "peer-connection"

    id: str
    data_channels_opened: int
    data_channels_closed: int


@dataclass(slots=True, kw_only=True)
class TransportStats:
    """One transport: ICE with DTLS above it."""

    TYPE: ClassVar[Literal["transport"]] = "transport"

    id: str
    packets_sent: int
    packets_received: int
    bytes_sent: int
    bytes_received: int
    ice_role: str
    """``controlling``, ``controlled`` or ``unknown``."""
    ice_local_username_fragment: str
    ice_state: str
    dtls_state: str
    dtls_role: str
    """``client``, ``server`` or ``unknown``."""
    tls_version: str | None
    """Four hexadecimal digits, such as ``FEFD`` for DTLS 1.2."""
    tls_group: str | None
    """The group of the key exchange, by its name in the TLS registry."""
    dtls_cipher: str | None
    srtp_cipher: str | None
    """The profile's name in the registry; None where there are no media."""
    ccfb_messages_sent: int | None
    """Feedback of :rfc:`8888`; None where there are no media."""
    ccfb_messages_received: int | None
    selected_candidate_pair_id: str | None
    selected_candidate_pair_changes: int
    local_certificate_id: str | None
    remote_certificate_id: str | None


@dataclass(slots=True, kw_only=True)
class IceCandidateStats:
    """One candidate."""

    id: str
    transport_id: str
    address: str | None
    port: int
    protocol: str
    candidate_type: str
    priority: int
    foundation: str
    url: str | None
    """The server that told of it."""
    username_fragment: str
    related_address: str | None
    related_port: int | None
    tcp_type: str | None
    """Who connects, of a TCP candidate: ``active``, ``passive`` or ``so``."""


@dataclass(slots=True, kw_only=True)
class LocalCandidateStats(IceCandidateStats):
    """One of our candidates."""

    TYPE: ClassVar[Literal["local-candidate"]] = "local-candidate"

    relay_protocol: str | None = None
    """How the server of a relayed candidate is reached: ``udp``, ``tcp`` or ``tls``."""


@dataclass(slots=True, kw_only=True)
class RemoteCandidateStats(IceCandidateStats):
    """One of the peer's candidates."""

    TYPE: ClassVar[Literal["remote-candidate"]] = "remote-candidate"


@dataclass(slots=True, kw_only=True)
class CandidatePairStats:
    """A local and a remote candidate, and what the checks between them showed."""

    TYPE: ClassVar[Literal["candidate-pair"]] = "candidate-pair"

    id: str
    transport_id: str
    local_candidate_id: str
    remote_candidate_id: str
    state: str
    """``frozen``, ``waiting``, ``in-progress``, ``failed`` or ``succeeded``."""
    nominated: bool
    selected: bool
    """Whether data goes this way now."""
    packets_sent: int
    """Without checks; counted for the pair that is selected now."""
    packets_received: int
    bytes_sent: int
    bytes_received: int
    total_round_trip_time: float
    """Seconds; divided by `responses_received` it is the mean."""
    current_round_trip_time: float | None
    requests_received: int
    requests_sent: int
    responses_received: int
    responses_sent: int
    consent_requests_sent: int


@dataclass(slots=True, kw_only=True)
class CertificateStats:
    """A certificate of either side."""

    TYPE: ClassVar[Literal["certificate"]] = "certificate"

    id: str
    fingerprint: str
    """Lower-case hexadecimal with colons."""
    fingerprint_algorithm: str
    base64_certificate: str
    issuer_certificate_id: str | None = None
    """The next one of its chain; None for the last, and for one that signed itself."""


@dataclass(slots=True, kw_only=True)
class DataChannelStats:
    """One data channel."""

    TYPE: ClassVar[Literal["data-channel"]] = "data-channel"

    id: str
    label: str
    protocol: str
    data_channel_identifier: int | None
    state: str
    messages_sent: int
    bytes_sent: int
    messages_received: int
    bytes_received: int


Statistics: TypeAlias = (
    PeerConnectionStats
    | TransportStats
    | LocalCandidateStats
    | RemoteCandidateStats
    | CandidatePairStats
    | CertificateStats
    | DataChannelStats
    | CodecStats
    | InboundRtpStats
    | OutboundRtpStats
    | RemoteInboundRtpStats
    | RemoteOutboundRtpStats
)
