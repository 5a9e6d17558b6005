"""Candidates that are gathered ahead of time (:rfc:`8829#section-3.5.4`)."""

import pytest
from tests.peer.pair import Pair, Side
from tests.peer.test_relay import URLS, RelayPair
from tests.support.nat import full_cone
from tests.support.turn import PASSWORD, USER

from rtc_peer import (
    Configuration,
    GatheringWanted,
    IceCandidateFound,
    IceGatheringState,
    IceServer,
    IceTransportPolicy,
    TransportClosed,
)
from rtc_stun import OpenTransport


def _pool(size: int, *urls: str, relay: bool = False) -> Configuration:
    return Configuration(
        ice_servers=(IceServer(urls=urls, username=USER, credential=PASSWORD),) if urls else (),
        ice_transport_policy=IceTransportPolicy.RELAY if relay else IceTransportPolicy.ALL,
        ice_candidate_pool_size=size,
    )


def _found(side: Side) -> list[str]:
    return [each.candidate.split(" ")[7] if each.candidate else "" for each in side.of(IceCandidateFound)]


@pytest.mark.spec("rfc8829:4.1.1/2")
def test_nothing_is_gathered_ahead_of_time_unless_asked_for() -> None:
    pair = Pair()
    pair.settle(1.0)
    assert not pair.left.node.saw(GatheringWanted)


@pytest.mark.spec("rfc8829:3.5.4/1", "rfc8829:3.5.4/2")
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_what_was_gathered_ahead_of_time_is_told_at_once_and_not_before(transport: str) -> None:
    pair = RelayPair(_pool(1, URLS[transport], relay=True), behind=(full_cone("203.0.113.1"), None))
    pair.settle(1.0)
    assert pair.turn.server.allocation_count == 1
    assert pair.left.of(GatheringWanted) == [GatheringWanted(0)]
    assert pair.left.of(IceCandidateFound) == []
    assert pair.left.machine.ice_gathering_state is IceGatheringState.NEW
    assert pair.left.machine.transports == ()

    pair.left.machine.create_data_channel("chat")
    offer = pair.left.machine.create_offer()
    assert "candidate" not in offer.sdp
    began = pair.now
    pair.offer()
    pair.network.flush()
    assert _found(pair.left) == ["relay", ""]
    assert pair.now == began
    assert "a=candidate" in pair.left.local.sdp
    assert pair.turn.server.allocation_count == 1
    pair.give(pair.right, pair.left.local)
    pair.give(pair.left, pair.answer())
    assert pair.run(pair.talking)
    pair.talk()
    assert pair.turn.server.allocation_count == 1


def test_offers_that_are_thrown_away_leave_the_pool_alone() -> None:
    pair = Pair(left=_pool(1))
    pair.settle(0.1)
    pair.left.machine.create_data_channel("chat")
    for _ in range(3):
        pair.left.machine.create_offer()
    pair.connect()
    assert {each.transport_id for each in pair.left.of(GatheringWanted)} == {0}


def test_an_answer_takes_from_the_pool_too() -> None:
    pair = Pair(right=_pool(1))
    pair.settle(0.1)
    assert pair.right.of(GatheringWanted) == [GatheringWanted(0)]
    pair.connect()
    assert {each.transport_id for each in pair.right.of(GatheringWanted)} == {0}


def test_what_the_first_exchange_leaves_in_the_pool_is_discarded() -> None:
    pair = RelayPair(_pool(3, URLS["udp"]), link=None)
    pair.settle(1.0)
    assert pair.turn.server.allocation_count == 3
    pair.connect()
    pair.settle(1.0)
    assert pair.turn.server.allocation_count == 1
    assert [each.transport_id for each in pair.left.of(TransportClosed)] == [1, 2]
    assert [view.id for view in pair.left.machine.transports] == [0]
    pair.talk()


def test_the_size_may_change_before_the_first_description() -> None:
    pair = Pair(left=_pool(1))
    pair.left.machine.set_configuration(_pool(3))
    pair.settle(0.1)
    assert {each.transport_id for each in pair.left.of(GatheringWanted)} == {0, 1, 2}
    pair.left.machine.set_configuration(_pool(1))
    pair.settle(0.1)
    assert sorted(each.transport_id for each in pair.left.of(TransportClosed)) == [1, 2]
    pair.connect()


def test_other_servers_empty_the_pool_and_are_asked() -> None:
    pair = RelayPair(_pool(1, URLS["udp"], relay=True))
    pair.settle(1.0)
    pair.left.machine.set_configuration(_pool(1, URLS["tcp"], relay=True))
    pair.settle(1.0)
    pair.left.machine.create_data_channel("chat")
    pair.offer()
    pair.network.flush()
    # From two sockets: the pair opens another one whenever it is asked for addresses.
    found = [(each.url, each.relay_protocol) for each in pair.left.of(IceCandidateFound) if each.candidate]
    assert found == [(URLS["tcp"], "tcp")] * 2
    pair.give(pair.right, pair.left.local)
    pair.give(pair.left, pair.answer())
    assert pair.run(pair.talking)
    pair.settle(10.0)
    assert pair.turn.server.allocation_count == 2


def test_closing_gives_back_what_is_in_the_pool() -> None:
    pair = RelayPair(_pool(2, URLS["udp"], URLS["tcp"]))
    pair.settle(1.0)
    assert pair.turn.server.allocation_count == 4
    assert len(pair.left.of(OpenTransport)) == 2
    pair.left.machine.close(pair.now)
    pair.settle(1.0)
    assert pair.turn.server.allocation_count == 0
