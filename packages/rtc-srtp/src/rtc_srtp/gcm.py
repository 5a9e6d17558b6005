"""AES in Galois/counter mode: one algorithm encrypts and authenticates.

::

       RTP    | header                | payload           | tag 16 |
              |<- associated data   ->|<- ciphertext              ->|

       RTCP   | first 8 bytes | rest             | tag 16 | E | index |
              |<- associated->|<- ciphertext            ->|<- assoc.->|

See :rfc:`7714#section-8` and :rfc:`7714#section-9`.
"""

from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from .errors import AuthenticationError
from .key_derivation import SessionKeys
from .transform import ENCRYPTED_FLAG, RTCP_CLEAR_LENGTH, SRTCP_INDEX_LENGTH, SRTCP_INDEX_MASK

_NONCE_LENGTH: Final = 12
_TAG_LENGTH: Final = 16


class GcmTransform:
    """AEAD_AES_128_GCM and AEAD_AES_256_GCM."""

    __slots__ = ("_keys", "_rtcp_salt", "_salt", "_seal", "_seal_rtcp", "_unseal", "_unseal_rtcp")

    def __init__(self, srtp: SessionKeys, srtcp: SessionKeys) -> None:
        self._keys = srtp, srtcp
        self._salt = int.from_bytes(srtp.salt, "big")
        self._rtcp_salt = int.from_bytes(srtcp.salt, "big")
        cipher, rtcp_cipher = AESGCM(srtp.encryption), AESGCM(srtcp.encryption)
        self._seal, self._unseal = cipher.encrypt, cipher.decrypt
        self._seal_rtcp, self._unseal_rtcp = rtcp_cipher.encrypt, rtcp_cipher.decrypt

    def __reduce__(self) -> tuple[type["GcmTransform"], tuple[SessionKeys, SessionKeys]]:
        """Copy the keys: the ciphers are made of them again."""
        return GcmTransform, self._keys

    def protect(self, number: int, packet: bytes, header_length: int) -> bytes:
        """See `Transform.protect`."""
        header = packet[:header_length]
        # [rfc7714:8.1/1]
        nonce = (self._salt ^ number).to_bytes(_NONCE_LENGTH, "big")
        return header + self._seal(nonce, packet[header_length:], header)

    def unprotect(self, number: int, packet: bytes, header_length: int) -> bytes:
        """See `Transform.unprotect`."""
        header = packet[:header_length]
        nonce = (self._salt ^ number).to_bytes(_NONCE_LENGTH, "big")
        try:
            return header + self._unseal(nonce, packet[header_length:], header)
        except InvalidTag:
            raise AuthenticationError("the authentication tag is wrong") from None

    def protect_rtcp(self, number: int, packet: bytes, *, encrypt: bool) -> bytes:
        """See `Transform.protect_rtcp`."""
        # [rfc7714:9.1/1]
        nonce = (self._rtcp_salt ^ number).to_bytes(_NONCE_LENGTH, "big")
        index = number & SRTCP_INDEX_MASK
        clear_length = RTCP_CLEAR_LENGTH if encrypt else len(packet)
        word = (index | ENCRYPTED_FLAG if encrypt else index).to_bytes(SRTCP_INDEX_LENGTH, "big")
        clear = packet[:clear_length]
        return clear + self._seal_rtcp(nonce, packet[clear_length:], clear + word) + word

    def unprotect_rtcp(self, number: int, packet: bytes, word: bytes) -> bytes:
        """See `Transform.unprotect_rtcp`."""
        nonce = (self._rtcp_salt ^ number).to_bytes(_NONCE_LENGTH, "big")
        clear_length = RTCP_CLEAR_LENGTH if word[0] & 0x80 else len(packet) - SRTCP_INDEX_LENGTH - _TAG_LENGTH
        clear = packet[:clear_length]
        try:
            return clear + self._unseal_rtcp(nonce, packet[clear_length:-SRTCP_INDEX_LENGTH], clear + word)
        except InvalidTag:
            raise AuthenticationError("the authentication tag is wrong") from None

    def rtcp_word(self, packet: bytes) -> bytes:
        """See `Transform.rtcp_word`."""
        return packet[-SRTCP_INDEX_LENGTH:]
