"""What a probe finds, by when its packets were sent and when they arrived."""

from collections.abc import Iterable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.support.effort import examples

from rtc_rtp.congestion.probe import Probe, ProbeFinding, ProbeResults
from rtc_rtp.congestion.sent_packets import SentPacket

Burst = tuple[int, ...]


def found(bursts: Iterable[Burst], *, sent_bps: float, path_bps: float, delay: float = 0.03) -> ProbeFinding | None:
    """What is found where bursts of packets are sent at a rate through a bottleneck."""
    bursts = list(bursts)
    results, size = ProbeResults(), sum(map(sum, bursts))
    results.started(Probe(1, sent_bps, size, sum(map(len, bursts))))
    at = free_at = 5.0
    number = 0
    for burst in bursts:
        for each in burst:
            free_at = max(free_at, at) + 8 * each / path_bps
            packet = SentPacket(number, each, at, 1, None)
            packet.received_at = free_at + delay
            results.packet_arrived(packet)
            number += 1
        at += 8 * sum(burst) / sent_bps
    return results.finding()


EVEN = [(1200,)] * 8
SMALL = [(224, 224)] * 8
PICTURE_FIRST = [(1200,), *[(224, 224)] * 6]
SOUND_BETWEEN = [(1200,), (60, 224), (224, 224, 224), (224, 224, 224), (224, 224, 224)]
PICTURE_AT_THE_END = [*[(224, 224)] * 6, (1200, 1200, 1200)]
BURSTS = [(1200, 1200, 1200)] * 5
every_shape = pytest.mark.parametrize(
    "bursts",
    [EVEN, SMALL, PICTURE_FIRST, SOUND_BETWEEN, PICTURE_AT_THE_END, BURSTS],
    ids=["even", "small", "picture first", "sound between", "picture at the end", "bursts"],
)


@every_shape
@pytest.mark.parametrize("times", [3, 10, 100])
def test_a_path_that_carries_far_more_has_no_limit(bursts: list[Burst], times: float) -> None:
    finding = found(bursts, sent_bps=2e6, path_bps=times * 2e6)

    assert finding is not None
    assert not finding.is_limit
    assert 0.7 * 2e6 < finding.bitrate_bps < 1.05 * 2e6


@every_shape
@pytest.mark.parametrize("share", [0.25, 0.4, 0.55])
def test_a_path_that_carries_less_is_found_to(bursts: list[Burst], share: float) -> None:
    finding = found(bursts, sent_bps=2e6, path_bps=share * 2e6)

    assert finding is not None
    assert finding.is_limit
    assert finding.bitrate_bps == pytest.approx(0.95 * share * 2e6, rel=0.1)


@example(bursts=[(58,), (40,), (40,), (40,), (81, 40)], path=2.0)
@given(
    bursts=st.lists(st.lists(st.integers(40, 1240), min_size=1, max_size=4).map(tuple), min_size=5, max_size=12),
    path=st.floats(0.1, 20),
)
@examples(100)
def test_no_more_is_found_than_there_is(bursts: list[Burst], path: float) -> None:
    finding = found(bursts, sent_bps=2e6, path_bps=path * 2e6)

    if finding is not None:
        assert finding.bitrate_bps < 1.05 * min(path, 1.0) * 2e6


def test_of_several_probes_the_latest_counts() -> None:
    results = ProbeResults()
    for probe_id, rate in ((1, 1e6), (2, 2e6)):
        results.started(Probe(probe_id, rate, 6000, 5))
        for index in range(6):
            packet = SentPacket(index, 1200, probe_id + index * 9600 / rate, probe_id, None)
            packet.received_at = packet.sent_at + 0.02
            results.packet_arrived(packet)

    finding = results.finding()

    assert finding is not None
    assert finding.bitrate_bps == pytest.approx(2e6)
    assert results.finding() is None


def test_a_probe_of_which_too_little_arrived_says_nothing() -> None:
    results = ProbeResults()
    results.started(Probe(1, 1e6, 6000, 5))
    packet = SentPacket(1, 1200, 0.0, 1, None)
    packet.received_at = 0.1
    results.packet_arrived(packet)

    assert results.finding() is None
