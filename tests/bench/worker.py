"""One measurement of one implementation in a process of its own; prints one line of JSON.

python -m tests.bench.worker IMPLEMENTATION BENCHMARK
"""

import asyncio
import gc
import importlib
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from types import ModuleType
from typing import Any, Final

MODULES: Final = {"ours": "rtc_asyncio", "aiortc": "aiortc"}
BULK_BYTES: Final = {"ours": 192 * 1024 * 1024, "aiortc": 24 * 1024 * 1024}
"""Enough for a second or two of CPU time each."""
SMALL_COUNT: Final = {"ours": 200_000, "aiortc": 20_000}
HIGH_WATER: Final = 4 * 1024 * 1024
LOW_WATER: Final = 1024 * 1024
ROUND_TRIPS: Final = 300
IDLE_CONNECTIONS: Final = 20


async def connect(api: ModuleType, **options: object) -> tuple[Any, Any, Any, Any]:
    """Two connections in this process with one open channel between them."""
    first, second = api.RTCPeerConnection(), api.RTCPeerConnection()
    opened: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    ready = asyncio.Event()
    second.on("datachannel")(opened.set_result)
    channel = first.createDataChannel("bench", **options)
    channel.on("open")(lambda: ready.set())
    if api.__name__ == "rtc_asyncio":
        for source, target in ((first, second), (second, first)):
            source.on("icecandidate")(lambda candidate, target=target: _add(target, candidate))
    await first.setLocalDescription(await first.createOffer())
    await second.setRemoteDescription(first.localDescription)
    await second.setLocalDescription(await second.createAnswer())
    await first.setRemoteDescription(second.localDescription)
    await asyncio.wait_for(ready.wait(), 30)
    return first, second, channel, await asyncio.wait_for(opened, 30)


async def _add(target: Any, candidate: Any) -> None:
    if target.remoteDescription is None:
        return  # it is in the description that is on its way
    await target.addIceCandidate(candidate)


async def setup(api: ModuleType, name: str) -> dict[str, float]:
    """From nothing to an open channel, ten times; the first is not counted."""
    times: list[tuple[float, float]] = []
    for _ in range(11):
        wall, cpu = time.perf_counter(), time.process_time()
        first, second, _, _ = await connect(api)
        times.append((time.perf_counter() - wall, time.process_time() - cpu))
        await first.close()
        await second.close()
    times = sorted(times[1:])
    return {"wall_ms": times[len(times) // 2][0] * 1000, "cpu_ms": sum(cpu for _, cpu in times) / len(times) * 1000}


async def _transfer(api: ModuleType, payload: bytes, count: int) -> float:
    """CPU seconds that both ends together spend on `count` messages."""
    first, second, sender, receiver = await connect(api)
    done = asyncio.Event()
    low = asyncio.Event()
    remaining = count

    def count_down(message: bytes) -> None:
        nonlocal remaining
        remaining -= 1
        if remaining == 0:
            done.set()

    receiver.on("message")(count_down)
    sender.bufferedAmountLowThreshold = LOW_WATER
    sender.on("bufferedamountlow")(lambda: low.set())
    before = time.process_time()
    for _ in range(count):
        sender.send(payload)
        if sender.bufferedAmount > HIGH_WATER:
            low.clear()
            await low.wait()
    await done.wait()
    spent = time.process_time() - before
    await first.close()
    await second.close()
    return spent


async def bulk(api: ModuleType, name: str) -> dict[str, float]:
    """64-KiB messages."""
    count = BULK_BYTES[name] // 65536
    return {"mb_per_cpu_second": count * 65536 / 1e6 / await _transfer(api, bytes(65536), count)}


async def small(api: ModuleType, name: str) -> dict[str, float]:
    """100-byte messages."""
    count = SMALL_COUNT[name]
    return {"messages_per_cpu_second": count / await _transfer(api, bytes(100), count)}


async def round_trip(api: ModuleType, name: str) -> dict[str, float]:
    """One small message there and back, one at a time."""
    first, second, sender, receiver = await connect(api)
    loop = asyncio.get_running_loop()
    answered: asyncio.Future[None] = loop.create_future()
    receiver.on("message")(lambda message: receiver.send(message))
    sender.on("message")(lambda message: answered.set_result(None))
    times = []
    before = time.process_time()
    for _ in range(ROUND_TRIPS):
        answered = loop.create_future()
        start = time.perf_counter()
        sender.send(b"ping")
        await answered
        times.append(time.perf_counter() - start)
    cpu = (time.process_time() - before) / ROUND_TRIPS
    await first.close()
    await second.close()
    return {"wall_us": sorted(times)[len(times) // 2] * 1e6, "cpu_us": cpu * 1e6}


async def idle_memory(api: ModuleType, name: str) -> dict[str, float]:
    """Resident bytes that one connection adds, both ends counted as two."""
    kept = [await connect(api)]
    gc.collect()
    before = _resident()
    kept += [await connect(api) for _ in range(IDLE_CONNECTIONS)]
    gc.collect()
    added = _resident() - before
    for first, second, *_ in kept:
        await first.close()
        await second.close()
    return {"kib": added / 1024 / (2 * IDLE_CONNECTIONS)}


async def video_call(api: ModuleType, name: str) -> dict[str, float]:
    """See `tests.bench.video_call`, which needs libav."""
    from tests.bench import video_call as call

    return await call.video_call(api, name)


def _resident() -> int:
    try:
        with open("/proc/self/statm", encoding="ascii") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


_TIMED_IMPORT: Final = """
import time
wall, cpu = time.perf_counter(), time.process_time()
from {module} import RTCDataChannel, RTCPeerConnection
print(time.perf_counter() - wall, time.process_time() - cpu)
"""


def import_time(module: str) -> dict[str, float]:
    """What it takes to have the peer connection at hand: the least of ten fresh interpreters, from bytecode."""
    _import_afresh(module)  # writes the bytecode
    walls, cpus = zip(*(_import_afresh(module) for _ in range(10)), strict=True)
    return {"wall_ms": min(walls) * 1000, "cpu_ms": min(cpus) * 1000}


def _import_afresh(module: str) -> tuple[float, float]:
    """Import in an interpreter of its own, and return wall and CPU seconds."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-c", _TIMED_IMPORT.format(module=module)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    wall, cpu = done.stdout.split()
    return float(wall), float(cpu)


BENCHMARKS: Final[dict[str, Callable[[ModuleType, str], Awaitable[dict[str, float]]]]] = {
    "setup": setup,
    "bulk": bulk,
    "small": small,
    "round_trip": round_trip,
    "idle_memory": idle_memory,
    "video_call": video_call,
}


def main() -> None:
    """Run what the arguments name."""
    name, benchmark = sys.argv[1:3]
    if benchmark == "import":
        result = import_time(MODULES[name])
    elif benchmark == "rtp":
        from tests.bench import rtp

        result = rtp.measure(name)
    elif benchmark == "forwarding":
        from tests.bench import forwarding

        result = forwarding.measure(name)
    elif benchmark == "turn":
        from tests.bench import turn

        result = turn.measure(name)
    elif benchmark == "dtls":
        from tests.bench import dtls

        result = dtls.compare()
    elif benchmark == "srtp":
        from tests.bench import srtp

        result = srtp.compare()
    else:
        api = importlib.import_module(MODULES[name])
        result = asyncio.run(BENCHMARKS[benchmark](api, name))  # type: ignore[arg-type]
    print(json.dumps(result))


if __name__ == "__main__":
    main()
