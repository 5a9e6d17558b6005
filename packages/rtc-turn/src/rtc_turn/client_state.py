"""How far a client is: each state holds what exists then."""

from dataclasses import field
from typing import TypeAlias

from rtc_stun import Message, RequestFailed, RequestSucceeded
from rtc_turn.allocation import AllocateWish, Allocation
from rtc_turn.client_connections import ClientConnections
from rtc_turn.client_relay import ClientRelay
from rtc_turn.client_requests import Binding, Connecting, Permitting, Purpose
from rtc_turn.dataclass import dataclass
from rtc_turn.events import EndReason


@dataclass(slots=True)
class Idle:
    """Nothing was asked for yet."""


@dataclass(slots=True)
class Allocating:
    """The server was asked."""


@dataclass(slots=True)
class Authorizing:
    """The caller is asked for a token."""

    wish: AllocateWish


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

    def succeed(self, purpose: Purpose | None, event: RequestSucceeded) -> None:
        """The server has granted something for the exchange with peers."""
        match purpose:
            case Permitting(hosts=hosts):
                for host in hosts:
                    self.relay.permitted(host)
            case Binding(channel=channel):
                self.relay.bound(channel)
            case Connecting(peer=peer):
                self.connections.connected(peer, event)
            case _:
                pass

    def fail(self, purpose: Purpose | None, event: RequestFailed) -> None:
        """The server has not granted something for the exchange with peers."""
        match purpose:
            case Permitting(hosts=hosts):
                self.relay.forbidden(hosts, event.error_code)
            case Binding(channel=channel):
                self.relay.not_bound(channel)
            case Connecting(peer=peer):
                self.connections.not_connected(peer, event)
            case _:
                pass

    def attempted(self, indication: Message) -> None:
        """A peer has connected to the relayed address."""
        self.connections.attempted(indication, is_permitted=self.relay.is_permitted)

    def ask_again(self) -> None:
        """Ask once more for what was postponed."""
        postponed, self.postponed = self.postponed, []
        for purpose in postponed:
            if isinstance(purpose, Permitting | Binding):
                self.relay.again(purpose)


@dataclass(slots=True)
class Releasing:
    """The allocation is being given back."""

    reason: EndReason


@dataclass(slots=True)
class Ended:
    """There is none any more, and will be none."""


State: TypeAlias = Idle | Allocating | Authorizing | InUse | Releasing | Ended
