"""The statistics of `rtc turn` over HTTP: a page for people, `/statistics.json`, and `/metrics` for Prometheus."""

import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from importlib import resources
from typing import Final

from aiohttp import web

from rtc_asyncio import TurnListener, TurnService

from ._version import __version__
from .errors import CommandError, reason
from .site import HEADERS, Handler, is_allowed_host, runner
from .turn_log import named

FILES: Final = {
    "/": ("turn_page/index.html", "text/html"),
    "/turn.js": ("turn_page/turn.js", "text/javascript"),
    "/turn.css": ("turn_page/turn.css", "text/css"),
    "/plot.js": ("page/plot.js", "text/javascript"),
    "/units.js": ("page/units.js", "text/javascript"),
    "/style.css": ("page/style.css", "text/css"),
    "/icon.svg": ("page/icon.svg", "image/svg+xml"),
}
MAX_ROWS: Final = 200
"""Allocations that the page lists; it says how many there are."""


class Statistics:
    """What there is to say about a running service."""

    def __init__(self, service: TurnService, realm: str) -> None:
        self._service = service
        self._realm = realm
        self._started = time.monotonic()

    def document(self) -> dict[str, object]:
        """Everything, for JSON."""
        stats = self._service.stats
        protocol = stats.server
        allocations = self._service.allocations()
        return {
            "version": __version__,
            "realm": self._realm,
            "uptime": round(time.monotonic() - self._started, 1),
            "listeners": [uri(each) for each in self._service.listeners],
            "allocations": stats.allocations,
            "relays": stats.relays,
            "streams": stats.streams,
            "dtls_clients": stats.dtls_clients,
            "users": len({each.username for each in allocations}),
            "allocations_made": protocol.allocations,
            "bytes_to_peers": protocol.bytes_to_peers,
            "bytes_to_clients": protocol.bytes_to_clients,
            "datagrams_to_peers": protocol.relayed_to_peers,
            "datagrams_to_clients": protocol.relayed_to_clients,
            "datagrams_lost": stats.datagrams_lost,
            "messages_dropped": stats.messages_dropped,
            "connections_refused": stats.connections_refused,
            "unauthenticated_bytes_received": protocol.unauthenticated_bytes_received,
            "unauthenticated_bytes_sent": protocol.unauthenticated_bytes_sent,
            "responses": {str(code): count for code, count in sorted(protocol.responses.items())},
            "dropped": dict(sorted(protocol.dropped.items())),
            "list": [
                {
                    "username": each.username,
                    "client": named(each.client),
                    "transport": each.transport,
                    "relayed": [named(one) for one in each.relayed],
                    "peers_by": "tcp" if each.is_tcp else "udp",
                    "lifetime": round(each.lifetime),
                    "permissions": each.permissions,
                    "channels": each.channels,
                    "bytes_to_peers": each.bytes_to_peers,
                    "bytes_to_client": each.bytes_to_client,
                }
                for each in allocations[-MAX_ROWS:]
            ],
        }

    def metrics(self) -> str:
        """The figures in Prometheus' text format."""
        return "".join(f"{line}\n" for line in self._metrics())

    def _metrics(self) -> Iterator[str]:
        stats = self._service.stats
        protocol = stats.server
        for name, help_text, value in (
            ("allocations", "Allocations at present.", stats.allocations),
            ("relay_sockets", "Open sockets of relayed addresses.", stats.relays),
            ("streams", "Clients over TCP and TLS at present.", stats.streams),
            ("dtls_clients", "Clients over DTLS at present.", stats.dtls_clients),
        ):
            yield from _metric(name, "gauge", help_text, {"": value})
        for name, help_text, value in (
            ("allocations_made_total", "Allocations so far.", protocol.allocations),
            ("datagrams_lost_total", "Datagrams that the system refused.", stats.datagrams_lost),
            ("messages_dropped_total", "Messages for clients that read too slowly.", stats.messages_dropped),
            ("connections_refused_total", "Connections above the bound or without TLS.", stats.connections_refused),
        ):
            yield from _metric(name, "counter", help_text, {"": value})
        both = {'{to="peers"}': protocol.bytes_to_peers, '{to="clients"}': protocol.bytes_to_clients}
        yield from _metric("relayed_bytes_total", "counter", "Bytes relayed, without headers.", both)
        both = {'{to="peers"}': protocol.relayed_to_peers, '{to="clients"}': protocol.relayed_to_clients}
        yield from _metric("relayed_datagrams_total", "counter", "Datagrams relayed.", both)
        by_code = {f'{{code="{code}"}}': count for code, count in sorted(protocol.responses.items())}
        yield from _metric("responses_total", "counter", "Responses by error code, 0 for success.", by_code)
        by_reason = {f'{{reason="{why}"}}': count for why, count in sorted(protocol.dropped.items())}
        yield from _metric("dropped_total", "counter", "What came to nothing, by reason.", by_reason)


def _metric(name: str, kind: str, help_text: str, values: dict[str, int]) -> Iterator[str]:
    yield f"# HELP rtc_turn_{name} {help_text}"
    yield f"# TYPE rtc_turn_{name} {kind}"
    for labels, value in values.items():
        yield f"rtc_turn_{name}{labels} {value}"


def uri(listener: TurnListener) -> str:
    """The URI that clients are to be given for a listener."""
    scheme = "turns" if listener.transport in ("tls", "dtls") else "turn"
    host = f"[{listener.host}]" if ":" in listener.host else listener.host
    transport = "udp" if listener.transport in ("udp", "dtls") else "tcp"
    return f"{scheme}:{host}:{listener.port}?transport={transport}"


@contextlib.asynccontextmanager
async def statistics_page(service: TurnService, realm: str, host: str, port: int) -> AsyncIterator[str]:
    """Serve the page while the block runs; yields its URL.

    Raises:
        CommandError: The port cannot be bound.
    """
    statistics = Statistics(service, realm)

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        # A site of somebody else that is open in the same browser must not read this.
        if not is_allowed_host(request.host, ()):
            return web.Response(status=403, text="ask by IP address, or as localhost\n", headers=HEADERS)
        return await handler(request)

    async def document(request: web.Request) -> web.StreamResponse:  # noqa: ARG001 - what a handler takes
        return web.json_response(statistics.document(), headers=HEADERS)

    async def metrics(request: web.Request) -> web.StreamResponse:  # noqa: ARG001 - what a handler takes
        return web.Response(text=statistics.metrics(), content_type="text/plain", headers=HEADERS)

    site = web.Application(middlewares=[guard])
    for path, (name, content_type) in FILES.items():
        site.router.add_get(path, _file(resources.files("rtc_cli").joinpath(name).read_bytes(), content_type))
    site.router.add_get("/statistics.json", document)
    site.router.add_get("/metrics", metrics)
    server = runner(site)
    await server.setup()
    try:
        try:
            await web.TCPSite(server, host, port).start()
        except OSError as error:
            raise CommandError(
                f"the statistics page cannot be served at {host} port {port}: {reason(error)}"
            ) from error
        bound = server.addresses[0][1]
        yield f"http://{f'[{host}]' if ':' in host else host}:{bound}/"
    finally:
        await server.cleanup()


def _file(content: bytes, content_type: str) -> Handler:
    async def serve(request: web.Request) -> web.StreamResponse:  # noqa: ARG001 - what a handler takes
        return web.Response(body=content, content_type=content_type, charset="utf-8", headers=HEADERS)

    return serve
