"""All transports of a connection: made, restarted and closed as negotiation orders, fed and drained together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from rtc_dtls import Certificate
from rtc_ice import Announced, Candidate
from rtc_peer.configuration import IceTransportPolicy
from rtc_peer.dtls_transport import DtlsTransportEvent
from rtc_peer.errors import ArgumentError
from rtc_peer.events import GatheringWanted, HostResolutionWanted, IceCandidateFailed, TransportClosed
from rtc_peer.ice_server import MAX_SERVER_ADDRESSES, StunServers
from rtc_peer.ice_transport import NO_RESPONSE, IceTransportEvent
from rtc_peer.journal import Journal
from rtc_peer.negotiated import NegotiatedMedia
from rtc_peer.options import PeerOptions
from rtc_peer.orders import Outcome
from rtc_peer.remote_candidates import is_ip_literal
from rtc_peer.section import TransportParameters
from rtc_peer.transport import Transport
from rtc_peer.writing import WrittenTransport
from rtc_stun import Address, Datagram

if TYPE_CHECKING:
    from rtc_peer.media_transport import MediaTransportEvent

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
        self.policy = IceTransportPolicy.ALL
        """For the next gathering."""
        self._servers = StunServers(())
        self._certificate = certificate
        self._options = options
        self._rng = rng
        self._journal = journal
        self._events: list[TransportEvent] = []
        self._farewell: list[Datagram] = []
        self._newest = -1
        """The highest id so far: wishes of transports up to it may still be on their way to the owner."""
        self._by_address: dict[Address, Transport] = {}
        self._waiting_for_names: set[int] = set()
        """Transports whose addresses are all known, but not the servers to ask through them."""

    def written(self) -> dict[int, WrittenTransport]:
        """Return how descriptions show each transport now."""
        return {key: transport.written() for key, transport in self.transports.items()}

    # --- configuration ---

    def configure(self, servers: StunServers, policy: IceTransportPolicy) -> None:
        """Take the servers and the policy for the next gathering."""
        # [rfc8829:3.5.3/1] [rfc8827:6.4/4] [rfc8835:3.4/4]
        self._servers = servers
        self.policy = policy
        self._events += [HostResolutionWanted(name) for name in servers.unresolved()]

    def url_of(self, server: Address) -> str | None:
        """Return the URL of a server by its address."""
        return self._servers.url_of(server)

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
        for transport in self.transports.values():
            transport.ice.add_stun_servers(self._servers.addresses(), now)
        if not self._servers.unresolved():
            waiting, self._waiting_for_names = sorted(self._waiting_for_names), set()
            for key in waiting:
                self.end_of_local_addresses(key, now)

    # --- orders ---

    def apply(self, outcome: Outcome, *, controlling: bool, now: float) -> None:
        """Do what a description asks for.

        Args:
            outcome: The orders.
            controlling: Whether transports that are made now choose the pairs.
            now: Present time in seconds.
        """
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
        for key in list(self.transports):
            self._close(key, now)

    def _gather(self, key: int, parameters: TransportParameters, *, controlling: bool, now: float) -> None:
        hidden = self.policy is IceTransportPolicy.RELAY
        transport = self.transports.get(key)
        if transport is None:
            self._newest = max(self._newest, key)
            config = self._options.ice
            transport = self.transports[key] = Transport(
                key,
                parameters=parameters,
                controlling=controlling,
                certificate=self._certificate,
                rng=self._rng,
                ice_config=replace(config, stun_servers=_joined(config.stun_servers, self._servers.addresses())),
                dtls_config=self._options.dtls,
                rtp_options=self._options.rtp,
                journal=self._journal,
                now=now,
            )
        else:
            transport.ice.add_stun_servers(self._servers.addresses(), now)
            if hidden:
                self._forget_addresses(transport, now)
            transport.restart(parameters, now)
        # [rfc8829:3.5.3/2] [rfc8827:6.4/2] No relays yet: under this policy nothing can be gathered, and what was
        # gathered before is not used any more.
        transport.ice.relay_only = hidden
        if not hidden:
            self._report_unreachable()
        self._events.append(GatheringWanted(key))

    def _report_unreachable(self, host: str | None = None) -> None:
        """Tell of the servers that have no address, or of those of one name."""
        self._events += [
            IceCandidateFailed(url, NO_RESPONSE, "the name of the server has no address")
            for url in self._servers.unreachable(host)
        ]

    def _forget_addresses(self, transport: Transport, now: float) -> None:
        for address in [address for address, owner in self._by_address.items() if owner is transport]:
            transport.ice.remove_local_address(address, now)
            del self._by_address[address]

    def _close(self, key: int, now: float) -> None:
        transport = self.transports.pop(key, None)
        if transport is None:
            return
        self._farewell += transport.close(now)
        transport.count_drops(self._journal.stats)
        self._by_address = {address: owner for address, owner in self._by_address.items() if owner is not transport}
        self._waiting_for_names.discard(key)
        self._events.append(TransportClosed(key))

    # --- addresses ---

    def add_local_address(self, key: int, address: Address, now: float, announced: Announced | None = None) -> bool:
        """Take the address of a socket, and return whether it became a candidate.

        Raises:
            ArgumentError: The address is no IP address, was added before or is one too many, or ``announced`` is of
                another family.
        """
        transport = self._find(key)
        if not is_ip_literal(address.host):
            raise ArgumentError(f"{address.host!r} is no IP address")
        if address in self._by_address:
            raise ArgumentError(f"{address} was added before")
        if transport is None or transport.ice.relay_only:
            return False
        try:
            added = transport.ice.add_local_address(address, now, announced)
        except ValueError as error:
            raise ArgumentError(str(error)) from error
        if added:
            self._by_address[address] = transport
        return added

    def end_of_local_addresses(self, key: int, now: float) -> None:
        """Take the end of the addresses; names of servers that are still being resolved delay it."""
        transport = self._find(key)
        if transport is None:
            return
        if self._servers.unresolved() and not transport.ice.relay_only:
            self._waiting_for_names.add(key)
        else:
            transport.ice.end_of_local_addresses(now)

    def _find(self, key: int) -> Transport | None:
        """Return a transport; None if it was closed while its owner opened sockets for it."""
        if not 0 <= key <= self._newest:
            raise ArgumentError(f"there is no transport {key}")
        return self.transports.get(key)

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
        if len(self.transports) == 1:
            next(iter(self.transports.values())).receive(batch, now)
            return
        shares: dict[int, list[Datagram]] = {}
        for datagram in batch:
            owner = self._by_address.get(datagram.local)
            if owner is None:
                self._journal.drop("unknown-local-address")
            else:
                shares.setdefault(owner.id, []).append(datagram)
        for key, share in shares.items():
            self.transports[key].receive(share, now)

    def handle_timeout(self, now: float) -> None:
        """Do what is due."""
        for transport in self.transports.values():
            transport.handle_timeout(now)

    def datagrams_to_send(self, now: float) -> list[Datagram]:
        """Drain what is to be sent."""
        output, self._farewell = self._farewell, []
        for transport in self.transports.values():
            output += transport.datagrams_to_send(now)
        return output

    def rest(self) -> float | None:
        """Everything was drained: return when something is due again."""
        due: float | None = None
        for transport in self.transports.values():
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
        for transport in self.transports.values():
            if transport.stirred:
                events += transport.drain(self._servers, names_of, now)
        return events

    def drain_media(self) -> list[MediaTransportEvent]:
        """Return what happened to media."""
        events: list[MediaTransportEvent] = []
        for transport in self.transports.values():
            if transport.media is not None:
                events += transport.media.drain()
        return events


def _joined(first: tuple[Address, ...], second: tuple[Address, ...]) -> tuple[Address, ...]:
    return tuple(dict.fromkeys((*first, *second)))[:MAX_SERVER_ADDRESSES]
