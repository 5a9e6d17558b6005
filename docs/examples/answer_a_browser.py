"""Answer a page that offers a data channel over a WebSocket; candidates trickle both ways. Needs aiohttp."""

from aiohttp import WSMsgType, web

from rtc_asyncio import RTCDataChannel, RTCIceCandidate, RTCPeerConnection


async def signalling(request: web.Request) -> web.WebSocketResponse:
    """One page: {"description": ...} and {"candidate": ...} in both directions."""
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async with RTCPeerConnection() as pc:

        @pc.on("icecandidate")
        async def _(candidate: RTCIceCandidate | None) -> None:
            if candidate is not None:
                await socket.send_json({"candidate": candidate.toJSON()})

        @pc.on("datachannel")
        async def _(channel: RTCDataChannel) -> None:
            async for message in channel:
                channel.send(f"Python heard: {message!r}")

        async for frame in socket:
            if frame.type is not WSMsgType.TEXT:
                continue
            message = frame.json()
            if "description" in message:
                await pc.setRemoteDescription(message["description"])
                await pc.setLocalDescription()
                await socket.send_json({"description": pc.localDescription.toJSON()})
            elif "candidate" in message:
                await pc.addIceCandidate(message["candidate"])
    return socket


def application() -> web.Application:
    """For `web.run_app(application())`."""
    app = web.Application()
    app.router.add_get("/signalling", signalling)
    return app
