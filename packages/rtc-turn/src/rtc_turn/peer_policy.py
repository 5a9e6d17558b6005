"""Whom a server relays to: which addresses a user may name as peers.

A relay lends its clients its own place in the network. Without a rule of its own, what stands behind the server's firewall
would stand open to whoever has a password, so nothing but the public Internet is reachable unless it is allowed by name.
"""

import ipaddress
from collections.abc import Iterable
from functools import lru_cache
from typing import Final, Protocol, TypeAlias

from rtc_stun import Address

_Host: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_EMBEDDING: Final = tuple(map(ipaddress.IPv6Network, ("64:ff9b::/96", "::ffff:0:0:0/96", "::/96")))
"""What holds an IPv4 address in its last 32 bits, beside mapped ones: NAT64, translated (SIIT), and compatible ones of old."""
_NEVER_PUBLIC: Final[tuple[_Network, ...]] = (
    # What the interpreter's versions do not agree on.
    *map(ipaddress.IPv4Network, ("0.0.0.0/8", "192.0.0.0/24", "192.88.99.0/24")),
    *map(ipaddress.IPv6Network, ("64:ff9b:1::/48", "100::/64", "2001::/23", "3fff::/20", "5f00::/16", "fec0::/10")),
)
"""Networks with a purpose of their own: special protocols, relays of 6to4, NAT64 of a site, documentation, segment routing."""


class PeerPolicy(Protocol):
    """What a server asks before it relays; `PublicPeers`, or a class of yours. Purely a function of its arguments."""

    def allows(self, username: str, peer: Address) -> bool:
        """Tell whether a user's allocation may exchange data with a peer. The port is 0 where hosts alone are asked for."""


class PublicPeers:
    """Allow public unicast addresses, and what is named.

    An IPv6 address that holds an IPv4 one, mapped or translated, is judged by that one.

    Args:
        allowed: Networks in CIDR notation that are allowed although they are not public.
        denied: Networks that are not allowed although they are public; this wins over ``allowed``.

    Raises:
        ValueError: One is no network.
    """

    def __init__(self, *, allowed: Iterable[str] = (), denied: Iterable[str] = ()) -> None:
        self._allowed = tuple(map(ipaddress.ip_network, allowed))
        self._denied = tuple(map(ipaddress.ip_network, denied))

    def allows(self, username: str, peer: Address) -> bool:  # noqa: ARG002 - as in PeerPolicy
        """Tell whether anybody may exchange data with a peer."""
        try:
            host = _inner(peer.host)
        except ValueError:
            return False
        if _is_in(host, self._denied):
            return False
        if _is_in(host, self._allowed):
            return True
        return host.is_global and not host.is_multicast and not _is_in(host, _NEVER_PUBLIC)


@lru_cache(maxsize=1024)
def is_tunnel(text: str) -> bool:
    """Whether packets to an address travel inside others to an end that it does not show: 6to4 and Teredo.

    A server between such addresses can be made to send to itself in a circle; see :rfc:`8656#section-21.4`.
    """
    try:
        host = ipaddress.ip_address(text)
    except ValueError:
        return False
    return isinstance(host, ipaddress.IPv6Address) and (host.sixtofour is not None or host.teredo is not None)


@lru_cache(maxsize=1024)
def _inner(text: str) -> _Host:
    """Return the address that packets to it end at."""
    host = ipaddress.ip_address(text)
    if isinstance(host, ipaddress.IPv6Address):
        if host.ipv4_mapped is not None:
            return host.ipv4_mapped
        # ``::`` and ``::1`` are what they are.
        if int(host) > 1 and any(host in network for network in _EMBEDDING):
            return ipaddress.IPv4Address(int(host) & 0xFFFF_FFFF)
    return host


def _is_in(host: _Host, networks: tuple[_Network, ...]) -> bool:
    return any(host.version == network.version and host in network for network in networks)
