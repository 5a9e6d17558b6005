"""Write one page per RFC of the requirement index before Sphinx reads its sources: each row with its code and its tests."""

import sys
from pathlib import Path

from sphinx.application import Sphinx

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT))

from specs.check import gather  # noqa: E402
from specs.index import Document, Evidence, Requirement  # noqa: E402

OUTPUT = ROOT / "docs" / "specs"


def write_pages(app: Sphinx) -> None:
    """Generate docs/specs; files that would not change are left alone, so that Sphinx does not read them again."""
    documents, evidence = gather()
    OUTPUT.mkdir(exist_ok=True)
    wanted = {"index.md": _index(documents, evidence)}
    for document in documents:
        wanted[f"{document.id}.md"] = _page(document, evidence)
    for path in OUTPUT.glob("*.md"):
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        path = OUTPUT / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def _index(documents: list[Document], evidence: dict[str, Evidence]) -> str:
    rows = "\n".join(
        f"| [{_name(document)}]({document.id}.md) | {document.title} | {document.package} | {_count(document, evidence)} |"
        for document in documents
    )
    pages = "\n".join(document.id for document in documents)
    return (
        "# Specifications\n\n"
        "Every normative requirement of these documents in our own words, with the code that enforces it and the tests that prove it. "
        "*Proven* means cited in code and shown by a test that ran and passed; *todo* is open work and says so.\n\n"
        "| document | title | package | state |\n|---|---|---|---|\n"
        f"{rows}\n\n```{{toctree}}\n:hidden:\n\n{pages}\n```\n"
    )


def _name(document: Document) -> str:
    return f"RFC {document.id.removeprefix('rfc')}"


def _count(document: Document, evidence: dict[str, Evidence]) -> str:
    counts: dict[str, int] = {}
    for requirement in document.requirements:
        state = _state(requirement, evidence)
        counts[state] = counts.get(state, 0) + 1
    return ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))


def _state(requirement: Requirement, evidence: dict[str, Evidence]) -> str:
    if requirement.status != "required":
        return requirement.status
    proof = evidence.get(requirement.id, Evidence())
    return "proven" if proof.code and proof.passed else "required"


def _page(document: Document, evidence: dict[str, Evidence]) -> str:
    number = document.id.removeprefix("rfc")
    heading = f"# {_name(document)}: {document.title}\n\nPackage: {document.package}. Text: {{rfc}}`{number}`.\n"
    rows = "\n".join(
        _row(requirement, evidence.get(requirement.id, Evidence()), evidence) for requirement in document.requirements
    )
    return f"{heading}\n| id | level | requirement | state | code | tests |\n|---|---|---|---|---|---|\n{rows}\n"


def _row(requirement: Requirement, proof: Evidence, evidence: dict[str, Evidence]) -> str:
    text = requirement.text + (f" *({requirement.reason})*" if requirement.reason else "")
    code = ", ".join(f"`{citation.path.name}:{citation.line}`" for citation in proof.code[:4])
    tests = ", ".join(f"`{test.rpartition('::')[2]}`" for test in proof.passed[:3])
    cells = [requirement.number, requirement.level, text, _state(requirement, evidence), code, tests]
    return "| " + " | ".join(cell.replace("|", "\\|").replace("<", "&lt;") for cell in cells) + " |"


def setup(app: Sphinx) -> dict[str, bool]:
    """Hook into Sphinx."""
    app.connect("builder-inited", write_pages)
    return {"parallel_read_safe": True}
