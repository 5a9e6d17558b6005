"""One ICE agent as a transport of the connection: what negotiation asks of it, and what it says about itself.

The agent counts generations of candidates by its credentials. A description names the credentials of one generation;
the agent is in that generation as soon as the description is applied. A rolled-back restart leaves the agent in a
generation that nobody answers, which does no harm: data stays on the old pair until a new one is chosen.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable

import rtc_ice
from rtc_ice import Announced, Candidate, CandidatePair, Credentials, IceAgent, IceConfig, TcpType, TurnServer
from rtc_peer.events import (
    NO_RESPONSE,
    CandidatePairChanged,
    HostResolutionWanted,
    IceCandidateFailed,
    IceCandidateFound,
    IceTransportEvent,
    IceTransportGatheringStateChanged,
    IceTransportStateChanged,
    SelectedCandidatePairChanged,
)
from rtc_peer.ice_server import IceServers
from rtc_peer.journal import Trace
from rtc_peer.orders import StartOrder
from rtc_peer.remote_candidates import RemoteCandidates
from rtc_peer.state import IceGatheringState, IceTransportState
from rtc_stun import Address, CloseTransport, Datagram, OpenTransport


class IceTransport:
    """An agent with one component, and the candidates of its present generation.

    Args:
        transport_id: Names it in events.
        credentials: What the description says that it was made for.
        controlling: Whether we made the first offer.
        rng: Source of randomness.
        config: Of the agent.
        trace: Takes structured records.
        now: Present time in seconds.
    """

    __slots__ = (
        "_abandoned",
        "_due",
        "_hosts",
        "_kept",
        "_selected",
        "_silent",
        "_transport_id",
        "agent",
        "candidates",
        "credentials",
        "gathering_state",
        "is_pooled",
        "pair_changes",
        "relay_only",
        "remote_candidates",
        "state",
        "stirred",
    )

    def __init__(
        self,
        transport_id: int,
        *,
        credentials: Credentials,
        controlling: bool,
        rng: Callable[[int], bytes],
        config: IceConfig,
        trace: Trace | None,
        now: float,
    ) -> None:
        self._transport_id = transport_id
        # [rfc8829:5.1.1/3] [rfc8827:6.3/1] [rfc8835:3.4/1] [rfc8835:3.4/2]
        self.agent = IceAgent(
            controlling=controlling, rng=rng, config=config, credentials=credentials, trace=trace, now=now
        )
        """To look at; commands go through this class, which has to know of them."""
        self.remote_candidates = RemoteCandidates(self.agent)
        self.credentials = credentials
        """Of the generation that descriptions show."""
        self.candidates: list[Candidate] = []
        """Of that generation, those that may be shown."""
        self.state = IceTransportState.NEW
        self.gathering_state = IceGatheringState.NEW
        self.pair_changes = 0
        self.relay_only = config.relay_only
        """The policy relay is in force: nothing but relayed candidates is gathered."""
        self._hosts: list[Address] = []
        """The local addresses."""
        self.stirred = True
        """Whether something was put into the agent, or fell due, since it was last drained of everything."""
        self._due: float | None = None
        """When the agent wants to be called; holds while it is not stirred."""
        self._selected: CandidatePair | None = None
        self._silent: dict[str, int] = {}
        """Questions of this generation that a server, by its URL, has not answered."""
        self._abandoned: tuple[Credentials, list[Candidate]] | None = None
        self.is_pooled = False
        """It gathers ahead of time: nothing is told before a description takes it."""
        self._kept: list[rtc_ice.Event] = []
        """What is to be told then."""

    @property
    def pair(self) -> CandidatePair | None:
        """Where data goes; None if nothing may be sent."""
        return self.agent.selected_pair

    @property
    def round_trip_time(self) -> float | None:
        """Seconds that the last check of the selected pair took; None if nothing was measured."""
        selected = (each for each in self.agent.candidate_pair_stats() if each.selected)
        return next((each.current_round_trip_time for each in selected), None)

    @property
    def gathering_complete(self) -> bool:
        """Whether all candidates of the generation that descriptions show are known."""
        is_shown = self.agent.local_credentials == self.credentials
        return is_shown and self.gathering_state is IceGatheringState.COMPLETE

    # --- what negotiation asks ---

    def restart(self, credentials: Credentials, config: IceConfig, now: float) -> None:
        """Begin another generation of candidates, from the servers and by the policy that are configured now."""
        self.stirred = True
        if self._abandoned is None:
            # Of several restarts that nobody answered, rollback calls off all.
            self._abandoned = (self.credentials, self.candidates)
        self.credentials, self.candidates = credentials, []
        self._silent.clear()
        self.relay_only = config.relay_only
        # [rfc8839:4.4.3.1/1]
        self.agent.restart(now, credentials=credentials, config=config)

    def gather_anew(self, config: IceConfig, now: float) -> None:
        """In the pool: begin again, from the servers and by the policy that are configured now."""
        self._kept.clear()
        self.restart(self.credentials, config, now)
        self._abandoned = None

    def leave_pool(self, *, controlling: bool) -> None:
        """A description takes it: tell what was found."""
        self.stirred = True
        self.is_pooled = False
        self.agent.controlling = controlling

    def roll_back(self) -> None:
        """Show the former generation again."""
        if self._abandoned is not None:
            self.credentials, self.candidates = self._abandoned
            self._abandoned = None

    def start(self, order: StartOrder, now: float) -> None:
        """Begin to check, or go on with what is agreed upon already."""
        self.stirred = True
        remote = order.agreement.remote
        ufrag, password = remote.credentials.ufrag, remote.credentials.password
        if self.agent.remote_credentials is None and self.agent.local_credentials == self.credentials:
            self._abandoned = None
            # [rfc8829:5.1.1/4]
            self.agent.set_remote_credentials(
                ufrag, password, now, lite=remote.ice_lite, renomination=remote.renomination
            )
        # [rfc8839:4.2.5/4] What the section names as its default counts for nothing.
        for text in order.candidates:
            self.remote_candidates.add_line(text, ufrag, now)
        if order.end_of_candidates:
            self.remote_candidates.end(ufrag, now)

    # --- what the peer signals ---

    def add_candidate(self, candidate: Candidate, ufrag: str, now: float) -> None:
        """Take a candidate of the peer; see `RemoteCandidates.add`."""
        self.stirred = True
        self.remote_candidates.add(candidate, ufrag, now)

    def end_candidates(self, ufrag: str, now: float) -> None:
        """Take the end of a generation of the peer's candidates."""
        self.stirred = True
        self.remote_candidates.end(ufrag, now)

    # --- what the owner's I/O tells ---

    def add_local_address(
        self, address: Address, now: float, announced: Announced | None = None, tcp_type: TcpType | None = None
    ) -> bool:
        """Take the address of a socket, and return whether it became a candidate.

        Raises:
            ValueError: The address is no IP address, was added before or is one too many, or what is to be announced
                instead is of another family.
        """
        # [rfc8835:3.2/1] [rfc8835:3.4/7] [rfc8839:5.1/4]
        added = self.agent.add_local_address(address, now, announced=announced, tcp_type=tcp_type)
        self.stirred = True
        if added and tcp_type is None:
            self._hosts.append(address)
        if not added:
            # The agent may keep what came too late for the next restart; but its owner closes the socket now.
            with contextlib.suppress(ValueError):
                self.agent.remove_local_address(address, now, tcp_type=tcp_type)
        return added

    def remove_local_address(self, address: Address, now: float, tcp_type: TcpType | None = None) -> None:
        """Forget an address, and show its candidates no more."""
        self.stirred = True
        if tcp_type is None:
            self._hosts.remove(address)
        self.agent.remove_local_address(address, now, tcp_type=tcp_type)
        left = {each.candidate for each in self.agent.candidate_stats() if not each.is_remote}
        self.candidates = [each for each in self.candidates if each in left]

    def end_of_local_addresses(self, now: float) -> None:
        """Take the end of the addresses."""
        self.stirred = True
        self.agent.end_of_local_addresses(now)

    def add_servers(self, stun: Iterable[Address], turn: Iterable[TurnServer], now: float) -> None:
        """Take servers that were not known before; those beyond the agent's bound are left out."""
        self.stirred = True
        with contextlib.suppress(ValueError):
            for server in stun:
                self.agent.add_stun_server(server, now)
        with contextlib.suppress(ValueError):
            for relay in turn:
                self.agent.add_turn_server(relay, now)

    def host_resolved(self, host: str, addresses: Iterable[str], now: float) -> None:
        """Take what the name in a candidate stands for."""
        self.stirred = True
        self.remote_candidates.host_resolved(host, addresses, now)

    # --- the machine ---

    def receive(self, checks: list[Datagram], now: float) -> None:
        """Take STUN datagrams that arrived together."""
        self.stirred = True
        self.agent.receive_datagrams(checks, now)

    def handle_timeout(self, now: float) -> bool:
        """Do what is due, and return whether anything was."""
        if not self._is_due(now):
            return False
        self.stirred = True
        self.agent.handle_timeout(now)
        return True

    def datagrams_to_send(self, now: float) -> list[Datagram]:
        """Drain what is to be sent; the agent is left alone if it cannot have anything."""
        if not self._is_due(now):
            return []
        self.stirred = True
        return self.agent.datagrams_to_send(now)

    def carry(self, datagrams: list[Datagram], now: float) -> list[Datagram]:
        """Send data through the relay or the stream of the selected pair, and return what leaves from sockets for it."""
        self.stirred = True
        self.agent.send(datagrams, now)
        return self.agent.datagrams_to_send(now)

    def rest(self) -> float | None:
        """Everything was drained: return when something is due again."""
        if self.stirred:
            self.stirred = False
            self._due = self.agent.next_timeout()
        return self._due

    def close(self, now: float) -> None:
        """End at once, without a word."""
        self.stirred = True
        self.agent.close(now)
        self.state = IceTransportState.CLOSED

    def _is_due(self, now: float) -> bool:
        return self.stirred or (self._due is not None and self._due <= now)

    # --- what it says ---

    def drain(self, servers: IceServers, names_of: Callable[[int], tuple[str, int]]) -> list[IceTransportEvent]:
        """Return what happened since the last call.

        Args:
            servers: To name the one that a candidate came from.
            names_of: Returns mid and index of the section that candidates are signalled for.
        """
        wanted = self.remote_candidates.take_wanted()
        # Asking for a name tells who asks: the policy relay forbids it (webrtc-pc section 4.4.2).
        found: list[IceTransportEvent] = [] if self.relay_only else [HostResolutionWanted(name) for name in wanted]
        events = self._tellable()
        if not events:
            return found
        names = names_of(self._transport_id)
        # [rfc8827:6.3/4] Nothing below tells of a transaction.
        for event in events:
            match event:
                case rtc_ice.LocalCandidateGathered():
                    found += self._gathered(event, servers, names)
                case rtc_ice.CandidateGatheringFailed():
                    if self._is_worth_telling(event, servers):
                        found.append(self._failed(event, servers))
                case rtc_ice.GatheringStateChanged():
                    found += self._gathering_changed(event, names)
                case rtc_ice.ConnectionStateChanged():
                    self.state = IceTransportState(event.state.value)
                    found.append(IceTransportStateChanged(self._transport_id, self.state))
                case rtc_ice.SelectedPairChanged():
                    found += self._pair_changed(event)
                case rtc_ice.CandidatePairChanged():
                    found.append(self._pair_told(event))
                case OpenTransport() | CloseTransport():
                    found.append(event)
                case rtc_ice.RoleChanged() | rtc_ice.ConsentExpired():
                    # The role is read when asked for; lost consent shows in the state and in the selected pair.
                    pass
        return found

    def _tellable(self) -> list[rtc_ice.Event]:
        """Return what happened; as long as it is in the pool, wishes alone."""
        events, self._kept = [*self._kept, *self.agent.events()], []
        if not self.is_pooled:
            return events
        self._kept = [each for each in events if not isinstance(each, OpenTransport | CloseTransport)]
        return [each for each in events if isinstance(each, OpenTransport | CloseTransport)]

    def _is_worth_telling(self, event: rtc_ice.CandidateGatheringFailed, servers: IceServers) -> bool:
        """Whether a server refused, or was reached from no address of ours: silence towards one of several tells nothing.

        See webrtc-pc, section 4.8.3.
        """
        url = _url(servers, event)
        if event.error_code is not None or url is None:
            return True
        self._silent[url] = self._silent.get(url, 0) + 1
        families = [each.is_ipv6 for each in self._hosts]
        return self._silent[url] == sum(families.count(each.is_ipv6) for each in servers.addresses_of(url))

    def _failed(self, event: rtc_ice.CandidateGatheringFailed, servers: IceServers) -> IceCandidateFailed:
        # Who has not been told of an address of ours by a candidate is not told of it by an error either.
        is_shown = any(each.address.host == event.local.host for each in self.candidates)
        return IceCandidateFailed(
            url=_url(servers, event) or "",
            error_code=event.error_code or NO_RESPONSE,
            error_text=event.reason,
            address=event.local.host if is_shown else None,
            port=event.local.port if is_shown else None,
        )

    def _gathered(
        self, event: rtc_ice.LocalCandidateGathered, servers: IceServers, names: tuple[str, int]
    ) -> list[IceTransportEvent]:
        if event.ufrag != self.credentials.ufrag:
            return []
        self.candidates.append(event.candidate)
        server = event.turn_server
        protocol = None if server is None or event.candidate.type != "relay" else relay_protocol(server)
        # [rfc8829:4.1.20/1]
        text = _with_ufrag(event.candidate, event.ufrag)
        return [IceCandidateFound(text, *names, event.ufrag, _url(servers, event), protocol)]

    def _gathering_changed(
        self, event: rtc_ice.GatheringStateChanged, names: tuple[str, int]
    ) -> list[IceTransportEvent]:
        self.gathering_state = IceGatheringState(event.state.value)
        changed = IceTransportGatheringStateChanged(self._transport_id, self.gathering_state)
        if self.gathering_state is not IceGatheringState.COMPLETE or event.ufrag != self.credentials.ufrag:
            return [changed]
        # [rfc8829:4.1.20/2] [rfc8829:4.1.20/3]
        return [IceCandidateFound("", *names, event.ufrag), changed]

    def _pair_told(self, event: rtc_ice.CandidatePairChanged) -> CandidatePairChanged:
        local, remote = str(event.pair.local_candidate), str(event.pair.remote_candidate)
        state = None if event.state is None else event.state.value
        return CandidatePairChanged(self._transport_id, event.number, local, remote, state, event.nominated)

    def _pair_changed(self, event: rtc_ice.SelectedPairChanged) -> list[IceTransportEvent]:
        if event.pair is None or event.pair == self._selected:
            return []
        self._selected = event.pair
        self.pair_changes += 1
        local, remote = str(event.pair.local_candidate), str(event.pair.remote_candidate)
        return [SelectedCandidatePairChanged(self._transport_id, local, remote)]


def relay_protocol(server: TurnServer) -> str:
    """Return how a TURN server is reached, in the words of the W3C: ``udp``, ``tcp`` or ``tls``."""
    return "udp" if server.transport == "dtls" else server.transport


def _url(servers: IceServers, event: rtc_ice.LocalCandidateGathered | rtc_ice.CandidateGatheringFailed) -> str | None:
    transport = None if event.turn_server is None else event.turn_server.transport
    return None if event.server is None else servers.url_of(event.server, transport)


def _with_ufrag(candidate: Candidate, ufrag: str) -> str:
    """Return a candidate as it is signalled: with the generation that it belongs to."""
    return str(candidate) if candidate.ufrag is not None else f"{candidate} ufrag {ufrag}"
