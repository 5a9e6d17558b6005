"""What a client does when its user's password is another all of a sudden."""

import pytest
from tests.turn.world import PEER, World

from rtc_stun import LongTermCredential, Message
from rtc_turn import AllocationEnded, EndReason, PermissionInstalled, PermissionRefused, StateError, TurnConfig
from rtc_turn.method import CREATE_PERMISSION

CHANGED = LongTermCredential(username="alice", password="changed")


def talking(config: TurnConfig | None = None) -> World:
    """A client with an allocation that is used, and whose password is changed at the server."""
    world = World(config=config)
    world.allocate()
    say(world)
    assert [each.data for each in world.at_peers] == [b"x"]
    world.users.add("alice", "changed")
    return world


def say(world: World) -> None:
    world.client.send(b"x", PEER, world.now)
    world.pump()


def test_what_was_granted_lasts_until_its_end_and_then_nobody_is_asked_for_each_datagram() -> None:
    world = talking(TurnConfig(channels=False))
    world.run(290, each=lambda: say(world), step=1.0)
    assert len(world.at_peers) == 291
    world.to_server.clear()
    world.run(60, each=lambda: say(world), step=0.1)
    asked = [each for each in world.to_server if Message.parse(each).method == CREATE_PERMISSION]

    assert world.client_saw(PermissionRefused)
    assert world.client_saw(AllocationEnded) == []
    assert len(asked) <= 60
    assert world.client.stats.dropped["not-permitted"] > 300


@pytest.mark.parametrize("after", [100, 290, 400])
def test_another_password_makes_good_what_can_be(after: int) -> None:
    world = talking()
    world.run(after, each=lambda: say(world), step=1.0)
    world.client.set_credential(CHANGED)
    world.run(3000, each=lambda: say(world), step=10.0)
    world.at_peers.clear()
    say(world)

    assert [each.data for each in world.at_peers] == [b"x"]
    assert world.client_saw(AllocationEnded) == []
    assert world.server.allocation_count == 1


def test_without_one_the_allocation_ends_with_its_lifetime() -> None:
    world = talking()
    world.run(700, each=lambda: None if world.client.closed else say(world), step=10.0)

    assert [each.reason for each in world.client_saw(AllocationEnded)] == [EndReason.EXPIRED]
    assert world.server.allocation_count == 0


@pytest.mark.spec("rfc8656:5/17")
def test_an_allocation_remains_its_users() -> None:
    world = talking()
    with pytest.raises(StateError, match="who made it"):
        world.client.set_credential(LongTermCredential(username="bob", password="other"))
    with pytest.raises(StateError, match="who made it"):
        world.client.set_credential(None)
    world.client.set_credential(CHANGED)
    world.run(3000, each=lambda: say(world), step=10.0)

    assert [each.username for each in world.server.allocations(world.now)] == ["alice"]


def test_before_it_is_asked_for_it_may_be_anybodys() -> None:
    world = World()
    world.client.set_credential(LongTermCredential(username="bob", password="other"))
    world.allocate()

    assert [each.username for each in world.server.allocations(world.now)] == ["bob"]
    assert world.client_saw(PermissionInstalled) == []
