"""DNS messages as multicast DNS uses them (:rfc:`6762#section-18`, :rfc:`1035#section-4`).

On the wire, in network byte order:

    header 12 bytes   ID, flags, and how many questions, answers, authorities and additional records follow
    question          name, type (2), class (2); the class's top bit asks for an answer by unicast
    record            name, type (2), class (2), TTL (4), length (2), data; the class's top bit flushes caches
    name              labels of a length and 1 to 63 bytes, ended by 0 or by a pointer to an earlier name
"""

import struct
from dataclasses import field
from typing import Final, Self, TypeAlias

from rtc_ice.dataclass import dataclass
from rtc_ice.errors import IceError

TYPE_A: Final = 1
TYPE_AAAA: Final = 28
TYPE_NSEC: Final = 47
TYPE_ANY: Final = 255
CLASS_IN: Final = 1
CLASS_ANY: Final = 255

RESPONSE: Final = 0x8000
AUTHORITATIVE: Final = 0x0400
TRUNCATED: Final = 0x0200
_OPCODE_AND_RCODE: Final = 0x780F
_TOP_BIT: Final = 0x8000
"""Of a class: in questions "answer by unicast", in records "flush what you had"."""

MAX_MESSAGE_LENGTH: Final = 9000
MAX_ENTRIES: Final = 256
"""Questions and records that a message is read for; one with more is refused."""
MAX_NAME_LENGTH: Final = 255
MAX_LABEL_LENGTH: Final = 63
MAX_POINTERS: Final = 16
"""Pointers that are followed for one name."""
_POINTER: Final = 0xC0
_MAX_POINTED_OFFSET: Final = 0x3FFF

_HEADER: Final = struct.Struct("!6H")
_QUESTION: Final = struct.Struct("!2H")
_RECORD: Final = struct.Struct("!HHIH")

DnsName: TypeAlias = tuple[bytes, ...]
"""Labels in lower case, the leftmost first."""


class DnsParseError(IceError, ValueError):
    """The bytes are no DNS message."""


@dataclass(frozen=True, slots=True)
class DnsQuestion:
    """What a query asks for."""

    name: DnsName
    type: int
    unicast: bool = False
    """Whether an answer to the asker alone is welcome."""
    dns_class: int = CLASS_IN

    def asks_for(self, name: DnsName, record_type: int) -> bool:
        """Whether a record of our class answers it."""
        return (
            self.name == name
            # [rfc6762:6/2]
            and self.type in (record_type, TYPE_ANY)
            and self.dns_class in (CLASS_IN, CLASS_ANY)
        )


@dataclass(frozen=True, slots=True)
class DnsRecord:
    """A piece of what is known about a name."""

    name: DnsName
    type: int
    data: bytes
    ttl: int
    """Seconds; 0 takes the record back."""
    cache_flush: bool = False
    """Whether it replaces what was known before."""
    dns_class: int = CLASS_IN

    def same_as(self, other: "DnsRecord") -> bool:
        """Whether both say the same, however long it holds."""
        return self.identity == other.identity

    @property
    def identity(self) -> tuple[DnsName, int, int, bytes]:
        """All but the TTL; sorts as tie-breaking wants it (:rfc:`6762#section-8.2`) among records of one name."""
        # [rfc6762:8.2/2]
        return self.name, self.dns_class, self.type, self.data


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsMessage:
    """A query or a response."""

    id: int = 0
    flags: int = 0
    questions: tuple[DnsQuestion, ...] = ()
    answers: tuple[DnsRecord, ...] = ()
    authorities: tuple[DnsRecord, ...] = ()
    additionals: tuple[DnsRecord, ...] = field(default=())

    @property
    def is_response(self) -> bool:
        """Whether it answers instead of asking."""
        return bool(self.flags & RESPONSE)

    @property
    def is_ordinary(self) -> bool:
        """Whether operation and result are those that multicast DNS knows; other messages are ignored."""
        return not self.flags & _OPCODE_AND_RCODE

    @property
    def records(self) -> tuple[DnsRecord, ...]:
        """The records of all sections."""
        return self.answers + self.authorities + self.additionals

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Parse a message.

        Raises:
            DnsParseError: It is malformed, or larger than a message of multicast DNS may be.
        """
        # [rfc6762:17/1]
        if not _HEADER.size <= len(data) <= MAX_MESSAGE_LENGTH:
            raise DnsParseError(f"a message has {_HEADER.size} to {MAX_MESSAGE_LENGTH} bytes, not {len(data)}")
        message_id, flags, *counts = _HEADER.unpack_from(data)
        if sum(counts) > MAX_ENTRIES:
            raise DnsParseError(f"more than {MAX_ENTRIES} questions and records")
        reader = _Reader(data)
        questions = tuple(reader.question() for _ in range(counts[0]))
        answers, authorities, additionals = (tuple(reader.record() for _ in range(count)) for count in counts[1:])
        return cls(
            id=message_id,
            flags=flags,
            questions=questions,
            answers=answers,
            authorities=authorities,
            additionals=additionals,
        )

    def serialize(self) -> bytes:
        """Return the message as it is sent; names that were written before are pointed at."""
        sections = (self.answers, self.authorities, self.additionals)
        writer = _Writer(_HEADER.pack(self.id, self.flags, len(self.questions), *map(len, sections)))
        for question in self.questions:
            writer.name(question.name)
            writer.put(_QUESTION.pack(question.type, question.dns_class | (_TOP_BIT if question.unicast else 0)))
        for record in self.records:
            writer.record(record)
        return bytes(writer.data)


def dns_name(text: str) -> DnsName:
    """Return the labels of a name, with or without a dot at its end.

    Raises:
        ValueError: It is no name.
    """
    labels = tuple(label.encode().lower() for label in text.removesuffix(".").split("."))
    lengths = [len(label) for label in labels]
    if min(lengths) == 0 or max(lengths) > MAX_LABEL_LENGTH or sum(lengths) + len(lengths) + 1 > MAX_NAME_LENGTH:
        raise ValueError(f"{text[:80]!r} is no name of the DNS")
    return labels


def nsec_data(types: set[int]) -> bytes:
    """Return what an NSEC record says of its own name: the types below 256 that exist (:rfc:`6762#section-6.1`).

    The name in front is left to the writer.
    """
    # [rfc6762:6.1/2] [rfc6762:6.1/5] One block, number 0, without NSEC itself.
    bitmap = bytearray(max(types) // 8 + 1)
    for each in types:
        bitmap[each // 8] |= 0x80 >> each % 8
    return bytes([0, len(bitmap)]) + bytes(bitmap)


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._offset = _HEADER.size

    def question(self) -> DnsQuestion:
        name = self._name()
        kind, dns_class = _QUESTION.unpack(self._take(_QUESTION.size))
        return DnsQuestion(name, kind, bool(dns_class & _TOP_BIT), dns_class & ~_TOP_BIT)

    def record(self) -> DnsRecord:
        name = self._name()
        kind, dns_class, ttl, length = _RECORD.unpack(self._take(_RECORD.size))
        return DnsRecord(name, kind, self._take(length), ttl, bool(dns_class & _TOP_BIT), dns_class & ~_TOP_BIT)

    def _take(self, length: int) -> bytes:
        piece = self._data[self._offset : self._offset + length]
        if len(piece) != length:
            raise DnsParseError("the message ends too early")
        self._offset += length
        return piece

    def _name(self) -> DnsName:
        """Read a name and go on behind it, or behind the first pointer."""
        # [rfc6762:18.14/2]
        labels: list[bytes] = []
        total = 1
        start = offset = self._offset
        behind: int | None = None
        pointers = 0
        while length := self._byte(offset):
            if length >= _POINTER:
                target = (length & ~_POINTER) << 8 | self._byte(offset + 1)
                behind = offset + 2 if behind is None else behind
                pointers += 1
                if target >= start or pointers > MAX_POINTERS:
                    raise DnsParseError("a pointer leads forward, or there are too many")
                start = offset = target
                continue
            label = self._data[offset + 1 : offset + 1 + length]
            total += length + 1
            if length > MAX_LABEL_LENGTH or len(label) != length or total > MAX_NAME_LENGTH:
                raise DnsParseError("a name is too long or cut off")
            labels.append(label.lower())
            offset += 1 + length
        self._offset = offset + 1 if behind is None else behind
        return tuple(labels)

    def _byte(self, offset: int) -> int:
        if offset >= len(self._data):
            raise DnsParseError("the message ends in a name")
        return self._data[offset]


class _Writer:
    def __init__(self, header: bytes) -> None:
        self.data = bytearray(header)
        self._known: dict[DnsName, int] = {}

    def put(self, piece: bytes) -> None:
        self.data += piece

    def name(self, name: DnsName) -> None:
        # [rfc6762:18.14/1]
        for index in range(len(name)):
            rest = name[index:]
            if rest in self._known:
                self.put((_POINTER << 8 | self._known[rest]).to_bytes(2, "big"))
                return
            if len(self.data) <= _MAX_POINTED_OFFSET:
                self._known[rest] = len(self.data)
            self.put(bytes([len(name[index])]) + name[index])
        self.put(b"\0")

    def record(self, record: DnsRecord) -> None:
        self.name(record.name)
        dns_class = record.dns_class | (_TOP_BIT if record.cache_flush else 0)
        start = len(self.data)
        self.put(_RECORD.pack(record.type, dns_class, record.ttl, 0))
        if record.type == TYPE_NSEC:
            # [rfc6762:6.1/2] The next name is the record's own.
            self.name(record.name)
        self.put(record.data)
        self.data[start + _RECORD.size - 2 : start + _RECORD.size] = (len(self.data) - start - _RECORD.size).to_bytes(
            2, "big"
        )
