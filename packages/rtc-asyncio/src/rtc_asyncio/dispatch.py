"""From the machine's events to the W3C's: which object fires what, and in which order."""

import asyncio
import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import rtc_datachannel
import rtc_peer
from rtc_datachannel import DataChannel
from rtc_peer import ConnectionState, IceGatheringState, IceTransportState, PeerConnection, SignalingState

from .data_channel import Channels, RTCDataChannel
from .data_channel_event import RTCDataChannelEvent
from .errors import RTCError
from .event_target import Event, EventTarget
from .events import (
    RTCPeerConnectionIceErrorEvent,
    RTCPeerConnectionIceEvent,
)
from .ice_candidate import RTCIceCandidate, relay_protocol
from .transports import RTCDtlsTransport, RTCSctpTransport

if TYPE_CHECKING:
    from .media import Media

_LOGGER: Final = logging.getLogger("rtc_asyncio")
_LATER: Final = (
    rtc_peer.IceCandidateFound,
    rtc_peer.IceCandidateFailed,
    rtc_peer.IceGatheringStateChanged,
    rtc_peer.IceTransportGatheringStateChanged,
)
"""Events of gathering fire in a later turn of the loop: a description has to be sent before the candidates that follow it."""


class ChannelTable:
    """The channel objects by the machine's handles, and by stream."""

    def __init__(self) -> None:
        self._by_handle: dict[DataChannel, RTCDataChannel] = {}
        self._by_stream: dict[int, RTCDataChannel] = {}

    def __iter__(self) -> Iterator[RTCDataChannel]:
        return iter(list(self._by_handle.values()))

    def add(self, handle: DataChannel, channels: Channels) -> RTCDataChannel:
        """Make the object for a new handle."""
        channel = self._by_handle[handle] = RTCDataChannel(handle, channels)
        if handle.id is not None:
            self._by_stream[handle.id] = channel
        return channel

    def opened(self, handle: DataChannel) -> RTCDataChannel:
        """The object of a channel that has its stream now."""
        channel = self._by_handle[handle]
        if handle.id is not None:
            self._by_stream[handle.id] = channel
        return channel

    def on_stream(self, stream: int) -> RTCDataChannel | None:
        """The object that messages of this stream are for."""
        channel = self._by_stream.get(stream)
        if channel is None:
            channel = next((found for handle, found in self._by_handle.items() if handle.id == stream), None)
        return channel

    def get(self, handle: DataChannel) -> RTCDataChannel | None:
        """The object of a handle, None if it was closed before."""
        return self._by_handle.get(handle)

    def remove(self, handle: DataChannel) -> RTCDataChannel | None:
        """Forget a closed channel."""
        channel = self._by_handle.pop(handle, None)
        for stream in [stream for stream, found in self._by_stream.items() if found is channel]:
            del self._by_stream[stream]
        return channel


class Dispatcher:
    """Fires the W3C's events for those of the machine."""

    def __init__(self, target: EventTarget, peer: PeerConnection, services: Channels) -> None:
        self._target = target
        self._peer = peer
        self._loop = asyncio.get_running_loop()
        self._transports: dict[int, RTCDtlsTransport] = {}
        self._sctp: RTCSctpTransport | None = None
        self._closed = False
        self.channels = ChannelTable()
        self.media: Media | None = None
        """What stands for the machine's media, once media are used."""
        self._services = services
        # As the application was told last: a state changes together with its event.
        self.signaling_state = SignalingState.STABLE
        self.gathering_state = IceGatheringState.NEW
        self.ice_state = IceTransportState.NEW
        self.connection_state = ConnectionState.NEW

    @property
    def sctp(self) -> RTCSctpTransport | None:
        """The transport of the data channels, the same object as long as it exists."""
        if self._closed:
            return self._sctp
        view = self._peer.sctp
        if view is None or view.transport_id is None:
            return None
        if self._sctp is None:
            transport = self.transport(view.transport_id)
            if transport is None:
                return None
            self._sctp = RTCSctpTransport(view, transport)
        return self._sctp

    def dispatch(self, event: rtc_peer.Event) -> None:
        """Fire what the application shall see of one event."""
        if isinstance(event, rtc_datachannel.MessageReceived):
            channel = self.channels.on_stream(event.channel_id)
            if channel is not None:
                channel.received(event.data)
        elif self._closed:
            return
        elif isinstance(event, _LATER):
            self._loop.call_soon(self._gathering, event)
        else:
            self._channel_event(event)

    def close(self) -> None:
        """Everything is over, without events, as the specification has it. Call it before the machine is closed."""
        self._sctp = self.sctp
        self._closed = True
        self._target = EventTarget()
        for channel in self.channels:
            channel.closed(silent=True)
        if self._sctp is not None:
            self._sctp.closed()
        if self.media is not None:
            self.media.close()
        for transport in self._transports.values():
            transport.closed()
        self.signaling_state = SignalingState.CLOSED
        self.ice_state = IceTransportState.CLOSED
        self.connection_state = ConnectionState.CLOSED

    # --- gathering ---

    def _gathering(self, event: rtc_peer.Event) -> None:
        if self._closed:
            return
        match event:
            case rtc_peer.IceCandidateFound():
                candidate = RTCIceCandidate(
                    candidate=event.candidate,
                    sdpMid=event.sdp_mid,
                    sdpMLineIndex=event.sdp_m_line_index,
                    usernameFragment=event.username_fragment,
                    relayProtocol=relay_protocol(event.relay_protocol),
                    url=event.url,
                )
                self._fire(RTCPeerConnectionIceEvent("icecandidate", candidate=candidate, url=event.url))
            case rtc_peer.IceCandidateFailed():
                self._fire(
                    RTCPeerConnectionIceErrorEvent(
                        "icecandidateerror",
                        errorCode=event.error_code,
                        errorText=event.error_text,
                        url=event.url,
                        address=event.address,
                        port=event.port,
                    )
                )
            case rtc_peer.IceTransportGatheringStateChanged(transport_id=transport_id, state=state):
                if (transport := self.transport(transport_id)) is not None:
                    transport.iceTransport.gathering_changed(state.value)
            case rtc_peer.IceGatheringStateChanged(state=state):
                self.gathering_state = state
                self._fire(Event("icegatheringstatechange"))
                if state is IceGatheringState.COMPLETE:
                    self._fire(RTCPeerConnectionIceEvent("icecandidate"))
            case _:
                pass  # no other event is put off

    # --- data channels ---

    def _channel_event(self, event: rtc_peer.Event) -> None:
        """What concerns a channel, before all else: one becomes low after most messages."""
        match event:
            case rtc_datachannel.BufferedAmountLow(channel=handle):
                if (low := self.channels.get(handle)) is not None:
                    low.became_low()
            case rtc_datachannel.ChannelReceived(channel=handle):
                channel = self.channels.add(handle, self._services)
                channel.opened()
                self._fire(RTCDataChannelEvent("datachannel", channel=channel))
                # In a turn of its own: an async handler of "datachannel" may still attach one for "open".
                self._loop.call_soon(channel.announce_open)
            case rtc_datachannel.ChannelOpened(channel=handle):
                channel = self.channels.opened(handle)
                channel.opened()
                channel.announce_open()
            case rtc_datachannel.ChannelClosing(channel=handle):
                if (closing := self.channels.get(handle)) is not None:
                    closing.closing()
            case rtc_datachannel.ChannelClosed(channel=handle):
                if (closed := self.channels.remove(handle)) is not None:
                    closed.closed()
            case _:
                self._connection(event)

    # --- connection and transports ---

    def _connection(self, event: rtc_peer.Event) -> None:
        match event:
            case rtc_peer.NegotiationNeeded():
                # What happened since it was noted may have settled it, or put it off until the state is stable again.
                if self._peer.negotiation_needed and self._peer.signaling_state is SignalingState.STABLE:
                    self._fire(Event("negotiationneeded"))
            case rtc_peer.SignalingStateChanged(state=signaling_state):
                self.signaling_state = signaling_state
                self._fire(Event("signalingstatechange"))
            case rtc_peer.IceConnectionStateChanged(state=ice_state):
                self.ice_state = ice_state
                self._fire(Event("iceconnectionstatechange"))
            case rtc_peer.ConnectionStateChanged(state=connection_state):
                self.connection_state = connection_state
                self._fire(Event("connectionstatechange"))
            case rtc_peer.TransportClosed(transport_id=transport_id):
                if (transport := self._transports.pop(transport_id, None)) is not None:
                    transport.closed()
                self._sctp = None
            case rtc_peer.SctpTransportStateChanged(state=sctp_state):
                if (sctp := self.sctp) is not None:
                    sctp.changed(sctp_state.value)
            case rtc_peer.WarningIssued(text=text):
                _LOGGER.warning(text)
            case _:
                self._transport_event(event)

    def _transport_event(self, event: rtc_peer.Event) -> None:
        match event:
            case rtc_peer.IceTransportStateChanged(transport_id=transport_id, state=ice_state):
                if (transport := self.transport(transport_id)) is not None:
                    transport.iceTransport.changed(ice_state.value)
            case rtc_peer.SelectedCandidatePairChanged(transport_id=transport_id):
                if (transport := self.transport(transport_id)) is not None:
                    transport.iceTransport.dispatchEvent(Event("selectedcandidatepairchange"))
            case rtc_peer.CandidatePairChanged(transport_id=transport_id):
                if (transport := self.transport(transport_id)) is not None:
                    transport.iceTransport.pair_changed(event)
            case rtc_peer.DtlsTransportStateChanged(transport_id=transport_id, state=dtls_state):
                if (transport := self.transport(transport_id)) is not None:
                    transport.changed(dtls_state.value)
                if self.media is not None:
                    self.media.refresh()
            case rtc_peer.DtlsTransportFailed(transport_id=transport_id):
                if (transport := self.transport(transport_id)) is not None:
                    transport.failed(_dtls_error(event))
            case _:
                pass  # what the states above say already

    def transport(self, transport_id: int) -> RTCDtlsTransport | None:
        """The object of a transport, the same as long as it exists; None if there is no such transport."""
        transport = self._transports.get(transport_id)
        if transport is None:
            view = next((view for view in self._peer.transports if view.id == transport_id), None)
            if view is None:
                return None
            transport = self._transports[transport_id] = RTCDtlsTransport(view)
        return transport

    def _fire(self, event: Event) -> None:
        self._target.dispatchEvent(event)


def _dtls_error(event: rtc_peer.DtlsTransportFailed) -> RTCError:
    return RTCError(
        "fingerprint-failure" if event.error_detail == "fingerprint-failure" else "dtls-failure",
        event.reason,
        sentAlert=event.sent_alert,
        receivedAlert=event.received_alert,
    )
