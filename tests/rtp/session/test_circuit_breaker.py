"""A stream is held back when the path, or the peer, is in no state to be sent to (RFC 8083)."""

from dataclasses import replace
from itertools import pairwise

import pytest
from tests.rtp.session.party import VP8, Party, video_receiver, video_sender, vp8_frame
from tests.support.network import Link

from rtc_rtp import (
    FrameReceived,
    GenericNack,
    KeyFrameRequested,
    ReceiverReport,
    ReportBlock,
    SessionOptions,
    StateError,
    TargetBitrateChanged,
)
from rtc_rtp.sending.circuit_breaker import MAX_SAMPLES, UNUSABLE_DURATION, BreakReason, CircuitBreaker


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


class Sender:
    """A stream of 1000-byte packets, and the reports of its receiver in every second."""

    def __init__(self, round_trip_time: float = 0.16, *, is_deaf: bool = False) -> None:
        self.breaker = CircuitBreaker()
        self.is_deaf = is_deaf
        """Whether what it sends does not heed the breaker's limit, as an encoder that has come to its least."""
        self.now = 0.0
        self.round_trip_time = round_trip_time
        self._count = 0

    def is_stopped(self) -> bool:
        """Tell whether nothing may be sent."""
        return self.breaker.reason is not None

    def send(
        self, bitrate_bps: float, loss: float, seconds: int, *, interval: float = 1.0, proof: bool = False
    ) -> None:
        """Send so much, of which so much is lost; as little as the breaker wants."""
        for _ in range(int(seconds / interval)):
            self.now += interval
            if self.breaker.reason is None:
                limit_bps = None if self.is_deaf else self.breaker.limit_bps
                self._count += max(1, int(min(bitrate_bps, limit_bps or bitrate_bps) / 8000 * interval))
            block = ReportBlock(1, int(256 * loss), highest_sequence_number=self._count)
            self.breaker.report(
                block,
                self.now,
                sent_count=self._count,
                sent_size=1000 * self._count,
                round_trip_time=self.round_trip_time,
                has_proof=proof,
            )
            self.breaker.progress(self.now, has_proof=proof)


def test_too_much_is_first_reduced_to_a_tenth_and_then_rises_to_what_is_not_too_much() -> None:
    sender = Sender()
    sender.send(8e6, 0.02, 5)
    reduced = sender.breaker.limit_bps
    sender.send(8e6, 0.02, 40)

    assert reduced is not None
    assert 0.7e6 < reduced < 0.9e6
    assert sender.breaker.reason is None
    assert sender.breaker.limit_bps is not None
    assert sender.breaker.limit_bps > 2 * reduced


def test_without_losses_the_limit_is_lifted() -> None:
    sender = Sender()
    sender.send(8e6, 0.02, 5)

    sender.send(8e6, 0.0, 30)

    assert sender.breaker.limit_bps is None


@pytest.mark.spec("rfc8083:4.3/6", "rfc8083:4.3/7")
def test_what_is_too_much_after_it_was_to_be_reduced_is_stopped() -> None:
    sender = Sender(round_trip_time=0.5, is_deaf=True)
    sender.send(8e6, 0.5, 12)

    assert sender.breaker.reason is BreakReason.CONGESTION


@pytest.mark.spec("rfc8083:4.5/1", "rfc8083:4.5/2")
def test_a_person_may_try_again_after_a_rest_and_each_time_later() -> None:
    sender = Sender(round_trip_time=0.5, is_deaf=True)
    sender.send(8e6, 0.5, 30)
    stopped = sender.breaker.reason
    rests = []
    for _ in range(3):
        while not sender.is_stopped():
            sender.send(8e6, 0.5, 1)
        sender.breaker.resume()
        began_at = sender.now
        while sender.is_stopped() and sender.now < began_at + 200:
            sender.send(8e6, 0.5, 1)
        rests.append(sender.now - began_at)

    assert stopped is BreakReason.CONGESTION
    assert rests[0] == 1  # it had rested before
    assert rests[1] >= 8
    assert rests[2] >= 2 * rests[1] - 2


def test_a_tenth_that_would_still_be_too_much_is_not_tried() -> None:
    sender = Sender(round_trip_time=0.5)
    sender.send(8e7, 0.05, 8)
    reduced = sender.breaker.limit_bps
    sender.send(8e7, 0.05, 30)

    assert reduced is not None
    assert reduced < 8e6 / 4
    assert not sender.is_stopped()


@pytest.mark.parametrize("proof", [False, True])
def test_reports_do_not_overrule_feedback_by_packet_for_ever(proof: bool) -> None:
    sender = Sender(round_trip_time=0.5, is_deaf=True)
    sender.send(8e6, 0.5, 12, proof=proof)
    stopped = sender.breaker.reason

    sender.send(8e6, 0.0, 20)

    assert stopped is BreakReason.CONGESTION
    assert sender.breaker.reason is (None if proof else BreakReason.CONGESTION)


def test_reports_that_follow_each_other_fast_are_judged_by_seconds() -> None:
    sender = Sender()
    sender.send(8e6, 0.02, 2, interval=0.02)
    early = sender.breaker.limit_bps
    sender.send(8e6, 0.02, 3, interval=0.02)

    assert early is None
    assert sender.breaker.limit_bps is not None
    assert len(sender.breaker._samples) < MAX_SAMPLES


@pytest.mark.spec("rfc8083:4.4/1", "rfc8083:4.4/2")
def test_media_of_which_most_is_lost_for_long_are_stopped() -> None:
    sender = Sender(round_trip_time=0.01)
    sender.send(8000, 0.6, int(UNUSABLE_DURATION) - 2)
    early = sender.breaker.reason
    sender.send(8000, 0.6, 5)

    assert early is None
    assert sender.breaker.reason is BreakReason.MEDIA_UNUSABLE


def test_silence_does_not_hide_why_a_stream_was_stopped() -> None:
    sender = Sender(round_trip_time=0.5, is_deaf=True)
    sender.send(8e6, 0.5, 12)
    for second in range(40):
        sender.breaker.watch_silence(sender.now + second, is_sending=True, heard_at=sender.now, interval=1.0)

    sender.breaker.hear()

    assert sender.breaker.reason is BreakReason.CONGESTION


def test_the_breaker_can_be_left_out() -> None:
    party = Party(link=Link(delay=0.2, loss=0.3), back=Link(delay=0.2), options=SessionOptions(circuit_breaker=False))
    party.connect_video()

    assert _send(party, 12, length=8000) > 0


@pytest.mark.parametrize("how", ["command", "negotiation"])
@pytest.mark.spec("rfc8083:4.5/2")
def test_what_was_stopped_goes_on_when_somebody_wants_it_but_not_before_it_has_rested(how: str) -> None:
    party = Party(link=Link(delay=0.2, loss=0.3), back=Link(delay=0.2))
    party.connect_video()
    _send(party, 12, length=8000)

    if how == "command":
        party.left.resume_sender("v", now=party.network.now)
    else:
        party.connect_video(mid="1")

    assert _send(party, 1, length=200, first=500) == 0
    assert _send(party, 4, length=200, first=530) > 0


def test_only_senders_that_are_there_can_be_resumed() -> None:
    party = Party()
    party.connect_video()

    with pytest.raises(StateError):
        party.left.resume_sender("w", now=0.0)
    with pytest.raises(ValueError, match="has no encoding"):
        party.left.resume_sender("v", rid="x", now=0.0)


def test_pictures_do_not_freeze_on_a_fast_path_that_is_long_and_loses_a_little() -> None:
    party = Party(link=Link(delay=0.08, loss=0.01, bandwidth_bps=10e6), back=Link(delay=0.08))
    codec = replace(VP8, feedback=VP8.feedback | {"transport-cc"})
    party.left.add_sender("v", video_sender(codecs=(codec,)))
    party.right.add_receiver("v", video_receiver(codecs=(codec,)))
    shares: list[int] = []
    arrivals: list[float] = []
    key = True
    for number in range(30 * 12):
        shares += [event.shares[0].bitrate_bps for event in party.here.of(TargetBitrateChanged)]
        key |= bool(party.here.of(KeyFrameRequested))
        arrivals += [party.network.now] * bool(party.there.of(FrameReceived))
        party.here.events.clear()
        party.there.events.clear()
        party.left.send_frame("v", vp8_frame(number, key=key, length=int(0.9 * (shares or [300_000])[-1] / 240)))
        key = False
        party.network.flush()
        party.network.advance(1 / 30)

    highest = max(shares)
    lowest = min(shares[shares.index(highest) :])
    assert highest > 8e6
    assert lowest < 0.15 * highest
    assert shares[-1] > 2 * lowest
    assert max(after - before for before, after in pairwise(arrivals)) < 1.0


@pytest.mark.spec("rfc8083:4.2/5")
def test_a_stream_that_is_not_sent_is_not_missed() -> None:
    breaker = CircuitBreaker()
    for second in range(20):
        block = ReportBlock(1, highest_sequence_number=70_000)
        breaker.report(block, float(second), sent_count=100, sent_size=10_000, round_trip_time=0.1)

    assert breaker.reason is None


@pytest.mark.spec("rfc8083:5/1", "rfc8083:5/3")
def test_feedback_without_a_report_tells_nothing_of_congestion() -> None:
    party = Party()
    party.connect_video()
    _send(party, 1)
    breaker = party.left._outbound.by_ssrc[0x71DE0][1].breaker
    before = breaker._reported_at

    party.left.receive_datagram(GenericNack(9, 0x71DE0, [1]).serialize(), party.network.now)

    assert before is not None
    assert breaker._reported_at == before


@pytest.mark.spec("rfc8083:5/4")
def test_a_peer_that_sends_feedback_without_reports_is_there() -> None:
    party = Party(link=Link(delay=0.02), back=Link(delay=0.02))
    party.connect_video()
    for host in party.there.hosts.values():
        host.up = False
    nack = GenericNack(9, 0x71DE0, [1])
    for second in range(20):
        _send(party, 1, first=1 + 30 * second)
        party.left.receive_datagram(nack.serialize(), party.network.now)

    assert not _held_back(party)


@pytest.mark.spec("rfc8083:4.5/1")
@pytest.mark.parametrize("sign", [GenericNack(9, 0x71DE0, [1]), ReceiverReport(9)])
def test_any_sign_of_a_silent_peer_lets_streams_go_on(sign: GenericNack | ReceiverReport) -> None:
    party = Party(link=Link(delay=0.02), back=Link(delay=0.02))
    party.connect_video()
    for host in party.there.hosts.values():
        host.up = False
    _send(party, 20)
    silent = _held_back(party)
    party.left.receive_datagram(sign.serialize(), party.network.now)
    party.network.flush()

    assert silent
    assert not _held_back(party)


@pytest.mark.spec("rfc8083:5/2")
def test_a_report_beside_early_feedback_counts() -> None:
    party = Party()
    party.connect_video()
    _send(party, 1)
    breaker = party.left._outbound.by_ssrc[0x71DE0][1].breaker
    report = ReceiverReport(9, [ReportBlock(0x71DE0, highest_sequence_number=70_000)])

    party.network.advance(0.01)
    party.left.receive_datagram(report.serialize() + GenericNack(9, 0x71DE0, [1]).serialize(), party.network.now)

    assert breaker._reported_at == party.network.now


@pytest.mark.spec("rfc8083:4.1/2", "rfc8083:4.1/3")
def test_reports_are_never_far_apart() -> None:
    party = Party()
    party.connect_video()
    before = 0
    for _ in range(5):
        _send(party, 4, first=before + 1)
        assert len(party.rtcp(1)) > before
        before = len(party.rtcp(1))
