"""Which of this machine's addresses a connection uses, at which ports, and what the peer is told of them."""

import ipaddress
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field, replace
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from rtc_ice import Announced, Announcement
from rtc_peer import Configuration, IceTransportPolicy
from rtc_stun import Address

from .dataclass import dataclass
from .interfaces import InterfaceAddress, routed_hosts, without_loopback

if TYPE_CHECKING:
    import ssl

IpHandling: TypeAlias = Literal["all", "default-route-and-local", "default-route", "relay-streams"]
"""The modes 1 to 4 of :rfc:`8828#section-5.2`, in that order."""

_HANDLINGS: Final = ("all", "default-route-and-local", "default-route", "relay-streams")
_MAX_PORT: Final = 65_535


def _everything(_: str) -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkOptions:
    """How a connection uses this machine's network. The defaults suit a server and a program that a person runs knowingly.

    Raises:
        ValueError: A value is out of its range, or no IP address.
    """

    handling: IpHandling = "all"
    """How much of the network is used and shown. `"all"`: every address. `"default-route-and-local"`: those that the system
    would speak to the internet from. `"default-route"`: the same, but only the addresses that servers see are told to the
    peer. `"relay-streams"`: nothing but TURN servers, and these over TCP or TLS."""
    interfaces: Callable[[str], bool] = _everything
    """Tells by its name, such as `"eth0"`, whether an interface is used."""
    addresses: Callable[[str], bool] = _everything
    """Tells by its text whether an address is used; link-local IPv6 addresses have their zone, as in `"fe80::1%eth0"`."""
    ports: tuple[int, int] | None = None
    """Lowest and highest port of our sockets; None for those that the system chooses."""
    announced: Mapping[str, str] = field(default_factory=dict)
    """Public addresses of a static one-to-one translator by the addresses of this machine that they lead to."""
    announce_as: Literal["host", "srflx"] = "host"
    """Whether a public address stands in place of the private one, or as a candidate beside it."""
    hide_hosts: bool = False
    """Whether to show names instead of this machine's addresses, as browsers do: who is on the same network finds us by
    multicast DNS, and nobody else learns how it is built. Off, because a server's address is meant to be known and many
    networks let no multicast pass."""
    # [rfc6544:4.1/1]
    tcp: Sequence[Literal["active", "passive", "so"]] = ()
    """Which TCP candidates to have beside those for UDP (:rfc:`6544`): `"active"` ones connect, as browsers do, `"passive"` ones
    are connected to, as suits servers, and with `"so"` both sides try at once. None by default: media lose more by waiting
    for what was lost than by its loss, and who has TURN over TCP needs no other way around what blocks UDP."""
    follow_changes: bool = True
    """Whether to take up addresses that appear, and to give up those that vanish, as long as the connection lasts. Not done
    where the addresses were named one by one."""

    tls: "ssl.SSLContext | None" = None
    """How the certificates of TURN servers are verified, over TLS and DTLS; by the system's roots if None. Load roots of
    your own into a context of `ssl.create_default_context`. A client certificate is not used over DTLS."""

    def __post_init__(self) -> None:
        """Check the values."""
        if self.handling not in _HANDLINGS:
            raise ValueError(f"handling is one of {', '.join(_HANDLINGS)}, not {self.handling!r}")
        if self.ports is not None and not 1 <= self.ports[0] <= self.ports[1] <= _MAX_PORT:
            raise ValueError("ports are the lowest and the highest of a range, 1 to 65,535")
        if not set(self.tcp) <= {"active", "passive", "so"}:
            raise ValueError(f"tcp has 'active', 'passive' and 'so', not {self.tcp!r}")
        if self.announce_as not in ("host", "srflx"):
            raise ValueError(f"announce_as is 'host' or 'srflx', not {self.announce_as!r}")
        for private, public in self.announced.items():
            if ipaddress.ip_address(private).version != ipaddress.ip_address(public).version:
                raise ValueError(f"{public} cannot stand for {private}: the families differ")

    def hosts(self, present: Iterable[InterfaceAddress]) -> list[str]:
        """Choose the addresses to open sockets on among those of this machine; their order stays."""
        present = [each for each in present if self._wants(each) and not each.is_superseded]
        # [rfc8828:5.2/1]
        if self.handling == "all":
            return [each.host for each in without_loopback(present)]
        # [rfc8828:5.2/2] [rfc8828:5.2/3]
        routed = routed_hosts()
        return [each.host for each in present if each.host in routed]

    def restricted(self, configuration: Configuration) -> Configuration:
        """Return a configuration without what may not be used: without streams to relays, nothing is left of it."""
        if self.handling != "relay-streams":
            return configuration
        # [rfc8828:5.2/6]
        servers = (
            replace(server, urls=urls) for server in configuration.ice_servers if (urls := server.urls_of_streams())
        )
        return replace(configuration, ice_servers=tuple(servers), ice_transport_policy=IceTransportPolicy.RELAY)

    def announcement(self, local: Address, name: str | None) -> Announced | None:
        """Return what the peer is told of an address; None for the address itself.

        Args:
            local: Of a socket.
            name: That stands for it, if hosts are hidden.
        """
        public = self.announced.get(local.host)
        mapped = None if public is None else Address(public, local.port)
        # [rfc8828:5.2/4]
        if self.handling in ("default-route", "relay-streams"):
            return Announcement(host=None, mapped=mapped)
        if name is not None:
            return Announcement(host=Address(name, local.port), mapped=mapped)
        if mapped is None:
            return None
        return mapped if self.announce_as == "host" else Announcement(host=local, mapped=mapped)

    def _wants(self, address: InterfaceAddress) -> bool:
        return self.interfaces(address.interface) and self.addresses(address.host)
