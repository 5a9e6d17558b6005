"""What nobody should send, from somebody with a password, and from a server that has gone mad."""

from hypothesis import given
from hypothesis import strategies as st
from tests.support.effort import examples
from tests.turn.test_client import Scripted
from tests.turn.world import BOTH, PEER, PEER_6, World

from rtc_stun import Address, Attribute, ErrorCode, Message, MessageClass, UnknownAttribute, XorMappedAddress
from rtc_turn import (
    ALLOCATE,
    CHANNEL_BIND,
    CONNECT,
    CREATE_PERMISSION,
    DATA,
    REFRESH,
    SEND,
    TURN_ATTRIBUTES,
    AdditionalAddressFamily,
    ChannelNumber,
    Data,
    DontFragment,
    EvenPort,
    Icmp,
    Lifetime,
    MobilityTicket,
    RequestedAddressFamily,
    RequestedTransport,
    ReservationToken,
    TurnConfig,
    TurnServerConfig,
    XorPeerAddress,
    XorRelayedAddress,
)

ADDRESSES = st.one_of(
    st.sampled_from([PEER, PEER_6, Address("0.0.0.0", 0), Address("::", 0), Address("127.0.0.1", 1)]),
    st.builds(Address, st.ip_addresses().map(str), st.integers(0, 65_535)),
)
ATTRIBUTES: st.SearchStrategy[Attribute] = st.one_of(
    st.builds(RequestedTransport, st.sampled_from([17, 17, 17, 6, 0])),
    st.builds(Lifetime, st.sampled_from([0, 1, 600, 0xFFFF_FFFF])),
    st.builds(ChannelNumber, st.sampled_from([0, 0x3FFF, 0x4000, 0x4001, 0x4FFF, 0x5000, 0xFFFF])),
    st.builds(XorPeerAddress, ADDRESSES),
    st.builds(XorRelayedAddress, ADDRESSES),
    st.builds(XorMappedAddress, ADDRESSES),
    st.builds(RequestedAddressFamily, st.integers(0, 3)),
    st.builds(AdditionalAddressFamily, st.integers(0, 3)),
    st.builds(EvenPort, st.booleans()),
    st.builds(ReservationToken, st.binary(min_size=8, max_size=8)),
    st.builds(MobilityTicket, st.binary(max_size=2)),
    st.builds(Data, st.binary(max_size=9)),
    st.builds(Icmp, st.integers(0, 127), st.integers(0, 511)),
    st.builds(ErrorCode, st.integers(300, 699)),
    st.builds(DontFragment),
    st.builds(UnknownAttribute, st.sampled_from([0x7777, 0xF777]), st.binary(max_size=5)),
)
METHODS = st.sampled_from([ALLOCATE, REFRESH, CREATE_PERMISSION, CHANNEL_BIND, SEND, DATA, CONNECT])
KNOWN = {0, 400, 403, 405, 420, 437, 440, 441, 442, 443, 508}


@examples(40)
@given(requests=st.lists(st.tuples(METHODS, st.lists(ATTRIBUTES, max_size=5)), max_size=6))
def test_whoever_has_a_password_gets_an_answer_whatever_it_asks(requests: list[tuple[int, list[Attribute]]]) -> None:
    world = World(server_config=TurnServerConfig(families=frozenset(BOTH)))
    world.ask(ALLOCATE, RequestedTransport(), AdditionalAddressFamily(2))
    for method, attributes in requests:
        error = world.ask(method, *attributes).get(ErrorCode)

        assert (0 if error is None else error.code) in KNOWN
        world.now += 100.0
        world.server.handle_timeout(world.now)
    world.server.close(world.now)
    assert world.server.allocation_count == 0


@examples(40)
@given(
    messages=st.lists(
        st.tuples(METHODS, st.sampled_from(list(MessageClass)), st.lists(ATTRIBUTES, max_size=5)), max_size=8
    )
)
def test_a_mad_server_raises_nothing_in_the_client(
    messages: list[tuple[int, MessageClass, list[Attribute]]],
) -> None:
    scripted = Scripted(TurnConfig(mobility=True))
    scripted.client.allocate(scripted.now)
    pending: dict[int, bytes] = {}
    for method, kind, attributes in messages:
        for sent in scripted.client.datagrams_to_send(scripted.now):
            message = Message.parse(sent.data, TURN_ATTRIBUTES)
            pending[message.method] = message.transaction_id
        scripted.receive(Message(method, kind, pending.get(method, bytes(12)), attributes).serialize())
        if scripted.client.relayed:
            peer = PEER_6 if scripted.client.relayed[0].is_ipv6 else PEER
            scripted.client.send(b"x", peer, scripted.now)
        scripted.now += 50.0
        scripted.client.handle_timeout(scripted.now)
