"""Prove that each package stands alone: build all, install one into an empty environment, run the example of its README.

python tests/meta/alone.py [PACKAGE ...]
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
EXAMPLE = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def main(names: list[str]) -> int:
    """Check the named packages, or all; the exit code counts the failures."""
    packages = sorted(path.parent for path in ROOT.glob("packages/*/pyproject.toml"))
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        wheels = Path(folder) / "wheels"
        try:
            for package in packages:
                _run("hatch", "build", "-t", "wheel", str(wheels), cwd=package)
        except subprocess.CalledProcessError as failure:
            print(_explain(failure))
            return 1
        constraints = Path(folder) / "constraints.txt"
        constraints.write_text(
            "".join(f"{_distribution(wheel)} @ {wheel.as_uri()}\n" for wheel in wheels.glob("*.whl"))
        )
        for package in packages:
            if names and package.name not in names:
                continue
            error = _try(package, constraints, Path(folder) / package.name)
            print(f"{package.name:<18} {'ok' if error is None else 'FAILED'}", flush=True)
            if error is not None:
                print(error)
                failures += 1
    print(f"{len(names or packages) - failures} passed, {failures} failed")
    return min(failures, 1)


def _distribution(wheel: Path) -> str:
    return wheel.name.partition("-")[0].replace("_", "-")


def _try(package: Path, constraints: Path, environment: Path) -> str | None:
    example = EXAMPLE.search((package / "README.md").read_text(encoding="utf-8"))
    if example is None:
        return "the README has no python example"
    module = package.name.replace("-", "_")
    python = environment / "bin" / "python"
    try:
        _run("uv", "venv", "-q", "--python", sys.executable, str(environment))
        # The constraints say where our packages are: what an index has under their names is never looked at.
        _run("uv", "pip", "install", "-q", "--python", str(python), "--constraints", str(constraints), package.name)
        _run(str(python), "-W", "error", "-c", f"import {module}; print({module}.__name__)", cwd=environment)
        _run(str(python), "-W", "error", "-c", example[1], cwd=environment)
    except subprocess.CalledProcessError as error:
        return _explain(error)
    except subprocess.TimeoutExpired:
        return "the example does not end"
    return None


def _explain(error: subprocess.CalledProcessError) -> str:
    return f"{' '.join(error.cmd[:5])} ...\n{error.stdout}{error.stderr}"


def _run(*command: str, cwd: Path = ROOT) -> str:
    return subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True, timeout=300).stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
