"""Browsers and Node implementations at a server with one port: each of their connections is one of many."""

import asyncio
from contextlib import AsyncExitStack
from typing import Final

import pytest

from rtc_asyncio import PeerOptions, RTCPeerConnection, SinglePort
from rtc_ice import IceConfig

from .remote import Call, Program, Remote

pytestmark = pytest.mark.asyncio(loop_scope="session")

LITE: Final = PeerOptions(ice=IceConfig(lite=True, allow_loopback=True))
FULL: Final = PeerOptions(ice=IceConfig(allow_loopback=True))

modes = pytest.mark.parametrize("options", [LITE, FULL], ids=["lite", "full"])


@modes
async def test_several_connections_of_a_program_share_the_port(program: Program, options: PeerOptions) -> None:
    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(SinglePort())
        calls = []
        for _ in range(3):
            call = Call(RTCPeerConnection(port=port, options=options), await Remote.create(program))
            stack.push_async_callback(call.close)
            calls.append(call)
        for number, call in enumerate(calls):
            await call.theirs.channel(f"x{number}")
            await call.connect(offerer="theirs")
        for number, call in enumerate(calls):
            async with asyncio.timeout(30):
                channel = await call.channel(f"x{number}")
                channel.send(f"to {number}")
            assert await call.theirs.messages(f"x{number}", 1) == [f"to {number}"]

        assert len(port) == 3
    assert len(port) == 0
