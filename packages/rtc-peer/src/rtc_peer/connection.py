"""The peer connection: the façade that wires negotiation, transports and data channels.

::

    descriptions ──► Negotiator ──orders──► TransportSet ──► Transport ──► IceTransport ──► rtc_ice
                                                 │              └────────► DtlsTransport ─► rtc_dtls
                                                 └── packets ──► DataTransport ──────────► rtc_datachannel ─► rtc_sctp

Every input ends in `_settle`: it drains the parts until none has anything to say to another, and collects what they say
to the application.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TypeAlias

import rtc_datachannel
from rtc_datachannel import DataChannel
from rtc_dtls import Certificate
from rtc_sdp import Fingerprint
from rtc_stun import Address, Datagram

from rtc_peer.candidates import CandidateWish, locate
from rtc_peer.configuration import Configuration, check_modification
from rtc_peer.data_transport import DataEvent, DataTransport
from rtc_peer.description import AppliedDescription, SdpType, SessionDescription
from rtc_peer.errors import ArgumentError, CertificateError, OperationError, StateError
from rtc_peer.events import (
    ConnectionClosed,
    ConnectionStateChanged,
    DtlsTransportStateChanged,
    IceCandidateFound,
    IceConnectionStateChanged,
    IceGatheringStateChanged,
    IceTransportGatheringStateChanged,
    IceTransportStateChanged,
    NegotiationNeeded,
    SignalingStateChanged,
    TransportClosed,
    WarningIssued,
)
from rtc_peer.ice_server import StunServers, unsupported_urls
from rtc_peer.negotiation import Negotiator, Outcome
from rtc_peer.options import PeerOptions
from rtc_peer.section import DataParameters
from rtc_peer.state import (
    ConnectionState,
    DtlsTransportState,
    IceGatheringState,
    IceTransportState,
    SctpTransportState,
    SignalingState,
    derive_connection_state,
    derive_gathering_state,
    derive_ice_state,
)
from rtc_peer.statistics import PeerStats, Statistics
from rtc_peer.statistics_report import report
from rtc_peer.transport_set import TransportEvent, TransportSet
from rtc_peer.views import SctpTransportView, TransportView

Trace: TypeAlias = Callable[[float, str, Mapping[str, object]], None]
Event: TypeAlias = (
    ConnectionClosed
    | ConnectionStateChanged
    | DataEvent
    | IceConnectionStateChanged
    | IceGatheringStateChanged
    | NegotiationNeeded
    | SignalingStateChanged
    | TransportEvent
    | WarningIssued
)

_MOVES_STATES = (
    IceTransportStateChanged,
    IceTransportGatheringStateChanged,
    DtlsTransportStateChanged,
    TransportClosed,
)


class PeerConnection:
    """A WebRTC peer connection that computes, while its owner moves the bytes and keeps the time.

    The loop: exchange descriptions and candidates with the peer; when `events` asks for it, open sockets and tell their
    addresses (`add_local_address`); hand in what arrives (`receive_datagrams`); call `handle_timeout` at
    `next_timeout`; after every call send `datagrams_to_send` and look at `events`.

    Args:
        rng: Returns that many unpredictable bytes; ``os.urandom``.
        wall_clock: The time of day, with its zone; for the dates of certificates alone.
        configuration: What the application chooses.
        options: Settings of the layers below.
        trace: Takes structured records of all layers.
        now: Present time in seconds, on the clock that all later calls use.

    Raises:
        CertificateError: A certificate of the configuration has expired.
    """

    def __init__(
        self,
        *,
        rng: Callable[[int], bytes],
        wall_clock: datetime,
        configuration: Configuration | None = None,
        options: PeerOptions | None = None,
        trace: Trace | None = None,
        now: float = 0.0,
    ) -> None:
        self._configuration = configuration or Configuration()
        self._options = options or PeerOptions()
        self._certificates = _certificates(self._configuration, rng, wall_clock)
        self._rng = rng
        self._trace = trace
        self._now = now
        self._stats = PeerStats()
        self._events: list[Event] = []
        self._negotiation_needed = False
        self._local_description_applied = False
        self._states = (IceGatheringState.NEW, IceTransportState.NEW, ConnectionState.NEW)
        self._data = DataTransport(rng=rng, config=self._options.data, trace=trace)
        self._former_channels = (0, 0)
        self._negotiator = Negotiator(
            rng=rng,
            fingerprints=tuple(_fingerprint(each) for each in self._certificates),
            data=DataParameters(
                sctp_port=self._options.data.association.local_port,
                max_message_size=self._options.data.max_message_size,
            ),
            bundle_policy=self._configuration.bundle_policy,
        )
        self._transports = TransportSet(
            certificate=self._certificates[0], options=self._options, rng=rng, stats=self._stats, trace=trace
        )
        self._configure()
        self._settle()

    # --- what it is ---

    @property
    def signaling_state(self) -> SignalingState:
        """Where the exchange of offer and answer stands."""
        return self._negotiator.signaling.state

    @property
    def ice_gathering_state(self) -> IceGatheringState:
        """How far the search for local candidates is."""
        return self._states[0]

    @property
    def ice_connection_state(self) -> IceTransportState:
        """How far ICE is on all transports."""
        return self._states[1]

    @property
    def connection_state(self) -> ConnectionState:
        """How far the connection as a whole is."""
        return self._states[2]

    @property
    def current_local_description(self) -> SessionDescription | None:
        """Our description that was agreed upon last, with the candidates found since."""
        return _exported(self._negotiator.signaling.current_local)

    @property
    def pending_local_description(self) -> SessionDescription | None:
        """Our description that is under negotiation."""
        return _exported(self._negotiator.signaling.pending_local)

    @property
    def local_description(self) -> SessionDescription | None:
        """The pending local description, else the current one."""
        return _exported(self._negotiator.signaling.local)

    @property
    def current_remote_description(self) -> SessionDescription | None:
        """The peer's description that was agreed upon last."""
        return _exported(self._negotiator.signaling.current_remote)

    @property
    def pending_remote_description(self) -> SessionDescription | None:
        """The peer's description that is under negotiation."""
        return _exported(self._negotiator.signaling.pending_remote)

    @property
    def remote_description(self) -> SessionDescription | None:
        """The pending remote description, else the current one."""
        return _exported(self._negotiator.signaling.remote)

    @property
    def can_trickle_ice_candidates(self) -> bool | None:
        """Whether the peer takes candidates after the description; None before there is one."""
        return self._negotiator.remote_trickles

    @property
    def negotiation_needed(self) -> bool:
        """Whether something waits to be agreed upon by offer and answer."""
        return self._negotiation_needed

    @property
    def configuration(self) -> Configuration:
        """What `set_configuration` or the constructor were given."""
        return self._configuration

    @property
    def certificates(self) -> tuple[Certificate, ...]:
        """Our certificates; the first one authenticates us."""
        return self._certificates

    @property
    def transports(self) -> tuple[TransportView, ...]:
        """The transports in use."""
        return tuple(map(TransportView, self._transports.transports.values()))

    @property
    def sctp(self) -> SctpTransportView | None:
        """The transport of the data channels; None before one is negotiated."""
        has_section = self._data.is_negotiated or self._negotiator.has_data_section
        return SctpTransportView(self._data) if has_section and not self.closed else None

    @property
    def stats(self) -> PeerStats:
        """Counters of the machine; see `statistics` for those of all layers."""
        return self._stats

    def statistics(self) -> list[Statistics]:
        """Describe everything that is counted, in the order of the W3C's identifiers for statistics."""
        return report(
            self._transports.transports.values(),
            self._data,
            former_channels=self._former_channels,
            certificates=self._certificates,
        )

    # --- offer and answer ---

    def create_offer(self, *, ice_restart: bool = False) -> SessionDescription:
        """Make an offer; it takes effect when it is set.

        Args:
            ice_restart: Whether to ask for new ICE credentials and paths.

        Raises:
            StateError: The connection is closed, or an offer of the peer awaits its answer.
        """
        self._require_open()
        self._negotiator.signaling.check(SdpType.OFFER, remote=False)
        return self._negotiator.create_offer(
            self._transports.written(), wants_data=self._data.channels_created, ice_restart=ice_restart
        )

    def create_answer(self) -> SessionDescription:
        """Make an answer to the peer's offer; it takes effect when it is set. It may be set as pranswer, too.

        Raises:
            StateError: The connection is closed, or there is no offer.
        """
        self._require_open()
        return self._negotiator.create_answer(self._transports.written())

    def set_local_description(self, description: SessionDescription | None, now: float) -> None:
        """Apply a description of ours; then send it to the peer.

        Args:
            description: What `create_offer` or `create_answer` returned, a rollback, a type without text, or None for what
                the state asks for: text that is missing is made.
            now: Present time in seconds.

        Raises:
            StateError: The connection is closed, or the type does not fit the state.
            ModificationError: The text is not what was created last.
        """
        self._enter(now)
        if description is None or (not description.sdp and description.type is not SdpType.ROLLBACK):
            description = self._negotiator.implicit(
                None if description is None else description.type,
                self._transports.written(),
                wants_data=self._data.channels_created,
            )
        before = self.signaling_state
        outcome = self._negotiator.set_local(description)
        self._local_description_applied = True
        self._apply(outcome, before, controlling=description.type is SdpType.OFFER)

    def set_remote_description(self, description: SessionDescription, now: float) -> None:
        """Apply a description of the peer.

        An offer that collides with our own rolls ours back first, as perfect negotiation wants it.

        Args:
            description: As it was received.
            now: Present time in seconds.

        Raises:
            StateError: The connection is closed, or the type does not fit the state.
            DescriptionSyntaxError: The text is not well-formed SDP.
            DescriptionError: It is invalid, or does not fit the session.
        """
        self._enter(now)
        before = self.signaling_state
        outcome = self._negotiator.set_remote(description)
        self._apply(outcome, before, controlling=True)

    def add_ice_candidate(
        self,
        candidate: str,
        now: float,
        *,
        sdp_mid: str | None = None,
        sdp_m_line_index: int | None = None,
        username_fragment: str | None = None,
    ) -> None:
        """Take a candidate that the peer signalled.

        Args:
            candidate: As it was signalled, with or without ``candidate:``; empty for the end of candidates.
            now: Present time in seconds.
            sdp_mid: Name of the section.
            sdp_m_line_index: Index of the section; used if there is no name.
            username_fragment: The generation that it belongs to; the latest if there is none.

        Raises:
            ArgumentError: A candidate names no section.
            StateError: The connection is closed, or there is no remote description.
            OperationError: There is no such section or generation, or the candidate is malformed.
        """
        self._enter(now)
        wish = CandidateWish(candidate, sdp_mid, sdp_m_line_index, username_fragment)
        for place in locate(wish, self._negotiator.signaling):
            for description in place.descriptions:
                description.take_candidate(place.index, wish.value)
            key = self._negotiator.transport_of(place.index)
            if key is not None and key in self._transports.transports:
                ice = self._transports.transports[key].ice
                if wish.is_end:
                    ice.end_candidates(place.ufrag, self._now)
                else:
                    ice.add_candidate(wish.value, place.ufrag, self._now)
        self._settle()

    def restart_ice(self) -> None:
        """Ask for new paths by the next offer; `NegotiationNeeded` tells when it is time.

        Does nothing if the connection is closed.
        """
        if not self.closed:
            self._negotiator.restart_ice()
            self._update_negotiation_needed()

    def set_configuration(self, configuration: Configuration) -> None:
        """Exchange the configuration. Servers and transport policy count from the next gathering on.

        Raises:
            StateError: The connection is closed.
            ModificationError: Something changes that must stay.
        """
        self._require_open()
        check_modification(
            self._configuration, configuration, local_description_applied=self._local_description_applied
        )
        self._configuration = configuration
        self._configure()
        self._settle()

    # --- data channels ---

    def create_data_channel(
        self,
        label: str = "",
        *,
        ordered: bool = True,
        max_packet_life_time_ms: int | None = None,
        max_retransmits: int | None = None,
        protocol: str = "",
        negotiated: bool = False,
        channel_id: int | None = None,
        priority: int = rtc_datachannel.Priority.NORMAL,
    ) -> DataChannel:
        """Create a data channel; `rtc_datachannel.ChannelOpened` tells when messages flow. Only queues.

        Args:
            label: Any text up to 65,535 bytes of UTF-8.
            ordered: Whether messages arrive in order.
            max_packet_life_time_ms: For how many milliseconds a message is sent; None for reliability.
            max_retransmits: How often a lost message is sent again; None for reliability.
            protocol: Name of the subprotocol, or empty.
            negotiated: Both applications create the channel with the same ``channel_id``; nothing is announced.
            channel_id: Stream of a negotiated channel, 0 to 65,534; None otherwise.
            priority: Weight against other channels.

        Raises:
            StateError: The connection is closed.
            ArgumentError: An argument is out of range, or both limits are given.
            OperationError: The stream is taken, or no stream is left.
        """
        self._require_open()
        try:
            channel = self._data.endpoint.create_channel(
                label,
                ordered=ordered,
                max_packet_life_time_ms=max_packet_life_time_ms,
                max_retransmits=max_retransmits,
                protocol=protocol,
                negotiated=negotiated,
                channel_id=channel_id,
                priority=priority,
            )
        except ValueError as error:
            raise ArgumentError(str(error)) from error
        except rtc_datachannel.StateError as error:
            raise StateError(str(error)) from error
        except rtc_datachannel.DataChannelError as error:
            raise OperationError(str(error)) from error
        self._data.channels_created = True
        self._update_negotiation_needed()
        return channel

    def send(self, channel: DataChannel, data: str | bytes) -> None:
        """Queue a message; flush next.

        Raises:
            StateError: The channel is not open.
            rtc_datachannel.MessageTooLargeError: The peer takes no message that long.
            rtc_datachannel.BufferFullError: Wait for `rtc_datachannel.BufferedAmountLow`.
            ArgumentError: The text has no UTF-8 form.
        """
        try:
            self._data.endpoint.send(channel, data)
        except rtc_datachannel.StateError as error:
            raise StateError(str(error)) from error
        except UnicodeError as error:
            raise ArgumentError(str(error)) from error

    def buffered_amount(self, channel: DataChannel) -> int:
        """Return the bytes that were queued on a channel and not sent yet."""
        return self._data.endpoint.buffered_amount(channel)

    def set_buffered_amount_low_threshold(self, channel: DataChannel, threshold: int) -> None:
        """Say at how many unsent bytes `rtc_datachannel.BufferedAmountLow` shall tell; 0 at first.

        Raises:
            ArgumentError: The threshold is negative.
            StateError: The channel has no stream yet, or no longer.
        """
        try:
            self._data.endpoint.set_buffered_amount_low_threshold(channel, threshold)
        except ValueError as error:
            raise ArgumentError(str(error)) from error
        except rtc_datachannel.StateError as error:
            raise StateError(str(error)) from error

    def close_channel(self, channel: DataChannel, now: float) -> None:
        """Close a channel when all that was queued on it is sent. Does nothing if it is closing or closed."""
        self._now = max(self._now, now)
        if channel.state in (rtc_datachannel.ChannelState.CONNECTING, rtc_datachannel.ChannelState.OPEN):
            self._data.endpoint.close_channel(channel)
            self._settle()

    # --- what the owner's I/O tells ---

    def add_local_address(self, transport_id: int, address: Address, now: float) -> bool:
        """Tell of a socket that was opened for a transport. Prefer the order of preference.

        Args:
            transport_id: As `GatheringWanted` named it.
            address: IP literal and port that the socket is bound to, not 0.
            now: Present time in seconds.

        Returns:
            Whether it became a candidate; if not, the socket may be closed.

        Raises:
            StateError: The connection is closed.
            ArgumentError: There is no such transport, or the address is no IP address, was added before or is one too many.
        """
        self._enter(now)
        added = self._transports.add_local_address(transport_id, address, self._now)
        self._settle()
        return added

    def end_of_local_addresses(self, transport_id: int, now: float) -> None:
        """Tell that all sockets for a transport have been opened.

        Raises:
            StateError: The connection is closed.
            ArgumentError: There is no such transport.
        """
        self._enter(now)
        self._transports.end_of_local_addresses(transport_id, self._now)
        self._settle()

    def host_resolved(self, host: str, addresses: Iterable[str], now: float) -> None:
        """Tell what a name stands for.

        Args:
            host: As `HostResolutionWanted` named it.
            addresses: IP literals; none if the name has none, or the resolution failed.
            now: Present time in seconds.

        Raises:
            StateError: The connection is closed.
        """
        self._enter(now)
        self._transports.host_resolved(host, list(addresses), self._now)
        self._settle()

    # --- the contract of every machine ---

    def receive_datagram(self, datagram: Datagram, now: float) -> None:
        """Take one datagram. Never raises for what is in it."""
        self.receive_datagrams([datagram], now)

    def receive_datagrams(self, datagrams: Iterable[Datagram], now: float) -> None:
        """Take datagrams that arrived together: the fast path."""
        if now > self._now:
            self._now = now
        batch = datagrams if isinstance(datagrams, list) else list(datagrams)
        self._stats.datagrams_received += len(batch)
        if self.closed:
            self._stats.drop("closed", len(batch))
            return
        self._transports.receive(batch, self._now)
        self._settle()

    def handle_timeout(self, now: float) -> None:
        """Do what is due. Call at or after `next_timeout`."""
        self._now = max(self._now, now)
        if self.closed:
            return
        self._transports.handle_timeout(self._now)
        self._data.handle_timeout(self._now)
        self._settle()

    def datagrams_to_send(self, now: float) -> list[Datagram]:
        """Drain what is to be sent. Call after every other call."""
        if now > self._now:
            self._now = now
        if not self.closed:
            self._tunnel()
        output = self._transports.datagrams_to_send(self._now)
        if not self.closed:
            self._settle()
        self._stats.datagrams_sent += len(output)
        return output

    def events(self) -> list[Event]:
        """Drain what happened. Call after every other call."""
        events, self._events = self._events, []
        return events

    def next_timeout(self) -> float | None:
        """Return when `handle_timeout` is due, on the clock of ``now``; None for never."""
        if self._transports.has_output:
            return self._now
        if self.closed:
            return None
        due, data = self._transports.next_timeout(), self._data.endpoint.next_timeout()
        if data is None:
            return due
        return data if due is None or data < due else due

    def close(self, now: float) -> None:
        """End the connection at once. Flush once more: the peer is told. Idempotent."""
        self._now = max(self._now, now)
        if self.closed:
            return
        self._negotiator.signaling.close()
        # [rfc8827:6.5/9] The abort of the association travels inside DTLS, before its close_notify.
        self._data.end(self._now)
        self._tunnel()
        self._transports.close(self._now)
        self._data.drain()
        self._states = (self._states[0], IceTransportState.CLOSED, ConnectionState.CLOSED)
        self._negotiation_needed = False
        self._events.append(ConnectionClosed())
        self._trace_if("peer:closed", {})

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._negotiator.signaling.state is SignalingState.CLOSED

    # --- within ---

    def _apply(self, outcome: Outcome, before: SignalingState, *, controlling: bool) -> None:
        """Let a description take effect in the layers below."""
        self._transports.apply(outcome, controlling=controlling, now=self._now)
        if outcome.data is not None:
            key, parameters = outcome.data
            self._data.agree(key, parameters, self._now)
        elif outcome.is_final and (self._data.is_negotiated or self._data.channels_created):
            self._end_data()
        if outcome.rolled_back and self.signaling_state is not SignalingState.STABLE:
            self._signaling_changed(SignalingState.STABLE)
        if self.signaling_state is not before or outcome.rolled_back:
            self._signaling_changed(self.signaling_state)
        self._settle(moved=True)
        if self.signaling_state is SignalingState.STABLE:
            self._negotiation_needed = False
            self._update_negotiation_needed()

    def _signaling_changed(self, state: SignalingState) -> None:
        self._events.append(SignalingStateChanged(state))
        self._trace_if("peer:signaling_state_changed", {"state": state.value})

    def _end_data(self) -> None:
        """The data section is gone: end its channels, and be ready for another one."""
        self._data.end(self._now)
        self._events += self._data.drain()
        opened, closed = self._former_channels
        counters = self._data.endpoint.stats
        self._former_channels = (opened + counters.channels_opened, closed + counters.channels_closed)
        self._data = DataTransport(rng=self._rng, config=self._options.data, trace=self._trace)

    def _configure(self) -> None:
        servers = self._configuration.ice_servers
        self._transports.configure(StunServers(servers), self._configuration.ice_transport_policy)
        self._events += [
            WarningIssued(f"{url} is not used: there is no support for it yet") for url in unsupported_urls(servers)
        ]

    def _update_negotiation_needed(self) -> None:
        """See section 4.7.3 of webrtc-pc."""
        if self.closed or self.signaling_state is not SignalingState.STABLE:
            return
        needed = self._negotiator.needs_negotiation(wants_data=self._data.channels_created)
        if needed and not self._negotiation_needed:
            self._events.append(NegotiationNeeded())
        self._negotiation_needed = needed

    def _tunnel(self) -> None:
        """Hand what SCTP wants to send to DTLS."""
        key = self._data.transport_id
        transport = None if key is None else self._transports.transports.get(key)
        if transport is not None and transport.dtls.state is DtlsTransportState.CONNECTED:
            packets = self._data.endpoint.datagrams_to_send(self._now)
            if packets:
                transport.dtls.send_many(packets)

    def _settle(self, *, moved: bool = False) -> None:
        """Drain the parts into each other and into our events."""
        for event in self._transports.drain(self._negotiator.candidate_names(), self._now):
            if isinstance(event, IceCandidateFound):
                self._note_candidate(event)
            moved = moved or isinstance(event, _MOVES_STATES)
            self._events.append(event)
        self._feed_data()
        self._events += self._data.drain()
        if moved:
            self._derive_states()

    def _feed_data(self) -> None:
        """Hand what DTLS brought to SCTP, and follow the state of DTLS."""
        key = self._data.transport_id
        transport = None if key is None else self._transports.transports.get(key)
        if transport is None:
            return
        dtls = transport.dtls
        match dtls.state:
            case DtlsTransportState.CONNECTED:
                if self._data.state is SctpTransportState.CONNECTING:
                    self._data.start(self._now, client=bool(dtls.is_client))
            case DtlsTransportState.CLOSED | DtlsTransportState.FAILED:
                if self._data.state is not SctpTransportState.CLOSED:
                    self._data.end(self._now)
        if dtls.packets:
            packets, dtls.packets = dtls.packets, []
            self._data.receive(packets, self._now)

    def _note_candidate(self, event: IceCandidateFound) -> None:
        """Write a local candidate into the descriptions of its generation."""
        signaling = self._negotiator.signaling
        value = event.candidate.removeprefix("candidate:")
        for description in (signaling.pending_local, signaling.current_local):
            if description is not None and description.is_of_generation(
                event.sdp_m_line_index, event.username_fragment
            ):
                description.take_candidate(event.sdp_m_line_index, value)

    def _derive_states(self) -> None:
        transports = self._transports.transports.values()
        gathering = derive_gathering_state([each.ice.gathering_state for each in transports])
        ice = derive_ice_state([each.ice.state for each in transports])
        connection = derive_connection_state(ice, [each.dtls.state for each in transports])
        before, self._states = self._states, (gathering, ice, connection)
        if gathering is not before[0]:
            self._events.append(IceGatheringStateChanged(gathering))
        if ice is not before[1]:
            self._events.append(IceConnectionStateChanged(ice))
        if connection is not before[2]:
            self._events.append(ConnectionStateChanged(connection))
            self._trace_if("peer:connection_state_changed", {"state": connection.value})

    def _enter(self, now: float) -> None:
        """Begin a command."""
        self._require_open()
        self._now = max(self._now, now)

    def _require_open(self) -> None:
        if self.closed:
            raise StateError("the connection is closed")

    def _trace_if(self, name: str, details: Mapping[str, object]) -> None:
        if self._trace is not None:
            self._trace(self._now, name, details)


def _certificates(
    configuration: Configuration, rng: Callable[[int], bytes], wall_clock: datetime
) -> tuple[Certificate, ...]:
    """Return the certificates to use: those of the configuration, or one that is made now."""
    if not configuration.certificates:
        # [rfc8827:6.5/15]
        return (Certificate.generate(rng=rng, wall_clock=wall_clock),)
    # [rfc8827:6.5/16]
    for certificate in configuration.certificates:
        if certificate.expires <= wall_clock:
            raise CertificateError(f"a certificate expired at {certificate.expires}")
    return configuration.certificates


def _fingerprint(certificate: Certificate) -> Fingerprint:
    made = certificate.fingerprint()
    return Fingerprint(made.algorithm, made.digest)


def _exported(description: AppliedDescription | None) -> SessionDescription | None:
    return None if description is None else description.exported()
