"""How far a client is: each state holds what exists then."""

from dataclasses import field
from typing import TypeAlias

from rtc_turn.allocation import Allocation
from rtc_turn.client_connections import ClientConnections
from rtc_turn.client_relay import ClientRelay
from rtc_turn.client_requests import Purpose
from rtc_turn.dataclass import dataclass
from rtc_turn.events import EndReason


@dataclass(slots=True)
class Idle:
    """Nothing was asked for yet."""


@dataclass(slots=True)
class Allocating:
    """The server was asked."""


@dataclass(slots=True, eq=False)
class InUse:
    """There is an allocation."""

    allocation: Allocation
    relay: ClientRelay
    connections: ClientConnections
    is_moving: bool = False
    """Whether the server is being asked to follow us: nothing else is sent until it has."""
    postponed: list[Purpose] = field(default_factory=list)
    """What the server refused because it did not know us by the new address yet, or did not answer on the old stream."""


@dataclass(slots=True)
class Releasing:
    """The allocation is being given back."""

    reason: EndReason


@dataclass(slots=True)
class Ended:
    """There is none any more, and will be none."""


State: TypeAlias = Idle | Allocating | InUse | Releasing | Ended
