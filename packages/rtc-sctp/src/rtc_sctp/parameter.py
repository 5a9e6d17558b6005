"""What a parameter is, and how a chunk's parameters are read. See :rfc:`9260#section-3.2.1`."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar, Final, Self

from .dataclass import dataclass
from .tlv import encode_tlv, split_tlvs

_SKIP_BIT: Final = 0x8000
_REPORT_BIT: Final = 0x4000


class Parameter(ABC):
    """One parameter of an INIT, INIT ACK, HEARTBEAT or RE-CONFIG chunk."""

    __slots__ = ()

    @abstractmethod
    def serialize(self) -> bytes:
        """Write the parameter with its header, padded to four bytes.

        Raises:
            ValueError: The value is longer than 65,531 bytes.
        """


class KnownParameter(Parameter):
    """A parameter whose type has a class of its own."""

    __slots__ = ()

    TYPE: ClassVar[int]

    @classmethod
    @abstractmethod
    def parse(cls, value: bytes, /) -> Self:
        """Read the value, without header and padding.

        Raises:
            ParseError: The value is not what the type calls for.
        """

    @abstractmethod
    def value(self) -> bytes:
        """Write the value alone."""

    def serialize(self) -> bytes:
        """Write the parameter with its header, padded to four bytes."""
        return encode_tlv(self.TYPE, self.value())


@dataclass(slots=True)
class UnknownParameter(Parameter):
    """A parameter of any other type; the two high bits of the type say what to do with it."""

    type: int
    contents: bytes = b""

    @property
    def skip(self) -> bool:
        """Whether processing goes on with the next parameter; otherwise it ends here."""
        # [rfc9260:3.2.1/7]
        return bool(self.type & _SKIP_BIT)

    @property
    def report(self) -> bool:
        """Whether the sender wants to be told that the parameter was not understood."""
        return bool(self.type & _REPORT_BIT)

    def serialize(self) -> bytes:
        """Write the parameter with its header, padded to four bytes: the very bytes that a report returns."""
        return encode_tlv(self.type, self.contents)


def read_parameters(data: bytes, registry: Mapping[int, type[KnownParameter]]) -> tuple[Parameter, ...]:
    """Read the parameters of a chunk as far as they are to be processed.

    Unknown ones are included. One that forbids to go on is the last of the result, and what follows it is not read.

    Raises:
        ParseError: A parameter is malformed.
    """
    parameters: list[Parameter] = []
    for type_, value in split_tlvs(data):
        known = registry.get(type_)
        if known is not None:
            parameters.append(known.parse(value))
            continue
        unknown = UnknownParameter(type_, value)
        parameters.append(unknown)
        # [rfc9260:3.2.1/6]
        if not unknown.skip:
            break
    return tuple(parameters)
