"""Our network changes while a browser is connected: it is in a network of its own, and we move to another address.

Needs Linux, root and iproute2; what cannot be tried is skipped.
"""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest

from rtc_asyncio import NetworkOptions, RTCPeerConnection

from .browser import NAMES, Browser, executable
from .remote import Call, Remote, pattern

pytestmark = pytest.mark.asyncio(loop_scope="session")

TOTAL = 4 * 1024 * 1024
ARRIVED = """
const kept = peer.channels.bulk, wanted = pattern(argument.total, 7);
await until(() => kept.bytes >= argument.total, "all bytes", 60);
let at = 0;
for (const part of kept.bulk) {
  for (let i = 0; i < part.length; i++) if (part[i] !== wanted[at + i]) return false;
  at += part.length;
}
return at === argument.total;
"""
"""Whether what arrived is what was sent; the page is no secure context, so that it cannot compute digests."""
NUMBER = os.getpid() % 250
"""So that what a run that was killed left behind is not in the way."""
PREFIX = f"10.79.{NUMBER}."
SIGNALLING = f"10.78.{NUMBER}."


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@pytest.fixture
def wire() -> Iterator[str]:
    """A cable into a namespace of its own; both ends have an address for data and one for signalling."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("needs Linux, root and iproute2")
    name = f"rtcb{os.getpid() % 100_000}"
    try:
        _ip("netns", "add", name)
        _ip("-n", name, "link", "set", "lo", "up")
        _ip("link", "add", name, "type", "veth", "peer", "name", "wire", "netns", name)
        for prefix in (PREFIX, SIGNALLING):
            _ip("addr", "add", f"{prefix}1/24", "dev", name)
            _ip("-n", name, "addr", "add", f"{prefix}2/24", "dev", "wire")
        _ip("link", "set", name, "up")
        _ip("-n", name, "link", "set", "wire", "up")
        _ip("-n", name, "route", "add", "default", "via", f"{PREFIX}1")
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no network namespaces here: {error}")
    else:
        yield name
    finally:
        subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)
        subprocess.run(["ip", "link", "del", name], check=False, capture_output=True)


def _move(wire: str) -> None:
    _ip("addr", "del", f"{PREFIX}1/24", "dev", wire)
    _ip("addr", "add", f"{PREFIX}77/24", "dev", wire)


@pytest.mark.parametrize("offerer", ["ours", "theirs"], ids=["we control", "it controls"])
@pytest.mark.parametrize("name", NAMES)
async def test_a_transfer_to_a_browser_goes_on_at_another_address(wire: str, name: str, offerer: str) -> None:
    if executable(name) is None:
        pytest.skip(f"no {name} here")
    prefix = ["ip", "netns", "exec", wire]
    async with Browser.launch(name, host=f"{SIGNALLING}1", prefix=prefix) as browser:
        ours = RTCPeerConnection(network=NetworkOptions(addresses=lambda host: host.startswith(PREFIX)))
        call = Call(ours, await Remote.create(browser))
        restarts = 0

        @ours.on("negotiationneeded")
        async def _() -> None:
            nonlocal restarts
            if ours.connectionState != "new":
                restarts += 1
                await call.negotiate(offerer="ours")

        if offerer == "ours":
            call.create("bulk")
        else:
            await call.theirs.channel("bulk")
        await call.connect(offerer=offerer)
        channel = await call.channel("bulk")
        await call.theirs.run("(await peer.opened(argument.label)).bulk = [];", label="bulk")
        data = pattern(TOTAL, 7)
        arrived = asyncio.create_task(call.theirs.run(ARRIVED, total=TOTAL, timeout=90.0))

        for at in range(0, TOTAL, 16_384):
            channel.send(data[at : at + 16_384])
            await channel.drain()
            await asyncio.sleep(0.002)
            if at == TOTAL // 4:
                _move(wire)

        assert await arrived is True
        # Chromium chooses another pair by itself if it controls, mostly in time; where we do, only a restart may change it.
        assert restarts == 1 or (offerer == "theirs" and restarts == 0)
        assert ours.sctp is not None
        pair = ours.sctp.transport.iceTransport.getSelectedCandidatePair()
        assert pair is not None
        assert pair.local.address == f"{PREFIX}77"
        await call.close()
