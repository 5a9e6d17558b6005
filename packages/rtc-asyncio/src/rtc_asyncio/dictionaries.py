"""The dictionaries of WebRTC 1.0: dataclasses that also accept a plain dict with the same keys.

A signalling message as it comes out of `json.loads` goes straight into `setRemoteDescription` or `addIceCandidate`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import field, fields
from typing import TYPE_CHECKING, Literal, TypeAlias, TypeVar

from .dataclass import dataclass

if TYPE_CHECKING:
    from .certificate import RTCCertificate

RTCSdpType: TypeAlias = Literal["offer", "pranswer", "answer", "rollback"]
RTCIceTransportPolicy: TypeAlias = Literal["all", "relay"]
RTCBundlePolicy: TypeAlias = Literal["balanced", "max-compat", "max-bundle"]
RTCRtcpMuxPolicy: TypeAlias = Literal["require"]
RTCRtpHeaderEncryptionPolicy: TypeAlias = Literal["disable", "negotiate", "require"]
"""Of WebRTC Extensions, but for ``disable``, which is ours."""
RTCSignalingState: TypeAlias = Literal[
    "stable", "have-local-offer", "have-remote-offer", "have-local-pranswer", "have-remote-pranswer", "closed"
]
RTCIceGatheringState: TypeAlias = Literal["new", "gathering", "complete"]
RTCIceGathererState: TypeAlias = Literal["new", "gathering", "complete"]
RTCPeerConnectionState: TypeAlias = Literal["closed", "failed", "disconnected", "new", "connecting", "connected"]
RTCIceConnectionState: TypeAlias = Literal[
    "closed", "failed", "disconnected", "new", "checking", "completed", "connected"
]
RTCIceTransportState: TypeAlias = Literal[
    "closed", "failed", "disconnected", "new", "checking", "completed", "connected"
]
RTCDtlsTransportState: TypeAlias = Literal["new", "connecting", "connected", "closed", "failed"]
RTCSctpTransportState: TypeAlias = Literal["connecting", "connected", "closed"]
RTCDataChannelState: TypeAlias = Literal["connecting", "open", "closing", "closed"]
RTCPriorityType: TypeAlias = Literal["very-low", "low", "medium", "high"]
RTCIceRole: TypeAlias = Literal["unknown", "controlling", "controlled"]
RTCIceComponent: TypeAlias = Literal["rtp", "rtcp"]
RTCIceProtocol: TypeAlias = Literal["udp", "tcp"]
RTCIceCandidateType: TypeAlias = Literal["host", "srflx", "prflx", "relay"]
RTCIceTcpCandidateType: TypeAlias = Literal["active", "passive", "so"]
RTCIceServerTransportProtocol: TypeAlias = Literal["udp", "tcp", "tls"]
BinaryType: TypeAlias = Literal["arraybuffer", "blob"]

T = TypeVar("T")


@dataclass(slots=True)
class RTCIceServer:
    """A STUN or TURN server."""

    urls: str | Sequence[str]
    """One or more URIs of the schemes stun, stuns, turn and turns (:rfc:`7064`, :rfc:`7065`)."""
    username: str | None = None
    credential: str | None = field(default=None, repr=False)


@dataclass(slots=True)
class RTCConfiguration:
    """How a connection is set up."""

    iceServers: Sequence[RTCIceServer | Mapping[str, object]] = ()
    iceTransportPolicy: RTCIceTransportPolicy = "all"
    bundlePolicy: RTCBundlePolicy = "balanced"
    rtcpMuxPolicy: RTCRtcpMuxPolicy = "require"
    certificates: Sequence["RTCCertificate"] = ()
    """At most one of each key type is used; without any, one is made."""
    iceCandidatePoolSize: int = 0
    """0 to 255."""
    rtpHeaderEncryptionPolicy: RTCRtpHeaderEncryptionPolicy = "negotiate"
    """Whether the network may read RTP header extensions: "negotiate" hides them from it where the peer can do that (:rfc:`9335`),
    "require" refuses peers that cannot, "disable" leaves them readable."""


@dataclass(slots=True)
class RTCOfferOptions:
    """Options of `createOffer`."""

    iceRestart: bool = False
    offerToReceiveAudio: bool | None = None
    """Legacy: see to it that audio can be received, or, if false, that none is."""
    offerToReceiveVideo: bool | None = None
    """Legacy: see to it that video can be received, or, if false, that none is."""


@dataclass(slots=True)
class RTCAnswerOptions:
    """Options of `createAnswer`: none yet."""


@dataclass(slots=True)
class RTCDataChannelInit:
    """Properties of a new data channel."""

    ordered: bool = True
    maxPacketLifeTime: int | None = None
    """Milliseconds during which a message is sent and sent again, 0 to 65535; excludes `maxRetransmits`."""
    maxRetransmits: int | None = None
    """How often a message is sent again, 0 to 65535; excludes `maxPacketLifeTime`."""
    protocol: str = ""
    negotiated: bool = False
    id: int | None = None
    """Stream id, 0 to 65534, for negotiated channels; ignored for others."""
    priority: RTCPriorityType = "low"
    """Share of this channel where several compete (WebRTC Priority Control)."""


@dataclass(slots=True)
class RTCIceParameters:
    """Credentials of one side."""

    usernameFragment: str
    password: str = field(repr=False)


def converted(kind: type[T], value: "T | Mapping[str, object] | None") -> T:
    """Take a dictionary of the API in either form; unknown keys are ignored, as Web IDL has it.

    Raises:
        TypeError: The value is neither of this kind nor a mapping, or a required member is missing.
    """
    if isinstance(value, kind):
        return value
    if value is None:
        return kind()
    if not isinstance(value, Mapping):
        raise TypeError(f"expected {kind.__name__} or a dict, got {type(value).__name__}")
    names = {member.name for member in fields(kind)}  # type: ignore[arg-type]  # every kind here is a dataclass
    return kind(**{name: member for name, member in value.items() if name in names})
