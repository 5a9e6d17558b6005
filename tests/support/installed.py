"""What an installation of the packages tells about them, for runs from the source tree: their entry points."""

import contextlib
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

PACKAGES = Path(__file__).parent.parent.parent / "packages"


def write_metadata(package: str, folder: Path) -> Path:
    """Write what `importlib.metadata` finds of an installed package.

    Args:
        package: Its folder under packages/.
        folder: Put this on `sys.path`, or into PYTHONPATH.
    """
    project = tomllib.loads((PACKAGES / package / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    place = folder / f"{package.replace('-', '_')}-0.1.0.dist-info"
    place.mkdir(parents=True, exist_ok=True)
    (place / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 0.1.0\n", encoding="utf-8")
    lines = [
        f"[{group}]\n" + "".join(f"{k} = {v}\n" for k, v in entries.items())
        for group, entries in project.get("entry-points", {}).items()
    ]
    (place / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")
    return folder


@contextlib.contextmanager
def codecs_installed(folder: Path) -> Iterator[None]:
    """Let rtc_asyncio find rtc_media's codecs, as if it was installed."""
    from rtc_asyncio.codecs import installed_codecs

    write_metadata("rtc-media", folder)
    sys.path.insert(0, str(folder))
    installed_codecs.cache_clear()
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        installed_codecs.cache_clear()
