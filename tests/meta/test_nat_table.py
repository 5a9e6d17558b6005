"""The table in the guide on NATs is the one that the tests hold NATs to."""

from pathlib import Path

from tests.support.nat_kinds import table

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "nats.md"


def test_the_guide_has_the_table() -> None:
    assert "\n".join(table()) in GUIDE.read_text(encoding="utf-8")
