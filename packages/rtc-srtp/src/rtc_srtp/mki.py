"""Master key identifiers: which key a packet needs, where receivers have several.

::

       counter mode   ... ciphertext [| E and index] | MKI | tag |
       GCM            ... ciphertext | tag [| E and index] | MKI |

The identifier is neither encrypted nor authenticated. One that was tampered with leads to a wrong key, or to none.

See :rfc:`3711#section-3.1` and :rfc:`7714#section-8.2`.
"""

from typing import Final

from .transform import Transform


class NamedKey:
    """A transform whose packets carry the identifier of their key."""

    __slots__ = ("_inner", "_mki", "_offset", "_rtcp_offset")

    def __init__(self, inner: Transform, mki: bytes, offset: int, rtcp_offset: int) -> None:
        self._inner: Final = inner
        self._mki: Final = mki
        self._offset: Final = offset
        """Bytes that follow the identifier."""
        self._rtcp_offset: Final = rtcp_offset

    def protect(self, number: int, packet: bytes, header_length: int) -> bytes:
        """See `Transform.protect`."""
        return self._insert(self._inner.protect(number, packet, header_length), self._offset)

    def unprotect(self, number: int, packet: bytes, header_length: int) -> bytes:
        """See `Transform.unprotect`. That the packet names this key is known."""
        # [rfc3711:3.3/10]
        return self._inner.unprotect(number, self._remove(packet, self._offset), header_length)

    def protect_rtcp(self, number: int, packet: bytes, encrypt: bool) -> bytes:
        """See `Transform.protect_rtcp`."""
        return self._insert(self._inner.protect_rtcp(number, packet, encrypt), self._rtcp_offset)

    def unprotect_rtcp(self, number: int, packet: bytes) -> bytes:
        """See `Transform.unprotect_rtcp`."""
        return self._inner.unprotect_rtcp(number, self._remove(packet, self._rtcp_offset))

    def rtcp_flag_and_index(self, packet: bytes) -> int:
        """See `Transform.rtcp_flag_and_index`."""
        return self._inner.rtcp_flag_and_index(self._remove(packet, self._rtcp_offset))

    def _insert(self, packet: bytes, offset: int) -> bytes:
        place = len(packet) - offset
        return packet[:place] + self._mki + packet[place:]

    def _remove(self, packet: bytes, offset: int) -> bytes:
        end = len(packet) - offset
        return packet[: end - len(self._mki)] + packet[end:]


def find_mki(packet: bytes, length: int, offset: int) -> bytes:
    """Return the identifier that `offset` bytes follow, or less of a packet that is too short for it."""
    end = max(len(packet) - offset, 0)
    return packet[max(end - length, 0) : end]
