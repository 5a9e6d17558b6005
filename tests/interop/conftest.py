"""Programs to talk to, each started once."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.support.peers import require

from rtc_asyncio import RTCPeerConnection

from . import browser, node_peer
from .remote import Call, Program, Remote


@pytest_asyncio.fixture(scope="session", loop_scope="session", params=[*browser.NAMES, *node_peer.NAMES])
async def program(request: pytest.FixtureRequest) -> AsyncIterator[Program]:
    """A browser or a Node implementation."""
    name: str = request.param
    if name in browser.NAMES:
        require(browser.executable(name), f"{name} is not installed")
        async with browser.Browser.launch(name) as page:
            yield page
    else:
        require(node_peer.installed(name), f"{name} is not installed: npm ci in tests/interop/node")
        async with node_peer.NodePeer.launch(name) as peer:
            yield peer


@pytest_asyncio.fixture(loop_scope="session")
async def call(program: Program) -> AsyncIterator[Call]:
    """A fresh connection on each side, candidates trickling."""
    conversation = Call(RTCPeerConnection(), await Remote.create(program))
    yield conversation
    await conversation.close()
