"""A real browser as a peer: headless, driven through a page that opens a WebSocket to the test.

    async with Browser.launch("chromium") as browser:
        version = await browser.run("return navigator.userAgent")

The page runs what it is sent as the body of an async function and answers with the JSON of its result. No WebDriver is involved.
It is an empty page, or that of a web application that is under test itself; the latter is left as it is but for one script.
"""

import asyncio
import contextlib
import itertools
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final, Self

from aiohttp import WSMsgType, web

NAMES: Final = ("chromium", "firefox")
EXECUTABLES: Final = {
    "chromium": ("chromium", "chromium-browser", "google-chrome"),
    "firefox": ("firefox-esr", "firefox"),
}
START_TIMEOUT: Final = 60.0
CALL_TIMEOUT: Final = 60.0

_CHROMIUM_FLAGS: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
)
_CHROMIUM_SHOWS_ADDRESSES: Final = (
    "--disable-features=WebRtcHideLocalIpsWithMdns",
    # Who may record may know where the machine is.
    "--use-fake-ui-for-media-stream",
)
_FIREFOX_PREFERENCES: Final = {
    "media.peerconnection.ice.loopback": True,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage_override.mstone": "ignore",
    "datareporting.policy.dataSubmissionEnabled": False,
    "toolkit.telemetry.reportingpolicy.firstRun": False,
    "media.navigator.streams.fake": True,
    "media.navigator.permission.disabled": True,
    "media.autoplay.default": 0,
    "app.update.enabled": False,
    "extensions.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
}

_PAGE: Final = """<!doctype html><meta charset="utf-8"><title>peer</title><script src="/driver.js"></script>"""
_DRIVER: Final = """{
const socket = new WebSocket(`ws://${location.host}/driver`);
socket.onmessage = async ({data}) => {
  const {id, code, argument} = JSON.parse(data);
  try {
    const result = await (await FUNCTION)(argument);
    socket.send(JSON.stringify({id, result: result === undefined ? null : result}));
  } catch (error) {
    socket.send(JSON.stringify({id, error: `${error.name}: ${error.message}\\n${error.stack}`}));
  }
};
}"""
_EVALUATED: Final = """new ((async () => {}).constructor)("argument", code)"""
_IMPORTED: Final = """import(`/driver/${id}.js`).then((module) => module.default)"""
"""For pages whose Content-Security-Policy forbids evaluation: the code comes as a module of the page's own site."""


class PageError(AssertionError):
    """What ran in the page threw; the text is the browser's."""


def executable(name: str) -> str | None:
    """Path of the browser's program, None if it is not installed."""
    for candidate in EXECUTABLES[name]:
        path = shutil.which(candidate)
        if path is not None:
            return path
    return None


class Browser:
    """One running browser with one page."""

    def __init__(self, name: str, site: web.Application | None = None) -> None:
        self.name = name
        self._site = site
        self._code: dict[str, str] = {}
        self._connected: asyncio.Future[web.WebSocketResponse] = asyncio.get_running_loop().create_future()
        self._answers: dict[int, asyncio.Future[object]] = {}
        self._ids = itertools.count()

    @classmethod
    @contextlib.asynccontextmanager
    async def launch(
        cls,
        name: str,
        preferences: dict[str, int | bool | str] | None = None,
        *,
        site: web.Application | None = None,
        hides_addresses: bool = False,
        host: str = "127.0.0.1",
        prefix: Sequence[str] = (),
        features: Sequence[str] = (),
        authority: Path | None = None,
    ) -> AsyncIterator[Self]:
        """Start the browser and wait until its page is there; everything is gone afterwards.

        Args:
            name: "chromium" or "firefox".
            preferences: Further Firefox preferences.
            site: A web application whose page "/" to open instead of an empty one.
            host: Our address that the browser reaches the page at.
            prefix: What runs the browser, such as `ip netns exec somewhere`.
            features: What Chromium can do and does only when asked.
            authority: The certificate of an authority that it trusts beside those of the world.
            hides_addresses: Whether names stand for its addresses, as is the default of browsers; Chromium then records nothing.
        """
        program = executable(name)
        assert program is not None
        browser = cls(name, site)
        runner = web.AppRunner(browser._application())
        await runner.setup()
        await web.TCPSite(runner, host, 0).start()
        port = runner.addresses[0][1]
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
            url = f"http://{host}:{port}/"
            if authority is not None:
                _trust(name, Path(profile), authority)
            process = subprocess.Popen(
                [
                    *prefix,
                    *_command(name, program, Path(profile), url, preferences or {}, hides_addresses=hides_addresses),
                    *([f"--enable-blink-features={','.join(features)}"] if features else []),
                ],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                stdin=subprocess.DEVNULL,
                env=_environment(Path(profile)),
                start_new_session=True,
            )
            try:
                await asyncio.wait_for(asyncio.shield(browser._connected), START_TIMEOUT)
                yield browser
            finally:
                process.terminate()
                try:
                    await asyncio.to_thread(process.wait, 10)
                except subprocess.TimeoutExpired:
                    process.kill()
                    await asyncio.to_thread(process.wait)
                await runner.cleanup()

    async def run(self, code: str, argument: object = None, *, timeout: float = CALL_TIMEOUT) -> object:
        """Run `code` as the body of an async function of `argument` in the page and return what it returned.

        Raises:
            PageError: The code threw.
        """
        socket = await self._connected
        identifier = next(self._ids)
        answer: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self._answers[identifier] = answer
        self._code[str(identifier)] = f"export default async (argument) => {{\n{code}\n}};"
        await socket.send_str(json.dumps({"id": identifier, "code": code, "argument": argument}))
        async with asyncio.timeout(timeout):  # not wait_for, which loses a cancellation that comes with the answer
            return await answer

    def _application(self) -> web.Application:
        if self._site is None:
            application = web.Application()
            application.router.add_get("/", self._page)
        else:
            application = self._site
            application.middlewares.append(_add_driver)
        application.router.add_get("/driver.js", self._driver)
        application.router.add_get("/driver/{id}.js", self._module)
        application.router.add_get("/driver", self._socket)
        return application

    async def _driver(self, request: web.Request) -> web.Response:
        function = _EVALUATED if self._site is None else _IMPORTED
        return web.Response(text=_DRIVER.replace("FUNCTION", function), content_type="text/javascript")

    async def _module(self, request: web.Request) -> web.Response:
        return web.Response(text=self._code[request.match_info["id"]], content_type="text/javascript")

    async def _page(self, request: web.Request) -> web.Response:
        return web.Response(text=_PAGE, content_type="text/html")

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(max_msg_size=64 * 1024 * 1024)
        await socket.prepare(request)
        if not self._connected.done():
            self._connected.set_result(socket)
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                reply = json.loads(message.data)
                answer = self._answers.pop(reply["id"])
                del self._code[str(reply["id"])]
                if answer.done():
                    continue
                if "error" in reply:
                    answer.set_exception(PageError(reply["error"]))
                else:
                    answer.set_result(reply["result"])
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(PageError("the browser went away"))
        return socket


@web.middleware
async def _add_driver(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    response = await handler(request)
    if request.path == "/" and isinstance(response, web.Response) and isinstance(response.body, bytes):
        response.body = response.body.replace(b"</head>", b'<script src="/driver.js"></script></head>')
    return response


def _command(
    name: str,
    program: str,
    profile: Path,
    url: str,
    preferences: dict[str, int | bool | str],
    *,
    hides_addresses: bool,
) -> list[str]:
    if name == "chromium":
        shows = () if hides_addresses else _CHROMIUM_SHOWS_ADDRESSES
        return [program, *_CHROMIUM_FLAGS, *shows, f"--user-data-dir={profile}", url]
    hiding = {"media.peerconnection.ice.obfuscate_host_addresses": hides_addresses}
    lines = [
        f"user_pref({json.dumps(key)}, {json.dumps(value)});"
        for key, value in (_FIREFOX_PREFERENCES | hiding | preferences).items()
    ]
    (profile / "user.js").write_text("\n".join(lines), encoding="utf-8")
    return [program, "--headless", "--no-remote", "--profile", str(profile), url]


def can_trust() -> bool:
    """Whether the tool is installed that tells browsers whom to trust."""
    return shutil.which("certutil") is not None


def _trust(name: str, profile: Path, authority: Path) -> None:
    """Let a browser that has not been started trust an authority: Chromium goes by its user's database, Firefox by its profile's."""
    database = profile / ".pki" / "nssdb" if name == "chromium" else profile
    database.mkdir(parents=True, exist_ok=True)
    for line in (
        ["-N", "--empty-password"],
        ["-A", "-t", "C,,", "-n", "Test authority", "-i", str(authority)],
    ):
        subprocess.run(["certutil", "-d", f"sql:{database}", *line], check=True, capture_output=True)


def _environment(profile: Path) -> dict[str, str]:
    return os.environ | {"HOME": str(profile), "MOZ_HEADLESS": "1"}
