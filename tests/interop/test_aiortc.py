"""Data channels with aiortc, in one process, from either side. It does not trickle: each description carries its candidates."""

import asyncio
import importlib
import importlib.util
from collections.abc import AsyncIterator
from typing import Any, Final

import pytest
import pytest_asyncio
from tests.support.peers import require

from rtc_asyncio import RTCDataChannel, RTCPeerConnection

from .remote import pattern, sha256

pytestmark = pytest.mark.filterwarnings("default")
"""Its warnings are its own."""

BULK: Final = 4_000_000
PIECE: Final = 60_000
either_offers = pytest.mark.parametrize("offerer", ["ours", "theirs"])


class Pair:
    """Our connection and aiortc's."""

    def __init__(self, api: Any) -> None:
        self.api = api
        self.ours = RTCPeerConnection()
        self.theirs = api.RTCPeerConnection(api.RTCConfiguration(iceServers=[]))
        self._ours_arrived: asyncio.Queue[RTCDataChannel] = asyncio.Queue()
        self._theirs_arrived: asyncio.Queue[Any] = asyncio.Queue()
        self.ours.on("datachannel")(self._ours_arrived.put_nowait)
        self.theirs.on("datachannel", self._theirs_arrived.put_nowait)

    async def channels(self, offerer: str, label: str = "talk", **init: Any) -> tuple[RTCDataChannel, Any]:
        """Connect with one channel that the offerer creates; both ends of it, open."""
        if offerer == "ours":
            ours = self.ours.createDataChannel(label, init)
            await self.negotiate(offerer)
            theirs = await asyncio.wait_for(self._theirs_arrived.get(), 10)
        else:
            theirs = self.theirs.createDataChannel(label, **init)
            await self.negotiate(offerer)
            ours = await asyncio.wait_for(self._ours_arrived.get(), 10)
        async with asyncio.timeout(10):
            await ours.wait_for("open")
            while theirs.readyState != "open":
                await asyncio.sleep(0.01)
        return ours, theirs

    async def negotiate(self, offerer: str) -> None:
        """One offer, one answer."""
        description = self.api.RTCSessionDescription
        if offerer == "ours":
            await self.ours.setLocalDescription()
            assert self.ours.localDescription is not None
            await self.theirs.setRemoteDescription(description(**self.ours.localDescription.toJSON()))
            await self.theirs.setLocalDescription(await self.theirs.createAnswer())
            await self.ours.setRemoteDescription(self._described())
        else:
            await self.theirs.setLocalDescription(await self.theirs.createOffer())
            await self.ours.setRemoteDescription(self._described())
            await self.ours.setLocalDescription()
            assert self.ours.localDescription is not None
            await self.theirs.setRemoteDescription(description(**self.ours.localDescription.toJSON()))

    def _described(self) -> dict[str, object]:
        return {"type": self.theirs.localDescription.type, "sdp": self.theirs.localDescription.sdp}

    async def close(self) -> None:
        """Both sides."""
        await self.ours.close()
        await self.theirs.close()


@pytest_asyncio.fixture
async def pair() -> AsyncIterator[Pair]:
    """A fresh connection on each side."""
    require(importlib.util.find_spec("aiortc"), "aiortc is not installed")
    connections = Pair(importlib.import_module("aiortc"))
    yield connections
    await connections.close()


def _collect(theirs: Any) -> asyncio.Queue[str | bytes]:
    received: asyncio.Queue[str | bytes] = asyncio.Queue()
    theirs.on("message", received.put_nowait)
    return received


@either_offers
async def test_text_and_binary_of_every_size(pair: Pair, offerer: str) -> None:
    ours, theirs = await pair.channels(offerer)
    received = _collect(theirs)
    messages = ours.__aiter__()
    for message in (
        "",
        "Grüße ☺",
        b"",
        b"\x00\x01",
        pattern(1200, 1),
        pattern(16_384, 2),
        pattern(65_535, 3),
        "x" * 65_535,
    ):
        ours.send(message)
        assert await asyncio.wait_for(received.get(), 10) == message

        theirs.send(message)
        assert await asyncio.wait_for(anext(messages), 10) == message


@either_offers
@pytest.mark.parametrize(
    "init",
    [{"ordered": False}, {"maxRetransmits": 2}, {"ordered": False, "maxPacketLifeTime": 500}, {"protocol": "chat"}],
)
async def test_every_kind_of_reliability(pair: Pair, offerer: str, init: dict[str, Any]) -> None:
    ours, theirs = await pair.channels(offerer, **init)
    received = _collect(theirs)
    ours.send("there")
    theirs.send("and back")

    assert await asyncio.wait_for(received.get(), 10) == "there"
    assert await asyncio.wait_for(anext(ours.__aiter__()), 10) == "and back"
    expected = {"ordered": True, "maxRetransmits": None, "maxPacketLifeTime": None, "protocol": ""} | init
    for channel in (ours, theirs):
        assert {name: getattr(channel, name) for name in expected} == expected


@either_offers
async def test_four_megabytes_each_way(pair: Pair, offerer: str) -> None:
    ours, theirs = await pair.channels(offerer)
    received = _collect(theirs)
    data = pattern(BULK, 3)
    for start in range(0, BULK, PIECE):
        ours.send(data[start : start + PIECE])
        await ours.drain()
    arrived = b""
    while len(arrived) < BULK:
        piece = await asyncio.wait_for(received.get(), 30)
        assert isinstance(piece, bytes)
        arrived += piece
    assert sha256(arrived) == sha256(data)

    for start in range(0, BULK, PIECE):
        theirs.send(data[start : start + PIECE])
    back = b""
    async with asyncio.timeout(60):
        async for message in ours:
            assert isinstance(message, bytes)
            back += message
            if len(back) >= BULK:
                break
    assert sha256(back) == sha256(data)


@pytest.mark.parametrize("closer", ["ours", "theirs"])
async def test_a_channel_closes_from_each_side(pair: Pair, closer: str) -> None:
    ours, theirs = await pair.channels("ours")
    (ours if closer == "ours" else theirs).close()

    async with asyncio.timeout(10):
        await ours.wait_for("closed")
        while theirs.readyState != "closed":
            await asyncio.sleep(0.01)


async def test_closing_the_connection_is_seen(pair: Pair) -> None:
    ours, _ = await pair.channels("theirs")
    await pair.theirs.close()

    async with asyncio.timeout(15):
        await ours.wait_for("closed")
