"""A page that calls this program: Python sees its camera, and answers with the test card and the caller's own sound.

Run it and open http://localhost:8080. Needs aiohttp and rtc-media.
"""

from pathlib import Path

from aiohttp import WSMsgType, web

from rtc_asyncio import MediaStreamTrack, RTCIceCandidate, RTCPeerConnection
from rtc_media import MediaRelay, TestCardTrack

PAGE = Path(__file__).with_suffix(".html")


async def page(request: web.Request) -> web.Response:
    return web.Response(text=PAGE.read_text(encoding="utf-8"), content_type="text/html")


async def signalling(request: web.Request) -> web.WebSocketResponse:
    """One call: {"description": ...} and {"candidate": ...} in both directions."""
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    relay = MediaRelay()
    async with RTCPeerConnection() as pc:

        @pc.on("icecandidate")
        async def _(candidate: RTCIceCandidate | None) -> None:
            if candidate is not None:
                await socket.send_json({"candidate": candidate.toJSON()})

        @pc.on("track")
        def _(track: MediaStreamTrack) -> None:
            # It is the answer that carries these back: add them before it is made.
            pc.addTrack(TestCardTrack() if track.kind == "video" else relay.subscribe(track))

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
    app = web.Application()
    app.router.add_get("/", page)
    app.router.add_get("/signalling", signalling)
    return app


if __name__ == "__main__":
    web.run_app(application(), host="localhost", port=8080)
