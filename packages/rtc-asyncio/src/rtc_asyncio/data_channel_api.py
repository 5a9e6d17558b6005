"""The part of `RTCPeerConnection` that is for data (WebRTC 1.0, section 6.1: "RTCPeerConnection Interface Extensions")."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TypedDict, Unpack

import rtc_peer
from rtc_peer import PeerConnection

from .channel_services import ChannelServices
from .conversion import usv_string, w3c_errors
from .data_channel import PRIORITIES, RTCDataChannel
from .data_channel_event import RTCDataChannelEvent
from .dictionaries import RTCDataChannelInit, RTCPriorityType, converted
from .dispatch import Dispatcher
from .driver import Driver
from .errors import InvalidStateError
from .event_target import EventHandler, EventTarget
from .transports import RTCSctpTransport


class _DataChannelMembers(TypedDict, total=False):
    ordered: bool
    maxPacketLifeTime: int | None
    maxRetransmits: int | None
    protocol: str
    negotiated: bool
    id: int | None
    priority: RTCPriorityType


class DataChannelApi(EventTarget):
    """Makes data channels."""

    _peer: PeerConnection
    _driver: Driver[rtc_peer.Event]
    _dispatcher: Dispatcher
    _services: ChannelServices

    ondatachannel = EventHandler[RTCDataChannelEvent]()

    @property
    def sctp(self) -> RTCSctpTransport | None:
        """The transport of the data channels, None before it was negotiated.

        It is there once we have set an offer or an answer, and stays there when the connection is closed.
        """
        return self._dispatcher.sctp

    def createDataChannel(
        self,
        label: str,
        dataChannelDict: RTCDataChannelInit | Mapping[str, object] | None = None,
        **members: Unpack[_DataChannelMembers],
    ) -> RTCDataChannel:
        """Create a data channel; the members of `RTCDataChannelInit` can be given as keywords too.

        Raises:
            InvalidStateError: The connection is closed.
            TypeError: A value is out of range, or contradicts another.
            OperationError: The stream is taken, or none is left.
        """
        self._driver.check_thread()
        wanted = replace(converted(RTCDataChannelInit, dataChannelDict), **members)
        for limit in (wanted.maxPacketLifeTime, wanted.maxRetransmits, wanted.id):
            if limit is not None and not 0 <= limit <= 65535:
                raise TypeError(f"{limit} does not fit into 16 bits")
        if wanted.priority not in PRIORITIES:
            raise TypeError(f"priority is one of {', '.join(PRIORITIES)}, not {wanted.priority!r}")
        label, protocol = usv_string(label), usv_string(wanted.protocol)
        if self._peer.closed:
            raise InvalidStateError("the connection is closed")
        if max(len(text.encode()) for text in (label, protocol)) > 65535:
            raise TypeError("label and protocol have at most 65,535 bytes of UTF-8")
        with w3c_errors():
            channel = self._peer.create_data_channel(
                label,
                ordered=wanted.ordered,
                max_packet_life_time_ms=wanted.maxPacketLifeTime,
                max_retransmits=wanted.maxRetransmits,
                protocol=protocol,
                negotiated=wanted.negotiated,
                channel_id=wanted.id if wanted.negotiated else None,
                priority=PRIORITIES[wanted.priority],
            )
        self._driver.wake()
        return self._dispatcher.channels.add(channel, self._services)
