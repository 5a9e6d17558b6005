"""Sender and receiver can be copied and pickled in mid-flight; ciphers are made again from the keys."""

import copy
import pickle
from collections.abc import Callable

import pytest
from tests.srtp.packets import master_key, receiver_report, rtp

from rtc_srtp import MasterKey, ProtectionProfile, ReplayError, SrtpConfig, SrtpReceiver, SrtpSender

CONFIGS = [
    SrtpConfig(),
    SrtpConfig(mki_length=1, replay_window=64),
    SrtpConfig(cryptex=True, encrypted_extension_ids=frozenset({1})),
]
EXTENDED = (0xBEDE, bytes.fromhex("10aa0000"))


def through_pickle(thing: object) -> object:
    return pickle.loads(pickle.dumps(thing))


@pytest.mark.parametrize("profile", ProtectionProfile, ids=lambda profile: profile.name)
@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize("duplicate", [copy.deepcopy, through_pickle])
def test_a_copy_behaves_the_same(
    profile: ProtectionProfile, config: SrtpConfig, duplicate: Callable[[object], object]
) -> None:
    key = master_key(profile, b"k" * config.mki_length)
    sender, receiver = SrtpSender(profile, key, config=config), SrtpReceiver(profile, key, config=config)
    packets = [sender.protect(rtp(n, extension=EXTENDED)) for n in (0xFFFE, 0xFFFF, 0x1_0000, 0x1_0003)]
    reports = [sender.protect_rtcp(receiver_report()) for _ in range(2)]
    receiver.unprotect_many(packets)
    receiver.unprotect_rtcp(reports[0])

    sender_copy, receiver_copy = duplicate(sender), duplicate(receiver)

    assert isinstance(sender_copy, SrtpSender)
    assert isinstance(receiver_copy, SrtpReceiver)
    following, report = rtp(0x1_0004, extension=EXTENDED), receiver_report(blocks=2)
    assert sender_copy.protect(following) == sender.protect(following)
    assert sender_copy.protect_rtcp(report) == sender.protect_rtcp(report)
    assert receiver_copy.unprotect(sender.protect(rtp(0x1_0005))) == rtp(0x1_0005)
    assert receiver_copy.unprotect_rtcp(reports[1]) == receiver_report()
    for packet in packets:
        with pytest.raises(ReplayError):
            receiver_copy.unprotect(packet)
    assert receiver.unprotect_rtcp(reports[1]) == receiver_report()  # the original knows nothing of it


@pytest.mark.spec("rfc7714:13.1/2")
def test_keys_are_not_shown() -> None:
    key = MasterKey(key=b"secret key 12345", salt=b"secret salt 12", mki=b"name")
    sender = SrtpSender(ProtectionProfile.AES128_CM_HMAC_SHA1_80, key, config=SrtpConfig(mki_length=4))

    assert repr(key) == "MasterKey(mki=b'name')"
    assert "secret" not in repr(sender)


@pytest.mark.parametrize("profile", ProtectionProfile, ids=lambda profile: profile.name)
def test_keys_have_the_lengths_of_the_profile(profile: ProtectionProfile) -> None:
    good = master_key(profile)

    for key, salt in (
        (good.key[1:], good.salt),
        (good.key + b"x", good.salt),
        (good.key, good.salt[1:]),
        (good.key, good.salt + b"x"),
    ):
        with pytest.raises(ValueError, match="bytes"):
            SrtpSender(profile, MasterKey(key=key, salt=salt))
        with pytest.raises(ValueError, match="bytes"):
            SrtpReceiver(profile, MasterKey(key=key, salt=salt))


def test_there_is_at_least_one_source() -> None:
    with pytest.raises(ValueError, match="source"):
        SrtpConfig(max_sources=0)
