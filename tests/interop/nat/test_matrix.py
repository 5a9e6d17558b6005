"""Each kind of network with each other: peers connect by the path that they should, and by no better and no worse."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable

import pytest
import pytest_asyncio
from tests.support.nat_kinds import Kind, PairTypes, connects_directly, direct_path, relayed_paths

from .conftest import Inhabitants, Town
from .neighbourhood import SERVER, Place
from .programs import PASSWORD, USER, connect

pytestmark = pytest.mark.asyncio(loop_scope="session")

CONFIGURATION = {
    "iceServers": [
        {"urls": [f"stun:{SERVER}"]},
        {"urls": [f"turn:{SERVER}", f"turn:{SERVER}?transport=tcp"], "username": USER, "credential": PASSWORD},
    ]
}
PATIENCE = 30.0
AT_A_TIME = 6
"""Cells that are tried at the same time."""
Cell = tuple[Kind, Kind]
CELLS = [(near, far) for near in Kind for far in Kind]
DIRECT = [cell for cell in CELLS if connects_directly(*cell)]
RELAYED = [cell for cell in CELLS if not connects_directly(*cell)]


class Attempts:
    """All cells, tried some at a time; a test waits for its own."""

    def __init__(self, town: Town, inhabitants: Inhabitants) -> None:
        self._town = town
        self._inhabitants = inhabitants
        self._turn = asyncio.Semaphore(AT_A_TIME)
        self._tasks = {cell: asyncio.create_task(self._try(*cell)) for cell in CELLS}

    async def result(self, cell: Cell) -> tuple[PairTypes, PairTypes]:
        """The path as each side sees it."""
        return await self._tasks[cell]

    async def pair(self, left: Place, right: Place) -> tuple[PairTypes, PairTypes]:
        """Connect any two places."""
        async with self._turn:
            here, there = self._inhabitants.at[left], self._inhabitants.at[right]
            return await connect(here, there, f"{left}{right}", CONFIGURATION, timeout=PATIENCE)

    async def end(self) -> None:
        """Give up what is under way."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _try(self, near: Kind, far: Kind) -> tuple[PairTypes, PairTypes]:
        return await self.pair(self._town.near[near], self._town.far[far])


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
    here, there = await attempts.result(cell)

    assert direct_path(*cell).allows(here), here
    assert direct_path(*cell).reversed.allows(there), there


async def test_neighbours_in_one_segment_use_their_private_addresses(town: Town, attempts: Attempts) -> None:
    here, _ = await attempts.pair(*town.same_segment)

    assert here == PairTypes("host", "host")


async def test_neighbours_behind_a_nat_that_hairpins_use_their_public_addresses(town: Town, attempts: Attempts) -> None:
    here, _ = await attempts.pair(*town.hairpinning)

    assert PairTypes("srflx", "srflx").allows(here), here


@pytest.mark.parametrize("cell", RELAYED, ids=names(RELAYED))
async def test_a_relayed_path(cell: Cell, attempts: Attempts) -> None:
    here, there = await attempts.result(cell)

    assert any(path.allows(here) for path in relayed_paths(*cell)), here
    assert any(path.reversed.allows(there) for path in relayed_paths(*cell)), there


async def test_neighbours_behind_a_nat_that_does_not_hairpin_use_a_relay(town: Town, attempts: Attempts) -> None:
    here, _ = await attempts.pair(*town.not_hairpinning)

    assert here in (PairTypes("srflx", "relay"), PairTypes("relay", "srflx")), here
