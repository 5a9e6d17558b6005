"""The end of a connection: for its own side, for the peer, for what was on its way."""

from collections.abc import Callable

import pytest
from tests.peer.descriptions import describe, section
from tests.peer.pair import Pair

from rtc_datachannel import ChannelClosed, ChannelState, MessageReceived
from rtc_peer import (
    Configuration,
    ConnectionClosed,
    ConnectionState,
    ConnectionStateChanged,
    DtlsTransportState,
    IceTransportState,
    SctpTransportState,
    SctpTransportStateChanged,
    SignalingState,
    StateError,
    TransportClosed,
)
from rtc_stun import Address, Datagram


def test_closing_ends_every_state_at_once() -> None:
    pair = Pair().connect()
    channel = pair.left.channel()
    machine = pair.left.machine
    events = len(pair.left.node.events)

    machine.close(pair.now)

    def check() -> None:
        assert machine.closed
        assert machine.signaling_state is SignalingState.CLOSED
        assert machine.connection_state is ConnectionState.CLOSED
        assert machine.ice_connection_state is IceTransportState.CLOSED
        assert machine.sctp is None
        assert machine.transports == ()
        assert not machine.negotiation_needed
        assert channel.state is ChannelState.CLOSED

    check()
    pair.settle()
    check()
    after = pair.left.node.events[events:]
    assert [type(event) for event in after[-1:]] == [ConnectionClosed]
    assert sum(isinstance(event, ConnectionClosed) for event in after) == 1
    assert any(isinstance(event, TransportClosed) for event in after)
    assert not any(isinstance(event, ConnectionStateChanged) for event in after)


def test_the_peer_learns_of_it_within_a_round_trip() -> None:
    pair = Pair().connect()
    theirs = pair.right.channel()

    pair.left.machine.close(pair.now)
    started = pair.now

    assert pair.run(lambda: pair.right.node.saw(ChannelClosed), timeout=1.0)
    assert pair.now - started < 0.05
    assert theirs.state is ChannelState.CLOSED
    pair.settle(0.1)
    assert pair.right.machine.transports[0].dtls_state is DtlsTransportState.CLOSED
    assert pair.right.of(SctpTransportStateChanged)[-1].state is SctpTransportState.CLOSED
    assert not pair.right.machine.closed


def test_closing_twice_is_closing_once() -> None:
    pair = Pair().connect()
    pair.left.machine.close(pair.now)
    pair.settle(0.5)
    sent = pair.network.traffic.sent

    pair.left.machine.close(pair.now)
    pair.settle(0.5)

    assert len(pair.left.of(ConnectionClosed)) == 1
    assert pair.left.machine.next_timeout() is None
    assert pair.network.traffic.sent - sent < 10, "the peer's last checks aside nothing flows"


def test_both_may_close_at_the_same_time() -> None:
    pair = Pair().connect()
    for side in pair.sides:
        side.machine.close(pair.now)
    pair.settle()

    assert all(side.machine.closed and side.machine.next_timeout() is None for side in pair.sides)


@pytest.mark.parametrize("stage", ["new", "offered", "answered", "checking", "connected"])
def test_closing_is_possible_at_every_stage(stage: str) -> None:
    pair = Pair()
    if stage != "new":
        pair.left.machine.create_data_channel()
        pair.offer()
    if stage in {"answered", "checking", "connected"}:
        pair.give(pair.right, pair.left.local)
        pair.give(pair.left, pair.answer())
    if stage in {"checking", "connected"}:
        pair.settle(0.02 if stage == "checking" else 2.0)

    pair.left.machine.close(pair.now)
    pair.settle()

    assert pair.left.machine.next_timeout() is None
    assert pair.left.of(ConnectionClosed) == [ConnectionClosed()]


def test_descriptions_stay_readable() -> None:
    pair = Pair().connect()
    local, remote = pair.left.machine.local_description, pair.left.machine.remote_description

    pair.left.machine.close(pair.now)

    assert (pair.left.machine.local_description, pair.left.machine.remote_description) == (local, remote)
    assert pair.left.machine.statistics()


def test_a_closed_connection_refuses_commands_and_ignores_the_network() -> None:
    pair = Pair().connect()
    machine, channel = pair.left.machine, pair.left.channel()
    path = machine.transports[0].selected_pair
    assert path is not None
    machine.close(pair.now)
    pair.settle()
    commands: list[Callable[[], object]] = [
        machine.create_offer,
        machine.create_answer,
        lambda: machine.set_local_description(None, pair.now),
        lambda: machine.set_remote_description(describe(section()), pair.now),
        lambda: machine.add_ice_candidate("", pair.now),
        lambda: machine.create_data_channel("late"),
        lambda: machine.send(channel, "late"),
        lambda: machine.add_local_address(0, Address("192.0.2.1", 9), pair.now),
        lambda: machine.end_of_local_addresses(0, pair.now),
        lambda: machine.host_resolved("x.local", [], pair.now),
        lambda: machine.set_configuration(Configuration()),
        lambda: machine.set_buffered_amount_low_threshold(channel, 1),
    ]

    for command in commands:
        with pytest.raises(StateError):
            command()
    machine.restart_ice()
    machine.add_unread(5)
    machine.close_channel(channel, pair.now)
    machine.handle_timeout(pair.now)

    assert machine.buffered_amount(channel) == 0
    assert machine.datagrams_to_send(pair.now) == []
    assert machine.events() == []


def test_datagrams_after_the_end_are_counted() -> None:
    pair = Pair().connect()
    machine = pair.left.machine
    path = machine.transports[0].selected_pair
    assert path is not None
    machine.close(pair.now)
    pair.settle(0.1)
    before = machine.stats.dropped.get("closed", 0)

    machine.receive_datagrams([Datagram(b"\x16\x00", path.local, path.remote)] * 3, pair.now)

    assert machine.stats.dropped["closed"] == before + 3


def test_a_peer_that_is_gone_without_a_word_does_not_keep_us() -> None:
    pair = Pair().connect()
    pair.left.host.up = False
    pair.left.machine.close(pair.now)

    assert pair.run(lambda: pair.right.machine.connection_state is ConnectionState.FAILED, timeout=120.0)
    pair.right.machine.close(pair.now)
    pair.settle()
    assert pair.right.machine.next_timeout() is None


def test_what_arrived_before_the_close_was_delivered() -> None:
    pair = Pair().connect()
    pair.left.machine.send(pair.left.channel(), "last words")
    pair.network.flush()
    pair.left.machine.close(pair.now)

    pair.settle()

    assert [event.data for event in pair.right.of(MessageReceived)] == ["last words"]


def test_a_rejected_data_section_ends_the_channels_and_another_begins_anew() -> None:
    pair = Pair().connect()
    old = pair.left.channel()
    offer = pair.left.machine.create_offer()
    pair.left.machine.set_local_description(offer, pair.now)
    answer = describe(section(port=0, ufrag=None, password=None, fingerprint=None, setup="active"))
    pair.left.machine.set_remote_description(type(offer)(pair.right.local.type, answer.sdp), pair.now)
    pair.settle(0.5)
    assert old.state is ChannelState.CLOSED
    assert pair.left.machine.sctp is None
    statistics = pair.left.machine.statistics()[0]
    assert (getattr(statistics, "data_channels_opened", 0), getattr(statistics, "data_channels_closed", 0)) == (1, 1)

    new = pair.left.machine.create_data_channel("again")

    assert pair.left.machine.negotiation_needed
    assert new.state is ChannelState.CONNECTING
