"""Messages from one association to the other, over networks good and bad."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.network import Link

from rtc_sctp import (
    AssociationConfig,
    AssociationFailed,
    BufferedAmountLow,
    BufferFullError,
    DataChunk,
    ForwardTsnChunk,
    IDataChunk,
    IForwardTsnChunk,
    MessageAbandoned,
    MessageReceived,
    SackChunk,
    SchedulerKind,
)

from .pair import Pair

BAD = Link(delay=0.02, jitter=0.01, loss=0.1, duplication=0.05, reordering=0.1)
INTERLEAVED = AssociationConfig(message_interleaving=True)


def _messages(count: int = 60) -> list[bytes]:
    return [bytes([number]) * (1 + (number * 977) % 9000) for number in range(count)]


@pytest.mark.parametrize("config", [None, INTERLEAVED], ids=["data", "i-data"])
@pytest.mark.parametrize("seed", range(6))
def test_everything_arrives_in_order_on_a_bad_network(seed: int, config: AssociationConfig | None) -> None:
    pair = Pair(seed=seed, link=BAD, left=config, right=config).connect()
    sent = _messages()
    for number, data in enumerate(sent):
        pair.left.send(number % 3, 53, data)

    assert pair.network.run(until=lambda: len(pair.received()) == len(sent), timeout=300)

    for stream_id in range(3):
        assert pair.received(stream_id) == sent[stream_id::3]


@pytest.mark.parametrize("config", [None, INTERLEAVED], ids=["data", "i-data"])
@pytest.mark.parametrize("seed", range(4))
def test_unordered_messages_arrive_once_each(seed: int, config: AssociationConfig | None) -> None:
    pair = Pair(seed=seed, link=BAD, left=config, right=config).connect()
    sent = _messages()
    for data in sent:
        pair.left.send(0, 53, data, unordered=True)

    assert pair.network.run(until=lambda: len(pair.received()) == len(sent), timeout=300)

    assert sorted(pair.received()) == sorted(sent)
    assert all(event.unordered for event in pair.right_node.of(MessageReceived))


def test_a_long_message_on_one_stream_holds_up_no_other_when_messages_interleave() -> None:
    pair = Pair(link=Link(delay=0.01, bandwidth_bps=2_000_000), left=INTERLEAVED, right=INTERLEAVED).connect()
    pair.left.send(0, 53, bytes(400_000))
    pair.left.send(1, 53, b"short")

    assert pair.network.run(until=lambda: len(pair.received(1)) == 1)

    assert pair.received(0) == []
    assert pair.network.run(until=lambda: len(pair.received(0)) == 1)
    assert pair.chunks("left", DataChunk) == []
    assert pair.chunks("left", IDataChunk)


@pytest.mark.parametrize("config", [None, INTERLEAVED], ids=["data", "i-data"])
@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("limit", [{"max_retransmits": 0}, {"max_retransmits": 2}, {"lifetime": 0.3}])
def test_what_is_given_up_holds_up_nothing(
    limit: dict[str, float], ordered: bool, config: AssociationConfig | None
) -> None:
    pair = Pair(seed=5, left=config, right=config).connect()
    pair.set_link(Link(delay=0.02, loss=0.3))
    sent = _messages(120)
    for data in sent:
        pair.left.send(0, 53, data, unordered=not ordered, **limit)  # type: ignore[arg-type]
        pair.settle(0.03)
    pair.settle(200)
    pair.set_link(Link(delay=0.02))
    pair.settle(100)
    pair.left.send(0, 53, b"the last", unordered=not ordered)
    pair.settle(100)

    got = pair.received()
    assert got[-1] == b"the last"
    assert len(got) == len(set(got))
    if ordered:
        assert got[:-1] == [data for data in sent if data in got]
    abandoned = pair.left_node.of(MessageAbandoned)
    assert abandoned
    assert len(got) - 1 + len(abandoned) >= len(sent)
    assert pair.left.stats.flight_size == 0
    assert pair.chunks("left", IForwardTsnChunk if config else ForwardTsnChunk)


def test_a_message_that_expires_unsent_never_leaves() -> None:
    pair = Pair(link=Link(delay=0.5)).connect()
    pair.left.send(0, 53, bytes(50_000))
    pair.left.send(1, 53, b"stale", lifetime=0.2)
    pair.settle(10)

    assert pair.received(1) == []
    assert [event.stream_id for event in pair.left_node.of(MessageAbandoned)] == [1]
    assert not any(chunk.payload == b"stale" for chunk in pair.chunks("left", DataChunk))  # type: ignore[attr-defined]


def test_without_the_peers_support_limits_mean_nothing() -> None:
    pair = Pair(seed=3, right=AssociationConfig(partial_reliability=False)).connect()
    pair.set_link(Link(delay=0.02, loss=0.3))
    sent = _messages(40)
    for data in sent:
        pair.left.send(0, 53, data, max_retransmits=0)

    assert pair.network.run(until=lambda: pair.received() == sent, timeout=500)

    assert pair.left_node.of(MessageAbandoned) == []


def test_an_application_that_does_not_read_stops_the_peer_and_starts_it_again() -> None:
    pair = Pair(right=AssociationConfig(receive_buffer_size=100_000)).connect()

    def keep(event: object) -> None:
        if isinstance(event, MessageReceived):
            pair.right.add_unread(len(event.data))

    pair.right_node.on_event = keep
    for _ in range(100):
        pair.left.send(0, 53, bytes(10_000))
    pair.settle(30)
    held = sum(map(len, pair.received()))

    assert 50_000 < held <= 120_000
    assert not pair.left.closed
    pair.right_node.on_event = None
    pair.right.add_unread(-held)
    assert pair.network.run(until=lambda: len(pair.received()) == 100, timeout=60)


def test_a_closed_window_is_probed_for_as_long_as_it_takes() -> None:
    config = AssociationConfig(receive_buffer_size=50_000, association_max_retransmissions=2)
    pair = Pair(left=AssociationConfig(association_max_retransmissions=2), right=config).connect()
    pair.right.add_unread(50_000)
    pair.left.send(0, 53, b"patience")
    pair.settle(2)
    pair.left.send(0, 53, b"more")
    pair.settle(600)
    assert not pair.left.closed

    pair.right.add_unread(-50_000)

    assert pair.network.run(until=lambda: pair.received() == [b"patience", b"more"], timeout=120)


def test_events_that_are_not_taken_close_the_window() -> None:
    pair = Pair(right=AssociationConfig(receive_buffer_size=100_000)).connect()
    for _ in range(100):
        pair.left.send(0, 53, bytes(10_000))
    now = pair.network.now
    for _ in range(300):
        now += 0.05
        pair.left.handle_timeout(now)
        pair.right.receive_datagrams(pair.left.datagrams_to_send(now), now)
        pair.right.handle_timeout(now)
        pair.left.receive_datagrams(pair.right.datagrams_to_send(now), now)

    assert sum(len(event.data) for event in pair.right.events() if isinstance(event, MessageReceived)) <= 120_000


def test_the_send_buffer_is_bounded_and_tells_when_it_is_low() -> None:
    pair = Pair(left=AssociationConfig(send_buffer_size=100_000)).connect()
    pair.left.set_buffered_amount_low_threshold(0, 20_000)
    with pytest.raises(BufferFullError):
        for _ in range(1000):
            pair.left.send(0, 53, bytes(5000))
    amounts: list[int] = []
    pair.left_node.on_event = lambda event: (
        amounts.append(pair.left.buffered_amount(0)) if isinstance(event, BufferedAmountLow) else None
    )
    pair.settle()

    assert len(amounts) == 1
    assert amounts[0] <= 20_000


@pytest.mark.parametrize("kind", list(SchedulerKind))
@pytest.mark.parametrize("interleaving", [False, True])
def test_every_scheduler_sends_everything(kind: SchedulerKind, interleaving: bool) -> None:
    config = AssociationConfig(scheduler=kind, message_interleaving=interleaving)
    pair = Pair(left=config, right=config).connect()
    pair.left.set_stream_weight(1, 1000)
    sent = _messages()
    for number, data in enumerate(sent):
        pair.left.send(number % 3, 53, data)
    pair.settle(20)

    for stream_id in range(3):
        assert pair.received(stream_id) == sent[stream_id::3]


def test_a_stream_of_greater_weight_goes_first_by_priority() -> None:
    config = AssociationConfig(scheduler=SchedulerKind.PRIORITY)
    pair = Pair(link=Link(delay=0.01, bandwidth_bps=1_000_000), left=config).connect()
    pair.left.set_stream_weight(1, 1000)
    for stream_id in (0, 1):
        for _ in range(50):
            pair.left.send(stream_id, 53, bytes(1000))

    assert pair.network.run(until=lambda: len(pair.received(1)) == 50)

    assert len(pair.received(0)) <= 6


def test_a_loss_is_repaired_by_fast_retransmit() -> None:
    pair = Pair(link=Link(delay=0.02)).connect()
    lost: list[int] = []

    def lose_one(_now: float, datagram: object) -> bool:
        data: bytes = datagram.data  # type: ignore[attr-defined]
        if data[12] == 0 and not lost and len(data) > 1000:
            lost.append(int.from_bytes(data[16:20], "big"))
            return False
        return True

    pair.left_node.tap = lose_one
    for _ in range(20):
        pair.left.send(0, 53, bytes(5000))
    pair.settle(0.5)

    assert len(pair.received()) == 20
    stats = pair.left.stats
    assert (stats.fast_retransmissions, stats.retransmission_timeouts, stats.chunks_retransmitted) == (1, 0, 1)


def test_a_silent_peer_ends_the_association() -> None:
    pair = Pair(left=AssociationConfig(association_max_retransmissions=3, rto_max=2.0)).connect()
    pair.cut()
    pair.left.send(0, 53, b"anyone?")
    pair.settle(60)

    failure = pair.left_node.of(AssociationFailed)[0]
    assert failure.section == "rfc9260:8.1"
    assert pair.left.closed
    assert pair.left.next_timeout() is None


def test_a_silent_peer_is_found_by_heartbeats() -> None:
    config = AssociationConfig(association_max_retransmissions=3, rto_max=2.0, heartbeat_interval=5.0)
    pair = Pair(left=config).connect()
    pair.settle(60)
    assert not pair.left.closed
    pair.cut()
    pair.settle(60)

    assert pair.left_node.saw(AssociationFailed)


def test_packets_trickling_in_are_acknowledged_every_second_time() -> None:
    pair = Pair(batch=False).connect()
    for _ in range(20):
        pair.left.send(0, 53, bytes(1000))
    pair.settle()

    assert 10 <= len(pair.chunks("right", SackChunk)) <= 13


def test_one_packet_is_acknowledged_within_the_delay() -> None:
    pair = Pair(link=Link(delay=0.0)).connect()
    pair.left.send(0, 53, b"first")
    pair.settle()
    before = len(pair.chunks("right", SackChunk))
    pair.left.send(0, 53, b"second")
    pair.settle(0.19)
    assert len(pair.chunks("right", SackChunk)) == before
    pair.settle(0.02)

    assert len(pair.chunks("right", SackChunk)) == before + 1


@given(
    st.lists(st.tuples(st.integers(0, 3), st.binary(min_size=1, max_size=3000), st.booleans()), max_size=30),
    st.integers(0, 1000),
    st.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_any_messages_arrive_as_they_were_sent(
    messages: list[tuple[int, bytes, bool]], seed: int, interleaving: bool
) -> None:
    config = AssociationConfig(max_packet_size=400, message_interleaving=interleaving)
    pair = Pair(seed=seed, link=BAD, left=config, right=config).connect()
    for stream_id, data, unordered in messages:
        pair.left.send(stream_id, 9, data, unordered=unordered)

    assert pair.network.run(until=lambda: len(pair.received()) == len(messages), timeout=600)

    for stream_id in range(4):
        events = [event for event in pair.right_node.of(MessageReceived) if event.stream_id == stream_id]
        for unordered in (True, False):
            got = [event.data for event in events if event.unordered is unordered]
            sent = [data for stream, data, flag in messages if stream == stream_id and flag is unordered]
            assert (sorted(got) == sorted(sent)) if unordered else (got == sent)
