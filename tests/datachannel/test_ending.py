"""Associations that end, restart or begin anew beneath their channels, some of them the moment they began."""

import pytest
from tests.datachannel.pair import Attack, Pair, kinds
from tests.support.rng import SeededRng

from rtc_datachannel import (
    Ack,
    ChannelClosed,
    ChannelCloseReason,
    ChannelOpened,
    ChannelReceived,
    ChannelState,
    DataChannelEndpoint,
    EndpointState,
    Open,
    StateError,
)
from rtc_sctp import Association, AssociationConfig, IncomingStreamsReset
from rtc_sctp import MessageReceived as UserMessage


@pytest.mark.parametrize("how", [Association.abort, Association.close])
def test_an_association_may_end_in_the_packets_that_established_it(how: object) -> None:
    assert callable(how)
    endpoint = DataChannelEndpoint(rng=SeededRng("endpoint"))
    peer = Association(config=AssociationConfig(), rng=SeededRng("peer"))
    channel = endpoint.create_channel("x")
    agreed = endpoint.create_channel("y", negotiated=True, channel_id=8)
    endpoint.start(0.0, client=True)
    for _ in range(6):
        peer.receive_datagrams(endpoint.datagrams_to_send(0.0), 0.0)
        answer = peer.datagrams_to_send(0.0)
        if peer.state.value == "established":
            how(peer, 0.0)
            answer += peer.datagrams_to_send(0.0)
        endpoint.receive_datagrams(answer, 0.0)

    assert kinds(endpoint.events()) == ["EndpointConnected", "ChannelClosed", "ChannelClosed", "EndpointClosed"]
    assert channel.close_reason is agreed.close_reason is ChannelCloseReason.ASSOCIATION_CLOSED


def _peer_begins_to_shut_down() -> Pair:
    """The left side sent its SHUTDOWN, and the right side still has data to deliver."""
    pair = Pair().connect()
    _, theirs = pair.open()
    left, right = pair.left.endpoint, pair.right.endpoint
    for _ in range(10):
        right.send(theirs, bytes(60_000))
    right.datagrams_to_send(0.0)
    left.close(0.0)
    right.receive_datagrams(left.datagrams_to_send(0.0), 0.0)
    return pair


def test_nothing_can_be_sent_once_the_peer_shuts_down() -> None:
    pair = _peer_begins_to_shut_down()
    theirs = pair.right.received()
    queued = pair.right.endpoint.buffered_amount(theirs)

    with pytest.raises(StateError):
        pair.right.endpoint.send(theirs, "too late")

    assert pair.right.endpoint.buffered_amount(theirs) == queued
    assert theirs.stats.messages_sent == 10


def test_channels_that_are_created_while_the_peer_shuts_down_never_open() -> None:
    pair = _peer_begins_to_shut_down()

    late = [
        pair.right.endpoint.create_channel("in band"),
        pair.right.endpoint.create_channel("agreed", negotiated=True, channel_id=8),
    ]
    pair.settle(60)

    assert [channel.close_reason for channel in late] == [ChannelCloseReason.ASSOCIATION_CLOSED] * 2
    assert pair.right.of(ChannelOpened) == []
    assert pair.right.endpoint.closed


def _restart(endpoint: DataChannelEndpoint, now: float) -> Association:
    """A peer that lost its state sets the association up anew."""
    peer = Association(config=AssociationConfig(), rng=SeededRng("restarted"))
    peer.connect(now)
    for _ in range(100):
        now += 0.05
        for machine in (peer, endpoint):
            machine.handle_timeout(now)
        endpoint.receive_datagrams(peer.datagrams_to_send(now), now)
        peer.receive_datagrams(endpoint.datagrams_to_send(now), now)
    return peer


def test_a_peer_that_restarts_ends_every_channel_and_new_ones_may_open() -> None:
    attack = Attack()
    attack.dcep(0, Open(label="old"))
    attack.endpoint.add_unread(1000)
    peer = _restart(attack.endpoint, attack.network.now)

    assert kinds(attack.endpoint.events()) == ["ChannelClosed", "EndpointConnected"]
    assert attack.side.received().close_reason is ChannelCloseReason.ASSOCIATION_RESTARTED
    assert attack.endpoint.create_channel("new").id == 1
    peer.send(0, 50, bytes(Open(label="new")))
    attack.endpoint.receive_datagrams(peer.datagrams_to_send(20.0), 20.0)
    assert kinds(attack.endpoint.events()) == ["ChannelReceived"]
    attack.endpoint.add_unread(-1000)


def test_a_peer_that_restarts_does_not_keep_an_endpoint_alive_that_wants_to_end() -> None:
    pair = Pair().connect()
    mine, _ = pair.open()
    endpoint = pair.left.endpoint
    endpoint.send(mine, bytes(60_000))
    endpoint.close(pair.network.now)
    endpoint.datagrams_to_send(pair.network.now)

    _restart(endpoint, pair.network.now)

    assert endpoint.state is EndpointState.CLOSED
    assert kinds(endpoint.events()) == ["ChannelClosed", "EndpointClosed"]


def test_untaken_messages_do_not_outlive_a_restart_in_the_accounts() -> None:
    attack = Attack()
    attack.endpoint.create_channel("x", negotiated=True, channel_id=4)
    attack.peer.send(4, 53, bytes(1000))
    attack.endpoint.receive_datagrams(attack.peer.datagrams_to_send(attack.network.now), attack.network.now)
    _restart(attack.endpoint, attack.network.now)

    assert kinds(attack.endpoint.events()) == [
        "ChannelOpened",
        "MessageReceived",
        "ChannelClosed",
        "EndpointConnected",
    ]


def test_a_reset_of_our_stream_at_the_peers_wish_closes_the_channel() -> None:
    attack = Attack()
    channel = attack.endpoint.create_channel("x", negotiated=True, channel_id=4)
    attack.peer.reset_incoming_streams([4])
    attack.settle()
    states = [channel.state]
    attack.peer.reset_streams([4])
    attack.settle()

    assert [*states, channel.state] == [ChannelState.CLOSING, ChannelState.CLOSED]
    assert attack.side.kinds()[-2:] == ["ChannelClosing", "ChannelClosed"]
    assert channel.close_reason is ChannelCloseReason.REMOTE
    assert len(attack.heard(IncomingStreamsReset)) == 1


def test_a_reset_of_our_stream_at_the_peers_wish_refuses_an_opening() -> None:
    attack = Attack()
    channel = attack.endpoint.create_channel("x")
    attack.settle()
    attack.peer.reset_incoming_streams([1])
    attack.peer.reset_streams([1])
    attack.settle()

    assert channel.close_reason is ChannelCloseReason.REFUSED
    assert channel.state is ChannelState.CLOSED


def test_an_association_that_begins_anew_ends_every_channel() -> None:
    attack = Attack()
    attack.dcep(0, Open(label="old"))
    attack.peer.reset_association()
    attack.settle()

    assert [event.reason for event in attack.side.of(ChannelClosed)] == [ChannelCloseReason.ASSOCIATION_RESTARTED]
    attack.dcep(0, Open(label="new"))
    assert attack.side.received().label == "new"
    assert [event.data for event in attack.heard(UserMessage)] == [bytes(Ack())] * 2
    assert len(attack.side.of(ChannelReceived)) == 2
