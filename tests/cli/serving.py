"""What `rtc serve` runs, within the test: the site, its server, and a report that can be waited for."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Self

from aiohttp import web

from rtc_asyncio import RTCConfiguration
from rtc_cli.browser import Settings
from rtc_cli.report import Report
from rtc_cli.serve import Server
from rtc_cli.site import application, runner


class Recorder(Report):
    """Keeps what the terminal would show."""

    def __init__(self) -> None:
        super().__init__(as_json=True)
        self.events: list[dict[str, object]] = []
        self._more = asyncio.Event()

    def say(self, event: str, text: str, **details: object) -> None:
        self.events.append({"event": event, "text": text, **details})
        self._more.set()

    async def event(self, name: str) -> dict[str, object]:
        """The next event of this name; others are skipped."""
        skipped = []
        async with asyncio.timeout(20):
            while True:
                while self.events:
                    event = self.events.pop(0)
                    if event["event"] == name:
                        return event
                    skipped.append(event)
                self._more.clear()
                try:
                    await self._more.wait()
                except asyncio.CancelledError:
                    raise AssertionError(f"no {name!r} among {skipped}") from None


class Serving:
    """A server that listens."""

    def __init__(
        self, directory: Path, *, max_file_length: int = 100_000_000, timeout: float = 20.0, film: Path | None = None
    ) -> None:
        self.directory = directory
        self.report = Recorder()
        self.server = Server(
            Settings(
                directory=directory,
                max_file_length=max_file_length,
                timeout=timeout,
                configuration=RTCConfiguration(),
                film=film,
            ),
            self.report,
        )
        self.site = application([], self.server.serve_browser)
        self.url = ""

    @classmethod
    @contextlib.asynccontextmanager
    async def launch(
        cls, directory: Path, *, max_file_length: int = 100_000_000, timeout: float = 20.0, film: Path | None = None
    ) -> AsyncIterator[Self]:
        """Listen on a free port of 127.0.0.1."""
        serving = cls(directory, max_file_length=max_file_length, timeout=timeout, film=film)
        site = runner(serving.site)
        await site.setup()
        await web.TCPSite(site, "127.0.0.1", 0).start()
        serving.url = f"http://127.0.0.1:{site.addresses[0][1]}"
        try:
            yield serving
        finally:
            await serving.server.close()
            await site.cleanup()

    async def event(self, name: str) -> dict[str, object]:
        """The next event of this name; others are skipped."""
        return await self.report.event(name)
