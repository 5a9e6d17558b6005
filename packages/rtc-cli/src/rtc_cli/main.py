"""The `rtc` command: its subcommands and their options. How they run and end is the business of `running`."""

import ipaddress
import math
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypedDict, TypeVar, Unpack

import click

from ._version import __version__
from .dtls_command import dtls
from .running import EXIT_SIGNAL, run
from .server_commands import check, stun
from .turn_command import turn

MEGABYTE: Final = 1_000_000

Command = TypeVar("Command", bound=Callable[..., object])


def _ip_addresses(context: click.Context, parameter: click.Parameter, hosts: tuple[str, ...]) -> tuple[str, ...]:
    for host in hosts:
        try:
            ipaddress.ip_address(host.partition("%")[0])
        except ValueError:
            raise click.BadParameter(f"{host} is not an IP address", context, parameter) from None
    return hosts


def _not_empty(context: click.Context, parameter: click.Parameter, host: str) -> str:
    if not host.strip():  # the socket library takes it for every address of this machine
        raise click.BadParameter("an address is needed; 0.0.0.0 lets other machines in", context, parameter)
    return host


class _Seconds(click.FloatRange):
    """A time that ends."""

    def convert(self, value: float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        seconds = float(super().convert(value, param, ctx))
        if not math.isfinite(seconds):
            self.fail(f"{value} is no number of seconds", param, ctx)
        return seconds


class _Commands(click.Group):
    """Ends with the exit code that shells have for Ctrl-C, whatever was under way."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            sys.exit(EXIT_SIGNAL + signal.SIGINT)


class Page(TypedDict):
    """The options of a page."""

    host: str
    port: int
    names: tuple[str, ...]
    directory: Path
    max_file: int
    stun: tuple[str, ...]
    timeout: float


def _page(command: Command) -> Command:
    """Add the options of a page, with or without a film."""
    for option in reversed(
        (
            click.option(
                "--host",
                default="127.0.0.1",
                show_default=True,
                metavar="ADDRESS",
                callback=_not_empty,
                help="Address to listen on; 0.0.0.0 lets other machines in.",
            ),
            click.option(
                "--port",
                default=8080,
                show_default=True,
                type=click.IntRange(0, 65535),
                help="Port of the page; 0 for any.",
            ),
            click.option(
                "--allow-name",
                "names",
                multiple=True,
                metavar="NAME",
                help="Host name that browsers may use in the page's URL, besides IP addresses and localhost; may be given several times.",
            ),
            click.option(
                "--directory",
                default=Path("received"),
                show_default=True,
                type=click.Path(file_okay=False, path_type=Path),
                help="Folder for files that arrive; made when the first does.",
            ),
            click.option(
                "--max-file",
                default=1024,
                show_default=True,
                type=click.IntRange(1),
                metavar="MB",
                help="Largest file accepted, in MB.",
            ),
            click.option(
                "--stun",
                multiple=True,
                metavar="URI",
                help="STUN server for browsers beyond this network, such as stun:stun.example.org; may be given several times.",
            ),
            click.option(
                "--timeout",
                default=30.0,
                show_default=True,
                type=_Seconds(0.1),
                metavar="SECONDS",
                help="How long a browser may take to connect.",
            ),
            click.option("--json", "as_json", is_flag=True, help="Print events as JSON, one object a line."),
        )
    ):
        command = option(command)
    return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="rtc")
def main() -> None:
    """WebRTC from the command line.

    Begin with `rtc demo`, which connects two peers on this machine, then `rtc serve`, which connects your browser.

    Exit codes: 0 it worked, 1 it did not (standard error says why), 2 the command line is wrong, 130 interrupted.
    """


@main.command()
@click.option(
    "--size", default=64, show_default=True, type=click.IntRange(1, 100_000), metavar="MB", help="Bulk transfer, in MB."
)
@click.option(
    "--messages",
    default=200,
    show_default=True,
    type=click.IntRange(1, 1_000_000),
    metavar="COUNT",
    help="Small messages to send there and back.",
)
@click.option(
    "--host",
    "hosts",
    multiple=True,
    metavar="ADDRESS",
    callback=_ip_addresses,
    help="IP address of this machine to connect over, such as 127.0.0.1; may be given several times."
    "  [default: all; loopback only where there is no other]",
)
@click.option(
    "--timeout",
    default=15.0,
    show_default=True,
    type=_Seconds(0.001),
    metavar="SECONDS",
    help="How long connecting may take, and how long a transfer may stand still.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of the report.")
def demo(size: int, messages: int, hosts: tuple[str, ...], timeout: float, as_json: bool) -> None:
    """Connect two peers on this machine and move data.

    Shows every step of the set-up with its time in milliseconds, then round trips and a bulk transfer, then what was negotiated.
    """
    begun = time.perf_counter()
    from .demo import Options, run_demo

    import_ms = (time.perf_counter() - begun) * 1000
    options = Options(
        length=size * MEGABYTE, messages=messages, timeout=timeout, hosts=hosts or None, import_ms=import_ms
    )
    run(run_demo(options, as_json=as_json), as_json=as_json)


@main.command()
@_page
def serve(as_json: bool, **page: Unpack[Page]) -> None:
    """Serve a page that connects your browser to Python.

    Chat and drop files in both directions, with progress and live statistics. Lines typed here go to every browser; `/send FILE` sends a
    file to every browser, `/quit` or Ctrl-C ends.
    """
    _serve(page, None, as_json=as_json)


@main.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_page
def play(file: Path, as_json: bool, **page: Unpack[Page]) -> None:
    """Play a film or a piece of music to every browser that opens the page.

    Anything that FFmpeg reads. It begins anew for each browser, and again at its end. The page is that of `rtc serve`.
    """
    _serve(page, file, as_json=as_json)


def _serve(page: Page, film: Path | None, *, as_json: bool) -> None:
    from .serve import Options, run_serve

    options = Options(
        host=page["host"],
        port=page["port"],
        names=page["names"],
        directory=page["directory"],
        max_file_length=page["max_file"] * MEGABYTE,
        stun_uris=page["stun"],
        timeout=page["timeout"],
        film=film,
    )
    run(run_serve(options, as_json=as_json), as_json=as_json)


@main.command()
@click.argument("url")
@click.option(
    "-o",
    "--output",
    "file",
    default=Path("call.webm"),
    show_default=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write; its name tells the format: .webm, .mkv, .mp4, .rtpdump.",
)
@click.option(
    "--duration",
    type=_Seconds(0.1),
    metavar="SECONDS",
    help="How long to record.  [default: until Ctrl-C, or the other side ends]",
)
@click.option(
    "--encode", is_flag=True, help="Decode what comes and encode it for the file, instead of writing it as it comes."
)
@click.option(
    "--timeout",
    default=15.0,
    show_default=True,
    type=_Seconds(0.1),
    metavar="SECONDS",
    help="How long connecting may take.",
)
@click.option("--json", "as_json", is_flag=True, help="Print events as JSON, one object a line.")
def record(url: str, file: Path, duration: float | None, encode: bool, timeout: float, as_json: bool) -> None:
    """Record the session at a URL, without touching a codec.

    URL is that of `rtc serve` or `rtc play`, or of a WHEP endpoint (any URL with a path).
    """
    from .record import Options, run_record

    options = Options(url=url, file=file, duration=duration, encode=encode, timeout=timeout)
    run(run_record(options, as_json=as_json), as_json=as_json)


main.add_command(dtls)
main.add_command(turn)
main.add_command(stun)
main.add_command(check)
