"""What is below negotiation: the transports with the media on them, and the data channels above one of them.

Every input ends in `settle`: it drains the parts until none has anything to say to another, and collects what they say
to the application.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from rtc_dtls import Certificate
from rtc_peer.data_transport import DataEvent, DataTransport
from rtc_peer.dataclass import dataclass
from rtc_peer.events import (
    ConnectionStateChanged,
    DtlsTransportStateChanged,
    IceCandidateFound,
    IceConnectionStateChanged,
    IceGatheringStateChanged,
    IceTransportGatheringStateChanged,
    IceTransportStateChanged,
    SelectedCandidatePairChanged,
    TransportClosed,
)
from rtc_peer.journal import Journal
from rtc_peer.media_events import FlowEvent
from rtc_peer.negotiated import NegotiatedMedia
from rtc_peer.negotiation import Negotiator
from rtc_peer.options import PeerOptions
from rtc_peer.orders import Outcome
from rtc_peer.state import (
    ConnectionState,
    DtlsTransportState,
    IceGatheringState,
    IceTransportState,
    derive_connection_state,
    derive_gathering_state,
    derive_ice_state,
)
from rtc_peer.stats import PeerStats
from rtc_peer.transport_set import TransportEvent, TransportSet
from rtc_stun import Datagram, StreamData

if TYPE_CHECKING:
    from rtc_peer.media_transport import MediaTransport, MediaTransportEvent

LayerEvent: TypeAlias = (
    ConnectionStateChanged
    | DataEvent
    | IceConnectionStateChanged
    | IceGatheringStateChanged
    | FlowEvent
    | TransportEvent
)

_STATE_EVENTS: Final = (
    IceTransportStateChanged,
    IceTransportGatheringStateChanged,
    DtlsTransportStateChanged,
    TransportClosed,
)


@dataclass(slots=True)
class _Told:
    """The states of a transport by the events that were reported so far."""

    gathering: IceGatheringState = IceGatheringState.NEW
    ice: IceTransportState = IceTransportState.NEW
    dtls: DtlsTransportState = DtlsTransportState.NEW


class MediaInterpreter(Protocol):
    """Who knows the transceivers behind the numbers that media transports go by."""

    def translate(self, events: Iterable[MediaTransportEvent]) -> list[FlowEvent]:
        """Return what events of media transports mean to the application."""


class Layers:
    """Transports and data channels of a connection, and the states that sum them up.

    Args:
        negotiator: Knows which section a transport belongs to, and keeps the descriptions.
        certificate: Ours.
        options: Settings of the layers.
        rng: Source of randomness.
        journal: Takes what is dropped, and records.
    """

    def __init__(
        self,
        *,
        negotiator: Negotiator,
        certificate: Certificate,
        options: PeerOptions,
        rng: Callable[[int], bytes],
        journal: Journal,
    ) -> None:
        self._negotiator = negotiator
        self._options = options
        self._rng = rng
        self._journal = journal
        self._events: list[LayerEvent] = []
        self.transports = TransportSet(certificate=certificate, options=options, rng=rng, journal=journal)
        self.data = DataTransport(rng=rng, config=options.data, trace=journal.trace)
        self.former_channels = (0, 0)
        """How many channels of earlier associations were opened and closed."""
        self.gathering_state = IceGatheringState.NEW
        self.ice_state = IceTransportState.NEW
        self.connection_state = ConnectionState.NEW
        self.interpreter: MediaInterpreter | None = None
        """Who understands events of media; None as long as there are no transceivers."""
        self._written: list[StreamData] = []
        """What is to be written to streams."""
        self._media_homes: dict[int, int] = {}
        """Transports by the transceivers whose media they carry."""
        self._told: dict[int, _Told] = {}
        self._stirred = True
        """Whether something may wait to be drained, apart from messages of data channels."""
        self._due: float | None = None
        """When something is due; holds while nothing is stirred."""

    # --- orders ---

    def apply(self, outcome: Outcome, *, controlling: bool, now: float) -> None:
        """Let a description take effect.

        Args:
            outcome: What negotiation orders.
            controlling: Whether transports that are made now choose the pairs.
            now: Present time in seconds.
        """
        self.transports.apply(outcome, controlling=controlling, now=now)
        if outcome.data is not None:
            key, parameters = outcome.data
            tunnel = self.transports.transports[key].dtls
            if self.data.is_renewed_by(key, tunnel, parameters):
                self._end_data(now)
            self.data.agree(key, tunnel, parameters, now)
        # [rfc8841:10.3/10] [rfc8841:10.4/4]
        elif outcome.data_ended:
            self._end_data(now)
        if outcome.media is not None:
            self._place_media(outcome.media, now)
        self.settle(now, moved=True)

    def apply_media(self, media: tuple[NegotiatedMedia, ...], now: float) -> None:
        """Take what the sections of media are to do from now on, without a description that says so."""
        self._place_media(media, now)
        self.settle(now)

    def _place_media(self, media: tuple[NegotiatedMedia, ...], now: float) -> None:
        self._media_homes = {each.transceiver_id: each.transport_id for each in media}
        self.transports.apply_media(media, now)

    def media_transport(self, transceiver_id: int) -> MediaTransport | None:
        """Return what carries the media of a transceiver; None while there is nothing."""
        transport = self.transports.transports.get(self._media_homes.get(transceiver_id, -1))
        return None if transport is None else transport.media

    def close(self, now: float) -> None:
        """End everything at once. What is to be said to the peer is in `datagrams_to_send`."""
        self._stirred = True
        # The abort of the association travels inside DTLS, before its close_notify.
        self.data.end(now)
        self.data.flush(now)
        self.transports.close(now)
        self.ice_state = IceTransportState.CLOSED
        self.connection_state = ConnectionState.CLOSED
        self._events += self.data.drain()
        self._events += self.transports.drain(self._negotiator.candidate_names, now)

    def _end_data(self, now: float) -> None:
        """The association is over: end its channels, and be ready for another one."""
        self.data.end(now)
        self._events += self.data.drain()
        opened, closed = self.former_channels
        counters = self.data.endpoint.stats
        self._journal.stats.add_layer("sctp", counters.dropped)
        self.former_channels = (opened + counters.channels_opened, closed + counters.channels_closed)
        self.data = DataTransport(rng=self._rng, config=self._options.data, trace=self._journal.trace)

    def stats(self) -> PeerStats:
        """Return the counters, with what the machines below have dropped."""
        own = self._journal.stats
        stats = PeerStats(own.datagrams_received, own.datagrams_sent, dict(own.dropped))
        for transport in self.transports.transports.values():
            transport.count_drops(stats)
        stats.add_layer("sctp", self.data.endpoint.stats.dropped)
        return stats

    # --- datagrams ---

    def receive(self, batch: list[Datagram], now: float) -> None:
        """Take datagrams that arrived together."""
        self.transports.receive(batch, now)
        self.settle(now)

    def receive_stream_data(self, stream_id: int, data: bytes, now: float) -> None:
        """Take what was read from a stream."""
        self.transports.receive_stream_data(stream_id, data, now)
        self.settle(now)

    def handle_timeout(self, now: float) -> None:
        """Do what is due."""
        self.transports.handle_timeout(now)
        self.data.handle_timeout(now)
        self.settle(now)

    def datagrams_to_send(self, now: float) -> list[Datagram]:
        """Drain what is to be sent. Where nothing happened and nothing is due, nothing is asked."""
        data, transports = self.data, self.transports
        if not (self._stirred or data.stirred or (self._due is not None and self._due <= now)):
            return []
        if data.is_in_use:
            data.flush(now)
        output = transports.datagrams_to_send(now)
        if transports.stirred:
            self._written += transports.stream_data_to_send(now)
            self.settle(now)
        elif data.stirred:
            self._events += data.drain()
        # Everything was drained.
        self._stirred = False
        self._due = transports.rest()
        if data.is_in_use and (due := data.rest()) is not None and (self._due is None or due < self._due):
            self._due = due
        return output

    def stream_data_to_send(self) -> list[StreamData]:
        """Drain what is to be written to streams, after `datagrams_to_send`."""
        written, self._written = self._written, []
        return written

    def next_timeout(self, now: float) -> float | None:
        """Return when something is due; at once while anything may wait to be drained.

        Args:
            now: Present time in seconds.
        """
        return now if self._stirred or self.data.stirred or self._written else self._due

    def events(self) -> list[LayerEvent]:
        """Drain what happened."""
        events, self._events = self._events, []
        return events

    def stir(self) -> None:
        """Something was put into a transport: it is to be drained."""
        self._stirred = True

    # --- within ---

    def settle(self, now: float, *, moved: bool = False) -> None:
        """Drain the parts into each other and into the events; call after every input.

        Args:
            now: Present time in seconds.
            moved: Whether a state may have changed without an event that says so.
        """
        self._stirred = True
        for event in self.transports.drain(self._negotiator.candidate_names, now):
            self._events.append(event)
            if isinstance(event, IceCandidateFound):
                self._negotiator.note_candidate(event)
            elif isinstance(event, SelectedCandidatePairChanged):
                self.data.path_changed(event.transport_id, now)
            elif isinstance(event, _STATE_EVENTS):
                moved = True
                self._note(event)
                self._derive_states()
        if self.interpreter is not None and (said := self.transports.drain_media()):
            self._events += self.interpreter.translate(said)
        if self.data.is_in_use:
            if moved:
                self.data.follow_tunnel(now)
            else:
                self.data.take_packets(now)
            if self.data.stirred:
                self._events += self.data.drain()
        if moved:
            self._derive_states()

    def _note(self, event: TransportEvent) -> None:
        """Take over what an event says: the sum of the states follows it at once, before anything that came after it."""
        match event:
            case IceTransportStateChanged():
                self._told_of(event.transport_id).ice = event.state
            case IceTransportGatheringStateChanged():
                self._told_of(event.transport_id).gathering = event.state
            case DtlsTransportStateChanged():
                self._told_of(event.transport_id).dtls = event.state
            case TransportClosed():
                self._told.pop(event.transport_id, None)
            case _:
                pass

    def _told_of(self, key: int) -> _Told:
        told = self._told.get(key)
        if told is None:
            told = self._told[key] = _Told()
        return told

    def _derive_states(self) -> None:
        told = [self._told_of(key) for key in self.transports.transports]
        gathering = derive_gathering_state([each.gathering for each in told])
        ice = derive_ice_state([each.ice for each in told])
        connection = derive_connection_state(ice, [each.dtls for each in told])
        if gathering is not self.gathering_state:
            self.gathering_state = gathering
            self._events.append(IceGatheringStateChanged(gathering))
        if ice is not self.ice_state:
            self.ice_state = ice
            self._events.append(IceConnectionStateChanged(ice))
        if connection is not self.connection_state:
            self.connection_state = connection
            self._events.append(ConnectionStateChanged(connection))
            self._journal.write("peer:connection_state_changed", {"state": connection.value})
