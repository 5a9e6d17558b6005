"""What the formats of parity have in common: which packets it protects, and the parity itself."""

from typing import Protocol

from rtc_rtp.dataclass import dataclass
from rtc_rtp.fec.parity import Parity


@dataclass(slots=True)
class Protection:
    """What one FEC packet holds."""

    ssrc: int | None
    """Of the protected stream; None: the one in which the FEC packet itself came."""
    sequence_numbers: tuple[int, ...]
    """Of the protected packets, 16 bits each, ascending."""
    parity: Parity


class FecScheme(Protocol):
    """A format of FEC packets."""

    @property
    def max_packets(self) -> int:
        """How many packets one FEC packet can protect, and how far apart they may be."""

    @property
    def max_header_length(self) -> int:
        """Bytes that its headers take of the payload, at most."""

    def parse(self, payload: bytes) -> Protection:
        """Parse the payload of a FEC packet.

        Raises:
            ParseError: It is cut off, or something that is not supported.
        """

    def serialize(self, protection: Protection) -> bytes:
        """Return the payload of a FEC packet.

        Raises:
            ValueError: The protected packets are too far apart, or none.
        """
