"""How a NAT treats UDP, in the words of :rfc:`4787`, and what discovery tells of it."""

import enum

from rtc_stun.dataclass import dataclass
from rtc_stun.datagram import Address
from rtc_stun.events import Closed, FailureReason


class Behavior(enum.Enum):
    """How much of the remote address a mapping, or a filter, depends on (:rfc:`4787#section-4.1`, section 5)."""

    ENDPOINT_INDEPENDENT = "endpoint-independent"
    ADDRESS_DEPENDENT = "address-dependent"
    ADDRESS_AND_PORT_DEPENDENT = "address-and-port-dependent"


@dataclass(frozen=True, slots=True, kw_only=True)
class NatBehavior:
    """How what is between us and the server behaved just now. It may be worse under load, or for another port.

    None stands for what could not be found out: the server does not help with it, or it was not asked for.
    """

    local: Address
    """Our address."""
    mapped: Address
    """Our address as the server sees it."""
    mapping: Behavior | None = None
    """Whether another server sees us at the same address. Without translation it does."""
    filtering: Behavior | None = None
    """Who may write to the mapped address besides those that were written to."""
    hairpinning: bool | None = None
    """Whether what we send to our own mapped address comes back, as two hosts behind the NAT reach each other.

    False is less certain: routers on Linux return nothing to the host that sent it, but do between two hosts.
    """
    fragments: bool | None = None
    """Whether datagrams pass that are longer than the MTU, there and back."""
    rewriting: bool | None = None
    """Whether something on the path rewrites addresses that it finds inside datagrams."""

    @property
    def translated(self) -> bool:
        """Whether there is a NAT at all."""
        return self.local != self.mapped


@dataclass(slots=True)
class BehaviorDiscovered:
    """A discovery has come to its end."""

    behavior: NatBehavior


@dataclass(slots=True)
class LifetimeDiscovered:
    """A search for the lifetime of a binding has come to its end."""

    at_least: float
    """Seconds without traffic after which the binding was still there; 0 if it never was."""
    less_than: float | None
    """Seconds after which it was gone; None if it outlived everything that was tried."""


@dataclass(slots=True)
class DiscoveryFailed:
    """Nothing was found out."""

    reason: FailureReason
    """Of the request that failed: ``TIMEOUT`` where UDP does not reach the server."""
    error_code: int | None = None
    """What the server answered, if it did."""


DiscoveryEvent = BehaviorDiscovered | LifetimeDiscovered | DiscoveryFailed | Closed
