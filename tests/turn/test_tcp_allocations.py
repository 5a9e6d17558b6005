"""TCP allocations: what the server does for clients whose peers speak TCP."""

import pytest
from tests.support.rng import SeededRng
from tests.turn.test_server import code
from tests.turn.world import OTHER_PEER, PEER, PEER_6, POLICY, SERVER, World

from rtc_stun import (
    Address,
    Attribute,
    ClientConfig,
    CloseTransport,
    LongTermAuthenticator,
    LongTermCredential,
    LongTermUsers,
    Message,
    MessageClass,
    OpenTransport,
    RequestFailed,
    RequestSucceeded,
    StreamBuffer,
    StreamData,
    StunClient,
)
from rtc_turn import (
    ALLOCATE,
    CHANNEL_BIND,
    CONNECT,
    CONNECTION_ATTEMPT,
    CONNECTION_BIND,
    CREATE_PERMISSION,
    REFRESH,
    SEND,
    TCP,
    TURN_ATTRIBUTES,
    AdditionalAddressFamily,
    AddressFamily,
    ChannelNumber,
    ClosePeerConnection,
    CloseRelay,
    ConnectionId,
    Data,
    DontFragment,
    EvenPort,
    Lifetime,
    OpenPeerConnection,
    OpenRelay,
    PublicPeers,
    RequestedAddressFamily,
    RequestedTransport,
    ReservationToken,
    StateError,
    TurnServer,
    TurnServerConfig,
    XorPeerAddress,
    XorRelayedAddress,
)

RELAYED = Address("198.51.100.1", 50_000)
RELAYED_6 = Address("2001:db8:1::1", 50_001)
CONTROL, DATA_STREAM = 1, 2


class Tcp:
    """A server with TCP relays, and streams to it on which a test asks what it likes."""

    def __init__(self, config: TurnServerConfig | None = None) -> None:
        self.now = 10.0
        users = LongTermUsers("example.org", {"alice": "secret", "bob": "other"})
        self.server = TurnServer(
            rng=SeededRng(1),
            authenticator=LongTermAuthenticator(users, secret=bytes(32)),
            policy=POLICY,
            config=config or TurnServerConfig(tcp=True),
        )
        self.clients: dict[int, tuple[StunClient, int]] = {}
        self.events: list[object] = []
        self.read: dict[int, bytes] = {}
        self.indications: list[Message] = []
        self._relays = 0

    def ask(self, stream: int, method: int, *attributes: Attribute, user: tuple[str, str] = ("alice", "secret")) -> int:
        """Ask on a stream, which is opened if need be; the error code, 0 for success, -1 for no answer yet."""
        client, transport_id = self.clients.get(stream) or self._open(stream, user)
        client.send_request(SERVER, self.now, method=method, attributes=list(attributes))
        self.pump()
        for event in client.events():
            if isinstance(event, RequestSucceeded | RequestFailed) and event.response is not None:
                self.response = event.response
                return code(event.response)
        assert transport_id >= 0
        return -1

    def _open(self, stream: int, user: tuple[str, str]) -> tuple[StunClient, int]:
        local = Address("192.0.2.10", 5000 + stream)
        client = StunClient(
            local=local,
            rng=SeededRng(stream),
            credential=LongTermCredential(username=user[0], password=user[1]),
            config=ClientConfig(transport="tcp", known_attributes=TURN_ATTRIBUTES, max_server_errors=0),
        )
        request = client.send_request(SERVER, self.now)
        (wish,) = (event for event in client.events() if isinstance(event, OpenTransport))
        client.transport_opened(wish.transport_id, self.now)
        client.cancel(request, self.now)
        client.events()
        self.server.transport_opened(stream, SERVER, local, self.now)
        self.clients[stream] = client, wish.transport_id
        return self.clients[stream]

    def pump(self) -> None:
        """Move everything until nothing moves."""
        for _ in range(20):
            for stream, (client, _) in self.clients.items():
                for written in client.stream_data_to_send(self.now):
                    self.server.receive_stream_data(stream, written.data, self.now)
            for event in self.server.events():
                self.events.append(event)
                if isinstance(event, OpenRelay):
                    assert event.tcp
                    host = RELAYED.host if event.family is AddressFamily.IPV4 else RELAYED_6.host
                    self.server.relay_opened(event.relay_id, Address(host, RELAYED.port + self._relays), self.now)
                    self._relays += 1
            for written in self.server.stream_data_to_send(self.now):
                self.read[written.transport_id] = self.read.get(written.transport_id, b"") + written.data
                if written.transport_id in self.clients and written.data[0] < 4:
                    self._take(*self.clients[written.transport_id], written.data)

    def _take(self, client: StunClient, transport_id: int, data: bytes) -> None:
        for wire in StreamBuffer().feed(data):
            message = Message.parse(wire, TURN_ATTRIBUTES)
            if message.message_class is MessageClass.INDICATION:
                self.indications.append(message)
            else:
                client.receive_stream_data(transport_id, wire, self.now)

    def saw(self, kind: type) -> list[object]:
        """The server's events of a class."""
        self.pump()
        return [event for event in self.events if isinstance(event, kind)]

    def allocate(self) -> None:
        """A TCP allocation on the control stream, with a permission."""
        assert self.ask(CONTROL, ALLOCATE, RequestedTransport(TCP)) == 0
        relayed = self.response.get(XorRelayedAddress)
        assert relayed is not None
        assert relayed.address == RELAYED
        assert self.ask(CONTROL, CREATE_PERMISSION, XorPeerAddress(PEER)) == 0

    def connect(self) -> ConnectionId:
        """A connection to the peer that waits to be bound."""
        assert self.ask(CONTROL, CONNECT, XorPeerAddress(PEER)) == -1
        (wish,) = self.saw(OpenPeerConnection)
        assert isinstance(wish, OpenPeerConnection)
        self.server.connections.opened(wish.connection_id, self.now)
        self.pump()
        (event,) = (event for event in self.clients[CONTROL][0].events() if isinstance(event, RequestSucceeded))
        connection = event.response.get(ConnectionId)
        assert connection is not None
        return connection

    def bind(self) -> ConnectionId:
        """A connection to the peer, bound to the data stream."""
        connection = self.connect()
        assert self.ask(DATA_STREAM, CONNECTION_BIND, connection) == 0
        self.read.clear()
        return connection

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        end = self.now + seconds
        while (due := self.server.next_timeout()) is not None and due <= end:
            self.now = max(self.now, due)
            self.server.handle_timeout(self.now)
            self.pump()
        self.now = end


@pytest.fixture
def tcp() -> Tcp:
    """A server, and an allocation."""
    tcp = Tcp()
    tcp.allocate()
    return tcp


@pytest.mark.spec("rfc6062:5.1/1", "rfc6062:5.1/5")
@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ((RequestedTransport(132),), 442),
        ((RequestedTransport(TCP), DontFragment()), 400),
        ((RequestedTransport(TCP), EvenPort()), 400),
        ((RequestedTransport(TCP), ReservationToken(bytes(8))), 400),
    ],
)
def test_what_a_tcp_allocation_cannot_be(attributes: tuple[Attribute, ...], expected: int) -> None:
    assert Tcp().ask(CONTROL, ALLOCATE, *attributes) == expected
    assert Tcp(TurnServerConfig()).ask(CONTROL, ALLOCATE, RequestedTransport(TCP)) == 442


@pytest.mark.spec("rfc6062:5.1/4")
def test_over_datagrams_there_is_no_tcp_allocation() -> None:
    world = World(server_config=TurnServerConfig(tcp=True))

    assert code(world.ask(ALLOCATE, RequestedTransport(TCP))) == 400


@pytest.mark.spec("rfc6062:5.1/2", "rfc6062:5.1/6", "rfc6062:5.1/7")
def test_the_relay_is_a_listener(tcp: Tcp) -> None:
    (wish,) = tcp.saw(OpenRelay)

    assert isinstance(wish, OpenRelay)
    assert wish.tcp
    assert tcp.response.get(ReservationToken) is None
    world = World(server_config=TurnServerConfig(tcp=True))
    world.allocate()
    assert not world.server_saw(OpenRelay)[0].tcp


@pytest.mark.spec(
    "rfc6062:5.2/6", "rfc6062:5.2/9", "rfc6062:5.2/10", "rfc6062:5.2/11", "rfc6062:5.4/3", "rfc6062:5.4/4"
)
def test_a_client_connects_to_a_peer(tcp: Tcp) -> None:
    connection = tcp.connect()
    tcp.server.connections.receive_data(connection.value, b"before ", tcp.now)
    assert tcp.ask(DATA_STREAM, CONNECTION_BIND, connection) == 0
    tcp.server.connections.receive_data(connection.value, b"and after", tcp.now)
    tcp.pump()
    tcp.server.receive_stream_data(DATA_STREAM, b"\xff\0 anything", tcp.now)

    assert tcp.saw(OpenPeerConnection) == [OpenPeerConnection(connection.value, RELAYED, PEER)]
    assert (tcp.server.stats.bytes_to_clients, tcp.server.stats.bytes_to_peers) == (16, 11)
    assert tcp.read[DATA_STREAM].endswith(b"before and after")
    assert tcp.server.connections.data_to_send(tcp.now) == [StreamData(connection.value, b"\xff\0 anything")]
    tcp.events.clear()
    assert tcp.ask(CONTROL, CREATE_PERMISSION, XorPeerAddress(OTHER_PEER)) == 0
    assert tcp.ask(CONTROL, CONNECT, XorPeerAddress(OTHER_PEER)) == -1
    (other,) = tcp.saw(OpenPeerConnection)
    assert isinstance(other, OpenPeerConnection)
    assert other.connection_id != connection.value
    assert (other.relayed, other.peer) == (RELAYED, OTHER_PEER)


@pytest.mark.spec("rfc6062:5.1/8", "rfc6062:5.3/1", "rfc6062:5.3/2", "rfc6062:5.3/4")
def test_a_peer_connects_to_a_client(tcp: Tcp) -> None:
    number = tcp.server.connections.accepted(RELAYED, PEER, tcp.now)
    assert number is not None
    tcp.server.connections.receive_data(number, b"hello", tcp.now)
    tcp.pump()
    (attempt,) = tcp.indications
    connection = attempt.get(ConnectionId)
    assert connection is not None
    bound = tcp.ask(DATA_STREAM, CONNECTION_BIND, connection)

    assert (attempt.method, attempt.get(XorPeerAddress)) == (CONNECTION_ATTEMPT, XorPeerAddress(PEER))
    assert bound == 0
    assert tcp.read[DATA_STREAM].endswith(b"hello")


@pytest.mark.spec("rfc6062:5.3/3")
def test_a_peer_without_a_permission_is_closed_at_once(tcp: Tcp) -> None:
    connections = tcp.server.connections

    assert connections.accepted(RELAYED, OTHER_PEER, tcp.now) is None
    assert connections.accepted(Address(RELAYED.host, 1), PEER, tcp.now) is None
    tcp.now += 301.0
    assert connections.accepted(RELAYED, PEER, tcp.now) is None


@pytest.mark.spec("rfc6062:5.2/1")
def test_without_an_allocation_there_is_nothing_to_connect() -> None:
    assert Tcp().ask(CONTROL, CONNECT, XorPeerAddress(PEER)) == 437


@pytest.mark.spec("rfc6062:5.2/2", "rfc6062:5.2/3")
def test_a_peer_is_connected_to_once(tcp: Tcp) -> None:
    assert tcp.ask(CONTROL, CONNECT, XorPeerAddress(PEER)) == -1
    assert tcp.ask(CONTROL, CONNECT, XorPeerAddress(PEER)) == 446
    (wish,) = tcp.saw(OpenPeerConnection)
    assert isinstance(wish, OpenPeerConnection)
    tcp.server.connections.opened(wish.connection_id, tcp.now)
    tcp.pump()
    tcp.clients[CONTROL][0].events()
    assert tcp.ask(CONTROL, CONNECT, XorPeerAddress(PEER)) == 446
    assert tcp.ask(DATA_STREAM, CONNECTION_BIND, ConnectionId(wish.connection_id)) == 0
    assert tcp.ask(CONTROL, CONNECT, XorPeerAddress(PEER)) == 446
    assert tcp.server.connections.accepted(RELAYED, PEER, tcp.now) is None


@pytest.mark.spec("rfc6062:5.2/4", "rfc6062:5.2/5")
def test_whom_a_client_cannot_connect_to(tcp: Tcp) -> None:
    assert tcp.ask(CONTROL, CONNECT) == 400
    assert tcp.ask(CONTROL, CONNECT, XorPeerAddress(Address("10.0.0.1", 22))) == 403
    assert tcp.ask(CONTROL, CONNECT, XorPeerAddress(PEER_6)) == 443
    assert tcp.saw(OpenPeerConnection) == []


@pytest.mark.spec("rfc6062:5.2/7", "rfc6062:5.2/8")
@pytest.mark.parametrize("why", ["refused", "silent"])
def test_a_peer_that_is_not_there(tcp: Tcp, why: str) -> None:
    assert tcp.ask(CONTROL, CONNECT, XorPeerAddress(PEER)) == -1
    (wish,) = tcp.saw(OpenPeerConnection)
    assert isinstance(wish, OpenPeerConnection)
    if why == "refused":
        tcp.server.connections.failed(wish.connection_id, tcp.now)
        tcp.pump()
    else:
        tcp.wait(29.9)
        assert tcp.clients[CONTROL][0].events() == []
        tcp.wait(0.2)
        assert tcp.saw(ClosePeerConnection) == [ClosePeerConnection(wish.connection_id)]
        # The caller's late answer is put right.
        tcp.events.clear()
        tcp.server.connections.opened(wish.connection_id, tcp.now)
        assert tcp.saw(ClosePeerConnection) == [ClosePeerConnection(wish.connection_id)]
    (event,) = tcp.clients[CONTROL][0].events()

    assert isinstance(event, RequestFailed)
    assert event.error_code == 447


@pytest.mark.spec("rfc6062:5.2/12", "rfc6062:5.3/5")
@pytest.mark.parametrize("who", ["client", "peer"])
def test_a_connection_that_nobody_comes_for_is_closed(tcp: Tcp, who: str) -> None:
    number = tcp.connect().value if who == "client" else tcp.server.connections.accepted(RELAYED, PEER, tcp.now)
    assert number is not None
    tcp.wait(29.9)
    assert tcp.saw(ClosePeerConnection) == []
    tcp.wait(0.2)

    assert tcp.saw(ClosePeerConnection) == [ClosePeerConnection(number)]
    assert tcp.ask(DATA_STREAM, CONNECTION_BIND, ConnectionId(number)) == 400


@pytest.mark.spec("rfc6062:5.4/1")
def test_datagrams_carry_no_connection() -> None:
    world = World(server_config=TurnServerConfig(tcp=True))

    assert code(world.ask(CONNECTION_BIND, ConnectionId(1))) == 400


@pytest.mark.spec("rfc6062:5.4/2")
def test_what_cannot_be_bound(tcp: Tcp) -> None:
    connection = tcp.connect()

    assert tcp.ask(3, CONNECTION_BIND) == 400
    assert tcp.ask(3, CONNECTION_BIND, ConnectionId(connection.value + 1)) == 400
    assert tcp.ask(4, CONNECTION_BIND, connection, user=("bob", "other")) == 400
    assert tcp.ask(CONTROL, CONNECTION_BIND, connection) == 400
    assert tcp.ask(DATA_STREAM, CONNECTION_BIND, connection) == 0
    assert tcp.ask(3, CONNECTION_BIND, connection) == 400


@pytest.mark.spec("rfc6062:5.5/1")
@pytest.mark.parametrize("how", ["expired", "deleted", "control closed"])
def test_connections_end_with_their_allocation(tcp: Tcp, how: str) -> None:
    connection = tcp.bind()
    if how == "expired":
        tcp.wait(601.0)
    elif how == "deleted":
        assert tcp.ask(CONTROL, REFRESH, Lifetime(0)) == 0
    else:
        tcp.server.transport_closed(CONTROL, tcp.now)

    assert tcp.saw(ClosePeerConnection) == [ClosePeerConnection(connection.value)]
    assert CloseTransport(DATA_STREAM) in tcp.saw(CloseTransport)
    assert tcp.saw(CloseRelay) == [CloseRelay(RELAYED)]


@pytest.mark.spec("rfc8656:8.2/1", "rfc6062:5.5/1")
@pytest.mark.parametrize("stage", ["bound", "waiting", "opening"])
def test_connections_end_with_the_relayed_address_of_their_family(stage: str) -> None:
    tcp = Tcp(TurnServerConfig(tcp=True, families=frozenset(AddressFamily)))
    assert tcp.ask(CONTROL, ALLOCATE, RequestedTransport(TCP), AdditionalAddressFamily(AddressFamily.IPV6)) == 0
    assert tcp.ask(CONTROL, CREATE_PERMISSION, XorPeerAddress(PEER), XorPeerAddress(PEER_6)) == 0
    other = tcp.server.connections.accepted(RELAYED_6, PEER_6, tcp.now)
    assert other is not None
    assert tcp.ask(CONTROL, CONNECT, XorPeerAddress(PEER)) == -1
    (wish,) = tcp.saw(OpenPeerConnection)
    assert isinstance(wish, OpenPeerConnection)
    if stage != "opening":
        tcp.server.connections.opened(wish.connection_id, tcp.now)
        tcp.pump()
        tcp.clients[CONTROL][0].events()
    if stage == "bound":
        assert tcp.ask(DATA_STREAM, CONNECTION_BIND, ConnectionId(wish.connection_id)) == 0
    client, _ = tcp.clients[CONTROL]
    attributes: list[Attribute] = [Lifetime(0), RequestedAddressFamily(AddressFamily.IPV4)]
    client.send_request(SERVER, tcp.now, method=REFRESH, attributes=attributes)
    tcp.pump()
    failures = [each for each in client.events() if isinstance(each, RequestFailed)]

    assert tcp.saw(CloseRelay) == [CloseRelay(RELAYED)]
    assert tcp.saw(ClosePeerConnection) == [ClosePeerConnection(wish.connection_id)]
    assert (CloseTransport(DATA_STREAM) in tcp.saw(CloseTransport)) is (stage == "bound")
    assert [each.error_code for each in failures] == ([447] if stage == "opening" else [])
    assert tcp.ask(DATA_STREAM + 1, CONNECTION_BIND, ConnectionId(other)) == 0


@pytest.mark.spec("rfc6062:5.5/2")
def test_when_the_client_closes_the_peer_is_closed(tcp: Tcp) -> None:
    connection = tcp.bind()
    tcp.server.transport_closed(DATA_STREAM, tcp.now)

    assert tcp.saw(ClosePeerConnection) == [ClosePeerConnection(connection.value)]
    assert tcp.ask(CONTROL, CONNECT, XorPeerAddress(PEER)) == -1


@pytest.mark.spec("rfc6062:5.5/3")
def test_when_the_peer_closes_the_client_is_closed(tcp: Tcp) -> None:
    connection = tcp.bind()
    tcp.server.connections.closed(connection.value, tcp.now)

    assert tcp.saw(CloseTransport) == [CloseTransport(DATA_STREAM)]
    assert tcp.saw(ClosePeerConnection) == []
    tcp.wait(60.0)
    assert tcp.saw(CloseTransport) == [CloseTransport(DATA_STREAM)]


def test_datagrams_have_no_place_in_a_tcp_allocation(tcp: Tcp) -> None:
    indication = Message(SEND, MessageClass.INDICATION, bytes(12), [XorPeerAddress(PEER), Data(b"x")]).serialize()
    tcp.server.receive_stream_data(CONTROL, indication, tcp.now)

    assert tcp.server.datagrams_to_send(tcp.now) == []
    assert tcp.ask(CONTROL, CHANNEL_BIND, ChannelNumber(0x4000), XorPeerAddress(PEER)) == 400


def test_what_is_held_for_a_client_is_bounded() -> None:
    tcp = Tcp(TurnServerConfig(tcp=True, max_held_bytes=1000, max_connections=1, max_unsent_bytes=3000))
    tcp.allocate()
    assert tcp.ask(CONTROL, CREATE_PERMISSION, XorPeerAddress(OTHER_PEER)) == 0
    number = tcp.server.connections.accepted(RELAYED, PEER, tcp.now)
    assert number is not None
    assert tcp.server.connections.accepted(RELAYED, OTHER_PEER, tcp.now) is None
    assert tcp.ask(CONTROL, CONNECT, XorPeerAddress(OTHER_PEER)) == 508
    tcp.server.connections.receive_data(number, bytes(1000), tcp.now)
    assert tcp.saw(ClosePeerConnection) == []
    tcp.server.connections.receive_data(number, b"x", tcp.now)
    assert tcp.saw(ClosePeerConnection) == [ClosePeerConnection(number)]

    connection = tcp.bind()
    for _ in range(4):
        tcp.server.receive_stream_data(DATA_STREAM, bytes(1000), tcp.now)
    assert ClosePeerConnection(connection.value) in tcp.saw(ClosePeerConnection)


def test_what_comes_before_the_answer_is_not_lost_in_silence(tcp: Tcp) -> None:
    connection = tcp.connect()
    assert tcp.ask(3, CONNECTION_BIND, ConnectionId(99)) == 400
    client, _ = tcp.clients[3]
    client.send_request(SERVER, tcp.now, method=CONNECTION_BIND, attributes=[connection])
    (written,) = client.stream_data_to_send(tcp.now)
    tcp.server.receive_stream_data(3, written.data + b"too early", tcp.now)

    assert CloseTransport(3, abort=True) in tcp.saw(CloseTransport)
    assert tcp.saw(ClosePeerConnection) == [ClosePeerConnection(connection.value)]


def test_answers_to_what_was_not_asked_are_the_callers_mistake(tcp: Tcp) -> None:
    connection = tcp.connect()
    for number in (0, -1, connection.value, connection.value + 1):
        with pytest.raises(StateError):
            tcp.server.connections.opened(number, tcp.now)
        with pytest.raises(StateError):
            tcp.server.connections.failed(number, tcp.now)


def test_a_stream_is_bound_to_one_connection(tcp: Tcp) -> None:
    first = tcp.connect()
    tcp.server.connections.accepted(RELAYED, PEER._replace(port=7001), tcp.now)
    tcp.pump()
    second = tcp.indications[-1].get(ConnectionId)
    assert second is not None
    assert tcp.ask(3, CONNECTION_BIND, ConnectionId(99)) == 400
    client, _ = tcp.clients[3]
    client.send_request(SERVER, tcp.now, method=CONNECTION_BIND, attributes=[first])
    client.send_request(SERVER, tcp.now, method=CONNECTION_BIND, attributes=[second])
    both = b"".join(written.data for written in client.stream_data_to_send(tcp.now))
    tcp.server.receive_stream_data(3, both, tcp.now)
    tcp.pump()

    assert CloseTransport(3, abort=True) in tcp.saw(CloseTransport)
    tcp.wait(60.0)
    assert tcp.saw(ClosePeerConnection) == [ClosePeerConnection(first.value), ClosePeerConnection(second.value)]


def test_a_stream_that_awaits_an_allocation_is_bound_to_nothing() -> None:
    tcp = Tcp()
    tcp.allocate()
    connection = tcp.connect()
    assert tcp.ask(3, CONNECTION_BIND, ConnectionId(99)) == 400
    client, _ = tcp.clients[3]
    client.send_request(SERVER, tcp.now, method=ALLOCATE, attributes=[RequestedTransport(TCP)])
    client.send_request(SERVER, tcp.now, method=CONNECTION_BIND, attributes=[connection])
    both = b"".join(written.data for written in client.stream_data_to_send(tcp.now))
    tcp.server.receive_stream_data(3, both, tcp.now)

    assert tcp.server.connections.joined_to_stream(3) == -1


def test_a_peer_whom_the_policy_forbids_is_closed_at_once(tcp: Tcp) -> None:
    tcp.server.set_policy(PublicPeers(denied=[PEER.host]))

    assert tcp.server.connections.accepted(RELAYED, PEER, tcp.now) is None


def test_a_connection_ends_when_the_policy_forbids_its_peer(tcp: Tcp) -> None:
    connection = tcp.bind()
    tcp.server.set_policy(POLICY)
    assert tcp.saw(ClosePeerConnection) == []
    tcp.server.set_policy(PublicPeers())

    assert tcp.saw(ClosePeerConnection) == [ClosePeerConnection(connection.value)]
    assert CloseTransport(DATA_STREAM) in tcp.saw(CloseTransport)


def test_nobody_guesses_the_number_of_anothers_connection(tcp: Tcp) -> None:
    first = tcp.connect()
    tcp.server.connections.accepted(RELAYED, PEER._replace(port=7001), tcp.now)
    tcp.pump()
    second = tcp.indications[-1].get(ConnectionId)

    assert second is not None
    assert abs(second.value - first.value) > 1000
    assert min(first.value, second.value) > 1000
