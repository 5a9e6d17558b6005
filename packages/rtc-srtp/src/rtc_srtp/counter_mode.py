"""AES in counter mode, and HMAC-SHA1 over what it encrypted.

::

       RTP    | header | payload | tag 10 or 4 |
                       |<- AES ->|
              |<- HMAC, with ROC ->|

       RTCP   | first 8 bytes | rest    | E | index | tag 10 |
                              |<- AES ->|
              |<- HMAC                            ->|

See :rfc:`3711#section-4.1.1`, :rfc:`3711#section-4.2.1`, and :rfc:`6188` for 256-bit keys.
"""

from hmac import compare_digest
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.hmac import HMAC

from .errors import AuthenticationError
from .key_derivation import SessionKeys
from .transform import ENCRYPTED_FLAG, RTCP_CLEAR_LENGTH, SRTCP_INDEX_LENGTH, SRTCP_INDEX_MASK

_IV_LENGTH: Final = 16
_SALT_LENGTH: Final = 14
_FIRST_BLOCK: Final = b"\0\0"
"""The end of the initial counter block, which counts the blocks of the packet."""
_ROC_MASK: Final = (1 << 32) - 1


class CounterModeTransform:
    """The profiles named ``CM_HMAC_SHA1``.

    Making a cipher or an HMAC costs more than using it on a packet. Both are kept: the cipher is told the
    next initial counter block, and the HMAC, keyed once, is copied.
    """

    __slots__ = (
        "_cipher", "_keys", "_mac", "_rtcp_cipher", "_rtcp_mac", "_rtcp_salt", "_rtcp_tag_length", "_salt", "_tag_length",
    )  # fmt: skip

    def __init__(self, srtp: SessionKeys, srtcp: SessionKeys, tag_length: int, rtcp_tag_length: int) -> None:
        self._keys = srtp, srtcp
        self._tag_length, self._rtcp_tag_length = tag_length, rtcp_tag_length
        self._salt = int.from_bytes(srtp.salt, "big")
        self._rtcp_salt = int.from_bytes(srtcp.salt, "big")
        self._cipher = Cipher(algorithms.AES(srtp.encryption), modes.CTR(bytes(_IV_LENGTH))).encryptor()
        self._rtcp_cipher = Cipher(algorithms.AES(srtcp.encryption), modes.CTR(bytes(_IV_LENGTH))).encryptor()
        self._mac = HMAC(srtp.authentication, SHA1())  # noqa: S303 - it is what the profiles say
        self._rtcp_mac = HMAC(srtcp.authentication, SHA1())  # noqa: S303

    def __reduce__(self) -> tuple[type["CounterModeTransform"], tuple[SessionKeys, SessionKeys, int, int]]:
        """Copy the keys: ciphers and HMACs are made of them again."""
        return CounterModeTransform, (*self._keys, self._tag_length, self._rtcp_tag_length)

    def protect(self, number: int, packet: bytes, header_length: int) -> bytes:
        """See `Transform.protect`."""
        cipher = self._cipher
        # [rfc3711:4.1.1/1]
        cipher.reset_nonce((self._salt ^ number).to_bytes(_SALT_LENGTH, "big") + _FIRST_BLOCK)
        encrypted = packet[:header_length] + cipher.update(packet[header_length:])
        mac = self._mac.copy()
        mac.update(encrypted + (number >> 16 & _ROC_MASK).to_bytes(4, "big"))
        return encrypted + mac.finalize()[: self._tag_length]

    def unprotect(self, number: int, packet: bytes, header_length: int) -> bytes:
        """See `Transform.unprotect`."""
        end = len(packet) - self._tag_length
        mac = self._mac.copy()
        mac.update(packet[:end] + (number >> 16 & _ROC_MASK).to_bytes(4, "big"))
        if not compare_digest(mac.finalize()[: self._tag_length], packet[end:]):
            raise AuthenticationError("the authentication tag is wrong")
        cipher = self._cipher
        cipher.reset_nonce((self._salt ^ number).to_bytes(_SALT_LENGTH, "big") + _FIRST_BLOCK)
        return packet[:header_length] + cipher.update(packet[header_length:end])

    def protect_rtcp(self, number: int, packet: bytes, *, encrypt: bool) -> bytes:
        """See `Transform.protect_rtcp`."""
        word = number & SRTCP_INDEX_MASK
        if encrypt:
            packet = packet[:RTCP_CLEAR_LENGTH] + self._crypt_rtcp(number, packet[RTCP_CLEAR_LENGTH:])
            word |= ENCRYPTED_FLAG
        covered = packet + word.to_bytes(SRTCP_INDEX_LENGTH, "big")
        return covered + self._rtcp_tag(covered)

    def unprotect_rtcp(self, number: int, packet: bytes, word: bytes) -> bytes:
        """See `Transform.unprotect_rtcp`."""
        end = len(packet) - self._rtcp_tag_length
        if not compare_digest(self._rtcp_tag(packet[:end]), packet[end:]):
            raise AuthenticationError("the authentication tag is wrong")
        end -= SRTCP_INDEX_LENGTH
        if word[0] & 0x80:
            return packet[:RTCP_CLEAR_LENGTH] + self._crypt_rtcp(number, packet[RTCP_CLEAR_LENGTH:end])
        return packet[:end]

    def rtcp_word(self, packet: bytes) -> bytes:
        """See `Transform.rtcp_word`."""
        end = len(packet) - self._rtcp_tag_length
        return packet[end - SRTCP_INDEX_LENGTH : end]

    def _crypt_rtcp(self, number: int, data: bytes) -> bytes:
        self._rtcp_cipher.reset_nonce((self._rtcp_salt ^ number).to_bytes(_SALT_LENGTH, "big") + _FIRST_BLOCK)
        return self._rtcp_cipher.update(data)

    def _rtcp_tag(self, covered: bytes) -> bytes:
        mac = self._rtcp_mac.copy()
        mac.update(covered)
        return mac.finalize()[: self._rtcp_tag_length]
