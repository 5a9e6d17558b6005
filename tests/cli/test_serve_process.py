"""`rtc serve` as a process: its events, its signals, its commands, and what keeps it from serving."""

import asyncio
import json
import signal
import socket
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from rtc_cli.main import main

from .page import Page
from .process import Serve, command, environment


async def test_every_line_is_an_object_and_chat_can_be_typed(tmp_path: Path) -> None:
    async with Serve.launch(tmp_path) as serve, Page.open(serve.url) as page:
        connected = await serve.event("connected")
        await page.say("hello, Python")
        said = await serve.event("chat")
        await serve.type("hello, browser")

        assert await page.hear() == "hello, browser"
    assert said["message"] == "hello, Python"
    assert connected["dtls_version"] == "1.2"
    assert [event["event"] for event in serve.events] == ["serving", "page_opened", "connected", "chat"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_ends_it_cleanly_in_mid_transfer(tmp_path: Path, number: signal.Signals) -> None:
    async with Serve.launch(tmp_path) as serve, Page.open(serve.url) as page:
        channel = await page.begin_file({"name": "a.bin", "size": 1000})
        channel.send(bytes(500))
        while not list(tmp_path.iterdir()):
            await asyncio.sleep(0.01)
        code, errors = await serve.end(number)

    assert code == 128 + number
    assert errors == ""
    assert list(tmp_path.iterdir()) == []


async def test_quit_is_success(tmp_path: Path) -> None:
    async with Serve.launch(tmp_path) as serve:
        await serve.type("/quit")
        code, errors = await serve.end()

    assert (code, errors) == (0, "")


async def test_a_page_finds_a_restarted_server(tmp_path: Path) -> None:
    for _ in range(2):
        async with Serve.launch(tmp_path) as serve, Page.open(serve.url) as page:
            await serve.event("connected")
            await page.say("hello")
            await serve.event("chat")


async def test_commands_that_cannot_be_done_say_why(tmp_path: Path) -> None:
    async with Serve.launch(tmp_path) as serve:
        await serve.type(f"/send {tmp_path}/nothing")
        assert "is not a file" in str((await serve.event("error"))["text"])
        await serve.type("hello?")
        assert "no browser is connected" in str((await serve.event("error"))["text"])
        await serve.type("/dance")
        assert "/send FILE" in str((await serve.event("help"))["text"])


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command("serve", *arguments), capture_output=True, text=True, check=False, env=environment(), timeout=30
    )


def test_a_port_in_use_is_one_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = _run("--port", port)
        as_json = _run("--port", port, "--json")

    assert done.returncode == as_json.returncode == 1
    assert done.stderr == f"rtc: port {port} on 127.0.0.1 is in use; choose another with --port, or --port 0 for any\n"
    assert json.loads(as_json.stdout)["error"] == done.stderr.removeprefix("rtc: ").rstrip()


def test_an_address_of_another_machine_is_one_sentence() -> None:
    done = _run("--host", "192.0.2.1")

    assert done.returncode == 1
    assert done.stderr.startswith("rtc: 192.0.2.1 is no address of this machine")
    assert len(done.stderr.splitlines()) == 1


def test_a_malformed_stun_uri_is_one_sentence() -> None:
    done = _run("--stun", "http://stun.example.org")

    assert done.returncode == 1
    assert "--stun" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_help_says_defaults_and_units() -> None:
    text = CliRunner().invoke(main, ["serve", "--help"]).output

    for words in ("127.0.0.1", "8080", "received", "1024", "MB", "SECONDS", "30.0"):
        assert words in text
