"""NAT behaviour discovery against coturn: our client asks it, and its client asks our server."""

import asyncio
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.process import command, environment
from tests.cli.stun_service import stun_service
from tests.interop.dtls_driver import free_port
from tests.interop.turn_driver import coturn, installed
from tests.support.peers import require


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """Coturn on two addresses of the loopback interface, and on two ports."""
    require(installed(), "coturn is not installed")
    chosen = free_port()
    with coturn(tmp_path, "-L", "127.0.0.2", "--alt-listening-port", str(chosen + 1), user=None, port=chosen) as port:
        yield port


def rtc_stun(*arguments: str) -> dict[str, object]:
    """What `rtc stun --json` prints."""
    line = command("stun", "--json", *arguments)
    done = subprocess.run(line, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert isinstance(document, dict)
    return document


def test_our_client_explores_with_the_help_of_coturn(port: int) -> None:
    found = rtc_stun(f"127.0.0.1:{port}")

    assert found["mapping"] == found["filtering"] == "endpoint-independent"
    assert found["local"] == found["mapped"]
    assert (found["translated"], found["fragments"], found["rewriting"]) == (False, True, False)


def test_the_lifetime_of_a_binding_is_found_with_the_help_of_coturn(port: int) -> None:
    found = rtc_stun(f"127.0.0.1:{port}", "--lifetime", "--longest", "1")

    assert found["lifetime"] == {"at_least": 1.0, "less_than": None}


def test_over_tcp(port: int) -> None:
    found = rtc_stun(f"127.0.0.1:{port}", "--transport", "tcp")

    assert found["local"] == found["mapped"]


async def test_coturns_client_explores_with_our_help() -> None:
    require(shutil.which("turnutils_natdiscovery"), "coturn's client for discovery is not installed")
    async with stun_service() as address:
        output = await _natdiscovery("-m", "-f", "-p", str(address.port), address.host)

    assert re.search(r"NAT with Endpoint Independent Mapping|No NAT", output), output
    assert "Endpoint Independent Filtering" in output


async def _natdiscovery(*arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        "turnutils_natdiscovery", *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    async with asyncio.timeout(60):
        output, _ = await process.communicate()
    return output.decode(errors="replace")
