"""A client, a server and peers joined in memory, in virtual time, with everything on record."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from tests.support.rng import SeededRng

from rtc_stun import (
    Address,
    Attribute,
    ClientConfig,
    Datagram,
    LongTermAuthenticator,
    LongTermCredential,
    LongTermUsers,
    Message,
    RequestFailed,
    RequestSucceeded,
    StunClient,
)
from rtc_turn import (
    TURN_ATTRIBUTES,
    AddressFamily,
    Allocated,
    OpenRelay,
    PublicPeers,
    TurnClient,
    TurnConfig,
    TurnServer,
    TurnServerConfig,
)

SERVER = Address("198.51.100.1", 3478)
CLIENT = Address("192.0.2.10", 5000)
RAW = Address("192.0.2.99", 6000)
"""A client of whom a test decides every attribute."""
PEER = Address("203.0.113.9", 7000)
OTHER_PEER = Address("203.0.113.10", 7000)
PEER_6 = Address("2001:db8:1::9", 7000)
POLICY = PublicPeers(allowed=["203.0.113.0/24", "198.51.100.0/24", "2001:db8:1::/48"])
"""Documentation addresses are not public; the tests live there."""
BOTH = (AddressFamily.IPV4, AddressFamily.IPV6)

E = TypeVar("E")


class World:
    """Datagrams take no time; `now` moves only when a test says so, or to the next timeout."""

    def __init__(
        self,
        *,
        config: TurnConfig | None = None,
        server_config: TurnServerConfig | None = None,
        users: dict[str, str] | None = None,
        nonce_lifetime: float = 600.0,
        prompt: bool = True,
    ) -> None:
        """With ``prompt``, the server answers strangers at once, however little they say."""
        self.now = 100.0
        self.users = LongTermUsers("example.org", users or {"alice": "secret", "bob": "other"})
        self.server = TurnServer(
            rng=SeededRng(1),
            authenticator=LongTermAuthenticator(self.users, secret=bytes(32), nonce_lifetime=nonce_lifetime),
            policy=POLICY,
            config=replace(server_config or TurnServerConfig(), challenge_burst=1 << 20) if prompt else server_config,
        )
        self.clients: dict[Address, TurnClient | StunClient] = {}
        self.config = config
        self.client = self.add_client(CLIENT, config=config)
        self.client_events: list[object] = []
        self.server_events: list[object] = []
        self.at_peers: list[Datagram] = []
        self.to_server: list[bytes] = []
        self.to_client: list[bytes] = []
        self.open_relays: set[Address] = set()
        self.port = 50_000
        self.refuse: set[AddressFamily] = set()
        self.drops_to_server: Callable[[bytes], bool] = lambda data: False

    def add_client(
        self, local: Address, username: str = "alice", password: str = "secret", config: TurnConfig | None = None
    ) -> TurnClient:
        """Another client."""
        client = self.clients[local] = TurnClient(
            local=local,
            server=SERVER,
            rng=SeededRng(str(local)),
            credential=LongTermCredential(username=username, password=password),
            config=config,
        )
        return client

    def ask(
        self,
        method: int,
        *attributes: Attribute,
        local: Address = RAW,
        username: str = "alice",
        password: str = "secret",
    ) -> Message:
        """Send a request of a method, with attributes of the test's choice, authenticated; return the response."""
        client = self.clients.get(local)
        if not isinstance(client, StunClient):
            client = self.clients[local] = StunClient(
                local=local,
                rng=SeededRng(str(local)),
                credential=LongTermCredential(username=username, password=password),
                config=ClientConfig(known_attributes=TURN_ATTRIBUTES, max_server_errors=0),
            )
        client.send_request(SERVER, self.now, method=method, attributes=list(attributes))
        self.pump()
        event = self.client_events[-1]
        assert isinstance(event, RequestSucceeded | RequestFailed)
        assert event.response is not None
        return event.response

    def tell(self, data: bytes, source: Address = RAW) -> list[Datagram]:
        """Let the server receive a datagram; return what it sends for that."""
        self.server.receive_datagram(Datagram(data, SERVER, source), self.now)
        return self.server.datagrams_to_send(self.now)

    def pump(self) -> None:
        """Move everything until nothing moves."""
        for _ in range(200):
            moved = False
            for client in self.clients.values():
                self.client_events += client.events()
                for datagram in client.datagrams_to_send(self.now):
                    moved = True
                    if not self.drops_to_server(datagram.data):
                        self.to_server.append(datagram.data)
                        arrived = Datagram(datagram.data, datagram.remote, datagram.local, datagram.transport)
                        self.server.receive_datagram(arrived, self.now)
            for event in self.server.events():
                self.server_events.append(event)
                moved |= self._open(event)
            for datagram in self.server.datagrams_to_send(self.now):
                moved = True
                receiver = self.clients.get(datagram.remote)
                if receiver is not None and datagram.local == SERVER:
                    self.to_client.append(datagram.data)
                    receiver.receive_datagram(Datagram(datagram.data, datagram.remote, datagram.local), self.now)
                elif datagram.remote in self.open_relays:
                    relayed = Datagram(datagram.data, datagram.remote, datagram.local)
                    self.server.receive_datagram(relayed, self.now)
                else:
                    self.at_peers.append(datagram)
            if not moved:
                self.client_events += [event for client in self.clients.values() for event in client.events()]
                return
        raise AssertionError("it does not come to rest")

    def _open(self, event: object) -> bool:
        if not isinstance(event, OpenRelay):
            return False
        if event.family in self.refuse:
            self.server.relay_failed(event.relay_id, self.now)
            return True
        self.port += 2 if self.port % 2 == 0 else 1
        host = "198.51.100.1" if event.family is AddressFamily.IPV4 else "2001:db8::1"
        relayed = Address(host, self.port)
        reserved = Address(host, self.port + 1) if event.reserve_next else None
        self.open_relays |= {relayed, *([reserved] if reserved else [])}
        self.server.relay_opened(event.relay_id, relayed, self.now, reserved=reserved)
        return True

    def allocate(self, client: TurnClient | None = None) -> Allocated:
        """Let a client allocate, and return what it got."""
        (client or self.client).allocate(self.now)
        self.pump()
        return self.client_saw(Allocated)[-1]

    def run(self, seconds: float, each: Callable[[], None] | None = None, step: float = 20.0) -> None:
        """Let time pass: timeouts are handled when they are due."""
        end = self.now + seconds
        following = self.now + step
        while self.now < end:
            machines: list[TurnClient | StunClient | TurnServer] = [*self.clients.values(), self.server]
            due = [time for machine in machines if (time := machine.next_timeout()) is not None]
            self.now = max(self.now, min([*due, end, following]))
            for machine in machines:
                time = machine.next_timeout()
                if time is not None and time <= self.now:
                    machine.handle_timeout(self.now)
            if self.now >= following:
                following += step
                if each is not None:
                    each()
            self.pump()

    def from_peer(self, data: bytes, relayed: Address, peer: Address = PEER) -> None:
        """A peer sends to a relayed address."""
        self.server.receive_datagram(Datagram(data, relayed, peer), self.now)
        self.pump()

    def client_saw(self, kind: type[E]) -> list[E]:
        """The events of a class that clients told."""
        return [event for event in self.client_events if isinstance(event, kind)]

    def server_saw(self, kind: type[E]) -> list[E]:
        """The events of a class that the server told."""
        return [event for event in self.server_events if isinstance(event, kind)]
