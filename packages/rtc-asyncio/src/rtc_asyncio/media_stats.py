"""Completes a report with what codecs and tracks know: frames encoded and decoded, and the sources of what is sent."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from .rtp_stats import (
    RTCAudioSourceStats,
    RTCInboundRtpStreamStats,
    RTCMediaSourceStats,
    RTCOutboundRtpStreamStats,
    RTCRemoteOutboundRtpStreamStats,
    RTCVideoSourceStats,
)
from .stats import RTCStatsReport

if TYPE_CHECKING:
    from .decoding import Decoding
    from .encoding import Encoding
    from .rtp_receiver import RTCRtpReceiver
    from .rtp_sender import RTCRtpSender
    from .rtp_transceiver import RTCRtpTransceiver
    from .tracks import MediaStreamTrack


def complete(
    report: RTCStatsReport,
    transceivers: "Iterable[RTCRtpTransceiver]",
    timestamp: float,
    now: float,
    bitrate_bps: int | None,
) -> RTCStatsReport:
    """Add to a report of the machine what it cannot know, and return it.

    Args:
        report: The machine's.
        transceivers: Of the connection.
        timestamp: Of the report, in milliseconds since 1970-01-01.
        now: The same moment on the monotonic clock, in seconds.
        bitrate_bps: What the path seems to take; None while nobody knows.
    """
    by_mid = {each.mid: each for each in transceivers if each.mid is not None}
    for stats in list(report.values()):
        if isinstance(stats, RTCOutboundRtpStreamStats) and (transceiver := by_mid.get(stats.mid or "")) is not None:
            _complete_outbound(stats, transceiver.sender, now)
        elif isinstance(stats, RTCInboundRtpStreamStats) and (transceiver := by_mid.get(stats.mid or "")) is not None:
            _complete_inbound(stats, transceiver.receiver, timestamp, now)
        elif isinstance(stats, RTCRemoteOutboundRtpStreamStats) and stats.remoteTimestamp is not None:
            stats.remoteTimestamp *= 1000
    if (pair := report.selected_pair) is not None:
        pair.availableOutgoingBitrate = bitrate_bps
    for transceiver in by_mid.values():
        source = _source(transceiver.sender, timestamp, now)
        if source is not None:
            report[source.id] = source
    return report


def _complete_outbound(stats: RTCOutboundRtpStreamStats, sender: "RTCRtpSender", now: float) -> None:
    if sender.track is not None:
        stats.mediaSourceId = _source_id(sender, sender.track)
    encoding = sender.pump.encodings.get(stats.rid)
    if encoding is not None:
        _tell_encoder(stats, encoding, now)
    if stats.kind == "audio":
        for name in _VIDEO_ALONE_OUTBOUND:
            setattr(stats, name, None)


def _tell_encoder(stats: RTCOutboundRtpStreamStats, encoding: "Encoding", now: float) -> None:
    figures = encoding.figures
    stats.framesEncoded = figures.frames_encoded
    stats.keyFramesEncoded = figures.key_frames_encoded
    stats.qpSum = figures.qp_sum
    stats.totalEncodeTime = figures.total_encode_time
    stats.totalEncodedBytesTarget = figures.total_encoded_bytes_target
    stats.encoderImplementation = figures.implementation
    stats.framesPerSecond = encoding.frames_per_second(now)
    stats.targetBitrate = encoding.target_bitrate_bps
    if figures.frame_width is not None:
        stats.frameWidth, stats.frameHeight = figures.frame_width, figures.frame_height
    stats.qualityLimitationReason = encoding.limitation
    stats.qualityLimitationDurations = {
        "none": figures.total_encoding_duration - figures.bandwidth_limited_duration - figures.other_limited_duration,
        "cpu": 0.0,
        "bandwidth": figures.bandwidth_limited_duration,
        "other": figures.other_limited_duration,
    }
    stats.qualityLimitationResolutionChanges = figures.resolution_changes


def _complete_inbound(
    stats: RTCInboundRtpStreamStats, receiver: "RTCRtpReceiver", timestamp: float, now: float
) -> None:
    stats.trackIdentifier = receiver.track.id
    if stats.lastPacketReceivedTimestamp is not None:
        stats.lastPacketReceivedTimestamp = timestamp - (now - stats.lastPacketReceivedTimestamp) * 1000
    if stats.estimatedPlayoutTimestamp is not None:
        stats.estimatedPlayoutTimestamp *= 1000
    if (size := receiver.media.size(stats.ssrc)) is not None:
        stats.frameWidth, stats.frameHeight = size
    decoding = receiver.media.decodings.get(stats.ssrc)
    if decoding is not None:
        _tell_decoder(stats, decoding, now)
    for name in _VIDEO_ALONE_INBOUND if stats.kind == "audio" else _AUDIO_ALONE_INBOUND:
        setattr(stats, name, None)


def _tell_decoder(stats: RTCInboundRtpStreamStats, decoding: "Decoding", now: float) -> None:
    figures = decoding.figures
    stats.totalProcessingDelay = figures.total_processing_delay
    stats.decoderImplementation = figures.implementation
    if stats.kind == "audio":
        stats.totalSamplesReceived = figures.total_samples_received
        stats.totalSamplesDuration = figures.total_samples_duration
        stats.totalAudioEnergy = figures.total_audio_energy
        # Sound is never stretched or shortened to fit: readers get it as fast as it was sent.
        stats.insertedSamplesForDeceleration = stats.removedSamplesForAcceleration = 0
        if (concealment := figures.concealment) is not None:
            stats.concealedSamples = concealment.concealed_samples
            stats.silentConcealedSamples = concealment.silent_concealed_samples
            stats.concealmentEvents = concealment.concealment_events
        return
    stats.framesDecoded = figures.frames_decoded
    stats.keyFramesDecoded = figures.key_frames_decoded
    stats.framesDropped = (stats.framesDropped or 0) + figures.frames_dropped
    stats.framesPerSecond = decoding.frames_per_second(now)
    stats.qpSum = figures.qp_sum
    stats.totalDecodeTime = figures.total_decode_time
    stats.totalInterFrameDelay = figures.total_inter_frame_delay
    stats.totalSquaredInterFrameDelay = figures.total_squared_inter_frame_delay
    stats.pauseCount, stats.totalPausesDuration = figures.pause_count, figures.total_pauses_duration
    stats.freezeCount, stats.totalFreezesDuration = figures.freeze_count, figures.total_freezes_duration


def _source_id(sender: "RTCRtpSender", track: "MediaStreamTrack") -> str:
    """Key of a sender's track in reports: another track is another source."""
    return f"S{sender.handle.id}-{track.id}"


def _source(sender: "RTCRtpSender", timestamp: float, now: float) -> RTCMediaSourceStats | None:
    track = sender.track
    if track is None:
        return None
    if track.kind == "audio":
        return RTCAudioSourceStats(
            id=_source_id(sender, track),
            timestamp=timestamp,
            type="media-source",
            trackIdentifier=track.id,
            kind="audio",
            audioLevel=sender.pump.loudness.level,
            totalAudioEnergy=sender.pump.loudness.total_energy,
            totalSamplesDuration=sender.pump.loudness.total_duration,
        )
    width, height = sender.pump.source_size or (None, None)
    return RTCVideoSourceStats(
        id=_source_id(sender, track),
        timestamp=timestamp,
        type="media-source",
        trackIdentifier=track.id,
        kind="video",
        width=width,
        height=height,
        frames=sender.pump.source_frames,
        framesPerSecond=sender.pump.source_frames_per_second(now),
    )


_VIDEO_ALONE_OUTBOUND = [
    "encodingIndex",
    "totalEncodedBytesTarget",
    "frameWidth",
    "frameHeight",
    "framesPerSecond",
    "framesSent",
    "hugeFramesSent",
    "framesEncoded",
    "keyFramesEncoded",
    "totalEncodeTime",
    "firCount",
    "pliCount",
    "encoderImplementation",
    "qualityLimitationReason",
    "qualityLimitationDurations",
    "qualityLimitationResolutionChanges",
]
_AUDIO_ALONE_INBOUND = [
    "totalSamplesReceived",
    "concealedSamples",
    "silentConcealedSamples",
    "concealmentEvents",
    "insertedSamplesForDeceleration",
    "removedSamplesForAcceleration",
    "audioLevel",
    "totalAudioEnergy",
    "totalSamplesDuration",
]
_VIDEO_ALONE_INBOUND = [
    "framesDecoded",
    "keyFramesDecoded",
    "framesDropped",
    "frameWidth",
    "frameHeight",
    "framesPerSecond",
    "framesReceived",
    "totalDecodeTime",
    "totalInterFrameDelay",
    "totalSquaredInterFrameDelay",
    "pauseCount",
    "totalPausesDuration",
    "freezeCount",
    "totalFreezesDuration",
    "firCount",
    "pliCount",
    "decoderImplementation",
    "framesAssembledFromMultiplePackets",
    "totalAssemblyTime",
]
