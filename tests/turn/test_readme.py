"""The examples of the README run, each by itself."""

import re
from pathlib import Path

import pytest

README = Path(__file__).parent.parent.parent / "packages" / "rtc-turn" / "README.md"
EXAMPLES = re.findall(r"^```python\n(.*?)^```", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.splitlines()[0])
def test_example(example: str) -> None:
    exec(compile(example, README.name, "exec"), {"__name__": "example"})
