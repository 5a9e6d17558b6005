"""Network address translators by the vocabulary of RFC 4787: mapping and filtering behaviour are chosen apart."""

import enum
from dataclasses import dataclass, field

from .addresses import Endpoint


class Behaviour(enum.Enum):
    """How much of the remote address a mapping, or a filter, depends on (RFC 4787, sections 4.1 and 5)."""

    ENDPOINT_INDEPENDENT = "endpoint-independent"
    ADDRESS_DEPENDENT = "address-dependent"
    ADDRESS_AND_PORT_DEPENDENT = "address-and-port-dependent"

    def key(self, remote: Endpoint) -> object:
        """The part of `remote` that matters."""
        match self:
            case Behaviour.ENDPOINT_INDEPENDENT:
                return None
            case Behaviour.ADDRESS_DEPENDENT:
                return remote[0]
            case Behaviour.ADDRESS_AND_PORT_DEPENDENT:
                return remote


@dataclass
class Mapping:
    """One public port and what it stands for."""

    inner: Endpoint
    public: Endpoint
    refreshed_at: float
    permitted: dict[object, float] = field(default_factory=dict)
    """What the filter lets in, and when something was last sent there."""


@dataclass
class Nat:
    """A translator between an inner and an outer realm.

    The usual names: "full cone" is independent mapping and filtering, "restricted" filters by address, "port
    restricted" by address and port, "symmetric" also maps by address and port.
    """

    public_host: str
    mapping: Behaviour = Behaviour.ENDPOINT_INDEPENDENT
    filtering: Behaviour = Behaviour.ADDRESS_AND_PORT_DEPENDENT
    hairpinning: bool = True
    udp_blocked: bool = False
    mapping_lifetime: float = 120.0
    """Seconds without a datagram on its way out after which a mapping, or a permission of the filter, is gone."""
    first_port: int = 40000
    _by_inner: dict[tuple[Endpoint, object], Mapping] = field(default_factory=dict)
    _by_port: dict[int, Mapping] = field(default_factory=dict)

    def outbound(self, source: Endpoint, destination: Endpoint, now: float) -> Endpoint | None:
        """Translate the source of a datagram on its way out; None if it may not leave."""
        if self.udp_blocked:
            return None
        key = (source, self.mapping.key(destination))
        mapping = self._by_inner.get(key)
        if mapping is None or now - mapping.refreshed_at > self.mapping_lifetime:
            port = self.first_port + len(self._by_port)
            mapping = Mapping(source, (self.public_host, port), now)
            self._by_inner[key] = mapping
            self._by_port[port] = mapping
        mapping.refreshed_at = now
        mapping.permitted[self.filtering.key(destination)] = now
        return mapping.public

    def inbound(self, source: Endpoint, destination: Endpoint, now: float) -> Endpoint | None:
        """Translate the destination of a datagram on its way in; None if it is filtered."""
        mapping = self._by_port.get(destination[1])
        if mapping is None:
            return None
        # A mapping whose every permission is over is over itself.
        permitted_at = mapping.permitted.get(self.filtering.key(source))
        if permitted_at is None or now - permitted_at > self.mapping_lifetime:
            return None
        if source[0] == self.public_host and not self.hairpinning:
            return None
        return mapping.inner

    def forget(self) -> None:
        """Lose every mapping, as a rebooted router does that then uses other ports."""
        self.first_port += len(self._by_port)
        self._by_inner.clear()
        self._by_port.clear()


def full_cone(public_host: str) -> Nat:
    """Anyone may answer."""
    return Nat(public_host, filtering=Behaviour.ENDPOINT_INDEPENDENT)


def restricted_cone(public_host: str) -> Nat:
    """Only hosts that were written to may answer."""
    return Nat(public_host, filtering=Behaviour.ADDRESS_DEPENDENT)


def port_restricted_cone(public_host: str) -> Nat:
    """Only address and port that were written to may answer."""
    return Nat(public_host)


def symmetric(public_host: str) -> Nat:
    """A new public port for every destination."""
    return Nat(public_host, mapping=Behaviour.ADDRESS_AND_PORT_DEPENDENT)
