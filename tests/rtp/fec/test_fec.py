"""Parity: the formats on the wire, recovery of what browsers protected, and of what we protect (RFC 5109, FlexFEC draft 03)."""

import copy
import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.effort import examples

from rtc_rtp import (
    FLEXFEC,
    ULPFEC,
    ExtensionMap,
    FecReceiver,
    FecScheme,
    FecSender,
    ParseError,
    Protection,
    RtpPacket,
    mutable_extensions,
    parse_red,
    protection_against,
)
from rtc_rtp.fec.mutable import zeroed
from rtc_rtp.fec.parity import Parity

VECTORS = Path(__file__).parents[2] / "vectors" / "rtp" / "fec"
SSRC = 0x1234_5678
both_schemes = pytest.mark.parametrize("scheme", [ULPFEC, FLEXFEC], ids=["ulpfec", "flexfec"])


def _packets(count: int, first: int = 65530, size: int = 100) -> list[bytes]:
    return [
        RtpPacket(
            96, (first + i) & 0xFFFF, 3000 * i, SSRC, bytes([i & 0xFF]) * (size + 7 * i % 50), marker=i % 3 == 2
        ).serialize()
        for i in range(count)
    ]


def _captured(name: str) -> tuple[dict[str, Any], dict[int, bytes], list[bytes]]:
    """Return what was captured: protected packets by number, and the payloads of parity."""
    content = json.loads((VECTORS / f"{name}.json").read_text())
    packets: dict[int, bytes] = {}
    parities: list[bytes] = []
    for data in content["packets"]:
        packet = RtpPacket.parse(bytes.fromhex(data))
        if packet.payload_type == content["fec_payload_type"]:
            parities.append(packet.payload)
            continue
        if packet.payload_type == content["red_payload_type"]:
            block = parse_red(packet.payload)[-1]
            if block.payload_type == content["fec_payload_type"]:
                parities.append(block.data)
                continue
            packet.payload_type, packet.payload = block.payload_type, block.data
        packets[packet.sequence_number] = packet.serialize()
    return content, packets, parities


@pytest.mark.parametrize("name", ["chromium-ulpfec", "chromium-flexfec", "firefox-ulpfec"])
@pytest.mark.spec("rfc5109:9/1", "rfc5109:9.2/1", "rfc5109:8/1", "rfc5109:14.2/1")
def test_what_browsers_protect_is_recovered(name: str) -> None:
    content, packets, parities = _captured(name)
    scheme: FecScheme = ULPFEC if content["scheme"] == "ulpfec" else FLEXFEC
    mutable = mutable_extensions(ExtensionMap({int(key): uri for key, uri in content["extensions"].items()}))
    tried = 0

    for parity in parities:
        numbers = scheme.parse(parity).sequence_numbers
        if not all(number in packets for number in numbers):
            continue
        for lost in numbers:
            receiver = FecReceiver(scheme, ssrc=content["ssrc"], mutable=mutable)
            for number in numbers:
                if number != lost:
                    assert receiver.add_packet(packets[number]) == []
            assert receiver.add_parity(parity) == [zeroed(packets[lost], mutable)]
            tried += 1

    assert tried >= 5


@pytest.mark.parametrize("name", ["chromium-ulpfec", "firefox-ulpfec"])
@pytest.mark.spec("rfc5109:7.3/1", "rfc5109:7.3/3", "rfc5109:7.3/4", "rfc5109:13/1")
def test_parity_of_browsers_is_written_as_they_do(name: str) -> None:
    _, _, parities = _captured(name)

    assert [ULPFEC.serialize(ULPFEC.parse(parity)) for parity in parities] == parities


protections = st.builds(
    lambda base, offsets, flags, second, length, timestamp, data: Protection(
        SSRC,
        tuple([(base + offset) & 0xFFFF for offset in sorted({0, *offsets})]),
        Parity(flags, second, length, timestamp, int.from_bytes(data, "big"), len(data)),
    ),
    st.integers(0, 0xFFFF),
    st.sets(st.integers(0, 47), max_size=48),
    st.integers(0, 0x3F),
    st.integers(0, 255),
    st.integers(0, 0xFFFF),
    st.integers(0, 0xFFFF_FFFF),
    st.binary(max_size=60),
)


@both_schemes
@given(protection=protections)
@pytest.mark.spec("rfc5109:7.3/3", "rfc5109:7.3/4")
def test_parity_survives_the_wire(scheme: FecScheme, protection: Protection) -> None:
    parsed = scheme.parse(scheme.serialize(protection))

    if scheme is ULPFEC:
        protection.ssrc = None
    assert parsed == protection


@given(st.sets(st.integers(0, 108), min_size=1))
def test_flexfec_reaches_over_109_packets(offsets: set[int]) -> None:
    numbers = tuple(sorted({0, *offsets}))

    wire = FLEXFEC.serialize(Protection(SSRC, numbers, Parity()))

    assert FLEXFEC.parse(wire).sequence_numbers == numbers
    assert len(wire) == (20 if max(numbers) < 15 else 24 if max(numbers) < 46 else 32)


@pytest.mark.spec("rfc5109:7.3/1", "rfc5109:7.3/4")
def test_ulpfec_by_hand() -> None:
    parity = Parity.of(_packets(1, first=65535)[0])
    wire = ULPFEC.serialize(Protection(None, (65535, 0, 15), parity))

    assert wire[0] & 0x80 == 0  # E
    assert wire[2:4] == b"\xff\xff"
    assert wire[12:14] == b"\xc0\x00" or wire[12:14] == (1 << 15 | 1 << 14).to_bytes(2, "big")
    assert wire[0] & 0x40 == 0x40  # packet 15 is number base + 16: a long mask


@both_schemes
def test_packets_too_far_apart_are_refused(scheme: FecScheme) -> None:
    with pytest.raises(ValueError, match="reaches"):
        scheme.serialize(Protection(SSRC, (1, 1 + scheme.max_packets), Parity()))


def test_flexfec_names_its_stream() -> None:
    with pytest.raises(ValueError, match="stream"):
        FLEXFEC.serialize(Protection(None, (1,), Parity()))


@both_schemes
@given(data=st.binary(max_size=60))
def test_random_parity_raises_nothing_but_parse_errors(scheme: FecScheme, data: bytes) -> None:
    receiver = FecReceiver(scheme, ssrc=SSRC)
    for packet in _packets(20, first=0):
        receiver.add_packet(packet)

    receiver.add_parity(data)
    try:
        parsed = scheme.parse(data)
    except ParseError:
        assert receiver.dropped["malformed"] == 1
        return

    assert len(parsed.sequence_numbers) <= scheme.max_packets


@pytest.mark.parametrize(
    "payload",
    [
        bytes(10),
        bytes(14),  # an empty mask
        b"\x80" + bytes(11) + b"\x80\x00",  # E
        bytes(10) + b"\x00\x09\x80\x00",  # the protection ends behind the packet
    ],
)
def test_what_is_no_ulpfec(payload: bytes) -> None:
    with pytest.raises(ParseError):
        ULPFEC.parse(payload)


@pytest.mark.parametrize(
    "payload",
    [
        bytes(19),
        b"\x80" + bytes(7) + b"\x01" + bytes(9) + b"\x80\x01",  # R
        b"\x40" + bytes(7) + b"\x01" + bytes(9) + b"\x80\x01",  # F
        bytes(8) + b"\x02" + bytes(9) + b"\x80\x01",  # two streams
        bytes(8) + b"\x01" + bytes(9) + b"\x80\x00",  # an empty mask
        bytes(8) + b"\x01" + bytes(9) + b"\x00\x01" + bytes(20),  # a mask without end
    ],
)
def test_what_is_no_flexfec(payload: bytes) -> None:
    with pytest.raises(ParseError):
        FLEXFEC.parse(payload)


@both_schemes
@examples(60)
@given(data=st.data())
@pytest.mark.spec("rfc5109:8/1", "rfc5109:8.2/1", "rfc5109:9/1", "rfc5109:9.2/1", "rfc5109:14.2/1")
def test_one_lost_packet_for_each_parity_is_recovered(scheme: FecScheme, data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 24))
    sender = FecSender(scheme, ssrc=SSRC, protection=data.draw(st.sampled_from([0.1, 0.25, 0.5, 1.0])))
    packets = _packets(count, size=data.draw(st.integers(1, 300)))
    parities = [sender.protect(packet, ends_frame=i == count - 1) for i, packet in enumerate(packets)][-1]
    receiver = FecReceiver(scheme, ssrc=SSRC)
    turns = len(parities)
    lost = {data.draw(st.sampled_from(range(turn, count, turns))) for turn in range(turns)}
    arriving = [("packet", packets[i]) for i in range(count) if i not in lost]
    arriving += [("parity", parity) for parity in parities]

    recovered: list[bytes] = []
    for kind, payload in data.draw(st.permutations(arriving)):
        recovered += receiver.add_packet(payload) if kind == "packet" else receiver.add_parity(payload)

    assert sorted(recovered) == (sorted(packets[i] for i in lost) if turns else [])


@both_schemes
def test_a_recovered_packet_recovers_another(scheme: FecScheme) -> None:
    one, two, three = _packets(3, first=10)
    receiver = FecReceiver(scheme, ssrc=SSRC)
    pairs = []
    for numbers, (a, b) in (((10, 11), (one, two)), ((11, 12), (two, three))):
        parity = Parity.of(a)
        parity.add(Parity.of(b))
        pairs.append(scheme.serialize(Protection(SSRC, numbers, parity)))

    assert receiver.add_parity(pairs[0]) == []
    assert receiver.add_parity(pairs[1]) == []
    assert receiver.add_packet(one) == [two, three]
    assert receiver.recovered_count == 2


@pytest.mark.spec("rfc5109:12/1")
def test_protection_is_the_share_that_was_asked_for() -> None:
    for share, expected in ((0.0, 0), (0.25, 25), (0.5, 50), (1.0, 100)):
        sender = FecSender(ULPFEC, ssrc=SSRC, protection=share)
        frames = [sender.protect(packet, ends_frame=i % 4 == 3) for i, packet in enumerate(_packets(100))]
        assert sum(map(len, frames)) == expected


@pytest.mark.parametrize("wrong", [-0.1, 1.1])
def test_protection_has_a_range(wrong: float) -> None:
    sender = FecSender(ULPFEC, ssrc=SSRC, protection=1.0)

    with pytest.raises(ValueError, match="0 to 1"):
        sender.protection = wrong
    assert sender.protection == 1.0


@pytest.mark.spec("rfc8854:8/1", "rfc8854:8/2")
@pytest.mark.parametrize(
    ("lost", "round_trip_time", "retransmits", "protection"),
    [
        (0.0, 0.2, True, 0.0),
        (0.005, 0.2, False, 0.0),
        (0.1, 0.2, True, 0.2),
        (0.1, 0.06, True, 0.1),
        (0.1, 0.01, True, 0.0),
        (0.1, None, True, 0.0),
        (0.1, None, False, 0.2),
        (0.9, 0.01, False, 0.5),
    ],
)
def test_parity_is_for_what_retransmission_cannot_repair(
    lost: float, round_trip_time: float | None, retransmits: bool, protection: float
) -> None:
    asked = protection_against(lost, round_trip_time=round_trip_time, retransmits=retransmits)

    assert asked == pytest.approx(protection)


def test_small_frames_share_their_parity() -> None:
    sender = FecSender(ULPFEC, ssrc=SSRC, protection=0.25)

    counts = [len(sender.protect(packet, ends_frame=True)) for packet in _packets(8)]

    assert counts == [0, 0, 0, 1, 0, 0, 0, 1]


def test_parity_adds_no_more_than_it_says() -> None:
    for scheme in (ULPFEC, FLEXFEC):
        sender = FecSender(scheme, ssrc=SSRC, protection=0.1)
        packets = _packets(48)
        [*_, parities] = [sender.protect(packet, ends_frame=i == 47) for i, packet in enumerate(packets)]

        longest = max(len(packet) for packet in packets) - 12
        assert parities
        assert max(len(parity) for parity in parities) <= longest + sender.overhead


def test_a_group_never_reaches_over_more_than_its_format_can_tell() -> None:
    sender = FecSender(ULPFEC, ssrc=SSRC, protection=0.1)
    made = []
    for i, packet in enumerate(_packets(400)):
        made += sender.protect(packet, ends_frame=i == 399)

    assert sum(len(ULPFEC.parse(parity).sequence_numbers) for parity in made) == 400


EXTENSIONS = ExtensionMap(
    {
        1: "urn:ietf:params:rtp-hdrext:toffset",
        2: "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
        3: "urn:ietf:params:rtp-hdrext:sdes:mid",
        7: "http://www.webrtc.org/experiments/rtp-hdrext/video-timing",
    }
)


@pytest.mark.parametrize("two_byte", [False, True])
def test_what_changes_on_the_way_counts_as_zero(two_byte: bool) -> None:
    elements = {1: b"abc", 3: b"mid", 2: b"def", 7: bytes(range(1, 14))}
    packet = RtpPacket(96, 1, 2, SSRC, b"payload", extensions=elements, csrcs=(9,)).serialize(two_byte=two_byte)

    changed = RtpPacket.parse(zeroed(packet, mutable_extensions(EXTENSIONS)))

    assert changed.extensions == {1: bytes(3), 3: b"mid", 2: bytes(3), 7: bytes(range(1, 8)) + bytes(6)}
    assert (changed.payload, changed.csrcs) == (b"payload", (9,))


@given(st.binary(min_size=12, max_size=60), st.sampled_from([b"\x90", b"\x92", b"\xb0"]))
def test_zeroing_takes_any_packet_that_can_be_parsed(data: bytes, first: bytes) -> None:
    packet = first + data[1:]
    try:
        RtpPacket.parse(packet)
    except ParseError:
        return

    assert len(zeroed(packet, mutable_extensions(EXTENSIONS))) == len(packet)


def test_another_stream_is_not_touched() -> None:
    sender = FecSender(FLEXFEC, ssrc=99, protection=1.0)
    [parity] = sender.protect(_packets(1)[0], ends_frame=True)
    receiver = FecReceiver(FLEXFEC, ssrc=SSRC)

    assert receiver.add_parity(parity) == []
    assert receiver.dropped == {"another stream": 1}


@both_schemes
def test_parity_that_lies_about_a_length_recovers_nothing(scheme: FecScheme) -> None:
    receiver = FecReceiver(scheme, ssrc=SSRC)
    parity = Parity.of(_packets(1)[0])
    parity.length = 2000

    assert receiver.add_parity(scheme.serialize(Protection(SSRC, (5,), parity))) == []
    assert receiver.dropped == {"malformed": 1}


@both_schemes
def test_what_is_kept_is_bounded(scheme: FecScheme) -> None:
    receiver = FecReceiver(scheme, ssrc=SSRC)
    for i in range(2000):
        receiver.add_packet(_packets(1, first=i)[0])
        receiver.add_parity(scheme.serialize(Protection(SSRC, (i + 3, i + 4, i + 5), Parity.of(_packets(1)[0]))))

    assert len(receiver._packets) <= 256
    assert len(receiver._waiting) <= 64


def test_old_parity_does_not_meet_numbers_that_came_round() -> None:
    receiver = FecReceiver(ULPFEC, ssrc=SSRC)
    receiver.add_parity(ULPFEC.serialize(Protection(None, (5, 6), Parity.of(_packets(1)[0]))))
    recovered = []

    for number in [*range(2000, 65536, 1000), 5]:
        recovered += receiver.add_packet(_packets(1, first=number)[0])

    assert recovered == []


@both_schemes
def test_copies_go_on_as_the_original(scheme: FecScheme) -> None:
    packets = _packets(6)
    sender = FecSender(scheme, ssrc=SSRC, protection=0.5)
    receiver = FecReceiver(scheme, ssrc=SSRC)
    for packet in packets[:3]:
        sender.protect(packet, ends_frame=False)
        receiver.add_packet(packet)

    pickled = pickle.dumps((sender, receiver))
    for other_sender, other_receiver in (copy.deepcopy((sender, receiver)), pickle.loads(pickled)):
        parities = [
            parity for i, packet in enumerate(packets[3:]) for parity in other_sender.protect(packet, ends_frame=i == 2)
        ]
        other_receiver.add_packet(packets[3])
        other_receiver.add_packet(packets[5])
        recovered = [packet for parity in parities for packet in other_receiver.add_parity(parity)]
        assert recovered == [packets[4]]
