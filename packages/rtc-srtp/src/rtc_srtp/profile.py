"""Protection profiles: which cipher and which authentication, with keys how long.

See :rfc:`5764#section-4.1.2` and :rfc:`7714#section-14.2` for those of DTLS-SRTP, :rfc:`6188` for AES-256 in counter mode.
"""

from enum import IntEnum
from typing import Final, NamedTuple


class _Parameters(NamedTuple):
    key_length: int
    salt_length: int
    tag_length: int
    rtcp_tag_length: int
    is_aead: bool


class ProtectionProfile(IntEnum):
    """A combination of transforms. Values below 0x1_0000 are the code points of the ``use_srtp`` extension of DTLS."""

    AES128_CM_HMAC_SHA1_80 = 0x0001
    AES128_CM_HMAC_SHA1_32 = 0x0002
    # [rfc7714:14.2/1]
    AEAD_AES_128_GCM = 0x0007
    AEAD_AES_256_GCM = 0x0008
    AES256_CM_HMAC_SHA1_80 = 0x1_0001
    """No code point: DTLS cannot negotiate it, other key management (SDP security descriptions) can."""
    AES256_CM_HMAC_SHA1_32 = 0x1_0002
    """No code point either."""

    @property
    def key_length(self) -> int:
        """Bytes of a master key, and of a session encryption key."""
        return _PARAMETERS[self].key_length

    @property
    def salt_length(self) -> int:
        """Bytes of a master salt, and of a session salt."""
        return _PARAMETERS[self].salt_length

    @property
    def tag_length(self) -> int:
        """Bytes by which protection makes an RTP packet longer, the master key identifier not counted."""
        return _PARAMETERS[self].tag_length

    @property
    def rtcp_tag_length(self) -> int:
        """Bytes of the authentication tag of an RTCP packet; the 4 bytes of its index come on top."""
        return _PARAMETERS[self].rtcp_tag_length

    @property
    def is_aead(self) -> bool:
        """Whether one algorithm both encrypts and authenticates."""
        return _PARAMETERS[self].is_aead


_PARAMETERS: Final = {
    # [rfc3711:5/1] [rfc3711:5.1/1] [rfc3711:5.2/1]
    ProtectionProfile.AES128_CM_HMAC_SHA1_80: _Parameters(16, 14, 10, 10, is_aead=False),
    # [rfc3711:5.2/2] [rfc3711:5.2/3] [rfc3711:9.5/3] [rfc3711:9.5/4] The short tag is for RTP alone.
    ProtectionProfile.AES128_CM_HMAC_SHA1_32: _Parameters(16, 14, 4, 10, is_aead=False),
    # [rfc7714:1/1] [rfc7714:1/2] [rfc7714:12/1]
    ProtectionProfile.AEAD_AES_128_GCM: _Parameters(16, 12, 16, 16, is_aead=True),
    ProtectionProfile.AEAD_AES_256_GCM: _Parameters(32, 12, 16, 16, is_aead=True),
    ProtectionProfile.AES256_CM_HMAC_SHA1_80: _Parameters(32, 14, 10, 10, is_aead=False),
    ProtectionProfile.AES256_CM_HMAC_SHA1_32: _Parameters(32, 14, 4, 10, is_aead=False),
}
