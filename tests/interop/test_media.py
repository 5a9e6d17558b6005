"""Media with Chromium, Firefox and libwebrtc in Node: encoded frames in and out, without a codec on our side."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Final, cast

import pytest
import pytest_asyncio

from rtc_asyncio import (
    EncodedFrameTrack,
    RTCInboundRtpStreamStats,
    RTCOutboundRtpStreamStats,
    RTCPeerConnection,
    RTCRtpReceiver,
    RTCRtpTransceiver,
    RtpPacketTrack,
    UdpSocket,
)
from rtc_peer import PeerConnection
from rtc_stun import Datagram

from . import browser
from .remote import Call, Program, Remote
from .remote_media import counters, equip

PROGRAMS: Final = ("chromium", "firefox", "wrtc")
"""Those that have cameras, if only synthetic ones."""

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.programs(*PROGRAMS)]

either_offers = pytest.mark.parametrize("offerer", ["ours", "theirs"])


@pytest_asyncio.fixture(loop_scope="session")
async def call(program: Program) -> AsyncIterator[Call]:
    """A connection without codecs on our side, one that plays on theirs."""
    conversation = Call(RTCPeerConnection(codecs=None), await Remote.create(program))
    await equip(conversation.theirs)
    yield conversation
    await conversation.close()


class Echo:
    """Sends back what is received, encoded as it came, one track for each of theirs."""

    def __init__(self, pc: RTCPeerConnection) -> None:
        self._pc = pc
        self._tasks: list[asyncio.Task[None]] = []
        self.frames = {"audio": 0, "video": 0}
        self.tracks: dict[str, EncodedFrameTrack] = {}
        pc.ontrack = lambda event: self._begin(event.transceiver)

    def send(self, kind: str) -> EncodedFrameTrack:
        """Add the track that frames of a kind are sent back on."""
        track = self.tracks[kind] = EncodedFrameTrack("audio" if kind == "audio" else "video")
        self._pc.addTrack(track)
        return track

    def close(self) -> None:
        """Stop."""
        for task in self._tasks:
            task.cancel()

    def _begin(self, transceiver: RTCRtpTransceiver) -> None:
        receiver = transceiver.receiver
        track = self.tracks.get(receiver.kind) or self.send(receiver.kind)
        track.on_key_frame_request = lambda: receiver.requestKeyFrame()
        self._tasks.append(asyncio.ensure_future(self._pass_on(receiver, track)))

    async def _pass_on(self, receiver: RTCRtpReceiver, track: EncodedFrameTrack) -> None:
        async for frame in receiver.frames():
            self.frames[receiver.kind] += 1
            await track.put(frame)


async def eventually(condition: Callable[[], Awaitable[bool]], seconds: float = 20) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.1)


async def grown(call: Call, *keys: str, by: int = 20) -> None:
    """Wait until figures of their statistics have grown."""
    before = await counters(call.theirs)

    async def enough() -> bool:
        now = await counters(call.theirs)
        return all(cast("float", now.get(key, 0)) >= cast("float", before.get(key, 0)) + by for key in keys)

    try:
        await eventually(enough)
    except TimeoutError:
        raise AssertionError(f"{keys} did not grow: {await counters(call.theirs)}") from None


_ENCODINGS: Final = """
return [...(await pc.getStats()).values()].filter(({type}) => type === "outbound-rtp" || type === "candidate-pair").map(
  ({rid, active, targetBitrate, qualityLimitationReason, frameWidth, framesSent, availableOutgoingBitrate}) =>
  ({rid, active, targetBitrate, qualityLimitationReason, frameWidth, framesSent, availableOutgoingBitrate}));
"""


async def connect(call: Call, offerer: str, *, audio: bool = True, video: bool = True) -> Echo:
    """Let them send what they capture, and send it back."""
    echo = Echo(call.ours)
    await call.theirs.run("await peer.capture(argument.wish);", wish={"audio": audio, "video": video})
    if offerer == "ours":
        for kind, wanted in (("audio", audio), ("video", video)):
            if wanted:
                echo.send(kind)
    await call.connect(offerer=offerer)
    return echo


@either_offers
async def test_sound_and_pictures_come_back_encoded_as_they_went(call: Call, offerer: str) -> None:
    echo = await connect(call, offerer)
    await grown(call, "inbound-rtp video framesDecoded", "inbound-rtp audio packetsReceived")
    echo.close()

    report = await call.ours.getStats()
    inbound = {each.kind: each for each in report.values() if isinstance(each, RTCInboundRtpStreamStats)}
    outbound = {each.kind: each for each in report.values() if isinstance(each, RTCOutboundRtpStreamStats)}
    assert inbound["video"].framesReceived is not None
    assert inbound["video"].framesReceived >= 20
    assert outbound["video"].framesSent is not None
    assert outbound["video"].framesSent >= 20
    assert all(each.packetsLost == 0 for each in inbound.values())
    assert echo.frames["audio"] >= 20


@pytest.mark.programs(*browser.NAMES)
async def test_their_simulcast_is_received_and_passed_on_by_rid(call: Call) -> None:
    # Chromium sends the largest encoding once its estimate, by our feedback, has grown to several times what it begins with.
    # On a busy machine it makes pictures smaller, and then has fewer encodings, unless it is told to keep the size.
    await call.theirs.run(
        "const stream = await navigator.mediaDevices.getUserMedia({video: {width: 1280, height: 720}});"
        "const {sender} = pc.addTransceiver(stream.getVideoTracks()[0], {direction: 'sendonly', streams: [stream],"
        " sendEncodings: ['q', 'h', 'f'].map((rid, index) => ({rid, scaleResolutionDownBy: 4 >> index}))});"
        "const parameters = sender.getParameters(); parameters.degradationPreference = 'maintain-resolution';"
        "await sender.setParameters(parameters);"
    )
    chosen = EncodedFrameTrack("video")
    await call.connect(offerer="theirs")
    receiver = call.ours.getReceivers()[0]
    chosen.on_key_frame_request = lambda: receiver.requestKeyFrame("h")
    sizes: dict[str | None, int] = {}

    async def pass_on() -> None:
        async for frame in receiver.frames():
            if frame.metadata is not None and frame.metadata.width is not None:
                sizes[frame.rid] = frame.metadata.width
            if frame.rid == "h":
                await chosen.put(frame)

    async def all_seen() -> bool:
        return set(sizes) == {"q", "h", "f"}

    passing_on = asyncio.ensure_future(pass_on())
    receiver.requestKeyFrame()  # one of each encoding, which tells its size
    try:
        await eventually(all_seen, 45)
    except TimeoutError:
        raise AssertionError(f"{sizes}: {await call.theirs.run(_ENCODINGS)}") from None
    viewer = Call(RTCPeerConnection(codecs=None), await call.theirs.another())
    await equip(viewer.theirs)
    viewer.ours.addTrack(chosen)
    try:
        await viewer.connect(offerer="ours")
        await grown(viewer, "inbound-rtp video framesDecoded")
        width = (await counters(viewer.theirs))["inbound-rtp video frameWidth"]
    finally:
        passing_on.cancel()
        await viewer.close()

    assert sizes["q"] < sizes["h"] < sizes["f"]
    assert width == sizes["h"]


async def test_packets_pass_through_to_another_connection(call: Call) -> None:
    await call.theirs.run("await peer.capture({audio: true, video: true});")
    await call.connect(offerer="theirs")
    viewer = Call(RTCPeerConnection(codecs=None), await call.theirs.another())
    await equip(viewer.theirs)
    tasks = []
    for receiver in call.ours.getReceivers():
        track = RtpPacketTrack(receiver.kind, codecs=receiver.codecs, extension_map=receiver.extension_map)
        track.on_key_frame_request = receiver.requestKeyFrame
        viewer.ours.addTrack(track)
        tasks.append(asyncio.ensure_future(_pass_packets(receiver, track)))
    await viewer.connect(offerer="ours")
    await grown(viewer, "inbound-rtp video framesDecoded", "inbound-rtp audio packetsReceived")
    report = await viewer.ours.getStats()
    for task in tasks:
        task.cancel()
    await viewer.close()

    assert {
        each.kind for each in report.values() if isinstance(each, RTCOutboundRtpStreamStats) and each.packetsSent
    } == {
        "audio",
        "video",
    }


async def _pass_packets(receiver: RTCRtpReceiver, track: RtpPacketTrack) -> None:
    async for packet in receiver.packets():
        track.put_nowait(packet)


async def test_losses_are_repaired(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    echo = await connect(call, "ours")
    await grown(call, "inbound-rtp video framesDecoded", by=5)
    lossy(monkeypatch, 0.05)
    # A picture may be a single packet: in these many, that none of either direction is lost happens once in a million runs.
    await grown(call, "inbound-rtp video framesDecoded", "inbound-rtp audio packetsReceived", by=300)
    theirs = await counters(call.theirs)
    ours = next(each for each in (await call.ours.getStats()).values() if _is_inbound_video(each))
    echo.close()

    assert isinstance(ours, RTCInboundRtpStreamStats)
    assert ours.nackCount
    assert ours.retransmittedPacketsReceived
    assert cast("float", theirs["outbound-rtp video retransmittedPacketsSent"]) > 0
    assert cast("float", theirs["inbound-rtp video nackCount"]) > 0


@pytest.mark.programs("chromium", "firefox")  # that of Node sends none
async def test_their_tones_are_heard(call: Call) -> None:
    await call.theirs.run("await peer.capture({audio: true});")
    await call.connect(offerer="theirs")
    reader = call.ours.getReceivers()[0].tones()
    await call.theirs.run(
        "const {dtmf} = pc.getSenders()[0];"
        "await until(() => dtmf.canInsertDTMF !== false, 'tones', 10); dtmf.insertDTMF('159D#', 100, 70);"
    )
    heard: list[int] = []
    async with asyncio.timeout(15):
        async for tone in reader:
            if tone.ended:
                heard.append(tone.code)
            if len(heard) == 5:
                break

    assert heard == [1, 5, 9, 15, 11]


def _is_inbound_video(stats: object) -> bool:
    return isinstance(stats, RTCInboundRtpStreamStats) and stats.kind == "video"


def lossy(monkeypatch: pytest.MonkeyPatch, share: float) -> None:
    """Lose a share of all RTP and RTCP packets from now on, both ways, the same ones in every run."""
    chance = random.Random(7)
    send = UdpSocket.send

    def kept(datagrams: list[Datagram]) -> list[Datagram]:
        return [each for each in datagrams if not 128 <= each.data[0] < 192 or chance.random() >= share]

    def send_some(self: UdpSocket, datagrams: list[Datagram]) -> None:
        if left := kept(datagrams):
            send(self, left)

    received = PeerConnection.receive_datagrams

    def receive_some(self: PeerConnection, datagrams: Iterable[Datagram], now: float) -> None:
        received(self, kept(list(datagrams)), now)

    monkeypatch.setattr(UdpSocket, "send", send_some)
    monkeypatch.setattr(PeerConnection, "receive_datagrams", receive_some)
