"""Feedback messages byte by byte, as RFC 4585, RFC 5104, RFC 8888 and the drafts lay them out."""

import pytest

from rtc_rtp import ParseError, RtcpPacket, parse_compound, rtcp, serialize_compound

VECTORS = [
    pytest.param(rtcp.GenericNack(1, 2, [10, 11, 26]), "81cd0003 00000001 00000002 000a8001", id="NACK"),
    pytest.param(rtcp.PictureLossIndication(1, 2), "81ce0002 00000001 00000002", id="PLI"),
    pytest.param(
        rtcp.SliceLossIndication(1, 2, [rtcp.LostSlice(1, 2, 3)]), "82ce0003 00000001 00000002 00080083", id="SLI"
    ),
    pytest.param(
        rtcp.ReferencePictureSelection(1, 2, 96, b"\xab\xc0", 4), "83ce0003 00000001 00000002 0460abc0", id="RPSI"
    ),
    pytest.param(
        rtcp.ReferencePictureSelection(1, 2, 96, b"\xab"), "83ce0003 00000001 00000002 0860ab00", id="padded RPSI"
    ),
    pytest.param(
        rtcp.FullIntraRequest(1, 0, [rtcp.IntraRequest(2, 3)]), "84ce0004 00000001 00000000 00000002 03000000", id="FIR"
    ),
    pytest.param(
        rtcp.TemporalSpatialTradeOffRequest(1, 0, [rtcp.TradeOff(2, 3, 31)]),
        "85ce0004 00000001 00000000 00000002 0300001f",
        id="TSTR",
    ),
    pytest.param(
        rtcp.TemporalSpatialTradeOffNotification(1, 0, [rtcp.TradeOff(2, 3, 31)]),
        "86ce0004 00000001 00000000 00000002 0300001f",
        id="TSTN",
    ),
    pytest.param(
        rtcp.VideoBackChannelMessage(1, 0, [rtcp.BackChannel(2, 3, 96, b"abc")]),
        "87ce0005 00000001 00000000 00000002 03600003 61626300",
        id="VBCM",
    ),
    pytest.param(
        rtcp.TemporaryMaximumBitrate(1, 0, [rtcp.MaximumBitrate(2, 262_142, 40)]),
        "83cd0004 00000001 00000000 00000002 07fffe28",
        id="TMMBR",
    ),
    pytest.param(rtcp.TemporaryMaximumBitrateNotification(1, 0), "84cd0002 00000001 00000000", id="TMMBN"),
    pytest.param(
        rtcp.ReceiverEstimatedMaximumBitrate(1, 0, 1_000_000, [7]),
        "8fce0005 00000001 00000000 52454d42 010bd090 00000007",
        id="REMB",
    ),
    pytest.param(
        rtcp.TransportFeedback(1, 2, 100, 3, 4, [5, None, None, 1000]),
        "afcd0006 00000001 00000002 00640004 00000304 d0800503 e8000003",
        id="transport-wide",
    ),
    pytest.param(
        rtcp.CongestionControlFeedback(
            1, [rtcp.StreamMetrics(2, 10, [rtcp.PacketMetric(512), None, rtcp.PacketMetric(0x1FFF, 3)])], 77
        ),
        "8bcd0006 00000001 00000002 000a0003 82000000 ffff0000 0000004d",
        id="RFC 8888",
    ),
    pytest.param(rtcp.RapidResynchronizationRequest(1, 2), "85cd0002 00000001 00000002", id="RRR"),
]


@pytest.mark.spec(
    "rfc4585:6.1/1",
    "rfc4585:6.2.1/4",
    "rfc4585:6.3.1.2/1",
    "rfc4585:6.3.2.2/1",
    "rfc4585:6.3.3.2/1",
    "rfc4585:6.3.3.2/3",
    "rfc5104:4.2.1.1/2",
    "rfc5104:4.2.2.1/1",
    "rfc5104:4.3.1.1/1",
    "rfc5104:4.3.2.1/1",
    "rfc5104:4.3.3.1/1",
    "rfc5104:4.3.4.1/4",
    "rfc8888:3.1/1",
)
@pytest.mark.parametrize(("packet", "data"), VECTORS)
def test_vectors(packet: RtcpPacket, data: str) -> None:
    assert packet.serialize().hex() == data.replace(" ", "")
    assert parse_compound(bytes.fromhex(data)) == [packet]


@pytest.mark.spec(
    "rfc4585:6.1/2",
    "rfc4585:6.2.1/1",
    "rfc4585:6.3.2/1",
    "rfc5104:4.2.1/1",
    "rfc5104:4.3.1/1",
    "rfc5104:4.3.2/1",
    "rfc5104:4.3.3/1",
    "rfc5104:4.3.4/1",
)
@pytest.mark.parametrize(("packet", "data"), VECTORS)
def test_feedback_has_at_least_one_message(packet: RtcpPacket, data: str) -> None:
    empty = bytes.fromhex(data)[:2] + bytes.fromhex("0002 00000001 00000000".replace(" ", ""))
    says_something_without_entries = (
        rtcp.PictureLossIndication
        | rtcp.TemporaryMaximumBitrateNotification
        | rtcp.RapidResynchronizationRequest
        | rtcp.CongestionControlFeedback
        | rtcp.ReceiverEstimatedMaximumBitrate  # without its name it is a message of some application
    )
    empty = bytes((empty[0] & 0xDF,)) + empty[1:]
    if isinstance(packet, says_something_without_entries):
        assert parse_compound(empty)
    else:
        with pytest.raises(ParseError):
            parse_compound(empty)


@pytest.mark.spec("rfc4585:6.3.1/1", "rfc4585:6.3.1.2/2")
def test_a_pli_is_one_and_empty() -> None:
    with pytest.raises(ParseError, match="control information"):
        parse_compound(bytes.fromhex("81ce0003000000010000000200000000"))


@pytest.mark.spec("rfc4585:6.3.3/1", "rfc4585:6.3.3.2/2")
def test_all_of_an_rpsi_is_one_string_and_its_reserved_bit_is_not_looked_at() -> None:
    (packet,) = parse_compound(bytes.fromhex("83ce0004000000010000000200e0010203040506"))

    assert packet == rtcp.ReferencePictureSelection(1, 2, 96, bytes.fromhex("010203040506"))


@pytest.mark.spec("rfc4585:6.4/1", "rfc4585:6.4/3")
def test_an_application_message_is_one_and_whole_words() -> None:
    packet = rtcp.ApplicationLayerFeedback(1, 2, b"whatever")

    assert parse_compound(packet.serialize()) == [packet]
    with pytest.raises(ValueError, match="multiple of 4"):
        rtcp.ApplicationLayerFeedback(1, 2, b"odd").serialize()


@pytest.mark.spec("rfc4585:4.2/14")
def test_feedback_that_is_not_known_does_no_harm() -> None:
    unknown = bytes.fromhex("9ecd000300000001000000020badf00d")
    packets = parse_compound(unknown + rtcp.PictureLossIndication(1, 2).serialize())

    assert packets == [
        rtcp.UnknownFeedback(1, 2, 205, 30, b"\x0b\xad\xf0\x0d"),
        rtcp.PictureLossIndication(1, 2),
    ]


@pytest.mark.spec("rfc4585:6.1/3", "rfc4585:6.1/4", "rfc4585:6.1/5")
def test_each_format_has_its_packet_in_one_datagram() -> None:
    messages: list[RtcpPacket] = [rtcp.GenericNack(1, 2, [3]), rtcp.PictureLossIndication(1, 2)]
    report: list[RtcpPacket] = [
        rtcp.ReceiverReport(1),
        rtcp.SourceDescription.of(1, [(rtcp.DescriptionType.CNAME, "somebody")]),
    ]
    data = serialize_compound([*report, *messages])

    assert parse_compound(data) == [*report, *messages]
    assert data.endswith(messages[0].serialize() + messages[1].serialize())


@pytest.mark.spec("rfc5506:4.2.3/1", "rfc5506:5/1")
def test_a_datagram_of_reduced_size_may_start_with_anything() -> None:
    data = serialize_compound([rtcp.PictureLossIndication(1, 2)], reduced_size=True)

    assert len(data) == 12
    assert parse_compound(data) == [rtcp.PictureLossIndication(1, 2)]


@pytest.mark.spec(
    "rfc5104:4.2.1.2/2",
    "rfc5104:4.2.2.2/1",
    "rfc5104:4.3.1.2/1",
    "rfc5104:4.3.2.2/3",
    "rfc5104:4.3.3.2/6",
    "rfc5104:4.3.4.2/1",
)
@pytest.mark.parametrize(
    "packet",
    [
        rtcp.TemporaryMaximumBitrate(1, 9, [rtcp.MaximumBitrate(2, 3, 4)]),
        rtcp.TemporaryMaximumBitrateNotification(1, 9),
        rtcp.FullIntraRequest(1, 9, [rtcp.IntraRequest(2, 3)]),
        rtcp.TemporalSpatialTradeOffRequest(1, 9, [rtcp.TradeOff(2, 3, 4)]),
        rtcp.TemporalSpatialTradeOffNotification(1, 9, [rtcp.TradeOff(2, 3, 4)]),
        rtcp.VideoBackChannelMessage(1, 9, [rtcp.BackChannel(2, 3, 4, b"")]),
    ],
    ids=lambda packet: type(packet).__name__,
)
def test_commands_name_no_media_source_in_their_head(packet: RtcpPacket) -> None:
    data = packet.serialize()

    assert data[8:12] == bytes(4)
    (parsed,) = parse_compound(data[:8] + b"\0\0\0\x05" + data[12:])
    assert parsed.serialize() == data


@pytest.mark.spec("rfc5104:4.3.1.1/4", "rfc5104:4.3.2.1/4", "rfc5104:4.3.3.1/2", "rfc5104:4.3.4.1/3")
@pytest.mark.parametrize(
    ("data", "changed"),
    [
        ("84ce0004 00000001 00000000 00000002 03000000", "84ce0004 00000001 00000000 00000002 03ffffff"),
        ("85ce0004 00000001 00000000 00000002 0300001f", "85ce0004 00000001 00000000 00000002 03ffffff"),
        ("86ce0004 00000001 00000000 00000002 03000001", "86ce0004 00000001 00000000 00000002 03ffffe1"),
        ("87ce0004 00000001 00000000 00000002 03600000", "87ce0004 00000001 00000000 00000002 03e00000"),
    ],
)
def test_reserved_bits_are_zero_and_not_looked_at(data: str, changed: str) -> None:
    (packet,) = parse_compound(bytes.fromhex(changed))

    assert packet.serialize() == bytes.fromhex(data)


@pytest.mark.spec("rfc8888:3.1/2")
def test_a_block_is_about_a_quarter_of_all_numbers_at_most() -> None:
    with pytest.raises(ValueError, match="16384"):
        rtcp.CongestionControlFeedback(0, [rtcp.StreamMetrics(0, 0, [None] * 16385)], 0).serialize()
    data = bytearray(rtcp.CongestionControlFeedback(0, [rtcp.StreamMetrics(0, 0, [None] * 16384)], 0).serialize())
    assert parse_compound(bytes(data))
    data[14:16] = (16385).to_bytes(2, "big")

    with pytest.raises(ParseError):
        parse_compound(bytes(data))


@pytest.mark.spec("rfc8888:3.1/3")
def test_what_stands_beside_a_packet_that_was_not_received_is_not_looked_at() -> None:
    (packet,) = parse_compound(bytes.fromhex("8bcd0005 00000001 00000002 000a0002 7fff 8001 0000004d".replace(" ", "")))

    assert isinstance(packet, rtcp.CongestionControlFeedback)
    assert packet.streams[0].metrics == [None, rtcp.PacketMetric(1)]


def test_a_bit_rate_is_rounded_down() -> None:
    estimate = rtcp.ReceiverEstimatedMaximumBitrate(1, 0, 0x3_FFFF_FFFF)
    (parsed,) = parse_compound(estimate.serialize())

    assert isinstance(parsed, rtcp.ReceiverEstimatedMaximumBitrate)
    assert parsed.bitrate_bps == 0x3_FFFF_0000


@pytest.mark.parametrize("chunk", ["2000", "6001", "e000"])
def test_transport_wide_feedback_with_impossible_chunks_is_refused(chunk: str) -> None:
    data = bytes.fromhex(f"8fcd0005 00000001 00000002 00640001 00000304 {chunk} 0000".replace(" ", ""))
    if chunk == "e000":  # a vector of large deltas: there are two bytes for one
        assert parse_compound(data)
    else:
        with pytest.raises(ParseError):
            parse_compound(data)


def test_feedback_about_no_packet_is_none() -> None:
    wire = bytearray(rtcp.TransportFeedback(1, 2, 3, 4, 5, [None]).serialize())
    wire[14:16] = bytes(2)

    with pytest.raises(ParseError):
        rtcp.TransportFeedback.parse(bytes(wire))
