"""Attribute by attribute: the bytes on the wire, and the limits of what is sent and taken."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.stun.strategies import addresses

from rtc_stun import (
    BINDING,
    REASON_PHRASES,
    Address,
    Algorithm,
    AlternateDomain,
    AlternateServer,
    Attribute,
    ErrorCode,
    FlagAttribute,
    GoogNetworkInfo,
    GoogNomination,
    IceControlled,
    IceControlling,
    MappedAddress,
    Message,
    MessageClass,
    Nonce,
    ParseError,
    PasswordAlgorithm,
    PasswordAlgorithms,
    Priority,
    Realm,
    Software,
    UnknownAttribute,
    UnknownAttributes,
    UseCandidate,
    UserHash,
    Username,
    XorAddressAttribute,
    XorMappedAddress,
    pack_host,
    unpack_host,
)

ID = bytes(range(12))
MANY = "é" * 127
"""As many characters as may be sent, in 254 bytes."""


@pytest.mark.parametrize(
    ("attribute", "attribute_type", "value"),
    [
        (MappedAddress(Address("192.0.2.1", 0x1234)), 0x0001, "00011234c0000201"),
        (MappedAddress(Address("2001:db8::1", 1)), 0x0001, "0002000120010db8000000000000000000000001"),
        (Username("user"), 0x0006, "75736572"),
        (ErrorCode(438, "Stale"), 0x0009, "000004265374616c65"),
        (UnknownAttributes((0x7777, 2)), 0x000A, "77770002"),
        (Realm("example.org"), 0x0014, "6578616d706c652e6f7267"),
        (Nonce(b"n\0"), 0x0015, "6e00"),
        (PasswordAlgorithm(Algorithm.SHA256), 0x001D, "00020000"),
        (PasswordAlgorithm(9, b"abcde"), 0x001D, "000900056162636465000000"),
        (UserHash(bytes(32)), 0x001E, "00" * 32),
        (XorMappedAddress(Address("192.0.2.1", 32853)), 0x0020, "0001a147e112a643"),
        (Priority(0x6E0001FF), 0x0024, "6e0001ff"),
        (UseCandidate(), 0x0025, ""),
        (
            PasswordAlgorithms((PasswordAlgorithm(Algorithm.SHA256), PasswordAlgorithm(Algorithm.MD5))),
            0x8002,
            "0002000000010000",
        ),
        (AlternateDomain("example.org"), 0x8003, "6578616d706c652e6f7267"),
        (Software("rtc"), 0x8022, "727463"),
        (AlternateServer(Address("192.0.2.1", 3478)), 0x8023, "00010d96c0000201"),
        (IceControlled(1), 0x8029, "0000000000000001"),
        (IceControlling(2**64 - 1), 0x802A, "ffffffffffffffff"),
        (GoogNomination(3), 0xC001, "00000003"),
        (GoogNetworkInfo(1, 50), 0xC057, "00010032"),
    ],
)
@pytest.mark.spec("rfc8489:14.1/1", "rfc8489:14.1/2", "rfc8489:14.1/3", "rfc8489:14.8/2", "rfc8489:14.12/1")
def test_wire_form(attribute: Attribute, attribute_type: int, value: str) -> None:
    assert attribute_type == attribute.TYPE
    assert attribute.serialize(ID).hex() == value
    assert type(attribute).parse(bytes.fromhex(value), ID) == attribute


# Addresses.


@pytest.mark.spec("rfc8489:14.1/4")
def test_first_byte_of_an_address_is_ignored() -> None:
    assert MappedAddress.parse(bytes.fromhex("ff011234c0000201"), ID).address == Address("192.0.2.1", 0x1234)


@pytest.mark.parametrize("kind", [MappedAddress, XorMappedAddress])
@pytest.mark.parametrize(
    "value", ["", "0001", "000112", "00011234", "00011234c00002", "00011234c000020100", "00021234c0000201"]
)
@pytest.mark.spec("rfc8489:14.1/1", "rfc8489:14.1/2")
def test_address_of_a_wrong_length_is_refused(kind: type[Attribute], value: str) -> None:
    with pytest.raises(ParseError):
        kind.parse(bytes.fromhex(value), ID)


@pytest.mark.spec("rfc8489:6.3.3/1")
def test_address_of_an_unknown_family_is_left_out_of_the_message() -> None:
    strange = UnknownAttribute(XorMappedAddress.TYPE, bytes.fromhex("00031234c0000201"))
    usual = XorMappedAddress(Address("192.0.2.1", 5))
    data = bytes(Message(BINDING, MessageClass.SUCCESS, ID, [strange, usual]))

    message = Message.parse(data)

    assert message.attributes == [usual]
    assert message.unknown_required() == []


@given(addresses, st.binary(min_size=12, max_size=12))
def test_masked_addresses_come_back(address: Address, transaction_id: bytes) -> None:
    value = XorMappedAddress(address).serialize(transaction_id)

    assert XorMappedAddress.parse(value, transaction_id).address == address


@given(addresses)
def test_hosts_come_back(address: Address) -> None:
    assert unpack_host(pack_host(address.host)) == address.host
    assert address.is_ipv6 == (len(pack_host(address.host)) == 16)


def test_ipv4_mapped_host_is_written_as_a_socket_writes_it() -> None:
    packed = bytes(10) + b"\xff\xff\xc0\x00\x02\x01"

    assert unpack_host(packed) == "::ffff:192.0.2.1"
    assert pack_host("::ffff:192.0.2.1") == packed


def test_zone_is_not_told_to_others() -> None:
    assert pack_host("fe80::1%eth0") == pack_host("fe80::1")


@pytest.mark.parametrize(
    "host",
    [
        "",
        "example.org",
        "1.2.3",
        "1.2.3.256",
        "01.2.3.4",
        "::g",
        "1.2.3.4.5",
        " 1.2.3.4",
        "1_0.2.3.4",
        "+1.2.3.4",
        "1.2.3.\u0664",
    ],
)
def test_host_is_an_ip_literal(host: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        pack_host(host)


def test_packed_host_has_4_or_16_bytes() -> None:
    with pytest.raises(ParseError):
        unpack_host(bytes(5))


@pytest.mark.parametrize("port", [-1, 65536])
def test_port_is_a_port(port: int) -> None:
    for kind in (MappedAddress, XorMappedAddress):
        with pytest.raises(ValueError, match="port"):
            kind(Address("192.0.2.1", port)).serialize(ID)


def test_other_packages_can_mask_addresses_of_their_own() -> None:
    class XorPeerAddress(XorAddressAttribute):
        __slots__ = ()
        TYPE = 0x0012

    address = Address("192.0.2.1", 32853)
    assert XorPeerAddress(address).serialize(ID) == XorMappedAddress(address).serialize(ID)


# Texts.


@pytest.mark.parametrize("length", [1, 508])
@pytest.mark.spec("rfc8489:14.3/1")
def test_username_of_fewer_than_509_bytes_is_sent(length: int) -> None:
    assert len(Username("u" * length).serialize(ID)) == length


@pytest.mark.parametrize("text", ["u" * 509, "é" * 255])
@pytest.mark.spec("rfc8489:14.3/1")
def test_longer_username_is_not_sent(text: str) -> None:
    with pytest.raises(ValueError, match="508"):
        Username(text).serialize(ID)


@pytest.mark.spec("rfc8489:14.3/3")
def test_username_of_763_bytes_is_taken_and_a_longer_one_is_not() -> None:
    assert Username.parse(b"u" * 763, ID) == Username("u" * 763)
    with pytest.raises(ParseError, match="763"):
        Username.parse(b"u" * 764, ID)


@pytest.mark.spec("rfc8489:14.3/1", "rfc8489:14.9/1")
def test_text_that_matters_is_utf8() -> None:
    for kind in (Username, Realm):
        with pytest.raises(ParseError, match="UTF-8"):
            kind.parse(b"\xff", ID)


@pytest.mark.spec("rfc8489:14.3/2", "rfc8489:14.9/2")
def test_username_and_realm_are_prepared_when_sent() -> None:
    for kind in (Username, Realm):
        assert kind("e\u0301\u2003x").serialize(ID) == "\u00e9 x".encode()
        with pytest.raises(ValueError, match="not allowed"):
            kind("a\u0007").serialize(ID)


@pytest.mark.parametrize("kind", [Realm, Software])
@pytest.mark.spec("rfc8489:14.9/1", "rfc8489:14.14/2")
def test_realm_and_software_have_fewer_than_128_characters(kind: type[Realm] | type[Software]) -> None:
    assert kind(MANY).serialize(ID) == MANY.encode()
    with pytest.raises(ValueError, match="127 characters"):
        kind(MANY + "x").serialize(ID)


def test_software_may_be_garbage_but_not_without_end() -> None:
    assert Software.parse(b"\xffx", ID) == Software("\ufffdx")
    with pytest.raises(ParseError):
        Software.parse(bytes(764), ID)


@pytest.mark.spec("rfc8489:14.10/1")
def test_nonce_has_fewer_than_128_characters() -> None:
    assert Nonce(MANY.encode()).serialize(ID) == MANY.encode()
    with pytest.raises(ValueError, match="127 characters"):
        Nonce(b"n" * 128).serialize(ID)
    assert Nonce.parse(b"n" * 763, ID) == Nonce(b"n" * 763)
    with pytest.raises(ParseError):
        Nonce.parse(b"n" * 764, ID)


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "a..b",
        "-a.example",
        "a-.example",
        "under_score.example",
        "münchen.example",
        "a" * 64,
        "a b",
        "a." * 128,
    ],
)
@pytest.mark.spec("rfc8489:14.16/1")
def test_alternate_domain_is_a_dns_name(name: str) -> None:
    with pytest.raises(ValueError, match="DNS name"):
        AlternateDomain(name).serialize(ID)
    with pytest.raises(ParseError, match="DNS name"):
        AlternateDomain.parse(name.encode(), ID)


@pytest.mark.spec("rfc8489:14.16/1")
def test_alternate_domain_of_255_characters_is_the_longest() -> None:
    name = ".".join(["a" * 63] * 3 + ["a" * 63])
    assert len(name) == 255

    assert AlternateDomain.parse(AlternateDomain(name).serialize(ID), ID) == AlternateDomain(name)


# Error codes.


@pytest.mark.parametrize("code", [300, 399, 400, 699])
@pytest.mark.spec("rfc8489:14.8/4", "rfc8489:14.8/5")
def test_error_codes_from_300_to_699(code: int) -> None:
    value = ErrorCode(code).serialize(ID)

    assert value == bytes([0, 0, code // 100, code % 100])
    assert ErrorCode.parse(value, ID) == ErrorCode(code)


@pytest.mark.parametrize("code", [0, 299, 700, -1])
@pytest.mark.spec("rfc8489:14.8/4")
def test_other_error_codes_are_not_sent(code: int) -> None:
    with pytest.raises(ValueError, match="300 to 699"):
        ErrorCode(code).serialize(ID)


@pytest.mark.parametrize("value", ["", "000004", "00000200", "00000700", "00000464", "000004ff"])
@pytest.mark.spec("rfc8489:14.8/4", "rfc8489:14.8/5")
def test_malformed_error_codes_are_refused(value: str) -> None:
    with pytest.raises(ParseError):
        ErrorCode.parse(bytes.fromhex(value), ID)


@pytest.mark.spec("rfc8489:14.8/3")
def test_reserved_bits_of_an_error_code_are_ignored() -> None:
    assert ErrorCode.parse(bytes.fromhex("fffffc01"), ID) == ErrorCode(401)


@pytest.mark.spec("rfc8489:14.8/1")
def test_reason_phrase_has_fewer_than_128_characters() -> None:
    assert ErrorCode(400, MANY).serialize(ID)[4:] == MANY.encode()
    with pytest.raises(ValueError, match="127 characters"):
        ErrorCode(400, MANY + "x").serialize(ID)
    assert ErrorCode.parse(b"\0\0\4\0\xff", ID) == ErrorCode(400, "\ufffd")
    with pytest.raises(ParseError):
        ErrorCode.parse(b"\0\0\4\0" + bytes(764), ID)


@pytest.mark.spec("rfc8489:6.3.1.1/2")
def test_known_codes_have_a_phrase_and_unknown_ones_none() -> None:
    assert {code: ErrorCode.with_phrase(code).reason for code in REASON_PHRASES} == dict(REASON_PHRASES)
    assert ErrorCode.with_phrase(499) == ErrorCode(499, "")


# Password algorithms and lists.


@pytest.mark.spec("rfc8489:14.12/2")
def test_padding_of_algorithm_parameters_is_ignored() -> None:
    assert PasswordAlgorithm.parse(bytes.fromhex("000900056162636465ffffff"), ID) == PasswordAlgorithm(9, b"abcde")


@pytest.mark.parametrize("value", ["", "0002", "00020001", "0002000161", "0002000000010000"])
def test_malformed_algorithm_is_refused(value: str) -> None:
    with pytest.raises(ParseError):
        PasswordAlgorithm.parse(bytes.fromhex(value), ID)


@pytest.mark.parametrize("value", ["0002", "000200000001", "00020000000100ff"])
def test_malformed_list_of_algorithms_is_refused(value: str) -> None:
    with pytest.raises(ParseError):
        PasswordAlgorithms.parse(bytes.fromhex(value), ID)


def test_unknown_attributes_lists_pairs_of_bytes() -> None:
    with pytest.raises(ParseError):
        UnknownAttributes.parse(b"\0\1\0", ID)


@pytest.mark.parametrize(
    "attribute",
    [
        UnknownAttributes((0x1_0000,)),
        PasswordAlgorithm(0x1_0000),
        PasswordAlgorithm(1, bytes(70_000)),
        PasswordAlgorithms((PasswordAlgorithm(-1),)),
    ],
)
def test_numbers_in_lists_have_16_bits(attribute: Attribute) -> None:
    with pytest.raises(ValueError, match="16 bits"):
        attribute.serialize(ID)


# Numbers and flags.


@pytest.mark.parametrize(
    ("attribute", "length"),
    [(Priority(-1), 32), (Priority(2**32), 32), (IceControlled(2**64), 64), (IceControlled(-1), 64)],
)
def test_numbers_fit_their_width(attribute: Attribute, length: int) -> None:
    with pytest.raises(ValueError, match=f"{length} bits"):
        attribute.serialize(ID)


@pytest.mark.parametrize("kind", [Priority, IceControlled, GoogNetworkInfo, GoogNomination])
@pytest.mark.parametrize("length", [0, 1, 3, 5, 7, 9])
def test_numbers_have_their_width(kind: type[Attribute], length: int) -> None:
    with pytest.raises(ParseError):
        kind.parse(bytes(length), ID)


def test_flags_have_no_value() -> None:
    assert issubclass(UseCandidate, FlagAttribute)
    with pytest.raises(ParseError):
        UseCandidate.parse(b"\0", ID)


def test_network_info_fits_its_width() -> None:
    with pytest.raises(ValueError, match="16 bits"):
        GoogNetworkInfo(0x10000, 0).serialize(ID)


@pytest.mark.parametrize("length", [31, 33])
def test_userhash_has_32_bytes(length: int) -> None:
    with pytest.raises(ParseError):
        UserHash.parse(bytes(length), ID)
    with pytest.raises(ValueError, match="cannot have"):
        UserHash(bytes(length)).serialize(ID)
