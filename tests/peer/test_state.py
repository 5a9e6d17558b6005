"""The signalling table, and the states derived from transports."""

import itertools

import pytest
from rtc_peer import (
    ConnectionState,
    DtlsTransportState,
    IceGatheringState,
    IceTransportState,
    SignalingInput,
    SignalingState,
)
from rtc_peer.state import TRANSITIONS, derive_connection_state, derive_gathering_state, derive_ice_state

TABLE = """
stable               local offer      have-local-offer
stable               remote offer     have-remote-offer
have-local-offer     local offer      have-local-offer
have-local-offer     remote pranswer  have-remote-pranswer
have-local-offer     remote answer    stable
have-local-offer     rollback         stable
have-remote-offer    remote offer     have-remote-offer
have-remote-offer    local pranswer   have-local-pranswer
have-remote-offer    local answer     stable
have-remote-offer    rollback         stable
have-local-pranswer  local pranswer   have-local-pranswer
have-local-pranswer  local answer     stable
have-remote-pranswer remote pranswer  have-remote-pranswer
have-remote-pranswer remote answer    stable
stable               close            closed
have-local-offer     close            closed
have-remote-offer    close            closed
have-local-pranswer  close            closed
have-remote-pranswer close            closed
"""


@pytest.mark.spec("rfc8829:5.5/1", "rfc8829:5.5/2", "rfc8829:5.6/1", "rfc8829:5.6/2", "rfc8829:5.7/1")
def test_the_table_of_signalling_is_the_listed_one() -> None:
    listed = {}
    for line in TABLE.strip().splitlines():
        state, signal, target = (column.strip() for column in (line[:21], line[21:38], line[38:]))
        listed[SignalingState(state), SignalingInput(signal)] = SignalingState(target)

    assert listed == TRANSITIONS


def test_every_state_but_the_last_can_be_closed() -> None:
    for state in SignalingState:
        assert ((state, SignalingInput.CLOSE) in TRANSITIONS) == (state is not SignalingState.CLOSED)


GATHERING = [
    ("", "new"),
    ("new", "new"),
    ("gathering", "gathering"),
    ("complete", "complete"),
    ("new complete", "new"),
    ("new gathering complete", "gathering"),
]


@pytest.mark.parametrize(("transports", "expected"), GATHERING, ids=lambda text: text or "none")
def test_gathering_is_summed_up(transports: str, expected: str) -> None:
    states = [IceGatheringState(name) for name in transports.split()]

    assert derive_gathering_state(states) is IceGatheringState(expected)


ICE = [
    ("", "new"),
    ("new closed", "new"),
    ("closed", "new"),
    ("new connected", "checking"),
    ("checking completed", "checking"),
    ("connected completed closed", "connected"),
    ("completed closed", "completed"),
    ("completed completed", "completed"),
    ("disconnected checking", "disconnected"),
    ("failed disconnected new", "failed"),
]


@pytest.mark.parametrize(("transports", "expected"), ICE, ids=lambda text: text or "none")
def test_ice_states_are_summed_up(transports: str, expected: str) -> None:
    for states in itertools.permutations(IceTransportState(name) for name in transports.split()):
        assert derive_ice_state(states) is IceTransportState(expected)


CONNECTION = [
    ("closed", "connected", "closed"),
    ("new", "", "new"),
    ("new", "new closed", "new"),
    ("new", "connecting", "connecting"),
    ("checking", "new", "connecting"),
    ("connected", "new", "connecting"),
    ("connected", "connected", "connected"),
    ("completed", "connected closed", "connected"),
    ("connected", "connected connecting", "connecting"),
    ("disconnected", "connected", "disconnected"),
    ("failed", "connected", "failed"),
    ("connected", "failed connected", "failed"),
]


@pytest.mark.parametrize(("ice", "dtls", "expected"), CONNECTION)
def test_the_connection_is_summed_up(ice: str, dtls: str, expected: str) -> None:
    states = [DtlsTransportState(name) for name in dtls.split()]

    assert derive_connection_state(IceTransportState(ice), states) is ConnectionState(expected)
