"""Resets of the peer's streams, more streams, and all numbers anew. See :rfc:`6525`."""

import pytest
from tests.sctp.pair import Pair
from tests.sctp.scripted import EXTENSIONS, PEER_TSN, WHOLE, Script, pick
from tests.support.network import Link

from rtc_sctp import (
    AddIncomingStreams,
    AddOutgoingStreams,
    AssociationConfig,
    AssociationReset,
    AssociationResetFailed,
    DataChunk,
    IncomingSsnResetRequest,
    IncomingStreamsReset,
    IncomingStreamsResetFailed,
    KnownParameter,
    MessageReceived,
    OutgoingSsnResetRequest,
    ReconfigChunk,
    ReconfigurationResponse,
    ReconfigurationResult,
    SsnTsnResetRequest,
    StateError,
    StreamsAdded,
    StreamsAddFailed,
)

R = ReconfigurationResult
FEW = AssociationConfig(max_outbound_streams=10, max_inbound_streams=10)


@pytest.fixture
def script() -> Script:
    config = AssociationConfig(heartbeat_interval=None, association_max_retransmissions=4)
    return Script(config).establish(*EXTENSIONS, streams=10)


def sent(script: Script) -> list[KnownParameter]:
    """What stands in the RE-CONFIG chunks that leave now, each of which must hold one parameter."""
    parameters = []
    for chunk in pick(ReconfigChunk, script.chunks()):
        (parameter,) = chunk.parameters
        parameters.append(parameter)
    return parameters  # type: ignore[return-value]  # RE-CONFIG holds none but known ones here


def respond(script: Script, number: int, result: int, next_tsns: tuple[int, int] | None = None) -> None:
    script.send(ReconfigChunk((ReconfigurationResponse(script.association_tsn + number, result, next_tsns),)))


def ask(script: Script, *parameters: KnownParameter) -> list[KnownParameter]:
    """Send a request; what comes back in RE-CONFIG."""
    script.send(ReconfigChunk(parameters))
    return sent(script)


# The peer's outgoing streams.


@pytest.mark.spec(
    "rfc6525:4.2/2",
    "rfc6525:5.1.3/1",
    "rfc6525:5.1.3/2",
    "rfc6525:5.1.3/4",
    "rfc6525:5.1.3/5",
    "rfc6525:5.1.3/6",
    "rfc6525:5.1.3/7",
)
def test_a_reset_of_the_peers_streams_is_asked_for_by_number_and_again_until_answered(script: Script) -> None:
    script.association.reset_incoming_streams([1, 2])
    script.association.reset_incoming_streams([3])

    first = IncomingSsnResetRequest(script.association_tsn, (1, 2))
    assert sent(script) == [first]
    again = [chunk for chunk in script.wait_chunks(1.5) if isinstance(chunk, ReconfigChunk)]
    assert again == [ReconfigChunk((first,))]
    respond(script, 0, R.NOTHING_TO_DO)
    assert sent(script) == [IncomingSsnResetRequest(script.association_tsn + 1, (3,))]


@pytest.mark.spec("rfc6525:5.2.2/1", "rfc6525:5.2.2/2")
def test_the_peers_own_request_answers_ours_and_stops_the_timer(script: Script) -> None:
    script.association.reset_incoming_streams([1])
    sent(script)

    answer = OutgoingSsnResetRequest(PEER_TSN, script.association_tsn, script.tsn - 1, (1,))
    assert ask(script, answer) == [ReconfigurationResponse(PEER_TSN, R.PERFORMED)]

    assert script.happened(IncomingStreamsReset) == [IncomingStreamsReset((1,))]
    assert not pick(ReconfigChunk, script.wait_chunks(100))


def test_a_refused_reset_of_the_peers_streams_is_told(script: Script) -> None:
    script.association.reset_incoming_streams([1])
    sent(script)
    respond(script, 0, R.DENIED)

    assert script.happened(IncomingStreamsResetFailed) == [IncomingStreamsResetFailed((1,))]


@pytest.mark.spec("rfc6525:5.2.3/5")
def test_there_is_nothing_to_do_for_streams_that_are_being_reset(script: Script) -> None:
    script.association.reset_streams([1, 2])
    sent(script)

    assert ask(script, IncomingSsnResetRequest(PEER_TSN, (2,))) == [ReconfigurationResponse(PEER_TSN, R.NOTHING_TO_DO)]


def test_both_sides_of_an_incoming_reset() -> None:
    pair = Pair(link=Link(delay=0.02, loss=0.1)).connect()
    pair.right.send(5, 51, b"before")
    pair.settle()
    pair.left.reset_incoming_streams([5])
    assert pair.network.run(until=lambda: pair.left_node.saw(IncomingStreamsReset), timeout=100)
    pair.right.send(5, 51, b"after")
    pair.settle(50)

    assert [event.data for event in pair.left_node.of(MessageReceived)] == [b"before", b"after"]


# More streams.


@pytest.mark.spec("rfc6525:4.5/3", "rfc6525:5.1.5/1", "rfc6525:5.1.5/2", "rfc6525:5.2.7/8", "rfc6525:5.2.7/9")
def test_added_streams_are_used_when_the_peer_agreed_and_begin_at_0(script: Script) -> None:
    script.association.add_streams(outgoing=2)
    assert sent(script) == [AddOutgoingStreams(script.association_tsn, 2)]
    with pytest.raises(ValueError, match="streams are 0 to 9"):
        script.queue(b"too early", stream_id=10)
    respond(script, 0, R.PERFORMED)
    script.queue(b"new", stream_id=11)

    assert script.happened(StreamsAdded) == [StreamsAdded(12, 10)]
    (data,) = script.sent_data()
    assert (data.stream_id, data.stream_sequence) == (11, 0)


@pytest.mark.parametrize("wish", [{"outgoing": 2}, {"incoming": 2}])
def test_refused_streams_are_told(script: Script, wish: dict[str, int]) -> None:
    script.association.add_streams(**wish)
    sent(script)
    respond(script, 0, R.DENIED)

    assert script.happened(StreamsAddFailed) == [StreamsAddFailed()]
    assert script.happened(StreamsAdded) == []


@pytest.mark.spec("rfc6525:5.2.5/1", "rfc6525:5.2.5/2", "rfc6525:5.1.6/1")
def test_streams_that_the_peer_adds_are_taken_and_begin_at_0(script: Script) -> None:
    assert ask(script, AddOutgoingStreams(PEER_TSN, 3)) == [ReconfigurationResponse(PEER_TSN, R.PERFORMED)]
    script.send(script.data(b"new", stream_id=12))

    assert script.happened(StreamsAdded) == [StreamsAdded(10, 13)]
    assert [event.stream_id for event in script.happened(MessageReceived)] == [12]


@pytest.mark.spec("rfc6525:4.6/3", "rfc6525:5.2.6/1")
def test_streams_that_the_peer_wants_from_us_are_asked_for(script: Script) -> None:
    assert ask(script, AddIncomingStreams(PEER_TSN, 3)) == [
        ReconfigurationResponse(PEER_TSN, R.PERFORMED),
        AddOutgoingStreams(script.association_tsn, 3),
    ]
    script.association.add_streams(incoming=4)
    respond(script, 0, R.PERFORMED)

    assert sent(script) == [AddIncomingStreams(script.association_tsn + 1, 4)]


def test_streams_are_added_in_both_directions() -> None:
    few = AssociationConfig(max_outbound_streams=10)
    pair = Pair(left=few, right=FEW).connect()
    pair.left.add_streams(outgoing=1, incoming=1)
    pair.settle()

    assert pair.left_node.saw(StreamsAddFailed)
    assert not pair.right_node.saw(StreamsAdded)


def test_more_streams_than_there_can_be_are_refused_at_once() -> None:
    pair = Pair().connect()

    with pytest.raises(ValueError, match="at most"):
        pair.left.add_streams(outgoing=1)
    with pytest.raises(ValueError, match="positive"):
        pair.left.add_streams()
    with pytest.raises(ValueError, match="name some"):
        pair.left.reset_incoming_streams([])
    with pytest.raises(ValueError, match="streams are"):
        pair.left.reset_incoming_streams([65_535])


def test_what_is_asked_for_already_counts_against_how_many_streams_there_can_be(script: Script) -> None:
    script.association.add_streams(outgoing=65_000)
    assert sent(script) == [AddOutgoingStreams(script.association_tsn, 65_000)]

    with pytest.raises(ValueError, match="at most"):
        script.association.add_streams(outgoing=1000)
    assert ask(script, AddIncomingStreams(PEER_TSN, 1000)) == [ReconfigurationResponse(PEER_TSN, R.DENIED)]


# All numbers anew.


@pytest.mark.spec(
    "rfc6525:4.3/2",
    "rfc6525:5.1.4/1",
    "rfc6525:5.1.4/2",
    "rfc6525:5.1.4/3",
    "rfc6525:5.1.4/4",
    "rfc6525:5.1.4/5",
    "rfc6525:5.1.4/6",
    "rfc6525:5.2.7/6",
    "rfc6525:5.2.7/7",
)
def test_all_numbers_begin_anew_once_what_was_begun_has_arrived(script: Script) -> None:
    script.send(script.data(b"peer's first"))
    script.queue(b"begun")
    (data,) = script.sent_data()
    script.association.reset_association()
    script.queue(b"held back")
    assert script.chunks() == []
    assert [type(chunk) for chunk in script.answer(script.sack(data.tsn))] == [ReconfigChunk]
    script.association.reset_streams([5])
    assert script.chunks() == []

    script.send(ReconfigChunk((ReconfigurationResponse(script.association_tsn, R.PERFORMED, (7000, 0x9000_0000)),)))

    assert script.happened(AssociationReset) == [AssociationReset()]
    chunks = script.chunks()
    (new,) = pick(DataChunk, chunks)
    assert (new.tsn, new.stream_sequence, new.payload) == (0x9000_0000, 0, b"held back")
    (reset,) = pick(ReconfigChunk, chunks)
    assert isinstance(reset.parameters[0], OutgoingSsnResetRequest)
    assert reset.parameters[0].request_sequence == script.association_tsn + 1
    script.forget()
    script.send(DataChunk(7000, 0, 0, 51, b"peer's new first", WHOLE))
    assert [event.data for event in script.happened(MessageReceived)] == [b"peer's new first"]


@pytest.mark.parametrize("result", [R.DENIED, R.PERFORMED], ids=["denied", "performed without numbers"])
def test_without_the_peers_consent_the_old_numbers_go_on(script: Script, result: R) -> None:
    script.association.reset_association()
    sent(script)
    script.queue(b"held back")
    assert script.chunks() == []

    respond(script, 0, result)

    assert script.happened(AssociationResetFailed) == [AssociationResetFailed()]
    assert [chunk.tsn for chunk in script.sent_data()] == [script.association_tsn]


@pytest.mark.spec(
    "rfc6525:5.2.4/1",
    "rfc6525:5.2.4/2",
    "rfc6525:5.2.4/3",
    "rfc6525:5.2.4/4",
    "rfc6525:5.2.4/5",
    "rfc6525:5.2.4/6",
    "rfc6525:5.2.4/7",
    "rfc6525:5.1.7/3",
    "rfc6525:5.1.7/5",
    "rfc6525:5.1.7/6",
)
def test_the_peer_may_begin_all_numbers_anew(script: Script) -> None:
    script.queue(b"ours")
    (ours,) = script.sent_data()
    script.send(DataChunk(PEER_TSN, 1, 1, 51, b"waits for number 0", WHOLE))
    script.send(DataChunk(PEER_TSN + 1, 2, 0, 51, b"never ends", 2))
    script.queue(b"held back")
    request = SsnTsnResetRequest(PEER_TSN)
    assert ask(script, request) == [ReconfigurationResponse(PEER_TSN, R.IN_PROGRESS)]

    script.send(script.sack(ours.tsn))
    chunks = script.chunks()

    peers_next = PEER_TSN + 2 + 0x8000_0000
    answer = ReconfigurationResponse(PEER_TSN, R.PERFORMED, (ours.tsn + 1, peers_next))
    assert pick(ReconfigChunk, chunks) == [ReconfigChunk((answer,))]
    assert ask(script, request) == [answer]
    assert script.happened(AssociationReset) == [AssociationReset()]
    assert [event.data for event in script.happened(MessageReceived)] == [b"waits for number 0"]
    script.forget()
    script.send(DataChunk(peers_next, 1, 0, 51, b"new", WHOLE), DataChunk(PEER_TSN + 2, 2, 0, 51, b"old", 1))
    assert [event.data for event in script.happened(MessageReceived)] == [b"new"]
    (new,) = pick(DataChunk, chunks)
    assert (new.tsn, new.stream_sequence, new.payload) == (ours.tsn + 1, 0, b"held back")
    script.send(script.sack(new.tsn))
    assert not pick(DataChunk, script.wait_chunks(100))


def test_two_sides_that_begin_anew_at_once_do_not_wait_for_each_other(script: Script) -> None:
    script.association.reset_association()
    sent(script)

    assert ask(script, SsnTsnResetRequest(PEER_TSN)) == [
        ReconfigurationResponse(PEER_TSN, R.REQUEST_ALREADY_IN_PROGRESS)
    ]


@pytest.mark.parametrize("interleaving", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_no_message_is_lost_or_doubled_when_all_numbers_begin_anew(seed: int, interleaving: bool) -> None:
    config = AssociationConfig(message_interleaving=interleaving)
    pair = Pair(seed=seed, link=Link(delay=0.02, loss=0.1), left=config, right=config).connect()
    messages = [bytes([number]) * (1 + number * 300) for number in range(40)]
    for number, data in enumerate(messages):
        pair.left.send(number % 3, 51, data)
        pair.right.send(number % 3, 51, data)
        if number == 20:
            pair.left.reset_association()
        pair.settle(0.01)

    assert pair.network.run(
        until=lambda: (
            len(pair.received()) == len(pair.left_node.of(MessageReceived)) == 40
            and pair.left_node.saw(AssociationReset)
            and pair.right_node.saw(AssociationReset)
        ),
        timeout=300,
    )

    for node in (pair.left_node, pair.right_node):
        for stream_id in range(3):
            got = [event.data for event in node.of(MessageReceived) if event.stream_id == stream_id]
            assert got == messages[stream_id::3]


def test_a_peer_without_support_is_asked_nothing() -> None:
    script = Script().establish()

    with pytest.raises(StateError):
        script.association.reset_association()
    with pytest.raises(StateError):
        script.association.add_streams(outgoing=1)
    with pytest.raises(StateError):
        script.association.reset_incoming_streams([1])


@pytest.mark.spec("rfc6525:5.1.4/7")
def test_all_numbers_begin_anew_once_in_30_seconds_at_most(script: Script) -> None:
    script.association.reset_association()
    with pytest.raises(StateError, match="30 seconds"):
        script.association.reset_association()
    sent(script)
    respond(script, 0, R.DENIED)
    script.wait(31.0)
    script.chunks()

    script.association.reset_association()

    assert sent(script) == [SsnTsnResetRequest(script.association_tsn + 1)]
