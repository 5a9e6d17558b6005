"""Bits in and out of bytes, the highest of each byte first: headers of bitstreams, dependency descriptors."""

from rtc_rtp.errors import ParseError


class BitReader:
    """Bits of a byte string, the highest of each byte first."""

    __slots__ = ("_bits_left", "_value")

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._bits_left = 8 * len(data)

    def read(self, count: int) -> int:
        """Return the next `count` bits as a number.

        Raises:
            ParseError: There are not so many.
        """
        left = self._bits_left - count
        if left < 0:
            raise ParseError("the header ends too early")
        self._bits_left = left
        return (self._value >> left) & ((1 << count) - 1)

    def skip(self, count: int) -> None:
        """Leave out `count` bits; as `read`."""
        self.read(count)

    def read_flag(self) -> bool:
        """Return the next bit; as `read`."""
        return self.read(1) == 1

    def read_unsigned(self) -> int:
        """Return an Exp-Golomb number, ue(v) of H.264 and H.265 and uvlc() of AV1, up to 32 bits; as `read`."""
        zeros = 0
        while not self.read(1):
            zeros += 1
            if zeros > 32:
                raise ParseError("an Exp-Golomb number of more than 32 bits")
        return (1 << zeros) - 1 + self.read(zeros)

    def read_signed(self) -> int:
        """Return a signed Exp-Golomb number, se(v) of H.264 and H.265; as `read`."""
        number = self.read_unsigned()
        return (number + 1) // 2 if number & 1 else -(number // 2)

    def read_below(self, bound: int) -> int:
        """Return a number below `bound` in as few bits as it needs, ns(n) of AV1; as `read`."""
        width = bound.bit_length()
        short = (1 << width) - bound
        value = self.read(width - 1)
        return value if value < short else (value << 1) - short + self.read(1)


class BitWriter:
    """Puts fields behind each other."""

    __slots__ = ("_length", "_value")

    def __init__(self) -> None:
        self._value = 0
        self._length = 0

    def write(self, value: int, count: int) -> None:
        """Append a number of `count` bits.

        Raises:
            ValueError: It does not fit.
        """
        if not 0 <= value < 1 << count:
            raise ValueError(f"{value} does not fit {count} bits")
        self._value = self._value << count | value
        self._length += count

    def write_below(self, value: int, bound: int) -> None:
        """Append a number below `bound` in as few bits as it needs, ns(n) of AV1.

        Raises:
            ValueError: It is not below.
        """
        if not 0 <= value < bound:
            raise ValueError(f"{value} is not below {bound}")
        width = bound.bit_length()
        short = (1 << width) - bound
        if value < short:
            self.write(value, width - 1)
        else:
            self.write(value + short, width)

    def to_bytes(self) -> bytes:
        """Return what was written, filled with zeros to a whole byte."""
        padding = -self._length & 7
        return (self._value << padding).to_bytes((self._length + padding) // 8, "big")
