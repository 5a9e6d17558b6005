"""The tables of states, and that only they are followed."""

import pytest

from rtc_ice import ConnectionState, GatheringState, PairState, StateError
from rtc_ice.state import CONNECTION_STEPS, GATHERING_STEPS, PAIR_TRANSITIONS, PairInput
from rtc_ice.status import Status

FROZEN, WAITING, IN_PROGRESS = PairState.FROZEN, PairState.WAITING, PairState.IN_PROGRESS
SUCCEEDED, FAILED = PairState.SUCCEEDED, PairState.FAILED
NEW, CHECKING, CONNECTED = ConnectionState.NEW, ConnectionState.CHECKING, ConnectionState.CONNECTED
COMPLETED, DISCONNECTED = ConnectionState.COMPLETED, ConnectionState.DISCONNECTED
CLOSED = ConnectionState.CLOSED


def test_the_table_of_pairs_is_that_of_figure_6_and_the_sections_that_add_to_it() -> None:
    unfreeze, perform, trigger = PairInput.UNFREEZE, PairInput.PERFORM, PairInput.TRIGGER
    succeed, fail = PairInput.SUCCEED, PairInput.FAIL

    assert dict(PAIR_TRANSITIONS) == {
        (FROZEN, unfreeze): WAITING,
        (FROZEN, trigger): WAITING,
        (FROZEN, succeed): SUCCEEDED,
        (WAITING, perform): IN_PROGRESS,
        (WAITING, trigger): WAITING,
        (WAITING, succeed): SUCCEEDED,
        (WAITING, fail): FAILED,
        (IN_PROGRESS, succeed): SUCCEEDED,
        (IN_PROGRESS, fail): FAILED,
        (IN_PROGRESS, trigger): WAITING,
        (SUCCEEDED, perform): SUCCEEDED,
        (SUCCEEDED, succeed): SUCCEEDED,
        (SUCCEEDED, fail): FAILED,
        (FAILED, trigger): WAITING,
        (FAILED, succeed): SUCCEEDED,
        (FAILED, fail): FAILED,
    }


def test_the_connection_never_becomes_new_again_and_never_leaves_closed() -> None:
    reachable = {step for steps in CONNECTION_STEPS.values() for step in steps}

    assert set(CONNECTION_STEPS) == set(ConnectionState)
    assert NEW not in reachable
    assert CONNECTION_STEPS[CLOSED] == frozenset()
    assert all(CLOSED in steps for state, steps in CONNECTION_STEPS.items() if state is not CLOSED)
    assert all(state not in steps for state, steps in CONNECTION_STEPS.items())
    assert CONNECTION_STEPS[NEW] == {CHECKING, CONNECTED, COMPLETED, ConnectionState.FAILED, CLOSED}
    for state in (CHECKING, CONNECTED, COMPLETED, DISCONNECTED, ConnectionState.FAILED):
        assert CONNECTION_STEPS[state] == set(ConnectionState) - {NEW, state}


def test_gathering_goes_round() -> None:
    assert dict(GATHERING_STEPS) == {
        GatheringState.NEW: {GatheringState.GATHERING, GatheringState.COMPLETE},
        GatheringState.GATHERING: {GatheringState.COMPLETE},
        GatheringState.COMPLETE: {GatheringState.GATHERING},
    }


def test_a_step_that_is_not_in_the_table_raises_and_changes_nothing() -> None:
    status = Status()

    with pytest.raises(StateError):
        status.step_connection(DISCONNECTED)
    with pytest.raises(StateError):
        status.step_gathering(GatheringState.NEW, "ufrag")
    assert (status.connection, status.gathering) == (NEW, GatheringState.NEW)
