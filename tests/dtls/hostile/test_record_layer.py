"""Classes 1 to 8: what a hostile network can do to records."""

import pickle

import pytest
from tests.dtls.conformance import keys, wire
from tests.dtls.conformance.subject import CLIENT, SERVER, connect, face, face_client, face_server
from tests.dtls.conformance.wire import ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, Record

from rtc_dtls import StateError

BOTH = pytest.mark.parametrize("role", [CLIENT, SERVER])
LARGEST = 2**48 - 1


def forged(content_type: int, *, epoch: int, sequence: int, length: int = 40) -> bytes:
    return Record(content_type, bytes(length), epoch, sequence).serialize()


# --- 1: the replay window ---


@BOTH
@pytest.mark.spec("rfc6347:4.1.2.6/10", "rfc6347:4.1.2.6/9")
def test_class_01_forged_record_does_not_move_the_window(role: str) -> None:
    peer, subject = connect(role)

    peer.deliver(forged(APPLICATION_DATA, epoch=1, sequence=LARGEST))
    peer.deliver(forged(APPLICATION_DATA, epoch=1, sequence=peer.sequences[1]))
    peer.send_data(b"genuine")

    assert subject.received == [b"genuine"]
    assert not subject.closed


@BOTH
def test_class_01_record_of_a_future_epoch_does_not_move_the_window(role: str) -> None:
    peer, subject = connect(role)

    for epoch in (2, 3, 0xFFFF):
        peer.deliver(forged(APPLICATION_DATA, epoch=epoch, sequence=LARGEST))
    peer.send_data(b"genuine")

    assert subject.received == [b"genuine"]


@BOTH
def test_class_01_plaintext_with_a_huge_sequence_number_does_not_stop_the_handshake(role: str) -> None:
    peer, subject = face(role)
    peer.deliver(Record(ALERT, b"\x01", 0, LARGEST).serialize())
    peer.deliver(Record(99, b"\x01", 0, LARGEST).serialize())
    peer.deliver(forged(APPLICATION_DATA, epoch=1, sequence=LARGEST))

    peer.shake()

    assert subject.connected


@BOTH
@pytest.mark.spec("rfc6347:4.1.2.6/3")
def test_class_01_replayed_record_is_delivered_once(role: str) -> None:
    peer, subject = connect(role)

    again = peer.send_data(b"once")
    peer.deliver(again, again)

    assert subject.received == [b"once"]
    assert sum(subject.dropped.values()) >= 2


@BOTH
@pytest.mark.spec("rfc6347:4.1.2.6/3")
@pytest.mark.parametrize("alone", [True, False])
def test_class_01_records_of_every_kind_are_not_taken_twice(role: str, alone: bool) -> None:
    """Neither those that share a datagram, nor those that are no application data."""
    peer, subject = connect(role)
    if alone:
        records = [peer.record(ALERT, bytes([1, 90]))]
    else:
        records = [peer.record(APPLICATION_DATA, b"one"), peer.record(APPLICATION_DATA, b"two")]

    again = peer.send(*records)
    peer.deliver(again)

    assert subject.received == ([] if alone else [b"one", b"two"])
    assert subject.dropped["record_replayed"] == len(records)


@BOTH
@pytest.mark.spec("rfc6347:4.1.2.6/4")
def test_class_01_replay_is_seen_before_any_decryption(role: str) -> None:
    peer, subject = connect(role)
    peer.send_data(b"once", sequence=77)

    peer.deliver(forged(APPLICATION_DATA, epoch=1, sequence=77))

    assert subject.dropped["record_replayed"] == 1
    assert "record_bad_mac" not in subject.dropped


@BOTH
@pytest.mark.spec(
    "rfc6347:4.1.2.6/1", "rfc6347:4.1.2.6/5", "rfc6347:4.1.2.6/6", "rfc6347:4.1.2.6/7", "rfc6347:4.1.2.6/8"
)
def test_class_01_window_reaches_back_but_not_for_ever(role: str) -> None:
    peer, subject = connect(role)

    peer.send_data(b"ahead", sequence=10_000)
    for back in (1, 31, 32, 63, 255):
        peer.send_data(b"%d" % back, sequence=10_000 - back)
    within = list(subject.received)
    peer.send_data(b"too old", sequence=10_000 - 5_000)
    peer.send_data(b"ahead again", sequence=10_000)

    assert within == [b"ahead", b"1", b"31", b"32", b"63", b"255"]
    assert subject.received == within


# --- 2: plaintext after keys ---


@BOTH
@pytest.mark.spec("rfc6347:4.1/7")
@pytest.mark.parametrize("content_type", [APPLICATION_DATA, ALERT, HANDSHAKE, CHANGE_CIPHER_SPEC, 24, 25, 26])
def test_class_02_plaintext_after_the_handshake_changes_nothing(role: str, content_type: int) -> None:
    peer, subject = connect(role)
    peer.forget()

    for fragment in (b"\x02\x28", b"\x01\x00", b"\x01", b"plain", bytes(12)):
        peer.send(peer.record(content_type, fragment, epoch=0))
    peer.send_data(b"genuine")

    assert subject.received == [b"genuine"]
    assert not subject.closed
    assert peer.alerts == []


@BOTH
@pytest.mark.spec("rfc5246:7.3/3")
def test_class_02_plaintext_data_during_the_handshake_is_never_delivered(role: str) -> None:
    peer, subject = face(role)
    peer.send_data(b"plain", epoch=0)
    peer.shake()
    peer.send_data(b"plain", epoch=0)

    assert subject.received == []
    assert subject.connected


@BOTH
def test_class_02_plaintext_alert_after_keys_is_not_obeyed(role: str) -> None:
    peer, subject = connect(role)

    for description in (0, 10, 20, 40, 90, 255):
        peer.send_alert(2, description, epoch=0)
        peer.send_alert(1, description, epoch=0)
    peer.send_data(b"still there")

    assert subject.received == [b"still there"]


@BOTH
@pytest.mark.parametrize("level", [1, 2])
def test_class_02_plaintext_alert_after_the_first_protected_record_is_not_obeyed(role: str, level: int) -> None:
    """The peer has its keys by now, even if its Finished is still under way."""
    peer, subject = face(role)
    peer.open()
    peer.say(*peer.flight())
    peer.send(peer.change_cipher_spec())
    peer.send_data(b"overtook Finished")

    peer.send_alert(level, 0 if level == 1 else 40, epoch=0)
    peer.say(peer.finished())

    assert subject.dropped["alert_plaintext_after_keys"] == 1
    assert subject.received == [b"overtook Finished"]


def test_class_02_plaintext_does_not_stop_the_retransmission() -> None:
    peer, subject = face_server()
    peer.send_hello()
    due = subject.next_timeout()
    peer.send_data(b"x", epoch=0)
    peer.send(Record(26, b"\x00\x00", 0, 77))

    assert subject.next_timeout() == due


# --- 3: nonces ---


@BOTH
@pytest.mark.spec("rfc5288:3/1", "rfc5288:3/2", "rfc5288:3/3", "rfc6347:4.1/3")
def test_class_03_explicit_nonce_is_the_record_number_and_never_repeats(role: str) -> None:
    peer, subject = connect(role)
    for _ in range(20):
        subject.send(b"data")
    peer.pump()
    subject.close(peer.now)
    peer.pump()

    sealed = [record for record in peer.sealed if record.epoch == 1]
    numbers = [record.nonce_number for record in sealed]
    assert len(sealed) >= 22
    assert [record.fragment[:8] for record in sealed] == numbers
    assert len(set(numbers)) == len(numbers)
    assert numbers[0] == (1 << 48).to_bytes(8, "big")


@pytest.mark.spec("rfc6347:4.2.2/4", "rfc6347:4.1/5")
def test_class_03_retransmitted_finished_has_a_new_nonce() -> None:
    peer, _subject = face_client()
    peer.begin()
    peer.say(*peer.flight())
    for _ in range(4):
        peer.expire()

    finished = [sealed for sealed, record in zip(peer.sealed, peer.records, strict=True) if record.epoch == 1]
    plain = [record for record in peer.records if record.epoch == 1]
    assert len(finished) == 5
    assert len({record.sequence for record in finished}) == 5
    assert len({record.fragment for record in plain}) == 1
    assert len({(record.epoch, record.sequence) for record in peer.records}) == len(peer.records)


# --- 4: randoms ---


@pytest.mark.spec("rfc5246:7.4.1.2/1")
def test_class_04_client_random_is_random_and_stays_after_a_cookie() -> None:
    peer, _ = face_client(seed="one")
    peer.begin()
    peer.say(peer.verify_request())
    other, _ = face_client(seed="two")
    other.begin()

    first, second = peer.hellos
    assert first.random == second.random
    assert len(set(first.random)) > 8
    assert first.random[4:] != other.hellos[0].random[4:]


@pytest.mark.spec("rfc5246:7.4.1.3/1", "rfc5246:7.4.1.2/1")
def test_class_04_server_random_is_its_own() -> None:
    peer, _ = face_server(seed="one")
    peer.send_hello()
    other, _ = face_server(seed="two")
    other.send_hello()

    assert peer.server_random[4:] != other.server_random[4:]
    assert peer.server_random != peer.client_random
    assert len(set(peer.server_random)) > 8


# --- 5: bad records ---

BAD_DATAGRAMS = {
    "empty": b"",
    "one byte": b"\x17",
    "header cut": Record(APPLICATION_DATA, b"").serialize()[:12],
    "length past the datagram": Record(APPLICATION_DATA, b"abc", 1, 900, length=4).serialize(),
    "length zero": Record(APPLICATION_DATA, b"", 1, 901).serialize(),
    "shorter than a tag": forged(APPLICATION_DATA, epoch=1, sequence=902, length=15),
    "shorter than nonce and tag": forged(APPLICATION_DATA, epoch=1, sequence=903, length=23),
    "wrong tag": forged(APPLICATION_DATA, epoch=1, sequence=904),
    "wrong tag, handshake": forged(HANDSHAKE, epoch=1, sequence=905),
    "wrong tag, alert": forged(ALERT, epoch=1, sequence=906),
    "connection id without negotiation": forged(25, epoch=1, sequence=907),
    "unified header of 1.3": b"\x2f\x00\x00\x00\x38" + bytes(56),
    "reserved bits": b"\xff" * 60,
    "unknown epoch": forged(APPLICATION_DATA, epoch=7, sequence=908),
    "too large": forged(APPLICATION_DATA, epoch=1, sequence=909, length=2**14 + 2048 + 1),
    "wrong version": Record(APPLICATION_DATA, bytes(40), 1, 910, version=0x0303).serialize(),
    "wrong version, all ones": Record(APPLICATION_DATA, bytes(40), 1, 911, version=0xFFFF).serialize(),
}


@BOTH
@pytest.mark.parametrize("name", BAD_DATAGRAMS)
@pytest.mark.spec(
    "rfc6347:4.1.2.1/2",
    "rfc6347:4.1.2.1/3",
    "rfc6347:4.1.2.1/4",
    "rfc6347:4.1.2.7/1",
    "rfc6347:4.1.2.7/2",
    "rfc6347:4.1.2.7/4",
    "rfc6347:5/3",
)
def test_class_05_bad_record_is_dropped_counted_and_never_answered(role: str, name: str) -> None:
    peer, subject = connect(role)
    peer.forget()
    before, due = sum(subject.dropped.values()), subject.next_timeout()

    peer.deliver(BAD_DATAGRAMS[name])

    assert peer.datagrams == []
    assert sum(subject.dropped.values()) == before + 1
    assert subject.next_timeout() == due
    peer.send_data(b"genuine")
    assert subject.received == [b"genuine"]


@BOTH
@pytest.mark.parametrize("name", BAD_DATAGRAMS)
def test_class_05_bad_record_in_the_handshake_leaves_timer_and_handshake_alone(role: str, name: str) -> None:
    peer, subject = face(role)
    peer.open()
    peer.forget()
    due = subject.next_timeout()
    assert due is not None

    peer.now = due / 2
    peer.deliver(BAD_DATAGRAMS[name])

    assert peer.datagrams == []
    assert subject.next_timeout() == due
    assert not subject.closed


@BOTH
def test_class_05_good_record_behind_a_bad_one_in_the_same_datagram_is_read(role: str) -> None:
    peer, subject = connect(role)
    good = peer.record(APPLICATION_DATA, b"good").serialize()

    peer.deliver(forged(APPLICATION_DATA, epoch=1, sequence=950) + forged(APPLICATION_DATA, epoch=9, sequence=1) + good)

    assert subject.received == [b"good"]


@BOTH
def test_class_05_many_bad_records_do_not_end_the_association(role: str) -> None:
    peer, subject = connect(role)
    peer.forget()

    for sequence in range(1000, 3000):
        peer.deliver(forged(APPLICATION_DATA, epoch=1, sequence=sequence))
    peer.send_data(b"genuine")

    assert subject.received == [b"genuine"]
    assert peer.datagrams == []


# --- 6: empty and repeated ---


@BOTH
def test_class_06_empty_application_data_is_harmless(role: str) -> None:
    peer, subject = connect(role)

    for _ in range(500):
        peer.send_data(b"")
    peer.send_data(b"after")

    assert [data for data in subject.received if data] == [b"after"]
    assert not subject.closed


@BOTH
def test_class_06_change_cipher_spec_repeated_does_not_advance_the_epoch(role: str) -> None:
    peer, subject = connect(role)

    for _ in range(10):
        peer.send(peer.record(CHANGE_CIPHER_SPEC, b"\x01", epoch=0))
        peer.send(peer.record(CHANGE_CIPHER_SPEC, b"\x01", epoch=1))
    peer.send_data(b"epoch one")

    assert subject.received == [b"epoch one"]


# --- 7: the end of the sequence numbers ---


@BOTH
def test_class_07_receiver_takes_the_largest_sequence_number(role: str) -> None:
    peer, subject = connect(role)

    peer.send_data(b"last but one", sequence=LARGEST - 1)
    peer.send_data(b"last", sequence=LARGEST)

    assert subject.received == [b"last but one", b"last"]


@BOTH
@pytest.mark.parametrize("edge", [2**8, 2**16, 2**32])
def test_class_07_sequence_numbers_have_no_edges_in_between(role: str, edge: int) -> None:
    peer, subject = connect(role)

    for sequence in (edge - 1, edge, edge + 1, edge - 2):
        peer.send_data(b"%d" % sequence, sequence=sequence)

    assert len(subject.received) == 4


@BOTH
@pytest.mark.spec("rfc6347:4.1/13")
def test_class_07_sender_stops_before_its_numbers_wrap(role: str) -> None:
    peer, subject = connect(role)
    subject.connection._context.records.application_sealer().next_number = (1 << 48) + LARGEST - 67
    peer.forget()

    sent = 0
    with pytest.raises(StateError):
        for _ in range(10):
            subject.send(b"data")
            sent += 1
            peer.pump()
    subject.close(peer.now)
    peer.pump()

    numbers = [record.sequence for record in peer.sealed]
    assert sent >= 1
    assert numbers == sorted(set(numbers))
    assert numbers[-1] <= LARGEST
    assert peer.alerts == [(1, 0)]


# --- 8: the right keys ---


def test_class_08_plaintext_finished_in_the_record_of_the_key_exchange_is_refused() -> None:
    peer, subject = face_server()
    peer.send_hello()
    flight = [peer.certificate(), peer.key_exchange(), peer.certificate_verify()]
    finished = peer.finished()
    together = b"".join(message.serialize() for message in [*flight, finished])

    peer.send(peer.record(HANDSHAKE, together, epoch=0))
    peer.send(peer.change_cipher_spec())

    assert not subject.connected
    assert not peer.got(wire.FINISHED)


def test_class_08_retransmitted_flight_keeps_its_epochs() -> None:
    peer, _ = face_client()
    peer.begin()
    peer.say(*peer.flight())
    first = [(record.content_type, record.epoch) for record in peer.records if record.content_type != 0][1:]
    peer.forget()
    peer.expire()

    again = [(record.content_type, record.epoch) for record in peer.records]
    assert again == first
    assert [kind for kind, epoch in again if epoch == 1] == [HANDSHAKE]
    assert again[-2] == (CHANGE_CIPHER_SPEC, 0)


@pytest.mark.parametrize("suite", sorted(keys.SUITES))
@pytest.mark.spec("rfc6347:4.1.2.1/1", "rfc5246:6.2.3.3/4")
def test_class_08_record_sealed_for_another_number_type_or_version_is_refused(suite: int) -> None:
    peer, subject = connect(SERVER, suite=suite)
    sealed = peer.record(APPLICATION_DATA, b"data")
    tampered = [
        Record(APPLICATION_DATA, sealed.fragment, 1, sealed.sequence + 1),
        Record(ALERT, sealed.fragment, 1, sealed.sequence),
        Record(APPLICATION_DATA, sealed.fragment, 1, sealed.sequence, version=wire.DTLS_1_0),
        Record(APPLICATION_DATA, sealed.fragment[:-1], 1, sealed.sequence),
        Record(APPLICATION_DATA, sealed.fragment + b"\0", 1, sealed.sequence),
    ]

    peer.deliver(*[record.serialize() for record in tampered])

    assert subject.received == []
    peer.deliver(sealed.serialize())
    assert subject.received == [b"data"]


def test_copy_of_a_connected_machine_goes_on_alone() -> None:
    peer, subject = connect(SERVER)
    copy = pickle.loads(pickle.dumps(subject))

    peer.send_data(b"original")

    assert subject.received == [b"original"]
    assert copy.received == []


@BOTH
@pytest.mark.parametrize("version", [0x0303, 0x0000, 0xFDFD, 0xFFFF])
def test_class_05_record_of_another_protocol_is_dropped(role: str, version: int) -> None:
    peer, subject = face(role)
    peer.open()
    peer.send(peer.record(ALERT, bytes([2, 40]), version=version))
    peer.say(*peer.flight())
    peer.finish()

    assert subject.dropped["record_wrong_version"] == 1
    assert subject.connected


@BOTH
def test_class_05_protected_record_of_another_version_is_dropped(role: str) -> None:
    """Even if the peer itself sealed it so: 1.2 was agreed on."""
    peer, subject = connect(role)

    peer.send(peer.record(APPLICATION_DATA, b"old", version=0xFEFF))
    peer.send_data(b"right")

    assert subject.dropped == {"record_wrong_version": 1}
    assert subject.received == [b"right"]


@BOTH
def test_class_05_plaintext_longer_than_a_record_is_dropped(role: str) -> None:
    peer, subject = face(role)

    peer.deliver(Record(HANDSHAKE, bytes(2**14 + 1), 0, 900).serialize())
    peer.shake()

    assert subject.dropped["record_too_long"] == 1
    assert subject.connected
