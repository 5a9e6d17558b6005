"""What takes the messages of a handshake, one engine after the other.

    negotiation ──► `client12`, `server12` ──► outcome
               └──► `client13`, `server13` ──► outcome ──► `PostHandshake`

The engine of a version is loaded when that version is chosen: a program seldom speaks both.
"""

from typing import Protocol

from .dataclass import dataclass
from .handshake import HandshakeMessage
from .key_schedule12 import MasterSecret
from .key_schedule13 import ExporterSecret
from .post_handshake import PostHandshake
from .session import Session

Exporter = MasterSecret | ExporterSecret
"""What keys for other protocols come from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Both Finished messages are right."""

    session: Session
    """What was agreed on."""
    exporter: Exporter
    successor: PostHandshake | None
    """What goes on; nothing in DTLS 1.2."""


class Engine(Protocol):
    """What takes handshake messages at the moment."""

    @property
    def outcome(self) -> Outcome | None:
        """What came of the handshake, once it is over."""

    def receive(self, message: HandshakeMessage) -> "Engine | None":
        """Take a message, and return the engine that follows, if that is to take the next one.

        Raises:
            ParseError: The message is malformed.
            ProtocolError: It breaks a rule.
        """
