"""The memory of packets that may be asked for again."""

from hypothesis import given
from hypothesis import strategies as st

from rtc_rtp import RtpPacket
from rtc_rtp.sending.history import History


def _packet(number: int) -> RtpPacket:
    return RtpPacket(96, number, 0, 1, b"media")


@given(st.lists(st.floats(0.001, 2.0), min_size=1, max_size=50))
def test_a_packet_is_found_as_long_as_it_is_not_too_old(pauses: list[float]) -> None:
    history = History(max_duration=1.0, max_size=1 << 20)
    sent_at: list[float] = []
    now = 0.0
    for number, pause in enumerate(pauses):
        now += pause
        sent_at.append(now)
        history.add(_packet(number), None, 20, now)

    found = [history.find(number, now) is not None for number in range(len(sent_at))]

    assert found == [at >= now - 1.0 for at in sent_at]


def test_what_is_kept_fits_the_room_and_fills_half_of_it() -> None:
    history = History(max_duration=1.0, max_size=1000)
    for number in range(100):
        history.add(_packet(number), None, 30, 0.0)

        kept = [each for each in range(number + 1) if history.find(each, 0.0) is not None]
        assert kept == list(range(kept[0], number + 1))
        assert min(number + 1, 16) <= len(kept) <= 33


def test_the_latest_is_the_one_that_left_last() -> None:
    history = History(max_duration=1.0, max_size=1000)
    nothing = history.latest()
    for number in range(5):
        history.add(_packet(number), None, 400, float(number))

    latest = history.latest()

    assert nothing is None
    assert latest is not None
    assert latest.packet.sequence_number == 4


def test_a_number_that_is_sent_twice_stands_for_the_later_packet() -> None:
    history = History(max_duration=1.0, max_size=1000)
    for size in (400, 300, 200):
        history.add(_packet(7), None, size, 0.0)

    found = history.find(7, 0.0)

    assert found is not None
    assert found.size == 200
