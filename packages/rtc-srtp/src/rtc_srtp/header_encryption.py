"""Header extensions of which chosen elements are encrypted.

::

       | 0xBEDE | length || ID, len | data | ID, len | data ... | 0 |
                         |<- keystream                           ->|
                                    |mask |          only if the ID is among the chosen

The keystream runs over all of the extension, and is used where the data of a chosen element is. IDs and lengths stay
readable: the receiver finds the same elements.

See :rfc:`6904#section-3`, and :rfc:`7714#section-8.3` for GCM.
"""

from collections.abc import Iterator
from typing import Final

from .errors import ParseError
from .keystream import Keystream
from .packet import EXTENSION_HEADER_LENGTH, ONE_BYTE_PROFILE, TWO_BYTE_PROFILE, csrcs_end
from .transform import Transform

_STOP: Final = 15
"""The ID after which one-byte elements are not read on. See :rfc:`8285#section-4.2`."""


class HeaderEncryption:
    """A transform that also encrypts some elements of the header extension."""

    __slots__ = ("_ids", "_inner", "_keystream")

    def __init__(self, inner: Transform, keystream: Keystream, ids: frozenset[int]) -> None:
        self._inner: Final = inner
        self._keystream: Final = keystream
        self._ids: Final = ids

    def protect(self, number: int, packet: bytes, header_length: int) -> bytes:
        """See `Transform.protect`."""
        # [rfc6904:3/6] [rfc7714:8.3/3]
        return self._inner.protect(number, self._crypt(number, packet, header_length), header_length)

    def unprotect(self, number: int, packet: bytes, header_length: int) -> bytes:
        """See `Transform.unprotect`."""
        # [rfc6904:3/7] [rfc6904:3/8] [rfc6904:3/9]
        return self._crypt(number, self._inner.unprotect(number, packet, header_length), header_length)

    def protect_rtcp(self, number: int, packet: bytes, encrypt: bool) -> bytes:
        """See `Transform.protect_rtcp`."""
        return self._inner.protect_rtcp(number, packet, encrypt)

    def unprotect_rtcp(self, number: int, packet: bytes) -> bytes:
        """See `Transform.unprotect_rtcp`."""
        return self._inner.unprotect_rtcp(number, packet)

    def rtcp_flag_and_index(self, packet: bytes) -> int:
        """See `Transform.rtcp_flag_and_index`."""
        return self._inner.rtcp_flag_and_index(packet)

    def _crypt(self, number: int, packet: bytes, header_length: int) -> bytes:
        if not packet[0] & 0x10:
            return packet
        end = csrcs_end(packet)
        start = end + EXTENSION_HEADER_LENGTH
        # [rfc6904:3/5]
        extension = packet[start:header_length]
        mask = encryption_mask(packet[end : end + 2], extension, self._ids)
        if mask is None:
            return packet
        # [rfc6904:3.2/1]
        keystream = self._keystream.crypt(number, bytes(len(extension)))
        # [rfc6904:3/4]
        masked = int.from_bytes(mask) & int.from_bytes(keystream)
        changed = (int.from_bytes(extension) ^ masked).to_bytes(len(extension))
        return packet[:start] + changed + packet[header_length:]


def encryption_mask(profile: bytes, extension: bytes, ids: frozenset[int]) -> bytes | None:
    """Return a mask that has ones where the data of the elements named by `ids` is; None if there is none.

    Raises:
        ParseError: An element is longer than the extension.

    See :rfc:`6904#section-3.1`.
    """
    if profile == ONE_BYTE_PROFILE:
        elements = _one_byte_elements(extension)
    elif profile[0] == TWO_BYTE_PROFILE[0] and profile[1] >> 4 == 0:
        elements = _two_byte_elements(extension)
    else:
        return None
    # [rfc6904:3/1] [rfc6904:3/3]
    mask = bytearray(len(extension))
    for number, start, end in elements:
        if end > len(extension):
            raise ParseError("an element is longer than the header extension")
        if number in ids:
            mask[start:end] = b"\xff" * (end - start)
    return bytes(mask) if any(mask) else None


def _one_byte_elements(extension: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield ID, start and end of the data of each element. See :rfc:`8285#section-4.2`."""
    position = 0
    while position < len(extension):
        first = extension[position]
        position += 1
        if first == 0:
            continue
        if first >> 4 == _STOP:
            return
        end = position + (first & 0x0F) + 1
        yield first >> 4, position, end
        position = end


def _two_byte_elements(extension: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield ID, start and end of the data of each element. See :rfc:`8285#section-4.3`."""
    position = 0
    while position < len(extension):
        number = extension[position]
        if number == 0:
            position += 1
            continue
        # Without a byte for the length, the element is longer than the extension.
        length = extension[position + 1] if position + 1 < len(extension) else 0
        position += 2
        yield number, position, position + length
        position += length
