"""What RFC 9147 and RFC 8446 demand of a well-behaved end, seen from outside."""

import pickle
from collections import Counter
from unittest import mock

import pytest
from tests.dtls.hostile13.hellos import extensions_of, of_client_hello
from tests.dtls.hostile13.puppet import CLIENT_HELLO, EACH_STAGE, FINISHED, Puppet, changing, stage

from rtc_dtls import ConnectionClosed, ConnectionState, DtlsConfig, DtlsConnection, Role, StateError
from rtc_dtls.ack import encode_ack, parse_ack
from rtc_dtls.extensions import ExtensionType
from rtc_dtls.handshake import Fragment, HandshakeMessage
from rtc_dtls.protection13 import Sealer13
from rtc_dtls.record import ContentType, split_datagram
from rtc_dtls.record_layer import RecordLayer

BOTH = pytest.mark.parametrize("role", list(Role), ids=lambda role: role.name.lower())
STAGES = pytest.mark.parametrize(
    ("role", "name"), EACH_STAGE, ids=lambda value: str(getattr(value, "name", value)).lower()
)
Sealed = list[tuple[RecordLayer, int, int, bytes]]
"""Whose records they are, epoch, content type and content, of everything that was sealed."""


def watching(sealed: Sealed) -> "mock._patch[object]":
    """The block in which every record that is sealed one by one is noted."""
    genuine = RecordLayer.seal

    def seal(records: RecordLayer, content_type: ContentType, content: bytes, epoch: int) -> bytes:
        sealed.append((records, epoch, int(content_type), content))
        return genuine(records, content_type, content, epoch)

    return mock.patch.object(RecordLayer, "seal", seal)


def of(sealed: Sealed, end: DtlsConnection) -> list[tuple[int, int, bytes]]:
    """Those of one end."""
    return [item[1:] for item in sealed if item[0] is end._context.records]


def fragments(content: bytes) -> list[Fragment]:
    """What is in a record of the handshake."""
    at, found = 0, []
    while at < len(content):
        fragment, at = Fragment.parse(content, at)
        found.append(fragment)
    return found


# --- records and epochs ---


@pytest.mark.spec("rfc9147:6.1/2", "rfc9147:7.1/4")
@pytest.mark.spec("rfc9147:5/2")
def test_epochs_are_0_2_and_3_and_a_flight_that_is_answered_is_not_acknowledged() -> None:
    sealed: Sealed = []
    with watching(sealed):
        puppet = Puppet(Role.CLIENT).connect()

    client, server = of(sealed, puppet.subject), of(sealed, puppet.puppet)
    assert {(epoch, kind) for epoch, kind, _ in client} == {(0, 22), (2, 22)}
    assert {(epoch, kind) for epoch, kind, _ in server} == {(0, 22), (2, 22), (3, 26)}
    hellos = [fragments(content)[0].message_type for epoch, _, content in (*client, *server) if epoch == 0]
    assert set(hellos) == {1, 2}


@pytest.mark.spec("rfc9147:4.2.1/3", "rfc9147:5.5/1", "rfc9147:5.5/2", "rfc9147:5.5/5")
@pytest.mark.spec("rfc9147:4.3/1", "rfc9147:4.3/2", "rfc9147:4.3/3", "rfc9147:4.4/4")
@pytest.mark.parametrize("mtus", [(1200, 256), (256, 1500), (300, 300)])
def test_flight_is_cut_anew_without_overlap_in_the_same_epochs_and_of_the_same_bytes(mtus: tuple[int, int]) -> None:
    transmissions = []
    here: Puppet = pickle.loads(stage(Role.SERVER, "client hello").state)
    hello = stage(Role.SERVER, "client hello").message
    here.subject.receive_datagram(here.seal(22, bytes(hello), 0), 0.0)
    for mtu in mtus:
        here.subject.set_mtu(mtu)
        sealed: Sealed = []
        due = here.subject.next_timeout()
        assert due is not None
        with watching(sealed):
            here.subject.handle_timeout(due)
            datagrams = here.subject.datagrams_to_send(due)
        assert max(map(len, datagrams)) <= mtu
        assert all(split_datagram(datagram)[1] == [] for datagram in datagrams)
        pieces: dict[tuple[int, int, int], bytes] = {}
        for epoch, _, content in of(sealed, here.subject):
            for fragment in fragments(content):
                key = (epoch, fragment.message_seq, fragment.message_type)
                assert fragment.offset == len(pieces.get(key, b""))
                pieces[key] = pieces.get(key, b"") + fragment.data
        transmissions.append(pieces)

    assert transmissions[0] == transmissions[1]
    assert [key[0] for key in transmissions[0]] == [0, 2, 2, 2, 2, 2]


@BOTH
@pytest.mark.spec("rfc9147:4.2.1/2", "rfc9147:5.2/3")
def test_flight_that_arrives_backwards_is_kept_until_it_can_be_read(role: Role) -> None:
    options = {"mtu": 300}
    puppet = Puppet(role, subject=options, puppet=options)
    ends = puppet.ends
    ends.client.start(0.0)
    for _ in range(4):
        for source, target in ((ends.client, ends.server), (ends.server, ends.client)):
            target.receive_datagrams(list(reversed(source.datagrams_to_send(0.0))), 0.0)

    assert ends.client.state is ends.server.state is ConnectionState.CONNECTED


@BOTH
@pytest.mark.spec("rfc9147:4.2.1/1")
def test_keys_of_long_ago_are_gone(role: Role) -> None:
    puppet = Puppet(role).connect()
    late = puppet.seal(23, b"late")
    for number in range(3):
        puppet.puppet.update_keys(puppet.ends.now)
        puppet.ends.carry()
        puppet.puppet.send(str(number).encode())
        puppet.ends.carry()

    puppet.deliver(late)

    assert puppet.received == [b"0", b"1", b"2"]


@pytest.mark.spec("rfc9147:4.4/1")
def test_overhead_is_what_records_are_longer_than_their_content() -> None:
    puppet = Puppet(Role.CLIENT).connect()
    puppet.subject.send(bytes(100))

    (datagram,) = puppet.subject.datagrams_to_send(puppet.ends.now)

    assert len(datagram) - 100 == puppet.subject.record_overhead


@pytest.mark.spec("rfc9147:4.4/5")
def test_flight_without_an_answer_goes_over_to_smaller_datagrams() -> None:
    puppet = Puppet(Role.CLIENT)
    puppet.ends.client.start(0.0)
    largest, now = [], 0.0
    for _ in range(7):
        largest.append(max(map(len, puppet.subject.datagrams_to_send(now))))
        due = puppet.subject.next_timeout()
        assert due is not None
        now = due
        puppet.subject.handle_timeout(now)

    assert largest[0] > 1000
    assert largest[-1] <= 548


@pytest.mark.spec("rfc8446:5.2/1")
def test_no_record_is_longer_than_two_to_the_fourteenth() -> None:
    puppet = Puppet(Role.CLIENT).connect()

    with pytest.raises(ValueError, match="16384"):
        puppet.subject.send(bytes(2**14 + 1))
    puppet.subject.send(bytes(2**14))


@pytest.mark.spec("rfc8449:4/7")
def test_limit_of_records_is_at_least_64() -> None:
    with pytest.raises(ValueError, match="record_size_limit"):
        DtlsConfig(record_size_limit=63)
    DtlsConfig(record_size_limit=64)


@pytest.mark.spec("rfc8449:4.1/1", "rfc8449:4/2", "rfc8449:4/8", "rfc8446:8/1")
@pytest.mark.parametrize("mtu", [256, 1500])
def test_limit_of_records_has_nothing_to_do_with_the_path_and_there_are_no_early_data(mtu: int) -> None:
    offers: list[dict[int, bytes]] = []

    def look(body: bytes) -> bytes:
        offers.append(dict(extensions_of(body, of_client_hello(body))))
        return body

    Puppet(Role.SERVER, changing(CLIENT_HELLO, look), puppet={"mtu": mtu}).connect()

    assert offers[0][ExtensionType.RECORD_SIZE_LIMIT] == (2**14 + 1).to_bytes(2, "big")
    assert ExtensionType.EARLY_DATA not in offers[0]


# --- messages and repetitions ---


@STAGES
@pytest.mark.spec("rfc9147:5.5/6")
def test_repeated_byte_that_differs_is_an_illegal_parameter(role: Role, name: str) -> None:
    here = stage(role, name)
    body = here.message.body
    if len(body) < 2:
        body = b"\0\0"
    puppet: Puppet = pickle.loads(here.state)
    for content in (body[:-1], bytes([body[0] ^ 1]) + body[1:-1]):
        fragment = Fragment(here.message.message_type, len(body), here.message.message_seq, 0, content)
        puppet.subject.receive_datagram(puppet.seal(22, bytes(fragment), here.message.epoch), 0.0)
    puppet.ends.events[role] += puppet.subject.events()

    assert puppet.alert == 47 or here.message.epoch == 0


@pytest.mark.spec("rfc9147:5.8.1/2")
def test_server_says_its_flight_again_when_the_client_does() -> None:
    puppet = Puppet(Role.SERVER)
    puppet.ends.client.start(0.0)
    hello = puppet.puppet.datagrams_to_send(0.0)
    puppet.subject.receive_datagrams(hello, 0.0)
    first = puppet.subject.datagrams_to_send(0.0)

    puppet.subject.receive_datagrams(hello, 0.2)

    assert sum(map(len, puppet.subject.datagrams_to_send(0.2))) == sum(map(len, first))


# --- ACKs ---


@pytest.mark.spec("rfc9147:7/1")
def test_numbers_in_an_ack_increase() -> None:
    numbers = [3 << 48 | 1, 2 << 48 | 7, 2 << 48, 5]

    assert parse_ack(encode_ack(numbers)) == sorted(numbers)


@pytest.mark.spec("rfc9147:7/2", "rfc9147:7/3", "rfc9147:7/6", "rfc9147:7.1/2")
def test_part_of_a_flight_is_acknowledged_after_a_while_and_what_was_discarded_is_not() -> None:
    here = stage(Role.CLIENT, "encrypted extensions")
    far = HandshakeMessage(11, here.message.message_seq + 50, bytes(40), 2)
    first = here.feed().puppet._context.records.next_number(2)
    puppet = here.feed(here.message, far)
    assert puppet.subject.datagrams_to_send(0.0) == []
    due = puppet.subject.next_timeout()
    assert due is not None
    assert due == pytest.approx(0.1)
    sealed: Sealed = []

    with watching(sealed):
        puppet.subject.handle_timeout(due)
        puppet.subject.datagrams_to_send(due)

    ((epoch, kind, content),) = of(sealed, puppet.subject)
    assert (epoch, kind) == (2, 26)
    assert first in parse_ack(content)
    assert first + 1 not in parse_ack(content)


@pytest.mark.spec("rfc9147:7.1/1")
def test_message_out_of_order_is_acknowledged_at_once() -> None:
    here = stage(Role.CLIENT, "encrypted extensions")
    following = stage(Role.CLIENT, "certificate request").message
    sealed: Sealed = []

    with watching(sealed):
        puppet = here.feed(following)
        puppet.subject.datagrams_to_send(0.0)

    assert [kind for _, kind, _ in of(sealed, puppet.subject)] == [26]


@BOTH
@pytest.mark.spec("rfc9147:7/7")
def test_acks_after_the_handshake_are_sent_under_the_keys_of_the_application(role: Role) -> None:
    puppet = Puppet(role).connect()
    sealed: Sealed = []

    with watching(sealed):
        puppet.puppet.update_keys(puppet.ends.now)
        puppet.ends.carry()

    assert [(epoch, kind) for epoch, kind, _ in of(sealed, puppet.subject)] == [(3, 26)]


@pytest.mark.spec("rfc9147:7.2/3", "rfc9147:7.2/5")
def test_what_an_ack_leaves_outstanding_is_sent_again_at_once_and_alone() -> None:
    puppet: Puppet = pickle.loads(stage(Role.SERVER, "client hello").state)
    puppet.subject.set_mtu(300)
    puppet.subject.receive_datagram(puppet.seal(22, bytes(stage(Role.SERVER, "client hello").message), 0), 0.0)
    sealed: Sealed = []
    with watching(sealed):
        everything = puppet.subject.datagrams_to_send(0.0)
    puppet.puppet.receive_datagrams(everything, 0.0)
    numbers = [2 << 48 | number for number in range(Counter(epoch for epoch, _, _ in of(sealed, puppet.subject))[2])]
    assert len(numbers) >= 3
    again: Sealed = []

    with watching(again):
        puppet.subject.receive_datagram(puppet.seal(26, encode_ack(numbers[1:]), 2), 0.0)
        puppet.subject.datagrams_to_send(0.0)

    pieces = [content for epoch, _, content in of(again, puppet.subject) if epoch == 2]
    assert pieces == [next(content for epoch, _, content in of(sealed, puppet.subject) if epoch == 2)]


@pytest.mark.spec("rfc9147:7/4", "rfc9147:7.2/4")
def test_answer_to_a_flight_acknowledges_all_of_it() -> None:
    here = stage(Role.SERVER, "certificate")

    puppet = here.feed(here.message)
    sealed: Sealed = []
    with watching(sealed):
        puppet.subject.handle_timeout(5.0)
        puppet.subject.datagrams_to_send(5.0)

    assert {kind for _, kind, _ in of(sealed, puppet.subject)} <= {26}


# --- data and keys at the right time ---


@BOTH
@pytest.mark.spec("rfc8446:4.4.4/2", "rfc8446:4.6.3/1")
def test_neither_data_nor_new_keys_before_the_peer_is_finished(role: Role) -> None:
    puppet: Puppet = pickle.loads(stage(role, "finished").state)

    with pytest.raises(StateError):
        puppet.subject.send(b"early")
    with pytest.raises(StateError):
        puppet.subject.update_keys(0.0)


# --- alerts ---


@BOTH
@pytest.mark.spec("rfc8446:6.1/1")
def test_whoever_closes_says_so(role: Role) -> None:
    puppet = Puppet(role).connect()

    puppet.subject.close(puppet.ends.now)
    puppet.ends.carry()

    assert puppet.ends.seen(puppet.puppet.role, ConnectionClosed) == [ConnectionClosed(by_peer=True)]


@BOTH
@pytest.mark.parametrize("description", [1, 99, 200, 255])
@pytest.mark.spec("rfc8446:6.2/1")
def test_alert_that_nobody_knows_is_an_error(role: Role, description: int) -> None:
    puppet = Puppet(role).connect()

    puppet.deliver(puppet.seal(21, bytes([1, description])))

    assert puppet.failure is not None
    assert puppet.failure.received


@BOTH
@pytest.mark.spec("rfc8446:6.2/2")
def test_secrets_are_forgotten_after_a_fatal_alert(role: Role) -> None:
    puppet = Puppet(role).connect()
    sealer = puppet.subject._context.records.application_sealer()
    opener = puppet.subject._context.records.application_opener()
    assert isinstance(sealer, Sealer13)
    secrets = [sealer._keys.key, sealer._keys.iv, opener._keys.key, opener._keys.iv]
    before = pickle.dumps(puppet.subject)
    assert all(secret in before for secret in secrets)

    puppet.deliver(puppet.seal(21, b"\x02\x28"))

    after = pickle.dumps(puppet.subject)
    assert puppet.subject.closed
    assert not any(secret in after for secret in secrets)


def test_finished_is_the_last_message_of_every_handshake() -> None:
    assert stage(Role.CLIENT, "finished").message.message_type == FINISHED
