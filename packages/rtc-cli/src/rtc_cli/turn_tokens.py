"""The seal of access tokens for `rtc turn`: AES-GCM, as authorization servers use it (:rfc:`7635#section-4.1.1`)."""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM


class GcmKey:
    """AES-128-GCM or AES-256-GCM with a key (`rtc_turn.TokenKey`).

    Args:
        key: 16 or 32 bytes.
    """

    def __init__(self, key: bytes) -> None:
        self._gcm = AESGCM(key)

    def seal(self, nonce: bytes, data: bytes, associated: bytes) -> bytes:
        """Encrypt and authenticate."""
        return self._gcm.encrypt(nonce, data, associated)

    def open(self, nonce: bytes, sealed: bytes, associated: bytes) -> bytes | None:
        """Decrypt; None if it is not authentic."""
        try:
            return self._gcm.decrypt(nonce, sealed, associated)
        except (InvalidTag, ValueError):
            return None
