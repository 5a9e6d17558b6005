"""Calls with aiortc, in one process, from either side: pictures and sound both ways, encoded and decoded by each."""

import asyncio
import importlib
import importlib.util
from typing import Any

import pytest
from tests.support.peers import require

from rtc_asyncio import MediaStreamTrack, RTCPeerConnection
from rtc_media import LibavCodecs, TestCardTrack, ToneTrack

from .test_aiortc import Pair
from .test_calls import pictures, sound

pytestmark = pytest.mark.filterwarnings("default")
"""Its warnings are its own."""


@pytest.mark.parametrize("offerer", ["ours", "theirs"])
@pytest.mark.parametrize("codec", ["video/VP8", "video/H264"])
async def test_both_see_and_hear_each_other(offerer: str, codec: str) -> None:
    require(importlib.util.find_spec("aiortc"), "aiortc is not installed")
    aiortc: Any = importlib.import_module("aiortc")
    streams: Any = importlib.import_module("aiortc.mediastreams")
    pair = Pair(aiortc)
    pair.ours = ours = RTCPeerConnection(codecs=LibavCodecs())
    at_ours: dict[str, MediaStreamTrack] = {}
    at_theirs: dict[str, Any] = {}
    ours.on("track")(lambda track: at_ours.update({track.kind: track}))
    pair.theirs.on("track", lambda track: at_theirs.update({track.kind: track}))
    try:
        ours.addTrack(TestCardTrack(width=320, height=240))
        ours.addTrack(ToneTrack())
        pair.theirs.addTrack(streams.VideoStreamTrack())
        pair.theirs.addTrack(streams.AudioStreamTrack())
        preferred = [
            each
            for each in aiortc.RTCRtpSender.getCapabilities("video").codecs
            if each.mimeType in (codec, "video/rtx")
        ]
        video = next(each for each in pair.theirs.getTransceivers() if each.kind == "video")
        video.setCodecPreferences(preferred)
        await pair.negotiate(offerer)
        async with asyncio.timeout(20):
            await ours.wait_for("connected")
        seen, heard = await asyncio.gather(pictures(at_ours["video"], 20), sound(at_ours["audio"], 20))
        async with asyncio.timeout(20):
            theirs_seen = [await at_theirs["video"].recv() for _ in range(20)]
            theirs_heard = [await at_theirs["audio"].recv() for _ in range(20)]

        assert (seen[-1].width, seen[-1].height) == (640, 480)
        assert (theirs_seen[-1].width, theirs_seen[-1].height) == (320, 240)
        assert len(heard) == 20
        assert any(bytes(frame.planes[0]).strip(b"\0") for frame in theirs_heard)
    finally:
        await pair.close()
