"""TCP connections with peers, as a client has them: each on a stream of its own to the server (:rfc:`6062#section-4`)."""

from collections.abc import Callable
from typing import Final

from rtc_stun import Address, CloseTransport, Message, RequestFailed, RequestSucceeded, StreamData
from rtc_turn.allocation import family_of
from rtc_turn.attributes import AddressFamily, ConnectionId, XorPeerAddress
from rtc_turn.client_link import ClientLink
from rtc_turn.client_requests import Connecting, Joining, Journal, Order
from rtc_turn.config import TurnConfig
from rtc_turn.dataclass import dataclass
from rtc_turn.errors import BufferFullError, StateError
from rtc_turn.events import PeerConnected, PeerConnectionFailed, PeerDataReceived, PeerDisconnected
from rtc_turn.method import CONNECT, CONNECTION_BIND

HEADER_LENGTH: Final = 20
MAX_ANSWER_LENGTH: Final = 2048
"""Bytes of an answer to ConnectionBind."""
# [rfc6062:4.3/9]
RETRY_PAUSE: Final = 10.0
"""Seconds for which a peer that could not be reached is left alone."""
CONNECTION_FAILED: Final = 447


@dataclass(slots=True, eq=False)
class _Connection:
    """A connection on its way, or there."""

    peer: Address
    link: ClientLink
    is_bound: bool = False
    """Whether the stream carries the peer's data, and nothing else."""
    unread: bytes = b""
    """The beginning of an answer."""


class ClientConnections:
    """The connections of one allocation with peers. Reach it as `TurnClient.connections`; drain the client after every call.

    The client asks for another stream to the server for each connection (`rtc_stun.OpenTransport`). Peers that connect to the
    relayed address are let in if their host has a permission, see `TurnClient.create_permission`.

    Args:
        config: That of the client.
        families: Those of the relayed addresses.
        journal: Takes orders, events and counts.
        make_link: Makes another way to the server.
        send: Sends a request on a link.
    """

    def __init__(
        self,
        config: TurnConfig,
        families: frozenset[AddressFamily],
        journal: Journal,
        make_link: Callable[[], ClientLink],
        send: Callable[[ClientLink, Order], None],
    ) -> None:
        self._config = config
        self._families = families
        self._journal = journal
        self._make_link = make_link
        self._send = send
        self._connecting: set[Address] = set()
        self._unreachable: dict[Address, float] = {}
        """When a peer that could not be reached may be tried again."""
        self._by_id: dict[int, _Connection] = {}
        self._unsent: list[StreamData] = []
        self._unsent_bytes = 0

    # What the caller wants.

    def connect(self, peer: Address, now: float) -> None:
        """Connect to a peer; `PeerConnected` or `PeerConnectionFailed` follows. Only queues.

        Raises:
            StateError: There are too many connections, one with the peer is there or on its way, or the peer could not be
                reached less than ten seconds ago.
            ValueError: No relayed address is of the peer's family.

        See :rfc:`6062#section-4.3`.
        """
        if family_of(peer) not in self._families:
            raise ValueError(f"no relayed address reaches {peer.host}")
        # [rfc6062:4.3/11]
        if peer in self._connecting or any(each.peer == peer for each in self._by_id.values()):
            raise StateError(f"there is a connection with {peer}, or on its way")
        if self._unreachable.get(peer, 0.0) > max(now, self._journal.now):
            raise StateError(f"{peer} could not be reached less than {RETRY_PAUSE:g} seconds ago")
        if len(self._by_id) + len(self._connecting) >= self._config.max_connections:
            raise StateError(f"there are {len(self._by_id)} connections")
        self._journal.advance(now)
        # [rfc6062:4.3/10]
        self._connecting.add(peer)
        # [rfc6062:4.3/1] [rfc6062:4.3/2]
        self._journal.order(CONNECT, Connecting(peer), XorPeerAddress(peer))

    def send(self, connection_id: int, data: bytes, now: float) -> None:
        """Write to a peer. Only queues.

        Raises:
            StateError: There is no such connection.
            BufferFullError: Too much waits for being drained.
        """
        connection = self._bound(connection_id)
        if self._unsent_bytes + len(data) > self._config.max_unsent_bytes:
            raise BufferFullError(f"{self._unsent_bytes} bytes wait to be drained")
        self._journal.advance(now)
        if connection.link.stream is not None:
            self._unsent.append(StreamData(connection.link.stream, data))
            self._unsent_bytes += len(data)
            self._journal.stats.bytes_sent += len(data)

    def close(self, connection_id: int, now: float) -> None:
        """Close a connection; `PeerDisconnected` follows. What was sent before leaves first if it has been drained.

        Raises:
            StateError: There is no such connection.
        """
        self._bound(connection_id)
        self._journal.advance(now)
        self._end(connection_id)

    def _bound(self, connection_id: int) -> _Connection:
        connection = self._by_id.get(connection_id)
        if connection is None or not connection.is_bound:
            raise StateError(f"there is no connection {connection_id}")
        return connection

    # What the server says.

    def connected(self, peer: Address, success: RequestSucceeded) -> None:
        """The server has reached a peer: come for the connection."""
        self._connecting.discard(peer)
        wanted = success.response.get(ConnectionId)
        if wanted is None or wanted.value in self._by_id:
            self._journal.events.append(PeerConnectionFailed(peer, None))
        else:
            self._bind(wanted, peer)

    def not_connected(self, peer: Address, failure: RequestFailed) -> None:
        """The server has not reached a peer, or may not."""
        self._connecting.discard(peer)
        # [rfc6062:4.3/8]
        if failure.error_code == CONNECTION_FAILED:
            now = self._journal.now
            self._unreachable = {each: until for each, until in self._unreachable.items() if until > now}
            self._unreachable[peer] = now + RETRY_PAUSE
        self._journal.events.append(PeerConnectionFailed(peer, failure.error_code))

    def attempted(self, indication: Message, *, is_permitted: Callable[[str], bool]) -> None:
        """A peer has connected to the relayed address: come for the connection, if the peer may."""
        peer, wanted = indication.get(XorPeerAddress), indication.get(ConnectionId)
        if peer is None or wanted is None or wanted.value in self._by_id:
            self._journal.drop("malformed")
        elif not is_permitted(peer.address.host):
            self._journal.drop("not-permitted")
        elif len(self._by_id) + len(self._connecting) >= self._config.max_connections:
            self._journal.drop("too-many-connections")
        else:
            self._bind(wanted, peer.address)

    def _bind(self, wanted: ConnectionId, peer: Address) -> None:
        # [rfc6062:4.3/3] [rfc6062:4.3/4] [rfc6062:4.4/1] [rfc6062:4.4/2]
        link = self._make_link()
        self._by_id[wanted.value] = _Connection(peer, link)
        # [rfc6062:4.3/5] [rfc6062:4.3/6] [rfc6062:4.3/7] [rfc6062:4.4/3] [rfc6062:4.4/4] [rfc6062:4.4/5]
        self._send(link, Order(CONNECTION_BIND, Joining(), [wanted]))

    # Streams.

    def link_of(self, transport_id: int) -> ClientLink | None:
        """Return the link that a stream belongs to, if it is one of these."""
        found = self._find(transport_id)
        return None if found is None else self._by_id[found].link

    def _find(self, transport_id: int) -> int | None:
        return next((number for number, each in self._by_id.items() if each.link.has(transport_id)), None)

    def receive(self, transport_id: int, data: bytes) -> None:
        """Take in what was read from a stream: the answer to ConnectionBind, and then what the peer sends."""
        number = self._find(transport_id)
        if number is None:
            return
        connection = self._by_id[number]
        connection.unread += data
        while not connection.is_bound and len(connection.unread) >= HEADER_LENGTH:
            length = HEADER_LENGTH + int.from_bytes(connection.unread[2:4], "big")
            if length > MAX_ANSWER_LENGTH:
                self._journal.drop("malformed-stream")
                self._fail(number, None)
                return
            if len(connection.unread) < length:
                return
            message, connection.unread = connection.unread[:length], connection.unread[length:]
            connection.link.receive(transport_id, message)
            self.settle()
            if number not in self._by_id:
                return
        if connection.is_bound and connection.unread:
            content, connection.unread = connection.unread, b""
            self._deliver(number, content)

    def _deliver(self, number: int, data: bytes) -> None:
        # A stream cannot lose a part: a caller who does not drain its events loses the connection.
        if len(self._journal.events) >= self._config.max_events:
            self._journal.drop("events-full", len(data))
            self._end(number, abort=True)
            return
        self._journal.stats.bytes_received += len(data)
        self._journal.events.append(PeerDataReceived(number, data))

    def failed(self, transport_id: int) -> None:
        """A stream could not be connected, or was closed, as it is when the peer closes its end."""
        number = self._find(transport_id)
        if number is None:
            return
        connection = self._by_id[number]
        if not connection.is_bound:
            self._fail(number, None)
            return
        connection.link.failed(transport_id)
        del self._by_id[number]
        self._journal.events.append(PeerDisconnected(number))

    def settle(self) -> None:
        """Take in what has come of the requests on these streams."""
        for number, connection in list(self._by_id.items()):
            for outcome in connection.link.outcomes():
                match outcome:
                    case RequestSucceeded():
                        connection.is_bound = True
                        self._journal.events.append(PeerConnected(number, connection.peer))
                    case RequestFailed(error_code=code):
                        self._fail(number, code)
                    case _:
                        pass

    def _fail(self, number: int, error_code: int | None) -> None:
        connection = self._by_id.pop(number)
        connection.link.close()
        self._journal.events.append(PeerConnectionFailed(connection.peer, error_code))

    def _end(self, number: int, *, abort: bool = False) -> None:
        connection = self._by_id.pop(number)
        stream = connection.link.stream
        if abort and stream is not None:
            self._journal.events.append(CloseTransport(stream, abort=True))
            connection.link.failed(stream)
        connection.link.close()
        self._journal.events.append(PeerDisconnected(number))

    # Time and output.

    def handle_timeout(self) -> None:
        """Do what time demands."""
        for connection in list(self._by_id.values()):
            connection.link.stun.handle_timeout(self._journal.now)
        self.settle()

    def next_timeout(self) -> float | None:
        """Return when something is due, in seconds; at once while output waits."""
        if self._unsent:
            return self._journal.now
        times = (each.link.stun.next_timeout() for each in self._by_id.values() if not each.is_bound)
        return min((each for each in times if each is not None), default=None)

    def output(self) -> list[StreamData]:
        """Drain what is to be written to streams."""
        output = [written for each in self._by_id.values() for written in each.link.output()]
        unsent, self._unsent = self._unsent, []
        self._unsent_bytes = 0
        return output + unsent

    def end(self) -> None:
        """The allocation has ended, and with it every connection."""
        for number, connection in list(self._by_id.items()):
            if connection.is_bound:
                self._end(number)
            else:
                self._fail(number, None)
        for peer in sorted(self._connecting):
            self._journal.events.append(PeerConnectionFailed(peer, None))
        self._connecting.clear()
