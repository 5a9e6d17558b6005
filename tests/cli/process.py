"""The `rtc` command as a process of its own."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Self


def environment(**more: str) -> dict[str, str]:
    """What the process needs to find the packages that the tests found; every warning is shown."""
    return os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONWARNINGS": "default", "COLUMNS": "80"} | more


def command(*arguments: str) -> list[str]:
    """The command line of `rtc ARGUMENTS`."""
    return [sys.executable, "-m", "rtc_cli", *arguments]


class Serve:
    """A running `rtc serve --json`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.events: list[dict[str, object]] = []
        """Everything it said so far that was waited for."""
        self.url = ""

    @classmethod
    @contextlib.asynccontextmanager
    async def launch(cls, directory: Path, *arguments: str) -> AsyncIterator[Self]:
        """Start it on a free port and wait until it serves; it is interrupted afterwards, if it still runs."""
        process = await asyncio.create_subprocess_exec(
            *command("serve", "--json", "--port", "0", "--directory", str(directory), *arguments),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment(),
        )
        serve = cls(process)
        try:
            serve.url = str((await serve.event("serving"))["url"]).rstrip("/")
            yield serve
        finally:
            if process.returncode is None:
                await serve.end(signal.SIGINT)

    async def event(self, name: str, timeout: float = 20.0) -> dict[str, object]:
        """The next event of this name; others are skipped."""
        assert self._process.stdout is not None
        async with asyncio.timeout(timeout):
            while line := await self._process.stdout.readline():
                event = json.loads(line)
                assert isinstance(event, dict)
                self.events.append(event)
                if event.get("event") == name:
                    return event
        raise AssertionError(f"no {name!r} among {self.events}; {await self._errors()}")

    async def type(self, line: str) -> None:
        """Type a line into its terminal."""
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\n")
        await self._process.stdin.drain()

    async def end(self, number: int | None = None) -> tuple[int, str]:
        """Wait for its end, after a signal if one is given; returns exit code and standard error."""
        if number is not None:
            self._process.send_signal(number)
        async with asyncio.timeout(15):
            _, errors = await self._process.communicate()
        assert self._process.returncode is not None
        return self._process.returncode, errors.decode()

    async def _errors(self) -> str:
        assert self._process.stderr is not None
        return (await self._process.stderr.read()).decode()
