"""How channels and endpoints end, and how stream identifiers come back."""

from functools import partial

import pytest
from tests.datachannel.pair import Attack, Pair
from tests.support.network import Link

from rtc_datachannel import (
    BufferFullError,
    ChannelClosed,
    ChannelCloseReason,
    ChannelClosing,
    ChannelOpened,
    ChannelReceived,
    ChannelState,
    DataChannelConfig,
    EndpointClosed,
    EndpointFailed,
    EndpointState,
    Ppid,
    StateError,
)
from rtc_sctp import AssociationConfig, IncomingStreamsReset, OutgoingStreamsReset


@pytest.mark.spec("rfc8864:6.6.1/1")
@pytest.mark.spec("rfc8831:6.7/1", "rfc8831:6.7/2", "rfc8831:6.7/3", "rfc8831:6.1/3")
def test_closing_resets_both_streams_and_ends_both_sides() -> None:
    pair = Pair().connect()
    mine, theirs = pair.open()

    pair.left.endpoint.close_channel(mine)
    assert mine.state is ChannelState.CLOSING
    pair.settle()

    assert (mine.state, theirs.state) == (ChannelState.CLOSED, ChannelState.CLOSED)
    assert pair.left.of(ChannelClosing) == []
    assert [event.reason for event in pair.left.of(ChannelClosed)] == [ChannelCloseReason.LOCAL]
    assert [event.reason for event in pair.right.of(ChannelClosing)] == [ChannelCloseReason.REMOTE]
    assert [event.reason for event in pair.right.of(ChannelClosed)] == [ChannelCloseReason.REMOTE]
    assert pair.left.endpoint.channels == pair.right.endpoint.channels == []


def test_both_sides_may_close_at_once() -> None:
    pair = Pair().connect()
    mine, theirs = pair.open()

    pair.left.endpoint.close_channel(mine)
    pair.right.endpoint.close_channel(theirs)
    pair.settle()

    assert (mine.close_reason, theirs.close_reason) == (ChannelCloseReason.LOCAL, ChannelCloseReason.LOCAL)
    assert (mine.state, theirs.state) == (ChannelState.CLOSED, ChannelState.CLOSED)


@pytest.mark.parametrize("seed", range(8))
def test_everything_sent_before_the_close_arrives_on_a_lossy_network(seed: int) -> None:
    pair = Pair(seed=seed, link=Link(delay=0.02, loss=0.1, reordering=0.1)).connect()
    mine, theirs = pair.open()
    sent = [f"{number}" * 500 for number in range(200)]
    for data in sent:
        pair.left.endpoint.send(mine, data)
    pair.left.endpoint.close_channel(mine)

    assert pair.network.run(until=lambda: mine.state is theirs.state is ChannelState.CLOSED, timeout=300)

    assert pair.right.messages(0) == sent


def _exchanged(pair: Pair, count: int) -> bool:
    return len(pair.left.messages(0)) == len(pair.right.messages(0)) == count


@pytest.mark.spec("rfc8831:6.7/4")
@pytest.mark.parametrize("seed", range(8))
def test_the_stream_is_used_again_with_all_its_sequence_numbers_new(seed: int) -> None:
    pair = Pair(seed=seed, link=Link(delay=0.02, loss=0.15, reordering=0.2)).connect()
    for life in range(4):
        channel, theirs = pair.open(f"life {life}")
        assert channel.id == theirs.id == 0
        pair.left.endpoint.send(channel, f"hello {life}")
        pair.right.endpoint.send(theirs, f"answer {life}")
        closer, closing = [(pair.left, channel), (pair.right, theirs)][life % 2]
        assert pair.network.run(until=partial(_exchanged, pair, life + 1))
        closer.endpoint.close_channel(closing)
        pair.wait_for(channel, ChannelState.CLOSED)

    assert pair.right.messages(0) == [f"hello {life}" for life in range(4)]
    assert pair.left.messages(0) == [f"answer {life}" for life in range(4)]
    assert {event.reason for event in pair.left.of(ChannelClosed)} == {
        ChannelCloseReason.LOCAL,
        ChannelCloseReason.REMOTE,
    }


@pytest.mark.parametrize("seed", range(6))
def test_a_channel_that_opens_the_moment_the_old_one_ends_is_not_mistaken_for_it(seed: int) -> None:
    """The confirmation of the old reset may be lost while the new OPEN arrives."""
    pair = Pair(seed=seed, link=Link(delay=0.02, loss=0.3)).connect()

    def open_again(event: object) -> None:
        if isinstance(event, ChannelClosed) and len(pair.left.of(ChannelClosed)) <= 5:
            pair.left.endpoint.create_channel("again")

    pair.left.node.on_event = open_again
    pair.open("first")
    for _ in range(5):
        current = pair.left.endpoint.channels[0]
        if current.state is not ChannelState.CLOSING:
            pair.left.endpoint.close_channel(current)
        pair.wait_for(current, ChannelState.CLOSED)
    pair.wait_for(pair.left.endpoint.channels[0], ChannelState.OPEN)
    pair.wait_for(pair.right.received(), ChannelState.OPEN)

    assert pair.left.endpoint.channels[0].id == 0
    assert pair.right.endpoint.channel(0) is pair.right.received()


def test_a_channel_of_which_nothing_was_sent_ends_at_once() -> None:
    pair = Pair()
    nameless = pair.left.endpoint.create_channel("x")
    negotiated = pair.left.endpoint.create_channel("y", negotiated=True, channel_id=3)

    pair.left.endpoint.close_channel(nameless)
    pair.left.endpoint.close_channel(negotiated)

    assert [event.channel for event in pair.left.endpoint.events()] == [nameless, negotiated]  # type: ignore[union-attr]
    pair.left.endpoint.create_channel("z", negotiated=True, channel_id=3)
    pair.connect()
    pair.settle()
    assert pair.right.of(ChannelReceived) == []


def test_a_channel_may_be_closed_before_it_is_acknowledged() -> None:
    pair = Pair().connect()
    channel = pair.left.endpoint.create_channel("x")
    pair.left.endpoint.send(channel, "bye")
    pair.left.endpoint.close_channel(channel)
    pair.settle()

    assert pair.right.messages(0) == ["bye"]
    assert pair.right.received().state is ChannelState.CLOSED
    assert not pair.left.node.saw(ChannelOpened)
    assert channel.state is ChannelState.CLOSED


def test_closing_twice_is_refused() -> None:
    pair = Pair().connect()
    mine, theirs = pair.open()
    pair.left.endpoint.close_channel(mine)

    with pytest.raises(StateError):
        pair.left.endpoint.close_channel(mine)
    with pytest.raises(StateError):
        pair.left.endpoint.close_channel(theirs)
    pair.settle()
    with pytest.raises(StateError):
        pair.left.endpoint.close_channel(mine)

    assert len(pair.left.of(ChannelClosed)) == 1


def test_what_arrives_on_a_closing_channel_is_dropped_and_counted() -> None:
    attack = Attack()
    channel = attack.endpoint.create_channel("x", negotiated=True, channel_id=4)
    attack.endpoint.close_channel(channel)
    attack.say(4, Ppid.STRING, b"too late")

    assert attack.side.messages(4) == []
    assert attack.endpoint.stats.dropped["channel_closing"] == 1
    assert channel.state is ChannelState.CLOSING


@pytest.mark.spec("rfc8831:6.7/2")
def test_the_reset_of_an_incoming_stream_is_answered() -> None:
    attack = Attack()
    attack.endpoint.create_channel("x", negotiated=True, channel_id=4)
    attack.peer.reset_streams([4])
    attack.settle()

    assert [event.stream_ids for event in attack.heard(IncomingStreamsReset)] == [(4,)]
    assert attack.side.kinds()[-2:] == ["ChannelClosing", "ChannelClosed"]


def test_a_reset_instead_of_an_acknowledgement_is_a_refusal() -> None:
    attack = Attack()
    channel = attack.endpoint.create_channel("x")
    attack.settle()
    attack.peer.reset_streams([1])
    attack.settle()

    assert channel.close_reason is ChannelCloseReason.REFUSED
    assert channel.state is ChannelState.CLOSED
    assert attack.endpoint.create_channel("again").id == 1


def test_a_peer_without_stream_resets_costs_the_streams() -> None:
    plain = AssociationConfig(stream_reconfiguration=False)
    pair = Pair(right=DataChannelConfig(association=plain)).connect()
    mine, _ = pair.open()
    pair.left.endpoint.close_channel(mine)

    assert mine.state is ChannelState.CLOSED
    assert pair.left.endpoint.create_channel("next").id == 2


def test_many_channels_close_together() -> None:
    pair = Pair().connect()
    channels = [pair.left.endpoint.create_channel(f"{number}") for number in range(300)]
    pair.settle()
    for channel in channels:
        pair.left.endpoint.close_channel(channel)
    pair.settle()

    assert {channel.state for channel in channels} == {ChannelState.CLOSED}
    assert pair.right.endpoint.channels == []
    assert pair.left.endpoint.stats.channels_opened == pair.left.endpoint.stats.channels_closed == 300


def test_closing_the_endpoint_delivers_first_and_closes_every_channel() -> None:
    pair = Pair().connect()
    mine, theirs = pair.open()
    pair.left.endpoint.send(mine, b"x" * 60_000)
    pair.left.endpoint.close(pair.network.now)
    assert pair.left.endpoint.state is EndpointState.CLOSING
    with pytest.raises(StateError):
        pair.left.endpoint.send(mine, "x")
    with pytest.raises(StateError):
        pair.left.endpoint.create_channel("x")
    pair.settle(30)

    assert pair.right.messages(theirs) == [b"x" * 60_000]
    for side, channel in ((pair.left, mine), (pair.right, theirs)):
        assert channel.state is ChannelState.CLOSED
        assert channel.close_reason is ChannelCloseReason.ASSOCIATION_CLOSED
        assert side.kinds()[-2:] == ["ChannelClosed", "EndpointClosed"]
        assert side.endpoint.closed
        assert side.endpoint.next_timeout() is None


@pytest.mark.parametrize("delay", [0.0, 0.02, 0.05, 0.1])
def test_a_channel_that_the_peer_opens_while_this_side_shuts_down_ends_with_the_association(delay: float) -> None:
    pair = Pair(link=Link(delay=0.05)).connect()
    mine, _ = pair.open()
    for _ in range(5):
        pair.left.endpoint.send(mine, bytes(60_000))
    pair.left.endpoint.close(pair.network.now)
    pair.settle(delay)
    late = pair.right.endpoint.create_channel("late")
    pair.settle(30)

    assert late.close_reason is ChannelCloseReason.ASSOCIATION_CLOSED
    assert pair.left.endpoint.closed
    assert pair.right.endpoint.closed


def test_an_opening_is_acknowledged_even_when_the_send_buffer_is_full() -> None:
    config = DataChannelConfig(association=AssociationConfig(send_buffer_size=100_000))
    pair = Pair(left=config).connect()
    mine, _ = pair.open()
    with pytest.raises(BufferFullError):
        while True:
            pair.left.endpoint.send(mine, bytes(10_000))
    theirs = pair.right.endpoint.create_channel("more")
    pair.settle()

    assert theirs.state is ChannelState.OPEN


def test_closing_an_endpoint_that_never_began_ends_it() -> None:
    pair = Pair()
    channel = pair.left.endpoint.create_channel("x")

    pair.left.endpoint.close(0.0)
    pair.left.endpoint.close(0.0)

    assert pair.left.endpoint.closed
    assert channel.state is ChannelState.CLOSED
    assert len([event for event in pair.left.endpoint.events() if isinstance(event, EndpointClosed)]) == 1


def test_an_abort_carries_its_words_to_the_peer() -> None:
    pair = Pair().connect()
    pair.open()
    pair.left.endpoint.abort(pair.network.now, b"enough")
    pair.settle()

    assert pair.left.of(EndpointClosed) == [EndpointClosed(by_peer=False)]
    assert pair.right.of(EndpointClosed) == [EndpointClosed(by_peer=True, message=b"enough")]
    assert pair.right.received().close_reason is ChannelCloseReason.ASSOCIATION_CLOSED
    pair.left.endpoint.abort(pair.network.now)


@pytest.mark.spec("rfc8831:6.2/2")
def test_a_broken_association_fails_every_channel_with_the_reason() -> None:
    config = DataChannelConfig(association=AssociationConfig(association_max_retransmissions=2, rto_max=1.0))
    pair = Pair(left=config).connect()
    mine, _ = pair.open()
    pair.left.endpoint.send(mine, "anyone there?")
    pair.network.nodes.remove(pair.right.node)
    for host in pair.network.internet.members.values():
        host.up = False  # type: ignore[union-attr]  # no translators here
    pair.settle(120)

    assert [event.reason for event in pair.left.of(ChannelClosed)] == [ChannelCloseReason.ASSOCIATION_FAILED]
    failure = pair.left.of(EndpointFailed)[0]
    assert failure.reason
    assert failure.section.startswith("rfc9260:")
    assert mine.close_detail == failure.reason
    assert pair.left.endpoint.state is EndpointState.FAILED


def test_our_reset_is_confirmed_to_the_peer_that_asked_for_none() -> None:
    attack = Attack()
    channel = attack.endpoint.create_channel("x", negotiated=True, channel_id=4)
    attack.endpoint.close_channel(channel)
    attack.settle()
    states = [channel.state]

    attack.peer.reset_streams([4])
    attack.settle()

    assert [event.stream_ids for event in attack.heard(OutgoingStreamsReset)] == [(4,)]
    assert [*states, channel.state] == [ChannelState.CLOSING, ChannelState.CLOSED]
