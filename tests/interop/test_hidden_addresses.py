"""Chromium with hidden addresses, as people have it: each side finds the other by its name alone."""

import asyncio
import re

import pytest

from rtc_asyncio import NetworkOptions, RTCPeerConnection
from rtc_asyncio.interfaces import local_hosts

from .browser import Browser, executable
from .remote import Call, Remote

REMOTE_TYPE = """
const reports = [...(await peer.pc.getStats()).values()];
const pair = reports.find((each) => each.type === "candidate-pair" && each.nominated);
return reports.find((each) => each.id === pair?.remoteCandidateId)?.candidateType;
"""
NAME = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.local")

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(executable("chromium") is None, reason="no Chromium here"),
]


def _ipv4() -> str:
    host = next((each for each in local_hosts() if ":" not in each and not each.startswith("127.")), None)
    if host is None:
        pytest.skip("this machine has no network")
    return host


def _remote_type(pc: RTCPeerConnection) -> str | None:
    """What we know the address as that we send to."""
    pair = None if pc.sctp is None else pc.sctp.transport.iceTransport.getSelectedCandidatePair()
    return None if pair is None else pair.remote.type


@pytest.mark.parametrize("offerer", ["ours", "theirs"])
@pytest.mark.parametrize("hides", [False, True], ids=["we show ours", "we hide ours"])
async def test_names_lead_to_each_other(offerer: str, hides: bool) -> None:
    host = _ipv4()
    async with Browser.launch("chromium", hides_addresses=True) as chromium:
        ours = RTCPeerConnection(hosts=[host], network=NetworkOptions(hide_hosts=hides))
        call = Call(ours, await Remote.create(chromium))
        if offerer == "ours":
            call.create("hello")
        else:
            await call.theirs.channel("hello")
        await call.connect(offerer=offerer)
        channel = await call.channel("hello")
        channel.send("found you")

        assert await call.theirs.messages("hello", 1) == ["found you"]
        assert ours.remoteDescription is not None
        assert ours.localDescription is not None
        theirs = [line for line in ours.remoteDescription.sdp.splitlines() if line.startswith("a=candidate")]
        assert all(NAME.search(line) for line in theirs if " udp " in line)
        assert (host in ours.localDescription.sdp) is not hides
        # Who did not resolve the other's name knows its address by checks alone.
        async with asyncio.timeout(5.0):
            while _remote_type(ours) != "host" or await call.theirs.run(REMOTE_TYPE) != "host":
                await asyncio.sleep(0.05)
        await call.close()
