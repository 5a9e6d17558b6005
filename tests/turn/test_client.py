"""What the client sends, and what it makes of answers that `TurnServer` would not give."""

import pytest
from tests.support.rng import SeededRng
from tests.turn.world import BOTH, CLIENT, OTHER_PEER, PEER, PEER_6, SERVER, World

from rtc_stun import (
    Address,
    AlternateServer,
    Attribute,
    Datagram,
    ErrorCode,
    LongTermAuthenticator,
    Message,
    MessageClass,
    PasswordAlgorithm,
    Software,
    UnknownAttributes,
    UserHash,
    Username,
    XorMappedAddress,
)
from rtc_turn import (
    ALLOCATE,
    CHANNEL_BIND,
    CREATE_PERMISSION,
    DATA,
    REFRESH,
    SEND,
    TURN_ATTRIBUTES,
    UDP,
    AdditionalAddressFamily,
    AddressErrorCode,
    AddressFamily,
    Allocated,
    AllocationEnded,
    ChannelBound,
    ChannelNumber,
    Data,
    DataReceived,
    DontFragment,
    EndReason,
    EvenPort,
    Event,
    Icmp,
    Lifetime,
    RequestedAddressFamily,
    RequestedTransport,
    ReservationToken,
    TurnClient,
    TurnConfig,
    XorPeerAddress,
    XorRelayedAddress,
    pack_channel_data,
)

RELAYED = Address("198.51.100.1", 50_000)
TOKEN = b"12345678"


class Scripted:
    """A client without credentials, and a server of which the test writes every word."""

    def __init__(self, config: TurnConfig | None = None) -> None:
        self.now = 10.0
        self.client = TurnClient(local=CLIENT, server=SERVER, rng=SeededRng(3), config=config)
        self.events: list[Event] = []

    def sent(self) -> list[Message]:
        """What the client has sent since the last call: STUN messages."""
        sent = self.client.datagrams_to_send(self.now)
        self.events += self.client.events()
        return [Message.parse(each.data, TURN_ATTRIBUTES) for each in sent]

    def request(self, method: int) -> Message:
        """The one request that the client has sent now."""
        (message,) = self.sent()
        assert message.method == method
        return message

    def answer(self, request: Message, *attributes: Attribute) -> None:
        """Answer a request: with an error if that is the first attribute."""
        is_error = bool(attributes) and isinstance(attributes[0], ErrorCode)
        kind = MessageClass.ERROR if is_error else MessageClass.SUCCESS
        self.receive(Message(request.method, kind, request.transaction_id, attributes).serialize())

    def receive(self, data: bytes, source: Address = SERVER) -> None:
        """Let the client receive a datagram."""
        self.client.receive_datagram(Datagram(data, CLIENT, source), self.now)
        self.events += self.client.events()

    def indicate(self, *attributes: Attribute) -> None:
        """Let the client receive a Data indication."""
        self.receive(Message(DATA, MessageClass.INDICATION, bytes(12), attributes).serialize())

    def allocate(self, *attributes: Attribute) -> Message:
        """Grant an allocation; return the request."""
        self.client.allocate(self.now)
        request = self.request(ALLOCATE)
        granted = attributes or (XorRelayedAddress(RELAYED), Lifetime(600), XorMappedAddress(CLIENT))
        self.answer(request, *granted)
        return request

    def pass_time(self, seconds: float) -> list[Message]:
        """Let time pass; return everything that the client sends meanwhile."""
        end, sent = self.now + seconds, self.sent()
        while (due := self.client.next_timeout()) is not None and due <= end:
            self.now = max(self.now, due)
            self.client.handle_timeout(self.now)
            sent += self.sent()
        self.now = end
        return sent

    def ended(self) -> AllocationEnded:
        """How it ended."""
        (event,) = (event for event in self.events if isinstance(event, AllocationEnded))
        return event


# What an Allocate request carries.


@pytest.mark.spec(
    "rfc8656:7.1/4",
    "rfc8656:7.1/5",
    "rfc8656:7.1/6",
    "rfc8656:7.1/7",
    "rfc8656:7.1/8",
    "rfc8656:7.1/9",
    "rfc8656:7.1/10",
    "rfc8656:7.1/11",
    "rfc8656:7.1/12",
    "rfc8656:7.1/13",
    "rfc8656:7.1/14",
    "rfc8656:18.11/1",
)
@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (TurnConfig(), []),
        (TurnConfig(families=(AddressFamily.IPV6,)), [RequestedAddressFamily(2)]),
        (TurnConfig(families=BOTH), [AdditionalAddressFamily(2)]),
        (TurnConfig(families=BOTH, even_port=True), [AdditionalAddressFamily(2), EvenPort()]),
        (TurnConfig(lifetime=1800), [Lifetime(1800)]),
        (TurnConfig(dont_fragment=True), [DontFragment()]),
        (TurnConfig(reservation_token=TOKEN), [ReservationToken(TOKEN)]),
        (TurnConfig(reserve_next_port=True), [EvenPort(True)]),
    ],
)
def test_an_allocate_request_says_what_is_wanted_and_no_more(config: TurnConfig, expected: list[Attribute]) -> None:
    scripted = Scripted(config)
    scripted.client.allocate(scripted.now)
    request = scripted.request(ALLOCATE)

    assert request.get(RequestedTransport) == RequestedTransport(UDP)
    assert [each for each in request.attributes if not isinstance(each, RequestedTransport | Software)] == expected


@pytest.mark.spec("rfc8656:7.1/6", "rfc8656:7.1/9", "rfc8656:7.1/10", "rfc8656:7.1/14")
def test_wishes_that_exclude_each_other_are_refused() -> None:
    token = TOKEN
    with pytest.raises(ValueError, match="reserved port"):
        TurnConfig(reservation_token=token, families=(AddressFamily.IPV6,))
    with pytest.raises(ValueError, match="reserved port"):
        TurnConfig(reservation_token=token, families=BOTH)
    with pytest.raises(ValueError, match="reserved port"):
        TurnConfig(reservation_token=token, even_port=True)
    with pytest.raises(ValueError, match="one address alone"):
        TurnConfig(reserve_next_port=True, families=BOTH)
    with pytest.raises(ValueError, match="8 bytes"):
        TurnConfig(reservation_token=b"short")
    with pytest.raises(ValueError, match="32 bits"):
        TurnConfig(lifetime=0)
    with pytest.raises(ValueError, match="in that order"):
        TurnConfig(families=())
    with pytest.raises(ValueError, match="before it expires"):
        TurnConfig(refresh_margin=300.0)


@pytest.mark.spec("rfc8656:7.1/2")
def test_udp_is_what_the_server_is_asked_over() -> None:
    scripted = Scripted()
    scripted.client.allocate(scripted.now)

    assert [each.transport for each in scripted.client.datagrams_to_send(scripted.now)] == ["udp"]
    assert scripted.client.events() == []


@pytest.mark.spec("rfc8656:5/10")
def test_software_is_told_in_allocate_and_refresh() -> None:
    scripted = Scripted()
    allocate = scripted.allocate()
    refresh = scripted.pass_time(541.0)[0]

    assert refresh.method == REFRESH
    assert allocate.get(Software) is not None
    assert refresh.get(Software) is not None


@pytest.mark.spec("rfc8656:5/1", "rfc8656:6/4")
def test_the_password_is_hashed_with_sha_256_where_both_know_it() -> None:
    world = World()
    world.allocate()
    request = Message.parse(world.to_server[-1], TURN_ATTRIBUTES)

    assert request.get(PasswordAlgorithm) == PasswordAlgorithm(2)
    assert request.get(Username) == Username("alice")


@pytest.mark.spec("rfc8656:21.1.6/1")
def test_a_server_that_wants_no_names_gets_none() -> None:
    world = World()
    world.server._authenticator = LongTermAuthenticator(world.users, secret=bytes(32), anonymous=True)
    world.allocate()
    world.client.send(b"x", PEER, world.now)
    world.pump()

    assert Message.parse(world.to_server[1], TURN_ATTRIBUTES).get(UserHash) is not None
    assert not any(b"alice" in data for data in world.to_server)


# What is made of answers.


@pytest.mark.spec(
    "rfc8656:7.4/3",
    "rfc8656:7.4/4",
    "rfc8656:7.4/5",
    "rfc8656:7.4/6",
    "rfc8656:7.4/11",
    "rfc8656:7.4/12",
    "rfc8656:7.4/13",
    "rfc8656:7.4/14",
    "rfc8656:7.4/16",
    "rfc8656:7.4/17",
)
@pytest.mark.parametrize("code", [400, 401, 403, 437, 440, 441, 442, 486, 500, 508, 599, 699])
def test_a_server_that_refused_is_told_of_and_left_alone(code: int) -> None:
    scripted = Scripted()
    scripted.allocate(ErrorCode(code, "No"))

    assert scripted.ended() == AllocationEnded(
        EndReason.REFUSED, code, "No" if code != 401 else scripted.ended().error_text
    )
    assert scripted.client.closed
    assert scripted.pass_time(300.0) == []


@pytest.mark.spec("rfc8656:7.4/7")
def test_without_dont_fragment_if_the_server_does_not_know_it() -> None:
    scripted = Scripted(TurnConfig(dont_fragment=True))
    scripted.allocate(ErrorCode(420, "Unknown"), UnknownAttributes((DontFragment.TYPE,)))
    again = scripted.request(ALLOCATE)
    scripted.answer(again, ErrorCode(420, "Unknown"), UnknownAttributes((DontFragment.TYPE,)))

    assert again.get(DontFragment) is None
    assert scripted.ended().error_code == 420


@pytest.mark.spec("rfc8656:11.1/3")
def test_datagrams_that_are_not_to_be_cut_say_so() -> None:
    scripted = Scripted(TurnConfig(dont_fragment=True))
    scripted.allocate()
    scripted.client.send(b"x", PEER, scripted.now)
    scripted.answer(scripted.request(CREATE_PERMISSION))
    send = next(each for each in scripted.sent() if each.method == SEND)

    assert send.get(DontFragment) is not None


@pytest.mark.spec("rfc8656:7.4/2", "rfc8656:7.2/9")
def test_the_alternate_server_is_asked_next() -> None:
    world = World()
    alternate = Address("198.51.100.77", 3479)
    world.server.redirect(alternate)
    world.client.allocate(world.now)
    # The challenge, and then the refusal.
    for _ in range(2):
        (request,) = world.client.datagrams_to_send(world.now)
        (answer,) = world.tell(request.data, CLIENT)
        world.client.receive_datagram(Datagram(answer.data, CLIENT, SERVER), world.now)
    sent = world.client.datagrams_to_send(world.now)

    assert [each.remote for each in sent] == [alternate]
    assert world.client.server == alternate
    assert world.server.allocation_count == 0
    assert world.client.events() == []


def test_who_holds_no_password_redirects_nobody() -> None:
    scripted = Scripted()
    scripted.allocate(ErrorCode(300, "Try Alternate"), AlternateServer(Address("198.51.100.77", 3479)))

    assert scripted.sent() == []
    assert scripted.ended().reason is EndReason.REFUSED


@pytest.mark.spec("rfc8656:7.3/1", "rfc8656:7.3/2", "rfc8656:7.3/3")
@pytest.mark.parametrize(
    "relayed",
    [
        [Address("2001:db8::1", 5)],
        [RELAYED, Address("2001:db8::1", 5)],
        [RELAYED, Address("198.51.100.2", 50_001)],
        [],
    ],
)
def test_an_allocation_of_another_family_is_given_back(relayed: list[Address]) -> None:
    scripted = Scripted()
    scripted.allocate(*map(XorRelayedAddress, relayed), Lifetime(600), XorMappedAddress(CLIENT))
    refresh = scripted.request(REFRESH)
    scripted.answer(refresh, Lifetime(0))

    assert refresh.get(Lifetime) == Lifetime(0)
    assert scripted.ended().reason is EndReason.UNUSABLE
    assert scripted.pass_time(300.0) == []


@pytest.mark.spec("rfc8656:7.3/4", "rfc8656:7.3/5")
@pytest.mark.parametrize("code", [440, 508])
def test_a_family_that_is_missing_is_told_and_not_asked_for_again(code: int) -> None:
    scripted = Scripted(TurnConfig(families=BOTH))
    missing = AddressErrorCode(AddressFamily.IPV6, code, "No")
    scripted.allocate(XorRelayedAddress(RELAYED), Lifetime(600), missing, XorMappedAddress(CLIENT))
    (event,) = (event for event in scripted.events if isinstance(event, Allocated))

    assert event.missing == missing
    assert ALLOCATE not in {each.method for each in scripted.pass_time(500.0)}


@pytest.mark.spec("rfc8656:8/1", "rfc8656:8.1/1")
@pytest.mark.parametrize(("lifetime", "least", "most"), [(600, 530, 560), (3600, 3500, 3560), (100, 40, 60)])
def test_an_allocation_is_refreshed_before_it_ends(lifetime: int, least: float, most: float) -> None:
    scripted = Scripted()
    scripted.allocate(XorRelayedAddress(RELAYED), Lifetime(lifetime), XorMappedAddress(CLIENT))
    begin = scripted.now
    while not (sent := scripted.sent()):
        due = scripted.client.next_timeout()
        assert due is not None
        scripted.now = due
        scripted.client.handle_timeout(due)

    assert [each.method for each in sent] == [REFRESH]
    assert sent[0].get(RequestedAddressFamily) is None
    assert least <= scripted.now - begin <= most


@pytest.mark.spec("rfc8656:8/2")
def test_what_is_of_no_use_any_more_is_deleted() -> None:
    scripted = Scripted()
    scripted.allocate()
    scripted.client.close(scripted.now)

    assert scripted.request(REFRESH).get(Lifetime) == Lifetime(0)


@pytest.mark.spec("rfc8656:5/9")
@pytest.mark.parametrize("method", [REFRESH, CREATE_PERMISSION, CHANNEL_BIND])
def test_a_437_to_anything_means_that_there_is_no_allocation(method: int) -> None:
    scripted = Scripted()
    scripted.allocate()
    if method == CREATE_PERMISSION:
        scripted.client.create_permission(PEER, scripted.now)
    elif method == CHANNEL_BIND:
        scripted.client.bind_channel(PEER, scripted.now)
    request = scripted.pass_time(541.0)[0] if method == REFRESH else scripted.request(method)
    scripted.answer(request, ErrorCode(437, "Allocation Mismatch"))

    assert request.method == method
    assert scripted.ended().reason is EndReason.LOST


@pytest.mark.parametrize("method", [CREATE_PERMISSION, CHANNEL_BIND])
def test_a_refusal_of_anything_else_leaves_the_allocation(method: int) -> None:
    scripted = Scripted()
    scripted.allocate()
    if method == CREATE_PERMISSION:
        scripted.client.create_permission(PEER, scripted.now)
    else:
        scripted.client.bind_channel(PEER, scripted.now)
    scripted.answer(scripted.request(method), ErrorCode(400, "Bad Request"))

    assert scripted.client.relayed == (RELAYED,)


# Peers.


@pytest.mark.spec("rfc8656:10.1/1", "rfc8656:10.1/2", "rfc8656:10.1/4")
def test_permissions_are_asked_for_together() -> None:
    scripted = Scripted(TurnConfig(families=BOTH))
    six = Address("2001:db8::1", 50_000)
    scripted.allocate(XorRelayedAddress(RELAYED), XorRelayedAddress(six), Lifetime(600), XorMappedAddress(CLIENT))
    for peer in (PEER, OTHER_PEER, PEER_6):
        scripted.client.create_permission(peer, scripted.now)
    request = scripted.request(CREATE_PERMISSION)

    assert [each.address.host for each in request.get_all(XorPeerAddress)] == [PEER.host, OTHER_PEER.host, PEER_6.host]


@pytest.mark.spec("rfc8656:10.1/3", "rfc8656:12.1/1")
def test_a_peer_of_another_family_is_the_callers_mistake() -> None:
    scripted = Scripted()
    scripted.allocate()
    for command in (scripted.client.create_permission, scripted.client.bind_channel):
        with pytest.raises(ValueError, match="reaches"):
            command(PEER_6, scripted.now)

    assert scripted.sent() == []


@pytest.mark.spec("rfc8656:11.1/1", "rfc8656:11.1/2")
def test_nothing_goes_to_a_peer_before_its_host_is_permitted() -> None:
    scripted = Scripted()
    scripted.allocate()
    scripted.client.send(b"x", PEER, scripted.now)
    permission = scripted.request(CREATE_PERMISSION)
    scripted.answer(permission)
    send = next(each for each in scripted.sent() if each.method == SEND)

    assert send.get(XorPeerAddress) == XorPeerAddress(PEER)
    assert send.get(Data) == Data(b"x")


@pytest.mark.spec("rfc8656:11.4/1", "rfc8656:11.6/1")
def test_what_is_said_to_come_from_who_is_not_permitted_is_discarded() -> None:
    scripted = Scripted()
    scripted.allocate()
    scripted.client.create_permission(PEER, scripted.now)
    scripted.answer(scripted.request(CREATE_PERMISSION))
    scripted.indicate(XorPeerAddress(OTHER_PEER), Data(b"x"))
    scripted.indicate(XorPeerAddress(OTHER_PEER), Icmp(3, 3))
    scripted.indicate(Data(b"x"))
    scripted.indicate(XorPeerAddress(PEER))
    scripted.indicate(XorPeerAddress(PEER), Data(b"this"))

    assert [event for event in scripted.events if isinstance(event, DataReceived)] == [DataReceived(PEER, b"this")]
    assert scripted.client.stats.dropped == {"not-permitted": 2, "malformed": 2}


@pytest.mark.spec("rfc8656:12/5")
def test_data_on_a_channel_may_overtake_the_answer_that_binds_it() -> None:
    scripted = Scripted()
    scripted.allocate()
    scripted.client.bind_channel(PEER, scripted.now)
    number = scripted.request(CHANNEL_BIND).get(ChannelNumber)
    assert number is not None
    scripted.receive(pack_channel_data(number.number, b"early", pad=False))

    assert scripted.events[-1] == DataReceived(PEER, b"early")


@pytest.mark.spec("rfc8656:12.6/1")
def test_data_on_a_channel_without_a_permission_is_discarded() -> None:
    scripted = Scripted()
    scripted.allocate(XorRelayedAddress(RELAYED), Lifetime(3600), XorMappedAddress(CLIENT))
    scripted.client.bind_channel(PEER, scripted.now)
    scripted.answer(scripted.request(CHANNEL_BIND))
    scripted.receive(pack_channel_data(0x4000, b"in time", pad=False))
    scripted.pass_time(301.0)
    scripted.receive(pack_channel_data(0x4000, b"late", pad=False))

    assert scripted.events[-1] == DataReceived(PEER, b"in time")
    assert scripted.client.stats.dropped == {"not-permitted": 1}


@pytest.mark.spec("rfc8656:12/4")
def test_a_channels_number_cools_down_before_it_is_anothers() -> None:
    scripted = Scripted()
    scripted.allocate(XorRelayedAddress(RELAYED), Lifetime(3600), XorMappedAddress(CLIENT))
    # Numbers go round; this is what comes after all the others.
    channels = scripted.client._state.relay._channels  # type: ignore[union-attr]
    channels._next_number = 0x4FFF
    scripted.client.bind_channel(PEER, scripted.now)
    scripted.answer(scripted.request(CHANNEL_BIND))
    bound_at = scripted.now
    channels._next_number = 0x4FFF
    for at, expected in ((599.0, 0x4000), (899.0, 0x4001), (901.0, 0x4FFF)):
        scripted.pass_time(bound_at + at - scripted.now)
        channels._next_number = 0x4FFF
        scripted.client.bind_channel(Address("203.0.113.50", int(at)), scripted.now)
        request = scripted.request(CHANNEL_BIND)
        scripted.answer(request)

        assert request.get(ChannelNumber) == ChannelNumber(expected)


@pytest.mark.spec("rfc8656:12/1", "rfc8656:12/2", "rfc8656:12/3")
@pytest.mark.parametrize("first", [0x04, 0x14, 0x3F, 0x50, 0x80, 0xFF])
def test_what_is_neither_stun_nor_of_a_channel_is_dropped_and_told(first: int) -> None:
    told: list[str] = []
    scripted = Scripted()
    scripted.client = TurnClient(
        local=CLIENT, server=SERVER, rng=SeededRng(1), trace=lambda now, name, data: told.append(name)
    )
    scripted.allocate()
    told.clear()
    scripted.receive(bytes([first]) + bytes(23))

    assert not any(isinstance(event, DataReceived) for event in scripted.events)
    assert told != []


def test_strangers_are_not_listened_to() -> None:
    scripted = Scripted()
    scripted.allocate()
    scripted.client.bind_channel(PEER, scripted.now)
    scripted.answer(scripted.request(CHANNEL_BIND))
    scripted.receive(pack_channel_data(0x4000, b"x", pad=False), Address("203.0.113.66", 3478))

    assert not any(isinstance(event, DataReceived) for event in scripted.events)
    assert any(isinstance(event, ChannelBound) for event in scripted.events)
    assert scripted.client.stats.dropped == {"stranger": 1}
