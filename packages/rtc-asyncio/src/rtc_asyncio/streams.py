"""The streams that a machine asks for: TCP, TLS with the server's certificate verified, DTLS, and UDP from another port.

A machine wishes with `rtc_stun.OpenTransport`, is told with ``transport_opened`` and ``transport_failed``, and gives what is to
be written with ``stream_data_to_send``. Streams that somebody opened to us are taken in with `MachineStreams.adopt`.
"""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Final, Protocol

from rtc_stun import Address, CloseTransport, OpenTransport, StreamData

from .stream import Stream
from .tcp_listener import bound_socket
from .udp import socket_address

if TYPE_CHECKING:
    import ssl

    from .udp_stream import UdpStream

_LOGGER: Final = logging.getLogger("rtc_asyncio")

MAX_UNWRITTEN: Final = 256 * 1024
"""Bytes that may wait for the network in one stream; what comes on top is lost, as in a full router."""
CONNECT_TIMEOUT: Final = 15.0
"""Seconds for a connection, TLS included. Whoever waits for a candidate has given up long before."""


class StreamMachine(Protocol):
    """A machine that wants streams."""

    def transport_opened(self, transport_id: int, now: float, local: Address | None = None) -> None:
        """Tell that a stream is connected."""

    def transport_failed(self, transport_id: int, now: float) -> None:
        """Tell that it is gone."""

    def receive_stream_data(self, transport_id: int, data: bytes, now: float) -> None:
        """Tell what was read."""

    def stream_data_to_send(self, now: float) -> list[StreamData]:
        """Drain what is to be written."""


class Connection(Protocol):
    """What the streams have in common, TCP and DTLS alike."""

    @property
    def unwritten(self) -> int:
        """Bytes that wait."""

    def write(self, data: bytes) -> None:
        """Write, or queue."""

    def close(self, *, abort: bool = False) -> None:
        """End it: at once, or when the rest is written."""


class MachineStreams:
    """The streams of one machine.

    Args:
        machine: What they are for.
        flush: Called when the machine has something to say.
        tls: How certificates of servers are verified; by the system's roots if None.
    """

    def __init__(self, machine: StreamMachine, flush: Callable[[], None], tls: "ssl.SSLContext | None" = None) -> None:
        self._machine = machine
        self._flush = flush
        self._tls = tls
        self._loop = asyncio.get_running_loop()
        self._connections: dict[int, Connection] = {}
        self._connecting: dict[int, asyncio.Task[None]] = {}
        self._closing: list[CloseTransport] = []
        self._closed = False
        self.dropped = 0
        """Writes for which there was no room."""

    def open(self, wish: OpenTransport) -> None:
        """Connect, in the background."""
        if self._closed:
            return
        if wish.transport == "udp":
            self._open_udp(wish)
            return
        connecting: Coroutine[None, None, None]
        connecting = self._open_dtls(wish) if wish.transport == "dtls" else self._open_stream(wish)
        task = self._connecting[wish.transport_id] = self._loop.create_task(connecting)
        task.add_done_callback(lambda _: self._connecting.pop(wish.transport_id, None))

    def take(self, transport_id: int, accepted: socket.socket) -> None:
        """Take in a connection that was accepted, under the number that the machine gave it."""
        stream = self._stream(transport_id)
        self.adopt(transport_id, stream)
        task = self._connecting[transport_id] = self._loop.create_task(self._take(transport_id, stream, accepted))
        task.add_done_callback(lambda _: self._connecting.pop(transport_id, None))

    def adopt(self, transport_id: int, connection: Connection) -> None:
        """Take in a stream that was accepted, under the number that the machine gave it."""
        self._connections[transport_id] = connection

    def close_later(self, wish: CloseTransport) -> None:
        """Close a stream once what the machine said before is written: with the next `write_all`."""
        self._closing.append(wish)

    def write_all(self, now: float) -> None:
        """Write what the machine has to say, then close what it wants closed."""
        for written in self._machine.stream_data_to_send(now):
            connection = self._connections.get(written.transport_id)
            if connection is None or connection.unwritten > MAX_UNWRITTEN:
                self.dropped += 1
            else:
                connection.write(written.data)
        if not self._closing:
            return
        closing, self._closing = self._closing, []
        for wish in closing:
            task = self._connecting.pop(wish.transport_id, None)
            if task is not None:
                task.cancel()
            connection = self._connections.pop(wish.transport_id, None)
            if connection is not None:
                connection.close(abort=wish.abort)

    def close(self) -> None:
        """Close all of them, as soon as what was written has left."""
        self._closed = True
        for task in self._connecting.values():
            task.cancel()
        connections, self._connections = self._connections, {}
        for connection in connections.values():
            connection.close()

    # --- within ---

    def _stream(self, number: int) -> Stream:
        return Stream(
            on_opened=lambda: None,
            on_data=lambda data: self.received(number, data),
            on_closed=lambda: self.lost(number),
            on_full=lambda _: None,
        )

    async def _take(self, number: int, stream: Stream, accepted: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(lambda: stream, accepted)
        except (OSError, asyncio.CancelledError):
            accepted.close()
            self.lost(number)

    async def _connect_from(self, local: Address, remote: Address) -> socket.socket:
        """Connect from a port at which somebody listens: simultaneous open."""
        connecting = bound_socket(local, shared=True)
        try:
            await self._loop.sock_connect(connecting, socket_address(remote))
        except (OSError, asyncio.CancelledError):
            connecting.close()
            raise
        return connecting

    async def _open_stream(self, wish: OpenTransport) -> None:
        number = wish.transport_id
        stream = self._stream(number)
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                if wish.local is not None and wish.local.port:
                    connected = await self._connect_from(wish.local, wish.remote)
                    transport, _ = await self._loop.create_connection(lambda: stream, sock=connected)
                    self._opened(number, stream, transport.get_extra_info("sockname"))
                    return
                transport, _ = await self._loop.create_connection(
                    lambda: stream,
                    wish.remote.host,
                    wish.remote.port,
                    local_addr=None if wish.local is None else (wish.local.host, wish.local.port),
                    ssl=self._context() if wish.transport == "tls" else None,
                    # A certificate proves what the configuration names, be it a name or an address.
                    server_hostname=(wish.domain or wish.remote.host) if wish.transport == "tls" else None,
                )
        # The last for names that no certificate can have.
        except (OSError, TimeoutError, UnicodeError, ValueError) as error:
            self._tell(wish, error)
            self._failed(number)
            return
        if transport.is_closing():
            self._failed(number)
        else:
            self._opened(number, stream, transport.get_extra_info("sockname"))

    def _open_udp(self, wish: OpenTransport) -> None:
        from .udp_stream import UdpStream  # few need a second port

        number = wish.transport_id
        try:
            stream = UdpStream(wish.remote, wish.local, on_data=lambda data: self.received(number, data))
        except OSError:
            self._loop.call_soon(self._failed, number)
        else:
            self._connections[number] = stream
            self._loop.call_soon(self._udp_opened, number, stream)

    def _udp_opened(self, number: int, stream: "UdpStream") -> None:
        if self._connections.get(number) is stream:
            self._opened(number, stream, stream.local)

    async def _open_dtls(self, wish: OpenTransport) -> None:
        from .dtls_stream import DtlsStream  # who has no such server does without

        number = wish.transport_id
        try:
            stream = DtlsStream(
                wish.remote,
                wish.local,
                name=wish.domain or wish.remote.host,
                context=self._context(),
                on_data=lambda data: self.received(number, data),
                on_closed=lambda: self.lost(number),
            )
        except OSError:
            self._failed(number)
            return
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await stream.connect()
        except (OSError, TimeoutError) as error:
            stream.close(abort=True)
            self._tell(wish, error)
            self._failed(number)
        except asyncio.CancelledError:
            stream.close(abort=True)
            raise
        else:
            self._opened(number, stream, stream.local)

    def _tell(self, wish: OpenTransport, error: Exception) -> None:
        """Log what is not the network's fault, as everything else may be: the machine tells that the server was not reached."""
        if wish.transport not in ("tls", "dtls"):
            return
        import ssl  # as for the context

        if isinstance(error, ssl.SSLCertVerificationError):
            name, why = wish.domain or wish.remote.host, error.verify_message
            _LOGGER.warning("%s is not used over %s: its certificate is not trusted: %s", name, wish.transport, why)

    def _context(self) -> "ssl.SSLContext":
        if self._tls is None:
            import ssl  # half a megabyte that few need

            self._tls = ssl.create_default_context()
        return self._tls

    def _opened(self, number: int, connection: Connection, local: tuple[str, int] | None) -> None:
        self._connections[number] = connection
        self._machine.transport_opened(number, self._loop.time(), None if local is None else Address(*local[:2]))
        self._flush()

    def _failed(self, number: int) -> None:
        if not self._closed:
            with contextlib.suppress(ValueError):
                self._machine.transport_failed(number, self._loop.time())
            self._flush()

    def received(self, number: int, data: bytes) -> None:
        """Something was read from a stream."""
        if not self._closed:
            self._machine.receive_stream_data(number, data, self._loop.time())
            self._flush()

    def lost(self, number: int) -> None:
        """A stream has ended."""
        if self._connections.pop(number, None) is not None:
            self._failed(number)
