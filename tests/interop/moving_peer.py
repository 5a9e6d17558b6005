"""One end of a transfer, as a program of its own, so that it can live in a network of its own.

    python moving_peer.py offer|answer SOCKET TOTAL [--still]

Signals over a Unix socket, which leads from one network namespace into another. The offerer sends TOTAL bytes; each end prints what it
saw as JSON when all have arrived. With ``--still`` it does not understand renomination.
"""

import asyncio
import hashlib
import json
import sys
from pathlib import Path
from typing import Final

from rtc_asyncio import RTCDataChannel, RTCIceCandidate, RTCPeerConnection
from rtc_ice import IceConfig
from rtc_peer import PeerOptions

BLOCK_LENGTH: Final = 16_384


def block(number: int) -> bytes:
    """A piece of what is sent."""
    return hashlib.sha256(number.to_bytes(4, "big")).digest() * (BLOCK_LENGTH // 32)


class Program:
    """A connection with its signalling."""

    def __init__(self, *, offers: bool, still: bool) -> None:
        ice = IceConfig(allow_loopback=True)  # of one's own, and not continual
        self.pc = RTCPeerConnection(options=PeerOptions(ice=ice) if still else None)
        self.offers = offers
        self.restarts = 0
        self.changes = 0
        self.states: list[str] = []
        self._writer: asyncio.StreamWriter | None = None
        self.pc.on("icecandidate")(self._candidate)
        self.pc.on("negotiationneeded")(self._negotiate)
        self.pc.on("connectionstatechange")(lambda: self.states.append(self.pc.connectionState))

    async def signal(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Act on what the peer signals, as long as it does."""
        self._writer = writer
        if self.offers:
            await self._negotiate()
        while line := await reader.readline():
            message = json.loads(line)
            if "candidate" in message:
                await self.pc.addIceCandidate(message)
                continue
            await self.pc.setRemoteDescription(message)
            if message["type"] == "offer":
                await self.pc.setLocalDescription()
                self._tell(self.pc.localDescription)

    async def _negotiate(self) -> None:
        if self._writer is None or (not self.offers and self.pc.connectionState == "new"):
            return
        self.restarts += self.pc.connectionState != "new"
        await self.pc.setLocalDescription()
        self._tell(self.pc.localDescription)

    def _candidate(self, candidate: RTCIceCandidate | None) -> None:
        if candidate is not None:
            self._tell(candidate)

    def _tell(self, message: object) -> None:
        assert self._writer is not None
        self._writer.write(json.dumps(message.toJSON()).encode() + b"\n")  # type: ignore[attr-defined]

    def watch(self) -> None:
        """Count the changes of the pair from now on."""
        assert self.pc.sctp is not None
        ice = self.pc.sctp.transport.iceTransport

        @ice.on("selectedcandidatepairchange")
        def _() -> None:
            self.changes += 1

    def report(self, digest: str) -> None:
        """Print what happened."""
        assert self.pc.sctp is not None
        pair = self.pc.sctp.transport.iceTransport.getSelectedCandidatePair()
        local = None if pair is None else pair.local.address
        found = {"digest": digest, "local": local, "restarts": self.restarts, "changes": self.changes}
        print(json.dumps(found | {"states": self.states}), flush=True)


async def send(program: Program, total: int) -> None:
    """Open a channel and send everything, telling on the way."""
    channel = program.pc.createDataChannel("transfer")
    await channel.wait_for("open")
    program.watch()
    digest = hashlib.sha256()
    for number in range(total // BLOCK_LENGTH):
        if number % 64 == 0:
            print("at", number, flush=True)
        data = block(number)
        digest.update(data)
        channel.send(data)
        await channel.drain()
        await asyncio.sleep(0.001)
    assert await anext(channel.__aiter__()) == digest.hexdigest()
    program.report(digest.hexdigest())


async def receive(program: Program, total: int) -> None:
    """Take everything, and tell the sender what it came to."""
    arrived: asyncio.Future[RTCDataChannel] = asyncio.get_running_loop().create_future()
    program.pc.on("datachannel")(arrived.set_result)
    channel = await arrived
    program.watch()
    digest, length = hashlib.sha256(), 0
    async for data in channel:
        assert isinstance(data, bytes)
        digest.update(data)
        length += len(data)
        if length >= total:
            break
    channel.send(digest.hexdigest())
    program.report(digest.hexdigest())
    await asyncio.sleep(1.0)


async def main(role: str, path: str, total: str, *flags: str) -> None:
    """Be one end."""
    program = Program(offers=role == "offer", still="--still" in flags)
    async with program.pc, asyncio.timeout(90):
        if program.offers:
            while not Path(path).exists():
                await asyncio.sleep(0.05)
            task = asyncio.create_task(send(program, int(total)))
            await asyncio.sleep(0)
            signalling = asyncio.create_task(program.signal(*await asyncio.open_unix_connection(path)))
            await task
            signalling.cancel()
        else:
            await asyncio.start_unix_server(program.signal, path)
            await receive(program, int(total))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
