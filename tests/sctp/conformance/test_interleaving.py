"""User message interleaving and the scheduler for data channels. See :rfc:`8260`."""

import pytest
from tests.sctp.scripted import EXTENSIONS, INTERLEAVING, PEER_TSN, Script, pick

from rtc_sctp import (
    AbortChunk,
    AssociationConfig,
    AssociationEstablished,
    AssociationFailed,
    DataChunk,
    ForwardTsnChunk,
    IDataChunk,
    IForwardTsnChunk,
    IncomingSsnResetRequest,
    MessageAbandoned,
    MessageReceived,
    NoUserData,
    OutgoingSsnResetRequest,
    OutgoingStreamsReset,
    ProtocolViolation,
    ReconfigChunk,
    ReconfigurationResponse,
    ReconfigurationResult,
    SackChunk,
    SchedulerKind,
    SupportedExtensions,
)
from rtc_sctp.chunks import FLAG_BEGINNING, FLAG_ENDING, FLAG_IMMEDIATE, FLAG_UNORDERED

WHOLE = FLAG_BEGINNING | FLAG_ENDING
CONFIG = AssociationConfig(heartbeat_interval=None, message_interleaving=True, max_burst=1000)


@pytest.fixture
def script() -> Script:
    return Script(CONFIG).establish(*INTERLEAVING)


def received(script: Script) -> list[bytes]:
    return [event.data for event in script.happened(MessageReceived)]


def i_data(
    script: Script,
    payload: bytes = b"data",
    *,
    message_id: int = 0,
    fragment: int = 0,
    flags: int = WHOLE,
    stream_id: int = 0,
    tsn: int | None = None,
) -> IDataChunk:
    """The peer's next I-DATA."""
    if tsn is None:
        tsn = script.tsn
        script.tsn += 1
    return IDataChunk(tsn, stream_id, message_id, 51 if flags & FLAG_BEGINNING else fragment, payload, flags)


def finish(script: Script) -> list[IDataChunk]:
    """Acknowledge everything until nothing more comes; returns it all."""
    everything: list[IDataChunk] = []
    while sent := script.sent_i_data():
        everything += sent
        script.send(script.sack(sent[-1].tsn))
    return everything


# Which of the two.


@pytest.mark.spec("rfc8260:2.2.1/1", "rfc8260:2.2.1/2")
def test_where_both_sides_want_it_every_message_leaves_as_i_data(script: Script) -> None:
    script.queue(b"short", bytes(5000))
    sent = [chunk for packet in script.packets() for chunk in packet.chunks]

    assert sent
    assert {type(chunk) for chunk in sent} == {IDataChunk}
    assert script.happened(AssociationEstablished)[0].message_interleaving


@pytest.mark.parametrize("wants", ["association", "peer"])
@pytest.mark.spec("rfc8260:2.2.1/3", "rfc8260:2.2.1/4", "rfc8260:2/1")
def test_where_one_side_alone_wants_it_every_message_leaves_as_data(wants: str) -> None:
    config = CONFIG if wants == "association" else AssociationConfig(heartbeat_interval=None)
    script = Script(config).establish(*(EXTENSIONS if wants == "association" else INTERLEAVING))
    script.queue(b"short", bytes(2000))

    assert {type(chunk) for chunk in script.chunks()} == {DataChunk}
    assert not script.happened(AssociationEstablished)[0].message_interleaving


def test_interleaving_is_announced_where_the_configuration_wants_it() -> None:
    def extensions(script: Script) -> tuple[int, ...]:
        (announced,) = [item for item in script.connect().parameters if isinstance(item, SupportedExtensions)]
        return announced.chunk_types

    assert {64, 194} <= set(extensions(Script(CONFIG)))
    assert not {64, 194} & set(extensions(Script()))


@pytest.mark.spec("rfc8260:2.2.3/3")
def test_data_where_i_data_was_agreed_ends_the_association(script: Script) -> None:
    (abort,) = pick(AbortChunk, script.answer(script.data()))

    assert isinstance(abort.causes[0], ProtocolViolation)
    assert script.happened(AssociationFailed)
    assert received(script) == []


def test_i_data_where_it_was_not_agreed_ends_the_association() -> None:
    script = Script(CONFIG).establish(*EXTENSIONS)

    (abort,) = pick(AbortChunk, script.answer(i_data(script)))

    assert isinstance(abort.causes[0], ProtocolViolation)
    assert received(script) == []


def test_i_data_without_user_data_ends_the_association(script: Script) -> None:
    empty = bytes.fromhex("40030014") + PEER_TSN.to_bytes(4) + bytes(12)

    (abort,) = pick(AbortChunk, script.answer(empty))

    assert abort.causes == (NoUserData(PEER_TSN),)


# Sending.


@pytest.mark.parametrize("unordered", [False, True])
@pytest.mark.spec("rfc8260:2.1/6", "rfc8260:2.2.2/1", "rfc8260:2.2.2/2", "rfc8260:2.2.2/3", "rfc8260:2.2.2/6")
def test_fragments_are_numbered_and_marked_at_both_ends(script: Script, unordered: bool) -> None:
    message = bytes(range(256)) * 20
    script.association.send(3, 53, message, unordered=unordered)

    fragments = finish(script)

    assert b"".join(fragment.payload for fragment in fragments) == message
    both = FLAG_BEGINNING | FLAG_ENDING
    assert [fragment.flags & both for fragment in fragments] == (
        [FLAG_BEGINNING] + [0] * (len(fragments) - 2) + [FLAG_ENDING]
    )
    assert [fragment.ppid_or_fsn for fragment in fragments] == [53, *range(1, len(fragments))]
    assert {fragment.message_id for fragment in fragments} == {0}
    assert {fragment.unordered for fragment in fragments} == {unordered}
    tsns = [(fragment.tsn - script.association_tsn) & 0xFFFF_FFFF for fragment in fragments]
    assert tsns == list(range(len(fragments)))


def test_ordered_and_unordered_messages_are_numbered_each_for_themselves(script: Script) -> None:
    for unordered in (False, True, False, True, True):
        script.association.send(3, 53, b"x", unordered=unordered)

    sent = finish(script)

    assert [(chunk.unordered, chunk.message_id) for chunk in sent] == [
        (False, 0),
        (True, 0),
        (False, 1),
        (True, 1),
        (True, 2),
    ]


@pytest.mark.spec("rfc8260:2.2.2/5", "rfc8260:2.2.2/6")
def test_streams_interleave_but_the_messages_of_one_stream_do_not(script: Script) -> None:
    for stream_id in (1, 2):
        script.queue(bytes(10_000), bytes(10_000), stream_id=stream_id)

    sent = finish(script)

    for stream_id in (1, 2):
        own = [(chunk.message_id, chunk.fragment_sequence) for chunk in sent if chunk.stream_id == stream_id]
        assert own == sorted(own)
    first_end = next(place for place, chunk in enumerate(sent) if chunk.ending)
    assert {chunk.stream_id for chunk in sent[:first_end]} == {1, 2}


@pytest.mark.spec("rfc8260:2.2.2/4")
def test_the_windows_hold_for_i_data_too() -> None:
    small = Script(CONFIG).establish(*INTERLEAVING, a_rwnd=2500)
    small.queue(*[bytes(1000)] * 10)
    assert len(small.sent_i_data()) == 2

    script = Script(CONFIG).establish(*INTERLEAVING)
    cwnd = script.association.stats.congestion_window
    script.queue(*[bytes(900)] * 20)
    flight = sum(len(chunk.serialize()) for chunk in script.sent_i_data())
    assert cwnd <= flight < cwnd + 1188


@pytest.mark.parametrize("unordered", [False, True])
@pytest.mark.spec("rfc8260:2.1/4", "rfc8260:2.1/5", "rfc8260:2.1/7")
def test_never_more_than_32767_chunks_are_outstanding(unordered: bool) -> None:
    config = AssociationConfig(
        heartbeat_interval=None, message_interleaving=True, send_buffer_size=1 << 30, max_burst=1 << 20
    )
    script = Script(config).establish(*INTERLEAVING, a_rwnd=0xFFFF_FFFF)
    last = script.association_tsn
    for _ in range(8):
        script.queue(*[bytes(1100)] * 200)
        last = finish(script)[-1].tsn
    for _ in range(70_000):
        script.association.send(0, 51, b"x", unordered=unordered)
    tsn = (last + 1) & 0xFFFF_FFFF
    outstanding = 0
    for _ in range(40):
        new = script.sent_i_data()
        outstanding = max([outstanding, *[((chunk.tsn - tsn) & 0xFFFF_FFFF) + 1 for chunk in new]])
        if outstanding >= 0x7FFF:
            break
        script.send(script.sack(tsn - 1, a_rwnd=0xFFFF_FFFF, gaps=((2, outstanding),)))

    assert outstanding == 0x7FFF
    assert script.sent_i_data() == []


# Receiving.


@pytest.mark.spec("rfc8260:2.2.3/1", "rfc8260:2.2.3/2")
def test_messages_are_put_together_by_their_numbers_whatever_the_tsns(script: Script) -> None:
    first = [
        i_data(script, b"c", message_id=0, fragment=2, flags=FLAG_ENDING, stream_id=1),
        i_data(script, b"B", message_id=0, fragment=1, flags=FLAG_ENDING, stream_id=2),
        i_data(script, b"a", message_id=0, flags=FLAG_BEGINNING, stream_id=1),
        i_data(script, b"u", message_id=0, flags=FLAG_BEGINNING | FLAG_UNORDERED, stream_id=1),
        i_data(script, b"A", message_id=0, flags=FLAG_BEGINNING, stream_id=2),
        i_data(script, b"v", message_id=0, fragment=1, flags=FLAG_ENDING | FLAG_UNORDERED, stream_id=1),
        i_data(script, b"b", message_id=0, fragment=1, flags=0, stream_id=1),
    ]

    script.send(*first)

    assert received(script) == [b"AB", b"uv", b"abc"]


@pytest.mark.spec("rfc8260:2.2.3/1")
def test_ordered_messages_are_handed_up_by_their_identifiers(script: Script) -> None:
    later, now = i_data(script, b"1", message_id=1), i_data(script, b"0", message_id=0)
    script.send(later)
    assert received(script) == []
    script.send(now)

    assert received(script) == [b"0", b"1"]


@pytest.mark.spec("rfc8260:2.1/2")
def test_i_data_with_the_i_bit_are_acknowledged_at_once(script: Script) -> None:
    script.answer(i_data(script))

    assert script.answer(i_data(script, message_id=1)) == []
    script.wait(1.0)
    assert pick(SackChunk, script.answer(i_data(script, message_id=2, flags=WHOLE | FLAG_IMMEDIATE)))


@pytest.mark.parametrize(
    "fragments",
    [
        [(1, 0), (1, 0)],
        [(1, FLAG_ENDING), (2, 0)],
        [(2, 0), (1, FLAG_ENDING)],
        [(0, 0)],
    ],
)
def test_fragments_that_contradict_each_other_end_the_association(
    script: Script, fragments: list[tuple[int, int]]
) -> None:
    script.send(*[i_data(script, fragment=number, flags=flags) for number, flags in fragments])

    assert pick(AbortChunk, script.chunks())
    assert script.happened(AssociationFailed)


# With partial reliability.


@pytest.mark.spec("rfc8260:2.3.1/1", "rfc8260:2.3.1/5", "rfc8260:2.3.1/6", "rfc8260:2/2")
def test_what_is_given_up_is_skipped_by_i_forward_tsn(script: Script) -> None:
    script.association.send(1, 51, b"a", max_retransmits=0)
    script.association.send(1, 51, b"b", max_retransmits=0)
    script.association.send(2, 51, b"c", max_retransmits=0, unordered=True)
    sent = script.sent_i_data()

    chunks = script.wait_chunks(1.5)

    (forward,) = pick(IForwardTsnChunk, chunks)
    assert forward.cumulative_tsn == sent[-1].tsn
    assert sorted(forward.streams) == [(1, False, 1), (2, True, 0)]
    assert pick(ForwardTsnChunk, chunks) == []
    assert len(script.happened(MessageAbandoned)) == 3


@pytest.mark.spec("rfc8260:2.3.1/4", "rfc8260:2.3.1/7")
def test_with_data_it_is_forward_tsn() -> None:
    script = Script(CONFIG).establish(*EXTENSIONS)
    script.association.send(1, 51, b"a", max_retransmits=0)
    script.chunks()

    chunks = script.wait_chunks(1.5)

    assert pick(ForwardTsnChunk, chunks)
    assert pick(IForwardTsnChunk, chunks) == []


@pytest.mark.spec("rfc8260:2.3.1/8")
def test_forward_tsn_where_i_data_was_agreed_ends_the_association(script: Script) -> None:
    (abort,) = pick(AbortChunk, script.answer(ForwardTsnChunk(PEER_TSN)))

    assert isinstance(abort.causes[0], ProtocolViolation)
    assert script.happened(AssociationFailed)


def test_i_forward_tsn_where_i_data_was_not_agreed_ends_the_association() -> None:
    script = Script(CONFIG).establish(*EXTENSIONS)

    assert pick(AbortChunk, script.answer(IForwardTsnChunk(PEER_TSN)))


@pytest.mark.spec("rfc8260:2/2")
def test_i_forward_tsn_skips_messages_and_drops_their_fragments(script: Script) -> None:
    script.send(i_data(script, b"never whole", message_id=0, flags=FLAG_BEGINNING))
    missing = i_data(script, b"lost", message_id=0, fragment=1, flags=FLAG_ENDING)
    script.send(i_data(script, b"waits", message_id=1))
    script.send(i_data(script, b"u", message_id=0, flags=FLAG_BEGINNING | FLAG_UNORDERED, stream_id=1))

    script.send(IForwardTsnChunk(missing.tsn, ((0, False, 0),)))

    assert received(script) == [b"waits"]
    script.send(i_data(script, b"v", message_id=0, fragment=1, flags=FLAG_ENDING | FLAG_UNORDERED, stream_id=1))
    assert received(script) == [b"waits", b"uv"]


def test_without_the_peers_i_forward_tsn_messages_are_reliable() -> None:
    script = Script(CONFIG).establish(*INTERLEAVING[:1], SupportedExtensions((64, 130, 192)))
    script.association.send(1, 51, b"a", max_retransmits=0)
    sent = script.sent_i_data()

    assert not script.happened(AssociationEstablished)[0].partial_reliability
    assert pick(IDataChunk, script.wait_chunks(1.5)) == sent


# With stream reconfiguration.


@pytest.mark.spec("rfc8260:2.3.2/1", "rfc8260:2/2")
def test_a_reset_starts_both_counters_of_a_stream_anew(script: Script) -> None:
    def identifiers() -> list[tuple[bool, int]]:
        for unordered in (False, True):
            script.association.send(1, 51, b"x", unordered=unordered)
        return sorted((chunk.unordered, chunk.message_id) for chunk in finish(script))

    assert identifiers() == [(False, 0), (True, 0)]
    assert identifiers() == [(False, 1), (True, 1)]
    script.association.reset_streams([1])
    (reconfig,) = pick(ReconfigChunk, script.chunks())
    (request,) = reconfig.parameters
    assert isinstance(request, OutgoingSsnResetRequest)
    script.send(ReconfigChunk((ReconfigurationResponse(request.request_sequence, ReconfigurationResult.PERFORMED),)))

    assert script.happened(OutgoingStreamsReset)
    assert identifiers() == [(False, 0), (True, 0)]


@pytest.mark.spec("rfc8260:2.3.2/1")
def test_a_reset_of_the_peer_starts_its_counters_anew(script: Script) -> None:
    script.send(i_data(script, b"a"), i_data(script, b"u", flags=WHOLE | FLAG_UNORDERED))
    script.send(ReconfigChunk((OutgoingSsnResetRequest(PEER_TSN, script.association_tsn - 1, script.tsn - 1, (0,)),)))

    script.send(i_data(script, b"b"), i_data(script, b"v", flags=WHOLE | FLAG_UNORDERED))

    assert received(script) == [b"a", b"u", b"b", b"v"]
    assert pick(ReconfigChunk, script.answer(ReconfigChunk((IncomingSsnResetRequest(PEER_TSN + 1, (0,)),))))


# The scheduler.


@pytest.mark.parametrize("interleaved", [False, True])
@pytest.mark.spec("rfc8260:3/1")
def test_weighted_fair_queueing_shares_the_bytes_by_weight(interleaved: bool) -> None:
    config = AssociationConfig(
        heartbeat_interval=None,
        message_interleaving=interleaved,
        scheduler=SchedulerKind.WEIGHTED_FAIR,
        send_buffer_size=1 << 24,
    )
    script = Script(config).establish(*INTERLEAVING)
    weights = {1: 100, 2: 200, 3: 400}
    for stream_id, weight in weights.items():
        script.association.set_stream_weight(stream_id, weight)
    for _ in range(400):
        for stream_id in weights:
            script.queue(bytes(1000 if stream_id != 3 else 500), stream_id=stream_id)
    shares = dict.fromkeys(weights, 0)
    for _ in range(60):
        chunks = [chunk for chunk in script.chunks() if isinstance(chunk, (DataChunk, IDataChunk))]
        for chunk in chunks:
            shares[chunk.stream_id] += len(chunk.payload)
        script.send(script.sack(chunks[-1].tsn))
        if sum(shares.values()) > 150_000:
            break

    total = sum(shares.values())
    for stream_id, weight in weights.items():
        assert shares[stream_id] / total == pytest.approx(weight / 700, abs=0.03)
