"""The states of an association and the legal steps between them. See :rfc:`9260#section-4`."""

from enum import Enum
from typing import Final

from .errors import StateError


class AssociationState(Enum):
    """Where an association is in its life."""

    CLOSED = "closed"
    """Not begun, or ended; ``Association.closed`` tells which."""

    COOKIE_WAIT = "cookie_wait"
    COOKIE_ECHOED = "cookie_echoed"
    ESTABLISHED = "established"
    SHUTDOWN_PENDING = "shutdown_pending"
    SHUTDOWN_SENT = "shutdown_sent"
    SHUTDOWN_RECEIVED = "shutdown_received"
    SHUTDOWN_ACK_SENT = "shutdown_ack_sent"


class Input(Enum):
    """What moves an association from one state to another."""

    CONNECT = "connect"
    INIT_ACK = "INIT ACK"
    COOKIE_ECHO = "a valid COOKIE ECHO"
    COOKIE_ACK = "COOKIE ACK"
    STALE_COOKIE = "a Stale Cookie error"
    CLOSE = "close"
    ALL_ACKNOWLEDGED = "all data acknowledged"
    SHUTDOWN = "SHUTDOWN"
    SHUTDOWN_ACK = "SHUTDOWN ACK"
    SHUTDOWN_COMPLETE = "SHUTDOWN COMPLETE"
    END = "the end"


_S = AssociationState

TRANSITIONS: Final[dict[tuple[AssociationState, Input], AssociationState]] = {
    (_S.CLOSED, Input.CONNECT): _S.COOKIE_WAIT,
    (_S.CLOSED, Input.COOKIE_ECHO): _S.ESTABLISHED,
    (_S.COOKIE_WAIT, Input.INIT_ACK): _S.COOKIE_ECHOED,
    # The two INITs crossed.
    (_S.COOKIE_WAIT, Input.COOKIE_ECHO): _S.ESTABLISHED,
    (_S.COOKIE_ECHOED, Input.COOKIE_ECHO): _S.ESTABLISHED,
    (_S.COOKIE_ECHOED, Input.COOKIE_ACK): _S.ESTABLISHED,
    (_S.COOKIE_ECHOED, Input.STALE_COOKIE): _S.COOKIE_WAIT,
    # The peer restarted, or its COOKIE ACK was lost.
    (_S.ESTABLISHED, Input.COOKIE_ECHO): _S.ESTABLISHED,
    (_S.SHUTDOWN_PENDING, Input.COOKIE_ECHO): _S.ESTABLISHED,
    (_S.SHUTDOWN_SENT, Input.COOKIE_ECHO): _S.ESTABLISHED,
    (_S.SHUTDOWN_RECEIVED, Input.COOKIE_ECHO): _S.ESTABLISHED,
    (_S.ESTABLISHED, Input.CLOSE): _S.SHUTDOWN_PENDING,
    (_S.ESTABLISHED, Input.SHUTDOWN): _S.SHUTDOWN_RECEIVED,
    (_S.SHUTDOWN_PENDING, Input.SHUTDOWN): _S.SHUTDOWN_RECEIVED,
    (_S.SHUTDOWN_PENDING, Input.ALL_ACKNOWLEDGED): _S.SHUTDOWN_SENT,
    (_S.SHUTDOWN_RECEIVED, Input.ALL_ACKNOWLEDGED): _S.SHUTDOWN_ACK_SENT,
    # [rfc9260:9.2/27] Both sides shut down at once.
    (_S.SHUTDOWN_SENT, Input.SHUTDOWN): _S.SHUTDOWN_ACK_SENT,
    (_S.SHUTDOWN_SENT, Input.SHUTDOWN_ACK): _S.CLOSED,
    (_S.SHUTDOWN_ACK_SENT, Input.SHUTDOWN_ACK): _S.CLOSED,
    (_S.SHUTDOWN_ACK_SENT, Input.SHUTDOWN_COMPLETE): _S.CLOSED,
    **{(state, Input.END): _S.CLOSED for state in _S},
}
"""Every legal step; an abort, a failure or the caller's impatience is `Input.END`."""


def next_state(state: AssociationState, happened: Input) -> AssociationState:
    """The state after a step.

    Raises:
        StateError: The table has no such step.
    """
    try:
        return TRANSITIONS[state, happened]
    except KeyError:
        raise StateError(f"an association that is {state.value} cannot take {happened.value}") from None


# [rfc9260:6/1] [rfc9260:9.2/9]
MAY_SEND: Final = frozenset({_S.ESTABLISHED, _S.SHUTDOWN_PENDING, _S.SHUTDOWN_RECEIVED})
"""States in which data leave, and in which SACKs are processed."""

# [rfc9260:6/2]
MAY_RECEIVE: Final = frozenset({_S.ESTABLISHED, _S.SHUTDOWN_PENDING, _S.SHUTDOWN_SENT})
"""States in which data are taken."""

IS_UP: Final = MAY_SEND | {_S.SHUTDOWN_SENT, _S.SHUTDOWN_ACK_SENT}
"""States in which both sides know the association."""
