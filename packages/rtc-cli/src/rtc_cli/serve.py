"""`rtc serve`: a web page, its signalling, and a peer connection for every browser that opens it."""

import asyncio
import contextlib
import json
import sys
from collections.abc import Coroutine
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Final

from aiohttp import WSMsgType, web

from rtc_asyncio import DOMException, RTCConfiguration, RTCDataChannel, RTCIceCandidate, RTCIceServer, RTCPeerConnection

from .demo import describe
from .errors import CommandError
from .files import LABEL, TransferError, receive_file, send_file
from .report import Report

STATISTICS_INTERVAL: Final = 1.0
"""Seconds between two lines of statistics to the page."""
MAX_BROWSERS: Final = 64
MAX_SIGNALLING_LENGTH: Final = 256 * 1024
_PAGE: Final = {
    "/": ("index.html", "text/html"),
    "/app.js": ("app.js", "text/javascript"),
    "/style.css": ("style.css", "text/css"),
}


@dataclass
class Options:
    """What the command line chose."""

    host: str
    port: int
    directory: Path
    max_file_length: int
    configuration: RTCConfiguration
    timeout: float


async def run_serve(
    *,
    host: str,
    port: int,
    directory: str,
    max_file_length: int,
    stun_uris: tuple[str, ...],
    timeout: float,
    as_json: bool,
) -> None:
    """Serve until interrupted, or until the end of standard input if that is not a terminal's.

    Raises:
        CommandError: The port is taken, the address is not this machine's, or a STUN URI is malformed.
    """
    servers = [RTCIceServer(urls=uri) for uri in stun_uris]
    options = Options(host, port, Path(directory), max_file_length, RTCConfiguration(iceServers=servers), timeout)
    try:
        await RTCPeerConnection(options.configuration).close()
    except DOMException as error:
        raise CommandError(str(error)) from None
    report = Report(as_json=as_json)
    server = Server(options, report)
    runner = web.AppRunner(server.application(), access_log=None)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            raise CommandError(_why_not_listening(host, port, error)) from None
        report.say(
            "serving",
            f"open http://{host}:{runner.addresses[0][1]}/ in a browser",
            url=f"http://{host}:{runner.addresses[0][1]}/",
        )
        await server.read_lines()
    finally:
        await server.close()
        await runner.cleanup()


def _why_not_listening(host: str, port: int, error: OSError) -> str:
    if "in use" in str(error):
        return f"port {port} on {host} is in use; choose another with --port, or --port 0 for any"
    if "denied" in str(error).lower():
        return f"this user may not listen on port {port}; choose one above 1023 with --port"
    return f"cannot listen on {host} port {port}: {error.strerror or error}"


class Server:
    """The page, and the browsers that are connected."""

    def __init__(self, options: Options, report: Report) -> None:
        self._options = options
        self._report = report
        self._browsers: dict[int, Browser] = {}
        self._count = 0

    def application(self) -> web.Application:
        """The web application: three files and a WebSocket."""
        application = web.Application()
        for path in _PAGE:
            application.router.add_get(path, self._page)
        application.router.add_get("/signal", self._signal)
        return application

    async def read_lines(self) -> None:
        """Take chat lines and commands from standard input; without one, wait to be interrupted."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        try:
            await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        except (ValueError, OSError, NotImplementedError):
            await asyncio.Event().wait()
        while line := (await reader.readline()).decode(errors="replace"):
            if (text := line.rstrip("\n")) == "/quit":
                return
            await self._command(text)
        if not sys.stdin.isatty():
            await asyncio.Event().wait()

    async def close(self) -> None:
        """Close every connection."""
        for browser in list(self._browsers.values()):
            await browser.close()

    async def _command(self, text: str) -> None:
        if text.startswith("/send "):
            path = Path(text.removeprefix("/send ").strip()).expanduser()
            if not path.is_file():
                self._report.say("error", f"{path} is not a file")
                return
            await asyncio.gather(*(browser.send_file(path) for browser in self._browsers.values()))
        elif text:
            for browser in self._browsers.values():
                browser.chat(text)

    async def _page(self, request: web.Request) -> web.Response:
        name, content_type = _PAGE[request.path]
        text = resources.files("rtc_cli").joinpath("page", name).read_text(encoding="utf-8")
        return web.Response(text=text, content_type=content_type, headers={"Cache-Control": "no-store"})

    async def _signal(self, request: web.Request) -> web.StreamResponse:
        # Only the page itself may open the socket: other sites in the same browser could otherwise reach this program.
        origin = request.headers.get("Origin")
        if origin is not None and origin.partition("://")[2] != request.host:
            return web.Response(status=403, text="this page is served for itself alone")
        if len(self._browsers) >= MAX_BROWSERS:
            return web.Response(status=503, text="too many browsers are connected")
        socket = web.WebSocketResponse(heartbeat=20, max_msg_size=MAX_SIGNALLING_LENGTH)
        await socket.prepare(request)
        self._count += 1
        browser = Browser(self._count, socket, self._options, self._report)
        self._browsers[browser.number] = browser
        try:
            await browser.run()
        finally:
            del self._browsers[browser.number]
            await browser.close()
        return socket


@dataclass
class Browser:
    """One browser: its signalling socket and its peer connection. The browser makes the offer."""

    number: int
    socket: web.WebSocketResponse
    options: Options
    report: Report
    pc: RTCPeerConnection = field(init=False)
    _chat: RTCDataChannel | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.pc = RTCPeerConnection(self.options.configuration)
        self.pc.on("icecandidate")(self._send_candidate)
        self.pc.on("datachannel")(self._channel)
        self.pc.on("connectionstatechange")(self._state_changed)

    @property
    def name(self) -> str:
        """What it is called in the report."""
        return f"browser {self.number}"

    async def run(self) -> None:
        """Do the signalling until the page goes away."""
        self.report.say("page opened", self.name, browser=self.number)
        self._start(self._expect_connection())
        async for message in self.socket:
            if message.type is not WSMsgType.TEXT:
                continue
            try:
                await self._signalled(json.loads(message.data))
            except (DOMException, TypeError, ValueError) as error:
                self.report.say("error", f"{self.name} sent something unusable: {error}", browser=self.number)
        self.report.say("page closed", self.name, browser=self.number)

    async def close(self) -> None:
        """Close the connection and end every transfer."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.pc.close()
        await self.socket.close()

    def chat(self, text: str) -> None:
        """Send one line, if the chat is open."""
        if self._chat is not None and self._chat.readyState == "open":
            self._chat.send(json.dumps({"chat": text}))

    async def send_file(self, path: Path) -> None:
        """Send a file and report how it went."""
        if self.pc.connectionState != "connected":
            return
        with self.report.progress(f"{path.name} to {self.name}") as progress:
            try:
                await send_file(self.pc, path, progress)
            except (TransferError, OSError) as error:
                self.report.say("error", str(error), browser=self.number)
                return
        self.report.say("file sent", f"{path.name} to {self.name}", browser=self.number, path=str(path))

    async def _signalled(self, message: object) -> None:
        match message:
            case {"description": dict(description)}:
                await self.pc.setRemoteDescription(description)
                if self.pc.signalingState == "have-remote-offer":
                    await self.pc.setLocalDescription()
                    assert self.pc.localDescription is not None
                    await self.socket.send_json({"description": self.pc.localDescription.toJSON()})
            case {"candidate": dict(candidate)}:
                await self.pc.addIceCandidate(candidate)

    async def _send_candidate(self, candidate: RTCIceCandidate | None) -> None:
        if candidate is not None and not self.socket.closed:
            await self.socket.send_json({"candidate": candidate.toJSON()})

    async def _expect_connection(self) -> None:
        try:
            async with asyncio.timeout(self.options.timeout):
                await self.pc.wait_for("connected")
        except (TimeoutError, DOMException):
            self.report.say(
                "error",
                f"{self.name} did not connect within {self.options.timeout:g} s (ICE is {self.pc.iceConnectionState}); "
                "is it on another network? Then both sides need --stun.",
                browser=self.number,
            )
            return
        negotiated = describe(await self.pc.getStats())
        self.report.say(
            "connected",
            f"{self.name}: {negotiated.get('local')} → {negotiated.get('remote')}, {negotiated.get('cipher')}",
            browser=self.number,
            **negotiated,
        )

    def _state_changed(self) -> None:
        if self.pc.connectionState in {"disconnected", "failed"}:
            self.report.say(self.pc.connectionState, self.name, browser=self.number)

    def _channel(self, channel: RTCDataChannel) -> None:
        match channel.label:
            case "chat":
                self._chat = channel
                channel.on("message")(self._line)
                self._start(self._statistics(channel))
            case label if label == LABEL:
                self._start(self._receive(channel))
            case _:
                channel.close()

    def _line(self, message: str | bytes) -> None:
        try:
            content = json.loads(message)
        except ValueError:
            return
        if isinstance(content, dict) and isinstance(text := content.get("chat"), str):
            self.report.say("chat", text, browser=self.number)

    async def _receive(self, channel: RTCDataChannel) -> None:
        with self.report.progress(f"file from {self.name}") as progress:
            try:
                path = await receive_file(channel, self.options.directory, self.options.max_file_length, progress)
            except (TransferError, OSError) as error:
                self.report.say("error", str(error), browser=self.number)
                return
        self.report.say(
            "file received", f"{path} from {self.name}", browser=self.number, path=str(path), size=path.stat().st_size
        )

    async def _statistics(self, channel: RTCDataChannel) -> None:
        """What Python sees, for the page to show beside what the browser sees."""
        while channel.readyState in {"connecting", "open"}:
            await asyncio.sleep(STATISTICS_INTERVAL)
            if channel.readyState == "open":
                report = await self.pc.getStats()
                with contextlib.suppress(DOMException):
                    channel.send(json.dumps({"statistics": {key: stats.toJSON() for key, stats in report.items()}}))

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
