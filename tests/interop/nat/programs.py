"""Programs that run in the namespaces: coturn, the `rtc` command, peers."""

import asyncio
import contextlib
import itertools
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from tests.cli.process import command, environment
from tests.support.nat_kinds import PairTypes

from .neighbourhood import OTHER_SERVER, OUR_OTHER_SERVER, OUR_SERVER, SERVER, Place

PROBE = bytes.fromhex("000100002112a442") + bytes(12)
"""A Binding request."""
REALM, USER, PASSWORD = "example.org", "alice", "secret"


@contextlib.contextmanager
def coturn(place: Place, folder: Path) -> Iterator[None]:
    """Coturn with two addresses, so that it helps with discovery, over UDP and TCP."""
    line = ["turnserver", "-n", "--no-cli", "--no-tls", "--no-dtls", "-L", SERVER, "-L", OTHER_SERVER, "-E", SERVER]
    line += ["-r", REALM, "--lt-cred-mech", "-u", f"{USER}:{PASSWORD}", "--log-file", "stdout"]
    line += ["--pidfile", str(folder / "pid"), "-b", str(folder / "db")]
    with (folder / "log").open("wb") as log, subprocess.Popen(place.command(*line), stdout=log, stderr=log) as process:
        try:
            _await_listening(place)
            yield
        finally:
            process.kill()


@contextlib.contextmanager
def rtc_turn(place: Place, folder: Path) -> Iterator[None]:
    """Our own server with two addresses, over UDP and TCP."""
    config = folder / "turn.toml"
    # An example's addresses are not public.
    config.write_text(
        f"""
        realm = "{REALM}"
        users.{USER} = "{PASSWORD}"
        listen = {{ hosts = ["{OUR_SERVER}", "{OUR_OTHER_SERVER}"], discovery = 3479 }}
        peers.allowed = ["198.51.100.0/24"]
        """
    )
    config.chmod(0o600)
    line = command("turn", "--config", str(config))
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(place.command(*line), stdout=log, stderr=log, env=environment()) as process,
    ):
        try:
            _await_listening(place)
            yield
        finally:
            process.terminate()


def _await_listening(place: Place) -> None:
    script = (
        "import socket; s = socket.socket(type=socket.SOCK_DGRAM); s.settimeout(0.5);"
        f" s.sendto({PROBE!r}, ('{place.host}', 3478)); s.recv(999)"
    )
    for _ in range(100):
        tried = subprocess.run(place.command(sys.executable, "-c", script), check=False, capture_output=True)
        if tried.returncode == 0:
            return
        time.sleep(0.1)
    raise AssertionError("the server does not listen")


async def rtc(place: Place, *arguments: str) -> tuple[int, dict[str, object]]:
    """Run `rtc ... --json` in a namespace; its exit code, and the document."""
    process = await asyncio.create_subprocess_exec(
        *place.command(*command(*arguments, "--json")),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment(RTC_PASSWORD=PASSWORD),
    )
    output, errors = await process.communicate()
    assert process.returncode is not None
    document = json.loads(output or b"{}")
    assert isinstance(document, dict), errors
    return process.returncode, document


class Selected(NamedTuple):
    """The pair that one side uses."""

    types: PairTypes
    relay_protocol: str | None
    """How our own relay is reached, if it is used: "udp" or "tcp"."""

    @classmethod
    def of(cls, reply: object) -> "Selected":
        """Read what `tests.interop.nat.peer` says."""
        match reply:
            case [str(near), str(far), str() | None as relay]:
                return cls(PairTypes(near, far), relay)
            case _:
                raise AssertionError(f"no pair was selected: {reply}")


class RemotePeer:
    """The process of `tests.interop.nat.peer` in a namespace."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._numbers = itertools.count()
        self._waiting: dict[int, asyncio.Future[object]] = {
            next(self._numbers): asyncio.get_running_loop().create_future()
        }
        self._reading = asyncio.create_task(self._read())

    @classmethod
    @contextlib.asynccontextmanager
    async def launch(cls, place: Place) -> AsyncIterator["RemotePeer"]:
        """Start it, and wait until it is ready."""
        process = await asyncio.create_subprocess_exec(
            *place.command(sys.executable, "-m", "tests.interop.nat.peer"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=environment(),
            limit=1 << 20,
        )
        peer = cls(process)
        try:
            await peer._waiting[0]
            yield peer
        finally:
            peer._reading.cancel()
            assert process.stdin is not None
            process.stdin.close()
            try:
                async with asyncio.timeout(5):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()

    async def call(self, call: str, key: str, **arguments: object) -> object:
        """Have it do something; returns the result.

        Raises:
            AssertionError: It did not work.
        """
        number = next(self._numbers)
        result = self._waiting[number] = asyncio.get_running_loop().create_future()
        line = json.dumps({"id": number, "call": call, "key": key, **arguments})
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\n")
        try:
            return await result
        finally:
            del self._waiting[number]

    async def _read(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            reply = json.loads(line)
            future = self._waiting.get(reply["id"])
            if future is None or future.done():
                continue
            if "error" in reply:
                future.set_exception(AssertionError(reply["error"]))
            else:
                future.set_result(reply["result"])
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(AssertionError("the peer's process has ended"))


async def connect(
    left: RemotePeer, right: RemotePeer, key: str, configuration: Mapping[str, object], *, timeout: float
) -> tuple[Selected, Selected]:
    """Connect two peers; returns the path as each sees it.

    Raises:
        AssertionError: They do not connect.
    """
    try:
        offer = await left.call("offer", key, configuration=configuration)
        answer = await right.call("answer", key, configuration=configuration, sdp=offer)
        await left.call("accept", key, sdp=answer)
        paths = await asyncio.gather(left.call("path", key, timeout=timeout), right.call("path", key, timeout=timeout))
        here, there = (Selected.of(path) for path in paths)
        return here, there
    finally:
        for peer in (left, right):
            with contextlib.suppress(AssertionError):
                await peer.call("close", key)
