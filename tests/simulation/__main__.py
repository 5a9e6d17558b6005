"""Run conversations by seed: `python -m tests.simulation --count 10000`, or one again: `python -m tests.simulation --seed 1234`."""

import argparse
import multiprocessing
import sys
import time

from .call import Call
from .handshake import Handshake
from .media_call import MediaCall
from .moving_call import MovingCall
from .nat_call import NatCall
from .relay_call import RelayCall
from .tcp_call import TcpCall

MEDIA_SHARE = 30
"""One seed in so many is a call of sound and pictures, too, which takes ten times as long."""
NAT_SHARE = 4
"""One seed in so many is a pair of ICE agents behind NATs, too."""

MOVING_SHARE = 20
"""One seed in so many is a call between hosts that move from address to address, too."""
RELAY_SHARE = 20
"""One seed in so many is a call through TURN servers that come and go, too."""
TCP_SHARE = 10
"""One seed in so many is a call over TCP whose connections break, too."""


def attempt(seed: int) -> tuple[int, str | None]:
    """Run one seed; the text is what went wrong."""
    try:
        Call(seed).run()
        Handshake(seed).run()
        if seed % MEDIA_SHARE == 0:
            MediaCall(seed).run()
        if seed % NAT_SHARE == 0:
            NatCall(seed).run()
        if seed % MOVING_SHARE == 0:
            MovingCall(seed).run()
        if seed % RELAY_SHARE == 0:
            RelayCall(seed).run()
        if seed % TCP_SHARE == 0:
            TcpCall(seed).run()
    except Exception as error:  # noqa: BLE001 - whatever it is, the seed is reported
        return seed, f"{type(error).__name__}: {error}"
    return seed, None


def main() -> int:
    """Run and report; the exit code says whether every seed passed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000, help="how many seeds")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seed", type=int, help="run this one alone, with the traceback of what goes wrong")
    options = parser.parse_args()
    if options.seed is not None:
        Call(options.seed).run()
        Handshake(options.seed).run()
        MediaCall(options.seed).run()
        NatCall(options.seed).run()
        MovingCall(options.seed).run()
        RelayCall(options.seed).run()
        TcpCall(options.seed).run()
        print(f"seed {options.seed} passed")
        return 0
    started = time.perf_counter()
    failed = []
    with multiprocessing.Pool() as pool:
        seeds = range(options.first, options.first + options.count)
        for seed, error in pool.imap_unordered(attempt, seeds, chunksize=20):
            if error is not None:
                failed.append(seed)
                print(f"seed {seed}: {error}\n  again: python -m tests.simulation --seed {seed}", flush=True)
    seconds = time.perf_counter() - started
    print(f"{options.count} connections in {seconds:.0f} s")
    print(f"{options.count - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
