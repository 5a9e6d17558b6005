"""The states of a channel and of an endpoint, each one enum and one table of legal steps.

::

    CONNECTING --confirmed--> OPEN --closed here or by the peer--> CLOSING --both streams reset--> CLOSED

A channel that was never announced goes from CONNECTING to CLOSED, and the end of the association closes every channel.
"""

from enum import Enum
from typing import Final

from .errors import StateError


class ChannelState(Enum):
    """Where a channel is in its life; the names are those of the W3C's ``RTCDataChannelState``."""

    CONNECTING = "connecting"
    """Waits for the association, for its stream, or for the peer's acknowledgement."""

    OPEN = "open"
    """Messages flow both ways."""

    CLOSING = "closing"
    """One of the two sides reset its stream; the other has to follow."""

    CLOSED = "closed"
    """Terminal."""


class ChannelInput(Enum):
    """What can happen to a channel."""

    CONFIRMED = "confirmed"
    """The peer acknowledged it or sent a message on it, or it was negotiated and the association came up."""

    CLOSE = "close"
    """This side closes: the application wished so, or the peer broke a rule."""

    PEER_RESET = "peer_reset"
    """The peer reset its outgoing stream, or made us reset ours."""

    STREAMS_RESET = "streams_reset"
    """Both streams were reset."""

    DISCARD = "discard"
    """It ends without any exchange: nothing of it ever reached the peer, or resets are impossible."""

    ASSOCIATION_ENDED = "association_ended"
    """The association below ended or started anew."""


CHANNEL_TRANSITIONS: Final[dict[tuple[ChannelState, ChannelInput], ChannelState]] = {
    (ChannelState.CONNECTING, ChannelInput.CONFIRMED): ChannelState.OPEN,
    (ChannelState.CONNECTING, ChannelInput.CLOSE): ChannelState.CLOSING,
    # A reset instead of an acknowledgement is how the peer refuses. See RFC 8832 section 6.
    (ChannelState.CONNECTING, ChannelInput.PEER_RESET): ChannelState.CLOSING,
    (ChannelState.CONNECTING, ChannelInput.DISCARD): ChannelState.CLOSED,
    (ChannelState.CONNECTING, ChannelInput.ASSOCIATION_ENDED): ChannelState.CLOSED,
    (ChannelState.OPEN, ChannelInput.CLOSE): ChannelState.CLOSING,
    (ChannelState.OPEN, ChannelInput.PEER_RESET): ChannelState.CLOSING,
    (ChannelState.OPEN, ChannelInput.DISCARD): ChannelState.CLOSED,
    (ChannelState.OPEN, ChannelInput.ASSOCIATION_ENDED): ChannelState.CLOSED,
    # [rfc8831:6.7/3] Only both resets together end it.
    (ChannelState.CLOSING, ChannelInput.STREAMS_RESET): ChannelState.CLOSED,
    (ChannelState.CLOSING, ChannelInput.DISCARD): ChannelState.CLOSED,
    (ChannelState.CLOSING, ChannelInput.ASSOCIATION_ENDED): ChannelState.CLOSED,
}


class EndpointState(Enum):
    """Where an endpoint is in its life."""

    NEW = "new"
    """Channels may be created; nothing is sent before ``start``."""

    CONNECTING = "connecting"
    """The association is being set up."""

    CONNECTED = "connected"
    CLOSING = "closing"
    """``close`` was called; what was queued is still delivered."""

    CLOSED = "closed"
    """Terminal."""

    FAILED = "failed"
    """Terminal: the association broke."""


class EndpointInput(Enum):
    """What can happen to an endpoint."""

    START = "start"
    ESTABLISHED = "established"
    CLOSE = "close"
    ENDED = "ended"
    """The association closed in an orderly way, here or by the peer."""

    FAILED = "failed"


ENDPOINT_TRANSITIONS: Final[dict[tuple[EndpointState, EndpointInput], EndpointState]] = {
    (EndpointState.NEW, EndpointInput.START): EndpointState.CONNECTING,
    (EndpointState.NEW, EndpointInput.CLOSE): EndpointState.CLOSED,
    (EndpointState.CONNECTING, EndpointInput.ESTABLISHED): EndpointState.CONNECTED,
    (EndpointState.CONNECTING, EndpointInput.CLOSE): EndpointState.CLOSING,
    (EndpointState.CONNECTING, EndpointInput.ENDED): EndpointState.CLOSED,
    (EndpointState.CONNECTING, EndpointInput.FAILED): EndpointState.FAILED,
    (EndpointState.CONNECTED, EndpointInput.CLOSE): EndpointState.CLOSING,
    (EndpointState.CONNECTED, EndpointInput.ENDED): EndpointState.CLOSED,
    (EndpointState.CONNECTED, EndpointInput.FAILED): EndpointState.FAILED,
    (EndpointState.CLOSING, EndpointInput.ENDED): EndpointState.CLOSED,
    (EndpointState.CLOSING, EndpointInput.FAILED): EndpointState.FAILED,
}


def next_channel_state(state: ChannelState, happened: ChannelInput) -> ChannelState:
    """Look one step of a channel up.

    Raises:
        StateError: The table has no such step.
    """
    following = CHANNEL_TRANSITIONS.get((state, happened))
    if following is None:
        raise StateError(f"a channel that is {state.value} cannot take {happened.value}")
    return following


def next_endpoint_state(state: EndpointState, happened: EndpointInput) -> EndpointState:
    """Look one step of an endpoint up.

    Raises:
        StateError: The table has no such step.
    """
    following = ENDPOINT_TRANSITIONS.get((state, happened))
    if following is None:
        raise StateError(f"an endpoint that is {state.value} cannot take {happened.value}")
    return following
