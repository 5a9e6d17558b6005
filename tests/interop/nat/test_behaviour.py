"""What `rtc stun` and `rtc check` say behind NATs of the kernel: a test of both, and of the NATs of the other tests."""

import asyncio

import pytest
import pytest_asyncio
from tests.support.nat_kinds import Kind

from .conftest import Town
from .neighbourhood import SERVER, SERVERS, Place
from .programs import USER, rtc

pytestmark = pytest.mark.asyncio(loop_scope="session")

BEHAVIOUR = {
    Kind.OPEN: (False, "endpoint-independent", "endpoint-independent"),
    Kind.FULL_CONE: (True, "endpoint-independent", "endpoint-independent"),
    Kind.RESTRICTED: (True, "endpoint-independent", "address-dependent"),
    Kind.PORT_RESTRICTED: (True, "endpoint-independent", "address-and-port-dependent"),
    Kind.SYMMETRIC: (True, "address-and-port-dependent", "address-and-port-dependent"),
}
Result = tuple[int, dict[str, object]]
AT_A_TIME = 6
"""Programs that run at the same time: none may be late to what it waits for."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def results(town: Town) -> dict[tuple[str, Place], Result]:
    """What `rtc stun` says at each place; several are asked at the same time, for they wait for what never comes."""
    turn = asyncio.Semaphore(AT_A_TIME)

    async def ask(server: str, place: Place) -> Result:
        async with turn:
            return await rtc(place, "stun", server, "--timeout", "3")

    wanted = [(server, place) for server in SERVERS.values() for place in town.near.values()]
    found = await asyncio.gather(*(ask(server, place) for server, place in wanted))
    return dict(zip(wanted, found, strict=True))


@pytest.mark.parametrize("kind", BEHAVIOUR, ids=lambda kind: kind.value)
@pytest.mark.parametrize("server", SERVERS)
async def test_the_kind_of_nat_is_told(
    server: str, kind: Kind, town: Town, results: dict[tuple[str, Place], Result]
) -> None:
    code, found = results[SERVERS[server], town.near[kind]]

    assert code == 0, found
    assert (found["translated"], found["mapping"], found["filtering"]) == BEHAVIOUR[kind]
    assert found["fragments"] is True
    assert found["hairpinning"] is (False if kind is not Kind.OPEN else None)


async def test_blocked_udp_is_told(town: Town, results: dict[tuple[str, Place], Result]) -> None:
    code, found = results[SERVER, town.near[Kind.UDP_BLOCKED]]

    assert code == 1
    assert "does not answer over UDP" in str(found["error"])


async def test_where_udp_is_blocked_a_relay_over_tcp_is_found(town: Town) -> None:
    urls = (f"turn:{SERVER}", f"turn:{SERVER}?transport=tcp")
    code, found = await rtc(town.near[Kind.UDP_BLOCKED], "check", *urls, "--user", USER, "--timeout", "2")

    assert code == 0
    assert str(found["summary"]).startswith("This machine can connect, but over TCP alone, for UDP is blocked")


async def test_where_udp_is_blocked_a_page_without_tcp_is_told_what_to_change(town: Town) -> None:
    code, found = await rtc(town.near[Kind.UDP_BLOCKED], "check", f"turn:{SERVER}", "--user", USER, "--timeout", "2")

    assert code == 1
    assert f"add ?transport=tcp to turn:{SERVER}" in str(found["summary"])


async def test_everywhere_else_a_relay_over_udp_is_found(town: Town) -> None:
    code, found = await rtc(town.near[Kind.SYMMETRIC], "check", f"turn:{SERVER}", "--user", USER)

    assert code == 0, found
