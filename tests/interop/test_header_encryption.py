"""Header extensions that the network cannot read, with browsers: Chromium knows Cryptex (RFC 9335) and does it when asked.

What nobody but us speaks is offered to all of them, and does no harm.
"""

from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from typing import Final

import pytest
import pytest_asyncio
from tests.support.peers import require

from rtc_asyncio import RTCPeerConnection, UdpSocket
from rtc_peer import (
    AUDIO_EXTENSIONS,
    ExtensionEncryption,
    MediaOptions,
    PeerConnection,
    PeerOptions,
)
from rtc_rtp import is_rtcp
from rtc_stun import Datagram

from .browser import Browser, executable
from .remote import Call, Program, Remote
from .remote_media import equip
from .test_media import connect, either_offers, eventually, grown

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.programs("chromium", "firefox", "wrtc")]

FEATURE: Final = "RtcRtpHeaderEncryptionPolicy"
ENCRYPTED: Final = bytes.fromhex("c0de")

_HEARD: Final = """
const levels = pc.getReceivers().filter(({track}) => track.kind === "audio")
  .flatMap((each) => each.getSynchronizationSources()).map(({audioLevel}) => audioLevel ?? 0);
const stats = [...(await pc.getStats()).values()];
const rates = stats.filter(({type}) => type === "candidate-pair").map(({availableOutgoingBitrate}) => availableOutgoingBitrate ?? 0);
return Math.max(...levels) > 0 && Math.max(...rates) > 500000;
"""
"""Whether an audio level has arrived, and feedback has let the estimate of bandwidth grow."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def willing() -> AsyncIterator[Program]:
    """Chromium, asked to encrypt header extensions."""
    require(executable("chromium"), "chromium is not installed")
    async with Browser.launch("chromium", features=[FEATURE]) as page:
        yield page


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> dict[str, set[bytes]]:
    """What marks the header extensions of packets that we send and receive."""
    seen: dict[str, set[bytes]] = {"sent": set(), "received": set()}
    send, received = UdpSocket.send, PeerConnection.receive_datagrams

    def note(direction: str, datagrams: Iterable[Datagram]) -> None:
        for data in (each.data for each in datagrams):
            if 128 <= data[0] < 192 and data[0] & 0x10 and not is_rtcp(data):
                seen[direction].add(data[12:14])

    def sending(self: UdpSocket, datagrams: list[Datagram]) -> None:
        note("sent", datagrams)
        send(self, datagrams)

    def receiving(self: PeerConnection, datagrams: Iterable[Datagram], now: float) -> None:
        datagrams = list(datagrams)
        note("received", datagrams)
        received(self, datagrams, now)

    monkeypatch.setattr(UdpSocket, "send", sending)
    monkeypatch.setattr(PeerConnection, "receive_datagrams", receiving)
    return seen


async def _works(call: Call) -> None:
    await grown(call, "inbound-rtp video framesDecoded", "inbound-rtp audio packetsReceived")


def _dropped(pc: RTCPeerConnection) -> dict[str, int]:
    return {key: count for key, count in pc._peer.stats.dropped.items() if key.startswith("srtp")}


@either_offers
@pytest.mark.parametrize("policy", ["negotiate", "require"])
async def test_chromium_and_we_encrypt_all_header_extensions(
    willing: Program, wire: dict[str, set[bytes]], offerer: str, policy: str
) -> None:
    theirs = await Remote.create(willing, {"iceServers": [], "rtpHeaderEncryptionPolicy": policy})
    call = Call(RTCPeerConnection({"rtpHeaderEncryptionPolicy": policy}, codecs=None), theirs)
    await equip(theirs)
    echo = await connect(call, offerer)
    try:
        await _works(call)

        async def heard() -> bool:
            return bool(await theirs.run(_HEARD))

        await eventually(heard)
        negotiated = [each.rtpHeaderEncryptionNegotiated for each in call.ours.getTransceivers()]
        dropped = _dropped(call.ours)
    finally:
        echo.close()
        await call.close()

    assert wire == {"sent": {ENCRYPTED}, "received": {ENCRYPTED}}
    assert negotiated == [True, True]
    assert dropped == {}


@either_offers
async def test_a_section_that_is_added_later_is_encrypted_too(
    willing: Program, wire: dict[str, set[bytes]], offerer: str
) -> None:
    call = Call(RTCPeerConnection(codecs=None), await Remote.create(willing))
    await equip(call.theirs)
    echo = await connect(call, "theirs", video=False)
    try:
        await grown(call, "inbound-rtp audio packetsReceived")
        await call.theirs.run("await peer.capture({video: true});")
        await call.connect(offerer=offerer)
        if offerer == "ours":  # our offer told what we can; their answer has brought no track of theirs
            await call.connect(offerer="theirs")
        await _works(call)
    finally:
        echo.close()
        await call.close()

    assert wire == {"sent": {ENCRYPTED}, "received": {ENCRYPTED}}


async def test_chromium_refuses_a_peer_that_does_without_where_it_has_to(willing: Program) -> None:
    theirs = await Remote.create(willing, {"iceServers": [], "rtpHeaderEncryptionPolicy": "require"})
    async with RTCPeerConnection({"rtpHeaderEncryptionPolicy": "disable"}) as pc:
        pc.addTransceiver("audio")
        await pc.setLocalDescription()
        assert pc.localDescription is not None
        refused = await theirs.run(
            "try { await pc.setRemoteDescription({type: 'offer', sdp: argument.sdp}); } catch (error) { return error.message; }",
            sdp=pc.localDescription.sdp,
        )

    assert "cryptex" in str(refused)


@pytest_asyncio.fixture(loop_scope="session")
async def call(program: Program) -> AsyncIterator[Call]:
    """A connection of ours that offers audio levels encrypted, too, and one of theirs that is as it comes.

    All header extensions in both forms would be too many: Firefox refuses identifiers beyond 14.
    """
    extensions = tuple(
        replace(each, encryption=ExtensionEncryption.PREFER) if "audio-level" in each.uri else each
        for each in AUDIO_EXTENSIONS
    )
    options = PeerOptions(media=MediaOptions(audio_header_extensions=extensions))
    conversation = Call(RTCPeerConnection(codecs=None, options=options), await Remote.create(program))
    await equip(conversation.theirs)
    yield conversation
    await conversation.close()


@either_offers
async def test_what_they_do_not_know_does_no_harm(call: Call, wire: dict[str, set[bytes]], offerer: str) -> None:
    echo = await connect(call, offerer)
    await _works(call)
    echo.close()
    assert call.ours.localDescription is not None
    assert call.ours.remoteDescription is not None

    told = "a=cryptex" in call.ours.remoteDescription.sdp
    assert [each.rtpHeaderEncryptionNegotiated for each in call.ours.getTransceivers()] == [told, told]
    assert all((ENCRYPTED in marks) is told for marks in wire.values())
    if offerer == "ours":
        assert "a=cryptex" in call.ours.localDescription.sdp
        assert "hdrext:encrypt" in call.ours.localDescription.sdp
    assert _dropped(call.ours) == {}
