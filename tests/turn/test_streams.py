"""Client and server over a byte stream."""

import pytest
from tests.support.rng import SeededRng
from tests.turn.world import CLIENT, PEER, POLICY, SERVER

from rtc_stun import (
    Address,
    CloseTransport,
    Datagram,
    LongTermAuthenticator,
    LongTermCredential,
    LongTermUsers,
    OpenTransport,
)
from rtc_turn import (
    AllocationDeleted,
    AllocationEnded,
    ChannelBound,
    CloseRelay,
    DataReceived,
    EndReason,
    OpenRelay,
    StateError,
    TurnClient,
    TurnConfig,
    TurnServer,
    TurnServerConfig,
)

RELAYED = Address("198.51.100.1", 50_000)
STREAM = 7


class Stream:
    """A client and a server on one connection, which delivers its bytes in pieces of a size."""

    def __init__(
        self, piece: int = 100_000, transport: str = "tcp", server_config: TurnServerConfig | None = None
    ) -> None:
        self.now = 50.0
        self.piece = piece
        users = LongTermUsers("example.org", {"alice": "secret"})
        self.server = TurnServer(
            rng=SeededRng(1),
            authenticator=LongTermAuthenticator(users, secret=bytes(32)),
            policy=POLICY,
            config=server_config,
        )
        self.client = TurnClient(
            local=CLIENT,
            server=SERVER,
            rng=SeededRng(2),
            credential=LongTermCredential(username="alice", password="secret"),
            config=TurnConfig(transport=transport),
        )
        self.transport = transport
        self.transport_id = -1
        self.client_events: list[object] = []
        self.server_events: list[object] = []
        self.at_peers: list[Datagram] = []
        self.to_server = b""

    def pump(self) -> None:
        """Move everything until nothing moves."""
        for _ in range(100):
            moved = False
            for event in self.client.events():
                self.client_events.append(event)
                if isinstance(event, OpenTransport):
                    moved = True
                    assert event.transport == self.transport
                    self.transport_id = event.transport_id
                    self.server.transport_opened(STREAM, SERVER, CLIENT, self.now, transport=self.transport)
                    self.client.transport_opened(self.transport_id, self.now)
            for written in self.client.stream_data_to_send(self.now):
                moved = True
                self.to_server += written.data
                for start in range(0, len(written.data), self.piece):
                    self.server.receive_stream_data(STREAM, written.data[start : start + self.piece], self.now)
            for told in self.server.events():
                self.server_events.append(told)
                if isinstance(told, OpenRelay):
                    moved = True
                    self.server.relay_opened(told.relay_id, RELAYED, self.now)
            self.at_peers += self.server.datagrams_to_send(self.now)
            for answered in self.server.stream_data_to_send(self.now):
                moved = True
                for start in range(0, len(answered.data), self.piece):
                    piece = answered.data[start : start + self.piece]
                    self.client.receive_stream_data(self.transport_id, piece, self.now)
            if not moved:
                return
        raise AssertionError("it does not come to rest")


@pytest.mark.spec("rfc8656:5/14", "rfc8656:12.5/2")
@pytest.mark.parametrize("transport", ["tcp", "tls"])
@pytest.mark.parametrize("piece", [1, 3, 7, 1000, 100_000])
def test_data_of_any_length_passes_in_pieces_of_any_size(piece: int, transport: str) -> None:
    stream = Stream(piece, transport)
    stream.client.allocate(stream.now)
    stream.pump()
    lengths = [0, 1, 2, 3, 4, 5, 63, 64, 1199, 1200]
    for length in lengths * 2:
        stream.client.send(bytes([length % 251]) * length, PEER, stream.now)
        stream.pump()
        stream.server.receive_datagram(Datagram(bytes([length % 251]) * length, RELAYED, PEER), stream.now)
        stream.pump()

    assert [len(each.data) for each in stream.at_peers] == lengths * 2
    received = [event.data for event in stream.client_events if isinstance(event, DataReceived)]
    assert received == [bytes([length % 251]) * length for length in lengths * 2]
    assert any(isinstance(event, ChannelBound) for event in stream.client_events)
    assert len(stream.to_server) % 4 == 0


def test_the_allocation_ends_with_its_stream() -> None:
    stream = Stream()
    stream.client.allocate(stream.now)
    stream.pump()
    stream.server.transport_closed(STREAM, stream.now)
    stream.client.transport_failed(stream.transport_id, stream.now)
    stream.pump()

    assert [event.reason for event in stream.client_events if isinstance(event, AllocationEnded)] == [EndReason.LOST]
    assert [event.reason for event in stream.server_events if isinstance(event, AllocationDeleted)] == [
        "transport closed"
    ]
    assert CloseRelay(RELAYED) in stream.server_events
    assert stream.server.allocation_count == 0


def test_a_stream_that_speaks_something_else_is_closed() -> None:
    stream = Stream()
    stream.server.transport_opened(STREAM, SERVER, CLIENT, stream.now)
    stream.server.receive_stream_data(STREAM, b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", stream.now)

    assert stream.server.events() == [CloseTransport(STREAM, abort=True)]
    assert stream.server.stats.dropped == {"malformed-stream": 1}


def test_a_server_that_speaks_something_else_ends_the_allocation() -> None:
    stream = Stream()
    stream.client.allocate(stream.now)
    stream.pump()
    stream.client.receive_stream_data(stream.transport_id, b"\xff" * 40, stream.now)
    stream.pump()

    assert [event.reason for event in stream.client_events if isinstance(event, AllocationEnded)] == [EndReason.LOST]


def test_a_stream_that_asks_for_nothing_is_closed() -> None:
    stream = Stream()
    stream.server.transport_opened(STREAM, SERVER, CLIENT, stream.now)
    due = stream.server.next_timeout()
    assert due == stream.now + 30.0
    stream.server.handle_timeout(due)

    assert stream.server.events() == [CloseTransport(STREAM, abort=True)]
    assert stream.server.next_timeout() is None


def test_too_many_streams_are_refused() -> None:
    stream = Stream(server_config=TurnServerConfig(max_transports=2))
    for number in range(3):
        stream.server.transport_opened(number, SERVER, Address("192.0.2.1", number), stream.now)

    assert stream.server.events() == [CloseTransport(2, abort=True)]


def test_a_number_is_of_one_stream() -> None:
    stream = Stream()
    stream.server.transport_opened(STREAM, SERVER, CLIENT, stream.now)
    with pytest.raises(StateError):
        stream.server.transport_opened(STREAM, SERVER, CLIENT, stream.now)
    stream.server.close(stream.now)
    with pytest.raises(StateError):
        stream.server.transport_opened(8, SERVER, CLIENT, stream.now)
