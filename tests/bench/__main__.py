"""Run the benchmarks and print ratios: `nox -s bench`, or `nox -s bench -- bulk small --rounds 5`.

Times mean little on a shared machine. Every figure is the median of rounds in which the implementations take turns, by CPU time of the
whole process where both ends run in it; the ratio to aiortc, measured in the same minutes, is what counts.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.bench.srtp import LENGTHS, OPERATIONS, PROFILES

ROOT: Final = Path(__file__).parent.parent.parent
NODE_FOLDER: Final = ROOT / "tests" / "interop" / "node"
PYTHON: Final = ("ours", "aiortc")
BARE_TRANSPORTS: Final = "aiortc-transports"
"""What aiortc would be without its media; for forwarding alone."""
COTURN: Final = "coturn"
"""A server in C, for that of TURN alone."""
NODE: Final = {"libdatachannel": "node-datachannel", "libwebrtc": "@roamhq/wrtc", "werift": "werift"}
NODE_BENCHMARKS: Final = ("setup", "bulk", "small", "round_trip")
TIMEOUT: Final = 60
"""Seconds for one measurement; the slowest that ends takes ten."""
SRTP_MOST: Final = (1.0, 1.4)
"""CPU time of GCM and of counter mode, by that of libsrtp's Python binding, which takes turns in the same process."""


@dataclass(frozen=True)
class Goal:
    """What `ours` has to reach, as a ratio to aiortc or as an absolute figure."""

    metric: str
    unit: str
    more_is_better: bool
    ratio: float | None = None
    absolute: float | None = None


GOALS: Final[dict[str, list[Goal]]] = {
    "setup": [Goal("wall_ms", "ms", more_is_better=False, ratio=0.5), Goal("cpu_ms", "ms CPU", more_is_better=False)],
    "bulk": [Goal("mb_per_cpu_second", "MB per CPU-second", more_is_better=True, ratio=6)],
    "small": [Goal("messages_per_cpu_second", "messages per CPU-second", more_is_better=True, ratio=10)],
    "round_trip": [
        Goal("wall_us", "µs", more_is_better=False, ratio=1),
        Goal("cpu_us", "µs CPU", more_is_better=False),
    ],
    "idle_memory": [Goal("kib", "KiB", more_is_better=False, ratio=1)],
    "import": [
        Goal("wall_ms", "ms", more_is_better=False, absolute=150),
        Goal("cpu_ms", "ms CPU", more_is_better=False),
    ],
    "rtp": [
        Goal("parse", "packets parsed per CPU-second", more_is_better=True, ratio=3),
        Goal("serialize", "packets made per CPU-second", more_is_better=True, ratio=1.2),
        Goal("forward", "packets forwarded per CPU-second", more_is_better=True, ratio=3),
        Goal("rtcp", "datagrams of RTCP per CPU-second", more_is_better=True),
    ],
    "forwarding": [
        Goal("packets_per_cpu_second", "packets passed on per CPU-second", more_is_better=True, ratio=5),
        Goal("arrived_percent", "% arrived", more_is_better=True, ratio=0.98),
    ],
    "video_call": [
        Goal("outside_ms_per_picture", "ms CPU a picture outside the codec", more_is_better=False, ratio=1),
        Goal("all_ms_per_picture", "ms CPU a picture with the codec", more_is_better=False),
        Goal("pictures_per_second", "pictures a second", more_is_better=True, ratio=0.95),
    ],
    "turn": [
        Goal("datagrams_per_cpu_second", "datagrams relayed per CPU-second", more_is_better=True),
        Goal("allocations_per_cpu_second", "allocations per CPU-second", more_is_better=True),
        Goal("arrived_percent", "% arrived", more_is_better=True),
    ],
    "dtls": [
        Goal("openssl_handshakes", "handshakes of OpenSSL 1.2 per CPU-second", more_is_better=True),
        *(
            Goal(f"handshakes_{kind}", f"handshakes {kind} per CPU-second", more_is_better=True)
            for kind in ("12", "13", "13_hybrid")
        ),
        Goal("round_trips_12", "round trips until the client may send, 1.2", more_is_better=False, absolute=2),
        Goal("round_trips_13", "round trips until the client may send, 1.3", more_is_better=False, absolute=1),
        Goal("openssl_seal", "records of 1200 bytes that OpenSSL seals per CPU-second", more_is_better=True),
        Goal("openssl_open", "records of 1200 bytes that OpenSSL opens per CPU-second", more_is_better=True),
        *(
            Goal(
                f"{operation}_{kind}", f"records of 1200 bytes, {operation} {kind}, per CPU-second", more_is_better=True
            )
            for operation in ("seal", "open")
            for kind in ("12", "13")
        ),
        *(
            Goal(
                f"{operation}_ratio_{kind}",
                f"CPU of {operation} {kind} by that of pyOpenSSL",
                more_is_better=False,
                absolute=1,
            )
            for operation in ("seal", "open")
            for kind in ("12", "13")
        ),
    ],
    "srtp": [
        Goal(f"{profile}_{kind}_{operation}", f"{profile} {kind} {operation}", more_is_better=False, absolute=most)
        for profile, most in zip(PROFILES, SRTP_MOST, strict=True)
        for kind in LENGTHS
        for operation in OPERATIONS
    ],
}


def main() -> int:
    """Measure, print, and fail if a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("benchmarks", nargs="*", metavar="BENCHMARK", help=f"of {', '.join(GOALS)}; default all")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each implementation")
    parser.add_argument("--only-python", action="store_true", help="leave out the Node implementations")
    options = parser.parse_args()
    names = options.benchmarks or list(GOALS)
    if unknown := set(names) - set(GOALS):
        parser.error(f"unknown benchmarks: {', '.join(sorted(unknown))}")
    missed = 0
    for benchmark in names:
        implementations = [*_python_implementations(benchmark)]
        if not options.only_python:
            implementations += _node_implementations(benchmark)
        results: dict[str, list[dict[str, float]]] = {name: [] for name in implementations}
        for _ in range(options.rounds):
            for name in list(implementations):
                measured = _measure(name, benchmark)
                if measured is None:
                    implementations.remove(name)  # it said why, and would again
                else:
                    results[name].append(measured)
        missed += _report(benchmark, results)
    return 1 if missed else 0


def _python_implementations(benchmark: str) -> tuple[str, ...]:
    if benchmark == "forwarding":
        return (*PYTHON, BARE_TRANSPORTS)
    if benchmark == "turn":
        return ("ours", COTURN) if shutil.which("turnserver") is not None else ("ours",)
    return ("ours",) if benchmark in ("srtp", "dtls") else PYTHON


def _node_implementations(benchmark: str) -> list[str]:
    if benchmark not in NODE_BENCHMARKS or shutil.which("node") is None:
        return []
    return [name for name, module in NODE.items() if (NODE_FOLDER / "node_modules" / module).exists()]


def _measure(name: str, benchmark: str) -> dict[str, float] | None:
    if name in (*PYTHON, BARE_TRANSPORTS, COTURN):
        command = [sys.executable, "-m", "tests.bench.worker", name, benchmark]
    else:
        command = ["node", str(Path(__file__).parent / "node_worker.mjs"), str(NODE_FOLDER), name, benchmark]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT, check=True)
    except subprocess.CalledProcessError as error:
        print(f"  {name} {benchmark} failed: {error.stderr.strip().splitlines()[-1:]}")
        return None
    except subprocess.TimeoutExpired:
        print(f"  {name} {benchmark} did not end")
        return None
    measured: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return measured


def _report(benchmark: str, results: dict[str, list[dict[str, float]]]) -> int:
    missed = 0
    print(f"\n{benchmark}")
    for goal in GOALS[benchmark]:
        medians = {
            name: statistics.median(sample[goal.metric] for sample in samples)
            for name, samples in results.items()
            if samples
        }
        for name, value in medians.items():
            ratio = f"{medians['ours'] / value:6.2f} x" if name != "ours" and "ours" in medians else ""
            print(f"  {name:<16} {value:12.2f} {goal.unit:<24} {ratio}")
        verdict = _verdict(goal, medians)
        if verdict is not None:
            print(f"  {verdict}")
            missed += verdict.startswith("MISSED")
    return missed


def _verdict(goal: Goal, medians: dict[str, float]) -> str | None:
    if "ours" not in medians:
        return "MISSED: no measurement of ours"
    ours = medians["ours"]
    if goal.absolute is not None:
        return f"{'reached' if ours <= goal.absolute else 'MISSED'}: at most {goal.absolute:g} {goal.unit}"
    if goal.ratio is None or "aiortc" not in medians:
        return None
    ratio = ours / medians["aiortc"]
    reached = ratio >= goal.ratio if goal.more_is_better else ratio <= goal.ratio
    words = "at least" if goal.more_is_better else "at most"
    return f"{'reached' if reached else 'MISSED'}: {ratio:.2f} of aiortc's, goal {words} {goal.ratio:g}"


if __name__ == "__main__":
    sys.exit(main())
