"""`python -m tests.fuzz TARGET --seconds N`: fuzz with atheris, and keep what it found in tests/fuzz/corpus.

An input that breaks the target is printed and kept as `broken-TARGET-…` in the current directory.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

_PROGRAM = """#!/bin/sh
exec {python} -m tests.fuzz.engine {target} "$0" "$@"
"""
"""libFuzzer begins itself again when it looks for the smallest set of inputs, so it needs a program to begin."""

TARGETS = ("record", "handshake", "certificate", "network", "peer", "stage")


def main() -> None:
    """Fuzz one target, or all of them in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=TARGETS, nargs="?", help="all of them in turn if it is left out")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    arguments = parser.parse_args()
    targets = TARGETS if arguments.target is None else (arguments.target,)
    sys.exit(max(fuzz(target, arguments.seconds) for target in targets))


def fuzz(target: str, seconds: int) -> int:
    """Fuzz in a process of its own, since libFuzzer ends the one that it runs in; then keep the smallest set of inputs.

    Returns:
        The exit code of libFuzzer, which is 0 if it found nothing.
    """
    from tests.fuzz.corpus import MAX_INPUT_LENGTH, honest, load, save

    with tempfile.TemporaryDirectory() as folder:
        begin, found = Path(folder) / "begin", Path(folder) / "found"
        begin.mkdir()
        found.mkdir()
        for number, data in enumerate([*load(target), *honest(target)]):
            (begin / f"{number}").write_bytes(data)
        program = Path(folder) / "fuzz"
        program.write_text(_PROGRAM.format(python=sys.executable, target=target))
        program.chmod(0o700)
        limits = [f"-max_len={MAX_INPUT_LENGTH}", "-timeout=20", "-rss_limit_mb=1024"]
        line = [str(program), *limits, f"-artifact_prefix=broken-{target}-"]
        options = [f"-max_total_time={seconds}", "-print_final_stats=1"]
        result = subprocess.run([*line, *options, str(begin)], check=False).returncode
        subprocess.run([*line, "-merge=1", str(found), str(begin)], check=True)
        save(target, [path.read_bytes() for path in found.iterdir()])
    return result


if __name__ == "__main__":
    main()
