"""Relayed candidates: allocations on TURN servers, from asking for them to giving them back.

See :rfc:`8445#section-5.1.1.2` and :rfc:`8656`. There is one allocation for each local address and each user of a server of its
family. The server knows an allocation by the addresses of both ends: a further one over UDP has a socket of its own. It belongs to the address, not to a session: a restart finds it again. The rest of the agent sees a relayed address as
one more base; what leaves from it is wrapped here for the server, and what comes through the server is unwrapped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from rtc_ice.config import IceConfig
from rtc_ice.events import CandidateGatheringFailed
from rtc_ice.foundation import Foundations
from rtc_ice.local_address import LocalAddress
from rtc_ice.pair import LocalCandidate
from rtc_ice.relay import Relay
from rtc_ice.streams import StreamTable
from rtc_ice.turn_server import TurnServer
from rtc_stun import (
    BINDING,
    Address,
    CloseTransport,
    Datagram,
    OpenTransport,
    RtoCache,
    StreamData,
    is_stun,
)

if TYPE_CHECKING:
    from rtc_ice.carrier import StreamWish
    from rtc_ice.credentials import Rng
    from rtc_ice.trace import Trace
    from rtc_turn import Allocated, TurnClient

NO_RESOURCES: Final = frozenset({486, 508})
"""What a server says that has no allocation to give: the quota is reached, or its capacity is."""

_ALLOCATION_MISMATCH: Final = 437
MAX_ADDRESSES: Final = 3
"""From which a server is asked that knows the first ones as those of other allocations."""
_OWN_SOCKET: Final = 0


class Relays:
    """All allocations of an agent, and the carrier of their relayed addresses.

    Args:
        config: Of the agent.
        foundations: Numbers the origins of candidates.
        rng: Source of randomness.
        count: Counts what is dropped, by reason.
        trace: Takes structured records.
    """

    def __init__(
        self,
        *,
        config: IceConfig,
        foundations: Foundations,
        rng: Rng,
        count: Callable[[str], None],
        trace: Trace | None,
    ) -> None:
        self._config = config
        self._foundations = foundations
        self._rng = rng
        self._count = count
        self._trace = trace
        self._rto_cache = RtoCache()
        self._relays: list[Relay] = []
        self._queue: list[Relay] = []
        """Those that wait for their turn to be asked for."""
        self._may_release = False
        """Whether there may be allocations on servers that are not configured any more."""
        self._hosts: dict[Address, None] = {}
        """The addresses that allocations are wanted for."""
        self._by_base: dict[Address, Relay] = {}
        self._by_path: dict[tuple[Address, Address], Relay] = {}
        """Those whose messages arrive at sockets."""
        self._streams: StreamTable[Relay] = StreamTable()
        self._touched: dict[Relay, float] = {}
        """Allocations that datagrams of the server have come for, and when: many come together."""
        self._arrived: list[Datagram] = []
        self._wishes: list[StreamWish] = []
        self._marked: list[Datagram] = []
        """What leaves with a code point."""
        self._farewell: list[Datagram] = []
        self._stream_farewell: list[StreamData] = []
        self._candidates: list[LocalCandidate] = []
        self._lost: list[Address] = []
        self.failures: list[CandidateGatheringFailed] = []
        """What went wrong since the last look."""
        self.unserved: list[tuple[LocalAddress, Address]] = []
        """Servers without room for us, which may tell our address still: those reached over UDP, since the last look."""

    # --- gathering ---

    @property
    def has_work(self) -> bool:
        """Whether an allocation waits to be asked for."""
        return bool(self._queue)

    @property
    def done(self) -> bool:
        """Whether every allocation was asked for, and granted or given up."""
        return not any(relay.is_pending and not relay.is_leaving for relay in self._relays)

    def configure(self, config: IceConfig) -> None:
        """Take another configuration, for what is gathered from now on; the servers that it lacks are left to `release`."""
        self._config = config
        self._may_release = True

    def gather(self, local: LocalAddress, now: float) -> None:
        """Want an allocation for an address on every server of its family; those that there are give candidates again."""
        self._hosts[local.address] = None
        if local.address in self._by_base:
            self._discard(self._by_base[local.address], now)
        for server in self._config.turn_servers:
            self._want(local, server)

    def add_server(self, config: IceConfig, server: TurnServer, locals_: Iterable[LocalAddress]) -> None:
        """Want allocations on a server that ``config`` has become richer by, for the given addresses."""
        self._config = config
        for local in locals_:
            self._want(local, server)

    def _want(self, local: LocalAddress, server: TurnServer) -> None:
        if server.address.is_ipv6 != local.address.is_ipv6 or self._config.lite:
            return
        allocations = (each for each in self._relays if each.local.address == local.address)
        known = next((each for each in allocations if server.is_served_by(each.server)), None)
        if known is not None and known.server.credential != server.credential:
            known.client.set_credential(server.credential)
            known.server = server
        if known is None:
            self._add(local, server)
        elif known.is_pending:
            known.is_leaving = False
        else:
            self._candidates += known.candidates(self._foundations, hides=self._config.relay_only)

    def _add(self, local: LocalAddress, server: TurnServer, *, tries: int = 0) -> None:
        is_taken = tries > 0 or any(
            each.is_shared and (each.local.address, each.server.location) == (local.address, server.location)
            for each in self._relays
        )
        relay = Relay(
            local,
            server,
            self._config.turn_servers.index(server),
            self._make_client(local, server),
            has_own_socket=server.transport == "dtls" or (server.transport == "udp" and is_taken),
            tries=tries,
        )
        self._relays.append(relay)
        self._queue.append(relay)

    def begin_next(self, now: float) -> None:
        """Ask for the allocation whose turn it is."""
        relay = self._queue.pop(0)
        relay.is_begun = True
        # A server that is silent delays nothing but the end of gathering, and that by so much.
        relay.deadline = now + self._config.gathering_timeout
        if relay.has_own_socket:
            wish = OpenTransport(_OWN_SOCKET, relay.server.address, relay.server.transport, relay.server.domain)
            self._wish(relay, wish)
            return
        relay.client.allocate(now)
        self._look(relay, now)

    def candidates(self) -> list[LocalCandidate]:
        """Drain the candidates that were obtained."""
        candidates, self._candidates = self._candidates, []
        return candidates

    def lost(self) -> list[Address]:
        """Drain the relayed addresses that are no more."""
        lost, self._lost = self._lost, []
        return lost

    def stop(self, now: float) -> None:
        """Ask for no more; what was granted stays."""
        for relay in [relay for relay in self._relays if relay.is_pending]:
            self._leave(relay, now)

    def forget(self, address: Address, now: float) -> None:
        """Give up what was allocated through a local address that is gone."""
        self._hosts.pop(address, None)
        for relay in [relay for relay in self._relays if relay.local.address == address]:
            self._discard(relay, now)

    def release(self, now: float) -> None:
        """Give back the allocations on servers that are not configured any more."""
        if not self._may_release:
            return
        self._may_release = False
        wanted = self._config.turn_servers
        for relay in [each for each in self._relays if not any(server.is_served_by(each.server) for server in wanted)]:
            self._leave(relay, now)

    def close(self, now: float) -> None:
        """Give everything back; the last output can be drained afterwards."""
        for relay in list(self._relays):
            self._discard(relay, now)

    def _make_client(self, local: LocalAddress, server: TurnServer) -> TurnClient:
        from rtc_turn import AddressFamily, TurnClient, TurnConfig  # who has no TURN server does without

        families = {each.address.is_ipv6 for each in self._config.turn_servers}
        own = AddressFamily.IPV6 if local.address.is_ipv6 else AddressFamily.IPV4
        return TurnClient(
            local=local.address,
            server=server.address,
            rng=self._rng,
            # [rfc8445:5.1.1.2/6]
            credential=server.credential,
            domain=server.domain,
            # [rfc8835:3.4/3] [rfc8835:3.4/5]
            config=TurnConfig(
                transport=server.transport,
                # [rfc8835:3.2/2] [rfc8835:3.4/6]
                # Where servers of one family are all there are, they open the way to peers of the other.
                families=(own,) if len(families) > 1 else (AddressFamily.IPV4, AddressFamily.IPV6),
                # [rfc8445:7.2.1/3] Channels are for data; checks do without.
                channels=False,
            ),
            rto_cache=self._rto_cache,
            trace=self._trace,
        )

    @property
    def has_farewell(self) -> bool:
        """Whether something is still to be sent for allocations that were given back."""
        return bool(self._farewell)

    # --- the carrier ---

    def carries(self, base: Address, transport: str) -> bool:
        """Whether an address is one of our relayed ones."""
        return transport == "udp" and base in self._by_base

    def send(self, datagram: Datagram, now: float) -> None:
        """Send to a peer through the server; the permission that this takes is asked for first."""
        from rtc_turn import TurnError

        relay, peer = self._by_base[datagram.local], datagram.remote
        try:
            # [rfc8445:7.2.1/1] [rfc8445:7.2.1/2] [rfc8445:7.2.1/4] The client sees to it, and keeps it while it is used.
            relay.client.send(datagram.data, peer, now)
            # [rfc8445:12.1/3]
            if peer not in relay.bound and not is_stun(datagram.data):
                relay.bound.add(peer)
                relay.client.bind_channel(peer, now)
            if dscp := datagram.local.dscp:
                self._marked += relay.datagrams_marked(dscp, now)
        except (TurnError, ValueError):
            self._count("relay-refused")

    def receive_datagram(self, datagram: Datagram, now: float) -> bool:
        """Take what a server says, its answers to Binding requests excepted: those are others' business."""
        relay = self._by_path.get((datagram.local, datagram.remote))
        if relay is None or _is_binding(datagram.data):
            return False
        self._heard(relay, now)
        relay.client.receive_datagram(datagram, now)
        self._touched[relay] = now
        return True

    def arrived(self) -> list[Datagram]:
        """Drain what peers sent to the relayed addresses."""
        if self._touched:
            touched, self._touched = self._touched, {}
            for relay, now in touched.items():
                if relay in self._relays:
                    self._look(relay, now)
        arrived, self._arrived = self._arrived, []
        return arrived

    def handle_timeout(self, now: float) -> None:
        """Do what is due: repeat, refresh, and give up on silent servers."""
        for relay in list(self._relays):
            relay.client.handle_timeout(now)
            self._look(relay, now)
            if relay in self._relays and relay.deadline is not None and relay.deadline <= now:
                self._fail(relay, None, "the server did not answer", now)

    def next_timeout(self) -> float | None:
        """Return when something is due next; at once while output waits to be drained."""
        times = [at for relay in self._relays for at in (relay.client.next_timeout(), relay.deadline) if at is not None]
        return min(times, default=None)

    def datagrams_to_send(self, now: float) -> list[Datagram]:
        """Drain what is to be sent to servers from sockets."""
        output, self._farewell = self._marked + self._farewell, []
        self._marked = []
        for relay in self._relays:
            if relay.is_shared:
                output += relay.client.datagrams_to_send(now)
        return output

    def stream_data_to_send(self, now: float) -> list[StreamData]:
        """Drain what is to be written to streams."""
        output, self._stream_farewell = self._stream_farewell, []
        for relay in self._relays:
            output += self._to_stream(relay, now)
        return output

    def stream_wishes(self) -> list[StreamWish]:
        """Drain the wishes for streams."""
        wishes, self._wishes = self._wishes, []
        return wishes

    def transport_opened(self, transport_id: int, now: float, local: Address | None) -> None:  # noqa: ARG002 - of the protocol
        """Take note that the stream to a server is connected."""
        found = self._streams.find(transport_id)
        if found is None:
            return
        relay, inner = found
        if not relay.has_own_socket:
            relay.client.transport_opened(inner, now)
        elif not relay.is_open:
            relay.is_open = True
            relay.client.allocate(now)
        self._look(relay, now)

    def transport_failed(self, transport_id: int, now: float) -> None:
        """Take note that the stream to a server is gone, and the allocation with it."""
        found = self._streams.find(transport_id)
        if found is None:
            return
        relay, inner = found
        self._streams.forget(transport_id)
        if relay.has_own_socket:
            self._fail(relay, None, "the connection to the server failed", now)
        else:
            relay.client.transport_failed(inner, now)
            self._look(relay, now)

    def transport_accepted(self, local: Address, remote: Address, now: float) -> int | None:  # noqa: ARG002 - of the protocol
        """Want no streams of others."""
        return None

    def receive_stream_data(self, transport_id: int, data: bytes, now: float) -> None:
        """Take what a server wrote."""
        found = self._streams.find(transport_id)
        if found is None:
            return
        relay, inner = found
        self._heard(relay, now)
        if relay.has_own_socket:
            datagram = Datagram(data, relay.local.address, relay.client.server, relay.server.transport)
            relay.client.receive_datagram(datagram, now)
        else:
            relay.client.receive_stream_data(inner, data, now)
        self._look(relay, now)

    # --- what clients tell ---

    def _heard(self, relay: Relay, now: float) -> None:
        """Take note that a server is not dead: whatever it has lost on the way to an answer, it gets some more time."""
        if not relay.is_answered:
            relay.is_answered = True
            if relay.deadline is not None:
                relay.deadline = now + self._config.gathering_timeout

    def _look(self, relay: Relay, now: float) -> None:
        from rtc_turn import Allocated, AllocationEnded, DataReceived, EndReason

        for event in relay.client.events():
            match event:
                case DataReceived(peer=peer, data=data):
                    base = relay.relayed.get(peer.is_ipv6)
                    if base is not None:
                        self._arrived.append(Datagram(data, base, peer))
                case OpenTransport() | CloseTransport():
                    self._wish(relay, event)
                case Allocated():
                    self._take(relay, event, now)
                case AllocationEnded(reason=reason, error_code=code, error_text=text):
                    if reason is not EndReason.CLOSED:
                        self._fail(relay, code, text or reason.value, now)
                case _:
                    pass  # Permissions and channels are the client's own business.
        if relay.is_shared and relay in self._relays:
            # A redirection may have led to another server.
            self._by_path.setdefault(relay.path, relay)

    def _take(self, relay: Relay, event: Allocated, now: float) -> None:
        if relay.is_leaving:
            self._discard(relay, now)
            return
        # [rfc8445:5.1.1.2/9] What is a base of ours already would otherwise be taken from its owner.
        fresh = [address for address in event.relayed if address not in self._hosts and address not in self._by_base]
        if not fresh:
            self._fail(relay, None, "the relayed address is one of our own", now)
            return
        relay.deadline = None
        relay.mapped = event.mapped
        for address in fresh:
            relay.relayed[address.is_ipv6] = address
            self._by_base[address] = relay
        self._candidates += relay.candidates(self._foundations, hides=self._config.relay_only)

    def _fail(self, relay: Relay, code: int | None, reason: str, now: float) -> None:
        """Report an allocation that came to nothing, or ended; forget it either way."""
        if relay.is_pending and not relay.is_leaving:
            local, server = relay.local, relay.server
            # [rfc8656:7.4/8] [rfc8656:7.4/9] Over a stream each try has a port of its own.
            may_retry = server.transport == "udp" and relay.tries + 1 < MAX_ADDRESSES
            # A restart may have taken the server out of the configuration meanwhile.
            if code == _ALLOCATION_MISMATCH and may_retry and server in self._config.turn_servers:
                self._discard(relay, now)
                self._add(local, server, tries=relay.tries + 1)
                return
            self.failures.append(CandidateGatheringFailed(local.address, server.address, code, reason, server))
            # [rfc8445:5.1.1.2/8]
            if code in NO_RESOURCES and server.transport == "udp":
                self.unserved.append((local, server.address))
        self._discard(relay, now)

    def _leave(self, relay: Relay, now: float) -> None:
        """Give an allocation back: now, or when a server that is about to grant it has done so."""
        if relay.is_pending and relay.is_answered:
            relay.is_leaving = True
        else:
            self._discard(relay, now)

    def _discard(self, relay: Relay, now: float) -> None:
        """Give an allocation back, as far as one datagram can, and forget it."""
        self._relays.remove(relay)
        if relay in self._queue:
            self._queue.remove(relay)
        self._candidates = [each for each in self._candidates if each.base not in relay.relayed.values()]
        for address in relay.relayed.values():
            del self._by_base[address]
            self._lost.append(address)
        self._by_path = {path: each for path, each in self._by_path.items() if each is not relay}
        # Nobody waits for the server's answer: if the request is lost, the allocation expires.
        relay.client.close(now)
        if relay.is_shared:
            self._farewell += relay.client.datagrams_to_send(now)
        else:
            self._stream_farewell += self._to_stream(relay, now)
            for transport_id in self._streams.of(relay):
                self._wishes.append(CloseTransport(transport_id))
                self._streams.forget(transport_id)

    # --- streams ---

    def _to_stream(self, relay: Relay, now: float) -> list[StreamData]:
        """Return what is to be written for one allocation; with a socket of its own each datagram is written by itself."""
        if relay.is_shared:
            return []
        if not relay.has_own_socket:
            return self._streams.data(relay, relay.client.stream_data_to_send(now))
        datagrams = relay.client.datagrams_to_send(now)
        return self._streams.data(relay, [StreamData(_OWN_SOCKET, datagram.data) for datagram in datagrams])

    def _wish(self, relay: Relay, event: StreamWish) -> None:
        if isinstance(event, OpenTransport):
            event = replace(event, local=Address(relay.local.address.host, 0))
        wish = self._streams.wish(relay, event)
        if wish is not None:
            self._wishes.append(wish)


def _is_binding(data: bytes) -> bool:
    """Whether a datagram is STUN of the Binding method, of whatever class."""
    return is_stun(data) and len(data) > 1 and (data[0] & 0x3E, data[1] & 0xEF) == (BINDING >> 8, BINDING & 0xFF)
