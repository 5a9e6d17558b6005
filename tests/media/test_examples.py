"""The examples of the documentation that need a codec run and do what they say."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.installed import write_metadata

ROOT = Path(__file__).parent.parent.parent
EXAMPLES = ROOT / "docs" / "examples"


def run(script: Path, folder: Path) -> tuple[str, list[str]]:
    paths = [str(write_metadata("rtc-media", folder)), *sys.path]
    done = subprocess.run(
        [sys.executable, "-X", "dev", str(script)],
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        check=False,
    )
    complaints = [line for line in done.stderr.splitlines() if not line.startswith("Executing <")]
    return done.stdout.strip(), complaints


@pytest.mark.parametrize(
    ("name", "output"),
    [
        ("choose_a_codec.py", r"video/(AV1|VP9|VP8) and ten pictures"),
        ("forward_media.py", r"the listener saw 15 pictures; the recording begins with number \d+"),
    ],
)
def test_an_example_prints_what_it_should(name: str, output: str, tmp_path: Path) -> None:
    printed, complaints = run(EXAMPLES / name, tmp_path)

    assert re.fullmatch(output, printed), complaints
    assert complaints == []


def test_the_readme_s_example_runs(tmp_path: Path) -> None:
    readme = (ROOT / "packages" / "rtc-media" / "README.md").read_text(encoding="utf-8")
    script = tmp_path / "readme.py"
    script.write_text(readme.split("```python\n")[1].split("```")[0], encoding="utf-8")

    assert run(script, tmp_path) == ("True 320 x 240 number 7", [])
