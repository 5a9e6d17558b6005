"""The client: one allocation on one server, from asking for it to giving it back.

See :rfc:`8656#section-5` to :rfc:`8656#section-8`; what goes through the allocation is the business of `client_relay`.
"""

from collections.abc import Callable, Iterable
from typing import Final

from rtc_stun import (
    Address,
    Attribute,
    CloseTransport,
    Credential,
    Datagram,
    IndicationReceived,
    RequestFailed,
    RequestRedirected,
    RequestSucceeded,
    RtoCache,
    StreamData,
)
from rtc_turn.allocation import AllocateWish, family_of, phrase_of, read_allocation, ticket_of
from rtc_turn.attributes import Lifetime, MobilityTicket
from rtc_turn.channel_data import is_channel_data
from rtc_turn.client_authorization import ClientAuthorization, TokenGrant
from rtc_turn.client_connections import ClientConnections
from rtc_turn.client_link import ClientLink, ClientLinks, stun_maker
from rtc_turn.client_relay import DATA_INDICATION, ClientRelay
from rtc_turn.client_requests import Binding, Journal, Moving, Order, Permitting, Purpose, Refreshing, Trace
from rtc_turn.client_state import Allocating, Authorizing, Ended, Idle, InUse, Releasing, State
from rtc_turn.config import TurnConfig, TurnStats
from rtc_turn.errors import ParseError, StateError
from rtc_turn.events import AllocationEnded, AllocationMoved, EndReason, Event
from rtc_turn.method import CONNECTION_ATTEMPT, REFRESH

MAX_DATA_LENGTH: Final = 65_507
"""Bytes of the largest datagram that a peer could be sent."""
_ALLOCATION_MISMATCH: Final = 437


class TurnClient:
    """Obtain a relayed address from a TURN server, and exchange data with peers through it.

    `allocate` begins; `Allocated` tells the relayed address. `send` asks for the permission and the channel that a peer
    needs, and keeps the data until they are there. Everything that expires is refreshed in time while it is in use. Drain
    `datagrams_to_send` (or `stream_data_to_send`) and `events` after every call, and call `handle_timeout` when
    `next_timeout` has come.

    Over ``tcp`` and ``tls`` the client asks for its stream with `rtc_stun.OpenTransport`.

    Args:
        local: Our address. It labels what is sent.
        server: Whom to ask; an IP literal.
        rng: Cryptographic randomness, such as `os.urandom`.
        credential: A long-term credential; None for servers that ask for none.
        domain: What the server's certificate must prove, handed on to `rtc_stun.OpenTransport`.
        config: See there.
        rto_cache: Share one to let clients learn from each other.
        trace: Called with time, name and data of what happens.
    """

    def __init__(
        self,
        *,
        local: Address,
        server: Address,
        rng: Callable[[int], bytes],
        credential: Credential | None = None,
        domain: str | None = None,
        config: TurnConfig | None = None,
        rto_cache: RtoCache | None = None,
        trace: Trace | None = None,
    ) -> None:
        self._config = config if config is not None else TurnConfig()
        self._local = local
        self._first_local = local
        self._server = server
        self._domain = domain
        self._rng = rng
        make_stun = stun_maker(self._config, local=local, rng=rng, rto_cache=rto_cache, trace=trace)
        self._journal = Journal(trace, TurnStats())
        self._links = ClientLinks(make_stun, self._journal)
        # What the STUN client drops is counted together with the rest.
        self._journal.stats.dropped = self._links.control.stun.stats.dropped
        # [rfc8656:5/1] [rfc8656:6/4] [rfc8656:21.1.6/1] Servers that want USERHASH get it; TLS and DTLS are the caller's.
        self._authorization = ClientAuthorization(
            is_wanted=self._config.third_party, credential=credential, links=self._links, journal=self._journal
        )
        self._state: State = Idle()

    # What it is.

    @property
    def stats(self) -> TurnStats:
        """Counters, for reading."""
        return self._journal.stats

    @property
    def relayed(self) -> tuple[Address, ...]:
        """The relayed addresses; empty while there is no allocation."""
        return self._state.allocation.relayed if isinstance(self._state, InUse) else ()

    @property
    def server(self) -> Address:
        """The server that is asked, or that holds the allocation."""
        return self._server

    @property
    def closed(self) -> bool:
        """Whether the client has come to its end: there is no allocation, and will be none."""
        return isinstance(self._state, Ended)

    @property
    def connections(self) -> ClientConnections:
        """TCP connections with peers, while there is an allocation for them (`TurnConfig.tcp`).

        Raises:
            StateError: There is none.
        """
        if not isinstance(self._state, InUse) or not self._config.tcp:
            raise StateError("there is no TCP allocation")
        return self._state.connections

    # Commands.

    def allocate(self, now: float) -> None:
        """Ask for the allocation; `Allocated` or `AllocationEnded` follows. Only queues: drain the output next.

        Raises:
            StateError: It was asked for before, or the client is closed.
        """
        if not isinstance(self._state, Idle):
            raise StateError("an allocation is asked for once")
        self._journal.advance(now)
        self._state = Allocating()
        self._journal.order_allocation(AllocateWish.of(self._config))
        self._settle()

    def authorize(self, grant: TokenGrant, now: float) -> None:
        """Answer `TokenWanted`, or bring another token in time. Only queues: drain the output next.

        Raises:
            StateError: The configuration says nothing of tokens (`TurnConfig.third_party`), or nothing is to be authorized.
        """
        state = self._state
        if not self._config.third_party or not isinstance(state, Authorizing | InUse):
            raise StateError("there is nothing to authorize")
        self._journal.advance(now)
        self._authorization.grant(grant)
        # [rfc7635:9/6]
        if isinstance(state, InUse):
            self._journal.order(REFRESH, Refreshing(), *self._config.lifetime_wish)
        else:
            self._state = Allocating()
            self._journal.order_allocation(state.wish)
        self._settle()

    def set_credential(self, credential: Credential | None) -> None:
        """Prove ourselves so from the next request on, such as with a password that was changed.

        An allocation remains its user's: whoever has another name needs another client, and another address of ours.

        Raises:
            StateError: There is an allocation of another user, or one is asked for.

        See :rfc:`8656#section-5`.
        """
        # [rfc8656:5/17]
        if not isinstance(self._state, Idle | Ended) and not self._authorization.is_same_user(credential):
            raise StateError("an allocation is of the user who made it")
        self._authorization.set_credential(credential)
        if isinstance(self._state, InUse):
            self._state.relay.forgive()

    def create_permission(self, peer: Address, now: float) -> None:
        """Let a peer's host send to us; `PermissionInstalled` or `PermissionRefused` follows. Only queues.

        To send to a peer does this as well.

        Raises:
            StateError: There is no allocation, or there are too many permissions.
            ValueError: No relayed address is of the peer's family.
        """
        relay = self._relay_to(peer)
        self._journal.advance(now)
        relay.permit(peer.host)

    def bind_channel(self, peer: Address, now: float) -> None:
        """Spare the data to and from a peer most of its header; `ChannelBound` follows. Only queues.

        To send to a peer does this as well, unless `TurnConfig.channels` says otherwise.

        Raises:
            StateError: There is no allocation, or there are too many permissions.
            ValueError: No relayed address is of the peer's family.
        """
        relay = self._relay_to(peer)
        self._journal.advance(now)
        relay.bind(peer)
        self._settle()

    def send(self, data: bytes, peer: Address, now: float) -> None:
        """Send a datagram to a peer through the relay. Only queues: drain the output next.

        Args:
            data: 0 to 65507 bytes.
            peer: Whom to send to.
            now: Seconds.

        Raises:
            StateError: There is no allocation, or there are too many permissions.
            BufferFullError: Too much waits for permissions, or for being drained.
            ValueError: The data is too long, or no relayed address is of the peer's family.
        """
        relay = self._relay_to(peer)
        if len(data) > MAX_DATA_LENGTH:
            raise ValueError(f"a datagram has at most {MAX_DATA_LENGTH} bytes, not {len(data)}")
        self._journal.advance(now)
        relay.send(peer, data)
        self._settle()

    def move(self, local: Address, now: float) -> None:
        """Take the allocation along to another address of ours; `AllocationMoved` or `AllocationEnded` follows.

        Call it when the address that the client was made with has changed, or another is to be used from now on. What is
        sent meanwhile waits. Only queues: drain the output next, which is sent from the new address.

        Args:
            local: The new address.
            now: Seconds.

        Over a stream, the client asks for another one that leaves from the new address; when the old stream breaks it does so
        by itself, from any address.

        Raises:
            StateError: There is no allocation that may move (see `Allocated.is_mobile`), or it is moving.
            ValueError: The address is the old one.

        See :rfc:`8016#section-3.2`.
        """
        state = self._state
        if not isinstance(state, InUse) or state.allocation.ticket is None or state.is_moving:
            raise StateError("there is no allocation that may move")
        # [rfc8016:3.2.1/1]
        if local == self._local:
            raise ValueError(f"the client is at {local} already")
        self._journal.advance(now)
        self._local = local
        self._start_moving(state, local)
        self._settle()

    def _start_moving(self, state: InUse, local: Address | None) -> None:
        """Ask the server to follow us to an address; None for that of a stream from anywhere."""
        state.is_moving = True
        ticket = MobilityTicket(state.allocation.ticket or b"")
        order = Order(REFRESH, Moving(local or self._local), [*self._config.lifetime_wish, ticket])
        # [rfc8016:3.2.2/7]
        if self._config.is_stream:
            self._send(self._links.begin_next(None if local is None else Address(local.host, 0)), order)
        else:
            self._journal.orders.append(order)

    def close(self, now: float) -> None:
        """Give the allocation back; `AllocationEnded` follows when the server has answered, or does not.

        Without an allocation the end comes at once.
        """
        if isinstance(self._state, Ended | Releasing):
            return
        self._journal.advance(now)
        if isinstance(self._state, InUse):
            self._release(EndReason.CLOSED)
        else:
            self._end(EndReason.CLOSED)
        self._settle()

    def report_unreachable(self, now: float) -> None:
        """Tell of a hard ICMP error about the server: what is under way fails."""
        self._journal.advance(now)
        if not self.closed:
            self._links.control.stun.report_unreachable(self._server, now)
            self._settle()

    # Streams.

    def transport_opened(self, transport_id: int, now: float) -> None:
        """Tell that a stream asked for with `rtc_stun.OpenTransport` is connected; drain the output next.

        Raises:
            rtc_stun.StateError: The client was told before.
        """
        self._journal.advance(now)
        link = self._link_of(transport_id)
        if link is not None:
            link.opened(transport_id)

    def transport_failed(self, transport_id: int, now: float) -> None:
        """Tell that a stream could not be connected, was closed by the server, or broke.

        If it is the one that controls the allocation, that ends with it, unless it may move to another stream.
        """
        self._journal.advance(now)
        link, state = self._link_of(transport_id), self._state
        if link is None or link not in self._links.all():
            if link is not None and isinstance(state, InUse):
                state.connections.failed(transport_id)
            return
        is_control = link is self._links.control and transport_id == link.stream
        if is_control and isinstance(state, InUse):
            state.postponed += link.purposes.values()
            link.purposes.clear()
        link.failed(transport_id)
        self._settle()
        if is_control and isinstance(state, InUse) and self._state is state and not state.is_moving:
            # [rfc8016:3.2.2/7]
            if state.allocation.ticket is None:
                self._end(EndReason.LOST)
            else:
                self._start_moving(state, None)
                self._settle()

    def _link_of(self, transport_id: int) -> ClientLink | None:
        link = self._links.find(transport_id)
        return (
            self._state.connections.link_of(transport_id) if link is None and isinstance(self._state, InUse) else link
        )

    # Input.

    def receive_datagram(self, datagram: Datagram, now: float) -> None:
        """Take in a datagram; drain events and output next."""
        self.receive_datagrams((datagram,), now)

    def receive_datagrams(self, datagrams: Iterable[Datagram], now: float) -> None:
        """Take in several datagrams."""
        self._journal.advance(now)
        for datagram in datagrams:
            data = datagram.data
            if datagram.remote != self._server:
                self._journal.drop("stranger")
            elif not self._receive_from_peer(data):
                self._links.control.stun.receive_datagram(datagram, now)
        self._settle()

    def receive_stream_data(self, transport_id: int, data: bytes, now: float) -> None:
        """Take in what was read from a stream; a stream that does not speak TURN is given up."""
        self._journal.advance(now)
        link = self._link_of(transport_id)
        if link is None:
            self._journal.drop("unknown-transport")
        elif isinstance(self._state, InUse) and link not in self._links.all():
            self._state.connections.receive(transport_id, data)
        else:
            self._receive_from_server(link, transport_id, data)
        self._settle()

    def _receive_from_server(self, link: ClientLink, transport_id: int, data: bytes) -> None:
        try:
            for message in link.messages(data):
                if not self._receive_from_peer(message) and link.has(transport_id):
                    link.receive(transport_id, message)
        except ParseError:
            self._journal.drop("malformed-stream")
            self._journal.events.append(CloseTransport(transport_id, abort=True))
            self.transport_failed(transport_id, self._journal.now)

    def _receive_from_peer(self, message: bytes) -> bool:
        """Take in what a peer sent through the relay; whether it was that."""
        is_channel = is_channel_data(message)
        if not is_channel and message[:2] != DATA_INDICATION:
            return False
        if not isinstance(self._state, InUse):
            self._journal.drop("no-allocation")
        elif is_channel:
            self._state.relay.receive_channel_data(message)
        else:
            self._state.relay.receive_indication(message)
        return True

    # Time and output.

    def handle_timeout(self, now: float) -> None:
        """Do what time demands; drain events and output next."""
        self._journal.advance(now)
        if self.closed:
            return
        now = self._journal.now
        for link in self._links.all():
            link.stun.handle_timeout(now)
        self._settle()
        if not isinstance(self._state, InUse):
            return
        self._state.connections.handle_timeout()
        self._authorization.handle_timeout()
        allocation = self._state.allocation
        if now >= allocation.expires_at:
            self._end(EndReason.EXPIRED)
            return
        # [rfc8656:8/1] [rfc6062:4.2/1] [rfc6062:4.6/1]
        if allocation.begins_refresh(now) and not self._state.is_moving:
            self._journal.order(REFRESH, Refreshing(), *self._config.lifetime_wish)
        if not self._state.is_moving:
            self._state.relay.handle_timeout()
        self._settle()

    def next_timeout(self) -> float | None:
        """Return when `handle_timeout` is due, in seconds; at once while output waits to be drained."""
        if self._journal.orders:
            return self._journal.now
        times = [self._authorization.next_timeout()]
        times += [link.stun.next_timeout() for link in self._links.all()]
        if isinstance(self._state, InUse):
            times += [self._state.allocation.next_timeout(), self._state.connections.next_timeout()]
            if not self._state.is_moving:
                times.append(self._state.relay.next_timeout())
        return min((each for each in times if each is not None), default=None)

    def datagrams_to_send(self, now: float) -> list[Datagram]:
        """Drain what is to be sent. Over a stream see `stream_data_to_send`."""
        if self._config.is_stream:
            return []
        unsent = self._flush(now)
        local, server, transport = self._local, self._server, self._config.transport
        requests = self._links.control.stun.datagrams_to_send(self._journal.now)
        if local != self._first_local:
            requests = [Datagram(each.data, local, each.remote, transport) for each in requests]
        return requests + [Datagram(wire, local, server, transport) for wire in unsent]

    def stream_data_to_send(self, now: float) -> list[StreamData]:
        """Drain what is to be written to the stream."""
        if not self._config.is_stream:
            return []
        unsent = self._flush(now)
        output = [written for link in self._links.all() for written in link.output()]
        if unsent and self._links.control.stream is not None:
            output.append(StreamData(self._links.control.stream, b"".join(unsent)))
        return output + self._state.connections.output() if isinstance(self._state, InUse) else output

    def _flush(self, now: float) -> list[bytes]:
        self._journal.advance(now)
        # [rfc8016:3.2.2/9]
        if not isinstance(self._state, InUse) or self._state.is_moving:
            return []
        relay = self._state.relay
        relay.order_permissions()
        self._settle()
        return relay.take_unsent()

    def events(self) -> list[Event]:
        """Drain what has happened."""
        events, self._journal.events = self._journal.events, []
        return events

    # Requests and their outcome.

    def _send(self, link: ClientLink, order: Order) -> None:
        order.attributes += self._authorization.attributes(order.method)
        link.request(order, self._server, self._domain)

    def _settle(self) -> None:
        """Send what was ordered and take in what has ended, until there is neither."""
        while True:
            orders, self._journal.orders = self._journal.orders, []
            for order in orders:
                self._send(self._links.control, order)
            if isinstance(self._state, InUse):
                self._state.connections.settle()
            taken = sum(self._take_outcomes(link) for link in self._links.all())
            if not taken and not self._journal.orders:
                return

    def _take_outcomes(self, link: ClientLink) -> int:
        outcomes = link.outcomes()
        for event in outcomes:
            match event:
                case RequestSucceeded():
                    self._succeed(link.purposes.pop(event.request_id, None), event)
                case RequestFailed():
                    self._fail(link.purposes.pop(event.request_id, None), event)
                case RequestRedirected(server=server, domain=domain):
                    self._server, self._domain = server, domain
                case IndicationReceived(message=message) if message.method == CONNECTION_ATTEMPT and self._config.tcp:
                    if isinstance(self._state, InUse):
                        self._state.attempted(message)
                case IndicationReceived():
                    self._journal.drop("unexpected-indication")
        return len(outcomes)

    def _succeed(self, purpose: Purpose | None, event: RequestSucceeded) -> None:
        state = self._state
        match purpose:
            case AllocateWish() if isinstance(state, Allocating):
                self._take_allocation(purpose, event)
            case Refreshing() if isinstance(state, Releasing):
                self._end(state.reason)
            case Refreshing() if isinstance(state, InUse):
                self._journal.stats.refreshes += 1
                state.allocation.refreshed(self._journal.now, event.response, self._config.refresh_margin)
            case Moving(local=moved_to) if isinstance(state, InUse):
                self._moved(state, moved_to, event)
            case _ if isinstance(state, InUse):
                state.succeed(purpose, event)
            case _:
                pass  # It was meant for what is given back already.

    def _fail(self, purpose: Purpose | None, event: RequestFailed) -> None:
        state = self._state
        if isinstance(state, Releasing) and isinstance(purpose, Refreshing):
            # RFC 8656, 8.3: Whatever the server thinks, we are done with it.
            self._end(state.reason)
        elif isinstance(state, Allocating) and isinstance(purpose, AllocateWish):
            self._allocation_refused(purpose, event)
        elif not isinstance(state, InUse):
            return
        elif isinstance(purpose, Moving):
            self._end(EndReason.LOST, event)
        elif state.is_moving and event.error_code == _ALLOCATION_MISMATCH:
            # It was under way when we moved.
            if isinstance(purpose, Permitting | Binding):
                state.postponed.append(purpose)
        # [rfc8656:5/9]
        elif event.error_code == _ALLOCATION_MISMATCH:
            self._end(EndReason.LOST, event)
        elif isinstance(purpose, Refreshing):
            state.allocation.refresh_failed(self._journal.now)
        else:
            state.fail(purpose, event)

    def _moved(self, state: InUse, local: Address, event: RequestSucceeded) -> None:
        state.allocation.ticket = ticket_of(event.response)
        state.allocation.refreshed(self._journal.now, event.response, self._config.refresh_margin)
        state.is_moving = False
        state.postponed += self._links.switch()
        state.ask_again()
        self._journal.events.append(AllocationMoved(local))

    def _take_allocation(self, wish: AllocateWish, event: RequestSucceeded) -> None:
        self._server = event.server
        allocation = read_allocation(wish, event, self._journal.now, self._config.refresh_margin)
        if allocation is None:
            # [rfc8656:7.3/2] [rfc8656:7.3/3] It is there although it is of no use: give it back.
            self._release(EndReason.UNUSABLE)
            return
        relay = ClientRelay(self._config, self._rng, self._journal, dont_fragment=allocation.dont_fragment)
        connections = ClientConnections(
            self._config, allocation.families, self._journal, self._links.another, self._send
        )
        self._state = InUse(allocation, relay, connections)
        self._journal.events.append(allocation.announcement(event.server))

    def _allocation_refused(self, wish: AllocateWish, event: RequestFailed) -> None:
        if self._authorization.wishes_for_token(event):
            self._state = Authorizing(wish)
            return
        again = wish if self._authorization.falls_back(event) else wish.without_what_is_refused(event)
        if again is not None:
            self._journal.order_allocation(again)
        else:
            # [rfc8656:7.4/3] [rfc8656:7.4/4] [rfc8656:7.4/5] [rfc8656:7.4/6] [rfc8656:7.4/11] [rfc8656:7.4/12]
            # [rfc8656:7.4/13] [rfc8656:7.4/14] [rfc8656:7.4/16] [rfc8656:7.4/17] Nobody is asked again by this client,
            # whatever the code; the event tells it.
            self._end(EndReason.UNREACHABLE if event.error_code is None else EndReason.REFUSED, event)

    def _release(self, reason: EndReason) -> None:
        state, self._state = self._state, Releasing(reason)
        if isinstance(state, InUse):
            state.connections.end()
        # [rfc8656:8/2] [rfc8656:8.1/1]
        attributes: list[Attribute] = [Lifetime(0)]
        if isinstance(state, InUse) and state.is_moving and state.allocation.ticket is not None:
            # The server knows us by nothing else.
            attributes.append(MobilityTicket(state.allocation.ticket))
        self._journal.order(REFRESH, Refreshing(), *attributes)

    def _end(self, reason: EndReason, failure: RequestFailed | None = None) -> None:
        if isinstance(self._state, InUse):
            self._state.connections.end()
        self._state = Ended()
        self._journal.orders.clear()
        for link in self._links.all():
            link.purposes.clear()
            link.close()
        code, text = (None, "") if failure is None else (failure.error_code, phrase_of(failure))
        self._journal.events.append(AllocationEnded(reason, code, text))

    def _relay_to(self, peer: Address) -> ClientRelay:
        if not isinstance(self._state, InUse):
            raise StateError("there is no allocation")
        # [rfc8656:10.1/3] [rfc8656:12.1/1]
        if family_of(peer) not in self._state.allocation.families:
            raise ValueError(f"no relayed address reaches {peer.host}")
        return self._state.relay
