"""How a server judges each request and what it answers (:rfc:`8656#section-7.2` to :rfc:`8656#section-12.2`)."""

from collections.abc import Callable
from typing import Final, TypeAlias

from rtc_stun import Address, AlternateServer, Attribute, XorMappedAddress
from rtc_turn.allocate_request import is_blind, no_dont_fragment, read_wish
from rtc_turn.allocation import family_of
from rtc_turn.attributes import (
    AddressErrorCode,
    AddressFamily,
    ChannelNumber,
    Lifetime,
    MobilityTicket,
    RequestedAddressFamily,
    ReservationToken,
    XorPeerAddress,
    XorRelayedAddress,
)
from rtc_turn.channel_data import FIRST_CHANNEL
from rtc_turn.dataclass import dataclass
from rtc_turn.errors import StateError
from rtc_turn.mobility import Tickets
from rtc_turn.peer_connections import PeerConnections
from rtc_turn.peer_policy import PeerPolicy, is_tunnel
from rtc_turn.relay_pool import RelayPool, RelayWish
from rtc_turn.server_allocation import Budget, ClientPath, ServerAllocation
from rtc_turn.server_config import TurnServerConfig
from rtc_turn.server_events import AllocationCreated, AllocationDeleted, AllocationStatus, CloseRelay, OpenRelay
from rtc_turn.server_journal import ServerJournal
from rtc_turn.server_replies import (
    ALLOCATION_MISMATCH,
    BAD_REQUEST,
    FAMILY_MISMATCH,
    FORBIDDEN,
    INSUFFICIENT_CAPACITY,
    MOBILITY_FORBIDDEN,
    QUOTA_REACHED,
    REASONS,
    TRY_ALTERNATE,
    WRONG_CREDENTIALS,
    Asked,
    Reply,
)
from rtc_turn.timers import Timers


@dataclass(slots=True, eq=False)
class _Opening:
    """An Allocate request that waits for its relays."""

    asked: Asked
    wish: RelayWish
    seconds: int


MAX_VERDICTS: Final = 65_536
"""Pairs of users and peers whose verdicts are kept."""

Answer: TypeAlias = tuple[Asked, Reply]
Told: TypeAlias = AllocationCreated | AllocationDeleted | CloseRelay | OpenRelay


class ServerRequests:
    """The allocations of a server and everything that clients ask about them.

    Args:
        config: That of the server.
        policy: Whom to relay to.
        rng: For reservation tokens and tickets.
        journal: That of the server.
    """

    def __init__(
        self, config: TurnServerConfig, policy: PeerPolicy, rng: Callable[[int], bytes], journal: ServerJournal
    ) -> None:
        self._config = config
        self._policy = policy
        self.term = 0
        """Counts policies: what was allowed under one may not be under the next."""
        self._verdicts: dict[tuple[str, Address], bool] = {}
        """What it has said, so that it need not be asked for each datagram."""
        self._journal = journal
        self._pool = RelayPool(config, rng)
        self._timers = Timers()
        """When allocations expire, by number."""
        self._by_number: dict[int, ServerAllocation] = {}
        self._tickets = Tickets(rng)
        self._next_number = 0
        self._openings: dict[ClientPath, _Opening] = {}
        self._user_counts: dict[str, int] = {}
        self.by_path: dict[tuple[Address, Address, str, int], ServerAllocation] = {}
        """An allocation that is about to move is there twice."""
        self._tcp: dict[Address, ServerAllocation] = {}
        self.connections = PeerConnections(config, self._tcp, self.allows, rng, journal)
        self.by_relay: dict[Address, ServerAllocation] = {}
        self.alternate: Address | None = None
        """Where new clients are sent."""
        self.told: list[Told] = []
        """Events for the caller; the server takes them."""

    @property
    def count(self) -> int:
        """Allocations at present."""
        return len(self._by_number)

    def describe(self) -> list[AllocationStatus]:
        """Return what there is to say about each allocation."""
        return [each.describe(self._journal.now) for each in self._by_number.values()]

    # Allocate.

    def allocate(self, asked: Asked) -> Reply | None:
        """Answer an Allocate request (:rfc:`8656#section-7.2`); None if the answer has to wait for a relay to be opened."""
        request, path = asked.request, asked.path
        existing = self.by_path.get(path)
        if existing is not None:
            # RFC 8656, 5: The same request again gets the same answer.
            is_repeated = existing.transaction_id == request.transaction_id
            return self._granted(existing) if is_repeated else Reply(ALLOCATION_MISMATCH)
        if path in self._openings:
            return None
        # With a credential that has ended what there is can be kept, and nothing more be had.
        # [rfc8656:21.4/1] [rfc8656:21.4/3]
        if asked.user.has_ended or is_tunnel(path.remote.host):
            return Reply(FORBIDDEN)
        # [rfc8656:7.2/9]
        if self.alternate is not None and self.alternate.is_ipv6 == path.remote.is_ipv6:
            return Reply(TRY_ALTERNATE, (AlternateServer(self.alternate),))
        ticket = request.get(MobilityTicket)
        # RFC 8016, 3.1.2: In this request the attribute is a wish, and empty.
        if ticket is not None and (ticket.value or not self._config.mobility):
            return Reply(BAD_REQUEST if ticket.value else MOBILITY_FORBIDDEN)
        wish = read_wish(request, self._config, path)
        if isinstance(wish, Reply):
            return wish
        # [rfc8656:5/15] [rfc8656:7.2/7] [rfc8656:7.2/8]
        # A reserved port costs as much as an allocation, and is one already for whoever comes with its token.
        of_user, of_all = (self._pool.reserved_by(asked.account), self._pool.reserved) if wish.token is None else (0, 0)
        wanted = 1 + wish.reserve
        if self._user_counts.get(asked.account, 0) + of_user + wanted > self._config.max_allocations_per_user:
            return Reply(QUOTA_REACHED)
        if len(self._by_number) + len(self._openings) + of_all + wanted > self._config.max_allocations:
            return Reply(INSUFFICIENT_CAPACITY)
        opening = _Opening(asked, wish, self._lifetime(asked))
        if wish.token is not None:
            relayed = self._pool.find(wish.token, self._journal.now)
            if relayed is None:
                return Reply(INSUFFICIENT_CAPACITY)
            if wish.dont_fragment and relayed.is_ipv6 and is_blind(path):
                return no_dont_fragment()
            self._pool.redeem(wish.token)
            wish.opened[family_of(relayed)] = relayed
            return self._create(opening)
        self._openings[path] = opening
        self._count(asked.account, 1)
        self.told += self._pool.open(wish, path, self._journal.now)
        return None

    def _lifetime(self, asked: Asked) -> int:
        lifetime, config = asked.request.get(Lifetime), self._config
        seconds = config.default_lifetime
        if lifetime is not None:
            # [rfc8656:7.2/12]
            seconds = max(seconds, min(lifetime.value, config.max_lifetime))
        # [rfc7635:9/2]
        return seconds if asked.user.valid_for is None else min(seconds, int(asked.user.valid_for))

    def relay_opened(self, relay_id: int, relayed: Address, reserved: Address | None) -> Answer | None:
        """The caller opened a socket: return the answer if nothing else is missing for it."""
        self._pool.check(relay_id, relayed)
        # [rfc8656:6/1]
        if self._is_taken(relayed) or (reserved is not None and self._is_taken(reserved)):
            raise ValueError(f"{relayed} belongs to another allocation")
        wish, path, family = self._pool.take(relay_id)
        opening = self._openings.get(path)
        if opening is None or opening.wish is not wish:
            # The client has gone, or it took too long.
            self.told += [CloseRelay(each) for each in (relayed, reserved) if each is not None]
            return None
        wish.opened[family] = relayed
        if reserved is not None:
            wish.reserved = reserved
        return self._finish(opening)

    def _is_taken(self, address: Address) -> bool:
        wishes = (opening.wish for opening in self._openings.values())
        is_awaited = any(address == wish.reserved or address in wish.opened.values() for wish in wishes)
        return is_awaited or address in self.by_relay or address in self._tcp or self._pool.holds(address)

    def relay_failed(self, relay_id: int) -> Answer | None:
        """The caller has no socket: return the answer if nothing else is missing for it."""
        wish, path, family = self._pool.take(relay_id)
        opening = self._openings.get(path)
        if opening is None or opening.wish is not wish:
            return None
        wish.failed[family] = INSUFFICIENT_CAPACITY
        return self._finish(opening)

    def _finish(self, opening: _Opening) -> Answer | None:
        wish = opening.wish
        if any(family not in wish.opened and family not in wish.failed for family in wish.families):
            return None
        del self._openings[opening.asked.path]
        self._count(opening.asked.account, -1)
        if not wish.opened:
            return opening.asked, Reply(INSUFFICIENT_CAPACITY)
        return opening.asked, self._create(opening)

    def _create(self, opening: _Opening) -> Reply:
        asked, wish, config = opening.asked, opening.wish, self._config
        allocation = ServerAllocation(
            asked.path,
            asked.user.username,
            asked.account,
            asked.request.transaction_id,
            max_permissions=config.max_permissions,
            max_channels=config.max_channels,
            budget=Budget.of(config.max_bytes_per_second, self._journal.now),
        )
        allocation.number = self._next_number
        self._next_number += 1
        allocation.relays = dict(sorted(wish.opened.items()))
        allocation.missing = next(iter(wish.failed.items()), None)
        if wish.reserved is not None:
            allocation.reservation_token = self._pool.reserve(wish.reserved, asked.account, self._journal.now)
        self.by_path[asked.path] = allocation
        allocation.is_tcp = wish.tcp
        for relayed in allocation.relays.values():
            # [rfc6062:5.1/8] [rfc6062:5.3/1]
            (self._tcp if wish.tcp else self.by_relay)[relayed] = allocation
        self._by_number[allocation.number] = allocation
        if asked.request.get(MobilityTicket) is not None:
            allocation.ticket = self._tickets.issue(allocation.number, self._journal.now)
        self._count(asked.account, 1)
        self._set_lifetime(allocation, opening.seconds)
        path = asked.path
        relays = tuple(allocation.relays.values())
        self._journal.stats.allocations += 1
        self.told.append(AllocationCreated(allocation.username, path.remote, path.transport, relays, opening.seconds))
        return self._granted(allocation)

    def _granted(self, allocation: ServerAllocation) -> Reply:
        attributes: list[Attribute] = [XorRelayedAddress(relayed) for relayed in allocation.relays.values()]
        attributes.append(Lifetime(max(0, round(allocation.expires_at - self._journal.now))))
        if allocation.reservation_token is not None:
            attributes.append(ReservationToken(allocation.reservation_token))
        if allocation.missing is not None:
            family, code = allocation.missing
            attributes.append(AddressErrorCode(family, code, REASONS[code]))
        if allocation.ticket is not None:
            attributes.append(MobilityTicket(allocation.ticket))
        attributes.append(XorMappedAddress(allocation.path.remote))
        return Reply(0, tuple(attributes))

    # Refresh, CreatePermission, ChannelBind.

    def refresh(self, asked: Asked) -> Reply:
        """Answer a Refresh request (:rfc:`8656#section-8.2`)."""
        request = asked.request
        ticket = request.get(MobilityTicket)
        allocation = self._allocation_of(asked) if ticket is None else self._allocation_of_ticket(asked, ticket.value)
        if isinstance(allocation, Reply):
            return allocation
        family, lifetime = request.get(RequestedAddressFamily), request.get(Lifetime)
        # [rfc8656:8.2/1]
        if family is not None and family.family not in allocation.relays:
            return Reply(FAMILY_MISMATCH)
        if lifetime is not None and lifetime.value == 0:
            if family is not None and len(allocation.relays) > 1:
                relayed = allocation.forget_family(AddressFamily(family.family))
                if relayed is not None:
                    self.connections.end_family(allocation, is_ipv6=relayed.is_ipv6)
                    self._close_relay(relayed)
            else:
                self.delete(allocation, "deleted")
            return Reply(0, (Lifetime(0),))
        seconds = self._lifetime(asked)
        self._set_lifetime(allocation, seconds)
        if ticket is None:
            return Reply(0, (Lifetime(seconds),))
        if allocation.moved_with != ticket.value:
            self._move(allocation, asked, ticket.value)
        return Reply(0, (Lifetime(seconds), MobilityTicket(allocation.ticket or b"")))

    def create_permission(self, asked: Asked) -> Reply:
        """Answer a CreatePermission request (:rfc:`8656#section-10.2`)."""
        allocation = self._allocation_of(asked)
        if isinstance(allocation, Reply):
            return allocation
        peers = [each.address for each in asked.request.get_all(XorPeerAddress)]
        # [rfc8656:10.2/1]
        if not peers:
            return Reply(BAD_REQUEST)
        # [rfc8656:10.2/2]
        if any(family_of(peer) not in allocation.relays for peer in peers):
            return Reply(FAMILY_MISMATCH)
        # [rfc8656:10.2/3]
        if not all(self.allows(allocation, Address(peer.host, 0)) for peer in peers):
            return Reply(FORBIDDEN)
        hosts = [peer.host for peer in peers]
        if not allocation.can_permit(hosts, self._journal.now):
            return Reply(INSUFFICIENT_CAPACITY)
        for host in hosts:
            allocation.permit(host, self._journal.now)
        return Reply()

    def channel_bind(self, asked: Asked) -> Reply:
        """Answer a ChannelBind request (:rfc:`8656#section-12.2`)."""
        allocation = self._allocation_of(asked)
        if isinstance(allocation, Reply):
            return allocation
        number, peer = asked.request.get(ChannelNumber), asked.request.get(XorPeerAddress)
        if (
            number is None
            or peer is None
            or allocation.is_tcp
            or not FIRST_CHANNEL <= number.number <= self._config.last_channel
        ):
            return Reply(BAD_REQUEST)
        # [rfc8656:12.2/1]
        if family_of(peer.address) not in allocation.relays:
            return Reply(FAMILY_MISMATCH)
        # [rfc8656:12.2/2] [rfc8656:21.4/3]
        if not self.allows(allocation, peer.address):
            return Reply(FORBIDDEN)
        is_known = allocation.channel(number.number, self._journal.now) is not None
        has_room = allocation.can_permit([peer.address.host], self._journal.now)
        if not has_room or not (is_known or allocation.can_bind(self._journal.now)):
            return Reply(INSUFFICIENT_CAPACITY)
        try:
            allocation.bind(number.number, peer.address, self._journal.now)
        except StateError:
            return Reply(BAD_REQUEST)
        return Reply()

    def connect(self, asked: Asked) -> Reply | None:
        """Answer a Connect request (:rfc:`6062#section-5.2`); None if the answer has to wait for the peer."""
        # [rfc6062:5.2/1]
        allocation = self._allocation_of(asked)
        if isinstance(allocation, Reply):
            return allocation
        peer = asked.request.get(XorPeerAddress)
        # [rfc6062:5.2/4]
        if peer is None or not allocation.is_tcp:
            return Reply(BAD_REQUEST)
        if family_of(peer.address) not in allocation.relays:
            return Reply(FAMILY_MISMATCH)
        # [rfc6062:5.2/5]
        if not self.allows(allocation, peer.address):
            return Reply(FORBIDDEN)
        return self.connections.connect(asked, allocation, peer.address, self._journal.now)

    def connection_bind(self, asked: Asked) -> Reply:
        """Answer a ConnectionBind request (:rfc:`6062#section-5.4`)."""
        # A stream that controls an allocation carries no data, nor does one that is about to.
        controls = asked.path in self.by_path or asked.path in self._openings
        return Reply(BAD_REQUEST) if controls else self.connections.bind(asked, self._journal.now)

    def allows(self, allocation: ServerAllocation, peer: Address) -> bool:
        """Whether the policy lets an allocation's user exchange data with a peer, unless it is behind a tunnel."""
        known = self._verdicts.get((allocation.username, peer))
        if known is not None:
            return known
        if len(self._verdicts) >= MAX_VERDICTS:
            self._verdicts.clear()
        # [rfc8656:21.4/2]
        verdict = not is_tunnel(peer.host) and self._policy.allows(allocation.username, peer)
        self._verdicts[allocation.username, peer] = verdict
        return verdict

    def set_policy(self, policy: PeerPolicy) -> None:
        """Go by another policy from now on."""
        self._policy = policy
        self._verdicts.clear()
        self.term += 1
        self.connections.end_forbidden()

    def _allocation_of(self, asked: Asked) -> ServerAllocation | Reply:
        allocation = self.by_path.get(asked.path)
        # [rfc8656:5/7]
        if allocation is None:
            return Reply(ALLOCATION_MISMATCH)
        # [rfc8656:5/6]
        if allocation.username != asked.user.username:
            return Reply(WRONG_CREDENTIALS)
        return allocation

    # Mobility.

    def _allocation_of_ticket(self, asked: Asked, value: bytes) -> ServerAllocation | Reply:
        """Return what a ticket moves (:rfc:`8016#section-3.2.2`)."""
        if not self._config.mobility:
            return Reply(MOBILITY_FORBIDDEN)
        ticket = self._tickets.find(value, self._journal.now)
        # [rfc8016:3.2.2/2]
        if ticket is None:
            return Reply(BAD_REQUEST)
        allocation = self._by_number.get(ticket.number)
        # [rfc8016:3.2.2/1]
        if allocation is None:
            return Reply(ALLOCATION_MISMATCH)
        # [rfc8016:3.2.2/3] [rfc8016:5/3] [rfc8016:5/4] The request is authenticated, as all are.
        if allocation.username != asked.user.username:
            return Reply(WRONG_CREDENTIALS)
        # [rfc8016:3.2.2/10] The same request again, be it under another transaction ID.
        if value == allocation.moved_with and asked.path == (allocation.next_path or allocation.path):
            return allocation
        is_here = self.by_path.get(asked.path) is allocation
        # [rfc8016:3.2.2/7] Who is where it was needs no ticket, and an older one moves nothing.
        if not ticket.is_current or is_here:
            return Reply(BAD_REQUEST)
        is_taken = asked.path in self.by_path or asked.path in self._openings
        return Reply(ALLOCATION_MISMATCH) if is_taken else allocation

    def _move(self, allocation: ServerAllocation, asked: Asked, ticket: bytes) -> None:
        # [rfc8016:3.2.2/5] [rfc8016:3.2.2/6] The old path serves until data comes on the new one.
        if allocation.next_path is not None:
            del self.by_path[allocation.next_path]
        allocation.next_path = asked.path
        allocation.moved_with = ticket
        self.by_path[asked.path] = allocation
        allocation.ticket = self._tickets.issue(allocation.number, self._journal.now)

    def switch(self, allocation: ServerAllocation) -> None:
        """Data has come on the new path, or the old one is closed."""
        if allocation.next_path is not None:
            del self.by_path[allocation.path]
            allocation.path, allocation.next_path = allocation.next_path, None

    # Ends.

    def delete(self, allocation: ServerAllocation, reason: str) -> None:
        """End an allocation, and everything that belongs to it."""
        path = allocation.path
        del self.by_path[path]
        if allocation.next_path is not None:
            del self.by_path[allocation.next_path]
        del self._by_number[allocation.number]
        self._tickets.end(allocation.number, self._journal.now)
        self.connections.end(allocation)
        self._timers.cancel(allocation.number)
        self._count(allocation.account, -1)
        relays = tuple(allocation.relays.values())
        for relayed in relays:
            self._close_relay(relayed)
        self.told.append(
            AllocationDeleted(
                allocation.username, path.remote, relays, reason, allocation.bytes_to_peers, allocation.bytes_to_client
            )
        )

    def forget_path(self, path: ClientPath) -> None:
        """A stream has ended, and with it what was allocated over it."""
        opening = self._openings.pop(path, None)
        if opening is not None:
            self._count(opening.asked.account, -1)
            self.told += [CloseRelay(relayed) for relayed in opening.wish.opened.values()]
        allocation = self.by_path.get(path)
        if allocation is None:
            return
        if path == allocation.next_path:
            del self.by_path[path]
            allocation.next_path = None
        elif allocation.next_path is not None:
            self.switch(allocation)
        elif allocation.ticket is None:
            self.delete(allocation, "transport closed")
        # Whoever has a ticket may come back with another stream before the allocation expires.

    def begin_path(self, path: ClientPath) -> None:
        """Somebody has begun at a path anew, and has not proven to be whoever was there before."""
        self.forget_path(path)
        allocation = self.by_path.get(path)
        if allocation is not None:
            self.delete(allocation, "transport closed")

    def handle_timeout(self) -> list[Answer]:
        """End what has expired; return answers to those who waited for relays in vain."""
        for number in self._timers.pop_due(self._journal.now):
            self.delete(self._by_number[number], "expired")
        self.told += [CloseRelay(relayed) for relayed in self._pool.expired_reservations(self._journal.now)]
        answers = []
        for path in self._pool.overdue(self._journal.now):
            opening = self._openings.pop(path, None)
            if opening is not None:
                self._count(opening.asked.account, -1)
                opened = [*opening.wish.opened.values(), *([opening.wish.reserved] if opening.wish.reserved else [])]
                self.told += [CloseRelay(relayed) for relayed in opened]
                answers.append((opening.asked, Reply(INSUFFICIENT_CAPACITY)))
        return answers

    def next_timeout(self) -> float | None:
        """Return when something ends, in seconds."""
        times = [each for each in (self._timers.next(), self._pool.next_timeout()) if each is not None]
        return min(times, default=None)

    def close(self) -> None:
        """End everything."""
        for allocation in list(self._by_number.values()):
            self.delete(allocation, "server closed")
        for path in list(self._openings):
            self.forget_path(path)
        self.told += [CloseRelay(relayed) for relayed in self._pool.close()]

    def _set_lifetime(self, allocation: ServerAllocation, seconds: int) -> None:
        allocation.expires_at = self._journal.now + seconds
        self._timers.set(allocation.number, allocation.expires_at)

    def _close_relay(self, relayed: Address) -> None:
        self.by_relay.pop(relayed, None)
        self._tcp.pop(relayed, None)
        self.told.append(CloseRelay(relayed))

    def _count(self, account: str, change: int) -> None:
        count = self._user_counts.get(account, 0) + change
        if count:
            self._user_counts[account] = count
        else:
            self._user_counts.pop(account, None)
