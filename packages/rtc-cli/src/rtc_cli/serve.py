"""`rtc serve`: a web page, its signalling, and a peer connection for every browser that opens it."""

import asyncio
import contextlib
import errno
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import WSCloseCode, web

from rtc_asyncio import DOMException, RTCConfiguration, RTCIceServer, RTCPeerConnection

from .browser import Browser, Settings
from .errors import CommandError, reason
from .keyboard import a_person_types, lines
from .negotiated import endpoint
from .report import Report
from .site import application, runner

MAX_BROWSERS: Final = 64
_LOOPBACK: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - only the user asks for all
"""What to open on this machine where the program listens on every address."""
_HELP: Final = "a line is chat to every browser; /send FILE sends a file to every browser; /quit ends"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line chose."""

    host: str
    port: int
    names: tuple[str, ...]
    directory: Path
    max_file_length: int
    stun_uris: tuple[str, ...]
    timeout: float
    film: Path | None = None
    """Played to every browser."""


async def run_serve(options: Options, *, as_json: bool) -> None:
    """Serve until interrupted, or until "/quit" or the end of a terminal's input.

    Raises:
        CommandError: The film cannot be played, the port is taken, the address is not this machine's, or a STUN URI is malformed.
    """
    report = Report(as_json=as_json)
    if options.film is not None:
        await _try_film(options.film)
    server = Server(await settings(options), report)
    site = runner(application((*options.names, options.host), server.serve_browser))
    await site.setup()
    try:
        await _listen(site, options)
        address, port = site.addresses[0][:2]
        url = f"http://{endpoint(_LOOPBACK.get(address, address), port)}/"
        elsewhere = ", on other machines by an address of this one" if address in _LOOPBACK else ""
        report.say("serving", f"open {url} in a browser{elsewhere} (Ctrl-C ends)", url=url, port=port)
        try:
            await server.read_commands()
        finally:
            await server.close()
            report.say("ended", "every connection is closed")
    finally:
        await site.cleanup()


async def _try_film(film: Path) -> None:
    from rtc_media import MediaError, MediaPlayer

    if not film.is_file():  # opening a pipe would wait for its other end, and nothing could end that
        raise CommandError(f"{film} is no file: what is played anew for each browser cannot be a pipe or a device")
    try:
        await (await MediaPlayer.open(film)).close()
    except MediaError as error:
        raise CommandError(str(error)) from None


async def _listen(site: web.AppRunner, options: Options) -> None:
    try:
        await web.TCPSite(site, options.host, options.port).start()
    except OSError as error:
        raise CommandError(_why_not_listening(options, error)) from None
    except UnicodeError:
        raise CommandError(f"{options.host} is no name of a machine") from None


async def settings(options: Options) -> Settings:
    """What all browsers share, once it was tried.

    Raises:
        CommandError: A STUN URI is malformed.
    """
    servers = [RTCIceServer(urls=uri) for uri in options.stun_uris]
    configuration = RTCConfiguration(iceServers=servers)
    try:
        await RTCPeerConnection(configuration).close()
    except (DOMException, TypeError) as error:
        raise CommandError(f"{error} (in --stun)") from None
    return Settings(
        directory=options.directory,
        max_file_length=options.max_file_length,
        timeout=options.timeout,
        configuration=configuration,
        film=options.film,
    )


def _why_not_listening(options: Options, error: OSError) -> str:
    host, port = options.host, options.port
    match error.errno:
        case errno.EADDRINUSE:
            return f"port {port} on {host} is in use; choose another with --port, or --port 0 for any"
        case errno.EACCES:
            return f"this user may not listen on port {port}; choose one above 1023 with --port"
        case errno.EADDRNOTAVAIL:
            return f"{host} is no address of this machine; leave --host out to listen on 127.0.0.1"
        case _:
            return f"cannot listen on {host} port {port}: {error.strerror or error}"


class Server:
    """The browsers that are connected, and what is typed for them."""

    def __init__(self, settings: Settings, report: Report) -> None:
        self._settings = settings
        self._report = report
        self._browsers: dict[int, Browser] = {}
        self._count = 0

    async def serve_browser(self, socket: web.WebSocketResponse) -> None:
        """Look after one browser as long as its signalling socket is open."""
        if len(self._browsers) >= MAX_BROWSERS:
            await socket.close(code=WSCloseCode.TRY_AGAIN_LATER, message=b"too many browsers are connected")
            return
        self._count += 1
        browser = Browser(self._count, socket, self._settings, self._report)
        self._browsers[browser.number] = browser
        try:
            await browser.run()
        finally:
            del self._browsers[browser.number]
            await browser.close()

    async def read_commands(self) -> None:
        """Take chat lines and commands from standard input until "/quit", or until a person ended it (Ctrl-D)."""
        async with contextlib.aclosing(lines()) as typed:
            async for line in typed:
                if line == "/quit":
                    return
                self.command(line)
        if not a_person_types():
            await asyncio.Event().wait()

    def command(self, line: str) -> None:
        """Do what one line asks for."""
        word, _, argument = line.partition(" ")
        if word == "/send":
            self._send(argument.strip())
        elif line.startswith("/"):
            self._report.say("help", _HELP)
        elif line:
            self._for_all("said")
            for browser in self._browsers.values():
                browser.chat(line)

    async def close(self) -> None:
        """Close every connection."""
        await asyncio.gather(*(browser.close() for browser in list(self._browsers.values())))

    def _send(self, name: str) -> None:
        try:
            path = Path(name).expanduser()
            is_file = path.is_file()
        except (OSError, RuntimeError) as error:  # no such home is a RuntimeError
            self._report.say("error", f"{name} cannot be sent: {reason(error)}")
            return
        if not is_file:
            self._report.say("error", f"{path} is not a file")
            return
        for browser in self._for_all("sent"):
            browser.send_file(path)

    def _for_all(self, what: str) -> list[Browser]:
        connected = [browser for browser in self._browsers.values() if browser.connected]
        if not connected:
            self._report.say("error", f"no browser is connected: nothing was {what}")
        return connected
