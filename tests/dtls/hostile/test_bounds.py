"""What strangers can make us keep, repeat or give up: bounds of what happens before anybody is authenticated."""

import pytest
from tests.dtls.conformance import wire
from tests.dtls.conformance.scripted import ScriptedClient
from tests.dtls.conformance.subject import CLIENT, SERVER, face, face_client, face_server
from tests.dtls.conformance.wire import APPLICATION_DATA, HANDSHAKE, Message, Record

BOTH = pytest.mark.parametrize("role", [CLIENT, SERVER])
LARGEST = 2**48 - 1


@BOTH
def test_class_10_records_of_the_next_epoch_are_bounded_before_there_are_keys(role: str) -> None:
    peer, subject = face(role)
    peer.open()
    before = subject.weight()

    for sequence in range(200):
        peer.deliver(Record(APPLICATION_DATA, bytes(2**14), 1, sequence).serialize())
    large = subject.weight() - before
    for sequence in range(200):
        peer.deliver(Record(APPLICATION_DATA, bytes(30), 1, sequence).serialize())

    assert large < 2**15 + 1000
    assert subject.weight() - before < 2**15 + 2000
    assert subject.dropped["record_too_early"] > 300
    assert not subject.closed


@pytest.mark.parametrize("cookies", [False, True])
def test_class_10_protected_records_are_not_kept_before_there_is_a_hello(cookies: bool) -> None:
    peer, subject = face_server(cookies=cookies)
    before = subject.weight()

    for sequence in range(16):
        peer.deliver(Record(APPLICATION_DATA, bytes(1000), 1, sequence).serialize())
    held = subject.weight() - before
    peer.shake()

    assert held < 100
    assert subject.dropped == {"record_before_client_hello": 16}
    assert subject.connected


def test_class_10_pieces_of_hellos_are_bounded_before_there_is_a_connection() -> None:
    peer, subject = face_server(cookies=True)
    before = subject.weight()

    for number in range(28):
        piece = wire.Fragment(wire.CLIENT_HELLO, number % 7, bytes(12_000), 12_000 * (number // 7), 2**16)
        peer.deliver(Record(HANDSHAKE, piece.serialize(), 0, number).serialize())
    held = subject.weight() - before
    peer.shake()

    assert held < 2**14 + 1000
    assert subject.connected


@BOTH
def test_class_10_few_records_of_the_next_epoch_are_kept_even_if_they_are_small(role: str) -> None:
    peer, subject = face(role)
    peer.open()

    for sequence in range(100):
        peer.deliver(Record(APPLICATION_DATA, bytes(30), 1, sequence).serialize())

    assert subject.dropped == {"record_too_early": 84}


@BOTH
def test_class_24_forged_repetitions_do_not_use_up_the_patience_with_the_genuine_peer(role: str) -> None:
    """Each forged repetition may be answered, within a bound; the flight still gets all its own transmissions."""
    peer, subject = face(role, cookies=False)
    if isinstance(peer, ScriptedClient):
        forged = peer.message(wire.CLIENT_HELLO, peer.hello().serialize())
        peer.say(forged)
    else:
        messages = peer.begin().flight()
        peer.say(*messages)
        forged = messages[-1]
    peer.forget()

    for _ in range(60):
        peer.now += 0.15
        peer.say(forged)
    answers = len(peer.datagrams)
    expirations = 0
    while not subject.closed and expirations < 30:
        peer.expire()
        expirations += 1

    assert 1 <= answers <= 14
    assert expirations >= 5


@pytest.mark.parametrize("cookies", [False, True])
@pytest.mark.parametrize("number", [LARGEST, LARGEST - 5])
def test_class_07_hello_with_a_record_number_near_the_end_does_not_carry_ours_into_the_next_epoch(
    number: int, cookies: bool
) -> None:
    peer, subject = face_server(cookies=cookies)
    hello = Message(wire.CLIENT_HELLO, 0, peer.hello().serialize())

    peer.deliver(Record(HANDSHAKE, hello.serialize(), 0, number).serialize())

    assert peer.datagrams == []
    assert subject.dropped == {"client_hello_number_too_high": 1}
    peer.shake()
    assert subject.connected


def test_class_13_hello_request_does_not_provoke_repetitions() -> None:
    peer, subject = face_client()
    peer.begin()
    peer.say(peer.server_hello())
    peer.forget()
    peer.now += 0.39

    for _ in range(20):
        peer.say(Message(wire.HELLO_REQUEST, 0, b""))

    assert peer.datagrams == []
    assert subject.dropped["hello_request_ignored"] == 20


@pytest.mark.parametrize("length", [2**16 + 1, 2**24 - 1])
def test_class_22_hello_of_absurd_length_does_not_end_a_server_with_cookies(length: int) -> None:
    peer, subject = face_server(cookies=True)

    peer.deliver(Record(HANDSHAKE, wire.Fragment(wire.CLIENT_HELLO, 0, b"x", 0, length).serialize(), 0, 3).serialize())
    peer.shake()

    assert subject.connected
    assert subject.dropped["handshake_before_cookie"] == 1


@BOTH
def test_class_12_fragments_that_leave_holes_cost_little(role: str) -> None:
    peer, subject = face(role)
    peer.open()
    seq = peer.expected_seq if role == CLIENT else 1
    fragments = b"".join(
        Record(HANDSHAKE, wire.Fragment(11, seq, b"x", offset, 60_000).serialize(), 0, offset).serialize()
        for offset in range(0, 4000, 2)
    )
    before = subject.weight()

    peer.deliver(fragments)

    assert subject.weight() - before < 5000
    assert not subject.closed
