"""The stats selection algorithm: what of a report belongs to one sender or receiver (WebRTC 1.0, section 8.5)."""

from dataclasses import fields

from .media_services import StatsSelector
from .rtp_stats import RTCInboundRtpStreamStats, RTCOutboundRtpStreamStats
from .stats import RTCStatsReport
from .stats_dictionary import RTCStats


def selected(report: RTCStatsReport, selector: StatsSelector) -> RTCStatsReport:
    """Return the streams of a sender or receiver, and all that they refer to."""
    kind = RTCOutboundRtpStreamStats if selector.sends else RTCInboundRtpStreamStats
    streams = [each for each in report.values() if isinstance(each, kind)]
    wanted: list[RTCStats] = [each for each in streams if each.mid is not None and each.mid == selector.handle.mid]
    result = RTCStatsReport()
    while wanted:
        stats = wanted.pop()
        if stats.id not in result:
            result[stats.id] = stats
            wanted += [report[reference] for reference in _references(stats) if reference in report]
    return RTCStatsReport({key: stats for key, stats in report.items() if key in result})


def _references(stats: RTCStats) -> list[str]:
    named = [member.name for member in fields(stats) if member.name.endswith("Id")]
    values = [getattr(stats, name) for name in named]
    return [value for value in values if isinstance(value, str)]
