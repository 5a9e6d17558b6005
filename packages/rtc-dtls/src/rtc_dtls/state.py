"""What the outside sees of a connection: its states and the legal steps between them.

NEW ──START──► HANDSHAKING ──COMPLETE──────────────────────────► CONNECTED      any of these ──CLOSE──► CLOSED
                    │                                                ▲                       ──FAIL───► FAILED
                    └──COMPLETE_UNVERIFIED──► UNVERIFIED ──VERIFY────┘
"""

from enum import Enum, auto
from typing import Final


class Role(Enum):
    """Who sends the ClientHello: the side with ``a=setup:active``."""

    CLIENT = auto()
    SERVER = auto()


class ConnectionState(Enum):
    """How far a connection is."""

    NEW = auto()
    """Nothing was sent or received."""
    HANDSHAKING = auto()
    UNVERIFIED = auto()
    """The handshake is over, but no fingerprint is known yet: no data in or out."""
    CONNECTED = auto()
    CLOSED = auto()
    FAILED = auto()


class Input(Enum):
    """What moves a connection on."""

    START = auto()
    COMPLETE = auto()
    COMPLETE_UNVERIFIED = auto()
    VERIFY = auto()
    CLOSE = auto()
    FAIL = auto()


_LIVE: Final = (
    ConnectionState.NEW,
    ConnectionState.HANDSHAKING,
    ConnectionState.UNVERIFIED,
    ConnectionState.CONNECTED,
)

TRANSITIONS: Final[dict[tuple[ConnectionState, Input], ConnectionState]] = {
    (ConnectionState.NEW, Input.START): ConnectionState.HANDSHAKING,
    (ConnectionState.HANDSHAKING, Input.COMPLETE): ConnectionState.CONNECTED,
    (ConnectionState.HANDSHAKING, Input.COMPLETE_UNVERIFIED): ConnectionState.UNVERIFIED,
    (ConnectionState.UNVERIFIED, Input.VERIFY): ConnectionState.CONNECTED,
    **{(state, Input.CLOSE): ConnectionState.CLOSED for state in _LIVE},
    **{(state, Input.FAIL): ConnectionState.FAILED for state in _LIVE},
}
