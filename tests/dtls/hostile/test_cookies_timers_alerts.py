"""Classes 22, 24 and 25: cookies, timers and alerts."""

import itertools
from dataclasses import replace

import pytest
from tests.dtls.conformance import wire
from tests.dtls.conformance.scripted import ScriptedClient
from tests.dtls.conformance.subject import CLIENT, SERVER, Watched, connect, face, face_client, face_server
from tests.dtls.conformance.wire import ALERT, APPLICATION_DATA, HANDSHAKE, Message

BOTH = pytest.mark.parametrize("role", [CLIENT, SERVER])
CLOSE_NOTIFY, UNEXPECTED_MESSAGE, HANDSHAKE_FAILURE, ILLEGAL_PARAMETER, DECODE_ERROR, PROTOCOL_VERSION = (
    0,
    10,
    40,
    47,
    50,
    70,
)
MSL = 120.0

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
def test_class_22_cookie_is_asked_for_by_default_in_version_1_0() -> None:
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
        peer.send_hello(peer.hello(random=number.to_bytes(32, "big")), answer_cookie=False)

    assert subject.weight() - empty < 500
    assert subject.next_timeout() is None


def test_class_22_answers_that_nobody_fetches_are_bounded() -> None:
    peer, subject = face_server(cookies=True)
    hello = Message(wire.CLIENT_HELLO, 0, peer.hello().serialize())
    empty = subject.weight()

    for sequence in range(2000):
        subject.receive_datagram(wire.Record(HANDSHAKE, hello.serialize(), 0, sequence).serialize(), 0.0)

    assert subject.weight() - empty < 20_000


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
    assert peer.fatal in {DECODE_ERROR, None}
    assert peer.fatal is None or subject.closed


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


# --- 24: timers ---


@BOTH
@pytest.mark.spec("rfc6347:4.2.4/2", "rfc6347:4.2.4/3", "rfc6347:4.2.4.1/2", "rfc6347:4.2.4/1", "rfc6347:4.2.2/3")
def test_class_24_timer_doubles_up_to_a_minute_and_then_gives_up(role: str) -> None:
    peer, subject = face(role, cookies=False)
    peer.open()
    flight = [record.fragment for record in peer.records]
    waits: list[float] = []
    flights: list[list[bytes]] = []
    while not subject.closed and len(waits) < 40:
        before = peer.now
        peer.forget()
        peer.expire()
        waits.append(peer.now - before)
        flights.append([record.fragment for record in peer.records])

    assert waits[1] == pytest.approx(2 * waits[0])
    assert all(later == pytest.approx(min(2 * earlier, 60)) for earlier, later in itertools.pairwise(waits))
    assert 5 <= len(waits) < 40
    assert all(again == flight for again in flights[:3])
    assert subject.closed


@BOTH
@pytest.mark.spec("rfc6347:4.2.4/5")
def test_class_24_part_of_the_next_flight_does_not_touch_the_timer(role: str) -> None:
    peer, subject = face(role, cookies=False)
    if isinstance(peer, ScriptedClient):
        peer.send_hello()
        part = peer.certificate()
    else:
        peer.begin()
        part = peer.flight()[0]
    due = subject.next_timeout()
    assert due is not None

    peer.now = due / 2
    peer.say(part)

    assert subject.next_timeout() == due


def test_class_24_duplicates_do_not_amplify() -> None:
    """A duplicated ClientHello is answered, but not each of a thousand copies of it."""
    peer, _subject = face_server(cookies=False)
    hello = Message(wire.CLIENT_HELLO, 0, peer.hello().serialize())
    peer.say(hello)
    once = sum(map(len, peer.datagrams))
    peer.forget()

    for _ in range(200):
        peer.say(hello)

    assert sum(map(len, peer.datagrams)) <= 4 * once


@BOTH
@pytest.mark.spec("rfc6347:4.2.4/4")
def test_class_24_repeated_flight_of_the_peer_is_answered_by_our_flight(role: str) -> None:
    peer, subject = face(role, cookies=False)
    if isinstance(peer, ScriptedClient):
        messages = [peer.message(wire.CLIENT_HELLO, peer.hello().serialize())]
    else:
        messages = peer.begin().flight()
    peer.say(*messages)
    flight = [record.content_type for record in peer.records][0 if role == SERVER else 1 :]
    peer.forget()

    peer.now += 5
    peer.now = min(peer.now, (subject.next_timeout() or 0) - 0.01)
    peer.say(*messages)

    assert [record.content_type for record in peer.records] == flight


@pytest.mark.spec("rfc6347:4.2.4/7", "rfc6347:4.2.5/1")
@pytest.mark.parametrize("later", [0.5, 30.0, 2 * MSL - 1])
def test_class_24_last_flight_of_the_server_is_sent_again_when_the_client_repeats_its_own(later: float) -> None:
    peer, subject = face_server()
    peer.send_hello()
    certificate, exchange, proof = peer.certificate(), peer.key_exchange(), peer.certificate_verify()
    peer.say(certificate, exchange, proof)
    change = peer.change_cipher_spec()
    finished = peer.finished()
    peer.send(change, peer.record(HANDSHAKE, finished.serialize()))
    assert subject.connected
    peer.forget()

    peer.now += later
    peer.say(certificate, exchange, proof, epoch=0)
    peer.send(peer.record(wire.CHANGE_CIPHER_SPEC, b"\x01", epoch=0), peer.record(HANDSHAKE, finished.serialize()))

    kinds = [(record.content_type, record.epoch) for record in peer.records]
    assert (HANDSHAKE, 1) in kinds
    assert kinds[0] == (wire.CHANGE_CIPHER_SPEC, 0)
    assert subject.received == []
    peer.send_data(b"goes on")
    assert subject.received == [b"goes on"]


def test_class_24_forged_repetition_of_the_last_flight_provokes_nothing() -> None:
    peer, subject = connect(SERVER)
    peer.forget()

    for seq in range(6):
        peer.say(Message(wire.CLIENT_KEY_EXCHANGE, seq, bytes(66)), epoch=0)

    assert sum(map(len, peer.datagrams)) <= 3 * 6 * 100
    peer.send_data(b"goes on")
    assert subject.received == [b"goes on"]


@BOTH
@pytest.mark.spec("rfc6347:4.2.4.1/3")
def test_class_24_machine_without_work_has_no_timer(role: str) -> None:
    peer, subject = connect(role)
    peer.now += 1000
    at = subject.next_timeout()
    if at is not None:
        subject.handle_timeout(peer.now)
        peer.pump()

    assert subject.next_timeout() is None
    assert subject.connected


# --- 25: alerts ---


@BOTH
@pytest.mark.spec("rfc5246:7.2.1/1", "rfc5246:7.2.1/3")
def test_class_25_close_notify_is_answered_and_ends_the_data(role: str) -> None:
    peer, subject = connect(role)
    peer.send_data(b"before")
    peer.forget()

    peer.send_alert(1, CLOSE_NOTIFY)
    peer.send_data(b"after")

    assert peer.alerts == [(1, CLOSE_NOTIFY)]
    assert subject.received == [b"before"]
    assert subject.closed


@BOTH
@pytest.mark.parametrize("description", [10, 20, 40, 42, 46, 47, 50, 51, 80, 90, 120, 199, 255])
@pytest.mark.spec("rfc5246:7.2/1", "rfc5246:7.2.2/1", "rfc5764:7.3.1/2")
def test_class_25_fatal_alert_ends_the_association_without_an_answer(role: str, description: int) -> None:
    peer, subject = connect(role)
    peer.forget()

    again = peer.send_alert(2, description)
    peer.deliver(again)
    peer.send_data(b"after")

    assert peer.alerts == []
    assert subject.received == []
    assert subject.closed
    assert len(subject.terminal) == 1


@BOTH
@pytest.mark.parametrize(
    ("level", "description"), [(1, 90), (1, 100), (1, 112), (1, 255), (0, 10), (3, 10), (255, 255)]
)
def test_class_25_warning_or_unknown_level_is_survived(role: str, level: int, description: int) -> None:
    peer, subject = connect(role)
    peer.forget()

    peer.send_alert(level, description)

    if not subject.closed:
        peer.send_data(b"goes on")
        assert subject.received == [b"goes on"]
    else:
        assert level not in (1, 2)


@BOTH
@pytest.mark.parametrize("fragment", [b"", b"\x01", b"\x02", b"\x02\x28\x00", bytes(60)])
def test_class_25_alert_that_is_split_or_too_long_is_not_obeyed(role: str, fragment: bytes) -> None:
    peer, subject = connect(role)

    peer.send(peer.record(ALERT, fragment))
    peer.send_data(b"goes on")

    assert subject.received == [b"goes on"] or (subject.closed and peer.fatal == DECODE_ERROR)


@pytest.mark.spec("rfc6347:4.2.7/1", "rfc5246:7.2.2/5", "rfc6347:4.2.7/2")
def test_class_25_fatal_alert_is_sent_once_by_itself() -> None:
    peer, subject = face_client()
    peer.begin()
    offending = peer.say(peer.server_hello(cipher_suite=0x002F))
    assert peer.fatal == ILLEGAL_PARAMETER
    count = len(peer.alerts)
    peer.now += 1000
    subject.handle_timeout(peer.now)
    peer.pump()

    assert count == 1
    assert len(peer.alerts) == 1
    assert subject.next_timeout() is None
    peer.deliver(offending)
    assert len(peer.alerts) <= 2


@BOTH
@pytest.mark.spec("rfc5246:7.2.2/8", "rfc5246:7.2.2/9", "rfc5246:7.2.2/10")
def test_class_25_close_sends_close_notify_and_nothing_after_it(role: str) -> None:
    peer, subject = connect(role)
    peer.forget()

    subject.close(peer.now)
    peer.pump()

    assert peer.alerts == [(1, CLOSE_NOTIFY)]
    assert subject.closed
    assert subject.next_timeout() is None


@BOTH
def test_class_25_abort_sends_the_alert_of_the_application(role: str) -> None:
    peer, subject = connect(role)
    peer.forget()

    subject.abort(42)
    peer.pump()

    assert peer.alerts == [(2, 42)]
    assert subject.closed


@BOTH
def test_class_25_forged_fatal_alert_in_the_handshake(role: str) -> None:
    """Nothing protects the handshake from it in 1.2; but the machine must say what happened and stay usable as an object."""
    peer, subject = face(role, cookies=False)
    peer.open()

    peer.send_alert(2, 40, epoch=0)

    if subject.closed:
        assert len(subject.terminal) == 1
    else:
        assert subject.next_timeout() is not None


@pytest.mark.spec("rfc6347:4.2.7/3")
@pytest.mark.parametrize("body", [b"", bytes(3), bytes(33), bytes(34), b"\xfe\xfd" + bytes(32) + b"\xff"])
def test_class_25_malformed_hello_is_answered_by_decode_error(body: bytes) -> None:
    peer, subject = face_server(cookies=False)

    peer.say(Message(wire.CLIENT_HELLO, 0, body))

    assert peer.fatal in {DECODE_ERROR, PROTOCOL_VERSION}
    assert subject.closed


@BOTH
@pytest.mark.spec("rfc5246:7.2.1/1")
def test_class_25_data_that_was_sealed_before_close_notify_is_refused_after_it(role: str) -> None:
    peer, subject = connect(role)
    late = peer.record(APPLICATION_DATA, b"late").serialize()
    peer.send_alert(1, CLOSE_NOTIFY)
    peer.deliver(late)

    assert subject.received == []
    assert subject.closed
