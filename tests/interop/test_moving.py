"""Ourselves as the peer in a network that changes: two namespaces with a cable between them, in which addresses come and go.

Needs Linux, root and iproute2; what cannot be tried is skipped.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="session")

PROGRAM = Path(__file__).with_name("moving_peer.py")
TOTAL = 4 * 1024 * 1024


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


def _await_carrier(name: str) -> None:
    """Wait until a cable counts as up; the kernel takes up to a second, and who gathers before has no address."""
    for _ in range(500):
        shown = subprocess.run(["ip", "-n", name, "-j", "link", "show", "wire"], check=True, capture_output=True)
        if json.loads(shown.stdout)[0]["operstate"] == "UP":
            return
        time.sleep(0.01)
    raise AssertionError("the cable does not come up")


class Networks:
    """Two namespaces, each with one end of a cable."""

    def __init__(self) -> None:
        self.names = tuple(f"rtc-{os.getpid()}-{side}" for side in "ab")

    def build(self) -> None:
        """Make them."""
        for name in self.names:
            _ip("netns", "add", name)
            _ip("-n", name, "link", "set", "lo", "up")
        _ip("-n", self.names[0], "link", "add", "wire", "type", "veth", "peer", "name", "wire", "netns", self.names[1])
        for name, host in zip(self.names, ("10.77.0.1", "10.77.0.2"), strict=True):
            # IPv6 would be another way out.
            subprocess.run(
                ["ip", "netns", "exec", name, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1"], check=False
            )
            _ip("-n", name, "addr", "add", f"{host}/24", "dev", "wire")
            _ip("-n", name, "link", "set", "wire", "up")
        for name in self.names:
            _await_carrier(name)

    def destroy(self) -> None:
        """Take them away."""
        for name in self.names:
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)

    def add(self, side: int, host: str) -> None:
        """Give an end another address."""
        _ip("-n", self.names[side], "addr", "add", f"{host}/32", "dev", "wire")
        _ip("-n", self.names[side], "route", "replace", "10.77.0.0/24", "dev", "wire", "src", host)

    def remove(self, side: int, host: str) -> None:
        """Take the first address away."""
        _ip("-n", self.names[side], "addr", "del", f"{host}/24", "dev", "wire")

    @asynccontextmanager
    async def run(self, side: int, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
        """Run one end of a transfer in a namespace."""
        command = ["ip", "netns", "exec", self.names[side], sys.executable, str(PROGRAM), *arguments]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
        process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, env=environment)
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


@pytest.fixture
def networks() -> Iterator[Networks]:
    if not sys.platform.startswith("linux") or os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("needs Linux, root and iproute2")
    found = Networks()
    try:
        found.build()
    except (OSError, subprocess.CalledProcessError) as error:
        found.destroy()
        pytest.skip(f"no network namespaces here: {error}")
    yield found
    found.destroy()


async def _result(process: asyncio.subprocess.Process) -> dict[str, object]:
    assert process.stdout is not None
    while line := await process.stdout.readline():
        if line.startswith(b"{"):
            found = json.loads(line)
            assert isinstance(found, dict)
            return found
    raise AssertionError(f"the program ended without a word: {await process.wait()}")


async def _reached(process: asyncio.subprocess.Process, block: int) -> None:
    assert process.stdout is not None
    while line := await process.stdout.readline():
        if line.startswith(b"at ") and int(line.split()[1]) >= block:
            return
    raise AssertionError(f"the program ended before: {await process.wait()}")


@pytest.mark.parametrize("mover", [0, 1], ids=["sender", "receiver"])
@pytest.mark.parametrize(
    ("order", "still"),
    [("new first", ()), ("old first", ()), ("old first", ("--still",))],
    ids=["new first", "old first", "restart"],
)
async def test_a_transfer_survives_the_loss_of_its_address(
    networks: Networks, tmp_path: Path, mover: int, order: str, still: tuple[str, ...]
) -> None:
    signalling = str(tmp_path / "signalling")
    old = "10.77.0.1" if mover == 0 else "10.77.0.2"
    # Who moves understands it in any case; with "still" the other does not.
    flags = [(), ()] if not still else [still, ()][:: 1 if mover == 1 else -1]
    async with (
        asyncio.timeout(60),
        networks.run(1, "answer", signalling, str(TOTAL), *flags[1]) as receiver,
        networks.run(0, "offer", signalling, str(TOTAL), *flags[0]) as sender,
    ):
        await _reached(sender, 128)

        if order == "new first":
            networks.add(mover, "10.77.0.77")
            networks.remove(mover, old)
        else:
            networks.remove(mover, old)
            networks.add(mover, "10.77.0.77")
        results = await asyncio.gather(_result(sender), _result(receiver))

    assert results[0]["digest"] == results[1]["digest"]
    assert results[mover]["local"] == "10.77.0.77"
    assert results[mover]["changes"] != 0
    if not still:
        assert [each["restarts"] for each in results] == [0, 0]
        assert all("failed" not in str(each["states"]) for each in results)
