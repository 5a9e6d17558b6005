"""RTP and RTCP without I/O: packets, sessions, feedback, payload formats, congestion control (:rfc:`3550` and its companions)."""

from importlib import import_module
from typing import TYPE_CHECKING, Final

from rtc_rtp._version import __version__

if TYPE_CHECKING:
    from rtc_rtp.errors import BufferFullError, ParseError, RtpError, StateError
    from rtc_rtp.frame import AudioLevel, EncodedFrame, FrameMetadata
    from rtc_rtp.header_extension import ExtensionMap, HeaderExtension
    from rtc_rtp.ntp import ntp_middle, ntp_timestamp, ntp_to_wall_clock, seconds_to_short, short_to_seconds
    from rtc_rtp.packet import RtpPacket, is_rtcp
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
    from rtc_rtp.parameters import (
        JitterSettings,
        ReceiveParameters,
        RtpCodec,
        SendEncoding,
        SendParameters,
        SourceAssociation,
    )
    from rtc_rtp.payload import PayloadFormat, payload_format
    from rtc_rtp.sequence import SequenceUnwrapper, sequence_difference, sequence_is_newer

__all__ = [
    "ApplicationDefined",
    "ApplicationLayerFeedback",
    "AudioLevel",
    "BackChannel",
    "BufferFullError",
    "CongestionControlFeedback",
    "DescriptionChunk",
    "DescriptionItem",
    "DescriptionType",
    "EncodedFrame",
    "ExtensionMap",
    "Feedback",
    "FrameMetadata",
    "FullIntraRequest",
    "GenericNack",
    "Goodbye",
    "HeaderExtension",
    "IntraRequest",
    "JitterSettings",
    "LostSlice",
    "MaximumBitrate",
    "PacketMetric",
    "ParseError",
    "PayloadFormat",
    "PictureLossIndication",
    "ReceiveParameters",
    "ReceiverEstimatedMaximumBitrate",
    "ReceiverReport",
    "ReferencePictureSelection",
    "ReportBlock",
    "RtcpPacket",
    "RtpCodec",
    "RtpError",
    "RtpPacket",
    "SendEncoding",
    "SendParameters",
    "SenderReport",
    "SequenceUnwrapper",
    "SliceLossIndication",
    "SourceAssociation",
    "SourceDescription",
    "StateError",
    "StreamMetrics",
    "TemporalSpatialTradeOffNotification",
    "TemporalSpatialTradeOffRequest",
    "TemporaryMaximumBitrate",
    "TemporaryMaximumBitrateNotification",
    "TradeOff",
    "TransportFeedback",
    "UnknownFeedback",
    "UnknownPacket",
    "VideoBackChannelMessage",
    "__version__",
    "is_rtcp",
    "ntp_middle",
    "ntp_timestamp",
    "ntp_to_wall_clock",
    "parse_compound",
    "payload_format",
    "seconds_to_short",
    "sequence_difference",
    "sequence_is_newer",
    "serialize_compound",
    "short_to_seconds",
]

_DEFINED_IN: Final = {
    "errors": "BufferFullError ParseError RtpError StateError",
    "frame": "AudioLevel EncodedFrame FrameMetadata",
    "header_extension": "ExtensionMap HeaderExtension",
    "ntp": "ntp_middle ntp_timestamp ntp_to_wall_clock seconds_to_short short_to_seconds",
    "packet": "RtpPacket is_rtcp",
    "rtcp": "ApplicationDefined ApplicationLayerFeedback BackChannel CongestionControlFeedback DescriptionChunk DescriptionItem DescriptionType Feedback FullIntraRequest GenericNack Goodbye IntraRequest LostSlice MaximumBitrate PacketMetric PictureLossIndication ReceiverEstimatedMaximumBitrate ReceiverReport ReferencePictureSelection ReportBlock RtcpPacket SenderReport SliceLossIndication SourceDescription StreamMetrics TemporalSpatialTradeOffNotification TemporalSpatialTradeOffRequest TemporaryMaximumBitrate TemporaryMaximumBitrateNotification TradeOff TransportFeedback UnknownFeedback UnknownPacket VideoBackChannelMessage parse_compound serialize_compound",
    "parameters": "JitterSettings ReceiveParameters RtpCodec SendEncoding SendParameters SourceAssociation",
    "payload": "PayloadFormat payload_format",
    "sequence": "SequenceUnwrapper sequence_difference sequence_is_newer",
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
