"""One server asked once: does it answer, does it relay, and if not, why."""

import asyncio
import os
import ssl
import time
from dataclasses import dataclass
from typing import Final

from rtc_stun import (
    Address,
    ClientConfig,
    Credential,
    FailureReason,
    LongTermCredential,
    RequestFailed,
    RequestSucceeded,
    StunClient,
)
from rtc_turn import Allocated, AllocationEnded, TurnClient, TurnConfig

from .driving import Driver
from .errors import CommandError
from .failure import Failure, explain, silent
from .ice_servers import Target
from .lookup import Server, local_host, resolve
from .report import printable

_REFUSALS: Final = {
    401: Failure(
        "credentials",
        "it does not accept this user and password",
        "Look at both. Credentials made for a time may have ended; look at this machine's clock, and the server's.",
    ),
    403: Failure("forbidden", "it forbids that", "The server's policy is against it; ask its operator."),
    437: Failure("mismatch", "an earlier allocation is in the way", "Try again in some minutes."),
    441: Failure("credentials", "another user has this address and port", "Try again in some minutes."),
    442: Failure("not_relaying", "it does not relay UDP", "Ask its operator."),
    486: Failure("quota", "this user's quota is used up", "Close other sessions, or ask for a higher quota."),
    508: Failure("capacity", "it has no room for one more relay", "Try again later, or use another server."),
}
_ANONYMOUS: Final = Failure("no_credentials", "it wants a user and a password", "Give --user and --password.")
_NO_TURN: Final = Failure(
    "no_turn",
    "it answers, but does not relay",
    "It is a STUN server only: use its stun: URL, and another one to relay.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What came of it."""

    target: Target
    address: Address | None = None
    """Of the server, if its name was found."""
    milliseconds: float | None = None
    """Until it had answered everything."""
    mapped: Address | None = None
    """This machine's address as the server sees it."""
    relayed: Address | None = None
    failure: Failure | None = None

    @property
    def works(self) -> bool:
        """Whether the server does what its URL says."""
        return self.failure is None


async def probe(target: Target, tls: ssl.SSLContext, timeout: float) -> Finding:
    """Ask a server for an address, or for a relay that is given back at once; never raises."""
    try:
        address = await resolve(target.server)
    except CommandError as error:
        advice = "Look at the spelling, and at this machine's DNS."
        return Finding(target=target, failure=Failure("name", str(error), advice))
    driver = Driver(tls)
    begun = time.perf_counter()
    try:
        async with asyncio.timeout(timeout):
            local = await _local(driver, target.server, address)
        ask = _ask_for_relay if target.server.relays else _ask_for_address
        result = await ask(target, driver, local, address, timeout)
    except OSError as error:
        return Finding(target=target, address=address, failure=explain(error, target.server))
    finally:
        await driver.close()
    milliseconds = (time.perf_counter() - begun) * 1000
    match result:
        case RequestSucceeded(mapped_address=mapped):
            return Finding(target=target, address=address, milliseconds=milliseconds, mapped=mapped)
        case Allocated(relayed=relayed, mapped=mapped):
            return Finding(target=target, address=address, milliseconds=milliseconds, mapped=mapped, relayed=relayed[0])
        case Failure() as failure:
            return Finding(target=target, address=address, failure=failure)


async def _local(driver: Driver, server: Server, address: Address) -> Address:
    """Return what to ask from; over TLS and TCP the machine will want a stream."""
    match server.transport:
        case "udp":
            return await driver.open_udp(local_host(address))
        case "dtls":
            return await driver.open_dtls(address, server.host)
        case _:
            return Address(local_host(address), 0)


async def _ask_for_address(
    target: Target, driver: Driver, local: Address, server: Address, timeout: float
) -> RequestSucceeded | Failure:
    config = ClientConfig(transport=target.server.transport)
    client = StunClient(local=local, rng=os.urandom, credential=_credential(target), config=config)
    client.send_request(server, driver.now, domain=target.server.host)
    await driver.run(client, lambda: bool(driver.events), timeout)
    answer = driver.saw(RequestSucceeded)
    if answer is not None:
        return answer
    failed = driver.saw(RequestFailed)
    if failed is None or failed.reason in (FailureReason.TIMEOUT, FailureReason.TRANSPORT_FAILED):
        return _unreached(target, driver)
    return _refusal(target, failed.error_code, failed.reason.value)


async def _ask_for_relay(
    target: Target, driver: Driver, local: Address, server: Address, timeout: float
) -> Allocated | Failure:
    config = TurnConfig(transport=target.server.transport)
    client = TurnClient(
        local=local,
        server=server,
        rng=os.urandom,
        credential=_credential(target),
        domain=target.server.host,
        config=config,
    )
    client.allocate(driver.now)
    await driver.run(client, lambda: bool(driver.events), timeout)
    allocated = driver.saw(Allocated)
    if allocated is not None:
        client.close(driver.now)
        await driver.run(client, lambda: client.closed, 1.0)
        return allocated
    ended = driver.saw(AllocationEnded)
    if ended is None or (ended.error_code is None and driver.failure is not None):
        return _unreached(target, driver)
    return _refusal(target, ended.error_code, ended.error_text or ended.reason.value)


def _credential(target: Target) -> Credential | None:
    if target.user is None:
        return None
    return LongTermCredential(username=target.user, password=target.password or "")


def _unreached(target: Target, driver: Driver) -> Failure:
    if driver.failure is not None:
        return explain(driver.failure, target.server)
    return silent(target.server, is_connected=driver.is_connected)


def _refusal(target: Target, code: int | None, text: str) -> Failure:
    if code == 401 and target.user is None:
        return _ANONYMOUS
    if code in (400, 404, 420, 500) and target.server.relays:
        return _NO_TURN
    known = _REFUSALS.get(code or 0)
    if known is not None:
        return known
    number = "" if code is None else f"error {code}, "
    return Failure("refused_request", f"it refuses: {number}{printable(text)}", "Ask its operator.")
