"""The replay window against a list of all that was received, and what it means for packets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.srtp.packets import master_key, receiver_report, rtp

from rtc_srtp import ProtectionProfile, ReplayError, SrtpConfig, SrtpReceiver, SrtpSender
from rtc_srtp.replay import ReplayWindow

PROFILE = ProtectionProfile.AEAD_AES_128_GCM
KEY = master_key(PROFILE)
FIRST = 100_000


@given(
    size=st.integers(64, 200),
    offsets=st.lists(st.integers(-250, 300) | st.integers(0, 30_000), max_size=120),
    below=st.integers(0, 300),
)
@pytest.mark.spec("rfc3711:3.3.2/4", "rfc3711:3.3.2/5")
def test_the_window_knows_what_a_list_knows(size: int, offsets: list[int], below: int) -> None:
    floor = FIRST - below
    window = ReplayWindow(FIRST, size, floor)
    received = {FIRST}
    for offset in offsets:
        number = FIRST + offset
        newest = max(received)

        assert window.newest == newest
        within = newest - number < size and number >= floor
        assert window.is_new(number) == (number > newest or (within and number not in received))
        if window.is_new(number):
            window.add(number)
            received.add(number)


@pytest.mark.parametrize("size", [64, 1024])
@pytest.mark.spec("rfc3711:3.3.2/2", "rfc3711:3.3.2/3")
def test_a_packet_within_the_window_is_taken_once_and_none_behind_it(size: int) -> None:
    sender = SrtpSender(PROFILE, KEY)
    receiver = SrtpReceiver(PROFILE, KEY, config=SrtpConfig(replay_window=size))
    packets = [sender.protect(rtp(n)) for n in range(size + 1)]

    receiver.unprotect(packets[size])
    receiver.unprotect(packets[1])

    for packet in (packets[size], packets[1], packets[0]):
        with pytest.raises(ReplayError):
            receiver.unprotect(packet)


@pytest.mark.spec("rfc3711:3.3.2/1", "rfc3711:3.3/5", "rfc3711:3.3/6", "rfc3711:9.5/8")
def test_by_default_rtp_is_not_taken_twice() -> None:
    receiver = SrtpReceiver(PROFILE, KEY)
    packet = SrtpSender(PROFILE, KEY).protect(rtp(5))
    receiver.unprotect(packet)

    with pytest.raises(ReplayError) as error:
        receiver.unprotect(packet)

    assert error.value.reason == "replayed"


@pytest.mark.spec("rfc3711:3.3.2/1", "rfc3711:3.4/10")
def test_rtcp_has_a_replay_list_of_its_own() -> None:
    sender, receiver = SrtpSender(PROFILE, KEY), SrtpReceiver(PROFILE, KEY)
    packets = [sender.protect_rtcp(receiver_report()) for _ in range(3)]
    for number in range(2000):
        receiver.unprotect(sender.protect(rtp(number)))

    receiver.unprotect_rtcp(packets[2])
    receiver.unprotect_rtcp(packets[0])

    for packet in (packets[2], packets[0]):
        with pytest.raises(ReplayError):
            receiver.unprotect_rtcp(packet)
    assert receiver.unprotect_rtcp(packets[1]) == receiver_report()


@pytest.mark.spec("rfc3711:3.2.1/10")
def test_each_source_has_a_replay_list() -> None:
    sender, receiver = SrtpSender(PROFILE, KEY), SrtpReceiver(PROFILE, KEY)
    first, second = sender.protect(rtp(5, ssrc=1)), sender.protect(rtp(5, ssrc=2))

    assert receiver.unprotect(first) == rtp(5, ssrc=1)
    assert receiver.unprotect(second) == rtp(5, ssrc=2)
    for packet in (first, second):
        with pytest.raises(ReplayError):
            receiver.unprotect(packet)


def test_replay_protection_can_be_turned_off() -> None:
    receiver = SrtpReceiver(PROFILE, KEY, config=SrtpConfig(replay_window=0))
    sender = SrtpSender(PROFILE, KEY)
    packets = [sender.protect(rtp(n)) for n in range(3000)]
    report = sender.protect_rtcp(receiver_report())

    for _ in range(2):
        assert [receiver.unprotect(packet) for packet in packets] == [rtp(n) for n in range(3000)]
        assert receiver.unprotect_rtcp(report) == receiver_report()


@pytest.mark.spec("rfc3711:3.3.2/2")
@pytest.mark.parametrize("size", [1, 63, -1])
def test_a_window_is_64_wide_or_more(size: int) -> None:
    with pytest.raises(ValueError, match="64"):
        SrtpConfig(replay_window=size)
