"""WebRTC for asyncio, under the names of the W3C API. See WebRTC 1.0 and MDN for what they mean."""

from importlib import import_module
from typing import TYPE_CHECKING, Final

from rtc_asyncio._version import __version__

if TYPE_CHECKING:
    from rtc_asyncio.certificate import RTCCertificate, RTCDtlsFingerprint
    from rtc_asyncio.codecs import (
        CodecError,
        CodecFactory,
        Concealment,
        Decoder,
        Encoder,
        EncoderSettings,
        ProtectiveEncoder,
    )
    from rtc_asyncio.data_channel import RTCDataChannel
    from rtc_asyncio.data_channel_event import RTCDataChannelEvent
    from rtc_asyncio.dictionaries import (
        RTCAnswerOptions,
        RTCConfiguration,
        RTCDataChannelInit,
        RTCIceParameters,
        RTCIceServer,
        RTCOfferOptions,
    )
    from rtc_asyncio.driver import DatagramMachine, Driver
    from rtc_asyncio.dtmf import RTCDTMFSender, RTCDTMFToneChangeEvent
    from rtc_asyncio.encoded_transform import (
        FrameWriter,
        KeyFrameRequestEvent,
        RTCRtpScriptTransform,
        RTCRtpScriptTransformer,
    )
    from rtc_asyncio.errors import (
        DOMException,
        InvalidAccessError,
        InvalidCharacterError,
        InvalidModificationError,
        InvalidStateError,
        MediaStreamError,
        NetworkError,
        NotSupportedError,
        OperationError,
        RTCError,
        SyntaxError,
    )
    from rtc_asyncio.event_target import Event, EventTarget
    from rtc_asyncio.events import (
        MessageEvent,
        RTCErrorEvent,
        RTCIceCandidatePairEvent,
        RTCPeerConnectionIceErrorEvent,
        RTCPeerConnectionIceEvent,
    )
    from rtc_asyncio.frame_queue import FrameReader
    from rtc_asyncio.ice_candidate import RTCIceCandidate, RTCIceCandidatePair
    from rtc_asyncio.media_stream import MediaStream, MediaStreamTrackEvent
    from rtc_asyncio.network_options import NetworkOptions
    from rtc_asyncio.paced_tracks import AudioStreamTrack, VideoStreamTrack
    from rtc_asyncio.peer_connection import RTCPeerConnection
    from rtc_asyncio.rtp_dictionaries import (
        RTCEncodingOptions,
        RTCResolutionRestriction,
        RTCRtcpParameters,
        RTCRtpCapabilities,
        RTCRtpCodec,
        RTCRtpCodecParameters,
        RTCRtpCodingParameters,
        RTCRtpContributingSource,
        RTCRtpEncodingParameters,
        RTCRtpHeaderExtensionCapability,
        RTCRtpHeaderExtensionParameters,
        RTCRtpParameters,
        RTCRtpReceiveParameters,
        RTCRtpSendParameters,
        RTCRtpSynchronizationSource,
        RTCRtpTransceiverInit,
        RTCSetParameterOptions,
    )
    from rtc_asyncio.rtp_receiver import RTCRtpReceiver
    from rtc_asyncio.rtp_sender import RTCRtpSender
    from rtc_asyncio.rtp_stats import (
        RTCAudioPlayoutStats,
        RTCAudioSourceStats,
        RTCCodecStats,
        RTCInboundRtpStreamStats,
        RTCMediaSourceStats,
        RTCOutboundRtpStreamStats,
        RTCReceivedRtpStreamStats,
        RTCRemoteInboundRtpStreamStats,
        RTCRemoteOutboundRtpStreamStats,
        RTCRtpStreamStats,
        RTCSentRtpStreamStats,
        RTCVideoSourceStats,
    )
    from rtc_asyncio.rtp_transceiver import RTCRtpTransceiver
    from rtc_asyncio.session_description import RTCSessionDescription
    from rtc_asyncio.single_port import SinglePort
    from rtc_asyncio.stats import (
        RTCCertificateStats,
        RTCDataChannelStats,
        RTCIceCandidatePairStats,
        RTCIceCandidateStats,
        RTCPeerConnectionStats,
        RTCStatsReport,
        RTCTransportStats,
    )
    from rtc_asyncio.stats_dictionary import RTCStats
    from rtc_asyncio.track_event import RTCTrackEvent
    from rtc_asyncio.tracks import EncodedFrameTrack, MediaStreamTrack, RawFrame, RtpPacketTrack
    from rtc_asyncio.transports import RTCDtlsTransport, RTCIceTransport, RTCSctpTransport
    from rtc_asyncio.turn_relays import TurnRelays
    from rtc_asyncio.turn_server import TurnCertificate, TurnListener, TurnService, TurnServiceStats
    from rtc_asyncio.udp import UdpSocket
    from rtc_peer import PeerOptions

__all__ = [
    "AudioStreamTrack",
    "CodecError",
    "CodecFactory",
    "Concealment",
    "DOMException",
    "DatagramMachine",
    "Decoder",
    "Driver",
    "EncodedFrameTrack",
    "Encoder",
    "EncoderSettings",
    "Event",
    "EventTarget",
    "FrameReader",
    "FrameWriter",
    "InvalidAccessError",
    "InvalidCharacterError",
    "InvalidModificationError",
    "InvalidStateError",
    "KeyFrameRequestEvent",
    "MediaStream",
    "MediaStreamError",
    "MediaStreamTrack",
    "MediaStreamTrackEvent",
    "MessageEvent",
    "NetworkError",
    "NetworkOptions",
    "NotSupportedError",
    "OperationError",
    "PeerOptions",
    "ProtectiveEncoder",
    "RTCAnswerOptions",
    "RTCAudioPlayoutStats",
    "RTCAudioSourceStats",
    "RTCCertificate",
    "RTCCertificateStats",
    "RTCCodecStats",
    "RTCConfiguration",
    "RTCDTMFSender",
    "RTCDTMFToneChangeEvent",
    "RTCDataChannel",
    "RTCDataChannelEvent",
    "RTCDataChannelInit",
    "RTCDataChannelStats",
    "RTCDtlsFingerprint",
    "RTCDtlsTransport",
    "RTCEncodingOptions",
    "RTCError",
    "RTCErrorEvent",
    "RTCIceCandidate",
    "RTCIceCandidatePair",
    "RTCIceCandidatePairEvent",
    "RTCIceCandidatePairStats",
    "RTCIceCandidateStats",
    "RTCIceParameters",
    "RTCIceServer",
    "RTCIceTransport",
    "RTCInboundRtpStreamStats",
    "RTCMediaSourceStats",
    "RTCOfferOptions",
    "RTCOutboundRtpStreamStats",
    "RTCPeerConnection",
    "RTCPeerConnectionIceErrorEvent",
    "RTCPeerConnectionIceEvent",
    "RTCPeerConnectionStats",
    "RTCReceivedRtpStreamStats",
    "RTCRemoteInboundRtpStreamStats",
    "RTCRemoteOutboundRtpStreamStats",
    "RTCResolutionRestriction",
    "RTCRtcpParameters",
    "RTCRtpCapabilities",
    "RTCRtpCodec",
    "RTCRtpCodecParameters",
    "RTCRtpCodingParameters",
    "RTCRtpContributingSource",
    "RTCRtpEncodingParameters",
    "RTCRtpHeaderExtensionCapability",
    "RTCRtpHeaderExtensionParameters",
    "RTCRtpParameters",
    "RTCRtpReceiveParameters",
    "RTCRtpReceiver",
    "RTCRtpScriptTransform",
    "RTCRtpScriptTransformer",
    "RTCRtpSendParameters",
    "RTCRtpSender",
    "RTCRtpStreamStats",
    "RTCRtpSynchronizationSource",
    "RTCRtpTransceiver",
    "RTCRtpTransceiverInit",
    "RTCSctpTransport",
    "RTCSentRtpStreamStats",
    "RTCSessionDescription",
    "RTCSetParameterOptions",
    "RTCStats",
    "RTCStatsReport",
    "RTCTrackEvent",
    "RTCTransportStats",
    "RTCVideoSourceStats",
    "RawFrame",
    "RtpPacketTrack",
    "SinglePort",
    "SyntaxError",
    "TurnCertificate",
    "TurnListener",
    "TurnRelays",
    "TurnService",
    "TurnServiceStats",
    "UdpSocket",
    "VideoStreamTrack",
    "__version__",
]

_DEFINED_IN: Final = {
    "certificate": "RTCCertificate RTCDtlsFingerprint",
    "codecs": "CodecError CodecFactory Concealment Decoder Encoder EncoderSettings ProtectiveEncoder",
    "data_channel": "RTCDataChannel",
    "data_channel_event": "RTCDataChannelEvent",
    "dictionaries": (
        "RTCAnswerOptions RTCConfiguration RTCDataChannelInit RTCIceParameters RTCIceServer RTCOfferOptions"
    ),
    "driver": "DatagramMachine Driver",
    "dtmf": "RTCDTMFSender RTCDTMFToneChangeEvent",
    "encoded_transform": "FrameWriter KeyFrameRequestEvent RTCRtpScriptTransform RTCRtpScriptTransformer",
    "errors": (
        "DOMException InvalidAccessError InvalidCharacterError InvalidModificationError InvalidStateError "
        "MediaStreamError NetworkError NotSupportedError OperationError RTCError SyntaxError"
    ),
    "event_target": "Event EventTarget",
    "events": "MessageEvent RTCErrorEvent RTCIceCandidatePairEvent RTCPeerConnectionIceErrorEvent RTCPeerConnectionIceEvent",
    "frame_queue": "FrameReader",
    "ice_candidate": "RTCIceCandidate RTCIceCandidatePair",
    "media_stream": "MediaStream MediaStreamTrackEvent",
    "network_options": "NetworkOptions",
    "paced_tracks": "AudioStreamTrack VideoStreamTrack",
    "peer_connection": "PeerOptions RTCPeerConnection",
    "rtp_dictionaries": (
        "RTCEncodingOptions RTCResolutionRestriction RTCRtcpParameters RTCRtpCapabilities RTCRtpCodec "
        "RTCRtpCodecParameters RTCRtpCodingParameters RTCRtpContributingSource RTCRtpEncodingParameters "
        "RTCRtpHeaderExtensionCapability RTCRtpHeaderExtensionParameters RTCRtpParameters RTCRtpReceiveParameters "
        "RTCRtpSendParameters RTCRtpSynchronizationSource RTCRtpTransceiverInit RTCSetParameterOptions"
    ),
    "rtp_receiver": "RTCRtpReceiver",
    "rtp_sender": "RTCRtpSender",
    "rtp_stats": (
        "RTCAudioPlayoutStats RTCAudioSourceStats RTCCodecStats RTCInboundRtpStreamStats RTCMediaSourceStats "
        "RTCOutboundRtpStreamStats RTCReceivedRtpStreamStats RTCRemoteInboundRtpStreamStats "
        "RTCRemoteOutboundRtpStreamStats RTCRtpStreamStats RTCSentRtpStreamStats RTCVideoSourceStats"
    ),
    "rtp_transceiver": "RTCRtpTransceiver",
    "session_description": "RTCSessionDescription",
    "single_port": "SinglePort",
    "stats": (
        "RTCCertificateStats RTCDataChannelStats RTCIceCandidatePairStats RTCIceCandidateStats "
        "RTCPeerConnectionStats RTCStatsReport RTCTransportStats"
    ),
    "stats_dictionary": "RTCStats",
    "track_event": "RTCTrackEvent",
    "tracks": "EncodedFrameTrack MediaStreamTrack RawFrame RtpPacketTrack",
    "transports": "RTCDtlsTransport RTCIceTransport RTCSctpTransport",
    "turn_relays": "TurnRelays",
    "turn_server": "TurnCertificate TurnListener TurnService TurnServiceStats",
    "udp": "UdpSocket",
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
