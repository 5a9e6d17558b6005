"""What a client may be told, and what it counts."""

from dataclasses import field
from typing import Final

from rtc_turn._version import __version__
from rtc_turn.attributes import AddressFamily, Lifetime
from rtc_turn.dataclass import dataclass

DEFAULT_LIFETIME: Final = 600
"""Seconds of an allocation that nobody asked to last longer, by :rfc:`8656#section-3.2`."""
PERMISSION_LIFETIME: Final = 300.0
"""Seconds (:rfc:`8656#section-9`)."""
CHANNEL_LIFETIME: Final = 600.0
"""Seconds (:rfc:`8656#section-12`)."""
CHANNEL_COOLING: Final = 300.0
"""Seconds for which an expired channel's number and peer belong to nobody else (:rfc:`8656#section-12`)."""

SOFTWARE: Final = (
    f"rtc-turn {__version__} (TURN in pure Python; as long as this so that a challenge is shorter than what it answers)"
)

_STREAMS: Final = frozenset({"tcp", "tls"})


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnConfig:
    """What a client may be told. Times are seconds."""

    # [rfc8656:7.1/2]
    transport: str = "udp"
    """Between us and the server: ``udp``, ``dtls``, ``tcp`` or ``tls``; encryption itself is the caller's."""
    families: tuple[AddressFamily, ...] = (AddressFamily.IPV4,)
    """Which relayed addresses to ask for: one family, or both, IPv4 first."""
    lifetime: int | None = None
    """What to ask for; None for the server's own choice."""
    even_port: bool = False
    """Whether the relayed port is to be even."""
    reserve_next_port: bool = False
    """Whether the port after the even one is to be kept for a later allocation."""
    reservation_token: bytes | None = None
    """A port that an earlier allocation reserved."""
    dont_fragment: bool = False
    """Whether datagrams to peers are to arrive whole or not at all, where the server can do that."""
    mobility: bool = False
    """Whether the allocation is to survive a change of our own address (:rfc:`8016`)."""
    tcp: bool = False
    """Whether peers are reached by TCP connections instead of datagrams (:rfc:`6062`); the transport is ``tcp`` or ``tls``."""
    max_connections: int = 64
    """TCP connections with peers at a time."""
    third_party: bool = False
    """Whether the caller can obtain tokens from an authorization server (:rfc:`7635`): see `TokenWanted`. A credential is then
    for servers that do not know of it."""
    channels: bool = True
    """Whether to bind channels for peers that data is sent to."""
    software: str | None = SOFTWARE
    """Value of SOFTWARE; None to keep it to oneself. Its length serves a purpose: a server that does not let itself be used to
    flood others sends nobody more than it got, and the first request is a short one without it."""
    refresh_margin: float = 60.0
    """How long before its end an allocation, a permission or a channel is refreshed."""
    max_permissions: int = 1024
    """Hosts at a time."""
    max_held_bytes: int = 65_536
    """Data that waits for permissions; more raises."""
    max_unsent_bytes: int = 4_194_304
    """Data that waits to be drained; more raises."""
    max_events: int = 4096
    """Data of peers that waits to be drained; more is dropped and counted."""

    def __post_init__(self) -> None:
        """Refuse what no server could grant."""
        if self.families not in (
            (AddressFamily.IPV4,),
            (AddressFamily.IPV6,),
            (AddressFamily.IPV4, AddressFamily.IPV6),
        ):
            raise ValueError("the relayed addresses are IPv4, IPv6, or IPv4 and IPv6 in that order")
        # [rfc8656:7.1/6] [rfc8656:7.1/9] [rfc8656:7.1/14]
        if self.reservation_token is not None and (
            self.even_port or self.reserve_next_port or self.families != (AddressFamily.IPV4,)
        ):
            raise ValueError("a reserved port is what it is: no wish for its family or number goes with it")
        # [rfc8656:7.1/10]
        if self.reserve_next_port and len(self.families) > 1:
            raise ValueError("a port is reserved for one address alone")
        if self.reservation_token is not None and len(self.reservation_token) != 8:
            raise ValueError("a reservation token has 8 bytes")
        # [rfc6062:4.1/1] [rfc6062:4.1/4]
        if self.tcp and (
            not self.is_stream or self.dont_fragment or self.even_port or self.reservation_token is not None
        ):
            raise ValueError("peers are reached by TCP over a stream, from any port, and without talk of fragments")
        if self.lifetime is not None and not 0 < self.lifetime < 1 << 32:
            raise ValueError("a lifetime is positive and has 32 bits")
        if not 0 < self.refresh_margin < PERMISSION_LIFETIME:
            raise ValueError("a permission is refreshed before it expires")

    @property
    def lifetime_wish(self) -> tuple[Lifetime, ...]:
        """What a request says about the lifetime."""
        return () if self.lifetime is None else (Lifetime(self.lifetime),)

    @property
    def is_stream(self) -> bool:
        """Whether messages reach the server over a byte stream."""
        return self.transport in _STREAMS


@dataclass(slots=True)
class TurnStats:
    """What a client has done so far."""

    messages_sent: int = 0
    """To peers."""
    bytes_sent: int = 0
    """To peers, without TURN's own."""
    messages_received: int = 0
    """From peers."""
    bytes_received: int = 0
    refreshes: int = 0
    """Of the allocation, successful ones."""
    dropped: dict[str, int] = field(default_factory=dict)
    """What came to nothing, by reason."""
