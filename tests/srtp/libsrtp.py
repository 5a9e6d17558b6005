"""libsrtp, by its Python binding, for comparison."""

from collections.abc import Sequence
from typing import Final

from pylibsrtp import Policy, Session
from pylibsrtp._binding import ffi

from rtc_srtp import MasterKey, ProtectionProfile

PROFILES: Final = {
    ProtectionProfile.AES128_CM_HMAC_SHA1_80: Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    ProtectionProfile.AES128_CM_HMAC_SHA1_32: Policy.SRTP_PROFILE_AES128_CM_SHA1_32,
    ProtectionProfile.AEAD_AES_128_GCM: Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
    ProtectionProfile.AEAD_AES_256_GCM: Policy.SRTP_PROFILE_AEAD_AES_256_GCM,
}


_EXTENSION_IDS_AT: Final = 104
"""Where the policy of libsrtp 2 has the IDs of header extensions to encrypt, and behind them how many: the binding shows them not."""
_POLICY_SIZE: Final = 128


def sender(profile: ProtectionProfile, master: MasterKey, extension_ids: Sequence[int] = ()) -> Session:
    return Session(_policy(profile, master, Policy.SSRC_ANY_OUTBOUND, extension_ids))


def receiver(profile: ProtectionProfile, master: MasterKey, extension_ids: Sequence[int] = ()) -> Session:
    return Session(_policy(profile, master, Policy.SSRC_ANY_INBOUND, extension_ids))


def _policy(profile: ProtectionProfile, master: MasterKey, direction: int, extension_ids: Sequence[int]) -> Policy:
    policy = Policy(key=master.key + master.salt, ssrc_type=direction, srtp_profile=PROFILES[profile])
    policy.window_size = 1024
    if extension_ids:
        assert ffi.sizeof("srtp_policy_t") == _POLICY_SIZE, "another libsrtp, another layout"
        numbers = _kept.setdefault(tuple(extension_ids), ffi.new("int[]", list(extension_ids)))
        memory = ffi.cast("char *", policy._policy)
        ffi.cast("void **", memory + _EXTENSION_IDS_AT)[0] = ffi.cast("void *", numbers)
        ffi.cast("int *", memory + _EXTENSION_IDS_AT + 8)[0] = len(extension_ids)
    return policy


_kept: Final[dict[tuple[int, ...], object]] = {}
"""What policies point to."""
