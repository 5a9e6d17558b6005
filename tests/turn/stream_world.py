"""A client and a server joined by as many streams as they ask for, and peers that speak TCP, in memory and in virtual time."""

from dataclasses import replace
from typing import TypeVar

from tests.support.rng import SeededRng
from tests.turn.world import CLIENT, POLICY, SERVER

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
    AddressFamily,
    Allocated,
    ClosePeerConnection,
    Event,
    OpenPeerConnection,
    OpenRelay,
    ServerEvent,
    TurnClient,
    TurnConfig,
    TurnServer,
    TurnServerConfig,
)

E = TypeVar("E")


class StreamWorld:
    """Streams take no time; what peers do is the test's to say."""

    def __init__(self, config: TurnConfig, server_config: TurnServerConfig | None = None) -> None:
        self.now = 100.0
        self.server = TurnServer(
            rng=SeededRng(1),
            authenticator=LongTermAuthenticator(
                LongTermUsers("example.org", {"alice": "secret"}), secret=bytes(32), nonce_lifetime=1200.0
            ),
            policy=POLICY,
            config=replace(server_config or TurnServerConfig(), tcp=True),
        )
        self.client = TurnClient(
            local=CLIENT,
            server=SERVER,
            rng=SeededRng(2),
            credential=LongTermCredential(username="alice", password="secret"),
            config=replace(config, transport="tcp"),
        )
        self.events: list[Event] = []
        self.server_events: list[ServerEvent] = []
        self.streams: set[int] = set()
        """Open ones; both ends know them by the same number."""
        self.locals: dict[int, Address] = {}
        self.refuses_streams = False
        self.at_peers: dict[int, bytes] = {}
        self.datagrams: list[Datagram] = []
        self.reachable = True
        """Whether peers accept connections."""
        self._relays = 0

    def pump(self) -> None:
        """Move everything until nothing moves."""
        for _ in range(50):
            moved = self._take_events()
            for written in self.client.stream_data_to_send(self.now):
                moved = True
                if written.transport_id in self.streams:
                    self.server.receive_stream_data(written.transport_id, written.data, self.now)
            for written in self.server.stream_data_to_send(self.now):
                moved = True
                if written.transport_id in self.streams:
                    self.client.receive_stream_data(written.transport_id, written.data, self.now)
            for written in self.server.connections.data_to_send(self.now):
                moved = True
                self.at_peers[written.transport_id] = self.at_peers.get(written.transport_id, b"") + written.data
            self.datagrams += self.server.datagrams_to_send(self.now)
            if not moved:
                return
        raise AssertionError("it does not come to rest")

    def _take_events(self) -> bool:
        events, server_events = self.client.events(), self.server.events()
        self.events += events
        self.server_events += server_events
        for event in events:
            if isinstance(event, OpenTransport):
                self._open(event)
            elif isinstance(event, CloseTransport):
                self.cut(event.transport_id, tell_client=False)
        for wish in server_events:
            if isinstance(wish, OpenRelay):
                self._relays += 1
                host = SERVER.host if wish.family is AddressFamily.IPV4 else "2001:db8::1"
                self.server.relay_opened(wish.relay_id, Address(host, 50_000 + self._relays), self.now)
            elif isinstance(wish, OpenPeerConnection):
                answer = self.server.connections.opened if self.reachable else self.server.connections.failed
                answer(wish.connection_id, self.now)
            elif isinstance(wish, CloseTransport):
                self.cut(wish.transport_id, tell_server=False)
        return bool(events or server_events)

    def _open(self, wish: OpenTransport) -> None:
        number = wish.transport_id
        assert number not in self.locals  # no number comes twice
        # Each stream leaves from a port of its own.
        host = CLIENT.host if wish.local is None else wish.local.host
        self.locals[number] = Address(host, 40_000 + number)
        if self.refuses_streams:
            self.client.transport_failed(number, self.now)
            return
        self.streams.add(number)
        self.server.transport_opened(number, SERVER, self.locals[number], self.now)
        self.client.transport_opened(number, self.now)

    def cut(self, number: int, *, tell_client: bool = True, tell_server: bool = True) -> None:
        """A stream ends."""
        if number in self.streams:
            self.streams.discard(number)
            if tell_client:
                self.client.transport_failed(number, self.now)
            if tell_server:
                self.server.transport_closed(number, self.now)

    def allocate(self) -> Allocated:
        """The client obtains its allocation."""
        self.client.allocate(self.now)
        self.pump()
        return self.saw(Allocated)[-1]

    def run(self, seconds: float) -> None:
        """Let time pass."""
        end = self.now + seconds
        while self.now < end:
            due = [each for each in (self.client.next_timeout(), self.server.next_timeout()) if each is not None]
            self.now = max(self.now, min([*due, end]))
            for machine in (self.client, self.server):
                at = machine.next_timeout()
                if at is not None and at <= self.now:
                    machine.handle_timeout(self.now)
            self.pump()

    def saw(self, kind: type[E]) -> list[E]:
        """The client's events of a class."""
        return [event for event in self.events if isinstance(event, kind)]

    def server_saw(self, kind: type[E]) -> list[E]:
        """The server's events of a class."""
        return [event for event in self.server_events if isinstance(event, kind)]

    def peer_closed(self) -> list[ClosePeerConnection]:
        """Connections that the server closes."""
        return self.server_saw(ClosePeerConnection)
