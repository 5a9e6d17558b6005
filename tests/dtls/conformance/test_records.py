"""Records, fragments and datagrams that our side puts on the wire, read by an independent codec."""

import pytest
from tests.dtls.conformance import keys, wire
from tests.dtls.conformance.scripted import ScriptedClient, ScriptedServer
from tests.dtls.conformance.subject import CLIENT, SERVER, connect, face, face_client, face_server
from tests.dtls.conformance.wire import APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE

BOTH = pytest.mark.parametrize("role", [CLIENT, SERVER])


# --- records ---


@BOTH
@pytest.mark.spec(
    "rfc6347:4.1/1",
    "rfc6347:4.1/2",
    "rfc6347:4.1/3",
    "rfc6347:4.1/4",
    "rfc5246:6.1/1",
    "rfc5246:6.1/2",
    "rfc5246:6.1/3",
)
def test_records_are_numbered_from_zero_in_every_epoch(role: str) -> None:
    peer, subject = connect(role)
    for _ in range(3):
        subject.send(b"data")
        peer.pump()

    sealed = (
        peer.sealed[1:] if role == SERVER else peer.sealed
    )  # the first record of a server repeats the client's number
    for epoch in (0, 1):
        numbers = [record.sequence for record in sealed if record.epoch == epoch]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        assert numbers[0] <= (1 if epoch == 0 else 0)
    assert [record.epoch for record in sealed] == sorted(record.epoch for record in sealed)
    assert {record.version for record in sealed[1:]} == {wire.DTLS_1_2}
    change = [index for index, record in enumerate(sealed) if record.content_type == CHANGE_CIPHER_SPEC]
    assert change == [[record.epoch for record in sealed].index(1) - 1]


@BOTH
@pytest.mark.spec("rfc5246:7.1/1", "rfc5246:7.1/2", "rfc5246:7.4.9/7", "rfc6347:4.1/6")
def test_change_cipher_spec_is_followed_by_finished_under_the_new_keys(role: str) -> None:
    peer, subject = connect(role)
    subject.send(b"data")
    subject.close(peer.now)
    peer.pump()

    at = next(index for index, record in enumerate(peer.records) if record.content_type == CHANGE_CIPHER_SPEC)
    finished = peer.records[at + 1]
    assert peer.records[at].fragment == b"\x01"
    assert (finished.content_type, finished.epoch, finished.sequence) == (HANDSHAKE, 1, 0)
    assert finished.fragment[0] == wire.FINISHED
    assert {record.epoch for record in peer.records[at + 1 :]} == {1}


@BOTH
@pytest.mark.spec("rfc5246:6/1", "rfc5246:6.2.1/3", "rfc5764:4.1/2")
def test_only_defined_record_types_are_sent_and_none_is_empty(role: str) -> None:
    peer, subject = connect(role)
    subject.send(b"data")
    subject.close(peer.now)
    peer.pump()

    assert {record.content_type for record in peer.records} <= {20, 21, 22, 23}
    assert all(record.fragment for record in peer.records)


@BOTH
@pytest.mark.spec("rfc6347:4.1.1.1/3", "rfc5246:6.2.1/2", "rfc5246:6.2.3/1", "rfc6347:4.1.1.1/6")
def test_message_of_the_largest_size_is_one_record_and_a_larger_one_is_refused(role: str) -> None:
    peer, subject = connect(role)

    subject.send(bytes(2**14))
    peer.pump()
    with pytest.raises(ValueError, match="bytes"):
        subject.send(bytes(2**14 + 1))
    peer.send_data(bytes(2**14))

    assert [len(data) for data in peer.data] == [2**14]
    assert [len(data) for data in subject.received] == [2**14]
    assert max(len(record.fragment) for record in peer.sealed) <= 2**14 + 2048


@BOTH
def test_record_that_decrypts_to_more_than_the_largest_size_is_dropped(role: str) -> None:
    peer, subject = connect(role)

    peer.send_data(bytes(2**14 + 1))
    peer.send_data(b"goes on")

    assert subject.received == [b"goes on"]


@BOTH
@pytest.mark.spec("rfc6347:4.1.2.6/2")
def test_first_record_of_the_epoch_has_number_zero_and_is_read(role: str) -> None:
    peer, subject = face(role)
    peer.shake()

    assert peer.sequences[1] == 1
    assert subject.connected


@BOTH
@pytest.mark.spec("rfc6347:4.1.1/3", "rfc6347:4.2.3/9")
def test_several_records_in_a_datagram_and_several_messages_in_a_record_are_read(role: str) -> None:
    peer, subject = face(role)
    if isinstance(peer, ScriptedClient):
        peer.send_hello()
        messages = [peer.certificate(), peer.key_exchange(), peer.certificate_verify()]
    else:
        messages = peer.begin().flight()
    together = b"".join(message.serialize() for message in messages)

    first = peer.record(HANDSHAKE, together)
    if isinstance(peer, ScriptedServer):
        peer.send(first)
    change = peer.change_cipher_spec()
    finished = peer.record(HANDSHAKE, peer.finished().serialize())
    data = [peer.record(APPLICATION_DATA, b"one"), peer.record(APPLICATION_DATA, b"two")]
    peer.send(*([first] if role == SERVER else []), change, finished, *data)

    assert subject.connected
    assert subject.received == [b"one", b"two"]


@BOTH
@pytest.mark.spec("rfc6347:4.1.1.1/4")
def test_expansion_of_a_record_is_told(role: str) -> None:
    for suite in sorted(keys.SUITES):
        peer, subject = connect(role, suite=suite)
        peer.forget()

        subject.send(bytes(100))
        peer.pump()

        assert subject.expansion is not None
        assert len(peer.datagrams[0]) == 100 + subject.expansion


# --- fragments and datagrams ---


@BOTH
@pytest.mark.parametrize("mtu", [256, 300, 576, 1200, 1400])
@pytest.mark.spec(
    "rfc6347:4.1.1/1",
    "rfc6347:4.1.1/2",
    "rfc6347:4.1.1.1/8",
    "rfc6347:4.2.3/1",
    "rfc6347:4.2.3/2",
    "rfc6347:4.2.3/3",
    "rfc6347:4.2.3/4",
    "rfc6347:4.2.3/5",
)
def test_flights_are_cut_to_the_mtu_without_gap_or_overlap(role: str, mtu: int) -> None:
    peer, subject = face(role, mtu=mtu, kind="rsa")
    if isinstance(peer, ScriptedClient):
        peer.suite = keys.ECDHE_RSA_AES_128_GCM_SHA256
    peer.shake()

    assert subject.connected
    assert max(map(len, peer.datagrams)) <= mtu
    covered: dict[int, int] = {}
    lengths: dict[int, set[tuple[int, int | None]]] = {}
    for record in peer.records:
        if record.content_type == HANDSHAKE:
            for fragment in wire.parse_fragments(record.fragment):
                assert fragment.offset == covered.get(fragment.message_seq, 0)
                covered[fragment.message_seq] = fragment.offset + len(fragment.data)
                lengths.setdefault(fragment.message_seq, set()).add((fragment.msg_type, fragment.length))
    assert all(len(heads) == 1 for heads in lengths.values())
    for seq, heads in lengths.items():
        assert covered[seq] == next(iter(heads))[1]


@BOTH
def test_datagram_is_full_before_the_next_begins(role: str) -> None:
    peer, _ = face_server(mtu=300, kind="rsa", cookies=False) if role == SERVER else face_client(mtu=300, kind="rsa")
    if isinstance(peer, ScriptedClient):
        peer.suite = keys.ECDHE_RSA_AES_128_GCM_SHA256
        peer.send_hello()
    else:
        peer.begin()
        peer.forget()
        peer.say(*peer.flight())

    assert len(peer.datagrams) > 2
    for datagram in peer.datagrams[:-1]:
        assert len(datagram) > 300 - 13 - 12 - 1 - 24


@BOTH
@pytest.mark.spec("rfc6347:4.2.2/1", "rfc6347:4.2.2/2")
def test_messages_are_numbered_from_zero(role: str) -> None:
    peer, _ = connect(role)

    assert [message.message_seq for message in peer.messages] == list(range(len(peer.messages)))


@BOTH
@pytest.mark.spec("rfc6347:4.1.1.1/9")
def test_flight_without_an_answer_is_cut_smaller(role: str) -> None:
    peer, _ = face_server(cookies=False, kind="rsa", mtu=1400) if role == SERVER else face_client(kind="rsa", mtu=1400)
    if isinstance(peer, ScriptedClient):
        peer.suite = keys.ECDHE_RSA_AES_128_GCM_SHA256
        peer.send_hello()
    else:
        peer.begin()
        peer.say(*peer.flight())
    largest = []
    for _ in range(6):
        peer.forget()
        peer.expire()
        largest.append(max(map(len, peer.datagrams)))

    assert largest[-1] < largest[0]
    assert largest[-1] >= 256
