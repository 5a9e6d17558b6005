"""How much a server with one UDP port spends on peers that do nothing: `python -m tests.bench.single_port --peers 1000`.

The server is a process of its own, measured by what the system says of it; its peers, real connections with open data
channels, are in this one. Both ends send what idle connections send: consent checks and their answers.
"""

import argparse
import asyncio
import json
import resource
import sys
import time
from pathlib import Path

from rtc_asyncio import PeerOptions, RTCPeerConnection, SinglePort
from rtc_ice import IceConfig

CONNECTING_AT_ONCE = 20


async def serve(*, lite: bool) -> None:
    """Answer one line of JSON after the other: offers, and questions for the figures so far."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    options = PeerOptions(ice=IceConfig(lite=lite, allow_loopback=True))
    connections = []
    async with SinglePort(hosts=["127.0.0.1"]) as port:
        while line := await reader.readline():
            offer = json.loads(line)
            if offer is None:
                answer: object = {**_figures(), "routed": port.stats.datagrams_routed, "peers": len(port)}
            else:
                pc = RTCPeerConnection(port=port, options=options)
                connections.append(pc)
                await pc.setRemoteDescription(offer)
                await pc.setLocalDescription()
                assert pc.localDescription is not None
                answer = pc.localDescription.toJSON()
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()
        for pc in connections:
            await pc.close()


def _figures() -> dict[str, float]:
    used = resource.getrusage(resource.RUSAGE_SELF)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return {"cpu": used.ru_utime + used.ru_stime, "memory": pages * resource.getpagesize()}


class Server:
    """The other process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._turn = asyncio.Lock()

    async def ask(self, question: object) -> dict[str, float]:
        """Send a line and return the one that answers it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        async with self._turn:
            self._process.stdin.write(json.dumps(question).encode() + b"\n")
            found: dict[str, float] = json.loads(await self._process.stdout.readline())
            return found


async def connect(server: Server, limit: asyncio.Semaphore) -> RTCPeerConnection:
    """Open a connection with a channel."""
    async with limit:
        pc = RTCPeerConnection(hosts=["127.0.0.1"])
        channel = pc.createDataChannel("idle")
        await pc.setLocalDescription()
        assert pc.localDescription is not None
        await pc.setRemoteDescription(await server.ask(pc.localDescription.toJSON()))
        async with asyncio.timeout(60):
            await channel.wait_for("open")
        return pc


async def measure(peers: int, seconds: float, *, lite: bool) -> None:
    """Connect, wait, and print."""
    arguments = [sys.executable, "-m", "tests.bench.single_port", "--serve", *(["--lite"] if lite else [])]
    process = await asyncio.create_subprocess_exec(
        *arguments, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 20
    )
    server = Server(process)
    first = await connect(server, asyncio.Semaphore(1))  # what the first one loads is no cost of every one
    empty = await server.ask(None)
    limit = asyncio.Semaphore(CONNECTING_AT_ONCE)
    began = time.monotonic()
    connections = [first, *await asyncio.gather(*(connect(server, limit) for _ in range(peers)))]
    took = time.monotonic() - began
    await asyncio.sleep(10)  # let the last handshakes end
    before = await server.ask(None)
    await asyncio.sleep(seconds)
    after = await server.ask(None)
    alive = sum(pc.connectionState == "connected" for pc in connections)
    result = {
        "peers": after["peers"] - 1,
        "still_connected": alive - 1,
        "lite": lite,
        "set_up_seconds": round(took, 1),
        "set_up_cpu_ms_per_peer": round((before["cpu"] - empty["cpu"]) * 1000 / peers, 2),
        "memory_kib_per_peer": round((after["memory"] - empty["memory"]) / 1024 / peers, 1),
        "memory_mib": round(after["memory"] / 1024 / 1024, 1),
        "idle_cpu_percent": round((after["cpu"] - before["cpu"]) * 100 / seconds, 2),
        "idle_datagrams_per_second": round((after["routed"] - before["routed"]) / seconds, 1),
    }
    sys.stdout.write(json.dumps(result) + "\n")
    for pc in connections:
        await pc.close()
    assert process.stdin is not None
    process.stdin.close()
    await process.wait()


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serve", action="store_true")
    parser.add_argument("--lite", action="store_true", help="the server is an ICE-lite agent")
    parser.add_argument("--peers", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=30.0, help="how long to look on")
    arguments = parser.parse_args()
    if arguments.serve:
        asyncio.run(serve(lite=arguments.lite))
    else:
        asyncio.run(measure(arguments.peers, arguments.seconds, lite=arguments.lite))


if __name__ == "__main__":
    main()
