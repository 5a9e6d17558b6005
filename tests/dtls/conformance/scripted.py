"""Peers that a test plays by hand, one message at a time, and that may deviate wherever the test wants.

`ScriptedClient` faces a server under test, `ScriptedServer` a client. Left alone (`shake()`) they complete an honest
handshake; a test calls the steps itself, leaves some out, repeats others, or changes what they send by keyword. What the
subject answers is opened, reassembled and kept: `records` as they arrived, `messages` whole and in order, `alerts`.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol, Self

from tests.dtls.conformance import wire
from tests.dtls.conformance.keys import (
    ECDHE_ECDSA_AES_128_GCM_SHA256,
    ECDSA_SHA256,
    P256,
    RSA_PKCS1_SHA256,
    SUITES,
    X25519,
    Ephemeral,
    Identity,
    Protection,
    digest,
    identity,
    prf,
    protections,
    verify,
)
from tests.dtls.conformance.wire import (
    ClientHello,
    Fragment,
    Message,
    Record,
    ServerHello,
    ServerKeyExchange,
    vector,
    words,
)

if TYPE_CHECKING:
    from typing_extensions import override
else:

    def override(method):  # typing has it from Python 3.12 on
        return method


class Subject(Protocol):
    """What the scripted peers need of the machine under test."""

    def receive_datagram(self, datagram: bytes, now: float) -> None: ...
    def handle_timeout(self, now: float) -> None: ...
    def datagrams_to_send(self, now: float) -> list[bytes]: ...
    def next_timeout(self) -> float | None: ...
    @property
    def closed(self) -> bool: ...


class ScriptedPeer:
    """What both roles share: records, sequence numbers, transcript, keys."""

    is_client: bool

    def __init__(self, subject: Subject, *, who: Identity | None = None, seed: str = "scripted") -> None:
        self.subject = subject
        self.now = 0.0
        self.who = who or identity()
        self.random = hashlib.sha256(seed.encode()).digest()
        self.datagrams: list[bytes] = []
        self.records: list[Record] = []
        """Everything the subject sent; what our keys open is opened."""
        self.sealed: list[Record] = []
        """The same as it came, for a look at nonces."""
        self.messages: list[Message] = []
        self.transcript = b""
        self.epoch = 0
        self.sequences = {0: 0, 1: 0}
        self.message_seq = 0
        self.expected_seq = 0
        self.write: Protection | None = None
        self.read: Protection | None = None
        self.premaster = self.master = b""
        self.secrets: list[bytes] = []
        """The keys of both directions."""
        self.client_random = b""
        self.server_random = b""
        self.suite = ECDHE_ECDSA_AES_128_GCM_SHA256
        self.ephemeral: Ephemeral | None = None
        self.peer_certificates: list[bytes] = []
        self.extended = False
        self._fragments: dict[int, dict[int, Fragment]] = {}

    # --- what the subject says ---

    def pump(self) -> None:
        """Drain the subject's output."""
        for datagram in self.subject.datagrams_to_send(self.now):
            self.datagrams.append(datagram)
            for record in wire.parse_records(datagram):
                self._take(record)

    def _take(self, record: Record) -> None:
        self.sealed.append(record)
        if record.epoch:
            assert self.read is not None, "the subject encrypted before there were keys"
            record = self.read.open(record)
        self.records.append(record)
        if record.content_type == wire.HANDSHAKE:
            for fragment in wire.parse_fragments(record.fragment):
                self._reassemble(fragment)

    def _reassemble(self, fragment: Fragment) -> None:
        self._fragments.setdefault(fragment.message_seq, {})[fragment.offset] = fragment
        while pieces := self._fragments.get(self.expected_seq):
            body = b""
            while piece := pieces.get(len(body)):
                body += piece.data
                if not piece.data:
                    break
            first = next(iter(pieces.values()))
            if len(body) != first.length:
                return
            message = Message(first.msg_type, first.message_seq, body)
            self.expected_seq += 1
            self.messages.append(message)
            self.heard(message)

    def heard(self, message: Message) -> None:
        """A whole message arrived, in order."""
        self.transcript += message.serialize()

    @property
    def alerts(self) -> list[tuple[int, int]]:
        """Level and description of every alert."""
        return [
            (record.fragment[0], record.fragment[1]) for record in self.records if record.content_type == wire.ALERT
        ]

    @property
    def fatal(self) -> int | None:
        """The description of the subject's fatal alert."""
        return next((description for level, description in self.alerts if level == 2), None)

    @property
    def data(self) -> list[bytes]:
        """Application data that arrived."""
        return [record.fragment for record in self.records if record.content_type == wire.APPLICATION_DATA]

    def last(self, msg_type: int) -> Message:
        """The latest message of a type."""
        return [message for message in self.messages if message.msg_type == msg_type][-1]

    def got(self, msg_type: int) -> bool:
        return any(message.msg_type == msg_type for message in self.messages)

    def forget(self) -> None:
        """Begin a new list of what the subject sent; handshake state stays."""
        self.datagrams.clear()
        self.records.clear()
        self.sealed.clear()

    # --- time ---

    def expire(self) -> None:
        """Let the subject's timer run out."""
        at = self.subject.next_timeout()
        assert at is not None, "the subject waits for nothing"
        self.now = max(self.now, at)
        self.subject.handle_timeout(self.now)
        self.pump()

    # --- what we say ---

    def record(
        self,
        content_type: int,
        fragment: bytes,
        *,
        epoch: int | None = None,
        sequence: int | None = None,
        version: int = wire.DTLS_1_2,
        protect: bool = True,
    ) -> Record:
        """The next record, sealed if its epoch has keys."""
        epoch = self.epoch if epoch is None else epoch
        if sequence is None:
            sequence = self.sequences.setdefault(epoch, 0)
            self.sequences[epoch] += 1
        record = Record(content_type, fragment, epoch, sequence, version)
        if epoch and protect and self.write is not None:
            return self.write.seal(record)
        return record

    def deliver(self, *datagrams: bytes) -> None:
        """Hand over raw datagrams and read the answers."""
        for datagram in datagrams:
            self.subject.receive_datagram(datagram, self.now)
        self.pump()

    def send(self, *records: Record) -> bytes:
        """Deliver records in one datagram; returns it, for a repetition."""
        datagram = b"".join(record.serialize() for record in records)
        self.deliver(datagram)
        return datagram

    def message(self, msg_type: int, body: bytes, *, seq: int | None = None, transcript: bool = True) -> Message:
        """Number the next message and enter it into the transcript."""
        if seq is None:
            seq = self.message_seq
            self.message_seq += 1
        message = Message(msg_type, seq, body)
        if transcript:
            self.transcript += message.serialize()
        return message

    def say(self, *messages: Message, epoch: int | None = None) -> bytes:
        """Send whole messages, one record each, in one datagram."""
        return self.send(*[self.record(wire.HANDSHAKE, message.serialize(), epoch=epoch) for message in messages])

    def change_cipher_spec(self, fragment: bytes = b"\x01") -> Record:
        """The ChangeCipherSpec record; our epoch advances."""
        record = self.record(wire.CHANGE_CIPHER_SPEC, fragment, epoch=0)
        self.epoch = 1
        return record

    def finished(self, *, label: bytes | None = None, verify_data: bytes | None = None) -> Message:
        """Our Finished message."""
        if label is None:
            label = b"client finished" if self.is_client else b"server finished"
        if verify_data is None:
            verify_data = self.verify_data(label)
        return self.message(wire.FINISHED, verify_data)

    def verify_data(self, label: bytes) -> bytes:
        """The Finished value over the transcript so far."""
        name = SUITES[self.suite].hash_name
        return prf(name, self.master, label, digest(name, self.transcript), 12)

    def send_data(self, data: bytes, *, epoch: int | None = None, sequence: int | None = None) -> bytes:
        """Application data in a record of its own."""
        return self.send(self.record(wire.APPLICATION_DATA, data, epoch=epoch, sequence=sequence))

    def send_alert(self, level: int, description: int, *, epoch: int | None = None) -> bytes:
        return self.send(self.record(wire.ALERT, bytes([level, description]), epoch=epoch))

    def derive(self, premaster: bytes) -> None:
        """Master secret and keys; the transcript ends with ClientKeyExchange."""
        name = SUITES[self.suite].hash_name
        if self.extended:
            label, seed = b"extended master secret", digest(name, self.transcript)
        else:
            label, seed = b"master secret", self.client_random + self.server_random
        self.master = prf(name, premaster, label, seed, 48)
        self.premaster = premaster
        client, server = protections(SUITES[self.suite], self.master, self.client_random, self.server_random)
        self.secrets = [client.key, server.key]
        self.write, self.read = (client, server) if self.is_client else (server, client)

    def finish(self) -> None:
        """ChangeCipherSpec and Finished in one datagram."""
        records = [self.change_cipher_spec()]
        records.append(self.record(wire.HANDSHAKE, self.finished().serialize()))
        self.send(*records)

    def open(self) -> None:
        """Begin: read or send the ClientHello."""
        raise NotImplementedError

    def flight(self) -> list[Message]:
        """What an honest peer says between `open` and `finish`."""
        raise NotImplementedError

    def shake(self) -> Self:
        """An honest handshake."""
        self.open()
        self.say(*self.flight())
        self.finish()
        assert self.got(wire.FINISHED), "the subject did not finish"
        return self

    def certificate(self, chain: Sequence[bytes] | None = None) -> Message:
        """Our Certificate message."""
        return self.message(wire.CERTIFICATE, wire.certificate_body([self.who.certificate] if chain is None else chain))


class ScriptedClient(ScriptedPeer):
    """Plays the client against a server under test."""

    is_client = True

    def __init__(self, subject: Subject, *, who: Identity | None = None, seed: str = "client") -> None:
        super().__init__(subject, who=who, seed=seed)
        self.client_random = self.random

    def hello(self, **changes: object) -> ClientHello:
        """What an honest client offers, with some fields replaced."""
        kind = SUITES[self.suite].certificate
        hello = ClientHello(self.random, [self.suite], self.extensions(kind))
        return replace(hello, **changes)  # type: ignore[arg-type]

    def extensions(self, kind: str = "ecdsa", **replaced: bytes | None) -> list[tuple[int, bytes]]:
        """The honest extensions; a keyword replaces the data of one, None leaves it out."""
        honest = {
            "groups": (wire.SUPPORTED_GROUPS, vector(2, words([X25519, P256]))),
            "point_formats": (wire.EC_POINT_FORMATS, b"\x01\x00"),
            "signature_algorithms": (wire.SIGNATURE_ALGORITHMS, vector(2, words([ECDSA_SHA256, RSA_PKCS1_SHA256]))),
            "use_srtp": (wire.USE_SRTP, vector(2, words([7, 1])) + b"\x00"),
            "extended_master_secret": (wire.EXTENDED_MASTER_SECRET, b""),
            "renegotiation_info": (wire.RENEGOTIATION_INFO, b"\x00"),
        }
        chosen = []
        for name, (code, data) in honest.items():
            value = replaced.get(name, data)
            if value is not None:
                chosen.append((code, value))
        return chosen

    def send_hello(
        self, hello: ClientHello | None = None, *, answer_cookie: bool = True, size: int | None = None
    ) -> ClientHello:
        """Send a ClientHello, and once more with the cookie if one is asked for."""
        hello = hello or self.hello()
        self.transcript = b""
        message = self.message(wire.CLIENT_HELLO, hello.serialize())
        self._send_cut(message, size)
        if answer_cookie and self.messages and self.messages[-1].msg_type == wire.HELLO_VERIFY_REQUEST:
            reader = wire.Reader(self.messages[-1].body)
            reader.number(2)
            hello = replace(hello, cookie=reader.vector(1))
            self.transcript = b""
            self._send_cut(self.message(wire.CLIENT_HELLO, hello.serialize()), size)
        return hello

    def _send_cut(self, message: Message, size: int | None) -> None:
        if size is None:
            self.say(message)
        else:
            for fragment in message.cut(size):
                self.send(self.record(wire.HANDSHAKE, fragment.serialize()))

    @override
    def heard(self, message: Message) -> None:
        if message.msg_type == wire.HELLO_VERIFY_REQUEST:
            return
        if message.msg_type == wire.FINISHED:
            assert message.body == self.verify_data(b"server finished"), "the subject's Finished is wrong"
        super().heard(message)
        if message.msg_type == wire.SERVER_HELLO:
            self.chosen = ServerHello.parse(message.body)
            self.server_random = self.chosen.random
            self.suite = self.chosen.cipher_suite
            codes = [code for code, _ in self.chosen.extensions or []]
            self.extended = wire.EXTENDED_MASTER_SECRET in codes
        elif message.msg_type == wire.CERTIFICATE:
            self.peer_certificates = wire.parse_certificates(message.body)
        elif message.msg_type == wire.SERVER_KEY_EXCHANGE:
            self.server_key_exchange = ServerKeyExchange.parse(message.body)
            exchange = self.server_key_exchange
            signed = self.client_random + self.server_random + exchange.parameters
            verify(self.peer_certificates[0], exchange.algorithm, exchange.signature, signed)

    def key_exchange(self, *, point: bytes | None = None) -> Message:
        """ClientKeyExchange; derives the keys."""
        ephemeral = Ephemeral(self.server_key_exchange.group)
        message = self.message(wire.CLIENT_KEY_EXCHANGE, vector(1, ephemeral.point if point is None else point))
        self.derive(ephemeral.exchange(self.server_key_exchange.point))
        return message

    def certificate_verify(
        self,
        *,
        algorithm: int | None = None,
        signature: bytes | None = None,
        signer: Identity | None = None,
        claimed: int | None = None,
    ) -> Message:
        """CertificateVerify; `claimed` is the algorithm that is named instead of the one used."""
        algorithm = algorithm or self.who.algorithm
        if signature is None:
            signature = (signer or self.who).sign(algorithm, self.transcript)
        body = (algorithm if claimed is None else claimed).to_bytes(2, "big") + vector(2, signature)
        return self.message(wire.CERTIFICATE_VERIFY, body)

    @override
    def open(self) -> None:
        self.send_hello()

    @override
    def flight(self) -> list[Message]:
        if self.got(wire.CERTIFICATE_REQUEST):
            return [self.certificate(), self.key_exchange(), self.certificate_verify()]
        return [self.key_exchange()]

    def answer(self) -> None:
        """The whole second flight and the end."""
        self.say(*self.flight())
        self.finish()


class ScriptedServer(ScriptedPeer):
    """Plays the server against a client under test; the subject must have been started."""

    is_client = False

    def __init__(self, subject: Subject, *, who: Identity | None = None, seed: str = "server") -> None:
        super().__init__(subject, who=who, seed=seed)
        self.server_random = self.random
        self.hellos: list[ClientHello] = []

    @override
    def heard(self, message: Message) -> None:
        if message.msg_type == wire.CLIENT_HELLO:
            self.client_hello = ClientHello.parse(message.body)
            self.hellos.append(self.client_hello)
            self.client_random = self.client_hello.random
            self.transcript = b""
        if message.msg_type == wire.FINISHED:
            assert message.body == self.verify_data(b"client finished"), "the subject's Finished is wrong"
        if message.msg_type == wire.CERTIFICATE_VERIFY:
            reader = wire.Reader(message.body)
            algorithm, signature = reader.number(2), reader.vector(2)
            verify(self.peer_certificates[0], algorithm, signature, self.transcript)
            self.client_algorithm = algorithm
        super().heard(message)
        if message.msg_type == wire.CERTIFICATE:
            self.peer_certificates = wire.parse_certificates(message.body)
        if message.msg_type == wire.CLIENT_KEY_EXCHANGE and self.ephemeral is not None:
            self.derive(self.ephemeral.exchange(wire.Reader(message.body).vector(1)))

    @property
    def offered(self) -> dict[int, bytes]:
        """The extensions of the ClientHello."""
        return dict(self.client_hello.extensions or [])

    def verify_request(self, cookie: bytes = b"cookie", *, version: int = wire.DTLS_1_0) -> Message:
        """HelloVerifyRequest; not part of the transcript."""
        return self.message(
            wire.HELLO_VERIFY_REQUEST, wire.hello_verify_request_body(cookie, version), transcript=False
        )

    def server_hello(self, **changes: object) -> Message:
        """ServerHello with some fields replaced."""
        hello = ServerHello(self.server_random, self.suite, self.extensions())
        hello = replace(hello, **changes)  # type: ignore[arg-type]
        self.suite = hello.cipher_suite if hello.cipher_suite in SUITES else self.suite
        self.extended = wire.EXTENDED_MASTER_SECRET in [code for code, _ in hello.extensions or []]
        return self.message(wire.SERVER_HELLO, hello.serialize())

    def extensions(self, **replaced: bytes | None) -> list[tuple[int, bytes]]:
        """The honest extensions; a keyword replaces the data of one, None leaves it out."""
        honest = {
            "point_formats": (wire.EC_POINT_FORMATS, b"\x01\x00"),
            "use_srtp": (wire.USE_SRTP, vector(2, words([1])) + b"\x00"),
            "extended_master_secret": (wire.EXTENDED_MASTER_SECRET, b""),
            "renegotiation_info": (wire.RENEGOTIATION_INFO, b"\x00"),
        }
        chosen = []
        for name, (code, data) in honest.items():
            value = replaced.get(name, data)
            if value is not None and code in self.offered:
                chosen.append((code, value))
        return chosen

    def key_exchange(
        self,
        *,
        group: int = X25519,
        parameters: bytes | None = None,
        algorithm: int | None = None,
        signature: bytes | None = None,
        signer: Identity | None = None,
        claimed: int | None = None,
    ) -> Message:
        """ServerKeyExchange; every part may be replaced."""
        self.ephemeral = Ephemeral(group)
        parameters = self.ephemeral.parameters if parameters is None else parameters
        algorithm = algorithm or self.who.algorithm
        if signature is None:
            signature = (signer or self.who).sign(algorithm, self.client_random + self.server_random + parameters)
        exchange = ServerKeyExchange(parameters, algorithm if claimed is None else claimed, signature)
        return self.message(wire.SERVER_KEY_EXCHANGE, exchange.serialize())

    def certificate_request(
        self, algorithms: Iterable[int] = (ECDSA_SHA256, RSA_PKCS1_SHA256), types: bytes = b"\x40\x01"
    ) -> Message:
        return self.message(wire.CERTIFICATE_REQUEST, wire.certificate_request_body(types, list(algorithms)))

    def hello_done(self) -> Message:
        return self.message(wire.SERVER_HELLO_DONE, b"")

    @override
    def flight(self, *, request: bool = True, **hello: object) -> list[Message]:
        """ServerHello to ServerHelloDone."""
        messages = [self.server_hello(**hello), self.certificate(), self.key_exchange()]
        if request:
            messages.append(self.certificate_request())
        return [*messages, self.hello_done()]

    @override
    def open(self) -> None:
        self.begin()

    def begin(self) -> Self:
        """Read the subject's ClientHello."""
        self.pump()
        assert self.got(wire.CLIENT_HELLO), "the subject sent no ClientHello"
        return self
