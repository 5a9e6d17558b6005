"""The server: who is asking, what is answered, and what passes between clients and peers.

See :rfc:`8656#section-5`; what requests do is the business of `server_requests`.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeAlias

from rtc_stun import (
    BINDING,
    Address,
    Attribute,
    Authenticated,
    Authenticator,
    CloseTransport,
    Datagram,
    ErrorCode,
    Fingerprint,
    Message,
    MessageClass,
    Software,
    StreamData,
    StunError,
    Unauthenticated,
    UnknownAttributes,
    XorMappedAddress,
)
from rtc_turn.attributes import TURN_ATTRIBUTES, Data, DontFragment, Icmp, XorPeerAddress
from rtc_turn.channel_data import TurnStreamBuffer, is_channel_data, pack_channel_data, unpack_channel_data
from rtc_turn.errors import ParseError, StateError
from rtc_turn.method import (
    ALLOCATE,
    CHANNEL_BIND,
    CONNECT,
    CONNECTION_ATTEMPT,
    CONNECTION_BIND,
    CREATE_PERMISSION,
    DATA,
    REFRESH,
    SEND,
)
from rtc_turn.peer_connections import PeerConnections
from rtc_turn.peer_policy import PeerPolicy, PublicPeers
from rtc_turn.reflection import Allowances
from rtc_turn.server_allocation import ClientPath, ServerAllocation
from rtc_turn.server_config import TurnServerConfig, TurnServerStats
from rtc_turn.server_events import AllocationStatus, ServerClosed, ServerEvent
from rtc_turn.server_replies import REASONS, UNKNOWN_ATTRIBUTE, Asked, Reply
from rtc_turn.server_requests import ServerRequests
from rtc_turn.timers import Timers

Trace: TypeAlias = Callable[[float, str, Mapping[str, object]], None]

TRANSACTION_ID_LENGTH: Final = 12
MAX_STREAM_MESSAGE_LENGTH: Final = 65_535 + 20
_RELAYED_ICMP: Final = {False: frozenset({3, 11}), True: frozenset({1, 2, 3})}
"""Types that are told to clients, by whether they are of ICMPv6."""
_TOO_BIG: Final = {False: frozenset({(3, 4)}), True: frozenset({(2, 0)})}
"""Types and codes that tell the next hop's MTU."""


class _Stream:
    __slots__ = ("buffer", "path")

    def __init__(self, path: ClientPath, last_channel: int) -> None:
        self.path = path
        self.buffer = TurnStreamBuffer(max_message_length=MAX_STREAM_MESSAGE_LENGTH, last_channel=last_channel)


class TurnServer:
    """Give clients relayed addresses, and relay between them and their peers.

    The caller opens the listening sockets and tells what arrives there; `OpenRelay` asks it for further sockets, whose
    datagrams it tells in the same way: the local address is what tells clients and peers apart. Drain `datagrams_to_send`,
    `stream_data_to_send` and `events` after every call, and call `handle_timeout` when `next_timeout` has come.

    Args:
        rng: Cryptographic randomness, such as `os.urandom`.
        authenticator: Who may ask: a `rtc_stun.LongTermAuthenticator`.
        policy: Whom to relay to; by default public addresses alone.
        config: See there.
        trace: Called with time, name and data of what happens.
    """

    def __init__(
        self,
        *,
        rng: Callable[[int], bytes],
        authenticator: Authenticator,
        policy: PeerPolicy | None = None,
        config: TurnServerConfig | None = None,
        trace: Trace | None = None,
    ) -> None:
        self._config = config if config is not None else TurnServerConfig()
        self._rng = rng
        self._authenticator = authenticator
        self.stats = TurnServerStats()
        """Counters, for reading."""
        policy = policy if policy is not None else PublicPeers()
        self._requests = ServerRequests(self._config, policy, rng, self.stats)
        self._allowances = Allowances(self._config.unproven_burst, self._config.unproven_rate)
        self._trace = trace
        self._now = float("-inf")
        self._closed = False
        self._streams: dict[int, _Stream] = {}
        self._idle = Timers()
        """When streams without an allocation are closed."""
        self._datagrams: list[Datagram] = []
        self._stream_data: list[StreamData] = []
        self._unsent_bytes = 0
        self._events: list[ServerEvent] = []

    @property
    def allocation_count(self) -> int:
        """Allocations at present."""
        return self._requests.count

    @property
    def closed(self) -> bool:
        """Whether the server has come to its end."""
        return self._closed

    @property
    def connections(self) -> PeerConnections:
        """TCP connections with peers, for servers whose configuration has `TurnServerConfig.tcp`."""
        return self._requests.connections

    def redirect(self, alternate: Address | None) -> None:
        """Send those who ask for an allocation to another server from now on, such as before an end of service.

        Args:
            alternate: Where to send them, those of its address family; None for nowhere.
        """
        self._requests.alternate = alternate

    def set_authenticator(self, authenticator: Authenticator) -> None:
        """Let another one say who may ask, from the next request on. Allocations stay as long as they live."""
        self._authenticator = authenticator

    def set_policy(self, policy: PeerPolicy) -> None:
        """Let another one say whom to relay to, from the next datagram on."""
        self._requests.policy = policy

    def serves(self, local: Address, remote: Address, transport: str) -> bool:
        """Whether a client that comes by datagrams has an allocation."""
        return ClientPath(local, remote, transport) in self._requests.by_path

    def allocations(self, now: float) -> list[AllocationStatus]:
        """Describe the allocations that there are, the oldest first."""
        self._advance(now)
        return self._requests.describe()

    # Answers to wishes.

    def relay_opened(self, relay_id: int, relayed: Address, now: float, *, reserved: Address | None = None) -> None:
        """Tell the address of a socket that `OpenRelay` asked for, and of the reserved one if that was asked for.

        Raises:
            StateError: It was not asked for, or told before.
            ValueError: An allocation has the address already, or it is not of the family that was asked for.
        """
        self._advance(now)
        answer = self._requests.relay_opened(relay_id, relayed, reserved)
        if answer is not None:
            self._respond(*answer)
        self._settle()

    def relay_failed(self, relay_id: int, now: float) -> None:
        """Tell that there is no socket; the client is refused.

        Raises:
            StateError: It was not asked for, or told before.
        """
        self._advance(now)
        answer = self._requests.relay_failed(relay_id)
        if answer is not None:
            self._respond(*answer)
        self._settle()

    # Streams.

    def transport_opened(
        self, transport_id: int, local: Address, remote: Address, now: float, *, transport: str = "tcp"
    ) -> None:
        """Tell of a stream that was accepted. If there are too many, it is to be closed: drain `events`.

        Args:
            transport_id: A number of the caller's choice that no open stream has.
            local: Our address.
            remote: The client's address.
            now: Seconds.
            transport: ``tcp`` or ``tls``. Datagrams say in `Datagram.transport` whether they came over DTLS.

        Raises:
            StateError: The server is closed, or the number is in use.
        """
        if self._closed:
            raise StateError("the server is closed")
        if transport_id in self._streams or transport_id < 0:
            raise StateError(f"transport {transport_id} is open already, or no number")
        self._advance(now)
        if len(self._streams) >= self._config.max_transports:
            self._drop("too-many-transports")
            self._events.append(CloseTransport(transport_id, abort=True))
            return
        # [rfc8656:5/14]
        self._streams[transport_id] = _Stream(
            ClientPath(local, remote, transport, transport_id), self._config.last_channel
        )
        self._idle.set(transport_id, self._now + self._config.max_idle_stream)

    def transport_closed(self, transport_id: int, now: float) -> None:
        """Tell of a stream that ended: what was allocated over it ends too."""
        self._advance(now)
        stream = self._streams.pop(transport_id, None)
        if stream is not None:
            self._idle.cancel(transport_id)
            self._requests.forget_path(stream.path)
            self.connections.stream_closed(transport_id)
            self._settle()

    def receive_stream_data(self, transport_id: int, data: bytes, now: float) -> None:
        """Take in what was read from a stream; a stream that does not speak TURN is given up."""
        self._advance(now)
        stream = self._streams.get(transport_id)
        if stream is None:
            self._drop("closed" if self._closed else "unknown-transport")
            return
        if self.connections.is_bound(transport_id):
            self.connections.receive_from_client(transport_id, data, self._now)
            self._settle()
            return
        try:
            while messages := stream.buffer.feed(data):
                data = b""
                for message in messages:
                    self._receive_from_client(message, stream.path)
                if self.connections.is_bound(transport_id) and not stream.buffer.is_empty:
                    raise ParseError("data before the answer to ConnectionBind")
        except ParseError:
            self._drop("malformed-stream")
            self._abort(transport_id)
        self._settle()

    def _abort(self, transport_id: int) -> None:
        self._events.append(CloseTransport(transport_id, abort=True))
        self.transport_closed(transport_id, self._now)

    # Datagrams.

    def receive_datagram(self, datagram: Datagram, now: float) -> None:
        """Take in a datagram of a client or of a peer."""
        self.receive_datagrams((datagram,), now)

    def receive_datagrams(self, datagrams: Iterable[Datagram], now: float) -> None:
        """Take in several datagrams."""
        self._advance(now)
        if self._closed:
            self._drop("closed", sum(1 for _ in datagrams))
            return
        by_relay = self._requests.by_relay
        for datagram in datagrams:
            allocation = by_relay.get(datagram.local)
            if allocation is not None:
                self._receive_from_peer(allocation, datagram)
            else:
                # [rfc8656:5/13]
                path = ClientPath(datagram.local, datagram.remote, datagram.transport)
                self._receive_from_client(datagram.data, path)
        self._settle()

    def icmp_received(
        self, relayed: Address, peer: Address, icmp_type: int, icmp_code: int, now: float, *, error_data: int = 0
    ) -> None:
        """Tell what the network said about a datagram to a peer: the client learns of it, if the peer is permitted.

        Args:
            relayed: The source of the datagram that the ICMP packet is about.
            peer: The destination of that datagram; port 0 if it is not known.
            icmp_type: As in the packet.
            icmp_code: As in the packet.
            now: Seconds.
            error_data: The next hop's MTU, where the type is about packets that are too big.
        """
        self._advance(now)
        allocation = self._requests.by_relay.get(relayed)
        if allocation is None or icmp_type not in _RELAYED_ICMP[peer.is_ipv6]:
            self._drop("icmp")
        # [rfc8656:11.5/1]
        elif not allocation.permits(peer.host, self._now):
            self._drop("not-permitted")
        else:
            # [rfc8656:11.5/2]
            # [rfc8656:18.13/3]
            tells_mtu = (icmp_type, icmp_code) in _TOO_BIG[peer.is_ipv6]
            icmp = Icmp(icmp_type, icmp_code, error_data if tells_mtu else 0)
            self._indicate(allocation, XorPeerAddress(peer), icmp)

    def _receive_from_peer(self, allocation: ServerAllocation, datagram: Datagram) -> None:
        peer, data, now = datagram.remote, datagram.data, self._now
        if not allocation.permits(peer.host, now) or not self._requests.allows(allocation, peer):
            self._drop("not-permitted")
            return
        if not allocation.budget.take(len(data), now):
            # [rfc8656:5/16]
            self._drop("bandwidth")
            return
        allocation.bytes_to_client += len(data)
        self.stats.relayed_to_clients += 1
        self.stats.bytes_to_clients += len(data)
        number = allocation.channel_to(peer, now)
        if number is None:
            # [rfc8656:11.3/1]
            self._indicate(allocation, XorPeerAddress(peer), Data(data))
        else:
            # [rfc8656:12.5/1]
            path = allocation.path
            self._send(path, pack_channel_data(number, data, pad=path.transport in ("tcp", "tls")))

    def _indicate(self, allocation: ServerAllocation, *attributes: Attribute, method: int = DATA) -> None:
        transaction_id = self._rng(TRANSACTION_ID_LENGTH)
        self._send(allocation.path, Message(method, MessageClass.INDICATION, transaction_id, attributes).serialize())

    def _receive_from_client(self, message: bytes, path: ClientPath) -> None:
        if is_channel_data(message, last_channel=self._config.last_channel):
            self._receive_channel_data(message, path)
            return
        try:
            parsed = Message.parse(message, TURN_ATTRIBUTES)
            if parsed.get(Fingerprint) is not None:
                parsed.verify_fingerprint()
        except StunError:
            # [rfc8656:12/1] [rfc8656:12/2] What begins like no protocol of this port is told to the trace.
            self._drop("malformed")
            return
        if parsed.message_class is MessageClass.REQUEST:
            self._receive_request(parsed, path, len(message))
        elif parsed.message_class is MessageClass.INDICATION and parsed.method == SEND:
            self._receive_send(parsed, path)
        elif parsed.message_class is not MessageClass.INDICATION or parsed.method != BINDING:
            self._drop("unexpected-class")

    def _receive_channel_data(self, message: bytes, path: ClientPath) -> None:
        allocation = self._requests.by_path.get(path)
        try:
            number, data = unpack_channel_data(message, last_channel=self._config.last_channel)
        except ParseError:
            self._drop("malformed")
            return
        peer = None if allocation is None else allocation.peer_of(number, self._now)
        # [rfc8656:5/8] [rfc8656:12.6/2]
        if allocation is None or peer is None:
            self._drop("unknown-channel")
        else:
            if path == allocation.next_path:
                self._requests.switch(allocation)
            self._relay(allocation, peer, data)

    def _receive_send(self, indication: Message, path: ClientPath) -> None:
        allocation = self._requests.by_path.get(path)
        peer, data = indication.get(XorPeerAddress), indication.get(Data)
        if allocation is None:
            # [rfc8656:5/8] [rfc8016:3.2.2/8]
            self._drop("no-allocation")
        # [rfc8656:11.2/1]
        elif peer is None or data is None or indication.unknown_required() or indication.get(DontFragment) is not None:
            self._drop("malformed")
        else:
            if path == allocation.next_path:
                self._requests.switch(allocation)
            self._relay(allocation, peer.address, data.value)

    def _relay(self, allocation: ServerAllocation, peer: Address, data: bytes) -> None:
        relayed = allocation.relay_to(peer)
        # [rfc8656:11.2/2] A channel outlives its permission, which does not outlive the policy.
        if (
            relayed is None
            or allocation.is_tcp
            or not allocation.permits(peer.host, self._now)
            or not self._requests.allows(allocation, peer)
        ):
            self._drop("not-permitted")
        elif not allocation.budget.take(len(data), self._now):
            self._drop("bandwidth")
        else:
            allocation.bytes_to_peers += len(data)
            self.stats.relayed_to_peers += 1
            self.stats.bytes_to_peers += len(data)
            self._put(Datagram(data, relayed, peer))

    # Requests.

    def _receive_request(self, request: Message, path: ClientPath, length: int) -> None:
        if request.method == BINDING:
            # RFC 8656, 5: A client may want to know its address, or keep its path alive, before it has an allocation.
            self._answer_binding(request, path, length)
            return
        # [rfc8656:5/1] [rfc8656:5/4] [rfc8656:5/5] [rfc8656:7.2/2] [rfc8656:7.2/3]
        judgement = self._authenticator.authenticate(request, path.remote, self._now)
        if isinstance(judgement, Unauthenticated):
            error = ErrorCode.with_phrase(judgement.error_code)
            self._answer_unproven(
                path, length, judgement.error_code, self._write(request, None, error, *judgement.attributes)
            )
            return
        self._allowances.prove(path.remote)
        asked = Asked(request, path, judgement)
        unknown = request.unknown_required()
        if unknown:
            self._respond(asked, Reply(UNKNOWN_ATTRIBUTE, (UnknownAttributes(tuple(unknown)),)))
            return
        reply = self._judge(asked)
        if reply is not None:
            self._respond(asked, reply)

    def _judge(self, asked: Asked) -> Reply | None:
        match asked.request.method:
            case method if method == ALLOCATE:
                return self._requests.allocate(asked)
            case method if method == REFRESH:
                return self._requests.refresh(asked)
            case method if method == CREATE_PERMISSION:
                return self._requests.create_permission(asked)
            case method if method == CHANNEL_BIND:
                return self._requests.channel_bind(asked)
            case method if method == CONNECT:
                return self._requests.connect(asked)
            case method if method == CONNECTION_BIND:
                return self._requests.connection_bind(asked)
            case _:
                return Reply(400)

    def _answer_binding(self, request: Message, path: ClientPath, length: int) -> None:
        unknown = request.unknown_required()
        if unknown:
            error = ErrorCode.with_phrase(UNKNOWN_ATTRIBUTE)
            wire = self._write(request, None, error, UnknownAttributes(tuple(unknown)))
        else:
            wire = self._write(request, None, XorMappedAddress(path.remote))
        self._answer_unproven(path, length, UNKNOWN_ATTRIBUTE if unknown else 0, wire)

    def _answer_unproven(self, path: ClientPath, length: int, code: int, wire: bytes) -> None:
        """Answer a request that anybody may have sent in the client's name, within its host's allowance."""
        self.stats.unauthenticated_bytes_received += length
        # Whoever has a stream has proven its address.
        if path.stream < 0 and not self._allowances.take(path.remote, len(wire), self._now):
            self._drop("unproven")
            return
        self.stats.unauthenticated_bytes_sent += len(wire)
        self._count(code)
        self._send(path, wire)

    def _respond(self, asked: Asked, reply: Reply) -> None:
        attributes = reply.attributes
        if reply.code:
            phrase = REASONS.get(reply.code)
            error = ErrorCode.with_phrase(reply.code) if phrase is None else ErrorCode(reply.code, phrase)
            attributes = (error, *attributes)
        self._count(reply.code)
        self._send(asked.path, self._write(asked.request, asked.user, *attributes))

    def _write(self, request: Message, user: Authenticated | None, *attributes: Attribute) -> bytes:
        is_error = bool(attributes) and isinstance(attributes[0], ErrorCode)
        message_class = MessageClass.ERROR if is_error else MessageClass.SUCCESS
        response = Message(request.method, message_class, request.transaction_id, attributes)
        if self._config.software is not None:
            # [rfc8656:5/11]
            response.attributes.append(Software(self._config.software))
        fingerprint = request.get(Fingerprint) is not None
        if user is None:
            return response.serialize(fingerprint=fingerprint)
        return response.serialize(key=user.key, integrity=user.integrity, fingerprint=fingerprint)

    # Time and output.

    def handle_timeout(self, now: float) -> None:
        """Do what time demands; drain events and output next."""
        self._advance(now)
        for asked, reply in self._requests.handle_timeout():
            self._respond(asked, reply)
        self.connections.handle_timeout(self._now)
        for transport_id in self._idle.pop_due(self._now):
            stream = self._streams.get(transport_id)
            if stream is None:
                continue  # It ended with its allocation just now.
            if stream.path in self._requests.by_path or self.connections.is_bound(transport_id):
                self._idle.set(transport_id, self._now + self._config.max_idle_stream)
            else:
                self._drop("idle-transport")
                self._abort(transport_id)
        self._settle()

    def next_timeout(self) -> float | None:
        """Return when `handle_timeout` is due, in seconds; at once while output waits to be drained."""
        if self._datagrams or self._stream_data:
            return self._now
        deadlines = self._requests.next_timeout(), self.connections.next_timeout(), self._idle.next()
        return min((each for each in deadlines if each is not None), default=None)

    def datagrams_to_send(self, now: float) -> list[Datagram]:
        """Drain datagrams to clients, from the address that they reached, and to peers, from the relayed address."""
        self._advance(now)
        datagrams, self._datagrams = self._datagrams, []
        self._unsent_bytes = sum(len(each.data) for each in self._stream_data)
        return datagrams

    def stream_data_to_send(self, now: float) -> list[StreamData]:
        """Drain what is to be written to streams."""
        self._advance(now)
        self._settle()
        stream_data, self._stream_data = self._stream_data, []
        self._unsent_bytes = sum(len(each.data) for each in self._datagrams)
        return stream_data

    def events(self) -> list[ServerEvent]:
        """Drain what has happened and what is wished for."""
        self._settle()
        events, self._events = self._events, []
        return events

    def close(self, now: float) -> None:
        """End every allocation; drain `events` one last time."""
        if self._closed:
            return
        self._advance(now)
        self._requests.close()
        self._settle()
        self._events += [CloseTransport(transport_id) for transport_id in self._streams]
        self._streams.clear()
        self._idle = Timers()
        self._datagrams.clear()
        self._stream_data.clear()
        self._closed = True
        self._events.append(ServerClosed())

    # Within.

    def _send(self, path: ClientPath, wire: bytes) -> None:
        if path.stream < 0:
            self._put(Datagram(wire, path.local, path.remote, path.transport))
        elif not self._is_open(path):
            self._drop("closed-transport")
        elif self._has_room(wire):
            self._stream_data.append(StreamData(path.stream, wire))

    def _is_open(self, path: ClientPath) -> bool:
        # Numbers come again: it must be the same stream.
        stream = self._streams.get(path.stream)
        return stream is not None and stream.path == path

    def _put(self, datagram: Datagram) -> None:
        if self._has_room(datagram.data):
            self._datagrams.append(datagram)

    def _has_room(self, data: bytes) -> bool:
        if self._unsent_bytes + len(data) > self._config.max_unsent_bytes:
            self._drop("output-full")
            return False
        self._unsent_bytes += len(data)
        return True

    def _settle(self) -> None:
        connections = self.connections
        answers, connections.answers = connections.answers, []
        for asked, reply in answers:
            self._respond(asked, reply)
        attempts, connections.attempts = connections.attempts, []
        for allocation, *attributes in attempts:
            self._indicate(allocation, *attributes, method=CONNECTION_ATTEMPT)
        to_clients, connections.to_clients = connections.to_clients, []
        for written in to_clients:
            if self._has_room(written.data):
                self._stream_data.append(written)
        told, self._requests.told = [*self._requests.told, *connections.told], []
        for wish in connections.told:
            if isinstance(wish, CloseTransport):
                self._streams.pop(wish.transport_id, None)
                self._idle.cancel(wish.transport_id)
        connections.told.clear()
        self._events += told

    def _advance(self, now: float) -> None:
        self._now = max(self._now, now)
        self._requests.now = self._now

    def _count(self, code: int) -> None:
        self.stats.responses[code] = self.stats.responses.get(code, 0) + 1

    def _drop(self, reason: str, count: int = 1) -> None:
        self.stats.dropped[reason] = self.stats.dropped.get(reason, 0) + count
        if self._trace is not None:
            self._trace(self._now, "turn:dropped", {"reason": reason, "count": count})
