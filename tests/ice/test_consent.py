"""Consent freshness (RFC 7675) and keepalives (RFC 8445 section 11)."""

from collections.abc import Callable
from itertools import pairwise

import pytest
from tests.support.network import Link

from rtc_ice import ConnectionState, ConsentExpired, IceConfig, NominationPolicy, PairState, SelectedPairChanged
from rtc_stun import (
    BINDING,
    Datagram,
    ErrorCode,
    Fingerprint,
    Integrity,
    Message,
    MessageClass,
    UnknownAttribute,
    UseCandidate,
    XorMappedAddress,
    short_term_key,
)

from .crafted import ELSEWHERE, HERE, THERE, Desk, candidate, parse
from .session import Watch, simple_call


def _connected(*, controlling: bool = True, config: IceConfig | None = None) -> Desk:
    desk = Desk(controlling=controlling, config=config)
    desk.connect()
    desk.events()
    assert desk.agent.connection_state is ConnectionState.COMPLETED
    return desk


def _fall_silent(desk: Desk, seconds: float) -> list[tuple[float, Datagram]]:
    """Let time pass without an answer; return what left and when."""
    start, left = desk.now, []
    while desk.now < start + seconds:
        left += [(desk.now, datagram) for datagram in desk.output()]
        timeout = desk.agent.next_timeout()
        if timeout is None or timeout > start + seconds:
            break
        desk.now = timeout
        desk.agent.handle_timeout(desk.now)
    desk.now = start + seconds
    return left


# --- asking ---


@pytest.mark.spec("rfc7675:5.1/3", "rfc7675:5.1/4", "rfc7675:5.1/5")
def test_intervals_are_random_between_four_and_six_seconds() -> None:
    desk = _connected()
    times = []
    for _ in range(200):
        consent = desk.next_request()
        times.append(desk.now)
        desk.answer(consent)

    intervals = [later - earlier for earlier, later in pairwise(times)]
    assert 4.0 <= min(intervals) < 4.1
    assert 5.9 < max(intervals) <= 6.0
    assert sum(intervals) / len(intervals) == pytest.approx(5.0, abs=0.15)


@pytest.mark.spec("rfc7675:5.1/5", "rfc8445:11/6", "rfc8445:11/5")
def test_shorter_intervals_cannot_be_configured() -> None:
    assert (IceConfig().consent_interval, IceConfig().keepalive_interval) == (5.0, 15.0)
    with pytest.raises(ValueError, match="consent_interval"):
        IceConfig(consent_interval=4.9)
    with pytest.raises(ValueError, match="keepalive_interval"):
        IceConfig(keepalive_interval=14.9)


@pytest.mark.spec("rfc7675:5.1/6", "rfc7675:5.1/9")
def test_every_consent_check_has_an_id_from_the_random_source_and_is_sent_once() -> None:
    desk = _connected()

    left = [datagram for _, datagram in _fall_silent(desk, 28.0)]

    ids = [parse(datagram).transaction_id for datagram in left]
    assert 4 <= len(ids) <= 7
    assert len(set(ids)) == len(ids)
    other = _connected()
    assert ids == [parse(datagram).transaction_id for _, datagram in _fall_silent(other, 28.0)]  # the same seed


def test_a_consent_check_is_a_check_that_nominates_nothing() -> None:
    consent = _connected().next_request()

    message = parse(consent)
    assert (consent.local, consent.remote) == (HERE, THERE)
    assert message.get(UseCandidate) is None
    assert message.verify_integrity(short_term_key("peerpeerpeerpeerpeerpeer")) is Integrity.SHA1


# --- keeping it and losing it ---


def test_answers_keep_the_connection_for_ever() -> None:
    desk = _connected()
    for _ in range(100):
        desk.answer(desk.next_request())

    assert desk.agent.connection_state is ConnectionState.COMPLETED
    assert desk.now > 400.0


@pytest.mark.spec("rfc7675:5.1/2")
def test_thirty_seconds_without_an_answer_end_the_consent() -> None:
    desk = _connected()
    consent = desk.next_request()
    desk.answer(consent)
    answered_at = desk.now

    _fall_silent(desk, 29.9)
    assert desk.agent.selected_pair is not None
    assert desk.agent.connection_state is ConnectionState.DISCONNECTED
    left = _fall_silent(desk, 60.0)

    assert desk.agent.selected_pair is None
    assert desk.agent.connection_state is ConnectionState.FAILED
    assert [at for at, _ in left if at >= answered_at + 30.0] == []
    expired = [event for event in desk.events() if isinstance(event, ConsentExpired | SelectedPairChanged)]
    assert isinstance(expired[0], ConsentExpired)
    assert expired[0].revoked is False
    assert (expired[0].pair.local, expired[0].pair.remote) == (HERE, THERE)
    assert isinstance(expired[1], SelectedPairChanged)
    assert expired[1].pair is None


@pytest.mark.spec("rfc7675:5.1/2")
def test_consent_ends_on_time_even_if_nobody_calls_until_then() -> None:
    desk = _connected()
    desk.now += 31.0

    desk.agent.handle_timeout(desk.now)

    assert desk.agent.selected_pair is None


def test_requests_of_the_peer_prove_that_it_is_there_but_are_no_consent() -> None:
    desk = _connected()
    for _ in range(29):
        _fall_silent(desk, 1.0)
        desk.check()
    assert desk.agent.connection_state is ConnectionState.COMPLETED

    _fall_silent(desk, 1.5)

    assert desk.agent.selected_pair is None


@pytest.mark.parametrize("flaw", ["unproven", "elsewhere", "other id", "error"])
def test_what_is_no_valid_answer_renews_nothing(flaw: str) -> None:
    desk = _connected()
    for _ in range(7):
        if desk.agent.selected_pair is None:
            break
        consent = desk.next_request(within=10.0)
        match flaw:
            case "unproven":
                desk.send(desk.success(consent, key=b"wrong"))
            case "elsewhere":
                desk.send(desk.success(consent), source=ELSEWHERE)
            case "other id":
                message = Message(BINDING, MessageClass.SUCCESS, bytes(12), [XorMappedAddress(HERE)])
                desk.send(message.serialize(key=desk.peer_key, fingerprint=True))
            case _:
                desk.send(desk.error(consent, 500))
        if len(desk.events()):
            break
    _fall_silent(desk, 31.0)

    assert desk.agent.selected_pair is None


@pytest.mark.spec("rfc7675:5.1/7")
@pytest.mark.parametrize(("delay", "counts"), [(0.9, True), (1.1, False)])
def test_an_answer_is_awaited_for_a_second_where_the_path_is_short(delay: float, counts: bool) -> None:
    desk = _connected()
    consent = desk.next_request()
    _fall_silent(desk, delay)

    desk.answer(consent)

    assert (desk.dropped("unknown-transaction") == 0) is counts


@pytest.mark.spec("rfc7675:5.1/7")
def test_an_answer_is_awaited_longer_where_the_path_is_long() -> None:
    desk = Desk(candidates=(candidate(THERE),))
    desk.agent.end_of_remote_candidates(desk.now)
    (check,) = desk.output()
    _fall_silent(desk, 0.45)
    desk.answer(check)
    consent = desk.next_request()
    while parse(consent).get(UseCandidate) is not None:
        desk.answer(consent)
        consent = desk.next_request()
    desk.now += 0.4
    desk.answer(consent)
    consent = desk.next_request()
    _fall_silent(desk, 1.5)

    desk.answer(consent)

    assert desk.dropped("unknown-transaction") == 0


@pytest.mark.spec("rfc7675:5.1/8")
def test_an_answer_after_the_end_brings_nothing_back() -> None:
    desk = _connected()
    asked = [datagram for _, datagram in _fall_silent(desk, 31.0)]

    for consent in asked:
        desk.answer(consent)

    assert desk.agent.selected_pair is None
    assert desk.dropped("unknown-transaction") == len(asked)


@pytest.mark.spec("rfc7675:5.1/13")
def test_a_pair_without_consent_is_never_used_again_with_these_credentials() -> None:
    desk = _connected(controlling=False)
    _fall_silent(desk, 31.0)

    output = desk.check(use_candidate=True)

    assert [parse(datagram).message_class for datagram in output] == [MessageClass.SUCCESS]
    assert desk.requests(desk.advance(60.0)) == []
    assert desk.agent.selected_pair is None
    assert desk.agent.connection_state is ConnectionState.FAILED


@pytest.mark.spec("rfc7675:5.1/13", "rfc7675:5.1/12")
def test_a_restart_obtains_new_consent_on_the_same_path() -> None:
    desk = _connected()
    _fall_silent(desk, 31.0)
    desk.agent.restart(desk.now)
    desk.agent.end_of_local_addresses(desk.now)
    desk.meet()
    desk.agent.add_remote_candidate(candidate(THERE), desk.now)
    (check,) = desk.output()
    assert desk.agent.selected_pair is None

    desk.answer(check)

    assert desk.agent.selected_pair is not None


@pytest.mark.spec("rfc7675:5.1/12")
def test_a_pair_whose_answer_is_old_is_checked_again_before_it_carries_data() -> None:
    """The peer of RFC 5245 that nominates another pair half a minute later finds it without fresh consent."""
    peers = (candidate(THERE, priority=9, foundation="1"), candidate(ELSEWHERE, priority=5, foundation="2"))
    desk = Desk(controlling=False, candidates=peers)
    better, worse = desk.output() + desk.advance(0.06)
    desk.answer(worse)
    desk.answer(better)
    for _ in range(8):
        consent = desk.next_request()
        if consent.remote == THERE:
            desk.answer(consent)
    assert desk.now > 130.0
    assert desk.agent.selected_pair is not None
    assert desk.agent.selected_pair.remote == THERE

    desk.check(source=ELSEWHERE, use_candidate=True)
    assert desk.agent.selected_pair.remote == THERE
    again = next(datagram for datagram in iter(desk.next_request, None) if datagram.remote == ELSEWHERE)
    desk.answer(again)

    assert desk.agent.selected_pair.remote == ELSEWHERE


# --- revocation ---


def test_an_authenticated_403_ends_the_consent_at_once() -> None:
    desk = _connected()
    consent = desk.next_request()

    desk.send(desk.error(consent, 403))

    assert desk.agent.selected_pair is None
    assert desk.agent.connection_state is ConnectionState.FAILED
    (event,) = [event for event in desk.events() if isinstance(event, ConsentExpired)]
    assert event.revoked is True


@pytest.mark.spec("rfc7675:5.2/1")
@pytest.mark.parametrize("code", [403, 401, 500])
def test_an_unauthenticated_error_ends_nothing(code: int) -> None:
    desk = _connected()
    consent = desk.next_request()
    message = Message(BINDING, MessageClass.ERROR, parse(consent).transaction_id, [ErrorCode.with_phrase(code)])

    desk.send(message.serialize(fingerprint=True))
    desk.send(message.serialize(key=b"wrong", fingerprint=True))

    assert desk.agent.selected_pair is not None
    assert desk.dropped("unauthenticated-response") == 2
    desk.answer(consent)
    assert desk.dropped("unknown-transaction") == 0


def test_a_403_from_another_address_ends_nothing() -> None:
    desk = _connected()
    consent = desk.next_request()

    desk.send(desk.error(consent, 403), source=ELSEWHERE)

    assert desk.agent.selected_pair is not None
    assert desk.dropped("asymmetric-response") == 1


# --- disconnected and back ---


def test_silence_shows_after_ten_seconds_and_one_answer_ends_it() -> None:
    call = simple_call(link=Link(delay=0.01))
    call.start()
    call.run(call.completed, timeout=5)
    call.bob.node.hosts["192.0.2.2"].up = False
    start = call.network.now

    assert call.run(lambda: call.alice.agent.connection_state is ConnectionState.DISCONNECTED, timeout=20)
    assert 4.0 <= call.network.now - start <= 10.1
    assert call.alice.agent.selected_pair is not None
    call.bob.node.hosts["192.0.2.2"].up = True

    assert call.run(call.completed, timeout=10)
    assert call.agree()


def test_both_ends_fail_when_the_path_is_gone() -> None:
    call = simple_call(link=Link(delay=0.01))
    call.start()
    call.run(call.completed, timeout=5)
    call.network.internet.members.clear()

    assert call.run(call.failed, timeout=40)
    assert all(party.node.saw(ConsentExpired) for party in call.parties)


# --- keepalives ---


def _indications(watch: Watch) -> list[tuple[float, Datagram]]:
    return [each for each in watch.seen if parse(each[1]).message_class is MessageClass.INDICATION]


@pytest.mark.spec("rfc8839:6/1")
@pytest.mark.spec(
    "rfc8445:11/1",
    "rfc8445:11/2",
    "rfc8445:11/4",
    "rfc8445:11/5",
    "rfc8445:11/10",
    "rfc8445:11/11",
    "rfc8445:11/12",
    "rfc8445:11/14",
)
def test_a_lite_agent_keeps_its_path_alive_by_bare_indications() -> None:
    call = simple_call(alice=IceConfig(lite=True))
    call.alice.node.tap = watch = Watch()
    call.start()
    call.run(timeout=100)

    indications = _indications(watch)
    assert [later[0] - earlier[0] for earlier, later in pairwise(indications)] == pytest.approx([15.0] * 5)
    for _, datagram in indications:
        message = parse(datagram)
        assert message.method == BINDING
        assert [type(attribute) for attribute in message.attributes] in ([], [Fingerprint])
        message.verify_fingerprint()
        assert message.integrity is None
        assert (datagram.local.host, datagram.remote.host) == ("192.0.2.1", "192.0.2.2")
    assert call.bob.agent.stats.indications_received == len(indications)
    assert call.completed()


@pytest.mark.spec("rfc8839:6/1")
@pytest.mark.spec("rfc8445:11/1", "rfc8445:11/3", "rfc8445:11/4", "rfc8445:11/14")
def test_a_full_agent_keeps_its_selected_path_alive_by_consent_checks() -> None:
    call = simple_call()
    call.alice.node.tap = watch = Watch()
    call.start()
    call.run(timeout=100)

    times = [now for now, each in watch.seen if parse(each).message_class is MessageClass.REQUEST]
    assert max(later - earlier for earlier, later in pairwise(times)) <= 6.0
    assert _indications(watch) == []


@pytest.mark.spec("rfc8445:11/3", "rfc8445:11/4")
def test_valid_pairs_beside_the_selected_one_are_kept_alive_while_checks_run() -> None:
    peers = (candidate(THERE, priority=9, foundation="1"), candidate(ELSEWHERE, priority=5, foundation="2"))
    desk = Desk(controlling=False, candidates=peers)
    for check in desk.output() + desk.advance(0.06):
        desk.answer(check)

    left: list[Datagram] = []
    while desk.now < 131.0:
        request = None
        timeout = desk.agent.next_timeout()
        assert timeout is not None
        desk.now = timeout
        desk.agent.handle_timeout(desk.now)
        for datagram in desk.output():
            left.append(datagram)
            request = datagram if parse(datagram).message_class is MessageClass.REQUEST else request
        if request is not None:
            desk.answer(request)

    indications = [each for each in left if parse(each).message_class is MessageClass.INDICATION]
    assert [each.remote for each in indications] == [ELSEWHERE, ELSEWHERE]
    assert desk.agent.candidate_pair_stats()[1].state is PairState.SUCCEEDED


@pytest.mark.spec("rfc8445:11/8")
@pytest.mark.parametrize("lite", [False, True])
def test_nothing_is_sent_after_the_end_of_the_session(lite: bool) -> None:
    call = simple_call(alice=IceConfig(lite=lite))
    call.start()
    call.run(call.completed, timeout=5)
    call.alice.node.tap = watch = Watch()

    call.alice.agent.close(call.network.now)
    call.run(timeout=60)

    assert watch.seen == []
    assert call.alice.agent.closed
    assert call.alice.agent.next_timeout() is None
    assert call.alice.states[-1] is ConnectionState.CLOSED
    assert call.bob.agent.connection_state is ConnectionState.FAILED


def _quiet(desk: Desk, act: Callable[[], object]) -> bool:
    act()
    return desk.output() == [] and desk.agent.next_timeout() is None


def test_a_closed_agent_answers_nothing_and_counts_what_arrives() -> None:
    desk = _connected()
    request = desk.request()
    desk.agent.close(desk.now)

    assert _quiet(desk, lambda: desk.agent.receive_datagram(Datagram(request, HERE, THERE), desk.now))
    assert _quiet(desk, lambda: desk.agent.handle_timeout(desk.now + 100))
    assert _quiet(desk, lambda: desk.agent.close(desk.now))
    assert desk.dropped("closed") == 1


def test_a_policy_without_patience_is_followed() -> None:
    desk = Desk(
        config=IceConfig(nomination=NominationPolicy(max_wait=0.0)),
        candidates=(candidate(THERE, priority=9, foundation="1"), candidate(ELSEWHERE, priority=5, foundation="2")),
    )
    _, worse = desk.output() + desk.advance(0.06)

    desk.answer(worse)

    assert parse(desk.next_request()).get(UseCandidate) is not None


@pytest.mark.spec("rfc7675:5.1/1", "rfc7675:5.1/12")
def test_another_valid_pair_takes_over_only_after_the_peer_has_answered_there_anew() -> None:
    peers = (candidate(THERE, priority=9, foundation="1"), candidate(ELSEWHERE, priority=5, foundation="2"))
    desk = Desk(controlling=False, candidates=peers)
    for check in desk.output() + desk.advance(0.06):
        desk.answer(check)
    _fall_silent(desk, 29.9)
    assert desk.agent.selected_pair is not None

    left = desk.requests([datagram for _, datagram in _fall_silent(desk, 0.3)])

    assert desk.agent.selected_pair is None
    assert desk.is_in(ConnectionState.DISCONNECTED)
    (again,) = [datagram for datagram in left if datagram.remote == ELSEWHERE]
    desk.answer(again)
    assert desk.agent.selected_pair is not None
    assert desk.agent.selected_pair.remote == ELSEWHERE
    assert desk.is_in(ConnectionState.CONNECTED)


@pytest.mark.spec("rfc7675:5.1/12")
def test_when_the_peer_answers_nowhere_any_more_the_connection_fails_in_the_end() -> None:
    peers = (candidate(THERE, priority=9, foundation="1"), candidate(ELSEWHERE, priority=5, foundation="2"))
    desk = Desk(controlling=False, candidates=peers)
    desk.agent.end_of_remote_candidates(desk.now)
    for check in desk.output() + desk.advance(0.06):
        desk.answer(check)

    _fall_silent(desk, 80.0)

    assert desk.is_in(ConnectionState.FAILED)
    assert {each.state for each in desk.agent.candidate_pair_stats()} == {PairState.FAILED}


@pytest.mark.spec("rfc7675:5.1/7")
def test_a_path_that_becomes_long_all_at_once_keeps_its_consent() -> None:
    desk = _connected()
    due: list[tuple[float, Datagram]] = []
    end = desk.now + 120.0

    while desk.now < end:
        due += [(at + 3.0, datagram) for at, datagram in _fall_silent(desk, 0.5)]
        for _, request in [each for each in due if each[0] <= desk.now]:
            desk.answer(request)
        due = [each for each in due if each[0] > desk.now]

    assert desk.agent.selected_pair is not None
    assert not any(isinstance(event, ConsentExpired) for event in desk.seen + desk.events())


@pytest.mark.parametrize("message_class", [MessageClass.ERROR, MessageClass.SUCCESS])
def test_an_error_without_a_code_and_an_answer_not_understood_are_no_consent(message_class: MessageClass) -> None:
    desk = _connected()
    asked_to_understand = [UnknownAttribute(0x7777, b"")] if message_class is MessageClass.SUCCESS else []

    for _ in range(62):
        for _, request in _fall_silent(desk, 0.5):
            attributes = [XorMappedAddress(HERE), *asked_to_understand]
            message = Message(BINDING, message_class, parse(request).transaction_id, attributes)
            desk.send(message.serialize(key=desk.peer_key, fingerprint=True))

    assert desk.dropped("unauthenticated-response") == 0
    assert desk.agent.selected_pair is None


def test_an_interval_that_leaves_no_check_within_the_life_of_consent_cannot_be_configured() -> None:
    with pytest.raises(ValueError, match="consent_interval"):
        IceConfig(consent_interval=25.0)


def test_a_pair_that_is_taken_up_long_after_its_last_answer_is_checked_before_its_consent_ends() -> None:
    spare = candidate(ELSEWHERE, priority=1000, foundation="2")
    desk = Desk(controlling=False, candidates=(candidate(THERE, priority=2000), spare))
    for source in (ELSEWHERE, THERE):
        for request in desk.requests(desk.check(source=source, use_candidate=True) + desk.advance(0.1)):
            desk.answer(request)
    started = desk.now

    while desk.now < started + 60.0:
        alive = (ELSEWHERE, THERE) if desk.now < started + 18.5 else (ELSEWHERE,)
        left = [datagram for source in alive for datagram in desk.check(source=source, use_candidate=True)]
        left += [datagram for _, datagram in _fall_silent(desk, 0.5)]
        for request in desk.requests(left):
            if request.remote in alive:
                desk.answer(request)

    assert desk.agent.selected_pair is not None
    assert desk.agent.selected_pair.remote == ELSEWHERE
    assert not any(isinstance(event, ConsentExpired) for event in desk.events())


@pytest.mark.spec("rfc7675:5.1/13")
def test_a_check_that_waits_its_turn_does_not_leave_once_consent_was_revoked() -> None:
    desk = Desk(candidates=(candidate(THERE),))
    (first,) = desk.output()
    (second,) = desk.requests(desk.check() + desk.advance(0.06))
    desk.agent.end_of_remote_candidates(desk.now)
    desk.answer(second)
    desk.answer(desk.next_request())
    consent = desk.next_request(within=7.0)

    for response in (desk.error(first, 487), desk.error(consent, 403)):
        desk.agent.receive_datagram(Datagram(response, HERE, THERE), desk.now)

    assert desk.dropped("unknown-transaction") == 0
    assert desk.requests(desk.advance(1.0)) == []
