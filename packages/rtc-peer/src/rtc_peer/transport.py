"""ICE and DTLS of one bundle group joined: the path that datagrams take, in both directions."""

from __future__ import annotations

from collections.abc import Callable

from rtc_dtls import Certificate, DtlsConfig
from rtc_ice import IceConfig
from rtc_peer.demultiplex import DTLS_FIRST, DTLS_LAST, STUN_LAST, classify
from rtc_peer.dtls_transport import DtlsTransport, DtlsTransportEvent
from rtc_peer.ice_server import StunServers
from rtc_peer.ice_transport import IceTransport, IceTransportEvent
from rtc_peer.journal import Journal
from rtc_peer.orders import StartOrder
from rtc_peer.section import TransportParameters
from rtc_peer.stats import PeerStats
from rtc_peer.writing import WrittenTransport
from rtc_stun import Address, Datagram


class Transport:
    """The transport of one or more media sections.

    Args:
        transport_id: Names it in events.
        parameters: What our description says about it.
        controlling: Whether we made the first offer.
        certificate: Ours.
        rng: Source of randomness.
        ice_config: Settings of the ICE agent.
        dtls_config: Settings of the handshake.
        journal: Takes what is dropped, and records.
        now: Present time in seconds.
    """

    __slots__ = (
        "_journal",
        "_path",
        "bytes_received",
        "bytes_sent",
        "dtls",
        "ice",
        "id",
        "packets_received",
        "packets_sent",
        "parameters",
    )

    def __init__(
        self,
        transport_id: int,
        *,
        parameters: TransportParameters,
        controlling: bool,
        certificate: Certificate,
        rng: Callable[[int], bytes],
        ice_config: IceConfig,
        dtls_config: DtlsConfig,
        journal: Journal,
        now: float,
    ) -> None:
        self.id = transport_id
        self.parameters = parameters
        self.ice = IceTransport(
            transport_id,
            credentials=parameters.credentials,
            controlling=controlling,
            rng=rng,
            config=ice_config,
            trace=journal.trace,
            now=now,
        )
        self.dtls = DtlsTransport(transport_id, certificate=certificate, rng=rng, template=dtls_config, journal=journal)
        self.packets_sent = 0
        self.bytes_sent = 0
        self.packets_received = 0
        self.bytes_received = 0
        self._path: tuple[Address, Address] | None = None
        self._journal = journal

    def written(self) -> WrittenTransport:
        """Return how descriptions show it now."""
        ice = self.ice
        return WrittenTransport(
            parameters=self.parameters,
            candidates=tuple(ice.candidates),
            gathering_complete=ice.gathering_complete,
        )

    # --- what negotiation asks ---

    def restart(self, parameters: TransportParameters, now: float) -> None:
        """Begin another generation of candidates, as our description says."""
        self.parameters = parameters
        self.ice.restart(parameters.credentials, now)
        # What came early is of a generation that was given up: the peer cannot answer this one before it knows of it.
        self.dtls.take_early()
        self._path = None

    def roll_back(self, parameters: TransportParameters) -> None:
        """Call a restart off."""
        self.parameters = parameters
        self.ice.roll_back()

    def start(self, order: StartOrder, now: float) -> None:
        """Check paths and shake hands, or go on with what is agreed upon already."""
        agreement = order.agreement
        # [rfc8842:1/1]
        continued = self.dtls.agreement is not None and agreement.remote.same_association(self.dtls.agreement.remote)
        self.parameters = agreement.local
        self.ice.start(order, now)
        if not continued:
            self.dtls.prepare(agreement)
        self._path = None

    def close(self, now: float) -> list[Datagram]:
        """End both layers and return what is still to be sent."""
        self.dtls.close(now)
        farewell = self._records(now)
        self.ice.close(now)
        return farewell

    def count_drops(self, stats: PeerStats) -> None:
        """Add what both layers have dropped."""
        stats.add_layer("ice", self.ice.agent.stats.dropped)
        if self.dtls.connection is not None:
            stats.add_layer("dtls", self.dtls.connection.stats.dropped)

    # --- datagrams ---

    def receive(self, batch: list[Datagram], now: float) -> None:
        """Take datagrams that arrived together: checks first, for they may open the door to the others."""
        checks: list[Datagram] = []
        strangers: list[Datagram] = []
        run: list[bytes] = []
        local, remote = self._path or (None, None)
        for datagram in batch:
            data = datagram.data
            first_byte = data[0] if data else 0xFF
            # [rfc8835:3.5/5]
            if DTLS_FIRST <= first_byte <= DTLS_LAST:
                if datagram.remote == remote and datagram.local == local:
                    run.append(data)
                else:
                    strangers.append(datagram)
            elif first_byte <= STUN_LAST:
                checks.append(datagram)
            else:
                # [rfc7983:7/1] [rfc7983:7/2]
                self._journal.drop(f"no-{classify(data).value}" if data else "empty")
        if checks:
            self.ice.receive(checks, now)
            self._path = None
        if strangers:
            run += [datagram.data for datagram in strangers if self._admit(datagram)]
        if run:
            self._receive_records(run, now)

    def handle_timeout(self, now: float) -> None:
        """Do what is due in both layers."""
        if self.ice.handle_timeout(now):
            self._path = None
        self.dtls.handle_timeout(now)

    def datagrams_to_send(self, now: float) -> list[Datagram]:
        """Drain what both layers want to send."""
        output = self.ice.datagrams_to_send(now)
        output += self._records(now)
        return output

    def rest(self) -> float | None:
        """Everything was drained: return when something is due again."""
        ice, dtls = self.ice.rest(), self.dtls.next_timeout()
        return dtls if ice is None else ice if dtls is None or ice < dtls else dtls

    def drain(
        self, servers: StunServers, names_of: Callable[[int], tuple[str, int]], now: float
    ) -> list[IceTransportEvent | DtlsTransportEvent]:
        """Take the steps that became possible, and return what happened in both layers.

        Args:
            servers: To name the one that a candidate came from.
            names_of: Returns mid and index of the section that candidates are signalled for.
            now: Present time in seconds.
        """
        events: list[IceTransportEvent | DtlsTransportEvent] = []
        if self.ice.stirred:
            events += self.ice.drain(servers, names_of)
            self._advance(now)
        events += self.dtls.drain()
        return events

    # --- within ---

    def _advance(self, now: float) -> None:
        """Take the steps that ICE has made possible: begin DTLS, and let in what waited for it."""
        if self.ice.pair is None:
            return
        self.dtls.open(now)
        if self.dtls.has_early:
            run = [datagram.data for datagram in self.dtls.take_early() if self._admit(datagram)]
            if run:
                self._receive_records(run, now)

    def _admit(self, datagram: Datagram) -> bool:
        """Whether a datagram may go to DTLS; if it may later, it is kept."""
        # [rfc8841:12.2/1] Whatever path of the agent it came by.
        agent = self.ice.agent
        # A ClientHello race is won by whoever knows our ICE password, and by nobody else.
        if self.dtls.connection is None or agent.selected_pair is None:
            self.dtls.hold(datagram)
            return False
        if not agent.is_valid_path(datagram.local, datagram.remote):
            self._journal.drop("dtls-from-stranger")
            return False
        self._path = (datagram.local, datagram.remote)
        return True

    def _receive_records(self, run: list[bytes], now: float) -> None:
        self.packets_received += len(run)
        self.bytes_received += sum(map(len, run))
        self.dtls.receive(run, now)

    def _records(self, now: float) -> list[Datagram]:
        """Wrap what DTLS wants to send."""
        records = self.dtls.datagrams_to_send(now)
        if not records:
            return []
        pair = self.ice.agent.selected_pair
        # [rfc8827:6.3/3]
        if pair is None:
            self._journal.drop("no-path", len(records))
            return []
        self.packets_sent += len(records)
        self.bytes_sent += sum(map(len, records))
        local, remote = pair.local, pair.remote
        return [Datagram(record, local, remote) for record in records]
