"""Fields of any number of bits, most significant first."""

from rtc_rtp.errors import ParseError


class BitReader:
    """Takes fields from the front of some bytes; raises `ParseError` where they end."""

    __slots__ = ("_left", "_value")

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    def take(self, bits: int) -> int:
        """Return the next field."""
        if bits > self._left:
            raise ParseError(f"a field of {bits} bits where {self._left} are left")
        self._left -= bits
        return self._value >> self._left & ((1 << bits) - 1)

    def flag(self) -> bool:
        """Return the next bit."""
        return bool(self.take(1))

    def take_non_symmetric(self, count: int) -> int:
        """Return a number below `count`, written in as few bits as it needs: ``ns(count)`` of the AV1 specification."""
        width = count.bit_length()
        short = (1 << width) - count
        value = self.take(width - 1)
        return value if value < short else (value << 1) - short + self.take(1)


class BitWriter:
    """Puts fields behind each other."""

    __slots__ = ("_length", "_value")

    def __init__(self) -> None:
        self._value = 0
        self._length = 0

    def put(self, value: int, bits: int) -> None:
        """Append a field.

        Raises:
            ValueError: The value does not fit.
        """
        if not 0 <= value < 1 << bits:
            raise ValueError(f"{value} does not fit {bits} bits")
        self._value = self._value << bits | value
        self._length += bits

    def put_non_symmetric(self, value: int, count: int) -> None:
        """Append a number below `count` in as few bits as it needs.

        Raises:
            ValueError: It is not below `count`.
        """
        if not 0 <= value < count:
            raise ValueError(f"{value} is not below {count}")
        width = count.bit_length()
        short = (1 << width) - count
        if value < short:
            self.put(value, width - 1)
        else:
            self.put(value + short, width)

    def bytes(self) -> bytes:
        """Return what was written, filled with zeros to a whole byte."""
        padding = -self._length & 7
        return (self._value << padding).to_bytes((self._length + padding) // 8, "big")
