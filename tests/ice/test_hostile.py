"""What strangers send: mutated, forged, repeated and endless. Nothing of it raises or moves the agent."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtc_ice import ConnectionState, IceConfig, SelectedPairChanged
from rtc_stun import (
    BINDING,
    Address,
    AlternateServer,
    Datagram,
    ErrorCode,
    IceControlling,
    Integrity,
    Message,
    MessageClass,
    Priority,
    UseCandidate,
    Username,
    XorMappedAddress,
    short_term_key,
)

from .crafted import ELSEWHERE, HERE, PEER_UFRAG, THERE, Desk, candidate, parse


def _connected(*, controlling: bool = True) -> Desk:
    desk = Desk(controlling=controlling)
    desk.connect()
    desk.events()
    return desk


def _picture(desk: Desk) -> object:
    """What a stranger must not be able to change."""
    agent = desk.agent
    return (
        agent.connection_state,
        agent.controlling,
        agent.selected_pair,
        [(each.local, each.remote, each.state, each.nominated) for each in agent.candidate_pair_stats()],
        len(agent.candidate_stats()),
        agent.is_valid_path(HERE, ELSEWHERE),
    )


def _vocabulary(desk: Desk) -> list[bytes]:
    """Right messages of every kind, to be spoilt."""
    consent = desk.next_request()
    return [
        desk.request(),
        desk.request(use_candidate=True, role=IceControlling(2**64 - 1)),
        desk.request(integrity=Integrity.SHA256),
        desk.success(consent),
        desk.error(consent, 487),
        desk.error(consent, 403),
        Message(BINDING, MessageClass.INDICATION, bytes(12)).serialize(fingerprint=True),
    ]


@pytest.mark.parametrize("controlling", [True, False])
@pytest.mark.parametrize("seed", range(8))
def test_messages_with_a_flipped_bit_change_nothing(seed: int, controlling: bool) -> None:
    desk = _connected(controlling=controlling)
    messages = _vocabulary(desk)
    before = _picture(desk)
    rng = random.Random(seed)

    for _ in range(150):
        data = bytearray(rng.choice(messages))
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        output = desk.send(bytes(data), source=ELSEWHERE)
        assert len(output) <= 1
        assert all(parse(each).message_class is MessageClass.ERROR for each in output)

    assert _picture(desk) == before


@pytest.mark.parametrize("seed", range(8))
def test_messages_that_are_cut_stretched_or_glued_change_nothing(seed: int) -> None:
    desk = _connected()
    messages = _vocabulary(desk)
    before = _picture(desk)
    rng = random.Random(seed)

    for _ in range(100):
        first, second = rng.choice(messages), rng.choice(messages)
        cut = rng.randrange(len(first))
        for data in (first[:cut], first + rng.randbytes(rng.randrange(1, 50)), first[:cut] + second[cut:]):
            if data not in messages:
                desk.send(data, source=ELSEWHERE)

    assert _picture(desk) == before


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=200), max_size=5), st.booleans())
def test_noise_is_dropped_and_counted(noise: list[bytes], meet: bool) -> None:
    desk = Desk(meet=meet, candidates=(candidate(THERE),))
    desk.output()

    for data in noise:
        desk.send(data)

    assert sum(desk.agent.stats.dropped.values()) == len(noise)
    assert desk.agent.selected_pair is None


attributes = st.lists(
    st.one_of(
        st.builds(Username, st.sampled_from([":", "a:b", PEER_UFRAG, "x" * 500])),
        st.builds(Priority, st.integers(0, 2**32 - 1)),
        st.builds(IceControlling, st.integers(0, 2**64 - 1)),
        st.just(UseCandidate()),
        st.builds(
            XorMappedAddress, st.sampled_from([HERE, ELSEWHERE, Address("2001:db8::1", 1), Address("0.0.0.0", 0)])
        ),
        st.builds(ErrorCode, st.integers(300, 699)),
        st.just(AlternateServer(ELSEWHERE)),
    ),
    max_size=6,
)


@settings(max_examples=100, deadline=None)
@given(attributes, st.sampled_from(list(MessageClass)), st.booleans(), st.booleans())
def test_even_the_peer_itself_cannot_make_the_agent_raise(
    parts: list[Priority], message_class: MessageClass, answers: bool, proven: bool
) -> None:
    """Every mixture of attributes under the right password, as request, indication or response to a real check."""
    desk = Desk(candidates=(candidate(THERE),))
    (check,) = desk.output()
    is_response = message_class in (MessageClass.SUCCESS, MessageClass.ERROR)
    key = (desk.peer_key if is_response else desk.key) if proven else None
    transaction_id = parse(check).transaction_id if answers else bytes(12)

    desk.send(Message(BINDING, message_class, transaction_id, parts).serialize(key=key, fingerprint=True))

    desk.advance(2.0)
    assert desk.agent.connection_state in (ConnectionState.CHECKING, ConnectionState.CONNECTED)
    if not proven:
        assert desk.agent.selected_pair is None


@pytest.mark.parametrize("controlling", [True, False])
def test_a_peer_that_lies_about_its_view_of_us_gets_the_path_it_proved_and_no_other(controlling: bool) -> None:
    desk = Desk(controlling=controlling, candidates=(candidate(THERE),))
    (check,) = desk.output()

    desk.answer(check, mapped=Address("2001:db8::bad", 1))

    assert desk.agent.selected_pair is not None
    assert (desk.agent.selected_pair.local, desk.agent.selected_pair.remote) == (HERE, THERE)
    assert not desk.agent.is_valid_path(Address("2001:db8::bad", 1), THERE)


@pytest.mark.spec("rfc8445:7.3/7")
def test_no_answer_ever_names_another_server() -> None:
    desk = Desk()
    wrong = short_term_key("w" * 22)
    requests = [
        desk.request(protect=False),
        desk.request(named=False),
        desk.request(key=wrong),
        desk.request(priority=None),
        desk.request(extra=(AlternateServer(ELSEWHERE),)),
        desk.request(),
    ]

    answers = [answer for data in requests for answer in desk.responses(desk.send(data))]

    assert len(answers) == len(requests)
    assert all(parse(answer).get(AlternateServer) is None for answer in answers)
    codes = [error.code for answer in answers if (error := parse(answer).get(ErrorCode)) is not None]
    assert 300 not in codes


def test_answers_are_no_longer_than_what_they_answer_needs() -> None:
    """Whoever forges a source address gains no traffic by it."""
    desk = Desk()
    for data in (desk.request(protect=False), desk.request(named=False), desk.request(key=b"wrong"), desk.request()):
        (answer, *_) = desk.send(data, source=ELSEWHERE)
        assert len(answer.data) <= len(data)


def test_a_replayed_check_from_another_address_makes_us_check_there_but_send_no_data() -> None:
    desk = _connected(controlling=False)
    desk.advance(0.1)

    desk.send(desk.request(use_candidate=True), source=ELSEWHERE)
    desk.advance(20.0)

    assert desk.agent.selected_pair is not None
    assert desk.agent.selected_pair.remote == THERE
    assert [event for event in desk.events() if isinstance(event, SelectedPairChanged)] == []


def test_a_flood_of_checks_from_many_addresses_stays_within_the_limits() -> None:
    desk = Desk(config=IceConfig(max_remote_candidates=10, max_pairs=10))
    data = desk.request()

    for n in range(3000):
        desk.agent.receive_datagram(Datagram(data, HERE, Address("198.51.100.7", 1 + n)), desk.now)

    assert len(desk.agent.candidate_pair_stats()) == 10
    assert len(desk.agent.candidate_stats()) == 11
    assert len(desk.agent.datagrams_to_send(desk.now)) == 1024
    assert desk.dropped("output-limit") == 3000 - 1024 + 1
    assert desk.agent.is_valid_path(HERE, Address("198.51.100.7", 3000))
    assert not desk.agent.is_valid_path(HERE, Address("198.51.100.7", 3000 - 256))


def test_a_flood_of_replayed_checks_does_not_push_out_the_path_in_use() -> None:
    desk = _connected()
    data = desk.request()
    for n in range(500):
        desk.send(data, source=Address("198.51.100.7", 1 + n))

    assert desk.agent.selected_pair is not None
    assert desk.agent.selected_pair.remote == THERE
    assert desk.agent.is_valid_path(HERE, THERE)
    assert desk.is_in(ConnectionState.COMPLETED)


def test_a_response_with_a_guessed_id_and_the_wrong_password_does_not_end_the_check() -> None:
    desk = Desk(candidates=(candidate(THERE),))
    (check,) = desk.output()
    for code in (None, 400, 487):
        forged = desk.success(check, mapped=ELSEWHERE, key=b"w") if code is None else desk.error(check, code, key=b"w")
        desk.send(forged)
        desk.send(forged, source=ELSEWHERE)

    desk.answer(check)

    assert desk.agent.controlling is True
    assert desk.agent.selected_pair is not None
    assert desk.dropped("unauthenticated-response") == 6


def test_a_peer_that_checks_without_end_and_never_answers_leaves_few_checks_of_ours_under_way() -> None:
    desk = Desk(config=IceConfig(ta=0.005, assumed_remote_ta=0.005), candidates=(candidate(THERE),))
    data = desk.request()
    sent = []
    for _ in range(200):
        sent += desk.requests(desk.send(data))
        desk.now += 0.005

    waiting = [*sent[:7], sent[-1]]
    for request in sent[7:-1]:
        desk.answer(request)
    assert desk.dropped("unknown-transaction") == len(sent) - len(waiting)
    assert desk.agent.selected_pair is None
    desk.answer(waiting[0])
    assert desk.agent.selected_pair is not None


def test_a_peer_that_checks_faster_than_the_path_is_long_does_not_outrun_our_answers() -> None:
    """A browser checks twenty times a second until it is connected; a path by satellite takes 600 ms."""
    desk = Desk(controlling=False, candidates=(candidate(THERE),))
    due = [(desk.now + 0.6, request) for request in desk.output()]
    end = desk.now + 0.65

    while desk.now < end:
        due += [(desk.now + 0.6, request) for request in desk.requests(desk.check() + desk.advance(0.05))]
        for _, request in [each for each in due if each[0] <= desk.now]:
            desk.answer(request)

    assert desk.agent.selected_pair is not None


def test_a_peer_that_answers_ever_later_cannot_stretch_our_patience_beyond_the_life_of_consent() -> None:
    desk = _connected()
    for delay in (0.9, 3.5, 8.0):  # each within four times the last
        late = desk.next_request()
        asked_at = desk.now
        while (at := desk.agent.next_timeout()) is not None and at < asked_at + delay:
            desk.next_request()
        desk.now = max(desk.now, asked_at + delay)
        desk.answer(late)
    assert desk.dropped("unknown-transaction") == 0
    held = desk.next_request()
    held_since = desk.now
    while (at := desk.agent.next_timeout()) is not None and at < held_since + 25.0:
        desk.answer(desk.next_request())

    desk.now = held_since + 31.0
    desk.agent.handle_timeout(desk.now)
    desk.answer(held)

    assert desk.dropped("unknown-transaction") == 1
    assert desk.agent.selected_pair is not None
