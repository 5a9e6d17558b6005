"""The rules of the sans-I/O contract, each run over every machine of every package."""

import copy
import dataclasses
import inspect
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.network import Link, Node
from tests.support.rng import SeededRng

from rtc_stun import Address, Datagram

from .conversation import Conversation
from .conversations import CONVERSATIONS

ROOT = Path(__file__).parent.parent.parent

each_machine = pytest.mark.parametrize("kind", CONVERSATIONS, ids=lambda kind: kind.name)
Kind = type[Conversation]


def _settled(kind: Kind, **options: object) -> Conversation:
    conversation = kind(**options)  # type: ignore[arg-type]
    assert conversation.run(), f"{kind.name} did not settle"
    return conversation


def _whole(conversation: Conversation) -> list[tuple[float, bytes]]:
    """Start, talk and close; everything that was sent."""
    assert conversation.run()
    conversation.talk()
    assert conversation.network.run(until=conversation.talked, timeout=conversation.timeout)
    conversation.left.machine.close(conversation.network.now)
    conversation.network.run(timeout=5.0)
    return conversation.sent


# --- rule 1: no clock, chance or global state inside ---


@each_machine
def test_the_same_seed_gives_the_same_bytes(kind: Kind) -> None:
    assert _whole(kind(seed=5)) == _whole(kind(seed=5))


@each_machine
def test_another_seed_gives_other_bytes(kind: Kind) -> None:
    assert _whole(kind(seed=5)) != _whole(kind(seed=6))


DIGESTS = """
import hashlib, json
from tests.contract.conversations import CONVERSATIONS
from tests.contract.test_rules import _whole
print(json.dumps({kind.name: hashlib.sha256(repr(_whole(kind(seed=9))).encode()).hexdigest() for kind in CONVERSATIONS}))
"""


@pytest.fixture(scope="module")
def digests() -> list[dict[str, str]]:
    """What every conversation sent, as a digest by its name, under several hash seeds."""
    path = os.pathsep.join(entry for entry in sys.path if entry)
    outputs = [
        subprocess.run(
            [sys.executable, "-c", DIGESTS],
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": path},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "77")
    ]
    return [json.loads(output) for output in outputs]


@each_machine
def test_bytes_do_not_depend_on_the_hash_seed(kind: Kind, digests: list[dict[str, str]]) -> None:
    assert len({by_name[kind.name] for by_name in digests}) == 1


@each_machine
def test_what_comes_from_outside_is_named_where_a_machine_is_made(kind: Kind) -> None:
    for node in kind().nodes:
        parameters = inspect.signature(type(node.machine)).parameters.values()

        assert [one.name for one in parameters if one.kind is not inspect.Parameter.KEYWORD_ONLY] == []


# --- rule 2: time going back is clamped ---


@each_machine
def test_a_clock_that_jumps_back_is_as_good_as_one_that_stands(kind: Kind) -> None:
    def conversation(clamped: bool) -> list[tuple[float, bytes]]:
        talk = kind(seed=11, link=Link(delay=0.02, loss=0.1))
        for node in talk.nodes:
            _disturb_clock(node, clamped=clamped)
        return _whole(talk)

    assert conversation(clamped=False) == conversation(clamped=True)


def _disturb_clock(node: Node, *, clamped: bool) -> None:
    """Let every second time that a node is told lie a second back, or, clamped, be the latest of those before."""
    receive, drain = node.receive, node.drain
    calls, latest = 0, 0.0

    def disturbed(now: float) -> float:
        nonlocal calls, latest
        calls += 1
        told = now - calls % 2
        latest = max(latest, told)
        return latest if clamped else told

    node.receive = lambda batch, now: receive(batch, disturbed(now))  # type: ignore[method-assign]
    node.drain = lambda now: drain(disturbed(now))  # type: ignore[method-assign]


@each_machine
def test_time_that_goes_back_is_clamped(kind: Kind) -> None:
    conversation = _settled(kind)
    conversation.network.advance(3.0)
    machine = conversation.left.machine
    before = machine.next_timeout()

    machine.handle_timeout(conversation.network.now - 2.0)
    machine.datagrams_to_send(conversation.network.now - 2.0)

    assert machine.next_timeout() == before


# --- rule 3: any number of inputs before a drain ---


@each_machine
def test_one_datagram_at_a_time_and_batches_both_work(kind: Kind) -> None:
    assert kind(batch=True).run()
    assert kind(batch=False).run()


@each_machine
def test_inputs_may_pile_up_before_a_drain(kind: Kind) -> None:
    conversation = kind(link=Link(delay=0.005))
    for node in conversation.nodes:
        _hold_back(node)

    assert conversation.run()


def _hold_back(node: Node) -> None:
    """Take only every third opportunity to drain; the machine's own wake-up has to bring the rest out."""
    drain = node.drain
    opportunities = 0

    def lazy(now: float) -> list[Datagram]:
        nonlocal opportunities
        opportunities += 1
        return drain(now) if opportunities % 3 == 0 or node.machine.next_timeout() == now else []

    node.drain = lazy  # type: ignore[method-assign]


# --- rule 4: unflushed output is due at once ---


@each_machine
def test_unflushed_output_is_due_at_once(kind: Kind) -> None:
    conversation = kind()
    checked = 0

    def watch(node: Node) -> None:
        receive = node.receive

        def watched(batch: list[object], now: float) -> None:
            nonlocal checked
            receive(batch, now)  # type: ignore[arg-type]
            if copy.deepcopy(node.machine).datagrams_to_send(now):
                due = node.machine.next_timeout()
                assert due is not None
                assert due <= now
                checked += 1

        node.receive = watched  # type: ignore[method-assign, assignment]

    for node in conversation.nodes:
        watch(node)

    assert conversation.run()
    assert checked > 0


@each_machine
def test_after_a_timeout_and_a_flush_nothing_is_due(kind: Kind) -> None:
    conversation = _settled(kind, link=Link(delay=0.005, loss=0.1))
    machine = conversation.left.machine
    conversation.talk()
    for _ in range(50):
        at = machine.next_timeout()
        if at is None:
            break
        now = max(at, conversation.network.now)

        machine.handle_timeout(now)
        machine.datagrams_to_send(now)
        machine.events()

        again = machine.next_timeout()
        assert again is None or again > now


@each_machine
def test_asking_for_the_timeout_changes_nothing(kind: Kind) -> None:
    conversation = kind()
    conversation.start()
    for _ in range(20):
        conversation.network.run(timeout=0.005)
        for node in conversation.nodes:
            before = pickle.dumps(node.machine)

            assert node.machine.next_timeout() == node.machine.next_timeout()
            assert pickle.dumps(node.machine) == before


# --- rule 5: what the network sends never raises ---


@each_machine
def test_garbage_is_dropped_and_counted(kind: Kind) -> None:
    conversation = _settled(kind)
    machine = conversation.left.machine
    dropped = sum(machine.stats.dropped.values())
    template = conversation.left

    _receive(conversation, template, b"")
    _receive(conversation, template, b"\xff" * 40)

    assert sum(machine.stats.dropped.values()) >= dropped + 2


def _receive(conversation: Conversation, node: Node, data: bytes, source: Address | None = None) -> None:
    other = conversation.right if node is conversation.left else conversation.left
    here, there = (Address(*next(iter(next(iter(one.hosts.values())).nodes))) for one in (node, other))
    node.receive([Datagram(data, here, source or there)], conversation.network.now)
    node.drain(conversation.network.now)


@each_machine
def test_mutated_traffic_raises_nothing_at_any_stage(kind: Kind) -> None:
    recorded = [data for _, data in _whole(kind(seed=3))]
    rng = SeededRng(f"mutations of {kind.name}")
    conversation = kind(seed=4)
    conversation.start()
    for round_number in range(300):
        data = bytearray(recorded[int.from_bytes(rng(4), "big") % len(recorded)])
        for _ in range(rng(1)[0] % 4):
            if data:
                data[int.from_bytes(rng(4), "big") % len(data)] ^= 1 << (rng(1)[0] % 8)
        if rng(1)[0] % 4 == 0:
            del data[int.from_bytes(rng(4), "big") % (len(data) + 1) :]
        _receive(conversation, conversation.nodes[round_number % 2], bytes(data))
        if round_number % 10 == 0:
            conversation.network.run(timeout=0.02)


@each_machine
@given(junk=st.lists(st.binary(max_size=200), max_size=20))
def test_random_bytes_raise_nothing(kind: Kind, junk: list[bytes]) -> None:
    conversation = kind()
    conversation.start()

    for data in junk:
        _receive(conversation, conversation.left, data)


# --- rule 6: the caller's mistakes raise and change nothing ---


@each_machine
def test_misuse_raises_and_leaves_the_state_unchanged(kind: Kind) -> None:
    conversation = _settled(kind)
    conversation.network.flush()
    for description, misuse in conversation.misuses():
        before = pickle.dumps(conversation.left.machine)
        with pytest.raises(Exception) as raised:  # noqa: PT011  # which error it is, is asserted next
            misuse(conversation.left)

        assert type(raised.value).__module__.startswith(("rtc_", "builtins")), description
        assert not isinstance(raised.value, (AttributeError, KeyError, IndexError, AssertionError)), description
        assert pickle.dumps(conversation.left.machine) == before, description


@each_machine
def test_a_closed_machine_ignores_the_network_and_refuses_commands(kind: Kind) -> None:
    conversation = _settled(kind)
    recorded = [data for _, data in conversation.sent]
    machine = conversation.left.machine
    machine.close(conversation.network.now)
    conversation.network.run(until=lambda: machine.closed, timeout=60.0)
    assert machine.closed
    conversation.network.flush()

    for data in recorded:
        _receive(conversation, conversation.left, data)
    machine.close(conversation.network.now)

    assert machine.datagrams_to_send(conversation.network.now) == []
    assert machine.next_timeout() is None
    for description, command in conversation.after_close():
        with pytest.raises(Exception) as raised:  # noqa: PT011  # the next line looks at the type
            command(conversation.left)

        assert type(raised.value).__module__.startswith("rtc_"), description


# --- rule 7: events ---


@each_machine
def test_events_are_slots_dataclasses_that_stand_alone(kind: Kind) -> None:
    conversation = kind()
    _whole(conversation)
    events = [event for node in conversation.nodes for event in node.events]

    assert events
    for event in events:
        assert dataclasses.is_dataclass(event), event
        assert not hasattr(event, "__dict__"), f"{type(event).__name__} has no slots"
        # By their text: handles of channels are equal to themselves alone.
        assert repr(pickle.loads(pickle.dumps(event))) == repr(event)


# --- rule 8: queues have bounds ---


@each_machine
@pytest.mark.parametrize("spoofed", [False, True], ids=["replayed", "spoofed"])
def test_what_others_repeat_makes_no_machine_grow(kind: Kind, spoofed: bool) -> None:
    conversation = _settled(kind)
    recorded = [data for _, data in conversation.sent]
    sources = (Address(f"192.0.2.{200 + number // 60000}", 1024 + number) for number in range(100_000))

    def repeat(count: int) -> list[int]:
        for number in range(count):
            for node in conversation.nodes:
                source = next(sources) if spoofed else None
                _receive(conversation, node, recorded[number % len(recorded)], source)
        return [len(pickle.dumps(node.machine)) for node in conversation.nodes]

    early, late = repeat(kind.saturation), repeat(1000)

    # Bounds are reached by now; some bytes are for counters, whose digits become more.
    assert all(after < before + 500 for before, after in zip(early, late, strict=True))


@each_machine
def test_a_queue_that_is_full_raises(kind: Kind) -> None:
    conversation = _settled(kind)
    command = conversation.flood()
    if command is None:
        return  # this machine has no queue that the application fills

    with pytest.raises(Exception) as raised:  # noqa: PT011  # the next line looks at the type
        for _ in range(200_000):
            command(conversation.left)

    assert type(raised.value).__module__.startswith("rtc_")


# --- rule 9: wishes for I/O are events ---

_watches: list[list[str]] = []
"""Who wants to know what the interpreter is asked to open."""


def _note(event: str, _: object) -> None:
    if _watches and event.startswith(("socket.", "subprocess.", "os.", "_thread.")):
        _watches[-1].append(event)


@pytest.fixture(scope="module")
def audit() -> None:
    """Hear of everything that the interpreter does outside itself; there is no end to it, but nobody listens later."""
    sys.addaudithook(_note)


@pytest.fixture
def opened(audit: None) -> Iterator[list[str]]:
    """Every socket, process, look at the file system and thread from here to the end of the test."""
    _watches.append([])
    yield _watches[-1]
    _watches.pop()


def test_the_watch_sees_what_is_opened(opened: list[str]) -> None:
    os.listdir(ROOT)

    assert opened[-1] == "os.listdir"


@each_machine
def test_a_machine_opens_nothing_by_itself(kind: Kind, opened: list[str]) -> None:
    _whole(kind(seed=5))  # what is loaded at first use is loaded now
    opened.clear()
    _whole(kind(seed=5))

    assert opened == []


# --- rule 10: no callbacks ---


@each_machine
def test_a_machine_calls_nobody_but_the_source_of_chance_and_the_trace(kind: Kind) -> None:
    machine = type(kind().left.machine)
    callbacks = {
        f"{name}({parameter.name})"
        for name, method in inspect.getmembers(machine, inspect.isfunction)
        if name == "__init__" or not name.startswith("_")
        for parameter in inspect.signature(method).parameters.values()
        if "Callable" in str(parameter.annotation) and parameter.name not in {"rng", "trace"}
    }

    assert callbacks == set()


# --- rule 11: state is plain data ---


@each_machine
@pytest.mark.parametrize(
    "duplicate", [copy.deepcopy, lambda machine: pickle.loads(pickle.dumps(machine))], ids=["deepcopy", "pickle"]
)
def test_a_copy_goes_on_as_the_original_would(kind: Kind, duplicate: Callable[[object], object]) -> None:
    conversation = kind(seed=8)
    for node in conversation.nodes:
        receive = node.receive

        def exchanged(
            batch: list[object], now: float, node: Node = node, receive: Callable[..., None] = receive
        ) -> None:
            receive(batch, now)
            node.machine = duplicate(node.machine)  # type: ignore[assignment]

        node.receive = exchanged  # type: ignore[method-assign, assignment]

    assert _whole(conversation) == _whole(kind(seed=8))


# --- rule 12: the trace ---


@each_machine
def test_tracing_changes_nothing_and_gives_plain_records(kind: Kind) -> None:
    records: list[tuple[float, str, Mapping[str, object]]] = []

    traced = _whole(kind(seed=2, trace=lambda now, name, data: records.append((now, name, dict(data)))))

    assert traced == _whole(kind(seed=2))
    assert records
    for now, name, data in records:
        assert now >= 0
        assert name.count(":") == 1
        json.dumps(data)


# --- and a bad network does not break any of this ---


@each_machine
@pytest.mark.parametrize("seed", range(10))
def test_a_bad_network_is_survived(kind: Kind, seed: int) -> None:
    link = Link(delay=0.02, jitter=0.02, loss=0.2, duplication=0.1, reordering=0.1)
    conversation = kind(seed=seed, link=link)
    conversation.start()

    assert conversation.network.run(until=conversation.settled, timeout=60.0)
