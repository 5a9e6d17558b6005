"""What passes between clients and peers through a server's allocations (:rfc:`8656#section-11`, :rfc:`8656#section-12`)."""

from collections.abc import Callable
from typing import Final

from rtc_stun import Address, Attribute, Message, MessageClass
from rtc_turn.attributes import Data, DontFragment, Icmp, XorPeerAddress
from rtc_turn.channel_data import MAX_DATA_LENGTH, pack_channel_data, unpack_channel_data
from rtc_turn.errors import ParseError
from rtc_turn.method import DATA
from rtc_turn.server_allocation import ClientPath, ServerAllocation
from rtc_turn.server_channel import Channel
from rtc_turn.server_config import TurnServerConfig
from rtc_turn.server_journal import ServerJournal
from rtc_turn.server_output import ServerOutput
from rtc_turn.server_requests import ServerRequests

TRANSACTION_ID_LENGTH: Final = 12
MAX_INDICATED_LENGTH: Final = 65_504
"""Bytes of a datagram that find room in an indication beside any peer's address; over IPv6 there can be some more."""
_RELAYED_ICMP: Final = {False: frozenset({3, 11}), True: frozenset({1, 2, 3})}
"""Types that are told to clients, by whether they are of ICMPv6."""
_TOO_BIG: Final = {False: frozenset({(3, 4)}), True: frozenset({(2, 0)})}
"""Types and codes that tell the next hop's MTU."""


class ServerRelay:
    """The data plane of a server.

    Args:
        requests: Knows the allocations.
        output: Takes what is passed on.
        journal: Takes time and counts.
        rng: For transaction IDs.
        config: That of the server.
    """

    __slots__ = ("_can_forbid_fragments", "_journal", "_last_channel", "_output", "_requests", "_rng", "_stats")

    def __init__(
        self,
        requests: ServerRequests,
        output: ServerOutput,
        journal: ServerJournal,
        rng: Callable[[int], bytes],
        config: TurnServerConfig,
    ) -> None:
        self._requests = requests
        self._output = output
        self._journal = journal
        self._stats = journal.stats
        self._rng = rng
        self._last_channel = config.last_channel
        self._can_forbid_fragments = config.dont_fragment

    # From peers.

    def receive_from_peer(self, allocation: ServerAllocation, data: bytes, peer: Address) -> None:
        """Pass on what came to a relayed address."""
        now, length = self._journal.now, len(data)
        channel = allocation.channels_to.get(peer)
        if channel is not None and channel.expires_at > now:
            if not self._carries(allocation, channel, now):
                self._journal.drop("not-permitted")
                return
        elif not allocation.permits(peer.host, now) or not self._requests.allows(allocation, peer):
            self._journal.drop("not-permitted")
            return
        else:
            channel = None
        if channel is None and length > MAX_INDICATED_LENGTH:
            self._journal.drop("too-long")
            return
        budget = allocation.budget
        if budget is not None and not budget.take(length, now):
            # [rfc8656:5/16]
            self._journal.drop("bandwidth")
            return
        allocation.bytes_to_client += length
        stats = self._stats
        stats.relayed_to_clients += 1
        stats.bytes_to_clients += length
        if channel is None:
            # [rfc8656:11.3/1]
            self.indicate(allocation, XorPeerAddress(peer), Data(data))
            return
        path = allocation.path
        # [rfc8656:12.5/1]
        if path.stream < 0 and length <= MAX_DATA_LENGTH:
            # As `pack_channel_data` has it, which checks what is known here.
            wire = channel.prefix + length.to_bytes(2, "big") + data
            self._output.put(wire, path.local, path.remote, path.transport)
        else:
            self._output.send(path, pack_channel_data(channel.number, data, pad=path.stream >= 0))

    def _carries(self, allocation: ServerAllocation, channel: Channel, now: float) -> bool:
        """Whether a channel that is bound may be used: it outlives its permission, which does not outlive the policy."""
        if channel.permission.expires_at <= now:
            return False
        if channel.judged_in != self._requests.term:
            if not self._requests.allows(allocation, channel.peer):
                return False
            channel.judged_in = self._requests.term
        return True

    def receive_icmp(self, relayed: Address, peer: Address, icmp_type: int, icmp_code: int, error_data: int) -> None:
        """Pass on what the network said about a datagram to a peer."""
        allocation = self._requests.by_relay.get(relayed)
        if allocation is None or icmp_type not in _RELAYED_ICMP[peer.is_ipv6]:
            self._journal.drop("icmp")
        # [rfc8656:11.5/1]
        elif not allocation.permits(peer.host, self._journal.now):
            self._journal.drop("not-permitted")
        else:
            # [rfc8656:11.5/2]
            # [rfc8656:18.13/3]
            tells_mtu = (icmp_type, icmp_code) in _TOO_BIG[peer.is_ipv6]
            icmp = Icmp(icmp_type, icmp_code, error_data if tells_mtu else 0)
            self.indicate(allocation, XorPeerAddress(peer), icmp)

    def indicate(self, allocation: ServerAllocation, *attributes: Attribute, method: int = DATA) -> None:
        """Tell a client something that it has not asked for."""
        transaction_id = self._rng(TRANSACTION_ID_LENGTH)
        wire = Message(method, MessageClass.INDICATION, transaction_id, attributes).serialize()
        self._output.send(allocation.path, wire)

    # From clients.

    def receive_channel_data(self, message: bytes, path: tuple[Address, Address, str, int]) -> None:
        """Pass on what came through a channel."""
        allocation = self._requests.by_path.get(path)
        try:
            number, data = unpack_channel_data(message, last_channel=self._last_channel)
        except ParseError:
            self._journal.drop("malformed")
            return
        now = self._journal.now
        channel = None if allocation is None else allocation.channels.get(number)
        # [rfc8656:5/8] [rfc8656:12.6/2]
        if allocation is None or channel is None or channel.expires_at <= now:
            self._journal.drop("unknown-channel")
            return
        if allocation.next_path is not None and path == allocation.next_path:
            self._requests.switch(allocation)
        # [rfc8656:11.2/2]
        if not self._carries(allocation, channel, now):
            self._journal.drop("not-permitted")
        else:
            self._pass_on(allocation, channel.relayed, channel.peer, data)

    def receive_send(self, indication: Message, path: ClientPath) -> None:
        """Pass on what came in a Send indication."""
        allocation = self._requests.by_path.get(path)
        peer, data = indication.get(XorPeerAddress), indication.get(Data)
        is_whole = indication.get(DontFragment) is not None
        if allocation is None:
            # [rfc8656:5/8] [rfc8016:3.2.2/8]
            self._journal.drop("no-allocation")
        # [rfc8656:11.2/1]
        elif peer is None or data is None or indication.unknown_required():
            self._journal.drop("malformed")
        elif is_whole and not self._can_forbid_fragments:
            # RFC 8656, 11.2: As if the attribute were an unknown one.
            self._journal.drop("malformed")
        else:
            is_whole = is_whole and not _is_translated(path, peer.address)
            self._send_to(allocation, path, peer.address, data.value, is_whole=is_whole)

    def _send_to(
        self, allocation: ServerAllocation, path: ClientPath, peer: Address, data: bytes, *, is_whole: bool
    ) -> None:
        if allocation.next_path is not None and path == allocation.next_path:
            self._requests.switch(allocation)
        relayed = allocation.relay_to(peer)
        # [rfc8656:11.2/2]
        if (
            relayed is None
            or allocation.is_tcp
            or not allocation.permits(peer.host, self._journal.now)
            or not self._requests.allows(allocation, peer)
        ):
            self._journal.drop("not-permitted")
        else:
            self._pass_on(allocation, relayed, peer, data, is_whole=is_whole)

    def _pass_on(
        self, allocation: ServerAllocation, relayed: Address, peer: Address, data: bytes, *, is_whole: bool = False
    ) -> None:
        length, budget = len(data), allocation.budget
        if budget is not None and not budget.take(length, self._journal.now):
            self._journal.drop("bandwidth")
            return
        allocation.bytes_to_peers += length
        stats = self._stats
        stats.relayed_to_peers += 1
        stats.bytes_to_peers += length
        # [rfc8656:14/2] [rfc8656:15/2]
        self._output.put(data, relayed, peer, dont_fragment=is_whole)


def _is_translated(path: ClientPath, peer: Address) -> bool:
    """Whether packets are translated, which goes by their own headers instead of DONT-FRAGMENT; streams have none to go by."""
    # [rfc8656:13.1/1] [rfc8656:13.2/4] [rfc8656:13.3/2]
    return path.stream < 0 and (path.remote.is_ipv6 or peer.is_ipv6)
