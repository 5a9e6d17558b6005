"""The table of attacks in docs/security/dtls.md: `python -m tests.meta.attack_table` writes the tests into it.

The tests are those whose names begin with `test_class_NN_`; the words of the table are written by hand.
"""

import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent.parent
PAGE: Final = ROOT / "docs" / "security" / "dtls.md"
CLASSES: Final = range(1, 31)
_NAME: Final = re.compile(r"(?<=^def )test_class_(\d\d)_\w+", re.MULTILINE)
_ROW: Final = re.compile(r"^\| (\d+) \| ([^|]+) \| ([^|]+) \|[^|]*\|[^|]*\|$", re.MULTILINE)
_LIST: Final = re.compile(r"(?<=<!-- every test -->\n).*(?=<!-- end -->)", re.DOTALL)


@cache
def attack_tests() -> list[tuple[int, str, str]]:
    """Class, file below tests/ and name of every test of an attack."""
    return [
        (int(match[1]), path.relative_to(ROOT / "tests").as_posix(), match[0])
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        for match in _NAME.finditer(path.read_text(encoding="utf-8"))
    ]


def is_about(file: str, *, newer: bool) -> bool:
    """Whether the tests of a file are about DTLS 1.3, or else 1.2; those of whole peer connections are about both."""
    return file.startswith("peer/") or file.startswith("dtls/hostile13/") == newer


def page() -> str:
    """The page as it has to be."""
    every = attack_tests()
    text = _ROW.sub(lambda row: _row(row, every), PAGE.read_text(encoding="utf-8"))
    lines = [f"Class {number}\n: " + "; ".join(_names(number, every)) + "\n" for number in CLASSES]
    return _LIST.sub(lambda _: "\n" + "\n".join(lines) + "\n", text)


def _row(row: re.Match[str], every: list[tuple[int, str, str]]) -> str:
    number = int(row[1])
    cells = [
        ", ".join(
            f"`{file.rpartition('/')[2].removeprefix('test_').removesuffix('.py')}` {count}"
            for file, count in sorted(
                Counter(file for each, file, _ in every if each == number and is_about(file, newer=newer)).items()
            )
        )
        for newer in (False, True)
    ]
    return f"| {row[1]} | {row[2]} | {row[3]} | {cells[0] or 'none'} | {cells[1] or 'none'} |"


def _names(number: int, every: list[tuple[int, str, str]]) -> list[str]:
    by_file: dict[str, list[str]] = {}
    for each, file, name in every:
        if each == number:
            by_file.setdefault(file, []).append(name.removeprefix(f"test_class_{number:02}_").replace("_", " "))
    return [f"`{file}`: " + ", ".join(names) for file, names in by_file.items()]


def missing() -> set[int]:
    """Classes of which the table has no row, or nobody has a test."""
    rows = {int(row[1]) for row in _ROW.finditer(PAGE.read_text(encoding="utf-8"))}
    return (set(CLASSES) - rows) | (set(CLASSES) - {number for number, _, _ in attack_tests()})


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
