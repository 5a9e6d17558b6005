"""Each kind of network with each other: peers connect by the path that they should, and by no better and no worse."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable

import pytest
import pytest_asyncio
from tests.support.nat_kinds import Kind, PairTypes, connects_directly, direct_path, relayed_paths

from .conftest import Inhabitants, Town
from .neighbourhood import SERVERS, Place
from .programs import PASSWORD, USER, Selected, connect

pytestmark = pytest.mark.asyncio(loop_scope="session")

PATIENCE = 30.0
AT_A_TIME = 6
"""Cells that are tried at the same time."""
Cell = tuple[Kind, Kind]
CELLS = [(near, far) for near in Kind for far in Kind]
DIRECT = [cell for cell in CELLS if connects_directly(*cell)]
RELAYED = [cell for cell in CELLS if not connects_directly(*cell)]


def configuration(server: str) -> dict[str, object]:
    """What a page would have."""
    address = SERVERS[server]
    urls = [f"turn:{address}", f"turn:{address}?transport=tcp"]
    return {"iceServers": [{"urls": f"stun:{address}"}, {"urls": urls, "username": USER, "credential": PASSWORD}]}


class Attempts:
    """All cells, tried some at a time; a test waits for its own."""

    def __init__(self, town: Town, inhabitants: Inhabitants) -> None:
        self._town = town
        self._inhabitants = inhabitants
        self._turn = asyncio.Semaphore(AT_A_TIME)
        wanted = [("coturn", cell) for cell in CELLS] + [("ours", cell) for cell in RELAYED]
        self._tasks = {each: asyncio.create_task(self._try(*each)) for each in wanted}

    async def result(self, server: str, cell: Cell) -> tuple[Selected, Selected]:
        """The path as each side sees it."""
        return await self._tasks[server, cell]

    async def pair(self, left: Place, right: Place, server: str = "coturn") -> tuple[Selected, Selected]:
        """Connect any two places."""
        async with self._turn:
            here, there = self._inhabitants.at[left], self._inhabitants.at[right]
            return await connect(here, there, f"{server} {left} {right}", configuration(server), timeout=PATIENCE)

    async def end(self) -> None:
        """Give up what is under way."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _try(self, server: str, cell: Cell) -> tuple[Selected, Selected]:
        near, far = cell
        return await self.pair(self._town.near[near], self._town.far[far], server)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def attempts(town: Town, inhabitants: Inhabitants) -> AsyncIterator[Attempts]:
    """The attempts of this module."""
    begun = Attempts(town, inhabitants)
    yield begun
    with contextlib.suppress(asyncio.CancelledError):
        await begun.end()


def names(cells: Iterable[Cell]) -> list[str]:
    """IDs of cells."""
    return [f"{near.value} and {far.value}" for near, far in cells]


@pytest.mark.parametrize("cell", DIRECT, ids=names(DIRECT))
async def test_a_direct_path(cell: Cell, attempts: Attempts) -> None:
    here, there = await attempts.result("coturn", cell)

    assert direct_path(*cell).allows(here.types), here
    assert direct_path(*cell).reversed.allows(there.types), there


@pytest.mark.parametrize("cell", RELAYED, ids=names(RELAYED))
@pytest.mark.parametrize("server", SERVERS)
async def test_a_relayed_path(server: str, cell: Cell, attempts: Attempts) -> None:
    here, there = await attempts.result(server, cell)

    # On a busy machine the pair of both relays may be found half a second before the better ones.
    allowed = relayed_paths(*cell) | {PairTypes("relay", "relay")}
    assert any(path.allows(here.types) for path in allowed), here
    assert any(path.reversed.allows(there.types) for path in allowed), there
    for kind, side in zip(cell, (here, there), strict=True):
        if kind is Kind.UDP_BLOCKED:
            assert side.relay_protocol == "tcp"
        elif side.types.near == "relay":
            assert side.relay_protocol == "udp"


async def test_neighbours_in_one_segment_use_their_private_addresses(town: Town, attempts: Attempts) -> None:
    here, _ = await attempts.pair(*town.same_segment)

    assert here.types == PairTypes("host", "host")


async def test_neighbours_behind_a_nat_that_hairpins_use_their_public_addresses(town: Town, attempts: Attempts) -> None:
    here, _ = await attempts.pair(*town.hairpinning)

    assert PairTypes("srflx", "srflx").allows(here.types), here


@pytest.mark.parametrize("server", SERVERS)
async def test_neighbours_behind_a_nat_that_does_not_hairpin_use_a_relay(
    server: str, town: Town, attempts: Attempts
) -> None:
    here, _ = await attempts.pair(*town.not_hairpinning, server)

    assert not here.types.is_direct, here
