"""Negative acknowledgements (:rfc:`4585#section-6.2.1`)."""

from dataclasses import field
from struct import Struct
from typing import ClassVar, Final, Self

from rtc_rtp.dataclass import dataclass
from rtc_rtp.rtcp.feedback import TRANSPORT_FEEDBACK, Feedback, entries
from rtc_rtp.rtcp.packet import pack

_ENTRY: Final = Struct("!HH")
_MASK_BITS: Final = 16


@dataclass(slots=True)
class GenericNack(Feedback):
    """Packets that did not arrive.

    ::

        PID, a lost packet  | BLP: bit i for packet PID + i + 1

    A packet that is not named need not have arrived.

    See :rfc:`4585#section-6.2.1`.
    """

    PACKET_TYPE: ClassVar[int] = TRANSPORT_FEEDBACK
    FORMAT: ClassVar[int] = 1

    sequence_numbers: list[int] = field(default_factory=list)
    """Of lost packets, at least one, each once. Neighbours are cheap if they come in order."""

    @classmethod
    def _parse_fci(cls, sender_ssrc: int, media_ssrc: int, fci: bytes) -> Self:
        lost = []
        for at in entries(fci, _ENTRY.size, "NACK"):
            packet_id, mask = _ENTRY.unpack_from(fci, at)
            lost.append(packet_id)
            while mask:
                lost.append((packet_id + (mask & -mask).bit_length()) & 0xFFFF)
                mask &= mask - 1
        return cls(sender_ssrc, media_ssrc, list(dict.fromkeys(lost)))

    def _fci(self) -> bytes:
        # [rfc4585:6.2.1/1]
        if not self.sequence_numbers:
            raise ValueError("a NACK names at least one packet")
        masks: list[tuple[int, int]] = []
        packet_id, mask = self.sequence_numbers[0], 0
        for number in self.sequence_numbers[1:]:
            ahead = (number - packet_id) & 0xFFFF
            if ahead > _MASK_BITS:
                masks.append((packet_id, mask))
                packet_id, mask = number, 0
            elif ahead:
                mask |= 1 << (ahead - 1)
        masks.append((packet_id, mask))
        # [rfc4585:6.2.1/4]
        return b"".join([pack(_ENTRY, *entry) for entry in masks])
