"""Calls with Chromium, Firefox and libwebrtc in Node: pictures and sound, encoded and decoded on our side by rtc-media."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import av
import pytest
import pytest_asyncio

from rtc_asyncio import (
    MediaStreamTrack,
    RTCInboundRtpStreamStats,
    RTCOutboundRtpStreamStats,
    RTCPeerConnection,
    RTCRtpSender,
)
from rtc_media import LibavCodecs, TestCardTrack, ToneTrack

from .remote import Call, Program, Remote
from .remote_media import counters, equip
from .test_media import PROGRAMS, eventually, grown

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.programs(*PROGRAMS)]

either_offers = pytest.mark.parametrize("offerer", ["ours", "theirs"])

UNKNOWN: Final = (("firefox", "video/H264"), ("wrtc", "video/AV1"), ("wrtc", "video/H264"))
"""What they have no codec for here: Firefox downloads that of H.264."""


@pytest_asyncio.fixture(loop_scope="session")
async def call(program: Program) -> AsyncIterator[Call]:
    """A connection with libav's codecs on our side, one that plays on theirs."""
    conversation = Call(RTCPeerConnection(codecs=LibavCodecs()), await Remote.create(program))
    await equip(conversation.theirs)
    yield conversation
    await conversation.close()


def received(call: Call, kind: str) -> MediaStreamTrack:
    """What they send of a kind."""
    return next(each.track for each in call.ours.getReceivers() if each.kind == kind)


async def pictures(track: MediaStreamTrack, count: int) -> list[av.VideoFrame]:
    """The next pictures."""
    async with asyncio.timeout(20):
        frames = [await track.recv() for _ in range(count)]
    return [frame for frame in frames if isinstance(frame, av.VideoFrame)]


async def sound(track: MediaStreamTrack, count: int) -> list[av.AudioFrame]:
    """The next pieces of sound."""
    async with asyncio.timeout(20):
        frames = [await track.recv() for _ in range(count)]
    return [frame for frame in frames if isinstance(frame, av.AudioFrame)]


@either_offers
async def test_both_see_and_hear_each_other(call: Call, offerer: str) -> None:
    call.ours.addTrack(TestCardTrack())
    call.ours.addTrack(ToneTrack())
    await call.theirs.run("await peer.capture({audio: true, video: true});")
    await call.connect(offerer=offerer)
    seen, heard = await asyncio.gather(pictures(received(call, "video"), 30), sound(received(call, "audio"), 30))
    await grown(call, "inbound-rtp video framesDecoded", "inbound-rtp audio packetsReceived")

    assert len(seen) == len(heard) == 30
    assert seen[-1].width > 0
    report = await call.ours.getStats()
    inbound = {each.kind: each for each in report.values() if isinstance(each, RTCInboundRtpStreamStats)}
    outbound = {each.kind: each for each in report.values() if isinstance(each, RTCOutboundRtpStreamStats)}
    assert (inbound["video"].framesDecoded or 0) >= 30
    assert (outbound["video"].framesEncoded or 0) >= 20
    assert (inbound["audio"].totalSamplesReceived or 0) > 0


@pytest.mark.lacking(*UNKNOWN)
@pytest.mark.parametrize("mime_type", ["video/VP8", "video/VP9", "video/H264", "video/AV1"])
async def test_every_codec_of_video_both_ways(call: Call, mime_type: str) -> None:
    await _with_codec(call, "video", mime_type)
    seen = await pictures(received(call, "video"), 10)
    await grown(call, "inbound-rtp video framesDecoded", by=10)

    assert len(seen) == 10
    assert (await counters(call.theirs))["inbound-rtp video codec"] == mime_type


@pytest.mark.parametrize("mime_type", ["audio/opus", "audio/G722", "audio/PCMU", "audio/PCMA"])
async def test_every_codec_of_audio_both_ways(call: Call, mime_type: str) -> None:
    await _with_codec(call, "audio", mime_type)
    heard = await sound(received(call, "audio"), 20)
    await grown(call, "inbound-rtp audio packetsReceived", by=20)

    assert len(heard) == 20
    assert (await counters(call.theirs))["inbound-rtp audio codec"] == mime_type


async def _with_codec(call: Call, kind: str, mime_type: str) -> None:
    """Send and receive a kind with one codec alone."""
    capabilities = RTCRtpSender.getCapabilities(kind, LibavCodecs())
    assert capabilities is not None
    transceiver = call.ours.addTransceiver(TestCardTrack() if kind == "video" else ToneTrack())
    transceiver.setCodecPreferences([each for each in capabilities.codecs if each.mimeType == mime_type])
    await call.theirs.run("await peer.capture(argument.wish);", wish={kind: True})
    await call.connect(offerer="ours")


async def test_a_picture_is_decoded_from_the_middle_of_a_call(call: Call) -> None:
    """Nobody reads at first: a key frame is asked for when somebody does."""
    call.ours.addTransceiver("video")
    await call.theirs.run("await peer.capture({video: true});")
    await call.connect(offerer="ours")
    await asyncio.sleep(1)

    assert len(await pictures(received(call, "video"), 5)) == 5
    assert (await counters(call.theirs))["outbound-rtp video pliCount"] != 0


@pytest.mark.programs("chromium", "firefox")  # Node has no canvas
async def test_their_size_may_change_in_a_call(call: Call) -> None:
    call.ours.addTransceiver("video")
    await call.theirs.run("await peer.capture({video: true, canvas: true, width: 640, height: 480});")
    await call.connect(offerer="ours")
    track = received(call, "video")
    await pictures(track, 5)
    await call.theirs.run("drawn.width = 320; drawn.height = 200;")

    async def changed() -> bool:
        frame = (await pictures(track, 1))[0]
        return (frame.width, frame.height) == (320, 200)

    await eventually(changed)


async def test_our_track_is_replaced_held_and_resumed(call: Call) -> None:
    sender = call.ours.addTrack(TestCardTrack())
    await call.theirs.run("await peer.capture({video: true});")
    await call.connect(offerer="ours")
    await grown(call, "inbound-rtp video framesDecoded", by=5)
    await sender.replaceTrack(TestCardTrack())
    await grown(call, "inbound-rtp video framesDecoded", by=5)
    transceiver = call.ours.getTransceivers()[0]
    transceiver.direction = "recvonly"
    await call.negotiate(offerer="ours")
    await asyncio.sleep(0.5)
    before = (await counters(call.theirs)).get("inbound-rtp video framesDecoded")
    await asyncio.sleep(0.5)
    assert (await counters(call.theirs)).get("inbound-rtp video framesDecoded") == before
    transceiver.direction = "sendrecv"
    await call.negotiate(offerer="ours")
    await grown(call, "inbound-rtp video framesDecoded", by=5)

    assert len(await pictures(received(call, "video"), 5)) == 5


@either_offers
async def test_tracks_are_added_and_removed_in_a_call(call: Call, offerer: str) -> None:
    call.ours.addTrack(ToneTrack())
    await call.connect(offerer="ours")
    sender = call.ours.addTrack(TestCardTrack())
    await call.negotiate(offerer="ours")
    await grown(call, "inbound-rtp video framesDecoded", by=5)
    await call.theirs.run("await peer.capture({video: true, audio: true});")
    await call.negotiate(offerer=offerer)
    assert len(await pictures(received(call, "video"), 5)) == 5
    call.ours.removeTrack(sender)
    await call.negotiate(offerer=offerer)
    await grown(call, "inbound-rtp audio packetsReceived", by=5)

    assert len(await pictures(received(call, "video"), 5)) == 5
