"""RTP and RTCP without I/O: packets, sessions, feedback, payload formats, congestion control (:rfc:`3550` and its companions)."""

from importlib import import_module
from typing import TYPE_CHECKING, Final

from rtc_rtp._version import __version__

if TYPE_CHECKING:
    from rtc_rtp.congestion.bandwidth_estimator import BandwidthConfig, BandwidthEstimator
    from rtc_rtp.congestion.congestion_feedback_recorder import CongestionFeedbackRecorder
    from rtc_rtp.congestion.pacer import PacedPacket, Pacer, PacerConfig, PacketPriority
    from rtc_rtp.congestion.probe import Probe
    from rtc_rtp.congestion.sent_packets import SentPacket, SentPackets
    from rtc_rtp.congestion.transport_feedback_recorder import TransportFeedbackRecorder
    from rtc_rtp.context import Trace
    from rtc_rtp.errors import BufferFullError, ParseError, RtpError, StateError
    from rtc_rtp.events import (
        BitrateShare,
        EndReason,
        Event,
        FrameReceived,
        KeyFrameRequested,
        PacketReceived,
        SourceConflict,
        StreamDiscovered,
        StreamEnded,
        TargetBitrateChanged,
        ToneReceived,
        ToneSent,
    )
    from rtc_rtp.extensions.audio_level import AUDIO_LEVEL, CSRC_AUDIO_LEVEL
    from rtc_rtp.extensions.color_space import COLOR_SPACE, ColorSpace, HdrMetadata
    from rtc_rtp.extensions.dependency_descriptor import (
        DEPENDENCY_DESCRIPTOR,
        DependencyDescriptor,
        parse_dependency_descriptor,
        serialize_dependency_descriptor,
    )
    from rtc_rtp.extensions.dependency_structure import DecodeTargetIndication, DependencyStructure, FrameDependencies
    from rtc_rtp.extensions.frame_marking import FRAME_MARKING, FrameMarking
    from rtc_rtp.extensions.stream_identification import MID, REPAIRED_RID, RID
    from rtc_rtp.extensions.time import (
        ABS_CAPTURE_TIME,
        ABS_SEND_TIME,
        NTP_56,
        NTP_64,
        TRANSMISSION_OFFSET,
        AbsoluteCaptureTime,
    )
    from rtc_rtp.extensions.transport_sequence_number import (
        TRANSPORT_SEQUENCE_NUMBER,
        TRANSPORT_SEQUENCE_NUMBER_V2,
        FeedbackRequest,
    )
    from rtc_rtp.extensions.video import (
        PLAYOUT_DELAY,
        VIDEO_CONTENT_TYPE,
        VIDEO_FRAME_TRACKING_ID,
        VIDEO_ORIENTATION,
        VIDEO_TIMING,
        PlayoutDelay,
        VideoOrientation,
        VideoTiming,
    )
    from rtc_rtp.extensions.video_layers_allocation import VIDEO_LAYERS_ALLOCATION, ActiveLayer, VideoLayersAllocation
    from rtc_rtp.fec import FLEXFEC, ULPFEC, FecReceiver, FecScheme, FecSender, Protection, mutable_extensions
    from rtc_rtp.frame import AudioLevel, EncodedFrame, FrameMetadata
    from rtc_rtp.header_extension import ExtensionMap, HeaderExtension
    from rtc_rtp.ntp import ntp_middle, ntp_timestamp, ntp_to_wall_clock, seconds_to_short, short_to_seconds
    from rtc_rtp.options import SessionOptions
    from rtc_rtp.packet import RtpPacket, is_rtcp
    from rtc_rtp.parameters import (
        Delivery,
        JitterSettings,
        Kind,
        ReceiveParameters,
        RtpCodec,
        SendEncoding,
        SendParameters,
        SourceAssociation,
        StreamId,
    )
    from rtc_rtp.payload import MIN_PAYLOAD_LENGTH, PAYLOAD_FORMATS, PayloadFormat, payload_format
    from rtc_rtp.payload.comfort_noise import ComfortNoise
    from rtc_rtp.payload.h264_profile import H264Profile, H264ProfileLevel
    from rtc_rtp.payload.matching import answer_parameters, parameters_match
    from rtc_rtp.payload.opus import opus_channels, opus_duration
    from rtc_rtp.payload.vp8 import Vp8PayloadDescriptor
    from rtc_rtp.payload.vp9_descriptor import GroupPicture, ScalabilityStructure, Vp9PayloadDescriptor
    from rtc_rtp.receiving.sources import Source
    from rtc_rtp.red import RedBlock, RedReceiver, RedSender, parse_red, serialize_red
    from rtc_rtp.router import Router, SoleReceiver
    from rtc_rtp.rtcp import (
        ApplicationDefined,
        ApplicationLayerFeedback,
        BackChannel,
        CongestionControlFeedback,
        DescriptionChunk,
        DescriptionItem,
        DescriptionType,
        Feedback,
        FullIntraRequest,
        GenericNack,
        Goodbye,
        IntraRequest,
        LostSlice,
        MaximumBitrate,
        PacketMetric,
        PictureLossIndication,
        ReceiverEstimatedMaximumBitrate,
        ReceiverReport,
        ReferencePictureSelection,
        ReportBlock,
        RtcpPacket,
        SenderReport,
        SliceLossIndication,
        SourceDescription,
        StreamMetrics,
        TemporalSpatialTradeOffNotification,
        TemporalSpatialTradeOffRequest,
        TemporaryMaximumBitrate,
        TemporaryMaximumBitrateNotification,
        TradeOff,
        TransportFeedback,
        UnknownFeedback,
        UnknownPacket,
        VideoBackChannelMessage,
        parse_compound,
        serialize_compound,
    )
    from rtc_rtp.sequence import SequenceUnwrapper, sequence_difference, sequence_is_newer
    from rtc_rtp.session import RtpSession
    from rtc_rtp.stats import InboundStats, OutboundStats, RemoteReport, RemoteSender, SessionStats
    from rtc_rtp.telephone_event import (
        DTMF_CODES,
        DTMF_TONES,
        TelephoneEvent,
        format_event_codes,
        parse_event_codes,
        parse_telephone_events,
    )
    from rtc_rtp.tone_receiver import ToneReceiver, ToneReported
    from rtc_rtp.tone_sender import ToneChanged, TonePacket, ToneSender

__all__ = [
    "ABS_CAPTURE_TIME",
    "ABS_SEND_TIME",
    "AUDIO_LEVEL",
    "AbsoluteCaptureTime",
    "ActiveLayer",
    "ApplicationDefined",
    "ApplicationLayerFeedback",
    "AudioLevel",
    "BackChannel",
    "BandwidthConfig",
    "BandwidthEstimator",
    "BitrateShare",
    "BufferFullError",
    "COLOR_SPACE",
    "CSRC_AUDIO_LEVEL",
    "ColorSpace",
    "ComfortNoise",
    "CongestionControlFeedback",
    "CongestionFeedbackRecorder",
    "DEPENDENCY_DESCRIPTOR",
    "DTMF_CODES",
    "DTMF_TONES",
    "DecodeTargetIndication",
    "Delivery",
    "DependencyDescriptor",
    "DependencyStructure",
    "DescriptionChunk",
    "DescriptionItem",
    "DescriptionType",
    "EncodedFrame",
    "EndReason",
    "Event",
    "ExtensionMap",
    "FLEXFEC",
    "FRAME_MARKING",
    "FecReceiver",
    "FecScheme",
    "FecSender",
    "Feedback",
    "FeedbackRequest",
    "FrameDependencies",
    "FrameMarking",
    "FrameMetadata",
    "FrameReceived",
    "FullIntraRequest",
    "GenericNack",
    "Goodbye",
    "GroupPicture",
    "H264Profile",
    "H264ProfileLevel",
    "HdrMetadata",
    "HeaderExtension",
    "InboundStats",
    "IntraRequest",
    "JitterSettings",
    "KeyFrameRequested",
    "Kind",
    "LostSlice",
    "MID",
    "MIN_PAYLOAD_LENGTH",
    "MaximumBitrate",
    "NTP_56",
    "NTP_64",
    "OutboundStats",
    "PAYLOAD_FORMATS",
    "PLAYOUT_DELAY",
    "PacedPacket",
    "Pacer",
    "PacerConfig",
    "PacketMetric",
    "PacketPriority",
    "PacketReceived",
    "ParseError",
    "PayloadFormat",
    "PictureLossIndication",
    "PlayoutDelay",
    "Probe",
    "Protection",
    "REPAIRED_RID",
    "RID",
    "ReceiveParameters",
    "ReceiverEstimatedMaximumBitrate",
    "ReceiverReport",
    "RedBlock",
    "RedReceiver",
    "RedSender",
    "ReferencePictureSelection",
    "RemoteReport",
    "RemoteSender",
    "ReportBlock",
    "Router",
    "RtcpPacket",
    "RtpCodec",
    "RtpError",
    "RtpPacket",
    "RtpSession",
    "ScalabilityStructure",
    "SendEncoding",
    "SendParameters",
    "SenderReport",
    "SentPacket",
    "SentPackets",
    "SequenceUnwrapper",
    "SessionOptions",
    "SessionStats",
    "SliceLossIndication",
    "SoleReceiver",
    "Source",
    "SourceAssociation",
    "SourceConflict",
    "SourceDescription",
    "StateError",
    "StreamDiscovered",
    "StreamEnded",
    "StreamId",
    "StreamMetrics",
    "TRANSMISSION_OFFSET",
    "TRANSPORT_SEQUENCE_NUMBER",
    "TRANSPORT_SEQUENCE_NUMBER_V2",
    "TargetBitrateChanged",
    "TelephoneEvent",
    "TemporalSpatialTradeOffNotification",
    "TemporalSpatialTradeOffRequest",
    "TemporaryMaximumBitrate",
    "TemporaryMaximumBitrateNotification",
    "ToneChanged",
    "TonePacket",
    "ToneReceived",
    "ToneReceiver",
    "ToneReported",
    "ToneSender",
    "ToneSent",
    "Trace",
    "TradeOff",
    "TransportFeedback",
    "TransportFeedbackRecorder",
    "ULPFEC",
    "UnknownFeedback",
    "UnknownPacket",
    "VIDEO_CONTENT_TYPE",
    "VIDEO_FRAME_TRACKING_ID",
    "VIDEO_LAYERS_ALLOCATION",
    "VIDEO_ORIENTATION",
    "VIDEO_TIMING",
    "VideoBackChannelMessage",
    "VideoLayersAllocation",
    "VideoOrientation",
    "VideoTiming",
    "Vp8PayloadDescriptor",
    "Vp9PayloadDescriptor",
    "__version__",
    "answer_parameters",
    "format_event_codes",
    "is_rtcp",
    "mutable_extensions",
    "ntp_middle",
    "ntp_timestamp",
    "ntp_to_wall_clock",
    "opus_channels",
    "opus_duration",
    "parameters_match",
    "parse_compound",
    "parse_dependency_descriptor",
    "parse_event_codes",
    "parse_red",
    "parse_telephone_events",
    "payload_format",
    "seconds_to_short",
    "sequence_difference",
    "sequence_is_newer",
    "serialize_compound",
    "serialize_dependency_descriptor",
    "serialize_red",
    "short_to_seconds",
]

_DEFINED_IN: Final = {
    "congestion.bandwidth_estimator": "BandwidthConfig BandwidthEstimator",
    "congestion.congestion_feedback_recorder": "CongestionFeedbackRecorder",
    "congestion.pacer": "PacedPacket Pacer PacerConfig PacketPriority",
    "congestion.probe": "Probe",
    "congestion.sent_packets": "SentPacket SentPackets",
    "congestion.transport_feedback_recorder": "TransportFeedbackRecorder",
    "context": "Trace",
    "errors": "BufferFullError ParseError RtpError StateError",
    "events": "BitrateShare EndReason Event FrameReceived KeyFrameRequested PacketReceived SourceConflict StreamDiscovered StreamEnded TargetBitrateChanged ToneReceived ToneSent",
    "extensions.audio_level": "AUDIO_LEVEL CSRC_AUDIO_LEVEL",
    "extensions.color_space": "COLOR_SPACE ColorSpace HdrMetadata",
    "extensions.dependency_descriptor": "DEPENDENCY_DESCRIPTOR DependencyDescriptor parse_dependency_descriptor serialize_dependency_descriptor",
    "extensions.dependency_structure": "DecodeTargetIndication DependencyStructure FrameDependencies",
    "extensions.frame_marking": "FRAME_MARKING FrameMarking",
    "extensions.stream_identification": "MID REPAIRED_RID RID",
    "extensions.time": "ABS_CAPTURE_TIME ABS_SEND_TIME NTP_56 NTP_64 TRANSMISSION_OFFSET AbsoluteCaptureTime",
    "extensions.transport_sequence_number": "TRANSPORT_SEQUENCE_NUMBER TRANSPORT_SEQUENCE_NUMBER_V2 FeedbackRequest",
    "extensions.video": "PLAYOUT_DELAY VIDEO_CONTENT_TYPE VIDEO_FRAME_TRACKING_ID VIDEO_ORIENTATION VIDEO_TIMING PlayoutDelay VideoOrientation VideoTiming",
    "extensions.video_layers_allocation": "VIDEO_LAYERS_ALLOCATION ActiveLayer VideoLayersAllocation",
    "fec": "FLEXFEC ULPFEC FecReceiver FecScheme FecSender Protection mutable_extensions",
    "frame": "AudioLevel EncodedFrame FrameMetadata",
    "header_extension": "ExtensionMap HeaderExtension",
    "ntp": "ntp_middle ntp_timestamp ntp_to_wall_clock seconds_to_short short_to_seconds",
    "options": "SessionOptions",
    "packet": "RtpPacket is_rtcp",
    "parameters": "Delivery JitterSettings Kind ReceiveParameters RtpCodec SendEncoding SendParameters SourceAssociation StreamId",
    "payload": "MIN_PAYLOAD_LENGTH PAYLOAD_FORMATS PayloadFormat payload_format",
    "payload.comfort_noise": "ComfortNoise",
    "payload.h264_profile": "H264Profile H264ProfileLevel",
    "payload.matching": "answer_parameters parameters_match",
    "payload.opus": "opus_channels opus_duration",
    "payload.vp8": "Vp8PayloadDescriptor",
    "payload.vp9_descriptor": "GroupPicture ScalabilityStructure Vp9PayloadDescriptor",
    "receiving.sources": "Source",
    "red": "RedBlock RedReceiver RedSender parse_red serialize_red",
    "router": "Router SoleReceiver",
    "rtcp": "ApplicationDefined ApplicationLayerFeedback BackChannel CongestionControlFeedback DescriptionChunk DescriptionItem DescriptionType Feedback FullIntraRequest GenericNack Goodbye IntraRequest LostSlice MaximumBitrate PacketMetric PictureLossIndication ReceiverEstimatedMaximumBitrate ReceiverReport ReferencePictureSelection ReportBlock RtcpPacket SenderReport SliceLossIndication SourceDescription StreamMetrics TemporalSpatialTradeOffNotification TemporalSpatialTradeOffRequest TemporaryMaximumBitrate TemporaryMaximumBitrateNotification TradeOff TransportFeedback UnknownFeedback UnknownPacket VideoBackChannelMessage parse_compound serialize_compound",
    "sequence": "SequenceUnwrapper sequence_difference sequence_is_newer",
    "session": "RtpSession",
    "stats": "InboundStats OutboundStats RemoteReport RemoteSender SessionStats",
    "telephone_event": "DTMF_CODES DTMF_TONES TelephoneEvent format_event_codes parse_event_codes parse_telephone_events",
    "tone_receiver": "ToneReceiver ToneReported",
    "tone_sender": "ToneChanged TonePacket ToneSender",
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
