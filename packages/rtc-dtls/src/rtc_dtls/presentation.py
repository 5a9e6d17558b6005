"""TLS's presentation language: big-endian numbers and vectors that carry their length. See :rfc:`5246#section-4`.

opaque name<floor..ceiling>      a length of 1, 2 or 3 bytes (as the ceiling needs), then that many bytes
"""

from collections.abc import Iterable

from .errors import ParseError


class Reader:
    """Reads one structure from start to end; every overrun is a `ParseError`."""

    __slots__ = ("_at", "_data", "_what")

    def __init__(self, data: bytes, what: str) -> None:
        self._data = data
        self._at = 0
        self._what = what

    def take(self, length: int) -> bytes:
        """Return exactly ``length`` bytes."""
        end = self._at + length
        if end > len(self._data):
            raise ParseError(f"{self._what}: {length} bytes wanted at {self._at}, {len(self._data) - self._at} left")
        piece = self._data[self._at : end]
        self._at = end
        return piece

    def number(self, size: int) -> int:
        """Return an unsigned integer of ``size`` bytes."""
        return int.from_bytes(self.take(size), "big")

    def vector(self, length_size: int, floor: int = 0, ceiling: int | None = None) -> bytes:
        """Return the content of a vector whose length field has ``length_size`` bytes."""
        length = self.number(length_size)
        if length < floor or (ceiling is not None and length > ceiling):
            raise ParseError(f"{self._what}: a vector of {length} bytes is outside {floor}..{ceiling}")
        return self.take(length)

    def numbers(self, length_size: int, item_size: int, floor: int = 1) -> tuple[int, ...]:
        """Return a vector of integers of ``item_size`` bytes each, at least ``floor`` of them."""
        data = self.vector(length_size, floor * item_size)
        if len(data) % item_size:
            raise ParseError(f"{self._what}: {len(data)} bytes are no whole number of {item_size}-byte items")
        return tuple(int.from_bytes(data[at : at + item_size], "big") for at in range(0, len(data), item_size))

    def vectors(self, length_size: int, item_length_size: int, item_floor: int = 0) -> tuple[bytes, ...]:
        """Return a vector of vectors."""
        inner = Reader(self.vector(length_size), self._what)
        items = []
        while inner.left:
            items.append(inner.vector(item_length_size, item_floor))
        return tuple(items)

    @property
    def left(self) -> int:
        """How many bytes are still unread."""
        return len(self._data) - self._at

    def finish(self) -> None:
        """Refuse trailing bytes."""
        # [rfc5246:7.4.1.2/13]
        if self.left:
            raise ParseError(f"{self._what}: {self.left} bytes too many")


def vector(length_size: int, content: bytes) -> bytes:
    """Put a length in front. Content that does not fit raises `OverflowError`: that is a bug of the caller."""
    return len(content).to_bytes(length_size, "big") + content


def numbers(length_size: int, item_size: int, items: Iterable[int]) -> bytes:
    """Encode a vector of integers."""
    return vector(length_size, b"".join(item.to_bytes(item_size, "big") for item in items))


def vectors(length_size: int, item_length_size: int, items: Iterable[bytes]) -> bytes:
    """Encode a vector of vectors."""
    return vector(length_size, b"".join(vector(item_length_size, item) for item in items))
