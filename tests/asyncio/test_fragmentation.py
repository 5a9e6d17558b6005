"""Datagrams that are to arrive whole or not at all, through a TURN server and its sockets."""

import asyncio
import contextlib
import socket
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.asyncio.test_turn_server import serving
from tests.asyncio.turn_party import HOST, Peer, TurnParty, until

import rtc_asyncio.turn_server
from rtc_asyncio import UdpSocket
from rtc_asyncio.fragmentation import keeps_whole
from rtc_asyncio.icmp import IcmpError
from rtc_stun import Address, Datagram
from rtc_turn import PeerUnreachable, TurnConfig

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems are not asked to keep datagrams whole")

DONT_FRAGMENT = 0x4000
_IP_MTU = 14
_SO_RCVBUFFORCE = 33
_ROOM = 64 << 20
_HEADERS = struct.Struct("!6xH12x2xH")
"""Flags of IPv4, and the destination port of UDP after a header without options."""


class Wire:
    """The IPv4 packets of UDP that pass the loopback interface."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
        self._socket.setblocking(False)
        # It hears what all programs send, and must not miss ours meanwhile.
        with contextlib.suppress(PermissionError):
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _ROOM)

    def whole_to(self, port: int) -> list[bool]:
        """Whether each packet to a port was one that no router may cut."""
        found = []
        with contextlib.suppress(BlockingIOError):
            while True:
                flags, destination = _HEADERS.unpack_from(self._socket.recv(65_535))
                if destination == port:
                    found.append(bool(flags & DONT_FRAGMENT))
        return found

    def close(self) -> None:
        """Watch no more."""
        self._socket.close()


@pytest.fixture
def wire() -> Iterator[Wire]:
    """What passes; only who may watch can see it."""
    try:
        made = Wire()
    except PermissionError:
        pytest.skip("whoever is not root sees no headers")
    yield made
    made.close()


@pytest.mark.spec("rfc8656:14/2", "rfc8656:15/2")
@pytest.mark.parametrize("transport", ["udp", "dtls", "tcp", "tls"])
@pytest.mark.parametrize("dont_fragment", [False, True])
async def test_the_relay_sends_whole_what_it_is_asked_to(
    transport: str, tmp_path: Path, wire: Wire, *, dont_fragment: bool
) -> None:
    config = TurnConfig(transport=transport, dont_fragment=dont_fragment)
    async with serving(tmp_path) as site, TurnParty.at(site.listener(transport), config=config) as party:
        peer = Peer()
        await party.allocate()
        for _ in range(3):
            await party.send(b"hello", peer.address)
            await asyncio.sleep(0.02)
        peer.socket.close()

    assert wire.whole_to(peer.address.port) == [dont_fragment] * 3


async def test_what_goes_to_clients_may_be_cut(tmp_path: Path, wire: Wire) -> None:
    async with serving(tmp_path) as site, TurnParty.at(site.listener("udp")) as party:
        peer = Peer()
        await party.allocate()
        await party.send(b"hello", peer.address)
        peer.socket.close()
        port = party.client._local.port

    assert set(wire.whole_to(port)) == {False}


async def test_where_the_system_does_not_heed_it_the_client_is_told(
    tmp_path: Path, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rtc_asyncio.turn_server, "keeps_whole", lambda: False)
    config = TurnConfig(dont_fragment=True)
    async with serving(tmp_path) as site, TurnParty.at(site.listener("udp"), config=config) as party:
        peer = Peer()
        await party.allocate()
        await party.send(b"hello", peer.address)
        peer.socket.close()
        refused = site.service.stats.server.responses

    assert refused[420] == 1
    assert wire.whole_to(peer.address.port) == [False]


@pytest.mark.parametrize("host", [HOST, "::1"])
async def test_what_is_too_long_for_a_datagram_is_told_as_a_router_would(host: str) -> None:
    errors: list[IcmpError] = []
    peer = Peer(host)
    udp = UdpSocket(Address(host, 0), lambda _: None, on_icmp=errors.append, relays=True)
    udp.send([Datagram(bytes(65_530), udp.local, peer.address), Datagram(b"next", udp.local, peer.address)])
    udp.send_whole([Datagram(bytes(65_530), udp.local, peer.address), Datagram(b"last", udp.local, peer.address)])
    await until(lambda: len(peer.received) == 2)
    udp.close()
    peer.socket.close()

    assert [each.data for each in peer.received] == [b"next", b"last"]
    assert udp.stats.datagrams_lost == 2
    expected = (2, 0) if ":" in host else (3, 4)
    assert {(each.destination, each.icmp_type, each.icmp_code) for each in errors} == {(peer.address, *expected)}
    assert all(each.mtu >= 65_535 for each in errors)


async def test_who_sends_whole_hears_of_peers_that_are_not_there(tmp_path: Path) -> None:
    config = TurnConfig(dont_fragment=True)
    gone = Peer()
    gone.socket.close()
    async with serving(tmp_path) as site, TurnParty.at(site.listener("udp"), config=config) as party:
        await party.allocate()
        party.client.send(b"anybody?", gone.address, asyncio.get_running_loop().time())
        party.flush()
        event = await party.event(PeerUnreachable)
        other = Peer()
        answer = await party.send(b"hello", other.address)
        other.socket.close()

    assert (event.peer, event.icmp_type, event.icmp_code) == (gone.address, 3, 3)
    assert answer == b"HELLO"


def test_a_machine_without_ipv4_promises_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> socket.socket:
        raise OSError("address family not supported")

    monkeypatch.setattr(socket, "socket", refuse)

    assert not keeps_whole()
