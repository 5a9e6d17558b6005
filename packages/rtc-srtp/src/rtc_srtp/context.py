"""What belongs to one master key: the session keys at work, and where packets name the key.

::

       counter mode   ... ciphertext [| E and index] | MKI | tag |
       GCM            ... ciphertext | tag [| E and index] | MKI |

The master key identifier is put into what a transform made, and taken out before it comes to a transform: it is neither
encrypted nor authenticated, and a wrong one leads to a wrong key.

See :rfc:`3711#section-3.1` and :rfc:`7714#section-8.2`.
"""

from typing import Final

from .config import SrtpConfig
from .counter_mode import CounterModeTransform
from .gcm import GcmTransform
from .key_derivation import derive_srtcp_keys, derive_srtp_keys
from .master_key import MasterKey
from .profile import ProtectionProfile
from .replay import ReplayWindow
from .transform import Transform


class KeyContext:
    """A master key, ready to protect and to unprotect."""

    __slots__ = ("mki", "mki_offset", "rtcp_mki_offset", "rtcp_sources", "transform")

    def __init__(self, profile: ProtectionProfile, master: MasterKey, config: SrtpConfig) -> None:
        master.check(profile)
        if len(master.mki) != config.mki_length:
            raise ValueError(f"the master key identifier has {config.mki_length} bytes, not {len(master.mki)}")
        self.mki: Final = master.mki
        self.mki_offset: Final = 0 if profile.is_aead else profile.tag_length
        self.rtcp_mki_offset: Final = 0 if profile.is_aead else profile.rtcp_tag_length
        self.transform: Final = make_transform(profile, master)
        self.rtcp_sources: Final[dict[int, ReplayWindow]] = {}
        """The replay lists of SRTCP, by SSRC."""


def make_transform(profile: ProtectionProfile, master: MasterKey) -> Transform:
    """Derive the session keys of a master key, and make what uses them."""
    srtp, srtcp = derive_srtp_keys(master, profile), derive_srtcp_keys(master, profile)
    if profile.is_aead:
        return GcmTransform(srtp, srtcp)
    return CounterModeTransform(srtp, srtcp, profile.tag_length, profile.rtcp_tag_length)


def insert_mki(packet: bytes, mki: bytes, offset: int) -> bytes:
    """Put the master key identifier `offset` bytes before the end."""
    place = len(packet) - offset
    return packet[:place] + mki + packet[place:]


def remove_mki(packet: bytes, length: int, offset: int) -> tuple[bytes, bytes]:
    """Return the packet without its master key identifier, and that. Of a packet that is too short, less comes back."""
    end = max(len(packet) - offset, 0)
    start = max(end - length, 0)
    return packet[:start] + packet[end:], packet[start:end]
