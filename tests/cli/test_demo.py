"""`rtc demo`, as a person and as a program see it."""

import asyncio
import json
import os
import pty
import signal
import subprocess
import time

import pytest
from click.testing import CliRunner

from rtc_asyncio import UdpSocket
from rtc_cli import main
from rtc_cli.demo import Options, run_demo
from rtc_cli.errors import CommandError

from .process import command, environment

QUICK = ("--size", "1", "--messages", "3")


def test_the_report_has_timeline_and_summary() -> None:
    result = CliRunner().invoke(main, ["demo", "--size", "2", "--messages", "5"])

    assert result.exit_code == 0, result.output
    steps = ("offer", "gathering", "candidate", "answer", "checks", "path found", "DTLS done", "channel open", "closed")
    for words in (*steps, "Summary", "selected pair", "DTLS 1.2", "MB/s"):
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
    assert document["negotiated"]["dtls_version"] == "1.2"
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
    result = CliRunner().invoke(main, ["demo", "--host", "192.0.2.1"])

    assert result.exit_code == 1
    assert result.stderr == (
        "rtc: no address can be used: is a network interface up, and is every --host one of this machine?\n"
    )
    assert time.monotonic() - started < 10


def test_a_network_that_loses_everything_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(UdpSocket, "send", lambda self, datagrams: None)
    result = CliRunner().invoke(main, ["demo", "--timeout", "0.3"])

    assert result.exit_code == 1
    assert result.stderr.startswith("rtc: the peers did not connect within 0.3 s (ICE is checking)")
    assert len(result.stderr.splitlines()) == 1


def test_a_failure_is_a_document_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(UdpSocket, "send", lambda self, datagrams: None)
    result = CliRunner().invoke(main, ["demo", "--timeout", "0.3", "--json"])

    assert result.exit_code == 1
    assert "did not connect" in json.loads(result.stdout)["error"]


async def test_a_connection_that_stands_still_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    demo = asyncio.create_task(run_demo(Options(length=10**12, messages=1, timeout=0.5), as_json=True))
    await asyncio.sleep(2)
    monkeypatch.setattr(UdpSocket, "send", lambda self, datagrams: None)

    with pytest.raises(CommandError, match=r"stood still for 0\.5 s"):
        await demo


@pytest.mark.parametrize(
    "arguments", [["--size", "0"], ["--messages", "0"], ["--timeout", "0"], ["--host", "example.org"], ["--dance"]]
)
def test_a_wrong_command_line_is_exit_code_2(arguments: list[str]) -> None:
    assert CliRunner().invoke(main, ["demo", *arguments]).exit_code == 2


def test_help_says_defaults_and_units() -> None:
    text = CliRunner().invoke(main, ["demo", "--help"]).output

    for words in ("64", "MB", "200", "15.0", "SECONDS", "milliseconds", "loopback"):
        assert words in text


# --- as a process ---


def test_python_m_rtc_cli_is_the_same_command() -> None:
    done = subprocess.run(command("--version"), capture_output=True, text=True, check=True, env=environment())

    assert done.stdout.startswith("rtc, version ")


def test_piped_it_is_plain_text_without_a_bar_and_without_warnings() -> None:
    done = subprocess.run(command("demo", *QUICK), capture_output=True, text=True, check=True, env=environment())

    assert "\x1b" not in done.stdout
    assert "\r" not in done.stdout
    assert "━" not in done.stdout
    assert done.stderr == ""


def test_a_terminal_without_unicode_is_no_failure() -> None:
    env = environment(PYTHONIOENCODING="ascii")
    done = subprocess.run(command("demo", *QUICK), capture_output=True, text=True, check=False, env=env)

    assert done.returncode == 0
    assert "Summary" in done.stdout


@pytest.mark.parametrize("columns", [80, 120])
def test_on_a_terminal_no_line_is_wider_than_it(columns: int) -> None:
    text = _on_terminal(columns, *QUICK, NO_COLOR="1", TERM="xterm")

    assert "Summary" in text
    assert "\x1b[3" not in text  # no colour was asked for
    lines = [line.rpartition("\r")[2] for line in text.replace("\r\n", "\n").split("\n")]
    assert max(len(line) for line in lines if "\x1b" not in line) <= columns


def test_ctrl_c_is_exit_code_130_without_a_trace() -> None:
    process = subprocess.Popen(
        command("demo", "--size", "100000"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    assert process.stdout is not None
    for line in process.stdout:
        if "round trips" in line:
            break
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=10)

    assert process.returncode == 130
    assert errors == ""


def _on_terminal(columns: int, *arguments: str, **env: str) -> str:
    """What `rtc demo` writes to a terminal of this width."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        command("demo", *arguments),
        stdout=follower,
        stderr=follower,
        env=environment(**env) | {"COLUMNS": str(columns)},
    )
    os.close(follower)
    written = b""
    while True:
        try:
            chunk = os.read(leader, 65536)
        except OSError:  # Linux says so when the last writer is gone
            break
        if not chunk:
            break
        written += chunk
    os.close(leader)
    assert process.wait(30) == 0, written
    return written.decode()
