"""What the server answers to requests that `TurnClient` would not, or not always, send."""

import pickle

import pytest
from tests.turn.world import BOTH, CLIENT, OTHER_PEER, PEER, PEER_6, RAW, SERVER, World

from rtc_stun import (
    BINDING,
    Address,
    Attribute,
    Datagram,
    ErrorCode,
    Message,
    MessageClass,
    Nonce,
    Software,
    XorMappedAddress,
)
from rtc_turn import (
    ALLOCATE,
    CHANNEL_BIND,
    CREATE_PERMISSION,
    LAST_CHANNEL_OF_RFC5766,
    REFRESH,
    SEND,
    TCP,
    TURN_ATTRIBUTES,
    AdditionalAddressFamily,
    AddressFamily,
    ChannelNumber,
    Data,
    DontFragment,
    EvenPort,
    Icmp,
    Lifetime,
    OpenRelay,
    RequestedAddressFamily,
    RequestedTransport,
    ReservationToken,
    TurnConfig,
    TurnServerConfig,
    XorPeerAddress,
    XorRelayedAddress,
    is_channel_data,
    pack_channel_data,
)

IPV4, IPV6 = AddressFamily.IPV4, AddressFamily.IPV6
DUAL = TurnServerConfig(families=frozenset(BOTH))


def code(response: Message) -> int:
    """The error code of a response; 0 for success."""
    error = response.get(ErrorCode)
    return 0 if error is None else error.code


def indication(*attributes: Attribute) -> bytes:
    """A Send indication."""
    return Message(SEND, MessageClass.INDICATION, bytes(12), attributes).serialize()


def allocated(world: World, *attributes: Attribute) -> Message:
    """A raw client's allocation."""
    response = world.ask(ALLOCATE, RequestedTransport(), *attributes)
    assert code(response) == 0
    return response


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ((), 400),
        ((RequestedTransport(TCP),), 442),
        ((RequestedTransport(99),), 442),
        ((RequestedTransport(), ReservationToken(bytes(8)), EvenPort()), 400),
        ((RequestedTransport(), ReservationToken(bytes(8)), RequestedAddressFamily(IPV4)), 400),
        ((RequestedTransport(), ReservationToken(bytes(8)), AdditionalAddressFamily(IPV6)), 400),
        ((RequestedTransport(), ReservationToken(bytes(8))), 508),
        ((RequestedTransport(), RequestedAddressFamily(IPV4), AdditionalAddressFamily(IPV6)), 400),
        ((RequestedTransport(), EvenPort(True), AdditionalAddressFamily(IPV6)), 400),
        ((RequestedTransport(), AdditionalAddressFamily(IPV4)), 400),
    ],
)
def test_an_allocate_request_that_makes_no_sense_is_refused(attributes: tuple[Attribute, ...], expected: int) -> None:
    world = World(server_config=DUAL)

    assert code(world.ask(ALLOCATE, *attributes)) == expected
    assert world.server.allocation_count == 0


@pytest.mark.spec("rfc8656:7.2/4")
@pytest.mark.parametrize("family", [IPV6, 9])
def test_a_family_that_is_not_served_is_answered_440(family: int) -> None:
    world = World()

    assert code(world.ask(ALLOCATE, RequestedTransport(), RequestedAddressFamily(family))) == 440


@pytest.mark.spec("rfc8656:7.2/5")
def test_without_ipv4_a_request_that_names_no_family_is_answered_440() -> None:
    world = World(server_config=TurnServerConfig(families=frozenset({IPV6})))

    assert code(world.ask(ALLOCATE, RequestedTransport())) == 440


@pytest.mark.spec("rfc8656:7.2/6")
def test_who_names_no_family_gets_ipv4() -> None:
    response = allocated(World(server_config=DUAL))

    assert [each.address.is_ipv6 for each in response.get_all(XorRelayedAddress)] == [False]


@pytest.mark.spec("rfc8656:7.2/12")
@pytest.mark.parametrize(
    ("asked", "granted"), [(0, 600), (1, 600), (600, 600), (1800, 1800), (3600, 3600), (86_400, 3600)]
)
def test_a_lifetime_lies_between_the_default_and_an_hour(asked: int, granted: int) -> None:
    assert allocated(World(), Lifetime(asked)).get(Lifetime) == Lifetime(granted)


@pytest.mark.spec("rfc8656:5/15", "rfc8656:7.2/7", "rfc8656:7.2/8")
def test_the_quota_is_of_the_user_and_not_of_the_address() -> None:
    world = World(server_config=TurnServerConfig(max_allocations_per_user=2))
    hosts = [Address("192.0.2.50", port) for port in (1, 2, 3)]
    codes = [code(world.ask(ALLOCATE, RequestedTransport(), local=host)) for host in hosts]
    same_host = world.ask(
        ALLOCATE, RequestedTransport(), local=Address("192.0.2.50", 4), username="bob", password="other"
    )

    assert codes == [0, 0, 486]
    assert code(same_host) == 0


@pytest.mark.spec("rfc8656:5/16")
def test_the_bandwidth_of_an_allocation_is_limited_both_ways() -> None:
    world = World(server_config=TurnServerConfig(max_bytes_per_second=1000))
    relayed = world.allocate().relayed[0]
    world.client.create_permission(PEER, world.now)
    world.pump()
    for _ in range(5):
        world.from_peer(bytes(400), relayed)

    assert world.server.stats.relayed_to_clients == 2
    assert world.server.stats.dropped == {"bandwidth": 3}


@pytest.mark.spec("rfc8656:6/1")
def test_an_address_is_of_one_allocation() -> None:
    world = World()
    relayed = world.allocate().relayed[0]
    world.server.events()
    second = world.add_client(Address("192.0.2.11", 1))
    second.allocate(world.now)
    for _ in range(3):
        for datagram in second.datagrams_to_send(world.now):
            for answer in world.tell(datagram.data, second_address := Address("192.0.2.11", 1)):
                second.receive_datagram(Datagram(answer.data, second_address, SERVER), world.now)
    (wish,) = (event for event in world.server.events() if isinstance(event, OpenRelay))
    with pytest.raises(ValueError, match="another"):
        world.server.relay_opened(wish.relay_id, relayed, world.now)
    with pytest.raises(ValueError, match="family"):
        world.server.relay_opened(wish.relay_id, Address("2001:db8::1", 60_000), world.now)
    world.server.relay_opened(wish.relay_id, Address(relayed.host, 60_000), world.now)

    assert world.server.allocation_count == 2


@pytest.mark.spec("rfc8656:6/2", "rfc8656:6/3")
def test_the_server_holds_keys_and_no_passwords() -> None:
    world = World(users={"alice": "a secret that is long"})
    client = world.add_client(Address("192.0.2.11", 1), password="a secret that is long")
    world.allocate(client)
    held = pickle.dumps(world.server)
    user = world.users.find("alice")
    assert user is not None

    assert b"a secret that is long" not in held
    assert all(key in held for key in user.keys.values())


@pytest.mark.spec("rfc8656:5/7", "rfc8656:5/11")
@pytest.mark.parametrize(
    ("method", "attributes"),
    [
        (REFRESH, ()),
        (CREATE_PERMISSION, (XorPeerAddress(PEER),)),
        (CHANNEL_BIND, (ChannelNumber(0x4000), XorPeerAddress(PEER))),
    ],
)
def test_without_an_allocation_requests_are_answered_437(method: int, attributes: tuple[Attribute, ...]) -> None:
    response = World().ask(method, *attributes)

    assert code(response) == 437
    assert response.get(Software) is not None


@pytest.mark.spec("rfc8656:5/6")
def test_another_user_does_not_get_at_an_allocation() -> None:
    world = World()
    allocated(world)
    del world.clients[RAW]
    asked: list[tuple[int, list[Attribute]]] = [
        (REFRESH, [Lifetime(0)]),
        (CREATE_PERMISSION, [XorPeerAddress(PEER)]),
        (CHANNEL_BIND, [ChannelNumber(0x4000), XorPeerAddress(PEER)]),
    ]
    codes = [code(world.ask(method, *attributes, username="bob", password="other")) for method, attributes in asked]

    assert codes == [441, 441, 441]
    assert world.server.allocation_count == 1


@pytest.mark.spec("rfc8656:5/8")
def test_without_an_allocation_data_is_ignored() -> None:
    world = World()

    assert world.tell(indication(XorPeerAddress(PEER), Data(b"x"))) == []
    assert world.tell(pack_channel_data(0x4000, b"x", pad=False)) == []
    assert world.server.stats.dropped == {"no-allocation": 1, "unknown-channel": 1}


@pytest.mark.spec("rfc8656:8.2/1")
def test_a_family_that_the_allocation_has_not_is_not_refreshed() -> None:
    world = World()
    allocated(world)

    assert code(world.ask(REFRESH, RequestedAddressFamily(IPV6))) == 443
    assert code(world.ask(REFRESH, RequestedAddressFamily(IPV4))) == 0


@pytest.mark.spec("rfc8656:8.1/2")
def test_the_end_of_one_family_leaves_the_other_alone() -> None:
    world = World(server_config=DUAL)
    four, six = (each.address for each in allocated(world, AdditionalAddressFamily(IPV6)).get_all(XorRelayedAddress))
    world.ask(CHANNEL_BIND, ChannelNumber(0x4000), XorPeerAddress(PEER))
    world.ask(CHANNEL_BIND, ChannelNumber(0x4001), XorPeerAddress(PEER_6))
    response = world.ask(REFRESH, RequestedAddressFamily(IPV6), Lifetime(0))
    to_peer = world.tell(pack_channel_data(0x4000, b"four", pad=False))
    to_peer_6 = world.tell(pack_channel_data(0x4001, b"six", pad=False))
    world.server.receive_datagram(Datagram(b"back", four, PEER), world.now)

    assert response.get(Lifetime) == Lifetime(0)
    assert to_peer == [Datagram(b"four", four, PEER)]
    assert to_peer_6 == []
    assert [each.data for each in world.server.datagrams_to_send(world.now)] == [b"\x40\0\0\4back"]
    assert six.is_ipv6
    assert code(world.ask(REFRESH, RequestedAddressFamily(IPV6))) == 443


@pytest.mark.spec("rfc8656:9/1", "rfc8656:12.6/2")
@pytest.mark.parametrize("chatty", [True, False])
def test_a_permission_lasts_300_seconds_whatever_is_sent(chatty: bool) -> None:
    world = World()
    four = allocated(world).get(XorRelayedAddress)
    assert four is not None
    world.ask(CHANNEL_BIND, ChannelNumber(0x4000), XorPeerAddress(PEER))
    begin = world.now
    through = []
    for at in (100.0, 200.0, 299.9, 300.1):
        world.now = begin + at
        if chatty:
            through.append(bool(world.tell(pack_channel_data(0x4000, b"x", pad=False))))
        world.server.receive_datagram(Datagram(b"y", four.address, PEER), world.now)
        through.append(bool(world.server.datagrams_to_send(world.now)))

    assert through == [True] * (6 if chatty else 3) + [False] * (2 if chatty else 1)


@pytest.mark.spec("rfc8656:12.6/2")
def test_channel_data_does_not_prolong_the_channel() -> None:
    world = World()
    allocated(world, Lifetime(3600))
    world.ask(CHANNEL_BIND, ChannelNumber(0x4000), XorPeerAddress(PEER))
    begin = world.now
    for at in (290.0, 580.0, 601.0):
        world.now = begin + at
        world.ask(CREATE_PERMISSION, XorPeerAddress(PEER))
        sent = world.tell(pack_channel_data(0x4000, b"x", pad=False))

        assert bool(sent) is (at < 600)


@pytest.mark.spec("rfc8656:10.2/1")
def test_a_permission_for_nobody_is_refused() -> None:
    world = World()
    allocated(world)

    assert code(world.ask(CREATE_PERMISSION)) == 400


@pytest.mark.spec("rfc8656:10.2/2", "rfc8656:12.2/1")
def test_a_peer_of_another_family_is_answered_443() -> None:
    world = World()
    allocated(world)

    assert code(world.ask(CREATE_PERMISSION, XorPeerAddress(PEER), XorPeerAddress(PEER_6))) == 443
    assert code(world.ask(CHANNEL_BIND, ChannelNumber(0x4000), XorPeerAddress(PEER_6))) == 443


@pytest.mark.spec("rfc8656:10.2/3", "rfc8656:12.2/2")
def test_a_peer_that_is_not_allowed_is_answered_403_and_nothing_is_installed() -> None:
    world = World()
    four = allocated(world).get(XorRelayedAddress)
    assert four is not None
    inside = XorPeerAddress(Address("192.168.1.1", 80))

    assert code(world.ask(CREATE_PERMISSION, XorPeerAddress(PEER), inside)) == 403
    assert code(world.ask(CHANNEL_BIND, ChannelNumber(0x4000), inside)) == 403
    world.from_peer(b"x", four.address)
    assert world.server.stats.dropped == {"not-permitted": 1}


@pytest.mark.parametrize("number", [0x0000, 0x3FFF, 0x5000, 0xFFFF])
def test_a_number_that_is_no_channels_is_refused(number: int) -> None:
    world = World()
    allocated(world)

    assert code(world.ask(CHANNEL_BIND, ChannelNumber(number), XorPeerAddress(PEER))) == 400


def test_older_clients_may_have_higher_numbers_if_they_are_put_up_with() -> None:
    world = World(server_config=TurnServerConfig(last_channel=LAST_CHANNEL_OF_RFC5766))
    allocated(world)

    assert code(world.ask(CHANNEL_BIND, ChannelNumber(0x7FFF), XorPeerAddress(PEER))) == 0
    assert [each.data for each in world.tell(pack_channel_data(0x7FFF, b"old", pad=False))] == [b"old"]
    with pytest.raises(ValueError, match="0x7fff"):
        TurnServerConfig(last_channel=0x8000)


def test_a_channel_is_of_one_peer_and_a_peer_has_one_channel() -> None:
    world = World()
    allocated(world)
    codes = [
        code(world.ask(CHANNEL_BIND, ChannelNumber(number), XorPeerAddress(peer)))
        for number, peer in [(0x4000, PEER), (0x4000, OTHER_PEER), (0x4001, PEER), (0x4000, PEER), (0x4FFF, OTHER_PEER)]
    ]

    assert codes == [0, 400, 400, 0, 0]


@pytest.mark.spec("rfc8656:11.2/1")
@pytest.mark.parametrize(
    "attributes",
    [(), (XorPeerAddress(PEER),), (Data(b"x"),), (XorPeerAddress(PEER), Data(b"x"), DontFragment())],
)
def test_a_send_indication_that_lacks_something_is_discarded(attributes: tuple[Attribute, ...]) -> None:
    world = World()
    allocated(world)
    world.ask(CREATE_PERMISSION, XorPeerAddress(PEER))

    assert world.tell(indication(*attributes)) == []
    assert world.server.stats.dropped == {"malformed": 1}


@pytest.mark.spec("rfc8656:11.2/2")
def test_a_send_indication_to_who_is_not_permitted_is_discarded() -> None:
    world = World()
    allocated(world)
    world.ask(CREATE_PERMISSION, XorPeerAddress(PEER))

    assert world.tell(indication(XorPeerAddress(OTHER_PEER), Data(b"x"))) == []
    assert world.tell(indication(XorPeerAddress(PEER), Data(b""))) != []


@pytest.mark.spec("rfc8656:11.3/1", "rfc8656:12.5/1")
def test_data_of_a_peer_comes_in_an_indication_until_a_channel_is_bound() -> None:
    world = World()
    four = allocated(world).get(XorRelayedAddress)
    assert four is not None
    world.ask(CREATE_PERMISSION, XorPeerAddress(PEER))
    sent = []
    for _ in range(2):
        world.server.receive_datagram(Datagram(b"hello", four.address, PEER), world.now)
        sent += world.server.datagrams_to_send(world.now)
        world.ask(CHANNEL_BIND, ChannelNumber(0x4000), XorPeerAddress(PEER))
    message = Message.parse(sent[0].data, TURN_ATTRIBUTES)

    assert message.get(XorPeerAddress) == XorPeerAddress(PEER)
    assert message.get(Data) == Data(b"hello")
    assert is_channel_data(sent[1].data)


@pytest.mark.spec("rfc8656:11.5/1", "rfc8656:11.5/2", "rfc8656:18.13/3")
@pytest.mark.parametrize(
    ("family", "kind", "number", "told", "expected"),
    [
        (IPV4, 3, 4, 1400, 1400),
        (IPV4, 3, 3, 7, 0),
        (IPV4, 11, 0, 7, 0),
        (IPV6, 2, 0, 1280, 1280),
        (IPV6, 1, 4, 7, 0),
    ],
)
def test_what_an_icmp_packet_says(family: AddressFamily, kind: int, number: int, told: int, expected: int) -> None:
    world = World(server_config=DUAL)
    response = allocated(world, AdditionalAddressFamily(IPV6))
    relayed = [each.address for each in response.get_all(XorRelayedAddress)][family - 1]
    peer = PEER if family is IPV4 else PEER_6
    # The destination is permitted; who sent the ICMP packet is no part of the question.
    world.ask(CREATE_PERMISSION, XorPeerAddress(peer))
    world.server.icmp_received(relayed, peer, kind, number, world.now, error_data=told)
    (sent,) = world.server.datagrams_to_send(world.now)
    message = Message.parse(sent.data, TURN_ATTRIBUTES)

    assert message.get(XorPeerAddress) == XorPeerAddress(peer)
    assert message.get(Icmp) == Icmp(kind, number, expected)


@pytest.mark.spec("rfc8656:5/1", "rfc8656:5/4", "rfc8656:7.2/2", "rfc8656:7.2/3")
def test_who_does_not_say_who_it_is_is_asked_for_it_with_a_nonce_of_its_own() -> None:
    world = World()
    request = Message(ALLOCATE, MessageClass.REQUEST, bytes(12), [RequestedTransport()]).serialize()
    answers = []
    for source in (RAW, CLIENT, RAW):
        (sent,) = world.tell(request, source)
        answers.append(Message.parse(sent.data, TURN_ATTRIBUTES))
        world.now += 1.0

    assert [code(each) for each in answers] == [401, 401, 401]
    assert len({nonce.value for each in answers if (nonce := each.get(Nonce))}) == 3
    assert world.server.allocation_count == 0


@pytest.mark.spec("rfc8656:5/5")
def test_a_nonce_ends_within_the_hour() -> None:
    world = World(server_config=TurnServerConfig(default_lifetime=3600 * 2, max_lifetime=3600 * 2))
    allocated(world)
    world.now += 3600.0
    response = world.ask(REFRESH)

    assert code(response) == 0
    assert world.server.stats.responses[438] == 1


@pytest.mark.spec("rfc8656:7.2/10")
def test_a_reserved_port_waits_for_30_seconds() -> None:
    world = World(config=TurnConfig(reserve_next_port=True))
    token = world.allocate().reservation_token
    assert token is not None
    world.run(29.9)
    response = world.ask(ALLOCATE, RequestedTransport(), ReservationToken(token))

    assert code(response) == 0
    with pytest.raises(ValueError, match="30 seconds"):
        TurnServerConfig(reservation_lifetime=29.0)


@pytest.mark.spec("rfc8656:5/13", "rfc8656:5/14")
@pytest.mark.parametrize("transport", ["udp", "dtls"])
def test_datagrams_go_back_the_way_they_came(transport: str) -> None:
    world = World()
    request = Message(BINDING, MessageClass.REQUEST, bytes(12), []).serialize()
    world.server.receive_datagram(Datagram(request, SERVER, RAW, transport), world.now)
    (sent,) = world.server.datagrams_to_send(world.now)

    assert (sent.local, sent.remote, sent.transport) == (SERVER, RAW, transport)
    assert Message.parse(sent.data, TURN_ATTRIBUTES).get(XorMappedAddress) == XorMappedAddress(RAW)


@pytest.mark.spec("rfc8656:12/1", "rfc8656:12/2")
@pytest.mark.parametrize("first", [0x04, 0x0F, 0x50, 0x7F, 0xC0, 0xFF])
def test_what_begins_like_no_protocol_is_dropped(first: int) -> None:
    world = World()

    assert world.tell(bytes([first]) + bytes(30)) == []
    assert world.server.stats.dropped == {"malformed": 1}


@pytest.mark.spec("rfc8656:21.4/1", "rfc8656:21.4/2", "rfc8656:21.4/3")
@pytest.mark.parametrize("host", ["2002:c000:201::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2"])
def test_tunnels_are_neither_clients_nor_peers(host: str) -> None:
    world = World(server_config=DUAL)
    allocated(world, AdditionalAddressFamily(IPV6))
    tunnel = XorPeerAddress(Address(host, 1))

    assert code(world.ask(ALLOCATE, RequestedTransport(), local=Address(host, 5))) == 403
    assert code(world.ask(CHANNEL_BIND, ChannelNumber(0x4000), tunnel)) == 403
    assert code(world.ask(CREATE_PERMISSION, tunnel)) == 403
    assert world.tell(indication(tunnel, Data(b"x"))) == []


def test_a_method_of_nobody_is_a_bad_request() -> None:
    assert code(World().ask(0x0F0)) == 400


def test_what_a_peer_sends_may_be_too_long_for_an_indication() -> None:
    world = World(config=TurnConfig(families=BOTH, channels=False), server_config=DUAL)
    allocated = world.allocate()
    world.client.send(b"hello", PEER_6, world.now)
    world.pump()
    (relayed,) = (address for address in allocated.relayed if address.is_ipv6)
    world.from_peer(bytes(65_527), relayed, PEER_6)

    assert world.server.stats.dropped == {"too-long": 1}


def test_reserved_ports_count_for_the_quota() -> None:
    world = World(server_config=TurnServerConfig(max_allocations_per_user=2))
    assert code(world.ask(ALLOCATE, RequestedTransport(), EvenPort(reserve_next=True))) == 0
    assert code(world.ask(REFRESH, Lifetime(0))) == 0

    assert code(world.ask(ALLOCATE, RequestedTransport(), EvenPort(reserve_next=True))) == 486
    world.run(31.0)
    assert code(world.ask(ALLOCATE, RequestedTransport(), EvenPort(reserve_next=True))) == 0


def test_a_reserved_port_is_of_those_that_the_quota_grants() -> None:
    world = World(server_config=TurnServerConfig(max_allocations_per_user=2))
    token = world.ask(ALLOCATE, RequestedTransport(), EvenPort(reserve_next=True)).get(ReservationToken)
    assert token is not None
    other = RAW._replace(port=6001)

    assert code(world.ask(ALLOCATE, RequestedTransport(), local=other)) == 486
    assert code(world.ask(ALLOCATE, RequestedTransport(), token, local=other)) == 0
