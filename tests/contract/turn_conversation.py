"""TURN client and server as conversations: one where the client is looked at, and one where the server is."""

import abc
from collections.abc import Callable

from tests.support.network import Node

from rtc_stun import Address, LongTermAuthenticator, LongTermCredential, LongTermUsers
from rtc_turn import (
    Allocated,
    DataReceived,
    OpenRelay,
    PublicPeers,
    TurnClient,
    TurnServer,
)

from .conversation import Calls, Conversation

SERVER = Address("198.51.100.1", 3478)
UNREACHABLE = Address("2001:db8::1", 1)


class _TurnConversation(Conversation, abc.ABC):
    """A client allocates, and talks with its own relayed address: everything passes the relay twice."""

    def make_client(self) -> Node:
        """A client on the network."""
        here = self.network.host("192.0.2.1").bind(4000)
        client = TurnClient(
            local=here.address,
            server=SERVER,
            rng=self.rngs[0],
            credential=LongTermCredential(username="alice", password="wonder land"),
            trace=self.trace,
        )
        return self.network.attach(client, here)

    def make_server(self) -> Node:
        """A server on the network, whose relays get further ports of its host."""
        host = self.network.host(SERVER.host)
        users = LongTermUsers("example.org", {"alice": "wonder land"})
        server = TurnServer(
            rng=self.rngs[1],
            authenticator=LongTermAuthenticator(users, secret=b"s" * 32),
            policy=PublicPeers(allowed=["198.51.100.0/24"]),
            trace=self.trace,
        )
        node = self.network.attach(server, host.bind(SERVER.port))

        def open_relay(event: object) -> None:
            if isinstance(event, OpenRelay):
                relayed = self.network.bind(node, host.bind(50_000 + event.relay_id))
                self.server.relay_opened(event.relay_id, relayed, self.network.now)

        node.on_event = open_relay
        return node

    @property
    def client_node(self) -> Node:
        """Whichever end the client is."""
        return self.left if isinstance(self.left.machine, TurnClient) else self.right

    @property
    def client(self) -> TurnClient:
        """The client, or the copy that a rule has put in its place."""
        machine = self.client_node.machine
        assert isinstance(machine, TurnClient)
        return machine

    @property
    def server(self) -> TurnServer:
        """The server, or the copy that a rule has put in its place."""
        machine = (self.right if self.client_node is self.left else self.left).machine
        assert isinstance(machine, TurnServer)
        return machine

    def start(self) -> None:
        self.client.allocate(self.network.now)

    def settled(self) -> bool:
        return self.client_node.saw(Allocated)

    def talk(self) -> None:
        self._heard = len(self.client_node.of(DataReceived))
        # Datagrams get lost, and nobody repeats them.
        for _ in range(8):
            self.client.send(b"hello", self.client.relayed[0], self.network.now)

    def talked(self) -> bool:
        return len(self.client_node.of(DataReceived)) > self._heard


class TurnClientConversation(_TurnConversation):
    """The client in sight."""

    name = "turn-client"

    def build(self) -> tuple[Node, Node]:
        return self.make_client(), self.make_server()

    def misuses(self) -> Calls:
        now = self.network.now
        return [
            ("allocating twice", lambda node: self._of(node).allocate(now)),
            ("more than a datagram", lambda node: self._of(node).send(bytes(70_000), SERVER, now)),
            ("a peer that no relayed address reaches", lambda node: self._of(node).send(b"x", UNREACHABLE, now)),
            ("a permission of another family", lambda node: self._of(node).create_permission(UNREACHABLE, now)),
            ("a channel of another family", lambda node: self._of(node).bind_channel(UNREACHABLE, now)),
        ]

    def after_close(self) -> Calls:
        return [
            ("allocating", lambda node: self._of(node).allocate(99.0)),
            ("sending", lambda node: self._of(node).send(b"late", SERVER, 99.0)),
            ("a permission", lambda node: self._of(node).create_permission(SERVER, 99.0)),
            ("a channel", lambda node: self._of(node).bind_channel(SERVER, 99.0)),
        ]

    def flood(self) -> Callable[[Node], object]:
        return lambda node: self._of(node).send(bytes(60_000), SERVER, self.network.now)

    @staticmethod
    def _of(node: Node) -> TurnClient:
        assert isinstance(node.machine, TurnClient)
        return node.machine


class TurnServerConversation(_TurnConversation):
    """The server in sight."""

    name = "turn-server"

    def build(self) -> tuple[Node, Node]:
        server = self.make_server()
        return server, self.make_client()

    def misuses(self) -> Calls:
        now = self.network.now
        return [
            ("a relay that was never asked for", lambda node: self._of(node).relay_opened(4711, UNREACHABLE, now)),
            ("a failure that was never asked for", lambda node: self._of(node).relay_failed(4711, now)),
            (
                "a stream without a number",
                lambda node: self._of(node).transport_opened(-1, SERVER, UNREACHABLE, now),
            ),
        ]

    def after_close(self) -> Calls:
        return [("a stream", lambda node: self._of(node).transport_opened(5, SERVER, UNREACHABLE, 99.0))]

    @staticmethod
    def _of(node: Node) -> TurnServer:
        assert isinstance(node.machine, TurnServer)
        return node.machine
