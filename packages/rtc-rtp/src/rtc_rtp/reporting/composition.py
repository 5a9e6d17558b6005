"""Compound packets out of what there is to say. See :rfc:`3550#section-6.1`, :rfc:`4585#section-3.1` and :rfc:`8108#section-5.3`."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeAlias

from rtc_rtp.rtcp import (
    DescriptionChunk,
    DescriptionItem,
    ReceiverReport,
    ReportBlock,
    RtcpPacket,
    SenderReport,
    SourceDescription,
)

MAX_BLOCKS: Final = 31

Report: TypeAlias = SenderReport | ReceiverReport
Describe: TypeAlias = Callable[[int], list[DescriptionItem]]


def with_blocks(reports: Sequence[Report], blocks: Sequence[ReportBlock]) -> list[Report]:
    """Spread report blocks over the reports of one end, and add receiver reports for those that do not fit.

    Args:
        reports: At least one.
        blocks: What was received from each source.
    """
    result = list(reports)
    first = result[0].ssrc
    # [rfc3550:6.1/9] [rfc3550:6.4/1]
    for at in range(0, len(blocks), MAX_BLOCKS):
        part = list(blocks[at : at + MAX_BLOCKS])
        if at == 0:
            result[0].blocks = part
        else:
            result.insert(1, ReceiverReport(first, part))
    return result


def compose(reports: Iterable[Report], extra: Iterable[RtcpPacket], describe: Describe, max_size: int) -> list[bytes]:
    """Return full compound packets: reports, the description of everybody who reports, and the rest behind the last ones.

    Args:
        reports: At least one; the first is repeated, empty, where a packet would have none.
        extra: Feedback, extended reports and the like.
        describe: Gives the items of an SSRC, the canonical name among them.
        max_size: Bytes of one datagram.
    """
    pending = list(reports)
    opener = ReceiverReport(pending[0].ssrc)
    datagrams: list[bytes] = []
    rest = [packet.serialize() for packet in extra]
    while pending or rest:
        head, size = b"", 0
        described: list[int] = []
        while (
            pending
            and (not described or size + _cost(pending[0], describe) <= max_size)
            and len(described) < MAX_BLOCKS
        ):
            report = pending.pop(0)
            head += report.serialize()
            if report.ssrc not in described:
                described.append(report.ssrc)
            size += _cost(report, describe)
        has_reports = bool(described)
        # [rfc3550:6.1/7] [rfc3550:6.1/8] [rfc3550:6.1/19] [rfc3550:6.4.2/1]
        if not has_reports:
            head += opener.serialize()
            described.append(opener.ssrc)
        # The canonical name is in every compound packet.
        # [rfc3550:6.1/3] [rfc3550:6.1/4] [rfc3550:6.5.1/1]
        head += _description(described, describe).serialize()
        # [rfc4585:3.1/3]
        body = b""
        # [rfc3550:6.1/18] What does not fit goes with the next ones; what fits nowhere goes alone.
        while rest and not pending and (not (body or has_reports) or len(head) + len(body) + len(rest[0]) <= max_size):
            body += rest.pop(0)
        datagrams.append(head + body)
    return datagrams


def reduce(packets: Iterable[RtcpPacket], max_size: int) -> list[bytes]:
    """Return datagrams of feedback alone. See :rfc:`5506#section-3.4.2`."""
    datagrams: list[bytes] = []
    data = b""
    for packet in packets:
        more = packet.serialize()
        if data and len(data) + len(more) > max_size:
            datagrams.append(data)
            data = b""
        data += more
    if data:
        datagrams.append(data)
    return datagrams


def _cost(report: Report, describe: Describe) -> int:
    """Bytes of a report with its line in the description, at most."""
    return 28 + 24 * len(report.blocks) + 4 + sum([2 + len(item.value) for item in describe(report.ssrc)]) + 4


def _description(ssrcs: Iterable[int], describe: Describe) -> SourceDescription:
    return SourceDescription([DescriptionChunk(ssrc, describe(ssrc)) for ssrc in ssrcs])
