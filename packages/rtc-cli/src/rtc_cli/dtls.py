"""`rtc dtls`: a client and a server that speak DTLS with anybody and say what they see."""

import asyncio
import socket
from collections.abc import Coroutine
from contextlib import suppress

from rtc_dtls import Role

from .dtls_facts import certificate_facts
from .dtls_station import Options, Peer, Station
from .errors import CommandError, reason
from .keyboard import a_person_types
from .negotiated import endpoint
from .report import Report


async def run_connect(options: Options, *, as_json: bool) -> None:
    """Connect to a server, show the handshake, carry lines until either side ends.

    Raises:
        CommandError: The host is unknown, the certificate unreadable, or the handshake fails.
    """
    report = Report(as_json=as_json)
    remote = await _resolve(options.host, options.port)
    station = Station(options, Role.CLIENT, report)
    await station.open(remote=remote)
    try:
        report.say("connecting", endpoint(*remote), address=remote[0], port=remote[1])
        station.connect(remote)
        await station.settled.wait()
        await _either(station.send_lines(), station.first_ended.wait())
    finally:
        station.close()
    if station.failure is not None:
        raise CommandError(station.failure)


async def run_listen(options: Options, *, as_json: bool) -> None:
    """Serve whoever comes, and carry lines to all of them.

    Raises:
        CommandError: The address cannot be bound, the certificate not be read, or, with ``once``, the handshake fails.
    """
    report = Report(as_json=as_json)
    station = Station(options, Role.SERVER, report)
    port = await station.open(local=(options.host, options.port))
    report.say("listening", endpoint(options.host, port), port=port)
    report.say("fingerprint", str(station.certificate.fingerprint()), **certificate_facts(station.certificate.chain[0]))
    try:
        await _either(
            station.send_lines(forever=not a_person_types()), station.first_ended.wait() if options.once else None
        )
    finally:
        station.close()
    if options.once and station.failure is not None:
        raise CommandError(station.failure)


async def _either(*things: Coroutine[None, None, object] | None) -> None:
    """Wait for the first of them, and give up the others."""
    tasks = [asyncio.create_task(thing) for thing in things if thing is not None]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()


async def _resolve(host: str, port: int) -> Peer:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    except OSError as error:
        raise CommandError(f"{host} is not known: {reason(error)}") from error
    with suppress(IndexError):
        address = found[0][4]
        return str(address[0]), int(address[1])
    raise CommandError(f"{host} has no address")
