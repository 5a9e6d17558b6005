"""Names of files that strangers chose, made safe; and files that never overwrite another."""

import contextlib
import os
import re
import tempfile
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

MAX_NAME_LENGTH: Final = 200
"""Bytes of UTF-8; file systems take 255, and a number may have to be added."""
_UNSAFE: Final = re.compile(r"[^\w.()\[\]+=@,&' -]")
_RESERVED: Final = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\.|$)")
"""Devices, not files, on Windows."""


def safe_name(name: str) -> str:
    """A file name without folders, control characters, a leading dot or anything else that a shell or file manager might trip over."""
    last = unicodedata.normalize("NFC", name).replace("\\", "/").rpartition("/")[2]
    cleaned = _UNSAFE.sub("_", last).strip(" .")
    if _RESERVED.match(cleaned):
        cleaned = f"_{cleaned}"
    return _shortened(cleaned) or "unnamed"


def _shortened(name: str) -> str:
    """Cut the stem, so that the suffix still tells what it is."""
    stem, dot, suffix = name.rpartition(".")
    if not dot or len(suffix) > 20:
        stem, dot, suffix = name, "", ""
    room = MAX_NAME_LENGTH - len((dot + suffix).encode())
    return stem.encode()[:room].decode(errors="ignore").rstrip(" .") + dot + suffix


@contextlib.contextmanager
def partial_file(directory: Path) -> Iterator[tuple[BinaryIO, Path]]:
    """A new file for what has not arrived whole yet; it is removed at the end of the block, unless :func:`keep` took it.

    Raises:
        OSError: The folder cannot be made or written to.
    """
    directory.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".incoming-", suffix=".part", dir=directory)
    path = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file, path
    finally:
        path.unlink(missing_ok=True)


def keep(partial: Path, name: str) -> Path:
    """Give a whole file its name: "a.txt", or "a (1).txt" if that exists. No file is ever overwritten, not even one that appears meanwhile.

    Raises:
        OSError: The folder cannot be written to.
    """
    stem, suffix = Path(name).stem, Path(name).suffix
    number = 0
    while True:
        path = partial.with_name(f"{stem} ({number}){suffix}" if number else name)
        try:
            # Created exclusively, the name is ours; what is replaced next is this empty file and no other.
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        except FileExistsError:
            number += 1
            continue
        partial.replace(path)
        _apply_usual_mode(path)
        return path


def _apply_usual_mode(path: Path) -> None:
    """Temporary files are private; this one has become an ordinary file."""
    mask = os.umask(0o077)
    os.umask(mask)
    path.chmod(0o666 & ~mask)
