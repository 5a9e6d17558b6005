"""More channels than streams: the peer is asked for more. See :rfc:`6525#section-5.1.5`."""

import pytest
from tests.datachannel.pair import Attack, Pair
from tests.support.network import Link

from rtc_datachannel import (
    Ack,
    ChannelClosed,
    ChannelCloseReason,
    ChannelOpened,
    ChannelReceived,
    ChannelState,
    DataChannelConfig,
    Open,
    Ppid,
    StateError,
    StreamUnavailableError,
)
from rtc_sctp import Association, AssociationConfig
from rtc_sctp import MessageReceived as UserMessage

FEW = AssociationConfig(max_outbound_streams=4, max_inbound_streams=4)


def admit_any_number(association: Association) -> None:
    """Be as a peer that offers few streams but adds as many as are wanted; ours offers all that it would ever add."""
    association._context.config = AssociationConfig()


def growing_pair(*, seed: int = 1, link: Link | None = None) -> Pair:
    """Two sides with four streams in each direction, which may become more."""
    pair = Pair(seed=seed, link=link, right=DataChannelConfig(association=FEW)).connect()
    admit_any_number(pair.right.endpoint._association)
    pair.right.endpoint._table.counts = type(pair.right.endpoint._table.counts)(most=65_535)
    pair.right.endpoint._table.counts.agree(4, 4, may_grow=True)
    return pair


@pytest.mark.parametrize("seed", range(8))
def test_channels_beyond_the_streams_open_when_more_are_added(seed: int) -> None:
    pair = growing_pair(seed=seed, link=Link(delay=0.02, loss=0.2, reordering=0.2))
    mine = [pair.left.endpoint.create_channel(f"{number}") for number in range(40)]
    theirs = [pair.right.endpoint.create_channel(f"{number}") for number in range(40)]
    agreed = pair.left.endpoint.create_channel("far away", negotiated=True, channel_id=1000)

    assert pair.network.run(
        until=lambda: all(channel.state is ChannelState.OPEN for channel in [*mine, *theirs, agreed]), timeout=300
    )
    for channel in (*mine, agreed):
        pair.left.endpoint.send(channel, channel.label)
    pair.right.endpoint.create_channel("far away", negotiated=True, channel_id=1000)
    pair.settle(100)

    assert [channel.id for channel in mine] == list(range(0, 80, 2))
    labels = [event.channel.label for event in pair.left.of(ChannelReceived)]
    assert sorted(labels) == sorted(channel.label for channel in theirs)
    assert [pair.right.messages(channel) for channel in (*mine, agreed)] == [
        [channel.label] for channel in (*mine, agreed)
    ]
    assert pair.left.endpoint.max_channels == pair.right.endpoint.max_channels
    assert "stream_out_of_range" not in pair.left.endpoint.stats.dropped | pair.right.endpoint.stats.dropped


def test_a_channel_that_waits_for_its_streams_cannot_send_yet_and_may_be_closed() -> None:
    pair = growing_pair()
    for _ in range(2):
        pair.left.endpoint.create_channel("x")
    waiting = pair.left.endpoint.create_channel("x")
    with pytest.raises(StateError):
        pair.left.endpoint.send(waiting, "x")

    pair.left.endpoint.close_channel(waiting)
    pair.settle()

    assert [event.channel for event in pair.left.of(ChannelClosed)] == [waiting]
    assert len(pair.right.of(ChannelReceived)) == 2
    assert pair.left.endpoint.create_channel("x").id == waiting.id


def test_few_requests_make_room_for_many_channels() -> None:
    pair = growing_pair()
    for _ in range(500):
        pair.left.endpoint.create_channel("x")
        pair.network.flush()
    pair.settle()

    assert len(pair.left.of(ChannelOpened)) == 500
    limit = pair.left.endpoint.max_channels
    assert limit is not None
    assert 999 <= limit <= 1998


def test_channels_end_when_the_peer_adds_no_streams() -> None:
    pair = Pair(right=DataChannelConfig(association=FEW)).connect()
    within = [pair.left.endpoint.create_channel("x") for _ in range(2)]
    beyond = pair.left.endpoint.create_channel("x")
    pair.settle()

    assert [channel.state for channel in within] == [ChannelState.OPEN] * 2
    assert [(event.channel, event.reason) for event in pair.left.of(ChannelClosed)] == [
        (beyond, ChannelCloseReason.NO_STREAM)
    ]
    with pytest.raises(StreamUnavailableError):
        pair.left.endpoint.create_channel("x")


def test_an_opening_on_a_stream_that_we_lack_is_answered_when_we_have_it() -> None:
    attack = Attack(peer=FEW)
    admit_any_number(attack.peer)
    attack.peer.add_streams(outgoing=10)
    attack.settle()
    attack.peer.send(12, Ppid.DCEP, bytes(Open(label="far")))
    attack.peer.send(12, Ppid.STRING, b"hello")
    attack.settle()

    assert [(event.stream_id, event.data) for event in attack.heard(UserMessage)] == [(12, bytes(Ack()))]
    assert attack.side.kinds()[-2:] == ["ChannelReceived", "MessageReceived"]


def test_an_opening_on_a_stream_that_the_peer_does_not_give_us_is_dropped() -> None:
    attack = Attack(peer=FEW)
    attack.peer.add_streams(outgoing=10)
    attack.settle()
    attack.peer.send(12, Ppid.DCEP, bytes(Open(label="far")))
    attack.peer.send(13, Ppid.DCEP, bytes(Open(label="ours")))
    attack.settle(20)

    assert attack.heard(UserMessage) == []
    assert attack.endpoint.stats.dropped["stream_out_of_range"] == 1
    assert attack.endpoint.stats.dropped["early_messages_expired"] == 1
    assert not attack.endpoint.closed
