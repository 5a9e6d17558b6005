"""TCP allocations: what the client does to reach peers by TCP, and how an allocation moves from stream to stream."""

import pytest
from tests.turn.stream_world import StreamWorld
from tests.turn.world import CLIENT, OTHER_PEER, PEER, PEER_6

from rtc_stun import Address, CloseTransport, Message, OpenTransport
from rtc_turn import (
    ALLOCATE,
    CONNECT,
    CONNECTION_BIND,
    TCP,
    TURN_ATTRIBUTES,
    AllocationEnded,
    AllocationMoved,
    BufferFullError,
    ConnectionId,
    DontFragment,
    EndReason,
    EvenPort,
    Lifetime,
    PeerConnected,
    PeerConnectionFailed,
    PeerDataReceived,
    PeerDisconnected,
    RequestedTransport,
    ReservationToken,
    StateError,
    TurnConfig,
    XorPeerAddress,
)

BY_TCP = TurnConfig(transport="tcp", tcp=True)


class Recording(StreamWorld):
    """Keeps what the client asks, and on which stream."""

    def __init__(self, config: TurnConfig = BY_TCP) -> None:
        super().__init__(config)
        self.asked: list[tuple[int, Message]] = []
        receive = self.server.receive_stream_data

        def recording(transport_id: int, data: bytes, now: float) -> None:
            if data[:1] == b"\0" and data[4:8] == b"\x21\x12\xa4\x42":
                self.asked.append((transport_id, Message.parse(data, TURN_ATTRIBUTES)))
            receive(transport_id, data, now)

        self.server.receive_stream_data = recording  # type: ignore[method-assign]

    def requests(self, method: int) -> list[tuple[int, Message]]:
        return [(stream, each) for stream, each in self.asked if each.method == method]


def connected(world: StreamWorld) -> int:
    """A connection to the peer."""
    world.allocate()
    world.client.connections.connect(PEER, world.now)
    world.pump()
    (event,) = world.saw(PeerConnected)
    assert event.peer == PEER
    return event.connection_id


@pytest.mark.spec("rfc6062:4.1/1", "rfc6062:4.1/2", "rfc6062:4.1/3", "rfc6062:4.1/4", "rfc6062:4.1/5")
def test_the_allocation_is_asked_for_over_a_stream() -> None:
    world = Recording(TurnConfig(transport="tcp", tcp=True, lifetime=900))
    world.allocate()
    stream, request = world.requests(ALLOCATE)[-1]

    assert stream in world.streams
    assert request.get(RequestedTransport) == RequestedTransport(TCP)
    assert not any(request.get(each) for each in (DontFragment, ReservationToken, EvenPort))
    assert request.get(Lifetime) == Lifetime(900)
    for nonsense in (
        {"transport": "udp"},
        {"even_port": True},
        {"dont_fragment": True},
        {"reservation_token": bytes(8)},
    ):
        with pytest.raises(ValueError, match="stream"):
            TurnConfig(**({"transport": "tcp", "tcp": True} | nonsense))  # type: ignore[arg-type] # of several kinds


@pytest.mark.spec("rfc6062:4.3/1", "rfc6062:4.3/2", "rfc6062:4.3/3", "rfc6062:4.3/4", "rfc6062:4.3/6", "rfc6062:4.3/7")
def test_a_client_talks_to_a_peer() -> None:
    world = Recording()
    number = connected(world)
    world.client.connections.send(number, b"hello", world.now)
    world.client.connections.send(number, b" peer", world.now)
    world.pump()
    world.server.connections.receive_data(number, b"\x01\x01\0\0 anything", world.now)
    world.pump()

    control = world.requests(ALLOCATE)[-1][0]
    assert [stream for stream, _ in world.requests(CONNECT)] == [control]
    assert world.requests(CONNECT)[0][1].get(XorPeerAddress) == XorPeerAddress(PEER)
    (bound, request) = world.requests(CONNECTION_BIND)[-1]
    assert bound != control
    assert world.locals[bound] != world.locals[control]
    assert request.get(ConnectionId) == ConnectionId(number)
    assert world.at_peers == {number: b"hello peer"}
    assert world.saw(PeerDataReceived) == [PeerDataReceived(number, b"\x01\x01\0\0 anything")]
    assert world.client.stats.bytes_sent == 10


@pytest.mark.spec("rfc6062:4.3/5", "rfc6062:4.4/3")
def test_who_knows_no_credentials_binds_nothing() -> None:
    world = Recording()
    connected(world)
    requests = world.requests(CONNECTION_BIND)

    # Asked without, challenged, and asked again with the credentials of the allocation.
    assert [request.integrity is None for _, request in requests] == [True, False]


@pytest.mark.spec("rfc6062:4.4/1", "rfc6062:4.4/2", "rfc6062:4.4/4", "rfc6062:4.4/5")
def test_a_peer_connects_to_a_client() -> None:
    world = Recording()
    relayed = world.allocate().relayed[0]
    world.client.create_permission(PEER, world.now)
    world.pump()
    number = world.server.connections.accepted(relayed, PEER, world.now)
    assert number is not None
    world.server.connections.receive_data(number, b"early", world.now)
    world.pump()
    world.client.connections.send(number, b"welcome", world.now)
    world.pump()

    assert world.saw(PeerConnected) == [PeerConnected(number, PEER)]
    assert world.saw(PeerDataReceived) == [PeerDataReceived(number, b"early")]
    assert world.at_peers == {number: b"welcome"}
    stream, request = world.requests(CONNECTION_BIND)[-1]
    assert request.get(ConnectionId) == ConnectionId(number)
    assert world.locals[stream] != world.locals[world.requests(ALLOCATE)[-1][0]]


@pytest.mark.spec("rfc6062:4.3/8", "rfc6062:4.3/9")
def test_a_peer_that_was_not_reached_is_left_alone_for_ten_seconds() -> None:
    world = Recording()
    world.allocate()
    world.reachable = False
    world.client.connections.connect(PEER, world.now)
    world.pump()
    assert world.saw(PeerConnectionFailed) == [PeerConnectionFailed(PEER, 447)]
    world.run(9.9)
    with pytest.raises(StateError, match="10 seconds"):
        world.client.connections.connect(PEER, world.now)
    world.run(0.2)
    world.reachable = True
    world.client.connections.connect(PEER, world.now)
    world.pump()

    assert [event.peer for event in world.saw(PeerConnected)] == [PEER]


@pytest.mark.spec("rfc6062:4.3/10", "rfc6062:4.3/11")
def test_several_peers_at_a_time_but_each_once() -> None:
    world = Recording()
    world.allocate()
    world.client.connections.connect(PEER, world.now)
    world.client.connections.connect(OTHER_PEER, world.now)
    with pytest.raises(StateError, match="on its way"):
        world.client.connections.connect(PEER, world.now)
    world.pump()
    with pytest.raises(StateError, match="there is a connection"):
        world.client.connections.connect(PEER, world.now)

    assert {event.peer for event in world.saw(PeerConnected)} == {PEER, OTHER_PEER}
    assert len(world.requests(CONNECT)) == 2


@pytest.mark.spec("rfc6062:4.2/1", "rfc6062:4.6/1")
def test_connections_live_as_long_as_the_allocation_is_refreshed() -> None:
    world = Recording()
    number = connected(world)
    control = world.requests(ALLOCATE)[-1][0]
    world.run(4000.0)
    world.client.connections.send(number, b"still here", world.now)
    world.pump()

    assert world.at_peers == {number: b"still here"}
    refreshes = world.requests(4)
    assert len(refreshes) >= 6
    assert {stream for stream, _ in refreshes} == {control}


def test_a_peer_that_may_not_be_reached_is_told() -> None:
    world = Recording()
    world.allocate()
    world.client.connections.connect(Address("10.0.0.1", 22), world.now)
    world.pump()

    assert world.saw(PeerConnectionFailed) == [PeerConnectionFailed(Address("10.0.0.1", 22), 403)]


@pytest.mark.parametrize("who", ["client", "peer", "stream", "allocation"])
def test_a_connection_ends(who: str) -> None:
    world = Recording()
    number = connected(world)
    stream = world.requests(CONNECTION_BIND)[-1][0]
    if who == "client":
        world.client.connections.close(number, world.now)
    elif who == "peer":
        world.server.connections.closed(number, world.now)
    elif who == "stream":
        world.cut(stream)
    else:
        world.client.close(world.now)
    world.pump()

    assert world.saw(PeerDisconnected) == [PeerDisconnected(number)]
    assert stream not in world.streams
    assert bool(world.peer_closed()) is (who != "peer")
    with pytest.raises(StateError):
        world.client.connections.send(number, b"late", world.now)


def test_a_stream_that_cannot_be_opened_is_told() -> None:
    world = Recording()
    world.allocate()
    world.refuses_streams = True
    world.client.connections.connect(PEER, world.now)
    world.pump()

    assert world.saw(PeerConnectionFailed) == [PeerConnectionFailed(PEER, None)]
    world.run(60.0)
    assert world.peer_closed()


def test_what_comes_on_a_stream_for_data_before_the_answer_is_bounded() -> None:
    world = Recording()
    world.allocate()
    world.client.connections.connect(PEER, world.now)
    for _ in range(3):
        for event in world.client.events():
            world.events.append(event)
            if isinstance(event, OpenTransport):
                world.client.transport_opened(event.transport_id, world.now)
                world.client.receive_stream_data(event.transport_id, b"\x01\x0b\xff\xff" + bytes(16), world.now)
        for written in world.client.stream_data_to_send(world.now):
            world.server.receive_stream_data(written.transport_id, written.data, world.now)
        world.server_events += world.server.events()
        for wish in world.server_events:
            if type(wish).__name__ == "OpenPeerConnection":
                world.server.connections.opened(wish.connection_id, world.now)  # type: ignore[union-attr] # see its name
        world.server_events.clear()
        for written in world.server.stream_data_to_send(world.now):
            world.client.receive_stream_data(written.transport_id, written.data, world.now)

    assert [event for event in world.events if isinstance(event, PeerConnectionFailed)]
    assert world.client.stats.dropped["malformed-stream"] == 1


def test_misuse_changes_nothing() -> None:
    world = Recording()
    with pytest.raises(StateError):
        _ = world.client.connections
    number = connected(world)
    with pytest.raises(ValueError, match="relayed"):
        world.client.connections.connect(PEER_6, world.now)
    with pytest.raises(StateError):
        world.client.connections.send(number + 1, b"x", world.now)
    with pytest.raises(BufferFullError):
        world.client.connections.send(number, bytes(5_000_000), world.now)
    plain = StreamWorld(TurnConfig())
    plain.allocate()
    with pytest.raises(StateError):
        _ = plain.client.connections


def test_connections_are_bounded() -> None:
    world = Recording(TurnConfig(transport="tcp", tcp=True, max_connections=1))
    relayed = world.allocate().relayed[0]
    world.client.create_permission(PEER, world.now)
    world.client.connections.connect(OTHER_PEER, world.now)
    with pytest.raises(StateError, match="connections"):
        world.client.connections.connect(PEER, world.now)
    world.pump()
    world.server.connections.accepted(relayed, PEER, world.now)
    world.pump()

    assert world.client.stats.dropped == {"too-many-connections": 1}


def test_an_attempt_of_a_peer_without_permission_is_not_answered() -> None:
    world = Recording()
    relayed = world.allocate().relayed[0]
    world.client.create_permission(PEER, world.now)
    world.pump()
    # A server that lets anybody in.
    permits = next(iter(world.server._requests._tcp.values()))
    permits.permit(OTHER_PEER.host, world.now)
    world.server.connections.accepted(relayed, OTHER_PEER, world.now)
    world.pump()

    assert world.saw(PeerConnected) == []
    assert world.client.stats.dropped == {"not-permitted": 1}


# Moving over streams.

MOBILE = TurnConfig(transport="tcp", mobility=True)
ELSEWHERE = Address("192.0.2.77", 0)


@pytest.mark.spec("rfc8016:3.2.2/7", "rfc8016:3.2.2/9")
def test_an_allocation_moves_to_a_stream_from_elsewhere() -> None:
    world = StreamWorld(MOBILE)
    relayed = world.allocate().relayed
    world.client.create_permission(PEER, world.now)
    world.pump()
    (first,) = world.streams
    world.client.move(ELSEWHERE, world.now)
    world.client.send(b"on the way", PEER, world.now)
    world.pump()
    (second,) = world.streams
    world.client.send(b"arrived", PEER, world.now)
    world.pump()

    assert second != first
    assert world.locals[second].host == ELSEWHERE.host
    assert world.saw(AllocationMoved) == [AllocationMoved(ELSEWHERE)]
    assert world.saw(CloseTransport) == [CloseTransport(first)]
    assert [each.data for each in world.datagrams] == [b"on the way", b"arrived"]
    assert world.client.relayed == relayed
    world.run(2000.0)
    assert world.client.relayed == relayed


def test_a_stream_that_breaks_is_replaced() -> None:
    world = StreamWorld(MOBILE)
    relayed = world.allocate().relayed
    world.client.send(b"before", PEER, world.now)
    world.pump()
    (first,) = world.streams
    world.cut(first)
    world.client.send(b"after", PEER, world.now)
    world.pump()

    assert len(world.streams) == 1
    assert first not in world.streams
    assert [each.data for each in world.datagrams] == [b"before", b"after"]
    assert world.client.relayed == relayed
    assert world.locals[max(world.locals)].host == CLIENT.host


def test_what_was_asked_on_a_stream_that_broke_is_asked_again() -> None:
    world = StreamWorld(MOBILE)
    world.allocate()
    (first,) = world.streams
    world.client.send(b"held", PEER, world.now)
    world.client.stream_data_to_send(world.now)  # lost with the stream
    world.cut(first)
    world.pump()

    assert [each.data for each in world.datagrams] == [b"held"]


def test_without_a_ticket_the_allocation_ends_with_its_stream() -> None:
    world = StreamWorld(TurnConfig())
    world.allocate()
    world.cut(next(iter(world.streams)))
    world.pump()

    assert world.saw(AllocationEnded) == [AllocationEnded(EndReason.LOST)]


def test_where_no_stream_leads_to_the_server_any_more_the_allocation_ends() -> None:
    world = StreamWorld(MOBILE)
    world.allocate()
    world.refuses_streams = True
    world.cut(next(iter(world.streams)))
    world.pump()

    assert [event.reason for event in world.saw(AllocationEnded)] == [EndReason.LOST]
