"""Classes 1 to 8 in DTLS 1.3: what a hostile network can do to records."""

import pickle
from collections.abc import Callable
from unittest import mock

import pytest
from tests.dtls.conformance import wire
from tests.dtls.hostile13.puppet import FINISHED, KEY_UPDATE, NEW_SESSION_TICKET, Puppet, changing, stage

from rtc_dtls import ConnectionState, GroupId, Role, StateError
from rtc_dtls.handshake import HandshakeMessage
from rtc_dtls.outbox import RESERVED_NUMBERS
from rtc_dtls.protection13 import Sealer13
from rtc_dtls.record import ContentType

BOTH = pytest.mark.parametrize("role", list(Role), ids=lambda role: role.name.lower())
DATA = 23


def forged(epoch: int, *, length: int = 40, number: int = 0xFFFF) -> bytes:
    """A record with the header that we send, and nonsense in it."""
    return bytes([0x2C | epoch & 3]) + number.to_bytes(2, "big") + length.to_bytes(2, "big") + bytes(length)


# --- 1: the replay window ---


@BOTH
@pytest.mark.parametrize("epoch", range(4))
@pytest.mark.spec("rfc9147:6.1/1")
def test_class_01_forged_record_does_not_move_the_window(role: Role, epoch: int) -> None:
    puppet = Puppet(role).connect()

    for number in (0, 1, 100, 0x7FFF, 0xFFFF):
        puppet.deliver(forged(epoch, number=number))

    assert puppet.talk()
    assert puppet.dropped["record_bad_mac" if epoch >= 2 else "record_unknown_epoch"] == 5


@BOTH
@pytest.mark.parametrize("alone", [True, False], ids=["alone", "in a batch"])
def test_class_01_replayed_record_is_delivered_once(role: Role, alone: bool) -> None:
    puppet = Puppet(role).connect()
    record = puppet.seal(DATA, b"once")

    if alone:
        puppet.deliver(record).deliver(record)
    else:
        puppet.deliver(record, record, record)

    assert puppet.received == [b"once"]
    assert puppet.dropped["record_replayed"] == (1 if alone else 2)


@BOTH
def test_class_01_replayed_messages_are_not_taken_twice(role: Role) -> None:
    puppet = Puppet(role).connect()
    sent = list(puppet.ends.sent[puppet.puppet.role])

    puppet.deliver(*sent, *sent)

    assert puppet.talk()
    assert not puppet.subject.closed


@BOTH
@pytest.mark.spec("rfc9147:4.5.1/5")
def test_class_01_window_reaches_back_but_not_for_ever(role: Role) -> None:
    puppet = Puppet(role).connect()
    records = [puppet.seal(DATA, str(number).encode()) for number in range(600)]

    puppet.deliver(records[-1]).deliver(records[300]).deliver(records[0])

    assert puppet.received == [b"599", b"300"]
    assert puppet.dropped["record_replayed"] == 1


# --- 2: plaintext once there are keys ---


@BOTH
@pytest.mark.parametrize("content_type", [*range(20, 27), 64])
def test_class_02_plaintext_after_the_handshake_changes_nothing(role: Role, content_type: int) -> None:
    puppet = Puppet(role).connect()
    due = puppet.subject.next_timeout()

    for fragment in (b"\x02\x28", b"\x01\x00", b"\x01", b"\x00\x00", b"data", b"\x14" + bytes(24)):
        puppet.deliver(wire.Record(content_type, fragment, 0, 5000).serialize())

    assert puppet.subject.next_timeout() == due
    assert puppet.received == []
    assert puppet.talk()


@BOTH
@pytest.mark.parametrize("content_type", [21, 23, 26])
@pytest.mark.spec("rfc9147:4.1/1")
def test_class_02_plaintext_in_the_handshake_is_neither_data_nor_ack_nor_obeyed(role: Role, content_type: int) -> None:
    puppet: Puppet = pickle.loads(stage(role, "proof").state)
    due = puppet.subject.next_timeout()
    fragment = {21: b"\x02\x28", 23: b"data", 26: b"\x00\x10" + bytes(16)}[content_type]

    puppet.subject.receive_datagram(wire.Record(content_type, fragment, 0, 77).serialize(), 0.0)

    assert puppet.subject.next_timeout() == due
    assert puppet.subject.state is ConnectionState.HANDSHAKING
    reasons = {21: "alert_plaintext_after_keys", 23: "record_plaintext_application_data", 26: "ack_plaintext"}
    assert puppet.dropped == {reasons[content_type]: 1}


@BOTH
@pytest.mark.parametrize("name", ["proof", "finished"])
def test_class_02_plaintext_messages_are_not_taken_once_there_are_keys(role: Role, name: str) -> None:
    here = stage(role, name)

    puppet = here.feed(HandshakeMessage(here.message.message_type, here.message.message_seq, here.message.body, 0))

    assert puppet.subject.state is ConnectionState.HANDSHAKING


# --- 3: nonces ---


def test_class_03_no_nonce_repeats_in_a_handshake_with_repetitions_and_key_updates() -> None:
    used: list[tuple[bytes, int]] = []
    genuine = Sealer13.seal_many

    def watched(sealer: Sealer13, content_type: int, contents: list[bytes]) -> list[bytes]:
        first = sealer.next_number & (2**48 - 1)
        used.extend((sealer._keys.key + sealer._keys.iv, number) for number in range(first, first + len(contents)))
        return genuine(sealer, content_type, contents)

    with mock.patch.object(Sealer13, "seal_many", watched):
        puppet = Puppet(Role.CLIENT)
        ends = puppet.ends
        ends.client.start(0.0)
        ends.server.receive_datagrams(ends.client.datagrams_to_send(0.0), 0.0)
        flight: list[bytes] = []
        for time in (0.0, 0.5, 1.5):
            ends.now = time
            ends.server.handle_timeout(time)
            flight = ends.server.datagrams_to_send(time)
        ends.client.receive_datagrams(flight, ends.now)
        ends.carry()
        for _ in range(3):
            ends.client.update_keys(ends.now, ask_peer=True)
            ends.carry()
            assert puppet.talk()

    assert len(used) >= 15
    assert len(set(used)) == len(used)


@pytest.mark.spec("rfc9147:4.2.1/4")
def test_class_03_sender_stops_at_the_limit_of_its_key() -> None:
    puppet = Puppet(Role.CLIENT).connect()
    sealer = puppet.subject._context.records.application_sealer()
    assert isinstance(sealer, Sealer13)
    sealer.next_number = sealer.next_number + sealer.records_left - RESERVED_NUMBERS - 1
    puppet.subject.send(b"the last")

    with pytest.raises(StateError):
        puppet.subject.send(b"one too many")


# --- 4: randomness ---


def test_class_04_random_of_the_client_stays_after_a_retry_and_is_not_zero() -> None:
    hellos: list[bytes] = []

    def seen(body: bytes) -> bytes:
        hellos.append(body)
        return body

    groups = (GroupId.X25519, GroupId.SECP256R1)
    puppet = Puppet(
        Role.SERVER,
        changing(1, seen),
        puppet={"groups": groups, "key_share_groups": (GroupId.X25519,)},
        subject={"groups": (GroupId.SECP256R1,)},
    ).connect()

    assert puppet.is_connected
    assert len(hellos) == 2
    assert hellos[0][2:34] == hellos[1][2:34]
    assert len(set(hellos[0][2:34])) > 10


@BOTH
def test_class_04_every_connection_has_its_own_random(role: Role) -> None:
    randoms = set()
    for seed in range(5):
        puppet = Puppet(role)
        puppet.ends = type(puppet.ends)(
            puppet.ends.client._context.config, puppet.ends.server._context.config, seed=f"{seed}"
        )
        puppet.connect()
        sent = puppet.ends.sent[role][0]
        randoms.add(sent[27:59])

    assert len(randoms) == 5


# --- 5: bad records ---

BAD: dict[str, Callable[[bytes], bytes]] = {
    "empty datagram": lambda _: b"",
    "header alone": lambda _: b"\x2f",
    "header cut": lambda good: good[:4],
    "record cut": lambda good: good[:-1],
    "length of zero": lambda good: good[:3] + b"\0\0",
    "length past the end": lambda good: good[:3] + b"\xff\xff" + good[5:],
    "ciphertext too short for a sample": lambda good: good[:3] + b"\0\x0f" + bytes(15),
    "too long": lambda good: good[:3] + (2**14 + 257).to_bytes(2, "big") + bytes(2**14 + 257),
    "wrong tag": lambda good: good[:-1] + bytes([good[-1] ^ 1]),
    "changed number": lambda good: good[:1] + bytes([good[1] ^ 1]) + good[2:],
    "changed epoch": lambda good: bytes([good[0] ^ 1]) + good[1:],
    "connection id": lambda good: bytes([good[0] | 0x10]) + good[1:],
    "type 25": lambda good: b"\x19" + good[1:],
    "reserved bits": lambda good: bytes([good[0] | 0x40]) + good[1:],
    "no length, something behind": lambda good: bytes([good[0] & ~4]) + good[1:3] + good[5:] + good,
}


@BOTH
@pytest.mark.parametrize("name", BAD)
@pytest.mark.spec("rfc9147:4.1/3", "rfc9147:9/4")
def test_class_05_bad_record_is_dropped_counted_and_never_answered(role: Role, name: str) -> None:
    puppet = Puppet(role).connect()
    before, due = dict(puppet.dropped), puppet.subject.next_timeout()

    puppet.subject.receive_datagram(BAD[name](puppet.seal(DATA, b"data")), 0.0)

    assert puppet.subject.datagrams_to_send(0.0) == []
    assert puppet.subject.events() == []
    assert puppet.subject.next_timeout() == due
    assert puppet.dropped != before
    assert puppet.talk()


@BOTH
@pytest.mark.parametrize("name", BAD)
def test_class_05_bad_record_in_the_handshake_leaves_it_alone(role: Role, name: str) -> None:
    here = stage(role, "proof")
    puppet: Puppet = pickle.loads(here.state)
    good = puppet.puppet._context.records.seal(ContentType.HANDSHAKE, bytes(here.message), here.message.epoch)
    due = puppet.subject.next_timeout()

    puppet.subject.receive_datagram(BAD[name](good), 0.0)

    assert puppet.subject.next_timeout() == due
    assert puppet.subject.state is ConnectionState.HANDSHAKING


@BOTH
def test_class_05_good_record_before_or_behind_a_bad_one_is_read(role: Role) -> None:
    puppet = Puppet(role).connect()
    bad = forged(3)

    puppet.deliver(bad + puppet.seal(DATA, b"behind") + bad, puppet.seal(DATA, b"before") + bad)

    assert puppet.received == [b"behind", b"before"]


@BOTH
@pytest.mark.spec("rfc9147:11/5")
def test_class_05_many_bad_records_do_not_end_the_association(role: Role) -> None:
    puppet = Puppet(role).connect()

    puppet.subject.receive_datagrams([forged(3, number=number) for number in range(5000)], 0.0)

    assert puppet.dropped["record_bad_mac"] == 5000
    assert puppet.talk()


# --- 6: empty records ---


@BOTH
@pytest.mark.parametrize("zeros", [1, 100])
def test_class_06_nothing_but_padding_is_fatal_from_the_peer_itself(role: Role, zeros: int) -> None:
    puppet = Puppet(role).connect()
    sealer = puppet.puppet._context.records.application_sealer()

    puppet.deliver(sealer.seal(0, bytes(zeros - 1)))

    assert puppet.alert == 10


@BOTH
def test_class_06_empty_data_are_harmless(role: Role) -> None:
    puppet = Puppet(role).connect()

    puppet.deliver(*[puppet.seal(DATA, b"") for _ in range(1000)])

    assert puppet.received == []
    assert puppet.dropped["application_data_empty"] == 1000
    assert puppet.talk()


@BOTH
@pytest.mark.spec("rfc9147:4.1/4")
def test_class_06_change_cipher_spec_does_nothing_and_is_fatal_under_protection(role: Role) -> None:
    here = stage(role, "proof")
    puppet: Puppet = pickle.loads(here.state)
    for _ in range(10):
        puppet.subject.receive_datagram(wire.Record(20, b"\x01", 0, 500).serialize(), 0.0)
    assert puppet.subject.state is ConnectionState.HANDSHAKING

    connected = Puppet(role).connect()
    connected.deliver(connected.seal(20, b"\x01"))

    assert connected.alert == 10


# --- 7: edges ---


@BOTH
@pytest.mark.parametrize("edge", [2**8, 2**16, 2**17, 2**20])
def test_class_07_sequence_numbers_have_no_edges_in_between(role: Role, edge: int) -> None:
    puppet = Puppet(role).connect()
    records = puppet.puppet._context.records
    sealer = records.application_sealer()
    opener = puppet.subject._context.records.application_opener()
    sealer.next_number = sealer.epoch << 48 | edge - 3 if isinstance(sealer, Sealer13) else 0
    opener.window.accept(edge - 4)

    sealed = [puppet.seal(DATA, str(number).encode()) for number in range(8)]
    puppet.deliver(sealed[0], sealed[6], sealed[2], sealed[3]).deliver(sealed[7]).deliver(sealed[1])

    assert puppet.received == [b"0", b"6", b"2", b"3", b"7", b"1"]


@BOTH
@pytest.mark.spec("rfc9147:4.2.2/2")
def test_class_07_epoch_bits_come_round_after_four_updates(role: Role) -> None:
    puppet = Puppet(role).connect()
    for number in range(9):
        puppet.puppet.update_keys(puppet.ends.now)
        puppet.ends.carry()
        puppet.puppet.send(str(number).encode())
        puppet.ends.carry()

    assert puppet.received == [str(number).encode() for number in range(9)]


# --- 8: which key ---


@BOTH
@pytest.mark.spec("rfc8446:5.1/1")
def test_class_08_message_behind_the_end_of_its_keys_is_refused(role: Role) -> None:
    """A KeyUpdate and something else in the same record: what stands behind it belongs under the next keys."""
    puppet = Puppet(role).connect()
    number = puppet.puppet._context.layer._next_send_seq
    messages = [HandshakeMessage(KEY_UPDATE, number + each, b"\0", 3) for each in range(2)]

    puppet.deliver(puppet.seal(22, b"".join(map(bytes, messages))))

    assert puppet.alert == 10


def test_class_08_message_in_the_record_of_the_hello_that_brings_the_keys_is_refused() -> None:
    """The ServerHello and, unprotected in the same record, what has to be protected."""
    here = stage(Role.CLIENT, "server hello")
    hidden = stage(Role.CLIENT, "encrypted extensions").message
    puppet: Puppet = pickle.loads(here.state)
    plain = HandshakeMessage(hidden.message_type, hidden.message_seq, hidden.body, 0)

    puppet.subject.receive_datagram(puppet.seal(22, bytes(here.message) + bytes(plain), 0), 0.0)

    assert puppet.subject.state is not ConnectionState.CONNECTED
    assert puppet.subject.peer_certificates == ()


@BOTH
@pytest.mark.spec("rfc9147:8/7")
def test_class_08_old_keys_are_kept_until_the_new_ones_are_used(role: Role) -> None:
    puppet = Puppet(role).connect()
    late = [puppet.seal(DATA, b"late"), puppet.seal(DATA, b"later")]
    puppet.puppet.update_keys(puppet.ends.now)
    update = puppet.puppet.datagrams_to_send(puppet.ends.now)

    puppet.deliver(*update).deliver(late[0])
    puppet.puppet.send(b"under the new keys")
    puppet.ends.carry()
    puppet.deliver(late[1])

    assert puppet.received[:2] == [b"late", b"under the new keys"]


@BOTH
def test_class_08_finished_under_the_keys_of_the_application_is_refused(role: Role) -> None:
    here = stage(role, "finished")
    puppet: Puppet = pickle.loads(here.state)
    if role is Role.SERVER:
        record = puppet.puppet._context.records.seal(ContentType.HANDSHAKE, bytes(here.message), 3)
        puppet.subject.receive_datagram(record, 0.0)
    else:
        late = HandshakeMessage(FINISHED, here.message.message_seq, here.message.body, 0)
        puppet.subject.receive_datagram(puppet.seal(22, bytes(late), 0), 0.0)

    assert puppet.subject.state is ConnectionState.HANDSHAKING


def test_class_08_ticket_is_taken_and_ignored() -> None:
    puppet = Puppet(Role.CLIENT).connect()
    number = puppet.puppet._context.layer._next_send_seq
    body = bytes(8) + b"\x01n" + b"\x00\x06ticket" + b"\x00\x00"

    puppet.deliver(puppet.seal(22, bytes(HandshakeMessage(NEW_SESSION_TICKET, number, body, 3))))

    assert puppet.alert is None
    assert puppet.talk()
