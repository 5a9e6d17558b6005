"""The TURN server on real sockets: every transport, ICMP, changes while it runs, and an end that leaves nothing behind."""

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.asyncio.turn_party import ALICE, HOST, Peer, TurnParty, certificate, until

from rtc_asyncio import TurnCertificate, TurnListener, TurnRelays, TurnService
from rtc_asyncio.dtls_listener import DtlsListener
from rtc_asyncio.turn_relays import RelaySockets
from rtc_asyncio.turn_server import AllocationEvent
from rtc_asyncio.udp import Batch
from rtc_dtls import ConnectionState, DtlsConfig, DtlsConnection, Fingerprint, Role
from rtc_stun import Address, Datagram, LongTermAuthenticator, LongTermCredential, LongTermUsers
from rtc_turn import (
    AddressFamily,
    AllocationCreated,
    AllocationDeleted,
    OpenRelay,
    PeerConnected,
    PeerDataReceived,
    PeerDisconnected,
    PeerUnreachable,
    PermissionInstalled,
    PermissionRefused,
    PublicPeers,
    TurnConfig,
    TurnServerConfig,
)

TRANSPORTS = ("udp", "tcp", "tls", "dtls")


class Site:
    """A running service on the loopback interface."""

    def __init__(self, service: TurnService, users: LongTermUsers, events: list[AllocationEvent]) -> None:
        self.service = service
        self.users = users
        self.events = events

    def listener(self, transport: str) -> TurnListener:
        return next(each for each in self.service.listeners if each.transport == transport)


@contextlib.asynccontextmanager
async def serving(
    folder: Path,
    *,
    relays: TurnRelays | None = None,
    config: TurnServerConfig | None = None,
    host: str = HOST,
) -> AsyncIterator[Site]:
    users = LongTermUsers("example.org", {"alice": "secret"})
    events: list[AllocationEvent] = []
    service = TurnService(
        authenticator=LongTermAuthenticator(users, secret=os.urandom(32)),
        listeners=[TurnListener(transport=each, host=host, port=0) for each in TRANSPORTS],  # type: ignore[arg-type] # literals
        relays=relays,
        certificate=certificate(folder),
        policy=PublicPeers(allowed=["127.0.0.0/8", "::1/128"]),
        config=config,
        on_event=events.append,
    )
    async with service:
        yield Site(service, users, events)
    await asyncio.sleep(0.01)
    assert [each for each in asyncio.all_tasks() if "turn" in repr(each.get_coro()) and "party" not in repr(each)] == []


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_client_talks_to_a_peer(transport: str, tmp_path: Path) -> None:
    async with serving(tmp_path) as site, TurnParty.at(site.listener(transport)) as party:
        peer = Peer()
        allocated = await party.allocate()
        answers = [await party.send(b"message %d" % number, peer.address) for number in range(5)]
        await asyncio.sleep(0.05)  # the channel takes over
        answers.append(await party.send(bytes(1100), peer.address))
        (status,) = site.service.allocations()
        party.close()
        await until(lambda: party.client.closed)
        peer.socket.close()
        stats = site.service.stats

    assert answers == [*(b"MESSAGE %d" % number for number in range(5)), bytes(1100)]
    assert {each.remote for each in peer.received} == set(allocated.relayed)
    assert (status.username, status.transport, status.relayed) == ("alice", transport, allocated.relayed)
    assert (status.permissions, status.channels, status.bytes_to_peers) == (1, 1, 1145)
    assert (stats.allocations, stats.relays, stats.datagrams_lost) == (0, 0, 0)
    created, deleted = site.events
    assert isinstance(created, AllocationCreated)
    assert isinstance(deleted, AllocationDeleted)
    assert deleted.reason == "deleted"


async def test_the_relayed_port_is_of_the_range_and_the_address_that_of_the_nat(tmp_path: Path) -> None:
    relays = TurnRelays(hosts=(HOST,), external={HOST: "192.0.2.7"}, min_port=50_100, max_port=50_103)
    async with serving(tmp_path, relays=relays) as site, TurnParty.at(site.listener("udp")) as party:
        peer = Peer()
        allocated = await party.allocate()
        answer = await party.send(b"hello", peer.address)
        peer.socket.close()

    (relayed,) = allocated.relayed
    assert relayed.host == "192.0.2.7"
    assert 50_100 <= relayed.port <= 50_103
    assert [each.remote for each in peer.received] == [Address(HOST, relayed.port)]
    assert answer == b"HELLO"


async def test_ports_that_are_gone_are_told(tmp_path: Path) -> None:
    relays = TurnRelays(min_port=50_200, max_port=50_201)
    async with serving(tmp_path, relays=relays) as site, contextlib.AsyncExitStack() as stack:
        parties = [await stack.enter_async_context(TurnParty.at(site.listener("udp"))) for _ in range(3)]
        ports = {(await party.allocate()).relayed[0].port for party in parties[:2]}
        with pytest.raises(AssertionError, match="error_code=508"):
            await parties[2].allocate()

    assert ports == {50_200, 50_201}


@pytest.mark.spec("rfc8656:7.2/11")
async def test_relayed_ports_follow_no_order(tmp_path: Path) -> None:
    async with serving(tmp_path) as site, contextlib.AsyncExitStack() as stack:
        parties = [await stack.enter_async_context(TurnParty.at(site.listener("udp"))) for _ in range(12)]
        ports = [(await party.allocate()).relayed[0].port for party in parties]

    assert sorted(ports) not in (ports, ports[::-1])
    assert max(ports) - min(ports) > 1000
    assert min(ports) >= 49_152


async def test_an_even_port_and_its_neighbour(tmp_path: Path) -> None:
    async with serving(tmp_path) as site:
        config = TurnConfig(even_port=True, reserve_next_port=True)
        async with TurnParty.at(site.listener("udp"), config=config) as first:
            allocated = await first.allocate()
            token = TurnConfig(reservation_token=allocated.reservation_token)
            async with TurnParty.at(site.listener("udp"), config=token) as second:
                neighbour = await second.allocate()

    assert allocated.relayed[0].port % 2 == 0
    assert neighbour.relayed[0].port == allocated.relayed[0].port + 1


async def test_both_families(tmp_path: Path) -> None:
    relays = TurnRelays(hosts=(HOST, "::1"))
    both = TurnConfig(families=(AddressFamily.IPV4, AddressFamily.IPV6))
    async with serving(tmp_path, relays=relays) as site, TurnParty.at(site.listener("udp"), config=both) as party:
        allocated = await party.allocate()
        peers = [Peer(), Peer("::1")]
        answers = [await party.send(b"hello", peer.address) for peer in peers]
        for peer in peers:
            peer.socket.close()

    assert [each.host for each in allocated.relayed] == [HOST, "::1"]
    assert answers == [b"HELLO", b"HELLO"]


async def test_a_client_comes_over_ipv6(tmp_path: Path) -> None:
    config = TurnConfig(families=(AddressFamily.IPV6,))
    relays = TurnRelays(families=frozenset({AddressFamily.IPV6}))
    async with (
        serving(tmp_path, host="::1", relays=relays) as site,
        TurnParty.at(site.listener("udp"), config=config) as party,
    ):
        allocated = await party.allocate()

    assert allocated.relayed[0].host == "::1"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell")
async def test_a_peer_that_is_not_there_is_told(tmp_path: Path) -> None:
    peer = Peer()
    peer.socket.close()
    async with serving(tmp_path) as site, TurnParty.at(site.listener("udp")) as party:
        await party.allocate()
        party.client.send(b"anybody?", peer.address, asyncio.get_running_loop().time())
        party.flush()
        event = await party.event(PeerUnreachable)
        # The relay goes on to work.
        other = Peer()
        answer = await party.send(b"hello", other.address)
        other.socket.close()

    assert (event.peer, event.icmp_type, event.icmp_code) == (peer.address, 3, 3)
    assert answer == b"HELLO"


async def test_users_come_and_go(tmp_path: Path) -> None:
    async with serving(tmp_path) as site:
        bob = LongTermCredential(username="bob", password="other")
        async with TurnParty.at(site.listener("udp"), credential=bob) as party:
            with pytest.raises(AssertionError, match="REFUSED"):
                await party.allocate()
        users = LongTermUsers("example.org", {"bob": "other"})
        site.service.reconfigure(authenticator=LongTermAuthenticator(users, secret=os.urandom(32)))
        async with TurnParty.at(site.listener("udp"), credential=bob) as party:
            await party.allocate()
        async with TurnParty.at(site.listener("udp"), credential=ALICE) as party:
            with pytest.raises(AssertionError, match="REFUSED"):
                await party.allocate()


async def test_the_policy_counts_at_once(tmp_path: Path) -> None:
    async with serving(tmp_path) as site, TurnParty.at(site.listener("udp")) as party:
        peer = Peer()
        await party.allocate()
        await party.send(b"hello", peer.address)
        site.service.reconfigure(policy=PublicPeers())
        before = len(peer.received)
        party.client.send(b"again", peer.address, asyncio.get_running_loop().time())
        party.client.create_permission(Address("127.0.0.9", 9), asyncio.get_running_loop().time())
        party.flush()
        refused = await party.event(PermissionRefused)
        peer.socket.close()

    assert refused.error_code == 403
    assert len(peer.received) == before


@pytest.mark.parametrize("transport", ["tls", "dtls"])
async def test_a_new_certificate_counts_for_new_connections(transport: str, tmp_path: Path) -> None:
    async with serving(tmp_path) as site, TurnParty.at(site.listener(transport)) as before:
        await before.allocate()
        other = certificate(tmp_path, "other")
        site.service.reconfigure(certificate=other)
        async with TurnParty.at(site.listener(transport)) as after:
            await after.allocate()
        peer = Peer()
        assert await before.send(b"still here", peer.address) == b"STILL HERE"
        peer.socket.close()

    assert after.certificates[0] == other.dtls.chain[0] != before.certificates[0]


async def test_streams_above_the_bound_are_closed(tmp_path: Path) -> None:
    async with serving(tmp_path, config=TurnServerConfig(max_transports=2)) as site:
        listener = site.listener("tcp")
        opened = [await asyncio.open_connection(listener.host, listener.port) for _ in range(3)]
        async with asyncio.timeout(10):
            assert await opened[2][0].read() == b""
        assert site.service.stats.streams == 2
        assert site.service.stats.connections_refused == 1
        for _, writer in opened:
            writer.close()


async def test_silence_in_tls_is_no_way_to_fill_the_server(tmp_path: Path) -> None:
    async with serving(tmp_path, config=TurnServerConfig(max_transports=2)) as site:
        listener = site.listener("tls")
        opened = [await asyncio.open_connection(listener.host, listener.port) for _ in range(3)]
        async with asyncio.timeout(10):
            assert await opened[2][0].read() == b""
        assert site.service.stats.streams == 0
        for _, writer in opened:
            writer.close()


@contextlib.asynccontextmanager
async def tcp_peer() -> AsyncIterator[tuple[Address, asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]]:
    """Somebody who listens, and whoever has connected."""
    came: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    server = await asyncio.start_server(lambda reader, writer: came.put_nowait((reader, writer)), HOST, 0)
    async with server:
        yield Address(*server.sockets[0].getsockname()), came


@pytest.mark.parametrize("transport", ["tcp", "tls"])
async def test_a_client_reaches_a_peer_by_tcp(transport: str, tmp_path: Path) -> None:
    config = TurnConfig(transport=transport, tcp=True)
    async with (
        serving(tmp_path, config=TurnServerConfig(tcp=True)) as site,
        tcp_peer() as (address, came),
        TurnParty.at(site.listener(transport), config=config) as party,
    ):
        allocated = await party.allocate()
        now = asyncio.get_running_loop().time()
        party.client.connections.connect(address, now)
        party.flush()
        connected = await party.event(PeerConnected)
        reader, writer = await came.get()
        source = Address(*writer.get_extra_info("peername"))
        party.client.connections.send(connected.connection_id, b"hello", now)
        party.flush()
        heard = await reader.readexactly(5)
        writer.write(b"welcome")
        answer = await party.event(PeerDataReceived)
        writer.close()
        await party.event(PeerDisconnected)

    assert source == allocated.relayed[0]
    assert (heard, answer.data) == (b"hello", b"welcome")


async def test_a_peer_connects_to_the_relayed_address(tmp_path: Path) -> None:
    config = TurnConfig(transport="tcp", tcp=True)
    async with (
        serving(tmp_path, config=TurnServerConfig(tcp=True)) as site,
        TurnParty.at(site.listener("tcp"), config=config) as party,
    ):
        relayed = (await party.allocate()).relayed[0]
        _, stranger = await asyncio.open_connection(*relayed)
        party.client.create_permission(Address(HOST, 0), asyncio.get_running_loop().time())
        party.flush()
        await party.event(PermissionInstalled)
        reader, writer = await asyncio.open_connection(*relayed)
        writer.write(b"knock")
        connected = await party.event(PeerConnected)
        knock = await party.event(PeerDataReceived)
        party.client.connections.send(connected.connection_id, b"come in", asyncio.get_running_loop().time())
        party.flush()
        answer = await reader.readexactly(7)
        stranger.close()
        writer.close()

    assert (knock.data, answer) == (b"knock", b"come in")
    assert connected.peer == Address(*writer.get_extra_info("sockname", (HOST, connected.peer.port)))


async def test_a_peer_is_held_back_while_its_client_reads_nothing(tmp_path: Path) -> None:
    config = TurnConfig(transport="tcp", tcp=True)
    async with (
        serving(tmp_path, config=TurnServerConfig(tcp=True)) as site,
        tcp_peer() as (address, came),
        TurnParty.at(site.listener("tcp"), config=config) as party,
    ):
        await party.allocate()
        party.client.connections.connect(address, asyncio.get_running_loop().time())
        party.flush()
        await party.event(PeerConnected)
        _, writer = await came.get()
        party.pause_reading()
        sent = 0
        with contextlib.suppress(TimeoutError):
            while sent < 100_000_000:
                writer.write(bytes(1_000_000))
                async with asyncio.timeout(1.0):
                    await writer.drain()
                sent += 1_000_000
        stats = site.service.stats
        writer.transport.abort()

    assert sent < 50_000_000  # what the buffers of the system hold
    assert stats.messages_dropped == 0


async def test_who_reads_nothing_over_a_stream_costs_no_memory(tmp_path: Path) -> None:
    async with serving(tmp_path) as site, TurnParty.at(site.listener("tcp")) as party:
        allocated = await party.allocate()
        peer = Peer()
        await party.send(b"hello", peer.address)
        party.pause_reading()
        for _ in range(1200):
            peer.socket.send([Datagram(bytes(1200), peer.address, allocated.relayed[0])] * 8)
            await asyncio.sleep(0)
            if site.service.stats.messages_dropped > 100:
                break
        stats = site.service.stats
        peer.socket.close()

    assert stats.messages_dropped > 0


def test_a_hello_of_dtls_in_anothers_name_is_answered_by_less_and_keeps_nothing(tmp_path: Path) -> None:
    server, stranger = Address(HOST, 5349), Address("192.0.2.9", 9)
    listener = DtlsListener(
        server, certificate(tmp_path).dtls, 4, is_served=lambda remote: False, on_begun=lambda _: None
    )
    client = DtlsConnection(role=Role.CLIENT, config=DtlsConfig(), rng=os.urandom)
    client.start(0.0)
    hello = client.datagrams_to_send(0.0)
    for number in range(1000):
        source = stranger._replace(port=number + 1)
        assert listener.receive([Datagram(each, server, source) for each in hello], 0.0) == []
        answers = listener.datagrams_to_send(0.0)
        assert sum(len(each.data) for each in answers) < sum(map(len, hello))

    assert len(listener) == 0
    assert listener.next_timeout() is None


def test_clients_of_dtls_are_bounded_and_leave_when_they_are_idle(tmp_path: Path) -> None:
    server = Address(HOST, 5349)
    listener = DtlsListener(
        server, certificate(tmp_path).dtls, 2, is_served=lambda remote: remote.port == 1, on_begun=lambda _: None
    )
    clients = []
    for port in (1, 2, 3):
        client = DtlsConnection(role=Role.CLIENT, config=DtlsConfig(), rng=os.urandom)
        client.start(0.0)
        clients.append((client, Address("192.0.2.9", port)))
    for _ in range(8):
        for client, source in clients:
            sent = client.datagrams_to_send(0.0)
            listener.receive([Datagram(each, server, source) for each in sent], 0.0)
            client.events()
            if client.peer_certificates and client.state is ConnectionState.UNVERIFIED:
                client.set_remote_fingerprints([Fingerprint.of(client.peer_certificates[0])], 0.0)
        for answer in listener.datagrams_to_send(0.0):
            clients[answer.remote.port - 1][0].receive_datagram(answer.data, 0.0)
    assert len(listener) == 2
    assert listener.dropped > 0
    for now in (30.0, 61.0, 67.0):
        listener.handle_timeout(now)
        listener.datagrams_to_send(now)

    assert len(listener) == 1


async def test_noise_on_every_port_does_no_harm(tmp_path: Path) -> None:
    async with serving(tmp_path) as site:
        for transport in ("udp", "dtls"):
            listener = site.listener(transport)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as noise:
                for length in range(200):
                    noise.sendto(os.urandom(length), (listener.host, listener.port))
                    noise.sendto(b"\x16\xfe\xfd" + os.urandom(length), (listener.host, listener.port))
        for transport in ("tcp", "tls"):
            listener = site.listener(transport)
            reader, writer = await asyncio.open_connection(listener.host, listener.port)
            writer.write(b"\x90" + os.urandom(1000))
            async with asyncio.timeout(10):
                with contextlib.suppress(ConnectionError):
                    await reader.read()
            writer.close()
        async with TurnParty.at(site.listener("dtls")) as party:
            await party.allocate()
        assert site.service.stats.dtls_clients == 1


async def test_the_end_tells_the_log_and_frees_the_ports(tmp_path: Path) -> None:
    async with serving(tmp_path) as site, TurnParty.at(site.listener("udp")) as party:
        allocated = await party.allocate()
        await site.service.stop()
        await site.service.wait_stopped()
        port = site.listener("tcp").port
        for address, kind in ((allocated.relayed[0], socket.SOCK_DGRAM), (Address(HOST, port), socket.SOCK_STREAM)):
            with socket.socket(socket.AF_INET, kind) as again:
                again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                again.bind(address)

    assert [type(each) for each in site.events] == [AllocationCreated, AllocationDeleted]


async def test_a_port_in_use_leaves_nothing_open(tmp_path: Path) -> None:
    with socket.create_server((HOST, 0)) as taken:
        service = TurnService(
            authenticator=LongTermAuthenticator(LongTermUsers("example.org"), secret=bytes(32)),
            listeners=[
                TurnListener(transport="udp", host=HOST, port=0),
                TurnListener(transport="tcp", host=HOST, port=taken.getsockname()[1]),
            ],
        )
        with pytest.raises(OSError, match="in use"):
            await service.start()


def test_what_makes_no_sense_is_refused(tmp_path: Path) -> None:
    authenticator = LongTermAuthenticator(LongTermUsers("example.org"), secret=bytes(32))
    with pytest.raises(ValueError, match="listener"):
        TurnService(authenticator=authenticator, listeners=[])
    with pytest.raises(ValueError, match="certificate"):
        TurnService(authenticator=authenticator, listeners=[TurnListener(transport="tls", host=HOST, port=0)])
    with pytest.raises(ValueError, match="range"):
        TurnRelays(min_port=60_000, max_port=50_000)
    with pytest.raises(ValueError, match="IP"):
        TurnRelays(hosts=("example.org",))
    (tmp_path / "empty.pem").write_text("nothing")
    with pytest.raises(ValueError, match="PEM"):
        TurnCertificate.load(tmp_path / "empty.pem", tmp_path / "empty.pem")
    with pytest.raises(OSError, match="No such file"):
        TurnCertificate.load(tmp_path / "none.pem", tmp_path / "none.pem")


async def test_permissions_are_told(tmp_path: Path) -> None:
    async with serving(tmp_path) as site, TurnParty.at(site.listener("tcp")) as party:
        await party.allocate()
        party.client.create_permission(Address("127.0.0.9", 9), asyncio.get_running_loop().time())
        party.flush()

        assert (await party.event(PermissionInstalled)).host == "127.0.0.9"


class Relays:
    """The sockets of relays, at one port."""

    def __init__(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind((HOST, 0))
            port = taken.getsockname()[1]
        self.batches: list[Batch] = []
        self.sockets = RelaySockets(
            TurnRelays(hosts=(HOST,), min_port=port, max_port=port),
            self.batches.extend,
            lambda *_: None,
            lambda *_: None,
        )

    def open(self, *, tcp: bool) -> Address:
        wish = OpenRelay(1, AddressFamily.IPV4, even_port=False, reserve_next=False, server=Address(HOST, 1), tcp=tcp)
        return self.sockets.open(wish)[0]


@pytest.mark.parametrize("tcp", [False, True])
async def test_a_relayed_address_is_of_one_allocation_whatever_its_transport(*, tcp: bool) -> None:
    relays = Relays()
    relays.open(tcp=tcp)
    with pytest.raises(OSError, match="no port is free"):
        relays.open(tcp=not tcp)
    relays.sockets.close_all()


async def test_a_relay_hears_where_a_listener_has_just_gone() -> None:
    relays = Relays()
    listening = relays.open(tcp=True)
    await asyncio.sleep(0.01)
    relays.sockets.close(listening)
    relayed = relays.open(tcp=False)
    await asyncio.sleep(0.01)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.sendto(b"hello", relayed)
        async with asyncio.timeout(2):
            while not relays.batches:
                await asyncio.sleep(0.005)
    relays.sockets.close_all()


def test_a_client_of_dtls_that_is_served_nothing_leaves_whatever_it_says(tmp_path: Path) -> None:
    server, source = Address(HOST, 5349), Address("192.0.2.9", 1)
    served = True
    listener = DtlsListener(server, certificate(tmp_path).dtls, 2, is_served=lambda _: served, on_begun=lambda _: None)
    client = DtlsConnection(role=Role.CLIENT, config=DtlsConfig(), rng=os.urandom)
    client.start(0.0)
    for _ in range(8):
        listener.receive([Datagram(each, server, source) for each in client.datagrams_to_send(0.0)], 0.0)
        client.events()
        if client.peer_certificates and client.state is ConnectionState.UNVERIFIED:
            client.set_remote_fingerprints([Fingerprint.of(client.peer_certificates[0])], 0.0)
        for answer in listener.datagrams_to_send(0.0):
            client.receive_datagram(answer.data, 0.0)
    present = []
    for now in range(10, 400, 10):
        served = now < 200
        client.send(b"here")
        listener.receive([Datagram(each, server, source) for each in client.datagrams_to_send(now)], now)
        listener.handle_timeout(now)
        listener.datagrams_to_send(now)
        present += [now] * len(listener)

    assert 240 <= max(present) <= 270
