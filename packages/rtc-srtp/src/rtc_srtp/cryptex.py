"""Cryptex: header extension and contributing sources encrypted as a whole, with the payload.

::

       as it is sent    | first 12 | CSRCs | profile, length | extension | payload |
                                   |<---->|                  |<------------------>|  encrypted

       the one run      | first 12 | profile, length || CSRCs | extension | payload |
       for the cipher   |<-    readable            ->||<-       encrypted       ->|

The profile tells the receiver: 0xC0DE stands for 0xBEDE, and 0xC2DE for 0x1000. The tag of HMAC is over the packet as it is
sent, associated data of an AEAD is the readable part of the run.

See :rfc:`9335#section-5` and :rfc:`9335#section-6`.
"""

from typing import Final

from .errors import UnencryptableError, UnencryptedError
from .packet import (
    EXTENDED_LENGTH,
    EXTENSION_HEADER_LENGTH,
    FIXED_LENGTH,
    ONE_BYTE_PROFILE,
    TWO_BYTE_PROFILE,
    csrcs_end,
)
from .transform import PacketCipher, Transform

ENCRYPTED_ONE_BYTE_PROFILE: Final = b"\xc0\xde"
ENCRYPTED_TWO_BYTE_PROFILE: Final = b"\xc2\xde"
_EXTENSION_FLAG: Final = 0x10
_CSRC_COUNT: Final = 0x0F
_LAYOUT: Final = _EXTENSION_FLAG | _CSRC_COUNT
_PROFILE_END: Final = FIXED_LENGTH + 2
_ENCRYPTED: Final = {ONE_BYTE_PROFILE: ENCRYPTED_ONE_BYTE_PROFILE, TWO_BYTE_PROFILE: ENCRYPTED_TWO_BYTE_PROFILE}
_PLAIN: Final = {encrypted: plain for plain, encrypted in _ENCRYPTED.items()}
_EMPTY_EXTENSION: Final = ENCRYPTED_ONE_BYTE_PROFILE + b"\0\0"


class Cryptex:
    """A transform that encrypts all it can of the header; packets that it does not concern go to another."""

    __slots__ = ("_cipher", "_inner", "_required")

    def __init__(self, cipher: PacketCipher, inner: Transform, *, required: bool) -> None:
        self._cipher: Final = cipher
        self._inner: Final = inner
        self._required: Final = required

    def protect(self, number: int, packet: bytes, header_length: int) -> bytes:
        """See `Transform.protect`."""
        # The common case: an extension and no CSRCs, and what is encrypted stands together.
        if packet[0] & _LAYOUT == _EXTENSION_FLAG:
            profile = _ENCRYPTED.get(packet[FIXED_LENGTH:_PROFILE_END])
            if profile is not None:
                # [rfc9335:5.1/2] [rfc9335:5.1/3] [rfc9335:5.1/5] [rfc9335:6.1/1] [rfc9335:6.2/1]
                marked = packet[:FIXED_LENGTH] + profile + packet[_PROFILE_END:]
                return self._cipher.protect(number, marked, EXTENDED_LENGTH)
        return self._protect_other(number, packet, header_length)

    def _protect_other(self, number: int, packet: bytes, header_length: int) -> bytes:
        first, end = packet[0], csrcs_end(packet)
        if first & _EXTENSION_FLAG:
            profile = _ENCRYPTED.get(packet[end : end + 2])
            # [rfc9335:5.1/1]
            if profile is None:
                if packet[end : end + 2] in _PLAIN:
                    raise UnencryptableError("the header extension is marked as encrypted by Cryptex")
                if self._required:
                    raise UnencryptableError("Cryptex is required, and this kind of header extension it cannot encrypt")
                return self._inner.protect(number, packet, header_length)
            # [rfc9335:5.1/2] [rfc9335:5.1/3]
            readable = packet[:FIXED_LENGTH] + profile + packet[end + 2 : end + EXTENSION_HEADER_LENGTH]
            rest = packet[end + EXTENSION_HEADER_LENGTH :]
        elif first & _CSRC_COUNT:
            # [rfc9335:5.1/4]
            readable = bytes((first | _EXTENSION_FLAG,)) + packet[1:FIXED_LENGTH] + _EMPTY_EXTENSION
            rest = packet[end:]
        else:
            return self._inner.protect(number, packet, header_length)
        # [rfc9335:5.1/5] [rfc9335:6.1/1] [rfc9335:6.2/1]
        sealed = self._cipher.encrypt(number, readable, packet[FIXED_LENGTH:end] + rest)
        return self._cipher.authenticate(number, _spread(readable, sealed, end - FIXED_LENGTH))

    def unprotect(self, number: int, packet: bytes, header_length: int) -> bytes:
        """See `Transform.unprotect`."""
        # The common case, as in `protect`.
        if packet[0] & _LAYOUT == _EXTENSION_FLAG:
            # [rfc9335:5.2/1]
            profile = _PLAIN.get(packet[FIXED_LENGTH:_PROFILE_END])
            if profile is not None:
                opened = self._cipher.unprotect(number, packet, EXTENDED_LENGTH)
                return opened[:FIXED_LENGTH] + profile + opened[_PROFILE_END:]
        return self._unprotect_other(number, packet, header_length)

    def _unprotect_other(self, number: int, packet: bytes, header_length: int) -> bytes:
        end = csrcs_end(packet)
        # [rfc9335:5.2/1]
        profile = _PLAIN.get(packet[end : end + 2]) if packet[0] & _EXTENSION_FLAG else None
        if profile is None:
            # [rfc9335:5.2/3]
            if self._required and packet[0] & _LAYOUT:
                raise UnencryptedError("Cryptex is required, and the header is readable")
            # [rfc9335:5.2/2]
            return self._inner.unprotect(number, packet, header_length)
        packet = self._cipher.verify(number, packet)
        readable = packet[:FIXED_LENGTH] + packet[end : end + EXTENSION_HEADER_LENGTH]
        secret = packet[FIXED_LENGTH:end] + packet[end + EXTENSION_HEADER_LENGTH :]
        opened = self._cipher.decrypt(number, readable, secret)
        return _spread(packet[:FIXED_LENGTH] + profile + readable[-2:], opened, end - FIXED_LENGTH)

    def protect_rtcp(self, number: int, packet: bytes, encrypt: bool) -> bytes:
        """See `Transform.protect_rtcp`."""
        return self._inner.protect_rtcp(number, packet, encrypt)

    def unprotect_rtcp(self, number: int, packet: bytes) -> bytes:
        """See `Transform.unprotect_rtcp`."""
        return self._inner.unprotect_rtcp(number, packet)

    def rtcp_flag_and_index(self, packet: bytes) -> int:
        """See `Transform.rtcp_flag_and_index`."""
        return self._inner.rtcp_flag_and_index(packet)


def _spread(readable: bytes, rest: bytes, csrcs_length: int) -> bytes:
    """Bring the run for the cipher back into the order of a packet."""
    return readable[:FIXED_LENGTH] + rest[:csrcs_length] + readable[FIXED_LENGTH:] + rest[csrcs_length:]
