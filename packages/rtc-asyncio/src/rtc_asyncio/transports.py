"""`RTCIceTransport`, `RTCDtlsTransport` and `RTCSctpTransport` (WebRTC 1.0, sections 5.5, 5.6 and 6.1)."""

import math
from collections.abc import Callable
from typing import Literal, TypeVar, overload

from rtc_ice import Candidate
from rtc_peer import CandidatePairChanged, SctpTransportView, TransportView

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
from .events import RTCErrorEvent, RTCIceCandidatePairEvent
from .ice_candidate import RTCIceCandidate, RTCIceCandidatePair

NoneHandler = TypeVar("NoneHandler", bound=Callable[[], object])
PairHandler = TypeVar("PairHandler", bound=Callable[[RTCIceCandidatePair], object])
ErrorHandler = TypeVar("ErrorHandler", bound=Callable[[RTCError], object])


class RTCIceTransport(EventTarget):
    """Candidates and the path between two of them."""

    onstatechange = EventHandler[Event]()
    ongatheringstatechange = EventHandler[Event]()
    onselectedcandidatepairchange = EventHandler[Event]()
    onicecandidatepairadd = EventHandler[RTCIceCandidatePairEvent]()
    onicecandidatepairremove = EventHandler[RTCIceCandidatePairEvent]()
    onicecandidatepairnominate = EventHandler[RTCIceCandidatePairEvent]()
    onicecandidatepairstatechange = EventHandler[RTCIceCandidatePairEvent]()

    def __init__(self, view: TransportView) -> None:
        super().__init__()
        self._view = view
        self._state: RTCIceTransportState = "new"
        self._gathering_state: RTCIceGathererState = "new"
        self._pairs: dict[int, tuple[str, bool]] = {}
        """State and nomination of the pairs that were told of, by their numbers."""

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
        return self._state

    @property
    def gatheringState(self) -> RTCIceGathererState:
        """How far the search for local candidates is."""
        return self._gathering_state

    def getLocalCandidates(self) -> list[RTCIceCandidate]:
        """Our candidates, as they were signalled."""
        ufrag = self._view.local_credentials.ufrag
        return [self._candidate(candidate, ufrag) for candidate in self._view.local_candidates]

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

    @overload
    def on(
        self, type: Literal["statechange", "gatheringstatechange", "selectedcandidatepairchange"]
    ) -> Callable[[NoneHandler], NoneHandler]: ...
    @overload
    def on(
        self,
        type: Literal[
            "icecandidatepairadd",
            "icecandidatepairremove",
            "icecandidatepairnominate",
            "icecandidatepairstatechange",
        ],
    ) -> Callable[[PairHandler], PairHandler]: ...
    def on(self, type: str) -> Callable[[AnyHandler], AnyHandler]:
        """Decorate a handler: what tells of a pair hands it over, other events nothing.

        Pairs are told of with `IceConfig(report_pairs=True)` in the options of the connection; what the application thinks of
        a nomination or a removal changes nothing.
        """
        return self._on(type)

    # --- what happens to it; called by the connection ---

    def changed(self, state: RTCIceTransportState) -> None:
        """It entered another state."""
        self._state = state
        self.dispatchEvent(Event("statechange"))

    def gathering_changed(self, state: RTCIceGathererState) -> None:
        """Gathering entered another state."""
        self._gathering_state = state
        self.dispatchEvent(Event("gatheringstatechange"))

    def pair_changed(self, event: CandidatePairChanged) -> None:
        """A pair appeared, took a step, was nominated or disappeared."""
        pair = RTCIceCandidatePair(
            self._candidate(Candidate.parse(event.local)), self._candidate(Candidate.parse(event.remote))
        )
        known = self._pairs.get(event.number)
        if event.state is None:
            self._pairs.pop(event.number, None)
            kinds = ["icecandidatepairremove"]
        else:
            self._pairs[event.number] = (event.state, event.nominated)
            kinds = ["icecandidatepairadd"] if known is None else []
            if known is not None and known[0] != event.state:
                kinds.append("icecandidatepairstatechange")
            if event.nominated and (known is None or not known[1]):
                kinds.append("icecandidatepairnominate")
        for kind in kinds:
            self.dispatchEvent(RTCIceCandidatePairEvent(kind, candidatePair=pair, state=event.state))

    def closed(self) -> None:
        """It was closed or discarded, about which no event tells."""
        self._state = "closed"

    def _candidate(self, candidate: Candidate, ufrag: str | None = None) -> RTCIceCandidate:
        return RTCIceCandidate(
            candidate=str(candidate),
            sdpMid=self._view.mid,
            sdpMLineIndex=self._view.m_line_index,
            usernameFragment=candidate.ufrag or ufrag,
        )


class RTCDtlsTransport(EventTarget):
    """The security above an ICE transport."""

    onstatechange = EventHandler[Event]()
    onerror = EventHandler[RTCErrorEvent]()

    def __init__(self, view: TransportView) -> None:
        super().__init__()
        self._view = view
        self._ice_transport = RTCIceTransport(view)
        self._state: RTCDtlsTransportState = "new"
        self._remote_certificates: tuple[bytes, ...] = ()

    @property
    def iceTransport(self) -> RTCIceTransport:
        """What carries its packets."""
        return self._ice_transport

    @property
    def state(self) -> RTCDtlsTransportState:
        """How far the handshake is."""
        return self._state

    def getRemoteCertificates(self) -> list[bytes]:
        """The peer's certificate chain in DER; empty before it was verified."""
        return list(self._remote_certificates)

    @overload
    def on(self, type: Literal["error"]) -> Callable[[ErrorHandler], ErrorHandler]: ...
    @overload
    def on(self, type: Literal["statechange"]) -> Callable[[NoneHandler], NoneHandler]: ...
    def on(self, type: str) -> Callable[[AnyHandler], AnyHandler]:
        """Decorate a handler: "error" hands over the error, "statechange" nothing."""
        return self._on(type)

    # --- what happens to it; called by the connection ---

    def changed(self, state: RTCDtlsTransportState) -> None:
        """It entered another state."""
        self._state = state
        if state == "connected":
            self._remote_certificates = self._view.remote_certificates
        self.dispatchEvent(Event("statechange"))

    def failed(self, error: RTCError) -> None:
        """It failed; a change of state follows."""
        self._state = "failed"
        self.dispatchEvent(RTCErrorEvent("error", error=error))

    def closed(self) -> None:
        """It was closed or discarded together with what carries it, about which no event tells."""
        self._state = "closed"
        self._ice_transport.closed()


class RTCSctpTransport(EventTarget):
    """The association that all data channels share."""

    onstatechange = EventHandler[Event]()

    def __init__(self, view: SctpTransportView, transport: RTCDtlsTransport) -> None:
        super().__init__()
        self._view = view
        self._transport = transport
        self._state: RTCSctpTransportState = "connecting"

    @property
    def transport(self) -> RTCDtlsTransport:
        """What carries its packets."""
        return self._transport

    @property
    def state(self) -> RTCSctpTransportState:
        """How far the association is."""
        return self._state

    @property
    def maxMessageSize(self) -> float | None:
        """Bytes of the largest message that `RTCDataChannel.send` takes; infinity for any, None before an answer told."""
        if not self._view.is_negotiated:
            return None
        limit = self._view.max_message_size
        return math.inf if limit is None else limit

    @property
    def maxChannels(self) -> int | None:
        """How many channels there can be, None before the association is up."""
        return self._view.max_channels

    def on(self, type: Literal["statechange"]) -> Callable[[NoneHandler], NoneHandler]:
        """Decorate a handler; it receives nothing."""
        return self._on(type)

    # --- what happens to it; called by the connection ---

    def changed(self, state: RTCSctpTransportState) -> None:
        """It entered another state."""
        self._state = state
        self.dispatchEvent(Event("statechange"))

    def closed(self) -> None:
        """It was closed together with the connection, about which no event tells."""
        self._state = "closed"
