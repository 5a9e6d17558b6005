"""Epochs, fragments, timers and ACKs of DTLS 1.3: what goes over the wire when something does not arrive."""

from dataclasses import replace
from itertools import pairwise

import pytest
from tests.dtls.conformance import wire
from tests.dtls.ends import Ends, certificate
from tests.dtls.ends13 import CLIENT, ONLY_13, SERVER, check_connected, configs
from tests.support.rng import SeededRng

from rtc_dtls import (
    AlertDescription,
    ApplicationDataReceived,
    ConnectionClosed,
    ConnectionFailed,
    ConnectionState,
    DtlsConfig,
    DtlsConnection,
    GroupId,
    Role,
    StateError,
)
from rtc_dtls.ack import encode_ack, parse_ack
from rtc_dtls.acknowledger import Acknowledger
from rtc_dtls.handshake import Fragment, HandshakeMessage, HandshakeType
from rtc_dtls.handshake_layer import HandshakeLayer
from rtc_dtls.key_update import KeyUpdate
from rtc_dtls.post_handshake import MAX_EPOCH, PostHandshake
from rtc_dtls.record import ContentType, Opened, Record, split_datagram
from rtc_dtls.record13 import ProtectedRecord
from rtc_dtls.replay import WINDOW_SIZE
from rtc_dtls.transcript import Transcript

EACH_ROLE = pytest.mark.parametrize("role", list(Role), ids=lambda role: role.name.lower())
PLAIN_CLIENT = replace(CLIENT, versions=ONLY_13, groups=(GroupId.X25519,))


def end(pair: Ends, role: Role) -> DtlsConnection:
    return pair.client if role is Role.CLIENT else pair.server


def other(role: Role) -> Role:
    return Role.SERVER if role is Role.CLIENT else Role.CLIENT


def kind(datagram: bytes) -> str:
    """What the first record is, as far as it shows."""
    return f"epoch {datagram[0] & 3}" if datagram[0] & 0xE0 == 0x20 else f"plain {datagram[0]}"


def opened(reader: DtlsConnection, datagram: bytes) -> list[Opened]:
    """Read what is in a datagram with the keys of an end, without its noticing more than the record numbers."""
    records = split_datagram(datagram)[0]
    contents = [reader._context.records.open(record) for record in records]
    return [content for content in contents if isinstance(content, Opened)]


def half_way(server: DtlsConfig = SERVER, client: DtlsConfig = PLAIN_CLIENT) -> tuple[Ends, list[bytes]]:
    """The client has said hello, and here is the answer."""
    pair = Ends(client, server)
    pair.client.start(0.0)
    pair.server.receive_datagrams(pair.client.datagrams_to_send(0.0), 0.0)
    return pair, pair.server.datagrams_to_send(0.0)


# --- records and epochs ---


@pytest.mark.spec("rfc9147:4.1/1", "rfc9147:4.1/2", "rfc9147:4.1/3", "rfc9147:4.3/3")
@pytest.mark.parametrize("first", range(256))
def test_first_byte_tells_plaintext_from_protected_records_and_from_noise(first: int) -> None:
    records, dropped = split_datagram(bytes([first]) + b"\xfe\xfd" + bytes(8) + b"\x00\x20" + bytes(32))

    if first in (20, 21, 22, 23, 26):
        assert [type(record) for record in records] == [Record]
    elif first >> 5 == 1:
        reasons = ["record_connection_id" if first & 0x10 else "record_truncated"]
        assert isinstance(records[0], ProtectedRecord) if records else dropped == reasons
    else:
        assert (records, dropped) == ([], ["record_unknown_type"])


@pytest.mark.spec("rfc9147:9/4")
def test_record_with_a_connection_id_is_rejected_if_none_was_negotiated() -> None:
    pair = Ends(PLAIN_CLIENT, SERVER).connect()
    pair.server.send(b"data")
    (datagram,) = pair.server.datagrams_to_send(0.0)

    pair.client.receive_datagram(bytes([datagram[0] | 0x10]) + b"\x01" + datagram[1:], 0.0)

    assert pair.client.stats.dropped == {"record_connection_id": 1}


@pytest.mark.spec("rfc9147:6.1/2", "rfc9147:4.2.1/3", "rfc9147:5.8.1/3", "rfc8446:8/1")
def test_messages_have_their_epochs_and_keep_them_when_they_are_sent_again() -> None:
    pair, flight = half_way()
    assert [kind(datagram) for datagram in flight] == ["plain 22"]
    hello_length = 13 + int.from_bytes(flight[0][11:13], "big")
    assert kind(flight[0][hello_length:]) == "epoch 2"
    pair.client.receive_datagrams(flight, 0.0)

    first = pair.client.datagrams_to_send(0.0)
    pair.client.handle_timeout(0.5)
    again = pair.client.datagrams_to_send(0.5)

    assert [kind(datagram) for datagram in first] == [kind(datagram) for datagram in again] == ["epoch 2"]
    pair.server.receive_datagrams(again, 0.5)
    (ack,) = pair.server.datagrams_to_send(0.5)
    assert kind(ack) == "epoch 3"
    pair.client.receive_datagram(ack, 0.5)
    pair.carry()
    check_connected(pair)


@EACH_ROLE
@pytest.mark.spec("rfc9147:4.2.1/2", "rfc9147:5.8.1/5")
def test_data_that_overtake_the_handshake_wait_for_it(role: Role) -> None:
    pair, flight = half_way()
    pair.client.receive_datagrams(flight, 0.0)
    finished = pair.client.datagrams_to_send(0.0)
    pair.client.send(b"early")
    early = pair.client.datagrams_to_send(0.0)

    pair.server.receive_datagrams(early, 0.0)
    assert [type(event) for event in pair.server.events() if isinstance(event, ApplicationDataReceived)] == []
    pair.server.receive_datagrams(finished, 0.0)

    assert ApplicationDataReceived(b"early") in pair.server.events()


@pytest.mark.spec("rfc9147:6.1/1")
def test_record_of_an_epoch_without_keys_is_dropped() -> None:
    pair = Ends(PLAIN_CLIENT, SERVER).connect()

    pair.client.receive_datagram(b"\x2c\0\0\0\x20" + bytes(32), 0.0)
    pair.client.receive_datagram(b"\x2d\0\0\0\x20" + bytes(32), 0.0)

    assert pair.client.stats.dropped == {"record_unknown_epoch": 2}
    check_connected(pair)


@EACH_ROLE
@pytest.mark.parametrize("content_type", [0, 20, 24, 25, 27, 255])
@pytest.mark.spec("rfc9147:4.1/4")
def test_content_type_that_does_not_exist_ends_the_connection(role: Role, content_type: int) -> None:
    pair = Ends(PLAIN_CLIENT, SERVER).connect()
    sealer = end(pair, role)._context.records.application_sealer()

    # A type of zero is padding, and the content's last byte then is the type.
    end(pair, other(role)).receive_datagram(sealer.seal(content_type, b"x" if content_type else b"\x18"), 0.0)
    pair.carry()

    (failed,) = pair.seen(other(role), ConnectionFailed)
    assert isinstance(failed, ConnectionFailed)
    assert failed.alert == AlertDescription.UNEXPECTED_MESSAGE


@pytest.mark.spec("rfc9147:4.2.1/4")
def test_sequence_numbers_end_before_they_wrap() -> None:
    pair = Ends(replace(PLAIN_CLIENT, cipher_suites=(0x1303,)), SERVER).connect()
    pair.client._context.records.application_sealer().next_number = 2**48 - 70
    pair.client._association.engine = None

    pair.client.send_many([b"x"] * 5)
    with pytest.raises(StateError):
        pair.client.send(b"x")


@pytest.mark.spec("rfc9147:8/5", "rfc9147:8/6", "rfc9147:4.2.1/5", "rfc9147:6.1/3")
def test_last_epoch_is_not_left_not_even_when_asked() -> None:
    pair = Ends(PLAIN_CLIENT, SERVER).connect()
    engine = pair.server._association.engine
    assert isinstance(engine, PostHandshake)
    engine._epoch = MAX_EPOCH

    pair.client.update_keys(0.0, ask_peer=True)
    pair.server.update_keys(0.0)
    pair.carry()

    assert engine._epoch == MAX_EPOCH
    assert pair.server.state is pair.client.state is ConnectionState.CONNECTED
    assert pair.server.next_timeout() is None


@pytest.mark.spec("rfc9147:8/7", "rfc9147:4.2.2/2", "rfc9147:4.2.1/1", "rfc9147:8/8")
def test_records_of_the_epoch_before_are_read_and_older_ones_are_not() -> None:
    pair = Ends(PLAIN_CLIENT, SERVER).connect()
    late = []
    for number in range(3):
        pair.client.send(b"%d" % number)
        late += pair.client.datagrams_to_send(0.0)
        pair.client.update_keys(0.0)
        pair.carry()

    for datagram in late:
        pair.server.receive_datagram(datagram, 0.0)

    # The first two lost their keys; the one of epoch 3 has the low bits of none that is left.
    assert [event for event in pair.server.events() if isinstance(event, ApplicationDataReceived)] == [
        ApplicationDataReceived(b"2")
    ]
    check_connected(pair)


@pytest.mark.spec("rfc9147:4.5.1/5")
def test_window_is_larger_than_a_batch() -> None:
    pair = Ends(PLAIN_CLIENT, SERVER).connect()
    pair.client.send_many([b"%d" % number for number in range(WINDOW_SIZE)])

    pair.server.receive_datagrams(pair.client.datagrams_to_send(0.0)[::-1], 0.0)

    assert len([event for event in pair.server.events() if isinstance(event, ApplicationDataReceived)]) == WINDOW_SIZE


# --- fragments ---


@pytest.mark.spec("rfc9147:4.3/1", "rfc9147:4.3/2", "rfc9147:4.3/3", "rfc9147:4.4/4", "rfc9147:5.5/1", "rfc9147:5.5/2")
@pytest.mark.parametrize("mtu", [256, 300, 577, 1200, 1500])
def test_hello_is_cut_to_the_mtu_without_overlap(mtu: int) -> None:
    pair = Ends(replace(CLIENT, mtu=mtu), SERVER)
    pair.client.start(0.0)
    datagrams = pair.client.datagrams_to_send(0.0)

    assert all(len(datagram) <= mtu for datagram in datagrams)
    fragments = [
        each for datagram in datagrams for each in wire.parse_fragments(wire.parse_records(datagram)[0].fragment)
    ]
    at = 0
    for fragment in fragments:
        assert fragment.offset == at
        at += len(fragment.data)
    assert at == fragments[0].length
    pair.server.receive_datagrams(datagrams[::-1], 0.0)
    pair.carry()
    check_connected(pair)


@pytest.mark.spec("rfc9147:5.5/3", "rfc9147:5.5/4", "rfc9147:5.5/5", "rfc9147:5.2/3")
def test_fragments_that_are_cut_anew_and_overlap_are_put_together() -> None:
    pair = Ends(replace(CLIENT, mtu=1200), SERVER)
    pair.client.start(0.0)
    first = pair.client.datagrams_to_send(0.0)
    pair.client.set_mtu(400)
    pair.client.handle_timeout(0.5)
    again = pair.client.datagrams_to_send(0.5)

    pair.server.receive_datagrams([again[-1], first[0]], 0.5)
    pair.now = 0.5
    pair.carry()

    check_connected(pair)


@pytest.mark.spec("rfc9147:5.5/6")
def test_fragment_with_other_bytes_than_before_ends_the_handshake() -> None:
    pair, flight = half_way()
    pair.client.receive_datagrams(flight, 0.0)
    pair.client.datagrams_to_send(0.0)
    layer, records = pair.client._context.layer, pair.client._context.records
    epoch = 2
    for data in (b"ab", b"ax"):
        fragment = Fragment(HandshakeType.CERTIFICATE, 100, 1, 0, data)
        pair.server.receive_datagram(records.seal(ContentType.HANDSHAKE, bytes(fragment), epoch), 0.0)
    pair.carry_once()

    assert layer is not None
    (failed,) = pair.seen(Role.SERVER, ConnectionFailed)
    assert isinstance(failed, ConnectionFailed)
    assert failed.alert == AlertDescription.ILLEGAL_PARAMETER


@pytest.mark.spec("rfc9147:5.2/1")
def test_transcript_has_the_messages_as_tls_has_them() -> None:
    message = HandshakeMessage(HandshakeType.CLIENT_HELLO, 5, b"body", 0)
    transcript = Transcript()
    transcript.add(message.without_dtls_fields())

    assert bytes(transcript) == b"\x01\x00\x00\x04body"


@pytest.mark.spec("rfc9147:5.2/2")
def test_messages_that_were_read_before_are_dropped() -> None:
    pair, flight = half_way()
    pair.client.receive_datagrams(flight, 0.0)
    finished = pair.client.datagrams_to_send(0.0)
    pair.server.receive_datagrams(finished, 0.0)
    pair.client.handle_timeout(0.5)

    pair.server.receive_datagrams(pair.client.datagrams_to_send(0.5), 0.5)

    assert pair.server.stats.dropped == {"handshake_duplicate": 3}
    assert pair.server.state is ConnectionState.CONNECTED


@pytest.mark.spec("rfc8446:5.1/1")
def test_message_behind_the_hello_in_its_record_does_not_count() -> None:
    """The keys change behind a ServerHello, so what stands in the same record is under the wrong ones."""
    pair, (datagram, *_) = half_way()
    length = int.from_bytes(datagram[11:13], "big")
    forged = bytes(Fragment(HandshakeType.ENCRYPTED_EXTENSIONS, 2, 1, 0, b"\0\0"))
    hello = datagram[:11] + (length + len(forged)).to_bytes(2, "big") + datagram[13 : 13 + length] + forged

    pair.client.receive_datagram(hello, 0.0)
    assert not pair.client.closed
    pair.client.receive_datagram(datagram[13 + length :], 0.0)
    pair.carry()

    check_connected(pair)
    assert pair.client.stats.dropped == {"handshake_wrong_epoch": 1}


# --- timers ---


@pytest.mark.spec("rfc9147:5.8.2/1", "rfc9147:5.8.2/2", "rfc9147:5.8.1/3", "rfc9147:5.10/3")
def test_hello_is_sent_again_after_doubled_times_and_given_up_in_the_end() -> None:
    client = DtlsConnection(role=Role.CLIENT, config=CLIENT, rng=SeededRng(1))
    client.start(0.0)
    times = []
    now: float | None = 0.0
    while now is not None and not client.closed:
        client.handle_timeout(now)
        if client.datagrams_to_send(now):
            times.append(now)
        now = client.next_timeout()

    gaps = [round(later - earlier, 3) for earlier, later in pairwise(times)]
    assert gaps == [0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 60.0, 60.0, 60.0]
    assert client.state is ConnectionState.FAILED


@pytest.mark.spec("rfc9147:5.8.2/3")
def test_timer_follows_what_the_owner_measured() -> None:
    client = DtlsConnection(role=Role.CLIENT, config=CLIENT, rng=SeededRng(1))
    client.set_initial_timeout(0.15)
    client.start(0.0)
    client.datagrams_to_send(0.0)

    assert client.next_timeout() == pytest.approx(0.15)


@pytest.mark.spec("rfc9147:4.4/5")
def test_flight_without_an_answer_is_cut_smaller() -> None:
    client = DtlsConnection(role=Role.CLIENT, config=replace(CLIENT, mtu=1400), rng=SeededRng(1))
    client.start(0.0)
    lengths = []
    for _ in range(6):
        now = client.next_timeout() or 0.0
        client.handle_timeout(now)
        lengths.append(max(map(len, client.datagrams_to_send(now))))

    assert (lengths[0], lengths[-1]) == (1400, 548)


# --- ACKs ---


@pytest.mark.spec("rfc9147:7/1")
def test_ack_lists_records_in_increasing_order() -> None:
    numbers = [(3 << 48) + 5, 2 << 48, (2 << 48) + 9]

    assert parse_ack(encode_ack(numbers)) == sorted(numbers)
    assert encode_ack([]) == b"\0\0"
    assert encode_ack([(2 << 48) + 9]) == b"\x00\x10" + bytes(7) + b"\x02" + bytes(7) + b"\x09"


@pytest.mark.spec("rfc9147:7.1/6")
def test_ack_that_is_short_of_room_tells_the_newest() -> None:
    acknowledger = Acknowledger()
    for number in range(10):
        acknowledger.add(number)

    assert parse_ack(acknowledger.take(2 + 3 * 16 + 15)) == [7, 8, 9]
    assert parse_ack(acknowledger.take(1000)) == list(range(10))


@pytest.mark.spec("rfc9147:7.1/4", "rfc9147:7/4", "rfc9147:7.1/3", "rfc9147:7/6", "rfc9147:7/7", "rfc9147:7.1/5")
def test_handshake_without_loss_has_one_ack_for_the_last_flight() -> None:
    pair, flight = half_way()
    pair.client.receive_datagrams(flight, 0.0)
    (finished,) = pair.client.datagrams_to_send(0.0)
    pair.client.send(b"data are not acknowledged")
    pair.server.receive_datagrams([finished, *pair.client.datagrams_to_send(0.0)], 0.0)

    (ack,) = pair.server.datagrams_to_send(0.0)
    (content,) = opened(pair.client, ack)
    assert (content.content_type, content.epoch) == (ContentType.ACK, 3)
    assert parse_ack(content.content) == [2 << 48]


SMALL = replace(configs("ecdsa-p256", "rsa-2048")[1], mtu=256)
OF_SMALL = replace(PLAIN_CLIENT, remote_fingerprints=(certificate("rsa-2048", "server").fingerprint(),))


def _partly(count: int) -> tuple[Ends, list[bytes]]:
    """The client has some datagrams of the server's flight, and sends what it then does."""
    pair, flight = half_way(SMALL, OF_SMALL)
    assert len(flight) >= 4
    pair.client.receive_datagrams(flight[:count], 0.0)
    return pair, flight


@pytest.mark.spec("rfc9147:7.1/2", "rfc9147:7.2/4", "rfc9147:7.2/5", "rfc9147:7.2/1", "rfc9147:5.8.1/1", "rfc9147:7/6")
def test_part_of_a_flight_is_acknowledged_after_a_while_and_the_rest_comes_at_once() -> None:
    pair, flight = _partly(2)
    assert pair.client.datagrams_to_send(0.0) == []
    assert pair.client.next_timeout() == pytest.approx(0.1)

    pair.client.handle_timeout(0.1)
    (ack,) = pair.client.datagrams_to_send(0.1)
    assert kind(ack) == "epoch 2"
    pair.server.receive_datagram(ack, 0.1)
    rest = pair.server.datagrams_to_send(0.1)

    # The plaintext hello is acknowledged as well, so nothing of it comes again.
    assert all(kind(datagram) == "epoch 2" for datagram in rest)
    assert sum(map(len, rest)) < sum(map(len, flight[2:])) + 60
    pair.client.receive_datagrams(rest, 0.1)
    pair.now = 0.1
    pair.carry()
    check_connected(pair)


@pytest.mark.spec("rfc9147:7.1/1", "rfc9147:7/2")
def test_what_comes_out_of_order_is_acknowledged_at_once() -> None:
    pair, flight = half_way(SMALL, OF_SMALL)
    pair.client.receive_datagrams([flight[0], flight[1], flight[3]], 0.0)

    (ack,) = pair.client.datagrams_to_send(0.0)
    (content,) = opened(pair.server, ack)

    assert content.content_type == ContentType.ACK
    numbers = parse_ack(content.content)
    assert len([number for number in numbers if number >> 48 == 2]) >= 2


@pytest.mark.spec("rfc9147:7/2", "rfc9147:7/3")
def test_records_whose_content_is_thrown_away_are_not_acknowledged() -> None:
    pair = Ends(PLAIN_CLIENT, SERVER).connect()
    records = pair.client._context.records
    far = Fragment(HandshakeType.KEY_UPDATE, 1, 60, 0, b"\0")
    cut = bytes(Fragment(HandshakeType.KEY_UPDATE, 1, 3, 0, b"\0"))[:-1]

    for content in (bytes(far), cut):
        pair.server.receive_datagram(records.seal(ContentType.HANDSHAKE, content, 3), 0.0)

    assert pair.server.datagrams_to_send(0.0) == []
    assert pair.server.stats.dropped == {"handshake_too_far_ahead": 1, "handshake_malformed": 1}


@pytest.mark.spec("rfc9147:5.8.1/2")
def test_flight_is_sent_again_when_the_peer_repeats_its_own() -> None:
    pair, flight = half_way()
    pair.client.handle_timeout(0.5)

    pair.server.receive_datagrams(pair.client.datagrams_to_send(0.5), 0.5)

    assert len(pair.server.datagrams_to_send(0.5)) == len(flight)


@pytest.mark.spec("rfc9147:5.8.1/4", "rfc9147:7/5")
def test_server_acknowledges_the_last_flight_as_often_as_it_comes() -> None:
    pair, flight = half_way()
    pair.client.receive_datagrams(flight, 0.0)
    pair.server.receive_datagrams(pair.client.datagrams_to_send(0.0), 0.0)
    pair.server.datagrams_to_send(0.0)

    answers: list[bytes] = []
    for at in (0.5, 2.0, 5.0, 10.0):
        pair.client.handle_timeout(at)
        pair.server.receive_datagrams(pair.client.datagrams_to_send(at), at)
        answers = pair.server.datagrams_to_send(at)
        assert [kind(datagram) for datagram in answers] == ["epoch 3"]
    pair.client.receive_datagrams(answers, 10.0)
    assert pair.client.next_timeout() is None


@pytest.mark.spec("rfc9147:7.2/2", "rfc9147:7.2/3")
def test_flight_is_done_when_several_acks_together_cover_it() -> None:
    pair, flight = half_way(client=replace(PLAIN_CLIENT, mtu=256))
    pair.client.receive_datagrams(flight, 0.0)
    finished = pair.client.datagrams_to_send(0.0)
    assert len(finished) >= 2
    pair.server.receive_datagrams(finished, 0.0)
    pair.server.datagrams_to_send(0.0)
    seal = pair.server._context.records.seal

    for number in range(len(finished)):
        assert pair.client.next_timeout() is not None
        pair.client.receive_datagram(seal(ContentType.ACK, encode_ack([(2 << 48) + number]), 3), 0.0)

    pair.client.datagrams_to_send(0.0)
    assert pair.client.next_timeout() is None


# --- alerts and the end ---


@EACH_ROLE
@pytest.mark.parametrize("level", [0, 1, 2, 255])
@pytest.mark.parametrize("description", [10, 40, 100, 200, 255])
@pytest.mark.spec("rfc8446:6/1", "rfc8446:6.2/1")
def test_every_alert_but_two_is_fatal_whatever_its_level(role: Role, level: int, description: int) -> None:
    pair = Ends(PLAIN_CLIENT, SERVER).connect()
    alert = end(pair, role)._context.records.seal(ContentType.ALERT, bytes([level, description]), 3)

    end(pair, other(role)).receive_datagram(alert, 0.0)
    pair.carry()

    (failed,) = pair.seen(other(role), ConnectionFailed)
    assert isinstance(failed, ConnectionFailed)
    assert (failed.alert, failed.received) == (description, True)


@EACH_ROLE
def test_user_canceled_is_not_the_end(role: Role) -> None:
    pair = Ends(PLAIN_CLIENT, SERVER).connect()
    end(pair, other(role)).receive_datagram(
        end(pair, role)._context.records.seal(ContentType.ALERT, b"\x01\x5a", 3), 0.0
    )

    check_connected(pair)


@EACH_ROLE
@pytest.mark.spec("rfc8446:6.1/1", "rfc8446:6.1/2", "rfc9147:5.10/4", "rfc8446:6.2/2")
def test_close_notify_is_said_and_nothing_after_it_counts(role: Role) -> None:
    pair = Ends(PLAIN_CLIENT, SERVER).connect()
    seal = end(pair, role)._context.records.application_sealer()
    end(pair, role).close(1.0)
    (farewell,) = end(pair, role).datagrams_to_send(1.0)
    late = seal.seal(ContentType.APPLICATION_DATA, b"late")

    end(pair, other(role)).receive_datagrams([farewell, late], 1.0)
    pair.carry()

    assert pair.seen(other(role), ConnectionClosed) == [ConnectionClosed(by_peer=True)]
    assert pair.seen(other(role), ApplicationDataReceived) == []
    assert end(pair, other(role)).stats.dropped == {"connection_closed": 1}
    with pytest.raises(StateError):
        end(pair, role).export_keying_material("label", 10)
    assert end(pair, role)._association.exporter is None


@pytest.mark.spec("rfc9147:5.10/2", "rfc8446:6.2/2")
def test_first_bad_message_ends_the_connection_for_good() -> None:
    pair = Ends(PLAIN_CLIENT, SERVER).connect()
    layer: HandshakeLayer = pair.client._context.layer
    layer.compose(KeyUpdate(update_requested=False)).body = b"\x07"
    layer.send_flight(awaits_ack=True, is_answer=False)
    pair.carry()

    assert pair.server.state is pair.client.state is ConnectionState.FAILED
    assert pair.server._association.exporter is None
    assert pair.server._association.engine is None


@pytest.mark.spec("rfc9147:5.11/1", "rfc9147:11/5")
def test_hello_in_plaintext_and_noise_do_not_touch_a_connection() -> None:
    pair = Ends(PLAIN_CLIENT, SERVER).connect()
    stranger = Ends(CLIENT, SERVER, seed="stranger")
    stranger.client.start(0.0)

    pair.server.receive_datagrams(stranger.client.datagrams_to_send(0.0), 0.0)
    pair.server.receive_datagrams([b"\x2f" + bytes(60), b"\xff" * 20, b""], 0.0)

    assert pair.server.datagrams_to_send(0.0) == []
    assert pair.server.stats.dropped["record_plaintext_after_handshake"] == 2
    check_connected(pair)


@pytest.mark.spec("rfc8446:4.4.4/2", "rfc8446:4.6.3/1", "rfc8446:5.2/1", "rfc9147:4.4/1")
def test_commands_wait_for_the_handshake_and_keep_to_the_size_of_a_record() -> None:
    pair, flight = half_way()
    for connection in (pair.client, pair.server):
        with pytest.raises(StateError):
            connection.send(b"early")
        with pytest.raises(StateError):
            connection.update_keys(0.0)
        assert connection.record_overhead is None
    pair.client.receive_datagrams(flight, 0.0)
    pair.carry()

    with pytest.raises(ValueError, match="16384"):
        pair.client.send(bytes(2**14 + 1))
    pair.client.send(bytes(2**14))
    (datagram,) = pair.client.datagrams_to_send(0.0)
    assert len(datagram) == 2**14 + (pair.client.record_overhead or 0)


@pytest.mark.spec("rfc8449:4/7", "rfc8449:4.1/1")
def test_record_size_limit_has_bounds_and_does_not_depend_on_the_mtu() -> None:
    for limit in (63, 2**14 + 2):
        with pytest.raises(ValueError, match="record_size_limit"):
            DtlsConfig(record_size_limit=limit)

    assert DtlsConfig(record_size_limit=64, mtu=1500).mtu == 1500
    assert DtlsConfig(mtu=400).record_size_limit == 2**14 + 1
