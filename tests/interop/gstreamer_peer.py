"""GStreamer's webrtcbin as a peer, in a process of the system's Python."""

import asyncio
import contextlib
import functools
import itertools
import json
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final, Self

PROGRAM: Final = Path(__file__).parent / "gstreamer" / "peer.py"
PYTHON: Final = "/usr/bin/python3"
_PROBE: Final = (
    "import gi; gi.require_version('Gst', '1.0'); gi.require_version('GstWebRTC', '1.0');"
    "from gi.repository import Gst, GstWebRTC; Gst.init(None);"
    "missing = [each for each in ('webrtcbin', 'nicesrc', 'vp8enc', 'x264enc', 'opusenc') if not Gst.ElementFactory.find(each)];"
    "raise SystemExit(1 if missing else 0)"
)


@functools.cache
def installed() -> bool:
    """Whether the bindings and all the elements are there."""
    if not Path(PYTHON).exists():
        return False
    return subprocess.run([PYTHON, "-c", _PROBE], check=False, capture_output=True).returncode == 0


class GStreamerPeer:
    """One pipeline with one webrtcbin."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._ids = itertools.count()

    @classmethod
    @contextlib.asynccontextmanager
    async def launch(cls, codec: str, turn_server: str | None = None) -> AsyncIterator[Self]:
        """Start it; `codec` of its pictures is "vp8" or "h264". With the URI of a TURN server it uses that alone."""
        arguments = (codec,) if turn_server is None else (codec, turn_server)
        process = await asyncio.create_subprocess_exec(
            PYTHON, str(PROGRAM), *arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert process.stdout is not None
        try:
            async with asyncio.timeout(30):
                assert json.loads(await process.stdout.readline()) == {"ready": True}
            yield cls(process)
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()

    async def ask(self, command: str, **arguments: object) -> Any:
        """Run one command and return its result; one at a time."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        request = {"id": next(self._ids), "command": command, **arguments}
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        async with asyncio.timeout(30):
            # Who was cancelled while it waited has left its reply behind.
            while (reply := json.loads(await self._process.stdout.readline()))["id"] != request["id"]:
                pass
        assert "error" not in reply, reply
        return reply["result"]
