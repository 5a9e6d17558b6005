"""The streams of a TURN server: ends that come before a connection has begun leave nothing behind."""

import asyncio
import socket
from pathlib import Path

import pytest
from tests.asyncio.test_turn_server import serving
from tests.asyncio.turn_party import HOST, TurnParty

from rtc_asyncio.stream import Stream
from rtc_asyncio.turn_streams import TurnStreams
from rtc_stun import Address
from rtc_turn import PermissionInstalled, PublicPeers, TurnConfig, TurnServerConfig


async def joined(stream: Stream) -> socket.socket:
    """The other end of a connection that a stream was given."""
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    await asyncio.get_running_loop().connect_accepted_socket(lambda: stream, ours)
    return theirs


async def test_a_stream_that_was_closed_before_it_began_ends_when_it_begins() -> None:
    news: list[str] = []
    stream = Stream(lambda: news.append("opened"), lambda _: None, lambda: news.append("closed"), lambda _: None)
    stream.write(b"farewell")
    stream.close()
    theirs = await joined(stream)

    async with asyncio.timeout(2):
        loop = asyncio.get_running_loop()
        assert await loop.sock_recv(theirs, 100) == b"farewell"
        assert await loop.sock_recv(theirs, 100) == b""
    theirs.close()
    await asyncio.sleep(0)
    assert news == ["closed"]


async def test_what_an_aborted_stream_was_to_write_is_not_written() -> None:
    stream = Stream(lambda: None, lambda _: None, lambda: None, lambda _: None)
    stream.write(b"farewell")
    stream.close(abort=True)
    theirs = await joined(stream)

    async with asyncio.timeout(2):
        assert await asyncio.get_running_loop().sock_recv(theirs, 100) == b""
    theirs.close()


@pytest.mark.parametrize("turns", [0, 1, 2])
async def test_a_peer_whose_connection_ends_as_it_comes_is_closed(
    turns: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = TurnConfig(transport="tcp", tcp=True)
    async with (
        serving(tmp_path, config=TurnServerConfig(tcp=True)) as site,
        TurnParty.at(site.listener("tcp"), config=config) as party,
    ):
        relayed = (await party.allocate()).relayed[0]
        party.client.create_permission(Address(HOST, 0), asyncio.get_running_loop().time())
        party.flush()
        await party.event(PermissionInstalled)
        accept = TurnStreams.accept_peer

        def accept_and_forbid(self: TurnStreams, at: Address, opened: socket.socket, peer: Address) -> None:
            accept(self, at, opened, peer)
            forbid(turns)

        def forbid(later: int) -> None:
            if later:
                asyncio.get_running_loop().call_soon(forbid, later - 1)
            else:
                site.service.reconfigure(policy=PublicPeers())

        monkeypatch.setattr(TurnStreams, "accept_peer", accept_and_forbid)
        reader, writer = await asyncio.open_connection(*relayed)
        async with asyncio.timeout(2):
            assert await reader.read() == b""
        writer.close()


async def test_the_end_of_the_server_closes_who_has_just_come(tmp_path: Path) -> None:
    config = TurnServerConfig(tcp=True)
    async with (
        serving(tmp_path, config=config) as site,
        TurnParty.at(site.listener("tcp"), config=TurnConfig(transport="tcp", tcp=True)) as party,
    ):
        relayed = (await party.allocate()).relayed[0]
        party.client.create_permission(Address(HOST, 0), asyncio.get_running_loop().time())
        party.flush()
        await party.event(PermissionInstalled)
        theirs, ours = socket.socketpair()
        site.service._streams.accept_peer(relayed, ours, Address(HOST, 9))
        await site.service.stop()

        assert ours.fileno() == -1
        theirs.close()
