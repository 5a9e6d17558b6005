"""The datagram and its addresses, shared by every machine that serves more than one path."""

import ipaddress
from functools import lru_cache
from typing import Final, NamedTuple, Self

from rtc_stun.dataclass import dataclass
from rtc_stun.errors import ParseError

IPV4_LENGTH: Final = 4
IPV6_LENGTH: Final = 16
MAX_PORT: Final = 0xFFFF

_OCTETS: Final = {str(octet): octet for octet in range(256)}
_IPV4_MAPPED: Final = bytes(10) + b"\xff\xff"


class Address(NamedTuple):
    """A transport address. It compares, hashes and unpacks like the pair that it is."""

    host: str
    """IP literal in canonical text; an IPv6 one may carry a zone: ``fe80::1%eth0``. Never a domain name.

    What a socket for both families calls ``::ffff:192.0.2.1`` is best named ``192.0.2.1``, as it names itself.
    """
    port: int
    """0 to 65535."""

    @property
    def is_ipv6(self) -> bool:
        """Whether the host is an IPv6 literal."""
        return ":" in self.host

    @property
    def dscp(self) -> int:
        """The code point of what leaves from here; 0 unless it is a `MarkedAddress`."""
        return 0


class MarkedAddress(Address):
    """An address of ours for datagrams that leave with a code point of their own (:rfc:`2474`); otherwise it is the address that it equals.

    Whoever sends a run of datagrams compares addresses anyway, and so those without a mark cost nothing more.

    Args:
        host: IP literal.
        port: 0 to 65535.
        dscp: 0 to 63, which fills the upper six bits of the octet that IPv4 calls TOS, and IPv6 traffic class.
    """

    _dscp: int

    def __new__(cls, host: str, port: int, dscp: int = 0) -> Self:
        """Make one."""
        address = super().__new__(cls, host, port)
        address._dscp = dscp
        return address

    @property
    def dscp(self) -> int:
        """The code point of what leaves from here."""
        return self._dscp


@dataclass(slots=True)
class Datagram:
    """One datagram on its way in or out; mutable, because thousands are made a second and frozen ones cost more."""

    data: bytes
    """The payload."""
    local: Address
    """Our own address: where it arrived, or where it is to leave from, and there `Address.dscp` tells with which code point."""
    remote: Address
    """The peer's address: the source of what came in, the destination of what goes out."""
    transport: str = "udp"
    """Lower-case name of what carries it: ``udp`` or ``dtls``."""
    dont_fragment: bool = False
    """On the way out: whether it is to arrive whole or not at all. What came in does not tell."""


def pack_host(host: str) -> bytes:
    """Turn an IP literal into its 4 or 16 bytes; a zone is left out, for it means nothing to others.

    Raises:
        ValueError: ``host`` is not an IP literal.
    """
    if ":" not in host:
        # Looked up, not converted: int() would take " 1", "+1" and "01" as well.
        octets = [_OCTETS.get(octet, -1) for octet in host.split(".")]
        if len(octets) != IPV4_LENGTH or -1 in octets:
            raise ValueError(f"{host!r} is not an IP literal")
        return bytes(octets)
    return _pack_ipv6(host.partition("%")[0])


def check_canonical(address: Address) -> None:
    """Refuse an address that would never compare equal to the one that datagrams come from.

    Raises:
        ValueError: The host is not an IP literal in canonical text, or the port is out of range.
    """
    if unpack_host(pack_host(address.host)) != address.host.partition("%")[0]:
        raise ValueError(f"{address.host!r} is not written in canonical form")
    if not 0 <= address.port <= MAX_PORT:
        raise ValueError(f"a port is 0 to {MAX_PORT}, not {address.port}")


def unpack_host(data: bytes) -> str:
    """Turn 4 or 16 bytes into canonical text, that of :rfc:`5952`.

    Raises:
        ParseError: ``data`` has another length.
    """
    if len(data) == IPV4_LENGTH:
        return f"{data[0]}.{data[1]}.{data[2]}.{data[3]}"
    if len(data) == IPV6_LENGTH:
        if data.startswith(_IPV4_MAPPED):
            # What a socket for both families calls an IPv4 peer; the interpreter's versions do not agree on it.
            return f"::ffff:{unpack_host(data[12:])}"
        return _unpack_ipv6(bytes(data))
    raise ParseError(f"an IP address has 4 or 16 bytes, not {len(data)}")


# The same few addresses come again and again, and each conversion takes as long as an HMAC.


@lru_cache(maxsize=512)
def _pack_ipv6(text: str) -> bytes:
    return ipaddress.IPv6Address(text).packed


@lru_cache(maxsize=512)
def _unpack_ipv6(data: bytes) -> str:
    return str(ipaddress.IPv6Address(data))
