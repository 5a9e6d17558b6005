"""Whole connections: from offer to messages, over good networks and bad ones."""

import itertools
from collections import Counter
from collections.abc import Mapping

import pytest
from tests.peer.descriptions import parsed
from tests.peer.pair import WALL_CLOCK, Pair
from tests.support.nat import full_cone, port_restricted_cone
from tests.support.network import Link
from tests.support.rng import SeededRng

from rtc_datachannel import ChannelClosed, ChannelReceived, DataChannelConfig, MessageReceived, Priority
from rtc_peer import (
    ConnectionState,
    ConnectionStateChanged,
    DtlsTransportState,
    IceConnectionStateChanged,
    IceTransportState,
    PeerConnection,
    PeerOptions,
    SctpTransportState,
    SctpTransportStateChanged,
)
from rtc_sctp import AssociationConfig, SchedulerKind
from rtc_stun import Datagram


@pytest.mark.spec("rfc8829:5.1.1/3", "rfc8829:5.1.1/6", "rfc8827:6.3/1", "rfc8827:6.5/3", "rfc8835:3.4/1")
@pytest.mark.spec("rfc8835:3.4/2", "rfc8835:3.5/2", "rfc8835:3.5/4")
def test_two_peers_open_a_channel_and_talk() -> None:
    pair = Pair().connect()

    pair.left.machine.send(pair.left.channel(), "hello")
    pair.right.machine.send(pair.right.channel(), b"\x00\x01")

    assert pair.run(lambda: bool(pair.left.messages() and pair.right.messages()))
    assert pair.right.messages() == ["hello"]
    assert pair.left.messages() == [b"\x00\x01"]


def test_the_states_pass_in_order_and_end_connected() -> None:
    pair = Pair().connect()
    pair.settle(5.0)

    states = ConnectionState
    for side in pair.sides:
        assert [each.state for each in side.of(ConnectionStateChanged)] == [states.CONNECTING, states.CONNECTED]
        assert side.of(IceConnectionStateChanged)[0].state is IceTransportState.CHECKING
        assert side.machine.ice_connection_state in {IceTransportState.CONNECTED, IceTransportState.COMPLETED}
        assert [each.state for each in side.of(SctpTransportStateChanged)] == [SctpTransportState.CONNECTED]
        assert [view.dtls_state for view in side.machine.transports] == [DtlsTransportState.CONNECTED]


@pytest.mark.parametrize("offerer", ["left", "right"])
def test_the_other_side_can_add_a_channel_without_negotiating_again(offerer: str) -> None:
    pair = Pair().connect()
    side = pair.left if offerer == "left" else pair.right

    side.machine.create_data_channel("another", protocol="chess")

    assert pair.run(lambda: bool([e for e in side.other.of(ChannelReceived) if e.channel.label == "another"]))
    assert not side.machine.negotiation_needed
    assert side.other.of(ChannelReceived)[-1].channel.protocol == "chess"


def test_a_channel_that_both_sides_agreed_upon_is_not_announced() -> None:
    pair = Pair()
    ours, theirs = (
        side.machine.create_data_channel("files", negotiated=True, channel_id=7, ordered=False) for side in pair.sides
    )
    pair.negotiate()
    pair.run(pair.talking)

    pair.left.machine.send(ours, "x")

    assert pair.run(lambda: bool(pair.right.of(MessageReceived)))
    assert pair.right.of(MessageReceived)[0].channel_id == 7
    assert pair.right.machine.channel(7) is theirs
    assert not pair.right.node.saw(ChannelReceived)


@pytest.mark.spec("rfc8841:9.3/2")
@pytest.mark.parametrize("ports", [(5000, 6000), (6000, 5000), (7000, 7001)])
def test_sctp_ports_are_what_the_descriptions_say(ports: tuple[int, int]) -> None:
    left, right = (
        PeerOptions(data=DataChannelConfig(association=AssociationConfig(local_port=port))) for port in ports
    )

    pair = Pair(options=(left, right)).connect()

    assert [f"a=sctp-port:{port}" in side.local.sdp for side, port in zip(pair.sides, ports, strict=True)] == [True] * 2


@pytest.mark.spec("rfc8841:9.3/1")
def test_both_sides_begin_the_association() -> None:
    pair = Pair()
    states: dict[str, list[object]] = {}
    for side in pair.sides:
        told = states[side.name] = []

        def trace(now: float, name: str, details: Mapping[str, object], told: list[object] = told) -> None:
            if name == "sctp:state_changed":
                told.append(details["new"])

        side.node.machine = PeerConnection(rng=SeededRng(side.name), wall_clock=WALL_CLOCK, trace=trace)

    pair.connect()

    assert [told[0] for told in states.values()] == ["cookie_wait", "cookie_wait"]


@pytest.mark.spec("rfc8835:3.5/6")
def test_the_handshake_names_the_protocol() -> None:
    pair = Pair()
    hellos = []
    pair.network.trace = lambda now, datagram: hellos.append(datagram.data) if datagram.data[:1] == b"\x16" else None
    pair.connect()

    assert any(b"\x06webrtc" in data for data in hellos)
    assert not any(b"c-webrtc" in data for data in hellos)


@pytest.mark.spec("rfc8835:3.5/3")
def test_long_messages_do_not_hold_up_others_where_both_sides_interleave() -> None:
    def overtakes(interleaving: bool) -> bool:
        options = PeerOptions(
            data=DataChannelConfig(
                association=AssociationConfig(message_interleaving=interleaving, scheduler=SchedulerKind.ROUND_ROBIN)
            )
        )
        pair = Pair(options=(options, options), link=Link(delay=0.01, bandwidth_bps=2e6)).connect()
        quick = pair.left.machine.create_data_channel("quick")
        pair.run(lambda: len(pair.right.of(ChannelReceived)) == 2)
        pair.left.machine.send(pair.left.channel(), bytes(200_000))
        pair.settle(0.1)
        pair.left.machine.send(quick, "first!")
        assert pair.run(lambda: len(pair.right.messages()) == 2)
        return pair.right.messages()[0] == "first!"

    assert overtakes(interleaving=True)
    assert not overtakes(interleaving=False)


@pytest.mark.spec("rfc8835:4.1/1")
def test_each_priority_gets_twice_what_the_one_below_gets() -> None:
    pair = Pair(link=Link(delay=0.01, bandwidth_bps=4e6)).connect()
    machine = pair.left.machine
    channels = {each: machine.create_data_channel(each.name, priority=each) for each in Priority}
    assert pair.run(lambda: len(pair.right.of(ChannelReceived)) == 5)
    for _ in range(300):
        for channel in channels.values():
            machine.send(channel, bytes(2000))
    pair.settle(1.5)

    arrived = Counter[int | None](event.channel_id for event in pair.right.of(MessageReceived))
    shares = [arrived[channel.id] for _, channel in sorted(channels.items())]
    assert all(1.7 <= higher / lower <= 2.3 for lower, higher in itertools.pairwise(shares)), shares


@pytest.mark.spec("rfc8835:3.2/1")
@pytest.mark.parametrize("host", ["192.0.2.{}", "2001:db8::{}"])
def test_both_families_of_addresses_work(host: str) -> None:
    pair = Pair(hosts=((host.format(1),), (host.format(2),))).connect()

    view = pair.left.machine.transports[0]
    assert view.selected_pair is not None
    assert view.selected_pair.remote.host == host.format(2)


def test_a_peer_behind_a_translator_is_reached() -> None:
    pair = Pair(hosts=(("10.0.0.5",), ("198.51.100.7",)), behind=(port_restricted_cone("203.0.113.1"), None)).connect()

    remote = pair.right.machine.transports[0].selected_pair
    assert remote is not None
    assert remote.remote.host == "203.0.113.1"


@pytest.mark.parametrize("seed", range(6))
def test_loss_delay_and_disorder_are_survived(seed: int) -> None:
    link = Link(delay=0.03, jitter=0.02, loss=0.15, duplication=0.1, reordering=0.1)
    pair = Pair(seed=seed, link=link, behind=(full_cone("203.0.113.1"), None), hosts=(("10.0.0.5",), ("192.0.2.9",)))
    pair.left.machine.create_data_channel("chat")
    pair.negotiate()
    assert pair.run(pair.talking, timeout=120.0)

    for number in range(20):
        pair.left.machine.send(pair.left.channel(), f"{number}" * 500)

    assert pair.run(lambda: len(pair.right.messages()) == 20, timeout=120.0)
    assert pair.right.messages() == [f"{number}" * 500 for number in range(20)]


def test_connections_are_set_up_within_few_round_trips() -> None:
    pair = Pair(link=Link(delay=0.05)).connect()

    # ICE two, DTLS two, SCTP two, and one for the channel; no timer of any layer stands in the way.
    assert pair.now <= 0.1 * 7 + 0.2


def test_a_connection_that_nobody_answers_fails() -> None:
    pair = Pair()
    pair.left.machine.create_data_channel("chat")
    pair.right.host.up = False
    pair.negotiate()

    assert pair.run(lambda: pair.left.machine.connection_state is ConnectionState.FAILED, timeout=120.0)


def test_a_peer_that_goes_silent_is_noticed_and_forgiven() -> None:
    pair = Pair().connect()
    pair.right.host.up = False
    assert pair.run(lambda: pair.left.machine.connection_state is ConnectionState.DISCONNECTED, timeout=30.0)

    pair.right.host.up = True

    assert pair.run(lambda: pair.left.machine.connection_state is ConnectionState.CONNECTED, timeout=30.0)


def test_a_peer_that_stays_silent_is_given_up() -> None:
    pair = Pair().connect()
    pair.right.host.up = False

    assert pair.run(lambda: pair.left.machine.connection_state is ConnectionState.FAILED, timeout=120.0)


def test_closing_a_channel_closes_it_on_both_sides() -> None:
    pair = Pair().connect()
    channel = pair.left.channel()

    pair.left.machine.close_channel(channel, pair.now)
    pair.left.machine.close_channel(channel, pair.now)

    assert pair.run(lambda: all(side.node.saw(ChannelClosed) for side in pair.sides))
    pair.left.machine.close_channel(channel, pair.now)
    assert pair.left.machine.connection_state is ConnectionState.CONNECTED


@pytest.mark.spec("rfc8864:6.1/2", "rfc8864:6.6.1/1")
def test_channels_that_are_open_or_closed_are_not_described() -> None:
    pair = Pair().connect()
    pair.left.machine.create_data_channel("stays")
    pair.left.machine.close_channel(pair.left.channel(), pair.now)
    assert pair.run(lambda: all(side.node.saw(ChannelClosed) for side in pair.sides))

    pair.negotiate()

    for side in pair.sides:
        (media,) = parsed(side.local).media
        assert media.has("sctp-port")
        assert not media.has("dcmap")
        assert not media.has("dcsa")


def test_what_the_application_has_not_read_reaches_the_association() -> None:
    pair = Pair().connect()
    machine: PeerConnection = pair.left.machine

    machine.add_unread(100_000)
    due = machine.next_timeout()
    assert due is not None
    assert due <= pair.now
    machine.add_unread(-100_000)

    pair.right.machine.send(pair.right.channel(), "still flows")
    assert pair.run(lambda: pair.left.messages() == ["still flows"])


@pytest.mark.spec("rfc9147:5.8.2/3")
def test_handshake_over_a_long_path_repeats_nothing() -> None:
    """ICE has measured what DTLS would take for loss."""
    pair = Pair(link=Link(delay=0.4))
    hellos: list[bytes] = []

    def tap(_: float, datagram: Datagram) -> bool:
        if datagram.data[0] == 22:
            hellos.append(datagram.data)
        return True

    for side in pair.sides:
        side.node.tap = tap
    pair.connect()

    # Two of the client, as its hello is long, and the server's.
    assert len(hellos) == 3
