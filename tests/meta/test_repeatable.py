"""A seed of the simulation is one conversation, to the byte: what fails once fails again, and can be looked into."""

import pytest
from tests.simulation.call import Call
from tests.simulation.media_call import MediaCall


@pytest.mark.parametrize("seed", [0, 60])
def test_calls_repeat(seed: int) -> None:
    assert traffic_of_media(seed) == traffic_of_media(seed)


@pytest.mark.parametrize("seed", [1, 2])
def test_conversations_repeat(seed: int) -> None:
    assert traffic_of_data(seed) == traffic_of_data(seed)


def traffic_of_media(seed: int) -> list[object]:
    call = MediaCall(seed)
    call.run()
    return [(party.bytes_sent, party.received) for party in call.parties]


def traffic_of_data(seed: int) -> list[object]:
    call = Call(seed)
    call.run()
    stats = [party.machine.stats for party in call.parties]
    return [call.network.now, *[(each.datagrams_sent, each.datagrams_received, each.dropped) for each in stats]]
