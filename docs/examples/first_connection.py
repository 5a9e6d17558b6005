"""Two peers in one program: the shortest way to an open data channel."""

import asyncio

from rtc_asyncio import RTCDataChannel, RTCPeerConnection


async def main() -> None:
    """Connect, say one thing, get it back in capitals."""
    async with RTCPeerConnection() as alice, RTCPeerConnection() as bob:

        @bob.on("datachannel")
        async def _(channel: RTCDataChannel) -> None:
            async for message in channel:
                channel.send(message.upper())

        channel = alice.createDataChannel("echo")
        await alice.setLocalDescription()
        await bob.setRemoteDescription(alice.localDescription)
        await bob.setLocalDescription()
        await alice.setRemoteDescription(bob.localDescription)

        await channel.wait_for("open")
        channel.send("hello")
        print(await anext(aiter(channel)))


if __name__ == "__main__":
    asyncio.run(main())
