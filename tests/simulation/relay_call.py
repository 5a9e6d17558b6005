"""Two connections that talk through TURN servers while servers, streams and policies come and go, every circumstance chosen by a seed.

Whatever happened, after a restart of ICE with a server that works every message has arrived, in order; and when both have closed,
no allocation is left.
"""

import random

from tests.peer.pair import Pair, Side
from tests.support.nat import Nat, port_restricted_cone, symmetric
from tests.support.network import Link
from tests.support.streams import Streams
from tests.support.turn import PASSWORD, USER, TurnHost

from rtc_ice import IceConfig
from rtc_peer import Configuration, IceServer, IceTransportPolicy, PeerOptions, SignalingState
from rtc_stun import Address

from .call import SimulationError

SERVERS = ("198.51.100.10", "198.51.100.20")
DEAD = "198.51.100.99"
TRANSPORTS = ("udp", "tcp", "tls", "dtls")
STEPS = 12
FIRST_PORT = 5000
PATIENCE = 200.0
"""Virtual seconds for what is left to arrive."""


class SteadyPair(Pair):
    """As an application does it: the sockets of a transport stay, and a restart uses them again."""

    def add_addresses(self, side: Side, transport_id: int) -> list[Address]:
        """Open sockets for a transport that has none."""
        if side.ports > FIRST_PORT:
            side.machine.end_of_local_addresses(transport_id, self.now)
            return []
        return super().add_addresses(side, transport_id)


class RelayCall:
    """The conversation of one seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(f"{seed} relay")
        choose = self.random.choice
        link = Link(delay=choose([0.001, 0.03, 0.1]), loss=choose([0.0, 0.0, 0.05]), jitter=choose([0.0, 0.01]))
        options = PeerOptions(ice=IceConfig(gathering_timeout=20.0))
        self.pair = SteadyPair(
            seed=seed,
            link=link,
            left=self._configuration(IceTransportPolicy.RELAY),
            right=self._configuration(choose(list(IceTransportPolicy))),
            options=(options, options),
            behind=(self._nat("203.0.113.1"), self._nat("203.0.113.2")),
        )
        self.streams = Streams(self.pair.network, delay=link.delay)
        self.streams.blocked = lambda remote: remote.host == DEAD
        self.servers = [TurnHost(self.pair.network, host, streams=self.streams) for host in SERVERS]
        for side in self.pair.sides:
            self.streams.follow(side.node, side.machine)
        self.sent: dict[str, list[str]] = {side.name: [] for side in self.pair.sides}

    def _nat(self, host: str) -> Nat | None:
        kind = self.random.choice([None, port_restricted_cone, symmetric])
        return None if kind is None else kind(host)

    def _configuration(self, policy: IceTransportPolicy) -> Configuration:
        alive = [self._url(host) for host in self.random.sample(SERVERS, self.random.choice([1, 2]))]
        urls = [*alive, self._url(DEAD)] if self.random.random() < 0.3 else alive
        self.random.shuffle(urls)
        return Configuration(
            ice_servers=(IceServer(urls=tuple(urls), username=USER, credential=PASSWORD),),
            ice_transport_policy=policy,
        )

    def _url(self, host: str) -> str:
        transport = self.random.choice(TRANSPORTS)
        scheme = "turns" if transport in ("tls", "dtls") else "turn"
        return f"{scheme}:{host}?transport={'udp' if transport in ('udp', 'dtls') else 'tcp'}"

    # --- what happens ---

    def run(self) -> None:
        """Connect, talk while things happen, compare, close.

        Raises:
            SimulationError: A promise was broken.
        """
        self.pair.left.machine.create_data_channel("chat")
        self.pair.negotiate()
        if not self.pair.run(self.pair.talking, timeout=PATIENCE):
            raise SimulationError("they do not connect")
        for _ in range(STEPS):
            self._talk()
            self.random.choice([self._wait, self._wait, self._break_streams, self._change, self._restart])()
        # News of a stream that broke has to travel, and who asks for a restart before it is there asks too early.
        self.pair.settle(1.0)
        self._restart()
        if not self.pair.run(self._all_arrived, timeout=PATIENCE):
            raise SimulationError(
                f"of {self._counts(self.sent)} messages only {self._counts(self._received())} arrived"
            )
        if self._received() != self._expected():
            raise SimulationError("messages arrived in another order, or twice")
        self._close()

    def _talk(self) -> None:
        for side in self.pair.sides:
            for _ in range(self.random.randrange(4)):
                text = f"{side.name} {len(self.sent[side.name])} {'x' * self.random.randrange(3000)}"
                side.machine.send(side.channel(), text)
                self.sent[side.name].append(text)

    def _wait(self) -> None:
        self.pair.settle(self.random.choice([0.05, 0.5, 8.0]))

    def _break_streams(self) -> None:
        self.streams.break_all(self.random.choice(self.servers).server)

    def _change(self) -> None:
        side = self.random.choice(self.pair.sides)
        # One side has to be reached somehow: behind two symmetric NATs that is by a relay alone.
        policy = self.random.choice(list(IceTransportPolicy))
        side.machine.set_configuration(self._configuration(policy))

    def _restart(self) -> None:
        side = self.random.choice(self.pair.sides)
        if side.machine.signaling_state is SignalingState.STABLE:
            side.machine.restart_ice()
            self.pair.negotiate(side)
            self._wait()

    def _close(self) -> None:
        # What is being asked for when somebody closes is left to expire.
        self.pair.settle(30.0)
        for side in self.pair.sides:
            side.machine.close(self.pair.now)
        self.pair.settle(2.0)
        if self.pair.network.traffic.lost:
            return  # what was to give an allocation back may be among it
        left = sum(server.server.allocation_count for server in self.servers)
        if left:
            raise SimulationError(f"{left} allocations are left")

    # --- what came of it ---

    def _all_arrived(self) -> bool:
        return self._counts(self._received()) == self._counts(self._expected())

    def _expected(self) -> dict[str, list[str]]:
        return {side.other.name: self.sent[side.name] for side in self.pair.sides}

    def _received(self) -> dict[str, list[str]]:
        return {side.name: [str(message) for message in side.messages()] for side in self.pair.sides}

    @staticmethod
    def _counts(messages: dict[str, list[str]]) -> dict[str, int]:
        return {name: len(texts) for name, texts in messages.items()}
