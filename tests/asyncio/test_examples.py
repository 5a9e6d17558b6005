"""The examples of the documentation run and do what they say."""

import inspect
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent.parent / "docs" / "examples"


@pytest.mark.parametrize(
    ("name", "output"),
    [
        ("first_connection.py", "HELLO"),
        ("perfect_negotiation.py", "both channels are open: from the left, from the right"),
        ("plain_sockets.py", "HELLO"),
        ("trio_adapter.py", "HELLO"),
    ],
)
def test_an_example_prints_what_it_should(name: str, output: str) -> None:
    import os

    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-X", "dev", str(EXAMPLES / name)],
        capture_output=True,
        text=True,
        timeout=30,
        env=environment,
        check=False,
    )

    # On a busy machine the development mode of Python remarks that importing takes its time.
    complaints = [line for line in done.stderr.splitlines() if not line.startswith("Executing <")]
    assert (done.stdout.strip(), complaints) == (output, [])


def test_the_example_for_browsers_is_importable() -> None:
    pytest.importorskip("aiohttp")
    namespace = runpy.run_path(str(EXAMPLES / "answer_a_browser.py"))

    assert inspect.iscoroutinefunction(namespace["signalling"])
