"""Commands to encoders: full intra requests, trade-offs, bit rates, back channels (:rfc:`5104#section-4`)."""

from dataclasses import field
from struct import Struct
from typing import ClassVar, Final, Self

from rtc_rtp.dataclass import dataclass
from rtc_rtp.errors import ParseError
from rtc_rtp.rtcp.feedback import PAYLOAD_FEEDBACK, TRANSPORT_FEEDBACK, Feedback, entries
from rtc_rtp.rtcp.packet import pack

_SSRCS: Final = Struct("!II")
# [rfc5104:4.3.1.1/4] [rfc5104:4.3.2.1/4] [rfc5104:4.3.3.1/2] An "x" writes zeros and reads over anything.
_COMMAND: Final = Struct("!IBxxx")
_TRADE_OFF: Final = Struct("!IBxxB")
_BITRATE: Final = Struct("!II")
_BACK_CHANNEL: Final = Struct("!IBBH")
_MAX_EXPONENT: Final = 63
_MANTISSA_BITS: Final = 17
_MAX_OVERHEAD: Final = 0x1FF
_MAX_INDEX: Final = 0x1F
_MAX_PAYLOAD_TYPE: Final = 0x7F


class CodecControl(Feedback):
    """Feedback that names the senders it is for in its entries, and none in its head.

    Whatever `media_ssrc` says, 0 is written; it is not looked at.

    See :rfc:`5104#section-4`.
    """

    __slots__ = ()

    @classmethod
    def _parse_body(cls, count: int, body: bytes, /) -> Self:
        message = super()._parse_body(count, body)
        message.media_ssrc = 0
        return message

    def _body(self) -> tuple[int, bytes]:
        # [rfc5104:4.2.1.2/2] [rfc5104:4.2.2.2/1] [rfc5104:4.3.1.2/1] [rfc5104:4.3.2.2/3] [rfc5104:4.3.3.2/6]
        # [rfc5104:4.3.4.2/1]
        return self.FORMAT, pack(_SSRCS, self.sender_ssrc, 0) + self._fci()


@dataclass(slots=True)
class IntraRequest:
    """Asks one sender for a picture from which a decoder can start.

    ::

        SSRC
        sequence number, 8 bits | reserved, 24 bits
    """

    ssrc: int
    """The sender that is asked."""
    sequence_number: int
    """Of the command, 8 bits: a repetition has the same one."""


@dataclass(slots=True)
class FullIntraRequest(CodecControl):
    """Commands senders to send a picture from which a decoder can start (FIR); `media_ssrc` is 0.

    See :rfc:`5104#section-4.3.1`.
    """

    PACKET_TYPE: ClassVar[int] = PAYLOAD_FEEDBACK
    FORMAT: ClassVar[int] = 4

    requests: list[IntraRequest] = field(default_factory=list)
    """At least one."""

    @classmethod
    def _parse_fci(cls, sender_ssrc: int, media_ssrc: int, fci: bytes) -> Self:
        requests = [IntraRequest(*_COMMAND.unpack_from(fci, at)) for at in entries(fci, _COMMAND.size, "FIR")]
        return cls(sender_ssrc, media_ssrc, requests)

    def _fci(self) -> bytes:
        # [rfc5104:4.3.1/1]
        if not self.requests:
            raise ValueError("a FIR names at least one sender")
        # [rfc5104:4.3.1.1/1]
        return b"".join([pack(_COMMAND, each.ssrc, each.sequence_number) for each in self.requests])


@dataclass(slots=True)
class TradeOff:
    """A wish for sharpness or smoothness, or what came of it.

    ::

        SSRC
        sequence number, 8 bits | reserved, 19 bits | index, 5 bits
    """

    ssrc: int
    """The sender that is asked; in a notification, the one that had asked."""
    sequence_number: int
    """Of the command, 8 bits: a repetition and its notification have the same one."""
    index: int
    """0 for the sharpest pictures to 31 for the highest frame rate."""


@dataclass(slots=True)
class TemporalSpatialTradeOffRequest(CodecControl):
    """Asks encoders to trade spatial for temporal resolution (TSTR); `media_ssrc` is 0.

    See :rfc:`5104#section-4.3.2`.
    """

    PACKET_TYPE: ClassVar[int] = PAYLOAD_FEEDBACK
    FORMAT: ClassVar[int] = 5

    trade_offs: list[TradeOff] = field(default_factory=list)
    """At least one."""

    @classmethod
    def _parse_fci(cls, sender_ssrc: int, media_ssrc: int, fci: bytes) -> Self:
        offsets = entries(fci, _TRADE_OFF.size, cls.__name__)
        return cls(sender_ssrc, media_ssrc, [_parse_trade_off(fci, at) for at in offsets])

    def _fci(self) -> bytes:
        return _serialize_trade_offs(self.trade_offs)


@dataclass(slots=True)
class TemporalSpatialTradeOffNotification(CodecControl):
    """Tells which trade-off an encoder makes from now on (TSTN); `media_ssrc` is 0.

    See :rfc:`5104#section-4.3.3`.
    """

    PACKET_TYPE: ClassVar[int] = PAYLOAD_FEEDBACK
    FORMAT: ClassVar[int] = 6

    trade_offs: list[TradeOff] = field(default_factory=list)
    """At least one."""

    @classmethod
    def _parse_fci(cls, sender_ssrc: int, media_ssrc: int, fci: bytes) -> Self:
        offsets = entries(fci, _TRADE_OFF.size, cls.__name__)
        return cls(sender_ssrc, media_ssrc, [_parse_trade_off(fci, at) for at in offsets])

    def _fci(self) -> bytes:
        return _serialize_trade_offs(self.trade_offs)


def _parse_trade_off(fci: bytes, at: int) -> TradeOff:
    ssrc, sequence_number, index = _TRADE_OFF.unpack_from(fci, at)
    return TradeOff(ssrc, sequence_number, index & _MAX_INDEX)


def _serialize_trade_offs(trade_offs: list[TradeOff]) -> bytes:
    # [rfc5104:4.3.2/1] [rfc5104:4.3.3/1]
    if not trade_offs:
        raise ValueError("a trade-off names at least one sender")
    for each in trade_offs:
        if not 0 <= each.index <= _MAX_INDEX:
            raise ValueError(f"the index of a trade-off is 0 to {_MAX_INDEX}, not {each.index}")
    # [rfc5104:4.3.2.1/1] [rfc5104:4.3.3.1/1]
    return b"".join([pack(_TRADE_OFF, each.ssrc, each.sequence_number, each.index) for each in trade_offs])


@dataclass(slots=True)
class MaximumBitrate:
    """A bound on a stream: so many bits per second at a layer where a packet has so many bytes of headers.

    ::

        SSRC
        exponent, 6 bits | mantissa, 17 bits | overhead, 9 bits
    """

    ssrc: int
    """The sender that is bounded; in a notification, the one that set the bound."""
    bitrate_bps: int
    """Bits per second; written with 17 significant bits, rounded down."""
    overhead: int
    """Bytes of headers per packet, an average: 0 to 511."""


@dataclass(slots=True)
class TemporaryMaximumBitrate(CodecControl):
    """Asks senders to stay below a bit rate (TMMBR); `media_ssrc` is 0.

    See :rfc:`5104#section-4.2.1`.
    """

    PACKET_TYPE: ClassVar[int] = TRANSPORT_FEEDBACK
    FORMAT: ClassVar[int] = 3

    bounds: list[MaximumBitrate] = field(default_factory=list)
    """At least one."""

    @classmethod
    def _parse_fci(cls, sender_ssrc: int, media_ssrc: int, fci: bytes) -> Self:
        return cls(sender_ssrc, media_ssrc, [_parse_bound(fci, at) for at in entries(fci, _BITRATE.size, "TMMBR")])

    def _fci(self) -> bytes:
        # [rfc5104:4.2.1/1]
        if not self.bounds:
            raise ValueError("a TMMBR names at least one sender")
        # [rfc5104:4.2.1.1/2]
        return b"".join([_serialize_bound(bound) for bound in self.bounds])


@dataclass(slots=True)
class TemporaryMaximumBitrateNotification(CodecControl):
    """Tells by which bounds a sender abides, and who set them (TMMBN); `media_ssrc` is 0.

    See :rfc:`5104#section-4.2.2`.
    """

    PACKET_TYPE: ClassVar[int] = TRANSPORT_FEEDBACK
    FORMAT: ClassVar[int] = 4

    bounds: list[MaximumBitrate] = field(default_factory=list)
    """None if nobody bounds the sender any more."""

    @classmethod
    def _parse_fci(cls, sender_ssrc: int, media_ssrc: int, fci: bytes) -> Self:
        offsets = entries(fci, _BITRATE.size, "TMMBN") if fci else ()
        return cls(sender_ssrc, media_ssrc, [_parse_bound(fci, at) for at in offsets])

    def _fci(self) -> bytes:
        # [rfc5104:4.2.2.1/1]
        return b"".join([_serialize_bound(bound) for bound in self.bounds])


def _parse_bound(fci: bytes, at: int) -> MaximumBitrate:
    ssrc, word = _BITRATE.unpack_from(fci, at)
    return MaximumBitrate(ssrc, (word >> 9 & 0x1_FFFF) << (word >> 26), word & _MAX_OVERHEAD)


def _serialize_bound(bound: MaximumBitrate) -> bytes:
    if not 0 <= bound.overhead <= _MAX_OVERHEAD:
        raise ValueError(f"an overhead is 0 to {_MAX_OVERHEAD} bytes, not {bound.overhead}")
    exponent, mantissa = exponent_and_mantissa(bound.bitrate_bps, _MANTISSA_BITS)
    return pack(_BITRATE, bound.ssrc, exponent << 26 | mantissa << 9 | bound.overhead)


def exponent_and_mantissa(bitrate_bps: int, mantissa_bits: int) -> tuple[int, int]:
    """Return a bit rate as mantissa times a power of two, rounded down.

    Raises:
        ValueError: It is negative, or larger than an exponent of 6 bits allows.
    """
    exponent = max(bitrate_bps.bit_length() - mantissa_bits, 0)
    if bitrate_bps < 0 or exponent > _MAX_EXPONENT:
        raise ValueError(f"{bitrate_bps} bit/s cannot be written")
    return exponent, bitrate_bps >> exponent


@dataclass(slots=True)
class BackChannel:
    """A message of H.271 to one sender.

    ::

        SSRC
        sequence number, 8 bits | 0 | payload type, 7 bits | length, 16 bits
        octets ... | 0, up to a multiple of four bytes
    """

    ssrc: int
    """The sender whose encoder it is for."""
    sequence_number: int
    """Of the command, 8 bits: a repetition has the same one."""
    payload_type: int
    """Of the stream that the message is about."""
    message: bytes
    """As H.271 defines it."""


@dataclass(slots=True)
class VideoBackChannelMessage(CodecControl):
    """What a decoder tells encoders in the words of H.271 (VBCM); `media_ssrc` is 0.

    See :rfc:`5104#section-4.3.4`.
    """

    PACKET_TYPE: ClassVar[int] = PAYLOAD_FEEDBACK
    FORMAT: ClassVar[int] = 7

    messages: list[BackChannel] = field(default_factory=list)
    """At least one."""

    @classmethod
    def _parse_fci(cls, sender_ssrc: int, media_ssrc: int, fci: bytes) -> Self:
        messages: list[BackChannel] = []
        at = 0
        while at < len(fci) or not messages:
            if at + _BACK_CHANNEL.size > len(fci):
                raise ParseError("a VBCM ends before a message")
            ssrc, sequence_number, payload_type, length = _BACK_CHANNEL.unpack_from(fci, at)
            at += _BACK_CHANNEL.size
            if at + length > len(fci):
                raise ParseError(f"a message of {length} bytes does not fit {len(fci) - at}")
            message = fci[at : at + length]
            # [rfc5104:4.3.4.1/3]
            messages.append(BackChannel(ssrc, sequence_number, payload_type & _MAX_PAYLOAD_TYPE, message))
            at += length + (-length & 3)
        return cls(sender_ssrc, media_ssrc, messages)

    def _fci(self) -> bytes:
        # [rfc5104:4.3.4/1]
        if not self.messages:
            raise ValueError("a VBCM has at least one message")
        data = b""
        for each in self.messages:
            if not 0 <= each.payload_type <= _MAX_PAYLOAD_TYPE:
                raise ValueError(f"a payload type is 0 to 127, not {each.payload_type}")
            length = len(each.message)
            data += pack(_BACK_CHANNEL, each.ssrc, each.sequence_number, each.payload_type, length)
            # [rfc5104:4.3.4.1/4]
            data += each.message + bytes(-length & 3)
        return data
