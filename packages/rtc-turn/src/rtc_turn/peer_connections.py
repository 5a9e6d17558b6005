"""TCP connections between a server and peers, each joined with a stream of a client (:rfc:`6062#section-5`)."""

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from rtc_stun import Address, CloseTransport, Message, StreamData
from rtc_turn.attributes import ConnectionId, XorPeerAddress
from rtc_turn.dataclass import dataclass
from rtc_turn.errors import StateError
from rtc_turn.method import CONNECTION_BIND
from rtc_turn.server_allocation import ClientPath, ServerAllocation
from rtc_turn.server_config import TurnServerConfig
from rtc_turn.server_events import ClosePeerConnection, OpenPeerConnection
from rtc_turn.server_journal import ServerJournal
from rtc_turn.server_replies import (
    BAD_REQUEST,
    CONNECTION_EXISTS,
    CONNECTION_FAILED,
    INSUFFICIENT_CAPACITY,
    Asked,
    Reply,
)
from rtc_turn.timers import Timers

CONNECT_TIMEOUT: Final = 30.0
"""Seconds that a peer has to accept."""
BIND_TIMEOUT: Final = 30.0
"""Seconds that a client has to come for a connection."""


# The states: each holds what exists then.


@dataclass(slots=True, eq=False)
class Opening:
    """The caller was asked to connect."""

    asked: Asked


@dataclass(slots=True, eq=False)
class Waiting:
    """There is a connection with the peer; what it sends is held until the client comes for it."""

    held: bytes = b""


@dataclass(slots=True)
class Bound:
    """Joined with a stream of the client's."""

    stream: int


@dataclass(slots=True, eq=False)
class _Connection:
    allocation: ServerAllocation
    peer: Address
    state: Opening | Waiting | Bound


Answer: TypeAlias = tuple[Asked, Reply]
Told: TypeAlias = OpenPeerConnection | ClosePeerConnection | CloseTransport


class PeerConnections:
    """All connections of a server with peers. Reach it as `TurnServer.connections`; drain the server after every call.

    Args:
        config: That of the server.
        by_relay: The server's allocations by relayed address, TCP ones alone, kept up to date by it.
        allows: Whether the server's policy lets an allocation exchange data with a peer.
        rng: For the numbers of connections.
        journal: That of the server.
    """

    def __init__(
        self,
        config: TurnServerConfig,
        by_relay: Mapping[Address, ServerAllocation],
        allows: Callable[[ServerAllocation, Address], bool],
        rng: Callable[[int], bytes],
        journal: ServerJournal,
    ) -> None:
        self._config = config
        self._allows = allows
        self._rng = rng
        self._by_relay = by_relay
        self._journal = journal
        self._by_id: dict[int, _Connection] = {}
        self._by_peer: dict[tuple[int, Address], int] = {}
        self._by_stream: dict[int, int] = {}
        self._timers = Timers()
        self._unanswered: set[int] = set()
        """What the caller was asked for and has not answered yet, ended meanwhile or not."""
        self._unsent: list[StreamData] = []
        self._unsent_bytes = 0
        # What the server takes along.
        self.answers: list[Answer] = []
        self.attempts: list[tuple[ServerAllocation, XorPeerAddress, ConnectionId]] = []
        self.to_clients: list[StreamData] = []
        self.told: list[Told] = []

    # What the caller tells.

    def opened(self, connection_id: int, now: float) -> None:
        """Tell that the connection asked for with `OpenPeerConnection` is there.

        If nobody wants it any more it is to be closed: drain the server's events.

        Raises:
            StateError: It was not asked for, or told before.
        """
        asked = self._asked_for(connection_id)
        self._journal.advance(now)
        if asked is None:
            self.told.append(ClosePeerConnection(connection_id))
            return
        # [rfc6062:5.2/10] [rfc6062:5.2/11]
        self.answers.append((asked, Reply(0, (ConnectionId(connection_id),))))
        self._wait(connection_id, self._by_id[connection_id])

    def failed(self, connection_id: int, now: float) -> None:
        """Tell that the peer cannot be reached.

        Raises:
            StateError: It was not asked for, or told before.
        """
        asked = self._asked_for(connection_id)
        self._journal.advance(now)
        if asked is not None:
            # [rfc6062:5.2/7]
            self.answers.append((asked, Reply(CONNECTION_FAILED)))
            self._forget(connection_id)

    def accepted(self, relayed: Address, peer: Address, now: float) -> int | None:
        """Tell that a peer has connected to a relayed address.

        Returns:
            The number of the connection; None if it is to be closed at once.
        """
        self._journal.advance(now)
        allocation = self._by_relay.get(relayed)
        # [rfc6062:5.3/3]
        if allocation is None or not allocation.permits(peer.host, self._journal.now) or not self._has_room(allocation):
            return None
        if (allocation.number, peer) in self._by_peer or not self._allows(allocation, peer):
            return None
        connection_id = self._add(allocation, peer, Waiting())
        self._wait(connection_id, self._by_id[connection_id])
        # [rfc6062:5.3/4]
        self.attempts.append((allocation, XorPeerAddress(peer), ConnectionId(connection_id)))
        return connection_id

    def receive_data(self, connection_id: int, data: bytes, now: float) -> None:
        """Take in what was read from a peer; a peer that sends too much before its client comes is given up."""
        self._journal.advance(now)
        connection = self._by_id.get(connection_id)
        if connection is None or isinstance(connection.state, Opening):
            return
        if not connection.allocation.admits(len(data), self._journal.now):
            self._close(connection_id)
            return
        connection.allocation.bytes_to_client += len(data)
        self._journal.stats.bytes_to_clients += len(data)
        if isinstance(connection.state, Bound):
            # [rfc6062:5.4/4]
            self.to_clients.append(StreamData(connection.state.stream, data))
            return
        # [rfc6062:5.2/9] [rfc6062:5.3/2]
        connection.state.held += data
        if len(connection.state.held) > self._config.max_held_bytes:
            self._close(connection_id)

    def closed(self, connection_id: int, now: float) -> None:
        """Tell that a peer has closed its connection, or that it broke."""
        self._journal.advance(now)
        connection = self._by_id.get(connection_id)
        if connection is None or isinstance(connection.state, Opening):
            return
        # [rfc6062:5.5/3]
        if isinstance(connection.state, Bound):
            self.told.append(CloseTransport(connection.state.stream))
        self._forget(connection_id)

    def data_to_send(self, now: float) -> list[StreamData]:
        """Drain what is to be written to peers; `transport_id` is the number of the connection."""
        self._journal.advance(now)
        unsent, self._unsent = self._unsent, []
        self._unsent_bytes = 0
        return unsent

    # What clients want.

    def connect(self, asked: Asked, allocation: ServerAllocation, peer: Address, now: float) -> Reply | None:
        """Answer a Connect request; None if the answer has to wait for the peer."""
        self._journal.advance(now)
        # [rfc6062:5.2/2] [rfc6062:5.2/3]
        connection_id = self._by_peer.get((allocation.number, peer))
        if connection_id is not None:
            state = self._by_id[connection_id].state
            is_repeated = isinstance(state, Opening) and _is_same(state.asked, asked)
            return None if is_repeated else Reply(CONNECTION_EXISTS)
        relayed = allocation.relay_to(peer)
        if relayed is None or not self._has_room(allocation):
            return Reply(INSUFFICIENT_CAPACITY)
        connection_id = self._add(allocation, peer, Opening(asked))
        self._unanswered.add(connection_id)
        # [rfc6062:5.2/8]
        self._timers.set(connection_id, self._journal.now + CONNECT_TIMEOUT)
        # [rfc6062:5.2/6]
        self.told.append(OpenPeerConnection(connection_id, relayed, peer))
        return None

    def bind(self, asked: Asked, now: float) -> Reply:
        """Answer a ConnectionBind request: join the stream that it came on with a connection."""
        self._journal.advance(now)
        wanted = asked.request.get(ConnectionId)
        connection = None if wanted is None else self._by_id.get(wanted.value)
        # [rfc6062:5.4/1] [rfc6062:5.4/2]
        if asked.path.stream < 0 or wanted is None or connection is None:
            return Reply(BAD_REQUEST)
        # Whoever guesses a number gets nothing with it.
        if not isinstance(connection.state, Waiting) or connection.allocation.username != asked.user.username:
            return Reply(BAD_REQUEST)
        stream, held = asked.path.stream, connection.state.held
        connection.state = Bound(stream)
        self._by_stream[stream] = wanted.value
        self._timers.cancel(wanted.value)
        if held:
            self.to_clients.append(StreamData(stream, held))
        return Reply(0, ())

    def control_path(self, request: Message) -> ClientPath | None:
        """Return the path of the client whose connection a ConnectionBind request asks for; None for other requests."""
        wanted = request.get(ConnectionId) if request.method == CONNECTION_BIND else None
        connection = None if wanted is None else self._by_id.get(wanted.value)
        return None if connection is None else connection.allocation.path

    def is_bound(self, stream: int) -> bool:
        """Whether a client's stream carries the data of a connection, and nothing else."""
        return stream in self._by_stream

    def joined_to_stream(self, stream: int) -> int:
        """Return the connection whose data a client's stream carries; -1 for none.

        Callers need it to hold one back while the other is full.
        """
        return self._by_stream.get(stream, -1)

    def joined_to_peer(self, connection_id: int) -> int:
        """Return the client's stream that carries the data of a connection; -1 for none."""
        connection = self._by_id.get(connection_id)
        return connection.state.stream if connection is not None and isinstance(connection.state, Bound) else -1

    def receive_from_client(self, stream: int, data: bytes, now: float) -> None:
        """Take in what was read from a bound stream."""
        self._journal.advance(now)
        connection_id = self._by_stream[stream]
        allocation = self._by_id[connection_id].allocation
        has_room = self._unsent_bytes + len(data) <= self._config.max_unsent_bytes
        # A stream cannot lose a part: what exceeds a limit ends it.
        if not has_room or not allocation.admits(len(data), self._journal.now):
            self._close(connection_id)
            return
        allocation.bytes_to_peers += len(data)
        self._journal.stats.bytes_to_peers += len(data)
        self._unsent_bytes += len(data)
        # [rfc6062:5.4/3]
        self._unsent.append(StreamData(connection_id, data))

    def stream_closed(self, stream: int) -> None:
        """The client has closed a bound stream."""
        # [rfc6062:5.5/2]
        connection_id = self._by_stream.get(stream)
        if connection_id is not None:
            self.told.append(ClosePeerConnection(connection_id))
            self._forget(connection_id)

    def end(self, allocation: ServerAllocation) -> None:
        """An allocation has ended, and its connections with it."""
        # [rfc6062:5.5/1]
        if not allocation.is_tcp:
            return
        for connection_id in [number for number, each in self._by_id.items() if each.allocation is allocation]:
            self._close(connection_id)

    def end_family(self, allocation: ServerAllocation, *, is_ipv6: bool) -> None:
        """One of an allocation's two relayed addresses has ended, and the connections that used it."""
        ended = [number for number, each in self._by_id.items() if each.allocation is allocation]
        for connection_id in ended:
            if self._by_id[connection_id].peer.is_ipv6 is is_ipv6:
                self._give_up(connection_id)

    def end_forbidden(self) -> None:
        """Another policy counts: end the connections with peers that it does not allow."""
        forbidden = [number for number, each in self._by_id.items() if not self._allows(each.allocation, each.peer)]
        for connection_id in forbidden:
            self._give_up(connection_id)

    # Time.

    def handle_timeout(self, now: float) -> None:
        """End what nobody came for."""
        self._journal.advance(now)
        for connection_id in self._timers.pop_due(self._journal.now):
            # [rfc6062:5.2/12] [rfc6062:5.3/5]
            self._give_up(connection_id)

    def next_timeout(self) -> float | None:
        """Return when something ends, in seconds; at once while something waits to be drained."""
        if self._unsent or self.answers or self.to_clients or self.attempts:
            return self._journal.now
        return self._timers.next()

    # Within.

    def _asked_for(self, connection_id: int) -> Asked | None:
        """Return the request that waits for a connection; None if that has ended meanwhile."""
        if connection_id not in self._unanswered:
            raise StateError(f"connection {connection_id} is not being opened")
        self._unanswered.remove(connection_id)
        connection = self._by_id.get(connection_id)
        return connection.state.asked if connection is not None and isinstance(connection.state, Opening) else None

    def _has_room(self, allocation: ServerAllocation) -> bool:
        count = sum(each.allocation is allocation for each in self._by_id.values())
        return count < self._config.max_connections

    def _add(self, allocation: ServerAllocation, peer: Address, state: Opening | Waiting) -> int:
        connection_id = 0
        # Users with tokens share one name, that of the key: nobody is to guess the number of another's connection.
        while not connection_id or connection_id in self._by_id or connection_id in self._unanswered:
            connection_id = int.from_bytes(self._rng(4), "big")
        self._by_id[connection_id] = _Connection(allocation, peer, state)
        self._by_peer[allocation.number, peer] = connection_id
        return connection_id

    def _wait(self, connection_id: int, connection: _Connection) -> None:
        connection.state = Waiting()
        self._timers.set(connection_id, self._journal.now + BIND_TIMEOUT)

    def _give_up(self, connection_id: int) -> None:
        """Close a connection; whoever waits for it is told that it has failed."""
        state = self._by_id[connection_id].state
        if isinstance(state, Opening):
            self.answers.append((state.asked, Reply(CONNECTION_FAILED)))
        self._close(connection_id)

    def _close(self, connection_id: int) -> None:
        state = self._by_id[connection_id].state
        self.told.append(ClosePeerConnection(connection_id))
        if isinstance(state, Bound):
            self.told.append(CloseTransport(state.stream))
        self._forget(connection_id)

    def _forget(self, connection_id: int) -> None:
        connection = self._by_id.pop(connection_id)
        del self._by_peer[connection.allocation.number, connection.peer]
        self._timers.cancel(connection_id)
        if isinstance(connection.state, Bound):
            del self._by_stream[connection.state.stream]


def _is_same(one: Asked, other: Asked) -> bool:
    return one.path == other.path and one.request.transaction_id == other.request.transaction_id
