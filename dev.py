#!/usr/bin/env python3
"""Work on the project with nothing installed but Python 3.11 or later.

    python3 dev.py demo          two WebRTC peers connect on this machine and move data
    python3 dev.py test          every check of the project
    python3 dev.py rtc serve     any `rtc` command
    python3 dev.py nox -s tests  any nox session

The first call makes a virtual environment in .venv; nothing is installed anywhere else.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
STAMP = VENV / ".installed"


def main(arguments: list[str]) -> int:
    """Prepare the environment and run what was asked for."""
    if sys.version_info < (3, 11):
        print(f"Python 3.11 or later is needed; this is {sys.version.split()[0]}.", file=sys.stderr)
        return 2
    match arguments:
        case ["demo", *rest]:
            command = ["rtc", "demo", *rest]
        case ["rtc", *rest]:
            command = ["rtc", *rest]
        case ["test", *rest]:
            command = ["nox", *rest]
        case ["nox", *rest]:
            command = ["nox", *rest]
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    if not prepare():
        return 1
    environment = os.environ | {"PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}", "VIRTUAL_ENV": str(VENV)}
    process = subprocess.Popen([str(BIN / command[0]), *command[1:]], cwd=ROOT, env=environment)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:  # the command was interrupted as well, and ends in its own way
            continue


def prepare() -> bool:
    """Make .venv and install the packages, editable, and nox into it; quick when that was done before."""
    declarations = sorted([ROOT / "pyproject.toml", *ROOT.glob("packages/*/pyproject.toml")])
    state = "\n".join(f"{path.relative_to(ROOT)} {path.stat().st_mtime_ns}" for path in declarations)
    if STAMP.exists() and STAMP.read_text(encoding="utf-8") == state:
        return True
    print("Preparing .venv (once) ...", file=sys.stderr, flush=True)
    if not (BIN / "python").exists() and not (BIN / "python.exe").exists():
        made = subprocess.run([sys.executable, "-m", "venv", str(VENV)], capture_output=True, text=True, check=False)
        if made.returncode != 0:
            print(made.stdout + made.stderr, file=sys.stderr)
            print(
                "This Python cannot make a virtual environment; on Debian: apt install python3-venv.", file=sys.stderr
            )
            return False
    packages = [path.parent for path in declarations if path.parent != ROOT]
    editable = [argument for package in packages for argument in ("-e", str(package))]
    installed = subprocess.run(
        [str(BIN / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *editable, "nox[uv]"],
        cwd=ROOT,
        check=False,
    )
    if installed.returncode != 0:
        print("Installing into .venv failed; the message of pip is above.", file=sys.stderr)
        return False
    STAMP.write_text(state, encoding="utf-8")
    return True


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
