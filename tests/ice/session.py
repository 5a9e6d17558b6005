"""Two agents on a simulated network, and a signalling channel between them that takes its time."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from tests.support.network import Binding, Host, Link, Network, Node
from tests.support.rng import SeededRng

from rtc_ice import (
    Candidate,
    ConnectionState,
    ConnectionStateChanged,
    GatheringState,
    GatheringStateChanged,
    IceAgent,
    IceConfig,
    LocalCandidateGathered,
    SelectedPairChanged,
)
from rtc_stun import BINDING, Address, Datagram, Message, MessageClass, StunServer, XorMappedAddress

STUN_SERVER = Address("198.51.100.1", 3478)


@dataclass
class ServerStats:
    """What the network expects of every machine."""

    dropped: dict[str, int] = field(default_factory=dict)


class OddStunServer:
    """A STUN server that answers as the test says; a machine of the simulated network."""

    def __init__(self, answer: Callable[[Message, Datagram], bytes | None]) -> None:
        self.requests: list[tuple[float, Datagram]] = []
        self.stats = ServerStats()
        self.closed = False
        self._answer = answer
        self._output: list[Datagram] = []
        self._now = 0.0

    def receive_datagram(self, datagram: Datagram, now: float) -> None:
        self.receive_datagrams([datagram], now)

    def receive_datagrams(self, datagrams: Iterable[Datagram], now: float) -> None:
        self._now = now
        for datagram in datagrams:
            self.requests.append((now, datagram))
            response = self._answer(Message.parse(datagram.data), datagram)
            if response is not None:
                self._output.append(Datagram(response, datagram.local, datagram.remote))

    def handle_timeout(self, now: float) -> None: ...

    def datagrams_to_send(self, now: float) -> list[Datagram]:
        output, self._output = self._output, []
        return output

    def events(self) -> list[object]:
        return []

    def next_timeout(self) -> float | None:
        return self._now if self._output else None

    def close(self, now: float) -> None:
        self.closed = True


def tell_address(message: Message, datagram: Datagram) -> bytes:
    """The success response of an ordinary STUN server."""
    mapped = XorMappedAddress(datagram.remote)
    return Message(BINDING, MessageClass.SUCCESS, message.transaction_id, [mapped]).serialize()


class Watch:
    """A tap that remembers what leaves, and lets pass what it is told to."""

    def __init__(self, passes: Callable[[Datagram], bool] = lambda datagram: True) -> None:
        self.seen: list[tuple[float, Datagram]] = []
        self.passes = passes

    def __call__(self, now: float, datagram: Datagram) -> bool:
        self.seen.append((now, datagram))
        return self.passes(datagram)


@dataclass
class Signalling:
    """What passes between the agents beside the datagrams."""

    delay: float = 0.0
    drops: Callable[[Candidate], bool] = lambda candidate: False
    tells_end: bool = True


@dataclass
class Party:
    """An agent, its place on the network, and what it signalled."""

    agent: IceAgent
    node: Node
    host: Host
    bindings: tuple[Binding, ...]
    candidates: list[LocalCandidateGathered] = field(default_factory=list)

    @property
    def states(self) -> list[ConnectionState]:
        return [event.state for event in self.node.of(ConnectionStateChanged)]

    @property
    def selections(self) -> list[SelectedPairChanged]:
        return self.node.of(SelectedPairChanged)

    @property
    def types(self) -> list[str]:
        """Types of the local candidates, in the order of their discovery."""
        return [event.candidate.type for event in self.candidates]


class Call:
    """Alice, who offers and controls, and Bob, who answers."""

    def __init__(
        self,
        *,
        seed: int = 1,
        link: Link | None = None,
        alice: IceConfig | None = None,
        bob: IceConfig | None = None,
        roles: tuple[bool, bool] = (True, False),
        signalling: Signalling | None = None,
    ) -> None:
        self.network = Network(seed=seed, link=link or Link(delay=0.005))
        self.signalling = signalling or Signalling()
        self.parties: list[Party] = []
        self._seed = seed
        self._configs = (alice or IceConfig(), bob or IceConfig())
        self._roles = roles
        self._letters: list[tuple[float, int, Callable[[float], None]]] = []
        self._letter_count = 0

    @property
    def alice(self) -> Party:
        return self.parties[0]

    @property
    def bob(self) -> Party:
        return self.parties[1]

    def join(self, host: Host, *bindings: Binding) -> Party:
        """Put the next agent on the network; its addresses are added by `start`."""
        index = len(self.parties)
        rng = SeededRng(f"{self._seed} {index}")
        agent = IceAgent(controlling=self._roles[index], rng=rng, config=self._configs[index])
        bindings = bindings or tuple(host.bind(5000 + n, ip) for n, ip in enumerate(host.hosts))
        node = self.network.attach(agent, *bindings)
        self.parties.append(Party(agent, node, host, bindings))
        node.on_event = lambda event: self._on_event(index, event)
        return self.parties[index]

    def serve_stun(self, address: Address = STUN_SERVER, server: OddStunServer | None = None) -> Node:
        """Put a STUN server on the internet, an ordinary one unless said otherwise."""
        binding = self.network.host(address.host).bind(address.port)
        return self.network.attach(server or StunServer(), binding)

    def start(self, *, gather: bool = True, signal: bool = True) -> None:
        """Add all addresses and exchange credentials; candidates follow as they are gathered."""
        if gather:
            for party in self.parties:
                self.gather(party)
        if signal:
            self.exchange_credentials()
        self.network.flush()

    def gather(self, party: Party, *, end: bool = True) -> None:
        for binding in party.bindings:
            party.agent.add_local_address(binding.address, self.network.now)
        if end:
            party.agent.end_of_local_addresses(self.network.now)

    def exchange_credentials(self) -> None:
        self.tell_credentials(0)
        self.tell_credentials(1)

    def tell_credentials(self, index: int) -> None:
        """Signal the credentials of one agent to the other."""
        agent, peer = self.parties[index].agent, self.parties[1 - index].agent
        local, lite, renomination = agent.local_credentials, agent.lite, agent.renomination
        self.post(
            lambda now: peer.set_remote_credentials(
                local.ufrag, local.password, now, lite=lite, renomination=renomination
            )
        )

    def run(self, until: Callable[[], bool] | None = None, timeout: float = 60.0) -> bool:
        """Let time pass, signalling included; return whether the condition came true."""
        deadline = self.network.now + timeout

        def wanted() -> bool:
            return until is not None and until()

        while True:
            self._deliver()
            if wanted():
                return True
            if self.network.now >= deadline:
                return until is None
            horizon = min([at for at, _, _ in self._letters] + [deadline])
            self.network.run(until=lambda: wanted() or self._letter_due(), timeout=horizon - self.network.now)
            if not wanted() and not self._letter_due():
                self.network.now = horizon

    def post(self, action: Callable[[float], None]) -> None:
        """Do something when the signalling channel has delivered it."""
        self._letter_count += 1
        self._letters.append((self.network.now + self.signalling.delay, self._letter_count, action))

    def both(self, *states: ConnectionState) -> bool:
        return all(party.agent.connection_state in states for party in self.parties)

    def connected(self) -> bool:
        return self.both(ConnectionState.CONNECTED, ConnectionState.COMPLETED)

    def completed(self) -> bool:
        return self.both(ConnectionState.COMPLETED)

    def failed(self) -> bool:
        return self.both(ConnectionState.FAILED)

    def agree(self) -> bool:
        """Whether both ends send to where the other listens: each pair's base behind the other's remote address."""
        ours, theirs = self.alice.agent.selected_pair, self.bob.agent.selected_pair
        return (
            ours is not None
            and theirs is not None
            and ours.local_candidate.address == theirs.remote
            and theirs.local_candidate.address == ours.remote
        )

    def _letter_due(self) -> bool:
        return any(at <= self.network.now for at, _, _ in self._letters)

    def _deliver(self) -> None:
        while self._letter_due():
            self._letters.sort(key=lambda letter: letter[:2])
            _, _, action = self._letters.pop(0)
            action(self.network.now)
            self.network.flush()

    def _on_event(self, index: int, event: object) -> None:
        if isinstance(event, LocalCandidateGathered):
            self.parties[index].candidates.append(event)
        if len(self.parties) > 1:
            self._signal(self.parties[1 - index].agent, event)

    def _signal(self, peer: IceAgent, event: object) -> None:
        if isinstance(event, LocalCandidateGathered):
            if not self.signalling.drops(event.candidate):
                candidate = Candidate.parse(f"{event.candidate} ufrag {event.ufrag}")
                stream = event.stream
                self.post(lambda now: peer.add_remote_candidate(candidate, now, stream=stream))
        elif self.signalling.tells_end and _is_end(event):
            self.post(peer.end_of_remote_candidates)


def simple_call(
    *,
    seed: int = 1,
    link: Link | None = None,
    alice: IceConfig | None = None,
    bob: IceConfig | None = None,
    roles: tuple[bool, bool] = (True, False),
    signalling: Signalling | None = None,
) -> Call:
    """Two hosts with one public address each."""
    call = Call(seed=seed, link=link, alice=alice, bob=bob, roles=roles, signalling=signalling)
    call.join(call.network.host("192.0.2.1"))
    call.join(call.network.host("192.0.2.2"))
    return call


def _is_end(event: object) -> bool:
    return isinstance(event, GatheringStateChanged) and event.state is GatheringState.COMPLETE
