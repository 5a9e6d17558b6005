"""Class 22: cookies."""

from dataclasses import replace

import pytest
from tests.dtls.conformance import wire
from tests.dtls.conformance.alerts import DECODE_ERROR, ILLEGAL_PARAMETER, UNEXPECTED_MESSAGE
from tests.dtls.conformance.scripted import ScriptedClient
from tests.dtls.conformance.subject import CLIENT, SERVER, Watched, face_client, face_server
from tests.dtls.conformance.wire import ALERT, HANDSHAKE, Message

BOTH = pytest.mark.parametrize("role", [CLIENT, SERVER])

# --- 22: cookies ---


def cookie_of(peer: ScriptedClient) -> bytes:
    reader = wire.Reader(peer.last(wire.HELLO_VERIFY_REQUEST).body)
    reader.number(2)
    return reader.vector(1)


def ask() -> tuple[ScriptedClient, Watched]:
    peer, subject = face_server(cookies=True)
    peer.send_hello(answer_cookie=False)
    assert peer.got(wire.HELLO_VERIFY_REQUEST)
    return peer, subject


@pytest.mark.spec(
    "rfc6347:4.2.1/5", "rfc6347:4.2.1/1", "rfc6347:4.3.2/2", "rfc6347:4.2.1/16", "rfc6347:4.2.1/18", "rfc6347:5/1"
)
def test_class_22_cookie_is_asked_for_in_version_1_0() -> None:
    peer, subject = face_server()
    peer.send_hello(answer_cookie=False)

    request = peer.last(wire.HELLO_VERIFY_REQUEST)
    assert request.message_seq == 0
    assert request.body[:2] == b"\xfe\xff"
    assert len(peer.records) == 1
    assert 16 <= request.body[2] <= 255
    assert not subject.connected


@pytest.mark.spec("rfc6347:4.2.1/12", "rfc6347:4.2.1/14", "rfc6347:4.2.1/15")
@pytest.mark.parametrize(("first", "second"), [(0, 1), (5, 9), (2**20, 2**40)])
def test_class_22_record_numbers_are_taken_from_the_client_hello(first: int, second: int) -> None:
    peer, _ = face_server(cookies=True)
    hello = peer.hello()

    peer.send(peer.record(HANDSHAKE, Message(wire.CLIENT_HELLO, 0, hello.serialize()).serialize(), sequence=first))
    with_cookie = Message(wire.CLIENT_HELLO, 1, replace(hello, cookie=cookie_of(peer)).serialize())
    peer.transcript = with_cookie.serialize()
    peer.send(peer.record(HANDSHAKE, with_cookie.serialize(), sequence=second))

    flight = peer.records[1:]
    assert peer.records[0].sequence == first
    assert [record.sequence for record in flight] == list(range(second, second + len(flight)))
    peer.expire()
    again = peer.records[1 + len(flight) :]
    assert [record.sequence for record in again] == list(range(second + len(flight), second + 2 * len(flight)))


@pytest.mark.spec("rfc6347:4.2.1/12", "rfc6347:4.2.1/14")
def test_class_22_hello_that_somebody_forged_does_not_move_the_record_numbers() -> None:
    peer, subject = face_server(cookies=True)
    forged = Message(wire.CLIENT_HELLO, 0, peer.hello(random=bytes(32)).serialize())

    for sequence in (2**40, 7, 2**40):
        peer.deliver(wire.Record(HANDSHAKE, forged.serialize(), 0, sequence).serialize())
    answers = [record.sequence for record in peer.records]
    peer.forget()
    peer.expected_seq = 0
    peer.send_hello()
    peer.answer()

    assert answers == [2**40, 7, 2**40]
    assert [record.sequence for record in peer.records if not record.epoch][:2] == [0, 1]
    assert subject.connected


@pytest.mark.spec("rfc6347:4.2.1/3", "rfc6347:4.2.1/22")
def test_class_22_wrong_cookie_is_treated_like_none() -> None:
    peer, subject = ask()
    right = cookie_of(peer)
    wrong = [b"", b"\0", right[:-1], right + b"\0", bytes(len(right)), right[:-1] + bytes([right[-1] ^ 1]), bytes(255)]

    for cookie in wrong:
        peer.forget()
        peer.message_seq = 1
        peer.send_hello(peer.hello(cookie=cookie), answer_cookie=False)
        assert [fragment.msg_type for record in peer.records for fragment in wire.parse_fragments(record.fragment)] == [
            wire.HELLO_VERIFY_REQUEST
        ]

    assert not subject.connected
    peer.message_seq = peer.expected_seq = 1
    peer.send_hello(peer.hello(cookie=right))
    peer.answer()
    assert subject.connected


@pytest.mark.spec("rfc6347:4.2.1/9")
@pytest.mark.parametrize("changed", ["random", "session_id", "cipher_suites", "compression_methods", "version"])
def test_class_22_cookie_is_bound_to_the_client_hello(changed: str) -> None:
    peer, _ = ask()
    honest = peer.hello(cookie=cookie_of(peer))
    hello = {
        "random": replace(honest, random=bytes(32)),
        "session_id": replace(honest, session_id=b"session"),
        "cipher_suites": replace(honest, cipher_suites=[peer.suite, 0xC02C]),
        "compression_methods": replace(honest, compression_methods=b"\0\1"),
        "version": replace(honest, version=0xFEFC),
    }[changed]
    peer.forget()

    peer.send_hello(hello, answer_cookie=False)

    assert not peer.got(wire.SERVER_HELLO)
    assert not any(record.content_type == ALERT for record in peer.records) or peer.fatal == ILLEGAL_PARAMETER


def test_class_22_cookie_is_bound_to_the_address() -> None:
    peer, _ = face_server(cookies=True, cookie_secret=bytes(32), address=b"192.0.2.1:5000")
    peer.send_hello(answer_cookie=False)
    other, other_subject = face_server(cookies=True, cookie_secret=bytes(32), address=b"192.0.2.66:5000")
    same, same_subject = face_server(cookies=True, cookie_secret=bytes(32), address=b"192.0.2.1:5000")

    for attempt in (other, same):
        attempt.send_hello(attempt.hello(cookie=cookie_of(peer)), answer_cookie=False)

    assert not other.got(wire.SERVER_HELLO)
    assert not other_subject.connected
    assert same.got(wire.SERVER_HELLO)
    assert not same_subject.connected


@pytest.mark.spec("rfc6347:4.2.1/13", "rfc6347:4.2.4/6")
def test_class_22_nothing_is_kept_before_the_cookie_is_right() -> None:
    peer, subject = face_server(cookies=True)
    empty = subject.weight()

    for number in range(200):
        peer.message_seq = 0
        peer.send_hello(peer.hello(random=number.to_bytes(32, "big")), answer_cookie=False)

    assert len(peer.datagrams) == 200
    assert subject.weight() - empty < 500
    assert subject.next_timeout() is None


def test_class_22_answers_that_nobody_fetches_are_bounded() -> None:
    peer, subject = face_server(cookies=True)
    hello = Message(wire.CLIENT_HELLO, 0, peer.hello().serialize())
    empty = subject.weight()

    for sequence in range(2000):
        subject.receive_datagram(wire.Record(HANDSHAKE, hello.serialize(), 0, sequence).serialize(), 0.0)

    assert subject.weight() - empty < 20_000


@pytest.mark.spec("rfc6347:5/3")
@pytest.mark.parametrize("body", [b"", bytes(40), b"\xfe\xfd" + bytes(32) + b"\xff", b"\xfe\xff" + bytes(40)])
def test_class_22_nonsense_does_not_end_a_server_before_the_cookie_is_right(body: bytes) -> None:
    """Whoever forges the address of a client must not be able to shut the door before it."""
    peer, subject = face_server(cookies=True)

    peer.deliver(wire.Record(HANDSHAKE, Message(wire.CLIENT_HELLO, 0, body).serialize(), 0, 900).serialize())
    for fragment in (
        wire.Fragment(1, 0, b"x", 5, 77),
        wire.Fragment(1, 0, b"y", 5, 78),
        wire.Fragment(1, 0, b"z", 5, 77),
    ):
        peer.deliver(wire.Record(HANDSHAKE, fragment.serialize(), 0, 901).serialize())
    peer.shake()

    assert subject.connected


@pytest.mark.parametrize("cookies", [False, True])
def test_class_22_hello_of_a_client_that_began_anew_replaces_the_half_of_the_old_one(cookies: bool) -> None:
    peer, subject = face_server(cookies=cookies)
    old = Message(wire.CLIENT_HELLO, 0, peer.hello(random=bytes(32), cipher_suites=[peer.suite, 0xC02C]).serialize())

    peer.deliver(wire.Record(HANDSHAKE, old.cut(40)[0].serialize(), 0, 0).serialize())
    peer.shake()

    assert subject.connected


@pytest.mark.parametrize("cookies", [False, True])
def test_class_22_pieces_of_forged_hellos_do_not_stand_in_for_later_messages(cookies: bool) -> None:
    peer, subject = face_server(cookies=cookies)

    for seq in range(7):
        piece = wire.Fragment(wire.CLIENT_HELLO, seq, b"x", 5, 77)
        peer.deliver(wire.Record(HANDSHAKE, piece.serialize(), 0, seq).serialize())
    peer.shake()

    assert subject.connected


def test_class_22_answer_without_a_cookie_is_smaller_than_the_question() -> None:
    peer, _ = face_server(cookies=True)
    hello = peer.say(Message(wire.CLIENT_HELLO, 0, peer.hello().serialize()))

    assert sum(map(len, peer.datagrams)) < len(hello)


@pytest.mark.spec(
    "rfc6347:4.2.1/2", "rfc6347:4.2.1/4", "rfc6347:4.2.1/8", "rfc6347:4.3.2/1", "rfc6347:4.2.1/20", "rfc6347:5/2"
)
@pytest.mark.parametrize("length", [0, 1, 16, 32, 33, 255])
def test_class_22_client_repeats_its_hello_with_the_cookie_and_nothing_else_changed(length: int) -> None:
    peer, subject = face_client()
    peer.begin()
    cookie = bytes(range(length))

    peer.say(peer.verify_request(cookie))
    peer.say(*peer.flight())
    peer.finish()

    first, second = peer.hellos
    assert first.cookie == b""
    assert second == replace(first, cookie=cookie)
    assert [message.message_seq for message in peer.messages[:2]] == [0, 1]
    assert subject.connected


@pytest.mark.spec("rfc6347:4.2.1/6", "rfc6347:4.2.1/7")
@pytest.mark.parametrize("version", [0xFEFF, 0xFEFD])
def test_class_22_version_of_the_verify_request_decides_nothing(version: int) -> None:
    peer, subject = face_client()
    peer.begin()
    peer.say(peer.verify_request(version=version))
    peer.say(*peer.flight())
    peer.finish()

    assert peer.hellos[1].version == wire.DTLS_1_2
    assert subject.connected


@pytest.mark.spec("rfc6347:4.2.1/23")
def test_class_22_client_answers_a_second_cookie() -> None:
    peer, subject = face_client()
    peer.begin()
    peer.say(peer.verify_request(b"first"))
    peer.say(peer.verify_request(b"second"))
    peer.say(*peer.flight())
    peer.finish()

    assert [hello.cookie for hello in peer.hellos] == [b"", b"first", b"second"]
    assert subject.connected


def test_class_22_client_does_not_answer_cookies_for_ever() -> None:
    peer, subject = face_client()
    peer.begin()

    for number in range(100):
        if subject.closed:
            break
        peer.say(peer.verify_request(b"%d" % number))

    assert len(peer.hellos) < 50


@pytest.mark.parametrize("body", [b"", b"\xfe", b"\xfe\xff", b"\xfe\xff\x05abc", b"\xfe\xff\x02abc"])
def test_class_22_malformed_verify_request_is_refused(body: bytes) -> None:
    peer, subject = face_client()
    peer.begin()

    peer.say(Message(wire.HELLO_VERIFY_REQUEST, 0, body))

    assert len(peer.hellos) == 1
    assert peer.fatal == DECODE_ERROR
    assert subject.closed


def test_class_22_verify_request_after_the_server_hello_is_refused() -> None:
    peer, subject = face_client()
    peer.begin()
    peer.say(peer.server_hello())
    peer.say(peer.verify_request())

    assert len(peer.hellos) == 1
    assert peer.fatal == UNEXPECTED_MESSAGE
    assert subject.closed


@pytest.mark.spec("rfc6347:4.2.1/17")
def test_class_22_cookie_exchange_can_be_turned_off() -> None:
    peer, subject = face_server(cookies=False)
    peer.shake()

    assert not peer.got(wire.HELLO_VERIFY_REQUEST)
    assert subject.connected
