"""Every machine of every package, as a conversation. A new machine is added here and so comes under all rules."""

import abc
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from tests.support.nat import port_restricted_cone
from tests.support.network import Node

import rtc_dtls
from rtc_datachannel import (
    ChannelClosed,
    ChannelOpened,
    ChannelReceived,
    DataChannel,
    DataChannelConfig,
    DataChannelEndpoint,
    MessageReceived,
)
from rtc_dtls import Certificate, DtlsConfig, DtlsConnection
from rtc_ice import Candidate, ConnectionState, IceAgent, IceConfig, LocalCandidateGathered, MulticastDns, NameResolved
from rtc_sctp import Association, AssociationConfig, AssociationEstablished
from rtc_sctp import MessageReceived as UserMessage
from rtc_stun import (
    Address,
    AlternateAddresses,
    BehaviorConfig,
    BehaviorDiscovered,
    BehaviorDiscovery,
    BindingLifetimeDiscovery,
    LifetimeDiscovered,
    LongTermAuthenticator,
    LongTermCredential,
    LongTermUsers,
    RequestSucceeded,
    ServerConfig,
    StunClient,
    StunServer,
    UnknownAttribute,
)

from .call_conversation import CallConversation
from .conversation import Calls, Conversation
from .peer_conversation import PeerConversation
from .relay_conversation import RelayConversation
from .rtp_conversation import RtpConversation
from .turn_conversation import TurnClientConversation, TurnServerConversation


class StunConversation(Conversation):
    """A client with long-term credentials asks a server for its address."""

    name = "stun"

    def build(self) -> tuple[Node, Node]:
        there = self.network.host("198.51.100.1").bind(3478)
        here = self.network.host("192.0.2.1").bind(4000)
        users = LongTermUsers("example.org")
        users.add("alice", "wonder land")
        client = StunClient(
            local=here.address,
            rng=self.rngs[0],
            credential=LongTermCredential(username="alice", password="wonder land"),
            trace=self.trace,
        )
        server = StunServer(authenticator=LongTermAuthenticator(users, secret=b"s" * 32), trace=self.trace)
        return self.network.attach(client, here), self.network.attach(server, there)

    def start(self) -> None:
        self._client(self.left).send_request(Address("198.51.100.1", 3478), self.network.now)

    def settled(self) -> bool:
        return self.left.saw(RequestSucceeded)

    def talk(self) -> None:
        self.start()

    def talked(self) -> bool:
        return len(self.left.of(RequestSucceeded)) >= 2

    def misuses(self) -> Calls:
        server, now = Address("198.51.100.1", 3478), self.network.now
        return [
            ("cancelling what was never asked", lambda node: self._client(node).cancel(4711, now)),
            ("a domain name", lambda node: self._client(node).send_request(Address("example.org", 3478), now)),
            ("a method of 13 bits", lambda node: self._client(node).send_request(server, now, method=0x1000)),
            (
                "more than a path carries, and to a server that is not known",
                lambda node: self._client(node).send_request(
                    Address("198.51.100.99", 3478), now, attributes=[UnknownAttribute(0x8888, bytes(600))]
                ),
            ),
            ("a stream over UDP", lambda node: self._client(node).transport_opened(0, now)),
        ]

    def after_close(self) -> Calls:
        return [("asking", lambda node: self._client(node).send_request(Address("198.51.100.1", 3478), 99.0))]

    def flood(self) -> Callable[[Node], object]:
        return lambda node: self._client(node).send_request(Address("198.51.100.1", 3478), self.network.now)

    @staticmethod
    def _client(node: Node) -> StunClient:
        assert isinstance(node.machine, StunClient)
        return node.machine


class _DiscoveryConversation(Conversation, abc.ABC):
    """A client explores its NAT with a server of two addresses."""

    def build(self) -> tuple[Node, Node]:
        pair = AlternateAddresses(Address("198.51.100.1", 3478), Address("198.51.100.2", 3479))
        here = self.network.host("192.168.1.10", behind=port_restricted_cone("203.0.113.1"))
        there = self.network.host(pair.primary.host, pair.alternate.host)
        ports = here.bind(5000), here.bind(5001)
        discovery = self.make(ports[0].address, ports[1].address, pair.primary)
        config = ServerConfig(behavior=BehaviorConfig(alternates=(pair,)))
        bindings = [there.bind(port, host) for host in there.hosts for port in (pair.primary.port, pair.alternate.port)]
        server = StunServer(config=config, trace=self.trace)
        return self.network.attach(discovery, *ports), self.network.attach(server, *bindings)

    @abc.abstractmethod
    def make(
        self, local: Address, second_local: Address, server: Address
    ) -> BehaviorDiscovery | BindingLifetimeDiscovery:
        """The client."""

    def results(self) -> int:
        """How many discoveries have come to their end."""
        return len(self.left.of(BehaviorDiscovered)) + len(self.left.of(LifetimeDiscovered))

    def start(self) -> None:
        self._discovery(self.left).discover(self.network.now)

    def settled(self) -> bool:
        return self.results() >= 1

    def talk(self) -> None:
        self.start()

    def talked(self) -> bool:
        return self.results() >= 2

    def after_close(self) -> Calls:
        return [("discovering", lambda node: self._discovery(node).discover(99.0))]

    def flood(self) -> Callable[[Node], object]:
        return lambda node: self._discovery(node).discover(self.network.now)

    @staticmethod
    def _discovery(node: Node) -> BehaviorDiscovery | BindingLifetimeDiscovery:
        assert isinstance(node.machine, (BehaviorDiscovery, BindingLifetimeDiscovery))
        return node.machine


class BehaviorConversation(_DiscoveryConversation):
    """How the NAT maps and filters."""

    name = "behavior"

    def make(self, local: Address, second_local: Address, server: Address) -> BehaviorDiscovery:
        return BehaviorDiscovery(
            local=local, second_local=second_local, server=server, rng=self.rngs[0], mtu=1500, trace=self.trace
        )


class LifetimeConversation(_DiscoveryConversation):
    """How long the NAT remembers."""

    name = "lifetime"

    def make(self, local: Address, second_local: Address, server: Address) -> BindingLifetimeDiscovery:
        return BindingLifetimeDiscovery(
            local=local,
            second_local=second_local,
            server=server,
            rng=self.rngs[0],
            longest=4.0,
            precision=2.0,
            trace=self.trace,
        )


class IceConversation(Conversation):
    """Two full agents that trickle."""

    name = "ice"
    config = IceConfig()

    def build(self) -> tuple[Node, Node]:
        bindings = self.network.host("192.0.2.1").bind(5000), self.network.host("192.0.2.2").bind(5000)
        self.addresses = [binding.address for binding in bindings]
        agents = [
            IceAgent(controlling=controlling, rng=rng, config=self.config, trace=self.trace)
            for controlling, rng in zip((True, False), self.rngs, strict=True)
        ]
        left, right = (self.network.attach(agent, binding) for agent, binding in zip(agents, bindings, strict=True))
        left.on_event = lambda event: self._trickle(event, self.right)
        right.on_event = lambda event: self._trickle(event, self.left)
        return left, right

    def start(self) -> None:
        now = self.network.now
        for node, other in (self.nodes, self.nodes[::-1]):
            credentials = self._agent(other).local_credentials
            self._agent(node).set_remote_credentials(
                credentials.ufrag, credentials.password, now, renomination=self._agent(other).renomination
            )
        for node, address in zip(self.nodes, self.addresses, strict=True):
            self._agent(node).add_local_address(address, now)
            self._agent(node).end_of_local_addresses(now)

    def settled(self) -> bool:
        states = {ConnectionState.CONNECTED, ConnectionState.COMPLETED}
        return all(self._agent(node).connection_state in states for node in self.nodes)

    def talk(self) -> None:
        self._settled_at = self.network.now

    def talked(self) -> bool:
        # Consent checks go on by themselves.
        return self.network.now >= self._settled_at + 12.0

    def misuses(self) -> Calls:
        return [
            (
                "changing the peer's credentials without a restart",
                lambda node: self._agent(node).set_remote_credentials("abcd", "x" * 22, self.network.now),
            ),
            (
                "malformed credentials",
                lambda node: self._agent(node).set_remote_credentials("a b", "short", self.network.now),
            ),
        ]

    def after_close(self) -> Calls:
        candidate = Candidate.parse("candidate:1 1 udp 1 192.0.2.9 9 typ host")
        return [
            ("a candidate", lambda node: self._agent(node).add_remote_candidate(candidate, 99.0)),
            ("a restart", lambda node: self._agent(node).restart(99.0)),
        ]

    def _trickle(self, event: object, other: Node) -> None:
        if isinstance(event, LocalCandidateGathered):
            self._agent(other).add_remote_candidate(event.candidate, self.network.now)

    @staticmethod
    def _agent(node: Node) -> IceAgent:
        assert isinstance(node.machine, IceAgent)
        return node.machine


class MovingIceConversation(IceConversation):
    """Two agents of which one moves to another address in the middle."""

    name = "ice that moves"
    config = IceConfig(continual=True, report_pairs=True)

    def talk(self) -> None:
        host = next(iter(self.left.hosts.values()))
        moved = self.network.bind(self.left, host.bind(6000))
        self._agent(self.left).add_local_address(moved, self.network.now)
        self._agent(self.left).remove_local_address(self.addresses[0], self.network.now)
        self._moved = moved

    def talked(self) -> bool:
        pair = self._agent(self.right).selected_pair
        return pair is not None and pair.remote == self._moved


class MulticastDnsConversation(Conversation):
    """Two hosts on a link that ask for each other's names."""

    name = "mdns"

    def build(self) -> tuple[Node, Node]:
        machines = [MulticastDns(rng=rng, trace=self.trace) for rng in self.rngs]
        bindings = [self.network.host(host).bind(5353) for host in ("192.0.2.1", "192.0.2.2")]
        left, right = (self.network.attach(each, binding) for each, binding in zip(machines, bindings, strict=True))
        for node, binding in zip((left, right), bindings, strict=True):
            self._mdns(node).add_link(f"{binding.address.host}/24", self.network.now)
        return left, right

    def start(self) -> None:
        now = self.network.now
        names = [self._mdns(node).publish(host, now) for node, host in zip(self.nodes, self._hosts(), strict=True)]
        for node, name in zip(self.nodes, names[::-1], strict=True):
            self._mdns(node).resolve(name, now)

    def settled(self) -> bool:
        return all(node.saw(NameResolved) for node in self.nodes)

    def talk(self) -> None:
        name = self._mdns(self.right).publish("192.0.2.2", self.network.now)
        self._mdns(self.left).resolve(name, self.network.now)

    def talked(self) -> bool:
        return len(self.left.of(NameResolved)) > 1

    def misuses(self) -> Calls:
        return [
            ("no candidate's name", lambda node: self._mdns(node).resolve("printer.local", self.network.now)),
            ("no address", lambda node: self._mdns(node).publish("nowhere", self.network.now)),
            ("a link twice", lambda node: self._mdns(node).add_link("192.0.2.1/24", self.network.now)),
        ]

    def after_close(self) -> Calls:
        return [("a name", lambda node: self._mdns(node).publish("192.0.2.1", 99.0))]

    def flood(self) -> Callable[[Node], object]:
        return lambda node: self._mdns(node).publish("192.0.2.1", self.network.now)

    def _hosts(self) -> list[str]:
        return [next(iter(node.hosts)) for node in self.nodes]

    @staticmethod
    def _mdns(node: Node) -> MulticastDns:
        assert isinstance(node.machine, MulticastDns)
        return node.machine


class DtlsConversation(Conversation):
    """Client and server with certificates that were agreed upon."""

    name = "dtls"

    def build(self) -> tuple[Node, Node]:
        now = datetime(2026, 1, 1, tzinfo=UTC)
        certificates = [Certificate.generate(rng=rng, wall_clock=now) for rng in self.rngs]
        roles = (rtc_dtls.Role.CLIENT, rtc_dtls.Role.SERVER)
        client, server = (
            DtlsConnection(
                role=role,
                # ML-KEM takes no randomness but the library's, so nothing would be the same twice.
                config=DtlsConfig(
                    certificate=ours, remote_fingerprints=(theirs.fingerprint(),), groups=(rtc_dtls.GroupId.X25519,)
                ),
                rng=rng,
                trace=self.trace,
            )
            for role, ours, theirs, rng in zip(roles, certificates, certificates[::-1], self.rngs, strict=True)
        )
        return self.network.join(client, server)

    def start(self) -> None:
        self._connection(self.left).start(self.network.now)

    def settled(self) -> bool:
        return all(node.saw(rtc_dtls.HandshakeCompleted) for node in self.nodes)

    def talk(self) -> None:
        self._connection(self.left).send(b"ping")
        self._connection(self.right).send_many([b"one", b"two"])

    def talked(self) -> bool:
        received = [len(node.of(rtc_dtls.ApplicationDataReceived)) for node in self.nodes]
        return received == [2, 1]

    def misuses(self) -> Calls:
        return [
            ("starting twice", lambda node: self._connection(node).start(self.network.now)),
            ("a record that is too long", lambda node: self._connection(node).send(bytes(20_000))),
        ]

    def after_close(self) -> Calls:
        return [("sending", lambda node: self._connection(node).send(b"late"))]

    def flood(self) -> Callable[[Node], object]:
        return lambda node: self._connection(node).send(b"more")

    @staticmethod
    def _connection(node: Node) -> DtlsConnection:
        assert isinstance(node.machine, DtlsConnection)
        return node.machine


class SctpConversation(Conversation):
    """Both sides connect at once, as in WebRTC."""

    name = "sctp"

    def build(self) -> tuple[Node, Node]:
        config = AssociationConfig(send_buffer_size=1 << 20)
        left, right = (Association(config=config, rng=rng, trace=self.trace) for rng in self.rngs)
        return self.network.join(left, right)

    def start(self) -> None:
        for node in self.nodes:
            self._association(node).connect(self.network.now)

    def settled(self) -> bool:
        return all(node.saw(AssociationEstablished) for node in self.nodes)

    def talk(self) -> None:
        left, right = (self._association(node) for node in self.nodes)
        for number in range(5):
            left.send(number, 51, b"x" * (1 + 4000 * number))
            right.send(7, 53, b"y", unordered=True, max_retransmits=3)
        left.reset_streams([1, 2])

    def talked(self) -> bool:
        return [len(node.of(UserMessage)) for node in self.nodes] == [5, 5]

    def misuses(self) -> Calls:
        return [
            ("connecting twice", lambda node: self._association(node).connect(self.network.now)),
            ("sending nothing", lambda node: self._association(node).send(0, 51, b"")),
            ("a stream that is not there", lambda node: self._association(node).send(65_535, 51, b"x")),
            ("resetting one that is not there", lambda node: self._association(node).reset_streams([1, 65_535])),
            ("reading what never came", lambda node: self._association(node).add_unread(-1)),
        ]

    def after_close(self) -> Calls:
        return [
            ("sending", lambda node: self._association(node).send(0, 51, b"late")),
            ("connecting", lambda node: self._association(node).connect(99.0)),
        ]

    def flood(self) -> Callable[[Node], object]:
        return lambda node: self._association(node).send(0, 51, b"more")

    @staticmethod
    def _association(node: Node) -> Association:
        assert isinstance(node.machine, Association)
        return node.machine


class DataChannelConversation(Conversation):
    """Channels over an association: opened, used, closed."""

    name = "datachannel"

    def build(self) -> tuple[Node, Node]:
        config = DataChannelConfig(association=AssociationConfig(send_buffer_size=1 << 20))
        left, right = (DataChannelEndpoint(config=config, rng=rng, trace=self.trace) for rng in self.rngs)
        return self.network.join(left, right)

    def start(self) -> None:
        for node, client in zip(self.nodes, (True, False), strict=True):
            endpoint = self._endpoint(node)
            endpoint.create_channel("talk", protocol="p", ordered=client)
            endpoint.start(self.network.now, client=client)

    def settled(self) -> bool:
        return all(node.saw(ChannelOpened) and node.saw(ChannelReceived) for node in self.nodes)

    def talk(self) -> None:
        left, right = (self._endpoint(node) for node in self.nodes)
        left.send(self._channel(left), "hello")
        right.send(self._channel(right), bytes(5000))
        right.send(self._channel(right), "")
        left.close_channel(self._channel(left, 1))

    def talked(self) -> bool:
        received = [len(node.of(MessageReceived)) for node in self.nodes]
        return received == [2, 1] and all(node.saw(ChannelClosed) for node in self.nodes)

    def misuses(self) -> Calls:
        return [
            ("starting twice", lambda node: self._endpoint(node).start(self.network.now, client=True)),
            ("a channel of nobody", lambda node: self._endpoint(node).send(DataChannel("foreign"), "x")),
            ("closing a channel of nobody", lambda node: self._endpoint(node).close_channel(DataChannel("foreign"))),
            (
                "a channel limited twice",
                lambda node: self._endpoint(node).create_channel(max_retransmits=1, max_packet_life_time_ms=1),
            ),
            (
                "a channel that exists",
                lambda node: self._endpoint(node).create_channel(negotiated=True, channel_id=0),
            ),
            (
                "text that is none",
                lambda node: self._endpoint(node).send(self._channel(self._endpoint(node)), "\ud800"),
            ),
            (
                "a message that is too long",
                lambda node: self._endpoint(node).send(self._channel(self._endpoint(node)), bytes(70_000)),
            ),
        ]

    def after_close(self) -> Calls:
        return [("a channel", lambda node: self._endpoint(node).create_channel("late"))]

    def flood(self) -> Callable[[Node], object]:
        return lambda node: self._endpoint(node).send(self._channel(self._endpoint(node)), bytes(60_000))

    @staticmethod
    def _endpoint(node: Node) -> DataChannelEndpoint:
        assert isinstance(node.machine, DataChannelEndpoint)
        return node.machine

    @staticmethod
    def _channel(endpoint: DataChannelEndpoint, channel_id: int = 0) -> DataChannel:
        # By identifier: handles from before a rule exchanged the machine belong to the original.
        channel = endpoint.channel(channel_id)
        assert channel is not None
        return channel


CONVERSATIONS: Final[list[type[Conversation]]] = [
    StunConversation,
    BehaviorConversation,
    LifetimeConversation,
    TurnClientConversation,
    TurnServerConversation,
    IceConversation,
    MovingIceConversation,
    RelayConversation,
    MulticastDnsConversation,
    DtlsConversation,
    SctpConversation,
    DataChannelConversation,
    RtpConversation,
    PeerConversation,
    CallConversation,
]
