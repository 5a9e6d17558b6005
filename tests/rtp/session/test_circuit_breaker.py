"""A stream is held back when the path, or the peer, is in no state to be sent to (RFC 8083)."""

import pytest
from tests.rtp.session.party import Party, vp8_frame
from tests.support.network import Link

from rtc_rtp import GenericNack, ReceiverReport, ReportBlock, SessionOptions, TargetBitrateChanged
from rtc_rtp.sending.circuit_breaker import CircuitBreaker


def _send(party: Party, seconds: float, length: int = 1500, first: int = 1) -> int:
    """Send 30 frames a second; return how many packets left in the last second."""
    before = 0
    for number in range(first, first + int(30 * seconds)):
        party.left.send_frame("v", vp8_frame(number, key=number == 1, length=length))
        party.network.flush()
        if number == first + int(30 * (seconds - 1)):
            before = len(party.rtp())
        party.network.advance(1 / 30)
    return len(party.rtp()) - before


def _held_back(party: Party) -> bool:
    told = party.here.of(TargetBitrateChanged)
    return bool(told) and told[-1].shares[0].bitrate_bps == 0


@pytest.mark.spec("rfc8083:4.2/2", "rfc8083:4.3/1", "rfc8083:8/1")
def test_a_peer_that_reports_is_sent_to() -> None:
    party = Party(link=Link(delay=0.02, loss=0.05), back=Link(delay=0.02))
    party.connect_video()

    assert _send(party, 30) >= 50
    assert not _held_back(party)


@pytest.mark.spec("rfc8083:4/1", "rfc8083:4/2", "rfc8083:4.1/1", "rfc8083:4.1/4", "rfc8083:4.5/1", "rfc8834:7.1/1")
def test_a_peer_that_never_reports_is_sent_nothing_after_15_seconds_until_it_does() -> None:
    party = Party()
    party.connect_video()
    for host in party.there.hosts.values():
        host.up = False

    early = _send(party, 14)
    late = _send(party, 6, first=1000)
    for host in party.there.hosts.values():
        host.up = True
    party.network.advance(2.0)
    again = _send(party, 3, first=2000)

    assert early >= 50
    assert late == 0
    assert again >= 50


@pytest.mark.spec("rfc8083:4.2/1", "rfc8083:4.2/3", "rfc8083:4.2/4")
def test_media_that_do_not_arrive_though_reports_do_are_stopped() -> None:
    party = Party()
    party.connect_video()
    _send(party, 3)
    party.here.tap = lambda _, datagram: 200 <= datagram.data[1] <= 206
    leaving = 0

    for seconds in range(14):
        # What else comes from there keeps the peer reporting.
        party.right.receive_datagram(bytes(party.rtp()[0]), party.network.now)
        party.right._inbound.streams[0x71DE0].reported_count = -1
        party.left.send_frame("v", vp8_frame(100 + seconds, key=False))
        leaving = sum(not 200 <= data[1] <= 206 for data in party.left.datagrams_to_send(party.network.now))
        party.network.advance(1.0)

    assert _held_back(party)
    assert leaving == 0


@pytest.mark.spec(
    "rfc8083:3/1",
    "rfc8083:3/2",
    "rfc8083:3/3",
    "rfc8083:4.3/2",
    "rfc8083:4.3/3",
    "rfc8083:4.3/4",
    "rfc8083:4.3/5",
    "rfc8083:4.3/6",
    "rfc8834:7.1/1",
    "rfc8834:7.2/2",
    "rfc8834:7.2/3",
)
def test_more_than_ten_times_what_tcp_would_send_is_too_much() -> None:
    party = Party(link=Link(delay=0.2, loss=0.3), back=Link(delay=0.2))
    party.connect_video()

    assert _send(party, 12, length=8000) == 0
    assert _held_back(party)


def test_the_breaker_can_be_left_out() -> None:
    party = Party(link=Link(delay=0.2, loss=0.3), back=Link(delay=0.2), options=SessionOptions(circuit_breaker=False))
    party.connect_video()

    assert _send(party, 12, length=8000) > 0


def test_negotiating_anew_lets_a_stream_go_on() -> None:
    party = Party(link=Link(delay=0.2, loss=0.3), back=Link(delay=0.2))
    party.connect_video()
    _send(party, 12, length=8000)

    party.connect_video(mid="1")

    assert _send(party, 1, length=200, first=500) > 0


@pytest.mark.spec("rfc8083:4.2/5")
def test_a_stream_that_is_not_sent_is_not_missed() -> None:
    breaker = CircuitBreaker()
    for second in range(20):
        block = ReportBlock(1, highest_sequence_number=70_000)
        breaker.report(block, float(second), sent_count=100, sent_size=10_000, round_trip_time=0.1)

    assert breaker.reason is None


@pytest.mark.spec("rfc8083:5/1", "rfc8083:5/2", "rfc8083:5/3")
def test_only_reports_count() -> None:
    party = Party(link=Link(delay=0.02), back=Link(delay=0.02))
    party.connect_video()
    for host in party.there.hosts.values():
        host.up = False
    nack = GenericNack(9, 0x71DE0, [1])
    for second in range(20):
        _send(party, 1, first=1 + 30 * second)
        party.left.receive_datagram(nack.serialize(), party.network.now)
    silent = _held_back(party)
    party.left.receive_datagram(ReceiverReport(9).serialize() + nack.serialize(), party.network.now)
    party.network.flush()

    assert silent
    assert not _held_back(party)


@pytest.mark.spec("rfc8083:4.1/2", "rfc8083:4.1/3")
def test_reports_are_never_far_apart() -> None:
    party = Party()
    party.connect_video()
    before = 0
    for _ in range(5):
        _send(party, 4, first=before + 1)
        assert len(party.rtcp(1)) > before
        before = len(party.rtcp(1))
