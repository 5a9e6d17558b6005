"""DTLS 1.2 on the wire, written a second time from RFC 6347 and RFC 5246 and independent of `rtc_dtls`.

A test that speaks with the codecs it tests cannot see a mistake that both directions share; this module can. It also
writes what no honest codec would: every length, number and order is the test's to choose.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

DTLS_1_0 = 0xFEFF
DTLS_1_2 = 0xFEFD

CHANGE_CIPHER_SPEC = 20
ALERT = 21
HANDSHAKE = 22
APPLICATION_DATA = 23

HELLO_REQUEST = 0
CLIENT_HELLO = 1
SERVER_HELLO = 2
HELLO_VERIFY_REQUEST = 3
CERTIFICATE = 11
SERVER_KEY_EXCHANGE = 12
CERTIFICATE_REQUEST = 13
SERVER_HELLO_DONE = 14
CERTIFICATE_VERIFY = 15
CLIENT_KEY_EXCHANGE = 16
FINISHED = 20

SUPPORTED_GROUPS = 10
EC_POINT_FORMATS = 11
SIGNATURE_ALGORITHMS = 13
USE_SRTP = 14
ALPN = 16
EXTENDED_MASTER_SECRET = 23
RENEGOTIATION_INFO = 0xFF01

Extensions = Sequence[tuple[int, bytes]]


def vector(length_bytes: int, data: bytes) -> bytes:
    """`data` behind its length."""
    return len(data).to_bytes(length_bytes, "big") + data


def words(values: Sequence[int]) -> bytes:
    """16-bit numbers, one after the other."""
    return b"".join(value.to_bytes(2, "big") for value in values)


class Reader:
    """Takes a message apart; fails loudly, for what the subject sends has to be right."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, length: int) -> bytes:
        assert self._at + length <= len(self._data), "the subject sent a message that is cut off"
        self._at += length
        return self._data[self._at - length : self._at]

    def number(self, length: int) -> int:
        return int.from_bytes(self.take(length), "big")

    def vector(self, length_bytes: int) -> bytes:
        return self.take(self.number(length_bytes))

    @property
    def rest(self) -> bytes:
        return self.take(len(self._data) - self._at)

    def end(self) -> None:
        assert self._at == len(self._data), "the subject sent bytes behind the end of a message"


def split_words(data: bytes) -> list[int]:
    assert len(data) % 2 == 0
    return [value for (value,) in struct.iter_unpack("!H", data)]


# --- records ---


@dataclass(frozen=True)
class Record:
    """One record; `fragment` is what stands on the wire, sealed or not."""

    content_type: int
    fragment: bytes
    epoch: int = 0
    sequence: int = 0
    version: int = DTLS_1_2
    length: int | None = None
    """The length field when it shall lie."""

    def serialize(self) -> bytes:
        length = len(self.fragment) if self.length is None else self.length
        head = struct.pack(
            "!BHHHIH",
            self.content_type,
            self.version,
            self.epoch,
            self.sequence >> 32,
            self.sequence & 0xFFFF_FFFF,
            length,
        )
        return head + self.fragment

    @property
    def nonce_number(self) -> bytes:
        """Epoch and sequence number as one 64-bit number."""
        return (self.epoch << 48 | self.sequence).to_bytes(8, "big")

    def with_fragment(self, fragment: bytes) -> "Record":
        return replace(self, fragment=fragment)


def parse_records(datagram: bytes) -> list[Record]:
    """Every record of a datagram; the datagram must hold whole records and nothing else."""
    records = []
    reader = Reader(datagram)
    while rest := len(datagram) - reader._at:
        assert rest >= 13
        content_type, version, epoch, sequence = reader.number(1), reader.number(2), reader.number(2), reader.number(6)
        records.append(Record(content_type, reader.vector(2), epoch, sequence, version))
    return records


# --- handshake messages and their fragments ---


@dataclass(frozen=True)
class Fragment:
    """A piece of a handshake message."""

    msg_type: int
    message_seq: int
    data: bytes
    offset: int = 0
    length: int | None = None
    """Total length of the message; None: this piece is all of it."""
    fragment_length: int | None = None
    """The fragment length field when it shall lie."""

    def serialize(self) -> bytes:
        total = len(self.data) if self.length is None else self.length
        size = len(self.data) if self.fragment_length is None else self.fragment_length
        head = bytes([self.msg_type]) + total.to_bytes(3, "big") + self.message_seq.to_bytes(2, "big")
        return head + self.offset.to_bytes(3, "big") + size.to_bytes(3, "big") + self.data


@dataclass(frozen=True)
class Message:
    """A whole handshake message."""

    msg_type: int
    message_seq: int
    body: bytes

    def serialize(self) -> bytes:
        """As it enters the transcript: unfragmented."""
        return Fragment(self.msg_type, self.message_seq, self.body).serialize()

    def cut(self, size: int) -> list[Fragment]:
        """Fragments of at most `size` bytes each."""
        pieces = range(0, max(len(self.body), 1), size)
        return [
            Fragment(self.msg_type, self.message_seq, self.body[at : at + size], at, len(self.body)) for at in pieces
        ]


def parse_fragments(data: bytes) -> Iterator[Fragment]:
    """Every fragment of a handshake record."""
    reader = Reader(data)
    while reader._at < len(data):
        msg_type, total, message_seq, offset = reader.number(1), reader.number(3), reader.number(2), reader.number(3)
        yield Fragment(msg_type, message_seq, reader.vector(3), offset, total)


# --- message bodies ---


@dataclass(frozen=True)
class ClientHello:
    """RFC 6347, 4.3.2; `extensions` None leaves the field out altogether."""

    random: bytes
    cipher_suites: Sequence[int]
    extensions: Extensions | None
    session_id: bytes = b""
    cookie: bytes = b""
    compression_methods: bytes = b"\0"
    version: int = DTLS_1_2

    def serialize(self) -> bytes:
        body = self.version.to_bytes(2, "big") + self.random + vector(1, self.session_id) + vector(1, self.cookie)
        body += vector(2, words(self.cipher_suites)) + vector(1, self.compression_methods)
        return body if self.extensions is None else body + serialize_extensions(self.extensions)

    @classmethod
    def parse(cls, body: bytes) -> "ClientHello":
        reader = Reader(body)
        version, random, session_id, cookie = reader.number(2), reader.take(32), reader.vector(1), reader.vector(1)
        suites, compression = split_words(reader.vector(2)), reader.vector(1)
        return cls(random, suites, parse_extensions(reader.rest), session_id, cookie, compression, version)


@dataclass(frozen=True)
class ServerHello:
    """RFC 5246, 7.4.1.3."""

    random: bytes
    cipher_suite: int
    extensions: Extensions | None
    session_id: bytes = b""
    compression_method: int = 0
    version: int = DTLS_1_2

    def serialize(self) -> bytes:
        body = self.version.to_bytes(2, "big") + self.random + vector(1, self.session_id)
        body += self.cipher_suite.to_bytes(2, "big") + bytes([self.compression_method])
        return body if self.extensions is None else body + serialize_extensions(self.extensions)

    @classmethod
    def parse(cls, body: bytes) -> "ServerHello":
        reader = Reader(body)
        version, random, session_id = reader.number(2), reader.take(32), reader.vector(1)
        suite, compression = reader.number(2), reader.number(1)
        return cls(random, suite, parse_extensions(reader.rest), session_id, compression, version)


@dataclass(frozen=True)
class ServerKeyExchange:
    """RFC 8422, 5.4: curve, point, and the signature over them."""

    parameters: bytes
    algorithm: int
    signature: bytes

    def serialize(self) -> bytes:
        return self.parameters + self.algorithm.to_bytes(2, "big") + vector(2, self.signature)

    @classmethod
    def parse(cls, body: bytes) -> "ServerKeyExchange":
        size = 4 + body[3]
        reader = Reader(body[size:])
        exchange = cls(body[:size], reader.number(2), reader.vector(2))
        reader.end()
        return exchange

    @property
    def group(self) -> int:
        assert self.parameters[0] == 3, "named_curve"
        return int.from_bytes(self.parameters[1:3], "big")

    @property
    def point(self) -> bytes:
        return self.parameters[4:]


def serialize_extensions(extensions: Extensions) -> bytes:
    return vector(2, b"".join(code.to_bytes(2, "big") + vector(2, data) for code, data in extensions))


def parse_extensions(rest: bytes) -> list[tuple[int, bytes]] | None:
    if not rest:
        return None
    outer = Reader(rest)
    inner = Reader(outer.vector(2))
    outer.end()
    found = []
    while inner._at < len(inner._data):
        found.append((inner.number(2), inner.vector(2)))
    return found


def certificate_body(chain: Sequence[bytes]) -> bytes:
    return vector(3, b"".join(vector(3, certificate) for certificate in chain))


def parse_certificates(body: bytes) -> list[bytes]:
    reader = Reader(body)
    inner = Reader(reader.vector(3))
    reader.end()
    chain = []
    while inner._at < len(inner._data):
        chain.append(inner.vector(3))
    return chain


def certificate_request_body(types: bytes, algorithms: Sequence[int], authorities: bytes = b"") -> bytes:
    return vector(1, types) + vector(2, words(algorithms)) + vector(2, authorities)


def hello_verify_request_body(cookie: bytes, version: int = DTLS_1_0) -> bytes:
    return version.to_bytes(2, "big") + vector(1, cookie)
