"""Datagrams of RTCP: compound packets (:rfc:`3550#section-6.1`) and those of reduced size (:rfc:`5506`)."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from rtc_rtp.errors import ParseError
from rtc_rtp.rtcp.application import ApplicationDefined
from rtc_rtp.rtcp.codec_control import (
    FullIntraRequest,
    TemporalSpatialTradeOffNotification,
    TemporalSpatialTradeOffRequest,
    TemporaryMaximumBitrate,
    TemporaryMaximumBitrateNotification,
    VideoBackChannelMessage,
)
from rtc_rtp.rtcp.congestion_control import CongestionControlFeedback
from rtc_rtp.rtcp.description import DescriptionType, SourceDescription
from rtc_rtp.rtcp.extended_report import ExtendedReport
from rtc_rtp.rtcp.feedback import (
    APPLICATION_LAYER_FORMAT,
    PAYLOAD_FEEDBACK,
    TRANSPORT_FEEDBACK,
    ApplicationLayerFeedback,
    UnknownFeedback,
)
from rtc_rtp.rtcp.goodbye import Goodbye
from rtc_rtp.rtcp.nack import GenericNack
from rtc_rtp.rtcp.packet import RtcpPacket, UnknownPacket, split
from rtc_rtp.rtcp.picture import PictureLossIndication, ReferencePictureSelection, SliceLossIndication
from rtc_rtp.rtcp.remb import IDENTIFIER, ReceiverEstimatedMaximumBitrate
from rtc_rtp.rtcp.report import ReceiverReport, SenderReport
from rtc_rtp.rtcp.resynchronization import RapidResynchronizationRequest
from rtc_rtp.rtcp.transport_feedback import TransportFeedback

PACKET_TYPES: Final[Mapping[int, type[RtcpPacket]]] = MappingProxyType(
    {
        kind.PACKET_TYPE: kind
        for kind in (
            SenderReport,
            ReceiverReport,
            SourceDescription,
            Goodbye,
            ApplicationDefined,
            ExtendedReport,
        )
    }
)
"""Packets by type; feedback has formats of its own."""

FEEDBACK_FORMATS: Final[Mapping[tuple[int, int], type[RtcpPacket]]] = MappingProxyType(
    {
        (kind.PACKET_TYPE, kind.FORMAT): kind
        for kind in (
            GenericNack,
            TemporaryMaximumBitrate,
            TemporaryMaximumBitrateNotification,
            RapidResynchronizationRequest,
            CongestionControlFeedback,
            TransportFeedback,
            PictureLossIndication,
            SliceLossIndication,
            ReferencePictureSelection,
            FullIntraRequest,
            TemporalSpatialTradeOffRequest,
            TemporalSpatialTradeOffNotification,
            VideoBackChannelMessage,
            ApplicationLayerFeedback,
        )
    }
)
"""Feedback by packet type and format."""

_REMB_OFFSET: Final = 8


def parse_compound(data: bytes, *, reduced_size: bool = True) -> list[RtcpPacket]:
    """Parse a datagram of one or more packets.

    Packets and feedback that we do not know are kept as `UnknownPacket` and `UnknownFeedback`.

    Args:
        data: A whole datagram, decrypted.
        reduced_size: Whether to take what does not start with a report.

    Raises:
        ParseError: The packets do not fill the datagram, one of them is malformed, or there is none.

    See :rfc:`3550#appendix-A.2` and :rfc:`5506#section-4.2.3`.
    """
    packets: list[RtcpPacket] = []
    at = 0
    # [rfc3550:6.1/11] [rfc3550:6.1/13] [rfc3550:A.2/1]
    while at < len(data) or not packets:
        packet_type, count, body, at = split(data, at)
        packets.append(_kind(packet_type, count, body).from_body(packet_type, count, body))
    # [rfc5506:4.2.3/1] [rfc5506:5/1] [rfc8834:4.6/1]
    if not reduced_size and not isinstance(packets[0], SenderReport | ReceiverReport):
        raise ParseError(f"a compound packet starts with a report, not with {type(packets[0]).__name__}")
    return packets


def _kind(packet_type: int, count: int, body: bytes) -> type[RtcpPacket]:
    if packet_type not in {TRANSPORT_FEEDBACK, PAYLOAD_FEEDBACK}:
        # [rfc3550:6.1/20]
        return PACKET_TYPES.get(packet_type, UnknownPacket)
    if packet_type == PAYLOAD_FEEDBACK and count == APPLICATION_LAYER_FORMAT:
        is_remb = body.startswith(IDENTIFIER, _REMB_OFFSET)
        return ReceiverEstimatedMaximumBitrate if is_remb else ApplicationLayerFeedback
    # [rfc4585:4.2/14]
    return FEEDBACK_FORMATS.get((packet_type, count), UnknownFeedback)


def serialize_compound(packets: Iterable[RtcpPacket], *, reduced_size: bool = False) -> bytes:
    """Return the datagram of some packets.

    Args:
        packets: In the order of the wire.
        reduced_size: Whether the session allows datagrams that are no compound packets, and this may be one.

    Raises:
        ValueError: There is no packet, a field is out of its range, or, without `reduced_size`, the first one is no
            report or nobody's CNAME is given.

    See :rfc:`3550#section-6.1` and :rfc:`5506#section-4`.
    """
    chosen = list(packets)
    if not chosen:
        raise ValueError("a datagram of RTCP has at least one packet")
    if not reduced_size:
        # [rfc4585:3.1/1]
        if not isinstance(chosen[0], SenderReport | ReceiverReport):
            raise ValueError(f"a compound packet starts with a report, not with {type(chosen[0]).__name__}")
        # [rfc4585:3.1/2]
        if not any(_gives_cname(packet) for packet in chosen):
            raise ValueError("a compound packet gives a CNAME")
    # [rfc4585:6.1/5]
    return b"".join([packet.serialize() for packet in chosen])


def _gives_cname(packet: RtcpPacket) -> bool:
    return isinstance(packet, SourceDescription) and any(
        item.item_type == DescriptionType.CNAME for chunk in packet.chunks for item in chunk.items
    )
