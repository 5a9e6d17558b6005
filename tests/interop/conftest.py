"""Programs to talk to, each started once."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from tests.support.peers import require

from rtc_asyncio import RTCPeerConnection

from . import browser, node_peer
from .remote import Call, Program, Remote


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what a program cannot do by its nature, as tests say with `programs` and `lacking`: nothing is skipped for that."""
    left_out = [item for item in items if not _is_possible(item)]
    if left_out:
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)


def _is_possible(item: pytest.Item) -> bool:
    values = set() if not isinstance(item, pytest.Function) else set(_texts(getattr(item, "callspec", None)))
    able = item.get_closest_marker("programs")
    if able is not None and values & {*browser.NAMES, *node_peer.NAMES} and not values & set(able.args):
        return False
    lacking = item.get_closest_marker("lacking")
    return lacking is None or not any(set(what) <= values for what in lacking.args)


def _texts(callspec: Any) -> list[str]:
    return [] if callspec is None else [value for value in callspec.params.values() if isinstance(value, str)]


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
