"""The peer connection: the façade that wires negotiation, transports and data channels.

::

    descriptions ──► Negotiator ──orders──► TransportSet ──► Transport ──► IceTransport ──► rtc_ice
                                                 │              └────────► DtlsTransport ─► rtc_dtls
                                                 └── packets ──► DataTransport ──────────► rtc_datachannel ─► rtc_sctp

Here the application's mistakes are found and descriptions take their way; `rtc_peer.layers` joins what is below.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Final, TypeAlias

import rtc_datachannel
from rtc_datachannel import DataChannel
from rtc_dtls import Certificate
from rtc_peer.candidates import CandidateWish, locate
from rtc_peer.certificates import choose_certificates, fingerprints_of
from rtc_peer.configuration import Configuration, RtpHeaderEncryptionPolicy, check_modification
from rtc_peer.description import SdpType, SessionDescription
from rtc_peer.errors import StateError
from rtc_peer.events import (
    ConnectionClosed,
    GatheringWanted,
    HostResolutionWanted,
    NegotiationNeeded,
    SignalingStateChanged,
    WarningIssued,
)
from rtc_peer.ice_server import IceServers, unsupported_urls
from rtc_peer.journal import Journal, Trace
from rtc_peer.layers import LayerEvent, Layers
from rtc_peer.media_commands import MediaCommands
from rtc_peer.negotiation import Negotiator
from rtc_peer.negotiation_view import NegotiationView
from rtc_peer.network_commands import NetworkCommands
from rtc_peer.options import PeerOptions
from rtc_peer.orders import Outcome
from rtc_peer.section import DataParameters
from rtc_peer.state import ConnectionState, IceGatheringState, IceTransportState, SignalingState
from rtc_peer.stats import PeerStats
from rtc_peer.track_events import TrackEvent
from rtc_peer.views import SctpTransportView, TransportView
from rtc_peer.wishes import Wishes
from rtc_stun import Datagram, OpenTransport

if TYPE_CHECKING:
    from rtc_peer.statistics import Statistics

Event: TypeAlias = (
    ConnectionClosed | LayerEvent | NegotiationNeeded | SignalingStateChanged | TrackEvent | WarningIssued
)


MAX_POOLED_TRANSPORTS: Final = 16
"""How many transports gather ahead of time at most, whatever the size of the pool."""

_WISHES: Final = (GatheringWanted, HostResolutionWanted, OpenTransport)


class PeerConnection(NegotiationView, NetworkCommands, MediaCommands):
    """A WebRTC peer connection that computes, while its owner moves the bytes and keeps the time.

    The loop: exchange descriptions and candidates with the peer; when `events` asks for it, open sockets and tell their
    addresses (`add_local_address`); hand in what arrives (`receive_datagrams`); call `handle_timeout` at
    `next_timeout`; after every call send `datagrams_to_send` and look at `events`.

    Args:
        rng: Returns that many unpredictable bytes; ``os.urandom``.
        wall_clock: The time of day, with its zone; for the dates of certificates, and for RTCP.
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
        self._certificates = choose_certificates(self._configuration, rng, wall_clock)
        self._rng = rng
        self._journal = Journal(trace=trace, now=now, time_of_day=wall_clock.timestamp())
        self._events: list[Event] = []
        self._negotiation_needed = False
        self._local_description_applied = False
        self._negotiator = Negotiator(
            rng=rng,
            fingerprints=fingerprints_of(self._certificates),
            data=DataParameters(
                sctp_port=self._options.data.association.local_port,
                max_message_size=self._options.data.max_message_size,
            ),
            bundle_policy=self._configuration.bundle_policy,
            requires_cryptex=self._requires_cryptex,
            ice_lite=self._options.ice.lite,
            renomination=self._options.ice.continual,
        )
        self._surface = None
        self._layers = Layers(
            negotiator=self._negotiator,
            certificate=self._certificates[0],
            options=self._options,
            rng=rng,
            journal=self._journal,
        )
        self._configure()

    # --- what it is ---

    @property
    def ice_gathering_state(self) -> IceGatheringState:
        """How far the search for local candidates is."""
        return self._layers.gathering_state

    @property
    def ice_connection_state(self) -> IceTransportState:
        """How far ICE is on all transports."""
        return self._layers.ice_state

    @property
    def connection_state(self) -> ConnectionState:
        """How far the connection as a whole is."""
        return self._layers.connection_state

    @property
    def negotiation_needed(self) -> bool:
        """Whether something waits to be agreed upon by offer and answer."""
        self._follow_media()
        return self._negotiation_needed

    @property
    def configuration(self) -> Configuration:
        """What `set_configuration` or the constructor were given."""
        return self._configuration

    @property
    def _requires_cryptex(self) -> bool:
        return self._configuration.rtp_header_encryption_policy is RtpHeaderEncryptionPolicy.REQUIRE

    @property
    def certificates(self) -> tuple[Certificate, ...]:
        """Our certificates; the first one authenticates us."""
        return self._certificates

    @property
    def transports(self) -> tuple[TransportView, ...]:
        """The transports in use."""
        transports = self._layers.transports.transports.values()
        return tuple(TransportView(each, self._negotiator) for each in transports)

    @property
    def sctp(self) -> SctpTransportView | None:
        """The transport of the data channels; None before one is negotiated."""
        negotiated = self._layers.data.is_negotiated or self._negotiator.data_section is not None
        return SctpTransportView(self._layers, self._negotiator) if negotiated and not self.closed else None

    @property
    def stats(self) -> PeerStats:
        """Counters of the machine; see `statistics` for those of all layers."""
        return self._layers.stats()

    def statistics(self) -> list[Statistics]:
        """Describe everything that is counted, in the order of the W3C's identifiers for statistics; also after `close`."""
        from rtc_peer.statistics_report import report

        return report(
            self._layers.transports.transports.values() or self._layers.transports.former,
            self._layers.data,
            former_channels=self._layers.former_channels,
            certificates=self._certificates,
            url_of=self._layers.transports.url_of,
            track_of=self._track_of,
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
        # [rfc3264:4/1]
        self._negotiator.signaling.check(SdpType.OFFER, remote=False)
        return self._negotiator.create_offer(self._layers.transports.written(), self._wishes(), ice_restart=ice_restart)

    def create_answer(self) -> SessionDescription:
        """Make an answer to the peer's offer; it takes effect when it is set. It may be set as pranswer, too.

        Raises:
            StateError: The connection is closed, or there is no offer.
        """
        self._require_open()
        return self._negotiator.create_answer(self._layers.transports.written(), self._wishes())

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
        now = self._enter(now)
        if description is None or (not description.sdp and description.type is not SdpType.ROLLBACK):
            description = self._negotiator.implicit(
                None if description is None else description.type,
                self._layers.transports.written(),
                self._wishes(),
            )
        before = self.signaling_state
        outcome = self._negotiator.set_local(description)
        self._negotiator.note_transports(self._layers.transports.written())
        self._local_description_applied = True
        self._apply_to_media(description.type, before, outcome, remote=False)
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
        now = self._enter(now)
        before = self.signaling_state
        outcome = self._negotiator.set_remote(description)
        self._apply_to_media(description.type, before, outcome, remote=True)
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
        now = self._enter(now)
        wish = CandidateWish(candidate, sdp_mid, sdp_m_line_index, username_fragment)
        for place in locate(wish, self._negotiator.signaling):
            for description in place.descriptions:
                description.take_candidate(place.index, wish.value)
            key = self._negotiator.transport_of(place.index)
            if key is not None:
                self._layers.transports.add_candidate(key, place.candidate, place.ufrag, now)
        self._layers.settle(now)

    def restart_ice(self) -> None:
        """Ask for new paths by the next offer; `NegotiationNeeded` tells when it is time.

        Does nothing if the connection is closed.
        """
        if not self.closed:
            self._negotiator.restart_ice()
            self._update_negotiation_needed()

    def set_configuration(self, configuration: Configuration) -> None:
        """Exchange the configuration. Servers and transport policy count from the next gathering on.

        The next offer, whenever it is made, restarts ICE if these changed; `restart_ice` asks for it at once.

        Raises:
            StateError: The connection is closed.
            ModificationError: Something changes that must stay.
        """
        self._require_open()
        check_modification(
            self._configuration, configuration, local_description_applied=self._local_description_applied
        )
        before, self._configuration = self._configuration, configuration
        changed = not configuration.gathers_as(before)
        if changed:
            self._negotiator.configuration_changed()
        self._configure(anew=changed)

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
        channel = self._layers.data.create_channel(
            label,
            ordered=ordered,
            max_packet_life_time_ms=max_packet_life_time_ms,
            max_retransmits=max_retransmits,
            protocol=protocol,
            negotiated=negotiated,
            channel_id=channel_id,
            priority=priority,
        )
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
        self._layers.data.send(channel, data)

    def channel(self, channel_id: int) -> DataChannel | None:
        """Return the channel that `rtc_datachannel.MessageReceived` names, unless it has closed since."""
        return self._layers.data.endpoint.channel(channel_id)

    def buffered_amount(self, channel: DataChannel) -> int:
        """Return the bytes that were queued on a channel and not sent yet."""
        return self._layers.data.endpoint.buffered_amount(channel)

    def set_buffered_amount_low_threshold(self, channel: DataChannel, threshold: int) -> None:
        """Say at how many unsent bytes `rtc_datachannel.BufferedAmountLow` shall tell; 0 at first.

        Raises:
            ArgumentError: The threshold is negative.
            StateError: The channel has no stream yet, or no longer.
        """
        self._layers.data.set_threshold(channel, threshold)

    def add_unread(self, difference: int) -> None:
        """Tell that the application holds more messages unread than before, or less; the peer is slowed down accordingly.

        An application that reads every event at once needs not call it.

        Args:
            difference: Bytes; negative when messages were read.
        """
        self._layers.data.add_unread(difference)

    def close_channel(self, channel: DataChannel, now: float) -> None:
        """Close a channel when all that was queued on it is sent. Does nothing if it is closing or closed."""
        now = self._journal.advance(now)
        self._layers.data.close_channel(channel)
        self._layers.settle(now)

    # --- the contract of every machine ---

    def receive_datagram(self, datagram: Datagram, now: float) -> None:
        """Take one datagram. Never raises for what is in it."""
        self.receive_datagrams([datagram], now)

    def receive_datagrams(self, datagrams: Iterable[Datagram], now: float) -> None:
        """Take datagrams that arrived together: the fast path."""
        now = self._journal.advance(now)
        batch = datagrams if isinstance(datagrams, list) else list(datagrams)
        self._journal.stats.datagrams_received += len(batch)
        if self.closed:
            self._journal.drop("closed", len(batch))
            return
        self._layers.receive(batch, now)

    def handle_timeout(self, now: float) -> None:
        """Do what is due. Call at or after `next_timeout`."""
        now = self._journal.advance(now)
        if self.closed:
            return
        self._layers.handle_timeout(now)

    def datagrams_to_send(self, now: float) -> list[Datagram]:
        """Drain what is to be sent. Call after every other call."""
        now = self._journal.advance(now)
        if self._surface is not None and self._surface.stirred:
            self._surface.follow()
        output = self._layers.datagrams_to_send(now)
        self._journal.stats.datagrams_sent += len(output)
        return output

    def events(self) -> list[Event]:
        """Drain what happened. Call after every other call."""
        media = self._surface
        if media is not None and (media.stirred or media.touched):
            self._follow_media()
        queued, self._events = self._events, []
        return [*queued, *self._layers.events()]

    def next_timeout(self) -> float | None:
        """Return when `handle_timeout` is due, on the clock of ``now``; None for never."""
        if self._surface is not None and self._surface.stirred:
            return self._journal.now
        return self._layers.next_timeout(self._journal.now)

    def close(self, now: float) -> None:
        """End the connection at once. Flush once more: the peer is told. Idempotent."""
        now = self._journal.advance(now)
        if self.closed:
            return
        self._negotiator.signaling.close()
        self._layers.close(now)
        self._negotiation_needed = False
        self._report(ConnectionClosed())
        # Wishes that are still on their way to the owner need no answer any more.
        self._events = [each for each in self._events if not isinstance(each, _WISHES)]
        self._journal.write("peer:closed", {})

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._negotiator.signaling.state is SignalingState.CLOSED

    # --- within ---

    def _wishes(self) -> Wishes:
        return Wishes(data=self._layers.data.channels_created, media=self._media_wishes())

    def _apply(self, outcome: Outcome, before: SignalingState, *, controlling: bool) -> None:
        """Let a description take effect in the layers below, and tell what became of signalling."""
        if outcome.rolled_back and self.signaling_state is not SignalingState.STABLE:
            self._signaling_changed(SignalingState.STABLE)
        if self.signaling_state is not before or outcome.rolled_back:
            self._signaling_changed(self.signaling_state)
        self._layers.apply(outcome, controlling=controlling, now=self._journal.now)
        for event in () if self._surface is None else self._surface.events():
            self._report(event)
        if self.signaling_state is SignalingState.STABLE:
            if not outcome.rolled_back:
                self._fill_pool(0)
            self._negotiation_needed = False
            self._update_negotiation_needed()

    def _follow_media(self) -> None:
        """Take over what was done to transceivers."""
        if self._surface is not None:
            self._surface.follow()
            if self._surface.touched:
                self._update_negotiation_needed()

    def _report(self, event: Event) -> None:
        """Queue an event of our own behind what the layers have said so far."""
        self._events += self._layers.events()
        self._events.append(event)

    def _signaling_changed(self, state: SignalingState) -> None:
        self._report(SignalingStateChanged(state))
        self._journal.write("peer:signaling_state_changed", {"state": state.value})

    def _configure(self, *, anew: bool = False) -> None:
        servers = self._configuration.ice_servers
        self._layers.transports.configure(IceServers(servers), self._configuration.ice_transport_policy)
        for url in unsupported_urls(servers):
            self._report(WarningIssued(f"{url} is not used: STUN over TLS tells nothing that helps"))
        if not self._local_description_applied:
            self._fill_pool(self._configuration.ice_candidate_pool_size, anew=anew)
        self._layers.settle(self._journal.now)

    def _fill_pool(self, size: int, *, anew: bool = False) -> None:
        """Let transports gather before there is a description that needs them."""
        # [rfc8829:4.1.1/2]
        wanted = self._negotiator.fill_pool(min(size, MAX_POOLED_TRANSPORTS))
        self._layers.transports.fill_pool(wanted, self._journal.now, anew=anew)

    def _update_negotiation_needed(self) -> None:
        """See section 4.7.3 of webrtc-pc."""
        if self.closed or self.signaling_state is not SignalingState.STABLE:
            return
        needed = self._negotiator.needs_negotiation(wants_data=self._layers.data.channels_created)
        if self._surface is not None:
            self._surface.touched = False
            needed = needed or self._surface.needs_negotiation()
        if needed and not self._negotiation_needed:
            self._report(NegotiationNeeded())
        self._negotiation_needed = needed

    def _enter(self, now: float) -> float:
        """Begin a command, and return what counts as the present."""
        self._require_open()
        return self._journal.advance(now)

    def _require_open(self) -> None:
        if self.closed:
            raise StateError("the connection is closed")
