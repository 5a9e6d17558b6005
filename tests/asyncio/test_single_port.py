"""One UDP port for many connections, on real sockets."""

import asyncio
import errno
import gc
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import pytest

from rtc_asyncio import RTCDataChannel, RTCPeerConnection, SinglePort, UdpSocket, single_port
from rtc_asyncio.interfaces import local_hosts
from rtc_asyncio.udp import Batch
from rtc_ice import IceConfig
from rtc_ice.messages import build_check
from rtc_peer import PeerOptions
from rtc_stun import Address

from .party import connected, incoming, negotiate

LITE = PeerOptions(ice=IceConfig(lite=True, allow_loopback=True))
FULL = PeerOptions(ice=IceConfig(allow_loopback=True))


@pytest.fixture
async def port() -> AsyncIterator[SinglePort]:
    """A port on loopback."""
    async with SinglePort(hosts=["127.0.0.1"]) as port:
        yield port
        assert len(port) == 0


def ports_of(pc: RTCPeerConnection) -> set[int]:
    """The ports of the candidates in our description."""
    assert pc.localDescription is not None
    lines = pc.localDescription.sdp.splitlines()
    return {int(line.split()[5]) for line in lines if line.startswith("a=candidate:")}


@pytest.mark.parametrize("options", [LITE, FULL], ids=["lite", "full"])
async def test_many_peers_are_served_on_one_port(port: SinglePort, options: PeerOptions) -> None:
    async with AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(RTCPeerConnection(port=port, options=options)) for _ in range(20)]
        clients = [await stack.enter_async_context(RTCPeerConnection(hosts=["127.0.0.1"])) for _ in range(20)]
        channels = await asyncio.gather(*map(connected, clients, servers))
        for number, (ours, _) in enumerate(channels):
            ours.send(f"to {number}")
            ours.send(bytes([number]) * 50_000)
        async with asyncio.timeout(10):
            for number, (ours, theirs) in enumerate(channels):
                assert await anext(aiter(theirs)) == f"to {number}"
                assert await anext(aiter(theirs)) == bytes([number]) * 50_000
                theirs.send(f"from {number}")
                assert await anext(aiter(ours)) == f"from {number}"

        assert len(port) == 20
        assert {number for pc in servers for number in ports_of(pc)} == {port.port}
        assert port.stats.datagrams_routed > 20 * 40


@pytest.mark.parametrize("offering", [True, False])
async def test_who_offers_makes_no_difference(port: SinglePort, *, offering: bool) -> None:
    async with RTCPeerConnection(port=port) as server, RTCPeerConnection(hosts=["127.0.0.1"]) as client:
        left, right = (server, client) if offering else (client, server)
        ours, theirs = await connected(left, right)

        assert (ours.readyState, theirs.readyState) == ("open", "open")


async def test_media_and_data_of_a_connection_bundle_on_the_port(port: SinglePort) -> None:
    async with RTCPeerConnection(port=port) as server, RTCPeerConnection(hosts=["127.0.0.1"]) as client:
        server.addTransceiver("audio")
        server.addTransceiver("video")
        ours, _ = await connected(server, client)

        assert ours.readyState == "open"
        assert ports_of(server) == {port.port}


async def test_a_restart_stays_on_the_port(port: SinglePort) -> None:
    async with RTCPeerConnection(port=port) as server, RTCPeerConnection(hosts=["127.0.0.1"]) as client:
        ours, theirs = await connected(client, server)
        await negotiate(client, server, iceRestart=True)
        async with asyncio.timeout(10):
            while client.iceConnectionState not in {"connected", "completed"}:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.3)  # the new pair is chosen
            theirs.send("still here")
            assert await anext(aiter(ours)) == "still here"

        assert len(port) == 1


async def test_connections_come_and_go(port: SinglePort) -> None:
    for _ in range(3):
        async with RTCPeerConnection(port=port) as server, RTCPeerConnection(hosts=["127.0.0.1"]) as client:
            await connected(client, server)
        assert len(port) == 0
    assert port.addresses[0].port == port.port


@pytest.mark.parametrize("announced", ["192.0.2.7", {"127.0.0.1": "192.0.2.7"}])
async def test_the_public_address_is_announced_instead(announced: str | dict[str, str]) -> None:
    async with (
        SinglePort(hosts=["127.0.0.1"], announced=announced) as port,
        RTCPeerConnection(port=port, options=LITE) as server,
    ):
        server.createDataChannel("x")
        await server.setLocalDescription()

        assert server.localDescription is not None
        sdp = server.localDescription.sdp
        assert f" 192.0.2.7 {port.port} typ host" in sdp
        assert "127.0.0.1" not in sdp
        assert "a=ice-lite\r\n" in sdp


async def test_ipv4_and_ipv6_have_the_same_number() -> None:
    try:
        async with SinglePort(hosts=["127.0.0.1", "::1"]) as port, RTCPeerConnection(port=port) as server:
            server.createDataChannel("x")
            await server.setLocalDescription()

            assert [address.port for address in port.addresses] == [port.port] * 2
            assert ports_of(server) == {port.port}
    except OSError:
        pytest.skip("no IPv6 here, or the number is taken")


async def test_a_full_port_gives_nothing_to_more_connections() -> None:
    async with (
        SinglePort(hosts=["127.0.0.1"], max_connections=1) as port,
        RTCPeerConnection(port=port) as first,
        RTCPeerConnection(port=port) as second,
    ):
        for pc in (first, second):
            pc.createDataChannel("x")
            await pc.setLocalDescription()

        assert ports_of(first) == {port.port}
        assert ports_of(second) == set()


async def test_strangers_are_counted_and_harm_nobody(port: SinglePort) -> None:
    async with RTCPeerConnection(port=port) as server, RTCPeerConnection(hosts=["127.0.0.1"]) as client:
        ours, theirs = await connected(client, server)
        check = build_check(
            bytes(12),
            username="nobody:x",
            key=b"k",
            priority=1,
            controlling=True,
            tie_breaker=1,
            use_candidate=True,
        )
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            for data in (b"\x16\xfe\xfd" + bytes(20), b"\x80" * 20, check, b"noise"):
                stranger.sendto(data, ("127.0.0.1", port.port))
            async with asyncio.timeout(5):
                while sum(port.stats.dropped.values()) < 4:
                    await asyncio.sleep(0.01)
        ours.send("unharmed")

        assert await anext(aiter(theirs)) == "unharmed"
        assert port.stats.dropped == {"unknown-address": 3, "unknown-username": 1}


async def test_a_handler_that_raises_stops_no_other_connection(port: SinglePort) -> None:
    errors: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context["exception"]))
    async with AsyncExitStack() as stack:
        channels: list[tuple[RTCDataChannel, RTCDataChannel]] = []
        for _ in range(2):
            server = await stack.enter_async_context(RTCPeerConnection(port=port))
            client = await stack.enter_async_context(RTCPeerConnection(hosts=["127.0.0.1"]))
            channels.append(await connected(client, server))
        (bad, bad_end), (good, good_end) = channels

        @bad_end.on("message")
        def _(_: object) -> None:
            raise RuntimeError("of the application")

        bad.send("x")
        good.send("y")
        async with asyncio.timeout(5):
            assert await anext(aiter(good_end)) == "y"
            while not errors:
                await asyncio.sleep(0.01)

    assert [str(error) for error in errors] == ["of the application"]


async def test_a_port_that_gives_nothing_says_why(caplog: pytest.LogCaptureFixture) -> None:
    async with (
        SinglePort(hosts=["127.0.0.1"], max_connections=1) as port,
        RTCPeerConnection(port=port) as first,
        RTCPeerConnection(port=port) as second,
    ):
        for each in (first, second):
            each.createDataChannel("x")
            await each.setLocalDescription()
    async with RTCPeerConnection(port=port) as late:
        late.createDataChannel("x")
        await late.setLocalDescription()

    full, closed = (record.getMessage() for record in caplog.records)
    assert full == "a connection gets nothing of the port that it shares: there are 1 peers already"
    assert closed == "a connection gets nothing of the port that it shares: it is closed"


async def test_a_closed_port_sends_nothing_and_can_be_closed_again() -> None:
    port = SinglePort(hosts=["127.0.0.1"])
    async with RTCPeerConnection(port=port) as server:
        server.createDataChannel("x")
        await server.setLocalDescription()
        port.close()
        port.close()

        assert port.addresses == []
    assert len(port) == 0


async def test_a_taken_number_leaves_no_socket_behind() -> None:
    async with SinglePort(hosts=["127.0.0.1"]) as port:
        with pytest.raises(OSError, match="in use"):
            SinglePort(port.port, hosts=["127.0.0.2", "127.0.0.1"])
        gc.collect()  # a socket that was left open would be complained about
        SinglePort(port.port, hosts=["127.0.0.2"]).close()
        with pytest.raises(ValueError, match="no address"):
            SinglePort(hosts=[])
        with pytest.raises(ValueError, match="families differ"):
            SinglePort(hosts=["127.0.0.1"], announced={"127.0.0.1": "2001:db8::1"})
        with pytest.raises(ValueError, match="does not appear to be"):
            SinglePort(hosts=["127.0.0.1"], announced="example.org")
        with pytest.raises(ValueError, match="its hosts already"):
            RTCPeerConnection(port=port, hosts=["127.0.0.1"])


async def test_the_offer_of_the_peer_may_come_first(port: SinglePort) -> None:
    async with RTCPeerConnection(port=port, options=LITE) as server, RTCPeerConnection(hosts=["127.0.0.1"]) as client:
        arrived = incoming(server)
        channel = client.createDataChannel("x")
        await negotiate(client, server)
        async with asyncio.timeout(10):
            await channel.wait_for("open")
            assert (await arrived.get()).label == "x"


async def test_an_address_that_has_just_gone_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(single_port, "local_hosts", lambda: ["198.51.100.77", "127.0.0.1"])
    async with SinglePort() as port:
        assert [address.host for address in port.addresses] == ["127.0.0.1"]
    monkeypatch.setattr(single_port, "local_hosts", lambda: ["198.51.100.77"])
    with pytest.raises(OSError, match="no address of this machine"):
        SinglePort()
    with pytest.raises(OSError, match="assign"):
        SinglePort(hosts=["198.51.100.77", "127.0.0.1"])


async def test_a_number_that_is_taken_at_another_address_is_not_insisted_on(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen: list[int] = []

    class Choosy(UdpSocket):
        """Finds the first two numbers taken at the second address."""

        def __init__(self, local: Address, *rest: Callable[[list[Batch]], None]) -> None:
            if local.host == "127.0.0.2":
                chosen.append(local.port)
                if len(chosen) <= 2:
                    raise OSError(errno.EADDRINUSE, "taken")
            super().__init__(local, *rest)

    monkeypatch.setattr(single_port, "UdpSocket", Choosy)
    async with SinglePort(hosts=["127.0.0.1", "127.0.0.2"]) as port:
        assert [address.port for address in port.addresses] == [port.port] * 2
    assert len(chosen) == 3
    chosen.clear()
    with pytest.raises(OSError, match="taken"):
        SinglePort(port.port, hosts=["127.0.0.1", "127.0.0.2"])


async def test_an_address_that_is_no_candidate_keeps_nobody_from_the_others() -> None:
    options = PeerOptions(ice=IceConfig(allow_loopback=False))
    own = next((host for host in local_hosts() if host != "127.0.0.1" and ":" not in host), None)
    if own is None:
        pytest.skip("this machine has no network")
    async with (
        SinglePort(hosts=["127.0.0.1", own]) as port,
        RTCPeerConnection(port=port, options=options) as server,
        RTCPeerConnection(hosts=[own]) as client,
    ):
        await connected(client, server)

        assert len(port) == 1
