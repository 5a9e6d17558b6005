"""File names that strangers chose, and files that never overwrite another."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtc_cli.names import MAX_NAME_LENGTH, keep, partial_file, safe_name


@pytest.mark.parametrize(
    ("given_name", "safe"),
    [
        ("report.pdf", "report.pdf"),
        ("Grüße an alle (1).txt", "Grüße an alle (1).txt"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\windows\\system.ini", "system.ini"),
        ("/absolute/path", "path"),
        ("..", "unnamed"),
        ("", "unnamed"),
        ("folder/", "unnamed"),
        (".bashrc", "bashrc"),
        ("a\x00b\x1b[31mc\n.txt", "a_b_[31mc_.txt"),
        ("invoice\u202efdp.exe", "invoice_fdp.exe"),
        ("<script>.html", "_script_.html"),
        ("CON", "_CON"),
        ("nul.txt", "_nul.txt"),
        ("console.txt", "console.txt"),
        ("half a \ud83d pair", "half a _ pair"),
        ("trailing. . ", "trailing"),
    ],
)
def test_a_name_is_made_safe(given_name: str, safe: str) -> None:
    assert safe_name(given_name) == safe


def test_a_long_name_is_cut_in_bytes_and_keeps_its_suffix() -> None:
    name = safe_name("ä" * 500 + ".tar")

    assert len(name.encode()) <= MAX_NAME_LENGTH
    assert name.endswith("ä.tar")


@given(st.text(st.characters(exclude_categories=()), max_size=300))
def test_no_name_leaves_its_folder(name: str) -> None:
    safe = safe_name(name)

    assert Path(safe).name == safe
    assert not safe.startswith(".")
    assert safe.isprintable()
    assert 0 < len(safe.encode()) <= MAX_NAME_LENGTH


@given(st.text(max_size=300))
def test_a_safe_name_stays_as_it_is(name: str) -> None:
    assert safe_name(safe_name(name)) == safe_name(name)


def _store(directory: Path, name: str, content: bytes) -> Path:
    with partial_file(directory) as (file, partial):
        file.write(content)
        file.flush()
        return keep(partial, name)


def test_no_file_is_overwritten(tmp_path: Path) -> None:
    paths = [_store(tmp_path, "a.txt", content) for content in (b"first", b"second", b"third")]

    assert [path.name for path in paths] == ["a.txt", "a (1).txt", "a (2).txt"]
    assert [path.read_bytes() for path in paths] == [b"first", b"second", b"third"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a (1).txt", "a (2).txt", "a.txt"]


def test_a_link_that_leads_elsewhere_is_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "precious"
    folder = tmp_path / "received"
    folder.mkdir()
    (folder / "a.txt").symlink_to(target)

    assert _store(folder, "a.txt", b"new").name == "a (1).txt"
    assert not target.exists()


def test_what_is_not_kept_is_removed(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), partial_file(tmp_path / "new") as (file, _):
        file.write(b"half")
        raise RuntimeError

    assert list((tmp_path / "new").iterdir()) == []


def test_a_kept_file_has_the_usual_permissions(tmp_path: Path) -> None:
    ordinary = tmp_path / "ordinary"
    ordinary.touch()

    assert _store(tmp_path, "a.txt", b"").stat().st_mode == ordinary.stat().st_mode
