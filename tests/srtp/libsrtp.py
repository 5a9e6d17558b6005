"""libsrtp, by its Python binding, for comparison."""

from typing import Final

from pylibsrtp import Policy, Session

from rtc_srtp import MasterKey, ProtectionProfile

PROFILES: Final = {
    ProtectionProfile.AES128_CM_HMAC_SHA1_80: Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    ProtectionProfile.AES128_CM_HMAC_SHA1_32: Policy.SRTP_PROFILE_AES128_CM_SHA1_32,
    ProtectionProfile.AEAD_AES_128_GCM: Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
    ProtectionProfile.AEAD_AES_256_GCM: Policy.SRTP_PROFILE_AEAD_AES_256_GCM,
}


def sender(profile: ProtectionProfile, master: MasterKey) -> Session:
    return Session(_policy(profile, master, Policy.SSRC_ANY_OUTBOUND))


def receiver(profile: ProtectionProfile, master: MasterKey) -> Session:
    return Session(_policy(profile, master, Policy.SSRC_ANY_INBOUND))


def _policy(profile: ProtectionProfile, master: MasterKey, direction: int) -> Policy:
    policy = Policy(key=master.key + master.salt, ssrc_type=direction, srtp_profile=PROFILES[profile])
    policy.window_size = 1024
    return policy
