"""`rtc demo`, as a person and as a program see it."""

import asyncio
import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from rtc_cli import main
from rtc_cli.demo import run_demo
from rtc_cli.errors import CommandError


def test_the_report_has_timeline_and_summary() -> None:
    result = CliRunner().invoke(main, ["demo", "--size", "2", "--messages", "5"])

    assert result.exit_code == 0, result.output
    for words in ("candidate", "path found", "DTLS handshake done", "data channel open", "Summary", "DTLS 1.2", "MB/s"):
        assert words in result.output


def test_json_is_one_document() -> None:
    result = CliRunner().invoke(main, ["demo", "--size", "1", "--messages", "3", "--json"])

    assert result.exit_code == 0, result.output
    document = json.loads(result.output)
    events = [entry["event"] for entry in document["timeline"]]
    assert events.index("offer") < events.index("answer") < events.index("data channel open") < events.index("closed")
    assert document["bulk"]["bytes"] == 1_000_000
    assert document["negotiated"]["dtls_version"] == "FEFD"
    assert document["round_trip_us"]["median"] > 0


def test_times_in_the_timeline_never_go_back() -> None:
    result = CliRunner().invoke(main, ["demo", "--size", "1", "--messages", "1", "--json"])

    times = [entry["ms"] for entry in json.loads(result.output)["timeline"]]
    assert times == sorted(times)


def test_peers_that_do_not_connect_in_time_are_one_sentence() -> None:
    with pytest.raises(CommandError, match="did not connect within"):
        asyncio.run(run_demo(size_mb=1, round_trips=1, timeout=0.000_001, as_json=True))


def test_a_wrong_command_line_is_exit_code_2() -> None:
    assert CliRunner().invoke(main, ["demo", "--size", "0"]).exit_code == 2
    assert CliRunner().invoke(main, ["dance"]).exit_code == 2


def test_python_m_rtc_cli_is_the_same_command() -> None:
    done = subprocess.run([sys.executable, "-m", "rtc_cli", "--version"], capture_output=True, text=True, check=True)

    assert done.stdout.startswith("rtc, version ")
