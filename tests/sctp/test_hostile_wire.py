"""Random and mutated bytes: every parser raises `ParseError` and nothing else, and what it does take it can write."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sctp.strategies import chunks, parameters, uint8, uint32

from rtc_sctp import (
    CAUSES,
    CHUNKS,
    PARAMETERS,
    Packet,
    ParseError,
    parse_causes,
    parse_chunk,
    parse_header,
    parse_parameters,
    split_chunks,
)

noise = st.binary(max_size=120)


@st.composite
def mutated(draw: st.DrawFn, original: st.SearchStrategy[bytes]) -> bytes:
    """Something valid with a few bytes changed, cut off or put in."""
    data = bytearray(draw(original))
    for _ in range(draw(st.integers(1, 4))):
        position = draw(st.integers(0, len(data)))
        match draw(st.sampled_from(["change", "cut", "insert", "length"])):
            case "change" if position < len(data):
                data[position] = draw(uint8)
            case "cut":
                del data[position:]
            case "insert":
                data[position:position] = draw(st.binary(max_size=5))
            case "length" if len(data) >= 4:
                data[2:4] = draw(st.binary(min_size=2, max_size=2))
    return bytes(data)


@pytest.mark.parametrize("parse", [parse_header, Packet.parse, parse_parameters, parse_causes])
@given(data=noise)
def test_noise(parse: Callable[[bytes], object], data: bytes) -> None:
    try:
        parse(data)
    except ParseError:
        return


@given(noise, noise)
def test_cutting_takes_anything_and_loses_nothing(head: bytes, rest: bytes) -> None:
    packet = head[:12].ljust(12, b"\0") + rest

    cut = split_chunks(packet)

    assert sum(len(value) for _, _, value in cut) <= len(rest)
    assert bool(cut) == bool(rest)


@pytest.mark.parametrize("type_", sorted(CHUNKS))
@given(flags=uint8, value=noise)
def test_noise_as_the_value_of_each_chunk(type_: int, flags: int, value: bytes) -> None:
    try:
        chunk = parse_chunk(type_, flags, value)
    except ParseError:
        return

    data = chunk.serialize()
    assert parse_chunk(type_, data[1], data[4 : int.from_bytes(data[2:4])]) == chunk


@pytest.mark.parametrize("type_", sorted(PARAMETERS))
@given(value=noise)
def test_noise_as_the_value_of_each_parameter(type_: int, value: bytes) -> None:
    try:
        parameter = PARAMETERS[type_].parse(value)
    except ParseError:
        return

    assert parse_parameters(parameter.serialize()) == (parameter,)


@pytest.mark.parametrize("code", sorted(CAUSES))
@given(value=noise)
def test_noise_as_the_information_of_each_cause(code: int, value: bytes) -> None:
    try:
        cause = CAUSES[code].parse(value)
    except ParseError:
        return

    assert parse_causes(cause.serialize()) == (cause,)


@given(mutated(chunks.map(lambda chunk: chunk.serialize())))
def test_mutated_chunks(data: bytes) -> None:
    for chunk in split_chunks(bytes(12) + data):
        try:
            parse_chunk(*chunk)
        except ParseError:
            continue


@given(
    mutated(
        st.builds(
            lambda tag, parts: Packet(1, 2, tag, 0, tuple(parts)).serialize(), uint32, st.lists(chunks, max_size=4)
        )
    )
)
def test_mutated_packets(data: bytes) -> None:
    try:
        packet = Packet.parse(data)
    except ParseError:
        return

    assert Packet.parse(packet.serialize()) == packet


@given(mutated(parameters.map(lambda parameter: parameter.serialize())))
def test_mutated_parameters(data: bytes) -> None:
    try:
        read = parse_parameters(data)
    except ParseError:
        return

    assert parse_parameters(b"".join(parameter.serialize() for parameter in read)) == read
