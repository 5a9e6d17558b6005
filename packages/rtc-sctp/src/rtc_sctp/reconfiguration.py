"""The parameters of RE-CONFIG: requests to reset or add streams, and the response. See :rfc:`6525#section-4`."""

import struct
from enum import IntEnum
from typing import ClassVar, Final, Self

from .dataclass import dataclass
from .errors import ParseError
from .parameter import KnownParameter

_OUTGOING: Final = struct.Struct("!LLL")
_SEQUENCE: Final = struct.Struct("!L")
_RESPONSE: Final = struct.Struct("!LL")
_RESPONSE_WITH_TSNS: Final = struct.Struct("!LLLL")
_ADD: Final = struct.Struct("!LHH")


class ReconfigurationResult(IntEnum):
    """The results that a response can bring. See :rfc:`6525#section-4.4`."""

    NOTHING_TO_DO = 0
    PERFORMED = 1
    DENIED = 2
    WRONG_SSN = 3
    REQUEST_ALREADY_IN_PROGRESS = 4
    BAD_SEQUENCE_NUMBER = 5
    IN_PROGRESS = 6


@dataclass(slots=True)
class OutgoingSsnResetRequest(KnownParameter):
    """The sender resets streams of its own; also the answer to an `IncomingSsnResetRequest`.

    ::

        +-------------------------------+-------------------------------+
        |           type 13             |        length 16 + 2 N        |
        +-------------------------------+-------------------------------+
        |                request sequence number                        |
        +---------------------------------------------------------------+
        |   sequence number of the request that this one answers        |
        +---------------------------------------------------------------+
        |             last TSN that the sender has assigned             |
        +-------------------------------+-------------------------------+
        |           stream 1            |    stream 2, ... stream N     |
        +-------------------------------+-------------------------------+

    See :rfc:`6525#section-4.1`.
    """

    TYPE: ClassVar[int] = 13

    request_sequence: int
    response_sequence: int
    """Number of the incoming request that this one answers; otherwise the last number the peer used."""
    last_assigned_tsn: int
    streams: tuple[int, ...] = ()
    """Stream identifiers; none stands for all."""

    @classmethod
    def parse(cls, value: bytes, /) -> Self:
        """Read the value.

        Raises:
            ParseError: The length is wrong.
        """
        # [rfc6525:4.1/1]
        if len(value) < _OUTGOING.size or len(value) % 2:
            raise ParseError(f"an outgoing reset request of {len(value)} bytes")
        request, response, tsn = _OUTGOING.unpack_from(value)
        return cls(request, response, tsn, _unpack_streams(value, _OUTGOING.size))

    def value(self) -> bytes:
        """Write the value alone."""
        # [rfc6525:4.1/1]
        head = _OUTGOING.pack(self.request_sequence, self.response_sequence, self.last_assigned_tsn)
        return head + _pack_streams(self.streams)


@dataclass(slots=True)
class IncomingSsnResetRequest(KnownParameter):
    """The sender asks its peer to reset the peer's outgoing streams. See :rfc:`6525#section-4.2`."""

    TYPE: ClassVar[int] = 14

    request_sequence: int
    streams: tuple[int, ...] = ()
    """Stream identifiers; none stands for all."""

    @classmethod
    def parse(cls, value: bytes, /) -> Self:
        """Read the value.

        Raises:
            ParseError: The length is wrong.
        """
        # [rfc6525:4.2/1]
        if len(value) < _SEQUENCE.size or len(value) % 2:
            raise ParseError(f"an incoming reset request of {len(value)} bytes")
        (request,) = _SEQUENCE.unpack_from(value)
        return cls(request, _unpack_streams(value, _SEQUENCE.size))

    def value(self) -> bytes:
        """Write the value alone."""
        return _SEQUENCE.pack(self.request_sequence) + _pack_streams(self.streams)


@dataclass(slots=True)
class SsnTsnResetRequest(KnownParameter):
    """The sender asks to start all numbers of the association anew. See :rfc:`6525#section-4.3`."""

    TYPE: ClassVar[int] = 15

    request_sequence: int

    @classmethod
    def parse(cls, value: bytes, /) -> Self:
        """Read the value.

        Raises:
            ParseError: The length is wrong.
        """
        # [rfc6525:4.3/1]
        if len(value) != _SEQUENCE.size:
            raise ParseError(f"an SSN/TSN reset request of {len(value)} bytes")
        return cls(*_SEQUENCE.unpack(value))

    def value(self) -> bytes:
        """Write the value alone."""
        return _SEQUENCE.pack(self.request_sequence)


@dataclass(slots=True)
class ReconfigurationResponse(KnownParameter):
    r"""What became of a request.

    ::

        +-------------------------------+-------------------------------+
        |           type 16             |       length 12 or 20         |
        +-------------------------------+-------------------------------+
        |          sequence number of the request                       |
        +---------------------------------------------------------------+
        |                            result                             |
        +---------------------------------------------------------------+
        |     sender's next TSN     \  both, or none: only in the       |
        |     receiver's next TSN   /  response to an SSN/TSN reset     |
        +---------------------------------------------------------------+

    See :rfc:`6525#section-4.4`.
    """

    TYPE: ClassVar[int] = 16

    response_sequence: int
    result: int
    """One of `ReconfigurationResult`, or a value that this package does not know."""
    next_tsns: tuple[int, int] | None = None
    """Sender's and receiver's next TSN; only in the response to an SSN/TSN reset."""

    @classmethod
    def parse(cls, value: bytes, /) -> Self:
        """Read the value.

        Raises:
            ParseError: The length is wrong.
        """
        # [rfc6525:4.4/1] [rfc6525:4.4/2]
        if len(value) == _RESPONSE.size:
            return cls(*_RESPONSE.unpack(value))
        if len(value) == _RESPONSE_WITH_TSNS.size:
            sequence, result, sender, receiver = _RESPONSE_WITH_TSNS.unpack(value)
            return cls(sequence, result, (sender, receiver))
        raise ParseError(f"a re-configuration response of {len(value)} bytes")

    def value(self) -> bytes:
        """Write the value alone."""
        # [rfc6525:4.4/1] [rfc6525:4.4/2]
        if self.next_tsns is None:
            return _RESPONSE.pack(self.response_sequence, self.result)
        return _RESPONSE_WITH_TSNS.pack(self.response_sequence, self.result, *self.next_tsns)


@dataclass(slots=True)
class AddOutgoingStreams(KnownParameter):
    """The sender wants to have more outgoing streams. See :rfc:`6525#section-4.5`."""

    TYPE: ClassVar[int] = 17

    request_sequence: int
    stream_count: int
    """How many to add, 0 to 65,535."""

    @classmethod
    def parse(cls, value: bytes, /) -> Self:
        """Read the value.

        Raises:
            ParseError: The length is wrong.
        """
        # [rfc6525:4.5/1]
        if len(value) != _ADD.size:
            raise ParseError(f"an add outgoing streams request of {len(value)} bytes")
        # [rfc6525:4.5/2]
        request, count, _reserved = _ADD.unpack(value)
        return cls(request, count)

    def value(self) -> bytes:
        """Write the value alone."""
        # [rfc6525:4.5/2]
        return _ADD.pack(self.request_sequence, self.stream_count, 0)


@dataclass(slots=True)
class AddIncomingStreams(KnownParameter):
    """The sender asks its peer to add outgoing streams. See :rfc:`6525#section-4.6`."""

    TYPE: ClassVar[int] = 18

    request_sequence: int
    stream_count: int
    """How many to add, 0 to 65,535."""

    @classmethod
    def parse(cls, value: bytes, /) -> Self:
        """Read the value.

        Raises:
            ParseError: The length is wrong.
        """
        # [rfc6525:4.6/1]
        if len(value) != _ADD.size:
            raise ParseError(f"an add incoming streams request of {len(value)} bytes")
        # [rfc6525:4.6/2]
        request, count, _reserved = _ADD.unpack(value)
        return cls(request, count)

    def value(self) -> bytes:
        """Write the value alone."""
        # [rfc6525:4.6/2]
        return _ADD.pack(self.request_sequence, self.stream_count, 0)


RECONFIGURATION_PARAMETERS: Final[tuple[type[KnownParameter], ...]] = (
    OutgoingSsnResetRequest,
    IncomingSsnResetRequest,
    SsnTsnResetRequest,
    ReconfigurationResponse,
    AddOutgoingStreams,
    AddIncomingStreams,
)


def _unpack_streams(value: bytes, offset: int) -> tuple[int, ...]:
    return struct.unpack_from(f"!{(len(value) - offset) // 2}H", value, offset)


def _pack_streams(streams: tuple[int, ...]) -> bytes:
    return struct.pack(f"!{len(streams)}H", *streams)
