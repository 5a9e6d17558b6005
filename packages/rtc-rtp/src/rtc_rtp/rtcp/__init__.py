"""RTCP (:rfc:`3550#section-6` and the profiles and extensions built on it): one module per idea, `compound` joins them."""

from rtc_rtp.rtcp.application import ApplicationDefined
from rtc_rtp.rtcp.codec_control import (
    BackChannel,
    FullIntraRequest,
    IntraRequest,
    MaximumBitrate,
    TemporalSpatialTradeOffNotification,
    TemporalSpatialTradeOffRequest,
    TemporaryMaximumBitrate,
    TemporaryMaximumBitrateNotification,
    TradeOff,
    VideoBackChannelMessage,
)
from rtc_rtp.rtcp.compound import parse_compound, serialize_compound
from rtc_rtp.rtcp.congestion_control import CongestionControlFeedback, PacketMetric, StreamMetrics
from rtc_rtp.rtcp.description import DescriptionChunk, DescriptionItem, DescriptionType, SourceDescription
from rtc_rtp.rtcp.extended_block import ExtendedBlock, UnknownBlock
from rtc_rtp.rtcp.extended_report import (
    DelaySinceReceiverReport,
    ExtendedReport,
    ReceiverDelay,
    ReceiverReferenceTime,
)
from rtc_rtp.rtcp.extended_statistics import Spread, StatisticsSummary, VoipMetrics
from rtc_rtp.rtcp.extended_trace import DuplicateTrace, LossTrace, PacketTrace, ReceiptTimes
from rtc_rtp.rtcp.feedback import ApplicationLayerFeedback, Feedback, UnknownFeedback
from rtc_rtp.rtcp.goodbye import Goodbye
from rtc_rtp.rtcp.nack import GenericNack
from rtc_rtp.rtcp.packet import RtcpPacket, UnknownPacket
from rtc_rtp.rtcp.picture import (
    LostSlice,
    PictureLossIndication,
    ReferencePictureSelection,
    SliceLossIndication,
)
from rtc_rtp.rtcp.remb import ReceiverEstimatedMaximumBitrate
from rtc_rtp.rtcp.report import ReceiverReport, ReportBlock, SenderReport
from rtc_rtp.rtcp.resynchronization import RapidResynchronizationRequest
from rtc_rtp.rtcp.transport_feedback import TransportFeedback

__all__ = [
    "ApplicationDefined",
    "ApplicationLayerFeedback",
    "BackChannel",
    "CongestionControlFeedback",
    "DelaySinceReceiverReport",
    "DescriptionChunk",
    "DescriptionItem",
    "DescriptionType",
    "DuplicateTrace",
    "ExtendedBlock",
    "ExtendedReport",
    "Feedback",
    "FullIntraRequest",
    "GenericNack",
    "Goodbye",
    "IntraRequest",
    "LossTrace",
    "LostSlice",
    "MaximumBitrate",
    "PacketMetric",
    "PacketTrace",
    "PictureLossIndication",
    "RapidResynchronizationRequest",
    "ReceiptTimes",
    "ReceiverDelay",
    "ReceiverEstimatedMaximumBitrate",
    "ReceiverReferenceTime",
    "ReceiverReport",
    "ReferencePictureSelection",
    "ReportBlock",
    "RtcpPacket",
    "SenderReport",
    "SliceLossIndication",
    "SourceDescription",
    "Spread",
    "StatisticsSummary",
    "StreamMetrics",
    "TemporalSpatialTradeOffNotification",
    "TemporalSpatialTradeOffRequest",
    "TemporaryMaximumBitrate",
    "TemporaryMaximumBitrateNotification",
    "TradeOff",
    "TransportFeedback",
    "UnknownBlock",
    "UnknownFeedback",
    "UnknownPacket",
    "VideoBackChannelMessage",
    "VoipMetrics",
    "parse_compound",
    "serialize_compound",
]
