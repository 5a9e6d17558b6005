"""What travels on channels: text, bytes, nothing at all, in order and not, before the acknowledgement."""

import itertools
from functools import partial

import pytest
from tests.datachannel.pair import Attack, Pair
from tests.support.network import Link

from rtc_datachannel import (
    BufferedAmountLow,
    BufferFullError,
    ChannelOpened,
    ChannelState,
    DataChannelConfig,
    EndpointConnected,
    MessageReceived,
    MessageTooLargeError,
    Ppid,
    Priority,
    StateError,
)
from rtc_sctp import AssociationConfig
from rtc_sctp import MessageReceived as UserMessage


def _has_messages(pair: Pair, count: int) -> bool:
    return len(pair.right.of(MessageReceived)) == count


@pytest.mark.spec("rfc8831:6.6/2", "rfc8831:6.6/3", "rfc8831:6.6/4", "rfc8831:6.6/5")
def test_text_bytes_and_empty_messages_arrive_as_they_were_sent() -> None:
    pair = Pair().connect()
    mine, theirs = pair.open()
    sent: list[str | bytes] = ["hello", b"\x00\xff", "", b"", "grüße 🌍", bytes(70_000), b"x" * 65_536]
    sent.pop(5)

    for data in sent:
        pair.left.endpoint.send(mine, data)
    pair.settle()

    assert pair.right.messages(theirs) == sent


def test_messages_flow_both_ways() -> None:
    pair = Pair().connect()
    mine, theirs = pair.open()

    pair.left.endpoint.send(mine, "ping")
    pair.right.endpoint.send(theirs, "pong")
    pair.settle()

    assert (pair.right.messages(theirs), pair.left.messages(mine)) == (["ping"], ["pong"])


@pytest.mark.spec("rfc8832:4/1", "rfc8832:6/9", "rfc8832:6/10")
def test_messages_may_be_sent_before_the_acknowledgement_and_stay_behind_the_opening() -> None:
    for seed in range(10):
        pair = Pair(seed=seed, link=Link(delay=0.05, loss=0.2, reordering=0.3)).connect()
        channel = pair.left.endpoint.create_channel("x", ordered=False)
        for number in range(5):
            pair.left.endpoint.send(channel, f"early {number}")
        assert channel.state is ChannelState.CONNECTING
        assert pair.network.run(until=partial(_has_messages, pair, 5))

        assert pair.right.kinds()[1:] == ["ChannelReceived"] + ["MessageReceived"] * 5
        assert pair.right.messages(0) == [f"early {number}" for number in range(5)]


@pytest.mark.spec("rfc8832:6/1", "rfc8832:6/2", "rfc8832:6/3", "rfc8832:6/4", "rfc8832:6/10", "rfc8832:6/12")
def test_what_stands_on_the_wire_before_and_after_the_acknowledgement() -> None:
    attack = Attack()
    channel = attack.endpoint.create_channel("x", ordered=False, max_retransmits=0)
    attack.endpoint.send(channel, "early")
    attack.settle()
    attack.say(1, Ppid.DCEP, b"\x02")
    attack.endpoint.send(channel, "late")
    attack.settle()

    seen = [(event.stream_id, event.ppid, event.unordered) for event in attack.heard(UserMessage)]
    assert seen == [(1, 50, False), (1, 51, False), (1, 51, True)]


@pytest.mark.spec("rfc8832:6/11")
def test_an_ordered_channel_keeps_order_after_the_acknowledgement() -> None:
    attack = Attack()
    channel = attack.endpoint.create_channel("x")
    attack.settle()
    attack.say(1, Ppid.DCEP, b"\x02")
    attack.endpoint.send(channel, "late")
    attack.settle()

    assert not attack.heard(UserMessage)[-1].unordered


@pytest.mark.spec("rfc8832:6/10", "rfc8832:6/12")
def test_any_message_counts_as_acknowledgement() -> None:
    attack = Attack()
    channel = attack.endpoint.create_channel("x", ordered=False)
    attack.settle()
    attack.say(1, Ppid.STRING, b"first")
    assert channel.state is ChannelState.OPEN
    attack.say(1, Ppid.DCEP, b"\x02")

    assert attack.side.kinds()[1:] == ["ChannelOpened", "MessageReceived"]
    attack.endpoint.send(channel, "now")
    attack.settle()
    assert attack.heard(UserMessage)[-1].unordered


@pytest.mark.parametrize(
    ("ordered", "limit"),
    list(
        itertools.product(
            [True, False], [{}, {"max_retransmits": 0}, {"max_retransmits": 3}, {"max_packet_life_time_ms": 300}]
        )
    ),
)
@pytest.mark.spec("rfc8831:6.6/1", "rfc8831:6.1/5", "rfc8831:6.1/6", "rfc8831:5/1")
def test_each_kind_of_reliability_does_what_it_says_on_a_lossy_network(ordered: bool, limit: dict[str, int]) -> None:
    pair = Pair(seed=3).connect()
    mine, theirs = pair.open(ordered=ordered, **limit)  # type: ignore[arg-type]  # passed on as given
    for host in pair.network.internet.members.values():
        host.link = Link(delay=0.02, loss=0.25, jitter=0.02)  # type: ignore[union-attr]  # no translators here
    sent = []
    for number in range(100):
        sent.append(f"message {number}")
        pair.left.endpoint.send(mine, sent[-1])
        pair.settle(0.02)
    pair.settle(120)

    got = pair.right.messages(theirs)
    assert set(got) <= set(sent)
    assert len(set(got)) == len(got)
    if ordered:
        assert got == [message for message in sent if message in got]
    if limit:
        assert len(got) + mine.stats.messages_abandoned >= 100
    else:
        assert sorted(got) == sorted(sent)
    if limit.get("max_retransmits") == 0:
        assert 40 < len(got) < 100


@pytest.mark.spec("rfc8831:6.6/1", "rfc8831:5/1", "rfc8831:6.1/5")
@pytest.mark.parametrize("ordered", [True, False])
def test_messages_whose_lifetime_is_over_are_not_sent_any_more(ordered: bool) -> None:
    pair = Pair(link=Link(delay=0.1)).connect()
    mine, theirs = pair.open(max_packet_life_time_ms=500, ordered=ordered)
    for _ in range(200):
        pair.left.endpoint.send(mine, bytes(1000))
    pair.settle(60)

    arrived = len(pair.right.messages(theirs))
    assert 4 < arrived < 100
    assert arrived + mine.stats.messages_abandoned == 200


@pytest.mark.spec("rfc8831:6.4/1")
def test_a_channel_of_higher_priority_gets_its_share_of_a_narrow_link() -> None:
    config = DataChannelConfig(remote_max_message_size=0)
    pair = Pair(link=Link(delay=0.01, bandwidth_bps=2_000_000), left=config).connect()
    low, _ = pair.open(priority=Priority.BELOW_NORMAL)
    high, _ = pair.open(priority=Priority.EXTRA_HIGH)
    for _ in range(400):
        pair.left.endpoint.send(low, b"l" * 1000)
    for _ in range(400):
        pair.left.endpoint.send(high, b"h" * 1000)

    assert pair.network.run(until=lambda: len(pair.right.messages(high)) == 320)

    assert 30 <= len(pair.right.messages(low)) <= 90


@pytest.mark.spec("rfc8831:6.4/1")
def test_the_priority_in_the_opening_governs_the_other_direction_too() -> None:
    pair = Pair(link=Link(delay=0.01, bandwidth_bps=2_000_000)).connect()
    _, low = pair.open(priority=Priority.BELOW_NORMAL)
    _, high = pair.open(priority=Priority.EXTRA_HIGH)
    for channel in (low, high):
        for _ in range(400):
            pair.right.endpoint.send(channel, b"x" * 1000)

    assert pair.network.run(until=lambda: len(pair.left.messages(high)) == 320)

    assert 30 <= len(pair.left.messages(low)) <= 90


@pytest.mark.parametrize("interleaving", [True, False])
def test_a_long_message_holds_up_other_channels_unless_messages_interleave(interleaving: bool) -> None:
    association = AssociationConfig(message_interleaving=interleaving)
    config = DataChannelConfig(association=association, remote_max_message_size=0)
    pair = Pair(link=Link(delay=0.01, bandwidth_bps=2_000_000), left=config, right=config).connect()
    bulk, _ = pair.open()
    chat, _ = pair.open()
    pair.left.endpoint.send(bulk, bytes(200_000))
    pair.left.endpoint.send(chat, "quick")
    assert pair.network.run(until=partial(_has_messages, pair, 2))

    order = [event.channel_id for event in pair.right.of(MessageReceived)]
    assert order == ([chat.id, bulk.id] if interleaving else [bulk.id, chat.id])


def test_a_message_longer_than_the_peer_accepts_is_refused() -> None:
    pair = Pair(left=DataChannelConfig(remote_max_message_size=1000)).connect()
    mine, theirs = pair.open()

    with pytest.raises(MessageTooLargeError):
        pair.left.endpoint.send(mine, b"x" * 1001)
    with pytest.raises(MessageTooLargeError):
        pair.left.endpoint.send(mine, "é" * 501)
    pair.left.endpoint.send(mine, b"x" * 1000)
    pair.settle()

    assert pair.right.messages(theirs) == [b"x" * 1000]
    assert (mine.stats.messages_sent, mine.stats.bytes_sent) == (1, 1000)


def test_the_peers_limit_may_change_and_be_lifted() -> None:
    pair = Pair().connect()
    mine, theirs = pair.open()
    assert pair.left.endpoint.remote_max_message_size == 65_536

    pair.left.endpoint.remote_max_message_size = 0
    pair.left.endpoint.send(mine, b"x" * 200_000)
    pair.settle()

    assert pair.right.messages(theirs) == [b"x" * 200_000]
    with pytest.raises(ValueError, match="unlimited"):
        pair.left.endpoint.remote_max_message_size = -1


def test_sending_needs_a_running_association_and_a_living_channel() -> None:
    pair = Pair()
    channel = pair.left.endpoint.create_channel("x")
    with pytest.raises(StateError):
        pair.left.endpoint.send(channel, "x")
    pair.start()
    with pytest.raises(StateError):
        pair.left.endpoint.send(channel, "x")
    pair.network.run(until=lambda: pair.left.node.saw(ChannelOpened))
    pair.left.endpoint.close_channel(channel)
    with pytest.raises(StateError):
        pair.left.endpoint.send(channel, "x")


def test_a_channel_of_another_endpoint_is_refused() -> None:
    pair = Pair().connect()
    mine, theirs = pair.open()
    assert mine.id == theirs.id

    with pytest.raises(StateError):
        pair.left.endpoint.send(theirs, "x")

    assert pair.left.endpoint.buffered_amount(mine) == theirs.stats.messages_sent == 0


def test_text_without_utf8_form_is_refused() -> None:
    pair = Pair().connect()
    mine, _ = pair.open()

    with pytest.raises(ValueError, match="surrogates"):
        pair.left.endpoint.send(mine, "\ud83d")

    assert mine.stats.messages_sent == 0


def test_what_is_neither_text_nor_bytes_is_refused() -> None:
    pair = Pair().connect()
    mine, _ = pair.open()

    with pytest.raises(TypeError):
        pair.left.endpoint.send(mine, 5)  # type: ignore[arg-type]  # the point of the test
    pair.left.endpoint.send(mine, bytearray(b"abc"))
    pair.left.endpoint.send(mine, memoryview(b"def"))
    pair.settle()

    assert pair.right.messages(0) == [b"abc", b"def"]


@pytest.mark.spec("rfc8831:6.6/9")
def test_a_small_message_leaves_at_once() -> None:
    pair = Pair().connect()
    mine, _ = pair.open()
    pair.left.endpoint.send(mine, b"x" * 3000)
    pair.left.endpoint.datagrams_to_send(pair.network.now)

    pair.left.endpoint.send(mine, "tiny")

    assert any(b"tiny" in datagram for datagram in pair.left.endpoint.datagrams_to_send(pair.network.now))


def test_the_buffered_amount_counts_the_applications_bytes_until_they_leave() -> None:
    pair = Pair().connect()
    mine, _ = pair.open()
    pair.left.endpoint.send(mine, "")
    assert pair.left.endpoint.buffered_amount(mine) == 0
    pair.left.endpoint.send(mine, "é")
    pair.left.endpoint.send(mine, b"abc")
    assert pair.left.endpoint.buffered_amount(mine) == 5

    pair.settle()

    assert pair.left.endpoint.buffered_amount(mine) == 0


def test_a_new_channel_has_nothing_buffered() -> None:
    pair = Pair().connect()
    channel = pair.left.endpoint.create_channel("a long label")

    assert pair.left.endpoint.buffered_amount(channel) == 0
    pair.left.endpoint.send(channel, "12345")
    assert pair.left.endpoint.buffered_amount(channel) == 5


def test_buffered_amount_low_comes_when_the_threshold_is_crossed() -> None:
    pair = Pair(link=Link(delay=0.02)).connect()
    mine, _ = pair.open()
    pair.left.endpoint.set_buffered_amount_low_threshold(mine, 100_000)
    amounts: list[int] = []
    pair.left.node.on_event = lambda event: (
        amounts.append(pair.left.endpoint.buffered_amount(event.channel))
        if isinstance(event, BufferedAmountLow)
        else None
    )
    for _ in range(50):
        pair.left.endpoint.send(mine, bytes(10_000))
    pair.settle()

    assert len(amounts) == 1
    assert amounts[0] <= 100_000


def test_opening_a_channel_is_no_reason_for_buffered_amount_low() -> None:
    pair = Pair().connect()
    pair.open()
    pair.settle()

    assert not pair.left.node.saw(BufferedAmountLow)
    assert not pair.right.node.saw(BufferedAmountLow)


def test_a_threshold_may_be_set_at_any_time_and_ends_with_its_channel() -> None:
    pair = Pair(link=Link(delay=0.02))
    amounts: list[int] = []
    pair.left.node.on_event = lambda event: (
        amounts.append(pair.left.endpoint.buffered_amount(event.channel))
        if isinstance(event, BufferedAmountLow)
        else None
    )

    first = pair.left.endpoint.create_channel("x")
    pair.left.endpoint.set_buffered_amount_low_threshold(first, 50_000)
    pair.connect()
    pair.wait_for(first, ChannelState.OPEN)
    for _ in range(2):
        pair.left.endpoint.send(first, bytes(50_000))
    pair.settle()
    pair.left.endpoint.close_channel(first)
    pair.settle()
    second, _ = pair.open()
    for _ in range(2):
        pair.left.endpoint.send(second, bytes(50_000))
    pair.settle()

    assert first.id == second.id
    assert 0 < amounts[0] <= 50_000
    assert amounts[1:] == [0]


def test_a_negative_threshold_is_refused() -> None:
    pair = Pair().connect()
    mine, _ = pair.open()

    with pytest.raises(ValueError, match="negative"):
        pair.left.endpoint.set_buffered_amount_low_threshold(mine, -1)
    with pytest.raises(StateError):
        pair.right.endpoint.set_buffered_amount_low_threshold(mine, 1)


def test_the_send_buffer_is_bounded_and_opens_again() -> None:
    config = DataChannelConfig(association=AssociationConfig(send_buffer_size=200_000))
    pair = Pair(left=config).connect()
    mine, _ = pair.open()
    with pytest.raises(BufferFullError):
        for _ in range(100):
            pair.left.endpoint.send(mine, bytes(10_000))
    count = mine.stats.messages_sent

    assert pair.network.run(until=lambda: pair.left.node.saw(BufferedAmountLow))
    pair.left.endpoint.send(mine, b"last")
    pair.settle()

    assert len(pair.right.messages(0)) == count + 1


def test_statistics_count_messages_and_bytes() -> None:
    pair = Pair().connect()
    mine, theirs = pair.open()
    for data in ("é", b"abc", "", b""):
        pair.left.endpoint.send(mine, data)
    pair.settle()

    assert (mine.stats.messages_sent, mine.stats.bytes_sent) == (4, 5)
    assert (theirs.stats.messages_received, theirs.stats.bytes_received) == (4, 5)


def test_gstreamers_exchanged_identifiers_of_empty_messages() -> None:
    swapped = DataChannelConfig(swap_empty_identifiers=True)
    pair = Pair(left=swapped).connect()
    mine, theirs = pair.open()
    pair.left.endpoint.send(mine, "")
    pair.right.endpoint.send(theirs, "")
    pair.settle()

    assert pair.right.messages(theirs) == [b""]
    assert pair.left.messages(mine) == [b""]


@pytest.mark.spec("rfc8831:6.6/4")
@pytest.mark.parametrize(
    ("data", "ppid", "wire"),
    [
        ("x", Ppid.STRING, b"x"),
        ("", Ppid.STRING_EMPTY, b"\0"),
        (b"x", Ppid.BINARY, b"x"),
        (b"", Ppid.BINARY_EMPTY, b"\0"),
    ],
)
def test_identifiers_on_the_wire(data: str | bytes, ppid: Ppid, wire: bytes) -> None:
    attack = Attack()
    channel = attack.endpoint.create_channel("x", negotiated=True, channel_id=5)
    attack.endpoint.send(channel, data)
    attack.settle()

    assert [(event.ppid, event.data) for event in attack.heard(UserMessage)] == [(ppid, wire)]


@pytest.mark.spec("rfc8831:6.6/5")
def test_empty_messages_are_empty_whatever_their_bytes() -> None:
    attack = Attack()
    attack.endpoint.create_channel("x", negotiated=True, channel_id=5)
    attack.say(5, Ppid.STRING_EMPTY, b"not empty")
    attack.say(5, Ppid.BINARY_EMPTY, b"not empty")

    assert attack.side.messages(5) == ["", b""]


def test_pieces_by_identifier_are_put_together_on_a_reliable_ordered_channel() -> None:
    attack = Attack()
    attack.endpoint.create_channel("x", negotiated=True, channel_id=5)
    attack.say(5, Ppid.STRING_PARTIAL, b"gr\xc3")
    attack.say(5, Ppid.STRING_PARTIAL, b"\xbc")
    assert attack.side.messages(5) == []
    attack.say(5, Ppid.STRING, b"n")
    attack.say(5, Ppid.BINARY_PARTIAL, b"a")
    attack.say(5, Ppid.BINARY, b"b")
    attack.say(5, Ppid.BINARY, b"c")

    assert attack.side.messages(5) == ["grün", b"ab", b"c"]


def test_a_channel_stays_usable_where_the_peer_lacks_partial_reliability() -> None:
    plain = AssociationConfig(partial_reliability=False)
    pair = Pair(right=DataChannelConfig(association=plain)).connect()
    mine, theirs = pair.open(max_retransmits=0, ordered=False)
    pair.left.endpoint.send(mine, "x")
    pair.settle()

    assert pair.right.messages(theirs) == ["x"]
    assert pair.left.node.saw(EndpointConnected)


def test_a_limit_beyond_the_receive_buffer_makes_that_larger() -> None:
    config = DataChannelConfig(max_message_size=5 << 20, remote_max_message_size=0)
    pair = Pair(left=config, right=config).connect()
    mine, theirs = pair.open()
    pair.left.endpoint.send(mine, bytes(5 << 20))
    pair.settle(60)

    assert [len(data) for data in pair.right.messages(theirs)] == [5 << 20]


def test_messages_that_nobody_takes_shrink_the_window() -> None:
    attack = Attack()
    attack.endpoint.create_channel("x", negotiated=True, channel_id=4)
    now = attack.network.now
    for _ in range(5):
        attack.peer.send(4, Ppid.BINARY, bytes(1000))
    for _ in range(5):
        now += 0.3
        attack.endpoint.receive_datagrams(attack.peer.datagrams_to_send(now), now)
        attack.endpoint.handle_timeout(now)
        attack.peer.receive_datagrams(attack.endpoint.datagrams_to_send(now), now)
    window = AssociationConfig().receive_buffer_size
    assert attack.peer.stats.remote_window == window - 5000

    assert len(attack.endpoint.events()) == 1 + 5
    attack.settle()
    attack.say(4, Ppid.BINARY, b"x")
    assert attack.peer.stats.remote_window == window


def test_who_takes_messages_after_flushing_is_woken_to_tell_that_there_is_room_again() -> None:
    attack = Attack()
    attack.endpoint.create_channel("x", negotiated=True, channel_id=4)
    now = attack.network.now
    for _ in range(30):
        attack.peer.send(4, Ppid.BINARY, bytes(50_000))
    for _ in range(300):
        now += 0.01
        attack.endpoint.receive_datagrams(attack.peer.datagrams_to_send(now), now)
        attack.peer.receive_datagrams(attack.endpoint.datagrams_to_send(now), now)
    window = AssociationConfig().receive_buffer_size
    assert attack.peer.stats.remote_window == window - 1_500_000

    assert len(attack.endpoint.events()) == 1 + 30
    due = attack.endpoint.next_timeout()
    assert due is not None
    assert due <= now
    attack.peer.receive_datagrams(attack.endpoint.datagrams_to_send(now), now)
    assert attack.peer.stats.remote_window == window


def test_unread_bytes_that_nobody_can_have_do_not_count() -> None:
    pair = Pair()
    pair.left.endpoint.add_unread(5)
    pair.connect()

    pair.left.endpoint.add_unread(-5)
    pair.left.endpoint.add_unread(7)
    pair.left.endpoint.abort(pair.network.now)
    pair.left.endpoint.add_unread(-7)


def test_unread_bytes_shrink_the_window_and_reading_them_opens_it() -> None:
    pair = Pair().connect()
    mine, _ = pair.open()
    endpoint = pair.right.endpoint
    window = pair.left.endpoint.association_stats.remote_window

    endpoint.add_unread(500_000)
    pair.left.endpoint.send(mine, "x")
    pair.settle()
    assert pair.left.endpoint.association_stats.remote_window == window - 500_000

    endpoint.add_unread(-600_000)
    pair.left.endpoint.send(mine, "y")
    pair.settle()
    assert pair.left.endpoint.association_stats.remote_window == window
