"""The roll-over counter: estimates, late starts, SSRCs that are used again, the end of the indices."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.srtp.packets import master_key, receiver_report, rtp

from rtc_srtp import (
    AuthenticationError,
    KeyExhaustedError,
    KeyExpiredError,
    PacketReuseError,
    ProtectionProfile,
    ReplayError,
    SrtpConfig,
    SrtpReceiver,
    SrtpSender,
    StateError,
)
from rtc_srtp.replay import INDEX_BITS, ReplayWindow

PROFILE = ProtectionProfile.AES128_CM_HMAC_SHA1_80
KEY = master_key(PROFILE)
SSRC = 0x1234_5678
LAST_ROC = (1 << 32) - 1


@given(roc=st.integers(0, LAST_ROC), newest=st.integers(0, 0xFFFF), sequence_number=st.integers(0, 0xFFFF))
@pytest.mark.spec("rfc3711:3.3.1/6")
def test_the_index_is_the_closest_of_three(roc: int, newest: int, sequence_number: int) -> None:
    """As the pseudocode of RFC 3711, appendix A, has it; but nothing comes before the first roll-over counter."""
    if newest < 1 << 15:
        v = roc - 1 if sequence_number - newest > 1 << 15 else roc
    else:
        v = roc + 1 if newest - (1 << 15) > sequence_number else roc
    window = ReplayWindow(SSRC << INDEX_BITS | roc << 16 | newest, 64)

    number = window.locate(sequence_number)

    assert number - (SSRC << INDEX_BITS) == max(v, 0) << 16 | sequence_number


@pytest.mark.spec("rfc3711:3.3.1/1", "rfc3711:3.3.1/2", "rfc3711:3.3.1/3", "rfc3711:3.3.1/5", "rfc3711:3.3.1/7")
def test_both_sides_count_roll_overs_from_zero_and_only_forward() -> None:
    sender, receiver = SrtpSender(PROFILE, KEY), SrtpReceiver(PROFILE, KEY)
    packets = {n: sender.protect(rtp(n)) for n in (0xFFF0, 0xFFFF, 0x1_0000, 0x1_0001, 0x1_7000, 0x1_F000, 0x2_0003)}
    assert sender.roll_over_counter(SSRC) == 2
    counters = []

    for n in (0xFFF0, 0x1_0001, 0xFFFF, 0x1_0000, 0x1_7000, 0x1_F000, 0x2_0003):
        assert receiver.unprotect(packets[n]) == rtp(n)
        counters.append(receiver.roll_over_counter(SSRC))

    assert counters == [0, 1, 1, 1, 1, 1, 2]


@pytest.mark.spec("rfc3711:3.3.1/4")
def test_a_receiver_that_joins_late_is_told_the_counter() -> None:
    sender = SrtpSender(PROFILE, KEY)
    for number in range(0, 200_000, 10_000):
        sender.protect(rtp(number))
    packet = sender.protect(rtp(200_000))
    untold, told = SrtpReceiver(PROFILE, KEY), SrtpReceiver(PROFILE, KEY)

    told.set_roll_over_counter(SSRC, sender.roll_over_counter(SSRC))

    assert told.roll_over_counter(SSRC) == 3
    assert told.unprotect(packet) == rtp(200_000)
    with pytest.raises(AuthenticationError):
        untold.unprotect(packet)


@pytest.mark.parametrize("first", [0, 5, 0x7FF0])
def test_the_start_of_a_source_may_be_lost_together_with_its_first_roll_over(first: int) -> None:
    """Where a sender begins shortly before the wrap, and the receiver has no keys yet."""
    sender, receiver = SrtpSender(PROFILE, KEY), SrtpReceiver(PROFILE, KEY)
    start = first + 0x8004
    early = sender.protect(rtp(start))
    packets = [sender.protect(rtp(n)) for n in range(0x1_0000 + first, 0x1_0003 + first)]

    assert [receiver.unprotect(packet) for packet in packets] == [rtp(first + n) for n in range(3)]
    assert receiver.roll_over_counter(SSRC) == 1
    with pytest.raises(ReplayError):
        receiver.unprotect(early)


def test_a_sender_goes_on_where_another_ended() -> None:
    first = SrtpSender(PROFILE, KEY)
    packets = [first.protect(rtp(number)) for number in range(60_000, 70_000, 1000)]
    first.protect_rtcp(receiver_report())
    receiver = SrtpReceiver(PROFILE, KEY)
    receiver.set_roll_over_counter(SSRC, 1)
    receiver.unprotect(packets[-1])
    second = SrtpSender(PROFILE, KEY)

    second.set_roll_over_counter(SSRC, first.roll_over_counter(SSRC))
    second.set_srtcp_index(SSRC, first.srtcp_index(SSRC))

    assert receiver.unprotect(second.protect(rtp(70_000))) == rtp(70_000)
    assert second.protect_rtcp(receiver_report())[-14:-10] == (0x8000_0001).to_bytes(4, "big")


@pytest.mark.spec("rfc3711:4.1.1/5", "rfc3711:4.1.1/6", "rfc3711:9.1/1", "rfc3711:9.2/7", "rfc7714:8.4/2")
@pytest.mark.parametrize("profile", ProtectionProfile, ids=lambda profile: profile.name)
def test_a_source_that_starts_again_cannot_use_an_index_again(profile: ProtectionProfile) -> None:
    sender = SrtpSender(profile, master_key(profile))
    for number in range(1000, 1010):
        sender.protect(rtp(number))

    for number in (1000, 1009, 1004):
        with pytest.raises(PacketReuseError):
            sender.protect(rtp(number, payload=b"another"))
    with pytest.raises(StateError):
        sender.set_roll_over_counter(SSRC, 0)


def test_no_detour_leads_a_sender_back_to_an_index() -> None:
    sender = SrtpSender(PROFILE, KEY, config=SrtpConfig(replay_window=0))
    sender.protect(rtp(1000))

    sender.set_roll_over_counter(SSRC, 5)
    sender.set_roll_over_counter(SSRC, 5)
    with pytest.raises(StateError):
        sender.set_roll_over_counter(SSRC, 0)
    sender.protect(rtp(1000))
    with pytest.raises(PacketReuseError):
        sender.protect(rtp(1000, payload=b"another"))
    with pytest.raises(StateError):
        sender.set_roll_over_counter(SSRC, 5)


def test_a_source_that_starts_again_can_do_so_in_the_next_roll_over() -> None:
    sender, receiver = SrtpSender(PROFILE, KEY), SrtpReceiver(PROFILE, KEY)
    receiver.unprotect(sender.protect(rtp(1000)))

    sender.set_roll_over_counter(SSRC, 1)
    receiver.set_roll_over_counter(SSRC, 1)

    assert receiver.unprotect(sender.protect(rtp(1000, payload=b"again"))) == rtp(1000, payload=b"again")


def test_a_forgotten_source_begins_anew() -> None:
    """A peer that lost its state, with keys that are still those of before."""
    receiver = SrtpReceiver(PROFILE, KEY)
    receiver.set_roll_over_counter(SSRC, 7)
    before = SrtpSender(PROFILE, KEY)
    before.set_roll_over_counter(SSRC, 7)
    receiver.unprotect(before.protect(rtp(40_000)))
    packet = SrtpSender(PROFILE, KEY).protect(rtp(1))
    with pytest.raises(AuthenticationError):
        receiver.unprotect(packet)

    receiver.forget(SSRC)

    assert receiver.unprotect(packet) == rtp(1)
    assert receiver.roll_over_counter(SSRC) == 0


def test_repeats_are_protected_on_demand_and_are_the_same() -> None:
    sender = SrtpSender(PROFILE, KEY, config=SrtpConfig(allow_repeats=True))
    packets = [rtp(n) for n in (1, 2, 3, 4, 5000)]
    protected = [sender.protect(packet) for packet in packets]

    assert [sender.protect(packet) for packet in packets] == protected
    assert sender.protect(rtp(5001)) == SrtpSender(PROFILE, KEY).protect(rtp(5001))


@pytest.mark.spec(
    "rfc3711:3.3.1/9", "rfc3711:8.1.1/3", "rfc3711:9.2/4", "rfc3711:9.2/6", "rfc7714:8.4/1", "rfc7714:13.1/6",
    "rfc7714:13.1/7", "rfc7714:10/4", "rfc3711:8.1/1",
)  # fmt: skip
def test_after_the_last_index_nothing_goes_out_under_the_key() -> None:
    sender = SrtpSender(PROFILE, KEY)
    other = SSRC + 1
    sender.protect(rtp(1, ssrc=other))
    sender.set_roll_over_counter(SSRC, LAST_ROC)
    sender.protect(rtp(0xFFFF))

    with pytest.raises(KeyExhaustedError):
        sender.protect(rtp(0))
    with pytest.raises(KeyExhaustedError):
        sender.protect(rtp(2, ssrc=other))
    with pytest.raises(KeyExhaustedError):
        sender.protect(rtp(1, ssrc=SSRC + 2))
    with pytest.raises(KeyExhaustedError):
        sender.protect_rtcp(receiver_report())


@pytest.mark.spec("rfc3711:9.2/3", "rfc3711:9.2/4", "rfc3711:3.4/12", "rfc3711:8.1/1", "rfc7714:9.4/1", "rfc7714:10/4")
@pytest.mark.parametrize("profile", ProtectionProfile, ids=lambda profile: profile.name)
def test_after_the_last_index_of_rtcp_nothing_goes_out_under_the_key(profile: ProtectionProfile) -> None:
    sender = SrtpSender(profile, master_key(profile))
    sender.protect(rtp(1))
    sender.set_srtcp_index(SSRC, (1 << 31) - 1)
    sender.protect_rtcp(receiver_report())

    with pytest.raises(KeyExhaustedError):
        sender.protect_rtcp(receiver_report())
    with pytest.raises(KeyExhaustedError):
        sender.protect(rtp(2))


@pytest.mark.spec("rfc5764:4.4/2", "rfc7714:13.1/6")
def test_a_receiver_takes_nothing_beyond_the_last_index() -> None:
    receiver = SrtpReceiver(PROFILE, KEY)
    receiver.set_roll_over_counter(SSRC, LAST_ROC)
    sender = SrtpSender(PROFILE, KEY)
    sender.set_roll_over_counter(SSRC, LAST_ROC)
    receiver.unprotect(sender.protect(rtp(0xFFFF)))

    with pytest.raises(KeyExpiredError):
        receiver.unprotect(SrtpSender(PROFILE, KEY).protect(rtp(0)))


@pytest.mark.parametrize("value", [-1, 1 << 32])
def test_a_counter_has_32_bits(value: int) -> None:
    with pytest.raises(ValueError, match="32 bits"):
        SrtpSender(PROFILE, KEY).set_roll_over_counter(SSRC, value)
    with pytest.raises(ValueError, match="32 bits"):
        SrtpReceiver(PROFILE, KEY).set_roll_over_counter(SSRC, value)


@pytest.mark.parametrize("value", [-1, 1 << 31])
def test_an_index_of_rtcp_has_31_bits(value: int) -> None:
    with pytest.raises(ValueError, match="31 bits"):
        SrtpSender(PROFILE, KEY).set_srtcp_index(SSRC, value)


@pytest.mark.spec("rfc3711:3.4/5")
def test_the_index_of_rtcp_only_grows() -> None:
    sender = SrtpSender(PROFILE, KEY)
    sender.set_srtcp_index(SSRC, 5)

    with pytest.raises(StateError):
        sender.set_srtcp_index(SSRC, 4)
    assert [sender.protect_rtcp(receiver_report())[-11] for _ in range(3)] == [5, 6, 7]


def test_a_sender_refuses_too_many_sources() -> None:
    config = SrtpConfig(max_sources=3)
    sender = SrtpSender(PROFILE, KEY, config=config)
    sender.set_roll_over_counter(1, 9)
    for ssrc in (2, 3):
        sender.protect(rtp(1, ssrc=ssrc))
        sender.protect_rtcp(receiver_report(ssrc))
    sender.protect_rtcp(receiver_report(1))

    with pytest.raises(StateError):
        sender.protect(rtp(1, ssrc=4))
    with pytest.raises(StateError):
        sender.protect_rtcp(receiver_report(4))
    with pytest.raises(StateError):
        sender.set_roll_over_counter(4, 1)
    with pytest.raises(StateError):
        sender.set_srtcp_index(4, 1)
    assert sender.protect(rtp(1, ssrc=1))
    sender.set_roll_over_counter(2, 1)


def test_old_packets_are_replays_after_a_roll_over() -> None:
    sender, receiver = SrtpSender(PROFILE, KEY), SrtpReceiver(PROFILE, KEY)
    packets = [sender.protect(rtp(n)) for n in (0xFFFD, 0xFFFE, 0xFFFF, 0x1_0000, 0x1_0001)]
    for packet in packets:
        receiver.unprotect(packet)

    for packet in packets:
        with pytest.raises(ReplayError):
            receiver.unprotect(packet)


@pytest.mark.spec("rfc3711:4.1.1/5", "rfc3711:9.1/1", "rfc7714:8.4/2")
@pytest.mark.parametrize("profile", ProtectionProfile, ids=lambda profile: profile.name)
def test_a_counter_that_was_set_is_not_gone_behind(profile: ProtectionProfile) -> None:
    """A packet out of order right after it would belong to the counter before, of which nobody knows any more what was sent."""
    sender = SrtpSender(profile, master_key(profile))
    sender.protect(rtp(0xFFFE))
    sender.set_roll_over_counter(SSRC, 1)
    sender.protect(rtp(1))

    with pytest.raises(PacketReuseError):
        sender.protect(rtp(0xFFFE, payload=b"another"))

    goes_on = SrtpSender(profile, master_key(profile))  # what another has begun
    goes_on.set_roll_over_counter(SSRC, 1)
    goes_on.protect(rtp(1))
    with pytest.raises(PacketReuseError):
        goes_on.protect(rtp(0xFFFE, payload=b"another"))
    goes_on.protect(rtp(0))


@pytest.mark.parametrize("profile", ProtectionProfile, ids=lambda profile: profile.name)
def test_what_was_protected_is_not_protected_otherwise_once_headers_are(profile: ProtectionProfile) -> None:
    """The same packet, under the same keystream, at another place of it."""
    sender = SrtpSender(profile, master_key(profile), config=SrtpConfig(allow_repeats=True))
    packet = rtp(7, extension=(0xBEDE, bytes.fromhex("10aa0000")))
    protected = sender.protect(packet)
    assert sender.protect(packet) == protected

    sender.encrypt_headers(cryptex=True)

    with pytest.raises(PacketReuseError):
        sender.protect(packet)
    after = sender.protect(rtp(8))
    assert sender.protect(rtp(8)) == after
