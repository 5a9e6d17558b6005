"""The links that multicast DNS is spoken on, and the two groups that it is spoken to (:rfc:`6762#section-3`)."""

import ipaddress
from typing import Final

from rtc_ice.dataclass import dataclass
from rtc_stun import Address

MDNS_PORT: Final = 5353
# [rfc6762:3/1]
MDNS_GROUP_IPV4: Final = Address("224.0.0.251", MDNS_PORT)
MDNS_GROUP_IPV6: Final = Address("ff02::fb", MDNS_PORT)


@dataclass(frozen=True, slots=True)
class MdnsLink:
    """One address of ours with the link that it is on."""

    local: Address
    """The address, port 5353: where datagrams leave from, and where they arrived."""
    network: ipaddress.IPv4Network | ipaddress.IPv6Network

    @classmethod
    def of(cls, interface: str) -> "MdnsLink":
        """Make a link of an address with the length of its prefix, as in ``192.0.2.7/24`` or ``fe80::1%eth0/64``.

        Raises:
            ValueError: It is none.
        """
        host, _, length = interface.partition("/")
        network = ipaddress.ip_interface(f"{host.partition('%')[0]}/{length}").network
        return cls(Address(host, MDNS_PORT), network)

    @property
    def group(self) -> Address:
        """Where to send what all on the link shall hear."""
        return MDNS_GROUP_IPV6 if self.local.is_ipv6 else MDNS_GROUP_IPV4

    def reaches(self, source: Address) -> bool:
        """Whether an address is on the link, so that a datagram from there came over no router."""
        try:
            ip = ipaddress.ip_address(source.host.partition("%")[0])
        except ValueError:
            return False
        # [rfc6762:11/2] [rfc6762:5.5/2]
        return ip in self.network or (ip.version == self.network.version == 6 and ip.is_link_local)
