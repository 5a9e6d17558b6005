"""Feedback of a decoder to its encoder: lost pictures and slices, pictures to refer to (:rfc:`4585#section-6.3`)."""

from dataclasses import field
from struct import Struct
from typing import ClassVar, Final, Self

from rtc_rtp.dataclass import dataclass
from rtc_rtp.errors import ParseError
from rtc_rtp.rtcp.feedback import PAYLOAD_FEEDBACK, Feedback, entries

_SLICE: Final = Struct("!I")
_MAX_MACROBLOCK: Final = 0x1FFF
_MAX_PICTURE_ID: Final = 0x3F
_MAX_PAYLOAD_TYPE: Final = 0x7F


@dataclass(slots=True)
class PictureLossIndication(Feedback):
    """A decoder lost some of one picture or more and asks for one that needs no other.

    See :rfc:`4585#section-6.3.1`.
    """

    PACKET_TYPE: ClassVar[int] = PAYLOAD_FEEDBACK
    FORMAT: ClassVar[int] = 1

    @classmethod
    def _parse_fci(cls, sender_ssrc: int, media_ssrc: int, fci: bytes) -> Self:
        # [rfc4585:6.3.1/1] [rfc4585:6.3.1.2/1] [rfc4585:6.3.1.2/2]
        if fci:
            raise ParseError(f"a PLI has no control information, not {len(fci)} bytes")
        return cls(sender_ssrc, media_ssrc)


@dataclass(slots=True)
class LostSlice:
    """Macroblocks in a row that a decoder lost.

    ::

        first, 13 bits | number, 13 bits | picture ID, 6 bits
    """

    first: int
    """The first lost macroblock, 1 for the one on the upper left."""
    number: int
    """How many, in the order of a raster scan."""
    picture_id: int
    """The lowest six bits of what the codec calls the picture."""


@dataclass(slots=True)
class SliceLossIndication(Feedback):
    """A decoder lost slices of pictures.

    See :rfc:`4585#section-6.3.2`.
    """

    PACKET_TYPE: ClassVar[int] = PAYLOAD_FEEDBACK
    FORMAT: ClassVar[int] = 2

    slices: list[LostSlice] = field(default_factory=list)
    """At least one."""

    @classmethod
    def _parse_fci(cls, sender_ssrc: int, media_ssrc: int, fci: bytes) -> Self:
        slices = []
        for at in entries(fci, _SLICE.size, "SLI"):
            (word,) = _SLICE.unpack_from(fci, at)
            slices.append(LostSlice(word >> 19, word >> 6 & _MAX_MACROBLOCK, word & _MAX_PICTURE_ID))
        return cls(sender_ssrc, media_ssrc, slices)

    def _fci(self) -> bytes:
        # [rfc4585:6.3.2/1]
        if not self.slices:
            raise ValueError("an SLI names at least one slice")
        data = b""
        for lost in self.slices:
            in_range = (
                0 <= lost.first <= _MAX_MACROBLOCK
                and 0 <= lost.number <= _MAX_MACROBLOCK
                and 0 <= lost.picture_id <= _MAX_PICTURE_ID
            )
            if not in_range:
                raise ValueError(f"{lost} does not fit 13, 13 and 6 bits")
            # [rfc4585:6.3.2.2/1]
            data += _SLICE.pack(lost.first << 19 | lost.number << 6 | lost.picture_id)
        return data


@dataclass(slots=True)
class ReferencePictureSelection(Feedback):
    """A decoder tells which picture it has, in the words of the codec.

    ::

        PB, 8 bits | 0 | payload type, 7 bits | bit string of the codec ... | PB zero bits

    See :rfc:`4585#section-6.3.3`.
    """

    PACKET_TYPE: ClassVar[int] = PAYLOAD_FEEDBACK
    FORMAT: ClassVar[int] = 3

    payload_type: int
    """Of the codec whose words they are."""
    bit_string: bytes
    """Whole bytes, the last one filled with zeros."""
    unused_bits: int = 0
    """Bits of its last byte that do not belong to the string: 0 to 7."""

    @classmethod
    def _parse_fci(cls, sender_ssrc: int, media_ssrc: int, fci: bytes) -> Self:
        if len(fci) < 2:
            raise ParseError(f"an RPSI has at least 2 bytes of control information, not {len(fci)}")
        padding_bits = fci[0]
        end = len(fci) - (padding_bits >> 3)
        if end < 2 + (1 if padding_bits & 7 else 0):
            raise ParseError(f"{padding_bits} bits of padding in {len(fci) - 2} bytes")
        # [rfc4585:6.3.3.2/2] The bit before the payload type is not looked at.
        return cls(sender_ssrc, media_ssrc, fci[1] & _MAX_PAYLOAD_TYPE, fci[2:end], padding_bits & 7)

    def _fci(self) -> bytes:
        if not 0 <= self.payload_type <= _MAX_PAYLOAD_TYPE:
            raise ValueError(f"a payload type is 0 to 127, not {self.payload_type}")
        if not 0 <= self.unused_bits <= (7 if self.bit_string else 0):
            raise ValueError(f"{self.unused_bits} unused bits are none or more than a byte has")
        padding_length = -(2 + len(self.bit_string)) & 3
        # [rfc4585:6.3.3/1] [rfc4585:6.3.3.2/1] [rfc4585:6.3.3.2/3]
        head = bytes((8 * padding_length + self.unused_bits, self.payload_type))
        return head + self.bit_string + bytes(padding_length)
