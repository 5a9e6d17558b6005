"""The estimate over the simulated network: it follows the bottleneck, keeps the queue short, and forgets what it need not know."""

import copy
import pickle
import sys
from types import FrameType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.effort import examples
from tests.support.network import Link

from rtc_rtp import BandwidthConfig, BandwidthEstimator, CongestionControlFeedback, TransportFeedback

from .call import Call, FeedbackKind
from .sharing import Sharing
from .strategies import congestion_feedbacks, transport_feedbacks


def _link(bandwidth_bps: float | None, **rest: float) -> Link:
    link = Link(delay=0.025, bandwidth_bps=bandwidth_bps)
    for name, value in rest.items():
        setattr(link, name, value)
    return link


@pytest.mark.parametrize("kind", ["transport", "stream"])
@pytest.mark.parametrize("bandwidth_bps", [300e3, 1e6, 5e6])
def test_the_estimate_comes_to_what_the_path_carries(bandwidth_bps: float, kind: FeedbackKind) -> None:
    call = Call(link=_link(bandwidth_bps), kind=kind)
    call.run(5)

    assert 0.7 * bandwidth_bps < call.run(5) < 1.15 * bandwidth_bps
    assert call.throughput(5) > 0.75 * bandwidth_bps


@pytest.mark.parametrize("phase", range(18))
def test_the_first_second_finds_a_fast_path(phase: int) -> None:
    """However the first probes meet with sound and pictures, near and far."""
    call = Call(link=_link(10e6, delay=(0.01, 0.025, 0.05)[phase % 3]), phase=phase)
    call.run(1)

    assert call.run(1) > 7e6
    assert call.queue_delay() < 0.05


@pytest.mark.parametrize("phase", range(3))
@pytest.mark.parametrize("bandwidth_bps", [800e3, 3e6, 30e6])
def test_the_first_two_seconds_find_any_path(bandwidth_bps: float, phase: int) -> None:
    call = Call(link=_link(bandwidth_bps), phase=phase)
    call.run(1.5)

    assert 0.7 * bandwidth_bps < call.run(1) < 1.15 * bandwidth_bps
    assert call.queue_delay() < 0.1


def test_the_queue_stays_short() -> None:
    call = Call(link=_link(2e6))
    call.run(5)
    delays = []
    for _ in range(200):
        call.run(0.05)
        delays.append(call.queue_delay())

    assert sorted(delays)[180] < 0.06


def test_the_estimate_follows_a_bottleneck_that_narrows_and_widens() -> None:
    call = Call(link=_link(2e6))
    call.run(10)
    call.link.bandwidth_bps = 500e3

    assert call.run(10) < 550e3
    call.run(10)
    assert call.queue_delay() < 0.1
    call.link.bandwidth_bps = 2e6
    call.run(20)
    assert call.run(5) > 1.4e6


def test_loss_that_is_no_congestion_costs_little() -> None:
    """Where it hits the first probe the way up is a slow one, but no call stays below."""
    calls = [Call(link=_link(2e6, loss=0.03), seed=seed) for seed in range(4)]
    for call in calls:
        call.run(5)

    unlucky, *others = sorted(call.run(10) for call in calls)
    assert unlucky > 1.1e6
    assert min(others) > 1.6e6
    assert all(0.01 < call.sender.estimator.loss < 0.06 for call in calls)


def test_two_calls_share_a_path() -> None:
    sharing = Sharing(link=_link(2e6), starts=[0.0, 5.0])
    sharing.throughputs(15)
    first, second, _ = sharing.throughputs(15)

    assert 0.4 < first / second < 2.5
    assert first + second > 1.6e6


@pytest.mark.parametrize(("queue_length", "share"), [(20_000, 0.3), (40_000, 0.08), (100_000, 0.1)])
def test_a_call_does_not_starve_beside_a_transfer_and_takes_no_more_than_its_share(
    queue_length: float, share: float
) -> None:
    """The transfer fills whatever queue there is; a call that gave way to every delay would starve."""
    sharing = Sharing(link=_link(2e6, queue_length=queue_length), starts=[0.0], transfer_at=5.0)
    sharing.throughputs(20)
    call, transfer = sharing.throughputs(20)

    assert call > share * 2e6
    assert transfer > 0.45 * 2e6


def test_loss_that_is_congestion_is_heeded() -> None:
    call = Call(link=_link(1e6, queue_length=3000.0))  # so short a queue that delay tells nothing
    call.run(10)

    assert call.run(10) < 1.6e6
    assert call.sender.estimator.loss < 0.2


@pytest.mark.parametrize("seed", range(4))
def test_jitter_and_reordering_are_no_congestion(seed: int) -> None:
    call = Call(link=_link(2e6, jitter=0.02, reordering=0.01), seed=seed)
    call.run(5)

    assert call.run(10) > 1.2e6
    assert call.sender.estimator.loss < 0.01


def test_the_estimate_does_not_grow_where_the_application_is_the_limit() -> None:
    call = Call(link=_link(50e6), source_bps=200e3, config=BandwidthConfig(probing=False))
    call.run(10)

    assert call.sender.estimator.is_application_limited
    assert call.sender.estimator.target_bitrate_bps < 600e3


def test_probes_find_what_an_application_that_is_the_limit_does_not_use() -> None:
    call = Call(link=_link(4e6), source_bps=200e3)
    call.run(20)

    assert 2.5e6 < call.sender.estimator.target_bitrate_bps < 4.5e6


@pytest.mark.spec("rfc8888:5/1")
def test_feedback_that_is_lost_now_and_then_changes_little() -> None:
    call = Call(link=_link(2e6))
    call.run(5)
    before = call.run(5)
    back = next(iter(call.network.nodes[1].hosts.values())).link
    back.loss = 0.3

    assert call.run(10) > 0.8 * before


@pytest.mark.spec("rfc8888:5/1")
def test_a_pause_after_a_feedback_that_is_lost_costs_nothing() -> None:
    estimator = BandwidthEstimator(now=0.0, config=BandwidthConfig(start_bitrate_bps=2e6, probing=False))
    for number in range(20):
        estimator.packet_sent(number, 1200, 0.01 * number)
    answered = TransportFeedback(1, 2, 0, 0, 0, [40] * 10)
    estimator.feedback_received(answered, 0.2)
    before = estimator.target_bitrate_bps

    for second in range(1, 12):
        estimator.handle_timeout(0.2 + second)

    assert estimator.target_bitrate_bps == before
    assert estimator.next_timeout() is None


@pytest.mark.spec("rfc8888:5/2")
def test_an_outage_stops_nearly_all_and_is_forgotten() -> None:
    call = Call(link=_link(2e6))
    call.run(10)
    call.link.loss = 1.0
    call.run(6)
    assert call.sender.estimator.target_bitrate_bps < 100e3

    call.link.loss = 0.0
    call.run(8)

    assert call.run(4) > 1e6


@pytest.mark.parametrize("seed", range(8))
def test_no_path_makes_anything_grow(seed: int) -> None:
    """Bandwidth, loss and jitter drawn from the seed; whatever they are, bounds hold."""
    call = Call(link=_link(200e3 * (1 + seed), loss=0.02 * (seed % 4), jitter=0.01 * (seed % 3)), seed=seed)
    for step in range(6):
        call.link.bandwidth_bps = 200e3 * (1 + (seed * 7 + step * 5) % 12)
        call.run(4)

    estimator = call.sender.estimator
    assert 30e3 <= estimator.target_bitrate_bps < 5e6
    assert len(estimator._sent) < 5000
    assert len(call.receiver.recorder._arrivals) < 2000
    assert call.sender.pacer.queued_count < 2000
    assert estimator.in_flight_bytes >= 0


def test_a_copy_in_mid_flight_goes_on_alike() -> None:
    call = Call(link=_link(1e6))
    call.run(5)
    twin = pickle.loads(pickle.dumps(call.sender.estimator))
    other = copy.deepcopy(call.sender.estimator)

    for estimator in (call.sender.estimator, twin, other):
        estimator.handle_timeout(6.5)
        estimator.loss_reported(0.5, 100, 6.6)
        estimator.remb_received(123e3, 6.7)

    assert call.sender.estimator.target_bitrate_bps == twin.target_bitrate_bps == other.target_bitrate_bps == 123e3


class TestWithoutFeedbackByPacket:
    """What peers get that know only REMB and reports."""

    def test_the_receiver_leads(self) -> None:
        estimator = BandwidthEstimator(now=0.0)
        estimator.remb_received(2e6, 1.0)
        assert estimator.target_bitrate_bps == 2e6

        estimator.remb_received(100e3, 2.0)

        assert estimator.target_bitrate_bps == 100e3

    def test_bounds_hold(self) -> None:
        estimator = BandwidthEstimator(now=0.0)
        estimator.remb_received(1.0, 1.0)
        assert estimator.target_bitrate_bps == 30e3

        estimator.set_range(min_bitrate_bps=50e3, max_bitrate_bps=400e3, now=2.0)
        assert estimator.target_bitrate_bps == 50e3
        estimator.remb_received(1e9, 2.0)

        assert estimator.target_bitrate_bps == 400e3

    def test_reported_loss_steers(self) -> None:
        estimator = BandwidthEstimator(now=0.0)
        for second in range(10):
            estimator.loss_reported(0.0, 100, float(second))
        grown = estimator.target_bitrate_bps
        assert 500e3 < grown < 1e6
        for second in range(10, 15):
            estimator.loss_reported(0.05, 100, float(second))
        assert estimator.target_bitrate_bps == grown

        estimator.loss_reported(0.4, 100, 20.0)

        assert estimator.target_bitrate_bps == pytest.approx(0.8 * grown)
        assert estimator.loss == pytest.approx(0.4)

    def test_a_few_packets_prove_nothing(self) -> None:
        estimator = BandwidthEstimator(now=0.0)
        estimator.loss_reported(1.0, 5, 1.0)

        assert estimator.target_bitrate_bps == 300e3


def test_a_range_out_of_order_is_refused() -> None:
    with pytest.raises(ValueError, match="minimum"):
        BandwidthConfig(min_bitrate_bps=400e3)
    estimator = BandwidthEstimator(now=0.0)
    with pytest.raises(ValueError, match="minimum"):
        estimator.set_range(min_bitrate_bps=2e6, max_bitrate_bps=1e6, now=0.0)
    assert estimator.target_bitrate_bps == 300e3


def test_changes_of_the_target_are_traced() -> None:
    records: list[tuple[float, str]] = []
    estimator = BandwidthEstimator(now=0.0, trace=lambda now, name, data: records.append((now, name)))
    estimator.remb_received(1e6, 3.0)

    assert records == [(3.0, "gcc:target_changed")]


@examples(60)
@given(
    st.lists(transport_feedbacks | congestion_feedbacks, max_size=12),
    st.integers(0, 0xFFFF),
    st.floats(0.0, 2.0),
)
def test_feedback_that_lies_does_no_harm(
    feedbacks: list[TransportFeedback | CongestionControlFeedback], first: int, pause: float
) -> None:
    """Whatever a peer claims about packets, sent or not: nothing raises, and bounds hold."""
    estimator = BandwidthEstimator(now=0.0)
    now = 0.0
    for turn, feedback in enumerate(feedbacks):
        for index in range(20):
            now += 0.001
            number = first + 20 * turn + index & 0xFFFF
            estimator.packet_sent(number, 1200, now, ssrc=1, sequence_number=number, probe_id=turn)
        now += pause
        estimator.probes()
        if isinstance(feedback, TransportFeedback):
            feedback.base_sequence_number = first + 20 * turn & 0xFFFF
        else:
            for stream in feedback.streams:
                stream.ssrc, stream.begin_sequence_number = 1, first + 20 * turn & 0xFFFF
        estimator.feedback_received(feedback, now)
        due = estimator.next_timeout()
        if due is not None and due <= now:
            estimator.handle_timeout(now)
            again = estimator.next_timeout()
            assert again is None or again > now

    assert 30e3 <= estimator.target_bitrate_bps <= 100e6
    assert estimator.in_flight_bytes >= 0
    assert 0.0 <= estimator.loss <= 1.0
    assert estimator.round_trip_time >= 0


def test_a_short_feedback_about_packets_that_were_never_sent_makes_no_work() -> None:
    """A run of 8191 lost packets takes two bytes: a datagram of such feedback must not cost millions of steps."""
    estimator = BandwidthEstimator(now=0.0)
    for number in range(100):
        estimator.packet_sent(number, 1200, 0.001 * number)
    feedback = TransportFeedback.parse(bytes(TransportFeedback(1, 2, 50, 0, 0, [None] * 65_000 + [4])))
    calls = 0

    def count(_frame: FrameType, _event: str, _argument: object) -> None:
        nonlocal calls
        calls += 1

    sys.setprofile(count)
    try:
        estimator.feedback_received(feedback, 1.0)
        estimator.feedback_received(feedback, 1.1)
    finally:
        sys.setprofile(None)

    assert calls < 2000
