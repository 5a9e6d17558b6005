"""Looking at transports without touching them: what the W3C's transport objects show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtc_peer.state import DtlsTransportState, IceGatheringState, IceTransportState, SctpTransportState

if TYPE_CHECKING:
    import rtc_ice
    from rtc_ice import CandidatePair, Credentials
    from rtc_peer.layers import Layers
    from rtc_peer.negotiation import Negotiator
    from rtc_peer.transport import Transport


class TransportView:
    """One transport as it is now; every attribute is looked up when it is asked for."""

    __slots__ = ("_negotiator", "_transport")

    def __init__(self, transport: Transport, negotiator: Negotiator) -> None:
        self._transport = transport
        self._negotiator = negotiator

    @property
    def id(self) -> int:
        """Names it in events and commands."""
        return self._transport.id

    @property
    def mid(self) -> str:
        """Name of the section that candidates are signalled for; empty once no section uses the transport."""
        return self._negotiator.candidate_names(self._transport.id)[0]

    @property
    def m_line_index(self) -> int:
        """Index of that section."""
        return self._negotiator.candidate_names(self._transport.id)[1]

    @property
    def ice_state(self) -> IceTransportState:
        """State of ICE."""
        return self._transport.ice.state

    @property
    def ice_gathering_state(self) -> IceGatheringState:
        """How far the local candidates are known."""
        return self._transport.ice.gathering_state

    @property
    def controlling(self) -> bool:
        """Whether we choose the pairs."""
        return self._transport.ice.agent.controlling

    @property
    def local_candidates(self) -> tuple[rtc_ice.Candidate, ...]:
        """Our candidates of the present generation, as they were signalled."""
        return tuple(self._transport.ice.candidates)

    @property
    def remote_candidates(self) -> tuple[rtc_ice.Candidate, ...]:
        """The peer's candidates of the present generation, learned ones included."""
        return tuple(each.candidate for each in self._transport.ice.agent.candidate_stats() if each.is_remote)

    @property
    def local_credentials(self) -> Credentials:
        """Our user fragment and password."""
        return self._transport.ice.credentials

    @property
    def remote_credentials(self) -> Credentials | None:
        """The peer's user fragment and password, once they are known."""
        return self._transport.ice.agent.remote_credentials

    @property
    def selected_pair(self) -> CandidatePair | None:
        """Where data goes, addresses included: another protocol may be run there."""
        return self._transport.ice.pair

    @property
    def dtls_state(self) -> DtlsTransportState:
        """State of DTLS."""
        return self._transport.dtls.state

    @property
    def is_dtls_client(self) -> bool | None:
        """Whether we began the handshake; None before the roles are known."""
        return self._transport.dtls.is_client

    @property
    def remote_certificates(self) -> tuple[bytes, ...]:
        """The peer's certificate chain in DER once it is verified; empty before."""
        connection = self._transport.dtls.connection
        connected = self._transport.dtls.state is DtlsTransportState.CONNECTED
        return connection.peer_certificates if connection is not None and connected else ()

    @property
    def tls_version(self) -> int | None:
        """The DTLS version as it stands on the wire, such as 0xFEFD for 1.2, once the handshake is over."""
        connection = self._transport.dtls.connection
        return None if connection is None else connection.version

    def key_log_lines(self) -> list[str]:
        """Drain lines for an SSLKEYLOG file; there are none unless ``PeerOptions.dtls`` has ``key_log``."""
        connection = self._transport.dtls.connection
        return [] if connection is None else connection.key_log_lines()

    @property
    def cipher_suite(self) -> int | None:
        """Code point of the cipher suite, once the handshake is over."""
        connection = self._transport.dtls.connection
        return None if connection is None else connection.cipher_suite


class SctpTransportView:
    """The transport of the data channels as it is now."""

    __slots__ = ("_layers", "_negotiator")

    def __init__(self, layers: Layers, negotiator: Negotiator) -> None:
        self._layers = layers
        self._negotiator = negotiator

    @property
    def transport_id(self) -> int | None:
        """The transport below: the one that is agreed upon, else the one that we proposed."""
        if self._layers.data.transport_id is not None:
            return self._layers.data.transport_id
        section = self._negotiator.data_section
        return None if section is None else section.transport_id

    @property
    def is_negotiated(self) -> bool:
        """Whether an answer has agreed to it."""
        return self._layers.data.is_negotiated

    @property
    def state(self) -> SctpTransportState:
        """How far the association is."""
        return self._layers.data.state

    @property
    def max_message_size(self) -> int | None:
        """Bytes of the longest message that can be sent; None for any length."""
        return self._layers.data.endpoint.remote_max_message_size or None

    @property
    def max_channels(self) -> int | None:
        """Identifiers of channels are below this; None until the association is up."""
        return self._layers.data.endpoint.max_channels
