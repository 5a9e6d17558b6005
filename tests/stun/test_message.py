"""Messages: what the parser takes and refuses, integrity and fingerprint."""

import copy
import hmac
import pickle
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.stun.strategies import messages
from tests.stun.vectors import load_vector

from rtc_stun import (
    BINDING,
    ICE_ATTRIBUTES,
    Attribute,
    ErrorCode,
    Fingerprint,
    FingerprintError,
    Integrity,
    IntegrityError,
    Message,
    MessageClass,
    MessageIntegrity,
    MessageIntegritySha256,
    Nonce,
    ParseError,
    Priority,
    Software,
    Uint32Attribute,
    UnknownAttribute,
    UseCandidate,
    Username,
    attribute_set,
    is_stun,
)

ID = bytes(range(12))
KEY = b"key"
REQUEST = load_vector("rfc5769-2.1-request")


def header(length: int, *, message_type: int = 1, cookie: int = 0x2112_A442) -> bytes:
    return message_type.to_bytes(2, "big") + length.to_bytes(2, "big") + cookie.to_bytes(4, "big") + ID


def request(*attributes: Attribute) -> Message:
    return Message(BINDING, MessageClass.REQUEST, ID, attributes)


# The header.


@pytest.mark.parametrize(
    ("message_class", "message_type"),
    [
        (MessageClass.REQUEST, 0x0001),
        (MessageClass.INDICATION, 0x0011),
        (MessageClass.SUCCESS, 0x0101),
        (MessageClass.ERROR, 0x0111),
    ],
)
@pytest.mark.spec("rfc8489:5/1", "rfc8489:5/2", "rfc8489:5/7", "rfc8489:6.1/1")
def test_header_of_each_class(message_class: MessageClass, message_type: int) -> None:
    data = bytes(Message(BINDING, message_class, ID))

    assert data == header(0, message_type=message_type)
    assert Message.parse(data).message_class is message_class


@given(st.integers(0, 0xFFF), st.sampled_from(MessageClass))
@pytest.mark.spec("rfc8489:5/1")
def test_every_method_and_class_survives_and_leaves_the_leading_bits_zero(
    method: int, message_class: MessageClass
) -> None:
    data = bytes(Message(method, message_class, ID))

    assert data[0] < 0x40
    assert Message.parse(data) == Message(method, message_class, ID)


@pytest.mark.parametrize("method", [-1, 0x1000])
def test_method_has_twelve_bits(method: int) -> None:
    with pytest.raises(ValueError, match="12 bits"):
        Message(method, MessageClass.REQUEST, ID)


def test_transaction_id_has_twelve_bytes() -> None:
    with pytest.raises(ValueError, match="12 bytes"):
        Message(BINDING, MessageClass.REQUEST, ID[:-1])


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "at least 20"),
        (header(0)[:-1], "at least 20"),
        (header(0, message_type=0x4001), "leading bits"),
        (header(0, message_type=0x8001), "leading bits"),
        (header(0, cookie=0x2112_A443), "magic cookie"),
        (header(4), "does not fit"),
        (header(0) + bytes(4), "does not fit"),
        (header(2) + bytes(2), "does not fit"),
        (header(4) + b"\x80\x22\x00\x01", "longer than the message"),
        (header(8) + b"\x80\x22\x00\x05abcd", "longer than the message"),
        (header(4) + b"\x77\x77\xff\xff", "longer than the message"),
    ],
)
@pytest.mark.spec("rfc8489:5/1", "rfc8489:5/2", "rfc8489:5/7", "rfc8489:14/2")
def test_parser_refuses(data: bytes, complaint: str) -> None:
    with pytest.raises(ParseError, match=complaint):
        Message.parse(data)


@pytest.mark.parametrize("first", [0x40, 0x80, 0xC0])
@pytest.mark.spec("rfc8489:5/1", "rfc8489:5/2")
def test_is_stun_tells_stun_from_other_protocols(first: int) -> None:
    assert is_stun(REQUEST)
    assert not is_stun(bytes([first]) + REQUEST[1:])
    assert not is_stun(REQUEST[:4] + b"\0" + REQUEST[5:])
    assert not is_stun(REQUEST[:-1])
    assert not is_stun(REQUEST[:19])
    assert not is_stun(REQUEST[:3] + b"\x59" + REQUEST[4:] + b"\0")
    assert not is_stun(b"")


# Attributes in a message.


def test_order_duplicates_and_unknown_attributes_are_kept() -> None:
    attributes = [Software("a"), UnknownAttribute(0x7777, b"xyz"), Software("b"), UnknownAttribute(0xC123, b"")]

    message = Message.parse(bytes(request(*attributes)))

    assert message.attributes == attributes


@pytest.mark.spec("rfc8489:14/6", "rfc8489:6.3/2")
def test_get_returns_the_first_of_its_class_and_ignores_the_rest() -> None:
    message = request(Nonce(b"n"), Software("a"), Software("b"))

    assert message.get(Software) == Software("a")
    assert message.get(Username) is None
    assert message.get_all(Software) == [Software("a"), Software("b")]


@pytest.mark.spec("rfc8489:6.3/1")
def test_unknown_required_attributes_are_listed_once_and_optional_ones_not_at_all() -> None:
    message = request(
        UnknownAttribute(0x7777, b""), UnknownAttribute(0x8777, b""), UnknownAttribute(0x0002, b""), Priority(1)
    )

    assert Message.parse(bytes(message)).unknown_required() == [0x7777, 0x0002, Priority.TYPE]
    assert Message.parse(bytes(message), ICE_ATTRIBUTES).unknown_required() == [0x7777, 0x0002]


def test_another_package_can_define_attributes_without_touching_this_one() -> None:
    class Lifetime(Uint32Attribute):
        __slots__ = ()
        TYPE = 0x000D

    data = bytes(request(Lifetime(600)))

    assert Message.parse(data, attribute_set(Lifetime)).get(Lifetime) == Lifetime(600)
    assert Message.parse(data).attributes == [UnknownAttribute(0x000D, b"\0\0\2\x58")]


@pytest.mark.parametrize("length", range(9))
@pytest.mark.spec("rfc8489:14/1", "rfc8489:14/2", "rfc8489:14/3", "rfc8489:14/4")
def test_attributes_are_padded_with_zeros_that_their_length_does_not_count(length: int) -> None:
    value = b"\xff" * length

    data = bytes(request(UnknownAttribute(0x8888, value)))

    padded = -(-length // 4) * 4
    assert data[20:] == b"\x88\x88" + length.to_bytes(2, "big") + value + bytes(padded - length)


@pytest.mark.spec("rfc8489:14/5")
def test_padding_may_hold_anything() -> None:
    data = header(8) + b"\x80\x22\x00\x02ab\xde\xad"

    assert Message.parse(data).attributes == [Software("ab")]


def test_a_message_that_its_length_field_cannot_describe_is_refused() -> None:
    with pytest.raises(ValueError, match="too many"):
        request(UnknownAttribute(0x8888, bytes(60000)), UnknownAttribute(0x8888, bytes(6000))).serialize()


@pytest.mark.parametrize(
    "attribute", [UnknownAttribute(0x8888, bytes(70_000)), UnknownAttribute(0x1_0000, b""), UnknownAttribute(-1, b"")]
)
def test_an_attribute_that_its_header_cannot_describe_is_refused(attribute: Attribute) -> None:
    with pytest.raises(ValueError, match="does not exist"):
        request(attribute).serialize()


def test_a_short_known_attribute_is_a_parse_error_and_nothing_else() -> None:
    data = header(8) + Priority.TYPE.to_bytes(2, "big") + b"\0\1\0\0\0\0"

    with pytest.raises(ParseError):
        Message.parse(data, ICE_ATTRIBUTES)


# Integrity.


@pytest.mark.parametrize("integrity", Integrity)
@pytest.mark.parametrize("fingerprint", [False, True])
def test_integrity_is_verified(integrity: Integrity, fingerprint: bool) -> None:
    message = Message.parse(request(Username("u")).serialize(key=KEY, integrity=integrity, fingerprint=fingerprint))

    assert message.integrity is integrity
    assert message.verify_integrity(KEY) is (Integrity.SHA1 if integrity is Integrity.SHA1 else Integrity.SHA256)
    if fingerprint:
        message.verify_fingerprint()


@pytest.mark.parametrize("integrity", Integrity)
def test_another_key_is_refused(integrity: Integrity) -> None:
    message = Message.parse(request().serialize(key=KEY, integrity=integrity))

    with pytest.raises(IntegrityError, match="does not match"):
        message.verify_integrity(b"other")


def test_absent_integrity_is_not_valid_integrity() -> None:
    message = Message.parse(bytes(request(Username("u"))))

    assert message.integrity is None
    with pytest.raises(IntegrityError, match="carries no"):
        message.verify_integrity(KEY)


def test_a_message_of_our_own_making_verifies_nothing() -> None:
    with pytest.raises(IntegrityError):
        request(MessageIntegrity(bytes(20))).verify_integrity(KEY)
    with pytest.raises(FingerprintError):
        request(Fingerprint(0)).verify_fingerprint()


@pytest.mark.parametrize("integrity", [Integrity.SHA1, Integrity.SHA256])
def test_every_flipped_bit_before_the_end_of_integrity_is_noticed(integrity: Integrity) -> None:
    data = request(Username("user")).serialize(key=KEY, integrity=integrity)

    for position in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[position // 8] ^= 0x80 >> position % 8
        with pytest.raises((ParseError, IntegrityError)):
            Message.parse(bytes(flipped)).verify_integrity(KEY)


@pytest.mark.spec("rfc8489:9/1")
def test_attributes_after_message_integrity_are_ignored() -> None:
    data = request(Username("u")).serialize(key=KEY)
    forged = UnknownAttribute(0x7777, b"evil").serialize(ID)
    data = header(len(data) - 20 + 8 + 12) + data[20:] + b"\x77\x77\0\4" + forged + b"\x00\x06\0\5other\0\0\0"

    message = Message.parse(data)

    assert [attribute.TYPE for attribute in message.attributes] == [Username.TYPE, MessageIntegrity.TYPE]
    assert message.verify_integrity(KEY) is Integrity.SHA1


@pytest.mark.spec("rfc8489:9/1", "rfc8489:9/2")
def test_attributes_after_the_sha256_one_are_ignored_but_for_the_fingerprint() -> None:
    protected = request(Username("u")).serialize(key=KEY, integrity=Integrity.SHA256)
    body = protected[20:] + b"\x00\x06\0\1v\0\0\0"
    text = header(len(body) + 8) + body
    data = text + b"\x80\x28\0\4" + (zlib.crc32(text) ^ 0x5354554E).to_bytes(4, "big")

    message = Message.parse(data)

    assert [attribute.TYPE for attribute in message.attributes] == [
        Username.TYPE,
        MessageIntegritySha256.TYPE,
        Fingerprint.TYPE,
    ]
    assert message.verify_integrity(KEY) is Integrity.SHA256
    message.verify_fingerprint()


@pytest.mark.spec("rfc8489:9/1")
def test_sha256_after_sha1_is_what_counts() -> None:
    data = bytearray(request(Username("u")).serialize(key=KEY, integrity=Integrity.BOTH))
    data[-1] ^= 1

    with pytest.raises(IntegrityError):
        Message.parse(bytes(data)).verify_integrity(KEY)


@pytest.mark.parametrize("length", [16, 20, 24, 28])
@pytest.mark.spec("rfc8489:14.6/1", "rfc8489:14.6/2")
def test_truncated_sha256_counts_only_where_the_usage_allows_it(length: int) -> None:
    message = Message.parse(request().serialize(key=KEY, integrity=Integrity.SHA256, sha256_length=length))

    with pytest.raises(IntegrityError, match=f"cut to {length}"):
        message.verify_integrity(KEY)
    assert message.verify_integrity(KEY, minimum_sha256_length=16) is Integrity.SHA256


@pytest.mark.parametrize("length", [0, 4, 12, 15, 18, 33, 36])
@pytest.mark.spec("rfc8489:14.6/1", "rfc8489:14.6/2")
def test_sha256_of_another_length_is_neither_made_nor_taken(length: int) -> None:
    with pytest.raises(ValueError, match="cannot have"):
        request().serialize(key=KEY, integrity=Integrity.SHA256, sha256_length=length)
    with pytest.raises(ParseError, match="cannot have"):
        Message.parse(bytes(request(UnknownAttribute(MessageIntegritySha256.TYPE, bytes(length)))))


@pytest.mark.parametrize("length", [0, 16, 19, 24])
def test_message_integrity_has_twenty_bytes(length: int) -> None:
    with pytest.raises(ParseError):
        Message.parse(bytes(request(UnknownAttribute(MessageIntegrity.TYPE, bytes(length)))))


@pytest.mark.parametrize("attribute", [MessageIntegrity(bytes(20)), MessageIntegritySha256(bytes(32)), Fingerprint(0)])
def test_integrity_is_made_once(attribute: Attribute) -> None:
    with pytest.raises(ValueError, match="not listed among the attributes"):
        request(attribute).serialize(key=KEY)
    with pytest.raises(ValueError, match="not listed among the attributes"):
        request(attribute).serialize(fingerprint=True)


def test_integrity_covers_the_length_up_to_its_own_end() -> None:
    data = request().serialize(key=KEY, integrity=Integrity.BOTH, fingerprint=True)

    assert data[24:44] == hmac.digest(KEY, header(24), "sha1")


# Fingerprint.


@pytest.mark.spec("rfc8489:14.7/1")
def test_fingerprint_is_the_last_attribute() -> None:
    data = request(Software("s")).serialize(key=KEY, fingerprint=True)

    assert Message.parse(data).attributes[-1].TYPE == Fingerprint.TYPE
    with pytest.raises(ParseError, match="not the last"):
        Message.parse(header(16) + b"\x80\x28\0\4abcd\x80\x22\0\4soft")


def test_wrong_or_absent_fingerprint_is_refused() -> None:
    data = request(Software("s")).serialize(fingerprint=True)
    wrong = data[:-1] + bytes([data[-1] ^ 1])

    Message.parse(data).verify_fingerprint()
    with pytest.raises(FingerprintError, match="does not match"):
        Message.parse(wrong).verify_fingerprint()
    with pytest.raises(FingerprintError, match="carries no"):
        Message.parse(bytes(request(Software("s")))).verify_fingerprint()
    with pytest.raises(FingerprintError, match="carries no"):
        Message.parse(bytes(request())).verify_fingerprint()


# Properties.


@given(messages())
def test_what_is_serialized_is_parsed_again(message: Message) -> None:
    assert Message.parse(bytes(message), ICE_ATTRIBUTES) == message


@given(messages(), st.binary(min_size=1, max_size=40), st.sampled_from(Integrity))
def test_protection_survives_the_wire(message: Message, key: bytes, integrity: Integrity) -> None:
    parsed = Message.parse(message.serialize(key=key, integrity=integrity, fingerprint=True), ICE_ATTRIBUTES)

    parsed.verify_integrity(key)
    parsed.verify_fingerprint()
    extra = 2 + (integrity is Integrity.BOTH)
    assert parsed.attributes[:-extra] == message.attributes


@given(messages())
def test_a_parsed_message_is_serialized_as_it_came(message: Message) -> None:
    data = message.serialize(key=KEY, fingerprint=True)

    assert bytes(Message.parse(data, ICE_ATTRIBUTES)) == data


@given(st.binary(max_size=200))
def test_random_bytes_raise_nothing_but_parse_error(data: bytes) -> None:
    for candidate in (data, header(len(data) & ~3) + data[: len(data) & ~3]):
        try:
            message = Message.parse(candidate, ICE_ATTRIBUTES)
        except ParseError:
            continue
        repr(message)


@given(messages(), st.data())
def test_flipped_bits_raise_nothing_but_parse_error(message: Message, data: st.DataObject) -> None:
    wire = bytearray(message.serialize(key=KEY, integrity=Integrity.BOTH, fingerprint=True))
    for _ in range(data.draw(st.integers(1, 8))):
        position = data.draw(st.integers(0, 8 * len(wire) - 1))
        wire[position // 8] ^= 1 << position % 8

    try:
        parsed = Message.parse(bytes(wire), ICE_ATTRIBUTES)
        parsed.verify_integrity(KEY)
        parsed.verify_fingerprint()
    except (ParseError, IntegrityError, FingerprintError):
        return
    assert bytes(wire) == message.serialize(key=KEY, integrity=Integrity.BOTH, fingerprint=True)


@given(st.binary(max_size=64), st.sampled_from([*ICE_ATTRIBUTES]))
def test_any_value_of_a_known_attribute_raises_nothing_but_parse_error(value: bytes, attribute_type: int) -> None:
    data = bytes(request(UnknownAttribute(attribute_type, value)))

    try:
        Message.parse(data, ICE_ATTRIBUTES)
    except ParseError:
        return


def test_messages_are_copied_and_pickled() -> None:
    message = Message.parse(REQUEST, ICE_ATTRIBUTES)

    for twin in (copy.deepcopy(message), pickle.loads(pickle.dumps(message))):
        assert twin == message
        twin.verify_fingerprint()


def test_messages_describe_themselves() -> None:
    assert repr(request(UseCandidate())) == f"<Binding request {ID.hex()} [UseCandidate()]>"
    assert repr(Message(3, MessageClass.ERROR, ID, [ErrorCode(401)])).startswith("<method 0x003 error ")
    assert repr(UnknownAttribute(0x7777, b"x")) == "UnknownAttribute(TYPE=30583, value=b'x')"
