"""That no two keys are the same."""

import pytest
from tests.srtp.packets import master_key

from rtc_srtp import ProtectionProfile
from rtc_srtp.key_derivation import Label, derive, derive_srtcp_keys, derive_srtp_keys


@pytest.mark.parametrize("profile", ProtectionProfile, ids=lambda profile: profile.name)
@pytest.mark.spec("rfc3711:4.3.1/8", "rfc3711:3.2.1/9", "rfc3711:4.3.2/1", "rfc7714:3/2")
def test_each_label_leads_to_another_key(profile: ProtectionProfile) -> None:
    master = master_key(profile)
    derived = [derive(master, label, 16) for label in Label]
    srtp, srtcp = derive_srtp_keys(profile, master), derive_srtcp_keys(profile, master)

    assert len(set(derived)) == len(Label) == 8
    assert (srtp.encryption[:16], srtcp.encryption[:16]) == (derived[0], derived[3])
    assert (srtp.salt[:12], srtcp.salt[:12]) == (derived[2][:12], derived[5][:12])
    assert len(srtp.encryption) == len(master.key) == profile.key_length
    if not profile.is_aead:
        assert (srtp.authentication[:16], srtcp.authentication[:16]) == (derived[1], derived[4])
