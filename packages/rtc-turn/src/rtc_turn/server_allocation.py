"""An allocation as the server keeps it, with its permissions and channels (:rfc:`8656#section-6`)."""

from typing import Final, NamedTuple, Self

from rtc_stun import Address
from rtc_turn.allocation import family_of
from rtc_turn.attributes import AddressFamily
from rtc_turn.config import CHANNEL_LIFETIME, PERMISSION_LIFETIME
from rtc_turn.errors import StateError
from rtc_turn.server_channel import Channel, Permission
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
        rate: Bytes per second.
        now: Seconds.
    """

    __slots__ = ("_filled_at", "_rate", "_tokens")

    def __init__(self, rate: int, now: float) -> None:
        self._rate = float(rate)
        self._tokens = self._rate
        self._filled_at = now

    @classmethod
    def of(cls, rate: int | None, now: float) -> Self | None:
        """Return one, unless there is no limit."""
        return None if rate is None else cls(rate, now)

    def take(self, length: int, now: float) -> bool:
        """Whether that many bytes may pass now; they count if they may."""
        self._tokens = min(self._rate, self._tokens + (now - self._filled_at) * self._rate)
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
        budget: What may pass through it; None for no limit.
    """

    __slots__ = (
        "_max_channels",
        "_max_permissions",
        "_permissions",
        "account",
        "budget",
        "bytes_to_client",
        "bytes_to_peers",
        "channels",
        "channels_to",
        "expires_at",
        "is_tcp",
        "missing",
        "moved_with",
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
        budget: Budget | None,
    ) -> None:
        self.path = path
        # [rfc8656:6/2] [rfc8656:6/3] The key that proves the user is the directory's; no password comes this far.
        self.username = username
        self.account = account
        self.transaction_id = transaction_id
        self.next_path: ClientPath | None = None
        """Where the client has said it is now; it counts from the first data on."""
        self.moved_with: bytes | None = None
        """The ticket that it said so with."""
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
        self._permissions: dict[str, Permission] = {}
        self.channels: dict[int, Channel] = {}
        """By number; some may have expired."""
        self.channels_to: dict[Address, Channel] = {}
        """By peer; some may have expired."""
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
            permissions=sum(each.expires_at > now for each in self._permissions.values()),
            channels=sum(each.expires_at > now for each in self.channels.values()),
            bytes_to_peers=self.bytes_to_peers,
            bytes_to_client=self.bytes_to_client,
        )

    def admits(self, length: int, now: float) -> bool:
        """Whether that many bytes may pass now; they count if they may."""
        return self.budget is None or self.budget.take(length, now)

    def relay_to(self, peer: Address) -> Address | None:
        """Return the relayed address that reaches a peer."""
        return self.relays.get(family_of(peer))

    # Permissions: what has expired is found when it is looked at, and swept when there is no room.

    def permits(self, host: str, now: float) -> bool:
        """Whether a host may send to the client, and be sent to."""
        # RFC 8656, 9: Addresses alone count, not ports.
        permission = self._permissions.get(host)
        return permission is not None and permission.expires_at > now

    def can_permit(self, hosts: list[str], now: float) -> bool:
        """Whether there is room for permissions."""
        missing = {host for host in hosts if host not in self._permissions}
        if len(self._permissions) + len(missing) > self._max_permissions:
            self._permissions = {host: each for host, each in self._permissions.items() if each.expires_at > now}
        return len(self._permissions.keys() | missing) <= self._max_permissions

    def permit(self, host: str, now: float) -> Permission:
        """Install or refresh a permission."""
        # [rfc8656:9/1]
        expires_at = now + PERMISSION_LIFETIME
        permission = self._permissions.get(host)
        if permission is not None:
            permission.expires_at = expires_at
            return permission
        permission = self._permissions[host] = Permission(expires_at)
        for channel in self.channels.values():
            if channel.peer.host == host:
                channel.permission = permission
        return permission

    # Channels.

    def channel(self, number: int, now: float) -> Channel | None:
        """Return a channel that is bound."""
        channel = self.channels.get(number)
        return channel if channel is not None and channel.expires_at > now else None

    def channel_to(self, peer: Address, now: float) -> Channel | None:
        """Return the channel that is bound to a peer."""
        channel = self.channels_to.get(peer)
        return channel if channel is not None and channel.expires_at > now else None

    def can_bind(self, now: float) -> bool:
        """Whether there is room for one more channel."""
        if len(self.channels) >= self._max_channels:
            for channel in [each for each in self.channels.values() if each.expires_at <= now]:
                self._unbind(channel)
        return len(self.channels) < self._max_channels

    def bind(self, number: int, peer: Address, now: float) -> None:
        """Bind or refresh a channel, and with it the permission.

        Raises:
            StateError: Number or peer are bound otherwise, or no relayed address reaches the peer.
        """
        relayed = self.relay_to(peer)
        bound, known = self.channel(number, now), self.channel_to(peer, now)
        if bound is not known or relayed is None:
            raise StateError("the channel or the peer is bound otherwise")
        for former in (self.channels.get(number), self.channels_to.get(peer)):
            if former is not None and former.number in self.channels:
                self._unbind(former)
        permission = self.permit(peer.host, now)
        channel = Channel(number, peer, relayed, permission, now + CHANNEL_LIFETIME)
        self.channels[number] = self.channels_to[peer] = channel

    def _unbind(self, channel: Channel) -> None:
        del self.channels[channel.number]
        del self.channels_to[channel.peer]

    def forget_family(self, family: AddressFamily) -> Address | None:
        """End one of two relayed addresses, with its permissions and channels alone; return it."""
        # [rfc8656:8.1/2]
        relayed = self.relays.pop(family, None)
        is_ipv6 = family is AddressFamily.IPV6
        self._permissions = {host: each for host, each in self._permissions.items() if (":" in host) is not is_ipv6}
        for channel in [each for each in self.channels.values() if each.peer.is_ipv6 is is_ipv6]:
            self._unbind(channel)
        return relayed
