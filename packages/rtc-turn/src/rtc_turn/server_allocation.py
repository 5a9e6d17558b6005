"""An allocation as the server keeps it, with its permissions and channels (:rfc:`8656#section-6`)."""

from typing import Final, NamedTuple

from rtc_stun import Address
from rtc_turn.allocation import family_of
from rtc_turn.attributes import AddressFamily
from rtc_turn.config import CHANNEL_LIFETIME, PERMISSION_LIFETIME
from rtc_turn.errors import StateError
from rtc_turn.server_events import AllocationStatus

NO_STREAM: Final = -1


class ClientPath(NamedTuple):
    """The 5-tuple of a client; over a stream the stream tells it."""

    local: Address
    remote: Address
    transport: str
    stream: int = NO_STREAM


class Budget:
    """How many bytes may pass: a bucket that fills at a steady rate and holds one second's worth.

    Args:
        rate: Bytes per second; None for no limit.
        now: Seconds.
    """

    __slots__ = ("_filled_at", "_rate", "_tokens")

    def __init__(self, rate: int | None, now: float) -> None:
        self._rate = rate
        self._tokens = 0.0 if rate is None else float(rate)
        self._filled_at = now

    def take(self, length: int, now: float) -> bool:
        """Whether that many bytes may pass now; they count if they may."""
        rate = self._rate
        if rate is None:
            return True
        self._tokens = min(float(rate), self._tokens + (now - self._filled_at) * rate)
        self._filled_at = now
        if self._tokens < length:
            return False
        self._tokens -= length
        return True


class ServerAllocation:
    """What a client was given.

    Args:
        path: The client's 5-tuple.
        username: Who asked.
        account: Whose quota it counts for.
        transaction_id: Of the Allocate request, to know its retransmissions by.
        max_permissions: Hosts at a time.
        max_channels: At a time.
        budget: What may pass through it.
    """

    __slots__ = (
        "_by_number",
        "_by_peer",
        "_max_channels",
        "_max_permissions",
        "_permissions",
        "account",
        "budget",
        "bytes_to_client",
        "bytes_to_peers",
        "expires_at",
        "is_tcp",
        "missing",
        "moved_by",
        "next_path",
        "number",
        "path",
        "relays",
        "reservation_token",
        "ticket",
        "transaction_id",
        "username",
    )

    def __init__(
        self,
        path: ClientPath,
        username: str,
        account: str,
        transaction_id: bytes,
        *,
        max_permissions: int,
        max_channels: int,
        budget: Budget,
    ) -> None:
        self.path = path
        # [rfc8656:6/2] [rfc8656:6/3] The key that proves the user is the directory's; no password comes this far.
        self.username = username
        self.account = account
        self.transaction_id = transaction_id
        self.next_path: ClientPath | None = None
        """Where the client has said it is now; it counts from the first data on."""
        self.moved_by: bytes | None = None
        """Transaction ID of the request that said so."""
        self.ticket: bytes | None = None
        """What moves it; None for a client that stays where it is."""
        self.is_tcp = False
        """Whether peers are reached by connections."""
        self.number = 0
        """The server's own name for it."""
        self.relays: dict[AddressFamily, Address] = {}
        self.missing: tuple[AddressFamily, int] | None = None
        """The second family that was asked for in vain, and the error code."""
        self.reservation_token: bytes | None = None
        """Of the next port, if it was reserved with this allocation."""
        self.expires_at = 0.0
        """Seconds."""
        self.budget = budget
        self.bytes_to_peers = 0
        self.bytes_to_client = 0
        self._permissions: dict[str, float] = {}
        self._by_number: dict[int, tuple[Address, float]] = {}
        self._by_peer: dict[Address, int] = {}
        self._max_permissions = max_permissions
        self._max_channels = max_channels

    def describe(self, now: float) -> AllocationStatus:
        """Return what there is to say about it."""
        return AllocationStatus(
            username=self.username,
            client=self.path.remote,
            transport=self.path.transport,
            relayed=tuple(self.relays.values()),
            is_tcp=self.is_tcp,
            lifetime=max(0.0, self.expires_at - now),
            permissions=sum(end > now for end in self._permissions.values()),
            channels=sum(end > now for _, end in self._by_number.values()),
            bytes_to_peers=self.bytes_to_peers,
            bytes_to_client=self.bytes_to_client,
        )

    def relay_to(self, peer: Address) -> Address | None:
        """Return the relayed address that reaches a peer."""
        return self.relays.get(family_of(peer))

    # Permissions: what has expired is found when it is looked at, and swept when there is no room.

    def permits(self, host: str, now: float) -> bool:
        """Whether a host may send to the client, and be sent to."""
        # RFC 8656, 9: Addresses alone count, not ports.
        return self._permissions.get(host, 0.0) > now

    def can_permit(self, hosts: list[str], now: float) -> bool:
        """Whether there is room for permissions."""
        missing = {host for host in hosts if host not in self._permissions}
        if len(self._permissions) + len(missing) > self._max_permissions:
            self._permissions = {host: end for host, end in self._permissions.items() if end > now}
        return len(self._permissions | dict.fromkeys(missing)) <= self._max_permissions

    def permit(self, host: str, now: float) -> None:
        """Install or refresh a permission."""
        # [rfc8656:9/1]
        self._permissions[host] = now + PERMISSION_LIFETIME

    # Channels.

    def peer_of(self, number: int, now: float) -> Address | None:
        """Return the peer that a channel is bound to."""
        peer, expires_at = self._by_number.get(number, (None, 0.0))
        return peer if expires_at > now else None

    def channel_to(self, peer: Address, now: float) -> int | None:
        """Return the number of the channel that is bound to a peer."""
        number = self._by_peer.get(peer)
        return None if number is None or self._by_number[number][1] <= now else number

    def can_bind(self, now: float) -> bool:
        """Whether there is room for one more channel."""
        if len(self._by_number) >= self._max_channels:
            for number in [number for number, (_, end) in self._by_number.items() if end <= now]:
                self._unbind(number)
        return len(self._by_number) < self._max_channels

    def bind(self, number: int, peer: Address, now: float) -> None:
        """Bind or refresh a channel, and with it the permission.

        Raises:
            StateError: Number or peer are bound otherwise.
        """
        if self.peer_of(number, now) not in (None, peer) or self.channel_to(peer, now) not in (None, number):
            raise StateError("the channel or the peer is bound otherwise")
        if number in self._by_number:
            self._unbind(number)
        if peer in self._by_peer:
            self._unbind(self._by_peer[peer])
        self._by_number[number] = (peer, now + CHANNEL_LIFETIME)
        self._by_peer[peer] = number
        self.permit(peer.host, now)

    def _unbind(self, number: int) -> None:
        peer, _ = self._by_number.pop(number)
        del self._by_peer[peer]

    def forget_family(self, family: AddressFamily) -> Address | None:
        """End one of two relayed addresses, with its permissions and channels alone; return it."""
        # [rfc8656:8.1/2]
        relayed = self.relays.pop(family, None)
        is_ipv6 = family is AddressFamily.IPV6
        self._permissions = {host: end for host, end in self._permissions.items() if (":" in host) is not is_ipv6}
        for number in [number for number, (peer, _) in self._by_number.items() if peer.is_ipv6 is is_ipv6]:
            self._unbind(number)
        return relayed
