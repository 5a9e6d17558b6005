"""What a connection does with records, messages and alerts, and how it ends: `DtlsConnection` without its face.

                      ┌──► engine (negotiation, then one of a version) ──► HandshakeLayer ──┐
records ──► Association                                                             │           ├──► RecordLayer
                      └──► application data, alerts ───────────────────────► Inbox, Outbox ─────┘

In DTLS 1.2 there is no engine once the handshake is over, in 1.3 it is `PostHandshake`.
"""

from collections.abc import Callable
from typing import Final

from .alert import Alert, AlertDescription, AlertLevel, alert_name
from .client_negotiation import ClientNegotiation
from .config import DtlsConfig
from .context import HandshakeContext
from .engine import Engine, Exporter, Outcome
from .errors import ParseError, ProtocolError, StateError
from .events import ApplicationDataReceived, ConnectionClosed, ConnectionFailed, HandshakeCompleted
from .handshake import HandshakeMessage, HandshakeType, message_name
from .handshake_layer import HANDSHAKE_EPOCH
from .inbox import Inbox
from .journal import Trace
from .key_schedule12 import MasterSecret
from .outbox import Outbox
from .post_handshake import PostHandshake
from .record import ContentType, Opened, Record, split_datagram
from .record13 import ProtectedRecord
from .record_layer import BAD_MAC, KEPT
from .server_negotiation import ServerNegotiation
from .session import Session
from .state import TRANSITIONS, ConnectionState, Input, Role
from .version import Version


class Association:
    """The peer's records in, consequences out."""

    __slots__ = ("context", "engine", "exporter", "inbox", "journal", "outbox", "role", "session", "state")

    def __init__(
        self, *, role: Role, config: DtlsConfig, rng: Callable[[int], bytes], peer_address: bytes, trace: Trace | None
    ) -> None:
        is_client = role is Role.CLIENT
        self.role = role
        self.state = ConnectionState.NEW
        self.context = HandshakeContext(
            config=config, rng=rng, peer_address=peer_address, is_client=is_client, trace=trace
        )
        self.journal = self.context.journal
        self.engine: Engine | None = ClientNegotiation(self.context) if is_client else ServerNegotiation(self.context)
        self.session: Session | None = None
        self.exporter: Exporter | None = None
        self.inbox = Inbox(self.journal)
        self.outbox = Outbox(
            journal=self.journal,
            layer=self.context.layer,
            records=self.context.records,
            max_datas=config.max_queued_datagrams,
        )

    @property
    def closed(self) -> bool:
        """Whether it is over, in order or not."""
        return self.state in (ConnectionState.CLOSED, ConnectionState.FAILED)

    def update_keys(self, *, ask_peer: bool) -> None:
        """Go over to new keys.

        Raises:
            StateError: This is DTLS 1.2.
        """
        if not isinstance(self.engine, PostHandshake):
            raise StateError("DTLS 1.2 has no other keys")
        self.engine.update(ask_peer=ask_peer)

    def flush(self) -> list[bytes]:
        """Return what has to be sent now."""
        if isinstance(self.engine, PostHandshake):
            self.engine.respect_limits()
        return self.outbox.datagrams()

    # --- records

    def receive(self, datagram: bytes) -> None:
        """Take a datagram apart, the general way."""
        if self.state is ConnectionState.NEW and self.role is Role.CLIENT:
            self.journal.drop("not_started")
            return
        records, dropped = split_datagram(datagram, self.context.config.connection_id or b"")
        for record in records:
            if self.closed:
                self.journal.drop("connection_closed")
                return
            self._on_record(record)
        for reason in dropped:
            self.journal.drop(reason)

    def _on_record(self, record: Record | ProtectedRecord) -> None:
        if (isinstance(record, ProtectedRecord) or record.epoch) and self.context.layer.awaits_hello:
            # There is nobody yet whose keys could ever open it: keep nothing.
            self.journal.drop("record_before_client_hello")
            return
        try:
            opened = self.context.records.open(record)
            if opened == BAD_MAC and isinstance(self.engine, PostHandshake):
                self.engine.on_forgery()
        except ProtocolError as error:
            self.fail_by(error)
            return
        if isinstance(opened, str):
            # [rfc6347:4.1.2.7/1]
            if opened != KEPT:
                self.journal.drop(opened)
            return
        match opened.content_type:
            case ContentType.APPLICATION_DATA if self._is_premature(record, opened):
                self._fail_unexpected("application data under the keys of the handshake", "RFC 9147 section 6.1")
            case ContentType.APPLICATION_DATA:
                self._on_application_data(opened.content)
            case ContentType.HANDSHAKE:
                self._on_handshake(opened.content, opened.number)
            case ContentType.ALERT:
                self._on_alert(opened.content, opened.epoch)
            case ContentType.ACK:
                self._on_ack(opened)
            case ContentType.CHANGE_CIPHER_SPEC if not isinstance(record, ProtectedRecord):
                # The epoch in the header says it all: a ChangeCipherSpec, forged or not, changes nothing.
                # [rfc5246:7.1/4]
                self.journal.trace("change_cipher_spec_received", epoch=opened.epoch)

            case _:
                # [rfc9147:4.1/4]
                self._fail_unexpected(f"content type {opened.content_type} under protection", "RFC 9147 section 4.1")

    @staticmethod
    def _is_premature(record: Record | ProtectedRecord, opened: Opened) -> bool:
        """Whether these are data under keys that prove nothing about who the peer is yet."""
        # [rfc8446:4.4.4/2] [rfc9147:6.1/2]
        return isinstance(record, ProtectedRecord) and opened.epoch == HANDSHAKE_EPOCH

    def _fail_unexpected(self, what: str, section: str) -> None:
        self.fail(what, AlertDescription.UNEXPECTED_MESSAGE, received=False, section=section)

    def _on_ack(self, opened: Opened) -> None:
        """See :rfc:`9147#section-7.2`."""
        if self.context.version == Version.DTLS_1_2:
            self.journal.drop("record_unknown_type")
            return
        if opened.epoch == 0:
            # Anybody could stop our retransmissions with it.
            self.journal.drop("ack_plaintext")
            return
        try:
            is_complete = self.context.layer.receive_ack(opened.content)
        except ParseError as error:
            self.fail(str(error), error.alert, received=False, section="RFC 9147 section 7")
            return
        if is_complete and isinstance(self.engine, PostHandshake):
            self.engine.on_acknowledged()

    def _on_application_data(self, content: bytes) -> None:
        if not content:
            self.journal.drop("application_data_empty")
        elif self.state is ConnectionState.CONNECTED:
            self.deliver([content])
        else:
            self.inbox.hold(content)

    def deliver(self, contents: list[bytes]) -> None:
        """Hand data over to the owner."""
        self.journal.stats.application_data_received += len(contents)
        self.context.events.extend(map(ApplicationDataReceived, contents))

    def _on_alert(self, content: bytes, epoch: int) -> None:
        if epoch == 0 and self.context.records.authenticated:
            self.journal.drop("alert_plaintext_after_keys")
            return
        if isinstance(self.engine, ServerNegotiation):
            # Nobody can complain about what we have not said yet: this is left over, or forged.
            self.journal.drop("alert_before_client_hello")
            return
        is_13 = self.context.version == Version.DTLS_1_3
        try:
            alert = Alert.parse(content, any_level=is_13)
        except ParseError as error:
            if epoch == 0:
                self.journal.drop("alert_malformed")
            else:
                self.fail(str(error), error.alert, received=False, section="RFC 5246 section 7.2")
            return
        self.journal.trace("alert_received", level=alert.level, alert=alert_name(alert.description))
        # [rfc5246:7.2.1/1]
        if alert.description == AlertDescription.CLOSE_NOTIFY:
            self.close(by_peer=True)
        # [rfc5246:7.2/1] [rfc5764:7.3.1/2]
        # In DTLS 1.3 the level says nothing: what is not known is an error. [rfc8446:6/1] [rfc8446:6.2/1]
        elif alert.level == AlertLevel.FATAL or (is_13 and alert.description != AlertDescription.USER_CANCELED):
            name = alert_name(alert.description)
            self.fail(f"the peer gave up with {name}", alert.description, received=True, section=None)
        else:
            self.journal.drop("alert_warning")

    # --- handshake

    def _on_handshake(self, content: bytes, number: int) -> None:
        if self.role is Role.SERVER and self.state is ConnectionState.NEW:
            self.step(Input.START)
        if isinstance(self.exporter, MasterSecret) and content[:1] in (_HELLO_REQUEST, _CLIENT_HELLO):
            self._refuse_renegotiation()
            return
        try:
            for message in self.context.layer.receive(content, number):
                self._on_message(message)
        except (ParseError, ProtocolError) as error:
            if self.context.config.cookie_secrets and self.context.layer.awaits_hello:
                # [rfc6347:5/3]
                # Whoever forges a client's address must not be able to shut the door before it.
                self.journal.drop("handshake_before_cookie")
            # [rfc5246:7.2.2/3] [rfc6347:4.2.7/3]
            elif isinstance(error, ProtocolError):
                self.fail_by(error)
            else:
                self.fail(str(error), error.alert, received=False, section="RFC 5246 section 7.2.2")
        if not self.closed:
            for record in self.context.records.take_early():
                self._on_record(record)

    def _on_message(self, message: HandshakeMessage) -> None:
        name = message_name(message.message_type)
        self.journal.trace("handshake_message_received", message=name, message_seq=message.message_seq)
        if self.engine is None:
            raise ProtocolError(
                AlertDescription.UNEXPECTED_MESSAGE, f"{name} after the handshake", "RFC 5246 section 7.4"
            )
        successor = self.engine.receive(message)
        if successor is not None:
            self.engine = successor
        outcome = self.engine.outcome
        if outcome is not None:
            self._complete(outcome)

    def _complete(self, outcome: Outcome) -> None:
        """Both Finished messages are right: shut epoch 0, and let data through if the peer is the right one."""
        self.session, self.exporter, self.engine = outcome.session, outcome.exporter, outcome.successor
        if outcome.successor is None:
            self.context.layer.finish()
        else:
            self.context.layer.go_on()
        self.context.records.close_plaintext()
        if self.context.identity.verified:
            self.step(Input.COMPLETE)
            self.announce()
        else:
            self.step(Input.COMPLETE_UNVERIFIED)

    def announce(self) -> None:
        """Tell that data may flow, and let those flow that waited."""
        session, _ = self.require_connected()
        self.context.events.append(
            HandshakeCompleted(
                version=session.version,
                cipher_suite=session.cipher_suite,
                group=session.group,
                srtp_profile=session.srtp_profile,
                alpn_protocol=session.alpn_protocol,
            )
        )
        self.deliver(self.inbox.release())

    def _refuse_renegotiation(self) -> None:
        """See :rfc:`8827#section-6.5`."""
        # [rfc8827:6.5/14] [rfc5746:4.2/1] [rfc5746:4.4/1] [rfc5746:5/1]
        self.journal.drop("renegotiation_refused")
        self.outbox.refuse_renegotiation()

    # --- the end

    def close(self, *, by_peer: bool) -> None:
        """End in order."""
        if by_peer:
            # What was not sent yet is discarded, and the peer's close_notify is answered with ours.
            self.outbox.discard()
        if self.state is not ConnectionState.NEW:
            self.outbox.add_alert(AlertLevel.WARNING, AlertDescription.CLOSE_NOTIFY)
        self._end(Input.CLOSE, ConnectionClosed(by_peer=by_peer))

    def fail_by(self, error: ProtocolError) -> None:
        """End because a rule was broken."""
        self.fail(str(error), error.alert, received=False, section=error.section)

    def fail(self, reason: str, alert: int | None, *, received: bool, section: str | None) -> None:
        """End in disorder, with an alert unless the peer sent it."""
        # [rfc9147:5.10/2]
        self.outbox.discard()
        if alert is not None and not received and self.state is not ConnectionState.NEW:
            # [rfc5246:7.2.2/5]
            self.outbox.add_alert(AlertLevel.FATAL, alert)
        self._end(Input.FAIL, ConnectionFailed(reason=reason, alert=alert, received=received, section=section))

    def _end(self, last_input: Input, event: ConnectionClosed | ConnectionFailed) -> None:
        """Seal what still has to be said, and forget all secrets at once."""
        self.outbox.seal_farewell()
        # [rfc5246:7.2.2/1] [rfc8446:6.2/2]
        self.context.layer.forget()
        self.context.records.forget()
        self.engine = None
        self.exporter = None
        self.inbox.release()
        self.step(last_input)
        self.context.events.append(event)

    # --- small things

    def step(self, step: Input) -> None:
        """Go to another state."""
        before = self.state
        self.state = TRANSITIONS[before, step]
        self.journal.trace("state_changed", old=before.name, new=self.state.name)

    def require_connected(self) -> tuple[Session, Exporter]:
        """Return what exists only while the connection does; raise StateError without."""
        if self.session is None or self.exporter is None or self.state is not ConnectionState.CONNECTED:
            raise StateError(f"there is no verified connection while {self.state.name}")
        return self.session, self.exporter


_HELLO_REQUEST: Final = bytes((HandshakeType.HELLO_REQUEST,))
_CLIENT_HELLO: Final = bytes((HandshakeType.CLIENT_HELLO,))
