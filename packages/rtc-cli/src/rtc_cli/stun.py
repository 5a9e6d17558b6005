"""`rtc stun`: which address a server sees this machine at, and how what is in between behaves."""

import contextlib
import json
import os
import socket
from dataclasses import dataclass, replace
from typing import Final

from rich.console import Console
from rich.text import Text

from rtc_stun import (
    DISCOVERY_CLIENT,
    Address,
    Behavior,
    BehaviorDiscovered,
    BehaviorDiscovery,
    BindingLifetimeDiscovery,
    ClientConfig,
    Credential,
    DiscoveryFailed,
    FailureReason,
    LifetimeDiscovered,
    LongTermCredential,
    NatBehavior,
    RequestFailed,
    RequestSucceeded,
    StunClient,
)

from ._version import __version__
from .driving import Driver, verifying
from .errors import CommandError, reason
from .failure import explain, silent
from .lookup import Server, endpoint, local_host, resolve, stun_url
from .verdict import chances

ETHERNET_MTU: Final = 1500
FIRST_TIMEOUT: Final = 0.5
"""Seconds until a request is repeated (RFC 8489, 6.2.1)."""
PATIENCE: Final = 120.0
"""Seconds for all tests of a discovery, each of which has its own, shorter time."""

_MAPPING: Final = {
    Behavior.ENDPOINT_INDEPENDENT: "everybody sees you at the same address",
    Behavior.ADDRESS_DEPENDENT: "every host sees you at another address",
    Behavior.ADDRESS_AND_PORT_DEPENDENT: "every host and port sees you at another address",
}
_FILTERING: Final = {
    Behavior.ENDPOINT_INDEPENDENT: "anybody may write to it",
    Behavior.ADDRESS_DEPENDENT: "only hosts that you have written to may write to it",
    Behavior.ADDRESS_AND_PORT_DEPENDENT: "only a host and port that you have written to may write to it",
}
_CHANGED_SERVER: Final = "unknown: the server has but one address"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line chose."""

    server: str
    """``HOST``, ``HOST:PORT`` or a URL."""
    transport: str | None = None
    """None for that of the URL."""
    family: socket.AddressFamily = socket.AF_UNSPEC
    user: str | None = None
    password: str | None = None
    longest: float | None = None
    """Seconds of silence to try for the lifetime of a binding; None to leave that out."""
    timeout: float = 5.5
    """Seconds to wait for an answer."""
    authority: str | None = None


async def run_stun(options: Options, *, as_json: bool) -> None:
    """Ask, and tell.

    Raises:
        CommandError: The server cannot be found, does not answer, or refuses.
    """
    server = Server.parse(stun_url(options.server))
    if options.transport is not None:
        server = server.over(options.transport)
    address = await resolve(server, options.family)
    console = None if as_json else Console()
    if console is not None:
        where = "" if address.host == server.host else f" ({address.host})"
        asked = f"Asking {server.name}{where} over {server.transport.upper()}"
        console.print(Text(asked, "bold"), soft_wrap=True)
    try:
        local = local_host(address)
    except OSError as error:
        raise CommandError(f"there is no way to {address.host}: {reason(error)}") from None
    inquiry = _Inquiry(options, server, address, local)
    document: dict[str, object] = {
        "version": __version__,
        "server": {
            "name": server.host,
            "address": address.host,
            "port": address.port,
            "transport": server.transport,
        },
    }
    if server.transport == "udp":
        with _waiting(console, "waiting for what may never come ..."):
            found = await inquiry.behavior()
        document |= _describe(found)
        if console is not None:
            _print(console, found)
        if options.longest is not None:
            if console is not None:
                console.print(
                    f"\n[dim]searching for the lifetime of a binding, up to {options.longest:g} s a try ...[/]"
                )
            lifetime = await inquiry.lifetime(options.longest)
            document["lifetime"] = {"at_least": lifetime.at_least, "less_than": lifetime.less_than}
            if console is not None:
                _print_facts(console, {"binding lifetime": _lifetime(lifetime)})
    else:
        client, mapped = await inquiry.mapped_address()
        document |= {"local": _pair(client), "mapped": _pair(mapped), "translated": client.host != mapped.host}
        if console is not None:
            _print_facts(console, {"you": endpoint(*client), "seen as": endpoint(*mapped)})
            console.print("\nHow a NAT maps and filters is found out over UDP.")
    if as_json:
        print(json.dumps(document))


class _Inquiry:
    """What one server is asked."""

    def __init__(self, options: Options, server: Server, address: Address, local: str) -> None:
        self._options = options
        self._server = server
        self._address = address
        self._local = local
        self._credential: Credential | None = None
        if options.user is not None:
            self._credential = LongTermCredential(username=options.user, password=options.password or "")

    async def behavior(self) -> NatBehavior:
        """Explore the NAT."""
        driver = self._driver()
        try:
            first, second = await driver.open_udp(self._local), await driver.open_udp(self._local)
            discovery = BehaviorDiscovery(
                local=first,
                second_local=second,
                server=self._address,
                rng=os.urandom,
                mtu=ETHERNET_MTU,
                credential=self._credential,
                config=_patient(self._options.timeout),
            )
            discovery.discover(driver.now)
            await driver.run(discovery, lambda: bool(driver.events), PATIENCE)
            found = driver.saw(BehaviorDiscovered)
            if found is None:
                raise self._failed(driver)
            return found.behavior
        finally:
            await driver.close()

    async def lifetime(self, longest: float) -> LifetimeDiscovered:
        """Find how long a binding lives; takes long."""
        driver = self._driver()
        try:
            first, second = await driver.open_udp(self._local), await driver.open_udp(self._local)
            discovery = BindingLifetimeDiscovery(
                local=first,
                second_local=second,
                server=self._address,
                rng=os.urandom,
                longest=longest,
                precision=min(10.0, longest / 4),
                credential=self._credential,
                config=_patient(self._options.timeout),
            )
            discovery.discover(driver.now)
            await driver.run(discovery, lambda: bool(driver.events), 20 * (longest + PATIENCE))
            found = driver.saw(LifetimeDiscovered)
            if found is None:
                raise self._failed(driver)
            return found
        finally:
            await driver.close()

    async def mapped_address(self) -> tuple[Address, Address]:
        """Ask over a stream; returns our address as we know it and as the server sees it."""
        driver = self._driver()
        try:
            client = StunClient(
                local=Address(self._local, 0),
                rng=os.urandom,
                credential=self._credential,
                config=ClientConfig(transport=self._server.transport),
            )
            client.send_request(self._address, driver.now, domain=self._server.host)
            await driver.run(client, lambda: bool(driver.events), self._options.timeout)
            answer = driver.saw(RequestSucceeded)
            if answer is None or answer.mapped_address is None:
                raise self._failed(driver)
            return driver.stream_address or Address(self._local, 0), answer.mapped_address
        finally:
            await driver.close()

    def _driver(self) -> Driver:
        try:
            return Driver(verifying(self._options.authority))
        except OSError as error:
            raise CommandError(f"{self._options.authority} holds no certificate: {reason(error)}") from None

    def _failed(self, driver: Driver) -> CommandError:
        name, transport = self._server.name, self._server.transport.upper()
        if driver.failure is not None:
            return CommandError(f"{name}: {explain(driver.failure, self._server).sentence}")
        if driver.is_connected and not driver.events:
            return CommandError(f"{name}: {silent(self._server, is_connected=True).sentence}")
        failure = driver.saw(DiscoveryFailed) or driver.saw(RequestFailed)
        if failure is None or failure.reason is FailureReason.TIMEOUT:
            return CommandError(
                f"{name} does not answer over {transport}: the network blocks it, or there is no STUN server"
                + ("; try --transport tcp" if transport == "UDP" else "")
            )
        if failure.error_code == 401 and self._credential is None:
            return CommandError(f"{name} wants to know who asks: give --user and --password")
        if failure.reason is FailureReason.CREDENTIALS_REFUSED or failure.error_code == 401:
            return CommandError(f"{name} does not accept this user and password")
        if failure.error_code == 420 and self._options.longest is not None:
            return CommandError(f"{name} does not help to find the lifetime of a binding")
        code = "" if failure.error_code is None else f" (error {failure.error_code})"
        return CommandError(f"{name} gave no usable answer: {failure.reason.value}{code}")


def _waiting(console: Console | None, what: str) -> contextlib.AbstractContextManager[object]:
    """Tell a person what takes so long; nobody else."""
    if console is None or not console.is_terminal:
        return contextlib.nullcontext()
    return console.status(what)


def _patient(timeout: float) -> ClientConfig:
    """Requests at 0, 0.5, 1.5, 3.5 ... seconds, given up when the time is over."""
    times = [FIRST_TIMEOUT * (2**number - 1) for number in range(7)]
    count = max(1, sum(time < timeout for time in times))
    last_wait = (timeout - times[count - 1]) / FIRST_TIMEOUT
    return replace(DISCOVERY_CLIENT, max_requests=count, last_wait_factor=last_wait)


def _describe(found: NatBehavior) -> dict[str, object]:
    return {
        "local": _pair(found.local),
        "mapped": _pair(found.mapped),
        "translated": found.translated,
        "mapping": None if found.mapping is None else found.mapping.value,
        "filtering": None if found.filtering is None else found.filtering.value,
        "hairpinning": found.hairpinning,
        "fragments": found.fragments,
        "rewriting": found.rewriting,
        "summary": chances(found),
    }


def _pair(address: Address) -> dict[str, object]:
    return {"address": address.host, "port": address.port}


def _print(console: Console, found: NatBehavior) -> None:
    facts = {"you": endpoint(*found.local), "seen as": endpoint(*found.mapped)}
    if found.translated:
        facts["NAT"] = "there is one"
        facts["mapping"] = _words(found.mapping, _MAPPING)
    else:
        facts["NAT"] = "there is none: your own address is the one that others see"
    facts["filtering"] = _words(found.filtering, _FILTERING)
    if found.hairpinning is not None:
        facts["hairpinning"] = (
            "yes: two peers behind this NAT reach each other by what others see"
            if found.hairpinning
            else "not seen: what you send to your own outer address does not come back"
        )
    if found.fragments is not None:
        facts["fragments"] = "pass" if found.fragments else f"are lost: datagrams of more than {ETHERNET_MTU} bytes"
    if found.rewriting:
        facts["rewriting"] = "something on the path changes addresses inside datagrams"
    _print_facts(console, facts)
    console.print(f"\n{chances(found)}", soft_wrap=True, highlight=False)


def _words(behavior: Behavior | None, meanings: dict[Behavior, str]) -> str:
    if behavior is None:
        return _CHANGED_SERVER
    return f"{behavior.value}: {meanings[behavior]}"


def _lifetime(found: LifetimeDiscovered) -> str:
    if found.less_than is None:
        return f"more than {found.at_least:g} s without traffic"
    return f"{found.at_least:g} to {found.less_than:g} s without traffic"


def _print_facts(console: Console, facts: dict[str, str]) -> None:
    for name, fact in facts.items():
        console.print(Text.assemble((f"  {name:<16}", "cyan"), f"  {fact}"), soft_wrap=True)
