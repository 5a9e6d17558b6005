"""A TURN server, as an agent is told of it. What it is used for stands in `rtc_ice.relayed`."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Final

from rtc_ice.candidate import is_ip_literal
from rtc_ice.dataclass import dataclass

if TYPE_CHECKING:
    from rtc_stun import Address, Credential

TRANSPORTS: Final = frozenset({"udp", "tcp", "tls", "dtls"})


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnServer:
    """A TURN server to obtain relayed candidates from.

    Raises:
        ValueError: The transport is unknown, or the server is given by name.
    """

    address: Address
    transport: str = "udp"
    """How to reach it: ``udp``, ``tcp``, ``tls`` or ``dtls``."""
    credential: Credential | None = field(default=None, repr=False)
    """Usually a `rtc_stun.LongTermCredential`."""
    domain: str | None = None
    """What its certificate must prove over TLS or DTLS."""

    def __post_init__(self) -> None:
        if self.transport not in TRANSPORTS:
            raise ValueError("a TURN server is reached over udp, tcp, tls or dtls")
        if not is_ip_literal(self.address.host):
            raise ValueError("a TURN server is given by IP address")

    @property
    def location(self) -> tuple[Address, str]:
        """What makes it the same server as another: its address and its transport."""
        return self.address, self.transport

    def is_served_by(self, other: TurnServer) -> bool:
        """Whether an allocation on the other, from the same address of ours, is as good as one on this.

        An allocation is of the user who made it (:rfc:`8656#section-5`). Whoever gets another password can go on with it; another
        user needs another, as those do whose names end with their credentials.
        """
        return self.location == other.location and self._username == other._username

    @property
    def _username(self) -> str | None:
        return None if self.credential is None else self.credential.username
