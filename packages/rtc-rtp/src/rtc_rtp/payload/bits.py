"""Reading the headers of bitstreams bit by bit."""

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
