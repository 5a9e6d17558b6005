"""Two connections over TCP candidates whose connections break again and again, every circumstance chosen by a seed.

Whatever happened, every message has arrived, in order, and one connection is left at most; when both have closed, none is.
"""

import random

from tests.peer.tcp_pair import TcpPair
from tests.support.network import Link

from rtc_ice import TcpType
from rtc_peer import SignalingState

from .call import SimulationError

STEPS = 10
PATIENCE = 120.0
"""Virtual seconds for what is left to arrive."""

_TYPES = list(TcpType)


class TcpCall:
    """The conversation of one seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(f"{seed} tcp")
        ours = self.random.choice(_TYPES)
        left = {ours, *self.random.sample(_TYPES, self.random.randrange(3))}
        right = {ours.counterpart, *self.random.sample(_TYPES, self.random.randrange(3))}
        link = Link(delay=self.random.choice([0.001, 0.03, 0.1]), loss=self.random.choice([0.0, 0.1]))
        self.pair = TcpPair(
            *sorted(left, key=_TYPES.index),
            right=sorted(right, key=_TYPES.index),
            udp=self.random.random() < 0.2,
            seed=seed,
            link=link,
        )
        self.pair.streams.delay = link.delay
        self.sent: dict[str, list[str]] = {side.name: [] for side in self.pair.sides}

    def run(self) -> None:
        """Connect, talk while connections break, compare, close.

        Raises:
            SimulationError: A promise was broken.
        """
        self.pair.left.machine.create_data_channel("chat")
        self.pair.negotiate()
        if not self.pair.run(self.pair.talking, timeout=PATIENCE):
            raise SimulationError("they do not connect")
        for _ in range(STEPS):
            self._talk()
            self.random.choice([self._wait, self._wait, self._break, self._restart])()
        if not self.pair.run(self._all_arrived, timeout=PATIENCE):
            # News of a broken connection may have come during the last restart: another one helps.
            self._restart()
        if not self.pair.run(self._all_arrived, timeout=PATIENCE):
            raise SimulationError(
                f"of {self._counts(self.sent)} messages only {self._counts(self._received())} arrived"
            )
        if self._received() != self._expected():
            raise SimulationError("messages arrived in another order, or twice")
        self.pair.settle(20.0)
        if self.pair.streams.count > 1:
            raise SimulationError(f"{self.pair.streams.count} connections are left")
        for side in self.pair.sides:
            side.machine.close(self.pair.now)
        self.pair.settle(1.0)
        if self.pair.streams.count:
            raise SimulationError("a connection outlives both sides")

    # --- what happens ---

    def _talk(self) -> None:
        for side in self.pair.sides:
            for _ in range(self.random.randrange(4)):
                text = f"{side.name} {len(self.sent[side.name])} {'x' * self.random.randrange(3000)}"
                side.machine.send(side.channel(), text)
                self.sent[side.name].append(text)

    def _wait(self) -> None:
        self.pair.settle(self.random.choice([0.05, 0.5, 8.0]))

    def _break(self) -> None:
        self.pair.streams.break_everything()
        self._wait()

    def _restart(self) -> None:
        side = self.random.choice(self.pair.sides)
        if side.machine.signaling_state is SignalingState.STABLE:
            side.machine.restart_ice()
            self.pair.negotiate(side)
            self._wait()

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
