"""What a dead TURN server costs: `python -m tests.bench.gathering`.

Two connections that use relays alone connect over the loopback interface, with three servers in their configuration: all
three alive, and with one that never answers, over UDP and over TCP. A dead server that is named first costs the 50 ms after which
the next one is asked (Ta of RFC 8445), and no more.

aiortc takes turns. It asks the first TURN server of a configuration and no other, tells its candidates when all are there, and
has no policy relay: its channel opens straight between the hosts, once it has gathered.
"""

import argparse
import asyncio
import importlib.util
import json
import os
import socket
import statistics
import sys
import time
from types import ModuleType
from typing import Any, Final

from rtc_asyncio import TurnListener, TurnService
from rtc_stun import LongTermAuthenticator, LongTermUsers
from rtc_turn import PublicPeers

HOST: Final = "127.0.0.1"
TIMEOUT: Final = 60.0


def service() -> TurnService:
    """A TURN server over UDP and TCP."""
    return TurnService(
        authenticator=LongTermAuthenticator(LongTermUsers("example.org", {"alice": "secret"}), secret=os.urandom(32)),
        listeners=[TurnListener(transport="udp", host=HOST, port=0), TurnListener(transport="tcp", host=HOST, port=0)],
        policy=PublicPeers(allowed=["127.0.0.0/8"]),
    )


class DeadServer:
    """Takes what is sent to it, over UDP and TCP, and never says a word."""

    def __init__(self) -> None:
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind((HOST, 0))
        self._tcp = socket.create_server((HOST, 0))
        self.ports = {"udp": self._udp.getsockname()[1], "tcp": self._tcp.getsockname()[1]}

    def close(self) -> None:
        """Give the ports back."""
        self._udp.close()
        self._tcp.close()


def _ours(api: ModuleType, urls: list[str]) -> Any:
    server = {"urls": urls, "username": "alice", "credential": "secret"}
    return api.RTCPeerConnection({"iceServers": [server], "iceTransportPolicy": "relay"}, hosts=[HOST])


def _aiortc(api: ModuleType, urls: list[str]) -> Any:
    servers = [api.RTCIceServer(urls=[url], username="alice", credential="secret") for url in urls]
    return api.RTCPeerConnection(api.RTCConfiguration(iceServers=servers))


MAKERS: Final = {"rtc_asyncio": _ours, "aiortc": _aiortc}


async def connect(name: str, urls: list[str]) -> tuple[float, float]:
    """Seconds to an open channel, and to the end of gathering, of one pair of connections."""
    api = importlib.import_module(name)
    first, second = MAKERS[name](api, urls), MAKERS[name](api, urls)
    ready = asyncio.Event()
    channel = first.createDataChannel("bench")
    channel.on("open")(lambda: ready.set())
    if name == "rtc_asyncio":
        for source, target in ((first, second), (second, first)):
            source.on("icecandidate")(lambda candidate, target=target: _add(target, candidate))
    began = time.perf_counter()
    async with asyncio.timeout(TIMEOUT):
        await first.setLocalDescription(await first.createOffer())
        await second.setRemoteDescription(first.localDescription)
        await second.setLocalDescription(await second.createAnswer())
        await first.setRemoteDescription(second.localDescription)
        await ready.wait()
        opened = time.perf_counter() - began
        while first.iceGatheringState != "complete":
            await asyncio.sleep(0.01)
        gathered = time.perf_counter() - began
    await first.close()
    await second.close()
    return opened, gathered


async def _add(target: Any, candidate: Any) -> None:
    if target.remoteDescription is not None:
        await target.addIceCandidate(candidate)


async def measure(rounds: int) -> dict[str, dict[str, float]]:
    """Milliseconds, the median of rounds in which all cases take turns."""
    dead = DeadServer()
    async with service() as one, service() as two, service() as three:
        alive = [
            f"turn:{HOST}:{listener.port}?transport={listener.transport}"
            for each in (one, two, three)
            for listener in each.listeners
            if listener.transport == "udp"
        ]
        silent = {kind: f"turn:{HOST}:{port}?transport={kind}" for kind, port in dead.ports.items()}
        cases: dict[str, tuple[str, list[str]]] = {
            "three alive": ("rtc_asyncio", alive),
            "one of three dead (UDP)": ("rtc_asyncio", [silent["udp"], *alive[1:]]),
            "one of three dead (TCP)": ("rtc_asyncio", [silent["tcp"], *alive[1:]]),
        }
        if importlib.util.find_spec("aiortc") is not None:
            cases["aiortc, three alive"] = ("aiortc", alive)
            cases["aiortc, the first of three dead"] = ("aiortc", [silent["udp"], *alive[1:]])
        samples: dict[str, list[tuple[float, float]]] = {case: [] for case in cases}
        for _ in range(rounds):
            for case, (name, urls) in cases.items():
                samples[case].append(await connect(name, urls))
    dead.close()
    return {
        case: {
            "open_ms": statistics.median(opened for opened, _ in found) * 1000,
            "gathered_ms": statistics.median(gathered for _, gathered in found) * 1000,
        }
        for case, found in samples.items()
    }


def main() -> int:
    """Print the figures; fail if a dead server delays the connection."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    figures = asyncio.run(measure(options.rounds))
    if options.json:
        print(json.dumps(figures))
    else:
        print(f"{'':<34}{'channel open':>14}{'all gathered':>14}")
        for case, figure in figures.items():
            print(f"{case:<34}{figure['open_ms']:>11.0f} ms{figure['gathered_ms']:>11.0f} ms")
    best = figures["three alive"]["open_ms"]
    worst = max(figures[case]["open_ms"] for case in figures if case.startswith("one of"))
    print(f"a dead server delays the channel by {worst - best:.0f} ms")
    return 0 if worst < 2 * best + 100 else 1


if __name__ == "__main__":
    sys.exit(main())
