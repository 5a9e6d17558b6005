"""What the client tells its caller, in the past tense. Wishes for streams are those of `rtc_stun`."""

from enum import Enum
from typing import TypeAlias

from rtc_stun import Address, CloseTransport, OpenTransport
from rtc_turn.attributes import AddressErrorCode
from rtc_turn.dataclass import dataclass


class EndReason(Enum):
    """Why there is no allocation (any more)."""

    REFUSED = "the server refused the allocation"
    UNREACHABLE = "the server did not answer, or the transport to it failed"
    UNUSABLE = "what the server allocated is of no address family that was asked for"
    LOST = "the server does not know the allocation any more"
    EXPIRED = "the allocation could not be refreshed in time"
    CLOSED = "the caller closed the client"


@dataclass(slots=True)
class Allocated:
    """The server has relayed addresses for us; data may flow to and from peers."""

    relayed: tuple[Address, ...]
    """One, or one of each family."""
    mapped: Address
    """Our own address as the server sees it, of use as a server-reflexive candidate."""
    server: Address
    """Who answered: after a redirection not the one first asked."""
    lifetime: int
    """Seconds that the server grants; the client refreshes in time."""
    reservation_token: bytes | None = None
    """Names the next higher port, if it was to be kept; for another client's `TurnConfig.reservation_token`."""
    missing: AddressErrorCode | None = None
    """Why the second address is not there, if two were asked for."""
    is_mobile: bool = False
    """Whether `TurnClient.move` may follow."""


@dataclass(slots=True)
class AllocationMoved:
    """The server has followed us to another address; relayed addresses, permissions and channels are what they were."""

    local: Address


@dataclass(slots=True)
class AllocationEnded:
    """There is no allocation, or none any more; terminal."""

    reason: EndReason
    error_code: int | None = None
    """What the server said, 300 to 699; None if it said nothing."""
    error_text: str = ""
    """The server's phrase, for a person."""


@dataclass(slots=True)
class DataReceived:
    """A peer's datagram came through the relay."""

    peer: Address
    data: bytes


@dataclass(slots=True)
class PermissionInstalled:
    """The server lets a peer's host send to us."""

    host: str


@dataclass(slots=True)
class PermissionRefused:
    """The server does not let a peer's host send to us; what waited to be sent there is dropped."""

    host: str
    error_code: int | None
    """403 if the server relays to no such address; None if it did not answer."""


@dataclass(slots=True)
class ChannelBound:
    """Data to and from a peer has four bytes of header from now on instead of 36 or more."""

    peer: Address
    number: int


@dataclass(slots=True)
class PeerUnreachable:
    """A router, or the peer's host, reported by ICMP that a datagram did not arrive."""

    peer: Address
    """The port is 0 if the server does not know it."""
    icmp_type: int
    icmp_code: int
    error_data: int


@dataclass(slots=True)
class PeerConnected:
    """There is a TCP connection with a peer: `ClientConnections.send` may follow (:rfc:`6062`)."""

    connection_id: int
    """The server's number for it."""
    peer: Address


@dataclass(slots=True)
class PeerConnectionFailed:
    """There is no TCP connection with a peer."""

    peer: Address
    error_code: int | None
    """447 if the peer was not reached (it may be tried again after ten seconds), 403 if it may not be; None if the server
    said nothing."""


@dataclass(slots=True)
class PeerDataReceived:
    """A peer has sent something over its TCP connection; borders mean nothing."""

    connection_id: int
    data: bytes


@dataclass(slots=True)
class PeerDisconnected:
    """A TCP connection with a peer has ended."""

    connection_id: int


@dataclass(slots=True)
class TokenWanted:
    """A wish: ask the authorization server for a token for this server, then call `TurnClient.authorize` (:rfc:`7635`).

    It comes again before a token ends.
    """

    # [rfc7635:6.1/1]
    server_name: str
    """What to tell the authorization server: for whom."""


Event: TypeAlias = (
    Allocated
    | AllocationEnded
    | AllocationMoved
    | ChannelBound
    | CloseTransport
    | DataReceived
    | OpenTransport
    | PeerConnected
    | PeerConnectionFailed
    | PeerDataReceived
    | PeerDisconnected
    | PeerUnreachable
    | PermissionInstalled
    | PermissionRefused
    | TokenWanted
)
