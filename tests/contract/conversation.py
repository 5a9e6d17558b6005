"""What the contract's rules need to know of a machine: how two of them are joined, started, made to talk and closed."""

import abc
from collections.abc import Callable, Mapping
from typing import ClassVar, TypeAlias

from tests.support.network import Link, Network, Node
from tests.support.rng import SeededRng

Trace: TypeAlias = Callable[[float, str, Mapping[str, object]], None]
Calls: TypeAlias = list[tuple[str, Callable[[Node], object]]]


class Conversation(abc.ABC):
    """Two machines of one kind on a simulated network. Commands always go through `node.machine`: rules exchange it for copies."""

    name: ClassVar[str]
    timeout: ClassVar[float] = 30.0
    """Virtual seconds within which `settled` must come true on a good network."""
    saturation: ClassVar[int] = 2000
    """How many repeated datagrams of strangers fill everything that they can fill."""

    def __init__(
        self, *, seed: int = 1, link: Link | None = None, trace: Trace | None = None, batch: bool = True
    ) -> None:
        self.network = Network(seed=seed, link=link or Link(delay=0.005), batch=batch)
        self.trace = trace
        self.rngs = (SeededRng(f"{seed} left"), SeededRng(f"{seed} right"))
        self.sent: list[tuple[float, bytes]] = []
        self.left, self.right = self.build()
        for node in self.nodes:
            node.tap = self._record

    @property
    def nodes(self) -> tuple[Node, Node]:
        """Both ends."""
        return self.left, self.right

    @abc.abstractmethod
    def build(self) -> tuple[Node, Node]:
        """Make both machines and put them on the network."""

    @abc.abstractmethod
    def start(self) -> None:
        """Give the commands that begin the conversation."""

    @abc.abstractmethod
    def settled(self) -> bool:
        """Whether everything that was started has happened."""

    def talk(self) -> None:
        """Give commands in the middle of a settled conversation, such as sending a message."""

    def talked(self) -> bool:
        """Whether what `talk` asked for has happened."""
        return True

    def misuses(self) -> Calls:
        """Calls that the application must not make now, for the left node of a settled conversation."""
        return []

    def after_close(self) -> Calls:
        """Commands that a closed machine must refuse."""
        return []

    def flood(self) -> Callable[[Node], object] | None:
        """A command that, repeated for ever, must raise at some time because a queue is full."""
        return None

    def run(self) -> bool:
        """Start and let time pass until settled."""
        self.start()
        return self.network.run(until=self.settled, timeout=self.timeout)

    def _record(self, now: float, datagram: object) -> bool:
        data = datagram.data  # type: ignore[attr-defined]  # a Datagram; the network's own type
        self.sent.append((now, data))
        return True
