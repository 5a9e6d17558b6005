"""Where RTCP goes: ``rtcp``, ``rtcp-mux``, ``rtcp-mux-only``, ``rtcp-rsize``.

See :rfc:`3605`, :rfc:`5761`, :rfc:`8858`, :rfc:`5506`.
"""

from __future__ import annotations

from typing import ClassVar, Self

from rtc_sdp.attribute import Flag, TypedAttribute
from rtc_sdp.dataclass import dataclass
from rtc_sdp.fields import Connection
from rtc_sdp.grammar import digits, in_range


@dataclass(frozen=True, slots=True)
class Rtcp(TypedAttribute):
    """``rtcp``: the port, and perhaps the address, for RTCP where it is not the port above RTP's.

    See :rfc:`3605#section-2.1`.
    """

    NAME: ClassVar[str] = "rtcp"

    port: int
    connection: Connection | None = None
    """None means: the address of the section."""

    def __post_init__(self) -> None:
        in_range(self.port, "port", high=65_535)

    @classmethod
    def decode(cls, value: str) -> Self:
        """Parse what `serialize` writes."""
        port, space, address = value.partition(" ")
        return cls(digits(port, "port", high=65_535), Connection.parse(address) if space else None)

    def serialize(self) -> str:
        """Return port and address."""
        return str(self.port) if self.connection is None else f"{self.port} {self.connection.serialize()}"


class RtcpMux(Flag):
    """``rtcp-mux``: RTP and RTCP share a port. See :rfc:`5761#section-5.1.1`."""

    __slots__ = ()
    NAME: ClassVar[str] = "rtcp-mux"


class RtcpMuxOnly(Flag):
    """``rtcp-mux-only``: the offerer cannot do without sharing the port. See :rfc:`8858#section-3`."""

    __slots__ = ()
    NAME: ClassVar[str] = "rtcp-mux-only"


class RtcpRsize(Flag):
    """``rtcp-rsize``: RTCP packets may come in reduced size. See :rfc:`5506#section-5`."""

    __slots__ = ()
    NAME: ClassVar[str] = "rtcp-rsize"
