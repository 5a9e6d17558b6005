"""Classes 9 to 13 in DTLS 1.3: fragments and the order of messages."""

import pickle
import time

import pytest
from tests.dtls.conformance import wire
from tests.dtls.hostile13.puppet import EACH_STAGE, Puppet, Stage, stage

from rtc_dtls import ConnectionState, Role
from rtc_dtls.handshake import Fragment, HandshakeMessage
from rtc_dtls.record import ContentType

BOTH = pytest.mark.parametrize("role", list(Role), ids=lambda role: role.name.lower())
STAGES = pytest.mark.parametrize(
    ("role", "name"), EACH_STAGE, ids=lambda value: str(getattr(value, "name", value)).lower()
)
LONG_STAGES = pytest.mark.parametrize(
    ("role", "name"),
    [each for each in EACH_STAGE if each[1] != "key update"],
    ids=lambda value: str(getattr(value, "name", value)).lower(),
)


def feed(here: Stage, *pieces: tuple[int, int, int, int, bytes]) -> Puppet:
    """Give the subject fragments (type, total length, message number, offset, content), one record each."""
    puppet: Puppet = pickle.loads(here.state)
    records = puppet.puppet._context.records
    for kind, length, number, offset, content in pieces:
        fragment = bytes(Fragment(kind, length, number, offset, content))
        puppet.subject.receive_datagram(records.seal(ContentType.HANDSHAKE, fragment, here.message.epoch), 0.0)
    return puppet


def whole(here: Stage) -> tuple[int, int, int, int, bytes]:
    """The genuine message in one fragment."""
    message = here.message
    return message.message_type, len(message.body), message.message_seq, 0, message.body


# --- 9: contradictions ---


@STAGES
def test_class_09_fragment_outside_its_message_is_dropped(role: Role, name: str) -> None:
    here = stage(role, name)
    kind, length, number, _, body = whole(here)

    puppet = feed(
        here, (kind, length, number, 1, body), (kind, length, number, length, b"x"), (kind, 2, number, 2**23, body)
    )

    assert not puppet.subject.closed
    assert sum(puppet.dropped.values()) >= 1


@STAGES
@pytest.mark.parametrize("what", ["length", "type"])
def test_class_09_what_changes_between_fragments_is_not_mixed_in(role: Role, name: str, what: str) -> None:
    here = stage(role, name)
    kind, length, number, _, body = whole(here)
    cut = length // 2
    other = (kind, length + 1, number, cut, body[cut:] + b"x")
    if what == "type":
        other = (kind ^ 0x40, length, number, cut, body[cut:])

    puppet = feed(here, (kind, length, number, 0, body[:cut]), other)

    assert puppet.subject.state is not ConnectionState.CONNECTED or name == "key update"
    assert puppet.subject._context.layer._reassembler.next_receive_seq <= number or puppet.subject.closed


@BOTH
def test_class_09_fragments_of_different_messages_are_not_merged(role: Role) -> None:
    here = stage(role, "certificate")
    kind, length, number, _, body = whole(here)

    puppet = feed(here, (kind, length, number, 0, body[:10]), (kind, length, number + 1, 10, body[10:]))

    assert puppet.subject.peer_certificates == ()


# --- 10: memory ---


@STAGES
def test_class_10_memory_follows_what_arrived_not_what_was_announced(role: Role, name: str) -> None:
    here = stage(role, name)
    before = len(pickle.dumps(feed(here).subject))

    puppet = feed(here, *[(11, 2**24 - 1, here.message.message_seq + each, 0, b"x") for each in range(8)])

    assert len(pickle.dumps(puppet.subject)) < before + 20_000


@STAGES
def test_class_10_zero_length_fragments_end(role: Role, name: str) -> None:
    here = stage(role, name)
    kind, length, number, _, _ = whole(here)

    puppet = feed(here, *[(kind, length, number, 0, b"")] * 500)

    assert puppet.subject._context.layer._reassembler.next_receive_seq <= number or not length


@STAGES
def test_class_10_messages_of_the_future_are_bounded(role: Role, name: str) -> None:
    here = stage(role, name)
    before = len(pickle.dumps(feed(here).subject))

    puppet = feed(here, *[(11, 16_000, here.message.message_seq + 1 + each, 0, bytes(16_000)) for each in range(100)])

    assert len(pickle.dumps(puppet.subject)) < before + 300_000
    assert puppet.subject.closed or sum(puppet.dropped.values()) > 50


@BOTH
def test_class_10_records_kept_for_keys_that_do_not_exist_yet_are_bounded(role: Role) -> None:
    here = stage(role, "server hello" if role is Role.CLIENT else "client hello")
    puppet: Puppet = pickle.loads(here.state)
    before = len(pickle.dumps(puppet.subject))

    for number in range(1000):
        puppet.subject.receive_datagram(b"\x2e" + number.to_bytes(2, "big") + b"\x03\xe8" + bytes(1000), 0.0)

    assert len(pickle.dumps(puppet.subject)) < before + 50_000


# --- 11: overlaps ---


@LONG_STAGES
@pytest.mark.spec("rfc9147:5.5/3", "rfc9147:5.5/4")
def test_class_11_overlapping_fragments_with_other_bounds_fit_together(role: Role, name: str) -> None:
    here = stage(role, name)
    kind, length, number, _, body = whole(here)
    cut, step = length // 2, max(1, length // 4)

    puppet = feed(here, (kind, length, number, step, body[step:]), (kind, length, number, 0, body[:cut]))

    assert puppet.subject._context.layer._reassembler.next_receive_seq > number
    assert not puppet.subject.closed


@LONG_STAGES
def test_class_11_overlap_with_other_bytes_never_yields_a_mixture(role: Role, name: str) -> None:
    here = stage(role, name)
    kind, length, number, _, body = whole(here)
    cut = length // 2
    other = bytes(each ^ 0xFF for each in body)

    puppet = feed(here, (kind, length, number, 0, body[:cut]), (kind, length, number, cut - 1, other[cut - 1 :]))

    assert puppet.subject.closed or puppet.subject._context.layer._reassembler.next_receive_seq <= number


# --- 12: work ---


@STAGES
def test_class_12_a_message_in_one_byte_fragments_costs_little(role: Role, name: str) -> None:
    here = stage(role, name)
    kind, length, number, _, body = whole(here)
    began = time.process_time()

    feed(here, *[(kind, length, number, at, body[at : at + 1]) for at in range(length)])

    assert time.process_time() - began < 1.0


@BOTH
def test_class_12_a_datagram_full_of_small_records_costs_little(role: Role) -> None:
    puppet = Puppet(role).connect()
    began = time.process_time()

    puppet.subject.receive_datagram(b"\x2f\0\0\0\x10" + bytes(16) + b"\x2f\0\0\0\0" * 12_000, 0.0)
    puppet.subject.receive_datagram(wire.Record(22, b"", 0, 1).serialize() * 5000, 0.0)

    assert time.process_time() - began < 1.0
    assert puppet.talk()


# --- 13: order ---


@STAGES
@pytest.mark.spec("rfc9147:5.2/2")
def test_class_13_every_message_may_arrive_twice(role: Role, name: str) -> None:
    here = stage(role, name)

    puppet = here.feed(here.message, here.message, here.message)

    assert not puppet.subject.closed
    assert puppet.subject._context.layer._reassembler.next_receive_seq == here.message.message_seq + 1


@STAGES
def test_class_13_gap_is_waited_for(role: Role, name: str) -> None:
    here = stage(role, name)
    message = here.message

    puppet = here.feed(HandshakeMessage(message.message_type, message.message_seq + 1, message.body, message.epoch))

    assert not puppet.subject.closed or name == "client hello"
    assert name == "client hello" or puppet.subject._context.layer._reassembler.next_receive_seq == message.message_seq


@STAGES
@pytest.mark.parametrize("distance", [7, 8, 1000, 65_000])
def test_class_13_messages_far_ahead_are_discarded(role: Role, name: str, distance: int) -> None:
    here = stage(role, name)
    before = len(pickle.dumps(here.feed().subject))
    number = (here.message.message_seq + distance) & 0xFFFF

    puppet = here.feed(HandshakeMessage(11, number, bytes(1000), here.message.epoch))

    assert len(pickle.dumps(puppet.subject)) < before + 500


@STAGES
@pytest.mark.parametrize("kind", [0, 1, 2, 3, 4, 5, 8, 11, 12, 13, 14, 15, 16, 20, 24, 254])
def test_class_13_message_of_no_place_is_never_skipped(role: Role, name: str, kind: int) -> None:
    here = stage(role, name)
    message = here.message
    # What has its place here has none with this body.
    body = message.body if kind != message.message_type else message.body + b"\0"

    puppet = here.feed(HandshakeMessage(kind, message.message_seq, body, message.epoch), message)

    reached = puppet.subject._context.layer._reassembler.next_receive_seq
    assert puppet.subject.closed or reached <= message.message_seq + 1
    if name != "key update":
        assert puppet.subject.state is not ConnectionState.CONNECTED or kind == 0
