"""The checker of the requirement index fails on everything that it claims to fail on."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from specs import check
from specs.check import faults, snapshot
from specs.index import (
    ROOT,
    Citation,
    Document,
    Evidence,
    IndexFormatError,
    Requirement,
    find_citations,
    load_documents,
    load_results,
)

CITED = [Citation(Path("packages/x/src/x.py"), 7)]
TEST = "tests/x/test_x.py::test_it"
HEAD = '[document]\nid = "rfc1"\ntitle = "T"\npackage = "p"\n'
ENTRY = '[[requirement]]\nid = "1/1"\nlevel = "MUST"\ntext = "Do."\n'


def document(*statuses: str) -> Document:
    """An RFC with one requirement for each status."""
    return Document(
        id="rfc1",
        title="T",
        package="p",
        requirements=tuple(
            Requirement(document="rfc1", number=f"1/{number}", level="MUST", text="Do.", status=status, reason="")
            for number, status in enumerate(statuses, 1)
        ),
    )


def found(status: str, evidence: Evidence) -> list[str]:
    return faults([document(status)], {"rfc1:1/1": evidence})


# What code and tests say against what the index says.


def test_required_entry_wants_code_and_a_passing_test() -> None:
    assert found("required", Evidence(code=CITED, passed=[TEST])) == []
    assert found("required", Evidence(passed=[TEST])) == ["rfc1:1/1 (MUST): no code cites it"]
    assert found("required", Evidence(code=CITED)) == ["rfc1:1/1 (MUST): no passing test proves it"]
    assert found("required", Evidence()) == ["rfc1:1/1 (MUST): no code cites it and no passing test proves it"]


def test_a_test_that_did_not_pass_proves_nothing() -> None:
    assert found("required", Evidence(code=CITED, not_passed=[TEST])) == ["rfc1:1/1 (MUST): no passing test proves it"]


def test_unknown_id_is_a_fault_wherever_it_is_named() -> None:
    for evidence in (Evidence(code=CITED), Evidence(passed=[TEST]), Evidence(not_passed=[TEST])):
        (fault,) = faults([document()], {"rfc1:9/9": evidence})

        assert fault.startswith("rfc1:9/9: not in the index, named by ")
        assert "x.py" in fault


@pytest.mark.parametrize("status", ["todo", "not-applicable"])
def test_code_cites_neither_open_work_nor_what_cannot_apply(status: str) -> None:
    assert found(status, Evidence()) == []
    assert found(status, Evidence(code=CITED)) == [
        f"rfc1:1/1: marked {status}, but cited by packages/x/src/x.py:7",
    ]


def test_no_test_proves_what_cannot_apply() -> None:
    assert found("not-applicable", Evidence(passed=[TEST])) == [
        f"rfc1:1/1: marked not-applicable, but claimed by {TEST}",
    ]


def test_a_deliberate_deviation_may_be_cited_and_tested() -> None:
    assert found("deliberate-deviation", Evidence(code=CITED, passed=[TEST])) == []
    assert found("deliberate-deviation", Evidence()) == []


# The snapshot and the exit code.


def test_snapshot_has_a_line_for_each_requirement() -> None:
    picture = snapshot(
        [document("required", "required", "todo")],
        {"rfc1:1/1": Evidence(code=CITED, passed=[TEST]), "rfc1:1/2": Evidence(code=CITED, not_passed=[TEST])},
    )

    assert [line.split() for line in picture.splitlines()[3:6]] == [
        ["1/1", "MUST", "proven"],
        ["1/2", "MUST", "unproven"],
        ["1/3", "MUST", "todo"],
    ]
    assert "rfc1  T  (p): 1 proven, 1 todo, 1 unproven" in picture


@pytest.fixture
def one_proven_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An index of one entry that is cited and proven; returns the place of its snapshot."""
    evidence = {"rfc1:1/1": Evidence(code=CITED, passed=[TEST])}
    monkeypatch.setattr(check, "gather", lambda: ([document("required")], evidence))
    monkeypatch.setattr(check, "SNAPSHOT", tmp_path / "coverage.txt")
    return tmp_path / "coverage.txt"


def test_a_snapshot_that_is_absent_or_out_of_date_fails(one_proven_entry: Path) -> None:
    assert check.main([]) == 1
    assert check.main(["--update"]) == 0
    assert check.main([]) == 0

    one_proven_entry.write_text(one_proven_entry.read_text().replace("proven", "unproven"))

    assert check.main([]) == 1


def test_one_document_is_checked_without_the_snapshot(one_proven_entry: Path) -> None:
    assert check.main(["--only", "rfc1"]) == 0
    assert not one_proven_entry.exists()


def test_a_document_that_is_not_there_cannot_be_fine(one_proven_entry: Path) -> None:
    with pytest.raises(SystemExit) as left:
        check.main(["--only", "rfc2"])

    assert left.value.code == 2


def test_a_fault_fails(one_proven_entry: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "gather", lambda: ([document("required")], {}))

    assert check.main(["--update"]) == 1
    assert check.main(["--only", "rfc1"]) == 1


# Reading the index.


def load(folder: Path, text: str, name: str = "rfc1.toml") -> list[Document]:
    (folder / name).write_text(text)
    return load_documents(folder)


def test_a_document_is_read(tmp_path: Path) -> None:
    (loaded,) = load(tmp_path, HEAD + ENTRY)

    assert loaded == document("required")


def test_documents_are_sorted_by_number(tmp_path: Path) -> None:
    for number in (20, 3, 100):
        load(tmp_path, HEAD.replace("rfc1", f"rfc{number}"), f"rfc{number}.toml")

    assert [one.id for one in load_documents(tmp_path)] == ["rfc3", "rfc20", "rfc100"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (ENTRY, "needs id"),
        (HEAD.replace("rfc1", "rfc2") + ENTRY, "needs id = 'rfc1'"),
        (HEAD.replace('title = "T"\n', "") + ENTRY, "title"),
        (HEAD + ENTRY + ENTRY, "there twice"),
        (HEAD + ENTRY.replace("1/1", "1.1"), "section/number"),
        (HEAD + ENTRY.replace("MUST", "OUGHT"), "level is one of"),
        (HEAD + ENTRY + 'status = "done"\n', "status is one of"),
        (HEAD + ENTRY.replace('text = "Do."', 'text = ""'), "text is missing"),
        (HEAD + ENTRY + 'status = "not-applicable"\n', "needs a reason"),
        (HEAD + ENTRY + 'status = "deliberate-deviation"\n', "needs a reason"),
        (HEAD + ENTRY + 'note = "n"\n', "unknown keys"),
    ],
)
def test_an_entry_that_breaks_the_format_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(IndexFormatError, match=complaint):
        load(tmp_path, text)


# Citations and results.


def test_citations_are_found_in_comments_of_packages(tmp_path: Path) -> None:
    source = tmp_path / "packages" / "a" / "src" / "a" / "deep" / "x.py"
    source.parent.mkdir(parents=True)
    source.write_text('TEXT = "[rfc1:1/9]"\n\nx = 1  # [rfc1:1/1] [rfc1:A.2/3] and why\n# [draft-ietf-x:1/2]\n')
    (tmp_path / "packages" / "a" / "tests.py").write_text("# [rfc1:1/8]\n")

    citations = list(find_citations(tmp_path))

    path = Path("packages/a/src/a/deep/x.py")
    assert citations == [
        ("rfc1:1/1", Citation(path, 3)),
        ("rfc1:A.2/3", Citation(path, 3)),
        ("draft-ietf-x:1/2", Citation(path, 4)),
    ]


def test_no_results_prove_nothing(tmp_path: Path) -> None:
    assert load_results(tmp_path / "absent.json") == {}


MARKED_TESTS = """
import pytest

@pytest.mark.spec("rfc1:1/1", "rfc1:1/2")
def test_that_passes():
    pass

@pytest.mark.spec("rfc1:1/2")
@pytest.mark.parametrize("number", [0, 1])
def test_that_fails_once(number):
    assert not number

@pytest.mark.spec("rfc1:1/3")
def test_that_is_skipped():
    pytest.skip("no peer")

@pytest.mark.spec("rfc1:1/4")
@pytest.mark.xfail(reason="known")
def test_that_is_expected_to_fail():
    raise AssertionError

@pytest.fixture
def broken():
    yield
    raise AssertionError

@pytest.mark.spec("rfc1:1/5")
def test_whose_teardown_fails(broken):
    pass

@pytest.mark.spec("rfc1:1/6")
def test_that_was_not_chosen():
    pass
"""


def test_the_record_of_a_run_tells_passed_from_everything_else(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text("from tests.conftest import pytest_addoption, pytest_configure\n")
    (tmp_path / "test_marked.py").write_text(MARKED_TESTS)
    path = tmp_path / "results.json"

    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-k", "not chosen", f"--spec-results={path}", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
    )

    results = json.loads(path.read_text())
    assert {name: sorted(outcomes.values()) for name, outcomes in results.items()} == {
        "rfc1:1/1": ["passed"],
        "rfc1:1/2": ["failed", "passed", "passed"],
        "rfc1:1/3": ["skipped"],
        "rfc1:1/4": ["skipped"],
        "rfc1:1/5": ["failed"],
        "rfc1:1/6": ["not run"],
    }
