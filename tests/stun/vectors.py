"""The published test vectors, read from tests/vectors/stun."""

from pathlib import Path

_FOLDER = Path(__file__).parent.parent / "vectors" / "stun"


def load_vector(name: str) -> bytes:
    """Read a file of hex digits; what follows a # is a comment."""
    lines = (_FOLDER / f"{name}.hex").read_text(encoding="utf-8").splitlines()
    return bytes.fromhex("".join(line.partition("#")[0] for line in lines))
