"""A peer of DTLS 1.3 that says other things than it means: a connection of ours whose messages are changed as they are composed.

What it says goes into its transcript, so that its signatures and Finished are those of a peer that meant it. Records are sealed under its keys
with `Puppet.seal`, and `stages` stops an honest handshake before each message.
"""

import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from unittest import mock

from tests.dtls.ends import Ends, certificate

from rtc_dtls import (
    ApplicationDataReceived,
    Certificate,
    ConnectionFailed,
    ConnectionState,
    DtlsConfig,
    DtlsConnection,
    HandshakeCompleted,
    Role,
    Version,
)
from rtc_dtls.handshake import HandshakeMessage
from rtc_dtls.handshake_layer import HandshakeLayer, MessageBody
from rtc_dtls.record import ContentType

CLIENT_HELLO, SERVER_HELLO, ENCRYPTED_EXTENSIONS, CERTIFICATE, CERTIFICATE_REQUEST = 1, 2, 8, 11, 13
CERTIFICATE_VERIFY, FINISHED, KEY_UPDATE, NEW_SESSION_TICKET = 15, 20, 24, 4

Tamper = Callable[[int, bytes], Sequence[tuple[int, bytes]]]
"""Type and body of a message, and what is said in its place: nothing, or any number of others."""

CLIENT, SERVER = (certificate(who=who) for who in ("client", "server"))


def honest(message_type: int, body: bytes) -> Sequence[tuple[int, bytes]]:
    """Say what is meant."""
    return ((message_type, body),)


def changing(wanted: int, change: Callable[[bytes], bytes]) -> Tamper:
    """Change the body of messages of one type."""
    return lambda kind, body: ((kind, change(body) if kind == wanted else body),)


def leaving_out(wanted: int) -> Tamper:
    """Leave out messages of one type."""
    return lambda kind, body: () if kind == wanted else ((kind, body),)


def doubling(wanted: int) -> Tamper:
    """Say messages of one type twice."""
    return lambda kind, body: ((kind, body),) * (2 if kind == wanted else 1)


class _Said:
    """Several messages that count as one, or none."""

    def __init__(self, messages: list[HandshakeMessage]) -> None:
        self._messages = messages

    def without_dtls_fields(self) -> bytes:
        return b"".join(message.without_dtls_fields() for message in self._messages)


@dataclass
class _Body:
    message_type: int
    content: bytes

    def __bytes__(self) -> bytes:
        return self.content


class Puppet:
    """The puppet and the subject that it faces, which is an honest connection in `role`."""

    def __init__(
        self,
        role: Role,
        tamper: Tamper = honest,
        *,
        subject: Mapping[str, object] | None = None,
        puppet: Mapping[str, object] | None = None,
        certificates: tuple[Certificate, Certificate] = (CLIENT, SERVER),
    ) -> None:
        mine, yours = certificates
        client = DtlsConfig(certificate=mine, remote_fingerprints=(yours.fingerprint(),), versions=(Version.DTLS_1_3,))
        server = DtlsConfig(certificate=yours, remote_fingerprints=(mine.fingerprint(),), versions=(Version.DTLS_1_3,))
        of_client, of_server = (subject, puppet) if role is Role.CLIENT else (puppet, subject)
        self.ends = Ends(replace(client, **(of_client or {})), replace(server, **(of_server or {})))  # type: ignore[arg-type]
        self.role = role
        self._tamper = tamper

    @property
    def subject(self) -> DtlsConnection:
        """The connection under test."""
        return self.ends.client if self.role is Role.CLIENT else self.ends.server

    @property
    def puppet(self) -> DtlsConnection:
        """The one that misbehaves."""
        return self.ends.server if self.role is Role.CLIENT else self.ends.client

    def connect(self) -> "Puppet":
        """Begin, and go as far as it goes."""
        with self.tampering():
            self.ends.connect()
        return self

    def tampering(self) -> "mock._patch[object]":
        """The block in which the puppet's messages are changed."""
        layer, tamper, genuine = self.puppet._context.layer, self._tamper, HandshakeLayer.compose

        def compose(which: HandshakeLayer, body: MessageBody) -> HandshakeMessage | _Said:
            if which is not layer:
                return genuine(which, body)
            said = [genuine(which, _Body(*each)) for each in tamper(body.message_type, bytes(body))]  # type: ignore[arg-type]
            return said[0] if len(said) == 1 else _Said(said)

        return mock.patch.object(HandshakeLayer, "compose", compose)

    # --- what became of it

    @property
    def failure(self) -> ConnectionFailed | None:
        """How the subject failed."""
        failed = self.ends.seen(self.role, ConnectionFailed)
        return failed[0] if failed and isinstance(failed[0], ConnectionFailed) else None

    @property
    def alert(self) -> int | None:
        """The alert that the subject ended with by itself; None if it lives, or the puppet gave up first."""
        return self.failure.alert if self.failure is not None and not self.failure.received else None

    @property
    def is_connected(self) -> bool:
        """Whether the subject ever took the handshake for complete."""
        return bool(self.ends.seen(self.role, HandshakeCompleted))

    @property
    def received(self) -> list[bytes]:
        """Data that the subject handed over."""
        return [
            event.data
            for event in self.ends.seen(self.role, ApplicationDataReceived)
            if isinstance(event, ApplicationDataReceived)
        ]

    @property
    def dropped(self) -> dict[str, int]:
        """What the subject threw away."""
        return self.subject.stats.dropped

    # --- records

    def seal(self, content_type: int, content: bytes, epoch: int | None = None) -> bytes:
        """A record of the puppet, in its present epoch if no other is named."""
        records = self.puppet._context.records
        return records.seal(ContentType(content_type), content, records.write_epoch if epoch is None else epoch)

    def deliver(self, *datagrams: bytes) -> "Puppet":
        """Hand datagrams to the subject, and carry what follows from it."""
        self.subject.receive_datagrams(datagrams, self.ends.now)
        self.ends.carry()
        return self

    def talk(self) -> bool:
        """Whether data still pass to the subject."""
        before = len(self.received)
        self.puppet.send(b"still here")
        self.ends.carry()
        return self.received[before:] == [b"still here"]


@dataclass
class Stage:
    """An honest handshake, stopped before the subject gets a message."""

    name: str
    state: bytes
    message: HandshakeMessage

    def feed(self, *messages: HandshakeMessage) -> Puppet:
        """Give a copy of the subject other messages, one record each, and see what becomes of it."""
        puppet: Puppet = pickle.loads(self.state)
        for message in messages:
            record = puppet.puppet._context.records.seal(ContentType.HANDSHAKE, bytes(message), message.epoch)
            puppet.subject.receive_datagram(record, puppet.ends.now)
        puppet.ends.events[puppet.role] += puppet.subject.events()
        return puppet

    def changed(self, body: bytes) -> HandshakeMessage:
        """The message with another body."""
        return HandshakeMessage(self.message.message_type, self.message.message_seq, body, self.message.epoch)


NAMES = {
    CLIENT_HELLO: "client hello",
    SERVER_HELLO: "server hello",
    ENCRYPTED_EXTENSIONS: "encrypted extensions",
    CERTIFICATE: "certificate",
    CERTIFICATE_REQUEST: "certificate request",
    CERTIFICATE_VERIFY: "proof",
    FINISHED: "finished",
    KEY_UPDATE: "key update",
}


def stages(role: Role) -> Iterator[Stage]:
    """The subject before each message of the handshake, and before a KeyUpdate."""
    puppet = Puppet(role)
    puppet.ends.client.start(0.0)
    if role is Role.CLIENT:
        puppet.puppet.receive_datagrams(puppet.subject.datagrams_to_send(0.0), 0.0)
    while puppet.subject.state is not ConnectionState.CONNECTED:
        datagrams = puppet.puppet.datagrams_to_send(0.0)
        flight = [item for item in puppet.puppet._context.layer._flight if isinstance(item, HandshakeMessage)]
        assert datagrams
        assert flight
        for message in flight:
            yield Stage(NAMES[message.message_type], pickle.dumps(puppet), message)
            record = puppet.puppet._context.records.seal(ContentType.HANDSHAKE, bytes(message), message.epoch)
            puppet.subject.receive_datagram(record, 0.0)
        puppet.puppet.receive_datagrams(puppet.subject.datagrams_to_send(0.0), 0.0)
    puppet.ends.carry()
    number = puppet.puppet._context.layer._next_send_seq
    yield Stage("key update", pickle.dumps(puppet), HandshakeMessage(KEY_UPDATE, number, b"\0", 3))


EACH_STAGE = [(role, stage.name) for role in Role for stage in stages(role)]


def stage(role: Role, name: str) -> Stage:
    """One of them."""
    return next(each for each in stages(role) if each.name == name)


def is_connected_state(puppet: Puppet) -> bool:
    """Whether the subject takes itself for connected."""
    return puppet.subject.state is ConnectionState.CONNECTED
