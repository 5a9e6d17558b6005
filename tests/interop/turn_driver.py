"""A TURN client of ours on real sockets, and coturn's server."""

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
from pathlib import Path
from typing import TypeVar

from tests.interop.dtls_driver import free_port

from rtc_dtls import (
    ApplicationDataReceived,
    ConnectionState,
    DtlsConfig,
    DtlsConnection,
    Fingerprint,
    PeerCertificateReceived,
    Role,
)
from rtc_stun import (
    Address,
    Credential,
    Datagram,
    LongTermCredential,
    OpenTransport,
)
from rtc_turn import (
    Event,
    TurnClient,
    TurnConfig,
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
        self._dtls: DtlsConnection | None = None
        if self.config.transport == "dtls":
            self._dtls = DtlsConnection(role=Role.CLIENT, config=DtlsConfig(), rng=os.urandom)
            self._dtls.start(self.now())
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
            if self._dtls is not None and (self._dtls.next_timeout() or now + 1) <= now:
                self._dtls.handle_timeout(now)
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
        unsent = [datagram.data for datagram in self.client.datagrams_to_send(now)]
        if self._dtls is not None:
            if self._dtls.state is ConnectionState.CONNECTED:
                self._dtls.send_many(unsent)
            unsent = self._dtls.datagrams_to_send(now)
        for data in unsent:
            self.socket.sendto(data, self._server)
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

    def _open(self, dtls: DtlsConnection, records: list[bytes], now: float) -> list[bytes]:
        """What is inside DTLS; the server is whoever it is."""
        dtls.receive_datagrams(records, now)
        events = dtls.events()
        if any(isinstance(event, PeerCertificateReceived) for event in events):
            dtls.set_remote_fingerprints([Fingerprint.of(dtls.peer_certificates[0])], now)
        return [event.data for event in events if isinstance(event, ApplicationDataReceived)]

    def _read(self, now: float) -> None:
        self.socket.setblocking(False)
        if not self.config.is_stream:
            datagrams = [data for data, _ in received(self.socket)]
            if self._dtls is not None:
                datagrams = self._open(self._dtls, datagrams, now)
            self.client.receive_datagrams([Datagram(data, self.local, self._server) for data in datagrams], now)
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
