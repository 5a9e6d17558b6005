"""A TURN client on real sockets, over UDP, TCP, TLS or DTLS, and a peer for it to talk to."""

import asyncio
import contextlib
import os
import ssl
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Self, TypeVar

from rtc_asyncio import TurnCertificate, TurnListener, UdpSocket
from rtc_asyncio.udp import Batch
from rtc_dtls import (
    ApplicationDataReceived,
    Certificate,
    ConnectionState,
    DtlsConfig,
    DtlsConnection,
    Fingerprint,
    Role,
)
from rtc_stun import Address, CloseTransport, Datagram, LongTermCredential, OpenTransport
from rtc_turn import Allocated, AllocationEnded, DataReceived, Event, TurnClient, TurnConfig

HOST = "127.0.0.1"
ALICE = LongTermCredential(username="alice", password="secret")

E = TypeVar("E")


def certificate(folder: Path, name: str = "turn") -> TurnCertificate:
    """A certificate that proves nothing but itself."""
    made = Certificate.generate(rng=os.urandom, wall_clock=datetime.now(UTC), common_name=name)
    pem = made.to_pem()
    chain, key = folder / f"{name}.pem", folder / f"{name}.key"
    start = pem.index("-----BEGIN CERTIFICATE")
    key.write_text(pem[:start])
    chain.write_text(pem[start:])
    return TurnCertificate.load(chain, key)


class Peer:
    """Answers whatever comes in upper case."""

    def __init__(self, host: str = HOST) -> None:
        self.received: list[Datagram] = []
        self.socket = UdpSocket(Address(host, 0), self._answer)
        self.address = self.socket.local

    def _answer(self, batches: list[Batch]) -> None:
        for _, datagrams in batches:
            self.received += datagrams
            self.socket.send([Datagram(each.data.upper(), each.local, each.remote) for each in datagrams])


class TurnParty:
    """Drives one `TurnClient`."""

    def __init__(self, listener: TurnListener, client: TurnClient, transport: str, udp: UdpSocket | None) -> None:
        self._loop = asyncio.get_running_loop()
        self._server = Address(listener.host, listener.port)
        self._transport = transport
        self._udp = udp
        self._dtls: DtlsConnection | None = None
        self._writers: dict[int, asyncio.StreamWriter] = {}
        """By stream; a client has one, and one more for each TCP connection with a peer."""
        self._opening: set[asyncio.Task[None]] = set()
        self._task: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self.certificates: list[bytes] = []
        self.client = client
        self.events: list[Event] = []

    @classmethod
    @contextlib.asynccontextmanager
    async def at(
        cls,
        listener: TurnListener,
        *,
        credential: LongTermCredential | None = ALICE,
        config: TurnConfig | None = None,
    ) -> AsyncIterator[Self]:
        """A client of a listener; its sockets are closed afterwards."""
        transport = listener.transport
        party: Self | None = None
        udp = None
        if transport in ("udp", "dtls"):
            udp = UdpSocket(Address(listener.host, 0), lambda batches: party._received(batches) if party else None)
        client = TurnClient(
            local=Address(listener.host, 9) if udp is None else udp.local,
            server=Address(listener.host, listener.port),
            rng=os.urandom,
            credential=credential,
            config=config or TurnConfig(transport=transport),
        )
        party = cls(listener, client, transport, udp)
        if transport == "dtls":
            party._shake_hands()
        party._task = asyncio.create_task(party._keep_time())
        try:
            yield party
        finally:
            party._task.cancel()
            if udp is not None:
                udp.close()
            for task in party._opening:
                task.cancel()
            for writer in party._writers.values():
                writer.close()

    async def allocate(self) -> Allocated:
        """Obtain the allocation."""
        self.client.allocate(self._loop.time())
        self.flush()
        return await self.event(Allocated)

    async def send(self, data: bytes, peer: Address) -> bytes:
        """Send to a peer and return its answer."""
        self.client.send(data, peer, self._loop.time())
        self.flush()
        return (await self.event(DataReceived)).data

    async def event(self, kind: type[E]) -> E:
        """The next event of a class."""
        async with asyncio.timeout(10):
            while True:
                for position, event in enumerate(self.events):
                    if isinstance(event, kind):
                        del self.events[position]
                        return event
                    assert not isinstance(event, AllocationEnded), event
                self._news.clear()
                await self._news.wait()

    def pause_reading(self) -> None:
        """Read nothing more from streams."""
        for writer in self._writers.values():
            assert isinstance(writer.transport, asyncio.Transport)
            writer.transport.pause_reading()

    def close(self) -> None:
        """Give the allocation back."""
        self.client.close(self._loop.time())
        self.flush()

    def flush(self) -> None:
        """Move what the client has."""
        now = self._loop.time()
        for event in self.client.events():
            if isinstance(event, OpenTransport):
                self._opening.add(asyncio.create_task(self._connect(event)))
            elif isinstance(event, CloseTransport) and event.transport_id in self._writers:
                self._writers.pop(event.transport_id).close()
            self.events.append(event)
            self._news.set()
        unsent = self.client.datagrams_to_send(now)
        if self._dtls is not None and self._udp is not None:
            if self._dtls.state is ConnectionState.CONNECTED:
                self._dtls.send_many([each.data for each in unsent])
            unsent = [Datagram(data, self._udp.local, self._server) for data in self._dtls.datagrams_to_send(now)]
        if self._udp is not None:
            self._udp.send(unsent)
        for written in self.client.stream_data_to_send(now):
            self._writers[written.transport_id].write(written.data)

    def _received(self, batches: list[Batch]) -> None:
        now = self._loop.time()
        for _, datagrams in batches:
            if self._dtls is not None:
                self._dtls.receive_datagrams([each.data for each in datagrams], now)
                events = self._dtls.events()
                if not self.certificates and self._dtls.peer_certificates:
                    # Whom it is, the test looks at afterwards.
                    self.certificates = list(self._dtls.peer_certificates)
                    self._dtls.set_remote_fingerprints([Fingerprint.of(self.certificates[0])], now)
                datagrams = [
                    Datagram(each.data, datagrams[0].local, self._server)
                    for each in events
                    if isinstance(each, ApplicationDataReceived)
                ]
            self.client.receive_datagrams(datagrams, now)
        self.flush()

    def _shake_hands(self) -> None:
        self._dtls = DtlsConnection(role=Role.CLIENT, config=DtlsConfig(), rng=os.urandom)
        self._dtls.start(self._loop.time())

    async def _connect(self, wish: OpenTransport) -> None:
        context: ssl.SSLContext | None = None
        if wish.transport == "tls":
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        reader, writer = await asyncio.open_connection(*wish.remote, ssl=context)
        self._writers[wish.transport_id] = writer
        if context is not None:
            self.certificates = [writer.get_extra_info("ssl_object").getpeercert(binary_form=True)]
        self.client.transport_opened(wish.transport_id, self._loop.time())
        self.flush()
        while data := await reader.read(65_536):
            self.client.receive_stream_data(wish.transport_id, data, self._loop.time())
            self.flush()
        self._writers.pop(wish.transport_id, writer).close()
        self.client.transport_failed(wish.transport_id, self._loop.time())
        self.flush()

    async def _keep_time(self) -> None:
        while True:
            await asyncio.sleep(0.02)
            now = self._loop.time()
            machines: list[TurnClient | DtlsConnection] = (
                [self.client] if self._dtls is None else [self.client, self._dtls]
            )
            for machine in machines:
                due = machine.next_timeout()
                if due is not None and due <= now:
                    machine.handle_timeout(now)
            self.flush()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something to hold."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)
