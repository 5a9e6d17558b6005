"""Session keys from a master key.

::

       master key --------------------------> +-------------+
                                              | AES counter | ---> as many bytes as the session key has
       master salt XOR label, shifted left -> +-------------+

See :rfc:`3711#section-4.3`; :rfc:`6188#section-3` for AES-256, and :rfc:`7714#section-11` for GCM.
"""

from dataclasses import field
from enum import IntEnum
from typing import Final

from .dataclass import dataclass
from .keystream import SALT_LENGTH, Keystream
from .master_key import MasterKey
from .profile import ProtectionProfile
from .replay import INDEX_BITS

AUTHENTICATION_KEY_LENGTH: Final = 20


class Label(IntEnum):
    """What a derived key is for. See :rfc:`3711#section-4.3.1` and :rfc:`6904#section-3.1`."""

    # [rfc3711:4.3.1/8] [rfc3711:4.3.1/9]
    SRTP_ENCRYPTION = 0x00
    SRTP_AUTHENTICATION = 0x01
    SRTP_SALT = 0x02
    # [rfc3711:4.3.2/1]
    SRTCP_ENCRYPTION = 0x03
    SRTCP_AUTHENTICATION = 0x04
    SRTCP_SALT = 0x05
    # [rfc6904:3/2]
    HEADER_ENCRYPTION = 0x06
    HEADER_SALT = 0x07


@dataclass(frozen=True, slots=True)
class SessionKeys:
    """The keys of SRTP, or of SRTCP."""

    encryption: bytes = field(repr=False)
    authentication: bytes = field(repr=False)
    """Empty where one algorithm encrypts and authenticates."""
    salt: bytes = field(repr=False)


def derive_srtp_keys(profile: ProtectionProfile, master: MasterKey) -> SessionKeys:
    """Return the session keys of RTP packets. The derivation rate is zero: they last as long as the master key."""
    # [rfc3711:4.3.1/1] [rfc3711:4.3.1/2] [rfc3711:4.3.1/5] [rfc7714:3/2]
    return SessionKeys(
        encryption=derive(master, Label.SRTP_ENCRYPTION, profile.key_length),
        authentication=b"" if profile.is_aead else derive(master, Label.SRTP_AUTHENTICATION, AUTHENTICATION_KEY_LENGTH),
        salt=derive(master, Label.SRTP_SALT, profile.salt_length),
    )


def derive_srtcp_keys(profile: ProtectionProfile, master: MasterKey) -> SessionKeys:
    """Return the session keys of RTCP packets. See :rfc:`3711#section-4.3.2`."""
    # [rfc3711:3.2.1/9] [rfc3711:8/3]
    return SessionKeys(
        encryption=derive(master, Label.SRTCP_ENCRYPTION, profile.key_length),
        authentication=b""
        if profile.is_aead
        else derive(master, Label.SRTCP_AUTHENTICATION, AUTHENTICATION_KEY_LENGTH),
        salt=derive(master, Label.SRTCP_SALT, profile.salt_length),
    )


def derive_header_keystream(profile: ProtectionProfile, master: MasterKey) -> Keystream:
    """Return what encrypts header extensions: counter mode, for all profiles. See :rfc:`6904#section-3`."""
    # [rfc7714:8.3/1] [rfc7714:8.3/2] The salt is as long as that of the payload; where counter mode needs more, zeros follow.
    salt = derive(master, Label.HEADER_SALT, profile.salt_length).ljust(SALT_LENGTH, b"\0")
    return Keystream(derive(master, Label.HEADER_ENCRYPTION, profile.key_length), salt)


def derive(master: MasterKey, label: Label, length: int) -> bytes:
    """Return one session key or salt of `length` bytes."""
    # The function takes 112 bits of salt. Those of GCM have 96: they stand at the left, followed by zeros.
    # [rfc3711:3.2.1/4] [rfc3711:3.2.1/6]
    salt = int.from_bytes(master.salt.ljust(SALT_LENGTH, b"\0"))
    # [rfc3711:4.3.1/4] [rfc3711:4.3.1/7] [rfc3711:4.3.1/11] [rfc3711:11.4/3] [rfc3711:5.3/1]
    # The label stands above a packet index that counts as zero; that is where a packet's number has its SSRC.
    # [rfc3711:4.3.3/1] [rfc3711:4.3.1/6] [rfc7714:11/1] [rfc7714:11/2]
    return Keystream(master.key, salt.to_bytes(SALT_LENGTH)).crypt(label << INDEX_BITS, bytes(length))
