"""Connections that are closed again, and a check that nothing is left behind."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from rtc_asyncio import RTCPeerConnection


@pytest.fixture
async def pair() -> AsyncIterator[tuple[RTCPeerConnection, RTCPeerConnection]]:
    """Two connections on loopback alone."""
    async with RTCPeerConnection(hosts=["127.0.0.1"]) as left, RTCPeerConnection(hosts=["127.0.0.1"]) as right:
        yield left, right
    await asyncio.sleep(0)
    left_over = [
        task for task in asyncio.all_tasks() if task is not asyncio.current_task() and "fixture" not in repr(task)
    ]
    assert left_over == []
