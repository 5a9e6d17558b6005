"""From a master key and the settings to the transforms that protect packets with it."""

from .config import SrtpConfig
from .counter_mode import CounterModeCipher
from .cryptex import Cryptex
from .gcm import GcmCipher
from .header_encryption import HeaderEncryption
from .key_derivation import derive_header_keystream, derive_srtcp_keys, derive_srtp_keys
from .master_key import MasterKey
from .mki import NamedKey
from .profile import ProtectionProfile
from .transform import PacketCipher, Transform


def make_transform(profile: ProtectionProfile, master: MasterKey, config: SrtpConfig) -> Transform:
    """Derive the session keys of a master key, and make all that uses them.

    Raises:
        ValueError: Key, salt or identifier have not the length that profile and settings say.
    """
    master.check(profile)
    # [rfc3711:3.2.1/2]
    if len(master.mki) != config.mki_length:
        raise ValueError(f"the master key identifier has {config.mki_length} bytes, not {len(master.mki)}")
    cipher = _make_cipher(profile, master)
    transform: Transform = cipher
    if config.encrypted_extension_ids:
        transform = HeaderEncryption(
            transform, derive_header_keystream(profile, master), config.encrypted_extension_ids
        )
    if config.cryptex or config.require_cryptex:
        # [rfc9335:4/2] [rfc9335:4/3] A packet takes one way or the other
        transform = Cryptex(cipher, transform, required=config.require_cryptex)
    if master.mki:
        transform = NamedKey(transform, master.mki, mki_offset(profile), rtcp_mki_offset(profile))
    return transform


def mki_offset(profile: ProtectionProfile) -> int:
    """Return how many bytes follow the master key identifier of an RTP packet."""
    # [rfc7714:8.2/3]
    return 0 if profile.is_aead else profile.tag_length


def rtcp_mki_offset(profile: ProtectionProfile) -> int:
    """Return how many bytes follow the master key identifier of an RTCP packet."""
    return 0 if profile.is_aead else profile.rtcp_tag_length


def _make_cipher(profile: ProtectionProfile, master: MasterKey) -> PacketCipher:
    srtp, srtcp = derive_srtp_keys(profile, master), derive_srtcp_keys(profile, master)
    if profile.is_aead:
        return GcmCipher(srtp, srtcp)
    return CounterModeCipher(srtp, srtcp, profile.tag_length, profile.rtcp_tag_length)
