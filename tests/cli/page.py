"""What the page of `rtc serve` does in a browser, in Python: signalling, and the channels that it opens."""

import asyncio
import contextlib
import hashlib
import json
from collections.abc import AsyncIterator
from typing import Self

import aiohttp

from rtc_asyncio import RTCDataChannel, RTCIceCandidate, RTCPeerConnection


class Page:
    """One page, connected."""

    def __init__(self, pc: RTCPeerConnection, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.pc = pc
        self.socket = socket
        self.chat = pc.createDataChannel("chat")
        self.statistics = pc.createDataChannel("statistics", ordered=False, maxRetransmits=0)
        self.files: asyncio.Queue[RTCDataChannel] = asyncio.Queue()
        pc.on("icecandidate")(self._send_candidate)
        pc.on("datachannel")(self.files.put_nowait)

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, url: str) -> AsyncIterator[Self]:
        """Open the page at `url` and wait for its connection."""
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"{url}/signal", headers={"Origin": url}) as socket,
            RTCPeerConnection() as pc,
        ):
            page = cls(pc, socket)
            signalling = asyncio.create_task(page._signalling())
            try:
                async with asyncio.timeout(20):
                    await page.chat.wait_for("open")
                yield page
            finally:
                signalling.cancel()
                await asyncio.gather(signalling, return_exceptions=True)

    async def _send_candidate(self, candidate: RTCIceCandidate | None) -> None:
        if candidate is not None and not self.socket.closed:
            await self.socket.send_json({"candidate": candidate.toJSON()})

    async def _signalling(self) -> None:
        await self.pc.setLocalDescription()
        assert self.pc.localDescription is not None
        await self.socket.send_json({"description": self.pc.localDescription.toJSON()})
        async for message in self.socket:
            match json.loads(message.data):
                case {"description": description}:
                    await self.pc.setRemoteDescription(description)
                case {"candidate": candidate}:
                    await self.pc.addIceCandidate(candidate)
                case _:
                    pass

    async def say(self, text: str) -> None:
        """Send a line of chat."""
        self.chat.send(json.dumps({"text": text}))

    async def hear(self) -> str:
        """The next line of chat."""
        async with asyncio.timeout(20):
            return str(json.loads(await anext(self.chat.__aiter__()))["text"])

    async def begin_file(self, header: object) -> RTCDataChannel:
        """Open a channel for a file and announce it."""
        channel = self.pc.createDataChannel("file")
        await channel.wait_for("open")
        channel.send(header if isinstance(header, str) else json.dumps(header))
        return channel

    async def upload(self, name: str, content: bytes) -> dict[str, object]:
        """Send a file and return the answer."""
        channel = await self.begin_file({"name": name, "size": len(content)})
        for start in range(0, len(content), 65536):
            channel.send(content[start : start + 65536])
            await channel.drain()
        answer = await answer_of(channel)
        channel.close()
        return answer

    async def download(self) -> tuple[str, bytes]:
        """Receive the next file that Python sends, confirm it, and return its name and content."""
        async with asyncio.timeout(20):
            channel = await self.files.get()
            messages = channel.__aiter__()
            header = json.loads(await anext(messages))
            content = bytearray()
            while len(content) < header["size"]:
                piece = await anext(messages)
                assert isinstance(piece, bytes)
                content += piece
        sha256 = hashlib.sha256(content).hexdigest()
        channel.send(json.dumps({"received": len(content), "sha256": sha256}))
        return header["name"], bytes(content)


async def answer_of(channel: RTCDataChannel) -> dict[str, object]:
    """What Python answers on a channel of a file."""
    async with asyncio.timeout(20):
        answer = json.loads(await anext(channel.__aiter__()))
    assert isinstance(answer, dict)
    return answer
