"""Perfect negotiation with a browser, both roles: our side is the example of the guide, theirs the code that MDN gives."""

import asyncio
import contextlib
from typing import Final, cast

import pytest
from docs.examples.perfect_negotiation import Negotiator

from rtc_asyncio import OperationError, RTCPeerConnection

from .browser import NAMES
from .remote import Program, Remote

pytestmark = pytest.mark.asyncio(loop_scope="session")

NEGOTIATOR: Final = """
peer.polite = argument.polite; peer.outbox = []; peer.making = false; peer.ignore = false; peer.failures = [];
pc.onnegotiationneeded = async () => {
  try { peer.making = true; await pc.setLocalDescription(); peer.outbox.push({description: plain(pc.localDescription)}); }
  catch (error) { peer.failures.push(String(error)); }
  finally { peer.making = false; }
};
pc.onicecandidate = ({candidate}) => { if (candidate) peer.outbox.push({candidate: candidate.toJSON()}); };
peer.receive = async ({description, candidate}) => {
  if (description) {
    const collision = description.type === "offer" && (peer.making || pc.signalingState !== "stable");
    peer.ignore = !peer.polite && collision;
    if (peer.ignore) return;
    await pc.setRemoteDescription(description);
    if (description.type === "offer") { await pc.setLocalDescription(); peer.outbox.push({description: plain(pc.localDescription)}); }
  } else {
    try { await pc.addIceCandidate(candidate); } catch (error) { if (!peer.ignore) throw error; }
  }
};
"""


class Signalling:
    """Carries messages both ways until closed."""

    def __init__(self, ours: RTCPeerConnection, theirs: Remote, *, we_are_polite: bool) -> None:
        self.negotiator = Negotiator(ours, self._deliver, polite=we_are_polite)
        self._theirs = theirs
        self._pump = asyncio.create_task(self._fetch())

    async def _deliver(self, message: dict[str, object]) -> None:
        await self._theirs.run("await peer.receive(argument.message);", message=message)

    async def _fetch(self) -> None:
        while True:
            for message in cast("list[dict[str, object]]", await self._theirs.run("return peer.outbox.splice(0);")):
                try:
                    await self.negotiator.receive(message)
                except OperationError as error:
                    # A candidate of an offer that the browser has rolled back may come after the answer that replaced it.
                    if "user fragment" not in str(error):
                        raise
            await asyncio.sleep(0.01)

    async def pause(self) -> None:
        """Let some time pass. What ended the signalling is raised here."""
        if (await asyncio.wait({self._pump}, timeout=0.02))[0]:
            await self._pump

    async def close(self) -> None:
        """Stop."""
        self._pump.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._pump


@pytest.mark.parametrize("program", NAMES, indirect=True)  # the Node implementations have no rollback
@pytest.mark.parametrize("we_are_polite", [True, False], ids=["polite", "impolite"])
async def test_offers_that_collide_are_resolved(program: Program, *, we_are_polite: bool) -> None:
    ours, theirs = RTCPeerConnection(), await Remote.create(program)
    await theirs.run(NEGOTIATOR, polite=not we_are_polite)
    signalling = Signalling(ours, theirs, we_are_polite=we_are_polite)

    await theirs.run("peer.keep(pc.createDataChannel('theirs'));")
    channel = ours.createDataChannel("ours")
    arrived: asyncio.Queue[str] = asyncio.Queue()
    ours.on("datachannel")(lambda received: arrived.put_nowait(received.label))
    async with asyncio.timeout(30):
        while channel.readyState != "open":
            await signalling.pause()
        assert await arrived.get() == "theirs"
    await theirs.opened("ours")

    # And again on a connection that stands: both restart ICE at once.
    await theirs.run("pc.restartIce();")
    ours.restartIce()
    await asyncio.sleep(0.3)
    async with asyncio.timeout(30):
        while ours.signalingState != "stable" or ours.connectionState != "connected":
            await signalling.pause()
    channel.send("after two collisions")

    assert await theirs.messages("ours", 1) == ["after two collisions"]
    assert await theirs.run("return peer.failures;") == []
    await signalling.close()
    await ours.close()
    await theirs.close()
