"""Choosing pairs, and what follows from the choice: RFC 8445, sections 7.2.5.3.4, 7.3.1.5, 8.1 and 12.1."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from tests.support.network import Link

from rtc_ice import (
    ConnectionState,
    IceConfig,
    NominationPolicy,
    Pair,
    PairState,
    SelectedPairChanged,
)
from rtc_stun import Datagram, MessageClass, UseCandidate

from .crafted import ELSEWHERE, HERE, THERE, Desk, candidate, parse
from .relay_call import RELAY_ONLY, RelayCall
from .session import Call, Watch, simple_call

BETTER, WORSE = THERE, ELSEWHERE
PEERS = (candidate(BETTER, priority=2000, foundation="1"), candidate(WORSE, priority=1000, foundation="2"))


def _nominates(datagram: Datagram) -> bool:
    return parse(datagram).get(UseCandidate) is not None


def _nominated(desk: Desk) -> list[str]:
    return [each.remote.address.host for each in desk.agent.candidate_pair_stats() if each.nominated]


def _selections(desk: Desk) -> list[SelectedPairChanged]:
    return [event for event in desk.events() if isinstance(event, SelectedPairChanged)]


# --- the controlling side ---


@pytest.mark.spec("rfc8445:8.1.1/2", "rfc8863:4/6", "rfc8838:13/3", "rfc8838:13/9")
def test_the_best_pair_that_can_be_hoped_for_is_nominated_at_once() -> None:
    desk = Desk(candidates=(candidate(THERE),), end=False)

    desk.answer(desk.output()[0])
    (nomination,) = desk.advance(0.06)
    desk.answer(nomination)

    assert _nominates(nomination)
    assert _nominated(desk) == [THERE.host]
    assert desk.agent.connection_state is ConnectionState.CONNECTED  # complete only when both sides have no more


@pytest.mark.spec("rfc8863:4/5", "rfc8838:14/1")
def test_while_a_better_pair_is_being_checked_a_worse_one_waits_but_not_for_ever() -> None:
    desk = Desk(candidates=PEERS)
    _, worse = desk.output() + desk.advance(0.06)
    desk.answer(worse)
    assert desk.agent.selected_pair is not None
    assert not any(map(_nominates, desk.requests(desk.advance(0.4))))

    later = desk.requests(desk.advance(0.2))

    assert [datagram.remote for datagram in later if _nominates(datagram)] == [WORSE]


@pytest.mark.spec("rfc8863:4/5")
@pytest.mark.parametrize(("kind", "waits"), [("relay", 2.0), ("host", 0.5), ("srflx", 0.5)])
def test_a_relay_is_chosen_only_after_checks_of_a_direct_pair_had_time_to_be_lost(kind: str, waits: float) -> None:
    worse = candidate(WORSE, priority=1000, foundation="2", kind=kind)
    desk = Desk(candidates=(candidate(BETTER, priority=2000, foundation="1"), worse))
    _, second = desk.output() + desk.advance(0.06)
    desk.answer(second)

    before, after = desk.requests(desk.advance(waits - 0.1)), desk.requests(desk.advance(0.2))
    assert not any(map(_nominates, before))
    assert [datagram.remote for datagram in after if _nominates(datagram)] == [WORSE]


@pytest.mark.spec("rfc8863:4/5")
@pytest.mark.parametrize("tells_end", [True, False])
def test_who_has_nothing_but_relays_waits_for_no_direct_path(*, tells_end: bool) -> None:
    call = RelayCall(RELAY_ONLY, IceConfig(), allowed=["192.0.2.2/32"])
    call.signalling.tells_end = tells_end
    call.sit()
    call.sit(None, "192.0.2.2", "10.0.0.2")  # the server does not relay to the second
    call.bob.bindings = call.bob.bindings[::-1]
    call.start()
    assert call.run(lambda: call.alice.agent.selected_pair is not None, timeout=5)
    connected_at = call.network.now

    assert call.run(lambda: any(each.nominated for each in call.alice.selections), timeout=5)
    assert call.network.now - connected_at < 0.6


@pytest.mark.spec("rfc8863:4/5")
def test_where_the_peer_has_nothing_but_relays_no_direct_path_is_waited_for() -> None:
    one = candidate(BETTER, priority=2000, foundation="1", kind="relay")
    desk = Desk(candidates=(one, candidate(WORSE, priority=1000, foundation="2", kind="relay")))
    desk.agent.end_of_remote_candidates(desk.now)
    _, second = desk.output() + desk.advance(0.06)
    desk.answer(second)

    later = desk.requests(desk.advance(0.6))
    assert [datagram.remote for datagram in later if _nominates(datagram)] == [WORSE]


@pytest.mark.spec("rfc8863:4/5")
def test_a_better_pair_that_comes_in_time_is_nominated() -> None:
    desk = Desk(candidates=PEERS)
    better, worse = desk.output() + desk.advance(0.06)
    desk.answer(worse)
    desk.advance(0.3)

    desk.answer(better)
    nomination = desk.next_request()

    assert _nominates(nomination)
    assert nomination.remote == BETTER


@dataclass(frozen=True, slots=True, kw_only=True)
class Never(NominationPolicy):
    """A policy that cannot make up its mind."""

    def choose(
        self,
        valid: Sequence[Pair],
        checklist: Sequence[Pair],
        *,
        more_expected: bool,
        first_valid_at: float,
        now: float,
    ) -> Pair | None:
        return None


@pytest.mark.spec("rfc8445:12.1/1")
def test_data_flows_on_the_best_valid_pair_while_nothing_is_nominated() -> None:
    desk = Desk(candidates=PEERS, config=IceConfig(nomination=Never(max_wait=1000.0)))
    better, worse = desk.output() + desk.advance(0.06)

    desk.answer(worse)
    desk.answer(better)

    assert [(event.pair.remote if event.pair else None, event.nominated) for event in _selections(desk)] == [
        (WORSE, False),
        (BETTER, False),
    ]


@pytest.mark.spec("rfc8839:4.3.4/4")
@pytest.mark.spec("rfc8445:8.1.1/2", "rfc8445:8.1.1/3")
def test_each_component_gets_one_nomination_and_no_second_one() -> None:
    config = IceConfig(components=(2, 1))
    call = Call(alice=config, bob=config, link=Link(delay=0.01))
    for ip in ("192.0.2.1", "192.0.2.2"):
        host = call.network.host(ip, ip[:-1] + "1" + ip[-1])
        party = call.join(host, *(host.bind(port, each) for each in host.hosts for port in (5000, 5001, 5002)))
        for binding in party.bindings:
            stream, component_id = {5000: (0, 1), 5001: (0, 2), 5002: (1, 1)}[binding.address.port]
            party.agent.add_local_address(binding.address, 0.0, stream=stream, component_id=component_id)
        party.agent.end_of_local_addresses(0.0)
    call.alice.node.tap = watch = Watch()
    call.start(gather=False)
    call.run(timeout=30)

    assert call.both(ConnectionState.COMPLETED)
    nominations = [datagram for _, datagram in watch.seen if _nominates(datagram)]
    assert sorted(datagram.local.port for datagram in nominations) == [5000, 5001, 5002]
    for party in call.parties:
        chosen = [each for each in party.agent.candidate_pair_stats() if each.nominated]
        assert sorted((each.local.component_id, each.local.address.port) for each in chosen) == [
            (1, 5000),
            (1, 5002),
            (2, 5001),
        ]


@pytest.mark.spec("rfc8445:12.1/2", "rfc8445:8.1.1/3")
def test_after_the_nomination_data_flows_on_the_nominated_pair_alone() -> None:
    desk = Desk(candidates=PEERS)
    better, worse = desk.output() + desk.advance(0.06)
    desk.answer(worse)
    nomination = desk.next_request()
    while not _nominates(nomination):
        nomination = desk.next_request()
    desk.answer(nomination)

    desk.answer(better)
    later = [desk.next_request() for _ in range(4)]

    assert [event.pair.remote for event in _selections(desk) if event.pair is not None] == [WORSE, WORSE]
    assert not any(map(_nominates, later))
    assert {datagram.remote for datagram in later} == {WORSE}


@pytest.mark.spec("rfc8445:7.2.5.3.4/1")
@pytest.mark.parametrize("patience", [0.0, 30.0])
def test_a_nomination_that_fails_takes_the_pair_off_the_valid_list(patience: float) -> None:
    desk = Desk(candidates=(candidate(THERE),), config=IceConfig(patience=patience))
    desk.answer(desk.output()[0])
    (nomination,) = desk.advance(0.06)
    assert desk.agent.selected_pair is not None

    desk.send(desk.error(nomination, 500))

    assert _nominates(nomination)
    (pair,) = desk.agent.candidate_pair_stats()
    assert (pair.state, pair.nominated, pair.selected) == (PairState.FAILED, False, False)
    assert desk.agent.selected_pair is None
    # Failure of the checklist has to wait for the end of patience: RFC 8863.
    out_of_patience = desk.agent.connection_state is ConnectionState.FAILED
    assert out_of_patience is (patience == 0.0)


def test_within_patience_another_pair_is_nominated_when_a_nomination_fails() -> None:
    desk = Desk(candidates=PEERS)
    desk.agent.end_of_remote_candidates(desk.now)
    better, worse = desk.output() + desk.advance(0.06)
    desk.answer(worse)
    desk.answer(better)
    first = desk.next_request()

    desk.send(desk.error(first, 500))
    second = desk.next_request()
    desk.answer(second)

    assert [(_nominates(each), each.remote) for each in (first, second)] == [(True, BETTER), (True, WORSE)]
    assert _nominated(desk) == [WORSE.host]


# --- what a nomination ends ---


@pytest.mark.spec("rfc8445:8.1.2/1")
def test_a_nomination_removes_the_other_pairs_and_ends_their_checks() -> None:
    third = candidate(THERE._replace(port=1), priority=10, foundation="3")
    desk = Desk(controlling=False, candidates=(*PEERS, third))
    desk.output()
    desk.check(source=third.address)
    desk.check(source=BETTER, use_candidate=True)
    triggered = [desk.next_request(), desk.next_request()]
    assert [datagram.remote for datagram in triggered] == [third.address, BETTER]

    desk.answer(triggered[1])

    assert _nominated(desk) == [BETTER.host]
    assert [each.remote.address for each in desk.agent.candidate_pair_stats()] == [BETTER]
    remotes = {datagram.remote for datagram in desk.requests(desk.advance(20.0))}
    assert remotes == {BETTER}


@pytest.mark.spec("rfc8445:8.1.2/1")
def test_the_answer_to_a_check_that_a_nomination_cancelled_changes_nothing() -> None:
    desk = Desk(controlling=False, candidates=PEERS)
    better, worse = desk.output() + desk.advance(0.06)
    desk.check(source=BETTER, use_candidate=True)
    desk.answer(better)
    desk.answer(desk.next_request())

    desk.answer(worse)

    assert [each.remote.address for each in desk.agent.candidate_pair_stats()] == [BETTER]
    assert desk.agent.selected_pair is not None
    assert desk.agent.selected_pair.remote == BETTER


# --- the controlled side ---


def test_a_nomination_of_a_pair_that_has_succeeded_is_taken_at_once() -> None:
    desk = Desk(controlling=False, candidates=(candidate(THERE),))
    desk.answer(desk.output()[0])
    assert [event.nominated for event in _selections(desk)] == [False]

    assert len(desk.check(use_candidate=True)) == 1

    assert [event.nominated for event in _selections(desk)] == [True]


def test_a_nomination_of_a_pair_not_yet_checked_waits_for_our_own_check() -> None:
    desk = Desk(controlling=False)
    _, triggered = desk.check(use_candidate=True)
    assert _nominated(desk) == []
    assert desk.agent.selected_pair is None

    desk.answer(triggered)

    assert _nominated(desk) == [THERE.host]


@pytest.mark.spec("rfc8445:7.3.1.5/1", "rfc8445:7.2.5.3.4/2")
@pytest.mark.parametrize("patience", [0.0, 30.0])
def test_a_nomination_whose_triggered_check_fails_fails_the_pair(patience: float) -> None:
    desk = Desk(controlling=False, config=IceConfig(patience=patience), candidates=(candidate(WORSE),))
    desk.answer(desk.output()[0])
    desk.advance(0.06)
    _, triggered = desk.check(use_candidate=True)

    desk.send(desk.error(triggered, 500))

    states = {each.remote.address: each.state for each in desk.agent.candidate_pair_stats()}
    assert states == {WORSE: PairState.SUCCEEDED, THERE: PairState.FAILED}
    assert _nominated(desk) == []
    assert (desk.agent.connection_state is ConnectionState.FAILED) is (patience == 0.0)


@pytest.mark.spec("rfc8445:8.1.1/4")
def test_of_several_nominations_the_best_pair_is_used() -> None:
    """A peer of RFC 5245 with aggressive nomination sets the flag in every check."""
    desk = Desk(controlling=False, candidates=PEERS)
    better, worse = desk.output() + desk.advance(0.06)
    desk.answer(worse)
    desk.answer(better)

    desk.check(source=WORSE, use_candidate=True)
    assert desk.agent.selected_pair is not None
    assert desk.agent.selected_pair.remote == WORSE
    desk.advance(0.06)
    for datagram in desk.requests(desk.check(source=BETTER, use_candidate=True)):
        desk.answer(datagram)

    assert desk.agent.selected_pair.remote == BETTER
    assert [event.nominated for event in _selections(desk)][-1] is True


def test_use_candidate_of_a_peer_that_is_controlled_is_ignored() -> None:
    desk = Desk(candidates=(candidate(THERE),), config=IceConfig(nomination=Never()))
    desk.answer(desk.output()[0])

    desk.check(use_candidate=True)

    assert _nominated(desk) == []


# --- the end ---


@pytest.mark.spec("rfc8445:12.1/4")
def test_a_stream_that_failed_sends_no_more_on_any_component() -> None:
    """One component of two gets a valid pair, the other never will."""
    config = IceConfig(components=(2,), patience=1.0)
    call = Call(alice=config, bob=config)
    for ip in ("192.0.2.1", "192.0.2.2"):
        host = call.network.host(ip)
        party = call.join(host, host.bind(5000), host.bind(5001))
        for component_id, binding in enumerate(party.bindings, start=1):
            party.agent.add_local_address(binding.address, 0.0, component_id=component_id)
        party.agent.end_of_local_addresses(0.0)
        party.node.tap = Watch(lambda datagram: datagram.local.port == 5000)
    call.start(gather=False)

    assert call.run(lambda: call.alice.agent.selected_pair is not None, timeout=5)
    assert call.run(call.failed, timeout=60)
    assert all(party.agent.selected_pair is None for party in call.parties)
    assert all(party.agent.selected_pair_of(0, 2) is None for party in call.parties)


@pytest.mark.spec("rfc8445:12.2/1")
def test_data_is_accepted_on_every_path_that_the_peer_has_proven_not_only_the_selected_one() -> None:
    desk = Desk(candidates=PEERS)
    for datagram in desk.output() + desk.advance(0.06):
        desk.answer(datagram)
    desk.check(source=THERE._replace(port=9))
    desk.settle()

    assert desk.agent.selected_pair is not None
    for address in (BETTER, WORSE, THERE._replace(port=9)):
        assert desk.agent.is_valid_path(HERE, address)
    assert not desk.agent.is_valid_path(HERE, THERE._replace(port=10))
    assert not desk.agent.is_valid_path(ELSEWHERE, THERE)


def test_nominations_need_two_round_trips() -> None:
    call = simple_call(link=Link(delay=0.02))
    call.alice.node.tap = watch = Watch()
    call.start()

    assert call.run(call.completed, timeout=5)
    requests = [now for now, each in watch.seen if parse(each).message_class is MessageClass.REQUEST]
    assert call.network.now == pytest.approx(requests[0] + 0.05 + 0.04)


@pytest.mark.spec("rfc8445:8.1.1/2")
def test_a_late_answer_to_an_earlier_check_does_not_make_us_forget_to_nominate() -> None:
    desk = Desk(candidates=(candidate(THERE),))
    (first,) = desk.output()
    desk.advance(0.05)
    _, second = desk.check()
    desk.answer(first)

    desk.answer(second)

    assert _nominates(desk.next_request())


@pytest.mark.spec("rfc8445:8.1.1/2")
def test_when_the_base_of_a_pair_goes_away_in_mid_nomination_another_pair_is_nominated() -> None:
    desk = Desk(candidates=(candidate(THERE),), end=False)
    desk.agent.add_local_address(ELSEWHERE, desk.now)
    desk.agent.end_of_remote_candidates(desk.now)
    for check in desk.output() + desk.advance(0.06):
        desk.answer(check)
    nomination = desk.next_request()
    assert (_nominates(nomination), nomination.local) == (True, HERE)

    desk.agent.remove_local_address(HERE, desk.now)

    second = desk.next_request()
    while second.local != ELSEWHERE:
        second = desk.next_request()
    assert _nominates(second)


@pytest.mark.spec("rfc8445:7.2.5.3.4/1")
def test_a_nomination_that_fails_behind_a_translator_takes_the_reflexive_pair_off_too() -> None:
    desk = Desk(candidates=(candidate(THERE),))
    desk.agent.end_of_remote_candidates(desk.now)
    desk.answer(desk.output()[0], mapped=ELSEWHERE)
    nomination = desk.next_request()
    assert _nominates(nomination)

    desk.send(desk.error(nomination, 500))

    assert [each.state for each in desk.agent.candidate_pair_stats()] == [PairState.FAILED]
    assert desk.agent.selected_pair is None


def test_a_checklist_that_has_failed_checks_nothing_more_by_itself() -> None:
    others = tuple(candidate(THERE._replace(port=n), priority=n, foundation=str(n)) for n in range(1, 20))
    desk = Desk(candidates=(*PEERS, *others), config=IceConfig(patience=0.0))
    desk.answer(desk.output()[0])
    nomination = desk.next_request()
    assert _nominates(nomination)

    desk.send(desk.error(nomination, 500))

    assert desk.agent.connection_state is ConnectionState.FAILED
    assert desk.requests(desk.advance(0.4)) == []


@pytest.mark.spec("rfc8445:8.1.2/1")
def test_a_triggered_check_that_waits_its_turn_is_dropped_by_a_nomination() -> None:
    desk = Desk(controlling=False, candidates=PEERS)
    (better,) = desk.output()
    assert desk.requests(desk.check(source=THERE._replace(port=1))) == []
    desk.answer(better)

    desk.check(source=BETTER, use_candidate=True)

    assert _nominated(desk) == [BETTER.host]
    assert desk.requests(desk.advance(2.0)) == []


# --- peers that nominate several pairs ---


@pytest.mark.spec("rfc8445:7.3.1.5/1", "rfc8445:8.1.1/4")
def test_a_nomination_that_waits_for_our_check_outlives_that_of_another_pair() -> None:
    """Aggressive nomination, and libwebrtc's: the next pair is nominated before the first nomination is through."""
    desk = Desk(controlling=False, candidates=PEERS)
    desk.advance(0.06)
    desk.check(source=WORSE, use_candidate=True)
    desk.check(source=BETTER, use_candidate=True)
    worse, better = desk.requests(desk.advance(0.2))[-2:]
    assert (worse.remote, better.remote) == (WORSE, BETTER)

    desk.answer(worse)
    assert _nominated(desk) == [WORSE.host]
    desk.answer(better)

    assert desk.agent.selected_pair is not None
    assert desk.agent.selected_pair.remote == BETTER
    assert sorted(_nominated(desk)) == sorted([BETTER.host, WORSE.host])


def test_a_nomination_of_the_peer_is_forgotten_when_we_come_to_control() -> None:
    desk = Desk(controlling=False, candidates=(candidate(WORSE),), config=IceConfig(patience=0.0))
    desk.answer(desk.output()[0])
    desk.advance(0.06)
    _, triggered = desk.check(use_candidate=True)
    desk.send(desk.error(triggered, 487))
    assert desk.agent.controlling
    again = next(each for each in desk.requests(desk.advance(0.2)) if each.remote == THERE)

    desk.send(desk.error(again, 500))

    assert desk.agent.connection_state is not ConnectionState.FAILED


def test_a_policy_that_goes_on_waiting_is_not_asked_all_the_time() -> None:
    desk = Desk(candidates=(candidate(THERE),), config=IceConfig(nomination=Never()))
    desk.answer(desk.output()[0])
    desk.advance(0.4)

    desk.now += 0.2
    desk.agent.handle_timeout(desk.now)
    desk.output()

    at = desk.agent.next_timeout()
    assert at is not None
    assert at > desk.now + 1.0


def test_further_valid_pairs_do_not_put_the_nomination_off() -> None:
    third = candidate(THERE._replace(port=1), priority=500, foundation="3")
    desk = Desk(candidates=(*PEERS, third))
    _, worse, worst = desk.requests(desk.output() + desk.advance(0.11))
    desk.answer(worst)
    desk.advance(0.35)
    desk.answer(worse)

    later = desk.requests(desk.advance(0.2))

    assert [datagram.remote for datagram in later if _nominates(datagram)] == [WORSE]
