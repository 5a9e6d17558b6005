"""The WebRTC peer connection without I/O: JSEP, ICE, DTLS, SCTP and data channels joined.

Start with `PeerConnection`. See :rfc:`8829` and :rfc:`8827`.
"""

from rtc_peer._version import __version__
from rtc_peer.configuration import BundlePolicy, Configuration, IceTransportPolicy, RtcpMuxPolicy
from rtc_peer.connection import Event, PeerConnection, Trace
from rtc_peer.demultiplex import PacketKind, classify
from rtc_peer.description import SdpType, SessionDescription
from rtc_peer.errors import ArgumentError, CertificateError, CredentialsError, DescriptionError, DescriptionSyntaxError, ModificationError, OperationError, PeerError, ServerUrlError, StateError
from rtc_peer.events import ConnectionClosed, ConnectionStateChanged, DtlsTransportFailed, DtlsTransportStateChanged, GatheringWanted, HostResolutionWanted, IceCandidateFailed, IceCandidateFound, IceConnectionStateChanged, IceGatheringStateChanged, IceTransportGatheringStateChanged, IceTransportStateChanged, NegotiationNeeded, SctpTransportStateChanged, SelectedCandidatePairChanged, SignalingStateChanged, TransportClosed, WarningIssued
from rtc_peer.ice_server import IceServer
from rtc_peer.options import PeerOptions
from rtc_peer.state import ConnectionState, DtlsTransportState, IceGatheringState, IceTransportState, SctpTransportState, SignalingInput, SignalingState
from rtc_peer.statistics import CandidatePairStats, CertificateStats, DataChannelStats, IceCandidateStats, LocalCandidateStats, PeerConnectionStats, PeerStats, RemoteCandidateStats, Statistics, TransportStats
from rtc_peer.views import SctpTransportView, TransportView

__all__ = [
    "ArgumentError",
    "BundlePolicy",
    "CandidatePairStats",
    "CertificateError",
    "CertificateStats",
    "Configuration",
    "ConnectionClosed",
    "ConnectionState",
    "ConnectionStateChanged",
    "CredentialsError",
    "DataChannelStats",
    "DescriptionError",
    "DescriptionSyntaxError",
    "DtlsTransportFailed",
    "DtlsTransportState",
    "DtlsTransportStateChanged",
    "Event",
    "GatheringWanted",
    "HostResolutionWanted",
    "IceCandidateFailed",
    "IceCandidateFound",
    "IceCandidateStats",
    "IceConnectionStateChanged",
    "IceGatheringState",
    "IceGatheringStateChanged",
    "IceServer",
    "IceTransportGatheringStateChanged",
    "IceTransportPolicy",
    "IceTransportState",
    "IceTransportStateChanged",
    "LocalCandidateStats",
    "ModificationError",
    "NegotiationNeeded",
    "OperationError",
    "PacketKind",
    "PeerConnection",
    "PeerConnectionStats",
    "PeerError",
    "PeerOptions",
    "PeerStats",
    "RemoteCandidateStats",
    "RtcpMuxPolicy",
    "SctpTransportState",
    "SctpTransportStateChanged",
    "SctpTransportView",
    "SdpType",
    "SelectedCandidatePairChanged",
    "ServerUrlError",
    "SessionDescription",
    "SignalingInput",
    "SignalingState",
    "SignalingStateChanged",
    "StateError",
    "Statistics",
    "Trace",
    "TransportClosed",
    "TransportStats",
    "TransportView",
    "WarningIssued",
    "__version__",
    "classify",
]
