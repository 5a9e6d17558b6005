"""Keying material of DTLS."""

import pytest
from tests.srtp import libsrtp
from tests.srtp.packets import master_key, receiver_report, rtp

from rtc_srtp import ProtectionProfile, SrtpConfig, dtls_srtp_pair, keying_material_length


@pytest.mark.spec("rfc5764:4.2/2", "rfc5764:4.2/3")
@pytest.mark.parametrize("profile", libsrtp.PROFILES, ids=lambda profile: profile.name)
def test_client_and_server_understand_each_other_and_libsrtp(profile: ProtectionProfile) -> None:
    client_key, server_key = master_key(profile, first=1), master_key(profile, first=128)
    material = client_key.key + server_key.key + client_key.salt + server_key.salt

    client = dtls_srtp_pair(profile, material, is_client=True)
    server = dtls_srtp_pair(profile, material, is_client=False)

    from_client, from_server = client[0].protect(rtp(1)), server[0].protect(rtp(1))
    assert (server[1].unprotect(from_client), client[1].unprotect(from_server)) == (rtp(1), rtp(1))
    assert from_client == libsrtp.sender(profile, client_key).protect(rtp(1))
    assert from_server == libsrtp.sender(profile, server_key).protect(rtp(1))
    assert server[1].unprotect_rtcp(client[0].protect_rtcp(receiver_report())) == receiver_report()


@pytest.mark.parametrize("profile", ProtectionProfile, ids=lambda profile: profile.name)
def test_material_of_the_wrong_length_is_refused(profile: ProtectionProfile) -> None:
    with pytest.raises(ValueError, match="bytes"):
        dtls_srtp_pair(profile, bytes(keying_material_length(profile) - 1), is_client=True)


def test_a_master_key_identifier_cannot_come_from_dtls() -> None:
    profile = ProtectionProfile.AEAD_AES_128_GCM

    with pytest.raises(ValueError, match="identifier"):
        dtls_srtp_pair(profile, bytes(keying_material_length(profile)), is_client=True, config=SrtpConfig(mki_length=1))
