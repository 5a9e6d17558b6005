"""Calls with GStreamer's webrtcbin: pictures and sound both ways, an offer from either side."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import cast

import pytest
from tests.support.peers import require

from rtc_asyncio import MediaStreamTrack, RTCIceCandidate, RTCPeerConnection
from rtc_media import LibavCodecs, TestCardTrack, ToneTrack

from .gstreamer_peer import GStreamerPeer, installed
from .test_calls import pictures, sound


async def _exchange_candidates(ours: RTCPeerConnection, theirs: GStreamerPeer, found: list[RTCIceCandidate]) -> None:
    while True:
        while found:
            await theirs.ask("add_candidate", candidate=found.pop(0).toJSON())
        for candidate in cast("list[Mapping[str, object]]", await theirs.ask("candidates")):
            await ours.addIceCandidate(dict(candidate))
        await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def _connected(ours: RTCPeerConnection, theirs: GStreamerPeer, offerer: str) -> AsyncIterator[None]:
    """One offer and one answer; candidates trickle for as long as this lasts."""
    found: list[RTCIceCandidate] = []

    @ours.on("icecandidate")
    def keep(candidate: RTCIceCandidate | None) -> None:
        if candidate is not None:
            found.append(candidate)

    if offerer == "theirs":
        await ours.setRemoteDescription(await theirs.ask("offer"))
    await ours.setLocalDescription()
    assert ours.localDescription is not None
    await theirs.ask("set_remote", description=ours.localDescription.toJSON())
    if offerer == "ours":
        await ours.setRemoteDescription(await theirs.ask("answer"))
    pump = asyncio.create_task(_exchange_candidates(ours, theirs, found))
    try:
        async with asyncio.timeout(20):
            await ours.wait_for("connected")
        pump.cancel()
        await asyncio.wait([pump])
        yield
    finally:
        pump.cancel()


@pytest.mark.parametrize("offerer", ["ours", "theirs"])
@pytest.mark.parametrize("codec", ["vp8", "h264"])
async def test_both_see_and_hear_each_other(offerer: str, codec: str) -> None:
    require(installed(), "GStreamer's webrtcbin and its Python bindings are not installed")
    # It wants one set of ICE credentials in a bundle, where the balanced policy has one for each kind of media until the answer.
    configuration = {"bundlePolicy": "max-bundle"}
    async with (
        GStreamerPeer.launch(codec) as theirs,
        RTCPeerConnection(configuration, codecs=LibavCodecs()) as ours,
    ):
        tracks: dict[str, MediaStreamTrack] = {}
        ours.on("track")(lambda track: tracks.update({track.kind: track}))
        ours.addTrack(TestCardTrack())
        ours.addTrack(ToneTrack())
        async with _connected(ours, theirs, offerer):
            seen, heard = await asyncio.gather(pictures(tracks["video"], 20), sound(tracks["audio"], 20))
            async with asyncio.timeout(20):
                while True:
                    counters = await theirs.ask("counters")
                    if counters["video"] >= 20 and counters["audio"] >= 20:
                        break
                    await asyncio.sleep(0.1)

            assert (seen[-1].width, seen[-1].height) == (320, 240)
            assert len(heard) == 20
            assert counters["width"] > 0
