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


class GcmCipher:
    """AEAD_AES_128_GCM and AEAD_AES_256_GCM. The AEAD objects, which are dear to make, last as long as the key."""

    __slots__ = ("_keys", "_open", "_open_rtcp", "_rtcp_salt", "_salt", "_seal", "_seal_rtcp")

    def __init__(self, srtp: SessionKeys, srtcp: SessionKeys) -> None:
        self._keys = srtp, srtcp
        self._salt = int.from_bytes(srtp.salt)
        self._rtcp_salt = int.from_bytes(srtcp.salt)
        aead, rtcp_aead = AESGCM(srtp.encryption), AESGCM(srtcp.encryption)
        self._seal, self._open = aead.encrypt, aead.decrypt
        self._seal_rtcp, self._open_rtcp = rtcp_aead.encrypt, rtcp_aead.decrypt

    def __reduce__(self) -> tuple[type["GcmCipher"], tuple[SessionKeys, SessionKeys]]:
        """Copy the keys: the AEAD objects are made of them again."""
        return GcmCipher, self._keys

    def protect(self, number: int, packet: bytes, header_length: int) -> bytes:
        """See `Transform.protect`."""
        header = packet[:header_length]
        # [rfc7714:8.1/1] [rfc7714:10/1]
        nonce = (self._salt ^ number).to_bytes(_NONCE_LENGTH)
        # [rfc7714:8.2/1] [rfc7714:8.2/2] [rfc7714:8.2/4] [rfc7714:10/2] [rfc7714:7.1/1] [rfc7714:7.1/2]
        return header + self._seal(nonce, packet[header_length:], header)

    def unprotect(self, number: int, packet: bytes, header_length: int) -> bytes:
        """See `Transform.unprotect`."""
        header = packet[:header_length]
        nonce = (self._salt ^ number).to_bytes(_NONCE_LENGTH)
        # [rfc7714:5.3/1] [rfc7714:5.3/2]
        try:
            return header + self._open(nonce, packet[header_length:], header)
        except InvalidTag:
            raise AuthenticationError("the authentication tag is wrong") from None

    def protect_rtcp(self, number: int, packet: bytes, encrypt: bool) -> bytes:
        """See `Transform.protect_rtcp`."""
        # [rfc7714:9.1/1]
        nonce = (self._rtcp_salt ^ number).to_bytes(_NONCE_LENGTH)
        # [rfc7714:9/1] [rfc7714:9.2/1] [rfc7714:9.3/1]
        clear_length = RTCP_CLEAR_LENGTH if encrypt else len(packet)
        clear = packet[:clear_length]
        flag_and_index = (number & SRTCP_INDEX_MASK | (ENCRYPTED_FLAG if encrypt else 0)).to_bytes(4)
        return clear + self._seal_rtcp(nonce, packet[clear_length:], clear + flag_and_index) + flag_and_index

    def unprotect_rtcp(self, number: int, packet: bytes) -> bytes:
        """See `Transform.unprotect_rtcp`."""
        nonce = (self._rtcp_salt ^ number).to_bytes(_NONCE_LENGTH)
        sealed, flag_and_index = packet[:-SRTCP_INDEX_LENGTH], packet[-SRTCP_INDEX_LENGTH:]
        clear_length = RTCP_CLEAR_LENGTH if flag_and_index[0] & 0x80 else len(sealed) - _TAG_LENGTH
        clear = sealed[:clear_length]
        try:
            return clear + self._open_rtcp(nonce, sealed[clear_length:], clear + flag_and_index)
        except InvalidTag:
            raise AuthenticationError("the authentication tag is wrong") from None

    def rtcp_flag_and_index(self, packet: bytes) -> int:
        """See `Transform.rtcp_flag_and_index`."""
        return int.from_bytes(packet[-SRTCP_INDEX_LENGTH:])

    def encrypt(self, number: int, clear: bytes, secret: bytes, /) -> bytes:
        """See `PacketCipher.encrypt`."""
        return self._seal((self._salt ^ number).to_bytes(_NONCE_LENGTH), secret, clear)

    def authenticate(self, _number: int, packet: bytes, /) -> bytes:
        """See `PacketCipher.authenticate`."""
        return packet

    def verify(self, _number: int, packet: bytes, /) -> bytes:
        """See `PacketCipher.verify`."""
        return packet

    def decrypt(self, number: int, clear: bytes, secret: bytes, /) -> bytes:
        """See `PacketCipher.decrypt`."""
        try:
            return self._open((self._salt ^ number).to_bytes(_NONCE_LENGTH), secret, clear)
        except InvalidTag:
            raise AuthenticationError("the authentication tag is wrong") from None
