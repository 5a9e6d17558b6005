"""Users that a web service vouches for, beside others, on one server."""

import pytest
from tests.turn.world import CLIENT, World

from rtc_stun import Address, LongTermAuthenticator, LongTermCredential, LongTermUsers
from rtc_turn import (
    Allocated,
    AllocationEnded,
    AnyOf,
    TimeLimitedUsers,
    TurnServerConfig,
    time_limited_credential,
)

SECRET = bytes(32)


class Clock:
    """The time of day."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def world_with(clock: Clock, **limits: int) -> World:
    """A server that knows alice by a list, and others by an old and a new secret of a web service."""
    world = World(server_config=TurnServerConfig(**limits))  # type: ignore[arg-type] # numbers alone
    directories = (
        LongTermUsers("example.org", {"alice": "secret"}),
        TimeLimitedUsers("example.org", "new", wall_clock=clock),
        TimeLimitedUsers("example.org", "old", wall_clock=clock),
    )
    world.server.set_authenticator(AnyOf([LongTermAuthenticator(each, secret=SECRET) for each in directories]))
    return world


def allocate(world: World, credential: LongTermCredential, port: int) -> int:
    """The error code of an allocation; 0 if there is one."""
    client = world.add_client(Address(CLIENT.host, port), credential.username, credential.password)
    world.client_events.clear()
    client.allocate(world.now)
    world.pump()
    (event,) = (each for each in world.client_events if isinstance(each, Allocated | AllocationEnded))
    return 0 if isinstance(event, Allocated) else event.error_code or -1


def test_each_kind_of_user_comes_in() -> None:
    clock = Clock()
    world = world_with(clock)
    end = clock.now + 60

    assert allocate(world, LongTermCredential(username="alice", password="secret"), 1) == 0
    assert allocate(world, time_limited_credential("new", "carol", expires_at=end), 2) == 0
    assert allocate(world, time_limited_credential("old", "carol", expires_at=end), 3) == 0
    assert allocate(world, time_limited_credential("guess", "carol", expires_at=end), 4) == 401
    assert allocate(world, time_limited_credential("new", "carol", expires_at=clock.now - 60), 5) == 401
    assert world.server.allocation_count == 3


def test_who_comes_with_one_name_after_the_other_has_one_quota() -> None:
    clock = Clock()
    world = world_with(clock, max_allocations_per_user=2)
    codes = [
        allocate(world, time_limited_credential("new", "carol", expires_at=clock.now + 60 + number), number + 1)
        for number in range(3)
    ]
    other = allocate(world, time_limited_credential("new", "dave", expires_at=clock.now + 60), 9)

    assert (codes, other) == ([0, 0, 486], 0)


def test_a_user_whose_time_is_over_prolongs_nothing() -> None:
    clock = Clock()
    world = world_with(clock)
    assert allocate(world, time_limited_credential("new", "carol", expires_at=clock.now + 60), 1) == 0
    clock.now += 61
    world.run(700.0)

    assert world.server.allocation_count == 0


def test_a_user_may_be_let_go_on_with_what_he_has_and_nothing_more() -> None:
    clock = Clock()
    world = World()
    users = TimeLimitedUsers("example.org", "new", wall_clock=clock, lasting=3600.0)
    world.server.set_authenticator(LongTermAuthenticator(users, secret=SECRET))
    credential = time_limited_credential("new", "carol", expires_at=clock.now + 60)
    began = clock.now - world.now

    def follow() -> None:
        clock.now = began + world.now

    assert allocate(world, credential, 1) == 0
    world.run(3000.0, each=follow)
    assert world.server.allocation_count == 1
    assert allocate(world, credential, 2) == 403
    assert world.server.allocation_count == 1
    world.run(1600.0, each=follow)
    assert world.server.allocation_count == 0
    assert allocate(world, credential, 3) == 401


def test_many_users_are_not_remembered_for_ever() -> None:
    clock = Clock()
    users = TimeLimitedUsers("example.org", "new", wall_clock=clock)
    for number in range(3000):
        username = time_limited_credential("new", f"user{number}", expires_at=clock.now + 60).username
        assert users.find(username) is not None

    assert len(users._known) == 1024
    assert users.find_hash(bytes(32)) is None


def test_somebody_has_to_know_somebody() -> None:
    with pytest.raises(ValueError, match="authenticator"):
        AnyOf([])


@pytest.mark.parametrize("name", ["\u200b", "a\u0378"])
def test_a_name_that_no_user_can_have_is_unknown(name: str) -> None:
    clock = Clock()
    users = TimeLimitedUsers("example.org", "new", wall_clock=clock)

    assert users.find(f"{int(clock.now) + 60}:{name}") is None
