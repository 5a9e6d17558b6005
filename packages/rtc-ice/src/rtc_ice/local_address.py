"""The addresses that candidates are made of: which are fit, and in which order they are preferred.

See :rfc:`8445#section-5.1.1.1` and :rfc:`8445#section-5.1.2.1`.
"""

import ipaddress
from collections.abc import Iterator
from itertools import count
from typing import Final, NamedTuple

from rtc_ice.announcement import Announced, Announcement, nowhere
from rtc_ice.config import MAX_STUN_SERVERS, MAX_TURN_SERVERS, IceConfig
from rtc_ice.pair import ComponentKey, without_zone
from rtc_ice.priority import MAX_LOCAL_PREFERENCE
from rtc_ice.tcp import TcpType, base_of, highest_local_preference, transport_of
from rtc_stun import Address

_STEP: Final = MAX_STUN_SERVERS + MAX_TURN_SERVERS
"""From one local preference to the next: below each there is room for the candidates that every server gives."""

_SITE_LOCAL: Final = ipaddress.ip_network("fec0::/10")
_IPV4_COMPATIBLE: Final = ipaddress.ip_network("::/96")


class LocalAddress(NamedTuple):
    """An address that the caller receives on."""

    address: Address
    stream: int
    component_id: int
    local_preference: int
    announcement: Announcement
    """What the peer is told."""
    tcp_type: TcpType | None = None
    """Who connects, over TCP; ``None`` for UDP."""

    @property
    def transport(self) -> str:
        """``udp`` or ``tcp``."""
        return transport_of(self.tcp_type)

    @property
    def component(self) -> ComponentKey:
        """Stream and component."""
        return self.stream, self.component_id

    @property
    def shown(self) -> Address:
        """What the host candidate has for an address, whether it is signalled or not."""
        return base_of(self.announcement.host or without_zone(self.address), self.tcp_type)

    @property
    def related_address(self) -> Address:
        """What reflexive candidates tell of their base."""
        # [rfc8827:6.4/3]
        return nowhere(self.address) if self.announcement.hides_address else without_zone(self.address)


class LocalAddresses:
    """The addresses that the caller has added, in that order; they outlive restarts."""

    def __init__(self) -> None:
        self.ended = False
        """Whether the caller will add no more before the next restart."""
        self._by_address: dict[tuple[Address, str], LocalAddress] = {}

    def __iter__(self) -> Iterator[LocalAddress]:
        return iter(self._by_address.values())

    def add(
        self,
        address: Address,
        announced: Announced | None,
        component: ComponentKey,
        config: IceConfig,
        tcp_type: TcpType | None = None,
    ) -> LocalAddress | None:
        """Take in an address; ``None`` if it is not fit to be a candidate.

        Raises:
            ValueError: An address is no IP address, was added before, or is one too many; or what is to be announced is
                of another family, or no address.
        """
        ipaddress.ip_address(address.host)
        announcement = Announcement.of(address, announced)
        if (address, transport_of(tcp_type)) in self._by_address:
            raise ValueError(f"{address} was added before")
        if len(self._by_address) >= config.max_local_addresses:
            raise ValueError(f"there are {len(self._by_address)} local addresses already")
        if not is_gatherable(address, config):
            return None
        # [rfc8445:5.2/1] [rfc6544:4.4/1]
        if config.lite and (self._knows_host(address.host, component, transport_of(tcp_type)) or _connects(tcp_type)):
            return None
        preference = self._free_preference(component, tcp_type, is_ipv6=address.is_ipv6)
        local = LocalAddress(address, *component, preference, announcement, tcp_type)
        self._by_address[address, local.transport] = local
        return local

    def remove(self, address: Address, transport: str) -> None:
        """Forget an address.

        Raises:
            ValueError: It was not added.
        """
        if self._by_address.pop((address, transport), None) is None:
            raise ValueError(f"{address} was not added")

    def _knows_host(self, host: str, component: ComponentKey, transport: str) -> bool:
        return any((each.address.host, each.component, each.transport) == (host, component, transport) for each in self)

    def _free_preference(self, component: ComponentKey, tcp_type: TcpType | None, *, is_ipv6: bool) -> int:
        """Return the highest local preference that the address of a component may have, 65,535 for the first by UDP.

        IPv4 and IPv6 take turns, beginning with the family that was added first, so that a family whose paths are
        broken delays the other by one check at a time. See :rfc:`8421#section-4`.
        """
        highest, step = (MAX_LOCAL_PREFERENCE, _STEP) if tcp_type is None else (highest_local_preference(tcp_type), 1)
        others = [each for each in self if each.component == component and each.tcp_type is tcp_type]
        taken = {each.local_preference for each in others}
        turn = 0
        if others:
            first_turn = (highest - others[0].local_preference) // step % 2
            turn = first_turn if others[0].address.is_ipv6 == is_ipv6 else 1 - first_turn
        # [rfc8421:4/2] [rfc8421:4/3] [rfc8421:5/1] [rfc8835:3.2/3]
        # [rfc8445:5.1.2.1/6] [rfc8445:5.1.2.1/7] [rfc8445:5.1.2.1/8] [rfc8445:5.1.2.2/2] [rfc8445:5.2/9] [rfc8445:B.9/1]
        # [rfc6544:4.2/9] [rfc6544:4.2/10]
        slots = count(highest - turn * step, -2 * step)
        return next(preference for preference in slots if preference not in taken)


def is_gatherable(address: Address, config: IceConfig) -> bool:
    """Whether an address may become a host candidate.

    See :rfc:`8445#section-5.1.1.1`.
    """
    ip = ipaddress.ip_address(address.host)
    if ip.is_loopback:
        # [rfc8445:5.1.1.1/4]
        return config.allow_loopback
    if ip.is_multicast or ip.is_unspecified:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        # [rfc8445:5.1.1.1/5] [rfc8445:5.1.1.1/6]
        return ip.ipv4_mapped is None and ip not in _SITE_LOCAL and ip not in _IPV4_COMPATIBLE
    return True


def _connects(tcp_type: TcpType | None) -> bool:
    return tcp_type is not None and tcp_type.connects
