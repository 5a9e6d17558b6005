"""libav's encoders against the decoders of browsers, and the other way round: pictures and sound are decoded on both sides."""

import asyncio
import random
from collections.abc import AsyncIterator

import av
import pytest
import pytest_asyncio
from tests.media.support import speech
from tests.support.installed import codecs_installed
from tests.support.peers import require

from rtc_asyncio import MediaStreamTrack, PeerOptions, RTCPeerConnection, RTCRtpSender, UdpSocket
from rtc_asyncio.tracks import MediaKind
from rtc_media import TestCardTrack, ToneTrack, encoder_name
from rtc_rtp import SessionOptions
from rtc_stun import Datagram

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


# --- sound that gets lost ---

HEARD = """
const stats = [...(await pc.getStats()).values()].find(({type}) => type === 'inbound-rtp') ?? {};
const names = ['packetsLost', 'packetsReceived', 'packetsDiscarded', 'fecPacketsReceived', 'fecPacketsDiscarded'];
return names.map((name) => stats[name] ?? 0);
"""


class SpeechTrack(MediaStreamTrack):
    """Somebody who speaks, more or less."""

    kind: MediaKind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self.contentHint = "speech"
        self._frames = list(speech(2.0))
        self._number = 0
        self._began = asyncio.get_running_loop().time()

    async def recv(self) -> av.AudioFrame:
        await asyncio.sleep(self._began + 0.02 * self._number - asyncio.get_running_loop().time())
        frame = self._frames[self._number % len(self._frames)]
        frame.pts = 960 * self._number
        self._number += 1
        return frame


@pytest.mark.programs("chromium")
@pytest.mark.parametrize("way", ["in band", "red"])
async def test_they_repair_what_is_lost_of_our_sound(page: Browser, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the error correction of Opus, which begins once they report the loss, and by repetition (RFC 2198)."""
    chance, send = random.Random(3), UdpSocket.send

    def send_some(udp: UdpSocket, datagrams: list[Datagram]) -> None:
        send(
            udp, [each for each in datagrams if each.data[0] >> 6 != 2 or each.data[1] >= 192 or chance.random() > 0.1]
        )

    monkeypatch.setattr(UdpSocket, "send", send_some)
    options = PeerOptions(rtp=SessionOptions(audio_redundancy=int(way == "red"), circuit_breaker=False))
    async with RTCPeerConnection(options=options) as pc:
        pc.addTransceiver(SpeechTrack())
        await pc.setLocalDescription()
        while pc.iceGatheringState != "complete":
            await asyncio.sleep(0.02)
        assert pc.localDescription is not None
        answer = str(await page.run(ANSWER, {"sdp": pc.localDescription.sdp, "kind": "audio"}))
        await pc.setRemoteDescription({"type": "answer", "sdp": answer})

        repaired = lost = corrections = 0
        async with asyncio.timeout(60):
            await pc.wait_for("connected")
            while repaired < 10:
                await asyncio.sleep(0.5)
                figures = await page.run(HEARD)
                assert isinstance(figures, list)
                lost, received, discarded, corrections, unused = figures
                # What comes twice is discarded, so that in RED the rest is what was missing.
                repaired = corrections - unused if way == "in band" else received - discarded if lost > 20 else 0
        assert way == "red" or corrections > 20
        assert way != "red" or repaired > 0.6 * lost
