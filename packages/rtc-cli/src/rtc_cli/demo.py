"""`rtc demo`: two peers in one process connect over the machine's own network and move data."""

import asyncio
import json
import statistics
import time
from dataclasses import dataclass, field
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.table import Table

from rtc_asyncio import RTCDataChannel, RTCIceCandidate, RTCPeerConnection, RTCStatsReport

from .errors import CommandError

MESSAGE_LENGTH: Final = 64 * 1024
"""Bytes of one message of the bulk transfer: what every WebRTC peer accepts."""


@dataclass
class Timeline:
    """What happened when, in milliseconds since the start."""

    console: Console | None
    started: float = field(default_factory=time.perf_counter)
    entries: list[tuple[float, str, str]] = field(default_factory=list)
    _seen: set[str] = field(default_factory=set)

    def add(self, what: str, detail: str = "", *, once: bool = False) -> None:
        """Note one step; with `once`, only the first of its name."""
        if once and what in self._seen:
            return
        self._seen.add(what)
        milliseconds = (time.perf_counter() - self.started) * 1000
        self.entries.append((milliseconds, what, detail))
        if self.console is not None:
            self.console.print(f"[cyan]{milliseconds:9.2f} ms[/]  {what:<24} [dim]{detail}[/]", highlight=False)


@dataclass
class Result:
    """Everything the report says."""

    timeline: list[dict[str, object]]
    round_trip_us: dict[str, float]
    bulk: dict[str, float]
    negotiated: dict[str, object]


async def run_demo(*, size_mb: int, round_trips: int, timeout: float, as_json: bool) -> None:
    """Connect, measure, report.

    Raises:
        CommandError: The peers did not connect within `timeout` seconds, or data was lost.
    """
    console = None if as_json else Console()
    if console is not None:
        console.print("[bold]Two WebRTC peers on this machine[/]\n")
    timeline = Timeline(console)
    async with RTCPeerConnection() as offerer, RTCPeerConnection() as answerer:
        try:
            async with asyncio.timeout(timeout):
                sender, receiver = await _connect(offerer, answerer, timeline)
        except TimeoutError:
            raise CommandError(
                f"the peers did not connect within {timeout:g} s (ICE is {offerer.iceConnectionState}); "
                "is there a firewall between this machine's own addresses?"
            ) from None
        round_trip = await _measure_round_trips(sender, receiver, round_trips)
        timeline.add("round trips", f"{round_trips} messages, median {round_trip['median']:.0f} µs")
        bulk = await _transfer(sender, receiver, size_mb * 1_000_000, console)
        timeline.add("bulk transfer", f"{size_mb} MB in {bulk['seconds']:.2f} s")
        negotiated = describe(await offerer.getStats())
    timeline.add("closed")
    entries: list[dict[str, object]] = [
        {"ms": round(ms, 3), "event": what, "detail": detail} for ms, what, detail in timeline.entries
    ]
    result = Result(entries, round_trip, bulk, negotiated)
    if console is None:
        print(json.dumps(result.__dict__))
    else:
        console.print()
        console.print(_summary(result))


async def _connect(
    offerer: RTCPeerConnection, answerer: RTCPeerConnection, timeline: Timeline
) -> tuple[RTCDataChannel, RTCDataChannel]:
    arrived: asyncio.Future[RTCDataChannel] = asyncio.get_running_loop().create_future()
    answerer.on("datachannel")(arrived.set_result)
    _watch(offerer, timeline)
    sender = offerer.createDataChannel("demo")
    for pc, other in ((offerer, answerer), (answerer, offerer)):
        _trickle(pc, other, timeline)

    await offerer.setLocalDescription()
    timeline.add("offer", "set by the offerer, sent to the answerer")
    await answerer.setRemoteDescription(_description(offerer))
    await answerer.setLocalDescription()
    timeline.add("answer", "set by the answerer, sent to the offerer")
    await offerer.setRemoteDescription(_description(answerer))
    await sender.wait_for("open")
    timeline.add("data channel open", f'"{sender.label}", stream {sender.id}')
    return sender, await arrived


def _description(pc: RTCPeerConnection) -> dict[str, str]:
    """What would travel through signalling."""
    assert pc.localDescription is not None
    return pc.localDescription.toJSON()


def _trickle(pc: RTCPeerConnection, other: RTCPeerConnection, timeline: Timeline) -> None:
    early: list[RTCIceCandidate] = []

    @pc.on("icecandidate")
    async def _(candidate: RTCIceCandidate | None) -> None:
        if candidate is None or not candidate.candidate:
            return
        timeline.add("candidate", f"{candidate.type} {candidate.address} port {candidate.port}")
        if other.remoteDescription is None:
            early.append(candidate)
        else:
            await other.addIceCandidate(candidate)

    @other.on("signalingstatechange")
    async def _() -> None:
        while other.remoteDescription is not None and early:
            await other.addIceCandidate(early.pop(0))


def _watch(pc: RTCPeerConnection, timeline: Timeline) -> None:
    @pc.on("icegatheringstatechange")
    def _() -> None:
        timeline.add(f"gathering {pc.iceGatheringState}")

    @pc.on("iceconnectionstatechange")
    def _() -> None:
        words = {"checking": "connectivity checks", "connected": "path found"}
        timeline.add(words.get(pc.iceConnectionState, f"ICE {pc.iceConnectionState}"), once=True)

    @pc.on("connectionstatechange")
    def _() -> None:
        if pc.connectionState == "connected":
            timeline.add("DTLS handshake done", "both certificates match their fingerprints")


async def _measure_round_trips(sender: RTCDataChannel, receiver: RTCDataChannel, count: int) -> dict[str, float]:
    """Microseconds that a small message takes there and back."""
    answers: asyncio.Queue[str | bytes] = asyncio.Queue()

    def echo(event: object) -> None:
        receiver.send(event.data)  # type: ignore[attr-defined]  # a MessageEvent

    def answered(event: object) -> None:
        answers.put_nowait(event.data)  # type: ignore[attr-defined]

    receiver.addEventListener("message", echo)
    sender.addEventListener("message", answered)
    times = []
    for number in range(count):
        start = time.perf_counter()
        sender.send(f"message {number}")
        if await answers.get() != f"message {number}":
            raise CommandError("a message came back changed: this is a fault of the library, please report it")
        times.append((time.perf_counter() - start) * 1e6)
    receiver.removeEventListener("message", echo)
    sender.removeEventListener("message", answered)
    return {"median": statistics.median(times), "best": min(times), "worst": max(times)}


async def _transfer(
    sender: RTCDataChannel, receiver: RTCDataChannel, length: int, console: Console | None
) -> dict[str, float]:
    """Send `length` bytes in order; the figures count both ends of the connection."""
    received = 0
    done = asyncio.Event()
    progress = Progress(
        TextColumn("  sending"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=console is None,
        transient=True,
    )
    task = progress.add_task("bulk", total=length)

    @receiver.on("message")
    def _(message: str | bytes) -> None:
        nonlocal received
        received += len(message)
        if received >= length:
            done.set()

    started, cpu_started = time.perf_counter(), time.process_time()
    with progress:
        payload = bytes(MESSAGE_LENGTH)
        sent = 0
        while sent < length:
            chunk = payload[: min(MESSAGE_LENGTH, length - sent)]
            sender.send(chunk)
            sent += len(chunk)
            await sender.drain()
            progress.update(task, completed=received)
        await done.wait()
        progress.update(task, completed=received)
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu_started
    return {
        "bytes": length,
        "seconds": seconds,
        "mb_per_second": length / 1e6 / seconds,
        "mb_per_cpu_second": length / 1e6 / cpu,
    }


def describe(report: RTCStatsReport) -> dict[str, object]:
    """What two peers agreed on, read from the statistics of one of them."""
    found: dict[str, object] = {}
    for stats in report.values():
        if stats.type != "transport":
            continue
        transport = stats.toJSON()
        found |= {
            "dtls_version": transport.get("tlsVersion"),
            "cipher": transport.get("dtlsCipher"),
            "dtls_role": transport.get("dtlsRole"),
        }
        pair = report.get(str(transport.get("selectedCandidatePairId")))
        if pair is None:
            continue
        pair_json = pair.toJSON()
        for side in ("local", "remote"):
            candidate = report[str(pair_json[f"{side}CandidateId"])].toJSON()
            found[side] = (
                f"{candidate['address']} port {candidate['port']}/{candidate['protocol']} ({candidate['candidateType']})"
            )
        round_trip_time = pair_json.get("currentRoundTripTime")
        if isinstance(round_trip_time, float):
            found["ice_round_trip_ms"] = round(round_trip_time * 1000, 3)
    return found


def _summary(result: Result) -> Table:
    versions = {"FEFD": "DTLS 1.2", "FEFC": "DTLS 1.3"}
    negotiated = result.negotiated
    opened = next(entry["ms"] for entry in result.timeline if entry["event"] == "data channel open")
    table = Table(title="Summary", show_header=False, title_justify="left", title_style="bold")
    table.add_column(style="cyan")
    table.add_column()
    table.add_row("set-up", f"{opened:.1f} ms to an open channel")
    table.add_row("selected pair", f"{negotiated.get('local')}  →  {negotiated.get('remote')}")
    table.add_row("security", f"{versions.get(str(negotiated.get('dtls_version')), '?')}, {negotiated.get('cipher')}")
    table.add_row(
        "round trip", f"median {result.round_trip_us['median']:.0f} µs, best {result.round_trip_us['best']:.0f} µs"
    )
    table.add_row(
        "bulk",
        f"{result.bulk['mb_per_second']:.0f} MB/s, {result.bulk['mb_per_cpu_second']:.0f} MB per CPU-second for both ends",
    )
    return table
