"""ICE, DTLS and media of one bundle group joined: the path that datagrams take, in both directions.

::

    socket ──► first byte ──► 0-3     STUN ──► IceTransport ── proves paths ──┐
                         ├──► 64-79   TURN ──► IceTransport, which unwraps it: look at its first byte again
                         ├──► 20-63   DTLS ──► from a proven path? ───────────┼──► DtlsTransport ── keys ──┐
                         └──► 128-191 RTP ───► from a proven path? ───────────┴──────────────► MediaTransport
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from rtc_dtls import Certificate, DtlsConfig
from rtc_ice import IceConfig
from rtc_peer.demultiplex import (
    CHANNEL_FIRST,
    CHANNEL_LAST,
    DTLS_FIRST,
    DTLS_LAST,
    RTP_FIRST,
    RTP_LAST,
    STUN_LAST,
    classify,
)
from rtc_peer.dtls_transport import DtlsTransport
from rtc_peer.events import DtlsTransportEvent, IceTransportEvent
from rtc_peer.ice_server import IceServers
from rtc_peer.ice_transport import IceTransport
from rtc_peer.journal import Journal
from rtc_peer.marking import Marking
from rtc_peer.orders import StartOrder
from rtc_peer.section import TransportParameters
from rtc_peer.state import DtlsTransportState
from rtc_peer.stats import PeerStats
from rtc_peer.writing import WrittenTransport
from rtc_stun import Address, Datagram, StreamData

if TYPE_CHECKING:
    from rtc_peer.media_transport import MediaTransport
    from rtc_peer.negotiated import NegotiatedMedia
    from rtc_rtp import SessionOptions

_NEVER: Final = float("inf")


class Transport:
    """The transport of one or more media sections.

    Args:
        transport_id: Names it in events.
        parameters: What our description says about it.
        controlling: Whether we made the first offer.
        certificate: Ours.
        rng: Source of randomness.
        ice_config: Settings of the ICE agent.
        dtls_config: Settings of the handshake; media go by its MTU as well.
        rtp_options: Settings of the RTP session, if there are media; None for those of WebRTC.
        journal: Takes what is dropped, and records.
        now: Present time in seconds.
    """

    __slots__ = (
        "_due_below",
        "_journal",
        "_marking",
        "_mtu",
        "_path",
        "_rng",
        "_rtp_options",
        "bytes_received",
        "bytes_sent",
        "dtls",
        "ice",
        "id",
        "media",
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
        rtp_options: SessionOptions | None,
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
        self._path: tuple[Address, Address, str] | None = None
        self._due_below = 0.0
        """When ICE or DTLS want to be called; holds while neither is stirred."""
        self._journal = journal
        self._marking = Marking()
        self._rng = rng
        self._mtu = dtls_config.mtu
        self._rtp_options = rtp_options
        self.media: MediaTransport | None = None
        """Made when a description first asks for media, and kept: its SRTP keys must never meet a packet index twice."""

    def written(self) -> WrittenTransport:
        """Return how descriptions show it now."""
        ice = self.ice
        return WrittenTransport(
            parameters=self.parameters,
            candidates=tuple(ice.candidates),
            gathering_complete=ice.gathering_complete,
        )

    # --- what negotiation asks ---

    def restart(self, parameters: TransportParameters, config: IceConfig, now: float) -> None:
        """Begin another generation of candidates, as our description says."""
        self.parameters = parameters
        self.ice.restart(parameters.credentials, config, now)
        # What came early is of a generation that was given up: the peer cannot answer this one before it knows of it.
        self.dtls.take_early()
        self._path = None

    def leave_pool(self, parameters: TransportParameters, config: IceConfig, *, controlling: bool, now: float) -> None:
        """Be what a description says, after gathering ahead of time."""
        self.ice.leave_pool(controlling=controlling)
        if parameters.credentials == self.parameters.credentials:
            self.parameters = parameters
        else:
            self.restart(parameters, config, now)

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
            self._follow_dtls(now)
        self._path = None

    def apply_media(self, media: Sequence[NegotiatedMedia], now: float) -> None:
        """Send and receive what descriptions agree on for the sections of this transport; all of them, each time."""
        if self.media is None:
            if not media:
                return
            from rtc_peer.media_transport import MediaTransport

            self.media = MediaTransport(
                self.id,
                rng=self._rng,
                options=self._rtp_options,
                mtu=self._mtu,
                journal=self._journal,
                now=now,
            )
        self.media.apply(media)
        self._marking.mark_media(media)
        self._follow_dtls(now)

    def close(self, now: float) -> tuple[list[Datagram], list[StreamData]]:
        """End all layers, the upper ones first, and return what is still to be sent from sockets and on streams."""
        data: list[bytes] = []
        if self.media is not None:
            self.media.close(now)
            data += self.media.datagrams_to_send(now)
        self.dtls.close(now)
        data += self.dtls.datagrams_to_send(now)
        agent = self.ice.agent
        farewell, written = self._address(data, now), agent.stream_data_to_send(now)
        self.ice.close(now)
        return farewell + agent.datagrams_to_send(now), written + agent.stream_data_to_send(now)

    def count_drops(self, stats: PeerStats) -> None:
        """Add what the layers have dropped."""
        stats.add_layer("ice", self.ice.agent.stats.dropped)
        if self.dtls.connection is not None:
            stats.add_layer("dtls", self.dtls.connection.stats.dropped)
        if self.media is not None:
            self.media.count_drops(stats)

    # --- datagrams ---

    def receive(self, batch: list[Datagram], now: float) -> None:
        """Take datagrams that arrived together: checks first, for they may open the door to the others."""
        checks: list[Datagram] = []
        strangers: list[Datagram] = []
        run: list[bytes] = []
        packets: list[bytes] = []
        unproven: list[Datagram] = []
        has_media = self.media is not None
        local, remote, by = self._path or (None, None, None)
        for datagram in batch:
            data = datagram.data
            first_byte = data[0] if data else 0xFF
            # [rfc8835:3.5/5] [rfc9143:8.1/1]
            if DTLS_FIRST <= first_byte <= DTLS_LAST:
                if datagram.remote == remote and datagram.local == local and datagram.transport == by:
                    run.append(data)
                else:
                    strangers.append(datagram)
            elif RTP_FIRST <= first_byte <= RTP_LAST and has_media:
                if datagram.remote == remote and datagram.local == local and datagram.transport == by:
                    packets.append(data)
                else:
                    unproven.append(datagram)
            elif first_byte <= STUN_LAST or CHANNEL_FIRST <= first_byte <= CHANNEL_LAST:
                checks.append(datagram)
            else:
                # [rfc7983:7/1] [rfc7983:7/2]
                self._journal.drop(f"no-{classify(data).value}" if data else "empty")
        if checks:
            self.ice.receive(checks, now)
            self._path = None
        if strangers:
            run += [datagram.data for datagram in strangers if self._admit(datagram)]
        if unproven:
            packets += [datagram.data for datagram in unproven if self._admit_media(datagram)]
        self._hand_up(run, packets, now)
        if checks:
            self._receive_unwrapped(now)

    def receive_stream_data(self, stream_id: int, data: bytes, now: float) -> None:
        """Take what was read from a stream of the ICE agent's."""
        self.ice.stirred = True
        self.ice.agent.receive_stream_data(stream_id, data, now)
        self._path = None
        self._receive_unwrapped(now)

    def _receive_unwrapped(self, now: float) -> None:
        """Take what came through relays and streams."""
        unwrapped = self.ice.agent.data_received()
        if unwrapped:
            self.receive(unwrapped, now)

    def handle_timeout(self, now: float) -> None:
        """Do what is due in all layers."""
        if self.ice.handle_timeout(now):
            self._path = None
        self.dtls.handle_timeout(now)
        if self.media is not None:
            self.media.handle_timeout(now)

    def datagrams_to_send(self, now: float) -> list[Datagram]:
        """Drain what the layers want to send."""
        output: list[Datagram] = []
        data: list[bytes] = []
        if self.ice.stirred or self.dtls.stirred or self._due_below <= now:
            output = self.ice.datagrams_to_send(now)
            if self.dtls.dscp != self._marking.records:
                self._marking.mark_records(self.dtls.dscp)
            if self._marking.is_active:
                output = self._marking.mark_checks(output)
            data += self.dtls.datagrams_to_send(now)
        if self.media is not None:
            data += self.media.datagrams_to_send(now)
        return output + self._address(data, now) if data else output

    def stream_data_to_send(self, now: float) -> list[StreamData]:
        """Drain what is to be written to streams, after `datagrams_to_send`."""
        return self.ice.agent.stream_data_to_send(now) if self.ice.stirred else []

    def rest(self) -> float | None:
        """Everything was drained: return when something is due again."""
        if self.ice.stirred or self.dtls.stirred:
            ice, dtls = self.ice.rest(), self.dtls.rest()
            self._due_below = min(_NEVER if ice is None else ice, _NEVER if dtls is None else dtls)
        media = None if self.media is None else self.media.rest()
        due = self._due_below if media is None or self._due_below < media else media
        return None if due == _NEVER else due

    @property
    def stirred(self) -> bool:
        """Whether `drain` may have something to do."""
        return self.ice.stirred or self.dtls.has_events

    def drain(
        self, servers: IceServers, names_of: Callable[[int], tuple[str, int]], now: float
    ) -> list[IceTransportEvent | DtlsTransportEvent]:
        """Take the steps that became possible, and return what happened in the layers below media.

        Args:
            servers: To name the one that a candidate came from.
            names_of: Returns mid and index of the section that candidates are signalled for.
            now: Present time in seconds.
        """
        events: list[IceTransportEvent | DtlsTransportEvent] = []
        if self.ice.stirred:
            events += self.ice.drain(servers, names_of)
            self._advance(now)
        if self.dtls.has_events:
            events += self.dtls.drain()
            self._follow_dtls(now)
        return events

    # --- within ---

    def _advance(self, now: float) -> None:
        """Take the steps that ICE has made possible: begin DTLS, and let in what waited for it."""
        # [rfc6544:7.1/4]
        if self.ice.pair is None:
            return
        if self.dtls.may_open:
            self.dtls.open(now, self.ice.round_trip_time)
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
        if not agent.is_valid_path(datagram.local, datagram.remote, datagram.transport):
            self._journal.drop("dtls-from-stranger")
            return False
        self._path = (datagram.local, datagram.remote, datagram.transport)
        return True

    def _admit_media(self, datagram: Datagram) -> bool:
        """Whether an RTP or RTCP packet comes from the peer, as far as its path tells; SRTP tells the rest."""
        agent = self.ice.agent
        # Whoever speaks SRTP has shaken hands before, over a pair that was selected: nothing is kept for later here.
        if agent.selected_pair is None or not agent.is_valid_path(datagram.local, datagram.remote, datagram.transport):
            self._journal.drop("rtp-from-stranger")
            return False
        self._path = (datagram.local, datagram.remote, datagram.transport)
        return True

    def _hand_up(self, records: list[bytes], packets: list[bytes], now: float) -> None:
        """Give what came together to DTLS and media: media first, for a record may end the association, unless it begins it."""
        if packets and self.media is not None and self.media.srtp.profile is not None:
            self._receive_media(packets, now)
            packets = []
        if records:
            self._receive_records(records, now)
        if packets:
            self._receive_media(packets, now)

    def _receive_records(self, run: list[bytes], now: float) -> None:
        self.packets_received += len(run)
        self.bytes_received += sum(map(len, run))
        self.dtls.receive(run, now)

    def _receive_media(self, packets: list[bytes], now: float) -> None:
        self.packets_received += len(packets)
        self.bytes_received += sum(map(len, packets))
        if self.media is not None:
            if self.media.srtp.profile is None:
                # The end of the handshake may have come in the same batch.
                self._follow_dtls(now)
            self.media.receive(packets, now)

    def _follow_dtls(self, now: float) -> None:
        """Give the media the keys of the handshake, or take them away with the association that they came from."""
        media, connection = self.media, self.dtls.connection
        if media is None:
            return
        # [rfc5764:5.1/1] Connected means that the certificate has the fingerprint of the description.
        if connection is None or self.dtls.state is not DtlsTransportState.CONNECTED:
            media.srtp.unkey()
        else:
            media.key(connection, now)

    def _address(self, packets: list[bytes], now: float) -> list[Datagram]:
        """Address what DTLS or the media want to send, and return what of it leaves from sockets."""
        if not packets:
            return []
        pair = self.ice.agent.selected_pair
        # [rfc8827:6.3/3]
        if pair is None:
            self._journal.drop("no-path", len(packets))
            return []
        self.packets_sent += len(packets)
        self.bytes_sent += sum(map(len, packets))
        # [rfc8834:4.7/1] [rfc9143:9.1/1] From the address where we receive.
        local, remote, transport = pair.local, pair.remote, pair.local_candidate.transport
        # [rfc8835:4.2/4] [rfc8837:5/7] Streams are not marked: what they carry has one code point.
        if self._marking.is_active and transport == "udp":
            output = self._marking.wrap(packets, local, remote)
        else:
            # [rfc6544:10.1/1] [rfc6544:4.5/7]
            output = [Datagram(packet, local, remote, transport) for packet in packets]
        return self.ice.carry(output, now) if pair.is_carried else output
