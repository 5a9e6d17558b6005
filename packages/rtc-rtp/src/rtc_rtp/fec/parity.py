"""Parity of RTP packets: the exclusive-or of what their recovery needs (:rfc:`5109#section-8.1`, :rfc:`8627#section-6.3`)."""

from typing import Self

from rtc_rtp.dataclass import dataclass
from rtc_rtp.errors import ParseError

RTP_HEADER_LENGTH = 12
_FIELDS_WITHOUT_VERSION = 0x3F
_VERSION = 0x80


@dataclass(slots=True)
class Parity:
    """Parity of any number of packets; of a single one it is that packet.

    Joined with the parity of all packets of a group but one, it becomes that one.
    """

    flags: int = 0
    """First byte of the RTP header without its version: P, X, CC."""
    marker_and_type: int = 0
    """Second byte of the RTP header."""
    length: int = 0
    """What follows the fixed header, bytes: 16 bits."""
    timestamp: int = 0
    data: int = 0
    """What follows the fixed header, as one number: the shorter filled up with zeros at their end."""
    data_length: int = 0
    """Bytes of `data`: that of the longest packet."""

    @classmethod
    def of(cls, packet: bytes) -> Self:
        """Return the parity of one RTP packet in its wire form."""
        # [rfc5109:8/1] [rfc5109:14.2/1] Of the header what differs between packets, and what follows it with its length.
        length = len(packet) - RTP_HEADER_LENGTH
        return cls(
            packet[0] & _FIELDS_WITHOUT_VERSION,
            packet[1],
            length,
            int.from_bytes(packet[4:8], "big"),
            int.from_bytes(packet[RTP_HEADER_LENGTH:], "big"),
            length,
        )

    def add(self, other: "Parity") -> None:
        """Join another parity into this one."""
        self.flags ^= other.flags
        self.marker_and_type ^= other.marker_and_type
        self.length ^= other.length
        self.timestamp ^= other.timestamp
        # [rfc5109:8.2/1] [rfc5109:9.2/1]
        longer = other.data_length - self.data_length
        if longer > 0:
            self.data = self.data << 8 * longer ^ other.data
            self.data_length = other.data_length
        else:
            self.data ^= other.data << 8 * -longer

    def copy(self) -> "Parity":
        """Return another one that is equal."""
        return Parity(self.flags, self.marker_and_type, self.length, self.timestamp, self.data, self.data_length)

    def data_bytes(self) -> bytes:
        """Return `data` as bytes."""
        return self.data.to_bytes(self.data_length, "big")

    def packet(self, sequence_number: int, ssrc: int) -> bytes:
        """Return the packet of which this is the parity.

        Raises:
            ParseError: It says to be longer than the parity is, or not to be empty where it must be.
        """
        # [rfc5109:9/1] A length that the parity does not cover: there is nothing to fill the rest with.
        if self.length > self.data_length:
            raise ParseError("a recovered packet is longer than what protects it")
        header = (
            bytes([_VERSION | self.flags, self.marker_and_type])
            + sequence_number.to_bytes(2, "big")
            + self.timestamp.to_bytes(4, "big")
            + ssrc.to_bytes(4, "big")
        )
        return header + self.data_bytes()[: self.length]
