"""TCP candidates: what they are, how they rank, and which of them make a pair (:rfc:`6544`).

An *active* candidate connects, a *passive* one is connected to, and with *simultaneous open* both sides connect at the
same time, from a port that they have told before. What travels on the connections is in `rtc_ice.tcp_carrier`.
"""

from enum import Enum
from types import MappingProxyType
from typing import Final

from rtc_stun import Address

DISCARD_PORT: Final = 9
"""What stands for the port of an active candidate, which has none yet."""

MAX_OTHER_PREFERENCE: Final = 2**13 - 1
"""The local preference of a TCP candidate without its direction."""

TCP_TRANSACTION_TIMEOUT: Final = 39.5
"""Seconds that a request over a stream awaits its response (Ti); it is sent once. See :rfc:`8489#section-6.2.2`."""


class TcpType(Enum):
    """Who connects (:rfc:`6544#section-4.5`); the values are those of ``tcptype``."""

    ACTIVE = "active"
    PASSIVE = "passive"
    SIMULTANEOUS_OPEN = "so"

    @property
    def counterpart(self) -> "TcpType":
        """The type that the peer's candidate has at the other end of a connection."""
        return _COUNTERPARTS[self]

    @property
    def connects(self) -> bool:
        """Whether such a candidate opens connections."""
        return self is not TcpType.PASSIVE

    @property
    def accepts(self) -> bool:
        """Whether such a candidate is connected to."""
        return self is not TcpType.ACTIVE


_COUNTERPARTS: Final = MappingProxyType(
    {
        TcpType.ACTIVE: TcpType.PASSIVE,
        TcpType.PASSIVE: TcpType.ACTIVE,
        TcpType.SIMULTANEOUS_OPEN: TcpType.SIMULTANEOUS_OPEN,
    }
)

_DIRECTION_PREFERENCES: Final = MappingProxyType(
    # [rfc6544:4.2/6] [rfc6544:4.2/8] Of host candidates, 0 to 7.
    {TcpType.ACTIVE: 6, TcpType.PASSIVE: 4, TcpType.SIMULTANEOUS_OPEN: 2}
)

_REFLEXIVE_DIRECTION_PREFERENCES: Final = MappingProxyType(
    {TcpType.SIMULTANEOUS_OPEN: 6, TcpType.ACTIVE: 4, TcpType.PASSIVE: 2}
)


def highest_local_preference(tcp_type: TcpType) -> int:
    """Return the local preference of the best host candidate of a type; further ones count down from there.

    See :rfc:`6544#section-4.2`.
    """
    # [rfc6544:4.2/5] [rfc6544:4.2/7] [rfc6544:4.2/11]
    return (_DIRECTION_PREFERENCES[tcp_type] << 13) | MAX_OTHER_PREFERENCE


def reflexive_local_preference(tcp_type: TcpType, host_preference: int) -> int:
    """Return the local preference of a server-reflexive candidate by that of its base."""
    # [rfc6544:4.2/12]
    return (_REFLEXIVE_DIRECTION_PREFERENCES[tcp_type] << 13) | (host_preference & MAX_OTHER_PREFERENCE)


def base_of(address: Address, tcp_type: TcpType | None) -> Address:
    """Return the address under which a local candidate goes: one that is active has no port."""
    # [rfc6544:4.5/2] [rfc6544:4.5/3]
    return address._replace(port=DISCARD_PORT) if tcp_type is TcpType.ACTIVE else address


def parse_tcp_type(text: str | None) -> TcpType | None:
    """Read the value of ``tcptype``; ``None`` if it is missing or unknown."""
    try:
        return TcpType(text)
    except ValueError:
        return None


def tcp_extensions(tcp_type: TcpType | None) -> tuple[tuple[str, str], ...]:
    """Return what a candidate line says about the type; nothing for UDP."""
    # [rfc6544:4.5/1]
    return () if tcp_type is None else (("tcptype", tcp_type.value),)


def transport_of(tcp_type: TcpType | None) -> str:
    """Return the transport of a candidate as its line has it."""
    return "udp" if tcp_type is None else "tcp"


def can_connect(local: TcpType | None, remote: TcpType | None) -> bool:
    """Whether two candidates of the same transport, if these are their types, make a pair that we can check.

    See :rfc:`6544#section-6.2`.
    """
    if local is None or remote is None:
        return local is remote
    # [rfc6544:6.2/1] [rfc6544:6.2/2] A passive candidate of ours has pairs only where the peer has connected to it.
    return local.connects and remote is local.counterpart
