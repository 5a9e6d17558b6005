"""Partial reliability: FORWARD TSN, lifetimes and limited retransmissions. See :rfc:`3758` and :rfc:`7496`."""

from collections.abc import Collection

import pytest
from tests.sctp.scripted import EXTENSIONS, PEER_TSN, Script, pick

from rtc_sctp import (
    AssociationConfig,
    AssociationEstablished,
    AssociationState,
    CookieAckChunk,
    DataChunk,
    ErrorChunk,
    ForwardTsnChunk,
    ForwardTsnSupported,
    MessageAbandoned,
    MessageReceived,
    PartialReliabilityLost,
    SackChunk,
    SupportedExtensions,
    UnrecognizedChunkType,
    UnrecognizedParameters,
)
from rtc_sctp.chunks import FLAG_BEGINNING, FLAG_ENDING, FLAG_UNORDERED
from rtc_sctp.outgoing import OutgoingMessage, OutgoingStream
from rtc_sctp.retransmission_queue import OutstandingChunk, RetransmissionQueue

WHOLE = FLAG_BEGINNING | FLAG_ENDING
CONFIG = AssociationConfig(heartbeat_interval=None)


@pytest.fixture
def script() -> Script:
    return Script(CONFIG).establish(*EXTENSIONS)


def send(
    script: Script, *payloads: bytes, stream_id: int = 0, unordered: bool = False, limit: int = 0
) -> list[DataChunk]:
    """Send messages that are not retransmitted, or ``limit`` times; returns their chunks."""
    for payload in payloads:
        script.association.send(stream_id, 51, payload, max_retransmits=limit, unordered=unordered)
    return script.sent_data()


def time_out(script: Script) -> list[ForwardTsnChunk | DataChunk]:
    """Let T3-rtx expire; what is sent then."""
    due = script.association.next_timeout()
    assert due is not None
    chunks = script.wait_chunks(due - script.now)
    return [chunk for chunk in chunks if isinstance(chunk, (ForwardTsnChunk, DataChunk))]


def abandoned(script: Script) -> int:
    return len(script.happened(MessageAbandoned))


# Negotiation.


@pytest.mark.spec("rfc3758:3.3.2/4", "rfc3758:3.3.2/5", "rfc3758:3.3.2/6")
def test_without_the_peers_support_everything_is_reliable_and_the_application_knows() -> None:
    script = Script(CONFIG).establish()
    (established,) = script.happened(AssociationEstablished)
    (lost,) = send(script, b"reliable after all")

    again = time_out(script)

    assert not established.partial_reliability
    assert again == [lost]
    assert abandoned(script) == 0


@pytest.mark.spec("rfc3758:3.3.2/6")
def test_with_the_peers_support_the_application_knows_too(script: Script) -> None:
    (established,) = script.happened(AssociationEstablished)

    assert established.partial_reliability


def test_support_is_announced_in_init_and_init_ack() -> None:
    assert ForwardTsnSupported() in Script(CONFIG).connect().parameters
    assert ForwardTsnSupported() in Script(CONFIG).obtain_cookie()[0].parameters


@pytest.mark.spec("rfc3758:3.3.3/1", "rfc3758:3.3.3/2", "rfc3758:3.3.3/3", "rfc3758:3.3.3/4")
def test_an_error_about_forward_tsn_ends_partial_reliability_and_the_application_knows(script: Script) -> None:
    send(script, b"lost")
    (forward,) = pick(ForwardTsnChunk, time_out(script))
    script.send(ErrorChunk((UnrecognizedChunkType(forward.serialize()),)))

    assert len(script.happened(PartialReliabilityLost)) == 1
    script.forget()
    script.answer(script.sack(forward.cumulative_tsn))
    (second,) = send(script, b"reliable from now on")
    assert time_out(script) == [second]
    assert pick(ForwardTsnChunk, time_out(script)) == []
    assert abandoned(script) == 0


def test_an_error_about_another_chunk_does_not(script: Script) -> None:
    script.send(ErrorChunk((UnrecognizedChunkType(bytes([130, 0, 0, 4])), UnrecognizedParameters(b""))))

    assert script.happened(PartialReliabilityLost) == []


# Giving up.


@pytest.mark.spec(
    "rfc3758:3.5/1",
    "rfc3758:3.4/1",
    "rfc3758:3.2/1",
    "rfc3758:3.5/15",
    "rfc3758:3.5/8",
    "rfc7496:3.1/1",
    "rfc3758:4.3/2",
    "rfc3758:4.3/3",
)
def test_a_message_without_retransmissions_is_skipped_when_it_would_be_sent_again(script: Script) -> None:
    (lost,) = send(script, b"once")

    assert time_out(script) == [ForwardTsnChunk(lost.tsn, ((0, 0),))]
    assert abandoned(script) == 1
    script.send(script.sack(lost.tsn))
    assert pick(DataChunk, script.wait_chunks(100.0)) == []


@pytest.mark.parametrize("limit", [1, 3])
@pytest.mark.spec("rfc7496:3.1/1", "rfc7496:3/1")
def test_a_message_is_sent_again_as_often_as_it_may_be(script: Script, limit: int) -> None:
    (lost,) = send(script, b"limited", limit=limit)

    assert [time_out(script) for _ in range(limit)] == [[lost]] * limit
    assert abandoned(script) == 0
    assert time_out(script) == [ForwardTsnChunk(lost.tsn, ((0, 0),))]
    assert abandoned(script) == 1


@pytest.mark.spec("rfc7496:3.1/1", "rfc7496:3.1/2", "rfc3758:3.5/22")
def test_fast_retransmissions_count_and_congestion_control_reacts_though_nothing_is_sent_again(script: Script) -> None:
    script.queue(*[bytes(1100)] * 200)
    script.finish()
    window = script.association.stats.congestion_window
    (lost,) = send(script, b"once")
    script.queue(*[bytes(1100)] * 4)
    script.chunks()
    answers = [chunk for end in (2, 3, 4) for chunk in script.answer(script.sack(gaps=((2, end),)))]

    assert [chunk.cumulative_tsn for chunk in pick(ForwardTsnChunk, answers)] == [lost.tsn]
    assert lost.tsn not in [chunk.tsn for chunk in pick(DataChunk, answers)]
    assert script.association.stats.congestion_window <= window // 2 + 1
    assert script.association.stats.slow_start_threshold <= window // 2 + 1


@pytest.mark.spec("rfc7496:3.1/2", "rfc3758:3.5/22")
def test_a_timeout_shrinks_the_window_though_nothing_is_sent_again(script: Script) -> None:
    window = script.association.stats.congestion_window
    timeout = script.association.stats.retransmission_timeout
    send(script, b"once")
    time_out(script)

    assert script.association.stats.congestion_window < window
    assert script.association.stats.retransmission_timeout == 2 * timeout


@pytest.mark.spec("rfc3758:3.5/5")
def test_all_fragments_of_a_message_are_given_up_together_also_those_not_sent_yet(script: Script) -> None:
    (*fragments,) = send(script, bytes(20_000))
    assert not fragments[-1].ending

    (forward, *more) = time_out(script)

    assert isinstance(forward, ForwardTsnChunk)
    # One TSN beyond those sent: the end of the message, which the receiver would wait for.
    assert (forward.cumulative_tsn - fragments[-1].tsn) & 0xFFFF_FFFF in (0, 1)
    assert forward.streams == ((0, 0),)
    assert more == []
    script.answer(script.sack(forward.cumulative_tsn))
    (after,) = send(script, b"next")
    assert after.stream_sequence == 1
    assert (after.tsn - forward.cumulative_tsn) & 0xFFFF_FFFF == 1


@pytest.mark.spec("rfc3758:3.5/2")
def test_what_is_given_up_is_not_in_flight(script: Script) -> None:
    send(script, *[bytes(1000)] * 3)
    time_out(script)

    assert script.association.stats.flight_size == 0
    assert len(send(script, b"room again")) == 1


@pytest.mark.parametrize("acknowledged_by", ["cumulative TSN", "gap block"])
@pytest.mark.spec("rfc3758:3.5/2", "rfc3758:3.5/3", "rfc3758:3.5/4")
def test_given_up_bytes_are_credited_to_nothing(acknowledged_by: str) -> None:
    stream = OutgoingStream(0, 1)
    messages = [OutgoingMessage(stream, 51, bytes(84), False, 0, 0.0, order) for order in range(3)]
    queue = RetransmissionQueue(99)
    for tsn, message in enumerate(messages, 100):
        queue.add(OutstandingChunk(tsn, bytes(100), message))

    queue.abandon(messages[1:2])
    in_flight = queue.flight_size
    result = queue.acknowledge(102, ()) if acknowledged_by == "cumulative TSN" else queue.acknowledge(100, ((1, 2),))

    assert in_flight == 200
    assert result.byte_count == 200
    assert queue.flight_size == 0


# FORWARD TSN.


@pytest.mark.spec("rfc3758:3.5/6", "rfc3758:3.5/7", "rfc3758:3.5/8")
def test_after_each_sack_that_does_not_reach_as_far_the_peer_is_told_again(script: Script) -> None:
    first = send(script, b"1", b"2")
    time_out(script)

    def told(cumulative_tsn: int) -> list[ForwardTsnChunk]:
        return pick(ForwardTsnChunk, script.answer(script.sack(cumulative_tsn)))

    for _ in range(3):
        assert told(script.acknowledged) == [ForwardTsnChunk(first[1].tsn, ((0, 1),))]
    assert told(first[0].tsn) == [ForwardTsnChunk(first[1].tsn, ((0, 1),))]
    assert told(first[1].tsn) == []


@pytest.mark.spec("rfc3758:3.5/6", "rfc3758:3.5/7")
def test_the_point_advances_over_what_is_given_up_alone(script: Script) -> None:
    send(script, b"1", b"2")
    script.queue(b"reliable")
    (reliable,) = script.sent_data()
    send(script, b"4")

    chunks = time_out(script)

    assert pick(ForwardTsnChunk, chunks) == [ForwardTsnChunk((reliable.tsn - 1) & 0xFFFF_FFFF, ((0, 1),))]
    assert pick(DataChunk, chunks) == [reliable]
    after = pick(ForwardTsnChunk, script.answer(script.sack(reliable.tsn)))
    assert after == [ForwardTsnChunk(reliable.tsn + 1, ((0, 3),))]


@pytest.mark.spec("rfc3758:3.2/3", "rfc3758:3.2/4", "rfc3758:3.5/10", "rfc3758:3.5/11", "rfc3758:3.5/12")
def test_ordered_messages_are_listed_once_for_each_stream_and_unordered_ones_are_not(script: Script) -> None:
    send(script, b"1", b"2", stream_id=1)
    send(script, b"3", stream_id=2, unordered=True)
    (last,) = send(script, b"4", stream_id=3)

    (forward,) = pick(ForwardTsnChunk, time_out(script))

    assert forward.cumulative_tsn == last.tsn
    assert sorted(forward.streams) == [(1, 1), (3, 0)]


@pytest.mark.spec("rfc3758:3.5/13")
def test_a_forward_tsn_that_does_not_fit_a_packet_goes_less_far() -> None:
    config = AssociationConfig(heartbeat_interval=None, max_packet_size=256, max_burst=1000)
    script = Script(config).establish(*EXTENSIONS, streams=1000)
    for _ in range(3):
        script.queue(*[bytes(200)] * 40)
        script.finish()
    for stream_id in range(100):
        script.association.send(stream_id, 51, b"x", max_retransmits=0)
    sent = script.sent_data()
    assert len(sent) == 100

    (first,) = pick(ForwardTsnChunk, time_out(script))
    (second,) = pick(ForwardTsnChunk, script.answer(script.sack(first.cumulative_tsn)))

    # 12 bytes of packet, 8 of chunk, 4 for each of 59 streams.
    assert first == ForwardTsnChunk(
        sent[58].tsn, tuple((stream_id, 0 if stream_id else 120) for stream_id in range(59))
    )
    assert second == ForwardTsnChunk(sent[99].tsn, tuple((stream_id, 0) for stream_id in range(59, 100)))


@pytest.mark.spec("rfc3758:3.5/14")
def test_a_forward_tsn_that_is_lost_is_sent_again(script: Script) -> None:
    (lost,) = send(script, b"once")
    expected = ForwardTsnChunk(lost.tsn, ((0, 0),))

    assert [time_out(script) for _ in range(3)] == [[expected]] * 3


@pytest.mark.spec("rfc3758:3.5/17", "rfc3758:3.5/18", "rfc3758:3.5/19")
def test_a_forward_tsn_is_never_delayed_and_shares_its_packet_with_data(script: Script) -> None:
    send(script, b"once")
    script.queue(b"reliable")
    script.sent_data()
    due = script.association.next_timeout()
    assert due is not None
    script.now = due
    script.association.handle_timeout(due)

    (sent,) = script.packets()

    assert [type(chunk) for chunk in sent.chunks] == [ForwardTsnChunk, DataChunk]


@pytest.mark.spec("rfc3758:3.5/16")
def test_nothing_but_given_up_messages_causes_a_forward_tsn(script: Script) -> None:
    script.queue(b"1", b"2")
    script.sent_data()
    chunks = script.wait_chunks(20.0)
    chunks += script.answer(script.sack(gaps=((2, 2),)))

    assert pick(ForwardTsnChunk, chunks) == []


@pytest.mark.spec("rfc3758:3.5/20", "rfc3758:3.5/21")
def test_a_sack_behind_the_advanced_point_is_not_an_old_one(script: Script) -> None:
    first = send(script, b"1", b"2", b"3")
    time_out(script)
    script.queue(b"behind")
    script.sent_data()
    window = 1_000_000

    script.answer(script.sack(first[0].tsn, a_rwnd=window))

    assert script.association.stats.remote_window == window - script.association.stats.flight_size
    assert "old_sack" not in script.dropped


@pytest.mark.spec("rfc3758:3.2/4")
def test_the_numbers_in_a_forward_tsn_wrap_around_like_those_in_data(script: Script) -> None:
    script.association._life.queue.stream(0).next_number = 0x1_0000  # after as many messages
    (data,) = send(script, b"lost")

    (forward,) = time_out(script)

    assert data.stream_sequence == 0
    assert isinstance(forward, ForwardTsnChunk)
    assert forward.streams == ((0, 0),)


def test_all_that_is_lost_at_once_is_given_up_in_one_pass(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    """With one pass for each, a few thousand small messages would stop the program for seconds."""
    passes: list[int] = []
    abandon = RetransmissionQueue.abandon

    def count(queue: RetransmissionQueue, messages: Collection[OutgoingMessage]) -> None:
        passes.append(len(messages))
        abandon(queue, messages)

    monkeypatch.setattr(RetransmissionQueue, "abandon", count)
    send(script, *[b"small"] * 50, unordered=True)

    time_out(script)

    assert passes == [50]
    assert abandoned(script) == 50


# Lifetimes.


@pytest.mark.spec("rfc3758:4.1/2", "rfc3758:4.1/3", "rfc3758:4.1/4", "rfc3758:4.1/5", "rfc3758:4.1/8", "rfc3758:4.1/9")
def test_a_message_that_expires_before_it_is_sent_gets_no_tsn(script: Script) -> None:
    script.queue(*[bytes(1100)] * 4)
    first = script.sent_data()
    for payload, lifetime in ((b"short", 0.5), (b"long", 2.0)):
        script.association.send(1, 51, payload, lifetime=lifetime)
    assert script.sent_data() == []
    script.now += 0.6

    (data,) = pick(DataChunk, script.answer(script.sack(first[-1].tsn)))

    assert (data.payload, data.stream_sequence) == (b"long", 0)
    assert data.tsn == (first[-1].tsn + 1) & 0xFFFF_FFFF
    assert script.happened(MessageAbandoned) == [MessageAbandoned(1, 51)]


@pytest.mark.spec("rfc3758:4.1/2", "rfc3758:4.1/6", "rfc3758:4.1/7", "rfc3758:3.5/1")
def test_a_message_is_sent_again_while_it_lives_and_given_up_when_it_does_not(script: Script) -> None:
    script.association.send(0, 51, b"two seconds", lifetime=2.0)
    (data,) = script.sent_data()

    assert time_out(script) == [data]
    assert abandoned(script) == 0
    assert time_out(script) == [ForwardTsnChunk(data.tsn, ((0, 0),))]
    assert abandoned(script) == 1


def test_an_acknowledged_message_is_not_abandoned_when_its_life_ends(script: Script) -> None:
    script.association.send(0, 51, b"in time", lifetime=0.5)
    script.finish()

    assert script.wait_chunks(10.0) == []
    assert abandoned(script) == 0


# Receiving FORWARD TSN.


def received(script: Script) -> list[bytes]:
    return [event.data for event in script.happened(MessageReceived)]


def skip(script: Script, count: int = 1, *, stream_id: int = 0, flags: int = WHOLE) -> int:
    """Leave out DATA; returns the last TSN left out."""
    return [script.data(stream_id=stream_id, flags=flags).tsn for _ in range(count)][-1]


@pytest.mark.spec("rfc3758:3.2/2", "rfc3758:3.6/1", "rfc3758:3.6/2", "rfc3758:3.6/3")
def test_the_cumulative_tsn_moves_to_the_new_point_and_over_what_lies_behind(script: Script) -> None:
    # The example of RFC 3758, section 3.6: 103 and 106 are missing.
    script.answer(script.data())
    skipped = skip(script)
    script.answer(script.data())
    script.answer(script.data())
    skip(script)
    script.answer(script.data())

    (sack,) = pick(SackChunk, script.answer(ForwardTsnChunk(skipped, ((0, 1),))))

    assert sack.cumulative_tsn == skipped + 2
    assert sack.gaps == ((2, 2),)


@pytest.mark.spec("rfc3758:3.6/8", "rfc3758:3.6/9")
def test_messages_that_waited_for_skipped_ones_are_handed_up_at_once(script: Script) -> None:
    skip(script)
    script.send(script.data(b"1"))
    skip(script)
    script.send(script.data(b"3"), script.data(b"4"))
    assert received(script) == []

    script.send(ForwardTsnChunk(PEER_TSN + 2, ((0, 2),)))

    assert received(script) == [b"1", b"3", b"4"]
    script.send(script.data(b"5"))
    assert received(script)[-1] == b"5"


@pytest.mark.spec("rfc3758:3.6/8")
def test_streams_that_are_not_listed_go_on_waiting(script: Script) -> None:
    script.tsn += 1
    script.stream_sequences[1] = 1
    script.send(script.data(b"waits", stream_id=1))
    skip(script, stream_id=2)
    script.send(script.data(b"goes", stream_id=2))

    script.send(ForwardTsnChunk(PEER_TSN + 2, ((2, 0),)))

    assert received(script) == [b"goes"]


@pytest.mark.spec("rfc3758:3.6/4", "rfc3758:3.6/5", "rfc3758:3.6/6")
@pytest.mark.parametrize("behind", [0, 1, 5, 0x7FFF_FFFF])
def test_a_forward_tsn_that_is_out_of_date_changes_nothing_and_is_answered_by_a_sack(
    script: Script, behind: int
) -> None:
    script.answer(script.data(), script.data(), script.data())
    script.forget()

    (sack,) = pick(SackChunk, script.answer(ForwardTsnChunk((PEER_TSN + 2 - behind) & 0xFFFF_FFFF, ())))

    assert sack.cumulative_tsn == PEER_TSN + 2


@pytest.mark.spec("rfc3758:3.6/7")
def test_forward_tsn_is_acknowledged_like_data(script: Script) -> None:
    script.answer(script.data())
    start = script.now

    sent = [*script.answer(ForwardTsnChunk(skip(script), ((0, 1),)))]
    sent_later = script.wait_timed(1.0)
    script.send(ForwardTsnChunk(skip(script), ((0, 2),)))
    script.send(script.data())

    assert sent == []
    assert [when - start for when, _ in sent_later] == [pytest.approx(0.2)]
    assert len(pick(SackChunk, script.chunks())) == 1


@pytest.mark.spec("rfc3758:3.6/10", "rfc3758:3.6/11")
def test_a_message_that_misses_a_skipped_fragment_is_dropped_and_its_neighbours_are_not(script: Script) -> None:
    window = pick(SackChunk, script.answer(script.data(b"whole")))[0].a_rwnd
    script.send(script.data(bytes(900), flags=FLAG_BEGINNING))
    last = skip(script, flags=0)
    script.send(script.data(bytes(900), flags=FLAG_ENDING))
    script.send(script.data(b"next", flags=FLAG_BEGINNING))
    script.forget()
    script.chunks()

    script.send(ForwardTsnChunk(last + 1, ((0, 1),)))
    script.send(script.data(b" one", flags=FLAG_ENDING))

    assert received(script) == [b"next one"]
    (sack,) = pick(SackChunk, script.wait_chunks(0.3))[-1:]
    assert sack.a_rwnd == window


@pytest.mark.spec("rfc3758:3.6/11")
def test_an_unordered_message_that_misses_a_skipped_fragment_is_dropped_too(script: Script) -> None:
    window = pick(SackChunk, script.answer(script.data(b"whole")))[0].a_rwnd
    script.send(script.data(bytes(900), flags=FLAG_BEGINNING | FLAG_UNORDERED))
    last = skip(script, flags=FLAG_UNORDERED | FLAG_ENDING)
    script.chunks()
    script.send(ForwardTsnChunk(last, ()))
    script.send(script.data(b"next"))

    (sack,) = pick(SackChunk, script.chunks())
    assert received(script) == [b"whole", b"next"]
    assert sack.a_rwnd == window


def test_a_forward_tsn_far_beyond_everything_is_not_believed(script: Script) -> None:
    script.answer(script.data())

    script.answer(ForwardTsnChunk(PEER_TSN + 0x1000_0000, ()))

    script.send(script.data(b"still here"))
    assert received(script)[-1] == b"still here"


def test_a_forward_tsn_of_a_stream_that_does_not_exist_makes_none(script: Script) -> None:
    script.send(ForwardTsnChunk(PEER_TSN, ((60_000, 5),)))

    assert script.is_in(AssociationState.ESTABLISHED)


def test_without_our_support_limits_mean_nothing_and_none_is_announced() -> None:
    script = Script(AssociationConfig(heartbeat_interval=None, partial_reliability=False))
    init = script.connect()
    script.answer(script.init_ack(*EXTENSIONS))
    script.answer(CookieAckChunk())
    (lost,) = send(script, b"reliable")

    assert ForwardTsnSupported() not in init.parameters
    assert not [item for item in init.parameters if isinstance(item, SupportedExtensions) and 192 in item.chunk_types]
    assert time_out(script) == [lost]


@pytest.mark.parametrize("late", [(16, 17), (17, 16)], ids=["in order", "out of order"])
@pytest.mark.spec("rfc3758:3.6/10")
def test_late_fragments_of_a_message_that_was_skipped_half_take_no_room(script: Script, late: tuple[int, ...]) -> None:
    script.answer(ForwardTsnChunk(PEER_TSN + 15))
    before = pick(SackChunk, script.answer(DataChunk(PEER_TSN + 15, 0, 0, 51, b"again", 0)))[0].a_rwnd

    for place in late:
        script.send(DataChunk(PEER_TSN + place, 0, 0, 51, bytes(1000), 0))
    script.send(DataChunk(PEER_TSN + 18, 0, 0, 51, bytes(1000), FLAG_ENDING))
    script.send(DataChunk(PEER_TSN + 19, 0, 0, 51, b"next", WHOLE))

    sacks = pick(SackChunk, script.chunks())
    assert (sacks[-1].cumulative_tsn, sacks[-1].a_rwnd) == (PEER_TSN + 19, before)
    assert received(script) == [b"next"]


# The clock, which commands do not tell.


@pytest.mark.spec("rfc3758:4.1/2", "rfc3758:4.1/9")
def test_a_life_begins_when_the_message_is_flushed_and_not_when_the_association_last_knew_the_time(
    script: Script,
) -> None:
    script.now += 1000.0
    script.association.send(0, 51, b"alive", lifetime=0.1)

    (data,) = script.sent_data()

    assert data.payload == b"alive"
    assert abandoned(script) == 0


@pytest.mark.spec("rfc3758:4.1/2", "rfc3758:4.1/7")
def test_a_message_lives_to_the_end_of_its_life_and_with_a_life_of_nothing_is_sent_once(script: Script) -> None:
    script.association.send(0, 51, b"now or never", lifetime=0.0)

    (data,) = script.sent_data()

    assert data.payload == b"now or never"
    assert time_out(script) == [ForwardTsnChunk(data.tsn, ((0, 0),))]
