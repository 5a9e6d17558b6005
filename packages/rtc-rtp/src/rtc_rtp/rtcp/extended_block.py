"""What the blocks of extended reports have in common (:rfc:`3611#section-3`), and those that we do not know."""

from struct import Struct
from typing import ClassVar, Final, Self

from rtc_rtp.dataclass import dataclass
from rtc_rtp.errors import ParseError

BLOCK_HEADER: Final = Struct("!BBH")


class ExtendedBlock:
    """A block of some kind.

    ::

        block type | specific to the type | length in words, minus 1
        -----------------------------------------------------------
                               content

    See :rfc:`3611#section-3`.
    """

    __slots__ = ()

    BLOCK_TYPE: ClassVar[int]

    @classmethod
    def from_content(cls, specific: int, content: bytes, /) -> Self:
        """Parse what follows the header; each kind of block has its own.

        Args:
            specific: The byte of the header that is the type's own.
            content: A multiple of four bytes.

        Raises:
            ParseError: It is malformed.
        """
        raise ParseError(f"{cls.__name__} does not know what {len(content)} bytes mean ({specific})")

    def _content(self) -> tuple[int, bytes]:
        """Return the type's own byte of the header and the content."""
        return 0, b""

    def _block_type(self) -> int:
        return self.BLOCK_TYPE

    def serialize(self) -> bytes:
        """Return the bytes of the block.

        Raises:
            ValueError: A field is out of its range.
        """
        specific, content = self._content()
        # [rfc3611:2/2] [rfc3611:3/2]
        if len(content) & 3 or len(content) > 0x3FFFC:
            raise ValueError(f"a block has a multiple of 4 bytes, up to {0x3FFFC}, not {len(content)}")
        return BLOCK_HEADER.pack(self._block_type(), specific, len(content) >> 2) + content


@dataclass(slots=True)
class UnknownBlock(ExtendedBlock):
    """A block of a type that we do not know, kept as data."""

    block_type: int
    """8 bits."""
    specific: int
    """The type's own byte of the header."""
    content: bytes
    """A multiple of four bytes."""

    def _block_type(self) -> int:
        if not 0 <= self.block_type <= 0xFF or not 0 <= self.specific <= 0xFF:
            raise ValueError(f"type and specific byte of a block have 8 bits: {self.block_type}, {self.specific}")
        return self.block_type

    def _content(self) -> tuple[int, bytes]:
        return self.specific, self.content
