"""Two connections that talk while their hosts move from address to address, every circumstance chosen by a seed.

No restart is negotiated: each side understands renomination. Every message arrives, in order, and no side ever thinks that all is
lost.
"""

import random

from tests.peer.pair import Pair, Side
from tests.support.nat import port_restricted_cone
from tests.support.network import Link

from rtc_ice import IceConfig
from rtc_peer import ConnectionState, ConnectionStateChanged, PeerOptions
from rtc_stun import Address

from .call import SimulationError

STEPS = 8
PATIENCE = 60.0
"""Virtual seconds for what is left to arrive."""


class MovingCall:
    """The conversation of one seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(f"{seed} moving")
        choose = self.random.choice
        link = Link(delay=choose([0.001, 0.03, 0.1]), loss=choose([0.0, 0.0, 0.05]), jitter=choose([0.0, 0.01]))
        options = PeerOptions(ice=IceConfig(continual=True))
        nat = port_restricted_cone("203.0.113.1") if self.random.random() < 0.3 else None
        self.pair = Pair(seed=seed, link=link, options=(options, options), behind=(nat, None))
        self.sent: dict[str, list[str]] = {side.name: [] for side in self.pair.sides}
        self.hosts = 100

    def run(self) -> None:
        """Connect, talk while hosts move, compare.

        Raises:
            SimulationError: A promise was broken.
        """
        self.pair.left.machine.create_data_channel("chat")
        self.pair.negotiate()
        if not self.pair.run(self.pair.talking, timeout=PATIENCE):
            raise SimulationError("they do not connect")
        self.pair.settle(self.random.choice([0.0, 5.0]))
        for _ in range(STEPS):
            self._talk()
            self._move(self.random.choice(self.pair.sides))
            if self.random.random() < 0.3:
                self._move(self.random.choice(self.pair.sides))
            # Whoever moves again before the peer has heard of the last move is out of reach: nobody can follow that.
            self.pair.settle(self.random.choice([6.0, 10.0, 40.0]))
        if not self.pair.run(self._all_arrived, timeout=PATIENCE):
            raise SimulationError(f"of {self._counts(self.sent)} messages only {self._received_counts()} arrived")
        for side in self.pair.sides:
            if side.other.messages() != self.sent[side.name]:
                raise SimulationError("messages arrived in another order, or twice")
            if any(event.state is ConnectionState.FAILED for event in side.of(ConnectionStateChanged)):
                raise SimulationError(f"{side.name} gave up")

    def _talk(self) -> None:
        for side in self.pair.sides:
            for _ in range(self.random.randrange(6)):
                text = f"{side.name} {len(self.sent[side.name])} {'x' * self.random.randrange(3000)}"
                side.machine.send(side.channel(), text)
                self.sent[side.name].append(text)

    def _move(self, side: Side) -> None:
        """Give a host another address and take the old one away, in either order, with or without a pause."""
        old = [Address(*each) for each in side.host.nodes if each[0] == side.host.hosts[0]]
        self.hosts += 1
        new_first = self.random.random() < 0.5
        pause = self.random.choice([0.0, 0.01, 0.5])
        if new_first:
            self._appear(side)
            self.pair.settle(pause)
            self._vanish(side, old)
        else:
            self._vanish(side, old)
            self.pair.settle(pause)
            self._appear(side)
        self.pair.network.flush()

    def _appear(self, side: Side) -> None:
        host = f"192.0.2.{self.hosts}"
        side.host.hosts.append(host)
        side.host.realm.members[host] = side.host
        side.ports += 1
        address = self.pair.network.bind(side.node, side.host.bind(side.ports, host))
        side.machine.add_local_address(0, address, self.pair.now)

    def _vanish(self, side: Side, addresses: list[Address]) -> None:
        gone = side.host.hosts.pop(0)
        del side.host.realm.members[gone]
        for address in addresses:
            if side.machine.remove_local_address(address, self.pair.now):
                raise SimulationError(f"{side.name} asks for a restart")

    def _all_arrived(self) -> bool:
        return all(len(side.other.messages()) == len(self.sent[side.name]) for side in self.pair.sides)

    def _received_counts(self) -> dict[str, int]:
        return {side.name: len(side.messages()) for side in self.pair.sides}

    @staticmethod
    def _counts(messages: dict[str, list[str]]) -> dict[str, int]:
        return {name: len(texts) for name, texts in messages.items()}
