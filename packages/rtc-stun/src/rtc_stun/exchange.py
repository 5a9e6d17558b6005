"""One request of the application, through all the transactions it takes to get an answer."""

import enum
from dataclasses import field

from rtc_stun.attribute import Attribute
from rtc_stun.client_authentication import UNPROTECTED, Protection
from rtc_stun.dataclass import dataclass
from rtc_stun.datagram import Address
from rtc_stun.message import Message, MessageClass
from rtc_stun.retransmission import Retransmission


class Phase(enum.Enum):
    """Where an exchange stands."""

    QUEUED = enum.auto()
    """It waits for its transport, or for one of the server's other transactions to end."""
    DUE = enum.auto()
    """Its request leaves at the next flush."""
    WAITING = enum.auto()
    """Its request is out."""
    PAUSED = enum.auto()
    """The server had a temporary error; a new transaction begins later."""


@dataclass(slots=True, eq=False)
class Exchange:
    """A request, the transaction that it is in, and what happened in those before."""

    request_id: int
    server: Address
    domain: str | None
    method: int
    attributes: tuple[Attribute, ...]
    retransmission: Retransmission = field(default_factory=Retransmission.reliable)
    """Of the transaction; until there is one, a schedule that has sent nothing."""
    phase: Phase = Phase.QUEUED
    transaction_id: bytes = b""
    wire: bytes = field(default=b"", repr=False)
    protection: Protection = UNPROTECTED
    violated: bool = False
    """Whether a response of this transaction was discarded because nothing proved it."""
    challenge_count: int = 0
    server_error_count: int = 0
    visited: list[tuple[Address, float]] = field(default_factory=list)
    """Servers that redirected the request, and when it was sent to them."""

    def prepare(self, transaction_id: bytes, protection: Protection, *, fingerprint: bool) -> None:
        """Begin a transaction: make its request.

        Raises:
            ValueError: An attribute must not be sent as it is.
        """
        request = Message(self.method, MessageClass.REQUEST, transaction_id, (*self.attributes, *protection.attributes))
        self.wire = request.serialize(key=protection.key, integrity=protection.integrity, fingerprint=fingerprint)
        # [rfc8489:5/4] Retransmissions send `wire` again; everything else comes here for a new ID.
        self.transaction_id = transaction_id
        self.protection = protection
        self.violated = False

    def redirect(self, server: Address, domain: str | None) -> None:
        """Turn to another server; its challenges are counted anew."""
        self.visited.append((self.server, self.retransmission.sent_at))
        self.server = server
        self.domain = domain
        self.challenge_count = 0

    def record(self) -> dict[str, object]:
        """Return what a trace says of its request."""
        return {
            "request_id": self.request_id,
            "server": list(self.server),
            "transaction_id": self.transaction_id.hex(),
            "sent_count": self.retransmission.sent_count,
        }
