"""TCP candidates with browsers and Node implementations: all UDP candidates are withheld, as behind a firewall."""

from contextlib import AsyncExitStack
from typing import Final, cast

import pytest

from rtc_asyncio import (
    NetworkOptions,
    PeerOptions,
    RTCIceCandidate,
    RTCIceCandidateStats,
    RTCPeerConnection,
    SinglePort,
)
from rtc_ice import IceConfig

from .remote import Call, Program, Remote
from .remote_media import equip
from .test_media import connect, grown

pytestmark = pytest.mark.asyncio(loop_scope="session")

connecting = pytest.mark.programs("chromium", "firefox", "wrtc")
"""Those with active TCP candidates; of these, libwebrtc in Node has passive ones too."""

LITE: Final = PeerOptions(ice=IceConfig(lite=True, allow_loopback=True))


class TcpCall(Call):
    """Signalling that lets pass nothing of UDP, in neither direction."""

    async def _describe(self, code: str, *, answer: bool = True) -> None:
        assert self.ours.localDescription is not None
        shown = {"type": self.ours.localDescription.type, "sdp": without_udp(self.ours.localDescription.sdp)}
        reply = await self.theirs.run(code, description=shown)
        if answer:
            await self.ours.setRemoteDescription(self._filtered(reply))

    async def negotiate(self, *, offerer: str, **options: object) -> None:
        if offerer == "theirs":
            await self.theirs.run("await peer.local('offer', argument.options);", options=options)
            offer = await self._gathered()
            await self.ours.setRemoteDescription(self._filtered(offer))
            await self.ours.setLocalDescription()
            await self._describe("await pc.setRemoteDescription(argument.description);", answer=False)
        else:
            await super().negotiate(offerer=offerer, **options)

    async def _send_candidate(self, candidate: RTCIceCandidate | None) -> None:
        """Nothing trickles: descriptions have all candidates."""

    @staticmethod
    def _filtered(description: object) -> dict[str, object]:
        given = cast("dict[str, str]", description)
        return {"type": given["type"], "sdp": without_udp(given["sdp"])}


def without_udp(sdp: str) -> str:
    lines = sdp.split("\r\n")
    return "\r\n".join(line for line in lines if not (line.startswith("a=candidate:") and " udp " in line.lower()))


async def protocol(call: Call) -> str | None:
    assert call.ours.sctp is not None
    pair = call.ours.sctp.transport.iceTransport.getSelectedCandidatePair()
    return None if pair is None else pair.local.protocol


async def echo(call: Call, label: str) -> None:
    """A large message to them and back."""
    channel = await call.channel(label)
    await call.theirs.run("const kept = await peer.opened(argument.label); kept.echo = true;", label=label)
    channel.send(bytes(100_000))
    assert await anext(aiter(channel)) == bytes(100_000)


@connecting
@pytest.mark.parametrize("offerer", ["ours", "theirs"])
async def test_they_connect_to_our_passive_candidate(program: Program, offerer: str) -> None:
    ours = RTCPeerConnection(network=NetworkOptions(tcp=["passive"]))
    call = TcpCall(ours, await Remote.create(program), trickle=False)
    try:
        if offerer == "ours":
            call.create("tcp")
        else:
            await call.theirs.channel("tcp")
        await call.connect(offerer=offerer)
        await echo(call, "tcp")

        assert await protocol(call) == "tcp"
    finally:
        await call.close()


@connecting
@pytest.mark.parametrize("options", [LITE, None], ids=["lite", "full"])
async def test_they_connect_to_a_tcp_port_that_many_share(program: Program, options: PeerOptions | None) -> None:
    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(SinglePort(tcp=True))
        calls = []
        for number in range(3):
            ours = RTCPeerConnection(port=port, options=options)
            call = TcpCall(ours, await Remote.create(program), trickle=False)
            stack.push_async_callback(call.close)
            calls.append(call)
            await call.theirs.channel(f"tcp{number}")
            await call.connect(offerer="theirs")
        for number, call in enumerate(calls):
            await echo(call, f"tcp{number}")
            assert await protocol(call) == "tcp"


@pytest.mark.programs("wrtc")
async def test_we_connect_to_their_passive_candidate(program: Program) -> None:
    ours = RTCPeerConnection(network=NetworkOptions(tcp=["active"]))
    call = TcpCall(ours, await Remote.create(program), trickle=False)
    try:
        await call.theirs.channel("tcp")
        await call.connect(offerer="theirs")
        await echo(call, "tcp")

        assert await protocol(call) == "tcp"
    finally:
        await call.close()


@connecting
async def test_sound_and_pictures_come_back_over_tcp(program: Program) -> None:
    async with SinglePort(tcp=True) as port:
        ours = RTCPeerConnection(port=port, options=LITE, codecs=None)
        call = TcpCall(ours, await Remote.create(program), trickle=False)
        await equip(call.theirs)
        try:
            echo = await connect(call, "theirs")
            await grown(call, "inbound-rtp video framesDecoded", "inbound-rtp audio packetsReceived")
            echo.close()

            assert min(echo.frames.values()) >= 20
            stats = await ours.getStats()
            pair = stats.selected_pair
            assert pair is not None
            local = stats[pair.localCandidateId]
            assert isinstance(local, RTCIceCandidateStats)
            assert (local.protocol, local.tcpType) == ("tcp", "passive")
        finally:
            await call.close()
