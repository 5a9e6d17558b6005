"""RTCP keeps to the bandwidth that was agreed upon (RFC 3556, RFC 3550 section 6.3.1, RFC 8834 sections 4.1, 10 and 13)."""

from itertools import pairwise

import pytest
from tests.rtp.session.party import Party, audio_receiver

from rtc_rtp import (
    Goodbye,
    PictureLossIndication,
    ReceiverReport,
    RtcpParameters,
    RtpSession,
    SenderReport,
    SessionOptions,
    StateError,
    parse_compound,
    serialize_compound,
)
from rtc_rtp.reporting.schedule import COMPENSATION, INITIAL_SIZE, RtcpSchedule


def _half() -> float:
    return 0.5


def _interval(*, members: int, senders: int, we_sent: bool, rs: int | None, rr: int | None) -> float:
    """Return the first interval in seconds, without the randomness and what makes up for it."""
    schedule = RtcpSchedule(bandwidth_bps=64_000, report_interval=0.0)
    schedule.membership.members, schedule.membership.senders = members, senders
    schedule.membership.we_sent = we_sent
    schedule.share_bandwidth(rs, rr)
    schedule.start(0.0, _half)
    return schedule.deadline(has_feedback=False) * COMPENSATION


SIZE = 8 * INITIAL_SIZE
"""Bits of the packet that is assumed at first."""


@pytest.mark.spec("rfc8834:4.1/3", "rfc8834:10/8")
@pytest.mark.parametrize(
    ("members", "senders", "we_sent", "expected"),
    [
        # RS/(RS+RR) is a half here. Few senders have theirs for themselves, and the others theirs.
        (4, 1, True, SIZE / 2000),
        (4, 1, False, 3 * SIZE / 2000),
        # As many as it is meant for.
        (4, 2, True, 2 * SIZE / 2000),
        # More of them: everybody has the same part of the whole.
        (4, 3, True, 4 * SIZE / 4000),
        (4, 3, False, 4 * SIZE / 4000),
    ],
)
def test_senders_and_receivers_share_what_was_agreed_upon(
    members: int, senders: int, we_sent: bool, expected: float
) -> None:
    interval = _interval(members=members, senders=senders, we_sent=we_sent, rs=2000, rr=2000)

    assert interval == pytest.approx(expected)


@pytest.mark.spec("rfc8834:4.1/3")
@pytest.mark.parametrize(
    ("rs", "rr", "senders_bps", "receivers_bps"),
    [
        # A twentieth of 64 kbit/s is 3200: a quarter for senders unless somebody says otherwise.
        (None, None, 800, 2400),
        (1000, None, 1000, 2200),
        (None, 1000, 2200, 1000),
        (None, 9000, 0, 9000),
    ],
)
def test_what_is_not_said_is_the_rest_of_a_twentieth(
    rs: int | None, rr: int | None, senders_bps: int, receivers_bps: int
) -> None:
    alone = _interval(members=10, senders=1, we_sent=True, rs=rs, rr=rr)
    others = _interval(members=2, senders=0, we_sent=False, rs=rs, rr=rr)

    # Without a part of their own senders share that of all.
    assert alone == pytest.approx(SIZE / senders_bps if senders_bps else 10 * SIZE / receivers_bps)
    assert others == pytest.approx(2 * SIZE / receivers_bps)


@pytest.mark.spec("rfc8834:13/1")
@pytest.mark.parametrize(
    ("rs", "rr"),
    [
        (50, 50),  # a report every 16 seconds
        (1, 1),
        (40_000, 40_000),  # more than the media
        (2**63, 2**63),
    ],
)
def test_what_nobody_can_have_meant_is_ignored(rs: int, rr: int) -> None:
    usual = _interval(members=2, senders=1, we_sent=True, rs=None, rr=None)

    assert _interval(members=2, senders=1, we_sent=True, rs=rs, rr=rr) == usual


def _reports(party: Party, side: int) -> list[list[object]]:
    return [list(parse_compound(data)) for data in party.rtcp(side)]


@pytest.mark.spec("rfc8834:4.1/3", "rfc8834:10/8")
def test_who_only_receives_says_nothing_where_receivers_have_no_bandwidth() -> None:
    party = Party()
    party.connect_video()
    for session in party.sessions:
        session.set_rtcp(RtcpParameters(senders_bps=20_000, receivers_bps=0))
    party.send_video(60)
    party.right.request_key_frame("v")
    party.network.flush()
    party.network.advance(1.0)
    party.right.close(party.network.now)
    party.network.flush()

    assert party.rtcp(1) == []
    assert any(isinstance(packet, SenderReport) for packets in _reports(party, 0) for packet in packets)
    # Nor does it keep its clock busy with what it may not say.
    assert party.right.closed


def test_it_speaks_again_once_there_is_bandwidth_for_it() -> None:
    party = Party()
    party.connect_video()
    party.right.set_rtcp(RtcpParameters(senders_bps=20_000, receivers_bps=0))
    party.send_video(60)
    silent = len(party.rtcp(1))
    party.right.set_rtcp(RtcpParameters())
    party.send_video(60, first=60)
    party.right.request_key_frame("v")
    party.network.flush()

    packets = [packet for packets in _reports(party, 1) for packet in packets]
    assert silent == 0
    assert any(isinstance(packet, ReceiverReport) for packet in packets)
    assert any(isinstance(packet, PictureLossIndication) for packet in packets)


def test_without_bandwidth_for_anybody_nobody_says_anything() -> None:
    party = Party(options=SessionOptions(circuit_breaker=False))
    party.connect_video()
    for session in party.sessions:
        session.set_rtcp(RtcpParameters(senders_bps=0, receivers_bps=0))
    party.send_video(90)

    assert party.rtcp(0) == party.rtcp(1) == []
    assert len(party.received()) == pytest.approx(90, abs=3)


@pytest.mark.spec("rfc8834:4.1/3")
def test_reports_lie_as_far_apart_as_the_peer_wants() -> None:
    party = Party()
    party.connect_audio()
    party.left.set_rtcp(RtcpParameters(report_interval=3.0))
    sent_at: list[float] = []
    for number in range(1500):
        before = len(party.rtcp(0))
        party.send_audio(1, first=number)
        if len(party.rtcp(0)) > before:
            sent_at.append(party.network.now)

    gaps = [later - earlier for earlier, later in pairwise(sent_at)]
    assert len(gaps) > 5
    assert min(gaps) >= 1.5
    assert sum(gaps) / len(gaps) == pytest.approx(3.0, rel=0.25)


@pytest.mark.spec("rfc8834:4.1/3")
def test_little_bandwidth_makes_reports_rare() -> None:
    party = Party()
    party.connect_audio()
    party.left.set_rtcp(RtcpParameters(senders_bps=300, receivers_bps=300))
    party.send_audio(1500)

    bits = 8 * sum(len(data) + 28 for data in party.rtcp(0))
    assert 30 * 100 < bits < 30 * 400


@pytest.mark.spec("rfc3550:6.3.4/1", "rfc8834:4.1/3")
def test_fewer_members_let_the_next_slot_come_sooner() -> None:
    schedule = RtcpSchedule(bandwidth_bps=64_000, report_interval=0.0)
    schedule.membership.members = 40
    schedule.start(100.0, _half)
    at = schedule.deadline(has_feedback=False)
    now = 100.0 + (at - 100.0) / 2
    schedule.membership.members = 10
    schedule.reconsider_in_reverse(now, 40)

    assert schedule.deadline(has_feedback=False) == pytest.approx(now + (at - now) / 4)
    # More of them change nothing until the timer runs out.
    schedule.membership.members = 20
    schedule.reconsider_in_reverse(now, 10)
    assert schedule.deadline(has_feedback=False) == pytest.approx(now + (at - now) / 4)


def _crowd(party: Party, ssrcs: range) -> None:
    """Let the left end hear of so many receivers."""
    reports = serialize_compound([ReceiverReport(ssrc) for ssrc in ssrcs], reduced_size=True)
    party.left.receive_datagram(reports, party.network.now)
    party.network.flush()


def _crowded() -> Party:
    """Let the left end hear of a hundred receivers, for which its bandwidth is little."""
    party = Party(options=SessionOptions(session_bandwidth_bps=40_000, report_interval=0.0))
    party.left.add_receiver("a", audio_receiver())
    for _ in range(4):
        _crowd(party, range(1, 101))
        party.network.advance(5.0)
    return party


@pytest.mark.spec("rfc3550:6.3.4/1", "rfc8834:4.1/3")
def test_who_stays_speaks_sooner_when_others_say_goodbye() -> None:
    party = _crowded()
    now, before = party.network.now, party.left.next_timeout()
    party.left.receive_datagram(serialize_compound([Goodbye(tuple(range(1, 32)))], reduced_size=True), now)
    party.network.flush()
    after = party.left.next_timeout()

    assert before is not None
    assert after is not None
    assert before > now
    assert after == pytest.approx(now + (before - now) * 70 / 101)


@pytest.mark.spec("rfc3550:6.3.5/2", "rfc8834:4.1/3")
def test_who_stays_speaks_sooner_when_others_have_timed_out() -> None:
    party = _crowded()
    known = party.left._control._intake.participants
    while known.ssrcs():
        party.network.advance(0.1)
    before, now = len(party.rtcp(0)), party.network.now
    while len(party.rtcp(0)) == before:
        party.network.advance(0.1)

    # The interval that was drawn for a hundred has seconds.
    assert now < 200
    assert party.network.now - now < 0.5


def test_negative_numbers_are_no_bandwidth() -> None:
    session = Party().left

    for wrong in (RtcpParameters(senders_bps=-1), RtcpParameters(receivers_bps=-1), RtcpParameters(report_interval=-1)):
        with pytest.raises(ValueError, match="not negative"):
            session.set_rtcp(wrong)


def test_a_closed_session_takes_no_more() -> None:
    session: RtpSession = Party().left
    session.close(0.0)

    with pytest.raises(StateError):
        session.set_rtcp(RtcpParameters())
