"""Peers that break the rules: each case closes one channel, or nothing, and never more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.datachannel.pair import Attack, Pair
from tests.support.effort import examples
from tests.support.rng import SeededRng

from rtc_datachannel import (
    Ack,
    ChannelClosed,
    ChannelCloseReason,
    ChannelClosing,
    ChannelReceived,
    ChannelState,
    ChannelType,
    DataChannelConfig,
    DataChannelEndpoint,
    EndpointFailed,
    MessageReceived,
    Open,
    Ppid,
)
from rtc_sctp import AssociationConfig, IncomingStreamsReset
from rtc_sctp import MessageReceived as UserMessage


def reset_streams(attack: Attack) -> list[int]:
    """The streams that the endpoint reset."""
    return [stream for event in attack.heard(IncomingStreamsReset) for stream in event.stream_ids]


def acknowledged(attack: Attack) -> list[int]:
    """The streams on which the endpoint sent an acknowledgement."""
    return [event.stream_id for event in attack.heard(UserMessage) if event.data == bytes(Ack())]


def test_a_good_opening_is_acknowledged_on_its_stream() -> None:
    attack = Attack()
    attack.dcep(0, Open(label="x"))

    assert acknowledged(attack) == [0]
    assert attack.side.received().label == "x"
    assert reset_streams(attack) == []


@pytest.mark.spec("rfc8864:8/1")
@pytest.mark.spec("rfc8832:6/7", "rfc8832:6/8")
def test_an_opening_of_the_wrong_parity_is_closed_not_acknowledged() -> None:
    attack = Attack()
    attack.dcep(1, Open(label="x"))

    assert (acknowledged(attack), reset_streams(attack)) == ([], [1])
    assert attack.side.of(ChannelReceived) == []
    assert attack.endpoint.stats.dropped["open_of_wrong_parity"] == 1


@pytest.mark.spec("rfc8832:6/7", "rfc8832:6/8", "rfc8832:7/2")
@pytest.mark.parametrize(
    "data",
    [b"", b"\x03", b"\x02\x02", b"\x09", bytes(Open(label="x")) + b"!", bytes(Open(label="\x7f"))[:-1] + b"\xff"],
)
def test_broken_dcep_on_an_unused_stream_closes_it(data: bytes) -> None:
    attack = Attack()
    attack.say(0, Ppid.DCEP, data or b"\0")

    assert (acknowledged(attack), reset_streams(attack)) == ([], [0])
    assert attack.endpoint.stats.dropped["invalid_dcep"] == 1


@pytest.mark.spec("rfc8864:8/1")
@pytest.mark.spec("rfc8832:7/2")
def test_an_unknown_channel_type_is_closed() -> None:
    attack = Attack()
    attack.dcep(0, Open(channel_type=0x42))

    assert (acknowledged(attack), reset_streams(attack)) == ([], [0])


@pytest.mark.spec("rfc8832:6/7", "rfc8832:6/8")
def test_an_opening_on_a_stream_in_use_closes_its_channel() -> None:
    attack = Attack()
    attack.dcep(0, Open(label="first"))
    attack.dcep(0, Open(label="second"))

    assert acknowledged(attack) == [0]
    assert reset_streams(attack) == [0]
    assert [event.channel.label for event in attack.side.of(ChannelClosing)] == ["first"]
    assert [event.channel.label for event in attack.side.of(ChannelReceived)] == ["first"]


@pytest.mark.spec("rfc8832:6/7")
def test_an_opening_that_collides_with_a_negotiated_channel_closes_it() -> None:
    attack = Attack()
    channel = attack.endpoint.create_channel("mine", negotiated=True, channel_id=0)
    attack.dcep(0, Open(label="theirs"))

    assert channel.close_reason is ChannelCloseReason.PROTOCOL_ERROR
    assert acknowledged(attack) == []


@pytest.mark.spec("rfc8832:6/7")
def test_an_opening_that_collides_with_our_own_closes_it() -> None:
    attack = Attack()
    channel = attack.endpoint.create_channel("mine")
    attack.settle()
    attack.dcep(1, Open(label="theirs"))

    assert channel.state is ChannelState.CLOSING
    assert acknowledged(attack) == []


def test_dcep_that_is_sent_unordered_is_understood() -> None:
    """The peer ought to order it, but libwebrtc does not order acknowledgements on unordered channels."""
    attack = Attack()
    channel = attack.endpoint.create_channel("ours", ordered=False)
    attack.settle()
    assert channel.id is not None
    attack.dcep(channel.id, Ack(), unordered=True)
    attack.dcep(0, Open(label="theirs"), unordered=True)

    assert channel.state is ChannelState.OPEN
    assert (acknowledged(attack), reset_streams(attack)) == ([0], [])


@pytest.mark.spec("rfc8831:6.6/6")
def test_an_acknowledgement_of_nothing_is_an_error() -> None:
    attack = Attack()
    channel = attack.endpoint.create_channel("x", negotiated=True, channel_id=4)
    attack.dcep(4, Ack())
    attack.dcep(6, Ack())

    assert channel.close_reason is ChannelCloseReason.PROTOCOL_ERROR
    assert sorted(reset_streams(attack)) == [4, 6]


@pytest.mark.spec("rfc8831:6.6/6")
def test_a_second_acknowledgement_is_an_error() -> None:
    attack = Attack()
    channel = attack.endpoint.create_channel("x")
    attack.settle()
    attack.dcep(1, Ack())
    states = [channel.state]
    attack.dcep(1, Ack())

    assert [*states, channel.state] == [ChannelState.OPEN, ChannelState.CLOSING]
    assert channel.close_reason is ChannelCloseReason.PROTOCOL_ERROR


@pytest.mark.spec("rfc8832:6/13")
def test_ordered_data_on_an_unused_stream_close_it_once() -> None:
    attack = Attack()
    for _ in range(3):
        attack.say(8, Ppid.STRING, b"who are you?")

    assert attack.side.of(MessageReceived) == []
    assert reset_streams(attack) == [8]
    assert attack.endpoint.stats.dropped["unused_stream"] == 1
    assert attack.endpoint.stats.dropped["stream_refused"] == 2


def test_a_refused_stream_can_be_used_properly_after_both_resets() -> None:
    attack = Attack()
    attack.say(8, Ppid.STRING, b"too early")
    attack.peer.reset_streams([8])
    attack.settle()
    attack.dcep(8, Open(label="now"))

    assert acknowledged(attack) == [8]
    assert attack.side.received().label == "now"


def test_unordered_data_that_overtook_their_opening_are_kept_for_it() -> None:
    attack = Attack()
    attack.say(0, Ppid.STRING, b"one", unordered=True)
    attack.say(0, Ppid.BINARY_EMPTY, b"\0", unordered=True)
    assert attack.side.of(MessageReceived) == []
    attack.dcep(0, Open(channel_type=ChannelType.RELIABLE_UNORDERED))

    assert attack.side.kinds()[1:] == ["ChannelReceived", "MessageReceived", "MessageReceived"]
    assert attack.side.messages(0) == ["one", b""]


@pytest.mark.spec("rfc8832:6/13")
def test_unordered_data_whose_opening_never_comes_close_the_stream_after_a_while() -> None:
    attack = Attack()
    attack.say(0, Ppid.STRING, b"one", unordered=True)
    attack.say(2, Ppid.STRING, b"two", unordered=True)
    assert reset_streams(attack) == []
    attack.settle(10)

    assert sorted(reset_streams(attack)) == [0, 2]
    assert attack.endpoint.stats.dropped["early_messages_expired"] == 2


@pytest.mark.spec("rfc8832:6/13")
def test_early_messages_are_bounded() -> None:
    attack = Attack(config=DataChannelConfig(early_message_buffer_size=1000))
    attack.say(0, Ppid.STRING, b"x" * 900, unordered=True)
    attack.say(0, Ppid.STRING, b"x" * 900, unordered=True)

    assert reset_streams(attack) == [0]
    attack.say(2, Ppid.STRING, b"x" * 900, unordered=True)
    assert reset_streams(attack) == [0]


@pytest.mark.spec("rfc8832:6/13")
def test_unordered_data_on_a_stream_that_is_ours_to_open_close_it_at_once() -> None:
    attack = Attack()
    attack.say(3, Ppid.STRING, b"one", unordered=True)

    assert reset_streams(attack) == [3]


def test_early_messages_are_forgotten_when_the_opening_is_broken() -> None:
    attack = Attack()
    attack.say(0, Ppid.STRING, b"one", unordered=True)
    attack.say(0, Ppid.DCEP, b"\x03")
    attack.settle(10)

    assert reset_streams(attack) == [0]
    assert "early_messages_expired" not in attack.endpoint.stats.dropped


@pytest.mark.spec("rfc8831:6.6/6")
@pytest.mark.parametrize(
    ("ppid", "data"),
    [(0, b"x"), (99, b"x"), (Ppid.STRING, b"\xff\xfe"), (Ppid.STRING, b"\xed\xa0\x80")],
)
def test_messages_nobody_can_read_close_their_channel_only(ppid: int, data: bytes) -> None:
    attack = Attack()
    attack.dcep(0, Open(label="bad"))
    attack.dcep(2, Open(label="good"))
    attack.say(0, ppid, data)
    attack.say(2, Ppid.STRING, b"fine")

    assert [event.reason for event in attack.side.of(ChannelClosing)] == [ChannelCloseReason.PROTOCOL_ERROR]
    assert attack.side.messages(0) == []
    assert attack.side.messages(2) == ["fine"]


@pytest.mark.spec("rfc8831:6.6/6")
@pytest.mark.parametrize(
    ("options", "pieces"),
    [
        ({}, [(Ppid.STRING_PARTIAL, b"a"), (Ppid.BINARY, b"b")]),
        ({}, [(Ppid.STRING_PARTIAL, b"a"), (Ppid.BINARY_PARTIAL, b"b")]),
        ({}, [(Ppid.BINARY_PARTIAL, b"a"), (Ppid.BINARY_EMPTY, b"\0")]),
        ({"ordered": False}, [(Ppid.STRING_PARTIAL, b"a")]),
        ({"max_retransmits": 1}, [(Ppid.STRING_PARTIAL, b"a")]),
    ],
)
def test_pieces_that_fit_nowhere_close_the_channel(options: dict[str, bool], pieces: list[tuple[Ppid, bytes]]) -> None:
    attack = Attack()
    channel = attack.endpoint.create_channel("x", negotiated=True, channel_id=4, **options)  # type: ignore[arg-type]
    for ppid, data in pieces:
        attack.say(4, ppid, data)

    assert channel.close_reason is ChannelCloseReason.PROTOCOL_ERROR
    assert attack.side.messages(4) == []


def test_a_message_beyond_our_limit_closes_its_channel() -> None:
    attack = Attack(config=DataChannelConfig(max_message_size=1000))
    attack.dcep(0, Open(label="bad"))
    attack.say(0, Ppid.BINARY, bytes(1000))
    attack.say(0, Ppid.BINARY, bytes(1001))
    attack.settle()

    assert attack.side.messages(0) == [bytes(1000)]
    assert attack.side.of(ChannelClosing)[0].reason is ChannelCloseReason.MESSAGE_TOO_LARGE
    assert not attack.endpoint.closed


@pytest.mark.parametrize("ppid", [Ppid.BINARY, Ppid.BINARY_PARTIAL])
def test_pieces_by_identifier_cannot_exceed_the_limit(ppid: Ppid) -> None:
    attack = Attack(config=DataChannelConfig(max_message_size=1000))
    attack.dcep(0, Open(label="bad"))
    attack.say(0, Ppid.BINARY_PARTIAL, bytes(600))
    attack.say(0, ppid, bytes(600))

    assert attack.side.messages(0) == []
    assert attack.side.of(ChannelClosing)[0].reason is ChannelCloseReason.MESSAGE_TOO_LARGE


def test_pieces_by_identifier_are_bounded_over_all_channels() -> None:
    config = DataChannelConfig(
        max_message_size=60_000, association=AssociationConfig(receive_buffer_size=1500, max_received_message_size=1)
    )
    attack = Attack(config=config)
    for stream_id in range(0, 12, 2):
        attack.dcep(stream_id, Open())
        attack.say(stream_id, Ppid.BINARY_PARTIAL, bytes(50_000))
    assert [event.channel.id for event in attack.side.of(ChannelClosing)] == [10]
    attack.say(0, Ppid.BINARY, b"end")
    attack.say(6, Ppid.BINARY_PARTIAL, bytes(9000))

    assert len(attack.side.messages(0)[0]) == 50_003
    assert len(attack.side.of(ChannelClosing)) == 1


def test_events_that_nobody_takes_are_bounded() -> None:
    attack = Attack()
    attack.endpoint.create_channel("x", negotiated=True, channel_id=4)
    attack.network.nodes.remove(attack.side.node)
    endpoint, now = attack.endpoint, attack.network.now
    for _ in range(120_000):
        attack.peer.send(4, Ppid.STRING, b"x")
    while "events_not_taken" not in endpoint.stats.dropped:
        now += 0.01
        assert now < 100
        endpoint.receive_datagrams(attack.peer.datagrams_to_send(now), now)
        attack.peer.receive_datagrams(endpoint.datagrams_to_send(now), now)
        endpoint.handle_timeout(now)
        attack.peer.handle_timeout(now)

    assert 100_000 < len(endpoint.events()) < 110_000


def test_a_message_without_end_ends_the_association() -> None:
    config = DataChannelConfig(association=AssociationConfig(max_received_message_size=200_000))
    attack = Attack(config=config)
    attack.dcep(0, Open(label="x"))
    attack.say(0, Ppid.BINARY, bytes(1_000_000))
    attack.settle(10)

    assert attack.side.node.saw(EndpointFailed)
    assert attack.endpoint.closed


@pytest.mark.spec("rfc8832:7/1")
def test_an_opening_of_the_greatest_length_is_accepted_even_with_a_small_message_limit() -> None:
    attack = Attack(
        config=DataChannelConfig(max_message_size=1000, association=AssociationConfig(max_received_message_size=1000))
    )
    attack.dcep(0, Open(label="l" * 65_535, protocol="p" * 65_535))
    attack.settle(10)

    assert len(attack.side.received().label) == 65_535


def test_the_peers_labels_are_bounded_together() -> None:
    attack = Attack(config=DataChannelConfig(max_peer_text_size=100_000))
    attack.dcep(0, Open(label="l" * 60_000))
    attack.dcep(2, Open(label="l" * 60_000))
    attack.settle()
    assert (acknowledged(attack), reset_streams(attack)) == ([0], [2])
    attack.peer.reset_streams([0])
    attack.settle()
    attack.dcep(4, Open(label="l" * 60_000))
    attack.settle()

    assert acknowledged(attack) == [0, 4]


@pytest.mark.spec("rfc8832:7/3")
def test_the_peer_may_open_every_stream_it_has() -> None:
    attack = Attack()
    for stream_id in range(0, 65_535, 2):
        attack.peer.send(stream_id, Ppid.DCEP, bytes(Open()), unordered=False)
    attack.settle(60)

    assert len(attack.endpoint.channels) == 32_768


@pytest.mark.spec("rfc8832:7/3")
def test_channels_beyond_our_bound_are_refused() -> None:
    attack = Attack(config=DataChannelConfig(max_channels=2))
    for stream_id in (0, 2, 4):
        attack.dcep(stream_id, Open())

    assert (acknowledged(attack), reset_streams(attack)) == ([0, 2], [4])


def test_a_stream_we_cannot_answer_on_is_ignored() -> None:
    config = DataChannelConfig(association=AssociationConfig(max_outbound_streams=4))
    attack = Attack(config=config)
    attack.dcep(4, Open())
    attack.say(6, Ppid.STRING, b"x")

    assert (acknowledged(attack), reset_streams(attack)) == ([], [])
    assert attack.endpoint.stats.dropped["stream_out_of_range"] == 2
    assert not attack.endpoint.closed


def test_resets_of_unused_streams_are_harmless() -> None:
    attack = Attack()
    attack.peer.reset_streams([0, 1, 500])
    attack.settle()

    assert attack.side.kinds() == ["EndpointConnected"]
    assert reset_streams(attack) == []


@given(
    st.lists(
        st.tuples(
            st.integers(0, 5),
            st.sampled_from([50, 50, 51, 52, 53, 54, 56, 57, 9]),
            st.binary(min_size=1, max_size=20),
            st.booleans(),
        ),
        max_size=15,
    )
)
@examples(60)
def test_no_sequence_of_messages_breaks_the_endpoint(said: list[tuple[int, int, bytes, bool]]) -> None:
    attack = Attack()
    mine = attack.endpoint.create_channel("mine")
    attack.endpoint.create_channel("agreed", negotiated=True, channel_id=4)
    for stream_id, ppid, data, unordered in said:
        attack.peer.send(stream_id, ppid, data, unordered=unordered)
        attack.settle(0.1)
    attack.settle(20)

    assert not attack.endpoint.closed
    closed = [event.channel for event in attack.side.of(ChannelClosed)]
    assert len(closed) == len(set(map(id, closed)))
    assert mine.state is not ChannelState.CLOSED


@given(st.lists(st.binary(max_size=60), max_size=5))
def test_random_datagrams_never_raise(datagrams: list[bytes]) -> None:
    pair = Pair().connect()
    before = sum(pair.left.endpoint.stats.dropped.values())

    pair.left.endpoint.receive_datagrams(datagrams, pair.network.now)

    assert pair.left.endpoint.state.value == "connected"
    assert sum(pair.left.endpoint.stats.dropped.values()) >= before + len(
        [data for data in datagrams if len(data) < 12]
    )


def test_datagrams_before_the_start_are_ignored() -> None:
    endpoint = DataChannelEndpoint(rng=SeededRng(1))

    endpoint.receive_datagram(bytes(20), 0.0)

    assert endpoint.events() == []
    assert endpoint.stats.dropped == {"not_started": 1}
