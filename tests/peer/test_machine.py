"""A connection as a machine: copies, bounds, output that waits, hostile bytes at any time."""

import copy
import pickle
from collections.abc import Callable, Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.peer.pair import WALL_CLOCK, Pair
from tests.support.network import Link, Network
from tests.support.rng import SeededRng

import rtc_peer
from rtc_datachannel import BufferedAmountLow, BufferFullError, DataChannelConfig, MessageTooLargeError
from rtc_dtls import DtlsConfig, GroupId
from rtc_peer import ArgumentError, ConnectionState, OperationError, PeerConnection, PeerOptions, StateError
from rtc_sctp import AssociationConfig
from rtc_stun import Address, Datagram


def test_the_public_names_are_sorted_and_there() -> None:
    names = list(rtc_peer.__all__)

    assert names == sorted(names)
    assert all(hasattr(rtc_peer, name) for name in names)


# --- copies ---


def _transcript(network: Network) -> list[str]:
    machines = [node.machine for node in network.nodes]
    network.run(timeout=3.0)
    machines[0].close(network.now)
    network.run(timeout=1.0)
    return [repr(event) for node in network.nodes for event in node.events]


@pytest.mark.parametrize("how", [copy.deepcopy, lambda each: pickle.loads(pickle.dumps(each))], ids=["copy", "pickle"])
@pytest.mark.parametrize("seconds", [0.0, 0.02, 0.06, 0.11, 0.17, 0.3, 1.0])
def test_a_copy_at_any_moment_goes_on_as_the_original(how: Callable[[object], object], seconds: float) -> None:
    # ML-KEM takes no randomness but the library's, so nothing would be the same twice.
    options = PeerOptions(dtls=DtlsConfig(groups=(GroupId.X25519,)))
    pair = Pair(trickle=False, link=Link(delay=0.02, loss=0.05), options=(options, options))
    pair.left.machine.create_data_channel("chat")
    pair.offer()
    pair.settle(0.01)
    pair.give(pair.right, pair.left.local)
    pair.answer()
    pair.settle(0.01)
    pair.give(pair.left, pair.right.local)
    pair.network.run(timeout=seconds)
    for node in pair.network.nodes:
        node.on_event = None

    twin = how(pair.network)
    assert isinstance(twin, Network)

    assert _transcript(twin) == _transcript(pair.network)
    assert twin.traffic == pair.network.traffic


# --- output that waits, and rest ---


def test_a_command_makes_the_connection_due_and_a_drain_makes_it_rest() -> None:
    pair = Pair().connect()
    pair.settle(2.0)
    machine, now = pair.left.machine, pair.now
    before = machine.next_timeout()
    assert before is None or before > now

    machine.send(pair.left.channel(), "x")
    due = machine.next_timeout()
    assert due is not None
    assert due <= now
    assert machine.datagrams_to_send(now)
    assert machine.datagrams_to_send(now) == []

    after = machine.next_timeout()
    assert after is not None
    assert after > now


def test_messages_that_are_sent_together_share_datagrams() -> None:
    pair = Pair().connect()
    pair.settle(2.0)

    for number in range(20):
        pair.left.machine.send(pair.left.channel(), f"message {number}")

    assert len(pair.left.machine.datagrams_to_send(pair.now)) == 1


def test_a_resting_connection_asks_no_layer() -> None:
    pair = Pair().connect()
    pair.settle(2.0)
    machine, now = pair.left.machine, pair.now
    machine.datagrams_to_send(now)
    before = pickle.dumps(machine)

    for _ in range(3):
        assert machine.datagrams_to_send(now) == []
        assert machine.events() == []
        machine.next_timeout()

    assert pickle.dumps(machine) == before


def test_time_that_goes_back_is_clamped() -> None:
    pair = Pair().connect()
    pair.settle(2.0)
    due = pair.left.machine.next_timeout()

    pair.left.machine.handle_timeout(-5.0)
    pair.left.machine.receive_datagrams([], -5.0)
    pair.left.machine.datagrams_to_send(-5.0)

    assert pair.left.machine.next_timeout() == due


# --- bounds ---


def test_the_send_buffer_is_bounded_and_tells_when_it_is_low() -> None:
    small = PeerOptions(data=DataChannelConfig(association=AssociationConfig(send_buffer_size=100_000)))
    pair = Pair(options=(small, small)).connect()
    machine, channel = pair.left.machine, pair.left.channel()
    machine.set_buffered_amount_low_threshold(channel, 10_000)

    with pytest.raises(BufferFullError):
        for _ in range(1000):
            machine.send(channel, bytes(10_000))
    assert 0 < machine.buffered_amount(channel) <= 100_000

    assert pair.run(lambda: pair.left.node.saw(BufferedAmountLow))
    pair.settle(5.0)
    assert machine.buffered_amount(channel) == 0
    machine.send(channel, "there is room again")


@pytest.mark.spec("rfc8841:6.1/1")
def test_a_message_longer_than_the_peer_takes_is_refused() -> None:
    limited = PeerOptions(data=DataChannelConfig(max_message_size=1000))
    pair = Pair(options=(PeerOptions(), limited)).connect()

    with pytest.raises(MessageTooLargeError):
        pair.left.machine.send(pair.left.channel(), bytes(1001))
    pair.left.machine.send(pair.left.channel(), bytes(1000))
    assert pair.run(lambda: pair.right.messages() == [bytes(1000)])


def test_misuse_of_channels_has_errors_of_this_package() -> None:
    pair = Pair().connect()
    machine, channel = pair.left.machine, pair.left.channel()

    with pytest.raises(ArgumentError):
        machine.create_data_channel(max_retransmits=1, max_packet_life_time_ms=1)
    with pytest.raises(ArgumentError):
        machine.create_data_channel(negotiated=True)
    with pytest.raises(ArgumentError):
        machine.create_data_channel(channel_id=5)
    with pytest.raises(ArgumentError):
        machine.create_data_channel("x" * 65_536)
    with pytest.raises(OperationError):
        machine.create_data_channel(negotiated=True, channel_id=channel.id)
    with pytest.raises(ArgumentError):
        machine.send(channel, "\ud800")
    with pytest.raises(ArgumentError):
        machine.set_buffered_amount_low_threshold(channel, -1)
    machine.close_channel(channel, pair.now)
    with pytest.raises(StateError):
        machine.send(channel, "late")


def test_a_message_before_the_connection_is_refused() -> None:
    pair = Pair()
    channel = pair.left.machine.create_data_channel()

    with pytest.raises(StateError):
        pair.left.machine.send(channel, "early")


# --- hostile bytes ---


@pytest.fixture(scope="module")
def connected() -> bytes:
    """A connected machine, frozen."""
    pair = Pair().connect()
    pair.settle(2.0)
    return pickle.dumps(pair.left.machine)


@settings(max_examples=60)
@given(data=st.binary(max_size=120), first=st.integers(0, 255))
def test_bytes_of_strangers_raise_nothing_and_break_nothing(connected: bytes, data: bytes, first: int) -> None:
    machine: PeerConnection = pickle.loads(connected)
    path = machine.transports[0].selected_pair
    assert path is not None

    machine.receive_datagram(Datagram(bytes([first]) + data, path.local, path.remote), 5.0)
    machine.datagrams_to_send(5.0)

    assert machine.connection_state is ConnectionState.CONNECTED


@pytest.mark.parametrize("seed", range(4))
def test_recorded_datagrams_bent_and_repeated_do_not_disturb_a_talk(seed: int) -> None:
    pair = Pair(seed=seed)
    seen: list[Datagram] = []
    pair.network.trace = lambda now, datagram: seen.append(datagram)
    pair.connect()
    rng = SeededRng(f"bending {seed}")
    for number in range(30):
        for _ in range(10):
            original = seen[int.from_bytes(rng(4), "big") % len(seen)]
            data = bytearray(original.data)
            for _ in range(rng(1)[0] % 3):
                data[int.from_bytes(rng(4), "big") % len(data)] ^= 1 << (rng(1)[0] % 8)
            side = pair.left if original.local.host == "192.0.2.1" else pair.right
            side.machine.receive_datagram(Datagram(bytes(data), original.local, original.remote), pair.now)
        pair.left.machine.send(pair.left.channel(), f"{number}")
        pair.settle(0.05)

    assert pair.run(lambda: len(pair.right.messages()) >= 30)
    assert pair.right.messages() == [f"{number}" for number in range(30)]


# --- the trace ---


def test_what_is_dropped_is_traced_with_its_reason() -> None:
    records: list[tuple[float, str, dict[str, object]]] = []

    def trace(now: float, name: str, details: Mapping[str, object]) -> None:
        records.append((now, name, dict(details)))

    peer = PeerConnection(rng=SeededRng("traced"), wall_clock=WALL_CLOCK, trace=trace, now=5.0)
    peer.create_data_channel()
    peer.set_local_description(None, 5.0)
    path = (Address("192.0.2.1", 5000), Address("192.0.2.2", 5000))
    peer.receive_datagram(Datagram(b"\xff", *path), 6.0)
    peer.close(7.0)
    peer.receive_datagram(Datagram(b"\x16", *path), 8.0)

    dropped = [(now, details) for now, name, details in records if name == "peer:dropped"]
    assert dropped == [(6.0, {"reason": "no-unknown", "count": 1}), (8.0, {"reason": "closed", "count": 1})]
    assert (7.0, "peer:closed", {}) in records
