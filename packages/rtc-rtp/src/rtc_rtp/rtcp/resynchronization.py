"""Asking for a sender report at once (:rfc:`6051#section-3.2`)."""

from typing import ClassVar, Self

from rtc_rtp.dataclass import dataclass
from rtc_rtp.errors import ParseError
from rtc_rtp.rtcp.feedback import TRANSPORT_FEEDBACK, Feedback


@dataclass(slots=True)
class RapidResynchronizationRequest(Feedback):
    """A receiver that cannot synchronize a stream yet asks its sender for a sender report.

    See :rfc:`6051#section-3.2`.
    """

    PACKET_TYPE: ClassVar[int] = TRANSPORT_FEEDBACK
    FORMAT: ClassVar[int] = 5

    @classmethod
    def _parse_fci(cls, sender_ssrc: int, media_ssrc: int, fci: bytes) -> Self:
        # [rfc6051:3.2/1] [rfc6051:3.2/2]
        if fci:
            raise ParseError(f"a resynchronization request has no control information, not {len(fci)} bytes")
        return cls(sender_ssrc, media_ssrc)
