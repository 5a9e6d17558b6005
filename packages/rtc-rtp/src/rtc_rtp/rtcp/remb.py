"""The receiver's estimate of the maximum bit rate, REMB (draft-alvestrand-rmcat-remb-03)."""

from dataclasses import field
from struct import Struct
from typing import ClassVar, Final, Self

from rtc_rtp.dataclass import dataclass
from rtc_rtp.errors import ParseError
from rtc_rtp.rtcp.codec_control import exponent_and_mantissa
from rtc_rtp.rtcp.feedback import APPLICATION_LAYER_FORMAT, PAYLOAD_FEEDBACK, Feedback
from rtc_rtp.rtcp.packet import pack

IDENTIFIER: Final = b"REMB"
MAX_SSRC_COUNT: Final = 255

_FIXED: Final = Struct("!4sI")
_SSRC: Final = Struct("!I")
_MANTISSA_BITS: Final = 18


@dataclass(slots=True)
class ReceiverEstimatedMaximumBitrate(Feedback):
    """Asks the senders of some streams not to send more than so many bits per second in all.

    ::

        "REMB"
        number of SSRCs, 8 bits | exponent, 6 bits | mantissa, 18 bits
        SSRCs ...

    `media_ssrc` is 0. See draft-alvestrand-rmcat-remb-03, section 2.
    """

    PACKET_TYPE: ClassVar[int] = PAYLOAD_FEEDBACK
    FORMAT: ClassVar[int] = APPLICATION_LAYER_FORMAT

    bitrate_bps: int
    """Bits per second, headers included; written with 18 significant bits, rounded down."""
    ssrcs: list[int] = field(default_factory=list)
    """The streams, up to 255."""

    @classmethod
    def _parse_fci(cls, sender_ssrc: int, media_ssrc: int, fci: bytes) -> Self:
        if len(fci) < _FIXED.size or not fci.startswith(IDENTIFIER):
            raise ParseError("not a REMB")
        _, word = _FIXED.unpack_from(fci)
        count = word >> 24
        if len(fci) != _FIXED.size + 4 * count:
            raise ParseError(f"{count} streams do not make {len(fci) - _FIXED.size} bytes")
        ssrcs = [_SSRC.unpack_from(fci, at)[0] for at in range(_FIXED.size, len(fci), 4)]
        return cls(sender_ssrc, media_ssrc, (word & 0x3_FFFF) << (word >> 18 & 0x3F), ssrcs)

    def _fci(self) -> bytes:
        if len(self.ssrcs) > MAX_SSRC_COUNT:
            raise ValueError(f"a REMB names at most {MAX_SSRC_COUNT} streams, not {len(self.ssrcs)}")
        exponent, mantissa = exponent_and_mantissa(self.bitrate_bps, _MANTISSA_BITS)
        word = len(self.ssrcs) << 24 | exponent << 18 | mantissa
        return _FIXED.pack(IDENTIFIER, word) + b"".join([pack(_SSRC, ssrc) for ssrc in self.ssrcs])
