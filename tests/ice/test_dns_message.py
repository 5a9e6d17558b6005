"""DNS messages: vectors, round trips, hostile bytes."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.effort import examples

from rtc_ice.dns_message import (
    MAX_MESSAGE_LENGTH,
    TYPE_A,
    TYPE_AAAA,
    TYPE_NSEC,
    DnsMessage,
    DnsParseError,
    DnsQuestion,
    DnsRecord,
    dns_name,
    nsec_data,
)

labels = st.binary(min_size=1, max_size=12).map(bytes.lower)
names = st.lists(labels, min_size=1, max_size=5).map(tuple)
questions = st.builds(DnsQuestion, names, st.integers(0, 65535), st.booleans(), st.integers(0, 0x7FFF))
kinds = st.integers(0, 65535).filter(lambda kind: kind != TYPE_NSEC)
records = st.builds(
    DnsRecord, names, kinds, st.binary(max_size=20), st.integers(0, 2**32 - 1), st.booleans(), st.integers(0, 0x7FFF)
)
messages = st.builds(
    DnsMessage,
    id=st.integers(0, 65535),
    flags=st.integers(0, 65535),
    questions=st.lists(questions, max_size=4).map(tuple),
    answers=st.lists(records, max_size=4).map(tuple),
    authorities=st.lists(records, max_size=2).map(tuple),
    additionals=st.lists(records, max_size=2).map(tuple),
)


@examples(100)
@given(messages)
def test_what_is_written_is_read(message: DnsMessage) -> None:
    assert DnsMessage.parse(message.serialize()) == message


@examples(100)
@given(st.binary(max_size=200))
def test_random_bytes_raise_nothing_else(data: bytes) -> None:
    with contextlib.suppress(DnsParseError):
        DnsMessage.parse(data)


@examples(100)
@given(messages, st.data())
def test_flipped_bytes_raise_nothing_else(message: DnsMessage, data: st.DataObject) -> None:
    wire = bytearray(message.serialize())
    wire[data.draw(st.integers(0, len(wire) - 1))] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(DnsParseError):
        DnsMessage.parse(bytes(wire))


def test_a_question_on_the_wire() -> None:
    message = DnsMessage(questions=(DnsQuestion(dns_name("Ab.local."), TYPE_AAAA, unicast=True),))

    assert message.serialize().hex() == "000000000001000000000000" + "0261620" + "56c6f63616c00" + "001c8001"


@pytest.mark.spec("rfc6762:18.14/1", "rfc6762:6.1/2")
def test_names_are_pointed_at_the_second_time() -> None:
    name = dns_name("ab.local")
    record = DnsRecord(name, TYPE_A, b"\1\2\3\4", 120, cache_flush=True)
    nsec = DnsRecord(name, TYPE_NSEC, nsec_data({TYPE_A}), 120, cache_flush=True)

    wire = DnsMessage(answers=(record,), additionals=(nsec,)).serialize()

    assert wire.count(b"\x05local") == 1
    # The record's own name as the next one takes two bytes; then block 0, one byte, in which bit 1 stands for A.
    assert wire.endswith(b"\xc0\x0c" + b"\x00\x2f\x80\x01\x00\x00\x00\x78\x00\x05" + b"\xc0\x0c" + b"\x00\x01\x40")


@pytest.mark.spec("rfc6762:18.14/2")
def test_compressed_names_are_read_also_where_they_are_not_understood() -> None:
    # As Chromium sends them: an address, and an NSEC record whose next name is a pointer.
    wire = bytes.fromhex(
        "000084000000000100000001"
        "0261620" + "56c6f63616c00" + "00018001000000780004c0000201"
        "c00c002f80010000007800" + "05c00c000140"
    )

    message = DnsMessage.parse(wire)

    assert [(each.name, each.type) for each in message.records] == [((b"ab", b"local"), 1), ((b"ab", b"local"), 47)]


@pytest.mark.parametrize(
    "wire",
    [
        b"\0" * 11,
        b"\0" * 5 + b"\1" + b"\0" * 6 + b"\xc0\x0c" + b"\0\1\0\1",
        b"\0" * 5 + b"\1" + b"\0" * 6 + b"\xc0\x20" + b"\0\1\0\1",
        b"\0" * 5 + b"\1" + b"\0" * 6 + b"\x40" + b"a" * 64 + b"\0\0\1\0\1",
        b"\0" * 5 + b"\1" + b"\0" * 6 + (b"\x3f" + b"a" * 63) * 4 + b"\0\0\1\0\1",
        b"\0" * 4 + b"\xff\xff" + b"\0" * 6,
        b"\0" * 7 + b"\1" + b"\0" * 4 + b"\1a\0\0\1\0\1\0\0\0\0\0\4\1\2\3",
    ],
    ids=["short", "pointer to itself", "pointer forward", "label", "name", "too many", "record cut off"],
)
def test_malformed_messages_are_refused(wire: bytes) -> None:
    with pytest.raises(DnsParseError):
        DnsMessage.parse(wire)


@pytest.mark.spec("rfc6762:17/1")
def test_larger_messages_than_there_may_be_are_refused() -> None:
    with pytest.raises(DnsParseError):
        DnsMessage.parse(bytes(MAX_MESSAGE_LENGTH + 1))


@pytest.mark.parametrize("text", ["", ".", "a..local", "a" * 64 + ".local", ".".join(["a" * 60] * 5)])
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="name"):
        dns_name(text)
