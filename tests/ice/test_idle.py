"""An agent at rest costs nothing, misses nothing, and wakes nobody without need."""

from collections.abc import Callable

import pytest
from tests.support.rng import SeededRng

from rtc_ice import ConnectionState, IceAgent, IceConfig, StateError
from rtc_stun import Datagram, MessageClass

from .crafted import HERE, THERE, Desk, candidate, parse
from .session import STUN_SERVER, simple_call


def _resting() -> Desk:
    desk = Desk()
    desk.connect()
    desk.output()
    desk.events()
    return desk


def _watch_conclusions(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note which of the agent's inner wheels turn."""
    turned: list[str] = []
    for name in ("_settle", "_begin_transactions", "_next_deadline"):
        original: Callable[[IceAgent], object] = getattr(IceAgent, name)

        def watched(agent: IceAgent, name: str = name, original: Callable[[IceAgent], object] = original) -> object:
            turned.append(name)
            return original(agent)

        monkeypatch.setattr(IceAgent, name, watched)
    return turned


def test_while_nothing_is_due_no_wheel_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = _resting()
    turned = _watch_conclusions(monkeypatch)
    due = desk.agent.next_timeout()
    assert due is not None

    while desk.now + 0.001 < due:
        desk.now += 0.001
        desk.agent.handle_timeout(desk.now)
        assert desk.output() == []
        assert desk.events() == []
        assert desk.agent.next_timeout() == due
        assert desk.agent.selected_pair is not None
        assert desk.agent.is_valid_path(HERE, THERE)

    assert turned == []


def test_what_is_due_is_done_on_time() -> None:
    desk = _resting()
    due = desk.agent.next_timeout()
    assert due is not None

    desk.agent.handle_timeout(due)

    (consent,) = desk.agent.datagrams_to_send(due)
    assert parse(consent).message_class is MessageClass.REQUEST


@pytest.mark.parametrize(
    "command",
    [
        lambda desk: desk.agent.receive_datagram(Datagram(desk.request(), HERE, THERE), desk.now),
        lambda desk: desk.agent.add_remote_candidate(candidate(THERE._replace(port=1)), desk.now),
        lambda desk: desk.agent.end_of_remote_candidates(desk.now),
        lambda desk: desk.agent.restart(desk.now),
        lambda desk: desk.agent.add_stun_server(STUN_SERVER, desk.now),
    ],
)
def test_a_forgotten_flush_is_a_wake_up(command: Callable[[Desk], object]) -> None:
    desk = Desk(end=False, candidates=(candidate(THERE),))
    desk.advance(0.01)
    assert desk.agent.next_timeout() != desk.now

    command(desk)

    assert desk.agent.next_timeout() == desk.now
    desk.output()
    timeout = desk.agent.next_timeout()
    assert timeout is None or timeout > desk.now


@pytest.mark.parametrize("flush_first", [True, False])
def test_silence_is_noticed_whether_or_not_a_flush_comes_before_the_timeout(flush_first: bool) -> None:
    desk = _resting()
    while desk.agent.connection_state is ConnectionState.COMPLETED:
        timeout = desk.agent.next_timeout()
        assert timeout is not None
        assert timeout <= desk.now + 10.0
        if flush_first:
            desk.agent.datagrams_to_send(timeout)
        desk.agent.handle_timeout(timeout)
        desk.agent.datagrams_to_send(timeout)
        assert timeout < 111.0

    assert desk.agent.connection_state is ConnectionState.DISCONNECTED


def test_time_that_goes_back_is_clamped() -> None:
    desk = _resting()
    due = desk.agent.next_timeout()

    desk.agent.handle_timeout(desk.now - 50.0)

    assert desk.agent.datagrams_to_send(desk.now - 50.0) == []
    assert desk.agent.next_timeout() == due


def test_what_is_flushed_in_the_past_is_sent_now() -> None:
    desk = Desk(candidates=(candidate(THERE),))

    (check,) = desk.agent.datagrams_to_send(desk.now - 50.0)

    assert desk.agent.next_timeout() == desk.now + 0.5
    desk.agent.handle_timeout(desk.now - 50.0)
    assert desk.output() == []
    assert desk.advance(0.5) == [check]


def test_being_called_early_or_often_changes_nothing() -> None:
    calls = [simple_call(), simple_call()]
    for call in calls:
        call.start()
    assert calls[0].run(calls[0].completed, timeout=5)
    while not calls[1].completed():
        calls[1].run(timeout=0.001)
        for party in calls[1].parties:
            party.agent.handle_timeout(calls[1].network.now)
        calls[1].network.flush()

    for party, other in zip(calls[0].parties, calls[1].parties, strict=True):
        assert party.agent.selected_pair == other.agent.selected_pair
        assert party.states == other.states


def test_a_closed_agent_refuses_commands_and_keeps_its_counters() -> None:
    desk = _resting()
    desk.agent.close(desk.now)
    commands: list[Callable[[], object]] = [
        lambda: desk.agent.add_local_address(THERE, desk.now),
        lambda: desk.agent.add_remote_candidate(candidate(THERE), desk.now),
        lambda: desk.agent.end_of_local_addresses(desk.now),
        lambda: desk.agent.end_of_remote_candidates(desk.now),
        lambda: desk.agent.set_remote_credentials("abcd", "p" * 22, desk.now),
        lambda: desk.agent.restart(desk.now),
        lambda: desk.agent.add_stun_server(STUN_SERVER, desk.now),
        lambda: desk.agent.remove_local_address(HERE, desk.now),
    ]

    for command in commands:
        with pytest.raises(StateError):
            command()
    assert desk.agent.selected_pair is None
    assert desk.agent.stats.datagrams_sent > 0
    assert desk.agent.closed


@pytest.mark.parametrize(
    "options",
    [
        {"ta": 0.004},
        {"components": ()},
        {"components": (0,)},
        {"components": (257,)},
        {"max_requests": 0},
        {"final_wait_rtos": 0},
        {"patience": -1.0},
        {"gathering_timeout": 0.0},
        {"disconnected_timeout": 0.0},
        {"max_pairs": 0},
        {"max_remote_candidates": 0},
        {"max_local_addresses": 0},
        {"max_local_addresses": 1025},
        {"stun_servers": (STUN_SERVER._replace(host="stun.example"),)},
        {"stun_servers": tuple(STUN_SERVER._replace(port=n) for n in range(1, 18))},
    ],
    ids=str,
)
def test_configuration_out_of_range_is_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        IceConfig(**options)  # type: ignore[arg-type]  # a wrong value is the point


def test_the_trace_tells_states_and_drops_and_changes_nothing() -> None:
    records: list[tuple[float, str, dict[str, object]]] = []
    traced = IceAgent(
        controlling=True,
        rng=SeededRng(1),
        trace=lambda now, name, values: records.append((now, name, dict(values))),
    )
    traced.add_local_address(HERE, 1.0)
    traced.receive_datagram(Datagram(b"\xff", HERE, THERE), 2.0)
    traced.close(3.0)

    assert records == [
        (1.0, "ice:gathering_state_changed", {"state": "gathering"}),
        (2.0, "ice:dropped", {"reason": "not-stun"}),
        (3.0, "ice:connection_state_changed", {"state": "closed"}),
    ]
