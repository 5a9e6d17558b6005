"""`RTCIceTransport`, `RTCDtlsTransport` and `RTCSctpTransport` (WebRTC 1.0, sections 5.5, 5.6 and 6.1)."""

import math
from collections.abc import Callable
from typing import Literal, TypeVar, overload

from rtc_ice import Candidate
from rtc_peer import SctpTransportView, TransportView

from .dictionaries import (
    RTCDtlsTransportState,
    RTCIceComponent,
    RTCIceGathererState,
    RTCIceParameters,
    RTCIceRole,
    RTCIceTransportState,
    RTCSctpTransportState,
)
from .errors import RTCError
from .event_target import AnyHandler, Event, EventHandler, EventTarget
from .events import RTCErrorEvent
from .ice_candidate import RTCIceCandidate, RTCIceCandidatePair

NoneHandler = TypeVar("NoneHandler", bound=Callable[[], object])
ErrorHandler = TypeVar("ErrorHandler", bound=Callable[[RTCError], object])


class RTCIceTransport(EventTarget):
    """Candidates and the path between two of them."""

    onstatechange = EventHandler[Event]()
    ongatheringstatechange = EventHandler[Event]()
    onselectedcandidatepairchange = EventHandler[Event]()

    def __init__(self, view: TransportView) -> None:
        super().__init__()
        self._view = view

    @property
    def role(self) -> RTCIceRole:
        """Whether this side chooses the pair."""
        return "controlling" if self._view.controlling else "controlled"

    @property
    def component(self) -> RTCIceComponent:
        """Always "rtp": RTCP has no component of its own here."""
        return "rtp"

    @property
    def state(self) -> RTCIceTransportState:
        """How far the search for a path is."""
        return self._view.ice_state.value

    @property
    def gatheringState(self) -> RTCIceGathererState:
        """How far the search for local candidates is."""
        return self._view.ice_gathering_state.value

    def getLocalCandidates(self) -> list[RTCIceCandidate]:
        """Our candidates, as they were signalled."""
        return [self._candidate(candidate) for candidate in self._view.local_candidates]

    def getRemoteCandidates(self) -> list[RTCIceCandidate]:
        """The peer's candidates that were signalled; those that were learnt from packets are not among them."""
        return [self._candidate(candidate) for candidate in self._view.remote_candidates if candidate.type != "prflx"]

    def getSelectedCandidatePair(self) -> RTCIceCandidatePair | None:
        """The pair that packets are sent on; None while there is none."""
        if self.state in {"new", "closed"}:
            return None
        pair = self._view.selected_pair
        if pair is None:
            return None
        return RTCIceCandidatePair(self._candidate(pair.local_candidate), self._candidate(pair.remote_candidate))

    def getLocalParameters(self) -> RTCIceParameters:
        """Our user fragment and password."""
        credentials = self._view.local_credentials
        return RTCIceParameters(credentials.ufrag, credentials.password)

    def getRemoteParameters(self) -> RTCIceParameters | None:
        """The peer's user fragment and password, None before its description was set."""
        credentials = self._view.remote_credentials
        return None if credentials is None else RTCIceParameters(credentials.ufrag, credentials.password)

    def on(
        self, type: Literal["statechange", "gatheringstatechange", "selectedcandidatepairchange"]
    ) -> Callable[[NoneHandler], NoneHandler]:
        """Decorate a handler; it receives nothing."""
        return super().on(type)

    def _candidate(self, candidate: Candidate) -> RTCIceCandidate:
        return RTCIceCandidate(candidate=str(candidate), sdpMid=self._view.mid, sdpMLineIndex=self._view.m_line_index)


class RTCDtlsTransport(EventTarget):
    """The security above an ICE transport."""

    onstatechange = EventHandler[Event]()
    onerror = EventHandler[RTCErrorEvent]()

    def __init__(self, view: TransportView) -> None:
        super().__init__()
        self._view = view
        self._ice_transport = RTCIceTransport(view)

    @property
    def iceTransport(self) -> RTCIceTransport:
        """What carries its packets."""
        return self._ice_transport

    @property
    def state(self) -> RTCDtlsTransportState:
        """How far the handshake is."""
        return self._view.dtls_state.value

    def getRemoteCertificates(self) -> list[bytes]:
        """The peer's certificate chain in DER; empty before it was verified."""
        return list(self._view.remote_certificates)

    @overload
    def on(self, type: Literal["error"]) -> Callable[[ErrorHandler], ErrorHandler]: ...
    @overload
    def on(self, type: Literal["statechange"]) -> Callable[[NoneHandler], NoneHandler]: ...
    def on(self, type: str) -> Callable[[AnyHandler], AnyHandler]:
        """Decorate a handler: "error" hands over the error, "statechange" nothing."""
        return super().on(type)


class RTCSctpTransport(EventTarget):
    """The association that all data channels share."""

    onstatechange = EventHandler[Event]()

    def __init__(self, view: SctpTransportView, transport: RTCDtlsTransport) -> None:
        super().__init__()
        self._view = view
        self._transport = transport

    @property
    def transport(self) -> RTCDtlsTransport:
        """What carries its packets."""
        return self._transport

    @property
    def state(self) -> RTCSctpTransportState:
        """How far the association is."""
        return self._view.state.value

    @property
    def maxMessageSize(self) -> float:
        """Bytes of the largest message that `RTCDataChannel.send` takes; infinity for any."""
        limit = self._view.max_message_size
        return math.inf if limit is None else limit

    @property
    def maxChannels(self) -> int | None:
        """How many channels there can be, None before the association is up."""
        return self._view.max_channels

    def on(self, type: Literal["statechange"]) -> Callable[[NoneHandler], NoneHandler]:
        """Decorate a handler; it receives nothing."""
        return super().on(type)
