"""Several master keys, told apart by the identifier in the packets."""

import pytest
from tests.srtp.packets import master_key, receiver_report, rtp

from rtc_srtp import (
    AuthenticationError,
    KeyExhaustedError,
    MasterKey,
    ProtectionProfile,
    ReplayError,
    SrtpConfig,
    SrtpReceiver,
    SrtpSender,
    StateError,
    UnknownKeyError,
)

CONFIG = SrtpConfig(mki_length=3)
SSRC = 0x1234_5678
each_profile = pytest.mark.parametrize("profile", ProtectionProfile, ids=lambda profile: profile.name)


def key(profile: ProtectionProfile, mki: bytes) -> MasterKey:
    return master_key(profile, mki, first=mki[0])


@each_profile
@pytest.mark.spec("rfc3711:3.3/10", "rfc7714:8.2/3", "rfc3711:3.3/1")
def test_where_the_identifier_stands(profile: ProtectionProfile) -> None:
    sender = SrtpSender(profile, key(profile, b"MKI"), config=CONFIG)
    plain = SrtpSender(profile, master_key(profile, first=ord("M")))
    packet, rtcp = sender.protect(rtp(1)), sender.protect_rtcp(receiver_report())
    without, rtcp_without = plain.protect(rtp(1)), plain.protect_rtcp(receiver_report())

    place = len(without) - (0 if profile.is_aead else profile.tag_length)
    rtcp_place = len(rtcp_without) - (0 if profile.is_aead else profile.rtcp_tag_length)

    assert packet == without[:place] + b"MKI" + without[place:]
    assert rtcp == rtcp_without[:rtcp_place] + b"MKI" + rtcp_without[rtcp_place:]
    receiver = SrtpReceiver(profile, key(profile, b"MKI"), config=CONFIG)
    assert receiver.unprotect(packet) == rtp(1)
    assert receiver.unprotect_rtcp(rtcp) == receiver_report()


@each_profile
@pytest.mark.spec(
    "rfc3711:3.1/4", "rfc3711:3.1/5", "rfc3711:3.3/4", "rfc3711:3.3.1/8", "rfc3711:3.3.1/11", "rfc3711:3.4/6",
    "rfc3711:11.2/2", "rfc3711:11.4/1", "rfc3711:11.4/2", "rfc3711:3.2.3/1",
)  # fmt: skip
def test_changing_the_key_changes_no_counter_and_no_replay_list(profile: ProtectionProfile) -> None:
    sender = SrtpSender(profile, key(profile, b"one"), config=CONFIG)
    receiver = SrtpReceiver(profile, key(profile, b"one"), config=CONFIG)
    receiver.add_master_key(key(profile, b"two"))
    old = [sender.protect(rtp(n)) for n in (0xFFFE, 0xFFFF, 0x1_0000, 0x1_0001)]
    old_rtcp = sender.protect_rtcp(receiver_report())
    sender.protect(rtp(5, ssrc=9))

    sender.use_master_key(key(profile, b"two"))
    new, other = sender.protect(rtp(0x1_0002)), sender.protect(rtp(6, ssrc=9))
    new_rtcp = sender.protect_rtcp(receiver_report())

    assert sender.roll_over_counter(SSRC) == 1
    assert sender.srtcp_index(SSRC) == 2
    for packet, number in ((old[0], 0xFFFE), (old[3], 0x1_0001), (new, 0x1_0002), (old[2], 0x1_0000)):
        assert receiver.unprotect(packet) == rtp(number)
    assert receiver.unprotect(other) == rtp(6, ssrc=9)
    for rtcp in (new_rtcp, old_rtcp):
        assert receiver.unprotect_rtcp(rtcp) == receiver_report()
    for packet in (old[0], new):
        with pytest.raises(ReplayError):
            receiver.unprotect(packet)


@each_profile
@pytest.mark.spec("rfc3711:3.2.3/2", "rfc5764:5.2/2")
def test_an_unknown_identifier(profile: ProtectionProfile) -> None:
    sender = SrtpSender(profile, key(profile, b"one"), config=CONFIG)
    receiver = SrtpReceiver(profile, key(profile, b"two"), config=CONFIG)

    with pytest.raises(UnknownKeyError) as error:
        receiver.unprotect(sender.protect(rtp(1)))
    with pytest.raises(UnknownKeyError):
        receiver.unprotect_rtcp(sender.protect_rtcp(receiver_report()))
    assert error.value.reason == "unknown key"


@each_profile
def test_a_packet_that_names_another_key_is_not_authentic(profile: ProtectionProfile) -> None:
    one, two = SrtpSender(profile, key(profile, b"one"), config=CONFIG), key(profile, b"two")
    receiver = SrtpReceiver(profile, key(profile, b"one"), config=CONFIG)
    receiver.add_master_key(two)
    packet, rtcp = one.protect(rtp(1)), one.protect_rtcp(receiver_report())

    with pytest.raises(AuthenticationError):
        receiver.unprotect(packet.replace(b"one", b"two"))
    with pytest.raises(AuthenticationError):
        receiver.unprotect_rtcp(rtcp.replace(b"one", b"two"))


def test_a_removed_key_is_unknown() -> None:
    profile = ProtectionProfile.AEAD_AES_256_GCM
    sender = SrtpSender(profile, key(profile, b"one"), config=CONFIG)
    receiver = SrtpReceiver(profile, key(profile, b"one"), config=CONFIG)
    with pytest.raises(StateError):
        receiver.remove_master_key(b"one")
    receiver.add_master_key(key(profile, b"two"))

    receiver.remove_master_key(b"one")

    with pytest.raises(UnknownKeyError):
        receiver.unprotect(sender.protect(rtp(1)))
    with pytest.raises(StateError):
        receiver.remove_master_key(b"one")


@pytest.mark.spec("rfc3711:9.2/5")
def test_a_key_is_not_used_again() -> None:
    profile = ProtectionProfile.AES128_CM_HMAC_SHA1_80
    sender = SrtpSender(profile, key(profile, b"one"), config=CONFIG)
    sender.use_master_key(key(profile, b"two"))

    for mki in (b"one", b"two"):
        with pytest.raises(StateError):
            sender.use_master_key(key(profile, mki))
    receiver = SrtpReceiver(profile, key(profile, b"one"), config=CONFIG)
    with pytest.raises(StateError):
        receiver.add_master_key(key(profile, b"one"))


@pytest.mark.spec("rfc3711:3.4/5", "rfc3711:3.4/6", "rfc7714:13.1/5")
@each_profile
def test_a_new_key_gives_rtcp_another_round_of_indices(profile: ProtectionProfile) -> None:
    sender = SrtpSender(profile, key(profile, b"one"), config=CONFIG)
    receiver = SrtpReceiver(profile, key(profile, b"one"), config=CONFIG)
    receiver.add_master_key(key(profile, b"two"))
    sender.protect(rtp(1))
    sender.set_srtcp_index(SSRC, (1 << 31) - 1)
    last = sender.protect_rtcp(receiver_report())
    with pytest.raises(KeyExhaustedError):
        sender.protect_rtcp(receiver_report())

    sender.use_master_key(key(profile, b"two"))

    assert sender.srtcp_index(SSRC) == 0
    assert sender.protect(rtp(2))
    assert receiver.unprotect_rtcp(last) == receiver_report()
    assert receiver.unprotect_rtcp(sender.protect_rtcp(receiver_report())) == receiver_report()
    sender.set_srtcp_index(SSRC, (1 << 31) - 1)


@pytest.mark.spec("rfc3711:3.2.1/2")
@pytest.mark.parametrize("mki", [b"", b"ab", b"abcd"])
def test_identifiers_have_the_length_that_was_agreed_upon(mki: bytes) -> None:
    profile = ProtectionProfile.AEAD_AES_128_GCM
    receiver = SrtpReceiver(profile, master_key(profile, b"abc"), config=CONFIG)
    sender = SrtpSender(profile, master_key(profile, b"abc"), config=CONFIG)
    wrong = master_key(profile, mki)

    for call in (
        lambda: SrtpSender(profile, wrong, config=CONFIG),
        lambda: SrtpReceiver(profile, wrong, config=CONFIG),
        lambda: receiver.add_master_key(wrong),
        lambda: sender.use_master_key(wrong),
    ):
        with pytest.raises(ValueError, match="3 bytes"):
            call()


@pytest.mark.parametrize("length", [-1, 129])
def test_identifiers_have_at_most_128_bytes(length: int) -> None:
    with pytest.raises(ValueError, match="128"):
        SrtpConfig(mki_length=length)


def test_without_identifiers_there_is_one_key() -> None:
    profile = ProtectionProfile.AEAD_AES_128_GCM

    with pytest.raises(StateError):
        SrtpSender(profile, master_key(profile)).use_master_key(master_key(profile, first=9))
    with pytest.raises(StateError):
        SrtpReceiver(profile, master_key(profile)).add_master_key(master_key(profile, first=9))


@each_profile
@pytest.mark.spec("rfc3711:9.2/5")
def test_the_key_in_use_is_not_taken_for_a_new_one(profile: ProtectionProfile) -> None:
    """Under another name it would protect more packets than a key may."""
    sender = SrtpSender(profile, key(profile, b"one"), config=CONFIG)
    same = key(profile, b"one")
    sender.protect(rtp(1))

    with pytest.raises(StateError):
        sender.use_master_key(MasterKey(key=same.key, salt=same.salt, mki=b"two"))

    assert sender.protect(rtp(2))[-3 - (0 if profile.is_aead else profile.tag_length) :].startswith(b"one")
