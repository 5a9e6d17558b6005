"""`rtc demo`: two peers in one process connect over the machine's own network and move data."""

import asyncio
import json
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.text import Text

from rtc_asyncio import (
    MessageEvent,
    NetworkError,
    RTCDataChannel,
    RTCIceCandidate,
    RTCPeerConnection,
    RTCSessionDescription,
)

from ._version import __version__
from .errors import CommandError
from .negotiated import describe, endpoint, path, security
from .timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Iterator

MESSAGE_LENGTH: Final = 64 * 1024
"""Bytes of one message of the bulk transfer: what every WebRTC peer accepts."""
_COUNTER_LENGTH: Final = 8
"""Bytes at the head of each message that number it."""
_REFRESH_INTERVAL: Final = 0.1
"""Seconds between two looks at the progress bar."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundTrips:
    """How long a small message took there and back, in microseconds."""

    count: int
    median: float
    best: float
    worst: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Bulk:
    """The bulk transfer; the figures count both ends of the connection."""

    bytes: int
    seconds: float
    mb_per_second: float
    mb_per_cpu_second: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line chose."""

    length: int
    """Bytes of the bulk transfer."""
    messages: int
    """Round trips."""
    timeout: float
    """Seconds that the connection, or one step of a transfer, may take."""
    hosts: tuple[str, ...] | None = None
    """Addresses to connect over; None for all."""
    import_ms: float = 0.0
    """What importing cost before."""


@dataclass(slots=True)
class _Peer:
    """One of the two, by name."""

    name: str
    connection: RTCPeerConnection
    early: list[RTCIceCandidate] = field(default_factory=list)
    """Candidates of the other peer that arrived before its description."""
    found_nothing: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when it has no candidate at all."""


async def run_demo(options: Options, *, as_json: bool) -> None:
    """Connect, measure, report.

    Raises:
        CommandError: The peers found no address to use, did not connect in time, or lost data.
    """
    console = None if as_json else Console()
    timeline = Timeline(console)
    made = time.perf_counter()
    async with RTCPeerConnection(hosts=options.hosts) as first, RTCPeerConnection(hosts=options.hosts) as second:
        peers_ms = (time.perf_counter() - made) * 1000
        if console is not None:
            console.print("[bold]Two WebRTC peers on this machine[/]\n")
            prepared = (
                f"{options.import_ms:.0f} ms to import, {peers_ms:.0f} ms to make the peers and their certificates"
            )
            console.print(f"[dim]     before  {prepared}[/]", highlight=False, soft_wrap=True)
        timeline.start()
        alice, bob = _Peer("alice", first), _Peer("bob", second)
        sender, receiver = await _connect_in_time(alice, bob, timeline, options)
        setup_ms = timeline.steps[-1].ms
        try:
            round_trips = await _measure_round_trips(sender, receiver, options)
            timeline.add("round_trips", f"{round_trips.count} messages, median {round_trips.median:.0f} µs")
            bulk = await _transfer(sender, receiver, options, console)
        except TimeoutError:
            raise CommandError(f"the connection stood still for {options.timeout:g} s while data was sent") from None
        except NetworkError as error:
            raise CommandError(f"the connection broke while data was sent: {error}") from None
        timeline.add("bulk", f"{_megabytes(bulk.bytes)} in {bulk.seconds:.2f} s")
        negotiated = describe(await first.getStats())
    timeline.add("closed")
    if console is None:
        document = {
            "version": __version__,
            "preparation": {"import_ms": round(options.import_ms, 3), "peers_ms": round(peers_ms, 3)},
            "timeline": [step.to_json() for step in timeline.steps],
            "setup_ms": round(setup_ms, 3),
            "round_trip_us": asdict(round_trips),
            "bulk": asdict(bulk),
            "negotiated": negotiated,
        }
        print(json.dumps(document))
    else:
        _print_summary(console, setup_ms, round_trips, bulk, negotiated)


# --- the connection ---


async def _connect_in_time(
    alice: _Peer, bob: _Peer, timeline: Timeline, options: Options
) -> tuple[RTCDataChannel, RTCDataChannel]:
    try:
        async with asyncio.timeout(options.timeout):
            return await _connect(alice, bob, timeline)
    except (TimeoutError, NetworkError):
        state = alice.connection.iceConnectionState
        raise CommandError(
            f"the peers did not connect within {options.timeout:g} s (ICE is {state}); "
            "is there a firewall between this machine's own addresses?"
        ) from None


async def _connect(alice: _Peer, bob: _Peer, timeline: Timeline) -> tuple[RTCDataChannel, RTCDataChannel]:
    arrived: asyncio.Future[RTCDataChannel] = asyncio.get_running_loop().create_future()
    bob.connection.on("datachannel")(arrived.set_result)
    sender = alice.connection.createDataChannel("demo")
    _watch_gathering(alice, bob, timeline)
    _watch_gathering(bob, alice, timeline)
    _watch_states(alice, timeline)

    await alice.connection.setLocalDescription()
    offer = _local_description(alice)
    timeline.add("offer", f"{len(offer.sdp)} bytes of SDP, to bob", peer=alice.name)
    await _signalling()
    await bob.connection.setRemoteDescription(offer)
    await bob.connection.setLocalDescription()
    answer = _local_description(bob)
    timeline.add("answer", f"{len(answer.sdp)} bytes of SDP, to alice", peer=bob.name)
    await _signalling()
    await alice.connection.setRemoteDescription(answer)
    _watch_handshake(alice, timeline)

    await _opened(sender, alice)
    timeline.add("open", f'"{sender.label}", stream {sender.id}', peer=alice.name)
    return sender, await arrived


async def _opened(channel: RTCDataChannel, peer: _Peer) -> None:
    """Wait for the channel, but not if there is no address that it could go over."""
    opening = asyncio.ensure_future(channel.wait_for("open"))
    giving_up = asyncio.ensure_future(peer.found_nothing.wait())
    try:
        await asyncio.wait({opening, giving_up}, return_when=asyncio.FIRST_COMPLETED)
        if not opening.done():
            raise CommandError(
                "no address can be used: is a network interface up, and is every --host one of this machine?"
            )
        await opening
    finally:
        opening.cancel()
        giving_up.cancel()


async def _signalling() -> None:
    """Stands for the way that a description takes to the other peer: whatever else is due gets its turn."""
    await asyncio.sleep(0)


def _local_description(peer: _Peer) -> RTCSessionDescription:
    description = peer.connection.localDescription
    if description is None:
        raise CommandError(f"{peer.name} has no description: this is a fault of the library, please report it")
    return description


def _watch_gathering(peer: _Peer, other: _Peer, timeline: Timeline) -> None:
    """Hand each candidate to the other peer as it is found."""
    count = 0

    @peer.connection.on("icecandidate")
    def _(candidate: RTCIceCandidate | None) -> None:
        nonlocal count
        if candidate is not None and candidate.candidate:
            count += 1
            timeline.add("gathering", peer=peer.name, once=True)
            found = f"{candidate.type} {endpoint(candidate.address, candidate.port)}"
            timeline.add("candidate", found, peer=peer.name)

    @peer.connection.on("icecandidate")
    async def _(candidate: RTCIceCandidate | None) -> None:
        if candidate is None or not candidate.candidate:
            return
        if other.connection.remoteDescription is None:
            other.early.append(candidate)
        else:
            await other.connection.addIceCandidate(candidate)

    @other.connection.on("signalingstatechange")
    async def _() -> None:
        while other.connection.remoteDescription is not None and other.early:
            await other.connection.addIceCandidate(other.early.pop(0))

    @peer.connection.on("icegatheringstatechange")
    def _() -> None:
        if peer.connection.iceGatheringState == "gathering":
            timeline.add("gathering", peer=peer.name, once=True)
        elif peer.connection.iceGatheringState == "complete":
            timeline.add("gathered", f"{count} candidate{'s' * (count != 1)}", peer=peer.name)
            if not count:
                peer.found_nothing.set()


def _watch_states(peer: _Peer, timeline: Timeline) -> None:
    @peer.connection.on("iceconnectionstatechange")
    def _() -> None:
        state = peer.connection.iceConnectionState
        if state == "checking":
            timeline.add("checks", "which pairs of candidates carry packets?", peer=peer.name, once=True)
        elif state == "connected":
            timeline.add("path", _selected(peer), peer=peer.name, once=True)
        elif state in {"disconnected", "failed"}:
            timeline.add(state, "ICE", peer=peer.name)


def _watch_handshake(peer: _Peer, timeline: Timeline) -> None:
    sctp = peer.connection.sctp
    if sctp is None:
        return
    dtls = sctp.transport

    @dtls.on("statechange")
    def _() -> None:
        if dtls.state == "connecting":
            timeline.add("path", _selected(peer), peer=peer.name, once=True)
            timeline.add("handshake", peer=peer.name)
        elif dtls.state == "connected":
            timeline.add("secure", "both certificates match their fingerprints", peer=peer.name)


def _selected(peer: _Peer) -> str:
    sctp = peer.connection.sctp
    pair = sctp.transport.iceTransport.getSelectedCandidatePair() if sctp is not None else None
    if pair is None:
        return ""
    return f"{endpoint(pair.local.address, pair.local.port)} → {endpoint(pair.remote.address, pair.remote.port)}"


# --- the data ---


async def _measure_round_trips(sender: RTCDataChannel, receiver: RTCDataChannel, options: Options) -> RoundTrips:
    answers: asyncio.Queue[str | bytes] = asyncio.Queue()

    def echo(event: MessageEvent) -> None:
        receiver.send(event.data)

    def answered(event: MessageEvent) -> None:
        answers.put_nowait(event.data)

    receiver.addEventListener("message", echo)
    sender.addEventListener("message", answered)
    times = []
    for number in range(options.messages):
        start = time.perf_counter()
        sender.send(f"message {number}")
        async with asyncio.timeout(options.timeout):
            answer = await answers.get()
        if answer != f"message {number}":
            raise CommandError("a message came back changed: this is a fault of the library, please report it")
        times.append((time.perf_counter() - start) * 1e6)
    receiver.removeEventListener("message", echo)
    sender.removeEventListener("message", answered)
    return RoundTrips(count=len(times), median=statistics.median(times), best=min(times), worst=max(times))


class _Receiver:
    """Counts what arrives, and sees that it is what was sent."""

    def __init__(self, length: int) -> None:
        self.received = 0
        self.done = asyncio.Event()
        self.in_order = True
        self._length = length
        self._messages = 0

    def take(self, message: str | bytes) -> None:
        number = message[:_COUNTER_LENGTH]
        if number != self._messages.to_bytes(_COUNTER_LENGTH, "big")[: len(number)]:
            self.in_order = False
        self._messages += 1
        self.received += len(message)
        if self.received >= self._length:
            self.done.set()


async def _transfer(
    sender: RTCDataChannel, receiver: RTCDataChannel, options: Options, console: Console | None
) -> Bulk:
    """Send numbered messages, in order, as fast as the channel takes them."""
    loop = asyncio.get_running_loop()
    counted = _Receiver(options.length)
    receiver.on("message")(counted.take)
    rest = bytes(MESSAGE_LENGTH - _COUNTER_LENGTH)
    started, cpu_started = time.perf_counter(), time.process_time()
    with _progress_bar(console, options.length) as show:
        refresh = loop.create_task(_refresh(lambda: show(counted.received)))
        try:
            async with asyncio.timeout(options.timeout) as patience:
                for number, start in enumerate(range(0, options.length, MESSAGE_LENGTH)):
                    message = number.to_bytes(_COUNTER_LENGTH, "big") + rest
                    sender.send(message[: options.length - start])
                    await sender.drain()
                    patience.reschedule(loop.time() + options.timeout)
                await counted.done.wait()
        finally:
            refresh.cancel()
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu_started
    if not counted.in_order or counted.received != options.length:
        raise CommandError("the bulk transfer arrived changed: this is a fault of the library, please report it")
    megabytes = options.length / 1e6
    return Bulk(
        bytes=options.length,
        seconds=seconds,
        mb_per_second=megabytes / seconds,
        mb_per_cpu_second=megabytes / max(cpu, 1e-9),
    )


@contextmanager
def _progress_bar(console: Console | None, length: int) -> "Iterator[Callable[[int], None]]":
    """A bar where a person watches, and nothing anywhere else; it is gone when the block ends."""
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    watched = console is not None and sys.stdout.isatty()
    with Progress(
        TextColumn(" " * 10), *columns, console=console, disable=not watched, transient=True, auto_refresh=False
    ) as progress:
        task = progress.add_task("bulk", total=length)
        yield lambda received: progress.update(task, completed=received, refresh=True)


async def _refresh(show: Callable[[], None]) -> None:
    while True:
        show()
        await asyncio.sleep(_REFRESH_INTERVAL)


# --- the report ---


def _print_summary(
    console: Console, setup_ms: float, round_trips: RoundTrips, bulk: Bulk, negotiated: dict[str, object]
) -> None:
    local, remote = path(negotiated)
    facts = {
        "set-up": f"{setup_ms:.1f} ms from the offer to an open channel",
        "selected pair": f"{local} ⇄",
        "": remote,
        "security": security(negotiated),
        "round trip": f"median {round_trips.median:.0f} µs, best {round_trips.best:.0f}, worst {round_trips.worst:.0f}",
        "bulk transfer": f"{_megabytes(bulk.bytes)}: {bulk.mb_per_second:.0f} MB/s, "
        f"{bulk.mb_per_cpu_second:.0f} MB per CPU-second with both ends",
    }
    console.print("\n[bold]Summary[/]")
    for name, fact in facts.items():
        console.print(Text.assemble((f"  {name:<13}", "cyan"), f"  {fact}"), soft_wrap=True)


def _megabytes(length: int) -> str:
    return f"{length / 1e6:g} MB"
