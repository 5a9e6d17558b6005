"""Every step of every pair is told, if it is asked for."""

from rtc_ice import CandidatePairChanged, IceConfig, PairState

from .session import Call, simple_call

TELLING = IceConfig(report_pairs=True)


def _told(call: Call) -> list[CandidatePairChanged]:
    return call.alice.node.of(CandidatePairChanged)


def test_the_life_of_a_pair_is_told_in_order() -> None:
    call = simple_call(alice=TELLING)

    call.start()
    assert call.run(call.completed)

    steps = [(event.state, event.nominated) for event in _told(call)]
    assert steps[0][0] in (PairState.FROZEN, PairState.WAITING)
    assert steps[-1] == (PairState.SUCCEEDED, True)
    assert len(steps) == len(set(steps))
    assert {event.pair.remote.host for event in _told(call)} == {"192.0.2.2"}


def test_pairs_that_go_are_told_of_too() -> None:
    call = Call(alice=TELLING)
    call.join(call.network.host("192.0.2.1", "192.0.2.11"))
    call.join(call.network.host("192.0.2.2"))
    call.start()
    assert call.run(call.completed)
    call.run(timeout=5.0)

    alive = {event.number for event in _told(call) if event.state is not None}
    gone = {event.number for event in _told(call) if event.state is None}
    present = {each.number for each in call.alice.agent.candidate_pair_stats()}
    assert gone
    assert alive - gone == present


def test_a_restart_ends_all_pairs() -> None:
    call = simple_call(alice=TELLING)
    call.start()
    assert call.run(call.completed)
    before = len(_told(call))

    call.alice.agent.restart(call.network.now)
    call.network.flush()

    assert [event.state for event in _told(call)[before:]] == [None]


def test_nothing_is_told_unasked() -> None:
    call = simple_call()
    call.start()
    assert call.run(call.completed)

    assert _told(call) == []
