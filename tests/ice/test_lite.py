"""Lite agents: RFC 8445, sections 6.1.1, 7.3.2, 8.2 and 12.1.1."""

from collections.abc import Callable

import pytest
from tests.support.nat import Nat, port_restricted_cone, symmetric
from tests.support.network import Link

from rtc_ice import ConnectionState, ConsentExpired, IceConfig
from rtc_stun import IceControlled, MessageClass

from .crafted import HERE, THERE, Desk, candidate, parse
from .session import Call, Watch, simple_call

LITE = IceConfig(lite=True)


def test_a_lite_agent_answers_and_never_asks() -> None:
    call = simple_call(bob=LITE)
    call.bob.node.tap = watch = Watch()
    call.start()

    assert call.run(call.completed, timeout=5)
    assert call.agree()
    call.run(timeout=60)
    assert {parse(each).message_class for _, each in watch.seen} == {MessageClass.SUCCESS, MessageClass.INDICATION}
    assert call.bob.agent.lite
    assert call.completed()


@pytest.mark.parametrize("translator", [port_restricted_cone, symmetric])
def test_a_full_agent_behind_a_translator_reaches_a_lite_one(translator: Callable[[str], Nat]) -> None:
    call = Call(bob=LITE, link=Link(delay=0.01))
    call.join(call.network.host("192.168.1.10", behind=translator("203.0.113.1")))
    call.join(call.network.host("192.0.2.2"))
    call.start()

    assert call.run(call.completed, timeout=5)
    assert call.bob.agent.selected_pair is not None
    assert call.bob.agent.selected_pair.remote.host == "203.0.113.1"
    assert call.bob.agent.selected_pair.remote_candidate.type == "prflx"


@pytest.mark.spec("rfc8445:12.1.1/1")
def test_a_lite_agent_sends_nothing_before_every_component_has_a_pair() -> None:
    desk = Desk(controlling=False, config=IceConfig(lite=True, components=(2,)), end=False)
    second = HERE._replace(port=5001)
    desk.agent.add_local_address(second, desk.now, component_id=2)
    desk.agent.end_of_local_addresses(desk.now)

    desk.check(use_candidate=True)
    assert desk.agent.selected_pair is None
    assert desk.agent.connection_state is not ConnectionState.CONNECTED
    desk.check(use_candidate=True, local=second)

    assert desk.agent.selected_pair_of(0, 1) is not None
    assert desk.agent.selected_pair_of(0, 2) is not None


def test_a_check_without_nomination_proves_the_path_but_selects_nothing() -> None:
    desk = Desk(controlling=False, config=LITE)

    (answer,) = desk.check()

    assert parse(answer).message_class is MessageClass.SUCCESS
    assert desk.agent.selected_pair is None
    assert desk.agent.is_valid_path(HERE, THERE)


def test_a_lite_agent_keeps_the_best_of_several_nominations() -> None:
    better, worse = THERE, THERE._replace(port=1)
    desk = Desk(
        controlling=False, config=LITE, candidates=(candidate(better, priority=9), candidate(worse, priority=5))
    )

    desk.check(source=worse, use_candidate=True)
    desk.check(source=better, use_candidate=True)

    assert desk.agent.selected_pair is not None
    assert desk.agent.selected_pair.remote == better


@pytest.mark.spec("rfc8445:6.1.1/3")
@pytest.mark.parametrize("addresses", [1, 3])
def test_two_lite_agents_select_the_same_pair_without_a_check(addresses: int) -> None:
    call = Call(alice=LITE, bob=LITE)
    call.join(call.network.host(*(f"192.0.2.{n}" for n in range(1, 1 + addresses))))
    call.join(call.network.host(*(f"192.0.2.{n}" for n in range(11, 11 + addresses))))
    watches = Watch(), Watch()
    for party, watch in zip(call.parties, watches, strict=True):
        party.node.tap = watch
    call.start()

    assert call.run(call.completed, timeout=1)
    assert call.agree()
    call.run(timeout=20)
    for watch in watches:
        assert {parse(each).message_class for _, each in watch.seen} == {MessageClass.INDICATION}


def test_a_lite_agent_notices_that_its_peer_is_gone() -> None:
    call = simple_call(bob=LITE)
    call.start()
    assert call.run(call.completed, timeout=5)
    call.alice.agent.close(call.network.now)

    assert call.run(lambda: call.bob.agent.connection_state is ConnectionState.DISCONNECTED, timeout=60)
    assert not call.bob.node.saw(ConsentExpired)


@pytest.mark.spec("rfc8839:4.4.3.2/1", "rfc8839:4.4.3.2/2")
def test_a_lite_agent_follows_a_restart() -> None:
    call = simple_call(bob=LITE)
    call.start()
    assert call.run(call.completed, timeout=5)
    old = call.bob.agent.selected_pair
    for party in call.parties:
        party.agent.restart(call.network.now)
        party.agent.end_of_local_addresses(call.network.now)
    call.run(timeout=3)
    assert call.bob.states == [ConnectionState.COMPLETED, ConnectionState.CONNECTED], "running again"
    assert old is not None
    assert call.bob.agent.selected_pair == old
    call.exchange_credentials()
    call.network.flush()

    assert call.run(call.completed, timeout=5)
    assert call.bob.states[-1] is ConnectionState.COMPLETED
    assert call.agree()


def test_a_lite_agent_does_not_argue_about_roles() -> None:
    desk = Desk(controlling=False, config=LITE)

    for tie_breaker in (0, 2**64 - 1):
        (answer,) = desk.send(desk.request(role=IceControlled(tie_breaker)))

        assert parse(answer).message_class is MessageClass.SUCCESS
        assert desk.agent.controlling is False


def test_a_nomination_that_is_repeated_is_the_same_pair() -> None:
    desk = Desk(controlling=False, config=LITE)

    for _ in range(5):
        desk.check(use_candidate=True)

    assert [each.nominated for each in desk.agent.candidate_pair_stats()] == [True]


def test_a_lite_agent_keeps_within_its_limits() -> None:
    desk = Desk(controlling=False, config=IceConfig(lite=True, max_remote_candidates=3))
    for port in range(1, 50):
        desk.check(source=THERE._replace(port=port), use_candidate=True)

    assert len([each for each in desk.agent.candidate_stats() if each.is_remote]) == 3
    assert desk.dropped("remote-candidate-limit") == 46
    assert desk.agent.selected_pair is not None


def test_a_lite_agent_follows_a_peer_that_changes_over_to_another_nominated_pair() -> None:
    """A browser whose better interface went away nominates anew, and is no longer heard on the first pair."""
    better, worse = THERE, THERE._replace(port=1)
    desk = Desk(
        controlling=False, config=LITE, candidates=(candidate(better, priority=9), candidate(worse, priority=5))
    )
    desk.check(source=better, use_candidate=True)

    for _ in range(6):
        desk.advance(2.0)
        desk.check(source=worse, use_candidate=True)

    assert desk.agent.selected_pair is not None
    assert desk.agent.selected_pair.remote == worse
