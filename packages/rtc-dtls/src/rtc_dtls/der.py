"""Distinguished Encoding Rules, as far as certificates need them: elements of one byte of tag and a definite length.

tag (1) | length (1, or 0x80 + n and n) | content
"""

from typing import Final

SEQUENCE: Final = 0x30
SET: Final = 0x31
INTEGER: Final = 0x02
BIT_STRING: Final = 0x03
OBJECT_IDENTIFIER: Final = 0x06
UTF8_STRING: Final = 0x0C
UTC_TIME: Final = 0x17
GENERALIZED_TIME: Final = 0x18
VERSION: Final = 0xA0
"""The tag [0] in its context, where a certificate has its version."""

NULL: Final = b"\x05\x00"


class DerReader:
    """Reads one level of elements."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def peek(self) -> int:
        """Return the next tag, 0 at the end."""
        return self._data[self._at] if self._at < len(self._data) else 0

    def element(self, tag: int) -> bytes:
        """Return the content of the next element.

        Raises:
            ValueError: It has another tag, or its length is wrong.
        """
        data, at = self._data, self._at
        if at + 2 > len(data) or data[at] != tag:
            raise ValueError(f"no element {tag:#04x} at {at}")
        length = data[at + 1]
        at += 2
        if length >= 0x80:
            size = length - 0x80
            if not 1 <= size <= 3 or at + size > len(data):
                raise ValueError("a length that DER does not have")
            length = int.from_bytes(data[at : at + size], "big")
            at += size
        if at + length > len(data):
            raise ValueError(f"an element of {length} bytes, {len(data) - at} left")
        self._at = at + length
        return data[at : self._at]


def element(tag: int, *parts: bytes) -> bytes:
    """Write an element whose content are the parts."""
    content = b"".join(parts)
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    size = (length.bit_length() + 7) // 8
    return bytes((tag, 0x80 + size)) + length.to_bytes(size, "big") + content


def integer(value: int) -> bytes:
    """Write a number that is not negative."""
    return element(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def bit_string(content: bytes) -> bytes:
    """Write a whole number of bytes as a string of bits."""
    return element(BIT_STRING, b"\x00", content)
