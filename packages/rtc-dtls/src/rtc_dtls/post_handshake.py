"""DTLS 1.3 after the handshake: tickets, and new keys for either direction.

    ours    update() ──► KeyUpdate in epoch n ──► until the ACK ──► epoch n + 1
    theirs  KeyUpdate in epoch n ──► both epochs are readable, ACK ──► (if asked) update()

One message is on its way at a time: what is wanted meanwhile waits. See :rfc:`8446#section-4.6` and :rfc:`9147#section-8`.
"""

from typing import Final

from .alert import AlertDescription
from .context import HandshakeContext, unexpected
from .errors import ProtocolError
from .handshake import HandshakeMessage, HandshakeType
from .handshake_layer import HANDSHAKE_EPOCH
from .key_schedule13 import TrafficSecret
from .key_update import KeyUpdate
from .new_session_ticket import NewSessionTicket
from .record import MAX_SEQUENCE_NUMBER

MAX_EPOCH: Final = 2**48 - 1
"""Of what we send; the peer may go on."""


class PostHandshake:
    """What messages do once data flow."""

    __slots__ = ("_asked_for", "_asks", "_context", "_epoch", "_ours", "_peer_epoch", "_theirs", "_updating", "_wanted")

    def __init__(self, context: HandshakeContext, *, ours: TrafficSecret, theirs: TrafficSecret) -> None:
        """Begin with the first secrets of the application."""
        self._context = context
        self._ours = ours
        self._theirs = theirs
        self._epoch = self._peer_epoch = HANDSHAKE_EPOCH + 1
        self._asked_for = 0
        """The peer's epoch that we asked it to leave, because of forgeries."""
        self._updating = False
        """Whether a KeyUpdate of ours waits for its ACK."""
        self._wanted = False
        """Whether another one has to follow."""
        self._asks = False
        """Whether that one asks the peer to do the same."""

    def receive(self, message: HandshakeMessage) -> None:
        """Take a message.

        Raises:
            ParseError: The message is malformed.
            ProtocolError: It breaks a rule.
        """
        match message.message_type:
            case HandshakeType.NEW_SESSION_TICKET if self._context.is_client:
                # There is no resumption here, so it is of no use. [rfc8446:4.6.1/1]
                NewSessionTicket.parse(message.body)
            case HandshakeType.KEY_UPDATE:
                self._on_key_update(message)
            case _:
                # [rfc8446:4.6.2/1] [rfc9147:9/6]
                raise unexpected(message, self)
        # [rfc9147:7/5] [rfc9147:8/1]
        self._context.layer.acknowledge()

    def update(self, *, ask_peer: bool) -> None:
        """Send a KeyUpdate, at once or as soon as the one before is acknowledged."""
        self._wanted = True
        self._asks |= ask_peer
        self._send()

    def respect_limits(self) -> None:
        """Update our keys before they have protected too much."""
        # [rfc9147:4.5.3/2]
        sealed = self._context.records.application_sealer().next_number & MAX_SEQUENCE_NUMBER
        if sealed >= self._context.config.max_records_per_key and not self._updating:
            self.update(ask_peer=False)

    def on_forgery(self) -> None:
        """A record failed authentication: ask for new keys before there were too many under one.

        Raises:
            ProtocolError: There were too many.
        """
        limit = self._context.config.max_forgeries_per_key
        forgeries = self._context.records.forgeries
        # [rfc9147:4.5.3/4]
        if forgeries >= limit:
            raise ProtocolError(
                AlertDescription.BAD_RECORD_MAC, f"{forgeries} records were forged", "RFC 9147 section 4.5.3"
            )
        # [rfc9147:4.5.3/6]
        if forgeries >= limit // 2 and self._asked_for < self._peer_epoch:
            self._asked_for = self._peer_epoch
            self.update(ask_peer=True)

    def on_acknowledged(self) -> None:
        """The peer has all we sent."""
        if self._updating:
            self._updating = False
            # [rfc9147:8/2]
            self._ours = self._ours.successor()
            self._epoch += 1
            self._context.install_sealer(self._ours, self._epoch)
            self._context.journal.stats.key_updates += 1
            self._context.journal.trace("keys_updated", epoch=self._epoch, by="us")
        self._send()

    def _send(self) -> None:
        # [rfc9147:5.8.4/1] [rfc9147:8/3]
        if not self._wanted or self._context.layer.awaits_ack:
            return
        # [rfc9147:8/5] [rfc9147:8/6] [rfc9147:4.2.1/5] [rfc9147:6.1/3]
        if self._epoch < MAX_EPOCH:
            self._context.layer.compose(KeyUpdate(update_requested=self._asks))
            self._context.layer.send_flight(awaits_ack=True, is_answer=False)
            self._updating = True
        self._wanted = self._asks = False

    def _on_key_update(self, message: HandshakeMessage) -> None:
        update = KeyUpdate.parse(message.body)
        if message.epoch != self._peer_epoch:
            raise ProtocolError(
                AlertDescription.UNEXPECTED_MESSAGE, "a KeyUpdate under keys of the past", "RFC 9147 section 8"
            )
        self._theirs = self._theirs.successor()
        # However many there were. [rfc9147:8/8]
        self._peer_epoch += 1
        # [rfc8446:4.6.3/2]
        self._context.install_opener(self._theirs, self._peer_epoch)
        self._context.journal.stats.peer_key_updates += 1
        self._context.journal.trace("keys_updated", epoch=self._peer_epoch, by="peer")
        # [rfc8446:4.6.3/4]
        if update.update_requested:
            self.update(ask_peer=False)
