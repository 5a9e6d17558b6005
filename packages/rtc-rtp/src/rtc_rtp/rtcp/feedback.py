"""What feedback messages have in common (:rfc:`4585#section-6.1`), and those that we do not know."""

from struct import Struct
from typing import ClassVar, Final, Self

from rtc_rtp.dataclass import dataclass
from rtc_rtp.errors import ParseError
from rtc_rtp.rtcp.packet import RtcpPacket, pack

TRANSPORT_FEEDBACK: Final = 205
"""RTPFB: about the transport of packets."""
PAYLOAD_FEEDBACK: Final = 206
"""PSFB: about what is in them."""
APPLICATION_LAYER_FORMAT: Final = 15

_SSRCS: Final = Struct("!II")


@dataclass(slots=True)
class Feedback(RtcpPacket):
    """A feedback message of some kind; the count of the header is its format.

    ::

        SSRC of who sends the feedback
        SSRC of the source it is about
        ---------------------------------------
        feedback control information (FCI)

    See :rfc:`4585#section-6.1`.
    """

    FORMAT: ClassVar[int]
    """FMT, to be read together with the packet type."""

    sender_ssrc: int
    """Who sends the feedback."""
    media_ssrc: int
    """The source it is about; 0 in messages that name their sources one by one."""

    @classmethod
    def _parse_body(cls, count: int, body: bytes) -> Self:
        if count != cls.FORMAT:
            raise ParseError(f"format {count} of feedback is not {cls.FORMAT}")
        sender_ssrc, media_ssrc = unpack_ssrcs(body)
        return cls._parse_fci(sender_ssrc, media_ssrc, body[_SSRCS.size :])

    @classmethod
    def _parse_fci(cls, sender_ssrc: int, media_ssrc: int, fci: bytes) -> Self:
        """Parse the feedback control information; each kind of feedback has its own."""
        raise ParseError(f"{cls.__name__} does not know what {sender_ssrc} tells {media_ssrc} in {len(fci)} bytes")

    def _fci(self) -> bytes:
        """Return the feedback control information."""
        return b""

    def _body(self) -> tuple[int, bytes]:
        # [rfc4585:6.1/1] [rfc4585:6.1/3] [rfc4585:6.1/4] A packet is of one format, and so are its messages.
        return self.FORMAT, pack(_SSRCS, self.sender_ssrc, self.media_ssrc) + self._fci()


@dataclass(slots=True)
class UnknownFeedback(Feedback):
    """Feedback of a format that we do not know, kept as data."""

    packet_type: int
    """`TRANSPORT_FEEDBACK` or `PAYLOAD_FEEDBACK`."""
    feedback_format: int
    """FMT, 5 bits."""
    fci: bytes
    """Feedback control information."""

    @classmethod
    def from_body(cls, packet_type: int, count: int, body: bytes) -> Self:
        """Keep everything."""
        if packet_type not in {TRANSPORT_FEEDBACK, PAYLOAD_FEEDBACK}:
            raise ParseError(f"packet type {packet_type} is not feedback")
        return cls(*unpack_ssrcs(body), packet_type, count, body[_SSRCS.size :])

    def _packet_type(self) -> int:
        if self.packet_type not in {TRANSPORT_FEEDBACK, PAYLOAD_FEEDBACK}:
            raise ValueError(f"packet type {self.packet_type} is not feedback")
        return self.packet_type

    def _body(self) -> tuple[int, bytes]:
        return self.feedback_format, pack(_SSRCS, self.sender_ssrc, self.media_ssrc) + self.fci


@dataclass(slots=True)
class ApplicationLayerFeedback(Feedback):
    """Feedback between two applications that know what it means, and where padding in it begins.

    See :rfc:`4585#section-6.4`.
    """

    PACKET_TYPE: ClassVar[int] = PAYLOAD_FEEDBACK
    FORMAT: ClassVar[int] = APPLICATION_LAYER_FORMAT

    message: bytes
    """A multiple of four bytes."""

    @classmethod
    def _parse_fci(cls, sender_ssrc: int, media_ssrc: int, fci: bytes) -> Self:
        # [rfc4585:6.4/1] All of it is one message.
        return cls(sender_ssrc, media_ssrc, fci)

    def _fci(self) -> bytes:
        # [rfc4585:6.4/3]
        if len(self.message) & 3:
            raise ValueError(f"a message of an application is a multiple of 4 bytes, not {len(self.message)}")
        return self.message


def unpack_ssrcs(body: bytes) -> tuple[int, int]:
    """Return the two SSRCs that a feedback message starts with.

    Raises:
        ParseError: They are not there.
    """
    if len(body) < _SSRCS.size:
        raise ParseError(f"a feedback message has at least {_SSRCS.size} bytes, not {len(body)}")
    sender_ssrc, media_ssrc = _SSRCS.unpack_from(body)
    return sender_ssrc, media_ssrc


def entries(fci: bytes, length: int, what: str) -> range:
    """Return the offsets of the entries of equal length that the control information consists of.

    Raises:
        ParseError: There is none, or the last one is cut.
    """
    # [rfc4585:6.1/2]
    if not fci or len(fci) % length:
        raise ParseError(f"{what}: {len(fci)} bytes are not a number of entries of {length}")
    return range(0, len(fci), length)
