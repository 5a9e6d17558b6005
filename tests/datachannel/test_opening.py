"""How channels come into being: in band, negotiated, before and after the association is up."""

import pytest
from tests.datachannel.pair import Pair

from rtc_datachannel import (
    ChannelClosed,
    ChannelCloseReason,
    ChannelOpened,
    ChannelReceived,
    ChannelState,
    DataChannelConfig,
    EndpointConnected,
    EndpointState,
    Priority,
    StateError,
    StreamUnavailableError,
)
from rtc_sctp import AssociationConfig


def test_a_channel_opens_on_both_sides_with_the_same_properties() -> None:
    pair = Pair().connect()

    mine, theirs = pair.open("größe", protocol="p", ordered=False, max_retransmits=3, priority=Priority.HIGH)

    assert (mine.state, theirs.state) == (ChannelState.OPEN, ChannelState.OPEN)
    for name in ("id", "label", "protocol", "ordered", "max_retransmits", "max_packet_life_time_ms", "priority"):
        assert getattr(mine, name) == getattr(theirs, name)
    assert not theirs.negotiated


@pytest.mark.spec("rfc8864:6.1/1")
@pytest.mark.spec("rfc8831:6.1/2", "rfc8832:4/2", "rfc8832:4/3", "rfc8832:4/4", "rfc8832:6/5", "rfc8832:6/6")
def test_the_dtls_client_opens_even_streams_and_the_server_odd_ones() -> None:
    pair = Pair().connect()

    even = [pair.left.endpoint.create_channel("x").id for _ in range(3)]
    odd = [pair.right.endpoint.create_channel("x").id for _ in range(3)]
    pair.settle()

    assert (even, odd) == ([0, 2, 4], [1, 3, 5])
    assert len(pair.left.of(ChannelReceived)) == len(pair.right.of(ChannelReceived)) == 3


def test_channels_created_before_the_role_is_known_get_identifiers_when_it_is() -> None:
    pair = Pair()
    channels = [pair.right.endpoint.create_channel(label) for label in ("a", "b")]
    negotiated = pair.right.endpoint.create_channel("n", negotiated=True, channel_id=1)
    assert [channel.id for channel in channels] == [None, None]

    pair.start()

    assert [channel.id for channel in channels] == [3, 5]
    pair.left.endpoint.create_channel("n", negotiated=True, channel_id=1)
    pair.settle()
    assert [channel.state for channel in (*channels, negotiated)] == [ChannelState.OPEN] * 3


def test_both_sides_may_use_one_label() -> None:
    pair = Pair()
    pair.left.endpoint.create_channel("x")
    pair.right.endpoint.create_channel("x")
    pair.connect()
    pair.settle()

    assert [event.channel.label for event in pair.left.of(ChannelReceived)] == ["x"]
    assert [event.channel.label for event in pair.right.of(ChannelReceived)] == ["x"]


@pytest.mark.spec("rfc8831:6.5/2")
def test_a_negotiated_channel_opens_without_a_word() -> None:
    pair = Pair()
    mine = pair.left.endpoint.create_channel("a", negotiated=True, channel_id=7, ordered=False, max_retransmits=0)
    theirs = pair.right.endpoint.create_channel("b", negotiated=True, channel_id=7)
    pair.connect()
    pair.settle()

    assert (mine.state, theirs.state) == (ChannelState.OPEN, ChannelState.OPEN)
    assert pair.left.of(ChannelReceived) == pair.right.of(ChannelReceived) == []
    pair.left.endpoint.send(mine, "hello")
    pair.settle()
    assert pair.right.messages(7) == ["hello"]
    assert (mine.ordered, theirs.ordered) == (False, True)


def test_a_negotiated_channel_opens_at_once_on_a_running_association() -> None:
    pair = Pair().connect()

    channel = pair.left.endpoint.create_channel("a", negotiated=True, channel_id=100)

    assert channel.state is ChannelState.OPEN


@pytest.mark.spec("rfc8831:6.5/1")
def test_a_stream_in_use_is_refused_and_nothing_changes() -> None:
    pair = Pair().connect()
    first, _ = pair.open()
    before = pair.left.endpoint.channels

    with pytest.raises(StreamUnavailableError):
        pair.left.endpoint.create_channel("y", negotiated=True, channel_id=first.id)

    assert pair.left.endpoint.channels == before


@pytest.mark.spec("rfc8831:6.2/1")
def test_all_65535_streams_are_negotiated() -> None:
    pair = Pair().connect()

    assert pair.left.of(EndpointConnected)[0].max_channels == 65_535
    assert pair.left.endpoint.max_channels == 65_535


def test_a_channel_beyond_the_streams_of_the_association_ends_when_that_is_known() -> None:
    pair = Pair(right=DataChannelConfig(association=AssociationConfig(max_inbound_streams=10)))
    beyond = pair.left.endpoint.create_channel("x", negotiated=True, channel_id=10)
    within = pair.left.endpoint.create_channel("y", negotiated=True, channel_id=9)
    pair.connect()
    pair.settle()

    assert [(event.channel, event.reason) for event in pair.left.of(ChannelClosed)] == [
        (beyond, ChannelCloseReason.NO_STREAM)
    ]
    assert within.state is ChannelState.OPEN
    with pytest.raises(StreamUnavailableError):
        pair.left.endpoint.create_channel("z", negotiated=True, channel_id=10)


def test_in_band_channels_run_out_of_streams() -> None:
    pair = Pair(right=DataChannelConfig(association=AssociationConfig(max_inbound_streams=4)))
    early = [pair.left.endpoint.create_channel("x") for _ in range(3)]
    pair.connect()
    pair.settle()

    assert [channel.id for channel in early] == [0, 2, 4]
    assert early[2].close_reason is ChannelCloseReason.NO_STREAM
    with pytest.raises(StreamUnavailableError):
        pair.left.endpoint.create_channel("y")


def test_this_side_keeps_its_own_bound_of_channels() -> None:
    pair = Pair(left=DataChannelConfig(max_channels=2)).connect()
    for _ in range(2):
        pair.left.endpoint.create_channel("x")

    with pytest.raises(StreamUnavailableError):
        pair.left.endpoint.create_channel("x")


@pytest.mark.parametrize(
    "options",
    [
        {"label": "x" * 65_536},
        {"protocol": "ß" * 32_768},
        {"label": "\udc00"},
        {"max_retransmits": 1, "max_packet_life_time_ms": 1},
        {"max_retransmits": -1},
        {"max_packet_life_time_ms": 1 << 32},
        {"priority": 65_536},
        {"negotiated": True},
        {"channel_id": 3},
        {"negotiated": True, "channel_id": 65_535},
        {"negotiated": True, "channel_id": -1},
    ],
)
def test_arguments_out_of_range_are_refused(options: dict[str, object]) -> None:
    pair = Pair()

    with pytest.raises(ValueError, match=r".+"):
        pair.left.endpoint.create_channel(**options)  # type: ignore[arg-type]  # one wrong value of each kind

    assert pair.left.endpoint.channels == []


@pytest.mark.spec("rfc8831:6.4/2")
def test_the_priorities_of_webrtc_have_their_values() -> None:
    assert [int(priority) for priority in Priority] == [128, 256, 512, 1024]
    assert Pair().left.endpoint.create_channel("x").priority == 256


def test_starting_twice_is_refused() -> None:
    pair = Pair()
    pair.start()

    with pytest.raises(StateError):
        pair.left.endpoint.start(0.0, client=True)

    assert pair.left.endpoint.state is EndpointState.CONNECTING


def test_a_channel_of_the_peer_is_open_when_it_is_reported() -> None:
    pair = Pair()
    states: list[ChannelState] = []
    pair.right.node.on_event = lambda event: (
        states.append(event.channel.state) if isinstance(event, ChannelReceived) else None
    )
    pair.left.endpoint.create_channel("x")
    pair.connect()
    pair.settle()

    assert states == [ChannelState.OPEN]
    assert pair.right.of(ChannelOpened) == []
