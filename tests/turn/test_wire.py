"""The wire form of attributes and of ChannelData."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtc_stun import MAGIC_COOKIE, Address, Attribute, Message, MessageClass
from rtc_stun import ParseError as StunParseError
from rtc_turn import (
    ALLOCATE,
    TURN_ATTRIBUTES,
    AccessToken,
    AdditionalAddressFamily,
    AddressErrorCode,
    ChannelNumber,
    ConnectionId,
    Data,
    DontFragment,
    EvenPort,
    Icmp,
    Lifetime,
    MobilityTicket,
    ParseError,
    RequestedAddressFamily,
    RequestedTransport,
    ReservationToken,
    ThirdPartyAuthorization,
    TurnStreamBuffer,
    XorPeerAddress,
    XorRelayedAddress,
    is_channel_data,
    pack_channel_data,
    unpack_channel_data,
)

NO_ID = bytes(12)

OURS = sorted(number for number, kind in TURN_ATTRIBUTES.items() if kind.__module__.startswith("rtc_turn"))
VECTORS: list[tuple[Attribute, int, str]] = [
    (ChannelNumber(0x4001), 0x000C, "40010000"),
    (Lifetime(600), 0x000D, "00000258"),
    # 203.0.113.9 and port 7000, each with the cookie's bits on top.
    (XorPeerAddress(Address("203.0.113.9", 7000)), 0x0012, "0001 3a4a ea12d54b"),
    (Data(b"abc"), 0x0013, "616263"),
    (XorRelayedAddress(Address("198.51.100.1", 50_000)), 0x0016, "0001 e242 e721c043"),
    (RequestedAddressFamily(2), 0x0017, "02000000"),
    (EvenPort(False), 0x0018, "00"),
    (EvenPort(True), 0x0018, "80"),
    (RequestedTransport(17), 0x0019, "11000000"),
    (DontFragment(), 0x001A, ""),
    (AccessToken(b"\1\2"), 0x001B, "0102"),
    (ReservationToken(b"12345678"), 0x0022, "3132333435363738"),
    (ConnectionId(7), 0x002A, "00000007"),
    (AdditionalAddressFamily(2), 0x8000, "02000000"),
    (AddressErrorCode(2, 440, "No"), 0x8001, "02000428 4e6f"),
    # Type 3 in the upper seven bits, code 4 in the lower nine.
    (Icmp(3, 4, 1400), 0x8004, "0000 0604 00000578"),
    (ThirdPartyAuthorization(b"auth.example.org"), 0x802E, b"auth.example.org".hex()),
    (MobilityTicket(b""), 0x8030, ""),
]
RESERVED: list[tuple[type[Attribute], str, Attribute]] = [
    (ChannelNumber, "4001ffff", ChannelNumber(0x4001)),
    (RequestedAddressFamily, "01ffffff", RequestedAddressFamily(1)),
    (AdditionalAddressFamily, "02ffffff", AdditionalAddressFamily(2)),
    (RequestedTransport, "11ffffff", RequestedTransport(17)),
    (EvenPort, "7f", EvenPort(False)),
    (AddressErrorCode, "02fffc28", AddressErrorCode(2, 440)),
    (Icmp, "ffff060400000578", Icmp(3, 4, 1400)),
]


@pytest.mark.spec(
    "rfc8656:18.1/1", "rfc8656:18.6/1", "rfc8656:18.8/1", "rfc8656:18.12/1", "rfc8656:18.12/3", "rfc8656:18.13/1"
)
@pytest.mark.parametrize(("attribute", "number", "value"), VECTORS, ids=lambda each: type(each).__name__)
def test_vector(attribute: Attribute, number: int, value: str) -> None:
    assert number == attribute.TYPE
    assert attribute.serialize(NO_ID) == bytes.fromhex(value)
    assert type(attribute).parse(bytes.fromhex(value), NO_ID) == attribute
    assert TURN_ATTRIBUTES[number] is type(attribute)


@pytest.mark.spec("rfc8656:18.1/2", "rfc8656:18.6/2", "rfc8656:18.8/2", "rfc8656:18.12/2", "rfc8656:18.13/2")
@pytest.mark.parametrize(("kind", "value", "expected"), RESERVED, ids=lambda each: getattr(each, "__name__", ""))
def test_reserved_bits_mean_nothing(kind: type[Attribute], value: str, expected: Attribute) -> None:
    assert kind.parse(bytes.fromhex(value), NO_ID) == expected


@pytest.mark.spec("rfc8656:18/1")
@pytest.mark.parametrize("length", range(9))
def test_attributes_are_padded_to_four_bytes(length: int) -> None:
    message = Message(ALLOCATE, MessageClass.REQUEST, NO_ID, [Data(b"x" * length), Lifetime(1)])
    wire = message.serialize()

    assert wire[20:24] == b"\0\x13\0" + bytes([length])
    assert wire[24 : 24 + length] == b"x" * length
    assert len(wire) == 20 + 4 + (length + 3) // 4 * 4 + 8
    assert Message.parse(wire, TURN_ATTRIBUTES).get(Lifetime) == Lifetime(1)


@pytest.mark.spec("rfc8656:18.12/3")
def test_a_phrase_has_fewer_than_128_characters() -> None:
    assert len(AddressErrorCode(2, 440, "ä" * 127).serialize(NO_ID)) == 4 + 254
    with pytest.raises(ValueError, match=r"127|128"):
        AddressErrorCode(2, 440, "ä" * 128).serialize(NO_ID)


@pytest.mark.parametrize(
    "attribute",
    [
        ChannelNumber(0x1_0000),
        RequestedAddressFamily(256),
        RequestedTransport(256),
        ReservationToken(b"1234567"),
        Icmp(128, 0),
        Icmp(0, 512),
        Icmp(0, 0, 1 << 32),
    ],
)
def test_what_does_not_fit_is_not_written(attribute: Attribute) -> None:
    with pytest.raises(ValueError, match=r"bits|bytes"):
        attribute.serialize(NO_ID)


@given(number=st.sampled_from(OURS), value=st.binary(max_size=40))
def test_a_value_is_read_or_is_a_parse_error(number: int, value: bytes) -> None:
    kind = TURN_ATTRIBUTES[number]
    try:
        attribute = kind.parse(value, NO_ID)
    except StunParseError:
        return

    assert kind.parse(attribute.serialize(NO_ID), NO_ID) == attribute


@given(number=st.integers(0x4000, 0x4FFF), data=st.binary(max_size=100), pad=st.booleans())
def test_channel_data_comes_back(number: int, data: bytes, pad: bool) -> None:
    wire = pack_channel_data(number, data, pad=pad)

    assert is_channel_data(wire)
    assert unpack_channel_data(wire) == (number, data)
    assert not pad or len(wire) % 4 == 0


@pytest.mark.spec("rfc8656:12.5/2")
@pytest.mark.parametrize(
    ("data", "pad", "wire"),
    [
        (b"", True, "40000000"),
        (b"a", True, "4000000161000000"),
        (b"abc", True, "4000000361626300"),
        (b"abcd", True, "4000000461626364"),
        (b"abc", False, "40000003616263"),
    ],
)
def test_channel_data_is_padded_in_streams(data: bytes, pad: bool, wire: str) -> None:
    assert pack_channel_data(0x4000, data, pad=pad) == bytes.fromhex(wire)


@pytest.mark.parametrize("wire", ["", "40", "400000", "40000001", "3fff0000", "50000000"])
def test_what_is_no_channel_data(wire: str) -> None:
    with pytest.raises(ParseError):
        unpack_channel_data(bytes.fromhex(wire))


@pytest.mark.parametrize(("number", "length"), [(0x3FFF, 0), (0x8000, 0), (0x4000, 65_536)])
def test_channel_data_that_cannot_be(number: int, length: int) -> None:
    with pytest.raises(ValueError, match="no channel"):
        pack_channel_data(number, bytes(length), pad=False)


@pytest.mark.spec("rfc8656:12/3")
def test_the_first_byte_tells_channels() -> None:
    assert [first for first in range(256) if is_channel_data(bytes([first]))] == list(range(64, 80))
    assert not is_channel_data(b"")


MESSAGES = st.one_of(
    st.builds(lambda number, data: pack_channel_data(number, data, pad=True), st.integers(0x4000, 0x4FFF), st.binary()),
    st.builds(
        lambda data: Message(ALLOCATE, MessageClass.INDICATION, NO_ID, [Data(data)]).serialize(), st.binary(max_size=50)
    ),
)


@given(messages=st.lists(MESSAGES, max_size=8), sizes=st.lists(st.integers(1, 50), min_size=1))
def test_a_stream_is_cut_where_its_messages_end(messages: list[bytes], sizes: list[int]) -> None:
    buffer, stream, cut = TurnStreamBuffer(), b"".join(messages), []
    turn = 0
    while stream:
        size = sizes[turn % len(sizes)]
        cut += buffer.feed(stream[:size])
        stream = stream[size:]
        turn += 1

    assert cut == messages


@given(data=st.binary(max_size=200), prefix=st.sampled_from([b"", b"\x40\0\0\1a\0\0\0", b"\0\1\0\0\x21\x12\xa4\x42"]))
def test_a_stream_of_anything_is_cut_or_given_up(data: bytes, prefix: bytes) -> None:
    buffer = TurnStreamBuffer(max_message_length=150)
    try:
        while messages := buffer.feed(prefix + data):
            assert all(len(message) <= 150 for message in messages)
            prefix = data = b""
    except ParseError:
        pass


def test_the_cookie_is_looked_for_in_streams() -> None:
    wire = bytearray(Message(ALLOCATE, MessageClass.REQUEST, NO_ID, []).serialize())
    assert wire[4:8] == MAGIC_COOKIE.to_bytes(4, "big")
    wire[5] ^= 1

    with pytest.raises(ParseError):
        TurnStreamBuffer().feed(bytes(wire))
