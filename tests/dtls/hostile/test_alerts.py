"""Class 25: alerts and the end."""

import pickle

import pytest
from tests.dtls.conformance import wire
from tests.dtls.conformance.alerts import CLOSE_NOTIFY, DECODE_ERROR, ILLEGAL_PARAMETER
from tests.dtls.conformance.subject import CLIENT, SERVER, connect, face, face_client, face_server
from tests.dtls.conformance.wire import ALERT, APPLICATION_DATA, Message

from rtc_dtls import ConnectionFailed

BOTH = pytest.mark.parametrize("role", [CLIENT, SERVER])

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
@pytest.mark.spec("rfc5246:7.2/1", "rfc5246:7.2.2/1", "rfc5764:7.3.1/2", "rfc5764:7.3.1/3")
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
@pytest.mark.parametrize("description", [10, 42, 90, 100, 112, 255])
def test_class_25_warning_is_survived(role: str, description: int) -> None:
    peer, subject = connect(role)

    peer.send_alert(1, description)
    peer.send_data(b"goes on")

    assert subject.received == [b"goes on"]


@BOTH
@pytest.mark.parametrize("level", [0, 3, 255])
def test_class_25_level_that_does_not_exist_is_fatal_from_the_peer_itself(role: str, level: int) -> None:
    peer, subject = connect(role)

    peer.send_alert(level, 10)

    assert peer.fatal == ILLEGAL_PARAMETER
    assert subject.closed


@BOTH
@pytest.mark.parametrize("fragment", [b"", b"\x01", b"\x02", b"\x02\x28\x00", bytes(60)])
def test_class_25_alert_that_is_split_or_too_long_is_fatal(role: str, fragment: bytes) -> None:
    peer, subject = connect(role)

    peer.send(peer.record(ALERT, fragment))
    peer.send_data(b"too late")

    assert peer.fatal == DECODE_ERROR
    assert subject.closed
    assert subject.received == []


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
@pytest.mark.spec("rfc5246:7.2.1/2")
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
@pytest.mark.parametrize("end", ["closed by us", "closed by the peer", "failed", "aborted"])
@pytest.mark.spec("rfc5246:7.2.2/1")
def test_class_25_secrets_are_forgotten_when_the_connection_is_over(role: str, end: str) -> None:
    peer, subject = connect(role)
    assert peer.master in pickle.dumps(subject.connection)

    if end == "closed by us":
        subject.close(peer.now)
    elif end == "closed by the peer":
        peer.send_alert(1, CLOSE_NOTIFY)
    elif end == "failed":
        peer.say(peer.message(wire.FINISHED, bytes(12), transcript=False))
    else:
        subject.abort(80)
    peer.pump()

    assert subject.closed
    state = pickle.dumps(subject.connection)
    assert peer.master not in state
    assert not any(secret in state for secret in peer.secrets)
    assert subject.connection.cipher_suite == peer.suite
    assert subject.datagrams_to_send(peer.now) == []


@BOTH
@pytest.mark.spec("rfc5246:7.2.2/1")
def test_class_25_secrets_of_a_handshake_that_fails_are_forgotten(role: str) -> None:
    peer, subject = face(role, cookies=False)
    peer.open()
    peer.say(*peer.flight())
    assert peer.master in pickle.dumps(subject.connection)

    peer.say(peer.message(wire.CERTIFICATE, bytes(40)))

    state = pickle.dumps(subject.connection)
    assert isinstance(subject.terminal[0], ConnectionFailed)
    assert not any(secret in state for secret in [peer.master, *peer.secrets])
    assert subject.next_timeout() is None


@BOTH
@pytest.mark.spec("rfc5246:8.1/2")
def test_class_25_premaster_secret_is_forgotten_once_it_was_used(role: str) -> None:
    peer, subject = connect(role)
    state = pickle.dumps(subject.connection)

    assert peer.premaster not in state
    assert peer.master in state


@pytest.mark.parametrize(("level", "description"), [(1, CLOSE_NOTIFY), (2, 40), (7, 7)])
@pytest.mark.parametrize("cookies", [False, True])
def test_class_25_alert_to_a_server_that_has_said_nothing_is_not_obeyed(
    level: int, description: int, cookies: bool
) -> None:
    peer, subject = face_server(cookies=cookies)

    peer.send_alert(level, description)
    peer.shake()

    assert subject.dropped["alert_before_client_hello"] == 1
    assert subject.connected


@BOTH
def test_class_25_forged_fatal_alert_in_the_handshake(role: str) -> None:
    """Nothing protects the handshake from it in 1.2; but the machine must say what happened and stay usable as an object."""
    peer, subject = face(role, cookies=False)
    peer.open()

    peer.send_alert(2, 40, epoch=0)

    (failure,) = subject.terminal
    assert isinstance(failure, ConnectionFailed)
    assert (failure.alert, failure.received) == (40, True)
    assert subject.next_timeout() is None


@pytest.mark.spec("rfc6347:4.2.7/3")
@pytest.mark.parametrize("body", [b"", bytes(3), bytes(33), bytes(34), b"\xfe\xfd" + bytes(32) + b"\xff"])
def test_class_25_malformed_hello_is_answered_by_decode_error(body: bytes) -> None:
    peer, subject = face_server(cookies=False)

    peer.say(Message(wire.CLIENT_HELLO, 0, body))

    assert peer.fatal == DECODE_ERROR
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
