"""A machine on a real UDP socket of the loopback interface, and the programs of OpenSSL and GnuTLS beside it."""

import os
import select
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Protocol

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from tests.dtls.conformance.keys import Identity
from tests.support.peers import require


class UdpMachine(Protocol):
    """What the driver needs of a machine."""

    def receive_datagrams(self, datagrams: Sequence[bytes], now: float) -> None: ...
    def handle_timeout(self, now: float) -> None: ...
    def datagrams_to_send(self, now: float) -> list[bytes]: ...
    def next_timeout(self) -> float | None: ...


class UdpDriver:
    """Moves datagrams between a machine and one peer until something has happened."""

    def __init__(self, machine: UdpMachine, *, port: int | None = None) -> None:
        self.machine = machine
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.remote = ("127.0.0.1", port) if port is not None else None
        self.largest = 0
        """Longest datagram we sent."""
        self.largest_received = 0

    @property
    def port(self) -> int:
        """Where we listen."""
        port: int = self.socket.getsockname()[1]
        return port

    def run(self, until: Callable[[], bool], *, timeout: float = 15.0) -> bool:
        """Drive the machine until the condition holds; False when the time is over."""
        deadline = time.monotonic() + timeout
        while True:
            self._flush()
            if until():
                return True
            now = time.monotonic()
            if now >= deadline:
                return False
            due = self.machine.next_timeout()
            wait = min(deadline, now + 0.1, due if due is not None else deadline) - now
            select.select([self.socket], [], [], max(0.0, wait))
            self._receive()
            due = self.machine.next_timeout()
            if due is not None and due <= time.monotonic():
                self.machine.handle_timeout(time.monotonic())

    def _receive(self) -> None:
        batch = []
        while True:
            try:
                data, remote = self.socket.recvfrom(65535)
            except BlockingIOError:
                break
            except ConnectionRefusedError:
                continue
            self.remote = self.remote or remote
            self.largest_received = max(self.largest_received, len(data))
            batch.append(data)
        if batch:
            self.machine.receive_datagrams(batch, time.monotonic())

    def _flush(self) -> None:
        for datagram in self.machine.datagrams_to_send(time.monotonic()):
            self.largest = max(self.largest, len(datagram))
            if self.remote is not None:
                with suppress(ConnectionRefusedError):
                    self.socket.sendto(datagram, self.remote)

    def close(self) -> None:
        self.socket.close()


def free_port() -> int:
    """A UDP port that was free a moment ago."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Tool:
    """A running program of somebody else: what it printed, and its standard input."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.output = b""
        assert process.stdout is not None
        os.set_blocking(process.stdout.fileno(), False)

    def saw(self, text: bytes) -> bool:
        """Whether the program has printed this."""
        assert self._process.stdout is not None
        while chunk := self._process.stdout.read(65536):
            self.output += chunk
        return text in self.output

    def line_with(self, text: bytes) -> bytes:
        """The rest of the line that begins with `text` somewhere in the output."""
        return self.output.split(text, 1)[1].split(b"\n", 1)[0].strip()

    def type(self, line: bytes) -> None:
        """Give the program a line; it sends it to the peer."""
        assert self._process.stdin is not None
        self._process.stdin.write(line + b"\n")
        self._process.stdin.flush()

    def end_input(self) -> None:
        """Close its input, upon which it says goodbye to the peer."""
        assert self._process.stdin is not None
        self._process.stdin.close()


def openssl(command: str, who: Identity, folder: Path, *arguments: str) -> AbstractContextManager[Tool]:
    """One of OpenSSL's test programs, `s_client` or `s_server`, with the key and certificate of `who`."""
    key, certificate = _files(who, folder)
    return _run("openssl", command, "-dtls1_2", "-cert", certificate, "-key", key, *arguments)


def gnutls(program: str, who: Identity, folder: Path, *arguments: str) -> AbstractContextManager[Tool]:
    """One of GnuTLS's test programs, `gnutls-cli` or `gnutls-serv`, with the key and certificate of `who`."""
    key, certificate = _files(who, folder)
    return _run(program, "--udp", "--x509certfile", certificate, "--x509keyfile", key, *arguments)


@contextmanager
def _run(name: str, *arguments: str) -> Iterator[Tool]:
    program = shutil.which(name)
    require(program, f"the program {name} is not installed")
    assert program is not None
    process = subprocess.Popen(
        [program, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        yield Tool(process)
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()


def _files(who: Identity, folder: Path) -> tuple[str, str]:
    """Key and certificate as PEM files."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    key.write_bytes(who.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    certificate.write_bytes(_pem(who.certificate))
    return str(key), str(certificate)


def _pem(certificate: bytes) -> bytes:
    import base64
    import textwrap

    body = "\n".join(textwrap.wrap(base64.b64encode(certificate).decode(), 64))
    return f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n".encode()
