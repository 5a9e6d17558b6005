"""Forming pairs, freezing and unfreezing them, the order of checks, and limits: RFC 8445 section 6.1."""

from collections import Counter

import pytest
from tests.support.nat import full_cone
from tests.support.rng import SeededRng

from rtc_ice import Candidate, CandidatePairStats, IceAgent, IceConfig, PairState, pair_priority
from rtc_ice.checklist import Checklist
from rtc_ice.pair import LocalCandidate, Pair, RemoteCandidate
from rtc_ice.state import PairInput
from rtc_stun import Address, Datagram

from .crafted import HERE, PEER_PASSWORD, PEER_UFRAG, THERE, Desk, candidate, parse
from .session import STUN_SERVER, Call, simple_call, tell_address

FROZEN, WAITING, IN_PROGRESS = PairState.FROZEN, PairState.WAITING, PairState.IN_PROGRESS
SUCCEEDED, FAILED = PairState.SUCCEEDED, PairState.FAILED


def _peer(n: int, *, foundation: str | None = None, priority: int | None = None, component_id: int = 1) -> Candidate:
    """The n-th candidate of the peer; the first is the best."""
    return Candidate(
        foundation=foundation or str(n),
        component_id=component_id,
        transport="udp",
        priority=2_000_000_000 - n if priority is None else priority,
        address=THERE._replace(port=6000 + n),
        type="host",
    )


def _states(desk: Desk) -> dict[int, PairState]:
    return {each.remote.address.port - 6000: each.state for each in desk.agent.candidate_pair_stats()}


class Streams:
    """An agent with several streams of one component each, and candidates of its peer for each."""

    def __init__(self, count: int, *, config: IceConfig | None = None) -> None:
        self.agent = IceAgent(controlling=True, rng=SeededRng(1), config=config or IceConfig(components=(1,) * count))
        for stream in range(count):
            self.agent.add_local_address(HERE._replace(port=5000 + stream), 0.0, stream=stream)
        self.agent.set_remote_credentials(PEER_UFRAG, PEER_PASSWORD, 0.0)

    def add(self, n: int, stream: int, *, foundation: str | None = None) -> None:
        self.agent.add_remote_candidate(_peer(n, foundation=foundation), 0.0, stream=stream)

    def pairs(self) -> list[CandidatePairStats]:
        return self.agent.candidate_pair_stats()

    def states(self) -> dict[int, PairState]:
        return {each.remote.address.port - 6000: each.state for each in self.pairs()}


# --- forming pairs ---


@pytest.mark.spec("rfc8445:6.1.2.2/1")
def test_link_local_addresses_are_paired_with_each_other_alone() -> None:
    agent = IceAgent(controlling=True, rng=SeededRng(1))
    for ip in ("fe80::1%eth0", "2001:db8::1", "192.0.2.1"):
        agent.add_local_address(Address(ip, 5000), 0.0)
    agent.set_remote_credentials(PEER_UFRAG, PEER_PASSWORD, 0.0)
    for ip in ("fe80::2", "2001:db8::2", "192.0.2.2"):
        agent.add_remote_candidate(candidate(Address(ip, 6000)), 0.0)

    pairs = {(each.local.address.host, each.remote.address.host) for each in agent.candidate_pair_stats()}

    assert pairs == {("fe80::1", "fe80::2"), ("2001:db8::1", "2001:db8::2"), ("192.0.2.1", "192.0.2.2")}


def test_components_are_paired_with_their_like() -> None:
    agent = IceAgent(controlling=True, rng=SeededRng(1), config=IceConfig(components=(2,)))
    for component_id in (1, 2):
        agent.add_local_address(HERE._replace(port=component_id), 0.0, component_id=component_id)
    agent.set_remote_credentials(PEER_UFRAG, PEER_PASSWORD, 0.0)
    for component_id in (1, 2, 3):
        agent.add_remote_candidate(_peer(component_id, component_id=component_id), 0.0)

    pairs = [(each.local.component_id, each.remote.component_id) for each in agent.candidate_pair_stats()]

    assert sorted(pairs) == [(1, 1), (2, 2)]


@pytest.mark.spec("rfc8445:6.1.2.4/1", "rfc8838:10/2", "rfc8838:11/1")
@pytest.mark.parametrize("server_first", [True, False])
def test_reflexive_candidates_make_no_pairs_of_their_own(server_first: bool) -> None:
    desk = Desk(config=IceConfig(stun_servers=(STUN_SERVER,)), meet=False)
    (question,) = desk.output()
    answer = tell_address(parse(question), Datagram(b"", STUN_SERVER, Address("203.0.113.1", 4000)))
    if server_first:
        desk.send(answer, source=STUN_SERVER)
    desk.meet()
    desk.agent.add_remote_candidate(candidate(THERE), desk.now)
    if not server_first:
        desk.send(answer, source=STUN_SERVER)

    assert [each.candidate.type for each in desk.agent.candidate_stats()] == ["host", "srflx", "host"]
    assert [each.local.type for each in desk.agent.candidate_pair_stats()] == ["host"]
    assert {datagram.local for datagram in desk.advance(0.2)} == {HERE}


def test_pairs_are_ranked_by_the_formula_for_our_role() -> None:
    for controlling in (True, False):
        desk = Desk(controlling=controlling, candidates=(_peer(1, priority=5), _peer(2, priority=2**31)))
        ours = 126 << 24 | 65_535 << 8 | 255

        priorities = {each.remote.priority: each.priority for each in desk.agent.candidate_pair_stats()}

        for theirs, priority in priorities.items():
            assert priority == (pair_priority(ours, theirs) if controlling else pair_priority(theirs, ours))


# --- states ---


def test_of_each_foundation_one_pair_waits_and_the_others_are_frozen() -> None:
    desk = Desk(candidates=tuple(_peer(n, foundation="ab"[n % 2]) for n in (1, 2, 3, 4)))

    (first,) = desk.output()

    assert first.remote == _peer(1).address
    assert _states(desk) == {1: IN_PROGRESS, 2: WAITING, 3: FROZEN, 4: FROZEN}


@pytest.mark.spec("rfc8445:7.2.5.3.3/1")
def test_a_success_unfreezes_its_foundation() -> None:
    desk = Desk(controlling=False, candidates=tuple(_peer(n, foundation="ab"[n % 2]) for n in (1, 2, 3, 4)))
    (first,) = desk.output()

    desk.answer(first)

    assert _states(desk) == {1: SUCCEEDED, 2: WAITING, 3: WAITING, 4: FROZEN}


@pytest.mark.spec("rfc8445:7.2.5.3.3/1")
def test_a_success_unfreezes_its_foundation_in_all_streams() -> None:
    streams = Streams(2)
    for n, stream in ((1, 0), (2, 1), (3, 1)):
        streams.add(n, stream, foundation="a")
    (first,) = streams.agent.datagrams_to_send(0.0)
    assert streams.states() == {1: IN_PROGRESS, 2: FROZEN, 3: FROZEN}
    desk = Desk()

    streams.agent.receive_datagram(Datagram(desk.success(first), first.local, first.remote), 0.01)

    assert streams.states() == {1: SUCCEEDED, 2: WAITING, 3: WAITING}


def test_with_nothing_waiting_the_next_of_a_foundation_that_nobody_works_on_is_unfrozen() -> None:
    desk = Desk(candidates=tuple(_peer(n, foundation="a") for n in (1, 2)))
    (first,) = desk.output()
    assert desk.advance(0.2) == []

    desk.send(desk.error(first, 500))

    assert _states(desk) == {1: FAILED, 2: IN_PROGRESS}


def test_while_another_pair_waits_nothing_is_unfrozen() -> None:
    foundations = {1: "a", 2: "b", 3: "a", 4: "c"}
    desk = Desk(candidates=tuple(_peer(n, foundation=foundation) for n, foundation in foundations.items()))
    (first,) = desk.output()
    desk.send(desk.error(first, 500))

    desk.advance(0.06)

    assert _states(desk) == {1: FAILED, 2: IN_PROGRESS, 3: FROZEN, 4: WAITING}


def test_of_a_foundation_the_lowest_component_begins_even_if_another_has_a_higher_priority() -> None:
    agent = IceAgent(controlling=True, rng=SeededRng(1), config=IceConfig(components=(2,)))
    for component_id in (1, 2):
        agent.add_local_address(HERE._replace(port=component_id), 0.0, component_id=component_id)
    agent.set_remote_credentials(PEER_UFRAG, PEER_PASSWORD, 0.0)
    for component_id, priority in ((1, 1000), (2, 2000)):
        agent.add_remote_candidate(
            _peer(component_id, foundation="a", priority=priority, component_id=component_id), 0.0
        )

    (first,) = agent.datagrams_to_send(0.0)

    assert first.local.port == 1
    assert [each.state for each in agent.candidate_pair_stats() if each.local.component_id == 2] == [FROZEN]


def test_a_candidate_that_comes_late_waits_if_its_foundation_has_proven_itself_and_freezes_if_it_has_not() -> None:
    desk = Desk(controlling=False, candidates=(_peer(1, foundation="a"), _peer(2, foundation="b")))
    first = desk.output()[0]
    desk.advance(0.06)
    desk.answer(first)

    desk.agent.add_remote_candidate(_peer(3, foundation="a"), desk.now)
    desk.agent.add_remote_candidate(_peer(4, foundation="b"), desk.now)
    desk.agent.add_remote_candidate(_peer(5, foundation="c"), desk.now)

    assert _states(desk) == {1: SUCCEEDED, 2: IN_PROGRESS, 3: WAITING, 4: FROZEN, 5: WAITING}


# --- order ---


def test_pairs_are_checked_by_falling_priority() -> None:
    order = [4, 2, 5, 1, 3]
    desk = Desk(candidates=tuple(_peer(n) for n in order))

    leaving = desk.advance(0.21)

    assert [datagram.remote.port - 6000 for datagram in leaving] == [1, 2, 3, 4, 5]


def test_triggered_checks_go_first_in_the_order_in_which_they_were_triggered() -> None:
    desk = Desk(candidates=tuple(_peer(n) for n in (1, 2, 3, 4)))
    desk.output()
    for n in (4, 3):
        desk.check(source=_peer(n).address)

    leaving = desk.requests(desk.advance(0.16))

    assert [datagram.remote.port - 6000 for datagram in leaving] == [4, 3, 2]


def test_streams_are_served_in_turn() -> None:
    streams = Streams(3)
    for n in range(1, 7):
        streams.add(n, stream=n % 3)
    served: list[int] = []
    now = 0.0
    while len(served) < 6:
        served += [datagram.local.port - 5000 for datagram in streams.agent.datagrams_to_send(now)]
        timeout = streams.agent.next_timeout()
        assert timeout is not None
        now = timeout
        streams.agent.handle_timeout(now)

    assert served == [0, 1, 2, 0, 1, 2]


# --- limits ---


@pytest.mark.spec("rfc8445:6.1.2.5/1", "rfc8445:19.5.1/1")
def test_no_more_than_a_hundred_pairs_are_checked() -> None:
    agent = IceAgent(controlling=True, rng=SeededRng(1))
    for n in range(10):
        agent.add_local_address(Address(f"192.0.2.{n + 1}", 5000), 0.0)
    agent.set_remote_credentials(PEER_UFRAG, PEER_PASSWORD, 0.0)
    for n in range(1, 21):
        agent.add_remote_candidate(_peer(n), 0.0)

    assert len(agent.candidate_pair_stats()) == 100
    assert agent.stats.dropped == {"pair-limit": 100}


@pytest.mark.spec("rfc8445:6.1.2.5/2")
def test_the_limit_of_pairs_can_be_configured() -> None:
    desk = Desk(config=IceConfig(max_pairs=3), candidates=tuple(_peer(n) for n in range(1, 11)))

    assert set(_states(desk)) == {1, 2, 3}


@pytest.mark.spec("rfc8445:6.1.2.5/3")
def test_the_limit_takes_from_the_longest_checklist() -> None:
    streams = Streams(2, config=IceConfig(components=(1, 1), max_pairs=10))
    for n in range(1, 13):
        streams.add(n, stream=0)
    for n in range(21, 33):
        streams.add(n, stream=1)

    counts = Counter(each.local.address.port - 5000 for each in streams.pairs())
    assert set(counts) == {0, 1}
    assert abs(counts[0] - counts[1]) <= 1
    assert {n for n in streams.states() if n < 20} == set(range(1, counts[0] + 1))


@pytest.mark.spec("rfc8838:10/4", "rfc8838:11/4")
def test_a_better_candidate_takes_the_place_of_the_worst_pair() -> None:
    desk = Desk(config=IceConfig(max_pairs=3), candidates=tuple(_peer(n) for n in (2, 3, 4)))

    desk.agent.add_remote_candidate(_peer(5), desk.now)
    assert set(_states(desk)) == {2, 3, 4}
    desk.agent.add_remote_candidate(_peer(1), desk.now)
    assert set(_states(desk)) == {1, 2, 3}


@pytest.mark.spec("rfc8838:10/4")
def test_a_better_address_of_ours_takes_the_place_of_the_worst_pair() -> None:
    agent = IceAgent(controlling=True, rng=SeededRng(1), config=IceConfig(max_pairs=2))
    for n in (1, 2, 3):
        agent.add_local_address(HERE._replace(port=n), 0.0)
    agent.remove_local_address(HERE._replace(port=1), 0.0)
    agent.set_remote_credentials(PEER_UFRAG, PEER_PASSWORD, 0.0)
    agent.add_remote_candidate(_peer(1), 0.0)
    assert {each.local.address.port for each in agent.candidate_pair_stats()} == {2, 3}

    agent.add_local_address(HERE._replace(port=4), 0.0)

    assert {each.local.address.port for each in agent.candidate_pair_stats()} == {2, 4}


@pytest.mark.spec("rfc8838:10/3", "rfc8838:11/3")
def test_failed_pairs_make_room_first() -> None:
    desk = Desk(config=IceConfig(max_pairs=3), candidates=tuple(_peer(n) for n in (1, 2, 3)))
    desk.send(desk.error(desk.output()[0], 500))
    assert _states(desk)[1] is FAILED

    desk.agent.add_remote_candidate(_peer(9), desk.now)

    assert set(_states(desk)) == {2, 3, 9}


@pytest.mark.spec("rfc8838:10/3")
def test_failed_pairs_make_room_for_an_address_of_ours() -> None:
    desk = Desk(config=IceConfig(max_pairs=2), candidates=(_peer(1), _peer(2)), end=False)
    desk.send(desk.error(desk.output()[0], 500))

    desk.agent.add_local_address(HERE._replace(port=1), desk.now)

    pairs = {(each.local.address.port, each.remote.address.port - 6000) for each in desk.agent.candidate_pair_stats()}
    assert pairs == {(HERE.port, 2), (1, 1)}
    assert FAILED not in _states(desk).values()


def test_pairs_that_succeeded_are_never_evicted() -> None:
    desk = Desk(controlling=False, config=IceConfig(max_pairs=1), candidates=(_peer(2),))
    desk.answer(desk.output()[0])

    desk.agent.add_remote_candidate(_peer(1), desk.now)

    assert _states(desk) == {2: SUCCEEDED}


@pytest.mark.spec("rfc8445:19.5.1/2")
def test_no_more_than_a_hundred_candidates_of_the_peer_are_taken_from_signalling_and_checks_together() -> None:
    desk = Desk(config=IceConfig(max_pairs=1000))
    for n in range(1, 91):
        desk.agent.add_remote_candidate(_peer(n), desk.now)
    for n in range(200, 250):
        desk.check(source=_peer(n).address)
    for n in range(91, 101):
        desk.agent.add_remote_candidate(_peer(n), desk.now)

    theirs = [each.candidate for each in desk.agent.candidate_stats() if each.is_remote]
    assert Counter(each.type for each in theirs) == {"host": 90, "prflx": 10}
    assert desk.dropped("remote-candidate-limit") == 50


def test_candidates_that_wait_for_credentials_are_bounded() -> None:
    desk = Desk(meet=False, config=IceConfig(max_remote_candidates=5))
    for n in range(1, 11):
        named = Candidate.parse(f"{_peer(n)} ufrag {PEER_UFRAG}")
        desk.agent.add_remote_candidate(named, desk.now)

    desk.meet()

    assert len(_states(desk)) == 5
    assert desk.dropped("remote-candidate-limit") == 5


def test_the_limit_of_streams_and_components_holds_for_candidates_of_the_peer() -> None:
    desk = Desk()

    with pytest.raises(ValueError, match="no stream"):
        desk.agent.add_remote_candidate(_peer(1), desk.now, stream=1)
    assert desk.agent.candidate_stats()[1:] == []


@pytest.mark.parametrize(
    "line",
    [
        "candidate:1 1 tcp 1 192.0.2.99 9 typ host tcptype new",
        "candidate:1 1 udp 1 b0c1f6a2.local 9000 typ host",
        "candidate:1 1 udp 1 192.0.2.99 9000 typ future",
        "candidate:1 1 udp 1 192.0.2.99 0 typ host",
        "candidate:1 1 udp 1 224.0.0.1 9000 typ host",
        "candidate:1 1 udp 1 255.255.255.255 9000 typ host",
        "candidate:1 1 udp 1 0.0.0.0 9000 typ host",
        "candidate:1 1 udp 1 ::ffff:224.0.0.1 9000 typ host",
        "candidate:1 1 udp 1 ::ffff:192.0.2.1 9000 typ host",
    ],
)
def test_candidates_that_cannot_be_used_are_ignored_and_counted(line: str) -> None:
    desk = Desk()

    desk.agent.add_remote_candidate(Candidate.parse(line), desk.now)

    assert desk.output() == []
    assert desk.agent.candidate_stats()[1:] == []
    assert desk.dropped("remote-candidate-unusable") == 1


def test_a_relayed_candidate_of_the_peer_is_checked_like_any_other() -> None:
    desk = Desk(candidates=(candidate(THERE, kind="relay", priority=1),))

    assert [datagram.remote for datagram in desk.output()] == [THERE]


def test_the_same_candidate_twice_is_one() -> None:
    desk = Desk(candidates=(candidate(THERE), candidate(THERE, priority=7)))

    assert len(desk.agent.candidate_pair_stats()) == 1
    assert desk.dropped("remote-candidate-duplicate") == 1


def test_a_host_behind_a_translator_checks_from_its_base_alone() -> None:
    call = Call(alice=IceConfig(stun_servers=(STUN_SERVER,)))
    call.serve_stun()
    call.join(call.network.host("192.168.1.10", behind=full_cone("203.0.113.1")))
    call.join(call.network.host("192.0.2.2"))
    call.start()

    assert call.run(call.completed, timeout=5)
    assert {each.local.type for each in call.alice.agent.candidate_pair_stats()} <= {"host", "srflx"}
    assert call.alice.agent.selected_pair is not None
    assert call.alice.agent.selected_pair.local == Address("192.168.1.10", 5000)


def test_pairs_have_numbers_of_their_own() -> None:
    call = simple_call()
    call.start()
    call.run(call.completed, timeout=5)

    numbers = [each.number for each in call.alice.agent.candidate_pair_stats()]
    assert len(set(numbers)) == len(numbers) >= 1


# --- the order of checks ---


def test_of_a_foundation_the_first_stream_begins_even_if_another_has_a_higher_priority() -> None:
    streams = Streams(2)
    streams.add(2, 0, foundation="f")
    streams.add(1, 1, foundation="f")

    streams.agent.datagrams_to_send(0.0)

    assert streams.states() == {2: IN_PROGRESS, 1: FROZEN}


def test_when_nothing_waits_one_pair_of_each_foundation_is_unfrozen() -> None:
    desk = Desk(candidates=tuple(_peer(n, foundation="f") for n in (1, 2, 3)))
    (first,) = desk.output()
    assert _states(desk) == {1: IN_PROGRESS, 2: FROZEN, 3: FROZEN}

    desk.send(desk.error(first, 500))
    desk.next_request()

    assert _states(desk) == {1: FAILED, 2: IN_PROGRESS, 3: FROZEN}


def test_pairs_of_equal_priority_are_checked_by_component() -> None:
    pairs: list[Pair] = []
    for component_id in (2, 1):
        ours = Candidate(
            foundation="1", component_id=component_id, transport="udp", priority=9, address=HERE, type="host"
        )
        local = LocalCandidate(ours, HERE._replace(port=component_id), 0, 1)
        remote = RemoteCandidate(_peer(component_id, priority=7, component_id=component_id), 0)
        pairs.append(Pair(len(pairs), local, remote, controlling=True))
    checklist = Checklist(0)
    for pair in pairs:
        checklist.insert(pair)
        pair.step(PairInput.UNFREEZE)

    assert checklist.next_pair() is pairs[1]
