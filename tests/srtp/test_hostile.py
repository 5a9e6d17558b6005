"""What an attacker on the path can send: it raises nothing but `UnprotectError`, is counted by reason, and changes nothing."""

import pickle
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.srtp.packets import master_key, receiver_report, rtp
from tests.support.effort import examples

from rtc_srtp import (
    AuthenticationError,
    ParseError,
    ProtectionProfile,
    SourceLimitError,
    SrtpConfig,
    SrtpReceiver,
    SrtpSender,
    UnencryptedError,
    UnprotectError,
)

each_profile = pytest.mark.parametrize("profile", ProtectionProfile, ids=lambda profile: profile.name)
profiles = st.sampled_from(sorted(ProtectionProfile))
CONFIGS = [
    SrtpConfig(),
    SrtpConfig(mki_length=2),
    SrtpConfig(cryptex=True, encrypted_extension_ids=frozenset({1, 2})),
    SrtpConfig(encrypted_extension_ids=frozenset({1, 2}), accept_unencrypted_rtcp=True, replay_window=0),
]
configs = st.sampled_from(CONFIGS)
PACKETS = [
    rtp(1),
    rtp(2, payload=b""),
    rtp(3, extension=(0xBEDE, bytes.fromhex("10aa21bbbb000000"))),
    rtp(0xFFFF, csrcs=(1, 2), extension=(0x1000, bytes(4)), payload=bytes(100)),
]


def pair(profile: ProtectionProfile, config: SrtpConfig) -> tuple[SrtpSender, SrtpReceiver]:
    key = master_key(profile, b"k" * config.mki_length)
    return SrtpSender(profile, key, config=config), SrtpReceiver(profile, key, config=config)


def refuse(receiver: SrtpReceiver, packet: bytes, *, rtcp: bool) -> str:
    """Hand in a packet that must be refused without a trace; return the reason."""
    before = pickle.dumps(receiver)
    with pytest.raises(UnprotectError) as error:
        receiver.unprotect_rtcp(packet) if rtcp else receiver.unprotect(packet)
    assert pickle.dumps(receiver) == before
    return error.value.reason


@given(profile=profiles, config=configs, packet=st.binary(max_size=120), rtcp=st.booleans())
def test_random_bytes(profile: ProtectionProfile, config: SrtpConfig, packet: bytes, rtcp: bool) -> None:
    _, receiver = pair(profile, config)

    assert refuse(receiver, packet, rtcp=rtcp) in {"malformed", "not authentic", "unknown key"}


@given(profile=profiles, config=configs, data=st.data(), known=st.booleans(), rtcp=st.booleans())
@examples(200)
@pytest.mark.spec(
    "rfc3711:3.2.1/1", "rfc3711:3.3/7", "rfc3711:3.3/8", "rfc3711:3.3/9", "rfc3711:4.2/4", "rfc3711:9.5/2", "rfc3711:9.5/9",
    "rfc3711:3.4/13", "rfc5764:5.2/5", "rfc7714:5.3/1", "rfc7714:5.3/2",
)  # fmt: skip
def test_flipped_bits(
    profile: ProtectionProfile, config: SrtpConfig, data: st.DataObject, known: bool, rtcp: bool
) -> None:
    """Of a source that is known, or the first packet ever; then the packet itself is still good."""
    sender, receiver = pair(profile, config)
    plain = receiver_report() if rtcp else data.draw(st.sampled_from(PACKETS))
    if known:
        receiver.unprotect(sender.protect(rtp(0)))
        receiver.unprotect_rtcp(sender.protect_rtcp(receiver_report()))
    packet = sender.protect_rtcp(plain) if rtcp else sender.protect(plain)
    changed = bytearray(packet)
    for place in data.draw(st.sets(st.integers(0, 8 * len(packet) - 1), min_size=1, max_size=4)):
        changed[place >> 3] ^= 1 << (place & 7)

    assert refuse(receiver, bytes(changed), rtcp=rtcp) in {"malformed", "not authentic", "unknown key", "replayed"}
    unprotected = receiver.unprotect_rtcp(packet) if rtcp else receiver.unprotect(packet)
    assert unprotected[-1:] == plain[-1:]


@each_profile
@pytest.mark.parametrize("config", CONFIGS)
def test_truncated_packets(profile: ProtectionProfile, config: SrtpConfig) -> None:
    sender, receiver = pair(profile, config)
    reasons: Counter[str] = Counter()
    for plain in PACKETS:
        packet = sender.protect(plain)
        reasons.update(refuse(receiver, packet[:length], rtcp=False) for length in range(len(packet)))
    packet = sender.protect_rtcp(receiver_report())
    reasons.update(refuse(receiver, packet[:length], rtcp=True) for length in range(len(packet)))

    assert set(reasons) <= {"malformed", "not authentic", "unknown key"}
    assert reasons["malformed"] > 40


@each_profile
@pytest.mark.parametrize("config", CONFIGS)
def test_packets_with_something_appended(profile: ProtectionProfile, config: SrtpConfig) -> None:
    sender, receiver = pair(profile, config)
    packet, rtcp = sender.protect(rtp(1)), sender.protect_rtcp(receiver_report())

    for more in (b"\0", bytes(4), bytes(20), packet):
        assert refuse(receiver, packet + more, rtcp=False) in {"not authentic", "unknown key"}
        assert refuse(receiver, rtcp + more, rtcp=True) in {"not authentic", "unknown key"}


@each_profile
def test_absent_authentication_is_not_valid(profile: ProtectionProfile) -> None:
    sender, receiver = pair(profile, SrtpConfig())
    packet, rtcp = sender.protect(rtp(1)), sender.protect_rtcp(receiver_report())

    assert refuse(receiver, packet[: -profile.tag_length], rtcp=False) in {"malformed", "not authentic"}
    assert refuse(receiver, rtp(1), rtcp=False) in {"malformed", "not authentic"}
    assert refuse(receiver, receiver_report(blocks=2), rtcp=True) == "not authentic"
    assert refuse(receiver, rtcp[: -profile.rtcp_tag_length], rtcp=True) in {"malformed", "not authentic"}


@each_profile
def test_a_packet_of_another_key_moves_no_counter(profile: ProtectionProfile) -> None:
    sender, receiver = pair(profile, SrtpConfig())
    receiver.unprotect(sender.protect(rtp(0xFFF0)))
    forger = SrtpSender(profile, master_key(profile, first=77))

    for number in (0xFFF1, 0xFFF2, 0x1_0005, 0x1_7000):
        assert refuse(receiver, forger.protect(rtp(number)), rtcp=False) == "not authentic"
    assert receiver.roll_over_counter(0x1234_5678) == 0
    assert receiver.unprotect(sender.protect(rtp(0xFFF1))) == rtp(0xFFF1)


@each_profile
def test_forged_sources_take_no_place(profile: ProtectionProfile) -> None:
    config = SrtpConfig(max_sources=2)
    sender, receiver = pair(profile, config)
    forger = SrtpSender(profile, master_key(profile, first=77))
    for ssrc in range(100):
        assert refuse(receiver, forger.protect(rtp(1, ssrc=ssrc)), rtcp=False) == "not authentic"
        assert refuse(receiver, forger.protect_rtcp(receiver_report(ssrc)), rtcp=True) == "not authentic"

    for ssrc in (1, 2):
        assert receiver.unprotect(sender.protect(rtp(1, ssrc=ssrc))) == rtp(1, ssrc=ssrc)
        assert receiver.unprotect_rtcp(sender.protect_rtcp(receiver_report(ssrc))) == receiver_report(ssrc)


@each_profile
def test_the_table_of_sources_has_an_end(profile: ProtectionProfile) -> None:
    _, receiver = pair(profile, SrtpConfig(max_sources=3))
    sender = SrtpSender(profile, master_key(profile))
    receiver.set_roll_over_counter(1, 0)
    for ssrc in (2, 3):
        receiver.unprotect(sender.protect(rtp(1, ssrc=ssrc)))
    for ssrc in (1, 2, 3):
        receiver.unprotect_rtcp(sender.protect_rtcp(receiver_report(ssrc)))

    assert refuse(receiver, sender.protect(rtp(1, ssrc=4)), rtcp=False) == "too many sources"
    assert refuse(receiver, sender.protect_rtcp(receiver_report(4)), rtcp=True) == "too many sources"
    with pytest.raises(Exception, match="sources"):
        receiver.set_roll_over_counter(4, 0)
    assert receiver.unprotect(sender.protect(rtp(1, ssrc=1))) == rtp(1, ssrc=1)
    receiver.forget(2)
    assert receiver.unprotect(sender.protect(rtp(2, ssrc=4))) == rtp(2, ssrc=4)
    assert receiver.unprotect_rtcp(sender.protect_rtcp(receiver_report(4))) == receiver_report(4)


@each_profile
@pytest.mark.spec("rfc3711:3.4/8", "rfc3711:3.4/9", "rfc7714:9.3/1", "rfc3711:3.4/13")
def test_rtcp_in_the_clear_is_authenticated_and_taken_on_demand_alone(profile: ProtectionProfile) -> None:
    sender = SrtpSender(profile, master_key(profile), config=SrtpConfig(encrypt_rtcp=False))
    packet = sender.protect_rtcp(receiver_report())
    assert packet.startswith(receiver_report())
    willing = SrtpReceiver(profile, master_key(profile), config=SrtpConfig(accept_unencrypted_rtcp=True))
    unwilling = SrtpReceiver(profile, master_key(profile))

    assert refuse(unwilling, packet, rtcp=True) == "unencrypted"
    for place in range(len(packet)):
        forged = packet[:place] + bytes([packet[place] ^ 0x01]) + packet[place + 1 :]
        assert refuse(willing, forged, rtcp=True) in {"not authentic", "malformed"}
    assert willing.unprotect_rtcp(packet) == receiver_report()
    assert willing.unprotect_rtcp(SrtpSender(profile, master_key(profile)).protect_rtcp(receiver_report(9))) == (
        receiver_report(9)
    )


def test_many_packets_come_back_with_the_errors_in_their_places() -> None:
    profile = ProtectionProfile.AES128_CM_HMAC_SHA1_80
    sender, receiver = pair(profile, SrtpConfig())
    good = [sender.protect(rtp(n)) for n in range(3)]

    results = receiver.unprotect_many([good[0], b"", good[1], good[0], good[2][:-1] + b"x", good[2]])

    reasons = [result.reason if isinstance(result, UnprotectError) else result for result in results]
    assert reasons == [rtp(0), "malformed", rtp(1), "replayed", "not authentic", rtp(2)]


@given(packet=st.binary(max_size=40), rtcp=st.booleans())
def test_a_sender_refuses_what_is_no_packet(packet: bytes, rtcp: bool) -> None:
    sender = SrtpSender(ProtectionProfile.AEAD_AES_128_GCM, master_key(ProtectionProfile.AEAD_AES_128_GCM))
    receiver = SrtpReceiver(ProtectionProfile.AEAD_AES_128_GCM, master_key(ProtectionProfile.AEAD_AES_128_GCM))
    before = pickle.dumps(sender)
    try:
        protected = sender.protect_rtcp(packet) if rtcp else sender.protect(packet)
    except ParseError:
        assert pickle.dumps(sender) == before
    else:
        assert (receiver.unprotect_rtcp(protected) if rtcp else receiver.unprotect(protected)) == packet


@pytest.mark.spec("rfc3711:4.1.1/4", "rfc7714:10/3")
def test_a_packet_is_not_longer_than_a_datagram() -> None:
    profile = ProtectionProfile.AES128_CM_HMAC_SHA1_80
    sender, receiver = pair(profile, SrtpConfig())
    longest = rtp(1, payload=bytes(0xFFFF - 12))

    assert receiver.unprotect(sender.protect(longest)) == longest
    for number in (2, 3):
        with pytest.raises(ValueError, match="65535"):
            sender.protect(rtp(number, payload=bytes(0x10000 - 12)))
    with pytest.raises(ValueError, match="65535"):
        sender.protect_rtcp(receiver_report() + bytes(0x10000))


def test_an_extension_that_goes_beyond_the_packet() -> None:
    profile = ProtectionProfile.AEAD_AES_128_GCM
    sender, receiver = pair(profile, SrtpConfig())
    packet = rtp(1, extension=(0xBEDE, bytes(8)), payload=b"")
    longer = packet[:14] + b"\0\3" + packet[16:]

    with pytest.raises(ParseError):
        sender.protect(longer)
    sender.protect(rtp(0))
    with pytest.raises(ParseError):
        sender.protect(longer)
    assert refuse(receiver, longer + bytes(4), rtcp=False) == "malformed"
    assert isinstance(UnencryptedError(), UnprotectError)
    assert isinstance(SourceLimitError(), UnprotectError)
    assert isinstance(AuthenticationError(), UnprotectError)


@given(
    profile=profiles,
    config=configs.filter(lambda config: not config.mki_length),
    kind=st.sampled_from([0xBEDE, 0x1000, 0x100F, 0x1010, 0xABAC]),
    words=st.lists(st.binary(min_size=4, max_size=4), max_size=8),
    csrcs=st.sampled_from([(), (1, 2)]),
)
@examples(300)
def test_any_header_extension_comes_back_or_is_malformed_on_both_sides(
    profile: ProtectionProfile, config: SrtpConfig, kind: int, words: list[bytes], csrcs: tuple[int, ...]
) -> None:
    """A holder of the key may send what it likes: what cannot be read raises nothing else."""
    sender, receiver = pair(profile, config)
    packet = rtp(1, extension=(kind, b"".join(words)), csrcs=csrcs)
    try:
        protected = sender.protect(packet)
    except ParseError:
        assert refuse(receiver, SrtpSender(profile, master_key(profile)).protect(packet), rtcp=False) == "malformed"
    else:
        assert receiver.unprotect(protected) == packet
