"""Two ICE agents of which one is reached through a TURN server alone."""

from tests.support.network import Node
from tests.support.turn import PASSWORD, USER, TurnHost

from rtc_ice import Candidate, ConnectionState, IceAgent, IceConfig, LocalCandidateGathered, TurnServer
from rtc_stun import Address, Datagram, LongTermCredential

from .conversation import Calls, Conversation

TURN = Address("198.51.100.10", 3478)


class RelayConversation(Conversation):
    """The agent with the relay in sight; data passes the relay both ways."""

    name = "ice-relay"
    saturation = 4000

    def build(self) -> tuple[Node, Node]:
        bindings = self.network.host("192.0.2.1").bind(5000), self.network.host("192.0.2.2").bind(5000)
        self.addresses = [binding.address for binding in bindings]
        TurnHost(self.network, TURN.host)
        server = TurnServer(address=TURN, credential=LongTermCredential(username=USER, password=PASSWORD))
        # Without a relay there is nothing: all the time that it takes on a bad network.
        configs = IceConfig(turn_servers=(server,), relay_only=True, gathering_timeout=25.0), IceConfig()
        agents = [
            IceAgent(controlling=controlling, rng=rng, config=config, trace=self.trace)
            for controlling, rng, config in zip((True, False), self.rngs, configs, strict=True)
        ]
        left, right = (self.network.attach(agent, binding) for agent, binding in zip(agents, bindings, strict=True))
        left.on_event = lambda event: self._trickle(event, self.right)
        right.on_event = lambda event: self._trickle(event, self.left)
        return left, right

    def start(self) -> None:
        now = self.network.now
        for node, other in (self.nodes, self.nodes[::-1]):
            credentials = self._agent(other).local_credentials
            self._agent(node).set_remote_credentials(credentials.ufrag, credentials.password, now)
        for node, address in zip(self.nodes, self.addresses, strict=True):
            self._agent(node).add_local_address(address, now)
            self._agent(node).end_of_local_addresses(now)

    def settled(self) -> bool:
        states = {ConnectionState.CONNECTED, ConnectionState.COMPLETED}
        return all(self._agent(node).connection_state in states for node in self.nodes)

    def talk(self) -> None:
        self._settled_at = self.network.now
        agent = self._agent(self.left)
        pair = agent.selected_pair
        if pair is not None:
            agent.send([Datagram(b"\x80data", pair.local, pair.remote)] * 8, self.network.now)

    def talked(self) -> bool:
        # Permission and channel are refreshed, consent is asked for.
        return self.network.now >= self._settled_at + 12.0

    def misuses(self) -> Calls:
        return [
            ("a stream that was never asked for", lambda node: self._agent(node).transport_opened(7, 0.0)),
            ("a failure of such a stream", lambda node: self._agent(node).transport_failed(7, 0.0)),
        ]

    def after_close(self) -> Calls:
        server = TurnServer(address=Address("198.51.100.11", 3478))
        data = Datagram(b"\x80data", self.addresses[0], self.addresses[1])
        return [
            ("a server", lambda node: self._agent(node).add_turn_server(server, 99.0)),
            ("data", lambda node: self._agent(node).send([data], 99.0)),
        ]

    def _trickle(self, event: object, other: Node) -> None:
        if isinstance(event, LocalCandidateGathered):
            candidate = Candidate.parse(str(event.candidate))
            self._agent(other).add_remote_candidate(candidate, self.network.now)

    @staticmethod
    def _agent(node: Node) -> IceAgent:
        assert isinstance(node.machine, IceAgent)
        return node.machine
