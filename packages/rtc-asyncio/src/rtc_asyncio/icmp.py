"""What the network says about datagrams that did not arrive: ICMP errors, as Linux queues them beside a socket.

The kernel keeps them apart from the data and tells, for each, the destination that the datagram was sent to (`IP_RECVERR`). Where it does
not, as on other systems, nobody learns of them.
"""

import errno
import socket
import struct
import sys
from typing import Final

from rtc_stun import Address

from .dataclass import dataclass

IP_RECVERR: Final = 11
IPV6_RECVERR: Final = 25
MSG_ERRQUEUE: Final = 0x2000
MAX_ERRORS: Final = 64
"""That are read at once."""
QUOTED_LENGTH: Final = 64
"""Bytes of the datagram that are of interest, which is none of them."""
ANCILLARY_LENGTH: Final = 256

_FROM_ICMP: Final = frozenset({2, 3})
"""Origins of an error: ICMP and ICMPv6."""
_FROM_KERNEL: Final = 1
"""Origin of what the kernel itself refused."""
_TOO_BIG: Final = {False: (3, 4), True: (2, 0)}
"""Type and code of what a router says about a datagram that is too big, by whether it is ICMPv6."""
_EXTENDED_ERROR: Final = struct.Struct("=IBBBxII")


@dataclass(slots=True)
class IcmpError:
    """An ICMP or ICMPv6 error about a datagram of ours."""

    destination: Address
    """Where the datagram was to go."""
    icmp_type: int
    """As in the packet; which of the two protocols it is of, the family of the destination tells."""
    icmp_code: int
    """As in the packet."""
    mtu: int
    """Bytes, where the error is about a datagram that was too big; 0 otherwise."""
    is_refusal: bool = False
    """Whether the kernel itself has refused the datagram, for what it knows of the path."""


def report_icmp(udp: socket.socket) -> bool:
    """Ask the kernel to keep ICMP errors for `icmp_errors`; whether it will."""
    if sys.platform != "linux":
        return False
    is_ipv6 = udp.family == socket.AF_INET6
    try:
        udp.setsockopt(*((socket.IPPROTO_IPV6, IPV6_RECVERR) if is_ipv6 else (socket.IPPROTO_IP, IP_RECVERR)), 1)
    except OSError:
        return False
    return True


def icmp_errors(udp: socket.socket) -> list[IcmpError]:
    """Take the errors that wait."""
    errors = []
    for _ in range(MAX_ERRORS):
        try:
            _, ancillary, _, destination = udp.recvmsg(QUOTED_LENGTH, ANCILLARY_LENGTH, MSG_ERRQUEUE)
        except OSError:
            break
        for _, _, value in ancillary:
            if len(value) < _EXTENDED_ERROR.size:
                continue
            number, origin, icmp_type, icmp_code, information, _ = _EXTENDED_ERROR.unpack_from(value)
            if not isinstance(destination, tuple):
                continue
            remote = Address(*destination[:2])
            if origin == _FROM_KERNEL and number == errno.EMSGSIZE:
                # It has learned from a router, or from the interface, what the next router would say.
                errors.append(IcmpError(remote, *_TOO_BIG[remote.is_ipv6], information, is_refusal=True))
            elif origin in _FROM_ICMP:
                errors.append(IcmpError(remote, icmp_type, icmp_code, information))
    return errors
