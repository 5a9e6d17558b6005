"""Session keys from a master key.

::

                      master key     master salt
                           |              |  XOR label
                           v              v
       AES in counter mode (key,  initial counter block)  ->  as many bytes as the session key has

See :rfc:`3711#section-4.3`; :rfc:`6188#section-3` for AES-256, and :rfc:`7714#section-11` for GCM.
"""

from dataclasses import field
from enum import IntEnum
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from .dataclass import dataclass
from .master_key import MasterKey
from .profile import ProtectionProfile

AUTHENTICATION_KEY_LENGTH: Final = 20
_PRF_SALT_LENGTH: Final = 14
"""The function takes 112 bits of salt. Those of GCM have 96: they stand at the left, followed by zeros."""


class Label(IntEnum):
    """What a derived key is for. See :rfc:`3711#section-4.3.1` and :rfc:`6904#section-3.1`."""

    SRTP_ENCRYPTION = 0x00
    SRTP_AUTHENTICATION = 0x01
    SRTP_SALT = 0x02
    SRTCP_ENCRYPTION = 0x03
    SRTCP_AUTHENTICATION = 0x04
    SRTCP_SALT = 0x05
    HEADER_ENCRYPTION = 0x06
    HEADER_SALT = 0x07


@dataclass(frozen=True, slots=True)
class SessionKeys:
    """The keys of SRTP, or of SRTCP."""

    encryption: bytes = field(repr=False)
    authentication: bytes = field(repr=False)
    """Empty where one algorithm encrypts and authenticates."""
    salt: bytes = field(repr=False)


def derive_srtp_keys(master: MasterKey, profile: ProtectionProfile) -> SessionKeys:
    """Return the session keys of RTP packets. The derivation rate is zero: they last as long as the master key."""
    # [rfc3711:4.3.1/1]
    return SessionKeys(
        encryption=derive(master, Label.SRTP_ENCRYPTION, profile.key_length),
        authentication=b"" if profile.is_aead else derive(master, Label.SRTP_AUTHENTICATION, AUTHENTICATION_KEY_LENGTH),
        salt=derive(master, Label.SRTP_SALT, profile.salt_length),
    )


def derive_srtcp_keys(master: MasterKey, profile: ProtectionProfile) -> SessionKeys:
    """Return the session keys of RTCP packets. See :rfc:`3711#section-4.3.2`."""
    # [rfc3711:4.3.2/1]
    return SessionKeys(
        encryption=derive(master, Label.SRTCP_ENCRYPTION, profile.key_length),
        authentication=b""
        if profile.is_aead
        else derive(master, Label.SRTCP_AUTHENTICATION, AUTHENTICATION_KEY_LENGTH),
        salt=derive(master, Label.SRTCP_SALT, profile.salt_length),
    )


def derive(master: MasterKey, label: Label, length: int) -> bytes:
    """Return one session key or salt of `length` bytes."""
    salt = master.salt.ljust(_PRF_SALT_LENGTH, b"\0")
    # The label stands above a 48-bit packet index, which counts as zero.
    block = (int.from_bytes(salt, "big") ^ label << 48).to_bytes(_PRF_SALT_LENGTH, "big") + b"\0\0"
    return Cipher(algorithms.AES(master.key), modes.CTR(block)).encryptor().update(bytes(length))
