"""TURN client and server of ours on real sockets, and coturn's programs."""

import os
import select
import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from tests.interop.dtls_driver import free_port

from rtc_stun import (
    Address,
    CloseTransport,
    Credential,
    Datagram,
    LongTermAuthenticator,
    LongTermCredential,
    LongTermUsers,
    OpenTransport,
)
from rtc_turn import (
    LAST_CHANNEL_OF_RFC5766,
    ClosePeerConnection,
    CloseRelay,
    Event,
    OpenPeerConnection,
    OpenRelay,
    PublicPeers,
    ServerEvent,
    TurnClient,
    TurnConfig,
    TurnServer,
    TurnServerConfig,
)

HOST = "127.0.0.1"
REALM = "example.org"
USER = LongTermCredential(username="alice", password="secret")
E = TypeVar("E")


def installed() -> bool:
    """Whether coturn is here."""
    return all(shutil.which(name) for name in ("turnserver", "turnutils_uclient"))


@contextmanager
def coturn(folder: Path, *arguments: str, user: str | None = "alice:secret", port: int = 0) -> Iterator[int]:
    """Coturn's server; its port, for UDP and TCP alike."""
    port = port or free_port()
    line = ["turnserver", "-n", "--no-cli", "-L", HOST, "-E", HOST, "-p", str(port), "-r", REALM]
    line += [
        "--allow-loopback-peers",
        "--log-file",
        "stdout",
        "--pidfile",
        str(folder / "pid"),
        "-b",
        str(folder / "db"),
    ]
    line += ["--min-port", "49152", "--max-port", "65535"]
    if user is not None:
        line += ["-a", "-u", user]
    if "--cert" not in arguments:
        line += ["--no-tls", "--no-dtls"]
    with (folder / "log").open("wb") as log, subprocess.Popen([*line, *arguments], stdout=log, stderr=log) as process:
        try:
            _await_port(port)
            yield port
        finally:
            process.send_signal(signal.SIGKILL)


def _await_port(port: int) -> None:
    for _ in range(100):
        try:
            socket.create_connection((HOST, port), 1.0).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("coturn does not listen")


class Echo:
    """A peer that answers whatever comes, in upper case, at two neighbouring ports."""

    def __init__(self) -> None:
        self.sockets: list[socket.socket] = []
        while True:
            self.close()
            port = free_port()
            self.sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
            with suppress(OSError):
                for number, each in enumerate(self.sockets):
                    each.setblocking(False)
                    each.bind((HOST, port + number))
                break
        self.address = Address(HOST, self.sockets[0].getsockname()[1])

    def answer(self) -> None:
        """Answer what has come."""
        for each in self.sockets:
            for data, source in received(each):
                each.sendto(data.upper(), source)

    def close(self) -> None:
        """Close the sockets."""
        for each in self.sockets:
            each.close()


def received(datagrams: socket.socket) -> Iterator[tuple[bytes, Address]]:
    """Everything that a socket holds."""
    while True:
        try:
            data, source = datagrams.recvfrom(65_535)
        except OSError:
            return
        yield data, Address(*source[:2])


class ClientDriver:
    """A client over UDP, TCP or TLS, and a peer of its own."""

    def __init__(
        self,
        port: int,
        *,
        credential: Credential | None = USER,
        config: TurnConfig | None = None,
        authority: Path | None = None,
    ) -> None:
        self.config = config or TurnConfig()
        self.peer = Echo()
        self._skipped = 0.0
        self.events: list[Event] = []
        self._server = Address(HOST, port)
        self._authority = authority
        self._stream_id = -1
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM if self.config.is_stream else socket.SOCK_DGRAM)
        self.socket.bind((HOST, 0))
        self.local = Address(*self.socket.getsockname())
        self.client = TurnClient(
            local=self.local, server=self._server, rng=os.urandom, credential=credential, config=self.config
        )

    def now(self) -> float:
        """The client's time."""
        return time.monotonic() + self._skipped

    def skip(self, seconds: float) -> None:
        """Let the client believe that time has passed; the server does not."""
        self._skipped += seconds

    def close(self) -> None:
        """Close the sockets."""
        self.socket.close()
        self.peer.close()

    def run(self, until: Callable[[], bool], timeout: float = 10.0) -> bool:
        """Move bytes until something holds; whether it did."""
        end = self.now() + timeout
        while not until():
            now = self.now()
            if now > end:
                return False
            due = self.client.next_timeout()
            if due is not None and due <= now:
                self.client.handle_timeout(now)
            self._flush(now)
            wait = 0.05 if due is None else min(0.05, max(0.0, due - now))
            readable, _, _ = select.select([*self.peer.sockets, *self._readable()], [], [], wait)
            self.peer.answer()
            if self.socket in readable:
                self._read(self.now())
        self._flush(self.now())
        return True

    def saw(self, kind: type[E]) -> list[E]:
        """The events of a class."""
        return [event for event in self.events if isinstance(event, kind)]

    def _readable(self) -> list[socket.socket]:
        return [self.socket] if self._stream_id >= 0 or not self.config.is_stream else []

    def _flush(self, now: float) -> None:
        for event in self.client.events():
            self.events.append(event)
            if isinstance(event, OpenTransport):
                self._connect(event, now)
        for datagram in self.client.datagrams_to_send(now):
            self.socket.sendto(datagram.data, datagram.remote)
        for written in self.client.stream_data_to_send(now):
            self.socket.setblocking(True)
            self.socket.sendall(written.data)
            self.socket.setblocking(False)
        self.events += self.client.events()

    def _connect(self, wish: OpenTransport, now: float) -> None:
        self.socket.connect(self._server)
        if wish.transport == "tls":
            context = ssl.create_default_context(cafile=self._authority)
            self.socket = context.wrap_socket(self.socket, server_hostname=HOST)
        self._stream_id = wish.transport_id
        self.client.transport_opened(wish.transport_id, now)

    def _read(self, now: float) -> None:
        self.socket.setblocking(False)
        if not self.config.is_stream:
            arrived = [Datagram(data, self.local, source) for data, source in received(self.socket)]
            self.client.receive_datagrams(arrived, now)
            return
        while True:
            try:
                data = self.socket.recv(65_536)
            except (BlockingIOError, ssl.SSLWantReadError):
                return
            if not data:
                self.client.transport_failed(self._stream_id, now)
                self._stream_id = -1
                return
            self.client.receive_stream_data(self._stream_id, data, now)


class ServerDriver:
    """A server over UDP and TCP on the loopback interface."""

    def __init__(self, *, config: TurnServerConfig | None = None, users: LongTermUsers | None = None) -> None:
        self.server = TurnServer(
            rng=os.urandom,
            authenticator=LongTermAuthenticator(
                users or LongTermUsers(REALM, {"alice": "secret"}), secret=os.urandom(32)
            ),
            policy=PublicPeers(allowed=["127.0.0.0/8"]),
            # Coturn's client binds channels as RFC 5766 had it.
            config=replace(config or TurnServerConfig(), last_channel=LAST_CHANNEL_OF_RFC5766, tcp=True),
        )
        self.events: list[ServerEvent] = []
        self._udp: dict[Address, socket.socket] = {}
        self._listener = socket.create_server((HOST, 0))
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]
        self._address = Address(HOST, self.port)
        self._bind(self.port)
        self._streams: dict[int, socket.socket] = {}
        self._listeners: dict[Address, socket.socket] = {}
        self._peers: dict[int, socket.socket] = {}
        self._connecting: set[int] = set()

    def close(self) -> None:
        """Close the sockets."""
        opened = (self._udp, self._streams, self._listeners, self._peers)
        for each in (self._listener, *(each for group in opened for each in group.values())):
            each.close()

    def run(self, until: Callable[[], bool], timeout: float = 20.0) -> bool:
        """Serve until something holds; whether it did."""
        end = time.monotonic() + timeout
        while not until():
            now = time.monotonic()
            if now > end:
                return False
            due = self.server.next_timeout()
            if due is not None and due <= now:
                self.server.handle_timeout(now)
            self._flush(now)
            sockets = [self._listener, *self._udp.values(), *self._streams.values()]
            peers = [each for number, each in self._peers.items() if number not in self._connecting]
            connecting = [self._peers[number] for number in self._connecting]
            sockets += [*self._listeners.values(), *peers]
            readable, writable, _ = select.select(sockets, connecting, [], 0.02)
            for each in readable:
                self._read(each, time.monotonic())
            for each in writable:
                self._connected(each, time.monotonic())
        return True

    def saw(self, kind: type[E]) -> list[E]:
        """The events of a class."""
        return [event for event in self.events if isinstance(event, kind)]

    def _bind(self, port: int) -> Address:
        opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            opened.bind((HOST, port))
        except OSError:
            opened.close()
            raise
        opened.setblocking(False)
        address = Address(*opened.getsockname())
        self._udp[address] = opened
        return address

    def _flush(self, now: float) -> None:
        while events := self.server.events():
            self.events += events
            for event in events:
                if isinstance(event, OpenRelay):
                    self._open(event, now)
                elif isinstance(event, CloseRelay):
                    (self._udp.pop(event.relayed, None) or self._listeners.pop(event.relayed)).close()
                elif isinstance(event, CloseTransport):
                    self._streams.pop(event.transport_id).close()
                elif isinstance(event, OpenPeerConnection):
                    self._connect(event)
                elif isinstance(event, ClosePeerConnection):
                    self._connecting.discard(event.connection_id)
                    self._peers.pop(event.connection_id).close()
        for datagram in self.server.datagrams_to_send(now):
            if datagram.local in self._udp:
                self._udp[datagram.local].sendto(datagram.data, datagram.remote)
        for passed_on in self.server.connections.data_to_send(now):
            if passed_on.transport_id in self._peers:
                self._peers[passed_on.transport_id].setblocking(True)
                self._peers[passed_on.transport_id].sendall(passed_on.data)
                self._peers[passed_on.transport_id].setblocking(False)
        for written in self.server.stream_data_to_send(now):
            if written.transport_id in self._streams:
                self._streams[written.transport_id].setblocking(True)
                self._streams[written.transport_id].sendall(written.data)
                self._streams[written.transport_id].setblocking(False)

    def _connect(self, wish: OpenPeerConnection) -> None:
        peer = self._peers[wish.connection_id] = _shared_port(wish.relayed.port)
        peer.setblocking(False)
        peer.connect_ex(wish.peer)
        self._connecting.add(wish.connection_id)

    def _connected(self, peer: socket.socket, now: float) -> None:
        number = next(number for number, each in self._peers.items() if each is peer)
        self._connecting.discard(number)
        if peer.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self._peers.pop(number).close()
            self.server.connections.failed(number, now)
        else:
            self.server.connections.opened(number, now)

    def _open(self, wish: OpenRelay, now: float) -> None:
        if wish.tcp:
            listener = _shared_port(0)
            listener.listen()
            listener.setblocking(False)
            relayed = Address(*listener.getsockname())
            self._listeners[relayed] = listener
            self.server.relay_opened(wish.relay_id, relayed, now)
            return
        for port in range(50_000 + os.getpid() % 5000 * 2, 65_000, 2):
            try:
                relayed = self._bind(port)
            except OSError:
                continue
            reserved = self._bind(port + 1) if wish.reserve_next else None
            self.server.relay_opened(wish.relay_id, relayed, now, reserved=reserved)
            return
        self.server.relay_failed(wish.relay_id, now)

    def _read(self, readable: socket.socket, now: float) -> None:
        if readable is self._listener:
            stream, source = readable.accept()
            stream.setblocking(False)
            self._streams[stream.fileno()] = stream
            self.server.transport_opened(stream.fileno(), self._address, Address(*source), now)
            return
        for address, opened in self._udp.items():
            if opened is readable:
                arrived = [Datagram(data, address, source) for data, source in received(opened)]
                self.server.receive_datagrams(arrived, now)
                return
        for relayed, listener in self._listeners.items():
            if listener is readable:
                peer, source = listener.accept()
                accepted = self.server.connections.accepted(relayed, Address(*source), now)
                if accepted is None:
                    peer.close()
                else:
                    peer.setblocking(False)
                    self._peers[accepted] = peer
                return
        for number, peer in self._peers.items():
            if peer is readable:
                self._read_peer(number, peer, now)
                return
        for number, stream in self._streams.items():
            if stream is readable:
                try:
                    data = stream.recv(65_536)
                except ConnectionError:
                    data = b""
                if data:
                    self.server.receive_stream_data(number, data, now)
                else:
                    self._streams.pop(number).close()
                    self.server.transport_closed(number, now)
                return

    def _read_peer(self, number: int, peer: socket.socket, now: float) -> None:
        try:
            data = peer.recv(65_536)
        except ConnectionError:
            data = b""
        if data:
            self.server.connections.receive_data(number, data, now)
        else:
            self._peers.pop(number).close()
            self.server.connections.closed(number, now)


def _shared_port(port: int) -> socket.socket:
    """A TCP socket whose port others may have as well: the relayed address both listens and connects."""
    opened = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    opened.bind((HOST, port))
    return opened
