"""Connections with TURN servers between them, on real sockets: ours is the server."""

import asyncio
import contextlib
import os
import socket
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.asyncio.party import connected, incoming, negotiate, trickle
from tests.cli.turn_certificate import certificate
from tests.support.authority import Authority

from rtc_asyncio import (
    NetworkOptions,
    RTCPeerConnection,
    RTCPeerConnectionIceErrorEvent,
    TurnCertificate,
    TurnListener,
    TurnService,
)
from rtc_asyncio.name_resolution import addresses_of
from rtc_asyncio.server_certificate import is_trusted
from rtc_asyncio.streams import MAX_UNWRITTEN, MachineStreams
from rtc_asyncio.udp import UdpSocket
from rtc_stun import Address, CloseTransport, Datagram, LongTermAuthenticator, LongTermUsers, OpenTransport, StreamData
from rtc_turn import PublicPeers, TurnServerConfig

HOST = "127.0.0.1"
TRANSPORTS = ("udp", "tcp", "tls", "dtls")


class Site:
    """A TURN service on the loopback interface, whose certificate is for 127.0.0.1."""

    def __init__(self, service: TurnService, authority: Authority, users: LongTermUsers) -> None:
        self.service = service
        self.users = users
        self.authority = authority

    def url(self, transport: str) -> str:
        listener = next(each for each in self.service.listeners if each.transport == transport)
        scheme = "turns" if transport in ("tls", "dtls") else "turn"
        return f"{scheme}:{HOST}:{listener.port}?transport={'udp' if transport in ('udp', 'dtls') else 'tcp'}"

    def connection(
        self, *urls: str, policy: str = "relay", password: str = "secret", tls: ssl.SSLContext | None = None
    ) -> RTCPeerConnection:
        server = {"urls": list(urls), "username": "alice", "credential": password}
        return RTCPeerConnection(
            {"iceServers": [server], "iceTransportPolicy": policy},
            hosts=[HOST],
            network=NetworkOptions(tls=tls or self.authority.context()),
        )


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    authority = Authority(tmp_path)
    users = LongTermUsers("example.org", {"alice": "secret"})
    service = TurnService(
        authenticator=LongTermAuthenticator(users, secret=os.urandom(32)),
        listeners=[TurnListener(transport=each, host=HOST, port=0) for each in TRANSPORTS],  # type: ignore[arg-type] # literals
        certificate=TurnCertificate.load(*authority.issue(HOST)),
        policy=PublicPeers(allowed=["127.0.0.0/8"]),
        config=TurnServerConfig(),
    )
    async with service:
        yield Site(service, authority, users)


def errors_of(pc: RTCPeerConnection) -> list[RTCPeerConnectionIceErrorEvent]:
    """What `icecandidateerror` tells from now on."""
    seen: list[RTCPeerConnectionIceErrorEvent] = []
    pc.on("icecandidateerror")(seen.append)
    return seen


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_two_connections_talk_through_nothing_but_relays(site: Site, transport: str) -> None:
    url = site.url(transport)
    async with site.connection(url) as left, site.connection(url) as right:
        seen = trickle(left, right)
        trickle(right, left)
        ours, theirs = await connected(left, right)
        ours.send("hello")
        assert await anext(aiter(theirs)) == "hello"
        theirs.send(bytes(100_000))
        assert await anext(aiter(ours)) == bytes(100_000)

        expected = {"dtls": "udp"}.get(transport, transport)
        found = [each for each in seen if each is not None and each.candidate]
        assert [(each.type, each.relayProtocol, each.url, each.relatedAddress) for each in found] == [
            ("relay", expected, url, "0.0.0.0")
        ]
        report = await left.getStats()
        (described,) = [each for each in report.values() if each.type == "local-candidate"]
        assert (described.candidateType, described.relayProtocol, described.url) == ("relay", expected, url)  # type: ignore[attr-defined] # of that type
        assert site.service.stats.allocations == 2
    async with asyncio.timeout(5):
        while site.service.stats.allocations:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_restart_renews_the_credential_of_a_call(site: Site, transport: str) -> None:
    site.users.add("bob", "other")
    url = site.url(transport)
    async with site.connection(url) as left, site.connection(url) as right:
        trickle(left, right)
        trickle(right, left)
        ours, theirs = await connected(left, right)
        renewed = {"urls": [url], "username": "bob", "credential": "other"}
        left.setConfiguration({"iceServers": [renewed], "iceTransportPolicy": "relay"})
        left.restartIce()
        await negotiate(left, right)
        ours.send("hello")
        assert await anext(aiter(theirs)) == "hello"
        async with asyncio.timeout(15):
            while sorted(each.username for each in site.service.allocations()) != ["alice", "bob"]:
                await asyncio.sleep(0.05)
        theirs.send("hello yourself")
        assert await anext(aiter(ours)) == "hello yourself"
        assert left.iceConnectionState in ("connected", "completed")


async def test_one_relay_of_several_is_enough(site: Site) -> None:
    with socket.socket() as unused:
        unused.bind((HOST, 0))
        nobody = f"turn:{HOST}:{unused.getsockname()[1]}?transport=tcp"
        async with site.connection(nobody, site.url("tcp")) as left, site.connection(site.url("udp")) as right:
            errors = errors_of(left)
            trickle(left, right)
            trickle(right, left)
            ours, theirs = await connected(left, right)
            ours.send("hello")
            assert await anext(aiter(theirs)) == "hello"
    assert [(each.errorCode, each.url, each.address) for each in errors] == [(701, nobody, None)]


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_wrong_credentials_are_told(site: Site, transport: str) -> None:
    async with site.connection(site.url(transport), policy="all", password="guess") as pc:
        errors = errors_of(pc)
        pc.createDataChannel("x")
        await pc.setLocalDescription()
        async with asyncio.timeout(5):
            while pc.iceGatheringState != "complete":
                await asyncio.sleep(0.01)
    assert [(each.errorCode, each.url, each.address) for each in errors] == [(401, site.url(transport), HOST)]
    assert errors[0].port is not None
    assert errors[0].errorText


@pytest.mark.parametrize("transport", ["tls", "dtls"])
@pytest.mark.parametrize("fault", ["issuer", "name"])
async def test_a_server_that_does_not_prove_who_it_is_is_not_spoken_to(
    site: Site, transport: str, fault: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    url = site.url(transport)
    tls = Authority(tmp_path, "Another").context() if fault == "issuer" else site.authority.context()
    url = url.replace(HOST, "localhost") if fault == "name" else url
    async with site.connection(url, tls=tls) as pc:
        errors = errors_of(pc)
        pc.createDataChannel("x")
        await pc.setLocalDescription()
        async with asyncio.timeout(8):
            while pc.iceGatheringState != "complete":
                await asyncio.sleep(0.01)
    assert [(each.errorCode, each.url) for each in errors] == [(701, url)]
    assert "certificate is not trusted" in caplog.text
    assert site.service.stats.allocations == 0


async def test_a_server_named_by_domain_is_resolved_and_verified(site: Site) -> None:
    site.service.reconfigure(certificate=TurnCertificate.load(*site.authority.issue("localhost")))
    url = site.url("tls").replace(HOST, "localhost")
    async with site.connection(url) as left, site.connection(url) as right:
        ours, theirs = await connected(left, right)
        ours.send("hello")
        assert await anext(aiter(theirs)) == "hello"


async def test_a_server_that_goes_away_costs_the_path(site: Site) -> None:
    async with site.connection(site.url("tcp")) as left, site.connection(site.url("udp")) as right:
        await connected(left, right)
        await site.service.stop()
        async with asyncio.timeout(10):
            while left.iceConnectionState in ("connected", "completed"):
                await asyncio.sleep(0.01)


async def test_servers_can_be_set_later(site: Site) -> None:
    async with site.connection(site.url("udp"), policy="all") as left, RTCPeerConnection(hosts=[HOST]) as right:
        ours, theirs = await connected(left, right)
        left.setConfiguration(
            {
                "iceServers": [{"urls": site.url("tcp"), "username": "alice", "credential": "secret"}],
                "iceTransportPolicy": "relay",
            }
        )
        await negotiate(left, right, iceRestart=True)
        async with asyncio.timeout(10):
            while site.service.stats.allocations != 1:
                await asyncio.sleep(0.01)
        ours.send("hello")
        assert await anext(aiter(theirs)) == "hello"


@pytest.mark.parametrize("transport", ["udp", "tls"])
async def test_what_the_pool_has_found_is_told_with_the_description(site: Site, transport: str) -> None:
    server = {"urls": site.url(transport), "username": "alice", "credential": "secret"}
    pooled = {"iceServers": [server], "iceTransportPolicy": "relay", "iceCandidatePoolSize": 1}
    network = NetworkOptions(tls=site.authority.context())
    async with (
        RTCPeerConnection(pooled, hosts=[HOST], network=network) as left,
        RTCPeerConnection(hosts=[HOST]) as right,
    ):
        async with asyncio.timeout(5):
            while site.service.stats.allocations != 1:
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)  # the answer has come back
        assert left.iceGatheringState == "new"
        seen = trickle(left, right)
        trickle(right, left)
        arrived = incoming(right)
        ours = left.createDataChannel("test")
        await left.setLocalDescription()
        await asyncio.sleep(0.01)  # handlers have had their turn
        assert [each.type for each in seen if each is not None and each.candidate] == ["relay"]
        assert site.service.stats.allocations == 1
        await right.setRemoteDescription(left.localDescription)
        await right.setLocalDescription()
        await left.setRemoteDescription(right.localDescription)
        async with asyncio.timeout(10):
            await ours.wait_for("open")
            theirs = await arrived.get()
            ours.send("hello")
            assert await anext(aiter(theirs)) == "hello"
        assert site.service.stats.allocations == 1


# --- streams ---


class Wisher:
    """A machine that wants streams."""

    def __init__(self) -> None:
        self.output: list[StreamData] = []
        self.told: list[object] = []

    def transport_opened(self, transport_id: int, now: float, local: Address | None = None) -> None:
        self.told.append(("opened", transport_id, local))

    def transport_failed(self, transport_id: int, now: float) -> None:
        self.told.append(("failed", transport_id))

    def receive_stream_data(self, transport_id: int, data: bytes, now: float) -> None:
        self.told.append((transport_id, data))

    def stream_data_to_send(self, now: float) -> list[StreamData]:
        output, self.output = self.output, []
        return output


async def _until(wisher: Wisher, count: int) -> None:
    async with asyncio.timeout(5):
        while len(wisher.told) < count:
            await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def serving(answer: bytes = b"") -> AsyncIterator[tuple[Address, list[bytes]]]:
    """A TCP server that answers the first bytes and keeps what it reads; a falsy answer: it reads nothing."""
    read: list[bytes] = []
    ended = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if answer:
            while data := await reader.read(65_536):
                read.append(data)
                writer.write(answer)
        else:
            reader._transport.pause_reading()  # type: ignore[attr-defined] # nobody reads
            await ended.wait()
        writer.close()

    server = await asyncio.start_server(serve, HOST, 0)
    try:
        yield Address(HOST, server.sockets[0].getsockname()[1]), read
    finally:
        ended.set()
        server.close()


async def test_a_stream_is_connected_from_where_it_should_written_read_and_closed() -> None:
    wisher = Wisher()
    streams = MachineStreams(wisher, lambda: None)
    async with serving(b"answer") as (address, read):
        streams.open(OpenTransport(0, address, "tcp", None, Address(HOST, 0)))
        await _until(wisher, 1)
        match wisher.told:
            case [("opened", 0, Address(host=host))]:
                assert host == HOST
            case _:
                pytest.fail(repr(wisher.told))
        wisher.output.append(StreamData(0, b"question"))
        streams.write_all(0.0)
        await _until(wisher, 2)
        assert wisher.told[1] == (0, b"answer")
        # What is said last is written before the end.
        wisher.output.append(StreamData(0, b"bye"))
        streams.close_later(CloseTransport(0))
        streams.write_all(0.0)
        async with asyncio.timeout(5):
            while b"".join(read) != b"questionbye":
                await asyncio.sleep(0.005)
        assert len([each for each in wisher.told if each == ("failed", 0)]) == 0
    streams.close()


async def test_a_stream_that_the_other_side_closes_has_failed() -> None:
    wisher = Wisher()
    streams = MachineStreams(wisher, lambda: None)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.close()

    server = await asyncio.start_server(serve, HOST, 0)
    streams.open(OpenTransport(0, Address(HOST, server.sockets[0].getsockname()[1]), "tcp", None))
    await _until(wisher, 1)
    wisher.output.append(StreamData(0, b"x"))
    streams.write_all(0.0)
    await _until(wisher, 2)
    assert wisher.told[1] == ("failed", 0)
    server.close()
    streams.close()


async def test_a_socket_of_its_own_hears_its_server_alone_and_keeps_the_borders_of_datagrams() -> None:
    wisher = Wisher()
    streams = MachineStreams(wisher, lambda: None)
    at_server: list[Datagram] = []
    server = UdpSocket(Address(HOST, 0), lambda batches: at_server.extend(each for _, some in batches for each in some))
    stranger = UdpSocket(Address(HOST, 0), lambda _: None)
    streams.open(OpenTransport(0, server.local, "udp", None, Address(HOST, 0)))
    await _until(wisher, 1)
    wisher.output += [StreamData(0, b"one"), StreamData(0, b"two")]
    streams.write_all(0.0)
    async with asyncio.timeout(5):
        while len(at_server) < 2:
            await asyncio.sleep(0.005)
    ours = at_server[0].remote
    stranger.send([Datagram(b"me too", stranger.local, ours)])
    await asyncio.sleep(0.02)
    server.send([Datagram(b"three", server.local, ours), Datagram(b"four", server.local, ours)])
    await _until(wisher, 3)
    streams.close_later(CloseTransport(0))
    streams.write_all(0.0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as again:
        again.bind(ours)

    assert [each.data for each in at_server] == [b"one", b"two"]
    assert wisher.told == [("opened", 0, ours), (0, b"three"), (0, b"four")]
    streams.close()
    server.close()
    stranger.close()


async def test_a_socket_of_its_own_that_is_closed_at_once_is_not_told() -> None:
    wisher = Wisher()
    streams = MachineStreams(wisher, lambda: None)
    streams.open(OpenTransport(0, Address(HOST, 9), "udp", None, Address(HOST, 0)))
    streams.close_later(CloseTransport(0))
    streams.write_all(0.0)
    await asyncio.sleep(0.02)

    assert wisher.told == []
    streams.close()


@pytest.mark.parametrize("transport", ["tcp", "dtls", "udp"])
async def test_a_stream_from_an_address_that_is_gone_has_failed(transport: str) -> None:
    wisher = Wisher()
    streams = MachineStreams(wisher, lambda: None)
    streams.open(OpenTransport(0, Address(HOST, 1), transport, None, Address("192.0.2.1", 0)))
    await _until(wisher, 1)

    assert wisher.told == [("failed", 0)]
    streams.close()


async def test_what_is_said_at_once_on_an_accepted_stream_is_written() -> None:
    wisher = Wisher()
    streams = MachineStreams(wisher, lambda: None)
    near, far = socket.socketpair()
    with far:
        near.setblocking(False)
        far.setblocking(False)
        streams.take(0, near)
        wisher.output.append(StreamData(0, b"hello"))
        streams.write_all(0.0)
        async with asyncio.timeout(5):
            assert await asyncio.get_running_loop().sock_recv(far, 100) == b"hello"
        streams.close()


async def test_what_waits_for_a_stream_is_bounded_and_the_rest_is_lost() -> None:
    wisher = Wisher()
    streams = MachineStreams(wisher, lambda: None)
    async with serving() as (address, _):
        streams.open(OpenTransport(0, address, "tcp", None))
        await _until(wisher, 1)
        for _ in range(400):
            wisher.output.append(StreamData(0, bytes(64_000)))
            streams.write_all(0.0)
        assert streams.dropped > 0
        connection = streams._connections[0]
        assert connection.unwritten <= MAX_UNWRITTEN + 64_000
        streams.close_later(CloseTransport(0, abort=True))
        streams.write_all(0.0)
    streams.close()


async def test_a_stream_that_is_given_up_while_it_connects_is_not_told() -> None:
    wisher = Wisher()
    streams = MachineStreams(wisher, lambda: None)
    async with serving() as (address, _):
        streams.open(OpenTransport(0, address, "tcp", None))
        streams.close_later(CloseTransport(0))
        streams.write_all(0.0)
        await asyncio.sleep(0.05)
    assert wisher.told == []


# --- certificates and names ---

VERSION_3, VERSION_8 = bytes.fromhex("a003020102"), bytes.fromhex("a003020107")


def test_a_certificate_proves_the_names_that_it_is_for_and_no_others(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    chain, _ = authority.issue("turn.example.org", HOST)
    der = ssl.PEM_cert_to_DER_cert(chain.read_text())
    context, now = authority.context(), datetime.now(UTC)

    assert is_trusted([der], "turn.example.org", context, now)
    assert is_trusted([der], HOST, context, now)
    assert not is_trusted([der], "example.org", context, now)
    assert not is_trusted([der], "127.0.0.2", context, now)
    assert not is_trusted([], "turn.example.org", context, now)
    assert not is_trusted([b"x"], "turn.example.org", context, now)
    assert not is_trusted([der.replace(VERSION_3, VERSION_8, 1)], "turn.example.org", context, now)
    assert not is_trusted([der], "not a name", context, now)
    assert not is_trusted([der], "turn.example.org", context, now + timedelta(days=30))
    assert not is_trusted([der], "turn.example.org", Authority(tmp_path, "Another").context(), now)


def test_a_certificate_that_vouches_for_itself_counts_where_it_is_trusted(tmp_path: Path) -> None:
    certificate(tmp_path, "turn.example.org")
    pem = tmp_path / "turn.example.org.pem"
    der, now = ssl.PEM_cert_to_DER_cert(pem.read_text()), datetime.now(UTC)
    context = ssl.create_default_context(cafile=str(pem))

    assert is_trusted([der], "turn.example.org", context, now)
    assert not is_trusted([der], "example.org", context, now)
    assert not is_trusted([der], "turn.example.org", context, now + timedelta(days=2))
    assert not is_trusted([der], "turn.example.org", ssl.create_default_context(), now)
    lax = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    lax.check_hostname = False
    lax.verify_mode = ssl.CERT_NONE
    assert is_trusted([der], "example.org", lax, now)


class Resolver:
    """Answers for each family after a while."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, delays: dict[int, float], answers: dict[int, list[str]]
    ) -> None:
        self.asked: list[int] = []

        async def getaddrinfo(host: str, port: object, *, family: int, **hints: object) -> list[tuple[object, ...]]:
            self.asked.append(family)
            await asyncio.sleep(delays.get(family, 0.0))
            if not answers.get(family):
                raise socket.gaierror
            return [(family, 0, 0, "", (address, 0)) for address in answers[family]]

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)


BOTH: dict[int, list[str]] = {socket.AF_INET: ["192.0.2.1"], socket.AF_INET6: ["2001:db8::1"]}


async def _resolve() -> list[list[str]]:
    return [found async for found in addresses_of("turn.example.org")]


async def test_both_families_are_looked_up_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver = Resolver(monkeypatch, {}, BOTH)
    assert await _resolve() == [["2001:db8::1", "192.0.2.1"]]
    assert sorted(resolver.asked) == sorted(BOTH)


@pytest.mark.parametrize("slow", list(BOTH))
async def test_a_slow_family_does_not_hold_up_the_other(monkeypatch: pytest.MonkeyPatch, slow: int) -> None:
    Resolver(monkeypatch, {slow: 0.3}, BOTH)
    quick = next(family for family in BOTH if family != slow)
    assert await _resolve() == [BOTH[quick], ["2001:db8::1", "192.0.2.1"]]


async def test_a_slightly_slower_family_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    Resolver(monkeypatch, {socket.AF_INET6: 0.01}, BOTH)
    assert await _resolve() == [["2001:db8::1", "192.0.2.1"]]


async def test_a_name_without_addresses_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    Resolver(monkeypatch, {socket.AF_INET: 0.1}, {})
    assert await _resolve() == [[]]


async def test_an_empty_family_says_nothing_before_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    Resolver(monkeypatch, {socket.AF_INET: 0.2}, {socket.AF_INET: ["192.0.2.1"]})
    assert await _resolve() == [["192.0.2.1"]]
