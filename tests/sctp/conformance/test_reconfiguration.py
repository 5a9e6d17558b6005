"""Stream reconfiguration. See :rfc:`6525`."""

import tracemalloc

import pytest
from tests.sctp.scripted import EXTENSIONS, PEER_TSN, Script, packet, pick

from rtc_sctp import (
    AddIncomingStreams,
    AddOutgoingStreams,
    AssociationConfig,
    AssociationFailed,
    AssociationState,
    DataChunk,
    ErrorChunk,
    ForwardTsnChunk,
    IncomingSsnResetRequest,
    IncomingStreamsReset,
    InitAckChunk,
    InitChunk,
    KnownParameter,
    MessageReceived,
    OutgoingSsnResetRequest,
    OutgoingStreamsReset,
    ProtocolViolation,
    ReconfigChunk,
    ReconfigurationResponse,
    ReconfigurationResult,
    SackChunk,
    ShutdownChunk,
    SsnTsnResetRequest,
    StateError,
    StreamsResetFailed,
    SupportedExtensions,
)

R = ReconfigurationResult
CONFIG = AssociationConfig(heartbeat_interval=None, association_max_retransmissions=4)


@pytest.fixture
def script() -> Script:
    return Script(CONFIG).establish(*EXTENSIONS, streams=10)


def requests(chunks: list[ReconfigChunk]) -> list[OutgoingSsnResetRequest]:
    return [item for chunk in chunks for item in chunk.parameters if isinstance(item, OutgoingSsnResetRequest)]


def responses(script: Script, *parameters: KnownParameter) -> list[ReconfigurationResponse]:
    """Send one RE-CONFIG; the responses that come back at once."""
    chunks = pick(ReconfigChunk, script.answer(ReconfigChunk(parameters)))
    return [item for chunk in chunks for item in chunk.parameters if isinstance(item, ReconfigurationResponse)]


def results(script: Script, *parameters: KnownParameter) -> list[tuple[int, int]]:
    return [(response.response_sequence, response.result) for response in responses(script, *parameters)]


def reset(script: Script, *streams: int) -> OutgoingSsnResetRequest:
    """Let the application reset streams; the request that leaves."""
    script.association.reset_streams(streams)
    (request,) = requests(pick(ReconfigChunk, script.chunks()))
    return request


def performed(script: Script, request: OutgoingSsnResetRequest, result: int = R.PERFORMED) -> None:
    script.send(ReconfigChunk((ReconfigurationResponse(request.request_sequence, result),)))


def request_from_peer(
    script: Script, number: int = 0, *streams: int, last: int | None = None
) -> OutgoingSsnResetRequest:
    """The peer's request of a number, counted from its first."""
    tsn = script.tsn - 1 if last is None else last
    return OutgoingSsnResetRequest(PEER_TSN + number, script.association_tsn - 1, tsn, streams)


# Negotiation.


@pytest.mark.spec("rfc6525:5.1.1/1")
def test_support_is_announced_in_init_and_init_ack() -> None:
    init: InitChunk | InitAckChunk = Script(CONFIG).connect()
    init_ack, _ = Script(CONFIG).obtain_cookie()

    for chunk in (init, init_ack):
        (extensions,) = [item for item in chunk.parameters if isinstance(item, SupportedExtensions)]
        assert ReconfigChunk.TYPE in extensions.chunk_types


@pytest.mark.spec("rfc6525:5.1.1/2", "rfc6525:5.1.1/3", "rfc6525:5.1.1/4")
def test_without_the_peers_support_a_reset_is_refused_and_nothing_sent() -> None:
    script = Script(CONFIG).establish(SupportedExtensions((192,)))

    with pytest.raises(StateError, match="support"):
        script.association.reset_streams([1])
    with pytest.raises(StateError, match="support"):
        script.association.reset_incoming_streams([1])
    with pytest.raises(StateError, match="support"):
        script.association.add_streams(outgoing=1)
    with pytest.raises(StateError, match="support"):
        script.association.reset_association()
    assert script.chunks() == []


# Our requests.


@pytest.mark.spec(
    "rfc6525:5.1.2/2",
    "rfc6525:5.1.2/4",
    "rfc6525:5.1.2/6",
    "rfc6525:5.1.2/8",
    "rfc6525:5.1.2/9",
    "rfc6525:4.1/2",
    "rfc6525:4.1/1",
)
def test_a_request_names_its_number_the_last_tsn_and_the_streams(script: Script) -> None:
    script.queue(b"1", b"2", stream_id=3)
    sent = script.sent_data()
    script.association.reset_streams([3, 5])

    (chunk,) = script.chunks()

    assert chunk == ReconfigChunk(
        (OutgoingSsnResetRequest(script.association_tsn, PEER_TSN - 1, sent[-1].tsn, (3, 5)),)
    )


@pytest.mark.spec("rfc6525:5.1.2/3", "rfc6525:5.1.2/2")
def test_each_request_has_the_next_number(script: Script) -> None:
    numbers = []
    for stream_id in range(4):
        request = reset(script, stream_id)
        numbers.append(request.request_sequence)
        performed(script, request)

    assert numbers == [script.association_tsn + index for index in range(4)]


@pytest.mark.spec("rfc6525:5.1.2/1", "rfc6525:5.2.7/5", "rfc6525:5.2.7/1")
def test_data_of_a_stream_wait_for_the_response_and_begin_at_0(script: Script) -> None:
    script.queue(b"before", stream_id=3)
    script.finish()
    request = reset(script, 3)
    script.queue(b"behind", stream_id=3)
    script.queue(b"other", stream_id=4)

    assert [chunk.payload for chunk in script.sent_data()] == [b"other"]
    performed(script, request)
    (data,) = script.sent_data()

    assert (data.payload, data.stream_sequence) == (b"behind", 0)
    assert script.happened(OutgoingStreamsReset) == [OutgoingStreamsReset((3,))]


@pytest.mark.spec("rfc6525:5.2.7/1", "rfc6525:5.1.2/1")
def test_a_refused_reset_lets_the_stream_go_on_as_it_was(script: Script) -> None:
    script.queue(b"before", stream_id=3)
    script.finish()
    request = reset(script, 3)
    script.queue(b"behind", stream_id=3)
    performed(script, request, R.DENIED)

    (data,) = script.sent_data()

    assert data.stream_sequence == 1
    assert script.happened(StreamsResetFailed) == [StreamsResetFailed((3,))]
    assert script.happened(OutgoingStreamsReset) == []


@pytest.mark.spec("rfc6525:5.1.1/5", "rfc6525:5.1.1/6")
def test_one_request_at_a_time_is_in_flight(script: Script) -> None:
    first = reset(script, 1)
    script.association.reset_streams([2])
    script.association.reset_streams([3])

    assert pick(ReconfigChunk, script.chunks()) == []
    performed(script, first)
    (second,) = requests(pick(ReconfigChunk, script.chunks()))

    assert set(second.streams) == {2, 3}


@pytest.mark.spec("rfc6525:5.1.1/7", "rfc6525:5.1.1/9", "rfc6525:5.1.1/10", "rfc6525:5.1.1/11", "rfc6525:5.1.2/11")
def test_a_request_is_repeated_with_doubled_distance_until_the_peer_counts_as_gone(script: Script) -> None:
    request = reset(script, 1)

    sent = [
        (when, requests(pick(ReconfigChunk, packet.chunks)))
        for when, packet in script.wait_timed(1000.0)
        if pick(ReconfigChunk, packet.chunks)
    ]

    assert sent == [(when, [request]) for when in (1.0, 3.0, 7.0, 15.0)]
    assert script.happened(AssociationFailed)


@pytest.mark.spec("rfc6525:5.2.7/2", "rfc6525:5.2.7/1", "rfc6525:5.1.1/8")
def test_a_response_stops_the_timer_and_responses_of_ours_start_none(script: Script) -> None:
    performed(script, reset(script, 1))
    assert script.chunks() == []
    assert script.association.next_timeout() is None

    assert results(script, request_from_peer(script, 0, 1)) == [(PEER_TSN, R.PERFORMED)]
    assert pick(ReconfigChunk, script.wait_chunks(100.0)) == []


@pytest.mark.spec("rfc6525:5.2.7/3", "rfc6525:5.2.7/4")
def test_after_in_progress_the_request_is_repeated_without_counting_an_error() -> None:
    config = AssociationConfig(heartbeat_interval=None, association_max_retransmissions=0)
    script = Script(config).establish(*EXTENSIONS, streams=10)
    request = reset(script, 1)
    for _ in range(5):
        performed(script, request, R.IN_PROGRESS)
        assert requests([script.wait_until_sent(ReconfigChunk)]) == [request]

    assert script.is_in(AssociationState.ESTABLISHED)
    assert pick(ReconfigChunk, script.wait_chunks(100.0)) == []
    assert script.happened(AssociationFailed)


@pytest.mark.spec("rfc6525:5.2.7/1")
def test_a_response_to_no_request_of_ours_is_dropped(script: Script) -> None:
    request = reset(script, 1)

    script.send(ReconfigChunk((ReconfigurationResponse(request.request_sequence + 1, R.PERFORMED),)))

    assert script.happened(OutgoingStreamsReset) == []
    assert sum(script.dropped.values()) == 1


# The peer's requests: outgoing resets.


@pytest.mark.spec("rfc6525:5.2.2/8", "rfc6525:5.2.2/10", "rfc6525:5.1.7/1", "rfc6525:5.1.7/2", "rfc6525:5.2.1/1")
def test_the_listed_streams_begin_anew_and_no_others(script: Script) -> None:
    script.send(script.data(b"a", stream_id=1), script.data(b"b", stream_id=2))
    script.chunks()

    assert results(script, request_from_peer(script, 0, 1)) == [(PEER_TSN, R.PERFORMED)]
    assert script.happened(IncomingStreamsReset) == [IncomingStreamsReset((1,))]
    script.stream_sequences[1] = 0
    script.send(script.data(b"c", stream_id=1), script.data(b"d", stream_id=2))
    assert [event.data for event in script.happened(MessageReceived)] == [b"a", b"b", b"c", b"d"]


@pytest.mark.spec("rfc6525:5.2.2/7")
def test_all_streams_begin_anew_where_none_is_listed(script: Script) -> None:
    script.send(script.data(b"a", stream_id=1), script.data(b"b", stream_id=2))

    assert results(script, request_from_peer(script)) == [(PEER_TSN, R.PERFORMED)]
    assert script.happened(IncomingStreamsReset) == [IncomingStreamsReset(range(10))]
    script.stream_sequences.clear()
    script.send(script.data(b"c", stream_id=1), script.data(b"d", stream_id=2))
    assert [event.data for event in script.happened(MessageReceived)] == [b"a", b"b", b"c", b"d"]


@pytest.mark.spec("rfc6525:5.1.7/4", "rfc6525:5.1.7/7", "rfc6525:4.4/3", "rfc6525:5.2.2/11")
def test_a_response_names_no_tsns_and_stands_in_re_config(script: Script) -> None:
    chunks = script.answer(ReconfigChunk((request_from_peer(script, 0, 1),)))

    assert pick(ReconfigChunk, chunks) == [ReconfigChunk((ReconfigurationResponse(PEER_TSN, R.PERFORMED, None),))]


@pytest.mark.spec("rfc6525:5.2.1/3")
def test_a_request_is_answered_by_a_sack_too(script: Script) -> None:
    assert pick(SackChunk, script.answer(ReconfigChunk((request_from_peer(script, 0, 1),))))


@pytest.mark.spec(
    "rfc6525:5.2.2/3", "rfc6525:5.2.2/4", "rfc6525:5.2.2/5", "rfc6525:5.2.2/6", "rfc6525:5.2.2/9", "rfc6525:5.2.2/10"
)
def test_a_reset_waits_for_the_data_before_it_and_holds_those_behind_it(script: Script) -> None:
    missing = script.data(b"missing", stream_id=1)
    request = request_from_peer(script, 0, 1)
    script.stream_sequences[1] = 0
    behind, other = script.data(b"behind", stream_id=1), script.data(b"other", stream_id=2)

    assert results(script, request) == [(PEER_TSN, R.IN_PROGRESS)]
    script.send(behind, other)
    assert [event.data for event in script.happened(MessageReceived)] == [b"other"]
    assert script.happened(IncomingStreamsReset) == []
    script.chunks()
    (answer,) = pick(ReconfigChunk, script.answer(missing))

    assert answer == ReconfigChunk((ReconfigurationResponse(PEER_TSN, R.PERFORMED),))
    assert [event.data for event in script.happened(MessageReceived)] == [b"other", b"missing", b"behind"]
    assert script.happened(IncomingStreamsReset) == [IncomingStreamsReset((1,))]


@pytest.mark.spec("rfc6525:5.2.1/4")
def test_a_repeated_request_gets_the_same_answer_and_does_nothing_again(script: Script) -> None:
    request = request_from_peer(script, 0, 1)
    first = responses(script, request)
    script.forget()
    script.send(script.data(b"a", stream_id=1))

    assert responses(script, request) == first
    assert script.happened(IncomingStreamsReset) == []
    script.send(script.data(b"b", stream_id=1))
    assert [event.data for event in script.happened(MessageReceived)] == [b"a", b"b"]


@pytest.mark.spec("rfc6525:5.2.1/5")
def test_requests_that_make_no_sense_are_answered_by_what_is_wrong(script: Script) -> None:
    assert results(script, request_from_peer(script, 7, 1)) == [(PEER_TSN + 7, R.BAD_SEQUENCE_NUMBER)]
    assert results(script, request_from_peer(script, 0, 10)) == [(PEER_TSN, R.WRONG_SSN)]


def test_another_reset_while_one_waits_for_data_is_refused_and_the_same_one_is_not(script: Script) -> None:
    script.data(b"missing", stream_id=1)
    first = request_from_peer(script, 0, 1)
    assert results(script, first) == [(PEER_TSN, R.IN_PROGRESS)]

    assert results(script, request_from_peer(script, 1, 2)) == [(PEER_TSN + 1, R.REQUEST_ALREADY_IN_PROGRESS)]
    assert results(script, request_from_peer(script, 2, 1)) == [(PEER_TSN + 2, R.IN_PROGRESS)]


# The peer's requests: the others.


@pytest.mark.parametrize(("stream_id", "exists"), [(9, True), (10, False)])
def test_streams_that_do_not_exist_cannot_be_reset(script: Script, stream_id: int, exists: bool) -> None:
    answer = results(script, IncomingSsnResetRequest(PEER_TSN, (stream_id,)))

    assert answer == ([] if exists else [(PEER_TSN, R.WRONG_SSN)])


@pytest.mark.spec("rfc6525:5.2.3/1", "rfc6525:5.2.3/2", "rfc6525:5.1.2/5", "rfc6525:5.1.2/6", "rfc6525:5.1.2/10")
def test_a_request_for_our_streams_is_answered_by_a_request_of_ours(script: Script) -> None:
    script.queue(b"before", stream_id=1)
    (before,) = script.finish()

    chunks = pick(ReconfigChunk, script.answer(ReconfigChunk((IncomingSsnResetRequest(PEER_TSN, (1, 2)),))))

    assert chunks == [ReconfigChunk((OutgoingSsnResetRequest(script.association_tsn, PEER_TSN, before.tsn, (1, 2)),))]


@pytest.mark.spec("rfc6525:5.2.3/4")
def test_streams_that_stand_at_0_are_reset_all_the_same(script: Script) -> None:
    (chunk,) = pick(ReconfigChunk, script.answer(ReconfigChunk((IncomingSsnResetRequest(PEER_TSN, (7,)),))))

    assert requests([chunk])[0].streams == (7,)


@pytest.mark.spec("rfc6525:5.2.3/3", "rfc6525:5.2.3/1")
def test_a_request_for_our_streams_that_cannot_be_served_at_once_is_in_progress(script: Script) -> None:
    first = reset(script, 1)

    assert results(script, IncomingSsnResetRequest(PEER_TSN, (2,))) == [(PEER_TSN, R.IN_PROGRESS)]
    performed(script, first)
    (second,) = requests(pick(ReconfigChunk, script.chunks()))

    assert second.streams == (2,)
    assert second.response_sequence == PEER_TSN


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(
            AddOutgoingStreams(PEER_TSN, 65_530), marks=pytest.mark.spec("rfc6525:5.2.5/1", "rfc6525:5.2.5/3")
        ),
        pytest.param(
            AddIncomingStreams(PEER_TSN, 65_530), marks=pytest.mark.spec("rfc6525:5.2.6/1", "rfc6525:5.2.6/2")
        ),
    ],
)
@pytest.mark.spec("rfc6525:5.2.1/5", "rfc6525:5.1.7/2")
def test_what_is_not_wanted_is_denied(script: Script, request_: KnownParameter) -> None:
    assert results(script, request_) == [(PEER_TSN, R.DENIED)]


# Several parameters.


@pytest.mark.spec("rfc6525:5.2.1/1", "rfc6525:5.2.1/2")
def test_two_requests_are_answered_in_one_re_config(script: Script) -> None:
    chunks = script.answer(
        ReconfigChunk((AddOutgoingStreams(PEER_TSN, 65_530), AddIncomingStreams(PEER_TSN + 1, 65_530)))
    )

    (answer,) = pick(ReconfigChunk, chunks)
    assert answer.parameters == (
        ReconfigurationResponse(PEER_TSN, R.DENIED),
        ReconfigurationResponse(PEER_TSN + 1, R.DENIED),
    )


@pytest.mark.spec("rfc6525:5.2.1/1")
def test_a_response_and_a_request_may_come_together(script: Script) -> None:
    request = reset(script, 1)

    answers = results(
        script, ReconfigurationResponse(request.request_sequence, R.PERFORMED), request_from_peer(script, 0, 2)
    )

    assert answers == [(PEER_TSN, R.PERFORMED)]
    assert script.happened(OutgoingStreamsReset)
    assert script.happened(IncomingStreamsReset) == [IncomingStreamsReset((2,))]


@pytest.mark.spec("rfc6525:3.1/1")
def test_parameters_that_do_not_stand_together_are_reported_and_not_served(script: Script) -> None:
    chunks = script.answer(ReconfigChunk((request_from_peer(script, 0, 1), SsnTsnResetRequest(PEER_TSN + 1))))

    (error,) = pick(ErrorChunk, chunks)
    assert isinstance(error.causes[0], ProtocolViolation)
    assert script.happened(IncomingStreamsReset) == []
    assert pick(ReconfigChunk, chunks) == []


# With data.


def test_the_last_tsn_of_a_request_covers_data_that_leave_with_it(script: Script) -> None:
    script.queue(b"last words", stream_id=3)
    script.association.reset_streams([3])

    chunks = script.chunks()

    (data,) = pick(DataChunk, chunks)
    (request,) = requests(pick(ReconfigChunk, chunks))
    assert request.last_assigned_tsn == data.tsn


@pytest.mark.spec("rfc6525:5.2.1/5")
def test_a_request_after_both_sides_said_that_nothing_more_comes_is_denied(script: Script) -> None:
    script.answer(ShutdownChunk(script.acknowledged))
    assert script.is_in(AssociationState.SHUTDOWN_ACK_SENT)

    assert results(script, IncomingSsnResetRequest(PEER_TSN, (1,))) == [(PEER_TSN, R.DENIED)]


def test_a_stream_that_was_reset_is_never_skipped_by_numbers_of_its_former_life(script: Script) -> None:
    script.association.send(1, 51, b"before", max_retransmits=0)
    script.chunks()
    script.wait_until_sent(ForwardTsnChunk)
    performed(script, reset(script, 1))  # and the SACK for the FORWARD-TSN is lost
    script.association.send(2, 51, b"after", max_retransmits=0)
    script.chunks()

    forward = script.wait_until_sent(ForwardTsnChunk)

    assert forward.streams == ((2, 0),)


def test_resets_of_all_streams_by_a_few_bytes_each_cost_a_few_bytes_each() -> None:
    script = Script().establish(*EXTENSIONS, streams=65_535)
    tracemalloc.start()
    for number in range(100):
        script.association.receive_datagram(
            packet(ReconfigChunk((request_from_peer(script, number),)), tag=script.tag), script.now
        )
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(script.association.events()) == 100
    assert peak < 1 << 20
