"""Loss, reordering, duplication and delay, from seeds: agents connect, agree, and end in the same state."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.nat import port_restricted_cone, restricted_cone
from tests.support.network import Link

from rtc_ice import ConnectionState, IceConfig, PairState

from .session import STUN_SERVER, Call, Signalling, simple_call

STORM = Link(delay=0.03, jitter=0.05, loss=0.25, duplication=0.2, reordering=0.2)
ASKS = IceConfig(stun_servers=(STUN_SERVER,), gathering_timeout=39.5)


@pytest.mark.parametrize("seed", range(30))
def test_agents_connect_in_a_storm(seed: int) -> None:
    call = simple_call(seed=seed, link=STORM)
    call.start()

    assert call.run(call.completed, timeout=60)
    assert call.agree()
    for party in call.parties:
        nominated = [each for each in party.agent.candidate_pair_stats() if each.nominated]
        assert [each.state for each in nominated] == [PairState.SUCCEEDED]


@pytest.mark.parametrize("seed", range(15))
def test_agents_behind_translators_connect_in_a_storm(seed: int) -> None:
    call = Call(seed=seed, link=STORM, alice=ASKS, bob=ASKS, signalling=Signalling(delay=0.1 * (seed % 4)))
    call.serve_stun()
    call.join(call.network.host("192.168.1.10", behind=port_restricted_cone("203.0.113.1")))
    call.join(call.network.host("192.168.1.10", behind=restricted_cone("203.0.113.2")))
    call.start()

    assert call.run(call.completed, timeout=60)
    assert call.agree()


@pytest.mark.parametrize("seed", range(15))
def test_many_addresses_on_both_sides_agree_on_one_pair_in_a_storm(seed: int) -> None:
    call = Call(seed=seed, link=STORM, roles=(bool(seed % 2), bool(seed % 3)))
    call.join(call.network.host("192.0.2.1", "192.0.2.2", "192.0.2.3", "2001:db8::1"))
    call.join(call.network.host("192.0.2.11", "192.0.2.12", "2001:db8::2"))
    call.start()

    assert call.run(call.completed, timeout=60)
    assert call.agree()


@pytest.mark.parametrize("seed", range(5))
def test_a_long_call_stays_up_though_a_tenth_is_lost(seed: int) -> None:
    call = simple_call(seed=seed, link=Link(delay=0.05, loss=0.1, jitter=0.02))
    call.start()
    assert call.run(call.completed, timeout=60)

    call.run(timeout=600)

    assert all(party.agent.selected_pair is not None for party in call.parties)
    assert all(ConnectionState.FAILED not in party.states for party in call.parties)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**16),
    loss=st.floats(0, 0.3),
    duplication=st.floats(0, 0.5),
    reordering=st.floats(0, 0.5),
    delay=st.floats(0, 0.3),
    jitter=st.floats(0, 0.2),
    signalling=st.floats(0, 1.0),
    roles=st.tuples(st.booleans(), st.booleans()),
)
def test_whatever_the_weather_agents_end_with_the_same_pair_and_opposite_roles(
    seed: int,
    loss: float,
    duplication: float,
    reordering: float,
    delay: float,
    jitter: float,
    signalling: float,
    roles: tuple[bool, bool],
) -> None:
    link = Link(delay=delay, jitter=jitter, loss=loss, duplication=duplication, reordering=reordering)
    call = simple_call(seed=seed, link=link, roles=roles, signalling=Signalling(delay=signalling))
    call.start()

    assert call.run(call.completed, timeout=120)
    assert call.agree()
    assert sorted(party.agent.controlling for party in call.parties) == [False, True]


@pytest.mark.parametrize("seed", range(4))
def test_the_same_seed_gives_the_same_bytes(seed: int) -> None:
    sent: list[list[object]] = [[], []]
    for record in sent:
        call = simple_call(seed=seed, link=STORM)
        call.network.trace = lambda now, datagram, record=record: record.append((now, datagram))
        call.start()
        call.run(timeout=30)

    assert sent[0] == sent[1]
    assert len(sent[0]) > 10
