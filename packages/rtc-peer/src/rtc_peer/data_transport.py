"""The data channels of a connection: an endpoint of `rtc_datachannel` above the DTLS of one transport."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import rtc_datachannel
from rtc_datachannel import DataChannelConfig, DataChannelEndpoint

from rtc_peer.events import SctpTransportStateChanged
from rtc_peer.section import DataParameters
from rtc_peer.state import SctpTransportState

Trace: TypeAlias = Callable[[float, str, Mapping[str, object]], None]
DataEvent: TypeAlias = (
    SctpTransportStateChanged
    | rtc_datachannel.ChannelOpened
    | rtc_datachannel.ChannelReceived
    | rtc_datachannel.ChannelClosing
    | rtc_datachannel.ChannelClosed
    | rtc_datachannel.MessageReceived
    | rtc_datachannel.BufferedAmountLow
)


class DataTransport:
    """The endpoint of all data channels, and its place above a transport.

    Args:
        rng: Source of randomness.
        config: Settings of the endpoint.
        trace: Takes structured records.
    """

    __slots__ = ("_events", "channels_created", "endpoint", "is_negotiated", "state", "transport_id")

    def __init__(self, *, rng: Callable[[int], bytes], config: DataChannelConfig, trace: Trace | None) -> None:
        self.endpoint = DataChannelEndpoint(rng=rng, config=config, trace=trace)
        self.state = SctpTransportState.CONNECTING
        self.transport_id: int | None = None
        """The transport below; None before an answer names one."""
        self.is_negotiated = False
        self.channels_created = False
        self._events: list[DataEvent] = []

    def agree(self, transport_id: int, parameters: DataParameters, now: float) -> None:
        """Take what the peer says about its side.

        A port of zero closes the association.
        """
        self.transport_id = transport_id
        self.is_negotiated = True
        self.endpoint.remote_max_message_size = parameters.max_message_size or 0
        if parameters.sctp_port == 0:
            self.end(now)

    def start(self, now: float, *, client: bool) -> None:
        """Set the association up: DTLS is there. A new DTLS connection below changes nothing."""
        if self.endpoint.state is rtc_datachannel.EndpointState.NEW:
            self.endpoint.start(now, client=client)
            self._follow()

    def receive(self, packets: list[bytes], now: float) -> None:
        """Take SCTP packets that arrived together."""
        self.endpoint.receive_datagrams(packets, now)
        self._follow()

    def handle_timeout(self, now: float) -> None:
        """Do what is due."""
        self.endpoint.handle_timeout(now)
        self._follow()

    def end(self, now: float) -> None:
        """End the association and all channels at once."""
        self.endpoint.abort(now)
        self._follow()
        self._step(SctpTransportState.CLOSED)

    def drain(self) -> list[DataEvent]:
        """Return what happened since the last call."""
        self._follow()
        events, self._events = self._events, []
        return events

    def _follow(self) -> None:
        for event in self.endpoint.events():
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
