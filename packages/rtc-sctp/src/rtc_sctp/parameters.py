"""The parameters of INIT, INIT ACK and HEARTBEAT, and the registry of all parameters.

See :rfc:`9260#section-3.3.2.1`, :rfc:`9260#section-3.3.3.1`, :rfc:`3758#section-3.1`, :rfc:`5061#section-4.2.7` and
:rfc:`9653#section-4`.
"""

import struct
from typing import ClassVar, Final, Self

from .dataclass import dataclass
from .errors import ParseError
from .parameter import KnownParameter, Parameter, UnknownParameter, read_parameters
from .reconfiguration import RECONFIGURATION_PARAMETERS

DTLS_EDMID: Final = 1
"""Error detection method: DTLS checks integrity, and the CRC32c may be left out. See :rfc:`9653#section-8`."""

_UINT32: Final = struct.Struct("!L")


@dataclass(slots=True)
class HeartbeatInfo(KnownParameter):
    """What the sender of a HEARTBEAT wants to have back, in a form of its own. See :rfc:`9260#section-3.3.5`."""

    TYPE: ClassVar[int] = 1

    info: bytes

    @classmethod
    def parse(cls, value: bytes, /) -> Self:
        """Read the value; any will do."""
        return cls(value)

    def value(self) -> bytes:
        """Write the value alone."""
        return self.info


@dataclass(slots=True)
class Ipv4Address(KnownParameter):
    """An address of the sender; without meaning over DTLS. See :rfc:`9260#section-3.3.2.1.1`."""

    TYPE: ClassVar[int] = 5

    address: bytes
    """Four bytes."""

    @classmethod
    def parse(cls, value: bytes, /) -> Self:
        """Read the value.

        Raises:
            ParseError: It is not four bytes.
        """
        return cls(_exactly(value, 4, "an IPv4 address"))

    def value(self) -> bytes:
        """Write the value alone."""
        return self.address


@dataclass(slots=True)
class Ipv6Address(KnownParameter):
    """An address of the sender; without meaning over DTLS. See :rfc:`9260#section-3.3.2.1.2`."""

    TYPE: ClassVar[int] = 6

    address: bytes
    """Sixteen bytes."""

    @classmethod
    def parse(cls, value: bytes, /) -> Self:
        """Read the value.

        Raises:
            ParseError: It is not sixteen bytes.
        """
        return cls(_exactly(value, 16, "an IPv6 address"))

    def value(self) -> bytes:
        """Write the value alone."""
        return self.address


@dataclass(slots=True)
class StateCookie(KnownParameter):
    """All that the sender of an INIT ACK would otherwise have to remember. See :rfc:`9260#section-3.3.3.1.1`."""

    TYPE: ClassVar[int] = 7

    cookie: bytes

    @classmethod
    def parse(cls, value: bytes, /) -> Self:
        """Read the value; any will do."""
        return cls(value)

    def value(self) -> bytes:
        """Write the value alone."""
        return self.cookie


@dataclass(slots=True)
class UnrecognizedParameter(KnownParameter):
    """A parameter of the INIT that the sender of the INIT ACK does not know. See :rfc:`9260#section-3.3.3.1.2`."""

    TYPE: ClassVar[int] = 8

    parameter: bytes
    """Its type, length and value, as `UnknownParameter.serialize` writes them."""

    @classmethod
    def parse(cls, value: bytes, /) -> Self:
        """Read the value; any will do, since it is a quotation."""
        return cls(value)

    def value(self) -> bytes:
        """Write the value alone."""
        return self.parameter


@dataclass(slots=True)
class CookiePreservative(KnownParameter):
    """A wish for a State Cookie that lives longer than the last one. See :rfc:`9260#section-3.3.2.1.3`."""

    TYPE: ClassVar[int] = 9

    increment_ms: int
    """Suggested addition to the life of the cookie in milliseconds, 0 to 2**32 - 1."""

    @classmethod
    def parse(cls, value: bytes, /) -> Self:
        """Read the value.

        Raises:
            ParseError: It is not four bytes.
        """
        return cls(int.from_bytes(_exactly(value, 4, "a Cookie Preservative")))

    def value(self) -> bytes:
        """Write the value alone."""
        return _UINT32.pack(self.increment_ms)


@dataclass(slots=True)
class HostNameAddress(KnownParameter):
    """A host name of the sender. No longer allowed: what carries it is refused. See :rfc:`9260#section-3.3.2.1.4`."""

    TYPE: ClassVar[int] = 11

    name: bytes

    @classmethod
    def parse(cls, value: bytes, /) -> Self:
        """Read the value; any will do, since the name is never used."""
        return cls(value)

    def value(self) -> bytes:
        """Write the value alone."""
        return self.name


@dataclass(slots=True)
class SupportedAddressTypes(KnownParameter):
    """Address parameters that the sender of an INIT can use. See :rfc:`9260#section-3.3.2.1.5`."""

    TYPE: ClassVar[int] = 12

    types: tuple[int, ...]

    @classmethod
    def parse(cls, value: bytes, /) -> Self:
        """Read the value.

        Raises:
            ParseError: It is no whole number of types.
        """
        if len(value) % 2:
            raise ParseError(f"Supported Address Types of {len(value)} bytes")
        return cls(struct.unpack(f"!{len(value) // 2}H", value))

    def value(self) -> bytes:
        """Write the value alone."""
        return struct.pack(f"!{len(self.types)}H", *self.types)


@dataclass(slots=True)
class ZeroChecksumAcceptable(KnownParameter):
    """The sender takes packets with checksum 0 under a condition. See :rfc:`9653#section-4`."""

    TYPE: ClassVar[int] = 0x8001

    edmid: int
    """Error detection method that replaces the checksum, 0 to 2**32 - 1; `DTLS_EDMID` is ours."""

    @classmethod
    def parse(cls, value: bytes, /) -> Self:
        """Read the value.

        Raises:
            ParseError: It is not four bytes.
        """
        return cls(int.from_bytes(_exactly(value, 4, "an error detection method")))

    def value(self) -> bytes:
        """Write the value alone."""
        return _UINT32.pack(self.edmid)


@dataclass(slots=True)
class SupportedExtensions(KnownParameter):
    """Chunk types beyond the base protocol that the sender understands. See :rfc:`5061#section-4.2.7`."""

    TYPE: ClassVar[int] = 0x8008

    chunk_types: tuple[int, ...]

    @classmethod
    def parse(cls, value: bytes, /) -> Self:
        """Read the value; any will do."""
        return cls(tuple(value))

    def value(self) -> bytes:
        """Write the value alone."""
        return bytes(self.chunk_types)


@dataclass(slots=True)
class ForwardTsnSupported(KnownParameter):
    """The sender understands FORWARD TSN. See :rfc:`3758#section-3.1`."""

    TYPE: ClassVar[int] = 0xC000

    @classmethod
    def parse(cls, value: bytes, /) -> Self:
        """Read the value.

        Raises:
            ParseError: There is one.
        """
        _exactly(value, 0, "Forward-TSN-Supported")
        return cls()

    def value(self) -> bytes:
        """Write the value alone: it is empty."""
        return b""


_ALL: Final[tuple[type[KnownParameter], ...]] = (
    HeartbeatInfo,
    Ipv4Address,
    Ipv6Address,
    StateCookie,
    UnrecognizedParameter,
    CookiePreservative,
    HostNameAddress,
    SupportedAddressTypes,
    *RECONFIGURATION_PARAMETERS,
    ZeroChecksumAcceptable,
    SupportedExtensions,
    ForwardTsnSupported,
)

# [rfc9260:3.2.1/4] One table for all chunks.
PARAMETERS: Final[dict[int, type[KnownParameter]]] = {parameter.TYPE: parameter for parameter in _ALL}
"""Every parameter that has a class, by its type."""


def parse_parameters(data: bytes) -> tuple[Parameter, ...]:
    """Read the parameters of a chunk as far as they are to be processed; see `read_parameters`.

    Raises:
        ParseError: A parameter is malformed.
    """
    return read_parameters(data, PARAMETERS)


def parameters_to_report(parameters: tuple[Parameter, ...]) -> list[UnknownParameter]:
    """Pick the unknown parameters whose sender wants to be told. See :rfc:`9260#section-3.2.2`."""
    return [parameter for parameter in parameters if isinstance(parameter, UnknownParameter) and parameter.report]


def _exactly(value: bytes, length: int, what: str) -> bytes:
    if len(value) != length:
        raise ParseError(f"{what} is {length} bytes, not {len(value)}")
    return value
