"""RTCP: every packet survives the wire, and no bytes do harm."""

import copy

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.support.effort import examples

from rtc_rtp import ParseError, parse_compound, rtcp, serialize_compound

from .strategies import rtcp_packets

CNAME = rtcp.SourceDescription.of(1, [(rtcp.DescriptionType.CNAME, "somebody")])


@examples(300)
@given(rtcp_packets)
@pytest.mark.spec("rfc3550:6.1/1", "rfc3550:6.5/1", "rfc3550:6.5/2", "rfc3550:6.6/3", "rfc3550:6.6/4")
def test_what_is_serialized_is_parsed_back(packet: rtcp.RtcpPacket) -> None:
    data = bytes(packet)

    assert type(packet).parse(data) == packet
    assert parse_compound(data) == [packet]
    assert len(data) % 4 == 0
    assert copy.deepcopy(packet) == packet


@examples(30)
@given(st.lists(rtcp_packets, min_size=1, max_size=5))
def test_a_datagram_holds_many_packets(packets: list[rtcp.RtcpPacket]) -> None:
    assert parse_compound(serialize_compound(packets, reduced_size=True)) == packets


@given(rtcp_packets, st.data())
def test_bytes_that_were_changed_raise_nothing_but_parse_errors(packet: rtcp.RtcpPacket, data: st.DataObject) -> None:
    changed = bytearray(packet.serialize())
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    length = data.draw(st.integers(0, len(changed)))
    for candidate in (bytes(changed), bytes(changed[:length]), bytes(changed[: length & ~3])):
        try:
            packets = parse_compound(candidate)
        except ParseError:
            continue
        for each in packets:
            written = each.serialize()
            # The numbers of a NACK are a set, and may come in another order than they were written in.
            (again,) = parse_compound(written)
            assert again.serialize() == written
            if not isinstance(again, rtcp.GenericNack):
                assert again == each


@examples(300)
@given(st.sampled_from(range(192, 224)), st.integers(0, 255), st.binary(max_size=80))
@example(packet_type=204, first=0x20, body=bytes(35) + b"\x01")  # padding that leaves an odd rest
@example(packet_type=205, first=1, body=bytes(8) + bytes.fromhex("0001040003000303"))
@example(packet_type=205, first=1, body=bytes(8) + bytes.fromhex("04030101040000ff0300ffff"))
def test_any_body_raises_nothing_but_parse_errors(packet_type: int, first: int, body: bytes) -> None:
    body = body[: len(body) & ~3]
    data = bytes((0x80 | first & 0x3F, packet_type, 0, len(body) >> 2)) + body
    try:
        packets = parse_compound(data)
    except ParseError:
        return
    (packet,) = packets
    (again,) = parse_compound(packet.serialize())
    if isinstance(packet, rtcp.GenericNack) and isinstance(again, rtcp.GenericNack):  # a set, told in any order
        packet.sequence_numbers.sort()
        again.sequence_numbers.sort()
    assert again == packet


@pytest.mark.parametrize(
    "data",
    ["", "80", "80c80000", "81c90001deadbeef", "40c9000100000001", "80c90002deadbeef", "a0c9000100000008", "a0c90000"],
)
@pytest.mark.spec("rfc3550:A.2/1")
def test_what_is_no_datagram_of_rtcp_is_refused(data: str) -> None:
    with pytest.raises(ParseError):
        parse_compound(bytes.fromhex(data))


def test_a_packet_of_another_kind_is_refused() -> None:
    with pytest.raises(ParseError, match="packet type"):
        rtcp.SenderReport.parse(rtcp.ReceiverReport(1).serialize())
    with pytest.raises(ParseError, match="format"):
        rtcp.GenericNack.parse(rtcp.UnknownFeedback(1, 2, 205, 2, b"").serialize())
    with pytest.raises(ParseError, match="follow"):
        rtcp.ReceiverReport.parse(rtcp.ReceiverReport(1).serialize() * 2)


@pytest.mark.spec("rfc4585:3.1/1", "rfc4585:3.1/2")
def test_a_compound_packet_starts_with_a_report_and_gives_a_cname() -> None:
    assert parse_compound(serialize_compound([rtcp.ReceiverReport(1), CNAME]), reduced_size=False)

    with pytest.raises(ValueError, match="report"):
        serialize_compound([CNAME, rtcp.ReceiverReport(1)])
    with pytest.raises(ValueError, match="CNAME"):
        serialize_compound([rtcp.ReceiverReport(1), rtcp.SourceDescription.of(1, [(rtcp.DescriptionType.TOOL, "x")])])
    with pytest.raises(ValueError, match="at least one"):
        serialize_compound([], reduced_size=True)
    with pytest.raises(ParseError, match="report"):
        parse_compound(bytes(rtcp.PictureLossIndication(1, 2)), reduced_size=False)


def test_padding_is_not_content() -> None:
    data = bytes.fromhex("a0c90002 00000001 00000004".replace(" ", ""))

    assert parse_compound(data) == [rtcp.ReceiverReport(1)]


def test_neighbours_share_an_entry_of_a_nack() -> None:
    nack = rtcp.GenericNack(1, 2, [65534, 65535, 0, 14, 15, 400])

    assert nack.serialize()[12:] == bytes.fromhex("fffe 8003 000f 0000 0190 0000".replace(" ", ""))


def test_losses_are_clamped() -> None:
    def carried(lost: int) -> int:
        return rtcp.ReportBlock.parse(rtcp.ReportBlock(1, packets_lost=lost).serialize()).packets_lost

    assert carried(1 << 30) == (1 << 23) - 1
    assert carried(-(1 << 30)) == -(1 << 23)


@pytest.mark.parametrize(
    "packet",
    [
        rtcp.SenderReport(1 << 32, 0, 0, 0, 0),
        rtcp.SenderReport(0, 0, 0, 0, 0, [rtcp.ReportBlock(0)] * 32),
        rtcp.ReceiverReport(0, [rtcp.ReportBlock(0, fraction_lost=256)]),
        rtcp.ReceiverReport(0, extension=b"abc"),
        rtcp.SourceDescription.of(0, [(0, "x")]),
        rtcp.SourceDescription.of(0, [(1, "x" * 256)]),
        rtcp.Goodbye((1,), bytes(256)),
        rtcp.Goodbye((-1,)),
        rtcp.ApplicationDefined(0, 0, b"abc"),
        rtcp.ApplicationDefined(0, 0, b"abcd", b"x"),
        rtcp.ApplicationDefined(32, 0, b"abcd"),
        rtcp.GenericNack(0, 0),
        rtcp.GenericNack(0, 0, [1 << 16]),
        rtcp.SliceLossIndication(0, 0),
        rtcp.SliceLossIndication(0, 0, [rtcp.LostSlice(8192, 0, 0)]),
        rtcp.ReferencePictureSelection(0, 0, 128, b""),
        rtcp.ReferencePictureSelection(0, 0, 0, b"", 1),
        rtcp.FullIntraRequest(0, 0),
        rtcp.FullIntraRequest(0, 0, [rtcp.IntraRequest(0, 256)]),
        rtcp.TemporalSpatialTradeOffRequest(0, 0),
        rtcp.TemporalSpatialTradeOffRequest(0, 0, [rtcp.TradeOff(0, 0, 32)]),
        rtcp.TemporaryMaximumBitrate(0, 0),
        rtcp.TemporaryMaximumBitrate(0, 0, [rtcp.MaximumBitrate(0, 0, 512)]),
        rtcp.TemporaryMaximumBitrate(0, 0, [rtcp.MaximumBitrate(0, -1, 0)]),
        rtcp.TemporaryMaximumBitrate(0, 0, [rtcp.MaximumBitrate(0, 1 << 80, 0)]),
        rtcp.VideoBackChannelMessage(0, 0),
        rtcp.VideoBackChannelMessage(0, 0, [rtcp.BackChannel(0, 0, 128, b"")]),
        rtcp.ReceiverEstimatedMaximumBitrate(0, 0, -1),
        rtcp.ReceiverEstimatedMaximumBitrate(0, 0, 0, [0] * 256),
        rtcp.TransportFeedback(0, 0, 0, 0, 0),
        rtcp.TransportFeedback(0, 0, 0, 0, 256, [0]),
        rtcp.TransportFeedback(0, 0, 0, 1 << 23, 0, [0]),
        rtcp.TransportFeedback(0, 0, 0, 0, 0, [0x8000]),
        rtcp.CongestionControlFeedback(0, [rtcp.StreamMetrics(0, 0, [None] * 16385)], 0),
        rtcp.CongestionControlFeedback(0, [rtcp.StreamMetrics(0, 0, [rtcp.PacketMetric(0, 4)])], 0),
        rtcp.ApplicationLayerFeedback(0, 0, b"x"),
        rtcp.UnknownFeedback(0, 0, 200, 0, b""),
        rtcp.UnknownPacket(256, 0, b""),
        rtcp.UnknownPacket(210, 0, bytes(1 << 18)),
    ],
    ids=lambda packet: str(packet)[:60],
)
@pytest.mark.spec("rfc3550:6.7/4")
def test_what_no_packet_can_say_is_refused(packet: rtcp.RtcpPacket) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        packet.serialize()
