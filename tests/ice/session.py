"""Two agents on a simulated network, and a signalling channel between them that takes its time."""

from collections.abc import Callable
from dataclasses import dataclass, field

from tests.support.network import Binding, Host, Link, Network, Node
from tests.support.rng import SeededRng

from rtc_ice import (
    Candidate,
    ConnectionState,
    GatheringState,
    GatheringStateChanged,
    IceAgent,
    IceConfig,
    LocalCandidateGathered,
)
from rtc_stun import BINDING, Address, Datagram, Message, MessageClass, XorMappedAddress

STUN_SERVER = Address("198.51.100.1", 3478)


class StunServer:
    """The least that answers a Binding request; a machine of the simulated network."""

    def __init__(self, answer: Callable[[Message, Datagram], bytes | None] | None = None) -> None:
        self.requests: list[tuple[float, Datagram]] = []
        self._answer = answer or _tell_address
        self._output: list[Datagram] = []
        self._now = 0.0
        self.closed = False

    def receive_datagram(self, datagram: Datagram, now: float) -> None:
        self.receive_datagrams([datagram], now)

    def receive_datagrams(self, datagrams: list[Datagram], now: float) -> None:
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


def _tell_address(message: Message, datagram: Datagram) -> bytes:
    return Message(
        BINDING, MessageClass.SUCCESS, message.transaction_id, [XorMappedAddress(datagram.remote)]
    ).serialize()


@dataclass
class Signalling:
    """What passes between the agents beside the datagrams."""

    delay: float = 0.0
    trickle: bool = True
    drop: Callable[[Candidate], bool] = lambda candidate: False


@dataclass
class Party:
    """An agent, its place on the network, and what it reported."""

    agent: IceAgent
    node: Node
    host: Host
    candidates: list[LocalCandidateGathered] = field(default_factory=list)
    heard_end: bool = False

    @property
    def states(self) -> list[ConnectionState]:
        from rtc_ice import ConnectionStateChanged

        return [event.state for event in self.node.of(ConnectionStateChanged)]


class Call:
    """Alice, who offers, and Bob, who answers."""

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
        self.network = Network(seed=seed, link=link)
        self.signalling = signalling or Signalling()
        self._letters: list[tuple[float, int, Callable[[float], None]]] = []
        self._letter_count = 0
        self.seed = seed
        self._configs = (alice or IceConfig(), bob or IceConfig())
        self._roles = roles
        self.parties: list[Party] = []

    def join(self, host: Host, *ports_and_hosts: Binding, now: float = 0.0) -> Party:
        """Put the next agent on the network; the addresses are added by `start`."""
        index = len(self.parties)
        agent = IceAgent(
            controlling=self._roles[index], rng=SeededRng(f"{self.seed}-{index}"), config=self._configs[index]
        )
        bindings = ports_and_hosts or tuple(host.bind(5000 + n, ip) for n, ip in enumerate(host.hosts))
        node = self.network.attach(agent, *bindings)
        party = Party(agent, node, host)
        self.parties.append(party)
        self._bindings = getattr(self, "_bindings", [])
        self._bindings.append(bindings)
        node.on_event = lambda event: self._on_event(index, event)
        return party

    @property
    def alice(self) -> Party:
        return self.parties[0]

    @property
    def bob(self) -> Party:
        return self.parties[1]

    def start(self, *, gather: bool = True, signal: bool = True) -> None:
        """Add all addresses and exchange credentials; candidates follow as they are gathered."""
        if gather:
            for party, bindings in zip(self.parties, self._bindings, strict=True):
                for binding in bindings:
                    party.agent.add_local_address(binding.address, self.network.now)
                party.agent.end_of_local_addresses(self.network.now)
        if signal:
            self.exchange_credentials()
        self.network.flush()

    def exchange_credentials(self) -> None:
        for index in (0, 1):
            agent, peer = self.parties[index].agent, self.parties[1 - index].agent
            local = agent.local_credentials
            lite = agent.lite
            self._send(
                lambda now, peer=peer, local=local, lite=lite: peer.set_remote_credentials(
                    local.ufrag, local.password, now, lite=lite
                )
            )

    def run(self, until: Callable[[], bool] | None = None, timeout: float = 60.0) -> bool:
        """Let time pass, signalling included."""
        deadline = self.network.now + timeout
        while True:
            self._deliver()
            if until is not None and until():
                return True
            horizon = min([at for at, _, _ in self._letters] + [deadline])
            if self.network.run(
                until=lambda: (until is not None and until()) or self._letter_due(),
                timeout=max(0.0, horizon - self.network.now),
            ):
                if until is not None and until():
                    return True
            if self.network.now < horizon:
                if self._letter_due():
                    continue
                self.network.now = horizon
            if self.network.now >= deadline and not self._letter_due():
                return until is None or until()

    def both(self, *states: ConnectionState) -> bool:
        return all(party.agent.connection_state in states for party in self.parties)

    def connected(self) -> bool:
        return self.both(ConnectionState.CONNECTED, ConnectionState.COMPLETED)

    def completed(self) -> bool:
        return self.both(ConnectionState.COMPLETED)

    def failed(self) -> bool:
        return self.both(ConnectionState.FAILED)

    def _send(self, action: Callable[[float], None]) -> None:
        self._letter_count += 1
        self._letters.append((self.network.now + self.signalling.delay, self._letter_count, action))

    def _letter_due(self) -> bool:
        return any(at <= self.network.now for at, _, _ in self._letters)

    def _deliver(self) -> None:
        while self._letter_due():
            self._letters.sort(key=lambda letter: letter[:2])
            _, _, action = self._letters.pop(0)
            action(self.network.now)
            self.network.flush()

    def _on_event(self, index: int, event: object) -> None:
        party = self.parties[index]
        peer = self.parties[1 - index].agent if len(self.parties) > 1 else None
        match event:
            case LocalCandidateGathered():
                party.candidates.append(event)
                line = f"{event.candidate} ufrag {event.ufrag}"
                if peer is not None and not self.signalling.drop(event.candidate):
                    self._send(lambda now: peer.add_remote_candidate(Candidate.parse(line), now, stream=event.stream))
            case GatheringStateChanged(state=GatheringState.COMPLETE):
                if peer is not None:
                    self._send(lambda now: peer.end_of_remote_candidates(now))


def simple_call(*, seed: int = 1, link: Link | None = None, **options: object) -> Call:
    """Two hosts with a public address each."""
    call = Call(seed=seed, link=link, **options)  # type: ignore[arg-type]  # handed on as it came
    call.join(call.network.host("192.0.2.1"))
    call.join(call.network.host("192.0.2.2"))
    return call
