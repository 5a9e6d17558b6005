"""All transports of a connection: made, restarted and closed as negotiation orders, fed and drained together."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from rtc_dtls import Certificate
from rtc_ice import Announced, Candidate, IceConfig, StreamTable, TcpType
from rtc_peer.configuration import IceTransportPolicy
from rtc_peer.errors import ArgumentError
from rtc_peer.events import (
    NO_RESPONSE,
    DtlsTransportEvent,
    GatheringWanted,
    HostResolutionWanted,
    IceCandidateFailed,
    IceTransportEvent,
    TransportClosed,
)
from rtc_peer.ice_server import MAX_SERVER_ADDRESSES, IceServers
from rtc_peer.journal import Journal
from rtc_peer.negotiated import NegotiatedMedia
from rtc_peer.options import PeerOptions
from rtc_peer.orders import Outcome
from rtc_peer.remote_candidates import is_ip_literal
from rtc_peer.section import TransportParameters
from rtc_peer.writing import WrittenTransport
from rtc_stun import Address, CloseTransport, Datagram, OpenTransport, StreamData

if TYPE_CHECKING:
    from rtc_peer.media_transport import MediaTransportEvent
    from rtc_peer.transport import Transport

T = TypeVar("T")

TransportEvent: TypeAlias = (
    GatheringWanted | HostResolutionWanted | TransportClosed | IceTransportEvent | DtlsTransportEvent
)


class TransportSet:
    """The transports by their ids.

    Args:
        certificate: Ours.
        options: Settings of the layers.
        rng: Source of randomness.
        journal: Takes what is dropped, and records.
    """

    def __init__(
        self,
        *,
        certificate: Certificate,
        options: PeerOptions,
        rng: Callable[[int], bytes],
        journal: Journal,
    ) -> None:
        self.transports: dict[int, Transport] = {}
        self.former: tuple[Transport, ...] = ()
        """Those that were in use when all were closed: what they counted can still be asked for."""
        self.policy = IceTransportPolicy.ALL
        """For the next gathering."""
        self._servers = IceServers(())
        self._certificate = certificate
        self._options = options
        self._rng = rng
        self._journal = journal
        self._events: list[TransportEvent] = []
        self._farewell: list[Datagram] = []
        self._streams: StreamTable[int] = StreamTable()
        """Streams of the ICE agents, by the id of the transport."""
        self._stream_farewell: list[StreamData] = []
        self.stirred = False
        """Whether sending has left something for `drain` or `drain_media`."""
        self._newest = -1
        """The highest id so far: wishes of transports up to it may still be on their way to the owner."""
        self._all: dict[int, Transport] = {}
        """By id, of `transports` and of the pool."""
        self._pool: dict[int, Transport] = {}
        """Transports that gather ahead of time, for the first descriptions to take (:rfc:`8829#section-3.5.4`)."""
        self._by_address: dict[tuple[Address, str], Transport] = {}
        """By local address, and by ``udp`` or ``tcp``."""
        self._waiting_for_names: set[int] = set()
        """Transports whose addresses are all known, but not the servers to ask through them."""

    def written(self) -> dict[int, WrittenTransport]:
        """Return how descriptions show each transport now."""
        return {key: transport.written() for key, transport in self.transports.items()}

    # --- configuration ---

    def configure(self, servers: IceServers, policy: IceTransportPolicy) -> None:
        """Take the servers and the policy for the next gathering."""
        # [rfc8829:3.5.3/1] [rfc8827:6.4/4] [rfc8835:3.4/4]
        self._servers = servers
        self.policy = policy
        self._events += [HostResolutionWanted(name) for name in servers.unresolved()]

    def url_of(self, server: Address, transport: str | None) -> str | None:
        """Return the URL of a server by its address, and by the transport to it if it is a TURN server."""
        return self._servers.url_of(server, transport)

    def host_resolved(self, host: str, addresses: list[str], now: float) -> None:
        """Take the addresses of a name, in candidates or of servers.

        Raises:
            ArgumentError: One is no IP literal.
        """
        for address in addresses:
            if not is_ip_literal(address):
                raise ArgumentError(f"{address!r} is no IP address")
        for transport in self.transports.values():
            transport.ice.host_resolved(host, addresses, now)
        if not self._servers.resolve(host, addresses):
            return
        if self.transports and not addresses:
            self._report_unreachable(host)
        for transport in self._all.values():
            transport.ice.add_servers(self._servers.stun_servers(), self._servers.turn_servers(), now)
        if not self._servers.unresolved():
            waiting, self._waiting_for_names = sorted(self._waiting_for_names), set()
            for key in waiting:
                self.end_of_local_addresses(key, now)

    # --- the pool ---

    def fill_pool(self, wanted: dict[int, TransportParameters], now: float, *, anew: bool) -> None:
        """Let transports gather ahead of time.

        Args:
            wanted: By their ids, all that are to be in the pool.
            now: Present time in seconds.
            anew: Whether servers or policy have changed: what was found so far is discarded.
        """
        for key in [key for key in self._pool if key not in wanted]:
            self._close(key, now)
        for key, parameters in wanted.items():
            if key not in self._pool:
                self._pool[key] = self._make(key, parameters, controlling=True, now=now)
                self._pool[key].ice.is_pooled = True
                self._regroup()
            elif anew:
                self._pool[key].ice.gather_anew(self._ice_config(), now)
            else:
                continue
            self._events.append(GatheringWanted(key))

    def _regroup(self) -> None:
        """Look anew which transports there are: this changes far less often than all of them are asked."""
        self._all = {**self.transports, **self._pool}

    # --- orders ---

    def apply(self, outcome: Outcome, *, controlling: bool, now: float) -> None:
        """Do what a description asks for.

        Args:
            outcome: The orders.
            controlling: Whether transports that are made now choose the pairs.
            now: Present time in seconds.
        """
        # [rfc8839:4.4.3.1/2]
        for key in outcome.close:
            self._close(key, now)
        for key, parameters in outcome.roll_back:
            if key in self.transports:
                self.transports[key].roll_back(parameters)
        for key, parameters in outcome.gather:
            self._gather(key, parameters, controlling=controlling, now=now)
        for order in outcome.start:
            self.transports[order.transport_id].start(order, now)

    def apply_media(self, media: Sequence[NegotiatedMedia], now: float) -> None:
        """Take the media sections that are in force from now on, all of them."""
        for key, transport in self.transports.items():
            transport.apply_media([each for each in media if each.transport_id == key], now)

    def close(self, now: float) -> None:
        """Close all of them."""
        self.former = tuple(self.transports.values())
        for key in list(self._all):
            self._close(key, now)

    def _gather(self, key: int, parameters: TransportParameters, *, controlling: bool, now: float) -> None:
        pooled = self._pool.pop(key, None)
        if pooled is not None:
            self.transports[key] = pooled
            # [rfc8829:3.5.4/2]
            pooled.leave_pool(parameters, self._ice_config(), controlling=controlling, now=now)
        elif key in self.transports:
            self.transports[key].restart(parameters, self._ice_config(), now)
        else:
            # [rfc8839:4.4.3.1/3]
            self.transports[key] = self._make(key, parameters, controlling=controlling, now=now)
        self._regroup()
        self._report_unreachable()
        self._events.append(GatheringWanted(key))

    def _make(self, key: int, parameters: TransportParameters, *, controlling: bool, now: float) -> Transport:
        from rtc_peer.transport import Transport  # with all of ICE and DTLS behind it

        self._newest = max(self._newest, key)
        return Transport(
            key,
            parameters=parameters,
            controlling=controlling,
            certificate=self._certificate,
            rng=self._rng,
            ice_config=self._ice_config(),
            dtls_config=self._options.dtls,
            rtp_options=self._options.rtp,
            journal=self._journal,
            now=now,
        )

    def _ice_config(self) -> IceConfig:
        """Return what an agent is to know that gathers now."""
        own = self._options.ice
        return replace(
            own,
            stun_servers=_joined(own.stun_servers, self._servers.stun_servers()),
            turn_servers=_joined(own.turn_servers, self._servers.turn_servers()),
            # [rfc8829:3.5.3/2] [rfc8827:6.4/2]
            relay_only=own.relay_only or self.policy is IceTransportPolicy.RELAY,
        )

    def _report_unreachable(self, host: str | None = None) -> None:
        """Tell of the servers that have no address, or of those of one name."""
        self._events += [
            IceCandidateFailed(url, NO_RESPONSE, "the name of the server has no address")
            for url in self._servers.unreachable(host)
        ]

    def _close(self, key: int, now: float) -> None:
        transport = self.transports.pop(key, None) or self._pool.pop(key, None)
        if transport is None:
            return
        self._regroup()
        farewell, written = transport.close(now)
        self._farewell += farewell
        self._stream_farewell += self._streams.data(key, written)
        for stream_id in self._streams.of(key):
            self._streams.forget(stream_id)
            self._events.append(CloseTransport(stream_id))
        transport.count_drops(self._journal.stats)
        self._by_address = {place: owner for place, owner in self._by_address.items() if owner is not transport}
        self._waiting_for_names.discard(key)
        self._events.append(TransportClosed(key))

    # --- addresses ---

    def add_local_address(
        self,
        key: int,
        address: Address,
        now: float,
        announced: Announced | None = None,
        tcp_type: TcpType | None = None,
    ) -> bool:
        """Take the address of a socket, and return whether it became a candidate.

        Raises:
            ArgumentError: The address is no IP address, was added before or is one too many, or ``announced`` is of
                another family.
        """
        transport = self._find(key)
        if not is_ip_literal(address.host):
            raise ArgumentError(f"{address.host!r} is no IP address")
        place = (address, "udp" if tcp_type is None else "tcp")
        if place in self._by_address:
            raise ArgumentError(f"{address} was added before")
        if transport is None:
            return False
        try:
            added = transport.ice.add_local_address(address, now, announced, tcp_type)
        except ValueError as error:
            raise ArgumentError(str(error)) from error
        if added and tcp_type is not TcpType.ACTIVE:
            self._by_address[place] = transport
        return added

    def remove_local_address(self, address: Address, now: float, tcp_type: TcpType | None = None) -> bool:
        """Forget an address, and return whether its transport cannot do without a restart, whatever the peer does."""
        if tcp_type is TcpType.ACTIVE:
            owners = list(self._all.values())
        else:
            owner = self._by_address.pop((address, "udp" if tcp_type is None else "tcp"), None)
            owners = [] if owner is None else [owner]
        for transport in owners:
            # An address to connect from may be one transport's, and not another's.
            with contextlib.suppress(ValueError):
                transport.ice.remove_local_address(address, now, tcp_type)
        return any(each.ice.agent.controlling and each.ice.agent.needs_restart(now) for each in owners)

    def end_of_local_addresses(self, key: int, now: float) -> None:
        """Take the end of the addresses; names of servers that are still being resolved delay it."""
        transport = self._find(key)
        if transport is None:
            return
        if self._servers.unresolved():
            self._waiting_for_names.add(key)
        else:
            transport.ice.end_of_local_addresses(now)

    def _find(self, key: int) -> Transport | None:
        """Return a transport; None if it was closed while its owner opened sockets for it."""
        if not 0 <= key <= self._newest:
            raise ArgumentError(f"there is no transport {key}")
        return self._all.get(key)

    def add_candidate(self, key: int, candidate: Candidate | None, ufrag: str, now: float) -> None:
        """Take a candidate of the peer, or (None) the end of its candidates."""
        transport = self.transports.get(key)
        if transport is None:
            return
        if candidate is None:
            transport.ice.end_candidates(ufrag, now)
        else:
            transport.ice.add_candidate(candidate, ufrag, now)

    # --- datagrams ---

    def receive(self, batch: list[Datagram], now: float) -> None:
        """Take datagrams that arrived together."""
        if len(self.transports) == 1 and not self._pool:
            next(iter(self.transports.values())).receive(batch, now)
            return
        shares: dict[int, list[Datagram]] = {}
        for datagram in batch:
            owner = self._by_address.get((datagram.local, "udp"))
            if owner is None:
                self._journal.drop("unknown-local-address")
            else:
                shares.setdefault(owner.id, []).append(datagram)
        for key, share in shares.items():
            self._all[key].receive(share, now)

    # --- streams ---

    def transport_opened(self, stream_id: int, now: float, local: Address | None) -> None:
        """Take note that a stream is connected.

        Raises:
            ArgumentError: There never was such a stream.
        """
        found = self._find_stream(stream_id)
        if found is not None:
            transport, inner = found
            transport.ice.stirred = True
            transport.ice.agent.transport_opened(inner, now, local)

    def transport_accepted(self, local: Address, remote: Address, now: float) -> int | None:
        """Take a stream that somebody opened to a TCP candidate; None if it is not wanted."""
        owner = self._by_address.get((local, "tcp"))
        if owner is None:
            return None
        owner.ice.stirred = True
        inner = owner.ice.agent.transport_accepted(local, remote, now)
        return None if inner is None else self._streams.add(owner.id, inner)

    def transport_failed(self, stream_id: int, now: float) -> None:
        """Take note that a stream is gone.

        Raises:
            ArgumentError: There never was such a stream.
        """
        found = self._find_stream(stream_id)
        if found is not None:
            transport, inner = found
            self._streams.forget(stream_id)
            transport.ice.stirred = True
            transport.ice.agent.transport_failed(inner, now)

    def receive_stream_data(self, stream_id: int, data: bytes, now: float) -> None:
        """Take what was read from a stream."""
        found = self._streams.find(stream_id)
        if found is None:
            self._journal.drop("unknown-stream")
        else:
            self._all[found[0]].receive_stream_data(found[1], data, now)

    def stream_data_to_send(self, now: float) -> list[StreamData]:
        """Drain what is to be written to streams, after `datagrams_to_send`."""
        output, self._stream_farewell = self._stream_farewell, []
        for key, transport in self._all.items():
            written = transport.stream_data_to_send(now)
            if written:
                output += self._streams.data(key, written)
        return output

    def _find_stream(self, stream_id: int) -> tuple[Transport, int] | None:
        if not self._streams.was_numbered(stream_id):
            raise ArgumentError(f"there is no stream {stream_id}")
        found = self._streams.find(stream_id)
        return None if found is None else (self._all[found[0]], found[1])

    def handle_timeout(self, now: float) -> None:
        """Do what is due."""
        for transport in self._all.values():
            transport.handle_timeout(now)

    def datagrams_to_send(self, now: float) -> list[Datagram]:
        """Drain what is to be sent."""
        output, self._farewell = self._farewell, []
        self.stirred = bool(self._events or self._stream_farewell)
        for transport in self._all.values():
            output += transport.datagrams_to_send(now)
            if transport.stirred or (transport.media is not None and transport.media.has_events):
                self.stirred = True
        return output

    def rest(self) -> float | None:
        """Everything was drained: return when something is due again."""
        due: float | None = None
        for transport in self._all.values():
            at = transport.rest()
            if at is not None and (due is None or at < due):
                due = at
        return due

    def drain(self, names_of: Callable[[int], tuple[str, int]], now: float) -> list[TransportEvent]:
        """Take the steps that became possible, and return what happened.

        Args:
            names_of: Returns mid and index of the section that a transport signals its candidates for.
            now: Present time in seconds.
        """
        events, self._events = self._events, []
        for key, transport in self._all.items():
            if transport.stirred:
                events += self._numbered(key, transport.drain(self._servers, names_of, now))
        return events

    def _numbered(self, key: int, events: list[IceTransportEvent | DtlsTransportEvent]) -> list[TransportEvent]:
        """Give the streams that an agent wishes for numbers of the connection's."""
        found: list[TransportEvent] = []
        for event in events:
            if isinstance(event, OpenTransport | CloseTransport):
                wish = self._streams.wish(key, event)
                if wish is not None:
                    found.append(wish)
            else:
                found.append(event)
        return found

    def drain_media(self) -> list[MediaTransportEvent]:
        """Return what happened to media."""
        events: list[MediaTransportEvent] = []
        for transport in self.transports.values():
            if transport.media is not None and transport.media.has_events:
                events += transport.media.drain()
        return events


def _joined(first: tuple[T, ...], second: tuple[T, ...]) -> tuple[T, ...]:
    return tuple(dict.fromkeys((*first, *second)))[:MAX_SERVER_ADDRESSES]
