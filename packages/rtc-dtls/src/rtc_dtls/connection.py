"""A DTLS connection as its owner sees it: datagrams and time in, datagrams and events out.

                ┌──► engine (negotiation, then client12 or server12) ──► HandshakeLayer ──┐
owner ──► DtlsConnection                                                     │            ├──► RecordLayer
                └──► application data, alerts ───────────────────────► Inbox, Outbox ─────┘

The engine is there until the handshake is over, its secrets until the connection is.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from .alert import Alert, AlertDescription, AlertLevel, alert_name
from .client12 import Client12
from .config import DtlsConfig, check_mtu, check_timeout
from .context import HandshakeContext
from .errors import ParseError, ProtocolError, StateError
from .events import (
    ApplicationDataReceived,
    ConnectionClosed,
    ConnectionFailed,
    Event,
    HandshakeCompleted,
)
from .fingerprint import Fingerprint
from .handshake import HandshakeMessage, HandshakeType, message_name
from .inbox import Inbox
from .journal import Trace
from .key_schedule12 import RESERVED_LABELS, MasterSecret
from .negotiation import ClientNegotiation, ServerNegotiation
from .outbox import Outbox
from .protection import record_overhead
from .record import ContentType, Record, split_datagram
from .record_layer import KEPT
from .server12 import Server12
from .session import Session
from .srtp import SrtpKeyingMaterial, SrtpProfile
from .state import TRANSITIONS, ConnectionState, Input, Role
from .stats import DtlsStats


class DtlsConnection:
    """One DTLS association over a path that the owner provides.

    Call `start` (client), feed `receive_datagrams` and `handle_timeout`, and after each of them send what
    `datagrams_to_send` gives, look at `events`, and ask `next_timeout`.

    It can be copied and pickled. Of all copies one alone may go on to send: two would seal different data with the same
    nonces, which breaks the encryption (:rfc:`5288#section-6.1`).
    """

    def __init__(
        self,
        *,
        role: Role,
        config: DtlsConfig,
        rng: Callable[[int], bytes],
        peer_address: bytes = b"",
        trace: Trace | None = None,
    ) -> None:
        """Set up a connection; nothing is sent.

        Args:
            role: Client or server.
            config: Options.
            rng: Source of secret randomness, such as ``os.urandom``.
            peer_address: What cookies are bound to; any bytes that stand for the client's address.
            trace: Called with time, name and details of what happens.

        Raises:
            ValueError: A server without a certificate, cookies without an address to bind them to, or fingerprints
                whose hash functions are all unknown.
        """
        if role is Role.SERVER and config.certificate is None:
            raise ValueError("a server needs a certificate")
        if role is Role.SERVER and config.cookie_secrets and not peer_address:
            raise ValueError("a cookie proves nothing that is not bound to the client's address")
        is_client = role is Role.CLIENT
        self._role = role
        self._state = ConnectionState.NEW
        self._context = HandshakeContext(
            config=config, rng=rng, peer_address=peer_address, is_client=is_client, trace=trace
        )
        self._journal = self._context.journal
        self._engine: ClientNegotiation | ServerNegotiation | Client12 | Server12 | None = (
            ClientNegotiation(self._context) if is_client else ServerNegotiation(self._context)
        )
        self._session: Session | None = None
        self._master: MasterSecret | None = None
        self._inbox = Inbox(self._journal)
        self._outbox = Outbox(
            journal=self._journal,
            layer=self._context.layer,
            records=self._context.records,
            max_datas=config.max_queued_datagrams,
        )

    # --- the life of a connection

    def start(self, now: float) -> None:
        """As a client, begin the handshake. Flush `datagrams_to_send` next.

        Raises:
            StateError: This is a server, or it was started before.
        """
        if self._role is not Role.CLIENT or not isinstance(self._engine, ClientNegotiation):
            raise StateError("only a client starts, and only once")
        if self._state is not ConnectionState.NEW:
            raise StateError("the connection was started before")
        self._journal.advance(now)
        self._step(Input.START)
        self._engine.start()

    def close(self, now: float) -> None:
        """Send what is queued and a close_notify with the next flush, and be closed. Does nothing if it is over.

        See :rfc:`5246#section-7.2.1`.
        """
        self._journal.advance(now)
        # [rfc5246:7.2.1/2]
        if not self.closed:
            self._close(by_peer=False)

    def abort(self, now: float, alert: int = AlertDescription.INTERNAL_ERROR) -> None:
        """Give the connection up with a fatal alert of the owner's choice. Does nothing if it is over.

        Raises:
            ValueError: An alert is a number from 0 to 255.
        """
        if not 0 <= alert <= 255:
            raise ValueError(f"there is no alert {alert}")
        self._journal.advance(now)
        if not self.closed:
            self._fail(f"aborted with {alert_name(alert)}", alert, received=False, section=None)

    def set_remote_fingerprints(self, fingerprints: Iterable[Fingerprint], now: float) -> None:
        """Say what the peer's certificate has to match, as soon as signalling has brought it.

        If the certificate is known already and does not match, the connection fails with bad_certificate.

        Raises:
            ValueError: None of the hash functions is known.
            StateError: The connection is over, or we are a server that asks for no certificate.

        See :rfc:`8122#section-6.2`.
        """
        if self.closed:
            raise StateError("the connection is over")
        if self._context.identity.is_anonymous_allowed:
            raise StateError("clients are not asked for the certificate that a fingerprint could match")
        self._journal.advance(now)
        try:
            self._context.identity.expect(fingerprints)
        except ProtocolError as error:
            self._fail_by(error)
            return
        if self._state is ConnectionState.UNVERIFIED and self._context.identity.verified:
            self._step(Input.VERIFY)
            self._connected()

    # --- input

    def receive_datagram(self, datagram: bytes, now: float) -> None:
        """Take one datagram from the peer. Never raises for what is in it."""
        self.receive_datagrams((datagram,), now)

    def receive_datagrams(self, datagrams: Iterable[bytes], now: float) -> None:
        """Take a batch of datagrams from the peer, in the order they came. Never raises for what is in them."""
        self._journal.advance(now)
        batch = datagrams if isinstance(datagrams, list | tuple) else list(datagrams)
        stats = self._journal.stats
        stats.datagrams_received += len(batch)
        stats.bytes_received += sum(map(len, batch))
        at = 0
        while at < len(batch):
            if self._state is ConnectionState.CONNECTED:
                opened: list[bytes] = []
                at = self._context.records.application_opener().open_application_data(batch, at, opened)
                self._deliver(opened)
                if at == len(batch):
                    return
            # [rfc5246:7.2.1/3] [rfc5764:7.3.1/3]
            if self.closed:
                self._journal.drop("connection_closed", len(batch) - at)
                return
            self._receive(batch[at])
            at += 1

    def handle_timeout(self, now: float) -> None:
        """Do what is due. Call it at or after `next_timeout`."""
        self._journal.advance(now)
        if self.closed or self._context.layer.handle_timeout(now):
            return
        self._fail("the peer does not answer", None, received=False, section="RFC 6347 section 4.2.4")

    # --- output

    def datagrams_to_send(self, now: float) -> list[bytes]:
        """Return what has to be sent now, in this order. Drain it after every other call."""
        self._journal.advance(now)
        return self._outbox.datagrams() if self._outbox.waiting else []

    def events(self) -> list[Event]:
        """Return what happened since the last call, in order. Drain it after every other call."""
        events = self._context.events
        self._context.events = []
        return events

    def next_timeout(self) -> float | None:
        """When to call `handle_timeout`, or flush: at once while there is something to send, None if never."""
        return self._journal.now if self._outbox.waiting else self._context.layer.deadline

    # --- application data

    def send(self, data: bytes) -> None:
        """Queue data as one record in one datagram. It is not repeated if it gets lost. Flush next.

        Raises:
            StateError: There is no verified connection.
            BufferFullError: Too much is queued already.
            ValueError: The data is empty or longer than a record.
        """
        self.send_many((data,))

    def send_many(self, datas: Sequence[bytes]) -> None:
        """Queue each item as one record in one datagram, all of them or none. Flush next.

        Raises:
            StateError: There is no verified connection, or its sequence numbers are used up.
            BufferFullError: Too much is queued already.
            ValueError: An item is empty or longer than a record.
        """
        if self._state is not ConnectionState.CONNECTED:
            # [rfc5246:7.3/3]
            raise StateError(f"no data can be sent while {self._state.name}")
        self._outbox.add(datas)

    @property
    def queued_datagrams(self) -> int:
        """How many datagrams of application data wait for a flush."""
        return len(self._outbox.datas)

    # --- keys

    def export_keying_material(self, label: str, length: int, context: bytes | None = None) -> bytes:
        """Derive keys for another protocol. No context and an empty context give different keys.

        Raises:
            StateError: There is no verified connection, or it lacks the extended master secret.
            ValueError: The label belongs to the protocol itself or is not ASCII, or the length is negative.

        See :rfc:`5705#section-4` and, for the demand, :rfc:`7627#section-5.4`.
        """
        master = self._require_connected()[1]
        # [rfc7627:5.4/1] [rfc7627:5.4/2]
        if not master.extended:
            raise StateError("without the extended master secret nothing is exported")
        # [rfc5705:4/4]
        if label in RESERVED_LABELS or not label.isascii() or not label:
            raise ValueError(f"{label!r} is no label for an exporter")
        if length < 0 or (context is not None and len(context) > 0xFFFF):
            raise ValueError("a length out of range")
        return master.export(label, length, context)

    def srtp_keying_material(self) -> SrtpKeyingMaterial:
        """Return the SRTP keys of both directions.

        Raises:
            StateError: As `export_keying_material`; also if no SRTP profile was negotiated.

        See :rfc:`5764#section-4.2`.
        """
        profile = self._require_connected()[0].negotiated.srtp_profile
        if profile is None:
            raise StateError("no SRTP profile was negotiated")
        is_client = self._role is Role.CLIENT
        return SrtpKeyingMaterial.export(SrtpProfile(profile), self.export_keying_material, is_client=is_client)

    def key_log_lines(self) -> list[str]:
        """Drain lines for an SSLKEYLOG file; only with `DtlsConfig.key_log`. Whoever has them can read everything."""
        lines = self._context.key_log
        self._context.key_log = []
        return lines

    # --- options that may change

    def set_mtu(self, mtu: int) -> None:
        """Change the size of the handshake's datagrams, from the next transmission on.

        Raises:
            ValueError: It is out of range.
        """
        check_mtu(mtu)
        self._context.layer.mtu = mtu

    def set_initial_timeout(self, seconds: float) -> None:
        """Change the retransmission timer's start, say to a multiple of the measured round-trip time.

        Raises:
            ValueError: It is out of range.
        """
        check_timeout(seconds)
        self._context.layer.set_initial_timeout(seconds)

    # --- what can be read

    @property
    def state(self) -> ConnectionState:
        """How far it is."""
        return self._state

    @property
    def closed(self) -> bool:
        """Whether it is over, in order or not. A last alert may still have to be flushed."""
        return self._state in (ConnectionState.CLOSED, ConnectionState.FAILED)

    @property
    def role(self) -> Role:
        """Client or server."""
        return self._role

    @property
    def stats(self) -> DtlsStats:
        """Counters."""
        return self._journal.stats

    @property
    def version(self) -> int | None:
        """The version, once the handshake is over."""
        return None if self._session is None else self._session.version

    @property
    def cipher_suite(self) -> int | None:
        """The cipher suite's code point, once the handshake is over."""
        return None if self._session is None else self._session.negotiated.suite.id

    @property
    def record_overhead(self) -> int | None:
        """Bytes that one `send` is longer on the wire than its data, once the handshake is over."""
        return None if self._session is None else record_overhead(self._session.negotiated.suite)

    @property
    def group(self) -> int | None:
        """The code point of the key exchange's group, once the handshake is over."""
        return None if self._session is None else self._session.group

    @property
    def peer_signature_algorithm(self) -> int | None:
        """The scheme that the peer proved its key with, once the handshake is over."""
        return None if self._session is None else self._session.peer_signature_algorithm

    @property
    def alpn_protocol(self) -> str | None:
        """The application protocol, if one was negotiated."""
        return None if self._session is None else self._session.negotiated.alpn_protocol

    @property
    def selected_srtp_profile(self) -> SrtpProfile | None:
        """The SRTP protection profile, if one was negotiated."""
        profile = None if self._session is None else self._session.negotiated.srtp_profile
        return None if profile is None else SrtpProfile(profile)

    @property
    def extended_master_secret(self) -> bool | None:
        """Whether the master secret is bound to the handshake, once that is over."""
        return None if self._session is None else self._session.negotiated.extended_master_secret

    @property
    def peer_certificates(self) -> tuple[bytes, ...]:
        """The peer's chain as raw DER, its own certificate first; empty until it arrived."""
        return self._context.identity.chain

    # --- records

    def _receive(self, datagram: bytes) -> None:
        """Take a datagram apart, the general way."""
        if self._state is ConnectionState.NEW and self._role is Role.CLIENT:
            self._journal.drop("not_started")
            return
        records, dropped = split_datagram(datagram)
        for record in records:
            if self.closed:
                self._journal.drop("connection_closed")
                return
            self._on_record(record)
        for reason in dropped:
            self._journal.drop(reason)

    def _on_record(self, record: Record) -> None:
        if record.epoch and self._context.layer.awaits_hello:
            # There is nobody yet whose keys could ever open it: keep nothing.
            self._journal.drop("record_before_client_hello")
            return
        content = self._context.records.open(record)
        if isinstance(content, str):
            # [rfc6347:4.1.2.7/1]
            if content != KEPT:
                self._journal.drop(content)
            return
        match record.content_type:
            case ContentType.APPLICATION_DATA:
                self._on_application_data(content)
            case ContentType.HANDSHAKE:
                self._on_handshake(content, record.number)
            case ContentType.ALERT:
                self._on_alert(content, record.epoch)
            case _:
                # The epoch in the header says it all: a ChangeCipherSpec, forged or not, changes nothing.
                # [rfc5246:7.1/4]
                self._journal.trace("change_cipher_spec_received", epoch=record.epoch)

    def _on_application_data(self, content: bytes) -> None:
        if not content:
            self._journal.drop("application_data_empty")
        elif self._state is ConnectionState.CONNECTED:
            self._deliver([content])
        else:
            self._inbox.hold(content)

    def _deliver(self, contents: list[bytes]) -> None:
        self._journal.stats.application_data_received += len(contents)
        self._context.events.extend(map(ApplicationDataReceived, contents))

    def _on_alert(self, content: bytes, epoch: int) -> None:
        if epoch == 0 and self._context.records.authenticated:
            self._journal.drop("alert_plaintext_after_keys")
            return
        if isinstance(self._engine, ServerNegotiation):
            # Nobody can complain about what we have not said yet: this is left over, or forged.
            self._journal.drop("alert_before_client_hello")
            return
        try:
            alert = Alert.parse(content)
        except ParseError as error:
            if epoch == 0:
                self._journal.drop("alert_malformed")
            else:
                self._fail(str(error), error.alert, received=False, section="RFC 5246 section 7.2")
            return
        self._journal.trace("alert_received", level=alert.level, alert=alert_name(alert.description))
        # [rfc5246:7.2.1/1]
        if alert.description == AlertDescription.CLOSE_NOTIFY:
            self._close(by_peer=True)
        # [rfc5246:7.2/1] [rfc5764:7.3.1/2]
        elif alert.level == AlertLevel.FATAL:
            name = alert_name(alert.description)
            self._fail(f"the peer gave up with {name}", alert.description, received=True, section=None)
        else:
            self._journal.drop("alert_warning")

    # --- handshake

    def _on_handshake(self, content: bytes, number: int) -> None:
        if self._role is Role.SERVER and self._state is ConnectionState.NEW:
            self._step(Input.START)
        if self._session is not None and content[:1] in (_HELLO_REQUEST, _CLIENT_HELLO):
            self._refuse_renegotiation()
            return
        try:
            for message in self._context.layer.receive(content, number):
                self._on_message(message)
        except (ParseError, ProtocolError) as error:
            if self._context.config.cookie_secrets and self._context.layer.awaits_hello:
                # [rfc6347:5/3]
                # Whoever forges a client's address must not be able to shut the door before it.
                self._journal.drop("handshake_before_cookie")
            # [rfc5246:7.2.2/3] [rfc6347:4.2.7/3]
            elif isinstance(error, ProtocolError):
                self._fail_by(error)
            else:
                self._fail(str(error), error.alert, received=False, section="RFC 5246 section 7.2.2")
        if not self.closed:
            for record in self._context.records.take_early():
                self._on_record(record)

    def _on_message(self, message: HandshakeMessage) -> None:
        name = message_name(message.message_type)
        self._journal.trace("handshake_message_received", message=name, message_seq=message.message_seq)
        if self._engine is None:
            raise ProtocolError(
                AlertDescription.UNEXPECTED_MESSAGE, f"{name} after the handshake", "RFC 5246 section 7.4"
            )
        successor = self._engine.receive(message)
        if successor is not None:
            self._engine = successor
        if isinstance(self._engine, Client12 | Server12) and self._engine.outcome is not None:
            self._complete(*self._engine.outcome)

    def _complete(self, session: Session, master: MasterSecret) -> None:
        """Both Finished messages are right: shut epoch 0, and let data through if the peer is the right one."""
        self._session, self._master = session, master
        self._engine = None
        self._context.layer.finish()
        self._context.records.close_plaintext()
        if self._context.identity.verified:
            self._step(Input.COMPLETE)
            self._connected()
        else:
            self._step(Input.COMPLETE_UNVERIFIED)

    def _connected(self) -> None:
        session, _ = self._require_connected()
        self._context.events.append(
            HandshakeCompleted(
                version=session.version,
                cipher_suite=session.negotiated.suite.id,
                group=session.group,
                srtp_profile=session.negotiated.srtp_profile,
                alpn_protocol=session.negotiated.alpn_protocol,
            )
        )
        self._deliver(self._inbox.release())

    def _refuse_renegotiation(self) -> None:
        """See :rfc:`8827#section-6.5`."""
        # [rfc8827:6.5/14] [rfc5746:4.2/1] [rfc5746:4.4/1] [rfc5746:5/1]
        self._journal.drop("renegotiation_refused")
        self._outbox.refuse_renegotiation()

    # --- the end

    def _close(self, *, by_peer: bool) -> None:
        if by_peer:
            # What was not sent yet is discarded, and the peer's close_notify is answered with ours.
            self._outbox.discard()
        if self._state is not ConnectionState.NEW:
            self._outbox.add_alert(AlertLevel.WARNING, AlertDescription.CLOSE_NOTIFY)
        self._end(Input.CLOSE, ConnectionClosed(by_peer=by_peer))

    def _fail_by(self, error: ProtocolError) -> None:
        self._fail(str(error), error.alert, received=False, section=error.section)

    def _fail(self, reason: str, alert: int | None, *, received: bool, section: str | None) -> None:
        self._outbox.discard()
        if alert is not None and not received and self._state is not ConnectionState.NEW:
            # [rfc5246:7.2.2/5]
            self._outbox.add_alert(AlertLevel.FATAL, alert)
        self._end(Input.FAIL, ConnectionFailed(reason=reason, alert=alert, received=received, section=section))

    def _end(self, last_input: Input, event: ConnectionClosed | ConnectionFailed) -> None:
        """Seal what still has to be said, and forget all secrets at once."""
        self._outbox.seal_farewell()
        # [rfc5246:7.2.2/1]
        self._context.layer.forget()
        self._context.records.forget()
        self._engine = None
        self._master = None
        self._inbox.release()
        self._step(last_input)
        self._context.events.append(event)

    # --- small things

    def _step(self, step: Input) -> None:
        before = self._state
        self._state = TRANSITIONS[before, step]
        self._journal.trace("state_changed", old=before.name, new=self._state.name)

    def _require_connected(self) -> tuple[Session, MasterSecret]:
        if self._session is None or self._master is None or self._state is not ConnectionState.CONNECTED:
            raise StateError(f"there is no verified connection while {self._state.name}")
        return self._session, self._master


_HELLO_REQUEST: Final = bytes((HandshakeType.HELLO_REQUEST,))
_CLIENT_HELLO: Final = bytes((HandshakeType.CLIENT_HELLO,))
