"""Perfect negotiation: either side may start, at any time, and both do here."""

import asyncio
from collections.abc import Awaitable, Callable

from rtc_asyncio import RTCIceCandidate, RTCPeerConnection

Send = Callable[[dict[str, object]], Awaitable[None]]


class Negotiator:
    """One side. Feed it what the signalling channel brings; it sends through `send`."""

    def __init__(self, pc: RTCPeerConnection, send: Send, *, polite: bool) -> None:
        self.pc = pc
        self.send = send
        self.polite = polite
        self.making_offer = False
        self.ignore_offer = False
        pc.on("negotiationneeded")(self.offer)
        pc.on("icecandidate")(self.candidate)

    async def offer(self) -> None:
        """Something changed that the peer has to agree to."""
        self.making_offer = True
        try:
            await self.pc.setLocalDescription()
            assert self.pc.localDescription is not None
            await self.send({"description": self.pc.localDescription.toJSON()})
        finally:
            self.making_offer = False

    async def candidate(self, candidate: RTCIceCandidate | None) -> None:
        """A candidate was found; None at the end needs no signalling."""
        if candidate is not None:
            await self.send({"candidate": candidate.toJSON()})

    async def receive(self, message: dict[str, object]) -> None:
        """The signalling channel brought something."""
        description, candidate = message.get("description"), message.get("candidate")
        if isinstance(description, dict):
            busy = self.making_offer or self.pc.signalingState != "stable"
            collision = description["type"] == "offer" and busy
            self.ignore_offer = not self.polite and collision
            if self.ignore_offer:
                return
            await self.pc.setRemoteDescription(description)
            if description["type"] == "offer":
                await self.pc.setLocalDescription()
                assert self.pc.localDescription is not None
                await self.send({"description": self.pc.localDescription.toJSON()})
        elif isinstance(candidate, dict):
            try:
                await self.pc.addIceCandidate(candidate)
            except Exception:
                if not self.ignore_offer:
                    raise


async def main() -> None:
    """Both sides create a channel at the same moment: the offers collide, both channels open."""
    async with RTCPeerConnection() as left, RTCPeerConnection() as right:
        queues: tuple[asyncio.Queue[dict[str, object]], asyncio.Queue[dict[str, object]]] = (
            asyncio.Queue(),
            asyncio.Queue(),
        )
        polite = Negotiator(left, queues[1].put, polite=True)
        impolite = Negotiator(right, queues[0].put, polite=False)

        async def pump(queue: asyncio.Queue[dict[str, object]], negotiator: Negotiator) -> None:
            while True:
                await negotiator.receive(await queue.get())

        pumps = [asyncio.create_task(pump(queues[0], polite)), asyncio.create_task(pump(queues[1], impolite))]
        channels = [left.createDataChannel("from the left"), right.createDataChannel("from the right")]
        await asyncio.gather(*(channel.wait_for("open") for channel in channels))
        print("both channels are open:", ", ".join(channel.label for channel in channels))
        for task in pumps:
            task.cancel()


if __name__ == "__main__":
    asyncio.run(main())
