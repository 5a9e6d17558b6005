"""The WebRTC peer connection without I/O: JSEP, ICE, DTLS, SCTP and data channels joined.

Start with `PeerConnection`. See :rfc:`8829` and :rfc:`8827`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

from rtc_peer._version import __version__

if TYPE_CHECKING:
    from rtc_peer.capabilities import (
        AUDIO_CODECS,
        AUDIO_EXTENSIONS,
        VIDEO_CODECS,
        VIDEO_EXTENSIONS,
        VIDEO_FLEXIBLE_REDUNDANCY,
        VIDEO_REDUNDANCY,
        CodecCapability,
        ExtensionEncryption,
        HeaderExtensionCapability,
        MediaKind,
        MediaOptions,
    )
    from rtc_peer.configuration import (
        MAX_ICE_SERVERS,
        BundlePolicy,
        Configuration,
        IceTransportPolicy,
        RtcpMuxPolicy,
        RtpHeaderEncryptionPolicy,
    )
    from rtc_peer.connection import Event, PeerConnection
    from rtc_peer.demultiplex import PacketKind, classify
    from rtc_peer.description import SdpType, SessionDescription
    from rtc_peer.errors import (
        ArgumentError,
        CertificateError,
        CredentialsError,
        DescriptionError,
        DescriptionSyntaxError,
        ModificationError,
        OperationError,
        PeerError,
        ServerUrlError,
        StateError,
    )
    from rtc_peer.events import (
        CandidatePairChanged,
        ConnectionClosed,
        ConnectionStateChanged,
        DtlsTransportFailed,
        DtlsTransportStateChanged,
        GatheringWanted,
        HostResolutionWanted,
        IceCandidateFailed,
        IceCandidateFound,
        IceConnectionStateChanged,
        IceGatheringStateChanged,
        IceTransportGatheringStateChanged,
        IceTransportStateChanged,
        NegotiationNeeded,
        SctpTransportStateChanged,
        SelectedCandidatePairChanged,
        SignalingStateChanged,
        TransportClosed,
        WarningIssued,
    )
    from rtc_peer.ice_server import IceServer
    from rtc_peer.journal import Trace
    from rtc_peer.media_events import (
        BitrateShare,
        FrameReceived,
        KeyFrameRequested,
        LossChanged,
        MediaEvent,
        PacketReceived,
        StreamDiscovered,
        StreamEnded,
        TargetBitrateChanged,
        ToneReceived,
        ToneSent,
    )
    from rtc_peer.negotiated import NegotiatedMedia
    from rtc_peer.options import WEBRTC_ASSOCIATION, WEBRTC_HANDSHAKE, PeerOptions
    from rtc_peer.receiver import RtpReceiver
    from rtc_peer.sender import RtpSender
    from rtc_peer.state import (
        ConnectionState,
        DtlsTransportState,
        IceGatheringState,
        IceTransportState,
        SctpTransportState,
        SignalingInput,
        SignalingState,
    )
    from rtc_peer.statistics import (
        CandidatePairStats,
        CertificateStats,
        DataChannelStats,
        IceCandidateStats,
        LocalCandidateStats,
        PeerConnectionStats,
        RemoteCandidateStats,
        Statistics,
        TransportStats,
    )
    from rtc_peer.statistics_rtp import (
        CodecStats,
        InboundRtpStats,
        OutboundRtpStats,
        RemoteInboundRtpStats,
        RemoteOutboundRtpStats,
    )
    from rtc_peer.stats import PeerStats
    from rtc_peer.track_events import TrackAdded, TrackMuted, TrackRemoved, TrackUnmuted, TransceiverStopped
    from rtc_peer.transceiver import RtpTransceiver
    from rtc_peer.views import SctpTransportView, TransportView

__all__ = [
    "AUDIO_CODECS",
    "AUDIO_EXTENSIONS",
    "ArgumentError",
    "BitrateShare",
    "BundlePolicy",
    "CandidatePairChanged",
    "CandidatePairStats",
    "CertificateError",
    "CertificateStats",
    "CodecCapability",
    "CodecStats",
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
    "ExtensionEncryption",
    "FrameReceived",
    "GatheringWanted",
    "HeaderExtensionCapability",
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
    "InboundRtpStats",
    "KeyFrameRequested",
    "LocalCandidateStats",
    "LossChanged",
    "MAX_ICE_SERVERS",
    "MediaEvent",
    "MediaKind",
    "MediaOptions",
    "ModificationError",
    "NegotiatedMedia",
    "NegotiationNeeded",
    "OperationError",
    "OutboundRtpStats",
    "PacketKind",
    "PacketReceived",
    "PeerConnection",
    "PeerConnectionStats",
    "PeerError",
    "PeerOptions",
    "PeerStats",
    "RemoteCandidateStats",
    "RemoteInboundRtpStats",
    "RemoteOutboundRtpStats",
    "RtcpMuxPolicy",
    "RtpHeaderEncryptionPolicy",
    "RtpReceiver",
    "RtpSender",
    "RtpTransceiver",
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
    "StreamDiscovered",
    "StreamEnded",
    "TargetBitrateChanged",
    "ToneReceived",
    "ToneSent",
    "Trace",
    "TrackAdded",
    "TrackMuted",
    "TrackRemoved",
    "TrackUnmuted",
    "TransceiverStopped",
    "TransportClosed",
    "TransportStats",
    "TransportView",
    "VIDEO_CODECS",
    "VIDEO_EXTENSIONS",
    "VIDEO_FLEXIBLE_REDUNDANCY",
    "VIDEO_REDUNDANCY",
    "WEBRTC_ASSOCIATION",
    "WEBRTC_HANDSHAKE",
    "WarningIssued",
    "__version__",
    "classify",
]

_DEFINED_IN: Final = {
    "capabilities": (
        "AUDIO_CODECS AUDIO_EXTENSIONS VIDEO_CODECS VIDEO_EXTENSIONS VIDEO_FLEXIBLE_REDUNDANCY VIDEO_REDUNDANCY CodecCapability "
        "ExtensionEncryption HeaderExtensionCapability MediaKind MediaOptions"
    ),
    "configuration": (
        "MAX_ICE_SERVERS BundlePolicy Configuration IceTransportPolicy RtcpMuxPolicy RtpHeaderEncryptionPolicy"
    ),
    "connection": "Event PeerConnection",
    "demultiplex": "PacketKind classify",
    "description": "SdpType SessionDescription",
    "errors": (
        "ArgumentError CertificateError CredentialsError DescriptionError DescriptionSyntaxError "
        "ModificationError OperationError PeerError ServerUrlError StateError"
    ),
    "events": (
        "CandidatePairChanged ConnectionClosed ConnectionStateChanged DtlsTransportFailed DtlsTransportStateChanged GatheringWanted "
        "HostResolutionWanted IceCandidateFailed IceCandidateFound IceConnectionStateChanged "
        "IceGatheringStateChanged IceTransportGatheringStateChanged IceTransportStateChanged NegotiationNeeded "
        "SctpTransportStateChanged SelectedCandidatePairChanged SignalingStateChanged TransportClosed "
        "WarningIssued"
    ),
    "ice_server": "IceServer",
    "journal": "Trace",
    "media_events": (
        "BitrateShare FrameReceived KeyFrameRequested LossChanged MediaEvent PacketReceived StreamDiscovered StreamEnded "
        "TargetBitrateChanged ToneReceived ToneSent"
    ),
    "negotiated": "NegotiatedMedia",
    "options": "WEBRTC_ASSOCIATION WEBRTC_HANDSHAKE PeerOptions",
    "receiver": "RtpReceiver",
    "sender": "RtpSender",
    "state": (
        "ConnectionState DtlsTransportState IceGatheringState IceTransportState SctpTransportState SignalingInput "
        "SignalingState"
    ),
    "statistics": (
        "CandidatePairStats CertificateStats DataChannelStats IceCandidateStats LocalCandidateStats "
        "PeerConnectionStats RemoteCandidateStats Statistics TransportStats"
    ),
    "statistics_rtp": "CodecStats InboundRtpStats OutboundRtpStats RemoteInboundRtpStats RemoteOutboundRtpStats",
    "stats": "PeerStats",
    "track_events": "TrackAdded TrackMuted TrackRemoved TrackUnmuted TransceiverStopped",
    "transceiver": "RtpTransceiver",
    "views": "SctpTransportView TransportView",
}
"""Which module defines which public names. It is loaded when one of them is first used: a program pays for what it needs."""

if not TYPE_CHECKING:  # with a `__getattr__` in sight, type checkers would believe in any name

    def __getattr__(name: str) -> object:
        """Load a public name; see :pep:`562` and "Import time" in the notes on architecture."""
        for module, names in _DEFINED_IN.items():
            if name in names.split():
                globals()[name] = getattr(import_module(f"{__name__}.{module}"), name)
                return globals()[name]
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return __all__
