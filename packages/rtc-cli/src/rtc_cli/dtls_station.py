"""One UDP socket of `rtc dtls` with the connections on it, and what is said about them."""

import asyncio
import os
import time
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, assert_never

from rtc_dtls import (
    AlertDescription,
    ApplicationDataReceived,
    BufferFullError,
    Certificate,
    CertificateKind,
    ConnectionClosed,
    ConnectionFailed,
    DtlsConfig,
    DtlsConnection,
    Event,
    Fingerprint,
    HandshakeCompleted,
    PeerCertificateReceived,
    Role,
    StateError,
)

from .dtls_facts import certificate_facts, connection_facts, describe, describe_certificate
from .errors import CommandError, reason
from .keyboard import a_person_types, lines
from .negotiated import endpoint
from .report import Report

MAX_PEERS: Final = 64
"""Clients that a server talks to at the same time."""
LINGER: Final = 0.5
"""Seconds for which an answer is waited for after the end of a pipe."""
_SECRET_LENGTH: Final = 32
_NO_CERTIFICATE: Final = "the client shows no certificate"
"""Why a server of rtc_dtls gives up if it asks for one and gets none."""

Peer = tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line chose."""

    host: str
    port: int
    config: DtlsConfig
    """Without certificate and fingerprints."""
    certificate: Path | None
    """PEM with certificate and private key; None to make one."""
    kind: CertificateKind
    """Of the certificate that is made."""
    fingerprints: tuple[Fingerprint, ...]
    """What the peer's certificate must match; none of them: any is taken, and shown."""
    timeout: float
    """Seconds that a handshake may take."""
    cookies: bool = False
    """As a server, ask for cookies first."""
    export: tuple[str, int] | None = None
    """Label and length of keying material to show."""
    key_log: Path | None = None
    verbose: bool = False
    once: bool = False
    """As a server, end with the first connection."""


class Conversation:
    """One connection."""

    __slots__ = ("began", "connection", "deadline", "ended", "peer")

    def __init__(self, peer: Peer, connection: DtlsConnection, began: float, deadline: float | None) -> None:
        self.peer = peer
        self.connection = connection
        self.began = began
        self.deadline = deadline
        """When the handshake has to be over; None once it is."""
        self.ended = False


class Station(asyncio.DatagramProtocol):
    """Moves datagrams and time, and reports.

    Raises:
        CommandError: The certificate cannot be read.
    """

    def __init__(self, options: Options, role: Role, report: Report) -> None:
        self._options = options
        self._role = role
        self._report = report
        self._conversations: dict[Peer, Conversation] = {}
        self._transport: asyncio.DatagramTransport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._connected = False
        self._began = time.monotonic()
        self.certificate = _certificate(options)
        self._config = replace(
            options.config,
            certificate=self.certificate,
            remote_fingerprints=options.fingerprints or None,
            cookie_secrets=(os.urandom(_SECRET_LENGTH),) if role is Role.SERVER and options.cookies else (),
            key_log=options.key_log is not None,
        )
        self.settled = asyncio.Event()
        """Set when a handshake is over, well or not."""
        self.first_ended = asyncio.Event()
        self.failure: str | None = None
        """Why a connection failed, the last one that did."""

    # --- the socket

    async def open(self, *, local: Peer | None = None, remote: Peer | None = None) -> int:
        """Open the socket and return its port.

        Raises:
            CommandError: The address cannot be bound.
        """
        loop = asyncio.get_running_loop()
        try:
            self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=local, remote_addr=remote)
        except OSError as error:
            where = endpoint(*(local or remote or ("", 0)))
            raise CommandError(f"{where} cannot be used: {reason(error)}") from error
        self._connected = remote is not None
        port: int = self._transport.get_extra_info("sockname")[1]
        return port

    def datagram_received(self, data: bytes, addr: tuple[str | int, ...]) -> None:
        """Hand a datagram to its connection; a server makes one for a stranger."""
        peer = (str(addr[0]), int(addr[1]))
        conversation = self._conversations.get(peer)
        if conversation is None:
            if self._role is Role.CLIENT or len(self._conversations) >= MAX_PEERS:
                return
            conversation = self._begin(peer)
        conversation.connection.receive_datagram(data, time.monotonic())
        self._drain(conversation)

    def error_received(self, exc: Exception) -> None:
        """Tell that nobody listens there; it may yet."""
        self._report.say("unreachable", reason(exc))

    def close(self) -> None:
        """Say goodbye to every peer, and close the socket."""
        for conversation in list(self._conversations.values()):
            conversation.connection.close(time.monotonic())
            self._drain(conversation)
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is not None:
            self._transport.close()

    # --- connections

    def connect(self, peer: Peer) -> None:
        """As a client, begin the handshake."""
        conversation = self._begin(peer)
        conversation.connection.start(time.monotonic())
        self._drain(conversation)

    async def send_lines(self, *, forever: bool = False) -> None:
        """Send what is typed, a line in a record, to every peer, until the end of the input, or beyond it."""
        async with aclosing(lines()) as typed:
            async for line in typed:
                for conversation in list(self._conversations.values()):
                    self._send(conversation, line)
        if forever:
            await asyncio.Event().wait()
        if not a_person_types():
            await asyncio.sleep(LINGER)

    def _send(self, conversation: Conversation, line: str) -> None:
        try:
            conversation.connection.send(f"{line}\n".encode())
        except (StateError, BufferFullError, ValueError) as error:
            self._report.say("error", f"not sent to {endpoint(*conversation.peer)}: {error}")
        self._drain(conversation)

    def _begin(self, peer: Peer) -> Conversation:
        now = time.monotonic()
        connection = DtlsConnection(
            role=self._role,
            config=self._config,
            rng=os.urandom,
            peer_address=repr(peer).encode(),
            trace=self._trace if self._options.verbose else None,
        )
        conversation = self._conversations[peer] = Conversation(peer, connection, now, now + self._options.timeout)
        return conversation

    def _drain(self, conversation: Conversation) -> None:
        """Send, tell what happened, and wait for what is next."""
        now = time.monotonic()
        connection = conversation.connection
        while events := connection.events():  # to trust a certificate may complete the handshake
            for event in events:
                self._tell(conversation, event, now)
        for datagram in connection.datagrams_to_send(now):
            if self._transport is not None:
                self._transport.sendto(datagram, None if self._connected else conversation.peer)
        self._log_keys(connection)
        if connection.closed:
            self._conversations.pop(conversation.peer, None)
            self.settled.set()
            self.first_ended.set()
        self._schedule()

    def _schedule(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = [
            at
            for each in self._conversations.values()
            for at in (each.connection.next_timeout(), each.deadline)
            if at is not None
        ]
        if due:
            delay = max(0.0, min(due) - time.monotonic())
            self._timer = asyncio.get_running_loop().call_later(delay, self._expired)

    def _expired(self) -> None:
        now = time.monotonic()
        for conversation in list(self._conversations.values()):
            if conversation.deadline is not None and now >= conversation.deadline:
                conversation.deadline = None
                self._fail(conversation, f"no handshake within {self._options.timeout:g} seconds")
                conversation.connection.abort(now, AlertDescription.USER_CANCELED)
            else:
                conversation.connection.handle_timeout(now)
            self._drain(conversation)
        self._schedule()

    # --- what is said

    def _tell(self, conversation: Conversation, event: Event, now: float) -> None:
        ms = round((now - conversation.began) * 1000, 1)
        peer = endpoint(*conversation.peer)
        match event:
            case PeerCertificateReceived(chain=chain):
                facts = certificate_facts(chain[0])
                self._report.say(
                    "certificate", describe_certificate(facts), peer=peer, ms=ms, chain_length=len(chain), **facts
                )
                if not self._options.fingerprints:
                    conversation.connection.set_remote_fingerprints((Fingerprint.of(chain[0]),), now)
            case HandshakeCompleted():
                conversation.deadline = None
                self.settled.set()
                self._tell_connected(conversation, peer, ms)
            case ApplicationDataReceived(data=data):
                self._report.say("received", data.decode(errors="replace").rstrip("\r\n"), peer=peer, length=len(data))
            case ConnectionClosed(by_peer=by_peer):
                if not conversation.ended:
                    facts = connection_facts(conversation.connection)
                    self._report.say("closed", "by the peer" if by_peer else "by us", peer=peer, ms=ms, **facts)
                conversation.ended = True
            case ConnectionFailed():
                if not conversation.ended:
                    said = f"{event.reason} ({event.section})" if event.section else event.reason
                    if event.reason == _NO_CERTIFICATE and not event.received:
                        said += "; with --no-client-certificate it need not"
                    self._fail(conversation, said, alert=event.alert, received=event.received, section=event.section)
            case _:
                assert_never(event)

    def _tell_connected(self, conversation: Conversation, peer: str, ms: float) -> None:
        connection = conversation.connection
        verified = bool(self._options.fingerprints)
        facts = connection_facts(connection)
        self._report.say("connected", describe(facts, ms), peer=peer, ms=ms, verified=verified, **facts)
        if not verified:
            self._report.say("unverified", "the peer was not checked: no --fingerprint was given", peer=peer)
        if self._options.export is not None:
            label, length = self._options.export
            try:
                exported = connection.export_keying_material(label, length).hex()
            except (StateError, ValueError) as error:
                self._report.say("error", f"nothing was exported: {error}", peer=peer)
            else:
                self._report.say("exported", f"{label}: {exported}", peer=peer, label=label, keying_material=exported)

    def _fail(self, conversation: Conversation, why: str, **details: object) -> None:
        conversation.ended = True
        self.failure = why
        facts = connection_facts(conversation.connection)
        self._report.say("failed", why, peer=endpoint(*conversation.peer), **details, **facts)

    def _trace(self, now: float, name: str, details: Mapping[str, object]) -> None:
        ms = round((now - self._began) * 1000, 1)
        what = " ".join(f"{key}={value}" for key, value in details.items())
        self._report.say(
            "trace", f"{ms} ms {name.removeprefix('dtls:')} {what}", name=name, ms=ms, details=dict(details)
        )

    def _log_keys(self, connection: DtlsConnection) -> None:
        found = connection.key_log_lines()
        if found and self._options.key_log is not None:
            try:
                with open(self._options.key_log, "a", encoding="ascii", opener=_private) as file:
                    file.writelines(f"{line}\n" for line in found)
            except OSError as error:
                self._report.say("error", f"keys cannot be written to {self._options.key_log}: {reason(error)}")


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _certificate(options: Options) -> Certificate:
    if options.certificate is None:
        return Certificate.generate(rng=os.urandom, wall_clock=datetime.now(UTC), kind=options.kind)
    try:
        return Certificate.from_pem(options.certificate.read_bytes())
    except (OSError, ValueError) as error:
        raise CommandError(f"{options.certificate} cannot be used: {reason(error)}") from error
