"""Rules for every test: no sockets and no sleeping where time is virtual, and a record of what the marked tests prove."""

import json
import os
import socket
import time
from pathlib import Path

import pytest
from tests.support.effort import load_profile

_TESTS = Path(__file__).parent
_REAL_IO = ("asyncio", "cli", "interop", "media", "bench", "meta")
"""Folders whose tests may open sockets, start processes and let real time pass."""

load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.fixture(autouse=True)
def _virtual_time_only(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Block sockets and sleeping outside the folders that are about real I/O."""
    folder = request.path.relative_to(_TESTS).parts[0]
    if folder in _REAL_IO:
        return

    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError(f"real I/O in tests/{folder}: use tests/support/network.py and virtual time")

    monkeypatch.setattr(socket.socket, "__init__", refuse)
    monkeypatch.setattr(time, "sleep", refuse)


class SpecRecorder:
    """Write down which requirement ids had tests, and how those ended."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ids: dict[str, list[str]] = {}
        self._outcomes: dict[str, str] = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            names = [name for mark in item.iter_markers("spec") for name in mark.args]
            if names:
                self._ids[item.nodeid] = names

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.nodeid not in self._ids:
            return
        if report.when == "call" or report.outcome != "passed":
            self._outcomes[report.nodeid] = report.outcome

    def pytest_sessionfinish(self) -> None:
        results: dict[str, dict[str, str]] = {}
        for test, names in sorted(self._ids.items()):
            for name in names:
                results.setdefault(name, {})[test] = self._outcomes.get(test, "not run")
        self._path.write_text(json.dumps(results, indent=1, sort_keys=True), encoding="utf-8")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--spec-results", type=Path, help="write the outcome of tests marked with spec ids to this file")


def pytest_configure(config: pytest.Config) -> None:
    path = config.getoption("--spec-results")
    if path is not None:
        config.pluginmanager.register(SpecRecorder(path))
