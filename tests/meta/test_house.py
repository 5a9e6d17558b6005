"""The rules of the house that a machine can check: sizes, names, declared dependencies, what every package carries."""

import ast
import importlib
import re
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PACKAGES = sorted(path.parent for path in ROOT.glob("packages/*/pyproject.toml"))
SOURCES = sorted(ROOT.glob("packages/*/src/**/*.py"))
TESTS = sorted(ROOT.glob("tests/**/test_*.py"))
LINE_LIMIT = 600
SANS_IO = {
    "rtc-sdp",
    "rtc-stun",
    "rtc-turn",
    "rtc-ice",
    "rtc-dtls",
    "rtc-srtp",
    "rtc-rtp",
    "rtc-sctp",
    "rtc-datachannel",
    "rtc-peer",
}

each_package = pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)


def _module(package: Path) -> Path:
    return package / "src" / package.name.replace("-", "_")


def _imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.partition(".")[0])
    return found


def _name(path: Path) -> str:
    return ".".join(path.relative_to(next(each for each in path.parents if each.name == "src")).with_suffix("").parts)


def _names_imported(path: Path, name: str) -> set[str]:
    """Modules that a module imports, wherever in the file: for type checkers and inside of functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            home = name.split(".")[: -node.level] if node.level else []
            source = ".".join([*home, *([node.module] if node.module else [])])
            found |= {source, *(f"{source}.{alias.name}" for alias in node.names)}
    return found


@pytest.mark.parametrize("path", SOURCES + TESTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_source_file_outgrows_its_idea(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LINE_LIMIT


MUTUAL = {"rtc-peer": [{"rtc_peer.receiver", "rtc_peer.sender", "rtc_peer.transceiver"}]}
"""Modules that are about one thing in three parts: a transceiver has a sender and a receiver, and both name it."""


@each_package
def test_modules_do_not_need_each_other_in_a_circle(package: Path) -> None:
    known = {_name(path): path for path in package.glob("src/**/*.py") if path.name != "__init__.py"}
    needs = {name: _names_imported(path, name) & known.keys() for name, path in known.items()}
    reached: dict[str, set[str]] = {}
    for name in needs:
        reached[name] = set()
        ways = list(needs[name])
        while ways:
            if (way := ways.pop()) not in reached[name]:
                reached[name].add(way)
                ways += needs[way]

    circles = [{other for other in reached[name] if name in reached[other]} for name in needs]

    assert [circle for circle in circles if circle and circle not in MUTUAL.get(package.name, [])] == []


@each_package
def test_a_package_carries_what_a_published_package_needs(package: Path) -> None:
    module = _module(package)
    needed = [
        package / "README.md",
        package / "CHANGELOG.md",
        package / "LICENSE",
        module / "py.typed",
        module / "_version.py",
    ]

    assert [str(path) for path in needed if not path.exists()] == []
    assert (package / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()


@each_package
def test_no_module_is_a_grab_bag(package: Path) -> None:
    names = {path.stem for path in _module(package).rglob("*.py")}

    assert names & {"utils", "util", "common", "base", "helpers", "misc"} == set()


@each_package
def test_the_root_exports_a_sorted_public_api(package: Path) -> None:
    module = importlib.import_module(package.name.replace("-", "_"))

    assert list(module.__all__) == sorted(module.__all__)
    assert [name for name in module.__all__ if not hasattr(module, name)] == []


@each_package
def test_imports_are_declared_dependencies(package: Path) -> None:
    project = tomllib.loads((package / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = list(project.get("dependencies", []))
    for extra in project.get("optional-dependencies", {}).values():
        declared += extra
    names = {re.split(r"[\s\[<>=!~;]", requirement)[0].replace("-", "_").lower() for requirement in declared}
    imported = set().union(*(_imports(path) for path in _module(package).rglob("*.py")))

    known = {
        *sys.stdlib_module_names,
        "_typeshed",
        package.name.replace("-", "_"),
    }  # _typeshed: for type checkers alone
    foreign = imported - known

    assert foreign - names == set()


@each_package
def test_a_sans_io_package_needs_nothing_but_cryptography(package: Path) -> None:
    project = tomllib.loads((package / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = {re.split(r"[\s\[<>=!~;]", requirement)[0] for requirement in project.get("dependencies", [])}

    if package.name in SANS_IO:
        assert {name for name in names if not name.startswith("rtc-")} <= {"cryptography"}


@each_package
def test_version_ranges_admit_the_siblings(package: Path) -> None:
    project = tomllib.loads((package / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    ours = [requirement for requirement in project.get("dependencies", []) if requirement.startswith("rtc-")]

    assert [requirement for requirement in ours if not re.search(r">=0\.1,<0\.2$", requirement)] == []


def test_nothing_speaks_of_a_machine_or_leaves_marks() -> None:
    marks = re.compile(r"/(?:root|tmp|home)/\w|TODO|FIXME|XXX")
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in SOURCES
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if marks.search(line)
    ]

    assert found == []


def test_the_timers_of_two_packages_are_the_same_file() -> None:
    # Modules are private to their package, and this one is too small to be a package: it stands twice, and is one.
    stun, turn = (ROOT / f"packages/rtc-{name}/src/rtc_{name}/timers.py" for name in ("stun", "turn"))

    assert stun.read_bytes() == turn.read_bytes()
