"""The end: abort and orderly shutdown. See :rfc:`9260#section-9` and the states of section 4."""

import pytest
from tests.sctp.pair import Pair
from tests.sctp.scripted import PEER_TSN, Script, pick

from rtc_sctp import (
    AbortChunk,
    AssociationClosed,
    AssociationConfig,
    AssociationFailed,
    AssociationState,
    CloseReason,
    DataChunk,
    HeartbeatChunk,
    OutOfResource,
    Packet,
    SackChunk,
    ShutdownAckChunk,
    ShutdownChunk,
    ShutdownCompleteChunk,
    StateError,
    UserInitiatedAbort,
)
from rtc_sctp.association import Association
from rtc_stun import Datagram

CONFIG = AssociationConfig(heartbeat_interval=None, association_max_retransmissions=3)


@pytest.fixture
def script() -> Script:
    return Script(CONFIG).establish()


def reasons(script: Script) -> list[CloseReason]:
    return [event.reason for event in script.happened(AssociationClosed)]


def shutting_down(script: Script) -> Script:
    """In SHUTDOWN-SENT."""
    script.association.close(script.now)
    assert script.chunks() == [ShutdownChunk(PEER_TSN - 1)]
    assert script.is_in(AssociationState.SHUTDOWN_SENT)
    return script


def acknowledging(script: Script) -> Script:
    """In SHUTDOWN-ACK-SENT."""
    assert script.answer(ShutdownChunk(script.acknowledged)) == [ShutdownAckChunk()]
    assert script.is_in(AssociationState.SHUTDOWN_ACK_SENT)
    return script


# Abort.


@pytest.mark.spec(
    "rfc9260:9.1/1", "rfc9260:9.1/2", "rfc9260:9.1/3", "rfc9260:9.1/4", "rfc9260:3.3.7/1", "rfc9260:3.3.7/2"
)
def test_an_abort_of_the_application_says_why_and_takes_no_data_along(script: Script) -> None:
    script.queue(b"never sent")
    script.association.abort(script.now, b"enough")

    assert script.chunks() == [AbortChunk((UserInitiatedAbort(b"enough"),))]
    assert reasons(script) == [CloseReason.LOCAL_ABORT]
    assert script.association.closed
    assert script.association.next_timeout() is None


@pytest.mark.spec("rfc9260:9.1/5", "rfc9260:9.1/7", "rfc9260:9.1/8", "rfc9260:9.1/9")
def test_an_abort_of_the_peer_ends_it_and_hands_up_its_words(script: Script) -> None:
    script.queue(b"never acknowledged")
    script.chunks()

    chunks = script.answer(AbortChunk((UserInitiatedAbort(b"enough"),)), script.data(), HeartbeatChunk(b"x"))

    assert chunks == []
    (closed,) = script.happened(AssociationClosed)
    assert closed == AssociationClosed(CloseReason.REMOTE_ABORT, b"enough")
    assert script.association.closed
    assert script.wait(1000.0) == []


@pytest.mark.spec("rfc9260:9.1/8")
def test_an_abort_of_the_peer_for_another_cause_is_a_failure_that_names_it(script: Script) -> None:
    script.send(AbortChunk((OutOfResource(),)))

    (failed,) = script.happened(AssociationFailed)
    assert "OutOfResource" in failed.reason


@pytest.mark.spec("rfc9260:9.1/5", "rfc9260:3.3.7/4")
def test_what_stands_in_front_of_an_abort_gets_no_answer(script: Script) -> None:
    assert script.answer(HeartbeatChunk(b"x"), AbortChunk()) == []
    assert script.association.closed


# SHUTDOWN of ours.


@pytest.mark.spec("rfc9260:9.2/22", "rfc9260:3.3.8/1", "rfc9260:9.2/1")
def test_shutdown_is_sent_when_all_data_are_acknowledged(script: Script) -> None:
    script.queue(b"first")
    script.association.close(script.now)
    (data,) = script.chunks()
    assert isinstance(data, DataChunk)
    assert script.is_in(AssociationState.SHUTDOWN_PENDING)

    assert script.answer(script.sack(data.tsn)) == [ShutdownChunk(PEER_TSN - 1)]
    assert script.is_in(AssociationState.SHUTDOWN_SENT)
    assert script.association.next_timeout() == pytest.approx(script.now + 1.0)


@pytest.mark.spec("rfc9260:9.2/22")
def test_lost_data_are_sent_again_before_the_shutdown(script: Script) -> None:
    script.queue(b"lost")
    script.association.close(script.now)
    (first,) = script.chunks()

    assert script.wait_chunks(1.5) == [first]


@pytest.mark.spec("rfc9260:9.2/2", "rfc9260:9.2/3", "rfc9260:9.2/4", "rfc9260:9.2/5")
def test_shutdown_is_repeated_with_growing_distance_and_then_given_up(script: Script) -> None:
    shutting_down(script)

    sent = [(when, packet.chunks[0]) for when, packet in script.wait_timed(1000.0)]

    assert sent[:3] == [
        (1.0, ShutdownChunk(PEER_TSN - 1)),
        (3.0, ShutdownChunk(PEER_TSN - 1)),
        (7.0, ShutdownChunk(PEER_TSN - 1)),
    ]
    assert len([chunk for _, chunk in sent if isinstance(chunk, ShutdownChunk)]) == 3
    assert script.happened(AssociationFailed)
    assert script.association.closed


@pytest.mark.spec("rfc9260:9.2/11", "rfc9260:4/9", "rfc9260:9.2/2")
def test_data_in_shutdown_sent_are_answered_at_once_by_a_shutdown_that_acknowledges_them(script: Script) -> None:
    shutting_down(script)
    script.now += 0.9

    chunks = script.answer(script.data())

    assert pick(ShutdownChunk, chunks) == [ShutdownChunk(PEER_TSN)]
    assert pick(ShutdownChunk, script.wait_chunks(0.9)) == []
    assert pick(ShutdownChunk, script.wait_chunks(0.2)) == [ShutdownChunk(PEER_TSN)]


@pytest.mark.spec("rfc9260:9.2/12")
def test_gaps_and_duplicates_in_shutdown_sent_call_for_a_sack_as_well(script: Script) -> None:
    shutting_down(script)
    first = script.data()

    gap = script.answer(script.data())
    script.answer(first)
    duplicate = script.answer(first)

    assert pick(SackChunk, gap)[0].gaps == ((2, 2),)
    assert pick(ShutdownChunk, gap)
    assert pick(SackChunk, duplicate)[0].duplicates == (first.tsn,)


@pytest.mark.spec("rfc9260:9.2/6")
def test_any_packet_of_the_peer_clears_the_count_and_restarts_the_timer(script: Script) -> None:
    shutting_down(script)
    for _ in range(6):
        script.wait_until_sent(ShutdownChunk)
        script.now += 0.5
        due = script.association.next_timeout()
        script.answer(HeartbeatChunk(b"still there"))
        later = script.association.next_timeout()
        assert due is not None
        assert later is not None
        assert later > due

    assert script.is_in(AssociationState.SHUTDOWN_SENT)


@pytest.mark.spec("rfc9260:9.2/13", "rfc9260:9.2/14")
def test_a_peer_that_never_comes_to_an_end_is_aborted_after_five_times_rto_max() -> None:
    script = Script(AssociationConfig(heartbeat_interval=None, rto_max=10.0)).establish()
    shutting_down(script)
    aborts: list[float] = []
    for _ in range(200):
        for packet in script.wait(0.5):
            aborts += [script.now for _ in pick(AbortChunk, packet.chunks)]
        if script.association.closed:
            break
        script.send(script.data())

    assert aborts == [pytest.approx(50.0, abs=0.6)]
    assert script.happened(AssociationFailed)


@pytest.mark.spec("rfc9260:9.2/19", "rfc9260:14.2/1", "rfc9260:3.3.13/1")
def test_shutdown_ack_is_answered_by_shutdown_complete_and_that_is_all(script: Script) -> None:
    shutting_down(script)

    assert script.answer(ShutdownAckChunk()) == [ShutdownCompleteChunk()]
    assert reasons(script) == [CloseReason.SHUTDOWN]
    assert script.is_in(AssociationState.CLOSED)
    assert script.association.next_timeout() is None
    assert script.answer(HeartbeatChunk(b"x")) == []


@pytest.mark.spec("rfc9260:8.4/6", "rfc9260:8.4/7")
def test_an_association_that_has_ended_completes_the_shutdown_of_a_peer_that_did_not_hear_it(script: Script) -> None:
    shutting_down(script)
    script.answer(ShutdownAckChunk())
    script.now += 1.0

    script.send(ShutdownAckChunk())

    assert script.association.next_timeout() == script.now
    (sent,) = script.packets()
    assert sent.chunks == (ShutdownCompleteChunk(1),)
    assert sent.verification_tag == script.tag
    assert script.association.next_timeout() is None
    assert reasons(script) == [CloseReason.SHUTDOWN]


@pytest.mark.spec("rfc9260:8.4/6", "rfc9260:8.5.1/12")
def test_a_lost_shutdown_complete_costs_one_round_trip_and_no_failure() -> None:
    pair = Pair().connect()
    lost = []

    def lose_the_first(_now: float, datagram: Datagram) -> bool:
        if Packet.parse(datagram.data).chunks == (ShutdownCompleteChunk(),):
            lost.append(datagram)
            return False
        return True

    pair.left_node.tap = lose_the_first
    pair.left.close(pair.network.now)
    pair.settle(10.0)

    assert len(lost) == 1
    for node in (pair.left_node, pair.right_node):
        assert [event.reason for event in node.of(AssociationClosed)] == [CloseReason.SHUTDOWN]
        assert not node.saw(AssociationFailed)


@pytest.mark.spec("rfc9260:9.2/27")
def test_two_shutdowns_that_cross(script: Script) -> None:
    shutting_down(script)

    assert script.answer(ShutdownChunk(script.acknowledged)) == [ShutdownAckChunk()]
    assert script.is_in(AssociationState.SHUTDOWN_ACK_SENT)
    assert script.association.next_timeout() == pytest.approx(script.now + 1.0)


@pytest.mark.spec("rfc9260:9.2/28")
def test_two_shutdown_acks_that_cross(script: Script) -> None:
    acknowledging(script)

    assert script.answer(ShutdownAckChunk()) == [ShutdownCompleteChunk()]
    assert reasons(script) == [CloseReason.SHUTDOWN]
    assert script.association.next_timeout() is None


# SHUTDOWN of the peer.


@pytest.mark.spec("rfc9260:9.2/15", "rfc9260:3.3.9/1")
def test_shutdown_with_nothing_outstanding_is_acknowledged_at_once(script: Script) -> None:
    acknowledging(script)

    assert script.association.next_timeout() == pytest.approx(script.now + 1.0)


@pytest.mark.spec("rfc9260:4/11", "rfc9260:9.2/9", "rfc9260:6/1", "rfc9260:6/5")
def test_shutdown_received_lasts_until_all_data_are_acknowledged(script: Script) -> None:
    script.queue(*[bytes(1000)] * 10)
    first = script.sent_data()
    script.send(ShutdownChunk(first[0].tsn))
    assert script.is_in(AssociationState.SHUTDOWN_RECEIVED)
    script.acknowledged = first[0].tsn

    rest = [*first, *script.finish()]
    again = [chunk for chunk in rest if chunk.tsn == first[1].tsn]

    assert len({chunk.tsn for chunk in rest}) == 10
    assert again
    assert script.is_in(AssociationState.SHUTDOWN_ACK_SENT)


@pytest.mark.spec("rfc9260:4/11", "rfc9260:9.2/9")
def test_lost_data_are_sent_again_in_shutdown_received(script: Script) -> None:
    script.queue(b"lost")
    (lost,) = script.sent_data()
    script.answer(ShutdownChunk(script.acknowledged))

    assert pick(DataChunk, script.wait_chunks(1.5)) == [lost]
    assert ShutdownAckChunk() in script.answer(ShutdownChunk(lost.tsn))


@pytest.mark.spec("rfc9260:9.2/7", "rfc9260:9.2/8")
def test_in_shutdown_received_a_wish_to_close_is_ignored_and_shutdown_is_answered(script: Script) -> None:
    script.queue(b"open")
    (data,) = script.sent_data()
    script.answer(ShutdownChunk(script.acknowledged))
    script.association.close(script.now)
    assert script.is_in(AssociationState.SHUTDOWN_RECEIVED)

    assert script.answer(ShutdownChunk(data.tsn)) == [ShutdownAckChunk()]


@pytest.mark.spec("rfc9260:9.2/16", "rfc9260:9.2/17", "rfc9260:9.2/18", "rfc9260:9.2/3")
def test_shutdown_ack_is_repeated_with_growing_distance_and_then_given_up(script: Script) -> None:
    acknowledging(script)

    sent = [(when, packet.chunks[0]) for when, packet in script.wait_timed(1000.0)]

    assert sent[:3] == [(1.0, ShutdownAckChunk()), (3.0, ShutdownAckChunk()), (7.0, ShutdownAckChunk())]
    assert len([chunk for _, chunk in sent if isinstance(chunk, ShutdownAckChunk)]) == 3
    assert script.happened(AssociationFailed)


@pytest.mark.spec("rfc9260:9.2/21", "rfc9260:14.2/1")
def test_shutdown_complete_ends_it(script: Script) -> None:
    acknowledging(script)

    assert script.answer(ShutdownCompleteChunk()) == []
    assert reasons(script) == [CloseReason.SHUTDOWN]
    assert script.association.next_timeout() is None


@pytest.mark.parametrize("state", ["cookie_wait", "cookie_echoed"])
@pytest.mark.spec("rfc9260:9.2/26")
def test_shutdown_during_set_up_is_discarded(state: str) -> None:
    script = Script(CONFIG)
    script.connect()
    if state == "cookie_echoed":
        script.answer(script.init_ack())
    before = script.state

    assert script.answer(ShutdownChunk(script.acknowledged)) == []
    assert script.is_in(before)


# What the application may still do.


@pytest.mark.spec("rfc9260:9.2/23", "rfc9260:4/10", "rfc9260:4/12", "rfc9260:9.2/10")
def test_no_new_data_are_accepted_in_any_shutdown_state() -> None:
    def refuse(association: Association) -> None:
        before = association.buffered_amount(0)
        with pytest.raises(StateError):
            association.send(0, 51, b"late")
        assert association.buffered_amount(0) == before

    pending = Script(CONFIG).establish()
    pending.queue(b"open")
    pending.association.close(pending.now)
    refuse(pending.association)
    refuse(shutting_down(Script(CONFIG).establish()).association)
    refuse(acknowledging(Script(CONFIG).establish()).association)
    received = Script(CONFIG).establish()
    received.queue(b"open")
    received.chunks()
    received.answer(ShutdownChunk(received.acknowledged))
    assert received.is_in(AssociationState.SHUTDOWN_RECEIVED)
    refuse(received.association)
