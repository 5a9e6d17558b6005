"""One STUN or TURN machine, its sockets and its time: enough for a command that asks a question and goes."""

import asyncio
import contextlib
import random
import socket
import ssl
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

from rtc_stun import (
    Address,
    BehaviorDiscovery,
    BindingLifetimeDiscovery,
    CloseTransport,
    Datagram,
    OpenTransport,
    StunClient,
)
from rtc_turn import TurnClient

if TYPE_CHECKING:
    from rtc_asyncio.dtls_stream import DtlsStream

FIRST_PORT, LAST_PORT = 32768, 65535
"""The range that RFC 5780, 4.1 recommends: ports that nothing else has used lately."""
_RECEIVE_ERRORS: Final = {socket.AF_INET: (socket.IPPROTO_IP, 11), socket.AF_INET6: (socket.IPPROTO_IPV6, 25)}
"""Linux: ICMP errors are told to sockets that are not connected, too."""
_READ_SIZE: Final = 65_536
E = TypeVar("E")


Machine: TypeAlias = StunClient | TurnClient | BehaviorDiscovery | BindingLifetimeDiscovery


class Driver:
    """Moves bytes for a machine until it has told what was asked.

    Args:
        tls: How to verify servers over TLS and DTLS.
    """

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._tls = tls
        self._loop = asyncio.get_running_loop()
        self._machine: Machine | None = None
        self._was_heard = False
        self._sockets: dict[Address, asyncio.DatagramTransport] = {}
        self._dtls: dict[Address, DtlsStream] = {}
        self._writers: dict[int, asyncio.StreamWriter] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self.events: list[object] = []
        """What the machine told."""
        self.is_connected = False
        """Whether a server accepted a stream, whatever it spoke then."""
        self.stream_address: Address | None = None
        """Our own address of a stream that was opened."""
        self.failure: OSError | None = None
        """Why a stream could not be opened, or what ICMP said to a datagram."""

    @property
    def now(self) -> float:
        """The machine's clock."""
        return self._loop.time()

    def saw(self, kind: type[E]) -> E | None:
        """The first event of a class."""
        return next((event for event in self.events if isinstance(event, kind)), None)

    async def open_udp(self, host: str) -> Address:
        """Open a socket on a port that was not in use lately; returns its address.

        Raises:
            OSError: There is no such address, or no port.
        """
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        opened = socket.socket(family, socket.SOCK_DGRAM)
        try:
            opened.settimeout(0.0)
            _bind(opened, host)
            if sys.platform == "linux":
                opened.setsockopt(*_RECEIVE_ERRORS[family], 1)
            address = Address(*opened.getsockname()[:2])
            transport, _ = await self._loop.create_datagram_endpoint(lambda: _Port(self, address), sock=opened)
        except BaseException:
            opened.close()
            raise
        self._sockets[address] = transport
        return address

    async def open_dtls(self, server: Address, name: str) -> Address:
        """Shake hands with a server that proves to be ``name``; returns our address of the connection.

        Raises:
            OSError: It does not prove that, or does not speak DTLS.
        """
        from rtc_asyncio.dtls_stream import DtlsStream  # and all of DTLS, which few servers speak

        stream = DtlsStream(
            server,
            None,
            name=name,
            context=self._tls,
            on_data=lambda data: self.receive(stream.local, data, server, "dtls"),
            on_closed=self._wake.set,
        )
        self._dtls[stream.local] = stream
        await stream.connect()
        self.is_connected = True
        return stream.local

    async def run(self, machine: Machine, until: Callable[[], bool], timeout: float) -> bool:
        """Drive a machine until something holds, a socket fails, or the seconds are over; returns whether it holds."""
        self._machine = machine
        end = self.now + timeout
        while True:
            self._flush(machine)
            if until():
                return True
            if self.failure is not None or self.now >= end:
                return False
            due = machine.next_timeout()
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(end if due is None else min(end, due)):
                    await self._wake.wait()
            machine.handle_timeout(self.now)

    async def close(self) -> None:
        """Let the machine say goodbye, then close everything."""
        if self._machine is not None:
            self._machine.close(self.now)
            self._flush(self._machine)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for transport in self._sockets.values():
            transport.close()
        for writer in self._writers.values():
            writer.close()
        for stream in self._dtls.values():
            stream.close()
        await asyncio.sleep(0)

    def receive(self, local: Address, data: bytes, source: tuple[str, int], transport: str = "udp") -> None:
        """Take in a datagram."""
        if self._machine is not None:
            self._was_heard = True
            self._machine.receive_datagram(Datagram(data, local, Address(*source[:2]), transport), self.now)
            self._wake.set()

    def fail(self, error: OSError) -> None:
        """Take note of what goes wrong; a datagram that is lost later on is nothing more than that."""
        if not self._was_heard:
            self.failure = error
            self._wake.set()

    def _flush(self, machine: Machine) -> None:
        if isinstance(machine, StunClient | TurnClient):
            for event in machine.events():
                self._take(machine, event)
            for written in machine.stream_data_to_send(self.now):
                if written.transport_id in self._writers:
                    self._writers[written.transport_id].write(written.data)
        for datagram in machine.datagrams_to_send(self.now):
            if datagram.local in self._dtls:
                self._dtls[datagram.local].write(datagram.data)
            else:
                self._sockets[datagram.local].sendto(datagram.data, datagram.remote)
        self.events += machine.events()

    def _take(self, machine: StunClient | TurnClient, event: object) -> None:
        match event:
            case OpenTransport():
                task = self._loop.create_task(self._connect(machine, event))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            case CloseTransport(transport_id=transport_id):
                if transport_id in self._writers:
                    self._writers.pop(transport_id).close()
            case _:
                self.events.append(event)

    async def _connect(self, machine: StunClient | TurnClient, wish: OpenTransport) -> None:
        """Open a stream, and read it to its end."""
        host, port = wish.remote
        tls = self._tls if wish.transport == "tls" else None
        try:
            reader, writer = await asyncio.open_connection(host, port)
            self.is_connected = True
            if tls is not None:
                await writer.start_tls(tls, server_hostname=wish.domain or host)
            self._writers[wish.transport_id] = writer
            self.stream_address = Address(*writer.get_extra_info("sockname")[:2])
            machine.transport_opened(wish.transport_id, self.now)
            self._wake.set()
            while data := await reader.read(_READ_SIZE):
                machine.receive_stream_data(wish.transport_id, data, self.now)
                self._wake.set()
        except OSError as error:  # those of TLS are among them
            self.fail(error)
        self._writers.pop(wish.transport_id, None)
        machine.transport_failed(wish.transport_id, self.now)
        self._wake.set()


class _Port(asyncio.DatagramProtocol):
    def __init__(self, driver: Driver, local: Address) -> None:
        self._driver = driver
        self._local = local

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._driver.receive(self._local, data, addr)

    def error_received(self, exc: Exception) -> None:
        if isinstance(exc, OSError):
            self._driver.fail(exc)


def _bind(opened: socket.socket, host: str) -> None:
    chance = random.SystemRandom()
    for _ in range(50):
        with contextlib.suppress(OSError):
            opened.bind((host, chance.randint(FIRST_PORT, LAST_PORT)))
            return
    opened.bind((host, 0))


def verifying(authority: str | None) -> ssl.SSLContext:
    """A context with the system's roots, and one more authority if a file is named.

    Raises:
        OSError: The file cannot be read, or holds no certificate.
    """
    context = ssl.create_default_context()
    if authority is not None:
        context.load_verify_locations(cafile=authority)
    return context
