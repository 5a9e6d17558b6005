"""Two connections in this process, with signalling as an application would do it."""

import asyncio
from collections.abc import Mapping

from rtc_asyncio import RTCDataChannel, RTCIceCandidate, RTCPeerConnection


async def negotiate(offerer: RTCPeerConnection, answerer: RTCPeerConnection, **options: object) -> None:
    """One offer, one answer, no trickle unless someone listens."""
    await offerer.setLocalDescription(await offerer.createOffer(options))
    await answerer.setRemoteDescription(offerer.localDescription)
    await answerer.setLocalDescription(await answerer.createAnswer())
    await offerer.setRemoteDescription(answerer.localDescription)


def trickle(source: RTCPeerConnection, target: RTCPeerConnection) -> list[RTCIceCandidate | None]:
    """Signal candidates one by one from now on; returns the list that they are kept in."""
    seen: list[RTCIceCandidate | None] = []
    early: list[RTCIceCandidate] = []

    @source.on("icecandidate")
    async def _(candidate: RTCIceCandidate | None) -> None:
        seen.append(candidate)
        if candidate is None:
            return
        if target.remoteDescription is None:
            early.append(candidate)
        else:
            await target.addIceCandidate(candidate)

    @target.on("signalingstatechange")
    async def _() -> None:
        while early and target.remoteDescription is not None:
            await target.addIceCandidate(early.pop(0))

    return seen


def incoming(pc: RTCPeerConnection) -> "asyncio.Queue[RTCDataChannel]":
    """The channels that the peer opens."""
    queue: asyncio.Queue[RTCDataChannel] = asyncio.Queue()
    pc.on("datachannel")(queue.put_nowait)
    return queue


async def connected(
    left: RTCPeerConnection, right: RTCPeerConnection, init: Mapping[str, object] | None = None
) -> tuple[RTCDataChannel, RTCDataChannel]:
    """Connect both with one channel, and give both of its ends, open."""
    arrived = incoming(right)
    channel = left.createDataChannel("test", init)
    await negotiate(left, right)
    async with asyncio.timeout(30):
        await channel.wait_for("open")
        return channel, await arrived.get()
