"""Classes 23 to 25 in DTLS 1.3: ACKs, KeyUpdate, timers, alerts."""

import pickle

import pytest
from tests.dtls.conformance import wire
from tests.dtls.hostile13.puppet import KEY_UPDATE, Puppet, stage

from rtc_dtls import ConnectionClosed, ConnectionState, Role
from rtc_dtls.ack import encode_ack
from rtc_dtls.handshake import HandshakeMessage
from rtc_dtls.post_handshake import PostHandshake
from rtc_dtls.record import ContentType

BOTH = pytest.mark.parametrize("role", list(Role), ids=lambda role: role.name.lower())
ACK, ALERT, DATA = 26, 21, 23
DECODE_ERROR, UNEXPECTED_MESSAGE = 50, 10


# --- 23: ACKs ---


def waiting_servers() -> tuple[Puppet, Puppet]:
    """Twice the same server, whose flight has gone out and is not answered."""
    state = stage(Role.SERVER, "certificate").state
    return pickle.loads(state), pickle.loads(state)


def flight_length(puppet: Puppet, now: float) -> int:
    """Bytes of what the subject sends when its timer is due."""
    puppet.subject.handle_timeout(now)
    return sum(map(len, puppet.subject.datagrams_to_send(now)))


@pytest.mark.parametrize(
    "content",
    [b"", b"\x00", b"\x00\x0f" + bytes(15), b"\x00\x11" + bytes(17), b"\x00\x10" + bytes(15), b"\x00\x00\x00"],
)
def test_class_23_malformed_ack_is_fatal(content: bytes) -> None:
    puppet = Puppet(Role.SERVER).connect()

    puppet.deliver(puppet.seal(ACK, content))

    assert puppet.alert == DECODE_ERROR


@BOTH
@pytest.mark.parametrize(
    "numbers",
    [[], [0], [2 << 48 | 999], [5 << 48], [2**64 - 1], [3 << 48 | 2**48 - 1], list(range(60))],
    ids=["empty", "plaintext", "never sent", "epoch of the future", "huge", "last", "many"],
)
def test_class_23_ack_of_what_was_never_sent_is_harmless(role: Role, numbers: list[int]) -> None:
    puppet = Puppet(role).connect()

    puppet.deliver(puppet.seal(ACK, encode_ack(numbers)))

    assert puppet.talk()


def test_class_23_ack_of_what_was_never_sent_stops_no_repetition() -> None:
    untouched, puppet = waiting_servers()

    for numbers in ([2 << 48 | 500], [9 << 48], [2**63]):
        puppet.subject.receive_datagram(puppet.seal(ACK, encode_ack(numbers), 2), 0.0)

    assert flight_length(puppet, 0.4) == flight_length(untouched, 0.4) > 500


def test_class_23_plaintext_ack_stops_no_repetition() -> None:
    untouched, puppet = waiting_servers()

    every = encode_ack([*range(5), *(2 << 48 | number for number in range(20))])
    puppet.subject.receive_datagram(wire.Record(ACK, every, 0, 50).serialize(), 0.0)

    assert flight_length(puppet, 0.4) == flight_length(untouched, 0.4)


def test_class_23_ack_of_a_part_makes_the_rest_be_repeated_alone() -> None:
    untouched, puppet = waiting_servers()

    puppet.subject.receive_datagram(puppet.seal(ACK, encode_ack([2 << 48]), 2), 0.0)
    puppet.ends.now = 1.0

    assert 0 <= flight_length(puppet, 1.0) < flight_length(untouched, 1.0)


@BOTH
@pytest.mark.spec("rfc9147:7.1/5")
def test_class_23_undecryptable_records_are_never_acknowledged(role: Role) -> None:
    here = stage(role, "proof")
    untouched, attacked, told = (pickle.loads(here.state) for _ in range(3))
    good = attacked.puppet._context.records.seal(ContentType.HANDSHAKE, bytes(here.message), 2)

    attacked.subject.receive_datagrams([good[:-1] + bytes([good[-1] ^ 1])] * 5, 0.0)
    told.subject.receive_datagram(good, 0.0)

    said = []
    for puppet in (untouched, attacked, told):
        due = puppet.subject.next_timeout()
        puppet.subject.handle_timeout(due)
        said.append(puppet.subject.datagrams_to_send(due))
    assert said[1] == said[0] != []
    assert said[2] != said[0]


@pytest.mark.spec("rfc9147:5.8.1/4")
def test_class_23_lost_final_ack_is_sent_again_for_the_repeated_flight() -> None:
    ends = Puppet(Role.SERVER).ends
    ends.client.start(0.0)
    ends.server.receive_datagrams(ends.client.datagrams_to_send(0.0), 0.0)
    ends.client.receive_datagrams(ends.server.datagrams_to_send(0.0), 0.0)
    ends.server.receive_datagrams(ends.client.datagrams_to_send(0.0), 0.0)
    lost = ends.server.datagrams_to_send(0.0)
    assert lost
    due = ends.client.next_timeout()
    assert due is not None
    ends.client.handle_timeout(due)
    again = ends.client.datagrams_to_send(due)
    assert again

    ends.server.receive_datagrams(again, due)
    ends.client.receive_datagrams(ends.server.datagrams_to_send(due), due)

    assert ends.client.next_timeout() is None


@BOTH
def test_class_23_crossing_key_updates_work(role: Role) -> None:
    puppet = Puppet(role).connect()
    for end in (puppet.subject, puppet.puppet):
        end.update_keys(puppet.ends.now, ask_peer=True)

    puppet.ends.carry()

    assert puppet.talk()
    assert puppet.subject.next_timeout() is None


@BOTH
def test_class_23_flood_of_requests_for_new_keys_is_answered_in_turn(role: Role) -> None:
    """However often the peer asks, one update is under way at a time."""
    puppet = Puppet(role).connect()
    engine = puppet.puppet._association.engine
    assert isinstance(engine, PostHandshake)
    number, secret = puppet.puppet._context.layer._next_send_seq, engine._ours
    flood = []
    for each in range(200):
        flood.append(puppet.seal(22, bytes(HandshakeMessage(KEY_UPDATE, number + each, b"\x01", 3 + each))))
        secret = secret.successor()
        puppet.puppet._context.install_sealer(secret, 4 + each)

    puppet.subject.receive_datagrams(flood, 0.0)
    out = puppet.subject.datagrams_to_send(0.0)

    assert puppet.subject.stats.peer_key_updates == 200
    assert not puppet.subject.closed
    assert len(out) <= 2
    assert isinstance(waiting := puppet.subject._association.engine, PostHandshake)
    assert len(waiting._queue) <= 1


@BOTH
@pytest.mark.parametrize("body", [b"", b"\x02", b"\xff", b"\x00\x00"])
def test_class_23_malformed_key_update_is_fatal(role: Role, body: bytes) -> None:
    puppet = Puppet(role).connect()
    number = puppet.puppet._context.layer._next_send_seq

    puppet.deliver(puppet.seal(22, bytes(HandshakeMessage(KEY_UPDATE, number, body, 3))))

    assert puppet.alert in (47, DECODE_ERROR)


@pytest.mark.parametrize("name", ["encrypted extensions", "certificate", "finished"])
def test_class_23_key_update_in_the_handshake_is_fatal(name: str) -> None:
    here = stage(Role.CLIENT, name)

    puppet = here.feed(HandshakeMessage(KEY_UPDATE, here.message.message_seq, b"\0", 2))

    assert puppet.subject.state is ConnectionState.FAILED


def test_class_23_new_keys_are_not_used_before_the_ack() -> None:
    puppet = Puppet(Role.CLIENT).connect()
    puppet.subject.update_keys(puppet.ends.now)
    update = puppet.subject.datagrams_to_send(puppet.ends.now)
    puppet.subject.send(b"before the ACK")
    data = puppet.subject.datagrams_to_send(puppet.ends.now)

    assert update[0][0] & 3 == data[0][0] & 3 == 3

    puppet.puppet.receive_datagrams([*update, *data], puppet.ends.now)
    puppet.ends.carry()
    puppet.subject.send(b"after it")
    assert puppet.subject.datagrams_to_send(puppet.ends.now)[0][0] & 3 == 0


# --- 24: timers ---


@BOTH
def test_class_24_repeated_flights_do_not_provoke_as_many_answers(role: Role) -> None:
    puppet = Puppet(role)
    if role is Role.SERVER:
        puppet.ends.client.start(0.0)
        hello = puppet.ends.client.datagrams_to_send(0.0)
        puppet.subject.receive_datagrams(hello, 0.0)
        first = sum(map(len, puppet.subject.datagrams_to_send(0.0)))
        repeated = 0
        for _ in range(100):
            puppet.subject.receive_datagrams(hello, 0.01)
            repeated += sum(map(len, puppet.subject.datagrams_to_send(0.01)))
        assert repeated <= first
    else:
        puppet.connect()
        flight = [datagram for datagram in puppet.ends.sent[Role.SERVER] if datagram[0] != 22]
        sent = puppet.subject.stats.bytes_sent
        for _ in range(100):
            puppet.subject.receive_datagrams(flight, 0.01)
            puppet.subject.datagrams_to_send(0.01)
        assert puppet.subject.stats.bytes_sent - sent < 100 * sum(map(len, flight)) / 3


@BOTH
@pytest.mark.spec("rfc9147:5.8.2/1", "rfc9147:5.8.2/2", "rfc9147:5.10/3")
def test_class_24_timer_doubles_up_to_a_minute_and_gives_up_after_a_dozen(role: Role) -> None:
    puppet: Puppet = pickle.loads(stage(role, "certificate").state) if role is Role.SERVER else Puppet(role)
    if role is Role.CLIENT:
        puppet.ends.client.start(0.0)
    puppet.subject.datagrams_to_send(0.0)
    waits, now = [], 0.0
    while (due := puppet.subject.next_timeout()) is not None:
        waits.append(round(due - now, 6))
        now = due
        puppet.subject.handle_timeout(now)
        puppet.subject.datagrams_to_send(now)

    assert waits[:4] == [0.4, 0.8, 1.6, 3.2]
    assert max(waits) == 60.0
    assert 10 <= len(waits) <= 14
    assert puppet.subject.closed


@BOTH
@pytest.mark.spec("rfc9147:5.8.2/3")
def test_class_24_timer_is_rescaled_at_run_time(role: Role) -> None:
    puppet: Puppet = pickle.loads(stage(role, "certificate").state) if role is Role.SERVER else Puppet(role)
    puppet.subject.set_initial_timeout(0.05)
    if role is Role.CLIENT:
        puppet.ends.client.start(0.0)
    else:
        puppet.subject.handle_timeout(0.4)
    now = 0.4 if role is Role.SERVER else 0.0
    puppet.subject.datagrams_to_send(now)

    due = puppet.subject.next_timeout()

    assert due is not None
    assert due - now <= 0.1 + 1e-9


def test_class_24_ack_timer_is_a_quarter_of_the_retransmission_timer() -> None:
    here = stage(Role.CLIENT, "encrypted extensions")
    puppet = here.feed(here.message)

    due = puppet.subject.next_timeout()

    assert due is not None
    assert due == pytest.approx(0.1)
    puppet.subject.handle_timeout(due)
    (ack,) = puppet.subject.datagrams_to_send(due)
    assert ack[0] & 3 == 2


def test_class_24_mtu_may_change_between_transmissions() -> None:
    puppet, _ = waiting_servers()
    for mtu in (256, 1500, 400):
        puppet.subject.set_mtu(mtu)
        due = puppet.subject.next_timeout()
        assert due is not None
        puppet.subject.handle_timeout(due)
        sizes = [len(datagram) for datagram in puppet.subject.datagrams_to_send(due)]
        assert max(sizes) <= mtu
        assert all(size > mtu - 40 for size in sizes[:-1])


# --- 25: alerts ---


@BOTH
def test_class_25_close_notify_is_answered_in_1_3(role: Role) -> None:
    puppet = Puppet(role).connect()

    puppet.deliver(puppet.seal(ALERT, b"\x01\x00"))

    assert puppet.ends.seen(role, ConnectionClosed) == [ConnectionClosed(by_peer=True)]
    assert puppet.puppet.closed


@BOTH
@pytest.mark.parametrize("level", [0, 1, 2, 3, 255])
@pytest.mark.spec("rfc8446:6/1")
def test_class_25_level_of_an_error_does_not_matter_in_1_3(role: Role, level: int) -> None:
    puppet = Puppet(role).connect()

    puppet.deliver(puppet.seal(ALERT, bytes([level, 40])))

    assert puppet.failure is not None
    assert puppet.failure.received
    assert puppet.failure.alert == 40


@BOTH
@pytest.mark.parametrize("content", [b"", b"\x02", b"\x01\x00\x00", b"\x02\x28\x02\x28"])
def test_class_25_alert_that_is_split_or_too_long_is_fatal_in_1_3(role: Role, content: bytes) -> None:
    puppet = Puppet(role).connect()

    puppet.deliver(puppet.seal(ALERT, content))

    assert puppet.alert in (DECODE_ERROR, UNEXPECTED_MESSAGE)


@BOTH
@pytest.mark.spec("rfc9147:5.10/4", "rfc8446:6.1/2")
def test_class_25_data_after_close_notify_are_ignored_in_1_3(role: Role) -> None:
    puppet = Puppet(role).connect()
    before, goodbye, after = puppet.seal(DATA, b"before"), puppet.seal(ALERT, b"\x01\x00"), puppet.seal(DATA, b"after")

    puppet.deliver(before, goodbye, after)

    assert puppet.received == [b"before"]


def test_class_25_error_leaves_its_alert_and_the_events_before_it() -> None:
    puppet = Puppet(Role.SERVER).connect()
    good, bad = puppet.seal(DATA, b"good"), puppet.seal(20, b"\x01")

    puppet.subject.receive_datagram(good + bad, 0.0)

    events = [type(event).__name__ for event in puppet.subject.events()]
    assert events == ["ApplicationDataReceived", "ConnectionFailed"]
    assert len(puppet.subject.datagrams_to_send(0.0)) == 1


@BOTH
def test_class_25_application_chooses_the_alert(role: Role) -> None:
    here = stage(role, "certificate")
    puppet = here.feed(here.message)

    puppet.subject.abort(0.0, 49)
    puppet.puppet.receive_datagrams(puppet.subject.datagrams_to_send(0.0), 0.0)

    assert puppet.puppet.state is ConnectionState.FAILED
    assert [getattr(event, "alert", None) for event in puppet.puppet.events()][-1] == 49
