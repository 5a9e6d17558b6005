"""Who controls: RFC 8445, sections 6.1.1, 7.2.5.1, 7.3.1.1 and 16.1."""

import pytest
from tests.support.network import Link

from rtc_ice import ConnectionState, IceConfig, PairState, RoleChanged, StateError
from rtc_stun import Datagram, ErrorCode, IceControlled, IceControlling, MessageClass, UseCandidate

from .crafted import THERE, Desk, candidate, parse
from .session import Call, Watch, simple_call

MAX_TIE_BREAKER = 2**64 - 1


def _tie_breaker(datagram: Datagram) -> int:
    message = parse(datagram)
    role = message.get(IceControlling) or message.get(IceControlled)
    assert role is not None
    return role.value


def _roles(call: Call) -> tuple[bool, bool]:
    return call.alice.agent.controlling, call.bob.agent.controlling


# --- taking roles ---


@pytest.mark.spec("rfc8445:6.1.1/1")
def test_full_agents_keep_the_roles_of_offerer_and_answerer() -> None:
    call = simple_call()
    call.start()

    assert call.run(call.completed, timeout=5)
    assert _roles(call) == (True, False)
    assert [party.node.of(RoleChanged) for party in call.parties] == [[], []]


@pytest.mark.spec("rfc8445:6.1.1/2")
@pytest.mark.parametrize("roles", [(True, False), (False, True)])
def test_a_full_agent_controls_a_lite_one_whoever_offered(roles: tuple[bool, bool]) -> None:
    call = simple_call(bob=IceConfig(lite=True), roles=roles)
    call.start()

    assert call.run(call.completed, timeout=5)
    assert _roles(call) == (True, False)
    if not roles[0]:
        assert call.alice.node.of(RoleChanged) == [RoleChanged(True)]
        assert call.bob.node.of(RoleChanged) == [RoleChanged(False)]


@pytest.mark.spec("rfc8445:6.1.1/3")
def test_lite_agents_keep_the_roles_of_offerer_and_answerer() -> None:
    lite = IceConfig(lite=True)
    call = simple_call(alice=lite, bob=lite)
    call.start()

    assert call.run(call.completed, timeout=5)
    assert _roles(call) == (True, False)


def test_the_role_can_be_set_while_the_peer_is_unknown() -> None:
    desk = Desk(meet=False, controlling=False, candidates=(candidate(THERE),))
    desk.agent.controlling = True
    desk.meet()

    (check,) = desk.output()

    assert parse(check).get(IceControlling) is not None
    assert desk.events()[-1] != RoleChanged(True)


@pytest.mark.spec("rfc8445:6.1.1/4", "rfc8445:9/4")
def test_roles_outlive_a_restart_and_cannot_be_set_any_more() -> None:
    call = simple_call()
    call.start()
    call.run(call.completed, timeout=5)
    for party in call.parties:
        party.agent.restart(call.network.now)
        with pytest.raises(StateError):
            party.agent.controlling = not party.agent.controlling
    assert _roles(call) == (True, False)

    for party in call.parties:
        party.agent.end_of_local_addresses(call.network.now)
    call.exchange_credentials()
    call.network.flush()

    assert call.run(call.completed, timeout=5)
    assert _roles(call) == (True, False)


@pytest.mark.spec("rfc8445:6.1.1/5", "rfc8445:9/2")
def test_a_peer_that_becomes_lite_in_a_restart_hands_us_control() -> None:
    desk = Desk(controlling=False)
    desk.connect()
    with pytest.raises(StateError):
        desk.meet(lite=True)
    assert desk.agent.controlling is False

    desk.agent.restart(desk.now)
    desk.meet(lite=True)

    assert desk.agent.controlling is True
    assert desk.events()[-1] == RoleChanged(True)


@pytest.mark.spec("rfc8445:6.1.1/6")
def test_a_peer_that_turns_the_roles_around_in_a_restart_is_followed() -> None:
    """Ours was controlling; the peer claims that now, with a higher tiebreaker."""
    desk = Desk(candidates=(candidate(THERE),))
    desk.connect()
    desk.agent.restart(desk.now)
    desk.meet()

    (answer, *_) = desk.responses(desk.send(desk.request(role=IceControlling(MAX_TIE_BREAKER))))

    assert parse(answer).message_class is MessageClass.SUCCESS
    assert desk.agent.controlling is False


# --- a conflict seen by the side that answers ---


@pytest.mark.spec("rfc8445:7.3.1.1/2", "rfc8445:7.3.1.1/3")
@pytest.mark.parametrize("controlling", [True, False])
@pytest.mark.parametrize("theirs", ["lower", "equal", "higher"])
def test_the_larger_tiebreaker_controls(controlling: bool, theirs: str) -> None:
    desk = Desk(controlling=controlling, candidates=(candidate(THERE),))
    ours = _tie_breaker(desk.output()[0])
    value = ours + {"lower": -1, "equal": 0, "higher": 1}[theirs]
    role = IceControlling(value) if controlling else IceControlled(value)
    we_stay = (theirs != "higher") is controlling

    (answer,) = desk.responses(desk.send(desk.request(role=role)))

    error = parse(answer).get(ErrorCode)
    if we_stay:
        assert error is not None
        assert error.code == 487
        parse(answer).verify_integrity(desk.key)
        assert desk.agent.controlling is controlling
        assert desk.dropped("role-conflict") == 1
    else:
        assert error is None
        assert desk.agent.controlling is not controlling
        assert desk.agent.is_valid_path(answer.local, answer.remote)


@pytest.mark.spec("rfc8445:7.3.1.1/3")
@pytest.mark.parametrize("controlling", [True, False])
def test_opposite_roles_are_no_conflict_whatever_the_tiebreaker(controlling: bool) -> None:
    desk = Desk(controlling=controlling)
    value = MAX_TIE_BREAKER
    role = IceControlled(value) if controlling else IceControlling(value)

    (answer,) = desk.responses(desk.send(desk.request(role=role)))

    assert parse(answer).message_class is MessageClass.SUCCESS
    assert desk.agent.controlling is controlling


def test_a_request_that_claims_no_role_is_no_conflict() -> None:
    desk = Desk()

    (answer,) = desk.responses(desk.send(desk.request(claim=False)))

    assert parse(answer).message_class is MessageClass.SUCCESS
    assert desk.agent.controlling is True


def test_a_switch_recomputes_pair_priorities() -> None:
    desk = Desk(candidates=(candidate(THERE, priority=5),))
    before = desk.agent.candidate_pair_stats()[0].priority

    desk.send(desk.request(role=IceControlling(MAX_TIE_BREAKER)))

    assert desk.agent.candidate_pair_stats()[0].priority == before - 1


def test_an_unproven_request_cannot_switch_roles() -> None:
    desk = Desk()

    desk.send(desk.request(role=IceControlling(MAX_TIE_BREAKER), key=b"wrong"))

    assert desk.agent.controlling is True


# --- a conflict seen by the side that asks ---


@pytest.mark.spec("rfc8445:7.2.5.1/1", "rfc8445:7.2.5.1/2", "rfc8445:7.2.5.1/3", "rfc8445:7.2.5.1/4", "rfc8445:16.1/2")
@pytest.mark.parametrize("controlling", [True, False])
def test_a_487_changes_role_and_tiebreaker_and_repeats_the_check(controlling: bool) -> None:
    desk = Desk(controlling=controlling, candidates=(candidate(THERE),))
    (check,) = desk.output()

    desk.send(desk.error(check, 487))

    assert desk.agent.controlling is not controlling
    assert desk.agent.candidate_pair_stats()[0].state is PairState.WAITING
    (again,) = desk.advance(0.06)
    assert again.remote == THERE
    assert (parse(again).get(IceControlling) is not None) is not controlling
    assert _tie_breaker(again) != _tie_breaker(check)
    assert RoleChanged(not controlling) in desk.events()


def test_two_487_to_checks_of_the_same_role_switch_once() -> None:
    desk = Desk(candidates=tuple(candidate(THERE._replace(port=n), foundation=str(n)) for n in (1, 2)))
    checks = desk.output() + desk.advance(0.06)

    for check in checks:
        desk.send(desk.error(check, 487), source=check.remote)

    assert desk.agent.controlling is False


def test_an_unproven_487_changes_nothing() -> None:
    desk = Desk(candidates=(candidate(THERE),))
    (check,) = desk.output()

    desk.send(desk.error(check, 487, key=b"wrong"))

    assert desk.agent.controlling is True


@pytest.mark.spec("rfc8445:16.1/1")
def test_the_tiebreaker_stays_the_same_for_all_checks_of_a_session() -> None:
    call = simple_call()
    watches = Watch(), Watch()
    for party, watch in zip(call.parties, watches, strict=True):
        party.node.tap = watch
    call.start()
    call.run(timeout=30)

    for watch in watches:
        requests = [each for _, each in watch.seen if parse(each).message_class is MessageClass.REQUEST]
        assert len(requests) >= 5
        assert len({_tie_breaker(each) for each in requests}) == 1


@pytest.mark.spec("rfc8445:7.3.1.1/3", "rfc8445:7.2.5.1/3")
@pytest.mark.parametrize("both_control", [True, False])
@pytest.mark.parametrize("seed", range(6))
def test_agents_of_the_same_role_agree_in_the_end(both_control: bool, seed: int) -> None:
    call = simple_call(seed=seed, roles=(both_control, both_control), link=Link(delay=0.01, jitter=0.01))
    call.start()

    assert call.run(call.completed, timeout=10)
    assert sorted(_roles(call)) == [False, True]
    assert call.agree()


def test_a_role_that_changes_in_mid_nomination_is_no_nomination_of_ours() -> None:
    desk = Desk(candidates=(candidate(THERE),))
    desk.agent.end_of_remote_candidates(desk.now)
    desk.answer(desk.output()[0])
    (nomination,) = desk.advance(0.06)
    assert parse(nomination).get(UseCandidate) is not None

    desk.send(desk.request(role=IceControlling(MAX_TIE_BREAKER)))
    desk.answer(nomination)

    assert desk.agent.controlling is False
    assert [each.nominated for each in desk.agent.candidate_pair_stats()] == [False]
    assert desk.agent.connection_state is ConnectionState.CONNECTED


def test_a_487_to_a_consent_check_changes_the_role() -> None:
    desk = Desk()
    desk.connect()
    consent = desk.next_request()

    desk.send(desk.error(consent, 487))

    assert desk.agent.controlling is False
    assert _tie_breaker(desk.next_request()) != _tie_breaker(consent)


def test_two_487_to_consent_checks_of_the_same_role_switch_once() -> None:
    desk = Desk()
    desk.connect()
    for delay in (0.9, 3.0):  # in the end answers are waited for longer than until the next check
        slow = desk.next_request()
        desk.now += delay
        desk.answer(slow)
    first, second = desk.next_request(), desk.next_request()

    desk.send(desk.error(first, 487))
    desk.send(desk.error(second, 487))

    assert desk.dropped("unknown-transaction") == 0
    assert desk.agent.controlling is False
