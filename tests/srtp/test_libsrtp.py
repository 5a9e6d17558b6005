"""Byte for byte what libsrtp makes, and the other way round."""

import pytest
from tests.srtp import libsrtp
from tests.srtp.packets import master_key, receiver_report, rtp

from rtc_srtp import ProtectionProfile, SrtpReceiver, SrtpSender

each_profile = pytest.mark.parametrize("profile", libsrtp.PROFILES, ids=lambda profile: profile.name)


@each_profile
def test_rtp_both_ways(profile: ProtectionProfile) -> None:
    key = master_key(profile)
    ours, theirs = SrtpSender(profile, key), libsrtp.sender(profile, key)
    packets = [rtp(n, payload=bytes([n & 255]) * (n % 300)) for n in range(65_400, 65_700)]

    protected = ours.protect_many(packets)

    assert protected == [theirs.protect(packet) for packet in packets]
    assert SrtpReceiver(profile, key).unprotect_many(protected) == packets
    receiver = libsrtp.receiver(profile, key)
    assert [receiver.unprotect(packet) for packet in protected] == packets


@each_profile
def test_rtcp_both_ways(profile: ProtectionProfile) -> None:
    key = master_key(profile)
    ours, theirs = SrtpSender(profile, key), libsrtp.sender(profile, key)
    packets = [receiver_report(blocks=n % 3) for n in range(20)]

    # RFC 3711 counts from zero, libsrtp from one.
    protected = [ours.protect_rtcp(packet) for packet in [packets[0], *packets]]

    assert protected[1:] == [theirs.protect_rtcp(packet) for packet in packets]
    receiver = SrtpReceiver(profile, key)
    assert [receiver.unprotect_rtcp(packet) for packet in protected] == [packets[0], *packets]
    peer = libsrtp.receiver(profile, key)
    assert [peer.unprotect_rtcp(packet) for packet in protected] == [packets[0], *packets]
