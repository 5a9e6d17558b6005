"""What properties draw."""

from hypothesis import strategies as st

from rtc_rtp import RtpPacket, rtcp

uint8 = st.integers(0, 0xFF)
uint16 = st.integers(0, 0xFFFF)
uint32 = st.integers(0, 0xFFFF_FFFF)
uint64 = st.integers(0, (1 << 64) - 1)

one_byte_elements = st.dictionaries(st.integers(1, 14), st.binary(min_size=1, max_size=16), max_size=6)
elements = st.dictionaries(st.integers(1, 255), st.binary(max_size=30), max_size=6)

packets = st.builds(
    RtpPacket,
    st.integers(0, 127),
    uint16,
    uint32,
    uint32,
    st.binary(max_size=40),
    marker=st.booleans(),
    csrcs=st.lists(uint32, max_size=15).map(tuple),
    extensions=one_byte_elements | elements,
    padding_length=uint8,
)

report_blocks = st.builds(
    rtcp.ReportBlock, uint32, uint8, st.integers(-(1 << 23), (1 << 23) - 1), uint32, uint32, uint32, uint32
)
words = st.binary(max_size=5).map(lambda data: data * 4)

sender_reports = st.builds(
    rtcp.SenderReport, uint32, uint64, uint32, uint32, uint32, st.lists(report_blocks, max_size=31), words
)
receiver_reports = st.builds(rtcp.ReceiverReport, uint32, st.lists(report_blocks, max_size=31), words)
description_items = st.builds(rtcp.DescriptionItem, st.integers(1, 255), st.binary(max_size=255))
descriptions = st.builds(
    rtcp.SourceDescription,
    st.lists(st.builds(rtcp.DescriptionChunk, uint32, st.lists(description_items, max_size=3)), max_size=4),
)
goodbyes = st.builds(rtcp.Goodbye, st.lists(uint32, max_size=31).map(tuple), st.binary(max_size=255))
applications = st.builds(rtcp.ApplicationDefined, st.integers(0, 31), uint32, st.binary(min_size=4, max_size=4), words)


def _lost(first: int, steps: list[int]) -> list[int]:
    numbers = [first]
    for step in steps:
        numbers.append((numbers[-1] + step) & 0xFFFF)
    return numbers


nacks = st.builds(rtcp.GenericNack, uint32, uint32, st.builds(_lost, uint16, st.lists(st.integers(1, 40), max_size=50)))
pictures = st.builds(rtcp.PictureLossIndication, uint32, uint32)
slices = st.builds(
    rtcp.SliceLossIndication,
    uint32,
    uint32,
    st.lists(
        st.builds(rtcp.LostSlice, st.integers(0, 8191), st.integers(0, 8191), st.integers(0, 63)),
        min_size=1,
        max_size=5,
    ),
)
references = st.builds(rtcp.ReferencePictureSelection, uint32, uint32, st.integers(0, 127), st.binary(max_size=9)) | (
    st.builds(
        rtcp.ReferencePictureSelection,
        uint32,
        uint32,
        st.integers(0, 127),
        st.binary(min_size=1, max_size=9),
        st.integers(0, 7),
    )
)
intra_requests = st.builds(
    rtcp.FullIntraRequest,
    uint32,
    st.just(0),
    st.lists(st.builds(rtcp.IntraRequest, uint32, uint8), min_size=1, max_size=5),
)
_trade_offs = st.lists(st.builds(rtcp.TradeOff, uint32, uint8, st.integers(0, 31)), min_size=1, max_size=5)
trade_offs = st.builds(rtcp.TemporalSpatialTradeOffRequest, uint32, st.just(0), _trade_offs) | st.builds(
    rtcp.TemporalSpatialTradeOffNotification, uint32, st.just(0), _trade_offs
)
_bounds = st.builds(
    rtcp.MaximumBitrate,
    uint32,
    st.builds(lambda mantissa, exponent: mantissa << exponent, st.integers(0, 0x1FFFF), st.integers(0, 63)),
    st.integers(0, 511),
)
bounds = st.builds(
    rtcp.TemporaryMaximumBitrate, uint32, st.just(0), st.lists(_bounds, min_size=1, max_size=5)
) | st.builds(rtcp.TemporaryMaximumBitrateNotification, uint32, st.just(0), st.lists(_bounds, max_size=5))
back_channels = st.builds(
    rtcp.VideoBackChannelMessage,
    uint32,
    st.just(0),
    st.lists(
        st.builds(rtcp.BackChannel, uint32, uint8, st.integers(0, 127), st.binary(max_size=20)), min_size=1, max_size=3
    ),
)
estimates = st.builds(
    rtcp.ReceiverEstimatedMaximumBitrate,
    uint32,
    st.just(0),
    st.builds(lambda mantissa, exponent: mantissa << exponent, st.integers(0, 0x3FFFF), st.integers(0, 63)),
    st.lists(uint32, max_size=9),
)
transport_feedbacks = st.builds(
    rtcp.TransportFeedback,
    uint32,
    uint32,
    uint16,
    st.integers(-(1 << 23), (1 << 23) - 1),
    uint8,
    st.lists(
        st.builds(
            lambda delta, count: [delta] * count,
            st.none() | st.integers(0, 255) | st.integers(-0x8000, 0x7FFF),
            st.integers(1, 30),
        ),
        min_size=1,
        max_size=20,
    ).map(lambda runs: [delta for run in runs for delta in run]),
)
congestion_feedbacks = st.builds(
    rtcp.CongestionControlFeedback,
    uint32,
    st.lists(
        st.builds(
            rtcp.StreamMetrics,
            uint32,
            uint16,
            st.lists(st.none() | st.builds(rtcp.PacketMetric, st.integers(0, 0x1FFF), st.integers(0, 3)), max_size=20),
        ),
        max_size=4,
    ),
    uint32,
)
application_feedbacks = st.builds(
    rtcp.ApplicationLayerFeedback, uint32, uint32, words.filter(lambda data: not data.startswith(b"REMB"))
)
unknown_feedbacks = st.builds(
    rtcp.UnknownFeedback, uint32, uint32, st.sampled_from([205, 206]), st.integers(20, 31), words
)
unknown_packets = st.builds(rtcp.UnknownPacket, st.integers(208, 223), st.integers(0, 31), st.binary(max_size=20))

resynchronizations = st.builds(rtcp.RapidResynchronizationRequest, uint32, uint32)


@st.composite
def _traces(draw: st.DrawFn) -> rtcp.ExtendedBlock:
    kind: type[rtcp.PacketTrace] = draw(st.sampled_from([rtcp.LossTrace, rtcp.DuplicateTrace, rtcp.ReceiptTimes]))
    begin, span, thinning = draw(uint16), draw(st.integers(0, 60)), draw(st.integers(0, 4))
    block = kind(draw(uint32), begin, (begin + span) & 0xFFFF, thinning)
    count = len(block.sequence_numbers)
    if isinstance(block, rtcp.ReceiptTimes):
        block.times = draw(st.lists(uint32, min_size=count, max_size=count))
    elif isinstance(block, rtcp.LossTrace):
        block.flags = draw(
            st.lists(st.booleans(), min_size=count, max_size=count) | st.booleans().map(lambda flag: [flag] * count)
        )
    return block


extended_blocks = st.one_of(
    _traces(),
    st.builds(rtcp.ReceiverReferenceTime, uint64),
    st.builds(
        rtcp.DelaySinceReceiverReport, st.lists(st.builds(rtcp.ReceiverDelay, uint32, uint32, uint32), max_size=3)
    ),
    st.builds(
        rtcp.StatisticsSummary,
        uint32,
        uint16,
        uint16,
        st.none() | uint32,
        st.none() | uint32,
        st.none() | st.builds(rtcp.Spread, uint32, uint32, uint32, uint32),
    ),
    st.builds(
        rtcp.StatisticsSummary,
        uint32,
        uint16,
        uint16,
        hops=st.builds(rtcp.Spread, uint8, uint8, uint8, uint8),
        hops_kind=st.integers(1, 2),
    ),
    st.builds(rtcp.VoipMetrics, uint32, uint8, uint8, uint8, uint8, uint16, signal_level=st.integers(-128, 127)),
    st.builds(rtcp.UnknownBlock, st.integers(8, 255), uint8, words),
)
extended_reports = st.builds(rtcp.ExtendedReport, uint32, st.lists(extended_blocks, max_size=4))

rtcp_packets = st.one_of(
    resynchronizations,
    extended_reports,
    sender_reports,
    receiver_reports,
    descriptions,
    goodbyes,
    applications,
    nacks,
    pictures,
    slices,
    references,
    intra_requests,
    trade_offs,
    bounds,
    back_channels,
    estimates,
    transport_feedbacks,
    congestion_feedbacks,
    application_feedbacks,
    unknown_feedbacks,
    unknown_packets,
)
