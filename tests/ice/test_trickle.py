"""Trickle ICE (RFC 8838) in both directions, and patience (RFC 8863)."""

from collections.abc import Callable

import pytest
from tests.support.nat import full_cone, port_restricted_cone
from tests.support.network import Link

from rtc_ice import (
    Candidate,
    ConnectionState,
    GatheringState,
    GatheringStateChanged,
    IceConfig,
    LocalCandidateGathered,
    PairState,
)
from rtc_stun import Datagram, IceControlled, IceControlling, MessageClass, XorMappedAddress

from .crafted import ELSEWHERE, HERE, PEER_UFRAG, THERE, Desk, candidate, parse
from .session import STUN_SERVER, Call, OddStunServer, Signalling, Watch, simple_call, tell_address

ASKS = IceConfig(stun_servers=(STUN_SERVER,))


def _named(ufrag: str, *, port: int = THERE.port) -> Candidate:
    return Candidate.parse(f"{candidate(THERE._replace(port=port), foundation=str(port))} ufrag {ufrag}")


def _of_host(*, port: int) -> Candidate:
    return candidate(THERE._replace(port=port), foundation=str(port))


# --- our candidates ---


@pytest.mark.spec("rfc8838:10/1")
def test_a_candidate_is_handed_out_before_a_check_leaves_from_it() -> None:
    """The caller sees events and output at the same time, so that signalling is never behind the checks."""
    desk = Desk(meet=False, end=False)
    desk.meet()
    desk.agent.add_remote_candidate(candidate(THERE), desk.now)
    desk.output()
    desk.events()
    desk.advance(0.06)

    desk.agent.add_local_address(ELSEWHERE, desk.now)
    events, output = desk.events(), desk.output()

    assert [event.candidate.address for event in events if isinstance(event, LocalCandidateGathered)] == [ELSEWHERE]
    assert [datagram.local for datagram in output] == [ELSEWHERE]


@pytest.mark.spec("rfc8838:10/1")
def test_a_candidate_that_the_caller_has_not_been_given_is_not_paired() -> None:
    desk = Desk(config=ASKS, candidates=(candidate(THERE),))
    (check,) = desk.output()
    (question,) = desk.advance(0.06)
    outside = ELSEWHERE
    desk.answer(check, mapped=outside)

    assert question.remote == STUN_SERVER
    known = {event.candidate.address for event in desk.events() if isinstance(event, LocalCandidateGathered)}
    assert known == {HERE}
    bases = {datagram.local for datagram in desk.advance(1.0)}
    assert bases == {HERE}


@pytest.mark.spec("rfc8838:13/1", "rfc8838:13/2", "rfc8838:13/4")
@pytest.mark.parametrize("index", [0, 1])
def test_both_sides_tell_the_end_of_their_candidates_and_of_which_generation(index: int) -> None:
    call = simple_call()
    call.start()
    call.run(call.completed, timeout=5)
    party = call.parties[index]
    first = party.agent.local_credentials.ufrag
    party.agent.restart(call.network.now)
    party.agent.end_of_local_addresses(call.network.now)
    call.network.flush()

    ends = [event.ufrag for event in party.node.of(GatheringStateChanged) if event.state is GatheringState.COMPLETE]
    assert ends == [first, party.agent.local_credentials.ufrag]
    last = party.node.events.index(GatheringStateChanged(GatheringState.COMPLETE, first))
    own = [event for event in party.node.events if isinstance(event, LocalCandidateGathered) and event.ufrag == first]
    assert all(party.node.events.index(event) < last for event in own)


@pytest.mark.spec("rfc8838:13/6", "rfc8838:13/8")
def test_an_address_that_comes_after_the_end_waits_for_the_next_session() -> None:
    desk = Desk(candidates=(candidate(THERE),))
    desk.events()

    assert desk.agent.add_local_address(ELSEWHERE, desk.now) is False
    assert desk.events() == []
    assert {datagram.local for datagram in desk.advance(1.0)} == {HERE}

    desk.agent.restart(desk.now)
    gathered = [event for event in desk.events() if isinstance(event, LocalCandidateGathered)]
    assert [event.candidate.address for event in gathered] == [HERE, ELSEWHERE]


@pytest.mark.spec("rfc8838:13/10")
def test_no_candidates_are_trickled_after_the_nomination() -> None:
    """The server answers late: the connection is complete by then."""
    desk = Desk(config=ASKS, candidates=(candidate(THERE),), end=False)
    desk.agent.end_of_remote_candidates(desk.now)
    sent = desk.output() + desk.advance(0.06)
    (check,) = [datagram for datagram in sent if datagram.remote == THERE]
    (question,) = [datagram for datagram in sent if datagram.remote == STUN_SERVER]
    desk.answer(check)
    desk.answer(desk.next_request())
    assert desk.is_in(ConnectionState.COMPLETED)
    desk.events()

    desk.send(tell_address(parse(question), Datagram(b"", STUN_SERVER, ELSEWHERE)), source=STUN_SERVER)
    assert desk.agent.add_local_address(ELSEWHERE, desk.now) is False

    assert [event for event in desk.events() if isinstance(event, LocalCandidateGathered)] == []


@pytest.mark.spec("rfc8838:13/9", "rfc8838:13/3")
def test_a_pair_is_chosen_though_the_peer_never_tells_the_end() -> None:
    call = simple_call(signalling=Signalling(tells_end=False))
    call.start()

    assert call.run(lambda: all(p.selections and p.selections[-1].nominated for p in call.parties), timeout=5)
    call.run(timeout=60)
    assert call.both(ConnectionState.CONNECTED)


# --- the peer's candidates ---


@pytest.mark.spec("rfc8838:4/1", "rfc8838:5/2", "rfc8838:15/1")
@pytest.mark.parametrize("when", ["before the credentials", "with them", "later"])
def test_candidates_may_come_at_any_time(when: str) -> None:
    desk = Desk(meet=False)
    if when == "before the credentials":
        desk.agent.add_remote_candidate(candidate(THERE), desk.now)
    desk.meet()
    if when == "with them":
        desk.agent.add_remote_candidate(candidate(THERE), desk.now)
    if when == "later":
        desk.advance(10.0)
        desk.agent.add_remote_candidate(candidate(THERE), desk.now)

    assert [datagram.remote for datagram in desk.output()] == [THERE]


@pytest.mark.parametrize("early", [True, False])
def test_candidates_of_another_generation_are_ignored(early: bool) -> None:
    desk = Desk(meet=not early)
    desk.agent.add_remote_candidate(_named("old1", port=1), desk.now)
    desk.agent.add_remote_candidate(_named(PEER_UFRAG, port=2), desk.now)
    if early:
        desk.meet()

    assert [datagram.remote.port for datagram in desk.advance(0.2)] == [2]
    assert desk.dropped("remote-candidate-of-other-session") == 1


@pytest.mark.spec("rfc8838:14/2")
def test_candidates_after_the_end_are_ignored() -> None:
    desk = Desk(candidates=(_of_host(port=1),))
    desk.agent.end_of_remote_candidates(desk.now)

    desk.agent.add_remote_candidate(_of_host(port=2), desk.now)

    assert {datagram.remote.port for datagram in desk.advance(1.0)} == {1}
    assert desk.dropped("remote-candidate-after-end") == 1


@pytest.mark.spec("rfc8838:17/3")
def test_pairs_of_equal_promise_are_checked_in_the_order_in_which_their_candidates_came() -> None:
    order = [4, 2, 5, 3]
    desk = Desk(candidates=tuple(_of_host(port=port) for port in order))

    assert [datagram.remote.port for datagram in desk.advance(0.16)] == order


@pytest.mark.spec("rfc8838:11/2")
def test_a_candidate_signalled_after_it_was_learned_becomes_the_learned_one_and_keeps_its_priority() -> None:
    desk = Desk()
    desk.check()
    (before,) = desk.agent.candidate_pair_stats()

    desk.agent.add_remote_candidate(candidate(THERE, priority=77, foundation="real"), desk.now)

    (after,) = desk.agent.candidate_pair_stats()
    assert before.remote.type == "prflx"
    assert (after.remote.type, after.remote.foundation) == ("host", "real")
    assert (after.number, after.priority, after.state) == (before.number, before.priority, PairState.IN_PROGRESS)
    assert len(desk.agent.candidate_stats()) == 2


@pytest.mark.spec("rfc8838:3/2", "rfc8838:5/1")
def test_a_peer_without_trickle_gives_all_at_once_and_is_met_by_ordinary_ice() -> None:
    call = Call(alice=ASKS, link=Link(delay=0.01))
    call.serve_stun()
    call.join(call.network.host("192.168.1.10", behind=full_cone("203.0.113.1")))
    call.join(call.network.host("192.0.2.2"))
    call.signalling.drops = lambda candidate: True
    call.signalling.tells_end = False
    call.start(signal=False)
    call.run(timeout=1.0)
    assert all(party.agent.gathering_state is GatheringState.COMPLETE for party in call.parties)

    call.exchange_credentials()
    for party, peer in ((call.alice, call.bob), (call.bob, call.alice)):
        for event in party.candidates:
            peer.agent.add_remote_candidate(event.candidate, call.network.now)
        peer.agent.end_of_remote_candidates(call.network.now)
    call.network.flush()

    assert call.run(call.completed, timeout=5)
    assert call.agree()


@pytest.mark.parametrize("delay", [0.0, 0.3, 3.0])
def test_slow_signalling_delays_but_breaks_nothing(delay: float) -> None:
    call = Call(alice=ASKS, bob=ASKS, signalling=Signalling(delay=delay), link=Link(delay=0.01))
    call.serve_stun()
    for n in (1, 2):
        call.join(call.network.host("192.168.1.10", behind=port_restricted_cone(f"203.0.113.{n}")))
    call.start()

    assert call.run(call.completed, timeout=30)
    assert call.agree()


def test_one_side_that_signals_nothing_is_found_by_its_checks() -> None:
    call = simple_call()
    call.signalling.drops = lambda each: each.address.host == "192.0.2.2"
    call.start()

    assert call.run(call.completed, timeout=5)
    remote = next(each for each in call.alice.agent.candidate_stats() if each.is_remote)
    assert remote.candidate.type == "prflx"


# --- failure and patience ---


def _fails_at(desk: Desk, *, within: float = 100.0) -> float | None:
    """Let time pass in silence; return after how many seconds the agent failed."""
    start = desk.now
    while desk.now <= start + within:
        desk.output()
        if desk.is_in(ConnectionState.FAILED):
            return desk.now - start
        timeout = desk.agent.next_timeout()
        if timeout is None:
            return None
        desk.now = timeout
        desk.agent.handle_timeout(desk.now)
    return None


@pytest.mark.spec("rfc8863:4/1", "rfc8863:4/2", "rfc8863:4/3", "rfc8863:4/4", "rfc8863:5/1")
def test_without_any_candidate_failure_is_declared_when_patience_ends_and_not_before() -> None:
    desk = Desk()
    desk.agent.end_of_remote_candidates(desk.now)

    assert _fails_at(desk) == pytest.approx(39.5)


@pytest.mark.spec("rfc8863:4/1")
def test_patience_begins_with_the_credentials_not_with_the_agent() -> None:
    desk = Desk(meet=False)
    desk.advance(100.0)
    desk.meet()
    desk.agent.end_of_remote_candidates(desk.now)

    assert _fails_at(desk) == pytest.approx(39.5)


@pytest.mark.spec("rfc8863:4/2")
@pytest.mark.parametrize(("config", "seconds"), [(IceConfig(max_requests=3), 9.5), (IceConfig(patience=5.0), 5.0)])
def test_patience_is_as_long_as_a_check_unless_configured(config: IceConfig, seconds: float) -> None:
    desk = Desk(config=config)
    desk.agent.end_of_remote_candidates(desk.now)

    assert _fails_at(desk) == pytest.approx(seconds)


@pytest.mark.spec("rfc8863:4/3")
def test_pairs_that_fail_early_do_not_fail_the_connection_within_patience() -> None:
    desk = Desk(candidates=(candidate(THERE),))
    desk.agent.end_of_remote_candidates(desk.now)
    desk.send(desk.error(desk.output()[0], 500))
    desk.advance(30.0)
    assert desk.is_in(ConnectionState.CHECKING)

    _, triggered = desk.check(source=ELSEWHERE)
    desk.answer(triggered)

    assert desk.is_in(ConnectionState.CONNECTED)


@pytest.mark.spec("rfc8863:4/4")
def test_checks_that_take_longer_than_patience_are_waited_for() -> None:
    desk = Desk(config=IceConfig(patience=1.0), candidates=(candidate(THERE),))
    desk.agent.end_of_remote_candidates(desk.now)

    assert _fails_at(desk) == pytest.approx(39.5)


@pytest.mark.spec("rfc8838:8/1")
@pytest.mark.parametrize("open_side", ["ours", "theirs"])
def test_while_candidates_may_still_come_nothing_fails(open_side: str) -> None:
    desk = Desk(end=open_side != "ours", config=IceConfig(patience=1.0))
    if open_side == "ours":
        desk.agent.end_of_remote_candidates(desk.now)
    assert _fails_at(desk) is None
    desk.now += 300.0
    desk.agent.handle_timeout(desk.now)
    assert not desk.is_in(ConnectionState.FAILED)

    if open_side == "ours":
        desk.agent.end_of_local_addresses(desk.now)
    else:
        desk.agent.end_of_remote_candidates(desk.now)

    assert desk.is_in(ConnectionState.FAILED)


@pytest.mark.spec("rfc8863:5/2")
def test_a_peer_that_never_tells_the_end_is_given_up_when_all_it_told_has_failed() -> None:
    desk = Desk(candidates=(candidate(THERE),))

    assert _fails_at(desk) == pytest.approx(39.5)


def test_a_connection_that_failed_comes_back_when_the_peer_is_heard_after_all() -> None:
    desk = Desk(candidates=(candidate(THERE),))
    desk.agent.end_of_remote_candidates(desk.now)
    assert _fails_at(desk) is not None

    _, triggered = desk.check()
    desk.answer(triggered)

    assert desk.is_in(ConnectionState.CONNECTED)
    assert desk.agent.selected_pair is not None


# --- what a server does to a call ---


def _late(seconds: float, call: Call) -> Callable[[float, Datagram], bool]:
    return lambda now, datagram: now >= seconds


@pytest.mark.spec("rfc8838:13/5")
def test_a_dead_server_costs_a_call_between_hosts_nothing() -> None:
    call = simple_call(alice=ASKS, bob=ASKS, link=Link(delay=0.01))
    call.start()

    assert call.run(call.connected, timeout=1)
    assert call.network.now < 0.2
    assert call.run(call.completed, timeout=6)


def test_a_server_that_answers_late_still_helps() -> None:
    call = Call(alice=ASKS, bob=ASKS, link=Link(delay=0.01))
    node = call.serve_stun(server=OddStunServer(tell_address))
    node.tap = _late(2.0, call)
    for n in (1, 2):
        call.join(call.network.host("192.168.1.10", behind=port_restricted_cone(f"203.0.113.{n}")))
    call.start()

    assert call.run(call.completed, timeout=10)
    assert call.network.now >= 2.0


def test_roles_and_answers_are_the_same_with_and_without_trickle() -> None:
    call = simple_call()
    watch = Watch()
    call.bob.node.tap = watch
    call.start()
    call.run(call.completed, timeout=5)

    for _, each in watch.seen:
        message = parse(each)
        if message.message_class is MessageClass.REQUEST:
            assert message.get(IceControlled) is not None
            assert message.get(IceControlling) is None
        else:
            assert message.get(XorMappedAddress) == XorMappedAddress(each.remote)


def test_of_two_candidates_with_one_address_the_better_one_stays() -> None:
    reflexive = candidate(THERE, priority=5, foundation="2", kind="srflx")
    host = candidate(THERE, priority=9)
    for order in ((reflexive, host), (host, reflexive)):
        desk = Desk(candidates=order)
        (pair,) = desk.agent.candidate_pair_stats()
        assert pair.remote == host
        assert desk.dropped("remote-candidate-duplicate") == 1


def test_the_candidate_of_a_pair_whose_check_has_begun_stays() -> None:
    desk = Desk(candidates=(candidate(THERE, priority=5, kind="srflx"),))
    desk.output()

    desk.agent.add_remote_candidate(candidate(THERE, priority=9), desk.now)

    assert [each.remote.type for each in desk.agent.candidate_pair_stats()] == ["srflx"]
