"""RED: blocks on the wire, redundancy as browsers send it, and taking it apart (RFC 2198)."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtc_rtp import ParseError, RedBlock, RedReceiver, RedSender, RtpPacket, parse_red, serialize_red

VECTOR = Path(__file__).parents[1] / "vectors" / "rtp" / "red" / "chromium-red-opus.json"
older_blocks = st.builds(RedBlock, st.integers(0, 127), st.integers(0, 0x3FFF), st.binary(max_size=20))
primaries = st.builds(RedBlock, st.integers(0, 127), st.just(0), st.binary(max_size=1500))


def _packet(payload: bytes, *, number: int = 1, timestamp: int = 9600, marker: bool = False) -> RtpPacket:
    return RtpPacket(63, number, timestamp, 7, payload, marker=marker, csrcs=(5,), extensions={1: b"\x10"})


@pytest.mark.spec("rfc2198:3/3")
def test_blocks_on_the_wire() -> None:
    blocks = [RedBlock(111, 960, b"old"), RedBlock(111, 0, b"new")]

    wire = serialize_red(blocks)

    assert wire == bytes.fromhex("ef0f0003 6f") + b"oldnew"
    assert parse_red(wire) == blocks


@given(st.lists(older_blocks, max_size=9), primaries)
@pytest.mark.spec("rfc2198:3/3")
def test_blocks_survive_the_wire(older: list[RedBlock], primary: RedBlock) -> None:
    assert parse_red(serialize_red([*older, primary])) == [*older, primary]


@given(st.binary(max_size=60))
def test_payloads_are_blocks_or_parse_errors(data: bytes) -> None:
    try:
        blocks = parse_red(data)
    except ParseError:
        return

    assert serialize_red(blocks) == data


@pytest.mark.parametrize(
    "data", [b"", b"\x80", b"\xef\x0f\x00\x03", b"\xef\x0f\x00\x03\x6fol", b"\xef\0\0\0" * 40 + b"\x6f"]
)
def test_what_is_no_red(data: bytes) -> None:
    with pytest.raises(ParseError):
        parse_red(data)


@pytest.mark.parametrize(
    "blocks", [[], [RedBlock(1, 0x4000, b""), RedBlock(1, 0, b"")], [RedBlock(1, 1, bytes(1024)), RedBlock(1, 0, b"")]]
)
def test_blocks_that_red_cannot_tell(blocks: list[RedBlock]) -> None:
    with pytest.raises(ValueError, match="block"):
        serialize_red(blocks)


@pytest.mark.spec("rfc2198:3/1", "rfc2198:3/2")
def test_each_packet_repeats_those_before_it() -> None:
    sender = RedSender(distance=2)

    sent = [parse_red(sender.wrap(111, i * 960, bytes([i]), 1200)) for i in range(4)]

    assert sent[0] == [RedBlock(111, 0, b"\0")]
    assert sent[1] == [RedBlock(111, 960, b"\0"), RedBlock(111, 0, b"\1")]
    assert sent[3] == [RedBlock(111, 1920, b"\1"), RedBlock(111, 960, b"\2"), RedBlock(111, 0, b"\3")]


def test_what_is_too_old_too_long_or_finds_no_room_is_left_out() -> None:
    sender = RedSender(distance=2)
    sender.wrap(111, 0, bytes(500), 1200)
    sender.wrap(111, 960, bytes(400), 1200)

    blocks = parse_red(sender.wrap(111, 1920, bytes(400), 1200))
    assert [len(block.data) for block in blocks] == [400, 400]
    assert len(parse_red(sender.wrap(111, 1920 + 0x4000, b"a", 1200))) == 1
    sender.wrap(111, 100000, bytes(1024), 1200)
    assert len(parse_red(sender.wrap(111, 100960, b"a", 1200))) == 1


def test_timestamps_wrap() -> None:
    sender, receiver = RedSender(), RedReceiver()
    sender.wrap(111, 0xFFFF_FFF0, b"old", 1200)

    packets = receiver.unwrap(_packet(sender.wrap(111, 0x3B0, b"new", 1200), number=0, timestamp=0x3B0))

    assert [(packet.timestamp, packet.sequence_number) for packet in packets] == [(0xFFFF_FFF0, 0xFFFF), (0x3B0, 0)]


@pytest.mark.parametrize("distance", [-1, 10])
def test_distances_have_a_range(distance: int) -> None:
    with pytest.raises(ValueError, match="distance"):
        RedSender(distance=distance)


@pytest.mark.spec("rfc2198:4/1", "rfc8854:4.1/6")
def test_a_repeated_payload_becomes_the_lost_packet() -> None:
    receiver = RedReceiver()
    receiver.unwrap(_packet(serialize_red([RedBlock(111, 0, b"first")]), number=1, timestamp=960))

    # number 2 was lost
    payload = serialize_red([RedBlock(111, 1920, b"first"), RedBlock(111, 960, b"lost"), RedBlock(111, 0, b"new")])
    lost, new = receiver.unwrap(_packet(payload, number=3, timestamp=2880, marker=True))

    assert (lost.sequence_number, lost.timestamp, lost.payload, lost.payload_type) == (2, 1920, b"lost", 111)
    assert (lost.marker, lost.csrcs, lost.extensions) == (False, (5,), {})
    assert (new.sequence_number, new.payload, new.marker, new.extensions) == (3, b"new", True, {1: b"\x10"})


@given(st.lists(st.booleans(), min_size=1, max_size=40), st.integers(1, 4))
def test_losses_up_to_the_distance_are_made_good(lost: list[bool], distance: int) -> None:
    sender, receiver = RedSender(distance=distance), RedReceiver()
    heard: list[tuple[int, bytes]] = []

    for i, is_lost in enumerate(lost):
        payload = sender.wrap(111, i * 960, bytes([i]), 1200)
        if not is_lost:
            packets = receiver.unwrap(_packet(payload, number=i, timestamp=i * 960))
            heard += [(packet.sequence_number, packet.payload) for packet in packets]

    expected = [i for i in range(len(lost)) if not all(lost[i : i + distance + 1])]
    assert [number for number, _ in heard] == expected
    assert all(payload == bytes([number]) for number, payload in heard)


@given(st.lists(st.tuples(st.binary(max_size=30), st.integers(0, 0xFFFF_FFFF)), max_size=20))
def test_nothing_from_the_network_raises_anything_else(payloads: list[tuple[bytes, int]]) -> None:
    receiver = RedReceiver()

    for i, (payload, timestamp) in enumerate(payloads):
        try:
            packets = receiver.unwrap(_packet(payload, number=i, timestamp=timestamp))
        except ParseError:
            continue
        assert len(packets) <= 32


def test_chromium_repeats_one_packet() -> None:
    content = json.loads(VECTOR.read_text())
    packets = [RtpPacket.parse(bytes.fromhex(each)) for each in content["packets"]]
    sender, receiver = RedSender(distance=1), RedReceiver()

    for packet in packets:
        primary = parse_red(packet.payload)[-1]
        assert sender.wrap(primary.payload_type, packet.timestamp, primary.data, 1200) == packet.payload
    heard = [inner for packet in packets[::2] for inner in receiver.unwrap(packet)]

    assert {inner.payload_type for inner in heard} == {content["payload_type"]}
    assert [inner.sequence_number for inner in heard] == [packet.sequence_number for packet in packets[: len(heard)]]
    assert [inner.timestamp for inner in heard] == [packet.timestamp for packet in packets[: len(heard)]]
