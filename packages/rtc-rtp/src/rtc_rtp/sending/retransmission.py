"""The stream that carries packets of another one again. See :rfc:`4588#section-4`."""

from typing import Final

from rtc_rtp.packet import RtpPacket

OSN_LENGTH: Final = 2
"""Bytes of the original sequence number, which stands before the payload."""


class RetransmissionStream:
    """Wraps packets into those of an RTX stream.

    ::

        header with SSRC, payload type and sequence number of this stream, the rest as it was
        ------------------------------------------
        original sequence number |  original payload
    """

    __slots__ = ("next_sequence_number", "ssrc")

    def __init__(self, ssrc: int, first_sequence_number: int) -> None:
        self.ssrc = ssrc
        self.next_sequence_number = first_sequence_number

    def wrap(self, original: RtpPacket, payload_type: int, elements: dict[int, bytes]) -> RtpPacket:
        """Return the packet that carries another one.

        Args:
            original: As it was sent.
            payload_type: The one whose ``apt`` is that of the original.
            elements: Of its header extension.
        """
        number = self.next_sequence_number
        # [rfc4588:4/8]
        self.next_sequence_number = number + 1 & 0xFFFF
        return RtpPacket(
            # [rfc4588:4/10] [rfc4588:4/11]
            payload_type,
            number,
            # [rfc4588:4/9]
            original.timestamp,
            # [rfc4588:4/4]
            self.ssrc,
            # [rfc4588:4/12] [rfc4588:4/13] [rfc4588:4/21] A packet's payload is without its padding.
            original.sequence_number.to_bytes(OSN_LENGTH, "big") + original.payload,
            # [rfc4588:4/23]
            marker=original.marker,
            csrcs=original.csrcs,
            # [rfc4588:4/18] [rfc4588:4/19] [rfc4588:4/20]
            extensions=elements,
        )

    def pad(self, timestamp: int, payload_type: int, length: int, elements: dict[int, bytes]) -> RtpPacket:
        """Return a packet that carries nothing but the elements of its header extension, to fill the path."""
        number = self.next_sequence_number
        self.next_sequence_number = number + 1 & 0xFFFF
        # [rfc4588:4/22]
        padding_length = max(1, min(255, length))
        return RtpPacket(payload_type, number, timestamp, self.ssrc, extensions=elements, padding_length=padding_length)
