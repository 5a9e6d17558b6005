"""`rtc serve` as a process: its events, its signals, its commands, and what keeps it from serving."""

import asyncio
import importlib
import json
import os
import signal
import socket
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from rtc_cli.main import main
from rtc_cli.report import Report
from rtc_cli.serve import Options, Server, run_serve, settings

from .page import Page
from .process import Serve


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


async def test_every_line_is_an_object_and_chat_can_be_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading) as stdin, os.fdopen(writing, "w", buffering=1) as keyboard:
        monkeypatch.setattr(sys, "stdin", stdin)
        serving = asyncio.create_task(run_serve(_options(tmp_path), as_json=True))
        while not (printed := capsys.readouterr().out):
            await asyncio.sleep(0.01)
        async with Page.open(json.loads(printed)["url"].rstrip("/")) as page:
            while '"connected"' not in printed:
                await asyncio.sleep(0.01)
                printed += capsys.readouterr().out
            await page.say("hello, Python")
            keyboard.write("hello, browser\n")
            heard = await page.hear()
            while '"chat"' not in printed:
                await asyncio.sleep(0.01)
                printed += capsys.readouterr().out
        keyboard.write("/quit\n")
        await serving

    events = [json.loads(line) for line in (printed + capsys.readouterr().out).splitlines()]
    assert heard == "hello, browser"
    assert events[2]["dtls_version"] == "1.3"
    assert events[3]["message"] == "hello, Python"
    names = [event["event"] for event in events]
    assert names[:4] == ["serving", "page_opened", "connected", "chat"]
    assert names[-1] == "ended"


async def test_a_terminal_that_is_gone_ends_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    leader, follower = os.openpty()
    os.close(leader)
    server = Server(await settings(_options(tmp_path)), Report(as_json=True))
    with os.fdopen(follower) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        monkeypatch.setattr("rtc_cli.serve.a_person_types", lambda: True)
        async with asyncio.timeout(20):
            await server.read_commands()


def test_nohup_is_respected() -> None:
    async def hang_up() -> None:
        signal.raise_signal(signal.SIGHUP)
        await asyncio.sleep(0)

    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with pytest.raises(SystemExit) as ended:
            importlib.import_module("rtc_cli.main").run(hang_up(), as_json=True)
    finally:
        signal.signal(signal.SIGHUP, before)

    assert ended.value.code == 0


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


@pytest.mark.parametrize("host", ["a..b", "x" * 100])
def test_a_name_that_is_none_is_one_sentence(host: str) -> None:
    done = CliRunner().invoke(main, ["serve", "--host", host])

    assert done.exit_code == 1
    assert done.stderr == f"rtc: {host} is no name of a machine\n"


@pytest.mark.parametrize("arguments", [["--host", ""], ["--host", " "], ["--timeout", "nan"]])
def test_a_wrong_command_line_is_exit_code_2(arguments: list[str]) -> None:
    assert CliRunner().invoke(main, ["serve", *arguments]).exit_code == 2


def test_a_malformed_stun_uri_is_one_sentence() -> None:
    done = CliRunner().invoke(main, ["serve", "--stun", "http://stun.example.org"])

    assert done.exit_code == 1
    assert "--stun" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_help_says_defaults_and_units() -> None:
    text = CliRunner().invoke(main, ["serve", "--help"]).output

    for words in ("127.0.0.1", "8080", "received", "1024", "MB", "SECONDS", "30.0"):
        assert words in text


def _options(directory: Path) -> Options:
    return Options(
        host="127.0.0.1",
        port=0,
        names=(),
        directory=directory,
        max_file_length=1_000_000,
        stun_uris=(),
        timeout=20.0,
    )
