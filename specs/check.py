"""Hold the requirement index against code and tests; see README.md. Run as `nox -s specs`, with `-- --update` for a new snapshot."""

import argparse
import difflib
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from specs.index import (
    SPECS,
    Document,
    Evidence,
    Requirement,
    find_citations,
    load_documents,
    load_results,
)

SNAPSHOT = SPECS / "coverage.txt"


def gather() -> tuple[list[Document], dict[str, Evidence]]:
    """The index and what stands behind each id, ids that the index does not know included."""
    evidence: dict[str, Evidence] = {}
    for name, citation in find_citations():
        evidence.setdefault(name, Evidence()).code.append(citation)
    for name, outcomes in load_results().items():
        proof = evidence.setdefault(name, Evidence())
        for test, outcome in sorted(outcomes.items()):
            (proof.passed if outcome == "passed" else proof.not_passed).append(test)
    return load_documents(), evidence


def faults(documents: list[Document], evidence: dict[str, Evidence]) -> list[str]:
    """Every way in which index, code and tests disagree."""
    found: list[str] = []
    known = {requirement.id for document in documents for requirement in document.requirements}
    for name, proof in sorted(evidence.items()):
        if name not in known:
            places = [f"{citation.path}:{citation.line}" for citation in proof.code] + proof.passed + proof.not_passed
            found.append(f"{name}: not in the index, named by {', '.join(places)}")
    for document in documents:
        for requirement in document.requirements:
            found.extend(_faults_of(requirement, evidence.get(requirement.id, Evidence())))
    return found


def _faults_of(requirement: Requirement, proof: Evidence) -> list[str]:
    cited = ", ".join(f"{citation.path}:{citation.line}" for citation in proof.code)
    if requirement.status == "required":
        missing = []
        if not proof.code:
            missing.append("no code cites it")
        if not proof.passed:
            missing.append("no passing test proves it")
        return [f"{requirement.id} ({requirement.level}): {' and '.join(missing)}"] if missing else []
    found = []
    if requirement.status in {"todo", "not-applicable"} and cited:
        found.append(f"{requirement.id}: marked {requirement.status}, but cited by {cited}")
    tests = proof.passed + proof.not_passed
    if requirement.status == "not-applicable" and tests:
        found.append(f"{requirement.id}: marked not-applicable, but claimed by {', '.join(tests)}")
    return found


def snapshot(documents: list[Document], evidence: dict[str, Evidence]) -> str:
    """The reviewed picture of the whole: one line a requirement."""
    lines = ["# Written by `nox -s specs -- --update`; the diff is for review.", ""]
    for document in documents:
        counts = Counter(_verdict(requirement, evidence) for requirement in document.requirements)
        summary = ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items()))
        lines.append(f"{document.id}  {document.title}  ({document.package}): {summary}")
        lines.extend(
            f"  {requirement.number:<12} {requirement.level:<10} {_verdict(requirement, evidence)}"
            for requirement in document.requirements
        )
        lines.append("")
    return "\n".join(lines)


def _verdict(requirement: Requirement, evidence: dict[str, Evidence]) -> str:
    if requirement.status != "required":
        return requirement.status
    proof = evidence.get(requirement.id, Evidence())
    return "proven" if proof.code and proof.passed else "unproven"


def main(arguments: list[str] | None = None) -> int:
    """Check, print, and say by the exit code whether all is well."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--update", action="store_true", help="write coverage.txt")
    parser.add_argument("--only", metavar="RFC", action="append", help="report faults of this document alone")
    options = parser.parse_args(arguments)
    documents, evidence = gather()
    found = faults(documents, evidence)
    if options.only:
        if unknown := set(options.only) - {document.id for document in documents}:
            parser.error(f"the index has no {', '.join(sorted(unknown))}")
        found = [fault for fault in found if fault.partition(":")[0] in options.only]
    for fault in found:
        print(fault)
    text = snapshot(documents, evidence)
    if options.update:
        SNAPSHOT.write_text(text, encoding="utf-8")
    stale = not options.only and (not SNAPSHOT.exists() or SNAPSHOT.read_text(encoding="utf-8") != text)
    if stale:
        old = SNAPSHOT.read_text(encoding="utf-8").splitlines() if SNAPSHOT.exists() else []
        changed = list(difflib.unified_diff(old, text.splitlines(), "coverage.txt", "now", lineterm="", n=0))
        print("\n".join(changed[:60]))
        print("coverage.txt is out of date: look at the difference, then `nox -s specs -- --update`")
    counts = Counter(_verdict(requirement, evidence) for document in documents for requirement in document.requirements)
    print(
        f"{len(documents)} documents: " + ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items()))
    )
    return 1 if found or stale else 0


if __name__ == "__main__":
    sys.exit(main())
