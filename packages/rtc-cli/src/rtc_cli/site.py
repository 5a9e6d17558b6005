"""The web site of `rtc serve`: the page's own files and one WebSocket for signalling, and who may use them.

Any site that is open in the same browser can reach a program on localhost. Two headers tell it apart from our page, and no page can forge them:

- `Host` must be an IP address, localhost or a name that the command line allowed. A site that points its own name at this machine (DNS
  rebinding) sends that name.
- `Origin`, which every browser sends when it opens a WebSocket, must be the page's own. Absent is not valid.
"""

import ipaddress
import logging
import re
from collections.abc import Awaitable, Callable, Collection
from importlib import resources
from typing import Final

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

MAX_SIGNALLING_LENGTH: Final = 256 * 1024
"""Bytes of one signalling message."""
HEARTBEAT: Final = 20.0
"""Seconds after which a silent page is asked whether it is still there."""
CLOSE_TIMEOUT: Final = 2.0
"""Seconds that a page has to agree to the end of its socket."""
SHUTDOWN_TIMEOUT: Final = 2.0
"""Seconds that requests under way have to end when the site does."""
HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_TYPES: Final = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
_HOST: Final = re.compile(r"(?:\[(?P<ipv6>[0-9A-Fa-f:.]+)\]|(?P<name>[^\s:@/?#\[\]]+))(?::\d{1,5})?")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def is_allowed_host(header: str, names: Collection[str]) -> bool:
    """Whether a `Host` header can only have come from a URL that a person meant for this program."""
    match = _HOST.fullmatch(header)
    if match is None:
        return False
    name = (match["ipv6"] or match["name"]).rstrip(".").lower()
    if name == "localhost" or name in {allowed.lower() for allowed in names}:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def is_own_origin(origin: str | None, host: str) -> bool:
    """Whether an `Origin` header names the site that was asked; a proxy in front may have added TLS."""
    return origin is not None and origin.lower() in {f"http://{host}".lower(), f"https://{host}".lower()}


def application(
    names: Collection[str], on_socket: Callable[[web.WebSocketResponse], Awaitable[None]]
) -> web.Application:
    """The site.

    Args:
        names: Host names, besides IP addresses and localhost, that it may be reached by.
        on_socket: Called with each page's signalling socket; the socket lasts as long as the call.
    """

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not is_allowed_host(request.host, names):
            return _refused("this name is not served; the option --allow-name adds one")
        return await handler(request)

    async def signal(request: web.Request) -> web.StreamResponse:
        if not is_own_origin(request.headers.get("Origin"), request.host):
            return _refused("the page is served for itself alone")
        socket = web.WebSocketResponse(
            timeout=CLOSE_TIMEOUT, heartbeat=HEARTBEAT, max_msg_size=MAX_SIGNALLING_LENGTH, compress=False
        )
        await socket.prepare(request)
        await on_socket(socket)
        return socket

    site = web.Application(middlewares=[guard])
    for entry in resources.files("rtc_cli").joinpath("page").iterdir():
        suffix = entry.name[entry.name.rfind(".") :]
        if suffix in _TYPES:
            path = "/" if entry.name == "index.html" else f"/{entry.name}"
            site.router.add_get(path, _page_file(entry.read_bytes(), _TYPES[suffix]))
    site.router.add_get("/signal", signal)
    return site


def runner(site: web.Application) -> web.AppRunner:
    """What serves the site; it logs faults of this program, and nothing of what strangers send."""
    logger = logging.getLogger(__name__)
    logger.addFilter(_is_fault)
    return web.AppRunner(site, access_log=None, logger=logger, shutdown_timeout=SHUTDOWN_TIMEOUT)


def _is_fault(record: logging.LogRecord) -> bool:
    """Whether it is ours: what is not HTTP was answered with 400, and is nobody's business here."""
    return record.exc_info is None or not isinstance(record.exc_info[1], HttpProcessingError)


def _page_file(content: bytes, content_type: str) -> Handler:
    async def serve(request: web.Request) -> web.StreamResponse:  # noqa: ARG001 - what a handler takes
        return web.Response(body=content, content_type=content_type, charset="utf-8", headers=HEADERS)

    return serve


def _refused(why: str) -> web.Response:
    return web.Response(status=403, text=f"{why}\n", headers=HEADERS)
