"""The command line of `rtc turn`."""

import sys
from pathlib import Path

import click

from .errors import CommandError


def _users(context: click.Context, parameter: click.Parameter, users: tuple[str, ...]) -> dict[str, str]:
    pairs = [user.partition(":") for user in users]
    if not all(name and password for name, _, password in pairs):
        raise click.BadParameter("a user is NAME:PASSWORD", context, parameter)
    return {name: password for name, _, password in pairs}


@click.command()
@click.option(
    "-c",
    "--config",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="TOML file with the options; see --example.",
)
@click.option(
    "--user",
    "users",
    multiple=True,
    metavar="NAME:PASSWORD",
    callback=_users,
    help="Somebody who may use the server; may be given several times. Other users of this machine can see it.",
)
@click.option("--realm", metavar="NAME", help="Names the server to its users.  [default: the name of this machine]")
@click.option(
    "--host",
    "hosts",
    multiple=True,
    metavar="ADDRESS",
    help="IP address to listen on; may be given several times.  [default: all of this machine]",
)
@click.option("--port", type=click.IntRange(1, 65535), help="Port for UDP and TCP.  [default: 3478]")
@click.option(
    "--allow-peer",
    "allowed",
    multiple=True,
    metavar="NETWORK",
    help="Network that clients may reach although it is not public, such as 10.1.0.0/16; may be given several times.",
)
@click.option(
    "--statistics",
    type=click.IntRange(1, 65535),
    metavar="PORT",
    help="Serve a page with statistics, for this machine alone.",
)
@click.option("--json", "as_json", is_flag=True, help="Log JSON, one object a line.")
@click.option("--check", "only_check", is_flag=True, help="Check options and certificate, and end.")
@click.option("--example", "print_example", is_flag=True, help="Print a file with every option explained, and end.")
@click.option(
    "--key", "name", metavar="NAME", help="Ask for the password of a user, print what stands for it in the file, end."
)
def turn(
    file: Path | None,
    users: dict[str, str],
    realm: str | None,
    hosts: tuple[str, ...],
    port: int | None,
    allowed: tuple[str, ...],
    statistics: int | None,
    as_json: bool,
    only_check: bool,
    print_example: bool,
    name: str | None,
) -> None:
    """Run a STUN and TURN server.

    Over UDP and TCP, and with a certificate over TLS and DTLS as well. Peers are public addresses unless you allow others. Without a file
    and without a user it makes one up and prints it, so that something can be tried at once.

    SIGHUP reads users, secrets, peer networks and the certificate anew; SIGTERM ends in order, with code 0.
    """
    from .running import EXIT_FAILURE, run
    from .turn import Options, check, load, run_turn, stored_keys
    from .turn_options import REALM, example

    if print_example:
        click.echo(example(), nl=False)
        return
    said = {
        "realm": realm,
        "listen.hosts": list(hosts),
        "listen.udp": port,
        "listen.tcp": port,
        "peers.allowed": list(allowed),
        "statistics.port": statistics,
        "log.format": "json" if as_json else None,
    }
    options = Options(file=file, values={path: value for path, value in said.items() if value}, users={**users})
    try:
        if name is not None:
            realm = load(options)[REALM]
            if not realm:
                raise click.UsageError("a key is of one realm: say it with --realm or in the file")
            password = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
            click.echo(stored_keys(name, realm, password))
            return
        if only_check:
            click.echo(check(options))
            return
    except CommandError as error:
        click.echo(f"rtc: {error}", err=True)
        sys.exit(EXIT_FAILURE)
    run(run_turn(options), as_json=as_json)
