"""Extended reports: the examples of the RFC, and blocks that contradict themselves."""

import pytest

from rtc_rtp import rtcp
from rtc_rtp.rtcp.extended_trace import _serialize_chunks

TRACE = "1" * 21 + "010" + "1" * 21
"""The example of RFC 3611, section 4.1: 45 packets, of which the 22nd and the 24th were lost."""


def _flags(text: str) -> list[bool]:
    return [bit == "1" for bit in text]


def _trace(chunks: str, begin: int = 13_821, end: int = 13_866, thinning: int = 0) -> rtcp.ExtendedBlock:
    content = bytes.fromhex("00000001") + begin.to_bytes(2, "big") + end.to_bytes(2, "big") + bytes.fromhex(chunks)
    data = bytes((1, thinning, 0, len(content) >> 2)) + content
    report = bytes((0x80, 207, 0, 1 + len(data) // 4)) + bytes(4) + data
    return rtcp.ExtendedReport.parse(report).blocks[0]


def _chunk(text: str) -> str:
    return f"{0x8000 | int(text.replace(' ', ''), 2):04x}"


@pytest.mark.spec("rfc3611:4.1/2", "rfc3611:4.1/3", "rfc3611:4.1/4")
@pytest.mark.parametrize(
    "chunks",
    [
        _chunk("1111 1111 1111 111") + _chunk("1111 1101 0111 111") + _chunk("1111 1111 1111 111") + "0000",
        f"{0x4000 | 21:04x}" + _chunk("0101 1111 1111 111") + f"{0x4000 | 9:04x}" + "0000",
    ],
)
def test_the_encodings_of_the_rfc_are_one_trace(chunks: str) -> None:
    block = _trace(chunks)

    assert isinstance(block, rtcp.LossTrace)
    assert block.flags == _flags(TRACE)
    assert block.sequence_numbers == list(range(13_821, 13_866))
    again = rtcp.ExtendedReport(0, [block])
    assert rtcp.ExtendedReport.parse(again.serialize()) == again


def test_the_thinned_example_of_the_rfc() -> None:
    block = _trace(_chunk("1111 1011 1100 000") + "0000", thinning=2)

    assert isinstance(block, rtcp.LossTrace)
    assert block.sequence_numbers == list(range(13_824, 13_865, 4))
    assert block.flags == _flags("11111011110")


@pytest.mark.spec("rfc3611:4.1/3")
def test_bits_behind_the_end_are_not_looked_at() -> None:
    block = _trace(_chunk("1111 1011 1101 111") + "0000", thinning=2)

    assert isinstance(block, rtcp.LossTrace)
    assert block.flags == _flags("11111011110")


@pytest.mark.spec("rfc3611:4.1/2", "rfc3611:4.1/4", "rfc3611:4.1/5")
def test_chunks_end_in_zeros_and_are_even() -> None:
    assert _serialize_chunks(_flags("10")) == bytes.fromhex("c0000000")
    assert len(_serialize_chunks(_flags("10" * 8))) == 4
    assert _serialize_chunks(_flags("1" * 40)) == bytes.fromhex("40280000")
    assert _serialize_chunks([]) == b""


@pytest.mark.spec("rfc3611:4.1/1")
def test_a_trace_does_not_span_the_whole_circle() -> None:
    with pytest.raises(ValueError, match="spans"):
        rtcp.LossTrace(1, 0, 65_534, 0, [True] * 65_534).serialize()

    assert rtcp.LossTrace(1, 0, 65_533, 0, [True] * 65_533).serialize()


@pytest.mark.spec("rfc3611:4.6/1", "rfc3611:4.6/2", "rfc3611:4.6/3")
def test_a_summary_that_contradicts_itself_is_not_believed() -> None:
    summary = rtcp.StatisticsSummary(1, 2, 3, packets_lost=5)
    data = bytearray(rtcp.ExtendedReport(0, [summary]).serialize())
    assert len(data) == 8 + 40
    assert rtcp.ExtendedReport.parse(bytes(data)).blocks == [summary]
    data[9] = 0x40  # duplicates instead of losses

    (block,) = rtcp.ExtendedReport.parse(bytes(data)).blocks

    assert isinstance(block, rtcp.UnknownBlock)
    data[9] = 0x98  # the kind of hops that must not be
    assert isinstance(rtcp.ExtendedReport.parse(bytes(data)).blocks[0], rtcp.UnknownBlock)


@pytest.mark.spec("rfc3611:3/1")
def test_unknown_and_broken_blocks_do_not_cost_the_others() -> None:
    time = rtcp.ReceiverReferenceTime(77)
    report = rtcp.ExtendedReport(1, [rtcp.UnknownBlock(99, 1, b"abcd"), rtcp.UnknownBlock(7, 0, b"abcd"), time])

    assert rtcp.ExtendedReport.parse(report.serialize()).blocks == report.blocks


@pytest.mark.parametrize(
    "block",
    [
        rtcp.LossTrace(1, 0, 10),
        rtcp.LossTrace(1, 0, 10, 16, [True] * 10),
        rtcp.ReceiptTimes(1, 0, 10),
        rtcp.ReceiptTimes(1, 0, 1, 0, [1 << 32]),
        rtcp.ReceiverReferenceTime(1 << 64),
        rtcp.StatisticsSummary(1, 2, 3, hops_kind=3),
        rtcp.StatisticsSummary(1, 2, 1 << 16),
        rtcp.VoipMetrics(1, 256),
        rtcp.UnknownBlock(256, 0, b""),
        rtcp.UnknownBlock(99, 0, b"abc"),
    ],
    ids=lambda block: str(block)[:40],
)
def test_what_no_block_can_say_is_refused(block: rtcp.ExtendedBlock) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        block.serialize()


def _specific(block: rtcp.ExtendedBlock) -> tuple[int, bytes]:
    """The byte of the header that is the type's own, and the whole report with its reserved bits turned over."""
    data = bytearray(rtcp.ExtendedReport(1, [block]).serialize())
    own = data[9]
    reserved = {1: 0xF0, 2: 0xF0, 3: 0xF0, 6: 0x07}.get(data[8], 0xFF)
    data[0] ^= 0x1F
    data[9] ^= reserved
    return own & reserved, bytes(data)


@pytest.mark.spec(
    "rfc3611:2/1",
    "rfc3611:2/2",
    "rfc3611:3/2",
    "rfc3611:4.1/6",
    "rfc3611:4.2/1",
    "rfc3611:4.3/3",
    "rfc3611:4.4/1",
    "rfc3611:4.5/1",
    "rfc3611:4.6/4",
    "rfc3611:4.7/3",
)
@pytest.mark.parametrize(
    "block",
    [
        rtcp.LossTrace(1, 0, 40, 1, [True] * 20),
        rtcp.DuplicateTrace(1, 0, 1, 0, [False]),
        rtcp.ReceiptTimes(1, 0, 2, 0, [5, 6]),
        rtcp.ReceiverReferenceTime(7),
        rtcp.DelaySinceReceiverReport([rtcp.ReceiverDelay(1, 2, 3)]),
        rtcp.StatisticsSummary(1, 2, 3, packets_lost=4),
        rtcp.VoipMetrics(1),
    ],
    ids=lambda block: type(block).__name__,
)
def test_reserved_bits_are_zero_and_not_looked_at(block: rtcp.ExtendedBlock) -> None:
    reserved, changed = _specific(block)

    assert reserved == 0
    assert rtcp.ExtendedReport(1, [block]).serialize()[0] & 0x1F == 0
    assert len(block.serialize()) % 4 == 0
    assert rtcp.ExtendedReport.parse(changed).blocks == [block]


@pytest.mark.spec("rfc3611:4.7/1", "rfc3611:4.7/2", "rfc3611:4.7.2/1", "rfc3611:4.7.3/3", "rfc3611:4.7.6/3")
def test_metrics_of_which_nothing_is_known_say_so() -> None:
    content = rtcp.VoipMetrics(1).serialize()[8:]

    assert content == bytes(12) + bytes.fromhex("7f7f7f10 7f7f7f7f 0000 0000 0000 0000".replace(" ", ""))


@pytest.mark.spec("rfc3611:4.1.1/1")
def test_no_run_is_empty() -> None:
    data = _serialize_chunks([False] * 40)

    assert data == bytes.fromhex("00280000")
    assert _serialize_chunks([False] * 16_384) == bytes.fromhex("3fff0001")
