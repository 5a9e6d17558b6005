"""Another implementation, running in Node and driven like a browser page."""

import asyncio
import contextlib
import itertools
import json
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final, Self

from .browser import CALL_TIMEOUT, START_TIMEOUT, PageError

FOLDER: Final = Path(__file__).parent / "node"
NAMES: Final = ("node-datachannel", "werift", "wrtc")
_MODULES: Final = {"node-datachannel": "node-datachannel", "werift": "werift", "wrtc": "@roamhq/wrtc"}


def installed(name: str) -> bool:
    """Whether Node and the package are there (`npm ci` in tests/interop/node)."""
    return shutil.which("node") is not None and (FOLDER / "node_modules" / _MODULES[name]).exists()


class NodePeer:
    """One Node process with one implementation loaded."""

    def __init__(self, name: str, process: asyncio.subprocess.Process) -> None:
        self.name = name
        self._process = process
        self._answers: dict[int, asyncio.Future[object]] = {}
        self._ids = itertools.count()

    @classmethod
    @contextlib.asynccontextmanager
    async def launch(cls, name: str) -> AsyncIterator[Self]:
        """Start Node and wait until the implementation is loaded."""
        process = await asyncio.create_subprocess_exec(
            "node",
            "peer.mjs",
            name,
            cwd=FOLDER,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            limit=64 * 1024 * 1024,
        )
        assert process.stdout is not None
        peer = cls(name, process)
        reader: asyncio.Task[None] | None = None
        try:
            ready = await asyncio.wait_for(process.stdout.readline(), START_TIMEOUT)
            if not ready:
                raise PageError(f"Node could not load {name}")
            reader = asyncio.create_task(peer._read(process.stdout))
            yield peer
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
            if reader is not None:
                await reader

    async def run(self, code: str, argument: object = None, *, timeout: float = CALL_TIMEOUT) -> object:
        """Run `code` as the body of an async function of `argument` and return what it returned.

        Raises:
            PageError: The code threw.
        """
        assert self._process.stdin is not None
        identifier = next(self._ids)
        answer: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self._answers[identifier] = answer
        line = json.dumps({"id": identifier, "code": code, "argument": argument})
        self._process.stdin.write(line.encode() + b"\n")
        await self._process.stdin.drain()
        async with asyncio.timeout(timeout):  # not wait_for, which loses a cancellation that comes with the answer
            return await answer

    async def _read(self, stdout: asyncio.StreamReader) -> None:
        while line := await stdout.readline():
            reply = json.loads(line)
            answer = self._answers.pop(reply["id"])
            if answer.done():
                continue
            if "error" in reply:
                answer.set_exception(PageError(reply["error"]))
            else:
                answer.set_result(reply["result"])
        code = await self._process.wait()  # negative: the signal that ended it
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(PageError(f"{self.name} went away with exit code {code}"))
