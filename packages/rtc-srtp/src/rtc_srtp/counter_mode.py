"""AES in counter mode, and HMAC-SHA1 over what it encrypted.

::

       RTP    | header | payload   | tag 10 or 4 |
                       |<-  AES  ->|
              |<- HMAC, and ROC  ->|

       RTCP   | first 8 bytes | rest    | E | index | tag 10 |
                              |<- AES ->|
              |<-           HMAC                  ->|

See :rfc:`3711#section-4.1`, :rfc:`3711#section-4.2`, and :rfc:`6188` for 256-bit keys.
"""

from hmac import compare_digest
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.hmac import HMAC

from .errors import AuthenticationError
from .key_derivation import SessionKeys
from .keystream import Keystream
from .transform import ENCRYPTED_FLAG, RTCP_CLEAR_LENGTH, SRTCP_INDEX_LENGTH, SRTCP_INDEX_MASK

_ROC_MASK: Final = (1 << 32) - 1


class CounterModeCipher:
    """The profiles named ``CM_HMAC_SHA1``. An HMAC is keyed once, and copied for each packet."""

    __slots__ = (
        "_cipher", "_keys", "_mac", "_rtcp_keystream", "_rtcp_mac", "_rtcp_tag_length", "_salt", "_tag_length",
    )  # fmt: skip

    def __init__(self, srtp: SessionKeys, srtcp: SessionKeys, tag_length: int, rtcp_tag_length: int) -> None:
        self._keys = srtp, srtcp
        # [rfc3711:4.2/3]
        self._tag_length, self._rtcp_tag_length = tag_length, rtcp_tag_length
        keystream = Keystream(srtp.encryption, srtp.salt)
        self._cipher, self._salt = keystream.cipher, keystream.salt
        self._rtcp_keystream = Keystream(srtcp.encryption, srtcp.salt)
        self._mac = HMAC(srtp.authentication, SHA1())  # noqa: S303 - it is what the profiles say
        self._rtcp_mac = HMAC(srtcp.authentication, SHA1())  # noqa: S303

    def __reduce__(self) -> tuple[type["CounterModeCipher"], tuple[SessionKeys, SessionKeys, int, int]]:
        """Copy the keys: cipher and HMAC are made of them again."""
        return CounterModeCipher, (*self._keys, self._tag_length, self._rtcp_tag_length)

    def protect(self, number: int, packet: bytes, header_length: int) -> bytes:
        """See `Transform.protect`. The same as `encrypt` and `authenticate`, in one go."""
        cipher = self._cipher
        cipher.reset_nonce((self._salt ^ number << 16).to_bytes(16))
        # [rfc3711:3.1/6] [rfc3711:3.1/7]
        encrypted = packet[:header_length] + cipher.update(packet[header_length:])
        mac = self._mac.copy()
        mac.update(encrypted + (number >> 16 & _ROC_MASK).to_bytes(4))
        return encrypted + mac.finalize()[: self._tag_length]

    def unprotect(self, number: int, packet: bytes, header_length: int) -> bytes:
        """See `Transform.unprotect`. The same as `verify` and `decrypt`, in one go."""
        # [rfc3711:3.1/6]
        end = len(packet) - self._tag_length
        mac = self._mac.copy()
        mac.update(packet[:end] + (number >> 16 & _ROC_MASK).to_bytes(4))
        # [rfc3711:4.2/4]
        if not compare_digest(mac.finalize()[: self._tag_length], packet[end:]):
            raise AuthenticationError("the authentication tag is wrong")
        cipher = self._cipher
        cipher.reset_nonce((self._salt ^ number << 16).to_bytes(16))
        return packet[:header_length] + cipher.update(packet[header_length:end])

    def protect_rtcp(self, number: int, packet: bytes, encrypt: bool) -> bytes:
        """See `Transform.protect_rtcp`."""
        flag_and_index = number & SRTCP_INDEX_MASK
        # [rfc3711:3.4/7] [rfc3711:4.1.1/3]
        if encrypt:
            flag_and_index |= ENCRYPTED_FLAG
            packet = packet[:RTCP_CLEAR_LENGTH] + self._rtcp_keystream.crypt(number, packet[RTCP_CLEAR_LENGTH:])
        # [rfc3711:3.4/1] [rfc3711:3.4/11]
        covered = packet + flag_and_index.to_bytes(SRTCP_INDEX_LENGTH)
        return covered + self._rtcp_tag(covered)

    def unprotect_rtcp(self, number: int, packet: bytes) -> bytes:
        """See `Transform.unprotect_rtcp`."""
        end = len(packet) - self._rtcp_tag_length
        if not compare_digest(self._rtcp_tag(packet[:end]), packet[end:]):
            raise AuthenticationError("the authentication tag is wrong")
        # [rfc3711:3.4/9]
        clear, secret = packet[:RTCP_CLEAR_LENGTH], packet[RTCP_CLEAR_LENGTH : end - SRTCP_INDEX_LENGTH]
        encrypted = self.rtcp_flag_and_index(packet) & ENCRYPTED_FLAG
        return clear + (self._rtcp_keystream.crypt(number, secret) if encrypted else secret)

    def rtcp_flag_and_index(self, packet: bytes) -> int:
        """See `Transform.rtcp_flag_and_index`."""
        end = len(packet) - self._rtcp_tag_length
        return int.from_bytes(packet[end - SRTCP_INDEX_LENGTH : end])

    def encrypt(self, number: int, _clear: bytes, secret: bytes, /) -> bytes:
        """See `PacketCipher.encrypt`."""
        # [rfc3711:4.1.1/1]
        self._cipher.reset_nonce((self._salt ^ number << 16).to_bytes(16))
        return self._cipher.update(secret)

    def authenticate(self, number: int, packet: bytes, /) -> bytes:
        """See `PacketCipher.authenticate`."""
        return packet + self._tag(number, packet)

    def verify(self, number: int, packet: bytes, /) -> bytes:
        """See `PacketCipher.verify`."""
        end = len(packet) - self._tag_length
        if not compare_digest(self._tag(number, packet[:end]), packet[end:]):
            raise AuthenticationError("the authentication tag is wrong")
        return packet[:end]

    def decrypt(self, number: int, clear: bytes, secret: bytes, /) -> bytes:
        """See `PacketCipher.decrypt`."""
        return self.encrypt(number, clear, secret)

    def _tag(self, number: int, covered: bytes) -> bytes:
        # [rfc3711:4.2/1] [rfc3711:4.2.1/1] [rfc3711:4.2.1/2]
        mac = self._mac.copy()
        mac.update(covered + (number >> 16 & _ROC_MASK).to_bytes(4))
        return mac.finalize()[: self._tag_length]

    def _rtcp_tag(self, covered: bytes) -> bytes:
        # [rfc3711:4.2/2]
        mac = self._rtcp_mac.copy()
        mac.update(covered)
        return mac.finalize()[: self._rtcp_tag_length]
