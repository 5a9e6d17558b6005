"""The dictionaries of webrtc-stats for media: streams, codecs, and the sources that are sent.

The machine counts packets and frames, whoever has a codec counts what was encoded and decoded; both meet here.
"""

from typing import Literal, TypeAlias

from .dataclass import dataclass
from .stats_dictionary import RTCStats

RTCQualityLimitationReason: TypeAlias = Literal["none", "cpu", "bandwidth", "other"]


@dataclass(slots=True, kw_only=True)
class RTCCodecStats(RTCStats):
    """A codec as it is used on a transport."""

    payloadType: int
    transportId: str
    mimeType: str
    clockRate: int | None = None
    channels: int | None = None
    sdpFmtpLine: str | None = None


@dataclass(slots=True, kw_only=True)
class RTCRtpStreamStats(RTCStats):
    """What every RTP stream has."""

    ssrc: int
    kind: str
    transportId: str | None = None
    codecId: str | None = None


@dataclass(slots=True, kw_only=True)
class RTCReceivedRtpStreamStats(RTCRtpStreamStats):
    """What a receiver knows of a stream, ours or the peer's."""

    packetsReceived: int | None = None
    packetsReceivedWithEct1: int | None = None
    packetsReceivedWithCe: int | None = None
    packetsReportedAsLost: int | None = None
    packetsReportedAsLostButRecovered: int | None = None
    packetsLost: int | None = None
    jitter: float | None = None
    """Seconds."""


@dataclass(slots=True, kw_only=True)
class RTCInboundRtpStreamStats(RTCReceivedRtpStreamStats):
    """A stream that we receive. Times are seconds; those called timestamps are milliseconds since 1970-01-01."""

    trackIdentifier: str
    mid: str | None = None
    rid: str | None = None
    """Which encoding of a simulcast it is; not in the specification, where only servers receive several."""
    remoteId: str | None = None
    framesDecoded: int | None = None
    keyFramesDecoded: int | None = None
    framesRendered: int | None = None
    framesDropped: int | None = None
    frameWidth: int | None = None
    frameHeight: int | None = None
    framesPerSecond: float | None = None
    qpSum: int | None = None
    totalDecodeTime: float | None = None
    totalInterFrameDelay: float | None = None
    totalSquaredInterFrameDelay: float | None = None
    pauseCount: int | None = None
    totalPausesDuration: float | None = None
    freezeCount: int | None = None
    totalFreezesDuration: float | None = None
    lastPacketReceivedTimestamp: float | None = None
    headerBytesReceived: int | None = None
    packetsDiscarded: int | None = None
    fecBytesReceived: int | None = None
    fecPacketsReceived: int | None = None
    fecPacketsDiscarded: int | None = None
    bytesReceived: int | None = None
    nackCount: int | None = None
    firCount: int | None = None
    pliCount: int | None = None
    totalProcessingDelay: float | None = None
    estimatedPlayoutTimestamp: float | None = None
    jitterBufferDelay: float | None = None
    jitterBufferTargetDelay: float | None = None
    jitterBufferEmittedCount: int | None = None
    jitterBufferMinimumDelay: float | None = None
    totalSamplesReceived: int | None = None
    concealedSamples: int | None = None
    silentConcealedSamples: int | None = None
    concealmentEvents: int | None = None
    insertedSamplesForDeceleration: int | None = None
    removedSamplesForAcceleration: int | None = None
    audioLevel: float | None = None
    totalAudioEnergy: float | None = None
    totalSamplesDuration: float | None = None
    framesReceived: int | None = None
    decoderImplementation: str | None = None
    playoutId: str | None = None
    powerEfficientDecoder: bool | None = None
    framesAssembledFromMultiplePackets: int | None = None
    totalAssemblyTime: float | None = None
    retransmittedPacketsReceived: int | None = None
    retransmittedBytesReceived: int | None = None
    rtxSsrc: int | None = None
    fecSsrc: int | None = None
    totalCorruptionProbability: float | None = None
    totalSquaredCorruptionProbability: float | None = None
    corruptionMeasurements: int | None = None


@dataclass(slots=True, kw_only=True)
class RTCRemoteInboundRtpStreamStats(RTCReceivedRtpStreamStats):
    """How the peer receives a stream of ours, as its reports have it. Times are seconds."""

    localId: str | None = None
    roundTripTime: float | None = None
    totalRoundTripTime: float | None = None
    fractionLost: float | None = None
    roundTripTimeMeasurements: int | None = None
    packetsWithBleachedEct1Marking: int | None = None


@dataclass(slots=True, kw_only=True)
class RTCSentRtpStreamStats(RTCRtpStreamStats):
    """What a sender knows of a stream, ours or the peer's."""

    packetsSent: int | None = None
    bytesSent: int | None = None


@dataclass(slots=True, kw_only=True)
class RTCOutboundRtpStreamStats(RTCSentRtpStreamStats):
    """A stream that we send. Times are seconds."""

    mid: str | None = None
    mediaSourceId: str | None = None
    remoteId: str | None = None
    rid: str | None = None
    encodingIndex: int | None = None
    headerBytesSent: int | None = None
    retransmittedPacketsSent: int | None = None
    retransmittedBytesSent: int | None = None
    rtxSsrc: int | None = None
    targetBitrate: float | None = None
    totalEncodedBytesTarget: int | None = None
    frameWidth: int | None = None
    frameHeight: int | None = None
    framesPerSecond: float | None = None
    framesSent: int | None = None
    hugeFramesSent: int | None = None
    framesEncoded: int | None = None
    keyFramesEncoded: int | None = None
    qpSum: int | None = None
    psnrSum: dict[str, float] | None = None
    psnrMeasurements: int | None = None
    totalEncodeTime: float | None = None
    totalPacketSendDelay: float | None = None
    qualityLimitationReason: RTCQualityLimitationReason | None = None
    qualityLimitationDurations: dict[str, float] | None = None
    qualityLimitationResolutionChanges: int | None = None
    nackCount: int | None = None
    firCount: int | None = None
    pliCount: int | None = None
    encoderImplementation: str | None = None
    powerEfficientEncoder: bool | None = None
    active: bool | None = None
    scalabilityMode: str | None = None
    packetsSentWithEct1: int | None = None


@dataclass(slots=True, kw_only=True)
class RTCRemoteOutboundRtpStreamStats(RTCSentRtpStreamStats):
    """What the peer has sent of a stream, as its reports have it. Times are seconds."""

    localId: str | None = None
    remoteTimestamp: float | None = None
    """Milliseconds since 1970-01-01, by the peer's clock."""
    reportsSent: int | None = None
    roundTripTime: float | None = None
    totalRoundTripTime: float | None = None
    roundTripTimeMeasurements: int | None = None


@dataclass(slots=True, kw_only=True)
class RTCMediaSourceStats(RTCStats):
    """A track that is sent."""

    trackIdentifier: str
    kind: str


@dataclass(slots=True, kw_only=True)
class RTCAudioSourceStats(RTCMediaSourceStats):
    """A track of audio that is sent."""

    audioLevel: float | None = None
    totalAudioEnergy: float | None = None
    totalSamplesDuration: float | None = None
    echoReturnLoss: float | None = None
    echoReturnLossEnhancement: float | None = None


@dataclass(slots=True, kw_only=True)
class RTCVideoSourceStats(RTCMediaSourceStats):
    """A track of video that is sent."""

    width: int | None = None
    height: int | None = None
    frames: int | None = None
    framesPerSecond: float | None = None


@dataclass(slots=True, kw_only=True)
class RTCAudioPlayoutStats(RTCStats):
    """A device that plays sound; nothing here plays by itself, so that reports have none."""

    kind: str
    synthesizedSamplesDuration: float | None = None
    synthesizedSamplesEvents: int | None = None
    totalSamplesDuration: float | None = None
    totalPlayoutDelay: float | None = None
    totalSamplesCount: int | None = None
