"""The rules that every machine of the house obeys."""

import copy
import pickle

import pytest
from tests.datachannel.pair import Pair, kinds
from tests.support.network import Link, Network
from tests.support.rng import SeededRng

import rtc_datachannel
from rtc_datachannel import (
    ChannelState,
    DataChannelConfig,
    DataChannelEndpoint,
    MessageReceived,
)
from rtc_sctp import AssociationConfig


def test_the_public_names_are_sorted_and_there() -> None:
    names = list(rtc_datachannel.__all__)

    assert names == sorted(names)
    assert all(hasattr(rtc_datachannel, name) for name in names)


def test_a_command_makes_the_endpoint_due_and_a_drain_makes_it_rest() -> None:
    pair = Pair().connect()
    mine, _ = pair.open()
    pair.settle()
    now = pair.network.now

    pair.left.endpoint.send(mine, "x")
    due = pair.left.endpoint.next_timeout()
    assert due is not None
    assert due <= now
    pair.left.endpoint.datagrams_to_send(now)

    later = pair.left.endpoint.next_timeout()
    assert later is None or later > now


def test_time_that_goes_back_is_clamped() -> None:
    pair = Pair().connect()
    pair.open()

    pair.left.endpoint.handle_timeout(-5.0)
    pair.left.endpoint.receive_datagrams([], -5.0)
    pair.left.endpoint.datagrams_to_send(-5.0)

    assert pair.left.endpoint.state.value == "connected"


@pytest.mark.parametrize("how", [copy.deepcopy, lambda machine: pickle.loads(pickle.dumps(machine))])  # our own bytes
@pytest.mark.parametrize("steps", range(0, 40, 3))
def test_a_copy_in_any_state_goes_on_as_the_original(how: object, steps: int) -> None:
    """Both conversations run from the same moment with the same dice; they must not differ."""
    assert callable(how)

    def transcript(network: Network, left: DataChannelEndpoint) -> list[str]:
        network.run(timeout=30)
        left.close(network.now)
        network.run(timeout=30)
        return [line for node in network.nodes for line in kinds(node.events)]  # type: ignore[arg-type]  # all are ours

    pair = Pair(link=Link(delay=0.02, loss=0.1))
    early = pair.left.endpoint.create_channel("x")
    pair.start()
    for _ in range(steps):
        pair.network.run(timeout=0.015)
        if early.state is ChannelState.OPEN and steps % 2:
            pair.left.endpoint.send(early, "again")
            pair.network.flush()
    twin = how(pair.network)

    assert transcript(twin, twin.nodes[0].machine) == transcript(pair.network, pair.left.endpoint)
    assert twin.traffic == pair.network.traffic


def test_the_same_seed_gives_the_same_bytes() -> None:
    def conversation() -> list[bytes]:
        pair = Pair(seed=9, link=Link(loss=0.1))
        seen: list[bytes] = []
        pair.network.trace = lambda now, datagram: seen.append(datagram.data)
        for number in range(5):
            pair.left.endpoint.create_channel(f"{number}")
        pair.connect()
        pair.settle()
        return seen

    assert conversation() == conversation()


def test_batches_and_single_datagrams_give_the_same_events() -> None:
    def conversation(*, batch: bool) -> list[object]:
        pair = Pair(batch=batch).connect()
        mine, _ = pair.open()
        for number in range(100):
            pair.left.endpoint.send(mine, f"{number}" * 300)
        pair.settle()
        return pair.right.of(MessageReceived)

    assert conversation(batch=True) == conversation(batch=False)


def test_the_trace_tells_of_every_state_and_changes_nothing() -> None:
    records: list[tuple[str, dict[str, object]]] = []

    def conversation(*, traced: bool) -> list[str]:
        network = Network(seed=1)
        endpoints = [
            DataChannelEndpoint(
                rng=SeededRng(name),
                trace=(lambda now, name, facts: records.append((name, dict(facts)))) if traced else None,
            )
            for name in ("left", "right")
        ]
        nodes = network.join(*endpoints)
        channel = endpoints[0].create_channel("x")
        endpoints[0].start(0.0, client=True)
        endpoints[1].start(0.0, client=False)
        network.advance(3)
        endpoints[0].close_channel(channel)
        network.advance(3)
        endpoints[0].close(network.now)
        network.advance(3)
        return [type(event).__name__ for node in nodes for event in node.events]

    assert conversation(traced=True) == conversation(traced=False)
    states = [facts["state"] for name, facts in records if name == "datachannel:channel_state_changed"]
    assert sorted(map(str, states)) == ["closed", "closed", "closing", "closing", "open", "open"]
    assert [facts["state"] for name, facts in records if name == "datachannel:endpoint_state_changed"].count(
        "connected"
    ) == 2


@pytest.mark.parametrize(
    "settings",
    [
        {"max_message_size": 0},
        {"remote_max_message_size": -1},
        {"max_channels": 0},
        {"max_channels": 65_536},
        {"max_peer_text_size": -1},
        {"early_message_buffer_size": -1},
        {"early_message_timeout": -1.0},
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        DataChannelConfig(**settings)  # type: ignore[arg-type]  # one wrong value of each kind


def test_inputs_after_the_end_are_ignored() -> None:
    pair = Pair().connect()
    pair.left.endpoint.abort(pair.network.now)
    pair.left.endpoint.events()

    pair.left.endpoint.receive_datagrams([bytes(40)], pair.network.now)
    pair.left.endpoint.handle_timeout(pair.network.now + 100)

    assert pair.left.endpoint.events() == []
    assert pair.left.endpoint.closed


def test_messages_taken_after_the_end_wake_nobody() -> None:
    smallest = AssociationConfig(receive_buffer_size=1500, max_received_message_size=1)
    pair = Pair(right=DataChannelConfig(max_message_size=4000, association=smallest)).connect()
    mine, _ = pair.open()
    right, now = pair.right.endpoint, pair.network.now
    pair.network.nodes.remove(pair.right.node)
    for _ in range(70):
        pair.left.endpoint.send(mine, bytes(3000))
    for _ in range(80):
        now += 0.3
        right.receive_datagrams(pair.left.endpoint.datagrams_to_send(now), now)
        right.handle_timeout(now)
        pair.left.endpoint.receive_datagrams(right.datagrams_to_send(now), now)
    right.abort(now)
    right.datagrams_to_send(now)

    assert len(right.events()) > 60
    assert right.next_timeout() is None


@pytest.mark.spec("rfc8831:5/2", "rfc8831:5/3")
def test_a_new_path_is_met_with_the_first_window_and_packet_size() -> None:
    association = AssociationConfig(max_packet_size=1192, path_mtu_limit=1400)
    config = DataChannelConfig(association=association)
    pair = Pair(left=config, right=config).connect()
    mine, _ = pair.open()
    first = pair.left.endpoint.association_stats.congestion_window
    longest: list[int] = []

    def send() -> None:
        longest.clear()
        for _ in range(10):
            pair.left.endpoint.send(mine, bytes(60_000))
            pair.settle(0.05)

    pair.network.trace = lambda now, datagram: longest.append(len(datagram.data))
    send()
    pair.settle(30)
    send()
    assert (pair.left.endpoint.association_stats.congestion_window > first, max(longest) > 1192) == (True, True)
    pair.left.endpoint.path_changed(pair.network.now)

    assert pair.left.endpoint.association_stats.congestion_window == first
    pair.left.endpoint.send(mine, bytes(3000))
    assert {len(data) for data in pair.left.endpoint.datagrams_to_send(pair.network.now)} <= set(range(1193)) | {1400}


def test_a_channel_says_what_it_is() -> None:
    pair = Pair()

    assert repr(pair.left.endpoint.create_channel("x")) == "<DataChannel id=None label='x' connecting>"
