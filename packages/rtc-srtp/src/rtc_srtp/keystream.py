"""AES in counter mode: what makes one packet of another by exclusive or. See :rfc:`3711#section-4.1.1`."""

from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

SALT_LENGTH: Final = 14
MAX_LENGTH: Final = 16 << 16
"""Bytes of keystream before the count of blocks would reach into the packet index."""


class Keystream:
    """The keystreams of one session key, one for each packet.

    Making a cipher costs more than using it on a packet. This one lasts as long as the key, and is told the next initial
    counter block.
    """

    __slots__ = ("_key", "cipher", "salt")

    def __init__(self, key: bytes, salt: bytes) -> None:
        self._key = key
        self.salt: Final = int.from_bytes(salt) << 16
        self.cipher: Final = Cipher(algorithms.AES(key), modes.CTR(bytes(16))).encryptor()

    def __reduce__(self) -> tuple[type["Keystream"], tuple[bytes, bytes]]:
        """Copy the key: the cipher is made of it again."""
        return Keystream, (self._key, (self.salt >> 16).to_bytes(SALT_LENGTH))

    def crypt(self, number: int, data: bytes) -> bytes:
        """Encrypt or decrypt what begins at the start of the packet's keystream."""
        # [rfc3711:4.1.1/1] [rfc3711:4.1.1/2]
        self.cipher.reset_nonce((self.salt ^ number << 16).to_bytes(16))
        return self.cipher.update(data)
