"""The retransmission timer and the round trips that set it. See :rfc:`9260#section-6.3`."""

import pytest
from tests.sctp.scripted import Script, pick

from rtc_sctp import AssociationConfig, DataChunk

QUICK = AssociationConfig(heartbeat_interval=None, rto_min=0.001)


def established(round_trip: float, config: AssociationConfig = QUICK) -> Script:
    """An association whose set-up took no time, after one measured round trip."""
    script = Script(config)
    script.establish()
    exchange(script, round_trip)
    return script


def exchange(script: Script, round_trip: float) -> None:
    """One message there, one SACK back."""
    script.queue(b"ping")
    (sent,) = script.sent_data()
    script.now += round_trip
    script.answer(script.sack(sent.tsn))


@pytest.mark.spec("rfc9260:6.3.1/1")
def test_each_round_trip_is_measured_and_averaged() -> None:
    script = established(0.1)
    srtt = script.association.stats.smoothed_round_trip_time
    assert srtt is not None
    rttvar = (script.association.stats.retransmission_timeout - srtt) / 4
    for round_trip in (0.2, 0.05, 0.3):
        exchange(script, round_trip)
        rttvar = 0.75 * rttvar + 0.25 * abs(srtt - round_trip)
        srtt = 0.875 * srtt + 0.125 * round_trip

        assert script.association.stats.smoothed_round_trip_time == pytest.approx(srtt)
        assert script.association.stats.retransmission_timeout == pytest.approx(srtt + 4 * rttvar)


@pytest.mark.spec("rfc9260:6.3.1/2")
def test_one_chunk_at_a_time_is_measured() -> None:
    script = established(0.1)
    before = script.association.stats.smoothed_round_trip_time
    script.queue(b"measured")
    (first,) = script.sent_data()
    script.now += 0.05
    script.queue(b"not measured")
    (second,) = script.sent_data()
    script.now += 0.05
    script.answer(script.sack(first.tsn))
    after_first = script.association.stats.smoothed_round_trip_time
    script.now += 0.3
    script.answer(script.sack(second.tsn))

    assert before is not None
    assert after_first == pytest.approx(0.875 * before + 0.125 * 0.1)
    assert script.association.stats.smoothed_round_trip_time == after_first


@pytest.mark.spec("rfc9260:6.3.1/4")
def test_a_retransmitted_chunk_is_not_measured() -> None:
    script = established(0.1)
    before = script.association.stats.smoothed_round_trip_time
    script.queue(b"lost")
    (sent,) = script.sent_data()
    script.wait_until_sent(DataChunk)
    script.now += 0.01
    script.answer(script.sack(sent.tsn))

    assert script.association.stats.smoothed_round_trip_time == before


@pytest.mark.spec("rfc9260:6.3.1/5")
def test_a_chunk_behind_a_retransmitted_one_is_not_measured() -> None:
    script = established(0.1)
    script.queue(b"lost")
    first = script.sent_data()
    before = script.association.stats.smoothed_round_trip_time
    script.queue(b"1", b"2", b"3")
    others = script.sent_data()
    script.now += 0.01
    again = [chunk for end in (2, 3, 4) for chunk in script.answer(script.sack(gaps=((2, end),)))]
    assert [chunk.tsn for chunk in pick(DataChunk, again)] == [first[0].tsn]
    script.now += 5.0
    script.answer(script.sack(others[-1].tsn))

    assert script.association.stats.smoothed_round_trip_time == before


def test_the_timeout_has_a_floor_a_ceiling_and_a_value_to_begin_with() -> None:
    config = AssociationConfig(heartbeat_interval=None, rto_initial=0.7, rto_min=0.5, rto_max=2.0)
    script = Script(config)
    assert script.association.stats.retransmission_timeout == 0.7
    script.establish()
    exchange(script, 0.001)
    assert script.association.stats.retransmission_timeout == 0.5
    exchange(script, 1.9)
    assert script.association.stats.retransmission_timeout <= 2.0


@pytest.mark.spec("rfc9260:16/1", "rfc9260:16/2")
def test_the_defaults_are_the_suggested_ones() -> None:
    config = AssociationConfig()

    assert (config.rto_initial, config.rto_min, config.rto_max) == (1.0, 1.0, 60.0)
    assert config.max_burst == 4
    assert config.cookie_lifetime == 60.0
    assert config.association_max_retransmissions == 10
    assert config.max_init_retransmissions == 8
    assert config.heartbeat_interval == 30.0
    assert (config.sack_delay, config.sack_frequency) == (0.2, 2)


@pytest.mark.spec("rfc9260:6.1/20")
def test_each_expiry_doubles_the_timeout() -> None:
    script = Script(AssociationConfig(heartbeat_interval=None, rto_max=6.0)).establish()
    script.queue(b"lost")
    script.sent_data()
    times = []
    for _ in range(5):
        script.wait_until_sent(DataChunk)
        times.append(script.now)

    assert times == pytest.approx([1.0, 3.0, 7.0, 13.0, 19.0])


def test_an_acknowledgement_of_all_stops_the_timer_and_one_of_some_restarts_it() -> None:
    script = Script().establish()
    script.queue(b"1", b"2")
    sent = script.sent_data()
    script.now += 0.5
    script.answer(script.sack(sent[0].tsn))
    assert script.association.next_timeout() == pytest.approx(
        script.now + script.association.stats.retransmission_timeout
    )

    script.answer(script.sack(sent[1].tsn))

    assert script.association.next_timeout() is None


@pytest.mark.spec("rfc9260:6.3.3/2", "rfc9260:7.2.1/2")
def test_at_expiry_one_packet_is_sent_again_and_the_rest_when_the_window_allows() -> None:
    script = Script().establish()
    script.queue(*[bytes(500)] * 8)
    sent = script.sent_data()
    assert len(sent) >= 6

    packets = script.wait(1.2)
    first = [chunk for packet in packets for chunk in pick(DataChunk, packet.chunks)]
    rest = pick(DataChunk, script.answer(script.sack(first[-1].tsn)))

    assert len(packets) == 1
    assert first == sent[:2]
    assert rest[: len(sent) - 2] == sent[2:][: len(rest)]
