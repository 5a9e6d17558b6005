"""`rtc demo`, as a person and as a program see it."""

import errno
import importlib
import io
import json
import os
import pty
import signal
import subprocess
import sys
import threading
import time
from types import ModuleType
from typing import NoReturn

import pytest
from click.testing import CliRunner
from rich.console import Console

import rtc_cli
from rtc_asyncio import RTCDataChannel, UdpSocket
from rtc_cli import main, running
from rtc_cli.demo import Options, run_demo
from rtc_cli.errors import CommandError
from rtc_cli.measurement import Bulk, RoundTrips, measure_bulk, measure_round_trips
from rtc_cli.output import Output

from .process import command, environment

QUICK = ("--size", "1", "--messages", "3")


def test_the_report_has_timeline_and_summary() -> None:
    result = CliRunner().invoke(main, ["demo", "--size", "2", "--messages", "5"])

    assert result.exit_code == 0, result.output
    steps = ("offer", "gathering", "candidate", "answer", "checks", "path found", "DTLS done", "channel open", "closed")
    for words in (*steps, "Summary", "selected pair", "DTLS 1.3", "MB/s"):
        assert words in result.output
    assert "gathering gathering" not in result.output


def test_json_is_one_document_with_the_documented_keys() -> None:
    result = CliRunner().invoke(main, ["demo", *QUICK, "--json"])

    assert result.exit_code == 0, result.output
    document = json.loads(result.output)
    assert list(document) == [
        "version",
        "preparation",
        "timeline",
        "setup_ms",
        "round_trip_us",
        "bulk",
        "negotiated",
    ]
    assert document["bulk"]["bytes"] == 1_000_000
    assert document["round_trip_us"]["count"] == 3
    assert (
        document["round_trip_us"]["best"] <= document["round_trip_us"]["median"] <= document["round_trip_us"]["worst"]
    )
    assert document["negotiated"]["dtls_version"] == "1.3"
    assert set(document["negotiated"]["local"]) == {"type", "address", "port", "protocol"}


def test_the_timeline_tells_every_step_in_order() -> None:
    document = json.loads(CliRunner().invoke(main, ["demo", *QUICK, "--json"]).output)

    timeline = document["timeline"]
    events = [step["event"] for step in timeline]
    times = [step["ms"] for step in timeline]
    assert times == sorted(times)
    for before, after in (("offer", "answer"), ("answer", "path"), ("path", "secure"), ("secure", "open")):
        assert events.index(before) < events.index(after)
    assert events[-3:] == ["round_trips", "bulk", "closed"]
    assert document["setup_ms"] == timeline[events.index("open")]["ms"]
    assert {step["peer"] for step in timeline} == {"alice", "bob", None}


@pytest.mark.parametrize("host", ["127.0.0.1"])
def test_it_connects_over_the_addresses_that_were_named(host: str) -> None:
    document = json.loads(CliRunner().invoke(main, ["demo", *QUICK, "--host", host, "--json"]).output)

    assert document["negotiated"]["local"]["address"] == document["negotiated"]["remote"]["address"] == host


def test_no_usable_address_is_one_sentence_at_once() -> None:
    started = time.monotonic()
    result = CliRunner().invoke(main, ["demo", "--host", "192.0.2.1", "--timeout", "600"])

    assert result.exit_code == 1
    assert result.stderr == (
        "rtc: no address can be used: is a network interface up, and is every --host one of this machine?\n"
    )
    assert time.monotonic() - started < 60


def test_a_network_that_loses_everything_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(UdpSocket, "send", lambda self, datagrams: None)
    result = CliRunner().invoke(main, ["demo", "--timeout", "0.3"])

    assert result.exit_code == 1
    assert result.stderr.startswith("rtc: the peers did not connect within 0.3 s (ICE is ")
    assert len(result.stderr.splitlines()) == 1


def test_a_failure_is_a_document_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(UdpSocket, "send", lambda self, datagrams: None)
    result = CliRunner().invoke(main, ["demo", "--timeout", "0.3", "--json"])

    assert result.exit_code == 1
    assert "did not connect" in json.loads(result.stdout)["error"]


async def test_a_connection_that_stands_still_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    async def cut_off(
        sender: RTCDataChannel, receiver: RTCDataChannel, *, length: int, timeout: float, console: Console | None
    ) -> Bulk:
        monkeypatch.setattr(UdpSocket, "send", lambda self, datagrams: None)
        return await measure_bulk(sender, receiver, length=length, timeout=timeout / 100, console=console)

    monkeypatch.setattr("rtc_cli.demo.measure_bulk", cut_off)
    with pytest.raises(CommandError, match=r"stood still for 20 s"):
        await run_demo(Options(length=10**12, messages=1, timeout=20), as_json=True)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--size", "0"],
        ["--messages", "0"],
        ["--timeout", "0"],
        ["--timeout", "nan"],
        ["--timeout", "inf"],
        ["--host", "example.org"],
        ["--dance"],
    ],
)
def test_a_wrong_command_line_is_exit_code_2(arguments: list[str]) -> None:
    assert CliRunner().invoke(main, ["demo", *arguments]).exit_code == 2


def test_help_says_defaults_and_units() -> None:
    text = CliRunner().invoke(main, ["demo", "--help"]).output

    for words in ("64", "MB", "200", "15.0", "SECONDS", "milliseconds", "loopback"):
        assert words in text


class Full(io.TextIOWrapper):
    """A file on a disk that is full."""

    def __init__(self, number: int) -> None:
        super().__init__(io.BytesIO())
        self._number = number

    def write(self, text: str, /) -> NoReturn:
        raise OSError(self._number, os.strerror(self._number))


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (errno.ENOSPC, "standard output cannot be written: No space left on device"),
        (errno.EPIPE, "standard output was closed before everything was written"),
    ],
)
@pytest.mark.parametrize("arguments", [["demo", *QUICK], ["demo", *QUICK, "--json"], ["serve", "--port", "0"]])
def test_output_that_goes_nowhere_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], number: int, sentence: str
) -> None:
    monkeypatch.setattr(running, "Output", lambda stream: Output(Full(number)))
    result = CliRunner().invoke(main, arguments)

    assert result.exit_code == 1
    assert result.stderr == f"rtc: {sentence}\n"


def test_without_standard_output_it_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "Output", lambda stream: Output(None))
    result = CliRunner().invoke(main, ["demo", *QUICK])

    assert (result.exit_code, result.output) == (0, "")


def test_ctrl_c_is_exit_code_130_without_a_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    async def interrupted(
        sender: RTCDataChannel, receiver: RTCDataChannel, *, count: int, timeout: float
    ) -> RoundTrips:
        signal.raise_signal(signal.SIGINT)
        return await measure_round_trips(sender, receiver, count=count, timeout=timeout)

    monkeypatch.setattr("rtc_cli.demo.measure_round_trips", interrupted)
    result = CliRunner().invoke(main, ["demo", *QUICK])

    assert result.exit_code == 130
    assert result.stderr == ""


def test_ctrl_c_while_it_loads_is_exit_code_130_too(monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupted(ModuleType):
        @property
        def main(self) -> NoReturn:
            raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "rtc_cli.main", Interrupted("rtc_cli.main"))
    with pytest.raises(SystemExit) as ended:
        importlib.reload(rtc_cli)

    assert ended.value.code == 130


@pytest.mark.parametrize("columns", [80, 120])
def test_on_a_terminal_no_line_is_wider_than_it(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", str(columns))
    text = _on_terminal(monkeypatch, "demo", *QUICK)

    assert "Summary" in text
    assert "\x1b[3" not in text  # no colour was asked for
    lines = [line.rpartition("\r")[2] for line in text.replace("\r\n", "\n").split("\n")]
    assert max(len(line) for line in lines if "\x1b" not in line) <= columns


# --- as a process ---


def test_python_m_rtc_cli_is_the_same_command() -> None:
    done = subprocess.run(command("--version"), capture_output=True, text=True, check=True, env=environment())

    assert done.stdout.startswith("rtc, version ")


def test_piped_it_is_plain_text_without_a_bar_and_without_warnings_even_in_ascii() -> None:
    env = environment(PYTHONIOENCODING="ascii")
    done = subprocess.run(command("demo", *QUICK), capture_output=True, text=True, check=True, env=env)

    assert "Summary" in done.stdout
    assert "\x1b" not in done.stdout
    assert "\r" not in done.stdout
    assert done.stderr == ""


def _on_terminal(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    """What a command writes to a terminal."""
    leader, follower = pty.openpty()
    written = bytearray()

    def read() -> None:
        while chunk := _read(leader):
            written.extend(chunk)

    reader = threading.Thread(target=read)
    reader.start()
    with os.fdopen(follower, "w") as terminal:
        monkeypatch.setattr(sys, "stdout", terminal)
        with pytest.raises(SystemExit) as ended:
            main(arguments)
    reader.join()
    os.close(leader)
    assert ended.value.code == 0
    return written.decode()


def _read(leader: int) -> bytes:
    try:
        return os.read(leader, 65536)
    except OSError:  # Linux says so when the last writer is gone
        return b""
