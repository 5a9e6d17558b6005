"""The `rtc` command and what all of its subcommands share: exit codes and one clear sentence for what goes wrong.

0    it worked
1    it did not: no connection, a peer that never answered, a port in use
2    the command line is wrong
130  interrupted
"""

import asyncio
import sys
from collections.abc import Coroutine
from typing import Final

import click

from ._version import __version__
from .errors import CommandError

EXIT_FAILURE: Final = 1
EXIT_INTERRUPTED: Final = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="rtc")
def main() -> None:
    """WebRTC from the command line.

    Begin with `rtc demo`, which connects two peers on this machine, then `rtc serve`, which connects your browser.
    """


@main.command()
@click.option("--size", default=64, show_default=True, type=click.IntRange(1, 100_000), help="Bulk transfer, in MB.")
@click.option("--messages", default=200, show_default=True, type=click.IntRange(1, 1_000_000), help="Round trips.")
@click.option(
    "--timeout", default=15.0, show_default=True, type=click.FloatRange(0.1), help="Seconds to wait for the connection."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of the report.")
def demo(size: int, messages: int, timeout: float, as_json: bool) -> None:
    """Connect two peers on this machine and move data.

    Shows every step of the set-up with its time, then round trips and a bulk transfer, then what was negotiated.
    """
    from .demo import run_demo

    _run(run_demo(size_mb=size, round_trips=messages, timeout=timeout, as_json=as_json))


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", default=8080, show_default=True, type=click.IntRange(0, 65535), help="Port of the page; 0 for any."
)
@click.option(
    "--directory",
    default="received",
    show_default=True,
    type=click.Path(file_okay=False),
    help="Where dropped files go.",
)
@click.option(
    "--max-file", default=1024, show_default=True, type=click.IntRange(1), help="Largest file accepted, in MB."
)
@click.option(
    "--stun",
    multiple=True,
    metavar="URI",
    help="STUN server for peers beyond this network, such as stun:stun.example.org.",
)
@click.option(
    "--timeout",
    default=30.0,
    show_default=True,
    type=click.FloatRange(0.1),
    help="Seconds a browser may take to connect.",
)
@click.option("--json", "as_json", is_flag=True, help="Print events as JSON, one a line.")
def serve(
    host: str, port: int, directory: str, max_file: int, stun: tuple[str, ...], timeout: float, as_json: bool
) -> None:
    """Serve a page that connects your browser to Python.

    Chat and drop files in both directions, with progress and live statistics. Lines typed here go to every browser; `/send FILE` sends a file.
    """
    from .serve import run_serve

    _run(
        run_serve(
            host=host,
            port=port,
            directory=directory,
            max_file_length=max_file * 1_000_000,
            stun_uris=stun,
            timeout=timeout,
            as_json=as_json,
        )
    )


def _run(command: Coroutine[None, None, None]) -> None:
    try:
        asyncio.run(command)
    except CommandError as error:
        click.echo(f"rtc: {error}", err=True)
        sys.exit(EXIT_FAILURE)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
