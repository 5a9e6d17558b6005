"""Short ways within the estimator come to what the long ones come to."""

import statistics
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtc_rtp.congestion.loss_based import MIN_INHERENT_LOSS, LossBasedEstimator
from rtc_rtp.congestion.overuse import WINDOW, TrendlineEstimator
from rtc_rtp.congestion.sent_packets import SentPacket

bitrates = st.floats(20_000, 50_000_000)


@given(st.lists(st.tuples(st.floats(0.001, 1.0), st.floats(-0.05, 0.05)), min_size=WINDOW, max_size=WINDOW))
def test_the_slope_is_that_of_the_line_with_the_least_squares(groups: list[tuple[float, float]]) -> None:
    trendline = TrendlineEstimator()
    arrival = 5_000_000.0
    for passed, delay in groups:
        arrival += passed
        trendline.group_arrived(passed - delay, passed, arrival)

    expected = statistics.linear_regression(trendline._arrivals_ms, trendline._delays_ms).slope
    assert trendline._slope() == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_groups_that_all_arrive_at_once_have_no_slope() -> None:
    trendline = TrendlineEstimator()
    for _ in range(WINDOW):
        trendline.group_arrived(0.01, 0.0, 1.0)

    assert trendline._slope() is None


@given(
    st.lists(st.integers(1, 40), min_size=4, max_size=30),
    bitrates,
    st.one_of(st.none(), bitrates),
    st.floats(0.1, 2.0),
)
def test_where_nothing_is_lost_nothing_but_the_delay_sets_a_limit(
    counts: Sequence[int], delay_based_bps: float, throughput_bps: float | None, share: float
) -> None:
    estimator = LossBasedEstimator(min_bitrate_bps=5_000)
    now, number = 100.0, 0
    for count in counts:
        sent = []
        for _ in range(count):
            now += 0.3 / count
            packet = SentPacket(number, 1000, now, None, None)
            packet.received_at = now + 0.05
            sent.append(packet)
            number += 1
        estimator.take_results(sent, delay_based_bps=delay_based_bps, throughput_bps=throughput_bps)
    told, loss = estimator.bitrate_bps, estimator._inherent_loss
    current = min(share * delay_based_bps, delay_based_bps)

    assert told is None
    assert loss == MIN_INHERENT_LOSS
    assert estimator._most_likely(current, delay_based_bps, throughput_bps) == delay_based_bps
    assert estimator._inherent_loss == MIN_INHERENT_LOSS
