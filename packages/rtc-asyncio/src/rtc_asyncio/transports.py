"""`RTCIceTransport`, `RTCDtlsTransport` and `RTCSctpTransport` (WebRTC 1.0, sections 5.5, 5.6 and 6.1)."""

from collections.abc import Callable
from typing import Literal, TypeVar, overload

from rtc_peer import DtlsTransportFailed, PeerConnection, TransportView

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

H_none = TypeVar("H_none", bound=Callable[[], object])
H_error = TypeVar("H_error", bound=Callable[[RTCError], object])
