"""Data channels with Chromium, Firefox and the Node implementations, from either side."""

import asyncio
from typing import Final, cast

import pytest

from rtc_asyncio import RTCPeerConnection

from .remote import Call, Program, Remote, pattern, sha256

pytestmark = pytest.mark.asyncio(loop_scope="session")

either_offers = pytest.mark.parametrize("offerer", ["ours", "theirs"])

NO_EMPTY_MESSAGES: Final = {"werift"}
"""Its channels do not deliver empty messages."""
NO_CLOSE_EVENT: Final = {"werift", "node-datachannel"}
"""They do not answer the closing of a single channel in a way that their own API shows."""
NO_RESTART: Final = {"node-datachannel", "werift"}
"""libdatachannel cannot restart ICE; werift restarts only as offerer."""
FORGETS_UNORDERED: Final = {"werift"}
"""It opens every partially reliable channel as an ordered one, whatever was asked for."""
COUNTS_CHARACTERS: Final = {"werift"}
"""It writes the length of a protocol's name in characters where bytes are asked for, and so breaks names beyond ASCII."""
LARGEST: Final = {
    "chromium": 262_144,
    "firefox": 262_144,
    "wrtc": 262_144,
    "node-datachannel": 262_144,
    "werift": 65_536,
}
"""Bytes of the largest message that is tried: what they announce, or 256 KiB."""


async def _create(call: Call, offerer: str, label: str, **init: object) -> None:
    if offerer == "ours":
        call.create(label, **init)
    else:
        await call.theirs.channel(label, **init)


@either_offers
async def test_connects_and_exchanges_text_and_binary(call: Call, offerer: str) -> None:
    await _create(call, offerer, "hello")
    await call.connect(offerer=offerer)
    channel = await call.channel("hello")
    channel.send("Grüße ☺")
    channel.send(b"\x00\x01\x02")
    await call.theirs.send("hello", "прийшло")

    assert await call.theirs.messages("hello", 2) == ["Grüße ☺", "binary 3"]
    assert await anext(channel.__aiter__()) == "прийшло"


@either_offers
async def test_candidates_in_the_description_are_enough(program: Program, offerer: str) -> None:
    call = Call(RTCPeerConnection(), await Remote.create(program), trickle=False)
    await _create(call, offerer, "hello")
    await call.connect(offerer=offerer)
    (await call.channel("hello")).send("no trickle")

    assert await call.theirs.messages("hello", 1) == ["no trickle"]
    await call.close()


KINDS: Final[dict[str, dict[str, object]]] = {
    "reliable": {},
    "unordered": {"ordered": False},
    "three retransmissions": {"maxRetransmits": 3},
    "none, unordered": {"maxRetransmits": 0, "ordered": False},
    "half a second": {"maxPacketLifeTime": 500},
    "a second, unordered": {"maxPacketLifeTime": 1000, "ordered": False},
    "with protocol": {"protocol": "chat/1"},
}


@either_offers
async def test_every_kind_of_reliability(call: Call, offerer: str) -> None:
    kinds = KINDS | ({} if call.theirs.program_name in COUNTS_CHARACTERS else {"with protocol": {"protocol": "chat/ü"}})
    for label, init in kinds.items():
        await _create(call, offerer, label, **init)
    await call.connect(offerer=offerer)
    for label, init in kinds.items():
        channel = await call.channel(label)
        theirs = await call.theirs.opened(label)
        await call.theirs.echo(label)
        channel.send(label)

        assert await asyncio.wait_for(anext(channel.__aiter__()), 10) == label
        ours = {
            "ordered": channel.ordered,
            "protocol": channel.protocol,
            "maxRetransmits": channel.maxRetransmits,
            "maxPacketLifeTime": channel.maxPacketLifeTime,
        }
        expected = {"ordered": True, "protocol": "", "maxRetransmits": None, "maxPacketLifeTime": None} | init
        if offerer == "theirs" and call.theirs.program_name in FORGETS_UNORDERED and len(init) > 1:
            expected["ordered"] = True
        assert ours == expected
        if call.theirs_is_faithful:
            assert {key: theirs[key] for key in expected} == expected


async def test_messages_of_every_size(call: Call, program: Program) -> None:
    sizes = [0, 1, 2, 1023, 1200, 16_384, 65_535, 65_536, 100_000, 262_144]
    channel = call.create("sizes")
    await call.connect(offerer="ours")
    await channel.wait_for("open")
    await call.theirs.echo("sizes")
    messages = channel.__aiter__()
    for size in sizes:
        if size > LARGEST[program.name] or (size == 0 and program.name in NO_EMPTY_MESSAGES):
            continue
        for message in (pattern(size, 7), "x" * size):
            channel.send(message)

            assert await asyncio.wait_for(anext(messages), 20) == message


@either_offers
async def test_twenty_megabytes_each_way(call: Call, program: Program, offerer: str) -> None:
    total, piece = 20_000_000, 60_000
    await _create(call, offerer, "bulk")
    await call.connect(offerer=offerer)
    channel = await call.channel("bulk")
    await call.theirs.run("(await peer.opened('bulk')).bulk = [];")

    data = pattern(total, 3)
    for start in range(0, total, piece):
        channel.send(data[start : start + piece])
        await channel.drain()
    assert await call.theirs.run(f"return peer.bulkHash('bulk', {total});", timeout=90) == sha256(data)

    received: list[bytes] = []
    sending = asyncio.create_task(call.theirs.run(f"return peer.sendBulk('bulk', {total}, {piece}, 5);", timeout=90))
    length = 0
    async for message in channel:
        assert isinstance(message, bytes)
        received.append(message)
        length += len(message)
        if length >= total:
            break
    assert sha256(b"".join(received)) == await sending == sha256(pattern(total, 5))


async def test_many_channels(call: Call) -> None:
    labels = [f"channel {number}" for number in range(40)]
    for number, label in enumerate(labels):
        await _create(call, "ours" if number % 2 else "theirs", label)
    await call.connect(offerer="ours")
    for label in labels:
        (await call.channel(label)).send(label)

    for label in labels:
        assert await call.theirs.messages(label, 1) == [label]


async def test_a_channel_opened_later_needs_no_negotiation(call: Call) -> None:
    call.create("first")
    await call.connect(offerer="ours")
    await call.channel("first")
    call.create("ours, later")
    await call.theirs.channel("theirs, later")
    for label in ("ours, later", "theirs, later"):
        (await call.channel(label)).send(label)

        assert await call.theirs.messages(label, 1) == [label]


async def test_negotiated_channels(call: Call) -> None:
    init = {"negotiated": True, "id": 17}
    channel = call.create("agreed", **init)
    await call.theirs.channel("agreed", **init)
    await call.connect(offerer="ours")
    await channel.wait_for("open")
    await call.theirs.echo("agreed")
    channel.send("known to both")

    assert await asyncio.wait_for(anext(channel.__aiter__()), 10) == "known to both"
    assert channel.id == 17


@pytest.mark.parametrize("closer", ["ours", "theirs"])
async def test_a_channel_closes_from_each_side(call: Call, program: Program, closer: str) -> None:
    channel = call.create("short")
    call.create("stays")
    await call.connect(offerer="ours")
    await call.theirs.opened("short")
    await channel.wait_for("open")
    if closer == "ours":
        channel.close()
    else:
        await call.theirs.run("peer.channels.short.channel.close();")

    async with asyncio.timeout(10):
        await channel.wait_for("closed")
    if program.name not in NO_CLOSE_EVENT:
        await call.theirs.run("await until(() => peer.channels.short.closed, 'close', 10);")
    (await call.channel("stays")).send("still here")
    assert await call.theirs.messages("stays", 1) == ["still here"]


@either_offers
@pytest.mark.parametrize("first", ["ours", "theirs"])
async def test_ice_restart_keeps_the_channels(call: Call, program: Program, first: str, offerer: str) -> None:
    if program.name in NO_RESTART:
        return
    await _create(call, first, "steady")
    await call.connect(offerer=first)
    channel = await call.channel("steady")
    before = _ufrag(call.ours)

    await call.negotiate(offerer=offerer, iceRestart=True)
    async with asyncio.timeout(20):
        while call.ours.iceConnectionState not in {"connected", "completed"}:
            await asyncio.sleep(0.02)
    channel.send("after the restart")

    assert await call.theirs.messages("steady", 1) == ["after the restart"]
    assert _ufrag(call.ours) != before


def _ufrag(pc: RTCPeerConnection) -> str:
    assert pc.localDescription is not None
    return next(line for line in pc.localDescription.sdp.splitlines() if line.startswith("a=ice-ufrag:"))


@either_offers
async def test_a_wrong_fingerprint_is_refused(program: Program, offerer: str) -> None:
    """What they present does not match what (tampered) signalling told us: no data, and both know."""
    call = Call(RTCPeerConnection(), await Remote.create(program), trickle=False)
    ours, theirs = call.ours, call.theirs
    gathered = "await until(() => pc.iceGatheringState === 'complete', 'gathering'); return plain(pc.localDescription);"
    channel = call.create("never")
    if offerer == "ours":
        await ours.setLocalDescription()
        assert ours.localDescription is not None
        answer = await theirs.run(
            f"await pc.setRemoteDescription(argument.offer); await peer.local('answer'); {gathered}",
            offer=ours.localDescription.toJSON(),
        )
        await ours.setRemoteDescription(_tampered(answer))
    else:
        await theirs.channel("theirs")
        offer = await theirs.run(f"await peer.local('offer'); {gathered}")
        await ours.setRemoteDescription(_tampered(offer))
        await ours.setLocalDescription()
        assert ours.localDescription is not None
        await theirs.run("await pc.setRemoteDescription(argument.answer);", answer=ours.localDescription.toJSON())

    async with asyncio.timeout(20):
        while ours.connectionState != "failed":
            await asyncio.sleep(0.02)
    assert channel.readyState in {"connecting", "closed"}
    assert await theirs.run("return Object.values(peer.channels).every(({wasOpen}) => !wasOpen);")
    await call.close()


def _tampered(description: object) -> dict[str, object]:
    text = cast("dict[str, str]", description)
    lines = []
    for line in text["sdp"].split("\r\n"):
        if line.startswith("a=fingerprint:"):
            head, _, last = line.rpartition(":")
            line = f"{head}:{'00' if last != '00' else '01'}"
        lines.append(line)
    return {"type": text["type"], "sdp": "\r\n".join(lines)}


async def test_closing_is_seen_by_the_other_side(call: Call) -> None:
    channel = call.create("farewell")
    await call.connect(offerer="ours")
    await channel.wait_for("open")
    await call.theirs.run("pc.close();")

    async with asyncio.timeout(15):
        await channel.wait_for("closed")
