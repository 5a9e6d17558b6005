"""Media with werift in Node, which has no codecs: it sends the RTP packets that it receives back to us."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.support.peers import require

from rtc_asyncio import MediaStreamTrack, RTCPeerConnection
from rtc_media import LibavCodecs, TestCardTrack, ToneTrack

from . import node_peer
from .remote import Call, Remote
from .test_calls import pictures, sound

pytestmark = pytest.mark.asyncio(loop_scope="session")

_ECHO = """
pc.ontrack = ({ track, transceiver }) => {
  transceiver.setDirection("sendrecv");
  track.onReceiveRtp.subscribe((packet) => transceiver.sender.sendRtp(packet.clone?.() ?? packet));
};
for (const kind of argument.kinds) pc.addTransceiver(kind, { direction: "sendrecv" });
"""


@pytest_asyncio.fixture(loop_scope="session")
async def call() -> AsyncIterator[Call]:
    """A connection with libav's codecs on our side, and one that echoes on theirs."""
    require(node_peer.installed("werift"), "werift is not installed: npm ci in tests/interop/node")
    async with node_peer.NodePeer.launch("werift") as program:
        conversation = Call(RTCPeerConnection(codecs=LibavCodecs()), await Remote.create(program))
        yield conversation
        await conversation.close()


@pytest.mark.parametrize("offerer", ["ours", "theirs"])
async def test_what_we_send_comes_back(call: Call, offerer: str) -> None:
    tracks: dict[str, MediaStreamTrack] = {}
    call.ours.on("track")(lambda track: tracks.update({track.kind: track}))
    await call.theirs.run(_ECHO, kinds=["video", "audio"] if offerer == "theirs" else [])
    call.ours.addTrack(TestCardTrack(width=320, height=240))
    call.ours.addTrack(ToneTrack())
    await call.connect(offerer=offerer)
    seen, heard = await asyncio.gather(pictures(tracks["video"], 20), sound(tracks["audio"], 20))

    assert (seen[-1].width, seen[-1].height) == (320, 240)
    assert any(bytes(frame.planes[0]).strip(b"\0") for frame in heard)
