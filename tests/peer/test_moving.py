"""Networks that change in the middle of a transfer: nothing is lost, with and without a restart."""

import pytest
from tests.support.network import Link

from rtc_ice import IceConfig
from rtc_peer import ConnectionState, ConnectionStateChanged, IceCandidateFound, PeerOptions
from rtc_sdp import IceOptions
from rtc_stun import Address

from .descriptions import parsed
from .pair import Pair, Side

CONTINUAL = PeerOptions(ice=IceConfig(continual=True))
BLOCKS = [f"{number:04}" * 200 for number in range(400)]


def _pair(*, seed: int = 1, options: tuple[PeerOptions, PeerOptions] = (CONTINUAL, CONTINUAL)) -> Pair:
    pair = Pair(seed=seed, options=options, link=Link(delay=0.01, loss=0.01, bandwidth_bps=2e6))
    pair.connect()
    pair.settle(5.0)
    return pair


def _move(pair: Pair, side: Side, host: str) -> bool:
    """Take a side's only address away, and give it another one; return whether a restart is wanted."""
    [old] = [Address(*each) for each in side.host.nodes if each[0] == side.host.hosts[0]]
    side.host.move(host)
    lost = side.machine.remove_local_address(old, pair.now)
    side.ports += 1
    new = pair.network.bind(side.node, side.host.bind(side.ports, host))
    side.machine.add_local_address(0, new, pair.now)
    pair.network.flush()
    return lost


def _states(side: Side) -> list[ConnectionState]:
    return [event.state for event in side.of(ConnectionStateChanged)]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("mover", ["left", "right"])
@pytest.mark.parametrize("sender", ["left", "right"])
def test_a_transfer_goes_on_at_another_address(seed: int, mover: str, sender: str) -> None:
    pair = _pair(seed=seed)
    side = getattr(pair, sender)
    for block in BLOCKS:
        side.machine.send(side.channel(), block)
    assert pair.run(lambda: len(side.other.messages()) >= 100)

    lost = _move(pair, getattr(pair, mover), "192.0.2.77")

    assert not lost
    assert pair.run(lambda: len(side.other.messages()) == len(BLOCKS), timeout=30.0)
    assert side.other.messages() == BLOCKS
    assert ConnectionState.FAILED not in _states(pair.left) + _states(pair.right)


def test_the_next_description_shows_the_addresses_that_are_left() -> None:
    pair = _pair()

    _move(pair, pair.left, "192.0.2.77")
    pair.settle(2.0)
    offer = pair.left.machine.create_offer().sdp

    assert "192.0.2.1 " not in offer
    assert "192.0.2.77 " in offer
    assert "192.0.2.77" in pair.left.of(IceCandidateFound)[-1].candidate


@pytest.mark.parametrize("understands", [0, 1])
def test_a_restart_helps_where_one_side_does_not_understand(understands: int) -> None:
    options = (CONTINUAL, PeerOptions()) if understands == 0 else (PeerOptions(), CONTINUAL)
    pair = _pair(options=options)
    for block in BLOCKS:
        pair.left.machine.send(pair.left.channel(), block)
    assert pair.run(lambda: len(pair.right.messages()) >= 100)

    lost = _move(pair, pair.left, "192.0.2.77")
    pair.left.machine.restart_ice()
    pair.negotiate()

    assert lost
    assert pair.run(lambda: len(pair.right.messages()) == len(BLOCKS), timeout=60.0)
    assert pair.right.messages() == BLOCKS


def test_the_option_is_offered_where_it_is_meant_and_answered_where_it_is_known() -> None:
    def options_of(left: PeerOptions, right: PeerOptions) -> list[bool]:
        pair = Pair(options=(left, right))
        pair.left.machine.create_data_channel()
        pair.negotiate()
        found = [parsed(side.local).get(IceOptions) for side in pair.sides]
        return [each is not None and "renomination" in each.options for each in found]

    plain = PeerOptions()
    assert options_of(CONTINUAL, CONTINUAL) == [True, True]
    assert options_of(CONTINUAL, plain) == [True, False]
    assert options_of(plain, CONTINUAL) == [False, False]
    assert options_of(plain, plain) == [False, False]


def test_an_unknown_address_is_nobody_s_loss() -> None:
    pair = _pair()

    assert not pair.left.machine.remove_local_address(Address("192.0.2.66", 1), pair.now)
