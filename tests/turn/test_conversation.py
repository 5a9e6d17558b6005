"""Client and server in conversation: allocations, permissions, channels, and what passes through."""

import copy
import pickle

import pytest
from tests.turn.world import BOTH, CLIENT, OTHER_PEER, PEER, PEER_6, SERVER, World

from rtc_stun import Address, Datagram
from rtc_turn import (
    AddressFamily,
    Allocated,
    AllocationCreated,
    AllocationDeleted,
    AllocationEnded,
    BufferFullError,
    ChannelBound,
    CloseRelay,
    DataReceived,
    EndReason,
    PeerUnreachable,
    PermissionInstalled,
    PermissionRefused,
    StateError,
    TurnConfig,
    TurnServerConfig,
    is_channel_data,
)


def test_an_allocation_has_an_address_of_the_server_and_tells_ours() -> None:
    world = World()
    allocated = world.allocate()

    assert allocated.relayed == (Address("198.51.100.1", 50_002),)
    assert allocated.mapped == CLIENT
    assert allocated.server == SERVER
    assert allocated.lifetime == 600
    assert world.server_saw(AllocationCreated)[0].username == "alice"
    assert world.client.relayed == allocated.relayed


def test_data_flows_both_ways_and_changes_to_a_channel() -> None:
    world = World()
    relayed = world.allocate().relayed[0]
    world.client.send(b"one", PEER, world.now)
    world.pump()
    world.to_server.clear()
    world.client.send(b"two", PEER, world.now)
    world.pump()
    world.from_peer(b"three", relayed)

    assert [(each.data, each.local, each.remote) for each in world.at_peers] == [
        (b"one", relayed, PEER),
        (b"two", relayed, PEER),
    ]
    assert world.client_saw(PermissionInstalled) == [PermissionInstalled(PEER.host)]
    assert world.client_saw(ChannelBound) == [ChannelBound(PEER, 0x4000)]
    assert world.to_server == [b"\x40\x00\x00\x03two"]
    assert world.client_saw(DataReceived) == [DataReceived(PEER, b"three")]
    assert world.to_client[-1] == b"\x40\x00\x00\x05three"


def test_without_channels_data_goes_in_indications() -> None:
    world = World(config=TurnConfig(channels=False))
    relayed = world.allocate().relayed[0]
    for data in (b"", b"x", bytes(1200)):
        world.client.send(data, PEER, world.now)
        world.pump()
        world.from_peer(data, relayed)

    assert [each.data for each in world.at_peers] == [b"", b"x", bytes(1200)]
    assert [each.data for each in world.client_saw(DataReceived)] == [b"", b"x", bytes(1200)]
    assert not any(map(is_channel_data, world.to_server + world.to_client))
    assert world.client_saw(ChannelBound) == []


def test_who_is_not_permitted_does_not_get_through() -> None:
    world = World()
    relayed = world.allocate().relayed[0]
    world.client.create_permission(PEER, world.now)
    world.pump()
    world.from_peer(b"stranger", relayed, OTHER_PEER)
    world.from_peer(b"another port of the host", relayed, Address(PEER.host, 1))

    assert [each.data for each in world.client_saw(DataReceived)] == [b"another port of the host"]
    assert world.server.stats.dropped == {"not-permitted": 1}


def test_a_private_peer_is_forbidden_unless_it_is_allowed() -> None:
    world = World()
    world.allocate()
    for host in ("10.0.0.1", "127.0.0.1", "169.254.169.254", "224.0.0.1", "0.0.0.0", "100.64.0.1", "255.255.255.255"):
        world.client.send(b"inside?", Address(host, 80), world.now)
        world.pump()

    assert [(each.host, each.error_code) for each in world.client_saw(PermissionRefused)] == [
        (host, 403)
        for host in (
            "10.0.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "224.0.0.1",
            "0.0.0.0",
            "100.64.0.1",
            "255.255.255.255",
        )
    ]
    assert world.at_peers == []
    assert world.client.stats.dropped == {"not-permitted": 7}


def test_one_forbidden_host_does_not_keep_the_others_out() -> None:
    world = World()
    world.allocate()
    world.client.create_permission(PEER, world.now)
    world.client.create_permission(Address("10.0.0.1", 1), world.now)
    world.client.create_permission(OTHER_PEER, world.now)
    world.pump()

    assert {each.host for each in world.client_saw(PermissionInstalled)} == {PEER.host, OTHER_PEER.host}
    assert [each.host for each in world.client_saw(PermissionRefused)] == ["10.0.0.1"]


def test_everything_in_use_is_refreshed_for_hours() -> None:
    world = World(nonce_lifetime=300.0)
    relayed = world.allocate().relayed[0]

    def talk() -> None:
        world.client.send(b"tick", PEER, world.now)
        world.pump()
        world.from_peer(b"tock", relayed)

    world.run(7200, talk)

    sent = len(world.at_peers)
    assert sent == 360
    assert len(world.client_saw(DataReceived)) == sent
    assert world.client_saw(AllocationEnded) == []
    assert 12 <= world.client.stats.refreshes <= 15
    assert world.server.stats.responses[438] >= 10
    assert world.client.stats.dropped == {}


def test_permissions_that_nobody_uses_end() -> None:
    world = World()
    relayed = world.allocate().relayed[0]
    world.client.create_permission(PEER, world.now)
    world.pump()
    world.run(301)
    world.from_peer(b"late", relayed)

    assert world.client_saw(DataReceived) == []
    assert world.server.stats.dropped == {"not-permitted": 1}
    # Whoever sends again is permitted again.
    world.client.send(b"again", PEER, world.now)
    world.pump()
    assert [each.data for each in world.at_peers] == [b"again"]


def test_a_use_late_in_a_lease_prolongs_it() -> None:
    world = World()
    world.allocate()
    world.client.send(b"one", PEER, world.now)
    world.pump()
    world.run(270)
    world.client.send(b"two", PEER, world.now)
    world.pump()
    world.run(100)
    world.client.send(b"three", PEER, world.now)
    world.pump()

    assert [each.data for each in world.at_peers] == [b"one", b"two", b"three"]
    assert len(world.client_saw(PermissionInstalled)) == 1


def test_closing_gives_the_allocation_back() -> None:
    world = World()
    relayed = world.allocate().relayed
    world.client.close(world.now)
    with pytest.raises(StateError):
        world.client.send(b"x", PEER, world.now)
    world.pump()

    assert world.client_saw(AllocationEnded) == [AllocationEnded(EndReason.CLOSED)]
    assert world.client.closed
    assert world.client.next_timeout() is None
    assert world.server_saw(CloseRelay) == [CloseRelay(relayed[0])]
    assert world.server_saw(AllocationDeleted)[0].reason == "deleted"
    assert world.server.allocation_count == 0


def test_a_server_that_is_gone_when_we_close_does_not_hold_us() -> None:
    world = World()
    world.allocate()
    world.drops_to_server = lambda data: True
    world.client.close(world.now)
    world.run(60)

    assert world.client_saw(AllocationEnded) == [AllocationEnded(EndReason.CLOSED)]


def test_a_dead_server_ends_the_wait_for_an_allocation() -> None:
    world = World()
    world.drops_to_server = lambda data: True
    world.client.allocate(world.now)
    world.run(60)

    ended = world.client_saw(AllocationEnded)
    assert [each.reason for each in ended] == [EndReason.UNREACHABLE]


def test_a_server_that_forgets_us_is_noticed() -> None:
    world = World()
    world.allocate()
    world.server.close(world.now)
    fresh = World()
    world.server = fresh.server
    world.run(601)

    assert [(each.reason, each.error_code) for each in world.client_saw(AllocationEnded)] == [(EndReason.LOST, 437)]


def test_a_client_that_is_gone_leaves_nothing_behind() -> None:
    world = World()
    world.allocate()
    del world.clients[CLIENT]
    world.run(601)

    assert world.server.allocation_count == 0
    assert world.server_saw(AllocationDeleted)[0].reason == "expired"
    assert world.server.next_timeout() is None


def test_a_wrong_password_is_refused() -> None:
    world = World()
    client = world.add_client(Address("192.0.2.11", 1), password="guess")
    client.allocate(world.now)
    world.pump()

    ended = world.client_saw(AllocationEnded)
    assert [(each.reason, each.error_text) for each in ended] == [
        (EndReason.REFUSED, "the server does not accept the username and password")
    ]
    assert world.server.allocation_count == 0


def test_quotas_are_kept_per_user() -> None:
    world = World(server_config=TurnServerConfig(max_allocations_per_user=1))
    world.allocate()
    second = world.add_client(Address("192.0.2.11", 1))
    second.allocate(world.now)
    world.pump()
    other = world.add_client(Address("192.0.2.12", 1), "bob", "other")
    other.allocate(world.now)
    world.pump()

    assert [(each.reason, each.error_code) for each in world.client_saw(AllocationEnded)] == [(EndReason.REFUSED, 486)]
    assert world.server.allocation_count == 2


def test_both_families_with_one_allocation() -> None:
    world = World(config=TurnConfig(families=BOTH), server_config=TurnServerConfig(families=frozenset(BOTH)))
    allocated = world.allocate()
    world.client.send(b"four", PEER, world.now)
    world.client.send(b"six", PEER_6, world.now)
    world.pump()

    assert [each.is_ipv6 for each in allocated.relayed] == [False, True]
    assert [(each.data, each.local) for each in world.at_peers] == [
        (b"four", allocated.relayed[0]),
        (b"six", allocated.relayed[1]),
    ]


@pytest.mark.parametrize("reason", ["not served", "not available"])
def test_half_of_a_dual_allocation_is_better_than_none(reason: str) -> None:
    families = frozenset(BOTH if reason == "not available" else BOTH[:1])
    world = World(config=TurnConfig(families=BOTH), server_config=TurnServerConfig(families=families))
    world.refuse = {AddressFamily.IPV6}
    allocated = world.allocate()

    assert len(allocated.relayed) == 1
    assert allocated.missing is not None
    assert (allocated.missing.family, allocated.missing.code) == (2, 508 if reason == "not available" else 440)
    with pytest.raises(ValueError, match="reaches"):
        world.client.send(b"six", PEER_6, world.now)


def test_an_address_family_that_is_not_served_is_refused() -> None:
    world = World(config=TurnConfig(families=(AddressFamily.IPV6,)))
    world.client.allocate(world.now)
    world.pump()

    assert world.client_saw(AllocationEnded)[0].error_code == 440


def test_a_reserved_port_goes_to_who_has_the_token() -> None:
    world = World(config=TurnConfig(reserve_next_port=True))
    first = world.allocate()
    assert first.reservation_token is not None
    second = world.add_client(Address("192.0.2.11", 1), config=TurnConfig(reservation_token=first.reservation_token))
    allocated = world.allocate(second)

    assert first.relayed[0].port % 2 == 0
    assert allocated.relayed == (Address(first.relayed[0].host, first.relayed[0].port + 1),)


def test_a_reservation_ends() -> None:
    world = World(config=TurnConfig(reserve_next_port=True))
    first = world.allocate()
    world.run(31)
    second = world.add_client(Address("192.0.2.11", 1), config=TurnConfig(reservation_token=first.reservation_token))
    second.allocate(world.now)
    world.pump()

    assert world.client_saw(AllocationEnded)[0].error_code == 508
    assert world.server_saw(CloseRelay) == [CloseRelay(Address(first.relayed[0].host, first.relayed[0].port + 1))]


def test_a_server_without_dont_fragment_is_asked_again_without_it() -> None:
    world = World(config=TurnConfig(dont_fragment=True))
    world.allocate()
    world.client.send(b"x", PEER, world.now)
    world.pump()

    assert [each.data for each in world.at_peers] == [b"x"]


def test_no_socket_no_allocation() -> None:
    world = World()
    world.refuse = {AddressFamily.IPV4}
    world.client.allocate(world.now)
    world.pump()

    assert world.client_saw(AllocationEnded)[0].error_code == 508
    assert world.server.allocation_count == 0


def test_what_the_network_says_about_a_peer_reaches_the_client() -> None:
    world = World()
    relayed = world.allocate().relayed[0]
    world.client.send(b"x", PEER, world.now)
    world.pump()
    world.server.icmp_received(relayed, PEER, 3, 4, world.now, error_data=1280)
    world.server.icmp_received(relayed, OTHER_PEER, 3, 3, world.now)
    world.server.icmp_received(relayed, PEER, 8, 0, world.now)
    world.pump()

    assert world.client_saw(PeerUnreachable) == [PeerUnreachable(PEER, 3, 4, 1280)]
    assert world.server.stats.dropped == {"not-permitted": 1, "icmp": 1}


def test_two_clients_of_one_server_reach_each_other() -> None:
    world = World()
    a = world.allocate().relayed[0]
    other = world.add_client(Address("192.0.2.11", 1), "bob", "other")
    b = world.allocate(other).relayed[0]
    other.create_permission(a, world.now)
    world.pump()
    world.client.send(b"over two relays", b, world.now)
    world.pump()

    assert world.client_saw(DataReceived) == [DataReceived(a, b"over two relays")]


def test_bandwidth_is_limited() -> None:
    world = World(server_config=TurnServerConfig(max_bytes_per_second=10_000))
    world.allocate()
    for _ in range(20):
        world.client.send(bytes(1000), PEER, world.now)
        world.pump()

    assert len(world.at_peers) == 10
    assert world.server.stats.dropped == {"bandwidth": 10}
    world.run(1.0)
    world.client.send(bytes(1000), PEER, world.now)
    world.pump()
    assert len(world.at_peers) == 11


def test_what_waits_is_bounded() -> None:
    world = World(config=TurnConfig(max_held_bytes=1000, max_unsent_bytes=1000))
    world.allocate()
    world.client.send(bytes(1000), PEER, world.now)
    with pytest.raises(BufferFullError):
        world.client.send(b"x", PEER, world.now)
    world.pump()
    world.client.send(bytes(1000), PEER, world.now)
    with pytest.raises(BufferFullError):
        world.client.send(b"x", PEER, world.now)
    world.pump()

    assert [len(each.data) for each in world.at_peers] == [1000, 1000]


def test_an_allocation_is_asked_for_once() -> None:
    world = World()
    with pytest.raises(StateError):
        world.client.send(b"x", PEER, world.now)
    world.allocate()
    with pytest.raises(StateError):
        world.client.allocate(world.now)


def test_a_repeated_allocate_request_gets_the_same_answer() -> None:
    world = World()
    world.allocate()
    request = world.to_server[-1]
    world.server.receive_datagram(Datagram(request, SERVER, CLIENT), world.now)
    first, again = world.to_client[-1], world.server.datagrams_to_send(world.now)[0].data

    assert again == first
    assert world.server.allocation_count == 1


def test_a_copy_goes_on_as_the_original() -> None:
    world = World()
    world.allocate()
    world.client.send(b"x", PEER, world.now)
    world.pump()
    for clone in (copy.deepcopy(world.client), pickle.loads(pickle.dumps(world.client))):
        clone.send(b"y", PEER, world.now)
        original = copy.deepcopy(world.client)
        original.send(b"y", PEER, world.now)

        assert clone.datagrams_to_send(world.now) == original.datagrams_to_send(world.now)
        assert clone.next_timeout() == original.next_timeout()


def test_allocated_is_told_once() -> None:
    world = World()
    world.allocate()

    assert len(world.client_saw(Allocated)) == 1
    assert world.server.stats.allocations == 1
