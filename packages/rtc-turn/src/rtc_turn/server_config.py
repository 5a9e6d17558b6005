"""What a server may be told, and what it counts."""

from dataclasses import field
from typing import Final

from rtc_turn._version import __version__
from rtc_turn.attributes import AddressFamily
from rtc_turn.channel_data import FIRST_CHANNEL, LAST_CHANNEL, LAST_CHANNEL_OF_RFC5766
from rtc_turn.config import DEFAULT_LIFETIME
from rtc_turn.dataclass import dataclass

# [rfc8656:7.2/12]
MAX_LIFETIME: Final = 3600
"""Seconds; no more is recommended by :rfc:`8656#section-7.2`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnServerConfig:
    """What a server may be told. Times are seconds."""

    software: str | None = f"rtc-turn {__version__}"
    """Value of SOFTWARE; None to keep it to oneself."""
    families: frozenset[AddressFamily] = frozenset({AddressFamily.IPV4})
    """Which relayed addresses the caller can open sockets for."""
    dont_fragment: bool = False
    """Whether the caller sends what has `Datagram.dont_fragment` so that neither host nor router cuts it. Without, clients that
    ask for that are told that it is not to be had."""
    default_lifetime: int = DEFAULT_LIFETIME
    """Of an allocation for which nothing longer was asked."""
    max_lifetime: int = MAX_LIFETIME
    max_allocations: int = 4096
    """At a time, of all users, reserved ports included; one more is refused with 508."""
    max_allocations_per_user: int = 64
    """At a time, ports that are reserved for later included; one more is refused with 486."""
    tcp: bool = False
    """Whether the caller answers `OpenRelay` with TCP listeners too, so that peers are reached by TCP (:rfc:`6062`)."""
    max_connections: int = 64
    """Of one TCP allocation with peers; more are refused."""
    max_held_bytes: int = 65_536
    """What a peer may send before its client comes for the connection; more closes it."""
    mobility: bool = True
    """Whether an allocation may follow its client to another address (:rfc:`8016`)."""
    last_channel: int = LAST_CHANNEL
    """The highest channel number that may be bound; `LAST_CHANNEL_OF_RFC5766` puts up with older clients."""
    max_permissions: int = 256
    """Hosts of one allocation; more are refused with 508."""
    max_channels: int = 256
    """Of one allocation; more are refused with 508."""
    max_bytes_per_second: int | None = None
    """Of one allocation, both directions together; what exceeds it is dropped. None for no limit."""
    max_transports: int = 1024
    """Streams at a time; one more is closed at once."""
    max_idle_stream: float = 30.0
    """How long a stream may stay open without an allocation."""
    reservation_lifetime: float = 30.0
    """For how long a reserved port waits for its allocation."""
    relay_timeout: float = 10.0
    """How long the caller may take to open a relay before the client is told that there is none."""
    challenge_burst: int = 0
    """Bytes of challenges and other errors that a host may be sent beyond the bytes that it has sent itself. With 0 nobody
    can make the server send more than he does; a client whose first request is short has to repeat it once or twice."""
    unproven_burst: int = 4096
    """Bytes that may be answered at once to one host that has not proven that it asked."""
    unproven_rate: int = 512
    """Bytes of such answers per second and host in the long run; more is dropped and counted."""
    max_unsent_bytes: int = 16_777_216
    """What waits to be drained; more is dropped and counted."""

    def __post_init__(self) -> None:
        """Refuse values that make no sense."""
        if not self.families:
            raise ValueError("a server relays over one address family at least")
        if not 0 < self.default_lifetime <= self.max_lifetime:
            raise ValueError("the default lifetime is positive and no longer than the longest")
        if not FIRST_CHANNEL <= self.last_channel <= LAST_CHANNEL_OF_RFC5766:
            raise ValueError("channel numbers lie between 0x4000 and 0x7fff")
        # [rfc8656:7.2/10]
        if self.reservation_lifetime < 30:
            raise ValueError("a reservation is held for 30 seconds at least")


@dataclass(slots=True)
class TurnServerStats:
    """What a server has done so far."""

    allocations: int = 0
    """That were made."""
    responses: dict[int, int] = field(default_factory=dict)
    """By error code; 0 counts success responses."""
    relayed_to_peers: int = 0
    """Datagrams."""
    relayed_to_clients: int = 0
    """Datagrams."""
    bytes_to_peers: int = 0
    bytes_to_clients: int = 0
    unauthenticated_bytes_received: int = 0
    """In requests of nobody known."""
    unauthenticated_bytes_sent: int = 0
    """In answers to them: how much of an amplifier the server is."""
    dropped: dict[str, int] = field(default_factory=dict)
    """What came to nothing, by reason."""
