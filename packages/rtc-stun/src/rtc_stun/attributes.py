"""The attributes of :rfc:`8489#section-14`, in the order of their sections."""

from enum import IntEnum
from struct import Struct
from types import MappingProxyType
from typing import Final, Self

from rtc_stun.attribute import (
    MAX_RECEIVED_BYTES,
    AddressAttribute,
    Attribute,
    AttributeSet,
    BytesAttribute,
    TextAttribute,
    Uint32Attribute,
    XorAddressAttribute,
    attribute_set,
)
from rtc_stun.dataclass import dataclass
from rtc_stun.errors import ParseError
from rtc_stun.precis import opaque_string

_ERROR_HEADER: Final = Struct("!HBB")
_ALGORITHM_HEADER: Final = Struct("!HH")


class MappedAddress(AddressAttribute):
    """MAPPED-ADDRESS: the reflexive address in clear, for clients of :rfc:`3489` alone."""

    __slots__ = ()
    TYPE = 0x0001


class XorMappedAddress(XorAddressAttribute):
    """XOR-MAPPED-ADDRESS: the sender's address as the server saw it."""

    __slots__ = ()
    TYPE = 0x0020


class Username(TextAttribute):
    """USERNAME: which username and password protect the message."""

    __slots__ = ()
    TYPE = 0x0006
    MAX_BYTES = 508
    MAX_CHARACTERS = 508

    def serialize(self, _transaction_id: bytes, /) -> bytes:
        """Prepare with OpaqueString and encode."""
        # [rfc8489:14.3/2]
        value = opaque_string(self.text).encode()
        # [rfc8489:14.3/1]
        if len(value) > self.MAX_BYTES:
            raise ValueError(f"a username has at most {self.MAX_BYTES} bytes, not {len(value)}")
        return value


class UserHash(BytesAttribute):
    """USERHASH: stands in for USERNAME where the server lets users stay unnamed; see `userhash`."""

    __slots__ = ()
    TYPE = 0x001E
    LENGTHS = range(32, 33)


class MessageIntegrity(BytesAttribute):
    """MESSAGE-INTEGRITY: HMAC-SHA1. `Message.serialize` makes it, `Message.verify_integrity` checks it."""

    __slots__ = ()
    TYPE = 0x0008
    LENGTHS = range(20, 21)


class MessageIntegritySha256(BytesAttribute):
    """MESSAGE-INTEGRITY-SHA256: HMAC-SHA-256, cut to no less than 16 bytes where the usage allows it."""

    __slots__ = ()
    TYPE = 0x001C
    # [rfc8489:14.6/1] [rfc8489:14.6/2]
    LENGTHS = range(16, 33, 4)


class Fingerprint(Uint32Attribute):
    """FINGERPRINT: CRC-32 that tells STUN from other protocols. `Message.serialize` makes it."""

    __slots__ = ()
    TYPE = 0x8028


REASON_PHRASES: Final = MappingProxyType(
    {
        300: "Try Alternate",
        400: "Bad Request",
        401: "Unauthenticated",
        420: "Unknown Attribute",
        438: "Stale Nonce",
        487: "Role Conflict",
        500: "Server Error",
    }
)
"""The phrases that the registry recommends, by code."""


@dataclass(slots=True)
class ErrorCode(Attribute):
    """ERROR-CODE: why a request failed.

    ::

              reserved, 21 bits       | class 3-6 |  number 0-99
        ---------------------------------------------------------
                  reason phrase, UTF-8

    See :rfc:`8489#section-14.8`.
    """

    TYPE = 0x0009
    MAX_CHARACTERS = 127

    code: int
    """300 to 699."""
    reason: str = ""
    """For people. Invalid UTF-8 of the peer is replaced, for nothing depends on it."""

    @classmethod
    def parse(cls, value: bytes, _transaction_id: bytes, /) -> Self:
        """Read class, number and phrase."""
        if not _ERROR_HEADER.size <= len(value) <= _ERROR_HEADER.size + MAX_RECEIVED_BYTES:
            raise ParseError(f"ERROR-CODE cannot have {len(value)} bytes")
        # [rfc8489:14.8/3] Only the low three bits of the third byte belong to the class.
        _, hundreds, number = _ERROR_HEADER.unpack_from(value)
        hundreds &= 0x07
        # [rfc8489:14.8/4] [rfc8489:14.8/5]
        if not (3 <= hundreds <= 6 and number <= 99):
            raise ParseError(f"ERROR-CODE has class {hundreds} and number {number}")
        return cls(100 * hundreds + number, value[_ERROR_HEADER.size :].decode(errors="replace"))

    def serialize(self, _transaction_id: bytes, /) -> bytes:
        """Write class, number and phrase."""
        # [rfc8489:14.8/4] [rfc8489:14.8/5]
        if not 300 <= self.code <= 699:
            raise ValueError(f"an error code is 300 to 699, not {self.code}")
        # [rfc8489:14.8/1]
        if len(self.reason) > self.MAX_CHARACTERS:
            raise ValueError(f"a reason phrase has at most {self.MAX_CHARACTERS} characters, not {len(self.reason)}")
        # [rfc8489:14.8/2]
        return _ERROR_HEADER.pack(0, *divmod(self.code, 100)) + self.reason.encode()

    @classmethod
    def with_phrase(cls, code: int) -> Self:
        """Return the code with its recommended phrase."""
        # [rfc8489:6.3.1.1/2]
        return cls(code, REASON_PHRASES.get(code, ""))


class Realm(TextAttribute):
    """REALM: where a long-term credential is valid, without quotes."""

    __slots__ = ()
    TYPE = 0x0014

    def serialize(self, transaction_id: bytes, /) -> bytes:
        """Prepare with OpaqueString and encode."""
        # [rfc8489:14.9/2]
        return TextAttribute(opaque_string(self.text)).serialize(transaction_id)


class Nonce(BytesAttribute):
    """NONCE: the server's cookie, to be returned byte for byte; bytes, for nobody but the server reads it."""

    __slots__ = ()
    TYPE = 0x0015
    LENGTHS = range(MAX_RECEIVED_BYTES + 1)
    MAX_CHARACTERS = 127

    def serialize(self, _transaction_id: bytes, /) -> bytes:
        """Return the bytes, unless they are more than may be sent."""
        # [rfc8489:14.10/1]
        if len(self.value.decode(errors="replace")) > self.MAX_CHARACTERS:
            raise ValueError(f"a nonce has at most {self.MAX_CHARACTERS} characters")
        return self.value


class Algorithm(IntEnum):
    """How a long-term password becomes a key (:rfc:`8489#section-18.5`)."""

    MD5 = 0x0001
    SHA256 = 0x0002


@dataclass(slots=True)
class PasswordAlgorithm(Attribute):
    """PASSWORD-ALGORITHM: the algorithm that the client chose; also one entry of PASSWORD-ALGORITHMS.

    ::

             algorithm        |  parameters length
        ---------------------------------------------
         parameters, padded with zeros to 4 bytes

    See :rfc:`8489#section-14.12`.
    """

    TYPE = 0x001D

    algorithm: int
    """A known one is an `Algorithm`."""
    parameters: bytes = b""
    """Empty for every algorithm that is defined today."""

    @classmethod
    def parse(cls, value: bytes, _transaction_id: bytes, /) -> Self:
        """Read exactly one algorithm."""
        entry, end = cls._parse_at(value, 0)
        if end != len(value):
            raise ParseError(f"PASSWORD-ALGORITHM is followed by {len(value) - end} bytes")
        return entry

    @classmethod
    def _parse_at(cls, value: bytes, offset: int) -> tuple[Self, int]:
        if offset + _ALGORITHM_HEADER.size > len(value):
            raise ParseError("a password algorithm is truncated")
        algorithm, length = _ALGORITHM_HEADER.unpack_from(value, offset)
        start = offset + _ALGORITHM_HEADER.size
        end = start + length + (-length & 3)
        if end > len(value):
            raise ParseError(f"the parameters of password algorithm {algorithm} are truncated")
        # [rfc8489:14.12/2]
        return cls(algorithm, value[start : start + length]), end

    @classmethod
    def parse_list(cls, value: bytes) -> tuple[Self, ...]:
        """Read algorithms until the value ends."""
        entries = []
        offset = 0
        while offset < len(value):
            entry, offset = cls._parse_at(value, offset)
            entries.append(entry)
        return tuple(entries)

    def serialize(self, _transaction_id: bytes, /) -> bytes:
        """Write number, length, parameters and padding."""
        length = len(self.parameters)
        if not (0 <= self.algorithm <= 0xFFFF and length <= 0xFFFF):
            raise ValueError("the number of an algorithm and the length of its parameters have 16 bits each")
        # [rfc8489:14.12/1]
        return _ALGORITHM_HEADER.pack(self.algorithm, length) + self.parameters + bytes(-length & 3)


@dataclass(slots=True)
class PasswordAlgorithms(Attribute):
    """PASSWORD-ALGORITHMS: what the server can work with, the preferred one first (:rfc:`8489#section-14.11`)."""

    TYPE = 0x8002

    algorithms: tuple[PasswordAlgorithm, ...]

    @classmethod
    def parse(cls, value: bytes, _transaction_id: bytes, /) -> Self:
        """Read the list."""
        return cls(PasswordAlgorithm.parse_list(value))

    def serialize(self, transaction_id: bytes, /) -> bytes:
        """Write the list."""
        return b"".join(entry.serialize(transaction_id) for entry in self.algorithms)


@dataclass(slots=True)
class UnknownAttributes(Attribute):
    """UNKNOWN-ATTRIBUTES: the comprehension-required types that a 420 is about (:rfc:`8489#section-14.13`)."""

    TYPE = 0x000A

    types: tuple[int, ...]

    @classmethod
    def parse(cls, value: bytes, _transaction_id: bytes, /) -> Self:
        """Read 16-bit types."""
        if len(value) % 2:
            raise ParseError(f"UNKNOWN-ATTRIBUTES lists types of 2 bytes, got {len(value)} bytes")
        return cls(tuple(int.from_bytes(value[at : at + 2], "big") for at in range(0, len(value), 2)))

    def serialize(self, _transaction_id: bytes, /) -> bytes:
        """Write 16-bit types."""
        try:
            return b"".join(attribute_type.to_bytes(2, "big") for attribute_type in self.types)
        except OverflowError as error:
            raise ValueError("an attribute type has 16 bits") from error


class Software(TextAttribute):
    """SOFTWARE: name and version of the sender, for diagnosis. Invalid UTF-8 is replaced, for nothing depends on it."""

    __slots__ = ()
    TYPE = 0x8022

    @classmethod
    def parse(cls, value: bytes, _transaction_id: bytes, /) -> Self:
        """Decode leniently."""
        if len(value) > MAX_RECEIVED_BYTES:
            raise ParseError(f"SOFTWARE has {len(value)} bytes, more than {MAX_RECEIVED_BYTES}")
        return cls(value.decode(errors="replace"))


class AlternateServer(AddressAttribute):
    """ALTERNATE-SERVER: where to go instead."""

    __slots__ = ()
    TYPE = 0x8023


class AlternateDomain(TextAttribute):
    """ALTERNATE-DOMAIN: the name that the alternate server's certificate proves; ASCII, with A-labels."""

    __slots__ = ()
    TYPE = 0x8003
    MAX_CHARACTERS = 255
    MAX_BYTES = 255

    @classmethod
    def parse(cls, value: bytes, _transaction_id: bytes, /) -> Self:
        """Decode a DNS name."""
        text = value.decode("latin-1")
        if not _is_dns_name(text):
            raise ParseError("ALTERNATE-DOMAIN is not a DNS name")
        return cls(text)

    def serialize(self, _transaction_id: bytes, /) -> bytes:
        """Encode a DNS name."""
        # [rfc8489:14.16/1]
        if not _is_dns_name(self.text):
            raise ValueError(f"{self.text!r} is not a DNS name")
        return self.text.encode()


def _is_dns_name(text: str) -> bool:
    labels = text.removesuffix(".").split(".")
    return len(text) <= AlternateDomain.MAX_CHARACTERS and all(map(_is_dns_label, labels))


def _is_dns_label(label: str) -> bool:
    return (
        label.isascii()
        and 1 <= len(label) <= 63
        and label.replace("-", "").isalnum()
        and not label.startswith("-")
        and not label.endswith("-")
    )


STUN_ATTRIBUTES: Final[AttributeSet] = attribute_set(
    MappedAddress,
    Username,
    MessageIntegrity,
    ErrorCode,
    UnknownAttributes,
    Realm,
    Nonce,
    MessageIntegritySha256,
    PasswordAlgorithm,
    UserHash,
    XorMappedAddress,
    PasswordAlgorithms,
    AlternateDomain,
    Software,
    AlternateServer,
    Fingerprint,
)
"""What :rfc:`8489` defines."""
