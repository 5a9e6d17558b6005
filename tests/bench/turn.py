"""A TURN server under load, ours and coturn's: what each does in a second of its own CPU time.

    python -m tests.bench.worker ours|coturn turn

The load is one process with a client and a peer for each allocation; the server is another, and only its CPU time counts. Datagrams go
in windows: the next are sent when the last have arrived, so that nobody is measured losing them.
"""

import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from rtc_stun import Address, Datagram, LongTermCredential
from rtc_turn import Allocated, AllocationEnded, ChannelBound, TurnClient, pack_channel_data

HOST: Final = "127.0.0.1"
LENGTH: Final = 1000
"""Bytes of a datagram."""
CLIENTS: Final = 4
WINDOW: Final = 32
"""Datagrams under way for each client."""
ROUNDS: Final = 300
"""Windows in each direction."""
ALLOCATIONS: Final = 300
PATIENCE: Final = 2.0
"""Seconds until what is missing is given up."""
USER: Final = ("alice", "secret")


class Client:
    """A client with its socket, and a peer."""

    def __init__(self, server: Address, host: str = HOST) -> None:
        self.socket, self.peer = _socket(host), _socket(HOST)
        self.socket.connect(server)
        self.client = TurnClient(
            local=Address(*self.socket.getsockname()),
            server=server,
            rng=os.urandom,
            credential=LongTermCredential(username=USER[0], password=USER[1]),
        )
        self.peer_address = Address(*self.peer.getsockname())

    def until(self, kind: type) -> object:
        """Move datagrams until an event of a class comes."""
        end = time.monotonic() + 10
        while (now := time.monotonic()) < end:
            for datagram in self.client.datagrams_to_send(now):
                self.socket.send(datagram.data)
            for event in self.client.events():
                if isinstance(event, kind):
                    return event
                assert not isinstance(event, AllocationEnded), event
            select.select([self.socket], [], [], 0.02)
            with suppress(BlockingIOError):
                data = self.socket.recv(65_535)
                local = Address(*self.socket.getsockname())
                self.client.receive_datagram(Datagram(data, local, self.client.server), time.monotonic())
            due = self.client.next_timeout()
            if due is not None and due <= time.monotonic():
                self.client.handle_timeout(time.monotonic())
        raise AssertionError(f"no {kind.__name__}")

    def allocate(self) -> Address:
        """Obtain an allocation."""
        self.client.allocate(time.monotonic())
        allocated = self.until(Allocated)
        assert isinstance(allocated, Allocated)
        return allocated.relayed[0]

    def release(self) -> None:
        """Give it back."""
        self.client.close(time.monotonic())
        self.until(AllocationEnded)

    def close(self) -> None:
        """Close the sockets."""
        self.socket.close()
        self.peer.close()


def measure(name: str) -> dict[str, float]:
    """Measure one server."""
    with _serving(name) as (server, pid):
        return {**_relaying(server, pid), **_allocating(server, pid)}


def _relaying(server: Address, pid: int) -> dict[str, float]:
    clients = [Client(server) for _ in range(CLIENTS)]
    relayed = []
    for client in clients:
        relayed.append(client.allocate())
        client.client.bind_channel(client.peer_address, time.monotonic())
        client.until(ChannelBound)
    up, down = pack_channel_data(0x4000, bytes(LENGTH), pad=False), bytes(LENGTH)
    before, arrived = _cpu(pid), 0
    for _ in range(ROUNDS):
        for client in clients:
            for _ in range(WINDOW):
                client.socket.send(up)
        arrived += _collect([client.peer for client in clients], CLIENTS * WINDOW)
        for client, address in zip(clients, relayed, strict=True):
            for _ in range(WINDOW):
                client.peer.sendto(down, address)
        arrived += _collect([client.socket for client in clients], CLIENTS * WINDOW)
    seconds = _cpu(pid) - before
    for client in clients:
        client.release()
        client.close()
    return {
        "datagrams_per_cpu_second": arrived / seconds,
        "mb_per_cpu_second": arrived * LENGTH / 1e6 / seconds,
        "arrived_percent": 100 * arrived / (2 * ROUNDS * CLIENTS * WINDOW),
    }


def _allocating(server: Address, pid: int) -> dict[str, float]:
    # Addresses of their own: coturn remembers clients that have gone for a while.
    clients = [Client(server, f"127.0.{1 + number // 250}.{1 + number % 250}") for number in range(ALLOCATIONS)]
    before = _cpu(pid)
    for client in clients:
        client.allocate()
        client.release()
    seconds = _cpu(pid) - before
    for client in clients:
        client.close()
    return {"allocations_per_cpu_second": ALLOCATIONS / seconds}


def _collect(sockets: list[socket.socket], count: int) -> int:
    """Receive as many datagrams; how many came."""
    arrived, end = 0, time.monotonic() + PATIENCE
    while arrived < count and time.monotonic() < end:
        readable, _, _ = select.select(sockets, [], [], 0.1)
        for each in readable:
            with suppress(BlockingIOError):
                while True:
                    each.recv(65_535)
                    arrived += 1
    return arrived


@contextmanager
def _serving(name: str) -> Iterator[tuple[Address, int]]:
    with socket.create_server((HOST, 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        line = _ours(port) if name == "ours" else _coturn(port, Path(folder))
        with subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                _await(port)
                yield Address(HOST, port), process.pid
            finally:
                process.send_signal(signal.SIGKILL)


def _ours(port: int) -> list[str]:
    line = [sys.executable, "-m", "rtc_cli", "turn", "--host", HOST, "--port", str(port), "--user", ":".join(USER)]
    return [*line, "--realm", "example.org", "--allow-peer", "127.0.0.0/8"]


def _coturn(port: int, folder: Path) -> list[str]:
    line = ["turnserver", "-n", "--no-cli", "-L", HOST, "-E", HOST, "-p", str(port), "-r", "example.org", "-a"]
    line += ["-u", ":".join(USER), "--allow-loopback-peers", "--no-tls", "--no-dtls", "--log-file", "/dev/null"]
    return [*line, "--pidfile", str(folder / "pid"), "-b", str(folder / "db"), "--no-stdout-log"]


def _await(port: int) -> None:
    for _ in range(200):
        with suppress(OSError), socket.create_connection((HOST, port), 1.0):
            return
        time.sleep(0.05)
    raise AssertionError("the server does not listen")


def _cpu(pid: int) -> float:
    """Seconds of CPU time that a process has had, of all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _socket(host: str) -> socket.socket:
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    opened.setblocking(False)
    opened.bind((host, 0))
    return opened
