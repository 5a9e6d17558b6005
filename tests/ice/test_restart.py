"""ICE restarts (RFC 8445 section 9), and networks that change."""

import pytest
from tests.support.network import Link

from rtc_ice import (
    ConnectionState,
    Credentials,
    GatheringState,
    IceConfig,
    LocalCandidateGathered,
    SelectedPairChanged,
    StateError,
)
from rtc_stun import MessageClass, Username

from .crafted import ELSEWHERE, HERE, THERE, Desk, candidate, parse
from .session import Call, Watch, simple_call


def _completed(*, link: Link | None = None, alice: IceConfig | None = None, bob: IceConfig | None = None) -> Call:
    call = simple_call(link=link or Link(delay=0.01), alice=alice, bob=bob)
    call.start()
    assert call.run(call.completed, timeout=5)
    for party in call.parties:
        party.node.events.clear()
    return call


def _restart(call: Call) -> None:
    for party in call.parties:
        party.agent.restart(call.network.now)
        party.agent.end_of_local_addresses(call.network.now)
    call.exchange_credentials()
    call.network.flush()


@pytest.mark.spec("rfc8839:5.4/3")
@pytest.mark.spec("rfc8445:9/3")
def test_a_restart_changes_both_parts_of_the_credentials() -> None:
    desk = Desk()
    before = desk.agent.local_credentials

    desk.agent.restart(desk.now)

    after = desk.agent.local_credentials
    assert after.ufrag != before.ufrag
    assert after.password != before.password
    assert desk.agent.remote_credentials is None


def test_a_restart_takes_the_credentials_that_were_signalled() -> None:
    desk = Desk()
    signalled = Credentials("next", "n" * 22)

    desk.agent.restart(desk.now, credentials=signalled)

    assert desk.agent.local_credentials == signalled


@pytest.mark.spec("rfc8445:9/1", "rfc8445:9/2")
def test_new_credentials_of_the_peer_are_refused_without_a_restart() -> None:
    desk = Desk()
    desk.meet()  # the same again is no change

    with pytest.raises(StateError):
        desk.agent.set_remote_credentials("other", "o" * 22, desk.now)
    assert desk.agent.remote_credentials is not None
    assert desk.agent.remote_credentials.ufrag == "peer"

    desk.agent.restart(desk.now)
    desk.agent.set_remote_credentials("other", "o" * 22, desk.now)


@pytest.mark.spec("rfc8839:4.4.3.1.1/1")
@pytest.mark.spec("rfc8445:9/1", "rfc7675:5.1/10")
def test_data_and_consent_stay_on_the_old_pair_until_the_new_session_has_one() -> None:
    call = _completed()
    old = call.alice.agent.selected_pair
    assert old is not None
    old_ufrags = {party.agent.local_credentials.ufrag for party in call.parties}
    for party in call.parties:
        party.agent.restart(call.network.now)
    call.alice.node.tap = watch = Watch()
    call.run(timeout=100)

    assert call.alice.agent.selected_pair == old
    assert call.alice.node.of(SelectedPairChanged) == []
    requests = [each for _, each in watch.seen if parse(each).message_class is MessageClass.REQUEST]
    assert 100 / 6 - 1 <= len(requests) <= 100 / 4 + 1
    for each in requests:
        username = parse(each).get(Username)
        assert username is not None
        assert set(username.text.split(":")) == old_ufrags

    for party in call.parties:
        party.agent.end_of_local_addresses(call.network.now)
    call.exchange_credentials()
    call.network.flush()
    assert call.run(call.completed, timeout=5)


@pytest.mark.spec("rfc7675:5.1/10")
def test_consent_can_expire_in_mid_restart() -> None:
    call = _completed()
    call.alice.agent.restart(call.network.now)
    call.bob.node.hosts["192.0.2.2"].up = False

    call.run(timeout=40)

    assert call.alice.agent.selected_pair is None


@pytest.mark.spec("rfc8839:4.4.3.1.1/1")
@pytest.mark.spec("rfc8445:9/1")
def test_after_a_restart_the_connection_completes_again_without_losing_its_pair() -> None:
    call = _completed()

    _restart(call)

    assert call.run(call.completed, timeout=5)
    assert call.agree()
    for party in call.parties:
        assert all(event.pair is not None for event in party.selections)
        assert ConnectionState.FAILED not in party.states
        assert ConnectionState.DISCONNECTED not in party.states
        assert party.states[-1] is ConnectionState.COMPLETED
        assert party.agent.gathering_state is GatheringState.COMPLETE


def test_candidates_are_gathered_again_and_name_the_new_session() -> None:
    call = _completed()
    call.alice.agent.restart(call.network.now)
    call.network.flush()

    (event,) = call.alice.node.of(LocalCandidateGathered)
    assert event.ufrag == call.alice.agent.local_credentials.ufrag
    assert event.candidate.address == call.alice.bindings[0].address
    assert call.alice.agent.gathering_state is GatheringState.GATHERING


@pytest.mark.parametrize("seed", range(10))
def test_restarts_in_bad_weather(seed: int) -> None:
    call = simple_call(seed=seed, link=Link(delay=0.02, jitter=0.03, loss=0.15, duplication=0.1, reordering=0.1))
    call.start()
    assert call.run(call.completed, timeout=60)

    for _ in range(3):
        _restart(call)
        assert call.run(call.completed, timeout=60)
        assert call.agree()


def test_two_restarts_at_once_keep_the_pair_that_carries_data() -> None:
    call = _completed()
    old = call.alice.agent.selected_pair

    for _ in range(3):
        for party in call.parties:
            party.agent.restart(call.network.now)
    assert call.alice.agent.selected_pair == old
    call.run(timeout=60)
    assert call.alice.agent.selected_pair == old

    for party in call.parties:
        party.agent.end_of_local_addresses(call.network.now)
    call.exchange_credentials()
    call.network.flush()
    assert call.run(call.completed, timeout=5)


def test_a_restart_leads_out_of_failure() -> None:
    call = _completed()
    for ip in ("192.0.2.1", "192.0.2.2"):
        call.network.internet.members[ip].up = False  # type: ignore[union-attr]  # hosts, not translators
    assert call.run(call.failed, timeout=60)
    for ip in ("192.0.2.1", "192.0.2.2"):
        call.network.internet.members[ip].up = True  # type: ignore[union-attr]

    _restart(call)

    assert call.run(call.completed, timeout=5)
    assert call.agree()


def test_checks_of_the_old_session_are_answered_while_it_carries_data() -> None:
    desk = Desk()
    desk.connect()
    old = desk.request()
    desk.agent.restart(desk.now)

    (answer,) = desk.send(old)

    assert parse(answer).message_class is MessageClass.SUCCESS


def test_checks_of_the_old_session_trigger_none_of_ours() -> None:
    desk = Desk(end=False)
    desk.connect()
    old = desk.request()
    desk.agent.restart(desk.now)
    desk.meet()

    output = desk.send(old, source=ELSEWHERE)

    assert [parse(each).message_class for each in output] == [MessageClass.SUCCESS]
    assert desk.requests(desk.advance(0.5)) == []


def test_of_several_sessions_before_the_last_restart_the_one_that_carries_data_is_kept() -> None:
    desk = Desk(controlling=False)
    desk.connect()
    desk.agent.restart(desk.now)
    desk.meet()
    desk.agent.add_remote_candidate(candidate(THERE), desk.now)
    desk.answer(desk.output()[0])
    desk.agent.remove_local_address(HERE, desk.now)
    desk.agent.add_local_address(ELSEWHERE, desk.now)
    desk.answer(desk.next_request())
    second = desk.request()
    assert desk.agent.selected_pair is not None
    assert desk.agent.selected_pair.local == ELSEWHERE

    desk.agent.restart(desk.now)

    assert desk.agent.selected_pair.local == ELSEWHERE
    (answer,) = desk.send(second, local=ELSEWHERE)
    assert parse(answer).message_class is MessageClass.SUCCESS


def _restarted_from_elsewhere() -> tuple[Desk, bytes]:
    """Return a desk whose peer moved to `ELSEWHERE` and restarted, and a check of the time before."""
    desk = Desk()
    desk.connect()
    old = desk.request()
    desk.agent.restart(desk.now)
    desk.agent.end_of_local_addresses(desk.now)
    desk.meet()
    desk.agent.add_remote_candidate(candidate(ELSEWHERE), desk.now)
    desk.connect()
    assert desk.agent.connection_state is ConnectionState.COMPLETED
    assert desk.agent.selected_pair is not None
    assert desk.agent.selected_pair.remote == ELSEWHERE
    return desk, old


@pytest.mark.spec("rfc8445:8.3.1/1")
def test_what_the_peer_sends_by_the_old_pair_counts_for_three_seconds_after_the_new_one_was_chosen() -> None:
    """The peer may have yet to hear of the nomination, and what it sent before is still on its way."""
    desk, old = _restarted_from_elsewhere()

    assert desk.agent.is_valid_path(HERE, THERE)
    desk.send(old)
    assert desk.dropped("unknown-username") == 0


def test_once_the_new_session_is_complete_the_old_credentials_are_worth_nothing() -> None:
    desk, old = _restarted_from_elsewhere()
    for _ in range(3):
        desk.answer(desk.next_request())

    desk.send(old)

    assert desk.dropped("unknown-username") == 1
    assert not desk.agent.is_valid_path(HERE, THERE)


# --- moving ---


def test_an_address_that_is_gone_takes_the_selected_pair_along() -> None:
    desk = Desk()
    desk.connect()

    desk.agent.remove_local_address(HERE, desk.now)

    assert desk.agent.selected_pair is None
    assert desk.agent.connection_state is ConnectionState.FAILED
    assert desk.advance(60.0) == []


def test_a_phone_that_leaves_the_house_goes_on_after_a_restart() -> None:
    call = _completed()
    old, new = call.alice.bindings[0].address, call.alice.host
    new.move("203.0.113.77")
    binding = new.bind(5001)
    call.network.bind(call.alice.node, binding)

    call.alice.agent.remove_local_address(old, call.network.now)
    call.alice.agent.restart(call.network.now)
    assert call.alice.agent.add_local_address(binding.address, call.network.now) is True
    call.alice.agent.end_of_local_addresses(call.network.now)
    call.bob.agent.restart(call.network.now)
    call.bob.agent.end_of_local_addresses(call.network.now)
    call.exchange_credentials()
    call.network.flush()

    assert call.run(call.completed, timeout=5)
    assert call.agree()
    assert call.alice.agent.selected_pair is not None
    assert call.alice.agent.selected_pair.local == binding.address


def test_a_second_address_takes_over_without_a_restart_while_nothing_is_nominated_yet() -> None:
    desk = Desk(controlling=False, candidates=(candidate(THERE),), end=False)
    desk.agent.add_local_address(ELSEWHERE, desk.now)
    for check in desk.requests(desk.output() + desk.advance(0.06)):
        desk.answer(check)
    assert desk.agent.selected_pair is not None
    assert desk.agent.selected_pair.local == HERE

    desk.agent.remove_local_address(HERE, desk.now)

    assert desk.agent.selected_pair is not None
    assert desk.agent.selected_pair.local == ELSEWHERE


def test_an_address_that_goes_away_in_mid_restart_takes_the_old_pair_along() -> None:
    desk = Desk()
    desk.connect()
    desk.agent.restart(desk.now)
    assert desk.agent.selected_pair is not None

    desk.agent.remove_local_address(HERE, desk.now)

    assert desk.agent.selected_pair is None
    assert desk.advance(60.0) == []


def test_another_address_that_goes_away_in_mid_restart_leaves_the_old_pair_alone() -> None:
    desk = Desk(end=False)
    desk.agent.add_local_address(ELSEWHERE, desk.now)
    desk.connect()
    desk.agent.restart(desk.now)

    desk.agent.remove_local_address(ELSEWHERE, desk.now)

    assert desk.agent.selected_pair is not None
    assert desk.agent.selected_pair.local == HERE
    assert desk.next_request().local == HERE
