"""The states that the outside sees: signalling as a table, the others derived from their transports.

The signalling states and their steps (RFC 8829 section 3.2)::

                       set local offer                 set remote offer
                     .------------------ stable ------------------.
                     v                 ^  ^  ^  ^                 v
              have-local-offer --------'  |  |  '--------- have-remote-offer
                     |     remote answer, |  | local answer,      |
     remote pranswer |     rollback       |  | rollback           | local pranswer
                     v                    |  |                    v
           have-remote-pranswer ----------'  '--------- have-local-pranswer
                           remote answer        local answer

A state may be entered again by what led to it (a second offer replaces the first). Everything leads to *closed*.
"""

from __future__ import annotations

import enum
from collections.abc import Collection
from typing import Final


class SignalingState(enum.Enum):
    """Where the exchange of offer and answer stands."""

    STABLE = "stable"
    HAVE_LOCAL_OFFER = "have-local-offer"
    HAVE_REMOTE_OFFER = "have-remote-offer"
    HAVE_LOCAL_PRANSWER = "have-local-pranswer"
    HAVE_REMOTE_PRANSWER = "have-remote-pranswer"
    CLOSED = "closed"


class SignalingInput(enum.Enum):
    """What moves the signalling state."""

    LOCAL_OFFER = "local offer"
    LOCAL_PRANSWER = "local pranswer"
    LOCAL_ANSWER = "local answer"
    REMOTE_OFFER = "remote offer"
    REMOTE_PRANSWER = "remote pranswer"
    REMOTE_ANSWER = "remote answer"
    ROLLBACK = "rollback"
    """From either side: its effect is the same."""
    CLOSE = "close"


_S = SignalingState
_I = SignalingInput

TRANSITIONS: Final[dict[tuple[SignalingState, SignalingInput], SignalingState]] = {
    # [rfc8829:5.5/1]
    (_S.STABLE, _I.LOCAL_OFFER): _S.HAVE_LOCAL_OFFER,
    (_S.HAVE_LOCAL_OFFER, _I.LOCAL_OFFER): _S.HAVE_LOCAL_OFFER,
    # [rfc8829:5.6/1]
    (_S.STABLE, _I.REMOTE_OFFER): _S.HAVE_REMOTE_OFFER,
    (_S.HAVE_REMOTE_OFFER, _I.REMOTE_OFFER): _S.HAVE_REMOTE_OFFER,
    # [rfc8829:5.5/2]
    (_S.HAVE_REMOTE_OFFER, _I.LOCAL_PRANSWER): _S.HAVE_LOCAL_PRANSWER,
    (_S.HAVE_REMOTE_OFFER, _I.LOCAL_ANSWER): _S.STABLE,
    (_S.HAVE_LOCAL_PRANSWER, _I.LOCAL_PRANSWER): _S.HAVE_LOCAL_PRANSWER,
    (_S.HAVE_LOCAL_PRANSWER, _I.LOCAL_ANSWER): _S.STABLE,
    # [rfc8829:5.6/2]
    (_S.HAVE_LOCAL_OFFER, _I.REMOTE_PRANSWER): _S.HAVE_REMOTE_PRANSWER,
    (_S.HAVE_LOCAL_OFFER, _I.REMOTE_ANSWER): _S.STABLE,
    (_S.HAVE_REMOTE_PRANSWER, _I.REMOTE_PRANSWER): _S.HAVE_REMOTE_PRANSWER,
    (_S.HAVE_REMOTE_PRANSWER, _I.REMOTE_ANSWER): _S.STABLE,
    # [rfc8829:4.1.10/6] Not from the states with a provisional answer: the W3C specification forbids it, and
    # transports that a provisional answer started cannot be undone. [rfc8829:5.7/1] Nor from the stable state.
    (_S.HAVE_LOCAL_OFFER, _I.ROLLBACK): _S.STABLE,
    (_S.HAVE_REMOTE_OFFER, _I.ROLLBACK): _S.STABLE,
    (_S.STABLE, _I.CLOSE): _S.CLOSED,
    (_S.HAVE_LOCAL_OFFER, _I.CLOSE): _S.CLOSED,
    (_S.HAVE_REMOTE_OFFER, _I.CLOSE): _S.CLOSED,
    (_S.HAVE_LOCAL_PRANSWER, _I.CLOSE): _S.CLOSED,
    (_S.HAVE_REMOTE_PRANSWER, _I.CLOSE): _S.CLOSED,
}
"""Every legal step of signalling; what is not in the table is refused and changes nothing."""


class IceGatheringState(enum.Enum):
    """How far the search for local candidates has come, of one transport or of all together."""

    NEW = "new"
    GATHERING = "gathering"
    COMPLETE = "complete"


class IceTransportState(enum.Enum):
    """State of one ICE transport, or (`IceConnectionState` in W3C words) of all together."""

    NEW = "new"
    CHECKING = "checking"
    CONNECTED = "connected"
    COMPLETED = "completed"
    DISCONNECTED = "disconnected"
    FAILED = "failed"
    CLOSED = "closed"


class DtlsTransportState(enum.Enum):
    """State of one DTLS transport."""

    NEW = "new"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    CLOSED = "closed"
    FAILED = "failed"


class SctpTransportState(enum.Enum):
    """State of the SCTP transport that carries the data channels."""

    CONNECTING = "connecting"
    CONNECTED = "connected"
    CLOSED = "closed"


class ConnectionState(enum.Enum):
    """State of the whole peer connection."""

    NEW = "new"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    FAILED = "failed"
    CLOSED = "closed"


def derive_gathering_state(transports: Collection[IceGatheringState]) -> IceGatheringState:
    """Sum up the gathering of all transports, as ``RTCIceGatheringState`` in webrtc-pc says."""
    if IceGatheringState.GATHERING in transports:
        return IceGatheringState.GATHERING
    if not transports or IceGatheringState.NEW in transports:
        return IceGatheringState.NEW
    return IceGatheringState.COMPLETE


def derive_ice_state(transports: Collection[IceTransportState]) -> IceTransportState:
    """Sum up the states of all ICE transports of an open connection, as ``RTCIceConnectionState`` in webrtc-pc says."""
    state = IceTransportState
    for alarming in (state.FAILED, state.DISCONNECTED):
        if alarming in transports:
            return alarming
    living = [each for each in transports if each is not state.CLOSED]
    if all(each is state.NEW for each in living):
        return state.NEW
    if state.NEW in living or state.CHECKING in living:
        return state.CHECKING
    return state.COMPLETED if all(each is state.COMPLETED for each in living) else state.CONNECTED


def derive_connection_state(ice: IceTransportState, dtls: Collection[DtlsTransportState]) -> ConnectionState:
    """Sum up an open connection, as ``RTCPeerConnectionState`` in webrtc-pc says.

    Args:
        ice: What `derive_ice_state` returned for the ICE transports.
        dtls: The states of the DTLS transports above them.
    """
    if ice is IceTransportState.CLOSED:
        return ConnectionState.CLOSED
    if ice is IceTransportState.FAILED or DtlsTransportState.FAILED in dtls:
        return ConnectionState.FAILED
    if ice is IceTransportState.DISCONNECTED:
        return ConnectionState.DISCONNECTED
    living = [each for each in dtls if each is not DtlsTransportState.CLOSED]
    if ice is IceTransportState.NEW and all(each is DtlsTransportState.NEW for each in living):
        return ConnectionState.NEW
    working = ice in (IceTransportState.CONNECTED, IceTransportState.COMPLETED)
    if working and all(each is DtlsTransportState.CONNECTED for each in living):
        return ConnectionState.CONNECTED
    return ConnectionState.CONNECTING
