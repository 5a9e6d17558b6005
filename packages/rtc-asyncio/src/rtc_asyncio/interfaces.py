"""The addresses of this machine that candidates are gathered on."""

import contextlib
import functools
import ipaddress
import socket
import sys
from dataclasses import replace
from typing import Final

from .dataclass import dataclass
from .netlink import ListedAddress, list_addresses

_TRANSITIONAL: Final = (ipaddress.ip_network("2002::/16"), ipaddress.ip_network("2001::/32"))
"""6to4 and Teredo: IPv6 by way of relays."""

_FAR_IPV4: Final = "198.41.0.4"
_FAR_IPV6: Final = "2001:503:ba3e::2:30"
"""A root server of the DNS: far away for everybody."""
_ANY_PORT: Final = 9


@dataclass(frozen=True, slots=True)
class InterfaceAddress:
    """An IP address and the interface that has it."""

    host: str
    """IP literal; with its zone if it is a link-local one of IPv6."""
    interface: str
    """Name of the interface, such as "eth0"."""
    index: int
    """Number that the system gives the interface."""
    prefix_length: int
    """Leading bits that all addresses on the link share."""
    is_superseded: bool = False
    """Whether there is a better one of its kind on the interface: it is for connections that use it already."""

    @property
    def is_loopback(self) -> bool:
        """Whether it leads nowhere but here."""
        return _is_loopback(self.host)


def interface_addresses() -> list[InterfaceAddress]:
    """The addresses of all interfaces that can be spoken from, the preferred ones first.

    IPv6 goes before IPv4 (:rfc:`8421#section-4`) where it leads everywhere: private, tunnelled and link-local IPv6
    addresses come after IPv4, as in the policy table of :rfc:`6724#section-2.1`. Otherwise the system's order stays.
    Link-local IPv4 addresses are left out. Of IPv6, a temporary address supersedes the lasting ones of its kind on the interface, and the
    temporary ones that are deprecated (:rfc:`8835#section-3.3`), where the system tells them apart.
    """
    found: list[InterfaceAddress] = []
    temporary: set[str] = set()
    for each in _listed():
        is_link_local = _is_link_local(each.host)
        if is_link_local and ":" not in each.host:
            continue
        host = f"{each.host}%{each.interface}" if is_link_local else each.host
        found.append(InterfaceAddress(host, each.interface, each.index, each.prefix_length))
        if each.is_temporary:
            temporary.add(host)
    # [rfc8421:3/1] [rfc8421:4/1] By the kind of the address alone.
    found.sort(key=lambda each: _rank(each.host))
    shadowed = {(each.interface, _rank(each.host)) for each in found if each.host in temporary}
    # [rfc8835:3.3/1] [rfc8835:3.3/2] IPv4 is never of the rank of a temporary address.
    return [
        replace(each, is_superseded=True)
        if each.host not in temporary and (each.interface, _rank(each.host)) in shadowed
        else each
        for each in found
    ]


def local_hosts(*, loopback: bool = False) -> list[str]:
    """IP addresses of the interfaces that are up, the preferred ones first, without superseded ones: see `interface_addresses`.

    Loopback addresses are given where they are asked for, and where there is nothing else: two peers on a machine without a
    network still reach each other.
    """
    present = [each for each in interface_addresses() if not each.is_superseded]
    return [each.host for each in without_loopback(present, keep=loopback)]


def without_loopback(addresses: list[InterfaceAddress], *, keep: bool = False) -> list[InterfaceAddress]:
    """Leave loopback addresses out, unless they are to be kept or there is nothing else; kept ones come last."""
    loopbacks = [each for each in addresses if each.is_loopback]
    others = [each for each in addresses if not each.is_loopback]
    return [*others, *loopbacks] if keep or not others else others


def _listed() -> list[ListedAddress]:
    """Ask the system: Linux itself, elsewhere a library that does not tell temporary addresses apart."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            return list_addresses()
    import ifaddr  # with ctypes and more behind it

    found = []
    for adapter in ifaddr.get_adapters():
        for ip in adapter.ips:
            host, zone = (ip.ip, 0) if isinstance(ip.ip, str) else (ip.ip[0], ip.ip[2])
            index = adapter.index or zone
            found.append(ListedAddress(host, adapter.name, index, ip.network_prefix, is_temporary=False))
    return found


# Connections look at the same few addresses one after the other.


@functools.lru_cache(maxsize=256)
def _is_link_local(host: str) -> bool:
    return ipaddress.ip_address(host).is_link_local


@functools.lru_cache(maxsize=256)
def _is_loopback(host: str) -> bool:
    return ipaddress.ip_address(host).is_loopback


@functools.lru_cache(maxsize=256)
def _rank(host: str) -> int:
    """Tell how early an address is to be tried; 0 is best."""
    address = ipaddress.ip_address(host)
    if address.version == 4:
        return 1
    if address.is_link_local:
        return 4
    if any(address in network for network in _TRANSITIONAL):
        return 2
    return 3 if address.is_private else 0


def routed_hosts() -> list[str]:
    """The addresses that the system would speak to the internet from, one of each family that has a route there.

    Nothing is sent: a socket is connected, and asked where it stands (:rfc:`8828#section-6.2`).
    """
    found = []
    for family, somewhere in ((socket.AF_INET6, _FAR_IPV6), (socket.AF_INET, _FAR_IPV4)):
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as udp:
            udp.connect((somewhere, _ANY_PORT))
            found.append(str(udp.getsockname()[0]))
    return found
