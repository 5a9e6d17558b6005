"""The requirement index: reading it, and finding what cites it."""

import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
SPECS: Final = ROOT / "specs"
RESULTS: Final = SPECS / ".results.json"

LEVELS: Final = ("MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY")
STATUSES: Final = ("required", "todo", "not-applicable", "deliberate-deviation")
CITATION: Final = re.compile(r"\[((?:rfc|draft)[\w-]*:[^\]\s]+)\]")
_NUMBER: Final = re.compile(r"^[0-9A-Z][0-9A-Za-z.]*/[0-9]+$")
_REQUIREMENT_KEYS: Final = {"id", "level", "text", "status", "reason"}


class IndexFormatError(ValueError):
    """A file of the index breaks the format; the message names file and entry."""


@dataclass(frozen=True, kw_only=True)
class Requirement:
    """One normative statement."""

    document: str
    number: str
    level: str
    text: str
    status: str
    reason: str

    @property
    def id(self) -> str:
        """What code and tests write, such as ``rfc8489:6.3/2``."""
        return f"{self.document}:{self.number}"

    @property
    def section(self) -> str:
        """The section of the document."""
        return self.number.partition("/")[0]


@dataclass(frozen=True, kw_only=True)
class Document:
    """One RFC of the index."""

    id: str
    title: str
    package: str
    requirements: tuple[Requirement, ...]


@dataclass(frozen=True)
class Citation:
    """A line of code that says which requirement it enforces."""

    path: Path
    line: int


@dataclass
class Evidence:
    """What stands behind one requirement."""

    code: list[Citation] = field(default_factory=list)
    passed: list[str] = field(default_factory=list)
    """Test ids that ran and passed."""
    not_passed: list[str] = field(default_factory=list)


def load_documents(folder: Path = SPECS) -> list[Document]:
    """Read every TOML file of the index, sorted by document number.

    Raises:
        IndexFormatError: A file is not in the format of README.md.
    """
    documents = [_load(path) for path in folder.glob("*.toml")]
    return sorted(documents, key=lambda document: (len(document.id), document.id))


def find_citations(root: Path = ROOT) -> Iterator[tuple[str, Citation]]:
    """Every bracketed id in a comment of the packages' sources, with its place relative to the repository."""
    for path in sorted(root.glob("packages/*/src/**/*.py")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            for match in CITATION.finditer(line.partition("#")[2]):
                yield match[1], Citation(path.relative_to(root), number)


def load_results(path: Path = RESULTS) -> dict[str, dict[str, str]]:
    """What the last run of the marked tests left behind: requirement id to test id to outcome."""
    if not path.exists():
        return {}
    results: dict[str, dict[str, str]] = json.loads(path.read_text(encoding="utf-8"))
    return results


def _load(path: Path) -> Document:
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    head = content.get("document", {})
    if head.get("id") != path.stem or not head.get("title") or not head.get("package"):
        raise IndexFormatError(f"{path.name}: [document] needs id = {path.stem!r}, title and package")
    requirements: list[Requirement] = []
    seen: set[str] = set()
    for entry in content.get("requirement", []):
        requirement = _requirement(path, entry)
        if requirement.number in seen:
            raise IndexFormatError(f"{path.name}: {requirement.number} is there twice")
        seen.add(requirement.number)
        requirements.append(requirement)
    return Document(id=head["id"], title=head["title"], package=head["package"], requirements=tuple(requirements))


def _requirement(path: Path, entry: dict[str, str]) -> Requirement:
    number = entry.get("id", "")
    where = f"{path.name}: {number or entry}"
    if unknown := set(entry) - _REQUIREMENT_KEYS:
        raise IndexFormatError(f"{where}: unknown keys {sorted(unknown)}")
    if not _NUMBER.match(number):
        raise IndexFormatError(f"{where}: the id is section/number")
    if entry.get("level") not in LEVELS:
        raise IndexFormatError(f"{where}: level is one of {', '.join(LEVELS)}")
    status = entry.get("status", "required")
    if status not in STATUSES:
        raise IndexFormatError(f"{where}: status is one of {', '.join(STATUSES)}")
    if not entry.get("text"):
        raise IndexFormatError(f"{where}: the text is missing")
    if status in {"not-applicable", "deliberate-deviation"} and not entry.get("reason"):
        raise IndexFormatError(f"{where}: {status} needs a reason")
    return Requirement(
        document=path.stem,
        number=number,
        level=entry["level"],
        text=entry["text"],
        status=status,
        reason=entry.get("reason", ""),
    )
