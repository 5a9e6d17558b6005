"""TCP candidates on real sockets, of single connections and at a port that many share."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Literal

import pytest

from rtc_asyncio import NetworkOptions, PeerOptions, RTCDataChannel, RTCPeerConnection, SinglePort
from rtc_ice import IceConfig
from rtc_ice.framing import frame
from rtc_stun import BINDING, Address, Message, MessageClass, XorMappedAddress

from .party import connected, incoming, negotiate, trickle

Kind = Literal["active", "passive", "so"]
HOSTS = ["127.0.0.1"]
LITE = PeerOptions(ice=IceConfig(lite=True, allow_loopback=True))


def peer(*tcp: Kind) -> RTCPeerConnection:
    return RTCPeerConnection(hosts=HOSTS, network=NetworkOptions(tcp=tcp))


async def connect_by_tcp(left: RTCPeerConnection, right: RTCPeerConnection) -> tuple[RTCDataChannel, RTCDataChannel]:
    """Negotiate with the UDP candidates of both sides left out, as a firewall leaves out their datagrams."""
    arrived = incoming(right)
    channel = left.createDataChannel("tcp")
    await left.setLocalDescription()
    await right.setRemoteDescription({"type": "offer", "sdp": without_udp(left)})
    await right.setLocalDescription()
    await left.setRemoteDescription({"type": "answer", "sdp": without_udp(right)})
    async with asyncio.timeout(10):
        await channel.wait_for("open")
        return channel, await arrived.get()


def without_udp(pc: RTCPeerConnection) -> str:
    assert pc.localDescription is not None
    lines = pc.localDescription.sdp.split("\r\n")
    return "\r\n".join(line for line in lines if not (line.startswith("a=candidate:") and " udp " in line))


def protocols(pc: RTCPeerConnection) -> set[str]:
    transport = pc.sctp.transport.iceTransport if pc.sctp is not None else None
    pair = None if transport is None else transport.getSelectedCandidatePair()
    assert pair is not None
    return {str(pair.local.protocol), str(pair.remote.protocol)}


@pytest.mark.spec("rfc6544:4.1/1", "rfc6544:4.1/2", "rfc6544:4.1/3")
async def test_tcp_candidates_are_had_where_they_are_wanted() -> None:
    found = []
    for tcp in ((), ("active", "passive", "so")):
        async with peer(*tcp) as pc:
            pc.createDataChannel("x")
            await pc.setLocalDescription()
            assert pc.localDescription is not None
            lines = [line for line in pc.localDescription.sdp.splitlines() if line.startswith("a=candidate:")]
            found.append([line.split(" typ host")[1].strip() for line in lines])

    assert found == [[""], ["", "tcptype active", "tcptype passive", "tcptype so"]]
    with pytest.raises(ValueError, match="tcp has"):
        NetworkOptions(tcp=("both",))  # type: ignore[arg-type]  # that is the point


async def told_by_tcp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asked_from: list[int]) -> None:
    """A STUN server that sees a NAT before each who asks, which adds 10000 to the port."""
    asked_from.append(writer.get_extra_info("peername")[1])
    request = Message.parse(await reader.readexactly(20))
    mapped = XorMappedAddress(Address("192.0.2.7", (asked_from[-1] + 10_000) % 65_536))
    writer.write(Message(BINDING, MessageClass.SUCCESS, request.transaction_id, [mapped]).serialize())
    with contextlib.suppress(ConnectionResetError):
        await reader.read()
    writer.close()


@pytest.mark.spec("rfc6544:4.1/4")
async def test_servers_are_asked_from_the_ports_of_candidates_again_and_again() -> None:
    asked_from: list[int] = []
    server = await asyncio.start_server(lambda reader, writer: told_by_tcp(reader, writer, asked_from), "127.0.0.1", 0)
    url = f"stun:127.0.0.1:{server.sockets[0].getsockname()[1]}"
    options = NetworkOptions(tcp=("passive", "so"))
    async with (
        RTCPeerConnection({"iceServers": [{"urls": url}]}, hosts=HOSTS, network=options) as pc,
        peer("so") as other,
    ):
        arrived = trickle(pc, other)
        trickle(other, pc)
        pc.createDataChannel("x")
        for _ in range(2):
            arrived.clear()
            await pc.setLocalDescription(await pc.createOffer({"iceRestart": True}))
            async with asyncio.timeout(10):
                while len([each for each in arrived if each is not None and each.type == "srflx"]) < 2:
                    await asyncio.sleep(0.01)
            found = [each for each in arrived if each is not None and each.type == "srflx"]
            ports = {each.relatedPort or 0: each.port for each in found}
            assert {each.tcpType for each in found} == {"passive", "so"}
            assert sorted(ports) == sorted(set(asked_from)) == sorted(asked_from[-2:])
            assert ports == {port: (port + 10_000) % 65_536 for port in ports}
            await other.setRemoteDescription(pc.localDescription)
            await other.setLocalDescription()
            await pc.setRemoteDescription(other.localDescription)
            async with asyncio.timeout(10):
                while pc.iceConnectionState != "completed":
                    await asyncio.sleep(0.02)
        assert len(asked_from) == 4
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize(
    ("left", "right"), [("active", "passive"), ("passive", "active"), ("so", "so")], ids=["active", "passive", "so"]
)
async def test_connections_without_udp(left: Kind, right: Kind) -> None:
    async with peer(left) as one, peer(right) as other:
        ours, theirs = await connect_by_tcp(one, other)
        messages = [bytes([number]) * 40_000 for number in range(20)]
        for message in messages:
            ours.send(message)
            theirs.send(message)
        async with asyncio.timeout(20):
            for channel in (ours, theirs):
                assert [await anext(aiter(channel)) for _ in messages] == messages

        assert protocols(one) == protocols(other) == {"tcp"}
        stats = (await one.getStats()).values()
        types = {each.tcpType for each in stats if each.type == "local-candidate"}  # type: ignore[attr-defined]
        assert left in types


async def test_udp_is_preferred_where_it_works() -> None:
    async with peer("active", "passive") as one, peer("active", "passive") as other:
        await connected(one, other)

        assert protocols(one) == {"udp"}


async def test_bulk_over_tcp_loses_nothing() -> None:
    async with peer("active") as one, peer("passive") as other:
        ours, theirs = await connect_by_tcp(one, other)

        async def send() -> None:
            for _ in range(200):
                ours.send(bytes(50_000))
                await ours.drain()

        sending = asyncio.create_task(send())
        total = 0
        async with asyncio.timeout(60):
            async for message in theirs:
                total += len(message)
                if total == 10_000_000:
                    break
        await sending


async def test_closing_leaves_no_socket_and_no_task() -> None:
    async with peer("active") as one, peer("passive") as other:
        await connect_by_tcp(one, other)
    await asyncio.sleep(0.1)

    left_over = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    assert left_over == []


async def test_an_address_that_is_gone_is_listened_at_no_more() -> None:
    async with RTCPeerConnection(
        hosts=["127.0.0.1", "127.0.0.2"], network=NetworkOptions(tcp=("active", "passive"))
    ) as pc:
        pc.createDataChannel("x")
        await pc.setLocalDescription()
        assert pc.localDescription is not None
        lines = [line.split() for line in pc.localDescription.sdp.splitlines() if " tcptype passive" in line]
        places = [(line[4], int(line[5])) for line in lines]
        candidates = pc._network._use_tcp()
        assert not candidates.keep(["127.0.0.2"])

        reached = []
        for place in places:
            try:
                _, writer = await asyncio.open_connection(*place)
            except ConnectionRefusedError:
                continue
            reached.append(place[0])
            writer.close()
        assert reached == ["127.0.0.2"]
        left = [each.address for each in pc._peer.transports[0].local_candidates if each.transport == "tcp"]
        assert {address.host for address in left} == {"127.0.0.2"}
        assert len(left) == 2


# --- a port that many share ---


@pytest.fixture
async def port() -> AsyncIterator[SinglePort]:
    """A port on loopback, for UDP and TCP."""
    async with SinglePort(hosts=HOSTS, tcp=True) as port:
        yield port
        assert len(port) == 0


async def hung_up(reader: asyncio.StreamReader) -> bool:
    """Wait until the other side has ended the connection, by FIN or RST, without a word."""
    try:
        return await reader.read() == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize("options", [LITE, None], ids=["lite", "full"])
async def test_many_peers_connect_to_one_tcp_port(port: SinglePort, options: PeerOptions | None) -> None:
    async with AsyncExitStack() as stack:
        channels = []
        for _ in range(10):
            server = await stack.enter_async_context(RTCPeerConnection(port=port, options=options))
            client = await stack.enter_async_context(peer("active"))
            channels.append(await connect_by_tcp(client, server))
            assert protocols(client) == {"tcp"}
            assert server.localDescription is not None
            assert f"127.0.0.1 {port.port} typ host tcptype passive" in server.localDescription.sdp
        for number, (ours, theirs) in enumerate(channels):
            ours.send(f"to {number}")
            theirs.send(f"from {number}")
        async with asyncio.timeout(10):
            for number, (ours, theirs) in enumerate(channels):
                assert await anext(aiter(theirs)) == f"to {number}"
                assert await anext(aiter(ours)) == f"from {number}"


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n\r\n", frame(b"\x80" * 20), b"\xff\xff"])
async def test_whoever_speaks_something_else_at_the_port_is_hung_up_on(port: SinglePort, data: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port.port)
    writer.write(data)
    async with asyncio.timeout(5):
        assert await hung_up(reader)
    writer.close()
    assert sum(port.streams_turned_away.values()) == 1


async def test_a_port_with_strangers_in_the_door_still_serves(port: SinglePort) -> None:
    strangers = [socket.create_connection(("127.0.0.1", port.port)) for _ in range(20)]
    async with RTCPeerConnection(port=port) as server, peer("active") as client:
        ours, theirs = await connect_by_tcp(client, server)
        ours.send("through")
        async with asyncio.timeout(5):
            assert await anext(aiter(theirs)) == "through"
    for stranger in strangers:
        stranger.close()


async def test_udp_and_tcp_of_the_port_have_the_same_number_and_udp_wins(port: SinglePort) -> None:
    async with RTCPeerConnection(port=port) as server, peer("active") as client:
        await negotiate_both(client, server)

        assert protocols(client) == {"udp"}
        assert server.localDescription is not None
        lines = [line for line in server.localDescription.sdp.splitlines() if line.startswith("a=candidate:")]
        assert {line.split()[5] for line in lines} == {str(port.port)}
        assert {line.split()[2] for line in lines} == {"udp", "tcp"}


async def negotiate_both(client: RTCPeerConnection, server: RTCPeerConnection) -> None:
    channel = client.createDataChannel("x")
    await negotiate(client, server)
    async with asyncio.timeout(10):
        await channel.wait_for("open")


async def test_a_tcp_port_that_is_taken_leaves_nothing_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        with pytest.raises(OSError, match="in use"):
            SinglePort(number, hosts=HOSTS, tcp=True)
        SinglePort(number, hosts=HOSTS).close()


async def test_the_port_is_closed_with_streams_that_wait() -> None:
    port = SinglePort(hosts=HOSTS, tcp=True)
    reader, writer = await asyncio.open_connection("127.0.0.1", port.port)
    await asyncio.sleep(0.05)
    port.close()
    port.close()
    async with asyncio.timeout(5):
        assert await hung_up(reader)
    writer.close()
