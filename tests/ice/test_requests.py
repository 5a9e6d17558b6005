"""How checks of the peer are answered: RFC 8445 section 7.3, and what other implementations got wrong there."""

import pytest

from rtc_ice import ConnectionState, IceConfig, PairState
from rtc_stun import (
    BINDING,
    ErrorCode,
    IceControlled,
    IceControlling,
    Integrity,
    Message,
    MessageClass,
    UnknownAttribute,
    UnknownAttributes,
    XorMappedAddress,
    short_term_key,
)

from .crafted import ELSEWHERE, HERE, THERE, TRANSACTION_ID, Desk, candidate, parse


def _code(datagrams: list) -> int:  # type: ignore[type-arg]
    (datagram,) = datagrams
    error = parse(datagram).get(ErrorCode)
    assert error is not None
    return error.code


def _untouched(desk: Desk) -> bool:
    """Whether the request left no trace but its answer."""
    return not desk.agent.candidate_pair_stats() and not desk.agent.is_valid_path(HERE, THERE)


@pytest.mark.spec("rfc8445:7/1", "rfc8445:7.3/1", "rfc8445:7.3/2", "rfc8445:7.3/3", "rfc8445:7.3/9")
@pytest.mark.parametrize("integrity", [Integrity.SHA1, Integrity.SHA256])
def test_a_right_request_gets_a_protected_answer_with_its_source(integrity: Integrity) -> None:
    desk = Desk()

    output = desk.responses(desk.send(desk.request(integrity=integrity)))

    (answer,) = output
    message = parse(answer)
    assert (answer.local, answer.remote) == (HERE, THERE)
    assert message.message_class is MessageClass.SUCCESS
    assert message.transaction_id == TRANSACTION_ID
    assert message.get(XorMappedAddress) == XorMappedAddress(THERE)
    assert message.verify_integrity(desk.key) is integrity
    message.verify_fingerprint()
    assert desk.agent.is_valid_path(HERE, THERE)


@pytest.mark.spec("rfc8445:7.3/2")
def test_a_request_without_message_integrity_is_refused() -> None:
    desk = Desk()

    assert _code(desk.send(desk.request(protect=False))) == 400
    assert _untouched(desk)
    assert desk.dropped("unauthenticated") == 1


@pytest.mark.spec("rfc8445:7.3/2", "rfc8445:7.3/7")
def test_a_request_without_username_is_refused() -> None:
    desk = Desk()

    assert _code(desk.send(desk.request(named=False))) == 400
    assert _untouched(desk)


@pytest.mark.spec("rfc8445:7.3/2")
@pytest.mark.parametrize("integrity", list(Integrity))
def test_a_request_under_a_wrong_password_is_refused(integrity: Integrity) -> None:
    desk = Desk()

    output = desk.send(desk.request(key=short_term_key("wrongwrongwrongwrongwrong"), integrity=integrity))

    assert _code(output) == 401
    assert parse(output[0]).integrity is None
    assert _untouched(desk)
    assert desk.dropped("wrong-password") == 1


@pytest.mark.spec("rfc8445:7.3/4")
@pytest.mark.parametrize("form", ["{0}", "{0}:", "other:peer", ":{0}", "{0}:peer:more", "{0}x:peer"])
def test_a_username_that_does_not_begin_with_our_fragment_is_refused(form: str) -> None:
    desk = Desk()

    output = desk.send(desk.request(username=form.format(desk.agent.local_credentials.ufrag)))

    assert _code(output) == 401
    assert _untouched(desk)
    assert desk.dropped("unknown-username") == 1


@pytest.mark.spec("rfc8445:7.3/9")
def test_a_request_without_fingerprint_is_ignored() -> None:
    desk = Desk()

    assert desk.send(desk.request(fingerprint=False)) == []
    assert _untouched(desk)
    assert desk.dropped("no-fingerprint") == 1


def test_a_request_with_a_wrong_fingerprint_is_ignored() -> None:
    desk = Desk()
    data = desk.request()

    assert desk.send(data[:-1] + bytes([data[-1] ^ 1])) == []
    assert _untouched(desk)


def test_unknown_required_attributes_are_named_in_a_protected_420() -> None:
    desk = Desk()

    output = desk.send(desk.request(extra=(UnknownAttribute(0x7001, b"x"), UnknownAttribute(0xC003, b"optional"))))

    assert _code(output) == 420
    assert parse(output[0]).get(UnknownAttributes) == UnknownAttributes((0x7001,))
    assert parse(output[0]).verify_integrity(desk.key) is Integrity.SHA1
    assert _untouched(desk)


def test_unknown_optional_attributes_do_no_harm() -> None:
    desk = Desk()

    output = desk.responses(desk.send(desk.request(extra=(UnknownAttribute(0xC003, b"optional"),))))

    assert parse(output[0]).message_class is MessageClass.SUCCESS


def test_a_request_without_priority_is_a_bad_request() -> None:
    desk = Desk()

    assert _code(desk.send(desk.request(priority=None))) == 400
    assert _untouched(desk)


def test_a_request_that_claims_both_roles_is_a_bad_request() -> None:
    desk = Desk()

    assert _code(desk.send(desk.request(role=IceControlled(7), extra=(IceControlling(8),)))) == 400
    assert _untouched(desk)


def test_a_priority_of_two_bytes_is_dropped_and_counted() -> None:
    desk = Desk()
    message = Message(BINDING, MessageClass.REQUEST, TRANSACTION_ID, [UnknownAttribute(0x0024, b"\0\1")])

    assert desk.send(message.serialize(key=desk.key, fingerprint=True)) == []
    assert desk.dropped("malformed") == 1


@pytest.mark.parametrize("data", [b"", b"\x80" + bytes(40), b"\x16\xfe\xfd" + bytes(40), bytes(20)])
def test_what_is_no_stun_is_dropped_and_counted(data: bytes) -> None:
    desk = Desk()

    assert desk.send(data) == []
    assert desk.dropped("not-stun") == 1


@pytest.mark.spec("rfc8445:7.3/8")
def test_a_request_in_the_way_of_rfc_3489_is_not_answered() -> None:
    desk = Desk()
    data = desk.request()

    assert desk.send(data[:4] + bytes(4) + data[8:]) == []


def test_another_method_is_dropped_and_counted() -> None:
    desk = Desk()
    allocate = Message(0x003, MessageClass.REQUEST, TRANSACTION_ID).serialize(key=desk.key, fingerprint=True)

    assert desk.send(allocate) == []
    assert desk.dropped("unknown-method") == 1


def test_a_request_on_an_address_that_is_none_of_ours_is_dropped() -> None:
    desk = Desk()

    assert desk.check(local=ELSEWHERE) == []
    assert desk.dropped("unknown-local-address") == 1


@pytest.mark.spec("rfc8445:11/13")
def test_an_indication_is_taken_in_silence() -> None:
    desk = Desk()
    indication = Message(BINDING, MessageClass.INDICATION, TRANSACTION_ID).serialize(fingerprint=True)

    assert desk.send(indication) == []
    assert desk.agent.stats.indications_received == 1


@pytest.mark.spec("rfc8839:4.2.4/1")
@pytest.mark.spec("rfc8445:7.3/5", "rfc8445:5.3/4")
def test_checks_are_answered_before_anything_is_known_of_the_peer() -> None:
    desk = Desk(meet=False)

    output = desk.check()

    assert parse(output[0]).message_class is MessageClass.SUCCESS
    assert desk.agent.is_valid_path(HERE, THERE)
    assert desk.agent.candidate_pair_stats() == []


@pytest.mark.spec("rfc8445:7.3/6")
def test_early_checks_trigger_ours_once_the_credentials_are_known() -> None:
    desk = Desk(meet=False, controlling=False)
    desk.check(use_candidate=True)
    desk.check(source=ELSEWHERE)

    desk.meet()
    first = desk.output()

    assert [each.remote for each in first] == [THERE]
    desk.answer(first[0])
    assert desk.agent.selected_pair is not None
    assert [event.nominated for event in desk.events() if hasattr(event, "nominated")] == [True]


def test_early_checks_of_another_peer_are_forgotten() -> None:
    desk = Desk(meet=False)
    desk.send(desk.request(username=f"{desk.agent.local_credentials.ufrag}:other"))

    desk.meet()

    assert desk.output() == []
    assert desk.dropped("check-of-other-peer") == 1


def test_early_checks_are_bounded() -> None:
    desk = Desk(meet=False)

    for port in range(1000):
        desk.check(source=ELSEWHERE._replace(port=1 + port))

    assert desk.dropped("early-check-limit") == 1000 - 32
    desk.meet()
    assert len(desk.agent.candidate_pair_stats()) == 32


@pytest.mark.spec("rfc8445:7.3.1.4/2")
def test_a_check_from_an_unknown_address_makes_a_peer_reflexive_candidate_and_is_checked_back() -> None:
    desk = Desk()

    (answer, triggered) = desk.check()

    assert parse(answer).message_class is MessageClass.SUCCESS
    assert (triggered.local, triggered.remote) == (HERE, THERE)
    (remote,) = [each.candidate for each in desk.agent.candidate_stats() if each.is_remote]
    assert (remote.type, remote.address, remote.priority) == ("prflx", THERE, 1862270975)
    assert desk.agent.candidate_pair_stats()[0].state is PairState.IN_PROGRESS


def test_learned_candidates_have_foundations_of_their_own() -> None:
    """Whatever the peer calls its candidates."""
    desk = Desk(candidates=(candidate(ELSEWHERE, foundation="prflx0"),))
    for port in (1, 2):
        desk.check(source=THERE._replace(port=port))

    foundations = [each.candidate.foundation for each in desk.agent.candidate_stats() if each.is_remote]
    assert len(set(foundations)) == 3


@pytest.mark.spec("rfc8445:7.3.1.4/1")
def test_a_check_on_a_pair_in_progress_starts_its_check_anew() -> None:
    desk = Desk(candidates=(candidate(THERE),))
    (first,) = desk.output()
    desk.now += 0.05

    (_, second) = desk.check()

    assert parse(second).transaction_id != parse(first).transaction_id
    assert desk.requests(desk.advance(0.46)) == []  # the first is not repeated
    repeated = desk.requests(desk.advance(0.1))
    assert [parse(each).transaction_id for each in repeated] == [parse(second).transaction_id]


@pytest.mark.spec("rfc8445:7.3.1.4/1")
def test_the_response_to_a_cancelled_check_still_counts() -> None:
    desk = Desk(candidates=(candidate(THERE),))
    (first,) = desk.output()
    desk.check()

    desk.answer(first)

    assert desk.agent.candidate_pair_stats()[0].state is PairState.SUCCEEDED
    assert desk.agent.connection_state is ConnectionState.CONNECTED


@pytest.mark.spec("rfc8445:7.3.1.4/1")
def test_a_cancelled_check_that_times_out_fails_nothing() -> None:
    desk = Desk(config=IceConfig(max_requests=1, final_wait_rtos=2), candidates=(candidate(THERE),))
    desk.output()
    desk.now += 0.9
    (_, second) = desk.check()
    desk.advance(0.2)

    assert desk.agent.candidate_pair_stats()[0].state is PairState.IN_PROGRESS
    desk.answer(second)
    assert desk.agent.candidate_pair_stats()[0].state is PairState.SUCCEEDED


@pytest.mark.spec("rfc8445:7.3.1.4/2")
def test_a_check_on_a_failed_pair_gives_it_another_chance() -> None:
    desk = Desk(candidates=(candidate(THERE),))
    (first,) = desk.output()
    desk.send(desk.error(first, 500))
    assert desk.agent.candidate_pair_stats()[0].state is PairState.FAILED
    desk.now += 0.05

    (_, again) = desk.check()

    desk.answer(again)
    assert desk.agent.candidate_pair_stats()[0].state is PairState.SUCCEEDED


def test_a_check_on_a_succeeded_pair_changes_nothing() -> None:
    desk = Desk(candidates=(candidate(THERE),))
    desk.answer(desk.output()[0])
    desk.advance(1.0)

    assert len(desk.check()) == 1


@pytest.mark.spec("rfc8445:8.1.2/2", "rfc8445:11/13")
def test_checks_are_answered_for_ever_but_trigger_nothing_after_the_grace_period() -> None:
    desk = Desk()
    desk.connect()
    desk.advance(3.5)
    desk.agent.datagrams_to_send(desk.now)

    output = desk.check(source=ELSEWHERE)

    assert [parse(each).message_class for each in output] == [MessageClass.SUCCESS]
    assert len(desk.check()) == 1


@pytest.mark.spec("rfc8445:8.3.1/1")
def test_checks_trigger_ours_for_three_seconds_after_completion() -> None:
    desk = Desk()
    desk.connect()
    desk.advance(2.0)

    output = desk.check(source=ELSEWHERE)

    assert [parse(each).message_class for each in output] == [MessageClass.SUCCESS, MessageClass.REQUEST]


@pytest.mark.spec("rfc8445:8.3.1/1")
def test_a_pair_that_turns_valid_after_completion_is_neither_used_nor_kept_alive() -> None:
    desk = Desk()
    desk.connect()
    desk.advance(2.0)
    _, triggered = desk.check(source=ELSEWHERE)
    desk.answer(triggered)

    assert desk.is_in(ConnectionState.COMPLETED)
    assert desk.agent.selected_pair is not None
    assert desk.agent.selected_pair.remote == THERE
    assert {datagram.remote for datagram in desk.advance(25.0)} == {THERE}


def test_an_early_nomination_is_not_forgotten_for_a_later_check_without_one() -> None:
    desk = Desk(controlling=False, meet=False)
    desk.check(use_candidate=True)
    desk.check()
    desk.meet()

    desk.answer(desk.next_request())

    assert [each.nominated for each in desk.agent.candidate_pair_stats()] == [True]
