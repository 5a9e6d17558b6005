"""A peer that falls silent: retransmissions counted, heartbeats, the end. See :rfc:`9260#section-8`."""

import pytest
from tests.sctp.scripted import Script, pick

from rtc_sctp import (
    AbortChunk,
    AssociationConfig,
    AssociationFailed,
    AssociationState,
    CookieEchoChunk,
    DataChunk,
    HeartbeatAckChunk,
    HeartbeatChunk,
    ShutdownChunk,
    StateError,
)

QUIET = AssociationConfig(heartbeat_interval=None, association_max_retransmissions=3)
BEATING = AssociationConfig(heartbeat_interval=30.0, association_max_retransmissions=3)


# Counting.


@pytest.mark.spec("rfc9260:8.1/1", "rfc9260:8.1/3", "rfc9260:8.1/4", "rfc9260:8.1/5", "rfc8261:6.1/2")
def test_beyond_the_limit_of_retransmissions_the_peer_is_gone() -> None:
    script = Script(QUIET).establish()
    script.queue(b"into the void")

    packets = script.wait(1000.0)

    data = [chunk for packet in packets for chunk in pick(DataChunk, packet.chunks)]
    assert len(data) == 1 + 3
    assert len(script.happened(AssociationFailed)) == 1
    assert script.association.closed
    assert script.wait(1000.0) == []
    with pytest.raises(StateError):
        script.queue(b"more")


@pytest.mark.spec("rfc9260:8.1/6")
def test_an_acknowledgement_of_data_clears_the_count() -> None:
    script = Script(QUIET).establish()
    for _ in range(10):
        script.queue(b"twice lost")
        (sent,) = script.sent_data()
        script.wait_until_sent(DataChunk)
        script.wait_until_sent(DataChunk)
        for heartbeat in pick(HeartbeatChunk, script.answer(script.sack(sent.tsn))):
            script.send(HeartbeatAckChunk(heartbeat.info))

    assert script.is_in(AssociationState.ESTABLISHED)


@pytest.mark.spec("rfc9260:8.1/7", "rfc9260:8.3/7", "rfc9260:8.3/11")
def test_an_answered_heartbeat_clears_the_count() -> None:
    script = Script(BEATING).establish()
    for _ in range(10):
        lost = [script.wait_until_sent(HeartbeatChunk) for _ in range(3)]
        script.send(HeartbeatAckChunk(lost[-1].info))

    assert script.is_in(AssociationState.ESTABLISHED)


# Our heartbeats.


@pytest.mark.spec("rfc9260:3.3.5/1", "rfc9260:8.3/1", "rfc9260:8.3/13", "rfc9260:8.3/14")
def test_an_idle_path_is_probed_after_interval_and_timeout_give_or_take_half_of_it() -> None:
    distances = []
    for seed in range(20):
        script = Script(BEATING, seed=seed).establish()
        last = script.now
        for _ in range(5):
            heartbeat = script.wait_until_sent(HeartbeatChunk)
            distances.append(script.now - last)
            last = script.now
            assert pick(HeartbeatChunk, script.answer(HeartbeatAckChunk(heartbeat.info))) == []

    assert min(distances) >= 30.5
    assert max(distances) <= 31.5
    assert max(distances) - min(distances) > 0.5


@pytest.mark.spec("rfc9260:8.3/3", "rfc9260:8.3/13", "rfc9260:8.1/1", "rfc9260:8.1/3")
def test_unanswered_heartbeats_are_counted_after_one_timeout_with_backoff() -> None:
    script = Script(BEATING).establish()
    times = []
    for _ in range(3):
        script.wait_until_sent(HeartbeatChunk)
        times.append(script.now)
    packets = script.wait(1000.0)

    assert script.happened(AssociationFailed)
    assert times[1] - times[0] < times[2] - times[1] <= 2 * (times[1] - times[0]) + 31.5
    assert len([packet for packet in packets if pick(HeartbeatChunk, packet.chunks)]) <= 2


@pytest.mark.spec("rfc9260:3.3.5/2", "rfc9260:8.3/6")
def test_each_heartbeat_says_something_else() -> None:
    script = Script(BEATING).establish()
    infos = set()
    for _ in range(10):
        heartbeat = script.wait_until_sent(HeartbeatChunk)
        infos.add(heartbeat.info)
        script.send(HeartbeatAckChunk(heartbeat.info))

    assert len(infos) == 10
    assert min(map(len, infos)) >= 16


@pytest.mark.spec("rfc9260:8.3/12")
def test_an_answered_heartbeat_measures_the_round_trip() -> None:
    script = Script(BEATING).establish()
    heartbeat = script.wait_until_sent(HeartbeatChunk)
    script.now += 0.2

    script.send(HeartbeatAckChunk(heartbeat.info))

    measured = script.association.stats.smoothed_round_trip_time
    assert measured is not None
    assert 0.0 < measured <= 0.2


@pytest.mark.spec("rfc9260:8.3/12")
def test_a_forged_heartbeat_ack_measures_nothing() -> None:
    script = Script(BEATING).establish()
    before = script.association.stats.smoothed_round_trip_time
    heartbeat = script.wait_until_sent(HeartbeatChunk)

    script.send(HeartbeatAckChunk(bytes(len(heartbeat.info))))
    script.send(HeartbeatAckChunk(b""))

    assert script.association.stats.smoothed_round_trip_time == before
    assert sum(script.dropped.values()) == 2


def test_a_path_in_use_is_not_probed() -> None:
    script = Script(BEATING).establish()
    for _ in range(200):
        script.queue(b"busy")
        assert pick(HeartbeatChunk, script.wait_chunks(0.5)) == []
        script.send(script.sack(script.association_tsn + script.association.stats.messages_sent - 1))


# Heartbeats of the peer.


@pytest.mark.spec("rfc9260:3.3.6/1", "rfc9260:3.3.6/2", "rfc9260:8.3/2", "rfc9260:8.3/8")
def test_a_heartbeat_is_answered_at_once_with_what_it_said() -> None:
    script = Script(QUIET).establish()

    assert script.answer(HeartbeatChunk(b"anything at all")) == [HeartbeatAckChunk(b"anything at all")]


@pytest.mark.spec("rfc9260:8.3/2")
def test_heartbeats_are_answered_until_the_shutdown_is_through() -> None:
    script = Script(QUIET).establish()
    script.queue(b"open")
    (sent,) = script.sent_data()
    script.association.close(script.now)
    script.chunks()
    assert script.is_in(AssociationState.SHUTDOWN_PENDING)
    assert HeartbeatAckChunk(b"1") in script.answer(HeartbeatChunk(b"1"))
    script.answer(script.sack(sent.tsn))
    assert script.is_in(AssociationState.SHUTDOWN_SENT)
    assert HeartbeatAckChunk(b"2") in script.answer(HeartbeatChunk(b"2"))

    receiving = Script(QUIET).establish()
    receiving.queue(b"open")
    receiving.chunks()
    receiving.answer(ShutdownChunk(receiving.acknowledged))
    assert receiving.is_in(AssociationState.SHUTDOWN_RECEIVED)
    assert HeartbeatAckChunk(b"3") in receiving.answer(HeartbeatChunk(b"3"))


@pytest.mark.spec("rfc9260:8.3/2")
def test_a_heartbeat_bundled_with_what_establishes_is_answered() -> None:
    script = Script(QUIET)
    _, cookie = script.obtain_cookie()

    assert HeartbeatAckChunk(b"x") in script.answer(CookieEchoChunk(cookie), HeartbeatChunk(b"x"))


def test_a_failing_association_says_goodbye() -> None:
    script = Script(QUIET).establish()
    script.queue(b"into the void")

    *_, last = script.wait(1000.0)

    assert [type(chunk) for chunk in last.chunks] == [AbortChunk]
