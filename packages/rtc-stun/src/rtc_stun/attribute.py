"""What all STUN attributes have in common, and the kinds of value they come in (:rfc:`8489#section-14`).

An attribute is a class with a ``TYPE``. A package that defines its own derives from one of the kinds below and hands
``Message.parse`` a mapping that contains it; there is no registry to change:

    class Lifetime(Uint32Attribute):
        TYPE = 0x000D

    TURN_ATTRIBUTES = attribute_set(Lifetime, based_on=STUN_ATTRIBUTES)
"""

from collections.abc import Mapping
from struct import Struct
from typing import Final, Self, TypeAlias

from rtc_stun.dataclass import dataclass
from rtc_stun.datagram import IPV4_LENGTH, IPV6_LENGTH, MAX_PORT, Address, pack_host, unpack_host
from rtc_stun.errors import ParseError, UnsupportedFamilyError

MAGIC_COOKIE: Final = 0x2112_A442

FIRST_OPTIONAL_TYPE: Final = 0x8000
"""Types below this are comprehension-required: whoever does not know one must not act on the message."""

MAX_RECEIVED_BYTES: Final = 763
"""Bound on a text or nonce that is accepted."""

FAMILY_IPV4: Final = 0x01
FAMILY_IPV6: Final = 0x02

_COOKIE_BYTES: Final = MAGIC_COOKIE.to_bytes(4, "big")
_XOR_PORT: Final = MAGIC_COOKIE >> 16
_ADDRESS_HEADER: Final = Struct("!BBH")
_UINT32: Final = Struct("!I")
_UINT64: Final = Struct("!Q")
_LENGTH_OF_FAMILY: Final = {FAMILY_IPV4: IPV4_LENGTH, FAMILY_IPV6: IPV6_LENGTH}


class Attribute:
    """An attribute of a STUN message.

    Derive from a kind below, or implement `parse` and `serialize`. Both work on the value alone: type, length and
    padding are the message's business. What the specification does not let an agent send raises when serialized.
    """

    __slots__ = ()

    TYPE: int
    """The attribute type, 0 to 0xFFFF."""

    @classmethod
    def parse(cls, value: bytes, transaction_id: bytes, /) -> Self:
        """Parse a value.

        Args:
            value: The value without padding.
            transaction_id: That of the message, which masks some addresses.

        Raises:
            ParseError: The value has a wrong length or content.
        """
        raise NotImplementedError

    def serialize(self, transaction_id: bytes, /) -> bytes:
        """Return the value without padding.

        Raises:
            ValueError: The value must not be sent like this.
        """
        raise NotImplementedError


AttributeSet: TypeAlias = Mapping[int, type[Attribute]]
"""The attributes that a usage understands, by type."""


def attribute_set(*kinds: type[Attribute], based_on: AttributeSet | None = None) -> AttributeSet:
    """Return the set of the attributes that a usage understands; read-only by its type.

    Args:
        kinds: Attribute classes; one with the type of an earlier one takes its place.
        based_on: A set to start from.
    """
    return {**(based_on or {}), **{kind.TYPE: kind for kind in kinds}}


@dataclass(slots=True)
class UnknownAttribute(Attribute):
    """An attribute that the parser was not told about, kept as it came."""

    TYPE: int
    value: bytes

    def serialize(self, _transaction_id: bytes, /) -> bytes:
        """Return the value as it is."""
        return self.value


@dataclass(slots=True)
class BytesAttribute(Attribute):
    """An opaque value; ``LENGTHS`` says which lengths are legal."""

    LENGTHS = range(0x1_0000)

    value: bytes

    @classmethod
    def parse(cls, value: bytes, _transaction_id: bytes, /) -> Self:
        """Take the bytes if their number is legal."""
        if len(value) not in cls.LENGTHS:
            raise ParseError(f"{cls.__name__} cannot have {len(value)} bytes")
        return cls(value)

    def serialize(self, _transaction_id: bytes, /) -> bytes:
        """Return the bytes if their number is legal."""
        if len(self.value) not in self.LENGTHS:
            raise ValueError(f"{type(self).__name__} cannot have {len(self.value)} bytes")
        return self.value


@dataclass(slots=True)
class TextAttribute(Attribute):
    """UTF-8 text; ``MAX_CHARACTERS`` and ``MAX_BYTES`` bind what is sent, `MAX_RECEIVED_BYTES` what is accepted."""

    MAX_CHARACTERS = 127
    MAX_BYTES = 509

    text: str

    @classmethod
    def parse(cls, value: bytes, _transaction_id: bytes, /) -> Self:
        """Decode the text."""
        # [rfc8489:14.3/3] Longer than our own limit, for RFC 5389 counted six bytes a character.
        if len(value) > MAX_RECEIVED_BYTES:
            raise ParseError(f"{cls.__name__} has {len(value)} bytes, more than {MAX_RECEIVED_BYTES}")
        try:
            return cls(value.decode())
        except UnicodeDecodeError as error:
            raise ParseError(f"{cls.__name__} is not UTF-8") from error

    def serialize(self, _transaction_id: bytes, /) -> bytes:
        """Encode the text, unless it is too long to be sent."""
        value = self.text.encode()
        # [rfc8489:14.9/1] [rfc8489:14.14/2]
        if len(value) > self.MAX_BYTES or len(self.text) > self.MAX_CHARACTERS:
            raise ValueError(
                f"{type(self).__name__} is limited to {self.MAX_CHARACTERS} characters and {self.MAX_BYTES} bytes"
            )
        return value


@dataclass(slots=True)
class Uint32Attribute(Attribute):
    """An unsigned number of 32 bits."""

    value: int

    @classmethod
    def parse(cls, value: bytes, _transaction_id: bytes, /) -> Self:
        """Take four bytes."""
        if len(value) != _UINT32.size:
            raise ParseError(f"{cls.__name__} has 4 bytes, not {len(value)}")
        return cls(int.from_bytes(value, "big"))

    def serialize(self, _transaction_id: bytes, /) -> bytes:
        """Return four bytes."""
        return _to_bytes(self.value, _UINT32.size, type(self).__name__)


@dataclass(slots=True)
class Uint64Attribute(Attribute):
    """An unsigned number of 64 bits."""

    value: int

    @classmethod
    def parse(cls, value: bytes, _transaction_id: bytes, /) -> Self:
        """Take eight bytes."""
        if len(value) != _UINT64.size:
            raise ParseError(f"{cls.__name__} has 8 bytes, not {len(value)}")
        return cls(int.from_bytes(value, "big"))

    def serialize(self, _transaction_id: bytes, /) -> bytes:
        """Return eight bytes."""
        return _to_bytes(self.value, _UINT64.size, type(self).__name__)


def _to_bytes(value: int, length: int, name: str) -> bytes:
    try:
        return value.to_bytes(length, "big")
    except OverflowError as error:
        raise ValueError(f"{name} holds an unsigned number of {8 * length} bits, not {value}") from error


@dataclass(slots=True)
class FlagAttribute(Attribute):
    """An attribute without a value: to be there is its meaning."""

    @classmethod
    def parse(cls, value: bytes, _transaction_id: bytes, /) -> Self:
        """Take nothing."""
        if value:
            raise ParseError(f"{cls.__name__} has no value, got {len(value)} bytes")
        return cls()

    def serialize(self, _transaction_id: bytes, /) -> bytes:
        """Return nothing."""
        return b""


@dataclass(slots=True)
class AddressAttribute(Attribute):
    """A transport address in clear.

    ::

         0 0 0 0 0 0 0 0 | family 1 or 2 |           port
        -------------------------------------------------------
                        address, 4 or 16 bytes

    See :rfc:`8489#section-14.1`.
    """

    address: Address

    @classmethod
    def parse(cls, value: bytes, _transaction_id: bytes, /) -> Self:
        """Read family, port and address; the first byte means nothing."""
        port, host = _split_address(value, cls.__name__)
        return cls(Address(unpack_host(host), port))

    def serialize(self, _transaction_id: bytes, /) -> bytes:
        """Write family, port and address."""
        host, port = self.address
        packed = pack_host(host)
        # [rfc8489:14.1/3] The family follows from the length that the literal has.
        family = FAMILY_IPV4 if len(packed) == IPV4_LENGTH else FAMILY_IPV6
        return _ADDRESS_HEADER.pack(0, family, _checked_port(port)) + packed


@dataclass(slots=True)
class XorAddressAttribute(Attribute):
    """A transport address, masked so that no gateway on the path takes it for one and rewrites it.

    The port is masked with the upper half of the magic cookie, an IPv4 address with the cookie, an IPv6 address with
    cookie and transaction ID. Otherwise the layout is that of `AddressAttribute`.

    See :rfc:`8489#section-14.2`.
    """

    address: Address

    @classmethod
    def parse(cls, value: bytes, transaction_id: bytes, /) -> Self:
        """Read and unmask."""
        port, host = _split_address(value, cls.__name__)
        return cls(Address(unpack_host(_mask(host, transaction_id)), port ^ _XOR_PORT))

    def serialize(self, transaction_id: bytes, /) -> bytes:
        """Mask and write."""
        host, port = self.address
        packed = pack_host(host)
        family = FAMILY_IPV4 if len(packed) == IPV4_LENGTH else FAMILY_IPV6
        return _ADDRESS_HEADER.pack(0, family, _checked_port(port) ^ _XOR_PORT) + _mask(packed, transaction_id)


def _checked_port(port: int) -> int:
    if not 0 <= port <= MAX_PORT:
        raise ValueError(f"a port is 0 to {MAX_PORT}, not {port}")
    return port


def _split_address(value: bytes, name: str) -> tuple[int, bytes]:
    if len(value) < _ADDRESS_HEADER.size:
        raise ParseError(f"{name} is truncated to {len(value)} bytes")
    # [rfc8489:14.1/4] Whatever the first byte holds, it is ignored.
    _, family, port = _ADDRESS_HEADER.unpack_from(value)
    host = value[_ADDRESS_HEADER.size :]
    length = _LENGTH_OF_FAMILY.get(family)
    if length is None:
        raise UnsupportedFamilyError(f"{name} has the unknown address family {family}")
    # [rfc8489:14.1/1] [rfc8489:14.1/2]
    if len(host) != length:
        raise ParseError(f"{name} has family {family} and an address of {len(host)} bytes")
    return port, host


def _mask(host: bytes, transaction_id: bytes, /) -> bytes:
    if len(host) == IPV4_LENGTH:
        return (int.from_bytes(host, "big") ^ MAGIC_COOKIE).to_bytes(IPV4_LENGTH, "big")
    mask = int.from_bytes(_COOKIE_BYTES + transaction_id, "big")
    return (int.from_bytes(host, "big") ^ mask).to_bytes(IPV6_LENGTH, "big")
