"""Whole conversations on bad networks: what is promised to arrive arrives, once, in order, and unharmed."""

import random
from collections import Counter

import pytest
from tests.datachannel.pair import Pair, Side
from tests.support.network import Link

from rtc_datachannel import ChannelReceived, ChannelState, DataChannel, DataChannelConfig, EndpointClosed
from rtc_sctp import AssociationConfig

BAD = {
    "losing": Link(delay=0.02, loss=0.15),
    "reordering": Link(delay=0.02, jitter=0.03, reordering=0.4),
    "duplicating": Link(delay=0.02, duplication=0.4),
    "all at once": Link(delay=0.03, jitter=0.02, loss=0.08, reordering=0.2, duplication=0.2),
    "narrow": Link(delay=0.02, loss=0.03, bandwidth_bps=3_000_000),
}

KINDS: list[dict[str, object]] = [
    {},
    {"ordered": False},
    {"protocol": "x", "priority": 1024},
    {"max_retransmits": 0, "ordered": False},
    {"max_retransmits": 2},
    {"max_packet_life_time_ms": 100},
]


def _messages(dice: random.Random, name: str, count: int) -> list[str | bytes]:
    """Texts and bytes of many lengths, the empty ones included, each known by its beginning."""
    lengths = [0, 1, 10, 100, 1000, 1200, 5000, 40_000]
    made: list[str | bytes] = []
    for number in range(count):
        text = f"{name} {number} " + "ü" * dice.choice(lengths)
        choices: list[str | bytes] = [text, text.encode(), "", b""]
        made.append(dice.choice(choices))
    return made


def _all_arrived(side: Side, sent: dict[int, list[str | bytes]]) -> bool:
    return all(Counter(side.messages(channel_id)) == Counter(messages) for channel_id, messages in sent.items())


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("network", BAD)
@pytest.mark.parametrize("interleaving", [False, True])
def test_reliable_messages_all_arrive_and_in_order(network: str, seed: int, interleaving: bool) -> None:
    dice = random.Random(f"{network} {seed}")
    config = DataChannelConfig(
        association=AssociationConfig(message_interleaving=interleaving), remote_max_message_size=0
    )
    pair = Pair(seed=seed, link=BAD[network], left=config, right=config)
    opened = [
        (side, side.endpoint.create_channel(f"{number}", **options))  # type: ignore[arg-type]  # passed on as given
        for side in (pair.left, pair.right)
        for number, options in enumerate(KINDS)
    ]
    pair.connect()
    assert pair.network.run(until=lambda: all(channel.state is ChannelState.OPEN for _, channel in opened), timeout=300)
    assert pair.network.run(
        until=lambda: all(len(side.of(ChannelReceived)) == len(KINDS) for side in (pair.left, pair.right)), timeout=300
    )

    sent: dict[Side, dict[int, list[str | bytes]]] = {pair.left: {}, pair.right: {}}
    waiting: list[tuple[Side, DataChannel, list[str | bytes]]] = []
    for side in (pair.left, pair.right):
        for channel in side.endpoint.channels:
            messages = _messages(dice, f"{channel.id}", 6)
            sent[side][channel.id or 0] = list(messages)
            waiting.append((side, channel, messages))
    while waiting:
        turn = dice.choice(waiting)
        side, channel, messages = turn
        side.endpoint.send(channel, messages.pop(0))
        if not messages:
            waiting.remove(turn)
        if dice.random() < 0.3:
            pair.settle(0.01)

    reliable = {channel.id or 0: channel for channel in pair.left.endpoint.channels if channel.reliable}
    promised = {side: {number: sent[side][number] for number in reliable} for side in sent}
    assert pair.network.run(
        until=lambda: _all_arrived(pair.right, promised[pair.left]) and _all_arrived(pair.left, promised[pair.right]),
        timeout=600,
    )
    pair.settle(60)
    for receiver, sender in ((pair.right, pair.left), (pair.left, pair.right)):
        for number, messages in sent[sender].items():
            received = receiver.messages(number)
            kind = sender.endpoint.channel(number)
            assert kind is not None
            if kind.reliable and kind.ordered:
                assert received == messages
            # Nothing comes twice, and nothing that was not sent.
            assert Counter(received) <= Counter(messages)
            if kind.ordered:
                rest = iter(messages)
                assert all(message in rest for message in received)

    pair.left.endpoint.close(pair.network.now)
    assert pair.network.run(
        until=lambda: pair.left.node.saw(EndpointClosed) and pair.right.node.saw(EndpointClosed), timeout=600
    )
