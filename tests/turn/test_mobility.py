"""Allocations that follow their client to another address."""

import pytest
from tests.support.rng import SeededRng
from tests.turn.test_client import RELAYED, Scripted
from tests.turn.test_server import code, indication
from tests.turn.test_tcp_allocations import Tcp
from tests.turn.world import CLIENT, OTHER_PEER, PEER, RAW, SERVER, World

from rtc_stun import (
    Address,
    ClientConfig,
    Datagram,
    ErrorCode,
    LongTermCredential,
    Message,
    MessageClass,
    RequestFailed,
    StunClient,
    XorMappedAddress,
)
from rtc_turn import (
    ALLOCATE,
    CREATE_PERMISSION,
    REFRESH,
    TCP,
    TURN_ATTRIBUTES,
    AllocationEnded,
    AllocationMoved,
    ChannelBound,
    ChannelNumber,
    Data,
    DataReceived,
    EndReason,
    Lifetime,
    MobilityTicket,
    PermissionInstalled,
    RequestedTransport,
    StateError,
    TurnConfig,
    TurnServerConfig,
    XorPeerAddress,
    XorRelayedAddress,
    pack_channel_data,
)
from rtc_turn.mobility import Tickets

MOBILE = TurnConfig(mobility=True)
ELSEWHERE = Address("192.0.2.130", 9000)
FURTHER = Address("192.0.2.131", 9000)


def moved(world: World, local: Address) -> None:
    """Take the client of a world to another address."""
    old = next(address for address, client in world.clients.items() if client is world.client)
    world.clients[local] = world.clients.pop(old)
    world.client.move(local, world.now)


def ticket_of(message: Message) -> MobilityTicket:
    """The ticket in a response."""
    ticket = message.get(MobilityTicket)
    assert ticket is not None
    return ticket


def raw_ticket(world: World) -> MobilityTicket:
    """A ticket of a raw client's allocation, which has a permission."""
    return ticket_of(world.ask(ALLOCATE, RequestedTransport(), MobilityTicket(b"")))


@pytest.mark.spec("rfc8016:3.2.2/7", "rfc8016:3.2.2/9")
def test_a_conversation_goes_on_from_another_address() -> None:
    world = World(config=MOBILE)
    allocated = world.allocate()
    relayed = allocated.relayed[0]
    world.client.send(b"here", PEER, world.now)
    world.pump()
    for number, local in enumerate((ELSEWHERE, FURTHER, CLIENT)):
        moved(world, local)
        world.client.send(b"there %d" % number, PEER, world.now)
        first = [each.data for each in world.client.datagrams_to_send(world.now)]
        world.to_server.clear()
        for data in first:
            world.server.receive_datagram(Datagram(data, allocated.server, local), world.now)
        world.pump()
        world.from_peer(b"back %d" % number, relayed)

        assert [Message.parse(data, TURN_ATTRIBUTES).method for data in first] == [REFRESH]
        assert world.to_server[-1] == pack_channel_data(0x4000, b"there %d" % number, pad=False)

    assert allocated.is_mobile
    assert [each.data for each in world.at_peers] == [b"here", b"there 0", b"there 1", b"there 2"]
    assert [each.data for each in world.client_saw(DataReceived)] == [b"back 0", b"back 1", b"back 2"]
    assert world.client_saw(AllocationMoved) == [AllocationMoved(each) for each in (ELSEWHERE, FURTHER, CLIENT)]
    assert len(world.client_saw(PermissionInstalled)) == len(world.client_saw(ChannelBound)) == 1
    world.run(3000.0)
    world.client.close(world.now)
    world.pump()
    assert world.client_saw(AllocationEnded) == [AllocationEnded(EndReason.CLOSED)]
    assert world.server.allocation_count == 0
    assert world.server.next_timeout() is None


def test_requests_that_were_under_way_are_asked_again() -> None:
    world = World(config=MOBILE)
    world.allocate()
    world.client.send(b"first", PEER, world.now)
    # The permission is asked for, and the request is lost.
    world.drops_to_server = lambda data: True
    world.pump()
    world.drops_to_server = lambda data: False
    moved(world, ELSEWHERE)
    world.client.create_permission(OTHER_PEER, world.now)
    world.run(30.0)

    assert [each.data for each in world.at_peers] == [b"first"]
    assert {each.host for each in world.client_saw(PermissionInstalled)} == {PEER.host, OTHER_PEER.host}
    assert world.client_saw(AllocationEnded) == []


@pytest.mark.spec("rfc8016:3.2.2/5", "rfc8016:3.2.2/6", "rfc8016:3.2.2/8")
@pytest.mark.parametrize("kind", ["channel", "send"])
def test_the_old_address_serves_until_data_comes_from_the_new_one(kind: str) -> None:
    world = World()
    response = world.ask(ALLOCATE, RequestedTransport(), MobilityTicket(b""))
    relayed = response.get(XorRelayedAddress)
    assert relayed is not None
    world.ask(0x009, *_channel())
    data = (
        pack_channel_data(0x4000, b"x", pad=False)
        if kind == "channel"
        else indication(XorPeerAddress(PEER), Data(b"x"))
    )
    before = world.tell(data, ELSEWHERE)
    assert code(world.ask(REFRESH, ticket_of(response), local=ELSEWHERE)) == 0
    world.server.receive_datagram(Datagram(b"y", relayed.address, PEER), world.now)
    meanwhile = world.server.datagrams_to_send(world.now)
    from_old = world.tell(data, RAW)
    from_new = world.tell(data, ELSEWHERE)
    world.server.receive_datagram(Datagram(b"y", relayed.address, PEER), world.now)
    after = world.server.datagrams_to_send(world.now)

    assert before == []
    assert [each.remote for each in meanwhile] == [RAW]
    assert [each.remote for each in from_old] == [each.remote for each in from_new] == [PEER]
    assert [each.remote for each in after] == [ELSEWHERE]
    assert world.tell(data, RAW) == []


def _channel() -> tuple[XorPeerAddress | ChannelNumber, ...]:
    return ChannelNumber(0x4000), XorPeerAddress(PEER)


@pytest.mark.spec("rfc8016:3.2.2/4", "rfc8016:3.2.2/7", "rfc8016:5/2")
def test_every_move_has_a_ticket_of_its_own() -> None:
    world = World()
    tickets = [raw_ticket(world)]
    for local in (ELSEWHERE, FURTHER):
        tickets.append(ticket_of(world.ask(REFRESH, tickets[-1], local=local)))
    again = world.ask(REFRESH, tickets[0], local=Address("192.0.2.132", 1))

    assert len({each.value for each in tickets}) == 3
    assert all(len(each.value) == 32 for each in tickets)
    assert code(again) == 400
    assert not any(b"alice" in each.value for each in tickets)


def test_a_ticket_is_a_string_whatever_the_randomness() -> None:
    ticket = Tickets(bytes).issue(0, 0.0)  # of zeros alone, at which coturn's client would cut it

    assert len(ticket) == 32
    assert ticket.isascii()
    assert ticket.decode().isprintable()


@pytest.mark.spec("rfc8016:3.2.2/1")
def test_the_ticket_of_an_allocation_that_has_ended_is_answered_437() -> None:
    world = World()
    ticket = raw_ticket(world)
    world.ask(REFRESH, Lifetime(0))

    assert code(world.ask(REFRESH, ticket, local=ELSEWHERE)) == 437
    world.now += 31.0
    assert code(world.ask(REFRESH, ticket, local=ELSEWHERE)) == 400


@pytest.mark.spec("rfc8016:3.2.2/2")
@pytest.mark.parametrize("value", [b"", b"x", bytes(32)])
def test_a_ticket_of_nobody_is_answered_400(value: bytes) -> None:
    world = World()
    raw_ticket(world)

    assert code(world.ask(REFRESH, MobilityTicket(value), local=ELSEWHERE)) == 400


@pytest.mark.spec("rfc8016:3.2.2/3", "rfc8016:5/3", "rfc8016:5/4")
def test_a_stolen_ticket_is_worth_nothing() -> None:
    world = World()
    ticket = raw_ticket(world)
    stolen = world.ask(REFRESH, ticket, local=ELSEWHERE, username="bob", password="other")
    unproven = Message(REFRESH, MessageClass.REQUEST, bytes(12), [ticket]).serialize()

    assert code(stolen) == 441
    assert [code(Message.parse(each.data, TURN_ATTRIBUTES)) for each in world.tell(unproven, FURTHER)] == [401]
    assert code(world.ask(REFRESH, ticket, local=Address("192.0.2.132", 1))) == 0


def test_who_is_where_it_was_needs_no_ticket() -> None:
    world = World()
    ticket = raw_ticket(world)

    assert code(world.ask(REFRESH, ticket)) == 400
    assert code(world.ask(REFRESH)) == 0


def test_an_address_that_has_an_allocation_takes_no_other() -> None:
    world = World()
    ticket = raw_ticket(world)
    world.ask(ALLOCATE, RequestedTransport(), local=ELSEWHERE)

    assert code(world.ask(REFRESH, ticket, local=ELSEWHERE)) == 437


def test_an_address_that_awaits_an_allocation_takes_no_other() -> None:
    world = World()
    ticket = raw_ticket(world)
    client = StunClient(
        local=ELSEWHERE,
        rng=SeededRng(7),
        credential=LongTermCredential(username="alice", password="secret"),
        config=ClientConfig(known_attributes=TURN_ATTRIBUTES, max_server_errors=0),
    )
    world.clients[ELSEWHERE] = client
    world.ask(REFRESH, local=ELSEWHERE)  # which tells the nonce
    client.send_request(SERVER, world.now, method=ALLOCATE, attributes=[RequestedTransport()])
    client.send_request(SERVER, world.now, method=REFRESH, attributes=[ticket])
    world.pump()  # the server is asked for both before its relay is open

    assert [code(each.response) for each in world.client_saw(RequestFailed) if each.response is not None][-1] == 437
    assert code(world.ask(REFRESH, Lifetime(0), local=ELSEWHERE)) == 0
    assert code(world.ask(REFRESH, Lifetime(0))) == 0
    world.run(7200.0)
    assert world.server.allocation_count == 0


def test_a_repeated_move_is_answered_alike() -> None:
    world = World()
    ticket = raw_ticket(world)
    first = world.ask(REFRESH, ticket, local=ELSEWHERE)
    request = next(data for data in reversed(world.to_server) if data[:2] == b"\0\4")
    again = [Message.parse(each.data, TURN_ATTRIBUTES) for each in world.tell(request, ELSEWHERE)]

    assert [ticket_of(each) for each in again] == [ticket_of(first)]


@pytest.mark.spec("rfc8016:3.2.2/10")
def test_a_move_that_is_asked_for_again_under_another_transaction_id_is_answered_alike() -> None:
    world = World()
    ticket = raw_ticket(world)
    first = world.ask(REFRESH, ticket, local=ELSEWHERE)
    world.now += 29.0
    again = world.ask(REFRESH, ticket, local=ELSEWHERE)
    from_before = world.ask(REFRESH, ticket, local=RAW)
    from_elsewhere = world.ask(REFRESH, ticket, local=FURTHER)
    world.now += 2.0
    too_late = world.ask(REFRESH, ticket, local=ELSEWHERE)

    assert again.transaction_id != first.transaction_id
    assert ticket_of(again) == ticket_of(first)
    assert [code(each) for each in (from_before, from_elsewhere, too_late)] == [400, 400, 400]


def test_a_ticket_is_asked_for_with_nothing_in_it() -> None:
    assert code(World().ask(ALLOCATE, RequestedTransport(), MobilityTicket(b"mine"))) == 400


@pytest.mark.spec("rfc8016:3.1.4/1")
def test_without_mobility_where_it_is_forbidden() -> None:
    world = World(config=MOBILE, server_config=TurnServerConfig(mobility=False))
    allocated = world.allocate()

    assert not allocated.is_mobile
    assert sum(MobilityTicket.TYPE.to_bytes(2, "big") + b"\0\0" in data for data in world.to_server[:-1]) >= 1
    assert Message.parse(world.to_server[-1], TURN_ATTRIBUTES).get(MobilityTicket) is None
    assert code(world.ask(REFRESH, MobilityTicket(b"x"))) == 405
    with pytest.raises(StateError):
        world.client.move(ELSEWHERE, world.now)


@pytest.mark.spec("rfc8016:3.2.1/1")
def test_an_address_that_has_not_changed_is_no_move() -> None:
    world = World(config=MOBILE)
    world.allocate()
    with pytest.raises(ValueError, match="already"):
        world.client.move(CLIENT, world.now)
    world.run(1200.0)
    refreshes = [message for data in world.to_server if (message := Message.parse(data, TURN_ATTRIBUTES)).method == 4]

    assert refreshes
    assert all(message.get(MobilityTicket) is None for message in refreshes)


@pytest.mark.parametrize("error", [400, 405, 437, 441])
def test_a_move_that_is_refused_ends_the_allocation(error: int) -> None:
    scripted = Scripted(MOBILE)
    scripted.allocate(XorRelayedAddress(RELAYED), Lifetime(600), MobilityTicket(b"ticket"), XorMappedAddress(CLIENT))
    scripted.client.move(ELSEWHERE, scripted.now)
    with pytest.raises(StateError):
        scripted.client.move(FURTHER, scripted.now)
    scripted.answer(scripted.request(REFRESH), ErrorCode(error, "No"))

    assert scripted.ended() == AllocationEnded(EndReason.LOST, error, "No")


def test_closing_while_moving_gives_the_allocation_back() -> None:
    world = World(config=MOBILE)
    world.allocate()
    moved(world, ELSEWHERE)
    world.drops_to_server = lambda data: True
    world.pump()
    world.drops_to_server = lambda data: False
    world.client.close(world.now)
    world.run(60.0)

    assert world.client.closed
    assert world.client_saw(AllocationEnded) == [AllocationEnded(EndReason.CLOSED)]


def test_an_allocation_that_may_move_outlives_its_stream() -> None:
    tcp = Tcp()
    assert tcp.ask(1, ALLOCATE, RequestedTransport(TCP), MobilityTicket(b"")) == 0
    ticket = ticket_of(tcp.response)
    tcp.server.transport_closed(1, tcp.now)
    del tcp.clients[1]

    assert tcp.ask(2, REFRESH, ticket) == 0
    assert tcp.ask(2, CREATE_PERMISSION, XorPeerAddress(PEER)) == 0
    assert tcp.server.allocation_count == 1
    tcp.wait(601.0)
    assert tcp.server.allocation_count == 0
