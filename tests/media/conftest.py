"""What holds for all tests of rtc-media."""

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest


@pytest.fixture(autouse=True)
async def no_thread_stays() -> AsyncIterator[None]:
    """Players and recorders end their threads."""
    yield
    await asyncio.sleep(0)
    names = {thread.name.rstrip("_0123456789") for thread in threading.enumerate()}
    assert not names & {"media-player", "media-recorder"}
