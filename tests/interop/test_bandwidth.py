"""Bandwidth estimation between us and browsers: each side's estimate grows by the other's feedback on a fast path."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, cast

import pytest
import pytest_asyncio

from rtc_asyncio import RTCIceCandidatePairStats, RTCPeerConnection
from rtc_media import LibavCodecs, TestCardTrack

from .remote import Call, Program, Remote
from .remote_media import equip

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.programs("chromium", "firefox")]

FAST_BPS: Final = 1_000_000.0
"""Three times what both sides begin with."""

_THEIRS: Final = """
const pairs = [...(await peer.pc.getStats()).values()].filter(({ type }) => type === "candidate-pair");
return Math.max(0, ...pairs.map(({ availableOutgoingBitrate }) => availableOutgoingBitrate ?? 0));
"""


@pytest_asyncio.fixture(loop_scope="session")
async def call(program: Program) -> AsyncIterator[Call]:
    """A connection with a moving picture of ours and a camera of theirs."""
    conversation = Call(RTCPeerConnection(codecs=LibavCodecs()), await Remote.create(program))
    await equip(conversation.theirs)
    conversation.ours.addTrack(TestCardTrack())
    await conversation.theirs.run("await peer.capture({video: true});")
    await conversation.connect(offerer="theirs")
    yield conversation
    await conversation.close()


async def _reaches(estimate: Callable[[], Awaitable[float]]) -> float:
    """Wait until an estimate is well above its start."""
    async with asyncio.timeout(20):
        while (bitrate_bps := await estimate()) < FAST_BPS:
            await asyncio.sleep(0.25)
    return bitrate_bps


async def test_our_estimate_grows_by_their_feedback(call: Call) -> None:
    async def ours() -> float:
        report = await call.ours.getStats()
        pairs = [each for each in report.values() if isinstance(each, RTCIceCandidatePairStats)]
        return max([each.availableOutgoingBitrate or 0.0 for each in pairs], default=0.0)

    assert await _reaches(ours) >= FAST_BPS


@pytest.mark.programs("chromium")  # Firefox does not tell its estimate
async def test_their_estimate_grows_by_our_feedback(call: Call) -> None:
    async def theirs() -> float:
        return cast("float", await call.theirs.run(_THEIRS))

    assert await _reaches(theirs) >= FAST_BPS
