"""`rtc serve` as a process: its events, its signals, its commands, and what keeps it from serving."""

import asyncio
import json
import signal
import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

from rtc_cli.main import main

from .page import Page
from .process import Serve


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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
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


def test_a_port_in_use_is_one_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = CliRunner().invoke(main, ["serve", "--port", port])
        as_json = CliRunner().invoke(main, ["serve", "--port", port, "--json"])

    assert done.exit_code == as_json.exit_code == 1
    assert done.stderr == f"rtc: port {port} on 127.0.0.1 is in use; choose another with --port, or --port 0 for any\n"
    assert json.loads(as_json.stdout)["error"] == done.stderr.removeprefix("rtc: ").rstrip()


def test_an_address_of_another_machine_is_one_sentence() -> None:
    done = CliRunner().invoke(main, ["serve", "--host", "192.0.2.1"])

    assert done.exit_code == 1
    assert done.stderr.startswith("rtc: 192.0.2.1 is no address of this machine")
    assert len(done.stderr.splitlines()) == 1


def test_a_malformed_stun_uri_is_one_sentence() -> None:
    done = CliRunner().invoke(main, ["serve", "--stun", "http://stun.example.org"])

    assert done.exit_code == 1
    assert "--stun" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_help_says_defaults_and_units() -> None:
    text = CliRunner().invoke(main, ["serve", "--help"]).output

    for words in ("127.0.0.1", "8080", "received", "1024", "MB", "SECONDS", "30.0"):
        assert words in text
