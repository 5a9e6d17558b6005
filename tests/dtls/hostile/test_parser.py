"""Class 30: messages cut at every byte, every byte changed, bytes behind the end. Nothing raises, nothing is believed."""

import pickle
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.dtls.conformance import wire
from tests.dtls.conformance.subject import CLIENT, SERVER, Watched, connect, face_client, face_server
from tests.dtls.conformance.wire import Message, Record

BOTH = pytest.mark.parametrize("role", [CLIENT, SERVER])
SENSIBLE_ALERTS = {10, 20, 40, 42, 43, 46, 47, 50, 51, 70, 71, 109, 110, 116, 120}


def feed(state: bytes, message: Message) -> Watched:
    """Give a copy of the subject one message."""
    subject = pickle.loads(state)
    assert isinstance(subject, Watched)
    subject.receive_datagram(Record(wire.HANDSHAKE, message.serialize(), 0, 5000).serialize(), 0.0)
    for datagram in subject.datagrams_to_send(0.0):
        for record in wire.parse_records(datagram):
            if record.content_type == wire.ALERT and record.epoch == 0:
                assert record.fragment[0] in (1, 2)
                assert record.fragment[1] in SENSIBLE_ALERTS, record.fragment
                assert record.fragment[0] == 1 or subject.closed
    return subject


def broken(body: bytes) -> Iterator[bytes]:
    """Bodies that are not what they claim to be."""
    for end in range(len(body)):
        yield body[:end]
    yield body + b"\0"
    yield body + bytes(300)


def changed(body: bytes) -> Iterator[bytes]:
    """Bodies with one byte changed: off by one, one bit turned, none or all of them set."""
    for at, value in enumerate(body):
        for other in {(value + 1) & 255, (value - 1) & 255, 0, 255, *(value ^ 1 << bit for bit in range(8))} - {value}:
            yield body[:at] + bytes([other]) + body[at + 1 :]


def stages(role: str) -> Iterator[tuple[str, bytes, Message]]:
    """The subject before each message of an honest peer, and that message."""
    if role == SERVER:
        peer, subject = face_server(cookies=False)
        hello = peer.message(wire.CLIENT_HELLO, peer.hello().serialize())
        yield "client hello", pickle.dumps(subject), hello
        peer.say(hello)
        for name, make in (
            ("certificate", peer.certificate),
            ("key exchange", peer.key_exchange),
            ("proof", peer.certificate_verify),
        ):
            message = make()
            yield name, pickle.dumps(subject), message
            peer.say(message)
        return
    other, subject = face_client()
    other.begin()
    yield (
        "verify request",
        pickle.dumps(subject),
        Message(wire.HELLO_VERIFY_REQUEST, 0, wire.hello_verify_request_body(b"cookie")),
    )
    for message in other.flight():
        yield f"message {message.msg_type}", pickle.dumps(subject), message
        other.say(message)


@BOTH
@pytest.mark.spec("rfc5246:7.4.1.2/13", "rfc5246:7.2.2/3", "rfc5246:7.2.2/8", "rfc5246:7.2.2/9", "rfc5246:7.2.2/10")
def test_class_30_message_cut_at_every_byte_is_fatal(role: str) -> None:
    for name, state, message in stages(role):
        for body in broken(message.body):
            subject = feed(state, Message(message.msg_type, message.message_seq, body))

            believable = name == "client hello" and body == message.body[: _without_extensions(message.body)]
            assert subject.closed or believable or name == "verify request", (name, len(body))
            assert not subject.connected


def _without_extensions(body: bytes) -> int:
    """Where the extensions field of a ClientHello begins: a hello that ends there is a whole one."""
    return len(wire.ClientHello(bytes(32), wire.ClientHello.parse(body).cipher_suites, None).serialize())


@pytest.mark.slow
@BOTH
def test_class_30_message_with_one_byte_changed_never_raises(role: str) -> None:
    for _, state, message in stages(role):
        for body in changed(message.body):
            subject = feed(state, Message(message.msg_type, message.message_seq, body))

            assert not subject.connected


@BOTH
def test_class_30_message_of_another_type_in_every_state(role: str) -> None:
    for name, state, message in stages(role):
        for msg_type in range(30):
            if msg_type not in (message.msg_type, wire.HELLO_REQUEST):
                subject = feed(state, Message(msg_type, message.message_seq, message.body))

                assert not subject.connected, (name, msg_type)


@pytest.mark.parametrize("suites", [b"", b"\0", b"\xc0", b"\xc0\x2b\0", bytes(65535)])
def test_class_30_odd_list_of_suites(suites: bytes) -> None:
    peer, subject = face_server(cookies=False)
    body = wire.DTLS_1_2.to_bytes(2, "big") + bytes(range(32)) + b"\0\0" + wire.vector(2, suites) + b"\1\0"

    for fragment in Message(wire.CLIENT_HELLO, 0, body).cut(1000):
        peer.send(peer.record(wire.HANDSHAKE, fragment.serialize()))

    assert peer.fatal in SENSIBLE_ALERTS
    assert subject.closed


@BOTH
@given(data=st.binary(max_size=300))
def test_class_30_random_datagrams_never_raise(role: str, data: bytes) -> None:
    _peer, subject = CONNECTED[role]
    copy = pickle.loads(pickle.dumps(subject))

    copy.receive_datagram(data, 1.0)

    assert not copy.closed
    assert copy.datagrams_to_send(1.0) == []


@BOTH
@given(seed=st.integers(0, 2**32), content_type=st.sampled_from([20, 21, 22, 23, 24]), data=st.binary(max_size=80))
def test_class_30_random_content_from_an_authenticated_peer_never_raises(
    role: str, seed: int, content_type: int, data: bytes
) -> None:
    peer, subject = CONNECTED[role]
    copy = pickle.loads(pickle.dumps(subject))
    sealed = peer.record(content_type, data, sequence=seed % 2**20 + 1000)

    copy.receive_datagram(sealed.serialize(), 1.0)
    copy.handle_timeout(1.0)
    copy.datagrams_to_send(1.0)

    assert copy.received == ([data] if content_type == wire.APPLICATION_DATA and data else copy.received)


CONNECTED = {role: connect(role) for role in (CLIENT, SERVER)}
