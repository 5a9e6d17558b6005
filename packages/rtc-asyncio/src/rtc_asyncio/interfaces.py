"""The addresses of this machine that candidates are gathered on."""

import ipaddress
from typing import Final

LINK_LOCAL_V4 = ipaddress.ip_network("169.254.0.0/16")

_TRANSITIONAL: Final = (ipaddress.ip_network("2002::/16"), ipaddress.ip_network("2001::/32"))
"""6to4 and Teredo: IPv6 by way of relays."""


def local_hosts(*, loopback: bool = False) -> list[str]:
    """IP addresses of the interfaces that are up, the preferred ones first; link-local IPv4 ones are left out.

    IPv6 goes before IPv4 (:rfc:`8421#section-4`) where it leads everywhere: private, tunnelled and link-local IPv6
    addresses come after IPv4, as in the policy table of :rfc:`6724#section-2.1`. Otherwise the system's order stays.

    Loopback addresses are given where they are asked for, and where there is nothing else: two peers on a machine without a
    network still reach each other.
    """
    import ifaddr  # with ctypes and more behind it; a program that never gathers does without

    found: list[str] = []
    loopbacks: list[str] = []
    for adapter in ifaddr.get_adapters():
        for ip in adapter.ips:
            text = ip.ip if isinstance(ip.ip, str) else ip.ip[0]
            zone = 0 if isinstance(ip.ip, str) else ip.ip[2]
            address = ipaddress.ip_address(text)
            if address.is_loopback:
                loopbacks.append(text)
            elif address in LINK_LOCAL_V4 if address.version == 4 else address.is_link_local and not zone:
                continue
            else:
                found.append(f"{text}%{adapter.name}" if address.is_link_local else text)
    found.sort(key=_rank)
    return [*found, *loopbacks] if loopback or not found else found


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
