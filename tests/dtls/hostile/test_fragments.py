"""Classes 9 to 13: what a hostile network can do to handshake fragments, before anybody is authenticated."""

import pickle
import time

import pytest
from tests.dtls.conformance import wire
from tests.dtls.conformance.scripted import ScriptedClient, ScriptedServer
from tests.dtls.conformance.subject import CLIENT, SERVER, Watched, connect, face, face_client, face_server
from tests.dtls.conformance.wire import CLIENT_HELLO, HANDSHAKE, Fragment, Message, Record

BOTH = pytest.mark.parametrize("role", [CLIENT, SERVER])
SIXTEEN_MEGABYTES = 2**24 - 1


def fragment_record(fragment: Fragment, sequence: int = 500) -> bytes:
    return Record(HANDSHAKE, fragment.serialize(), 0, sequence).serialize()


# --- 9: fragments that contradict themselves or each other ---

NONSENSE = {
    "offset and length past the end": Fragment(CLIENT_HELLO, 0, bytes(20), offset=90, length=100),
    "offset past the end": Fragment(CLIENT_HELLO, 0, b"x", offset=101, length=100),
    "fragment length past the record": Fragment(CLIENT_HELLO, 0, bytes(20), length=100, fragment_length=30),
    "fragment length past everything": Fragment(CLIENT_HELLO, 0, bytes(20), length=100, fragment_length=2**24 - 1),
    "largest offset and length": Fragment(
        CLIENT_HELLO, 0, bytes(9), offset=2**24 - 1, length=2**24 - 1, fragment_length=2**24 - 1
    ),
    "header cut": Fragment(CLIENT_HELLO, 0, b"x"),
}


@pytest.mark.parametrize("name", NONSENSE)
def test_class_09_fragment_outside_its_message_is_dropped(name: str) -> None:
    peer, subject = face_server()
    data = NONSENSE[name].serialize()
    if name == "header cut":
        data = data[:11]

    peer.deliver(Record(HANDSHAKE, data, 0, 500).serialize())
    peer.shake()

    assert subject.connected
    assert sum(subject.dropped.values()) >= 1


@pytest.mark.spec("rfc6347:4.2.3/5")
def test_class_09_total_length_that_changes_between_fragments_is_not_mixed_in() -> None:
    peer, subject = face_server(cookies=False)
    hello = peer.message(CLIENT_HELLO, peer.hello().serialize())
    first, second = hello.cut(len(hello.body) // 2 + 1)

    peer.send(peer.record(HANDSHAKE, first.serialize()))
    at = first.offset + len(first.data)
    for total in (len(hello.body) - 1, len(hello.body) + 1, SIXTEEN_MEGABYTES):
        peer.send(peer.record(HANDSHAKE, Fragment(CLIENT_HELLO, 0, b"\xee", at, total).serialize()))
    peer.send(peer.record(HANDSHAKE, second.serialize()))

    assert_honest_or_refused(peer, subject)


def test_class_09_message_type_that_changes_between_fragments_is_not_mixed_in() -> None:
    peer, subject = face_server(cookies=False)
    hello = peer.message(CLIENT_HELLO, peer.hello().serialize())
    first, second = hello.cut(len(hello.body) // 2 + 1)

    peer.send(peer.record(HANDSHAKE, first.serialize()))
    lie = Fragment(wire.FINISHED, 0, bytes(len(second.data)), second.offset, second.length)
    peer.send(peer.record(HANDSHAKE, lie.serialize()))
    assert not peer.got(wire.SERVER_HELLO)
    peer.send(peer.record(HANDSHAKE, second.serialize()))

    assert_honest_or_refused(peer, subject)


def assert_honest_or_refused(peer: ScriptedClient, subject: Watched) -> None:
    """The lie was dropped, costs a repetition, or ended the handshake; a mixture was never believed."""
    if peer.fatal is None:
        if not peer.got(wire.SERVER_HELLO):
            peer.say(Message(CLIENT_HELLO, 0, peer.hello().serialize()))
        assert peer.got(wire.SERVER_HELLO)
        peer.answer()
        assert subject.connected
    else:
        assert peer.fatal == 47
        assert not subject.connected


def test_class_09_fragments_of_different_messages_are_not_merged() -> None:
    peer, subject = face_server(cookies=False)
    hello = Message(CLIENT_HELLO, 0, peer.hello().serialize())
    other = Message(CLIENT_HELLO, 1, hello.body)
    size = len(hello.body) // 2 + 1

    peer.send(peer.record(HANDSHAKE, hello.cut(size)[0].serialize()))
    peer.send(peer.record(HANDSHAKE, other.cut(size)[1].serialize()))

    assert peer.messages == []
    assert not subject.closed


# --- 10: memory ---


@BOTH
def test_class_10_zero_length_fragments_end(role: str) -> None:
    peer, subject = face(role, cookies=False)
    if isinstance(peer, ScriptedClient):
        messages = [peer.message(CLIENT_HELLO, peer.hello().serialize())]
    else:
        messages = peer.begin().flight()

    for message in messages:
        for offset in (0, 1, len(message.body) // 2, len(message.body)):
            nothing = Fragment(message.msg_type, message.message_seq, b"", offset, len(message.body))
            for _ in range(50):
                peer.send(peer.record(HANDSHAKE, nothing.serialize()))
        if message.body:
            assert not subject.closed
            peer.say(message)
    if isinstance(peer, ScriptedClient):
        peer.answer()
    else:
        peer.finish()

    assert subject.connected


@BOTH
def test_class_10_message_of_zero_length_is_a_message(role: str) -> None:
    peer, subject = face(role)
    if isinstance(peer, ScriptedServer):
        peer.begin()

    peer.say(Message(wire.CLIENT_HELLO if role == SERVER else wire.SERVER_HELLO, 0, b""))

    assert not subject.connected


@BOTH
def test_class_10_memory_follows_what_arrived_not_what_was_announced(role: str) -> None:
    peer, subject = face(role)
    if isinstance(peer, ScriptedServer):
        peer.begin()
    before = len(pickle.dumps(subject))

    for seq in range(20):
        for offset in range(0, SIXTEEN_MEGABYTES, SIXTEEN_MEGABYTES // 10):
            peer.deliver(
                fragment_record(Fragment(11, seq, b"x", offset, SIXTEEN_MEGABYTES), sequence=seq * 1000 + offset % 997)
            )

    assert len(pickle.dumps(subject)) - before < 20_000


@BOTH
def test_class_10_future_messages_are_bounded(role: str) -> None:
    peer, subject = face(role)
    if isinstance(peer, ScriptedServer):
        peer.begin()

    for seq in range(1, 3000):
        peer.deliver(fragment_record(Message(11, seq % 0x10000, bytes(1000)).cut(2000)[0], sequence=seq))

    assert len(pickle.dumps(subject)) < 200_000
    assert not subject.closed


@BOTH
def test_class_10_messages_in_the_making_are_few_even_if_they_are_small(role: str) -> None:
    peer, subject = face(role)
    peer.open()
    before = subject.weight()

    for seq in range(2, 3000):
        peer.deliver(fragment_record(Fragment(11, seq, b"x", 0, 100), sequence=seq))

    assert subject.weight() - before < 2000
    assert subject.dropped["handshake_too_far_ahead"] > 2980


@BOTH
def test_class_10_fragments_of_one_message_are_bounded(role: str) -> None:
    peer, subject = face(role)
    if isinstance(peer, ScriptedServer):
        peer.begin()

    for index in range(3000):
        fragment = Fragment(11, 0, bytes(1000), index * 5000 % (2**24 - 2000), SIXTEEN_MEGABYTES)
        peer.deliver(fragment_record(fragment, sequence=index))

    assert len(pickle.dumps(subject)) < 400_000


# --- 11: overlap ---


@BOTH
@pytest.mark.spec("rfc6347:4.2.3/7", "rfc6347:4.2.3/6")
def test_class_11_overlapping_fragments_with_other_bounds_fit_together(role: str) -> None:
    peer, subject = face(role, cookies=False)
    if isinstance(peer, ScriptedClient):
        messages = [peer.message(CLIENT_HELLO, peer.hello().serialize())]
    else:
        messages = peer.begin().flight()

    for message in messages:
        pieces = [*message.cut(70)[::2], *message.cut(33), *message.cut(50)[::-1]]
        for fragment in pieces:
            peer.send(peer.record(HANDSHAKE, fragment.serialize()))
    if isinstance(peer, ScriptedClient):
        peer.answer()
    else:
        peer.finish()

    assert subject.connected


def test_class_11_overlap_with_other_bytes_never_yields_a_mixture() -> None:
    peer, subject = face_server(cookies=False)
    hello = peer.message(CLIENT_HELLO, peer.hello().serialize())
    first, second = hello.cut(len(hello.body) // 2 + 1)
    twisted = Fragment(CLIENT_HELLO, 0, bytes(b ^ 0xFF for b in first.data[10:]), 10, first.length)

    peer.send(peer.record(HANDSHAKE, first.serialize()))
    peer.send(peer.record(HANDSHAKE, twisted.serialize()))
    peer.send(peer.record(HANDSHAKE, second.serialize()))

    assert_honest_or_refused(peer, subject)


# --- 12: work ---


@BOTH
def test_class_12_a_datagram_full_of_empty_records_costs_little(role: str) -> None:
    peer, subject = connect(role)
    started = time.process_time()

    peer.deliver(Record(wire.APPLICATION_DATA, b"", 1, 5).serialize() * 5000)
    peer.deliver(Record(HANDSHAKE, b"", 0, 5).serialize() * 5000)

    assert time.process_time() - started < 2
    assert not subject.closed


def test_class_12_a_message_in_one_byte_fragments_costs_little() -> None:
    peer, _subject = face_server(cookies=False)
    hello = peer.message(CLIENT_HELLO, peer.hello().serialize())
    fragments = [peer.record(HANDSHAKE, fragment.serialize()).serialize() for fragment in hello.cut(1)]
    started = time.process_time()

    peer.deliver(b"".join(fragments[::2]))
    peer.deliver(b"".join(fragments[1::2]))

    assert time.process_time() - started < 2
    assert peer.got(wire.SERVER_HELLO)


# --- 13: unexpected, repeated and missing messages ---


@pytest.mark.parametrize("msg_type", [0, 2, 3, 4, 11, 12, 13, 14, 15, 16, 20, 24, 99, 255])
@pytest.mark.spec("rfc5246:7.4/1")
def test_class_13_server_begins_with_nothing_but_a_client_hello(msg_type: int) -> None:
    """Another message may be left over from before, or forged: it is dropped, and the genuine hello still works."""
    peer, subject = face_server(cookies=False)

    peer.say(Message(msg_type, 0, peer.hello().serialize()))
    assert peer.datagrams == []
    peer.shake()

    assert sum(subject.dropped.values()) == 1
    assert subject.connected


@pytest.mark.parametrize("msg_type", [1, 11, 12, 13, 14, 15, 16, 24, 99, 255])
def test_class_13_client_refuses_to_begin_with_anything_but_a_server_hello(msg_type: int) -> None:
    peer, subject = face_client()
    peer.begin()
    peer.forget()

    peer.say(peer.message(msg_type, bytes(40)))

    assert peer.fatal == 10
    assert subject.closed


@pytest.mark.spec("rfc5246:7.4/2", "rfc5246:7.4.1.1/3", "rfc5246:7.4.1.1/5")
def test_class_13_hello_request_in_the_handshake_is_ignored() -> None:
    peer, subject = face_client()
    peer.begin()
    flight = peer.flight()
    hello_request = Message(wire.HELLO_REQUEST, 0, b"")

    peer.say(hello_request)
    peer.say(flight[0], hello_request, *flight[1:])
    peer.finish()

    assert subject.connected


@pytest.mark.spec("rfc6347:4.2.2/6")
def test_class_13_message_that_was_already_read_is_discarded() -> None:
    peer, subject = face_client()
    peer.begin()
    flight = peer.flight()
    evil = Message(wire.SERVER_HELLO, 0, bytes(60))

    peer.say(flight[0], flight[0], evil, flight[1], evil, flight[0], *flight[2:])
    peer.finish()

    assert subject.connected


@pytest.mark.spec("rfc6347:4.2.2/5", "rfc6347:4.2.2/7")
def test_class_13_messages_in_reverse_order_wait_for_those_before_them() -> None:
    peer, subject = face_client()
    peer.begin()
    flight = peer.flight()

    for message in flight[:0:-1]:
        peer.say(message)
    assert not peer.got(wire.CLIENT_KEY_EXCHANGE)
    peer.say(flight[0])
    peer.finish()

    assert subject.connected


@pytest.mark.parametrize("missing", [0, 1, 2, 4])
def test_class_13_gap_in_the_message_sequence_stops_the_handshake(missing: int) -> None:
    peer, subject = face_client()
    peer.begin()
    flight = peer.flight()
    del flight[missing]

    peer.say(*flight)

    assert not peer.got(wire.FINISHED)
    assert not subject.closed


@pytest.mark.parametrize("missing", ["certificate", "key exchange", "done"])
def test_class_13_message_left_out_with_numbers_closed_up_is_fatal_or_waits(missing: str) -> None:
    peer, _subject = face_client()
    peer.begin()
    messages = [peer.server_hello()]
    if missing != "certificate":
        messages.append(peer.certificate())
    if missing != "key exchange":
        messages.append(peer.key_exchange())
    messages.append(peer.certificate_request())
    if missing != "done":
        messages.append(peer.hello_done())

    peer.say(*messages)

    assert not peer.got(wire.FINISHED)
    if missing != "done":
        assert peer.fatal == 10


@BOTH
def test_class_13_every_message_of_every_flight_may_arrive_twice(role: str) -> None:
    peer, subject = face(role, cookies=False)
    peer.open()
    if isinstance(peer, ScriptedClient):
        hello = Message(CLIENT_HELLO, 0, peer.hello().serialize())
        peer.say(hello, hello)
    for message in peer.flight():
        peer.say(message, message)
        peer.say(message)
    peer.send(peer.change_cipher_spec())
    peer.send(peer.record(wire.CHANGE_CIPHER_SPEC, b"\x01", epoch=0))
    finished = peer.finished()
    peer.say(finished)
    peer.say(finished)

    assert subject.connected
    assert not subject.closed
