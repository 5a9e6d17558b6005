"""`dev.py`, which a newcomer meets first."""

import importlib.util
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


def _dev(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    specification = importlib.util.spec_from_file_location("dev", ROOT / "dev.py")
    assert specification is not None
    assert specification.loader is not None
    dev = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(dev)
    monkeypatch.setattr(dev, "prepare", lambda: True)
    return dev


def test_ctrl_c_is_left_to_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: Iterator[int | None] = iter([None, None, 130])

    class Process:
        def __init__(self, command: list[str], **options: object) -> None:
            self.command = command

        def wait(self) -> int:
            code = next(waits)
            if code is None:
                raise KeyboardInterrupt
            return code

    monkeypatch.setattr(subprocess, "Popen", Process)
    assert _dev(monkeypatch).main(["rtc", "serve"]) == 130
    assert list(waits) == []


def test_what_it_does_not_know_is_answered_with_help(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _dev(monkeypatch).main(["dance"]) == 2
    assert "python3 dev.py demo" in capsys.readouterr().err
