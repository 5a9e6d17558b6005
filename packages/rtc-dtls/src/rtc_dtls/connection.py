"""A DTLS connection as its owner sees it: datagrams and time in, datagrams and events out.

owner ──► DtlsConnection ──► Association ──► ...

What is done with the peer's records is in `association.py`; here are the commands, the questions and the batches.
"""

from collections.abc import Callable, Iterable, Sequence

from .alert import AlertDescription, alert_name
from .association import Association
from .client_negotiation import ClientNegotiation
from .config import DtlsConfig, check_mtu, check_timeout
from .errors import ProtocolError, StateError
from .events import Event
from .fingerprint import Fingerprint
from .journal import Trace
from .key_schedule12 import RESERVED_LABELS
from .session import Session
from .srtp import SrtpKeyingMaterial, SrtpProfile
from .state import ConnectionState, Input, Role
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
        self._association = Association(role=role, config=config, rng=rng, peer_address=peer_address, trace=trace)
        self._context = self._association.context
        self._journal = self._association.journal
        self._outbox = self._association.outbox

    @property
    def _session(self) -> Session | None:
        return self._association.session

    # --- the life of a connection

    def start(self, now: float) -> None:
        """As a client, begin the handshake. Flush `datagrams_to_send` next.

        Raises:
            StateError: This is a server, or it was started before.
        """
        if self._association.role is not Role.CLIENT or not isinstance(self._association.engine, ClientNegotiation):
            raise StateError("only a client starts, and only once")
        if self._association.state is not ConnectionState.NEW:
            raise StateError("the connection was started before")
        self._journal.advance(now)
        self._association.step(Input.START)
        self._association.engine.start()

    def close(self, now: float) -> None:
        """Send what is queued and a close_notify with the next flush, and be closed. Does nothing if it is over.

        See :rfc:`5246#section-7.2.1`.
        """
        self._journal.advance(now)
        # [rfc5246:7.2.1/2] [rfc8446:6.1/1]
        if not self.closed:
            self._association.close(by_peer=False)

    def abort(self, now: float, alert: int = AlertDescription.INTERNAL_ERROR) -> None:
        """Give the connection up with a fatal alert of the owner's choice. Does nothing if it is over.

        Raises:
            ValueError: An alert is a number from 0 to 255.
        """
        if not 0 <= alert <= 255:
            raise ValueError(f"there is no alert {alert}")
        self._journal.advance(now)
        if not self.closed:
            self._association.fail(f"aborted with {alert_name(alert)}", alert, received=False, section=None)

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
            self._association.fail_by(error)
            return
        if self._association.state is ConnectionState.UNVERIFIED and self._context.identity.verified:
            self._association.step(Input.VERIFY)
            self._association.announce()

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
            # Records with a connection ID go the general way, and where one is agreed on there are no others.
            if self._association.state is ConnectionState.CONNECTED and not self._context.records.connection_id:
                opened: list[bytes] = []
                at = self._context.records.application_opener().open_application_data(batch, at, opened)
                self._association.deliver(opened)
                if at == len(batch):
                    return
            # [rfc5246:7.2.1/3] [rfc5764:7.3.1/3] [rfc9147:5.10/4] [rfc8446:6.1/2]
            if self.closed:
                self._journal.drop("connection_closed", len(batch) - at)
                return
            self._association.receive(batch[at])
            at += 1

    def handle_timeout(self, now: float) -> None:
        """Do what is due. Call it at or after `next_timeout`."""
        self._journal.advance(now)
        if self.closed or self._context.layer.handle_timeout(now):
            return
        self._association.fail("the peer does not answer", None, received=False, section="RFC 6347 section 4.2.4")

    # --- output

    def datagrams_to_send(self, now: float) -> list[bytes]:
        """Return what has to be sent now, in this order. Drain it after every other call."""
        self._journal.advance(now)
        return self._association.flush() if self._outbox.waiting else []

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
        if self._association.state is not ConnectionState.CONNECTED:
            # [rfc5246:7.3/3] [rfc8446:4.4.4/2]
            raise StateError(f"no data can be sent while {self._association.state.name}")
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
            ValueError: The label belongs to the protocol itself or is not ASCII, or the length is negative; in DTLS
                1.3 also if the label has more than 249 bytes or the length is more than 255 hashes of the suite.

        See :rfc:`5705#section-4` and, for the demand, :rfc:`7627#section-5.4`.
        """
        exporter = self._association.require_connected()[1]
        # [rfc7627:5.4/1] [rfc7627:5.4/2]
        if not exporter.extended:
            raise StateError("without the extended master secret nothing is exported")
        # [rfc5705:4/4]
        if label in RESERVED_LABELS or not label.isascii() or not label:
            raise ValueError(f"{label!r} is no label for an exporter")
        if length < 0 or (context is not None and len(context) > 0xFFFF):
            raise ValueError("a length out of range")
        return exporter.export(label, length, context)

    def srtp_keying_material(self) -> SrtpKeyingMaterial:
        """Return the SRTP keys of both directions.

        Raises:
            StateError: As `export_keying_material`; also if no SRTP profile was negotiated.

        See :rfc:`5764#section-4.2`.
        """
        profile = self._association.require_connected()[0].srtp_profile
        if profile is None:
            raise StateError("no SRTP profile was negotiated")
        is_client = self._association.role is Role.CLIENT
        return SrtpKeyingMaterial.export(SrtpProfile(profile), self.export_keying_material, is_client=is_client)

    def key_log_lines(self) -> list[str]:
        """Drain lines for an SSLKEYLOG file; only with `DtlsConfig.key_log`. Whoever has them can read everything."""
        lines = self._context.key_log
        self._context.key_log = []
        return lines

    def update_keys(self, now: float, *, ask_peer: bool = False) -> None:
        """Go over to new keys, and ask the peer to do the same if ``ask_peer``. Flush `datagrams_to_send` next.

        It happens by itself before a key has been used too often. Another update waits until the one before is done.

        Raises:
            StateError: There is no verified connection, or it is none of DTLS 1.3.

        See :rfc:`9147#section-8`.
        """
        # [rfc8446:4.6.3/1]
        self._association.require_connected()
        self._journal.advance(now)
        self._association.update_keys(ask_peer=ask_peer)

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
        return self._association.state

    @property
    def closed(self) -> bool:
        """Whether it is over, in order or not. A last alert may still have to be flushed."""
        return self._association.closed

    @property
    def role(self) -> Role:
        """Client or server."""
        return self._association.role

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
        return None if self._session is None else self._session.cipher_suite

    @property
    def record_overhead(self) -> int | None:
        """Bytes that one `send` is longer on the wire than its data, once the handshake is over."""
        # [rfc9147:4.4/1]
        return None if self._session is None else self._session.record_overhead

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
        return None if self._session is None else self._session.alpn_protocol

    @property
    def selected_srtp_profile(self) -> SrtpProfile | None:
        """The SRTP protection profile, if one was negotiated."""
        profile = None if self._session is None else self._session.srtp_profile
        return None if profile is None else SrtpProfile(profile)

    @property
    def extended_master_secret(self) -> bool | None:
        """Whether the master secret is bound to the handshake, once that is over."""
        return None if self._session is None else self._session.extended_master_secret

    @property
    def peer_certificates(self) -> tuple[bytes, ...]:
        """The peer's chain as raw DER, its own certificate first; empty until it arrived."""
        return self._context.identity.chain
