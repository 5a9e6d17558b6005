"""STUN messages: header, attributes, integrity and fingerprint (:rfc:`8489#section-5`, :rfc:`8489#section-14`)."""

import enum
import hmac
import zlib
from collections.abc import Iterable
from dataclasses import field
from enum import IntEnum
from struct import Struct
from typing import Final, Self, TypeVar

from rtc_stun.attribute import (
    FIRST_OPTIONAL_TYPE,
    MAGIC_COOKIE,
    Attribute,
    AttributeSet,
    UnknownAttribute,
)
from rtc_stun.attributes import (
    STUN_ATTRIBUTES,
    Fingerprint,
    MessageIntegrity,
    MessageIntegritySha256,
)
from rtc_stun.dataclass import dataclass
from rtc_stun.errors import FingerprintError, IntegrityError, ParseError, UnsupportedFamilyError

HEADER_LENGTH: Final = 20
TRANSACTION_ID_LENGTH: Final = 12
MAX_METHOD: Final = 0xFFF

BINDING: Final = 0x001
"""The one method that :rfc:`8489` defines."""

_HEADER: Final = Struct("!HHI12s")
_UINT16: Final = Struct("!H")
_TLV: Final = Struct("!HH")
_PADDING: Final = (b"", b"\0", b"\0\0", b"\0\0\0")
_COOKIE_BYTES: Final = MAGIC_COOKIE.to_bytes(4, "big")
_FINGERPRINT_XOR: Final = 0x5354_554E
_FINGERPRINT_LENGTH: Final = 8
_SHA1_LENGTH: Final = 20
_SHA256_LENGTH: Final = 32
_MAX_LENGTH: Final = 0xFFFC
_MAX_TYPE: Final = 0xFFFF

_INTEGRITY: Final = MessageIntegrity.TYPE
_INTEGRITY_SHA256: Final = MessageIntegritySha256.TYPE
_FINGERPRINT: Final = Fingerprint.TYPE
_SHA1_HEADER: Final = _TLV.pack(_INTEGRITY, _SHA1_LENGTH)
_FINGERPRINT_HEADER: Final = _TLV.pack(_FINGERPRINT, 4)
_PROTECTION: Final = frozenset({_INTEGRITY, _INTEGRITY_SHA256, _FINGERPRINT})

A = TypeVar("A", bound=Attribute)


class MessageClass(IntEnum):
    """What a message is to its transaction."""

    REQUEST = 0b00
    INDICATION = 0b01
    SUCCESS = 0b10
    ERROR = 0b11


class Integrity(enum.Enum):
    """Which integrity attributes a message carries."""

    SHA1 = enum.auto()
    """MESSAGE-INTEGRITY."""
    SHA256 = enum.auto()
    """MESSAGE-INTEGRITY-SHA256."""
    BOTH = enum.auto()
    """Both: a first request to a peer of which it is not known what it supports."""


_CLASSES: Final = tuple(MessageClass)


def is_stun(data: bytes) -> bool:
    """Tell whether a datagram claims to be STUN, at little cost: leading zero bits, length field and magic cookie.

    Args:
        data: A whole datagram.

    See :rfc:`8489#section-5` and :rfc:`7983#section-7`.
    """
    # [rfc8489:5/1] [rfc8489:5/2]
    return (
        len(data) >= HEADER_LENGTH
        and data[0] < 0x40
        and data[4:8] == _COOKIE_BYTES
        and not data[3] & 3
        and (data[2] << 8 | data[3]) + HEADER_LENGTH == len(data)
    )


@dataclass(slots=True, init=False)
class Message:
    """A STUN message: method, class, transaction ID, and attributes in the order of the wire.

    ::

        0 0 | M11-M7 | C1 | M6-M4 | C0 | M3-M0 |      message length
        ---------------------------------------------------------------
                           magic cookie 0x2112A442
        ---------------------------------------------------------------
                         transaction ID, 12 bytes
        ---------------------------------------------------------------
               type of attribute     |     length of value
               value, padded to a multiple of 4 bytes  ...

    Integrity and fingerprint are made by `serialize` and checked by `verify_integrity` and `verify_fingerprint`; a
    parsed message lists their attributes, one to be sent should not.

    See :rfc:`8489#section-5`.
    """

    method: int
    """12 bits; `BINDING` is the one of this specification."""
    message_class: MessageClass
    transaction_id: bytes
    """12 bytes; random for a request or indication, the request's for a response."""
    attributes: list[Attribute]
    """In the order of the wire, duplicates and unknown ones included."""
    _wire: bytes = field(compare=False)
    """What was parsed; empty in a message that we made."""
    _sha1_at: int = field(compare=False)
    """Offset of MESSAGE-INTEGRITY in it, or 0."""
    _sha256_at: int = field(compare=False)
    """Offset of MESSAGE-INTEGRITY-SHA256 in it, or 0."""

    def __init__(
        self,
        method: int,
        message_class: MessageClass,
        transaction_id: bytes,
        attributes: Iterable[Attribute] = (),
    ) -> None:
        if not 0 <= method <= MAX_METHOD:
            raise ValueError(f"a method has 12 bits, not {method}")
        if len(transaction_id) != TRANSACTION_ID_LENGTH:
            raise ValueError(f"a transaction ID has {TRANSACTION_ID_LENGTH} bytes, not {len(transaction_id)}")
        self.method = method
        self.message_class = message_class
        self.transaction_id = transaction_id
        self.attributes = list(attributes)
        self._wire = b""
        self._sha1_at = 0
        self._sha256_at = 0

    @classmethod
    def parse(cls, data: bytes, known: AttributeSet = STUN_ATTRIBUTES) -> Self:
        """Parse a message.

        Attributes behind the integrity ones are left out, for nothing vouches for them. Nothing is verified yet: call
        `verify_integrity` and `verify_fingerprint` where the usage wants them.

        Args:
            data: A whole datagram, or what `StreamBuffer` cut out of a stream.
            known: The attributes that the usage understands; others become `UnknownAttribute`.

        Raises:
            ParseError: ``data`` is not a STUN message, or a known attribute in it is malformed.

        See :rfc:`8489#section-6.3`.
        """
        size = len(data)
        if size < HEADER_LENGTH:
            raise ParseError(f"a STUN message has at least {HEADER_LENGTH} bytes, not {size}")
        message_type, length, cookie, transaction_id = _HEADER.unpack_from(data)
        # [rfc8489:5/1]
        if message_type > 0x3FFF:
            raise ParseError("the two leading bits of a STUN message are zero")
        # [rfc8489:5/2]
        if cookie != MAGIC_COOKIE:
            raise ParseError(f"the magic cookie is wrong: 0x{cookie:08x}")
        # [rfc8489:5/7] [rfc8489:14/2]
        if length & 3 or length + HEADER_LENGTH != size:
            raise ParseError(f"message length {length} does not fit a datagram of {size} bytes")
        self = cls.__new__(cls)
        self.method = (message_type & 0x3E00) >> 2 | (message_type & 0x00E0) >> 1 | message_type & 0x000F
        self.message_class = _CLASSES[(message_type & 0x0100) >> 7 | (message_type & 0x0010) >> 4]
        self.transaction_id = transaction_id
        self._wire = data
        self._sha1_at = self._sha256_at = 0
        self.attributes = []
        self._parse_attributes(known)
        return self

    def _parse_attributes(self, known: AttributeSet) -> None:
        data = self._wire
        size = len(data)
        offset = HEADER_LENGTH
        transaction_id = self.transaction_id
        append = self.attributes.append
        protected = False
        while offset < size:
            attribute_type, length = _TLV.unpack_from(data, offset)
            start = offset + 4
            end = start + length
            # [rfc8489:14/3] Lengths are of the value; what pads it is skipped unseen. [rfc8489:14/5]
            following = end + (-length & 3)
            if following > size:
                raise ParseError(f"attribute 0x{attribute_type:04x} is longer than the message")
            if attribute_type == _FINGERPRINT:
                # [rfc8489:14.7/1]
                if following != size:
                    raise ParseError("FINGERPRINT is not the last attribute")
            elif protected or attribute_type in _PROTECTION:
                # [rfc8489:9/1] [rfc8489:9/2]
                if self._sha256_at or (protected and attribute_type != _INTEGRITY_SHA256):
                    offset = following
                    continue
                protected = True
                if attribute_type == _INTEGRITY:
                    self._sha1_at = offset
                else:
                    self._sha256_at = offset
            kind = known.get(attribute_type)
            value = data[start:end]
            offset = following
            try:
                append(kind.parse(value, transaction_id) if kind else UnknownAttribute(attribute_type, value))
            except UnsupportedFamilyError:
                # [rfc8489:6.3.3/1]
                continue

    def get(self, kind: type[A]) -> A | None:
        """Return the first attribute of a class, or None: later ones of the same type carry no meaning.

        Attributes that nobody asks for in this way, known ones included, are ignored.

        See :rfc:`8489#section-14`.
        """
        for attribute in self.attributes:
            # [rfc8489:14/6] [rfc8489:6.3/2]
            if attribute.__class__ is kind and isinstance(attribute, kind):
                return attribute
        return None

    def get_all(self, kind: type[A]) -> list[A]:
        """Return every attribute of a class, for those that may appear more than once."""
        return [attribute for attribute in self.attributes if isinstance(attribute, kind)]

    def unknown_required(self) -> list[int]:
        """Return the comprehension-required types that were not understood, in order and each once.

        A message for which this is not empty must not be acted upon; a request earns a 420.

        See :rfc:`8489#section-6.3`.
        """
        types = [
            attribute.TYPE
            for attribute in self.attributes
            # [rfc8489:6.3/1] Optional ones do not show up here.
            if attribute.__class__ is UnknownAttribute and attribute.TYPE < FIRST_OPTIONAL_TYPE
        ]
        return list(dict.fromkeys(types)) if types else types

    @property
    def integrity(self) -> Integrity | None:
        """Which integrity attributes a parsed message carries, verified or not."""
        if self._sha256_at:
            return Integrity.BOTH if self._sha1_at else Integrity.SHA256
        return Integrity.SHA1 if self._sha1_at else None

    def serialize(
        self,
        *,
        key: bytes | None = None,
        integrity: Integrity = Integrity.SHA1,
        sha256_length: int = _SHA256_LENGTH,
        fingerprint: bool = False,
    ) -> bytes:
        """Return the wire form.

        Args:
            key: Key of the credential (`short_term_key`, `long_term_key`); None for no integrity.
            integrity: Which integrity attributes to add if there is a key.
            sha256_length: Length of MESSAGE-INTEGRITY-SHA256; less than 32 only where the usage allows truncation.
            fingerprint: Whether to end with FINGERPRINT.

        Raises:
            ValueError: An attribute, or the whole, is too large to be sent, or an integrity attribute is already there.

        See :rfc:`8489#section-14.5` to :rfc:`8489#section-14.7`.
        """
        transaction_id = self.transaction_id
        is_protected = key is not None or fingerprint
        parts = []
        for attribute in self.attributes:
            value = attribute.serialize(transaction_id)
            attribute_type, length = attribute.TYPE, len(value)
            if length > _MAX_LENGTH or not 0 <= attribute_type <= _MAX_TYPE:
                raise ValueError(f"attribute 0x{attribute_type:04x} of {length} bytes does not exist")
            if is_protected and attribute_type in _PROTECTION:
                raise ValueError("integrity and fingerprint are added here, not listed among the attributes")
            # [rfc8489:14/1] [rfc8489:14/2] [rfc8489:14/3] [rfc8489:14/4]
            parts.append(_TLV.pack(attribute_type, length) + value + _PADDING[-length & 3])
        body = b"".join(parts)
        if len(body) > _MAX_LENGTH - 64:
            raise ValueError(f"the attributes have {len(body)} bytes, too many for a STUN message")
        method, message_class = self.method, int(self.message_class)
        # [rfc8489:5/1] Twelve bits of method and two of class leave the leading two zero.
        message_type = (
            (method & 0x0F80) << 2
            | (method & 0x0070) << 1
            | method & 0x000F
            | (message_class & 2) << 7
            | (message_class & 1) << 4
        )
        head = _UINT16.pack(message_type)
        # [rfc8489:5/2] Cookie and transaction ID follow the length, which changes while integrity is added.
        rest = _COOKIE_BYTES + transaction_id + body
        if key is not None:
            rest = _add_integrity(head, rest, key, integrity, sha256_length)
        if fingerprint:
            rest = _add_fingerprint(head, rest)
        # [rfc8489:5/7]
        return head + _UINT16.pack(len(rest) - 16) + rest

    def __bytes__(self) -> bytes:
        return self.serialize()

    def verify_integrity(self, key: bytes, *, minimum_sha256_length: int = _SHA256_LENGTH) -> Integrity:
        """Check that whoever holds ``key`` sent this parsed message.

        Where both attributes are present the SHA-256 one counts. Absent is not valid.

        Args:
            key: Key of the credential.
            minimum_sha256_length: Less than 32 only where the usage allows truncation.

        Returns:
            `Integrity.SHA256` or `Integrity.SHA1`: which attribute proved it, and so which one the response carries.

        Raises:
            IntegrityError: The message carries no integrity attribute, too short a one, or one of another key or text.

        See :rfc:`8489#section-9.1.3`.
        """
        at = self._sha256_at or self._sha1_at
        if not at:
            raise IntegrityError("the message carries no integrity attribute")
        wire = self._wire
        length = wire[at + 2] << 8 | wire[at + 3]
        # The length field counts up to the end of the attribute under test, whatever follows it.
        text = wire[:2] + _UINT16.pack(at + 4 + length - HEADER_LENGTH) + wire[4:at]
        if self._sha256_at:
            # [rfc8489:14.6/1] Whatever the caller allows, fewer than 16 bytes prove nothing.
            if length < minimum_sha256_length or length not in MessageIntegritySha256.LENGTHS:
                raise IntegrityError(f"MESSAGE-INTEGRITY-SHA256 is cut to {length} bytes")
            expected = hmac.digest(key, text, "sha256")[:length]
            proven_by = Integrity.SHA256
        else:
            expected = hmac.digest(key, text, "sha1")
            proven_by = Integrity.SHA1
        if not hmac.compare_digest(expected, wire[at + 4 : at + 4 + length]):
            raise IntegrityError("the integrity attribute does not match")
        return proven_by

    def verify_fingerprint(self) -> None:
        """Check that this parsed message ends with a right FINGERPRINT.

        Raises:
            FingerprintError: It is absent or wrong.

        See :rfc:`8489#section-7`.
        """
        wire = self._wire
        at = len(wire) - _FINGERPRINT_LENGTH
        if at < HEADER_LENGTH or not self.attributes or self.attributes[-1].TYPE != _FINGERPRINT:
            raise FingerprintError("the message carries no FINGERPRINT")
        if int.from_bytes(wire[at + 4 :], "big") != zlib.crc32(wire[:at]) ^ _FINGERPRINT_XOR:
            raise FingerprintError("FINGERPRINT does not match")

    def __repr__(self) -> str:
        name = "Binding" if self.method == BINDING else f"method 0x{self.method:03x}"
        return f"<{name} {self.message_class.name.lower()} {self.transaction_id.hex()} {self.attributes!r}>"


def _add_integrity(head: bytes, rest: bytes, key: bytes, integrity: Integrity, sha256_length: int) -> bytes:
    if integrity is not Integrity.SHA256:
        text = head + _UINT16.pack(len(rest) - 16 + 4 + _SHA1_LENGTH) + rest
        rest += _SHA1_HEADER + hmac.digest(key, text, "sha1")
    if integrity is not Integrity.SHA1:
        # [rfc8489:14.6/1] [rfc8489:14.6/2]
        if sha256_length not in MessageIntegritySha256.LENGTHS:
            raise ValueError(f"MESSAGE-INTEGRITY-SHA256 cannot have {sha256_length} bytes")
        text = head + _UINT16.pack(len(rest) - 16 + 4 + sha256_length) + rest
        rest += _TLV.pack(_INTEGRITY_SHA256, sha256_length) + hmac.digest(key, text, "sha256")[:sha256_length]
    return rest


def _add_fingerprint(head: bytes, rest: bytes) -> bytes:
    text = head + _UINT16.pack(len(rest) - 16 + _FINGERPRINT_LENGTH) + rest
    # [rfc8489:14.7/1] Nothing is added after this.
    value = zlib.crc32(text) ^ _FINGERPRINT_XOR
    return rest + _FINGERPRINT_HEADER + value.to_bytes(4, "big")
