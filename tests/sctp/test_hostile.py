"""Whatever the network brings, in whatever state: nothing raises, nothing is lost without a trace, output stays bounded."""

import tracemalloc
from random import Random
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sctp.scripted import EXTENSIONS, INTERLEAVING, PEER_TAG, PEER_TSN, Script, packet
from tests.sctp.strategies import chunks, uint8

from rtc_sctp import (
    AssociationConfig,
    AssociationState,
    Chunk,
    CookieEchoChunk,
    DataChunk,
    ForwardTsnChunk,
    IDataChunk,
    IForwardTsnChunk,
    SackChunk,
    ShutdownChunk,
)

CONFIG = AssociationConfig(message_interleaving=True)


def fresh() -> Script:
    return Script(CONFIG)


def waiting() -> Script:
    script = Script(CONFIG)
    script.connect()
    return script


def echoed() -> Script:
    script = Script(CONFIG)
    script.to_cookie_echoed()
    return script


def established() -> Script:
    return Script(CONFIG).establish(*EXTENSIONS)


def interleaved() -> Script:
    return Script(CONFIG).accept(*INTERLEAVING)


def sending() -> Script:
    script = Script(CONFIG).establish(*EXTENSIONS)
    script.queue(*[bytes(900)] * 5)
    script.association.send(1, 51, b"limited", max_retransmits=0)
    script.chunks()
    script.association.reset_streams([2])
    script.chunks()
    return script


def shutdown_sent() -> Script:
    script = established()
    script.association.close(script.now)
    script.chunks()
    return script


def shutdown_received() -> Script:
    script = sending()
    script.answer(ShutdownChunk(script.acknowledged))
    return script


def shutdown_ack_sent() -> Script:
    script = established()
    script.answer(ShutdownChunk(script.acknowledged))
    return script


def ended() -> Script:
    script = established()
    script.association.abort(script.now)
    script.chunks()
    return script


STATES = [
    fresh,
    waiting,
    echoed,
    established,
    interleaved,
    sending,
    shutdown_sent,
    shutdown_received,
    shutdown_ack_sent,
    ended,
]
in_any_state = st.sampled_from(STATES).map(lambda make: make())


def goes_on(script: Script) -> None:
    """Let some time pass: timers expire, and the association comes to rest between them."""
    assert all(sent.chunks for sent in script.wait(200.0))
    script.association.close(script.now)
    script.wait(1000.0)
    assert script.association.closed
    assert script.association.next_timeout() is None


@given(in_any_state, st.lists(st.binary(max_size=100), max_size=5))
def test_noise(script: Script, datagrams: list[bytes]) -> None:
    before = script.state

    script.deliver(*datagrams)

    assert script.is_in(before)
    assert sum(script.dropped.values()) >= len(datagrams)
    goes_on(script)


@given(
    in_any_state,
    st.lists(st.binary(min_size=1, max_size=60), min_size=1, max_size=4),
    st.sampled_from(["own", "peer", "zero"]),
)
def test_noise_with_a_right_header(script: Script, bodies: list[bytes], tag: str) -> None:
    value = {"own": script.tag, "peer": PEER_TAG, "zero": 0}[tag]

    for body in bodies:
        script.deliver(packet(body, tag=value))
        script.datagrams()

    goes_on(script)


@given(in_any_state, st.lists(st.lists(chunks, min_size=1, max_size=4), min_size=1, max_size=4), st.booleans())
def test_any_chunks_in_any_state(script: Script, packets: list[list[Chunk]], flush: bool) -> None:
    for parts in packets:
        script.send(*parts)
        if flush:
            script.datagrams()

    goes_on(script)


@given(in_any_state, st.integers(0, 1 << 32), st.lists(st.tuples(st.integers(0, 200), uint8), min_size=1, max_size=3))
def test_almost_right_packets(script: Script, seed: int, changes: list[tuple[int, int]]) -> None:
    """Packets as they would come, with some bytes changed and the checksum made right again."""
    random = Random(seed)
    first = script.association_tsn
    body = bytearray(
        random.choice(
            [
                script.data(b"data"),
                script.sack((first + random.randrange(8)) & 0xFFFF_FFFF, gaps=((2, 3),)),
                CookieEchoChunk(bytes(80)),
                ShutdownChunk(script.acknowledged),
                script.init(*EXTENSIONS),
                script.init_ack(*EXTENSIONS),
            ]
        ).serialize()
    )
    for position, value in changes:
        if position < len(body):
            body[position] = value

    script.deliver(packet(bytes(body), tag=script.tag), packet(bytes(body), tag=0))

    goes_on(script)


def test_a_flood_without_a_flush_is_bounded() -> None:
    script = established()
    flood = packet(*[bytes([4, 0, 0, 8, 0, 1, 0, 4])] * 140, tag=script.tag)
    for _ in range(200):
        script.association.receive_datagram(flood, script.now)

    assert len(script.datagrams()) < 2000
    assert script.is_in(AssociationState.ESTABLISHED)


def test_a_flood_of_duplicates_is_answered_by_one_sack_a_batch() -> None:
    script = established()
    data = script.data(b"again")
    flood = packet(*[data] * 40, tag=script.tag)

    script.association.receive_datagrams([flood] * 100, script.now)

    (sent,) = script.packets()
    assert [type(chunk) for chunk in sent.chunks] == [SackChunk]


@pytest.mark.parametrize("flags", [0, 2, 4, 6])
def test_fragments_without_end_are_bounded(flags: int) -> None:
    config = AssociationConfig(heartbeat_interval=None, receive_buffer_size=100_000, max_received_message_size=50_000)
    script = Script(config).establish(*EXTENSIONS)
    script.send(script.data(bytes(1000), flags=flags & 4 | 2))
    for _ in range(200):
        if script.association.closed:
            break
        script.send(script.data(bytes(1000), flags=flags & 4))
        script.datagrams()

    assert script.association.closed


def test_tiny_fragments_cannot_hold_more_memory_than_the_buffer() -> None:
    config = AssociationConfig(heartbeat_interval=None, receive_buffer_size=100_000)
    script = Script(config).establish(*EXTENSIONS)
    script.tsn += 1
    windows = []
    for _ in range(100):
        script.send(*[DataChunk(script.tsn + 2 * index, 0, 0, 51, b"x", 0) for index in range(50)])
        script.tsn += 100
        windows += [chunk.a_rwnd for chunk in script.chunks() if isinstance(chunk, SackChunk)]

    assert windows[-1] == 0
    assert sum(script.dropped.values()) > 1000


def test_the_most_that_tiny_fragments_can_hold_is_a_few_times_the_buffer() -> None:
    config = AssociationConfig(heartbeat_interval=None, receive_buffer_size=100_000)
    script = Script(config).establish(*EXTENSIONS)
    packets = [
        packet(
            *[DataChunk(PEER_TSN + 1 + 100 * row + 2 * index, 0, 0, 51, b"x", 0) for index in range(50)], tag=script.tag
        )
        for row in range(100)
    ]
    tracemalloc.start()
    for datagram in packets:
        script.association.receive_datagram(datagram, script.now)
        script.association.datagrams_to_send(script.now)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert held < 10 * 100_000


def _cost(script: Script, datagram: bytes) -> float:
    start = process_time()
    script.association.receive_datagram(datagram, script.now)
    return process_time() - start


def _skips(count: int) -> float:
    """CPU seconds for a packet that skips 100 times, one TSN each, with so many fragments apart from each other held."""
    costs = []
    for _ in range(3):
        script = Script().establish(*EXTENSIONS)
        for place in range(0, count, 50):
            fragments = [DataChunk(PEER_TSN + 200 + 2 * (place + index), 0, 0, 51, b"x", 0) for index in range(50)]
            script.answer(*fragments)
        skips = packet(*[ForwardTsnChunk(PEER_TSN + index) for index in range(100)], tag=script.tag)
        costs.append(_cost(script, skips))
    return min(costs)


def test_a_skip_costs_what_it_skips_and_not_what_is_held() -> None:
    assert _skips(5000) < 8 * _skips(100)


def _interleaved_skips(count: int) -> float:
    """CPU seconds for one chunk that names so many streams, with 3000 messages begun on another."""
    costs = []
    for _ in range(3):
        script = Script(CONFIG).establish(*INTERLEAVING, streams=1000)
        for place in range(0, 3000, 50):
            script.answer(
                *[IDataChunk(PEER_TSN + place + index, 999, place + index, 51, b"x", 2) for index in range(50)]
            )
        skip = IForwardTsnChunk(PEER_TSN + 3000, tuple((stream_id, True, 0) for stream_id in range(count)))
        costs.append(_cost(script, packet(skip, tag=script.tag)))
    return min(costs)


def test_a_skip_of_many_streams_costs_one_look_at_what_is_held() -> None:
    assert _interleaved_skips(140) < 20 * _interleaved_skips(1)
