"""DTLS 1.3 after the handshake: tickets, new keys for either direction, other connection IDs.

    ours    update() ──► KeyUpdate in epoch n ──► until the ACK ──► epoch n + 1
    theirs  KeyUpdate in epoch n ──► both epochs are readable, ACK ──► (if asked) update()

One message is on its way at a time, others wait in a queue. See :rfc:`8446#section-4.6` and :rfc:`9147#section-8`.
"""

from typing import Final

from .alert import AlertDescription
from .connection_id import NewConnectionId
from .context import HandshakeContext, unexpected
from .errors import ProtocolError
from .handshake import HandshakeMessage, HandshakeType
from .handshake_layer import HANDSHAKE_EPOCH
from .key_schedule13 import TrafficSecret
from .key_update import KeyUpdate
from .new_session_ticket import NewSessionTicket
from .presentation import Reader
from .record import MAX_SEQUENCE_NUMBER

MAX_EPOCH: Final = 2**48 - 1
"""Of what we send; the peer may go on."""

MAX_WAITING: Final = 4
"""Messages that wait for the acknowledgement of the one before."""


class PostHandshake:
    """What messages do once data flow."""

    __slots__ = ("_asked_for", "_context", "_epoch", "_ours", "_peer_epoch", "_queue", "_theirs", "_updating")

    outcome: Final = None
    """There are no handshakes any more."""

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
        self._queue: list[KeyUpdate | NewConnectionId] = []
        """What waits for the acknowledgement of the message before."""

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
            case HandshakeType.NEW_CONNECTION_ID if self._context.records.peer_connection_id:
                self._on_new_connection_id(NewConnectionId.parse(message.body))
            case HandshakeType.REQUEST_CONNECTION_ID if self._context.records.connection_id:
                self._on_request_connection_id(message.body)
            case _:
                # [rfc8446:4.6.2/1] [rfc9147:9/6] [rfc9147:9/1]
                raise unexpected(message, self)
        # [rfc9147:7/5] [rfc9147:8/1]
        self._context.layer.acknowledge()

    def update(self, *, ask_peer: bool) -> None:
        """Send a KeyUpdate, at once or as soon as what was sent before is acknowledged."""
        waiting = [message for message in self._queue if isinstance(message, KeyUpdate)]
        ask_peer |= any(message.update_requested for message in waiting)
        self._queue = [message for message in self._queue if message not in waiting]
        # [rfc9147:8/5] [rfc9147:8/6] [rfc9147:4.2.1/5] [rfc9147:6.1/3]
        if self._epoch + self._updating < MAX_EPOCH:
            self._queue.append(KeyUpdate(update_requested=ask_peer))
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
        # The older key is not needed to go on.
        self._context.records.forget_attacked(limit)
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
        # [rfc9147:5.8.4/1] [rfc9147:8/3] [rfc9147:9/7]
        if self._queue and not self._context.layer.awaits_ack:
            message = self._queue.pop(0)
            self._context.layer.compose(message)
            self._context.layer.send_flight(awaits_ack=True, is_answer=False)
            self._updating = isinstance(message, KeyUpdate)

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

    def _on_new_connection_id(self, message: NewConnectionId) -> None:
        """Use another ID if we have to; none is kept in reserve. See :rfc:`9147#section-9`."""
        # [rfc9147:9/2]
        if message.immediate:
            self._context.records.use_peer_connection_id(message.connection_ids[0])

    def _on_request_connection_id(self, body: bytes) -> None:
        """Answer that we have no others: the owner knows the connection by the one it chose."""
        reader = Reader(body, "request_connection_id")
        reader.number(1)
        reader.finish()
        # [rfc9147:9/3]
        self._queue.append(NewConnectionId(connection_ids=(), immediate=False))
        if len(self._queue) > MAX_WAITING:
            raise ProtocolError(
                AlertDescription.TOO_MANY_CIDS_REQUESTED,
                "the peer asks for one connection ID after the other",
                "RFC 9147 section 9",
            )
        self._send()
