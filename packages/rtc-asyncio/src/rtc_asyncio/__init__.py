"""WebRTC for asyncio, under the names of the W3C API. See WebRTC 1.0 and MDN for what they mean."""

from rtc_peer import PeerOptions

from ._version import __version__
from .certificate import RTCCertificate
from .data_channel import RTCDataChannel
from .dictionaries import (
    RTCAnswerOptions,
    RTCConfiguration,
    RTCDataChannelInit,
    RTCDtlsFingerprint,
    RTCIceParameters,
    RTCIceServer,
    RTCOfferOptions,
)
from .driver import DatagramMachine, Driver
from .errors import (
    DOMException,
    InvalidAccessError,
    InvalidModificationError,
    InvalidStateError,
    NetworkError,
    NotSupportedError,
    OperationError,
    RTCError,
    SyntaxError,
)
from .event_target import Event, EventTarget
from .events import (
    MessageEvent,
    RTCDataChannelEvent,
    RTCErrorEvent,
    RTCPeerConnectionIceErrorEvent,
    RTCPeerConnectionIceEvent,
)
from .ice_candidate import RTCIceCandidate, RTCIceCandidatePair
from .peer_connection import RTCPeerConnection
from .session_description import RTCSessionDescription
from .stats import (
    RTCCertificateStats,
    RTCDataChannelStats,
    RTCIceCandidatePairStats,
    RTCIceCandidateStats,
    RTCPeerConnectionStats,
    RTCStats,
    RTCStatsReport,
    RTCTransportStats,
)
from .transports import RTCDtlsTransport, RTCIceTransport, RTCSctpTransport
from .udp import UdpSocket

__all__ = [
    "DOMException",
    "DatagramMachine",
    "Driver",
    "Event",
    "EventTarget",
    "InvalidAccessError",
    "InvalidModificationError",
    "InvalidStateError",
    "MessageEvent",
    "NetworkError",
    "NotSupportedError",
    "OperationError",
    "PeerOptions",
    "RTCAnswerOptions",
    "RTCCertificate",
    "RTCCertificateStats",
    "RTCConfiguration",
    "RTCDataChannel",
    "RTCDataChannelEvent",
    "RTCDataChannelInit",
    "RTCDataChannelStats",
    "RTCDtlsFingerprint",
    "RTCDtlsTransport",
    "RTCError",
    "RTCErrorEvent",
    "RTCIceCandidate",
    "RTCIceCandidatePair",
    "RTCIceCandidatePairStats",
    "RTCIceCandidateStats",
    "RTCIceParameters",
    "RTCIceServer",
    "RTCIceTransport",
    "RTCOfferOptions",
    "RTCPeerConnection",
    "RTCPeerConnectionIceErrorEvent",
    "RTCPeerConnectionIceEvent",
    "RTCPeerConnectionStats",
    "RTCSctpTransport",
    "RTCSessionDescription",
    "RTCStats",
    "RTCStatsReport",
    "RTCTransportStats",
    "SyntaxError",
    "UdpSocket",
    "__version__",
]
