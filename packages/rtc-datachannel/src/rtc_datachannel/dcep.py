"""The two messages of the Data Channel Establishment Protocol. See :rfc:`8832#section-5`."""

import struct
from enum import IntEnum
from typing import Final, Self

from .dataclass import dataclass
from .errors import ParseError

MAX_TEXT_LENGTH: Final = 0xFFFF
"""Longest label and longest protocol in bytes of UTF-8: their lengths have 16 bits."""

MAX_RELIABILITY_PARAMETER: Final = 0xFFFF_FFFF
MAX_PRIORITY: Final = 0xFFFF

_HEADER: Final = struct.Struct("!BBHLHH")

MAX_OPEN_LENGTH: Final = _HEADER.size + 2 * MAX_TEXT_LENGTH
"""Longest OPEN message in bytes."""

UNORDERED_BIT: Final = 0x80
"""Set in the types of channels whose messages may overtake each other."""


class MessageType(IntEnum):
    """The first byte of a DCEP message. See :rfc:`8832#section-8.2.1`."""

    ACK = 0x02
    OPEN = 0x03


class ChannelType(IntEnum):
    """How messages of a channel are delivered. See :rfc:`8832#section-5.1`."""

    RELIABLE = 0x00
    PARTIAL_RELIABLE_REXMIT = 0x01
    PARTIAL_RELIABLE_TIMED = 0x02
    RELIABLE_UNORDERED = 0x80
    PARTIAL_RELIABLE_REXMIT_UNORDERED = 0x81
    PARTIAL_RELIABLE_TIMED_UNORDERED = 0x82


KNOWN_CHANNEL_TYPES: Final = frozenset(int(kind) for kind in ChannelType)


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    r"""DATA_CHANNEL_OPEN: what the opener wants the channel to be.

    ::

         0               1               2               3
        +---------------+---------------+-------------------------------+
        |   type 0x03   | channel type  |           priority            |
        +---------------+---------------+-------------------------------+
        |       retransmissions, or lifetime in ms, or nothing          |
        +-------------------------------+-------------------------------+
        |      length of the label      |    length of the protocol     |
        +-------------------------------+-------------------------------+
        |  label, then protocol: UTF-8, no padding, nothing after them  |
        +---------------------------------------------------------------+

    Raises:
        ValueError: A number is out of its range, or a text is longer than 65,535 bytes or has no UTF-8 form.

    See :rfc:`8832#section-5.1`.
    """

    label: str = ""
    protocol: str = ""
    """Name from the registry of WebSocket subprotocols, or empty."""

    channel_type: int = ChannelType.RELIABLE
    """A ``ChannelType``, or a number nobody knows yet."""

    priority: int = 0
    """Weight, 0 to 65,535."""

    reliability_parameter: int = 0
    """Retransmissions or milliseconds; means nothing for reliable channels. 32 bits."""

    def __post_init__(self) -> None:
        if not 0 <= self.channel_type <= 0xFF:
            raise ValueError("channel_type has 8 bits")
        if not 0 <= self.priority <= MAX_PRIORITY:
            raise ValueError("priority is 0 to 65535")
        if not 0 <= self.reliability_parameter <= MAX_RELIABILITY_PARAMETER:
            raise ValueError("reliability_parameter has 32 bits")
        encode_text(self.label)
        encode_text(self.protocol)

    @classmethod
    def for_channel(
        cls,
        *,
        label: str,
        protocol: str,
        ordered: bool,
        max_retransmits: int | None,
        max_packet_life_time_ms: int | None,
        priority: int,
    ) -> Self:
        """Put a channel's properties into the form of the wire.

        Raises:
            ValueError: As the class, or both limits are given.
        """
        if max_retransmits is not None and max_packet_life_time_ms is not None:
            raise ValueError("a channel is limited by retransmissions or by lifetime, not by both")
        kind = ChannelType.RELIABLE
        # [rfc8832:5.1/1] A reliable channel sends 0.
        parameter = 0
        if max_retransmits is not None:
            kind, parameter = ChannelType.PARTIAL_RELIABLE_REXMIT, max_retransmits
        elif max_packet_life_time_ms is not None:
            kind, parameter = ChannelType.PARTIAL_RELIABLE_TIMED, max_packet_life_time_ms
        return cls(
            label=label,
            protocol=protocol,
            channel_type=kind if ordered else kind | UNORDERED_BIT,
            priority=priority,
            reliability_parameter=parameter,
        )

    @property
    def ordered(self) -> bool:
        """Whether messages arrive in the order in which they were sent."""
        return not self.channel_type & UNORDERED_BIT

    @property
    def max_retransmits(self) -> int | None:
        """How often a message is sent again at most, ``None`` without such a limit."""
        # [rfc8832:5.1/2] Only the limited types look at the parameter.
        if self.channel_type & ~UNORDERED_BIT == ChannelType.PARTIAL_RELIABLE_REXMIT:
            return self.reliability_parameter
        return None

    @property
    def max_packet_life_time_ms(self) -> int | None:
        """For how many milliseconds a message is sent at most, ``None`` without such a limit."""
        if self.channel_type & ~UNORDERED_BIT == ChannelType.PARTIAL_RELIABLE_TIMED:
            return self.reliability_parameter
        return None

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Parse one OPEN message.

        Args:
            data: The whole user message, payload protocol identifier 50.

        Raises:
            ParseError: ``data`` is truncated, of another type, longer than its fields say, or not UTF-8.

        See :rfc:`8832#section-5.1`.
        """
        if len(data) < _HEADER.size:
            raise ParseError(f"OPEN is at least {_HEADER.size} bytes, got {len(data)}")
        message_type, channel_type, priority, parameter, label_length, protocol_length = _HEADER.unpack_from(data)
        if message_type != MessageType.OPEN:
            raise ParseError(f"not an OPEN message: type {message_type:#04x}")
        # [rfc8832:5.1/3] Lengths count bytes, not characters.
        # [rfc8832:7/2]
        if len(data) != _HEADER.size + label_length + protocol_length:
            raise ParseError(f"label of {label_length} and protocol of {protocol_length} bytes in {len(data)} bytes")
        border = _HEADER.size + label_length
        try:
            label = data[_HEADER.size : border].decode()
            protocol = data[border:].decode()
        except UnicodeDecodeError as error:
            raise ParseError(f"label or protocol is not UTF-8: {error.reason}") from None
        return cls(
            label=label,
            protocol=protocol,
            channel_type=channel_type,
            priority=priority,
            reliability_parameter=parameter,
        )

    def __bytes__(self) -> bytes:
        # [rfc8832:5.1/3]
        label = encode_text(self.label)
        protocol = encode_text(self.protocol)
        header = _HEADER.pack(
            MessageType.OPEN,
            self.channel_type,
            self.priority,
            self.reliability_parameter,
            len(label),
            len(protocol),
        )
        return header + label + protocol


@dataclass(frozen=True, slots=True)
class Ack:
    """DATA_CHANNEL_ACK: the peer took the channel. One byte, 0x02. See :rfc:`8832#section-5.2`."""

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Parse one ACK message.

        Raises:
            ParseError: ``data`` is anything but the one byte.
        """
        if data != _ACK:
            raise ParseError("ACK is the single byte 0x02")
        return cls()

    def __bytes__(self) -> bytes:
        return _ACK


_ACK: Final = bytes([MessageType.ACK])

DcepMessage = Open | Ack


def parse_message(data: bytes) -> DcepMessage:
    """Parse whatever arrived with payload protocol identifier 50.

    Raises:
        ParseError: ``data`` is neither a well-formed OPEN nor an ACK.
    """
    if data[:1] == _ACK:
        return Ack.parse(data)
    return Open.parse(data)


def encode_text(text: str) -> bytes:
    """The UTF-8 form of a label or protocol.

    Raises:
        ValueError: It is longer than 65,535 bytes, or the text has lone surrogates and so no such form.
    """
    encoded = text.encode()
    if len(encoded) > MAX_TEXT_LENGTH:
        raise ValueError(f"label and protocol have at most {MAX_TEXT_LENGTH} bytes of UTF-8, got {len(encoded)}")
    return encoded
