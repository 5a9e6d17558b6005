"""The fast path for DATA in order does what the general path does, whatever arrives."""

import copy
from collections.abc import Sequence
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtc_sctp import Association, DataChunk, Event
from rtc_sctp.bundle import Bundle, packet_head
from rtc_sctp.receiver import Receiver

from .pair import Pair

_SIZES = st.sampled_from([1, 2, 3, 4, 100, 1000])
_CHUNKS = st.lists(
    st.tuples(
        st.sampled_from([0] * 12 + [1, 2, -1]),  # how far the TSN jumps beyond the next one
        st.integers(0, 2),  # stream
        st.sampled_from([0] * 6 + [1]),  # how far the stream sequence number jumps
        st.sampled_from([0, 1, 2, 3, 3, 3, 4, 5, 6, 7, 7, 11]),  # flags
        _SIZES,
    ),
    max_size=25,
)


@cache
def _established() -> Pair:
    return Pair().connect()


def _packets(steps: Sequence[tuple[int, int, int, int, int]], per_packet: int) -> list[bytes]:
    """DATA as a peer might send them, more or less in order, with fragments that more or less fit."""
    pair = _established()
    agreed = pair.right._life.handshake.agreed
    assert agreed is not None
    tsn = agreed.peer_initial_tsn - 1
    sequences = [0, 0, 0]
    chunks: list[bytes] = []
    for number, (jump, stream_id, sequence_jump, flags, size) in enumerate(steps):
        tsn = (tsn + 1 + jump) & 0xFFFF_FFFF
        sequence = (sequences[stream_id] + sequence_jump) & 0xFFFF
        chunks.append(DataChunk(tsn, stream_id, sequence, 51, bytes([number]) * size, flags).serialize())
        if flags & 5 == 1:
            sequences[stream_id] = (sequence + 1) & 0xFFFF
    head = packet_head(5000, 5000, agreed.local_tag)
    bundle = Bundle(head, max_packet_size=12 + 1016 * per_packet, zero_checksum=True)
    for chunk in chunks:
        bundle.add(chunk)
    bundle.finish_packet()
    return bundle.packets


def _run(packets: list[bytes], *, batch: bool) -> tuple[list[Event], list[bytes], dict[str, int], int]:
    association: Association = copy.deepcopy(_established().right)
    now = 1.0
    if batch:
        association.receive_datagrams(packets, now)
    else:
        for packet in packets:
            association.receive_datagram(packet, now)
    events = association.events()
    stats = association.stats
    return events, association.datagrams_to_send(now), stats.dropped, stats.bytes_received


@given(_CHUNKS, st.integers(1, 4))
def test_the_fast_path_and_the_general_one_agree(steps: list[tuple[int, int, int, int, int]], per_packet: int) -> None:
    packets = _packets(steps, per_packet)

    fast = _run(packets, batch=True)
    single = _run(packets, batch=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Receiver, "receive_in_order", lambda _self, _packets, index, position, _head: (index, position))
        general = _run(packets, batch=True)

    assert fast == general
    assert single == general


def test_the_fast_path_is_taken() -> None:
    steps = [(0, 0, 0, 2, 1000), (0, 0, 0, 0, 1000), (0, 0, 0, 1, 7)] * 5
    packets = _packets(steps, 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Receiver, "_reassemble", None)
        # The first message makes the stream known; until then the general path is needed.
        association: Association = copy.deepcopy(_established().right)
        association._life.up.receiver.delivery.stream(0)  # type: ignore[union-attr]  # it is established
        association.receive_datagrams(packets, 1.0)

    assert len(association.events()) == 5


def test_a_fragment_without_a_beginning_is_seen_by_both_paths() -> None:
    packets = _packets([(0, 0, 0, 0, 1), (0, 0, 0, 6, 1000)], 1)

    assert _run(packets, batch=True) == _run(packets, batch=False)
    assert [type(event).__name__ for event in _run(packets, batch=True)[0]] == ["AssociationFailed"]
