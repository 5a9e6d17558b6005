"""libav's encoders against the decoders of browsers, and the other way round: pictures and sound are decoded on both sides."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.support.installed import codecs_installed
from tests.support.peers import require

from rtc_asyncio import RTCPeerConnection, RTCRtpSender
from rtc_media import TestCardTrack, ToneTrack, encoder_name

from . import browser
from .browser import Browser

pytestmark = pytest.mark.asyncio(loop_scope="module")

ENOUGH = 20
"""Frames decoded on each side."""
ANSWER = """
globalThis.pc?.close();
clearInterval(globalThis.timer);
const pc = globalThis.pc = new RTCPeerConnection();
const canvas = Object.assign(document.createElement('canvas'), {width: 320, height: 240}), context = canvas.getContext('2d');
let count = 0;
globalThis.timer = setInterval(() => { context.fillStyle = `hsl(${count++} 80% 50%)`; context.fillRect(0, 0, 320, 240); }, 33);
const stream = argument.kind === 'audio' ? await navigator.mediaDevices.getUserMedia({audio: true}) : canvas.captureStream(30);
await pc.setRemoteDescription({type: 'offer', sdp: argument.sdp});
pc.addTrack(stream.getTracks()[0], stream);
const element = Object.assign(document.createElement(argument.kind), {muted: true});
element.srcObject = new MediaStream(pc.getReceivers().map(({track}) => track));
element.play().catch(() => {});
await pc.setLocalDescription();
while (pc.iceGatheringState !== 'complete') await new Promise((resolve) => setTimeout(resolve, 20));
return pc.localDescription.sdp;
"""
DECODED = """
const stats = [...(await pc.getStats()).values()].find(({type}) => type === 'inbound-rtp');
return stats?.framesDecoded ?? stats?.packetsReceived ?? 0;
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=browser.NAMES)
async def page(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    """One browser for all codecs."""
    name: str = request.param
    require(browser.executable(name), f"{name} is not installed")
    with codecs_installed(tmp_path_factory.mktemp("metadata")):
        async with Browser.launch(name) as launched:
            yield launched


@pytest.mark.lacking(("firefox", "video/H264"))  # it has H.264 once it has downloaded OpenH264
@pytest.mark.parametrize(
    "mime_type",
    ["video/VP8", "video/VP9", "video/H264", "video/AV1", "audio/opus", "audio/PCMU", "audio/PCMA", "audio/G722"],
)
async def test_both_sides_decode(page: Browser, mime_type: str) -> None:
    require(encoder_name(mime_type), f"libav has no encoder for {mime_type}")
    kind = mime_type[:5]
    async with RTCPeerConnection() as pc:
        transceiver = pc.addTransceiver(TestCardTrack(320, 240) if kind == "video" else ToneTrack())
        capabilities = RTCRtpSender.getCapabilities(kind)
        assert capabilities is not None
        transceiver.setCodecPreferences([each for each in capabilities.codecs if each.mimeType == mime_type])
        await pc.setLocalDescription()
        while pc.iceGatheringState != "complete":
            await asyncio.sleep(0.02)
        assert pc.localDescription is not None
        answer = str(await page.run(ANSWER, {"sdp": pc.localDescription.sdp, "kind": kind}))
        assert f"\nm={kind} 0 " not in answer
        await pc.setRemoteDescription({"type": "answer", "sdp": answer})

        async with asyncio.timeout(40):
            await pc.wait_for("connected")
            for _ in range(ENOUGH):
                await transceiver.receiver.track.recv()
            while int(str(await page.run(DECODED))) < ENOUGH:
                await asyncio.sleep(0.1)
