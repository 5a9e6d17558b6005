"""Source descriptions (:rfc:`3550#section-6.5`), with the items of BUNDLE and of stream identifiers."""

from collections.abc import Iterable
from dataclasses import field
from enum import IntEnum
from struct import Struct
from typing import ClassVar, Final, Self

from rtc_rtp.dataclass import dataclass
from rtc_rtp.errors import ParseError
from rtc_rtp.rtcp.packet import RtcpPacket, pack

SOURCE_DESCRIPTION: Final = 202
MAX_ITEM_LENGTH: Final = 255

_SSRC: Final = Struct("!I")


class DescriptionType(IntEnum):
    """What an item says."""

    CNAME = 1
    NAME = 2
    EMAIL = 3
    PHONE = 4
    LOC = 5
    TOOL = 6
    NOTE = 7
    PRIV = 8
    RTP_STREAM_ID = 12
    """:rfc:`8852#section-4.1`."""
    REPAIRED_RTP_STREAM_ID = 13
    """:rfc:`8852#section-4.2`."""
    CCID = 14
    """:rfc:`8861#section-2.1`."""
    MID = 15
    """:rfc:`9143#section-15.1`."""


@dataclass(slots=True)
class DescriptionItem:
    """One item: a type and up to 255 bytes, which are UTF-8 unless the type says otherwise.

    See :rfc:`3550#section-6.5`.
    """

    item_type: int
    """1 to 255; `DescriptionType` names those we know."""
    value: bytes

    @property
    def text(self) -> str:
        """The value as text; what is not UTF-8 is replaced."""
        return self.value.decode("utf-8", "replace")


@dataclass(slots=True)
class DescriptionChunk:
    """What is said of one source."""

    ssrc: int
    """SSRC, or CSRC of a source that a mixer contributes."""
    items: list[DescriptionItem] = field(default_factory=list)

    def get(self, item_type: int) -> str | None:
        """Return the text of the first item of a type; None if there is none."""
        return next((item.text for item in self.items if item.item_type == item_type), None)

    def serialize(self) -> bytes:
        """Return the bytes of the chunk, which ends in one to four zeros.

        Raises:
            ValueError: An item is too long, or its type no type.
        """
        data = pack(_SSRC, self.ssrc)
        for item in self.items:
            if not 0 < item.item_type <= 0xFF:
                raise ValueError(f"an item has a type of 1 to 255, not {item.item_type}")
            if len(item.value) > MAX_ITEM_LENGTH:
                raise ValueError(f"an item has at most {MAX_ITEM_LENGTH} bytes, not {len(item.value)}")
            data += bytes((item.item_type, len(item.value))) + item.value
        # [rfc3550:6.5/1] [rfc3550:6.5/2]
        return data + bytes(4 - (len(data) & 3))


@dataclass(slots=True)
class SourceDescription(RtcpPacket):
    """Who the sources are.

    ::

            SSRC or CSRC
        ------------------------------
        type | length | text ...
        type | length | text ... | 0, up to a multiple of four bytes
        ------------------------------
            SSRC or CSRC ...

    See :rfc:`3550#section-6.5`.
    """

    PACKET_TYPE: ClassVar[int] = SOURCE_DESCRIPTION

    chunks: list[DescriptionChunk] = field(default_factory=list)
    """Up to 31."""

    @classmethod
    def of(cls, ssrc: int, items: Iterable[tuple[int, str]]) -> Self:
        """Make the description of one source from types and texts, such as ``(DescriptionType.CNAME, "...")``."""
        return cls([DescriptionChunk(ssrc, [DescriptionItem(kind, text.encode()) for kind, text in items])])

    @classmethod
    def _parse_body(cls, count: int, body: bytes) -> Self:
        chunks = []
        at = 0
        for _ in range(count):
            chunk, at = _parse_chunk(body, at)
            chunks.append(chunk)
        return cls(chunks)

    def _body(self) -> tuple[int, bytes]:
        return len(self.chunks), b"".join([chunk.serialize() for chunk in self.chunks])


def _parse_chunk(body: bytes, at: int) -> tuple[DescriptionChunk, int]:
    """Return the chunk at an offset, and where the next one starts."""
    if at + _SSRC.size > len(body):
        raise ParseError("a source description ends before a chunk")
    chunk = DescriptionChunk(_SSRC.unpack_from(body, at)[0])
    at += _SSRC.size
    while True:
        if at >= len(body):
            raise ParseError("a chunk of a source description has no end")
        item_type = body[at]
        if not item_type:
            return chunk, (at + 4) & ~3
        if at + 1 >= len(body) or at + 2 + body[at + 1] > len(body):
            raise ParseError("a source description ends in an item")
        stop = at + 2 + body[at + 1]
        chunk.items.append(DescriptionItem(item_type, body[at + 2 : stop]))
        at = stop
