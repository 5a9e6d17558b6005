"""The examples of the documentation run and do what they say."""

import asyncio
import inspect
import os
import runpy
import subprocess
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from tests.support.installed import write_metadata

from rtc_asyncio import RTCPeerConnection

EXAMPLES = Path(__file__).parent.parent.parent / "docs" / "examples"


@pytest.mark.parametrize(
    ("name", "output"),
    [
        ("first_connection.py", "HELLO"),
        ("perfect_negotiation.py", "both channels are open: from the left, from the right"),
        ("plain_sockets.py", "HELLO"),
        ("trio_adapter.py", "HELLO"),
        ("first_call.py", "a picture of 320 by 240, and sound at 48000 Hz"),
        ("dial.py", "dialled 1509#"),
    ],
)
def test_an_example_prints_what_it_should(name: str, output: str, tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([*sys.path, str(write_metadata("rtc-media", tmp_path))])}
    done = subprocess.run(
        [sys.executable, "-X", "dev", str(EXAMPLES / name)],
        capture_output=True,
        text=True,
        timeout=30,
        env=environment,
        check=False,
    )

    # On a busy machine the development mode of Python remarks that importing takes its time.
    complaints = [line for line in done.stderr.splitlines() if not line.startswith("Executing <")]
    assert (done.stdout.strip(), complaints) == (output, [])


def test_the_example_for_browsers_is_importable() -> None:
    pytest.importorskip("aiohttp")
    namespace = runpy.run_path(str(EXAMPLES / "answer_a_browser.py"))

    assert inspect.iscoroutinefunction(namespace["signalling"])


async def test_the_server_with_one_port_serves_many() -> None:
    pytest.importorskip("aiohttp")
    from aiohttp.test_utils import TestClient, TestServer

    application = runpy.run_path(str(EXAMPLES / "single_port_server.py"))["application"]
    async with TestClient(TestServer(application(0, hosts=["127.0.0.1"]))) as http, AsyncExitStack() as stack:
        assert "/offer" in await (await http.get("/")).text()
        ports = set()
        for number in range(3):
            pc = await stack.enter_async_context(RTCPeerConnection(hosts=["127.0.0.1"]))
            channel = pc.createDataChannel("echo")
            await pc.setLocalDescription()
            assert pc.localDescription is not None
            answer = await (await http.post("/offer", json=pc.localDescription.toJSON())).json()
            ports |= {line.split()[5] for line in answer["sdp"].splitlines() if line.startswith("a=candidate")}
            await pc.setRemoteDescription(answer)
            async with asyncio.timeout(10):
                await channel.wait_for("open")
                channel.send(f"hello {number}")
                assert await anext(aiter(channel)) == f"hello {number}"

        assert len(ports) == 1
