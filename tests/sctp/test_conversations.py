"""Whole lives of associations, with everything by chance: settings, network, messages, resets, and who ends it."""

import random
from collections import defaultdict

import pytest
from tests.support.network import Link

from rtc_sctp import (
    Association,
    AssociationClosed,
    AssociationConfig,
    AssociationEstablished,
    CloseReason,
    MessageReceived,
    SchedulerKind,
)

from .pair import Pair

RELIABLE = 1
"""Payload protocol identifier of messages that must arrive; others may."""

Sent = dict[tuple[int, bool], list[bytes]]


def _config(chance: random.Random) -> AssociationConfig:
    return AssociationConfig(
        message_interleaving=chance.random() < 0.4,
        zero_checksum=chance.random() < 0.7,
        partial_reliability=chance.random() < 0.8,
        max_packet_size=chance.choice([576, 1192]),
        receive_buffer_size=chance.choice([100_000, 2 << 20]),
        max_received_message_size=60_000,
        scheduler=chance.choice(list(SchedulerKind)),
    )


def _link(chance: random.Random) -> Link:
    return Link(
        delay=chance.choice([0, 0.01, 0.1]),
        loss=chance.choice([0, 0, 0.03]),
        jitter=chance.choice([0, 0.05]),
        reordering=chance.choice([0, 0.1]),
        duplication=chance.choice([0, 0.1]),
    )


def _talk(pair: Pair, chance: random.Random, sides: list[Association]) -> list[Sent]:
    sent: list[Sent] = [defaultdict(list), defaultdict(list)]
    renews = [False, False]
    for _ in range(chance.randrange(40)):
        index, stream_id, unordered = chance.randrange(2), chance.randrange(4), chance.random() < 0.3
        side = sides[index]
        data = chance.randbytes(8) + bytes(chance.choice([0, 10, 500, 5000, 40_000]))
        side.send(stream_id, RELIABLE, data, unordered=unordered)
        sent[index][stream_id, unordered].append(data)
        if chance.random() < 0.1:
            side.reset_streams([stream_id])
        if chance.random() < 0.1:
            side.reset_incoming_streams([stream_id])
        if chance.random() < 0.03 and not renews[index]:
            renews[index] = True
            side.reset_association()
        if chance.random() < 0.2:
            side.send(9, 2, bytes(3000), max_retransmits=0, unordered=unordered)
        if chance.random() < 0.2:
            side.send(9, 2, bytes(9000), lifetime=chance.random())
        pair.settle(chance.random() * chance.choice([0, 0.01, 0.2]))
    return sent


@pytest.mark.parametrize("seed", range(40))
def test_everything_arrives_and_the_end_is_orderly(seed: int) -> None:
    chance = random.Random(seed)
    pair = Pair(seed=seed, link=_link(chance), left=_config(chance), right=_config(chance), batch=chance.random() < 0.5)
    sides, nodes = [pair.left, pair.right], [pair.left_node, pair.right_node]
    pair.left.connect(pair.network.now)
    pair.settle(chance.random() * chance.choice([0.01, 0.1, 3]))
    if chance.random() < 0.7 and pair.right.state.value == "closed":
        pair.right.connect(pair.network.now)
    assert pair.network.run(until=lambda: all(node.saw(AssociationEstablished) for node in nodes), timeout=400)
    sent = _talk(pair, chance, sides)
    for side in chance.choice([sides, sides[:1], sides[1:]]):
        side.close(pair.network.now)
    pair.network.run(until=lambda: all(side.closed for side in sides), timeout=6000)

    for node, messages in zip(nodes[::-1], sent, strict=True):
        got: Sent = defaultdict(list)
        for event in node.of(MessageReceived):
            if event.ppid == RELIABLE:
                got[event.stream_id, event.unordered].append(event.data)
        assert got.keys() == messages.keys()
        for (stream_id, unordered), data in messages.items():
            arrived = got[stream_id, unordered]
            assert (sorted(arrived) == sorted(data)) if unordered else (arrived == data)
    # The last packet of all may be lost, and then one side waits in vain.
    ends = [node.of(AssociationClosed) for node in nodes]
    assert [AssociationClosed(CloseReason.SHUTDOWN)] in ends
