"""The state tables, listed: a change of one has to be made twice."""

import itertools

import pytest

from rtc_datachannel import ChannelInput, ChannelState, DataChannel, EndpointInput, EndpointState, StateError
from rtc_datachannel.state import (
    CHANNEL_TRANSITIONS,
    ENDPOINT_TRANSITIONS,
    next_channel_state,
    next_endpoint_state,
)

CHANNEL_TABLE = """
connecting confirmed         open
connecting close             closing
connecting peer_reset        closing
connecting discard           closed
connecting association_ended closed
open       close             closing
open       peer_reset        closing
open       discard           closed
open       association_ended closed
closing    streams_reset     closed
closing    discard           closed
closing    association_ended closed
"""

ENDPOINT_TABLE = """
new        start       connecting
new        close       closed
connecting established connected
connecting close       closing
connecting ended       closed
connecting failed      failed
connected  close       closing
connected  ended       closed
connected  failed      failed
closing    ended       closed
closing    failed      failed
"""


def _rows(table: str) -> list[list[str]]:
    return [line.split() for line in table.strip().splitlines()]


def test_the_table_of_channels_is_as_listed() -> None:
    assert [[a.value, b.value, c.value] for (a, b), c in CHANNEL_TRANSITIONS.items()] == _rows(CHANNEL_TABLE)


def test_the_table_of_endpoints_is_as_listed() -> None:
    assert [[a.value, b.value, c.value] for (a, b), c in ENDPOINT_TRANSITIONS.items()] == _rows(ENDPOINT_TABLE)


def test_every_other_step_of_a_channel_is_refused() -> None:
    for state, happened in itertools.product(ChannelState, ChannelInput):
        if (state, happened) not in CHANNEL_TRANSITIONS:
            with pytest.raises(StateError):
                next_channel_state(state, happened)


def test_every_other_step_of_an_endpoint_is_refused() -> None:
    for state, happened in itertools.product(EndpointState, EndpointInput):
        if (state, happened) not in ENDPOINT_TRANSITIONS:
            with pytest.raises(StateError):
                next_endpoint_state(state, happened)


def test_a_refused_step_leaves_the_channel_as_it_was() -> None:
    channel = DataChannel("x")

    with pytest.raises(StateError):
        channel.step(ChannelInput.STREAMS_RESET)

    assert channel.state is ChannelState.CONNECTING
