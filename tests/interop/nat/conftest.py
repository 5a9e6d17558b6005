"""Networks of every kind, built once; what needs root is left out where we are not."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from tests.support.nat_kinds import Kind
from tests.support.peers import require

from .neighbourhood import Neighbourhood, Place, missing, possible
from .programs import RemotePeer, coturn, rtc_turn

_HERE = Path(__file__).parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Nobody but root builds networks."""
    if possible():
        return
    left_out = [item for item in items if item.path.is_relative_to(_HERE)]
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=left_out)


@dataclass
class Town:
    """A network of each kind on either side, and three pairs of neighbours behind one NAT."""

    near: dict[Kind, Place]
    far: dict[Kind, Place]
    same_segment: tuple[Place, Place]
    hairpinning: tuple[Place, Place]
    not_hairpinning: tuple[Place, Place]


def _two(places: list[Place]) -> tuple[Place, Place]:
    first, second = places
    return first, second


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """All of it, with coturn and our own server in the middle."""
    require(not missing(), f"not installed: {', '.join(missing())}")
    neighbourhood = Neighbourhood()
    kind = Kind.FULL_CONE
    planned = Town(
        near={each: neighbourhood.client(each) for each in Kind},
        far={each: neighbourhood.client(each) for each in Kind},
        same_segment=_two(neighbourhood.clients(kind, 1, each=2)),
        hairpinning=_two(neighbourhood.clients(kind, 2, hairpinning=True)),
        not_hairpinning=_two(neighbourhood.clients(kind, 2)),
    )
    with contextlib.closing(neighbourhood):
        neighbourhood.build()
        with (
            coturn(neighbourhood.server, tmp_path_factory.mktemp("coturn")),
            rtc_turn(neighbourhood.our_server, tmp_path_factory.mktemp("ours")),
        ):
            yield planned


@dataclass
class Inhabitants:
    """A process with peers at every place."""

    at: dict[Place, RemotePeer]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def inhabitants(town: Town) -> AsyncIterator[Inhabitants]:
    """All of them, ready."""
    places = [*town.near.values(), *town.far.values(), *town.same_segment, *town.hairpinning, *town.not_hairpinning]
    async with contextlib.AsyncExitStack() as stack:
        entered = await asyncio.gather(*(stack.enter_async_context(RemotePeer.launch(place)) for place in places))
        yield Inhabitants(dict(zip(places, entered, strict=True)))
