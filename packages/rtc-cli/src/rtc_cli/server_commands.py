"""The command lines of `rtc stun` and `rtc check`, which ask servers of others."""

import socket
from collections.abc import Callable
from typing import TextIO, TypeVar

import click

_Function = TypeVar("_Function", bound=Callable[..., object])


def _credentials(command: _Function) -> _Function:
    """The options of commands that talk to servers."""
    options = (
        click.option("--user", metavar="NAME", help="User name, where the server asks for one."),
        click.option(
            "--password",
            envvar="RTC_PASSWORD",
            metavar="SECRET",
            help="Password; better in the environment, as RTC_PASSWORD, than for everybody to see.",
        ),
        click.option(
            "--ca",
            "authority",
            type=click.Path(exists=True, dir_okay=False),
            metavar="FILE",
            help="A certificate authority to trust besides the system's, as PEM.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@click.argument("server", metavar="HOST")
@click.option(
    "--transport",
    type=click.Choice(["udp", "tcp", "tls"]),
    help="What to ask over; the NAT is explored over UDP alone.  [default: udp, or tls for stuns:]",
)
@click.option("-4", "--ipv4", "family", flag_value=socket.AF_INET, type=socket.AddressFamily, help="Over IPv4.")
@click.option("-6", "--ipv6", "family", flag_value=socket.AF_INET6, type=socket.AddressFamily, help="Over IPv6.")
@click.option(
    "--lifetime",
    is_flag=True,
    help="Find out as well how long a binding lives that nobody uses; takes minutes.",
)
@click.option(
    "--longest",
    default=300.0,
    show_default=True,
    type=click.FloatRange(1.0, 86_400.0),
    metavar="SECONDS",
    help="The longest silence that --lifetime tries.",
)
@click.option(
    "--timeout",
    default=5.5,
    show_default=True,
    type=click.FloatRange(0.1, 3600.0),
    metavar="SECONDS",
    help="How long to wait for an answer; a NAT that filters is known by two that never come.",
)
@_credentials
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def stun(
    server: str,
    transport: str | None,
    family: socket.AddressFamily | None,
    lifetime: bool,
    longest: float,
    timeout: float,
    user: str | None,
    password: str | None,
    authority: str | None,
    as_json: bool,
) -> None:
    """Show the address that a STUN server sees, and what the NAT in between does.

    HOST is a name or an address, with or without a port, or a stun: or stuns: URL. How the NAT maps and filters only a server with two
    addresses can tell (RFC 5780).
    """
    from .running import run
    from .stun import Options, run_stun

    options = Options(
        server=server,
        transport=transport,
        family=family or socket.AF_UNSPEC,
        user=user,
        password=password,
        longest=longest if lifetime else None,
        timeout=timeout,
        authority=authority,
    )
    run(run_stun(options, as_json=as_json), as_json=as_json)


@click.command()
@click.argument("urls", nargs=-1, metavar="[URL]...")
@click.option(
    "--servers",
    type=click.File("r", encoding="utf-8"),
    metavar="FILE",
    help="JSON with the iceServers that a page would use, or - for standard input.",
)
@click.option(
    "--timeout",
    default=6.0,
    show_default=True,
    type=click.FloatRange(0.1, 3600.0),
    metavar="SECONDS",
    help="How long a server may take; all are asked at once.",
)
@click.option("--all", "every", is_flag=True, help="Fail if one of them does not work, not only if none does.")
@_credentials
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def check(
    urls: tuple[str, ...],
    servers: TextIO | None,
    timeout: float,
    every: bool,
    user: str | None,
    password: str | None,
    authority: str | None,
    as_json: bool,
) -> None:
    """Tell whether this machine can connect through given STUN and TURN servers, and if not, why.

    URL is stun:HOST, turn:HOST:PORT, turn:HOST?transport=tcp, turns:HOST and so on. Each is asked as a browser would ask it; of a TURN
    server a relay is obtained and given back.
    """
    from .check import Options, run_check
    from .ice_servers import read_ice_servers, targets_of
    from .running import run

    async def command() -> None:
        targets = targets_of(urls, user, password)
        if servers is not None:
            targets += read_ice_servers(servers.read())
        options = Options(targets=tuple(targets), timeout=timeout, authority=authority, every=every)
        await run_check(options, as_json=as_json)

    run(command(), as_json=as_json)
