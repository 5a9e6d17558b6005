"""Channels that come and go on both sides at random, on few streams and bad networks: nothing is mistaken for anything else."""

import random

import pytest
from tests.datachannel.pair import Pair, Side
from tests.support.network import Link

from rtc_datachannel import (
    ChannelReceived,
    ChannelState,
    DataChannelConfig,
    MessageReceived,
    StreamUnavailableError,
)
from rtc_sctp import AssociationConfig


class Watch:
    """Knows whose turn each stream is on one side, and complains about a message of another channel's."""

    def __init__(self, side: Side, name: str) -> None:
        self.side = side
        self.name = name
        self.labels: dict[int, str] = {}
        self.received: list[str | bytes] = []
        self.count = 0
        side.node.on_event = self.happened

    def happened(self, event: object) -> None:
        if isinstance(event, ChannelReceived):
            self.labels[event.channel.id or 0] = event.channel.label
        elif isinstance(event, MessageReceived):
            assert str(event.data).split()[0] == self.labels[event.channel_id]
            self.received.append(event.data)

    def act(self, dice: random.Random, sent: list[str]) -> None:
        """Open, close or use a channel."""
        endpoint = self.side.endpoint
        usable = [
            channel for channel in endpoint.channels if channel.state is ChannelState.OPEN or channel.is_announced
        ]
        match dice.choice(["open", "send", "send", "close"]):
            case "open":
                self.count += 1
                try:
                    channel = endpoint.create_channel(f"{self.name}{self.count}", ordered=dice.random() < 0.7)
                except StreamUnavailableError:
                    return
                self.labels[channel.id or 0] = channel.label
            case "send" if usable:
                channel = dice.choice(usable)
                text = f"{channel.label} {len(sent)} " + "x" * dice.choice([1, 1500, 6000])
                endpoint.send(channel, text)
                sent.append(text)
            case "close" if usable:
                endpoint.close_channel(dice.choice(usable))


@pytest.mark.spec("rfc8831:6.7/3", "rfc8831:6.7/4")
@pytest.mark.parametrize("seed", range(12))
def test_channels_at_random_are_never_mistaken_for_each_other(seed: int) -> None:
    dice = random.Random(seed)
    few = DataChannelConfig(association=AssociationConfig(max_outbound_streams=6, max_inbound_streams=6))
    link = Link(delay=0.02, loss=dice.choice([0, 0.1, 0.25]), reordering=0.2, duplication=0.1)
    pair = Pair(seed=seed, link=link, left=few, right=few).connect()
    left, right = Watch(pair.left, "L"), Watch(pair.right, "R")
    sent: dict[str, list[str]] = {"L": [], "R": []}
    for _ in range(150):
        watch = dice.choice([left, right])
        watch.act(dice, sent[watch.name])
        pair.settle(dice.choice([0, 0, 0.01, 0.1, 1.0]))
    pair.settle(400)

    def state(side: Side) -> list[tuple[int | None, str, str]]:
        return sorted((channel.id, channel.label, channel.state.value) for channel in side.endpoint.channels)

    assert state(pair.left) == state(pair.right)
    assert {channel.state for channel in pair.left.endpoint.channels} <= {ChannelState.OPEN}
    # A channel that its receiver closes loses what was under way; what arrives arrived once.
    for watch, other in ((left, "R"), (right, "L")):
        assert len(set(watch.received)) == len(watch.received)
        assert set(watch.received) <= set(sent[other])
    dropped = pair.left.endpoint.stats.dropped | pair.right.endpoint.stats.dropped
    assert not dropped.keys() & {"invalid_dcep", "unused_stream", "open_of_wrong_parity", "invalid_message"}
