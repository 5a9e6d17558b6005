"""What a server does for clients that explore their NAT (:rfc:`5780#section-6`).

Whoever forges the source of a request makes the server write to somebody who never asked. So no response is padded more
than its request was, none goes to a well-known port, and what moves or pads a response is rationed for each host.
"""

from typing import Final, NamedTuple, Self

from rtc_stun.attribute import Attribute, AttributeSet
from rtc_stun.attributes import STUN_ATTRIBUTES, ErrorCode, MappedAddress, XorMappedAddress
from rtc_stun.behavior_attributes import (
    BEHAVIOR_ATTRIBUTES,
    ChangeRequest,
    OtherAddress,
    Padding,
    ResponseOrigin,
    ResponsePort,
)
from rtc_stun.dataclass import dataclass
from rtc_stun.datagram import MAX_PORT, Address, Datagram, check_canonical
from rtc_stun.message import Message
from rtc_stun.rate_limit import RateLimit

FIRST_UNPRIVILEGED_PORT: Final = 1024
_MTUS: Final = range(576, 65_001)


@dataclass(frozen=True, slots=True)
class AlternateAddresses:
    """Two IP addresses and two ports of the server, which listens on all four combinations."""

    primary: Address
    """The IP address and port that clients are told of."""
    alternate: Address
    """Another IP address of the same family, and another port."""

    def __post_init__(self) -> None:
        """Refuse what would change nothing."""
        # [rfc5780:6/1] [rfc5780:6/2]
        for address in (self.primary, self.alternate):
            check_canonical(address)
        if self.primary.host == self.alternate.host or self.primary.port == self.alternate.port:
            raise ValueError("the alternate address differs from the primary one in IP address and port")
        if self.primary.is_ipv6 != self.alternate.is_ipv6:
            raise ValueError(f"{self.alternate.host} is of the other address family")

    def other(self, local: Address) -> Address | None:
        """Return the combination that has neither IP address nor port in common with one; None if that is not ours."""
        hosts, ports = (self.primary.host, self.alternate.host), (self.primary.port, self.alternate.port)
        if local.host not in hosts or local.port not in ports:
            return None
        return Address(hosts[local.host == hosts[0]], ports[local.port == ports[0]])


@dataclass(frozen=True, slots=True, kw_only=True)
class BehaviorConfig:
    """What a server offers to clients that explore their NAT."""

    alternates: tuple[AlternateAddresses, ...] = ()
    """One of each address family; none for a server with a single IP address, which cannot tell how a NAT filters."""
    response_ports: range = range(FIRST_UNPRIVILEGED_PORT, MAX_PORT + 1)
    """The ports that a client may send responses to, instead of its own; an empty range to refuse them all."""
    mtu: int = 1500
    """Bytes that the outgoing interface carries at once, 576 to 65000: how much a response is padded at most."""
    rate: float = 10.0
    """Requests a second, from one host, whose responses are to be moved or padded; more are dropped."""

    def __post_init__(self) -> None:
        """Refuse values that make no sense."""
        if self.mtu not in _MTUS:
            raise ValueError(f"the MTU is {_MTUS.start} to {_MTUS.stop - 1} bytes, not {self.mtu}")
        if self.rate <= 0:
            raise ValueError("a host may ask now and then")


class Reply(NamedTuple):
    """How a request is answered."""

    local: Address
    """Where the response leaves from."""
    remote: Address
    """Where it goes."""
    attributes: tuple[Attribute, ...]
    """What it carries, first an ERROR-CODE if it is an error."""

    @classmethod
    def to(cls, received: Datagram, *attributes: Attribute) -> Self:
        """Return the reply that goes back the way that the request came."""
        return cls(received.local, received.remote, attributes)


class BehaviorUsage:
    """The rules of one server."""

    __slots__ = ("_config", "_limit", "_over_udp")

    def __init__(self, config: BehaviorConfig) -> None:
        self._config = config
        self._limit = RateLimit(rate=config.rate, burst=2 * config.rate)
        known = dict(BEHAVIOR_ATTRIBUTES)
        if not config.response_ports:
            del known[ResponsePort.TYPE]
        self._over_udp: AttributeSet = known

    def known_attributes(self, local: Address, transport: str) -> AttributeSet:
        """Return what is understood in requests to an address; everything else gets a 420."""
        if transport != "udp":  # a stream, or a DTLS association, has but one way back
            return STUN_ATTRIBUTES
        if self._other(local) is None:
            # [rfc5780:6/5] [rfc5780:6.1/2]
            return {number: kind for number, kind in self._over_udp.items() if number != ChangeRequest.TYPE}
        return self._over_udp

    def admits(self, request: Message, source: Address, now: float) -> bool:
        """Tell whether a request is to be answered at all, and take note of it."""
        costly = any(request.get(kind) is not None for kind in (ChangeRequest, ResponsePort, Padding))
        return not costly or self._limit.admits(source.host, now)

    def reply(self, request: Message, received: Datagram) -> Reply:
        """Decide how a request is answered that holds nothing unknown and comes from somebody entitled."""
        local, remote = received.local, received.remote
        port, padding, change = request.get(ResponsePort), request.get(Padding), request.get(ChangeRequest)
        if port is not None and (padding is not None or port.port not in self._config.response_ports):
            # [rfc5780:6.1/11] [rfc5780:7.5/2]
            return Reply.to(received, ErrorCode.with_phrase(400))
        other = self._other(local)
        origin = local
        if change is not None and other is not None:
            # [rfc5780:6.1/3] [rfc5780:6.1/4] [rfc5780:6.1/5] [rfc5780:6.1/6]
            origin = Address(other.host if change.ip else local.host, other.port if change.port else local.port)
        # [rfc5780:6.1/1] [rfc5780:6.1/7]
        attributes: list[Attribute] = [XorMappedAddress(remote), MappedAddress(remote), ResponseOrigin(origin)]
        if other is not None:
            # [rfc5780:6.1/8] [rfc5780:6/4] [rfc5780:7.4/1]
            attributes.append(OtherAddress(other))
        if padding is not None:
            # [rfc5780:6.1/9] [rfc5780:6.1/10]
            longest = Padding.of_mtu(self._config.mtu).value
            attributes.append(Padding(longest[: len(padding.value)]))
        # [rfc5780:7.5/1]
        return Reply(origin, remote if port is None else Address(remote.host, port.port), tuple(attributes))

    def _other(self, local: Address) -> Address | None:
        for pair in self._config.alternates:
            other = pair.other(local)
            if other is not None:
                return other
        return None
