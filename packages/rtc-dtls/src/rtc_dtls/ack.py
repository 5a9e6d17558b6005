"""ACK: which records of the handshake arrived. See :rfc:`9147#section-7`.

    RecordNumber    epoch (8) | sequence number (8)
    ACK             RecordNumber record_numbers<0..2^16-1>

A record's number is one integer here, the epoch above 48 bits of sequence number. Three lists stand behind the messages:
what the peer has to be told (`ReceivedRecords`), what we sent and may hear of (`SentRecords`), and, in each message of a
flight, what is still outstanding.
"""

from collections.abc import Iterable
from typing import Final

from .handshake import HandshakeMessage
from .presentation import Reader, vector
from .record import MAX_SEQUENCE_NUMBER

RECORD_NUMBER_LENGTH: Final = 16

MAX_REMEMBERED: Final = 64
"""Records of one incoming flight that can be acknowledged; the newest count."""


def encode_ack(numbers: Iterable[int]) -> bytes:
    """Encode an ACK; it may be empty."""
    # [rfc9147:7/1]
    return vector(
        2,
        b"".join(
            (number >> 48).to_bytes(8, "big") + (number & MAX_SEQUENCE_NUMBER).to_bytes(8, "big")
            for number in sorted(numbers)
        ),
    )


def parse_ack(content: bytes) -> list[int]:
    """Parse an ACK. Sequence numbers that no record can have are left out.

    Raises:
        ParseError: A length is wrong.
    """
    reader = Reader(content, "ack")
    items = Reader(reader.vector(2), "ack")
    reader.finish()
    numbers = []
    while items.left:
        epoch, sequence_number = items.number(8), items.number(8)
        if sequence_number <= MAX_SEQUENCE_NUMBER:
            numbers.append(epoch << 48 | sequence_number)
    return numbers


class ReceivedRecords:
    """The records of the peer's current flight whose content was processed or is kept."""

    __slots__ = ("_numbers",)

    def __init__(self) -> None:
        self._numbers: dict[int, None] = {}

    def add(self, number: int) -> None:
        """Remember a record."""
        self._numbers.pop(number, None)
        self._numbers[number] = None
        if len(self._numbers) > MAX_REMEMBERED:
            del self._numbers[next(iter(self._numbers))]

    def discard(self, number: int) -> None:
        """Forget a record."""
        self._numbers.pop(number, None)

    def clear(self) -> None:
        """Forget them all: another flight began, or the peer knows."""
        self._numbers.clear()

    def newest(self, count: int) -> list[int]:
        """Return what an ACK with room for so many says."""
        # [rfc9147:7.1/6]
        return list(self._numbers)[-count:] if count > 0 else []


Piece = tuple[HandshakeMessage, int, int]
"""Bytes of a message that went out in one record: from, to."""


class SentRecords:
    """Which pieces of our current flight went out in which record."""

    __slots__ = ("_pieces",)

    def __init__(self) -> None:
        self._pieces: dict[int, list[Piece]] = {}

    def add(self, number: int, pieces: list[Piece]) -> None:
        """Remember a record."""
        self._pieces[number] = pieces

    def clear(self) -> None:
        """Forget them: another flight begins."""
        self._pieces.clear()

    def acknowledged(self, numbers: Iterable[int]) -> bool:
        """Take what an ACK says; whether anything of it was new."""
        news = False
        for number in numbers:
            # Numbers of records that were never sent, or long ago, say nothing.
            for message, start, end in self._pieces.pop(number, ()):
                news |= message.acknowledge(start, end)
        return news
