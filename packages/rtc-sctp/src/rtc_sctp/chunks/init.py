"""INIT and INIT ACK: the two chunks that open an association.

::

     0               1               2               3
    +---------------+---------------+-------------------------------+
    |  type 1 or 2  |       0       |            length             |
    +---------------+---------------+-------------------------------+
    |                         initiate tag                          |
    +---------------------------------------------------------------+
    |         advertised receiver window credit (a_rwnd)            |
    +-------------------------------+-------------------------------+
    |       outbound streams        |        inbound streams        |
    +-------------------------------+-------------------------------+
    |                          initial TSN                          |
    +---------------------------------------------------------------+
    |                          parameters                           |
    +---------------------------------------------------------------+

What the fields may hold is the association's to judge, since the answer differs from case to case.
See :rfc:`9260#section-3.3.2` and :rfc:`9260#section-3.3.3`.
"""

import struct
from typing import ClassVar, Final, Self

from rtc_sctp.dataclass import dataclass
from rtc_sctp.errors import ParseError
from rtc_sctp.parameter import Parameter
from rtc_sctp.parameters import parse_parameters
from rtc_sctp.tlv import join_tlvs

from .chunk import KnownChunk, encode_chunk

MINIMUM_A_RWND: Final = 1500
"""Smallest window in bytes that INIT and INIT ACK may advertise."""

_FIELDS: Final = struct.Struct("!LLHHL")


@dataclass(slots=True)
class InitChunk(KnownChunk):
    """The wish for an association. See :rfc:`9260#section-3.3.2`."""

    TYPE: ClassVar[int] = 1

    initiate_tag: int
    """Verification tag of the packets to the sender of this chunk; 0 is not allowed."""
    a_rwnd: int
    """Bytes that the sender has room for."""
    outbound_streams: int
    """Streams the sender wants to send on, 1 to 65,535."""
    inbound_streams: int
    """Streams the sender can receive on, 1 to 65,535."""
    initial_tsn: int
    parameters: tuple[Parameter, ...] = ()

    @classmethod
    def parse(cls, _flags: int, value: bytes, /) -> Self:
        """Read flags and value.

        Raises:
            ParseError: A fixed field is missing, or a parameter is malformed.
        """
        # [rfc9260:3.3.2/5] [rfc9260:3.3.2.1/1]
        if len(value) < _FIELDS.size:
            raise ParseError(f"INIT with a value of {len(value)} bytes")
        tag, a_rwnd, outbound, inbound, initial_tsn = _FIELDS.unpack_from(value)
        return cls(tag, a_rwnd, outbound, inbound, initial_tsn, parse_parameters(value[_FIELDS.size :]))

    def serialize(self) -> bytes:
        """Write the chunk with its header, padded to four bytes.

        Raises:
            ValueError: The chunk is longer than 65,535 bytes.
        """
        fields = _FIELDS.pack(
            self.initiate_tag, self.a_rwnd, self.outbound_streams, self.inbound_streams, self.initial_tsn
        )
        # [rfc9260:3.3.2/5] [rfc9260:3.3.2.1/1]
        return encode_chunk(self.TYPE, 0, fields + _join(self.parameters))


@dataclass(slots=True)
class InitAckChunk(KnownChunk):
    """The answer to INIT, with the cookie that INIT's sender has to bring back. See :rfc:`9260#section-3.3.3`."""

    TYPE: ClassVar[int] = 2

    initiate_tag: int
    """Verification tag of the packets to the sender of this chunk; 0 is not allowed."""
    a_rwnd: int
    """Bytes that the sender has room for."""
    outbound_streams: int
    """Streams the sender wants to send on, 1 to 65,535."""
    inbound_streams: int
    """Streams the sender can receive on, 1 to 65,535."""
    initial_tsn: int
    parameters: tuple[Parameter, ...] = ()

    @classmethod
    def parse(cls, _flags: int, value: bytes, /) -> Self:
        """Read flags and value.

        Raises:
            ParseError: A fixed field is missing, or a parameter is malformed.
        """
        # [rfc9260:3.3.3/3] [rfc9260:3.3.3.1/2]
        if len(value) < _FIELDS.size:
            raise ParseError(f"INIT ACK with a value of {len(value)} bytes")
        tag, a_rwnd, outbound, inbound, initial_tsn = _FIELDS.unpack_from(value)
        return cls(tag, a_rwnd, outbound, inbound, initial_tsn, parse_parameters(value[_FIELDS.size :]))

    def serialize(self) -> bytes:
        """Write the chunk with its header, padded to four bytes.

        Raises:
            ValueError: The chunk is longer than 65,535 bytes.
        """
        fields = _FIELDS.pack(
            self.initiate_tag, self.a_rwnd, self.outbound_streams, self.inbound_streams, self.initial_tsn
        )
        # [rfc9260:3.3.3/3] [rfc9260:3.3.3.1/2]
        return encode_chunk(self.TYPE, 0, fields + _join(self.parameters))


def _join(parameters: tuple[Parameter, ...]) -> bytes:
    return join_tlvs([parameter.serialize() for parameter in parameters])
