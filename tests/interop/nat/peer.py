"""A process with peer connections, run in a namespace: reads commands and writes results, a JSON object a line.

                                                                                 ->  {"id": 0, "result": "ready"}
{"id": 1, "call": "offer", "key": "c1", "configuration": {"iceServers": []}}     ->  {"id": 1, "result": "v=0..."}
{"id": 2, "call": "accept", "key": "c1", "sdp": "v=0..."}
{"id": 3, "call": "path", "key": "c1"}                                           ->  the types of the selected pair
"""

import asyncio
import json
import sys
from collections.abc import Mapping
from typing import Any

from rtc_asyncio import RTCDataChannel, RTCIceCandidateStats, RTCPeerConnection, RTCSessionDescription


class Peer:
    """One connection."""

    def __init__(self, configuration: Mapping[str, object]) -> None:
        self.pc = RTCPeerConnection(configuration)
        self._channel: asyncio.Future[RTCDataChannel] = asyncio.get_running_loop().create_future()
        self.pc.ondatachannel = lambda event: self._channel.set_result(event.channel)

    async def warm_up(self) -> None:
        """Load everything, so that no timeout of ICE passes meanwhile."""
        self.pc.createDataChannel("nothing")
        await self.pc.createOffer()
        await self.pc.close()

    async def offer(self) -> str:
        """Offer a channel; returns the description when all candidates are in it."""
        self._channel.set_result(self.pc.createDataChannel("ping"))
        await self.pc.setLocalDescription()
        return await self._gathered()

    async def answer(self, sdp: str) -> str:
        """Answer; returns the description when all candidates are in it."""
        await self.pc.setRemoteDescription(RTCSessionDescription(type="offer", sdp=sdp))
        await self.pc.setLocalDescription()
        return await self._gathered()

    async def accept(self, sdp: str) -> None:
        """Take the answer."""
        await self.pc.setRemoteDescription(RTCSessionDescription(type="answer", sdp=sdp))

    async def path(self, timeout: float) -> list[str | None]:
        """Wait until a message has gone both ways; returns the types of the selected pair and how our relay is reached."""
        async with asyncio.timeout(timeout):
            channel = await self._channel
            while channel.readyState != "open":
                await asyncio.sleep(0.02)
            channel.send("ping")
            async for message in channel:
                if message == "ping":
                    break
            # The best pair may be found a moment later.
            return await self._settled()

    async def _settled(self) -> list[str | None]:
        before: list[str | None] = []
        for _ in range(20):
            now = await self._selected()
            if now and now == before:
                return now
            before = now
            await asyncio.sleep(0.3)
        return before

    async def _selected(self) -> list[str | None]:
        report = await self.pc.getStats()
        pair = report.selected_pair
        if pair is None:
            return []
        near, far = report.get(pair.localCandidateId), report.get(pair.remoteCandidateId)
        assert isinstance(near, RTCIceCandidateStats)
        assert isinstance(far, RTCIceCandidateStats)
        return [near.candidateType, far.candidateType, near.relayProtocol]

    async def _gathered(self) -> str:
        async with asyncio.timeout(30):
            while self.pc.iceGatheringState != "complete":
                await asyncio.sleep(0.02)
        assert self.pc.localDescription is not None
        return self.pc.localDescription.sdp


class Commands:
    """What can be asked of the process."""

    def __init__(self) -> None:
        self._peers: dict[str, Peer] = {}

    async def run(self, command: dict[str, Any]) -> object:
        """Do one thing."""
        key = command["key"]
        match command["call"]:
            case "offer":
                self._peers[key] = Peer(command["configuration"])
                return await self._peers[key].offer()
            case "answer":
                self._peers[key] = Peer(command["configuration"])
                return await self._peers[key].answer(command["sdp"])
            case "accept":
                await self._peers[key].accept(command["sdp"])
            case "path":
                return await self._peers[key].path(command["timeout"])
            case "close":
                await self._peers.pop(key).pc.close()
            case unknown:
                raise ValueError(f"{unknown} is no command")
        return None


async def main() -> None:
    """Serve standard input to its end."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=1 << 20)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await Peer({}).warm_up()
    print(json.dumps({"id": 0, "result": "ready"}), flush=True)
    commands, tasks = Commands(), set()

    async def answer(command: dict[str, Any]) -> None:
        try:
            reply: dict[str, object] = {"result": await commands.run(command)}
        except Exception as error:  # noqa: BLE001 - whatever it is, the test is told
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps({"id": command["id"], **reply}), flush=True)

    while line := await reader.readline():
        task = loop.create_task(answer(json.loads(line)))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    for task in tasks:
        task.cancel()


if __name__ == "__main__":
    asyncio.run(main())
