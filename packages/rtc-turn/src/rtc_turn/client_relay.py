"""What goes to peers and comes from them through an allocation, and what it takes: permissions and channels.

See :rfc:`8656#section-9` to :rfc:`8656#section-12`.
"""

from collections.abc import Callable
from typing import Final

from rtc_stun import Address, Attribute, Message, MessageClass
from rtc_stun import ParseError as StunParseError
from rtc_turn.attributes import TURN_ATTRIBUTES, ChannelNumber, Data, DontFragment, Icmp, XorPeerAddress
from rtc_turn.channel_data import pack_channel_data, unpack_channel_data
from rtc_turn.client_channels import Channel, Channels
from rtc_turn.client_permissions import Permission, Permissions
from rtc_turn.client_requests import Binding, Journal, Permitting
from rtc_turn.config import TurnConfig
from rtc_turn.errors import BufferFullError, ParseError, StateError
from rtc_turn.events import ChannelBound, DataReceived, PeerUnreachable, PermissionInstalled, PermissionRefused
from rtc_turn.lease import RETRY_INTERVAL
from rtc_turn.method import CHANNEL_BIND, CREATE_PERMISSION, SEND

HOSTS_A_REQUEST: Final = 16
"""Hosts asked for together, so that the request fits every path."""
TRANSACTION_ID_LENGTH: Final = 12
DATA_INDICATION: Final = b"\0\x17"
"""Message type of a Data indication."""
_FORBIDDEN: Final = 403


class ClientRelay:
    """The data plane of one allocation.

    Args:
        config: That of the client.
        rng: For transaction IDs.
        journal: Takes orders, events and counts.
        dont_fragment: Whether to ask for datagrams that no router may cut.
    """

    def __init__(
        self, config: TurnConfig, rng: Callable[[int], bytes], journal: Journal, *, dont_fragment: bool
    ) -> None:
        self._config = config
        self._rng = rng
        self._journal = journal
        self._dont_fragment = dont_fragment
        self._permissions = Permissions(config.refresh_margin)
        self._channels = Channels(config.refresh_margin)
        self._refused: dict[str, float] = {}
        """Until when data does not make us ask again for hosts that the server has refused."""
        self._wanted: list[str] = []
        """Hosts whose permissions are to be asked for, together with others."""
        self._unsent: list[bytes] = []
        self._unsent_bytes = 0

    # What the application wants.

    def permit(self, host: str) -> None:
        """Let a host send to us."""
        permission = self._permissions.get(host)
        if permission is None:
            self._want_permission(host)
        elif permission.lease.use(self._journal.now):
            self._wanted.append(host)

    def bind(self, peer: Address) -> None:
        """Give a peer a channel, if it has none and there is one left."""
        if self._permissions.get(peer.host) is None:
            self._require_room()
        channel = self._channels.to(peer)
        if channel is not None and channel.free_at is None:
            return
        channel = self._channels.request(peer, self._journal.now)
        if channel is not None:
            self._rebind(channel)

    def send(self, peer: Address, data: bytes) -> None:
        """Send, or hold until the peer's host is permitted."""
        if self._unsent_bytes + len(data) > self._config.max_unsent_bytes:
            raise BufferFullError(f"{self._unsent_bytes} bytes wait to be drained")
        now = self._journal.now
        permission = self._permissions.get(peer.host)
        if permission is None and now < self._refused.get(peer.host, now):
            self._journal.drop("not-permitted")
            return
        # [rfc8656:11.1/1]
        if permission is None or not permission.lease.is_valid:
            self._hold(permission, peer, data)
            return
        if permission.lease.use(now):
            self._wanted.append(peer.host)
        channel = self._channels.to(peer)
        if channel is not None and channel.carries:
            if channel.lease.use(now):
                self._rebind(channel)
        else:
            channel = None
            if self._config.channels:
                self.bind(peer)
        # A channel cannot say that data is to stay whole; what the peer sends comes through it all the same.
        self._put(peer, data, None if self._dont_fragment else channel)

    def _hold(self, permission: Permission | None, peer: Address, data: bytes) -> None:
        if self._permissions.held_bytes + len(data) > self._config.max_held_bytes:
            raise BufferFullError(f"{self._permissions.held_bytes} bytes wait for permissions")
        self._permissions.hold(permission or self._want_permission(peer.host), peer, data)

    def _want_permission(self, host: str) -> Permission:
        self._require_room()
        self._refused = {each: until for each, until in self._refused.items() if until > self._journal.now}
        self._wanted.append(host)
        return self._permissions.request(host, self._journal.now)

    def _require_room(self) -> None:
        if len(self._permissions) >= self._config.max_permissions:
            raise StateError(f"there are {len(self._permissions)} permissions")

    def is_permitted(self, host: str) -> bool:
        """Whether a host may send to us."""
        return self._permissions.get(host) is not None

    def forgive(self) -> None:
        """Ask again, with the next data, for what was refused: the server may think otherwise now."""
        self._refused.clear()

    # What the server answers.

    def permitted(self, host: str) -> None:
        """The server granted or prolonged a permission: what waited for it goes out."""
        permission = self._permissions.get(host)
        if permission is None:
            return
        is_new = not permission.lease.is_valid
        for peer, data in self._permissions.granted(host, self._journal.now):
            if self._config.channels:
                self.bind(peer)
            self._put(peer, data, None)
        if is_new:
            self._journal.events.append(PermissionInstalled(host))

    def forbidden(self, hosts: tuple[str, ...], error_code: int | None) -> None:
        """The server did not grant, or did not answer."""
        if len(hosts) > 1 and error_code is not None:
            # One of several was refused; the answer does not say which.
            for host in hosts:
                self._ask((host,))
            return
        for host in hosts:
            permission = self._permissions.get(host)
            if permission is None:
                continue
            if permission.lease.is_valid and error_code != _FORBIDDEN:
                # What was granted lasts. Perhaps it is a password that has changed, and another comes before the end.
                self._permissions.refresh_failed(host, self._journal.now)
            else:
                self._refused[host] = self._journal.now + RETRY_INTERVAL
                dropped = self._permissions.remove(host, self._journal.now)
                if dropped:
                    self._journal.drop("not-permitted", dropped)
                self._journal.events.append(PermissionRefused(host, error_code))

    def bound(self, channel: Channel) -> None:
        """The server bound or prolonged a channel."""
        is_new = not channel.lease.is_valid
        self._channels.granted(channel, self._journal.now)
        # RFC 8656, 12.1: Binding has installed or refreshed the permission as well.
        if self._permissions.get(channel.peer.host) is None:
            self._permissions.request(channel.peer.host, self._journal.now)
        self.permitted(channel.peer.host)
        if is_new:
            self._journal.events.append(ChannelBound(channel.peer, channel.number))

    def again(self, purpose: Permitting | Binding) -> None:
        """Ask once more for what was lost on the way."""
        if isinstance(purpose, Permitting):
            self._ask(purpose.hosts)
        else:
            self._rebind(purpose.channel)

    def not_bound(self, channel: Channel) -> None:
        """The server did not bind it, or did not answer: data goes in indications."""
        self._channels.refused(channel, self._journal.now)

    # What peers send.

    def receive_indication(self, data: bytes) -> None:
        """Take in a Data indication."""
        try:
            message = Message.parse(data, TURN_ATTRIBUTES)
        except StunParseError:
            self._journal.drop("malformed")
            return
        peer, content, icmp = message.get(XorPeerAddress), message.get(Data), message.get(Icmp)
        if peer is None or (content is None and icmp is None) or message.unknown_required():
            self._journal.drop("malformed")
        # [rfc8656:11.4/1] [rfc8656:11.6/1] What was asked for may be granted already: the answer can come later than data.
        elif self._permissions.get(peer.address.host) is None:
            self._journal.drop("not-permitted")
        elif content is not None:
            self._deliver(peer.address, content.value)
        elif icmp is not None and self._has_room():
            event = PeerUnreachable(peer.address, icmp.icmp_type, icmp.icmp_code, icmp.error_data)
            self._journal.events.append(event)

    def receive_channel_data(self, message: bytes) -> None:
        """Take in a ChannelData message."""
        try:
            number, data = unpack_channel_data(message)
        except ParseError:
            self._journal.drop("malformed")
            return
        channel = self._channels.with_number(number)
        # [rfc8656:12/5]
        if channel is None or channel.free_at is not None:
            self._journal.drop("unknown-channel")
        # [rfc8656:12.6/1]
        elif channel.lease.is_valid and self._permissions.get(channel.peer.host) is None:
            self._journal.drop("not-permitted")
        else:
            self._deliver(channel.peer, data)

    def _deliver(self, peer: Address, data: bytes) -> None:
        if self._has_room():
            stats = self._journal.stats
            stats.messages_received += 1
            stats.bytes_received += len(data)
            self._journal.events.append(DataReceived(peer, data))

    def _has_room(self) -> bool:
        if len(self._journal.events) < self._config.max_events:
            return True
        self._journal.drop("events-full")
        return False

    # Time and output.

    def handle_timeout(self) -> None:
        """Ask for what is near its end and in use."""
        now = self._journal.now
        self._wanted += self._permissions.handle_timeout(now)
        for channel in self._channels.handle_timeout(now):
            self._rebind(channel)

    def next_timeout(self) -> float:
        """Return when something is due, in seconds; infinity for never."""
        if self._unsent or self._wanted:
            return self._journal.now
        return min(self._permissions.next_timeout, self._channels.next_timeout)

    def order_permissions(self) -> None:
        """Ask for the permissions that are wanted, many with each request."""
        wanted, self._wanted = tuple(dict.fromkeys(self._wanted)), []
        for start in range(0, len(wanted), HOSTS_A_REQUEST):
            self._ask(wanted[start : start + HOSTS_A_REQUEST])

    def take_unsent(self) -> list[bytes]:
        """Drain what is to be sent to the server."""
        unsent, self._unsent = self._unsent, []
        self._unsent_bytes = 0
        return unsent

    def _ask(self, hosts: tuple[str, ...]) -> None:
        # [rfc8656:10.1/1] [rfc8656:10.1/2] [rfc8656:10.1/4]
        addresses = (XorPeerAddress(Address(host, 0)) for host in hosts)
        self._journal.order(CREATE_PERMISSION, Permitting(hosts), *addresses)

    def _rebind(self, channel: Channel) -> None:
        attributes = ChannelNumber(channel.number), XorPeerAddress(channel.peer)
        self._journal.order(CHANNEL_BIND, Binding(channel), *attributes)

    def _put(self, peer: Address, data: bytes, channel: Channel | None) -> None:
        """Queue data in a channel, or in an indication where there is none."""
        if channel is not None:
            wire = pack_channel_data(channel.number, data, pad=self._config.is_stream)
        else:
            # [rfc8656:11.1/2]
            attributes: list[Attribute] = [XorPeerAddress(peer), Data(data)]
            if self._dont_fragment:
                # [rfc8656:11.1/3]
                attributes.append(DontFragment())
            transaction_id = self._rng(TRANSACTION_ID_LENGTH)
            wire = Message(SEND, MessageClass.INDICATION, transaction_id, attributes).serialize()
        stats = self._journal.stats
        stats.messages_sent += 1
        stats.bytes_sent += len(data)
        self._unsent.append(wire)
        self._unsent_bytes += len(data)
