"""The dictionaries of the RTP media API (WebRTC 1.0, sections 5.1 to 5.4; WebRTC Extensions; WebRTC-SVC).

As all dictionaries here they are dataclasses, and a plain dict with the same keys does as well where one is asked for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Literal, TypeAlias

from .dataclass import dataclass
from .dictionaries import RTCPriorityType

if TYPE_CHECKING:
    from .media_stream import MediaStream

RTCRtpTransceiverDirection: TypeAlias = Literal["sendrecv", "sendonly", "recvonly", "inactive", "stopped"]
RTCDegradationPreference: TypeAlias = Literal[
    "balanced", "maintain-framerate", "maintain-resolution", "maintain-framerate-and-resolution"
]


@dataclass(slots=True, kw_only=True)
class RTCRtpCodec:
    """A codec, or a format beside codecs such as RTX, RED, FEC and telephone events."""

    mimeType: str
    """Such as "video/VP8"."""
    clockRate: int
    """Ticks per second."""
    channels: int | None = None
    """Of audio: 1 or 2."""
    sdpFmtpLine: str | None = None
    """The format parameters as in SDP: "profile-level-id=42e01f;packetization-mode=1"."""


@dataclass(slots=True, kw_only=True)
class RTCRtpCodecParameters(RTCRtpCodec):
    """A codec that was negotiated."""

    payloadType: int
    """0 to 127."""


@dataclass(slots=True, kw_only=True)
class RTCRtpHeaderExtensionCapability:
    """A header extension that can be negotiated."""

    uri: str
    direction: RTCRtpTransceiverDirection = "sendrecv"
    """Whether it is to be sent and received; "stopped" for neither."""


@dataclass(slots=True, kw_only=True)
class RTCRtpHeaderExtensionParameters:
    """A header extension that was negotiated."""

    uri: str
    id: int
    """1 to 255; those beyond 14 need two-byte headers."""
    encrypted: bool = False
    """Whether it is encrypted by itself (:rfc:`6904`)."""


@dataclass(slots=True, kw_only=True)
class RTCRtcpParameters:
    """How RTCP is used."""

    cname: str | None = None
    """The name of the sending side; None for receivers."""
    reducedSize: bool = False
    """Whether feedback may go without a report around it (:rfc:`5506`)."""


@dataclass(slots=True, kw_only=True)
class RTCResolutionRestriction:
    """The largest picture that an encoding shall have, whichever way it is turned."""

    maxWidth: int
    """Pixels."""
    maxHeight: int
    """Pixels."""


@dataclass(slots=True, kw_only=True)
class RTCRtpCodingParameters:
    """What encodings of senders and receivers have in common."""

    rid: str | None = None
    """The encoding's name, where there are several. It cannot be changed."""


@dataclass(slots=True, kw_only=True)
class RTCRtpEncodingParameters(RTCRtpCodingParameters):
    """One encoding of a sender."""

    active: bool = True
    """Whether it is sent."""
    codec: RTCRtpCodec | Mapping[str, object] | None = None
    """Which of the negotiated codecs to use; the one that the peer likes best if None."""
    maxBitrate: int | None = None
    """Bits per second."""
    maxFramerate: float | None = None
    """Frames per second; video only."""
    scaleResolutionDownBy: float | None = None
    """Divides width and height, 1.0 or more; video only."""
    scaleResolutionDownTo: RTCResolutionRestriction | Mapping[str, object] | None = None
    """The largest size; takes the place of `scaleResolutionDownBy`."""
    scalabilityMode: str | None = None
    """Layers, such as "L1T2" (WebRTC-SVC)."""
    priority: RTCPriorityType = "low"
    """Share of the bit rate where several encodings compete (WebRTC Priority Control)."""
    networkPriority: RTCPriorityType | None = None
    """As `priority`, for the queues of the network."""
    ptime: int | None = None
    """Milliseconds of sound per packet; excludes `adaptivePtime`."""
    adaptivePtime: bool = False
    """Whether the length of packets may change with the network."""


@dataclass(slots=True, kw_only=True)
class RTCRtpParameters:
    """What was negotiated for a sender or a receiver."""

    headerExtensions: list[RTCRtpHeaderExtensionParameters] = field(default_factory=list)
    rtcp: RTCRtcpParameters = field(default_factory=RTCRtcpParameters)
    codecs: list[RTCRtpCodecParameters] = field(default_factory=list)
    """In order of preference, with an entry "video/rtx" for each codec that has retransmissions."""


@dataclass(slots=True, kw_only=True)
class RTCRtpSendParameters(RTCRtpParameters):
    """What `RTCRtpSender.getParameters` gives, and `setParameters` takes back."""

    transactionId: str = ""
    """Ties both together."""
    encodings: list[RTCRtpEncodingParameters] = field(default_factory=list)
    degradationPreference: RTCDegradationPreference | None = None


@dataclass(slots=True, kw_only=True)
class RTCRtpReceiveParameters(RTCRtpParameters):
    """What `RTCRtpReceiver.getParameters` gives."""


@dataclass(slots=True, kw_only=True)
class RTCRtpCapabilities:
    """What could be negotiated."""

    codecs: list[RTCRtpCodec] = field(default_factory=list)
    headerExtensions: list[RTCRtpHeaderExtensionCapability] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class RTCEncodingOptions:
    """What to do with an encoding, once."""

    keyFrame: bool = False
    """Make the next frame a key frame."""


@dataclass(slots=True, kw_only=True)
class RTCSetParameterOptions:
    """Options of `RTCRtpSender.setParameters`."""

    encodingOptions: Sequence[RTCEncodingOptions | Mapping[str, object]] = ()
    """One for each encoding, or none."""


@dataclass(slots=True, kw_only=True)
class RTCRtpTransceiverInit:
    """Options of `RTCPeerConnection.addTransceiver`."""

    direction: RTCRtpTransceiverDirection = "sendrecv"
    streams: "Sequence[MediaStream]" = ()
    """The streams that the peer shall find the track in."""
    sendEncodings: Sequence[RTCRtpEncodingParameters | Mapping[str, object]] = ()
    """Several for simulcast, each with a `rid`."""


@dataclass(slots=True, kw_only=True)
class RTCRtpContributingSource:
    """A source whose media were delivered in the last ten seconds."""

    timestamp: float
    """When the last of it was delivered, in milliseconds since 1970-01-01."""
    source: int
    """SSRC or CSRC."""
    audioLevel: float | None = None
    """0.0 to 1.0, where the sender tells."""
    rtpTimestamp: int
    captureTimestamp: float | None = None
    """When it was captured, by the clock of the capturing system, in milliseconds since 1970-01-01."""
    senderCaptureTimeOffset: float | None = None
    """How much the sender's clock is ahead of that one, in milliseconds."""


@dataclass(slots=True, kw_only=True)
class RTCRtpSynchronizationSource(RTCRtpContributingSource):
    """As a contributing source, for the sender of the packets itself."""
