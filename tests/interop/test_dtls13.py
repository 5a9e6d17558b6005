"""DTLS 1.3 with browsers when not all goes well: datagrams of the handshake get lost, and keys change in the middle."""

import asyncio
import random
from collections.abc import Iterable

import pytest

from rtc_dtls import DtlsConnection, Version

from .remote import Call

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.programs("chromium", "firefox")]

either_offers = pytest.mark.parametrize("offerer", ["ours", "theirs"])
LOSS = 0.3


async def _connect(call: Call, offerer: str) -> None:
    if offerer == "ours":
        call.create("hello")
    else:
        await call.theirs.channel("hello")
    await call.connect(offerer=offerer)


@either_offers
@pytest.mark.parametrize("seed", range(4))
async def test_handshake_survives_loss(call: Call, offerer: str, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both sides repeat and acknowledge as the other expects, the ACK of the last flight included."""
    fate = random.Random(seed)
    receive, send = DtlsConnection.receive_datagrams, DtlsConnection.datagrams_to_send
    lost = 0

    def survives(connection: DtlsConnection) -> bool:
        nonlocal lost
        gone = connection.stats.application_data_received == 0 and fate.random() < LOSS
        lost += gone
        return not gone

    def received(self: DtlsConnection, datagrams: Iterable[bytes], now: float) -> None:
        receive(self, [datagram for datagram in datagrams if survives(self)], now)

    def sent(self: DtlsConnection, now: float) -> list[bytes]:
        return [datagram for datagram in send(self, now) if survives(self)]

    monkeypatch.setattr(DtlsConnection, "receive_datagrams", received)
    monkeypatch.setattr(DtlsConnection, "datagrams_to_send", sent)
    await _connect(call, offerer)
    channel = await call.channel("hello")
    channel.send("question")

    assert await call.theirs.messages("hello", 1) == ["question"]
    assert lost > 0


@either_offers
async def test_keys_change_in_the_middle(call: Call, offerer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """They follow our KeyUpdate, and send one when they are asked to."""
    connections: set[DtlsConnection] = set()
    receive = DtlsConnection.receive_datagrams

    def received(self: DtlsConnection, datagrams: Iterable[bytes], now: float) -> None:
        connections.add(self)
        receive(self, datagrams, now)

    monkeypatch.setattr(DtlsConnection, "receive_datagrams", received)
    await _connect(call, offerer)
    channel = await call.channel("hello")
    await call.theirs.echo("hello")
    (connection,) = connections
    async with asyncio.timeout(20):
        number = 0
        # They acknowledge after a while, and until then a wish to update waits.
        while min(connection.stats.key_updates, connection.stats.peer_key_updates) < 3:
            connection.update_keys(0.0, ask_peer=True)
            channel.send(f"message {number}")
            assert await anext(channel.__aiter__()) == f"message {number}"
            number += 1
            await asyncio.sleep(0.02)

    assert connection.version == Version.DTLS_1_3
