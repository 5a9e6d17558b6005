"""The addresses of this machine that candidates are gathered on."""

import ipaddress

LINK_LOCAL_V4 = ipaddress.ip_network("169.254.0.0/16")


def local_hosts(*, loopback: bool = False) -> list[str]:
    """IP addresses of the interfaces that are up, IPv4 first within each interface; link-local IPv4 ones are left out.

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
    return [*found, *loopbacks] if loopback or not found else found
