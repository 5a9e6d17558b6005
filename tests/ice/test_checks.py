"""What checks look like, and what their responses prove: RFC 8445 section 7.2."""

import pytest
from tests.support.network import Link

from rtc_ice import ConnectionState, IceConfig, PairState
from rtc_stun import (
    BINDING,
    Address,
    Attribute,
    Datagram,
    ErrorCode,
    IceControlled,
    IceControlling,
    Integrity,
    MappedAddress,
    Message,
    MessageClass,
    Priority,
    UnknownAttribute,
    UseCandidate,
    Username,
    XorMappedAddress,
    short_term_key,
)

from .crafted import ELSEWHERE, HERE, PEER_UFRAG, THERE, Desk, candidate, parse
from .session import STUN_SERVER, Call, Watch, simple_call, tell_address

ASKS = IceConfig(stun_servers=(STUN_SERVER,))
OUTSIDE = Address("203.0.113.1", 40_000)


def _desk(*, controlling: bool = True, config: IceConfig | None = None) -> Desk:
    return Desk(controlling=controlling, config=config, candidates=(candidate(THERE),))


def _state(desk: Desk) -> PairState:
    return desk.agent.candidate_pair_stats()[0].state


def _response(request: Datagram, *attributes: Attribute, key: bytes | None, fingerprint: bool = True) -> bytes:
    message = Message(BINDING, MessageClass.SUCCESS, parse(request).transaction_id, list(attributes))
    return message.serialize(key=key, fingerprint=fingerprint)


# --- the request ---


@pytest.mark.spec("rfc8445:7.1.1/1", "rfc8445:7.2.2/1", "rfc8445:7.2.4/2")
def test_a_check_names_both_agents_is_protected_and_says_our_priority() -> None:
    desk = _desk()

    (datagram,) = desk.output()

    check = parse(datagram)
    assert (datagram.local, datagram.remote) == (HERE, THERE)
    assert (check.method, check.message_class) == (BINDING, MessageClass.REQUEST)
    assert check.get(Username) == Username(f"{PEER_UFRAG}:{desk.agent.local_credentials.ufrag}")
    assert check.get(Priority) == Priority(110 << 24 | 65_535 << 8 | 255)
    assert check.verify_integrity(desk.peer_key) is Integrity.SHA1
    check.verify_fingerprint()


@pytest.mark.spec("rfc8445:7.1.3/1", "rfc8445:7.1.3/2")
@pytest.mark.parametrize("controlling", [True, False])
def test_a_check_says_our_role(controlling: bool) -> None:
    (datagram,) = _desk(controlling=controlling).output()

    check = parse(datagram)
    assert (check.get(IceControlling) is not None) is controlling
    assert (check.get(IceControlled) is not None) is not controlling


@pytest.mark.spec("rfc8445:7.1.2/1", "rfc8445:7.1.2/2", "rfc8445:6.1.1/1")
def test_the_controlling_agent_nominates_and_the_other_never() -> None:
    call = simple_call(link=Link(delay=0.02, loss=0.05))
    watches = Watch(), Watch()
    for party, watch in zip(call.parties, watches, strict=True):
        party.node.tap = watch
    call.start()
    call.run(timeout=40)

    nominations = [
        [datagram for _, datagram in watch.seen if parse(datagram).get(UseCandidate) is not None] for watch in watches
    ]
    assert len(nominations[0]) >= 1
    assert {parse(datagram).message_class for datagram in nominations[0]} == {MessageClass.REQUEST}
    assert all(parse(datagram).get(IceControlling) is not None for datagram in nominations[0])
    assert nominations[1] == []
    assert len(watches[1].seen) > 5


# --- time ---


@pytest.mark.spec("rfc8445:7.2.5.2.3/1", "rfc8445:14.3/3")
def test_a_check_is_repeated_with_doubling_patience_and_fails_in_the_end() -> None:
    desk = _desk()
    start = desk.now
    times: list[float] = []
    end = start + 60.0
    while desk.now < end:
        times += [round(desk.now - start, 6)] * len(desk.output())
        if _state(desk) is PairState.FAILED:
            break
        timeout = desk.agent.next_timeout()
        assert timeout is not None
        desk.now = timeout
        desk.agent.handle_timeout(desk.now)

    assert times == [0.0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    assert desk.now - start == pytest.approx(39.5)
    assert _state(desk) is PairState.FAILED


@pytest.mark.spec("rfc8445:14.3/3")
@pytest.mark.parametrize(("count", "rto"), [(1, 0.5), (40, 40 * 0.05)])
def test_more_checks_at_a_time_are_repeated_more_slowly(count: int, rto: float) -> None:
    peers = [THERE._replace(port=port) for port in range(1, count + 1)]
    desk = Desk(candidates=tuple(candidate(peer, foundation=str(peer.port)) for peer in peers))
    first = desk.output()[0]

    early = desk.advance(rto - 0.01)
    late = desk.advance(0.02)

    assert first.data not in [datagram.data for datagram in early]
    assert first.data in [datagram.data for datagram in late]


@pytest.mark.spec("rfc8445:14.2/3", "rfc8445:14.2/1")
@pytest.mark.parametrize(("ours", "theirs", "agreed"), [(0.05, None, 0.05), (0.02, 0.08, 0.08), (0.08, 0.02, 0.08)])
def test_checks_begin_no_more_often_than_the_slower_agent_wants(
    ours: float, theirs: float | None, agreed: float
) -> None:
    desk = Desk(config=IceConfig(ta=ours), meet=False)
    desk.agent.set_remote_credentials(PEER_UFRAG, "p" * 22, desk.now, ta=theirs)
    for port in range(1, 6):
        desk.agent.add_remote_candidate(candidate(THERE._replace(port=port), foundation=str(port)), desk.now)
    start = desk.now
    times: list[float] = []
    while len(times) < 5:
        times += [desk.now - start] * len(desk.output())
        timeout = desk.agent.next_timeout()
        assert timeout is not None
        desk.now = timeout
        desk.agent.handle_timeout(desk.now)

    assert desk.agent.ta == agreed
    assert times == pytest.approx([n * agreed for n in range(5)])


def test_questions_to_servers_and_checks_share_the_pace_and_take_turns() -> None:
    desk = Desk(config=IceConfig(stun_servers=(STUN_SERVER, STUN_SERVER._replace(port=1))), end=False)
    for port in (1, 2, 3):
        desk.agent.add_remote_candidate(candidate(THERE._replace(port=port), foundation=str(port)), desk.now)

    leaving = desk.advance(0.21)

    assert [datagram.remote.host for datagram in leaving] == [
        THERE.host,
        STUN_SERVER.host,
        THERE.host,
        STUN_SERVER.host,
        THERE.host,
    ]


# --- the response ---


def test_an_authenticated_answer_makes_a_valid_pair() -> None:
    desk = _desk()

    desk.answer(desk.output()[0])

    assert _state(desk) is PairState.SUCCEEDED
    assert desk.agent.selected_pair is not None
    assert (desk.agent.selected_pair.local, desk.agent.selected_pair.remote) == (HERE, THERE)
    assert desk.agent.is_valid_path(HERE, THERE)


@pytest.mark.spec("rfc8445:7.2.2/1", "rfc8445:7.2.4/2", "rfc7675:5.1/1")
@pytest.mark.parametrize("flaw", ["no integrity", "wrong password", "our own password", "no fingerprint", "other ID"])
def test_an_answer_that_proves_nothing_changes_nothing(flaw: str) -> None:
    desk = _desk()
    (request,) = desk.output()
    mapped = XorMappedAddress(HERE)
    match flaw:
        case "no integrity":
            data = _response(request, mapped, key=None)
        case "wrong password":
            data = _response(request, mapped, key=short_term_key("w" * 22))
        case "our own password":
            data = _response(request, mapped, key=desk.key)
        case "no fingerprint":
            data = _response(request, mapped, key=desk.peer_key, fingerprint=False)
        case _:
            data = Message(BINDING, MessageClass.SUCCESS, bytes(12), [mapped]).serialize(
                key=desk.peer_key, fingerprint=True
            )

    assert desk.send(data) == []
    assert _state(desk) is PairState.IN_PROGRESS
    assert desk.agent.selected_pair is None
    assert not desk.agent.is_valid_path(HERE, THERE)
    assert sum(desk.agent.stats.dropped.values()) == 1

    desk.answer(request)
    assert _state(desk) is PairState.SUCCEEDED


@pytest.mark.spec("rfc8445:7.2.5.2.1/1", "rfc8445:7.2.5.2.1/2", "rfc8445:7.2.5.2.1/3", "rfc8445:7.2.5.2.1/4")
@pytest.mark.parametrize(
    ("source", "local"),
    [(ELSEWHERE, HERE), (THERE._replace(port=1), HERE), (THERE, HERE._replace(port=1)), (THERE, ELSEWHERE)],
)
def test_an_answer_that_took_another_way_fails_the_pair(source: Address, local: Address) -> None:
    desk = _desk()
    (request,) = desk.output()

    desk.send(desk.success(request), source=source, local=local)

    assert _state(desk) is PairState.FAILED
    assert desk.agent.selected_pair is None


@pytest.mark.spec("rfc8445:7.2.5.2.4/1")
@pytest.mark.parametrize("code", [300, 400, 401, 420, 500])
def test_an_error_fails_the_pair(code: int) -> None:
    desk = _desk()

    desk.send(desk.error(desk.output()[0], code))

    assert _state(desk) is PairState.FAILED


def test_an_unauthenticated_error_fails_nothing() -> None:
    desk = _desk()

    desk.send(desk.error(desk.output()[0], 400, key=short_term_key("w" * 22)))

    assert _state(desk) is PairState.IN_PROGRESS


@pytest.mark.spec("rfc8445:7.2.4/1")
def test_an_answer_in_the_way_of_rfc_3489_fails_the_pair() -> None:
    desk = _desk()
    (request,) = desk.output()

    desk.send(_response(request, MappedAddress(HERE), key=desk.peer_key))

    assert _state(desk) is PairState.FAILED


def test_an_answer_with_unknown_required_attributes_fails_the_pair() -> None:
    desk = _desk()
    (request,) = desk.output()

    desk.send(_response(request, XorMappedAddress(HERE), UnknownAttribute(0x7001, b""), key=desk.peer_key))

    assert _state(desk) is PairState.FAILED


def test_the_second_answer_to_a_check_is_dropped() -> None:
    desk = _desk()
    (request,) = desk.output()
    desk.answer(request)

    desk.answer(request)

    assert desk.dropped("unknown-transaction") == 1
    assert _state(desk) is PairState.SUCCEEDED


# --- what the mapped address tells ---


@pytest.mark.spec("rfc8445:7.2.5.3.1/1", "rfc8445:7.1.1/1")
def test_an_unknown_mapped_address_is_a_peer_reflexive_candidate_with_the_priority_that_was_said() -> None:
    desk = _desk()

    desk.answer(desk.output()[0], mapped=OUTSIDE)

    (learned,) = [each for each in desk.agent.candidate_stats() if each.candidate.type == "prflx"]
    assert (learned.is_remote, learned.base, learned.candidate.address) == (False, HERE, OUTSIDE)
    assert learned.candidate.priority == 110 << 24 | 65_535 << 8 | 255
    assert learned.candidate.related_address == HERE
    assert desk.agent.selected_pair is not None
    assert desk.agent.selected_pair.local == HERE
    assert desk.agent.selected_pair.local_candidate == learned.candidate


@pytest.mark.spec("rfc8445:7.2.5.3.1/1")
def test_a_mapped_address_that_a_server_told_already_is_no_news() -> None:
    desk = Desk(config=ASKS, meet=False)
    (question,) = desk.output()
    desk.send(tell_address(parse(question), Datagram(b"", STUN_SERVER, OUTSIDE)), source=STUN_SERVER)
    desk.meet()
    desk.agent.add_remote_candidate(candidate(THERE), desk.now)
    (request,) = desk.advance(0.06)

    desk.answer(request, mapped=OUTSIDE)

    assert [each.candidate.type for each in desk.agent.candidate_stats() if not each.is_remote] == ["host", "srflx"]
    assert desk.agent.selected_pair is not None
    assert desk.agent.selected_pair.local_candidate.type == "srflx"
    assert desk.agent.selected_pair.local == HERE


def test_a_translator_that_changes_its_mind_moves_the_valid_pair() -> None:
    moved = OUTSIDE._replace(port=40_001)
    desk = _desk()
    desk.agent.end_of_remote_candidates(desk.now)
    desk.answer(desk.output()[0], mapped=OUTSIDE)
    (nomination,) = desk.advance(0.06)

    desk.answer(nomination, mapped=moved)

    assert desk.agent.selected_pair is not None
    assert desk.agent.selected_pair.local_candidate.address == moved
    assert [each.local.address for each in desk.agent.candidate_pair_stats() if each.nominated] == [moved]


def test_candidates_that_answers_tell_of_are_bounded() -> None:
    peers = [THERE._replace(port=port) for port in range(1, 61)]
    desk = Desk(controlling=False, candidates=tuple(candidate(peer, foundation=str(peer.port)) for peer in peers))
    answered = 0
    while answered < 60:
        for request in desk.requests(desk.advance(0.05)):
            answered += 1
            desk.answer(request, mapped=OUTSIDE._replace(port=answered))

    learned = [each for each in desk.agent.candidate_stats() if each.candidate.type == "prflx"]
    assert len(learned) == 32


def test_every_pair_counts_its_checks_and_measures_their_time() -> None:
    desk = _desk(controlling=False)
    (request,) = desk.output()
    desk.advance(0.7)
    desk.answer(request)
    desk.check()

    (pair,) = desk.agent.candidate_pair_stats()

    assert (pair.requests_sent, pair.retransmissions_sent, pair.responses_received) == (1, 1, 1)
    assert (pair.requests_received, pair.responses_sent) == (1, 1)
    assert pair.round_trip_time_measurement_count == 0  # which of the two was answered is not known
    assert (pair.selected, pair.nominated) == (True, False)


def test_round_trips_are_measured_in_seconds() -> None:
    call = simple_call(link=Link(delay=0.03))
    call.start()
    call.run(timeout=30)

    (pair,) = call.alice.agent.candidate_pair_stats()

    assert pair.current_round_trip_time == pytest.approx(0.06)
    assert pair.round_trip_time_measurement_count >= 5
    assert pair.total_round_trip_time == pytest.approx(0.06 * pair.round_trip_time_measurement_count)
    assert pair.consent_requests_sent >= 4


def test_an_error_code_is_no_answer_even_if_it_names_an_address() -> None:
    desk = _desk()
    (request,) = desk.output()

    attributes: list[Attribute] = [ErrorCode.with_phrase(500), XorMappedAddress(HERE)]
    message = Message(BINDING, MessageClass.ERROR, parse(request).transaction_id, attributes)
    desk.send(message.serialize(key=desk.peer_key, fingerprint=True))

    assert _state(desk) is PairState.FAILED


def test_zones_are_local_and_do_not_make_reflexive_candidates() -> None:
    call = Call()
    call.join(call.network.host("fe80::1%eth0"))
    call.join(call.network.host("fe80::2%eth0"))
    call.start()
    call.run(call.completed, timeout=5)

    assert [each.candidate.type for each in call.alice.agent.candidate_stats()] == ["host", "host"]


@pytest.mark.parametrize("outcome", ["success", "failure", "conflict"])
def test_what_becomes_of_a_check_whose_base_is_gone_is_of_no_interest(outcome: str) -> None:
    desk = Desk(candidates=(candidate(THERE),), end=False)
    (check,) = desk.output()
    desk.agent.remove_local_address(HERE, desk.now)

    match outcome:
        case "success":
            desk.answer(check)
        case "failure":
            desk.send(desk.error(check, 500))
        case _:
            desk.send(desk.error(check, 487))

    assert desk.agent.candidate_pair_stats() == []
    assert desk.agent.selected_pair is None
    assert desk.advance(1.0) == []


def test_checks_from_a_base_that_is_gone_are_not_repeated() -> None:
    desk = Desk(candidates=(candidate(THERE),), end=False)
    desk.agent.add_local_address(ELSEWHERE, desk.now)
    assert {each.local for each in desk.advance(0.1)} == {HERE, ELSEWHERE}

    desk.agent.remove_local_address(ELSEWHERE, desk.now)

    assert {each.local for each in desk.advance(40.0)} == {HERE}


def test_what_the_peer_proved_on_a_base_that_is_gone_is_forgotten() -> None:
    desk = Desk(meet=False, end=False)
    desk.agent.add_local_address(ELSEWHERE, desk.now)
    desk.check(local=ELSEWHERE)
    assert desk.agent.is_valid_path(ELSEWHERE, THERE)

    desk.agent.remove_local_address(ELSEWHERE, desk.now)
    desk.meet()

    assert not desk.agent.is_valid_path(ELSEWHERE, THERE)
    assert desk.advance(1.0) == []
    assert desk.agent.candidate_pair_stats() == []


def test_checks_of_the_peer_are_counted_for_ever() -> None:
    desk = Desk(controlling=False)
    desk.connect()
    desk.advance(4.0)
    (before,) = desk.agent.candidate_pair_stats()

    desk.check()

    (after,) = desk.agent.candidate_pair_stats()
    assert (after.requests_received, after.responses_sent) == (before.requests_received + 1, before.responses_sent + 1)


def test_checks_of_the_peer_are_counted_where_the_data_goes_behind_a_translator_too() -> None:
    desk = Desk(controlling=False, candidates=(candidate(THERE),))
    desk.answer(desk.output()[0], mapped=ELSEWHERE)

    desk.check()

    assert [(each.selected, each.requests_received) for each in desk.agent.candidate_pair_stats()] == [
        (False, 0),
        (True, 1),
    ]


def test_a_translator_that_changes_its_mind_before_the_nomination_leaves_one_valid_pair() -> None:
    moved = OUTSIDE._replace(port=40_001)
    desk = Desk(controlling=False, candidates=(candidate(THERE),))
    (first,) = desk.output()
    second = next(each for each in desk.requests(desk.check() + desk.advance(0.06)))
    desk.answer(first, mapped=OUTSIDE)

    desk.answer(second, mapped=moved)

    assert [each.local.address for each in desk.agent.candidate_pair_stats()] == [HERE, moved]


def test_an_answer_that_was_on_its_way_when_consent_was_revoked_brings_nothing_back() -> None:
    desk = Desk(candidates=(candidate(THERE),))
    (first,) = desk.output()
    (second,) = desk.requests(desk.check() + desk.advance(0.06))
    desk.agent.end_of_remote_candidates(desk.now)
    desk.answer(second)
    desk.answer(desk.next_request())
    consent = desk.next_request(within=7.0)
    desk.send(desk.error(consent, 403))
    assert desk.agent.selected_pair is None

    desk.answer(first)

    assert desk.dropped("unknown-transaction") == 0
    assert desk.agent.selected_pair is None


@pytest.mark.spec("rfc8838:13/10")
def test_a_server_that_answers_together_with_the_nomination_gives_no_candidate_any_more() -> None:
    desk = Desk(config=ASKS, candidates=(candidate(THERE),))
    requests = {each.remote: each for each in desk.output() + desk.advance(0.11)}
    (nomination,) = desk.answer(requests[THERE])
    told = tell_address(parse(requests[STUN_SERVER]), Datagram(b"", STUN_SERVER, OUTSIDE))

    arrived = [Datagram(desk.success(nomination), HERE, THERE), Datagram(told, HERE, STUN_SERVER)]
    desk.agent.receive_datagrams(arrived, desk.now)

    assert desk.is_in(ConnectionState.CONNECTED)
    assert [each.candidate.type for each in desk.agent.candidate_stats() if not each.is_remote] == ["host"]
