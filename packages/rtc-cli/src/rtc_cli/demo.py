"""`rtc demo`: two peers in one process connect over the machine's own network and move data."""

import json
import time
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.text import Text

from rtc_asyncio import NetworkError, RTCPeerConnection

from ._version import __version__
from .errors import CommandError
from .measurement import Bulk, RoundTrips, measure_bulk, measure_round_trips
from .meeting import Peer, connect
from .negotiated import describe, path, security
from .timeline import Timeline


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
        alice, bob = Peer("alice", first), Peer("bob", second)
        sender, receiver = await connect(alice, bob, timeline, options.timeout)
        setup_ms = timeline.steps[-1].ms
        try:
            round_trips = await measure_round_trips(sender, receiver, count=options.messages, timeout=options.timeout)
            timeline.add("round_trips", f"{round_trips.count} messages, median {round_trips.median:.0f} µs")
            bulk = await measure_bulk(sender, receiver, length=options.length, timeout=options.timeout, console=console)
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
