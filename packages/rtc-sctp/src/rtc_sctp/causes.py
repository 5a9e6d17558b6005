"""Error causes: why an ERROR or ABORT chunk was sent. See :rfc:`9260#section-3.3.10`."""

import struct
from abc import ABC, abstractmethod
from typing import ClassVar, Final, Self

from .dataclass import dataclass
from .errors import ParseError
from .tlv import encode_tlv, split_tlvs

_UINT32: Final = struct.Struct("!L")
_STREAM: Final = struct.Struct("!HH")


class Cause(ABC):
    """One reason in an ERROR or ABORT chunk."""

    __slots__ = ()

    @abstractmethod
    def serialize(self) -> bytes:
        """Write the cause with its header, padded to four bytes.

        Raises:
            ValueError: What it quotes is longer than 65,531 bytes.
        """


class KnownCause(Cause):
    """A cause whose code has a class of its own."""

    __slots__ = ()

    CODE: ClassVar[int]

    @classmethod
    @abstractmethod
    def parse(cls, value: bytes, /) -> Self:
        """Read the cause-specific information, without header and padding.

        Raises:
            ParseError: It is not what the code calls for.
        """

    @abstractmethod
    def value(self) -> bytes:
        """Write the cause-specific information alone."""

    def serialize(self) -> bytes:
        """Write the cause with its header, padded to four bytes."""
        return encode_tlv(self.CODE, self.value())


class _BareCause(KnownCause):
    """A cause that its code says in full."""

    __slots__ = ()

    @classmethod
    def parse(cls, _value: bytes, /) -> Self:
        """Read the cause-specific information; what a peer adds to it is left aside."""
        return cls()

    def value(self) -> bytes:
        """Write the cause-specific information alone: there is none."""
        return b""


@dataclass(slots=True)
class InvalidStreamIdentifier(KnownCause):
    """DATA came on a stream that does not exist. See :rfc:`9260#section-3.3.10.1`."""

    CODE: ClassVar[int] = 1

    stream_id: int

    @classmethod
    def parse(cls, value: bytes, /) -> Self:
        """Read the cause-specific information.

        Raises:
            ParseError: It is not four bytes.
        """
        if len(value) != _STREAM.size:
            raise ParseError(f"Invalid Stream Identifier with {len(value)} bytes")
        stream_id, _reserved = _STREAM.unpack(value)
        return cls(stream_id)

    def value(self) -> bytes:
        """Write the cause-specific information alone."""
        return _STREAM.pack(self.stream_id, 0)


@dataclass(slots=True)
class MissingMandatoryParameter(KnownCause):
    """An INIT or INIT ACK lacks parameters. See :rfc:`9260#section-3.3.10.2`."""

    CODE: ClassVar[int] = 2

    types: tuple[int, ...]
    """Types of the missing parameters."""

    @classmethod
    def parse(cls, value: bytes, /) -> Self:
        """Read the cause-specific information.

        Raises:
            ParseError: The count does not fit the length.
        """
        if len(value) < _UINT32.size:
            raise ParseError(f"Missing Mandatory Parameter with {len(value)} bytes")
        (count,) = _UINT32.unpack_from(value)
        if len(value) != _UINT32.size + 2 * count:
            raise ParseError(f"{count} missing parameters in {len(value)} bytes")
        return cls(struct.unpack_from(f"!{count}H", value, _UINT32.size))

    def value(self) -> bytes:
        """Write the cause-specific information alone."""
        return struct.pack(f"!L{len(self.types)}H", len(self.types), *self.types)


@dataclass(slots=True)
class StaleCookie(KnownCause):
    """The State Cookie came too late. See :rfc:`9260#section-3.3.10.3`."""

    CODE: ClassVar[int] = 3

    # [rfc9260:3.3.10.3/1]
    staleness_us: int = 0
    """Microseconds since the cookie expired, rounded up; 0 where the sender does not tell."""

    @classmethod
    def parse(cls, value: bytes, /) -> Self:
        """Read the cause-specific information.

        Raises:
            ParseError: It is not four bytes.
        """
        return cls(_uint32(value, "Stale Cookie"))

    def value(self) -> bytes:
        """Write the cause-specific information alone."""
        return _UINT32.pack(self.staleness_us)


@dataclass(slots=True)
class OutOfResource(_BareCause):
    """The sender has no room for the association. See :rfc:`9260#section-3.3.10.4`."""

    CODE: ClassVar[int] = 4


@dataclass(slots=True)
class UnresolvableAddress(KnownCause):
    """The sender cannot use an address parameter. See :rfc:`9260#section-3.3.10.5`."""

    CODE: ClassVar[int] = 5

    parameter: bytes
    """The address parameter, with its header."""

    @classmethod
    def parse(cls, value: bytes, /) -> Self:
        """Read the cause-specific information; any will do, since it is a quotation."""
        return cls(value)

    def value(self) -> bytes:
        """Write the cause-specific information alone."""
        return self.parameter


@dataclass(slots=True)
class UnrecognizedChunkType(KnownCause):
    """A chunk that wants to be reported is not known. See :rfc:`9260#section-3.3.10.6`."""

    CODE: ClassVar[int] = 6

    chunk: bytes
    """The chunk, with its header."""

    @classmethod
    def parse(cls, value: bytes, /) -> Self:
        """Read the cause-specific information; any will do, since it is a quotation."""
        return cls(value)

    def value(self) -> bytes:
        """Write the cause-specific information alone."""
        return self.chunk


@dataclass(slots=True)
class InvalidMandatoryParameter(_BareCause):
    """A fixed field of INIT or INIT ACK has a value that it must not have. See :rfc:`9260#section-3.3.10.7`."""

    CODE: ClassVar[int] = 7


@dataclass(slots=True)
class UnrecognizedParameters(KnownCause):
    """Parameters that want to be reported are not known. See :rfc:`9260#section-3.3.10.8`."""

    CODE: ClassVar[int] = 8

    parameters: bytes
    """The parameters one after the other, as `UnknownParameter.serialize` writes them."""

    @classmethod
    def parse(cls, value: bytes, /) -> Self:
        """Read the cause-specific information; any will do, since it is a quotation."""
        return cls(value)

    def value(self) -> bytes:
        """Write the cause-specific information alone."""
        return self.parameters


@dataclass(slots=True)
class NoUserData(KnownCause):
    """DATA came without a byte of user data. See :rfc:`9260#section-3.3.10.9`."""

    CODE: ClassVar[int] = 9

    tsn: int

    @classmethod
    def parse(cls, value: bytes, /) -> Self:
        """Read the cause-specific information.

        Raises:
            ParseError: It is not four bytes.
        """
        return cls(_uint32(value, "No User Data"))

    def value(self) -> bytes:
        """Write the cause-specific information alone."""
        return _UINT32.pack(self.tsn)


@dataclass(slots=True)
class CookieReceivedWhileShuttingDown(_BareCause):
    """COOKIE ECHO came while the sender was in SHUTDOWN-ACK-SENT. See :rfc:`9260#section-3.3.10.10`."""

    CODE: ClassVar[int] = 10


@dataclass(slots=True)
class RestartWithNewAddresses(KnownCause):
    """An INIT on a living association brought new addresses. See :rfc:`9260#section-3.3.10.11`."""

    CODE: ClassVar[int] = 11

    addresses: bytes
    """The new address parameters one after the other, with their headers."""

    @classmethod
    def parse(cls, value: bytes, /) -> Self:
        """Read the cause-specific information; any will do, since it is a quotation."""
        return cls(value)

    def value(self) -> bytes:
        """Write the cause-specific information alone."""
        return self.addresses


@dataclass(slots=True)
class UserInitiatedAbort(KnownCause):
    """The application aborts. See :rfc:`9260#section-3.3.10.12`."""

    CODE: ClassVar[int] = 12

    reason: bytes = b""
    """What the application says about it."""

    @classmethod
    def parse(cls, value: bytes, /) -> Self:
        """Read the cause-specific information; any will do."""
        return cls(value)

    def value(self) -> bytes:
        """Write the cause-specific information alone."""
        return self.reason


@dataclass(slots=True)
class ProtocolViolation(KnownCause):
    """The peer broke a rule that has no cause of its own. See :rfc:`9260#section-3.3.10.13`."""

    CODE: ClassVar[int] = 13

    information: bytes = b""
    """Words for those who search for the fault."""

    @classmethod
    def parse(cls, value: bytes, /) -> Self:
        """Read the cause-specific information; any will do."""
        return cls(value)

    def value(self) -> bytes:
        """Write the cause-specific information alone."""
        return self.information


@dataclass(slots=True)
class UnknownCause(Cause):
    """A cause of any other code."""

    code: int
    information: bytes = b""

    def serialize(self) -> bytes:
        """Write the cause with its header, padded to four bytes."""
        return encode_tlv(self.code, self.information)


CAUSES: Final[dict[int, type[KnownCause]]] = {
    cause.CODE: cause
    for cause in (
        InvalidStreamIdentifier,
        MissingMandatoryParameter,
        StaleCookie,
        OutOfResource,
        UnresolvableAddress,
        UnrecognizedChunkType,
        InvalidMandatoryParameter,
        UnrecognizedParameters,
        NoUserData,
        CookieReceivedWhileShuttingDown,
        RestartWithNewAddresses,
        UserInitiatedAbort,
        ProtocolViolation,
    )
}
"""Every cause that has a class, by its code."""


def parse_causes(data: bytes) -> tuple[Cause, ...]:
    """Read the causes of an ERROR or ABORT chunk.

    Raises:
        ParseError: A cause is malformed.
    """
    causes: list[Cause] = []
    for code, value in split_tlvs(data):
        known = CAUSES.get(code)
        causes.append(UnknownCause(code, value) if known is None else known.parse(value))
    return tuple(causes)


def _uint32(value: bytes, what: str) -> int:
    if len(value) != _UINT32.size:
        raise ParseError(f"{what} with {len(value)} bytes")
    return int.from_bytes(value)
