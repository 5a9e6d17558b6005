"""Goodbyes (:rfc:`3550#section-6.6`)."""

from struct import Struct
from typing import ClassVar, Final, Self

from rtc_rtp.dataclass import dataclass
from rtc_rtp.errors import ParseError
from rtc_rtp.rtcp.packet import RtcpPacket, pack

GOODBYE: Final = 203
MAX_REASON_LENGTH: Final = 255

_SSRC: Final = Struct("!I")


@dataclass(slots=True)
class Goodbye(RtcpPacket):
    """Sources leave.

    ::

        SSRCs and CSRCs
        ----------------------------------------
        length | reason ... | 0, up to a multiple of four bytes

    See :rfc:`3550#section-6.6`.
    """

    PACKET_TYPE: ClassVar[int] = GOODBYE

    ssrcs: tuple[int, ...]
    """Up to 31; none makes no sense and is allowed."""
    reason: bytes = b""
    """Up to 255 bytes of UTF-8; empty for none."""

    @property
    def text(self) -> str:
        """The reason as text; what is not UTF-8 is replaced."""
        return self.reason.decode("utf-8", "replace")

    @classmethod
    def _parse_body(cls, count: int, body: bytes) -> Self:
        at = 4 * count
        if at > len(body):
            raise ParseError(f"{count} sources do not fit {len(body)} bytes")
        ssrcs = tuple([_SSRC.unpack_from(body, offset)[0] for offset in range(0, at, 4)])
        if at == len(body):
            return cls(ssrcs)
        stop = at + 1 + body[at]
        if stop > len(body):
            raise ParseError(f"a reason of {body[at]} bytes does not fit {len(body) - at - 1}")
        return cls(ssrcs, body[at + 1 : stop])

    def _body(self) -> tuple[int, bytes]:
        data = b"".join([pack(_SSRC, ssrc) for ssrc in self.ssrcs])
        if len(self.reason) > MAX_REASON_LENGTH:
            raise ValueError(f"a reason has at most {MAX_REASON_LENGTH} bytes, not {len(self.reason)}")
        if self.reason:
            # [rfc3550:6.6/3] [rfc3550:6.6/4]
            data += bytes((len(self.reason),)) + self.reason
            data += bytes(-len(data) & 3)
        return len(self.ssrcs), data
