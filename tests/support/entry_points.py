"""What installed packages declare, for tests that run from the sources."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def declare_codecs(folder: Path) -> Path:
    """Declare rtc-media's codecs, as its installed distribution does, to whoever has the folder on its path; return that."""
    text = (ROOT / "packages" / "rtc-media" / "pyproject.toml").read_text(encoding="utf-8")
    group = "rtc_asyncio.codecs"
    lines = [f"{name} = {target}" for name, target in tomllib.loads(text)["project"]["entry-points"][group].items()]
    declared = folder / "declared_codecs-0.dist-info"
    declared.mkdir()
    (declared / "METADATA").write_text("Metadata-Version: 2.1\nName: declared-codecs\nVersion: 0\n", encoding="utf-8")
    (declared / "entry_points.txt").write_text("\n".join([f"[{group}]", *lines, ""]), encoding="utf-8")
    return folder
