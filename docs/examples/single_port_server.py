"""A server with one open UDP port: every page that opens it gets an echo. Needs aiohttp.

Run it as `python single_port_server.py`, and behind a one-to-one translator as `python single_port_server.py PUBLIC_ADDRESS`.
"""

import asyncio
import sys
from collections.abc import AsyncIterator

from aiohttp import web

from rtc_asyncio import PeerOptions, RTCDataChannel, RTCPeerConnection, SinglePort
from rtc_ice import IceConfig

LITE = PeerOptions(ice=IceConfig(lite=True, allow_loopback=True))
"""The server has a public address: it only answers the checks of browsers. Loopback is for trying it out."""

PAGE = """<!doctype html><meta charset="utf-8"><title>One port</title><pre></pre><script type="module">
const say = (text) => document.querySelector("pre").append(text + "\\n");
const pc = new RTCPeerConnection();
const channel = pc.createDataChannel("echo");
channel.onmessage = ({data}) => say(data);
channel.onopen = () => channel.send("hello");
await pc.setLocalDescription();
const reply = await fetch("/offer", {method: "POST", body: JSON.stringify(pc.localDescription)});
await pc.setRemoteDescription(await reply.json());
</script>"""


class Server:
    """Answers offers with connections that all share one port."""

    def __init__(self, port: SinglePort) -> None:
        self.port = port
        self.connections: set[RTCPeerConnection] = set()

    async def answer(self, offer: dict[str, object]) -> dict[str, object]:
        """Take the offer of a page. There is no need to wait for its candidates: its checks tell where it is."""
        pc = RTCPeerConnection(port=self.port, options=LITE)
        self.connections.add(pc)

        @pc.on("datachannel")
        async def _(channel: RTCDataChannel) -> None:
            async for message in channel:
                channel.send(message)

        @pc.on("connectionstatechange")
        async def _() -> None:
            if pc.connectionState in {"failed", "closed"}:
                await self.leave(pc)

        asyncio.get_running_loop().call_later(30, self.leave_unless_connected, pc)
        await pc.setRemoteDescription(offer)
        await pc.setLocalDescription()
        return pc.localDescription.toJSON()

    def leave_unless_connected(self, pc: RTCPeerConnection) -> None:
        """Give up a page that never came."""
        if pc.connectionState in {"new", "connecting"}:
            self.connections.discard(pc)
            pc.close()

    async def leave(self, pc: RTCPeerConnection) -> None:
        """Forget a connection."""
        self.connections.discard(pc)
        await pc.close()

    async def close(self) -> None:
        """Close all of them; the pages are told."""
        for pc in list(self.connections):
            await self.leave(pc)


SERVER = web.AppKey("server", Server)


async def offer(request: web.Request) -> web.Response:
    """Exchange descriptions with a page."""
    return web.json_response(await request.app[SERVER].answer(await request.json()))


async def page(_: web.Request) -> web.Response:
    """The page itself."""
    return web.Response(text=PAGE, content_type="text/html")


def application(udp_port: int = 3478, *, hosts: list[str] | None = None, public: str | None = None) -> web.Application:
    """For `web.run_app(application())`.

    Args:
        udp_port: The one port that has to be open.
        hosts: Addresses of this machine to listen on; all if None.
        public: What browsers are told instead, where a one-to-one translator stands before this machine.
    """
    app = web.Application()

    async def serve(app: web.Application) -> AsyncIterator[None]:
        async with SinglePort(udp_port, hosts=hosts, announced=public) as port:
            app[SERVER] = server = Server(port)
            yield
            await server.close()

    app.router.add_post("/offer", offer)
    app.router.add_get("/", page)
    app.cleanup_ctx.append(serve)
    return app


if __name__ == "__main__":
    web.run_app(application(public=sys.argv[1] if len(sys.argv) > 1 else None))
