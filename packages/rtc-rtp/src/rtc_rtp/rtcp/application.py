"""Packets that applications define (:rfc:`3550#section-6.7`)."""

from struct import Struct
from typing import ClassVar, Final, Self

from rtc_rtp.dataclass import dataclass
from rtc_rtp.errors import ParseError
from rtc_rtp.rtcp.packet import RtcpPacket, pack

APPLICATION_DEFINED: Final = 204

_SSRC_AND_NAME: Final = Struct("!I4s")


@dataclass(slots=True)
class ApplicationDefined(RtcpPacket):
    """Something that two applications understand.

    ::

        SSRC or CSRC
        ---------------------
        name, 4 bytes
        ---------------------
        data ...

    See :rfc:`3550#section-6.7`.
    """

    PACKET_TYPE: ClassVar[int] = APPLICATION_DEFINED

    subtype: int
    """0 to 31."""
    ssrc: int
    name: bytes
    """4 bytes of ASCII."""
    data: bytes = b""
    """A multiple of four bytes."""

    @classmethod
    def _parse_body(cls, count: int, body: bytes) -> Self:
        if len(body) < _SSRC_AND_NAME.size:
            raise ParseError(f"an APP packet has at least {_SSRC_AND_NAME.size} bytes, not {len(body)}")
        ssrc, name = _SSRC_AND_NAME.unpack_from(body)
        return cls(count, ssrc, name, body[_SSRC_AND_NAME.size :])

    def _body(self) -> tuple[int, bytes]:
        if len(self.name) != 4:
            raise ValueError(f"a name has 4 bytes, not {len(self.name)}")
        # [rfc3550:6.7/4]
        if len(self.data) & 3:
            raise ValueError(f"data of an APP packet is a multiple of 4 bytes, not {len(self.data)}")
        return self.subtype, pack(_SSRC_AND_NAME, self.ssrc, self.name) + self.data
