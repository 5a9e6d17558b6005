"""Every kind of network with every other: with a STUN and a TURN server there is a path, and it is the best one possible."""

import pytest
from tests.simulation.nat_call import NatCall
from tests.support.nat_kinds import Kind

CELLS = [(near, far) for near in Kind for far in Kind]


@pytest.mark.parametrize("kinds", CELLS, ids=[f"{near.value} and {far.value}" for near, far in CELLS])
def test_the_path_is_the_one_of_the_table(kinds: tuple[Kind, Kind]) -> None:
    NatCall(1, kinds).run()


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("near", [Kind.FULL_CONE, Kind.SYMMETRIC, Kind.UDP_BLOCKED], ids=lambda kind: kind.value)
@pytest.mark.parametrize("far", [Kind.RESTRICTED, Kind.PORT_RESTRICTED], ids=lambda kind: kind.value)
def test_where_each_twentieth_datagram_is_lost_it_is_the_same(near: Kind, far: Kind, seed: int) -> None:
    NatCall(seed, (near, far), loss=0.05).run()


def test_seeds_on_good_and_bad_networks_and_behind_one_carrier() -> None:
    calls = [NatCall(seed) for seed in range(150)]
    shared = [call for call in calls if call.is_shared]

    assert {call.is_good for call in calls} == {call.hairpins for call in shared[:4]} == {True, False}
    for call in [*calls[:8], *shared[:4]]:
        call.run()
