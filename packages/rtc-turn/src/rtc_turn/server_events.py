"""What a server wishes for and tells. Wishes for the end of streams are those of `rtc_stun`."""

from typing import TypeAlias

from rtc_stun import Address, CloseTransport
from rtc_turn.attributes import AddressFamily
from rtc_turn.dataclass import dataclass


@dataclass(slots=True)
class OpenRelay:
    """A wish: open a UDP socket that peers can reach, then call `TurnServer.relay_opened` or `TurnServer.relay_failed`.

    The port is best chosen at random from 49152 to 65535 (:rfc:`8656#section-7.2`).
    """

    relay_id: int
    family: AddressFamily
    even_port: bool
    """Whether the port must be even."""
    reserve_next: bool
    """Whether the next higher port is to be opened as well, and told with it."""
    server: Address
    """Where the client reached us: relays of a host with several addresses are best on the same one."""
    tcp: bool = False
    """Whether to listen for TCP connections there instead; tell those with `PeerConnections.accepted`."""


@dataclass(slots=True)
class CloseRelay:
    """A wish: close the socket of a relayed address."""

    relayed: Address


@dataclass(slots=True)
class OpenPeerConnection:
    """A wish: connect by TCP from a relayed address to a peer, then call `PeerConnections.opened` or `PeerConnections.failed`."""

    connection_id: int
    relayed: Address
    peer: Address


@dataclass(slots=True)
class ClosePeerConnection:
    """A wish: close the connection with a peer, or give up opening it."""

    connection_id: int


@dataclass(slots=True)
class AllocationCreated:
    """A client was given relayed addresses."""

    username: str
    client: Address
    transport: str
    """Between client and server: ``udp``, ``dtls``, ``tcp`` or ``tls``."""
    relayed: tuple[Address, ...]
    lifetime: int
    """Seconds, unless it is refreshed."""


@dataclass(slots=True)
class AllocationDeleted:
    """An allocation has ended."""

    username: str
    client: Address
    relayed: tuple[Address, ...]
    reason: str
    """``deleted`` by the client, ``expired``, ``transport closed`` or ``server closed``."""
    bytes_to_peers: int
    bytes_to_client: int


@dataclass(slots=True)
class AllocationStatus:
    """An allocation as it is at the moment, for who runs the server."""

    username: str
    client: Address
    transport: str
    """Between client and server: ``udp``, ``dtls``, ``tcp`` or ``tls``."""
    relayed: tuple[Address, ...]
    is_tcp: bool
    """Whether peers are reached by TCP (:rfc:`6062`)."""
    lifetime: float
    """Seconds that are left of it."""
    permissions: int
    channels: int
    bytes_to_peers: int
    bytes_to_client: int


@dataclass(slots=True)
class ServerClosed:
    """The server does nothing any more."""


ServerEvent: TypeAlias = (
    AllocationCreated
    | AllocationDeleted
    | ClosePeerConnection
    | CloseRelay
    | CloseTransport
    | OpenPeerConnection
    | OpenRelay
    | ServerClosed
)
