"""The server: what comes in, what goes out, and time; its parts do the rest.

See :rfc:`8656#section-5`. What requests do is the business of `server_requests`, what passes between clients and peers that
of `server_relay`, and what is said to whom that of `server_answers`.
"""

from collections.abc import Callable, Iterable
from typing import Final

from rtc_stun import (
    BINDING,
    Address,
    Authenticator,
    CloseTransport,
    Datagram,
    Fingerprint,
    Message,
    MessageClass,
    StreamData,
    StunError,
    Unauthenticated,
    UnknownAttributes,
)
from rtc_turn.attributes import TURN_ATTRIBUTES
from rtc_turn.channel_data import FIRST_CHANNEL_BYTE, TurnStreamBuffer, is_channel_data
from rtc_turn.errors import ParseError, StateError
from rtc_turn.method import (
    ALLOCATE,
    CHANNEL_BIND,
    CONNECT,
    CONNECTION_ATTEMPT,
    CONNECTION_BIND,
    CREATE_PERMISSION,
    REFRESH,
    SEND,
)
from rtc_turn.peer_connections import PeerConnections
from rtc_turn.peer_policy import PeerPolicy, PublicPeers
from rtc_turn.server_allocation import NO_STREAM, ClientPath
from rtc_turn.server_answers import ServerAnswers
from rtc_turn.server_config import TurnServerConfig, TurnServerStats
from rtc_turn.server_events import AllocationStatus, ServerClosed, ServerEvent
from rtc_turn.server_journal import ServerJournal, Trace
from rtc_turn.server_output import ServerOutput
from rtc_turn.server_relay import ServerRelay
from rtc_turn.server_replies import UNKNOWN_ATTRIBUTE, Asked, Reply
from rtc_turn.server_requests import ServerRequests
from rtc_turn.timers import Timers

MAX_STREAM_MESSAGE_LENGTH: Final = 65_535 + 20


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
        self._authenticator = authenticator
        self._journal = journal = ServerJournal(trace)
        policy = policy if policy is not None else PublicPeers()
        self._output = ServerOutput(self._config.max_unsent_bytes, journal)
        self._requests = ServerRequests(self._config, policy, rng, journal)
        self._relay = ServerRelay(self._requests, self._output, journal, rng, self._config)
        self._answers = ServerAnswers(self._config, self._output, journal)
        self._closed = False
        self._streams: dict[int, _Stream] = {}
        self._idle = Timers()
        """When streams without an allocation are closed."""
        self._events: list[ServerEvent] = []

    @property
    def stats(self) -> TurnServerStats:
        """Counters, for reading."""
        return self._journal.stats

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
        self._requests.set_policy(policy)
        self._settle()

    def serves(self, local: Address, remote: Address, transport: str) -> bool:
        """Whether a client that comes by datagrams has an allocation."""
        return ClientPath(local, remote, transport) in self._requests.by_path

    def allocations(self, now: float) -> list[AllocationStatus]:
        """Describe the allocations that there are, the oldest first."""
        self._journal.advance(now)
        return self._requests.describe()

    # Answers to wishes.

    def relay_opened(self, relay_id: int, relayed: Address, now: float, *, reserved: Address | None = None) -> None:
        """Tell the address of a socket that `OpenRelay` asked for, and of the reserved one if that was asked for.

        Raises:
            StateError: It was not asked for, or told before.
            ValueError: An allocation has the address already, or it is not of the family that was asked for.
        """
        self._journal.advance(now)
        answer = self._requests.relay_opened(relay_id, relayed, reserved)
        if answer is not None:
            self._answers.respond(*answer)
        self._settle()

    def relay_failed(self, relay_id: int, now: float) -> None:
        """Tell that there is no socket; the client is refused.

        Raises:
            StateError: It was not asked for, or told before.
        """
        self._journal.advance(now)
        answer = self._requests.relay_failed(relay_id)
        if answer is not None:
            self._answers.respond(*answer)
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
        self._journal.advance(now)
        if len(self._streams) >= self._config.max_transports:
            self._journal.drop("too-many-transports")
            self._events.append(CloseTransport(transport_id, abort=True))
            return
        # [rfc8656:5/14]
        path = ClientPath(local, remote, transport, transport_id)
        self._streams[transport_id] = _Stream(path, self._config.last_channel)
        self._output.paths[transport_id] = path
        self._idle.set(transport_id, self._journal.now + self._config.max_idle_stream)

    def transport_closed(self, transport_id: int, now: float) -> None:
        """Tell of a stream that ended: what was allocated over it ends too."""
        self._journal.advance(now)
        stream = self._forget_stream(transport_id)
        if stream is not None:
            self._requests.forget_path(stream.path)
            self.connections.stream_closed(transport_id)
            self._settle()

    def association_begun(self, local: Address, remote: Address, now: float) -> None:
        """Tell of a DTLS association with a client, before what came in it: what was allocated over a former one there ends.

        Anybody may shake hands from an address that another had, and data needs no credential.
        """
        self._journal.advance(now)
        self._requests.begin_path(ClientPath(local, remote, "dtls"))
        self._settle()

    def receive_stream_data(self, transport_id: int, data: bytes, now: float) -> None:
        """Take in what was read from a stream; a stream that does not speak TURN is given up."""
        self._journal.advance(now)
        stream = self._streams.get(transport_id)
        if stream is None:
            self._journal.drop("closed" if self._closed else "unknown-transport")
            return
        if self.connections.is_bound(transport_id):
            self.connections.receive_from_client(transport_id, data, self._journal.now)
            self._settle()
            return
        try:
            while messages := stream.buffer.feed(data):
                data = b""
                for message in messages:
                    if self.connections.is_bound(transport_id):
                        raise ParseError("data before the answer to ConnectionBind")
                    if is_channel_data(message, last_channel=self._config.last_channel):
                        self._relay.receive_channel_data(message, stream.path)
                    else:
                        self._receive_message(message, stream.path)
                if self.connections.is_bound(transport_id) and not stream.buffer.is_empty:
                    raise ParseError("data before the answer to ConnectionBind")
        except ParseError:
            self._journal.drop("malformed-stream")
            self._abort(transport_id)
        self._settle()

    def _abort(self, transport_id: int) -> None:
        self._events.append(CloseTransport(transport_id, abort=True))
        self.transport_closed(transport_id, self._journal.now)

    # Datagrams.

    def receive_datagram(self, datagram: Datagram, now: float) -> None:
        """Take in a datagram of a client or of a peer."""
        self.receive_datagrams((datagram,), now)

    def receive_datagrams(self, datagrams: Iterable[Datagram], now: float) -> None:
        """Take in several datagrams."""
        self._journal.advance(now)
        if self._closed:
            self._journal.drop("closed", sum(1 for _ in datagrams))
            return
        by_relay, relay = self._requests.by_relay, self._relay
        last_channel_byte = self._config.last_channel >> 8
        for datagram in datagrams:
            data, local = datagram.data, datagram.local
            allocation = by_relay.get(local)
            if allocation is not None:
                relay.receive_from_peer(allocation, data, datagram.remote)
            # [rfc8656:12/3]
            elif data and FIRST_CHANNEL_BYTE <= data[0] <= last_channel_byte:
                # [rfc8656:5/13] As in `ClientPath`, which costs more to make.
                relay.receive_channel_data(data, (local, datagram.remote, datagram.transport, NO_STREAM))
            else:
                self._receive_message(data, ClientPath(local, datagram.remote, datagram.transport))
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
        self._journal.advance(now)
        self._relay.receive_icmp(relayed, peer, icmp_type, icmp_code, error_data)

    # Messages.

    def _receive_message(self, message: bytes, path: ClientPath) -> None:
        try:
            parsed = Message.parse(message, TURN_ATTRIBUTES)
            if parsed.get(Fingerprint) is not None:
                parsed.verify_fingerprint()
        except StunError:
            # [rfc8656:12/1] [rfc8656:12/2] What begins like no protocol of this port is told to the trace.
            self._journal.drop("malformed")
            return
        if parsed.message_class is MessageClass.REQUEST:
            self._receive_request(parsed, path, len(message))
        elif parsed.message_class is MessageClass.INDICATION and parsed.method == SEND:
            self._relay.receive_send(parsed, path)
        elif parsed.message_class is not MessageClass.INDICATION or parsed.method != BINDING:
            self._journal.drop("unexpected-class")

    def _receive_request(self, request: Message, path: ClientPath, length: int) -> None:
        if request.method == BINDING:
            # RFC 8656, 5: A client may want to know its address, or keep its path alive, before it has an allocation.
            self._answers.answer_binding(request, path, length)
            return
        # [rfc8656:5/1] [rfc8656:5/4] [rfc8656:5/5] [rfc8656:7.2/2] [rfc8656:7.2/3]
        judgement = self._authenticator.authenticate(request, path.remote, self._journal.now)
        if isinstance(judgement, Unauthenticated) and request.integrity is not None:
            # A stream for data may come with nonce and session key of the stream that controls it, which is of another port.
            control = self.connections.control_path(request)
            if control is not None:
                judgement = self._authenticator.authenticate(request, control.remote, self._journal.now)
        if isinstance(judgement, Unauthenticated):
            self._answers.challenge(request, path, length, judgement)
            return
        self._answers.proven(path)
        asked = Asked(request, path, judgement)
        unknown = request.unknown_required()
        if unknown:
            self._answers.respond(asked, Reply(UNKNOWN_ATTRIBUTE, (UnknownAttributes(tuple(unknown)),)))
            return
        reply = self._judge(asked)
        if reply is not None:
            self._answers.respond(asked, reply)

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

    # Time and output.

    def handle_timeout(self, now: float) -> None:
        """Do what time demands; drain events and output next."""
        self._journal.advance(now)
        for asked, reply in self._requests.handle_timeout():
            self._answers.respond(asked, reply)
        self.connections.handle_timeout(self._journal.now)
        for transport_id in self._idle.pop_due(self._journal.now):
            stream = self._streams.get(transport_id)
            if stream is None:
                continue  # It ended with its allocation just now.
            if stream.path in self._requests.by_path or self.connections.is_bound(transport_id):
                self._idle.set(transport_id, self._journal.now + self._config.max_idle_stream)
            else:
                self._journal.drop("idle-transport")
                self._abort(transport_id)
        self._settle()

    def next_timeout(self) -> float | None:
        """Return when `handle_timeout` is due, in seconds; at once while output waits to be drained."""
        if not self._output.is_empty:
            return self._journal.now
        deadlines = self._requests.next_timeout(), self.connections.next_timeout(), self._idle.next()
        return min((each for each in deadlines if each is not None), default=None)

    def datagrams_to_send(self, now: float) -> list[Datagram]:
        """Drain datagrams to clients, from the address that they reached, and to peers, from the relayed address."""
        self._journal.advance(now)
        return self._output.take_datagrams()

    def stream_data_to_send(self, now: float) -> list[StreamData]:
        """Drain what is to be written to streams."""
        self._journal.advance(now)
        self._settle()
        return self._output.take_stream_data()

    def events(self) -> list[ServerEvent]:
        """Drain what has happened and what is wished for."""
        self._settle()
        events, self._events = self._events, []
        return events

    def close(self, now: float) -> None:
        """End every allocation; drain `events` one last time."""
        if self._closed:
            return
        self._journal.advance(now)
        self._requests.close()
        self._settle()
        self._events += [CloseTransport(transport_id) for transport_id in self._streams]
        self._streams.clear()
        self._idle = Timers()
        self._output.clear()
        self._closed = True
        self._events.append(ServerClosed())

    # Within.

    def _forget_stream(self, transport_id: int) -> _Stream | None:
        self._idle.cancel(transport_id)
        self._output.paths.pop(transport_id, None)
        return self._streams.pop(transport_id, None)

    def _settle(self) -> None:
        connections = self.connections
        answers, connections.answers = connections.answers, []
        for asked, reply in answers:
            self._answers.respond(asked, reply)
        attempts, connections.attempts = connections.attempts, []
        for allocation, *attributes in attempts:
            self._relay.indicate(allocation, *attributes, method=CONNECTION_ATTEMPT)
        to_clients, connections.to_clients = connections.to_clients, []
        for written in to_clients:
            self._output.write(written.transport_id, written.data)
        told, self._requests.told = self._requests.told, []
        wishes, connections.told = connections.told, []
        for wish in wishes:
            if isinstance(wish, CloseTransport):
                self._forget_stream(wish.transport_id)
        self._events += told
        self._events += wishes
