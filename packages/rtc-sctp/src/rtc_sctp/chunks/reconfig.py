"""RE-CONFIG: resetting and adding streams. See :rfc:`6525#section-3.1`."""

from typing import ClassVar, Self

from rtc_sctp.dataclass import dataclass
from rtc_sctp.errors import ParseError
from rtc_sctp.parameter import Parameter
from rtc_sctp.parameters import parse_parameters
from rtc_sctp.tlv import join_tlvs

from .chunk import KnownChunk, encode_chunk


@dataclass(slots=True)
class ReconfigChunk(KnownChunk):
    """One or two requests or responses. See :rfc:`6525#section-3.1`."""

    TYPE: ClassVar[int] = 130

    parameters: tuple[Parameter, ...]
    """At least one; which may come together is the association's to judge."""

    @classmethod
    def parse(cls, _flags: int, value: bytes, /) -> Self:
        """Read flags and value.

        Raises:
            ParseError: A parameter is malformed, or there is none.
        """
        parameters = parse_parameters(value)
        if not parameters:
            raise ParseError("RE-CONFIG without a parameter")
        return cls(parameters)

    def serialize(self) -> bytes:
        """Write the chunk with its header.

        Raises:
            ValueError: The chunk is longer than 65,535 bytes.
        """
        return encode_chunk(self.TYPE, 0, join_tlvs([parameter.serialize() for parameter in self.parameters]))
