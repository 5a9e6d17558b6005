"""DATA in: when and how it is acknowledged, ordered, put together. See :rfc:`9260#section-6.2`, 6.6, 6.7 and 6.9."""

from itertools import pairwise

import pytest
from tests.sctp.scripted import PEER_TSN, Script, packet, pick

from rtc_sctp import (
    AbortChunk,
    AssociationConfig,
    AssociationFailed,
    AssociationState,
    CookieAckChunk,
    CookieEchoChunk,
    DataChunk,
    ErrorChunk,
    HeartbeatChunk,
    InvalidStreamIdentifier,
    MessageReceived,
    NoUserData,
    ProtocolViolation,
    SackChunk,
    ShutdownChunk,
)
from rtc_sctp.chunks import FLAG_BEGINNING, FLAG_ENDING, FLAG_IMMEDIATE, FLAG_UNORDERED

WHOLE = FLAG_BEGINNING | FLAG_ENDING
SMALL = AssociationConfig(heartbeat_interval=None, receive_buffer_size=20_000)


@pytest.fixture
def script() -> Script:
    """An association that has acknowledged its first DATA, so that the delayed rules hold."""
    return opened()


def opened(config: AssociationConfig | None = None) -> Script:
    script = Script(config).accept()
    script.answer(script.data(b"first"))
    script.forget()
    return script


def received(script: Script) -> list[bytes]:
    return [event.data for event in script.happened(MessageReceived)]


def sacks(script: Script) -> list[SackChunk]:
    return pick(SackChunk, script.chunks())


def sack_of(script: Script) -> SackChunk:
    (sack,) = sacks(script)
    return sack


# When.


@pytest.mark.spec("rfc9260:6.2/1", "rfc9260:6.2/7", "rfc9260:6.2/8", "rfc9260:6.2/9")
def test_the_first_packet_waits_200_ms_for_a_second(script: Script) -> None:
    script.send(script.data())

    sent = script.wait_timed(1.0)

    assert len(sent) == 1
    when, packet = sent[0]
    assert when == pytest.approx(0.2)
    assert [type(chunk) for chunk in packet.chunks] == [SackChunk]


@pytest.mark.spec("rfc9260:6.2/8", "rfc9260:6.2/1", "rfc9260:6.2/10")
def test_the_second_packet_is_acknowledged_at_once_and_once(script: Script) -> None:
    script.send(script.data())
    assert script.chunks() == []
    script.send(script.data())

    (sack,) = sacks(script)

    assert sack.cumulative_tsn == PEER_TSN + 2
    assert script.wait(1.0) == []


@pytest.mark.spec("rfc9260:6.2/8", "rfc9260:6.2/9", "rfc9260:6.2/10")
def test_packets_are_counted_and_not_chunks(script: Script) -> None:
    script.send(script.data(), script.data(), script.data())
    assert script.chunks() == []

    assert len(pick(SackChunk, script.wait_chunks(1.0))) == 1


@pytest.mark.spec("rfc9260:6.2/10", "rfc9260:6.2/9", "rfc9260:12.4/2")
def test_a_packet_causes_one_sack_at_most(script: Script) -> None:
    for _ in range(20):
        script.send(script.data())
        assert len(sacks(script)) <= 1


@pytest.mark.spec("rfc9260:6.2/13")
def test_the_delay_cannot_be_more_than_half_a_second() -> None:
    AssociationConfig(sack_delay=0.5)
    with pytest.raises(ValueError, match="half a second"):
        AssociationConfig(sack_delay=0.501)


@pytest.mark.spec("rfc9260:6.2/18")
def test_data_with_the_i_bit_are_acknowledged_at_once(script: Script) -> None:
    script.send(script.data(flags=WHOLE | FLAG_IMMEDIATE))

    assert len(sacks(script)) == 1


@pytest.mark.spec("rfc9260:6.7/1", "rfc9260:7.2.4/1")
def test_while_there_is_a_gap_every_packet_is_acknowledged_at_once(script: Script) -> None:
    missing = script.data()
    for _ in range(4):
        script.send(script.data())
        assert len(sacks(script)) == 1
    script.send(missing)

    (sack,) = sacks(script)

    assert sack.gaps == ()
    script.send(script.data())
    assert sacks(script) == []


@pytest.mark.spec("rfc9260:6.2/19", "rfc9260:6.2/20", "rfc9260:3.3.4/1")
def test_duplicates_are_acknowledged_at_once_and_listed_once_for_each(script: Script) -> None:
    again = DataChunk(PEER_TSN, 0, 0, 51, b"first", WHOLE)
    script.send(again)

    (sack,) = sacks(script)

    assert sack.duplicates == (PEER_TSN,)
    script.send(again, again)
    assert sacks(script)[0].duplicates == (PEER_TSN, PEER_TSN)
    script.send(script.data(flags=WHOLE | FLAG_IMMEDIATE))
    assert sacks(script)[0].duplicates == ()
    assert received(script) == [b"data"]


@pytest.mark.spec("rfc9260:6.2/19")
def test_a_duplicate_is_acknowledged_at_once_though_new_data_follow_in_the_same_batch(script: Script) -> None:
    again = packet(DataChunk(PEER_TSN, 0, 0, 51, b"first", WHOLE), tag=script.tag)

    script.association.receive_datagrams([again, packet(script.data(), tag=script.tag)], script.now)

    assert [sack.duplicates for sack in sacks(script)] == [(PEER_TSN,)]


# What it says.


@pytest.mark.spec("rfc9260:6.2/15", "rfc9260:3.3.4/2", "rfc9260:6.7/1", "rfc9260:1.6/2")
def test_gap_blocks_name_what_lies_beyond_the_gaps(script: Script) -> None:
    for offset in (2, 3, 5, 8):
        script.answer(script.data(tsn=PEER_TSN + offset))
    script.send(script.data(tsn=PEER_TSN + 9))

    (sack,) = sacks(script)

    assert sack.cumulative_tsn == PEER_TSN
    assert sack.gaps == ((2, 3), (5, 5), (8, 9))


@pytest.mark.spec("rfc9260:1.6/1", "rfc9260:1.6/2", "rfc9260:1.6/4", "rfc9260:6.2/15")
def test_tsns_of_the_peer_go_around() -> None:
    script = Script()
    script.tsn = 0xFFFF_FFFE
    init = script.init()
    init.initial_tsn = script.tsn
    _, cookie = script.obtain_cookie(init)
    script.answer(CookieEchoChunk(cookie))
    first, second, third, fourth = (script.data(bytes([index])) for index in range(4))
    script.send(first)
    script.send(third)
    script.send(fourth)
    gaps = sacks(script)
    script.send(second)
    (whole,) = sacks(script)

    assert gaps[-1].cumulative_tsn == 0xFFFF_FFFE
    assert gaps[-1].gaps == ((2, 3),)
    assert whole.cumulative_tsn == 1
    assert received(script) == [b"\0", b"\1", b"\2", b"\3"]


@pytest.mark.spec("rfc9260:6.2/16", "rfc9260:6.7/6", "rfc9260:6.7/7", "rfc9260:6.10/1")
def test_as_many_of_the_lowest_gap_blocks_are_reported_as_fit(script: Script) -> None:
    for offset in range(2, 1398, 2):
        script.answer(script.data(b"x", tsn=PEER_TSN + offset, flags=WHOLE | FLAG_UNORDERED))
    script.send(script.data(b"x", tsn=PEER_TSN + 1398, flags=WHOLE | FLAG_UNORDERED))

    (datagram,) = script.datagrams()

    assert 1200 - 4 < len(datagram) <= 1200
    script.send(script.data(b"x", tsn=PEER_TSN + 1400, flags=WHOLE | FLAG_UNORDERED))
    (sack,) = sacks(script)
    assert sack.gaps == tuple((offset, offset) for offset in range(2, 2 + 2 * len(sack.gaps), 2))
    assert len(sack.gaps) >= 290


@pytest.mark.spec("rfc9260:6.2/14")
def test_acknowledgements_are_sacks_until_a_shutdown_is_under_way(script: Script) -> None:
    script.association.close(script.now)
    chunks = script.chunks()

    assert [type(chunk) for chunk in chunks if not isinstance(chunk, SackChunk)] == [ShutdownChunk]
    chunks = script.answer(script.data())
    assert pick(ShutdownChunk, chunks) == [ShutdownChunk(PEER_TSN + 1)]


@pytest.mark.spec("rfc9260:6.2/17", "rfc9260:9.2/12")
def test_what_came_out_of_order_is_acknowledged_by_sack_during_shutdown_too(script: Script) -> None:
    script.association.close(script.now)
    script.chunks()

    chunks = script.answer(script.data(tsn=PEER_TSN + 2))

    assert pick(SackChunk, chunks)[0].gaps == ((2, 2),)


# The window.


@pytest.mark.spec("rfc9260:6.2/24", "rfc9260:6.2/22")
def test_the_window_shrinks_by_what_waits_for_what_is_missing() -> None:
    script = opened(SMALL)
    missing = script.data(b"missing")
    windows = []
    for flags in (FLAG_BEGINNING, 0, FLAG_ENDING, WHOLE):
        script.send(script.data(bytes(1000), flags=flags))
        windows += [sack.a_rwnd for sack in sacks(script)]
    script.send(missing)
    (opened_again,) = sacks(script)

    assert windows[0] <= 20_000 - 1000
    assert all(later <= earlier - 800 for earlier, later in pairwise(windows))
    assert opened_again.a_rwnd == 20_000
    assert len(received(script)) == 3


@pytest.mark.spec("rfc9260:6.2/24", "rfc9260:6.2/23", "rfc9260:6.2/22")
def test_the_window_shrinks_by_what_is_held_for_reassembly() -> None:
    script = opened(SMALL)
    windows = []
    for flags in (FLAG_BEGINNING, 0, 0, FLAG_ENDING):
        script.send(script.data(bytes(1000), flags=flags | FLAG_IMMEDIATE))
        windows += [sack.a_rwnd for sack in sacks(script)]

    assert windows[0] <= 20_000 - 1000
    assert all(later <= earlier - 1000 for earlier, later in pairwise(windows[:3]))
    assert windows[3] == 20_000
    assert len(received(script)) == 1


@pytest.mark.parametrize("opens", ["association", "peer"])
@pytest.mark.spec("rfc9260:3.3.2/12", "rfc9260:3.3.3/13", "rfc9260:6.2/24")
def test_the_window_of_the_set_up_comes_back_whenever_everything_is_consumed(opens: str) -> None:
    script = Script(SMALL)
    if opens == "association":
        window = script.connect().a_rwnd
        script.answer(script.init_ack())
        script.answer(CookieAckChunk())
    else:
        init_ack, cookie = script.obtain_cookie()
        window = init_ack.a_rwnd
        script.answer(CookieEchoChunk(cookie))
    windows = []
    for _ in range(30):
        script.send(script.data(bytes(1000), flags=FLAG_BEGINNING))
        script.send(script.data(bytes(1000), flags=FLAG_ENDING))
        script.chunks()
        script.send(script.data(b"x", flags=WHOLE | FLAG_IMMEDIATE))
        windows += [sack.a_rwnd for sack in sacks(script)]

    assert set(windows) == {window}


@pytest.mark.spec("rfc9260:6.2/24", "rfc9260:6.2/22")
def test_the_window_shrinks_by_what_the_application_has_not_consumed() -> None:
    script = opened(SMALL)
    script.association.add_unread(5000)
    script.send(script.data(flags=WHOLE | FLAG_IMMEDIATE))
    (sack,) = sacks(script)

    assert sack.a_rwnd <= 15_000


def filled() -> tuple[Script, DataChunk, list[DataChunk]]:
    """An association whose receive buffer is full; the chunk that is missing, and what did not fit."""
    script = opened(SMALL)
    missing = script.data(bytes(1000))
    for _ in range(60):
        chunk = script.data(bytes(1000))
        script.send(chunk)
        (sack,) = sacks(script)
        if sack.a_rwnd == 0:
            break
    refused = []
    for _ in range(5):
        chunk = script.data(bytes(1000))
        refused.append(chunk)
        script.send(chunk)
        script.chunks()
    return script, missing, refused


@pytest.mark.spec("rfc9260:6.2/2", "rfc9260:6.2/4", "rfc9260:6.2/5", "rfc9260:6.2/26", "rfc9260:6.2/27")
def test_beyond_a_closed_window_new_data_are_dropped_and_a_sack_says_so_at_once() -> None:
    script, _, _ = filled()
    late = script.data(bytes(1000))

    script.send(late)

    (sack,) = sacks(script)
    assert sack.a_rwnd == 0
    assert sack.cumulative_tsn == PEER_TSN
    assert max(end for _, end in sack.gaps) < late.tsn - PEER_TSN
    assert script.dropped


@pytest.mark.spec("rfc9260:6.2/26", "rfc9260:6.2/28")
def test_what_was_acknowledged_is_kept() -> None:
    script, missing, _ = filled()
    script.send(script.data(bytes(1000)))
    (before,) = sacks(script)

    script.send(missing)

    (sack,) = sacks(script)
    assert sack.cumulative_tsn == before.cumulative_tsn + max(end for _, end in before.gaps)
    assert len(received(script)) == sack.cumulative_tsn - PEER_TSN


def test_what_fills_gaps_is_taken_beside_a_closed_window_but_not_without_end() -> None:
    script = opened(SMALL)
    missing = script.data(bytes(1000))
    sent = [script.data(bytes(1000)) for _ in range(100)]
    # The highest first, so that all others are below it.
    script.send(sent[-1])
    for chunk in sent[:-1]:
        script.send(chunk)
    held = sack_of(script)

    taken = sum(end - start + 1 for start, end in held.gaps) * 1000
    assert held.a_rwnd == 0
    assert 30_000 <= taken <= 42_000
    script.send(missing)
    assert len(received(script)) == taken // 1000


@pytest.mark.spec("rfc9260:6.2/6")
def test_no_crumb_of_window_is_advertised() -> None:
    script = opened(SMALL)
    script.data()
    windows = []
    for _ in range(60):
        script.send(script.data(bytes(700)))
        windows += [sack.a_rwnd for sack in sacks(script)]

    assert 0 in windows
    assert min(window for window in windows if window) >= 1000


@pytest.mark.spec("rfc9260:6.2/11", "rfc9260:6.2/12", "rfc9260:6.2/21")
def test_a_window_that_opens_is_announced_but_not_at_every_byte() -> None:
    script = opened(SMALL)
    script.association.add_unread(19_500)
    script.send(script.data(flags=WHOLE | FLAG_IMMEDIATE))
    (closed,) = sacks(script)
    updates = []
    for _ in range(195):
        script.association.add_unread(-100)
        updates += sacks(script)

    assert closed.a_rwnd == 0
    assert 1 <= len(updates) <= 4
    assert max(update.a_rwnd for update in updates) >= 5000


# Order and reassembly.


@pytest.mark.spec("rfc9260:6.6/1", "rfc9260:6.6/2")
def test_ordered_messages_wait_for_those_before_them(script: Script) -> None:
    first, second, other = script.data(b"1"), script.data(b"2"), script.data(b"other", stream_id=1)
    script.send(other)
    script.send(second)
    assert received(script) == [b"other"]
    script.send(first)

    assert received(script) == [b"other", b"1", b"2"]


@pytest.mark.spec("rfc9260:1.6/5", "rfc9260:6.6/1")
def test_stream_sequence_numbers_of_the_peer_go_around() -> None:
    script = opened()
    for _ in range(655):
        script.send(*[script.data(b"x") for _ in range(100)])
        script.chunks()
    script.forget()
    chunks = [script.data(bytes([index])) for index in range(60)]
    assert {0, 65_535} <= {chunk.stream_sequence for chunk in chunks}

    script.send(*reversed(chunks))

    assert received(script) == [bytes([index]) for index in range(60)]


@pytest.mark.spec("rfc9260:6.6/3", "rfc9260:3.3.1/2", "rfc9260:3.3.1/3")
def test_unordered_messages_wait_for_nobody_and_their_sequence_number_means_nothing(script: Script) -> None:
    script.data(b"never sent")
    chunks = [script.data(bytes([index]), flags=WHOLE | FLAG_UNORDERED) for index in range(4)]
    for chunk, sequence in zip(chunks, (7, 7, 0, 65_535), strict=True):
        chunk.stream_sequence = sequence

    script.send(*chunks)

    assert received(script) == [b"\0", b"\1", b"\2", b"\3"]
    assert all(event.unordered for event in script.happened(MessageReceived))


@pytest.mark.spec("rfc9260:6.9/1", "rfc9260:6.9/15", "rfc9260:6/11")
def test_fragments_are_put_together_in_whatever_order_they_come(script: Script) -> None:
    fragments = [
        script.data(b"a", flags=FLAG_BEGINNING, ppid=53),
        script.data(b"b", flags=0, ppid=53),
        script.data(b"c", flags=0, ppid=53),
        script.data(b"d", flags=FLAG_ENDING, ppid=53),
    ]
    script.send(fragments[2], fragments[0])
    script.send(fragments[3])
    assert received(script) == []
    script.send(fragments[1], script.data(b"whole"))

    assert received(script) == [b"abcd", b"whole"]
    assert script.happened(MessageReceived)[0].ppid == 53


@pytest.mark.spec("rfc9260:6.10/6")
def test_chunks_are_processed_in_their_order(script: Script) -> None:
    script.send(
        script.data(b"1"),
        HeartbeatChunk(b"x"),
        script.data(b"2"),
        ShutdownChunk(script.acknowledged),
        script.data(b"3"),
    )

    assert received(script) == [b"1", b"2"]


# What is not to be.


@pytest.mark.spec("rfc9260:6.2/30")
def test_data_without_user_data_end_the_association(script: Script) -> None:
    empty = script.data(b"")

    (abort,) = pick(AbortChunk, script.answer(empty))

    assert abort.causes == (NoUserData(empty.tsn),)
    assert script.association.closed
    assert script.happened(AssociationFailed)


@pytest.mark.spec("rfc9260:6.5/2")
def test_data_on_a_stream_that_does_not_exist_are_acknowledged_reported_and_thrown_away() -> None:
    script = Script().accept(streams=10)

    chunks = script.answer(script.data(stream_id=10))

    assert pick(SackChunk, chunks)[0].cumulative_tsn == PEER_TSN
    assert pick(ErrorChunk, chunks) == [ErrorChunk((InvalidStreamIdentifier(10),))]
    assert received(script) == []
    script.send(script.data(b"good", stream_id=9))
    assert received(script) == [b"good"]


@pytest.mark.spec("rfc9260:6/2")
def test_data_are_taken_while_our_own_shutdown_is_under_way(script: Script) -> None:
    script.queue(b"not acknowledged")
    script.association.close(script.now)
    sent = script.sent_data()
    assert script.is_in(AssociationState.SHUTDOWN_PENDING)
    script.send(script.data(b"pending"))
    script.send(script.sack(sent[-1].tsn))
    script.chunks()
    assert script.is_in(AssociationState.SHUTDOWN_SENT)
    script.send(script.data(b"sent"))

    assert received(script) == [b"pending", b"sent"]


@pytest.mark.spec("rfc9260:6/4", "rfc9260:6/2", "rfc9260:4/10")
def test_data_in_any_other_state_are_discarded(script: Script) -> None:
    waiting = Script()
    waiting.connect()
    waiting.answer(waiting.data())
    waiting.answer(waiting.init_ack())
    waiting.answer(waiting.data())
    assert received(waiting) == []

    script.queue(b"not acknowledged")
    script.chunks()
    script.answer(ShutdownChunk(script.acknowledged))
    assert script.is_in(AssociationState.SHUTDOWN_RECEIVED)
    assert pick(SackChunk, script.answer(script.data(b"late"))) == []
    assert received(script) == []


@pytest.mark.spec("rfc9260:6/7", "rfc9260:6/5")
def test_sacks_in_any_other_state_are_discarded() -> None:
    script = Script()
    script.to_cookie_echoed()

    script.answer(script.sack(script.association_tsn + 1000))

    assert script.is_in(AssociationState.COOKIE_ECHOED)
    assert script.happened(AssociationFailed) == []


# SACKs of the peer.


@pytest.mark.parametrize("beyond", ["cumulative", "gap"])
@pytest.mark.spec("rfc9260:12.4/5")
def test_a_sack_for_what_was_never_sent_ends_the_association(script: Script, beyond: str) -> None:
    script.queue(b"data")
    (sent,) = script.sent_data()
    sack = script.sack(sent.tsn + 1) if beyond == "cumulative" else script.sack(gaps=((2, 2),))

    (abort,) = pick(AbortChunk, script.answer(sack))

    assert isinstance(abort.causes[0], ProtocolViolation)
    assert script.association.closed
    assert script.happened(AssociationFailed)


@pytest.mark.spec("rfc9260:6.7/3", "rfc9260:6.2/25")
def test_what_is_cumulatively_acknowledged_is_forgotten(script: Script) -> None:
    script.queue(*[bytes(100)] * 3)
    sent = script.sent_data()
    script.send(script.sack(sent[1].tsn))

    again = pick(DataChunk, script.wait_chunks(1.5))

    assert [chunk.tsn for chunk in again] == [sent[2].tsn]
    script.send(script.sack(sent[2].tsn))
    assert pick(DataChunk, script.wait_chunks(100.0)) == []


@pytest.mark.spec("rfc9260:6.7/4", "rfc9260:3.3.8/2")
def test_what_gap_blocks_no_longer_list_counts_as_missing_again(script: Script) -> None:
    script.queue(*[bytes(100)] * 3)
    sent = script.sent_data()
    script.send(script.sack(gaps=((2, 3),)))
    script.send(script.sack(gaps=((3, 3),)))

    again = pick(DataChunk, script.wait_chunks(1.5))

    assert [chunk.tsn for chunk in again] == [sent[0].tsn, sent[1].tsn]


@pytest.mark.spec("rfc9260:3.3.8/2")
def test_the_absence_of_gap_blocks_in_shutdown_takes_nothing_back(script: Script) -> None:
    script.queue(*[bytes(100)] * 3)
    sent = script.sent_data()
    script.send(script.sack(gaps=((2, 3),)))
    script.send(ShutdownChunk(script.acknowledged))

    again = pick(DataChunk, script.wait_chunks(1.5))

    assert [chunk.tsn for chunk in again] == [sent[0].tsn]


@pytest.mark.spec("rfc9260:6.2.1/1")
def test_an_old_sack_changes_nothing(script: Script) -> None:
    script.queue(*[bytes(1000)] * 4)
    sent = script.sent_data()
    script.answer(script.sack(sent[-1].tsn))
    window = script.association.stats.remote_window

    script.answer(SackChunk(sent[0].tsn, 5))

    assert script.association.stats.remote_window == window
