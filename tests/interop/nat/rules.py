"""What a NAT does to UDP, as rules of nftables. TCP it always translates, to wherever it goes.

The interface to the public network is called ``wan``, those to private ones ``lan0`` and so on.
"""

from typing import Final

from tests.support.nat_kinds import Kind

TABLE: Final = """
table ip nat {{
  map owners {{ type inet_service : ipv4_addr; flags dynamic,timeout; timeout 120s; }}
  set contacted {{ type inet_service . ipv4_addr; flags dynamic,timeout; timeout 120s; }}
  chain forward {{
    type filter hook forward priority 0; policy accept;
    {forward}
    iifname "lan*" oifname "wan" meta l4proto udp update @owners {{ udp sport : ip saddr }}
    iifname "lan*" oifname "wan" meta l4proto udp update @contacted {{ udp sport . ip daddr }}
    ct status dnat accept
    iifname "lan0" oifname "lan1" drop
    iifname "lan1" oifname "lan0" drop
  }}
  chain input {{
    # What nobody asked for is forgotten at once: a remembered flow would make the kernel choose another port later.
    type filter hook input priority 0; policy accept;
    iifname {{ "wan", "lan0", "lan1" }} ip daddr {public} meta l4proto udp drop
  }}
  chain prerouting {{
    type nat hook prerouting priority -100;
    {prerouting}
  }}
  chain postrouting {{
    type nat hook postrouting priority 100;
    oifname "wan" meta l4proto udp masquerade {masquerade}
    oifname "wan" masquerade
    iifname "lan*" oifname "lan*" ct status dnat snat to {public}
  }}
}}
"""
_TO_OWNER: Final = "dnat to udp dport map @owners"


def rules(kind: Kind, public: str, *, hairpinning: bool = False) -> str:
    """The rules of a NAT.

    Args:
        kind: What it does.
        public: Its public IP address.
        hairpinning: Whether what comes from inside reaches its mappings, too.
    """
    prerouting = {
        Kind.FULL_CONE: f'iifname "wan" {_TO_OWNER}',
        Kind.RESTRICTED: f'iifname "wan" udp dport . ip saddr @contacted {_TO_OWNER}',
    }.get(kind, "")
    if hairpinning:
        prerouting += f'\n    iifname "lan*" ip daddr {public} {_TO_OWNER}'
    return TABLE.format(
        public=public,
        prerouting=prerouting,
        forward="meta l4proto udp drop" if kind is Kind.UDP_BLOCKED else "",
        # The kernel keeps the port of the source if it can, which makes a mapping that depends on nothing.
        masquerade="fully-random" if kind is Kind.SYMMETRIC else "",
    )
