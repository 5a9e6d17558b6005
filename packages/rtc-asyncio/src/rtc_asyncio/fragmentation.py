"""Whether the network may cut a socket's datagrams: "don't fragment" of IPv4, and what does the same for IPv6.

Linux alone is asked for it; elsewhere nobody is promised that a datagram stays whole.
"""

import socket
import sys
from typing import Final

IP_MTU_DISCOVER: Final = 10
IPV6_MTU_DISCOVER: Final = 23
PMTUDISC_DONT: Final = 0
"""No datagram says "don't fragment", and what is too long for the path as it is known is cut at once."""
PMTUDISC_DO: Final = 2
"""Every datagram says "don't fragment", and what is too long for the path as it is known is refused."""


def may_cut(udp: socket.socket, *, allowed: bool) -> bool:
    """Allow or forbid to cut what is sent from now on; whether the system heeds it."""
    if sys.platform != "linux":
        return False
    is_ipv6 = udp.family == socket.AF_INET6
    level, option = (socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER) if is_ipv6 else (socket.IPPROTO_IP, IP_MTU_DISCOVER)
    try:
        udp.setsockopt(level, option, PMTUDISC_DONT if allowed else PMTUDISC_DO)
    except OSError:
        return False
    return True


def keeps_whole() -> bool:
    """Whether the system can be told that single datagrams are not to be cut."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            return may_cut(udp, allowed=False)
    except OSError:  # where there is no IPv4
        return False
