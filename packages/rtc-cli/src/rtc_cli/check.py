"""`rtc check`: whether this machine can connect through given servers, and if not, why not and what to do."""

import asyncio
import json
import ssl
from dataclasses import dataclass
from typing import Final

from rich.console import Console
from rich.text import Text

from ._version import __version__
from .driving import verifying
from .errors import CheckFailedError, CommandError, reason
from .ice_servers import Target
from .lookup import endpoint
from .probe import Finding, probe

MAX_TARGETS: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line chose."""

    targets: tuple[Target, ...]
    timeout: float = 6.0
    """Seconds that a server may take."""
    authority: str | None = None
    every: bool = False
    """Whether one server that fails is a failure."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What it comes to."""

    sentence: str
    works: bool = True


async def run_check(options: Options, *, as_json: bool) -> None:
    """Ask every server, and tell.

    Raises:
        CommandError: There is nothing to ask.
        CheckFailedError: This machine cannot connect through them.
    """
    if not options.targets:
        raise CommandError("there is no server to check: give URLs, or --servers FILE")
    if len(options.targets) > MAX_TARGETS:
        raise CommandError(f"that are {len(options.targets)} servers; {MAX_TARGETS} at a time will do")
    try:
        tls = verifying(options.authority)
    except OSError as error:
        raise CommandError(f"{options.authority} holds no certificate: {reason(error)}") from None
    console = None if as_json else Console()
    findings = await _probe_all(options.targets, tls, options.timeout, console)
    besides = await _probe_all(_worth_trying(findings), tls, options.timeout, None)
    verdict = judge(findings, besides, every=options.every)
    if console is None:
        print(
            json.dumps(
                {
                    "version": __version__,
                    "works": verdict.works,
                    "summary": verdict.sentence,
                    "servers": [_describe(finding) for finding in findings],
                    "also_tried": [_describe(finding) for finding in besides],
                }
            )
        )
    else:
        _print_besides(console, besides)
        console.print(Text(f"\n{verdict.sentence}", "bold green" if verdict.works else "bold red"), soft_wrap=True)
    if not verdict.works:
        raise CheckFailedError(verdict.sentence)


async def _probe_all(
    targets: tuple[Target, ...], tls: ssl.SSLContext, timeout: float, console: Console | None
) -> list[Finding]:
    """Ask all at the same time, and print in their order what is known."""
    tasks = [asyncio.ensure_future(probe(target, tls, timeout)) for target in targets]
    try:
        findings = []
        for task in tasks:
            findings.append(await task)
            if console is not None:
                _print(console, findings[-1])
        return findings
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _worth_trying(findings: list[Finding]) -> tuple[Target, ...]:
    """The servers that do not answer over UDP, over TCP: browsers would not try that by themselves."""
    asked = {(one.target.server.host, one.target.server.port, one.target.server.transport) for one in findings}
    found = []
    for finding in findings:
        server = finding.target.server
        silent = finding.failure is not None and finding.failure.code in ("silent", "refused")
        if server.transport == "udp" and silent and (server.host, server.port, "tcp") not in asked:
            asked.add((server.host, server.port, "tcp"))
            found.append(Target(server.over("tcp"), finding.target.user, finding.target.password))
    return tuple(found)


def judge(findings: list[Finding], besides: list[Finding], *, every: bool = False) -> Verdict:
    """Sum up: one server that does its work is enough, but where relays were asked for it must be a relay."""
    relays = [finding for finding in findings if finding.target.server.relays]
    asked = relays or findings
    working = [finding for finding in asked if finding.works]
    failing = [finding for finding in findings if not finding.works]
    udp = [finding for finding in findings if finding.target.server.transport == "udp"]
    blocked = bool(udp) and all(one.failure is not None and one.failure.code == "silent" for one in udp)
    if not working:
        why = _why(asked, besides, blocked=blocked)
        return Verdict(f"This machine cannot connect through {_these(asked)}. {why}", works=False)
    if every and failing:
        return Verdict(_rest(failing, findings), works=False)
    over = working[0].target.server.transport.upper()
    if not relays:
        sentence = "This machine learns its public address. Behind some NATs that is not enough: add a TURN server."
    elif any(finding.target.server.transport == "udp" for finding in working):
        sentence = "This machine can connect: a relay is there for whenever no direct path is found."
    elif blocked:
        sentence = f"This machine can connect, but over {over} alone, for UDP is blocked: expect more delay."
    else:
        sentence = f"This machine can connect: a relay over {over} is there for whenever no direct path is found."
    return Verdict(f"{sentence} {_rest(failing, findings)}".rstrip())


def _rest(failing: list[Finding], findings: list[Finding]) -> str:
    if not failing:
        return ""
    return f"{len(failing)} of {len(findings)} {'does' if len(failing) == 1 else 'do'} not work: see above."


def _these(findings: list[Finding]) -> str:
    return "this server" if len(findings) == 1 else f"any of these {len(findings)} servers"


def _why(asked: list[Finding], besides: list[Finding], *, blocked: bool) -> str:
    over_tcp = next((finding for finding in besides if finding.works), None)
    if over_tcp is not None:
        return f"Over TCP it would: add ?transport=tcp to {over_tcp.target.server.url}."
    codes = {finding.failure.code for finding in asked if finding.failure is not None}
    if codes <= {"credentials", "no_credentials"}:
        return "The network is not in the way; user and password are."
    if codes <= {"tls_name", "tls_untrusted", "tls_expired"}:
        return "The network is not in the way; the server's certificate is."
    if blocked:
        return "Nothing comes back over UDP: this network blocks it, or the servers are down."
    if len(asked) == 1 and asked[0].failure is not None:
        return asked[0].failure.advice
    return "See above for each."


def _print(console: Console, finding: Finding) -> None:
    server, failure = finding.target.server, finding.failure
    mark = Text("✓", "green") if failure is None else Text("✗", "red")
    console.print(
        Text.assemble(mark, " ", (f"{server.url}", "bold"), f"  over {server.transport.upper()}"), soft_wrap=True
    )
    if failure is None:
        took = f", {finding.milliseconds:.0f} ms" if finding.milliseconds is not None else ""
        if finding.relayed is not None:
            console.print(Text(f"    relays at {endpoint(*finding.relayed)}{took}"), soft_wrap=True)
        if finding.mapped is not None:
            after = took if finding.relayed is None else ""
            console.print(Text(f"    sees this machine as {endpoint(*finding.mapped)}{after}"), soft_wrap=True)
        return
    console.print(Text(f"    {failure.sentence}", "red"), soft_wrap=True)
    if failure.advice:
        console.print(Text(f"    {failure.advice}", "dim"), soft_wrap=True)


def _print_besides(console: Console, besides: list[Finding]) -> None:
    for finding in besides:
        server = finding.target.server
        result = "answers" if finding.failure is None else finding.failure.sentence
        console.print(Text(f"  {server.name} was tried over TCP as well: {result}", "dim"), soft_wrap=True)


def _describe(finding: Finding) -> dict[str, object]:
    server, failure = finding.target.server, finding.failure
    return {
        "url": server.url,
        "transport": server.transport,
        "address": None if finding.address is None else finding.address.host,
        "port": server.port,
        "works": finding.works,
        "mapped": None if finding.mapped is None else endpoint(*finding.mapped),
        "relayed": None if finding.relayed is None else endpoint(*finding.relayed),
        "milliseconds": None if finding.milliseconds is None else round(finding.milliseconds, 1),
        "code": "ok" if failure is None else failure.code,
        "reason": None if failure is None else failure.sentence,
        "advice": None if failure is None else failure.advice,
    }
