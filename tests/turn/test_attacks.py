"""A table of attacks and what they come to; each is made here."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.effort import examples
from tests.turn.world import CLIENT, OTHER_PEER, PEER, RAW, SERVER, World

from rtc_stun import (
    BINDING,
    Address,
    Attribute,
    Datagram,
    ErrorCode,
    Message,
    MessageClass,
    MessageIntegrity,
    MessageIntegritySha256,
    Nonce,
    Realm,
    UnknownAttribute,
    Username,
)
from rtc_turn import (
    ALLOCATE,
    CHANNEL_BIND,
    CREATE_PERMISSION,
    DATA,
    REFRESH,
    SEND,
    TURN_ATTRIBUTES,
    ChannelNumber,
    Data,
    DataReceived,
    Icmp,
    Lifetime,
    RequestedTransport,
    TurnConfig,
    TurnServerConfig,
    XorPeerAddress,
    XorRelayedAddress,
    pack_channel_data,
)
from rtc_turn.reflection import Credits

ATTACKER = Address("192.0.2.66", 6666)
VICTIM = Address("192.0.2.200", 53)


def code(data: bytes) -> int:
    """The error code of a response; 0 for success."""
    error = Message.parse(data, TURN_ATTRIBUTES).get(ErrorCode)
    return 0 if error is None else error.code


def talking() -> World:
    """A client with an allocation, a permission and a channel."""
    world = World()
    world.allocate()
    world.client.send(b"hello", PEER, world.now)
    world.pump()
    return world


# Forged and replayed.


@pytest.mark.parametrize("method", [ALLOCATE, REFRESH, CREATE_PERMISSION, CHANNEL_BIND])
def test_a_request_whose_integrity_is_off_by_a_bit_is_challenged(method: int) -> None:
    world = talking()
    recorded = (
        next(
            data
            for data in reversed(world.to_server)
            if data[:2] == bytes((0, method)) and Message.parse(data, TURN_ATTRIBUTES).get(Username) is not None
        )
        if method != REFRESH
        else None
    )
    if recorded is None:
        world.client.close(world.now)
        recorded = world.client.datagrams_to_send(world.now)[0].data
    for position in (21, len(recorded) - 1):
        forged = bytearray(recorded)
        forged[position] ^= 1
        answers = world.tell(bytes(forged), CLIENT)

        assert all(code(each.data) in (400, 401, 420) for each in answers)
    assert world.server.allocation_count == 1


@pytest.mark.parametrize("attribute", [MessageIntegrity, MessageIntegritySha256])
def test_a_request_without_its_integrity_is_challenged(
    attribute: type[MessageIntegrity | MessageIntegritySha256],
) -> None:
    world = talking()
    world.client.close(world.now)
    recorded = Message.parse(world.client.datagrams_to_send(world.now)[0].data, TURN_ATTRIBUTES)
    kept: list[Attribute] = [
        each for each in recorded.attributes if isinstance(each, Username | Realm | Nonce | Lifetime)
    ]
    if attribute is MessageIntegritySha256:
        kept.append(UnknownAttribute(attribute.TYPE, bytes(32)))
    bare = Message(REFRESH, MessageClass.REQUEST, bytes(12), kept).serialize()

    assert [code(each.data) for each in world.tell(bare, CLIENT)] == [401]
    assert world.server.allocation_count == 1


def test_a_recorded_request_is_worth_nothing_from_elsewhere() -> None:
    world = talking()
    recorded = [data for data in world.to_server if data[:2] in (b"\0\3", b"\0\x08", b"\0\x09")]
    answers = [code(each.data) for data in recorded for each in world.tell(data, ATTACKER)]

    assert set(answers) <= {401, 438}
    assert world.server.allocation_count == 1


def test_a_recorded_request_is_worth_nothing_after_its_nonce() -> None:
    world = talking()
    recorded = next(data for data in world.to_server if data[:2] == b"\0\x08")
    world.now += 601.0

    assert [code(each.data) for each in world.tell(recorded, CLIENT)] == [438]


def test_a_recorded_allocation_is_not_made_twice() -> None:
    world = talking()
    recorded = [data for data in world.to_server if data[:2] == b"\0\3"][-1]
    answers = world.tell(recorded, CLIENT)

    assert [code(each.data) for each in answers] == [0]
    assert world.server.allocation_count == 1


def test_forged_answers_do_not_end_an_allocation() -> None:
    world = talking()
    world.client.close(world.now)
    (request,) = (Message.parse(each.data, TURN_ATTRIBUTES) for each in world.client.datagrams_to_send(world.now))
    for error in (ErrorCode(437, "Gone"), ErrorCode(400, "Bad"), ErrorCode(441, "Wrong")):
        forged = Message(request.method, MessageClass.ERROR, request.transaction_id, [error]).serialize()
        world.client.receive_datagram(Datagram(forged, CLIENT, SERVER), world.now)

    assert not world.client.closed


def test_data_that_was_not_asked_for_is_not_delivered() -> None:
    world = talking()
    wires = [
        Message(DATA, MessageClass.INDICATION, bytes(12), [XorPeerAddress(OTHER_PEER), Data(b"evil")]).serialize(),
        Message(DATA, MessageClass.INDICATION, bytes(12), [XorPeerAddress(OTHER_PEER), Icmp(3, 3)]).serialize(),
        Message(SEND, MessageClass.INDICATION, bytes(12), [XorPeerAddress(PEER), Data(b"evil")]).serialize(),
        Message(DATA, MessageClass.REQUEST, bytes(12), [XorPeerAddress(PEER), Data(b"evil")]).serialize(),
        pack_channel_data(0x4001, b"evil", pad=False),
    ]
    for wire in wires:
        world.client.receive_datagram(Datagram(wire, CLIENT, SERVER), world.now)
    world.client.receive_datagram(Datagram(pack_channel_data(0x4000, b"evil", pad=False), CLIENT, ATTACKER), world.now)

    assert not any(isinstance(event, DataReceived) for event in world.client.events())


# Around permissions.


def test_another_address_of_the_client_is_another_client() -> None:
    world = talking()
    indication = Message(SEND, MessageClass.INDICATION, bytes(12), [XorPeerAddress(PEER), Data(b"evil")]).serialize()
    neighbour = Address(CLIENT.host, CLIENT.port + 1)

    assert world.tell(pack_channel_data(0x4000, b"evil", pad=False), neighbour) == []
    assert world.tell(indication, neighbour) == []


def test_a_channel_is_no_way_around_an_expired_permission() -> None:
    world = World()
    world.ask(ALLOCATE, RequestedTransport())
    world.ask(CHANNEL_BIND, ChannelNumber(0x4000), XorPeerAddress(PEER))
    world.now += 301.0

    assert world.tell(pack_channel_data(0x4000, b"late", pad=False)) == []
    assert world.server.stats.dropped == {"not-permitted": 1}


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "::1", "10.1.1.1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "::127.0.0.1", "2002:7f00:1::", "fe80::1"],
)
def test_what_is_behind_the_server_is_not_reached_by_any_message(host: str) -> None:
    world = World()
    relayed = world.ask(ALLOCATE, RequestedTransport()).get(XorRelayedAddress)
    assert relayed is not None
    inside = XorPeerAddress(Address(host, 22))
    world.ask(CREATE_PERMISSION, inside)
    world.ask(CHANNEL_BIND, ChannelNumber(0x4000), inside)
    indication = Message(SEND, MessageClass.INDICATION, bytes(12), [inside, Data(b"x")]).serialize()

    assert world.tell(indication) == []
    assert world.tell(pack_channel_data(0x4000, b"x", pad=False)) == []
    world.server.receive_datagram(Datagram(b"x", relayed.address, inside.address), world.now)
    assert world.server.datagrams_to_send(world.now) == []


def test_the_server_does_not_relay_to_itself_in_a_circle() -> None:
    # Two allocations that permit each other pass a datagram once; nothing sends it back by itself.
    world = World()
    first = world.ask(ALLOCATE, RequestedTransport(), local=RAW).get(XorRelayedAddress)
    second = world.ask(ALLOCATE, RequestedTransport(), local=CLIENT).get(XorRelayedAddress)
    assert first is not None
    assert second is not None
    world.ask(CHANNEL_BIND, ChannelNumber(0x4000), XorPeerAddress(second.address), local=RAW)
    world.ask(CHANNEL_BIND, ChannelNumber(0x4000), XorPeerAddress(first.address), local=CLIENT)
    world.tell(pack_channel_data(0x4000, b"once", pad=False), RAW)
    world.pump()

    assert world.server.stats.relayed_to_peers == 1


# Reflection.


def test_a_flood_in_a_victims_name_reaches_it_thinned_out() -> None:
    world = World()
    request = Message(ALLOCATE, MessageClass.REQUEST, bytes(12), [RequestedTransport()]).serialize()
    binding = Message(BINDING, MessageClass.REQUEST, bytes(12), []).serialize()
    received = sent = 0
    for number in range(10_000):
        data = binding if number % 2 else request
        received += len(data)
        # Ports differ: it is the host that suffers.
        sent += sum(len(each.data) for each in world.tell(data, Address(VICTIM.host, 1 + number % 60_000)))
        world.now += 0.001
    stats = world.server.stats

    assert (stats.unauthenticated_bytes_received, stats.unauthenticated_bytes_sent) == (received, sent)
    assert sent / received < 0.05
    assert stats.dropped["unproven"] > 9_000
    # The victim itself is served as soon as the flood is over.
    world.now += 1.0
    assert world.ask(ALLOCATE, RequestedTransport(), local=VICTIM).get(XorRelayedAddress) is not None


HEADERS = 28
"""Bytes of IPv4 and UDP, in both directions."""


def amplification(world: World, requests: list[bytes], source: Address) -> float:
    """What a host is sent for each byte of requests in its name, headers included."""
    sent = sum(len(each.data) + HEADERS for request in requests for each in world.tell(request, source))
    return sent / sum(len(request) + HEADERS for request in requests)


def test_a_single_question_is_answered_at_no_greater_length() -> None:
    world = World(prompt=False)
    bare = Message(ALLOCATE, MessageClass.REQUEST, bytes(12), [RequestedTransport()]).serialize()

    assert amplification(world, [bare], VICTIM) == 0.0
    # Whoever is there repeats it, as the retransmissions of a client do, and is answered.
    assert amplification(world, [bare], VICTIM) > 0.0
    again = World(prompt=False)
    assert amplification(again, [bare] * 2, VICTIM) <= 1.0


def test_our_own_question_is_long_enough_to_be_answered_at_once() -> None:
    world = World(prompt=False)
    world.client.allocate(world.now)
    (first,) = (each.data for each in world.client.datagrams_to_send(world.now))

    assert 0.0 < amplification(world, [first], CLIENT) < 1.0


@given(
    st.lists(
        st.tuples(st.sampled_from([ALLOCATE, REFRESH, CREATE_PERMISSION, CHANNEL_BIND, 0x321]), st.integers(0, 40))
    )
)
@examples(50)
def test_no_mixture_of_questions_is_answered_at_greater_length(questions: list[tuple[int, int]]) -> None:
    world = World(prompt=False)
    requests = []
    for method, length in questions:
        attributes: list[Attribute] = [Username("x" * length), Realm("example.org"), Nonce(b"n" * 30)] if length else []
        key = b"guess" if length % 2 else None
        requests.append(Message(method, MessageClass.REQUEST, bytes(12), attributes).serialize(key=key))

    assert not requests or amplification(world, requests, VICTIM) <= 1.0


def test_an_address_is_told_at_modest_length() -> None:
    # Every STUN server does this; what comes of a flood stands above.
    request = Message(BINDING, MessageClass.REQUEST, bytes(12), []).serialize()

    assert amplification(World(prompt=False), [request], VICTIM) == 1.25


def test_who_has_proven_to_be_there_is_answered_at_once() -> None:
    world = World(prompt=False)
    world.allocate()
    bare = Message(ALLOCATE, MessageClass.REQUEST, bytes(12), [RequestedTransport()]).serialize()

    assert amplification(world, [bare], Address(CLIENT.host, 9)) > 1.0
    world.now += 601.0
    assert amplification(world, [bare], Address(CLIENT.host, 9)) == 0.0


def test_what_is_known_of_hosts_is_bounded() -> None:
    known = Credits(0)
    for number in range(20_000):
        known.exchange(Address(f"10.1.{number >> 8}.{number & 255}", 1), 20, 100, 0.0)

    assert len(known._accounts) == 16_384


def test_who_has_proven_to_be_there_is_not_thinned_out() -> None:
    world = World()
    for number in range(200):
        world.ask(ALLOCATE, RequestedTransport(), local=Address("192.0.2.50", 1 + number))

    assert "unproven" not in world.server.stats.dropped


# Exhaustion.


def test_allocations_are_bounded() -> None:
    world = World(server_config=TurnServerConfig(max_allocations=3))
    codes = []
    for number in range(5):
        response = world.ask(ALLOCATE, RequestedTransport(), local=Address("192.0.2.50", 1 + number))
        error = response.get(ErrorCode)
        codes.append(0 if error is None else error.code)

    assert codes == [0, 0, 0, 508, 508]


def test_permissions_are_bounded() -> None:
    world = World(server_config=TurnServerConfig(max_permissions=4))
    world.ask(ALLOCATE, RequestedTransport())
    codes = []
    for number in range(6):
        response = world.ask(CREATE_PERMISSION, XorPeerAddress(Address(f"203.0.113.{number}", 1)))
        error = response.get(ErrorCode)
        codes.append(0 if error is None else error.code)
    world.now += 301.0
    again = world.ask(CREATE_PERMISSION, XorPeerAddress(Address("203.0.113.99", 1)))

    assert codes == [0, 0, 0, 0, 508, 508]
    assert again.get(ErrorCode) is None


def test_channels_are_bounded() -> None:
    world = World(server_config=TurnServerConfig(max_channels=2))
    world.ask(ALLOCATE, RequestedTransport())
    codes = []
    for number in range(3):
        peer = XorPeerAddress(Address(PEER.host, 1 + number))
        error = world.ask(CHANNEL_BIND, ChannelNumber(0x4000 + number), peer).get(ErrorCode)
        codes.append(0 if error is None else error.code)

    assert codes == [0, 0, 508]


def test_what_waits_to_be_sent_is_bounded() -> None:
    world = World(server_config=TurnServerConfig(max_unsent_bytes=10_000))
    relayed = world.allocate().relayed[0]
    world.client.create_permission(PEER, world.now)
    world.pump()
    for _ in range(100):
        world.server.receive_datagram(Datagram(bytes(1000), relayed, PEER), world.now)

    assert len(world.server.datagrams_to_send(world.now)) < 11
    assert world.server.stats.dropped["output-full"] > 89


def test_what_the_client_holds_for_its_caller_is_bounded() -> None:
    world = World(config=TurnConfig(max_events=10))
    relayed = world.allocate().relayed[0]
    world.client.create_permission(PEER, world.now)
    world.pump()
    for _ in range(100):
        world.server.receive_datagram(Datagram(b"x", relayed, PEER), world.now)
    for datagram in world.server.datagrams_to_send(world.now):
        world.client.receive_datagram(Datagram(datagram.data, CLIENT, SERVER), world.now)

    assert len(world.client.events()) == 10
    assert world.client.stats.dropped == {"events-full": 90}


def test_requests_of_strangers_leave_nothing_behind() -> None:
    world = World()
    request = Message(ALLOCATE, MessageClass.REQUEST, bytes(12), [RequestedTransport()]).serialize()
    for number in range(1000):
        world.tell(request, Address(f"192.0.2.{number % 250}", 1 + number))

    assert world.server.next_timeout() is None
    assert world.server.allocation_count == 0


@pytest.mark.parametrize("mobility", [False, True])
def test_who_shakes_hands_where_another_was_gets_nothing_of_what_that_one_had(*, mobility: bool) -> None:
    config = TurnConfig(transport="dtls", mobility=mobility)
    world = World(config=config, server_config=TurnServerConfig(mobility=mobility))
    world.server.association_begun(SERVER, CLIENT, world.now)
    allocated = world.allocate()
    world.client.send(b"mine", PEER, world.now)
    world.pump()
    assert [each.data for each in world.at_peers] == [b"mine"]
    assert world.server.serves(SERVER, CLIENT, "dtls")

    world.server.association_begun(SERVER, CLIENT, world.now)
    world.client.send(b"not mine", PEER, world.now)
    world.from_peer(b"for another", allocated.relayed[0])

    assert [each.data for each in world.at_peers] == [b"mine"]
    assert world.client_saw(DataReceived) == []
    assert not world.server.serves(SERVER, CLIENT, "dtls")
    assert world.server.allocation_count == 0
