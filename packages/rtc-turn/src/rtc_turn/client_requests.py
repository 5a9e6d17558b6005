"""What the client has asked the server for, and the queue in which its parts put such wishes."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from rtc_stun import Address, Attribute
from rtc_turn.allocation import AllocateWish
from rtc_turn.client_channels import Channel
from rtc_turn.config import TurnStats
from rtc_turn.dataclass import dataclass
from rtc_turn.events import Event
from rtc_turn.method import ALLOCATE

Trace: TypeAlias = Callable[[float, str, Mapping[str, object]], None]


@dataclass(slots=True)
class Refreshing:
    """The allocation is being prolonged, or given back."""


@dataclass(slots=True)
class Moving:
    """The server is being asked to follow us to another address."""

    local: Address


@dataclass(slots=True)
class Permitting:
    """Permissions are being asked for or prolonged."""

    hosts: tuple[str, ...]


@dataclass(slots=True)
class Binding:
    """A channel is being bound or prolonged."""

    channel: Channel


@dataclass(slots=True)
class Connecting:
    """The server is being asked to connect to a peer by TCP."""

    peer: Address


@dataclass(slots=True)
class Joining:
    """A stream is being joined with a connection of a peer; its own link knows what comes of it."""


Purpose: TypeAlias = AllocateWish | Refreshing | Moving | Permitting | Binding | Connecting | Joining


@dataclass(slots=True)
class Order:
    """A request that is to be sent."""

    method: int
    purpose: Purpose
    attributes: list[Attribute]


class Journal:
    """The time, the orders, the events and the counters of one client; its parts share it."""

    __slots__ = ("_next_stream", "_trace", "events", "now", "orders", "stats")

    def __init__(self, trace: Trace | None, stats: TurnStats) -> None:
        self._trace = trace
        self.now = float("-inf")
        """The latest time that the caller has told, in seconds."""
        self.orders: list[Order] = []
        self.events: list[Event] = []
        self.stats = stats
        self._next_stream = 0

    def new_stream(self) -> int:
        """Return a number that no stream of the client has had."""
        number, self._next_stream = self._next_stream, self._next_stream + 1
        return number

    def advance(self, now: float) -> None:
        """Take note of the time, which does not go back."""
        self.now = max(self.now, now)

    def order(self, method: int, purpose: Purpose, *attributes: Attribute) -> None:
        """Ask for a request to be sent."""
        self.orders.append(Order(method, purpose, list(attributes)))

    def order_allocation(self, wish: AllocateWish) -> None:
        """Ask for an allocation."""
        self.order(ALLOCATE, wish, *wish.attributes())

    def drop(self, reason: str, count: int = 1) -> None:
        """Count what came to nothing."""
        self.stats.dropped[reason] = self.stats.dropped.get(reason, 0) + count
        if self._trace is not None:
            self._trace(self.now, "turn:dropped", {"reason": reason, "count": count})
