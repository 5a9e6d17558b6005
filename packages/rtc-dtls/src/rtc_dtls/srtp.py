"""The use_srtp extension and the SRTP keys that come out of the handshake. See :rfc:`5764#section-4`.

use_srtp           uint16 profiles<2..2^16-1> | srtp_mki<0..255>
exported keys      client key | server key | client salt | server salt
"""

from collections.abc import Callable, Iterable
from dataclasses import field
from enum import IntEnum
from typing import Final

from .dataclass import dataclass
from .presentation import Reader, numbers, vector

EXPORTER_LABEL: Final = "EXTRACTOR-dtls_srtp"


class SrtpProfile(IntEnum):
    """SRTP protection profiles. See :rfc:`5764#section-4.1.2` and :rfc:`7714#section-14.2`."""

    AES128_CM_HMAC_SHA1_80 = 0x0001
    AES128_CM_HMAC_SHA1_32 = 0x0002
    AEAD_AES_128_GCM = 0x0007
    AEAD_AES_256_GCM = 0x0008

    @property
    def key_length(self) -> int:
        """Bytes of the master key."""
        return 32 if self is SrtpProfile.AEAD_AES_256_GCM else 16

    @property
    def salt_length(self) -> int:
        """Bytes of the master salt."""
        return 14 if self in (SrtpProfile.AES128_CM_HMAC_SHA1_80, SrtpProfile.AES128_CM_HMAC_SHA1_32) else 12


@dataclass(frozen=True, slots=True, kw_only=True)
class SrtpKeyingMaterial:
    """Master keys and salts for both directions, from the point of view of the connection they came from."""

    profile: SrtpProfile
    local_key: bytes = field(repr=False)
    local_salt: bytes = field(repr=False)
    remote_key: bytes = field(repr=False)
    remote_salt: bytes = field(repr=False)

    @classmethod
    def export(
        cls, profile: SrtpProfile, export: Callable[[str, int], bytes], *, is_client: bool
    ) -> "SrtpKeyingMaterial":
        """Export and cut the keys. See :rfc:`5764#section-4.2`."""
        key, salt = profile.key_length, profile.salt_length
        # [rfc5764:4.2/1]
        material = export(EXPORTER_LABEL, 2 * key + 2 * salt)
        # [rfc5764:4.2/2]
        client = material[:key], material[2 * key : 2 * key + salt]
        server = material[key : 2 * key], material[2 * key + salt :]
        # [rfc5764:4.2/3]
        local, remote = (client, server) if is_client else (server, client)
        return cls(
            profile=profile,
            local_key=local[0],
            local_salt=local[1],
            remote_key=remote[0],
            remote_salt=remote[1],
        )


def parse_use_srtp(data: bytes) -> tuple[tuple[int, ...], bytes]:
    """Parse the extension: the profiles, and the master key identifier.

    Raises:
        ParseError: A length is wrong.
    """
    reader = Reader(data, "use_srtp")
    profiles = reader.numbers(2, 2)
    mki = reader.vector(1)
    reader.finish()
    return profiles, mki


def encode_use_srtp(profiles: Iterable[int], mki: bytes = b"") -> bytes:
    """Encode the extension. WebRTC has no use for an MKI, so ours is always empty."""
    # [rfc8827:6.5/8]
    return numbers(2, 2, profiles) + vector(1, mki)
