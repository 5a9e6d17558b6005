"""Class 24: timers."""

import itertools

import pytest
from tests.dtls.conformance import wire
from tests.dtls.conformance.scripted import ScriptedClient
from tests.dtls.conformance.subject import CLIENT, SERVER, connect, face, face_client, face_server
from tests.dtls.conformance.wire import HANDSHAKE, Message

BOTH = pytest.mark.parametrize("role", [CLIENT, SERVER])
MSL = 120.0

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


@pytest.mark.spec("rfc6347:4.2.4.1/3")
def test_class_24_backing_off_lasts_until_a_flight_gets_through_at_once() -> None:
    peer, subject = face_client()
    peer.begin()
    initial = subject.next_timeout()
    assert initial is not None
    peer.expire()
    peer.expire()

    peer.say(peer.verify_request())
    kept = (subject.next_timeout() or 0.0) - peer.now
    peer.say(*peer.flight())
    reset = (subject.next_timeout() or 0.0) - peer.now

    assert kept == pytest.approx(4 * initial)
    assert reset == pytest.approx(initial)


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


def test_class_24_last_flight_of_the_server_is_not_sent_again_for_ever() -> None:
    peer, subject = face_server()
    peer.open()
    peer.say(*peer.flight())
    peer.send(peer.change_cipher_spec())
    finished = peer.finished()
    peer.say(finished)
    peer.forget()

    peer.now += 2 * MSL + 1
    peer.say(finished)

    assert peer.datagrams == []
    assert subject.connected


def test_class_24_forged_repetition_of_the_last_flight_provokes_nothing() -> None:
    peer, subject = connect(SERVER)
    peer.forget()

    for seq in range(6):
        peer.say(Message(wire.CLIENT_KEY_EXCHANGE, seq, bytes(66)), epoch=0)

    assert sum(map(len, peer.datagrams)) <= 3 * 6 * 100
    peer.send_data(b"goes on")
    assert subject.received == [b"goes on"]


@BOTH
def test_class_24_machine_without_work_has_no_timer(role: str) -> None:
    peer, subject = connect(role)
    peer.now += 1000
    at = subject.next_timeout()
    if at is not None:
        subject.handle_timeout(peer.now)
        peer.pump()

    assert subject.next_timeout() is None
    assert subject.connected
