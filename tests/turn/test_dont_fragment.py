"""DONT-FRAGMENT: datagrams that are to arrive whole or not at all."""

import pytest
from tests.turn.stream_world import StreamWorld
from tests.turn.test_server import allocated, code, indication
from tests.turn.world import PEER, PEER_6, RAW, SERVER, World

from rtc_stun import Address, Attribute, Datagram, UnknownAttributes
from rtc_turn import (
    ALLOCATE,
    CHANNEL_BIND,
    CREATE_PERMISSION,
    AdditionalAddressFamily,
    AddressFamily,
    ChannelNumber,
    Data,
    DontFragment,
    EvenPort,
    RequestedAddressFamily,
    RequestedTransport,
    ReservationToken,
    TurnConfig,
    TurnServerConfig,
    XorPeerAddress,
    pack_channel_data,
)

CAPABLE = TurnServerConfig(dont_fragment=True, families=frozenset(AddressFamily))
RAW_6 = Address("2001:db8:2::5", 5000)
IPV6 = RequestedAddressFamily(AddressFamily.IPV6)


def whole(*attributes: Attribute, local: Address = RAW, config: TurnServerConfig = CAPABLE) -> int:
    """How a server answers a request with DONT-FRAGMENT."""
    response = World(server_config=config).ask(ALLOCATE, RequestedTransport(), DontFragment(), *attributes, local=local)
    unknown = response.get(UnknownAttributes)
    assert (unknown is not None and list(unknown.types) == [DontFragment.TYPE]) is (code(response) == 420)
    return code(response)


def sent_to(peer: Address, *attributes: Attribute, config: TurnServerConfig = CAPABLE) -> list[Datagram]:
    """What a Send indication becomes, from a client of IPv4 over UDP with relayed addresses of both families."""
    world = World(server_config=config)
    allocated(world, AdditionalAddressFamily(AddressFamily.IPV6))
    world.ask(CREATE_PERMISSION, XorPeerAddress(PEER), XorPeerAddress(PEER_6))
    return world.tell(indication(XorPeerAddress(peer), Data(b"x"), *attributes))


def test_a_server_that_cannot_keep_datagrams_whole_refuses_it_by_name() -> None:
    assert whole(config=TurnServerConfig()) == 420


def test_a_server_that_cannot_discards_what_asks_for_it() -> None:
    config = TurnServerConfig(families=frozenset(AddressFamily))

    assert sent_to(PEER, DontFragment(), config=config) == []


@pytest.mark.spec("rfc8656:14/2")
def test_what_is_to_stay_whole_is_marked_and_nothing_else() -> None:
    assert whole() == 0
    assert [each.dont_fragment for each in sent_to(PEER, DontFragment())] == [True]
    assert [each.dont_fragment for each in sent_to(PEER)] == [False]


def test_data_of_channels_and_answers_may_be_cut() -> None:
    world = World(server_config=CAPABLE)
    allocated(world)
    world.ask(CHANNEL_BIND, ChannelNumber(0x4000), XorPeerAddress(PEER))
    (relayed,) = world.open_relays
    sent = world.tell(pack_channel_data(0x4000, b"x", pad=False))
    world.server.receive_datagram(Datagram(b"y", relayed, PEER), world.now)
    sent += world.server.datagrams_to_send(world.now)

    assert [(each.local == SERVER, each.dont_fragment) for each in sent] == [(False, False), (True, False)]


@pytest.mark.spec("rfc8656:3.7/3")
def test_translation_from_ipv4_to_ipv6_refuses_it() -> None:
    assert whole(IPV6) == 420
    assert whole(AdditionalAddressFamily(AddressFamily.IPV6)) == 420
    assert whole(IPV6, local=RAW_6) == 0
    assert whole(local=RAW_6) == 0


@pytest.mark.spec("rfc8656:3.7/3")
@pytest.mark.parametrize(("family", "expected"), [(AddressFamily.IPV4, 0), (AddressFamily.IPV6, 420)])
def test_a_reserved_port_is_no_way_around(family: AddressFamily, expected: int) -> None:
    world = World(server_config=CAPABLE)
    response = allocated(world, EvenPort(reserve_next=True), RequestedAddressFamily(family))
    token = response.get(ReservationToken)
    assert token is not None
    other = RAW._replace(port=RAW.port + 1)

    assert code(world.ask(ALLOCATE, RequestedTransport(), DontFragment(), token, local=other)) == expected
    assert code(world.ask(ALLOCATE, RequestedTransport(), token, local=other)) == (437 if expected == 0 else 0)


@pytest.mark.spec("rfc8656:13.1/1")
def test_from_ipv4_to_ipv6_it_is_ignored() -> None:
    assert [each.dont_fragment for each in sent_to(PEER_6, DontFragment())] == [False]


@pytest.mark.spec("rfc8656:13.2/4", "rfc8656:13.3/2")
@pytest.mark.parametrize("peer", [PEER, PEER_6])
def test_from_ipv6_it_is_ignored(peer: Address) -> None:
    world = World(server_config=CAPABLE)
    family = RequestedAddressFamily(AddressFamily.IPV6 if peer.is_ipv6 else AddressFamily.IPV4)
    assert code(world.ask(ALLOCATE, RequestedTransport(), family, local=RAW_6)) == 0
    world.ask(CREATE_PERMISSION, XorPeerAddress(peer), local=RAW_6)
    sent = world.tell(indication(XorPeerAddress(peer), Data(b"x"), DontFragment()), RAW_6)

    assert [(each.remote, each.dont_fragment) for each in sent] == [(peer, False)]


@pytest.mark.spec("rfc8656:15/2")
@pytest.mark.parametrize("peer", [PEER, PEER_6])
def test_from_a_stream_it_counts_for_both_families(peer: Address) -> None:
    family = AddressFamily.IPV6 if peer.is_ipv6 else AddressFamily.IPV4
    world = StreamWorld(TurnConfig(dont_fragment=True, families=(family,)), CAPABLE)
    world.allocate()
    world.client.send(b"x", peer, world.now)
    world.pump()

    assert [(each.remote, each.dont_fragment) for each in world.datagrams] == [(peer, True)]


@pytest.mark.spec("rfc8656:11.1/3")
def test_a_client_that_wants_it_sends_nothing_through_channels() -> None:
    world = World(config=TurnConfig(dont_fragment=True), server_config=CAPABLE)
    world.allocate()
    for _ in range(3):
        world.client.send(b"x", PEER, world.now)
        world.pump()

    assert [each.dont_fragment for each in world.at_peers] == [True, True, True]
