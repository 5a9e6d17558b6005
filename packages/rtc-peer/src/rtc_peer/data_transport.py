"""The data channels of a connection: an endpoint of `rtc_datachannel` above the DTLS of one transport."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeAlias

import rtc_datachannel
from rtc_datachannel import DataChannel, DataChannelConfig
from rtc_peer.errors import ArgumentError, OperationError, StateError
from rtc_peer.events import SctpTransportStateChanged
from rtc_peer.journal import Trace
from rtc_peer.marking import code_point_of_channels
from rtc_peer.section import DataParameters
from rtc_peer.state import DtlsTransportState, SctpTransportState

if TYPE_CHECKING:
    from rtc_datachannel import DataChannelEndpoint
    from rtc_peer.dtls_transport import DtlsTransport

DataEvent: TypeAlias = (
    SctpTransportStateChanged
    | rtc_datachannel.ChannelOpened
    | rtc_datachannel.ChannelReceived
    | rtc_datachannel.ChannelClosing
    | rtc_datachannel.ChannelClosed
    | rtc_datachannel.MessageReceived
    | rtc_datachannel.BufferedAmountLow
)

_PLAIN: Final = (rtc_datachannel.MessageReceived, rtc_datachannel.BufferedAmountLow, rtc_datachannel.ChannelClosing)
"""What concerns nobody but the application."""


class DataTransport:
    """The endpoint of all data channels, and its place above a transport.

    Args:
        rng: Source of randomness.
        config: Settings of the endpoint.
        trace: Takes structured records.
    """

    __slots__ = (
        "_config",
        "_due",
        "_endpoint",
        "_events",
        "_highest",
        "_is_unmarked",
        "_remote_port",
        "_rng",
        "_trace",
        "_tunnel",
        "channels_created",
        "is_in_use",
        "is_negotiated",
        "state",
        "stirred",
        "transport_id",
    )

    def __init__(self, *, rng: Callable[[int], bytes], config: DataChannelConfig, trace: Trace | None) -> None:
        self._rng = rng
        self._config = config
        self._trace = trace
        self._endpoint: DataChannelEndpoint | None = None
        self.state = SctpTransportState.CONNECTING
        self.transport_id: int | None = None
        """The transport below; None before an answer names one."""
        self.is_negotiated = False
        self.channels_created = False
        self.is_in_use = False
        """Whether there ever was anything to do: until then nothing waits to be drained."""
        self.stirred = False
        """Whether something was put into the endpoint since it was last drained of everything."""
        self._due: float | None = None
        """When the endpoint wants to be called; holds while nothing is stirred."""
        self._events: list[DataEvent] = []
        self._highest: int | None = None
        """The highest priority of the channels; None where it has to be looked for."""
        self._is_unmarked = True
        """Whether there may be other channels than when the code point was chosen."""
        self._remote_port: int | None = None
        self._tunnel: DtlsTransport | None = None

    @property
    def endpoint(self) -> DataChannelEndpoint:
        """The endpoint, made when there is something for it: most connections that carry media have no channels."""
        if self._endpoint is None:
            self.is_in_use = True
            self._endpoint = rtc_datachannel.DataChannelEndpoint(rng=self._rng, config=self._config, trace=self._trace)
        return self._endpoint

    # --- channels ---

    def create_channel(
        self,
        label: str,
        *,
        ordered: bool,
        max_packet_life_time_ms: int | None,
        max_retransmits: int | None,
        protocol: str,
        negotiated: bool,
        channel_id: int | None,
        priority: int,
    ) -> DataChannel:
        """Create a channel; see `rtc_peer.PeerConnection.create_data_channel`."""
        try:
            # [rfc8835:3.5/4]
            channel = self.endpoint.create_channel(
                label,
                ordered=ordered,
                max_packet_life_time_ms=max_packet_life_time_ms,
                max_retransmits=max_retransmits,
                protocol=protocol,
                negotiated=negotiated,
                channel_id=channel_id,
                # [rfc8835:4.1/1]
                priority=priority,
            )
        except rtc_datachannel.StreamUnavailableError as error:
            raise OperationError(str(error)) from error
        except rtc_datachannel.StateError as error:
            raise StateError(str(error)) from error
        except ValueError as error:
            raise ArgumentError(str(error)) from error
        self.channels_created = self.stirred = self._is_unmarked = True
        self._highest = None
        return channel

    def send(self, channel: DataChannel, data: str | bytes) -> None:
        """Queue a message; see `rtc_peer.PeerConnection.send`."""
        try:
            self.endpoint.send(channel, data)
        except rtc_datachannel.StateError as error:
            raise StateError(str(error)) from error
        except UnicodeError as error:
            raise ArgumentError(str(error)) from error
        self.stirred = True

    def set_threshold(self, channel: DataChannel, threshold: int) -> None:
        """Set when `rtc_datachannel.BufferedAmountLow` tells."""
        try:
            self.endpoint.set_buffered_amount_low_threshold(channel, threshold)
        except rtc_datachannel.StateError as error:
            raise StateError(str(error)) from error
        except ValueError as error:
            raise ArgumentError(str(error)) from error

    def close_channel(self, channel: DataChannel) -> None:
        """Close a channel unless it is on its way out already."""
        if channel.state not in (rtc_datachannel.ChannelState.CONNECTING, rtc_datachannel.ChannelState.OPEN):
            return
        try:
            self.endpoint.close_channel(channel)
        except rtc_datachannel.StateError as error:
            raise StateError(str(error)) from error
        self.stirred = True

    def add_unread(self, difference: int) -> None:
        """Tell how many bytes more, or less, the application has not read."""
        self.stirred = True
        self.endpoint.add_unread(difference)

    # --- the association ---

    def agree(self, transport_id: int, tunnel: DtlsTransport, parameters: DataParameters, now: float) -> None:
        """Take the transport below, and what the peer says about its side. A port of zero closes the association."""
        self.transport_id = transport_id
        self._tunnel = tunnel
        self.is_negotiated = self._is_unmarked = True
        # [rfc8841:6.1/1]
        self.endpoint.remote_max_message_size = parameters.max_message_size or 0
        self._remote_port = parameters.sctp_port
        # [rfc8841:10.3/8] [rfc8841:10.4/3]
        if parameters.sctp_port == 0:
            self.end(now)

    def is_renewed_by(self, transport_id: int, tunnel: DtlsTransport, parameters: DataParameters) -> bool:
        """Whether descriptions ask for another association in the place of this one."""
        if self.transport_id not in (None, transport_id):
            # The section that it belonged to is rejected, and another one has come in the same exchange.
            return True
        if parameters.sctp_port == 0 or self._remote_port is None:
            return False
        over = self.state is SctpTransportState.CLOSED and tunnel.state is DtlsTransportState.NEW
        # [rfc8841:10.3/7] [rfc8841:10.4/2]
        return over or parameters.sctp_port != self._remote_port

    def take_packets(self, now: float) -> None:
        """Take what DTLS has brought."""
        tunnel = self._tunnel
        if tunnel is not None and tunnel.packets:
            self.stirred = True
            packets, tunnel.packets = tunnel.packets, []
            self.endpoint.receive_datagrams(packets, now)

    def follow_tunnel(self, now: float) -> None:
        """Begin when DTLS is there, and end with it. A new DTLS connection changes nothing."""
        tunnel = self._tunnel
        if tunnel is None:
            return
        if tunnel.state is DtlsTransportState.CONNECTED and self.endpoint.state is rtc_datachannel.EndpointState.NEW:
            self.stirred = True
            # [rfc8841:9.3/1] [rfc8841:9.3/2]
            self.endpoint.start(now, client=bool(tunnel.is_client), remote_port=self._remote_port)
        self.take_packets(now)
        if tunnel.state in (DtlsTransportState.CLOSED, DtlsTransportState.FAILED):
            self.end(now)

    def path_changed(self, transport_id: int, now: float) -> None:
        """Tell SCTP that the packets of a transport go another way, if they are its."""
        # [rfc8831:5/2]
        if transport_id == self.transport_id:
            self.stirred = True
            self.endpoint.path_changed(now)

    def handle_timeout(self, now: float) -> None:
        """Do what is due."""
        if self.stirred or (self._due is not None and self._due <= now):
            self.stirred = True
            self.endpoint.handle_timeout(now)

    def flush(self, now: float) -> None:
        """Hand what SCTP wants to send to DTLS."""
        tunnel = self._tunnel
        if tunnel is not None and tunnel.state is DtlsTransportState.CONNECTED:
            self.stirred = True
            if self._is_unmarked:
                self._mark(tunnel, now)
            packets = self.endpoint.datagrams_to_send(now)
            if packets:
                # [rfc8827:6.5/3] [rfc8827:6.5/9] [rfc8835:3.5/2]
                tunnel.send_many(packets)
        elif self.state is SctpTransportState.CLOSED and self._endpoint is not None:
            # The last words of an association that outlived its tunnel reach nobody.
            self.endpoint.datagrams_to_send(now)

    def _mark(self, tunnel: DtlsTransport, now: float) -> None:
        """Choose the code point of the association by its channels."""
        self._is_unmarked = False
        if self._highest is None:
            self._highest = max((channel.priority for channel in self.endpoint.channels), default=0)
        dscp = code_point_of_channels([self._highest])
        if dscp != (tunnel.dscp or 0):
            # [rfc9260:7.2.5.1/1] [rfc8837:5/9] Other queues, another path as far as congestion goes.
            self.endpoint.path_changed(now)
        tunnel.dscp = dscp

    def rest(self) -> float | None:
        """Everything was drained: return when something is due again; never while there is no tunnel to send through."""
        self.stirred = False
        tunnel = self._tunnel
        is_there = tunnel is not None and tunnel.state is DtlsTransportState.CONNECTED
        self._due = self.endpoint.next_timeout() if is_there else None
        return self._due

    def end(self, now: float) -> None:
        """End the association and all channels at once."""
        self.is_in_use = self.stirred = True
        if self._endpoint is not None:
            self._endpoint.abort(now)
            self._follow()
        self._step(SctpTransportState.CLOSED)

    def drain(self) -> list[DataEvent]:
        """Return what happened since the last call."""
        self._follow()
        events, self._events = self._events, []
        return events

    def _follow(self) -> None:
        for event in () if self._endpoint is None else self._endpoint.events():
            if isinstance(event, _PLAIN):
                self._events.append(event)
            else:
                self._prioritize(event)
                self._happened(event)

    def _prioritize(self, event: rtc_datachannel.Event) -> None:
        """Keep in mind the highest priority: channels may be very many, and are looked through only when the highest may be gone."""
        match event:
            case rtc_datachannel.ChannelOpened(channel=channel) | rtc_datachannel.ChannelReceived(channel=channel):
                self._highest = None if self._highest is None else max(self._highest, channel.priority)
            case rtc_datachannel.ChannelClosed(channel=channel) if channel.priority < (self._highest or 0):
                return
            case _:
                self._highest = None
        self._is_unmarked = True

    def _happened(self, event: rtc_datachannel.Event) -> None:
        match event:
            case rtc_datachannel.EndpointConnected():
                self._step(SctpTransportState.CONNECTED)
            case rtc_datachannel.EndpointClosed() | rtc_datachannel.EndpointFailed():
                self._step(SctpTransportState.CLOSED)
            case _:
                self._events.append(event)

    def _step(self, state: SctpTransportState) -> None:
        if state is not self.state:
            self.state = state
            self._events.append(SctpTransportStateChanged(state))
