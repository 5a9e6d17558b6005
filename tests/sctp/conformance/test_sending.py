"""DATA out: fragments, numbers, windows, probes. See :rfc:`9260#section-6.1`, 6.5 and 6.9."""

from itertools import pairwise

import pytest
from tests.sctp.scripted import Script, pick

from rtc_sctp import (
    AssociationConfig,
    AssociationFailed,
    AssociationState,
    DataChunk,
    HeartbeatAckChunk,
    HeartbeatChunk,
    Packet,
    SackChunk,
)
from rtc_sctp.chunks import FLAG_BEGINNING, FLAG_ENDING, FLAG_UNORDERED

PLAIN = AssociationConfig(heartbeat_interval=None)


@pytest.fixture
def script() -> Script:
    return Script(PLAIN).establish()


def data_in(packets: list[Packet]) -> list[DataChunk]:
    return [chunk for packet in packets for chunk in pick(DataChunk, packet.chunks)]


# Fragments and numbers.


@pytest.mark.spec("rfc9260:3.3.1/11", "rfc9260:3.3.1/5", "rfc9260:6.9/14")
def test_a_message_that_fits_is_one_chunk_with_b_and_e(script: Script) -> None:
    script.queue(b"message")

    (chunk,) = script.sent_data()

    assert chunk.payload == b"message"
    assert chunk.flags & (FLAG_BEGINNING | FLAG_ENDING) == FLAG_BEGINNING | FLAG_ENDING


@pytest.mark.parametrize("unordered", [False, True])
@pytest.mark.spec(
    "rfc9260:6/8",
    "rfc9260:6/9",
    "rfc9260:6.9/2",
    "rfc9260:6.9/8",
    "rfc9260:6.9/9",
    "rfc9260:6.9/10",
    "rfc9260:6.9/11",
    "rfc9260:6.9/12",
    "rfc9260:6.9/13",
    "rfc9260:6.9/14",
    "rfc9260:7.3/5",
    "rfc9260:3.3.1/4",
    "rfc9260:3.3.1/6",
    "rfc9260:3.3.1/7",
    "rfc9260:3.3.1/12",
    "rfc9260:6.10/1",
)
def test_a_long_message_is_cut_into_consecutive_fragments(script: Script, unordered: bool) -> None:
    message = bytes(range(256)) * 40
    script.association.send(7, 53, message, unordered=unordered)

    fragments = script.finish()

    assert b"".join(fragment.payload for fragment in fragments) == message
    first, *others = fragments
    assert [fragment.tsn for fragment in fragments] == [
        (first.tsn + index) & 0xFFFF_FFFF for index in range(len(fragments))
    ]
    assert {fragment.stream_sequence for fragment in fragments} == {0}
    assert {fragment.ppid for fragment in fragments} == {53}
    assert {fragment.unordered for fragment in fragments} == {unordered}
    both = FLAG_BEGINNING | FLAG_ENDING
    flags = [fragment.flags & both for fragment in fragments]
    assert flags == [FLAG_BEGINNING] + [0] * (len(others) - 1) + [FLAG_ENDING]
    # A SACK fits into the packet of each fragment.
    assert max(len(fragment.serialize()) for fragment in fragments) + 12 + 16 <= 1200


@pytest.mark.spec("rfc9260:6.10/1", "rfc9260:6.10/5", "rfc8261:5/8")
@pytest.mark.parametrize("size", [300, 1200])
def test_no_packet_is_longer_than_configured(size: int) -> None:
    script = Script(AssociationConfig(max_packet_size=size, heartbeat_interval=None)).establish()
    script.queue(bytes(5000), b"short", bytes(700))
    longest = 0
    while datagrams := script.datagrams():
        longest = max(longest, *map(len, datagrams))
        last = data_in([Packet.parse(datagram) for datagram in datagrams])[-1].tsn
        script.send(script.sack(last))

    assert size - 100 < longest <= size


def test_the_default_packet_is_no_longer_than_1200_bytes() -> None:
    assert AssociationConfig().max_packet_size <= 1200


@pytest.mark.spec("rfc9260:6.5/3", "rfc9260:6.5/4", "rfc9260:6.5/6")
def test_ordered_messages_are_numbered_from_0_in_each_stream_and_unordered_ones_are_not(script: Script) -> None:
    send = script.association.send
    for stream_id in (1, 2, 1):
        send(stream_id, 51, b"ordered")
    send(1, 51, b"unordered", unordered=True)
    send(1, 51, b"ordered")

    sent = [chunk for chunk in script.finish() if not chunk.flags & FLAG_UNORDERED]

    assert sorted((chunk.stream_id, chunk.stream_sequence) for chunk in sent) == [(1, 0), (1, 1), (1, 2), (2, 0)]


@pytest.mark.spec("rfc9260:6.5/5")
def test_after_stream_sequence_number_65535_comes_0() -> None:
    script = Script(PLAIN).establish()
    sequences: list[int] = []
    for _ in range(66):
        script.queue(*[b"x"] * 1000)
        sequences += [chunk.stream_sequence for chunk in script.finish()]

    assert sequences == [index & 0xFFFF for index in range(66_000)]


@pytest.mark.spec("rfc9260:1.6/1", "rfc9260:1.6/4", "rfc9260:3.3.1/13", "rfc9260:6.10/4")
def test_tsns_go_up_by_one_and_around() -> None:
    script = Script(PLAIN, rng=lambda length: b"\xff" * length).establish()
    assert script.association_tsn == 0xFFFF_FFFF

    script.queue(*[b"x"] * 5)
    tsns = [chunk.tsn for chunk in script.finish()]

    assert tsns == [0xFFFF_FFFF, 0, 1, 2, 3]
    assert script.association.buffered_amount(0) == 0


@pytest.mark.spec("rfc9260:6.2/31", "rfc9260:3.3.1/5")
def test_a_message_without_a_byte_cannot_be_sent(script: Script) -> None:
    with pytest.raises(ValueError, match="byte"):
        script.association.send(0, 56, b"")
    assert script.chunks() == []


# Control in front, SACK bundled.


@pytest.mark.spec("rfc9260:6/10", "rfc9260:6.10/3")
def test_control_chunks_go_in_front_of_data(script: Script) -> None:
    script.queue(b"data")
    script.send(HeartbeatChunk(b"info"))

    (sent,) = script.packets()

    assert [type(chunk) for chunk in sent.chunks] == [HeartbeatAckChunk, DataChunk]


@pytest.mark.spec("rfc9260:6.1/15")
def test_a_sack_that_waits_goes_with_data(script: Script) -> None:
    script.answer(script.data())
    script.answer(script.data())
    assert script.chunks() == []
    script.queue(b"data")

    (sent,) = script.packets()

    assert [type(chunk) for chunk in sent.chunks] == [SackChunk, DataChunk]
    assert not pick(SackChunk, script.wait_chunks(0.9))


# States.


@pytest.mark.spec("rfc9260:6/1", "rfc9260:6/5")
def test_data_and_sacks_flow_while_shutdown_is_pending_or_received(script: Script) -> None:
    script.queue(*[bytes(1000)] * 10)
    script.association.close(script.now)
    first = script.sent_data()
    assert script.is_in(AssociationState.SHUTDOWN_PENDING)

    script.send(script.sack(first[-1].tsn))

    assert script.sent_data()
    assert script.is_in(AssociationState.SHUTDOWN_PENDING)


# Rule A: the peer's window.


@pytest.mark.spec("rfc9260:6.1/1", "rfc9260:6.1/16", "rfc9260:6.2.1/1")
def test_no_more_is_sent_than_the_peers_window_holds() -> None:
    script = Script(PLAIN).establish(a_rwnd=2500)
    script.queue(*[bytes(1000)] * 10)

    sent = script.sent_data()

    assert len(sent) == 2
    assert script.chunks() == []


@pytest.mark.spec("rfc9260:6.2.1/1", "rfc9260:6.1/1")
def test_what_is_in_flight_counts_against_the_window_of_a_sack(script: Script) -> None:
    script.queue(*[bytes(1000)] * 12)
    first = script.sent_data()
    assert len(first) >= 3

    # One arrived, the rest is in flight; room is left for one more than those.
    flight = 1016 * (len(first) - 1)
    chunks = script.answer(script.sack(first[0].tsn, a_rwnd=flight + 1500))

    assert len(pick(DataChunk, chunks)) <= 1


@pytest.mark.spec("rfc9260:6.1/8")
def test_a_crumb_of_window_is_not_filled_while_data_are_in_flight(script: Script) -> None:
    script.queue(*[bytes(1000)] * 12)
    first = script.sent_data()
    flight = 1016 * (len(first) - 1)

    chunks = script.answer(script.sack(first[0].tsn, a_rwnd=flight + 100))

    assert pick(DataChunk, chunks) == []


def with_closed_window() -> tuple[Script, int]:
    """An association that has ten messages to send, to a peer whose window is closed; and the last TSN."""
    script = Script(PLAIN).establish()
    script.queue(bytes(1000))
    (first,) = script.sent_data()
    script.now += 0.1
    script.answer(script.sack(first.tsn, a_rwnd=0))
    script.queue(*[bytes(1000)] * 10)
    assert script.sent_data() == []
    return script, first.tsn


@pytest.mark.spec("rfc9260:6.1/2", "rfc9260:6.1/3", "rfc9260:6.1/4", "rfc9260:6.1/6")
def test_a_closed_window_is_probed_by_one_chunk_after_one_rto() -> None:
    script, _ = with_closed_window()

    start = script.now

    ((when, packet),) = script.wait_timed(1.5)

    assert when == pytest.approx(start + 1.0)
    assert len(data_in([packet])) == 1


@pytest.mark.spec("rfc9260:6.1/4", "rfc9260:6.1/6", "rfc9260:6.1/5", "rfc9260:6.1/7")
def test_probes_grow_rarer_and_never_fail_while_sacks_keep_coming() -> None:
    script, _ = with_closed_window()
    window = script.association.stats.congestion_window
    times: list[float] = []
    for _ in range(30):
        script.wait_until_sent(DataChunk)
        times.append(script.now)
        script.answer(script.sack(a_rwnd=0))

    distances = [later - earlier for earlier, later in pairwise(times)]
    assert distances[1] >= 1.5 * distances[0]
    assert all(later >= earlier - 1e-6 for earlier, later in pairwise(distances))
    assert distances[-1] <= 60.001
    assert not script.happened(AssociationFailed)
    assert script.association.stats.congestion_window <= window


@pytest.mark.spec("rfc9260:6.1/4")
def test_sending_goes_on_when_the_window_opens() -> None:
    script, tsn = with_closed_window()

    chunks = script.answer(script.sack(tsn))

    assert len(pick(DataChunk, chunks)) >= 3


# Rule B: the congestion window.


@pytest.mark.spec(
    "rfc9260:6.1/9", "rfc9260:6.1/10", "rfc9260:6.1/11", "rfc9260:7.2.1/4", "rfc9260:7.2/1", "rfc9260:7.2/2"
)
def test_the_congestion_window_is_exceeded_by_less_than_one_packet(script: Script) -> None:
    cwnd = script.association.stats.congestion_window
    script.queue(*[bytes(900)] * 20)

    flight = sum(len(chunk.serialize()) for chunk in script.sent_data())

    assert cwnd <= flight < cwnd + 1188
    assert script.chunks() == []


# Rule C: losses first.


@pytest.mark.spec("rfc9260:6.1/12", "rfc9260:6.3.3/2")
def test_what_was_lost_goes_before_what_is_new(script: Script) -> None:
    script.queue(*[bytes(1000)] * 8)
    first = script.sent_data()
    script.queue(b"new")

    again = data_in(script.wait(1.5))

    assert again[0].tsn == first[0].tsn
    assert again == first[: len(again)]


# Rule D: bursts.


@pytest.mark.spec("rfc9260:6.1/13", "rfc9260:6.1/14")
def test_no_more_packets_leave_at_once_than_max_burst(script: Script) -> None:
    script.queue(*[bytes(1100)] * 100)
    script.finish()
    window = script.association.stats.congestion_window
    assert window > 8 * 1188
    script.now += 0.01
    script.queue(*[bytes(1100)] * 100)

    burst = script.packets()

    # Rule B lets one more begin below the limit.
    assert 4 <= len(burst) <= 5
    assert script.association.stats.congestion_window == window


# T3-rtx.


@pytest.mark.spec("rfc9260:6.1/17", "rfc9260:6.1/20")
def test_t3_starts_with_the_first_chunk(script: Script) -> None:
    assert script.association.next_timeout() is None
    script.queue(b"data")
    script.sent_data()

    assert script.association.next_timeout() == pytest.approx(script.now + 1.0)


@pytest.mark.spec("rfc9260:6.1/19")
def test_further_chunks_leave_a_running_t3_alone(script: Script) -> None:
    script.queue(b"data")
    script.sent_data()
    due = script.association.next_timeout()
    script.now += 0.5
    script.queue(b"more")
    script.sent_data()

    assert script.association.next_timeout() == due


@pytest.mark.spec("rfc9260:6.1/18")
def test_retransmission_of_the_lowest_tsn_restarts_t3(script: Script) -> None:
    script.queue(*[bytes(1000)] * 4)
    sent = script.sent_data()
    script.now += 0.5
    again = [chunk for count in range(1, 4) for chunk in script.answer(script.sack(gaps=((2, 1 + count),)))]

    assert [chunk.tsn for chunk in pick(DataChunk, again)] == [sent[0].tsn]
    due = script.association.next_timeout()
    assert due is not None
    assert due >= script.now + 1.0


# The send window.


@pytest.mark.spec("rfc9260:6.1/21", "rfc9260:1.6/3", "rfc9260:6.1/22")
def test_never_more_than_half_a_circle_of_sequence_numbers_is_outstanding() -> None:
    config = AssociationConfig(heartbeat_interval=None, send_buffer_size=1 << 30, max_burst=1 << 20)
    script = Script(config).establish(a_rwnd=0xFFFF_FFFF)
    last = script.association_tsn
    for _ in range(8):
        script.queue(*[bytes(1100)] * 200)
        last = script.finish(a_rwnd=0xFFFF_FFFF)[-1].tsn
    script.queue(*[b"x"] * 70_000)
    tsn = (last + 1) & 0xFFFF_FFFF
    outstanding = 0
    # The first of them is lost, all others are acknowledged in gap blocks: the send window does not move.
    for _ in range(40):
        new = script.sent_data()
        outstanding = max([outstanding, *[((chunk.tsn - tsn) & 0xFFFF_FFFF) + 1 for chunk in new]])
        if outstanding >= 0x7FFF:
            break
        script.send(script.sack(tsn - 1, a_rwnd=0xFFFF_FFFF, gaps=((2, outstanding),)))

    assert outstanding == 0x7FFF
    assert script.sent_data() == []
