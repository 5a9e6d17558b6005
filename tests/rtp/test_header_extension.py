"""Elements of header extensions, and what their numbers mean."""

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtc_rtp import ExtensionMap, HeaderExtension, RtpPacket
from rtc_rtp.header_extension import (
    ONE_BYTE_PROFILE,
    TWO_BYTE_PROFILE,
    find_element,
    parse_elements,
    serialize_elements,
)

from .strategies import elements, one_byte_elements, uint16

LABEL: HeaderExtension[str] = HeaderExtension(
    "urn:example:label", parse=lambda data: data.decode(), serialize=lambda value: value.encode()
)


@given(elements)
def test_elements_come_back(values: dict[int, bytes]) -> None:
    profile, data = serialize_elements(values)

    assert parse_elements(profile, data) == values
    assert list(parse_elements(profile, data)) == list(values)


@given(one_byte_elements)
@pytest.mark.spec("rfc8285:4.1.2/7", "rfc8285:4.2/1", "rfc8285:4.2/2")
def test_small_elements_get_one_byte_headers(values: dict[int, bytes]) -> None:
    profile, data = serialize_elements(values)

    assert profile == ONE_BYTE_PROFILE == 0xBEDE
    assert parse_elements(profile, data) == values


@pytest.mark.spec("rfc8285:4.1.2/6", "rfc8285:4.2/3")
@pytest.mark.parametrize("values", [{1: b""}, {1: bytes(17)}, {15: b"a"}, {16: b"a", 1: b"b"}])
def test_one_large_element_gives_all_two_byte_headers(values: dict[int, bytes]) -> None:
    profile, data = serialize_elements(values)

    assert profile == TWO_BYTE_PROFILE
    assert parse_elements(profile, data) == values


@pytest.mark.spec("rfc8285:4.3/1")
def test_the_bits_of_the_application_are_zero() -> None:
    assert serialize_elements({20: b"a"})[0] & 0xF == 0


@pytest.mark.spec("rfc8285:4.1.2/8")
def test_the_example_of_the_one_byte_form() -> None:
    data = bytes.fromhex("10aa 21bbcc 0000 33 01020304".replace(" ", ""))

    assert parse_elements(0xBEDE, data) == {1: b"\xaa", 2: b"\xbb\xcc", 3: b"\1\2\3\4"}


@pytest.mark.spec("rfc8285:4.3/2")
@pytest.mark.parametrize("profile", [0x1000, 0x100F, 0x1007])
def test_the_example_of_the_two_byte_form(profile: int) -> None:
    data = bytes.fromhex("0100 0201bb 00 0304 01020304".replace(" ", ""))

    assert parse_elements(profile, data) == {1: b"", 2: b"\xbb", 3: b"\1\2\3\4"}


@pytest.mark.spec("rfc8285:4.2/4", "rfc8285:4.2/5")
def test_the_reserved_identifier_ends_the_extension() -> None:
    assert parse_elements(0xBEDE, bytes.fromhex("10aaf020bb000000")) == {1: b"\xaa"}


@pytest.mark.spec("rfc8285:4.1.2/4", "rfc8285:4.1.2/5")
def test_padding_with_a_length_ends_the_extension() -> None:
    assert parse_elements(0xBEDE, bytes.fromhex("10aa010020bb0000")) == {1: b"\xaa"}


@pytest.mark.parametrize(("profile", "data"), [(0xBEDE, "10aa23bb"), (0x1000, "0101aa0203bb"), (0x1000, "0101aa02")])
def test_an_element_that_runs_over_the_end_is_left_out(profile: int, data: str) -> None:
    assert parse_elements(profile, bytes.fromhex(data)) == {1: b"\xaa"}


@given(uint16 | st.sampled_from([0xBEDE, 0x1000, 0x1001]), st.binary(max_size=64))
def test_any_bytes_are_an_extension(profile: int, data: bytes) -> None:
    values = parse_elements(profile, data)

    assert all(0 < identifier < 256 for identifier in values)


@pytest.mark.spec("rfc8285:6/1")
def test_packets_of_one_stream_may_have_different_forms() -> None:
    small = RtpPacket(96, 1, 0, 7, extensions={1: b"a"})
    large = RtpPacket(96, 2, 0, 7, extensions={1: b"a", 2: bytes(20)})

    assert small.serialize()[12:14] == b"\xbe\xde"
    assert large.serialize()[12:14] == b"\x10\x00"
    assert RtpPacket.parse(small.serialize()).extensions == {1: b"a"}
    assert RtpPacket.parse(large.serialize()).extensions == {1: b"a", 2: bytes(20)}


def test_a_map_reads_both_ways() -> None:
    numbers = ExtensionMap({1: "urn:a", 3: LABEL})

    assert numbers.id_of("urn:a") == 1
    assert numbers.id_of(LABEL) == numbers.id_of("urn:example:label") == 3
    assert numbers.id_of("urn:b") is None
    assert numbers.uri_of(3) == LABEL
    assert numbers.uri_of(2) is None
    assert dict(numbers) == {1: "urn:a", 3: "urn:example:label"}
    assert numbers == copy.deepcopy(numbers) == pickle.loads(pickle.dumps(numbers))
    assert len({numbers, ExtensionMap({3: LABEL, 1: "urn:a"})}) == 1
    assert numbers != ExtensionMap(dict(numbers), allow_mixed=True)


@pytest.mark.spec("rfc8285:4.1.2/1")
def test_a_map_reads_and_writes_only_what_was_negotiated() -> None:
    packet = RtpPacket(96, 0, 0, 0, extensions={3: b"text"})

    assert ExtensionMap({3: LABEL}).read(packet.extensions, LABEL) == "text"
    assert ExtensionMap({4: LABEL}).read(packet.extensions, LABEL) is None
    assert ExtensionMap({3: "urn:other"}).read(packet.extensions, LABEL) is None
    assert ExtensionMap({4: LABEL}).write(packet.extensions, LABEL, "new")
    assert not ExtensionMap().write(packet.extensions, LABEL, "new")
    assert packet.extensions == {3: b"text", 4: b"new"}


@pytest.mark.spec("rfc8285:4.1.2/2", "rfc8285:4.1.2/3", "rfc8285:5/2", "rfc8285:5/6")
@pytest.mark.parametrize("uris", [{0: "urn:a"}, {256: "urn:a"}, {1: "urn:a", 2: "urn:a"}], ids=str)
def test_a_map_that_cannot_be_is_refused(uris: dict[int, str]) -> None:
    with pytest.raises(ValueError, match=r"identifier"):
        ExtensionMap(uris)


@pytest.mark.spec("rfc8285:4.1.2/3", "rfc8285:4.1.2/12")
def test_no_element_has_the_number_of_padding() -> None:
    with pytest.raises(ValueError, match=r"identifier"):
        serialize_elements({0: b"a"})


def test_an_extension_is_its_uri() -> None:
    assert LABEL == "urn:example:label"
    assert copy.deepcopy(LABEL) == pickle.loads(pickle.dumps(LABEL)) == LABEL


@given(uint16 | st.sampled_from([0xBEDE, 0xBEDE, 0x1000]), st.binary(max_size=40), st.integers(0, 16))
def test_looking_for_one_element_finds_what_parsing_all_does(profile: int, data: bytes, identifier: int) -> None:
    assert find_element(profile, data, identifier) == parse_elements(profile, data).get(identifier)
