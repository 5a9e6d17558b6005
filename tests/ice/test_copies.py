"""State is plain data: an agent is copied or pickled in mid-flight, and the copy does exactly the same."""

import copy
import pickle
from collections.abc import Callable

import pytest
from tests.support.network import Link

from rtc_ice import IceAgent, IceConfig

from .crafted import THERE, Desk, candidate
from .session import STUN_SERVER, Call, simple_call


def _pickled(agent: IceAgent) -> IceAgent:
    copied = pickle.loads(pickle.dumps(agent))
    assert isinstance(copied, IceAgent)
    return copied


COPIES: list[Callable[[IceAgent], IceAgent]] = [copy.deepcopy, _pickled]


def _record(agent: IceAgent, now: float, seconds: float) -> list[object]:
    """Everything that an agent says and does in silence."""
    said: list[object] = []
    end = now + seconds
    while now <= end:
        said += [(now, datagram) for datagram in agent.datagrams_to_send(now)]
        said += agent.events()
        timeout = agent.next_timeout()
        said.append(timeout)
        if timeout is None:
            break
        now = timeout
        agent.handle_timeout(now)
    return said


@pytest.mark.parametrize("make", COPIES, ids=["deepcopy", "pickle"])
@pytest.mark.parametrize(
    "moment", ["fresh", "gathering", "checking", "nominating", "connected", "restarting", "closed"]
)
def test_a_copy_goes_on_as_the_original_does(make: Callable[[IceAgent], IceAgent], moment: str) -> None:
    desk = Desk(config=IceConfig(stun_servers=(STUN_SERVER,)), meet=False, end=False)
    if moment not in ("fresh", "gathering"):
        desk.meet()
        desk.agent.add_remote_candidate(candidate(THERE), desk.now)
    first = [] if moment == "fresh" else desk.output()
    if moment != "fresh":
        desk.agent.end_of_local_addresses(desk.now)
    if moment in ("nominating", "connected", "restarting", "closed"):
        desk.agent.end_of_remote_candidates(desk.now)
        desk.answer(first[0])
    if moment in ("connected", "restarting", "closed"):
        desk.settle()
    if moment == "restarting":
        desk.agent.restart(desk.now)
    if moment == "closed":
        desk.agent.close(desk.now)

    copied = make(desk.agent)

    assert _record(copied, desk.now, 60.0) == _record(desk.agent, desk.now, 60.0)
    assert copied.stats == desk.agent.stats
    assert copied.candidate_pair_stats() == desk.agent.candidate_pair_stats()
    assert copied.stats is not desk.agent.stats


@pytest.mark.parametrize("make", COPIES, ids=["deepcopy", "pickle"])
@pytest.mark.parametrize("at", [0.0, 0.015, 0.05, 0.07, 0.2, 12.0])
def test_a_call_whose_agents_are_replaced_by_copies_goes_on(make: Callable[[IceAgent], IceAgent], at: float) -> None:
    call = simple_call(link=Link(delay=0.01))
    call.start()
    call.run(timeout=at)

    for party in call.parties:
        party.agent = make(party.agent)
        party.node.machine = party.agent

    assert call.run(call.completed, timeout=5)
    call.run(timeout=60)
    assert call.completed()
    assert call.agree()


def test_a_copy_and_its_original_share_nothing() -> None:
    call: Call = simple_call()
    call.start()
    call.run(call.completed, timeout=5)
    agent = call.alice.agent
    copied = copy.deepcopy(agent)

    copied.close(call.network.now)

    assert copied.closed
    assert not agent.closed
    assert agent.selected_pair is not None
