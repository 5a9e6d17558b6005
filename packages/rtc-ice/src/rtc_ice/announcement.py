"""What the peer is told of a local address: itself, another one, a name instead, or nothing (:rfc:`8828#section-5`)."""

import ipaddress
from typing import Final, Self, TypeAlias

from rtc_ice.candidate import is_ip_literal
from rtc_ice.dataclass import dataclass
from rtc_ice.pair import without_zone
from rtc_stun import Address

_LOCAL_DOMAIN: Final = ".local"


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """How an address of ours appears in signalling."""

    host: Address | None
    """What the host candidate shows: the address itself, the public one of a static one-to-one translator, or a name under
    ``local`` that stands for it. ``None``: it is not signalled, and the peer learns of it by checks alone."""
    mapped: Address | None = None
    """The public address of a static one-to-one translator, to be signalled as a server-reflexive candidate beside it."""

    @classmethod
    def of(cls, address: Address, announced: "Announced | None") -> Self:
        """Make one of what the caller said about an address.

        Raises:
            ValueError: What is to be announced is of another family, or neither an IP address nor a name under ``local``.
        """
        made = cls(host=announced or without_zone(address)) if not isinstance(announced, Announcement) else announced
        for shown in (made.host, made.mapped):
            if shown is not None:
                _check(shown, address, may_be_name=shown is made.host)
        return cls(host=made.host, mapped=made.mapped)

    @property
    def hides_address(self) -> bool:
        """Whether the address must not show in other candidates either."""
        return self.host is None or not is_ip_literal(self.host.host)


Announced: TypeAlias = Address | Announcement
"""What a caller says about an address: what its host candidate shows instead, or all of it."""


def nowhere(address: Address) -> Address:
    """Return what stands in signalling for the related address of a candidate whose base is hidden."""
    # [rfc8828:5.1/4]
    return Address("::" if address.is_ipv6 else "0.0.0.0", 9)  # noqa: S104 - written, never bound


def _check(shown: Address, address: Address, *, may_be_name: bool) -> None:
    if may_be_name and shown.host.lower().removesuffix(".").endswith(_LOCAL_DOMAIN):
        return
    ipaddress.ip_address(shown.host)
    if shown.is_ipv6 != address.is_ipv6:
        raise ValueError(f"{shown} cannot stand for {address}: the families differ")
