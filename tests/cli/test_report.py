"""What `rtc serve` prints for people and for programs."""

import json

import pytest

from rtc_cli.report import MAX_TEXT_LENGTH, Report, printable


def test_what_a_stranger_sends_does_not_command_the_terminal() -> None:
    assert (
        printable("a\x1b[2Jb\x07\r\nc\u202e")
        == "a\N{REPLACEMENT CHARACTER}[2Jb" + "\N{REPLACEMENT CHARACTER}" * 3 + "c\N{REPLACEMENT CHARACTER}"
    )
    assert printable("Grüße ☺ [bold]") == "Grüße ☺ [bold]"
    assert len(printable("x" * 100_000)) < MAX_TEXT_LENGTH + 10


def test_a_line_for_people_is_not_wrapped_where_nobody_watches(capsys: pytest.CaptureFixture[str]) -> None:
    Report(as_json=False).say("chat", f"[red]{'long ' * 40}\x1b[31m")

    assert capsys.readouterr().out == f"         chat  [red]{'long ' * 40}\N{REPLACEMENT CHARACTER}[31m\n"


def test_an_event_for_programs_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    Report(as_json=True).say("chat", "two\nlines ☺", browser=3)

    (line,) = capsys.readouterr().out.splitlines()
    event = json.loads(line)
    assert event.pop("seconds") >= 0
    assert event == {"event": "chat", "text": "two\nlines ☺", "browser": 3}


def test_no_progress_bar_where_nobody_watches(capsys: pytest.CaptureFixture[str]) -> None:
    for as_json in (False, True):
        with Report(as_json=as_json).progress("a file") as progress:
            progress(1, 2)

    assert capsys.readouterr().out == ""
