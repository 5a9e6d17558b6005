"""The byte streams of a TURN server: those of its clients, over TCP or TLS, and those of peers (:rfc:`6062`)."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable, Coroutine
from typing import Final

from rtc_stun import Address
from rtc_turn import FIRST_CHANNEL, LAST_CHANNEL_OF_RFC5766, OpenPeerConnection, TurnServer

from .stream import Stream
from .turn_relays import RelaySockets, shared_socket

MAX_UNWRITTEN: Final = 1 << 20
"""Bytes that may wait for a client that reads too slowly; what a peer sends beyond that is lost, as in a full router."""
DATA_INDICATION: Final = b"\0\x17"
"""How a Data indication begins."""
HANDSHAKE_TIMEOUT: Final = 10.0
"""Seconds that a client has for TLS."""


class TurnStreams:
    """All streams of one server.

    Args:
        server: What is told of them.
        relays: Where connections to peers leave from.
        max_streams: Of clients, those included that have not finished TLS.
        wake: Called when the server has something to say.
    """

    def __init__(self, server: TurnServer, relays: RelaySockets, max_streams: int, wake: Callable[[], None]) -> None:
        self._server = server
        self._relays = relays
        self._max_streams = max_streams
        self._wake = wake
        self._loop = asyncio.get_running_loop()
        self._clients: dict[int, Stream] = {}
        self._peers: dict[int, Stream] = {}
        self._next_id = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._handshakes = 0
        self.dropped = 0
        """Messages for which a client had no room."""
        self.refused = 0
        """Connections of clients above the bound, or that failed in TLS."""

    @property
    def count(self) -> int:
        """Streams of clients at present."""
        return len(self._clients)

    # Clients.

    def accept(self, opened: socket.socket, local: Address, remote: Address, context: ssl.SSLContext | None) -> None:
        """Serve a connection that a client has opened; encrypted, if there is a context for that."""
        if len(self._clients) + self._handshakes >= self._max_streams:
            self.refused += 1
            opened.close()
            return
        self._handshakes += 1
        self._start(self._accept(opened, local, remote, context), opened)

    async def _accept(
        self, opened: socket.socket, local: Address, remote: Address, context: ssl.SSLContext | None
    ) -> None:
        number, self._next_id = self._next_id, self._next_id + 1
        transport = "tcp" if context is None else "tls"
        stream = Stream(
            lambda: self._client_opened(number, stream, local, remote, transport),
            lambda data: self._read_client(number, data),
            lambda: self._client_closed(number),
            lambda full: self._client_full(number, full),
        )
        try:
            await self._loop.connect_accepted_socket(
                lambda: stream,
                opened,
                ssl=context,
                ssl_handshake_timeout=None if context is None else HANDSHAKE_TIMEOUT,
            )
        except (OSError, ssl.SSLError):
            self.refused += 1
            opened.close()
        finally:
            self._handshakes -= 1

    def _client_opened(self, number: int, stream: Stream, local: Address, remote: Address, transport: str) -> None:
        if self._server.closed:
            stream.close(abort=True)
            return
        self._clients[number] = stream
        self._server.transport_opened(number, local, remote, self._loop.time(), transport=transport)
        self._wake()

    def _read_client(self, number: int, data: bytes) -> None:
        if number in self._clients:
            self._server.receive_stream_data(number, data, self._loop.time())
            self._wake()

    def _client_closed(self, number: int) -> None:
        if self._clients.pop(number, None) is not None:
            self._server.transport_closed(number, self._loop.time())
            self._wake()

    def _client_full(self, number: int, full: bool) -> None:
        peer = self._server.connections.joined_to_stream(number)
        if peer in self._peers:
            self._peers[peer].read(go_on=not full)

    def close_client(self, number: int, *, abort: bool) -> None:
        """Close a client's stream."""
        stream = self._clients.pop(number, None)
        if stream is not None:
            stream.close(abort=abort)

    # Peers.

    def connect(self, wish: OpenPeerConnection) -> None:
        """Connect to a peer, from the relayed address."""
        self._start(self._connect(wish))

    async def _connect(self, wish: OpenPeerConnection) -> None:
        number = wish.connection_id
        local = self._relays.bound_to(wish.relayed)
        stream = self._peer_stream(number, lambda: self._peer_opened(number, stream))
        opened: socket.socket | None = None
        try:
            if local is None:
                raise OSError("the relay is closed")
            opened = shared_socket(local)
            await self._loop.sock_connect(opened, tuple(wish.peer))
            await self._loop.create_connection(lambda: stream, sock=opened)
        except OSError:
            if opened is not None:
                opened.close()
            self._server.connections.failed(number, self._loop.time())
            self._wake()

    def _peer_opened(self, number: int, stream: Stream) -> None:
        self._peers[number] = stream
        self._server.connections.opened(number, self._loop.time())
        self._wake()

    def accept_peer(self, relayed: Address, opened: socket.socket, peer: Address) -> None:
        """Take a connection that a peer has opened to a relayed address."""
        number = self._server.connections.accepted(relayed, peer, self._loop.time())
        if number is None:
            opened.close()
            return
        # It is a peer's from now on: the server may want it closed before the event loop has made the connection.
        stream = self._peers[number] = self._peer_stream(number, lambda: None)
        self._wake()
        self._start(self._join(number, stream, opened), opened)

    async def _join(self, number: int, stream: Stream, opened: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(lambda: stream, opened)
        except OSError:
            opened.close()
            self._peer_closed(number)

    def _peer_stream(self, number: int, on_opened: Callable[[], None]) -> Stream:
        return Stream(
            on_opened,
            lambda data: self._read_peer(number, data),
            lambda: self._peer_closed(number),
            lambda full: self._peer_full(number, full),
        )

    def _read_peer(self, number: int, data: bytes) -> None:
        self._server.connections.receive_data(number, data, self._loop.time())
        self._wake()

    def _peer_closed(self, number: int) -> None:
        if self._peers.pop(number, None) is not None:
            self._server.connections.closed(number, self._loop.time())
            self._wake()

    def _peer_full(self, number: int, full: bool) -> None:
        client = self._server.connections.joined_to_peer(number)
        if client in self._clients:
            self._clients[client].read(go_on=not full)

    def close_peer(self, number: int) -> None:
        """Close the connection with a peer."""
        stream = self._peers.pop(number, None)
        if stream is not None:
            stream.close()

    # Output and end.

    def flush(self, now: float) -> None:
        """Write what the server has for its streams."""
        for written in self._server.connections.data_to_send(now):
            peer = self._peers.get(written.transport_id)
            if peer is not None:
                peer.write(written.data)
        for written in self._server.stream_data_to_send(now):
            client = self._clients.get(written.transport_id)
            if client is None:
                continue
            # Who is joined with a peer is held back instead, and what he gets may look like anything.
            is_joined = self._server.connections.joined_to_stream(written.transport_id) >= 0
            if client.unwritten > MAX_UNWRITTEN and not is_joined and _may_be_lost(written.data):
                self.dropped += 1
                continue
            client.write(written.data)

    def _start(self, work: Coroutine[None, None, None], opened: socket.socket | None = None) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(lambda ended: self._ended(ended, opened))

    def _ended(self, task: asyncio.Task[None], opened: socket.socket | None) -> None:
        self._tasks.discard(task)
        if opened is not None and task.cancelled():
            opened.close()  # Perhaps nobody else has seen it yet.

    async def close(self) -> None:
        """Close every stream and wait until that is done."""
        for task in self._tasks:
            task.cancel()
        for stream in [*self._clients.values(), *self._peers.values()]:
            stream.close()
        self._clients.clear()
        self._peers.clear()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*self._tasks, return_exceptions=True)


def _may_be_lost(message: bytes) -> bool:
    """Whether a message carries a peer's datagram; answers are waited for."""
    return FIRST_CHANNEL >> 8 <= message[0] <= LAST_CHANNEL_OF_RFC5766 >> 8 or message[:2] == DATA_INDICATION
